//! openraft, as this project uses it: the types, its start, and the task that turns commands into entries while this node leads.
//!
//! Always holds: only this task proposes, and only while its node leads and a majority follows; a new leader first says so in the
//! log; a decision is made against everything that was proposed before it; commands that arrive together share one entry, hence
//! one sync. Must never: answer before the entry is committed, applied and published.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::machine::Chance;
use airis_cluster::metadata::decide::{MAX_RECORDS, MetaDecision};
use airis_cluster::metadata::{Command, Env, Image, Reply, Settings, decide, features};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::MetadataRecord;
use airis_protocol::types::{LeaderEpoch, Millis, NodeId, Offset};
use openraft::error::{ClientWriteError, Fatal, RaftError};
use openraft::{BasicNode, Config, Raft, RaftMetrics, ServerState, SnapshotPolicy};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::checkpoint::{control, control_batch, data_batch, leader_change};
use super::machine::Machine;
use super::network::Peers;
use super::store::Store;
use super::{Job, MetaError};
use crate::clock::Clock;
use crate::task;

/// A voter's id: the node's id.
pub(super) type NodeKey = u64;
/// What openraft keeps of a voter besides its id.
pub(super) type Node = BasicNode;

/// What is agreed on: batches for the metadata log, in Kafka's format, without their offset and epoch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Proposal {
    /// The offset that the proposer decided for. At any other place in the log the proposal is void.
    pub first_offset: i64,
    pub batches: Vec<Vec<u8>>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Outcome {
    pub accepted: bool,
}

openraft::declare_raft_types!(
    pub(super) TypeConfig:
        D = Proposal,
        R = Outcome,
        NodeId = NodeKey,
        Node = Node,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = Cursor<Vec<u8>>,
        AsyncRuntime = task::Runtime,
);

pub(super) type Entry = openraft::Entry<TypeConfig>;
type Metrics = RaftMetrics<NodeKey, Node>;

/// A group of commands is closed at this many, or at [`GROUP_BYTES_MAX`] of records: an entry is no more than that and one decision.
const GROUP_JOBS_MAX: usize = 4096;
const GROUP_BYTES_MAX: usize = 4 << 20;
/// What one request may cause is one batch, and a batch is no larger (Kafka's `MAX_BATCH_SIZE_BYTES`).
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Answers that wait for their image to be published. The next groups go on meanwhile.
const ANSWERS_MAX: usize = 64;
/// What is kept free on disk beyond a group's records: frames, index entries.
const RESERVE_SLACK: u64 = 64 << 10;
/// How long one append may take at most. Large, as a disk may be slow; a leader is watched by other means.
const APPEND_MAX: Duration = Duration::from_secs(2);
/// How long one piece of a snapshot may take.
const SNAPSHOT_PIECE_MAX: Duration = Duration::from_secs(10);
/// How long a vote may take, and so long a voter that has just heard of a leader votes for nobody else.
pub(super) const LEASE: Duration = Duration::from_millis(250);
/// How often a leader looks whether a majority still follows.
const LOOK: Duration = Duration::from_millis(100);

/// Starts openraft on what was opened. `found`: the voters of a new quorum, if this node is to found one.
pub(super) async fn start(
    node: NodeKey,
    store: Store,
    machine: Machine,
    peers: Peers,
    found: Option<BTreeMap<NodeKey, Node>>,
) -> Result<Raft<TypeConfig>, MetaError> {
    // openraft's own timers are off, see `elect`. What the numbers still mean: how long an append and a vote may take, and for
    // how long a leader that was heard of keeps others from being elected. So `validate`, which compares them, has no say.
    let config = Config {
        cluster_name: "metadata".into(),
        heartbeat_interval: APPEND_MAX.as_millis() as u64,
        election_timeout_min: LEASE.as_millis() as u64 - 1,
        election_timeout_max: LEASE.as_millis() as u64,
        install_snapshot_timeout: SNAPSHOT_PIECE_MAX.as_millis() as u64,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        enable_tick: false,
        enable_heartbeat: false,
        enable_elect: false,
        ..Default::default()
    };
    let fatal = |e: &dyn std::fmt::Display| MetaError::Raft(e.to_string());
    let raft = Raft::new(node, Arc::new(config), peers, store, machine)
        .await
        .map_err(|e| fatal(&e))?;
    if let Some(found) = found
        && !raft.is_initialized().await.map_err(|e| fatal(&e))?
    {
        raft.initialize(found).await.map_err(|e| fatal(&e))?;
    }
    // Metrics lag behind; this is the state itself.
    let (alone, follows) = raft
        .with_raft_state(move |state| {
            let alone = state.membership_state.effective().voter_ids().eq([node]);
            (alone, state.server_state == ServerState::Follower)
        })
        .await
        .map_err(|e| fatal(&e))?;
    if alone && follows {
        raft.trigger().elect().await.map_err(|e| fatal(&e))?;
    }
    if alone {
        raft.wait(None)
            .state(ServerState::Leader, "the only voter leads")
            .await
            .map_err(|e| fatal(&e))?;
    }
    Ok(raft)
}

