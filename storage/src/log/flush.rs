//! Flushing with group commit, closing, and giving the directory up for deletion.
//!
//! Always holds: the recovery point moves only behind an fsync that covered it, of data, names and leader epochs. Must never: try
//! a failed fsync again (faults S14); the log is offline from then on. One that never began, for want of a file descriptor, is tried
//! again (fault S19).

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use airis_protocol::types::{Millis, Offset, PartitionId};

use super::{Log, Writer};
use crate::checkpoint;
use crate::disk::Disk;
use crate::error::{AtPath, StorageError};
use crate::files;

/// From so many logs on, one sync of the file system is cheaper than their own.
const SYNC_ALL_MIN: usize = 8;

impl Log {
    /// Makes everything that was appended before the call durable. Blocks; many callers share one fsync. Gives the recovery
    /// point, which is at least the end as it was at the call.
    pub fn flush(&self) -> Result<Offset, StorageError> {
        let wanted = self.end();
        let _flushing = self.flushing.lock();
        if self.recovery_point() >= wanted && !self.dir_dirty.load(Ordering::Acquire) {
            return Ok(self.recovery_point());
        }
        self.flush_locked()
    }

    /// True if `flush.ms` has passed since the oldest append that is not flushed.
    pub fn flush_due(&self, now: Millis) -> bool {
        let since = self.unflushed_since.load(Ordering::Acquire);
        since != i64::MAX && now.0.saturating_sub(since) >= self.config.load().flush_ms
    }

    /// Since when the oldest append waits for a flush; `None` if all is flushed.
    pub fn unflushed_since(&self) -> Option<Millis> {
        let since = self.unflushed_since.load(Ordering::Acquire);
        (since != i64::MAX).then_some(Millis(since))
    }

    /// True if the newest segment's file is kept open: it was appended to and not let go of since.
    pub fn holds_file(&self) -> bool {
        self.active().holds_file()
    }

    /// Closes the newest segment's file, unless something waits for its flush. The next append opens it again.
    pub fn let_go(&self) {
        self.active().release();
    }

    /// True if a closed segment waits for its flush: the caller should flush soon, so that a crash does not scan it.
    pub fn has_unflushed_closed(&self) -> bool {
        let segments = self.segments.load();
        segments[..segments.len() - 1].iter().any(|s| s.is_dirty())
    }

    fn flush_locked(&self) -> Result<Offset, StorageError> {
        self.check_usable()?;
        // Before the end is read: an append in between only makes the next flush do a little more.
        self.unflushed_since.store(i64::MAX, Ordering::Release);
        let end = self.end();
        let done = self.sync_all();
        if let Err(e) = done {
            self.unflushed_since.store(0, Ordering::Release);
            if let StorageError::Io { op: "fsync", .. } = &e
                && !e.is_short()
            {
                *self.offline.lock() = Some(e.to_string());
                self.is_offline.store(true, Ordering::Release);
                tracing::error!(log = %self.dir.display(), error = %e, "fsync failed, the log is offline");
            }
            return Err(e);
        }
        self.recovery_point.fetch_max(end.0, Ordering::AcqRel);
        Ok(self.recovery_point())
    }

    fn sync_all(&self) -> Result<(), StorageError> {
        let segments = self.segments.load_full();
        let last = segments.len() - 1;
        for (i, segment) in segments.iter().enumerate() {
            if segment.is_dirty() {
                match segment.sync(i < last) {
                    // Retention was faster.
                    Err(e) if e.is_not_found() => {}
                    other => other?,
                }
            }
            if i < last {
                segment.release();
            }
        }
        self.write_epochs()?;
        if self.parent_dirty.swap(false, Ordering::AcqRel)
            && let Some(parent) = self.dir.parent()
        {
            let metadata = self.dir.join(files::PARTITION_METADATA);
            let opened = self.disk.open(&metadata, crate::disk::OpenMode::Write);
            let synced = match opened {
                Ok(file) => file.sync_data().at("fsync", &metadata),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
                Err(e) => Err(StorageError::io("open", &metadata, e)),
            };
            let synced = synced.and_then(|()| self.disk.sync_dir(parent).at("fsync", parent));
            if let Err(e) = synced {
                self.parent_dirty.store(true, Ordering::Release);
                return Err(e);
            }
            self.dir_dirty.store(true, Ordering::Release);
        }
        if self.dir_dirty.swap(false, Ordering::AcqRel)
            && let Err(e) = self.disk.sync_dir(&self.dir)
        {
            self.dir_dirty.store(true, Ordering::Release);
            return Err(StorageError::io("fsync", &self.dir, e));
        }
        Ok(())
    }

    fn write_epochs(&self) -> Result<(), StorageError> {
        if !self.epochs_dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let text = checkpoint::format_epochs(self.epochs.read().entries());
        let path = self.dir.join(files::LEADER_EPOCHS);
        checkpoint::store(&*self.disk, &path, &text).inspect_err(|_| {
            self.epochs_dirty.store(true, Ordering::Release);
        })
    }

