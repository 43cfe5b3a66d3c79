//! `FetchSnapshotResponse`, a response of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Records, Str};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FetchSnapshotResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub topics: Vec<TopicSnapshot>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchSnapshotResponse {
    const NAME: &'static str = "FetchSnapshotResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.topics = r.nested(true, 3, |r| TopicSnapshot::read(r, v))?;
        r.tags(|r, tag| {
            match tag {
                0 if v >= 1 => m.node_endpoints = r.array(true, 8, |r| NodeEndpoint::read(r, v))?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.array(true, &self.topics, |w, e| e.write(w, v))?;
        let t0 = v >= 1 && !self.node_endpoints.is_empty();
        absent(!t0 && !self.node_endpoints.is_empty(), "NodeEndpoints", v)?;
        w.uvarint(u32::from(t0));
        if t0 {
            w.tag(0, |w| {
                w.array(true, &self.node_endpoints, |w, e| e.write(w, v))?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicSnapshot {
    pub name: Str,
    pub partitions: Vec<PartitionSnapshot>,
}

impl TopicSnapshot {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.partitions = r.array(true, 37, |r| PartitionSnapshot::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.array(true, &self.partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: Str,
    pub port: u16,
}

impl NodeEndpoint {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v >= 1 {
            m.node_id = r.i32()?;
        }
        if v >= 1 {
            m.host = r.str(true)?;
        }
        if v >= 1 {
            m.port = r.u16()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        if v >= 1 {
            w.i32(self.node_id);
        } else {
            absent(self.node_id != 0, "NodeId", v)?;
        }
        if v >= 1 {
            w.str(true, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v >= 1 {
            w.u16(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct PartitionSnapshot {
    pub index: i32,
    pub error_code: i16,
    pub snapshot_id: SnapshotId,
    pub current_leader: LeaderIdAndEpoch,
    pub size: i64,
    pub position: i64,
    pub unaligned_records: Records,
}

impl PartitionSnapshot {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.index = r.i32()?;
        m.error_code = r.i16()?;
        m.snapshot_id = SnapshotId::read(r, v)?;
        m.size = r.i64()?;
        m.position = r.i64()?;
        m.unaligned_records = r.records(true)?;
        r.tags(|r, tag| {
            match tag {
                0 => m.current_leader = LeaderIdAndEpoch::read(r, v)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.index);
        w.i16(self.error_code);
        self.snapshot_id.write(w, v)?;
        w.i64(self.size);
        w.i64(self.position);
        w.records(true, &self.unaligned_records)?;
        let t0 = self.current_leader != LeaderIdAndEpoch::default();
        w.uvarint(u32::from(t0));
        if t0 {
            w.tag(0, |w| {
                self.current_leader.write(w, v)?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl SnapshotId {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.end_offset = r.i64()?;
        m.epoch = r.i32()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.i64(self.end_offset);
        w.i32(self.epoch);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl LeaderIdAndEpoch {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.u8(0);
        Ok(())
    }
}
