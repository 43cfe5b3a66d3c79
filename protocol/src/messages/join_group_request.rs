//! `JoinGroupRequest`, a request of versions 0 to 9: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: Str,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub protocol_type: Str,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    pub reason: Option<Str>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        JoinGroupRequest {
            group_id: Str::default(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: Str::default(),
            group_instance_id: None,
            protocol_type: Str::default(),
            protocols: Vec::new(),
            reason: None,
        }
    }
}

impl Message for JoinGroupRequest {
    const NAME: &'static str = "JoinGroupRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 9;
    const FLEXIBLE_FROM: Option<i16> = Some(6);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 6;
        let mut m = Self::default();
        m.group_id = r.str(f)?;
        m.session_timeout_ms = r.i32()?;
        if v >= 1 {
            m.rebalance_timeout_ms = r.i32()?;
        }
        m.member_id = r.str(f)?;
        if v >= 5 {
            m.group_instance_id = r.str_null(f)?;
        }
        m.protocol_type = r.str(f)?;
        m.protocols = r.array(f, 3, |r| JoinGroupRequestProtocol::read(r, v))?;
        if v >= 8 {
            m.reason = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 6;
        w.str(f, &self.group_id)?;
        w.i32(self.session_timeout_ms);
        if v >= 1 {
            w.i32(self.rebalance_timeout_ms);
        }
        w.str(f, &self.member_id)?;
        if v >= 5 {
            w.str_null(f, &self.group_instance_id)?;
        } else {
            absent(self.group_instance_id.is_some(), "GroupInstanceId", v)?;
        }
        w.str(f, &self.protocol_type)?;
        w.array(f, &self.protocols, |w, e| e.write(w, v))?;
        if v >= 8 {
            w.str_null(f, &self.reason)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct JoinGroupRequestProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

impl JoinGroupRequestProtocol {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.metadata = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.str(f, &self.name)?;
        w.bytes(f, &self.metadata)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for JoinGroupRequest {
    type Response = super::JoinGroupResponse;
    const KEY: ApiKey = ApiKey::JoinGroup;
}