    /// Ends the log's life in this process cleanly: producer snapshot at the end, finished indexes, everything durable. Gives
    /// the recovery point for the checkpoint. Appends and flushes fail afterwards; reads that have begun go on.
    pub fn close(&self) -> Result<Offset, StorageError> {
        let _flushing = self.flushing.lock();
        let mut writer = self.writer.lock();
        if self.closed.load(Ordering::Acquire) {
            return Ok(self.recovery_point());
        }
        if self.finish(&mut writer, true)? {
            self.active().sync(true)?;
            self.flush_locked()?;
        }
        self.closed.store(true, Ordering::Release);
        self.active().release();
        Ok(self.recovery_point())
    }

    /// True if a clean end has something to write, even if every record is flushed.
    pub fn has_end_to_write(&self) -> bool {
        let end = self.end();
        self.recovery_point() < end
            || end.0 > 0 && self.writer.lock().durable_snapshot != Some(end.0)
    }

    /// Closes many logs of one log directory with one sync of its file system. The results are in the order of the logs; the
    /// clean mark may be left only if all are good.
    pub fn close_all(
        disk: &dyn Disk,
        log_dir: &Path,
        logs: &[&Log],
    ) -> Vec<Result<Offset, StorageError>> {
        if logs.len() < SYNC_ALL_MIN {
            return logs.iter().map(|log| log.close()).collect();
        }
        let ends: Vec<_> = logs.iter().map(|log| log.close_unsynced()).collect();
        let synced = disk.sync_all(log_dir);
        let settle = |log: &&Log, end: Result<Offset, StorageError>| {
            let end = end?;
            if let Err(e) = &synced {
                return Err(StorageError::io(
                    "fsync",
                    log_dir,
                    std::io::Error::new(e.kind(), e.to_string()),
                ));
            }
            log.recovery_point.fetch_max(end.0, Ordering::AcqRel);
            Ok(log.recovery_point())
        };
        logs.iter()
            .zip(ends)
            .map(|(log, end)| settle(log, end))
            .collect()
    }

    fn close_unsynced(&self) -> Result<Offset, StorageError> {
        let _flushing = self.flushing.lock();
        let mut writer = self.writer.lock();
        if self.closed.load(Ordering::Acquire) {
            return Ok(self.recovery_point());
        }
        if self.finish(&mut writer, false)? && self.epochs_dirty.swap(false, Ordering::AcqRel) {
            let text = checkpoint::format_epochs(self.epochs.read().entries());
            let path = self.dir.join(files::LEADER_EPOCHS);
            self.disk
                .write_beside(&path, text.as_bytes())
                .at("write", &path)?;
        }
        self.closed.store(true, Ordering::Release);
        Ok(self.end())
    }

    /// Writes what a clean stop leaves. False if there is nothing on the disk to be synced.
    fn finish(&self, writer: &mut Writer, sync: bool) -> Result<bool, StorageError> {
        self.check_usable()?;
        if writer.amid_cut {
            self.finish_cut(writer)?;
        }
        if writer.amid_append {
            self.heal(writer)?;
        }
        let active = self.active();
        if writer.cut_due {
            active.cut_to_len()?;
        }
        let end = self.end();
        let known = writer.durable_snapshot == Some(end.0);
        if end.0 > 0 && !known {
            active.seal()?;
            if writer.producers.ever_transactional() {
                active.make_txn_file()?;
            }
            self.write_snapshot(writer, end.0, sync)?;
        }
        // An untouched, empty partition has nothing worth a wait; its directory comes back with the topic's metadata.
        Ok(end.0 > 0 || active.is_made())
    }

    /// Stops without a word to the disk, as a crash would; for tests and for partitions that are offline.
    pub fn abandon(&self) {
        let _writer = self.writer.lock();
        self.closed.store(true, Ordering::Release);
    }

    /// Renames the directory to `topic-partition.<unique>-delete` and closes the log. The caller removes the directory when
    /// `file.delete.delay.ms` has passed; a crash before is finished at the next start.
    pub fn delete(
        &self,
        topic: &str,
        partition: PartitionId,
        unique: u128,
    ) -> Result<PathBuf, StorageError> {
        self.move_away(topic, partition, unique, files::DELETE_SUFFIX)
    }

    /// Renames the directory to `topic-partition.<unique>-stray`: nobody knows its topic. It is kept for a person to look at.
    pub fn make_stray(
        &self,
        topic: &str,
        partition: PartitionId,
        unique: u128,
    ) -> Result<PathBuf, StorageError> {
        self.move_away(topic, partition, unique, files::STRAY_SUFFIX)
    }

    fn move_away(
        &self,
        topic: &str,
        partition: PartitionId,
        unique: u128,
        suffix: &str,
    ) -> Result<PathBuf, StorageError> {
        let _flushing = self.flushing.lock();
        let _writer = self.writer.lock();
        let mut moved = self.moved.lock();
        if let Some(path) = &*moved {
            return Ok(path.clone());
        }
        let name = files::marked_dir_name(topic, partition, unique, suffix);
        let to = self.dir.with_file_name(name);
        self.disk.rename(&self.dir, &to).at("rename", &self.dir)?;
        self.closed.store(true, Ordering::Release);
        *moved = Some(to.clone());
        Ok(to)
    }
}
