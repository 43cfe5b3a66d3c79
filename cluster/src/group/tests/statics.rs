//! Static members (KIP-345): restarts without a rebalance, and fencing (faults.md G6).

use super::*;

/// A stable group of two static members "i1" (the leader) and "i2".
fn two(s: &mut Script) -> (Str, Str, i32) {
    let first = s.join_as(9, &join_request("", Some("i1")));
    let leader = s.answer(first).member_id.clone();
    let second = s.join_as(9, &join_request("", Some("i2")));
    let first = s.join_as(9, &join_request(&leader, Some("i1")));
    let (id, generation) = {
        let answer = s.answer(second);
        (answer.member_id.clone(), answer.generation_id)
    };
    assert_eq!(s.answer(first).generation_id, generation);
    assert_eq!(s.answer(first).leader, leader);
    s.sync(&leader, generation, &[(&leader, "x"), (&id, "y")]);
    s.sync(&id, generation, &[]);
    assert_eq!(s.state(), "Stable");
    (leader, id, generation)
}

#[test]
fn a_restarted_static_member_keeps_its_place_without_a_rebalance() {
    let mut s = Script::new();
    let (leader, old, generation) = two(&mut s);
    let back = s.join_as(9, &join_request("", Some("i2")));
    let answer = s.answer(back).clone();
    assert_eq!(answer.generation_id, generation);
    assert_ne!(answer.member_id, old);
    assert!(!answer.skip_assignment && answer.members.is_empty());
    assert_eq!(s.state(), "Stable");
    let sync = s.sync(&answer.member_id, generation, &[]);
    assert_eq!(s.synced[&sync].assignment, "y");
    assert_eq!(
        s.heartbeat_as(&leader, Some("i1"), generation),
        ErrorCode::None
    );
    // The older of the two is out, whatever it does.
    assert_eq!(
        s.heartbeat_as(&old, Some("i2"), generation),
        ErrorCode::FencedInstanceId
    );
    let mut commit = commit_request(&old, generation, &[("t", 0, 5)]);
    commit.group_instance_id = Some("i2".into());
    assert_eq!(s.commit_as(9, &commit), Err(ErrorCode::FencedInstanceId));
    assert_eq!(s.committed("t"), -1);
    let again = s.join_as(9, &join_request(&old, Some("i2")));
    assert_eq!(s.join_error(again), ErrorCode::FencedInstanceId);
    assert_eq!(
        s.leave(&[(&old, Some("i2"))]),
        [ErrorCode::FencedInstanceId]
    );
    // The new id is on the log.
    s.reload();
    assert_eq!(
        s.heartbeat_as(&answer.member_id, Some("i2"), generation),
        ErrorCode::None
    );
}

#[test]
fn a_restarted_static_leader_is_told_to_keep_the_assignment() {
    let mut s = Script::new();
    let (_, other, generation) = two(&mut s);
    let back = s.join_as(9, &join_request("", Some("i1")));
    let answer = s.answer(back).clone();
    assert!(answer.skip_assignment);
    assert_eq!(answer.leader, answer.member_id);
    assert_eq!(answer.members.len(), 2);
    assert_eq!(answer.generation_id, generation);
    assert_eq!(
        s.heartbeat_as(&other, Some("i2"), generation),
        ErrorCode::None
    );

    // Before version 9 that cannot be said: it is told the old leader's id, and so does not assign.
    let mut s = Script::new();
    let (leader, _, _) = two(&mut s);
    let back = s.join_as(8, &join_request("", Some("i1")));
    let answer = s.answer(back);
    assert!(!answer.skip_assignment && answer.members.is_empty());
    assert_ne!(answer.member_id, leader);
    assert_eq!(answer.leader, leader);
}

#[test]
fn a_static_member_whose_new_id_cannot_be_written_is_who_it_was() {
    let mut s = Script::new();
    let (_, old, generation) = two(&mut s);
    s.appends = Appends::Fail(ErrorCode::KafkaStorageError);
    let back = s.join_as(9, &join_request("", Some("i2")));
    assert_eq!(s.join_error(back), ErrorCode::NotCoordinator);
    assert_eq!(
        s.heartbeat_as(&old, Some("i2"), generation),
        ErrorCode::None
    );
    assert_eq!(s.state(), "Stable");
}

