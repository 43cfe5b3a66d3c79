//! `DescribeLogDirsRequest`, a request of versions 1 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeLogDirsRequest {
    pub topics: Option<Vec<DescribableLogDirTopic>>,
}

impl Default for DescribeLogDirsRequest {
    fn default() -> Self {
        DescribeLogDirsRequest {
            topics: Some(Vec::new()),
        }
    }
}

impl Message for DescribeLogDirsRequest {
    const NAME: &'static str = "DescribeLogDirsRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 5;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.topics = r.nested_null(f, 3, |r| DescribableLogDirTopic::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.array_null(f, &self.topics, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribableLogDirTopic {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl DescribableLogDirTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.topic = r.str(f)?;
        m.partitions = r.array(f, 4, Reader::i32)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.str(f, &self.topic)?;
        w.array(f, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for DescribeLogDirsRequest {
    type Response = super::DescribeLogDirsResponse;
    const KEY: ApiKey = ApiKey::DescribeLogDirs;
}
