//! The reader: values off one frame, strings and bytes as slices of it.
//!
//! Always holds: nothing is allocated for a count or a length before it has been compared with the bytes that are left.
//! Must never: panic on input, or read past a tagged field's own bytes.

use bytes::Bytes;

#[cfg(test)]
use super::synth;
use super::{DecodeError, MAX_STRING};
use crate::types::{Records, Str, Uuid};

/// An array of elements with arrays in them gets room for so many at first, and more as they arrive.
const FIRST_ROOM: usize = 256;

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

    fixed!(i8: i8 = 1, u8: u8 = 1, i16: i16 = 2, u16: u16 = 2, i32: i32 = 4, u32: u32 = 4, i64: i64 = 8);

    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok(s.next() as f64);
        }
        Ok(f64::from_bits(self.i64()? as u64))
    }

    /// From now on the reader makes up what it reads.
    #[cfg(test)]
    pub(super) fn make_up(&mut self, synth: synth::Synth) {
        self.synth = Some(synth);
    }

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

    /// An array whose elements take at least `each` bytes (≥ 1) and have no arrays in them. A count that cannot fit is refused
    /// before anything is allocated; then all room is made at once.
    pub fn array_null<T>(
        &mut self,
        compact: bool,
        each: usize,
        read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        match self.count(compact, each, true)? {
            Some(count) => self.elements(count, count, read).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Reader::array_null`], but null is an error.
    pub fn array<T>(
        &mut self,
        compact: bool,
        each: usize,
        read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.count(compact, each, false)?.unwrap_or(0);
        self.elements(count, count, read)
    }

    /// As [`Reader::array_null`], for elements that have arrays in them: every level of nesting could make room for the same
    /// bytes, so room is made as elements really arrive.
    pub fn nested_null<T>(
        &mut self,
        compact: bool,
        each: usize,
        read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        match self.count(compact, each, true)? {
            Some(count) => self.elements(count, FIRST_ROOM, read).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Reader::nested_null`], but null is an error.
    pub fn nested<T>(
        &mut self,
        compact: bool,
        each: usize,
        read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.count(compact, each, false)?.unwrap_or(0);
        self.elements(count, FIRST_ROOM, read)
    }

    /// The checked count of an array. Never `None` unless `nullable`.
    fn count(
        &mut self,
        compact: bool,
        each: usize,
        nullable: bool,
    ) -> Result<Option<usize>, DecodeError> {
        #[cfg(test)]
        if let Some(s) = &mut self.synth {
            return Ok((!nullable || s.coin()).then(|| s.count()));
        }
        let Some(count) = self.length(compact)? else {
            return if nullable {
                Ok(None)
            } else {
                Err(DecodeError::UnexpectedNull)
            };
        };
        let left = self.remaining();
        if count > left / each {
            return Err(DecodeError::Count { count, each, left });
        }
        Ok(Some(count))
    }

    fn elements<T>(
        &mut self,
        count: usize,
        room: usize,
        mut read: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut out = Vec::with_capacity(count.min(room));
        for _ in 0..count {
            out.push(read(self)?);
        }
        Ok(out)
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
