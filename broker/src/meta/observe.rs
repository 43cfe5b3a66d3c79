//! Following the metadata log from outside the quorum, by Kafka's own requests: Fetch of the metadata topic, and FetchSnapshot.
//!
//! Always holds: only what the leader calls committed is applied; the next fetch begins where the published image ends. Must
//! never: write anything: this copy is in memory and is fetched anew at each start.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::{Delta, Image};
use airis_protocol::batch::{BatchBytes, parse_batches};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use airis_protocol::messages::fetch_response::{NodeEndpoint, PartitionData};
use airis_protocol::messages::fetch_snapshot_request::{
    PartitionSnapshot, SnapshotId as WireId, TopicSnapshot,
};
use airis_protocol::messages::{DescribeClusterRequest, FetchRequest, FetchSnapshotRequest};
use airis_protocol::types::{LeaderEpoch, NodeId, Records, Str, Uuid};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::Leadership;
use super::checkpoint::{self, QuorumRecords, SnapshotId};
use super::network::split;
use super::publish::Applied;
use crate::net::Network;
use crate::net::channel::Channel;
use crate::net::peer::PeerError;

/// With topic ids (13) and directory ids (17).
const FETCH_VERSION: i16 = 17;
const FETCH_SNAPSHOT_VERSION: i16 = 1;
const TOPIC: &str = "__cluster_metadata";
/// As Kafka's observers.
const WAIT_MS: i32 = 500;
const ANSWER_MAX: Duration = Duration::from_secs(2);
const FETCH_BYTES: i32 = 8 << 20;
const SNAPSHOT_PIECE: i32 = 1 << 20;
/// A snapshot of metadata is not larger than this.
const SNAPSHOT_MAX: usize = 1 << 30;
/// After a controller that does not answer, or does not lead.
const REST: Duration = Duration::from_millis(50);

/// What following needs.
#[derive(Clone)]
pub struct ObserverOptions {
    pub network: Network,
    pub node: NodeId,
    pub cluster_id: Str,
    /// `host:port` of each controller that is known from the start.
    pub controllers: Vec<String>,
    /// Of this node's first log directory.
    pub directory: Uuid,
}

/// How often it is said that no controller answers.
const SAY: Duration = Duration::from_secs(5);
const DESCRIBE_CLUSTER_VERSION: i16 = 2;
/// `endpoint_type` of controllers.
const CONTROLLERS: i8 = 2;

/// Asks the controllers for the id of their cluster, for as long as none answers.
pub async fn find_cluster(network: &Network, controllers: &[String], node: NodeId) -> String {
    let mut said = Instant::now();
    loop {
        for addr in controllers {
            match timeout(ANSWER_MAX, ask_cluster(network, addr, node)).await {
                Ok(Ok(cluster)) => return cluster,
                failed => {
                    if said.elapsed() >= SAY {
                        said = Instant::now();
                        let why = match failed {
                            Ok(Err(e)) => e.to_string(),
                            _ => ObserveError::Late.to_string(),
                        };
                        tracing::info!("waiting for a controller: {addr}: {why}");
                    }
                }
            }
        }
        sleep(REST).await;
    }
}

async fn ask_cluster(network: &Network, addr: &str, node: NodeId) -> Result<String, ObserveError> {
    let (host, port) =
        split(addr).ok_or_else(|| ObserveError::Senseless(format!("{addr} is no address")))?;
    let channel = Channel::connect(network, host, port).await?;
    let request = DescribeClusterRequest {
        endpoint_type: CONTROLLERS,
        ..Default::default()
    };
    let client_id = Str::from(format!("broker-{node}"));
    let answer = channel
        .call(&request, DESCRIBE_CLUSTER_VERSION, client_id)
        .await?;
    match ErrorCode::from_wire(answer.error_code) {
        ErrorCode::None => Ok(answer.cluster_id.to_string()),
        error => Err(ObserveError::Refused(error)),
    }
}

/// Why the log cannot be followed for now.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("no answer")]
    Late,
    #[error("the controller answers {}", .0.name())]
    Refused(ErrorCode),
    #[error("what it sends makes no sense: {0}")]
    Senseless(String),
    #[error("the node is stopping")]
    Stopping,
}

