//! Groups and their offsets over the wire, in every version, and across a crash.

use std::time::{Duration, Instant};

use airis_broker::Broker;
use airis_protocol::api_key::ApiKey;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use airis_protocol::messages::leave_group_request::MemberIdentity;
use airis_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use airis_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use airis_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use airis_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use airis_protocol::messages::*;
use airis_protocol::types::{Str, Uuid};
use bytes::Bytes;

use crate::client::*;

/// A subscription to "t", version 0.
const SUBSCRIPTION: &[u8] = &[0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff];

fn join(group: &str, member: &str, instance: Option<&str>) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: member.into(),
        group_instance_id: instance.map(Str::from),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(SUBSCRIPTION),
        }],
        reason: None,
    }
}

fn sync(group: &str, member: &str, generation: i32, assign: &[(&str, &str)]) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: member.into(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assign
            .iter()
            .map(|(id, what)| SyncGroupRequestAssignment {
                member_id: (*id).into(),
                assignment: Bytes::copy_from_slice(what.as_bytes()),
            })
            .collect(),
        ..Default::default()
    }
}

fn commit(
    group: &str,
    member: &str,
    generation: i32,
    topic: &str,
    id: Uuid,
    offset: i64,
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: generation,
        member_id: member.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: topic.into(),
            topic_id: id,
            partitions: vec![OffsetCommitRequestPartition {
                committed_offset: offset,
                committed_metadata: Some("m".into()),
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

/// A request has only the fields of its version.
fn fit_sync(mut request: SyncGroupRequest, version: i16) -> SyncGroupRequest {
    if version < 5 {
        (request.protocol_type, request.protocol_name) = (None, None);
    }
    request
}

fn fit_commit(mut request: OffsetCommitRequest, version: i16) -> OffsetCommitRequest {
    for topic in &mut request.topics {
        if version < 10 {
            topic.topic_id = Uuid::ZERO;
        } else {
            topic.name = Str::default();
        }
    }
    request
}

/// The committed offset of partition 0 and the error beside it.
async fn committed(c: &mut Client, group: &str, topic: &str, id: Uuid, version: i16) -> (i64, i16) {
    let mut request = OffsetFetchRequest::default();
    if version < 8 {
        request.group_id = group.into();
        request.topics = Some(vec![OffsetFetchRequestTopic {
            name: topic.into(),
            partition_indexes: vec![0],
        }]);
    } else {
        let by_id = version >= 10;
        request.groups = vec![OffsetFetchRequestGroup {
            group_id: group.into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: if by_id { Str::default() } else { topic.into() },
                topic_id: if by_id { id } else { Uuid::ZERO },
                partition_indexes: vec![0],
            }]),
            ..Default::default()
        }];
    }
    request.require_stable = version >= 7;
    let response = c.call(&request, version).await;
    if version < 8 {
        assert_eq!(response.error_code, 0);
        let p = &response.topics[0].partitions[0];
        (p.committed_offset, p.error_code)
    } else {
        assert_eq!(response.groups[0].error_code, 0);
        let p = &response.groups[0].topics[0].partitions[0];
        (p.committed_offset, p.error_code)
    }
}

async fn topic_id(c: &mut Client, name: &str) -> Uuid {
    let request = MetadataRequest {
        topics: Some(vec![metadata_request::MetadataRequestTopic {
            name: Some(name.into()),
            ..Default::default()
        }]),
        ..Default::default()
    };
    c.call(&request, 12).await.topics[0].topic_id
}

/// Asks for the coordinator, which makes its topic.
async fn find(c: &mut Client, group: &str) {
    let request = FindCoordinatorRequest {
        coordinator_keys: vec![group.into()],
        ..Default::default()
    };
    let found = c.call(&request, 6).await;
    assert_eq!(found.coordinators[0].error_code, 0, "{found:?}");
}