/// Why openraft has ended by itself. It cannot go on after a write that failed: what others were told may not be there.
pub(super) fn failure(metrics: &Metrics) -> Option<String> {
    match &metrics.running_state {
        Ok(()) | Err(Fatal::Stopped) => None,
        Err(Fatal::StorageError(e)) => {
            Some(format!("the metadata log cannot be kept on its disk: {e}"))
        }
        Err(Fatal::Panicked) => Some("the metadata quorum has failed by a fault in it".to_owned()),
    }
}

/// Who leads, as this node knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    pub leader: Option<NodeId>,
    pub epoch: LeaderEpoch,
    /// This node leads, a majority follows, and it has applied all that was there before: it may decide.
    pub active: bool,
}

/// Who asked, and what they are told.
type Answer = (
    oneshot::Sender<Result<Reply, ErrorCode>>,
    Result<Reply, ErrorCode>,
);

/// Decided commands, and the entry that they become.
struct Group {
    answers: Vec<Answer>,
    proposal: Proposal,
    bytes: usize,
    /// The state after the group.
    image: Image,
}

impl Group {
    fn new(image: &Image) -> Group {
        Group {
            answers: Vec::new(),
            proposal: Proposal {
                first_offset: image.position.next().0,
                batches: Vec::new(),
            },
            bytes: 0,
            image: image.clone(),
        }
    }

    /// The record that says who leads from now on.
    fn begin_term(&mut self, leader: i32, voters: Vec<i32>, term: i32, now: Millis) {
        let change = leader_change(leader, &voters);
        let ty = control::LEADER_CHANGE;
        let batch = control_batch(ty, &change, now, Offset(0), LeaderEpoch(0));
        self.bytes += batch.len();
        self.proposal.batches.push(batch.to_vec());
        self.image
            .skip_to(self.image.position.next(), LeaderEpoch(term));
    }

    /// Decides one command on top of those before it.
    fn add(&mut self, job: Job, driver: &mut Driver) {
        let now = driver.clock.now();
        let mut env = Env {
            now,
            chance: &mut driver.chance,
            settings: &driver.settings,
        };
        let answer = decide(&self.image, &mut env, job.command)
            .and_then(|decision| self.take(decision, now));
        self.answers.push((job.done, answer));
    }

    /// Takes the records of a decision in, all or none.
    fn take(&mut self, decision: MetaDecision, now: Millis) -> Result<Reply, ErrorCode> {
        let records = &decision.records;
        if !records.is_empty() {
            let version = self.image.feature(features::METADATA_VERSION);
            let batches = encode(records, version, now)?;
            let position = self.image.position;
            let (image, _) = self
                .image
                .apply(position.next(), position.epoch, records)
                .expect("what was decided on an image can be replayed onto it");
            self.image = image;
            self.bytes += batches.iter().map(Vec::len).sum::<usize>();
            self.proposal.batches.extend(batches);
        }
        Ok(decision.reply)
    }
}

