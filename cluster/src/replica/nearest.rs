//! Which replica a consumer reads from (KIP-392): one in its own rack, if there is one.
//!
//! Must never: send a consumer away from a leader that is as near.

use airis_protocol::types::{NodeId, Offset};

/// A replica that has what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    pub id: NodeId,
    pub rack: Option<&'a str>,
    pub end: Offset,
}

/// The replica to read from instead of the leader: of those in the client's rack the one with the most; `None` if the leader is in
/// that rack itself or nobody is.
pub fn nearest(
    client_rack: &str,
    leader_rack: Option<&str>,
    followers: &[Candidate<'_>],
) -> Option<NodeId> {
    if client_rack.is_empty() || leader_rack == Some(client_rack) {
        return None;
    }
    followers
        .iter()
        .filter(|c| c.rack == Some(client_rack))
        .max_by_key(|c| (c.end, std::cmp::Reverse(c.id)))
        .map(|c| c.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rack_decides_then_the_end() {
        let c = |id, rack, end| Candidate {
            id: NodeId(id),
            rack: Some(rack),
            end: Offset(end),
        };
        let all = [c(2, "b", 10), c(3, "b", 12), c(4, "c", 99)];
        assert_eq!(nearest("b", Some("a"), &all), Some(NodeId(3)));
        assert_eq!(nearest("a", Some("a"), &all), None, "the leader is as near");
        assert_eq!(nearest("d", Some("a"), &all), None);
        assert_eq!(nearest("", None, &all), None, "a client without a rack");
    }
}
