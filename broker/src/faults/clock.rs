//! The time of a cluster in this process.
//!
//! A leap is not like time that passes: in a second that passes, a node that lives says so ten times over. So a leap comes in two
//! steps: first everybody who waits is woken, and those who live say so; then those who have said nothing have been silent for so long.
//!
//! Always holds: a node that lives and can be reached loses no session and no place in an ISR by a leap. Must never: wait long for
//! a node that the test itself has silenced.

use std::time::Duration;

use airis_protocol::types::NodeId;
use tokio::time::{Instant, sleep};

use super::{LOOK, Shared};
use crate::Broker;
use crate::{task, work};

/// How long a node that lives may take to say so.
const WORD_MAX: Duration = Duration::from_secs(5);

/// The time of all nodes of a [`Cluster`](crate::Cluster), or of one [`Broker`].
pub struct TestClock<'a> {
    shared: &'a Shared,
    nodes: Vec<&'a Broker>,
}

impl<'a> TestClock<'a> {
    pub(super) fn new(shared: &'a Shared, nodes: Vec<&'a Broker>) -> TestClock<'a> {
        TestClock { shared, nodes }
    }

    /// What the nodes take the time to be, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now().0
    }

    /// Lets so much time pass for the nodes, at once. When this returns, everything has been done that was due:
    ///
    /// - the wall clock has moved: time stamps of records, `retention.ms`, `segment.ms`, expiry of offsets and of producers' states;
    ///   retention has looked at every partition, without waiting for `log.retention.check.interval.ms`;
    /// - members of groups whose `session.timeout.ms` or rebalance timeout is over are out, and rebalances that waited go on. A member
    ///   that lives has not been able to send a heartbeat in time that did not pass for it, so it is out as well if it is more than
    ///   its session;
    /// - requests of clients that waited, wait no longer: `fetch.max.wait.ms`, the timeouts of Produce and DeleteRecords, delays by
    ///   script;
    /// - brokers that are dead, paused or cut off from the controller have been silent for so long: `broker.session.timeout.ms`; and
    ///   followers that are cut off from a leader that has something new for them, `replica.lag.time.max.ms`. The controller fences,
    ///   and the ISR shrinks, within milliseconds after this returns.
    ///
    /// It does not move what nodes and clients know of each other by their connections: elections and
    /// `controller.quorum.fetch.timeout.ms`, the timeouts of requests between nodes, `connections.max.idle.ms`, and the clients' own
    /// clocks. Nodes that live and
    /// reach the controller stay in the cluster, however far the leap.
    ///
    /// A paused node finds the leap when it is resumed.
    pub async fn advance(&self, by: Duration) {
        let began = Instant::now();
        self.shared.clock.advance(by);
        self.shared.leap.by(by);
        let able: Vec<&Broker> = self
            .nodes
            .iter()
            .copied()
            .filter(|n| !n.place.scope().is_paused())
            .collect();
        let mut silent = false;
        while self.waits_for_a_word(&able, by, began) {
            silent = began.elapsed() >= WORD_MAX;
            if silent {
                break;
            }
            sleep(LOOK).await;
        }
        if silent {
            tracing::warn!(
                "a node that nothing was done to has not been heard of for {WORD_MAX:?}"
            );
        }
        for broker in able {
            let node = broker.node().clone();
            if node.meta.is_active()
                && let Some(controller) = node.meta.controller()
            {
                controller.sessions.age(by, began);
            }
            let caught_up = async move {
                for partition in node.partitions.all() {
                    partition.check_lag();
                }
                // Whoever fails here has said so itself.
                let _ = task::blocking(move || work::catch_up(&node)).await;
            };
            broker.place.scope().of(caught_up).await;
        }
    }

    /// True if some node will be taken for dead, or slow, that need only be given the time to say a word.
    fn waits_for_a_word(&self, able: &[&Broker], by: Duration, since: Instant) -> bool {
        let able_to_reach = |id: NodeId, from: usize| {
            let known = able.iter().find(|n| n.node().id == id);
            known.is_some_and(|n| self.shared.links.whole(n.place.me, from))
        };
        able.iter().any(|broker| {
            let (node, me) = (broker.node(), broker.place.me);
            let heartbeats = node.meta.is_active()
                && node.meta.controller().is_some_and(|controller| {
                    let over = controller.sessions.over_in(by, since);
                    over.iter()
                        .any(|id| *id != node.id && able_to_reach(*id, me))
                });
            let _entered = broker.place.scope().enter();
            let slow = || {
                let led = node.partitions.all();
                led.iter()
                    .any(|p| p.laggards().iter().any(|id| able_to_reach(*id, me)))
            };
            heartbeats || slow()
        })
    }
}
