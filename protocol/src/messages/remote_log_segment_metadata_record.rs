//! `RemoteLogSegmentMetadataRecord`, a record of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct RemoteLogSegmentMetadataRecord {
    pub remote_log_segment_id: RemoteLogSegmentIdEntry,
    pub start_offset: i64,
    pub end_offset: i64,
    pub broker_id: i32,
    pub max_timestamp_ms: i64,
    pub event_timestamp_ms: i64,
    pub segment_leader_epochs: Vec<SegmentLeaderEpochEntry>,
    pub segment_size_in_bytes: i32,
    pub custom_metadata: Option<Bytes>,
    pub remote_log_segment_state: i8,
    pub txn_index_empty: bool,
}

impl Message for RemoteLogSegmentMetadataRecord {
    const NAME: &'static str = "RemoteLogSegmentMetadataRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.remote_log_segment_id = RemoteLogSegmentIdEntry::read(r, v)?;
        m.start_offset = r.i64()?;
        m.end_offset = r.i64()?;
        m.broker_id = r.i32()?;
        m.max_timestamp_ms = r.i64()?;
        m.event_timestamp_ms = r.i64()?;
        m.segment_leader_epochs = r.array(true, 13, |r| SegmentLeaderEpochEntry::read(r, v))?;
        m.segment_size_in_bytes = r.i32()?;
        m.custom_metadata = r.bytes_null(true)?;
        m.remote_log_segment_state = r.i8()?;
        r.tags(|r, tag| {
            match tag {
                0 => m.txn_index_empty = r.bool()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        self.remote_log_segment_id.write(w, v)?;
        w.i64(self.start_offset);
        w.i64(self.end_offset);
        w.i32(self.broker_id);
        w.i64(self.max_timestamp_ms);
        w.i64(self.event_timestamp_ms);
        w.array(true, &self.segment_leader_epochs, |w, e| e.write(w, v))?;
        w.i32(self.segment_size_in_bytes);
        w.bytes_null(true, &self.custom_metadata)?;
        w.i8(self.remote_log_segment_state);
        let t0 = self.txn_index_empty;
        w.uvarint(u32::from(t0));
        if t0 {
            w.tag(0, |w| {
                w.bool(self.txn_index_empty);
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct RemoteLogSegmentIdEntry {
    pub topic_id_partition: TopicIdPartitionEntry,
    pub id: Uuid,
}

impl RemoteLogSegmentIdEntry {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id_partition = TopicIdPartitionEntry::read(r, v)?;
        m.id = r.uuid()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        self.topic_id_partition.write(w, v)?;
        w.uuid(self.id);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct SegmentLeaderEpochEntry {
    pub leader_epoch: i32,
    pub offset: i64,
}

impl SegmentLeaderEpochEntry {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.leader_epoch = r.i32()?;
        m.offset = r.i64()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.i32(self.leader_epoch);
        w.i64(self.offset);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicIdPartitionEntry {
    pub name: Str,
    pub id: Uuid,
    pub partition: i32,
}

impl TopicIdPartitionEntry {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.id = r.uuid()?;
        m.partition = r.i32()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.uuid(self.id);
        w.i32(self.partition);
        w.u8(0);
        Ok(())
    }
}
