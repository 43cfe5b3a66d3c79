//! From a properties file and overrides to a [`BrokerConfig`].
//!
//! Always holds: every name given is known or refused, with where it stands and the name that was probably meant; all that is wrong
//! is told at once. Must never: ignore a property in silence.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use airis_cluster::config::{
    self as tables, BROKER, ConfigDef, ConfigError, Layers, Meaning, OWN, Value, broker,
    listener_base, nearest_name, own, parse,
};
use airis_protocol::types::{Millis, NodeId, Str};

use super::{BrokerConfig, Durability, Listener, StateTopic, properties};

/// The row of a property of either kind.
fn row(name: &str) -> Option<&'static ConfigDef> {
    broker(name)
        .or_else(|| own(name))
        .or_else(|| broker(listener_base(name)?))
}

/// Where a property was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File {
        path: PathBuf,
        line: usize,
    },
    /// `--override` or the embed API.
    Override,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Override => f.write_str("override"),
        }
    }
}

/// Why a node cannot be configured as asked. Nothing has been touched.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    #[error("cannot read {path}: {cause}", path = .path.display())]
    Read {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("override {0:?} is not of the form name=value")]
    Override(String),
    /// One sentence for each.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
}

/// A node's configuration, and what must be said about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: BrokerConfig,
    /// The same by Kafka's names, for whatever `config` does not have.
    pub kafka: tables::BrokerConfig,
    /// One line for each property that was accepted but does nothing here, or stands there twice.
    pub notes: Vec<String>,
}

/// Settings of producers, consumers and other clients that people put into a server's file. They do nothing there in Kafka either.
const CLIENT_SETTINGS: &[&str] = &[
    "acks",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "batch.size",
    "bootstrap.servers",
    "buffer.memory",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "default.api.timeout.ms",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.idempotence",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "heartbeat.interval.ms",
    "interceptor.classes",
    "isolation.level",
    "key.deserializer",
    "key.serializer",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "max.request.size",
    "metadata.max.age.ms",
    "partition.assignment.strategy",
    "partitioner.class",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "retries",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "send.buffer.bytes",
    "session.timeout.ms",
    "transaction.timeout.ms",
    "transactional.id",
    "value.deserializer",
    "value.serializer",
];

/// Names that Kafka had before 4.0. Files that were written for it still hold them, and Kafka 4 ignores them.
const REMOVED: &[&str] = &[
    "advertised.host.name",
    "advertised.port",
    "auto.include.jmx.reporter",
    "broker.id.generation.enable",
    "control.plane.listener.name",
    "controlled.shutdown.max.retries",
    "controlled.shutdown.retry.backoff.ms",
    "delegation.token.master.key",
    "host.name",
    "inter.broker.protocol.version",
    "leader.imbalance.per.broker.percentage",
    "log.message.downconversion.enable",
    "log.message.format.version",
    "log.message.timestamp.difference.max.ms",
    "offsets.commit.required.acks",
    "port",
    "quota.consumer.default",
    "quota.producer.default",
    "reserved.broker.max.id",
];

const REMOVED_PREFIXES: &[&str] = &["zookeeper.", "password.encoder."];

/// What plugins of Kafka may be given, under names of their own.
const PLUGIN_PREFIXES: &[&str] = &["rsm.config.", "rlmm.config.", "config.providers."];

/// The id of a node that nobody gave one.
const NODE_ID: &str = "1";
/// Where a node listens that nobody told: this machine only.
const LISTENERS: &str = "PLAINTEXT://127.0.0.1:9092";
/// Where a node keeps its data that nobody told. Kafka's own default, under /tmp, loses it at the next boot.
const LOG_DIRS: &str = "./airis-data";
/// The name that controllers' listeners would have.
const CONTROLLER_LISTENERS: &str = "CONTROLLER";
/// Internal topics of a node on its own have one replica: with Kafka's three they could not be created.
const ALONE: &[(&str, &str)] = &[
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
];

