//! The primitives of Kafka's protocol: a bounded reader over one frame and a writer that makes a chain of chunks.
//!
//! Always holds: a count or a length is checked against the bytes that are left before anything is allocated for it, so what
//! is allocated stays within a small multiple of what was received. Must never: panic on input, or copy payloads of
//! [`Writer::CHUNK`] bytes and more.

use bytes::{BufMut, Bytes, BytesMut};

use crate::api_key::ApiKey;
use crate::types::{FileRange, Records, Str, Uuid};

/// The longest string that the protocol can carry, in bytes; Kafka holds compact strings to it as well.
pub const MAX_STRING: usize = 0x7fff;

/// No array gets room for more elements than this at once; it grows as elements really arrive.
const FIRST_CAPACITY: usize = 1024;

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

/// Reads values off a frame. Strings and bytes are slices of it, not copies.
#[derive(Debug, Clone)]
pub struct Reader {
    buf: Bytes,
    at: usize,
    end: usize,
    #[cfg(test)]
    synth: Option<synth::Synth>,
}

macro_rules! fixed {
    ($($name:ident: $ty:ty = $n:literal),*) => { $(
        pub fn $name(&mut self) -> Result<$ty, DecodeError> {
            #[cfg(test)]
            if let Some(s) = &mut self.synth {
                return Ok(<$ty>::from_be_bytes(s.number()));
            }
            let b = self.advance($n)?;
            Ok(<$ty>::from_be_bytes(self.buf[b..b + $n].try_into().expect("checked length")))
        }
    )* };
}

impl Reader {
    pub fn new(buf: Bytes) -> Self {
        let end = buf.len();
        Reader {
            buf,
            at: 0,
            end,
            #[cfg(test)]
            synth: None,
        }
    }

