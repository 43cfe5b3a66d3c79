//! What a leader checks before it appends a client's records, and what it changes in them.
//!
//! Always holds: what comes out is one whole batch with a true CRC, whose records lie at deltas 0, 1, 2 and so on; bytes are copied
//! only if something in them has to change. Must never: allocate per record, decompress beyond [`DECOMPRESSED_MAX`], or change
//! what a producer sent where the topic does not ask for it.
//!
//! The rules are those of Kafka's `LogValidator` and `UnifiedLog.analyzeAndValidateRecords`; it is stricter where a batch would be
//! stored that no producer means: deltas out of order, sizes of compressed records that lie.

use bytes::{Bytes, BytesMut};

use crate::batch::{
    BatchBuilder, BatchBytes, BatchError, BatchHeader, NO_TIMESTAMP, OVERHEAD, TimestampType, at,
    set_max_timestamp,
};
use crate::compress::Codec;
use crate::compress::DecompressError;
use crate::error::ErrorCode;
use crate::record::{RecordError, RecordSet};
use crate::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId};
use crate::walk::{Glance, walk};

/// What one batch may decompress to, in bytes (fault H6): as much as a request may have uncompressed.
pub const DECOMPRESSED_MAX: usize = 100 * 1024 * 1024;
/// Record errors told of one batch; a client needs to see which, not all of a million.
const RECORD_ERRORS_MAX: usize = 100;
/// The first version of Produce that may carry zstd (KIP-110).
const ZSTD_FROM: i16 = 7;

/// What the topic asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidateConfig {
    /// `compression.type`; `None`: as the producer chose.
    pub codec: Option<Codec>,
    /// For the codec above.
    pub level: Option<i32>,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub after_max_ms: i64,
    /// The topic is compacted: every record needs a key.
    pub keys_required: bool,
    /// `max.message.bytes`.
    pub max_message_bytes: i32,
    /// The version of the Produce request.
    pub produce_version: i16,
}

/// A batch that may be appended.
#[derive(Clone, Debug)]
pub struct Validated {
    /// One batch, base offset not yet assigned.
    pub bytes: Bytes,
    pub transactional: bool,
    /// Set if the topic stamps records itself.
    pub log_append_time: Option<Millis>,
}

/// Why records are refused.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidateError {
    pub error: ErrorCode,
    /// For people, told to the client.
    pub message: String,
    /// The records at fault, by their place in the batch (KIP-467). At most 100.
    pub records: Vec<(i32, String)>,
    /// The request is not one that Produce may be, whatever the log: Kafka answers it without a look at the log.
    pub in_request: bool,
}

fn refuse<T>(error: ErrorCode, message: impl Into<String>) -> Result<T, ValidateError> {
    Err(ValidateError {
        error,
        message: message.into(),
        records: Vec::new(),
        in_request: false,
    })
}

impl From<BatchError> for ValidateError {
    fn from(e: BatchError) -> Self {
        // As Kafka tells them apart: what does not hold one whole batch, or an old format, is an invalid request; what says
        // something that cannot be is damaged.
        let error = match e {
            BatchError::Empty | BatchError::Short { .. } | BatchError::Magic(0 | 1) => {
                ErrorCode::InvalidRecord
            }
            BatchError::Codec(_) => ErrorCode::UnsupportedCompressionType,
            BatchError::Magic(_) | BatchError::Length(_) | BatchError::Crc { .. } => {
                ErrorCode::CorruptMessage
            }
        };
        ValidateError {
            error,
            message: e.to_string(),
            records: Vec::new(),
            in_request: error == ErrorCode::InvalidRecord,
        }
    }
}

impl From<RecordError> for ValidateError {
    fn from(e: RecordError) -> Self {
        match e {
            RecordError::Batch(e) => e.into(),
            RecordError::Decompress(e) => ValidateError {
                error: match e {
                    // A producer can split such a batch and send it again, which is what it does on this code.
                    DecompressError::TooLarge { .. } => ErrorCode::MessageTooLarge,
                    DecompressError::Damaged { .. } => ErrorCode::CorruptMessage,
                },
                message: e.to_string(),
                records: Vec::new(),
                in_request: false,
            },
            RecordError::Structure { .. } => ValidateError {
                error: ErrorCode::InvalidRecord,
                message: e.to_string(),
                records: Vec::new(),
                in_request: false,
            },
        }
    }
}

