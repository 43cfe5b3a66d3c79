//! `ShareFetchRequest`, a request of versions 1 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct ShareFetchRequest {
    pub group_id: Option<Str>,
    pub member_id: Option<Str>,
    pub share_session_epoch: i32,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub max_records: i32,
    pub batch_size: i32,
    pub share_acquire_mode: i8,
    pub is_renew_ack: bool,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
}

impl Default for ShareFetchRequest {
    fn default() -> Self {
        ShareFetchRequest {
            group_id: None,
            member_id: Some(Str::default()),
            share_session_epoch: 0,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: 2147483647,
            max_records: 0,
            batch_size: 0,
            share_acquire_mode: 0,
            is_renew_ack: false,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
        }
    }
}

impl Message for ShareFetchRequest {
    const NAME: &'static str = "ShareFetchRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(1);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.group_id = r.str_null(true)?;
        m.member_id = r.str_null(true)?;
        m.share_session_epoch = r.i32()?;
        m.max_wait_ms = r.i32()?;
        m.min_bytes = r.i32()?;
        m.max_bytes = r.i32()?;
        m.max_records = r.i32()?;
        m.batch_size = r.i32()?;
        if v >= 2 {
            m.share_acquire_mode = r.i8()?;
        }
        if v >= 2 {
            m.is_renew_ack = r.bool()?;
        }
        m.topics = r.nested(true, 18, |r| FetchTopic::read(r, v))?;
        m.forgotten_topics_data = r.nested(true, 18, |r| ForgottenTopic::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.str_null(true, &self.group_id)?;
        w.str_null(true, &self.member_id)?;
        w.i32(self.share_session_epoch);
        w.i32(self.max_wait_ms);
        w.i32(self.min_bytes);
        w.i32(self.max_bytes);
        w.i32(self.max_records);
        w.i32(self.batch_size);
        if v >= 2 {
            w.i8(self.share_acquire_mode);
        }
        if v >= 2 {
            w.bool(self.is_renew_ack);
        } else {
            absent(self.is_renew_ack, "IsRenewAck", v)?;
        }
        w.array(true, &self.topics, |w, e| e.write(w, v))?;
        w.array(true, &self.forgotten_topics_data, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FetchTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = r.uuid()?;
        m.partitions = r.nested(true, 6, |r| FetchPartition::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.array(true, &self.partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ForgottenTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = r.uuid()?;
        m.partitions = r.array(true, 4, Reader::i32)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.array(true, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FetchPartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl FetchPartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.acknowledgement_batches = r.nested(true, 18, |r| AcknowledgementBatch::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.partition_index);
        w.array(true, &self.acknowledgement_batches, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AcknowledgementBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub acknowledge_types: Vec<i8>,
}

impl AcknowledgementBatch {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.first_offset = r.i64()?;
        m.last_offset = r.i64()?;
        m.acknowledge_types = r.array(true, 1, Reader::i8)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.i64(self.first_offset);
        w.i64(self.last_offset);
        w.array(true, &self.acknowledge_types, |w, e| {
            w.i8(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

impl Request for ShareFetchRequest {
    type Response = super::ShareFetchResponse;
    const KEY: ApiKey = ApiKey::ShareFetch;
}
