//! Fault S19: no file descriptors left. Whoever is connected goes on, whoever comes waits, what needs a file fails and is tried
//! again, and nothing is lost.

use std::time::{Duration, Instant};

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::*;
use airis_protocol::types::Records;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::Process;
use super::client::{Client, PATIENCE, batch, fetch, produce, topic, values};

/// Partitions that want a file each.
const PARTITIONS: i32 = 60;
/// Descriptors beyond those in use.
const LEFT: u64 = 48;

fn limit(process: &Process, descriptors: u64) {
    let limit = Rlimit {
        current: Some(descriptors),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    let pid = Pid::from_raw(process.pid() as i32);
    prlimit(pid, Resource::Nofile, limit).unwrap();
}

async fn produced(
    client: &mut Client,
    topic: &str,
    partition: i32,
    value: &str,
) -> (ErrorCode, i64) {
    let request = produce(topic, partition, -1, batch(&[value]));
    let response = client.call(&request, 12).await;
    let p = &response.responses[0].partition_responses[0];
    (ErrorCode::from_wire(p.error_code), p.base_offset)
}

/// Until it is taken. Gives how often it was refused for the disk's sake.
async fn acked(client: &mut Client, topic: &str, partition: i32, value: &str) -> usize {
    let begun = Instant::now();
    let mut refused = 0;
    loop {
        match produced(client, topic, partition, value).await {
            (ErrorCode::None, offset) => {
                assert_eq!(offset, value.parse::<i64>().unwrap(), "each once, in order");
                return refused;
            }
            (ErrorCode::KafkaStorageError, _) => refused += 1,
            (other, _) => panic!("{topic}-{partition}: {other}"),
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{topic}-{partition} is not taken"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// True if the node answers on this connection within a while.
async fn served(client: &mut Client, within: Duration) -> bool {
    let request = ApiVersionsRequest::default();
    timeout(within, client.call(&request, 0)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_descriptors_connections_wait_and_nothing_is_lost() {
    let mut process = Process::start(TempDir::new().unwrap(), "", &["log.segment.bytes=1048576"]);
    let mut first = Client::at(&process.address).await;
    first.create("busy", 1, &[]).await;
    first.create("many", PARTITIONS, &[]).await;
    acked(&mut first, "busy", 0, "0").await;
    let begun = Instant::now();
    let mut at = 1;
    limit(&process, process.descriptors() + LEFT);

    // More connections than there can be: the last ones wait, those that are there go on, and segments still roll.
    let mut guests = Vec::new();
    for _ in 0..2 * LEFT {
        guests.push(Client::at(&process.address).await);
    }
    assert!(served(&mut guests[0], PATIENCE).await);
    let mut last = guests.pop().unwrap();
    assert!(
        !served(&mut last, Duration::from_millis(500)).await,
        "the last one waits"
    );
    let large = "z".repeat(400_000);
    first.create("rolls", 1, &[]).await;
    for _ in 0..8 {
        let (error, _) = produced(&mut first, "rolls", 0, &large).await;
        assert_eq!(error, ErrorCode::None, "files have what is kept back");
    }
    // Waiting costs no processor.
    let before = process.cpu();
    sleep(Duration::from_secs(2)).await;
    let spent = process.cpu() - before;
    assert!(spent < Duration::from_millis(400), "{spent:?} in 2 s");

    // Files use up what was kept back: what cannot be opened fails alone.
    let mut refused = Vec::new();
    for partition in 0..PARTITIONS {
        match produced(&mut first, "many", partition, "0").await {
            (ErrorCode::None, offset) => assert_eq!(offset, 0),
            (ErrorCode::KafkaStorageError, _) => refused.push(partition),
            (other, _) => panic!("{other}"),
        }
    }
    assert!(!refused.is_empty(), "there was room for all");
    for _ in 0..5 {
        assert_eq!(acked(&mut first, "busy", 0, &at.to_string()).await, 0);
        at += 1;
    }
    // A topic that is made now has no file, and is no worse for it later.
    let request = CreateTopicsRequest {
        topics: vec![topic("late", 1, 1, &[])],
        timeout_ms: 10_000,
        validate_only: false,
    };
    let made = first.call(&request, 7).await;
    assert_eq!(made.topics[0].error_code, 0, "{made:?}");
    let (error, _) = produced(&mut first, "late", 0, "0").await;
    assert_eq!(error, ErrorCode::KafkaStorageError);

    // Most of the guests leave, and the limit is raised: the others are served, and all that was refused is taken.
    let staying = guests.split_off(guests.len() - 8);
    drop(guests);
    limit(&process, process.descriptors() + 4 * LEFT);
    for mut guest in staying {
        assert!(served(&mut guest, PATIENCE).await, "it had to wait only");
    }
    assert!(last.frame().await.is_some(), "what it asked is answered");
    for partition in &refused {
        acked(&mut first, "many", *partition, "0").await;
    }
    acked(&mut first, "late", 0, "0").await;
    acked(&mut first, "busy", 0, &at.to_string()).await;
    at += 1;
    assert!(process.is_alive());
    let log = process.log();
    let told = log.matches("out of file descriptors").count() as u64;
    assert!(
        (1..=begun.elapsed().as_secs() / 10 + 1).contains(&told),
        "told {told} times: {log}"
    );
    assert!(
        !log.contains("off line") && !log.contains("offline"),
        "{log}"
    );

    // All of it is there, after a start too.
    for again in [false, true] {
        if again {
            let (clean, dir) = process.stop();
            assert!(clean);
            process = Process::start(dir, "", &[]);
            first = Client::at(&process.address).await;
        }
        for (topic, partition, count) in (0..PARTITIONS)
            .map(|p| ("many", p, 1))
            .chain([("late", 0, 1), ("busy", 0, at)])
        {
            let mut request = fetch(topic, 0, 0, 1);
            request.topics[0].partitions[0].partition = partition;
            let data = first.call(&request, 12).await.responses[0].partitions[0].clone();
            assert_eq!(data.error_code, 0, "{topic}-{partition}");
            assert!(matches!(&data.records, Some(Records::Bytes(_))));
            let expected: Vec<String> = (0..count).map(|n: i64| n.to_string()).collect();
            assert_eq!(values(&data), expected, "{topic}-{partition}");
        }
    }
}

/// Partitions that were written to once and are not any more give their files to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_partitions_are_written_to_than_files_can_be_open() {
    const MANY: i32 = 220;
    const LIMIT: u64 = 200;
    let mut process = Process::start(
        TempDir::new().unwrap(),
        &format!("ulimit -n {LIMIT}"),
        &["log.segment.bytes=1048576"],
    );
    let idle = process.descriptors();
    let mut client = Client::at(&process.address).await;
    client.create("many", MANY, &[]).await;
    for value in ["0", "1"] {
        for partition in 0..MANY {
            acked(&mut client, "many", partition, value).await;
        }
    }
    let begun = Instant::now();
    while process.descriptors() > idle + 1 + LIMIT / 2 {
        assert!(begun.elapsed() < PATIENCE, "they are kept open");
        sleep(Duration::from_millis(50)).await;
    }
    for partition in 0..MANY {
        let mut request = fetch("many", 0, 0, 1);
        request.topics[0].partitions[0].partition = partition;
        let answer = client.call(&request, 12).await;
        let data = &answer.responses[0].partitions[0];
        assert_eq!(data.error_code, 0, "{partition}");
        assert_eq!(values(data), ["0", "1"], "{partition}");
    }
    assert!(process.is_alive());
}
