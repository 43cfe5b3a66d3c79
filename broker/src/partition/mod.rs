//! One partition on this node: its log, who leads it, how far it is committed, and who waits for it.
//!
//! Always holds: the high watermark never falls and never passes the log's end; an append is checked against the leader epoch in
//! force; whoever waits is woken after each change. Must never: hold a lock while waiting, or decide who leads (metadata does).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use airis_cluster::config::TopicConfig;
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{LeaderEpoch, Millis, NodeId, Offset, PartitionId, Str};
use airis_storage::log::{AppendArgs, Appended, Log, Origin};
use arc_swap::ArcSwap;
use bytes::Bytes;

mod append_error;
pub mod config;
mod disks;
mod flush;
mod progress;
mod table;

pub use disks::{Disks, DisksError};
pub use progress::{Progress, Waiter};
pub use table::PartitionTable;

use crate::config::Durability;

/// Who leads, as the metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    pub leader: Option<NodeId>,
    pub epoch: LeaderEpoch,
    /// This node leads.
    pub here: bool,
    /// In-sync replicas.
    pub in_sync: usize,
}

/// One partition of this node.
pub struct Partition {
    pub topic: Str,
    pub index: PartitionId,
    log: Log,
    durability: Durability,
    leadership: ArcSwap<Leadership>,
    config: ArcSwap<TopicConfig>,
    high_watermark: AtomicI64,
    pub progress: Progress,
    /// A flush is under way or wanted; see [`flush`].
    flush: flush::Flush,
    /// The topic is gone; the files are about to go.
    deleted: AtomicBool,
}

impl Partition {
    /// A partition whose log is open. `high_watermark` is what the checkpoint says; it counts only within the log.
    pub fn new(
        topic: Str,
        index: PartitionId,
        log: Log,
        durability: Durability,
        leadership: Leadership,
        config: Arc<TopicConfig>,
        high_watermark: Offset,
    ) -> Self {
        let partition = Partition {
            topic,
            index,
            durability,
            leadership: ArcSwap::from_pointee(leadership),
            config: ArcSwap::new(config),
            high_watermark: AtomicI64::new(high_watermark.0.clamp(log.start().0, log.end().0)),
            log,
            progress: Progress::default(),
            flush: flush::Flush::default(),
            deleted: AtomicBool::new(false),
        };
        partition.lead();
        partition
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn config(&self) -> Arc<TopicConfig> {
        self.config.load_full()
    }

    /// The leader and its epoch.
    pub fn leader(&self) -> (Option<NodeId>, LeaderEpoch) {
        let l = self.leadership.load();
        (l.leader, l.epoch)
    }

    /// True if an acknowledgement means stable storage.
    pub fn waits_for_disk(&self) -> bool {
        self.durability == Durability::Fsync
    }

    /// Errors unless this node leads, in the epoch that the client believes in (-1: any). KIP-320.
    pub fn check_leader(&self, epoch: LeaderEpoch) -> Result<LeaderEpoch, ErrorCode> {
        let now = **self.leadership.load();
        if epoch.0 != -1 {
            if epoch < now.epoch {
                return Err(ErrorCode::FencedLeaderEpoch);
            }
            if epoch > now.epoch {
                return Err(ErrorCode::UnknownLeaderEpoch);
            }
        }
        if now.here && !self.deleted.load(Ordering::Relaxed) {
            Ok(now.epoch)
        } else {
            Err(ErrorCode::NotLeaderOrFollower)
        }
    }

    /// Offsets below this one are committed.
    pub fn high_watermark(&self) -> Offset {
        Offset(self.high_watermark.load(Ordering::Acquire))
    }

    /// Offsets below this one belong to no open transaction, and are committed.
    pub fn last_stable(&self) -> Offset {
        self.log.last_stable(self.high_watermark())
    }

    /// Appends batches that have been validated, as the leader. `all`: the answer will wait for every in-sync replica.
    pub fn append(
        self: &Arc<Self>,
        batches: Bytes,
        now: Millis,
        origin: Origin,
        all: bool,
    ) -> Result<Appended, ErrorCode> {
        let leader_epoch = self.check_leader(LeaderEpoch(-1))?;
        if all
            && self.leadership.load().in_sync
                < self.config.load().min_insync_replicas.max(1) as usize
        {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let appended = self
            .log
            .append_as_leader(
                &batches,
                AppendArgs {
                    leader_epoch,
                    now,
                    origin,
                },
            )
            .map_err(|e| append_error::log(self, e))?;
        self.advance();
        // A closed segment is flushed soon after it was rolled, as Kafka does: recovery then never looks at it.
        if appended.flush_due || appended.rolled {
            self.flush_soon();
        }
        Ok(appended)
    }

    /// After the log has grown: what this node alone can commit, it commits.
    fn advance(self: &Arc<Self>) {
        match self.durability {
            Durability::PageCache => self.commit_to(self.log.end()),
            Durability::Fsync => self.flush_soon(),
        }
    }

    /// Raises the high watermark, and wakes whoever waits for it.
    fn commit_to(&self, offset: Offset) {
        let before = self.high_watermark.fetch_max(offset.0, Ordering::AcqRel);
        if before < offset.0 {
            self.progress.wake();
        }
    }

    /// Waits until the high watermark has reached `offset`. Errors if this node stops leading meanwhile.
    pub async fn committed(&self, offset: Offset) -> Result<(), ErrorCode> {
        if self.high_watermark() >= offset {
            return Ok(());
        }
        let waiter = Waiter::default();
        self.progress.register(&waiter);
        let reached = loop {
            if self.high_watermark() >= offset {
                break Ok(());
            }
            if let Err(e) = self.check_leader(LeaderEpoch(-1)) {
                break Err(e);
            }
            if self.flush.failed() {
                break Err(ErrorCode::KafkaStorageError);
            }
            waiter.notified().await;
        };
        self.progress.unregister(&waiter);
        reached
    }

    /// Takes a new leadership from the metadata.
    pub fn set_leadership(&self, leadership: Leadership) {
        let before = **self.leadership.load();
        self.leadership.store(Arc::new(leadership));
        if before != leadership {
            self.lead();
        }
        self.progress.wake();
    }

    /// A new leader notes where its epoch begins, even before it has written anything (KIP-279), and commits what it alone holds.
    fn lead(&self) {
        let l = **self.leadership.load();
        if !l.here {
            return;
        }
        if self.log.latest_epoch().is_none_or(|e| e < l.epoch) {
            self.log.assign_epoch(l.epoch);
        }
        if l.in_sync == 1 {
            let safe = match self.durability {
                Durability::PageCache => self.log.end(),
                Durability::Fsync => self.log.recovery_point(),
            };
            self.commit_to(safe);
        }
    }

    /// Takes new topic configs; they hold from the next append on.
    pub fn set_config(&self, config: Arc<TopicConfig>) {
        self.log.set_config(Arc::new(config::log_config(&config)));
        self.config.store(config);
    }

    /// The topic is gone: nothing is taken or waited for any more.
    pub fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        self.progress.wake();
    }
}
