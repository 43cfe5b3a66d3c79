//! Building a batch out of records.
//!
//! Always holds: what is built has a true length and CRC. Must never: fail; more than a batch can hold is a bug of the caller.

use bytes::Bytes;

use super::{
    BatchHeader, HEADER_LEN, MAGIC, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
    OVERHEAD, TimestampType, at, attribute, batch_crc,
};
use crate::compress::{self, Codec};
use crate::record::{put_varint, put_varlong, varint_len, varlong_len};
use crate::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId};

/// Kafka's bound on the bytes of one batch: a length is a signed 32-bit number.
pub const BATCH_LEN_MAX: usize = i32::MAX as usize;

/// A record's header, as it is pushed into a builder: key (UTF-8 by convention) and value.
pub type HeaderRef<'a> = (&'a [u8], Option<&'a [u8]>);

/// Makes one batch out of records.
///
/// ```
/// use airis_protocol::{batch::{BatchBuilder, TimestampType}, compress::Codec, types::*};
/// let mut batch = BatchBuilder::new(Codec::None, TimestampType::Create);
/// batch.push(Millis(1_700_000_000_000), Some(b"key"), Some(b"value"), &[]);
/// let bytes = batch.build(Offset(0), LeaderEpoch(0));
/// assert_eq!(bytes.len(), 61 + 15);
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    codec: Codec,
    level: Option<i32>,
    attributes: i16,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    /// Set for log-append time: the one timestamp that readers see.
    append_time: Option<i64>,
    next_delta: i32,
    count: i32,
    producer: (i64, i16, i32),
    records: Vec<u8>,
}

impl BatchBuilder {
    pub fn new(codec: Codec, timestamp_type: TimestampType) -> Self {
        BatchBuilder {
            codec,
            level: None,
            attributes: match timestamp_type {
                TimestampType::Create => 0,
                TimestampType::LogAppend => attribute::LOG_APPEND_TIME,
            },
            base_timestamp: None,
            max_timestamp: NO_TIMESTAMP,
            append_time: None,
            next_delta: 0,
            count: 0,
            producer: (NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE),
            records: Vec::new(),
        }
    }

    /// Makes room for so many bytes of records.
    pub fn reserve(&mut self, bytes: usize) {
        self.records.reserve(bytes);
    }

    /// The compression level; without one the codec's default.
    pub fn level(&mut self, level: i32) -> &mut Self {
        self.level = Some(level);
        self
    }

    /// The producer's id, its epoch, and the sequence of the first record.
    pub fn producer(&mut self, id: ProducerId, epoch: ProducerEpoch, sequence: i32) -> &mut Self {
        self.producer = (id.0, epoch.0, sequence);
        self
    }

    pub fn transactional(&mut self) -> &mut Self {
        self.attributes |= attribute::TRANSACTIONAL;
        self
    }

    pub fn control(&mut self) -> &mut Self {
        self.attributes |= attribute::CONTROL;
        self
    }

    /// The broker's time, for all records of a batch of type log-append time.
    pub fn append_time(&mut self, now: Millis) -> &mut Self {
        self.append_time = Some(now.0);
        self
    }

    /// Marks the batch with the time from which its tombstones may go (compaction). Call it before the first record: the base
    /// timestamp then carries it, and the records' deltas count from it.
    pub fn delete_horizon(&mut self, horizon: Millis) -> &mut Self {
        assert_eq!(self.count, 0, "the horizon is the base of all deltas");
        self.attributes |= attribute::DELETE_HORIZON;
        self.base_timestamp = Some(horizon.0);
        self
    }

    /// Adds a record at the next offset.
    pub fn push(
        &mut self,
        timestamp: Millis,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderRef<'_>],
    ) -> &mut Self {
        self.push_at(self.next_delta, timestamp, key, value, headers)
    }

