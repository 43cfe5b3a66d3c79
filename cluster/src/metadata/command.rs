//! What can be asked of the controller, and what it answers.
//!
//! Always holds: errors of a single topic or resource are inside the reply; a command as a whole fails only where Kafka fails the
//! whole request. Must never: carry anything but plain values.

use airis_protocol::messages::*;
use airis_protocol::types::{BrokerEpoch, Millis, NodeId, Str};

use crate::machine::Chance;

/// What the controller needs to know besides the metadata: the node's own static configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The controller that decides; `broker` configs of this id count as its own.
    pub node: NodeId,
    /// The cluster's id; brokers of another cluster may not register.
    pub cluster_id: Str,
    /// `num.partitions`.
    pub default_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `min.insync.replicas`, written as the cluster's default at bootstrap (ELR wants it there, KIP-966).
    pub min_insync_replicas: i32,
    /// `delete.topic.enable`.
    pub delete_topic_enable: bool,
    /// Static broker properties, name to value, as they are in the file (only those given).
    pub static_configs: std::collections::BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            node: NodeId(1),
            cluster_id: Str::default(),
            default_partitions: 1,
            default_replication_factor: 1,
            min_insync_replicas: 1,
            delete_topic_enable: true,
            static_configs: Default::default(),
        }
    }
}

/// What a decision is made with besides the image.
pub struct Env<'a> {
    pub now: Millis,
    pub chance: &'a mut Chance,
    pub settings: &'a Settings,
}

/// A wish to change the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The first records of an empty log, or what a new leader must put right. Submitted by the node itself.
    Activate {
        /// The records that a formatted directory brings along (Kafka's `bootstrap.checkpoint`); empty for those of
        /// [`crate::metadata::features::BOOTSTRAP`].
        bootstrap: Vec<MetadataRecord>,
    },
    CreateTopics {
        request: CreateTopicsRequest,
        /// Topics whose configs the principal may see in the answer. `None`: all.
        describable: Option<Vec<Str>>,
    },
    DeleteTopics(DeleteTopicsRequest),
    CreatePartitions(CreatePartitionsRequest),
    AlterConfigs(AlterConfigsRequest),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    RegisterBroker(BrokerRegistrationRequest),
    /// A controller's own broker registers and is unfenced in one step: it has applied what it decides. Answered as a
    /// registration is.
    Join(BrokerRegistrationRequest),
    Heartbeat(BrokerHeartbeatRequest),
    /// The broker's session is over: it may not lead until its heartbeats bring it back.
    Fence(NodeId, BrokerEpoch),
    /// A leader's wish for another ISR.
    AlterPartition(AlterPartitionRequest),
    UnregisterBroker(NodeId),
    RegisterController(ControllerRegistrationRequest),
    /// A block of [`crate::metadata::decide::PRODUCER_ID_BLOCK`] producer ids.
    AllocateProducerIds {
        broker: NodeId,
        epoch: BrokerEpoch,
    },
}

/// The answer, one variant a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Done,
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    CreatePartitions(CreatePartitionsResponse),
    AlterConfigs(AlterConfigsResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    RegisterBroker(BrokerRegistrationResponse),
    Heartbeat(BrokerHeartbeatResponse),
    AlterPartition(AlterPartitionResponse),
    /// First id of the block and how many.
    ProducerIds {
        first: i64,
        count: i32,
    },
}