/// Nodes of a cluster notice sooner that one of them is gone than Kafka's do (2 s, 9 s, 2 s): a heartbeat costs next to nothing.
const TOGETHER: &[(&str, &str)] = &[
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "2000"),
    ("controller.quorum.fetch.timeout.ms", "1000"),
];

/// Reads a file, if one is given, and lets the overrides (`name=value`) have the last word.
pub fn load(file: Option<&Path>, overrides: &[String]) -> Result<Loaded, ConfigFileError> {
    let mut given = Given::default();
    if let Some(path) = file {
        let bytes = std::fs::read(path).map_err(|cause| ConfigFileError::Read {
            path: path.to_owned(),
            cause,
        })?;
        given.file(path, &properties::decode(&bytes))?;
    }
    for text in overrides {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| ConfigFileError::Override(text.clone()))?;
        given.add(name.trim(), value.trim(), Origin::Override);
    }
    given.resolve()
}

/// What was given so far. The embed API fills one by hand.
#[derive(Clone, Debug, Default)]
pub struct Given {
    values: BTreeMap<String, (String, Origin)>,
    notes: Vec<String>,
}

impl Given {
    /// Adds all of a properties file's text.
    pub fn file(&mut self, path: &Path, text: &str) -> Result<(), ConfigFileError> {
        let entries = properties::parse(text)
            .map_err(|e| ConfigFileError::Refused(vec![format!("{}: {e}", path.display())]))?;
        for entry in entries {
            let origin = Origin::File {
                path: path.to_owned(),
                line: entry.line,
            };
            if let Some((_, Origin::File { line, .. })) = self.values.get(&entry.key) {
                self.notes.push(format!(
                    "{origin}: {} stands on line {line} already; the last one counts",
                    entry.key
                ));
            }
            self.add(&entry.key, &entry.value, origin);
        }
        Ok(())
    }

    /// Adds one property over whatever was given for it before.
    pub fn add(&mut self, name: &str, value: &str, origin: Origin) {
        self.values
            .insert(name.to_owned(), (value.to_owned(), origin));
    }

    /// Judges all names and values, adds the defaults of a node that is on its own, and makes the typed config.
    pub fn resolve(mut self) -> Result<Loaded, ConfigFileError> {
        let mut refused = Vec::new();
        for (name, (value, origin)) in &self.values {
            match judge(name, value) {
                Ok(None) => {}
                Ok(Some(note)) => self.notes.push(format!("{origin}: {note}")),
                Err(problem) => refused.push(format!("{origin}: {problem}")),
            }
        }
        if !refused.is_empty() {
            return Err(ConfigFileError::Refused(refused));
        }
        let mut fixed: BTreeMap<String, String> = self
            .values
            .iter()
            .filter(|(name, _)| !CLIENT_SETTINGS.contains(&name.as_str()))
            .map(|(name, (value, _))| (name.clone(), value.clone()))
            .collect();
        fill(&mut fixed);
        let kafka = tables::BrokerConfig::resolve(&Layers::fixed(&fixed))
            .map_err(|e| ConfigFileError::Refused(vec![self.located(&e)]))?;
        Ok(Loaded {
            config: node_config(&kafka, fixed),
            kafka,
            notes: self.notes,
        })
    }

    /// The error with the place of the property it is about.
    fn located(&self, error: &ConfigError) -> String {
        let text = error.to_string();
        let about = match error {
            ConfigError::Value { name, .. } => self.values.get(name),
            // Such a sentence begins with the name of the first config it is about.
            _ => text
                .split_whitespace()
                .next()
                .and_then(|w| self.values.get(w)),
        };
        match about {
            Some((_, origin)) => format!("{origin}: {text}"),
            None => text,
        }
    }
}

