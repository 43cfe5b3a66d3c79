//! The record batch of format version 2: its header as numbers, a checked view over its bytes, stamping, and building.
//!
//! Always holds: a [`BatchBytes`] has a true length, magic 2 and a valid CRC; nobody checks them again. Must never: decode
//! records (see [`crate::record`]), copy a batch in order to look at it, or panic on what was received.

mod build;

use bytes::Bytes;
use smallvec::SmallVec;

pub use build::{BATCH_LEN_MAX, BatchBuilder, HeaderRef, empty_batch};

use crate::compress::Codec;
use crate::record::{RecordError, RecordSet};
use crate::types::{LeaderEpoch, Millis, Offset};

/// Bytes before the records.
pub const HEADER_LEN: usize = 61;
/// Base offset and length: what the length field does not count.
pub const OVERHEAD: usize = 12;
/// The only format version that is written and, on produce, accepted.
pub const MAGIC: i8 = 2;
/// No sequence: the batch is not from an idempotent producer.
pub const NO_SEQUENCE: i32 = -1;
/// No producer id.
pub const NO_PRODUCER_ID: i64 = -1;
/// No producer epoch.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// No timestamp.
pub const NO_TIMESTAMP: i64 = -1;

/// Where the header's fields lie.
pub mod at {
    pub const BASE_OFFSET: usize = 0;
    pub const LENGTH: usize = 8;
    pub const LEADER_EPOCH: usize = 12;
    pub const MAGIC: usize = 16;
    pub const CRC: usize = 17;
    /// The CRC covers from here to the end, so base offset and leader epoch are free to change.
    pub const ATTRIBUTES: usize = 21;
    pub const LAST_OFFSET_DELTA: usize = 23;
    pub const BASE_TIMESTAMP: usize = 27;
    pub const MAX_TIMESTAMP: usize = 35;
    pub const PRODUCER_ID: usize = 43;
    pub const PRODUCER_EPOCH: usize = 51;
    pub const BASE_SEQUENCE: usize = 53;
    pub const RECORD_COUNT: usize = 57;
}

/// The bits of `attributes`.
pub mod attribute {
    pub const CODEC: i16 = 0x07;
    pub const LOG_APPEND_TIME: i16 = 0x08;
    pub const TRANSACTIONAL: i16 = 0x10;
    pub const CONTROL: i16 = 0x20;
    /// The base timestamp is the time from which tombstones may go (KIP-534); set by compaction only.
    pub const DELETE_HORIZON: i16 = 0x40;
}

/// Who set the timestamps of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer; each record has its own.
    #[default]
    Create,
    /// The broker; every record has the batch's max timestamp.
    LogAppend,
}

impl TimestampType {
    /// The name that topic configs and tools use.
    pub fn name(self) -> &'static str {
        match self {
            TimestampType::Create => "CreateTime",
            TimestampType::LogAppend => "LogAppendTime",
        }
    }
}

/// Why bytes are not a chain of whole record batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("no record batch at all")]
    Empty,
    #[error("a batch of {need} bytes, but only {left} are there")]
    Short { need: usize, left: usize },
    #[error("batch length {0} is less than its own header")]
    Length(i32),
    #[error("magic {0}, only 2 is supported")]
    Magic(i8),
    #[error("stored CRC {stored:08x}, computed {computed:08x}")]
    Crc { stored: u32, computed: u32 },
    #[error("compression codec {0} is unknown")]
    Codec(u8),
}

/// The header of a batch as plain numbers. Nothing in it is checked against the records by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes after the length field.
    pub batch_length: i32,
    pub leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has N bytes")
}

