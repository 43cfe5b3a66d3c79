//! `PartitionRecord`, a record of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Uuid;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub leader: i32,
    pub leader_recovery_state: i8,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub directories: Vec<Uuid>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Default for PartitionRecord {
    fn default() -> Self {
        PartitionRecord {
            partition_id: -1,
            topic_id: Uuid::ZERO,
            replicas: Vec::new(),
            isr: Vec::new(),
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            leader: -1,
            leader_recovery_state: 0,
            leader_epoch: -1,
            partition_epoch: -1,
            directories: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }
}

impl Message for PartitionRecord {
    const NAME: &'static str = "PartitionRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.partition_id = r.i32()?;
        m.topic_id = r.uuid()?;
        m.replicas = r.array(true, 4, Reader::i32)?;
        m.isr = r.array(true, 4, Reader::i32)?;
        m.removing_replicas = r.array(true, 4, Reader::i32)?;
        m.adding_replicas = r.array(true, 4, Reader::i32)?;
        m.leader = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.partition_epoch = r.i32()?;
        if v >= 1 {
            m.directories = r.array(true, 16, Reader::uuid)?;
        }
        r.tags(|r, tag| {
            match tag {
                0 => m.leader_recovery_state = r.i8()?,
                1 if v >= 2 => m.eligible_leader_replicas = r.array_null(true, 4, Reader::i32)?,
                2 if v >= 2 => m.last_known_elr = r.array_null(true, 4, Reader::i32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.partition_id);
        w.uuid(self.topic_id);
        w.array(true, &self.replicas, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.array(true, &self.isr, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.array(true, &self.removing_replicas, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.array(true, &self.adding_replicas, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.i32(self.leader);
        w.i32(self.leader_epoch);
        w.i32(self.partition_epoch);
        if v >= 1 {
            w.array(true, &self.directories, |w, e| {
                w.uuid(*e);
                Ok(())
            })?;
        } else {
            absent(!self.directories.is_empty(), "Directories", v)?;
        }
        let t0 = self.leader_recovery_state != 0;
        let t1 = v >= 2 && self.eligible_leader_replicas.is_some();
        absent(
            !t1 && self.eligible_leader_replicas.is_some(),
            "EligibleLeaderReplicas",
            v,
        )?;
        let t2 = v >= 2 && self.last_known_elr.is_some();
        absent(!t2 && self.last_known_elr.is_some(), "LastKnownElr", v)?;
        w.uvarint(u32::from(t0) + u32::from(t1) + u32::from(t2));
        if t0 {
            w.tag(0, |w| {
                w.i8(self.leader_recovery_state);
                Ok(())
            })?;
        }
        if t1 {
            w.tag(1, |w| {
                w.array_null(true, &self.eligible_leader_replicas, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t2 {
            w.tag(2, |w| {
                w.array_null(true, &self.last_known_elr, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl PartitionRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 3;
}
