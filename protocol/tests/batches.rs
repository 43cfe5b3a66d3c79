//! Record batches against two strangers: Kafka's own classes (golden bytes) and the `kafka-protocol` crate, both ways, in every codec.
//!
//! Always holds: the seed of random tests is printed and AIRIS_SEED runs it again. Must never: compare compressed bytes, which every
//! encoder makes its own way.

mod common;

use airis_protocol::batch::{
    BatchBuilder, BatchBytes, HEADER_LEN, HeaderRef, TimestampType, parse_batches,
};
use airis_protocol::compress::{Codec, compress, decompress};
use airis_protocol::control::ControlRecord;
use airis_protocol::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId};
use bytes::{Bytes, BytesMut};
use common::Rng;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as theirs;

/// Room for what the tests decompress.
const LIMIT: usize = 4 << 20;

/// The records that `codegen/golden/GoldenBatches.java` builds.
fn golden_builder(codec: Codec, name: &str) -> BatchBuilder {
    let (ty, count, value_size) = match name {
        "one" => (TimestampType::Create, 1, 1),
        "many" => (TimestampType::Create, 200, 40),
        "append-time" => (TimestampType::LogAppend, 20, 3),
        _ => (TimestampType::Create, 5, 2),
    };
    let mut b = BatchBuilder::new(codec, ty);
    if ty == TimestampType::LogAppend {
        b.append_time(Millis(1_700_000_005_000));
    }
    if matches!(name, "producer" | "transactional") {
        b.producer(ProducerId(77), ProducerEpoch(3), i32::MAX - 2);
    }
    if name == "transactional" {
        b.transactional();
    }
    for i in 0..count {
        let key = (i % 3 != 0).then(|| format!("key-{i}"));
        let value = (i % 4 != 1).then(|| format!("value-{i};").repeat(value_size));
        let x = format!("x{i}");
        let mut headers: Vec<HeaderRef<'_>> = Vec::new();
        if i % 5 == 2 {
            headers.push((b"a", Some(x.as_bytes())));
            headers.push((b"a", None));
            headers.push(("b\u{e9}".as_bytes(), Some(b"")));
            headers.push((b"a", Some(b"again")));
        }
        b.push(
            Millis(1_700_000_000_000 + (i % 7) * 1000 - i * 300),
            key.as_deref().map(str::as_bytes),
            value.as_deref().map(str::as_bytes),
            &headers,
        );
    }
    b
}

fn one(bytes: &Bytes) -> BatchBytes {
    let batches = parse_batches(bytes).expect("a whole batch");
    assert_eq!(batches.len(), 1);
    batches.into_iter().next().expect("one")
}

#[test]
fn what_kafka_builds_is_what_we_build() {
    let packed: &[u8] = include_bytes!("golden/batches.gz");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text)
        .expect("gzip");
    let mut seen = 0;
    for line in text.lines() {
        let [name, codec, base64] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        let codec = Codec::from_name(codec).expect("a codec");
        let kafkas = common::base64(base64);
        let what = format!("{name} in {}", codec.name());
        seen += 1;
        if matches!(name, "commit" | "abort") {
            let marker = ControlRecord::EndTxn {
                committed: name == "commit",
                coordinator_epoch: 12,
            };
            let ours = marker.batch(
                Offset(1000),
                LeaderEpoch(9),
                Millis(1_700_000_000_000),
                Some((ProducerId(77), ProducerEpoch(3))),
            );
            assert_eq!(ours.as_ref(), Ok(&kafkas), "{what}");
            continue;
        }
        let plain = golden_builder(Codec::None, name).build(Offset(1000), LeaderEpoch(9));
        let kafka = one(&kafkas);
        assert_eq!(kafka.codec(), Ok(codec), "{what}");
        let section = decompress(codec, kafka.section(), LIMIT).expect("Kafka's compression");
        assert_eq!(&section[..], &plain[HEADER_LEN..], "{what}");
        if codec == Codec::None {
            assert_eq!(kafkas, plain, "{what}");
        }
        let ours = one(&golden_builder(codec, name).build(Offset(1000), LeaderEpoch(9)));
        let fields = |b: &BatchBytes| {
            let mut h = *b.header();
            // These two follow from the compressed bytes.
            (h.crc, h.batch_length) = (0, 0);
            h
        };
        assert_eq!(fields(&ours), fields(&kafka), "{what}");
    }
    assert_eq!(seen, 5 * 5 + 2);
}

