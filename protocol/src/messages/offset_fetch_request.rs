//! `OffsetFetchRequest`, a request of versions 1 to 10: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequest {
    pub group_id: Str,
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    pub groups: Vec<OffsetFetchRequestGroup>,
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        OffsetFetchRequest {
            group_id: Str::default(),
            topics: Some(Vec::new()),
            groups: Vec::new(),
            require_stable: false,
        }
    }
}

impl Message for OffsetFetchRequest {
    const NAME: &'static str = "OffsetFetchRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 10;
    const FLEXIBLE_FROM: Option<i16> = Some(6);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 6;
        let mut m = Self::default();
        if v <= 7 {
            m.group_id = r.str(f)?;
        }
        if v <= 7 {
            m.topics = if v >= 2 {
                r.nested_null(f, 3, |r| OffsetFetchRequestTopic::read(r, v))?
            } else {
                Some(r.nested(f, 3, |r| OffsetFetchRequestTopic::read(r, v))?)
            };
        }
        if v >= 8 {
            m.groups = r.nested(f, 3, |r| OffsetFetchRequestGroup::read(r, v))?;
        }
        if v >= 7 {
            m.require_stable = r.bool()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 6;
        if v <= 7 {
            w.str(f, &self.group_id)?;
        } else {
            absent(!self.group_id.is_empty(), "GroupId", v)?;
        }
        if v <= 7 {
            if v < 2 && self.topics.is_none() {
                return Err(EncodeError::UnexpectedNull);
            }
            w.array_null(f, &self.topics, |w, e| e.write(w, v))?;
        } else {
            absent(
                self.topics.as_ref().is_none_or(|x| !x.is_empty()),
                "Topics",
                v,
            )?;
        }
        if v >= 8 {
            w.array(f, &self.groups, |w, e| e.write(w, v))?;
        } else {
            absent(!self.groups.is_empty(), "Groups", v)?;
        }
        if v >= 7 {
            w.bool(self.require_stable);
        } else {
            absent(self.require_stable, "RequireStable", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetFetchRequestTopic {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if v <= 7 {
            m.name = r.str(f)?;
        }
        if v <= 7 {
            m.partition_indexes = r.array(f, 4, Reader::i32)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if v <= 7 {
            w.str(f, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v <= 7 {
            w.array(f, &self.partition_indexes, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        } else {
            absent(!self.partition_indexes.is_empty(), "PartitionIndexes", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequestGroup {
    pub group_id: Str,
    pub member_id: Option<Str>,
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        OffsetFetchRequestGroup {
            group_id: Str::default(),
            member_id: None,
            member_epoch: -1,
            topics: Some(Vec::new()),
        }
    }
}

impl OffsetFetchRequestGroup {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if v >= 8 {
            m.group_id = r.str(f)?;
        }
        if v >= 9 {
            m.member_id = r.str_null(f)?;
        }
        if v >= 9 {
            m.member_epoch = r.i32()?;
        }
        if v >= 8 {
            m.topics = r.nested_null(f, 3, |r| OffsetFetchRequestTopics::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if v >= 8 {
            w.str(f, &self.group_id)?;
        } else {
            absent(!self.group_id.is_empty(), "GroupId", v)?;
        }
        if v >= 9 {
            w.str_null(f, &self.member_id)?;
        }
        if v >= 9 {
            w.i32(self.member_epoch);
        }
        if v >= 8 {
            w.array_null(f, &self.topics, |w, e| e.write(w, v))?;
        } else {
            absent(
                self.topics.as_ref().is_none_or(|x| !x.is_empty()),
                "Topics",
                v,
            )?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OffsetFetchRequestTopics {
    pub name: Str,
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        if (8..=9).contains(&v) {
            m.name = r.str(f)?;
        }
        if v >= 10 {
            m.topic_id = r.uuid()?;
        }
        if v >= 8 {
            m.partition_indexes = r.array(f, 4, Reader::i32)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        if (8..=9).contains(&v) {
            w.str(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        if v >= 8 {
            w.array(f, &self.partition_indexes, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        } else {
            absent(!self.partition_indexes.is_empty(), "PartitionIndexes", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for OffsetFetchRequest {
    type Response = super::OffsetFetchResponse;
    const KEY: ApiKey = ApiKey::OffsetFetch;
}
