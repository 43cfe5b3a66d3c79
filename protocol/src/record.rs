//! Records inside a batch: views over its bytes, made one at a time. Headers keep their order and their duplicates.
//!
//! Always holds: a [`RecordView`] has been read to its last byte, so looking at its headers cannot fail. Must never: allocate for
//! a record, or believe a length before it has been compared with what is left.

use bytes::Bytes;

use crate::batch::{BatchBytes, BatchError, BatchHeader, NO_SEQUENCE, TimestampType, add_sequence};
use crate::compress::{self, Codec, DecompressError};
use crate::types::{Millis, Offset};

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    #[error("record {index}: {what}")]
    Structure { index: u32, what: Flaw },
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    #[error("the batch ends before it")]
    Missing,
    #[error("bytes are left after the last one")]
    Trailing,
    #[error("its size {0} is not what lies in it")]
    Size(i32),
    #[error("a variable-length integer does not end")]
    Varint,
    #[error("a length reaches beyond its end")]
    Beyond,
    #[error("header count {0}")]
    HeaderCount(i32),
    #[error("a header without a key")]
    HeaderKey,
    #[error("the batch says it has {0} records")]
    Count(i32),
}

/// Bytes of a zigzag varint.
pub fn varint_len(value: i32) -> usize {
    let raw = ((value << 1) ^ (value >> 31)) as u32;
    (38 - raw.leading_zeros() as usize) / 7 + usize::from(raw == 0)
}

/// Bytes of a zigzag varlong.
pub fn varlong_len(value: i64) -> usize {
    let raw = ((value << 1) ^ (value >> 63)) as u64;
    (70 - raw.leading_zeros() as usize) / 7 + usize::from(raw == 0)
}

/// Appends a zigzag varint.
pub fn put_varint(out: &mut Vec<u8>, value: i32) {
    let mut raw = ((value << 1) ^ (value >> 31)) as u32;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Appends a zigzag varlong.
pub fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Reads a zigzag varint off the front. `Missing` if the bytes end in it.
pub fn take_varint(bytes: &mut &[u8]) -> Result<i32, Flaw> {
    // Most lengths and deltas of small records are one byte.
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Ok(i32::from(*first >> 1) ^ -i32::from(*first & 1));
    }
    let mut raw = 0u32;
    for i in 0..5 {
        let byte = *bytes.get(i).ok_or(Flaw::Missing)?;
        raw |= u32::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Ok((raw >> 1) as i32 ^ -((raw & 1) as i32));
        }
    }
    Err(Flaw::Varint)
}

/// Reads a zigzag varlong off the front.
pub fn take_varlong(bytes: &mut &[u8]) -> Result<i64, Flaw> {
    let mut raw = 0u64;
    for i in 0..10 {
        let byte = *bytes.get(i).ok_or(Flaw::Missing)?;
        raw |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Ok((raw >> 1) as i64 ^ -((raw & 1) as i64));
        }
    }
    Err(Flaw::Varint)
}

/// Inside a record the end of the bytes means that an inner length lied.
fn inner<T>(read: Result<T, Flaw>) -> Result<T, Flaw> {
    read.map_err(|flaw| match flaw {
        Flaw::Missing => Flaw::Beyond,
        other => other,
    })
}

/// Length and bytes; any negative length is null, as the Java client reads it.
fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Flaw> {
    let len = inner(take_varint(bytes))?;
    let Ok(len) = usize::try_from(len) else {
        return Ok(None);
    };
    let (taken, rest) = bytes.split_at_checked(len).ok_or(Flaw::Beyond)?;
    *bytes = rest;
    Ok(Some(taken))
}

/// A record's headers in order, duplicates included. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    count: u32,
    raw: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Headers left to come.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of the headers left to come, without their count.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl<'a> Iterator for Headers<'a> {
    /// Key and value.
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let key = take_bytes(&mut self.raw).ok()??;
        let value = take_bytes(&mut self.raw).ok()?;
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl ExactSizeIterator for Headers<'_> {}

/// One record, as slices of its batch.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub offset: Offset,
    pub offset_delta: i32,
    /// The producer's time, or the broker's for a batch of type log-append time; -1 is none.
    pub timestamp: Millis,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    headers: Headers<'a>,
}

impl<'a> RecordView<'a> {
    pub fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The record's sequence in a batch whose first has `base`; [`NO_SEQUENCE`] if that has none.
    pub fn sequence(&self, base: i32) -> i32 {
        if base == NO_SEQUENCE {
            NO_SEQUENCE
        } else {
            add_sequence(base, self.offset_delta)
        }
    }
}

/// What a batch's header lends its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    offset: i64,
    timestamp: i64,
    append_time: Option<i64>,
}

