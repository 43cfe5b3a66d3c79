//! Ids for producers, handed out of a block that the controller has given to this node.
//!
//! Always holds: an id is handed out once in the life of the cluster. Must never: ask the controller more than once a block.

use airis_protocol::error::ErrorCode;
use airis_protocol::types::{BrokerEpoch, NodeId, ProducerId};
use tokio::sync::Mutex;

use crate::meta::MetaHandle;

/// What is left of the node's block.
#[derive(Debug, Default)]
pub struct ProducerIds {
    left: Mutex<std::ops::Range<i64>>,
}

impl ProducerIds {
    /// The next id; asks the controller for a block when there is none left.
    pub async fn next(
        &self,
        meta: &MetaHandle,
        node: NodeId,
        epoch: BrokerEpoch,
    ) -> Result<ProducerId, ErrorCode> {
        // Held while a block is fetched on purpose: the others wait for the same block.
        let mut left = self.left.lock().await;
        if left.is_empty() {
            let (first, count) = meta.allocate_producer_ids(node, epoch).await?;
            *left = first..first + i64::from(count);
        }
        Ok(ProducerId(left.next().expect("a block is not empty")))
    }
}
