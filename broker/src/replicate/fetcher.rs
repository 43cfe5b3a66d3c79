//! All partitions that this node follows at one leader, over one connection.
//!
//! Always holds: a batch is appended only with a good CRC and in the leader epoch it was fetched in; where acknowledgement means
//! stable storage, the next fetch names only what was flushed, and one round of flushes serves all partitions of an answer. Must
//! never: let one partition's trouble hold the others up, or wait for a poll when there is a new partition to fetch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::fetch::client::{ClientSession, Key};
use airis_cluster::metadata::{Image, features};
#[cfg(feature = "sim")]
use airis_cluster::plant::{Plant, is_planted};
use airis_cluster::replica::follower::Answer;
use airis_protocol::batch::{BatchBytes, BatchError};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_request::{FetchPartition, ReplicaState};
use airis_protocol::messages::fetch_response::PartitionData;
use airis_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use airis_protocol::messages::{FetchRequest, FetchResponse, ListOffsetsRequest};
use airis_protocol::types::{LeaderEpoch, Millis, NodeId, Offset, Records, Str};
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, error, info};

use crate::net::peer::{Peer, PeerError};
use crate::node::Node;
use crate::partition::{Next, Partition, Position, Queue};
use crate::task;

/// The first rest after something failed; it doubles up to `replica.fetch.backoff.ms`.
const REST_MIN: Duration = Duration::from_millis(10);
/// How long a new partition waits for the poll that is under way, and the least time between two polls cut short.
const NEWCOMER_WAIT: Duration = Duration::from_millis(3);
const CUT_SHORT_EVERY: Duration = Duration::from_millis(50);
/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Answers with more bytes are taken on a thread that may block.
const INLINE_BYTES_MAX: usize = 64 * 1024;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// The version of ListOffsets that a follower asks its leader with.
const LIST_OFFSETS_VERSION: i16 = 7;

/// A rest that doubles.
#[derive(Clone, Copy)]
struct Rest {
    next: Duration,
}

impl Rest {
    fn new() -> Rest {
        Rest { next: REST_MIN }
    }

    fn take(&mut self, max: Duration) -> Duration {
        let now = self.next.min(max);
        self.next *= 2;
        if self.next > max {
            self.next = max.max(REST_MIN);
        }
        now
    }
}

/// A partition that is fetched.
struct Slot {
    partition: Arc<Partition>,
    rest: Rest,
    not_before: Option<Instant>,
}

/// One partition's part of an answer, checked.
struct Part {
    key: Key,
    partition: Arc<Partition>,
    asked: Position,
    answer: Answer,
    records: Bytes,
}

/// Fetches from one leader.
pub struct Fetcher {
    node: Arc<Node>,
    leader: NodeId,
    inbox: Arc<Queue>,
    slots: BTreeMap<Key, Slot>,
    session: ClientSession,
    peer: Option<Peer>,
    /// After a connection that failed.
    rest: Rest,
    /// When a poll was last cut short.
    cut_short: Option<Instant>,
}

impl Fetcher {
    pub fn new(node: Arc<Node>, leader: NodeId, inbox: Arc<Queue>) -> Fetcher {
        Fetcher {
            node,
            leader,
            inbox,
            slots: BTreeMap::new(),
            session: ClientSession::default(),
            peer: None,
            rest: Rest::new(),
            cut_short: None,
        }
    }

    pub async fn run(mut self) {
        loop {
            self.take_in();
            let mut positions = self.positions();
            if self.slots.is_empty() {
                self.hang_up();
                self.inbox.filled().await;
                continue;
            }
            self.flush_first(&mut positions).await;
            if positions.is_empty() {
                self.wait_for_a_slot().await;
                continue;
            }
            match self.fetch(&positions).await {
                Ok(Some(response)) => self.take_answer(response, &positions).await,
                Ok(None) => {}
                Err(e) => {
                    debug!(leader = %self.leader, "fetching failed: {e}");
                    self.hang_up();
                    let rest = self.rest.take(self.node.config.replica_fetch_backoff);
                    let _ = timeout(rest, self.inbox.filled()).await;
                }
            }
        }
    }

    fn take_in(&mut self) {
        for partition in self.inbox.take_now() {
            let key = (partition.topic_id, partition.index.0);
            let slot = Slot {
                partition,
                rest: Rest::new(),
                not_before: None,
            };
            self.slots.insert(key, slot);
        }
    }

