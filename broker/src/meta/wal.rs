//! The file behind the raft store: votes and entries, appended and synced, in `__cluster_metadata-0/raft.wal`.
//!
//! Always holds: what was appended is on disk when the call returns; every write has a CRC; the file is only ever appended to or
//! replaced as a whole. A torn write at the end is cut off when the file is opened, whatever of it is there; it was never reported as
//! written. Must never: lie in the way of a JVM Kafka: its log loader passes over files of other suffixes.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airis_storage::{Disk, DiskFile, OpenMode};
use openraft::{CommittedLeaderId, EntryPayload, LogId, Membership, StoredMembership, Vote};

use super::raft::{Entry, Node, NodeKey, Proposal};

/// The file's name. Not `.log`, which would make it a segment.
pub(super) const FILE: &str = "raft.wal";
/// Its successor while it is being written.
const FRESH: &str = "raft.wal.fresh";
/// Format and version, the first bytes of the file.
/// Version 1 counted the entry that begins a term as a record of the metadata log.
const MAGIC: &[u8; 8] = b"airwal\0\x02";
/// Length and CRC before each body.
const FRAME_HEADER: usize = 8;
/// No frame is longer: an entry holds at most a few batches of metadata.
const FRAME_MAX: usize = 64 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged at byte {at}: {what}")]
    Damaged {
        path: PathBuf,
        at: u64,
        what: &'static str,
    },
}

/// Where the entries of the file begin: all before it are in the metadata log, and gone from here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Base {
    pub log_id: Option<LogId<NodeKey>>,
    /// The offset that follows the records of `log_id` and all before.
    pub next_offset: i64,
    pub membership: StoredMembership<NodeKey, Node>,
}

/// One frame, decoded.
#[derive(Debug)]
pub(super) enum Frame {
    Base(Base),
    Vote(Vote<NodeKey>),
    Entry(Entry),
    /// Entries from this index on are void.
    Truncate(u64),
    /// A snapshot is about to be installed. If it is in the metadata log, the entries begin here.
    Installing(Base),
}

/// The open file.
pub(super) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
}

mod kind {
    pub const BASE: u8 = 1;
    pub const VOTE: u8 = 2;
    pub const TRUNCATE: u8 = 3;
    pub const BLANK: u8 = 4;
    pub const NORMAL: u8 = 5;
    pub const MEMBERSHIP: u8 = 6;
    pub const INSTALLING: u8 = 7;
    /// Frames that were written together: all of them count, or none.
    pub const GROUP: u8 = 8;
}

/// Takes fields off the front; `None` once there are too few bytes.
pub(super) struct Take<'a>(pub &'a [u8]);

impl<'a> Take<'a> {
    pub fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(front)
    }

    pub fn u8(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    pub fn log_id(&mut self) -> Option<LogId<NodeKey>> {
        Some(log_id(self.u64()?, self.u64()?))
    }

    /// All that is left.
    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        serde_json::from_slice(std::mem::take(&mut self.0)).ok()
    }

    pub fn vote(&mut self) -> Option<Vote<NodeKey>> {
        let (term, node) = (self.u64()?, self.u64()?);
        let mut vote = Vote::new(term, node);
        if node == NodeKey::MAX {
            vote.leader_id.voted_for = None;
        }
        vote.committed = self.u8()? == 1;
        Some(vote)
    }

    /// The next frame, checked.
    pub fn frame(&mut self) -> Option<Frame> {
        let body = whole_frame(self.0)?;
        self.bytes(FRAME_HEADER + body.len())?;
        Frame::read(body)
    }
}

/// With one leader a term, the term alone names the leader.
pub(super) fn log_id(term: u64, index: u64) -> LogId<NodeKey> {
    LogId::new(CommittedLeaderId::new(term, 0), index)
}

pub(super) fn put_log_id(out: &mut Vec<u8>, id: &LogId<NodeKey>) {
    out.extend_from_slice(&id.leader_id.term.to_le_bytes());
    out.extend_from_slice(&id.index.to_le_bytes());
}

