//! `ProduceRequest`, a request of versions 3 to 13: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Records, Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ProduceRequest {
    pub transactional_id: Option<Str>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<TopicProduceData>,
}

impl Message for ProduceRequest {
    const NAME: &'static str = "ProduceRequest";
    const MIN: i16 = 3;
    const MAX: i16 = 13;
    const FLEXIBLE_FROM: Option<i16> = Some(9);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 9;
        let mut m = Self::default();
        m.transactional_id = r.str_null(f)?;
        m.acks = r.i16()?;
        m.timeout_ms = r.i32()?;
        m.topic_data = r.nested(f, 3, |r| TopicProduceData::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 9;
        w.str_null(f, &self.transactional_id)?;
        w.i16(self.acks);
        w.i32(self.timeout_ms);
        w.array(f, &self.topic_data, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicProduceData {
    pub name: Str,
    pub topic_id: Uuid,
    pub partition_data: Vec<PartitionProduceData>,
}

impl TopicProduceData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        if v <= 12 {
            m.name = r.str(f)?;
        }
        if v >= 13 {
            m.topic_id = r.uuid()?;
        }
        m.partition_data = r.array(f, 6, |r| PartitionProduceData::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v <= 12 {
            w.str(f, &self.name)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(f, &self.partition_data, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct PartitionProduceData {
    pub index: i32,
    pub records: Option<Records>,
}

impl PartitionProduceData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        m.index = r.i32()?;
        m.records = r.records_null(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.index);
        w.records_null(f, &self.records)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for ProduceRequest {
    type Response = super::ProduceResponse;
    const KEY: ApiKey = ApiKey::Produce;
}
