//! How the voters of a quorum find each other, and how a cluster begins, without a step of its own to format it.
//!
//! Always holds: a cluster begins when all its voters have been heard of and none of them has a log; the one with the lowest id
//! founds it, and begins only after all others have its id on disk; a voter without a log that finds others with one has lost its
//! own, and is marked so before it takes part. Must never: let directories of two clusters come together, or begin a second
//! cluster beside one that exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airis_protocol::types::Uuid;
use airis_storage::Disk;
use futures::future::join_all;
use openraft::Membership;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::catch_up::CatchingUp;
use super::network::Link;
use super::quorum::{Founding, Quorum};
use super::store::Store;
use super::wire::{Answer, Call, Envelope, Hello};
use super::{MetaError, Part, journal, wal};
use crate::host::Host;
use crate::net::Network;

/// Between two rounds of questions.
const ROUND: Duration = Duration::from_millis(50);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// How often it is said for whom this node waits.
const SAY: Duration = Duration::from_secs(5);
/// How often voters that should take a new cluster's id are asked again.
const FOUND_ANSWER_MAX: Duration = Duration::from_secs(5);

/// Why the voters cannot come together.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error(
        "{} belongs to cluster {own}, but node {node} at {addr} to cluster {theirs}: correct controller.quorum.voters (or \
         controller.quorum.bootstrap.servers), or give this node the log.dirs of cluster {theirs}, or empty ones",
        dir.display()
    )]
    OtherCluster {
        dir: PathBuf,
        own: String,
        node: i32,
        addr: String,
        theirs: String,
    },
    #[error(
        "nodes {a} and {b} belong to different clusters, {a_cluster} and {b_cluster}: they cannot be voters of one quorum; \
         correct controller.quorum.voters"
    )]
    TwoClusters {
        a: i32,
        a_cluster: String,
        b: i32,
        b_cluster: String,
    },
    #[error(
        "node {node} at {addr} says that it is node {found}: correct controller.quorum.voters, or its node.id"
    )]
    OtherNode { node: i32, addr: String, found: i32 },
    #[error(
        "node.id={0} is used twice: this node and the one at {1} have it; give each node an id of its own"
    )]
    UsedTwice(i32, String),
}

/// What the metadata directory of a node says before anything is opened.
#[derive(Clone, Debug)]
pub struct Identity {
    pub node: i32,
    /// `log.dir` that holds the metadata.
    pub dir: PathBuf,
    pub cluster: Option<String>,
    pub directory: Uuid,
}

/// What was agreed on.
pub struct Formed {
    pub cluster: String,
    pub part: Part,
    /// All voters and their addresses.
    pub voters: BTreeMap<i32, String>,
    founding: Option<oneshot::Sender<bool>>,
}

/// The voters as the configuration has them.
#[derive(Clone, Debug)]
pub enum Named {
    /// `controller.quorum.voters`.
    Voters(BTreeMap<i32, String>),
    /// `controller.quorum.bootstrap.servers`.
    Servers(Vec<String>),
}

fn has_store(disk: &dyn Disk, log_dir: &Path) -> bool {
    wal::Wal::exists(disk, &log_dir.join(journal::DIR))
}

/// Whether the metadata log of a directory holds anything, and the latest term that was promised.
fn log_of(disk: &Arc<dyn Disk>, log_dir: &Path) -> (bool, u64) {
    let dir = log_dir.join(journal::DIR);
    if wal::Wal::exists(&**disk, &dir) {
        return match Store::open(disk, &dir) {
            Ok(store) => (store.last().is_some(), store.term()),
            // What is wrong with it is told when it is opened in earnest.
            Err(_) => (true, 0),
        };
    }
    // One that a JVM Kafka left.
    let left = disk.list(&dir).is_ok_and(|entries| {
        entries
            .iter()
            .any(|e| e.name.ends_with(".log") && disk.exists(&dir.join(&e.name)))
    });
    (left, 0)
}

/// This node's part in the quorum before it runs.
pub struct Formation {
    network: Network,
    quorum: Arc<Quorum>,
    identity: Identity,
    named: Named,
    has_log: bool,
    has_store: bool,
    catches_up: bool,
    foundings: mpsc::Receiver<Founding>,
}

/// What one address answered.
struct Heard {
    addr: String,
    hello: Hello,
}

impl Formation {
    /// Looks at the directory. The quorum answers from here on, once it is served.
    pub fn new(host: &Host, identity: Identity, named: Named) -> Formation {
        let disk = &host.disk;
        let (has_log, term) = log_of(disk, &identity.dir);
        let quorum = Arc::new(Quorum::new(Hello {
            node: identity.node,
            directory: identity.directory,
            cluster: identity.cluster.clone(),
            has_log,
            term,
            members: Membership::default(),
        }));
        Formation {
            network: host.network.clone(),
            has_log,
            has_store: has_store(&**disk, &identity.dir),
            catches_up: CatchingUp::find(disk, &identity.dir.join(journal::DIR)).is_some(),
            foundings: quorum.foundings(),
            quorum,
            identity,
            named,
        }
    }

