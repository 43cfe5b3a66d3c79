//! One partition's log on a disk, in Kafka's file formats. Synchronous; knows no request.
//!
//! Always holds: what [`log::Log::append_as_leader`] returned is readable at its offset; a failed append has changed nothing.
//! Must never: name a request type, start a thread, read a clock.

pub mod checkpoint;
pub mod dir;
pub mod disk;
pub mod epochs;
pub mod error;
pub mod files;
mod index;
pub mod limits;
pub mod log;
pub mod producers;
mod scan;
mod segment;

pub use dir::{LogDir, MetaProperties, PartitionDir, PartitionDirKind};
pub use disk::{Disk, DiskFile, Health, OpenMode, RealDisk, Watched, is_short, is_unreadable};
pub use error::{AppendError, MendError, ReadError, StorageError};
pub use index::AbortedTxn;
pub use log::{
    AppendArgs, Appended, CheckAt, Checked, CleanupPolicy, Damage, Log, LogConfig, OpenArgs,
    Origin, Read, RecoveryReport, RetentionReport, TimeOffset,
};
pub use producers::ProducerView;