/// A group of one dynamic member, stable.
async fn stable(c: &mut Client, group: &str) -> (Str, i32) {
    let asked = c.call(&join(group, "", None), 9).await;
    assert_eq!(asked.error_code, ErrorCode::MemberIdRequired.code());
    let joined = c.call(&join(group, &asked.member_id, None), 9).await;
    assert_eq!(joined.error_code, 0, "{joined:?}");
    let (id, generation) = (joined.member_id, joined.generation_id);
    let synced = c
        .call(&sync(group, &id, generation, &[(&id, "mine")]), 5)
        .await;
    assert_eq!(
        (synced.error_code, &synced.assignment[..]),
        (0, &b"mine"[..])
    );
    (id, generation)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_is_found_in_every_version_at_the_first_question() {
    let broker = broker().await;
    let (_, port) = broker.bootstrap_servers().split_once(':').unwrap();
    let port: i32 = port.parse().unwrap();
    let mut c = Client::to(&broker).await;
    for version in 0..=6 {
        let mut request = FindCoordinatorRequest::default();
        if version < 4 {
            request.key = "g".into();
            let found = c.call(&request, version).await;
            assert_eq!(
                (found.error_code, found.node_id, found.port),
                (0, 1, port),
                "{version}"
            );
        } else {
            request.coordinator_keys = vec!["g".into(), "h".into()];
            let found = c.call(&request, version).await;
            let nodes: Vec<_> = found
                .coordinators
                .iter()
                .map(|f| (f.key.as_str(), f.error_code, f.node_id, f.port))
                .collect();
            assert_eq!(nodes, [("g", 0, 1, port), ("h", 0, 1, port)], "{version}");
        }
    }
    // The answer came when the coordinator was ready.
    let asked = c.call(&join("g", "", None), 9).await;
    assert_eq!(asked.error_code, ErrorCode::MemberIdRequired.code());
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_lives_and_leaves_in_every_version() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let id_of_t = topic_id(&mut c, "t").await;
    let top = |key: ApiKey| key.versions();
    for version in 0..=10i16 {
        let group = format!("g{version}");
        // Each group's coordinator is loaded by itself.
        find(&mut c, &group).await;
        let v = |key: ApiKey| version.clamp(top(key).0, top(key).1);
        let jv = v(ApiKey::JoinGroup);
        let mut request = join(&group, "", None);
        if jv == 0 {
            request.rebalance_timeout_ms = -1;
        }
        let mut joined = c.call(&request, jv).await;
        if jv >= 4 {
            assert_eq!(joined.error_code, ErrorCode::MemberIdRequired.code());
            request.member_id = joined.member_id.clone();
            joined = c.call(&request, jv).await;
        }
        assert_eq!((joined.error_code, joined.generation_id), (0, 1), "{group}");
        assert_eq!(joined.leader, joined.member_id);
        assert_eq!(joined.protocol_name, Some("range".into()));
        assert_eq!(joined.members.len(), 1);
        let id = joined.member_id;

        let sv = v(ApiKey::SyncGroup);
        let request = fit_sync(sync(&group, &id, 1, &[(&id, "a")]), sv);
        let synced = c.call(&request, sv).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"a"[..]));

        let beat = HeartbeatRequest {
            group_id: group.as_str().into(),
            generation_id: 1,
            member_id: id.clone(),
            group_instance_id: None,
        };
        let hv = v(ApiKey::Heartbeat);
        assert_eq!(c.call(&beat, hv).await.error_code, 0);

        let cv = v(ApiKey::OffsetCommit);
        let request = fit_commit(commit(&group, &id, 1, "t", id_of_t, 42), cv);
        let done = c.call(&request, cv).await;
        assert_eq!(done.topics[0].partitions[0].error_code, 0, "{group}");
        let fv = v(ApiKey::OffsetFetch);
        assert_eq!(
            committed(&mut c, &group, "t", id_of_t, fv).await,
            (42, 0),
            "{group}"
        );

        let request = DescribeGroupsRequest {
            groups: vec![group.as_str().into()],
            include_authorized_operations: version >= 3,
        };
        let dv = v(ApiKey::DescribeGroups);
        let described = c.call(&request, dv).await.groups.remove(0);
        assert_eq!(described.group_state, "Stable");
        assert_eq!(described.members[0].member_id, id);
        assert_eq!(described.members[0].client_host, "/127.0.0.1");
        assert_eq!(&described.members[0].member_assignment[..], b"a");
        let lv = v(ApiKey::ListGroups);
        let listed = c.call(&ListGroupsRequest::default(), lv).await.groups;
        assert!(listed.iter().any(|g| g.group_id == group));

        let mut request = LeaveGroupRequest {
            group_id: group.as_str().into(),
            ..Default::default()
        };
        let lv = v(ApiKey::LeaveGroup);
        if lv < 3 {
            request.member_id = id.clone();
        } else {
            request.members = vec![MemberIdentity {
                member_id: id.clone(),
                ..Default::default()
            }];
        }
        let left = c.call(&request, lv).await;
        assert_eq!(left.error_code, 0);
        let again = c.call(&request, lv).await;
        let error = if lv < 3 {
            again.error_code
        } else {
            again.members[0].error_code
        };
        assert_eq!(error, ErrorCode::UnknownMemberId.code());

        let request = DeleteGroupsRequest {
            groups_names: vec![group.as_str().into()],
        };
        let dv = v(ApiKey::DeleteGroups);
        let deleted = c.call(&request, dv).await;
        assert_eq!(deleted.results[0].error_code, 0);
        let deleted = c.call(&request, dv).await;
        assert_eq!(
            deleted.results[0].error_code,
            ErrorCode::GroupIdNotFound.code()
        );
        assert_eq!(committed(&mut c, &group, "t", id_of_t, fv).await.0, -1);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_a_generation() {
    for durability in ["page-cache", "fsync"] {
        let broker = Broker::builder()
            .property("airis.ack.durability", durability)
            .start()
            .await
            .unwrap();
        let mut a = Client::to(&broker).await;
        let mut b = Client::to(&broker).await;
        find(&mut a, "g").await;
        let (first, generation) = stable(&mut a, "g").await;
        let asked = b.call(&join("g", "", None), 9).await;
        let waiting = b.send(&join("g", &asked.member_id, None), 9).await;
        // The heartbeat tells of the rebalance once the other's join is in.
        let beat = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: first.clone(),
            group_instance_id: None,
        };
        let begun = Instant::now();
        while a.call(&beat, 4).await.error_code != ErrorCode::RebalanceInProgress.code() {
            assert!(begun.elapsed() < PATIENCE);
        }
        let leader = a.call(&join("g", &first, None), 9).await;
        let second = b.receive::<JoinGroupRequest>(waiting, 9).await;
        assert_eq!((leader.error_code, second.error_code), (0, 0));
        assert_eq!(leader.generation_id, generation + 1);
        assert_eq!(second.generation_id, generation + 1);
        assert_eq!(leader.members.len(), 2);
        let next = generation + 1;
        let waiting = b.send(&sync("g", &second.member_id, next, &[]), 5).await;
        let given = [(first.as_str(), "x"), (second.member_id.as_str(), "y")];
        let x = a.call(&sync("g", &first, next, &given), 5).await;
        let y = b.receive::<SyncGroupRequest>(waiting, 5).await;
        assert_eq!(
            (&x.assignment[..], &y.assignment[..]),
            (&b"x"[..], &b"y"[..])
        );
        broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_acknowledged_survives_a_crash_and_so_does_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        Broker::builder()
            .data_dir(dir.path())
            .property("group.min.session.timeout.ms", 1000)
            .start()
    };
    let broker = start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    find(&mut c, "g").await;
    let (id, generation) = stable(&mut c, "g").await;
    let mut expected = 0;
    let mut broker = Some(broker);
    for round in 0..4 {
        expected += 10;
        let request = fit_commit(commit("g", &id, generation, "t", Uuid::ZERO, expected), 9);
        let done = c.call(&request, 9).await;
        assert_eq!(done.topics[0].partitions[0].error_code, 0, "round {round}");
        let old = broker.take().unwrap();
        if round % 2 == 0 {
            old.kill().await;
        } else {
            old.stop().await;
        }
        let next = start().await.unwrap();
        c = Client::to(&next).await;
        broker = Some(next);
        // While it loads clients are asked to try again.
        let begun = Instant::now();
        let beat = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: id.clone(),
            group_instance_id: None,
        };
        assert_eq!(c.call(&beat, 4).await.error_code, 0);
        loop {
            let request = DescribeGroupsRequest {
                groups: vec!["g".into()],
                ..Default::default()
            };
            let group = c.call(&request, 5).await.groups.remove(0);
            if group.error_code == ErrorCode::CoordinatorLoadInProgress.code() {
                assert!(begun.elapsed() < PATIENCE);
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            assert_eq!(
                (group.error_code, group.group_state.as_str()),
                (0, "Stable")
            );
            break;
        }
        assert_eq!(
            committed(&mut c, "g", "t", Uuid::ZERO, 9).await,
            (expected, 0)
        );
        assert_eq!(c.call(&beat, 4).await.error_code, 0);
    }
    broker.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_refused_for_what_does_not_exist() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    find(&mut c, "g").await;
    let mut request = commit("g", "", -1, "t", Uuid::ZERO, 1);
    request.topics[0]
        .partitions
        .push(OffsetCommitRequestPartition {
            partition_index: 1,
            ..Default::default()
        });
    let none = commit("g", "", -1, "none", Uuid::ZERO, 1);
    request.topics.extend(none.topics);
    let done = c.call(&request, 9).await;
    let found: Vec<_> = done
        .topics
        .iter()
        .flat_map(|t| t.partitions.iter().map(|p| (t.name.as_str(), p)))
        .map(|(t, p)| (t, p.partition_index, p.error_code))
        .collect();
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!(
        found,
        [("t", 1, unknown), ("t", 0, 0), ("none", 0, unknown)]
    );
    let by_id = commit("g", "", -1, "", Uuid(77 << 64), 1);
    let done = c.call(&by_id, 10).await;
    assert_eq!(
        done.topics[0].partitions[0].error_code,
        ErrorCode::UnknownTopicId.code()
    );
    assert_eq!(done.topics[0].topic_id, Uuid(77 << 64));
    let missing = committed(&mut c, "g", "", Uuid(77 << 64), 10).await;
    assert_eq!(missing, (-1, ErrorCode::UnknownTopicId.code()));
    assert_eq!(committed(&mut c, "none", "t", Uuid::ZERO, 1).await, (-1, 0));

    let delete = OffsetDeleteRequest {
        group_id: "g".into(),
        topics: ["t", "none"]
            .map(|t| OffsetDeleteRequestTopic {
                name: t.into(),
                partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
            })
            .to_vec(),
    };
    let done = c.call(&delete, 0).await;
    let mut found: Vec<_> = done
        .topics
        .iter()
        .map(|t| (t.name.as_str(), t.partitions[0].error_code))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("none", unknown), ("t", 0)]);
    assert_eq!(committed(&mut c, "g", "t", Uuid::ZERO, 8).await, (-1, 0));
    broker.stop().await;
}

