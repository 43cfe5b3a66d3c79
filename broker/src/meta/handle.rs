//! The one handle by which the rest of the broker reads and changes metadata, here or at the controller.
//!
//! Always holds: who was answered reads an image that has the change in it. Must never: answer what is not committed.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::{Command, Departures, Image, Reply};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_topics_response::CreatableTopicResult;
use airis_protocol::messages::*;
use airis_protocol::names::METADATA_TOPIC;
use airis_protocol::types::{BrokerEpoch, NodeId, Str};
use airis_protocol::wire::Request;
use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

#[cfg(test)]
use super::JOBS_MAX;
use super::link::Link;
use super::{Leadership, Members, MetadataLog, Sessions, Spread};
#[cfg(test)]
use crate::net::Network;
#[cfg(test)]
use crate::task;

/// How long a controller is looked for, for one request.
const CONTROLLER_MAX: Duration = Duration::from_secs(15);
/// How long one answer of the controller may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Between two tries.
const CONTROLLER_REST: Duration = Duration::from_millis(50);
const CREATE_TOPICS_VERSION: i16 = 7;
const ALTER_PARTITION_VERSION: i16 = 3;
const ASSIGN_REPLICAS_VERSION: i16 = 0;
const BROKER_REGISTRATION_VERSION: i16 = 4;
const BROKER_HEARTBEAT_VERSION: i16 = 2;
const DESCRIBE_QUORUM_VERSION: i16 = 1;

/// One change on its way to the controller.
pub(super) struct Job {
    pub(super) command: Command,
    pub(super) done: oneshot::Sender<Result<Reply, ErrorCode>>,
}

/// What only a voter has: it may be, or become, the active controller.
pub struct Controller {
    pub sessions: Arc<Sessions>,
    pub spread: Arc<Spread>,
    pub log: MetadataLog,
    pub members: Members,
    /// Controlled shutdowns under way.
    pub departures: Mutex<Departures>,
}

/// What this node calls itself when it talks to the controller.
pub(super) fn client_id(node: NodeId) -> Str {
    Str::from(format!("broker-{node}-to-controller"))
}