    /// How many bytes are left. A caller that expects the end uses [`Reader::end`].
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// How many bytes have been read since the start of the frame.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Errors if bytes are left.
    pub fn end(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing { left }),
        }
    }

    /// Moves past `n` bytes and returns where they started.
    fn advance(&mut self, n: usize) -> Result<usize, DecodeError> {
        let left = self.remaining();
        if n > left {
            return Err(DecodeError::Short { need: n, left });
        }
        let from = self.at;
        self.at += n;
        Ok(from)
    }

    /// The next `n` bytes, shared with the frame.
    pub fn take(&mut self, n: usize) -> Result<Bytes, DecodeError> {
        let from = self.advance(n)?;
        Ok(self.buf.slice(from..from + n))
    }

    /// All bytes that are left, shared with the frame.
    pub fn take_rest(&mut self) -> Bytes {
        let rest = self.buf.slice(self.at..self.end);
        self.at = self.end;
        rest
    }

    fixed!(i8: i8 = 1, u8: u8 = 1, i16: i16 = 2, u16: u16 = 2, i32: i32 = 4, u32: u32 = 4, i64: i64 = 8, f64: f64 = 8);

    /// Any byte but 0 is true, as in Kafka.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.coin());
        }
        Ok(self.i8()? != 0)
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(Uuid(u128::from_be_bytes(s.number())));
        }
        let b = self.advance(16)?;
        Ok(Uuid(u128::from_be_bytes(
            self.buf[b..b + 16].try_into().expect("checked length"),
        )))
    }

    /// An unsigned varint of at most 32 bits. Bits beyond the 32nd in the fifth byte are dropped, as in Kafka.
    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let b = self.advance(1)?;
            let byte = self.buf[b];
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint)
    }

    /// An unsigned varint of at most 64 bits.
    pub fn uvarlong(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.advance(1)?;
            let byte = self.buf[b];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint)
    }

    /// A zigzag varint of 32 bits.
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let raw = self.uvarint()?;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    /// A zigzag varint of 64 bits.
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let raw = self.uvarlong()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// The length before bytes, records and arrays: i32, or compact an unsigned varint of length + 1. `None` is null.
    fn length(&mut self, compact: bool) -> Result<Option<usize>, DecodeError> {
        if compact {
            let raw = self.uvarint()?;
            // Kafka reads into a signed int: what does not fit one is a negative length there.
            return match raw {
                0 => Ok(None),
                n if n > i32::MAX as u32 => Err(DecodeError::NegativeLength(n as i32)),
                n => Ok(Some(n as usize - 1)),
            };
        }
        match self.i32()? {
            -1 => Ok(None),
            n => usize::try_from(n)
                .map(Some)
                .map_err(|_| DecodeError::NegativeLength(n)),
        }
    }

    pub fn str_null(&mut self, compact: bool) -> Result<Option<Str>, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.coin().then(|| s.text()));
        }
        let len = if compact {
            match self.length(true)? {
                None => return Ok(None),
                Some(n) if n > MAX_STRING => return Err(DecodeError::LongString(n)),
                Some(n) => n,
            }
        } else {
            match self.i16()? {
                -1 => return Ok(None),
                n => usize::try_from(n).map_err(|_| DecodeError::NegativeLength(n.into()))?,
            }
        };
        Str::from_utf8(self.take(len)?)
            .map(Some)
            .map_err(|_| DecodeError::Utf8)
    }

    pub fn str(&mut self, compact: bool) -> Result<Str, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.text());
        }
        self.str_null(compact)?.ok_or(DecodeError::UnexpectedNull)
    }

    pub fn bytes_null(&mut self, compact: bool) -> Result<Option<Bytes>, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.coin().then(|| s.text().into_bytes()));
        }
        match self.length(compact)? {
            None => Ok(None),
            Some(n) => self.take(n).map(Some),
        }
    }

    pub fn bytes(&mut self, compact: bool) -> Result<Bytes, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.text().into_bytes());
        }
        self.bytes_null(compact)?.ok_or(DecodeError::UnexpectedNull)
    }

    pub fn records_null(&mut self, compact: bool) -> Result<Option<Records>, DecodeError> {
        Ok(self.bytes_null(compact)?.map(Records::Bytes))
    }

    pub fn records(&mut self, compact: bool) -> Result<Records, DecodeError> {
        self.bytes(compact).map(Records::Bytes)
    }

    /// An array whose elements take at least `each` bytes (≥ 1); a count that cannot fit is refused before anything is allocated.
    pub fn array_null<T>(
        &mut self,
        compact: bool,
        each: usize,
        read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            if s.coin() {
                return Ok(None);
            }
            let count = s.count();
            return self.elements(count, read).map(Some);
        }
        let Some(count) = self.length(compact)? else {
            return Ok(None);
        };
        let left = self.remaining();
        if count > left / each {
            return Err(DecodeError::Count { count, each, left });
        }
        self.elements(count, read).map(Some)
    }

    fn elements<T>(
        &mut self,
        count: usize,
        mut read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut out = Vec::with_capacity(count.min(FIRST_CAPACITY));
        for _ in 0..count {
            out.push(read(self)?);
        }
        Ok(out)
    }

    /// As [`Reader::array_null`], but null is an error.
    pub fn array<T>(
        &mut self,
        compact: bool,
        each: usize,
        read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            let count = s.count();
            return self.elements(count, read);
        }
        self.array_null(compact, each, read)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// The mark before a struct that may be null: a signed byte, negative for null.
    pub fn present(&mut self) -> Result<bool, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.coin());
        }
        Ok(self.i8()? >= 0)
    }

    /// The same mark inside a tagged field: an unsigned varint, 0 for null.
    pub fn present_tagged(&mut self) -> Result<bool, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.coin());
        }
        Ok(self.uvarint()? != 0)
    }

    /// The tagged fields at the end of a struct. `known` reads the fields it knows and returns whether it knew the tag; what it
    /// does not know is skipped. Order and repetition are not checked (Kafka does not either: the last one counts), but a known
    /// field must be exactly as long as it says.
    pub fn tags(
        &mut self,
        mut known: impl FnMut(&mut Reader, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        #[cfg(test)]
        if self.synth.is_some() {
            for tag in 0..synth::TAGS {
                if self.synth.as_mut().is_some_and(synth::Synth::coin) {
                    known(self, tag)?;
                }
            }
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let size = self.uvarint()? as usize;
            let left = self.remaining();
            if size > left {
                return Err(DecodeError::Short { need: size, left });
            }
            // The field sees its own bytes only.
            let outer = std::mem::replace(&mut self.end, self.at + size);
            let found = known(self, tag);
            let over = self.remaining();
            self.at = self.end;
            self.end = outer;
            if found? && over > 0 {
                return Err(DecodeError::TagSize { tag, left: over });
            }
        }
        Ok(())
    }

    /// Tagged fields of a struct that knows none.
    pub fn skip_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(false))
    }
}

/// One piece of an encoded message, to be sent in order.
#[derive(Clone, Debug)]
pub enum Chunk {
    Bytes(Bytes),
    File(FileRange),
}

/// An encoded message as a chain of chunks.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    pub chunks: Vec<Chunk>,
    /// Bytes in all chunks together.
    pub len: usize,
}

impl Encoded {
    /// The message in one piece. File ranges are read; for tests, metadata and everything small.
    ///
    /// # Panics
    /// If a file range cannot be read: messages with ranges belong to the network writer, which handles that error.
    pub fn to_bytes(&self) -> Bytes {
        if let [Chunk::Bytes(only)] = self.chunks.as_slice() {
            return only.clone();
        }
        let mut out = BytesMut::with_capacity(self.len);
        for chunk in &self.chunks {
            match chunk {
                Chunk::Bytes(bytes) => out.put_slice(bytes),
                Chunk::File(range) => out.put_slice(&range.read().expect("readable file range")),
            }
        }
        out.freeze()
    }
}

