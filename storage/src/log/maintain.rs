//! Rolling, retention, and moving the start.
//!
//! Always holds: segments go oldest first, and only below the high watermark. Must never: unlink under the writer's lock.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_protocol::types::{Millis, Offset};

use super::{Log, RetentionReport, Segments, Writer};
use crate::disk::OpenMode;
use crate::error::{AtPath, ReadError, StorageError};
use crate::files::{self, segment_file};
use crate::index::{Entry, OffsetEntry, TimeEntry};
use crate::producers::snapshot;
use crate::segment::Segment;

impl Log {
    /// Closes the active segment, if it has records, and begins a new one at the end. True if it did.
    pub fn roll(&self, now: Millis) -> Result<bool, StorageError> {
        let mut writer = self.begin()?;
        self.roll_locked(&mut writer, self.end().0, now)
    }

    /// True if the active segment is to be closed before an append of `size` bytes whose newest record is of `newest`: it would become too
    /// large, is older than `segment.ms`, or its indexes are full.
    fn is_due(&self, size: usize, newest: i64, now: Millis) -> Result<bool, StorageError> {
        let config = self.config.load();
        let active = self.active();
        let len = active.len();
        let age = match active.first_timestamp()? {
            Some(first) => newest.saturating_sub(first),
            None => now.0.saturating_sub(active.created()),
        };
        let index_max = config.segment_index_bytes as usize;
        let (offsets, times) = active.index_entries();
        let too_old = age > config.segment_ms.saturating_sub(config.segment_jitter_ms);
        Ok(len > 0
            && (len + size as u64 > u64::from(config.segment_bytes)
                || too_old
                || offsets as usize >= index_max / OffsetEntry::LEN
                || times as usize + 1 >= index_max / TimeEntry::LEN))
    }

    pub(super) fn roll_if_due(
        &self,
        writer: &mut Writer,
        size: usize,
        newest: i64,
        (first_offset, last_offset): (i64, i64),
        now: Millis,
    ) -> Result<bool, StorageError> {
        let end = self.end().0;
        let beyond = |base: i64| last_offset - base > i64::from(i32::MAX);
        // After a gap that is wider than a segment can be, the next one begins behind it.
        let base = if beyond(end) { first_offset } else { end };
        if beyond(self.active().base) || self.is_due(size, newest, now)? {
            self.roll_locked(writer, base, now)
        } else {
            Ok(false)
        }
    }

    /// A failure leaves the old segment the active one; all steps can be repeated.
    fn roll_locked(
        &self,
        writer: &mut Writer,
        base: i64,
        now: Millis,
    ) -> Result<bool, StorageError> {
        let active = self.active();
        if active.base == base {
            return Ok(false);
        }
        let config = self.config.load();
        if !active.is_made() {
            active.make_files(None)?;
        }
        active.seal()?;
        if writer.producers.ever_transactional() {
            active.make_txn_file()?;
        }
        self.write_snapshot(writer, base, false)?;
        let interval = config.index_interval_bytes.into();
        let next = Segment::new(self.disk.clone(), self.dir.clone(), base, interval, now.0);
        next.make_files(config.preallocate.then_some(config.segment_bytes.into()))?;
        self.dir_dirty.store(true, Ordering::Release);
        let mut segments = Segments::clone(&self.segments.load());
        segments.push(Arc::new(next));
        self.segments.store(Arc::new(segments));
        // A flush that has begun before took it for the active one, whose indexes are not synced.
        active.touch();
        Ok(true)
    }

    /// Writes the producer table as it is at the end of the log. With `sync` it is durable afterwards.
    pub(super) fn write_snapshot(
        &self,
        writer: &mut Writer,
        end: i64,
        sync: bool,
    ) -> Result<(), StorageError> {
        let path = segment_file(&self.dir, Offset(end), files::SNAPSHOT);
        let bytes = snapshot::encode(&writer.producers);
        if sync {
            self.disk
                .write_atomically(&path, &bytes)
                .at("write", &path)?;
        } else {
            // A torn one is found by its CRC, and an older one is used.
            let file = self
                .disk
                .open(&path, OpenMode::Truncate)
                .at("create", &path)?;
            file.write_at(0, &mut [IoSlice::new(&bytes)])
                .at("write", &path)?;
        }
        if let Err(at) = writer.snapshots.binary_search(&end) {
            writer.snapshots.insert(at, end);
        }
        Ok(())
    }

