//! The records of `__consumer_offsets` as one type: a key with its type before it, a value with its version before it.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use super::*;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// A record's key in `__consumer_offsets`.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRecordKey {
    LegacyOffsetCommit(LegacyOffsetCommitKey),
    OffsetCommit(OffsetCommitKey),
    GroupMetadata(GroupMetadataKey),
    ConsumerGroupMetadata(ConsumerGroupMetadataKey),
    ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataKey),
    ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey),
    ConsumerGroupTargetAssignmentMetadata(ConsumerGroupTargetAssignmentMetadataKey),
    ConsumerGroupTargetAssignmentMember(ConsumerGroupTargetAssignmentMemberKey),
    ConsumerGroupCurrentMemberAssignment(ConsumerGroupCurrentMemberAssignmentKey),
    ShareGroupMemberMetadata(ShareGroupMemberMetadataKey),
    ShareGroupMetadata(ShareGroupMetadataKey),
    ShareGroupTargetAssignmentMetadata(ShareGroupTargetAssignmentMetadataKey),
    ShareGroupTargetAssignmentMember(ShareGroupTargetAssignmentMemberKey),
    ShareGroupCurrentMemberAssignment(ShareGroupCurrentMemberAssignmentKey),
    ShareGroupStatePartitionMetadata(ShareGroupStatePartitionMetadataKey),
    ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey),
    StreamsGroupMetadata(StreamsGroupMetadataKey),
    StreamsGroupMemberMetadata(StreamsGroupMemberMetadataKey),
    StreamsGroupTargetAssignmentMetadata(StreamsGroupTargetAssignmentMetadataKey),
    StreamsGroupTargetAssignmentMember(StreamsGroupTargetAssignmentMemberKey),
    StreamsGroupCurrentMemberAssignment(StreamsGroupCurrentMemberAssignmentKey),
    StreamsGroupTopology(StreamsGroupTopologyKey),
}

/// A record's value in `__consumer_offsets`.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRecordValue {
    LegacyOffsetCommit(LegacyOffsetCommitValue),
    OffsetCommit(OffsetCommitValue),
    GroupMetadata(GroupMetadataValue),
    ConsumerGroupMetadata(ConsumerGroupMetadataValue),
    ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataValue),
    ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataValue),
    ConsumerGroupTargetAssignmentMetadata(ConsumerGroupTargetAssignmentMetadataValue),
    ConsumerGroupTargetAssignmentMember(ConsumerGroupTargetAssignmentMemberValue),
    ConsumerGroupCurrentMemberAssignment(ConsumerGroupCurrentMemberAssignmentValue),
    ShareGroupMemberMetadata(ShareGroupMemberMetadataValue),
    ShareGroupMetadata(ShareGroupMetadataValue),
    ShareGroupTargetAssignmentMetadata(ShareGroupTargetAssignmentMetadataValue),
    ShareGroupTargetAssignmentMember(ShareGroupTargetAssignmentMemberValue),
    ShareGroupCurrentMemberAssignment(ShareGroupCurrentMemberAssignmentValue),
    ShareGroupStatePartitionMetadata(ShareGroupStatePartitionMetadataValue),
    ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionValue),
    StreamsGroupMetadata(StreamsGroupMetadataValue),
    StreamsGroupMemberMetadata(StreamsGroupMemberMetadataValue),
    StreamsGroupTargetAssignmentMetadata(StreamsGroupTargetAssignmentMetadataValue),
    StreamsGroupTargetAssignmentMember(StreamsGroupTargetAssignmentMemberValue),
    StreamsGroupCurrentMemberAssignment(StreamsGroupCurrentMemberAssignmentValue),
    StreamsGroupTopology(StreamsGroupTopologyValue),
}