/// A record of any shape.
#[derive(Clone, Debug, PartialEq)]
struct Rec {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn bytes(rng: &mut Rng, max: usize) -> Vec<u8> {
    let len = rng.below(max + 1);
    // Half compressible, half not.
    if rng.below(2) == 0 {
        vec![rng.next() as u8; len]
    } else {
        (0..len).map(|_| rng.next() as u8).collect()
    }
}

fn maybe(rng: &mut Rng, max: usize) -> Option<Vec<u8>> {
    (rng.below(4) > 0).then(|| bytes(rng, max))
}

fn record(rng: &mut Rng, distinct_headers: bool) -> Rec {
    let headers = (0..rng.below(4)).map(|i| {
        let key = if distinct_headers {
            format!("h{i}").into_bytes()
        } else {
            bytes(rng, 3)
        };
        (key, maybe(rng, 40))
    });
    let headers = headers.collect();
    let max = [10, 100, 3000, 200_000][[0, 0, 0, 1, 1, 1, 1, 2, 2, 3][rng.below(10)]];
    Rec {
        timestamp: 1_700_000_000_000 + rng.below(1_000_000) as i64 - 500_000,
        key: maybe(rng, 30),
        value: maybe(rng, max),
        headers,
    }
}

fn build(codec: Codec, records: &[Rec]) -> Bytes {
    let mut b = BatchBuilder::new(codec, TimestampType::Create);
    for r in records {
        let headers: Vec<HeaderRef<'_>> = r
            .headers
            .iter()
            .map(|(k, v)| (&k[..], v.as_deref()))
            .collect();
        b.push(
            Millis(r.timestamp),
            r.key.as_deref(),
            r.value.as_deref(),
            &headers,
        );
    }
    b.build(Offset(0), LeaderEpoch(-1))
}

fn read(batch: &BatchBytes) -> Vec<Rec> {
    let set = batch.records(LIMIT).expect("readable");
    let records = set.iter().map(|r| {
        let r = r.expect("a whole record");
        Rec {
            timestamp: r.timestamp.0,
            key: r.key.map(<[u8]>::to_vec),
            value: r.value.map(<[u8]>::to_vec),
            headers: r
                .headers()
                .map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec)))
                .collect(),
        }
    });
    records.collect()
}

#[test]
fn any_records_come_back_in_every_codec() {
    let mut rng = Rng(common::seed());
    for _ in 0..40 {
        let records: Vec<Rec> = (0..1 + rng.below(30))
            .map(|_| record(&mut rng, false))
            .collect();
        for codec in Codec::ALL {
            assert_eq!(read(&one(&build(codec, &records))), records, "{codec:?}");
        }
    }
}

fn their_codec(codec: Codec) -> theirs::Compression {
    match codec {
        Codec::None => theirs::Compression::None,
        Codec::Gzip => theirs::Compression::Gzip,
        Codec::Snappy => theirs::Compression::Snappy,
        Codec::Lz4 => theirs::Compression::Lz4,
        Codec::Zstd => theirs::Compression::Zstd,
    }
}

