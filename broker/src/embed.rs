//! A node, or a whole cluster of them, inside another process: start it in a test, point a client at it, stop it or pull its plug.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures::future::try_join_all;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::boot::{self, Running, StartError};
use crate::config::load::{Given, Loaded, Origin};
#[cfg(feature = "faults")]
use crate::faults::{Place, Shared};
use crate::net::Serving;

/// How to start a [`Broker`].
#[derive(Debug, Default)]
pub struct Builder {
    properties: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
    seed: Option<u64>,
}

impl Builder {
    /// Sets one of Kafka's broker properties (`server.properties`), over the defaults of an embedded node: any free port of
    /// 127.0.0.1, and no delay before a group's first rebalance.
    pub fn property(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.properties.push((name.into(), value.to_string()));
        self
    }

    /// Keeps the data in this directory. Without it, it lies in a temporary one that goes with the broker.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// Where the node's random numbers begin: ids, jitter. Without it, at random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts the node on the current tokio runtime; clients are served when this returns. It shares the runtime's threads: a
    /// client that blocks (librdkafka's, when it is polled or dropped) belongs in `spawn_blocking` or `block_in_place`.
    ///
    /// Errors: an unknown property, a port in use, a directory that cannot be used. Nothing has been changed then.
    pub async fn start(self) -> Result<Broker, StartError> {
        let (dir, temp) = match self.data_dir {
            Some(dir) => (dir, None),
            None => {
                let temp = tempfile::Builder::new().prefix("airis-").tempdir()?;
                (temp.path().to_owned(), Some(temp))
            }
        };
        let mut given = Given::default();
        let mut set = |name: &str, value: &str| given.add(name, value, Origin::Override);
        set("listeners", "PLAINTEXT://127.0.0.1:0");
        set("log.dirs", &dir.to_string_lossy());
        set("group.initial.rebalance.delay.ms", "0");
        for (name, value) in &self.properties {
            set(name, value);
        }
        let place = Place::alone();
        let seed = self.seed.unwrap_or_else(entropy);
        launch(
            given.resolve()?,
            temp,
            seed,
            [Handle::current()].into(),
            place,
        )
        .await
    }
}

/// Starts what has been configured, and tells what the configuration has to say.
pub(crate) async fn start(loaded: Loaded, serving: Serving) -> Result<Broker, StartError> {
    launch(loaded, None, entropy(), serving, Place::alone()).await
}

/// Where the random numbers of a run begin: the standard library's hasher keys are the process's entropy.
fn entropy() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    hasher.finish()
}

async fn launch(
    loaded: Loaded,
    temp: Option<TempDir>,
    seed: u64,
    serving: Serving,
    place: Arc<Place>,
) -> Result<Broker, StartError> {
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    let (scope, host) = place.begin();
    let running = scope.of(boot::start(loaded, seed, serving, host)).await?;
    Ok(Broker {
        running,
        place,
        _temp: temp,
    })
}

/// Without faults every node runs on this machine as it is.
#[cfg(not(feature = "faults"))]
mod plain {
    use std::sync::Arc;

    use crate::host::Host;

    pub struct Place;
    pub struct Shared;
    pub struct Scope;

    impl Shared {
        pub fn new() -> Shared {
            Shared
        }
    }

    impl Place {
        pub fn new(_me: usize, _shared: &Shared) -> Arc<Place> {
            Arc::new(Place)
        }

        pub fn alone() -> Arc<Place> {
            Arc::new(Place)
        }

        pub fn begin(&self) -> (Scope, Host) {
            (Scope, Host::default())
        }

        pub fn scope(&self) -> Scope {
            Scope
        }

        pub fn resume(&self) {}

        pub fn end_pause_by_death(&self) {}
    }

    impl Scope {
        pub fn of<F: Future>(&self, future: F) -> F {
            future
        }
    }
}
#[cfg(not(feature = "faults"))]
use plain::{Place, Shared};

/// A running node. Dropping it stops it as a crash would; see [`Broker::stop`].
pub struct Broker {
    pub(crate) running: Running,
    pub(crate) place: Arc<Place>,
    _temp: Option<TempDir>,
}

impl Broker {
    /// A node with Kafka's defaults, on any free port of 127.0.0.1, its data in a temporary directory, unless told otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What clients connect to: `host:port`.
    pub fn bootstrap_servers(&self) -> &str {
        &self.running.bootstrap
    }

    /// The node's id.
    pub fn node_id(&self) -> i32 {
        self.running.node.id.0
    }

    /// True if the node is the active controller, as far as it knows.
    pub fn is_controller(&self) -> bool {
        self.running.node.meta.is_active()
    }

    /// The cluster's id, as `meta.properties` has it.
    pub fn cluster_id(&self) -> &str {
        &self.running.node.cluster_id
    }