/// Checks what a client sent for one partition, and makes it what the topic wants.
pub fn validate(
    bytes: &Bytes,
    config: &ValidateConfig,
    now: Millis,
) -> Result<Validated, ValidateError> {
    if bytes.is_empty() {
        return Err(BatchError::Empty.into());
    }
    // What the header alone tells comes first, as in Kafka: an old format, a batch that is too large.
    let header = BatchHeader::read(bytes)?;
    check_place(&header, bytes, config)?;
    let (batch, rest) = BatchBytes::parse(bytes.clone())?;
    if !rest.is_empty() {
        // Kafka cuts such bytes off and appends the batch; nobody sends them on purpose.
        return refuse(
            ErrorCode::InvalidRecord,
            format!("{} bytes behind the batch", rest.len()),
        );
    }
    check_header(&header)?;
    let codec = header.codec()?;
    let max_timestamp = check_records(&batch, config, now)?;
    let append_time = (config.timestamp_type == TimestampType::LogAppend).then_some(now);
    let bytes = match config.codec {
        Some(wanted) if wanted != codec => rebuild(&batch, wanted, config.level, append_time)?,
        _ => restamp(
            batch,
            config.timestamp_type,
            append_time.unwrap_or(max_timestamp),
        ),
    };
    if bytes.len() > config.max_message_bytes.max(0) as usize {
        return refuse(ErrorCode::MessageTooLarge, too_large(bytes.len(), config));
    }
    Ok(Validated {
        bytes,
        transactional: header.is_transactional(),
        log_append_time: append_time,
    })
}

fn too_large(size: usize, config: &ValidateConfig) -> String {
    format!(
        "The record batch is {size} bytes, max.message.bytes of the topic allows {}",
        config.max_message_bytes
    )
}

/// Whether a batch of any format lies in front, as Kafka's `ByteBufferLogInputStream` finds it.
fn next_batch(bytes: &[u8]) -> Result<bool, BatchError> {
    /// The smallest length that any format can say.
    const LENGTH_MIN: i32 = 14;
    let Some(length) = bytes
        .get(at::LENGTH..at::LENGTH + 4)
        .map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    else {
        return Ok(false);
    };
    if length < LENGTH_MIN {
        return Err(BatchError::Length(length));
    }
    match bytes.get(at::MAGIC).map(|m| *m as i8) {
        None => Ok(false),
        Some(0..=2) => Ok(bytes.len() >= OVERHEAD + length as usize),
        Some(magic) => Err(BatchError::Magic(magic)),
    }
}

/// What Kafka checks before it looks at the CRC.
fn check_place(
    header: &BatchHeader,
    bytes: &[u8],
    config: &ValidateConfig,
) -> Result<(), ValidateError> {
    if header.codec()? == Codec::Zstd && config.produce_version < ZSTD_FROM {
        return refuse(
            ErrorCode::UnsupportedCompressionType,
            "Produce requests below version 7 must not carry zstd",
        );
    }
    match bytes.get(header.size()..).map(next_batch) {
        Some(Err(e)) => return Err(e.into()),
        Some(Ok(true)) => {
            return Err(ValidateError {
                error: ErrorCode::InvalidRecord,
                message: "A produce request must have exactly one record batch for each partition"
                    .to_owned(),
                records: Vec::new(),
                in_request: true,
            });
        }
        Some(Ok(false)) | None => {}
    }
    if header.base_offset != 0 {
        return refuse(
            ErrorCode::InvalidRecord,
            format!("The base offset is {}, not 0", header.base_offset),
        );
    }
    // A batch that is cut off is not too large, however large it says it is.
    if header.size() == bytes.len() && bytes.len() > config.max_message_bytes.max(0) as usize {
        return refuse(ErrorCode::MessageTooLarge, too_large(bytes.len(), config));
    }
    Ok(())
}

fn check_header(header: &BatchHeader) -> Result<(), ValidateError> {
    let invalid = |message: String| refuse(ErrorCode::InvalidRecord, message);
    if header.record_count <= 0 || header.last_offset_delta != header.record_count - 1 {
        return invalid(format!(
            "The batch says {} records and a last offset delta of {}",
            header.record_count, header.last_offset_delta
        ));
    }
    if header.is_control() {
        return invalid("Clients are not allowed to write control records".to_owned());
    }
    if header.delete_horizon().is_some() {
        return invalid("Only compaction marks batches with a delete horizon".to_owned());
    }
    if header.has_producer_id() {
        if header.base_sequence < 0 || header.producer_epoch < 0 {
            return invalid(format!(
                "Sequence {} and epoch {} of producer {} must not be negative",
                header.base_sequence, header.producer_epoch, header.producer_id
            ));
        }
    } else if header.is_transactional() {
        return invalid("A transactional batch must have a producer id".to_owned());
    }
    // A sequence without a producer id means nothing: kafkajs sends 0 where others send -1.
    Ok(())
}