    pub fn quorum(&self) -> &Arc<Quorum> {
        &self.quorum
    }

    /// True if this node is the only voter that is named: there is nobody to look for.
    fn alone(&self) -> bool {
        match &self.named {
            Named::Voters(voters) => voters.keys().all(|id| *id == self.identity.node),
            Named::Servers(servers) => servers.is_empty(),
        }
    }

    /// What this node begins by itself. Others know it by this address.
    fn by_itself(&self, addr: String, fresh: &str) -> Formed {
        let cluster = self.cluster(&[], fresh);
        let voters = BTreeMap::from([(self.identity.node, addr)]);
        self.formed(cluster, Part::Found, voters)
    }

    /// Looks for the other voters for as long as it takes. `fresh` is the id of a cluster that this node founds.
    pub async fn form(mut self, fresh: &str) -> Result<Formed, FormError> {
        let me = self.identity.node;
        if self.alone() {
            let addr = match &self.named {
                Named::Voters(voters) => voters.get(&me).cloned(),
                Named::Servers(_) => None,
            };
            return Ok(self.by_itself(addr.unwrap_or_default(), fresh));
        }
        let addresses: Vec<(Option<i32>, String)> = match &self.named {
            Named::Voters(voters) => voters
                .iter()
                .filter(|(id, _)| **id != me)
                .map(|(id, addr)| (Some(*id), addr.clone()))
                .collect(),
            Named::Servers(servers) => servers.iter().map(|s| (None, s.clone())).collect(),
        };
        let links: Vec<(Option<i32>, Link)> = addresses
            .into_iter()
            .map(|(id, addr)| (id, Link::new(&self.network, &addr)))
            .collect();
        let mut said = Instant::now();
        loop {
            let heard = self.ask(&links).await?;
            self.check(&heard)?;
            // The only server that is named may be this node, or one of a cluster that this node is to follow.
            let only = matches!(&self.named, Named::Servers(_)) && links.len() == 1;
            if let (true, [own]) = (only, &*heard)
                && own.hello.node == me
            {
                return Ok(self.by_itself(own.addr.clone(), fresh));
            }
            let voters = self.voters(&heard);
            if self.has_log && (self.has_store || !only) {
                // Whoever is not there now is waited for by the quorum itself.
                return Ok(self.formed(self.cluster(&heard, fresh), Part::Join, voters));
            }
            let all = heard.len() == links.len();
            if heard.iter().any(|h| h.hello.has_log && h.hello.node != me) {
                // The cluster exists. A store without entries took part in its beginning, and has promised nothing else.
                let part = if self.has_store && !self.catches_up {
                    Part::Join
                } else {
                    tracing::warn!(
                        dir = %self.identity.dir.display(),
                        "the quorum has a log and this directory none: it is taken for a lost disk, and this node votes again \
                         when it has a leader's log"
                    );
                    Part::CatchUp
                };
                return Ok(self.formed(self.cluster(&heard, fresh), part, voters));
            }
            if all && voters.keys().next() == Some(&me) {
                let cluster = self.cluster(&heard, fresh);
                return Ok(self.formed(cluster, Part::Found, voters));
            }
            if said.elapsed() >= SAY {
                said = Instant::now();
                let missing = self.missing(&links, &heard);
                tracing::info!("waiting for the other controllers: {missing}");
            }
            tokio::select! {
                () = sleep(ROUND) => {}
                Some((cluster, done)) = self.foundings.recv() => {
                    if self.identity.cluster.as_ref().is_some_and(|own| *own != cluster) {
                        let _ = done.send(false);
                        continue;
                    }
                    let mut formed = self.formed(cluster, Part::Join, voters);
                    formed.founding = Some(done);
                    return Ok(formed);
                }
            }
        }
    }

    fn formed(&self, cluster: String, part: Part, voters: BTreeMap<i32, String>) -> Formed {
        Formed {
            cluster,
            part,
            voters,
            founding: None,
        }
    }

    /// The cluster's id: this node's, another's, or a new one.
    fn cluster(&self, heard: &[Heard], fresh: &str) -> String {
        let known = heard.iter().find_map(|h| h.hello.cluster.clone());
        let own = self.identity.cluster.clone();
        own.or(known).unwrap_or_else(|| fresh.to_owned())
    }

