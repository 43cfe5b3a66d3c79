//! Going over a batch's records without holding them: what validation needs to know of each, one at a time.
//!
//! Always holds: every record is read to its last byte, and nothing is left behind the last one; a compressed batch takes a window
//! of 64 KiB however large it is inside. Must never: hand out a record that was not whole.

use crate::batch::BatchBytes;
use crate::compress::{Codec, Decompressor};
use crate::record::{Bases, Flaw, RecordError, RecordIter};
use crate::types::Millis;

/// Decompressed bytes that are held at a time; a record larger than this is read past, not into memory.
const WINDOW: usize = 64 * 1024;

/// What validation asks of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    pub offset_delta: i32,
    pub timestamp: Millis,
    pub has_key: bool,
}

/// Calls `each` with every record in order, decompressing at most `limit` bytes.
pub(crate) fn walk(
    batch: &BatchBytes,
    limit: usize,
    mut each: impl FnMut(Glance),
) -> Result<(), RecordError> {
    let header = batch.header();
    let codec = header.codec()?;
    if codec == Codec::None {
        for record in RecordIter::new(header, batch.section()) {
            let record = record?;
            each(Glance {
                offset_delta: record.offset_delta,
                timestamp: record.timestamp,
                has_key: record.key.is_some(),
            });
        }
        return Ok(());
    }
    let mut stream = Stream {
        source: Decompressor::new(codec, batch.section(), limit)?,
        window: vec![0; WINDOW].into_boxed_slice(),
        at: 0,
        end: 0,
        index: 0,
    };
    let bases = Bases::of(header);
    let count = u32::try_from(header.record_count)
        .map_err(|_| stream.flaw(Flaw::Count(header.record_count)))?;
    while stream.index < count {
        let glance = stream.record(&bases)?;
        stream.index += 1;
        each(glance);
    }
    if stream.at < stream.end || stream.fill()? {
        return Err(stream.flaw(Flaw::Trailing));
    }
    Ok(())
}

/// A window over what is decompressed; `at..end` of it has not been looked at yet.
struct Stream<'a> {
    source: Decompressor<'a>,
    window: Box<[u8]>,
    at: usize,
    end: usize,
    index: u32,
}

impl Stream<'_> {
    fn flaw(&self, what: Flaw) -> RecordError {
        RecordError::Structure {
            index: self.index,
            what,
        }
    }

    /// Gets more bytes into the window, moving what is left to its front. False at the end of the stream.
    fn fill(&mut self) -> Result<bool, RecordError> {
        if self.end == self.window.len() {
            self.window.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
        }
        let n = self.source.read_some(&mut self.window[self.end..])?;
        self.end += n;
        Ok(n > 0)
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        if self.at == self.end && !self.fill()? {
            return Err(self.flaw(Flaw::Missing));
        }
        self.at += 1;
        Ok(self.window[self.at - 1])
    }

    fn varint(&mut self) -> Result<i32, RecordError> {
        let mut raw = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            raw |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((raw >> 1) as i32 ^ -((raw & 1) as i32));
            }
        }
        Err(self.flaw(Flaw::Varint))
    }

    fn record(&mut self, bases: &Bases) -> Result<Glance, RecordError> {
        let size = self.varint()?;
        let len = usize::try_from(size).map_err(|_| self.flaw(Flaw::Size(size)))?;
        if len > WINDOW {
            return self.large(bases, len);
        }
        while self.end - self.at < len {
            // A record that fits the window but not behind what was read already: its start moves to the front.
            if self.window.len() - self.at < len {
                self.window.copy_within(self.at..self.end, 0);
                self.end -= self.at;
                self.at = 0;
            }
            if !self.fill()? {
                return Err(self.flaw(Flaw::Missing));
            }
        }
        let body = &self.window[self.at..self.at + len];
        let record = bases.read(body).map_err(|what| self.flaw(what))?;
        let glance = Glance {
            offset_delta: record.offset_delta,
            timestamp: record.timestamp,
            has_key: record.key.is_some(),
        };
        self.at += len;
        Ok(glance)
    }

    /// A record that the window cannot hold: its lengths are read, its payloads skipped.
    fn large(&mut self, bases: &Bases, len: usize) -> Result<Glance, RecordError> {
        let mut left = len;
        // The attributes of a record are unused.
        self.inner_byte(&mut left)?;
        let timestamp_delta = self.inner_varlong(&mut left)?;
        let offset_delta = self.inner_varint(&mut left)?;
        let has_key = self.skip_bytes(&mut left)?;
        self.skip_bytes(&mut left)?;
        let headers = self.inner_varint(&mut left)?;
        if headers < 0 || headers as usize > left / 2 {
            return Err(self.flaw(Flaw::HeaderCount(headers)));
        }
        for _ in 0..headers {
            if !self.skip_bytes(&mut left)? {
                return Err(self.flaw(Flaw::HeaderKey));
            }
            self.skip_bytes(&mut left)?;
        }
        if left > 0 {
            return Err(self.flaw(Flaw::Size(len as i32)));
        }
        Ok(Glance {
            offset_delta,
            timestamp: bases.timestamp(timestamp_delta),
            has_key,
        })
    }

    fn inner_byte(&mut self, left: &mut usize) -> Result<u8, RecordError> {
        *left = left.checked_sub(1).ok_or_else(|| self.flaw(Flaw::Beyond))?;
        self.byte()
    }

    fn inner_varlong(&mut self, left: &mut usize) -> Result<i64, RecordError> {
        let mut raw = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.inner_byte(left)?;
            raw |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((raw >> 1) as i64 ^ -((raw & 1) as i64));
            }
        }
        Err(self.flaw(Flaw::Varint))
    }

    fn inner_varint(&mut self, left: &mut usize) -> Result<i32, RecordError> {
        let mut raw = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.inner_byte(left)?;
            raw |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((raw >> 1) as i32 ^ -((raw & 1) as i32));
            }
        }
        Err(self.flaw(Flaw::Varint))
    }

    /// Length and bytes, skipped; false for null.
    fn skip_bytes(&mut self, left: &mut usize) -> Result<bool, RecordError> {
        let len = self.inner_varint(left)?;
        let Ok(mut len) = usize::try_from(len) else {
            return Ok(false);
        };
        *left = left
            .checked_sub(len)
            .ok_or_else(|| self.flaw(Flaw::Beyond))?;
        while len > 0 {
            if self.at == self.end {
                (self.at, self.end) = (0, 0);
                if !self.fill()? {
                    return Err(self.flaw(Flaw::Missing));
                }
            }
            let n = len.min(self.end - self.at);
            self.at += n;
            len -= n;
        }
        Ok(true)
    }
}