/// Walks all records; returns their largest timestamp.
fn check_records(
    batch: &BatchBytes,
    config: &ValidateConfig,
    now: Millis,
) -> Result<Millis, ValidateError> {
    let stamped = batch.timestamp_type() == TimestampType::LogAppend;
    let mut max = NO_TIMESTAMP;
    let mut index = 0;
    let mut out_of_order = None;
    let mut timestamps_wrong = false;
    let mut failed: Vec<(i32, String)> = Vec::new();
    let mut failures = 0;
    walk(batch, DECOMPRESSED_MAX, |record| {
        if record.offset_delta != index && out_of_order.is_none() {
            out_of_order = Some((index, record.offset_delta));
        }
        max = max.max(record.timestamp.0);
        if let Some((error, message)) = check_record(&record, stamped, config, now) {
            timestamps_wrong |= error == ErrorCode::InvalidTimestamp;
            failures += 1;
            if failed.len() < RECORD_ERRORS_MAX {
                failed.push((index, message));
            }
        }
        index += 1;
    })?;
    if let Some((index, delta)) = out_of_order {
        return refuse(
            ErrorCode::InvalidRecord,
            format!("Record {index} has the offset delta {delta}"),
        );
    }
    if failures == 0 {
        return Ok(Millis(max));
    }
    // One wrong timestamp makes it the error of all (`LogValidator.processRecordErrors`).
    let (error, message) = if timestamps_wrong {
        let message = "One or more records have been rejected due to invalid timestamp";
        (ErrorCode::InvalidTimestamp, message.to_owned())
    } else {
        let message = format!(
            "One or more records have been rejected due to {failures} record errors, the first: {}",
            failed[0].1
        );
        (ErrorCode::InvalidRecord, message)
    };
    Err(ValidateError {
        error,
        message,
        records: failed,
        in_request: false,
    })
}

fn check_record(
    record: &Glance,
    stamped: bool,
    config: &ValidateConfig,
    now: Millis,
) -> Option<(ErrorCode, String)> {
    if config.keys_required && !record.has_key {
        let message = "A compacted topic does not accept a record without a key".to_owned();
        return Some((ErrorCode::InvalidRecord, message));
    }
    // Kafka lets this pass on topics of type CreateTime, where it then stores timestamps that it has not looked at.
    if stamped {
        let message = "A producer must not set the timestamp type to LogAppendTime".to_owned();
        return Some((ErrorCode::InvalidTimestamp, message));
    }
    let timestamp = record.timestamp.0;
    if config.timestamp_type == TimestampType::Create && timestamp != NO_TIMESTAMP {
        // Java's arithmetic: a time so far in the past that the difference overflows is taken for the future, and refused.
        let age = now.0.wrapping_sub(timestamp);
        if age > config.before_max_ms || age.wrapping_neg() > config.after_max_ms {
            let from = now.0.saturating_sub(config.before_max_ms);
            let to = now.0.saturating_add(config.after_max_ms);
            let message = format!("Timestamp {timestamp} is not within {from} to {to}");
            return Some((ErrorCode::InvalidTimestamp, message));
        }
    }
    None
}

/// Puts type and largest timestamp into the header where they differ.
fn restamp(batch: BatchBytes, ty: TimestampType, max: Millis) -> Bytes {
    let header = batch.header();
    if header.timestamp_type() == ty && header.max_timestamp == max.0 {
        return batch.into_bytes();
    }
    let mut bytes = BytesMut::from(&batch.bytes()[..]);
    set_max_timestamp(&mut bytes, ty, max);
    bytes.freeze()
}

