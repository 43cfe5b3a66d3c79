//! The replicated state machine: agreed entries become batches of the metadata log, the image, and what is published.
//!
//! Always holds: given the same entries every voter writes the same bytes; an entry is applied once; what openraft may forget is
//! synced here first. Must never: use a clock, chance, or anything else that another voter would not have.

use std::io::{self, Cursor};
use std::sync::Arc;

use airis_cluster::metadata::{Delta, Image, features};
use airis_protocol::batch::{BatchBytes, stamp};
use airis_protocol::messages::{MetadataRecord, NoOpRecord};
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, EntryPayload, ErrorSubject, ErrorVerb, LogId, OptionalSend, RaftSnapshotBuilder,
    Snapshot, SnapshotMeta, StorageError, StorageIOError, StoredMembership,
};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::checkpoint::{self, QuorumRecords, SnapshotId};
use super::journal::{Journal, QuorumState};
use super::publish::Applied;
use super::raft::{Entry, Node, NodeKey, Outcome, TypeConfig};
use super::store::{Place, Store, may_pass, records_of};
use crate::task;

type Failure = StorageError<NodeKey>;

/// How many snapshots are kept. The one before the newest serves a reader that is in the middle of it.
const SNAPSHOTS_KEPT: usize = 2;

/// What has been applied.
pub(super) struct State {
    pub journal: Journal,
    pub image: Image,
    /// What changed since the last publication: more than one batch only within a metadata transaction.
    pub delta: Delta,
    /// Kept for the next snapshot.
    pub quorum: QuorumRecords,
    pub place: Place,
    /// The largest timestamp in the log so far. Records without a time of their own take it.
    pub last_timestamp: i64,
    /// The newest snapshot on disk.
    pub snapshot: Option<SnapshotMeta<NodeKey, Node>>,
    /// `journal.appended()` at that snapshot.
    pub snapshot_at: u64,
    /// The node has stopped: the files belong to others now.
    pub closed: bool,
}

/// The state machine. Clones share everything.
#[derive(Clone)]
pub(super) struct Machine {
    pub state: Arc<Mutex<State>>,
    /// Held while a snapshot is built or installed.
    pub building: Arc<Mutex<()>>,
    /// The image of what has been applied, for the next decision. May run ahead of what is published.
    pub applied: Arc<ArcSwap<Image>>,
    pub publish: mpsc::Sender<Applied>,
    pub store: Store,
}

/// What is kept free beyond an entry's records: index entries, stamps.
const ROOM_SLACK: u64 = 4 << 10;

