//! Cutting the end off: a follower whose leader knows better.
//!
//! Always holds: what is left is whole batches; producers, epochs and recovery point follow. Must never: happen on a leader.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_protocol::types::{Millis, Offset};

use super::{Log, Segments, Writer};
use crate::error::{AtPath, ReadError, StorageError};
use crate::segment::Segment;

fn storage(e: ReadError) -> StorageError {
    match e {
        ReadError::Storage(e) => e,
        ReadError::Damaged { path, offset } => {
            StorageError::damaged(&path, format!("cannot cut at offset {offset}"))
        }
        ReadError::OutOfRange { .. } => unreachable!("a segment knows no range"),
    }
}

impl Log {
    /// Cuts off the batch that holds `to` and everything behind it. Gives the new end, which is `to` if it was a batch's first
    /// offset. Epochs that begin there or behind go, even if no record does. An offset before the start drops everything and begins
    /// anew at `to`.
    pub fn truncate_to(&self, to: Offset, now: Millis) -> Result<Offset, StorageError> {
        // What an earlier one has left half done says where the end is.
        drop(self.begin()?);
        if to >= self.end() {
            // An epoch that was given to a leader who then wrote nothing goes all the same (KAFKA-10706).
            let _writer = self.writer.lock();
            self.check_usable()?;
            if self.epochs.write().truncate_from_end(self.end()) {
                self.epochs_dirty.store(true, Ordering::Release);
            }
            return Ok(self.end());
        }
        let first = self.segments.load()[0].base;
        if to.0 < first {
            self.restart_at(to, now)?;
            return Ok(to);
        }
        let _flushing = self.flushing.lock();
        let mut writer = self.writer.lock();
        self.check_usable()?;
        writer.amid_cut = true;
        let done = self.cut(&mut writer, to);
        if done.is_ok() {
            writer.amid_cut = false;
        } else {
            // Cut or not: the end is where the last segment says.
            self.note_end(self.active().end());
        }
        done
    }

    fn cut(&self, writer: &mut Writer, to: Offset) -> Result<Offset, StorageError> {
        let mut segments = Segments::clone(&self.segments.load());
        let keep = segments.partition_point(|s| s.base <= to.0).max(1);
        let gone: Vec<Arc<Segment>> = segments.drain(keep..).collect();
        let last = segments.last().expect("one is kept").clone();
        // Readers lose sight of the end before the bytes go.
        let end = last.end().min(to.0);
        self.end.fetch_min(end, Ordering::AcqRel);
        self.segments.store(Arc::new(segments.clone()));
        for segment in gone.iter().rev() {
            segment.remove()?;
        }
        let end = last.truncate(to.0).map_err(storage)?;
        self.make_cut_durable(writer, &last, end)?;
        self.note_end(end);
        self.size
            .store(segments.iter().map(|s| s.len()).sum(), Ordering::Release);
        if writer.producers.len() == 0 && !writer.producers.has_transactions() {
            // Nobody idempotent wrote here; spare the walk.
            writer.producers.end = end;
        } else {
            self.reload_producers(writer, &segments, end, i64::MAX)?;
        }
        Ok(Offset(end))
    }

    /// The log ends here now, and nothing that is known of it lies behind.
    fn note_end(&self, end: i64) {
        self.end.store(end, Ordering::Release);
        self.recovery_point.fetch_min(end, Ordering::AcqRel);
        self.start.fetch_min(end, Ordering::AcqRel);
        if self.epochs.write().truncate_from_end(Offset(end)) {
            self.epochs_dirty.store(true, Ordering::Release);
        }
    }

    /// Before anything is appended: bytes that a power cut brings back behind a new batch could continue it.
    fn make_cut_durable(
        &self,
        writer: &mut Writer,
        last: &Segment,
        end: i64,
    ) -> Result<(), StorageError> {
        last.sync(true)?;
        // The same goes for the table of producers that are gone.
        writer.drop_snapshots(&*self.disk, &self.dir, |at, _| at > end);
        self.disk.sync_dir(&self.dir).at("fsync", &self.dir)
    }

    /// Ends a truncation that was given up in the middle, for want of a file descriptor: the log goes on at what its last segment has
    /// by now. Whoever wanted it cut asks again if that is not enough.
    pub(super) fn finish_cut(&self, writer: &mut Writer) -> Result<(), StorageError> {
        let last = self.active();
        last.finish_cut()?;
        self.heal(writer)?;
        self.make_cut_durable(writer, &last, last.end())?;
        writer.amid_cut = false;
        Ok(())
    }

    /// Drops everything; the log is empty and begins at `offset`.
    pub fn restart_at(&self, offset: Offset, now: Millis) -> Result<(), StorageError> {
        let _flushing = self.flushing.lock();
        let mut writer = self.writer.lock();
        self.check_usable()?;
        let config = self.config.load();
        let old = self.segments.load_full();
        let fresh = Segment::new(
            self.disk.clone(),
            self.dir.clone(),
            offset.0,
            config.index_interval_bytes.into(),
            now.0,
        );
        // The old files go first: one of them may have the new one's name.
        for segment in old.iter().rev() {
            segment.remove()?;
        }
        fresh.make_files(None)?;
        self.dir_dirty.store(true, Ordering::Release);
        self.start.store(offset.0, Ordering::Release);
        self.segments.store(Arc::new(vec![Arc::new(fresh)]));
        self.end.store(offset.0, Ordering::Release);
        self.recovery_point.store(offset.0, Ordering::Release);
        self.size.store(0, Ordering::Release);
        self.epochs.write().clear();
        self.epochs_dirty.store(true, Ordering::Release);
        writer.drop_snapshots(&*self.disk, &self.dir, |_, _| true);
        writer.producers.clear(offset.0);
        (writer.cut_due, writer.amid_cut, writer.amid_append) = (false, false, false);
        self.note_transactions(&writer);
        Ok(())
    }
}
