//! `DescribeConfigsRequest`, a request of versions 1 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribeConfigsRequest {
    pub resources: Vec<DescribeConfigsResource>,
    pub include_synonyms: bool,
    pub include_documentation: bool,
}

impl Message for DescribeConfigsRequest {
    const NAME: &'static str = "DescribeConfigsRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        m.resources = r.nested(f, 4, |r| DescribeConfigsResource::read(r, v))?;
        m.include_synonyms = r.bool()?;
        if v >= 3 {
            m.include_documentation = r.bool()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 4;
        w.array(f, &self.resources, |w, e| e.write(w, v))?;
        w.bool(self.include_synonyms);
        if v >= 3 {
            w.bool(self.include_documentation);
        } else {
            absent(self.include_documentation, "IncludeDocumentation", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResource {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configuration_keys: Option<Vec<Str>>,
}

impl Default for DescribeConfigsResource {
    fn default() -> Self {
        DescribeConfigsResource {
            resource_type: 0,
            resource_name: Str::default(),
            configuration_keys: Some(Vec::new()),
        }
    }
}

impl DescribeConfigsResource {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = r.str(f)?;
        m.configuration_keys = r.array_null(f, 1, |r| r.str(f))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.i8(self.resource_type);
        w.str(f, &self.resource_name)?;
        w.array_null(f, &self.configuration_keys, |w, e| w.str(f, e))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for DescribeConfigsRequest {
    type Response = super::DescribeConfigsResponse;
    const KEY: ApiKey = ApiKey::DescribeConfigs;
}
