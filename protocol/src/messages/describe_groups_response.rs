//! `DescribeGroupsResponse`, a response of versions 0 to 6: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribeGroupsResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for DescribeGroupsResponse {
    const NAME: &'static str = "DescribeGroupsResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 6;
    const FLEXIBLE_FROM: Option<i16> = Some(5);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 5;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.groups = r.nested(f, 12, |r| DescribedGroup::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 5;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.array(f, &self.groups, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub protocol_type: Str,
    pub protocol_data: Str,
    pub members: Vec<DescribedGroupMember>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        DescribedGroup {
            error_code: 0,
            error_message: None,
            group_id: Str::default(),
            group_state: Str::default(),
            protocol_type: Str::default(),
            protocol_data: Str::default(),
            members: Vec::new(),
            authorized_operations: -2147483648,
        }
    }
}

impl DescribedGroup {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        if v >= 6 {
            m.error_message = r.str_null(f)?;
        }
        m.group_id = r.str(f)?;
        m.group_state = r.str(f)?;
        m.protocol_type = r.str(f)?;
        m.protocol_data = r.str(f)?;
        m.members = r.array(f, 7, |r| DescribedGroupMember::read(r, v))?;
        if v >= 3 {
            m.authorized_operations = r.i32()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.i16(self.error_code);
        if v >= 6 {
            w.str_null(f, &self.error_message)?;
        } else {
            absent(self.error_message.is_some(), "ErrorMessage", v)?;
        }
        w.str(f, &self.group_id)?;
        w.str(f, &self.group_state)?;
        w.str(f, &self.protocol_type)?;
        w.str(f, &self.protocol_data)?;
        w.array(f, &self.members, |w, e| e.write(w, v))?;
        if v >= 3 {
            w.i32(self.authorized_operations);
        } else {
            absent(
                self.authorized_operations != -2147483648,
                "AuthorizedOperations",
                v,
            )?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribedGroupMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl DescribedGroupMember {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let mut m = Self::default();
        m.member_id = r.str(f)?;
        if v >= 4 {
            m.group_instance_id = r.str_null(f)?;
        }
        m.client_id = r.str(f)?;
        m.client_host = r.str(f)?;
        m.member_metadata = r.bytes(f)?;
        m.member_assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.str(f, &self.member_id)?;
        if v >= 4 {
            w.str_null(f, &self.group_instance_id)?;
        }
        w.str(f, &self.client_id)?;
        w.str(f, &self.client_host)?;
        w.bytes(f, &self.member_metadata)?;
        w.bytes(f, &self.member_assignment)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
