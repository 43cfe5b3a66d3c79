//! The node's part in the metadata quorum: how it starts, ends and fails. The rest of the broker has a [`MetaHandle`] (`handle`).
//!
//! Always holds: an image is published to the [`Publisher`] before anybody can read it from the handle, and a change is answered
//! only after that; images are published in the order of the log. Must never: answer what is not committed.

mod balance;
mod catch_up;
mod checkpoint;
mod elect;
pub mod form;
mod handle;
mod journal;
mod link;
mod machine;
mod members;
mod network;
mod observe;
mod open;
mod publish;
mod quorum;
mod raft;
mod read;
mod sessions;
mod settle;
mod store;
#[cfg(test)]
mod tests;
mod wal;
mod wire;

pub use handle::{Controller, MetaHandle};
pub use members::{MemberError, Members};
pub use observe::{ObserverOptions, find_cluster};
pub use quorum::Quorum;
pub use raft::Leadership;
pub use read::{MetadataLog, ReadError, Standing};
pub use sessions::Sessions;
pub use settle::Spread;
pub use wire::is_private;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use airis_cluster::machine::Chance;
use airis_cluster::metadata::{Delta, Image, Position, Settings};
use airis_protocol::error::ErrorCode;
use airis_protocol::types::Str;
use arc_swap::ArcSwap;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::host::Host;
use crate::task;
use crate::work::{self, Stop};
use catch_up::CatchingUp;
use handle::{Job, client_id};
use link::Link;
use network::Peers;

/// Takes each new image to the rest of the broker. Called in order, one at a time, on a thread that may block.
pub trait Publisher: Send + Sync + 'static {
    /// `image` is what holds from now on, `delta` what differs from the image before.
    fn publish(&self, image: &Arc<Image>, delta: &Delta);
}

/// How long a node that stops tries to give its leaderships up.
const FENCE_MAX: Duration = Duration::from_secs(5);
/// What is wrong when no image is published any more.
const PUBLISHER: &str = "publication";

/// Changes that wait to be decided.
const JOBS_MAX: usize = 1024;

/// What a node's metadata needs to start.
pub struct MetaOptions {
    pub host: Host,
    /// The log directory; the metadata lies in `__cluster_metadata-0` below it.
    pub log_dir: PathBuf,
    /// The node's own static configuration, its id and its cluster's.
    pub settings: Settings,
    /// Topic ids and placements are drawn from it: it must differ from start to start, unless a test wants the same again.
    pub seed: u64,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes: u64,
    /// The answering side, by which the voters have found each other.
    pub quorum: Arc<Quorum>,
    /// How this node takes part.
    pub part: Part,
    /// The voters and their addresses, as the configuration or the other nodes gave them. This node is one.
    pub voters: BTreeMap<i32, String>,
    /// Where this node's own quorum listens, as others reach it.
    pub own_addr: String,
    /// A leader that was not heard of for so long is gone.
    pub patience: Duration,
    /// `broker.session.timeout.ms`.
    pub session_timeout: Duration,
    /// `inter.broker.listener.name`.
    pub inter_broker_listener: Str,
    /// `leader.imbalance.check.interval.seconds`, and `auto.leader.rebalance.enable`.
    pub balance: (Duration, bool),
}

/// How a node takes part in a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It begins a new one with the other voters, unless it has a log.
    Found,
    /// Another node begins it, or has begun it.
    Join,
    /// It has lost its log: it may not vote until it has a leader's.
    CatchUp,
}

/// Why a node's metadata cannot be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    #[error(transparent)]
    Wal(#[from] wal::WalError),
    #[error(
        "{path}: the metadata log ends at offset {end}, but records up to {expected} were written to it: they are lost, \
         so the node must not start on it"
    )]
    Short {
        path: PathBuf,
        end: i64,
        expected: i64,
    },
    #[error(
        "{path}: the metadata log ends at offset {end} in epoch {epoch}, and the raft store beside it says otherwise: one of them was \
         damaged or came from elsewhere, so the node must not start on them. If the other voters are well, move the directory \
         aside: the node fetches the log from them"
    )]
    Apart { path: PathBuf, end: i64, epoch: i32 },
    #[error("the metadata quorum failed: {0}")]
    Raft(String),
    #[error("the metadata log could not be closed: {0}")]
    Close(std::io::Error),
    #[error("the controller refused its first records: {}", .0.name())]
    Activation(ErrorCode),
}

/// A node's metadata, running. It owns the tasks; everybody else has a [`MetaHandle`].
pub struct Meta {
    handle: MetaHandle,
    /// `None` on a node that only follows.
    voter: Option<(openraft::Raft<raft::TypeConfig>, machine::Machine)>,
    stop: Stop,
    /// Set once nothing is to be published any more.
    quiet: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    publishing: JoinHandle<()>,
    /// Which of the tasks has ended by a panic.
    ended: watch::Receiver<Option<&'static str>>,
}

