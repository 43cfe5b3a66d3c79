//! `StreamsGroupCurrentMemberAssignmentValue`, a record value of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct StreamsGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub active_tasks: Vec<TaskIds>,
    pub standby_tasks: Vec<TaskIds>,
    pub warmup_tasks: Vec<TaskIds>,
    pub active_tasks_pending_revocation: Vec<TaskIds>,
    pub standby_tasks_pending_revocation: Vec<TaskIds>,
    pub warmup_tasks_pending_revocation: Vec<TaskIds>,
}

impl Message for StreamsGroupCurrentMemberAssignmentValue {
    const NAME: &'static str = "StreamsGroupCurrentMemberAssignmentValue";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.member_epoch = r.i32()?;
        m.previous_member_epoch = r.i32()?;
        m.state = r.i8()?;
        m.active_tasks = r.nested(true, 3, |r| TaskIds::read(r, v))?;
        m.standby_tasks = r.nested(true, 3, |r| TaskIds::read(r, v))?;
        m.warmup_tasks = r.nested(true, 3, |r| TaskIds::read(r, v))?;
        m.active_tasks_pending_revocation = r.nested(true, 3, |r| TaskIds::read(r, v))?;
        m.standby_tasks_pending_revocation = r.nested(true, 3, |r| TaskIds::read(r, v))?;
        m.warmup_tasks_pending_revocation = r.nested(true, 3, |r| TaskIds::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.member_epoch);
        w.i32(self.previous_member_epoch);
        w.i8(self.state);
        w.array(true, &self.active_tasks, |w, e| e.write(w, v))?;
        w.array(true, &self.standby_tasks, |w, e| e.write(w, v))?;
        w.array(true, &self.warmup_tasks, |w, e| e.write(w, v))?;
        w.array(true, &self.active_tasks_pending_revocation, |w, e| {
            e.write(w, v)
        })?;
        w.array(true, &self.standby_tasks_pending_revocation, |w, e| {
            e.write(w, v)
        })?;
        w.array(true, &self.warmup_tasks_pending_revocation, |w, e| {
            e.write(w, v)
        })?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TaskIds {
    pub subtopology_id: Str,
    pub partitions: Vec<i32>,
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Default for TaskIds {
    fn default() -> Self {
        TaskIds {
            subtopology_id: Str::default(),
            partitions: Vec::new(),
            assignment_epochs: Some(Vec::new()),
        }
    }
}

impl TaskIds {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.subtopology_id = r.str(true)?;
        m.partitions = r.array(true, 4, Reader::i32)?;
        r.tags(|r, tag| {
            match tag {
                0 => m.assignment_epochs = r.array_null(true, 4, Reader::i32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.subtopology_id)?;
        w.array(true, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        let t0 = self
            .assignment_epochs
            .as_ref()
            .is_none_or(|x| !x.is_empty());
        w.uvarint(u32::from(t0));
        if t0 {
            w.tag(0, |w| {
                w.array_null(true, &self.assignment_epochs, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl StreamsGroupCurrentMemberAssignmentValue {
    /// The type of record in its key, before the key's fields.
    pub const KEY_TYPE: i16 = 22;
}