    /// Asks everybody at once. Those who do not answer are left out.
    async fn ask(&self, links: &[(Option<i32>, Link)]) -> Result<Vec<Heard>, FormError> {
        let envelope = Envelope {
            cluster: String::new(),
            from: self.identity.node,
            to: -1,
        };
        let answers = join_all(links.iter().map(|(id, link)| {
            let envelope = &envelope;
            async move {
                let answer = timeout(ANSWER_MAX, link.call(&Call::Hello, envelope)).await;
                (*id, link.addr(), answer)
            }
        }))
        .await;
        let mut heard = Vec::new();
        for (id, addr, answer) in answers {
            let Ok(Ok(Answer::Hello(hello))) = answer else {
                continue;
            };
            if let Some(node) = id.filter(|id| *id != hello.node) {
                let found = hello.node;
                return Err(FormError::OtherNode { node, addr, found });
            }
            heard.push(Heard { addr, hello });
        }
        Ok(heard)
    }

    /// Errors if those heard of cannot be voters of one cluster.
    fn check(&self, heard: &[Heard]) -> Result<(), FormError> {
        let mut first: Option<&Heard> = None;
        for h in heard {
            let me = h.hello.node == self.identity.node;
            if me && h.hello.directory != self.quorum.hello().directory {
                return Err(FormError::UsedTwice(self.identity.node, h.addr.clone()));
            }
            let Some(theirs) = h.hello.cluster.as_ref().filter(|_| !me) else {
                continue;
            };
            if let Some(own) = self.identity.cluster.as_ref().filter(|own| *own != theirs) {
                return Err(FormError::OtherCluster {
                    dir: self.identity.dir.clone(),
                    own: own.clone(),
                    node: h.hello.node,
                    addr: h.addr.clone(),
                    theirs: theirs.clone(),
                });
            }
            match first {
                None => first = Some(h),
                Some(a) if a.hello.cluster.as_ref() == Some(theirs) => {}
                Some(a) => {
                    return Err(FormError::TwoClusters {
                        a: a.hello.node,
                        a_cluster: a.hello.cluster.clone().unwrap_or_default(),
                        b: h.hello.node,
                        b_cluster: theirs.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The voters, as far as they are known.
    fn voters(&self, heard: &[Heard]) -> BTreeMap<i32, String> {
        match &self.named {
            Named::Voters(voters) => voters.clone(),
            Named::Servers(_) => heard
                .iter()
                .map(|h| (h.hello.node, h.addr.clone()))
                .collect(),
        }
    }

    fn missing(&self, links: &[(Option<i32>, Link)], heard: &[Heard]) -> String {
        let missing: Vec<String> = links
            .iter()
            .filter(|(_, link)| heard.iter().all(|h| h.addr != link.addr()))
            .map(|(id, link)| match id {
                Some(id) => format!("node {id} at {}", link.addr()),
                None => link.addr(),
            })
            .collect();
        if missing.is_empty() {
            // The one with the lowest id founds the cluster.
            let lowest = heard.iter().map(|h| h.hello.node).min();
            return format!("node {} to begin the cluster", lowest.unwrap_or(-1));
        }
        missing.join(", ")
    }
}

impl Formed {
    /// The directory is formatted, on disk. Tells the others of a new cluster, or the founder that this node has its id.
    pub async fn formatted(
        &mut self,
        host: &Host,
        log_dir: &Path,
        quorum: &Quorum,
        directory: Uuid,
        me: i32,
    ) -> Result<(), MetaError> {
        let (disk, network) = (&host.disk, &host.network);
        if self.voters.len() > 1 && self.part != Part::CatchUp && !quorum.hello().has_log {
            // Whoever has a store, even an empty one, was there from the beginning.
            let dir = log_dir.join(journal::DIR);
            journal::prepare(&**disk, &dir)?;
            if !wal::Wal::exists(&**disk, &dir) {
                Store::create(disk, &dir, wal::Base::default(), None)
                    .map_err(journal::at_path(&dir))?;
            }
        }
        quorum.set_hello(Hello {
            node: me,
            directory,
            cluster: Some(self.cluster.clone()),
            ..quorum.hello()
        });
        if let Some(done) = self.founding.take() {
            let _ = done.send(true);
        }
        if self.part != Part::Found || self.voters.len() < 2 {
            return Ok(());
        }
        let others = self.voters.iter().filter(|(id, _)| **id != me);
        join_all(others.map(|(id, addr)| {
            let envelope = Envelope {
                cluster: self.cluster.clone(),
                from: me,
                to: *id,
            };
            let cluster = self.cluster.clone();
            async move {
                let link = Link::new(network, addr);
                let mut said = Instant::now();
                loop {
                    let call = Call::Found(cluster.clone());
                    let answer = timeout(FOUND_ANSWER_MAX, link.call(&call, &envelope)).await;
                    match answer {
                        Ok(Ok(Answer::Granted(true))) => return,
                        Ok(Err(e)) if said.elapsed() >= SAY => {
                            said = Instant::now();
                            tracing::info!("waiting for node {id} to take the cluster's id: {e}");
                        }
                        _ => {}
                    }
                    sleep(ROUND).await;
                }
            }
        }))
        .await;
        tracing::info!(cluster = %self.cluster, voters = self.voters.len(), "all voters are there: the cluster begins");
        Ok(())
    }
}
