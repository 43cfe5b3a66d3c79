//! Answers that were ordered in advance.

use airis_broker::faults::{ApiKey, ErrorCode, Script};
use airis_protocol::types::{Str, Uuid};
use airis_protocol::wire::Request;

use super::*;
use client::{fetch, idempotent};

async fn node() -> (Broker, Client) {
    let broker = Broker::builder().start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    (broker, c)
}

#[tokio::test]
async fn the_next_two_produces_fail_and_have_no_effect() {
    let (broker, mut c) = node().await;
    let error = ErrorCode::NotLeaderOrFollower;
    broker.script(ApiKey::Produce).times(2).error(error);
    assert_eq!(broker.unspent(ApiKey::Produce), 2);
    let mut codes = Vec::new();
    for i in 0..3 {
        codes.push(send(&mut c, &i.to_string()).await);
    }
    assert_eq!(codes, [error.code(), error.code(), 0]);
    assert_eq!(broker.unspent(ApiKey::Produce), 0);
    assert_eq!(c.values("t", 0).await, ["2"]);
}

#[tokio::test]
async fn an_error_of_a_fetch_reaches_the_partitions_of_its_session() {
    let (broker, mut c) = node().await;
    assert_eq!(send(&mut c, "a").await, 0);
    let begin = FetchRequest {
        session_epoch: 0,
        ..fetch("t", 0, 0, 0)
    };
    let begun = c.call(&begin, 12).await;
    assert_ne!(begun.session_id, 0);
    let more = |session_epoch| FetchRequest {
        session_id: begun.session_id,
        session_epoch,
        topics: Vec::new(),
        ..begin.clone()
    };
    broker
        .script(ApiKey::Fetch)
        .error(ErrorCode::FencedLeaderEpoch);
    let failed = c.call(&more(1), 12).await;
    assert_eq!(
        (failed.error_code, failed.session_id),
        (0, begun.session_id)
    );
    let partition = &failed.responses[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::FencedLeaderEpoch.code());
    // The session goes on.
    let next = c.call(&more(2), 12).await;
    assert_eq!(client::values(&next.responses[0].partitions[0]), ["a"]);
}

#[tokio::test]
async fn an_answer_comes_late() {
    let (broker, mut c) = node().await;
    broker.script(ApiKey::Produce).delay(SHORT);
    let began = Instant::now();
    assert_eq!(send(&mut c, "late").await, 0);
    assert!(began.elapsed() >= SHORT);
    let began = Instant::now();
    assert_eq!(send(&mut c, "soon").await, 0);
    assert!(began.elapsed() < SHORT);
    // The clock of the node is what it waits by.
    broker
        .script(ApiKey::Produce)
        .delay(Duration::from_secs(3_600));
    let id = c.send(&produce("t", 0, -1, batch(&["an hour"])), 12).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    broker.clock().advance(Duration::from_secs(3_601)).await;
    c.receive::<ProduceRequest>(id, 12).await;
}

#[tokio::test]
async fn a_connection_ends_before_or_after_the_effect() {
    let (broker, mut c) = node().await;
    broker.script(ApiKey::Produce).drop_connection();
    c.send(&produce("t", 0, -1, batch(&["never"])), 12).await;
    assert_eq!(c.frame().await, None);
    let mut c = Client::to(&broker).await;
    assert!(c.values("t", 0).await.is_empty());

    let init = c
        .call(
            &InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: 60_000,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            },
            4,
        )
        .await;
    let once = idempotent(init.producer_id, init.producer_epoch, 0, &["once"]);
    broker.script(ApiKey::Produce).lose_answer();
    c.send(&produce("t", 0, -1, once.clone()), 12).await;
    assert_eq!(c.frame().await, None);
    let mut c = Client::to(&broker).await;
    assert_eq!(c.values("t", 0).await, ["once"]);
    // What a producer does that cannot know.
    let again = c.produce("t", -1, once).await;
    assert_eq!((again.error_code, again.base_offset), (0, 0));
    assert_eq!(c.values("t", 0).await, ["once"]);
}

#[tokio::test]
async fn requests_of_other_nodes_are_served_as_ever() {
    let cluster = three().await;
    let i = cluster.leader("t", 0).unwrap();
    cluster
        .script(i, ApiKey::Fetch)
        .times(5)
        .error(ErrorCode::UnknownServerError);
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "a").await, 0, "the followers have it");
    assert_eq!(cluster.unspent(i, ApiKey::Fetch), 5);
    assert_eq!(
        c.fetch("t", 0).await.error_code,
        ErrorCode::UnknownServerError.code()
    );
    assert_eq!(cluster.unspent(i, ApiKey::Fetch), 4);
}

/// Sends each request, in each version that it fits in, where an error has been ordered: the answer can be read, and tells of it.
async fn refused<R: Request>(c: &mut Client, broker: &Broker, requests: &[R]) {
    assert!(Script::knows(R::KEY));
    let error = ErrorCode::TopicAuthorizationFailed;
    let told = format!("error_code: {}", error.code());
    let (min, max) = R::KEY.versions();
    for version in min..=max {
        let mut refusals = 0;
        for request in requests.iter().filter(|r| r.to_bytes(version).is_ok()) {
            broker.script(R::KEY).error(error);
            let answer = format!("{:?}", c.call(request, version).await);
            // One that names nothing in this version is told of no error.
            refusals += usize::from(answer.contains(&told));
        }
        assert!(
            refusals > 0,
            "{:?} version {version} tells of no error",
            R::KEY
        );
    }
}

