//! A disk in memory that can crash, tear, fill up, rot and refuse.
//!
//! Always holds: what was synced survives a crash; what was not, may or may not, in any combination, torn at any byte. Names
//! survive only a sync of their directory. One seed gives one outcome. Must never: be kinder than a real disk.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use airis_protocol::types::RangeSource;
use parking_lot::{Mutex, MutexGuard};

use super::{DirEntry, Disk, DiskFile, OpenMode, Space};

/// A small seeded generator (SplitMix64), so that a failing run can be had again.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies; the kernel keeps what was written.
    Process,
    /// The power goes; what was not synced may be gone.
    Power,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Inode {
    /// Not all of `now`: what a failed sync has dropped does not come back.
    fn make_durable(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(at, data) => {
                let end = *at as usize + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at as usize..end].copy_from_slice(data);
            }
            Change::SetLen(len) => bytes.resize(*len as usize, 0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Dir,
    File(u64),
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Debug)]
enum NameOp {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl NameOp {
    fn parent(&self) -> Option<&Path> {
        match self {
            NameOp::Add(path, _) | NameOp::Remove(path) | NameOp::Rename(path, _) => path.parent(),
        }
    }

    /// True if what was at this path, or above it, has gone from there: what is synced now is another directory of the same
    /// name, and must not go with the old one.
    fn takes_away(&self, path: &Path) -> bool {
        match self {
            NameOp::Add(..) => false,
            NameOp::Remove(from) | NameOp::Rename(from, _) => path.starts_with(from),
        }
    }

    /// Brings an earlier step within a directory after the directory; false if it is gone with it.
    fn carries(&self, earlier: &mut NameOp) -> bool {
        let (from, to) = match self {
            NameOp::Add(..) => return true,
            NameOp::Remove(from) => (from, None),
            NameOp::Rename(from, to) => (from, Some(to)),
        };
        let paths = match earlier {
            NameOp::Add(path, _) | NameOp::Remove(path) => [Some(path), None],
            NameOp::Rename(a, b) => [Some(a), Some(b)],
        };
        for path in paths.into_iter().flatten() {
            if let Ok(rest) = path.strip_prefix(from) {
                let Some(to) = to else { return false };
                *path = match rest.as_os_str().is_empty() {
                    true => to.clone(),
                    false => to.join(rest),
                };
            }
        }
        true
    }

