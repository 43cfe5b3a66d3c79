//! Appending: one lock, one write, no allocation for a record.
//!
//! Always holds: memory changes only after the bytes are in the file; a failed write leaves the log as it was and the next append
//! starts clean (faults S10). Must never: believe offsets of a producer, or change the caller's bytes (they are shared with the
//! request; offset and epoch are written from beside them).

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_protocol::batch::{BatchHeader, HEADER_LEN, TimestampType, at};
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use smallvec::SmallVec;

use super::{AppendArgs, Appended, Log, Origin, Segments, Writer};
use crate::error::{AppendError, StorageError};
use crate::files;
use crate::producers::{Staged, marker};

/// Bytes of a batch that a leader sets: base offset, length, leader epoch.
const STAMP_LEN: usize = at::MAGIC;

struct Batches<'a> {
    headers: SmallVec<[BatchHeader; 1]>,
    bytes: SmallVec<[&'a [u8]; 1]>,
    size: usize,
}

/// Cuts the bytes into batches. CRCs were checked by the caller.
fn split(mut bytes: &[u8]) -> Result<Batches<'_>, AppendError> {
    let mut all = Batches {
        headers: SmallVec::new(),
        bytes: SmallVec::new(),
        size: bytes.len(),
    };
    while !bytes.is_empty() {
        let header = BatchHeader::read(bytes)?;
        let Some((batch, rest)) = bytes.split_at_checked(header.size()) else {
            return Err(AppendError::InvalidRecord("batch longer than its bytes"));
        };
        if header.last_offset_delta < 0 {
            return Err(AppendError::InvalidRecord("negative last offset delta"));
        }
        all.headers.push(header);
        all.bytes.push(batch);
        bytes = rest;
    }
    if all.headers.is_empty() {
        return Err(AppendError::InvalidRecord("no batch"));
    }
    Ok(all)
}

impl Log {
    /// Appends whole, validated batches as the leader: sets their offsets and epoch, checks their producers.
    ///
    /// A batch that a producer has sent before gives its first offsets with `duplicate` set and appends nothing.
    pub fn append_as_leader(
        &self,
        batches: &[u8],
        args: AppendArgs,
    ) -> Result<Appended, AppendError> {
        let mut batches = split(batches)?;
        let mut writer = self.begin()?;
        // Only an append behind this lock changes it.
        let latest = self.latest_epoch();
        if let Some(latest) = latest
            && latest > args.leader_epoch
        {
            return Err(AppendError::OldEpoch {
                epoch: args.leader_epoch,
                latest,
            });
        }
        let end = self.end().0;
        if args.origin == Origin::Client {
            for header in &batches.headers {
                if header.has_producer_id()
                    && let Some((first, last, time)) = writer.producers.duplicate(header)
                {
                    return Ok(Appended {
                        base_offset: first,
                        last_offset: last,
                        log_append_time: (header.timestamp_type() == TimestampType::LogAppend)
                            .then_some(time),
                        log_start: self.start(),
                        duplicate: true,
                        flush_due: false,
                        rolled: false,
                    });
                }
            }
        }
        let mut next = end;
        let mut stamps: SmallVec<[[u8; STAMP_LEN]; 1]> = SmallVec::new();
        for (header, bytes) in batches.headers.iter_mut().zip(&batches.bytes) {
            header.base_offset = next;
            header.leader_epoch = args.leader_epoch.0;
            let mut stamp = [0; STAMP_LEN];
            stamp[..8].copy_from_slice(&next.to_be_bytes());
            stamp[at::LENGTH..at::LEADER_EPOCH]
                .copy_from_slice(&bytes[at::LENGTH..at::LEADER_EPOCH]);
            stamp[at::LEADER_EPOCH..].copy_from_slice(&args.leader_epoch.0.to_be_bytes());
            stamps.push(stamp);
            next = header.next_offset().0;
        }
        let mut parts: SmallVec<[IoSlice<'_>; 4]> = SmallVec::new();
        for (stamp, bytes) in stamps.iter().zip(&batches.bytes) {
            parts.push(IoSlice::new(stamp));
            parts.push(IoSlice::new(&bytes[STAMP_LEN..]));
        }
        self.append(
            &mut writer,
            &batches,
            &mut parts,
            args.origin,
            args.now,
            latest,
        )
    }

    /// Appends batches that carry their offsets and epochs already: a follower's, or the metadata log's.
    pub fn append_as_follower(&self, batches: &[u8], now: Millis) -> Result<Appended, AppendError> {
        let split = split(batches)?;
        let mut writer = self.begin()?;
        let mut end = self.end().0;
        for header in &split.headers {
            // Compaction leaves gaps before batches.
            if header.base_offset < end {
                return Err(AppendError::UnexpectedOffset {
                    got: Offset(header.base_offset),
                    end: Offset(end),
                });
            }
            end = header.next_offset().0;
        }
        let mut parts = [IoSlice::new(batches)];
        self.append(
            &mut writer,
            &split,
            &mut parts,
            Origin::Replication,
            now,
            None,
        )
    }

    /// Takes the lock and mends what a failure before may have left.
    pub(super) fn begin(&self) -> Result<parking_lot::MutexGuard<'_, Writer>, StorageError> {
        let mut writer = self.writer.lock();
        self.check_usable()?;
        if writer.amid_cut {
            self.finish_cut(&mut writer)?;
        }
        if writer.amid_append {
            self.heal(&mut writer)?;
        }
        if writer.cut_due {
            self.drop_ahead(&mut writer)?;
            self.active().cut_to_len()?;
            writer.cut_due = false;
        }
        Ok(writer)
    }

