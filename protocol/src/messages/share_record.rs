//! The records of `__share_group_state` as one type: a key with its type before it, a value with its version before it.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use super::*;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// A record's key in `__share_group_state`.
#[derive(Clone, Debug, PartialEq)]
pub enum ShareRecordKey {
    ShareSnapshot(ShareSnapshotKey),
    ShareUpdate(ShareUpdateKey),
}

/// A record's value in `__share_group_state`.
#[derive(Clone, Debug, PartialEq)]
pub enum ShareRecordValue {
    ShareSnapshot(ShareSnapshotValue),
    ShareUpdate(ShareUpdateValue),
}

impl ShareRecordKey {
    /// Reads a key: the type as i16, then the fields, which must use up the rest. `DecodeError::RecordType` means a type that
    /// Kafka 4.3.0 does not know; a reader may skip such records.
    pub fn read(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let key = match r.i16()? {
            0 => ShareRecordKey::ShareSnapshot(ShareSnapshotKey::read(&mut r, 0)?),
            1 => ShareRecordKey::ShareUpdate(ShareUpdateKey::read(&mut r, 0)?),
            other => return Err(DecodeError::RecordType(other.into())),
        };
        r.end()?;
        Ok(key)
    }

    pub fn write(&self) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        w.i16(self.key_type());
        match self {
            ShareRecordKey::ShareSnapshot(m) => m.write(&mut w, 0)?,
            ShareRecordKey::ShareUpdate(m) => m.write(&mut w, 0)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn key_type(&self) -> i16 {
        match self {
            ShareRecordKey::ShareSnapshot(_) => 0,
            ShareRecordKey::ShareUpdate(_) => 1,
        }
    }
}

impl ShareRecordValue {
    /// Reads the value of a record whose key has the type `key_type`: the version as i16, then the fields, which must use up the rest.
    pub fn read(key_type: i16, bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.i16()?;
        let value = match key_type {
            0 => ShareRecordValue::ShareSnapshot(ShareSnapshotValue::read(&mut r, version)?),
            1 => ShareRecordValue::ShareUpdate(ShareUpdateValue::read(&mut r, version)?),
            other => return Err(DecodeError::RecordType(other.into())),
        };
        r.end()?;
        Ok(value)
    }

    /// Writes the value in the given version of its type.
    pub fn write(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        w.i16(version);
        match self {
            ShareRecordValue::ShareSnapshot(m) => m.write(&mut w, version)?,
            ShareRecordValue::ShareUpdate(m) => m.write(&mut w, version)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn key_type(&self) -> i16 {
        match self {
            ShareRecordValue::ShareSnapshot(_) => 0,
            ShareRecordValue::ShareUpdate(_) => 1,
        }
    }
}

impl From<ShareSnapshotKey> for ShareRecordKey {
    fn from(m: ShareSnapshotKey) -> Self {
        ShareRecordKey::ShareSnapshot(m)
    }
}
impl From<ShareUpdateKey> for ShareRecordKey {
    fn from(m: ShareUpdateKey) -> Self {
        ShareRecordKey::ShareUpdate(m)
    }
}
impl From<ShareSnapshotValue> for ShareRecordValue {
    fn from(m: ShareSnapshotValue) -> Self {
        ShareRecordValue::ShareSnapshot(m)
    }
}
impl From<ShareUpdateValue> for ShareRecordValue {
    fn from(m: ShareUpdateValue) -> Self {
        ShareRecordValue::ShareUpdate(m)
    }
}
