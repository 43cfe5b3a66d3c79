//! The scalar types that the whole broker shares: numbers with a meaning, strings and record payloads as they lie in a frame.
//!
//! Always holds: a `Str` is valid UTF-8; a newtype is as cheap as its number. Must never: copy payload bytes on clone, do I/O
//! by itself (a `FileRange` only names bytes; whoever sends it reads them).

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}

number!(
    /// A record's position in a partition, from 0; negative values are sentinels of the request that carries them.
    Offset(i64)
);
number!(
    /// Counts the leaders a partition has had; -1 means unknown.
    LeaderEpoch(i32)
);
number!(
    /// A broker's or controller's id (one name space); -1 means none.
    NodeId(i32)
);
number!(
    /// Milliseconds: a point in time since the Unix epoch, or a duration where the name of the field says so.
    Millis(i64)
);
number!(
    /// A producer's id as handed out by the cluster; -1 means not idempotent.
    ProducerId(i64)
);
number!(
    /// Fences older instances of one producer; -1 means none.
    ProducerEpoch(i16)
);
number!(
    /// One registration of one broker: the metadata offset of its registration record; -1 means unknown.
    BrokerEpoch(i64)
);
number!(
    /// A partition's index within its topic, from 0.
    PartitionId(i32)
);

/// A 128-bit id. Text form: 22 characters of unpadded base64url, as Kafka prints them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// No id.
    pub const ZERO: Uuid = Uuid(0);
    /// The second reserved id. Kafka uses it twice: as the metadata topic's id and as "directory not assigned".
    pub const ONE: Uuid = Uuid(1);
    /// The topic id of `__cluster_metadata`.
    pub const METADATA_TOPIC: Uuid = Uuid::ONE;
    /// A replica whose log directory nobody has chosen yet.
    pub const UNASSIGNED: Uuid = Uuid::ONE;
    /// A replica whose log directory is offline and unknown.
    pub const LOST: Uuid = Uuid(2);
    /// A replica whose directory is not tracked yet (migration from older metadata).
    pub const MIGRATING: Uuid = Uuid::ZERO;

    /// Ids below 100 are set aside by Kafka; none may be drawn for a topic or a directory.
    pub const RESERVED: u128 = 100;

    /// True for the ids that must not be drawn at random.
    pub fn is_reserved(self) -> bool {
        self.0 < Self::RESERVED
    }

    /// The upper and lower halves, as Java's `UUID` has them.
    pub fn halves(self) -> (i64, i64) {
        ((self.0 >> 64) as i64, self.0 as i64)
    }
}

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 128 bits are 21 groups of six bits and a last one of two, padded with zeros on the right.
        let mut text = [0u8; 22];
        for (i, c) in text.iter_mut().enumerate() {
            let six = if i < 21 {
                (self.0 >> (122 - 6 * i)) & 63
            } else {
                (self.0 & 3) << 4
            };
            *c = BASE64URL[six as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("base64 is ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a uuid in Kafka's form (22 characters of base64url).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a 22-character base64url uuid")]
pub struct BadUuid;

impl FromStr for Uuid {
    type Err = BadUuid;

    /// Accepts padded (24 characters) and unpadded text. Bits beyond the 128th are ignored, as Kafka does.
    fn from_str(text: &str) -> Result<Self, BadUuid> {
        let text = text.strip_suffix("==").unwrap_or(text).as_bytes();
        if text.len() != 22 {
            return Err(BadUuid);
        }
        let mut value = 0u128;
        for (i, c) in text.iter().enumerate() {
            let six = BASE64URL.iter().position(|b| b == c).ok_or(BadUuid)? as u128;
            value = if i < 21 {
                value << 6 | six
            } else {
                value << 2 | six >> 4
            };
        }
        Ok(Uuid(value))
    }
}

/// A UTF-8 string, often a slice of the frame it came in. Clones share the bytes.
///
/// A decoded `Str` keeps its whole frame alive: what outlives the request must go through [`Str::detach`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Str(Bytes);

impl Str {
    /// Wraps a literal without copying it.
    pub const fn from_static(text: &'static str) -> Self {
        Str(Bytes::from_static(text.as_bytes()))
    }

    /// Checks the bytes and wraps them without copying.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, std::str::Utf8Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Str(bytes))
    }

    pub fn as_str(&self) -> &str {
        // SAFETY: every constructor takes a `str` or checks the bytes, and nothing changes them afterwards.
        unsafe { std::str::from_utf8_unchecked(&self.0) }
    }

    /// The same text in an allocation of its own, so that the frame it was cut from can be freed.
    pub fn detach(&self) -> Str {
        Str(Bytes::copy_from_slice(&self.0))
    }

    /// The UTF-8 bytes, shared.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Str {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

// Not derived: `Borrow<str>` demands the hash of `str`, and `Bytes` hashes as a slice does.
impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Str(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Str(Bytes::from(text))
    }
}

