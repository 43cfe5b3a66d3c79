//! `CreateTopicsResponse`, a response of versions 2 to 7: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
}

impl Message for CreateTopicsResponse {
    const NAME: &'static str = "CreateTopicsResponse";
    const MIN: i16 = 2;
    const MAX: i16 = 7;
    const FLEXIBLE_FROM: Option<i16> = Some(5);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 5;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.topics = r.nested(f, 6, |r| CreatableTopicResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 5;
        w.i32(self.throttle_time_ms);
        w.array(f, &self.topics, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicResult {
    pub name: Str,
    pub topic_id: Uuid,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub topic_config_error_code: i16,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        CreatableTopicResult {
            name: Str::default(),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: Some(Str::default()),
            topic_config_error_code: 0,
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
        }
    }
}

impl CreatableTopicResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        m.name = r.str(f)?;
        if v >= 7 {
            m.topic_id = r.uuid()?;
        }
        m.error_code = r.i16()?;
        m.error_message = r.str_null(f)?;
        if v >= 5 {
            m.num_partitions = r.i32()?;
        }
        if v >= 5 {
            m.replication_factor = r.i16()?;
        }
        if v >= 5 {
            m.configs = r.array_null(f, 6, |r| CreatableTopicConfigs::read(r, v))?;
        }
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 5 => m.topic_config_error_code = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.str(f, &self.name)?;
        if v >= 7 {
            w.uuid(self.topic_id);
        }
        w.i16(self.error_code);
        w.str_null(f, &self.error_message)?;
        if v >= 5 {
            w.i32(self.num_partitions);
        }
        if v >= 5 {
            w.i16(self.replication_factor);
        }
        if v >= 5 {
            w.array_null(f, &self.configs, |w, e| e.write(w, v))?;
        }
        let t0 = v >= 5 && self.topic_config_error_code != 0;
        if f {
            w.uvarint(u32::from(t0));
            if t0 {
                w.tag(0, |w| {
                    w.i16(self.topic_config_error_code);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfigs {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        CreatableTopicConfigs {
            name: Str::default(),
            value: Some(Str::default()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
        }
    }
}

impl CreatableTopicConfigs {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        if v >= 5 {
            m.name = r.str(f)?;
        }
        if v >= 5 {
            m.value = r.str_null(f)?;
        }
        if v >= 5 {
            m.read_only = r.bool()?;
        }
        if v >= 5 {
            m.config_source = r.i8()?;
        }
        if v >= 5 {
            m.is_sensitive = r.bool()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        if v >= 5 {
            w.str(f, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v >= 5 {
            w.str_null(f, &self.value)?;
        } else {
            absent(
                self.value.as_ref().is_none_or(|x| !x.is_empty()),
                "Value",
                v,
            )?;
        }
        if v >= 5 {
            w.bool(self.read_only);
        } else {
            absent(self.read_only, "ReadOnly", v)?;
        }
        if v >= 5 {
            w.i8(self.config_source);
        }
        if v >= 5 {
            w.bool(self.is_sensitive);
        } else {
            absent(self.is_sensitive, "IsSensitive", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
