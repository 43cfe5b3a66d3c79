//! Opening a segment that lies on the disk: quickly after a clean stop, by reading every batch after a crash.
//!
//! Always holds: after it the indexes agree with the bytes. Must never: cut off what was flushed before the crash as long as
//! something valid follows it; that is damage to be told and, with replicas, to be mended, not a torn tail. Nor what was flushed and
//! the disk does not give, at the very end too.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_protocol::batch::{BatchError, BatchHeader};
use airis_protocol::types::Offset;

use super::{Indexes, Miss, Segment};
use crate::disk::{Disk, DiskFile, read_exact_at};
use crate::error::{AtPath, StorageError};
use crate::files::{self, segment_file};
use crate::index::{Entry, Index, OffsetEntry, TimeEntry, TxnIndex};
use crate::limits::{RECOVERY_CHUNK, RESYNC_MAX, SEGMENT_LEN_MAX};
use crate::log::Damage;
use crate::scan::{Bad, Met, Stop, Survey, Walk};

/// What the scan of a segment found.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Bytes cut off the end, and why.
    pub truncated: u64,
    pub why: Option<String>,
    /// Ranges that were left in place although they cannot be read.
    pub damage: Vec<Damage>,
}

/// How a segment looks after a quick glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    Good,
    /// Index files are missing or cannot be right; the batches are not in doubt.
    IndexesBad,
    /// The last batches cannot be walked.
    TailBad,
}

impl Segment {
    /// Looks at the sizes and the last entries. `next` is the base of the segment after it; without one it is the active
    /// segment, whose end is found by walking from its last index entry.
    pub fn glance(
        disk: &Arc<dyn Disk>,
        dir: &Arc<Path>,
        base: i64,
        next: Option<i64>,
        interval: u64,
        now: i64,
    ) -> Result<(Segment, Glance), StorageError> {
        let path = segment_file(dir, Offset(base), files::LOG);
        let len = disk.len(&path).at("stat", &path)?.unwrap_or(0);
        if len > SEGMENT_LEN_MAX {
            let what = format!("segment of {len} bytes, Kafka's largest is {SEGMENT_LEN_MAX}");
            return Err(StorageError::damaged(&path, what));
        }
        let segment = Segment::adopt(disk.clone(), dir.clone(), base, interval, now, len);
        let path = segment.path(files::OFFSET_INDEX);
        let offsets = Index::<OffsetEntry>::open(&**disk, &path)?;
        let path = segment.path(files::TIME_INDEX);
        let times = Index::<TimeEntry>::open(&**disk, &path)?;
        let (Some(offsets), Some(times)) = (offsets, times) else {
            segment.end.store(next.unwrap_or(base), Ordering::Release);
            return Ok((segment, Glance::IndexesBad));
        };
        let span = next.map_or(i64::from(i32::MAX), |n| n - base);
        let offset_ok = offsets.last().is_none_or(|e| {
            i64::from(e.offset()) < span && u64::from(e.position) < len && e != NOTHING
        });
        // The last entry of a closed segment's time index is the greatest timestamp; only a segment without any has none. The
        // active one has an entry as soon as the offset index has.
        let time_ok =
            times
                .last()
                .map_or(len == 0 || (next.is_none() && offsets.len() == 0), |e| {
                    i64::from(e.offset()) < span
                        && e.timestamp >= 0
                        && (e.timestamp, e.offset) != (0, 0)
                });
        let enough = next.is_none() || offsets.len() > 0 || len <= 2 * interval.max(4096);
        if let Some(e) = times.last() {
            segment.indexes.write().max_timestamp = (e.timestamp, base + i64::from(e.offset));
        }
        {
            let mut indexes = segment.indexes.write();
            indexes.offsets = offsets;
            indexes.times = times;
        }
        segment.end.store(next.unwrap_or(base), Ordering::Release);
        if !offset_ok || !time_ok || !enough {
            return Ok((segment, Glance::IndexesBad));
        }
        if next.is_none() && len > 0 {
            match segment.learn_tail() {
                // Beyond the end it is garbage.
                Ok(end) if segment.max_timestamp().1 >= end => {
                    return Ok((segment, Glance::IndexesBad));
                }
                Ok(_) => {}
                Err(Miss::Index) => return Ok((segment, Glance::IndexesBad)),
                Err(Miss::Damage) => return Ok((segment, Glance::TailBad)),
                Err(Miss::Storage(e)) => return Err(e),
            }
        }
        Ok((segment, Glance::Good))
    }