/// Writes values into a chain of chunks: small ones into a buffer, payloads and file ranges as chunks of their own.
#[derive(Debug, Default)]
pub struct Writer {
    buf: BytesMut,
    chunks: Vec<Chunk>,
    /// Bytes in `chunks`.
    flushed: usize,
    /// Inside a tagged field, whose size is put before it afterwards: all of it must stay in `buf`.
    in_tag: bool,
}

impl Writer {
    /// Payloads from this size on (bytes) are not copied but become chunks of their own.
    pub const CHUNK: usize = 4096;

    pub fn new() -> Self {
        Self::default()
    }

    /// A writer whose buffer has room for `n` bytes.
    pub fn with_capacity(n: usize) -> Self {
        Writer {
            buf: BytesMut::with_capacity(n),
            ..Self::default()
        }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.flushed + self.buf.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The chain of everything written.
    pub fn finish(mut self) -> Encoded {
        self.flush();
        Encoded {
            chunks: self.chunks,
            len: self.flushed,
        }
    }

    fn flush(&mut self) {
        if !self.buf.is_empty() {
            self.flushed += self.buf.len();
            self.chunks.push(Chunk::Bytes(self.buf.split().freeze()));
        }
    }

    pub fn i8(&mut self, v: i8) {
        self.buf.put_i8(v);
    }

    pub fn u8(&mut self, v: u8) {
        self.buf.put_u8(v);
    }

    pub fn bool(&mut self, v: bool) {
        self.buf.put_u8(v.into());
    }

    pub fn i16(&mut self, v: i16) {
        self.buf.put_i16(v);
    }

    pub fn u16(&mut self, v: u16) {
        self.buf.put_u16(v);
    }

    pub fn i32(&mut self, v: i32) {
        self.buf.put_i32(v);
    }

    pub fn u32(&mut self, v: u32) {
        self.buf.put_u32(v);
    }

    pub fn i64(&mut self, v: i64) {
        self.buf.put_i64(v);
    }

    pub fn f64(&mut self, v: f64) {
        self.buf.put_f64(v);
    }

    pub fn uuid(&mut self, v: Uuid) {
        self.buf.put_u128(v.0);
    }

    pub fn uvarint(&mut self, mut v: u32) {
        while v >= 0x80 {
            self.buf.put_u8(v as u8 | 0x80);
            v >>= 7;
        }
        self.buf.put_u8(v as u8);
    }

    pub fn uvarlong(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.buf.put_u8(v as u8 | 0x80);
            v >>= 7;
        }
        self.buf.put_u8(v as u8);
    }

    /// A zigzag varint of 32 bits.
    pub fn varint(&mut self, v: i32) {
        self.uvarint((v << 1 ^ v >> 31) as u32);
    }

    /// A zigzag varint of 64 bits.
    pub fn varlong(&mut self, v: i64) {
        self.uvarlong((v << 1 ^ v >> 63) as u64);
    }