    /// Where each partition that does not rest goes on. Those that are followed elsewhere by now, or not at all, are dropped.
    fn positions(&mut self) -> BTreeMap<Key, Position> {
        let now = Instant::now();
        let mut positions = BTreeMap::new();
        let leader = self.leader;
        self.slots.retain(|key, slot| {
            let Some(position) = slot.partition.position(leader) else {
                return false;
            };
            if slot.not_before.is_none_or(|t| t <= now) && !slot.partition.is_held_back() {
                positions.insert(*key, position);
            }
            true
        });
        positions
    }

    async fn wait_for_a_slot(&self) {
        let soonest = self.slots.values().filter_map(|s| s.not_before).min();
        let soonest = soonest.unwrap_or_else(|| Instant::now() + REST_MIN);
        let _ = timeout_at(soonest, self.inbox.filled()).await;
    }

    fn hang_up(&mut self) {
        self.peer = None;
        self.session.reset();
    }

    fn rest_slot(&mut self, key: &Key) {
        let max = self.node.config.replica_fetch_backoff;
        if let Some(slot) = self.slots.get_mut(key) {
            slot.not_before = Some(Instant::now() + slot.rest.take(max));
        }
    }

    /// Where acknowledgement means stable storage, what is named in a fetch must be there: also what a crash left in the page
    /// cache.
    async fn flush_first(&mut self, positions: &mut BTreeMap<Key, Position>) {
        let unflushed: Vec<(Key, Arc<Partition>)> = positions
            .iter()
            .filter_map(|(key, position)| {
                let p = &self.slots.get(key)?.partition;
                #[cfg(feature = "sim")]
                if is_planted(Plant::FetchBeyondFlush) {
                    return None;
                }
                let flushed = !p.waits_for_disk() || p.log().recovery_point() >= position.offset;
                (!flushed).then(|| (*key, p.clone()))
            })
            .collect();
        if unflushed.is_empty() {
            return;
        }
        let all: Vec<_> = unflushed.iter().map(|(_, p)| p.clone()).collect();
        let _ = task::blocking(move || flush_all(&all)).await;
        for (key, partition) in unflushed {
            if partition.log().recovery_point() < positions[&key].offset {
                // Its disk has failed: it falls behind, and out of the ISR.
                positions.remove(&key);
                self.rest_slot(&key);
            }
        }
    }

    async fn connect(&self) -> Result<Peer, PeerError> {
        let image = self.node.meta.image();
        let listener = self.node.config.inter_broker_listener.as_str();
        let endpoint = image
            .broker(self.leader)
            .and_then(|b| b.endpoint(listener))
            .ok_or_else(|| {
                std::io::Error::other(format!("broker {} has no listener {listener}", self.leader))
            })?;
        let client_id = Str::from(format!("replica-of-{}", self.node.id));
        let connecting =
            Peer::connect(&self.node.network, &endpoint.host, endpoint.port, client_id);
        let peer = timeout(CONNECT_MAX, connecting)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
        info!(leader = %self.leader, "follows");
        Ok(peer)
    }

