//! Which brokers are on their way out, and what the others must have applied before they may stop. Known to the active controller
//! alone; a new one begins with nothing.
//!
//! Always holds: a departure counts from an offset at which the broker's controlled shutdown was already decided. Must never: let a
//! broker stop while another still sends clients to it (its leaderships went in the records up to that offset).

use std::collections::BTreeMap;

use airis_protocol::types::{BrokerEpoch, NodeId, Offset};

use super::image::Image;

/// The controlled shutdowns under way.
#[derive(Clone, Debug, Default)]
pub struct Departures {
    brokers: BTreeMap<NodeId, (BrokerEpoch, Offset)>,
}

impl Departures {
    /// To be asked at each heartbeat of a broker: `passed` of [`super::Command::Heartbeat`]. `lowest_active` is how far every broker
    /// that is active has applied the log; anything if none is.
    pub fn passed(&mut self, image: &Image, id: NodeId, lowest_active: Offset) -> bool {
        let Some(broker) = image.broker(id).filter(|b| b.in_controlled_shutdown) else {
            self.brokers.remove(&id);
            return false;
        };
        let now = (broker.epoch, image.position.offset);
        let since = self.brokers.entry(id).or_insert(now);
        if since.0 != broker.epoch {
            *since = now;
        }
        let others = image.brokers().any(|b| b.active());
        !others || lowest_active >= since.1
    }
}
