//! The properties that fuzzing checks, as plain functions from bytes: the coverage-guided targets in `fuzz/` and the short smoke
//! test of the stable build call the same ones.
//!
//! Always holds: a property panics when it is broken and only then. Must never: be called by the broker.

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::batch::{BatchBuilder, BatchBytes, TimestampType, at, batch_crc, parse_batches};
use crate::compress::{Codec, compress, decompress};
use crate::frame::FrameDecoder;
use crate::header::RequestHeader;
use crate::messages::table::{ALL, Entry};
use crate::messages::{
    GroupRecordKey, GroupRecordValue, MetadataRecord, RequestKind, ShareRecordKey,
    ShareRecordValue, TransactionRecordKey, TransactionRecordValue,
};
use crate::types::{LeaderEpoch, Millis, Offset};
use crate::validate::{ValidateConfig, validate};
use crate::wire::{Reader, Writer};

/// A stream of request frames: what can be read can be written, and reading that again gives the same.
pub fn requests(data: &[u8]) {
    let mut frames = FrameDecoder::new(1 << 20);
    frames.feed(data);
    while let Ok(Some(frame)) = frames.next_frame() {
        request(frame);
    }
}

fn request(frame: Bytes) {
    let mut r = Reader::new(frame);
    let Ok(header) = RequestHeader::read(&mut r) else {
        return;
    };
    let mut w = Writer::new();
    header
        .write(&mut w)
        .expect("a header that was read can be written");
    let again = RequestHeader::read(&mut Reader::new(w.finish().to_bytes()));
    assert_eq!(again.as_ref(), Ok(&header));

    let key = ApiKey::try_from(header.api_key).expect("a header is only read if its key is known");
    let Ok(request) = RequestKind::read(key, header.api_version, &mut r) else {
        return;
    };
    assert_eq!(request.key(), key);
    let bytes = written(|w| request.write(w, header.api_version));
    let mut r = Reader::new(bytes.clone());
    let again =
        RequestKind::read(key, header.api_version, &mut r).expect("what was written can be read");
    r.end().expect("all of it");
    assert_eq!(written(|w| again.write(w, header.api_version)), bytes);
}

fn written(write: impl FnOnce(&mut Writer) -> Result<(), crate::wire::EncodeError>) -> Bytes {
    let mut w = Writer::new();
    write(&mut w).expect("what was read can be written in its version");
    let encoded = w.finish();
    let bytes = encoded.to_bytes();
    assert_eq!(encoded.len, bytes.len());
    bytes
}

/// Any message: two bytes choose message and version, the rest is read, written, read and written again.
pub fn messages(data: &[u8]) {
    let [a, b, rest @ ..] = data else { return };
    let entry = &ALL[(usize::from(*a) << 8 | usize::from(*b)) % ALL.len()];
    let [version, rest @ ..] = rest else { return };
    let version = entry.min + i16::from(*version) % (entry.max - entry.min + 1);
    message(entry, version, Bytes::copy_from_slice(rest));
}

/// One message in one version, read from `bytes`.
pub fn message(entry: &Entry, version: i16, bytes: Bytes) {
    use crate::messages::table::RecodeError;

    let recode = |bytes: &Bytes| {
        let mut w = Writer::new();
        (entry.recode)(&mut Reader::new(bytes.clone()), &mut w, version)
            .map(|()| w.finish().to_bytes())
    };
    match recode(&bytes) {
        Ok(first) => assert_eq!(
            recode(&first).as_ref(),
            Ok(&first),
            "{} v{version}",
            entry.name
        ),
        Err(RecodeError::Read(_)) => {}
        Err(e) => panic!("{} v{version} was read, but {e}", entry.name),
    }
}

