//! Groups and their committed offsets: one [`Shard`] decides for all groups of one partition of `__consumer_offsets`.
//!
//! Two shapes meet here. Offsets, deletions and expiry are decide and replay: a [`Decision`](crate::machine::Decision) is
//! appended to the partition and replayed. The classic protocol (JoinGroup to LeaveGroup) is step and effects: members wait for
//! each other in memory, as in Kafka, and what must outlive the coordinator is an [`Effect::Append`].
//!
//! Always holds: replaying the partition's log rebuilds every committed offset and every group as of its last completed
//! rebalance; time comes in as an argument. Must never: answer an append before it is committed, or read a clock.

mod classic;
mod foreign;
mod offsets;
mod record;
mod shard;
mod timers;

#[cfg(test)]
mod tests;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupResponse};
use airis_protocol::types::{Millis, Str};

pub use record::{BadRecord, Record};
pub use shard::Shard;

/// How long a member that has never had its id confirmed may wait in JoinGroup, in milliseconds. Kafka's fixed value
/// (`CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS`): such a member cannot send heartbeats.
pub const NEW_MEMBER_JOIN_TIMEOUT_MS: i64 = 5 * 60 * 1000;

/// The moment of an input, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the Unix epoch: what records say, and what offsets expire by.
    pub wall: Millis,
    /// Milliseconds of a clock that never goes back: what sessions and rebalances are timed by.
    pub steady: Millis,
}

/// The properties that groups obey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay_ms: i64,
    /// `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.
    pub min_session_timeout_ms: i64,
    pub max_session_timeout_ms: i64,
    /// `group.max.size`: members of one group.
    pub max_size: usize,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_max: usize,
    /// `offsets.retention.minutes`, in milliseconds.
    pub offsets_retention_ms: i64,
}

impl Default for GroupConfig {
    fn default() -> Self {
        GroupConfig {
            initial_rebalance_delay_ms: 3000,
            min_session_timeout_ms: 6000,
            max_session_timeout_ms: 1_800_000,
            max_size: i32::MAX as usize,
            offset_metadata_max: 4096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1000,
        }
    }
}

impl GroupConfig {
    /// What makes a JoinGroup wrong whatever group it names; checked before the coordinator is looked for.
    pub fn refuses_join(&self, request: &JoinGroupRequest) -> Option<ErrorCode> {
        let session = i64::from(request.session_timeout_ms);
        if request.group_id.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if session < self.min_session_timeout_ms || session > self.max_session_timeout_ms {
            Some(ErrorCode::InvalidSessionTimeout)
        } else {
            None
        }
    }
}

/// Names a request whose answer comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Names an append whose outcome the shard waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What the classic protocol causes.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Append these as a unit. They describe what the shard already holds, so they are not replayed; the outcome goes to
    /// [`Shard::committed`] once the high watermark has passed them, or to [`Shard::append_failed`].
    Append {
        ticket: Ticket,
        records: Vec<Record>,
    },
    /// The answer of a JoinGroup.
    Joined {
        token: Token,
        response: JoinGroupResponse,
    },
    /// The answer of a SyncGroup.
    Synced {
        token: Token,
        response: SyncGroupResponse,
    },
}

/// Who sends a JoinGroup.
#[derive(Clone, Debug)]
pub struct Joiner {
    pub token: Token,
    /// The version of the request.
    pub version: i16,
    pub client_id: Str,
    /// The client's address with a slash before it, as Kafka writes it.
    pub client_host: Str,
    /// 128 random bits, for the member id if one has to be made.
    pub random: u128,
}

/// The code a client is told when the append of its change failed with `code` (Kafka's `appendGroupMetadataErrorToResponseError`):
/// a client must look for the coordinator again, or wait, but never take a partition's error for its own.
pub fn append_error(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        other => other,
    }
}
