//! `FetchRequest`, a request of versions 4 to 18: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    pub cluster_id: Option<Str>,
    pub replica_id: i32,
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    pub rack_id: Str,
}

impl Default for FetchRequest {
    fn default() -> Self {
        FetchRequest {
            cluster_id: None,
            replica_id: -1,
            replica_state: ReplicaState::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: 2147483647,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: Str::default(),
        }
    }
}

impl Message for FetchRequest {
    const NAME: &'static str = "FetchRequest";
    const MIN: i16 = 4;
    const MAX: i16 = 18;
    const FLEXIBLE_FROM: Option<i16> = Some(12);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 12;
        let mut m = Self::default();
        if v <= 14 {
            m.replica_id = r.i32()?;
        }
        m.max_wait_ms = r.i32()?;
        m.min_bytes = r.i32()?;
        m.max_bytes = r.i32()?;
        m.isolation_level = r.i8()?;
        if v >= 7 {
            m.session_id = r.i32()?;
        }
        if v >= 7 {
            m.session_epoch = r.i32()?;
        }
        m.topics = r.nested(f, 3, |r| FetchTopic::read(r, v))?;
        if v >= 7 {
            m.forgotten_topics_data = r.nested(f, 3, |r| ForgottenTopic::read(r, v))?;
        }
        if v >= 11 {
            m.rack_id = r.str(f)?;
        }
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 12 => m.cluster_id = r.str_null(true)?,
                    1 if v >= 15 => m.replica_state = ReplicaState::read(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 12;
        if v <= 14 {
            w.i32(self.replica_id);
        } else {
            absent(self.replica_id != -1, "ReplicaId", v)?;
        }
        w.i32(self.max_wait_ms);
        w.i32(self.min_bytes);
        w.i32(self.max_bytes);
        w.i8(self.isolation_level);
        if v >= 7 {
            w.i32(self.session_id);
        }
        if v >= 7 {
            w.i32(self.session_epoch);
        }
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if v >= 7 {
            w.array(f, &self.forgotten_topics_data, |w, e| e.write(w, v))?;
        } else {
            absent(
                !self.forgotten_topics_data.is_empty(),
                "ForgottenTopicsData",
                v,
            )?;
        }
        if v >= 11 {
            w.str(f, &self.rack_id)?;
        }
        let t0 = v >= 12 && self.cluster_id.is_some();
        let t1 = v >= 15 && self.replica_state != ReplicaState::default();
        absent(
            !t1 && self.replica_state != ReplicaState::default(),
            "ReplicaState",
            v,
        )?;
        if f {
            w.uvarint(u32::from(t0) + u32::from(t1));
            if t0 {
                w.tag(0, |w| {
                    w.str_null(true, &self.cluster_id)?;
                    Ok(())
                })?;
            }
            if t1 {
                w.tag(1, |w| {
                    self.replica_state.write(w, v)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        ReplicaState {
            replica_id: -1,
            replica_epoch: -1,
        }
    }
}

impl ReplicaState {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        if v >= 15 {
            m.replica_id = r.i32()?;
        }
        if v >= 15 {
            m.replica_epoch = r.i64()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v >= 15 {
            w.i32(self.replica_id);
        } else {
            absent(self.replica_id != -1, "ReplicaId", v)?;
        }
        if v >= 15 {
            w.i64(self.replica_epoch);
        } else {
            absent(self.replica_epoch != -1, "ReplicaEpoch", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FetchTopic {
    pub topic: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        if v <= 12 {
            m.topic = r.str(f)?;
        }
        if v >= 13 {
            m.topic_id = r.uuid()?;
        }
        m.partitions = r.array(f, 16, |r| FetchPartition::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v <= 12 {
            w.str(f, &self.topic)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ForgottenTopic {
    pub topic: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        if (7..=12).contains(&v) {
            m.topic = r.str(f)?;
        }
        if v >= 13 {
            m.topic_id = r.uuid()?;
        }
        if v >= 7 {
            m.partitions = r.array(f, 4, Reader::i32)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if (7..=12).contains(&v) {
            w.str(f, &self.topic)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        if v >= 7 {
            w.array(f, &self.partitions, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        } else {
            absent(!self.partitions.is_empty(), "Partitions", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    pub replica_directory_id: Uuid,
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        FetchPartition {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::ZERO,
            high_watermark: 9223372036854775807,
        }
    }
}

impl FetchPartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        m.partition = r.i32()?;
        if v >= 9 {
            m.current_leader_epoch = r.i32()?;
        }
        m.fetch_offset = r.i64()?;
        if v >= 12 {
            m.last_fetched_epoch = r.i32()?;
        }
        if v >= 5 {
            m.log_start_offset = r.i64()?;
        }
        m.partition_max_bytes = r.i32()?;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 17 => m.replica_directory_id = r.uuid()?,
                    1 if v >= 18 => m.high_watermark = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i32(self.partition);
        if v >= 9 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.fetch_offset);
        if v >= 12 {
            w.i32(self.last_fetched_epoch);
        } else {
            absent(self.last_fetched_epoch != -1, "LastFetchedEpoch", v)?;
        }
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        w.i32(self.partition_max_bytes);
        let t0 = v >= 17 && self.replica_directory_id != Uuid::ZERO;
        let t1 = v >= 18 && self.high_watermark != 9223372036854775807;
        if f {
            w.uvarint(u32::from(t0) + u32::from(t1));
            if t0 {
                w.tag(0, |w| {
                    w.uuid(self.replica_directory_id);
                    Ok(())
                })?;
            }
            if t1 {
                w.tag(1, |w| {
                    w.i64(self.high_watermark);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

impl Request for FetchRequest {
    type Response = super::FetchResponse;
    const KEY: ApiKey = ApiKey::Fetch;
}
