//! What handlers reach: the node's services, put together once at boot.
//!
//! Always holds: nothing here is replaced while the node runs. Must never: decide anything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use airis_cluster::fetch::session::Sessions;
use airis_cluster::machine::Chance;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, NodeId, PartitionId, Str, Uuid};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::coord::Groups;
use crate::meta::MetaHandle;
use crate::net::Network;
use crate::partition::PartitionTable;
use crate::producer_ids::ProducerIds;
use crate::topics::Creations;

/// One running node.
pub struct Node {
    pub id: NodeId,
    /// This run's registration.
    epoch: AtomicI64,
    pub cluster_id: Str,
    pub config: Arc<BrokerConfig>,
    /// The cluster's metadata: the image, and the way to change it.
    pub meta: MetaHandle,
    /// The partitions that this node holds.
    pub partitions: Arc<PartitionTable>,
    /// The coordinator of groups.
    pub groups: Arc<Groups>,
    /// Ids for idempotent producers.
    pub producer_ids: ProducerIds,
    /// Incremental fetch sessions of all clients.
    pub fetch_sessions: Mutex<Sessions>,
    /// Topics that clients make by naming them.
    pub creations: Creations,
    pub clock: Clock,
    /// The way to other nodes.
    pub network: Network,
    /// Where random numbers come from.
    pub chance: Mutex<Chance>,
}

/// What a node is made of.
pub struct Parts {
    pub id: NodeId,
    pub cluster_id: Str,
    pub config: Arc<BrokerConfig>,
    pub meta: MetaHandle,
    pub partitions: Arc<PartitionTable>,
    pub groups: Arc<Groups>,
    pub clock: Clock,
    pub network: Network,
    pub chance: Chance,
}

impl Node {
    pub fn new(parts: Parts) -> Node {
        Node {
            id: parts.id,
            epoch: AtomicI64::new(-1),
            cluster_id: parts.cluster_id,
            meta: parts.meta,
            partitions: parts.partitions,
            groups: parts.groups,
            producer_ids: Default::default(),
            fetch_sessions: Mutex::new(Sessions::new(parts.config.fetch_session_slots)),
            creations: Creations::default(),
            clock: parts.clock,
            network: parts.network,
            chance: Mutex::new(parts.chance),
            config: parts.config,
        }
    }

    /// The epoch of this run's registration; -1 before there is one.
    pub fn epoch(&self) -> BrokerEpoch {
        BrokerEpoch(self.epoch.load(Ordering::Acquire))
    }

    pub fn set_epoch(&self, epoch: BrokerEpoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }

    /// Who leads a partition, and in which epoch, whether or not this node has a replica; by the topic's id if there is one.
    pub fn leader_of(
        &self,
        id: Uuid,
        name: &str,
        index: PartitionId,
    ) -> Option<(Option<NodeId>, LeaderEpoch)> {
        let image = self.meta.image();
        let topic = match id {
            Uuid::ZERO => image.topic(name),
            id => image.topic_by_id(id),
        };
        let partition = topic?.partition(index)?;
        Some((partition.leader, partition.leader_epoch))
    }

    /// Id, host, port and rack of those of the brokers that live, as clients of this listener reach them.
    pub fn endpoints(
        &self,
        listener: &str,
        of: &BTreeSet<i32>,
    ) -> Vec<(NodeId, Str, i32, Option<Str>)> {
        if of.is_empty() {
            return Vec::new();
        }
        let image = self.meta.image();
        image
            .brokers()
            .filter(|b| !b.fenced && of.contains(&b.id.0))
            .filter_map(|b| {
                let e = b.endpoint(listener)?;
                Some((b.id, e.host.clone(), i32::from(e.port), b.rack.clone()))
            })
            .collect()
    }
}
