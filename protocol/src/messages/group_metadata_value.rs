//! `GroupMetadataValue`, a record value of versions 0 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct GroupMetadataValue {
    pub protocol_type: Str,
    pub generation: i32,
    pub protocol: Option<Str>,
    pub leader: Option<Str>,
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        GroupMetadataValue {
            protocol_type: Str::default(),
            generation: 0,
            protocol: Some(Str::default()),
            leader: Some(Str::default()),
            current_state_timestamp: -1,
            members: Vec::new(),
        }
    }
}

impl Message for GroupMetadataValue {
    const NAME: &'static str = "GroupMetadataValue";
    const MIN: i16 = 0;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(4);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 4;
        let mut m = Self::default();
        m.protocol_type = r.str(f)?;
        m.generation = r.i32()?;
        m.protocol = r.str_null(f)?;
        m.leader = r.str_null(f)?;
        if v >= 2 {
            m.current_state_timestamp = r.i64()?;
        }
        m.members = r.array(f, 15, |r| MemberMetadata::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 4;
        w.str(f, &self.protocol_type)?;
        w.i32(self.generation);
        w.str_null(f, &self.protocol)?;
        w.str_null(f, &self.leader)?;
        if v >= 2 {
            w.i64(self.current_state_timestamp);
        }
        w.array(f, &self.members, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberMetadata {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        MemberMetadata {
            member_id: Str::default(),
            group_instance_id: None,
            client_id: Str::default(),
            client_host: Str::default(),
            rebalance_timeout: -1,
            session_timeout: 0,
            subscription: Bytes::new(),
            assignment: Bytes::new(),
        }
    }
}

impl MemberMetadata {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let mut m = Self::default();
        m.member_id = r.str(f)?;
        if v >= 3 {
            m.group_instance_id = r.str_null(f)?;
        }
        m.client_id = r.str(f)?;
        m.client_host = r.str(f)?;
        if v >= 1 {
            m.rebalance_timeout = r.i32()?;
        }
        m.session_timeout = r.i32()?;
        m.subscription = r.bytes(f)?;
        m.assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.str(f, &self.member_id)?;
        if v >= 3 {
            w.str_null(f, &self.group_instance_id)?;
        }
        w.str(f, &self.client_id)?;
        w.str(f, &self.client_host)?;
        if v >= 1 {
            w.i32(self.rebalance_timeout);
        }
        w.i32(self.session_timeout);
        w.bytes(f, &self.subscription)?;
        w.bytes(f, &self.assignment)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl GroupMetadataValue {
    /// The type of record in its key, before the key's fields.
    pub const KEY_TYPE: i16 = 2;
}
