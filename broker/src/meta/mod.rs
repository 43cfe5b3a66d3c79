//! The node's part in the metadata quorum, and the one handle by which the rest of the broker reads and changes metadata.
//!
//! Always holds: an image is published to the [`Publisher`] before anybody can read it from the handle, and a change is answered
//! only after that; images are published in the order of the log. Must never: answer what is not committed.

mod publish;

use std::sync::Arc;

use airis_cluster::metadata::{Command, Delta, Image, Reply};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::*;
use airis_protocol::types::{BrokerEpoch, NodeId, Str};
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

/// Takes each new image to the rest of the broker. Called in order, one at a time, on a thread that may block.
pub trait Publisher: Send + Sync + 'static {
    /// `image` is what holds from now on, `delta` what differs from the image before.
    fn publish(&self, image: &Arc<Image>, delta: &Delta);
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

    /// Registers the node's own broker and lets it lead. Returns its epoch.
    ///
    /// Both records and the elections go through the log as for any broker; `request` says where it listens.
    pub async fn register(
        &self,
        request: BrokerRegistrationRequest,
    ) -> Result<BrokerEpoch, ErrorCode> {
        let broker_id = request.broker_id;
        let broker_epoch = match self.submit(Command::RegisterBroker(request)).await? {
            Reply::RegisterBroker(response) => response.broker_epoch,
            other => unreachable!("RegisterBroker was answered by {other:?}"),
        };
        self.submit(Command::Heartbeat(BrokerHeartbeatRequest {
            broker_id,
            broker_epoch,
            current_metadata_offset: self.image().position.offset.0,
            want_fence: false,
            ..Default::default()
        }))
        .await?;
        Ok(BrokerEpoch(broker_epoch))
    }
}
