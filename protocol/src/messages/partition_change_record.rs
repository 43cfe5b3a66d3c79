//! `PartitionChangeRecord`, a record of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Uuid;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionChangeRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub isr: Option<Vec<i32>>,
    pub leader: i32,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub leader_recovery_state: i8,
    pub directories: Option<Vec<Uuid>>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Default for PartitionChangeRecord {
    fn default() -> Self {
        PartitionChangeRecord {
            partition_id: -1,
            topic_id: Uuid::ZERO,
            isr: None,
            leader: -2,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: -1,
            directories: None,
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }
}

impl Message for PartitionChangeRecord {
    const NAME: &'static str = "PartitionChangeRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.partition_id = r.i32()?;
        m.topic_id = r.uuid()?;
        r.tags(|r, tag| {
            match tag {
                0 => m.isr = r.array_null(true, 4, Reader::i32)?,
                1 => m.leader = r.i32()?,
                2 => m.replicas = r.array_null(true, 4, Reader::i32)?,
                3 => m.removing_replicas = r.array_null(true, 4, Reader::i32)?,
                4 => m.adding_replicas = r.array_null(true, 4, Reader::i32)?,
                5 => m.leader_recovery_state = r.i8()?,
                6 if v >= 2 => m.eligible_leader_replicas = r.array_null(true, 4, Reader::i32)?,
                7 if v >= 2 => m.last_known_elr = r.array_null(true, 4, Reader::i32)?,
                8 if v >= 1 => m.directories = r.array_null(true, 16, Reader::uuid)?,
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
        let t0 = self.isr.is_some();
        let t1 = self.leader != -2;
        let t2 = self.replicas.is_some();
        let t3 = self.removing_replicas.is_some();
        let t4 = self.adding_replicas.is_some();
        let t5 = self.leader_recovery_state != -1;
        let t6 = v >= 2 && self.eligible_leader_replicas.is_some();
        absent(
            !t6 && self.eligible_leader_replicas.is_some(),
            "EligibleLeaderReplicas",
            v,
        )?;
        let t7 = v >= 2 && self.last_known_elr.is_some();
        absent(!t7 && self.last_known_elr.is_some(), "LastKnownElr", v)?;
        let t8 = v >= 1 && self.directories.is_some();
        absent(!t8 && self.directories.is_some(), "Directories", v)?;
        w.uvarint(
            u32::from(t0)
                + u32::from(t1)
                + u32::from(t2)
                + u32::from(t3)
                + u32::from(t4)
                + u32::from(t5)
                + u32::from(t6)
                + u32::from(t7)
                + u32::from(t8),
        );
        if t0 {
            w.tag(0, |w| {
                w.array_null(true, &self.isr, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t1 {
            w.tag(1, |w| {
                w.i32(self.leader);
                Ok(())
            })?;
        }
        if t2 {
            w.tag(2, |w| {
                w.array_null(true, &self.replicas, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t3 {
            w.tag(3, |w| {
                w.array_null(true, &self.removing_replicas, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t4 {
            w.tag(4, |w| {
                w.array_null(true, &self.adding_replicas, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t5 {
            w.tag(5, |w| {
                w.i8(self.leader_recovery_state);
                Ok(())
            })?;
        }
        if t6 {
            w.tag(6, |w| {
                w.array_null(true, &self.eligible_leader_replicas, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t7 {
            w.tag(7, |w| {
                w.array_null(true, &self.last_known_elr, |w, e| {
                    w.i32(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t8 {
            w.tag(8, |w| {
                w.array_null(true, &self.directories, |w, e| {
                    w.uuid(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl PartitionChangeRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 5;
}
