//! The directory `__cluster_metadata-0` in Kafka's format: segments with their indexes, the epoch file, `partition.metadata`
//! and `quorum-state`. What the raft store has agreed on is projected into it, and a JVM Kafka can open it.
//!
//! Always holds: offsets are dense; batches are whole and their CRCs are right; the indexes of the active segment fit it. Must
//! never: cut off anything but a torn last batch; damage before the end is an error, not a shorter log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airis_protocol::batch::{self, BatchBytes, BatchHeader};
use airis_protocol::types::Uuid;
use airis_storage::disk::read_exact_at;
use airis_storage::{Disk, DiskFile, OpenMode};
use bytes::Bytes;

use super::store::may_pass;
use super::wal::write;

/// The directory of the metadata log within the log directory.
pub const DIR: &str = "__cluster_metadata-0";
/// An index entry is due after so many bytes (Kafka's default of `index.interval.bytes`).
const INDEX_INTERVAL: u64 = 4096;
/// A segment is closed before it grows beyond this (Kafka's default of `metadata.log.segment.bytes`).
const SEGMENT_MAX: u64 = 1 << 30;
/// The largest batch that is read back: Kafka's raft writes 8 MiB at most (`MAX_BATCH_SIZE_BYTES`).
const BATCH_MAX: usize = 64 << 20;

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged at byte {at}: {what}")]
    Damaged {
        path: PathBuf,
        at: u64,
        what: String,
    },
    #[error("{path} should begin at offset {expected}: records in between are missing")]
    Gap { path: PathBuf, expected: i64 },
}

pub(super) fn at_path(path: &Path) -> impl FnOnce(io::Error) -> JournalError + use<> {
    let path = path.to_owned();
    move |source| JournalError::Io { path, source }
}

/// The segment that is written.
struct Active {
    base: i64,
    file: Arc<dyn DiskFile>,
    size: u64,
    index: Vec<u8>,
    times: Vec<u8>,
    index_file: Arc<dyn DiskFile>,
    times_file: Arc<dyn DiskFile>,
    since_index: u64,
    /// The largest timestamp so far, and the last offset of the batch that has it.
    max_timestamp: (i64, i64),
    /// Timestamp of the last entry in the time index.
    last_time: i64,
}

/// The log of the metadata, open for appending.
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Base offsets of the closed segments, rising.
    closed: Vec<i64>,
    active: Active,
    next: i64,
    /// Epoch and its first offset, rising.
    epochs: Vec<(i32, i64)>,
    /// They are not in their file yet.
    epochs_due: bool,
    /// Bytes appended since the newest snapshot that was there when the journal was opened.
    appended: u64,
}

fn segment(dir: &Path, base: i64, suffix: &str) -> PathBuf {
    dir.join(format!("{base:020}{suffix}"))
}

impl Active {
    /// Opens the files of a segment, making those that are missing; their names are durable then. If that fails nothing is left of a new
    /// one: the segment before goes on, and must not reach beyond the beginning of the next.
    fn open(disk: &dyn Disk, dir: &Path, base: i64) -> io::Result<Active> {
        let fresh = !disk.exists(&segment(dir, base, ".log"));
        let opened = Active::open_files(disk, dir, base, fresh);
        if fresh && opened.is_err() {
            // What cannot be removed now is when the journal is opened.
            let _ = remove_segment(disk, dir, base);
        }
        opened
    }

    fn open_files(disk: &dyn Disk, dir: &Path, base: i64, fresh: bool) -> io::Result<Active> {
        let open = |suffix| disk.open(&segment(dir, base, suffix), OpenMode::Create);
        let (file, index_file, times_file) = (open(".log")?, open(".index")?, open(".timeindex")?);
        if fresh {
            disk.sync_dir(dir)?;
        }
        Ok(Active {
            base,
            file,
            size: 0,
            index: Vec::new(),
            times: Vec::new(),
            index_file,
            times_file,
            since_index: 0,
            max_timestamp: (-1, -1),
            last_time: -1,
        })
    }

