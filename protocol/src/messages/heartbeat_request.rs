//! `HeartbeatRequest`, a request of versions 0 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct HeartbeatRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
}

impl Message for HeartbeatRequest {
    const NAME: &'static str = "HeartbeatRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        m.group_id = r.str(f)?;
        m.generation_id = r.i32()?;
        m.member_id = r.str(f)?;
        if v >= 3 {
            m.group_instance_id = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 4;
        w.str(f, &self.group_id)?;
        w.i32(self.generation_id);
        w.str(f, &self.member_id)?;
        if v >= 3 {
            w.str_null(f, &self.group_instance_id)?;
        } else {
            absent(self.group_instance_id.is_some(), "GroupInstanceId", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for HeartbeatRequest {
    type Response = super::HeartbeatResponse;
    const KEY: ApiKey = ApiKey::Heartbeat;
}
