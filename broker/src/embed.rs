//! A node, or a whole cluster of them, inside another process: start it in a test, point a client at it, stop it or pull its plug.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::try_join_all;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::boot::{self, Running, StartError};
use crate::config::load::{Given, Loaded, Origin};
use crate::host::Host;
use crate::net::Serving;

/// How to start a [`Broker`].
#[derive(Debug, Default)]
pub struct Builder {
    properties: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
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

    /// Starts the node on the current tokio runtime; clients are served when this returns.
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
        start(given.resolve()?, temp, [Handle::current()].into()).await
    }
}

/// Starts what has been configured, and tells what the configuration has to say.
pub(crate) async fn start(
    loaded: Loaded,
    temp: Option<TempDir>,
    serving: Serving,
) -> Result<Broker, StartError> {
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    // Where the random numbers of this run begin: the standard library's hasher keys are the process's entropy.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    let running = boot::start(loaded, hasher.finish(), serving, Host::default()).await?;
    Ok(Broker {
        running,
        _temp: temp,
    })
}

/// A running node. Dropping it stops it as a crash would; see [`Broker::stop`].
pub struct Broker {
    running: Running,
    _temp: Option<TempDir>,
}

impl Broker {
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
        self.running.stop().await;
    }

    /// Stops at once, as a crash of the process would: nothing is flushed, nothing is marked. The data directory can be opened
    /// again when this returns.
    pub async fn kill(self) {
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
            let socket = TcpListener::bind("127.0.0.1:0")?;
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
        let nodes = try_join_all(
            given
                .iter()
                .map(|node| launch(node.clone(), serving.clone())),
        )
        .await?;
        all_known(nodes.iter()).await;
        Ok(Cluster {
            voters: voters.join(","),
            given,
            serving,
            nodes: nodes.into_iter().map(Some).collect(),
            _temp: temp,
        })
    }
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

async fn launch(given: Given, serving: Serving) -> Result<Broker, StartError> {
    start(given.resolve()?, None, serving).await
}

/// A running cluster on this machine's loopback. Nodes are counted from 0; their ids from 1.
pub struct Cluster {
    voters: String,
    given: Vec<Given>,
    serving: Serving,
    nodes: Vec<Option<Broker>>,
    _temp: Option<TempDir>,
}

impl Cluster {
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder {
            nodes: 3,
            properties: Vec::new(),
            of_node: Vec::new(),
            data_dir: None,
        }
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
        self.nodes[i] = Some(launch(self.given[i].clone(), self.serving.clone()).await?);
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
