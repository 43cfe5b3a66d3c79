//! `StreamsGroupHeartbeatRequest`, a request of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupHeartbeatRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub member_epoch: i32,
    pub endpoint_information_epoch: i32,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub rebalance_timeout_ms: i32,
    pub topology: Option<Topology>,
    pub active_tasks: Option<Vec<TaskIds>>,
    pub standby_tasks: Option<Vec<TaskIds>>,
    pub warmup_tasks: Option<Vec<TaskIds>>,
    pub process_id: Option<Str>,
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Option<Vec<KeyValue>>,
    pub task_offsets: Option<Vec<TaskOffset>>,
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    pub shutdown_application: bool,
}

impl Default for StreamsGroupHeartbeatRequest {
    fn default() -> Self {
        StreamsGroupHeartbeatRequest {
            group_id: Str::default(),
            member_id: Str::default(),
            member_epoch: 0,
            endpoint_information_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            topology: None,
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            process_id: None,
            user_endpoint: None,
            client_tags: None,
            task_offsets: None,
            task_end_offsets: None,
            shutdown_application: false,
        }
    }
}

impl Message for StreamsGroupHeartbeatRequest {
    const NAME: &'static str = "StreamsGroupHeartbeatRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.group_id = r.str(true)?;
        m.member_id = r.str(true)?;
        m.member_epoch = r.i32()?;
        m.endpoint_information_epoch = r.i32()?;
        m.instance_id = r.str_null(true)?;
        m.rack_id = r.str_null(true)?;
        m.rebalance_timeout_ms = r.i32()?;
        m.topology = if r.present()? {
            Some(Topology::read(r, v)?)
        } else {
            None
        };
        m.active_tasks = r.nested_null(true, 3, |r| TaskIds::read(r, v))?;
        m.standby_tasks = r.nested_null(true, 3, |r| TaskIds::read(r, v))?;
        m.warmup_tasks = r.nested_null(true, 3, |r| TaskIds::read(r, v))?;
        m.process_id = r.str_null(true)?;
        m.user_endpoint = if r.present()? {
            Some(Endpoint::read(r, v)?)
        } else {
            None
        };
        m.client_tags = r.array_null(true, 3, |r| KeyValue::read(r, v))?;
        m.task_offsets = r.array_null(true, 14, |r| TaskOffset::read(r, v))?;
        m.task_end_offsets = r.array_null(true, 14, |r| TaskOffset::read(r, v))?;
        m.shutdown_application = r.bool()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.str(true, &self.group_id)?;
        w.str(true, &self.member_id)?;
        w.i32(self.member_epoch);
        w.i32(self.endpoint_information_epoch);
        w.str_null(true, &self.instance_id)?;
        w.str_null(true, &self.rack_id)?;
        w.i32(self.rebalance_timeout_ms);
        w.present(self.topology.is_some());
        if let Some(x) = &self.topology {
            x.write(w, v)?;
        }
        w.array_null(true, &self.active_tasks, |w, e| e.write(w, v))?;
        w.array_null(true, &self.standby_tasks, |w, e| e.write(w, v))?;
        w.array_null(true, &self.warmup_tasks, |w, e| e.write(w, v))?;
        w.str_null(true, &self.process_id)?;
        w.present(self.user_endpoint.is_some());
        if let Some(x) = &self.user_endpoint {
            x.write(w, v)?;
        }
        w.array_null(true, &self.client_tags, |w, e| e.write(w, v))?;
        w.array_null(true, &self.task_offsets, |w, e| e.write(w, v))?;
        w.array_null(true, &self.task_end_offsets, |w, e| e.write(w, v))?;
        w.bool(self.shutdown_application);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Topology {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
}

impl Topology {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.epoch = r.i32()?;
        m.subtopologies = r.nested(true, 8, |r| Subtopology::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.epoch);
        w.array(true, &self.subtopologies, |w, e| e.write(w, v))?;
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
pub struct KeyValue {
    pub key: Str,
    pub value: Str,
}

impl KeyValue {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.key = r.str(true)?;
        m.value = r.str(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.key)?;
        w.str(true, &self.value)?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TaskOffset {
    pub subtopology_id: Str,
    pub partition: i32,
    pub offset: i64,
}

impl TaskOffset {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.subtopology_id = r.str(true)?;
        m.partition = r.i32()?;
        m.offset = r.i64()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.subtopology_id)?;
        w.i32(self.partition);
        w.i64(self.offset);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Subtopology {
    pub subtopology_id: Str,
    pub source_topics: Vec<Str>,
    pub source_topic_regex: Vec<Str>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_sink_topics: Vec<Str>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub copartition_groups: Vec<CopartitionGroup>,
}

impl Subtopology {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.subtopology_id = r.str(true)?;
        m.source_topics = r.array(true, 1, |r| r.str(true))?;
        m.source_topic_regex = r.array(true, 1, |r| r.str(true))?;
        m.state_changelog_topics = r.nested(true, 9, |r| TopicInfo::read(r, v))?;
        m.repartition_sink_topics = r.array(true, 1, |r| r.str(true))?;
        m.repartition_source_topics = r.nested(true, 9, |r| TopicInfo::read(r, v))?;
        m.copartition_groups = r.nested(true, 4, |r| CopartitionGroup::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.subtopology_id)?;
        w.array(true, &self.source_topics, |w, e| w.str(true, e))?;
        w.array(true, &self.source_topic_regex, |w, e| w.str(true, e))?;
        w.array(true, &self.state_changelog_topics, |w, e| e.write(w, v))?;
        w.array(true, &self.repartition_sink_topics, |w, e| w.str(true, e))?;
        w.array(true, &self.repartition_source_topics, |w, e| e.write(w, v))?;
        w.array(true, &self.copartition_groups, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicInfo {
    pub name: Str,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<KeyValue>,
}

impl TopicInfo {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.partitions = r.i32()?;
        m.replication_factor = r.i16()?;
        m.topic_configs = r.array(true, 3, |r| KeyValue::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.i32(self.partitions);
        w.i16(self.replication_factor);
        w.array(true, &self.topic_configs, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CopartitionGroup {
    pub source_topics: Vec<i16>,
    pub source_topic_regex: Vec<i16>,
    pub repartition_source_topics: Vec<i16>,
}

impl CopartitionGroup {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.source_topics = r.array(true, 2, Reader::i16)?;
        m.source_topic_regex = r.array(true, 2, Reader::i16)?;
        m.repartition_source_topics = r.array(true, 2, Reader::i16)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.array(true, &self.source_topics, |w, e| {
            w.i16(*e);
            Ok(())
        })?;
        w.array(true, &self.source_topic_regex, |w, e| {
            w.i16(*e);
            Ok(())
        })?;
        w.array(true, &self.repartition_source_topics, |w, e| {
            w.i16(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

impl Request for StreamsGroupHeartbeatRequest {
    type Response = super::StreamsGroupHeartbeatResponse;
    const KEY: ApiKey = ApiKey::StreamsGroupHeartbeat;
}
