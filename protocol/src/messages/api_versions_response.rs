//! `ApiVersionsResponse`, a response of versions 0 to 4: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, absent, readable, writable};

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: i16,
    pub api_keys: Vec<ApiVersion>,
    pub throttle_time_ms: i32,
    pub supported_features: Vec<SupportedFeatureKey>,
    pub finalized_features_epoch: i64,
    pub finalized_features: Vec<FinalizedFeatureKey>,
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        ApiVersionsResponse {
            error_code: 0,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        }
    }
}

impl Message for ApiVersionsResponse {
    const NAME: &'static str = "ApiVersionsResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 4;
    const FLEXIBLE_FROM: Option<i16> = Some(3);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let f = v >= 3;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.api_keys = r.array(f, 6, |r| ApiVersion::read(r, v))?;
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 3 => {
                        m.supported_features =
                            r.array(true, 6, |r| SupportedFeatureKey::read(r, v))?
                    }
                    1 if v >= 3 => m.finalized_features_epoch = r.i64()?,
                    2 if v >= 3 => {
                        m.finalized_features =
                            r.array(true, 6, |r| FinalizedFeatureKey::read(r, v))?
                    }
                    3 if v >= 3 => m.zk_migration_ready = r.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        let f = v >= 3;
        w.i16(self.error_code);
        w.array(f, &self.api_keys, |w, e| e.write(w, v))?;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        let t0 = v >= 3 && !self.supported_features.is_empty();
        let t1 = v >= 3 && self.finalized_features_epoch != -1;
        let t2 = v >= 3 && !self.finalized_features.is_empty();
        let t3 = v >= 3 && self.zk_migration_ready;
        if f {
            w.uvarint(u32::from(t0) + u32::from(t1) + u32::from(t2) + u32::from(t3));
            if t0 {
                w.tag(0, |w| {
                    w.array(true, &self.supported_features, |w, e| e.write(w, v))?;
                    Ok(())
                })?;
            }
            if t1 {
                w.tag(1, |w| {
                    w.i64(self.finalized_features_epoch);
                    Ok(())
                })?;
            }
            if t2 {
                w.tag(2, |w| {
                    w.array(true, &self.finalized_features, |w, e| e.write(w, v))?;
                    Ok(())
                })?;
            }
            if t3 {
                w.tag(3, |w| {
                    w.bool(self.zk_migration_ready);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl ApiVersion {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        m.api_key = r.i16()?;
        m.min_version = r.i16()?;
        m.max_version = r.i16()?;
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.i16(self.api_key);
        w.i16(self.min_version);
        w.i16(self.max_version);
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct SupportedFeatureKey {
    pub name: Str,
    pub min_version: i16,
    pub max_version: i16,
}

impl SupportedFeatureKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 3 {
            m.name = r.str(f)?;
        }
        if v >= 3 {
            m.min_version = r.i16()?;
        }
        if v >= 3 {
            m.max_version = r.i16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        if v >= 3 {
            w.str(f, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v >= 3 {
            w.i16(self.min_version);
        } else {
            absent(self.min_version != 0, "MinVersion", v)?;
        }
        if v >= 3 {
            w.i16(self.max_version);
        } else {
            absent(self.max_version != 0, "MaxVersion", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct FinalizedFeatureKey {
    pub name: Str,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl FinalizedFeatureKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let mut m = Self::default();
        if v >= 3 {
            m.name = r.str(f)?;
        }
        if v >= 3 {
            m.max_version_level = r.i16()?;
        }
        if v >= 3 {
            m.min_version_level = r.i16()?;
        }
        if f {
            r.skip_tags()?;
        }
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        if v >= 3 {
            w.str(f, &self.name)?;
        } else {
            absent(!self.name.is_empty(), "Name", v)?;
        }
        if v >= 3 {
            w.i16(self.max_version_level);
        } else {
            absent(self.max_version_level != 0, "MaxVersionLevel", v)?;
        }
        if v >= 3 {
            w.i16(self.min_version_level);
        } else {
            absent(self.min_version_level != 0, "MinVersionLevel", v)?;
        }
        if f {
            w.u8(0);
        }
        Ok(())
    }
}
