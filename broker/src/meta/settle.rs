//! Waiting until a change is known everywhere, so that whoever made it can use it on any broker.
//!
//! Always holds: the wait is bounded: a broker that lags or is paused does not hold an answer up for long. Must never: be part of
//! whether a change counts; it is committed when the wait begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::Image;
use airis_protocol::types::{NodeId, Offset, Uuid};
use futures::future::join_all;
use openraft::Raft;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::network::Peers;
use super::raft::{NodeKey, TypeConfig};
use super::wire::Call;

/// The longest that an answer is held up.
const SETTLE_MAX: Duration = Duration::from_secs(1);
/// An observer that has not been heard of for so long is one no more (as in Kafka).
const FORGOTTEN: Duration = Duration::from_secs(300);
/// Beyond so many, old ones are looked for at once.
const OBSERVERS_MAX: usize = 1000;

/// What is known of a broker that is no voter.
struct Observed {
    /// The last offset that it has applied.
    applied: i64,
    at: Instant,
    /// None for one that has only sent heartbeats here.
    fetched: Option<Fetched>,
}

impl Observed {
    fn new() -> Observed {
        Observed {
            applied: -1,
            at: Instant::now(),
            fetched: None,
        }
    }
}

/// A follower's last fetch of the metadata log.
#[derive(Clone, Copy)]
pub struct Fetched {
    /// Where its log ends.
    pub end: i64,
    pub directory: Uuid,
    pub at: Instant,
}

/// What observers have applied, as their fetches tell; and the way to ask voters.
pub struct Spread {
    me: NodeId,
    raft: Raft<TypeConfig>,
    peers: Peers,
    observed: Mutex<BTreeMap<NodeId, Observed>>,
    told: watch::Sender<u64>,
}

impl Spread {
    pub(super) fn new(me: NodeId, raft: Raft<TypeConfig>, peers: Peers) -> Arc<Spread> {
        Arc::new(Spread {
            me,
            raft,
            peers,
            observed: Mutex::default(),
            told: watch::channel(0).0,
        })
    }

    /// A broker says in its heartbeat that it has applied everything up to this offset.
    pub fn applied(&self, broker: NodeId, offset: i64) {
        self.observe(broker, |seen| seen.applied = offset);
    }

    /// A broker that follows the log has fetched from this offset on: what is before it is applied.
    pub fn fetched(&self, broker: NodeId, end: i64, directory: Uuid) {
        self.observe(broker, |seen| {
            seen.applied = end - 1;
            seen.fetched = Some(Fetched {
                end,
                directory,
                at: Instant::now(),
            });
        });
    }

    fn observe(&self, broker: NodeId, change: impl FnOnce(&mut Observed)) {
        let mut observed = self.observed.lock();
        let seen = observed.entry(broker).or_insert_with(Observed::new);
        let before = seen.applied;
        seen.at = Instant::now();
        change(seen);
        if seen.applied != before {
            self.told.send_modify(|n| *n += 1);
        }
        if observed.len() > OBSERVERS_MAX {
            observed.retain(|_, seen| seen.at.elapsed() < FORGOTTEN);
        }
    }

    /// Who has lately followed the log, and how far.
    pub fn observers(&self) -> Vec<(NodeId, Fetched)> {
        let observed = self.observed.lock();
        let fetched = observed
            .iter()
            .filter_map(|(id, seen)| Some((*id, seen.fetched?)));
        fetched
            .filter(|(_, f)| f.at.elapsed() < FORGOTTEN)
            .collect()
    }

    /// How far every active broker has applied the log, as far as is known here.
    pub fn lowest(&self, image: &Image) -> Offset {
        let observed = self.observed.lock();
        let applied = |id: NodeId| match id == self.me {
            true => image.position.offset.0,
            false => observed.get(&id).map_or(-1, |seen| seen.applied),
        };
        let active = image.brokers().filter(|b| b.active());
        Offset(active.map(|b| applied(b.id)).min().unwrap_or(-1))
    }

    /// Waits until all active brokers have published this offset, for a second at most.
    pub async fn wait(&self, image: &Image, offset: i64) {
        let membership = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow();
            metrics.membership_config.clone()
        };
        let waits = image
            .brokers()
            .filter(|b| b.active() && b.id != self.me)
            .map(|broker| {
                let id = broker.id;
                let node = membership
                    .membership()
                    .get_node(&(id.0 as NodeKey))
                    .cloned();
                async move {
                    match node {
                        Some(node) => {
                            let key = id.0 as NodeKey;
                            let call = Call::Applied {
                                offset,
                                wait_ms: SETTLE_MAX.as_millis() as u32,
                            };
                            let link = self.peers.link(key, &node.addr);
                            let _ = link.call(&call, &self.peers.envelope(key)).await;
                        }
                        None => {
                            let mut told = self.told.subscribe();
                            let applied = |_: &u64| {
                                self.observed
                                    .lock()
                                    .get(&id)
                                    .is_some_and(|seen| seen.applied >= offset)
                            };
                            let _ = told.wait_for(applied).await;
                        }
                    }
                }
            });
        let _ = timeout(SETTLE_MAX, join_all(waits)).await;
    }
}
