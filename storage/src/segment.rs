//! A segment: one `.log` file with its indexes.
//!
//! Always holds: bytes below `len` are whole batches that continue each other (but for damage that recovery has reported); a
//! reader that holds the file can read it after the segment is gone. Must never: hold a file open that nothing has touched;
//! thousands of idle partitions share one process.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use airis_protocol::batch::{BatchHeader, NO_TIMESTAMP};
use airis_protocol::types::Offset;
use parking_lot::{Mutex, RwLock};

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{AtPath, ReadError, StorageError};
use crate::files::{self, segment_file};
use crate::index::{Index, OffsetEntry, TimeEntry, TxnIndex};
use crate::limits::{INDEX_ENTRIES_UNWRITTEN_MAX, TAIL_BATCHES_MAX};
use crate::log::Damage;
use crate::scan::{Stop, Walk};

mod recover;
mod rot;

pub(crate) use recover::Glance;
use rot::Sure;

/// The `.log` file, if it is open.
enum Slot {
    /// Not open, or open only as long as readers hold it.
    Idle(Option<Weak<dyn DiskFile>>),
    /// The active segment's, and one whose bytes are not flushed yet.
    Held(Arc<dyn DiskFile>),
}

/// What is known about positions.
pub(crate) struct Indexes {
    pub offsets: Index<OffsetEntry>,
    pub times: Index<TimeEntry>,
    /// Bytes since the last index entry.
    since: u64,
    /// The greatest timestamp and the last offset of the first batch that has it.
    pub max_timestamp: (i64, i64),
    /// Last offset and position of the newest batches, up to the end of the segment.
    tail: VecDeque<(i64, u32)>,
}

impl Indexes {
    pub fn empty(base: i64) -> Self {
        Indexes {
            offsets: Index::empty(),
            times: Index::empty(),
            since: 0,
            max_timestamp: (NO_TIMESTAMP, base),
            tail: VecDeque::new(),
        }
    }

    /// Notes a batch at the end of the segment.
    pub fn note(&mut self, base: i64, header: &BatchHeader, position: u64, interval: u64) {
        let last = header.last_offset().0;
        let relative = u32::try_from(last - base).expect("a segment spans 2^31 offsets");
        if header.max_timestamp > self.max_timestamp.0 {
            self.max_timestamp = (header.max_timestamp, last);
        }
        if self.since > interval {
            self.offsets.push(OffsetEntry {
                offset: relative,
                position: position as u32,
            });
            self.push_time(base);
            self.since = 0;
        }
        self.since += header.size() as u64;
        self.remember(last, position);
    }

    fn remember(&mut self, last_offset: i64, position: u64) {
        if self.tail.len() == TAIL_BATCHES_MAX {
            self.tail.pop_front();
        }
        self.tail.push_back((last_offset, position as u32));
    }

    /// Adds the greatest timestamp to the time index, if it is news there.
    fn push_time(&mut self, base: i64) {
        let (timestamp, offset) = self.max_timestamp;
        if timestamp > self.times.last().map_or(NO_TIMESTAMP, |e| e.timestamp) {
            self.times.push(TimeEntry {
                timestamp,
                offset: (offset - base) as u32,
            });
        }
    }

    /// The next batch gets an entry: what lies before it cannot be walked over.
    pub fn force_entry(&mut self) {
        self.since = u64::MAX / 2;
    }
}

pub(crate) struct Segment {
    pub base: i64,
    disk: Arc<dyn Disk>,
    dir: Arc<Path>,
    /// Bytes between two index entries.
    interval: u64,
    len: AtomicU64,
    /// The offset after the last batch.
    end: AtomicI64,
    slot: Mutex<Slot>,
    indexes: RwLock<Indexes>,
    txns: RwLock<Option<TxnIndex>>,
    /// When it was made or opened: rolls a segment whose records have no time.
    created: i64,
    first_timestamp: AtomicI64,
    /// Bytes were written since the last sync.
    dirty: AtomicBool,
    /// Bytes that are known to be bad, and lie where they lay; in the order of their positions.
    damage: RwLock<Vec<Damage>>,
    /// What lies before was appended a while ago, or by an earlier run: it may have to come from the disk, and is checked when it is
    /// read. What lies behind is in the page cache as it was checked when it came.
    cold_to: AtomicU64,
    /// What of that was read and found good lately.
    sure: Mutex<Sure>,
    /// How often the end was cut off.
    cuts: AtomicU64,
    /// The files exist. A new partition's first segment is made by its first append.
    made: AtomicBool,
}