    /// Takes note of a batch that lies at the end: what Kafka's `LogSegment.append` does around the write. True if the indexes
    /// have grown.
    fn note(&mut self, header: &BatchHeader) -> bool {
        let last = header.last_offset().0;
        if header.max_timestamp > self.max_timestamp.0 {
            self.max_timestamp = (header.max_timestamp, last);
        }
        let grown = self.since_index > INDEX_INTERVAL;
        if grown {
            self.index.extend(((last - self.base) as i32).to_be_bytes());
            self.index.extend((self.size as i32).to_be_bytes());
            self.note_time();
            self.since_index = 0;
        }
        self.since_index += header.size() as u64;
        self.size += header.size() as u64;
        grown
    }

    fn note_time(&mut self) {
        let (timestamp, offset) = self.max_timestamp;
        if timestamp > self.last_time {
            self.times.extend(timestamp.to_be_bytes());
            self.times
                .extend(((offset - self.base) as i32).to_be_bytes());
            self.last_time = timestamp;
        }
    }

    /// Brings the index files in line with what is in memory.
    fn write_indexes(&self) -> io::Result<()> {
        for (file, bytes) in [
            (&self.index_file, &self.index),
            (&self.times_file, &self.times),
        ] {
            write(&**file, 0, bytes)?;
            file.set_len(bytes.len() as u64)?;
        }
        Ok(())
    }

    /// The last entry of the time index, and everything on disk.
    fn close(&mut self) -> io::Result<()> {
        self.note_time();
        self.write_indexes()?;
        self.file.set_len(self.size)?;
        self.file.sync_data()?;
        self.index_file.sync_data()?;
        self.times_file.sync_data()
    }
}

/// Base offsets of the segments in a directory, rising. One that was never begun is removed.
fn segments(disk: &dyn Disk, dir: &Path) -> Result<Vec<i64>, JournalError> {
    let found = disk.list(dir).map_err(at_path(dir))?;
    let base = |name: &str| name.strip_suffix(".log")?.parse().ok();
    let mut bases: Vec<i64> = found.iter().filter_map(|entry| base(&entry.name)).collect();
    bases.sort_unstable();
    if never_begun(disk, dir, &bases)?
        && let Some(base) = bases.pop()
    {
        remove_segment(disk, dir, base).map_err(at_path(dir))?;
    }
    Ok(bases)
}

/// The last segment could not be begun, nor be removed: it is empty, and the one before has gone on beyond its base.
fn never_begun(disk: &dyn Disk, dir: &Path, bases: &[i64]) -> Result<bool, JournalError> {
    let [.., before, last] = *bases else {
        return Ok(false);
    };
    let path = segment(dir, last, ".log");
    if disk.len(&path).map_err(at_path(&path))? != Some(0) {
        return Ok(false);
    }
    let mut scan = Scan::open(disk, segment(dir, before, ".log"))?;
    let mut end = before;
    while let Next::Batch(batch) = scan.next()? {
        end = batch.header().next_offset().0;
    }
    Ok(end > last)
}

/// Reads the batches of one segment one after another.
struct Scan {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    at: u64,
    len: u64,
    /// Bytes of the file, and where they begin.
    window: Bytes,
    window_at: u64,
}

/// How a scan goes on.
enum Next {
    Batch(BatchBytes),
    End,
    /// What follows is no whole batch.
    Bad(String),
}

impl Scan {
    /// Read at a time.
    const WINDOW: u64 = 256 << 10;

    fn open(disk: &dyn Disk, path: PathBuf) -> Result<Scan, JournalError> {
        let file = disk.open(&path, OpenMode::Read).map_err(at_path(&path))?;
        let len = file.len().map_err(at_path(&path))?;
        Ok(Scan {
            path,
            file,
            at: 0,
            len,
            window: Bytes::new(),
            window_at: 0,
        })
    }

