//! The group coordinator: every partition of `__consumer_offsets` that this node leads, as a running shard.
//!
//! Always holds: a request's change is appended before the next request of its connection begins; an answer leaves once the high
//! watermark has passed everything it may depend on, but where groups are only listed or described. Must never: hold a shard's lock
//! across an await, or answer for a partition that another node leads.

mod append;
mod load;
mod shard;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use airis_cluster::group::{GroupConfig, Moment, Shard, Token};
use airis_cluster::machine::Chance;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{
    JoinGroupRequest, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use airis_protocol::names;
use airis_protocol::types::{Millis, NodeId, PartitionId, Str};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::meta::MetaHandle;
use crate::partition::PartitionTable;
use crate::time::{Instant, timeout};
pub use append::{Commit, Unit};
use shard::Cell;

/// No deadline is planned.
const NEVER: i64 = i64::MAX;

/// How long whoever made `__consumer_offsets` waits for its shards to be loaded.
const READY_WAIT: Duration = Duration::from_secs(5);

/// `offsets.topic.compression.codec`, by Kafka's number for it.
fn codec(config: &BrokerConfig) -> Codec {
    let id = config.properties.get("offsets.topic.compression.codec");
    id.and_then(|id| id.parse::<i8>().ok())
        .and_then(|id| Codec::ALL.into_iter().find(|c| c.id() as i8 == id))
        .unwrap_or(Codec::None)
}

/// The coordinator of all groups on this node.
pub struct Groups {
    node: NodeId,
    config: GroupConfig,
    codec: Codec,
    expiry_check: Duration,
    /// `offsets.commit.timeout.ms`.
    commit_wait_max: Duration,
    meta: MetaHandle,
    partitions: Arc<PartitionTable>,
    clock: Clock,
    /// When the steady clock was 0.
    start: Instant,
    shards: RwLock<BTreeMap<PartitionId, Arc<Cell>>>,
    tokens: AtomicU64,
    chance: Mutex<Chance>,
    /// The soonest deadline that the timer task sleeps for, by the steady clock.
    planned: AtomicI64,
    replan: Notify,
    /// Shards with appends that are not committed yet, for the task that waits for them.
    settle: mpsc::UnboundedSender<Arc<Cell>>,
    /// Changes whenever a shard has been loaded.
    loaded: watch::Sender<u64>,
}

impl Groups {
    /// Starts the coordinator and its tasks; they end when `stopped` says so.
    pub fn start(
        config: &BrokerConfig,
        meta: MetaHandle,
        partitions: Arc<PartitionTable>,
        clock: Clock,
        seed: u64,
        stopped: &watch::Receiver<bool>,
    ) -> (Arc<Groups>, Vec<JoinHandle<()>>) {
        let (settle, to_settle) = mpsc::unbounded_channel();
        let groups = Arc::new(Groups {
            node: config.node_id,
            config: GroupConfig {
                initial_rebalance_delay_ms: config.group_initial_rebalance_delay.0,
                min_session_timeout_ms: config.group_min_session_timeout.0,
                max_session_timeout_ms: config.group_max_session_timeout.0,
                max_size: config.group_max_size,
                offset_metadata_max: config.offset_metadata_max_bytes,
                offsets_retention_ms: config.offsets_retention.0,
            },
            codec: codec(config),
            expiry_check: config.offsets_retention_check,
            commit_wait_max: config.offsets_commit_timeout,
            meta,
            partitions,
            clock,
            start: Instant::now(),
            shards: RwLock::default(),
            tokens: AtomicU64::new(0),
            chance: Mutex::new(Chance::new(seed)),
            planned: AtomicI64::new(NEVER),
            replan: Notify::new(),
            settle,
            loaded: watch::Sender::new(0),
        });
        let tasks = tasks::start(&groups, to_settle, stopped);
        (groups, tasks)
    }

    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// Both clocks.
    fn now(&self) -> Moment {
        Moment {
            wall: self.clock.now(),
            steady: Millis(self.start.elapsed().as_millis() as i64),
        }
    }

    fn token(&self) -> Token {
        Token(self.tokens.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&self) -> u128 {
        let mut chance = self.chance.lock();
        (u128::from(chance.bits()) << 64) | u128::from(chance.bits())
    }

    /// The partition of `__consumer_offsets` that a group belongs to. `None`: the topic does not exist.
    pub fn partition_of(&self, group: &str) -> Option<PartitionId> {
        let image = self.meta.image();
        let count = image.topic(names::OFFSETS_TOPIC)?.partitions.len();
        (count > 0).then(|| PartitionId(names::coordinator_partition(group, count as i32)))
    }

    /// The shard that answers for a group. Errors: `NOT_COORDINATOR`, or `COORDINATOR_LOAD_IN_PROGRESS` while this node leads the
    /// partition and has not taken it in yet.
    fn cell_of(&self, group: &str) -> Result<Arc<Cell>, ErrorCode> {
        let partition = self.partition_of(group).ok_or(ErrorCode::NotCoordinator)?;
        self.cell(partition)
    }

    fn cell(&self, partition: PartitionId) -> Result<Arc<Cell>, ErrorCode> {
        if let Some(cell) = self.shards.read().get(&partition) {
            return Ok(cell.clone());
        }
        let image = self.meta.image();
        let here = image
            .partition(names::OFFSETS_TOPIC, partition)
            .is_some_and(|p| p.leader == Some(self.node));
        Err(if here {
            ErrorCode::CoordinatorLoadInProgress
        } else {
            ErrorCode::NotCoordinator
        })
    }

    /// Every shard of this node, in order.
    fn cells(&self) -> Vec<Arc<Cell>> {
        self.shards.read().values().cloned().collect()
    }

    /// Waits until every shard of this node is loaded, for a while: who has just made the topic need not be sent away, whichever
    /// group it asks for next.
    pub async fn wait_until_loaded(&self) {
        let mut loaded = self.loaded.subscribe();
        let loading = |partition| {
            let state = self.cell(partition).map(|cell| cell.state());
            matches!(
                state,
                Ok(Err(ErrorCode::CoordinatorLoadInProgress))
                    | Err(ErrorCode::CoordinatorLoadInProgress)
            )
        };
        let ready = async {
            loop {
                loaded.borrow_and_update();
                let image = self.meta.image();
                let topic = image.topic(names::OFFSETS_TOPIC);
                let count = topic.map_or(0, |t| t.partitions.len() as i32);
                if !(0..count).map(PartitionId).any(loading) || loaded.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(READY_WAIT, ready).await;
    }

    /// JoinGroup: ordered now, answered when the rebalance says so.
    pub fn join(
        &self,
        version: i16,
        client_id: Str,
        client_host: Str,
        request: &JoinGroupRequest,
    ) -> Result<impl Future<Output = JoinGroupResponse> + Send + use<>, ErrorCode> {
        let cell = self.cell_of(&request.group_id)?;
        let who = airis_cluster::group::Joiner {
            token: self.token(),
            version,
            client_id,
            client_host,
            random: self.random(),
        };
        let answer = cell.join(self, who, request)?;
        Ok(async move {
            answer.await.unwrap_or_else(|_| JoinGroupResponse {
                error_code: ErrorCode::NotCoordinator.code(),
                protocol_name: None,
                ..Default::default()
            })
        })
    }

    /// SyncGroup: ordered now, answered when the assignment is committed.
    pub fn sync(
        &self,
        request: &SyncGroupRequest,
    ) -> Result<impl Future<Output = SyncGroupResponse> + Send + use<>, ErrorCode> {
        let cell = self.cell_of(&request.group_id)?;
        let answer = cell.sync(self, self.token(), request)?;
        Ok(async move {
            answer.await.unwrap_or_else(|_| SyncGroupResponse {
                error_code: ErrorCode::NotCoordinator.code(),
                ..Default::default()
            })
        })
    }

    /// Reads a group's shard. The answer may leave once the commit is done.
    pub fn read<T>(
        &self,
        group: &str,
        read: impl FnOnce(&Shard) -> T,
    ) -> Result<(T, Commit), ErrorCode> {
        self.cell_of(group)?.read(read)
    }

    /// Reads every shard of this node. Errors: `COORDINATOR_LOAD_IN_PROGRESS` if one is still being loaded.
    pub fn read_all<T>(&self, mut read: impl FnMut(&Shard) -> T) -> Result<Vec<T>, ErrorCode> {
        let mut found = Vec::new();
        for cell in self.cells() {
            match cell.read(&mut read) {
                Ok((value, _)) => found.push(value),
                Err(ErrorCode::NotCoordinator) => {}
                Err(code) => return Err(code),
            }
        }
        Ok(found)
    }

    /// Steps a group's shard: what it causes is done before this returns.
    pub fn step<T>(
        &self,
        group: &str,
        step: impl FnOnce(&mut Shard, Moment, &mut Vec<airis_cluster::group::Effect>) -> T,
    ) -> Result<(T, Commit), ErrorCode> {
        self.cell_of(group)?.step(self, step)
    }

    /// Decides, appends and replays.
    pub fn decide<T>(
        &self,
        group: &str,
        unit: Unit,
        decide: impl FnOnce(
            &mut Shard,
            Moment,
        ) -> Result<
            airis_cluster::machine::Decision<airis_cluster::group::Record, T>,
            ErrorCode,
        >,
    ) -> Result<(T, Commit), ErrorCode> {
        self.cell_of(group)?.decide(self, unit, decide)
    }

    /// Sees to it that the timer task wakes in time for `at`.
    fn plan(&self, at: Option<Millis>) {
        if let Some(at) = at
            && at.0 < self.planned.load(Ordering::Acquire)
        {
            self.replan.notify_one();
        }
    }
}
