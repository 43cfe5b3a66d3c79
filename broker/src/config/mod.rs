//! The node's own configuration: Kafka's property names, typed.
//!
//! Always holds: a value that is here has been checked. Must never: be changed while the node runs; dynamic configs are in the
//! metadata image.

pub mod load;
pub mod properties;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use airis_protocol::types::{Millis, NodeId, Str};

/// Where to listen, or where clients are told to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The listener's name, e.g. `PLAINTEXT`.
    pub name: Str,
    /// Empty: all interfaces.
    pub host: String,
    /// 0: any free port.
    pub port: u16,
}

/// When an acknowledged record is safe from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// In the page cache: survives the process, not the machine. Kafka's way.
    PageCache,
    /// On stable storage: one flush serves every waiter.
    Fsync,
}

/// How the internal topic of a coordinator is made.
#[derive(Clone, Debug)]
pub struct StateTopic {
    pub partitions: i32,
    pub replication_factor: i16,
    pub min_isr: i32,
    pub segment_bytes: i32,
}

impl Default for StateTopic {
    /// Kafka's.
    fn default() -> Self {
        StateTopic {
            partitions: 50,
            replication_factor: 3,
            min_isr: 2,
            segment_bytes: 100 * 1024 * 1024,
        }
    }
}

/// What `server.properties` and overrides say.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// `node.id`.
    pub node_id: NodeId,
    /// `listeners` without those of `controller.listener.names`.
    pub listeners: Vec<Listener>,
    /// `listeners` that are named in `controller.listener.names`.
    pub controller_listeners: Vec<Listener>,
    /// `inter.broker.listener.name`: by which brokers reach each other.
    pub inter_broker_listener: Str,
    /// `advertised.listeners`; listeners that it does not name advertise their own address.
    pub advertised: Vec<Listener>,
    /// `log.dirs`.
    pub log_dirs: Vec<PathBuf>,
    /// `metadata.log.dir`, or the first of `log.dirs`, if this node is a controller: it cannot be without it.
    pub metadata_dir: Option<PathBuf>,
    /// `num.replica.alter.log.dirs.threads`: so many replicas are moved between log directories at a time.
    pub moves_max: usize,
    /// `broker.heartbeat.interval.ms`.
    pub heartbeat_interval: Duration,
    /// `broker.session.timeout.ms`.
    pub session_timeout: Duration,
    /// `controller.quorum.fetch.timeout.ms`: so long a leader of the metadata quorum may be silent.
    pub quorum_patience: Duration,
    /// `broker.rack`.
    pub rack: Option<Str>,
    /// `socket.request.max.bytes`.
    pub request_bytes_max: usize,
    /// `connections.max.idle.ms`.
    pub idle_max: Duration,
    /// `max.connections`.
    pub connections_max: usize,
    /// `queued.max.request.bytes`, else `airis.request.memory.bytes`: for all requests above 64 KiB under way together.
    pub request_memory_bytes: usize,
    /// `auto.create.topics.enable`.
    pub auto_create_topics: bool,
    /// `num.partitions`.
    pub num_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `min.insync.replicas`.
    pub min_insync_replicas: i32,
    /// `delete.topic.enable`.
    pub delete_topic_enable: bool,
    /// `airis.ack.durability`.
    pub durability: Durability,
    /// `airis.scrub.interval.ms` and `airis.scrub.bytes.per.second`.
    pub scrub_interval: Duration,
    pub scrub_rate: u64,
    /// `log.retention.check.interval.ms`.
    pub retention_check: Duration,
    /// `log.flush.offset.checkpoint.interval.ms`.
    pub checkpoint_interval: Duration,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_interval: Duration,
    /// `log.flush.scheduler.interval.ms`, as far as `log.flush.interval.ms` asks for it.
    pub flush_check: Duration,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration: Millis,
    /// `producer.id.expiration.check.interval.ms`.
    pub producer_id_expiration_check: Duration,
    /// `num.recovery.threads.per.data.dir`.
    pub recovery_threads: usize,
    /// `replica.lag.time.max.ms`.
    pub replica_lag_max: Millis,
    /// `replica.fetch.wait.max.ms`, `.min.bytes`, `.max.bytes`, `.response.max.bytes`, `.backoff.ms`.
    pub replica_fetch_wait_max: Duration,
    pub replica_fetch_min_bytes: i32,
    pub replica_fetch_max_bytes: i32,
    pub replica_fetch_response_max_bytes: i32,
    pub replica_fetch_backoff: Duration,
    /// `replica.socket.timeout.ms`.
    pub replica_socket_timeout: Duration,
    /// `replication.quota.window.num` and `.size.seconds`.
    pub replication_quota_windows: (usize, Duration),
    /// `alter.log.dirs.replication.quota.window.num` and `.size.seconds`.
    pub move_quota_windows: (usize, Duration),
    /// `replica.selector.class` is Kafka's rack-aware one: consumers are sent to a replica in their rack (KIP-392).
    pub rack_aware_reads: bool,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_session_slots: usize,
    /// `fetch.max.bytes` of the broker: no answer is larger.
    pub fetch_max_bytes: i32,
    /// `offsets.topic.num.partitions`, `.replication.factor`, `.segment.bytes`, `.compression.codec`.
    pub offsets_topic_partitions: i32,
    pub offsets_topic_replication_factor: i16,
    pub offsets_topic_segment_bytes: i32,
    /// `transaction.state.log.num.partitions`, `.replication.factor`, `.min.isr`, `.segment.bytes`.
    pub transaction_topic: StateTopic,
    /// `share.coordinator.state.topic.num.partitions` and so on.
    pub share_topic: StateTopic,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_max_bytes: usize,
    /// `offsets.commit.timeout.ms`.
    pub offsets_commit_timeout: Duration,
    /// `offsets.retention.minutes`, as milliseconds.
    pub offsets_retention: Millis,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check: Duration,
    /// `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Millis,
    /// `group.min.session.timeout.ms`.
    pub group_min_session_timeout: Millis,
    /// `group.max.session.timeout.ms`.
    pub group_max_session_timeout: Millis,
    /// `group.max.size`.
    pub group_max_size: usize,
    /// Every property given, by name: what DescribeConfigs calls the static broker config.
    pub properties: BTreeMap<String, String>,
}