/// The batches of one decision's records. What cannot be written, or is more than an entry should hold, is refused here: whoever
/// asked for it must not end the controller, nor the next one.
fn encode(
    records: &[MetadataRecord],
    version: i16,
    now: Millis,
) -> Result<Vec<Vec<u8>>, ErrorCode> {
    // Only the records of brokers that come and go can be more than one batch, and they need not be atomic: each of them leaves a
    // state that the next registration puts right.
    let batches = records.chunks(MAX_RECORDS).map(|records| {
        let batch = data_batch(records, version, now, Offset(0), LeaderEpoch(0));
        let batch = batch.map_err(|e| {
            tracing::error!("a change is refused, as its records cannot be written: {e}");
            ErrorCode::UnknownServerError
        })?;
        if batch.len() > BATCH_BYTES_MAX {
            tracing::warn!(
                bytes = batch.len(),
                "a change is refused, as its records are too many"
            );
            return Err(ErrorCode::PolicyViolation);
        }
        Ok(batch.to_vec())
    });
    batches.collect()
}

/// Answers of one group: to be given once this offset is published.
pub(super) struct Due {
    offset: i64,
    answers: Vec<Answer>,
}

/// What the driving task works with.
pub(super) struct Driver {
    pub raft: Raft<TypeConfig>,
    pub machine: Machine,
    pub store: Store,
    pub peers: Peers,
    pub settings: Settings,
    pub chance: Chance,
    pub clock: Clock,
    /// What a new cluster begins with.
    pub bootstrap: Vec<MetadataRecord>,
    /// A leader that no majority has acknowledged for so long does not decide.
    pub patience: Duration,
    pub leadership: watch::Sender<Leadership>,
    /// Told how the first time as the leader began.
    pub begun: Option<oneshot::Sender<Result<(), ErrorCode>>>,
}

impl Driver {
    /// Takes commands until told to stop; what was taken is answered.
    pub async fn run(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        mut stop: watch::Receiver<bool>,
        mut published: watch::Receiver<i64>,
    ) {
        let (due, answering) = mpsc::channel(ANSWERS_MAX);
        let answering = task::spawn(answer(answering, published.clone()));
        let mut metrics = self.raft.metrics();
        let mut waiting: Vec<Job> = Vec::new();
        loop {
            self.follow(&metrics).await;
            if waiting.is_empty() {
                let leading = metrics.borrow().state == ServerState::Leader;
                let alone = metrics.borrow().membership_config.voter_ids().count() < 2;
                tokio::select! {
                    got = jobs.recv_many(&mut waiting, GROUP_JOBS_MAX) => if got == 0 { break },
                    changed = metrics.changed() => {
                        if changed.is_err() { break }
                        metrics.borrow_and_update();
                        continue;
                    }
                    _ = published.changed(), if leading && !self.leadership.borrow().active => continue,
                    () = sleep(LOOK), if leading && !(alone && self.leadership.borrow().active) => continue,
                    _ = stop.wait_for(|s| *s) => break,
                }
            }
            if !self.leadership.borrow().active {
                for job in waiting.drain(..) {
                    let _ = job.done.send(Err(ErrorCode::NotController));
                }
                continue;
            }
            let base = self.machine.applied.load_full();
            let mut group = Group::new(&base);
            let mut rest = std::mem::take(&mut waiting).into_iter();
            while group.bytes < GROUP_BYTES_MAX
                && let Some(job) = rest.next()
            {
                group.add(job, &mut self);
            }
            waiting.extend(rest);
            let group = self.commit(group).await;
            if due.send(group).await.is_err() {
                break;
            }
        }
        self.leadership.send_modify(|l| l.active = false);
        drop(due);
        let _ = answering.await;
    }

    /// True while a majority follows this node, and it is one of those who vote: a leader that has been removed resigns.
    fn followed(&self) -> bool {
        let metrics = self.raft.metrics();
        let voters: BTreeSet<NodeKey> = metrics.borrow().membership_config.voter_ids().collect();
        voters.contains(&metrics.borrow().id) && self.peers.majority_within(&voters, self.patience)
    }

    /// Brings what this node knows of who leads up to date; takes over if that is itself.
    async fn follow(&mut self, metrics: &watch::Receiver<Metrics>) {
        let (leads, leader, term) = {
            let m = metrics.borrow();
            let leads = m.state == ServerState::Leader;
            (leads, m.current_leader, m.current_term)
        };
        let now = Leadership {
            leader: leader.map(|id| NodeId(id as i32)),
            epoch: LeaderEpoch(term as i32),
            active: false,
        };
        let before = *self.leadership.borrow();
        if leads && before.active && before.epoch == now.epoch && self.followed() {
            return;
        }
        if before != now {
            self.leadership.send_replace(now);
        }
        if leads && self.take_over(term).await {
            tracing::info!(epoch = term, "this node is the active controller");
            self.leadership.send_modify(|l| l.active = true);
        }
    }

