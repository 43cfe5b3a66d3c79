//! `ListOffsetsResponse`, a response of versions 1 to 11: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListOffsetsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ListOffsetsTopicResponse>,
}

impl Message for ListOffsetsResponse {
    const NAME: &'static str = "ListOffsetsResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 11;
    const FLEXIBLE_FROM: Option<i16> = Some(6);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 6;
        let mut m = Self::default();
        if v >= 2 {
            m.throttle_time_ms = r.i32()?;
        }
        m.topics = r.nested(f, 3, |r| ListOffsetsTopicResponse::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 6;
        if v >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListOffsetsTopicResponse {
    pub name: Str,
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl ListOffsetsTopicResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.partitions = r.array(f, 22, |r| ListOffsetsPartitionResponse::read(r, v))?;
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
pub struct ListOffsetsPartitionResponse {
    pub partition_index: i32,
    pub error_code: i16,
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        ListOffsetsPartitionResponse {
            partition_index: 0,
            error_code: 0,
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
        }
    }
}

impl ListOffsetsPartitionResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        m.timestamp = r.i64()?;
        m.offset = r.i64()?;
        if v >= 4 {
            m.leader_epoch = r.i32()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.i64(self.timestamp);
        w.i64(self.offset);
        if v >= 4 {
            w.i32(self.leader_epoch);
        } else {
            absent(self.leader_epoch != -1, "LeaderEpoch", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