/// Runs a task without which a node could go on leading the quorum, and decide nothing: should it panic, that is
/// noted, so that the node makes way for another.
fn vital(
    what: &'static str,
    stopped: &watch::Receiver<bool>,
    ended: &watch::Sender<Option<&'static str>>,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let (stopped, ended) = (stopped.clone(), ended.clone());
    task::spawn(async move {
        // What a panic left behind is not used again.
        let ended_by_panic = AssertUnwindSafe(work).catch_unwind().await.is_err();
        if ended_by_panic && !*stopped.borrow() {
            ended.send_replace(Some(what));
        }
    })
}

impl Meta {
    /// Opens the directory (a new one, one of ours, one that a JVM Kafka left) and takes part in the quorum. The image loaded from
    /// disk is published first, as a difference from nothing. A node that is the only voter leads when this returns, and a new
    /// cluster's first records are there.
    pub async fn start(
        options: MetaOptions,
        publisher: Arc<dyn Publisher>,
    ) -> Result<Meta, MetaError> {
        let node = options.settings.node;
        let network = options.host.network.clone();
        let dir = options.log_dir.join(journal::DIR);
        let disk = options.host.disk.clone();
        let formatted = options.log_dir.join(checkpoint::BOOTSTRAP);
        let addresses: BTreeMap<raft::NodeKey, String> = options
            .voters
            .iter()
            .map(|(id, addr)| (*id as raft::NodeKey, addr.clone()))
            .collect();
        let members: BTreeMap<raft::NodeKey, raft::Node> = addresses
            .iter()
            .map(|(id, addr)| (*id, raft::Node::new(addr)))
            .collect();
        let (part, voters) = (options.part, members.clone());
        let (store, mut state, bootstrap, catching_up) = task::blocking(move || {
            let bootstrap = checkpoint::bootstrap(&*disk, &formatted)?;
            journal::prepare(&*disk, &dir)?;
            let mut catching_up = CatchingUp::find(&disk, &dir);
            if part == Part::CatchUp && catching_up.is_none() {
                let left = CatchingUp::leave(&disk, &dir).map_err(journal::at_path(&dir))?;
                catching_up = Some(left);
            }
            let (store, state) = open::open(&disk, &dir, node.0 as raft::NodeKey, &voters)?;
            Ok::<_, MetaError>((store, state, bootstrap, catching_up))
        })
        .await
        .map_err(|e| MetaError::Raft(e.to_string()))??;
        let loaded = Arc::new(state.image.clone());
        let delta = std::mem::take(&mut state.delta);
        let image = Arc::new(ArcSwap::from_pointee(Image::default()));
        let (publish, to_publish) = mpsc::channel(publish::PUBLISH_QUEUE_MAX);
        let (published_to, published) = watch::channel(Position::NONE.offset.0);
        let quiet = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = Stop::new();
        let (ending, ended) = watch::channel(None);
        let publishing = publish::run(
            to_publish,
            publisher,
            quiet.clone(),
            image.clone(),
            published_to,
        );
        let publishing = vital(PUBLISHER, &stopped, &ending, publishing);
        if !loaded.in_transaction() {
            let first = publish::Applied {
                image: loaded.clone(),
                delta,
            };
            let _ = publish.send(first).await;
        } else {
            // Published as a whole once the transaction is over.
            state.delta = delta;
        }
        let machine = machine::Machine {
            state: Arc::new(Mutex::new(state)),
            building: Arc::default(),
            applied: Arc::new(ArcSwap::new(loaded)),
            publish,
            store: store.clone(),
        };
        let me = node.0 as raft::NodeKey;
        let peers = Peers::new(
            node.0,
            network.clone(),
            &options.settings.cluster_id,
            addresses.clone(),
            store.clone(),
        );
        let found = (options.part == Part::Found).then_some(members);
        let raft = raft::start(me, store.clone(), machine.clone(), peers.clone(), found).await?;
        let running = quorum::Running {
            raft: raft.clone(),
            store: store.clone(),
            peers: peers.clone(),
            published: published.clone(),
            patience: options.patience,
            others: addresses
                .iter()
                .filter(|(voter, _)| **voter != me)
                .map(|(voter, addr)| (*voter, addr.clone()))
                .collect(),
        };
        options.quorum.run(running, catching_up);
        // The tasks may wait for openraft, and openraft for room on its disk.
        let giving_up = {
            let (store, mut stopped) = (store.clone(), stopped.clone());
            task::spawn(async move {
                work::stopping(&mut stopped).await;
                store.give_up();
            })
        };
        let (jobs, job_queue) = mpsc::channel(JOBS_MAX);
        let (leading, leadership) = watch::channel(Leadership::default());
        let (begun, begins) = oneshot::channel();
        let mut chance = Chance::new(options.seed);
        let elector = elect::Elector {
            me,
            raft: raft.clone(),
            quorum: options.quorum.clone(),
            store: store.clone(),
            machine: machine.clone(),
            peers: peers.clone(),
            patience: options.patience,
            snapshot_bytes: options.snapshot_bytes,
            chance: Chance::new(chance.bits() ^ me),
            own_addr: options.own_addr,
            known: addresses.clone(),
        };
        let electing = elector.run(stopped.clone());
        let electing = vital("elections", &stopped, &ending, electing);
        let driver = raft::Driver {
            raft: raft.clone(),
            machine: machine.clone(),
            store,
            peers: peers.clone(),
            settings: options.settings,
            chance,
            clock: options.host.clock,
            bootstrap,
            patience: options.patience,
            leadership: leading,
            begun: Some(begun),
        };
        let hearing = {
            let quorum = options.quorum.clone();
            work::until(&stopped, async move { quorum.hear_terms().await })
        };
        let driving = driver.run(job_queue, stopped.clone(), published.clone());
        let driving = vital("decisions", &stopped, &ending, driving);
        let sessions = Sessions::new(
            node,
            network.clone(),
            options.session_timeout,
            options.inter_broker_listener,
        );
        let controller = Controller {
            sessions: sessions.clone(),
            spread: Spread::new(node, raft.clone(), peers.clone()),
            log: MetadataLog::new(raft.clone(), machine.clone(), peers.clone()),
            members: Members::new(raft.clone(), peers.clone()),
            departures: Mutex::default(),
        };
        let locate = {
            let (raft, peers) = (raft.clone(), peers.clone());
            move || {
                let metrics = raft.metrics();
                let metrics = metrics.borrow();
                let leader = metrics.current_leader?;
                let node = metrics.membership_config.membership().get_node(&leader)?;
                Some(peers.addr(leader, &node.addr))
            }
        };
        let handle = MetaHandle {
            me: node,
            jobs,
            image,
            published,
            leadership: leadership.clone(),
            link: Arc::new(Link::new(network, client_id(node), Box::new(locate))),
            controller: Some(Arc::new(controller)),
        };
        let fencing = sessions.run(handle.clone(), options.quorum, stopped.clone());
        let fencing = vital("sessions", &stopped, &ending, fencing);
        let (every, preferred) = options.balance;
        let balancing = task::spawn(balance::run(handle.clone(), every, preferred, stopped));
        let alone = raft
            .metrics()
            .borrow()
            .membership_config
            .voter_ids()
            .eq([me]);
        let meta = Meta {
            handle,
            voter: Some((raft, machine)),
            stop,
            quiet,
            tasks: vec![driving, electing, fencing, balancing, hearing, giving_up],
            publishing,
            ended,
        };
        // The only voter has nobody to wait for.
        if alone && let Err(e) = meta.begun(begins).await {
            meta.kill().await;
            return Err(e);
        }
        Ok(meta)
    }

