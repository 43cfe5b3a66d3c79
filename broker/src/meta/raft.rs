//! openraft, as this project uses it: the types, the one voter that a single node is, and the task that turns commands into
//! entries.
//!
//! Always holds: only this task proposes, and only while its node leads; a decision is made against everything that was proposed
//! before it; commands that arrive together share one entry, hence one sync. Must never: answer before the entry is committed,
//! applied and published.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use airis_cluster::machine::Chance;
use airis_cluster::metadata::decide::MAX_RECORDS;
use airis_cluster::metadata::{Env, Image, Reply, Settings, decide, features};
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{LeaderEpoch, Offset};
use openraft::error::{ClientWriteError, RaftError};
use openraft::{BasicNode, Config, Raft, ServerState, SnapshotPolicy};
use tokio::sync::{mpsc, oneshot, watch};

use super::checkpoint::data_batch;
use super::machine::Machine;
use super::network::Peers;
use super::store::Store;
use super::{Job, MetaError, Now};

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
);

pub(super) type Entry = openraft::Entry<TypeConfig>;

/// A group of commands is closed at this many, or at [`GROUP_BYTES_MAX`] of records.
const GROUP_JOBS_MAX: usize = 4096;
const GROUP_BYTES_MAX: usize = 4 << 20;
/// Answers that wait for their image to be published. The next groups go on meanwhile.
const ANSWERS_MAX: usize = 64;
/// What is kept free on disk beyond a group's records: frames, index entries.
const RESERVE_SLACK: u64 = 64 << 10;
/// One voter needs neither heartbeats nor elections by timeout; openraft's timer still has an interval.
const NO_TIMER_MS: u64 = 24 * 3600 * 1000;

/// Starts openraft on what was opened, and sees to it that this node leads.
pub(super) async fn start(
    node: NodeKey,
    store: Store,
    machine: Machine,
) -> Result<Raft<TypeConfig>, MetaError> {
    let config = Config {
        cluster_name: "metadata".into(),
        heartbeat_interval: NO_TIMER_MS,
        election_timeout_min: NO_TIMER_MS * 2,
        election_timeout_max: NO_TIMER_MS * 3,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        enable_tick: false,
        ..Default::default()
    }
    .validate()
    .map_err(|e| MetaError::Raft(e.to_string()))?;
    let fatal = |e: &dyn std::fmt::Display| MetaError::Raft(e.to_string());
    let raft = Raft::new(node, Arc::new(config), Peers, store, machine)
        .await
        .map_err(|e| fatal(&e))?;
    if !raft.is_initialized().await.map_err(|e| fatal(&e))? {
        let voters = BTreeMap::from([(node, BasicNode::default())]);
        raft.initialize(voters).await.map_err(|e| fatal(&e))?;
    } else if raft.metrics().borrow().state != ServerState::Leader {
        raft.trigger().elect().await.map_err(|e| fatal(&e))?;
    }
    raft.wait(None)
        .state(ServerState::Leader, "the only voter leads")
        .await
        .map_err(|e| fatal(&e))?;
    // Everything that is in the raft log already must be in the image before anything is decided on it.
    raft.ensure_linearizable().await.map_err(|e| fatal(&e))?;
    let last = raft.metrics().borrow().last_log_index;
    raft.wait(None)
        .applied_index_at_least(last, "what was logged before is applied")
        .await
        .map_err(|e| fatal(&e))?;
    Ok(raft)
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

    /// Decides one command on top of those before it.
    fn add(&mut self, job: Job, driver: &mut Driver) {
        let now = (driver.now)();
        let mut env = Env {
            now,
            chance: &mut driver.chance,
            settings: &driver.settings,
        };
        let answer = decide(&self.image, &mut env, job.command).map(|decision| {
            if !decision.records.is_empty() {
                let version = self.image.feature(features::METADATA_VERSION);
                // Only the records of brokers that come and go can be more than one batch, and they need not be atomic: each of
                // them leaves a state that the next registration puts right.
                for records in decision.records.chunks(MAX_RECORDS) {
                    let batch = data_batch(records, version, now, Offset(0), LeaderEpoch(0));
                    self.bytes += batch.len();
                    self.proposal.batches.push(batch.to_vec());
                }
                let position = self.image.position;
                let (image, _) = self
                    .image
                    .apply(position.next(), position.epoch, &decision.records)
                    .expect("what was decided on an image can be replayed onto it");
                self.image = image;
            }
            decision.reply
        });
        self.answers.push((job.done, answer));
    }
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
    pub settings: Settings,
    pub chance: Chance,
    pub now: Now,
    /// A snapshot is due after so many bytes of records.
    pub snapshot_bytes: u64,
}

impl Driver {
    /// Takes commands until told to stop; what was taken is answered.
    pub async fn run(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        mut stop: watch::Receiver<bool>,
        published: watch::Receiver<i64>,
    ) {
        let (due, answering) = mpsc::channel(ANSWERS_MAX);
        let answering = tokio::spawn(answer(answering, published));
        let mut waiting: Vec<Job> = Vec::new();
        loop {
            if waiting.is_empty() {
                let got = tokio::select! {
                    got = jobs.recv_many(&mut waiting, GROUP_JOBS_MAX) => got,
                    _ = stop.wait_for(|s| *s) => 0,
                };
                if got == 0 {
                    break;
                }
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
            if self.machine.bytes_since_snapshot() >= self.snapshot_bytes {
                // It is built beside; openraft drops the request if one is being built.
                let _ = self.raft.trigger().snapshot().await;
            }
        }
        drop(due);
        let _ = answering.await;
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
        match self.raft.client_write(proposal).await {
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
