//! Properties of reading and writing that hold for every message, and the corners of the primitives.
//!
//! Always holds: a random test prints its seed. Must never: depend on the golden frames (those are in `tests/golden.rs`).

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::messages::table::ALL;
use crate::messages::{
    ApiVersionsResponse, FetchRequest, FetchResponse, GroupRecordKey, GroupRecordValue,
    MetadataRecord, MetadataRequest, OffsetCommitKey, OffsetCommitValue, ProduceRequest,
    TopicRecord, fetch_response, produce_request,
};
use crate::types::{FileRange, RangeSource, Records, Str, Uuid};

#[test]
fn every_message_in_every_version_comes_back_as_it_was() {
    let seed = synth::seed();
    let mut checked = 0;
    for entry in &ALL {
        for version in entry.min..=entry.max {
            for n in 0..12u64 {
                let seed = (n > 0).then(|| seed.wrapping_add(n * 0x1_0001));
                if let Err(e) = (entry.round_trip)(seed, version) {
                    panic!("{} v{version}, AIRIS_SEED={seed:?}: {e}", entry.name);
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 8000, "{checked}");
}

#[test]
fn versions_outside_of_the_range_are_refused() {
    for entry in &ALL {
        for version in [entry.min - 1, entry.max + 1, i16::MIN, i16::MAX] {
            let mut w = Writer::new();
            assert!(
                (entry.recode)(
                    &mut Reader::new(Bytes::from_static(&[0; 64])),
                    &mut w,
                    version
                )
                .is_err()
            );
            assert!(
                (entry.round_trip)(None, version).is_err(),
                "{} writes v{version}",
                entry.name
            );
        }
    }
}

fn reader(bytes: &'static [u8]) -> Reader {
    Reader::new(Bytes::from_static(bytes))
}

#[test]
fn lengths_and_counts_are_checked_before_anything_is_allocated() {
    // i32 and compact counts that announce 2^31-1 elements.
    for (compact, bytes) in [
        (false, &[0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4][..]),
        (true, &[0xff, 0xff, 0xff, 0xff, 0x07, 1, 2, 3][..]),
    ] {
        let read = reader(bytes).array(compact, 1, Reader::i8);
        assert!(
            matches!(read, Err(DecodeError::Count { left: 3 | 4, .. })),
            "{read:?}"
        );
        assert!(matches!(
            reader(bytes).bytes(compact),
            Err(DecodeError::Short { .. })
        ));
    }
    // Four elements of one byte fit into four bytes, four of two do not.
    assert_eq!(
        reader(&[0, 0, 0, 4, 1, 2, 3, 4]).array(false, 1, Reader::i8),
        Ok(vec![1, 2, 3, 4])
    );
    let read = reader(&[0, 0, 0, 4, 1, 2, 3, 4]).array(false, 2, Reader::i16);
    assert_eq!(
        read,
        Err(DecodeError::Count {
            count: 4,
            each: 2,
            left: 4
        })
    );
    // Null and negative.
    assert_eq!(
        reader(&[0xff; 4]).array(false, 1, Reader::i8),
        Err(DecodeError::UnexpectedNull)
    );
    assert_eq!(
        reader(&[0xff; 4]).array_null(false, 1, Reader::i8),
        Ok(None)
    );
    assert_eq!(reader(&[0]).array_null(true, 1, Reader::i8), Ok(None));
    assert_eq!(reader(&[0]).str(true), Err(DecodeError::UnexpectedNull));
    assert_eq!(
        reader(&[0xff, 0xff, 0xff, 0xfb]).bytes_null(false),
        Err(DecodeError::NegativeLength(-5))
    );
    assert_eq!(
        reader(&[0xff, 0xfb]).str_null(false),
        Err(DecodeError::NegativeLength(-5))
    );
    // A compact length whose sign bit is set, a varint that does not end.
    assert!(matches!(
        reader(&[0xff, 0xff, 0xff, 0xff, 0x0f]).bytes_null(true),
        Err(DecodeError::NegativeLength(-1))
    ));
    assert_eq!(reader(&[0x80; 6]).uvarint(), Err(DecodeError::Varint));
    assert_eq!(reader(&[0x80; 11]).uvarlong(), Err(DecodeError::Varint));
    assert_eq!(reader(&[2, 0xff]).str(true), Err(DecodeError::Utf8));
    let long = Bytes::from([&[0x81, 0x80, 0x02][..], &[b'a'; 0x8000]].concat());
    assert_eq!(
        Reader::new(long).str(true),
        Err(DecodeError::LongString(0x8000))
    );
}

#[test]
fn varints_come_back() {
    for v in [
        0,
        1,
        -1,
        63,
        -64,
        64,
        i32::MAX.into(),
        i32::MIN.into(),
        i64::MAX,
        i64::MIN,
    ] {
        let mut w = Writer::new();
        w.varlong(v);
        w.varint(v as i32);
        w.uvarint(v as u32);
        w.uvarlong(v as u64);
        let mut r = Reader::new(w.finish().to_bytes());
        assert_eq!((r.varlong(), r.varint()), (Ok(v), Ok(v as i32)));
        assert_eq!((r.uvarint(), r.uvarlong()), (Ok(v as u32), Ok(v as u64)));
        r.end().unwrap();
    }
}

#[test]
fn unknown_tagged_fields_are_skipped_and_known_ones_must_fit() {
    let request = FetchRequest {
        cluster_id: Some("c".into()),
        ..Default::default()
    };
    let plain = request.to_bytes(12).unwrap();
    // ..., one tag: tag 0, 2 bytes, "c".
    assert_eq!(plain[plain.len() - 5..], [1, 0, 2, 2, b'c']);
    let stem = &plain[..plain.len() - 5];
    let read = |tail: &[u8]| FetchRequest::from_bytes([stem, tail].concat().into(), 12);
    assert_eq!(read(&[1, 0, 2, 2, b'c']), Ok(request.clone()));
    assert_eq!(
        read(&[2, 0, 2, 2, b'c', 99, 3, 7, 7, 7]),
        Ok(request.clone())
    );
    // Tag 1 belongs to version 15 and is skipped in version 12, as any unknown one.
    assert_eq!(read(&[2, 0, 2, 2, b'c', 1, 1, 0]), Ok(request));
    assert_eq!(
        read(&[1, 0, 3, 2, b'c', 0]),
        Err(DecodeError::TagSize { tag: 0, left: 1 })
    );
    assert_eq!(
        read(&[1, 0, 1, 2, b'c']),
        Err(DecodeError::Short { need: 1, left: 0 })
    );
    assert!(matches!(
        read(&[1, 99, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        Err(DecodeError::Short { .. })
    ));
    assert!(matches!(
        read(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
        Err(DecodeError::Short { .. })
    ));
}

#[test]
fn fields_that_a_version_lacks_are_dropped_only_if_they_may_be() {
    let request = FetchRequest {
        forgotten_topics_data: vec![Default::default()],
        ..Default::default()
    };
    let expected = Err(EncodeError::NotInVersion {
        field: "ForgottenTopicsData",
        version: 6,
    });
    assert_eq!(request.to_bytes(6), expected);
    assert!(request.to_bytes(7).is_ok());
    // Ignorable ones are left out.
    let request = FetchRequest {
        session_id: 5,
        ..Default::default()
    };
    assert_eq!(
        FetchRequest::from_bytes(request.to_bytes(6).unwrap(), 6)
            .unwrap()
            .session_id,
        0
    );
    // Null where only later versions know it: "all topics" is an empty list in version 0 of Metadata.
    let all = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    assert_eq!(all.to_bytes(0), Err(EncodeError::UnexpectedNull));
    assert!(all.to_bytes(1).is_ok());
    let long = MetadataRequest {
        topics: Some(vec![topic(&"x".repeat(0x8000))]),
        ..Default::default()
    };
    assert_eq!(long.to_bytes(4), Err(EncodeError::TooLong(0x8000)));
}

fn topic(name: &str) -> crate::messages::metadata_request::MetadataRequestTopic {
    crate::messages::metadata_request::MetadataRequestTopic {
        name: Some(name.into()),
        ..Default::default()
    }
}

#[derive(Debug)]
struct Memory(Vec<u8>);

impl RangeSource for Memory {
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        // Never more than 7 bytes at once: callers must go on reading.
        let rest = &self.0[self.0.len().min(position as usize)..];
        let n = rest.len().min(buf.len()).min(7);
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn fetched(records: Records) -> FetchResponse {
    let data = fetch_response::PartitionData {
        records: Some(records),
        ..Default::default()
    };
    let topic = fetch_response::FetchableTopicResponse {
        partitions: vec![data.clone(), data],
        ..Default::default()
    };
    FetchResponse {
        responses: vec![topic],
        ..Default::default()
    }
}

#[test]
fn records_are_sent_from_where_they_lie() {
    let payload = Bytes::from((0..10_000).map(|i| i as u8).collect::<Vec<_>>());
    let source: Arc<dyn RangeSource> = Arc::new(Memory([&[0; 100], &payload[..]].concat()));
    let range = |from: usize, len: usize| FileRange {
        source: source.clone(),
        position: from as u64 + 100,
        len: len as u32,
    };

    for version in [4, 11, 12, 18] {
        let whole = fetched(payload.clone().into());
        let mut w = Writer::new();
        whole.write(&mut w, version).unwrap();
        let shared = w.finish();
        // Shared, not copied: the chunk is the payload's own memory.
        let chunks: Vec<_> = shared.chunks.iter().collect();
        assert!(
            matches!(chunks[1], Chunk::Bytes(b) if b.as_ptr() == payload.as_ptr()),
            "{chunks:?}"
        );
        assert!(chunks.len() >= 4, "{chunks:?}");

        let ranges = fetched(Records::Ranges(
            [range(0, 4000), range(4000, 6000)].into_iter().collect(),
        ));
        let mut w = Writer::new();
        ranges.write(&mut w, version).unwrap();
        let by_range = w.finish();
        assert_eq!(
            by_range
                .chunks
                .iter()
                .filter(|c| matches!(c, Chunk::File(_)))
                .count(),
            4
        );
        assert_eq!(by_range.len, shared.len);
        assert_eq!(by_range.to_bytes(), shared.to_bytes());

        let back = FetchResponse::from_bytes(shared.to_bytes(), version).unwrap();
        assert_eq!(
            back.responses[0].partitions[0].records,
            Some(Records::Bytes(payload.clone()))
        );
    }
    assert_eq!(
        range(9_999, 2).read().unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

#[test]
fn decoded_records_are_a_slice_of_the_frame() {
    let data = produce_request::PartitionProduceData {
        records: Some(Bytes::from(vec![7; 5000]).into()),
        ..Default::default()
    };
    let topic = produce_request::TopicProduceData {
        name: "t".into(),
        partition_data: vec![data],
        ..Default::default()
    };
    let request = ProduceRequest {
        topic_data: vec![topic],
        ..Default::default()
    };
    let frame = request.to_bytes(9).unwrap();
    let back = ProduceRequest::from_bytes(frame.clone(), 9).unwrap();
    let Some(Records::Bytes(records)) = &back.topic_data[0].partition_data[0].records else {
        panic!("{back:?}")
    };
    assert!(frame.as_ptr_range().contains(&records.as_ptr()));
    assert!(
        frame
            .as_ptr_range()
            .contains(&back.topic_data[0].name.as_ptr())
    );
}

#[test]
fn a_frame_has_its_size_in_front_even_when_it_has_many_chunks() {
    let mut w = Writer::framed();
    fetched(Bytes::from(vec![1; 9000]).into())
        .write(&mut w, 12)
        .unwrap();
    let frame = w.finish_frame().unwrap();
    let bytes = frame.to_bytes();
    assert_eq!(frame.len, bytes.len());
    assert_eq!(
        i32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize,
        bytes.len() - 4
    );
}

#[test]
fn metadata_records_have_kafkas_frame() {
    let record = MetadataRecord::from(TopicRecord {
        name: "t".into(),
        topic_id: Uuid(5),
    });
    let bytes = record.write_framed(0).unwrap();
    assert_eq!(bytes[..5], [1, 2, 0, 2, b't']);
    assert_eq!(MetadataRecord::read_framed(bytes.clone()), Ok(record));
    let read = |bytes: &[u8]| MetadataRecord::read_framed(Bytes::copy_from_slice(bytes));
    assert_eq!(read(&[0, 2, 0]), Err(DecodeError::FrameVersion(0)));
    assert_eq!(read(&[1, 120, 0]), Err(DecodeError::RecordType(120)));
    assert_eq!(
        read(&[1, 2, 9]),
        Err(DecodeError::Version {
            message: "TopicRecord",
            version: 9
        })
    );
    assert_eq!(
        read(&[&bytes[..], &[0]].concat()),
        Err(DecodeError::Trailing { left: 1 })
    );
}

#[test]
fn coordinator_records_have_type_and_version_in_front() {
    let key = GroupRecordKey::from(OffsetCommitKey {
        group: "g".into(),
        topic: "t".into(),
        partition: 3,
    });
    let bytes = key.write().unwrap();
    assert_eq!(bytes[..], [0, 1, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 3]);
    assert_eq!(GroupRecordKey::read(bytes), Ok(key));
    let value = GroupRecordValue::from(OffsetCommitValue {
        offset: 9,
        metadata: "m".into(),
        ..Default::default()
    });
    for version in 0..=4 {
        let bytes = value.write(version).unwrap();
        assert_eq!(bytes[..2], version.to_be_bytes());
        assert_eq!(
            GroupRecordValue::read(OffsetCommitKey::KEY_TYPE, bytes),
            Ok(value.clone())
        );
    }
    assert_eq!(
        GroupRecordKey::read(Bytes::from_static(&[0, 99])),
        Err(DecodeError::RecordType(99))
    );
    // Kafka reads keys of type 0 and 1 as the same record.
    let legacy = GroupRecordKey::read(Bytes::from_static(&[
        0, 0, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 3,
    ]));
    assert!(
        matches!(legacy, Ok(GroupRecordKey::LegacyOffsetCommit(_))),
        "{legacy:?}"
    );
}

#[test]
fn keys_know_their_versions_headers_and_listeners() {
    let mut last = -1;
    for key in ApiKey::ALL {
        assert_eq!(ApiKey::try_from(*key as i16), Ok(*key));
        assert!(*key as i16 > last);
        last = *key as i16;
        let (min, max) = key.versions();
        assert!(min <= max, "{key}");
        let request = ALL
            .iter()
            .find(|e| e.name == format!("{key}Request"))
            .unwrap();
        assert_eq!(request.min, min, "{key}");
        // The newest version of InitProducerId is not stable in 4.3.
        assert_eq!(
            request.max - max,
            i16::from(*key == ApiKey::InitProducerId),
            "{key}"
        );
        assert!(
            key.listeners().broker || key.listeners().controller,
            "{key}"
        );
    }
    assert_eq!(ApiKey::Produce.versions(), (3, 13));
    assert_eq!(ApiKey::Produce.advertised(), (0, 13));
    assert_eq!(ApiKey::Fetch.advertised(), (4, 18));
    assert!(!ApiKey::Vote.listeners().broker);
    assert_eq!(ApiVersionsResponse::default().to_bytes(0).unwrap().len(), 6);
    assert_eq!(Str::default(), "");
}
