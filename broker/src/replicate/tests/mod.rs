//! Several nodes in one process, over real sockets and files, with a controller that is a function: the real decisions, without a
//! quorum.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::machine::Chance;
use airis_cluster::metadata::{Command, Delta, Env, Image, Reply, Settings, decide, features};
use airis_protocol::batch::{BatchBuilder, BatchHeader, TimestampType, parse_batches};
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::broker_registration_request::{Feature, Listener};
use airis_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use airis_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::messages::fetch_response;
use airis_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use airis_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use airis_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::messages::*;
use airis_protocol::types::{
    BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset, PartitionId, Records, Str, Uuid,
};
use airis_storage::disk::faulty::FaultyDisk;
use airis_storage::log::{AppendArgs, Log, LogConfig, OpenArgs, Origin};
use airis_storage::{Disk, RealDisk};
use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::api::dispatch::Door;
use crate::clock::Clock;
use crate::config::{BrokerConfig, Durability};
use crate::coord::Groups;
use crate::host::Host;
use crate::meta::{MetaHandle, Publisher};
use crate::net::peer::Peer;
use crate::net::{self, Limits, RequestMemory};
use crate::node::{Node, Parts};
use crate::partition::{Disks, Partition, PartitionTable};

mod acks;
mod disks;
mod followers;
mod gaps;
mod groups;
mod loss;
mod replicas;

/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(20);
const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

/// Who hears of new images.
struct Attached {
    table: Arc<PartitionTable>,
    image: Arc<ArcSwap<Image>>,
    published: watch::Sender<i64>,
}

struct State {
    image: Arc<Image>,
    chance: Chance,
    settings: Settings,
    nodes: BTreeMap<i32, Attached>,
}

/// The active controller, as a function.
#[derive(Clone)]
struct Controller(Arc<Mutex<State>>);

impl Controller {
    fn new(min_insync: i32) -> Controller {
        let controller = Controller(Arc::new(Mutex::new(State {
            image: Arc::new(Image::default()),
            chance: Chance::new(5),
            settings: Settings {
                cluster_id: CLUSTER.into(),
                min_insync_replicas: min_insync,
                ..Default::default()
            },
            nodes: BTreeMap::new(),
        })));
        controller
            .run(Command::Activate { bootstrap: vec![] })
            .unwrap();
        controller
    }

    fn run(&self, command: Command) -> Result<Reply, ErrorCode> {
        let state = &mut *self.0.lock();
        let mut env = Env {
            now: Millis(0),
            chance: &mut state.chance,
            settings: &state.settings,
        };
        let decision = decide(&state.image, &mut env, command)?;
        Self::apply(state, &decision.records);
        Ok(decision.reply)
    }

    fn apply(state: &mut State, records: &[MetadataRecord]) {
        if records.is_empty() {
            return;
        }
        let next = state.image.position.next();
        let (image, delta) = state.image.apply(next, LeaderEpoch(1), records).unwrap();
        state.image = Arc::new(image);
        for node in state.nodes.values() {
            node.table.publish(&state.image, &delta);
            node.image.store(state.image.clone());
            node.published.send_replace(state.image.position.offset.0);
        }
    }

    /// Brings records about that nobody decided.
    fn dictate(&self, records: &[MetadataRecord]) {
        Self::apply(&mut self.0.lock(), records);
    }

    fn image(&self) -> Arc<Image> {
        self.0.lock().image.clone()
    }

    fn attach(&self, id: i32, table: &Arc<PartitionTable>) -> MetaHandle {
        let mut state = self.0.lock();
        let image = Arc::new(ArcSwap::new(state.image.clone()));
        let (published, seen) = watch::channel(state.image.position.offset.0);
        table.publish(
            &state.image,
            &Delta::between(&Image::default(), &state.image),
        );
        let attached = Attached {
            table: table.clone(),
            image: image.clone(),
            published,
        };
        state.nodes.insert(id, attached);
        let this = self.clone();
        MetaHandle::local(image, seen, Arc::new(move |command| this.run(command)))
    }
}

