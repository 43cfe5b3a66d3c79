//! Voters come and go while the quorum runs (KIP-853), by openraft's own changes of membership.
//!
//! Always holds: a node votes only after it has the leader's log; one change at a time. Must never: take the last voter away.

use std::collections::BTreeSet;
use std::time::Duration;

use openraft::{ChangeMembers, Raft};
use tokio::time::timeout;

use super::raft::{Node, NodeKey, TypeConfig};

/// How long a removal may take: it is two entries that a majority has to take.
const REMOVE_MAX: Duration = Duration::from_secs(10);

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
}

impl Members {
    pub(super) fn new(raft: Raft<TypeConfig>) -> Members {
        Members { raft }
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
        let failed = |e: &dyn std::fmt::Display| MemberError::Raft(e.to_string());
        let change = async {
            let caught_up = self.raft.add_learner(key, Node::new(addr), true).await;
            caught_up.map_err(|e| failed(&e))?;
            let voters = ChangeMembers::AddVoterIds(BTreeSet::from([key]));
            let changed = self.raft.change_membership(voters, true).await;
            changed.map(|_| ()).map_err(|e| failed(&e))
        };
        timeout(within, change)
            .await
            .unwrap_or(Err(MemberError::Late))
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
        let changed = self.raft.change_membership(change, true);
        match timeout(REMOVE_MAX, changed).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => Err(MemberError::Raft(e.to_string())),
            Err(_) => Err(MemberError::Late),
        }
    }
}
