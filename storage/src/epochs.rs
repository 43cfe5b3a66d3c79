//! Which leader epoch wrote which offsets (KIP-101, KIP-279): what truncation and OffsetForLeaderEpoch are decided by.
//!
//! Always holds: epochs rise strictly, their start offsets rise. Must never: touch the disk; the log writes the file before its
//! recovery point passes an entry, and recovery finds later ones in the batches.

use airis_protocol::types::{LeaderEpoch, Offset};

/// The epochs of a log with their first offsets, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    entries: Vec<(LeaderEpoch, Offset)>,
}

impl Epochs {
    /// Takes the entries of a checkpoint file, which the parser has found to rise.
    pub fn new(entries: Vec<(LeaderEpoch, Offset)>) -> Self {
        let mut epochs = Epochs::default();
        for (epoch, start) in entries {
            epochs.assign(epoch, start);
        }
        epochs
    }

    pub fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.entries
    }

    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|e| e.0)
    }

    /// Notes that `epoch` starts at `start`. Entries that contradict it go (they were never committed). True if anything
    /// changed.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        assert!(start.0 >= 0, "epoch {epoch} at offset {start}");
        if epoch.0 < 0 {
            return false;
        }
        if let Some(&(last, from)) = self.entries.last()
            && last == epoch
            && start >= from
        {
            return false;
        }
        while self
            .entries
            .last()
            .is_some_and(|&(e, s)| e >= epoch || s >= start)
        {
            self.entries.pop();
        }
        self.entries.push((epoch, start));
        true
    }

    /// Notes the epoch of a batch at `base` that was found behind `end`. If anything lies between, it cannot be read: of it, what was `noted`
    /// is believed. With `gap` nothing does, and the epoch begins before it (as where it was appended), unless it was noted otherwise.
    pub fn find(
        &mut self,
        epoch: LeaderEpoch,
        base: Offset,
        end: Offset,
        gap: bool,
        noted: &Epochs,
    ) {
        let latest = self.latest();
        if latest.is_some_and(|latest| latest >= epoch) {
            return;
        }
        let between = noted.entries.iter().copied();
        // It may be of before a truncation: what the batches say goes first.
        let plausible = |e: LeaderEpoch| e <= epoch && latest.is_none_or(|latest| e > latest);
        let mut begins = if gap { end } else { base };
        for (lost, start) in between.filter(|(e, s)| plausible(*e) && (end..base).contains(s)) {
            self.assign(lost, start);
            begins = base;
        }
        self.assign(epoch, begins);
    }

    /// The largest known epoch not above `epoch`, and where it ends; `None` if that cannot be told.
    pub fn end_of(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if epoch.0 < 0 {
            return None;
        }
        if self.latest() == Some(epoch) {
            return Some((epoch, log_end));
        }
        let above = self.entries.partition_point(|e| e.0 <= epoch);
        let (_, end) = *self.entries.get(above)?;
        let known = match above.checked_sub(1) {
            Some(floor) => self.entries[floor].0,
            // Older than all that is kept: the records are gone, the first kept offset is where a follower can go on.
            None => epoch,
        };
        Some((known, end))
    }

    /// The epoch that wrote the record at `offset`.
    pub fn at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|e| e.1 <= offset);
        after.checked_sub(1).map(|i| self.entries[i].0)
    }

    /// Drops epochs that start at or after `end`. True if anything changed.
    pub fn truncate_from_end(&mut self, end: Offset) -> bool {
        let keep = self.entries.partition_point(|e| e.1 < end);
        let changed = keep < self.entries.len();
        self.entries.truncate(keep);
        changed
    }

    /// Drops epochs that end before `start`; the one that holds it starts there now. True if anything changed.
    pub fn truncate_from_start(&mut self, start: Offset) -> bool {
        let Some(last_before) = self
            .entries
            .partition_point(|e| e.1 <= start)
            .checked_sub(1)
        else {
            return false;
        };
        if last_before == 0 && self.entries[0].1 == start {
            return false;
        }
        self.entries.drain(..last_before);
        self.entries[0].1 = start;
        true
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(list: &[(i32, i64)]) -> Epochs {
        Epochs::new(
            list.iter()
                .map(|&(e, o)| (LeaderEpoch(e), Offset(o)))
                .collect(),
        )
    }

    #[test]
    fn the_end_of_an_epoch_is_the_start_of_the_next() {
        let e = epochs(&[(1, 0), (3, 10), (7, 25)]);
        let end = |epoch| {
            e.end_of(LeaderEpoch(epoch), Offset(40))
                .map(|(e, o)| (e.0, o.0))
        };
        assert_eq!(end(7), Some((7, 40)));
        assert_eq!(end(3), Some((3, 25)));
        assert_eq!(end(5), Some((3, 25)));
        assert_eq!(end(0), Some((0, 0)), "older than what is kept");
        assert_eq!(end(8), None);
        assert_eq!(end(-1), None);
        assert_eq!(e.at(Offset(9)), Some(LeaderEpoch(1)));
        assert_eq!(e.at(Offset(10)), Some(LeaderEpoch(3)));
    }

    #[test]
    fn contradicting_entries_give_way() {
        let mut e = epochs(&[(1, 0), (3, 10), (7, 25)]);
        assert!(!e.assign(LeaderEpoch(7), Offset(30)));
        assert!(e.assign(LeaderEpoch(8), Offset(25)), "7 wrote nothing");
        assert_eq!(e, epochs(&[(1, 0), (3, 10), (8, 25)]));
        assert!(e.assign(LeaderEpoch(2), Offset(12)));
        assert_eq!(e, epochs(&[(1, 0), (2, 12)]));
    }

    #[test]
    fn both_ends_are_cut() {
        let mut e = epochs(&[(1, 0), (3, 10), (7, 25)]);
        assert!(e.truncate_from_start(Offset(12)));
        assert_eq!(e, epochs(&[(3, 12), (7, 25)]));
        assert!(!e.truncate_from_start(Offset(12)));
        assert!(!e.truncate_from_start(Offset(5)));
        assert!(e.truncate_from_end(Offset(25)));
        assert!(!e.truncate_from_end(Offset(25)));
        assert_eq!(e, epochs(&[(3, 12)]));
    }
}
