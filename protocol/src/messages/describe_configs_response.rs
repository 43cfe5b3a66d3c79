//! `DescribeConfigsResponse`, a response of versions 1 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DescribeConfigsResult>,
}

impl Message for DescribeConfigsResponse {
    const NAME: &'static str = "DescribeConfigsResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = r.nested(f, 7, |r| DescribeConfigsResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 4;
        w.i32(self.throttle_time_ms);
        w.array(f, &self.results, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResult {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<DescribeConfigsResourceResult>,
}

impl Default for DescribeConfigsResult {
    fn default() -> Self {
        DescribeConfigsResult {
            error_code: 0,
            error_message: Some(Str::default()),
            resource_type: 0,
            resource_name: Str::default(),
            configs: Vec::new(),
        }
    }
}

impl DescribeConfigsResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = r.str_null(f)?;
        m.resource_type = r.i8()?;
        m.resource_name = r.str(f)?;
        m.configs = r.nested(f, 9, |r| DescribeConfigsResourceResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.i16(self.error_code);
        w.str_null(f, &self.error_message)?;
        w.i8(self.resource_type);
        w.str(f, &self.resource_name)?;
        w.array(f, &self.configs, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResourceResult {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
    pub synonyms: Vec<DescribeConfigsSynonym>,
    pub config_type: i8,
    pub documentation: Option<Str>,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> Self {
        DescribeConfigsResourceResult {
            name: Str::default(),
            value: Some(Str::default()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
            synonyms: Vec::new(),
            config_type: 0,
            documentation: Some(Str::default()),
        }
    }
}

impl DescribeConfigsResourceResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.value = r.str_null(f)?;
        m.read_only = r.bool()?;
        m.config_source = r.i8()?;
        m.is_sensitive = r.bool()?;
        m.synonyms = r.array(f, 4, |r| DescribeConfigsSynonym::read(r, v))?;
        if v >= 3 {
            m.config_type = r.i8()?;
        }
        if v >= 3 {
            m.documentation = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.str(f, &self.name)?;
        w.str_null(f, &self.value)?;
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        w.array(f, &self.synonyms, |w, e| e.write(w, v))?;
        if v >= 3 {
            w.i8(self.config_type);
        }
        if v >= 3 {
            w.str_null(f, &self.documentation)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsSynonym {
    pub name: Str,
    pub value: Option<Str>,
    pub source: i8,
}

impl Default for DescribeConfigsSynonym {
    fn default() -> Self {
        DescribeConfigsSynonym {
            name: Str::default(),
            value: Some(Str::default()),
            source: 0,
        }
    }
}

impl DescribeConfigsSynonym {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.value = r.str_null(f)?;
        m.source = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.str(f, &self.name)?;
        w.str_null(f, &self.value)?;
        w.i8(self.source);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