    /// One fetch. `None`: it was cut short, or the session has to begin anew.
    async fn fetch(
        &mut self,
        positions: &BTreeMap<Key, Position>,
    ) -> Result<Option<FetchResponse>, PeerError> {
        let mut peer = match self.peer.take() {
            Some(peer) => peer,
            None => self.connect().await?,
        };
        let config = &self.node.config;
        let wanted = positions
            .iter()
            .map(|(key, p)| {
                let wanted = FetchPartition {
                    partition: key.1,
                    current_leader_epoch: p.epoch.0,
                    fetch_offset: p.offset.0,
                    last_fetched_epoch: p.last_epoch.0,
                    log_start_offset: p.log_start.0,
                    partition_max_bytes: config.replica_fetch_max_bytes,
                    ..Default::default()
                };
                (*key, wanted)
            })
            .collect();
        let said = self.session.request(wanted);
        let request = FetchRequest {
            replica_state: ReplicaState {
                replica_id: self.node.id.0,
                replica_epoch: self.node.epoch().0,
            },
            max_wait_ms: config.replica_fetch_wait_max.as_millis() as i32,
            min_bytes: config.replica_fetch_min_bytes,
            max_bytes: config.replica_fetch_response_max_bytes,
            session_id: said.session_id,
            session_epoch: said.session_epoch,
            topics: said.topics,
            forgotten_topics_data: said.forgotten,
            ..Default::default()
        };
        let version = fetch_version(&self.node.meta.image());
        let until = Instant::now() + config.replica_socket_timeout;
        let answer = {
            let call = peer.call(&request, version);
            tokio::pin!(call);
            tokio::select! {
                answer = timeout_at(until, &mut call) => answer,
                () = self.inbox.filled() => {
                    let patience = Instant::now() + NEWCOMER_WAIT;
                    let spaced = self.cut_short.map_or(patience, |t| t + CUT_SHORT_EVERY);
                    match timeout_at(patience.max(spaced), &mut call).await {
                        Ok(answer) => Ok(answer),
                        Err(_) => {
                            // The connection has a request without an answer: it is of no more use.
                            self.cut_short = Some(Instant::now());
                            self.session.reset();
                            return Ok(None);
                        }
                    }
                }
            }
        };
        let response = answer
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
        self.peer = Some(peer);
        self.rest = Rest::new();
        let error = ErrorCode::from_wire(response.error_code);
        if !self.session.answered(error, response.session_id) {
            if !matches!(
                error,
                ErrorCode::FetchSessionIdNotFound
                    | ErrorCode::InvalidFetchSessionEpoch
                    | ErrorCode::FetchSessionTopicIdError
            ) {
                debug!(leader = %self.leader, "a fetch as a whole was refused: {error}");
                sleep(self.rest.take(self.node.config.replica_fetch_backoff)).await;
            }
            return Ok(None);
        }
        Ok(Some(response))
    }

    async fn take_answer(&mut self, response: FetchResponse, positions: &BTreeMap<Key, Position>) {
        let mut parts = Vec::new();
        let mut bytes = 0;
        let mut blocking = false;
        for topic in response.responses {
            for data in topic.partitions {
                let key = (topic.topic_id, data.partition_index);
                let (Some(slot), Some(asked)) = (self.slots.get(&key), positions.get(&key)) else {
                    continue;
                };
                match part(key, slot.partition.clone(), *asked, data) {
                    Ok(part) => {
                        bytes += part.records.len();
                        blocking |= part.answer.diverging.is_some()
                            || (part.partition.waits_for_disk() && !part.records.is_empty());
                        parts.push(part);
                    }
                    Err(e) => {
                        let p = &slot.partition;
                        error!(topic = %p.topic, partition = %p.index, leader = %self.leader, "the leader sent a bad batch, it is not taken: {e}");
                        self.rest_slot(&key);
                    }
                }
            }
        }
        if parts.is_empty() {
            return;
        }
        let now = self.node.clock.now();
        let outcomes = if blocking || bytes > INLINE_BYTES_MAX {
            match task::blocking(move || apply(&parts, now)).await {
                Ok(outcomes) => outcomes,
                Err(e) => {
                    error!("an answer could not be taken: {e}");
                    return self.hang_up();
                }
            }
        } else {
            apply(&parts, now)
        };
        for (key, asked, next) in outcomes {
            self.go_on(&key, &asked, next).await;
        }
    }

    async fn go_on(&mut self, key: &Key, asked: &Position, next: Next) {
        match next {
            Next::Fetch { .. } => {
                if let Some(slot) = self.slots.get_mut(key) {
                    slot.rest = Rest::new();
                    slot.not_before = None;
                }
            }
            Next::Later => self.rest_slot(key),
            Next::Stop => {
                self.slots.remove(key);
            }
            Next::AskRange => {
                let Some(partition) = self.slots.get(key).map(|s| s.partition.clone()) else {
                    return;
                };
                match self.ask_range(&partition, asked).await {
                    Ok((start, end)) => {
                        let (now, asked) = (self.node.clock.now(), *asked);
                        let taken =
                            task::blocking(move || partition.leader_range(&asked, start, end, now));
                        if !matches!(taken.await, Ok(Next::Fetch { .. })) {
                            self.rest_slot(key);
                        }
                    }
                    Err(e) => {
                        debug!(leader = %self.leader, "the range of a log is not known: {e}");
                        self.rest_slot(key);
                    }
                }
            }
        }
    }

