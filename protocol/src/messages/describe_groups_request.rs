//! `DescribeGroupsRequest`, a request of versions 0 to 6: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<Str>,
    pub include_authorized_operations: bool,
}

impl Message for DescribeGroupsRequest {
    const NAME: &'static str = "DescribeGroupsRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 6;
    const FLEXIBLE_FROM: Option<i16> = Some(5);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 5;
        let mut m = Self::default();
        m.groups = r.array(f, 1, |r| r.str(f))?;
        if v >= 3 {
            m.include_authorized_operations = r.bool()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 5;
        w.array(f, &self.groups, |w, e| w.str(f, e))?;
        if v >= 3 {
            w.bool(self.include_authorized_operations);
        } else {
            absent(
                self.include_authorized_operations,
                "IncludeAuthorizedOperations",
                v,
            )?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

impl Request for DescribeGroupsRequest {
    type Response = super::DescribeGroupsResponse;
    const KEY: ApiKey = ApiKey::DescribeGroups;
}