struct Running {
    node: Arc<Node>,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

struct Cluster {
    controller: Controller,
    running: BTreeMap<i32, Running>,
    dirs: BTreeMap<i32, TempDir>,
    change: fn(&mut BrokerConfig),
    incarnations: u128,
    /// Nodes say of their last run that it ended cleanly.
    clean: bool,
    /// Disks of their own; who is not here has the machine's.
    disks: BTreeMap<i32, FaultyDisk>,
}

impl Cluster {
    async fn start(nodes: i32, change: fn(&mut BrokerConfig)) -> Cluster {
        Cluster::start_on(nodes, change, BTreeMap::new()).await
    }

    async fn start_on(
        nodes: i32,
        change: fn(&mut BrokerConfig),
        disks: BTreeMap<i32, FaultyDisk>,
    ) -> Cluster {
        let mut cluster = Cluster {
            controller: Controller::new(2),
            running: BTreeMap::new(),
            dirs: BTreeMap::new(),
            change,
            incarnations: 100,
            clean: false,
            disks,
        };
        for id in 1..=nodes {
            cluster.dirs.insert(id, TempDir::new().unwrap());
            cluster.boot(id).await;
        }
        cluster
    }

    fn dir(&self, id: i32) -> PathBuf {
        self.dirs[&id].path().to_owned()
    }

    /// Starts a node, or starts it again.
    async fn boot(&mut self, id: i32) {
        let mut config = BrokerConfig {
            node_id: NodeId(id),
            log_dirs: vec![self.dir(id)],
            ..Default::default()
        };
        (self.change)(&mut config);
        let config = Arc::new(config);
        let controller = self.controller.clone();
        self.incarnations += 1;
        let incarnation = Uuid(self.incarnations);
        let bound = net::bind(&net::Network::Tcp, "PLAINTEXT", "127.0.0.1", 0).unwrap();
        let addr = bound.addr;
        let mut host = Host::default();
        if let Some(disk) = self.disks.get(&id) {
            host.disk = Arc::new(disk.clone());
        }
        let opening = config.clone();
        let clean = self.clean;
        let (table, meta, epoch) = tokio::task::spawn_blocking(move || {
            let disks = Disks::open_all(&host, &opening, CLUSTER, 7 + id as u64).unwrap();
            let directories = disks.directory_ids();
            let table = Arc::new(PartitionTable::new(opening.clone(), Arc::new(disks)));
            let meta = controller.attach(id, &table);
            let joined = controller.run(Command::Join(BrokerRegistrationRequest {
                broker_id: id,
                cluster_id: CLUSTER.into(),
                incarnation_id: incarnation,
                listeners: vec![Listener {
                    name: "PLAINTEXT".into(),
                    host: "127.0.0.1".into(),
                    port: addr.port(),
                    security_protocol: 0,
                }],
                features: features::SUPPORTED
                    .iter()
                    .map(|(name, min, max)| Feature {
                        name: Str::from_static(name),
                        min_supported_version: *min,
                        max_supported_version: *max,
                    })
                    .collect(),
                rack: opening.rack.clone(),
                log_dirs: directories,
                previous_broker_epoch: match (clean, controller.image().broker(opening.node_id)) {
                    (true, Some(before)) => before.epoch.0,
                    _ => -1,
                },
                ..Default::default()
            }));
            let Ok(Reply::RegisterBroker(response)) = joined else {
                panic!("{joined:?}");
            };
            table.begin(incarnation);
            (table, meta, BrokerEpoch(response.broker_epoch))
        })
        .await
        .unwrap();
        let (stop, stopped) = watch::channel(false);
        let (groups, mut tasks) = Groups::start(
            &config,
            meta.clone(),
            table.clone(),
            Clock::default(),
            3,
            &stopped,
        );
        let node = Arc::new(Node::new(Parts {
            id: config.node_id,
            cluster_id: CLUSTER.into(),
            meta,
            partitions: table,
            groups,
            clock: Clock::default(),
            network: net::Network::Tcp,
            chance: Chance::new(id as u64),
            config: config.clone(),
        }));
        node.set_epoch(epoch);
        let limits = Limits {
            request_bytes_max: config.request_bytes_max,
            idle_max: config.idle_max,
            memory: RequestMemory::new(config.request_memory_bytes),
            seats: None,
        };
        let serving = [tokio::runtime::Handle::current()].into();
        tasks.extend(super::start(&node, serving, &stopped));
        tasks.push(tokio::spawn(bound.accept(
            Door::for_clients(node.clone()),
            limits,
            [Handle::current()].into(),
            stopped,
        )));
        let running = Running {
            node,
            addr,
            stop,
            tasks,
        };
        self.running.insert(id, running);
    }

