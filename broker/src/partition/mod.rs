//! One partition on this node: its log, who leads it, how far it is committed, and who waits for it.
//!
//! Always holds: the high watermark never falls (but where a follower's log is cut below it) and never passes the log's end; an
//! append is checked against the leader epoch in force; whoever waits is woken after each change; whoever changes the log has the
//! writers' gate, so that another log can take its place between two changes. Must never: hold a lock while waiting, decide who
//! leads (metadata does), or serve what lies on a disk that has failed.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

use airis_cluster::config::TopicConfig;
#[cfg(feature = "sim")]
use airis_cluster::plant::{Plant, is_planted};
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{LeaderEpoch, Millis, NodeId, Offset, PartitionId, Str, Uuid};
use airis_storage::log::{AppendArgs, Appended, Log, Origin, RetentionReport};
use airis_storage::{Damage, MendError, ReadError};
use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

mod append_error;
pub mod config;
mod disks;
mod flush;
mod hub;
mod loss;
mod moving;
mod progress;
mod replica;
mod table;

pub use disks::{Deleted, Disks, DisksError, absolute, peek};
pub use hub::{Hub, Queue};
pub use moving::Step;
pub use progress::{Progress, Waiter};
pub use replica::{Next, Position};
pub use table::PartitionTable;

use crate::config::Durability;
use disks::{Opened, Seat};
use moving::Future;
use replica::Role;

/// Who leads, as the metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    pub leader: Option<NodeId>,
    pub epoch: LeaderEpoch,
    /// This node leads.
    pub here: bool,
    /// If it does: the epoch since which it has led without a break. What it appended since then is still there.
    pub since: LeaderEpoch,
    /// There is no other replica: what is in the log is committed.
    pub alone: bool,
}

/// A partition's log, and the log directory that it lies in.
struct Placed {
    log: Log,
    seat: Seat,
}

/// A partition's log as it is now. Another may take its place (KIP-113); what was read of this one stays true.
pub struct LogRef(arc_swap::Guard<Arc<Placed>>);

impl Deref for LogRef {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.0.log
    }
}

/// One partition of this node.
pub struct Partition {
    pub topic: Str,
    pub topic_id: Uuid,
    pub index: PartitionId,
    placed: ArcSwap<Placed>,
    /// Held for reading by whoever changes the log, and for writing while another log takes its place.
    writers: RwLock<()>,
    /// The log in another directory that this one is being copied to.
    future: Mutex<Option<Arc<Future>>>,
    /// How often the end was cut off; odd while it is.
    cuts: AtomicU64,
    durability: Durability,
    hub: Arc<Hub>,
    leadership: ArcSwap<Leadership>,
    config: ArcSwap<TopicConfig>,
    role: Mutex<Role>,
    /// As many replicas are in sync as acks=all asks for; and if one counts those that are proposed.
    enough: AtomicBool,
    enough_proposed: AtomicBool,
    high_watermark: AtomicI64,
    /// The high watermark that was written down before this node stopped; see [`loss`].
    noted: AtomicI64,
    /// Who led last, as far as this node has seen; -1: nobody.
    last_leader: AtomicI32,
    /// Waits for the high watermark, for leadership, for followers.
    pub progress: Progress,
    /// Followers that wait for the log to grow.
    pub growth: Progress,
    /// Segments of the log that have to be inspected for rot, by their first offsets.
    suspects: Mutex<BTreeSet<Offset>>,
    /// What has gone bad could not be mended, as far as was tried.
    incurable: AtomicBool,
    /// A flush is under way or wanted; see [`flush`].
    flush: flush::Flush,
    /// The replica is not here any more; the files are about to go.
    deleted: AtomicBool,
}

