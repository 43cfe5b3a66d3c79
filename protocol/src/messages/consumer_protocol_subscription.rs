//! `ConsumerProtocolSubscription`, a payload of versions 0 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<Str>,
    pub user_data: Option<Bytes>,
    pub owned_partitions: Vec<TopicPartition>,
    pub generation_id: i32,
    pub rack_id: Option<Str>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        ConsumerProtocolSubscription {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Message for ConsumerProtocolSubscription {
    const NAME: &'static str = "ConsumerProtocolSubscription";
    const MIN: i16 = 0;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = None;

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.topics = r.array(false, 2, |r| r.str(false))?;
        m.user_data = r.bytes_null(false)?;
        if v >= 1 {
            m.owned_partitions = r.nested(false, 6, |r| TopicPartition::read(r, v))?;
        }
        if v >= 2 {
            m.generation_id = r.i32()?;
        }
        if v >= 3 {
            m.rack_id = r.str_null(false)?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.array(false, &self.topics, |w, e| w.str(false, e))?;
        w.bytes_null(false, &self.user_data)?;
        if v >= 1 {
            w.array(false, &self.owned_partitions, |w, e| e.write(w, v))?;
        }
        if v >= 2 {
            w.i32(self.generation_id);
        }
        if v >= 3 {
            w.str_null(false, &self.rack_id)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicPartition {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl TopicPartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v >= 1 {
            m.topic = r.str(false)?;
        }
        if v >= 1 {
            m.partitions = r.array(false, 4, Reader::i32)?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        if v >= 1 {
            w.str(false, &self.topic)?;
        } else {
            absent(!self.topic.is_empty(), "Topic", v)?;
        }
        if v >= 1 {
            w.array(false, &self.partitions, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        } else {
            absent(!self.partitions.is_empty(), "Partitions", v)?;
        }
        Ok(())
    }
}