    /// Ends a node as a crash would. The controller does not know yet.
    async fn crash(&mut self, id: i32) {
        let running = self.running.remove(&id).unwrap();
        self.controller.0.lock().nodes.remove(&id);
        for task in &running.tasks {
            task.abort();
        }
        for task in running.tasks {
            let _ = task.await;
        }
        drop(running.stop);
        for partition in running.node.partitions.all() {
            partition.log().abandon();
        }
        // The lock of the directory goes with the last who has the node.
        let alive = Arc::downgrade(running.node.partitions.disks());
        drop(running.node);
        let gone = async {
            while alive.strong_count() > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, gone)
            .await
            .expect("a node that ended lets its directories go");
    }

    async fn fence(&self, id: i32) {
        let controller = self.controller.clone();
        tokio::task::spawn_blocking(move || {
            let epoch = controller.image().broker(NodeId(id)).unwrap().epoch;
            controller.run(Command::Fence(NodeId(id), epoch)).unwrap();
        })
        .await
        .unwrap();
    }

    async fn kill(&mut self, id: i32) {
        self.crash(id).await;
        self.fence(id).await;
    }

    /// Makes a topic of one partition with these replicas; the first leads.
    async fn create(&self, name: &str, replicas: &[i32], configs: &[(&str, &str)]) {
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: name.into(),
                num_partitions: -1,
                replication_factor: -1,
                assignments: vec![CreatableReplicaAssignment {
                    partition_index: 0,
                    broker_ids: replicas.to_vec(),
                }],
                configs: configs
                    .iter()
                    .map(|(name, value)| CreatableTopicConfig {
                        name: Str::from(*name),
                        value: Some(Str::from(*value)),
                    })
                    .collect(),
            }],
            ..Default::default()
        };
        let command = Command::CreateTopics {
            request,
            describable: None,
        };
        let controller = self.controller.clone();
        let reply = tokio::task::spawn_blocking(move || controller.run(command))
            .await
            .unwrap();
        let Ok(Reply::CreateTopics(response)) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    }

    async fn client(&self, id: i32) -> Peer {
        let addr = self.running[&id].addr;
        Peer::connect(&net::Network::Tcp, "127.0.0.1", addr.port(), "test".into())
            .await
            .unwrap()
    }

    /// Produces one record to partition 0 at a node: error and offset.
    async fn produce(&self, id: i32, topic: &str, acks: i16, value: &str) -> (ErrorCode, i64) {
        let request = ProduceRequest {
            acks,
            timeout_ms: 10_000,
            topic_data: vec![TopicProduceData {
                name: topic.into(),
                partition_data: vec![PartitionProduceData {
                    index: 0,
                    records: Some(Records::Bytes(batch(value))),
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let mut client = self.client(id).await;
        let response = timeout(PATIENCE, client.call(&request, 12))
            .await
            .expect("an answer in time")
            .unwrap();
        let p = &response.responses[0].partition_responses[0];
        (ErrorCode::from_wire(p.error_code), p.base_offset)
    }

    async fn acked(&self, id: i32, topic: &str, value: &str) -> i64 {
        let (error, offset) = self.produce(id, topic, -1, value).await;
        assert_eq!(error, ErrorCode::None, "{value} at node {id}");
        offset
    }

    fn partition(&self, id: i32, topic: &str) -> Arc<Partition> {
        self.running[&id]
            .node
            .partitions
            .by_name(topic, PartitionId(0))
            .unwrap()
    }

    fn isr(&self, topic: &str) -> Vec<i32> {
        let image = self.controller.image();
        let mut isr: Vec<i32> = image
            .partition(topic, PartitionId(0))
            .unwrap()
            .isr
            .iter()
            .map(|r| r.0)
            .collect();
        isr.sort();
        isr
    }

    fn leader(&self, topic: &str) -> Option<i32> {
        let image = self.controller.image();
        image
            .partition(topic, PartitionId(0))
            .unwrap()
            .leader
            .map(|l| l.0)
    }

    async fn until(&self, what: &str, holds: impl Fn(&Cluster) -> bool) -> Duration {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
            sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }

    /// All running replicas have the same log, committed to its end, and are in sync.
    async fn converged(&self, topic: &str, replicas: &[i32]) {
        self.until("logs and high watermarks converge", |c| {
            let mut all = replicas.iter().map(|id| c.partition(*id, topic));
            let first = all.next().unwrap();
            let end = first.log().end();
            c.isr(topic) == replicas
                && first.high_watermark() == end
                && all.all(|p| p.log().end() == end && p.high_watermark() == end)
        })
        .await;
        let first = content(&self.partition(replicas[0], topic));
        for id in &replicas[1..] {
            assert_eq!(content(&self.partition(*id, topic)), first, "node {id}");
        }
    }

    async fn fetch(&self, id: i32, request: FetchRequest) -> fetch_response::PartitionData {
        let mut client = self.client(id).await;
        let response = timeout(PATIENCE, client.call(&request, 12))
            .await
            .unwrap()
            .unwrap();
        response.responses[0].partitions[0].clone()
    }

    async fn list(
        &self,
        id: i32,
        topic: &str,
        replica_id: i32,
        timestamp: i64,
    ) -> (ErrorCode, i64) {
        let list = self.list_as(7, id, topic, replica_id, timestamp);
        list.await
    }

    /// In a version of the client's choice.
    async fn list_as(
        &self,
        version: i16,
        id: i32,
        topic: &str,
        replica_id: i32,
        timestamp: i64,
    ) -> (ErrorCode, i64) {
        let request = ListOffsetsRequest {
            replica_id,
            topics: vec![ListOffsetsTopic {
                name: topic.into(),
                partitions: vec![ListOffsetsPartition {
                    timestamp,
                    ..Default::default()
                }],
            }],
            ..Default::default()
        };
        let response = self.client(id).await.call(&request, version).await.unwrap();
        let p = &response.topics[0].partitions[0];
        (ErrorCode::from_wire(p.error_code), p.offset)
    }
}

fn batch(value: &str) -> Bytes {
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    builder.push(Clock::default().now(), None, Some(value.as_bytes()), &[]);
    builder.build(Offset(0), LeaderEpoch(-1))
}

fn fetch_of(topic: &str, offset: i64) -> FetchRequest {
    FetchRequest {
        max_bytes: i32::MAX,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.into(),
            partitions: vec![FetchPartition {
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// All bytes of a log.
fn content(partition: &Partition) -> Vec<u8> {
    let log = partition.log();
    let mut all = Vec::new();
    let mut at = log.start();
    while at < log.end() {
        let read = log.read(at, 1 << 20, log.end(), true).unwrap();
        let mut bytes = Vec::new();
        for range in &read.ranges {
            bytes.extend_from_slice(&range.read().unwrap());
        }
        let bytes = Bytes::from(bytes);
        at = parse_batches(&bytes)
            .unwrap()
            .last()
            .unwrap()
            .header()
            .next_offset();
        all.extend_from_slice(&bytes);
    }
    all
}

fn values(bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for batch in parse_batches(&Bytes::copy_from_slice(bytes)).unwrap() {
        for record in batch.records(1 << 24).unwrap().iter() {
            all.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
    }
    all
}

/// Waits of followers are short, so that tests are.
fn brisk(config: &mut BrokerConfig) {
    config.replica_fetch_backoff = Duration::from_millis(50);
}

fn durable(config: &mut BrokerConfig) {
    brisk(config);
    config.durability = Durability::Fsync;
}

/// A node that has stopped has taken so many records that no follower fetched in time.
fn append_behind(c: &Cluster, id: i32, topic: &str, count: usize) {
    let (log, _) = Log::open(
        Arc::new(RealDisk),
        &c.dir(id).join(format!("{topic}-0")),
        Arc::new(LogConfig::default()),
        OpenArgs::default(),
    )
    .unwrap();
    let args = AppendArgs {
        leader_epoch: log.latest_epoch().unwrap(),
        now: Clock::default().now(),
        origin: Origin::Client,
    };
    for _ in 0..count {
        log.append_as_leader(&batch("never acknowledged"), args)
            .unwrap();
    }
}
