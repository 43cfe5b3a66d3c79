//! What a log knows of each producer: the last five batches (idempotence, KIP-98), its epoch, its open transaction.
//!
//! Always holds: the table is what a replay of the log up to its end gives. Must never: change when an append is refused; checks
//! stage a new entry, and only a written batch commits it.

use std::collections::{BTreeMap, HashMap};

use airis_protocol::batch::{BatchHeader, NO_PRODUCER_EPOCH, NO_SEQUENCE};
use airis_protocol::record::RecordIter;
use airis_protocol::types::{Millis, Offset, ProducerEpoch, ProducerId};
use smallvec::SmallVec;

use crate::error::AppendError;
use crate::index::AbortedTxn;
use crate::limits::PRODUCER_BATCHES_KEPT;
use crate::log::Origin;

pub(crate) mod snapshot;

/// One of the last batches of a producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
}

impl Batch {
    fn first_sequence(&self) -> i32 {
        // Sequences wrap from 2^31 - 1 to 0.
        ((i64::from(self.last_sequence) - i64::from(self.offset_delta)) & 0x7fff_ffff) as i32
    }

    pub fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// A producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub epoch: i16,
    pub coordinator_epoch: i32,
    pub last_timestamp: i64,
    pub txn_first: Option<i64>,
    batches: [Batch; PRODUCER_BATCHES_KEPT],
    kept: u8,
}

impl Producer {
    pub fn new(epoch: i16, coordinator_epoch: i32, last_timestamp: i64) -> Self {
        Producer {
            epoch,
            coordinator_epoch,
            last_timestamp,
            txn_first: None,
            batches: Default::default(),
            kept: 0,
        }
    }

    pub fn batches(&self) -> &[Batch] {
        &self.batches[..usize::from(self.kept)]
    }

    pub fn last(&self) -> Option<&Batch> {
        self.batches().last()
    }

    fn set_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.kept = 0;
            self.epoch = epoch;
        }
    }

    pub fn push(&mut self, epoch: i16, batch: Batch) {
        self.set_epoch(epoch);
        if usize::from(self.kept) == PRODUCER_BATCHES_KEPT {
            self.batches.rotate_left(1);
            self.batches[PRODUCER_BATCHES_KEPT - 1] = batch;
        } else {
            self.batches[usize::from(self.kept)] = batch;
            self.kept += 1;
        }
        self.last_timestamp = batch.timestamp;
    }

    fn duplicate(&self, header: &BatchHeader) -> Option<&Batch> {
        if header.producer_epoch != self.epoch {
            return None;
        }
        self.batches().iter().find(|b| {
            b.first_sequence() == header.base_sequence && b.last_sequence == header.last_sequence()
        })
    }
}

/// A transaction that a marker has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub producer: i64,
    pub first: i64,
    pub marker: i64,
    pub aborted: bool,
}

/// What a producer has left in a partition, as DescribeProducers tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerView {
    pub producer: ProducerId,
    pub epoch: ProducerEpoch,
    /// -1 if only markers are known.
    pub last_sequence: i32,
    pub last_timestamp: Millis,
    pub coordinator_epoch: i32,
    pub txn_first: Option<Offset>,
}

/// A marker's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub aborted: bool,
    pub coordinator_epoch: i32,
    pub timestamp: i64,
}

/// Reads the end-of-transaction marker in a control batch; `None` if it is another kind of control record, or empty (a
/// transaction that compaction has removed).
pub(crate) fn marker(header: &BatchHeader, section: &[u8]) -> Result<Option<Marker>, AppendError> {
    let bad = |_| AppendError::InvalidRecord("control batch that cannot be read");
    let Some(record) = RecordIter::new(header, section).next() else {
        return Ok(None);
    };
    let record = record.map_err(bad)?;
    let short = AppendError::InvalidRecord("end-of-transaction marker that is too short");
    let key = record.key.unwrap_or_default();
    let kind = match key {
        [_, _, a, b, ..] => i16::from_be_bytes([*a, *b]),
        _ => return Err(short),
    };
    if kind != 0 && kind != 1 {
        return Ok(None);
    }
    match record.value.unwrap_or_default() {
        [_, _, a, b, c, d, ..] => Ok(Some(Marker {
            aborted: kind == 0,
            coordinator_epoch: i32::from_be_bytes([*a, *b, *c, *d]),
            timestamp: record.timestamp.0,
        })),
        _ => Err(short),
    }
}

