//! The admin client: topics, partitions, configs, deleted records and groups.

use rdkafka::admin::{
    AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::FutureRecord;
use rdkafka::{Offset, TopicPartitionList};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_grown_and_deleted() {
    let broker = broker().await;
    let (admin, options) = (admin(&broker), patient());
    let new =
        |name, partitions, factor| NewTopic::new(name, partitions, TopicReplication::Fixed(factor));
    let made = admin
        .create_topics(
            [
                &new("a", 3, 1),
                &new("b", 1, 1).set("cleanup.policy", "compact"),
                &new("too many", 1, 1),
                &new("replicated", 1, 3),
                &new("b2", 1, 1).set("no.such.config", "1"),
            ],
            &options,
        )
        .await
        .unwrap();
    assert_eq!(
        made,
        [
            Ok("a".to_owned()),
            Ok("b".to_owned()),
            Err(("too many".to_owned(), RDKafkaErrorCode::InvalidTopic)),
            Err((
                "replicated".to_owned(),
                RDKafkaErrorCode::InvalidReplicationFactor
            )),
            Err(("b2".to_owned(), RDKafkaErrorCode::InvalidConfig)),
        ]
    );
    let again = admin.create_topics([&new("a", 3, 1)], &options).await;
    assert_eq!(
        again.unwrap(),
        [Err(("a".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]
    );
    let placed = NewTopic::new("placed", 2, TopicReplication::Variable(&[&[1], &[1]]));
    let made = admin.create_topics([&placed], &options).await;
    assert_eq!(made.unwrap(), [Ok("placed".to_owned())]);
    let grown = admin
        .create_partitions(
            [
                &NewPartitions::new("a", 5),
                &NewPartitions::new("placed", 1),
            ],
            &options,
        )
        .await
        .unwrap();
    assert_eq!(
        grown,
        [
            Ok("a".to_owned()),
            Err(("placed".to_owned(), RDKafkaErrorCode::InvalidPartitions)),
        ]
    );
    let topics = || {
        tokio::task::block_in_place(|| {
            let consumer: BaseConsumer = client(&broker, &[]);
            let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
            let mut all: Vec<_> = metadata
                .topics()
                .iter()
                .map(|t| (t.name().to_owned(), t.partitions().len()))
                .collect();
            all.sort();
            all
        })
    };
    let named = |all: &[(&str, usize)]| -> Vec<(String, usize)> {
        all.iter().map(|(n, p)| ((*n).to_owned(), *p)).collect()
    };
    assert_eq!(topics(), named(&[("a", 5), ("b", 1), ("placed", 2)]));
    let gone = admin.delete_topics(&["a", "nowhere"], &options).await;
    assert_eq!(
        gone.unwrap(),
        [
            Ok("a".to_owned()),
            Err((
                "nowhere".to_owned(),
                RDKafkaErrorCode::UnknownTopicOrPartition
            )),
        ]
    );
    assert_eq!(topics(), named(&[("b", 1), ("placed", 2)]));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configs_are_described_and_altered() {
    let broker = broker().await;
    create(&broker, "t", 1, &[("retention.ms", "123456")]).await;
    let (admin, options) = (admin(&broker), patient());
    let described = || async {
        let all = admin
            .describe_configs(
                &[ResourceSpecifier::Topic("t"), ResourceSpecifier::Broker(1)],
                &options,
            )
            .await
            .unwrap();
        let mut all = all.into_iter().map(|r| r.unwrap());
        (all.next().unwrap(), all.next().unwrap())
    };
    let (topic, node) = described().await;
    let retention = topic.get("retention.ms").unwrap();
    assert_eq!(retention.value.as_deref(), Some("123456"));
    assert_eq!(retention.source, ConfigSource::DynamicTopic);
    assert!(!retention.is_default && !retention.is_read_only && !retention.is_sensitive);
    let segment = topic.get("segment.bytes").unwrap();
    assert_eq!(
        (segment.value.as_deref(), &segment.source),
        (Some("1073741824"), &ConfigSource::Default)
    );
    assert!(topic.entries.len() > 30, "{}", topic.entries.len());
    let id = node.get("node.id").unwrap();
    assert_eq!(id.value.as_deref(), Some("1"));
    assert!(id.is_read_only && node.entries.len() > 200);
    // The crate passes on no error of a resource here, so the effect is what is looked at.
    let altered = AlterConfig::new(ResourceSpecifier::Topic("t")).set("segment.bytes", "2097152");
    let altered = admin.alter_configs([&altered], &options).await;
    assert!(altered.unwrap()[0].is_ok());
    // The old call sets all configs: what it does not name is the default again.
    let (topic, _) = described().await;
    let of = |name: &str| topic.get(name).unwrap().value.clone();
    assert_eq!(of("segment.bytes").as_deref(), Some("2097152"));
    assert_eq!(of("retention.ms").as_deref(), Some("604800000"));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_groups_are_deleted() {
    let broker = broker().await;
    create(&broker, "t", 1, &[]).await;
    let producer = producer(&broker, &[("acks", "all")]);
    for i in 0..10 {
        let value = i.to_string();
        let record = FutureRecord::<(), _>::to("t").payload(&value);
        producer.send(record, PATIENCE).await.unwrap();
    }
    let (admin, options) = (admin(&broker), patient());
    let mut before = TopicPartitionList::new();
    before
        .add_partition_offset("t", 0, Offset::Offset(7))
        .unwrap();
    let deleted = admin.delete_records(&before, &options).await.unwrap();
    assert_eq!(
        deleted.find_partition("t", 0).unwrap().offset(),
        Offset::Offset(7)
    );
    let (seen, watermarks) = tokio::task::block_in_place(|| {
        let consumer: BaseConsumer = client(&broker, &[("group.id", "g")]);
        let mut at = TopicPartitionList::new();
        at.add_partition_offset("t", 0, Offset::Offset(9)).unwrap();
        consumer.commit(&at, CommitMode::Sync).unwrap();
        let committed = consumer.committed_offsets(at.clone(), PATIENCE).unwrap();
        assert_eq!(committed, at);
        (
            read_all(&broker, "t", 1, &[]),
            consumer.fetch_watermarks("t", 0, PATIENCE).unwrap(),
        )
    });
    assert_eq!(watermarks, (7, 10));
    assert_eq!(
        seen[&0].iter().map(|s| s.offset).collect::<Vec<_>>(),
        [7, 8, 9]
    );
    let gone = admin.delete_groups(&["g", "nobody"], &options).await;
    assert_eq!(
        gone.unwrap(),
        [
            Ok("g".to_owned()),
            Err(("nobody".to_owned(), RDKafkaErrorCode::GroupIdNotFound)),
        ]
    );
    broker.stop().await;
}
