//! The node's part in the metadata quorum, and the one handle by which the rest of the broker reads and changes metadata.
//!
//! Always holds: an image is published to the [`Publisher`] before anybody can read it from the handle, and a change is answered
//! only after that; images are published in the order of the log. Must never: answer what is not committed.

mod checkpoint;
mod journal;
mod machine;
mod network;
mod open;
mod publish;
mod raft;
mod store;
#[cfg(test)]
mod tests;
mod wal;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airis_cluster::machine::Chance;
use airis_cluster::metadata::{Command, Delta, Image, Position, Reply, Settings};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::*;
use airis_protocol::types::{BrokerEpoch, Millis, NodeId, Str};
use airis_storage::Disk;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Takes each new image to the rest of the broker. Called in order, one at a time, on a thread that may block.
pub trait Publisher: Send + Sync + 'static {
    /// `image` is what holds from now on, `delta` what differs from the image before.
    fn publish(&self, image: &Arc<Image>, delta: &Delta);
}

/// The broker's wall clock.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Changes that wait to be decided.
const JOBS_MAX: usize = 1024;

/// What a node's metadata needs to start.
pub struct MetaOptions {
    pub disk: Arc<dyn Disk>,
    /// The log directory; the metadata lies in `__cluster_metadata-0` below it.
    pub log_dir: PathBuf,
    /// The node's own static configuration, its id and its cluster's.
    pub settings: Settings,
    pub now: Now,
    /// Topic ids and placements are drawn from it: it must differ from start to start, unless a test wants the same again.
    pub seed: u64,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes: u64,
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
    raft: openraft::Raft<raft::TypeConfig>,
    machine: machine::Machine,
    stop: watch::Sender<bool>,
    /// Set once nothing is to be published any more.
    quiet: Arc<AtomicBool>,
    driving: JoinHandle<()>,
    publishing: JoinHandle<()>,
}

