//! Configs as typed structs: what the rest of the broker reads.
//!
//! Always holds: a struct is whole, its defaults come from the tables. Must never: be changed in place; a change makes a new one.

use airis_protocol::batch::TimestampType;
use airis_protocol::compress::Codec;

use super::def::ConfigError;
use super::listeners::{Listener, parse_listeners, protocol_map};
use super::resolve::{Layers, Values, first_set, topic_value};
use super::synonyms::{Unit, topic_synonyms};
use super::table::{broker, topic};
use super::value::{Value, parse};

/// A type that a checked value can become.
trait FromValue: Sized {
    fn from_value(value: Option<Value>) -> Option<Self>;
}

impl FromValue for bool {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl FromValue for $ty {
            fn from_value(value: Option<Value>) -> Option<Self> {
                match value? {
                    Value::Number(n) => n.try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

numbers!(i16, i32, i64);

impl FromValue for f64 {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Double(d) => Some(d),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::List(l) => Some(l),
            _ => None,
        }
    }
}

/// Not set is a value.
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer chose.
    Producer,
    Codec(Codec),
}

impl FromValue for CompressionType {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "producer" => Some(CompressionType::Producer),
            name => Codec::from_name(name).map(CompressionType::Codec),
        }
    }
}

/// `message.timestamp.type`.
impl FromValue for TimestampType {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "CreateTime" => Some(TimestampType::Create),
            "LogAppendTime" => Some(TimestampType::LogAppend),
            _ => None,
        }
    }
}

/// `cleanup.policy`: either, both or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

impl FromValue for CleanupPolicy {
    fn from_value(value: Option<Value>) -> Option<Self> {
        let list = Vec::<String>::from_value(value)?;
        Some(CleanupPolicy {
            delete: list.iter().any(|v| v == "delete"),
            compact: list.iter().any(|v| v == "compact"),
        })
    }
}

/// A struct whose fields are configs, and how it is read.
macro_rules! typed {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $config:literal,)* } $(and { $($extra:ident: $extra_ty:ty,)* })?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(
                #[doc = concat!("`", $config, "`.")]
                $(#[$field_doc])*
                pub $field: $ty,
            )*
            $($(
                pub $extra: $extra_ty,
            )*)?
        }
    };
}

macro_rules! topic_config {
    ($($field:ident: $ty:ty = $config:literal,)*) => {
        typed! {
            /// All that a topic can be configured with, resolved.
            TopicConfig { $($field: $ty = $config,)* }
        }

        impl TopicConfig {
            /// The configs of a topic that sets `own`, on a broker that has set `layers`. Errors name the first config that cannot
            /// be read; what the controller has accepted can be.
            pub fn resolve(own: &dyn Values, layers: &Layers<'_>) -> Result<TopicConfig, ConfigError> {
                Ok(TopicConfig {
                    $($field: read_topic($config, own, layers)?,)*
                })
            }
        }
    };
}

fn read_topic<T: FromValue>(
    name: &'static str,
    own: &dyn Values,
    layers: &Layers<'_>,
) -> Result<T, ConfigError> {
    let def = topic(name).expect("the field names a row of the table");
    let text = topic_value(name, own, layers);
    let value = text.as_deref().map(|t| parse(def, t)).transpose()?;
    T::from_value(value).ok_or_else(|| unreadable(name, text))
}

fn read_broker<T: FromValue>(name: &'static str, layers: &Layers<'_>) -> Result<T, ConfigError> {
    let def = broker(name).expect("the field names a row of the table");
    let text = layers.value(name);
    let value = text.as_deref().map(|t| parse(def, t)).transpose()?;
    T::from_value(value).ok_or_else(|| unreadable(name, text))
}

fn unreadable(name: &str, text: Option<String>) -> ConfigError {
    match text {
        None => ConfigError::Other(format!("{name} must be set")),
        Some(value) => ConfigError::Value {
            name: name.into(),
            value,
            problem: "Not a value of this config".into(),
        },
    }
}

