//! Produce, InitProducerId, DescribeProducers.

use airis_protocol::batch::{BatchBuilder, TimestampType, at};
use airis_protocol::compress::Codec;
use airis_protocol::messages::*;
use airis_protocol::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId, Uuid};
use anyhow::Result;
use bytes::Bytes;

use crate::ask::*;
use crate::side::Side;

pub async fn play(side: &mut Side) -> Result<()> {
    taken(side).await?;
    refused(side).await?;
    stamped(side).await?;
    ids(side).await?;
    sequences(side).await
}

async fn taken(side: &mut Side) -> Result<()> {
    let id = side.make("p-a", 2, &[]).await?;
    for codec in Codec::ALL {
        side.all(&format!("two records, {codec:?}"), |v| {
            produce_in(v, "p-a", id, build(codec, &["a", "b"], |_| {}))
        })
        .await?;
    }
    side.all("acks=1", |v| ProduceRequest {
        acks: 1,
        ..produce_in(v, "p-a", id, batch(&["a"]))
    })
    .await?;
    for acks in [2, -2, 100] {
        side.all(&format!("acks={acks}"), |v| ProduceRequest {
            acks,
            ..produce_in(v, "p-a", id, batch(&["a"]))
        })
        .await?;
    }
    // acks=0 has no answer: the next request's answer shows that it was done.
    side.send(&produce("p-a", 0, 0, batch(&["silent"])), 12)
        .await?;
    side.ask("after acks=0", &produce("p-a", 0, -1, batch(&["a"])), 12)
        .await?;
    let mut both = produce("p-a", 0, -1, batch(&["a"]));
    both.topic_data[0]
        .partition_data
        .push(produce("p-a", 1, -1, batch(&["b"])).topic_data[0].partition_data[0].clone());
    both.topic_data[0]
        .partition_data
        .push(produce("p-a", 7, -1, batch(&["b"])).topic_data[0].partition_data[0].clone());
    both.topic_data
        .push(produce("p-no", 0, -1, batch(&["b"])).topic_data[0].clone());
    for version in [3, 8, 11, 12] {
        side.ask("several partitions, some wrong", &both, version)
            .await?;
    }
    side.all("no topics", |_| ProduceRequest {
        acks: -1,
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    })
    .await?;
    // What lies in the log now, byte for byte but for what compression may choose.
    side.ask(
        "all of it",
        &fetch_in(12, "p-a", id, fetch_partition(0, 0)),
        12,
    )
    .await?;
    Ok(())
}

/// One batch of one record whose bytes are these.
fn with_record(record: &[u8], count: i32, last_delta: i32) -> Bytes {
    let good = batch(&["a"]);
    let mut out = good[..61].to_vec();
    out.extend_from_slice(record);
    let len = (out.len() - 12) as i32;
    out[8..12].copy_from_slice(&len.to_be_bytes());
    out[at::LAST_OFFSET_DELTA..][..4].copy_from_slice(&last_delta.to_be_bytes());
    out[at::RECORD_COUNT..][..4].copy_from_slice(&count.to_be_bytes());
    patched(&out.into(), 0, &[], true)
}

