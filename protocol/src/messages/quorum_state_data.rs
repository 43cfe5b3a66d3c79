//! `QuorumStateData`, a payload of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct QuorumStateData {
    pub cluster_id: Str,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub voted_id: i32,
    pub voted_directory_id: Uuid,
    pub applied_offset: i64,
    pub current_voters: Option<Vec<Voter>>,
}

impl Default for QuorumStateData {
    fn default() -> Self {
        QuorumStateData {
            cluster_id: Str::default(),
            leader_id: -1,
            leader_epoch: -1,
            voted_id: -1,
            voted_directory_id: Uuid::ZERO,
            applied_offset: 0,
            current_voters: Some(Vec::new()),
        }
    }
}

impl Message for QuorumStateData {
    const NAME: &'static str = "QuorumStateData";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        if v <= 0 {
            m.cluster_id = r.str(true)?;
        }
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.voted_id = r.i32()?;
        if v >= 1 {
            m.voted_directory_id = r.uuid()?;
        }
        if v <= 0 {
            m.applied_offset = r.i64()?;
        }
        if v <= 0 {
            m.current_voters = r.array_null(true, 5, |r| Voter::read(r, v))?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        if v <= 0 {
            w.str(true, &self.cluster_id)?;
        } else {
            absent(!self.cluster_id.is_empty(), "ClusterId", v)?;
        }
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.i32(self.voted_id);
        if v >= 1 {
            w.uuid(self.voted_directory_id);
        } else {
            absent(self.voted_directory_id != Uuid::ZERO, "VotedDirectoryId", v)?;
        }
        if v <= 0 {
            w.i64(self.applied_offset);
        } else {
            absent(self.applied_offset != 0, "AppliedOffset", v)?;
        }
        if v <= 0 {
            w.array_null(true, &self.current_voters, |w, e| e.write(w, v))?;
        } else {
            absent(
                self.current_voters.as_ref().is_none_or(|x| !x.is_empty()),
                "CurrentVoters",
                v,
            )?;
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Voter {
    pub voter_id: i32,
}

impl Voter {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v <= 0 {
            m.voter_id = r.i32()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        if v <= 0 {
            w.i32(self.voter_id);
        } else {
            absent(self.voter_id != 0, "VoterId", v)?;
        }
        w.u8(0);
        Ok(())
    }
}