    /// Bytes as they are, copied.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.put_slice(bytes);
    }

    /// Bytes as they are; shared, not copied, from [`Writer::CHUNK`] on.
    pub fn raw_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < Self::CHUNK || self.in_tag {
            self.buf.put_slice(bytes);
        } else {
            self.flush();
            self.flushed += bytes.len();
            self.chunks.push(Chunk::Bytes(bytes.clone()));
        }
    }

    fn length(&mut self, compact: bool, n: usize) -> Result<(), EncodeError> {
        let short = i32::try_from(n)
            .ok()
            .filter(|n| *n < i32::MAX)
            .ok_or(EncodeError::TooLong(n))?;
        if compact {
            self.uvarint(short as u32 + 1);
        } else {
            self.i32(short);
        }
        Ok(())
    }

    fn null(&mut self, compact: bool) {
        if compact {
            self.u8(0);
        } else {
            self.i32(-1);
        }
    }

    pub fn str(&mut self, compact: bool, v: &str) -> Result<(), EncodeError> {
        if v.len() > MAX_STRING {
            return Err(EncodeError::TooLong(v.len()));
        }
        if compact {
            self.uvarint(v.len() as u32 + 1);
        } else {
            self.i16(v.len() as i16);
        }
        self.buf.put_slice(v.as_bytes());
        Ok(())
    }

    pub fn str_null(&mut self, compact: bool, v: &Option<Str>) -> Result<(), EncodeError> {
        match v {
            Some(v) => self.str(compact, v),
            None if compact => {
                self.u8(0);
                Ok(())
            }
            None => {
                self.i16(-1);
                Ok(())
            }
        }
    }

    pub fn bytes(&mut self, compact: bool, v: &Bytes) -> Result<(), EncodeError> {
        self.length(compact, v.len())?;
        self.raw_shared(v);
        Ok(())
    }

    pub fn bytes_null(&mut self, compact: bool, v: &Option<Bytes>) -> Result<(), EncodeError> {
        match v {
            Some(v) => self.bytes(compact, v),
            None => {
                self.null(compact);
                Ok(())
            }
        }
    }

    pub fn records(&mut self, compact: bool, v: &Records) -> Result<(), EncodeError> {
        self.length(compact, v.len())?;
        match v {
            Records::Bytes(bytes) => self.raw_shared(bytes),
            Records::Ranges(_) if self.in_tag => return Err(EncodeError::RangeInTag),
            Records::Ranges(ranges) => {
                self.flush();
                for range in ranges.iter().filter(|r| r.len > 0) {
                    self.flushed += range.len as usize;
                    self.chunks.push(Chunk::File(range.clone()));
                }
            }
        }
        Ok(())
    }

    pub fn records_null(&mut self, compact: bool, v: &Option<Records>) -> Result<(), EncodeError> {
        match v {
            Some(v) => self.records(compact, v),
            None => {
                self.null(compact);
                Ok(())
            }
        }
    }

    pub fn array<T>(
        &mut self,
        compact: bool,
        v: &[T],
        mut write: impl FnMut(&mut Writer, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.length(compact, v.len())?;
        v.iter().try_for_each(|e| write(self, e))
    }

    pub fn array_null<T>(
        &mut self,
        compact: bool,
        v: &Option<Vec<T>>,
        write: impl FnMut(&mut Writer, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match v {
            Some(v) => self.array(compact, v, write),
            None => {
                self.null(compact);
                Ok(())
            }
        }
    }

    /// The mark before a struct that may be null.
    pub fn present(&mut self, present: bool) {
        self.i8(if present { 1 } else { -1 });
    }

    /// The same mark inside a tagged field.
    pub fn present_tagged(&mut self, present: bool) {
        self.u8(present.into());
    }

    /// One tagged field: tag, size, then what `write` writes. The caller has written the number of tagged fields before.
    pub fn tag(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.uvarint(tag);
        let from = self.buf.len();
        let outer = std::mem::replace(&mut self.in_tag, true);
        let written = write(self);
        self.in_tag = outer;
        written?;
        // The size goes before the value: write it behind, then rotate it to the front.
        let size = self.buf.len() - from;
        self.uvarint(u32::try_from(size).map_err(|_| EncodeError::TooLong(size))?);
        self.buf[from..].rotate_left(size);
        Ok(())
    }
}

/// Fills messages with random values by *reading* them from a generator instead of a frame: whatever the readers of the
/// generated messages ask for is made up, so no second set of generated functions is needed.
#[cfg(test)]
pub(crate) mod synth {
    use super::{Bytes, Reader, Str};

    /// Tags are tried up to here; the schemas of 4.3 use up to 10.
    pub const TAGS: u32 = 16;

    #[derive(Debug, Clone)]
    pub struct Synth {
        state: u64,
    }

    impl Synth {
        pub fn next(&mut self) -> u64 {
            // SplitMix64: one multiplication chain, every seed is good.
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.state;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ z >> 31
        }

        pub fn coin(&mut self) -> bool {
            self.next() & 1 == 1
        }

        pub fn count(&mut self) -> usize {
            (self.next() % 4) as usize
        }

        /// A number: small ones and both ends are as likely as all others together. NaN never comes up: it equals nothing.
        pub fn number<const N: usize>(&mut self) -> [u8; N] {
            let mut out = match self.next() % 4 {
                0 => [0; N],
                1 => [0xff; N],
                _ => std::array::from_fn(|_| self.next() as u8),
            };
            if N == 8 {
                out[0] &= 0xbf;
                if out == [0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..N] {
                    out[7] = 0;
                }
            }
            out
        }

        pub fn text(&mut self) -> Str {
            let n = match self.next() % 8 {
                0 => 0,
                1 => 200,
                n => n as usize,
            };
            (0..n)
                .map(|_| {
                    if self.next() % 8 == 0 {
                        'é'
                    } else {
                        (b'a' + (self.next() % 26) as u8) as char
                    }
                })
                .collect::<String>()
                .into()
        }
    }

    impl Reader {
        /// A reader that makes up what it reads.
        pub fn synth(seed: u64) -> Reader {
            let mut r = Reader::new(Bytes::new());
            r.synth = Some(Synth { state: seed });
            r
        }
    }
}