async fn refused(side: &mut Side) -> Result<()> {
    side.make("p-compact", 1, &[("cleanup.policy", "compact")])
        .await?;
    let one = batch(&["one"]);
    let two = batch(&["one", "two"]);
    let lz4 = build(Codec::Lz4, &["one", "two"], |_| {});
    let large = "x".repeat(3000);
    let flip = |bytes: &Bytes, at: usize| {
        let mut out = bytes.to_vec();
        out[at] ^= 1;
        Bytes::from(out)
    };
    let i32_at =
        |bytes: &Bytes, at: usize, value: i32| patched(bytes, at, &value.to_be_bytes(), true);
    let i16_at =
        |bytes: &Bytes, at: usize, value: i16| patched(bytes, at, &value.to_be_bytes(), true);
    let control = build(Codec::None, &["x"], |b| {
        b.control();
    });
    let transactional = build(Codec::None, &["x"], |b| {
        b.producer(ProducerId(1), ProducerEpoch(0), 0)
            .transactional();
    });
    let many: Vec<u8> = [&one[..], &two[..]].concat();
    // A message set of magic 1: offset, size, crc, magic, attributes, time, no key, a value.
    let mut old = vec![0; 8];
    old.extend(23i32.to_be_bytes());
    old.extend([0, 0, 0, 0, 1, 0]);
    old.extend(base_time().to_be_bytes());
    old.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, b'x']);
    let cases: Vec<(&str, Bytes)> = vec![
        ("no bytes", Bytes::new()),
        ("a few bytes", Bytes::from_static(&[0, 1, 2])),
        ("half a batch", one.slice(..40)),
        ("all but the last byte", one.slice(..one.len() - 1)),
        ("two batches", Bytes::from(many)),
        ("a wrong crc", flip(&one, 70)),
        ("a wrong crc field", flip(&one, 18)),
        ("magic 3", patched(&one, 16, &[3], false)),
        ("magic -1", patched(&one, 16, &[0xff], false)),
        ("magic 1", Bytes::from(old)),
        ("magic 0 in a batch", patched(&one, 16, &[0], false)),
        (
            "a length too small",
            patched(&one, 8, &10i32.to_be_bytes(), false),
        ),
        (
            "a negative length",
            patched(&one, 8, &(-1i32).to_be_bytes(), false),
        ),
        (
            "a length too large",
            patched(&one, 8, &10_000i32.to_be_bytes(), false),
        ),
        (
            "a base offset",
            patched(&one, 0, &5i64.to_be_bytes(), false),
        ),
        (
            "a leader epoch",
            patched(&one, 12, &9i32.to_be_bytes(), false),
        ),
        ("a count too large", i32_at(&two, at::RECORD_COUNT, 3)),
        ("a count too small", i32_at(&two, at::RECORD_COUNT, 1)),
        ("a count of none", i32_at(&two, at::RECORD_COUNT, 0)),
        ("a negative count", i32_at(&two, at::RECORD_COUNT, -1)),
        ("a huge count", i32_at(&two, at::RECORD_COUNT, i32::MAX)),
        (
            "a last offset too large",
            i32_at(&two, at::LAST_OFFSET_DELTA, 5),
        ),
        (
            "a last offset too small",
            i32_at(&two, at::LAST_OFFSET_DELTA, 0),
        ),
        (
            "count and last offset too large",
            i32_at(&i32_at(&two, at::LAST_OFFSET_DELTA, 2), at::RECORD_COUNT, 3),
        ),
        (
            "a negative last offset",
            i32_at(&two, at::LAST_OFFSET_DELTA, -1),
        ),
        ("lz4, a count too large", i32_at(&lz4, at::RECORD_COUNT, 3)),
        (
            "lz4, a count too small",
            i32_at(&i32_at(&lz4, at::LAST_OFFSET_DELTA, 0), at::RECORD_COUNT, 1),
        ),
        (
            "lz4, count and last offset too large",
            i32_at(&i32_at(&lz4, at::LAST_OFFSET_DELTA, 2), at::RECORD_COUNT, 3),
        ),
        ("lz4 that is none", i16_at(&two, at::ATTRIBUTES, 3)),
        ("gzip that is none", i16_at(&two, at::ATTRIBUTES, 1)),
        ("snappy that is none", i16_at(&two, at::ATTRIBUTES, 2)),
        ("zstd that is none", i16_at(&two, at::ATTRIBUTES, 4)),
        ("codec 5", i16_at(&two, at::ATTRIBUTES, 5)),
        ("codec 7", i16_at(&two, at::ATTRIBUTES, 7)),
        ("an unused attribute", i16_at(&two, at::ATTRIBUTES, 0x100)),
        ("a control batch", control),
        ("a transactional batch", transactional),
        (
            "a transactional flag without a producer",
            i16_at(&two, at::ATTRIBUTES, 0x10),
        ),
        ("too large", batch(&[&large])),
        (
            "too large compressed",
            build(Codec::Zstd, &[&large], |_| {}),
        ),
        (
            "a negative max timestamp",
            patched(&two, at::MAX_TIMESTAMP, &(-1i64).to_be_bytes(), true),
        ),
        (
            "a max timestamp too small",
            patched(
                &two,
                at::MAX_TIMESTAMP,
                &(base_time() - 5).to_be_bytes(),
                true,
            ),
        ),
        ("a record of length zero", with_record(&[0], 1, 0)),
        ("a record of negative length", with_record(&[1], 1, 0)),
        (
            "a record that ends early",
            with_record(&[40, 0, 0, 0], 1, 0),
        ),
        (
            "a record with a byte over",
            with_record(&[14, 0, 0, 0, 1, 1, 0, 9], 1, 0),
        ),
        (
            "a record without key and value",
            with_record(&[12, 0, 0, 0, 1, 1, 0], 1, 0),
        ),
        (
            "a record with attributes",
            with_record(&[12, 7, 0, 0, 1, 1, 0], 1, 0),
        ),
        (
            "a record with an offset delta of two",
            with_record(&[12, 0, 0, 4, 1, 1, 0], 1, 2),
        ),
        (
            "a record with negative headers",
            with_record(&[12, 0, 0, 0, 1, 1, 1], 1, 0),
        ),
        (
            "a header without a key",
            with_record(&[16, 0, 0, 0, 1, 1, 2, 1, 1], 1, 0),
        ),
        (
            "a record behind the last",
            with_record(&[12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0], 1, 0),
        ),
        ("a good one", one.clone()),
    ];
    // To a partition each, so that one that is taken does not move the others.
    let id = side
        .make(
            "p-bad",
            cases.len() as i32,
            &[("max.message.bytes", "2000")],
        )
        .await?;
    for (i, (name, bytes)) in cases.iter().enumerate() {
        side.ask(name, &produce("p-bad", i as i32, -1, bytes.clone()), 12)
            .await?;
    }
    let mut taken = fetch_in(12, "p-bad", id, fetch_partition(0, 0));
    taken.topics[0].partitions = (0..cases.len() as i32)
        .map(|p| fetch_partition(p, 0))
        .collect();
    side.ask("what was taken of it", &taken, 12).await?;
    // What Kafka takes and we do not.
    let no_id = build(Codec::None, &["a"], |b| {
        b.producer(ProducerId(-1), ProducerEpoch(0), 5);
    });
    let lax = [
        ("a byte too many", Bytes::from([&one[..], &[0]].concat())),
        ("log append time", i16_at(&two, at::ATTRIBUTES, 8)),
        ("a delete horizon", i16_at(&two, at::ATTRIBUTES, 0x40)),
        (
            "two records of one offset",
            with_record(&[12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0], 2, 1),
        ),
        ("a sequence without a producer", no_id),
    ];
    side.make("p-lax", lax.len() as i32, &[]).await?;
    for (i, (name, bytes)) in lax.iter().enumerate() {
        side.ask(name, &produce("p-lax", i as i32, -1, bytes.clone()), 12)
            .await?;
    }
    for version in [3, 7] {
        side.ask(
            "zstd before version 7",
            &produce("p-bad", 0, -1, build(Codec::Zstd, &["a"], |_| {})),
            version,
        )
        .await?;
    }
    // Null for records is not asked: Apache Kafka 4.3.0 never answers that.
    let time = |name: &str, after: i64| {
        (
            name.to_owned(),
            build_at(after, Codec::None, &["x"], |_| {}),
        )
    };
    for (name, bytes) in [
        time("an hour and more ahead", 2 * 3_600_000),
        time("half an hour ahead", 1_800_000),
        time("a year back", -31_536_000_000),
    ] {
        side.ask(&name, &produce("p-bad", 0, -1, bytes), 12).await?;
    }
    let keyed = |keys: &[Option<&[u8]>], codec| {
        let mut b = BatchBuilder::new(codec, TimestampType::Create);
        for key in keys {
            b.push(Millis(base_time()), *key, Some(b"v"), &[]);
        }
        b.build(Offset(0), LeaderEpoch(-1))
    };
    for codec in [Codec::None, Codec::Gzip] {
        for (name, keys) in [
            ("with keys", [Some(&b"k"[..]), Some(b"l")]),
            ("one without a key", [Some(b"k"), None]),
            ("none with a key", [None, None]),
        ] {
            for version in [7, 12] {
                side.ask(
                    &format!("to a compacted topic, {name}, {codec:?}"),
                    &produce("p-compact", 0, -1, keyed(&keys, codec)),
                    version,
                )
                .await?;
            }
        }
    }
    for (name, topic, partition) in [
        ("an unknown topic", "p-no", 0),
        ("an unknown partition", "p-bad", 900),
        ("a negative partition", "p-bad", -1),
        ("a topic without a name", "", 0),
        ("a bad name", "p bad", 0),
        ("an internal topic", "__consumer_offsets", 0),
    ] {
        for version in [5, 12] {
            side.ask(name, &produce(topic, partition, -1, one.clone()), version)
                .await?;
        }
    }
    side.ask(
        "an unknown id",
        &produce_in(13, "", Uuid(0x77777), one.clone()),
        13,
    )
    .await?;
    side.ask("no id", &produce_in(13, "", Uuid::ZERO, one.clone()), 13)
        .await?;
    let mut partition = produce_in(13, "", id, one.clone());
    partition.topic_data[0].partition_data[0].index = 900;
    side.ask("a known id, an unknown partition", &partition, 13)
        .await?;
    side.make("p-twice", 1, &[]).await?;
    let mut twice = produce("p-twice", 0, -1, one.clone());
    twice.topic_data.push(twice.topic_data[0].clone());
    side.ask("a partition twice", &twice, 12).await?;
    let transactional = ProduceRequest {
        transactional_id: Some("p-txn".into()),
        ..produce("p-bad", 0, -1, one)
    };
    side.ask(
        "a transactional id without a transactional batch",
        &transactional,
        12,
    )
    .await?;
    Ok(())
}

