//! `TopicRecord`, a record of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicRecord {
    pub name: Str,
    pub topic_id: Uuid,
}

impl Message for TopicRecord {
    const NAME: &'static str = "TopicRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.topic_id = r.uuid()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.str(true, &self.name)?;
        w.uuid(self.topic_id);
        w.u8(0);
        Ok(())
    }
}

impl TopicRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 2;
}
