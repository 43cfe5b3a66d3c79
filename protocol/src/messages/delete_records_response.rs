//! `DeleteRecordsResponse`, a response of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeleteRecordsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DeleteRecordsTopicResult>,
}

impl Message for DeleteRecordsResponse {
    const NAME: &'static str = "DeleteRecordsResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.topics = r.nested(f, 3, |r| DeleteRecordsTopicResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeleteRecordsTopicResult {
    pub name: Str,
    pub partitions: Vec<DeleteRecordsPartitionResult>,
}

impl DeleteRecordsTopicResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.partitions = r.array(f, 14, |r| DeleteRecordsPartitionResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.str(f, &self.name)?;
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeleteRecordsPartitionResult {
    pub partition_index: i32,
    pub low_watermark: i64,
    pub error_code: i16,
}

impl DeleteRecordsPartitionResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.low_watermark = r.i64()?;
        m.error_code = r.i16()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.low_watermark);
        w.i16(self.error_code);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
