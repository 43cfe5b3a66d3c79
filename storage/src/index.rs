//! The offset and time indexes of a segment: sorted entries of a fixed size, the older ones in a file, the newest in memory.
//!
//! Always holds: entries rise in offset (and, in the time index, in time); what is in memory comes after what is in the file.
//! Must never: be trusted. An index is a hint: whoever follows an entry checks the batch it leads to.

use std::io::IoSlice;
use std::path::Path;

use crate::disk::{Disk, OpenMode, read_exact_at, read_full_at};
use crate::error::{AtPath, StorageError};

mod txn;

pub use txn::AbortedTxn;
pub(crate) use txn::TxnIndex;

/// An entry of fixed size.
pub(crate) trait Entry: Copy + PartialEq + std::fmt::Debug {
    const LEN: usize;
    fn encode(&self, out: &mut Vec<u8>);
    /// `bytes` has `LEN` bytes.
    fn decode(bytes: &[u8]) -> Self;
    /// The last offset of the batch it speaks of, relative to the segment's base.
    fn offset(&self) -> u32;
}

/// `.index`: where the batch that ends with an offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub offset: u32,
    pub position: u32,
}

/// `.timeindex`: the greatest timestamp up to an offset, which is the last of the batch that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub timestamp: i64,
    pub offset: u32,
}

impl Entry for OffsetEntry {
    const LEN: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        OffsetEntry {
            offset: u32::from_be_bytes(bytes[..4].try_into().expect("4 bytes")),
            position: u32::from_be_bytes(bytes[4..8].try_into().expect("4 bytes")),
        }
    }

    fn offset(&self) -> u32 {
        self.offset
    }
}

impl Entry for TimeEntry {
    const LEN: usize = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        TimeEntry {
            timestamp: i64::from_be_bytes(bytes[..8].try_into().expect("8 bytes")),
            offset: u32::from_be_bytes(bytes[8..12].try_into().expect("4 bytes")),
        }
    }

    fn offset(&self) -> u32 {
        self.offset
    }
}

/// The entries of one index: `written` of them in the file, then `recent`.
#[derive(Debug)]
pub(crate) struct Index<E> {
    written: u32,
    recent: Vec<E>,
    last: Option<E>,
}

impl<E: Entry> Index<E> {
    pub fn empty() -> Self {
        Index {
            written: 0,
            recent: Vec::new(),
            last: None,
        }
    }

    /// Takes over the file of a closed segment: looks at its length and its last entry only. `None` if the length is not a
    /// multiple of the entry's, as after a torn write, if there is no file, or if the disk does not give the entry.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Option<Self>, StorageError> {
        let Some(len) = disk.len(path).at("stat", path)? else {
            return Ok(None);
        };
        let count = len / E::LEN as u64;
        if len % E::LEN as u64 != 0 || count > u64::from(u32::MAX) {
            return Ok(None);
        }
        let mut index = Index {
            written: count as u32,
            recent: Vec::new(),
            last: None,
        };
        if count > 0 {
            match index.get(disk, path, count as u32 - 1) {
                Err(e) if e.is_unreadable() => return Ok(None),
                last => index.last = Some(last?),
            }
        }
        Ok(Some(index))
    }

    pub fn len(&self) -> u32 {
        self.written + self.recent.len() as u32
    }

    pub fn last(&self) -> Option<E> {
        self.last
    }

    /// Entries that a crash would lose.
    pub fn unwritten(&self) -> usize {
        self.recent.len()
    }

    /// Nothing of it is in the file.
    pub fn is_unwritten(&self) -> bool {
        self.written == 0
    }

    pub fn push(&mut self, entry: E) {
        debug_assert!(self.last.is_none_or(|l| l.offset() <= entry.offset()));
        self.recent.push(entry);
        self.last = Some(entry);
    }

    fn get(&self, disk: &dyn Disk, path: &Path, slot: u32) -> Result<E, StorageError> {
        let file = disk.open(path, OpenMode::Read).at("open", path)?;
        let mut buf = [0; 16];
        let at = u64::from(slot) * E::LEN as u64;
        read_exact_at(&*file, at, &mut buf[..E::LEN]).at("read", path)?;
        Ok(E::decode(&buf[..E::LEN]))
    }

    /// Looks for the last entry for which `before` holds; it must hold for a prefix of the entries. Reads no file, so it may be
    /// called under a lock that writers take.
    pub fn look(&self, before: impl Fn(&E) -> bool) -> Look<E> {
        if self.recent.first().is_some_and(&before) {
            let n = self.recent.partition_point(&before);
            return Look::Found(Some(self.recent[n - 1]));
        }
        match self.written {
            0 => Look::Found(None),
            n => Look::InFile(n),
        }
    }

    /// Moves what is in memory to the file. On an error nothing has changed.
    pub fn write(&mut self, disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
        if self.recent.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.recent.len() * E::LEN);
        for entry in &self.recent {
            entry.encode(&mut bytes);
        }
        let file = disk.open(path, OpenMode::Create).at("open", path)?;
        let at = u64::from(self.written) * E::LEN as u64;
        file.write_at(at, &mut [IoSlice::new(&bytes)])
            .at("write", path)?;
        self.written += self.recent.len() as u32;
        self.recent = Vec::new();
        Ok(())
    }

    /// Cuts the file to the entries that are in it. Left-overs of an earlier life would else count as entries.
    pub fn trim_file(&self, disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
        let file = disk.open(path, OpenMode::Create).at("open", path)?;
        file.set_len(u64::from(self.written) * E::LEN as u64)
            .at("truncate", path)
    }

    /// Drops entries of batches that end at or after the relative offset.
    pub fn truncate(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        offset: i64,
    ) -> Result<(), StorageError> {
        let keep = |e: &E| i64::from(e.offset()) < offset;
        let n = self.recent.partition_point(keep);
        self.recent.truncate(n);
        if n == 0 && self.written > 0 {
            let (mut low, mut high) = (0, self.written);
            while low < high {
                let mid = low + (high - low) / 2;
                if keep(&self.get(disk, path, mid)?) {
                    low = mid + 1;
                } else {
                    high = mid;
                }
            }
            if low < self.written {
                self.written = low;
                self.trim_file(disk, path)?;
            }
        }
        self.last = match (self.recent.last(), self.written) {
            (Some(e), _) => Some(*e),
            (None, 0) => None,
            (None, n) => Some(self.get(disk, path, n - 1)?),
        };
        Ok(())
    }
}

