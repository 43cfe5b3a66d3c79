//! What can be set for a log, and what its callers pass and get.
//!
//! Always holds: defaults are Kafka 4.3's. Must never: parse text; the broker builds it from the config tables.

use std::ops::Range;
use std::path::PathBuf;

use airis_protocol::types::{FileRange, LeaderEpoch, Millis, Offset, Uuid};
use smallvec::SmallVec;

/// `cleanup.policy`. Both may be set, and (since Kafka 4.1, for tiered topics) neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

/// The topic configs that a log follows. Can be replaced at any time with [`super::Log::set_config`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is closed before it would grow beyond.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment is closed when its first record is older, in record time.
    pub segment_ms: i64,
    /// A random part of `segment.jitter.ms`, drawn by the caller, by which this log's segments are closed earlier.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: a segment is closed when an index would grow beyond.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: takes effect for new segments.
    pub index_interval_bytes: u32,
    /// `retention.ms`; -1 keeps for ever.
    pub retention_ms: i64,
    /// `retention.bytes`; -1 keeps all.
    pub retention_bytes: i64,
    /// `flush.messages`: [`super::Appended::flush_due`] is set when so many records wait.
    pub flush_messages: i64,
    /// `flush.ms`: [`super::Log::flush_due`] is true when the oldest unflushed append is that old.
    pub flush_ms: i64,
    /// `preallocate`: reserves `segment_bytes` for each new segment.
    pub preallocate: bool,
    pub cleanup: CleanupPolicy,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            retention_ms: 7 * 24 * 3600 * 1000,
            retention_bytes: -1,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            preallocate: false,
            cleanup: CleanupPolicy {
                delete: true,
                compact: false,
            },
        }
    }
}

/// What a caller knows about a log before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenArgs {
    /// From `recovery-point-offset-checkpoint`; 0 if there is none. Everything before was flushed.
    pub recovery_point: Offset,
    /// From `log-start-offset-checkpoint`; 0 if there is none.
    pub log_start: Offset,
    /// The directory has the clean-shutdown mark: nothing is scanned.
    pub clean: bool,
    pub now: Millis,
    /// `producer.id.expiration.ms`.
    pub producer_expiry_ms: i64,
    /// Written to `partition.metadata` if the partition has none.
    pub topic_id: Option<Uuid>,
}

impl Default for OpenArgs {
    fn default() -> Self {
        OpenArgs {
            recovery_point: Offset(0),
            log_start: Offset(0),
            clean: false,
            now: Millis(0),
            producer_expiry_ms: 24 * 3600 * 1000,
            topic_id: None,
        }
    }
}

/// Bytes that cannot be read, left where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub path: PathBuf,
    pub bytes: Range<u64>,
    /// The first offset that is lost.
    pub first: Offset,
    /// The first offset that is readable again; `None` if nothing in this segment is.
    pub next: Option<Offset>,
}

/// What opening a log had to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Segments that were read batch by batch.
    pub scanned_segments: usize,
    pub scanned_bytes: u64,
    /// Bytes cut off the end (a torn tail), whole segments included.
    pub truncated_bytes: u64,
    /// Why, if any were.
    pub truncated_why: Option<String>,
    /// Segments whose indexes were built anew although they needed no scan.
    pub rebuilt_indexes: usize,
    /// The producer table was not found at the end of the log and was replayed from this offset.
    pub replayed_from: Option<Offset>,
    /// The leader epochs were collected from the batches.
    pub rebuilt_epochs: bool,
    pub damage: Vec<Damage>,
}

/// Who appends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A producer: sequences are checked, duplicates are recognised.
    #[default]
    Client,
    /// A coordinator, or the transaction marker of one.
    Coordinator,
    /// A leader has checked it.
    Replication,
}

/// How a leader appends.
#[derive(Clone, Copy, Debug)]
pub struct AppendArgs {
    pub leader_epoch: LeaderEpoch,
    pub now: Millis,
    pub origin: Origin,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: Offset,
    pub last_offset: Offset,
    /// The broker's time that the records got (topics with `LogAppendTime`).
    pub log_append_time: Option<Millis>,
    pub log_start: Offset,
    /// The batch was already here; the offsets are those of its first arrival. It may not be committed yet.
    pub duplicate: bool,
    /// `flush.messages` is reached: the caller should have [`super::Log::flush`] called, off its thread.
    pub flush_due: bool,
    /// A segment was closed: a flush soon moves the recovery point past it.
    pub rolled: bool,
}

/// Whole batches of one segment.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Empty if nothing lies between the offset and the bound.
    pub ranges: SmallVec<[FileRange; 1]>,
    pub bytes: usize,
    /// All offsets that were read are below: for the aborted transactions of a `read_committed` fetch.
    pub upper: Offset,
    /// More can be read right after these bytes.
    pub more: bool,
}

/// Where a timestamp was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOffset {
    pub timestamp: Millis,
    pub offset: Offset,
    /// -1 if unknown.
    pub leader_epoch: LeaderEpoch,
}

/// What retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionReport {
    pub segments: usize,
    pub bytes: u64,
    /// The log's start moved.
    pub moved: bool,
}