topic_config! {
    cleanup_policy: CleanupPolicy = "cleanup.policy",
    compression_gzip_level: i32 = "compression.gzip.level",
    compression_lz4_level: i32 = "compression.lz4.level",
    compression_type: CompressionType = "compression.type",
    compression_zstd_level: i32 = "compression.zstd.level",
    delete_retention_ms: i64 = "delete.retention.ms",
    file_delete_delay_ms: i64 = "file.delete.delay.ms",
    flush_messages: i64 = "flush.messages",
    flush_ms: i64 = "flush.ms",
    follower_replication_throttled_replicas: Vec<String> = "follower.replication.throttled.replicas",
    index_interval_bytes: i32 = "index.interval.bytes",
    internal_segment_bytes: Option<i32> = "internal.segment.bytes",
    leader_replication_throttled_replicas: Vec<String> = "leader.replication.throttled.replicas",
    local_retention_bytes: i64 = "local.retention.bytes",
    local_retention_ms: i64 = "local.retention.ms",
    max_compaction_lag_ms: i64 = "max.compaction.lag.ms",
    max_message_bytes: i32 = "max.message.bytes",
    message_timestamp_after_max_ms: i64 = "message.timestamp.after.max.ms",
    message_timestamp_before_max_ms: i64 = "message.timestamp.before.max.ms",
    message_timestamp_type: TimestampType = "message.timestamp.type",
    min_cleanable_dirty_ratio: f64 = "min.cleanable.dirty.ratio",
    min_compaction_lag_ms: i64 = "min.compaction.lag.ms",
    min_insync_replicas: i32 = "min.insync.replicas",
    preallocate: bool = "preallocate",
    remote_log_copy_disable: bool = "remote.log.copy.disable",
    remote_log_delete_on_disable: bool = "remote.log.delete.on.disable",
    remote_storage_enable: bool = "remote.storage.enable",
    retention_bytes: i64 = "retention.bytes",
    retention_ms: i64 = "retention.ms",
    segment_bytes: i32 = "segment.bytes",
    segment_index_bytes: i32 = "segment.index.bytes",
    segment_jitter_ms: i64 = "segment.jitter.ms",
    segment_ms: i64 = "segment.ms",
    unclean_leader_election_enable: bool = "unclean.leader.election.enable",
}

impl TopicConfig {
    /// The size at which a segment is full: `internal.segment.bytes` if a test set it.
    pub fn segment_size(&self) -> i32 {
        self.internal_segment_bytes.unwrap_or(self.segment_bytes)
    }