async fn stamped(side: &mut Side) -> Result<()> {
    for codec in ["producer", "uncompressed", "gzip", "lz4", "snappy", "zstd"] {
        for time in ["CreateTime", "LogAppendTime"] {
            let name = format!("p-{codec}-{time}");
            let id = side
                .make(
                    &name,
                    1,
                    &[
                        ("compression.type", codec),
                        ("message.timestamp.type", time),
                    ],
                )
                .await?;
            for sent in [Codec::None, Codec::Snappy] {
                side.ask(
                    &format!("{sent:?} to {name}"),
                    &produce(&name, 0, -1, build(sent, &["a", "b"], |_| {})),
                    12,
                )
                .await?;
            }
            side.ask(
                &format!("what lies in {name}"),
                &fetch_in(12, &name, id, fetch_partition(0, 0)),
                12,
            )
            .await?;
        }
    }
    Ok(())
}

async fn ids(side: &mut Side) -> Result<()> {
    side.all("a new producer", |_| fresh_producer()).await?;
    for (name, id, epoch, timeout) in [
        ("an id of its own", 5, 0, 60_000),
        ("an id without an epoch", 5, -1, 60_000),
        ("an epoch without an id", -1, 3, 60_000),
        ("no timeout", -1, -1, 0),
        ("a negative timeout", -1, -1, -5),
        ("the longest timeout", -1, -1, i32::MAX),
        ("a negative id", -7, -1, 60_000),
    ] {
        let request = InitProducerIdRequest {
            transactional_id: None,
            producer_id: id,
            producer_epoch: epoch,
            transaction_timeout_ms: timeout,
            ..Default::default()
        };
        side.ask(name, &request, 5).await?;
    }
    let empty = InitProducerIdRequest {
        transactional_id: Some("".into()),
        ..fresh_producer()
    };
    side.ask("an empty transactional id", &empty, 5).await?;
    Ok(())
}