impl Default for BrokerConfig {
    /// Kafka's defaults, and one plain listener on 127.0.0.1:9092 with the data under `./airis-data`.
    fn default() -> Self {
        BrokerConfig {
            node_id: NodeId(1),
            listeners: vec![Listener {
                name: Str::from_static("PLAINTEXT"),
                host: "127.0.0.1".to_owned(),
                port: 9092,
            }],
            controller_listeners: Vec::new(),
            inter_broker_listener: Str::from_static("PLAINTEXT"),
            advertised: Vec::new(),
            log_dirs: vec![PathBuf::from("airis-data")],
            metadata_dir: None,
            moves_max: 1,
            heartbeat_interval: Duration::from_secs(2),
            session_timeout: Duration::from_secs(9),
            quorum_patience: Duration::from_secs(2),
            rack: None,
            request_bytes_max: 100 * 1024 * 1024,
            idle_max: Duration::from_secs(600),
            connections_max: i32::MAX as usize,
            request_memory_bytes: 256 * 1024 * 1024,
            auto_create_topics: true,
            num_partitions: 1,
            default_replication_factor: 1,
            min_insync_replicas: 1,
            delete_topic_enable: true,
            durability: Durability::PageCache,
            scrub_interval: Duration::from_secs(86_400),
            scrub_rate: 8 * 1024 * 1024,
            retention_check: Duration::from_secs(300),
            checkpoint_interval: Duration::from_secs(60),
            high_watermark_checkpoint_interval: Duration::from_secs(5),
            flush_check: Duration::from_secs(1),
            producer_id_expiration: Millis(86_400_000),
            producer_id_expiration_check: Duration::from_secs(600),
            recovery_threads: 2,
            replica_lag_max: Millis(30_000),
            replica_fetch_wait_max: Duration::from_millis(500),
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1024 * 1024,
            replica_fetch_response_max_bytes: 10 * 1024 * 1024,
            replica_fetch_backoff: Duration::from_secs(1),
            replica_socket_timeout: Duration::from_secs(30),
            replication_quota_windows: (11, Duration::from_secs(1)),
            move_quota_windows: (11, Duration::from_secs(1)),
            rack_aware_reads: false,
            fetch_session_slots: 1000,
            fetch_max_bytes: 55 * 1024 * 1024,
            offsets_topic_partitions: 50,
            offsets_topic_replication_factor: 1,
            offsets_topic_segment_bytes: 100 * 1024 * 1024,
            transaction_topic: StateTopic::default(),
            share_topic: StateTopic::default(),
            offset_metadata_max_bytes: 4096,
            offsets_commit_timeout: Duration::from_secs(5),
            offsets_retention: Millis(10_080 * 60_000),
            offsets_retention_check: Duration::from_secs(600),
            group_initial_rebalance_delay: Millis(3000),
            group_min_session_timeout: Millis(6000),
            group_max_session_timeout: Millis(1_800_000),
            group_max_size: i32::MAX as usize,
            properties: BTreeMap::new(),
        }
    }
}