    fn apply(&self, names: &mut Names) {
        match self {
            NameOp::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            NameOp::Remove(path) => names.retain(|p, _| !p.starts_with(path)),
            NameOp::Rename(from, to) => {
                let moved: Vec<_> = names
                    .keys()
                    .filter(|p| p.starts_with(from))
                    .cloned()
                    .collect();
                for path in moved {
                    let node = names.remove(&path).expect("it was just listed");
                    let rest = path.strip_prefix(from).expect("it was filtered by it");
                    let target = if rest.as_os_str().is_empty() {
                        to.clone()
                    } else {
                        to.join(rest)
                    };
                    names.insert(target, node);
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    inodes: HashMap<u64, Inode>,
    names: Names,
    durable_names: Names,
    journal: Vec<NameOp>,
    next_inode: u64,
    locks: BTreeSet<PathBuf>,
    ops: u64,
    crash_at: Option<u64>,
    tear: u64,
    dead: bool,
    capacity: Option<u64>,
    fail_sync: bool,
    /// So many files and directories can be opened yet.
    descriptors: Option<u64>,
    /// Blocks that cannot be read until they are written whole: file and number.
    unreadable: BTreeSet<(u64, u64)>,
    broken: Option<PathBuf>,
    /// Syncs of files under this path do not come to an end; so many are under way.
    held: Option<PathBuf>,
    holding: usize,
    amid_write: AmidWrite,
}

/// What happens while the next write is under way.
#[derive(Default)]
struct AmidWrite(Option<Box<dyn FnOnce() + Send>>);

impl std::fmt::Debug for AmidWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AmidWrite").field(&self.0.is_some()).finish()
    }
}

/// What a disk reads and writes at once.
const BLOCK: u64 = 4096;
/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

fn dead() -> io::Error {
    io::Error::other("the disk has crashed")
}

/// What a bad sector gives (EIO).
fn medium() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl State {
    /// Counts a change to the disk; the one at which the crash is due fails.
    fn op(&mut self) -> io::Result<bool> {
        if self.dead {
            return Err(dead());
        }
        self.ops += 1;
        if self.crash_at == Some(self.ops) {
            self.dead = true;
            return Ok(true);
        }
        Ok(false)
    }

    /// Fails where a part of the disk is broken.
    fn reach(&self, path: &Path) -> io::Result<()> {
        match &self.broken {
            Some(broken) if path.starts_with(broken) => Err(io::Error::other("input/output error")),
            _ => Ok(()),
        }
    }

    /// Fails if a file descriptor is needed and there is none (EMFILE).
    fn descriptor(&mut self) -> io::Result<()> {
        match &mut self.descriptors {
            Some(0) => Err(io::Error::from_raw_os_error(24)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The first byte of a file, from a position on, that cannot be read.
    fn unreadable_from(&self, inode: u64, position: u64) -> Option<u64> {
        let from = (inode, position / BLOCK);
        let (id, block) = *self.unreadable.range(from..).next()?;
        (id == inode).then_some((block * BLOCK).max(position))
    }

    /// A block that cannot be read is mended by writing it whole; a part of it cannot be written, as the rest would have to be read.
    fn write_over(&mut self, inode: u64, bytes: Range<u64>) -> io::Result<()> {
        let touched = (inode, bytes.start / BLOCK)..(inode, bytes.end.div_ceil(BLOCK));
        let bad: Vec<(u64, u64)> = self.unreadable.range(touched).copied().collect();
        let whole = |block: u64| block * BLOCK >= bytes.start && (block + 1) * BLOCK <= bytes.end;
        if !bad.iter().all(|(_, block)| whole(*block)) {
            return Err(medium());
        }
        for block in bad {
            self.unreadable.remove(&block);
        }
        Ok(())
    }

    fn used(&self) -> u64 {
        // Room comes back with the name.
        let len = |node: &Node| match node {
            Node::File(id) => self.inodes[id].now.len() as u64,
            Node::Dir => 0,
        };
        self.names.values().map(len).sum()
    }

    fn name(&mut self, op: NameOp) {
        op.apply(&mut self.names);
        self.journal.push(op);
    }
}

impl FaultyDisk {
    pub fn new() -> Self {
        let disk = FaultyDisk::default();
        {
            let mut state = disk.0.lock();
            state.names.insert("/".into(), Node::Dir);
            state.durable_names.insert("/".into(), Node::Dir);
        }
        disk
    }

    /// Changes made so far.
    pub fn ops(&self) -> u64 {
        self.0.lock().ops
    }

    /// The change with this number, and all after it, fail; a write is torn there.
    pub fn crash_at(&self, op: u64, tear: u64) {
        let mut state = self.0.lock();
        state.crash_at = Some(op);
        state.tear = tear;
    }

    /// Bytes that fit; `None` is no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }

    pub fn fail_syncs(&self, fail: bool) {
        self.0.lock().fail_sync = fail;
    }

    /// The process has no file descriptor left: what is open goes on, nothing else is opened.
    pub fn refuse_opens(&self, refuse: bool) {
        self.refuse_opens_after(refuse.then_some(0));
    }

    /// As [`FaultyDisk::refuse_opens`], after so many that still go well.
    pub fn refuse_opens_after(&self, opens: Option<u64>) {
        self.0.lock().descriptors = opens;
    }

    /// Calls this while the next write is under way: it has begun, and nothing of it is there yet.
    pub fn amid_next_write(&self, happens: impl FnOnce() + Send + 'static) {
        self.0.lock().amid_write = AmidWrite(Some(Box::new(happens)));
    }

    /// Everything at or below this path fails.
    pub fn fail_under(&self, path: Option<&Path>) {
        self.0.lock().broken = path.map(Path::to_owned);
    }

    /// Syncs of files under this path take until another is given, or none.
    pub fn hold_syncs_under(&self, path: Option<&Path>) {
        self.0.lock().held = path.map(Path::to_owned);
    }

    /// Syncs that are held.
    pub fn held(&self) -> usize {
        self.0.lock().holding
    }

    /// The blocks that these bytes of a file touch cannot be read any more, until they are written whole.
    pub fn fail_reads_of(&self, path: &Path, bytes: Range<u64>) {
        let mut state = self.0.lock();
        let Some(Node::File(id)) = state.names.get(path).copied() else {
            panic!("no file {}", path.display());
        };
        let blocks = bytes.start / BLOCK..bytes.end.div_ceil(BLOCK);
        state.unreadable.extend(blocks.map(|block| (id, block)));
    }

    /// Writes over bytes of a file behind everyone's back.
    pub fn damage(&self, path: &Path, at: u64, bytes: &[u8]) {
        let mut state = self.0.lock();
        let Some(Node::File(id)) = state.names.get(path).copied() else {
            panic!("no file {}", path.display());
        };
        let inode = state.inodes.get_mut(&id).expect("named inodes exist");
        let change = Change::Write(at, bytes.to_vec());
        change.apply(&mut inode.now);
        if inode.durable.len() as u64 > at {
            change.apply(&mut inode.durable);
        }
    }

    /// The disk after the crash, as the next process finds it.
    pub fn after(&self, crash: Crash, seed: u64) -> FaultyDisk {
        let mut dice = Dice::new(seed);
        let state = self.0.lock();
        let mut next = State {
            next_inode: state.next_inode,
            capacity: state.capacity,
            unreadable: state.unreadable.clone(),
            ..State::default()
        };
        if crash == Crash::Process {
            next.names = state.names.clone();
            next.journal = state.journal.clone();
            next.durable_names = state.durable_names.clone();
            next.inodes = state.inodes.clone();
        } else {
            next.names = state.durable_names.clone();
            // A journal commits in order.
            let kept = dice.below(state.journal.len() as u64 + 1) as usize;
            for op in &state.journal[..kept] {
                op.apply(&mut next.names);
            }
            // What was synced in a directory that was not is gone with it.
            let all = next.names.clone();
            next.names
                .retain(|path, _| path.ancestors().all(|p| all.contains_key(p)));
            next.durable_names = next.names.clone();
            let mut ids: Vec<_> = state.inodes.keys().copied().collect();
            ids.sort_unstable();
            for id in ids {
                let inode = &state.inodes[&id];
                let mut bytes = inode.durable.clone();
                for change in &inode.pending {
                    match (change, dice.below(4)) {
                        (_, 0) => {}
                        (Change::Write(at, data), 1) => {
                            let part = dice.below(data.len() as u64 + 1) as usize;
                            Change::Write(*at, data[..part].to_vec()).apply(&mut bytes);
                        }
                        // Sectors reach the disk in any order, and the file's length with the last of them.
                        (Change::Write(at, data), 2) if dice.chance(50) => {
                            let sector = at.next_multiple_of(SECTOR) - at;
                            let more = (data.len() as u64).saturating_sub(sector) / SECTOR;
                            let from = (sector + SECTOR * dice.below(more + 1)) as usize;
                            if let Some(there) = data.get(from..) {
                                Change::Write(at + from as u64, there.to_vec()).apply(&mut bytes);
                            }
                        }
                        _ => change.apply(&mut bytes),
                    }
                }
                next.inodes.insert(
                    id,
                    Inode {
                        now: bytes.clone(),
                        durable: bytes,
                        pending: Vec::new(),
                    },
                );
            }
        }
        FaultyDisk(Arc::new(Mutex::new(next)))
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: u64,
    path: PathBuf,
}

impl std::fmt::Debug for FaultyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaultyFile({})", self.path.display())
    }
}

impl RangeSource for FaultyFile {
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.0.lock();
        state.reach(&self.path)?;
        let bytes = &state.inodes[&self.inode].now;
        let from = (position as usize).min(bytes.len());
        let mut n = buf.len().min(bytes.len() - from);
        if let Some(bad) = state.unreadable_from(self.inode, position)
            && bad < position + n as u64
        {
            // As the kernel does: what comes before it first.
            n = (bad - position) as usize;
            if n == 0 {
                return Err(medium());
            }
        }
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl DiskFile for FaultyFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut data: Vec<u8> = parts.iter().flat_map(|p| p.iter().copied()).collect();
        let meanwhile = self.disk.0.lock().amid_write.0.take();
        if let Some(happens) = meanwhile {
            happens();
        }
        let mut state = self.disk.0.lock();
        state.reach(&self.path)?;
        state.write_over(self.inode, position..position + data.len() as u64)?;
        let crashed = state.op()?;
        let len = state.inodes[&self.inode].now.len() as u64;
        let grows = (position + data.len() as u64).saturating_sub(len);
        let room = match state.capacity {
            Some(capacity) => capacity.saturating_sub(state.used()),
            None => u64::MAX,
        };
        let full = grows > room;
        if full {
            data.truncate(data.len() - (grows - room).min(data.len() as u64) as usize);
        }
        if crashed {
            let part = state.tear as usize % (data.len() + 1);
            data.truncate(part);
        }
        let inode = state
            .inodes
            .get_mut(&self.inode)
            .expect("open inodes exist");
        if !data.is_empty() {
            let change = Change::Write(position, data);
            change.apply(&mut inode.now);
            inode.pending.push(change);
        }
        if crashed {
            return Err(dead());
        }
        if full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.holding += 1;
        while let Some(held) = &state.held
            && self.path.starts_with(held)
        {
            MutexGuard::unlocked(&mut state, || thread::sleep(Duration::from_millis(1)));
        }
        state.holding -= 1;
        state.reach(&self.path)?;
        if state.op()? {
            return Err(dead());
        }
        let fail = state.fail_sync;
        let inode = state
            .inodes
            .get_mut(&self.inode)
            .expect("open inodes exist");
        if fail {
            // The kernel marks the pages clean: a second sync would succeed without them.
            inode.pending.clear();
            return Err(io::Error::other("input/output error"));
        }
        inode.make_durable();
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.reach(&self.path)?;
        let last = (self.inode, len / BLOCK);
        if !len.is_multiple_of(BLOCK) && state.unreadable.contains(&last) {
            // The rest of the block is zeroed.
            return Err(medium());
        }
        if state.op()? {
            return Err(dead());
        }
        let gone = (self.inode, len.div_ceil(BLOCK))..(self.inode + 1, 0);
        state.unreadable.retain(|block| !gone.contains(block));
        let inode = state
            .inodes
            .get_mut(&self.inode)
            .expect("open inodes exist");
        let change = Change::SetLen(len);
        change.apply(&mut inode.now);
        inode.pending.push(change);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().inodes[&self.inode].now.len() as u64)
    }

    /// Tells whether there is room; it takes none.
    fn preallocate(&self, len: u64) -> io::Result<()> {
        let state = self.disk.0.lock();
        let has = state.inodes[&self.inode].now.len() as u64;
        match state.capacity {
            Some(capacity) if len.saturating_sub(has) > capacity.saturating_sub(state.used()) => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

struct Held(FaultyDisk, PathBuf);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().locks.remove(&self.1);
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.0.lock();
        state.reach(path)?;
        state.descriptor()?;
        let known = state.names.get(path).copied();
        let inode = match (known, mode) {
            (Some(Node::Dir), _) => return Err(io::ErrorKind::IsADirectory.into()),
            (Some(Node::File(id)), OpenMode::Truncate) => {
                if state.op()? {
                    return Err(dead());
                }
                state.unreadable.retain(|(file, _)| *file != id);
                let inode = state.inodes.get_mut(&id).expect("named inodes exist");
                inode.now.clear();
                inode.pending.push(Change::SetLen(0));
                id
            }
            (Some(Node::File(id)), _) => id,
            (None, OpenMode::Read | OpenMode::Write) => return Err(not_found()),
            (None, OpenMode::Create | OpenMode::Truncate) => {
                let parent = path.parent().map(|p| state.names.get(p).copied());
                if parent != Some(Some(Node::Dir)) {
                    return Err(not_found());
                }
                if state.op()? {
                    return Err(dead());
                }
                let id = state.next_inode;
                state.next_inode += 1;
                state.inodes.insert(id, Inode::default());
                state.name(NameOp::Add(path.to_owned(), Node::File(id)));
                id
            }
        };
        Ok(Arc::new(FaultyFile {
            disk: self.clone(),
            inode,
            path: path.to_owned(),
        }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.reach(path)?;
        let mut missing: Vec<PathBuf> = path
            .ancestors()
            .take_while(|p| !state.names.contains_key(*p))
            .map(Path::to_owned)
            .collect();
        missing.reverse();
        for dir in missing {
            if state.op()? {
                return Err(dead());
            }
            state.name(NameOp::Add(dir, Node::Dir));
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut state = self.0.lock();
        state.reach(path)?;
        state.descriptor()?;
        if state.names.get(path) != Some(&Node::Dir) {
            return Err(not_found());
        }
        let entries = state.names.iter().filter(|(p, _)| p.parent() == Some(path));
        Ok(entries
            .map(|(p, node)| DirEntry {
                name: p
                    .file_name()
                    .and_then(|n| n.to_str())
                    .unwrap_or("")
                    .to_owned(),
                is_dir: *node == Node::Dir,
            })
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.reach(from)?;
        if !state.names.contains_key(from) {
            return Err(not_found());
        }
        if state.op()? {
            return Err(dead());
        }
        state.name(NameOp::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.reach(path)?;
        let Some(Node::File(_)) = state.names.get(path) else {
            return Err(not_found());
        };
        if state.op()? {
            return Err(dead());
        }
        state.name(NameOp::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.reach(path)?;
        if !state.names.contains_key(path) {
            return Err(not_found());
        }
        if state.op()? {
            return Err(dead());
        }
        state.name(NameOp::Remove(path.to_owned()));
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.lock().names.contains_key(path)
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        let state = self.0.lock();
        state.reach(path)?;
        Ok(match state.names.get(path) {
            Some(Node::File(id)) => Some(state.inodes[id].now.len() as u64),
            _ => None,
        })
    }

    /// It has no clock.
    fn modified(&self, path: &Path) -> io::Result<Option<i64>> {
        self.0.lock().reach(path).map(|()| None)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.reach(path)?;
        state.descriptor()?;
        if state.op()? {
            return Err(dead());
        }
        if state.fail_sync {
            return Err(io::Error::other("input/output error"));
        }
        let journal = std::mem::take(&mut state.journal);
        for op in journal {
            if op.parent() == Some(path) || op.takes_away(path) {
                op.apply(&mut state.durable_names);
                // What was done before within the directory goes with it: another of its name may come.
                state.journal.retain_mut(|earlier| op.carries(earlier));
            } else {
                state.journal.push(op);
            }
        }
        Ok(())
    }

    fn sync_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.reach(path)?;
        state.descriptor()?;
        if state.op()? {
            return Err(dead());
        }
        if state.fail_sync {
            return Err(io::Error::other("input/output error"));
        }
        state.journal.clear();
        state.durable_names = state.names.clone();
        for inode in state.inodes.values_mut() {
            inode.make_durable();
        }
        Ok(())
    }

    fn read_to_end(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.0.lock();
        state.reach(path)?;
        state.descriptor()?;
        match state.names.get(path) {
            Some(Node::File(id)) if state.unreadable_from(*id, 0).is_some() => Err(medium()),
            Some(Node::File(id)) => Ok(state.inodes[id].now.clone()),
            _ => Err(not_found()),
        }
    }

    fn lock_exclusive(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        self.0.lock().reach(path)?;
        if !self.0.lock().locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(self.clone(), path.to_owned())))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let state = self.0.lock();
        state.reach(path)?;
        let total = state.capacity.unwrap_or(1 << 40);
        Ok(Space {
            free: total.saturating_sub(state.used()),
            total,
        })
    }
}
