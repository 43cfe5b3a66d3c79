//! Records: every codec, idempotent producers, what a record can hold, offsets and times.

use airis_broker::Broker;
use futures::future::join_all;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::{Offset, Timestamp, TopicPartitionList};

use crate::support::*;

/// Text that compresses, of many sizes.
fn value(i: usize) -> Vec<u8> {
    let mut value = format!("value {i}: ").into_bytes();
    value.extend((0..i * 37 % 5000).map(|at| b'a' + (at % 23) as u8));
    value
}

/// Sends all at once; each is acknowledged with an offset of its own, in order.
async fn send_in_order(producer: &FutureProducer, topic: &str, partition: i32, count: usize) {
    let sent = join_all((0..count).map(|i| async move {
        let (key, value) = (format!("key {i}"), value(i));
        let record = FutureRecord::to(topic)
            .partition(partition)
            .key(&key)
            .payload(&value)
            .timestamp(1_000_000 + i as i64);
        producer.send(record, PATIENCE).await
    }))
    .await;
    for (i, delivered) in sent.into_iter().enumerate() {
        let delivered = delivered.expect("it is acknowledged");
        assert_eq!(
            (delivered.partition, delivered.offset),
            (partition, i as i64)
        );
    }
}

fn expected(count: usize) -> Vec<Seen> {
    (0..count)
        .map(|i| Seen {
            offset: i as i64,
            timestamp: Timestamp::CreateTime(1_000_000 + i as i64),
            key: Some(format!("key {i}").into_bytes()),
            value: Some(value(i)),
            headers: Vec::new(),
        })
        .collect()
}

