//! `ListPartitionReassignmentsRequest`, a request of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct ListPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    pub topics: Option<Vec<ListPartitionReassignmentsTopics>>,
}

impl Default for ListPartitionReassignmentsRequest {
    fn default() -> Self {
        ListPartitionReassignmentsRequest {
            timeout_ms: 60000,
            topics: None,
        }
    }
}

impl Message for ListPartitionReassignmentsRequest {
    const NAME: &'static str = "ListPartitionReassignmentsRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.timeout_ms = r.i32()?;
        m.topics = r.nested_null(true, 3, |r| ListPartitionReassignmentsTopics::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.timeout_ms);
        w.array_null(true, &self.topics, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListPartitionReassignmentsTopics {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl ListPartitionReassignmentsTopics {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.partition_indexes = r.array(true, 4, Reader::i32)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.array(true, &self.partition_indexes, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

impl Request for ListPartitionReassignmentsRequest {
    type Response = super::ListPartitionReassignmentsResponse;
    const KEY: ApiKey = ApiKey::ListPartitionReassignments;
}
