//! From a configuration to a running node, and back.
//!
//! Always holds: listeners are bound and directories locked before anything is written, so that a node that cannot start has changed
//! nothing; clients are let in last. Must never: leave a clean-shutdown mark unless everything is on stable storage.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use airis_cluster::fetch::session::Sessions;
use airis_cluster::machine::Chance;
use airis_cluster::metadata::{Settings, features};
use airis_protocol::messages::BrokerRegistrationRequest;
use airis_protocol::messages::broker_registration_request::{Feature, Listener};
use airis_protocol::types::{BrokerEpoch, Str};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::config::load::Loaded;
use crate::coord::Groups;
use crate::meta::{Meta, MetaError, MetaOptions};
use crate::net::{self, Bound, Limits, RequestMemory, Serving};
use crate::node::Node;
use crate::partition::{Disks, DisksError, PartitionTable};
use crate::work;

/// Why a node cannot start. Each says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] crate::config::load::ConfigFileError),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Listen(#[from] std::io::Error),
    #[error(transparent)]
    Disks(#[from] DisksError),
    #[error(transparent)]
    Meta(#[from] MetaError),
    #[error("the controller refused this node's registration: {0}")]
    Registration(airis_protocol::error::ErrorCode),
}

/// A node that runs: its services and the tasks that it owns.
pub struct Running {
    pub node: Arc<Node>,
    /// Name and address of each listener, as bound.
    pub listeners: Vec<(Str, SocketAddr)>,
    /// What clients are told: the first listener's advertised `host:port`.
    pub bootstrap: String,
    disks: Arc<Disks>,
    meta: Meta,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

fn supported(loaded: &Loaded) -> Result<(), StartError> {
    let kafka = &loaded.kafka;
    let both = ["broker", "controller"]
        .iter()
        .all(|role| kafka.process_roles.iter().any(|r| r == role));
    if !both {
        return Err(StartError::Unsupported(
            "process.roles must be broker,controller: nodes with one role are not built yet".into(),
        ));
    }
    if kafka.controller_quorum_voters.len() > 1
        || kafka.controller_quorum_bootstrap_servers.len() > 1
    {
        return Err(StartError::Unsupported(
            "controller.quorum.voters names several nodes: clusters are not built yet, start this node alone".into(),
        ));
    }
    Ok(())
}

/// Starts a node whose connections run on `serving`. `seed` is where its random numbers begin.
pub async fn start(loaded: Loaded, seed: u64, serving: Serving) -> Result<Running, StartError> {
    supported(&loaded)?;
    let config = Arc::new(loaded.config);
    let metadata_dir = match &loaded.kafka.metadata_log_dir {
        Some(dir) => PathBuf::from(dir),
        None => config.log_dirs[0].clone(),
    };
    let bound = config
        .listeners
        .iter()
        .map(|l| net::bind(&l.name, &l.host, l.port))
        .collect::<Result<Vec<Bound>, _>>()?;
    let mut chance = Chance::new(seed);
    let fresh_cluster = chance.uuid();
    let (disks_config, directory_seed) = (config.clone(), chance.bits());
    let disks = tokio::task::spawn_blocking(move || {
        Disks::open_all(&disks_config, fresh_cluster, directory_seed)
    })
    .await
    .expect("opening the log directories does not panic")?;
    let disks = Arc::new(disks);
    let cluster_id = disks.cluster_id().clone();
    let table = Arc::new(PartitionTable::new(config.clone(), disks.clone()));
    let clock = Clock;
    let meta = Meta::start(
        MetaOptions {
            disk: Arc::new(airis_storage::RealDisk),
            log_dir: metadata_dir,
            settings: Settings {
                node: config.node_id,
                cluster_id: cluster_id.clone(),
                default_partitions: config.num_partitions,
                default_replication_factor: config.default_replication_factor,
                min_insync_replicas: config.min_insync_replicas,
                delete_topic_enable: config.delete_topic_enable,
                static_configs: config.properties.clone(),
            },
            now: Arc::new(move || clock.now()),
            seed: chance.bits(),
            snapshot_bytes: loaded
                .kafka
                .metadata_log_max_record_bytes_between_snapshots
                .max(1) as u64,
        },
        table.clone(),
    )
    .await?;
    let (swept, image) = (table.clone(), meta.handle().image());
    tokio::task::spawn_blocking(move || swept.sweep(&image))
        .await
        .expect("sweeping the log directories does not panic");
    let addresses = advertised(&config, &bound);
    let registration = BrokerRegistrationRequest {
        broker_id: config.node_id.0,
        cluster_id: cluster_id.clone(),
        incarnation_id: chance.uuid(),
        listeners: bound
            .iter()
            .map(|b| {
                let (host, port) = &addresses[&b.name];
                Listener {
                    name: b.name.clone(),
                    host: Str::from(host),
                    port: *port,
                    security_protocol: 0,
                }
            })
            .collect(),
        features: features::SUPPORTED
            .iter()
            .map(|(name, min, max)| Feature {
                name: Str::from_static(name),
                min_supported_version: *min,
                max_supported_version: *max,
            })
            .collect(),
        rack: config.rack.clone(),
        is_migrating_zk_broker: false,
        log_dirs: disks.directory_ids(),
        previous_broker_epoch: disks.previous_epoch().0,
    };
    let epoch = meta
        .handle()
        .register(registration)
        .await
        .map_err(StartError::Registration)?;
    let (stop, stopped) = watch::channel(false);
    let (groups, coordinating) = Groups::start(
        &config,
        meta.handle().clone(),
        table.clone(),
        clock,
        chance.bits(),
        &stopped,
    );
    let node = Arc::new(Node {
        id: config.node_id,
        epoch,
        cluster_id,
        meta: meta.handle().clone(),
        partitions: table,
        groups,
        producer_ids: Default::default(),
        fetch_sessions: Mutex::new(Sessions::new(config.fetch_session_slots)),
        clock,
        chance: Mutex::new(chance),
        config: config.clone(),
    });
    let listeners: Vec<_> = bound.iter().map(|b| (b.name.clone(), b.addr)).collect();
    let bootstrap = bound
        .first()
        .map(|b| &addresses[&b.name])
        .map_or_else(String::new, |(host, port)| format!("{host}:{port}"));
    let limits = Limits {
        request_bytes_max: config.request_bytes_max,
        idle_max: config.idle_max,
        memory: RequestMemory::new(config.request_memory_bytes),
    };
    let mut tasks = work::start(&node, &stopped);
    tasks.extend(coordinating);
    for listener in bound {
        tasks.push(tokio::spawn(listener.accept(
            node.clone(),
            limits.clone(),
            serving.clone(),
            stopped.clone(),
        )));
    }
    info!(node = %node.id, cluster = %node.cluster_id, epoch = %epoch, "started");
    Ok(Running {
        node,
        listeners,
        bootstrap,
        disks,
        meta,
        stop,
        tasks,
    })
}

/// What clients are told to connect to, by listener.
fn advertised(config: &BrokerConfig, bound: &[Bound]) -> BTreeMap<Str, (String, u16)> {
    bound
        .iter()
        .map(|b| {
            let told = config.advertised.iter().find(|a| a.name == b.name);
            let host = match told {
                Some(told) if !told.host.is_empty() => told.host.clone(),
                _ => host_of(b.addr.ip()),
            };
            let port = match told {
                Some(told) if told.port != 0 => told.port,
                _ => b.addr.port(),
            };
            (b.name.clone(), (host, port))
        })
        .collect()
}

/// An address that others can connect to. All interfaces stand for this machine's name.
fn host_of(ip: IpAddr) -> String {
    if ip.is_unspecified() {
        let name = rustix::system::uname();
        let name = name.nodename().to_string_lossy().into_owned();
        if !name.is_empty() {
            return name;
        }
    }
    ip.to_string()
}

impl Running {
    /// Closes connections, flushes and closes every log, and marks the directories as cleanly shut down.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            let _ = task.await;
        }
        let (disks, table) = (self.disks, self.node.partitions.clone());
        let epoch = self.node.epoch;
        let closed = tokio::task::spawn_blocking(move || close(&disks, &table, epoch)).await;
        // The metadata last: the mark of the other logs does not depend on it, and its own log knows what is whole.
        if let Err(e) = self.meta.stop().await {
            error!("the metadata was not closed cleanly: {e}");
        }
        match closed {
            Ok(true) => info!("stopped"),
            _ => error!("stopped, not cleanly: the next start checks the logs"),
        }
    }

    /// Stops as a crash would: nothing is flushed or marked.
    pub async fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        self.meta.kill().await;
    }
}

/// True if everything is on stable storage.
fn close(disks: &Disks, table: &PartitionTable, epoch: BrokerEpoch) -> bool {
    let partitions = table.all();
    let mut clean = true;
    for partition in &partitions {
        if let Err(e) = partition.log().close() {
            error!(topic = %partition.topic, partition = %partition.index, "the log was not closed: {e}");
            clean = false;
        }
    }
    // Nobody reads any more, so nothing is gained by waiting; and whoever opens the directories next need not care about them.
    for path in table.take_deleted(|_| true) {
        if let Err(e) = disks.remove(&path) {
            warn!("a deleted partition's files stay until the next start: {e}");
        }
    }
    if let Err(e) = disks.write_checkpoints(&partitions) {
        error!("{e}");
        clean = false;
    }
    if clean && let Err(e) = disks.mark_clean(epoch) {
        error!("{e}");
        clean = false;
    }
    clean
}
