//! `ListGroupsRequest`, a request of versions 0 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ListGroupsRequest {
    pub states_filter: Vec<Str>,
    pub types_filter: Vec<Str>,
}

impl Message for ListGroupsRequest {
    const NAME: &'static str = "ListGroupsRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 5;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.states_filter = r.array(f, 1, |r| r.str(f))?;
        }
        if v >= 5 {
            m.types_filter = r.array(f, 1, |r| r.str(f))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        if v >= 4 {
            w.array(f, &self.states_filter, |w, e| w.str(f, e))?;
        } else {
            absent(!self.states_filter.is_empty(), "StatesFilter", v)?;
        }
        if v >= 5 {
            w.array(f, &self.types_filter, |w, e| w.str(f, e))?;
        } else {
            absent(!self.types_filter.is_empty(), "TypesFilter", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for ListGroupsRequest {
    type Response = super::ListGroupsResponse;
    const KEY: ApiKey = ApiKey::ListGroups;
}