/// No first batch has been looked at.
const UNKNOWN: i64 = i64::MIN;

impl Segment {
    /// A segment without files; [`Segment::make_files`] makes them.
    pub fn new(disk: Arc<dyn Disk>, dir: Arc<Path>, base: i64, interval: u64, now: i64) -> Self {
        Segment {
            base,
            disk,
            dir,
            interval,
            len: AtomicU64::new(0),
            end: AtomicI64::new(base),
            slot: Mutex::new(Slot::Idle(None)),
            indexes: RwLock::new(Indexes::empty(base)),
            txns: RwLock::new(Some(TxnIndex::default())),
            created: now,
            first_timestamp: AtomicI64::new(UNKNOWN),
            dirty: AtomicBool::new(false),
            damage: RwLock::new(Vec::new()),
            cold_to: AtomicU64::new(0),
            sure: Mutex::default(),
            cuts: AtomicU64::new(0),
            made: AtomicBool::new(false),
        }
    }

    /// Takes over existing files; nothing is read yet. See `recover.rs` for what makes it usable.
    fn adopt(
        disk: Arc<dyn Disk>,
        dir: Arc<Path>,
        base: i64,
        interval: u64,
        now: i64,
        len: u64,
    ) -> Self {
        let segment = Segment::new(disk, dir, base, interval, now);
        segment.len.store(len, Ordering::Release);
        segment.cold_to.store(len, Ordering::Release);
        segment.made.store(true, Ordering::Release);
        *segment.txns.write() = None;
        segment
    }

    pub fn path(&self, kind: &str) -> PathBuf {
        segment_file(&self.dir, Offset(self.base), kind)
    }

    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    pub fn end(&self) -> i64 {
        self.end.load(Ordering::Acquire)
    }

    pub fn is_made(&self) -> bool {
        self.made.load(Ordering::Acquire)
    }

    pub fn created(&self) -> i64 {
        self.created
    }

    /// When it was last written to: the age of one whose records have no time (`LogSegment.largestTimestamp`). Milliseconds.
    pub fn last_written(&self) -> i64 {
        let modified = self.disk.modified(&self.path(files::LOG));
        modified.ok().flatten().unwrap_or(self.created)
    }

    pub fn max_timestamp(&self) -> (i64, i64) {
        self.indexes.read().max_timestamp
    }

    /// Entries in the offset and in the time index.
    pub fn index_entries(&self) -> (u32, u32) {
        let indexes = self.indexes.read();
        (indexes.offsets.len(), indexes.times.len())
    }

    /// Creates the `.log` file, empty; the indexes' come with their first entries, or when the segment is sealed: making files is
    /// most of what a new partition costs. Safe to repeat after a failure.
    pub fn make_files(&self, preallocate: Option<u64>) -> Result<(), StorageError> {
        if self.is_made() {
            return Ok(());
        }
        let path = self.path(files::LOG);
        let file = self
            .disk
            .open(&path, OpenMode::Truncate)
            .at("create", &path)?;
        let reserved = match preallocate {
            Some(len) => file.preallocate(len).at("preallocate", &path),
            None => Ok(()),
        };
        // Left by a crash, of an earlier life of this offset.
        let stale = [files::OFFSET_INDEX, files::TIME_INDEX, files::TXN_INDEX];
        if let Err(e) = reserved.and_then(|()| self.remove_files(&stale)) {
            // An empty file would end the segment before it here, at the next start, whatever that one has taken by then.
            let _ = self.disk.remove_file(&path);
            return Err(e);
        }
        *self.slot.lock() = Slot::Held(file);
        self.dirty.store(true, Ordering::Release);
        self.made.store(true, Ordering::Release);
        Ok(())
    }

