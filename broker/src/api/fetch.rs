//! Fetch: plan, read, wait if there is too little, read again.
//!
//! Always holds: no record at or beyond the high watermark (or, read committed, the last stable offset) is given out; no bytes are
//! copied: an answer names file ranges; a wait ends at its deadline. Must never: miss a wake-up (it registers before it reads).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::fetch::session::{Mode, Plan, Wanted};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use airis_protocol::messages::{FetchRequest, FetchResponse};
use airis_protocol::types::{LeaderEpoch, Offset, PartitionId, Records, Str, Uuid};
use airis_storage::ReadError;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Ctx, Reply};
use crate::node::Node;
use crate::partition::{Partition, Waiter};

/// `isolation_level` of a consumer that wants committed transactions only.
const READ_COMMITTED: i8 = 1;
/// The first version with topic ids instead of names.
const IDS_FROM: i16 = 13;
/// The first version with hints to the current leader (KIP-951).
const LEADER_HINTS_FROM: i16 = 16;

/// One partition of a plan, looked up.
struct Target {
    wanted: Wanted,
    /// The name to answer with (empty where ids are used).
    found: Result<Arc<Partition>, ErrorCode>,
}

/// A fetch under way.
struct Fetch {
    node: Arc<Node>,
    version: i16,
    listener: Str,
    committed: bool,
    /// The replica that asks; below zero a consumer.
    replica: i32,
    max_bytes: usize,
    mode: Mode,
    targets: Vec<Target>,
}

/// What one look at all partitions gave.
struct Pass {
    data: Vec<PartitionData>,
    bytes: usize,
    /// Something that the client must learn at once.
    urgent: bool,
}

pub fn handle(ctx: &Ctx, request: FetchRequest) -> Reply<FetchResponse> {
    let by_id = ctx.version >= IDS_FROM;
    let begun = ctx.node.fetch_sessions.lock().begin(
        ctx.now,
        request.session_id,
        request.session_epoch,
        by_id,
        &request.topics,
        &request.forgotten_topics_data,
        || (ctx.node.chance.lock().bits() >> 33) as i32,
    );
    let Plan { mode, partitions } = match begun {
        Ok(plan) => plan,
        Err(error) => {
            return Reply::Now(FetchResponse {
                error_code: error.code(),
                ..Default::default()
            });
        }
    };
    let replica = match ctx.version {
        15.. => request.replica_state.replica_id,
        _ => request.replica_id,
    };
    let targets = partitions
        .into_iter()
        .map(|wanted| Target {
            found: find(ctx.node, by_id, &wanted),
            wanted,
        })
        .collect::<Vec<_>>();
    let fetch = Fetch {
        node: ctx.node.clone(),
        version: ctx.version,
        listener: ctx.client.listener.clone(),
        committed: request.isolation_level == READ_COMMITTED,
        replica,
        max_bytes: request
            .max_bytes
            .min(ctx.node.config.fetch_max_bytes)
            .max(0) as usize,
        mode,
        targets,
    };
    let pass = fetch.read();
    let min_bytes = request.min_bytes.max(0) as usize;
    if pass.urgent
        || pass.bytes >= min_bytes
        || request.max_wait_ms <= 0
        || fetch.targets.is_empty()
    {
        return Reply::Now(fetch.answer(pass));
    }
    let deadline = Instant::now() + Duration::from_millis(request.max_wait_ms as u64);
    Reply::later(async move {
        let waiting = Waiting::register(&fetch.targets);
        loop {
            let pass = fetch.read();
            if pass.urgent || pass.bytes >= min_bytes {
                return fetch.answer(pass);
            }
            if timeout_at(deadline, waiting.waiter.notified())
                .await
                .is_err()
            {
                return fetch.answer(fetch.read());
            }
        }
    })
}

/// A registration with every partition of a fetch, ended when it is dropped.
struct Waiting {
    waiter: Waiter,
    partitions: Vec<Arc<Partition>>,
}

impl Waiting {
    fn register(targets: &[Target]) -> Self {
        let waiter = Arc::new(Notify::new());
        let partitions: Vec<_> = targets
            .iter()
            .filter_map(|t| t.found.as_ref().ok().cloned())
            .collect();
        for partition in &partitions {
            partition.progress.register(&waiter);
        }
        Waiting { waiter, partitions }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.progress.unregister(&self.waiter);
        }
    }
}

fn find(node: &Node, by_id: bool, wanted: &Wanted) -> Result<Arc<Partition>, ErrorCode> {
    let index = PartitionId(wanted.partition);
    if by_id {
        node.partitions.by_id(wanted.topic_id, index)
    } else {
        node.partitions.by_name(&wanted.topic, index)
    }
}

impl Fetch {
    /// One look at every partition, within the byte limits.
    fn read(&self) -> Pass {
        let mut pass = Pass {
            data: Vec::with_capacity(self.targets.len()),
            bytes: 0,
            urgent: false,
        };
        for target in &self.targets {
            let room = self.max_bytes.saturating_sub(pass.bytes);
            let data = match &target.found {
                // The first records may exceed every limit, so that a large batch cannot block a consumer (KIP-74).
                Ok(partition) => {
                    self.read_partition(partition, &target.wanted, room, pass.bytes == 0)
                }
                Err(error) => failed(&target.wanted, *error),
            };
            pass.bytes += data.records.as_ref().map_or(0, Records::len);
            pass.urgent |= data.error_code != 0 || data.diverging_epoch.epoch >= 0;
            pass.data.push(data);
        }
        pass
    }

