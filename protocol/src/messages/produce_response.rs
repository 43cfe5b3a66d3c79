//! `ProduceResponse`, a response of versions 3 to 13: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    pub throttle_time_ms: i32,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ProduceResponse {
    const NAME: &'static str = "ProduceResponse";
    const MIN: i16 = 3;
    const MAX: i16 = 13;
    const FLEXIBLE_FROM: Option<i16> = Some(9);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 9;
        let mut m = Self::default();
        m.responses = r.nested(f, 3, |r| TopicProduceResponse::read(r, v))?;
        m.throttle_time_ms = r.i32()?;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 10 => {
                        m.node_endpoints = r.array(true, 11, |r| NodeEndpoint::read(r, v))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 9;
        w.array(f, &self.responses, |w, e| e.write(w, v))?;
        w.i32(self.throttle_time_ms);
        let t0 = v >= 10 && !self.node_endpoints.is_empty();
        absent(!t0 && !self.node_endpoints.is_empty(), "NodeEndpoints", v)?;
        if f {
            w.uvarint(u32::from(t0));
            if t0 {
                w.tag(0, |w| {
                    w.array(true, &self.node_endpoints, |w, e| e.write(w, v))?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicProduceResponse {
    pub name: Str,
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl TopicProduceResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        if v <= 12 {
            m.name = r.str(f)?;
        }
        if v >= 13 {
            m.topic_id = r.uuid()?;
        }
        m.partition_responses = r.nested(f, 22, |r| PartitionProduceResponse::read(r, v))?;
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
        w.array(f, &self.partition_responses, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl NodeEndpoint {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        if v >= 10 {
            m.node_id = r.i32()?;
        }
        if v >= 10 {
            m.host = r.str(f)?;
        }
        if v >= 10 {
            m.port = r.i32()?;
        }
        if v >= 10 {
            m.rack = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v >= 10 {
            w.i32(self.node_id);
        } else {
            absent(self.node_id != 0, "NodeId", v)?;
        }
        if v >= 10 {
            w.str(f, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v >= 10 {
            w.i32(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        if v >= 10 {
            w.str_null(f, &self.rack)?;
        } else {
            absent(self.rack.is_some(), "Rack", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: i16,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    pub error_message: Option<Str>,
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        PartitionProduceResponse {
            index: 0,
            error_code: 0,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: LeaderIdAndEpoch::default(),
        }
    }
}

impl PartitionProduceResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        m.index = r.i32()?;
        m.error_code = r.i16()?;
        m.base_offset = r.i64()?;
        m.log_append_time_ms = r.i64()?;
        if v >= 5 {
            m.log_start_offset = r.i64()?;
        }
        if v >= 8 {
            m.record_errors = r.array(f, 6, |r| BatchIndexAndErrorMessage::read(r, v))?;
        }
        if v >= 8 {
            m.error_message = r.str_null(f)?;
        }
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 10 => m.current_leader = LeaderIdAndEpoch::read(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.index);
        w.i16(self.error_code);
        w.i64(self.base_offset);
        w.i64(self.log_append_time_ms);
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        if v >= 8 {
            w.array(f, &self.record_errors, |w, e| e.write(w, v))?;
        }
        if v >= 8 {
            w.str_null(f, &self.error_message)?;
        }
        let t0 = v >= 10 && self.current_leader != LeaderIdAndEpoch::default();
        absent(
            !t0 && self.current_leader != LeaderIdAndEpoch::default(),
            "CurrentLeader",
            v,
        )?;
        if f {
            w.uvarint(u32::from(t0));
            if t0 {
                w.tag(0, |w| {
                    self.current_leader.write(w, v)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    pub batch_index_error_message: Option<Str>,
}

impl BatchIndexAndErrorMessage {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        if v >= 8 {
            m.batch_index = r.i32()?;
        }
        if v >= 8 {
            m.batch_index_error_message = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v >= 8 {
            w.i32(self.batch_index);
        } else {
            absent(self.batch_index != 0, "BatchIndex", v)?;
        }
        if v >= 8 {
            w.str_null(f, &self.batch_index_error_message)?;
        } else {
            absent(
                self.batch_index_error_message.is_some(),
                "BatchIndexErrorMessage",
                v,
            )?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        LeaderIdAndEpoch {
            leader_id: -1,
            leader_epoch: -1,
        }
    }
}

impl LeaderIdAndEpoch {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        if v >= 10 {
            m.leader_id = r.i32()?;
        }
        if v >= 10 {
            m.leader_epoch = r.i32()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v >= 10 {
            w.i32(self.leader_id);
        } else {
            absent(self.leader_id != -1, "LeaderId", v)?;
        }
        if v >= 10 {
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