/// Reads and changes the cluster's metadata. Cheap to clone.
#[derive(Clone)]
pub struct MetaHandle {
    pub(super) me: NodeId,
    pub(super) link: Arc<Link>,
    pub(super) controller: Option<Arc<Controller>>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) image: Arc<ArcSwap<Image>>,
    pub(super) published: watch::Receiver<i64>,
    pub(super) leadership: watch::Receiver<Leadership>,
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

    /// The first image published that has this offset in it.
    pub async fn image_at(&self, offset: i64) -> Arc<Image> {
        let mut published = self.published.clone();
        // The other side goes only with the node.
        let _ = published.wait_for(|o| *o >= offset).await;
        self.image()
    }

    /// Who leads the quorum, as this node knows it.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// True if this node is the active controller.
    pub fn is_active(&self) -> bool {
        self.leadership.borrow().active
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

    /// True if this node is the only voter, and no other broker has ever registered.
    pub fn is_alone(&self) -> bool {
        let me = self.me;
        self.controller
            .as_ref()
            .is_some_and(|c| c.members.only(me.0))
            && self.image().brokers().all(|b| b.id == me)
    }

    /// Resolves once this node is not alone any more.
    pub async fn joined(&self) {
        let mut published = self.published.clone();
        while self.is_alone() {
            let members = async {
                match &self.controller {
                    Some(controller) => controller.members.changed(self.me.0).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = published.changed() => if changed.is_err() { std::future::pending().await },
                () = members => {}
            }
        }
    }

    /// Ends the connections to other controllers.
    pub(super) async fn close(&self) {
        self.link.close().await;
        if let Some(controller) = &self.controller {
            controller.log.close().await;
        }
    }

    /// What this node has as a voter.
    pub fn controller(&self) -> Option<&Arc<Controller>> {
        self.controller.as_ref()
    }

    /// `work` done by the controller that leads now; `None` once another does, or it does not answer in time.
    async fn while_led<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut leadership = self.leadership.clone();
        leadership.borrow_and_update();
        let sent_to = self.link.addr();
        // The news that this very controller leads may come behind the request to it.
        let deposed =
            async { while leadership.changed().await.is_ok() && self.link.addr() == sent_to {} };
        tokio::select! {
            done = timeout(ANSWER_MAX, work) => done.ok(),
            () = deposed => None,
        }
    }

    /// Resolves at the end of the connection to the active controller.
    pub async fn controller_lost(&self) {
        if let Ok(channel) = self.link.channel().await {
            channel.closed().await;
        }
    }

    /// Has the active controller answer a client's request frame, wherever it is. `None` if none can be reached in time.
    pub async fn forward(&self, frame: Bytes, client: IpAddr) -> Option<Bytes> {
        let until = Instant::now() + CONTROLLER_MAX;
        while Instant::now() < until && !self.is_active() {
            let answer = self.link.envelope(frame.clone(), client);
            match self.while_led(answer).await {
                Some(Ok(answer)) => return Some(answer),
                Some(Err(ErrorCode::NotController)) | None => sleep(CONTROLLER_REST).await,
                Some(Err(e)) => {
                    tracing::warn!(
                        error = e.name(),
                        "the controller refuses a forwarded request"
                    );
                    return None;
                }
            }
        }
        None
    }

    /// Has the active controller decide, wherever it is: here if this node is it, over the wire otherwise. Tried again until
    /// there is one that answers.
    ///
    /// Errors: the decision's own; `NOT_CONTROLLER` if no controller was found in time.
    pub async fn at_controller<R: Request + Clone>(
        &self,
        request: R,
        version: i16,
        command: impl Fn(R) -> Command,
        taken: impl Fn(Reply) -> Option<R::Response>,
        error: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, ErrorCode> {
        let until = Instant::now() + CONTROLLER_MAX;
        loop {
            if self.is_active() {
                match self.submit(command(request.clone())).await {
                    Ok(reply) => {
                        return Ok(taken(reply).expect("a command is answered by its own reply"));
                    }
                    Err(ErrorCode::NotController) => {}
                    Err(e) => return Err(e),
                }
            } else if let Some(Ok(response)) =
                self.while_led(self.link.call(&request, version)).await
            {
                match ErrorCode::from_wire(error(&response)) {
                    ErrorCode::None => return Ok(response),
                    ErrorCode::NotController => {}
                    e => return Err(e),
                }
            }
            // A leader whose own log has failed does not come back, and knows of no other.
            let failed = self.jobs.is_closed() && self.leadership.borrow().leader == Some(self.me);
            if failed || Instant::now() >= until {
                return Err(ErrorCode::NotController);
            }
            sleep(CONTROLLER_REST).await;
        }
    }

    /// Waits until what has been decided up to now can be used on every active broker.
    async fn spread(&self) {
        if let Some(controller) = &self.controller {
            let image = self.image();
            controller
                .spread
                .wait(&image, image.position.offset.0)
                .await;
        }
    }

    /// `describable`: the topics whose configs may be shown; `None` for all. What it creates can be used on every active broker
    /// when this returns.
    pub async fn create_topics(
        &self,
        request: CreateTopicsRequest,
        describable: Option<Vec<Str>>,
    ) -> Result<CreateTopicsResponse, ErrorCode> {
        let validate_only = request.validate_only;
        let response = self
            .at_controller(
                request,
                CREATE_TOPICS_VERSION,
                |request| Command::CreateTopics {
                    request,
                    describable: describable.clone(),
                },
                |reply| match reply {
                    Reply::CreateTopics(response) => Some(response),
                    _ => None,
                },
                |response| {
                    let lost =
                        |t: &CreatableTopicResult| t.error_code == ErrorCode::NotController.code();
                    let lost = response.topics.iter().find(|t| lost(t));
                    lost.map_or(0, |t| t.error_code)
                },
            )
            .await?;
        if !validate_only {
            self.spread().await;
        }
        Ok(response)
    }

    pub async fn delete_topics(
        &self,
        request: DeleteTopicsRequest,
    ) -> Result<DeleteTopicsResponse, ErrorCode> {
        match self.submit(Command::DeleteTopics(request)).await? {
            Reply::DeleteTopics(response) => {
                self.spread().await;
                Ok(response)
            }
            other => unreachable!("DeleteTopics was answered by {other:?}"),
        }
    }

    pub async fn create_partitions(
        &self,
        request: CreatePartitionsRequest,
    ) -> Result<CreatePartitionsResponse, ErrorCode> {
        match self.submit(Command::CreatePartitions(request)).await? {
            Reply::CreatePartitions(response) => {
                self.spread().await;
                Ok(response)
            }
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
        let request = AllocateProducerIdsRequest {
            broker_id: broker.0,
            broker_epoch: epoch.0,
        };
        let response = self
            .at_controller(
                request,
                0,
                |_| Command::AllocateProducerIds { broker, epoch },
                |reply| match reply {
                    Reply::ProducerIds { first, count } => Some(AllocateProducerIdsResponse {
                        producer_id_start: first,
                        producer_id_len: count,
                        ..Default::default()
                    }),
                    _ => None,
                },
                |response| response.error_code,
            )
            .await?;
        Ok((response.producer_id_start, response.producer_id_len))
    }

    /// A leader changes its ISR. Errors are those of the whole request.
    pub async fn alter_partition(
        &self,
        request: AlterPartitionRequest,
    ) -> Result<AlterPartitionResponse, ErrorCode> {
        self.at_controller(
            request,
            ALTER_PARTITION_VERSION,
            Command::AlterPartition,
            |reply| match reply {
                Reply::AlterPartition(response) => Some(response),
                _ => None,
            },
            |response| response.error_code,
        )
        .await
    }

    /// A broker tells where its replicas are. Errors are those of the whole request.
    pub async fn assign_replicas_to_dirs(
        &self,
        request: AssignReplicasToDirsRequest,
    ) -> Result<AssignReplicasToDirsResponse, ErrorCode> {
        self.at_controller(
            request,
            ASSIGN_REPLICAS_VERSION,
            Command::AssignReplicasToDirs,
            |reply| match reply {
                Reply::AssignReplicasToDirs(response) => Some(response),
                _ => None,
            },
            |response| response.error_code,
        )
        .await
    }

    /// The end of what the quorum has committed by now, as its leader has it.
    pub async fn committed_end(&self) -> Result<i64, ErrorCode> {
        if let Some(controller) = self.controller().filter(|_| self.is_active()) {
            return Ok(controller.log.end());
        }
        let request = DescribeQuorumRequest {
            topics: vec![describe_quorum_request::TopicData {
                topic_name: Str::from_static(METADATA_TOPIC),
                partitions: vec![describe_quorum_request::PartitionData { partition_index: 0 }],
            }],
        };
        let answer = self.link.call(&request, DESCRIBE_QUORUM_VERSION).await;
        let answer = answer.map_err(|_| ErrorCode::NotController)?;
        let mut partitions = answer.topics.into_iter().flat_map(|t| t.partitions);
        let partition = partitions.next().ok_or(ErrorCode::NotController)?;
        match ErrorCode::from_wire(partition.error_code) {
            ErrorCode::None => Ok(partition.high_watermark),
            _ => Err(ErrorCode::NotController),
        }
    }

    /// A broker registers. Its first epoch, or why not: `DUPLICATE_BROKER_REGISTRATION` while another process of that id lives.
    pub async fn register_remote(
        &self,
        request: &BrokerRegistrationRequest,
    ) -> Result<BrokerRegistrationResponse, ErrorCode> {
        let answer = self.link.call(request, BROKER_REGISTRATION_VERSION).await;
        answer.map_err(|_| ErrorCode::NotController)
    }

    pub async fn heartbeat_remote(
        &self,
        request: &BrokerHeartbeatRequest,
    ) -> Result<BrokerHeartbeatResponse, ErrorCode> {
        let answer = self.link.call(request, BROKER_HEARTBEAT_VERSION);
        match self.while_led(answer).await {
            Some(Ok(answer)) => Ok(answer),
            _ => Err(ErrorCode::NotController),
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
    pub(super) async fn fence(&self, broker: NodeId, epoch: BrokerEpoch) -> Result<(), ErrorCode> {
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
        task::spawn(async move {
            while let Some(job) = queue.recv().await {
                let run = run.clone();
                let answer = task::blocking(move || run(job.command)).await;
                let _ = job
                    .done
                    .send(answer.expect("the controller does not panic"));
            }
        });
        let leads = Leadership {
            active: true,
            ..Default::default()
        };
        MetaHandle {
            me: NodeId(0),
            link: Arc::new(Link::new(
                Network::Tcp,
                client_id(NodeId(0)),
                Box::new(|| None),
            )),
            controller: None,
            jobs,
            image,
            published,
            leadership: watch::channel(leads).1,
        }
    }
}
