//! `.txnindex`: the aborted transactions of a segment, in the order of their markers.
//!
//! Always holds: the file exists only where it was needed; entries are whole. Must never: grow without a marker.

use std::io::IoSlice;
use std::path::Path;

use airis_protocol::types::{Offset, ProducerId};

use crate::disk::{Disk, OpenMode, is_unreadable};
use crate::error::{AtPath, StorageError};

/// Bytes of an entry: version, producer id, first and last offset, last stable offset.
const LEN: usize = 34;
const VERSION: i16 = 0;

/// A transaction that was aborted: what a `read_committed` fetch must tell its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTxn {
    pub producer: ProducerId,
    /// The transaction's first record.
    pub first: Offset,
    /// The abort marker.
    pub last: Offset,
    /// The last stable offset once the marker was written.
    pub last_stable: Offset,
}

impl AbortedTxn {
    fn encode(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..2].copy_from_slice(&VERSION.to_be_bytes());
        for (i, number) in [
            self.producer.0,
            self.first.0,
            self.last.0,
            self.last_stable.0,
        ]
        .into_iter()
        .enumerate()
        {
            out[2 + 8 * i..][..8].copy_from_slice(&number.to_be_bytes());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |i: usize| {
            i64::from_be_bytes(
                bytes[2 + 8 * i..][..8]
                    .try_into()
                    .expect("the entry has 34 bytes"),
            )
        };
        (bytes[..2] == VERSION.to_be_bytes()).then(|| AbortedTxn {
            producer: ProducerId(number(0)),
            first: Offset(number(1)),
            last: Offset(number(2)),
            last_stable: Offset(number(3)),
        })
    }
}

/// The entries of one segment. They are few, so they are held in memory once they have been looked at.
#[derive(Debug, Default)]
pub(crate) struct TxnIndex {
    entries: Vec<AbortedTxn>,
}

impl TxnIndex {
    /// Reads the file. `None` if it is damaged or the disk does not give it.
    pub fn open(disk: &dyn Disk, path: &Path, base: Offset) -> Result<Option<Self>, StorageError> {
        let bytes = match disk.read_to_end(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Some(Self::default())),
            Err(e) if is_unreadable(&e) => return Ok(None),
            Err(e) => return Err(StorageError::io("read", path, e)),
        };
        if bytes.len() % LEN != 0 {
            return Ok(None);
        }
        let mut entries: Vec<AbortedTxn> = Vec::new();
        for chunk in bytes.chunks_exact(LEN) {
            let Some(entry) = AbortedTxn::decode(chunk) else {
                return Ok(None);
            };
            let rises = entries.last().is_none_or(|l| l.last < entry.last);
            let sane = entry.producer.0 >= 0 && entry.first <= entry.last && entry.last >= base;
            if !rises || !sane {
                return Ok(None);
            }
            entries.push(entry);
        }
        Ok(Some(TxnIndex { entries }))
    }

    /// Adds an entry to file and memory. A marker that is already known (a replay) is not added twice.
    pub fn append(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        entry: AbortedTxn,
    ) -> Result<(), StorageError> {
        if self.entries.last().is_some_and(|l| l.last >= entry.last) {
            return Ok(());
        }
        let file = disk.open(path, OpenMode::Create).at("open", path)?;
        let at = (self.entries.len() * LEN) as u64;
        file.write_at(at, &mut [IoSlice::new(&entry.encode())])
            .at("write", path)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Drops transactions whose marker is at or after `offset`.
    pub fn truncate(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        offset: Offset,
    ) -> Result<(), StorageError> {
        let keep = self.entries.partition_point(|e| e.last < offset);
        if keep < self.entries.len() || disk.len(path).at("stat", path)?.unwrap_or(0) > 0 {
            self.entries.truncate(keep);
            let file = disk.open(path, OpenMode::Create).at("open", path)?;
            file.set_len((keep * LEN) as u64).at("truncate", path)?;
        }
        Ok(())
    }

    /// Adds the aborted transactions that touch `from..to`. True if no later segment can add any.
    pub fn collect(&self, from: Offset, to: Offset, out: &mut Vec<AbortedTxn>) -> bool {
        for entry in &self.entries {
            if entry.last >= from && entry.first < to {
                out.push(*entry);
            }
            if entry.last_stable >= to {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::faulty::FaultyDisk;

    fn txn(first: i64, last: i64, stable: i64) -> AbortedTxn {
        AbortedTxn {
            producer: ProducerId(7),
            first: Offset(first),
            last: Offset(last),
            last_stable: Offset(stable),
        }
    }

    #[test]
    fn aborted_transactions_are_found_by_overlap() {
        let disk = FaultyDisk::new();
        let path = Path::new("/x.txnindex");
        let mut index = TxnIndex::open(&disk, path, Offset(0)).unwrap().unwrap();
        for t in [
            txn(0, 10, 11),
            txn(5, 15, 16),
            txn(18, 35, 20),
            txn(32, 50, 51),
        ] {
            index.append(&disk, path, t).unwrap();
        }
        index.append(&disk, path, txn(18, 35, 20)).unwrap();
        let again = TxnIndex::open(&disk, path, Offset(0)).unwrap().unwrap();
        let found = |from, to| {
            let mut out = Vec::new();
            let done = again.collect(Offset(from), Offset(to), &mut out);
            (out.iter().map(|t| t.first.0).collect::<Vec<_>>(), done)
        };
        assert_eq!(found(0, 12), (vec![0, 5], true));
        assert_eq!(found(16, 100), (vec![18, 32], false));
        assert_eq!(found(11, 33), (vec![5, 18, 32], true));
        index.truncate(&disk, path, Offset(35)).unwrap();
        assert_eq!(disk.read_to_end(path).unwrap().len(), 68);
        disk.damage(path, 1, &[9]);
        assert!(TxnIndex::open(&disk, path, Offset(0)).unwrap().is_none());
    }
}
