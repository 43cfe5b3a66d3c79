//! `ApiVersionsRequest`, a request of versions 0 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ApiVersionsRequest {
    pub client_software_name: Str,
    pub client_software_version: Str,
}

impl Message for ApiVersionsRequest {
    const NAME: &'static str = "ApiVersionsRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 3 {
            m.client_software_name = r.str(f)?;
        }
        if v >= 3 {
            m.client_software_version = r.str(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        if v >= 3 {
            w.str(f, &self.client_software_name)?;
        }
        if v >= 3 {
            w.str(f, &self.client_software_version)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for ApiVersionsRequest {
    type Response = super::ApiVersionsResponse;
    const KEY: ApiKey = ApiKey::ApiVersions;
}