    /// Walks from the last index entry to the end: finds the end offset, the greatest timestamp, the newest batches.
    pub(super) fn learn_tail(&self) -> Result<i64, Miss> {
        let len = self.len();
        let mut indexes = self.indexes.write();
        let last = indexes.offsets.last();
        let start = last.map_or(0, |e| u64::from(e.position));
        indexes.max_timestamp = indexes.times.last().map_or((-1, self.base), |e| {
            (e.timestamp, self.base + i64::from(e.offset))
        });
        indexes.tail.clear();
        indexes.since = len - start.min(len);
        if len == 0 {
            self.end.store(self.base, Ordering::Release);
            return Ok(self.base);
        }
        if start >= len {
            return Err(Miss::Index);
        }
        let file = self.file().map_err(Miss::Storage)?;
        let mut walk = Walk::headers(&*file, start, len, self.base);
        let mut end = None;
        let mut max = indexes.max_timestamp;
        loop {
            match walk.next() {
                Ok(Some((position, header))) => {
                    let last_offset = header.last_offset().0;
                    if let (None, Some(entry)) = (end, last)
                        && last_offset - self.base != i64::from(entry.offset)
                    {
                        return Err(Miss::Index);
                    }
                    end = Some(last_offset + 1);
                    if header.max_timestamp > max.0 {
                        max = (header.max_timestamp, last_offset);
                    }
                    indexes.remember(last_offset, position);
                }
                Ok(None) => break,
                Err(Stop::Bad { .. }) if end.is_none() && last.is_some() => {
                    return Err(Miss::Index);
                }
                Err(Stop::Bad { .. }) => return Err(Miss::Damage),
                Err(Stop::Io(e)) => {
                    let path = self.path(files::LOG);
                    return Err(Miss::Storage(StorageError::io("read", &path, e)));
                }
            }
        }
        indexes.max_timestamp = max;
        let end = end.unwrap_or(self.base);
        self.end.store(end, Ordering::Release);
        Ok(end)
    }

    /// Reads every batch, checks it, and builds the indexes anew. What cannot be read and lies before offset `flushed` is kept
    /// as damage if something valid follows it (or the segment of base `next` does); else the segment is cut there. `on_batch` is given
    /// each batch, and whether damage lies right before it.
    pub fn recover(
        &self,
        flushed: i64,
        next: Option<i64>,
        mut on_batch: impl FnMut(&BatchHeader, bool),
    ) -> Result<Recovered, StorageError> {
        let path = self.path(files::LOG);
        let file = self.file()?;
        let len = file.len().at("stat", &path)?;
        let mut report = Recovered::default();
        let mut fresh = Indexes::empty(self.base);
        let walk = Walk::whole(&*file, 0, len, self.base, RECOVERY_CHUNK);
        let mut survey = Survey::new(walk, self.base, self.limit(next));
        let mut good = len;
        loop {
            match survey.next().map_err(|e| self.stop(&path, e))? {
                Met::Batch(position, header) => {
                    let relative = header.last_offset().0 - self.base;
                    if relative > i64::from(i32::MAX) {
                        // Kafka splits such segments (KAFKA-6264); no version that wrote them has written format 2 only.
                        let what = format!("offset {relative} beyond the segment's base");
                        return Err(StorageError::damaged(&path, what));
                    }
                    ends_at(&mut report.damage, header.base_offset);
                    fresh.note(self.base, &header, position, self.interval);
                    let hole = report.damage.last();
                    on_batch(&header, hole.is_some_and(|d| d.bytes.end == position));
                }
                Met::End => break,
                Met::Misnumbered {
                    from,
                    to,
                    first,
                    next: due,
                } if first < flushed && (to < len || next.is_some()) => {
                    fresh.force_entry();
                    report.damage.push(self.damage(from, to, first, Some(due)));
                }
                Met::Misnumbered { from, first, .. } => {
                    good = from;
                    survey.jump(from, first);
                    report.why = Some(format!("an offset where {first} is due"));
                    break;
                }
                Met::Bad { position, why } => {
                    if position == 0
                        && let Bad::Batch(BatchError::Magic(magic @ (0 | 1))) = why
                        && is_old_message(&*file, len)
                    {
                        let what = format!("record format {magic} of Kafka before 0.11");
                        return Err(StorageError::damaged(&path, what));
                    }
                    let first = survey.expected();
                    let kept = first < flushed;
                    let unreadable = matches!(why, Bad::Unreadable { .. });
                    // No torn write: what follows it was written, whatever was flushed.
                    let on = if kept || unreadable {
                        survey.resync(RESYNC_MAX).map_err(|e| self.stop(&path, e))?
                    } else {
                        None
                    };
                    let Some(on) = on else {
                        if let Some(due) = next.filter(|_| kept) {
                            report.damage.push(self.damage(position, len, first, next));
                            survey.jump(len, due);
                        } else if kept && unreadable {
                            // It may have been acknowledged, and how far the log went nobody knows: not to be cut unseen.
                            let what = format!(
                                "{why}, nor anything behind it: move the directory away to have the replica made anew from others"
                            );
                            return Err(StorageError::damaged(&path, what));
                        } else {
                            good = position;
                            report.why = Some(why.to_string());
                        }
                        break;
                    };
                    fresh.force_entry();
                    report.damage.push(self.damage(position, on, first, None));
                }
            }
        }
        let end = survey.expected();
        if good < len {
            report.truncated = len - good;
            file.set_len(good).at("truncate", &path)?;
            // Before anything is appended: bytes that a power cut brings back behind a new batch could continue it.
            file.sync_data().at("fsync", &path)?;
        }
        // The process that wrote these bytes may have died before it synced them.
        self.dirty.store(true, Ordering::Release);
        *self.damage.write() = report.damage.clone();
        self.len.store(good, Ordering::Release);
        self.cold_to.store(good, Ordering::Release);
        self.end.store(end, Ordering::Release);
        self.first_timestamp
            .store(super::UNKNOWN, Ordering::Relaxed);
        *self.indexes.write() = fresh;
        self.seal_rebuilt()?;
        // The seal has dropped what tailing readers use; it fills again with the next appends.
        Ok(report)
    }