/// What one append will change once it is written.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    entries: SmallVec<[(i64, Producer); 1]>,
    /// Transactions that begin (producer, first offset).
    begun: SmallVec<[(i64, i64); 1]>,
    pub ended: SmallVec<[Ended; 1]>,
}

impl Staged {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// All producers of a log.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    table: HashMap<i64, Producer>,
    /// Open transactions: first offset to producer.
    open: BTreeMap<i64, i64>,
    /// Ended ones whose marker the high watermark has not passed yet: first offset to marker.
    undelivered: BTreeMap<i64, i64>,
    /// The table speaks for the log up to here.
    pub end: i64,
}

impl Producers {
    pub fn clear(&mut self, end: i64) {
        *self = Producers {
            end,
            ..Producers::default()
        };
    }

    pub fn insert(&mut self, producer: i64, entry: Producer) {
        if let Some(first) = entry.txn_first {
            self.open.insert(first, producer);
        }
        self.table.insert(producer, entry);
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.table.iter().map(|(id, p)| (*id, p))
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The kept batch that this one repeats: its first and last offset.
    pub fn duplicate(&self, header: &BatchHeader) -> Option<(Offset, Offset, Millis)> {
        let batch = self.table.get(&header.producer_id)?.duplicate(header)?;
        Some((
            Offset(batch.first_offset()),
            Offset(batch.last_offset),
            Millis(batch.timestamp),
        ))
    }

    /// Checks a batch of a producer that will lie at `base`, and stages what it changes.
    pub fn stage(
        &self,
        header: &BatchHeader,
        base: i64,
        marker: Option<Marker>,
        origin: Origin,
        staged: &mut Staged,
    ) -> Result<(), AppendError> {
        let id = header.producer_id;
        let at = match staged.entries.iter().position(|e| e.0 == id) {
            Some(at) => at,
            None => {
                let known = self.table.get(&id).cloned();
                let entry = known.unwrap_or_else(|| Producer::new(NO_PRODUCER_EPOCH, -1, -1));
                staged.entries.push((id, entry));
                staged.entries.len() - 1
            }
        };
        let entry = &mut staged.entries[at].1;
        if header.is_control() {
            let Some(marker) = marker else {
                return Ok(());
            };
            check_epoch(id, header.producer_epoch, entry, origin)?;
            if entry.coordinator_epoch > marker.coordinator_epoch && origin != Origin::Replication {
                return Err(AppendError::CoordinatorFenced {
                    producer: ProducerId(id),
                    epoch: marker.coordinator_epoch,
                    known: entry.coordinator_epoch,
                });
            }
            if let Some(first) = entry.txn_first.take() {
                staged.ended.push(Ended {
                    producer: id,
                    first,
                    marker: base,
                    aborted: marker.aborted,
                });
            }
            entry.set_epoch(header.producer_epoch);
            entry.coordinator_epoch = marker.coordinator_epoch;
            entry.last_timestamp = marker.timestamp;
            return Ok(());
        }
        check_epoch(id, header.producer_epoch, entry, origin)?;
        if origin == Origin::Client {
            check_sequence(id, header, entry)?;
        }
        entry.push(
            header.producer_epoch,
            Batch {
                last_sequence: header.last_sequence(),
                last_offset: base + i64::from(header.last_offset_delta),
                offset_delta: header.last_offset_delta,
                timestamp: header.max_timestamp,
            },
        );
        match (entry.txn_first, header.is_transactional()) {
            (Some(_), false) => Err(AppendError::InvalidTxnState(ProducerId(id))),
            (None, true) => {
                entry.txn_first = Some(base);
                staged.begun.push((id, base));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where the last stable offset comes to lie once `ended` is over: what its index entry says.
    fn stable_after(&self, ended: &Ended) -> i64 {
        let next = self.open.iter().find(|(_, p)| **p != ended.producer);
        next.map_or(ended.marker + 1, |(first, _)| *first)
    }

    /// Takes over what was staged; the batches are in the log, which now ends at `end`. Gives the aborted transactions for the
    /// segment's index.
    pub fn commit(&mut self, staged: Staged, end: i64) -> SmallVec<[AbortedTxn; 1]> {
        for (id, entry) in staged.entries {
            self.table.insert(id, entry);
        }
        for (id, first) in staged.begun {
            self.open.insert(first, id);
        }
        let mut aborted = SmallVec::new();
        for ended in staged.ended {
            let last_stable = self.stable_after(&ended);
            self.open.remove(&ended.first);
            self.undelivered.insert(ended.first, ended.marker);
            if ended.aborted {
                aborted.push(AbortedTxn {
                    producer: ProducerId(ended.producer),
                    first: Offset(ended.first),
                    last: Offset(ended.marker),
                    last_stable: Offset(last_stable),
                });
            }
        }
        self.end = end;
        aborted
    }

    /// The first offset that a `read_committed` reader must not pass yet, given the high watermark.
    pub fn first_unstable(&mut self, high_watermark: i64) -> Option<i64> {
        self.undelivered
            .retain(|_, marker| *marker >= high_watermark);
        let open = self.open.keys().next().copied();
        let undelivered = self.undelivered.keys().next().copied();
        match (open, undelivered) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    pub fn has_transactions(&self) -> bool {
        !self.open.is_empty() || !self.undelivered.is_empty()
    }

    /// True if a marker was ever seen: then aborted transactions may lie in the log.
    pub fn ever_transactional(&self) -> bool {
        let marked = |p: &Producer| p.coordinator_epoch >= 0 || p.txn_first.is_some();
        self.table.values().any(marked)
    }

    /// Forgets producers that have been silent for `expiry_ms` and have no open transaction.
    pub fn expire(&mut self, now: i64, expiry_ms: i64) -> usize {
        let before = self.table.len();
        self.table.retain(|_, p| {
            p.txn_first.is_some() || now.saturating_sub(p.last_timestamp) < expiry_ms
        });
        before - self.table.len()
    }

    /// The transaction that has been open longest: its producer's last timestamp.
    pub fn oldest_transaction(&self) -> Option<(ProducerId, Offset, Millis)> {
        let (first, id) = self.open.first_key_value()?;
        let at = self.table.get(id)?.last_timestamp;
        Some((ProducerId(*id), Offset(*first), Millis(at)))
    }

    pub fn views(&self) -> Vec<ProducerView> {
        let mut views: Vec<_> = self
            .iter()
            .map(|(id, p)| ProducerView {
                producer: ProducerId(id),
                epoch: ProducerEpoch(p.epoch),
                last_sequence: p.last().map_or(NO_SEQUENCE, |b| b.last_sequence),
                last_timestamp: Millis(p.last_timestamp),
                coordinator_epoch: p.coordinator_epoch,
                txn_first: p.txn_first.map(Offset),
            })
            .collect();
        views.sort_by_key(|v| v.producer);
        views
    }
}

fn check_epoch(id: i64, epoch: i16, known: &Producer, origin: Origin) -> Result<(), AppendError> {
    // A follower takes what its leader has taken.
    if epoch < known.epoch && origin != Origin::Replication {
        return Err(AppendError::InvalidProducerEpoch {
            producer: ProducerId(id),
            epoch: ProducerEpoch(epoch),
            known: ProducerEpoch(known.epoch),
        });
    }
    Ok(())
}

fn check_sequence(id: i64, header: &BatchHeader, known: &Producer) -> Result<(), AppendError> {
    let first = header.base_sequence;
    let last = known.last().map_or(NO_SEQUENCE, |b| b.last_sequence);
    let in_order = if header.producer_epoch != known.epoch {
        // A new epoch starts at 0; a producer of whom nothing is known (its records are gone) may go on anywhere.
        first == 0 || known.epoch == NO_PRODUCER_EPOCH
    } else {
        i64::from(first) == i64::from(last) + 1 || (first == 0 && last == i32::MAX)
    };
    if in_order {
        return Ok(());
    }
    Err(AppendError::OutOfOrderSequence {
        producer: ProducerId(id),
        epoch: ProducerEpoch(header.producer_epoch),
        known: ProducerEpoch(known.epoch),
        sequence: first,
        last,
    })
}