/// Where an entry is.
pub(crate) enum Look<E> {
    Found(Option<E>),
    /// If anywhere, among this many entries of the file.
    InFile(u32),
}

impl<E: Entry> Look<E> {
    /// Goes on in the file with the same `before`.
    pub fn resolve(
        self,
        disk: &dyn Disk,
        path: &Path,
        before: impl Fn(&E) -> bool,
    ) -> Result<Option<E>, StorageError> {
        let written = match self {
            Look::Found(entry) => return Ok(entry),
            Look::InFile(written) => written,
        };
        let file = disk.open(path, OpenMode::Read).at("open", path)?;
        let mut buf = [0; 16];
        let (mut low, mut high) = (0, written);
        let mut found = None;
        while low < high {
            let mid = low + (high - low) / 2;
            let at = u64::from(mid) * E::LEN as u64;
            if read_full_at(&*file, at, &mut buf[..E::LEN]).at("read", path)? < E::LEN {
                // Cut since we looked. An earlier entry, or none, is as good: it costs a longer walk.
                high = mid;
                continue;
            }
            let entry = E::decode(&buf[..E::LEN]);
            if before(&entry) {
                found = Some(entry);
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::faulty::FaultyDisk;

    fn entry(i: u32) -> OffsetEntry {
        OffsetEntry {
            offset: i * 10,
            position: i * 100,
        }
    }

    #[test]
    fn lookups_span_file_and_memory() {
        let disk = FaultyDisk::new();
        let path = Path::new("/x.index");
        let mut index = Index::empty();
        for i in 1..=20 {
            index.push(entry(i));
            if i == 12 {
                index.write(&disk, path).unwrap();
            }
        }
        let find = |index: &Index<OffsetEntry>, target: u32| {
            let before = |e: &OffsetEntry| e.offset <= target;
            index.look(before).resolve(&disk, path, before).unwrap()
        };
        assert_eq!(find(&index, 9), None);
        for i in 1..=20 {
            assert_eq!(find(&index, i * 10), Some(entry(i)));
            assert_eq!(find(&index, i * 10 + 9), Some(entry(i)));
        }
        for cut in [200, 155, 130, 120, 61, 0] {
            index.truncate(&disk, path, cut).unwrap();
            let left = (1..=20).filter(|i| i64::from(i * 10) < cut).count() as u32;
            assert_eq!(
                (
                    index.len(),
                    index.last().map(|e| e.offset / 10).unwrap_or(0)
                ),
                (left, left)
            );
        }
        index.push(entry(1));
        index.write(&disk, path).unwrap();
        let again = Index::<OffsetEntry>::open(&disk, path).unwrap().unwrap();
        assert_eq!((again.len(), again.last()), (1, Some(entry(1))));
        assert!(Index::<TimeEntry>::open(&disk, path).unwrap().is_none());
    }
}
