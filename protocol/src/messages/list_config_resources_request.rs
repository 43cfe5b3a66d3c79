//! `ListConfigResourcesRequest`, a request of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListConfigResourcesRequest {
    pub resource_types: Vec<i8>,
}

impl Message for ListConfigResourcesRequest {
    const NAME: &'static str = "ListConfigResourcesRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        if v >= 1 {
            m.resource_types = r.array(true, 1, Reader::i8)?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        if v >= 1 {
            w.array(true, &self.resource_types, |w, e| {
                w.i8(*e);
                Ok(())
            })?;
        } else {
            absent(!self.resource_types.is_empty(), "ResourceTypes", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

impl Request for ListConfigResourcesRequest {
    type Response = super::ListConfigResourcesResponse;
    const KEY: ApiKey = ApiKey::ListConfigResources;
}