/// Bytes of an entry's records.
fn bytes_of(entry: &Entry) -> u64 {
    match &entry.payload {
        EntryPayload::Normal(p) => p.batches.iter().map(|b| b.len() as u64).sum(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

fn failed(verb: ErrorVerb, e: impl std::error::Error + 'static) -> Failure {
    StorageIOError::new(ErrorSubject::StateMachine, verb, AnyError::new(&e)).into()
}

pub(super) fn voters(membership: &StoredMembership<NodeKey, Node>) -> Vec<i32> {
    membership.voter_ids().map(|id| id as i32).collect()
}

impl State {
    /// Writes a batch and takes it into the image.
    fn take(&mut self, batch: Bytes) -> io::Result<()> {
        self.journal.append(&batch)?;
        let (batch, _) = BatchBytes::parse(batch).map_err(io::Error::other)?;
        self.last_timestamp = self.last_timestamp.max(batch.header().max_timestamp);
        if let Some(leader) = checkpoint::leader_of(&batch) {
            let voters = voters(&self.place.membership);
            let state = QuorumState::elected(leader, batch.header().leader_epoch, &voters);
            match state.write(&**self.journal.disk(), self.journal.dir()) {
                // The log says the same; the next leader's is written.
                Err(e) if may_pass(&e) => tracing::warn!("quorum-state was not written: {e}"),
                written => written?,
            }
        }
        checkpoint::apply(&mut self.image, &mut self.delta, &mut self.quorum, &batch)
            .map_err(io::Error::other)
    }

    /// Applies one entry. The answer says whether a proposal took effect.
    fn apply(&mut self, entry: &Entry) -> io::Result<Outcome> {
        self.check_open()?;
        let epoch = LeaderEpoch(entry.log_id.leader_id.term as i32);
        let next = self.journal.next();
        let accepted = records_of(entry, next) > 0;
        let now = Millis(self.last_timestamp.max(0));
        match &entry.payload {
            EntryPayload::Membership(_) if accepted => {
                let noop = MetadataRecord::NoOpRecord(NoOpRecord {});
                let version = self.image.feature(features::METADATA_VERSION);
                let batch = checkpoint::data_batch(&[noop], version, now, Offset(next), epoch);
                self.take(batch.map_err(io::Error::other)?)?;
            }
            EntryPayload::Normal(proposal) if accepted => {
                for batch in &proposal.batches {
                    let mut batch = BytesMut::from(&batch[..]);
                    stamp(&mut batch, Offset(self.journal.next()), epoch);
                    self.take(batch.freeze())?;
                }
            }
            EntryPayload::Blank | EntryPayload::Membership(_) | EntryPayload::Normal(_) => {}
        }
        self.place.pass(entry);
        assert_eq!(
            self.place.next_offset,
            self.journal.next(),
            "entries become the records that they are counted as"
        );
        Ok(Outcome { accepted })
    }

    fn check_open(&self) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::other("the metadata is closed"));
        }
        Ok(())
    }

    fn snapshot_meta(&self, id: SnapshotId) -> SnapshotMeta<NodeKey, Node> {
        SnapshotMeta {
            last_log_id: self.place.log_id,
            last_membership: self.place.membership.clone(),
            snapshot_id: id.text(),
        }
    }

    /// Removes old snapshots, and the part of the log that the oldest kept one covers.
    fn tidy(&mut self) -> io::Result<()> {
        let dir = self.journal.dir().to_owned();
        let disk = self.journal.disk().clone();
        let mut ids = checkpoint::list(&*disk, &dir).map_err(io::Error::other)?;
        while ids.len() > SNAPSHOTS_KEPT {
            disk.remove_file(&ids.remove(0).path(&dir))?;
        }
        self.journal.roll()?;
        match ids.first() {
            Some(oldest) => self.journal.trim(oldest.end),
            None => Ok(()),
        }
    }
}

impl Machine {
    /// Bytes of the log since the last snapshot.
    pub fn bytes_since_snapshot(&self) -> u64 {
        let state = self.state.lock();
        state.journal.appended() - state.snapshot_at
    }

    /// Lets no file be touched any more. Waits for a snapshot that is being built.
    pub fn abandon(&self) {
        let _building = self.building.lock();
        self.state.lock().closed = true;
    }

    /// A clean end of the log on disk, after which no file is touched any more.
    pub fn close(&self) -> io::Result<()> {
        self.abandon();
        self.state.lock().journal.close()
    }

    fn build(&self) -> io::Result<Snapshot<TypeConfig>> {
        let _building = self.building.lock();
        let (file, disk, dir, image, quorum, last_timestamp, meta, at) = {
            let state = self.state.lock();
            state.check_open()?;
            (
                state.journal.file(),
                state.journal.disk().clone(),
                state.journal.dir().to_owned(),
                state.image.clone(),
                state.quorum.clone(),
                state.last_timestamp,
                state.snapshot_meta(SnapshotId::of(&state.image)),
                state.journal.appended(),
            )
        };
        if image.in_transaction() {
            return Err(io::Error::other("in the middle of a metadata transaction"));
        }
        // openraft forgets entries that a snapshot holds, so from here on the log on disk must be able to stand alone. Not under the lock:
        // who reads the log waits for it, on threads that serve sockets.
        file.sync_data()?;
        // The log's own time, not the clock's: every voter writes the same snapshot.
        let bytes = checkpoint::encode(&image, &quorum, Millis(last_timestamp));
        checkpoint::store(&*disk, &dir, SnapshotId::of(&image), &bytes)?;
        let mut state = self.state.lock();
        state.snapshot = Some(meta.clone());
        state.snapshot_at = at;
        state.tidy()?;
        Ok(Snapshot {
            meta,
            snapshot: Box::new(Cursor::new(bytes.to_vec())),
        })
    }

