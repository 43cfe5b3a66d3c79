//! `StreamsGroupMetadataValue`, a record value of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
    pub validated_topology_epoch: i32,
    pub last_assignment_configs: Option<Vec<LastAssignmentConfig>>,
}

impl Default for StreamsGroupMetadataValue {
    fn default() -> Self {
        StreamsGroupMetadataValue {
            epoch: 0,
            metadata_hash: 0,
            validated_topology_epoch: -1,
            last_assignment_configs: Some(Vec::new()),
        }
    }
}

impl Message for StreamsGroupMetadataValue {
    const NAME: &'static str = "StreamsGroupMetadataValue";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.epoch = r.i32()?;
        m.metadata_hash = r.i64()?;
        r.tags(|r, tag| {
            match tag {
                0 => m.validated_topology_epoch = r.i32()?,
                1 => {
                    m.last_assignment_configs =
                        r.array_null(true, 3, |r| LastAssignmentConfig::read(r, v))?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.epoch);
        w.i64(self.metadata_hash);
        let t0 = self.validated_topology_epoch != -1;
        let t1 = self
            .last_assignment_configs
            .as_ref()
            .is_none_or(|x| !x.is_empty());
        w.uvarint(u32::from(t0) + u32::from(t1));
        if t0 {
            w.tag(0, |w| {
                w.i32(self.validated_topology_epoch);
                Ok(())
            })?;
        }
        if t1 {
            w.tag(1, |w| {
                w.array_null(true, &self.last_assignment_configs, |w, e| e.write(w, v))?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct LastAssignmentConfig {
    pub key: Str,
    pub value: Str,
}

impl LastAssignmentConfig {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.key = r.str(true)?;
        m.value = r.str(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.key)?;
        w.str(true, &self.value)?;
        w.u8(0);
        Ok(())
    }
}

impl StreamsGroupMetadataValue {
    /// The type of record in its key, before the key's fields.
    pub const KEY_TYPE: i16 = 17;
}