    /// Waits until this node is the active controller, and what it began with is published.
    async fn begun(
        &self,
        begins: oneshot::Receiver<Result<(), ErrorCode>>,
    ) -> Result<(), MetaError> {
        // The driver ends without a word only if openraft has.
        let begun = begins.await.unwrap_or(Err(ErrorCode::KafkaStorageError));
        begun.map_err(MetaError::Activation)?;
        let stopped = |_| MetaError::Activation(ErrorCode::KafkaStorageError);
        let mut leadership = self.handle.leadership();
        leadership.wait_for(|l| l.active).await.map_err(stopped)?;
        if let Some((_, machine)) = &self.voter {
            let mut published = self.handle.subscribe();
            let applied = machine.applied.load().position.offset.0;
            let all = published.wait_for(|o| *o >= applied).await;
            all.map_err(stopped)?;
        }
        Ok(())
    }

    /// Follows the log of a quorum that this node is no voter of. Returns when what was committed by then is published.
    pub async fn observe(
        options: ObserverOptions,
        publisher: Arc<dyn Publisher>,
    ) -> Result<Meta, MetaError> {
        let image = Arc::new(ArcSwap::from_pointee(Image::default()));
        let (publish, to_publish) = mpsc::channel(publish::PUBLISH_QUEUE_MAX);
        let (published_to, published) = watch::channel(Position::NONE.offset.0);
        let quiet = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = Stop::new();
        let (ending, ended) = watch::channel(None);
        let publishing = publish::run(
            to_publish,
            publisher,
            quiet.clone(),
            image.clone(),
            published_to,
        );
        let publishing = vital(PUBLISHER, &stopped, &ending, publishing);
        let (leading, leadership) = watch::channel(Leadership::default());
        let node = options.node;
        let network = options.network.clone();
        let observer = observe::Observer::new(options, publish, published.clone(), leading);
        let leader = observer.leader();
        let (caught_up, whole) = oneshot::channel();
        let following = observer.run(caught_up, stopped.clone());
        let following = vital("log's observer", &stopped, &ending, following);
        let handle = MetaHandle {
            me: node,
            // Nobody takes jobs: this node never decides.
            jobs: mpsc::channel(1).0,
            image,
            published,
            leadership,
            link: Arc::new(Link::new(
                network,
                client_id(node),
                Box::new(move || leader.lock().clone()),
            )),
            controller: None,
        };
        whole
            .await
            .map_err(|_| MetaError::Raft("the metadata log cannot be followed".into()))?;
        Ok(Meta {
            handle,
            voter: None,
            stop,
            quiet,
            tasks: vec![following],
            publishing,
            ended,
        })
    }