    fn install(&self, meta: &SnapshotMeta<NodeKey, Node>, bytes: Bytes) -> io::Result<Applied> {
        let id = SnapshotId::parse(&meta.snapshot_id)
            .ok_or_else(|| io::Error::other("a snapshot without an offset in its name"))?;
        let (image, quorum) = checkpoint::read(id, &bytes).map_err(io::Error::other)?;
        let place = Place {
            log_id: meta.last_log_id,
            next_offset: id.end,
            membership: meta.last_membership.clone(),
        };
        // One that is being built is older, and must not be taken for the newest.
        let _building = self.building.lock();
        let mut state = self.state.lock();
        state.check_open()?;
        self.store.installing(&place)?;
        checkpoint::store(&**state.journal.disk(), state.journal.dir(), id, &bytes)?;
        state.journal.restart_at(id.end)?;
        self.store.installed()?;
        // On the disk it is whole: up to here it can be tried again.
        let before = std::mem::replace(&mut state.image, image);
        state.quorum = quorum;
        state.last_timestamp = checkpoint::last_timestamp(&bytes);
        state.delta = Delta::between(&before, &state.image);
        self.store.applied(place.log_id);
        state.place = place;
        state.snapshot = Some(meta.clone());
        state.snapshot_at = state.journal.appended();
        Ok(self.publication(&mut state))
    }

    /// The image as it is now, with what changed since the last one.
    fn publication(&self, state: &mut State) -> Applied {
        let image = Arc::new(state.image.clone());
        self.applied.store(image.clone());
        Applied {
            image,
            delta: std::mem::take(&mut state.delta),
        }
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotBuilder = Machine;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<NodeKey>>, StoredMembership<NodeKey, Node>), Failure> {
        let state = self.state.lock();
        Ok((state.place.log_id, state.place.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcome>, Failure>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut outcomes = Vec::new();
        for entry in entries {
            let fatal = |e: io::Error| StorageIOError::apply(entry.log_id, &e);
            // First the room for all of it: half of an entry cannot be taken back.
            let room = bytes_of(&entry) + ROOM_SLACK;
            let mut waits = self.store.waits();
            loop {
                let reserved = self.state.lock().journal.reserve(room);
                match reserved {
                    Err(e) if self.store.waits_for_room(&e, &mut waits).await => {}
                    reserved => break reserved.map_err(fatal)?,
                }
            }
            outcomes.push(self.state.lock().apply(&entry).map_err(fatal)?);
        }
        let publication = {
            let mut state = self.state.lock();
            self.store.applied(state.place.log_id);
            if state.image.in_transaction() {
                None
            } else {
                Some(self.publication(&mut state))
            }
        };
        if let Some(publication) = publication {
            // The receiver goes only when the node stops.
            let _ = self.publish.send(publication).await;
        }
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> Machine {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, Failure> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<NodeKey, Node>,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), Failure> {
        let (machine, meta) = (self.clone(), meta.clone());
        let bytes = Bytes::from(snapshot.into_inner());
        let mut waits = self.store.waits();
        let publication = loop {
            let (machine, meta, bytes) = (machine.clone(), meta.clone(), bytes.clone());
            let installed = task::blocking(move || machine.install(&meta, bytes))
                .await
                .unwrap_or_else(|e| Err(io::Error::other(e)));
            match installed {
                Err(e) if self.store.waits_for_room(&e, &mut waits).await => {}
                Err(e) => {
                    self.store.stuck();
                    return Err(failed(ErrorVerb::Write, e));
                }
                Ok(publication) => break publication,
            }
        };
        let _ = self.publish.send(publication).await;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, Failure> {
        let (meta, disk, dir) = {
            let state = self.state.lock();
            let journal = &state.journal;
            match &state.snapshot {
                Some(meta) => (
                    meta.clone(),
                    journal.disk().clone(),
                    journal.dir().to_owned(),
                ),
                None => return Ok(None),
            }
        };
        let id = SnapshotId::parse(&meta.snapshot_id).expect("names are ours");
        let mut waits = self.store.waits();
        let bytes = loop {
            match disk.read_to_end(&id.path(&dir)) {
                Err(e) if self.store.waits_for_room(&e, &mut waits).await => {}
                read => break read.map_err(|e| failed(ErrorVerb::Read, e))?,
            }
        };
        Ok(Some(Snapshot {
            meta,
            snapshot: Box::new(Cursor::new(bytes)),
        }))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, Failure> {
        let mut waits = self.store.waits_beside();
        loop {
            let machine = self.clone();
            let built = task::blocking(move || machine.build())
                .await
                .unwrap_or_else(|e| Err(io::Error::other(e)));
            match built {
                Err(e) if self.store.waits_for_room(&e, &mut waits).await => {}
                built => return built.map_err(|e| failed(ErrorVerb::Write, e)),
            }
        }
    }
}
