//! `ClientQuotaRecord`, a record of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClientQuotaRecord {
    pub entity: Vec<EntityData>,
    pub key: Str,
    pub value: f64,
    pub remove: bool,
}

impl Message for ClientQuotaRecord {
    const NAME: &'static str = "ClientQuotaRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.entity = r.array(true, 3, |r| EntityData::read(r, v))?;
        m.key = r.str(true)?;
        m.value = r.f64()?;
        m.remove = r.bool()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.array(true, &self.entity, |w, e| e.write(w, v))?;
        w.str(true, &self.key)?;
        w.f64(self.value);
        w.bool(self.remove);
        w.u8(0);
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
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.entity_type = r.str(true)?;
        m.entity_name = r.str_null(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.entity_type)?;
        w.str_null(true, &self.entity_name)?;
        w.u8(0);
        Ok(())
    }
}

impl ClientQuotaRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 14;
}
