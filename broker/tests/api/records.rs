//! Produce, fetch and what lies between them.

use std::time::{Duration, Instant};

use airis_broker::Broker;
use airis_protocol::batch::{TimestampType, at, batch_crc};
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use airis_protocol::messages::*;
use airis_protocol::types::Str;
use bytes::Bytes;

use crate::client::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_produced_is_fetched_in_every_codec_and_with_every_acks() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let mut expected = Vec::new();
    for (i, codec) in Codec::ALL.into_iter().enumerate() {
        for acks in [1i16, -1] {
            let texts = [format!("{codec:?} {acks} a"), format!("{codec:?} {acks} b")];
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let done = c.produce("t", acks, build(codec, &texts, |_| {})).await;
            assert_eq!(done.error_code, 0);
            assert_eq!(done.base_offset, expected.len() as i64);
            expected.extend(texts.iter().map(|t| (*t).to_owned()));
        }
        // acks=0 has no answer; the next request's answer comes first and shows that it was done before.
        let text = format!("silent {i}");
        c.send(&produce("t", 0, 0, batch(&[&text])), 12).await;
        expected.push(text);
        assert_eq!(c.values("t", 0).await, expected);
    }
    let data = c.fetch("t", 3).await;
    assert_eq!(data.high_watermark, expected.len() as i64);
    assert_eq!(
        values(&data)[1..],
        expected[3..],
        "from the batch that holds offset 3"
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producers_retries_and_gaps_are_told_apart() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let init = InitProducerIdRequest {
        transactional_id: None,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    let first = c.call(&init, 5).await;
    let second = c.call(&init, 5).await;
    assert_eq!((first.error_code, second.error_code), (0, 0));
    assert_ne!(first.producer_id, second.producer_id);
    let id = first.producer_id;
    for i in 0..7 {
        let done = c
            .produce("t", -1, idempotent(id, 0, i * 2, &["a", "b"]))
            .await;
        assert_eq!((done.error_code, done.base_offset), (0, i64::from(i) * 2));
    }
    // The last five are known and get their old offsets; older ones and gaps are refused.
    // Refusals come with the log's start.
    for (sequence, error, offset) in [(12, 0, 12), (4, 0, 4), (0, 45, -1), (99, 45, -1)] {
        let done = c
            .produce("t", -1, idempotent(id, 0, sequence, &["a", "b"]))
            .await;
        assert_eq!(
            (done.error_code, done.base_offset),
            (error, offset),
            "{sequence}"
        );
        assert_eq!(done.log_start_offset, 0);
    }
    let newer = c.produce("t", -1, idempotent(id, 1, 0, &["c"])).await;
    assert_eq!((newer.error_code, newer.base_offset), (0, 14));
    let zombie = c.produce("t", -1, idempotent(id, 0, 14, &["d"])).await;
    assert_eq!(zombie.error_code, ErrorCode::InvalidProducerEpoch.code());
    let request = DescribeProducersRequest {
        topics: vec![describe_producers_request::TopicRequest {
            name: Str::from("t"),
            partition_indexes: vec![0, 1],
        }],
    };
    let described = c.call(&request, 0).await;
    let partitions = &described.topics[0].partitions;
    let active: Vec<_> = partitions[0]
        .active_producers
        .iter()
        .map(|p| (p.producer_id, p.producer_epoch, p.last_sequence))
        .collect();
    assert_eq!(active, [(id, 1, 0)]);
    assert_eq!(
        partitions[1].error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_is_silent_for_long_is_forgotten() {
    let broker = Broker::builder()
        .property("producer.id.expiration.ms", 1)
        .property("producer.id.expiration.check.interval.ms", 20)
        .start()
        .await
        .unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let first = c.produce("t", -1, idempotent(7, 0, 0, &["a"])).await;
    assert_eq!(first.error_code, 0);
    let request = DescribeProducersRequest {
        topics: vec![describe_producers_request::TopicRequest {
            name: Str::from("t"),
            partition_indexes: vec![0],
        }],
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let described = c.call(&request, 0).await;
        if described.topics[0].partitions[0]
            .active_producers
            .is_empty()
        {
            break;
        }
        assert!(Instant::now() < deadline, "it is still remembered");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_records_are_told_and_leave_no_trace() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[("max.message.bytes", "500")]).await;
    let good = batch(&["x"]);
    let mut bad_crc = good.to_vec();
    bad_crc[65] ^= 1;
    let large = "y".repeat(1000);
    for (what, bytes, error) in [
        ("crc", Bytes::from(bad_crc), ErrorCode::CorruptMessage),
        ("large", batch(&[&large]), ErrorCode::MessageTooLarge),
        ("nothing", Bytes::new(), ErrorCode::InvalidRecord),
        ("half", good.slice(..40), ErrorCode::InvalidRecord),
        (
            "two batches",
            Bytes::from([&good[..], &good[..]].concat()),
            ErrorCode::InvalidRecord,
        ),
        (
            "control",
            build(Codec::None, &["x"], |b| {
                b.control();
            }),
            ErrorCode::InvalidRecord,
        ),
    ] {
        let done = c.produce("t", -1, bytes).await;
        assert_eq!(done.error_code, error.code(), "{what}");
        assert_eq!(done.base_offset, -1);
        // The log's start is told only of what a look at the log refused.
        let start = if what == "control" { 0 } else { -1 };
        assert_eq!(done.log_start_offset, start, "{what}");
    }
    // A transactional batch is first of all one that needs the right to a transactional id.
    let mut unowned = good.to_vec();
    unowned[at::ATTRIBUTES + 1] |= 0x10;
    let crc = batch_crc(&unowned);
    unowned[at::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(
        c.produce("t", -1, unowned.into()).await.error_code,
        ErrorCode::TransactionalIdAuthorizationFailed.code()
    );
    assert_eq!(
        c.produce("t", 2, good.clone()).await.error_code,
        ErrorCode::InvalidRequiredAcks.code()
    );
    assert_eq!(
        c.produce("no", -1, good.clone()).await.error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    assert_eq!(c.fetch("t", 0).await.high_watermark, 0);
    assert_eq!(c.produce("t", -1, good).await.base_offset, 0);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topics_own_clock_stamps_records() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create(
        "t",
        1,
        &[
            ("message.timestamp.type", "LogAppendTime"),
            ("compression.type", "lz4"),
        ],
    )
    .await;
    let before = now().0;
    let done = c.produce("t", -1, batch(&["x", "y"])).await;
    assert!((before..=now().0).contains(&done.log_append_time_ms));
    let data = c.fetch("t", 0).await;
    let bytes = data.records.as_ref().unwrap().as_bytes().unwrap().clone();
    let stored = &airis_protocol::batch::parse_batches(&bytes).unwrap()[0];
    assert_eq!(stored.timestamp_type(), TimestampType::LogAppend);
    assert_eq!(stored.codec().unwrap(), Codec::Lz4);
    assert_eq!(stored.header().max_timestamp, done.log_append_time_ms);
    assert_eq!(values(&data), ["x", "y"]);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_waits_for_min_bytes_and_not_longer() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    let mut producer = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    // Nothing comes: the answer is empty, at the deadline.
    let start = Instant::now();
    let empty = c.call(&fetch("t", 0, 200, 1), 12).await;
    assert!(start.elapsed() >= Duration::from_millis(190));
    assert!(values(&empty.responses[0].partitions[0]).is_empty());
    // One batch wakes a fetch for one byte, two are needed for more; the answer does not wait for the deadline.
    let size = batch(&["a"]).len() as i32;
    for (min_bytes, batches) in [(1, 1), (size + 1, 2)] {
        let from = c.fetch("t", 0).await.high_watermark;
        let start = Instant::now();
        let id = c.send(&fetch("t", from, 10_000, min_bytes), 12).await;
        for _ in 0..batches {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(producer.produce("t", -1, batch(&["a"])).await.error_code, 0);
        }
        let answer = c.receive::<FetchRequest>(id, 12).await;
        assert_eq!(values(&answer.responses[0].partitions[0]).len(), batches);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segments_end_is_not_waited_at_when_more_is_there() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[("segment.bytes", "1048576")]).await;
    let value = "v".repeat(100_000);
    for _ in 0..15 {
        let done = c.produce("t", -1, batch(&[&value])).await;
        assert_eq!(done.error_code, 0);
    }
    // From wherever, as much as there is in all is wanted: what the segment has is given at once.
    for from in 0..15 {
        let rest = (15 - from as i32) * 100_000;
        let wanted = fetch("t", from, 20_000, rest);
        let answer = tokio::time::timeout(Duration::from_secs(10), c.call(&wanted, 12)).await;
        let answer = answer.unwrap_or_else(|_| panic!("it waits at offset {from}"));
        assert!(!values(&answer.responses[0].partitions[0]).is_empty());
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_order_though_a_later_request_is_done_first() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let slow = c.send(&fetch("t", 0, 300, 1), 12).await;
    let fast = c
        .send(
            &ApiVersionsRequest {
                client_software_name: Str::from("test"),
                client_software_version: Str::from("1"),
            },
            4,
        )
        .await;
    let produced = c.send(&produce("t", 0, -1, batch(&["a"])), 12).await;
    let answer = c.receive::<FetchRequest>(slow, 12).await;
    assert_eq!(
        values(&answer.responses[0].partitions[0]),
        ["a"],
        "woken by the request behind it"
    );
    assert_eq!(c.receive::<ApiVersionsRequest>(fast, 4).await.error_code, 0);
    let produced = c.receive::<ProduceRequest>(produced, 12).await;
    assert_eq!(produced.responses[0].partition_responses[0].base_offset, 0);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_and_epochs_that_are_not_there_are_refused() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    c.produce("t", -1, batch(&["a", "b"])).await;
    for offset in [-1, 3, i64::MAX] {
        let data = c.fetch("t", offset).await;
        assert_eq!(
            data.error_code,
            ErrorCode::OffsetOutOfRange.code(),
            "{offset}"
        );
        assert_eq!(data.high_watermark, -1);
        assert_eq!(data.aborted_transactions, None);
    }
    assert_eq!(c.fetch("t", 2).await.error_code, 0);
    // A fetch as a replica that the partition does not have must not count.
    for (epoch, error) in [
        (-1, ErrorCode::NotLeaderOrFollower),
        (0, ErrorCode::UnknownLeaderEpoch),
    ] {
        let mut request = fetch("t", 0, 0, 1);
        request.replica_id = 9;
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let response = c.call(&request, 12).await;
        assert_eq!(response.responses[0].partitions[0].error_code, error.code());
    }
    // Fetch takes any epoch below zero for none, ListOffsets only -1.
    for (epoch, error) in [(-1, 0), (0, 0), (-2, ErrorCode::FencedLeaderEpoch.code())] {
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: Str::from("t"),
                partitions: vec![ListOffsetsPartition {
                    timestamp: -1,
                    current_leader_epoch: epoch,
                    ..Default::default()
                }],
            }],
            ..Default::default()
        };
        let p = c.call(&request, 11).await.topics[0].partitions[0].clone();
        assert_eq!(p.error_code, error, "{epoch}");
    }
    for (epoch, error) in [(0, 0), (7, ErrorCode::UnknownLeaderEpoch.code())] {
        let mut request = fetch("t", 0, 0, 1);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let response = c.call(&request, 12).await;
        assert_eq!(response.responses[0].partitions[0].error_code, error);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_stays_within_its_bytes_but_gives_at_least_one_batch() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 2, &[]).await;
    let text = "z".repeat(1000);
    for partition in 0..2 {
        for _ in 0..5 {
            let done = c
                .call(&produce("t", partition, -1, batch(&[&text])), 12)
                .await;
            assert_eq!(done.responses[0].partition_responses[0].error_code, 0);
        }
    }
    let one = batch(&[&text]).len();
    for (max_bytes, partition_max, expected) in [
        (1 << 20, 1 << 20, [5, 5]),
        (1 << 20, 2 * one as i32, [2, 2]),
        (3 * one as i32, 1 << 20, [3, 0]),
        (7 * one as i32, 1 << 20, [5, 2]),
        (1, 1, [1, 0]),
    ] {
        let mut request = fetch("t", 0, 0, 1);
        request.max_bytes = max_bytes;
        request.topics[0].partitions = (0..2)
            .map(|partition| FetchPartition {
                partition,
                partition_max_bytes: partition_max,
                ..Default::default()
            })
            .collect();
        let response = c.call(&request, 12).await;
        let counts: Vec<usize> = response.responses[0]
            .partitions
            .iter()
            .map(|p| values(p).len())
            .collect();
        assert_eq!(
            counts, expected,
            "max {max_bytes}, of a partition {partition_max}"
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_tells_only_what_is_new() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    for name in ["a", "b"] {
        c.create(name, 1, &[]).await;
    }
    let mut request = fetch("a", 0, 0, 1);
    request.session_epoch = 0;
    request.topics.push(fetch("b", 0, 0, 1).topics.remove(0));
    let full = c.call(&request, 12).await;
    assert!(full.session_id > 0);
    assert_eq!(full.responses.len(), 2);
    let mut next = FetchRequest {
        max_bytes: i32::MAX,
        session_id: full.session_id,
        session_epoch: 1,
        ..Default::default()
    };
    assert!(c.call(&next, 12).await.responses.is_empty());
    c.produce("b", -1, batch(&["x"])).await;
    next.session_epoch = 2;
    let response = c.call(&next, 12).await;
    assert_eq!(response.responses.len(), 1);
    assert_eq!(response.responses[0].topic.as_str(), "b");
    assert_eq!(
        c.call(&next, 12).await.error_code,
        ErrorCode::InvalidFetchSessionEpoch.code()
    );
    next.session_id = 12345;
    assert_eq!(
        c.call(&next, 12).await.error_code,
        ErrorCode::FetchSessionIdNotFound.code()
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_under_its_name_has_nothing_of_the_old_one() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let id = topic_id(&mut c, "t").await;
    c.produce("t", -1, batch(&["old"])).await;
    let delete = DeleteTopicsRequest {
        topic_names: vec![Str::from("t")],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(c.call(&delete, 5).await.responses[0].error_code, 0);
    assert_eq!(
        c.fetch("t", 0).await.error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    c.create("t", 1, &[]).await;
    assert_eq!(c.values("t", 0).await, Vec::<String>::new());
    // By the old id nothing is there; by the new one everything.
    let mut by_id = FetchRequest {
        max_bytes: i32::MAX,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic_id: id,
            partitions: vec![FetchPartition {
                partition_max_bytes: 1000,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let response = c.call(&by_id, 17).await;
    assert_eq!(
        response.responses[0].partitions[0].error_code,
        ErrorCode::UnknownTopicId.code()
    );
    c.produce("t", -1, batch(&["new"])).await;
    by_id.topics[0].topic_id = topic_id(&mut c, "t").await;
    assert_ne!(by_id.topics[0].topic_id, id);
    let response = c.call(&by_id, 17).await;
    assert_eq!(values(&response.responses[0].partitions[0]), ["new"]);
    broker.stop().await;
}

async fn topic_id(c: &mut Client, name: &str) -> airis_protocol::types::Uuid {
    let request = MetadataRequest {
        topics: Some(vec![metadata_request::MetadataRequestTopic {
            name: Some(Str::from(name)),
            ..Default::default()
        }]),
        ..Default::default()
    };
    c.call(&request, 12).await.topics[0].topic_id
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_found_by_time_and_by_name_and_deleted_records_are_gone() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let mut times = Vec::new();
    for i in 0..4 {
        times.push(now().0);
        c.produce("t", -1, batch(&[&format!("{i}")])).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut offset = async |timestamp: i64| {
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: Str::from("t"),
                partitions: vec![ListOffsetsPartition {
                    timestamp,
                    current_leader_epoch: -1,
                    ..Default::default()
                }],
            }],
            ..Default::default()
        };
        let p = c.call(&request, 11).await.topics[0].partitions[0].clone();
        (p.error_code, p.offset)
    };
    for (i, time) in times.iter().enumerate() {
        assert_eq!(offset(*time).await, (0, i as i64));
    }
    assert_eq!(offset(now().0 + 1000).await, (0, -1));
    assert_eq!(offset(-1).await, (0, 4));
    assert_eq!(offset(-2).await, (0, 0));
    assert_eq!(offset(-3).await, (0, 3));
    assert_eq!(offset(-5).await, (0, -1));
    assert_eq!(offset(-9).await, (ErrorCode::UnsupportedVersion.code(), -1));
    let delete = async |topic: &str, offset: i64| {
        let mut c = Client::to(&broker).await;
        let request = DeleteRecordsRequest {
            topics: vec![delete_records_request::DeleteRecordsTopic {
                name: Str::from(topic),
                partitions: vec![delete_records_request::DeleteRecordsPartition {
                    partition_index: 0,
                    offset,
                }],
            }],
            timeout_ms: 10_000,
        };
        let p = c.call(&request, 2).await.topics[0].partitions[0].clone();
        (p.error_code, p.low_watermark)
    };
    assert_eq!(delete("t", 2).await, (0, 2));
    assert_eq!(
        delete("t", 5).await,
        (ErrorCode::OffsetOutOfRange.code(), -1)
    );
    assert_eq!(offset(-2).await, (0, 2));
    assert_eq!(delete("t", -1).await, (0, 4));
    assert_eq!(
        delete("no", 0).await,
        (ErrorCode::UnknownTopicOrPartition.code(), -1)
    );
    assert_eq!(
        c.fetch("t", 0).await.error_code,
        ErrorCode::OffsetOutOfRange.code()
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_epoch_below_zero_means_none() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    assert_eq!(c.produce("t", -1, batch(&["a"])).await.error_code, 0);
    for epoch in [-1, -7] {
        let mut request = fetch("t", 0, 0, 1);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let response = c.call(&request, 12).await;
        let data = &response.responses[0].partitions[0];
        assert_eq!((data.error_code, values(data)), (0, vec!["a".to_owned()]));
    }
}
