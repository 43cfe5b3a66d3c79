//! Replication between nodes: a fetcher for each leader that this node follows, and the leader's requests for other ISRs; and
//! between the log directories of this one; and what has gone bad here is mended from elsewhere.
//!
//! Always holds: all tasks end when the node stops; a partition is fetched from the leader that the metadata names, in its leader
//! epoch. Must never: decide anything about a replica (the machines in `airis-cluster` do).

mod assign;
mod fetcher;
mod isr;
mod mend;
mod moving;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airis_protocol::types::NodeId;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::net::Serving;
use crate::node::Node;
use crate::partition::Queue;
use crate::task;
use crate::work::until;
use fetcher::Fetcher;

/// Starts everything that replication does on its own; fetchers run on `serving`, as connections do: a small answer is read, appended
/// and followed by the next fetch without a hop to another thread.
pub fn start(
    node: &Arc<Node>,
    serving: Serving,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    vec![
        until(stopped, follow(node.clone(), serving)),
        until(stopped, isr::send(node.clone())),
        until(stopped, assign::send(node.clone())),
        until(stopped, moving::run(node.clone())),
        until(stopped, mend::run(node.clone())),
        until(stopped, mend::scrub(node.clone())),
        until(stopped, take_failures(node.clone())),
        until(stopped, look_for_laggards(node.clone())),
    ]
}

/// Gives each partition whose leader has changed to the fetcher of that leader. Fetchers drop by themselves what they have no part
/// in any more.
async fn follow(node: Arc<Node>, serving: Serving) {
    let mut turns = serving.iter().cycle();
    let mut fetchers: BTreeMap<NodeId, Arc<Queue>> = BTreeMap::new();
    // Aborted with this task.
    let mut tasks = JoinSet::new();
    loop {
        for partition in node.partitions.hub().moved.take().await {
            let Some((leader, _)) = partition.following() else {
                continue;
            };
            let inbox = fetchers.entry(leader).or_insert_with(|| {
                let inbox = Arc::<Queue>::default();
                let fetcher = Fetcher::new(node.clone(), leader, inbox.clone());
                let thread = turns.next().expect("at least one thread serves");
                tasks.spawn_on(task::scoped(fetcher.run()), thread);
                inbox
            });
            inbox.push(&partition);
        }
    }
}

/// Lets go of what lies in log directories that fail.
async fn take_failures(node: Arc<Node>) {
    let mut failures = node.partitions.disks().failures();
    loop {
        let partitions = node.partitions.clone();
        let _ = task::blocking(move || partitions.take_failures()).await;
        if failures.changed().await.is_err() {
            return;
        }
    }
}

/// Has leaders look at followers that lag.
async fn look_for_laggards(node: Arc<Node>) {
    let period = Duration::from_millis((node.config.replica_lag_max.0 / 2).max(1) as u64);
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for partition in node.partitions.all() {
            partition.check_lag();
        }
    }
}
