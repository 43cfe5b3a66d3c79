//! Clusters of several nodes in this process: how they begin, agree, lose nodes and get them back.

#[path = "../api/client.rs"]
#[allow(dead_code)]
mod client;
mod disks;
mod forming;
mod life;
mod observers;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use airis_broker::{Broker, Cluster};
use airis_protocol::messages::metadata_request::MetadataRequestTopic;
use airis_protocol::messages::*;
use airis_protocol::types::Str;

use client::{Client, PATIENCE};

/// Waits until something holds; panics with its name if it takes too long. Returns how long it took.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(
            began.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

/// What must come to an end; panics with its name if it does not.
pub async fn timely<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

pub async fn metadata(broker: &Broker, topics: &[&str]) -> MetadataResponse {
    let request = MetadataRequest {
        topics: Some(
            topics
                .iter()
                .map(|name| MetadataRequestTopic {
                    name: Some(Str::from(*name)),
                    ..Default::default()
                })
                .collect(),
        ),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    Client::to(broker).await.call(&request, 12).await
}

/// The ids of the brokers that are not fenced, as one of them knows it.
pub async fn live(broker: &Broker) -> Vec<i32> {
    let mut ids: Vec<i32> = metadata(broker, &[])
        .await
        .brokers
        .iter()
        .map(|b| b.node_id)
        .collect();
    ids.sort_unstable();
    ids
}

pub async fn create(broker: &Broker, name: &str, partitions: i32, replicas: i16) -> i16 {
    let request = CreateTopicsRequest {
        topics: vec![client::topic(name, partitions, replicas, &[])],
        timeout_ms: 10_000,
        validate_only: false,
    };
    let response = Client::to(broker).await.call(&request, 7).await;
    response.topics[0].error_code
}

/// A port that nobody gets while the node that it is meant for is down: not one of those that are given to whoever asks for any, nor of
/// those that a [`Cluster`] takes, nor one that was given before.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id() as u16 % 10_000;
    loop {
        let port = 10_000 + (begin + GIVEN.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The bytes of a node's metadata log.
pub fn metadata_log(dir: &Path) -> Vec<u8> {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(dir.join("__cluster_metadata-0"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .collect();
    segments.sort();
    segments
        .iter()
        .flat_map(|p| std::fs::read(p).unwrap())
        .collect()
}

pub async fn three(dir: &Path) -> Cluster {
    let started = Cluster::builder().data_dir(dir).start();
    timely("the cluster forms", started).await.unwrap()
}

/// Asserts that the nodes' metadata logs are the same bytes, once they have stopped.
pub fn same_logs(dir: &Path, nodes: std::ops::RangeInclusive<usize>) {
    let logs: Vec<Vec<u8>> = nodes
        .clone()
        .map(|i| metadata_log(&dir.join(format!("node-{i}"))))
        .collect();
    let shortest = logs.iter().map(Vec::len).min().unwrap();
    assert!(shortest > 500, "there is something in them");
    for (i, log) in nodes.zip(&logs) {
        assert!(
            log[..shortest] == logs[0][..shortest],
            "node {i}'s log differs from the first one's"
        );
    }
}
