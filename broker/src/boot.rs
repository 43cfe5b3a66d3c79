//! From a configuration to a running node, and back.
//!
//! Always holds: listeners are bound and directories locked before anything is written, so that a node that cannot start has changed
//! nothing; clients are let in last. Must never: leave a clean-shutdown mark unless everything is on stable storage.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::machine::Chance;
use airis_cluster::metadata::{Settings, features};
use airis_protocol::messages::BrokerRegistrationRequest;
use airis_protocol::messages::broker_registration_request::{Feature, Listener};
use airis_protocol::types::{BrokerEpoch, Str, Uuid};
use airis_storage::Disk;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::api::dispatch::Door;
use crate::config::BrokerConfig;
use crate::config::load::Loaded;
use crate::coord::Groups;
use crate::host::Host;
use crate::life::{self, Life};
use crate::meta::form::{FormError, Formation, Identity, Named};
use crate::meta::{self, Meta, MetaError, MetaOptions, ObserverOptions};
use crate::net::{self, Bound, Limits, RequestMemory, Serving};
use crate::node::{Node, Parts};
use crate::partition::{Disks, DisksError, PartitionTable, peek};
use crate::replicate;
use crate::task;
use crate::work::{self, Stop};

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
    #[error(transparent)]
    Form(#[from] FormError),
    #[error("the controller refused this node's registration: {0}")]
    Registration(airis_protocol::error::ErrorCode),
    #[error("{0}")]
    Failed(String),
}

/// What large requests of other nodes may take together, at most; they come over listeners of their own.
const NODES_MEMORY_MAX: usize = 64 * 1024 * 1024;
/// So long a node that is killed, or cannot go on, waits for what else of it is to end.
const KILL_MAX: Duration = Duration::from_secs(5);