impl Frame {
    /// Appends the frame, header and all. One that is too long is an error, and nothing of it is appended.
    pub fn put(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_HEADER]);
        match self {
            Frame::Base(base) | Frame::Installing(base) => {
                out.push(match self {
                    Frame::Base(_) => kind::BASE,
                    _ => kind::INSTALLING,
                });
                out.push(base.log_id.is_some().into());
                put_log_id(out, &base.log_id.unwrap_or_default());
                out.extend_from_slice(&base.next_offset.to_le_bytes());
                put_json(out, &base.membership);
            }
            Frame::Vote(vote) => {
                out.push(kind::VOTE);
                put_vote(out, vote);
            }
            Frame::Truncate(index) => {
                out.push(kind::TRUNCATE);
                out.extend_from_slice(&index.to_le_bytes());
            }
            Frame::Entry(entry) => {
                let (tag, id) = (
                    match &entry.payload {
                        EntryPayload::Blank => kind::BLANK,
                        EntryPayload::Normal(_) => kind::NORMAL,
                        EntryPayload::Membership(_) => kind::MEMBERSHIP,
                    },
                    &entry.log_id,
                );
                out.push(tag);
                put_log_id(out, id);
                match &entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Membership(m) => put_json(out, m),
                    EntryPayload::Normal(p) => {
                        out.extend_from_slice(&p.first_offset.to_le_bytes());
                        out.extend_from_slice(&(p.batches.len() as u32).to_le_bytes());
                        for batch in &p.batches {
                            out.extend_from_slice(&(batch.len() as u32).to_le_bytes());
                            out.extend_from_slice(batch);
                        }
                    }
                }
            }
        }
        let body = start + FRAME_HEADER;
        if out.len() - body > FRAME_MAX {
            out.truncate(start);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let header = frame_header(&out[body..]);
        out[start..body].copy_from_slice(&header);
        Ok(())
    }

    fn read(body: &[u8]) -> Option<Frame> {
        let mut t = Take(body);
        let frame = match t.u8()? {
            tag @ (kind::BASE | kind::INSTALLING) => {
                let some = t.u8()? == 1;
                let id = t.log_id()?;
                let base = Base {
                    log_id: some.then_some(id),
                    next_offset: t.u64()? as i64,
                    membership: t.json()?,
                };
                match tag {
                    kind::BASE => Frame::Base(base),
                    _ => Frame::Installing(base),
                }
            }
            kind::VOTE => Frame::Vote(t.vote()?),
            kind::TRUNCATE => Frame::Truncate(t.u64()?),
            tag => {
                let log_id = t.log_id()?;
                let payload = match tag {
                    kind::BLANK => EntryPayload::Blank,
                    kind::MEMBERSHIP => {
                        EntryPayload::Membership(t.json::<Membership<NodeKey, Node>>()?)
                    }
                    kind::NORMAL => {
                        let first_offset = t.u64()? as i64;
                        let count = t.u32()?;
                        let mut batches = Vec::new();
                        for _ in 0..count {
                            let len = t.u32()? as usize;
                            batches.push(t.bytes(len)?.to_vec());
                        }
                        EntryPayload::Normal(Proposal {
                            first_offset,
                            batches,
                        })
                    }
                    _ => return None,
                };
                Frame::Entry(Entry { log_id, payload })
            }
        };
        t.0.is_empty().then_some(frame)
    }
}

pub(super) fn put_vote(out: &mut Vec<u8>, vote: &Vote<NodeKey>) {
    let node = vote.leader_id.voted_for.unwrap_or(NodeKey::MAX);
    out.extend_from_slice(&vote.leader_id.term.to_le_bytes());
    out.extend_from_slice(&node.to_le_bytes());
    out.push(vote.committed.into());
}

pub(super) fn put_json<T: serde::Serialize>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("plain values become JSON");
}

impl Wal {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> WalError {
        let path = path.to_owned();
        move |source| WalError::Io { path, source }
    }

