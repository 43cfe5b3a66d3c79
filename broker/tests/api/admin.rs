//! Topics, partitions, configs, and what the node says about itself.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use airis_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use airis_protocol::messages::describe_configs_request::DescribeConfigsResource;
use airis_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use airis_protocol::messages::*;
use airis_protocol::types::Str;

use crate::client::*;

async fn create(
    c: &mut Client,
    topics: Vec<create_topics_request::CreatableTopic>,
    validate_only: bool,
) -> Vec<i16> {
    let request = CreateTopicsRequest {
        topics,
        timeout_ms: 10_000,
        validate_only,
    };
    let response = c.call(&request, 7).await;
    response.topics.iter().map(|t| t.error_code).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_created_as_asked_or_refused_with_the_right_code() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    assert_eq!(
        create(&mut c, vec![topic("dry", 1, 1, &[])], true).await,
        [0]
    );
    // What was only validated does not exist; -1 takes the defaults; `compact,delete` is Kafka Streams' own.
    assert_eq!(
        create(
            &mut c,
            vec![topic(
                "dry",
                -1,
                -1,
                &[("cleanup.policy", "compact,delete")]
            )],
            false
        )
        .await,
        [0]
    );
    let exists = ErrorCode::TopicAlreadyExists.code();
    assert_eq!(
        create(&mut c, vec![topic("dry", 1, 1, &[])], false).await,
        [exists]
    );
    let long = "x".repeat(250);
    for (asked, error) in [
        (topic("../x", 1, 1, &[]), ErrorCode::InvalidTopicException),
        (topic("..", 1, 1, &[]), ErrorCode::InvalidTopicException),
        (topic("", 1, 1, &[]), ErrorCode::InvalidTopicException),
        (topic("a b", 1, 1, &[]), ErrorCode::InvalidTopicException),
        (topic(&long, 1, 1, &[]), ErrorCode::InvalidTopicException),
        (topic("p", 0, 1, &[]), ErrorCode::InvalidPartitions),
        (topic("p", 1, 2, &[]), ErrorCode::InvalidReplicationFactor),
        (topic("p", 1, 0, &[]), ErrorCode::InvalidReplicationFactor),
        (
            topic("p", 1, 1, &[("no.such.config", "1")]),
            ErrorCode::InvalidConfig,
        ),
        (
            topic("p", 1, 1, &[("retention.ms", "soon")]),
            ErrorCode::InvalidConfig,
        ),
    ] {
        let name = asked.name.clone();
        assert_eq!(
            create(&mut c, vec![asked], false).await,
            [error.code()],
            "{name}"
        );
    }
    let mut manual = topic("manual", -1, -1, &[]);
    manual.assignments = (0..2)
        .map(|partition_index| CreatableReplicaAssignment {
            partition_index,
            broker_ids: vec![1],
        })
        .collect();
    assert_eq!(create(&mut c, vec![manual], false).await, [0]);
    let metadata = c
        .call(
            &MetadataRequest {
                topics: None,
                ..Default::default()
            },
            13,
        )
        .await;
    let all: Vec<_> = metadata
        .topics
        .iter()
        .map(|t| (t.name.as_deref().unwrap(), t.partitions.len()))
        .collect();
    assert_eq!(all, [("dry", 1), ("manual", 2)]);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_just_created_takes_records_at_once() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    for i in 0..50 {
        let name = format!("t{i}");
        c.create(&name, 3, &[]).await;
        assert_eq!(c.produce(&name, -1, batch(&["x"])).await.error_code, 0);
    }
    // A topic that is named in no way at all.
    let request = MetadataRequest {
        topics: Some(vec![metadata_request::MetadataRequestTopic {
            name: None,
            ..Default::default()
        }]),
        ..Default::default()
    };
    for version in [10, 12, 13] {
        let refused = c.call(&request, version).await;
        assert_eq!(
            refused.topics[0].error_code,
            ErrorCode::InvalidRequest.code()
        );
    }
    // By naming it, too.
    let request = MetadataRequest {
        topics: Some(vec![metadata_request::MetadataRequestTopic {
            name: Some(Str::from("named")),
            ..Default::default()
        }]),
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    let metadata = c.call(&request, 12).await;
    assert_eq!(
        (
            metadata.topics[0].error_code,
            metadata.topics[0].partitions.len()
        ),
        (0, 1)
    );
    assert_eq!(c.produce("named", -1, batch(&["x"])).await.error_code, 0);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_added_and_can_be_used_at_once() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    for (name, count, error) in [
        ("t", 1, ErrorCode::InvalidPartitions),
        ("t", 3, ErrorCode::None),
        ("no", 3, ErrorCode::UnknownTopicOrPartition),
    ] {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: Str::from(name),
                count,
                assignments: None,
            }],
            timeout_ms: 10_000,
            validate_only: false,
        };
        assert_eq!(
            c.call(&request, 3).await.results[0].error_code,
            error.code(),
            "{name} {count}"
        );
    }
    let done = c.call(&produce("t", 2, -1, batch(&["x"])), 12).await;
    assert_eq!(done.responses[0].partition_responses[0].error_code, 0);
    broker.stop().await;
}

async fn alter(c: &mut Client, topic: &str, name: &str, operation: i8, value: Option<&str>) -> i16 {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 2,
            resource_name: Str::from(topic),
            configs: vec![AlterableConfig {
                name: Str::from(name),
                config_operation: operation,
                value: value.map(Str::from),
            }],
        }],
        validate_only: false,
    };
    c.call(&request, 1).await.responses[0].error_code
}

