//! `CreateTopicsRequest`, a request of versions 2 to 7: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        CreateTopicsRequest {
            topics: Vec::new(),
            timeout_ms: 60000,
            validate_only: false,
        }
    }
}

impl Message for CreateTopicsRequest {
    const NAME: &'static str = "CreateTopicsRequest";
    const MIN: i16 = 2;
    const MAX: i16 = 7;
    const FLEXIBLE_FROM: Option<i16> = Some(5);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 5;
        let mut m = Self::default();
        m.topics = r.nested(f, 10, |r| CreatableTopic::read(r, v))?;
        m.timeout_ms = r.i32()?;
        m.validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 5;
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        w.i32(self.timeout_ms);
        w.bool(self.validate_only);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CreatableTopic {
    pub name: Str,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
}

impl CreatableTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.num_partitions = r.i32()?;
        m.replication_factor = r.i16()?;
        m.assignments = r.nested(f, 6, |r| CreatableReplicaAssignment::read(r, v))?;
        m.configs = r.array(f, 3, |r| CreatableTopicConfig::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.str(f, &self.name)?;
        w.i32(self.num_partitions);
        w.i16(self.replication_factor);
        w.array(f, &self.assignments, |w, e| e.write(w, v))?;
        w.array(f, &self.configs, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl CreatableReplicaAssignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.broker_ids = r.array(f, 4, Reader::i32)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.i32(self.partition_index);
        w.array(f, &self.broker_ids, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfig {
    pub name: Str,
    pub value: Option<Str>,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        CreatableTopicConfig {
            name: Str::default(),
            value: Some(Str::default()),
        }
    }
}

impl CreatableTopicConfig {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.value = r.str_null(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.str(f, &self.name)?;
        w.str_null(f, &self.value)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for CreateTopicsRequest {
    type Response = super::CreateTopicsResponse;
    const KEY: ApiKey = ApiKey::CreateTopics;
}
