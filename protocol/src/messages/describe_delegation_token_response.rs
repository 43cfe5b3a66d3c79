//! `DescribeDelegationTokenResponse`, a response of versions 1 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribeDelegationTokenResponse {
    pub error_code: i16,
    pub tokens: Vec<DescribedDelegationToken>,
    pub throttle_time_ms: i32,
}

impl Message for DescribeDelegationTokenResponse {
    const NAME: &'static str = "DescribeDelegationTokenResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.tokens = r.nested(f, 30, |r| DescribedDelegationToken::read(r, v))?;
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
        w.array(f, &self.tokens, |w, e| e.write(w, v))?;
        w.i32(self.throttle_time_ms);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribedDelegationToken {
    pub principal_type: Str,
    pub principal_name: Str,
    pub token_requester_principal_type: Str,
    pub token_requester_principal_name: Str,
    pub issue_timestamp: i64,
    pub expiry_timestamp: i64,
    pub max_timestamp: i64,
    pub token_id: Str,
    pub hmac: Bytes,
    pub renewers: Vec<DescribedDelegationTokenRenewer>,
}

impl DescribedDelegationToken {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.principal_type = r.str(f)?;
        m.principal_name = r.str(f)?;
        if v >= 3 {
            m.token_requester_principal_type = r.str(f)?;
        }
        if v >= 3 {
            m.token_requester_principal_name = r.str(f)?;
        }
        m.issue_timestamp = r.i64()?;
        m.expiry_timestamp = r.i64()?;
        m.max_timestamp = r.i64()?;
        m.token_id = r.str(f)?;
        m.hmac = r.bytes(f)?;
        m.renewers = r.array(f, 3, |r| DescribedDelegationTokenRenewer::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
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
        w.i64(self.issue_timestamp);
        w.i64(self.expiry_timestamp);
        w.i64(self.max_timestamp);
        w.str(f, &self.token_id)?;
        w.bytes(f, &self.hmac)?;
        w.array(f, &self.renewers, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribedDelegationTokenRenewer {
    pub principal_type: Str,
    pub principal_name: Str,
}

impl DescribedDelegationTokenRenewer {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.principal_type = r.str(f)?;
        m.principal_name = r.str(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.str(f, &self.principal_type)?;
        w.str(f, &self.principal_name)?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
