//! Nodes on disks that a test makes fail.

use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::header::request_frame;
use airis_protocol::messages::ProduceRequest;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::types::{LeaderEpoch, Millis, Offset, PartitionId, Records};
use airis_storage::disk::faulty::{Crash, FaultyDisk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::config::load::{Given, Origin};
use crate::net::Network;
use crate::net::fabric::Fabric;
use crate::topics;

const PATIENCE: Duration = Duration::from_secs(20);

/// A node that is alone, on 127.0.0.1 and this disk.
pub(crate) async fn start_on(disk: &FaultyDisk, properties: &[(&str, &str)]) -> Running {
    let mut given = Given::default();
    let fixed = [
        ("listeners", "PLAINTEXT://127.0.0.1:0"),
        ("log.dirs", "/airis"),
        ("offsets.topic.num.partitions", "1"),
    ];
    for (name, value) in fixed.iter().chain(properties) {
        given.add(name, value, Origin::Override);
    }
    let host = Host {
        disk: Arc::new(disk.clone()),
        ..Host::default()
    };
    let serving = [tokio::runtime::Handle::current()].into();
    let started = start(given.resolve().unwrap(), 7, serving, host);
    timeout(PATIENCE, started)
        .await
        .expect("it starts in time")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn controllers_do_not_queue_behind_clients_for_memory() {
    let listeners = "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0";
    let node = start_on(
        &FaultyDisk::new(),
        &[
            ("listeners", listeners),
            ("airis.request.memory.bytes", "1048576"),
        ],
    )
    .await;
    let addr = |name: &str| {
        let listener = node.listeners.iter().find(|(n, _)| n == name);
        listener.expect("it is there").1
    };
    // Each announces more than there is, and sends a part.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(addr("PLAINTEXT")).await.unwrap();
        client.write_i32(100_000_000).await.unwrap();
        client.write_all(&[0; 100 * 1024]).await.unwrap();
        clients.push(client);
    }
    // What a controller sends is read all the same; that it is no request shows that it was.
    sleep(Duration::from_millis(300)).await;
    let mut peer = TcpStream::connect(addr("CONTROLLER")).await.unwrap();
    peer.write_i32(200 * 1024).await.unwrap();
    let _ = peer.write_all(&[0x7f; 200 * 1024]).await;
    let end = timeout(Duration::from_secs(10), peer.read_u8()).await;
    assert!(end.expect("it is read").is_err(), "and refused");
    drop(clients);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_slow_disk_does_not_hold_the_memory_of_others() {
    let disk = FaultyDisk::new();
    let node = start_on(
        &disk,
        &[
            ("airis.request.memory.bytes", "1048576"),
            ("airis.ack.durability", "fsync"),
        ],
    )
    .await;
    assert!(
        topics::auto_create(&node.node, vec!["t".into()])
            .await
            .is_empty()
    );
    let log = node.node.partitions.by_name("t", PartitionId(0)).unwrap();
    disk.hold_syncs_under(Some(&log.log().dir()));
    let mut batch = BatchBuilder::new(Codec::None, TimestampType::Create);
    batch.push(Millis(1_700_000_000_000), None, Some(&[b'v'; 700_000]), &[]);
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 60_000,
        topic_data: vec![TopicProduceData {
            name: "t".into(),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: Some(Records::Bytes(batch.build(Offset(0), LeaderEpoch(-1)))),
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let frame = request_frame(&request, 12, 1, None).unwrap().to_bytes();
    let mut clients = Vec::new();
    for sent in 1..=3 {
        let mut client = TcpStream::connect(node.listeners[0].1).await.unwrap();
        client.write_all(&frame).await.unwrap();
        let written = async {
            while log.log().end() < Offset(sent) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, written).await.expect("it is read");
        clients.push(client);
    }
    disk.hold_syncs_under(None);
    for client in &mut clients {
        let answer = timeout(PATIENCE, client.read_i32()).await;
        assert!(answer.expect("it is answered").unwrap() > 0);
    }
    drop((clients, log));
    node.stop().await;
}

/// Starts one of the combined nodes `1..=of`, on a network in memory.
async fn start_voter(
    (node, of): (u8, u8),
    fabric: &Fabric,
    disk: &FaultyDisk,
) -> Result<Running, StartError> {
    let ip = |node: u8| std::net::IpAddr::from([10, 0, 0, node]);
    let voters: Vec<String> = (1..=of).map(|i| format!("{i}@{}:9093", ip(i))).collect();
    let mut given = Given::default();
    let me = ip(node);
    for (name, value) in [
        ("node.id", node.to_string()),
        (
            "listeners",
            format!("PLAINTEXT://{me}:9092,CONTROLLER://{me}:9093"),
        ),
        ("controller.quorum.voters", voters.join(",")),
        ("log.dirs", "/airis".to_owned()),
    ] {
        given.add(name, &value, Origin::Override);
    }
    let host = Host {
        disk: Arc::new(disk.clone()),
        network: Network::Fabric(fabric.port(node.into(), me)),
        ..Host::default()
    };
    let serving = [tokio::runtime::Handle::current()].into();
    start(given.resolve().unwrap(), node.into(), serving, host).await
}

/// Starts a node on a disk that fails from each of its changes on in turn: it must end, or have started before. `quiet` is how long it
/// takes at most to come to where it waits for others.
async fn fails_anywhere(node: (u8, u8), disk: &FaultyDisk, quiet: Duration) -> u64 {
    let start = async |k: u64| {
        let (fabric, disk) = (Fabric::new(), disk.after(Crash::Process, k));
        disk.crash_at(k, 0);
        let starting = start_voter(node, &fabric, &disk);
        tokio::pin!(starting);
        let done = match timeout(quiet, &mut starting).await {
            // It waits, and the change at which its disk fails has not come.
            Err(_) if disk.ops() < k => return (None, disk.ops()),
            Err(_) => timeout(PATIENCE, starting).await,
            ended => ended,
        };
        let done = done.unwrap_or_else(|_| panic!("it does not end when change {k} fails"));
        let refused = done.is_err();
        if let Ok(running) = done {
            running.kill().await;
        }
        (Some(refused), disk.ops())
    };
    let (_, changes) = start(u64::MAX).await;
    let mut refused = 0;
    for k in 1..=changes {
        refused += u64::from(start(k).await.0 == Some(true));
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_ends_when_the_disk_fails_wherever_it_is() {
    // A node that is alone, its first start.
    let refused = fails_anywhere((1, 1), &FaultyDisk::new(), PATIENCE).await;
    assert!(refused > 10, "{refused}");
    // One of two, the other one not there: it waits for a quorum.
    let fabric = Fabric::new();
    let disks = [FaultyDisk::new(), FaultyDisk::new()];
    let both = futures::future::try_join(
        start_voter((1, 2), &fabric, &disks[0]),
        start_voter((2, 2), &fabric, &disks[1]),
    );
    let both = timeout(PATIENCE, both).await.expect("in time");
    let (one, two) = both.unwrap_or_else(|e| panic!("{e}"));
    one.kill().await;
    two.kill().await;
    let refused = fails_anywhere((1, 2), &disks[0], Duration::from_secs(3)).await;
    assert!(refused > 3, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_go_on_ends_although_its_metadata_do_not() {
    let (failing, failed) = watch::channel(None);
    let (stop, stopped) = Stop::new();
    let failure = async { "the fault of this test".to_owned() };
    let guarding = guard(failure, pending(), failing, stop.sender());
    let ended = timeout(Duration::from_secs(60), guarding).await;
    ended.expect("it does not wait for ever");
    assert!(failed.borrow().is_some() && *stopped.borrow());
}

/// Some of its tasks hold a sender of what all of them wait for to end. It lets go of its port and its directory all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_dropped_ends_as_does_one_whose_stop_is_dropped() {
    for of in [1, 3] {
        let fabric = Fabric::new();
        let disks: Vec<_> = (0..of).map(|_| FaultyDisk::new()).collect();
        let all = (1..=of).zip(&disks);
        let all = all.map(|(i, disk)| start_voter((i, of), &fabric, disk));
        let all = timeout(PATIENCE, futures::future::try_join_all(all)).await;
        let mut nodes = all.expect("in time").unwrap_or_else(|e| panic!("{e}"));
        for amid_stop in [false, true] {
            let node = nodes.remove(0);
            if amid_stop {
                let mut stopping = Box::pin(node.stop());
                assert!(futures::poll!(&mut stopping).is_pending());
            } else {
                drop(node);
            }
            let again = async {
                loop {
                    match start_voter((1, of), &fabric, &disks[0]).await {
                        Err(StartError::Listen(_) | StartError::Disks(_)) => {
                            sleep(Duration::from_millis(5)).await
                        }
                        ended => return ended,
                    }
                }
            };
            let again = timeout(PATIENCE, again).await;
            let again =
                again.unwrap_or_else(|_| panic!("1 of {of} holds on, amid a stop: {amid_stop}"));
            nodes.insert(0, again.unwrap_or_else(|e| panic!("{e}")));
        }
        for node in nodes {
            node.kill().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_begins_although_its_founder_died_at_any_of_its_changes() {
    for k in (1..).step_by(2) {
        let fabric = Fabric::new();
        let disks: Vec<_> = (0..3).map(|_| FaultyDisk::new()).collect();
        disks[0].crash_at(k, 0);
        let others = [2, 3].map(|i| {
            let (fabric, disk) = (fabric.clone(), disks[i as usize - 1].clone());
            tokio::spawn(async move { start_voter((i, 3), &fabric, &disk).await })
        });
        let first = timeout(PATIENCE, start_voter((1, 3), &fabric, &disks[0])).await;
        let through = disks[0].ops() < k;
        if let Ok(running) = first.unwrap_or_else(|_| panic!("it does not end at change {k}")) {
            running.kill().await;
        }
        let disk = disks[0].after(Crash::Process, k);
        let again = async {
            loop {
                match start_voter((1, 3), &fabric, &disk).await {
                    // What was given up lets go of its port in a moment.
                    Err(StartError::Listen(_)) => sleep(Duration::from_millis(5)).await,
                    ended => return ended,
                }
            }
        };
        let again = timeout(PATIENCE, again).await;
        let again = again.unwrap_or_else(|_| panic!("no cluster after change {k}"));
        let again = again.unwrap_or_else(|e| panic!("after change {k}: {e}"));
        for other in others {
            let other = timeout(PATIENCE, other).await.expect("in time").unwrap();
            let other = other.unwrap_or_else(|e| panic!("after change {k}: {e}"));
            assert_eq!(other.node.cluster_id, again.node.cluster_id);
            other.kill().await;
        }
        again.kill().await;
        if through {
            break;
        }
    }
}