async fn sequences(side: &mut Side) -> Result<()> {
    let topic_id = side.make("p-seq", 2, &[]).await?;
    let fresh = fresh_producer();
    let id = side.quiet(&fresh, 5).await?.producer_id;
    side.learn(&id.to_string(), "<P>");
    // Each row: what is sent, and the epoch and first sequence of its two records.
    for (name, epoch, sequence) in [
        ("the first", 0, 0),
        ("the first again", 0, 0),
        ("the second", 0, 2),
        ("the first once more", 0, 0),
        ("a gap", 0, 6),
        ("an overlap", 0, 3),
        ("the third", 0, 4),
        ("the fourth", 0, 6),
        ("the fifth", 0, 8),
        ("the sixth", 0, 10),
        ("the second, fifth from the end", 0, 2),
        ("the first, no longer known", 0, 0),
        ("a newer epoch with a gap", 1, 5),
        ("a newer epoch", 1, 0),
        ("the old epoch", 0, 12),
        ("the old epoch's last", 0, 10),
        ("a much newer epoch", 9, 0),
        ("no sequence", 9, -1),
        ("a negative epoch", -1, 2),
    ] {
        side.ask(
            name,
            &produce("p-seq", 0, -1, idempotent(id, epoch, sequence, &["a", "b"])),
            12,
        )
        .await?;
    }
    side.ask(
        "an unknown producer's first",
        &produce("p-seq", 1, -1, idempotent(id, 0, 0, &["a"])),
        12,
    )
    .await?;
    side.ask(
        "half a duplicate",
        &produce("p-seq", 1, -1, idempotent(id, 0, 0, &["a", "b"])),
        12,
    )
    .await?;
    let wrap = side.quiet(&fresh, 5).await?.producer_id;
    side.learn(&wrap.to_string(), "<W>");
    for (name, sequence) in [
        ("near the end of sequences", i32::MAX - 1),
        ("around the end of sequences", 0),
        ("and on", 2),
    ] {
        side.ask(
            name,
            &produce("p-seq", 1, -1, idempotent(wrap, 0, sequence, &["a", "b"])),
            12,
        )
        .await?;
    }
    side.ask(
        "an id that nobody was given",
        &produce("p-seq", 1, -1, idempotent(987_654_321, 0, 7, &["a"])),
        12,
    )
    .await?;
    let two: Vec<u8> = [
        &idempotent(id, 0, 1, &["c"])[..],
        &idempotent(id, 0, 2, &["d"])[..],
    ]
    .concat();
    side.ask(
        "two batches of a producer",
        &produce("p-seq", 1, -1, two.into()),
        12,
    )
    .await?;
    side.ask(
        "what lies there",
        &fetch_in(12, "p-seq", topic_id, fetch_partition(0, 0)),
        12,
    )
    .await?;
    side.ask(
        "what lies beside it",
        &fetch_in(12, "p-seq", topic_id, fetch_partition(1, 0)),
        12,
    )
    .await?;
    let ask = |name: &str, partitions: &[i32]| DescribeProducersRequest {
        topics: vec![describe_producers_request::TopicRequest {
            name: name.into(),
            partition_indexes: partitions.to_vec(),
        }],
    };
    for (name, topic, partitions) in [
        ("who produced", "p-seq", &[0, 1][..]),
        ("who produced to an unknown partition", "p-seq", &[5]),
        ("who produced to an unknown topic", "p-no", &[0]),
        ("who produced to a bad name", "p no", &[0]),
        ("who produced to no partition", "p-seq", &[]),
        ("who produced to a partition twice", "p-bad", &[0, 0]),
    ] {
        side.ask(name, &ask(topic, partitions), 0).await?;
    }
    Ok(())
}