    /// Offsets of this segment lie below; `next` is the base of the one behind it.
    pub(super) fn limit(&self, next: Option<i64>) -> i64 {
        next.unwrap_or(self.base + i64::from(i32::MAX) + 1)
    }

    pub(super) fn stop(&self, path: &Path, stop: Stop) -> StorageError {
        match stop {
            Stop::Io(e) => StorageError::io("read", path, e),
            Stop::Bad { position, why } => {
                StorageError::damaged(path, format!("byte {position}: {why}"))
            }
        }
    }

    pub(super) fn damage(&self, from: u64, to: u64, first: i64, next: Option<i64>) -> Damage {
        Damage {
            path: self.path(files::LOG),
            bytes: from..to,
            first: Offset(first),
            next: next.map(Offset),
        }
    }

    /// Builds the indexes anew from the batches; cuts nothing.
    pub fn rebuild_indexes(&self) -> Result<(), StorageError> {
        let path = self.path(files::LOG);
        let file = self.file()?;
        // Held for the whole walk, so that no append is missed. This is a rare mishap.
        let mut indexes = self.indexes.write();
        let mut fresh = Indexes::empty(self.base);
        let walk = Walk::whole(&*file, 0, self.len(), self.base, RECOVERY_CHUNK);
        // Of a segment that was just adopted, the end may not be known.
        let end = match self.end() {
            end if end > self.base => end,
            _ => self.limit(None),
        };
        let mut survey = Survey::new(walk, self.base, end);
        loop {
            if let Some((on, due)) = self.behind(survey.position(), end) {
                survey.jump(on, due);
                fresh.tail.clear();
                fresh.force_entry();
                continue;
            }
            match survey.next().map_err(|e| self.stop(&path, e))? {
                Met::Batch(position, header) if header.next_offset().0 <= end => {
                    fresh.note(self.base, &header, position, self.interval);
                }
                Met::Batch(..) | Met::Misnumbered { .. } => {
                    fresh.tail.clear();
                    fresh.force_entry();
                }
                Met::End => break,
                Met::Bad { .. } => {
                    fresh.tail.clear();
                    let on = survey.resync(RESYNC_MAX);
                    if on.map_err(|e| self.stop(&path, e))?.is_none() {
                        break;
                    }
                    fresh.force_entry();
                }
            }
        }
        *indexes = fresh;
        drop(indexes);
        self.seal_rebuilt()
    }

    /// Reads the transaction index; false if it is damaged.
    pub fn check_txns(&self) -> Result<bool, StorageError> {
        let path = self.path(files::TXN_INDEX);
        let opened = TxnIndex::open(&*self.disk, &path, Offset(self.base))?;
        let good = opened.is_some();
        *self.txns.write() = opened;
        Ok(good)
    }

    /// Empties the transaction index, for a replay of the segment to fill it.
    pub fn reset_txns(&self) -> Result<(), StorageError> {
        let path = self.path(files::TXN_INDEX);
        if let Some(1..) = self.disk.len(&path).at("stat", &path)? {
            let file = self
                .disk
                .open(&path, crate::disk::OpenMode::Write)
                .at("open", &path)?;
            file.set_len(0).at("truncate", &path)?;
        }
        *self.txns.write() = Some(TxnIndex::default());
        Ok(())
    }

    /// Makes the transaction index file, empty if need be: its absence then means that it was lost.
    pub fn make_txn_file(&self) -> Result<(), StorageError> {
        let path = self.path(files::TXN_INDEX);
        self.disk
            .open(&path, crate::disk::OpenMode::Create)
            .at("create", &path)
            .map(drop)
    }
}

/// What comes behind damage tells which offsets it has taken.
pub(super) fn ends_at(damage: &mut [Damage], next: i64) {
    if let Some(last) = damage.last_mut() {
        last.next = last.next.or(Some(Offset(next)));
    }
}

/// What a preallocated, never used index slot holds.
const NOTHING: OffsetEntry = OffsetEntry {
    offset: 0,
    position: 0,
};

/// True if the file begins with a message of the formats before 0.11: a lost write can leave a magic of 0, too, but not its CRC.
fn is_old_message(file: &dyn DiskFile, len: u64) -> bool {
    let mut head = [0; 16];
    if read_exact_at(file, 0, &mut head).is_err() {
        return false;
    }
    let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("4 bytes"));
    let (size, crc) = (u64::from(number(8)), number(12));
    if size < 14 || 12 + size > len {
        return false;
    }
    let mut message = vec![0; size as usize - 4];
    read_exact_at(file, 16, &mut message).is_ok() && crc_fast::crc32_iso_hdlc(&message) == crc
}
