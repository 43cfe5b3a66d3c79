//! The way of a group through its states.

use super::*;

#[test]
fn a_new_member_is_given_an_id_first_and_old_clients_are_not() {
    let mut s = Script::new();
    let (id, token) = s.join("", None);
    assert!(id.starts_with("c-"), "{id}");
    let answer = s.answer(token);
    assert_eq!(
        (answer.generation_id, answer.leader.clone()),
        (1, id.clone())
    );
    assert_eq!(answer.protocol_name, Some("range".into()));
    assert_eq!(answer.protocol_type, Some("consumer".into()));
    assert_eq!(answer.members.len(), 1);
    assert_eq!(s.state(), "CompletingRebalance");
    let sync = s.sync(&id, 1, &[(&id, "a0")]);
    assert_eq!(s.synced[&sync].assignment, "a0");
    assert_eq!(s.state(), "Stable");

    let mut s = Script::new();
    let token = s.join_as(3, &join_request("", None));
    assert_eq!(s.answer(token).generation_id, 1);
}

#[test]
fn the_initial_delay_is_extended_while_members_come() {
    let mut s = Script::with(GroupConfig::default());
    let (_, first) = s.join("", None);
    s.pass(2_900);
    assert!(!s.joined.contains_key(&first));
    let (_, second) = s.join("", None);
    s.pass(3_050);
    assert!(
        !s.joined.contains_key(&first),
        "3 s more, from the first deadline"
    );
    s.pass(60);
    assert_eq!(s.answer(first).generation_id, 1);
    assert_eq!(s.answer(second).generation_id, 1);
    assert_eq!(
        s.answer(first).members.len() + s.answer(second).members.len(),
        2
    );

    // Without anybody new it ends after one delay.
    let mut s = Script::with(GroupConfig::default());
    let (_, only) = s.join("", None);
    s.pass(3_000);
    assert_eq!(s.answer(only).generation_id, 1);
}

#[test]
fn the_protocol_with_most_votes_among_those_all_offer_is_chosen() {
    let mut s = Script::with(GroupConfig::default());
    let mut tokens = Vec::new();
    for names in [&["a", "b", "c"][..], &["c", "b"], &["c", "b", "x"]] {
        let mut request = join_request("", None);
        request.protocols = protocols(names);
        tokens.push(s.join_as(0, &request));
    }
    let mut request = join_request("", None);
    request.protocols = protocols(&["x"]);
    let refused = s.join_as(0, &request);
    assert_eq!(s.join_error(refused), ErrorCode::InconsistentGroupProtocol);
    request.protocols = protocols(&["b"]);
    request.protocol_type = "connect".into();
    let refused = s.join_as(0, &request);
    assert_eq!(s.join_error(refused), ErrorCode::InconsistentGroupProtocol);
    s.pass(10_000);
    for token in tokens {
        assert_eq!(s.answer(token).protocol_name, Some("c".into()));
    }
}

#[test]
fn refused_joins_get_kafkas_codes() {
    let mut s = Script::new();
    for (member, change, code) in [
        ("nobody", None, ErrorCode::UnknownMemberId),
        ("", Some("type"), ErrorCode::InconsistentGroupProtocol),
        ("", Some("protocols"), ErrorCode::InconsistentGroupProtocol),
    ] {
        let mut request = join_request(member, None);
        match change {
            Some("type") => request.protocol_type = Str::default(),
            Some(_) => request.protocols.clear(),
            None => {}
        }
        let token = s.join_as(9, &request);
        assert_eq!(s.join_error(token), code, "{member} {change:?}");
    }
    let config = GroupConfig::default();
    let mut request = join_request("", None);
    for (timeout, code) in [
        (5_999, Some(ErrorCode::InvalidSessionTimeout)),
        (6_000, None),
        (1_800_000, None),
        (1_800_001, Some(ErrorCode::InvalidSessionTimeout)),
        (-1, Some(ErrorCode::InvalidSessionTimeout)),
    ] {
        request.session_timeout_ms = timeout;
        assert_eq!(config.refuses_join(&request), code, "{timeout}");
    }
    request.group_id = Str::default();
    assert_eq!(
        config.refuses_join(&request),
        Some(ErrorCode::InvalidGroupId)
    );
}