impl Partition {
    /// A partition whose log is open, with nobody leading it. `high_watermark` is what the checkpoint says; it counts only within
    /// the log.
    pub fn new(
        topic: Str,
        topic_id: Uuid,
        index: PartitionId,
        opened: Opened,
        durability: Durability,
        hub: Arc<Hub>,
        config: Arc<TopicConfig>,
    ) -> Self {
        let Opened {
            log,
            seat,
            high_watermark,
        } = opened;
        Partition {
            topic,
            topic_id,
            index,
            durability,
            hub,
            leadership: ArcSwap::from_pointee(Leadership {
                leader: None,
                epoch: LeaderEpoch(-1),
                here: false,
                since: LeaderEpoch(-1),
                alone: false,
            }),
            config: ArcSwap::new(config),
            role: Mutex::new(Role::None),
            enough: AtomicBool::new(false),
            enough_proposed: AtomicBool::new(false),
            high_watermark: AtomicI64::new(high_watermark.0.clamp(log.start().0, log.end().0)),
            noted: AtomicI64::new(high_watermark.0),
            last_leader: AtomicI32::new(-1),
            placed: ArcSwap::from_pointee(Placed { log, seat }),
            writers: RwLock::new(()),
            future: Mutex::new(None),
            cuts: AtomicU64::new(0),
            progress: Progress::default(),
            growth: Progress::default(),
            suspects: Mutex::new(BTreeSet::new()),
            incurable: AtomicBool::new(false),
            flush: flush::Flush::default(),
            deleted: AtomicBool::new(false),
        }
    }

    pub fn log(&self) -> LogRef {
        LogRef(self.placed.load())
    }

    /// The log directory that the replica lies in.
    pub fn seat(&self) -> Seat {
        self.placed.load().seat.clone()
    }

    /// Its disk has failed: nothing of it is served any more.
    pub fn is_offline(&self) -> bool {
        let placed = self.placed.load();
        placed.seat.health.failed().is_some() || placed.log.is_offline()
    }

