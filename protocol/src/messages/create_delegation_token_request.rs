//! `CreateDelegationTokenRequest`, a request of versions 1 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct CreateDelegationTokenRequest {
    pub owner_principal_type: Option<Str>,
    pub owner_principal_name: Option<Str>,
    pub renewers: Vec<CreatableRenewers>,
    pub max_lifetime_ms: i64,
}

impl Default for CreateDelegationTokenRequest {
    fn default() -> Self {
        CreateDelegationTokenRequest {
            owner_principal_type: Some(Str::default()),
            owner_principal_name: Some(Str::default()),
            renewers: Vec::new(),
            max_lifetime_ms: 0,
        }
    }
}

impl Message for CreateDelegationTokenRequest {
    const NAME: &'static str = "CreateDelegationTokenRequest";
    const MIN: i16 = 1;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        if v >= 3 {
            m.owner_principal_type = r.str_null(f)?;
        }
        if v >= 3 {
            m.owner_principal_name = r.str_null(f)?;
        }
        m.renewers = r.array(f, 3, |r| CreatableRenewers::read(r, v))?;
        m.max_lifetime_ms = r.i64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        if v >= 3 {
            w.str_null(f, &self.owner_principal_type)?;
        } else {
            absent(
                self.owner_principal_type
                    .as_ref()
                    .is_none_or(|x| !x.is_empty()),
                "OwnerPrincipalType",
                v,
            )?;
        }
        if v >= 3 {
            w.str_null(f, &self.owner_principal_name)?;
        } else {
            absent(
                self.owner_principal_name
                    .as_ref()
                    .is_none_or(|x| !x.is_empty()),
                "OwnerPrincipalName",
                v,
            )?;
        }
        w.array(f, &self.renewers, |w, e| e.write(w, v))?;
        w.i64(self.max_lifetime_ms);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CreatableRenewers {
    pub principal_type: Str,
    pub principal_name: Str,
}

impl CreatableRenewers {
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

impl Request for CreateDelegationTokenRequest {
    type Response = super::CreateDelegationTokenResponse;
    const KEY: ApiKey = ApiKey::CreateDelegationToken;
}