/// The same records in another codec.
fn rebuild(
    batch: &BatchBytes,
    codec: Codec,
    level: Option<i32>,
    append_time: Option<Millis>,
) -> Result<Bytes, ValidateError> {
    let set = RecordSet::open(batch, DECOMPRESSED_MAX)?;
    let header = set.header();
    let ty = match append_time {
        Some(_) => TimestampType::LogAppend,
        None => TimestampType::Create,
    };
    let mut builder = BatchBuilder::new(codec, ty);
    builder.reserve(set.section().len());
    if let Some(level) = level {
        builder.level(level);
    }
    if let Some(now) = append_time {
        builder.append_time(now);
    }
    if header.has_producer_id() {
        builder.producer(
            ProducerId(header.producer_id),
            ProducerEpoch(header.producer_epoch),
            header.base_sequence,
        );
    }
    if header.is_transactional() {
        builder.transactional();
    }
    for record in set.iter() {
        let record = record?;
        builder.push_view(record.offset_delta, &record);
    }
    Ok(builder.build(Offset(0), LeaderEpoch(header.leader_epoch)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::batch_crc;

    const NOW: Millis = Millis(1_000_000);

    fn config() -> ValidateConfig {
        ValidateConfig {
            codec: None,
            level: None,
            timestamp_type: TimestampType::Create,
            before_max_ms: i64::MAX,
            after_max_ms: 3_600_000,
            keys_required: false,
            max_message_bytes: 1 << 20,
            produce_version: 13,
        }
    }

    fn batch(codec: Codec, n: usize) -> Bytes {
        let mut b = BatchBuilder::new(codec, TimestampType::Create);
        for i in 0..n {
            let value = format!("value {i}");
            let headers: [(&[u8], Option<&[u8]>); 2] = [(b"h", Some(b"1")), (b"h", None)];
            b.push(
                Millis(NOW.0 - 5 + i as i64),
                Some(b"k"),
                Some(value.as_bytes()),
                &headers,
            );
        }
        b.build(Offset(0), LeaderEpoch(-1))
    }

    /// The batch with some bytes of its header changed, and a CRC that is right again.
    fn changed(batch: &Bytes, at_byte: usize, to: &[u8]) -> Bytes {
        let mut b = BytesMut::from(&batch[..]);
        b[at_byte..][..to.len()].copy_from_slice(to);
        let crc = batch_crc(&b);
        b[at::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
        b.freeze()
    }

    fn error(bytes: &Bytes, config: &ValidateConfig) -> ErrorCode {
        validate(bytes, config, NOW).unwrap_err().error
    }

    #[test]
    fn a_good_batch_is_not_copied() {
        for codec in Codec::ALL {
            let bytes = batch(codec, 3);
            let out = validate(&bytes, &config(), NOW).unwrap();
            assert_eq!(out.bytes.as_ptr(), bytes.as_ptr(), "{codec:?}");
            assert_eq!(out.bytes, bytes);
        }
    }

    #[test]
    fn a_topics_codec_and_clock_replace_the_producers() {
        for (from, to) in [
            (Codec::None, Codec::Lz4),
            (Codec::Gzip, Codec::None),
            (Codec::Zstd, Codec::Snappy),
        ] {
            let bytes = batch(from, 50);
            let config = ValidateConfig {
                codec: Some(to),
                timestamp_type: TimestampType::LogAppend,
                ..config()
            };
            let out = validate(&bytes, &config, NOW).unwrap();
            assert_eq!(out.log_append_time, Some(NOW));
            let read = |bytes: &Bytes| {
                let set = BatchBytes::parse(bytes.clone())
                    .unwrap()
                    .0
                    .records(1 << 20)
                    .unwrap();
                set.iter()
                    .map(|r| {
                        let r = r.unwrap();
                        let headers = r
                            .headers()
                            .map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec)));
                        (
                            r.offset_delta,
                            r.key.map(<[u8]>::to_vec),
                            r.value.map(<[u8]>::to_vec),
                            headers.collect::<Vec<_>>(),
                        )
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(read(&out.bytes), read(&bytes));
            let (parsed, _) = BatchBytes::parse(out.bytes).unwrap();
            assert_eq!(parsed.codec().unwrap(), to);
            assert_eq!(parsed.timestamp_type(), TimestampType::LogAppend);
            assert_eq!(parsed.header().max_timestamp, NOW.0);
        }
    }

    #[test]
    fn a_lying_max_timestamp_is_put_right() {
        let bytes = changed(
            &batch(Codec::None, 3),
            at::MAX_TIMESTAMP,
            &i64::MAX.to_be_bytes(),
        );
        let out = validate(&bytes, &config(), NOW).unwrap();
        let (parsed, _) = BatchBytes::parse(out.bytes).unwrap();
        assert_eq!(parsed.header().max_timestamp, NOW.0 - 3);
    }

    // Fault H4 and H7.
    #[test]
    fn bad_batches_are_refused_each_with_its_code() {
        let good = batch(Codec::None, 3);
        let two = Bytes::from([&good[..], &good[..]].concat());
        let mut bad_crc = BytesMut::from(&good[..]);
        bad_crc[70] ^= 1;
        let cases: Vec<(&str, Bytes, ErrorCode)> = vec![
            ("empty", Bytes::new(), ErrorCode::InvalidRecord),
            (
                "cut",
                good.slice(..good.len() - 1),
                ErrorCode::InvalidRecord,
            ),
            ("crc", bad_crc.freeze(), ErrorCode::CorruptMessage),
            ("two batches", two, ErrorCode::InvalidRecord),
            (
                "magic 3",
                changed(&good, at::MAGIC, &[3]),
                ErrorCode::CorruptMessage,
            ),
            (
                "delete horizon",
                changed(&good, at::ATTRIBUTES, &0x40i16.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "magic 1",
                changed(&good, at::MAGIC, &[1]),
                ErrorCode::InvalidRecord,
            ),
            (
                "count too large",
                changed(&good, at::RECORD_COUNT, &4i32.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "count negative",
                changed(&good, at::RECORD_COUNT, &(-1i32).to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "last delta",
                changed(&good, at::LAST_OFFSET_DELTA, &5i32.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "base offset",
                changed(&good, at::BASE_OFFSET, &9i64.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "control",
                changed(&good, at::ATTRIBUTES, &0x20i16.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "transactional without producer",
                changed(&good, at::ATTRIBUTES, &0x10i16.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
            (
                "append time",
                changed(&good, at::ATTRIBUTES, &0x08i16.to_be_bytes()),
                ErrorCode::InvalidTimestamp,
            ),
            (
                "codec 7",
                changed(&good, at::ATTRIBUTES, &7i16.to_be_bytes()),
                ErrorCode::UnsupportedCompressionType,
            ),
            (
                "producer without sequence",
                changed(&good, at::PRODUCER_ID, &4i64.to_be_bytes()),
                ErrorCode::InvalidRecord,
            ),
        ];
        for (what, bytes, expected) in cases {
            assert_eq!(error(&bytes, &config()), expected, "{what}");
        }
        // kafkajs: no producer id, but an epoch and a sequence.
        let epoch = changed(&good, at::PRODUCER_EPOCH, &0i16.to_be_bytes());
        let plain = changed(&epoch, at::BASE_SEQUENCE, &0i32.to_be_bytes());
        assert!(validate(&plain, &config(), NOW).is_ok());
        // Both counts agree on a record that is not there.
        let lying = changed(&good, at::RECORD_COUNT, &4i32.to_be_bytes());
        let lying = changed(&lying, at::LAST_OFFSET_DELTA, &3i32.to_be_bytes());
        assert_eq!(error(&lying, &config()), ErrorCode::InvalidRecord);
    }

    // Fault H5.
    #[test]
    fn compressed_garbage_is_refused() {
        for codec in [1i16, 2, 3, 4] {
            let bytes = changed(&batch(Codec::None, 3), at::ATTRIBUTES, &codec.to_be_bytes());
            assert_eq!(
                error(&bytes, &config()),
                ErrorCode::CorruptMessage,
                "codec {codec}"
            );
        }
        let zstd = ValidateConfig {
            produce_version: 6,
            ..config()
        };
        assert_eq!(
            error(&batch(Codec::Zstd, 1), &zstd),
            ErrorCode::UnsupportedCompressionType
        );
    }

    #[test]
    fn what_a_topic_does_not_take_is_told_record_by_record() {
        let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
        b.push(NOW, Some(b"k"), None, &[]);
        b.push(NOW, None, Some(b"v"), &[]);
        b.push(Millis(NOW.0 + 3_600_001), Some(b"k"), None, &[]);
        let bytes = b.build(Offset(0), LeaderEpoch(-1));
        let e = validate(
            &bytes,
            &ValidateConfig {
                keys_required: true,
                ..config()
            },
            NOW,
        )
        .unwrap_err();
        assert_eq!(e.error, ErrorCode::InvalidTimestamp);
        assert_eq!(e.records.iter().map(|r| r.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(error(&bytes, &config()), ErrorCode::InvalidTimestamp);
        let strict = ValidateConfig {
            before_max_ms: 0,
            after_max_ms: i64::MAX,
            ..config()
        };
        assert_eq!(
            error(&batch(Codec::None, 1), &strict),
            ErrorCode::InvalidTimestamp
        );
        let small = ValidateConfig {
            max_message_bytes: 60,
            ..config()
        };
        assert_eq!(error(&bytes, &small), ErrorCode::MessageTooLarge);
    }
}