/// The value of one of our own properties.
fn own_value(name: &str, fixed: &BTreeMap<String, String>) -> Value {
    let def = own(name).expect("the name is in the table");
    let text = fixed.get(name).map(String::as_str).or(def.default.value());
    parse(def, text.unwrap_or_default()).expect("values are checked before they are used")
}

/// Kafka's configs in the types that the broker works with.
fn node_config(kafka: &tables::BrokerConfig, fixed: BTreeMap<String, String>) -> BrokerConfig {
    let listener = |l: &tables::Listener| Listener {
        name: l.name.as_str().into(),
        host: l.host.clone(),
        port: l.port,
    };
    let ms = |n: i64| Duration::from_millis(n.max(0) as u64);
    let durability = match own_value("airis.ack.durability", &fixed) {
        Value::Text(t) if t == "fsync" => Durability::Fsync,
        _ => Durability::PageCache,
    };
    let own_number = |name| match own_value(name, &fixed) {
        Value::Number(n) => n,
        _ => unreachable!("the table says it is a number"),
    };
    let request_memory_bytes = match kafka.queued_max_request_bytes {
        1.. => kafka.queued_max_request_bytes,
        _ => own_number("airis.request.memory.bytes"),
    };
    let scrub_interval = ms(own_number("airis.scrub.interval.ms"));
    let scrub_rate = own_number("airis.scrub.bytes.per.second").max(1) as u64;
    BrokerConfig {
        node_id: NodeId(kafka.node_id),
        listeners: kafka.client_listeners().map(listener).collect(),
        controller_listeners: kafka.controller_listeners().map(listener).collect(),
        inter_broker_listener: match &kafka.inter_broker_listener_name {
            Some(name) => Str::from(name.to_ascii_uppercase()),
            None => kafka
                .client_listeners()
                .next()
                .map_or(Str::default(), |l| Str::from(&l.name)),
        },
        heartbeat_interval: ms(kafka.broker_heartbeat_interval_ms.into()),
        session_timeout: ms(kafka.broker_session_timeout_ms.into()),
        quorum_patience: ms(kafka.controller_quorum_fetch_timeout_ms.into()),
        advertised: if fixed.contains_key("advertised.listeners") {
            kafka.advertised_to_clients().map(listener).collect()
        } else {
            Vec::new()
        },
        log_dirs: kafka.log_dirs.iter().map(PathBuf::from).collect(),
        metadata_dir: kafka.is_controller().then(|| {
            let named = kafka.metadata_log_dir.as_ref();
            PathBuf::from(named.unwrap_or(&kafka.log_dirs[0]))
        }),
        moves_max: kafka
            .num_replica_alter_log_dirs_threads
            .map_or(kafka.log_dirs.len(), |n| n.max(1) as usize),
        rack: kafka.broker_rack.as_deref().map(Into::into),
        request_bytes_max: kafka.socket_request_max_bytes as usize,
        // A negative time is none at all, as in Kafka.
        idle_max: if kafka.connections_max_idle_ms < 0 {
            Duration::MAX
        } else {
            ms(kafka.connections_max_idle_ms)
        },
        connections_max: kafka.max_connections as usize,
        request_memory_bytes: usize::try_from(request_memory_bytes).unwrap_or(usize::MAX),
        auto_create_topics: kafka.auto_create_topics_enable,
        num_partitions: kafka.num_partitions,
        default_replication_factor: kafka
            .default_replication_factor
            .try_into()
            .unwrap_or(i16::MAX),
        min_insync_replicas: kafka.min_insync_replicas,
        delete_topic_enable: kafka.delete_topic_enable,
        durability,
        scrub_interval,
        scrub_rate,
        retention_check: ms(kafka.log_retention_check_interval_ms),
        checkpoint_interval: ms(kafka.log_flush_offset_checkpoint_interval_ms.into()),
        high_watermark_checkpoint_interval: ms(kafka.replica_high_watermark_checkpoint_interval_ms),
        flush_check: ms(kafka
            .log_flush_scheduler_interval_ms
            .clamp(1, FLUSH_CHECK_MS_MAX)),
        producer_id_expiration: Millis(kafka.producer_id_expiration_ms.into()),
        producer_id_expiration_check: ms(kafka.producer_id_expiration_check_interval_ms.into()),
        recovery_threads: kafka.num_recovery_threads_per_data_dir as usize,
        replica_lag_max: Millis(kafka.replica_lag_time_max_ms),
        replica_fetch_wait_max: ms(kafka.replica_fetch_wait_max_ms.into()),
        replica_fetch_min_bytes: kafka.replica_fetch_min_bytes,
        replica_fetch_max_bytes: kafka.replica_fetch_max_bytes,
        replica_fetch_response_max_bytes: kafka.replica_fetch_response_max_bytes,
        replica_fetch_backoff: ms(kafka.replica_fetch_backoff_ms.into()),
        replica_socket_timeout: ms(kafka.replica_socket_timeout_ms.into()),
        replication_quota_windows: (
            kafka.replication_quota_window_num.max(1) as usize,
            Duration::from_secs(kafka.replication_quota_window_size_seconds.max(1) as u64),
        ),
        move_quota_windows: (
            kafka.alter_log_dirs_replication_quota_window_num.max(1) as usize,
            Duration::from_secs(
                kafka
                    .alter_log_dirs_replication_quota_window_size_seconds
                    .max(1) as u64,
            ),
        ),
        rack_aware_reads: kafka.replica_selector_class.as_deref() == Some(RACK_AWARE),
        fetch_session_slots: kafka.max_incremental_fetch_session_cache_slots as usize,
        fetch_max_bytes: kafka.fetch_max_bytes,
        offsets_topic_partitions: kafka.offsets_topic_num_partitions,
        offsets_topic_replication_factor: kafka.offsets_topic_replication_factor,
        offsets_topic_segment_bytes: kafka.offsets_topic_segment_bytes,
        transaction_topic: StateTopic {
            partitions: kafka.transaction_state_log_num_partitions,
            replication_factor: kafka.transaction_state_log_replication_factor,
            min_isr: kafka.transaction_state_log_min_isr,
            segment_bytes: kafka.transaction_state_log_segment_bytes,
        },
        share_topic: StateTopic {
            partitions: kafka.share_coordinator_state_topic_num_partitions,
            replication_factor: kafka.share_coordinator_state_topic_replication_factor,
            min_isr: kafka.share_coordinator_state_topic_min_isr.into(),
            segment_bytes: kafka.share_coordinator_state_topic_segment_bytes,
        },
        offset_metadata_max_bytes: kafka.offset_metadata_max_bytes.max(0) as usize,
        offsets_commit_timeout: ms(kafka.offsets_commit_timeout_ms.into()),
        offsets_retention: Millis(kafka.offsets_retention_ms),
        offsets_retention_check: ms(kafka.offsets_retention_check_interval_ms),
        group_initial_rebalance_delay: Millis(kafka.group_initial_rebalance_delay_ms.into()),
        group_min_session_timeout: Millis(kafka.group_min_session_timeout_ms.into()),
        group_max_session_timeout: Millis(kafka.group_max_session_timeout_ms.into()),
        group_max_size: kafka.group_max_size as usize,
        properties: fixed,
    }
}

