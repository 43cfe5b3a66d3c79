//! `BrokerHeartbeatRequest`, a request of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Uuid;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerHeartbeatRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub current_metadata_offset: i64,
    pub want_fence: bool,
    pub want_shut_down: bool,
    pub offline_log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Default for BrokerHeartbeatRequest {
    fn default() -> Self {
        BrokerHeartbeatRequest {
            broker_id: 0,
            broker_epoch: -1,
            current_metadata_offset: 0,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

impl Message for BrokerHeartbeatRequest {
    const NAME: &'static str = "BrokerHeartbeatRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.broker_epoch = r.i64()?;
        m.current_metadata_offset = r.i64()?;
        m.want_fence = r.bool()?;
        m.want_shut_down = r.bool()?;
        r.tags(|r, tag| {
            match tag {
                0 if v >= 1 => m.offline_log_dirs = r.array(true, 16, Reader::uuid)?,
                1 if v >= 2 => m.cordoned_log_dirs = r.array_null(true, 16, Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        w.i64(self.current_metadata_offset);
        w.bool(self.want_fence);
        w.bool(self.want_shut_down);
        let t0 = v >= 1 && !self.offline_log_dirs.is_empty();
        absent(
            !t0 && !self.offline_log_dirs.is_empty(),
            "OfflineLogDirs",
            v,
        )?;
        let t1 = v >= 2 && self.cordoned_log_dirs.is_some();
        absent(
            !t1 && self.cordoned_log_dirs.is_some(),
            "CordonedLogDirs",
            v,
        )?;
        w.uvarint(u32::from(t0) + u32::from(t1));
        if t0 {
            w.tag(0, |w| {
                w.array(true, &self.offline_log_dirs, |w, e| {
                    w.uuid(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        if t1 {
            w.tag(1, |w| {
                w.array_null(true, &self.cordoned_log_dirs, |w, e| {
                    w.uuid(*e);
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Request for BrokerHeartbeatRequest {
    type Response = super::BrokerHeartbeatResponse;
    const KEY: ApiKey = ApiKey::BrokerHeartbeat;
}
