//! `AlterReplicaLogDirsResponse`, a response of versions 1 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterReplicaLogDirsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterReplicaLogDirTopicResult>,
}

impl Message for AlterReplicaLogDirsResponse {
    const NAME: &'static str = "AlterReplicaLogDirsResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = r.nested(f, 3, |r| AlterReplicaLogDirTopicResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, &self.results, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterReplicaLogDirTopicResult {
    pub topic_name: Str,
    pub partitions: Vec<AlterReplicaLogDirPartitionResult>,
}

impl AlterReplicaLogDirTopicResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.topic_name = r.str(f)?;
        m.partitions = r.array(f, 6, |r| AlterReplicaLogDirPartitionResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.str(f, &self.topic_name)?;
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterReplicaLogDirPartitionResult {
    pub partition_index: i32,
    pub error_code: i16,
}

impl AlterReplicaLogDirPartitionResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