    /// The disk has failed: whoever waits learns it.
    pub(super) fn wake_all(&self) {
        self.progress.wake();
        self.growth.wake();
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

    /// True until the replica is taken away from this node, or its disk has failed.
    fn is_open(&self) -> bool {
        !self.is_deleted() && !self.is_offline()
    }

    /// The replica was taken away from this node.
    fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Relaxed)
    }

    /// Why a replica that is not open is not.
    fn closed(&self) -> ErrorCode {
        if self.is_offline() {
            ErrorCode::KafkaStorageError
        } else {
            ErrorCode::NotLeaderOrFollower
        }
    }

    /// Errors unless this node leads, in the epoch that the client believes in (-1: any). KIP-320.
    pub fn check_leader(&self, epoch: LeaderEpoch) -> Result<LeaderEpoch, ErrorCode> {
        let now = self.check_epoch(epoch)?;
        if now.here && self.is_open() {
            Ok(now.epoch)
        } else {
            Err(self.closed())
        }
    }

    /// Errors unless consumers may read here: a follower serves them too (KIP-392).
    pub fn check_replica(&self, epoch: LeaderEpoch) -> Result<LeaderEpoch, ErrorCode> {
        let now = self.check_epoch(epoch)?;
        if (now.here || now.leader.is_some()) && self.is_open() {
            Ok(now.epoch)
        } else {
            Err(self.closed())
        }
    }

    fn check_epoch(&self, epoch: LeaderEpoch) -> Result<Leadership, ErrorCode> {
        let now = **self.leadership.load();
        if epoch.0 != -1 {
            if epoch < now.epoch {
                return Err(ErrorCode::FencedLeaderEpoch);
            }
            if epoch > now.epoch {
                return Err(ErrorCode::UnknownLeaderEpoch);
            }
        }
        Ok(now)
    }

    /// Offsets below this one are committed.
    pub fn high_watermark(&self) -> Offset {
        Offset(self.high_watermark.load(Ordering::Acquire))
    }

    /// Offsets below this one belong to no open transaction, and are committed.
    pub fn last_stable(&self) -> Offset {
        self.log().last_stable(self.high_watermark())
    }

    /// Appends batches that have been validated, as the leader in this epoch (-1: in whichever). `all`: the answer will wait for
    /// every in-sync replica.
    pub fn append(
        self: &Arc<Self>,
        batches: Bytes,
        now: Millis,
        origin: Origin,
        all: bool,
        epoch: LeaderEpoch,
    ) -> Result<Written, ErrorCode> {
        let leader_epoch = self.check_leader(epoch)?;
        if all && !self.enough.load(Ordering::Acquire) {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let args = AppendArgs {
            leader_epoch,
            now,
            origin,
        };
        let writing = self.writers.read();
        #[cfg(feature = "sim")]
        if is_planted(Plant::LostDuplicate) {
            self.log().expire_producers(Millis(i64::MAX), 0);
        }
        let appended = self.log().append_as_leader(&batches, args);
        drop(writing);
        let appended = appended.map_err(|e| append_error::log(self, e))?;
        self.advance();
        // A closed segment is flushed soon after it was rolled, as Kafka does: recovery then never looks at it.
        if appended.flush_due || appended.rolled {
            self.flush_soon();
        }
        Ok(Written {
            appended,
            epoch: leader_epoch,
        })
    }

    /// After the log has grown: what this node alone can commit, it commits; the rest waits for followers, who are told.
    fn advance(self: &Arc<Self>) {
        self.grown();
        self.growth.wake();
        if self.durability == Durability::Fsync {
            self.flush_soon();
        }
    }

    /// Raises the high watermark, and wakes whoever waits for it.
    fn commit_to(&self, offset: Offset) {
        let before = self.high_watermark.fetch_max(offset.0, Ordering::AcqRel);
        if before < offset.0 {
            self.progress.wake();
        }
    }

    /// Whether what was appended before `offset`, in this leader epoch, is committed. Errors: it can never be known here any more
    /// (another node has led meanwhile, so that other records may be at these offsets), or the disk has failed.
    pub fn is_committed(&self, offset: Offset, epoch: LeaderEpoch) -> Result<bool, ErrorCode> {
        let reached = self.high_watermark() >= offset;
        // The order matters: a high watermark that a later leader has raised comes with that leader's epoch.
        self.check_led_since(epoch)?;
        self.or_disk_failed(reached)
    }

    /// Errors unless this node has led without a break since this epoch.
    pub fn check_led_since(&self, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        let now = self.leadership.load();
        if now.here && now.since <= epoch && self.is_open() {
            Ok(())
        } else {
            Err(self.closed())
        }
    }

    fn or_disk_failed(&self, reached: bool) -> Result<bool, ErrorCode> {
        if !reached && self.flush.failed() {
            return Err(ErrorCode::KafkaStorageError);
        }
        Ok(reached)
    }

    /// Waits until what was appended before `offset`, in this leader epoch, is committed. Errors as [`Partition::is_committed`].
    pub async fn committed(&self, offset: Offset, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        self.wait(|| self.is_committed(offset, epoch)).await
    }

    /// What an acks=all whose records are committed is answered: the ISR may have become too small since.
    pub fn enough_after_append(&self) -> Result<(), ErrorCode> {
        if self.enough_proposed.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(ErrorCode::NotEnoughReplicasAfterAppend)
        }
    }

    /// Waits until what was appended before `offset` is on this node's stable storage.
    pub async fn flushed(&self, offset: Offset, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        self.wait(|| {
            self.check_led_since(epoch)?;
            self.or_disk_failed(self.log().recovery_point() >= offset)
        })
        .await
    }

    /// Waits until every live replica's log starts at `offset` or later (DeleteRecords).
    pub async fn low_reached(&self, offset: Offset) -> Result<(), ErrorCode> {
        self.wait(|| {
            self.check_leader(LeaderEpoch(-1))?;
            Ok(self.low_watermark() >= offset)
        })
        .await
    }

    /// Waits for progress until `reached` says so, or why not.
    async fn wait(&self, reached: impl Fn() -> Result<bool, ErrorCode>) -> Result<(), ErrorCode> {
        if reached()? {
            return Ok(());
        }
        let waiting = Waiting::new(&self.progress);
        loop {
            if reached()? {
                return Ok(());
            }
            waiting.waiter.notified().await;
        }
    }

    /// Takes new topic configs; they hold from the next append on.
    pub fn set_config(self: &Arc<Self>, config: Arc<TopicConfig>) {
        let min = config.min_insync_replicas;
        let writing = self.writers.read();
        let of_log = Arc::new(config::log_config(&config));
        let before = self.config.swap(config);
        self.log().set_config(of_log.clone());
        drop(writing);
        if let Some(future) = self.future() {
            future.log.set_config(of_log);
        }
        if before.min_insync_replicas != min {
            self.min_insync_changed(min.max(1) as usize);
        }
    }

    /// Moves the start of the log forward (DeleteRecords).
    pub fn advance_start(&self, to: Offset) -> Result<bool, ReadError> {
        let _writing = self.writers.read();
        self.log().advance_start(to)
    }

    /// Rolls segments that are old, and deletes those that nobody is to read any more.
    pub fn retain(
        &self,
        now: Millis,
        clock_jumped: bool,
    ) -> Result<RetentionReport, airis_storage::StorageError> {
        let _writing = self.writers.read();
        let high_watermark = self.high_watermark();
        self.log().retain(now, high_watermark, clock_jumped)
    }

    /// Something at this offset seems to have gone bad: its segment is inspected, and mended from another replica. Gives what to
    /// answer meanwhile: clients ask again on the one, and give up on the other.
    pub fn suspect(self: &Arc<Self>, offset: Offset) -> ErrorCode {
        let log = self.log();
        let segment = log.segment_of(offset);
        let damage = log.damage();
        let lost = |d: &Damage| d.first <= offset && d.next.is_none_or(|next| offset < next);
        if !damage.iter().any(lost) {
            self.suspects.lock().insert(segment);
        }
        let known = damage.iter().any(|d| log.segment_of(d.first) == segment);
        self.hub.rotten.push(self);
        // Before the inspection this may be a good one beside the bad one.
        if known && self.is_beyond_help() {
            ErrorCode::CorruptMessage
        } else {
            ErrorCode::KafkaStorageError
        }
    }

    /// Nobody can give what has gone bad here, as far as is known.
    pub fn is_beyond_help(&self) -> bool {
        self.leadership.load().alone || self.incurable.load(Ordering::Acquire)
    }

    /// As [`Partition::suspect`], for whoever tries again on any error.
    pub fn distrust(self: &Arc<Self>, offset: Offset, error: &ReadError) {
        if let ReadError::Damaged { .. } = error {
            self.suspect(offset);
        }
    }

    /// Whether all that was bad is mended.
    pub fn note_cure(&self, cured: bool) {
        self.incurable.store(!cured, Ordering::Release);
    }

    /// Writes what another replica has over known damage.
    pub fn mend(&self, damage: &Damage, batches: &Bytes) -> Result<(), MendError> {
        let _writing = self.writers.read();
        self.log().mend(damage, batches)
    }

    /// The segments that are to be inspected.
    pub fn take_suspects(&self) -> BTreeSet<Offset> {
        std::mem::take(&mut *self.suspects.lock())
    }

    /// The replica is not here any more: nothing is taken or waited for.
    pub fn mark_deleted(&self) {
        // Under the role's lock: a follower's append that is under way ends first.
        let role = self.role.lock();
        self.deleted.store(true, Ordering::Release);
        drop(role);
        self.progress.wake();
        self.growth.wake();
    }
}

/// What was appended, and in which leader epoch.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub appended: Appended,
    pub epoch: LeaderEpoch,
}

/// A registration that ends when it is dropped, also if a wait is cut short.
struct Waiting<'a> {
    waiter: Waiter,
    progress: &'a Progress,
}

impl<'a> Waiting<'a> {
    fn new(progress: &'a Progress) -> Self {
        let waiter = Waiter::default();
        progress.register(&waiter);
        Waiting { waiter, progress }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.progress.unregister(&self.waiter);
    }
}
