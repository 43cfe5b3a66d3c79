//! `JoinGroupResponse`, a response of versions 0 to 9: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub generation_id: i32,
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub leader: Str,
    pub skip_assignment: bool,
    pub member_id: Str,
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        JoinGroupResponse {
            throttle_time_ms: 0,
            error_code: 0,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(Str::default()),
            leader: Str::default(),
            skip_assignment: false,
            member_id: Str::default(),
            members: Vec::new(),
        }
    }
}

impl Message for JoinGroupResponse {
    const NAME: &'static str = "JoinGroupResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 9;
    const FLEXIBLE_FROM: Option<i16> = Some(6);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 6;
        let mut m = Self::default();
        if v >= 2 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        m.generation_id = r.i32()?;
        if v >= 7 {
            m.protocol_type = r.str_null(f)?;
        }
        m.protocol_name = if v >= 7 {
            r.str_null(f)?
        } else {
            Some(r.str(f)?)
        };
        m.leader = r.str(f)?;
        if v >= 9 {
            m.skip_assignment = r.bool()?;
        }
        m.member_id = r.str(f)?;
        m.members = r.array(f, 4, |r| JoinGroupResponseMember::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 6;
        if v >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
        w.i32(self.generation_id);
        if v >= 7 {
            w.str_null(f, &self.protocol_type)?;
        }
        if v < 7 && self.protocol_name.is_none() {
            return Err(EncodeError::UnexpectedNull);
        }
        w.str_null(f, &self.protocol_name)?;
        w.str(f, &self.leader)?;
        if v >= 9 {
            w.bool(self.skip_assignment);
        } else {
            absent(self.skip_assignment, "SkipAssignment", v)?;
        }
        w.str(f, &self.member_id)?;
        w.array(f, &self.members, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct JoinGroupResponseMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub metadata: Bytes,
}

impl JoinGroupResponseMember {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        m.member_id = r.str(f)?;
        if v >= 5 {
            m.group_instance_id = r.str_null(f)?;
        }
        m.metadata = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.str(f, &self.member_id)?;
        if v >= 5 {
            w.str_null(f, &self.group_instance_id)?;
        }
        w.bytes(f, &self.metadata)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
