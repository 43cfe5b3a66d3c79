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
            table.begin();
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
        let response = self.client(id).await.call(&request, 7).await.unwrap();
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

/// What the nodes of all tests have warned of, a line each.
static WARNED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Warnings;

impl std::io::Write for Warnings {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WARNED.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From here on the log of this process is kept.
fn listen() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(|| Warnings)
            .init();
    });
}

/// What was said of lost records of a topic, without time and place.
fn lost(topic: &str) -> Vec<String> {
    let all = String::from_utf8(WARNED.lock().clone()).unwrap();
    all.lines()
        .filter(|l| l.contains("lost") && l.ends_with(&format!("topic={topic} partition=0")))
        .map(|l| l.split_once("loss: ").unwrap().1.to_owned())
        .collect()
}

impl Cluster {
    /// As the node does every five seconds.
    fn checkpoint(&self, id: i32) {
        let partitions = &self.running[&id].node.partitions;
        partitions
            .disks()
            .write_high_watermarks(&partitions.all())
            .unwrap();
    }

    async fn elect_uncleanly(&self, topic: &str) -> i16 {
        let request = ElectLeadersRequest {
            election_type: 1,
            topic_partitions: Some(vec![elect_leaders_request::TopicPartitions {
                topic: topic.into(),
                partitions: vec![0],
            }]),
            ..Default::default()
        };
        let controller = self.controller.clone();
        let reply =
            tokio::task::spawn_blocking(move || controller.run(Command::ElectLeaders(request)));
        let Ok(Reply::ElectLeaders(response)) = reply.await.unwrap() else {
            panic!("not an answer to ElectLeaders");
        };
        response.replica_election_results[0].partition_result[0].error_code
    }