#[tokio::test]
async fn errors_are_told_in_the_words_of_every_version() {
    let (broker, mut client) = node().await;
    let (b, c) = (&broker, &mut client);
    let id = Uuid(7);
    let t = || Str::from("t");

    let by_name = produce("t", 3, 1, batch(&["a"]));
    let mut by_id = by_name.clone();
    (by_id.topic_data[0].name, by_id.topic_data[0].topic_id) = (Str::default(), id);
    refused(c, b, &[by_name, by_id]).await;

    let by_name = fetch("t", 0, 0, 0);
    let mut by_id = by_name.clone();
    (by_id.topics[0].topic, by_id.topics[0].topic_id) = (Str::default(), id);
    let old = FetchRequest {
        replica_id: -1,
        ..by_name.clone()
    };
    let oldest = FetchRequest {
        session_epoch: 0,
        ..old.clone()
    };
    refused(c, b, &[by_name, by_id, old, oldest]).await;

    let topics = vec![list_offsets_request::ListOffsetsTopic {
        name: t(),
        partitions: vec![Default::default()],
    }];
    refused(
        c,
        b,
        &[ListOffsetsRequest {
            topics,
            ..Default::default()
        }],
    )
    .await;

    let topics = vec![metadata_request::MetadataRequestTopic {
        name: Some(t()),
        ..Default::default()
    }];
    let named = MetadataRequest {
        topics: Some(topics),
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    let all = MetadataRequest {
        topics: None,
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    refused(c, b, &[named, all]).await;

    let topic = offset_commit_request::OffsetCommitRequestTopic {
        name: t(),
        topic_id: Uuid::ZERO,
        partitions: vec![Default::default()],
    };
    let mut by_name = OffsetCommitRequest {
        topics: vec![topic],
        ..Default::default()
    };
    let by_name_too = by_name.clone();
    (by_name.topics[0].name, by_name.topics[0].topic_id) = (Str::default(), id);
    refused(c, b, &[by_name, by_name_too]).await;

    let old = OffsetFetchRequest {
        topics: Some(vec![offset_fetch_request::OffsetFetchRequestTopic {
            name: t(),
            partition_indexes: vec![0],
        }]),
        ..Default::default()
    };
    let new = OffsetFetchRequest {
        groups: vec![offset_fetch_request::OffsetFetchRequestGroup {
            group_id: "g".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    refused(c, b, &[old, new]).await;

    let old = FindCoordinatorRequest {
        key: "g".into(),
        ..Default::default()
    };
    let new = FindCoordinatorRequest {
        coordinator_keys: vec!["g".into()],
        ..Default::default()
    };
    refused(c, b, &[old, new]).await;

    refused(
        c,
        b,
        &[JoinGroupRequest {
            member_id: "m".into(),
            ..Default::default()
        }],
    )
    .await;
    refused(c, b, &[HeartbeatRequest::default()]).await;
    refused(c, b, &[LeaveGroupRequest::default()]).await;
    refused(c, b, &[SyncGroupRequest::default()]).await;
    refused(
        c,
        b,
        &[DescribeGroupsRequest {
            groups: vec!["g".into()],
            ..Default::default()
        }],
    )
    .await;
    refused(c, b, &[ListGroupsRequest::default()]).await;

    let topics = vec![client::topic("t", 1, 1, &[])];
    refused(
        c,
        b,
        &[CreateTopicsRequest {
            topics,
            ..Default::default()
        }],
    )
    .await;

    let old = DeleteTopicsRequest {
        topic_names: vec![t()],
        ..Default::default()
    };
    let topics = vec![delete_topics_request::DeleteTopicState {
        name: Some(t()),
        topic_id: Uuid::ZERO,
    }];
    let new = DeleteTopicsRequest {
        topics,
        ..Default::default()
    };
    refused(c, b, &[old, new]).await;

    let topics = vec![create_partitions_request::CreatePartitionsTopic {
        name: t(),
        count: 2,
        ..Default::default()
    }];
    refused(
        c,
        b,
        &[CreatePartitionsRequest {
            topics,
            ..Default::default()
        }],
    )
    .await;

    let topics = vec![delete_records_request::DeleteRecordsTopic {
        name: t(),
        partitions: vec![Default::default()],
    }];
    refused(
        c,
        b,
        &[DeleteRecordsRequest {
            topics,
            ..Default::default()
        }],
    )
    .await;

    refused(c, b, &[InitProducerIdRequest::default()]).await;

    let topics = vec![offset_for_leader_epoch_request::OffsetForLeaderTopic {
        topic: t(),
        partitions: vec![Default::default()],
    }];
    let consumer = OffsetForLeaderEpochRequest {
        topics,
        ..Default::default()
    };
    refused(c, b, &[consumer]).await;

    refused(
        c,
        b,
        &[
            DescribeClusterRequest {
                endpoint_type: 1,
                ..Default::default()
            },
            DescribeClusterRequest::default(),
        ],
    )
    .await;
    assert_eq!(
        c.values("t", 0).await,
        [""; 0],
        "none of them had an effect"
    );
}

#[tokio::test]
#[should_panic(expected = "cannot be answered with an error by script")]
async fn an_order_that_cannot_be_met_is_refused_at_once() {
    let (broker, _) = node().await;
    broker
        .script(ApiKey::ApiVersions)
        .error(ErrorCode::UnsupportedVersion);
}