/// A node that runs: its services and the tasks that it owns.
pub struct Running {
    pub node: Arc<Node>,
    /// Name and address of each listener, as bound.
    pub listeners: Vec<(Str, SocketAddr)>,
    /// What clients are told: the first listener's advertised `host:port`.
    pub bootstrap: String,
    disks: Arc<Disks>,
    meta: Meta,
    /// The broker's heartbeats; a node that is alone sends none, one that is no broker has none.
    life: Option<Life>,
    stop: Stop,
    /// Why the node could not go on.
    failed: watch::Receiver<Option<String>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a node is to be, out of its configuration.
struct Plan {
    broker: bool,
    controller: bool,
    /// The controllers, as the configuration names them; this node itself if it names none.
    named: Named,
}

fn plan(loaded: &Loaded) -> Result<Plan, StartError> {
    let kafka = &loaded.kafka;
    let wrong = |text: String| Err(StartError::Unsupported(text));
    let (broker, controller) = (kafka.is_broker(), kafka.is_controller());
    let me = kafka.node_id;
    let mut voters = BTreeMap::new();
    for voter in kafka.controller_quorum_voters.iter().map(|v| v.trim()) {
        let parsed = voter
            .split_once('@')
            .and_then(|(id, addr)| Some((id.trim().parse::<i32>().ok()?, addr.trim())));
        match parsed {
            Some((id, addr)) => voters.insert(id, addr.to_owned()),
            None => {
                return wrong(format!(
                    "controller.quorum.voters: {voter:?} is not of the form id@host:port"
                ));
            }
        };
    }
    let servers: Vec<String> = kafka
        .controller_quorum_bootstrap_servers
        .iter()
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect();
    let listens = !loaded.config.controller_listeners.is_empty();
    if !controller && voters.is_empty() && servers.is_empty() {
        return wrong(
            "process.roles=broker needs controller.quorum.voters or controller.quorum.bootstrap.servers: where the controllers are".into(),
        );
    }
    if controller && !voters.is_empty() && !voters.contains_key(&me) {
        return wrong(format!(
            "process.roles has controller, but controller.quorum.voters does not name node.id={me}: add {me}@host:port, or take the role away"
        ));
    }
    if controller && !listens && (voters.len() > 1 || !servers.is_empty() || !broker) {
        return wrong(format!(
            "the controllers of a cluster reach each other by a listener of controller.listener.names={}: add one to listeners, for example {}://:9093",
            kafka.controller_listener_names.join(","),
            kafka
                .controller_listener_names
                .first()
                .map_or("CONTROLLER", |n| n.as_str()),
        ));
    }
    let named = if !voters.is_empty() {
        Named::Voters(voters)
    } else {
        Named::Servers(servers)
    };
    Ok(Plan {
        broker,
        controller,
        named,
    })
}

/// What the directory says that holds the metadata, before it is locked.
fn identity(
    disk: &dyn Disk,
    config: &BrokerConfig,
    dir: &Path,
    fresh: Uuid,
) -> Result<Identity, StartError> {
    let known = peek(disk, dir)?;
    if let Some(known) = known.as_ref().filter(|p| p.node_id != config.node_id) {
        return Err(StartError::Disks(DisksError::OtherNode {
            dir: dir.to_owned(),
            found: known.node_id.0,
            expected: config.node_id.0,
        }));
    }
    Ok(Identity {
        node: config.node_id.0,
        dir: dir.to_owned(),
        directory: known.as_ref().and_then(|p| p.directory_id).unwrap_or(fresh),
        cluster: known.map(|p| p.cluster_id),
    })
}

/// Tasks that end if the start does not come to its end.
#[derive(Default)]
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Starts a node whose connections run on `serving`. `seed` is where its random numbers begin.
pub async fn start(
    loaded: Loaded,
    seed: u64,
    serving: Serving,
    host: Host,
) -> Result<Running, StartError> {
    let plan = plan(&loaded)?;
    let config = Arc::new(loaded.config);
    let metadata_dir = match &config.metadata_dir {
        Some(dir) => dir.clone(),
        // Any that can be read tells a broker who it is.
        None => {
            let readable = config
                .log_dirs
                .iter()
                .find(|d| matches!(peek(&*host.disk, d), Ok(Some(_))));
            readable.unwrap_or(&config.log_dirs[0]).clone()
        }
    };
    let bind = |listeners: &[crate::config::Listener]| {
        listeners
            .iter()
            .map(|l| net::bind(&host.network, &l.name, &l.host, l.port))
            .collect::<Result<Vec<Bound>, _>>()
    };
    let bound = bind(if plan.broker { &config.listeners } else { &[] })?;
    let for_controllers = bind(if plan.controller {
        &config.controller_listeners
    } else {
        &[]
    })?;
    let limits = Limits {
        request_bytes_max: config.request_bytes_max,
        idle_max: config.idle_max,
        memory: RequestMemory::new(config.request_memory_bytes),
        // Controllers are no clients.
        seats: None,
    };
    // Nodes do not queue behind clients that have asked for all the memory there is.
    let among_nodes = Limits {
        memory: RequestMemory::new(config.request_memory_bytes.min(NODES_MEMORY_MAX)),
        ..limits.clone()
    };
    let listeners: Vec<_> = bound
        .iter()
        .chain(&for_controllers)
        .map(|b| (b.name.clone(), b.addr))
        .collect();
    let addresses = advertised(&config, &bound);
    let bootstrap = bound
        .first()
        .map(|b| &addresses[&b.name])
        .or(None)
        .map_or_else(String::new, |(host, port)| format!("{host}:{port}"));
    let own_addr = for_controllers
        .first()
        .map(|b| advertised(&config, &for_controllers)[&b.name].clone())
        .map_or_else(String::new, |(host, port)| format!("{host}:{port}"));
    let mut chance = Chance::new(seed);
    let fresh_cluster = chance.uuid().to_string();
    let (stop, stopped) = Stop::new();
    let mut tasks = Tasks::default();

    // First the others: a directory is formatted with an id that all agree on.
    let identity = match identity(&*host.disk, &config, &metadata_dir, chance.uuid()) {
        // A broker can be without a directory of which nothing can be said.
        Err(StartError::Disks(DisksError::Metadata(_))) if !plan.controller => Identity {
            node: config.node_id.0,
            dir: metadata_dir.clone(),
            directory: chance.uuid(),
            cluster: None,
        },
        identity => identity?,
    };
    let (mut door, mut quorum, mut formed) = (None, None, None);
    let cluster = if plan.controller {
        let formation = Formation::new(&host, identity, plan.named.clone());
        let served = Door::new_for_controllers(formation.quorum().clone());
        for listener in for_controllers {
            let accept = listener.accept(
                served.clone(),
                among_nodes.clone(),
                serving.clone(),
                stopped.clone(),
            );
            tasks.0.push(task::spawn(accept));
        }
        door = Some(served);
        quorum = Some(formation.quorum().clone());
        let found = formation.form(&fresh_cluster).await?;
        let cluster = found.cluster.clone();
        formed = Some(found);
        cluster
    } else {
        let theirs =
            meta::find_cluster(&host.network, &controllers(&plan.named), config.node_id).await;
        if let Some(own) = identity.cluster.as_ref().filter(|own| **own != theirs) {
            return Err(StartError::Unsupported(format!(
                "{} belongs to cluster {own}, the controllers to cluster {theirs}: correct controller.quorum.voters (or \
                 controller.quorum.bootstrap.servers), or choose another log.dirs",
                identity.dir.display()
            )));
        }
        theirs
    };
    let (opened_on, disks_config, directory_seed) = (host.clone(), config.clone(), chance.bits());
    let disks = task::blocking(move || {
        Disks::open_all(&opened_on, &disks_config, &cluster, directory_seed)
    })
    .await
    .expect("opening the log directories does not panic")?;
    let disks = Arc::new(disks);
    let cluster_id = disks.cluster_id().clone();
    let directory = disks.directory_ids().first().copied();
    let directory = directory.unwrap_or(Uuid::ZERO);
    let table = Arc::new(PartitionTable::new(config.clone(), disks.clone()));
    let meta = match (formed, quorum) {
        (Some(mut formed), Some(quorum)) => {
            let me = config.node_id.0;
            formed
                .formatted(&host, &metadata_dir, &quorum, directory, me)
                .await?;
            Meta::start(
                MetaOptions {
                    host: Host {
                        disk: disks.metadata_disk().unwrap_or_else(|| host.disk.clone()),
                        ..host.clone()
                    },
                    log_dir: metadata_dir,
                    settings: Settings {
                        node: config.node_id,
                        cluster_id: cluster_id.clone(),
                        default_partitions: config.num_partitions,
                        default_replication_factor: config.default_replication_factor,
                        min_insync_replicas: config.min_insync_replicas,
                        delete_topic_enable: config.delete_topic_enable,
                        kraft_version: 0,
                        static_configs: config.properties.clone(),
                    },
                    seed: chance.bits(),
                    snapshot_bytes: loaded
                        .kafka
                        .metadata_log_max_record_bytes_between_snapshots
                        .max(1) as u64,
                    quorum,
                    part: formed.part,
                    voters: formed.voters,
                    own_addr,
                    patience: config.quorum_patience,
                    session_timeout: config.session_timeout,
                    inter_broker_listener: config.inter_broker_listener.clone(),
                    balance: (
                        Duration::from_secs(
                            loaded.kafka.leader_imbalance_check_interval_seconds as u64,
                        ),
                        loaded.kafka.auto_leader_rebalance_enable,
                    ),
                },
                table.clone(),
            )
            .await?
        }
        _ => {
            let options = ObserverOptions {
                network: host.network.clone(),
                node: config.node_id,
                cluster_id: cluster_id.clone(),
                controllers: controllers(&plan.named),
                directory,
            };
            tokio::select! {
                meta = Meta::observe(options, table.clone()) => meta?,
                why = failure(pending(), disks.clone()) => return Err(StartError::Failed(why)),
            }
        }
    };
    let taking_part = async {
        let registration = registration(&config, &cluster_id, &disks, &addresses, chance.uuid());
        // A node that is alone has applied what it decides: it is registered and unfenced in one step.
        let alone = plan.broker && meta.handle().is_alone();
        let mut epoch = BrokerEpoch(-1);
        if plan.broker {
            let (disks, durability) = (disks.clone(), config.durability);
            let run = registration.incarnation_id;
            task::blocking(move || {
                // A disk that does not take it fails, and its logs with it.
                if let Err(e) = disks.mark_run(run, durability) {
                    warn!("this run is not noted in the log directories: {e}");
                }
            })
            .await
            .expect("noting a run does not panic");
        }
        if alone {
            let previous = disks.previous_epoch(&meta.handle().image(), config.node_id);
            let registration = BrokerRegistrationRequest {
                previous_broker_epoch: previous.0,
                ..registration.clone()
            };
            let registered = meta.handle().register(registration).await;
            epoch = registered.map_err(StartError::Registration)?;
        }
        let (groups, coordinating) = Groups::start(
            &config,
            meta.handle().clone(),
            table.clone(),
            host.clock.clone(),
            chance.bits(),
            &stopped,
        );
        tasks.0.extend(coordinating);
        let node = Arc::new(Node::new(Parts {
            id: config.node_id,
            cluster_id: cluster_id.clone(),
            meta: meta.handle().clone(),
            partitions: table,
            groups,
            clock: host.clock,
            network: host.network,
            chance,
            config: config.clone(),
        }));
        #[cfg(feature = "sim")]
        crate::sim::begun(&node);
        node.set_epoch(epoch);
        if let Some(door) = &door {
            door.open(node.clone());
        }
        let mut life = None;
        if plan.broker {
            if !alone {
                life::register(&node, &registration)
                    .await
                    .map_err(StartError::Registration)?;
            }
            meta.handle().image_at(node.epoch().0).await;
            let (partitions, run) = (node.partitions.clone(), registration.incarnation_id);
            task::blocking(move || partitions.begin(run))
                .await
                .expect("opening the logs does not panic");
            tasks
                .0
                .extend(replicate::start(&node, serving.clone(), &stopped));
            let mut begun = Life::begin(node.clone(), registration.clone(), &stopped, alone);
            begun.unfenced().await;
            life = Some(begun);
            // As in Kafka, clients are let in once this broker is unfenced; and here, once its own image says so as well. Whoever comes
            // before would be told of a cluster without this broker, or, where all nodes have just come back, without any, and clients
            // take that for the truth. Nothing that a fenced broker needs goes over these listeners: it leads nothing, so no replica
            // fetches from it, and its registration and heartbeats go to the controllers' listener. Who connects meanwhile waits in the
            // backlog, so the port shows to a controller that looks (`meta/sessions`) that the process lives.
            let mut published = node.meta.subscribe();
            let _ = published
                .wait_for(|_| node.meta.image().is_active(node.id))
                .await;
            let door = Door::for_clients(node.clone());
            let several = bound.len() > 1;
            for listener in bound {
                // As in Kafka: with a listener of their own, brokers reach each other however many clients there are.
                let among_brokers = several && listener.name == config.inter_broker_listener;
                let limits = match among_brokers {
                    true => among_nodes.clone(),
                    false => Limits {
                        seats: Some(node.partitions.hub().seats.clone()),
                        ..limits.clone()
                    },
                };
                let accept =
                    listener.accept(door.clone(), limits, serving.clone(), stopped.clone());
                tasks.0.push(task::spawn(accept));
            }
        }
        Ok::<_, StartError>((node, life))
    };
    let (node, life) = tokio::select! {
        taken = taking_part => taken?,
        // It would wait for what cannot come any more.
        why = failure(meta.failed(), disks.clone()) => {
            drop((tasks, door));
            let _ = timeout(KILL_MAX, meta.kill()).await;
            gone(disks).await;
            return Err(StartError::Failed(why));
        }
    };
    tasks.0.extend(work::start(&node, &stopped));
    let (failing, failed) = watch::channel(None);
    let failure = failure(meta.failed(), disks.clone());
    let guarded = guard(failure, meta.end_part(), failing, stop.sender());
    tasks.0.push(work::until(&stopped, guarded));
    info!(node = %node.id, cluster = %node.cluster_id, epoch = %node.epoch(), "started");
    Ok(Running {
        node,
        listeners,
        bootstrap,
        disks,
        meta,
        life,
        stop,
        failed,
        tasks: std::mem::take(&mut tasks.0),
    })
}

/// Resolves, with the reason, once the node cannot go on.
async fn failure(meta_failed: impl Future<Output = String>, disks: Arc<Disks>) -> String {
    let mut failures = disks.failures();
    let disks_failed = async {
        loop {
            if let Some(why) = disks.fatal() {
                return why;
            }
            let _ = failures.changed().await;
        }
    };
    tokio::select! {
        why = meta_failed => why,
        why = disks_failed => why,
    }
}

/// Ends the node when it cannot go on: it says why, and serves nobody from then on. What is on its disks is checked at the next
/// start.
async fn guard(
    failure: impl Future<Output = String>,
    meta_end: impl Future<Output = ()>,
    failing: watch::Sender<Option<String>>,
    stop: watch::Sender<bool>,
) {
    let why = failure.await;
    error!("this node cannot go on and stops: {why}");
    failing.send_replace(Some(why));
    // The others are not to wait for its session to end. What has failed may hold this up.
    let _ = timeout(KILL_MAX, meta_end).await;
    stop.send_replace(true);
}

/// The addresses of the controllers.
fn controllers(named: &Named) -> Vec<String> {
    match named {
        Named::Voters(voters) => voters.values().cloned().collect(),
        Named::Servers(servers) => servers.clone(),
    }
}

fn registration(
    config: &BrokerConfig,
    cluster_id: &Str,
    disks: &Disks,
    addresses: &BTreeMap<Str, (String, u16)>,
    incarnation_id: Uuid,
) -> BrokerRegistrationRequest {
    BrokerRegistrationRequest {
        broker_id: config.node_id.0,
        cluster_id: cluster_id.clone(),
        incarnation_id,
        // In the order of the configuration: the first one is the one that clients are told.
        listeners: config
            .listeners
            .iter()
            .filter_map(|l| Some((&l.name, addresses.get(&l.name)?)))
            .map(|(name, (host, port))| Listener {
                name: name.clone(),
                host: Str::from(host),
                port: *port,
                security_protocol: 0,
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
        // Known once the metadata are.
        previous_broker_epoch: -1,
    }
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
    /// Resolves, with the reason, once the node could not go on. It serves nobody any more, and wants to be dropped or stopped.
    pub fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        let mut failed = self.failed.clone();
        async move {
            if let Ok(why) = failed.wait_for(Option::is_some).await
                && let Some(why) = &*why
            {
                return why.clone();
            }
            std::future::pending().await
        }
    }

    /// Gives leaderships away, closes connections, flushes and closes every log, and marks the directories as cleanly shut down.
    pub async fn stop(self) {
        if let Some(life) = self.life {
            life.leave().await;
        }
        self.stop.tell();
        for task in self.tasks {
            let _ = task.await;
        }
        let (disks, table) = (self.disks, self.node.partitions.clone());
        let epoch = self.node.epoch();
        let closed = task::blocking(move || close(&disks, &table, epoch)).await;
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
        drop(self.life);
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        self.meta.kill().await;
        // Work on other threads may still run: from here on none of it reaches a log.
        for partition in self.node.partitions.all() {
            partition.log().abandon();
        }
        drop(self.node);
        gone(self.disks).await;
    }
}

/// Waits until nobody has the directories any more: their locks go with the last of it.
async fn gone(disks: Arc<Disks>) {
    let held = Arc::downgrade(&disks);
    drop(disks);
    let gone = async {
        while held.strong_count() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = timeout(KILL_MAX, gone).await;
}

/// True if everything is on stable storage.
fn close(disks: &Disks, table: &PartitionTable, epoch: BrokerEpoch) -> bool {
    let partitions = table.all();
    // What this run could not open it cannot close either.
    let doubtful = disks.doubtful(&partitions);
    let mut clean = true;
    for (partition, e) in disks.close_all(&partitions) {
        if !partition.is_offline() {
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
    if clean && let Err(e) = disks.mark_clean(epoch, &doubtful) {
        error!("{e}");
        clean = false;
    }
    clean && doubtful.is_empty()
}

#[cfg(test)]
pub(crate) mod tests;
