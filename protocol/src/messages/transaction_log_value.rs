//! `TransactionLogValue`, a record value of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    pub previous_producer_id: i64,
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        TransactionLogValue {
            producer_id: 0,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: 0,
            next_producer_epoch: -1,
            transaction_timeout_ms: 0,
            transaction_status: 0,
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: 0,
            transaction_start_timestamp_ms: 0,
            client_transaction_version: 0,
        }
    }
}

impl Message for TransactionLogValue {
    const NAME: &'static str = "TransactionLogValue";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(1);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 1;
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.transaction_timeout_ms = r.i32()?;
        m.transaction_status = r.i8()?;
        m.transaction_partitions = r.nested_null(f, 3, |r| PartitionsSchema::read(r, v))?;
        m.transaction_last_update_timestamp_ms = r.i64()?;
        m.transaction_start_timestamp_ms = r.i64()?;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 1 => m.previous_producer_id = r.i64()?,
                    1 if v >= 1 => m.next_producer_id = r.i64()?,
                    2 if v >= 1 => m.client_transaction_version = r.i16()?,
                    3 if v >= 1 => m.next_producer_epoch = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 1;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.i32(self.transaction_timeout_ms);
        w.i8(self.transaction_status);
        w.array_null(f, &self.transaction_partitions, |w, e| e.write(w, v))?;
        w.i64(self.transaction_last_update_timestamp_ms);
        w.i64(self.transaction_start_timestamp_ms);
        let t0 = v >= 1 && self.previous_producer_id != -1;
        absent(
            !t0 && self.previous_producer_id != -1,
            "PreviousProducerId",
            v,
        )?;
        let t1 = v >= 1 && self.next_producer_id != -1;
        absent(!t1 && self.next_producer_id != -1, "NextProducerId", v)?;
        let t2 = v >= 1 && self.client_transaction_version != 0;
        absent(
            !t2 && self.client_transaction_version != 0,
            "ClientTransactionVersion",
            v,
        )?;
        let t3 = v >= 1 && self.next_producer_epoch != -1;
        absent(
            !t3 && self.next_producer_epoch != -1,
            "NextProducerEpoch",
            v,
        )?;
        if f {
            w.uvarint(u32::from(t0) + u32::from(t1) + u32::from(t2) + u32::from(t3));
            if t0 {
                w.tag(0, |w| {
                    w.i64(self.previous_producer_id);
                    Ok(())
                })?;
            }
            if t1 {
                w.tag(1, |w| {
                    w.i64(self.next_producer_id);
                    Ok(())
                })?;
            }
            if t2 {
                w.tag(2, |w| {
                    w.i16(self.client_transaction_version);
                    Ok(())
                })?;
            }
            if t3 {
                w.tag(3, |w| {
                    w.i16(self.next_producer_epoch);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct PartitionsSchema {
    pub topic: Str,
    pub partition_ids: Vec<i32>,
}

impl PartitionsSchema {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let mut m = Self::default();
        m.topic = r.str(f)?;
        m.partition_ids = r.array(f, 4, Reader::i32)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.str(f, &self.topic)?;
        w.array(f, &self.partition_ids, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl TransactionLogValue {
    /// The type of record in its key, before the key's fields.
    pub const KEY_TYPE: i16 = 0;
}
