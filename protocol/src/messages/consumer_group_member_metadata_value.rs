//! `ConsumerGroupMemberMetadataValue`, a record value of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Str>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        ConsumerGroupMemberMetadataValue {
            instance_id: Some(Str::default()),
            rack_id: Some(Str::default()),
            client_id: Str::default(),
            client_host: Str::default(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: Some(Str::default()),
            rebalance_timeout_ms: -1,
            server_assignor: Some(Str::default()),
            classic_member_metadata: Some(ClassicMemberMetadata::default()),
        }
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const NAME: &'static str = "ConsumerGroupMemberMetadataValue";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.instance_id = r.str_null(true)?;
        m.rack_id = r.str_null(true)?;
        m.client_id = r.str(true)?;
        m.client_host = r.str(true)?;
        m.subscribed_topic_names = r.array(true, 1, |r| r.str(true))?;
        m.subscribed_topic_regex = r.str_null(true)?;
        m.rebalance_timeout_ms = r.i32()?;
        m.server_assignor = r.str_null(true)?;
        r.tags(|r, tag| {
            match tag {
                0 => {
                    m.classic_member_metadata = if r.present_tagged()? {
                        Some(ClassicMemberMetadata::read(r, v)?)
                    } else {
                        None
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.str_null(true, &self.instance_id)?;
        w.str_null(true, &self.rack_id)?;
        w.str(true, &self.client_id)?;
        w.str(true, &self.client_host)?;
        w.array(true, &self.subscribed_topic_names, |w, e| w.str(true, e))?;
        w.str_null(true, &self.subscribed_topic_regex)?;
        w.i32(self.rebalance_timeout_ms);
        w.str_null(true, &self.server_assignor)?;
        let t0 = self.classic_member_metadata.as_ref() != Some(&ClassicMemberMetadata::default());
        w.uvarint(u32::from(t0));
        if t0 {
            w.tag(0, |w| {
                w.present_tagged(self.classic_member_metadata.is_some());
                if let Some(x) = &self.classic_member_metadata {
                    x.write(w, v)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

impl ClassicMemberMetadata {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.session_timeout_ms = r.i32()?;
        m.supported_protocols = r.array(true, 3, |r| ClassicProtocol::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.session_timeout_ms);
        w.array(true, &self.supported_protocols, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClassicProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

impl ClassicProtocol {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.metadata = r.bytes(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.bytes(true, &self.metadata)?;
        w.u8(0);
        Ok(())
    }
}

impl ConsumerGroupMemberMetadataValue {
    /// The type of record in its key, before the key's fields.
    pub const KEY_TYPE: i16 = 5;
}
