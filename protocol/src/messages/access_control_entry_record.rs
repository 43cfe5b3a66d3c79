//! `AccessControlEntryRecord`, a record of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AccessControlEntryRecord {
    pub id: Uuid,
    pub resource_type: i8,
    pub resource_name: Str,
    pub pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Message for AccessControlEntryRecord {
    const NAME: &'static str = "AccessControlEntryRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.id = r.uuid()?;
        m.resource_type = r.i8()?;
        m.resource_name = r.str(true)?;
        m.pattern_type = r.i8()?;
        m.principal = r.str(true)?;
        m.host = r.str(true)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.uuid(self.id);
        w.i8(self.resource_type);
        w.str(true, &self.resource_name)?;
        w.i8(self.pattern_type);
        w.str(true, &self.principal)?;
        w.str(true, &self.host)?;
        w.i8(self.operation);
        w.i8(self.permission_type);
        w.u8(0);
        Ok(())
    }
}

impl AccessControlEntryRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 18;
}
