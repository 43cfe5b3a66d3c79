//! `SyncGroupRequest`, a request of versions 0 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct SyncGroupRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Message for SyncGroupRequest {
    const NAME: &'static str = "SyncGroupRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 5;
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
        if v >= 5 {
            m.protocol_type = r.str_null(f)?;
        }
        if v >= 5 {
            m.protocol_name = r.str_null(f)?;
        }
        m.assignments = r.array(f, 3, |r| SyncGroupRequestAssignment::read(r, v))?;
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
        if v >= 5 {
            w.str_null(f, &self.protocol_type)?;
        }
        if v >= 5 {
            w.str_null(f, &self.protocol_name)?;
        }
        w.array(f, &self.assignments, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct SyncGroupRequestAssignment {
    pub member_id: Str,
    pub assignment: Bytes,
}

impl SyncGroupRequestAssignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        m.member_id = r.str(f)?;
        m.assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.str(f, &self.member_id)?;
        w.bytes(f, &self.assignment)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for SyncGroupRequest {
    type Response = super::SyncGroupResponse;
    const KEY: ApiKey = ApiKey::SyncGroup;
}