async fn described(c: &mut Client, topic: &str, name: &str) -> (Option<String>, i8) {
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: 2,
            resource_name: Str::from(topic),
            configuration_keys: Some(vec![Str::from(name)]),
        }],
        ..Default::default()
    };
    let config = c.call(&request, 4).await.results[0].configs[0].clone();
    (config.value.map(String::from), config.config_source)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_config_is_in_force_when_the_change_is_answered() {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let text = "x".repeat(1000);
    let too_large = ErrorCode::MessageTooLarge.code();
    for (operation, value, shown, source, produced) in [
        (SET, Some("300"), "300", 1, too_large),
        (SET, Some("3000"), "3000", 1, 0),
        (SET, Some("200"), "200", 1, too_large),
        (DELETE, None, "1048588", 5, 0),
    ] {
        assert_eq!(
            alter(&mut c, "t", "max.message.bytes", operation, value).await,
            0
        );
        let config = described(&mut c, "t", "max.message.bytes").await;
        assert_eq!(config, (Some(shown.to_owned()), source));
        assert_eq!(
            c.produce("t", -1, batch(&[&text])).await.error_code,
            produced,
            "{value:?}"
        );
    }
    let invalid = ErrorCode::InvalidConfig.code();
    assert_eq!(
        alter(&mut c, "t", "max.message.bytes", SET, Some("-5")).await,
        invalid
    );
    assert_eq!(alter(&mut c, "t", "no.such", SET, Some("1")).await, invalid);
    assert_ne!(
        alter(&mut c, "no", "max.message.bytes", SET, Some("5")).await,
        0
    );
    // A broker's dynamic default reaches topics that do not say otherwise.
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 4,
            resource_name: Str::from(""),
            configs: vec![AlterableConfig {
                name: Str::from("message.max.bytes"),
                config_operation: SET,
                value: Some(Str::from("250")),
            }],
        }],
        validate_only: false,
    };
    assert_eq!(c.call(&request, 1).await.responses[0].error_code, 0);
    assert_eq!(
        c.produce("t", -1, batch(&[&text])).await.error_code,
        too_large
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_topic_config_is_described_and_no_secret_is() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let request = |resource_type, name: &str| DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type,
            resource_name: Str::from(name),
            configuration_keys: None,
        }],
        include_synonyms: true,
        include_documentation: true,
    };
    let topic = c.call(&request(2, "t"), 4).await.results.remove(0);
    assert_eq!(topic.error_message.as_deref(), Some(""));
    assert!(topic.configs.len() >= 33, "{}", topic.configs.len());
    assert!(
        topic
            .configs
            .iter()
            .all(|c| c.documentation.as_ref().is_some_and(|d| !d.is_empty()))
    );
    let node = c.call(&request(4, "1"), 4).await.results.remove(0);
    assert!(node.configs.iter().any(|c| c.is_sensitive));
    assert!(
        node.configs
            .iter()
            .filter(|c| c.is_sensitive)
            .all(|c| c.value.is_none())
    );
    for (ty, name, error) in [
        (2, "no", ErrorCode::UnknownTopicOrPartition),
        (4, "7", ErrorCode::InvalidRequest),
        (4, "x", ErrorCode::InvalidRequest),
        (99, "x", ErrorCode::InvalidRequest),
    ] {
        assert_eq!(
            c.call(&request(ty, name), 4).await.results[0].error_code,
            error.code()
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_describes_itself_and_its_directories() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 2, &[]).await;
    c.produce("t", -1, batch(&["x"])).await;
    let cluster = c
        .call(
            &DescribeClusterRequest {
                endpoint_type: 1,
                ..Default::default()
            },
            2,
        )
        .await;
    assert_eq!(cluster.cluster_id.as_str(), broker.cluster_id());
    assert_eq!(cluster.brokers.len(), 1);
    for (endpoint_type, error) in [
        (2, ErrorCode::MismatchedEndpointType),
        (9, ErrorCode::UnsupportedEndpointType),
    ] {
        let request = DescribeClusterRequest {
            endpoint_type,
            ..Default::default()
        };
        let refused = c.call(&request, 2).await;
        assert_eq!(
            (refused.error_code, refused.endpoint_type),
            (error.code(), 1)
        );
    }
    let b = &cluster.brokers[0];
    assert_eq!(format!("{}:{}", b.host, b.port), broker.bootstrap_servers());
    let dirs = c.call(&DescribeLogDirsRequest { topics: None }, 4).await;
    assert_eq!(dirs.results.len(), 1);
    assert!(dirs.results[0].usable_bytes > 0);
    let sizes: Vec<_> = dirs.results[0]
        .topics
        .iter()
        .flat_map(|t| {
            t.partitions
                .iter()
                .map(|p| (t.name.to_string(), p.partition_index, p.partition_size > 0))
        })
        .collect();
    assert_eq!(
        sizes,
        [("t".to_owned(), 0, true), ("t".to_owned(), 1, false)]
    );
    let request = DescribeTopicPartitionsRequest {
        response_partition_limit: 1,
        ..Default::default()
    };
    let page = c.call(&request, 0).await;
    assert_eq!(page.topics[0].partitions.len(), 1);
    assert_eq!(page.next_cursor.unwrap().partition_index, 1);
    broker.stop().await;
}
