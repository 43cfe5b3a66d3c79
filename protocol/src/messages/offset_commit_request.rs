//! `OffsetCommitRequest`, a request of versions 2 to 10: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequest {
    pub group_id: Str,
    pub generation_id_or_member_epoch: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        OffsetCommitRequest {
            group_id: Str::default(),
            generation_id_or_member_epoch: -1,
            member_id: Str::default(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
        }
    }
}

impl Message for OffsetCommitRequest {
    const NAME: &'static str = "OffsetCommitRequest";
    const MIN: i16 = 2;
    const MAX: i16 = 10;
    const FLEXIBLE_FROM: Option<i16> = Some(8);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 8;
        let mut m = Self::default();
        m.group_id = r.str(f)?;
        m.generation_id_or_member_epoch = r.i32()?;
        m.member_id = r.str(f)?;
        if v >= 7 {
            m.group_instance_id = r.str_null(f)?;
        }
        if v <= 4 {
            m.retention_time_ms = r.i64()?;
        }
        m.topics = r.nested(f, 3, |r| OffsetCommitRequestTopic::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 8;
        w.str(f, &self.group_id)?;
        w.i32(self.generation_id_or_member_epoch);
        w.str(f, &self.member_id)?;
        if v >= 7 {
            w.str_null(f, &self.group_instance_id)?;
        } else {
            absent(self.group_instance_id.is_some(), "GroupInstanceId", v)?;
        }
        if v <= 4 {
            w.i64(self.retention_time_ms);
        }
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetCommitRequestTopic {
    pub name: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

impl OffsetCommitRequestTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 8;
        let mut m = Self::default();
        if v <= 9 {
            m.name = r.str(f)?;
        }
        if v >= 10 {
            m.topic_id = r.uuid()?;
        }
        m.partitions = r.array(f, 14, |r| OffsetCommitRequestPartition::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 8;
        if v <= 9 {
            w.str(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<Str>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> Self {
        OffsetCommitRequestPartition {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(Str::default()),
        }
    }
}

impl OffsetCommitRequestPartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 8;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.committed_offset = r.i64()?;
        if v >= 6 {
            m.committed_leader_epoch = r.i32()?;
        }
        m.committed_metadata = r.str_null(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 8;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 6 {
            w.i32(self.committed_leader_epoch);
        }
        w.str_null(f, &self.committed_metadata)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for OffsetCommitRequest {
    type Response = super::OffsetCommitResponse;
    const KEY: ApiKey = ApiKey::OffsetCommit;
}
