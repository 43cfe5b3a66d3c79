//! `DescribeClusterRequest`, a request of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    pub endpoint_type: i8,
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        DescribeClusterRequest {
            include_cluster_authorized_operations: false,
            endpoint_type: 1,
            include_fenced_brokers: false,
        }
    }
}

impl Message for DescribeClusterRequest {
    const NAME: &'static str = "DescribeClusterRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.include_cluster_authorized_operations = r.bool()?;
        if v >= 1 {
            m.endpoint_type = r.i8()?;
        }
        if v >= 2 {
            m.include_fenced_brokers = r.bool()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.bool(self.include_cluster_authorized_operations);
        if v >= 1 {
            w.i8(self.endpoint_type);
        } else {
            absent(self.endpoint_type != 1, "EndpointType", v)?;
        }
        if v >= 2 {
            w.bool(self.include_fenced_brokers);
        } else {
            absent(self.include_fenced_brokers, "IncludeFencedBrokers", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

impl Request for DescribeClusterRequest {
    type Response = super::DescribeClusterResponse;
    const KEY: ApiKey = ApiKey::DescribeCluster;
}
