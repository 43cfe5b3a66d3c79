//! `AlterConfigsRequest`, a request of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterConfigsRequest {
    pub resources: Vec<AlterConfigsResource>,
    pub validate_only: bool,
}

impl Message for AlterConfigsRequest {
    const NAME: &'static str = "AlterConfigsRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.resources = r.nested(f, 4, |r| AlterConfigsResource::read(r, v))?;
        m.validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.array(f, &self.resources, |w, e| e.write(w, v))?;
        w.bool(self.validate_only);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterConfigsResource {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<AlterableConfig>,
}

impl AlterConfigsResource {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = r.str(f)?;
        m.configs = r.array(f, 3, |r| AlterableConfig::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
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
pub struct AlterableConfig {
    pub name: Str,
    pub value: Option<Str>,
}

impl Default for AlterableConfig {
    fn default() -> Self {
        AlterableConfig {
            name: Str::default(),
            value: Some(Str::default()),
        }
    }
}

impl AlterableConfig {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.value = r.str_null(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.str(f, &self.name)?;
        w.str_null(f, &self.value)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for AlterConfigsRequest {
    type Response = super::AlterConfigsResponse;
    const KEY: ApiKey = ApiKey::AlterConfigs;
}