/// What is old is not to be deleted meanwhile.
const KEPT: (&str, &str) = ("retention.ms", "-1");

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_comes_back_as_it_was_sent() {
    let broker = broker().await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        create(&broker, codec, 1, &[KEPT]).await;
        let settings = [
            ("compression.type", codec),
            ("linger.ms", "50"),
            ("acks", "all"),
        ];
        send_in_order(&producer(&broker, &settings), codec, 0, 1000).await;
        let seen = tokio::task::block_in_place(|| read_all(&broker, codec, 1, &[]));
        assert_eq!(seen[&0], expected(1000), "{codec}");
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topics_own_codec_and_its_clock_hold_over_the_producers() {
    let broker = broker().await;
    let configs = [
        ("compression.type", "zstd"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    create(&broker, "t", 1, &configs).await;
    let before = now();
    send_in_order(
        &producer(&broker, &[("compression.type", "gzip")]),
        "t",
        0,
        200,
    )
    .await;
    let seen = tokio::task::block_in_place(|| read_all(&broker, "t", 1, &[]));
    for (seen, expected) in seen[&0].iter().zip(expected(200)) {
        let Timestamp::LogAppendTime(at) = seen.timestamp else {
            panic!("{:?}", seen.timestamp);
        };
        assert!((before..=now()).contains(&at), "{at}");
        assert_eq!((&seen.key, &seen.value), (&expected.key, &expected.value));
    }
    assert_eq!(seen[&0].len(), 200);
    broker.stop().await;
}

fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
    since.as_millis() as i64
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_is_in_order_and_once_over_a_crash_of_the_broker() {
    let dir = tempfile_dir();
    let start = |port: &str| {
        Broker::builder()
            .data_dir(&dir.0)
            .property("listeners", format!("PLAINTEXT://{port}"))
    };
    let first = start("127.0.0.1:0").start().await.unwrap();
    let port = first.bootstrap_servers().to_owned();
    create(&first, "t", 1, &[KEPT]).await;
    let settings = [
        ("enable.idempotence", "true"),
        ("linger.ms", "1"),
        ("batch.num.messages", "20"),
        ("reconnect.backoff.max.ms", "200"),
    ];
    let producer = producer(&first, &settings);
    let sending = tokio::spawn(async move { send_in_order(&producer, "t", 0, 20_000).await });
    // In the middle of it, and again.
    let mut broker = first;
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        assert!(!sending.is_finished(), "the crash comes too late");
        broker.kill().await;
        broker = start(&port).start().await.unwrap();
    }
    tokio::time::timeout(PATIENCE * 2, sending)
        .await
        .unwrap()
        .unwrap();
    let seen = tokio::task::block_in_place(|| read_all(&broker, "t", 1, &[]));
    assert_eq!(seen[&0], expected(20_000));
    broker.stop().await;
}

type Maybe = Option<&'static [u8]>;
type Headers = Vec<(&'static str, Maybe)>;

/// A directory that goes with the test.
struct Dir(std::path::PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tempfile_dir() -> Dir {
    let name = format!("airis-rdkafka-{}-{}", std::process::id(), now());
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir(&path).unwrap();
    Dir(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_values_and_headers_may_be_null_empty_and_twice() {
    let broker = broker().await;
    create(&broker, "t", 1, &[KEPT]).await;
    let header = |key, value| Header { key, value };
    let cases: Vec<(Maybe, Maybe, Headers)> = vec![
        (None, None, vec![]),
        (Some(b""), Some(b""), vec![("", Some(b""))]),
        (
            Some(b"k"),
            None,
            vec![("twice", Some(b"1")), ("twice", Some(b"2"))],
        ),
        (
            None,
            Some(b"\x00\xff"),
            vec![("null", None), ("bytes", Some(b"\xfe\x00"))],
        ),
    ];
    let producer = producer(&broker, &[("acks", "all")]);
    for (i, (key, value, headers)) in cases.iter().enumerate() {
        let mut record = FutureRecord::<[u8], [u8]>::to("t").timestamp(5_000 - i as i64);
        record.key = *key;
        record.payload = *value;
        let mut all = OwnedHeaders::new();
        for (key, value) in headers {
            all = all.insert(header(key, *value));
        }
        if !headers.is_empty() {
            record = record.headers(all);
        }
        let delivered = producer.send(record, PATIENCE).await.unwrap();
        assert_eq!(delivered.offset, i as i64);
        assert_eq!(delivered.timestamp, Timestamp::CreateTime(5_000 - i as i64));
    }
    let wanted: Vec<Seen> = cases
        .iter()
        .enumerate()
        .map(|(i, (key, value, headers))| Seen {
            offset: i as i64,
            timestamp: Timestamp::CreateTime(5_000 - i as i64),
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers: headers
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.map(<[u8]>::to_vec)))
                .collect(),
        })
        .collect();
    let seen = tokio::task::block_in_place(|| read_all(&broker, "t", 1, &[]));
    assert_eq!(seen[&0], wanted);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_learns_what_is_refused() {
    let broker = broker().await;
    create(&broker, "small", 1, &[("max.message.bytes", "2000")]).await;
    create(&broker, "keyed", 1, &[("cleanup.policy", "compact")]).await;
    let producer = producer(&broker, &[("retries", "0")]);
    let code = |e: (KafkaError, _)| e.0.rdkafka_error_code();
    let large = vec![b'x'; 10_000];
    let record = FutureRecord::<(), _>::to("small").payload(&large);
    let refused = producer.send(record, PATIENCE).await.map_err(code);
    assert_eq!(
        refused.unwrap_err(),
        Some(RDKafkaErrorCode::MessageSizeTooLarge)
    );
    let record = FutureRecord::<(), _>::to("keyed").payload("no key");
    let refused = producer.send(record, PATIENCE).await.map_err(code);
    assert_eq!(refused.unwrap_err(), Some(RDKafkaErrorCode::InvalidRecord));
    let record = FutureRecord::<(), _>::to("small")
        .partition(7)
        .payload("nowhere");
    let refused = producer.send(record, PATIENCE).await.map_err(code);
    assert_eq!(
        refused.unwrap_err(),
        Some(RDKafkaErrorCode::UnknownPartition)
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_found_by_time_and_at_the_ends() {
    let broker = broker().await;
    create(&broker, "t", 2, &[KEPT]).await;
    let producer = producer(&broker, &[("linger.ms", "20")]);
    send_in_order(&producer, "t", 1, 500).await;
    producer.flush(PATIENCE).unwrap();
    tokio::task::block_in_place(|| {
        let consumer: BaseConsumer = client(&broker, &[("group.id", "times")]);
        let ends = |p| consumer.fetch_watermarks("t", p, PATIENCE).unwrap();
        assert_eq!((ends(0), ends(1)), ((0, 0), (0, 500)));
        let by_time = |partition, time| {
            let mut asked = TopicPartitionList::new();
            asked
                .add_partition_offset("t", partition, Offset::Offset(time))
                .unwrap();
            let found = consumer.offsets_for_times(asked, PATIENCE).unwrap();
            found.find_partition("t", partition).unwrap().offset()
        };
        assert_eq!(by_time(1, 0), Offset::Offset(0));
        assert_eq!(by_time(1, 1_000_000), Offset::Offset(0));
        assert_eq!(by_time(1, 1_000_123), Offset::Offset(123));
        assert_eq!(by_time(1, 1_000_499), Offset::Offset(499));
        assert_eq!(by_time(1, 1_000_500), Offset::End);
        assert_eq!(by_time(0, 0), Offset::End);
        let metadata = consumer.fetch_metadata(Some("t"), PATIENCE).unwrap();
        assert_eq!(metadata.topics()[0].partitions().len(), 2);
        assert_eq!(metadata.topics()[0].partitions()[1].leader(), 1);
        assert_eq!(
            consumer.client().fetch_cluster_id(PATIENCE).as_deref(),
            Some(broker.cluster_id())
        );
    });
    broker.stop().await;
}
