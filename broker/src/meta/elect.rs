//! When this node campaigns, and how it keeps the others from it while it leads.
//!
//! Always holds: nobody campaigns before a majority has said that it would vote for it: a node that comes back from a pause or from
//! behind a cut wire disturbs nobody. Must never: run a timer for a quorum of one.
//!
//! openraft's own elections are off. Its leader lease stays, as short as a vote may take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::machine::Chance;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use openraft::{Raft, ServerState};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::machine::Machine;
use super::network::Peers;
use super::quorum::Quorum;
use super::raft::{LEASE, Node, NodeKey, TypeConfig};
use super::store::Store;
use super::wire::{Answer, Call};

/// How often a leader says that it is there.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Between the campaigns of two voters that lose their leader at the same time: longer than an election takes.
const STAGGER: Duration = Duration::from_millis(60);
/// How long the others may take to say whether they would vote.
const PREVOTE_MAX: Duration = Duration::from_millis(300);
/// The least rest between two tries.
const REST: Duration = Duration::from_millis(100);
/// Between two requests for a snapshot.
const SNAPSHOT_AGAIN: Duration = Duration::from_millis(20);
/// Between two requests for the log.
const ASK_AGAIN: Duration = Duration::from_secs(1);

type Membership = openraft::Membership<NodeKey, Node>;

pub(super) struct Elector {
    pub me: NodeKey,
    pub raft: Raft<TypeConfig>,
    pub quorum: Arc<Quorum>,
    pub store: Store,
    pub machine: Machine,
    pub peers: Peers,
    /// A leader that was not heard of for so long is gone.
    pub patience: Duration,
    /// A snapshot is due after so many bytes of records.
    pub snapshot_bytes: u64,
    pub chance: Chance,
    /// Where this node's own quorum listens.
    pub own_addr: String,
    /// Where other voters may be, for a node that the log does not name.
    pub known: BTreeMap<NodeKey, String>,
}

impl Elector {
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut metrics = self.raft.metrics();
        let jitter = self.below(self.patience / 2);
        let mut heartbeat_at = Instant::now();
        let mut started = false;
        let mut ask_at = Instant::now() + ASK_AGAIN;
        let mut rest_until = Instant::now();
        let mut snapshot_at = Instant::now();
        loop {
            let (state, voters) = {
                let m = metrics.borrow_and_update();
                let voters: BTreeSet<NodeKey> = m.membership_config.voter_ids().collect();
                for (id, node) in m.membership_config.nodes() {
                    self.peers.logged(*id, &node.addr);
                }
                (m.state, voters)
            };
            // Openraft's queue has no bound: while it waits for its disk nothing is asked of it.
            let busy = self.store.is_waiting();
            let wanted = !busy && self.machine.bytes_since_snapshot() >= self.snapshot_bytes;
            if wanted && Instant::now() >= snapshot_at {
                // It is built beside; openraft drops the request if one is being built. Every request is a change of the metrics
                // that wake this loop: without a rest it would spin until the snapshot is there.
                let _ = self.raft.trigger().snapshot().await;
                snapshot_at = Instant::now() + SNAPSHOT_AGAIN;
            }
            let votes = voters.contains(&self.me);
            let alone = votes && voters.len() == 1;
            self.raft.runtime_config().tick(votes && !alone);
            let member = |m: &Membership| m.get_node(&self.me).is_some();
            let unknown = !member(metrics.borrow().membership_config.membership());
            let at = if unknown {
                Some(ask_at)
            } else if !votes || self.quorum.catches_up() {
                None
            } else if state == ServerState::Leader {
                (!alone).then_some(heartbeat_at)
            } else {
                if !started {
                    // Everybody may just have started: one after the other.
                    rest_until = Instant::now() + STAGGER * self.rank(&voters, None);
                    started = true;
                }
                let contact = self.quorum.contact();
                let due = match contact.at {
                    None => rest_until,
                    // Who led before this node was the only voter has been removed, and has had a moment to tell who asked for that.
                    Some(at) if contact.lost || alone => {
                        at + LEASE + STAGGER * self.rank(&voters, contact.leader)
                    }
                    Some(at) => at + self.patience + jitter,
                };
                Some(due.max(rest_until))
            };
            let due = async {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = sleep_until(snapshot_at), if wanted => continue,
                changed = metrics.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                () = self.quorum.changed() => continue,
                _ = stop.wait_for(|s| *s) => return,
            }
            if unknown {
                self.ask_to_follow().await;
                ask_at = Instant::now() + ASK_AGAIN;
                continue;
            }
            if state == ServerState::Leader {
                heartbeat_at = Instant::now() + HEARTBEAT;
                if busy {
                    continue;
                }
                if self.raft.trigger().heartbeat().await.is_err() {
                    return;
                }
                continue;
            }
            if !busy && self.would_win(&voters).await {
                tracing::info!(node = self.me, "campaigning to lead the metadata quorum");
                if self.raft.trigger().elect().await.is_err() {
                    return;
                }
                rest_until = Instant::now() + LEASE;
            } else {
                rest_until = Instant::now() + REST;
            }
            rest_until += self.below(LEASE);
        }
    }

    /// A node that the log does not name, neither as a voter nor otherwise, asks for the log.
    async fn ask_to_follow(&self) {
        for (voter, addr) in self.known.iter().filter(|(v, _)| **v != self.me) {
            let link = self.peers.link(*voter, addr);
            let call = Call::Follow(self.own_addr.clone());
            let answer = timeout(ASK_AGAIN, link.call(&call, &self.peers.envelope(*voter))).await;
            if matches!(answer, Ok(Ok(Answer::Granted(true)))) {
                return;
            }
        }
    }

    fn below(&mut self, range: Duration) -> Duration {
        Duration::from_millis(self.chance.below(range.as_millis().max(1) as usize) as u64)
    }

    /// This node's place among those who may campaign.
    fn rank(&self, voters: &BTreeSet<NodeKey>, gone: Option<NodeKey>) -> u32 {
        voters
            .iter()
            .filter(|v| **v < self.me && Some(**v) != gone)
            .count() as u32
    }

    /// Asks all voters whether they would vote for this node. True if a majority would, this node included.
    async fn would_win(&self, voters: &BTreeSet<NodeKey>) -> bool {
        let last = self.store.last();
        let membership = self.raft.metrics().borrow().membership_config.clone();
        let others = voters.iter().filter(|v| **v != self.me).map(|voter| {
            let known = membership.membership().get_node(voter);
            let link = self
                .peers
                .link(*voter, known.map_or("", |n| n.addr.as_str()));
            let envelope = self.peers.envelope(*voter);
            async move {
                let call = Call::Prevote(last);
                let answer = timeout(PREVOTE_MAX, link.call(&call, &envelope)).await;
                if answer.is_err() {
                    link.forget().await;
                }
                matches!(answer, Ok(Ok(Answer::Granted(true))))
            }
        });
        let mut others: FuturesUnordered<_> = others.collect();
        let mut granted = 1;
        while granted <= voters.len() / 2 {
            match others.next().await {
                Some(yes) => granted += usize::from(yes),
                None => return false,
            }
        }
        true
    }
}