    /// The first offset and the end of the leader's log.
    async fn ask_range(
        &mut self,
        partition: &Partition,
        asked: &Position,
    ) -> Result<(Offset, Offset), PeerError> {
        let start = self.list_offset(partition, asked, EARLIEST).await?;
        let end = self.list_offset(partition, asked, LATEST).await?;
        Ok((start, end))
    }

    async fn list_offset(
        &mut self,
        partition: &Partition,
        asked: &Position,
        timestamp: i64,
    ) -> Result<Offset, PeerError> {
        let request = ListOffsetsRequest {
            replica_id: self.node.id.0,
            topics: vec![ListOffsetsTopic {
                name: partition.topic.clone(),
                partitions: vec![ListOffsetsPartition {
                    partition_index: partition.index.0,
                    current_leader_epoch: asked.epoch.0,
                    timestamp,
                }],
            }],
            ..Default::default()
        };
        let mut peer = self
            .peer
            .take()
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected))?;
        let wait = self.node.config.replica_socket_timeout;
        let response = match timeout(wait, peer.call(&request, LIST_OFFSETS_VERSION)).await {
            Ok(Ok(response)) => response,
            Ok(Err(e)) => {
                self.session.reset();
                return Err(e);
            }
            Err(_) => {
                self.session.reset();
                return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
            }
        };
        self.peer = Some(peer);
        let found = response
            .topics
            .first()
            .and_then(|t| t.partitions.first())
            .filter(|p| p.error_code == 0 && p.offset >= 0)
            .map(|p| Offset(p.offset));
        Ok(found.ok_or_else(|| std::io::Error::other("the leader does not tell"))?)
    }
}

/// The version of Fetch that the cluster's metadata version stands for.
pub(super) fn fetch_version(image: &Image) -> i16 {
    match image.feature(features::METADATA_VERSION) {
        27.. => 18,
        21..27 => 17,
        19..21 => 16,
        _ => 15,
    }
}

/// Checks one partition's part of an answer: whole batches, with good CRCs, of no later leader than the one asked.
fn part(
    key: Key,
    partition: Arc<Partition>,
    asked: Position,
    data: PartitionData,
) -> Result<Part, BatchError> {
    let diverging = &data.diverging_epoch;
    let answer = Answer {
        error: ErrorCode::from_wire(data.error_code),
        high_watermark: Offset(data.high_watermark),
        log_start: Offset(data.log_start_offset),
        diverging: (diverging.epoch >= 0)
            .then_some((LeaderEpoch(diverging.epoch), Offset(diverging.end_offset))),
        records: false,
    };
    let records = match data.records {
        Some(Records::Bytes(bytes)) => whole(bytes, asked.epoch)?,
        _ => Bytes::new(),
    };
    Ok(Part {
        key,
        partition,
        asked,
        answer,
        records,
    })
}

/// The whole batches at the front of these bytes. A leader may cut the last one short; what a later leader wrote is not this one's
/// to give.
fn whole(bytes: Bytes, epoch: LeaderEpoch) -> Result<Bytes, BatchError> {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        match BatchBytes::parse(rest.clone()) {
            Ok((batch, after)) => {
                if batch.header().leader_epoch > epoch.0 {
                    break;
                }
                rest = after;
            }
            Err(BatchError::Short { .. }) => break,
            Err(e) => return Err(e),
        }
    }
    Ok(bytes.slice(..bytes.len() - rest.len()))
}

/// Takes an answer's parts, and flushes those that have grown where that is what counts.
fn apply(parts: &[Part], now: Millis) -> Vec<(Key, Position, Next)> {
    let mut grown = Vec::new();
    let outcomes = parts
        .iter()
        .map(|part| {
            let p = &part.partition;
            let next = p.follow(&part.asked, part.answer, &part.records, now);
            if next == (Next::Fetch { appended: true }) && p.waits_for_disk() {
                grown.push(p.clone());
            }
            (part.key, part.asked, next)
        })
        .collect();
    #[cfg(feature = "sim")]
    if is_planted(Plant::FetchBeyondFlush) {
        return outcomes;
    }
    flush_all(&grown);
    outcomes
}

/// Flushes on this thread from the one end, while the threads of their log directories begin at the other.
fn flush_all(partitions: &[Arc<Partition>]) {
    let Some((first, rest)) = partitions.split_first() else {
        return;
    };
    rest.iter().for_each(|p| p.flush_soon());
    first.flush_now();
    rest.iter().rev().for_each(|p| p.flush_now());
}
