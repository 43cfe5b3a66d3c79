//! `UpdateFeaturesRequest`, a request of versions 0 to 2: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Str;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeaturesRequest {
    pub timeout_ms: i32,
    pub feature_updates: Vec<FeatureUpdateKey>,
    pub validate_only: bool,
}

impl Default for UpdateFeaturesRequest {
    fn default() -> Self {
        UpdateFeaturesRequest {
            timeout_ms: 60000,
            feature_updates: Vec::new(),
            validate_only: false,
        }
    }
}

impl Message for UpdateFeaturesRequest {
    const NAME: &'static str = "UpdateFeaturesRequest";
    const MIN: i16 = 0;
    const MAX: i16 = 2;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.timeout_ms = r.i32()?;
        m.feature_updates = r.array(true, 5, |r| FeatureUpdateKey::read(r, v))?;
        if v >= 1 {
            m.validate_only = r.bool()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.timeout_ms);
        w.array(true, &self.feature_updates, |w, e| e.write(w, v))?;
        if v >= 1 {
            w.bool(self.validate_only);
        } else {
            absent(self.validate_only, "ValidateOnly", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeatureUpdateKey {
    pub feature: Str,
    pub max_version_level: i16,
    pub allow_downgrade: bool,
    pub upgrade_type: i8,
}

impl Default for FeatureUpdateKey {
    fn default() -> Self {
        FeatureUpdateKey {
            feature: Str::default(),
            max_version_level: 0,
            allow_downgrade: false,
            upgrade_type: 1,
        }
    }
}

impl FeatureUpdateKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.feature = r.str(true)?;
        m.max_version_level = r.i16()?;
        if v <= 0 {
            m.allow_downgrade = r.bool()?;
        }
        if v >= 1 {
            m.upgrade_type = r.i8()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.feature)?;
        w.i16(self.max_version_level);
        if v <= 0 {
            w.bool(self.allow_downgrade);
        } else {
            absent(self.allow_downgrade, "AllowDowngrade", v)?;
        }
        if v >= 1 {
            w.i8(self.upgrade_type);
        } else {
            absent(self.upgrade_type != 1, "UpgradeType", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

impl Request for UpdateFeaturesRequest {
    type Response = super::UpdateFeaturesResponse;
    const KEY: ApiKey = ApiKey::UpdateFeatures;
}
