//! One member of a classic group.
//!
//! Always holds: at most one JoinGroup and one SyncGroup of a member wait. Must never: hold a slice of a request's frame.

use airis_protocol::messages::group_metadata_value::MemberMetadata;
use airis_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use airis_protocol::types::Str;
use bytes::Bytes;

use crate::group::Token;

/// A protocol that a member offers, with its metadata for it (for consumers: the subscription).
#[derive(Clone, Debug, PartialEq)]
pub(in crate::group) struct Protocol {
    pub name: Str,
    pub metadata: Bytes,
}

/// Copies what a member offers out of its request.
pub(super) fn offered(protocols: &[JoinGroupRequestProtocol]) -> Vec<Protocol> {
    protocols
        .iter()
        .map(|p| Protocol {
            name: p.name.detach(),
            metadata: Bytes::copy_from_slice(&p.metadata),
        })
        .collect()
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::group) struct Member {
    pub id: Str,
    pub instance: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// In order of preference.
    pub protocols: Vec<Protocol>,
    pub assignment: Bytes,
    /// The JoinGroup that waits for the rebalance.
    pub join: Option<Token>,
    /// The SyncGroup that waits for the assignment.
    pub sync: Option<Token>,
    /// It has not been told its id yet, so it cannot send heartbeats.
    pub is_new: bool,
}

impl Member {
    pub fn is_static(&self) -> bool {
        self.instance.is_some()
    }

    pub fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|p| p.name == *protocol)
            .map(|p| p.metadata.clone())
            .unwrap_or_default()
    }

    /// True if the member offers just this, in this order.
    pub fn matches(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        self.protocols.len() == protocols.len()
            && self
                .protocols
                .iter()
                .zip(protocols)
                .all(|(a, b)| a.name == b.name && a.metadata == b.metadata)
    }

    /// While it waits for the others a member need not send heartbeats; a new one that waits too long is given up all the same.
    pub fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.join.is_some() || self.sync.is_some())
    }

    /// The names it offers, each once.
    pub fn names(&self) -> Vec<Str> {
        let mut names: Vec<Str> = self.protocols.iter().map(|p| p.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub fn record(&self, protocol: &str, assignment: Bytes) -> MemberMetadata {
        MemberMetadata {
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout: self.rebalance_timeout_ms,
            session_timeout: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment,
        }
    }
}