    fn read_partition(
        &self,
        partition: &Partition,
        wanted: &Wanted,
        room: usize,
        first: bool,
    ) -> PartitionData {
        match self.try_read(partition, wanted, room, first) {
            Ok(data) => data,
            Err(error) => {
                // Null, as Kafka has it once it has looked at the log.
                let mut data = PartitionData {
                    aborted_transactions: None,
                    ..failed(wanted, error)
                };
                if self.version >= LEADER_HINTS_FROM
                    && matches!(
                        error,
                        ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
                    )
                {
                    let (leader, epoch) = partition.leader();
                    data.current_leader = LeaderIdAndEpoch {
                        leader_id: leader.map_or(-1, |l| l.0),
                        leader_epoch: epoch.0,
                    };
                }
                data
            }
        }
    }

    fn try_read(
        &self,
        partition: &Partition,
        wanted: &Wanted,
        room: usize,
        first: bool,
    ) -> Result<PartitionData, ErrorCode> {
        // Any epoch below zero means that the client knows none.
        partition.check_leader(LeaderEpoch(wanted.leader_epoch.max(-1)))?;
        if self.replica >= 0 {
            // Not a replica of this partition as this leader knows it, so its fetch must not count: a newer assignment may be on its way.
            return Err(if wanted.leader_epoch < 0 {
                ErrorCode::NotLeaderOrFollower
            } else {
                ErrorCode::UnknownLeaderEpoch
            });
        }
        let log = partition.log();
        let high_watermark = partition.high_watermark();
        let last_stable = partition.last_stable();
        let mut data = PartitionData {
            partition_index: wanted.partition,
            high_watermark: high_watermark.0,
            last_stable_offset: last_stable.0,
            log_start_offset: log.start().0,
            aborted_transactions: self.committed.then(Vec::new),
            records: Some(Records::default()),
            ..Default::default()
        };
        let from = Offset(wanted.fetch_offset);
        if wanted.last_fetched_epoch >= 0 {
            // KIP-595: the client tells the epoch of what it has; if the log says otherwise, it has diverged.
            let Some((epoch, end)) = log.epoch_end(LeaderEpoch(wanted.last_fetched_epoch)) else {
                return Err(ErrorCode::OffsetOutOfRange);
            };
            if epoch.0 < wanted.last_fetched_epoch || end < from {
                data.diverging_epoch = EpochEndOffset {
                    epoch: epoch.0,
                    end_offset: end.0,
                };
                return Ok(data);
            }
        }
        if from < log.start() || from > log.end() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let bound = if self.committed {
            last_stable
        } else {
            high_watermark
        };
        let limit = room.min(wanted.max_bytes.max(0) as usize);
        if from >= bound || (limit == 0 && !first) {
            return Ok(data);
        }
        let read = log
            .read(from, limit, bound, first)
            .map_err(|e| match e {
                ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
                ReadError::Damaged { .. } => {
                    tracing::error!(topic = %partition.topic, partition = %partition.index, "a read failed: {e}");
                    ErrorCode::CorruptMessage
                }
                ReadError::Storage(e) => storage_failed(partition, &e),
            })?;
        if self.committed && !read.ranges.is_empty() {
            data.aborted_transactions = Some(
                log.aborted(from, read.upper)
                    .map_err(|e| storage_failed(partition, &e))?
                    .into_iter()
                    .map(|a| AbortedTransaction {
                        producer_id: a.producer.0,
                        first_offset: a.first.0,
                    })
                    .collect(),
            );
        }
        data.records = Some(Records::Ranges(read.ranges));
        Ok(data)
    }

    fn answer(&self, pass: Pass) -> FetchResponse {
        let mut responses: Vec<FetchableTopicResponse> = Vec::new();
        let mut places: HashMap<(Uuid, Str), usize> = HashMap::new();
        let mut sessions =
            (self.mode != Mode::Sessionless).then(|| self.node.fetch_sessions.lock());
        let mut hints = false;
        for (target, data) in self.targets.iter().zip(pass.data) {
            let wanted = &target.wanted;
            if let Some(sessions) = &mut sessions
                && !sessions.tell(&self.mode, wanted, &data)
            {
                continue;
            }
            hints |= data.current_leader.leader_id >= 0;
            let same = |t: &FetchableTopicResponse| {
                t.topic_id == wanted.topic_id && t.topic == wanted.topic
            };
            let place = match responses.last() {
                Some(last) if same(last) => responses.len() - 1,
                _ => *places
                    .entry((wanted.topic_id, wanted.topic.clone()))
                    .or_insert_with(|| {
                        responses.push(FetchableTopicResponse {
                            topic: wanted.topic.clone(),
                            topic_id: wanted.topic_id,
                            partitions: Vec::new(),
                        });
                        responses.len() - 1
                    }),
            };
            responses[place].partitions.push(data);
        }
        FetchResponse {
            session_id: match self.mode {
                Mode::Sessionless => 0,
                Mode::Full { session } | Mode::Incremental { session } => session,
            },
            responses,
            node_endpoints: if hints {
                self.node
                    .endpoints(&self.listener)
                    .into_iter()
                    .map(|(id, host, port, rack)| NodeEndpoint {
                        node_id: id.0,
                        host,
                        port,
                        rack,
                    })
                    .collect()
            } else {
                Vec::new()
            },
            ..Default::default()
        }
    }
}

fn storage_failed(partition: &Partition, e: &airis_storage::StorageError) -> ErrorCode {
    tracing::error!(topic = %partition.topic, partition = %partition.index, "a read failed: {e}");
    ErrorCode::KafkaStorageError
}

fn failed(wanted: &Wanted, error: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: wanted.partition,
        error_code: error.code(),
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        records: Some(Records::default()),
        ..Default::default()
    }
}
