//! Reading: offsets and times to file ranges. Copies no record.
//!
//! Always holds: a read gives whole batches, from the one that holds the offset up to the bound. Must never: take the writer's
//! lock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_protocol::batch::{BatchBytes, BatchHeader};
use airis_protocol::types::{FileRange, LeaderEpoch, Millis, Offset, RangeSource};
use bytes::Bytes;
use smallvec::smallvec;

use super::{Log, Read, Segments, TimeOffset};
use crate::disk::{DiskFile, is_unreadable, read_exact_at};
use crate::error::{ReadError, StorageError};
use crate::files;
use crate::index::AbortedTxn;
use crate::limits::DECOMPRESSED_BATCH_MAX;
use crate::scan::{Stop, Walk};
use crate::segment::Segment;

impl Log {
    /// File ranges of whole batches from the one that holds `from` up to, not including, `bound` (the high watermark, the last
    /// stable offset or the end). At most `max_bytes`, unless the first batch is larger and `min_one` is set.
    ///
    /// The first batch may begin before `from`: clients skip. Offsets outside of `start..=end` are out of range.
    pub fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        bound: Offset,
        min_one: bool,
    ) -> Result<Read, ReadError> {
        self.retrying(|| self.read_once(from, max_bytes, bound, min_one))
    }

    /// Tries again if a segment went between a look at the list and the open of its file: the log's start has moved then.
    fn retrying<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        loop {
            let start = self.start();
            match attempt() {
                Err(ReadError::Storage(e)) if e.is_not_found() && self.start() != start => {}
                other => return other,
            }
        }
    }

    fn out_of_range(&self, offset: Offset) -> ReadError {
        ReadError::OutOfRange {
            offset,
            start: self.start(),
            end: self.end(),
        }
    }

    fn read_once(
        &self,
        from: Offset,
        max_bytes: usize,
        bound: Offset,
        min_one: bool,
    ) -> Result<Read, ReadError> {
        let end = self.end();
        if from < self.start() || from > end {
            return Err(self.out_of_range(from));
        }
        let bound = bound.min(end);
        let nothing = Read {
            upper: bound,
            ..Read::default()
        };
        if from >= bound {
            return Ok(nothing);
        }
        let segments = self.segments.load();
        if from.0 < segments[0].base {
            // Retention was faster.
            return Err(self.out_of_range(from));
        }
        let mut at = floor(&segments, from.0);
        let (segment, position) = loop {
            let Some(segment) = segments.get(at) else {
                return Ok(nothing);
            };
            if segment.base >= bound.0 {
                return Ok(nothing);
            }
            match segment.locate(from.0)? {
                Some(position) => break (segment, position),
                // Compaction has taken the segment's last records.
                None => at += 1,
            }
        };
        let last = at + 1 == segments.len();
        let (mut limit, end) = segment.extent();
        let segment_end = match segments.get(at + 1) {
            Some(next) => next.base,
            None => end,
        };
        let upper = if bound.0 < segment_end {
            if let Some(p) = segment.locate(bound.0)? {
                limit = p;
            }
            bound
        } else {
            Offset(segment_end.min(bound.0).max(from.0 + 1))
        };
        let Some(limit) = segment.readable(position, limit) else {
            return Err(segment.damaged(from.0));
        };
        let available = limit.saturating_sub(position);
        let mut take = available;
        if available > max_bytes as u64 {
            take = match segment.cut(position, position + max_bytes as u64)? {
                Some(to) => to - position,
                None if min_one => self.first_batch(segment, position, limit, from)?,
                None => 0,
            };
        }
        if take == 0 {
            return Ok(nothing);
        }
        // What may have come from the disk again is not given out unseen: up to the first bad batch, or not at all.
        let period = self.period.load(Ordering::Acquire);
        take = segment.good_to(position, position + take, period)? - position;
        if take == 0 {
            return Err(segment.damaged(from.0));
        }
        let file = segment.file()?;
        let source: Arc<dyn RangeSource> = file;
        Ok(Read {
            ranges: smallvec![FileRange {
                source,
                position,
                len: take as u32,
            }],
            bytes: take as usize,
            upper,
            more: take < available || (!last && upper < bound),
        })
    }

    fn first_batch(
        &self,
        segment: &Segment,
        position: u64,
        limit: u64,
        from: Offset,
    ) -> Result<u64, ReadError> {
        let file = segment.file()?;
        let mut walk = Walk::headers(&*file, position, limit, segment.base);
        match walk.next() {
            Ok(Some((_, header))) => Ok(header.size() as u64),
            Ok(None) => Ok(0),
            Err(stop) => Err(failed(segment, stop, from.0)),
        }
    }

    /// The first record with a timestamp of `timestamp` or later and an offset below `bound`.
    pub fn offset_for_time(
        &self,
        timestamp: Millis,
        bound: Offset,
    ) -> Result<Option<TimeOffset>, ReadError> {
        self.retrying(|| self.offset_for_time_once(timestamp, bound))
    }

    fn offset_for_time_once(
        &self,
        timestamp: Millis,
        bound: Offset,
    ) -> Result<Option<TimeOffset>, ReadError> {
        let start = self.start().0;
        let segments = self.segments.load_full();
        for segment in segments[floor(&segments, start)..].iter() {
            if segment.max_timestamp().0 < timestamp.0 || segment.len() == 0 {
                continue;
            }
            if segment.base >= bound.0 {
                break;
            }
            let mut position = segment.before_time(timestamp.0)?;
            if segment.base < start
                && let Some(p) = segment.locate(start)?
            {
                position = position.max(p);
            }
            let file = segment.file()?;
            let mut walk = Walk::headers(&*file, position, segment.len(), segment.base);
            while let Some((at, header)) = walk
                .next()
                .map_err(|stop| failed(segment, stop, segment.base))?
            {
                if header.base_offset >= bound.0 {
                    return Ok(None);
                }
                if header.max_timestamp < timestamp.0 || header.last_offset().0 < start {
                    continue;
                }
                let found = find_record(segment, &*file, at, &header, |t, offset| {
                    t >= timestamp && offset.0 >= start
                })?;
                if let Some(found) = found {
                    return Ok((found.offset < bound).then_some(found));
                }
            }
        }
        Ok(None)
    }

    /// The first record that has the greatest timestamp of the log.
    pub fn max_timestamp(&self) -> Result<Option<TimeOffset>, ReadError> {
        self.retrying(|| self.max_timestamp_once())
    }

    fn max_timestamp_once(&self) -> Result<Option<TimeOffset>, ReadError> {
        let segments = self.segments.load_full();
        let mut best: Option<(&Arc<Segment>, (i64, i64))> = None;
        for segment in segments.iter().filter(|s| s.len() > 0) {
            let max = segment.max_timestamp();
            if max.0 >= 0 && best.is_none_or(|(_, b)| max.0 > b.0) {
                best = Some((segment, max));
            }
        }
        let Some((segment, (timestamp, last))) = best else {
            return Ok(None);
        };
        let Some(position) = segment.locate(last)? else {
            return Ok(None);
        };
        let file = segment.file()?;
        let mut walk = Walk::headers(&*file, position, segment.len(), segment.base);
        while let Some((at, header)) = walk.next().map_err(|stop| failed(segment, stop, last))? {
            if header.max_timestamp == timestamp {
                return find_record(segment, &*file, at, &header, |t, _| t.0 == timestamp);
            }
        }
        Ok(None)
    }

    /// The aborted transactions that touch `from..to`, in the order of their markers. Out of range once some of that is gone: of
    /// what was aborted there nobody knows any more.
    pub fn aborted(&self, from: Offset, to: Offset) -> Result<Vec<AbortedTxn>, ReadError> {
        self.retrying(|| self.aborted_once(from, to))
    }

    fn aborted_once(&self, from: Offset, to: Offset) -> Result<Vec<AbortedTxn>, ReadError> {
        let segments = self.segments.load_full();
        if from.0 < segments[0].base {
            return Err(self.out_of_range(from));
        }
        let mut found = Vec::new();
        for segment in segments[floor(&segments, from.0)..].iter() {
            if segment.with_txns(|t| t.collect(from, to, &mut found))? {
                break;
            }
        }
        Ok(found)
    }
}

