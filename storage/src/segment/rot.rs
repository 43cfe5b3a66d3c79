//! Rot: bytes that were good when they were written and are not any more.
//!
//! Always holds: what is noted as damage was bad when it was looked at under the log's flush lock, with no cut in between. Must
//! never: write anything but whole batches with good CRCs that fill the hole exactly.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::atomic::Ordering;

use airis_protocol::batch::BatchBytes;
use airis_protocol::types::{LeaderEpoch, Offset};
use bytes::Bytes;

use super::Segment;
use super::recover::ends_at;
use crate::error::{AtPath, MendError, StorageError};
use crate::files;
use crate::limits::{BLOCK, RESYNC_MAX};
use crate::log::Damage;
use crate::scan::{Bad, Met, Stop, Survey, Walk};

/// What a look at a whole segment saw.
pub(crate) struct Inspected {
    damage: Vec<Damage>,
    len: u64,
    cuts: u64,
}

/// Whole batches that were checked between two calls of [`Log::cool`]: their bytes are in the page cache as they were seen.
///
/// [`Log::cool`]: crate::log::Log::cool
#[derive(Default)]
pub(super) struct Sure {
    /// Between which two.
    period: u32,
    bytes: Range<u64>,
}

impl Sure {
    /// Where the first batch begins, from `at` on, that is to be checked.
    fn behind(&self, at: u64, period: u32) -> u64 {
        match self.period == period && self.bytes.contains(&at) {
            true => self.bytes.end,
            false => at,
        }
    }

    /// Consumers read on, side by side: one range grows with them. Another place begins it anew.
    fn add(&mut self, new: Range<u64>, period: u32) {
        let joins = new.start <= self.bytes.end && self.bytes.start <= new.end;
        if self.period == period && joins {
            self.bytes.start = self.bytes.start.min(new.start);
            self.bytes.end = self.bytes.end.max(new.end);
        } else {
            *self = Sure { period, bytes: new };
        }
    }

    fn cut(&mut self, position: u64) {
        self.bytes.end = self.bytes.end.min(position);
    }
}

impl Segment {
    pub fn known_damage(&self) -> Vec<Damage> {
        self.damage.read().clone()
    }

    /// What was appended up to now is not new any more.
    pub fn cool(&self) {
        // Length and end change together behind this lock.
        let _indexes = self.indexes.read();
        self.cold_to.store(self.len(), Ordering::Release);
    }

    pub fn is_cold(&self) -> bool {
        self.cold_to.load(Ordering::Acquire) >= self.len()
    }

    pub(super) fn forget_behind(&self, position: u64) {
        self.cuts.fetch_add(1, Ordering::AcqRel);
        self.cold_to.fetch_min(position, Ordering::AcqRel);
        self.sure.lock().cut(position);
        self.damage.write().retain(|d| d.bytes.start < position);
    }

    /// True if known damage begins at this position.
    pub fn is_hole(&self, position: u64) -> bool {
        self.damage.read().iter().any(|d| d.bytes.start == position)
    }

    /// The first offset that is lost by the damage that begins there.
    pub(super) fn first_lost(&self, position: u64) -> Option<i64> {
        let damage = self.damage.read();
        let known = damage.iter().find(|d| d.bytes.start == position);
        known.map(|d| d.first.0)
    }

    /// Where to walk on towards `offset`, and from which offset on, if known damage begins at this position; `None` if none does, or
    /// the offset lies in it.
    pub fn behind(&self, position: u64, offset: i64) -> Option<(u64, i64)> {
        let damage = self.damage.read();
        let known = damage.iter().find(|d| d.bytes.start == position)?;
        let next = known.next.filter(|next| next.0 <= offset)?;
        (known.bytes.end < self.len()).then_some((known.bytes.end, next.0))
    }

