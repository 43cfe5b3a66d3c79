//! What can go wrong in a log, told with the path and the operation.
//!
//! Always holds: an error that came from the disk names the file. Must never: turn into a wire error code here; that is the
//! caller's table.

use std::io;
use std::path::{Path, PathBuf};

use airis_protocol::batch::BatchError;
use airis_protocol::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

/// The disk, or what lies on it, failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("{op} {}: {source}", path.display())]
    Io {
        op: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// What lies on the disk cannot be used and cannot be mended.
    #[error("{}: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    /// Another process, or another broker in this one, holds the directory.
    #[error(
        "{} is in use: another broker holds the lock file {}",
        dir.display(),
        lock.display()
    )]
    Locked { dir: PathBuf, lock: PathBuf },
    /// An fsync failed before. The pages it was for may be gone, so nothing is believed until a restart has checked the log.
    #[error("{} is offline since an fsync failed: {reason}", path.display())]
    Offline { path: PathBuf, reason: String },
    /// The log was closed or deleted.
    #[error("{} is closed", path.display())]
    Closed { path: PathBuf },
}

impl StorageError {
    pub(crate) fn io(op: &'static str, path: &Path, source: io::Error) -> Self {
        StorageError::Io {
            op,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        StorageError::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    /// True if the disk had no room (`ENOSPC`, `EDQUOT`): the same call can succeed later.
    pub fn is_full(&self) -> bool {
        matches!(self, StorageError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// True if there were no file descriptors or no memory: the same call can succeed later.
    pub fn is_short(&self) -> bool {
        matches!(self, StorageError::Io { source, .. } if crate::disk::is_short(source))
    }

    /// True if the medium does not give some bytes of a file; see [`crate::disk::is_unreadable`].
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self, StorageError::Io { op: "read", source, .. } if crate::disk::is_unreadable(source))
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, StorageError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Names the operation and the path of an `io::Result`.
pub(crate) trait AtPath<T> {
    fn at(self, op: &'static str, path: &Path) -> Result<T, StorageError>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, op: &'static str, path: &Path) -> Result<T, StorageError> {
        self.map_err(|e| StorageError::io(op, path, e))
    }
}

/// Why an append was refused. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Kafka: OUT_OF_ORDER_SEQUENCE_NUMBER. Also what a duplicate older than the five kept batches gets.
    #[error(
        "producer {producer} sent sequence {sequence} after {last} (epoch {epoch}, known {known})"
    )]
    OutOfOrderSequence {
        producer: ProducerId,
        epoch: ProducerEpoch,
        known: ProducerEpoch,
        sequence: i32,
        last: i32,
    },
    /// Kafka: INVALID_PRODUCER_EPOCH; an older instance of the producer.
    #[error("producer {producer} sent epoch {epoch}, {known} is known")]
    InvalidProducerEpoch {
        producer: ProducerId,
        epoch: ProducerEpoch,
        known: ProducerEpoch,
    },
    /// Kafka: INVALID_TXN_STATE; plain records amid an open transaction.
    #[error("producer {0} sent a batch outside of its open transaction")]
    InvalidTxnState(ProducerId),
    /// Kafka: TRANSACTION_COORDINATOR_FENCED.
    #[error("marker for producer {producer} from coordinator epoch {epoch}, {known} is known")]
    CoordinatorFenced {
        producer: ProducerId,
        epoch: i32,
        known: i32,
    },
    /// Kafka: RECORD_LIST_TOO_LARGE.
    #[error("{size} bytes do not fit into a segment of {limit}")]
    TooLarge { size: usize, limit: u32 },
    /// A follower's batch does not continue the log.
    #[error("batch at offset {got}, the log ends at {end}")]
    UnexpectedOffset { got: Offset, end: Offset },
    /// Kafka: NOT_LEADER_OR_FOLLOWER. A later leader has written here: an append that was late must not follow its records.
    #[error("leader epoch {epoch}, the log has {latest}")]
    OldEpoch {
        epoch: LeaderEpoch,
        latest: LeaderEpoch,
    },
    /// Kafka: CORRUPT_MESSAGE. The caller has validated the bytes, so this is a bug or bad memory.
    #[error("corrupt batch: {0}")]
    Corrupt(#[from] BatchError),
    /// Kafka: INVALID_RECORD.
    #[error("invalid record: {0}")]
    InvalidRecord(&'static str),
    /// Kafka: KAFKA_STORAGE_ERROR.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a read got nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Kafka: OFFSET_OUT_OF_RANGE.
    #[error("offset {offset} is not within {start}..={end}")]
    OutOfRange {
        offset: Offset,
        start: Offset,
        end: Offset,
    },
    /// Kafka: CORRUPT_MESSAGE. The bytes at this offset are damaged on the disk; later offsets may be readable.
    #[error("offset {offset} lies in damaged bytes of {}", path.display())]
    Damaged { offset: Offset, path: PathBuf },
    /// Kafka: KAFKA_STORAGE_ERROR.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why damaged bytes were not mended.
#[derive(Debug, thiserror::Error)]
pub enum MendError {
    #[error("the other replica's batches cannot stand there: {0}")]
    Other(&'static str),
    #[error("the other replica's batches are no better: {0}")]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}
