//! `AlterClientQuotasResponse`, a response of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<EntryData>,
}

impl Message for AlterClientQuotasResponse {
    const NAME: &'static str = "AlterClientQuotasResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(1);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 1;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.entries = r.nested(f, 5, |r| EntryData::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 1;
        w.i32(self.throttle_time_ms);
        w.array(f, &self.entries, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EntryData {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub entity: Vec<EntityData>,
}

impl Default for EntryData {
    fn default() -> Self {
        EntryData {
            error_code: 0,
            error_message: Some(Str::default()),
            entity: Vec::new(),
        }
    }
}

impl EntryData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = r.str_null(f)?;
        m.entity = r.array(f, 3, |r| EntityData::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.i16(self.error_code);
        w.str_null(f, &self.error_message)?;
        w.array(f, &self.entity, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EntityData {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl Default for EntityData {
    fn default() -> Self {
        EntityData {
            entity_type: Str::default(),
            entity_name: Some(Str::default()),
        }
    }
}

impl EntityData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.entity_type = r.str(f)?;
        m.entity_name = r.str_null(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.str(f, &self.entity_type)?;
        w.str_null(f, &self.entity_name)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
