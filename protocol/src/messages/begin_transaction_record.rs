//! `BeginTransactionRecord`, a record of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct BeginTransactionRecord {
    pub name: Option<Str>,
}

impl Message for BeginTransactionRecord {
    const NAME: &'static str = "BeginTransactionRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        r.tags(|r, tag| {
            match tag {
                0 => m.name = r.str_null(true)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let t0 = self.name.is_some();
        w.uvarint(u32::from(t0));
        if t0 {
            w.tag(0, |w| {
                w.str_null(true, &self.name)?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl BeginTransactionRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 23;
}
