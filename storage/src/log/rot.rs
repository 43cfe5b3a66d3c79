//! Bytes of the log that have gone bad: finding them, and putting what another replica has in their place.
//!
//! Always holds: offsets and positions stay what they are; the good batches around a hole are not touched. Must never: take a cut
//! that happens meanwhile for damage (truncation and this exclude each other by the flush lock).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_protocol::types::Offset;
use bytes::Bytes;

use super::{Damage, Log, read};
use crate::error::{MendError, StorageError};
use crate::segment::Segment;

/// Where a check of a log goes on: a segment, and a batch's position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckAt {
    pub segment: Offset,
    pub position: u64,
}

impl CheckAt {
    pub const START: CheckAt = CheckAt {
        segment: Offset(0),
        position: 0,
    };
}

/// What a piece of a check gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// `None` at the end of the log.
    pub next: Option<CheckAt>,
    pub bytes: u64,
    /// The segment is to be inspected: something seems bad.
    pub suspect: Option<Offset>,
}

impl Log {
    /// What is known to be bad, with the offsets that cannot be read for it.
    pub fn damage(&self) -> Vec<Damage> {
        let segments = self.segments.load();
        let of = |s: &Arc<Segment>| {
            let end = Offset(s.end());
            let mut known = s.known_damage();
            known.iter_mut().for_each(|d| d.next = d.next.or(Some(end)));
            known
        };
        segments.iter().flat_map(of).collect()
    }

    /// What was appended or checked up to now is not taken for granted any more when it is read.
    pub fn cool(&self) {
        self.period.fetch_add(1, Ordering::AcqRel);
        let segments = self.segments.load();
        for segment in segments.iter().rev().take_while(|s| !s.is_cold()) {
            segment.cool();
        }
    }

    /// The base of the segment that holds this offset.
    pub fn segment_of(&self, offset: Offset) -> Offset {
        let segments = self.segments.load();
        Offset(segments[read::floor(&segments, offset.0)].base)
    }

    /// Checks about `bytes` of one segment, from where an earlier call has stopped.
    pub fn check(&self, at: CheckAt, bytes: u64) -> Result<Checked, StorageError> {
        let segments = self.segments.load_full();
        let i = segments.partition_point(|s| s.base < at.segment.0);
        let Some(segment) = segments.get(i) else {
            return Ok(Checked {
                next: None,
                bytes: 0,
                suspect: None,
            });
        };
        // Retention has taken that segment meanwhile; or it is the first call.
        let from = match segment.base == at.segment.0 {
            true => at.position,
            false => 0,
        };
        let (on, bad) = segment.check_piece(from, bytes)?;
        let next = match on {
            Some(position) => Some(CheckAt {
                segment: Offset(segment.base),
                position,
            }),
            None => segments.get(i + 1).map(|s| CheckAt {
                segment: Offset(s.base),
                position: 0,
            }),
        };
        Ok(Checked {
            next,
            bytes: on.unwrap_or(segment.len()).saturating_sub(from),
            suspect: bad.then_some(Offset(segment.base)),
        })
    }

    /// Reads the segment that holds `offset` and notes what of it is bad. Gives what was not known yet.
    pub fn inspect(&self, offset: Offset) -> Result<Vec<Damage>, StorageError> {
        let segments = self.segments.load_full();
        let segment = &segments[read::floor(&segments, offset.0)];
        let seen = segment.inspect()?;
        let _no_cuts = self.flushing.lock();
        segment.note(seen)
    }

    /// Writes batches over known damage. They have to be the same that were there: whole, with good CRCs, within its offsets, of
    /// the leader epochs that the log knows for them, and just as long.
    pub fn mend(&self, damage: &Damage, batches: &Bytes) -> Result<(), MendError> {
        let _no_cuts = self.flushing.lock();
        self.check_usable()?;
        let segments = self.segments.load_full();
        let at = read::floor(&segments, damage.first.0);
        let segment = &segments[at];
        if segment.path(crate::files::LOG) != damage.path {
            return Err(MendError::Other("the segment is gone"));
        }
        segment.mend(damage, batches, at + 1 < segments.len(), |offset| {
            self.epoch_at(offset)
        })
    }
}
