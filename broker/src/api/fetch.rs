//! Fetch: plan, read, wait if there is too little, read again. Followers fetch as well, and tell with it how far they are.
//!
//! Always holds: no record at or beyond the high watermark (or, read committed, the last stable offset) is given to a consumer; no
//! bytes are copied: an answer names file ranges; a wait ends at its deadline; a follower's position counts only if the partition
//! has that replica, in this leader epoch, and its log is a prefix of ours. Must never: miss a wake-up (it registers before it
//! reads).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::fetch::session::{Mode, Plan, Wanted};
#[cfg(feature = "sim")]
use airis_cluster::plant::{Plant, is_planted};
use airis_cluster::replica;
use airis_cluster::replica::leader::Fetched;
use airis_cluster::replica::nearest::{Candidate, nearest};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use airis_protocol::messages::{FetchRequest, FetchResponse};
use airis_protocol::types::{
    BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionId, Records, Str, Uuid,
};
use airis_storage::{Log, ReadError};
use tokio::sync::Notify;

use super::{Ctx, Reply};
use crate::node::Node;
use crate::partition::{Partition, Progress, Waiter};
use crate::scarce;
use crate::time::{Instant, timeout_at};

/// `isolation_level` of a consumer that wants committed transactions only.
const READ_COMMITTED: i8 = 1;
/// The first version with topic ids instead of names.
const IDS_FROM: i16 = 13;
/// The first version with hints to the current leader (KIP-951).
const LEADER_HINTS_FROM: i16 = 16;

/// The first version whose clients know `KAFKA_STORAGE_ERROR`: older ones take it for a failure that asking again does not mend.
const STORAGE_ERRORS_FROM: i16 = 6;
/// The first version whose clients know that followers serve them too (KIP-392).
const ANY_REPLICA_FROM: i16 = 11;
/// How long a follower waits for records to learn with them of a new high watermark or log start. It doubles while nothing is new.
const NEWS_AFTER: Duration = Duration::from_millis(10);

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
    max_bytes: usize,
    mode: Mode,
    targets: Vec<Target>,
    /// The follower that asks.
    replica: Option<(NodeId, BrokerEpoch)>,
    /// The rack of the consumer that asks, if it may be sent elsewhere.
    rack: Str,
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
    let replica = match ctx.version {
        15.. => (
            request.replica_state.replica_id,
            request.replica_state.replica_epoch,
        ),
        _ => (request.replica_id, -1),
    };
    let replica = (replica.0 >= 0).then_some((NodeId(replica.0), BrokerEpoch(replica.1)));
    let begun = ctx.node.fetch_sessions.lock().begin(
        ctx.now,
        replica.is_some(),
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
        max_bytes: request
            .max_bytes
            .min(ctx.node.config.fetch_max_bytes)
            .max(0) as usize,
        mode,
        targets,
        replica,
        rack: if replica.is_none() && ctx.node.config.rack_aware_reads {
            request.rack_id.detach()
        } else {
            Str::default()
        },
    };
    fetch.take_positions();
    let pass = fetch.read();
    // More than can be given is not waited for.
    let min_bytes = (request.min_bytes.max(0) as usize).min(fetch.max_bytes);
    if pass.urgent
        || pass.bytes >= min_bytes
        || request.max_wait_ms <= 0
        || fetch.targets.is_empty()
    {
        return Reply::Now(fetch.answer(pass));
    }
    let deadline = Instant::now() + Duration::from_millis(request.max_wait_ms as u64);
    Reply::later(async move {
        let waiting = Waiting::register(&fetch);
        let mut patience = NEWS_AFTER;
        let mut news_at = match fetch.replica {
            Some(_) if fetch.mode != Mode::Sessionless => Instant::now() + patience,
            _ => deadline,
        };
        loop {
            let pass = fetch.read();
            if pass.urgent || pass.bytes >= min_bytes {
                return fetch.answer(pass);
            }
            if timeout_at(deadline.min(news_at), waiting.waiter.notified())
                .await
                .is_err()
            {
                let now = Instant::now();
                if now >= deadline || fetch.has_news() {
                    return fetch.answer(fetch.read());
                }
                patience *= 2;
                news_at = now + patience;
            }
        }
    })
}

