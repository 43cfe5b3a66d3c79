//! Several log directories: one that fails takes only its own partitions off line, and replicas move between them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use airis_broker::{Broker, Builder};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use airis_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use airis_protocol::messages::metadata_request::MetadataRequestTopic;
use airis_protocol::messages::*;
use airis_protocol::types::Str;

use crate::client::*;

/// A node with the directories `meta`, `a` and `b`; the metadata lies in the first.
fn builder(root: &Path) -> Builder {
    let dirs = ["meta", "a", "b"].map(|d| root.join(d).to_string_lossy().into_owned());
    Broker::builder()
        .data_dir(root.join("meta"))
        .property("log.dirs", dirs.join(","))
        .property("metadata.log.dir", &dirs[0])
        .property("replica.high.watermark.checkpoint.interval.ms", 50)
}

async fn described(c: &mut Client) -> Vec<DescribeLogDirsResult> {
    c.call(&DescribeLogDirsRequest { topics: None }, 4)
        .await
        .results
}

/// The directory that a partition lies in, by its name.
async fn dir_of(c: &mut Client, topic: &str, partition: i32) -> String {
    for dir in described(c).await {
        let holds = dir.topics.iter().any(|t| {
            let there = |p: &describe_log_dirs_response::DescribeLogDirsPartition| {
                p.partition_index == partition && !p.is_future_key
            };
            t.name == topic && t.partitions.iter().any(there)
        });
        if holds {
            let path = PathBuf::from(dir.log_dir.as_str());
            return path.file_name().unwrap().to_string_lossy().into_owned();
        }
    }
    panic!("{topic}-{partition} is nowhere")
}

async fn error_of(c: &mut Client, topic: &str, partition: i32) -> ErrorCode {
    let answer = c
        .call(&produce(topic, partition, -1, batch(&["x"])), 12)
        .await;
    ErrorCode::from_wire(answer.responses[0].partition_responses[0].error_code)
}