impl Meta {
    /// Opens the directory (a new one, one of ours, one that a JVM Kafka left), elects this node, and brings the records of a
    /// new cluster in if there are none. The image loaded from disk is published first, as a difference from nothing.
    pub async fn start(
        options: MetaOptions,
        publisher: Arc<dyn Publisher>,
    ) -> Result<Meta, MetaError> {
        let node = options.settings.node;
        let dir = options.log_dir.join(journal::DIR);
        let disk = options.disk.clone();
        let formatted = options.log_dir.join(checkpoint::BOOTSTRAP);
        let (store, mut state, bootstrap) = tokio::task::spawn_blocking(move || {
            let bootstrap = checkpoint::bootstrap(&*disk, &formatted)?;
            let (store, state) = open::open(&disk, &dir, node.0 as raft::NodeKey)?;
            Ok::<_, MetaError>((store, state, bootstrap))
        })
        .await
        .map_err(|e| MetaError::Raft(e.to_string()))??;
        let loaded = Arc::new(state.image.clone());
        let delta = std::mem::take(&mut state.delta);
        let image = Arc::new(ArcSwap::from_pointee(Image::default()));
        let (publish, to_publish) = mpsc::channel(publish::PUBLISH_QUEUE_MAX);
        let (published_to, published) = watch::channel(Position::NONE.offset.0);
        let quiet = Arc::new(AtomicBool::new(false));
        let publishing = tokio::spawn(publish::run(
            to_publish,
            publisher,
            quiet.clone(),
            image.clone(),
            published_to,
        ));
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
            node: node.0,
            state: Arc::new(Mutex::new(state)),
            building: Arc::default(),
            applied: Arc::new(ArcSwap::new(loaded)),
            publish,
            store: store.clone(),
            now: options.now.clone(),
        };
        let raft = raft::start(node.0 as raft::NodeKey, store.clone(), machine.clone()).await?;
        let (jobs, job_queue) = mpsc::channel(JOBS_MAX);
        let (stop, stopped) = watch::channel(false);
        let driver = raft::Driver {
            raft: raft.clone(),
            machine: machine.clone(),
            store,
            settings: options.settings,
            chance: Chance::new(options.seed),
            now: options.now,
            snapshot_bytes: options.snapshot_bytes,
        };
        let driving = tokio::spawn(driver.run(job_queue, stopped, published.clone()));
        let handle = MetaHandle {
            jobs,
            image,
            published,
        };
        handle
            .submit(Command::Activate { bootstrap })
            .await
            .map_err(MetaError::Activation)?;
        Ok(Meta {
            handle,
            raft,
            machine,
            stop,
            quiet,
            driving,
            publishing,
        })
    }

    pub fn handle(&self) -> &MetaHandle {
        &self.handle
    }

    /// Answers what is under way, takes leadership from the node's own broker, and closes the files so that anybody may open
    /// them. The publisher hears nothing of this last change: what it would act on is closed by then.
    ///
    /// A broker that stops cleanly leaves its epoch in `.kafka_cleanshutdown` and names it when it registers again; without that
    /// its replicas count as perhaps having lost their end.
    pub async fn stop(self) -> Result<(), MetaError> {
        self.quiet.store(true, Ordering::SeqCst);
        let node = NodeId(self.machine.node);
        let own = self.handle.image().broker(node).cloned();
        if let Some(broker) = own.filter(|b| !b.fenced)
            && let Err(e) = self.handle.fence(node, broker.epoch).await
        {
            // The next start, or another broker's session, puts it right.
            tracing::warn!(error = e.name(), "could not give up leadership");
        }
        self.stop.send_replace(true);
        let _ = self.driving.await;
        self.raft
            .shutdown()
            .await
            .map_err(|e| MetaError::Raft(e.to_string()))?;
        self.publishing.abort();
        let machine = self.machine;
        tokio::task::spawn_blocking(move || machine.close())
            .await
            .map_err(|e| MetaError::Raft(e.to_string()))?
            .map_err(MetaError::Close)
    }

    /// Stops without closing anything, as a crash would.
    pub async fn kill(self) {
        self.driving.abort();
        self.publishing.abort();
        let _ = self.raft.shutdown().await;
        let machine = self.machine;
        let _ = tokio::task::spawn_blocking(move || machine.abandon()).await;
    }
}

/// One change on its way to the controller.
struct Job {
    command: Command,
    done: oneshot::Sender<Result<Reply, ErrorCode>>,
}

/// Reads and changes the cluster's metadata. Cheap to clone.
#[derive(Clone)]
pub struct MetaHandle {
    jobs: mpsc::Sender<Job>,
    image: Arc<ArcSwap<Image>>,
    published: watch::Receiver<i64>,
}

impl MetaHandle {
    /// The newest published image. Lock-free.
    pub fn image(&self) -> Arc<Image> {
        self.image.load_full()
    }

