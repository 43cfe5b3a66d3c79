//! `BrokerRegistrationRequest`, a request of versions 0 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::{Str, Uuid};
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerRegistrationRequest {
    pub broker_id: i32,
    pub cluster_id: Str,
    pub incarnation_id: Uuid,
    pub listeners: Vec<Listener>,
    pub features: Vec<Feature>,
    pub rack: Option<Str>,
    pub is_migrating_zk_broker: bool,
    pub log_dirs: Vec<Uuid>,
    pub previous_broker_epoch: i64,
}

impl Default for BrokerRegistrationRequest {
    fn default() -> Self {
        BrokerRegistrationRequest {
            broker_id: 0,
            cluster_id: Str::default(),
            incarnation_id: Uuid::ZERO,
            listeners: Vec::new(),
            features: Vec::new(),
            rack: Some(Str::default()),
            is_migrating_zk_broker: false,
            log_dirs: Vec::new(),
            previous_broker_epoch: -1,
        }
    }
}

impl Message for BrokerRegistrationRequest {
    const NAME: &'static str = "BrokerRegistrationRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.cluster_id = r.str(true)?;
        m.incarnation_id = r.uuid()?;
        m.listeners = r.array(true, 7, |r| Listener::read(r, v))?;
        m.features = r.array(true, 6, |r| Feature::read(r, v))?;
        m.rack = r.str_null(true)?;
        if v >= 1 {
            m.is_migrating_zk_broker = r.bool()?;
        }
        if v >= 2 {
            m.log_dirs = r.array(true, 16, Reader::uuid)?;
        }
        if v >= 3 {
            m.previous_broker_epoch = r.i64()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.broker_id);
        w.str(true, &self.cluster_id)?;
        w.uuid(self.incarnation_id);
        w.array(true, &self.listeners, |w, e| e.write(w, v))?;
        w.array(true, &self.features, |w, e| e.write(w, v))?;
        w.str_null(true, &self.rack)?;
        if v >= 1 {
            w.bool(self.is_migrating_zk_broker);
        } else {
            absent(self.is_migrating_zk_broker, "IsMigratingZkBroker", v)?;
        }
        if v >= 2 {
            w.array(true, &self.log_dirs, |w, e| {
                w.uuid(*e);
                Ok(())
            })?;
        }
        if v >= 3 {
            w.i64(self.previous_broker_epoch);
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Listener {
    pub name: Str,
    pub host: Str,
    pub port: u16,
    pub security_protocol: i16,
}

impl Listener {
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
pub struct Feature {
    pub name: Str,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl Feature {
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

impl Request for BrokerRegistrationRequest {
    type Response = super::BrokerRegistrationResponse;
    const KEY: ApiKey = ApiKey::BrokerRegistration;
}