    /// Waits until all that was there before is applied, says who leads, and puts right what a new leader must. False if that
    /// has to be tried again.
    async fn take_over(&mut self, term: u64) -> bool {
        let metrics = self.raft.metrics();
        // What is logged and applied by now; metrics may say so later, or not at all while nothing else happens.
        let last = self.store.last();
        let applied = self.machine.state.lock().place.log_id;
        if self.followed() && last.is_none_or(|id| id.leader_id.term != term) {
            // A leader that stopped right after it was elected goes on in its term without an entry of its own. This one says
            // nothing, and has no effect.
            let nothing = Proposal {
                first_offset: -1,
                batches: Vec::new(),
            };
            let _ = self.write(nothing).await;
            return false;
        }
        // In its own term something is agreed on: then everything before it is.
        if !self.followed() || applied < last || applied.is_none_or(|id| id.leader_id.term != term)
        {
            return false;
        }
        let base = self.machine.applied.load_full();
        let mut group = Group::new(&base);
        if base.position.epoch.0 as u64 != term {
            let voters = {
                let m = metrics.borrow();
                m.membership_config.voter_ids().map(|v| v as i32).collect()
            };
            group.begin_term(self.settings.node.0, voters, term as i32, self.clock.now());
        }
        let (done, _) = oneshot::channel();
        let command = Command::Activate {
            bootstrap: self.bootstrap.clone(),
        };
        group.add(Job { command, done }, self);
        let due = self.commit(group).await;
        let failed = due.answers.iter().find_map(|(_, a)| a.as_ref().err());
        if let Some(begun) = self.begun.take() {
            let _ = begun.send(failed.map_or(Ok(()), |e| Err(*e)));
        }
        failed.is_none()
    }

    /// Has the group's records agreed on. If that fails, so do all its answers.
    async fn commit(&self, mut group: Group) -> Due {
        let mut offset = group.proposal.first_offset - 1;
        if !group.proposal.batches.is_empty() {
            let last = group.image.position.offset.0;
            match self.propose(group.proposal, group.bytes as u64).await {
                Ok(()) => offset = last,
                Err(code) => {
                    for (_, answer) in &mut group.answers {
                        *answer = Err(code);
                    }
                }
            }
        }
        Due {
            offset,
            answers: group.answers,
        }
    }

    async fn propose(&self, proposal: Proposal, bytes: u64) -> Result<(), ErrorCode> {
        // A write that fails stops openraft for good. So see first that there is room, and refuse if there is not.
        let room = bytes + RESERVE_SLACK;
        let reserved = self
            .store
            .reserve(room)
            .and_then(|()| self.machine.state.lock().journal.reserve(room));
        if let Err(e) = reserved {
            tracing::error!(error = %e, "no room for metadata: the change is refused");
            return Err(ErrorCode::KafkaStorageError);
        }
        self.write(proposal).await
    }

    async fn write(&self, proposal: Proposal) -> Result<(), ErrorCode> {
        let lost = async {
            while self.followed() {
                sleep(LOOK).await;
            }
        };
        let written = tokio::select! {
            written = self.raft.client_write(proposal) => written,
            // Nobody knows what becomes of it. The next leader's log will say.
            () = lost => return Err(ErrorCode::NotController),
        };
        match written {
            Ok(response) if response.data.accepted => Ok(()),
            Ok(_) | Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                Err(ErrorCode::NotController)
            }
            Err(e) => {
                tracing::error!(error = %e, "the metadata log cannot be written");
                Err(ErrorCode::KafkaStorageError)
            }
        }
    }
}

/// Gives answers, in order, once what they rest on is published. A refusal waits too: it may rest on what was just proposed.
async fn answer(mut due: mpsc::Receiver<Due>, mut published: watch::Receiver<i64>) {
    while let Some(next) = due.recv().await {
        let seen = published.wait_for(|o| *o >= next.offset).await.is_ok();
        for (done, answer) in next.answers {
            // Whoever asked may be gone.
            let _ = done.send(if seen {
                answer
            } else {
                Err(ErrorCode::NotController)
            });
        }
    }
}