/// What lies in the logs: the first byte chooses the log, the second the type of a value.
pub fn persisted_records(data: &[u8]) {
    let [log, kind, rest @ ..] = data else { return };
    let bytes = Bytes::copy_from_slice(rest);
    let kind = i16::from(*kind);

    /// Reads, writes, reads again and compares what was written.
    macro_rules! same {
        ($read:expr, $write:expr) => {{
            let (read, write) = ($read, $write);
            if let Ok(value) = read(bytes.clone()) {
                let first: Bytes = write(&value).expect("what was read can be written");
                let again = read(first.clone()).expect("what was written can be read");
                assert_eq!(write(&again), Ok(first));
            }
        }};
    }

    /// The version stands in the value's first two bytes.
    fn version(bytes: &Bytes) -> i16 {
        bytes
            .get(..2)
            .map_or(0, |b| i16::from_be_bytes([b[0], b[1]]))
    }
    let v = version(&bytes);
    match log % 7 {
        0 => {
            // Frame, type and version are varints: the version is the third.
            let mut r = Reader::new(bytes.clone());
            let Some(v) = r
                .uvarint()
                .and_then(|_| r.uvarint())
                .and_then(|_| r.uvarint())
                .ok()
            else {
                return;
            };
            same!(MetadataRecord::read_framed, |m: &MetadataRecord| m
                .write_framed(v as i16))
        }
        1 => same!(GroupRecordKey::read, GroupRecordKey::write),
        2 => same!(
            |b| GroupRecordValue::read(kind, b),
            |m: &GroupRecordValue| m.write(v)
        ),
        3 => same!(TransactionRecordKey::read, TransactionRecordKey::write),
        4 => same!(
            |b| TransactionRecordValue::read(kind, b),
            |m: &TransactionRecordValue| m.write(v)
        ),
        5 => same!(ShareRecordKey::read, ShareRecordKey::write),
        _ => same!(
            |b| ShareRecordValue::read(kind, b),
            |m: &ShareRecordValue| m.write(v)
        ),
    }
}

/// What records may decompress to here.
const DECOMPRESSED: usize = 1 << 20;

/// Record batches as a client sends them: what is accepted reads back whole, is accepted again unchanged, and keeps its records in
/// another codec. An odd first byte makes length and CRC right first, so that what lies deeper is reached.
pub fn record_batches(data: &[u8]) {
    let [repair, rest @ ..] = data else { return };
    let mut bytes = rest.to_vec();
    if repair & 1 == 1 && bytes.len() > at::RECORD_COUNT + 4 {
        let len = (bytes.len() - 12) as i32;
        bytes[at::LENGTH..][..4].copy_from_slice(&len.to_be_bytes());
        let crc = batch_crc(&bytes);
        bytes[at::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
    }
    let bytes = Bytes::from(bytes);
    let Ok(batches) = parse_batches(&bytes) else {
        return;
    };
    for batch in &batches {
        if let Ok(set) = batch.records(DECOMPRESSED) {
            for record in set.iter().map_while(Result::ok) {
                assert_eq!(record.headers().count(), record.headers().len());
            }
        }
    }
    let config = ValidateConfig {
        codec: None,
        level: None,
        timestamp_type: TimestampType::Create,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        keys_required: false,
        max_message_bytes: i32::MAX,
        produce_version: 13,
    };
    let Ok(first) = validate(&bytes, &config, Millis(0)) else {
        return;
    };
    let again = validate(&first.bytes, &config, Millis(0)).expect("accepted once");
    assert_eq!(again.bytes, first.bytes);
    let recoded = ValidateConfig {
        codec: Some(Codec::from_id(repair >> 1 & 3).expect("one of four")),
        ..config
    };
    if let Ok(other) = validate(&bytes, &recoded, Millis(0)) {
        assert_eq!(records(&other.bytes), records(&first.bytes));
    }
}

/// The records of one good batch, written anew without a codec. `None` if they are more than fit the bound of this test.
fn records(bytes: &Bytes) -> Option<Bytes> {
    let (batch, _) = BatchBytes::parse(bytes.clone()).expect("it was validated");
    let set = batch.records(DECOMPRESSED).ok()?;
    let mut out = BatchBuilder::new(Codec::None, TimestampType::Create);
    for record in set.iter() {
        let record = record.expect("it was validated");
        out.push_view(record.offset_delta, &record);
    }
    Some(out.build(Offset(0), LeaderEpoch(0)))
}

/// Compressed payloads; the first byte chooses the codec. What comes out is within its bound and survives the way back.
pub fn compressed(data: &[u8]) {
    let [codec, rest @ ..] = data else { return };
    let codec = Codec::from_id(codec % 5).expect("one of five");
    if let Ok(out) = decompress(codec, rest, DECOMPRESSED) {
        assert!(out.len() <= DECOMPRESSED);
        let packed = compress(codec, None, &out);
        assert_eq!(decompress(codec, &packed, DECOMPRESSED).ok(), Some(out));
    }
}
