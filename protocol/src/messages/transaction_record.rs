//! The records of `__transaction_state` as one type: a key with its type before it, a value with its version before it.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use super::*;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// A record's key in `__transaction_state`.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionRecordKey {
    TransactionLog(TransactionLogKey),
}

/// A record's value in `__transaction_state`.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionRecordValue {
    TransactionLog(TransactionLogValue),
}

impl TransactionRecordKey {
    /// Reads a key: the type as i16, then the fields, which must use up the rest. `DecodeError::RecordType` means a type that
    /// Kafka 4.3.0 does not know; a reader may skip such records.
    pub fn read(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let key = match r.i16()? {
            0 => TransactionRecordKey::TransactionLog(TransactionLogKey::read(&mut r, 0)?),
            other => return Err(DecodeError::RecordType(other.into())),
        };
        r.end()?;
        Ok(key)
    }

    pub fn write(&self) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        w.i16(self.key_type());
        match self {
            TransactionRecordKey::TransactionLog(m) => m.write(&mut w, 0)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn key_type(&self) -> i16 {
        match self {
            TransactionRecordKey::TransactionLog(_) => 0,
        }
    }
}

impl TransactionRecordValue {
    /// Reads the value of a record whose key has the type `key_type`: the version as i16, then the fields, which must use up the rest.
    pub fn read(key_type: i16, bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.i16()?;
        let value = match key_type {
            0 => {
                TransactionRecordValue::TransactionLog(TransactionLogValue::read(&mut r, version)?)
            }
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
            TransactionRecordValue::TransactionLog(m) => m.write(&mut w, version)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn key_type(&self) -> i16 {
        match self {
            TransactionRecordValue::TransactionLog(_) => 0,
        }
    }
}

impl From<TransactionLogKey> for TransactionRecordKey {
    fn from(m: TransactionLogKey) -> Self {
        TransactionRecordKey::TransactionLog(m)
    }
}
impl From<TransactionLogValue> for TransactionRecordValue {
    fn from(m: TransactionLogValue) -> Self {
        TransactionRecordValue::TransactionLog(m)
    }
}