impl BatchHeader {
    /// Reads the header. Checks that 61 bytes are there, that the length is not less than the header, and the magic; not the CRC,
    /// and not that the rest of the batch is there.
    pub fn read(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let (need, left) = (HEADER_LEN, bytes.len());
        // Length and magic first: an old or foreign format is told apart even when it is shorter than our header.
        if left > at::MAGIC {
            let length = i32::from_be_bytes(array(bytes, at::LENGTH));
            let magic = bytes[at::MAGIC] as i8;
            if magic != MAGIC {
                return Err(BatchError::Magic(magic));
            }
            if length < (HEADER_LEN - OVERHEAD) as i32 {
                return Err(BatchError::Length(length));
            }
        }
        if left < need {
            return Err(BatchError::Short { need, left });
        }
        Ok(BatchHeader {
            base_offset: i64::from_be_bytes(array(bytes, at::BASE_OFFSET)),
            batch_length: i32::from_be_bytes(array(bytes, at::LENGTH)),
            leader_epoch: i32::from_be_bytes(array(bytes, at::LEADER_EPOCH)),
            magic: MAGIC,
            crc: u32::from_be_bytes(array(bytes, at::CRC)),
            attributes: i16::from_be_bytes(array(bytes, at::ATTRIBUTES)),
            last_offset_delta: i32::from_be_bytes(array(bytes, at::LAST_OFFSET_DELTA)),
            base_timestamp: i64::from_be_bytes(array(bytes, at::BASE_TIMESTAMP)),
            max_timestamp: i64::from_be_bytes(array(bytes, at::MAX_TIMESTAMP)),
            producer_id: i64::from_be_bytes(array(bytes, at::PRODUCER_ID)),
            producer_epoch: i16::from_be_bytes(array(bytes, at::PRODUCER_EPOCH)),
            base_sequence: i32::from_be_bytes(array(bytes, at::BASE_SEQUENCE)),
            record_count: i32::from_be_bytes(array(bytes, at::RECORD_COUNT)),
        })
    }

    /// Writes the header over the first 61 bytes, the CRC as it stands in `self`.
    fn write(&self, out: &mut [u8]) {
        out[at::BASE_OFFSET..][..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[at::LENGTH..][..4].copy_from_slice(&self.batch_length.to_be_bytes());
        out[at::LEADER_EPOCH..][..4].copy_from_slice(&self.leader_epoch.to_be_bytes());
        out[at::MAGIC] = self.magic as u8;
        out[at::CRC..][..4].copy_from_slice(&self.crc.to_be_bytes());
        out[at::ATTRIBUTES..][..2].copy_from_slice(&self.attributes.to_be_bytes());
        out[at::LAST_OFFSET_DELTA..][..4].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[at::BASE_TIMESTAMP..][..8].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[at::MAX_TIMESTAMP..][..8].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[at::PRODUCER_ID..][..8].copy_from_slice(&self.producer_id.to_be_bytes());
        out[at::PRODUCER_EPOCH..][..2].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[at::BASE_SEQUENCE..][..4].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[at::RECORD_COUNT..][..4].copy_from_slice(&self.record_count.to_be_bytes());
    }

    /// Bytes of the whole batch.
    pub fn size(&self) -> usize {
        self.batch_length as usize + OVERHEAD
    }

    /// The offset of the last record (of the batch as it was written: compaction may have taken the record itself).
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.wrapping_add(self.last_offset_delta.into()))
    }

    /// The offset after the batch.
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.wrapping_add(1))
    }

    /// The codec of the records; codecs 5, 6 and 7 do not exist.
    pub fn codec(&self) -> Result<Codec, BatchError> {
        let id = (self.attributes & attribute::CODEC) as u8;
        Codec::from_id(id).ok_or(BatchError::Codec(id))
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & attribute::LOG_APPEND_TIME == 0 {
            TimestampType::Create
        } else {
            TimestampType::LogAppend
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & attribute::TRANSACTIONAL != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & attribute::CONTROL != 0
    }

    /// The time from which tombstones of this batch may be removed, if compaction has set one.
    pub fn delete_horizon(&self) -> Option<Millis> {
        (self.attributes & attribute::DELETE_HORIZON != 0).then_some(Millis(self.base_timestamp))
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The sequence of the last record; [`NO_SEQUENCE`] if the first has none.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        add_sequence(self.base_sequence, self.last_offset_delta)
    }
}

/// A sequence `by` steps on. Sequences wrap from 2^31 - 1 to 0.
pub fn add_sequence(sequence: i32, by: i32) -> i32 {
    ((i64::from(sequence) + i64::from(by)) & 0x7fff_ffff) as i32
}

/// CRC-32C over what a batch's CRC covers. `batch` is one whole batch.
pub fn batch_crc(batch: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(&batch[at::ATTRIBUTES..])
}

/// Checks the CRC of one whole batch whose header is `header`.
pub fn check_crc(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    compare(header.crc, batch_crc(batch))
}

/// As [`check_crc`], for a batch that comes piece by piece, from [`at::ATTRIBUTES`] on.
pub struct PiecewiseCrc(crc_fast::Digest);