    /// The `.log` file, opened if need be.
    pub fn file(&self) -> Result<Arc<dyn DiskFile>, StorageError> {
        let mut slot = self.slot.lock();
        match &*slot {
            Slot::Held(file) => return Ok(file.clone()),
            Slot::Idle(weak) => {
                if let Some(file) = weak.as_ref().and_then(Weak::upgrade) {
                    return Ok(file);
                }
            }
        }
        let path = self.path(files::LOG);
        let file = self.disk.open(&path, OpenMode::Write).at("open", &path)?;
        *slot = Slot::Idle(Some(Arc::downgrade(&file)));
        Ok(file)
    }

    /// The `.log` file, kept open from now on.
    fn held_file(&self) -> Result<Arc<dyn DiskFile>, StorageError> {
        let file = self.file()?;
        let mut slot = self.slot.lock();
        if let Slot::Idle(_) = *slot {
            *slot = Slot::Held(file.clone());
        }
        Ok(file)
    }

    /// True if the file is open although nobody reads it.
    pub fn holds_file(&self) -> bool {
        matches!(*self.slot.lock(), Slot::Held(_))
    }

    /// Lets go of the file, unless bytes wait for their sync.
    pub fn release(&self) {
        let mut slot = self.slot.lock();
        if let Slot::Held(file) = &*slot
            && !self.dirty.load(Ordering::Acquire)
        {
            *slot = Slot::Idle(Some(Arc::downgrade(file)));
        }
    }