    /// Each listener's name and bound address.
    pub fn listeners(&self) -> impl Iterator<Item = (&str, std::net::SocketAddr)> {
        self.running.listeners.iter().map(|(n, a)| (n.as_str(), *a))
    }

    /// Resolves, with the reason, once the node could not go on: its metadata, or all of its log directories, cannot be kept. It
    /// serves nobody any more; what is left to do is to drop it, and to start it again once its disk is mended.
    pub fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        self.running.failed()
    }

    /// Closes all connections, flushes and closes the logs, and leaves the mark of a clean shutdown.
    pub async fn stop(self) {
        self.place.resume();
        self.place.scope().of(self.running.stop()).await;
    }

    /// Stops at once, as a crash of the process would: nothing is flushed, nothing is marked. The data directory can be opened
    /// again when this returns.
    pub async fn kill(self) {
        self.place.end_pause_by_death();
        self.running.kill().await;
    }
}

/// How long the nodes of a new cluster may take to hear of each other, once all take part.
const ALL_KNOWN_MAX: Duration = Duration::from_secs(5);

/// How to start a [`Cluster`].
#[derive(Debug)]
pub struct ClusterBuilder {
    nodes: usize,
    properties: Vec<(String, String)>,
    of_node: Vec<(usize, String, String)>,
    data_dir: Option<PathBuf>,
    seed: Option<u64>,
}

impl ClusterBuilder {
    /// How many nodes; three if nobody says.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// Sets a broker property of every node.
    pub fn property(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.properties.push((name.into(), value.to_string()));
        self
    }

    /// Sets a broker property of one node, counted from 0.
    pub fn node_property(
        mut self,
        node: usize,
        name: impl Into<String>,
        value: impl ToString,
    ) -> Self {
        self.of_node.push((node, name.into(), value.to_string()));
        self
    }

    /// Keeps the data of node 1 in `node-1` under this directory, and so on. Without it, it lies in a temporary one.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// Where the nodes' random numbers begin: ids, jitter. Without it, at random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts all nodes at once. When this returns the cluster has a controller, and every broker of it takes part.
    ///
    /// Errors: as for one node.
    pub async fn start(self) -> Result<Cluster, StartError> {
        self.start_on([Handle::current()].into()).await
    }

    /// As [`ClusterBuilder::start`], with all connections on `serving`.
    pub(crate) async fn start_on(self, serving: Serving) -> Result<Cluster, StartError> {
        let (dir, temp) = match self.data_dir {
            Some(dir) => (dir, None),
            None => {
                let temp = tempfile::Builder::new()
                    .prefix("airis-cluster-")
                    .tempdir()?;
                (temp.path().to_owned(), Some(temp))
            }
        };
        let mut ports = Vec::new();
        // Held until the nodes bind them: others on this machine are less likely to get them meanwhile.
        let mut held = Vec::new();
        for _ in 0..self.nodes * 2 {
            let socket = bind_lasting()?;
            ports.push(socket.local_addr()?.port());
            held.push(socket);
        }
        let voters: Vec<String> = (0..self.nodes)
            .map(|i| format!("{}@127.0.0.1:{}", i + 1, ports[self.nodes + i]))
            .collect();
        let mut given = Vec::new();
        for i in 0..self.nodes {
            let mut node = Given::default();
            let mut set = |name: &str, value: &str| node.add(name, value, Origin::Override);
            let (client, controller) = (ports[i], ports[self.nodes + i]);
            set("node.id", &(i + 1).to_string());
            set(
                "listeners",
                &format!("PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}"),
            );
            set("controller.quorum.voters", &voters.join(","));
            set(
                "log.dirs",
                &dir.join(format!("node-{}", i + 1)).to_string_lossy(),
            );
            let replicas = self.nodes.min(3).to_string();
            let in_sync = (self.nodes.min(3) / 2 + 1).to_string();
            for name in [
                "default.replication.factor",
                "offsets.topic.replication.factor",
                "transaction.state.log.replication.factor",
                "share.coordinator.state.topic.replication.factor",
            ] {
                set(name, &replicas);
            }
            for name in [
                "min.insync.replicas",
                "transaction.state.log.min.isr",
                "share.coordinator.state.topic.min.isr",
            ] {
                set(name, &in_sync);
            }
            set("group.initial.rebalance.delay.ms", "0");
            for (name, value) in &self.properties {
                set(name, value);
            }
            for (_, name, value) in self.of_node.iter().filter(|(n, _, _)| *n == i) {
                set(name, value);
            }
            given.push(node);
        }
        drop(held);
        let shared = Shared::new();
        let mut cluster = Cluster {
            voters: voters.join(","),
            places: (0..self.nodes).map(|i| Place::new(i, &shared)).collect(),
            shared,
            given,
            seed: self.seed.unwrap_or_else(entropy),
            lives: 0,
            serving,
            nodes: Vec::new(),
            _temp: temp,
        };
        let launches = (0..self.nodes).map(|i| cluster.launch(i));
        let nodes = try_join_all(launches).await?;
        cluster.nodes = nodes.into_iter().map(Some).collect();
        cluster.lives = self.nodes as u64;
        all_known(cluster.nodes.iter().flatten()).await;
        Ok(cluster)
    }
}

