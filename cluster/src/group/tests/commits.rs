//! Offsets: who may commit, what is found afterwards, and when it goes (faults.md G3 to G5).

use airis_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use airis_protocol::types::{ProducerId, Uuid};

use super::*;

const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;

#[test]
fn a_zombie_cannot_commit() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(2);
    assert_eq!(s.commit(&ids[1], generation, "t", 10), Ok(()));
    s.leave(&[(&ids[1], None)]);
    let again = s.join_as(9, &join_request(&ids[0], None));
    let now = s.answer(again).generation_id;
    s.sync(&ids[0], now, &[]);
    assert_eq!(
        s.commit(&ids[1], generation, "t", 5),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        s.commit(&ids[0], generation, "t", 5),
        Err(ErrorCode::IllegalGeneration)
    );
    assert_eq!(s.commit("", -1, "t", 5), Err(ErrorCode::UnknownMemberId));
    assert_eq!(s.committed("t"), 10);
    assert_eq!(s.commit(&ids[0], now, "t", 11), Ok(()));
    assert_eq!(s.committed("t"), 11);
}

#[test]
fn a_commit_keeps_the_session_alive() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(1);
    for offset in 0..5 {
        s.pass(9_000);
        assert_eq!(s.commit(&ids[0], generation, "t", offset), Ok(()));
    }
    assert_eq!(s.members(), 1);
}

#[test]
fn a_consumer_without_a_group_commits_with_generation_minus_one() {
    let mut s = Script::new();
    let request = commit_request("m", 3, &[("t", 0, 1)]);
    assert_eq!(s.commit_as(9, &request), Err(ErrorCode::GroupIdNotFound));
    assert_eq!(s.commit_as(8, &request), Err(ErrorCode::IllegalGeneration));
    assert_eq!(s.commit("", -1, "t", 1), Ok(()));
    assert_eq!(s.state(), "Empty");
    assert_eq!(s.committed("t"), 1);
    assert_eq!(s.committed("u"), -1);
    // Members may come to such a group later.
    let (_, generation) = s.stable(1);
    assert_eq!(generation, 1);
    assert_eq!(s.committed("t"), 1);
}

#[test]
fn metadata_that_is_too_long_fails_its_partition_only() {
    let mut s = Script::new();
    let mut request = commit_request("", -1, &[("t", 0, 1), ("u", 0, 2), ("v", 0, 3)]);
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(4097).into());
    request.topics[1].partitions[0].committed_metadata = Some("ä".repeat(4096).into());
    request.topics[2].partitions[0].committed_metadata = None;
    assert_eq!(
        s.commit_as(9, &request),
        Ok(vec![
            ErrorCode::OffsetMetadataTooLarge,
            ErrorCode::None,
            ErrorCode::None
        ])
    );
    assert_eq!((s.committed("t"), s.committed("u")), (-1, 2));
}

#[test]
fn all_offsets_are_fetched_when_no_topic_is_named_and_ids_must_agree() {
    let mut s = Script::new();
    let id = Uuid(7 << 64);
    let mut request = commit_request("", -1, &[("t", 0, 1), ("t", 1, 2), ("u", 0, 3)]);
    for topic in &mut request.topics {
        topic.topic_id = id;
        topic.partitions[0].committed_leader_epoch = 4;
    }
    s.commit_as(10, &request).expect("committed");
    let mut fetch = OffsetFetchRequestGroup {
        group_id: "g".into(),
        topics: None,
        ..Default::default()
    };
    let all = s.shard.fetch(&fetch, true, no_ids);
    let found: Vec<_> = all
        .topics
        .iter()
        .flat_map(|t| t.partitions.iter().map(|p| (t.name.as_str(), p)))
        .map(|(t, p)| {
            (
                t,
                p.partition_index,
                p.committed_offset,
                p.committed_leader_epoch,
            )
        })
        .collect();
    assert_eq!(found, [("t", 0, 1, 4), ("t", 1, 2, 4), ("u", 0, 3, 4)]);
    // The topic "t" has been deleted and made anew, and its offsets are still there.
    let new = |name: &str| if name == "t" { Uuid(8 << 64) } else { id };
    let all = s.shard.fetch(&fetch, true, new);
    let found: Vec<_> = all
        .topics
        .iter()
        .map(|t| (t.name.as_str(), t.topic_id))
        .collect();
    assert_eq!(found, [("u", id)]);
    for (asked, offset) in [(id, 1), (Uuid::ZERO, 1), (Uuid(8 << 64), -1)] {
        fetch.topics = Some(vec![OffsetFetchRequestTopics {
            name: "t".into(),
            topic_id: asked,
            partition_indexes: vec![0],
        }]);
        let one = s.shard.fetch(&fetch, false, no_ids);
        assert_eq!(one.topics[0].partitions[0].committed_offset, offset);
    }
}

