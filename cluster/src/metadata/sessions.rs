//! Which brokers the active controller has heard of, when, and how far each has applied the log. Known to the leader of the quorum
//! alone, and to be begun anew by every new one.
//!
//! Always holds: a broker has a session only in the epoch it was heard in. Must never: end a session that a new leader has not
//! had the time to hear of (see [`Sessions::begin`]).

use std::collections::BTreeMap;

use airis_protocol::messages::BrokerHeartbeatRequest;
use airis_protocol::types::{BrokerEpoch, Millis, NodeId, Offset};

use super::image::Image;

#[derive(Clone, Copy, Debug)]
struct Session {
    epoch: BrokerEpoch,
    heard: Millis,
    /// The last record that the broker has applied.
    applied: Offset,
    /// What all others must have applied before the broker may stop; from when it was first seen in controlled shutdown.
    leaving: Option<Offset>,
}

/// The sessions of all brokers.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    brokers: BTreeMap<NodeId, Session>,
}

impl Sessions {
    /// A new leader's view: every broker that is not fenced gets a whole session to be heard in.
    pub fn begin(image: &Image, now: Millis) -> Sessions {
        let session = |epoch| Session {
            epoch,
            heard: now,
            applied: Offset(-1),
            leaving: None,
        };
        Sessions {
            brokers: image
                .brokers()
                .filter(|b| !b.fenced)
                .map(|b| (b.id, session(b.epoch)))
                .collect(),
        }
    }

    /// Takes in a heartbeat of a broker that is registered in this epoch; others are passed over. True if every active broker has
    /// applied what the sender's controlled shutdown changed: `passed` of [`super::Command::Heartbeat`].
    pub fn heard(&mut self, now: Millis, image: &Image, request: &BrokerHeartbeatRequest) -> bool {
        let id = NodeId(request.broker_id);
        let Some(broker) = image
            .broker(id)
            .filter(|b| b.epoch.0 == request.broker_epoch)
        else {
            return false;
        };
        let leaving = self.brokers.get(&id).filter(|s| s.epoch == broker.epoch);
        let leaving = leaving.and_then(|s| s.leaving).or(broker
            .in_controlled_shutdown
            .then_some(image.position.offset));
        self.brokers.insert(
            id,
            Session {
                epoch: broker.epoch,
                heard: now,
                applied: Offset(request.current_metadata_offset),
                leaving,
            },
        );
        leaving.is_some_and(|offset| self.lowest_active(image) >= offset)
    }

    /// How far every active broker has applied the log; the highest offset there is if none is active.
    fn lowest_active(&self, image: &Image) -> Offset {
        let active = image.brokers().filter(|b| b.active());
        let applied = active.map(|b| match self.brokers.get(&b.id) {
            Some(s) if s.epoch == b.epoch => s.applied,
            _ => Offset(-1),
        });
        applied.min().unwrap_or(Offset(i64::MAX))
    }

    /// True if the broker was heard in this epoch within the session's length: another process may not register for it yet.
    pub fn live(&self, now: Millis, id: NodeId, epoch: BrokerEpoch, length_ms: i64) -> bool {
        let session = self.brokers.get(&id).filter(|s| s.epoch == epoch);
        session.is_some_and(|s| now.0 - s.heard.0 < length_ms)
    }

    /// The brokers to be fenced, because nothing was heard of them for so long.
    pub fn expired(
        &self,
        now: Millis,
        image: &Image,
        length_ms: i64,
    ) -> Vec<(NodeId, BrokerEpoch)> {
        image
            .brokers()
            .filter(|b| !b.fenced && !self.live(now, b.id, b.epoch, length_ms))
            .map(|b| (b.id, b.epoch))
            .collect()
    }

    /// When the next session ends if nothing is heard until then.
    pub fn next_end(&self, image: &Image, length_ms: i64) -> Option<Millis> {
        let unfenced = image.brokers().filter(|b| !b.fenced);
        let ends = unfenced.map(|b| match self.brokers.get(&b.id) {
            Some(s) if s.epoch == b.epoch => Millis(s.heard.0 + length_ms),
            _ => Millis(i64::MIN),
        });
        ends.min()
    }

    /// The broker's connection has closed, or it has stopped: its session is over.
    pub fn end(&mut self, id: NodeId, epoch: BrokerEpoch) {
        if self.brokers.get(&id).is_some_and(|s| s.epoch == epoch) {
            self.brokers.remove(&id);
        }
    }
}