    /// The next `n` bytes, which are there.
    fn peek(&mut self, n: usize) -> Result<Bytes, JournalError> {
        let from = (self.at - self.window_at) as usize;
        if self.window.len() < from + n {
            let size = Self::WINDOW.max(n as u64).min(self.len - self.at);
            let mut bytes = vec![0; size as usize];
            read_exact_at(&*self.file, self.at, &mut bytes).map_err(at_path(&self.path))?;
            self.window = bytes.into();
            self.window_at = self.at;
            return Ok(self.window.slice(..n));
        }
        Ok(self.window.slice(from..from + n))
    }

    fn next(&mut self) -> Result<Next, JournalError> {
        let left = self.len - self.at;
        if left == 0 {
            return Ok(Next::End);
        }
        if left < batch::HEADER_LEN as u64 {
            return Ok(Next::Bad(format!("{left} bytes are no batch")));
        }
        let header = match BatchHeader::read(&self.peek(batch::HEADER_LEN)?) {
            Ok(header) => header,
            Err(e) => return Ok(Next::Bad(e.to_string())),
        };
        let size = header.size();
        if size as u64 > left || size > BATCH_MAX {
            return Ok(Next::Bad(format!(
                "a batch of {size} bytes, {left} are left"
            )));
        }
        match BatchBytes::parse(self.peek(size)?) {
            Ok((batch, _)) => {
                self.at += size as u64;
                Ok(Next::Batch(batch))
            }
            Err(e) => Ok(Next::Bad(e.to_string())),
        }
    }

    /// True if a whole batch lies anywhere behind the bad place: then it is damage and no torn write. Looks a bounded way ahead.
    fn more_behind(&self) -> Result<bool, JournalError> {
        const LOOK_AHEAD: u64 = 1 << 20;
        let mut rest = vec![0; LOOK_AHEAD.min(self.len - self.at) as usize];
        read_exact_at(&*self.file, self.at, &mut rest).map_err(at_path(&self.path))?;
        let rest = Bytes::from(rest);
        Ok(
            (1..rest.len().saturating_sub(batch::HEADER_LEN)).any(|from| {
                // The magic byte first: it rules nearly every place out.
                rest[from + 16] == batch::MAGIC as u8
                    && BatchBytes::parse(rest.slice(from..)).is_ok()
            }),
        )
    }
}

