//! `AlterClientQuotasRequest`, a request of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Request, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<EntryData>,
    pub validate_only: bool,
}

impl Message for AlterClientQuotasRequest {
    const NAME: &'static str = "AlterClientQuotasRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(1);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 1;
        let mut m = Self::default();
        m.entries = r.nested(f, 3, |r| EntryData::read(r, v))?;
        m.validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 1;
        w.array(f, &self.entries, |w, e| e.write(w, v))?;
        w.bool(self.validate_only);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct EntryData {
    pub entity: Vec<EntityData>,
    pub ops: Vec<OpData>,
}

impl EntryData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.entity = r.array(f, 3, |r| EntityData::read(r, v))?;
        m.ops = r.array(f, 11, |r| OpData::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.array(f, &self.entity, |w, e| e.write(w, v))?;
        w.array(f, &self.ops, |w, e| e.write(w, v))?;
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

#[derive(Clone, Debug, PartialEq, Default)]
pub struct OpData {
    pub key: Str,
    pub value: f64,
    pub remove: bool,
}

impl OpData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.key = r.str(f)?;
        m.value = r.f64()?;
        m.remove = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.str(f, &self.key)?;
        w.f64(self.value);
        w.bool(self.remove);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for AlterClientQuotasRequest {
    type Response = super::AlterClientQuotasResponse;
    const KEY: ApiKey = ApiKey::AlterClientQuotas;
}
