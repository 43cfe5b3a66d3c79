//! Voters come and go while the quorum runs (KIP-853), by openraft's own changes of membership.
//!
//! Always holds: a node votes only after it has the leader's log; one change at a time. Must never: take the last voter away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::error::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{ChangeMembers, Raft};
use tokio::time::{sleep, timeout};

use super::network::Peers;
use super::raft::{Node, NodeKey, TypeConfig};

/// How long a removal may take: it is two entries that a majority has to take.
const REMOVE_MAX: Duration = Duration::from_secs(10);
/// How soon it is looked again whether another change has been made.
const TURN: Duration = Duration::from_millis(20);
/// How long it may take to forget a node that could not be added.
const GIVE_UP_MAX: Duration = Duration::from_secs(1);

/// Why the voters cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error("node {0} is a voter already")]
    Duplicate(i32),
    #[error("node {0} is no voter")]
    NotFound(i32),
    #[error("the quorum's only voter cannot be removed")]
    Last,
    #[error("it has not been done in time")]
    Late,
    #[error("{0}")]
    Raft(String),
}

pub struct Members {
    raft: Raft<TypeConfig>,
    peers: Peers,
}

/// Makes a change once no other is under way. Whoever calls bounds the wait.
async fn in_turn<T, F>(change: impl Fn() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, RaftError<NodeKey, ClientWriteError<NodeKey, Node>>>>,
{
    loop {
        match change().await {
            Ok(done) => return Ok(done),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
                ChangeMembershipError::InProgress(_),
            ))) => sleep(TURN).await,
            Err(e) => return Err(e.to_string()),
        }
    }
}

/// Has the log sent to a node that is no voter, at this address from now on, whatever one it had before. `whole`: returns when it has
/// caught up.
pub(super) async fn follow(
    raft: &Raft<TypeConfig>,
    id: NodeKey,
    addr: &str,
    whole: bool,
) -> Result<(), String> {
    let elsewhere = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow();
        let known = metrics.membership_config.membership().get_node(&id);
        known.is_some_and(|n| n.addr != addr)
    };
    let node = Node::new(addr);
    if elsewhere {
        // Adding it again would leave it where it was.
        let moved = ChangeMembers::SetNodes(BTreeMap::from([(id, node.clone())]));
        in_turn(|| raft.change_membership(moved.clone(), true)).await?;
    }
    let added = in_turn(|| raft.add_learner(id, node.clone(), false)).await?;
    let all = Some(added.log_id);
    if whole {
        // Openraft's own wait is over when a few thousand entries are missing: for a short log, before the node has answered at all.
        let mut metrics = raft.metrics();
        let has_all = metrics.wait_for(|m| match &m.replication {
            Some(followers) => followers.get(&id).is_some_and(|at| *at >= all),
            // It leads no more, and is told so by the change that follows.
            None => true,
        });
        has_all.await.map_err(|e| e.to_string())?;
    }
    Ok(())
}

impl Members {
    pub(super) fn new(raft: Raft<TypeConfig>, peers: Peers) -> Members {
        Members { raft, peers }
    }

    /// True if this node is the only voter.
    pub(super) fn only(&self, me: i32) -> bool {
        self.voters() == BTreeSet::from([me as NodeKey])
    }

    /// Resolves once this node is not the only voter.
    pub(super) async fn changed(&self, me: i32) {
        let mut metrics = self.raft.metrics();
        let more = metrics.wait_for(|m| !m.membership_config.voter_ids().eq([me as NodeKey]));
        if more.await.is_err() {
            std::future::pending().await
        }
    }

    fn voters(&self) -> BTreeSet<NodeKey> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.membership_config.voter_ids().collect()
    }

    /// Sends the log to a node, and lets it vote once it has it.
    pub async fn add(&self, id: i32, addr: &str, within: Duration) -> Result<(), MemberError> {
        let key = id as NodeKey;
        if self.voters().contains(&key) {
            return Err(MemberError::Duplicate(id));
        }
        self.peers.forget_configured(key);
        let change = async {
            let caught_up = follow(&self.raft, key, addr, true).await;
            caught_up.map_err(MemberError::Raft)?;
            let voters = ChangeMembers::AddVoterIds(BTreeSet::from([key]));
            let changed = self.change(voters).await;
            changed.map_err(MemberError::Raft)
        };
        if let Ok(changed) = timeout(within, change).await {
            return changed;
        }
        // The address may have been wrong. A node that wants the log, and is not sent it, asks for it; one that votes by now stays.
        let gone = ChangeMembers::RemoveNodes(BTreeSet::from([key]));
        let _ = timeout(GIVE_UP_MAX, self.change(gone)).await;
        Err(MemberError::Late)
    }

    /// Takes the vote from a node. It may go on following the log.
    pub async fn remove(&self, id: i32) -> Result<(), MemberError> {
        let key = id as NodeKey;
        let voters = self.voters();
        if !voters.contains(&key) {
            return Err(MemberError::NotFound(id));
        }
        if voters.len() == 1 {
            return Err(MemberError::Last);
        }
        let change = ChangeMembers::RemoveVoters(BTreeSet::from([key]));
        match timeout(REMOVE_MAX, self.change(change)).await {
            Ok(changed) => changed.map_err(MemberError::Raft),
            Err(_) => Err(MemberError::Late),
        }
    }

    async fn change(&self, change: ChangeMembers<NodeKey, Node>) -> Result<(), String> {
        let changed = in_turn(|| self.raft.change_membership(change.clone(), true));
        changed.await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use openraft::error::{EmptyMembership, InProgress};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_the_one_before_it() {
        let tries = Cell::new(0);
        let done = in_turn(async || {
            tries.set(tries.get() + 1);
            if tries.get() == 3 {
                return Ok(7);
            }
            let busy = ChangeMembershipError::InProgress(InProgress {
                committed: None,
                membership_log_id: None,
            });
            Err(RaftError::APIError(busy.into()))
        });
        assert_eq!(done.await, Ok(7));
        let refused = in_turn(async || {
            let none = ChangeMembershipError::EmptyMembership(EmptyMembership {});
            Err::<(), _>(RaftError::APIError(none.into()))
        });
        assert!(refused.await.is_err());
    }
}
