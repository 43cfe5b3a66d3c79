//! `MetadataRequest`, a request of versions 0 to 13: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopic>>,
    pub allow_auto_topic_creation: bool,
    pub include_cluster_authorized_operations: bool,
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        MetadataRequest {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
        }
    }
}

impl Message for MetadataRequest {
    const NAME: &'static str = "MetadataRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 13;
    const FLEXIBLE_FROM: Option<i16> = Some(9);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 9;
        let mut m = Self::default();
        m.topics = if v >= 1 {
            r.array_null(f, 2, |r| MetadataRequestTopic::read(r, v))?
        } else {
            Some(r.array(f, 2, |r| MetadataRequestTopic::read(r, v))?)
        };
        if v >= 4 {
            m.allow_auto_topic_creation = r.bool()?;
        }
        if (8..=10).contains(&v) {
            m.include_cluster_authorized_operations = r.bool()?;
        }
        if v >= 8 {
            m.include_topic_authorized_operations = r.bool()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 9;
        if v < 1 && self.topics.is_none() {
            return Err(EncodeError::UnexpectedNull);
        }
        w.array_null(f, &self.topics, |w, e| e.write(w, v))?;
        if v >= 4 {
            w.bool(self.allow_auto_topic_creation);
        } else {
            absent(!self.allow_auto_topic_creation, "AllowAutoTopicCreation", v)?;
        }
        if (8..=10).contains(&v) {
            w.bool(self.include_cluster_authorized_operations);
        } else {
            absent(
                self.include_cluster_authorized_operations,
                "IncludeClusterAuthorizedOperations",
                v,
            )?;
        }
        if v >= 8 {
            w.bool(self.include_topic_authorized_operations);
        } else {
            absent(
                self.include_topic_authorized_operations,
                "IncludeTopicAuthorizedOperations",
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
pub struct MetadataRequestTopic {
    pub topic_id: Uuid,
    pub name: Option<Str>,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        MetadataRequestTopic {
            topic_id: Uuid::ZERO,
            name: Some(Str::default()),
        }
    }
}

impl MetadataRequestTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let mut m = Self::default();
        if v >= 10 {
            m.topic_id = r.uuid()?;
        }
        m.name = if v >= 10 {
            r.str_null(f)?
        } else {
            Some(r.str(f)?)
        };
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        if v < 10 && self.name.is_none() {
            return Err(EncodeError::UnexpectedNull);
        }
        w.str_null(f, &self.name)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for MetadataRequest {
    type Response = super::MetadataResponse;
    const KEY: ApiKey = ApiKey::Metadata;
}
