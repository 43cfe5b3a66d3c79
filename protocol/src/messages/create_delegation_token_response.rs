//! `CreateDelegationTokenResponse`, a response of versions 1 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CreateDelegationTokenResponse {
    pub error_code: i16,
    pub principal_type: Str,
    pub principal_name: Str,
    pub token_requester_principal_type: Str,
    pub token_requester_principal_name: Str,
    pub issue_timestamp_ms: i64,
    pub expiry_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub token_id: Str,
    pub hmac: Bytes,
    pub throttle_time_ms: i32,
}

impl Message for CreateDelegationTokenResponse {
    const NAME: &'static str = "CreateDelegationTokenResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.principal_type = r.str(f)?;
        m.principal_name = r.str(f)?;
        if v >= 3 {
            m.token_requester_principal_type = r.str(f)?;
        }
        if v >= 3 {
            m.token_requester_principal_name = r.str(f)?;
        }
        m.issue_timestamp_ms = r.i64()?;
        m.expiry_timestamp_ms = r.i64()?;
        m.max_timestamp_ms = r.i64()?;
        m.token_id = r.str(f)?;
        m.hmac = r.bytes(f)?;
        m.throttle_time_ms = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.i16(self.error_code);
        w.str(f, &self.principal_type)?;
        w.str(f, &self.principal_name)?;
        if v >= 3 {
            w.str(f, &self.token_requester_principal_type)?;
        } else {
            absent(
                !self.token_requester_principal_type.is_empty(),
                "TokenRequesterPrincipalType",
                v,
            )?;
        }
        if v >= 3 {
            w.str(f, &self.token_requester_principal_name)?;
        } else {
            absent(
                !self.token_requester_principal_name.is_empty(),
                "TokenRequesterPrincipalName",
                v,
            )?;
        }
        w.i64(self.issue_timestamp_ms);
        w.i64(self.expiry_timestamp_ms);
        w.i64(self.max_timestamp_ms);
        w.str(f, &self.token_id)?;
        w.bytes(f, &self.hmac)?;
        w.i32(self.throttle_time_ms);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
