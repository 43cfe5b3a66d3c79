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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_acknowledged_once_they_are_everywhere() {
    for change in [brisk as fn(&mut BrokerConfig), durable] {
        let c = Cluster::start(3, change).await;
        c.create("t", &[1, 2, 3], &[]).await;
        for i in 0..20 {
            assert_eq!(c.acked(1, "t", &format!("v{i}")).await, i);
        }
        c.converged("t", &[1, 2, 3]).await;
        // Also an idle follower learns soon of what is committed.
        c.acked(1, "t", "last").await;
        let took = c
            .until("followers know", |c| {
                [2, 3]
                    .iter()
                    .all(|id| c.partition(*id, "t").high_watermark() == Offset(21))
            })
            .await;
        assert!(took < Duration::from_millis(400), "{took:?}");
        // Those that do not lead refuse, and name who does.
        let (error, _) = c.produce(2, "t", -1, "x").await;
        assert_eq!(error, ErrorCode::NotLeaderOrFollower);
        // acks 1 and 0 do not wait.
        assert_eq!(c.produce(1, "t", 1, "one").await, (ErrorCode::None, 21));
        c.converged("t", &[1, 2, 3]).await;
    }
}

/// More partitions at once than threads that flush: none is forgotten in the line, and nothing is acknowledged before its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_of_many_partitions_wait_for_their_own_flush() {
    const PARTITIONS: usize = 16;
    let c = Arc::new(Cluster::start(3, durable).await);
    let mut producers = tokio::task::JoinSet::new();
    for n in 0..PARTITIONS {
        let topic = format!("t{n}");
        let leader = n as i32 % 3 + 1;
        let replicas = [leader, leader % 3 + 1, (leader + 1) % 3 + 1];
        c.create(&topic, &replicas, &[]).await;
        let c = c.clone();
        producers.spawn(async move {
            for i in 0..10 {
                let offset = c.acked(leader, &topic, &format!("{i}")).await;
                assert_eq!(offset, i);
                for id in 1..=3 {
                    let durable = c.partition(id, &topic).log().recovery_point();
                    assert!(durable > Offset(offset), "{topic} at node {id}: {durable}");
                }
            }
        });
    }
    while let Some(done) = timeout(PATIENCE, producers.join_next())
        .await
        .expect("in time")
    {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_died_comes_back_with_everything() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    c.acked(1, "t", "a").await;
    c.kill(3).await;
    assert_eq!(c.isr("t"), [1, 2]);
    for i in 0..10 {
        c.acked(1, "t", &format!("without 3: {i}")).await;
    }
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    // With one replica there is no acks=all any more, but acks=1.
    c.kill(2).await;
    c.kill(3).await;
    assert_eq!(
        c.produce(1, "t", -1, "x").await.0,
        ErrorCode::NotEnoughReplicas
    );
    assert_eq!(c.produce(1, "t", 1, "alone").await.0, ErrorCode::None);
    let p = c.partition(1, "t");
    assert!(
        p.high_watermark() < p.log().end(),
        "too few replicas commit nothing"
    );
    c.boot(2).await;
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    assert_eq!(
        values(&content(&c.partition(3, "t"))).last().unwrap(),
        "alone"
    );
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_old_leader_has_is_cut_off() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    c.crash(1).await;
    append_behind(&c, 1, "t", 3);
    c.fence(1).await;
    let leader = c.leader("t").unwrap();
    assert_ne!(leader, 1);
    for i in 5..8 {
        c.acked(leader, "t", &format!("{i}")).await;
    }
    c.boot(1).await;
    c.converged("t", &[1, 2, 3]).await;
    let all = values(&content(&c.partition(1, "t")));
    assert_eq!(all, (0..8).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_still_leaves_the_isr() {
    let mut c = Cluster::start(3, |config| {
        brisk(config);
        config.replica_lag_max = Millis(200);
    })
    .await;
    c.create("t", &[1, 2, 3], &[]).await;
    c.acked(1, "t", "a").await;
    // The controller believes that it is up.
    c.crash(3).await;
    let begun = Instant::now();
    c.acked(1, "t", "b").await;
    assert!(
        begun.elapsed() >= Duration::from_millis(100),
        "3 was waited for"
    );
    assert_eq!(c.isr("t"), [1, 2]);
    c.fence(3).await;
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_leader_does_not_name_an_end_that_it_does_not_know() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    c.converged("t", &[1, 2, 3]).await;
    c.kill(3).await;
    c.kill(1).await;
    // 2 is the last; its high watermark was never written down.
    c.clean = true;
    c.crash(2).await;
    c.boot(2).await;
    let leader = c.leader("t");
    assert_eq!(
        leader,
        Some(2),
        "{:?}",
        c.controller.image().partition("t", PartitionId(0))
    );
    assert_eq!(
        c.list(2, "t", -1, -1).await.0,
        ErrorCode::OffsetNotAvailable
    );
    // Older clients do not know that code.
    assert_eq!(
        c.list_as(4, 2, "t", -1, -1).await.0,
        ErrorCode::LeaderNotAvailable
    );
    assert_eq!(c.list(2, "t", -2, -1).await, (ErrorCode::None, 5));
    c.boot(1).await;
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    assert_eq!(c.list(2, "t", -1, -1).await, (ErrorCode::None, 5));
    assert_eq!(
        c.list(1, "t", -1, -1).await.0,
        ErrorCode::NotLeaderOrFollower
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_read_from_a_replica_in_their_rack() {
    let c = Cluster::start(3, |config| {
        brisk(config);
        config.rack_aware_reads = true;
        config.rack = Some(format!("rack-{}", config.node_id).into());
    })
    .await;
    c.create("t", &[1, 2, 3], &[]).await;
    c.acked(1, "t", "a").await;
    c.converged("t", &[1, 2, 3]).await;
    let from = |rack: &str| FetchRequest {
        rack_id: rack.into(),
        ..fetch_of("t", 0)
    };
    let told = c.fetch(1, from("rack-3")).await;
    assert_eq!(told.preferred_read_replica, 3);
    assert!(told.records.unwrap().is_empty());
    let read = c.fetch(3, from("rack-3")).await;
    assert_eq!((read.error_code, read.high_watermark), (0, 1));
    assert_eq!(values(read.records.unwrap().as_bytes().unwrap()), ["a"]);
    for rack in ["rack-1", "elsewhere", ""] {
        let read = c.fetch(1, from(rack)).await;
        assert_eq!(read.preferred_read_replica, -1);
        assert_eq!(values(read.records.unwrap().as_bytes().unwrap()), ["a"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_are_told_apart_from_strangers() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2], &[]).await;
    c.acked(1, "t", "a").await;
    let as_replica = |id, epoch| FetchRequest {
        replica_id: id,
        topics: vec![FetchTopic {
            topic: "t".into(),
            partitions: vec![FetchPartition {
                current_leader_epoch: epoch,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..fetch_of("t", 0)
    };
    for (node, replica, epoch, error) in [
        (1, 3, 0, ErrorCode::UnknownLeaderEpoch),
        (1, 3, -1, ErrorCode::NotLeaderOrFollower),
        (1, 2, 9, ErrorCode::UnknownLeaderEpoch),
        (2, 1, 0, ErrorCode::NotLeaderOrFollower),
        (1, 2, 0, ErrorCode::None),
    ] {
        let got = c.fetch(node, as_replica(replica, epoch)).await;
        assert_eq!(ErrorCode::from_wire(got.error_code), error);
    }
    let p = c.partition(1, "t");
    assert_eq!(p.high_watermark(), Offset(1), "what was committed stays so");
    // 2 leads in the next epoch: what 1 knows of the one before it is over.
    c.kill(1).await;
    c.boot(1).await;
    c.until("2 leads, 1 follows", |c| c.isr("t") == [1, 2])
        .await;
    assert_eq!(c.leader("t"), Some(2));
    for (epoch, error) in [(0, ErrorCode::FencedLeaderEpoch), (1, ErrorCode::None)] {
        let got = c.fetch(2, as_replica(1, epoch)).await;
        assert_eq!(ErrorCode::from_wire(got.error_code), error);
    }
    assert_eq!(c.partition(2, "t").high_watermark(), Offset(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_deleted_at_all_replicas() {
    let c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    let request = DeleteRecordsRequest {
        timeout_ms: 10_000,
        topics: vec![DeleteRecordsTopic {
            name: "t".into(),
            partitions: vec![DeleteRecordsPartition {
                partition_index: 0,
                offset: 3,
            }],
        }],
    };
    let response = c.client(1).await.call(&request, 2).await.unwrap();
    let p = &response.topics[0].partitions[0];
    assert_eq!((p.error_code, p.low_watermark), (0, 3));
    for id in 1..=3 {
        assert_eq!(c.partition(id, "t").log().start(), Offset(3), "node {id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_comes_to_a_node_and_goes_from_another() {
    let c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    let id = c.controller.image().topic("t").unwrap().id;
    let change = |replicas: &[i32], adding: &[i32], removing: &[i32]| {
        let directories = vec![Uuid::UNASSIGNED; replicas.len()];
        MetadataRecord::PartitionChangeRecord(PartitionChangeRecord {
            partition_id: 0,
            topic_id: id,
            replicas: Some(replicas.to_vec()),
            adding_replicas: Some(adding.to_vec()),
            removing_replicas: Some(removing.to_vec()),
            directories: Some(directories),
            ..Default::default()
        })
    };
    let controller = c.controller.clone();
    let record = change(&[1, 3, 2], &[3], &[2]);
    tokio::task::spawn_blocking(move || controller.dictate(&[record]))
        .await
        .unwrap();
    // Once 3 is in sync, the controller completes it.
    c.until("2 is out", |c| c.isr("t") == [1, 3]).await;
    c.converged("t", &[1, 3]).await;
    let gone = c.running[&2].node.partitions.by_name("t", PartitionId(0));
    assert!(matches!(gone, Err(ErrorCode::NotLeaderOrFollower)));
    let names: Vec<String> = std::fs::read_dir(c.dir(2))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with("t-0"))
        .collect();
    assert!(
        names.len() == 1 && names[0].ends_with("-delete"),
        "{names:?}"
    );
    c.acked(1, "t", "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_replica_comes_slowly() {
    for side in ["leader", "follower"] {
        let mut c = Cluster::start(2, brisk).await;
        let list = format!("{side}.replication.throttled.replicas");
        c.create("t", &[1, 2], &[("min.insync.replicas", "1"), (&list, "*")])
            .await;
        c.kill(2).await;
        let big = "x".repeat(100_000);
        for _ in 0..30 {
            c.acked(1, "t", &big).await;
        }
        let rate = |value: Option<&str>| {
            MetadataRecord::ConfigRecord(ConfigRecord {
                resource_type: 4,
                resource_name: Str::default(),
                name: Str::from(format!("{side}.replication.throttled.rate")),
                value: value.map(Str::from),
            })
        };
        let (controller, limited) = (c.controller.clone(), rate(Some("20000")));
        tokio::task::spawn_blocking(move || controller.dictate(&[limited]))
            .await
            .unwrap();
        c.boot(2).await;
        let end = |c: &Cluster, id| c.partition(id, "t").log().end();
        c.until("something comes", |c| end(c, 2) > Offset(0)).await;
        sleep(Duration::from_millis(500)).await;
        assert!(end(&c, 2) < end(&c, 1), "{side}: 3 MB in half a second");
        assert_eq!(c.isr("t"), [1]);
        let controller = c.controller.clone();
        let unlimited = rate(None);
        tokio::task::spawn_blocking(move || controller.dictate(&[unlimited]))
            .await
            .unwrap();
        c.converged("t", &[1, 2]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directories_of_nobody_are_set_aside() {
    let mut c = Cluster::start(2, brisk).await;
    c.create("t", &[1, 2], &[("min.insync.replicas", "1")])
        .await;
    c.acked(1, "t", "a").await;
    c.kill(2).await;
    let (mine, old) = (c.dir(2).join("t-0"), c.dir(2).join("unknown-3"));
    std::fs::create_dir(&old).unwrap();
    // The topic is deleted and made anew while the node is away.
    let controller = c.controller.clone();
    let deleted = tokio::task::spawn_blocking(move || {
        controller.run(Command::DeleteTopics(DeleteTopicsRequest {
            topics: vec![delete_topics_request::DeleteTopicState {
                name: Some("t".into()),
                ..Default::default()
            }],
            ..Default::default()
        }))
    })
    .await
    .unwrap();
    assert!(deleted.is_ok(), "{deleted:?}");
    c.boot(2).await;
    c.create("t", &[1, 2], &[]).await;
    c.acked(1, "t", "new").await;
    c.converged("t", &[1, 2]).await;
    assert_eq!(values(&content(&c.partition(2, "t"))), ["new"]);
    assert!(mine.exists() && !old.exists());
    let strays = std::fs::read_dir(c.dir(2))
        .unwrap()
        .filter(|e| {
            e.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with("-stray")
        })
        .count();
    assert_eq!(strays, 2);
}

/// Nodes die and come back while a producer writes: what it was told is written is there at the end, once and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_while_nodes_die() {
    let mut c = Cluster::start(3, durable).await;
    c.create("t", &[1, 2, 3], &[]).await;
    let mut chance = Chance::new(42);
    let mut acked: Vec<(i64, String)> = Vec::new();
    for round in 0..6 {
        let victim = 1 + chance.below(3) as i32;
        for i in 0..10 {
            let value = format!("{round}/{i}");
            if i == 5 {
                c.kill(victim).await;
            }
            let leader = c.leader("t").expect("two of three are up");
            let (error, offset) = c.produce(leader, "t", -1, &value).await;
            match error {
                ErrorCode::None => acked.push((offset, value)),
                error => panic!("{error} at {value}"),
            }
        }
        c.boot(victim).await;
        c.converged("t", &[1, 2, 3]).await;
    }
    let all = values(&content(&c.partition(1, "t")));
    for (offset, value) in &acked {
        assert_eq!(&all[*offset as usize], value);
    }
    assert_eq!(acked.len(), all.len());
}

mod disks;
mod gaps;
mod groups;
mod loss;