pub(super) struct Observer {
    options: ObserverOptions,
    publish: mpsc::Sender<Applied>,
    published: watch::Receiver<i64>,
    leading: watch::Sender<Leadership>,
    leader: Arc<Mutex<Option<String>>>,
    /// Which of the known controllers is tried next.
    next: usize,
    channel: Option<(String, Channel)>,
    epoch: i32,
    image: Image,
    delta: Delta,
    quorum: QuorumRecords,
    /// Fetched, and not known to be committed.
    pending: VecDeque<BatchBytes>,
    /// The log goes on behind what this node has: the next fetch asks for its beginning, and so for a snapshot.
    anew: bool,
}

/// The whole batches of an answer. One that has none is an answer too: there is nothing behind a snapshot, perhaps for long.
fn batches(records: &Bytes) -> Result<Vec<BatchBytes>, ObserveError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let batches = parse_batches(records).map_err(|e| ObserveError::Senseless(e.to_string()))?;
    Ok(batches.into_iter().collect())
}

impl Observer {
    pub fn new(
        options: ObserverOptions,
        publish: mpsc::Sender<Applied>,
        published: watch::Receiver<i64>,
        leading: watch::Sender<Leadership>,
    ) -> Observer {
        Observer {
            options,
            publish,
            published,
            leading,
            leader: Arc::default(),
            next: 0,
            channel: None,
            epoch: 0,
            image: Image::default(),
            delta: Delta::default(),
            quorum: QuorumRecords::default(),
            pending: VecDeque::new(),
            anew: false,
        }
    }

    /// The address of the leader, as it is found.
    pub fn leader(&self) -> Arc<Mutex<Option<String>>> {
        self.leader.clone()
    }

    pub async fn run(mut self, caught_up: oneshot::Sender<()>, mut stop: watch::Receiver<bool>) {
        let mut caught_up = Some(caught_up);
        loop {
            let round = tokio::select! {
                round = self.round() => round,
                _ = stop.wait_for(|s| *s) => return,
            };
            match round {
                Ok(true) => {
                    if let Some(caught_up) = caught_up.take() {
                        let _ = caught_up.send(());
                    }
                }
                Ok(false) => {}
                Err(ObserveError::Stopping) => return,
                Err(e) => {
                    tracing::debug!("the metadata log cannot be fetched: {e}");
                    self.channel = None;
                    *self.leader.lock() = None;
                    tokio::select! {
                        () = sleep(REST) => {}
                        _ = stop.wait_for(|s| *s) => return,
                    }
                }
            }
        }
    }

    /// The connection to the leader, or to whoever may know it.
    async fn channel(&mut self) -> Result<Channel, ObserveError> {
        let leader = self.leader.lock().clone();
        let addr = match leader {
            Some(addr) => addr,
            None => {
                let controllers = &self.options.controllers;
                self.next = (self.next + 1) % controllers.len().max(1);
                let addr = controllers.get(self.next).cloned();
                addr.ok_or_else(|| ObserveError::Senseless("no controller is named".into()))?
            }
        };
        if let Some((to, open)) = &self.channel
            && *to == addr
            && !open.is_closed()
        {
            return Ok(open.clone());
        }
        let (host, port) =
            split(&addr).ok_or_else(|| ObserveError::Senseless(format!("{addr} is no address")))?;
        let open = Channel::connect(&self.options.network, host, port).await?;
        self.channel = Some((addr.clone(), open.clone()));
        // Whoever answers as the leader is it; another says who is.
        *self.leader.lock() = Some(addr);
        Ok(open)
    }

    fn client_id(&self) -> Str {
        Str::from(format!("observer-{}", self.options.node))
    }

    /// Where the fetched log ends: offset and epoch.
    fn end(&self) -> (i64, i32) {
        match self.pending.back() {
            Some(batch) => (batch.header().next_offset().0, batch.header().leader_epoch),
            None => {
                let position = self.image.position;
                (position.next().0, position.epoch.0)
            }
        }
    }

