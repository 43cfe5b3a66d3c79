//! `LeaveGroupRequest`, a request of versions 0 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct LeaveGroupRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub members: Vec<MemberIdentity>,
}

impl Message for LeaveGroupRequest {
    const NAME: &'static str = "LeaveGroupRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 5;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        m.group_id = r.str(f)?;
        if v <= 2 {
            m.member_id = r.str(f)?;
        }
        if v >= 3 {
            m.members = r.array(f, 3, |r| MemberIdentity::read(r, v))?;
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
        if v <= 2 {
            w.str(f, &self.member_id)?;
        } else {
            absent(!self.member_id.is_empty(), "MemberId", v)?;
        }
        if v >= 3 {
            w.array(f, &self.members, |w, e| e.write(w, v))?;
        } else {
            absent(!self.members.is_empty(), "Members", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct MemberIdentity {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub reason: Option<Str>,
}

impl MemberIdentity {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        if v >= 3 {
            m.member_id = r.str(f)?;
        }
        if v >= 3 {
            m.group_instance_id = r.str_null(f)?;
        }
        if v >= 5 {
            m.reason = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        if v >= 3 {
            w.str(f, &self.member_id)?;
        } else {
            absent(!self.member_id.is_empty(), "MemberId", v)?;
        }
        if v >= 3 {
            w.str_null(f, &self.group_instance_id)?;
        } else {
            absent(self.group_instance_id.is_some(), "GroupInstanceId", v)?;
        }
        if v >= 5 {
            w.str_null(f, &self.reason)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for LeaveGroupRequest {
    type Response = super::LeaveGroupResponse;
    const KEY: ApiKey = ApiKey::LeaveGroup;
}