    /// Adds a record at an offset of its own, relative to the batch's base; it must be greater than all before it.
    pub fn push_at(
        &mut self,
        offset_delta: i32,
        timestamp: Millis,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[HeaderRef<'_>],
    ) -> &mut Self {
        let mut len = tail_len(key, value) + varint_len(headers.len() as i32);
        for (key, value) in headers {
            len += bytes_len(Some(key)) + bytes_len(*value);
        }
        self.open_record(offset_delta, timestamp, len);
        put_tail(&mut self.records, key, value);
        put_varint(&mut self.records, headers.len() as i32);
        for (key, value) in headers {
            put_bytes(&mut self.records, Some(key));
            put_bytes(&mut self.records, *value);
        }
        self
    }

    /// Adds a copy of a record, headers and all, at an offset relative to this batch's base.
    pub fn push_view(
        &mut self,
        offset_delta: i32,
        record: &crate::record::RecordView<'_>,
    ) -> &mut Self {
        let headers = record.headers();
        let len = tail_len(record.key, record.value)
            + varint_len(headers.len() as i32)
            + headers.raw().len();
        self.open_record(offset_delta, record.timestamp, len);
        put_tail(&mut self.records, record.key, record.value);
        put_varint(&mut self.records, headers.len() as i32);
        self.records.extend_from_slice(headers.raw());
        self
    }

    /// Length, attributes and deltas of a record whose rest (from the key's length on) has `tail` bytes.
    fn open_record(&mut self, offset_delta: i32, timestamp: Millis, tail: usize) {
        assert!(offset_delta >= self.next_delta, "offsets rise");
        // Kafka keeps the producer's times in a batch of type log-append time; readers are shown the batch's max timestamp.
        let timestamp = timestamp.0;
        let base = *self.base_timestamp.get_or_insert(timestamp);
        let delta = timestamp.wrapping_sub(base);
        let len = 1 + varlong_len(delta) + varint_len(offset_delta) + tail;
        assert!(
            self.records.len() + len + 5 < BATCH_LEN_MAX - HEADER_LEN,
            "a batch's length fits 31 bits"
        );
        put_varint(&mut self.records, len as i32);
        self.records.push(0);
        put_varlong(&mut self.records, delta);
        put_varint(&mut self.records, offset_delta);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.next_delta = offset_delta + 1;
        self.count += 1;
    }

    pub fn count(&self) -> i32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch before compression.
    pub fn size(&self) -> usize {
        HEADER_LEN + self.records.len()
    }

    /// The largest timestamp so far, -1 without records.
    pub fn max_timestamp(&self) -> Millis {
        Millis(self.append_time.unwrap_or(self.max_timestamp))
    }

    /// Compresses and closes the batch. Panics without a record: an empty batch is made by compaction only, see
    /// [`empty_batch`].
    pub fn build(&self, base_offset: Offset, leader_epoch: LeaderEpoch) -> Bytes {
        assert!(self.count > 0, "a batch has a record");
        let mut out = vec![0; HEADER_LEN];
        match self.codec {
            Codec::None => {
                out.reserve_exact(self.records.len());
                out.extend_from_slice(&self.records);
            }
            codec => compress::compress_into(codec, self.level, &self.records, &mut out),
        }
        let (producer_id, producer_epoch, base_sequence) = self.producer;
        seal(
            BatchHeader {
                base_offset: base_offset.0,
                batch_length: 0,
                leader_epoch: leader_epoch.0,
                magic: MAGIC,
                crc: 0,
                attributes: self.attributes | i16::from(self.codec.id()),
                last_offset_delta: self.next_delta - 1,
                base_timestamp: self.base_timestamp.unwrap_or(NO_TIMESTAMP),
                max_timestamp: self.append_time.unwrap_or(self.max_timestamp),
                producer_id,
                producer_epoch,
                base_sequence,
                record_count: self.count,
            },
            out,
        )
    }
}

/// Writes length and CRC into the header and the header over the first bytes of `out`.
fn seal(mut header: BatchHeader, mut out: Vec<u8>) -> Bytes {
    assert!(out.len() <= BATCH_LEN_MAX, "a batch's length fits 31 bits");
    header.batch_length = (out.len() - OVERHEAD) as i32;
    header.write(&mut out);
    header.crc = batch_crc(&out);
    out[at::CRC..][..4].copy_from_slice(&header.crc.to_be_bytes());
    out.into()
}

/// A batch whose records compaction has all removed, kept for its offsets and its producer's sequence: the header of
/// `original`, no records, no codec.
pub fn empty_batch(original: &BatchHeader) -> Bytes {
    let header = BatchHeader {
        attributes: original.attributes & !attribute::CODEC & !attribute::DELETE_HORIZON,
        base_timestamp: NO_TIMESTAMP,
        record_count: 0,
        ..*original
    };
    seal(header, vec![0; HEADER_LEN])
}

fn bytes_len(bytes: Option<&[u8]>) -> usize {
    match bytes {
        None => 1,
        Some(b) => varint_len(b.len() as i32) + b.len(),
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(b) => {
            put_varint(out, b.len() as i32);
            out.extend_from_slice(b);
        }
    }
}

fn tail_len(key: Option<&[u8]>, value: Option<&[u8]>) -> usize {
    bytes_len(key) + bytes_len(value)
}

fn put_tail(out: &mut Vec<u8>, key: Option<&[u8]>, value: Option<&[u8]>) {
    put_bytes(out, key);
    put_bytes(out, value);
}
