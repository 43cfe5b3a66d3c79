//! What handlers reach: the node's services, put together once at boot.
//!
//! Always holds: nothing here is replaced while the node runs. Must never: hold state of its own.

use std::sync::Arc;

use airis_protocol::types::{NodeId, Str};

use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::meta::MetaHandle;
use crate::partition::PartitionTable;

/// One running node.
pub struct Node {
    pub id: NodeId,
    pub cluster_id: Str,
    pub config: Arc<BrokerConfig>,
    /// The cluster's metadata: the image, and the way to change it.
    pub meta: MetaHandle,
    /// The partitions that this node holds.
    pub partitions: Arc<PartitionTable>,
    pub clock: Clock,
}