/// Where the ports of a cluster's nodes are taken from: below those that Linux gives to whoever asks for any
/// (`net.ipv4.ip_local_port_range`), so that nobody gets a node's port while it is down.
const LASTING_PORTS: Range<u16> = 20_000..32_000;

/// Binds a port of 127.0.0.1 that this process has not given to a node yet.
fn bind_lasting() -> io::Result<TcpListener> {
    static BEGIN: LazyLock<usize> = LazyLock::new(|| entropy() as usize % LASTING_PORTS.len());
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    for _ in LASTING_PORTS {
        let n = *BEGIN + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = LASTING_PORTS.start + (n % LASTING_PORTS.len()) as u16;
        match TcpListener::bind(("127.0.0.1", port)) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            other => return other,
        }
    }
    TcpListener::bind("127.0.0.1:0")
}

/// Each broker waits until it takes part; this one waits until all of them know it of all others.
async fn all_known(nodes: impl Iterator<Item = &Broker>) {
    let brokers: Vec<_> = nodes
        .map(|n| &n.running.node)
        .filter(|n| n.epoch().0 >= 0)
        .collect();
    for node in &brokers {
        let mut published = node.meta.subscribe();
        let all = |_: &i64| {
            let image = node.meta.image();
            brokers.iter().all(|b| image.is_active(b.id))
        };
        let _ = timeout(ALL_KNOWN_MAX, published.wait_for(all)).await;
    }
}

/// A running cluster on this machine's loopback. Nodes are counted from 0; their ids from 1.
pub struct Cluster {
    voters: String,
    given: Vec<Given>,
    /// Each life of a node begins its random numbers elsewhere.
    seed: u64,
    lives: u64,
    serving: Serving,
    #[cfg_attr(not(feature = "faults"), allow(dead_code))]
    pub(crate) shared: Shared,
    pub(crate) places: Vec<Arc<Place>>,
    pub(crate) nodes: Vec<Option<Broker>>,
    _temp: Option<TempDir>,
}

impl Cluster {
    /// Three nodes that are controllers and brokers, on free ports of 127.0.0.1, their data in a temporary directory, unless told
    /// otherwise; what is created has a replica on each (three at most).
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder {
            nodes: 3,
            properties: Vec::new(),
            of_node: Vec::new(),
            data_dir: None,
            seed: None,
        }
    }

    async fn launch(&self, i: usize) -> Result<Broker, StartError> {
        let given = self.given[i].clone().resolve()?;
        let seed = self.seed.wrapping_add(self.lives + i as u64);
        let place = self.places[i].clone();
        launch(given, None, seed, self.serving.clone(), place).await
    }

    /// What clients connect to: `host:port` of every node that runs, with commas.
    pub fn bootstrap_servers(&self) -> String {
        let running: Vec<&str> = self
            .nodes
            .iter()
            .flatten()
            .map(Broker::bootstrap_servers)
            .filter(|b| !b.is_empty())
            .collect();
        running.join(",")
    }

    /// The controllers, as `controller.quorum.voters` has them: for further nodes.
    pub fn voters(&self) -> &str {
        &self.voters
    }

    /// A node that runs.
    pub fn node(&self, i: usize) -> Option<&Broker> {
        self.nodes.get(i)?.as_ref()
    }

    /// Which node is the active controller, as far as the nodes know.
    pub fn controller(&self) -> Option<usize> {
        let active = |n: &Option<Broker>| {
            let node = n.as_ref().map(|b| &b.running.node);
            node.is_some_and(|node| node.meta.is_active())
        };
        self.nodes.iter().position(active)
    }

    /// Ends a node as a crash of its process would. Does nothing if it does not run.
    pub async fn kill(&mut self, i: usize) {
        if let Some(node) = self.nodes[i].take() {
            node.kill().await;
        }
    }

    /// Ends a node in an orderly way: its leaderships are moved first. Does nothing if it does not run.
    pub async fn stop(&mut self, i: usize) {
        if let Some(node) = self.nodes[i].take() {
            node.stop().await;
        }
    }

    /// Starts a node again on its data; it takes part when this returns. One that runs is stopped first.
    pub async fn restart(&mut self, i: usize) -> Result<(), StartError> {
        self.stop(i).await;
        self.nodes[i] = Some(self.launch(i).await?);
        self.lives += self.nodes.len() as u64;
        all_known(self.nodes.iter().flatten()).await;
        Ok(())
    }

    /// Stops all nodes in an orderly way, one after the other.
    pub async fn shutdown(mut self) {
        for i in 0..self.nodes.len() {
            self.stop(i).await;
        }
    }
}