    /// The age at which a segment is old: a compacted topic rolls in time for its largest lag.
    pub fn segment_age_max_ms(&self) -> i64 {
        if self.cleanup_policy.compact && self.max_compaction_lag_ms > 0 {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }

    /// The level for the codec that `compression.type` names.
    pub fn compression_level(&self) -> Option<i32> {
        match self.compression_type {
            CompressionType::Codec(Codec::Gzip) => Some(self.compression_gzip_level),
            CompressionType::Codec(Codec::Lz4) => Some(self.compression_lz4_level),
            CompressionType::Codec(Codec::Zstd) => Some(self.compression_zstd_level),
            _ => None,
        }
    }
}

macro_rules! broker_config {
    ($($field:ident: $ty:ty = $config:literal,)*) => {
        typed! {
            /// What a node is configured with, resolved: the configs that the broker reads by name. Times that can be given in
            /// several units are in milliseconds.
            BrokerConfig { $($field: $ty = $config,)* } and {
                listeners: Vec<Listener>,
                advertised_listeners: Vec<Listener>,
                log_dirs: Vec<String>,
                log_retention_ms: i64,
                log_roll_ms: i64,
                log_flush_interval_ms: i64,
                offsets_retention_ms: i64,
            }
        }

        impl BrokerConfig {
            /// Reads every config, and checks what they are to each other. Errors name the config.
            pub fn resolve(layers: &Layers<'_>) -> Result<BrokerConfig, ConfigError> {
                let controllers: Vec<String> = read_broker("controller.listener.names", layers)?;
                let map = protocol_map(&read_broker::<String>("listener.security.protocol.map", layers)?)?;
                let text = layers.value("listeners").unwrap_or_default();
                let listeners = parse_listeners("listeners", &text, &map, &controllers, false)?;
                let advertised_listeners = match layers.value("advertised.listeners") {
                    Some(text) => parse_listeners("advertised.listeners", &text, &map, &controllers, true)?,
                    None => listeners.clone(),
                };
                let log_dirs = match read_broker::<Option<Vec<String>>>("log.dirs", layers)? {
                    Some(dirs) => dirs,
                    None => read_broker("log.dir", layers)?,
                };
                let config = BrokerConfig {
                    $($field: read_broker($config, layers)?,)*
                    listeners,
                    advertised_listeners,
                    log_dirs,
                    log_retention_ms: time("retention.ms", layers)?,
                    log_roll_ms: time("segment.ms", layers)?,
                    log_flush_interval_ms: time("flush.ms", layers)?,
                    offsets_retention_ms: i64::from(read_broker::<i32>("offsets.retention.minutes", layers)?) * 60_000,
                };
                config.check()?;
                Ok(config)
            }
        }
    };
}

/// A time that several broker configs can give, in milliseconds.
fn time(topic_config: &'static str, layers: &Layers<'_>) -> Result<i64, ConfigError> {
    let names: &[(&'static str, Unit)] = topic_synonyms(topic_config);
    // Each is checked under its own name first, so that an error speaks of what was written.
    for (name, _) in names {
        if let (Some((text, _)), Some(def)) = (layers.set(name), broker(name)) {
            parse(def, text)?;
        }
    }
    let text = first_set(names, layers);
    text.as_deref()
        .and_then(|t| t.trim().parse().ok())
        .ok_or_else(|| unreadable(names[0].0, text))
}

broker_config! {
    node_id: i32 = "node.id",
    process_roles: Vec<String> = "process.roles",
    broker_rack: Option<String> = "broker.rack",
    auto_leader_rebalance_enable: bool = "auto.leader.rebalance.enable",
    leader_imbalance_check_interval_seconds: i64 = "leader.imbalance.check.interval.seconds",
    controller_listener_names: Vec<String> = "controller.listener.names",
    controller_quorum_voters: Vec<String> = "controller.quorum.voters",
    controller_quorum_bootstrap_servers: Vec<String> = "controller.quorum.bootstrap.servers",
    controller_quorum_fetch_timeout_ms: i32 = "controller.quorum.fetch.timeout.ms",
    inter_broker_listener_name: Option<String> = "inter.broker.listener.name",
    metadata_log_dir: Option<String> = "metadata.log.dir",
    broker_heartbeat_interval_ms: i32 = "broker.heartbeat.interval.ms",
    broker_session_timeout_ms: i32 = "broker.session.timeout.ms",
    metadata_log_segment_bytes: i32 = "metadata.log.segment.bytes",
    metadata_log_segment_ms: i64 = "metadata.log.segment.ms",
    metadata_max_retention_bytes: i64 = "metadata.max.retention.bytes",
    metadata_max_retention_ms: i64 = "metadata.max.retention.ms",
    metadata_log_max_record_bytes_between_snapshots: i64 = "metadata.log.max.record.bytes.between.snapshots",
    metadata_log_max_snapshot_interval_ms: i64 = "metadata.log.max.snapshot.interval.ms",
    metadata_max_idle_interval_ms: i32 = "metadata.max.idle.interval.ms",
    num_partitions: i32 = "num.partitions",
    default_replication_factor: i32 = "default.replication.factor",
    auto_create_topics_enable: bool = "auto.create.topics.enable",
    delete_topic_enable: bool = "delete.topic.enable",
    min_insync_replicas: i32 = "min.insync.replicas",
    message_max_bytes: i32 = "message.max.bytes",
    num_recovery_threads_per_data_dir: i32 = "num.recovery.threads.per.data.dir",
    log_retention_check_interval_ms: i64 = "log.retention.check.interval.ms",
    log_flush_scheduler_interval_ms: i64 = "log.flush.scheduler.interval.ms",
    log_flush_offset_checkpoint_interval_ms: i32 = "log.flush.offset.checkpoint.interval.ms",
    log_flush_start_offset_checkpoint_interval_ms: i32 = "log.flush.start.offset.checkpoint.interval.ms",
    log_initial_task_delay_ms: i64 = "log.initial.task.delay.ms",
    replica_high_watermark_checkpoint_interval_ms: i64 = "replica.high.watermark.checkpoint.interval.ms",
    replica_lag_time_max_ms: i64 = "replica.lag.time.max.ms",
    replica_fetch_wait_max_ms: i32 = "replica.fetch.wait.max.ms",
    replica_fetch_min_bytes: i32 = "replica.fetch.min.bytes",
    replica_fetch_max_bytes: i32 = "replica.fetch.max.bytes",
    replica_fetch_response_max_bytes: i32 = "replica.fetch.response.max.bytes",
    replica_fetch_backoff_ms: i32 = "replica.fetch.backoff.ms",
    replica_socket_timeout_ms: i32 = "replica.socket.timeout.ms",
    replication_quota_window_num: i32 = "replication.quota.window.num",
    replication_quota_window_size_seconds: i32 = "replication.quota.window.size.seconds",
    alter_log_dirs_replication_quota_window_num: i32 = "alter.log.dirs.replication.quota.window.num",
    alter_log_dirs_replication_quota_window_size_seconds: i32 = "alter.log.dirs.replication.quota.window.size.seconds",
    num_replica_alter_log_dirs_threads: Option<i32> = "num.replica.alter.log.dirs.threads",
    replica_selector_class: Option<String> = "replica.selector.class",
    producer_id_expiration_ms: i32 = "producer.id.expiration.ms",
    producer_id_expiration_check_interval_ms: i32 = "producer.id.expiration.check.interval.ms",
    fetch_max_bytes: i32 = "fetch.max.bytes",
    max_incremental_fetch_session_cache_slots: i32 = "max.incremental.fetch.session.cache.slots",
    max_request_partition_size_limit: i32 = "max.request.partition.size.limit",
    socket_request_max_bytes: i32 = "socket.request.max.bytes",
    socket_send_buffer_bytes: i32 = "socket.send.buffer.bytes",
    socket_receive_buffer_bytes: i32 = "socket.receive.buffer.bytes",
    socket_listen_backlog_size: i32 = "socket.listen.backlog.size",
    connections_max_idle_ms: i64 = "connections.max.idle.ms",
    max_connections: i32 = "max.connections",
    max_connections_per_ip: i32 = "max.connections.per.ip",
    max_connections_per_ip_overrides: String = "max.connections.per.ip.overrides",
    max_connection_creation_rate: i32 = "max.connection.creation.rate",
    queued_max_requests: i32 = "queued.max.requests",
    queued_max_request_bytes: i64 = "queued.max.request.bytes",
    request_timeout_ms: i32 = "request.timeout.ms",
    offset_metadata_max_bytes: i32 = "offset.metadata.max.bytes",
    offsets_commit_timeout_ms: i32 = "offsets.commit.timeout.ms",
    offsets_load_buffer_size: i32 = "offsets.load.buffer.size",
    offsets_retention_check_interval_ms: i64 = "offsets.retention.check.interval.ms",
    offsets_topic_compression_codec: i32 = "offsets.topic.compression.codec",
    offsets_topic_num_partitions: i32 = "offsets.topic.num.partitions",
    offsets_topic_replication_factor: i16 = "offsets.topic.replication.factor",
    offsets_topic_segment_bytes: i32 = "offsets.topic.segment.bytes",
    group_initial_rebalance_delay_ms: i32 = "group.initial.rebalance.delay.ms",
    group_max_session_timeout_ms: i32 = "group.max.session.timeout.ms",
    group_min_session_timeout_ms: i32 = "group.min.session.timeout.ms",
    group_max_size: i32 = "group.max.size",
    group_coordinator_rebalance_protocols: Vec<String> = "group.coordinator.rebalance.protocols",
    transaction_state_log_num_partitions: i32 = "transaction.state.log.num.partitions",
    transaction_state_log_replication_factor: i16 = "transaction.state.log.replication.factor",
    transaction_state_log_min_isr: i32 = "transaction.state.log.min.isr",
    transaction_state_log_segment_bytes: i32 = "transaction.state.log.segment.bytes",
    transaction_max_timeout_ms: i32 = "transaction.max.timeout.ms",
    share_coordinator_state_topic_num_partitions: i32 = "share.coordinator.state.topic.num.partitions",
    share_coordinator_state_topic_replication_factor: i16 = "share.coordinator.state.topic.replication.factor",
    share_coordinator_state_topic_min_isr: i16 = "share.coordinator.state.topic.min.isr",
    share_coordinator_state_topic_segment_bytes: i32 = "share.coordinator.state.topic.segment.bytes",
}

impl BrokerConfig {
    pub fn is_broker(&self) -> bool {
        self.process_roles.iter().any(|r| r == "broker")
    }

    pub fn is_controller(&self) -> bool {
        self.process_roles.iter().any(|r| r == "controller")
    }

    /// Listeners that clients use: those that are not the controllers'.
    pub fn client_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|l| !self.is_controllers(l))
    }

    /// Listeners that controllers use.
    pub fn controller_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|l| self.is_controllers(l))
    }

    /// What clients are told, without the controllers' listeners.
    pub fn advertised_to_clients(&self) -> impl Iterator<Item = &Listener> {
        self.advertised_listeners
            .iter()
            .filter(|l| !self.is_controllers(l))
    }

    fn is_controllers(&self, listener: &Listener) -> bool {
        self.controller_listener_names
            .iter()
            .any(|c| c.eq_ignore_ascii_case(&listener.name))
    }

    /// The limit for connections of an address, if `max.connections.per.ip.overrides` has one.
    pub fn connections_override(&self, address: &str) -> Option<i32> {
        self.max_connections_per_ip_overrides
            .split(',')
            .filter_map(|entry| entry.trim().rsplit_once(':'))
            .find(|(host, _)| *host == address)
            .and_then(|(_, count)| count.parse().ok())
    }

    /// What must hold between configs (`KafkaConfig.validateValues`).
    fn check(&self) -> Result<(), ConfigError> {
        let must = |ok: bool, text: &str| {
            if ok {
                Ok(())
            } else {
                Err(ConfigError::Other(text.to_owned()))
            }
        };
        must(self.log_roll_ms >= 1, "log.roll.ms must be at least 1")?;
        must(
            self.log_retention_ms >= 1 || self.log_retention_ms == -1,
            "log.retention.ms must be -1 (unlimited) or at least 1",
        )?;
        must(!self.log_dirs.is_empty(), "log.dirs must name a directory")?;
        must(
            self.queued_max_request_bytes <= 0
                || self.queued_max_request_bytes >= i64::from(self.socket_request_max_bytes),
            "queued.max.request.bytes must be at least socket.request.max.bytes",
        )?;
        must(
            self.max_connections_per_ip != 0 || !self.max_connections_per_ip_overrides.is_empty(),
            "max.connections.per.ip can be 0 only if max.connections.per.ip.overrides is set",
        )?;
        must(
            !self.is_broker() || self.advertised_to_clients().next().is_some(),
            "There must be a listener for clients: all of listeners are named in controller.listener.names",
        )?;
        must(
            !self
                .advertised_listeners
                .iter()
                .any(|l| l.host == "0.0.0.0"),
            "advertised.listeners cannot use 0.0.0.0, no client can connect to it",
        )?;
        for advertised in self.advertised_to_clients() {
            if !self.listeners.iter().any(|l| l.name == advertised.name) {
                return Err(ConfigError::Other(format!(
                    "advertised.listeners names {}, which listeners does not have",
                    advertised.name
                )));
            }
        }
        if let Some(name) = &self.inter_broker_listener_name
            && self.is_broker()
            && !self
                .advertised_to_clients()
                .any(|l| l.name.eq_ignore_ascii_case(name))
        {
            return Err(ConfigError::Other(format!(
                "inter.broker.listener.name is {name}, which advertised.listeners does not have"
            )));
        }
        Ok(())
    }
}
