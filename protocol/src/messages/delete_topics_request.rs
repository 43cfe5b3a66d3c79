//! `DeleteTopicsRequest`, a request of versions 1 to 6: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeleteTopicsRequest {
    pub topics: Vec<DeleteTopicState>,
    pub topic_names: Vec<Str>,
    pub timeout_ms: i32,
}

impl Message for DeleteTopicsRequest {
    const NAME: &'static str = "DeleteTopicsRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 6;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        if v >= 6 {
            m.topics = r.array(f, 18, |r| DeleteTopicState::read(r, v))?;
        }
        if v <= 5 {
            m.topic_names = r.array(f, 1, |r| r.str(f))?;
        }
        m.timeout_ms = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 4;
        if v >= 6 {
            w.array(f, &self.topics, |w, e| e.write(w, v))?;
        } else {
            absent(!self.topics.is_empty(), "Topics", v)?;
        }
        if v <= 5 {
            w.array(f, &self.topic_names, |w, e| w.str(f, e))?;
        }
        w.i32(self.timeout_ms);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeleteTopicState {
    pub name: Option<Str>,
    pub topic_id: Uuid,
}

impl DeleteTopicState {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        if v >= 6 {
            m.name = r.str_null(f)?;
        }
        if v >= 6 {
            m.topic_id = r.uuid()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        if v >= 6 {
            w.str_null(f, &self.name)?;
        } else {
            absent(self.name.is_some(), "Name", v)?;
        }
        if v >= 6 {
            w.uuid(self.topic_id);
        } else {
            absent(self.topic_id != Uuid::ZERO, "TopicId", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for DeleteTopicsRequest {
    type Response = super::DeleteTopicsResponse;
    const KEY: ApiKey = ApiKey::DeleteTopics;
}
