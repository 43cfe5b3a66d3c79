//! The primitives of Kafka's protocol: a bounded reader over one frame and a writer that makes a chain of chunks.
//!
//! Always holds: a count or a length is checked against the bytes that are left before anything is allocated for it, so what
//! is allocated stays within a small multiple of what was received. Must never: panic on input, or copy payloads of
//! [`Writer::CHUNK`] bytes and more.

mod read;
#[cfg(test)]
pub(crate) mod synth;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

pub use read::Reader;
pub use write::{Chunk, Encoded, Writer};

use crate::api_key::ApiKey;

/// The longest string that the protocol can carry, in bytes; Kafka holds compact strings to it as well.
pub const MAX_STRING: usize = 0x7fff;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{need} bytes needed, {left} left")]
    Short { need: usize, left: usize },
    #[error("length {0} where none below zero may be")]
    NegativeLength(i32),
    #[error("null where the version knows none")]
    UnexpectedNull,
    #[error("{count} elements of at least {each} bytes announced, {left} bytes left")]
    Count {
        count: usize,
        each: usize,
        left: usize,
    },
    #[error("string of {0} bytes, at most {MAX_STRING} may be")]
    LongString(usize),
    #[error("string is not UTF-8")]
    Utf8,
    #[error("variable-length integer does not end")]
    Varint,
    #[error("tagged field {tag} is not as long as it says ({left} bytes over)")]
    TagSize { tag: u32, left: usize },
    #[error("{left} bytes after the end")]
    Trailing { left: usize },
    #[error("{message} has no version {version}")]
    Version { message: &'static str, version: i16 },
    #[error("api key {0} is unknown")]
    ApiKey(i16),
    #[error("frame version {0} of a metadata record is unknown")]
    FrameVersion(u32),
    #[error("record type {0} is unknown")]
    RecordType(i32),
}

/// Why a message cannot be written in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("{field} is set, version {version} has no place for it")]
    NotInVersion { field: &'static str, version: i16 },
    #[error("null where the version knows none")]
    UnexpectedNull,
    #[error("{0} bytes or elements are too many for the field")]
    TooLong(usize),
    #[error("{message} has no version {version}")]
    Version { message: &'static str, version: i16 },
    #[error("api key {0} is unknown")]
    ApiKey(i16),
    #[error("file ranges cannot lie in a tagged field")]
    RangeInTag,
}

/// A message of its own (request, response, record), in all its versions.
pub trait Message: Sized + Default + Clone + std::fmt::Debug + PartialEq {
    const NAME: &'static str;
    /// The oldest version that reads and writes.
    const MIN: i16;
    /// The newest, unstable ones included; `ApiKey::versions` says what may be advertised.
    const MAX: i16;
    /// The first version with compact encodings and tagged fields.
    const FLEXIBLE_FROM: Option<i16>;

    /// Reads one message and leaves what follows it. Errors if `version` is outside `MIN..=MAX` or the bytes are not such a message.
    fn read(r: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Writes the message. Errors if a field is set that `version` cannot carry and that may not be dropped.
    fn write(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError>;

    /// Reads a message that must fill `bytes`.
    fn from_bytes(bytes: Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let message = Self::read(&mut r, version)?;
        r.end()?;
        Ok(message)
    }

    /// Writes the message alone.
    fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        self.write(&mut w, version)?;
        Ok(w.finish().to_bytes())
    }
}

/// A request, tied to its key and its answer.
pub trait Request: Message {
    type Response: Message;
    const KEY: ApiKey;
}

/// Used by generated code: the version check at the top of every `read`.
pub(crate) fn readable<M: Message>(version: i16) -> Result<(), DecodeError> {
    if (M::MIN..=M::MAX).contains(&version) {
        Ok(())
    } else {
        Err(DecodeError::Version {
            message: M::NAME,
            version,
        })
    }
}

/// Used by generated code: the version check at the top of every `write`.
pub(crate) fn writable<M: Message>(version: i16) -> Result<(), EncodeError> {
    if (M::MIN..=M::MAX).contains(&version) {
        Ok(())
    } else {
        Err(EncodeError::Version {
            message: M::NAME,
            version,
        })
    }
}

/// Used by generated code: refuses a field that is set although `version` does not have it.
pub(crate) fn absent(set: bool, field: &'static str, version: i16) -> Result<(), EncodeError> {
    if set {
        Err(EncodeError::NotInVersion { field, version })
    } else {
        Ok(())
    }
}
