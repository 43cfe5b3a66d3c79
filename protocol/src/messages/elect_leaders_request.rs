//! `ElectLeadersRequest`, a request of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct ElectLeadersRequest {
    pub election_type: i8,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
    pub timeout_ms: i32,
}

impl Default for ElectLeadersRequest {
    fn default() -> Self {
        ElectLeadersRequest {
            election_type: 0,
            topic_partitions: Some(Vec::new()),
            timeout_ms: 60000,
        }
    }
}

impl Message for ElectLeadersRequest {
    const NAME: &'static str = "ElectLeadersRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        if v >= 1 {
            m.election_type = r.i8()?;
        }
        m.topic_partitions = r.nested_null(f, 3, |r| TopicPartitions::read(r, v))?;
        m.timeout_ms = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        if v >= 1 {
            w.i8(self.election_type);
        } else {
            absent(self.election_type != 0, "ElectionType", v)?;
        }
        w.array_null(f, &self.topic_partitions, |w, e| e.write(w, v))?;
        w.i32(self.timeout_ms);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
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

impl Request for ElectLeadersRequest {
    type Response = super::ElectLeadersResponse;
    const KEY: ApiKey = ApiKey::ElectLeaders;
}