/// A registration with every partition of a fetch, ended when it is dropped.
struct Waiting {
    waiter: Waiter,
    partitions: Vec<Arc<Partition>>,
    follower: bool,
}

impl Waiting {
    fn register(fetch: &Fetch) -> Self {
        let waiter = Arc::new(Notify::new());
        let partitions: Vec<_> = fetch
            .targets
            .iter()
            .filter_map(|t| t.found.as_ref().ok().cloned())
            .collect();
        let follower = fetch.replica.is_some();
        for partition in &partitions {
            Self::of(partition, follower).register(&waiter);
        }
        Waiting {
            waiter,
            partitions,
            follower,
        }
    }

    /// Followers wait for the log to grow, consumers for what is committed.
    fn of(partition: &Partition, follower: bool) -> &Progress {
        if follower {
            &partition.growth
        } else {
            &partition.progress
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for partition in &self.partitions {
            Self::of(partition, self.follower).unregister(&self.waiter);
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

/// Where the fetcher's log and this one part, if they do.
fn diverging(log: &Log, wanted: &Wanted) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    let (from, last) = (
        Offset(wanted.fetch_offset),
        LeaderEpoch(wanted.last_fetched_epoch),
    );
    if last.0 < 0 {
        return Ok(None);
    }
    #[cfg(feature = "sim")]
    if is_planted(Plant::NoDivergence) {
        return Ok(None);
    }
    if from < log.start() {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    replica::diverging(log.epoch_end(last), last, from).map_err(|_| ErrorCode::OffsetOutOfRange)
}

impl Fetch {
    /// A follower's fetch says what it has; the leader takes note, once a request.
    fn take_positions(&self) {
        let Some((replica, broker_epoch)) = self.replica else {
            return;
        };
        for Target { wanted, found } in &self.targets {
            let Ok(partition) = found else { continue };
            let (log, offset) = (partition.log(), Offset(wanted.fetch_offset));
            let known = (log.start()..=log.end()).contains(&offset);
            if known && self.check(partition, wanted).is_ok() && diverging(&log, wanted) == Ok(None)
            {
                partition.follower_fetched(Fetched {
                    replica,
                    broker_epoch,
                    offset,
                    log_start: Offset(wanted.log_start),
                });
            }
        }
    }

    /// Whether this node may answer the fetch of a partition.
    fn check(&self, partition: &Partition, wanted: &Wanted) -> Result<(), ErrorCode> {
        // Any epoch below zero means that the client knows none.
        let epoch = LeaderEpoch(wanted.leader_epoch.max(-1));
        let Some((replica, broker_epoch)) = self.replica else {
            return if self.version >= ANY_REPLICA_FROM {
                partition.check_replica(epoch).map(|_| ())
            } else {
                partition.check_leader(epoch).map(|_| ())
            };
        };
        // The epoch first: who is behind has to learn that, not that it has no replica.
        partition.check_leader(epoch)?;
        partition
            .admit(replica, broker_epoch)
            .map_err(|code| match code {
                ErrorCode::UnknownLeaderEpoch if epoch.0 < 0 => ErrorCode::NotLeaderOrFollower,
                code => code,
            })
    }

    /// True if a follower has not been told of the high watermark, or the start of the log, as they are.
    fn has_news(&self) -> bool {
        self.targets.iter().any(|Target { wanted, found }| {
            found
                .as_ref()
                .is_ok_and(|p| wanted.told != (p.high_watermark().0, p.log().start().0))
        })
    }

    /// A replica in the consumer's rack that has what it wants, other than this leader (KIP-392).
    fn nearer(&self, partition: &Partition, from: Offset) -> Option<NodeId> {
        if self.rack.is_empty() || self.node.config.rack.as_ref() == Some(&self.rack) {
            return None;
        }
        let image = self.node.meta.image();
        let readable = partition.readable(from);
        let candidates: Vec<_> = readable
            .iter()
            .filter_map(|(id, end)| {
                let broker = image.broker(*id).filter(|b| b.active())?;
                Some(Candidate {
                    id: *id,
                    rack: broker.rack.as_deref(),
                    end: *end,
                })
            })
            .collect();
        nearest(&self.rack, self.node.config.rack.as_deref(), &candidates)
    }

    /// One look at every partition, within the byte limits.
    fn read(&self) -> Pass {
        let mut pass = Pass {
            data: Vec::with_capacity(self.targets.len()),
            bytes: 0,
            urgent: false,
        };
        for target in &self.targets {
            let room = self.max_bytes.saturating_sub(pass.bytes);
            let (data, more) = match &target.found {
                // The first records may exceed every limit, so that a large batch cannot block a consumer (KIP-74).
                Ok(partition) => {
                    self.read_partition(partition, &target.wanted, room, pass.bytes == 0)
                }
                Err(error) => (self.missing(&target.wanted, *error), false),
            };
            pass.bytes += data.records.as_ref().map_or(0, Records::len);
            // What ends with a segment does not become more by waiting (`DelayedFetch`), nor what ends with a limit: Kafka waits there.
            pass.urgent |= more
                || data.error_code != 0
                || data.diverging_epoch.epoch >= 0
                || data.preferred_read_replica >= 0;
            pass.data.push(data);
        }
        pass
    }

    /// What is said of a partition that this node has no replica of.
    fn missing(&self, wanted: &Wanted, error: ErrorCode) -> PartitionData {
        let mut data = failed(wanted, error);
        if error == ErrorCode::NotLeaderOrFollower {
            // As for every partition that exists.
            data.aborted_transactions = None;
            if self.version >= LEADER_HINTS_FROM {
                let index = PartitionId(wanted.partition);
                let leads = self.node.leader_of(wanted.topic_id, &wanted.topic, index);
                data.current_leader = leads.map(hint).unwrap_or_default();
            }
        }
        data
    }

    /// What is said of a partition, and whether there is more behind what was read.
    fn read_partition(
        &self,
        partition: &Arc<Partition>,
        wanted: &Wanted,
        room: usize,
        first: bool,
    ) -> (PartitionData, bool) {
        match self.try_read(partition, wanted, room, first) {
            Ok(read) => read,
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
                    data.current_leader = hint(partition.leader());
                }
                (data, false)
            }
        }
    }

    fn try_read(
        &self,
        partition: &Arc<Partition>,
        wanted: &Wanted,
        room: usize,
        first: bool,
    ) -> Result<(PartitionData, bool), ErrorCode> {
        self.check(partition, wanted)?;
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
        // KIP-595: the client tells the epoch of what it has; if the log says otherwise, it has diverged.
        if let Some((epoch, end)) = diverging(&log, wanted)? {
            data.diverging_epoch = EpochEndOffset {
                epoch: epoch.0,
                end_offset: end.0,
            };
            return Ok((data, false));
        }
        if from < log.start() || from > log.end() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let committed = self.committed && self.replica.is_none();
        let bound = match self.replica {
            Some(_) => log.end(),
            None if committed => last_stable,
            None => high_watermark,
        };
        if let Some(nearer) = self.nearer(partition, from) {
            data.preferred_read_replica = nearer.0;
            return Ok((data, false));
        }
        if let Some((replica, _)) = self.replica
            && partition.holds_back(replica)
        {
            return Ok((data, false));
        }
        let limit = room.min(wanted.max_bytes.max(0) as usize);
        if from >= bound || (limit == 0 && !first) {
            return Ok((data, false));
        }
        let failed = |e| match e {
            ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            ReadError::Damaged { .. } => {
                tracing::debug!(topic = %partition.topic, partition = %partition.index, "a read failed: {e}");
                partition.suspect(from)
            }
            ReadError::Storage(e) => storage_failed(partition, &e),
        };
        let read = log.read(from, limit, bound, first).map_err(failed)?;
        if committed && !read.ranges.is_empty() {
            data.aborted_transactions = Some(
                log.aborted(from, read.upper)
                    .map_err(failed)?
                    .into_iter()
                    .map(|a| AbortedTransaction {
                        producer_id: a.producer.0,
                        first_offset: a.first.0,
                    })
                    .collect(),
            );
        }
        if let Some((replica, _)) = self.replica {
            partition.sent_to(replica, read.bytes);
        }
        data.records = Some(Records::Ranges(read.ranges));
        Ok((data, read.more))
    }

    fn answer(&self, pass: Pass) -> FetchResponse {
        let mut responses: Vec<FetchableTopicResponse> = Vec::new();
        let mut places: HashMap<(Uuid, Str), usize> = HashMap::new();
        let mut sessions =
            (self.mode != Mode::Sessionless).then(|| self.node.fetch_sessions.lock());
        let mut leaders = BTreeSet::new();
        for (target, mut data) in self.targets.iter().zip(pass.data) {
            if self.version < STORAGE_ERRORS_FROM
                && data.error_code == ErrorCode::KafkaStorageError.code()
            {
                data.error_code = ErrorCode::NotLeaderOrFollower.code();
            }
            let wanted = &target.wanted;
            if let Some(sessions) = &mut sessions
                && !sessions.tell(&self.mode, wanted, &data)
            {
                continue;
            }
            // Followers know the brokers from the metadata.
            if self.replica.is_none() && data.current_leader.leader_id >= 0 {
                leaders.insert(data.current_leader.leader_id);
            }
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
            node_endpoints: self
                .node
                .endpoints(&self.listener, &leaders)
                .into_iter()
                .map(|(id, host, port, rack)| NodeEndpoint {
                    node_id: id.0,
                    host,
                    port,
                    rack,
                })
                .collect(),
            ..Default::default()
        }
    }
}

fn storage_failed(partition: &Partition, e: &airis_storage::StorageError) -> ErrorCode {
    if !scarce::tell_storage(e) {
        tracing::error!(topic = %partition.topic, partition = %partition.index, "a read failed: {e}");
    }
    ErrorCode::KafkaStorageError
}

fn hint((leader, epoch): (Option<NodeId>, LeaderEpoch)) -> LeaderIdAndEpoch {
    LeaderIdAndEpoch {
        leader_id: leader.map_or(-1, |l| l.0),
        leader_epoch: epoch.0,
    }
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

#[cfg(test)]
mod tests {
    use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
    use airis_storage::disk::faulty::FaultyDisk;

    use super::*;
    use crate::api::Client;
    use crate::boot::tests::start_on;
    use crate::topics;

    #[tokio::test(flavor = "multi_thread")]
    async fn old_clients_are_sent_to_look_for_another_leader_where_a_disk_fails() {
        let disk = FaultyDisk::new();
        let running = start_on(&disk, &[]).await;
        let node = running.node.clone();
        disk.refuse_opens(true);
        assert!(
            topics::auto_create(&node, vec!["t".into()])
                .await
                .is_empty()
        );
        let client = Client::new(([127, 0, 0, 1], 1).into(), "PLAINTEXT".into(), false);
        let client = Arc::new(client);
        for (version, error) in [
            (4, ErrorCode::NotLeaderOrFollower),
            (5, ErrorCode::NotLeaderOrFollower),
            (6, ErrorCode::KafkaStorageError),
        ] {
            let ctx = Ctx {
                node: &node,
                version,
                correlation_id: 1,
                client_id: "c".into(),
                client: &client,
                now: node.clock.now(),
            };
            let request = FetchRequest {
                session_epoch: -1,
                topics: vec![FetchTopic {
                    topic: "t".into(),
                    partitions: vec![FetchPartition::default()],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let Reply::Now(answer) = handle(&ctx, request) else {
                panic!("an error is told at once");
            };
            let told = answer.responses[0].partitions[0].error_code;
            assert_eq!(told, error.code(), "{version}");
        }
        disk.refuse_opens(false);
        drop(node);
        running.stop().await;
    }
}