#[test]
fn a_join_of_a_second_member_makes_the_first_join_again() {
    let mut s = Script::new();
    let (first, generation) = s.stable(1);
    let (second, waits) = s.join("", None);
    assert_eq!(s.state(), "PreparingRebalance");
    assert!(!s.joined.contains_key(&waits));
    assert_eq!(
        s.heartbeat(&first[0], generation),
        ErrorCode::RebalanceInProgress
    );
    let again = s.join_as(9, &join_request(&first[0], None));
    assert_eq!(s.answer(again).generation_id, generation + 1);
    assert_eq!(s.answer(again).members.len(), 2);
    assert_eq!(s.answer(waits).leader, first[0]);
    assert!(s.answer(waits).members.is_empty());

    // The follower's sync waits for the leader's.
    let waiting = s.sync(&second, generation + 1, &[]);
    assert!(!s.synced.contains_key(&waiting));
    let leader = s.sync(
        &first[0],
        generation + 1,
        &[(&second, "x"), ("stranger", "y")],
    );
    assert_eq!(s.synced[&waiting].assignment, "x");
    assert_eq!(s.synced[&leader].assignment, "", "left out");
    assert_eq!(
        s.heartbeat(&first[0], generation),
        ErrorCode::IllegalGeneration
    );
    assert_eq!(s.heartbeat(&first[0], generation + 1), ErrorCode::None);
}

#[test]
fn a_member_that_does_not_come_back_is_dropped_at_the_rebalance_timeout() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(2);
    let (_, waits) = s.join("", None);
    // Both keep their sessions, one does not join.
    for _ in 0..11 {
        s.pass(5_000);
        for id in &ids {
            assert_eq!(s.heartbeat(id, generation), ErrorCode::RebalanceInProgress);
        }
    }
    let again = s.join_as(9, &join_request(&ids[1], None));
    assert!(!s.joined.contains_key(&again));
    s.pass(5_000);
    assert_eq!(s.answer(again).generation_id, generation + 1);
    assert_eq!(s.answer(again).generation_id, s.answer(waits).generation_id);
    assert_eq!(s.members(), 2);
    assert_eq!(
        s.heartbeat(&ids[0], generation + 1),
        ErrorCode::UnknownMemberId
    );
}

#[test]
fn a_session_that_ends_starts_a_rebalance() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(2);
    s.pass(6_000);
    assert_eq!(s.heartbeat(&ids[1], generation), ErrorCode::None);
    s.pass(6_000);
    assert_eq!(s.state(), "PreparingRebalance");
    assert_eq!(
        s.heartbeat(&ids[1], generation),
        ErrorCode::RebalanceInProgress
    );
    let again = s.join_as(9, &join_request(&ids[1], None));
    assert_eq!(s.answer(again).leader, ids[1]);
    s.pass(i64::from(SESSION));
    assert_eq!(s.state(), "Empty");
    assert_eq!(s.members(), 0);
}

#[test]
fn who_does_not_sync_in_time_is_dropped() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(2);
    let first = s.join_as(9, &join_request(&ids[0], None));
    let _second = s.join_as(9, &join_request(&ids[1], None));
    assert_eq!(s.answer(first).generation_id, generation + 1);
    let sync = s.sync(&ids[0], generation + 1, &[]);
    assert_eq!(s.sync_error(sync), ErrorCode::None);
    assert_eq!(s.state(), "Stable");
    for _ in 0..12 {
        s.pass(5_000);
        s.heartbeat(&ids[0], generation + 1);
        s.heartbeat(&ids[1], generation + 1);
    }
    assert_eq!(s.state(), "PreparingRebalance");
    assert_eq!(s.members(), 1);
}

#[test]
fn a_leader_that_joins_again_rebalances_and_a_follower_only_with_something_new() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(2);
    let same = s.join_as(9, &join_request(&ids[1], None));
    assert_eq!(s.answer(same).generation_id, generation);
    assert_eq!(s.state(), "Stable");
    let mut request = join_request(&ids[1], None);
    request.protocols[0].metadata = subscription(&["t", "u"]);
    let new = s.join_as(9, &request);
    assert_eq!(s.state(), "PreparingRebalance");
    let leader = s.join_as(9, &join_request(&ids[0], None));
    assert_eq!(s.answer(new).generation_id, generation + 1);
    assert_eq!(s.answer(leader).generation_id, generation + 1);
    // Asked again before the assignment, the answer is the same.
    let again = s.join_as(9, &join_request(&ids[0], None));
    assert_eq!(s.answer(again), s.answer(leader));
}