impl Default for PiecewiseCrc {
    fn default() -> Self {
        PiecewiseCrc(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi))
    }
}

impl PiecewiseCrc {
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub fn check(self, header: &BatchHeader) -> Result<(), BatchError> {
        compare(header.crc, self.0.finalize() as u32)
    }
}

fn compare(stored: u32, computed: u32) -> Result<(), BatchError> {
    if stored == computed {
        Ok(())
    } else {
        Err(BatchError::Crc { stored, computed })
    }
}

/// One whole batch with a valid CRC. Clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchBytes {
    bytes: Bytes,
    header: BatchHeader,
}

impl BatchBytes {
    /// Cuts the first batch off and checks length, magic and CRC. The codec is not checked.
    pub fn parse(bytes: Bytes) -> Result<(BatchBytes, Bytes), BatchError> {
        let header = BatchHeader::read(&bytes)?;
        let (need, left) = (header.size(), bytes.len());
        if need > left {
            return Err(BatchError::Short { need, left });
        }
        let mut bytes = bytes;
        let rest = bytes.split_off(need);
        check_crc(&header, &bytes)?;
        Ok((BatchBytes { bytes, header }, rest))
    }

    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What lies after the header: records, compressed if the codec says so.
    pub fn section(&self) -> &[u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// The same, sharing the bytes.
    pub fn section_bytes(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// The records, decompressed if need be into at most `limit` bytes.
    pub fn records(&self, limit: usize) -> Result<RecordSet, RecordError> {
        RecordSet::open(self, limit)
    }

    pub fn codec(&self) -> Result<Codec, BatchError> {
        self.header.codec()
    }

    pub fn timestamp_type(&self) -> TimestampType {
        self.header.timestamp_type()
    }

    pub fn is_transactional(&self) -> bool {
        self.header.is_transactional()
    }

    pub fn is_control(&self) -> bool {
        self.header.is_control()
    }

    pub fn base_offset(&self) -> Offset {
        Offset(self.header.base_offset)
    }

    pub fn last_offset(&self) -> Offset {
        self.header.last_offset()
    }
}

/// Cuts bytes into batches; every byte must belong to a whole, valid one.
pub fn parse_batches(bytes: &Bytes) -> Result<SmallVec<[BatchBytes; 1]>, BatchError> {
    let mut batches = SmallVec::new();
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let (batch, after) = BatchBytes::parse(rest)?;
        batches.push(batch);
        rest = after;
    }
    if batches.is_empty() {
        return Err(BatchError::Empty);
    }
    Ok(batches)
}

/// Gives the batch its place: base offset and leader epoch, which the CRC does not cover. `batch` starts with a whole batch.
pub fn stamp(batch: &mut [u8], base_offset: Offset, leader_epoch: LeaderEpoch) {
    assert!(batch.len() >= HEADER_LEN, "a batch has a header");
    batch[at::BASE_OFFSET..][..8].copy_from_slice(&base_offset.0.to_be_bytes());
    batch[at::LEADER_EPOCH..][..4].copy_from_slice(&leader_epoch.0.to_be_bytes());
}

/// Sets timestamp type and max timestamp, and the CRC anew if that changed anything. `batch` is exactly one batch.
pub fn set_max_timestamp(batch: &mut [u8], ty: TimestampType, max: Millis) {
    let header = BatchHeader::read(batch).expect("a batch has a header");
    assert_eq!(header.size(), batch.len(), "exactly one batch");
    if header.timestamp_type() == ty && header.max_timestamp == max.0 {
        return;
    }
    let attributes = match ty {
        TimestampType::Create => header.attributes & !attribute::LOG_APPEND_TIME,
        TimestampType::LogAppend => header.attributes | attribute::LOG_APPEND_TIME,
    };
    batch[at::ATTRIBUTES..][..2].copy_from_slice(&attributes.to_be_bytes());
    batch[at::MAX_TIMESTAMP..][..8].copy_from_slice(&max.0.to_be_bytes());
    let crc = batch_crc(batch);
    batch[at::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ProducerEpoch, ProducerId};

    fn sample(codec: Codec) -> Bytes {
        let mut b = BatchBuilder::new(codec, TimestampType::Create);
        b.push(
            Millis(100),
            Some(b"k"),
            Some(b"v"),
            &[(b"h", Some(b"1")), (b"h", None)],
        );
        b.push(Millis(50), None, Some(&[7; 3000]), &[]);
        b.push_at(9, Millis(150), Some(b""), None, &[]);
        b.producer(ProducerId(7), ProducerEpoch(1), i32::MAX - 1);
        b.build(Offset(1000), LeaderEpoch(3))
    }

    #[test]
    fn what_is_built_is_read_back_in_every_codec() {
        for codec in Codec::ALL {
            let bytes = sample(codec);
            let batches = parse_batches(&bytes).unwrap();
            assert_eq!(batches.len(), 1);
            let h = batches[0].header();
            assert_eq!(h.size(), bytes.len());
            assert_eq!(h.codec(), Ok(codec));
            assert_eq!((h.base_timestamp, h.max_timestamp), (100, 150));
            assert_eq!(h.last_offset(), Offset(1009));
            assert_eq!((h.record_count, h.producer_id), (3, 7));
            assert_eq!(h.last_sequence(), 7, "wraps behind 2^31 - 1");
            let set = batches[0].records(1 << 20).unwrap();
            let records: Vec<_> = set.iter().map(Result::unwrap).collect();
            assert_eq!(records.len(), 3);
            assert_eq!(records[0].key, Some(&b"k"[..]));
            let headers: Vec<_> = records[0].headers().collect();
            assert_eq!(headers, [(&b"h"[..], Some(&b"1"[..])), (b"h", None)]);
            assert_eq!(records[1].timestamp, Millis(50));
            assert_eq!(records[1].value.unwrap().len(), 3000);
            assert_eq!((records[2].key, records[2].value), (Some(&b""[..]), None));
            assert_eq!(records[2].offset, Offset(1009));
        }
    }

    #[test]
    fn the_crc_is_castagnoli_and_leaves_offset_and_epoch_free() {
        let mut bytes = sample(Codec::None).to_vec();
        assert_eq!(batch_crc(&bytes), crc32c::crc32c(&bytes[21..]));
        let header = BatchHeader::read(&bytes).unwrap();
        for size in [1, 7, 64, 1000] {
            let mut pieces = PiecewiseCrc::default();
            bytes[at::ATTRIBUTES..]
                .chunks(size)
                .for_each(|piece| pieces.add(piece));
            assert_eq!(pieces.check(&header), check_crc(&header, &bytes));
        }
        stamp(&mut bytes, Offset(77), LeaderEpoch(5));
        let (batch, _) = BatchBytes::parse(bytes.clone().into()).unwrap();
        assert_eq!(
            (batch.base_offset(), batch.header().leader_epoch),
            (Offset(77), 5)
        );
        set_max_timestamp(&mut bytes, TimestampType::LogAppend, Millis(9));
        let (batch, _) = BatchBytes::parse(bytes.into()).unwrap();
        assert_eq!(batch.timestamp_type(), TimestampType::LogAppend);
        let set = batch.records(0).unwrap();
        assert!(set.iter().all(|r| r.unwrap().timestamp == Millis(9)));
    }

    #[test]
    fn damaged_batches_are_told_apart() {
        let good = sample(Codec::None);
        let with = |at: usize, byte: u8| {
            let mut b = good.to_vec();
            b[at] = byte;
            parse_batches(&b.into()).unwrap_err()
        };
        assert_eq!(parse_batches(&Bytes::new()), Err(BatchError::Empty));
        assert!(matches!(with(at::MAGIC, 1), BatchError::Magic(1)));
        assert!(matches!(with(at::LENGTH, 0x7f), BatchError::Short { .. }));
        assert!(matches!(with(at::LENGTH, 0xff), BatchError::Length(_)));
        assert!(matches!(with(good.len() - 1, 1), BatchError::Crc { .. }));
        for len in 1..good.len() {
            assert!(parse_batches(&good.slice(..len)).is_err());
        }
        let twice = Bytes::from([&good[..], &good[..]].concat());
        assert_eq!(parse_batches(&twice).unwrap().len(), 2);
    }

    #[test]
    fn an_emptied_batch_keeps_its_offsets_and_sequence() {
        let (batch, _) = BatchBytes::parse(sample(Codec::Zstd)).unwrap();
        let (empty, _) = BatchBytes::parse(empty_batch(batch.header())).unwrap();
        assert_eq!(empty.last_offset(), batch.last_offset());
        assert_eq!(empty.header().last_sequence(), 7);
        assert_eq!(empty.records(0).unwrap().iter().count(), 0);
    }
}