    /// Told the offset of each published image. Look at [`MetaHandle::image`] after a change was seen.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.published.clone()
    }

    /// Has the controller decide a command. The answer comes once its records are committed, applied and published here.
    ///
    /// Errors: the request's own (see [`airis_cluster::metadata::decide`]); `NOT_CONTROLLER` while the node stops, or does not lead.
    pub async fn submit(&self, command: Command) -> Result<Reply, ErrorCode> {
        let (done, answer) = oneshot::channel();
        let job = Job { command, done };
        self.jobs
            .send(job)
            .await
            .map_err(|_| ErrorCode::NotController)?;
        answer.await.unwrap_or(Err(ErrorCode::NotController))
    }

    /// `describable`: the topics whose configs may be shown; `None` for all.
    pub async fn create_topics(
        &self,
        request: CreateTopicsRequest,
        describable: Option<Vec<Str>>,
    ) -> Result<CreateTopicsResponse, ErrorCode> {
        let command = Command::CreateTopics {
            request,
            describable,
        };
        match self.submit(command).await? {
            Reply::CreateTopics(response) => Ok(response),
            other => unreachable!("CreateTopics was answered by {other:?}"),
        }
    }

    pub async fn delete_topics(
        &self,
        request: DeleteTopicsRequest,
    ) -> Result<DeleteTopicsResponse, ErrorCode> {
        match self.submit(Command::DeleteTopics(request)).await? {
            Reply::DeleteTopics(response) => Ok(response),
            other => unreachable!("DeleteTopics was answered by {other:?}"),
        }
    }

    pub async fn create_partitions(
        &self,
        request: CreatePartitionsRequest,
    ) -> Result<CreatePartitionsResponse, ErrorCode> {
        match self.submit(Command::CreatePartitions(request)).await? {
            Reply::CreatePartitions(response) => Ok(response),
            other => unreachable!("CreatePartitions was answered by {other:?}"),
        }
    }

    pub async fn alter_configs(
        &self,
        request: AlterConfigsRequest,
    ) -> Result<AlterConfigsResponse, ErrorCode> {
        match self.submit(Command::AlterConfigs(request)).await? {
            Reply::AlterConfigs(response) => Ok(response),
            other => unreachable!("AlterConfigs was answered by {other:?}"),
        }
    }

    pub async fn incremental_alter_configs(
        &self,
        request: IncrementalAlterConfigsRequest,
    ) -> Result<IncrementalAlterConfigsResponse, ErrorCode> {
        match self
            .submit(Command::IncrementalAlterConfigs(request))
            .await?
        {
            Reply::IncrementalAlterConfigs(response) => Ok(response),
            other => unreachable!("IncrementalAlterConfigs was answered by {other:?}"),
        }
    }

    /// A block of producer ids: the first one and how many.
    pub async fn allocate_producer_ids(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
    ) -> Result<(i64, i32), ErrorCode> {
        let command = Command::AllocateProducerIds { broker, epoch };
        match self.submit(command).await? {
            Reply::ProducerIds { first, count } => Ok((first, count)),
            other => unreachable!("AllocateProducerIds was answered by {other:?}"),
        }
    }

    /// Asks the controller for other ISRs, as the leader of their partitions.
    pub async fn alter_partition(
        &self,
        request: AlterPartitionRequest,
    ) -> Result<AlterPartitionResponse, ErrorCode> {
        match self.submit(Command::AlterPartition(request)).await? {
            Reply::AlterPartition(response) => Ok(response),
            other => unreachable!("AlterPartition was answered by {other:?}"),
        }
    }

    /// Registers the node's own broker and lets it lead. Returns its epoch.
    ///
    /// Its records and the elections go through the log as for any broker; `request` says where it listens.
    pub async fn register(
        &self,
        request: BrokerRegistrationRequest,
    ) -> Result<BrokerEpoch, ErrorCode> {
        match self.submit(Command::Join(request)).await? {
            Reply::RegisterBroker(response) => Ok(BrokerEpoch(response.broker_epoch)),
            other => unreachable!("Join was answered by {other:?}"),
        }
    }

    /// Takes leadership from a broker that is about to stop, so that its next start (or another's) need not wait.
    async fn fence(&self, broker: NodeId, epoch: BrokerEpoch) -> Result<(), ErrorCode> {
        self.submit(Command::Fence(broker, epoch)).await.map(|_| ())
    }
}

#[cfg(test)]
impl MetaHandle {
    /// A handle to a controller that is no more than a function, for tests.
    pub(crate) fn local(
        image: Arc<ArcSwap<Image>>,
        published: watch::Receiver<i64>,
        run: Arc<dyn Fn(Command) -> Result<Reply, ErrorCode> + Send + Sync>,
    ) -> MetaHandle {
        let (jobs, mut queue) = mpsc::channel::<Job>(JOBS_MAX);
        tokio::spawn(async move {
            while let Some(job) = queue.recv().await {
                let run = run.clone();
                let answer = tokio::task::spawn_blocking(move || run(job.command)).await;
                let _ = job
                    .done
                    .send(answer.expect("the controller does not panic"));
            }
        });
        MetaHandle {
            jobs,
            image,
            published,
        }
    }
}