/// The one selector of replicas that there is, by the name of Kafka's.
const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// Logs that are due to be forced to disk are looked for at least this often: a topic can set `flush.ms` on its own.
const FLUSH_CHECK_MS_MAX: i64 = 1000;

/// Sets what a node needs and nobody gave.
fn fill(fixed: &mut BTreeMap<String, String>) {
    let mut default = |name: &str, value: &str| {
        fixed
            .entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    };
    default("process.roles", "broker,controller");
    default("controller.listener.names", CONTROLLER_LISTENERS);
    default("listeners", LISTENERS);
    if !fixed.contains_key("log.dir") {
        fixed
            .entry("log.dirs".to_owned())
            .or_insert_with(|| LOG_DIRS.to_owned());
    }
    // One thing under two names, as in Kafka.
    let id = fixed
        .get("node.id")
        .or_else(|| fixed.get("broker.id"))
        .map_or(NODE_ID, String::as_str)
        .to_owned();
    for name in ["node.id", "broker.id"] {
        fixed.entry(name.to_owned()).or_insert_with(|| id.clone());
    }
    let named = |name: &str| -> Vec<&str> {
        let list = fixed.get(name).map_or("", String::as_str);
        list.split(',')
            .map(str::trim)
            .filter(|v| !v.is_empty())
            .collect()
    };
    let servers_alone = match *named("controller.quorum.bootstrap.servers") {
        [] => true,
        [server] => names_this_node(server, fixed),
        _ => false,
    };
    let alone = named("controller.quorum.voters").len() <= 1
        && servers_alone
        && fixed["process.roles"].contains("broker")
        && fixed["process.roles"].contains("controller");
    for (name, value) in if alone { ALONE } else { TOGETHER } {
        fixed
            .entry((*name).to_owned())
            .or_insert_with(|| (*value).to_owned());
    }
}

