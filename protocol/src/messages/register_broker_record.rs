//! `RegisterBrokerRecord`, a record of versions 0 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct RegisterBrokerRecord {
    pub broker_id: i32,
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: Uuid,
    pub broker_epoch: i64,
    pub end_points: Vec<BrokerEndpoint>,
    pub features: Vec<BrokerFeature>,
    pub rack: Option<Str>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Default for RegisterBrokerRecord {
    fn default() -> Self {
        RegisterBrokerRecord {
            broker_id: 0,
            is_migrating_zk_broker: false,
            incarnation_id: Uuid::ZERO,
            broker_epoch: 0,
            end_points: Vec::new(),
            features: Vec::new(),
            rack: Some(Str::default()),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

impl Message for RegisterBrokerRecord {
    const NAME: &'static str = "RegisterBrokerRecord";
    const MIN: i16 = 0;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        if v >= 2 {
            m.is_migrating_zk_broker = r.bool()?;
        }
        m.incarnation_id = r.uuid()?;
        m.broker_epoch = r.i64()?;
        m.end_points = r.array(true, 7, |r| BrokerEndpoint::read(r, v))?;
        m.features = r.array(true, 6, |r| BrokerFeature::read(r, v))?;
        m.rack = r.str_null(true)?;
        m.fenced = r.bool()?;
        if v >= 1 {
            m.in_controlled_shutdown = r.bool()?;
        }
        r.tags(|r, tag| {
            match tag {
                0 if v >= 3 => m.log_dirs = r.array(true, 16, Reader::uuid)?,
                1 if v >= 4 => m.cordoned_log_dirs = r.array_null(true, 16, Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.broker_id);
        if v >= 2 {
            w.bool(self.is_migrating_zk_broker);
        } else {
            absent(self.is_migrating_zk_broker, "IsMigratingZkBroker", v)?;
        }
        w.uuid(self.incarnation_id);
        w.i64(self.broker_epoch);
        w.array(true, &self.end_points, |w, e| e.write(w, v))?;
        w.array(true, &self.features, |w, e| e.write(w, v))?;
        w.str_null(true, &self.rack)?;
        w.bool(self.fenced);
        if v >= 1 {
            w.bool(self.in_controlled_shutdown);
        } else {
            absent(self.in_controlled_shutdown, "InControlledShutdown", v)?;
        }
        let t0 = v >= 3 && !self.log_dirs.is_empty();
        absent(!t0 && !self.log_dirs.is_empty(), "LogDirs", v)?;
        let t1 = v >= 4 && self.cordoned_log_dirs.is_some();
        absent(
            !t1 && self.cordoned_log_dirs.is_some(),
            "CordonedLogDirs",
            v,
        )?;
        w.uvarint(u32::from(t0) + u32::from(t1));
        if t0 {
            w.tag(0, |w| {
                w.array(true, &self.log_dirs, |w, e| {
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

#[derive(Clone, Debug, PartialEq, Default)]
pub struct BrokerEndpoint {
    pub name: Str,
    pub host: Str,
    pub port: u16,
    pub security_protocol: i16,
}

impl BrokerEndpoint {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.host = r.str(true)?;
        m.port = r.u16()?;
        m.security_protocol = r.i16()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.str(true, &self.host)?;
        w.u16(self.port);
        w.i16(self.security_protocol);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct BrokerFeature {
    pub name: Str,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl BrokerFeature {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.min_supported_version = r.i16()?;
        m.max_supported_version = r.i16()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.i16(self.min_supported_version);
        w.i16(self.max_supported_version);
        w.u8(0);
        Ok(())
    }
}

impl RegisterBrokerRecord {
    /// The type of record in its frame.
    pub const RECORD_TYPE: i16 = 0;
}
