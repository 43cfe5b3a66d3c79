//! What was acknowledged, and what is committed: the simulation's own memory of it, against which every node is held.
//!
//! Always holds: a committed batch never changes here; what was acknowledged is committed at its offset, once, in the order of its
//! producer. Must never: learn anything from a replica that is not below its high watermark.

use std::collections::BTreeMap;

use airis_protocol::batch::BatchHeader;
use airis_protocol::types::Uuid;

use crate::trace::fail;

/// A partition.
pub type Key = (Uuid, i32);

/// One batch, as far as it must be the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub base: i64,
    pub last: i64,
    pub epoch: i32,
    pub crc: u32,
}

impl Seen {
    pub fn of(header: &BatchHeader) -> Seen {
        Seen {
            base: header.base_offset,
            last: header.last_offset().0,
            epoch: header.leader_epoch,
            crc: header.crc,
        }
    }
}

/// A log, as far as it is committed.
#[derive(Default)]
pub struct Committed {
    batches: BTreeMap<i64, Seen>,
    end: i64,
    /// Acknowledged batches that no node has shown as committed yet: base offset to checksum, and who sent it.
    unseen: BTreeMap<i64, (u32, String)>,
    /// Batches that a reader got before any node showed them as committed.
    read: BTreeMap<i64, (Seen, String)>,
    /// The next sequence of each producer.
    sequences: BTreeMap<i64, i32>,
}

impl Committed {
    pub fn end(&self) -> i64 {
        self.end
    }

    /// A node shows this batch below its high watermark.
    pub fn committed(&mut self, key: &Key, header: &BatchHeader, node: i32) {
        let seen = Seen::of(header);
        if seen.base < self.end {
            return self.check(key, seen, format_args!("node {node}"));
        }
        if seen.base != self.end {
            fail(format_args!(
                "{key:?}: node {node} has {seen:?} committed, where offset {} comes next",
                self.end
            ));
        }
        if seen.base == 0 {
            crate::trace::note(format_args!(
                "{key:?}: node {node} is the first to show {seen:x?}"
            ));
        }
        self.batches.insert(seen.base, seen);
        self.end = seen.last + 1;
        if header.has_producer_id() && !header.is_control() {
            let next = self.sequences.entry(header.producer_id).or_insert(0);
            if *next != header.base_sequence {
                fail(format_args!(
                    "{key:?}: producer {} has sequence {} committed at offset {}, where {next} comes next: {}",
                    header.producer_id,
                    header.base_sequence,
                    seen.base,
                    if header.base_sequence < *next {
                        "doubled"
                    } else {
                        "lost"
                    }
                ));
            }
            *next = header.last_sequence() + 1;
        }
        while let Some(acked) = self.unseen.first_entry()
            && *acked.key() < self.end
        {
            let (base, (crc, who)) = acked.remove_entry();
            self.check_acked(key, base, crc, &who);
        }
        while let Some(read) = self.read.first_entry()
            && *read.key() < self.end
        {
            let (_, (seen, who)) = read.remove_entry();
            self.check(key, seen, who);
        }
    }

    /// A client was told that its batch is there.
    pub fn acked(&mut self, key: &Key, base: i64, crc: u32, who: String) {
        if base < self.end {
            self.check_acked(key, base, crc, &who);
        } else if let Some((other, by)) = self.unseen.insert(base, (crc, who.clone()))
            && other != crc
        {
            fail(format_args!(
                "{key:?}: offset {base} was acknowledged to {by} and to {who}"
            ));
        }
    }

    /// A reader was given this batch.
    pub fn read(&mut self, key: &Key, seen: Seen, who: String) {
        if seen.base < self.end {
            self.check(key, seen, who);
        } else if let Some((other, by)) = self.read.insert(seen.base, (seen, who.clone()))
            && other != seen
        {
            fail(format_args!("{key:?}: {by} read {other:?}, {who} {seen:?}"));
        }
    }

    /// Everything acknowledged or read must be committed by now.
    pub fn settled(&self, key: &Key) {
        if let Some((base, (_, who))) = self.unseen.first_key_value() {
            fail(format_args!(
                "{key:?}: offset {base} was acknowledged to {who}; the log ends at {}: lost",
                self.end
            ));
        }
        if let Some((base, (_, who))) = self.read.first_key_value() {
            fail(format_args!(
                "{key:?}: {who} read offset {base}; the log ends at {}",
                self.end
            ));
        }
    }

    /// The end of all that was acknowledged.
    pub fn acked_end(&self) -> i64 {
        self.unseen
            .last_key_value()
            .map_or(self.end, |(base, _)| *base + 1)
    }

    fn check_acked(&self, key: &Key, base: i64, crc: u32, who: &str) {
        match self.batches.get(&base) {
            Some(there) if there.crc == crc => {}
            there => fail(format_args!(
                "{key:?}: offset {base} was acknowledged to {who} with checksum {crc:x}, committed is {there:x?}"
            )),
        }
    }

    /// What a node or reader has must be what is committed.
    pub fn check(&self, key: &Key, seen: Seen, who: impl std::fmt::Display) {
        match self.batches.get(&seen.base) {
            Some(there) if *there == seen => {}
            there => fail(format_args!(
                "{key:?}: {who} has {seen:x?}, committed is {there:x?}"
            )),
        }
    }
}

/// All of it.
#[derive(Default)]
pub struct Model {
    pub logs: BTreeMap<Key, Committed>,
    /// Who led in which epoch.
    pub leaders: BTreeMap<(Key, i32), i32>,
    /// Who led the metadata quorum in which term.
    pub terms: BTreeMap<i32, i32>,
    /// Snapshots of the metadata, by their names.
    pub snapshots: BTreeMap<String, Vec<u8>>,
    /// The offset that each group has committed, as it was told.
    pub groups: BTreeMap<String, i64>,
}

impl Model {
    pub fn log(&mut self, key: Key) -> &mut Committed {
        self.logs.entry(key).or_default()
    }
}
