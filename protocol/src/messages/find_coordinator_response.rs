//! `FindCoordinatorResponse`, a response of versions 0 to 6: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct FindCoordinatorResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub coordinators: Vec<Coordinator>,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        FindCoordinatorResponse {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(Str::default()),
            node_id: 0,
            host: Str::default(),
            port: 0,
            coordinators: Vec::new(),
        }
    }
}

impl Message for FindCoordinatorResponse {
    const NAME: &'static str = "FindCoordinatorResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 6;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        if v <= 3 {
            m.error_code = r.i16()?;
        }
        if (1..=3).contains(&v) {
            m.error_message = r.str_null(f)?;
        }
        if v <= 3 {
            m.node_id = r.i32()?;
        }
        if v <= 3 {
            m.host = r.str(f)?;
        }
        if v <= 3 {
            m.port = r.i32()?;
        }
        if v >= 4 {
            m.coordinators = r.array(f, 14, |r| Coordinator::read(r, v))?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if v <= 3 {
            w.i16(self.error_code);
        } else {
            absent(self.error_code != 0, "ErrorCode", v)?;
        }
        if (1..=3).contains(&v) {
            w.str_null(f, &self.error_message)?;
        }
        if v <= 3 {
            w.i32(self.node_id);
        } else {
            absent(self.node_id != 0, "NodeId", v)?;
        }
        if v <= 3 {
            w.str(f, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v <= 3 {
            w.i32(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        if v >= 4 {
            w.array(f, &self.coordinators, |w, e| e.write(w, v))?;
        } else {
            absent(!self.coordinators.is_empty(), "Coordinators", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Coordinator {
    pub key: Str,
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Coordinator {
            key: Str::default(),
            node_id: 0,
            host: Str::default(),
            port: 0,
            error_code: 0,
            error_message: Some(Str::default()),
        }
    }
}

impl Coordinator {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.key = r.str(f)?;
        }
        if v >= 4 {
            m.node_id = r.i32()?;
        }
        if v >= 4 {
            m.host = r.str(f)?;
        }
        if v >= 4 {
            m.port = r.i32()?;
        }
        if v >= 4 {
            m.error_code = r.i16()?;
        }
        if v >= 4 {
            m.error_message = r.str_null(f)?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        if v >= 4 {
            w.str(f, &self.key)?;
        } else {
            absent(!self.key.is_empty(), "Key", v)?;
        }
        if v >= 4 {
            w.i32(self.node_id);
        } else {
            absent(self.node_id != 0, "NodeId", v)?;
        }
        if v >= 4 {
            w.str(f, &self.host)?;
        } else {
            absent(!self.host.is_empty(), "Host", v)?;
        }
        if v >= 4 {
            w.i32(self.port);
        } else {
            absent(self.port != 0, "Port", v)?;
        }
        if v >= 4 {
            w.i16(self.error_code);
        } else {
            absent(self.error_code != 0, "ErrorCode", v)?;
        }
        if v >= 4 {
            w.str_null(f, &self.error_message)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