#[test]
fn leaving_is_per_member_and_rebalances_once() {
    let mut s = Script::new();
    let (ids, _) = s.stable(3);
    let errors = s.leave(&[
        (&ids[1], None),
        ("nobody", None),
        (&ids[2], None),
        ("", None),
    ]);
    assert_eq!(
        errors,
        [
            ErrorCode::None,
            ErrorCode::UnknownMemberId,
            ErrorCode::None,
            ErrorCode::UnknownMemberId
        ]
    );
    assert_eq!(s.state(), "PreparingRebalance");
    assert_eq!(s.leave(&[(&ids[0], None)]), [ErrorCode::None]);
    assert_eq!(s.state(), "Empty");
    assert_eq!(s.leave(&[(&ids[0], None)]), [ErrorCode::UnknownMemberId]);
    s.expire();
    assert_eq!(s.state(), "Dead", "neither members nor offsets");
}

#[test]
fn a_full_group_turns_newcomers_away() {
    let mut s = Script::with(GroupConfig {
        initial_rebalance_delay_ms: 0,
        max_size: 2,
        ..Default::default()
    });
    let (ids, generation) = s.stable(2);
    let third = s.join_as(9, &join_request("", None));
    assert_eq!(s.join_error(third), ErrorCode::GroupMaxSizeReached);
    assert_eq!(s.heartbeat(&ids[0], generation), ErrorCode::None);

    // A group that was loaded too large shrinks by its next rebalance.
    s.config.max_size = 1;
    s.reload();
    assert_eq!(s.state(), "PreparingRebalance");
    let first = s.join_as(9, &join_request(&ids[1], None));
    let late = s.join_as(9, &join_request(&ids[0], None));
    assert_eq!(s.join_error(late), ErrorCode::GroupMaxSizeReached);
    s.pass(i64::from(REBALANCE));
    assert_eq!(s.answer(first).members.len(), 1);
}

#[test]
fn an_assignment_shows_only_once_it_is_committed() {
    let mut s = Script::new();
    let (id, _) = s.join("", None);
    s.appends = Appends::Hold;
    let sync = s.sync(&id, 1, &[(&id, "a")]);
    assert_eq!(s.state(), "CompletingRebalance");
    assert!(!s.synced.contains_key(&sync));
    assert_eq!(
        s.commit(&id, 1, "t", 1),
        Err(ErrorCode::RebalanceInProgress)
    );
    s.commit_appends();
    assert_eq!(s.synced[&sync].assignment, "a");
    assert_eq!(s.state(), "Stable");
}

#[test]
fn an_assignment_that_cannot_be_written_makes_all_join_again() {
    for (code, told) in [
        (ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator),
        (ErrorCode::KafkaStorageError, ErrorCode::NotCoordinator),
        (
            ErrorCode::NotEnoughReplicas,
            ErrorCode::CoordinatorNotAvailable,
        ),
        (ErrorCode::MessageTooLarge, ErrorCode::UnknownServerError),
    ] {
        let mut s = Script::new();
        let (id, _) = s.join("", None);
        s.appends = Appends::Fail(code);
        let sync = s.sync(&id, 1, &[(&id, "a")]);
        assert_eq!(s.sync_error(sync), told);
        assert_eq!(s.state(), "PreparingRebalance");
        s.appends = Appends::Commit;
        let again = s.join_as(9, &join_request(&id, None));
        assert_eq!(s.answer(again).generation_id, 2);
    }
}

#[test]
fn an_assignment_of_an_overtaken_generation_is_dropped() {
    let mut s = Script::new();
    let (id, _) = s.join("", None);
    s.appends = Appends::Hold;
    let sync = s.sync(&id, 1, &[(&id, "a")]);
    let (_, waits) = s.join("", None);
    assert_eq!(s.sync_error(sync), ErrorCode::RebalanceInProgress);
    s.commit_appends();
    assert_eq!(s.state(), "PreparingRebalance");
    let again = s.join_as(9, &join_request(&id, None));
    assert_eq!(s.answer(again).generation_id, 2);
    assert_eq!(s.answer(waits).generation_id, 2);
}