/// Asks until the offset is gone.
async fn wait_until_gone(c: &mut Client, group: &str) {
    let begun = Instant::now();
    while committed(c, group, "t", Uuid::ZERO, 9).await.0 != -1 {
        assert!(begun.elapsed() < PATIENCE, "the offset of {group} stays");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_go_with_their_time_and_with_their_topic() {
    let broker = Broker::builder()
        .property("offsets.retention.check.interval.ms", 20)
        .start()
        .await
        .unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    find(&mut c, "short").await;
    let mut short = commit("short", "", -1, "t", Uuid::ZERO, 5);
    short.retention_time_ms = 200;
    let done = c.call(&short, 4).await;
    assert_eq!(done.topics[0].partitions[0].error_code, 0);
    assert_eq!(committed(&mut c, "short", "t", Uuid::ZERO, 9).await, (5, 0));
    let long = commit("long", "", -1, "t", Uuid::ZERO, 6);
    c.call(&long, 9).await;
    wait_until_gone(&mut c, "short").await;
    assert_eq!(committed(&mut c, "long", "t", Uuid::ZERO, 9).await, (6, 0));

    let delete = DeleteTopicsRequest {
        topics: vec![delete_topics_request::DeleteTopicState {
            name: Some("t".into()),
            ..Default::default()
        }],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(c.call(&delete, 6).await.responses[0].error_code, 0);
    wait_until_gone(&mut c, "long").await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_falls_silent_is_dropped_in_time() {
    let broker = Broker::builder()
        .property("group.min.session.timeout.ms", 100)
        .start()
        .await
        .unwrap();
    let mut c = Client::to(&broker).await;
    find(&mut c, "g").await;
    let mut request = join("g", "", None);
    request.session_timeout_ms = 300;
    let asked = c.call(&request, 9).await;
    request.member_id = asked.member_id;
    let joined = c.call(&request, 9).await;
    let id = joined.member_id;
    c.call(&sync("g", &id, 1, &[]), 5).await;
    let begun = Instant::now();
    loop {
        let describe = DescribeGroupsRequest {
            groups: vec!["g".into()],
            ..Default::default()
        };
        let group = c.call(&describe, 5).await.groups.remove(0);
        if group.group_state == "Empty" {
            break;
        }
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(250));
    broker.stop().await;
}