#[test]
fn offsets_expire_only_when_the_group_has_been_empty_for_the_retention() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(1);
    s.commit(&ids[0], generation, "t", 1).expect("committed");
    s.commit(&ids[0], generation, "old", 1).expect("committed");
    // Subscribed to t the whole time.
    for _ in 0..3 {
        s.now += WEEK;
        s.heartbeat(&ids[0], generation);
        s.expire();
        assert_eq!(s.committed("t"), 1);
    }
    assert_eq!(s.committed("old"), -1, "nobody consumes it any more");
    s.leave(&[(&ids[0], None)]);
    s.now += WEEK - 1;
    s.expire();
    assert_eq!(s.committed("t"), 1);
    s.now += 1;
    s.expire();
    assert_eq!(s.committed("t"), -1);
    assert_eq!(s.state(), "Dead", "the group goes with its last offset");
    assert_eq!(s.replayed().group_count(), 0);
}

#[test]
fn offsets_of_a_rebalancing_or_unreadable_group_stay() {
    let mut s = Script::new();
    let mut request = join_request("", None);
    request.protocol_type = "connect".into();
    let token = s.join_as(3, &request);
    let id = s.answer(token).member_id.clone();
    s.sync(&id, 1, &[]);
    s.commit(&id, 1, "t", 1).expect("committed");
    s.now += 2 * WEEK;
    s.expire();
    assert_eq!(s.committed("t"), 1, "what it consumes is not known");
}

#[test]
fn without_a_group_each_offset_expires_by_its_own_commit() {
    let mut s = Script::new();
    s.commit("", -1, "t", 1).expect("committed");
    s.now += WEEK / 2;
    s.commit("", -1, "u", 1).expect("committed");
    let mut short = commit_request("", -1, &[("v", 0, 1)]);
    short.retention_time_ms = 1_000;
    s.commit_as(4, &short).expect("committed");
    s.now += 999;
    s.expire();
    assert_eq!(s.committed("v"), 1);
    s.now += 1;
    s.expire();
    assert_eq!((s.committed("v"), s.committed("t")), (-1, 1));
    s.now += WEEK / 2;
    s.expire();
    assert_eq!((s.committed("t"), s.committed("u")), (-1, 1));
    s.now += WEEK;
    s.expire();
    assert_eq!(s.state(), "Dead");
}

fn delete_request(topics: &[&str]) -> OffsetDeleteRequest {
    OffsetDeleteRequest {
        group_id: "g".into(),
        topics: topics
            .iter()
            .map(|t| OffsetDeleteRequestTopic {
                name: (*t).into(),
                partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
            })
            .collect(),
    }
}

#[test]
fn offsets_are_deleted_by_request_unless_they_are_in_use() {
    let mut s = Script::new();
    let request = delete_request(&["t", "u", "none"]);
    let missing = s.shard.delete_offsets(&request).err();
    assert_eq!(missing, Some(ErrorCode::GroupIdNotFound));
    let (ids, generation) = s.stable(1);
    s.commit(&ids[0], generation, "t", 1).expect("committed");
    s.commit(&ids[0], generation, "u", 1).expect("committed");
    let decision = s.shard.delete_offsets(&request).expect("decided");
    let errors: Vec<i16> = decision
        .reply
        .topics
        .iter()
        .map(|t| t.partitions[0].error_code)
        .collect();
    assert_eq!(errors, [ErrorCode::GroupSubscribedToTopic.code(), 0, 0]);
    assert_eq!(decision.records.len(), 1);
    s.decide(decision.records);
    assert_eq!((s.committed("t"), s.committed("u")), (1, -1));
}