    /// Writes batches at the end. Readers do not see them before [`Segment::publish`]. On an error the file is cut back to what
    /// it was, at once or, if even that fails, before the next write.
    pub fn write(&self, parts: &mut [IoSlice<'_>]) -> Result<(), StorageError> {
        let len = self.len();
        let file = self.held_file()?;
        self.dirty.store(true, Ordering::Release);
        let written = file.write_at(len, parts);
        // Once more: a flush that began meanwhile has not covered these bytes.
        self.dirty.store(true, Ordering::Release);
        written.map_err(|e| {
            // Bytes beyond `len` mean nothing to us, but a JVM or a recovery would see half a batch.
            let _ = file.set_len(len);
            StorageError::io("write", &self.path(files::LOG), e)
        })
    }

    /// Cuts off bytes that a failed or panicked append has left behind.
    pub fn cut_to_len(&self) -> Result<(), StorageError> {
        if !self.is_made() {
            return Ok(());
        }
        let path = self.path(files::LOG);
        let file = self.held_file()?;
        if file.len().at("stat", &path)? > self.len() {
            file.set_len(self.len()).at("truncate", &path)?;
        }
        Ok(())
    }

    /// Makes written batches visible: `headers` with their sizes, from the current end on.
    pub fn publish(&self, headers: &[BatchHeader]) {
        let Some(last) = headers.last() else { return };
        let mut position = self.len();
        if position == 0 {
            let first = headers[0].max_timestamp;
            self.first_timestamp.store(first, Ordering::Relaxed);
        }
        let mut indexes = self.indexes.write();
        for header in headers {
            indexes.note(self.base, header, position, self.interval);
            position += header.size() as u64;
        }
        self.len.store(position, Ordering::Release);
        self.end.store(last.next_offset().0, Ordering::Release);
        if indexes.offsets.unwritten() >= INDEX_ENTRIES_UNWRITTEN_MAX {
            // A hint that cannot be written now (a full disk) is written later.
            let _ = self.write_indexes(&mut indexes);
        }
    }

    /// Length and end, of one moment: an append between two looks would give bytes to whom its offsets are hidden from.
    pub fn extent(&self) -> (u64, i64) {
        let _still = self.indexes.read();
        (self.len(), self.end())
    }

    fn write_indexes(&self, indexes: &mut Indexes) -> Result<(), StorageError> {
        indexes
            .offsets
            .write(&*self.disk, &self.path(files::OFFSET_INDEX))?;
        indexes
            .times
            .write(&*self.disk, &self.path(files::TIME_INDEX))
    }

    /// As [`Segment::seal`], of indexes that were built anew. Into new files: of one that cannot be read, a part cannot be written.
    fn seal_rebuilt(&self) -> Result<(), StorageError> {
        self.remove_files(&[files::OFFSET_INDEX, files::TIME_INDEX])?;
        self.seal_if_room()
    }

    /// There is something to be synced.
    pub fn touch(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// Finishes the index files: with the last timestamp, no entry in memory, nothing behind the last one.
    pub fn seal(&self) -> Result<(), StorageError> {
        if !self.is_made() {
            return Ok(());
        }
        let mut indexes = self.indexes.write();
        self.dirty.store(true, Ordering::Release);
        indexes.push_time(self.base);
        self.write_indexes(&mut indexes)?;
        self.trim_indexes(&indexes)?;
        indexes.tail = VecDeque::new();
        Ok(())
    }

    /// As [`Segment::seal`], but for want of room on the disk, or of a file descriptor, the entries stay in memory and their files go: a log must open on a
    /// full disk (faults S10). A flush writes them once there is room.
    fn seal_if_room(&self) -> Result<(), StorageError> {
        match self.seal() {
            Err(e) if e.is_full() || e.is_short() => {
                tracing::warn!("an index stays in memory until it can be written: {e}");
                let indexes = self.indexes.read();
                let unwritten = [
                    (files::OFFSET_INDEX, indexes.offsets.is_unwritten()),
                    (files::TIME_INDEX, indexes.times.is_unwritten()),
                ];
                for (kind, unwritten) in unwritten {
                    // What lies there is of an earlier life, or half an index. A missing one is rebuilt.
                    let path = self.path(kind);
                    if unwritten && self.disk.exists(&path) {
                        self.disk.remove_file(&path).at("remove", &path)?;
                    }
                }
                Ok(())
            }
            sealed => sealed,
        }
    }

    fn trim_indexes(&self, indexes: &Indexes) -> Result<(), StorageError> {
        let path = self.path(files::OFFSET_INDEX);
        indexes.offsets.trim_file(&*self.disk, &path)?;
        let path = self.path(files::TIME_INDEX);
        indexes.times.trim_file(&*self.disk, &path)
    }

    /// Makes the bytes up to now durable; `indexes` too, of a segment that is no longer written.
    pub fn sync(&self, indexes: bool) -> Result<(), StorageError> {
        if !self.is_made() {
            return Ok(());
        }
        if self.dirty.swap(false, Ordering::AcqRel) {
            if indexes && self.has_unwritten_entries() {
                // There was no room for them when it was opened.
                self.seal()
                    .inspect_err(|_| self.dirty.store(true, Ordering::Release))?;
            }
            let path = self.path(files::LOG);
            let synced = self
                .file()
                .and_then(|file| file.sync_data().at("fsync", &path))
                .and_then(|()| match indexes {
                    true => self.sync_indexes(),
                    false => Ok(()),
                });
            if let Err(e) = synced {
                self.dirty.store(true, Ordering::Release);
                return Err(e);
            }
        }
        Ok(())
    }

    fn sync_indexes(&self) -> Result<(), StorageError> {
        for kind in [files::OFFSET_INDEX, files::TIME_INDEX, files::TXN_INDEX] {
            let path = self.path(kind);
            match self.disk.open(&path, OpenMode::Write) {
                Ok(file) => file.sync_data().at("fsync", &path)?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(StorageError::io("open", &path, e)),
            }
        }
        Ok(())
    }

    fn has_unwritten_entries(&self) -> bool {
        let indexes = self.indexes.read();
        indexes.offsets.unwritten() > 0 || indexes.times.unwritten() > 0
    }

    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// Unlinks the files; whoever reads goes on. The `.log` first: what is left without it is cleaned up at the next start.
    pub fn remove(&self) -> Result<(), StorageError> {
        self.remove_files(&[
            files::LOG,
            files::OFFSET_INDEX,
            files::TIME_INDEX,
            files::TXN_INDEX,
        ])
    }

    /// Unlinks those of these files that are there, in this order.
    fn remove_files(&self, kinds: &[&str]) -> Result<(), StorageError> {
        for kind in kinds {
            let path = self.path(kind);
            match self.disk.remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StorageError::io("remove", &path, e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The time that counts for rolling: of the first batch.
    pub fn first_timestamp(&self) -> Result<Option<i64>, StorageError> {
        let known = self.first_timestamp.load(Ordering::Relaxed);
        let len = self.len();
        if known != UNKNOWN || len == 0 {
            return Ok((known >= 0).then_some(known));
        }
        let file = self.file()?;
        let mut walk = Walk::headers(&*file, 0, len, self.base);
        let first = match walk.next() {
            Ok(Some((_, header))) => header.max_timestamp,
            // Damage at the very start: the age of the segment decides.
            Ok(None) | Err(Stop::Bad { .. }) => NO_TIMESTAMP,
            Err(Stop::Io(e)) => return Err(StorageError::io("read", &self.path(files::LOG), e)),
        };
        self.first_timestamp.store(first, Ordering::Relaxed);
        Ok((first >= 0).then_some(first))
    }

    /// The position of the first batch that ends at or after `offset`, if the segment has one; of the damage that the offset lies in,
    /// if that is known.
    pub fn locate(&self, offset: i64) -> Result<Option<u64>, ReadError> {
        if offset <= self.base {
            return Ok((self.len() > 0).then_some(0));
        }
        match self.locate_once(offset) {
            Ok(found) => Ok(found),
            Err(Miss::Index) => {
                tracing::warn!(segment = %self.path(files::LOG).display(), "index leads astray, rebuilding it");
                self.rebuild_indexes()?;
                match self.locate_once(offset) {
                    Ok(found) => Ok(found),
                    Err(Miss::Index | Miss::Damage) => Err(self.damaged(offset)),
                    Err(Miss::Storage(e)) => Err(e.into()),
                }
            }
            Err(Miss::Damage) => Err(self.damaged(offset)),
            Err(Miss::Storage(e)) => Err(e.into()),
        }
    }

    /// How far one can read from a position before damage begins; `None` if it lies in damage.
    pub fn readable(&self, position: u64, limit: u64) -> Option<u64> {
        let damage = self.damage.read();
        let next = damage.iter().find(|d| d.bytes.end > position);
        match next {
            Some(d) if d.bytes.start <= position => None,
            Some(d) => Some(d.bytes.start.min(limit)),
            None => Some(limit),
        }
    }

    pub fn damaged(&self, offset: i64) -> ReadError {
        ReadError::Damaged {
            offset: Offset(offset),
            path: self.path(files::LOG),
        }
    }

    fn locate_once(&self, offset: i64) -> Result<Option<u64>, Miss> {
        let relative = offset - self.base;
        let before = |e: &OffsetEntry| i64::from(e.offset) <= relative;
        let look = {
            let indexes = self.indexes.read();
            if let Some(first) = indexes.tail.front()
                && (offset > first.0 || first.1 == 0)
            {
                let before = indexes.tail.partition_point(|t| t.0 < offset);
                return Ok(indexes.tail.get(before).map(|t| u64::from(t.1)));
            }
            indexes.offsets.look(before)
        };
        let len = self.len();
        let entry = match look.resolve(&*self.disk, &self.path(files::OFFSET_INDEX), before) {
            Err(e) if e.is_not_found() => None,
            Err(e) if e.is_unreadable() => return Err(Miss::Index),
            entry => entry.map_err(Miss::Storage)?,
        };
        let file = self.file().map_err(Miss::Storage)?;
        let mut start = 0;
        if let Some(entry) = entry {
            start = u64::from(entry.position);
            if start >= len {
                return Err(Miss::Index);
            }
        }
        let mut walk = Walk::headers(&*file, start, len, self.base);
        let mut first = true;
        let damaged = !self.damage.read().is_empty();
        loop {
            match walk.next() {
                Ok(Some((position, _))) if damaged && self.is_hole(position) => {
                    // What looks like a header there is none to go by.
                    let Some((next, least)) = self.behind(position, offset) else {
                        return Ok(Some(position));
                    };
                    first = false;
                    walk.jump(next);
                    walk.back_to(least);
                }
                Ok(Some((position, header))) => {
                    let last = header.last_offset().0;
                    if let Some(entry) = entry.filter(|_| first)
                        && last - self.base != i64::from(entry.offset)
                    {
                        return Err(Miss::Index);
                    }
                    first = false;
                    if last >= offset {
                        return Ok(Some(position));
                    }
                }
                Ok(None) => return Ok(None),
                Err(Stop::Bad { position, .. }) => match self.behind(position, offset) {
                    Some((next, least)) => {
                        first = false;
                        walk.jump(next);
                        walk.back_to(least);
                    }
                    None if self.is_hole(position) => return Ok(Some(position)),
                    None if first && entry.is_some() => return Err(Miss::Index),
                    None => return Err(Miss::Damage),
                },
                Err(Stop::Io(e)) => {
                    let path = self.path(files::LOG);
                    return Err(Miss::Storage(StorageError::io("read", &path, e)));
                }
            }
        }
    }

    /// Where whole batches from `from` end, at most at `to`: a position after `from` and not beyond `to`, or `None` if the
    /// first batch is larger.
    pub fn cut(&self, from: u64, to: u64) -> Result<Option<u64>, StorageError> {
        let before = |e: &OffsetEntry| u64::from(e.position) <= to;
        let look = {
            let indexes = self.indexes.read();
            let after = indexes.tail.partition_point(|t| u64::from(t.1) <= to);
            if let Some(at) = after.checked_sub(1)
                && u64::from(indexes.tail[at].1) > from
            {
                return Ok(Some(u64::from(indexes.tail[at].1)));
            }
            indexes.offsets.look(before)
        };
        let entry = match look.resolve(&*self.disk, &self.path(files::OFFSET_INDEX), before) {
            Err(e) if e.is_not_found() || e.is_unreadable() => None,
            entry => entry?,
        };
        let file = self.file()?;
        let mut at = from;
        if let Some(entry) = entry
            && u64::from(entry.position) > from
        {
            // Only if a batch with that last offset really lies there.
            let position = u64::from(entry.position);
            let mut walk = Walk::headers(&*file, position, self.len(), self.base);
            if let Ok(Some((_, header))) = walk.next()
                && header.last_offset().0 - self.base == i64::from(entry.offset)
            {
                at = position;
            }
        }
        let mut walk = Walk::headers(&*file, at, self.len(), self.base);
        loop {
            match walk.next() {
                Ok(Some(_)) if walk.position() <= to => at = walk.position(),
                Ok(_) | Err(Stop::Bad { .. }) => break,
                Err(Stop::Io(e)) => {
                    return Err(StorageError::io("read", &self.path(files::LOG), e));
                }
            }
        }
        Ok((at > from).then_some(at))
    }

    /// A place from which a walk finds the first batch with a timestamp of `timestamp` or more.
    pub fn before_time(&self, timestamp: i64) -> Result<u64, ReadError> {
        for _ in 0..2 {
            let before = |e: &TimeEntry| e.timestamp < timestamp;
            let look = self.indexes.read().times.look(before);
            let entry = match look.resolve(&*self.disk, &self.path(files::TIME_INDEX), before) {
                Err(e) if e.is_not_found() => None,
                Err(e) if e.is_unreadable() => {
                    self.rebuild_indexes()?;
                    continue;
                }
                entry => entry?,
            };
            let Some(entry) = entry else { return Ok(0) };
            if let Some(position) = self.locate(self.base + i64::from(entry.offset))? {
                let file = self.file()?;
                let mut walk = Walk::headers(&*file, position, self.len(), self.base);
                if let Ok(Some((_, header))) = walk.next()
                    && header.max_timestamp == entry.timestamp
                {
                    return Ok(position);
                }
            }
            self.rebuild_indexes()?;
        }
        Ok(0)
    }

    /// With the transaction index, read from the disk if nothing has asked for it before.
    pub fn with_txns<T>(&self, f: impl FnOnce(&mut TxnIndex) -> T) -> Result<T, StorageError> {
        let mut txns = self.txns.write();
        if txns.is_none() {
            let path = self.path(files::TXN_INDEX);
            let opened = TxnIndex::open(&*self.disk, &path, Offset(self.base))?;
            *txns = Some(opened.ok_or_else(|| {
                StorageError::damaged(&path, "the transaction index was damaged after the start")
            })?);
        }
        Ok(f(txns.as_mut().expect("it was just set")))
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Brings the files of a truncation that was given up in the middle to what the segment says it has.
    pub fn finish_cut(&self) -> Result<(), StorageError> {
        if !self.is_made() {
            return Ok(());
        }
        self.cut_to_len()?;
        self.rebuild_indexes()?;
        let end = Offset(self.end());
        self.with_txns(|t| t.truncate(&*self.disk, &self.path(files::TXN_INDEX), end))?
    }

    /// Cuts off the batch that holds `offset` and all after it. Gives the new end, which is that of the last batch that is left, as after a
    /// restart: replicas that end within a gap would wait for each other.
    pub fn truncate(&self, offset: i64) -> Result<i64, ReadError> {
        if !self.is_made() {
            return Ok(self.end());
        }
        let Some(position) = self.locate(offset)? else {
            if self.end() <= offset {
                return Ok(self.end());
            }
            // The end of a closed one is only known to lie before the next.
            return match self.learn_tail() {
                Ok(end) => Ok(end),
                Err(Miss::Storage(e)) => Err(e.into()),
                Err(Miss::Index | Miss::Damage) => {
                    self.end.store(offset, Ordering::Release);
                    self.rebuild_indexes()?;
                    Ok(offset)
                }
            };
        };
        let path = self.path(files::LOG);
        let file = self.held_file()?;
        // The offset at which the new end lies is the base of the batch that goes.
        let mut walk = Walk::headers(&*file, position, self.len(), self.base);
        let end = match walk.next() {
            _ if self.is_hole(position) => self.first_lost(position).unwrap_or(offset),
            Ok(Some((_, header))) => header.base_offset,
            _ => return Err(self.damaged(offset)),
        };
        // It may lie behind a gap.
        let end = end.min(offset);
        let mut indexes = self.indexes.write();
        self.len.store(position, Ordering::Release);
        self.end.store(end, Ordering::Release);
        self.forget_behind(position);
        self.dirty.store(true, Ordering::Release);
        if position == 0 {
            self.first_timestamp.store(UNKNOWN, Ordering::Relaxed);
        }
        indexes.tail = VecDeque::new();
        let relative = end - self.base;
        let (offsets, times) = (self.path(files::OFFSET_INDEX), self.path(files::TIME_INDEX));
        let cut = indexes.offsets.truncate(&*self.disk, &offsets, relative);
        let cut = cut.and_then(|()| indexes.times.truncate(&*self.disk, &times, relative));
        drop(indexes);
        if cut.is_err() {
            // They do not say what they did, and cannot be asked.
            self.rebuild_indexes()?;
        }
        self.with_txns(|t| t.truncate(&*self.disk, &self.path(files::TXN_INDEX), Offset(end)))??;
        file.set_len(position).at("truncate", &path)?;
        if cut.is_err() {
            return Ok(end);
        }
        match self.learn_tail() {
            Ok(end) => Ok(end),
            Err(Miss::Storage(e)) => Err(e.into()),
            Err(Miss::Index | Miss::Damage) => {
                self.rebuild_indexes()?;
                Ok(end)
            }
        }
    }
}

/// Why a lookup found nothing.
enum Miss {
    /// An index entry does not lead to its batch.
    Index,
    Damage,
    Storage(StorageError),
}