/// The index of the segment that may hold `offset`.
pub(super) fn floor(segments: &Segments, offset: i64) -> usize {
    segments
        .partition_point(|s| s.base <= offset)
        .saturating_sub(1)
}

fn failed(segment: &Segment, stop: Stop, offset: i64) -> ReadError {
    match stop {
        Stop::Io(e) => StorageError::io("read", &segment.path(files::LOG), e).into(),
        Stop::Bad { .. } => segment.damaged(offset),
    }
}

/// The first record of a batch that `wanted` takes.
fn find_record(
    segment: &Segment,
    file: &dyn DiskFile,
    position: u64,
    header: &BatchHeader,
    wanted: impl Fn(Millis, Offset) -> bool,
) -> Result<Option<TimeOffset>, ReadError> {
    let bad = || segment.damaged(header.base_offset);
    let mut buf = vec![0; header.size()];
    read_exact_at(file, position, &mut buf).map_err(|e| match is_unreadable(&e) {
        true => bad(),
        false => StorageError::io("read", &segment.path(files::LOG), e).into(),
    })?;
    let (batch, _) = BatchBytes::parse(Bytes::from(buf)).map_err(|_| bad())?;
    let records = batch.records(DECOMPRESSED_BATCH_MAX).map_err(|_| bad())?;
    for record in records.iter() {
        let record = record.map_err(|_| bad())?;
        if wanted(record.timestamp, record.offset) {
            return Ok(Some(TimeOffset {
                timestamp: record.timestamp,
                offset: record.offset,
                leader_epoch: LeaderEpoch(header.leader_epoch),
            }));
        }
    }
    Ok(None)
}
