//! `FindCoordinatorRequest`, a request of versions 0 to 6: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FindCoordinatorRequest {
    pub key: Str,
    pub key_type: i8,
    pub coordinator_keys: Vec<Str>,
}

impl Message for FindCoordinatorRequest {
    const NAME: &'static str = "FindCoordinatorRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 6;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        if v <= 3 {
            m.key = r.str(f)?;
        }
        if v >= 1 {
            m.key_type = r.i8()?;
        }
        if v >= 4 {
            m.coordinator_keys = r.array(f, 1, |r| r.str(f))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        if v <= 3 {
            w.str(f, &self.key)?;
        } else {
            absent(!self.key.is_empty(), "Key", v)?;
        }
        if v >= 1 {
            w.i8(self.key_type);
        } else {
            absent(self.key_type != 0, "KeyType", v)?;
        }
        if v >= 4 {
            w.array(f, &self.coordinator_keys, |w, e| w.str(f, e))?;
        } else {
            absent(!self.coordinator_keys.is_empty(), "CoordinatorKeys", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for FindCoordinatorRequest {
    type Response = super::FindCoordinatorResponse;
    const KEY: ApiKey = ApiKey::FindCoordinator;
}
