//! `DescribeQuorumResponse`, a response of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeQuorumResponse {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub topics: Vec<TopicData>,
    pub nodes: Vec<Node>,
}

impl Default for DescribeQuorumResponse {
    fn default() -> Self {
        DescribeQuorumResponse {
            error_code: 0,
            error_message: Some(Str::default()),
            topics: Vec::new(),
            nodes: Vec::new(),
        }
    }
}

impl Message for DescribeQuorumResponse {
    const NAME: &'static str = "DescribeQuorumResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        if v >= 2 {
            m.error_message = r.str_null(true)?;
        }
        m.topics = r.nested(true, 3, |r| TopicData::read(r, v))?;
        if v >= 2 {
            m.nodes = r.nested(true, 6, |r| Node::read(r, v))?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i16(self.error_code);
        if v >= 2 {
            w.str_null(true, &self.error_message)?;
        }
        w.array(true, &self.topics, |w, e| e.write(w, v))?;
        if v >= 2 {
            w.array(true, &self.nodes, |w, e| e.write(w, v))?;
        } else {
            absent(!self.nodes.is_empty(), "Nodes", v)?;
        }
        w.u8(0);
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
        let mut m = Self::default();
        m.topic_name = r.str(true)?;
        m.partitions = r.nested(true, 25, |r| PartitionData::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.topic_name)?;
        w.array(true, &self.partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Node {
    pub node_id: i32,
    pub listeners: Vec<Listener>,
}

impl Node {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v >= 2 {
            m.node_id = r.i32()?;
        }
        if v >= 2 {
            m.listeners = r.array(true, 5, |r| Listener::read(r, v))?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        if v >= 2 {
            w.i32(self.node_id);
        } else {
            absent(self.node_id != 0, "NodeId", v)?;
        }
        if v >= 2 {
            w.array(true, &self.listeners, |w, e| e.write(w, v))?;
        } else {
            absent(!self.listeners.is_empty(), "Listeners", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub current_voters: Vec<ReplicaState>,
    pub observers: Vec<ReplicaState>,
}

impl Default for PartitionData {
    fn default() -> Self {
        PartitionData {
            partition_index: 0,
            error_code: 0,
            error_message: Some(Str::default()),
            leader_id: 0,
            leader_epoch: 0,
            high_watermark: 0,
            current_voters: Vec::new(),
            observers: Vec::new(),
        }
    }
}

impl PartitionData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if v >= 2 {
            m.error_message = r.str_null(true)?;
        }
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.high_watermark = r.i64()?;
        m.current_voters = r.array(true, 13, |r| ReplicaState::read(r, v))?;
        m.observers = r.array(true, 13, |r| ReplicaState::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if v >= 2 {
            w.str_null(true, &self.error_message)?;
        }
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.i64(self.high_watermark);
        w.array(true, &self.current_voters, |w, e| e.write(w, v))?;
        w.array(true, &self.observers, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Listener {
    pub name: Str,
    pub host: Str,
    pub port: u16,
}

impl Listener {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v >= 2 {
            m.name = r.str(true)?;
        }
        if v >= 2 {
            m.host = r.str(true)?;
        }
        if v >= 2 {
            m.port = r.u16()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        if v >= 2 {
            w.str(true, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v >= 2 {
            w.str(true, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v >= 2 {
            w.u16(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_directory_id: Uuid,
    pub log_end_offset: i64,
    pub last_fetch_timestamp: i64,
    pub last_caught_up_timestamp: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        ReplicaState {
            replica_id: 0,
            replica_directory_id: Uuid::ZERO,
            log_end_offset: 0,
            last_fetch_timestamp: -1,
            last_caught_up_timestamp: -1,
        }
    }
}

impl ReplicaState {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.replica_id = r.i32()?;
        if v >= 2 {
            m.replica_directory_id = r.uuid()?;
        }
        m.log_end_offset = r.i64()?;
        if v >= 1 {
            m.last_fetch_timestamp = r.i64()?;
        }
        if v >= 1 {
            m.last_caught_up_timestamp = r.i64()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.replica_id);
        if v >= 2 {
            w.uuid(self.replica_directory_id);
        } else {
            absent(
                self.replica_directory_id != Uuid::ZERO,
                "ReplicaDirectoryId",
                v,
            )?;
        }
        w.i64(self.log_end_offset);
        if v >= 1 {
            w.i64(self.last_fetch_timestamp);
        }
        if v >= 1 {
            w.i64(self.last_caught_up_timestamp);
        }
        w.u8(0);
        Ok(())
    }
}