#[test]
fn groups_are_deleted_with_their_offsets_when_they_are_empty() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(1);
    s.commit(&ids[0], generation, "t", 1).expect("committed");
    let delete = |s: &Script| s.shard.delete_groups(&["g".into(), "none".into()]);
    let codes = |d: &crate::machine::Decision<Record, Vec<_>>| -> Vec<i16> {
        let results: &Vec<airis_protocol::messages::delete_groups_response::DeletableGroupResult> =
            &d.reply;
        results.iter().map(|r| r.error_code).collect()
    };
    let decision = delete(&s);
    assert_eq!(
        codes(&decision),
        [
            ErrorCode::NonEmptyGroup.code(),
            ErrorCode::GroupIdNotFound.code()
        ]
    );
    s.leave(&[(&ids[0], None)]);
    let decision = delete(&s);
    assert_eq!(codes(&decision), [0, ErrorCode::GroupIdNotFound.code()]);
    s.decide(decision.records);
    assert_eq!(s.shard.group_count(), 0);
    assert_eq!(s.committed("t"), -1);
    assert_eq!(s.replayed().group_count(), 0);
}

/// What a deleted group still waited for must not happen to the next one of its name.
#[test]
fn a_group_made_anew_does_not_get_what_the_deleted_one_waited_for() {
    let mut s = Script::new();
    let (id, joined) = s.join("", None);
    let generation = s.answer(joined).generation_id;
    s.appends = Appends::Hold;
    s.sync(&id, generation, &[(&id, "old")]);
    s.leave(&[(&id, None)]);
    let deleted = s.shard.delete_groups(&["g".into()]);
    assert_eq!(deleted.reply[0].error_code, 0);
    s.decide(deleted.records);
    let (id, joined) = s.join("", None);
    assert_eq!(s.answer(joined).generation_id, generation);
    assert_eq!(s.state(), "CompletingRebalance");
    s.commit_appends();
    assert_eq!(
        s.state(),
        "CompletingRebalance",
        "{id} has not assigned yet"
    );
}

#[test]
fn offsets_go_with_their_topic_but_not_with_an_older_one_of_its_name() {
    let mut s = Script::new();
    let id = Uuid(7 << 64);
    let mut request = commit_request("", -1, &[("t", 0, 1), ("u", 0, 2)]);
    request.topics[0].topic_id = id;
    s.commit_as(10, &request).expect("committed");
    let (t, u) = (Str::from("t"), Str::from("u"));
    let records = s.shard.topics_deleted([(&t, Uuid(9 << 64))]);
    assert_eq!(records, []);
    let records = s.shard.topics_deleted([(&t, id), (&u, Uuid(9 << 64))]);
    s.decide(records);
    assert_eq!((s.committed("t"), s.committed("u")), (-1, -1));
}

#[test]
fn offsets_of_a_transaction_show_after_its_marker() {
    let commit = |s: &Script, at: i64, producer: Option<i64>, offset: i64, shard: &mut Shard| {
        let request = commit_request("", -1, &[("t", 0, offset)]);
        let mut decider = Shard::new(s.config.clone());
        let decision = decider
            .commit(s.moment(), 9, &request)
            .expect("a group that is not there");
        shard.replay(Offset(at), producer.map(ProducerId), &decision.records[0]);
    };
    let s = Script::new();
    let fetch = |shard: &Shard, stable: bool| {
        let request = OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        };
        let p = shard.fetch(&request, stable, no_ids).topics[0].partitions[0].clone();
        (p.committed_offset, p.error_code)
    };
    let unstable = (-1, ErrorCode::UnstableOffsetCommit.code());
    let mut shard = Shard::new(s.config.clone());
    commit(&s, 0, None, 1, &mut shard);
    commit(&s, 1, Some(5), 2, &mut shard);
    assert_eq!(fetch(&shard, false), (1, 0));
    assert_eq!(fetch(&shard, true), unstable);
    shard.replay_marker(ProducerId(5), true);
    assert_eq!(fetch(&shard, true), (2, 0));
    commit(&s, 3, Some(5), 3, &mut shard);
    shard.replay_marker(ProducerId(5), false);
    assert_eq!(fetch(&shard, true), (2, 0));
    // A plain commit after it, but before its marker, holds.
    commit(&s, 5, Some(5), 4, &mut shard);
    commit(&s, 6, None, 9, &mut shard);
    shard.replay_marker(ProducerId(5), true);
    assert_eq!(fetch(&shard, true), (9, 0));
}
