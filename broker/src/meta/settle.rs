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

/// What observers have applied, as their fetches and heartbeats tell.
struct Observers {
    /// Never held while the others are told: who waits looks here.
    seen: Mutex<BTreeMap<NodeId, Observed>>,
    told: watch::Sender<()>,
}

impl Observers {
    fn new() -> Observers {
        Observers {
            seen: Mutex::default(),
            told: watch::channel(()).0,
        }
    }

    fn observe(&self, broker: NodeId, change: impl FnOnce(&mut Observed)) {
        let news = {
            let mut all = self.seen.lock();
            let seen = all.entry(broker).or_insert_with(Observed::new);
            let before = seen.applied;
            seen.at = Instant::now();
            change(seen);
            let news = seen.applied != before;
            if all.len() > OBSERVERS_MAX {
                all.retain(|_, seen| seen.at.elapsed() < FORGOTTEN);
            }
            news
        };
        if news {
            self.told.send_replace(());
        }
    }

    /// The last offset that it has applied, -1 if it has never told.
    fn applied(&self, broker: NodeId) -> i64 {
        self.seen
            .lock()
            .get(&broker)
            .map_or(-1, |seen| seen.applied)
    }

    /// Waits until it has applied this offset.
    async fn reaches(&self, broker: NodeId, offset: i64) {
        let mut told = self.told.subscribe();
        // Not `wait_for`: that looks under the channel's lock.
        while self.applied(broker) < offset {
            if told.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What observers have applied; and the way to ask voters.
pub struct Spread {
    me: NodeId,
    raft: Raft<TypeConfig>,
    peers: Peers,
    observers: Observers,
}

impl Spread {
    pub(super) fn new(me: NodeId, raft: Raft<TypeConfig>, peers: Peers) -> Arc<Spread> {
        Arc::new(Spread {
            me,
            raft,
            peers,
            observers: Observers::new(),
        })
    }

    /// A broker says in its heartbeat that it has applied everything up to this offset.
    pub fn applied(&self, broker: NodeId, offset: i64) {
        self.observers.observe(broker, |seen| seen.applied = offset);
    }

    /// A broker that follows the log has fetched from this offset on: what is before it is applied.
    pub fn fetched(&self, broker: NodeId, end: i64, directory: Uuid) {
        self.observers.observe(broker, |seen| {
            seen.applied = end - 1;
            seen.fetched = Some(Fetched {
                end,
                directory,
                at: Instant::now(),
            });
        });
    }

    /// Who has lately followed the log, and how far.
    pub fn observers(&self) -> Vec<(NodeId, Fetched)> {
        let seen = self.observers.seen.lock();
        let fetched = seen
            .iter()
            .filter_map(|(id, seen)| Some((*id, seen.fetched?)));
        fetched
            .filter(|(_, f)| f.at.elapsed() < FORGOTTEN)
            .collect()
    }

    /// How far every active broker has applied the log, as far as is known here.
    pub fn lowest(&self, image: &Image) -> Offset {
        let applied = |id: NodeId| match id == self.me {
            true => image.position.offset.0,
            false => self.observers.applied(id),
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
                        None => self.observers.reaches(id, offset).await,
                    }
                }
            });
        let _ = timeout(SETTLE_MAX, join_all(waits)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use tokio::runtime::Builder;

    use super::*;

    /// Whoever looks and whoever tells must not wait for each other: both would be threads that serve sockets.
    #[test]
    fn telling_and_waiting_go_on_side_by_side() {
        const OFFSETS: i64 = 20_000;
        let observers = Arc::new(Observers::new());
        let (ended, all_ended) = mpsc::channel();
        for _ in 0..3 {
            let (observers, ended) = (observers.clone(), ended.clone());
            thread::spawn(move || {
                let waits = async {
                    for offset in 0..OFFSETS {
                        observers.reaches(NodeId(1), offset).await;
                    }
                };
                let runtime = Builder::new_current_thread().build().unwrap();
                runtime.block_on(waits);
                let _ = ended.send(());
            });
        }
        thread::spawn(move || {
            for offset in 0..OFFSETS {
                observers.observe(NodeId(1), |seen| seen.applied = offset);
            }
            let _ = ended.send(());
        });
        for _ in 0..4 {
            let end = all_ended.recv_timeout(Duration::from_secs(20));
            assert_eq!(end, Ok(()), "they wait for each other");
        }
    }
}
