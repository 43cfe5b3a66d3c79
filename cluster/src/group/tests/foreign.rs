//! Groups of protocols that are not served, as a JVM broker leaves them in the log.

use super::*;

fn member_key(id: &str) -> GroupRecordKey {
    GroupRecordKey::ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey {
        group_id: "g".into(),
        member_id: id.into(),
    })
}

/// A consumer group (KIP-848) with one member and an offset.
fn consumer_group() -> Script {
    let mut s = Script::new();
    let group = Record {
        key: GroupRecordKey::ConsumerGroupMetadata(ConsumerGroupMetadataKey {
            group_id: "g".into(),
        }),
        value: Some((
            0,
            GroupRecordValue::ConsumerGroupMetadata(ConsumerGroupMetadataValue {
                epoch: 3,
                ..Default::default()
            }),
        )),
    };
    let member = Record {
        key: member_key("m"),
        value: Some((
            0,
            GroupRecordValue::ConsumerGroupMemberMetadata(Default::default()),
        )),
    };
    let assignment = Record {
        key: GroupRecordKey::ConsumerGroupCurrentMemberAssignment(
            ConsumerGroupCurrentMemberAssignmentKey {
                group_id: "g".into(),
                member_id: "m".into(),
            },
        ),
        value: Some((
            0,
            GroupRecordValue::ConsumerGroupCurrentMemberAssignment(Default::default()),
        )),
    };
    let offset = Shard::new(s.config.clone())
        .commit(s.moment(), 9, &commit_request("", -1, &[("t", 0, 4)]))
        .expect("a group that is not there");
    // After compaction an offset may stand before the records of its group.
    s.write(offset.records);
    s.write(vec![group, member, assignment]);
    s.reload();
    s
}

#[test]
fn a_consumer_group_is_kept_listed_and_read() {
    let s = consumer_group();
    let listed = s.shard.list(&ListGroupsRequest {
        types_filter: vec!["consumer".into()],
        ..Default::default()
    });
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].group_type, "consumer");
    assert_eq!(listed[0].protocol_type, "consumer");
    assert_eq!(s.committed("t"), 4);
    let described = s.shard.describe(&"g".into(), 6);
    assert_eq!(described.error_code, ErrorCode::GroupIdNotFound.code());
    assert_eq!(
        described.error_message,
        Some("Group g is not a classic group.".into())
    );
}

#[test]
fn classic_members_come_in_once_the_others_sessions_have_ended() {
    let mut s = consumer_group();
    let token = s.join_as(9, &join_request("", None));
    assert_eq!(s.join_error(token), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(s.commit("", -1, "t", 9), Err(ErrorCode::UnknownMemberId));
    s.pass(45_000);
    let (ids, generation) = s.stable(1);
    assert_eq!(s.heartbeat(&ids[0], generation), ErrorCode::None);
    assert_eq!(s.committed("t"), 4);
    // Nothing of the old group is left on the log.
    s.reload();
    assert_eq!(s.heartbeat(&ids[0], generation), ErrorCode::None);
    assert_eq!(s.shard.group_count(), 1);
}

#[test]
fn members_whose_end_could_not_be_written_go_later() {
    let mut s = consumer_group();
    s.now += 45_000;
    let lost = s.shard.tick(s.moment(), &mut Vec::new());
    assert!(!lost.is_empty());
    let token = s.join_as(9, &join_request("", None));
    assert_eq!(s.join_error(token), ErrorCode::InconsistentGroupProtocol);
    s.pass(5_000);
    s.stable(1);
    // And no more is to be done.
    s.pass(60_000);
    assert_eq!(s.shard.tick(s.moment(), &mut Vec::new()), []);
}

/// Nothing of it is on the log, so the group is what it was: its offsets can be deleted, and the next try clears its records away.
#[test]
fn a_foreign_group_is_what_it_was_when_the_classic_one_could_not_be_written() {
    let mut s = consumer_group();
    s.pass(45_000);
    s.appends = Appends::Fail(ErrorCode::NotEnoughReplicas);
    let token = s.join_as(9, &join_request("", None));
    assert_ne!(s.join_error(token), ErrorCode::None);
    assert!(s.shard.same_state(&s.replayed()));
    s.appends = Appends::Commit;
    s.stable(1);
    s.reload();
    assert_eq!(s.shard.group_count(), 1);
}

#[test]
fn an_empty_foreign_group_is_deleted_without_a_trace() {
    let mut s = consumer_group();
    let refused = s.shard.delete_groups(&["g".into()]);
    assert_eq!(refused.reply[0].error_code, ErrorCode::NonEmptyGroup.code());
    s.pass(45_000);
    let decision = s.shard.delete_groups(&["g".into()]);
    s.decide(decision.records);
    assert_eq!(s.shard.group_count(), 0);
    assert_eq!(s.replayed().group_count(), 0);
    assert_eq!(s.committed("t"), -1);
}

#[test]
fn records_of_unknown_types_are_skipped_and_damaged_ones_named() {
    let skipped = Record::read(Some(Bytes::from_static(&[0, 99, 1])), None);
    assert!(matches!(skipped, Ok(None)));
    assert!(matches!(Record::read(None, None), Err(BadRecord::NoKey)));
    let damaged = Record::read(Some(Bytes::from_static(&[0, 2, 0, 9, 1])), None);
    assert!(matches!(damaged, Err(BadRecord::Key(_))));
}
