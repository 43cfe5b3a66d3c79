//! `StreamsGroupHeartbeatResponse`, a response of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub member_id: Str,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub acceptable_recovery_lag: i32,
    pub task_offset_interval_ms: i32,
    pub status: Option<Vec<Status>>,
    pub active_tasks: Option<Vec<TaskIds>>,
    pub standby_tasks: Option<Vec<TaskIds>>,
    pub warmup_tasks: Option<Vec<TaskIds>>,
    pub endpoint_information_epoch: i32,
    pub partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
}

impl Default for StreamsGroupHeartbeatResponse {
    fn default() -> Self {
        StreamsGroupHeartbeatResponse {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            member_id: Str::default(),
            member_epoch: 0,
            heartbeat_interval_ms: 0,
            acceptable_recovery_lag: 0,
            task_offset_interval_ms: 0,
            status: Some(Vec::new()),
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            endpoint_information_epoch: 0,
            partitions_by_user_endpoint: None,
        }
    }
}

impl Message for StreamsGroupHeartbeatResponse {
    const NAME: &'static str = "StreamsGroupHeartbeatResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = r.str_null(true)?;
        m.member_id = r.str(true)?;
        m.member_epoch = r.i32()?;
        m.heartbeat_interval_ms = r.i32()?;
        m.acceptable_recovery_lag = r.i32()?;
        m.task_offset_interval_ms = r.i32()?;
        m.status = r.array_null(true, 3, |r| Status::read(r, v))?;
        m.active_tasks = r.nested_null(true, 3, |r| TaskIds::read(r, v))?;
        m.standby_tasks = r.nested_null(true, 3, |r| TaskIds::read(r, v))?;
        m.warmup_tasks = r.nested_null(true, 3, |r| TaskIds::read(r, v))?;
        m.endpoint_information_epoch = r.i32()?;
        m.partitions_by_user_endpoint =
            r.nested_null(true, 7, |r| EndpointToPartitions::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.str_null(true, &self.error_message)?;
        w.str(true, &self.member_id)?;
        w.i32(self.member_epoch);
        w.i32(self.heartbeat_interval_ms);
        w.i32(self.acceptable_recovery_lag);
        w.i32(self.task_offset_interval_ms);
        w.array_null(true, &self.status, |w, e| e.write(w, v))?;
        w.array_null(true, &self.active_tasks, |w, e| e.write(w, v))?;
        w.array_null(true, &self.standby_tasks, |w, e| e.write(w, v))?;
        w.array_null(true, &self.warmup_tasks, |w, e| e.write(w, v))?;
        w.i32(self.endpoint_information_epoch);
        w.array_null(true, &self.partitions_by_user_endpoint, |w, e| {
            e.write(w, v)
        })?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Status {
    pub status_code: i8,
    pub status_detail: Str,
}

impl Status {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.status_code = r.i8()?;
        m.status_detail = r.str(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.i8(self.status_code);
        w.str(true, &self.status_detail)?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TaskIds {
    pub subtopology_id: Str,
    pub partitions: Vec<i32>,
}

impl TaskIds {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.subtopology_id = r.str(true)?;
        m.partitions = r.array(true, 4, Reader::i32)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.subtopology_id)?;
        w.array(true, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct EndpointToPartitions {
    pub user_endpoint: Endpoint,
    pub active_partitions: Vec<TopicPartition>,
    pub standby_partitions: Vec<TopicPartition>,
}

impl EndpointToPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.user_endpoint = Endpoint::read(r, v)?;
        m.active_partitions = r.nested(true, 3, |r| TopicPartition::read(r, v))?;
        m.standby_partitions = r.nested(true, 3, |r| TopicPartition::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        self.user_endpoint.write(w, v)?;
        w.array(true, &self.active_partitions, |w, e| e.write(w, v))?;
        w.array(true, &self.standby_partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Endpoint {
    pub host: Str,
    pub port: u16,
}

impl Endpoint {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.host = r.str(true)?;
        m.port = r.u16()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.host)?;
        w.u16(self.port);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicPartition {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl TopicPartition {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic = r.str(true)?;
        m.partitions = r.array(true, 4, Reader::i32)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.topic)?;
        w.array(true, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}
