//! `ListOffsetsRequest`, a request of versions 1 to 11: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsTopic>,
    pub timeout_ms: i32,
}

impl Message for ListOffsetsRequest {
    const NAME: &'static str = "ListOffsetsRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 11;
    const FLEXIBLE_FROM: Option<i16> = Some(6);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 6;
        let mut m = Self::default();
        m.replica_id = r.i32()?;
        if v >= 2 {
            m.isolation_level = r.i8()?;
        }
        m.topics = r.nested(f, 3, |r| ListOffsetsTopic::read(r, v))?;
        if v >= 10 {
            m.timeout_ms = r.i32()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 6;
        w.i32(self.replica_id);
        if v >= 2 {
            w.i8(self.isolation_level);
        } else {
            absent(self.isolation_level != 0, "IsolationLevel", v)?;
        }
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if v >= 10 {
            w.i32(self.timeout_ms);
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListOffsetsTopic {
    pub name: Str,
    pub partitions: Vec<ListOffsetsPartition>,
}

impl ListOffsetsTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.partitions = r.array(f, 12, |r| ListOffsetsPartition::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.str(f, &self.name)?;
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ListOffsetsPartition {
    pub partition_index: i32,
    pub current_leader_epoch: i32,
    pub timestamp: i64,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        ListOffsetsPartition {
            partition_index: 0,
            current_leader_epoch: -1,
            timestamp: 0,
        }
    }
}

impl ListOffsetsPartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        if v >= 4 {
            m.current_leader_epoch = r.i32()?;
        }
        m.timestamp = r.i64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.i32(self.partition_index);
        if v >= 4 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.timestamp);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for ListOffsetsRequest {
    type Response = super::ListOffsetsResponse;
    const KEY: ApiKey = ApiKey::ListOffsets;
}