impl From<&String> for Str {
    fn from(text: &String) -> Self {
        Str::from(text.as_str())
    }
}

impl From<Str> for String {
    fn from(text: Str) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Str {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

/// Where the bytes of a [`FileRange`] come from. The disk seam implements it; this crate never calls it on a hot path.
pub trait RangeSource: Send + Sync + fmt::Debug {
    /// Reads up to `buf.len()` bytes at `position`; 0 means the end.
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// The file behind it, for `sendfile`; `None` for simulated disks.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;
}

/// Bytes that still lie in a file: `len` of them from `position`. They must stay readable as long as the range lives.
#[derive(Clone, Debug)]
pub struct FileRange {
    pub source: Arc<dyn RangeSource>,
    pub position: u64,
    pub len: u32,
}

impl FileRange {
    /// Reads the whole range. Errors with `UnexpectedEof` if the source ends before.
    pub fn read(&self) -> io::Result<Bytes> {
        let mut buf = vec![0; self.len as usize];
        let mut at = 0;
        while at < buf.len() {
            match self
                .source
                .read_at(self.position + at as u64, &mut buf[at..])
            {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => at += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(buf.into())
    }
}

impl PartialEq for FileRange {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
            && self.position == other.position
            && self.len == other.len
    }
}

/// The value of a field of type `records`. Decoding always gives `Bytes`; a fetch answer may name file ranges instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Records {
    Bytes(Bytes),
    Ranges(SmallVec<[FileRange; 1]>),
}

impl Records {
    /// Length in bytes on the wire.
    pub fn len(&self) -> usize {
        match self {
            Records::Bytes(bytes) => bytes.len(),
            Records::Ranges(ranges) => ranges.iter().map(|r| r.len as usize).sum(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, if they are in memory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Records::Bytes(bytes) => Some(bytes),
            Records::Ranges(_) => None,
        }
    }
}

impl Default for Records {
    fn default() -> Self {
        Records::Bytes(Bytes::new())
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Records::Bytes(bytes)
    }
}

impl From<FileRange> for Records {
    fn from(range: FileRange) -> Self {
        Records::Ranges(smallvec::smallvec![range])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_uuid_prints_and_parses_as_kafka_does() {
        // The first three from org.apache.kafka.common.Uuid (its constants); the last is all ones.
        for (value, text) in [
            (0u128, "AAAAAAAAAAAAAAAAAAAAAA"),
            (1, "AAAAAAAAAAAAAAAAAAAAAQ"),
            (2, "AAAAAAAAAAAAAAAAAAAAAg"),
            (u128::MAX, "_____________________w"),
        ] {
            assert_eq!(Uuid(value).to_string(), text);
            assert_eq!(text.parse(), Ok(Uuid(value)));
            assert_eq!(format!("{text}==").parse(), Ok(Uuid(value)));
        }
        for bad in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAA+Q",
            "AAAAAAAAAAAAAAAAAAAAAQA",
        ] {
            assert_eq!(bad.parse::<Uuid>(), Err(BadUuid), "{bad}");
        }
        let id = Uuid(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(Uuid::LOST.is_reserved() && !id.is_reserved());
    }

    #[test]
    fn a_str_is_found_by_its_text() {
        let mut map = HashMap::new();
        map.insert(Str::from("topic"), 1);
        assert_eq!(map.get("topic"), Some(&1));
        assert!(Str::from_utf8(Bytes::from_static(&[0xc3, 0x28])).is_err());
        let frame = Bytes::from_static(b"xtopicx");
        let cut = Str::from_utf8(frame.slice(1..6)).unwrap();
        assert_eq!(cut, cut.detach());
        assert!(!std::ptr::eq(cut.as_ptr(), cut.detach().as_ptr()));
    }
}
