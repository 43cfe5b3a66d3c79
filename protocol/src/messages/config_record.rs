//! `ConfigRecord`, a record of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigRecord {
    pub resource_type: i8,
    pub resource_name: Str,
    pub name: Str,
    pub value: Option<Str>,
}

impl Default for ConfigRecord {
    fn default() -> Self {
        ConfigRecord {
            resource_type: 0,
            resource_name: Str::default(),
            name: Str::default(),
            value: Some(Str::default()),
        }
    }
}

impl Message for ConfigRecord {
    const NAME: &'static str = "ConfigRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = r.str(true)?;
        m.name = r.str(true)?;
        m.value = r.str_null(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i8(self.resource_type);
        w.str(true, &self.resource_name)?;
        w.str(true, &self.name)?;
        w.str_null(true, &self.value)?;
        w.u8(0);
        Ok(())
    }
}

impl ConfigRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 4;
}
