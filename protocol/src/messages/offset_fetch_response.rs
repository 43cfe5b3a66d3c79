//! `OffsetFetchResponse`, a response of versions 1 to 10: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetFetchResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetFetchResponseTopic>,
    pub error_code: i16,
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl Message for OffsetFetchResponse {
    const NAME: &'static str = "OffsetFetchResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 10;
    const FLEXIBLE_FROM: Option<i16> = Some(6);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 6;
        let mut m = Self::default();
        if v >= 3 {
            m.throttle_time_ms = r.i32()?;
        }
        if v <= 7 {
            m.topics = r.nested(f, 3, |r| OffsetFetchResponseTopic::read(r, v))?;
        }
        if (2..=7).contains(&v) {
            m.error_code = r.i16()?;
        }
        if v >= 8 {
            m.groups = r.nested(f, 5, |r| OffsetFetchResponseGroup::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 6;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        if v <= 7 {
            w.array(f, &self.topics, |w, e| e.write(w, v))?;
        } else {
            absent(!self.topics.is_empty(), "Topics", v)?;
        }
        if (2..=7).contains(&v) {
            w.i16(self.error_code);
        }
        if v >= 8 {
            w.array(f, &self.groups, |w, e| e.write(w, v))?;
        } else {
            absent(!self.groups.is_empty(), "Groups", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetFetchResponseTopic {
    pub name: Str,
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl OffsetFetchResponseTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if v <= 7 {
            m.name = r.str(f)?;
        }
        if v <= 7 {
            m.partitions = r.array(f, 16, |r| OffsetFetchResponsePartition::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if v <= 7 {
            w.str(f, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v <= 7 {
            w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        } else {
            absent(!self.partitions.is_empty(), "Partitions", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetFetchResponseGroup {
    pub group_id: Str,
    pub topics: Vec<OffsetFetchResponseTopics>,
    pub error_code: i16,
}

impl OffsetFetchResponseGroup {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if v >= 8 {
            m.group_id = r.str(f)?;
        }
        if v >= 8 {
            m.topics = r.nested(f, 3, |r| OffsetFetchResponseTopics::read(r, v))?;
        }
        if v >= 8 {
            m.error_code = r.i16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if v >= 8 {
            w.str(f, &self.group_id)?;
        } else {
            absent(!self.group_id.is_empty(), "GroupId", v)?;
        }
        if v >= 8 {
            w.array(f, &self.topics, |w, e| e.write(w, v))?;
        } else {
            absent(!self.topics.is_empty(), "Topics", v)?;
        }
        if v >= 8 {
            w.i16(self.error_code);
        } else {
            absent(self.error_code != 0, "ErrorCode", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        OffsetFetchResponsePartition {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(Str::default()),
            error_code: 0,
        }
    }
}

impl OffsetFetchResponsePartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if v <= 7 {
            m.partition_index = r.i32()?;
        }
        if v <= 7 {
            m.committed_offset = r.i64()?;
        }
        if (5..=7).contains(&v) {
            m.committed_leader_epoch = r.i32()?;
        }
        if v <= 7 {
            m.metadata = r.str_null(f)?;
        }
        if v <= 7 {
            m.error_code = r.i16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if v <= 7 {
            w.i32(self.partition_index);
        } else {
            absent(self.partition_index != 0, "PartitionIndex", v)?;
        }
        if v <= 7 {
            w.i64(self.committed_offset);
        } else {
            absent(self.committed_offset != 0, "CommittedOffset", v)?;
        }
        if (5..=7).contains(&v) {
            w.i32(self.committed_leader_epoch);
        }
        if v <= 7 {
            w.str_null(f, &self.metadata)?;
        } else {
            absent(
                self.metadata.as_ref().is_none_or(|x| !x.is_empty()),
                "Metadata",
                v,
            )?;
        }
        if v <= 7 {
            w.i16(self.error_code);
        } else {
            absent(self.error_code != 0, "ErrorCode", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetFetchResponseTopics {
    pub name: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl OffsetFetchResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if (8..=9).contains(&v) {
            m.name = r.str(f)?;
        }
        if v >= 10 {
            m.topic_id = r.uuid()?;
        }
        if v >= 8 {
            m.partitions = r.array(f, 20, |r| OffsetFetchResponsePartitions::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if (8..=9).contains(&v) {
            w.str(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        if v >= 8 {
            w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        } else {
            absent(!self.partitions.is_empty(), "Partitions", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        OffsetFetchResponsePartitions {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(Str::default()),
            error_code: 0,
        }
    }
}

impl OffsetFetchResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if v >= 8 {
            m.partition_index = r.i32()?;
        }
        if v >= 8 {
            m.committed_offset = r.i64()?;
        }
        if v >= 8 {
            m.committed_leader_epoch = r.i32()?;
        }
        if v >= 8 {
            m.metadata = r.str_null(f)?;
        }
        if v >= 8 {
            m.error_code = r.i16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if v >= 8 {
            w.i32(self.partition_index);
        } else {
            absent(self.partition_index != 0, "PartitionIndex", v)?;
        }
        if v >= 8 {
            w.i64(self.committed_offset);
        } else {
            absent(self.committed_offset != 0, "CommittedOffset", v)?;
        }
        if v >= 8 {
            w.i32(self.committed_leader_epoch);
        }
        if v >= 8 {
            w.str_null(f, &self.metadata)?;
        } else {
            absent(
                self.metadata.as_ref().is_none_or(|x| !x.is_empty()),
                "Metadata",
                v,
            )?;
        }
        if v >= 8 {
            w.i16(self.error_code);
        } else {
            absent(self.error_code != 0, "ErrorCode", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