impl GroupRecordKey {
    /// Reads a key: the type as i16, then the fields, which must use up the rest. `DecodeError::RecordType` means a type that
    /// Kafka 4.3.0 does not know; a reader may skip such records.
    pub fn read(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let key = match r.i16()? {
            0 => GroupRecordKey::LegacyOffsetCommit(LegacyOffsetCommitKey::read(&mut r, 0)?),
            1 => GroupRecordKey::OffsetCommit(OffsetCommitKey::read(&mut r, 0)?),
            2 => GroupRecordKey::GroupMetadata(GroupMetadataKey::read(&mut r, 0)?),
            3 => GroupRecordKey::ConsumerGroupMetadata(ConsumerGroupMetadataKey::read(&mut r, 0)?),
            4 => GroupRecordKey::ConsumerGroupPartitionMetadata(
                ConsumerGroupPartitionMetadataKey::read(&mut r, 0)?,
            ),
            5 => GroupRecordKey::ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey::read(
                &mut r, 0,
            )?),
            6 => GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(
                ConsumerGroupTargetAssignmentMetadataKey::read(&mut r, 0)?,
            ),
            7 => GroupRecordKey::ConsumerGroupTargetAssignmentMember(
                ConsumerGroupTargetAssignmentMemberKey::read(&mut r, 0)?,
            ),
            8 => GroupRecordKey::ConsumerGroupCurrentMemberAssignment(
                ConsumerGroupCurrentMemberAssignmentKey::read(&mut r, 0)?,
            ),
            10 => GroupRecordKey::ShareGroupMemberMetadata(ShareGroupMemberMetadataKey::read(
                &mut r, 0,
            )?),
            11 => GroupRecordKey::ShareGroupMetadata(ShareGroupMetadataKey::read(&mut r, 0)?),
            12 => GroupRecordKey::ShareGroupTargetAssignmentMetadata(
                ShareGroupTargetAssignmentMetadataKey::read(&mut r, 0)?,
            ),
            13 => GroupRecordKey::ShareGroupTargetAssignmentMember(
                ShareGroupTargetAssignmentMemberKey::read(&mut r, 0)?,
            ),
            14 => GroupRecordKey::ShareGroupCurrentMemberAssignment(
                ShareGroupCurrentMemberAssignmentKey::read(&mut r, 0)?,
            ),
            15 => GroupRecordKey::ShareGroupStatePartitionMetadata(
                ShareGroupStatePartitionMetadataKey::read(&mut r, 0)?,
            ),
            16 => GroupRecordKey::ConsumerGroupRegularExpression(
                ConsumerGroupRegularExpressionKey::read(&mut r, 0)?,
            ),
            17 => GroupRecordKey::StreamsGroupMetadata(StreamsGroupMetadataKey::read(&mut r, 0)?),
            19 => GroupRecordKey::StreamsGroupMemberMetadata(StreamsGroupMemberMetadataKey::read(
                &mut r, 0,
            )?),
            20 => GroupRecordKey::StreamsGroupTargetAssignmentMetadata(
                StreamsGroupTargetAssignmentMetadataKey::read(&mut r, 0)?,
            ),
            21 => GroupRecordKey::StreamsGroupTargetAssignmentMember(
                StreamsGroupTargetAssignmentMemberKey::read(&mut r, 0)?,
            ),
            22 => GroupRecordKey::StreamsGroupCurrentMemberAssignment(
                StreamsGroupCurrentMemberAssignmentKey::read(&mut r, 0)?,
            ),
            23 => GroupRecordKey::StreamsGroupTopology(StreamsGroupTopologyKey::read(&mut r, 0)?),
            other => return Err(DecodeError::RecordType(other.into())),
        };
        r.end()?;
        Ok(key)
    }

    pub fn write(&self) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        w.i16(self.key_type());
        match self {
            GroupRecordKey::LegacyOffsetCommit(m) => m.write(&mut w, 0)?,
            GroupRecordKey::OffsetCommit(m) => m.write(&mut w, 0)?,
            GroupRecordKey::GroupMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupPartitionMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupMemberMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupTargetAssignmentMember(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupCurrentMemberAssignment(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ShareGroupMemberMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ShareGroupMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ShareGroupTargetAssignmentMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ShareGroupTargetAssignmentMember(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ShareGroupCurrentMemberAssignment(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ShareGroupStatePartitionMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::ConsumerGroupRegularExpression(m) => m.write(&mut w, 0)?,
            GroupRecordKey::StreamsGroupMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::StreamsGroupMemberMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::StreamsGroupTargetAssignmentMetadata(m) => m.write(&mut w, 0)?,
            GroupRecordKey::StreamsGroupTargetAssignmentMember(m) => m.write(&mut w, 0)?,
            GroupRecordKey::StreamsGroupCurrentMemberAssignment(m) => m.write(&mut w, 0)?,
            GroupRecordKey::StreamsGroupTopology(m) => m.write(&mut w, 0)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn key_type(&self) -> i16 {
        match self {
            GroupRecordKey::LegacyOffsetCommit(_) => 0,
            GroupRecordKey::OffsetCommit(_) => 1,
            GroupRecordKey::GroupMetadata(_) => 2,
            GroupRecordKey::ConsumerGroupMetadata(_) => 3,
            GroupRecordKey::ConsumerGroupPartitionMetadata(_) => 4,
            GroupRecordKey::ConsumerGroupMemberMetadata(_) => 5,
            GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(_) => 6,
            GroupRecordKey::ConsumerGroupTargetAssignmentMember(_) => 7,
            GroupRecordKey::ConsumerGroupCurrentMemberAssignment(_) => 8,
            GroupRecordKey::ShareGroupMemberMetadata(_) => 10,
            GroupRecordKey::ShareGroupMetadata(_) => 11,
            GroupRecordKey::ShareGroupTargetAssignmentMetadata(_) => 12,
            GroupRecordKey::ShareGroupTargetAssignmentMember(_) => 13,
            GroupRecordKey::ShareGroupCurrentMemberAssignment(_) => 14,
            GroupRecordKey::ShareGroupStatePartitionMetadata(_) => 15,
            GroupRecordKey::ConsumerGroupRegularExpression(_) => 16,
            GroupRecordKey::StreamsGroupMetadata(_) => 17,
            GroupRecordKey::StreamsGroupMemberMetadata(_) => 19,
            GroupRecordKey::StreamsGroupTargetAssignmentMetadata(_) => 20,
            GroupRecordKey::StreamsGroupTargetAssignmentMember(_) => 21,
            GroupRecordKey::StreamsGroupCurrentMemberAssignment(_) => 22,
            GroupRecordKey::StreamsGroupTopology(_) => 23,
        }
    }
}

impl GroupRecordValue {
    /// Reads the value of a record whose key has the type `key_type`: the version as i16, then the fields, which must use up the rest.
    pub fn read(key_type: i16, bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.i16()?;
        let value = match key_type {
            0 => GroupRecordValue::LegacyOffsetCommit(LegacyOffsetCommitValue::read(
                &mut r, version,
            )?),
            1 => GroupRecordValue::OffsetCommit(OffsetCommitValue::read(&mut r, version)?),
            2 => GroupRecordValue::GroupMetadata(GroupMetadataValue::read(&mut r, version)?),
            3 => GroupRecordValue::ConsumerGroupMetadata(ConsumerGroupMetadataValue::read(
                &mut r, version,
            )?),
            4 => GroupRecordValue::ConsumerGroupPartitionMetadata(
                ConsumerGroupPartitionMetadataValue::read(&mut r, version)?,
            ),
            5 => GroupRecordValue::ConsumerGroupMemberMetadata(
                ConsumerGroupMemberMetadataValue::read(&mut r, version)?,
            ),
            6 => GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(
                ConsumerGroupTargetAssignmentMetadataValue::read(&mut r, version)?,
            ),
            7 => GroupRecordValue::ConsumerGroupTargetAssignmentMember(
                ConsumerGroupTargetAssignmentMemberValue::read(&mut r, version)?,
            ),
            8 => GroupRecordValue::ConsumerGroupCurrentMemberAssignment(
                ConsumerGroupCurrentMemberAssignmentValue::read(&mut r, version)?,
            ),
            10 => GroupRecordValue::ShareGroupMemberMetadata(ShareGroupMemberMetadataValue::read(
                &mut r, version,
            )?),
            11 => GroupRecordValue::ShareGroupMetadata(ShareGroupMetadataValue::read(
                &mut r, version,
            )?),
            12 => GroupRecordValue::ShareGroupTargetAssignmentMetadata(
                ShareGroupTargetAssignmentMetadataValue::read(&mut r, version)?,
            ),
            13 => GroupRecordValue::ShareGroupTargetAssignmentMember(
                ShareGroupTargetAssignmentMemberValue::read(&mut r, version)?,
            ),
            14 => GroupRecordValue::ShareGroupCurrentMemberAssignment(
                ShareGroupCurrentMemberAssignmentValue::read(&mut r, version)?,
            ),
            15 => GroupRecordValue::ShareGroupStatePartitionMetadata(
                ShareGroupStatePartitionMetadataValue::read(&mut r, version)?,
            ),
            16 => GroupRecordValue::ConsumerGroupRegularExpression(
                ConsumerGroupRegularExpressionValue::read(&mut r, version)?,
            ),
            17 => GroupRecordValue::StreamsGroupMetadata(StreamsGroupMetadataValue::read(
                &mut r, version,
            )?),
            19 => GroupRecordValue::StreamsGroupMemberMetadata(
                StreamsGroupMemberMetadataValue::read(&mut r, version)?,
            ),
            20 => GroupRecordValue::StreamsGroupTargetAssignmentMetadata(
                StreamsGroupTargetAssignmentMetadataValue::read(&mut r, version)?,
            ),
            21 => GroupRecordValue::StreamsGroupTargetAssignmentMember(
                StreamsGroupTargetAssignmentMemberValue::read(&mut r, version)?,
            ),
            22 => GroupRecordValue::StreamsGroupCurrentMemberAssignment(
                StreamsGroupCurrentMemberAssignmentValue::read(&mut r, version)?,
            ),
            23 => GroupRecordValue::StreamsGroupTopology(StreamsGroupTopologyValue::read(
                &mut r, version,
            )?),
            other => return Err(DecodeError::RecordType(other.into())),
        };
        r.end()?;
        Ok(value)
    }

    /// Writes the value in the given version of its type.
    pub fn write(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        w.i16(version);
        match self {
            GroupRecordValue::LegacyOffsetCommit(m) => m.write(&mut w, version)?,
            GroupRecordValue::OffsetCommit(m) => m.write(&mut w, version)?,
            GroupRecordValue::GroupMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ConsumerGroupMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ConsumerGroupPartitionMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ConsumerGroupMemberMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(m) => {
                m.write(&mut w, version)?
            }
            GroupRecordValue::ConsumerGroupTargetAssignmentMember(m) => m.write(&mut w, version)?,
            GroupRecordValue::ConsumerGroupCurrentMemberAssignment(m) => {
                m.write(&mut w, version)?
            }
            GroupRecordValue::ShareGroupMemberMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ShareGroupMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ShareGroupTargetAssignmentMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ShareGroupTargetAssignmentMember(m) => m.write(&mut w, version)?,
            GroupRecordValue::ShareGroupCurrentMemberAssignment(m) => m.write(&mut w, version)?,
            GroupRecordValue::ShareGroupStatePartitionMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::ConsumerGroupRegularExpression(m) => m.write(&mut w, version)?,
            GroupRecordValue::StreamsGroupMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::StreamsGroupMemberMetadata(m) => m.write(&mut w, version)?,
            GroupRecordValue::StreamsGroupTargetAssignmentMetadata(m) => {
                m.write(&mut w, version)?
            }
            GroupRecordValue::StreamsGroupTargetAssignmentMember(m) => m.write(&mut w, version)?,
            GroupRecordValue::StreamsGroupCurrentMemberAssignment(m) => m.write(&mut w, version)?,
            GroupRecordValue::StreamsGroupTopology(m) => m.write(&mut w, version)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn key_type(&self) -> i16 {
        match self {
            GroupRecordValue::LegacyOffsetCommit(_) => 0,
            GroupRecordValue::OffsetCommit(_) => 1,
            GroupRecordValue::GroupMetadata(_) => 2,
            GroupRecordValue::ConsumerGroupMetadata(_) => 3,
            GroupRecordValue::ConsumerGroupPartitionMetadata(_) => 4,
            GroupRecordValue::ConsumerGroupMemberMetadata(_) => 5,
            GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(_) => 6,
            GroupRecordValue::ConsumerGroupTargetAssignmentMember(_) => 7,
            GroupRecordValue::ConsumerGroupCurrentMemberAssignment(_) => 8,
            GroupRecordValue::ShareGroupMemberMetadata(_) => 10,
            GroupRecordValue::ShareGroupMetadata(_) => 11,
            GroupRecordValue::ShareGroupTargetAssignmentMetadata(_) => 12,
            GroupRecordValue::ShareGroupTargetAssignmentMember(_) => 13,
            GroupRecordValue::ShareGroupCurrentMemberAssignment(_) => 14,
            GroupRecordValue::ShareGroupStatePartitionMetadata(_) => 15,
            GroupRecordValue::ConsumerGroupRegularExpression(_) => 16,
            GroupRecordValue::StreamsGroupMetadata(_) => 17,
            GroupRecordValue::StreamsGroupMemberMetadata(_) => 19,
            GroupRecordValue::StreamsGroupTargetAssignmentMetadata(_) => 20,
            GroupRecordValue::StreamsGroupTargetAssignmentMember(_) => 21,
            GroupRecordValue::StreamsGroupCurrentMemberAssignment(_) => 22,
            GroupRecordValue::StreamsGroupTopology(_) => 23,
        }
    }
}

impl From<LegacyOffsetCommitKey> for GroupRecordKey {
    fn from(m: LegacyOffsetCommitKey) -> Self {
        GroupRecordKey::LegacyOffsetCommit(m)
    }
}
impl From<OffsetCommitKey> for GroupRecordKey {
    fn from(m: OffsetCommitKey) -> Self {
        GroupRecordKey::OffsetCommit(m)
    }
}
impl From<GroupMetadataKey> for GroupRecordKey {
    fn from(m: GroupMetadataKey) -> Self {
        GroupRecordKey::GroupMetadata(m)
    }
}
impl From<ConsumerGroupMetadataKey> for GroupRecordKey {
    fn from(m: ConsumerGroupMetadataKey) -> Self {
        GroupRecordKey::ConsumerGroupMetadata(m)
    }
}
impl From<ConsumerGroupPartitionMetadataKey> for GroupRecordKey {
    fn from(m: ConsumerGroupPartitionMetadataKey) -> Self {
        GroupRecordKey::ConsumerGroupPartitionMetadata(m)
    }
}
impl From<ConsumerGroupMemberMetadataKey> for GroupRecordKey {
    fn from(m: ConsumerGroupMemberMetadataKey) -> Self {
        GroupRecordKey::ConsumerGroupMemberMetadata(m)
    }
}
impl From<ConsumerGroupTargetAssignmentMetadataKey> for GroupRecordKey {
    fn from(m: ConsumerGroupTargetAssignmentMetadataKey) -> Self {
        GroupRecordKey::ConsumerGroupTargetAssignmentMetadata(m)
    }
}
impl From<ConsumerGroupTargetAssignmentMemberKey> for GroupRecordKey {
    fn from(m: ConsumerGroupTargetAssignmentMemberKey) -> Self {
        GroupRecordKey::ConsumerGroupTargetAssignmentMember(m)
    }
}
impl From<ConsumerGroupCurrentMemberAssignmentKey> for GroupRecordKey {
    fn from(m: ConsumerGroupCurrentMemberAssignmentKey) -> Self {
        GroupRecordKey::ConsumerGroupCurrentMemberAssignment(m)
    }
}
impl From<ShareGroupMemberMetadataKey> for GroupRecordKey {
    fn from(m: ShareGroupMemberMetadataKey) -> Self {
        GroupRecordKey::ShareGroupMemberMetadata(m)
    }
}
impl From<ShareGroupMetadataKey> for GroupRecordKey {
    fn from(m: ShareGroupMetadataKey) -> Self {
        GroupRecordKey::ShareGroupMetadata(m)
    }
}
impl From<ShareGroupTargetAssignmentMetadataKey> for GroupRecordKey {
    fn from(m: ShareGroupTargetAssignmentMetadataKey) -> Self {
        GroupRecordKey::ShareGroupTargetAssignmentMetadata(m)
    }
}
impl From<ShareGroupTargetAssignmentMemberKey> for GroupRecordKey {
    fn from(m: ShareGroupTargetAssignmentMemberKey) -> Self {
        GroupRecordKey::ShareGroupTargetAssignmentMember(m)
    }
}
impl From<ShareGroupCurrentMemberAssignmentKey> for GroupRecordKey {
    fn from(m: ShareGroupCurrentMemberAssignmentKey) -> Self {
        GroupRecordKey::ShareGroupCurrentMemberAssignment(m)
    }
}
impl From<ShareGroupStatePartitionMetadataKey> for GroupRecordKey {
    fn from(m: ShareGroupStatePartitionMetadataKey) -> Self {
        GroupRecordKey::ShareGroupStatePartitionMetadata(m)
    }
}
impl From<ConsumerGroupRegularExpressionKey> for GroupRecordKey {
    fn from(m: ConsumerGroupRegularExpressionKey) -> Self {
        GroupRecordKey::ConsumerGroupRegularExpression(m)
    }
}
impl From<StreamsGroupMetadataKey> for GroupRecordKey {
    fn from(m: StreamsGroupMetadataKey) -> Self {
        GroupRecordKey::StreamsGroupMetadata(m)
    }
}
impl From<StreamsGroupMemberMetadataKey> for GroupRecordKey {
    fn from(m: StreamsGroupMemberMetadataKey) -> Self {
        GroupRecordKey::StreamsGroupMemberMetadata(m)
    }
}
impl From<StreamsGroupTargetAssignmentMetadataKey> for GroupRecordKey {
    fn from(m: StreamsGroupTargetAssignmentMetadataKey) -> Self {
        GroupRecordKey::StreamsGroupTargetAssignmentMetadata(m)
    }
}
impl From<StreamsGroupTargetAssignmentMemberKey> for GroupRecordKey {
    fn from(m: StreamsGroupTargetAssignmentMemberKey) -> Self {
        GroupRecordKey::StreamsGroupTargetAssignmentMember(m)
    }
}
impl From<StreamsGroupCurrentMemberAssignmentKey> for GroupRecordKey {
    fn from(m: StreamsGroupCurrentMemberAssignmentKey) -> Self {
        GroupRecordKey::StreamsGroupCurrentMemberAssignment(m)
    }
}
impl From<StreamsGroupTopologyKey> for GroupRecordKey {
    fn from(m: StreamsGroupTopologyKey) -> Self {
        GroupRecordKey::StreamsGroupTopology(m)
    }
}
impl From<LegacyOffsetCommitValue> for GroupRecordValue {
    fn from(m: LegacyOffsetCommitValue) -> Self {
        GroupRecordValue::LegacyOffsetCommit(m)
    }
}
impl From<OffsetCommitValue> for GroupRecordValue {
    fn from(m: OffsetCommitValue) -> Self {
        GroupRecordValue::OffsetCommit(m)
    }
}
impl From<GroupMetadataValue> for GroupRecordValue {
    fn from(m: GroupMetadataValue) -> Self {
        GroupRecordValue::GroupMetadata(m)
    }
}
impl From<ConsumerGroupMetadataValue> for GroupRecordValue {
    fn from(m: ConsumerGroupMetadataValue) -> Self {
        GroupRecordValue::ConsumerGroupMetadata(m)
    }
}
impl From<ConsumerGroupPartitionMetadataValue> for GroupRecordValue {
    fn from(m: ConsumerGroupPartitionMetadataValue) -> Self {
        GroupRecordValue::ConsumerGroupPartitionMetadata(m)
    }
}
impl From<ConsumerGroupMemberMetadataValue> for GroupRecordValue {
    fn from(m: ConsumerGroupMemberMetadataValue) -> Self {
        GroupRecordValue::ConsumerGroupMemberMetadata(m)
    }
}
impl From<ConsumerGroupTargetAssignmentMetadataValue> for GroupRecordValue {
    fn from(m: ConsumerGroupTargetAssignmentMetadataValue) -> Self {
        GroupRecordValue::ConsumerGroupTargetAssignmentMetadata(m)
    }
}
impl From<ConsumerGroupTargetAssignmentMemberValue> for GroupRecordValue {
    fn from(m: ConsumerGroupTargetAssignmentMemberValue) -> Self {
        GroupRecordValue::ConsumerGroupTargetAssignmentMember(m)
    }
}
impl From<ConsumerGroupCurrentMemberAssignmentValue> for GroupRecordValue {
    fn from(m: ConsumerGroupCurrentMemberAssignmentValue) -> Self {
        GroupRecordValue::ConsumerGroupCurrentMemberAssignment(m)
    }
}
impl From<ShareGroupMemberMetadataValue> for GroupRecordValue {
    fn from(m: ShareGroupMemberMetadataValue) -> Self {
        GroupRecordValue::ShareGroupMemberMetadata(m)
    }
}
impl From<ShareGroupMetadataValue> for GroupRecordValue {
    fn from(m: ShareGroupMetadataValue) -> Self {
        GroupRecordValue::ShareGroupMetadata(m)
    }
}
impl From<ShareGroupTargetAssignmentMetadataValue> for GroupRecordValue {
    fn from(m: ShareGroupTargetAssignmentMetadataValue) -> Self {
        GroupRecordValue::ShareGroupTargetAssignmentMetadata(m)
    }
}
impl From<ShareGroupTargetAssignmentMemberValue> for GroupRecordValue {
    fn from(m: ShareGroupTargetAssignmentMemberValue) -> Self {
        GroupRecordValue::ShareGroupTargetAssignmentMember(m)
    }
}
impl From<ShareGroupCurrentMemberAssignmentValue> for GroupRecordValue {
    fn from(m: ShareGroupCurrentMemberAssignmentValue) -> Self {
        GroupRecordValue::ShareGroupCurrentMemberAssignment(m)
    }
}
impl From<ShareGroupStatePartitionMetadataValue> for GroupRecordValue {
    fn from(m: ShareGroupStatePartitionMetadataValue) -> Self {
        GroupRecordValue::ShareGroupStatePartitionMetadata(m)
    }
}
impl From<ConsumerGroupRegularExpressionValue> for GroupRecordValue {
    fn from(m: ConsumerGroupRegularExpressionValue) -> Self {
        GroupRecordValue::ConsumerGroupRegularExpression(m)
    }
}
impl From<StreamsGroupMetadataValue> for GroupRecordValue {
    fn from(m: StreamsGroupMetadataValue) -> Self {
        GroupRecordValue::StreamsGroupMetadata(m)
    }
}
impl From<StreamsGroupMemberMetadataValue> for GroupRecordValue {
    fn from(m: StreamsGroupMemberMetadataValue) -> Self {
        GroupRecordValue::StreamsGroupMemberMetadata(m)
    }
}
impl From<StreamsGroupTargetAssignmentMetadataValue> for GroupRecordValue {
    fn from(m: StreamsGroupTargetAssignmentMetadataValue) -> Self {
        GroupRecordValue::StreamsGroupTargetAssignmentMetadata(m)
    }
}
impl From<StreamsGroupTargetAssignmentMemberValue> for GroupRecordValue {
    fn from(m: StreamsGroupTargetAssignmentMemberValue) -> Self {
        GroupRecordValue::StreamsGroupTargetAssignmentMember(m)
    }
}
impl From<StreamsGroupCurrentMemberAssignmentValue> for GroupRecordValue {
    fn from(m: StreamsGroupCurrentMemberAssignmentValue) -> Self {
        GroupRecordValue::StreamsGroupCurrentMemberAssignment(m)
    }
}
impl From<StreamsGroupTopologyValue> for GroupRecordValue {
    fn from(m: StreamsGroupTopologyValue) -> Self {
        GroupRecordValue::StreamsGroupTopology(m)
    }
}
