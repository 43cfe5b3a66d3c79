//! `EndQuorumEpochRequest`, a request of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct EndQuorumEpochRequest {
    pub cluster_id: Option<Str>,
    pub topics: Vec<TopicData>,
    pub leader_endpoints: Vec<LeaderEndpoint>,
}

impl Message for EndQuorumEpochRequest {
    const NAME: &'static str = "EndQuorumEpochRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(1);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 1;
        let mut m = Self::default();
        m.cluster_id = r.str_null(f)?;
        m.topics = r.nested(f, 3, |r| TopicData::read(r, v))?;
        if v >= 1 {
            m.leader_endpoints = r.array(f, 5, |r| LeaderEndpoint::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 1;
        w.str_null(f, &self.cluster_id)?;
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if v >= 1 {
            w.array(f, &self.leader_endpoints, |w, e| e.write(w, v))?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicData {
    pub topic_name: Str,
    pub partitions: Vec<PartitionData>,
}

impl TopicData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.topic_name = r.str(f)?;
        m.partitions = r.nested(f, 14, |r| PartitionData::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.str(f, &self.topic_name)?;
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct LeaderEndpoint {
    pub name: Str,
    pub host: Str,
    pub port: u16,
}

impl LeaderEndpoint {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        if v >= 1 {
            m.name = r.str(f)?;
        }
        if v >= 1 {
            m.host = r.str(f)?;
        }
        if v >= 1 {
            m.port = r.u16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        if v >= 1 {
            w.str(f, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v >= 1 {
            w.str(f, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v >= 1 {
            w.u16(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct PartitionData {
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub preferred_successors: Vec<i32>,
    pub preferred_candidates: Vec<ReplicaInfo>,
}

impl PartitionData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        if v <= 0 {
            m.preferred_successors = r.array(f, 4, Reader::i32)?;
        }
        if v >= 1 {
            m.preferred_candidates = r.array(f, 21, |r| ReplicaInfo::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        if v <= 0 {
            w.array(f, &self.preferred_successors, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        }
        if v >= 1 {
            w.array(f, &self.preferred_candidates, |w, e| e.write(w, v))?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReplicaInfo {
    pub candidate_id: i32,
    pub candidate_directory_id: Uuid,
}

impl ReplicaInfo {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        if v >= 1 {
            m.candidate_id = r.i32()?;
        }
        if v >= 1 {
            m.candidate_directory_id = r.uuid()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        if v >= 1 {
            w.i32(self.candidate_id);
        } else {
            absent(self.candidate_id != 0, "CandidateId", v)?;
        }
        if v >= 1 {
            w.uuid(self.candidate_directory_id);
        } else {
            absent(
                self.candidate_directory_id != Uuid::ZERO,
                "CandidateDirectoryId",
                v,
            )?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for EndQuorumEpochRequest {
    type Response = super::EndQuorumEpochResponse;
    const KEY: ApiKey = ApiKey::EndQuorumEpoch;
}
