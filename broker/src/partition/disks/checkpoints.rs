//! A log directory's checkpoints: recovery points, starts of logs, high watermarks.
//!
//! Always holds: what is known here is what the files say; one writes at a time. Must never: let a file say of a log what was true of
//! another of its name, or of records that were cut off; or forget a log that is there but not open: without its recovery point what was
//! flushed of it is cut where it cannot be read, without its start what was deleted comes back.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use airis_protocol::types::{Offset, PartitionId};
use airis_storage::checkpoint::PartitionOffsets;
use airis_storage::{LogDir, StorageError};
use parking_lot::Mutex;

/// The kinds of checkpoints: the file's writer for each.
pub(super) const RECOVERY_POINTS: usize = 0;
pub(super) const LOG_STARTS: usize = 1;
pub(super) const HIGH_WATERMARKS: usize = 2;
type WriteOffsets = fn(&LogDir, &PartitionOffsets) -> Result<(), StorageError>;
const WRITE: [WriteOffsets; 3] = [
    LogDir::write_recovery_points,
    LogDir::write_log_starts,
    LogDir::write_high_watermarks,
];

/// What a directory's checkpoint files say, by kind. They know partitions by name only, and of what was there when they were written.
#[derive(Debug)]
pub struct Checkpoints {
    /// Not held: whoever still has a partition when the node has stopped must not keep the directory locked, nor write in it.
    log_dir: Weak<LogDir>,
    path: PathBuf,
    written: Mutex<[PartitionOffsets; 3]>,
}

impl Checkpoints {
    /// Reads the files.
    pub(super) fn read(log_dir: &Arc<LogDir>) -> Result<Checkpoints, StorageError> {
        let written = [
            log_dir.recovery_points()?.unwrap_or_default(),
            log_dir.log_starts()?.unwrap_or_default(),
            log_dir.high_watermarks()?.unwrap_or_default(),
        ];
        Ok(Checkpoints {
            log_dir: Arc::downgrade(log_dir),
            path: log_dir.path().to_owned(),
            written: Mutex::new(written),
        })
    }

    fn log_dir(&self) -> Result<Arc<LogDir>, StorageError> {
        let closed = || StorageError::Closed {
            path: self.path.clone(),
        };
        self.log_dir.upgrade().ok_or_else(closed)
    }

    pub(super) fn get(&self, kind: usize, key: &(String, PartitionId)) -> Offset {
        let written = self.written.lock();
        written[kind].get(key).copied().unwrap_or(Offset(0))
    }

    /// Replaces one kind, but for logs that are there and not open, of which nobody knows better. The offsets are taken while nobody
    /// else writes: what is cut meanwhile is seen, or cuts these.
    pub(super) fn write(
        &self,
        kind: usize,
        offsets: impl FnOnce() -> PartitionOffsets,
    ) -> Result<(), StorageError> {
        let log_dir = self.log_dir()?;
        let mut written = self.written.lock();
        let mut now = offsets();
        for (key, offset) in &written[kind] {
            let (topic, index) = key;
            if !now.contains_key(key) && log_dir.holds(topic, *index) {
                now.insert(key.clone(), *offset);
            }
        }
        WRITE[kind](&log_dir, &now)?;
        written[kind] = now;
        Ok(())
    }

    /// From now on no file says more of a log than that it was good up to `to`. For one that was cut, or that takes the place of
    /// another of its name: before anything is appended to it.
    pub fn cap(&self, topic: &str, index: PartitionId, to: Offset) -> Result<(), StorageError> {
        let key = (topic.to_owned(), index);
        let log_dir = self.log_dir()?;
        let mut written = self.written.lock();
        for (offsets, write) in written.iter_mut().zip(WRITE) {
            if let Some(before) = offsets.get(&key).copied().filter(|o| *o > to) {
                offsets.insert(key.clone(), to);
                if let Err(e) = write(&log_dir, offsets) {
                    // What is known here is what the file says.
                    offsets.insert(key, before);
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// Notes the start of a log that is about to take the place of one in another directory.
    pub fn note_start(
        &self,
        topic: &str,
        index: PartitionId,
        start: Offset,
    ) -> Result<(), StorageError> {
        let key = (topic.to_owned(), index);
        let log_dir = self.log_dir()?;
        let mut written = self.written.lock();
        let known = &mut written[LOG_STARTS];
        let before = known.insert(key.clone(), start);
        if before == Some(start) {
            return Ok(());
        }
        WRITE[LOG_STARTS](&log_dir, known).inspect_err(|_| {
            match before {
                Some(before) => known.insert(key, before),
                None => known.remove(&key),
            };
        })
    }
}
