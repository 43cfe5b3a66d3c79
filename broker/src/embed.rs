//! A node inside another process: start one in a test, point a client at it, stop it or pull its plug.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::boot::{self, Running, StartError};
use crate::config::load::{Given, Loaded, Origin};
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
    let running = boot::start(loaded, hasher.finish(), serving).await?;
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
