//! A cluster whose leader is lost: what librdkafka makes of an unclean election. Its idempotent producers end with a fatal error where a
//! part of what they have sent is gone, with any broker; others go on.

use std::time::{Duration, Instant};

use airis_broker::Cluster;
use rdkafka::admin::{AdminClient, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use crate::support::*;

fn client<C: FromClientConfig>(servers: &str, settings: &[(&str, &str)]) -> C {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config.set("broker.address.family", "v4");
    config.set("topic.metadata.refresh.interval.ms", "500");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().expect("the settings are right")
}

async fn send(producer: &FutureProducer, from: usize, to: usize) -> i64 {
    let mut last = -1;
    for i in from..to {
        let value = i.to_string();
        let record = FutureRecord::<(), _>::to("t").partition(0).payload(&value);
        let delivered = producer.send(record, PATIENCE).await;
        last = delivered.expect("it is acknowledged").offset;
    }
    last
}

/// The leader and the ISR, as soon as they are as wanted.
fn partition(
    admin: &AdminClient<DefaultClientContext>,
    wanted: impl Fn(i32, &[i32]) -> bool,
) -> (i32, Vec<i32>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = admin
            .inner()
            .fetch_metadata(Some("t"), Duration::from_secs(5));
        if let Ok(seen) = &seen
            && let Some(p) = seen.topics().first().and_then(|t| t.partitions().first())
            && wanted(p.leader(), p.isr())
        {
            return (p.leader(), p.isr().to_vec());
        }
        assert!(
            Instant::now() < deadline,
            "the partition is not as it should be"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_told_of_an_unclean_election_and_a_producer_goes_on() {
    let mut cluster = Cluster::builder().nodes(3).start().await.unwrap();
    let servers = (0..3).map(|i| cluster.node(i).unwrap().bootstrap_servers().to_owned());
    let servers = servers.collect::<Vec<_>>().join(",");
    let admin: AdminClient<DefaultClientContext> = client(&servers, &[]);
    let topic = NewTopic::new("t", 1, TopicReplication::Fixed(2))
        .set("min.insync.replicas", "1")
        .set("unclean.leader.election.enable", "true");
    let made = admin.create_topics([&topic], &patient()).await;
    assert_eq!(made.unwrap(), [Ok("t".to_owned())]);
    let (leader, isr) = partition(&admin, |leader, isr| leader >= 0 && isr.len() == 2);
    let other = *isr.iter().find(|r| **r != leader).unwrap();
    let index = |id: i32| {
        (0..3)
            .find(|i| cluster.node(*i).unwrap().node_id() == id)
            .unwrap()
    };
    let (leading, following) = (index(leader), index(other));

    let producer: FutureProducer = client(&servers, &[("acks", "all"), ("linger.ms", "0")]);
    assert_eq!(send(&producer, 0, 5).await, 4);
    cluster.kill(following).await;
    partition(&admin, |_, isr| isr == [leader]);
    assert_eq!(send(&producer, 5, 25).await, 24);
    let consumer: BaseConsumer = client(
        &servers,
        &[
            ("group.id", "g"),
            ("auto.offset.reset", "error"),
            ("enable.auto.commit", "false"),
        ],
    );
    let mut assigned = TopicPartitionList::new();
    assigned
        .add_partition_offset("t", 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&assigned).unwrap();
    let consumer = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + PATIENCE;
        for expected in 0..25 {
            let message = loop {
                assert!(Instant::now() < deadline, "only {expected} are read");
                // A node that does not answer is nothing to a consumer.
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    break message;
                }
            };
            assert_eq!(message.offset(), expected);
        }
        consumer
    });
    let consumer = consumer.await.unwrap();
    cluster.kill(leading).await;
    cluster.restart(following).await.unwrap();
    partition(&admin, |leader, _| leader == other);
    // Beyond where the consumer is: by offsets alone nobody would notice.
    assert_eq!(send(&producer, 25, 60).await, 39);
    // The client says so of a truncated log, if it is not to reset.
    let told = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "the consumer is told nothing");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => panic!("it read on, at {}", message.offset()),
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                    return;
                }
                Some(Err(_)) | None => {}
            }
        }
    });
    told.await.unwrap();
    cluster.restart(leading).await.unwrap();
    partition(&admin, |_, isr| isr.len() == 2);
    cluster.shutdown().await;
}
