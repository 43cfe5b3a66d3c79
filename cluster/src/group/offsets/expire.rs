//! Expiry of offsets (KIP-211): which of a group's offsets have been kept long enough.
//!
//! Always holds: an offset of a topic that members consume never expires.

use airis_protocol::types::{Millis, Str};

use super::{Committed, Offsets};
use crate::group::Record;

/// From when the retention of a group's offsets counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::group) enum ExpireFrom {
    /// No offset of the group expires now.
    Never,
    /// Each by its own commit.
    Commit,
    /// All by the moment the group lost its last member.
    Since(Millis),
}

impl ExpireFrom {
    fn has_expired(self, offset: &Committed, now: Millis, retention_ms: i64) -> bool {
        let base = match self {
            ExpireFrom::Never => return false,
            ExpireFrom::Commit => offset.committed_at,
            ExpireFrom::Since(at) => at.0,
        };
        match offset.expires_at {
            Some(at) => now.0 >= at,
            None => now.0.saturating_sub(base) >= retention_ms,
        }
    }
}

impl Offsets {
    /// Adds tombstones for the offsets of a group that have expired. True if none is left.
    pub fn expire(
        &self,
        group: &Str,
        from: ExpireFrom,
        is_subscribed: impl Fn(&str) -> bool,
        now: Millis,
        retention_ms: i64,
        records: &mut Vec<Record>,
    ) -> bool {
        let mut none_left = !self.has_open_transaction(group);
        for (topic, partitions) in self.committed.0.get(group).into_iter().flatten() {
            let subscribed = is_subscribed(topic);
            for (&partition, offset) in partitions {
                if !subscribed
                    && from.has_expired(offset, now, retention_ms)
                    && !self.is_unstable(group, topic, partition)
                {
                    records.push(Record::offset_tombstone(group, topic, partition));
                } else {
                    none_left = false;
                }
            }
        }
        none_left
    }
}
