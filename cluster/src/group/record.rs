//! Records of `__consumer_offsets`: a key, and a value with its version or a tombstone.
//!
//! Always holds: what is written is what Kafka 4.3 writes (offsets in value version 4, or 1 with an expiry of their own; groups in
//! version 3), and every version it can read is read. Must never: fail a whole log for a record of an unknown type.

use airis_protocol::messages::group_metadata_value::MemberMetadata;
use airis_protocol::messages::{
    GroupMetadataKey, GroupMetadataValue, GroupRecordKey, GroupRecordValue, OffsetCommitKey,
    OffsetCommitValue,
};
use airis_protocol::types::Str;
use airis_protocol::wire::{DecodeError, EncodeError};
use bytes::Bytes;

/// The version of group values that Kafka 4.3 writes.
const GROUP_VALUE_VERSION: i16 = 3;
/// The version of offset values that Kafka 4.3 writes.
const OFFSET_VALUE_VERSION: i16 = 4;
/// The only version with an expiry of its own; written when a commit says how long it is to be kept.
const OFFSET_VALUE_VERSION_WITH_EXPIRY: i16 = 1;

/// One record: `None` as the value is a tombstone.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub key: GroupRecordKey,
    pub value: Option<(i16, GroupRecordValue)>,
}

/// Why a record of the log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum BadRecord {
    #[error("a record without a key")]
    NoKey,
    #[error("key: {0}")]
    Key(DecodeError),
    #[error("value: {0}")]
    Value(DecodeError),
}

impl Record {
    /// Reads a record of the log. `None`: its type is not known, and it is to be skipped, as Kafka does.
    pub fn read(key: Option<Bytes>, value: Option<Bytes>) -> Result<Option<Record>, BadRecord> {
        let key = match GroupRecordKey::read(key.ok_or(BadRecord::NoKey)?) {
            Ok(key) => key,
            Err(DecodeError::RecordType(_)) => return Ok(None),
            Err(e) => return Err(BadRecord::Key(e)),
        };
        let value = match value {
            None => None,
            Some(bytes) => {
                let version = match bytes.get(..2) {
                    Some(v) => i16::from_be_bytes([v[0], v[1]]),
                    None => 0,
                };
                let value =
                    GroupRecordValue::read(key.key_type(), bytes).map_err(BadRecord::Value)?;
                Some((version, value))
            }
        };
        Ok(Some(Record { key, value }))
    }

    /// The record's key and value as they stand in the log.
    ///
    /// # Errors
    /// If a field is longer than its layout can say, e.g. a subscription of 2 GiB.
    pub fn write(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
        let value = match &self.value {
            None => None,
            Some((version, value)) => Some(value.write(*version)?),
        };
        Ok((self.key.write()?, value))
    }

    pub(super) fn tombstone(key: GroupRecordKey) -> Record {
        Record { key, value: None }
    }

    pub(super) fn group(
        group: &Str,
        protocol_type: Option<&Str>,
        generation: i32,
        protocol: Option<&Str>,
        leader: Option<&Str>,
        state_since: i64,
        members: Vec<MemberMetadata>,
    ) -> Record {
        Record {
            key: GroupRecordKey::GroupMetadata(GroupMetadataKey {
                group: group.clone(),
            }),
            value: Some((
                GROUP_VALUE_VERSION,
                GroupRecordValue::GroupMetadata(GroupMetadataValue {
                    protocol_type: protocol_type.cloned().unwrap_or_default(),
                    generation,
                    protocol: protocol.cloned(),
                    leader: leader.cloned(),
                    current_state_timestamp: state_since,
                    members,
                }),
            )),
        }
    }

    pub(super) fn group_tombstone(group: &Str) -> Record {
        Record::tombstone(GroupRecordKey::GroupMetadata(GroupMetadataKey {
            group: group.clone(),
        }))
    }

    pub(super) fn offset(
        group: &Str,
        topic: &Str,
        partition: i32,
        value: OffsetCommitValue,
    ) -> Record {
        let version = if value.expire_timestamp == -1 {
            OFFSET_VALUE_VERSION
        } else {
            OFFSET_VALUE_VERSION_WITH_EXPIRY
        };
        Record {
            key: offset_key(group, topic, partition),
            value: Some((version, GroupRecordValue::OffsetCommit(value))),
        }
    }

    pub(super) fn offset_tombstone(group: &Str, topic: &Str, partition: i32) -> Record {
        Record::tombstone(offset_key(group, topic, partition))
    }
}

fn offset_key(group: &Str, topic: &Str, partition: i32) -> GroupRecordKey {
    GroupRecordKey::OffsetCommit(OffsetCommitKey {
        group: group.clone(),
        topic: topic.clone(),
        partition,
    })
}
