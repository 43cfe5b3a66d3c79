//! The writer: values into a chain of chunks, so that payloads and file ranges are sent from where they lie.
//!
//! Always holds: the length of the chain is the sum of its chunks. Must never: copy payloads of [`Writer::CHUNK`] bytes and more
//! (tagged fields aside), or read a file.

use bytes::{BufMut, Bytes, BytesMut};

use super::{EncodeError, MAX_STRING};
use crate::types::{FileRange, Records, Str, Uuid};

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

/// A piece under construction: as [`Chunk`], but small fields can still be changed.
#[derive(Debug)]
enum Part {
    Small(BytesMut),
    Shared(Bytes),
    File(FileRange),
}

/// Writes values into a chain of chunks: small ones into a buffer, payloads and file ranges as chunks of their own.
#[derive(Debug, Default)]
pub struct Writer {
    buf: BytesMut,
    parts: Vec<Part>,
    /// Bytes in `parts`.
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

    /// A writer of a frame: [`Writer::finish`] puts the size, as i32, before everything.
    pub fn framed() -> Self {
        let mut w = Self::with_capacity(256);
        w.i32(0);
        w
    }

    /// Bytes written so far, with the size of a frame.
    pub fn len(&self) -> usize {
        self.flushed + self.buf.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends a frame begun by [`Writer::framed`]: puts the size of what follows into the first four bytes. Errors from 2 GiB on.
    pub fn finish_frame(mut self) -> Result<Encoded, EncodeError> {
        let len = self.len() - 4;
        let size = i32::try_from(len).map_err(|_| EncodeError::TooLong(len))?;
        self.flush();
        if let Some(Part::Small(first)) = self.parts.first_mut() {
            first[..4].copy_from_slice(&size.to_be_bytes());
        }
        Ok(self.finish())
    }

    /// The chain of everything written.
    pub fn finish(mut self) -> Encoded {
        self.flush();
        let freeze = |part| match part {
            Part::Small(bytes) => Chunk::Bytes(bytes.freeze()),
            Part::Shared(bytes) => Chunk::Bytes(bytes),
            Part::File(range) => Chunk::File(range),
        };
        Encoded {
            chunks: self.parts.into_iter().map(freeze).collect(),
            len: self.flushed,
        }
    }

    fn flush(&mut self) {
        if !self.buf.is_empty() {
            self.flushed += self.buf.len();
            self.parts.push(Part::Small(self.buf.split()));
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
            self.parts.push(Part::Shared(bytes.clone()));
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
                    self.parts.push(Part::File(range.clone()));
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
