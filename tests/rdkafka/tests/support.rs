//! What the tests share: a broker, its clients, and reading a topic from end to end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use airis_broker::Broker;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::producer::FutureProducer;
use rdkafka::{Offset, Timestamp, TopicPartitionList};

/// No single step of a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub async fn broker() -> Broker {
    Broker::builder().start().await.expect("a broker starts")
}

/// A client of the broker.
pub fn client<C: FromClientConfig>(broker: &Broker, settings: &[(&str, &str)]) -> C {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap_servers());
    config.set("broker.address.family", "v4");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().expect("the settings are right")
}

pub fn producer(broker: &Broker, settings: &[(&str, &str)]) -> FutureProducer {
    client(broker, settings)
}

pub fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    client(broker, &[])
}

pub fn patient() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}

pub async fn create(broker: &Broker, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (name, value) in configs {
        new = new.set(name, value);
    }
    let made = admin(broker).create_topics([&new], &patient()).await;
    assert_eq!(made.unwrap(), [Ok(topic.to_owned())]);
}

/// A record as a consumer sees it, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub offset: i64,
    pub timestamp: Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Seen {
    pub fn of(message: &BorrowedMessage<'_>) -> Seen {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let headers = message.headers().map_or_else(Vec::new, |all| {
            all.iter()
                .map(|h| (h.key.to_owned(), owned(h.value)))
                .collect()
        });
        Seen {
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: owned(message.key()),
            value: owned(message.payload()),
            headers,
        }
    }
}

/// Reads all of a topic, by partition, up to where it ended at the call. Checks CRCs. Blocks.
pub fn read_all(
    broker: &Broker,
    topic: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> BTreeMap<i32, Vec<Seen>> {
    let mut all = vec![("group.id", "reader"), ("check.crcs", "true")];
    all.push(("enable.auto.commit", "false"));
    all.extend_from_slice(settings);
    let consumer: BaseConsumer = client(broker, &all);
    let mut assigned = TopicPartitionList::new();
    let mut ends = BTreeMap::new();
    for partition in 0..partitions {
        assigned
            .add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
        let (_, end) = consumer
            .fetch_watermarks(topic, partition, PATIENCE)
            .unwrap();
        ends.insert(partition, end);
    }
    consumer.assign(&assigned).unwrap();
    let mut seen: BTreeMap<i32, Vec<Seen>> = BTreeMap::new();
    let mut next: BTreeMap<i32, i64> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    let done = |next: &BTreeMap<i32, i64>| {
        ends.iter()
            .all(|(p, end)| *end == 0 || next.get(p).is_some_and(|n| n >= end))
    };
    while !done(&next) {
        assert!(Instant::now() < deadline, "read up to {next:?} of {ends:?}");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let message = message.unwrap();
        let partition = message.partition();
        next.insert(partition, message.offset() + 1);
        seen.entry(partition).or_default().push(Seen::of(&message));
    }
    seen
}
