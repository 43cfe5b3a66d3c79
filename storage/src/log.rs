//! One partition's log: segments, producers, leader epochs, and the offsets between which it can be read.
//!
//! Always holds: `start <= recovery point <= end` but for a start that was moved past unflushed records; offsets never change
//! once given out; the segments continue each other. Must never: wait for a disk on the read path of the active segment's newest
//! batches, or hold the writer's lock while a reader needs something.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

use airis_protocol::types::{LeaderEpoch, Millis, Offset, ProducerId};
use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use crate::disk::Disk;
use crate::epochs::Epochs;
use crate::error::StorageError;
use crate::producers::{ProducerView, Producers};
use crate::segment::Segment;

mod append;
mod config;
mod flush;
mod maintain;
mod open;
mod read;
mod replay;
mod rot;
#[cfg(test)]
mod tests;
mod truncate;

pub use config::{
    AppendArgs, Appended, CleanupPolicy, Damage, LogConfig, OpenArgs, Origin, Read, RecoveryReport,
    RetentionReport, TimeOffset,
};

pub use rot::{CheckAt, Checked};

type Segments = Vec<Arc<Segment>>;

/// What only one append, roll, truncation or deletion at a time may touch.
struct Writer {
    producers: Producers,
    /// Set while an append changes things; found set, a panic has cut one short and the state is mended first.
    amid_append: bool,
    /// A truncation has begun and did not end.
    amid_cut: bool,
    /// The file has, or may have, bytes behind the last good batch.
    cut_due: bool,
    /// Offsets of the `.snapshot` files.
    snapshots: Vec<i64>,
    /// The one of them that is known to be on stable storage.
    durable_snapshot: Option<i64>,
}

/// One partition's log. All methods may be called from any thread.
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: Arc<Path>,
    /// Where the directory is after it was renamed for deletion.
    moved: Mutex<Option<PathBuf>>,
    config: ArcSwap<LogConfig>,
    segments: ArcSwap<Segments>,
    writer: Mutex<Writer>,
    epochs: RwLock<Epochs>,
    /// The epochs have changed since their file was written.
    epochs_dirty: AtomicBool,
    start: AtomicI64,
    end: AtomicI64,
    recovery_point: AtomicI64,
    size: AtomicU64,
    /// True if the producer table has transactions that hold readers back; spares most fetches the writer's lock.
    transactions: AtomicBool,
    /// How often the log was cooled.
    period: AtomicU32,
    /// One flush at a time; who waits for it finds its work done.
    flushing: Mutex<()>,
    /// Names were added to the directory, or the directory to its parent, since the last flush.
    dir_dirty: AtomicBool,
    parent_dirty: AtomicBool,
    /// When the oldest unflushed append came; `i64::MAX` if all is flushed.
    unflushed_since: AtomicI64,
    /// An fsync failed (faults S14): why.
    offline: Mutex<Option<String>>,
    is_offline: AtomicBool,
    closed: AtomicBool,
}

impl Log {
    /// The partition's directory, as it was opened or, after [`Log::delete`], renamed.
    pub fn dir(&self) -> PathBuf {
        self.moved
            .lock()
            .clone()
            .unwrap_or_else(|| self.dir.to_path_buf())
    }

    /// The first offset that can be read.
    pub fn start(&self) -> Offset {
        Offset(self.start.load(Ordering::Acquire))
    }

    /// The offset that the next record gets.
    pub fn end(&self) -> Offset {
        Offset(self.end.load(Ordering::Acquire))
    }