    /// Cuts a stopped node's log off behind its first `keep` batches, as a loss of power may.
    fn lose_end(&self, id: i32, topic: &str, keep: usize) {
        let path = self.dir(id).join(format!("{topic}-0/{:020}.log", 0));
        let bytes = std::fs::read(&path).unwrap();
        let mut at = 0;
        for _ in 0..keep {
            at += BatchHeader::read(&bytes[at..]).unwrap().size();
        }
        assert!(at < bytes.len(), "there is something to lose");
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(at as u64).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_unclean_election_loses_is_told_once_with_its_offsets() {
    listen();
    let mut c = Cluster::start(2, brisk).await;
    c.create("unclean", &[1, 2], &[("min.insync.replicas", "1")])
        .await;
    for i in 0..3 {
        c.acked(1, "unclean", &format!("{i}")).await;
    }
    c.kill(2).await;
    for i in 3..7 {
        c.acked(1, "unclean", &format!("{i}")).await;
    }
    c.checkpoint(1);
    // Committed too, but nobody has written down that it is.
    c.acked(1, "unclean", "7").await;
    c.kill(1).await;
    c.boot(2).await;
    assert_eq!(c.leader("unclean"), None, "not by itself");
    assert_eq!(lost("unclean"), Vec::<String>::new());
    assert_eq!(c.elect_uncleanly("unclean").await, 0);
    let told = lost("unclean");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("this replica leads in epoch 2 although it may lack records"),
        "{told:?}"
    );
    assert!(told[0].contains("at offset 3 or behind it"), "{told:?}");
    c.acked(2, "unclean", "other").await;
    c.boot(1).await;
    c.converged("unclean", &[1, 2]).await;
    assert_eq!(
        values(&content(&c.partition(1, "unclean"))),
        ["0", "1", "2", "other"]
    );
    let told = lost("unclean");
    assert_eq!(told.len(), 2, "{told:?}");
    let of = "records at offsets 3 to 6 had been acknowledged and are lost (and perhaps those up to 7, which were cut off too): node 2 ";
    assert!(told[1].starts_with(of), "{told:?}");
    for name in [
        "unclean.leader.election.enable=true",
        "airis.ack.durability=fsync",
    ] {
        assert!(told[1].contains(name), "{told:?}");
    }
    // Without a note of what was committed: what is cut off is named all the same, as the election was unclean.
    c.checkpoint(1);
    c.kill(2).await;
    c.acked(1, "unclean", "more").await;
    c.kill(1).await;
    c.boot(2).await;
    assert_eq!(c.elect_uncleanly("unclean").await, 0);
    c.boot(1).await;
    c.converged("unclean", &[1, 2]).await;
    let told = lost("unclean");
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[2].contains("at offset 4 or behind it"), "{told:?}");
    let of = "records at offsets 4 to 4 are cut off, and those of them that had been acknowledged are lost: node 2 was made";
    assert!(told[3].starts_with(of), "{told:?}");
    // It is not lost again.
    c.kill(2).await;
    c.boot(2).await;
    c.acked(1, "unclean", "again").await;
    c.converged("unclean", &[1, 2]).await;
    assert_eq!(lost("unclean"), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_called_lost_that_was_never_acknowledged() {
    listen();
    let mut c = Cluster::start(3, brisk).await;
    c.create("clean", &[1, 2, 3], &[]).await;
    c.acked(1, "clean", "0").await;
    c.converged("clean", &[1, 2, 3]).await;
    c.checkpoint(1);
    c.crash(1).await;
    append_behind(&c, 1, "clean", 3);
    // At its start it takes itself for the leader still, by the metadata that it has.
    c.boot(1).await;
    let leader = c.leader("clean").unwrap();
    assert_ne!(leader, 1);
    c.acked(leader, "clean", "1").await;
    c.converged("clean", &[1, 2, 3]).await;
    assert_eq!(values(&content(&c.partition(1, "clean"))), ["0", "1"]);
    // And so does one whose log has lost what the others still have.
    let leader = c.leader("clean").unwrap();
    c.checkpoint(leader);
    c.crash(leader).await;
    c.lose_end(leader, "clean", 1);
    c.boot(leader).await;
    let next = c.leader("clean").unwrap();
    assert_ne!(next, leader);
    c.acked(next, "clean", "2").await;
    c.converged("clean", &[1, 2, 3]).await;
    assert_eq!(values(&content(&c.partition(1, "clean"))), ["0", "1", "2"]);
    assert_eq!(lost("clean"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_election_is_doubted_unless_the_last_leader_is_back_with_all_that_was_on_stable_storage()
{
    listen();
    for (topic, of_the_last) in [("doubt-fsync", 0), ("doubt-cache", 1)] {
        let change = if of_the_last == 0 { durable } else { brisk };
        let c = Cluster::start(2, change).await;
        c.create(topic, &[1, 2], &[("min.insync.replicas", "1")])
            .await;
        c.acked(1, topic, "0").await;
        c.converged(topic, &[1, 2]).await;
        let topic_id = c.partition(1, topic).topic_id;
        let elect = |leader: i32, isr: Vec<i32>| {
            let record = PartitionChangeRecord {
                partition_id: 0,
                topic_id,
                leader,
                isr: Some(isr),
                leader_recovery_state: 1,
                ..Default::default()
            };
            [MetadataRecord::PartitionChangeRecord(record)]
        };
        for (leader, told) in [(1, of_the_last), (2, of_the_last + 1)] {
            c.controller.dictate(&elect(-1, vec![]));
            c.controller.dictate(&elect(leader, vec![leader]));
            let lost = lost(topic);
            assert_eq!(lost.len(), told, "{leader}: {lost:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_loss_of_power_takes_is_told_by_who_leads_without_it() {
    listen();
    let mut c = Cluster::start(2, brisk).await;
    c.create("power", &[1, 2], &[("min.insync.replicas", "1")])
        .await;
    c.create("power-alone", &[1], &[]).await;
    for i in 0..6 {
        c.acked(1, "power", &format!("{i}")).await;
        c.acked(1, "power-alone", &format!("{i}")).await;
    }
    c.converged("power", &[1, 2]).await;
    // A follower whose log has lost its end fetches it again: nothing to tell of, then or later.
    c.checkpoint(2);
    c.kill(2).await;
    c.lose_end(2, "power", 2);
    c.boot(2).await;
    c.converged("power", &[1, 2]).await;
    assert_eq!(lost("power"), Vec::<String>::new());
    for id in [1, 2] {
        c.checkpoint(id);
        c.kill(id).await;
    }
    c.lose_end(1, "power", 5);
    c.lose_end(2, "power", 4);
    c.lose_end(1, "power-alone", 3);
    // Node 2 led last, and is the one that is turned to.
    c.boot(1).await;
    c.boot(2).await;
    c.until("it leads", |c| c.leader("power") == Some(2)).await;
    c.converged("power", &[1, 2]).await;
    assert_eq!(
        values(&content(&c.partition(1, "power"))),
        ["0", "1", "2", "3"]
    );
    let told = lost("power");
    assert_eq!(told.len(), 2, "{told:?}");
    let of = "records at offsets 4 to 5 had been acknowledged and are lost: ";
    assert!(told.iter().all(|l| l.starts_with(of)), "{told:?}");
    assert!(
        told.iter()
            .all(|l| l.contains("airis.ack.durability=fsync")),
        "{told:?}"
    );
    let told = lost("power-alone");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("records at offsets 3 to 5 had been acknowledged and are lost: "),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_last_one_standing_loses_its_end_an_eligible_one_leads_with_everything() {
    listen();
    let mut c = Cluster::start(3, brisk).await;
    c.create("last", &[1, 2, 3], &[]).await;
    let mut acked = Vec::new();
    for i in 0..8 {
        let value = i.to_string();
        c.acked(1, "last", &value).await;
        acked.push(value);
        if i == 3 {
            c.kill(2).await;
        }
    }
    // In an orderly way: what it has is whole.
    c.kill(3).await;
    assert_eq!(c.isr("last"), [1]);
    let (error, _) = c.produce(1, "last", -1, "too few").await;
    assert_eq!(error, ErrorCode::NotEnoughReplicas);
    assert_eq!(c.produce(1, "last", 1, "alone").await, (ErrorCode::None, 8));
    c.checkpoint(1);
    c.kill(1).await;
    c.lose_end(1, "last", 2);
    // It is not trusted any more, and the first one that died never is.
    c.boot(1).await;
    c.boot(2).await;
    assert_eq!(c.leader("last"), None);
    c.clean = true;
    c.boot(3).await;
    assert_eq!(c.leader("last"), Some(3));
    c.until("they follow", |c| c.isr("last") == [1, 2, 3]).await;
    acked.push("more".into());
    c.acked(3, "last", "more").await;
    c.converged("last", &[1, 2, 3]).await;
    assert_eq!(values(&content(&c.partition(1, "last"))), acked);
    assert_eq!(lost("last"), Vec::<String>::new());
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
    let c = Cluster::start(3, brisk).await;
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

/// Each node with two log directories.
fn two_disks(config: &mut BrokerConfig) {
    brisk(config);
    let root = config.log_dirs[0].clone();
    config.log_dirs = vec![root.join("a"), root.join("b")];
}

fn directory(c: &Cluster, id: i32, topic: &str) -> Option<Uuid> {
    let image = c.controller.image();
    let partition = image.partition(topic, PartitionId(0))?;
    partition.directory_of(NodeId(id))
}

/// Has a node's replica be in its other directory.
async fn move_away(c: &Cluster, id: i32, topic: &str) -> Uuid {
    let seat = c.partition(id, topic).seat().directory;
    let disks = c.running[&id].node.partitions.disks();
    let ids = disks.directory_ids();
    let to = if ids[0] == seat { 1 } else { 0 };
    let path = c.dir(id).join(["a", "b"][to]);
    let (table, image) = (c.running[&id].node.partitions.clone(), c.controller.image());
    let topic = topic.to_owned();
    let altered =
        tokio::task::spawn_blocking(move || table.alter_dir(&image, &topic, PartitionId(0), &path));
    assert_eq!(altered.await.unwrap(), Ok(()));
    ids[to]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_learns_in_which_directory_each_replica_is() {
    let mut c = Cluster::start(3, two_disks).await;
    for topic in ["t", "u", "v"] {
        c.create(topic, &[1, 2, 3], &[]).await;
    }
    let right = |c: &Cluster| {
        ["t", "u", "v"].iter().all(|topic| {
            [1, 2, 3].iter().all(|id| {
                directory(c, *id, topic) == Some(c.partition(*id, topic).seat().directory)
            })
        })
    };
    c.until("all places are told", right).await;
    // Behind everybody's back, as after a crash amid a move.
    c.kill(3).await;
    let (a, b) = (c.dir(3).join("a"), c.dir(3).join("b"));
    let (from, to) = if a.join("t-0").exists() {
        (a, b)
    } else {
        (b, a)
    };
    std::fs::rename(from.join("t-0"), to.join("t-0")).unwrap();
    c.boot(3).await;
    c.until("the new place is told", right).await;
    assert!(to.join("t-0").exists() && !from.join("t-0").exists());
    c.acked(1, "t", "x").await;
    c.converged("t", &[1, 2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_move_between_directories_under_load_and_over_a_change_of_leader() {
    for change in [two_disks as fn(&mut BrokerConfig), |config| {
        two_disks(config);
        config.durability = Durability::Fsync;
    }] {
        let mut c = Cluster::start(3, change).await;
        c.create("t", &[1, 2, 3], &[]).await;
        let mut sent = 0;
        let mut leader = 1;
        for round in 0..6 {
            let mut told = Vec::new();
            for id in [leader, leader % 3 + 1] {
                told.push((id, move_away(&c, id, "t").await));
            }
            for i in 0..20 {
                c.acked(leader, "t", &format!("{round}.{i}")).await;
                sent += 1;
            }
            if round == 3 {
                // The new leader's log, or its copy, has what was acknowledged.
                c.kill(leader).await;
                c.until("another leads", |c| {
                    c.leader("t").is_some_and(|l| l != leader)
                })
                .await;
                let next = c.leader("t").unwrap();
                for i in 0..20 {
                    c.acked(next, "t", &format!("after {i}")).await;
                    sent += 1;
                }
                c.boot(leader).await;
                leader = next;
            }
            c.until(
                "the replicas are where they are to be, and the controller knows",
                |c| {
                    told.iter().all(|(id, to)| {
                        c.partition(*id, "t").seat().directory == *to
                            && directory(c, *id, "t") == Some(*to)
                    })
                },
            )
            .await;
        }
        c.converged("t", &[1, 2, 3]).await;
        assert_eq!(values(&content(&c.partition(leader, "t"))).len(), sent);
        for id in 1..=3 {
            let left = ["a", "b"].iter().flat_map(|d| {
                let names = std::fs::read_dir(c.dir(id).join(d)).unwrap();
                names.map(|e| e.unwrap().file_name().into_string().unwrap())
            });
            let left: Vec<String> = left.filter(|n| n.starts_with("t-0")).collect();
            let wrong = left
                .iter()
                .filter(|n| **n != "t-0" && !n.ends_with("-delete"));
            assert_eq!(wrong.count(), 0, "{left:?}");
        }
    }
}

/// The file of the segment with this number in the log of a topic's partition 0.
fn segment_file(c: &Cluster, id: i32, topic: &str, number: usize) -> PathBuf {
    let base = c.partition(id, topic).log().segments()[number].0;
    let name = format!("{:020}.log", base.0);
    c.dir(id).join(format!("{topic}-0")).join(name)
}

/// A cluster whose first node has a disk that can fail; a topic of closed segments on all of `replicas`, and another beside it.
async fn with_a_bad_disk(
    nodes: i32,
    replicas: &[i32],
    change: fn(&mut BrokerConfig),
) -> (Cluster, FaultyDisk, Vec<Bytes>) {
    let disk = FaultyDisk::new();
    let c = Cluster::start_on(nodes, change, [(1, disk.clone())].into()).await;
    c.create("u", replicas, &[("min.insync.replicas", "1")])
        .await;
    c.create(
        "t",
        replicas,
        &[("segment.bytes", "1048576"), ("min.insync.replicas", "1")],
    )
    .await;
    c.acked(replicas[0], "u", "beside it").await;
    let filler = "z".repeat(100_000);
    for i in 0..25 {
        c.acked(replicas[0], "t", &format!("{i}{filler}")).await;
    }
    let mut sorted = replicas.to_vec();
    sorted.sort();
    c.converged("t", &sorted).await;
    c.partition(1, "t").flush_now();
    assert_eq!(c.partition(1, "t").log().segments().len(), 3);
    let before = (0..3)
        .map(|n| {
            disk.read_to_end(&segment_file(&c, 1, "t", n))
                .unwrap()
                .into()
        })
        .collect();
    (c, disk, before)
}

/// What could not be read of the first node's log can be, and is what it was; and nobody had to leave for it.
async fn all_is_back(c: &Cluster, disk: &FaultyDisk, before: &[Bytes], replicas: &[i32]) {
    c.until("what could not be read is mended", |c| {
        let same = |(n, was): (usize, &Bytes)| {
            let now = disk.read_to_end(&segment_file(c, 1, "t", n));
            now.is_ok_and(|now| now == *was)
        };
        before.iter().enumerate().all(same) && c.partition(1, "t").log().damage().is_empty()
    })
    .await;
    assert_eq!(c.isr("t"), replicas);
    assert!(!c.partition(1, "t").is_offline());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_that_cannot_be_read_is_mended_and_all_else_goes_on() {
    let (c, disk, before) = with_a_bad_disk(3, &[1, 2, 3], brisk).await;
    c.partition(1, "t").log().cool();
    disk.fail_reads_of(&segment_file(&c, 1, "t", 0), 150_000..150_001);
    disk.fail_reads_of(&segment_file(&c, 1, "t", 1), 0..30_000);
    let last = before[1].len() as u64;
    disk.fail_reads_of(&segment_file(&c, 1, "t", 1), last - 1..last);
    let errors = read_all(&c, 1, "t", 0, 25).await;
    assert!(!errors.is_empty(), "it was seen");
    assert!(
        errors.iter().all(|e| *e == ErrorCode::KafkaStorageError),
        "{errors:?}"
    );
    assert!(read_all(&c, 1, "u", 0, 1).await.is_empty());
    c.acked(1, "u", "goes on").await;
    all_is_back(&c, &disk, &before, &[1, 2, 3]).await;
    assert_eq!(c.leader("t"), Some(1));
    assert!(read_all(&c, 1, "t", 0, 25).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_that_nobody_reads_is_found_and_mended() {
    let (c, disk, before) = with_a_bad_disk(3, &[3, 1], scrubbing).await;
    disk.fail_reads_of(&segment_file(&c, 1, "t", 1), 250_000..260_000);
    all_is_back(&c, &disk, &before, &[1, 3]).await;
    assert_eq!(c.leader("t"), Some(3));
}

/// What was new is sent without a look at it. If it cannot be read by then, the connection ends amid the answer, and whoever asks
/// again is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_read_ends_its_connection_and_is_not_tried_again() {
    let (c, disk, before) = with_a_bad_disk(3, &[1, 2, 3], brisk).await;
    disk.fail_reads_of(&segment_file(&c, 1, "t", 0), 150_000..150_001);
    let mut client = c.client(1).await;
    let cut = timeout(PATIENCE, client.call(&fetch_of("t", 1), 12)).await;
    assert!(cut.expect("it ends").is_err());
    let errors = read_all(&c, 1, "t", 0, 25).await;
    assert!(
        errors.iter().all(|e| *e == ErrorCode::KafkaStorageError),
        "{errors:?}"
    );
    all_is_back(&c, &disk, &before, &[1, 2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_without_another_replica_is_told_and_the_rest_is_served() {
    let (c, disk, _) = with_a_bad_disk(1, &[1], brisk).await;
    c.partition(1, "t").log().cool();
    disk.fail_reads_of(&segment_file(&c, 1, "t", 0), 350_000..350_001);
    assert_eq!(
        read_all(&c, 1, "t", 0, 25).await,
        [ErrorCode::CorruptMessage]
    );
    c.until("the damage is known", |c| {
        !c.partition(1, "t").log().damage().is_empty()
    })
    .await;
    let damage = c.partition(1, "t").log().damage();
    assert_eq!(
        (damage[0].first, damage[0].next),
        (Offset(3), Some(Offset(4)))
    );
    assert!(read_all(&c, 1, "t", 0, 3).await.is_empty());
    assert!(read_all(&c, 1, "t", 4, 25).await.is_empty());
    c.acked(1, "t", "goes on").await;
    assert!(!c.partition(1, "t").is_offline());
}

/// A coordinator whose log cannot be read asks for patience until it is mended, and then knows all that was committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_whose_log_cannot_be_read_are_loaded_once_it_is_mended() {
    let disk = FaultyDisk::new();
    let mut c = Cluster::start_on(3, brisk, [(1, disk.clone())].into()).await;
    let offsets = "__consumer_offsets";
    c.create("t", &[1, 2, 3], &[]).await;
    c.create(offsets, &[2, 1, 3], &[("min.insync.replicas", "1")])
        .await;
    for offset in 1..=20 {
        let request = OffsetCommitRequest {
            group_id: "g".into(),
            generation_id_or_member_epoch: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: "t".into(),
                partitions: vec![OffsetCommitRequestPartition {
                    committed_offset: offset,
                    committed_metadata: Some("m".repeat(2000).as_str().into()),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        // The shard may be loading yet.
        let begun = Instant::now();
        loop {
            let answer = c.client(2).await.call(&request, 8).await.unwrap();
            match ErrorCode::from_wire(answer.topics[0].partitions[0].error_code) {
                ErrorCode::None => break,
                ErrorCode::CoordinatorLoadInProgress if begun.elapsed() < PATIENCE => {
                    sleep(Duration::from_millis(5)).await;
                }
                error => panic!("{error}"),
            }
        }
    }
    c.converged(offsets, &[1, 2, 3]).await;
    disk.fail_reads_of(&segment_file(&c, 1, offsets, 0), 5000..5001);
    c.kill(2).await;
    c.until("node 1 leads", |c| c.leader(offsets) == Some(1))
        .await;
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        }],
        ..Default::default()
    };
    let begun = Instant::now();
    let mut waited = false;
    let committed = loop {
        let answer = c.client(1).await.call(&request, 8).await.unwrap();
        let group = &answer.groups[0];
        match ErrorCode::from_wire(group.error_code) {
            ErrorCode::None => break group.topics[0].partitions[0].committed_offset,
            ErrorCode::CoordinatorLoadInProgress => waited = true,
            // It does not know yet that it leads.
            ErrorCode::NotCoordinator if !waited => {}
            error => panic!("{error}"),
        }
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(committed, 20);
    assert!(waited, "it could be read at once");
    assert!(c.partition(1, offsets).log().damage().is_empty());
    assert!(!c.partition(1, offsets).is_offline());
}

/// Fault S19, on one node of three: what needs a file fails and goes well later; nobody loses a replica, and the controller hears
/// of none that is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_file_descriptors_loses_nothing_and_makes_up_for_it() {
    for change in [brisk as fn(&mut BrokerConfig), durable] {
        let (c, disk, _) = with_a_bad_disk(3, &[1, 2, 3], change).await;
        disk.refuse_opens(true);
        c.create("new", &[1, 2, 3], &[]).await;
        c.create("follows", &[2, 1, 3], &[("min.insync.replicas", "1")])
            .await;
        let refused = ErrorCode::KafkaStorageError;
        assert_eq!(c.produce(1, "new", -1, "a").await.0, refused);
        // The active segment is open. It rolls before long.
        let filler = "z".repeat(400_000);
        let mut taken = 0;
        let error = loop {
            match c.produce(1, "t", -1, &filler).await {
                (ErrorCode::None, offset) => assert_eq!(offset, 25 + taken),
                (error, _) => break error,
            }
            taken += 1;
            assert!(taken < 5, "it does not roll");
        };
        assert_eq!(error, refused);
        c.acked(1, "u", "goes on").await;
        c.partition(1, "t").log().cool();
        assert_eq!(c.produce(2, "follows", 1, "b").await.0, ErrorCode::None);
        sleep(Duration::from_millis(200)).await;
        disk.refuse_opens(false);
        c.running[&1].node.partitions.open_waiting();
        assert_eq!(c.acked(1, "new", "a").await, 0);
        assert_eq!(c.acked(1, "t", &filler).await, 25 + taken);
        for topic in ["new", "t", "u", "follows"] {
            c.converged(topic, &[1, 2, 3]).await;
            assert!(!c.partition(1, topic).is_offline());
        }
        let image = c.controller.image();
        for topic in ["new", "follows"] {
            let p = image.partition(topic, PartitionId(0)).unwrap();
            assert_ne!(p.directory_of(NodeId(1)), Some(Uuid::LOST));
        }
    }
}

/// Flips a bit behind the node's back.
fn rot(path: &std::path::Path, at: u64) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

/// What no reader may see is there only for who looks: each batch that a node gives out has a good CRC. Reads all from an offset,
/// as a consumer that asks again on errors that pass. Gives the errors.
async fn read_all(c: &Cluster, id: i32, topic: &str, from: i64, to: i64) -> Vec<ErrorCode> {
    let begun = Instant::now();
    let mut errors = Vec::new();
    let mut at = from;
    while at < to {
        assert!(
            begun.elapsed() < PATIENCE,
            "not in time: stuck at {at}, {errors:?}"
        );
        let data = c.fetch(id, fetch_of(topic, at)).await;
        let error = ErrorCode::from_wire(data.error_code);
        if error != ErrorCode::None {
            errors.push(error);
            if error != ErrorCode::KafkaStorageError {
                return errors;
            }
            sleep(Duration::from_millis(5)).await;
            continue;
        }
        let Some(Records::Bytes(bytes)) = data.records else {
            panic!("{data:?}");
        };
        let batches = parse_batches(&bytes).expect("nothing bad is given out");
        at = batches.last().expect("a batch").header().next_offset().0;
    }
    errors
}

/// Some closed segments of some batches each, everywhere, and no longer new.
async fn closed_segments(c: &Cluster, topic: &str, replicas: &[i32]) -> Vec<Vec<u8>> {
    c.create(
        topic,
        replicas,
        &[("segment.bytes", "1048576"), ("min.insync.replicas", "1")],
    )
    .await;
    let filler = "z".repeat(100_000);
    for i in 0..25 {
        c.acked(replicas[0], topic, &format!("{i}{filler}")).await;
    }
    c.converged(topic, replicas).await;
    for id in replicas {
        c.partition(*id, topic).flush_now();
        c.partition(*id, topic).log().cool();
    }
    assert_eq!(c.partition(replicas[0], topic).log().segments().len(), 3);
    let bytes = |n| std::fs::read(segment_file(c, replicas[0], topic, n)).unwrap();
    (0..3).map(bytes).collect()
}

async fn mended(c: &Cluster, topic: &str, replicas: &[i32], before: &[Vec<u8>]) {
    c.until("what was bad is mended", |c| {
        replicas.iter().all(|id| {
            let same = |(n, b): (usize, &Vec<u8>)| {
                std::fs::read(segment_file(c, *id, topic, n)).unwrap() == *b
            };
            before.iter().enumerate().all(same) && c.partition(*id, topic).log().damage().is_empty()
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_at_the_leader_reaches_nobody_and_is_mended() {
    let mut c = Cluster::start(3, brisk).await;
    let before = closed_segments(&c, "t", &[1, 2, 3]).await;
    // A body, another one at a follower, and at the leader a header's length and base offset.
    rot(&segment_file(&c, 1, "t", 0), 150_000);
    rot(&segment_file(&c, 2, "t", 0), 350_000);
    let second = first_size(&before[1]);
    rot(&segment_file(&c, 1, "t", 1), second + 10);
    rot(&segment_file(&c, 1, "t", 1), 3 * second + 7);
    let errors = read_all(&c, 1, "t", 0, 25).await;
    assert!(
        errors.iter().all(|e| *e == ErrorCode::KafkaStorageError),
        "{errors:?}"
    );
    assert!(!errors.is_empty(), "it was seen");
    mended(&c, "t", &[1, 3], &before).await;
    // What nobody has read yet, a consumer near the follower finds.
    assert!(c.partition(2, "t").log().damage().is_empty());
    read_all(&c, 2, "t", 0, 25).await;
    mended(&c, "t", &[1, 2, 3], &before).await;
    assert_eq!(c.isr("t"), [1, 2, 3], "nobody had to leave");
    // A replica that begins anew copies nothing bad.
    c.kill(3).await;
    rot(&segment_file(&c, 1, "t", 0), 550_000);
    c.dirs.insert(3, TempDir::new().unwrap());
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    mended(&c, "t", &[1, 2, 3], &before).await;
}

/// Bytes of a segment's first batch.
fn first_size(segment: &[u8]) -> u64 {
    let header = airis_protocol::batch::BatchHeader::read(segment).unwrap();
    header.size() as u64
}

fn scrubbing(config: &mut BrokerConfig) {
    brisk(config);
    config.scrub_interval = Duration::from_millis(300);
    config.scrub_rate = 1 << 30;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_that_nobody_reads_is_found_and_mended() {
    let c = Cluster::start(3, scrubbing).await;
    let before = closed_segments(&c, "t", &[1, 2, 3]).await;
    rot(&segment_file(&c, 2, "t", 0), 150_000);
    rot(&segment_file(&c, 3, "t", 1), 250_000);
    rot(&segment_file(&c, 1, "t", 1), 50);
    mended(&c, "t", &[1, 2, 3], &before).await;
    assert_eq!(c.isr("t"), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_without_another_replica_is_told_and_the_rest_is_served() {
    let c = Cluster::start(1, brisk).await;
    let before = closed_segments(&c, "t", &[1]).await;
    rot(&segment_file(&c, 1, "t", 0), 350_000);
    assert_eq!(
        read_all(&c, 1, "t", 0, 25).await,
        [ErrorCode::CorruptMessage]
    );
    c.until("the damage is known", |c| {
        !c.partition(1, "t").log().damage().is_empty()
    })
    .await;
    let damage = c.partition(1, "t").log().damage();
    assert_eq!(
        (damage[0].first, damage[0].next),
        (Offset(3), Some(Offset(4)))
    );
    assert!(read_all(&c, 1, "t", 0, 3).await.is_empty());
    assert_eq!(
        read_all(&c, 1, "t", 3, 25).await,
        [ErrorCode::CorruptMessage]
    );
    assert!(read_all(&c, 1, "t", 4, 25).await.is_empty());
    assert_ne!(
        std::fs::read(segment_file(&c, 1, "t", 0)).unwrap(),
        before[0]
    );
}
