//! `AddPartitionsToTxnRequest`, a request of versions 0 to 5: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnRequest {
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    pub v3_and_below_transactional_id: Str,
    pub v3_and_below_producer_id: i64,
    pub v3_and_below_producer_epoch: i16,
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnRequest {
    const NAME: &'static str = "AddPartitionsToTxnRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 5;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.transactions = r.nested(f, 14, |r| AddPartitionsToTxnTransaction::read(r, v))?;
        }
        if v <= 3 {
            m.v3_and_below_transactional_id = r.str(f)?;
        }
        if v <= 3 {
            m.v3_and_below_producer_id = r.i64()?;
        }
        if v <= 3 {
            m.v3_and_below_producer_epoch = r.i16()?;
        }
        if v <= 3 {
            m.v3_and_below_topics = r.nested(f, 3, |r| AddPartitionsToTxnTopic::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        if v >= 4 {
            w.array(f, &self.transactions, |w, e| e.write(w, v))?;
        } else {
            absent(!self.transactions.is_empty(), "Transactions", v)?;
        }
        if v <= 3 {
            w.str(f, &self.v3_and_below_transactional_id)?;
        } else {
            absent(
                !self.v3_and_below_transactional_id.is_empty(),
                "V3AndBelowTransactionalId",
                v,
            )?;
        }
        if v <= 3 {
            w.i64(self.v3_and_below_producer_id);
        } else {
            absent(
                self.v3_and_below_producer_id != 0,
                "V3AndBelowProducerId",
                v,
            )?;
        }
        if v <= 3 {
            w.i16(self.v3_and_below_producer_epoch);
        } else {
            absent(
                self.v3_and_below_producer_epoch != 0,
                "V3AndBelowProducerEpoch",
                v,
            )?;
        }
        if v <= 3 {
            w.array(f, &self.v3_and_below_topics, |w, e| e.write(w, v))?;
        } else {
            absent(!self.v3_and_below_topics.is_empty(), "V3AndBelowTopics", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

impl AddPartitionsToTxnTransaction {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.transactional_id = r.str(f)?;
        }
        if v >= 4 {
            m.producer_id = r.i64()?;
        }
        if v >= 4 {
            m.producer_epoch = r.i16()?;
        }
        if v >= 4 {
            m.verify_only = r.bool()?;
        }
        if v >= 4 {
            m.topics = r.nested(f, 3, |r| AddPartitionsToTxnTopic::read(r, v))?;
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
            w.i64(self.producer_id);
        } else {
            absent(self.producer_id != 0, "ProducerId", v)?;
        }
        if v >= 4 {
            w.i16(self.producer_epoch);
        } else {
            absent(self.producer_epoch != 0, "ProducerEpoch", v)?;
        }
        if v >= 4 {
            w.bool(self.verify_only);
        } else {
            absent(self.verify_only, "VerifyOnly", v)?;
        }
        if v >= 4 {
            w.array(f, &self.topics, |w, e| e.write(w, v))?;
        } else {
            absent(!self.topics.is_empty(), "Topics", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddPartitionsToTxnTopic {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl AddPartitionsToTxnTopic {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        m.name = r.str(f)?;
        m.partitions = r.array(f, 4, Reader::i32)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.str(f, &self.name)?;
        w.array(f, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for AddPartitionsToTxnRequest {
    type Response = super::AddPartitionsToTxnResponse;
    const KEY: ApiKey = ApiKey::AddPartitionsToTxn;
}