    fn append(
        &self,
        writer: &mut Writer,
        batches: &Batches<'_>,
        parts: &mut [IoSlice<'_>],
        origin: Origin,
        now: Millis,
        known_epoch: Option<LeaderEpoch>,
    ) -> Result<Appended, AppendError> {
        let config = self.config.load();
        // What a leader has stored is followed, however small segments have been made since: one too large has a segment of its own.
        let limited = origin != Origin::Replication;
        if limited && batches.size as u64 > u64::from(config.segment_bytes) {
            return Err(AppendError::TooLarge {
                size: batches.size,
                limit: config.segment_bytes,
            });
        }
        let mut staged = Staged::default();
        for (header, bytes) in batches.headers.iter().zip(&batches.bytes) {
            if !header.has_producer_id() {
                continue;
            }
            let marker = if header.is_control() {
                marker(header, &bytes[HEADER_LEN..])?
            } else {
                None
            };
            let producers = &writer.producers;
            producers.stage(header, header.base_offset, marker, origin, &mut staged)?;
        }
        let first = batches.headers[0];
        let last = *batches.headers.last().expect("split gives at least one");
        let newest = batches.headers.iter().map(|h| h.max_timestamp).max();
        let newest = newest.unwrap_or(-1);
        let offsets = (first.base_offset, last.last_offset().0);
        if offsets.1 - offsets.0 > i64::from(i32::MAX) {
            let why = "the batches of one append are too far apart for one segment";
            return Err(AppendError::InvalidRecord(why));
        }
        let rolled = self.roll_if_due(writer, batches.size, newest, offsets, now)?;
        let segment = self.active();
        if !segment.is_made() {
            segment.make_files(config.preallocate.then_some(config.segment_bytes.into()))?;
            self.dir_dirty.store(true, Ordering::Release);
        }

        writer.amid_append = true;
        // The aborted transactions' index entries go first: a reader must not find a marker without them.
        if let Err(e) = segment.write(parts) {
            writer.amid_append = false;
            writer.cut_due = true;
            // It is tried again before the next append.
            let _ = self.drop_ahead(writer);
            return Err(e.into());
        }
        let end = last.next_offset();
        if !staged.is_empty() {
            let aborted = writer.producers.commit(staged, end.0);
            self.note_transactions(writer);
            for entry in aborted {
                let path = segment.path(files::TXN_INDEX);
                let added = segment.with_txns(|t| t.append(&**segment.disk(), &path, entry));
                if let Err(e) = added.and_then(|r| r) {
                    // The marker is not visible yet: take all of it back.
                    self.heal(writer)?;
                    return Err(e.into());
                }
            }
        }
        writer.producers.end = end.0;
        // Not at its first record, if that lies behind a gap: what another replica has there of an older epoch was never committed, or
        // was taken by compaction.
        let mut begins = self.end();
        for header in &batches.headers {
            let epoch = LeaderEpoch(header.leader_epoch);
            if known_epoch != Some(epoch) {
                self.note_epoch(epoch, begins);
            }
            begins = header.next_offset();
        }
        segment.publish(&batches.headers);
        self.size.fetch_add(batches.size as u64, Ordering::AcqRel);
        self.unflushed_since.fetch_min(now.0, Ordering::AcqRel);
        self.end.store(end.0, Ordering::Release);
        writer.amid_append = false;
        Ok(Appended {
            base_offset: Offset(first.base_offset),
            last_offset: last.last_offset(),
            log_append_time: (last.timestamp_type() == TimestampType::LogAppend)
                .then_some(Millis(last.max_timestamp)),
            log_start: self.start(),
            duplicate: false,
            flush_due: self.unflushed() >= config.flush_messages,
            rolled,
        })
    }

    /// Takes back a segment that was begun behind a gap for batches that then could not be written: others may come before it.
    fn drop_ahead(&self, writer: &mut Writer) -> Result<(), StorageError> {
        let (active, end) = (self.active(), self.end().0);
        if active.base <= end || active.len() > 0 {
            return Ok(());
        }
        active.remove()?;
        writer.drop_snapshots(&*self.disk, &self.dir, |at, _| at > end);
        let mut segments = Segments::clone(&self.segments.load());
        segments.pop();
        self.segments.store(Arc::new(segments));
        Ok(())
    }

    /// Brings tables and file back to what readers see, after an append was cut short (a panic, a failed index write).
    pub(super) fn heal(&self, writer: &mut Writer) -> Result<(), StorageError> {
        self.drop_ahead(writer)?;
        let segments: Arc<_> = self.segments.load_full();
        let active = self.active();
        // A panic may have struck between the segment's end and the log's: what the segment has published is whole.
        let end = active.end();
        active.cut_to_len()?;
        self.end.store(end, Ordering::Release);
        self.size
            .store(segments.iter().map(|s| s.len()).sum(), Ordering::Release);
        if self.epochs.write().truncate_from_end(Offset(end)) {
            self.epochs_dirty.store(true, Ordering::Release);
        }
        self.reload_producers(writer, &segments, end, i64::MAX)?;
        writer.amid_append = false;
        Ok(())
    }
}
