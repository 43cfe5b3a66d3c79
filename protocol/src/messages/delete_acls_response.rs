//! `DeleteAclsResponse`, a response of versions 1 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeleteAclsResponse {
    pub throttle_time_ms: i32,
    pub filter_results: Vec<DeleteAclsFilterResult>,
}

impl Message for DeleteAclsResponse {
    const NAME: &'static str = "DeleteAclsResponse";
    const MIN: i16 = 1;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.filter_results = r.nested(f, 5, |r| DeleteAclsFilterResult::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, &self.filter_results, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAclsFilterResult {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub matching_acls: Vec<DeleteAclsMatchingAcl>,
}

impl Default for DeleteAclsFilterResult {
    fn default() -> Self {
        DeleteAclsFilterResult {
            error_code: 0,
            error_message: Some(Str::default()),
            matching_acls: Vec::new(),
        }
    }
}

impl DeleteAclsFilterResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = r.str_null(f)?;
        m.matching_acls = r.array(f, 11, |r| DeleteAclsMatchingAcl::read(r, v))?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i16(self.error_code);
        w.str_null(f, &self.error_message)?;
        w.array(f, &self.matching_acls, |w, e| e.write(w, v))?;
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAclsMatchingAcl {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
    pub pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsMatchingAcl {
    fn default() -> Self {
        DeleteAclsMatchingAcl {
            error_code: 0,
            error_message: Some(Str::default()),
            resource_type: 0,
            resource_name: Str::default(),
            pattern_type: 3,
            principal: Str::default(),
            host: Str::default(),
            operation: 0,
            permission_type: 0,
        }
    }
}

impl DeleteAclsMatchingAcl {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = r.str_null(f)?;
        m.resource_type = r.i8()?;
        m.resource_name = r.str(f)?;
        m.pattern_type = r.i8()?;
        m.principal = r.str(f)?;
        m.host = r.str(f)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i16(self.error_code);
        w.str_null(f, &self.error_message)?;
        w.i8(self.resource_type);
        w.str(f, &self.resource_name)?;
        w.i8(self.pattern_type);
        w.str(f, &self.principal)?;
        w.str(f, &self.host)?;
        w.i8(self.operation);
        w.i8(self.permission_type);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
