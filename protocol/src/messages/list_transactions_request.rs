//! `ListTransactionsRequest`, a request of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<Str>,
    pub producer_id_filters: Vec<i64>,
    pub duration_filter: i64,
    pub transactional_id_pattern: Option<Str>,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        ListTransactionsRequest {
            state_filters: Vec::new(),
            producer_id_filters: Vec::new(),
            duration_filter: -1,
            transactional_id_pattern: None,
        }
    }
}

impl Message for ListTransactionsRequest {
    const NAME: &'static str = "ListTransactionsRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.state_filters = r.array(true, 1, |r| r.str(true))?;
        m.producer_id_filters = r.array(true, 8, Reader::i64)?;
        if v >= 1 {
            m.duration_filter = r.i64()?;
        }
        if v >= 2 {
            m.transactional_id_pattern = r.str_null(true)?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.array(true, &self.state_filters, |w, e| w.str(true, e))?;
        w.array(true, &self.producer_id_filters, |w, e| {
            w.i64(*e);
            Ok(())
        })?;
        if v >= 1 {
            w.i64(self.duration_filter);
        } else {
            absent(self.duration_filter != -1, "DurationFilter", v)?;
        }
        if v >= 2 {
            w.str_null(true, &self.transactional_id_pattern)?;
        } else {
            absent(
                self.transactional_id_pattern.is_some(),
                "TransactionalIdPattern",
                v,
            )?;
        }
        w.u8(0);
        Ok(())
    }
}

impl Request for ListTransactionsRequest {
    type Response = super::ListTransactionsResponse;
    const KEY: ApiKey = ApiKey::ListTransactions;
}