    /// One fetch. True if everything that was committed when it was answered is published.
    async fn round(&mut self) -> Result<bool, ObserveError> {
        let channel = self.channel().await?;
        let (offset, epoch) = match std::mem::take(&mut self.anew) {
            true => (0, 0),
            false => self.end(),
        };
        let request = FetchRequest {
            cluster_id: Some(self.options.cluster_id.clone()),
            replica_state: ReplicaState {
                replica_id: self.options.node.0,
                replica_epoch: -1,
            },
            max_wait_ms: WAIT_MS,
            min_bytes: 0,
            max_bytes: FETCH_BYTES,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic_id: Uuid::METADATA_TOPIC,
                partitions: vec![FetchPartition {
                    partition: 0,
                    current_leader_epoch: self.epoch,
                    fetch_offset: offset,
                    last_fetched_epoch: epoch,
                    log_start_offset: 0,
                    partition_max_bytes: FETCH_BYTES,
                    replica_directory_id: self.options.directory,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = channel.call(&request, FETCH_VERSION, self.client_id());
        let answer = timeout(ANSWER_MAX, answer)
            .await
            .map_err(|_| ObserveError::Late)??;
        let error = ErrorCode::from_wire(answer.error_code);
        if error != ErrorCode::None {
            return Err(ObserveError::Refused(error));
        }
        let partition = answer
            .responses
            .into_iter()
            .flat_map(|t| t.partitions)
            .next()
            .ok_or_else(|| ObserveError::Senseless("an answer without the partition".into()))?;
        self.follow(&partition, &answer.node_endpoints);
        match ErrorCode::from_wire(partition.error_code) {
            ErrorCode::None => {}
            ErrorCode::FencedLeaderEpoch | ErrorCode::NotLeaderOrFollower
                if self.leader.lock().is_some() =>
            {
                sleep(Duration::from_millis(5)).await;
                return Ok(false);
            }
            error => return Err(ObserveError::Refused(error)),
        }
        if partition.snapshot_id.end_offset >= 0 {
            let id = SnapshotId {
                end: partition.snapshot_id.end_offset,
                epoch: partition.snapshot_id.epoch,
            };
            self.fetch_snapshot(&channel, id).await?;
            return Ok(false);
        }
        if partition.diverging_epoch.end_offset >= 0 {
            self.cut(partition.diverging_epoch.end_offset)?;
            return Ok(false);
        }
        if let Some(Records::Bytes(records)) = partition.records {
            self.take(batches(&records)?)?;
        }
        self.apply(partition.high_watermark).await
    }

    /// Keeps what is new. Without an error there is no offset left out.
    fn take(&mut self, batches: Vec<BatchBytes>) -> Result<(), ObserveError> {
        for batch in batches {
            let (first, (end, _)) = (batch.base_offset().0, self.end());
            if first > end {
                self.anew = true;
                return Err(ObserveError::Senseless(format!(
                    "the log goes on at offset {first}, but this node has it up to {end} only"
                )));
            }
            if batch.last_offset().0 >= end {
                self.pending.push_back(batch);
            }
        }
        Ok(())
    }

    /// Takes note of who leads.
    fn follow(&mut self, partition: &PartitionData, endpoints: &[NodeEndpoint]) {
        let (id, epoch) = (
            partition.current_leader.leader_id,
            partition.current_leader.leader_epoch,
        );
        if epoch > self.epoch {
            self.epoch = epoch;
        }
        if epoch >= self.epoch && epoch >= 0 {
            let now = Leadership {
                leader: (id >= 0).then_some(NodeId(id)),
                epoch: LeaderEpoch(self.epoch),
                active: false,
            };
            self.leading.send_if_modified(|known| {
                let differs = *known != now;
                *known = now;
                differs
            });
        }
        if partition.error_code != 0 {
            let endpoint = endpoints.iter().find(|e| e.node_id == id);
            let refused = partition.error_code == ErrorCode::NotLeaderOrFollower.code();
            match endpoint {
                Some(e) => *self.leader.lock() = Some(format!("{}:{}", e.host, e.port)),
                // It knows no more than this node does.
                None if refused => *self.leader.lock() = None,
                None => {}
            }
        }
    }

    /// Cuts off what was never committed.
    fn cut(&mut self, end: i64) -> Result<(), ObserveError> {
        while let Some(last) = self.pending.back()
            && last.last_offset().0 >= end
        {
            self.pending.pop_back();
        }
        if self.image.position.next().0 > end {
            return Err(ObserveError::Senseless(format!(
                "the log ends at {end}, but was committed up to {}",
                self.image.position.offset
            )));
        }
        Ok(())
    }

    /// Applies what is committed, and publishes it.
    async fn apply(&mut self, high_watermark: i64) -> Result<bool, ObserveError> {
        let before = self.image.position;
        while let Some(batch) = self.pending.front()
            && batch.last_offset().0 < high_watermark
        {
            checkpoint::apply(&mut self.image, &mut self.delta, &mut self.quorum, batch)
                .map_err(ObserveError::Senseless)?;
            self.pending.pop_front();
        }
        if self.image.position != before {
            self.publish().await?;
        }
        Ok(high_watermark >= 0
            && self.image.position.next().0 >= high_watermark
            && !self.image.in_transaction()
            && self.image.position.offset.0 >= 0)
    }

    async fn publish(&mut self) -> Result<(), ObserveError> {
        if self.image.in_transaction() {
            return Ok(());
        }
        let offset = self.image.position.offset.0;
        let applied = Applied {
            image: Arc::new(self.image.clone()),
            delta: std::mem::take(&mut self.delta),
        };
        let sent = self.publish.send(applied).await;
        sent.map_err(|_| ObserveError::Stopping)?;
        let seen = self.published.wait_for(|o| *o >= offset).await;
        seen.map(|_| ()).map_err(|_| ObserveError::Stopping)
    }

    async fn fetch_snapshot(
        &mut self,
        channel: &Channel,
        id: SnapshotId,
    ) -> Result<(), ObserveError> {
        let mut bytes = BytesMut::new();
        loop {
            let request = FetchSnapshotRequest {
                cluster_id: Some(self.options.cluster_id.clone()),
                replica_id: self.options.node.0,
                max_bytes: SNAPSHOT_PIECE,
                topics: vec![TopicSnapshot {
                    name: Str::from_static(TOPIC),
                    partitions: vec![PartitionSnapshot {
                        partition: 0,
                        current_leader_epoch: self.epoch,
                        snapshot_id: WireId {
                            end_offset: id.end,
                            epoch: id.epoch,
                        },
                        position: bytes.len() as i64,
                        replica_directory_id: self.options.directory,
                    }],
                }],
            };
            let answer = channel.call(&request, FETCH_SNAPSHOT_VERSION, self.client_id());
            let answer = timeout(ANSWER_MAX, answer)
                .await
                .map_err(|_| ObserveError::Late)??;
            let error = ErrorCode::from_wire(answer.error_code);
            if error != ErrorCode::None {
                return Err(ObserveError::Refused(error));
            }
            let piece = answer.topics.into_iter().flat_map(|t| t.partitions).next();
            let piece =
                piece.ok_or_else(|| ObserveError::Senseless("no piece of a snapshot".into()))?;
            let error = ErrorCode::from_wire(piece.error_code);
            if error != ErrorCode::None {
                return Err(ObserveError::Refused(error));
            }
            let Records::Bytes(data) = piece.unaligned_records else {
                return Err(ObserveError::Senseless("a piece that is a file".into()));
            };
            if data.is_empty() || bytes.len() + data.len() > SNAPSHOT_MAX {
                return Err(ObserveError::Senseless("a piece of no use".into()));
            }
            bytes.extend_from_slice(&data);
            if bytes.len() as i64 >= piece.size {
                break;
            }
        }
        let whole: Bytes = bytes.freeze();
        let (image, quorum) = checkpoint::read(id, &whole).map_err(ObserveError::Senseless)?;
        let before = std::mem::replace(&mut self.image, image);
        self.quorum = quorum;
        self.pending.clear();
        self.delta = Delta::between(&before, &self.image);
        self.publish().await
    }
}

#[cfg(test)]
mod tests;