/// It comes back, its new id takes longer to be committed than its session lasts, and by then it has died.
#[test]
fn a_static_member_that_died_while_its_new_id_was_being_written_is_out_after_its_session() {
    let mut s = Script::new();
    let (leader, _, generation) = two(&mut s);
    s.appends = Appends::Hold;
    s.join_as(9, &join_request("", Some("i2")));
    for _ in 0..3 {
        s.pass(i64::from(SESSION) / 2);
        s.heartbeat_as(&leader, Some("i1"), generation);
    }
    assert_eq!((s.state().as_str(), s.members()), ("Stable", 2));
    s.appends = Appends::Commit;
    s.commit_appends();
    for _ in 0..3 {
        s.pass(i64::from(SESSION) / 2);
        s.heartbeat_as(&leader, Some("i1"), generation);
    }
    assert_eq!(s.state(), "PreparingRebalance");
}

/// A rebalance has begun on what it offers now: what it offered before has nothing in common with the others.
#[test]
fn a_new_id_that_cannot_be_written_amid_a_rebalance_leaves_the_member_as_it_is() {
    let mut s = Script::new();
    let offers = |member: &str, instance, names: &[&str]| {
        let mut request = join_request(member, Some(instance));
        request.protocols = protocols(names);
        request
    };
    let (leader, old, generation) = two(&mut s);
    // First it offers one of two.
    let only = s.join_as(9, &offers(&old, "i2", &["range"]));
    let again = s.join_as(9, &offers(&leader, "i1", &["range", "sticky"]));
    assert_eq!(s.answer(again).protocol_name, Some("range".into()));
    assert_eq!(s.answer(only).generation_id, generation + 1);
    s.sync(&leader, generation + 1, &[(&leader, "x"), (&old, "y")]);
    assert_eq!(s.state(), "Stable");
    s.appends = Appends::Hold;
    let back = s.join_as(9, &offers("", "i2", &["range", "sticky"]));
    let other = s.join_as(9, &offers(&leader, "i1", &["sticky"]));
    s.fail_appends(ErrorCode::NotCoordinator);
    assert_eq!(s.answer(back).protocol_name, Some("sticky".into()));
    assert_eq!(s.answer(other).protocol_name, Some("sticky".into()));
    let id = s.answer(back).member_id.clone();
    let next = s.join_as(9, &offers(&id, "i2", &["sticky"]));
    let last = s.join_as(9, &offers(&leader, "i1", &["sticky"]));
    assert_eq!(s.answer(next).generation_id, s.answer(last).generation_id);
}

#[test]
fn a_static_member_with_another_protocol_rebalances() {
    let mut s = Script::new();
    let (_, _, generation) = two(&mut s);
    let mut request = join_request("", Some("i2"));
    request.protocols = protocols(&["sticky"]);
    let back = s.join_as(9, &request);
    assert!(!s.joined.contains_key(&back));
    assert_eq!(s.state(), "PreparingRebalance");
    s.pass(i64::from(SESSION));
    // i1's session has ended meanwhile, so i2 is alone.
    assert_eq!(s.answer(back).generation_id, generation + 1);
    assert_eq!(s.answer(back).protocol_name, Some("sticky".into()));
}

#[test]
fn a_waiting_request_of_the_older_instance_is_fenced_at_once() {
    let mut s = Script::new();
    let (_, id, _) = two(&mut s);
    let mut request = join_request(&id, Some("i2"));
    request.protocols[0].metadata = subscription(&["u"]);
    let older = s.join_as(9, &request);
    assert!(!s.joined.contains_key(&older));
    let newer = s.join_as(9, &join_request("", Some("i2")));
    assert_eq!(s.join_error(older), ErrorCode::FencedInstanceId);
    assert!(!s.joined.contains_key(&newer));
}

#[test]
fn an_absent_static_member_is_kept_until_its_session_ends() {
    let mut s = Script::new();
    let (leader, _, generation) = two(&mut s);
    // The leader rebalances; i2 is away for less than its session.
    let mut request = join_request(&leader, Some("i1"));
    request.rebalance_timeout_ms = 6_000;
    request.protocols[0].metadata = subscription(&["u"]);
    let mut other = join_request("", Some("i2"));
    other.rebalance_timeout_ms = 6_000;
    let back = s.join_as(9, &other);
    let id = s.answer(back).member_id.clone();
    let waits = s.join_as(9, &request);
    s.pass(6_000);
    assert_eq!(s.answer(waits).generation_id, generation + 1);
    assert_eq!(s.answer(waits).members.len(), 2);
    s.pass(i64::from(SESSION));
    assert!(s.members() < 2, "{id} is out");
}

#[test]
fn an_administrator_removes_a_static_member_by_its_instance() {
    let mut s = Script::new();
    two(&mut s);
    assert_eq!(
        s.leave(&[("", Some("i2")), ("", Some("i3"))]),
        [ErrorCode::None, ErrorCode::UnknownMemberId]
    );
    assert_eq!(s.members(), 1);
    assert_eq!(s.state(), "PreparingRebalance");
}