async fn leaders(c: &mut Client, topic: &str) -> Vec<i32> {
    let request = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(Str::from(topic)),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let mut partitions = c.call(&request, 12).await.topics[0].partitions.clone();
    partitions.sort_by_key(|p| p.partition_index);
    partitions.iter().map(|p| p.leader_id).collect()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Puts a file in a directory's place, as if its disk were gone; and takes it away again.
fn break_dir(root: &Path, name: &str) {
    std::fs::rename(root.join(name), root.join(format!("{name}.gone"))).unwrap();
    std::fs::write(root.join(name), "not a directory").unwrap();
}

fn mend_dir(root: &Path, name: &str) {
    std::fs::remove_file(root.join(name)).unwrap();
    std::fs::rename(root.join(format!("{name}.gone")), root.join(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_directory_takes_only_its_own_partitions_off_line() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 6, &[]).await;
    let mut of = Vec::new();
    for p in 0..6 {
        assert_eq!(error_of(&mut c, "t", p).await, ErrorCode::None);
        of.push(dir_of(&mut c, "t", p).await);
    }
    for dir in ["meta", "a", "b"] {
        assert_eq!(of.iter().filter(|d| *d == dir).count(), 2, "{of:?}");
    }
    break_dir(root, "a");
    until("its partitions have no leader", async || {
        let leaders = leaders(&mut c, "t").await;
        of.iter()
            .zip(leaders)
            .all(|(dir, leader)| (dir == "a") == (leader < 0))
    })
    .await;
    for (p, dir) in of.iter().enumerate() {
        let expected = match dir.as_str() {
            "a" => ErrorCode::KafkaStorageError,
            _ => ErrorCode::None,
        };
        assert_eq!(error_of(&mut c, "t", p as i32).await, expected);
    }
    for dir in described(&mut c).await {
        let failed = dir.log_dir.ends_with("/a");
        let code = if failed { 56 } else { 0 };
        assert_eq!(dir.error_code, code, "{dir:?}");
        assert_eq!(dir.topics.is_empty(), failed);
    }
    // What is new goes elsewhere.
    c.create("u", 4, &[]).await;
    for p in 0..4 {
        assert_eq!(error_of(&mut c, "u", p).await, ErrorCode::None);
    }
    broker.stop().await;

    // It does not keep the node from starting either; what was in it is not begun anew.
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    for (p, dir) in of.iter().enumerate() {
        let expected = match dir.as_str() {
            "a" => ErrorCode::KafkaStorageError,
            _ => ErrorCode::None,
        };
        assert_eq!(error_of(&mut c, "t", p as i32).await, expected);
    }
    assert_eq!(
        described(&mut c)
            .await
            .iter()
            .filter(|d| d.error_code == 56)
            .count(),
        1
    );
    broker.stop().await;

    mend_dir(root, "a");
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    for p in 0..6 {
        assert_eq!(error_of(&mut c, "t", p).await, ErrorCode::None);
        let read = c.call(&fetch("t", 0, 0, 1), 12).await;
        assert_eq!(read.responses[0].partitions[0].error_code, 0);
        assert_eq!(dir_of(&mut c, "t", p).await, of[p as usize]);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_directory_of_its_metadata_says_so_and_stops() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let broker = builder(root).start().await.unwrap();
    let failed = broker.failed();
    break_dir(root, "meta");
    let why = tokio::time::timeout(PATIENCE, failed)
        .await
        .expect("it says so");
    assert!(
        why.contains("holds the metadata has failed") && why.contains("/meta"),
        "{why}"
    );
    let addr = broker.bootstrap_servers().to_owned();
    until("nobody is served", async || {
        tokio::net::TcpStream::connect(&addr).await.is_err()
    })
    .await;
    broker.kill().await;
    let refused = builder(root)
        .start()
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("holds the metadata"), "{refused}");
    mend_dir(root, "meta");
    builder(root).start().await.unwrap().stop().await;
}

async fn alter(c: &mut Client, dir: &Path, topic: &str, partition: i32) -> ErrorCode {
    let request = AlterReplicaLogDirsRequest {
        dirs: vec![AlterReplicaLogDir {
            path: Str::from(dir.to_string_lossy().into_owned()),
            topics: vec![AlterReplicaLogDirTopic {
                name: Str::from(topic),
                partitions: vec![partition],
            }],
        }],
    };
    let answer = c.call(&request, 2).await;
    ErrorCode::from_wire(answer.results[0].partitions[0].error_code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_moves_while_it_is_written_and_stays_over_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let big = "x".repeat(100_000);
    for _ in 0..30 {
        assert_eq!(c.produce("t", -1, batch(&[&big])).await.error_code, 0);
    }
    let from = dir_of(&mut c, "t", 0).await;
    let to = if from == "a" { "b" } else { "a" };
    for (dir, topic, partition, expected) in [
        (root.join("nowhere"), "t", 0, ErrorCode::LogDirNotFound),
        (
            root.join("nowhere"),
            "no name",
            0,
            ErrorCode::LogDirNotFound,
        ),
        (
            root.join(to),
            "no name",
            0,
            ErrorCode::UnknownTopicOrPartition,
        ),
        (root.join(to), "none", 0, ErrorCode::UnknownTopicOrPartition),
        (root.join(to), "t", 1, ErrorCode::UnknownTopicOrPartition),
        (root.join(&from), "t", 0, ErrorCode::None),
        (root.join(to), "t", 0, ErrorCode::None),
        (root.join(to), "t", 0, ErrorCode::None),
    ] {
        assert_eq!(
            alter(&mut c, &dir, topic, partition).await,
            expected,
            "{dir:?} {topic}"
        );
    }
    let mut sent = 30;
    until("it has moved", async || {
        assert_eq!(c.produce("t", -1, batch(&["small"])).await.error_code, 0);
        sent += 1;
        dir_of(&mut c, "t", 0).await == to
    })
    .await;
    for _ in 0..5 {
        assert_eq!(
            c.produce("t", -1, batch(&["small"])).await.base_offset,
            sent
        );
        sent += 1;
    }
    // The old files go with their delay; here the clean stop takes them.
    broker.stop().await;
    let left = |dir: &str| {
        let names = std::fs::read_dir(root.join(dir)).unwrap();
        let names = names.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.starts_with("t-0")).count()
    };
    assert_eq!((left(&from), left(to)), (0, 1));
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    assert_eq!(dir_of(&mut c, "t", 0).await, to);
    assert_eq!(c.produce("t", -1, batch(&["last"])).await.base_offset, sent);
    broker.stop().await;
}

async fn throttle(c: &mut Client, bytes: i64) {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![incremental_alter_configs_request::AlterConfigsResource {
            resource_type: 4,
            resource_name: Str::from_static("1"),
            configs: vec![incremental_alter_configs_request::AlterableConfig {
                name: Str::from_static("replica.alter.log.dirs.io.max.bytes.per.second"),
                config_operation: 0,
                value: Some(Str::from(bytes.to_string())),
            }],
        }],
        validate_only: false,
    };
    assert_eq!(c.call(&request, 1).await.responses[0].error_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_move_is_shown_cancelled_taken_up_after_a_restart_and_ends_with_its_topic() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    throttle(&mut c, 1).await;
    for topic in ["t", "u"] {
        c.create(topic, 1, &[]).await;
        let big = "x".repeat(900_000);
        for _ in 0..4 {
            assert_eq!(c.produce(topic, -1, batch(&[&big])).await.error_code, 0);
        }
    }
    let from = dir_of(&mut c, "t", 0).await;
    let to = if from == "a" { "b" } else { "a" };
    let of_u = dir_of(&mut c, "u", 0).await;
    let u_to = if of_u == "a" { "b" } else { "a" };
    assert_eq!(alter(&mut c, &root.join(to), "t", 0).await, ErrorCode::None);
    assert_eq!(
        alter(&mut c, &root.join(u_to), "u", 0).await,
        ErrorCode::None
    );
    let futures = async |c: &mut Client, topic: &str| -> Vec<(String, i64)> {
        let mut all = Vec::new();
        for dir in described(c).await {
            for t in dir.topics.iter().filter(|t| t.name == topic) {
                for p in t.partitions.iter().filter(|p| p.is_future_key) {
                    let name = Path::new(dir.log_dir.as_str()).file_name().unwrap();
                    all.push((name.to_string_lossy().into_owned(), p.offset_lag));
                }
            }
        }
        all
    };
    let shown = futures(&mut c, "t").await;
    assert!(
        shown.len() == 1 && shown[0].0 == to && shown[0].1 > 0,
        "{shown:?}"
    );
    // Back to where it is: there is no move any more.
    assert_eq!(
        alter(&mut c, &root.join(&from), "t", 0).await,
        ErrorCode::None
    );
    assert_eq!(futures(&mut c, "t").await, []);
    assert_eq!(alter(&mut c, &root.join(to), "t", 0).await, ErrorCode::None);
    broker.stop().await;
    let broker = builder(root).start().await.unwrap();
    let mut c = Client::to(&broker).await;
    let shown = futures(&mut c, "t").await;
    assert!(shown.len() == 1 && shown[0].1 > 0, "it goes on: {shown:?}");
    // A deleted topic takes its copy with it.
    let delete = DeleteTopicsRequest {
        topic_names: vec![Str::from_static("u")],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(c.call(&delete, 5).await.responses[0].error_code, 0);
    assert_eq!(futures(&mut c, "u").await, []);
    throttle(&mut c, i64::MAX).await;
    until("it has moved", async || dir_of(&mut c, "t", 0).await == to).await;
    assert_eq!(futures(&mut c, "t").await, []);
    assert_eq!(c.produce("t", -1, batch(&["last"])).await.base_offset, 4);
    broker.stop().await;
    let stale = ["meta", "a", "b"].iter().flat_map(|d| {
        let names = std::fs::read_dir(root.join(d)).unwrap();
        names.map(|e| e.unwrap().file_name().into_string().unwrap())
    });
    let stale: Vec<String> = stale
        .filter(|n| n.starts_with("u-0") || n.ends_with("-future") || n.ends_with("-stray"))
        .collect();
    assert_eq!(stale, Vec::<String>::new());
}
