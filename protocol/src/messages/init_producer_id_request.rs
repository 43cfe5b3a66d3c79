//! `InitProducerIdRequest`, a request of versions 0 to 6: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<Str>,
    pub transaction_timeout_ms: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub enable2_pc: bool,
    pub keep_prepared_txn: bool,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        InitProducerIdRequest {
            transactional_id: Some(Str::default()),
            transaction_timeout_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
            enable2_pc: false,
            keep_prepared_txn: false,
        }
    }
}

impl Message for InitProducerIdRequest {
    const NAME: &'static str = "InitProducerIdRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 6;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.transactional_id = r.str_null(f)?;
        m.transaction_timeout_ms = r.i32()?;
        if v >= 3 {
            m.producer_id = r.i64()?;
        }
        if v >= 3 {
            m.producer_epoch = r.i16()?;
        }
        if v >= 6 {
            m.enable2_pc = r.bool()?;
        }
        if v >= 6 {
            m.keep_prepared_txn = r.bool()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.str_null(f, &self.transactional_id)?;
        w.i32(self.transaction_timeout_ms);
        if v >= 3 {
            w.i64(self.producer_id);
        } else {
            absent(self.producer_id != -1, "ProducerId", v)?;
        }
        if v >= 3 {
            w.i16(self.producer_epoch);
        } else {
            absent(self.producer_epoch != -1, "ProducerEpoch", v)?;
        }
        if v >= 6 {
            w.bool(self.enable2_pc);
        } else {
            absent(self.enable2_pc, "Enable2Pc", v)?;
        }
        if v >= 6 {
            w.bool(self.keep_prepared_txn);
        } else {
            absent(self.keep_prepared_txn, "KeepPreparedTxn", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for InitProducerIdRequest {
    type Response = super::InitProducerIdResponse;
    const KEY: ApiKey = ApiKey::InitProducerId;
}