    /// True if the directory has such a file.
    pub fn exists(disk: &dyn Disk, dir: &Path) -> bool {
        disk.exists(&dir.join(FILE))
    }

    /// Opens the file and reads all its frames. A torn last write is cut off, and so is one that has rotted: nothing tells them apart.
    /// Damage before it is an error.
    pub fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<(Wal, Vec<Frame>), WalError> {
        let path = dir.join(FILE);
        let bytes = disk.read_to_end(&path).map_err(Self::io(&path))?;
        let damaged = |at: usize, what| WalError::Damaged {
            path: path.clone(),
            at: at as u64,
            what,
        };
        if bytes.len() < MAGIC.len() || &bytes[..MAGIC.len()] != MAGIC {
            return Err(damaged(
                0,
                "it does not begin as a raft store of this version",
            ));
        }
        let (mut frames, mut at) = (Vec::new(), MAGIC.len());
        while at < bytes.len() {
            let Some(body) = whole_frame(&bytes[at..]) else {
                // Only the last write can be torn. If a whole frame follows, this one was written and has rotted.
                if follows_a_frame(&bytes[at..]) {
                    return Err(damaged(
                        at,
                        "a frame fails its checksum, and others follow it",
                    ));
                }
                break;
            };
            let read = read_body(body).ok_or_else(|| damaged(at, "a frame makes no sense"))?;
            frames.extend(read);
            at += FRAME_HEADER + body.len();
        }
        let file = disk.open(&path, OpenMode::Write).map_err(Self::io(&path))?;
        if at < bytes.len() {
            tracing::warn!(file = %path.display(), from = at, to = bytes.len(), "cut off a torn write");
            file.set_len(at as u64)
                .and_then(|()| file.sync_data())
                .map_err(Self::io(&path))?;
        }
        let wal = Wal {
            disk: disk.clone(),
            dir: dir.to_owned(),
            file,
            len: at as u64,
        };
        Ok((wal, frames))
    }

    /// Makes the file anew with these frames, in place of any that is there. On an error the old one stays.
    pub fn replace(disk: &Arc<dyn Disk>, dir: &Path, frames: &[Frame]) -> io::Result<Wal> {
        let mut bytes = MAGIC.to_vec();
        for frame in frames {
            frame.put(&mut bytes)?;
        }
        let fresh = dir.join(FRESH);
        let file = disk.open(&fresh, OpenMode::Truncate)?;
        write(&*file, 0, &bytes)?;
        file.sync_data()?;
        disk.rename(&fresh, &dir.join(FILE))?;
        disk.sync_dir(dir)?;
        Ok(Wal {
            disk: disk.clone(),
            dir: dir.to_owned(),
            file,
            len: bytes.len() as u64,
        })
    }

    /// The file anew, in its place.
    pub fn rewrite(&mut self, frames: &[Frame]) -> io::Result<()> {
        *self = Wal::replace(&self.disk, &self.dir, frames)?;
        Ok(())
    }

    /// Appends frames and syncs them. On an error nothing counts: what was written is cut off again.
    pub fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        let written = write_group(&*self.file, self.len, frames)
            .and_then(|len| self.file.sync_data().map(|()| len));
        match written {
            Ok(len) => {
                self.len += len;
                Ok(())
            }
            Err(e) => {
                // If this fails too, the tail is overwritten by the next append, or cut off at the next start.
                let _ = self.file.set_len(self.len);
                Err(e)
            }
        }
    }

    /// As [`Wal::append`], for the bugs that leave the sync out.
    #[cfg(feature = "sim")]
    pub fn append_unsynced(&mut self, frames: &[u8]) -> io::Result<()> {
        self.len += write_group(&*self.file, self.len, frames)?;
        Ok(())
    }

    /// Makes sure that an entry of so many bytes can be appended: a full disk is then found before a write is promised, and so is
    /// an entry that is too long for a frame.
    pub fn reserve(&self, bytes: u64) -> io::Result<()> {
        if bytes > FRAME_MAX as u64 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let group = (FRAME_HEADER + 1) as u64;
        self.file.preallocate(self.len + group + bytes)
    }
}