#[test]
fn a_loaded_group_goes_on_with_the_same_generation() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(2);
    s.reload();
    assert_eq!(s.state(), "Stable");
    for id in &ids {
        assert_eq!(s.heartbeat(id, generation), ErrorCode::None);
    }
    let sync = s.sync(&ids[1], generation, &[]);
    assert_eq!(s.synced[&sync].assignment, "a1");
    assert_eq!(s.commit(&ids[1], generation, "t", 7), Ok(()));
    // Who is not there any more is found out by its session.
    s.pass(i64::from(SESSION));
    assert_eq!(s.members(), 0);
}

#[test]
fn waiting_requests_are_told_when_the_coordinator_moves() {
    let mut s = Script::new();
    let (ids, _) = s.stable(1);
    let (_, waits) = s.join("", None);
    s.reload();
    assert_eq!(s.join_error(waits), ErrorCode::NotCoordinator);
    assert_eq!(s.state(), "Stable");
    let again = s.join_as(9, &join_request(&ids[0], None));
    assert_eq!(s.answer(again).members.len(), 1);
}

#[test]
fn syncs_are_checked_before_they_count() {
    let mut s = Script::new();
    let (ids, generation) = s.stable(1);
    for (member, g, code) in [
        ("nobody", generation, ErrorCode::UnknownMemberId),
        (
            ids[0].as_str(),
            generation + 1,
            ErrorCode::IllegalGeneration,
        ),
        (ids[0].as_str(), generation, ErrorCode::None),
    ] {
        let token = s.sync(member, g, &[]);
        assert_eq!(s.sync_error(token), code);
    }
    for (ty, name, code) in [
        (Some("connect"), None, ErrorCode::InconsistentGroupProtocol),
        (None, Some("other"), ErrorCode::InconsistentGroupProtocol),
        (Some("consumer"), Some("range"), ErrorCode::None),
    ] {
        let request = SyncGroupRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: ids[0].clone(),
            protocol_type: ty.map(Str::from),
            protocol_name: name.map(Str::from),
            ..Default::default()
        };
        let mut out = Vec::new();
        s.shard.sync(s.moment(), Token(1000), &request, &mut out);
        let [Effect::Synced { response, .. }] = &out[..] else {
            panic!("one answer, not {out:?}");
        };
        assert_eq!(response.error_code, code.code());
    }
}

#[test]
fn groups_are_listed_and_described() {
    let mut s = Script::new();
    let (ids, _) = s.stable(2);
    let described = s.shard.describe(&"g".into(), 6);
    assert_eq!(described.group_state, "Stable");
    assert_eq!(described.protocol_data, "range");
    assert_eq!(described.members.len(), 2);
    let leader = described.members.iter().find(|m| m.member_id == ids[0]);
    let leader = leader.expect("it is a member");
    assert_eq!(leader.member_assignment, "a0");
    assert_eq!(leader.member_metadata, subscription(&["t"]));
    assert_eq!(leader.client_host, "/127.0.0.1");
    let missing = s.shard.describe(&"no".into(), 6);
    assert_eq!(missing.error_code, ErrorCode::GroupIdNotFound.code());
    let missing = s.shard.describe(&"no".into(), 5);
    assert_eq!(
        (missing.error_code, missing.group_state.as_str()),
        (0, "Dead")
    );
    for (states, types, found) in [
        (&[][..], &[][..], 1),
        (&["stable"], &[], 1),
        (&[" STABLE "], &["classic"], 1),
        (&["Empty"], &[], 0),
        (&[], &["Consumer"], 0),
        (&[], &["nonsense"], 0),
    ] {
        let request = ListGroupsRequest {
            states_filter: states.iter().map(|s| Str::from(*s)).collect(),
            types_filter: types.iter().map(|s| Str::from(*s)).collect(),
        };
        let listed = s.shard.list(&request);
        assert_eq!(listed.len(), found, "{states:?} {types:?}");
        assert!(listed.iter().all(|g| g.group_type == "classic"));
    }
}
