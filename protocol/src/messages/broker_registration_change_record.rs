//! `BrokerRegistrationChangeRecord`, a record of versions 0 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Uuid;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct BrokerRegistrationChangeRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub fenced: i8,
    pub in_controlled_shutdown: i8,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Message for BrokerRegistrationChangeRecord {
    const NAME: &'static str = "BrokerRegistrationChangeRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.broker_epoch = r.i64()?;
        r.tags(|r, tag| {
            match tag {
                0 => m.fenced = r.i8()?,
                1 if v >= 1 => m.in_controlled_shutdown = r.i8()?,
                2 if v >= 2 => m.log_dirs = r.array(true, 16, Reader::uuid)?,
                3 if v >= 3 => m.cordoned_log_dirs = r.array_null(true, 16, Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        let t0 = self.fenced != 0;
        let t1 = v >= 1 && self.in_controlled_shutdown != 0;
        absent(
            !t1 && self.in_controlled_shutdown != 0,
            "InControlledShutdown",
            v,
        )?;
        let t2 = v >= 2 && !self.log_dirs.is_empty();
        absent(!t2 && !self.log_dirs.is_empty(), "LogDirs", v)?;
        let t3 = v >= 3 && self.cordoned_log_dirs.is_some();
        absent(
            !t3 && self.cordoned_log_dirs.is_some(),
            "CordonedLogDirs",
            v,
        )?;
        w.uvarint(u32::from(t0) + u32::from(t1) + u32::from(t2) + u32::from(t3));
        if t0 {
            w.tag(0, |w| {
                w.i8(self.fenced);
                Ok(())
            })?;
        }
        if t1 {
            w.tag(1, |w| {
                w.i8(self.in_controlled_shutdown);
                Ok(())
            })?;
        }
        if t2 {
            w.tag(2, |w| {
                w.array(true, &self.log_dirs, |w, e| {
                    w.uuid(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t3 {
            w.tag(3, |w| {
                w.array_null(true, &self.cordoned_log_dirs, |w, e| {
                    w.uuid(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl BrokerRegistrationChangeRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 17;
}
