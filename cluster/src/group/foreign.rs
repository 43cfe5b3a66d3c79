//! Groups of the protocols that are not served: the consumer protocol of KIP-848, share and streams groups, as another broker
//! left them in the log.
//!
//! Always holds: every live record of such a group is known by its key, so that the group can be listed, deleted, or given way to
//! a classic group, without a trace left. Must never: change one of its records; only tombstones are written.

use std::collections::BTreeMap;

use airis_protocol::messages::GroupRecordKey;
use airis_protocol::types::Str;
use bytes::Bytes;

use super::Record;

/// How long members of such a group are kept after loading, in milliseconds. They cannot send heartbeats to this broker, so
/// they go as Kafka's would with a broker that they cannot reach: after `group.consumer.session.timeout.ms`, 45 s by default.
pub(super) const SESSION_TIMEOUT_MS: i64 = 45_000;

/// Before members whose sessions have ended are looked at once more, in milliseconds: writing that they are gone may have failed.
pub(super) const AGAIN_MS: i64 = 5_000;

/// The protocol of a group that is not classic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Consumer,
    Share,
    Streams,
}

impl Kind {
    /// The group's type, which is its protocol type as well.
    pub fn name(self) -> Str {
        Str::from_static(match self {
            Kind::Consumer => "consumer",
            Kind::Share => "share",
            Kind::Streams => "streams",
        })
    }
}

/// Whose record a key is: the kind of group, its id, and the member if the record is one of a member.
pub(super) fn owner(key: &GroupRecordKey) -> Option<(Kind, &Str, Option<&Str>)> {
    use GroupRecordKey as K;
    Some(match key {
        K::LegacyOffsetCommit(_) | K::OffsetCommit(_) | K::GroupMetadata(_) => return None,
        K::ConsumerGroupMetadata(k) => (Kind::Consumer, &k.group_id, None),
        K::ConsumerGroupPartitionMetadata(k) => (Kind::Consumer, &k.group_id, None),
        K::ConsumerGroupMemberMetadata(k) => (Kind::Consumer, &k.group_id, Some(&k.member_id)),
        K::ConsumerGroupTargetAssignmentMetadata(k) => (Kind::Consumer, &k.group_id, None),
        K::ConsumerGroupTargetAssignmentMember(k) => {
            (Kind::Consumer, &k.group_id, Some(&k.member_id))
        }
        K::ConsumerGroupCurrentMemberAssignment(k) => {
            (Kind::Consumer, &k.group_id, Some(&k.member_id))
        }
        K::ConsumerGroupRegularExpression(k) => (Kind::Consumer, &k.group_id, None),
        K::ShareGroupMemberMetadata(k) => (Kind::Share, &k.group_id, Some(&k.member_id)),
        K::ShareGroupMetadata(k) => (Kind::Share, &k.group_id, None),
        K::ShareGroupTargetAssignmentMetadata(k) => (Kind::Share, &k.group_id, None),
        K::ShareGroupTargetAssignmentMember(k) => (Kind::Share, &k.group_id, Some(&k.member_id)),
        K::ShareGroupCurrentMemberAssignment(k) => (Kind::Share, &k.group_id, Some(&k.member_id)),
        K::ShareGroupStatePartitionMetadata(k) => (Kind::Share, &k.group_id, None),
        K::StreamsGroupMetadata(k) => (Kind::Streams, &k.group_id, None),
        K::StreamsGroupMemberMetadata(k) => (Kind::Streams, &k.group_id, Some(&k.member_id)),
        K::StreamsGroupTargetAssignmentMetadata(k) => (Kind::Streams, &k.group_id, None),
        K::StreamsGroupTargetAssignmentMember(k) => {
            (Kind::Streams, &k.group_id, Some(&k.member_id))
        }
        K::StreamsGroupCurrentMemberAssignment(k) => {
            (Kind::Streams, &k.group_id, Some(&k.member_id))
        }
        K::StreamsGroupTopology(k) => (Kind::Streams, &k.group_id, None),
    })
}

/// One such group: the keys of its live records, by their bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ForeignGroup {
    pub kind: Kind,
    keys: BTreeMap<Bytes, GroupRecordKey>,
}

impl ForeignGroup {
    pub fn new(kind: Kind) -> Self {
        ForeignGroup {
            kind,
            keys: BTreeMap::new(),
        }
    }

    /// Takes in one record of the log.
    pub fn replay(&mut self, record: &Record) {
        let Ok(bytes) = record.key.write() else {
            return;
        };
        if record.value.is_some() {
            self.keys.insert(bytes, record.key.clone());
        } else {
            self.keys.remove(&bytes);
        }
    }

    /// True once every record has been taken back.
    pub fn is_gone(&self) -> bool {
        self.keys.is_empty()
    }

    fn is_member(key: &GroupRecordKey) -> bool {
        matches!(
            key,
            GroupRecordKey::ConsumerGroupMemberMetadata(_)
                | GroupRecordKey::ShareGroupMemberMetadata(_)
                | GroupRecordKey::StreamsGroupMemberMetadata(_)
        )
    }

    pub fn is_empty(&self) -> bool {
        !self.keys.values().any(Self::is_member)
    }

    pub fn state(&self) -> &'static str {
        if self.is_empty() { "Empty" } else { "Stable" }
    }

    /// Tombstones for all of it, the group's own record last.
    pub fn tombstones(&self) -> Vec<Record> {
        let is_group = |key: &GroupRecordKey| {
            matches!(
                key,
                GroupRecordKey::ConsumerGroupMetadata(_)
                    | GroupRecordKey::ShareGroupMetadata(_)
                    | GroupRecordKey::StreamsGroupMetadata(_)
            )
        };
        let mut keys: Vec<_> = self.keys.values().cloned().collect();
        keys.sort_by_key(is_group);
        keys.into_iter().map(Record::tombstone).collect()
    }

    /// Tombstones for the members and what they have, last the members themselves.
    pub fn member_tombstones(&self) -> Vec<Record> {
        let mut keys: Vec<_> = self
            .keys
            .values()
            .filter(|key| matches!(owner(key), Some((_, _, Some(_)))))
            .cloned()
            .collect();
        keys.sort_by_key(Self::is_member);
        keys.into_iter().map(Record::tombstone).collect()
    }
}