    /// Everything before this offset is on stable storage.
    pub fn recovery_point(&self) -> Offset {
        Offset(self.recovery_point.load(Ordering::Acquire))
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Records (offsets) not on stable storage yet.
    pub fn unflushed(&self) -> i64 {
        (self.end().0 - self.recovery_point().0).max(0)
    }

    pub fn config(&self) -> Arc<LogConfig> {
        self.config.load_full()
    }

    /// Takes effect with the next append, roll or retention.
    pub fn set_config(&self, config: Arc<LogConfig>) {
        self.config.store(config);
    }

    /// How far a `read_committed` reader may read, given the high watermark.
    pub fn last_stable(&self, high_watermark: Offset) -> Offset {
        if !self.transactions.load(Ordering::Acquire) {
            return high_watermark;
        }
        let mut writer = self.writer.lock();
        let unstable = writer.producers.first_unstable(high_watermark.0);
        self.note_transactions(&writer);
        // Of a transaction that nobody has ended, retention may have taken the beginning.
        let start = self.start().0;
        Offset(unstable.map_or(high_watermark.0, |first| {
            first.max(start).min(high_watermark.0)
        }))
    }

    fn note_transactions(&self, writer: &Writer) {
        self.transactions
            .store(writer.producers.has_transactions(), Ordering::Release);
    }

    /// The producers with state here (DescribeProducers), by id.
    pub fn producers(&self) -> Vec<ProducerView> {
        self.writer.lock().producers.views()
    }

    /// Producers with state here.
    pub fn producer_count(&self) -> usize {
        self.writer.lock().producers.len()
    }

    /// The transaction that has been open longest: producer, first offset, the time of its last record.
    pub fn oldest_transaction(&self) -> Option<(ProducerId, Offset, Millis)> {
        if !self.transactions.load(Ordering::Acquire) {
            return None;
        }
        self.writer.lock().producers.oldest_transaction()
    }

    /// Forgets producers silent for `expiry_ms` (`producer.id.expiration.ms`). Gives how many.
    pub fn expire_producers(&self, now: Millis, expiry_ms: i64) -> usize {
        self.writer.lock().producers.expire(now.0, expiry_ms)
    }

    /// The largest epoch with an entry.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.read().latest()
    }

    /// The largest known epoch not above `epoch` and its end; `None` if it cannot be told (Kafka: undefined).
    pub fn epoch_end(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let epochs = self.epochs.read();
        epochs.end_of(epoch, self.end())
    }

    /// The epoch of the record at `offset`.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.read().at(offset)
    }

    /// All epochs with their first offsets.
    pub fn epochs(&self) -> Vec<(LeaderEpoch, Offset)> {
        self.epochs.read().entries().to_vec()
    }

    /// A new leader's epoch begins at the end of the log, even before it has written anything.
    pub fn assign_epoch(&self, epoch: LeaderEpoch) {
        let _writer = self.writer.lock();
        self.note_epoch(epoch, self.end());
    }

    /// The epoch's file is written before the recovery point passes `start`; until then it can be had from the batches.
    fn note_epoch(&self, epoch: LeaderEpoch, start: Offset) {
        if self.epochs.read().latest() == Some(epoch) {
            return;
        }
        if self.epochs.write().assign(epoch, start) {
            self.epochs_dirty.store(true, Ordering::Release);
        }
    }

    /// Segments with base offset, bytes and greatest timestamp, oldest first.
    pub fn segments(&self) -> Vec<(Offset, u64, Millis)> {
        let segments = self.segments.load();
        let one = |s: &Arc<Segment>| (Offset(s.base), s.len(), Millis(s.max_timestamp().0));
        segments.iter().map(one).collect()
    }

    /// True once an fsync has failed: nothing is appended or flushed any more until a restart has checked the log.
    pub fn is_offline(&self) -> bool {
        self.is_offline.load(Ordering::Acquire)
    }

    fn check_usable(&self) -> Result<(), StorageError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StorageError::Closed {
                path: self.dir.to_path_buf(),
            });
        }
        if self.is_offline.load(Ordering::Acquire) {
            return Err(StorageError::Offline {
                path: self.dir.to_path_buf(),
                reason: self.offline.lock().clone().unwrap_or_default(),
            });
        }
        Ok(())
    }

    fn active(&self) -> Arc<Segment> {
        let segments = self.segments.load();
        segments.last().expect("a log has a segment").clone()
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("dir", &self.dir)
            .field("start", &self.start())
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}