impl Journal {
    /// Opens the log, making an empty one that begins at `start` if there is none, and shows every batch from `from` on to `see`.
    ///
    /// What lies behind the offset `synced` can be written again from the raft store. A power failure may leave holes in it, so
    /// damage there only ends the log; anywhere else it is an error.
    pub fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        start: i64,
        from: i64,
        synced: i64,
        mut see: impl FnMut(BatchBytes) -> Result<(), String>,
    ) -> Result<Journal, JournalError> {
        let mut bases = segments(&**disk, dir)?;
        if bases.is_empty() {
            bases.push(start);
        }
        let last = bases.pop().expect("there is one");
        let mut epochs: Vec<(i32, i64)> = Vec::new();
        let mut next = bases.first().copied().unwrap_or(last);
        let mut active = Active::open(&**disk, dir, last).map_err(at_path(dir))?;
        for base in bases.iter().copied().chain([last]) {
            let path = segment(dir, base, ".log");
            if base != next {
                return Err(JournalError::Gap {
                    path,
                    expected: next,
                });
            }
            let mut scan = Scan::open(&**disk, path)?;
            let damaged = |scan: &Scan, what| {
                Err(JournalError::Damaged {
                    path: scan.path.clone(),
                    at: scan.at,
                    what,
                })
            };
            loop {
                let at = scan.at;
                let found = match scan.next()? {
                    // No checksum covers an offset: a torn write may have left a part of it out.
                    Next::Batch(batch) if batch.base_offset().0 != next => {
                        scan.at = at;
                        Next::Bad(format!("offset {} follows {next}", batch.base_offset()))
                    }
                    found => found,
                };
                let batch = match found {
                    Next::Batch(batch) => batch,
                    Next::End => break,
                    Next::Bad(what) if base != last || (next < synced && scan.more_behind()?) => {
                        return damaged(&scan, what);
                    }
                    Next::Bad(what) => {
                        tracing::warn!(file = %scan.path.display(), from = scan.at, to = scan.len, what, "cut off a torn batch");
                        active.file.set_len(scan.at).map_err(at_path(&scan.path))?;
                        break;
                    }
                };
                let header = *batch.header();
                if epochs.last().is_none_or(|(e, _)| *e < header.leader_epoch) {
                    epochs.push((header.leader_epoch, next));
                }
                next = header.next_offset().0;
                if base == last {
                    active.note(&header);
                }
                if header.last_offset().0 >= from
                    && let Err(what) = see(batch)
                {
                    return damaged(&scan, what);
                }
            }
        }
        // Indexes are hints: whatever is there is replaced by what fits the log.
        active.write_indexes().map_err(at_path(dir))?;
        Ok(Journal {
            disk: disk.clone(),
            dir: dir.to_owned(),
            closed: bases,
            active,
            next,
            epochs,
            epochs_due: false,
            appended: 0,
        })
    }

    /// The offset of the next record.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// The offset of the first record that is still there.
    pub fn start(&self) -> i64 {
        self.closed.first().copied().unwrap_or(self.active.base)
    }

    /// The largest epoch up to this one, and the offset that follows its last record.
    pub fn end_of_epoch(&self, epoch: i32) -> (i32, i64) {
        let at = self.epochs.partition_point(|(e, _)| *e <= epoch);
        let known = at.checked_sub(1).map_or(-1, |i| self.epochs[i].0);
        let end = self.epochs.get(at).map_or(self.next, |(_, from)| *from);
        (known, end)
    }

    /// Whole batches from the one that holds `offset` on: at least one if there is any, and no more than `max` bytes in all if one
    /// is not larger.
    pub fn read(&self, offset: i64, max: usize) -> io::Result<Bytes> {
        if offset >= self.next {
            return Ok(Bytes::new());
        }
        let at = self.closed.partition_point(|base| *base <= offset);
        let active = offset >= self.active.base;
        let base = if active {
            self.active.base
        } else {
            let at = at.checked_sub(1);
            at.map_or(self.start(), |i| self.closed[i])
        };
        let (file, index) = if active {
            (self.active.file.clone(), self.active.index.clone())
        } else {
            let log = self
                .disk
                .open(&segment(&self.dir, base, ".log"), OpenMode::Read)?;
            let index = self.disk.read_to_end(&segment(&self.dir, base, ".index"));
            (log, index.unwrap_or_default())
        };
        let size = if active {
            self.active.size
        } else {
            file.len()?
        };
        // The last entry of a batch that ends before the offset: the scan begins there.
        let mut position = 0u64;
        for entry in index.chunks_exact(8) {
            let relative = i32::from_be_bytes(entry[..4].try_into().expect("four bytes"));
            if base + i64::from(relative) >= offset {
                break;
            }
            let at = i32::from_be_bytes(entry[4..].try_into().expect("four bytes"));
            position = at as u64;
        }
        let mut header = [0; batch::HEADER_LEN];
        let (mut from, mut len) = (None, 0u64);
        while position < size {
            read_exact_at(&*file, position, &mut header)?;
            let header = BatchHeader::read(&header).map_err(io::Error::other)?;
            let bytes = header.size() as u64;
            if header.last_offset().0 >= offset {
                if from.is_some() && len + bytes > max as u64 {
                    break;
                }
                from.get_or_insert(position);
                len += bytes;
            }
            position += bytes;
        }
        let mut bytes = vec![0; len as usize];
        if let Some(from) = from {
            read_exact_at(&*file, from, &mut bytes)?;
        }
        Ok(bytes.into())
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Bytes appended since the newest snapshot that was there when the journal was opened: only ever grows.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Counts what earlier runs have appended behind a snapshot that ends at `end`: segments that begin there or later, as the log is
    /// rolled for a snapshot. What was appended while it was being built lies before, and is not counted.
    pub fn count_from(&mut self, end: i64) -> io::Result<()> {
        let segments = self.closed.iter().copied().chain([self.active.base]);
        self.appended = 0;
        for base in segments.filter(|base| *base >= end) {
            let file = segment(&self.dir, base, ".log");
            self.appended += self.disk.len(&file)?.unwrap_or(0);
        }
        Ok(())
    }

    /// Makes sure that so many bytes can be appended, and that no file has to be opened for them.
    pub fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        if self.active.size + bytes > SEGMENT_MAX {
            self.roll()?;
        }
        self.active.file.preallocate(self.active.size + bytes)
    }

    /// Appends one batch that carries its offset and epoch. It is in the page cache then, not on disk. On an error nothing counts.
    pub fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        let header = BatchHeader::read(batch).map_err(io::Error::other)?;
        assert_eq!(header.base_offset, self.next, "offsets are dense");
        assert_eq!(header.size(), batch.len(), "exactly one batch");
        if self.active.size > 0 && self.active.size + batch.len() as u64 > SEGMENT_MAX {
            self.roll()?;
        }
        if let Err(e) = write(&*self.active.file, self.active.size, batch) {
            let _ = self.active.file.set_len(self.active.size);
            return Err(e);
        }
        let grown = self.active.note(&header);
        self.next = header.next_offset().0;
        self.appended += batch.len() as u64;
        if grown && let Err(e) = self.active.write_indexes() {
            // Both are made again from the batches: written with the next one, or at the next start.
            if !may_pass(&e) {
                return Err(e);
            }
        }
        if self
            .epochs
            .last()
            .is_none_or(|(e, _)| *e < header.leader_epoch)
        {
            self.epochs.push((header.leader_epoch, header.base_offset));
            self.epochs_due = true;
        }
        if self.epochs_due {
            match self.write_epochs() {
                Ok(()) => self.epochs_due = false,
                Err(e) if may_pass(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn write_epochs(&self) -> io::Result<()> {
        let mut text = format!("0\n{}\n", self.epochs.len());
        for (epoch, offset) in &self.epochs {
            text.push_str(&format!("{epoch} {offset}\n"));
        }
        let path = self.dir.join("leader-epoch-checkpoint");
        self.disk.write_atomically(&path, text.as_bytes())
    }

    /// The file that is appended to, until the next roll: what is synced in it is on disk, as what came before is.
    pub fn file(&self) -> Arc<dyn DiskFile> {
        self.active.file.clone()
    }

    /// Closes the active segment and begins another. Does nothing if it is empty.
    pub fn roll(&mut self) -> io::Result<()> {
        if self.active.size == 0 {
            return Ok(());
        }
        self.active.close()?;
        let next = Active::open(&*self.disk, &self.dir, self.next)?;
        let before = std::mem::replace(&mut self.active, next);
        self.closed.push(before.base);
        Ok(())
    }

    /// Deletes closed segments that hold nothing from `keep` on.
    pub fn trim(&mut self, keep: i64) -> io::Result<()> {
        let before = self.closed.len();
        while let Some(base) = self.closed.first().copied() {
            let end = self.closed.get(1).copied().unwrap_or(self.active.base);
            if end > keep {
                break;
            }
            remove_segment(&*self.disk, &self.dir, base)?;
            self.closed.remove(0);
        }
        if self.closed.len() != before {
            let start = self.closed.first().copied().unwrap_or(self.active.base);
            let at = self.epochs.partition_point(|(_, from)| *from <= start);
            if at > 0 {
                self.epochs.drain(..at - 1);
                self.epochs[0].1 = self.epochs[0].1.max(start);
            }
            self.write_epochs()?;
        }
        Ok(())
    }

    /// Throws everything away and goes on at `offset`: after a snapshot that came from elsewhere.
    pub fn restart_at(&mut self, offset: i64) -> io::Result<()> {
        // The old ones first, in order: what a crash leaves is then the end of a log, or none, and no gap.
        for base in self.closed.drain(..).chain([self.active.base]) {
            remove_segment(&*self.disk, &self.dir, base)?;
        }
        self.active = Active::open(&*self.disk, &self.dir, offset)?;
        self.next = offset;
        self.epochs.clear();
        self.write_epochs()?;
        self.disk.sync_dir(&self.dir)
    }

    /// A clean end: indexes complete, files of their true length, all on disk.
    pub fn close(&mut self) -> io::Result<()> {
        self.active.close()?;
        self.disk.sync_dir(&self.dir)
    }
}

fn remove_segment(disk: &dyn Disk, dir: &Path, base: i64) -> io::Result<()> {
    // The log last: what is left of a segment without one is not looked at.
    for suffix in [".index", ".timeindex", ".snapshot", ".txnindex", ".log"] {
        let path = segment(dir, base, suffix);
        if disk.exists(&path) {
            disk.remove_file(&path)?;
        }
    }
    Ok(())
}

/// Cuts the last segment off at an offset, which must be the base of a batch in it or its end. The journal is opened afterwards.
pub(super) fn cut(disk: &dyn Disk, dir: &Path, offset: i64) -> Result<(), JournalError> {
    let base = segments(disk, dir)?.pop().filter(|base| *base <= offset);
    let Some(base) = base else {
        return Err(JournalError::Gap {
            path: dir.to_owned(),
            expected: offset,
        });
    };
    let path = segment(dir, base, ".log");
    let mut scan = Scan::open(disk, path.clone())?;
    let mut at = 0;
    while let Next::Batch(batch) = scan.next()? {
        if batch.base_offset().0 >= offset {
            break;
        }
        at = scan.at;
    }
    let file = disk.open(&path, OpenMode::Write).map_err(at_path(&path))?;
    file.set_len(at)
        .and_then(|()| file.sync_data())
        .map_err(at_path(&path))
}

/// Makes the directory and `partition.metadata`, if they are not there.
pub(super) fn prepare(disk: &dyn Disk, dir: &Path) -> Result<(), JournalError> {
    if !disk.exists(dir) {
        disk.create_dir_all(dir).map_err(at_path(dir))?;
        disk.sync_dir(dir.parent().unwrap_or(Path::new(".")))
            .map_err(at_path(dir))?;
    }
    let path = dir.join("partition.metadata");
    if !disk.exists(&path) {
        let text = format!("version: 0\ntopic_id: {}", Uuid::METADATA_TOPIC);
        disk.write_atomically(&path, text.as_bytes())
            .map_err(at_path(&path))?;
    }
    Ok(())
}

/// Kafka's `quorum-state` in its version 0, which goes with a fixed set of voters.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuorumState {
    #[serde(default)]
    pub cluster_id: String,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub voted_id: i32,
    #[serde(default)]
    pub applied_offset: i64,
    #[serde(default)]
    pub current_voters: Vec<QuorumVoter>,
    #[serde(rename = "data_version")]
    pub data_version: i16,
}

/// One of the voters in `quorum-state`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuorumVoter {
    pub voter_id: i32,
}

const QUORUM_STATE: &str = "quorum-state";

impl QuorumState {
    /// A leader and its epoch, with the voters.
    pub fn elected(leader: i32, epoch: i32, voters: &[i32]) -> QuorumState {
        QuorumState {
            cluster_id: String::new(),
            leader_id: leader,
            leader_epoch: epoch,
            voted_id: -1,
            applied_offset: 0,
            current_voters: voters
                .iter()
                .map(|v| QuorumVoter { voter_id: *v })
                .collect(),
            data_version: 0,
        }
    }

    pub fn write(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        disk.write_atomically(&dir.join(QUORUM_STATE), &text)
    }

    /// `None` if the file is not there or cannot be understood; the log says nearly as much.
    pub fn read(disk: &dyn Disk, dir: &Path) -> Option<QuorumState> {
        let path = dir.join(QUORUM_STATE);
        if !disk.exists(&path) {
            return None;
        }
        serde_json::from_slice(&disk.read_to_end(&path).ok()?).ok()
    }
}