    /// How far the batches between these two batch ends are good. What is new, or was checked in this period, is believed; all else is
    /// read and checked.
    pub fn good_to(&self, from: u64, to: u64, period: u32) -> Result<u64, StorageError> {
        let cold = to.min(self.cold_to.load(Ordering::Acquire));
        let from = self.sure.lock().behind(from, period);
        if from >= cold {
            return Ok(to);
        }
        let failed = |e| StorageError::io("read", &self.path(files::LOG), e);
        let file = self.file()?;
        let mut walk = Walk::checked(&*file, from, to, self.base);
        let mut last = from;
        while walk.position() < cold {
            match walk.next() {
                Ok(Some((at, header))) if header.last_offset().0 >= self.end() => return Ok(at),
                Ok(Some((at, _))) => last = at,
                Ok(None) => break,
                Err(stop) => return self.good_before(stop, last),
            }
        }
        // No CRC covers a batch's offset; the next batch tells.
        let position = walk.position();
        if position < self.len() && !self.is_hole(position) {
            let mut beyond = Walk::headers(&*file, position, self.len(), walk.least());
            match beyond.next() {
                Err(Stop::Bad {
                    why: Bad::Offset { .. },
                    ..
                }) => return Ok(last),
                Err(Stop::Io(e)) => return Err(failed(e)),
                Ok(_) | Err(Stop::Bad { .. }) => {}
            }
        }
        self.sure.lock().add(from..position, period);
        Ok(to)
    }

    /// What is good before a walk's stop, behind the batch at `last`. Of two that claim the same offsets neither is: which of them is wrong,
    /// an inspection tells.
    fn good_before(&self, stop: Stop, last: u64) -> Result<u64, StorageError> {
        match stop {
            Stop::Bad {
                why: Bad::Offset { .. },
                ..
            } => Ok(last),
            Stop::Bad { position, .. } => Ok(position),
            Stop::Io(e) => Err(StorageError::io("read", &self.path(files::LOG), e)),
        }
    }

