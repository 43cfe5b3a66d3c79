//! What all partitions of a node share for replication: the steady clock, the lists of partitions that want something done, and what
//! dynamic configs limit.
//!
//! Always holds: a list names a partition once, so that it is never longer than there are partitions. Must never: do any of the work.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::replica::throttle::Throttle;
use airis_protocol::types::{Millis, NodeId, PartitionId, Uuid};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Partition;
use crate::config::BrokerConfig;
use crate::net::Seats;
use crate::task::HashState;
use crate::time::Instant;

/// Partitions that one task has to look at.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<HashMap<(Uuid, PartitionId), Arc<Partition>, HashState>>,
    added: Notify,
}

impl Queue {
    pub fn push(&self, partition: &Arc<Partition>) {
        self.waiting
            .lock()
            .insert((partition.topic_id, partition.index), partition.clone());
        self.added.notify_one();
    }

    /// All that wait; waits for one if there is none.
    pub async fn take(&self) -> Vec<Arc<Partition>> {
        self.filled().await;
        self.take_now()
    }

    /// Waits until one waits. For one waiter at a time.
    pub async fn filled(&self) {
        while self.waiting.lock().is_empty() {
            self.added.notified().await;
        }
    }

    pub fn take_now(&self) -> Vec<Arc<Partition>> {
        self.waiting.lock().drain().map(|(_, p)| p).collect()
    }
}

/// Shared by all partitions of a node.
pub struct Hub {
    pub node: NodeId,
    /// `replica.lag.time.max.ms`.
    pub lag_max_ms: i64,
    /// What goes to throttled followers, and what comes from leaders to throttled replicas here (KIP-73).
    pub outgoing: Mutex<Throttle>,
    pub incoming: Mutex<Throttle>,
    start: Instant,
    /// Leaders that want another ISR.
    pub proposals: Queue,
    /// Followers whose leader or leader epoch has changed.
    pub moved: Queue,
    /// What is copied to other log directories here (KIP-113).
    pub copied: Mutex<Throttle>,
    /// Replicas that are to be in another log directory.
    pub moving: Queue,
    /// Replicas with bytes that have, or seem to have, gone bad.
    pub rotten: Queue,
    /// Replicas that may be in another log directory than the metadata says.
    pub assignments: Assignments,
    /// For connections of clients: its number can be changed while the node runs.
    pub seats: Arc<Seats>,
}

/// Replicas by topic id and number, each named once.
#[derive(Default)]
pub struct Assignments {
    waiting: Mutex<BTreeSet<(Uuid, PartitionId)>>,
    added: Notify,
}

impl Assignments {
    pub fn push(&self, replica: (Uuid, PartitionId)) {
        self.waiting.lock().insert(replica);
        self.added.notify_one();
    }

    /// Up to so many of those that wait; waits for one if there is none.
    pub async fn take(&self, max: usize) -> Vec<(Uuid, PartitionId)> {
        loop {
            let taken: Vec<_> = {
                let mut waiting = self.waiting.lock();
                let few: Vec<_> = waiting.iter().take(max).copied().collect();
                few.into_iter().filter(|r| waiting.remove(r)).collect()
            };
            if !taken.is_empty() {
                return taken;
            }
            self.added.notified().await;
        }
    }
}

impl Hub {
    pub fn new(config: &BrokerConfig) -> Arc<Hub> {
        let throttle = |(count, size): (usize, Duration)| {
            Mutex::new(Throttle::new(count, size.as_millis() as i64))
        };
        Arc::new(Hub {
            node: config.node_id,
            lag_max_ms: config.replica_lag_max.0,
            outgoing: throttle(config.replication_quota_windows),
            incoming: throttle(config.replication_quota_windows),
            copied: throttle(config.move_quota_windows),
            start: Instant::now(),
            proposals: Queue::default(),
            moved: Queue::default(),
            moving: Queue::default(),
            rotten: Queue::default(),
            assignments: Assignments::default(),
            seats: Seats::new(config.connections_max),
        })
    }

    /// Steady time: a jump of the wall clock must not make a follower look late.
    pub fn now(&self) -> Millis {
        Millis(self.start.elapsed().as_millis() as i64)
    }
}