/// The body of the frame that the bytes begin with, if it is whole and its CRC is right.
fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    let mut t = Take(bytes);
    let (len, crc) = (t.u32()? as usize, t.u32()?);
    let body = t.bytes(len).filter(|body| !body.is_empty())?;
    (crc_fast::crc32_iscsi(body) == crc).then_some(body)
}

/// The frames of a body: one, or all that were written together.
fn read_body(body: &[u8]) -> Option<Vec<Frame>> {
    let Some(mut group) = body.strip_prefix(&[kind::GROUP]) else {
        return Some(vec![Frame::read(body)?]);
    };
    let mut frames = Vec::new();
    while !group.is_empty() {
        let body = whole_frame(group)?;
        frames.push(Frame::read(body)?);
        group = &group[FRAME_HEADER + body.len()..];
    }
    Some(frames)
}

/// Length and CRC of a body.
fn frame_header(body: &[u8]) -> [u8; FRAME_HEADER] {
    let mut header = [0; FRAME_HEADER];
    header[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[4..].copy_from_slice(&crc_fast::crc32_iscsi(body).to_le_bytes());
    header
}

/// Writes frames in one piece, and gives how long it is. Several become a group, so that a tear that leaves a later one whole is not
/// taken for rot of an earlier one.
fn write_group(file: &dyn DiskFile, at: u64, frames: &[u8]) -> io::Result<u64> {
    let first = Take(frames).u32().map(|len| FRAME_HEADER + len as usize);
    if first.is_none_or(|first| first == frames.len()) {
        write(file, at, frames)?;
        return Ok(frames.len() as u64);
    }
    let mut group = Vec::with_capacity(FRAME_HEADER + 1 + frames.len());
    group.extend_from_slice(&[0; FRAME_HEADER]);
    group.push(kind::GROUP);
    group.extend_from_slice(frames);
    if u32::try_from(group.len()).is_err() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let header = frame_header(&group[FRAME_HEADER..]);
    group[..FRAME_HEADER].copy_from_slice(&header);
    write(file, at, &group)?;
    Ok(group.len() as u64)
}

/// True if a whole frame begins where the (bad) first one says it ends.
fn follows_a_frame(bytes: &[u8]) -> bool {
    let mut t = Take(bytes);
    t.u32()
        .map(|len| FRAME_HEADER + len as usize)
        .and_then(|end| bytes.get(end..))
        .is_some_and(|rest| whole_frame(rest).is_some())
}

/// Writes all of it in one piece.
pub(super) fn write(file: &dyn DiskFile, at: u64, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    file.write_at(at, &mut [IoSlice::new(bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use airis_storage::RealDisk;
    use std::collections::BTreeSet;
    use std::fs;

    fn frames() -> Vec<Frame> {
        let members = Membership::new(vec![BTreeSet::from([1])], None);
        vec![
            Frame::Base(Base {
                log_id: Some(log_id(3, 7)),
                next_offset: 42,
                membership: StoredMembership::new(Some(log_id(0, 0)), members.clone()),
            }),
            Frame::Vote(Vote::new(4, 1)),
            Frame::Vote(Vote::new_committed(4, 1)),
            Frame::Entry(Entry {
                log_id: log_id(4, 8),
                payload: EntryPayload::Blank,
            }),
            Frame::Entry(Entry {
                log_id: log_id(4, 9),
                payload: EntryPayload::Normal(Proposal {
                    first_offset: 43,
                    batches: vec![vec![1; 70], vec![2; 100]],
                }),
            }),
            Frame::Entry(Entry {
                log_id: log_id(4, 10),
                payload: EntryPayload::Membership(members),
            }),
            Frame::Truncate(9),
            Frame::Installing(Base {
                log_id: Some(log_id(4, 12)),
                next_offset: 50,
                membership: StoredMembership::default(),
            }),
        ]
    }

    fn disk() -> Arc<dyn Disk> {
        Arc::new(RealDisk)
    }

    fn text(frames: &[Frame]) -> Vec<String> {
        frames.iter().map(|f| format!("{f:?}")).collect()
    }

    #[test]
    fn frames_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let all = frames();
        let mut wal = Wal::replace(&disk(), dir.path(), &all[..2]).unwrap();
        for frame in &all[2..] {
            let mut bytes = Vec::new();
            frame.put(&mut bytes).unwrap();
            wal.append(&bytes).unwrap();
        }
        let (_, read) = Wal::open(&disk(), dir.path()).unwrap();
        assert_eq!(text(&read), text(&all));
    }

    #[test]
    fn an_entry_that_is_too_long_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let wal = Wal::replace(&disk(), dir.path(), &frames()[..2]).unwrap();
        let too_long = FRAME_MAX as u64 + 1;
        let refused = wal.reserve(too_long).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        let entry = Frame::Entry(Entry {
            log_id: log_id(4, 9),
            payload: EntryPayload::Normal(Proposal {
                first_offset: 43,
                batches: vec![vec![1; too_long as usize]],
            }),
        });
        let mut bytes = b"before".to_vec();
        let refused = entry.put(&mut bytes).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(bytes, b"before");
    }

    #[test]
    fn a_torn_end_is_cut_at_every_byte_and_rot_before_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let all = frames();
        let path = dir.path().join(FILE);
        drop(Wal::replace(&disk(), dir.path(), &all).unwrap());
        let whole = fs::read(&path).unwrap();
        let mut ends = vec![MAGIC.len()];
        for i in 0..all.len() {
            let mut bytes = Vec::new();
            all[i].put(&mut bytes).unwrap();
            ends.push(ends[i] + bytes.len());
        }
        for cut in MAGIC.len()..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut wal, read) = Wal::open(&disk(), dir.path()).unwrap();
            let kept = ends.iter().filter(|e| **e <= cut).count() - 1;
            assert_eq!(text(&read), text(&all[..kept]), "cut at {cut}");
            let mut bytes = Vec::new();
            all[6].put(&mut bytes).unwrap();
            wal.append(&bytes).unwrap();
            let (_, read) = Wal::open(&disk(), dir.path()).unwrap();
            assert_eq!(read.len(), kept + 1, "appended after a cut at {cut}");
        }
        // Several in one write: all of them or none, whatever part of it is there.
        drop(Wal::replace(&disk(), dir.path(), &all[..2]).unwrap());
        let mut wal = Wal::open(&disk(), dir.path()).unwrap().0;
        let mut bytes = Vec::new();
        let put = |frame: &Frame| frame.put(&mut bytes).unwrap();
        all[2..6].iter().for_each(put);
        wal.append(&bytes).unwrap();
        let (_, read) = Wal::open(&disk(), dir.path()).unwrap();
        assert_eq!(text(&read), text(&all[..6]));
        let whole_group = fs::read(&path).unwrap();
        for from in ends[2]..whole_group.len() {
            for to in [from + 1, from + 30, whole_group.len()] {
                let mut torn = whole_group.clone();
                torn[from..to.min(whole_group.len())].fill(0);
                if torn == whole_group {
                    continue;
                }
                fs::write(&path, &torn).unwrap();
                let (_, read) = Wal::open(&disk(), dir.path()).unwrap();
                assert_eq!(text(&read), text(&all[..2]), "no {from}..{to}");
            }
        }
        // A flipped byte in the body of a frame in the middle: written, synced, perhaps acknowledged.
        let mut rotten = whole.clone();
        rotten[ends[3] + FRAME_HEADER + 2] ^= 0x40;
        fs::write(&path, &rotten).unwrap();
        assert!(matches!(
            Wal::open(&disk(), dir.path()),
            Err(WalError::Damaged { .. })
        ));
    }
}
