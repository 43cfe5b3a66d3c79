//! The raft log as openraft wants it: votes and entries in memory, and behind them in the [`Wal`].
//!
//! Always holds: a vote or entry is on disk before it is reported as saved; entries are consecutive from the base on, and the base
//! knows the offset that they begin at. Must never: forget an entry whose records are not yet synced in the metadata log (the
//! machine syncs it before it lets openraft purge). A snapshot that is installed is such a purge: openraft asks for it at once,
//! beside the machine that is still installing, so it waits; and where the snapshot ends is on disk before the snapshot is, as the
//! entries here cannot tell.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[cfg(feature = "sim")]
use airis_cluster::plant::{Plant, is_planted};
use airis_protocol::batch::BatchHeader;
use airis_storage::{Disk, is_short};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{
    EntryPayload, LogId, LogState, OptionalSend, RaftLogReader, StorageError, StorageIOError,
    StoredMembership, Vote,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;

use super::raft::{Entry, NodeKey, TypeConfig};
use super::wal::{Base, Frame, Wal, WalError};
use crate::{scarce, task};

type Failure = StorageError<NodeKey>;

/// What the file says, in memory.
struct State {
    vote: Option<Vote<NodeKey>>,
    base: Base,
    entries: BTreeMap<u64, Entry>,
    /// Where the snapshot ends that is being installed.
    installing: Option<Base>,
}

/// How far the machine is.
#[derive(Clone, Copy, Default)]
struct Applied {
    /// What it has applied, or installed.
    to: Option<LogId<NodeKey>>,
    /// It cannot go on.
    failed: bool,
}

/// The log store. Clones share everything.
#[derive(Clone)]
pub(super) struct Store {
    /// Held while the file is written and while that is noted in `state`, so that the two go in the same order.
    wal: Arc<Mutex<Wal>>,
    /// Held for moments only: whoever asks, a socket's thread too, waits for no disk.
    state: Arc<Mutex<State>>,
    applied: Arc<watch::Sender<Applied>>,
    /// The node stops: nobody waits for room any more.
    given_up: Arc<AtomicBool>,
    /// How many wait for room.
    waiting: Arc<AtomicUsize>,
}

/// Entries are sent together up to this many bytes of them, or one: what a voter was away for must not become one message.
const SENT_TOGETHER_MAX: usize = 16 << 20;

/// How often a full disk is tried again.
const ROOM_LOOK: Duration = Duration::from_millis(100);

/// Something that may have to wait for room. If openraft waits for it, it counts from then on until it is dropped.
pub(super) struct Waits {
    begun: bool,
    waiting: Option<Arc<AtomicUsize>>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.as_ref().filter(|_| self.begun) {
            waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// The disk is full, or there are no file descriptors: the same call can succeed later.
pub(super) fn may_pass(e: &io::Error) -> bool {
    is_short(e)
        || matches!(
            e.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
}

/// How many records of the metadata log an entry becomes, if its first one gets the offset `next`.
///
/// The entry that begins a term is none: the new leader's first proposal says who leads. A change of members is marked by a NoOp
/// record. A proposal made for another offset (its proposer was deposed meanwhile) is void.
pub(super) fn records_of(entry: &Entry, next: i64) -> i64 {
    match &entry.payload {
        EntryPayload::Blank => 0,
        EntryPayload::Membership(_) => i64::from(entry.log_id.leader_id.term > 0),
        EntryPayload::Normal(p) if p.first_offset != next => 0,
        EntryPayload::Normal(p) => p
            .batches
            .iter()
            .map(|b| {
                let header = BatchHeader::read(b).expect("proposals hold whole batches");
                i64::from(header.last_offset_delta) + 1
            })
            .sum(),
    }
}

/// A place in the log of entries, and the offset that it ends at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub log_id: Option<LogId<NodeKey>>,
    pub next_offset: i64,
    pub membership: StoredMembership<NodeKey, super::raft::Node>,
}

impl Place {
    /// Moves past an entry.
    pub fn pass(&mut self, entry: &Entry) {
        self.next_offset += records_of(entry, self.next_offset);
        self.log_id = Some(entry.log_id);
        if let EntryPayload::Membership(m) = &entry.payload {
            self.membership = StoredMembership::new(Some(entry.log_id), m.clone());
        }
    }
}

impl State {
    fn base_place(&self) -> Place {
        Place {
            log_id: self.base.log_id,
            next_offset: self.base.next_offset,
            membership: self.base.membership.clone(),
        }
    }
}

impl Store {
    /// A store that begins at `base`, in place of any that is there.
    pub fn create(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        base: Base,
        vote: Option<Vote<NodeKey>>,
    ) -> io::Result<Store> {
        let mut frames = vec![Frame::Base(base.clone())];
        frames.extend(vote.map(Frame::Vote));
        let wal = Wal::replace(disk, dir, &frames)?;
        let state = State {
            vote,
            base,
            entries: BTreeMap::new(),
            installing: None,
        };
        Ok(Store::of(wal, state))
    }

    /// The store that is in the directory.
    pub fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Store, WalError> {
        let (wal, frames) = Wal::open(disk, dir)?;
        let mut state = State {
            vote: None,
            base: Base::default(),
            entries: BTreeMap::new(),
            installing: None,
        };
        for frame in frames {
            match frame {
                Frame::Base(base) => state.base = base,
                Frame::Vote(vote) => state.vote = Some(vote),
                Frame::Truncate(index) => {
                    state.entries.split_off(&index);
                }
                Frame::Entry(entry) => {
                    state.entries.insert(entry.log_id.index, entry);
                }
                Frame::Installing(base) => state.installing = Some(base),
            }
        }
        Ok(Store::of(wal, state))
    }

    fn of(wal: Wal, state: State) -> Store {
        Store {
            wal: Arc::new(Mutex::new(wal)),
            state: Arc::new(Mutex::new(state)),
            applied: Arc::new(watch::channel(Applied::default()).0),
            given_up: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// Where the entries begin.
    pub fn base(&self) -> Place {
        self.state.lock().base_place()
    }

    /// Calls `see` with the place after each entry, in order; the base comes first.
    pub fn walk(&self, mut see: impl FnMut(&Place, Option<&Entry>)) {
        let state = self.state.lock();
        let mut place = state.base_place();
        see(&place, None);
        for entry in state.entries.values() {
            place.pass(entry);
            see(&place, Some(entry));
        }
    }

    /// Told by the machine, before it installs a snapshot, where that ends.
    pub fn installing(&self, place: &Place) -> io::Result<()> {
        let base = Base {
            log_id: place.log_id,
            next_offset: place.next_offset,
            membership: place.membership.clone(),
        };
        self.save(Frame::Installing(base.clone()), |state| {
            state.installing = Some(base);
        })
    }

    /// The snapshot is in the metadata log: the entries begin behind it.
    pub fn installed(&self) -> io::Result<()> {
        let mut wal = self.wal.lock();
        let Some(base) = self.state.lock().installing.clone() else {
            return Ok(());
        };
        let next = base.log_id.map_or(0, |id| id.index + 1);
        self.begin_at(&mut wal, base, next, None)
    }

    /// Settles what a crash left of an installation; `end` is where the metadata log ends.
    pub fn settle(&self, end: i64) -> io::Result<()> {
        let (base, installing) = {
            let state = self.state.lock();
            (state.base.clone(), state.installing.clone())
        };
        match installing {
            Some(there) if there.next_offset > end => {
                self.begin_at(&mut self.wal.lock(), base, 0, None)
            }
            _ => self.installed(),
        }
    }

    /// Writes the file anew: it begins at `base`, and of the entries has those from `next` on. If that fails, all is as it was.
    fn begin_at(
        &self,
        wal: &mut Wal,
        base: Base,
        next: u64,
        installing: Option<Base>,
    ) -> io::Result<()> {
        let mut frames = vec![Frame::Base(base.clone())];
        {
            let state = self.state.lock();
            frames.extend(state.vote.map(Frame::Vote));
            frames.extend(installing.clone().map(Frame::Installing));
            let kept = state.entries.range(next..).map(|(_, entry)| entry);
            frames.extend(kept.cloned().map(Frame::Entry));
        }
        wal.rewrite(&frames)?;
        let mut state = self.state.lock();
        state.base = base;
        state.installing = installing;
        state.entries = state.entries.split_off(&next);
        Ok(())
    }

    /// Told by the machine how far it is.
    pub fn applied(&self, to: Option<LogId<NodeKey>>) {
        self.applied.send_modify(|a| a.to = a.to.max(to));
    }

    /// Told by the machine that it cannot go on.
    pub fn stuck(&self) {
        self.applied.send_modify(|a| a.failed = true);
    }

    /// The last entry, wherever it is.
    pub fn last(&self) -> Option<LogId<NodeKey>> {
        let state = self.state.lock();
        let last = state.entries.values().next_back().map(|e| e.log_id);
        last.or(state.base.log_id)
    }

    /// The offset that follows the records of an entry; `None` if it is not (or no longer) here.
    pub fn end_of(&self, index: u64) -> Option<i64> {
        let state = self.state.lock();
        let mut place = state.base_place();
        if state.base.log_id.map(|id| id.index) == Some(index) {
            return Some(place.next_offset);
        }
        state.entries.get(&index)?;
        for entry in state.entries.range(..=index).map(|(_, e)| e) {
            place.pass(entry);
        }
        Some(place.next_offset)
    }

    /// The saved vote.
    pub fn vote(&self) -> Option<Vote<NodeKey>> {
        self.state.lock().vote
    }

    /// The latest term that this node has promised itself to; 0 before any.
    pub fn term(&self) -> u64 {
        self.vote().map_or(0, |vote| vote.leader_id.term)
    }

    /// Saves a vote before openraft runs.
    pub fn save_vote_now(&self, vote: Vote<NodeKey>) -> io::Result<()> {
        #[cfg(feature = "sim")]
        if is_planted(Plant::UnsyncedVote) {
            let mut bytes = Vec::new();
            Frame::Vote(vote).put(&mut bytes)?;
            let mut wal = self.wal.lock();
            self.state.lock().vote = Some(vote);
            return wal.append_unsynced(&bytes);
        }
        self.save(Frame::Vote(vote), |state| state.vote = Some(vote))
    }

    /// Makes sure that an entry of so many bytes can be written.
    pub fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.wal.lock().reserve(bytes)
    }

    /// Writes a frame, and then notes what it says.
    fn save(&self, frame: Frame, note: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame.put(&mut bytes)?;
        let mut wal = self.wal.lock();
        wal.append(&bytes)?;
        note(&mut self.state.lock());
        Ok(())
    }

    /// Runs file work on a thread that may block. `work` that fails changes nothing; on a full disk, or without file descriptors,
    /// it is tried again until there is room: a voter that cannot write confirms nothing and votes for nobody, and goes on where it was (faults S12, S19).
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl Fn(&Store) -> io::Result<T> + Send + Sync + 'static,
    ) -> io::Result<T> {
        let work = Arc::new(work);
        let mut waits = self.waits();
        loop {
            let (store, work) = (self.clone(), work.clone());
            let done = task::blocking(move || work(&store))
                .await
                .unwrap_or_else(|e| Err(io::Error::other(e)));
            match done {
                Err(e) if self.waits_for_room(&e, &mut waits).await => {}
                done => return done,
            }
        }
    }

    /// For one piece of work that openraft waits for.
    pub fn waits(&self) -> Waits {
        Waits {
            begun: false,
            waiting: Some(self.waiting.clone()),
        }
    }

    /// For work that goes on beside: entries can be written meanwhile.
    pub fn waits_beside(&self) -> Waits {
        Waits {
            begun: false,
            waiting: None,
        }
    }

    /// True while something waits for room: openraft is busy with it, and does not come to anything else.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// True, after a while, if what failed is to be tried again: it may pass, and the node runs.
    pub async fn waits_for_room(&self, e: &io::Error, waits: &mut Waits) -> bool {
        if !may_pass(e) || self.given_up.load(Ordering::Acquire) {
            return false;
        }
        if !std::mem::replace(&mut waits.begun, true) {
            if let Some(waiting) = &waits.waiting {
                waiting.fetch_add(1, Ordering::AcqRel);
            }
            match scarce::tell(e) {
                true => tracing::error!("the metadata log waits: {e}"),
                false => tracing::error!("the metadata log waits for room on its disk: {e}"),
            }
        }
        sleep(ROOM_LOOK).await;
        true
    }

    /// Nobody waits for room any more: the node stops.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    fn purge_to(&self, id: LogId<NodeKey>) -> io::Result<()> {
        let mut wal = self.wal.lock();
        let (base, installing) = {
            let state = self.state.lock();
            if state.base.log_id >= Some(id) {
                return Ok(());
            }
            let mut place = state.base_place();
            for entry in state.entries.range(..=id.index).map(|(_, e)| e) {
                place.pass(entry);
            }
            let base = Base {
                // A machine that was ahead of its store when they were opened has no entry for it.
                log_id: place.log_id.max(Some(id)),
                next_offset: place.next_offset,
                membership: place.membership,
            };
            (base, state.installing.clone())
        };
        self.begin_at(&mut wal, base, id.index + 1, installing)
    }
}

impl RaftLogReader<TypeConfig> for Store {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, Failure> {
        // `BTreeMap::range` panics on an empty range that is the wrong way round; openraft asks for such ones.
        let start = match range.start_bound() {
            Bound::Included(i) => *i,
            Bound::Excluded(i) => *i + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(i) => i.saturating_add(1),
            Bound::Excluded(i) => *i,
            Bound::Unbounded => u64::MAX,
        };
        if start >= end {
            return Ok(Vec::new());
        }
        let state = self.state.lock();
        Ok(state
            .entries
            .range(start..end)
            .map(|(_, e)| e.clone())
            .collect())
    }

    /// What is sent at once: the first of these entries, and as many more as are not too much.
    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, Failure> {
        let state = self.state.lock();
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for (_, entry) in state.entries.range(start..end.max(start)) {
            bytes += size_of(entry);
            if bytes > SENT_TOGETHER_MAX && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        Ok(entries)
    }
}

/// The bytes of metadata that an entry holds.
fn size_of(entry: &Entry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(p) => p.batches.iter().map(Vec::len).sum(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

impl RaftLogStorage<TypeConfig> for Store {
    type LogReader = Store;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, Failure> {
        let state = self.state.lock();
        let last_purged_log_id = state.base.log_id;
        Ok(LogState {
            last_purged_log_id,
            last_log_id: state
                .entries
                .values()
                .next_back()
                .map(|e| e.log_id)
                .or(last_purged_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Store {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<NodeKey>) -> Result<(), Failure> {
        let vote = *vote;
        self.blocking(move |s| s.save_vote_now(vote))
            .await
            .map_err(|e| StorageIOError::write_vote(&e).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<NodeKey>>, Failure> {
        Ok(self.vote())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), Failure>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let frames: Vec<Frame> = entries.into_iter().map(Frame::Entry).collect();
        // Entries count once they are on disk: no reader is shown one that a crash could take back.
        let written = self
            .blocking(move |s| {
                let mut bytes = Vec::new();
                for frame in &frames {
                    frame.put(&mut bytes)?;
                }
                let mut wal = s.wal.lock();
                #[cfg(feature = "sim")]
                let written = match is_planted(Plant::UnsyncedEntry) {
                    true => wal.append_unsynced(&bytes),
                    false => wal.append(&bytes),
                };
                #[cfg(not(feature = "sim"))]
                let written = wal.append(&bytes);
                written?;
                let mut state = s.state.lock();
                for frame in &frames {
                    if let Frame::Entry(entry) = frame {
                        state.entries.insert(entry.log_id.index, entry.clone());
                    }
                }
                Ok(())
            })
            .await;
        callback.log_io_completed(written);
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId<NodeKey>) -> Result<(), Failure> {
        self.blocking(move |s| {
            s.save(Frame::Truncate(log_id.index), |state| {
                state.entries.split_off(&log_id.index);
            })
        })
        .await
        .map_err(|e| StorageIOError::write_logs(&e).into())
    }

    async fn purge(&mut self, log_id: LogId<NodeKey>) -> Result<(), Failure> {
        let mut applied = self.applied.subscribe();
        let there = applied
            .wait_for(|a| a.failed || a.to >= Some(log_id))
            .await
            .is_ok_and(|a| !a.failed);
        if !there {
            let e = io::Error::other("the snapshot is not installed");
            return Err(StorageIOError::write_logs(&e).into());
        }
        self.blocking(move |s| s.purge_to(log_id))
            .await
            .map_err(|e| StorageIOError::write_logs(&e).into())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use airis_storage::disk::faulty::FaultyDisk;

    use super::super::wal::log_id;
    use super::*;

    const DIR: &str = "/data";

    fn store() -> (FaultyDisk, Store) {
        let faulty = FaultyDisk::new();
        faulty.create_dir_all(DIR.as_ref()).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
        let store = Store::create(&disk, DIR.as_ref(), Base::default(), None).unwrap();
        (faulty, store)
    }

    /// The threads of sockets ask it, too.
    #[test]
    fn who_asks_does_not_wait_for_the_disk() {
        let (disk, store) = store();
        store.save_vote_now(Vote::new(1, 1)).unwrap();
        disk.hold_syncs_under(Some(DIR.as_ref()));
        let saves = {
            let store = store.clone();
            thread::spawn(move || store.save_vote_now(Vote::new(2, 1)))
        };
        while disk.held() == 0 {
            thread::yield_now();
        }
        let (told, answers) = std::sync::mpsc::channel();
        let asked = store.clone();
        thread::spawn(move || told.send((asked.term(), asked.last(), asked.base().next_offset)));
        let answer = answers.recv_timeout(Duration::from_secs(20));
        disk.hold_syncs_under(None);
        assert_eq!(answer, Ok((1, None, 0)), "what is not saved is not said");
        saves.join().unwrap().unwrap();
        assert_eq!(store.term(), 2);
    }

    #[test]
    fn an_installation_that_finds_no_room_is_finished_once_there_is_some() {
        let (disk, store) = store();
        let place = Place {
            log_id: Some(log_id(1, 9)),
            next_offset: 12,
            membership: StoredMembership::default(),
        };
        store.installing(&place).unwrap();
        disk.set_capacity(Some(disk.used()));
        assert!(store.installed().is_err());
        assert_eq!(store.base().log_id, None);
        disk.set_capacity(None);
        store.installed().unwrap();
        assert_eq!(store.base(), place);
        let disk: Arc<dyn Disk> = Arc::new(disk);
        assert_eq!(Store::open(&disk, DIR.as_ref()).unwrap().base(), place);
    }
}