    pub fn handle(&self) -> &MetaHandle {
        &self.handle
    }

    /// Resolves, with the reason, once this node's part in the quorum has ended by itself: what it wrote could not be kept, or one of
    /// its tasks has come to an end.
    pub fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        let mut metrics = self.voter.as_ref().map(|(raft, _)| raft.metrics());
        let mut ended = self.ended.clone();
        async move {
            let quorum = async {
                if let Some(metrics) = &mut metrics {
                    let failed = metrics.wait_for(|m| raft::failure(m).is_some()).await;
                    if let Some(why) = failed.ok().and_then(|m| raft::failure(&m)) {
                        return why;
                    }
                }
                // It follows only, or is being stopped.
                std::future::pending().await
            };
            let task = async {
                let what = ended.wait_for(Option::is_some).await.map(|what| *what);
                match what.ok().flatten() {
                    Some(what) => what,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The tasks end with the quorum, too, and that knows why.
                biased;
                why = quorum => why,
                what = task => format!("the node's metadata have failed by a fault in their {what}"),
            }
        }
    }

    /// Ends this node's part in the quorum, so that the others go on without it. Its files are left as they are.
    pub fn end_part(&self) -> impl Future<Output = ()> + Send + use<> {
        let (stop, handle) = (self.stop.sender(), self.handle.clone());
        let raft = self.voter.as_ref().map(|(raft, _)| raft.clone());
        async move {
            stop.send_replace(true);
            if let Some(raft) = raft {
                let _ = raft.shutdown().await;
            }
            handle.close().await;
        }
    }

    /// Answers what is under way, takes leadership from the node's own broker, and closes the files so that anybody may open
    /// them. The publisher hears nothing of this last change: what it would act on is closed by then.
    ///
    /// A broker that stops cleanly leaves its epoch in `.kafka_cleanshutdown` and names it when it registers again; without that
    /// its replicas count as perhaps having lost their end.
    pub async fn stop(self) -> Result<(), MetaError> {
        self.quiet.store(true, Ordering::SeqCst);
        let node = self.handle.me;
        let own = self.handle.image().broker(node).cloned();
        if self.handle.is_active()
            && let Some(broker) = own.filter(|b| !b.fenced)
        {
            // It may wait for room on the disk.
            let fenced = timeout(FENCE_MAX, self.handle.fence(node, broker.epoch)).await;
            if let Err(e) = fenced.unwrap_or(Err(ErrorCode::RequestTimedOut)) {
                // The next start, or another broker's session, puts it right.
                tracing::warn!(error = e.name(), "could not give up leadership");
            }
        }
        self.stop.tell();
        for task in self.tasks {
            let _ = task.await;
        }
        let Some((raft, machine)) = self.voter else {
            self.handle.close().await;
            self.publishing.abort();
            return Ok(());
        };
        raft.shutdown()
            .await
            .map_err(|e| MetaError::Raft(e.to_string()))?;
        self.handle.close().await;
        self.publishing.abort();
        task::blocking(move || machine.close())
            .await
            .map_err(|e| MetaError::Raft(e.to_string()))?
            .map_err(MetaError::Close)
    }

    /// Stops without closing anything, as a crash would.
    pub async fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
        self.publishing.abort();
        let Some((raft, machine)) = self.voter else {
            self.handle.close().await;
            return;
        };
        machine.store.give_up();
        let _ = raft.shutdown().await;
        self.handle.close().await;
        let _ = task::blocking(move || machine.abandon()).await;
    }
}
