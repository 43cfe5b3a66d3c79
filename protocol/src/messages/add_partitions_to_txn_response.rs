//! `AddPartitionsToTxnResponse`, a response of versions 0 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

impl Message for AddPartitionsToTxnResponse {
    const NAME: &'static str = "AddPartitionsToTxnResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 5;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        if v >= 4 {
            m.error_code = r.i16()?;
        }
        if v >= 4 {
            m.results_by_transaction = r.nested(f, 3, |r| AddPartitionsToTxnResult::read(r, v))?;
        }
        if v <= 3 {
            m.results_by_topic_v3_and_below =
                r.nested(f, 3, |r| AddPartitionsToTxnTopicResult::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        w.i32(self.throttle_time_ms);
        if v >= 4 {
            w.i16(self.error_code);
        }
        if v >= 4 {
            w.array(f, &self.results_by_transaction, |w, e| e.write(w, v))?;
        } else {
            absent(
                !self.results_by_transaction.is_empty(),
                "ResultsByTransaction",
                v,
            )?;
        }
        if v <= 3 {
            w.array(f, &self.results_by_topic_v3_and_below, |w, e| e.write(w, v))?;
        } else {
            absent(
                !self.results_by_topic_v3_and_below.is_empty(),
                "ResultsByTopicV3AndBelow",
                v,
            )?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnResult {
    pub transactional_id: Str,
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

impl AddPartitionsToTxnResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.transactional_id = r.str(f)?;
        }
        if v >= 4 {
            m.topic_results = r.nested(f, 3, |r| AddPartitionsToTxnTopicResult::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        if v >= 4 {
            w.str(f, &self.transactional_id)?;
        } else {
            absent(!self.transactional_id.is_empty(), "TransactionalId", v)?;
        }
        if v >= 4 {
            w.array(f, &self.topic_results, |w, e| e.write(w, v))?;
        } else {
            absent(!self.topic_results.is_empty(), "TopicResults", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnTopicResult {
    pub name: Str,
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

impl AddPartitionsToTxnTopicResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.results_by_partition =
            r.array(f, 6, |r| AddPartitionsToTxnPartitionResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.str(f, &self.name)?;
        w.array(f, &self.results_by_partition, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnPartitionResult {
    pub partition_index: i32,
    pub partition_error_code: i16,
}

impl AddPartitionsToTxnPartitionResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.partition_error_code = r.i16()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.i32(self.partition_index);
        w.i16(self.partition_error_code);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
