//! `FetchResponse`, a response of versions 4 to 18: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Records, Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchResponse {
    const NAME: &'static str = "FetchResponse";
    const MIN: i16 = 4;
    const MAX: i16 = 18;
    const FLEXIBLE_FROM: Option<i16> = Some(12);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 12;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        if v >= 7 {
            m.error_code = r.i16()?;
        }
        if v >= 7 {
            m.session_id = r.i32()?;
        }
        m.responses = r.nested(f, 3, |r| FetchableTopicResponse::read(r, v))?;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 16 => {
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
        let f = v >= 12;
        w.i32(self.throttle_time_ms);
        if v >= 7 {
            w.i16(self.error_code);
        }
        if v >= 7 {
            w.i32(self.session_id);
        } else {
            absent(self.session_id != 0, "SessionId", v)?;
        }
        w.array(f, &self.responses, |w, e| e.write(w, v))?;
        let t0 = v >= 16 && !self.node_endpoints.is_empty();
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
pub struct FetchableTopicResponse {
    pub topic: Str,
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl FetchableTopicResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        if v <= 12 {
            m.topic = r.str(f)?;
        }
        if v >= 13 {
            m.topic_id = r.uuid()?;
        }
        m.partitions = r.nested(f, 30, |r| PartitionData::read(r, v))?;
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
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl NodeEndpoint {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        if v >= 16 {
            m.node_id = r.i32()?;
        }
        if v >= 16 {
            m.host = r.str(f)?;
        }
        if v >= 16 {
            m.port = r.i32()?;
        }
        if v >= 16 {
            m.rack = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v >= 16 {
            w.i32(self.node_id);
        } else {
            absent(self.node_id != 0, "NodeId", v)?;
        }
        if v >= 16 {
            w.str(f, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v >= 16 {
            w.i32(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        if v >= 16 {
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
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: EpochEndOffset,
    pub current_leader: LeaderIdAndEpoch,
    pub snapshot_id: SnapshotId,
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub preferred_read_replica: i32,
    pub records: Option<Records>,
}

impl Default for PartitionData {
    fn default() -> Self {
        PartitionData {
            partition_index: 0,
            error_code: 0,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: -1,
            records: None,
        }
    }
}

impl PartitionData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        m.high_watermark = r.i64()?;
        m.last_stable_offset = r.i64()?;
        if v >= 5 {
            m.log_start_offset = r.i64()?;
        }
        m.aborted_transactions = r.array_null(f, 16, |r| AbortedTransaction::read(r, v))?;
        if v >= 11 {
            m.preferred_read_replica = r.i32()?;
        }
        m.records = r.records_null(f)?;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 12 => m.diverging_epoch = EpochEndOffset::read(r, v)?,
                    1 if v >= 12 => m.current_leader = LeaderIdAndEpoch::read(r, v)?,
                    2 if v >= 12 => m.snapshot_id = SnapshotId::read(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.i64(self.high_watermark);
        w.i64(self.last_stable_offset);
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        w.array_null(f, &self.aborted_transactions, |w, e| e.write(w, v))?;
        if v >= 11 {
            w.i32(self.preferred_read_replica);
        } else {
            absent(self.preferred_read_replica != -1, "PreferredReadReplica", v)?;
        }
        w.records_null(f, &self.records)?;
        let t0 = v >= 12 && self.diverging_epoch != EpochEndOffset::default();
        absent(
            !t0 && self.diverging_epoch != EpochEndOffset::default(),
            "DivergingEpoch",
            v,
        )?;
        let t1 = v >= 12 && self.current_leader != LeaderIdAndEpoch::default();
        absent(
            !t1 && self.current_leader != LeaderIdAndEpoch::default(),
            "CurrentLeader",
            v,
        )?;
        let t2 = v >= 12 && self.snapshot_id != SnapshotId::default();
        absent(
            !t2 && self.snapshot_id != SnapshotId::default(),
            "SnapshotId",
            v,
        )?;
        if f {
            w.uvarint(u32::from(t0) + u32::from(t1) + u32::from(t2));
            if t0 {
                w.tag(0, |w| {
                    self.diverging_epoch.write(w, v)?;
                    Ok(())
                })?;
            }
            if t1 {
                w.tag(1, |w| {
                    self.current_leader.write(w, v)?;
                    Ok(())
                })?;
            }
            if t2 {
                w.tag(2, |w| {
                    self.snapshot_id.write(w, v)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        EpochEndOffset {
            epoch: -1,
            end_offset: -1,
        }
    }
}

impl EpochEndOffset {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        if v >= 12 {
            m.epoch = r.i32()?;
        }
        if v >= 12 {
            m.end_offset = r.i64()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v >= 12 {
            w.i32(self.epoch);
        } else {
            absent(self.epoch != -1, "Epoch", v)?;
        }
        if v >= 12 {
            w.i64(self.end_offset);
        } else {
            absent(self.end_offset != -1, "EndOffset", v)?;
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
        let f = v >= 12;
        let mut m = Self::default();
        if v >= 12 {
            m.leader_id = r.i32()?;
        }
        if v >= 12 {
            m.leader_epoch = r.i32()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v >= 12 {
            w.i32(self.leader_id);
        } else {
            absent(self.leader_id != -1, "LeaderId", v)?;
        }
        if v >= 12 {
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

#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        SnapshotId {
            end_offset: -1,
            epoch: -1,
        }
    }
}

impl SnapshotId {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        m.end_offset = r.i64()?;
        m.epoch = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i64(self.end_offset);
        w.i32(self.epoch);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl AbortedTransaction {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.first_offset = r.i64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i64(self.producer_id);
        w.i64(self.first_offset);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