    /// Deletes segments that retention has run out for, or that lie before the start. Only whole segments below the high
    /// watermark go. With `clock_jumped` (the wall clock moved against the monotonic one since the last call, faults S20) at
    /// most one segment goes for its age.
    pub fn retain(
        &self,
        now: Millis,
        high_watermark: Offset,
        clock_jumped: bool,
    ) -> Result<RetentionReport, StorageError> {
        let mut report = RetentionReport::default();
        let gone: Vec<Arc<Segment>>;
        {
            let mut writer = self.begin()?;
            let segments = self.segments.load_full();
            let mut n = self.expired(&segments, now, high_watermark, clock_jumped);
            if n == segments.len() {
                match self.roll_locked(&mut writer, self.end().0, now) {
                    // There is no room for another one: those before it make some.
                    Err(e) if n > 1 && (e.is_full() || e.is_short()) => n -= 1,
                    rolled => drop(rolled?),
                }
            }
            if n == 0 {
                return Ok(report);
            }
            let mut left = Segments::clone(&self.segments.load());
            gone = left.drain(..n).collect();
            let first = left[0].base;
            report.moved = self.start.fetch_max(first, Ordering::AcqRel) < first;
            self.recovery_point.fetch_max(first, Ordering::AcqRel);
            self.segments.store(Arc::new(left));
            if self.epochs.write().truncate_from_start(self.start()) {
                self.epochs_dirty.store(true, Ordering::Release);
            }
            // The newest one stays even if it is that old: it is the producer table of an idle log.
            writer.drop_snapshots(&*self.disk, &self.dir, |at, last| at < first && !last);
            for segment in &gone {
                report.segments += 1;
                report.bytes += segment.len();
            }
            self.size.fetch_sub(report.bytes, Ordering::AcqRel);
        }
        // Files go by their names: not while another log may take the directory's place, or this one begins anew.
        let _in_place = self.flushing.lock();
        if !self.closed.load(Ordering::Acquire) {
            let here = self.segments.load();
            for segment in gone {
                if here.iter().all(|s| s.base != segment.base) {
                    segment.remove()?;
                }
            }
        }
        Ok(report)
    }

    /// How many of the oldest segments may go.
    fn expired(
        &self,
        segments: &Segments,
        now: Millis,
        high_watermark: Offset,
        clock_jumped: bool,
    ) -> usize {
        let config = self.config.load();
        let start = self.start().0;
        let delete = config.cleanup.delete;
        let mut surplus = match config.retention_bytes {
            ..0 => -1,
            keep => self.size_bytes() as i64 - keep,
        };
        let mut aged = 0;
        let mut n = 0;
        for (i, segment) in segments.iter().enumerate() {
            let next = segments.get(i + 1).map(|s| s.base);
            let end = next.unwrap_or_else(|| segment.end());
            let len = segment.len() as i64;
            if high_watermark.0 < end || (next.is_none() && len == 0) {
                break;
            }
            let before_start = next.is_some_and(|next| next <= start);
            let too_much = delete && surplus >= len;
            let newest = match segment.max_timestamp().0 {
                ..0 => segment.last_written(),
                newest => newest,
            };
            let too_old = delete
                && config.retention_ms >= 0
                && now.0.saturating_sub(newest) > config.retention_ms
                && (!clock_jumped || aged == 0);
            if !(before_start || too_much || too_old) {
                break;
            }
            if too_old && !before_start && !too_much {
                aged += 1;
            }
            surplus -= len;
            n += 1;
        }
        n
    }

    /// Moves the start forward (DeleteRecords, a leader's start at its follower); never back. Whole segments before it go at the
    /// next [`Log::retain`]. Gives true if it moved; an offset behind the end is out of range.
    pub fn advance_start(&self, to: Offset) -> Result<bool, ReadError> {
        let _writer = self.writer.lock();
        self.check_usable()?;
        if to > self.end() {
            return Err(ReadError::OutOfRange {
                offset: to,
                start: self.start(),
                end: self.end(),
            });
        }
        let moved = self.start.fetch_max(to.0, Ordering::AcqRel) < to.0;
        if moved && self.epochs.write().truncate_from_start(to) {
            self.epochs_dirty.store(true, Ordering::Release);
        }
        Ok(moved)
    }
}