impl Bases {
    pub(crate) fn of(header: &BatchHeader) -> Bases {
        Bases {
            offset: header.base_offset,
            timestamp: header.base_timestamp,
            append_time: (header.timestamp_type() == TimestampType::LogAppend)
                .then_some(header.max_timestamp),
        }
    }

    /// A record's timestamp by its delta.
    pub(crate) fn timestamp(&self, delta: i64) -> Millis {
        Millis(
            self.append_time
                .unwrap_or_else(|| self.timestamp.wrapping_add(delta)),
        )
    }

    /// Reads the body of a record (what its length counts), to the last byte.
    pub(crate) fn read<'a>(&self, body: &'a [u8]) -> Result<RecordView<'a>, Flaw> {
        let size = body.len() as i32;
        // The attributes of a record are unused; Kafka reads past them, too.
        let [_, rest @ ..] = body else {
            return Err(Flaw::Size(size));
        };
        let mut at = rest;
        let timestamp_delta = inner(take_varlong(&mut at))?;
        let offset_delta = inner(take_varint(&mut at))?;
        let key = take_bytes(&mut at)?;
        let value = take_bytes(&mut at)?;
        let count = inner(take_varint(&mut at))?;
        // A header takes at least two bytes.
        let headers = match u32::try_from(count) {
            Ok(n) if n as usize <= at.len() / 2 => Headers { count: n, raw: at },
            _ => return Err(Flaw::HeaderCount(count)),
        };
        for _ in 0..count {
            take_bytes(&mut at)?.ok_or(Flaw::HeaderKey)?;
            take_bytes(&mut at)?;
        }
        if !at.is_empty() {
            return Err(Flaw::Size(size));
        }
        Ok(RecordView {
            offset: Offset(self.offset.wrapping_add(offset_delta.into())),
            offset_delta,
            timestamp: self.timestamp(timestamp_delta),
            key,
            value,
            headers,
        })
    }
}

/// Cuts the next record's body off an uncompressed section.
pub(crate) fn take_body<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Flaw> {
    let size = take_varint(bytes)?;
    let len = usize::try_from(size).map_err(|_| Flaw::Size(size))?;
    let (body, rest) = bytes.split_at_checked(len).ok_or(Flaw::Missing)?;
    *bytes = rest;
    Ok(body)
}

/// A batch's records, decompressed as a whole if they were compressed, shared with the batch if not.
#[derive(Clone, Debug)]
pub struct RecordSet {
    header: BatchHeader,
    section: Bytes,
}

impl RecordSet {
    /// Decompresses into at most `limit` bytes. Uncompressed batches are not copied and know no limit.
    pub fn open(batch: &BatchBytes, limit: usize) -> Result<RecordSet, RecordError> {
        let section = match batch.codec()? {
            Codec::None => batch.section_bytes(),
            // An empty batch may have kept its codec and has nothing to decompress.
            _ if batch.header().record_count == 0 && batch.section().is_empty() => Bytes::new(),
            codec => compress::decompress(codec, batch.section(), limit)?.into(),
        };
        Ok(RecordSet {
            header: *batch.header(),
            section,
        })
    }

    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The uncompressed bytes that all views point into.
    pub fn section(&self) -> &Bytes {
        &self.section
    }

    pub fn iter(&self) -> RecordIter<'_> {
        RecordIter::new(&self.header, &self.section)
    }
}

impl<'a> IntoIterator for &'a RecordSet {
    type Item = Result<RecordView<'a>, RecordError>;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

/// Goes over an uncompressed section. Ends after the first error; tells of bytes left over after the last record.
#[derive(Clone, Debug)]
pub struct RecordIter<'a> {
    bases: Bases,
    left: &'a [u8],
    index: u32,
    count: i32,
    done: bool,
}

impl<'a> RecordIter<'a> {
    pub fn new(header: &BatchHeader, section: &'a [u8]) -> Self {
        RecordIter {
            bases: Bases::of(header),
            left: section,
            index: 0,
            count: header.record_count,
            done: false,
        }
    }

    fn step(&mut self) -> Result<Option<RecordView<'a>>, Flaw> {
        let Ok(count) = u32::try_from(self.count) else {
            return Err(Flaw::Count(self.count));
        };
        if self.index == count {
            return if self.left.is_empty() {
                Ok(None)
            } else {
                Err(Flaw::Trailing)
            };
        }
        let view = self.bases.read(take_body(&mut self.left)?)?;
        self.index += 1;
        Ok(Some(view))
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<RecordView<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.step();
        self.done = !matches!(next, Ok(Some(_)));
        match next {
            Ok(view) => view.map(Ok),
            Err(what) => Some(Err(RecordError::Structure {
                index: self.index,
                what,
            })),
        }
    }
}
