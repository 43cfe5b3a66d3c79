//! Faults at the fingertips of a test: one short test for each.

#[path = "../api/client.rs"]
#[allow(dead_code)]
mod client;
mod nodes;
mod scripts;
mod time;

use std::time::{Duration, Instant};

use airis_broker::{Broker, Cluster, ClusterBuilder};
use airis_protocol::messages::*;

use client::{Client, PATIENCE, batch, produce};

pub const SHORT: Duration = Duration::from_millis(150);

/// What must come to an end; panics with its name if it does not.
pub async fn timely<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Waits until something holds; panics with its name if it takes too long.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    timely(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub async fn three() -> Cluster {
    three_of(Cluster::builder()).await
}

pub async fn three_of(builder: ClusterBuilder) -> Cluster {
    let started = builder.nodes(3).start();
    let cluster = timely("the cluster forms", started).await.unwrap();
    cluster.create_topic("t", 1).await.unwrap();
    until("all are in sync", || cluster.in_sync("t", 0).len() == 3).await;
    cluster
}

/// A node that neither leads partition 0 of "t" nor the quorum.
pub fn bystander(cluster: &Cluster) -> usize {
    let busy = [cluster.leader("t", 0), cluster.controller()];
    (0..3).find(|i| !busy.contains(&Some(*i))).unwrap()
}

pub fn others(i: usize) -> [usize; 2] {
    [(i + 1) % 3, (i + 2) % 3]
}

pub fn leader(cluster: &Cluster) -> &Broker {
    cluster.node(cluster.leader("t", 0).unwrap()).unwrap()
}

/// Produces with acks=all; the error code.
pub async fn send(c: &mut Client, value: &str) -> i16 {
    c.produce("t", -1, batch(&[value])).await.error_code
}