    /// Checks about `bytes` from a batch's start on. Gives where to go on, `None` at the end, and whether something is bad.
    pub fn check_piece(&self, from: u64, bytes: u64) -> Result<(Option<u64>, bool), StorageError> {
        let len = self.len();
        if from >= len {
            return Ok((None, false));
        }
        let file = self.file()?;
        let mut walk = Walk::checked(&*file, from, len, self.base);
        while walk.position() < from.saturating_add(bytes) {
            match walk.next() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok((None, false)),
                // The whole segment is inspected then.
                Err(Stop::Bad { .. }) => return Ok((None, true)),
                Err(Stop::Io(e)) => {
                    return Err(StorageError::io("read", &self.path(files::LOG), e));
                }
            }
        }
        Ok((Some(walk.position()), false))
    }

    /// Reads every batch. Notes nothing yet.
    pub fn inspect(&self) -> Result<Inspected, StorageError> {
        let cuts = self.cuts.load(Ordering::Acquire);
        let (len, end) = {
            let _indexes = self.indexes.read();
            (self.len(), self.end())
        };
        let mut damage: Vec<Damage> = Vec::new();
        if self.is_made() {
            let path = self.path(files::LOG);
            let file = self.file()?;
            let walk = Walk::checked(&*file, 0, len, self.base);
            let mut survey = Survey::new(walk, self.base, end);
            loop {
                match survey.next().map_err(|e| self.stop(&path, e))? {
                    Met::Batch(_, header) => {
                        ends_at(&mut damage, header.base_offset);
                    }
                    Met::Misnumbered {
                        from,
                        to,
                        first,
                        next,
                    } => {
                        ends_at(&mut damage, first);
                        damage.push(self.damage(from, to, first, Some(next)));
                    }
                    Met::End => break,
                    Met::Bad { position, .. } => {
                        let first = survey.expected();
                        let on = survey.resync(RESYNC_MAX);
                        let Some(on) = on.map_err(|e| self.stop(&path, e))? else {
                            damage.push(self.damage(position, len, first, Some(end)));
                            break;
                        };
                        damage.push(self.damage(position, on, first, None));
                    }
                }
            }
        }
        Ok(Inspected { damage, len, cuts })
    }

    /// Believes what an inspection saw, unless the segment was cut meanwhile. For a caller that keeps it from being cut. Gives what
    /// was not known before.
    pub fn note(&self, seen: Inspected) -> Result<Vec<Damage>, StorageError> {
        if self.cuts.load(Ordering::Acquire) != seen.cuts {
            return Ok(Vec::new());
        }
        let mut known = self.damage.write();
        let new = seen.damage.iter().filter(|d| !known.contains(d)).cloned();
        let new: Vec<Damage> = new.collect();
        known.retain(|d| d.bytes.start >= seen.len);
        known.splice(0..0, seen.damage);
        drop(known);
        if !new.is_empty() {
            // They must lead around the holes.
            self.rebuild_indexes()?;
        }
        Ok(new)
    }

    /// Writes batches over damage: the same ones, as another replica has them. For a caller that keeps the segment from being cut.
    /// `closed`: nothing is appended to it any more.
    pub fn mend(
        &self,
        damage: &Damage,
        batches: &Bytes,
        closed: bool,
        epoch_at: impl Fn(Offset) -> Option<LeaderEpoch>,
    ) -> Result<(), MendError> {
        if !self.damage.read().iter().any(|d| d.bytes == damage.bytes) {
            return Err(MendError::Other("it is not known to be damaged"));
        }
        if batches.len() as u64 != damage.bytes.end - damage.bytes.start {
            return Err(MendError::Other("they have another length"));
        }
        let next = damage.next.unwrap_or(Offset(self.end()));
        let mut least = damage.first;
        let mut rest = batches.clone();
        while !rest.is_empty() {
            let (batch, after) = BatchBytes::parse(rest)?;
            let header = batch.header();
            if header.base_offset < least.0 || header.last_offset() >= next {
                return Err(MendError::Other("they have other offsets"));
            }
            let epoch = epoch_at(Offset(header.base_offset));
            if epoch.is_some_and(|e| e.0 != header.leader_epoch) {
                return Err(MendError::Other("they have another leader epoch"));
            }
            least = header.next_offset();
            rest = after;
        }
        let path = self.path(files::LOG);
        let file = self.file()?;
        // A part of a block that cannot be read cannot be written either: the file's last one is written whole, then cut.
        let end = damage.bytes.end;
        let pad = match closed && end == self.len() {
            true => (BLOCK - end % BLOCK) % BLOCK,
            false => 0,
        };
        let zeros = [0; BLOCK as usize];
        let mut parts = [IoSlice::new(batches), IoSlice::new(&zeros[..pad as usize])];
        file.write_at(damage.bytes.start, &mut parts)
            .at("write", &path)?;
        if pad > 0 {
            file.set_len(end).at("truncate", &path)?;
        }
        file.sync_data().at("fsync", &path)?;
        self.damage.write().retain(|d| d.bytes != damage.bytes);
        // They may have been built around the hole.
        self.rebuild_indexes()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sure_grows_and_is_cut_and_ends_with_its_period() {
        let mut sure = Sure::default();
        assert_eq!(sure.behind(0, 0), 0, "nothing was seen yet");
        sure.add(100..200, 1);
        sure.add(200..300, 1);
        sure.add(150..250, 1);
        let behind: Vec<u64> = [99, 100, 299, 300].map(|at| sure.behind(at, 1)).into();
        assert_eq!(behind, [99, 300, 300, 300]);
        assert_eq!(sure.behind(100, 2), 100, "that was before");
        sure.cut(180);
        assert_eq!((sure.behind(100, 1), sure.behind(200, 1)), (180, 200));
        sure.cut(50);
        assert_eq!(sure.behind(100, 1), 100);
        sure.add(0..40, 1);
        assert_eq!((sure.behind(0, 1), sure.behind(45, 1)), (40, 45));
        sure.add(500..600, 2);
        assert_eq!((sure.behind(0, 2), sure.behind(500, 2)), (0, 600));
    }
}
