//! `MetadataResponse`, a response of versions 0 to 13: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse {
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    pub cluster_id: Option<Str>,
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    pub cluster_authorized_operations: i32,
    pub error_code: i16,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        MetadataResponse {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: -2147483648,
            error_code: 0,
        }
    }
}

impl Message for MetadataResponse {
    const NAME: &'static str = "MetadataResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 13;
    const FLEXIBLE_FROM: Option<i16> = Some(9);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 9;
        let mut m = Self::default();
        if v >= 3 {
            m.throttle_time_ms = r.i32()?;
        }
        m.brokers = r.array(f, 10, |r| MetadataResponseBroker::read(r, v))?;
        if v >= 2 {
            m.cluster_id = r.str_null(f)?;
        }
        if v >= 1 {
            m.controller_id = r.i32()?;
        }
        m.topics = r.nested(f, 8, |r| MetadataResponseTopic::read(r, v))?;
        if (8..=10).contains(&v) {
            m.cluster_authorized_operations = r.i32()?;
        }
        if v >= 13 {
            m.error_code = r.i16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 9;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(f, &self.brokers, |w, e| e.write(w, v))?;
        if v >= 2 {
            w.str_null(f, &self.cluster_id)?;
        }
        if v >= 1 {
            w.i32(self.controller_id);
        }
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if (8..=10).contains(&v) {
            w.i32(self.cluster_authorized_operations);
        } else {
            absent(
                self.cluster_authorized_operations != -2147483648,
                "ClusterAuthorizedOperations",
                v,
            )?;
        }
        if v >= 13 {
            w.i16(self.error_code);
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl MetadataResponseBroker {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        m.node_id = r.i32()?;
        m.host = r.str(f)?;
        m.port = r.i32()?;
        if v >= 1 {
            m.rack = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.node_id);
        w.str(f, &self.host)?;
        w.i32(self.port);
        if v >= 1 {
            w.str_null(f, &self.rack)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponseTopic {
    pub error_code: i16,
    pub name: Option<Str>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
    fn default() -> Self {
        MetadataResponseTopic {
            error_code: 0,
            name: Some(Str::default()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl MetadataResponseTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.name = if v >= 12 {
            r.str_null(f)?
        } else {
            Some(r.str(f)?)
        };
        if v >= 10 {
            m.topic_id = r.uuid()?;
        }
        if v >= 1 {
            m.is_internal = r.bool()?;
        }
        m.partitions = r.nested(f, 18, |r| MetadataResponsePartition::read(r, v))?;
        if v >= 8 {
            m.topic_authorized_operations = r.i32()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i16(self.error_code);
        if v < 12 && self.name.is_none() {
            return Err(EncodeError::UnexpectedNull);
        }
        w.str_null(f, &self.name)?;
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        if v >= 1 {
            w.bool(self.is_internal);
        }
        w.array(f, &self.partitions, |w, e| e.write(w, v))?;
        if v >= 8 {
            w.i32(self.topic_authorized_operations);
        } else {
            absent(
                self.topic_authorized_operations != -2147483648,
                "TopicAuthorizedOperations",
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
pub struct MetadataResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        MetadataResponsePartition {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl MetadataResponsePartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.partition_index = r.i32()?;
        m.leader_id = r.i32()?;
        if v >= 7 {
            m.leader_epoch = r.i32()?;
        }
        m.replica_nodes = r.array(f, 4, Reader::i32)?;
        m.isr_nodes = r.array(f, 4, Reader::i32)?;
        if v >= 5 {
            m.offline_replicas = r.array(f, 4, Reader::i32)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i16(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        if v >= 7 {
            w.i32(self.leader_epoch);
        }
        w.array(f, &self.replica_nodes, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.array(f, &self.isr_nodes, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        if v >= 5 {
            w.array(f, &self.offline_replicas, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