#[test]
fn another_crate_reads_ours_and_we_read_its() {
    let mut rng = Rng(common::seed());
    for round in 0..20 {
        let records: Vec<Rec> = (0..1 + rng.below(20))
            .map(|_| record(&mut rng, true))
            .collect();
        for codec in Codec::ALL {
            let ours = build(codec, &records);
            let decoded = theirs::RecordBatchDecoder::decode(&mut ours.clone())
                .unwrap_or_else(|e| panic!("{codec:?} {round}: {e}"));
            let as_ours: Vec<Rec> = decoded
                .records
                .iter()
                .map(|r| Rec {
                    timestamp: r.timestamp,
                    key: r.key.as_ref().map(|b| b.to_vec()),
                    value: r.value.as_ref().map(|b| b.to_vec()),
                    headers: r
                        .headers
                        .iter()
                        .map(|(k, v)| (k.as_bytes().to_vec(), v.as_ref().map(|b| b.to_vec())))
                        .collect(),
                })
                .collect();
            assert_eq!(as_ours, records, "{codec:?}");

            let as_theirs: Vec<theirs::Record> = records
                .iter()
                .enumerate()
                .map(|(i, r)| theirs::Record {
                    transactional: false,
                    control: false,
                    delete_horizon: false,
                    partition_leader_epoch: -1,
                    producer_id: -1,
                    producer_epoch: -1,
                    timestamp_type: theirs::TimestampType::Creation,
                    offset: i as i64,
                    sequence: -1,
                    timestamp: r.timestamp,
                    key: r.key.clone().map(Bytes::from),
                    value: r.value.clone().map(Bytes::from),
                    headers: r
                        .headers
                        .iter()
                        .map(|(k, v)| {
                            let key = String::from_utf8(k.clone()).expect("ASCII");
                            (StrBytes::from_string(key), v.clone().map(Bytes::from))
                        })
                        .collect::<IndexMap<_, _>>(),
                })
                .collect();
            let mut buf = BytesMut::new();
            let options = theirs::RecordEncodeOptions {
                version: 2,
                compression: their_codec(codec),
            };
            theirs::RecordBatchEncoder::encode(&mut buf, &as_theirs, &options)
                .expect("it can write");
            // It may cut records into several batches.
            let batches = parse_batches(&buf.freeze()).expect("its batches are whole");
            let read: Vec<Rec> = batches.iter().flat_map(read).collect();
            assert_eq!(read, records, "{codec:?}");
        }
    }
}

#[test]
fn foreign_framings_are_read() {
    let data: Vec<u8> = (0..100_000u32).map(|i| (i / 100) as u8).collect();
    // Snappy without xerial's framing, as some clients write it and the Java client reads it.
    let bare = snap::raw::Encoder::new()
        .compress_vec(&data)
        .expect("compresses");
    assert_eq!(decompress(Codec::Snappy, &bare, LIMIT).unwrap(), data);
    // Two xerial streams one behind the other, and two gzip members.
    for codec in [Codec::Snappy, Codec::Gzip, Codec::Zstd] {
        let half = data.len() / 2;
        let joined = [
            &compress(codec, None, &data[..half])[..],
            &compress(codec, None, &data[half..])[..],
        ]
        .concat();
        assert_eq!(
            decompress(codec, &joined, LIMIT).unwrap(),
            data,
            "{codec:?}"
        );
    }
    // lz4 with content size, checksums and large blocks.
    for blocks in [
        lz4_flex::frame::BlockMode::Independent,
        lz4_flex::frame::BlockMode::Linked,
    ] {
        let info = lz4_flex::frame::FrameInfo::new()
            .block_mode(blocks)
            .block_size(lz4_flex::frame::BlockSize::Max4MB)
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(data.len() as u64));
        let mut w = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        std::io::Write::write_all(&mut w, &data).expect("writes");
        let frame = w.finish().expect("ends");
        let read = decompress(Codec::Lz4, &frame, LIMIT);
        // No Java consumer could read blocks that depend on each other, so they are not taken.
        match blocks {
            lz4_flex::frame::BlockMode::Independent => assert_eq!(read.unwrap(), data),
            lz4_flex::frame::BlockMode::Linked => assert!(read.is_err()),
        }
    }
}

#[test]
fn every_level_can_be_read() {
    let data = b"a level is a level is a level ".repeat(500);
    for (codec, levels) in [
        (Codec::Gzip, vec![-1, 1, 9]),
        (Codec::Lz4, vec![1, 9, 17]),
        (Codec::Zstd, vec![-131_072, -1, 1, 3, 19, 22]),
    ] {
        for level in levels {
            let out = compress(codec, Some(level), &data);
            assert_eq!(
                decompress(codec, &out, LIMIT).unwrap(),
                data,
                "{codec:?} {level}"
            );
        }
    }
}
