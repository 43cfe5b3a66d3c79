//! `LeaveGroupResponse`, a response of versions 0 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct LeaveGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub members: Vec<MemberResponse>,
}

impl Message for LeaveGroupResponse {
    const NAME: &'static str = "LeaveGroupResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 5;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        if v >= 3 {
            m.members = r.array(f, 5, |r| MemberResponse::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
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

#[derive(Clone, Debug, PartialEq)]
pub struct MemberResponse {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub error_code: i16,
}

impl Default for MemberResponse {
    fn default() -> Self {
        MemberResponse {
            member_id: Str::default(),
            group_instance_id: Some(Str::default()),
            error_code: 0,
        }
    }
}

impl MemberResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        if v >= 3 {
            m.member_id = r.str(f)?;
        }
        if v >= 3 {
            m.group_instance_id = r.str_null(f)?;
        }
        if v >= 3 {
            m.error_code = r.i16()?;
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
            absent(
                self.group_instance_id
                    .as_ref()
                    .is_none_or(|x| !x.is_empty()),
                "GroupInstanceId",
                v,
            )?;
        }
        if v >= 3 {
            w.i16(self.error_code);
        } else {
            absent(self.error_code != 0, "ErrorCode", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