/// True if a server's `host:port` is one that this node listens on or is advertised with.
fn names_this_node(server: &str, properties: &BTreeMap<String, String>) -> bool {
    let Some((host, port)) = server.rsplit_once(':') else {
        return false;
    };
    // Only an address of this machine can be bound.
    let is_local = |host: &str| {
        let addrs = (host.trim_matches(['[', ']']), 0).to_socket_addrs();
        addrs.is_ok_and(|mut addrs| addrs.any(|addr| UdpSocket::bind(addr).is_ok()))
    };
    let listed = ["listeners", "advertised.listeners"];
    let listed = listed.iter().filter_map(|name| properties.get(*name));
    listed.flat_map(|list| list.split(',')).any(|listener| {
        let at = listener.trim().rsplit_once("://").map_or("", |(_, at)| at);
        at.rsplit_once(':').is_some_and(|(own_host, own_port)| {
            let here = matches!(own_host, "" | "0.0.0.0" | "[::]") || is_local(own_host);
            own_port == port && (own_host == host || (here && is_local(host)))
        })
    })
}

/// Whether a property may stand there: nothing to say, something to say, or a refusal.
fn judge(name: &str, value: &str) -> Result<Option<String>, String> {
    if let Some(def) = row(name) {
        parse(def, value).map_err(|e| e.to_string())?;
        return Ok(match def.meaning {
            Meaning::Served => None,
            Meaning::Later => Some(format!("{name} has no effect yet")),
            Meaning::None => Some(format!("{name} has no meaning here. {}", def.doc)),
        });
    }
    if CLIENT_SETTINGS.contains(&name) {
        return Ok(Some(format!(
            "{name} is a setting of clients; it has no meaning in a server's configuration"
        )));
    }
    if REMOVED.contains(&name) || REMOVED_PREFIXES.iter().any(|p| name.starts_with(p)) {
        return Ok(Some(format!(
            "{name} has no meaning here. Kafka 4 does not have it any more either."
        )));
    }
    if PLUGIN_PREFIXES.iter().any(|p| name.starts_with(p)) {
        return Ok(Some(format!(
            "{name} has no meaning here. It is for a Java plugin."
        )));
    }
    let near = nearest_name(name, BROKER.iter().chain(OWN).map(|d| d.name));
    Err(match near {
        Some(near) => format!("unknown property {name}; did you mean {near}?"),
        None => format!("unknown property {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Result<Loaded, ConfigFileError> {
        let mut given = Given::default();
        given.file(Path::new("server.properties"), text)?;
        given.resolve()
    }

    fn refused(text: &str) -> String {
        from(text).unwrap_err().to_string()
    }

    #[test]
    fn nothing_given_is_a_node_on_this_machine() {
        let loaded = load(None, &[]).unwrap();
        let c = &loaded.kafka;
        assert_eq!(
            (c.node_id, c.is_broker(), c.is_controller()),
            (1, true, true)
        );
        assert_eq!(c.log_dirs, ["./airis-data"]);
        let listener = &c.listeners[0];
        assert_eq!((listener.host.as_str(), listener.port), ("127.0.0.1", 9092));
        assert_eq!(c.offsets_topic_replication_factor, 1);
        assert_eq!(c.log_retention_ms, 7 * 24 * 3_600_000);
        assert!(loaded.notes.is_empty());
        let made = loaded.config;
        let by_hand = BrokerConfig::default();
        assert_eq!(made.listeners, by_hand.listeners);
        assert_eq!(made.request_memory_bytes, by_hand.request_memory_bytes);
        assert_eq!(made.connections_max, by_hand.connections_max);
        assert_eq!(made.group_max_size, by_hand.group_max_size);
        assert_eq!(made.fetch_max_bytes, by_hand.fetch_max_bytes);
        assert_eq!(made.offsets_retention, by_hand.offsets_retention);
    }

    #[test]
    fn our_own_properties_are_checked_as_well() {
        let loaded =
            from("airis.ack.durability=fsync\nairis.request.memory.bytes=2097152").unwrap();
        assert_eq!(loaded.config.durability, Durability::Fsync);
        assert_eq!(loaded.config.request_memory_bytes, 2 << 20);
        let kafkas = from("queued.max.request.bytes=209715200\nmax.connections=9").unwrap();
        assert_eq!(kafkas.config.request_memory_bytes, 200 << 20);
        assert_eq!(kafkas.config.connections_max, 9);
        assert!(refused("airis.ack.durability=sometimes").contains("page-cache, fsync"));
        assert!(refused("airis.ack.durabilty=fsync").contains("airis.ack.durability?"));
    }

    #[test]
    fn kafkas_own_sample_is_understood() {
        let loaded = from(
            "process.roles=broker,controller\nnode.id=5\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
             listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
             advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\n\
             num.network.threads=3\nlog.dirs=/tmp/kraft-combined-logs\nlog.retention.minutes=90\nlog.retention.hours=1\n",
        )
        .unwrap();
        assert_eq!(loaded.kafka.node_id, 5);
        assert_eq!(loaded.kafka.offsets_topic_replication_factor, 1);
        assert_eq!(loaded.kafka.log_retention_ms, 90 * 60_000);
        let names: Vec<_> = loaded.kafka.client_listeners().map(|l| &l.name).collect();
        assert_eq!(names, ["PLAINTEXT"]);
        assert_eq!(loaded.config.properties["broker.id"], "5");
        assert!(loaded.notes.iter().any(|n| n.contains("server.properties:9: num.network.threads has no meaning here")));
    }

    #[test]
    fn one_that_follows_another_server_is_not_alone() {
        let replicas = |server: &str, listener: &str| {
            let file = format!(
                "process.roles=broker,controller\nnode.id=5\ncontroller.quorum.bootstrap.servers={server}\n\
                 listeners=PLAINTEXT://:9092,CONTROLLER://{listener}\ncontroller.listener.names=CONTROLLER\n"
            );
            from(&file).unwrap().kafka.offsets_topic_replication_factor
        };
        for other in ["other:9093", "localhost:9094", "10.0.0.9:9093"] {
            assert_eq!(replicas(other, ":9093"), 3, "{other}");
        }
        assert_eq!(replicas("10.0.0.9:9093", "10.0.0.5:9093"), 3);
        for (own, listener) in [
            ("localhost:9093", ":9093"),
            ("127.0.0.1:9093", "localhost:9093"),
            ("10.0.0.5:9093", "10.0.0.5:9093"),
        ] {
            assert_eq!(replicas(own, listener), 1, "{own}");
        }
    }

    #[test]
    fn the_pipelines_properties_are_all_known() {
        let loaded = from(
            "num.network.threads=8\nnum.io.threads=16\nsocket.send.buffer.bytes=102400\nsocket.receive.buffer.bytes=102400\n\
             socket.request.max.bytes=104857600\nlog.retention.hours=168\nlog.segment.bytes=1073741824\n\
             log.retention.check.interval.ms=300000\ndefault.replication.factor=3\nmin.insync.replicas=2\n\
             compression.type=snappy\nbatch.size=16384\nlinger.ms=5\n",
        )
        .unwrap();
        assert_eq!(loaded.config.min_insync_replicas, 2);
        for client in ["batch.size", "linger.ms"] {
            assert!(
                loaded
                    .notes
                    .iter()
                    .any(|n| n.contains(client) && n.contains("clients"))
            );
            assert!(!loaded.config.properties.contains_key(client));
        }
    }

    #[test]
    fn a_wrong_name_is_refused_with_its_place_and_the_right_one() {
        assert_eq!(
            refused("node.id=1\n\nlog.retention.hour=1\n"),
            "server.properties:3: unknown property log.retention.hour; did you mean log.retention.hours?"
        );
        assert_eq!(
            refused("nmu.partitions=1"),
            "server.properties:1: unknown property nmu.partitions; did you mean num.partitions?"
        );
        assert_eq!(
            refused("quite.something.else=1"),
            "server.properties:1: unknown property quite.something.else"
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = refused(
            "num.partitions=0\nauto.create.topics.enable=yes\nlog.cleanup.policy=compress\n",
        );
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("server.properties:1: Invalid value 0 for configuration num.partitions: Value must be at least 1"));
        assert!(text.contains("server.properties:2: Invalid value yes"));
        assert!(text.contains("Must be one of: compact, delete"));
    }

    #[test]
    fn wrong_combinations_are_told_with_the_place() {
        assert_eq!(
            refused("\nlisteners=PLAINTEXT://:9092,SSL://:9092"),
            "server.properties:2: Invalid value PLAINTEXT://:9092,SSL://:9092 for configuration listeners: Each listener must have a different port"
        );
        assert!(
            refused("log.retention.ms=0")
                .starts_with("server.properties:1: log.retention.ms must be")
        );
        assert!(refused("listeners=FOO://:1").contains("No security protocol"));
    }

    #[test]
    fn overrides_have_the_last_word() {
        let loaded = load(
            None,
            &[
                "node.id=7".into(),
                "listeners=PLAINTEXT://localhost:0".into(),
            ],
        )
        .unwrap();
        assert_eq!(
            (loaded.config.node_id, loaded.config.listeners[0].port),
            (NodeId(7), 0)
        );
        assert!(matches!(
            load(None, &["x".into()]),
            Err(ConfigFileError::Override(_))
        ));
        let error = load(None, &["node.idd=7".into()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "override: unknown property node.idd; did you mean node.id?"
        );
    }

    #[test]
    fn a_name_given_twice_counts_last_and_is_told() {
        let loaded = from("node.id=1\nnode.id=2\n").unwrap();
        assert_eq!(loaded.config.node_id, NodeId(2));
        assert_eq!(
            loaded.notes,
            ["server.properties:2: node.id stands on line 1 already; the last one counts"]
        );
    }

    #[test]
    fn old_and_foreign_names_are_accepted_with_a_line() {
        let loaded = from(
            "zookeeper.connect=localhost:2181\nport=9092\nlistener.name.internal.ssl.keystore.location=/x\nrsm.config.a=b\n\
             listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=secret;\n",
        )
        .unwrap();
        assert_eq!(loaded.notes.len(), 5);
        assert!(!loaded.notes.iter().any(|n| n.contains("secret")));
    }
}
