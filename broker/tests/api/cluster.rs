//! What belongs to a cluster, asked of one node: elections, reassignments, features, brokers that are forgotten.

use airis_broker::Broker;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use airis_protocol::messages::elect_leaders_request::TopicPartitions;
use airis_protocol::messages::update_features_request::FeatureUpdateKey;
use airis_protocol::messages::*;
use airis_protocol::types::Str;

use crate::client::*;

#[tokio::test(flavor = "multi_thread")]
async fn elections_are_answered_for_each_partition() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let asked = |kind: i8, topics: Option<&[(&str, i32)]>| ElectLeadersRequest {
        election_type: kind,
        topic_partitions: topics.map(|t| {
            t.iter()
                .map(|(topic, partition)| TopicPartitions {
                    topic: Str::from(*topic),
                    partitions: vec![*partition],
                })
                .collect()
        }),
        timeout_ms: 10_000,
    };
    for version in 1..=2 {
        for kind in [0, 1] {
            let request = asked(kind, Some(&[("t", 0), ("t", 5), ("x", 0)]));
            let response = c.call(&request, version).await;
            let codes: Vec<i16> = response
                .replica_election_results
                .iter()
                .map(|t| t.partition_result[0].error_code)
                .collect();
            let unknown = ErrorCode::UnknownTopicOrPartition.code();
            let settled = ErrorCode::ElectionNotNeeded.code();
            assert_eq!(codes, [settled, unknown, unknown]);
            assert_eq!(response.error_code, 0);
            let all = c.call(&asked(kind, None), version).await;
            assert_eq!(all.error_code, 0);
            let told = all.replica_election_results.iter();
            assert!(told.map(|t| &t.partition_result).all(Vec::is_empty));
        }
    }
    let wrong = c.call(&asked(9, Some(&[("t", 0)])), 2).await;
    let code = ErrorCode::InvalidRequest.code();
    assert_eq!(wrong.error_code, code);
    let p = &wrong.replica_election_results[0].partition_result[0];
    assert_eq!(p.error_code, code);
    assert_eq!(p.error_message.as_deref(), Some("Unknown election type 9"));
    broker.stop().await;
}

async fn node_id(c: &mut Client) -> i32 {
    let request = DescribeClusterRequest {
        endpoint_type: 1,
        ..Default::default()
    };
    c.call(&request, 2).await.brokers[0].broker_id
}

#[tokio::test(flavor = "multi_thread")]
async fn reassignments_are_checked_and_listed() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let id = node_id(&mut c).await;
    let own = [id];
    for (topic, at, replicas, resize, code) in [
        ("t", 0, Some(&own[..]), true, ErrorCode::None),
        ("t", 0, None, true, ErrorCode::NoReassignmentInProgress),
        ("t", 0, Some(&[]), true, ErrorCode::InvalidReplicaAssignment),
        (
            "t",
            0,
            Some(&[999]),
            true,
            ErrorCode::InvalidReplicaAssignment,
        ),
        (
            "t",
            3,
            Some(&own[..]),
            true,
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            "x",
            0,
            Some(&own[..]),
            true,
            ErrorCode::UnknownTopicOrPartition,
        ),
        ("t", 0, Some(&own[..]), false, ErrorCode::None),
    ] {
        let request = AlterPartitionReassignmentsRequest {
            timeout_ms: 10_000,
            allow_replication_factor_change: resize,
            topics: vec![ReassignableTopic {
                name: Str::from(topic),
                partitions: vec![ReassignablePartition {
                    partition_index: at,
                    replicas: replicas.map(<[i32]>::to_vec),
                }],
            }],
        };
        let response = c.call(&request, 1).await;
        assert_eq!(response.error_code, 0);
        assert_eq!(response.allow_replication_factor_change, resize);
        let p = &response.responses[0].partitions[0];
        assert_eq!(p.error_code, code.code(), "{topic} {at} {replicas:?}");
        assert_eq!(p.error_message.is_some(), code != ErrorCode::None);
    }
    let request = ListPartitionReassignmentsRequest {
        timeout_ms: 10_000,
        topics: None,
    };
    let response = c.call(&request, 0).await;
    assert_eq!((response.error_code, response.topics.len()), (0, 0));
    broker.stop().await;
}

async fn finalized(broker: &Broker, name: &str) -> (i16, i64) {
    let mut c = Client::to(broker).await;
    let request = ApiVersionsRequest {
        client_software_name: Str::from("test"),
        client_software_version: Str::from("1"),
    };
    let response = c.call(&request, 4).await;
    let level = response.finalized_features.iter().find(|f| f.name == name);
    (
        level.map_or(0, |f| f.max_version_level),
        response.finalized_features_epoch,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn features_change_for_all_to_see_or_not_at_all() {
    const UPGRADE: i8 = 1;
    const SAFE_DOWNGRADE: i8 = 2;
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    let request = |name: &str, level, upgrade_type, validate_only| UpdateFeaturesRequest {
        timeout_ms: 10_000,
        feature_updates: vec![FeatureUpdateKey {
            feature: Str::from(name),
            max_version_level: level,
            upgrade_type,
            ..Default::default()
        }],
        validate_only,
    };
    let (level, epoch) = finalized(&broker, "group.version").await;
    assert_eq!(level, 1);
    let dry = c
        .call(&request("group.version", 0, SAFE_DOWNGRADE, true), 2)
        .await;
    assert_eq!((dry.error_code, dry.error_message), (0, None));
    assert_eq!(finalized(&broker, "group.version").await.0, 1);
    for version in 0..=2 {
        let refused = c
            .call(&request("group.version", 7, UPGRADE, false), version)
            .await;
        assert_eq!(refused.error_code, ErrorCode::InvalidUpdateVersion.code());
        assert!(refused.results.is_empty() && refused.error_message.is_some());
    }
    let down = c
        .call(&request("group.version", 0, SAFE_DOWNGRADE, false), 1)
        .await;
    assert_eq!((down.error_code, down.results.len()), (0, 1));
    let (level, later) = finalized(&broker, "group.version").await;
    assert_eq!(level, 0);
    assert!(later > epoch, "the epoch is an offset of the metadata log");
    let up = c
        .call(&request("group.version", 1, UPGRADE, false), 2)
        .await;
    assert_eq!(
        (up.error_code, up.results.len()),
        (0, 0),
        "not told from version 2 on"
    );
    assert_eq!(finalized(&broker, "group.version").await.0, 1);
    let lower = c
        .call(&request("metadata.version", 29, SAFE_DOWNGRADE, false), 2)
        .await;
    assert_eq!(lower.error_code, ErrorCode::InvalidUpdateVersion.code());
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_registered_broker_can_be_forgotten() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    let request = UnregisterBrokerRequest { broker_id: 999 };
    let response = c.call(&request, 0).await;
    assert_eq!(response.error_code, ErrorCode::BrokerIdNotRegistered.code());
    assert_eq!(
        response.error_message.as_deref(),
        Some("Broker ID 999 is not currently registered")
    );
    broker.stop().await;
}
