//! `ConsumerGroupHeartbeatRequest`, a request of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub member_epoch: i32,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<Str>>,
    pub subscribed_topic_regex: Option<Str>,
    pub server_assignor: Option<Str>,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        ConsumerGroupHeartbeatRequest {
            group_id: Str::default(),
            member_id: Str::default(),
            member_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            subscribed_topic_names: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            topic_partitions: None,
        }
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    const NAME: &'static str = "ConsumerGroupHeartbeatRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.group_id = r.str(true)?;
        m.member_id = r.str(true)?;
        m.member_epoch = r.i32()?;
        m.instance_id = r.str_null(true)?;
        m.rack_id = r.str_null(true)?;
        m.rebalance_timeout_ms = r.i32()?;
        m.subscribed_topic_names = r.array_null(true, 1, |r| r.str(true))?;
        if v >= 1 {
            m.subscribed_topic_regex = r.str_null(true)?;
        }
        m.server_assignor = r.str_null(true)?;
        m.topic_partitions = r.nested_null(true, 18, |r| TopicPartitions::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.str(true, &self.group_id)?;
        w.str(true, &self.member_id)?;
        w.i32(self.member_epoch);
        w.str_null(true, &self.instance_id)?;
        w.str_null(true, &self.rack_id)?;
        w.i32(self.rebalance_timeout_ms);
        w.array_null(true, &self.subscribed_topic_names, |w, e| w.str(true, e))?;
        if v >= 1 {
            w.str_null(true, &self.subscribed_topic_regex)?;
        } else {
            absent(
                self.subscribed_topic_regex.is_some(),
                "SubscribedTopicRegex",
                v,
            )?;
        }
        w.str_null(true, &self.server_assignor)?;
        w.array_null(true, &self.topic_partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = r.uuid()?;
        m.partitions = r.array(true, 4, Reader::i32)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.array(true, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

impl Request for ConsumerGroupHeartbeatRequest {
    type Response = super::ConsumerGroupHeartbeatResponse;
    const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
}
