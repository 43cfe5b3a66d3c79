//! FindCoordinator, and the lives of group members: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

use airis_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use airis_protocol::messages::leave_group_request::MemberIdentity;
use airis_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use airis_protocol::messages::*;
use airis_protocol::types::Str;
use anyhow::Result;
use bytes::Bytes;

use crate::side::Side;

/// A subscription to "g-t" and an assignment of its partition 0, both of version 0.
pub const SUBSCRIPTION: &[u8] = &[
    0, 0, 0, 0, 0, 1, 0, 3, b'g', b'-', b't', 0xff, 0xff, 0xff, 0xff,
];
pub const ASSIGNMENT: &[u8] = &[
    0, 0, 0, 0, 0, 1, 0, 3, b'g', b'-', b't', 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
];

pub async fn play(side: &mut Side) -> Result<()> {
    found(side).await?;
    for version in 0..=9 {
        life(side, version).await?;
    }
    wrong_joins(side).await?;
    wrong_words(side).await?;
    two(side).await?;
    fixed(side).await
}

async fn found(side: &mut Side) -> Result<()> {
    let ask = |version: i16, key: &str, key_type: i8| match version {
        0..=3 => FindCoordinatorRequest {
            key: key.into(),
            key_type,
            coordinator_keys: vec![],
        },
        _ => FindCoordinatorRequest {
            key: Str::default(),
            key_type,
            coordinator_keys: vec![key.into()],
        },
    };
    side.all("a group's", |v| ask(v, "g", 0)).await?;
    side.all("of a group without a name", |v| ask(v, "", 0))
        .await?;
    for (name, key_type) in [("of an unknown type", 7), ("of a negative type", -1)] {
        for version in [1, 3, 4, 5, 6] {
            side.ask(name, &ask(version, "g", key_type), version)
                .await?;
        }
    }
    let several = |keys: &[&str], key_type| FindCoordinatorRequest {
        key_type,
        coordinator_keys: keys.iter().map(|k| (*k).into()).collect(),
        ..Default::default()
    };
    for version in 4..=6 {
        side.ask("of several groups", &several(&["g", "", "h"], 0), version)
            .await?;
        side.ask("of a group twice", &several(&["g", "g"], 0), version)
            .await?;
        side.ask("of no group", &several(&[], 0), version).await?;
        side.ask(
            "of a share key",
            &several(&["g:AAAAAAAAAAAAAAAAAAAAAA:0"], 2),
            version,
        )
        .await?;
    }
    side.ask("of a bad share key", &several(&["g"], 2), 6)
        .await?;
    Ok(())
}

pub fn join(group: &str, member: &str, instance: Option<&str>) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 20_000,
        rebalance_timeout_ms: 60_000,
        member_id: member.into(),
        group_instance_id: instance.map(Str::from),
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range")],
        reason: None,
    }
}

fn protocol(name: &str) -> JoinGroupRequestProtocol {
    JoinGroupRequestProtocol {
        name: name.into(),
        metadata: Bytes::from_static(SUBSCRIPTION),
    }
}

pub fn sync(group: &str, member: &str, generation: i32, assign: &[&str]) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: member.into(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assign
            .iter()
            .map(|id| SyncGroupRequestAssignment {
                member_id: (*id).into(),
                assignment: Bytes::from_static(ASSIGNMENT),
            })
            .collect(),
        ..Default::default()
    }
}

/// A request has only the fields of its version.
fn sync_in(version: i16, request: SyncGroupRequest) -> SyncGroupRequest {
    if version >= 5 {
        return request;
    }
    SyncGroupRequest {
        protocol_type: None,
        protocol_name: None,
        ..request
    }
}

pub fn heartbeat(
    group: &str,
    member: &str,
    generation: i32,
    instance: Option<&str>,
) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: member.into(),
        group_instance_id: instance.map(Str::from),
    }
}

fn leave(version: i16, group: &str, members: &[(&str, Option<&str>)]) -> LeaveGroupRequest {
    if version < 3 {
        return LeaveGroupRequest {
            group_id: group.into(),
            member_id: members[0].0.into(),
            members: vec![],
        };
    }
    LeaveGroupRequest {
        group_id: group.into(),
        members: members
            .iter()
            .map(|(id, instance)| MemberIdentity {
                member_id: (*id).into(),
                group_instance_id: instance.map(Str::from),
                reason: (version >= 5).then(|| "done".into()),
            })
            .collect(),
        ..Default::default()
    }
}

/// Joins a group as its only member and gives itself the assignment; its member id. Nothing is recorded.
pub async fn alone(side: &mut Side, group: &str, instance: Option<&str>) -> Result<String> {
    let mut joined = side.quiet(&join(group, "", instance), 9).await?;
    if joined.error_code == 79 {
        joined = side
            .quiet(&join(group, &joined.member_id, instance), 9)
            .await?;
    }
    anyhow::ensure!(joined.error_code == 0, "{group}: {joined:?}");
    let id = joined.member_id.to_string();
    side.learn(&id, &format!("<member of {group}>"));
    let synced = side
        .quiet(&sync(group, &id, joined.generation_id, &[&id]), 5)
        .await?;
    anyhow::ensure!(synced.error_code == 0, "{group}: {synced:?}");
    Ok(id)
}

/// A member from its birth to its end, each request in this version or the nearest there is.
async fn life(side: &mut Side, version: i16) -> Result<()> {
    let group = format!("g-life-{version}");
    let (v4, v5) = (version.min(4), version.min(5));
    side.ask(
        "heartbeat before there is a group",
        &heartbeat(&group, "m", 1, None),
        v4,
    )
    .await?;
    let first = join(&group, "", None);
    let mut joined = side.ask("first", &first, version).await?;
    if version >= 4 {
        side.learn(&joined.member_id, "<A>");
        side.ask(
            "heartbeat of a member to be",
            &heartbeat(&group, &joined.member_id, 0, None),
            v4,
        )
        .await?;
        joined = side
            .ask(
                "with the id",
                &join(&group, &joined.member_id, None),
                version,
            )
            .await?;
    }
    let id = joined.member_id.to_string();
    let generation = joined.generation_id;
    side.learn(&id, "<A>");
    side.ask(
        "heartbeat before sync",
        &heartbeat(&group, &id, generation, None),
        v4,
    )
    .await?;
    side.ask(
        "leader",
        &sync_in(v5, sync(&group, &id, generation, &[&id])),
        v5,
    )
    .await?;
    side.ask(
        "again",
        &sync_in(v5, sync(&group, &id, generation, &[])),
        v5,
    )
    .await?;
    side.ask("stable", &heartbeat(&group, &id, generation, None), v4)
        .await?;
    side.ask(
        "a generation ago",
        &heartbeat(&group, &id, generation - 1, None),
        v4,
    )
    .await?;
    side.ask(
        "described",
        &DescribeGroupsRequest {
            groups: vec![group.as_str().into()],
            ..Default::default()
        },
        version.min(6),
    )
    .await?;
    let again = side
        .ask("once more", &join(&group, &id, None), version)
        .await?;
    side.ask(
        "joined again",
        &heartbeat(&group, &id, again.generation_id, None),
        v4,
    )
    .await?;
    side.ask(
        "next generation",
        &sync_in(v5, sync(&group, &id, again.generation_id, &[&id])),
        v5,
    )
    .await?;
    side.ask("unknown", &leave(v5, &group, &[("nobody", None)]), v5)
        .await?;
    side.ask("gone", &leave(v5, &group, &[(&id, None)]), v5)
        .await?;
    side.ask("gone twice", &leave(v5, &group, &[(&id, None)]), v5)
        .await?;
    side.ask(
        "after the end",
        &heartbeat(&group, &id, generation, None),
        v4,
    )
    .await?;
    side.ask(
        "empty",
        &DescribeGroupsRequest {
            groups: vec![group.as_str().into()],
            ..Default::default()
        },
        version.min(6),
    )
    .await?;
    Ok(())
}

async fn wrong_joins(side: &mut Side) -> Result<()> {
    let id = alone(side, "g-wrong", None).await?;
    let good = join("g-wrong", "", None);
    let cases = [
        ("no group", join("", "", None)),
        ("an unknown member", join("g-wrong", "nobody", None)),
        (
            "an unknown member of an unknown group",
            join("g-nowhere", "nobody", None),
        ),
        (
            "a short session",
            JoinGroupRequest {
                session_timeout_ms: 10,
                ..good.clone()
            },
        ),
        (
            "a long session",
            JoinGroupRequest {
                session_timeout_ms: 10_000_000,
                ..good.clone()
            },
        ),
        (
            "a negative session",
            JoinGroupRequest {
                session_timeout_ms: -1,
                ..good.clone()
            },
        ),
        (
            "another kind of group",
            JoinGroupRequest {
                protocol_type: "connect".into(),
                ..good.clone()
            },
        ),
        (
            "another kind of group, known member",
            JoinGroupRequest {
                protocol_type: "connect".into(),
                ..join("g-wrong", &id, None)
            },
        ),
        (
            "no kind of group",
            JoinGroupRequest {
                protocol_type: "".into(),
                ..good.clone()
            },
        ),
        (
            "no protocols",
            JoinGroupRequest {
                protocols: vec![],
                ..good.clone()
            },
        ),
        (
            "no protocols, a new group",
            JoinGroupRequest {
                protocols: vec![],
                ..join("g-new", "", None)
            },
        ),
        (
            "no kind of group, a new group",
            JoinGroupRequest {
                protocol_type: "".into(),
                ..join("g-new", "", None)
            },
        ),
        (
            "protocols that nobody shares",
            JoinGroupRequest {
                protocols: vec![protocol("sticky")],
                ..good.clone()
            },
        ),
        ("an empty instance", join("g-empty-instance", "", Some(""))),
        ("a bad instance", join("g-bad-instance", "", Some("a b"))),
        (
            "an unknown member of an instance",
            join("g-wrong", "nobody", Some("i")),
        ),
    ];
    for (name, request) in &cases {
        for version in [5, 9] {
            side.ask(name, request, version).await?;
        }
    }
    Ok(())
}

async fn wrong_words(side: &mut Side) -> Result<()> {
    let id = alone(side, "g-words", None).await?;
    let good = sync("g-words", &id, 1, &[]);
    for (name, request) in [
        ("no group", sync("", &id, 1, &[])),
        ("an unknown group", sync("g-nowhere", &id, 1, &[])),
        ("an unknown member", sync("g-words", "nobody", 1, &[])),
        ("an old generation", sync("g-words", &id, 0, &[])),
        ("a generation ahead", sync("g-words", &id, 2, &[])),
        ("no generation", sync("g-words", &id, -1, &[])),
        (
            "another kind",
            SyncGroupRequest {
                protocol_type: Some("connect".into()),
                ..good.clone()
            },
        ),
        (
            "another protocol",
            SyncGroupRequest {
                protocol_name: Some("sticky".into()),
                ..good.clone()
            },
        ),
        (
            "no kind and protocol",
            SyncGroupRequest {
                protocol_name: None,
                protocol_type: None,
                ..good.clone()
            },
        ),
        (
            "an unknown instance",
            SyncGroupRequest {
                group_instance_id: Some("i".into()),
                ..good.clone()
            },
        ),
    ] {
        side.ask(name, &request, 5).await?;
    }
    for (name, request) in [
        ("no group", heartbeat("", &id, 1, None)),
        ("an unknown group", heartbeat("g-nowhere", &id, 1, None)),
        ("an unknown member", heartbeat("g-words", "nobody", 1, None)),
        ("no member", heartbeat("g-words", "", 1, None)),
        ("an old generation", heartbeat("g-words", &id, 0, None)),
        ("a generation ahead", heartbeat("g-words", &id, 9, None)),
        (
            "an unknown instance",
            heartbeat("g-words", &id, 1, Some("i")),
        ),
    ] {
        side.ask(name, &request, 4).await?;
    }
    for (name, group, members) in [
        ("no group", "", vec![(id.as_str(), None)]),
        ("an unknown group", "g-nowhere", vec![(id.as_str(), None)]),
        ("nobody", "g-words", vec![]),
        (
            "an unknown member and an unknown instance",
            "g-words",
            vec![("nobody", None), ("", Some("i"))],
        ),
        (
            "a member by an instance that it is not",
            "g-words",
            vec![(id.as_str(), Some("i"))],
        ),
        (
            "a member twice",
            "g-words",
            vec![(id.as_str(), None), (id.as_str(), None)],
        ),
    ] {
        for version in [3, 5] {
            side.ask(name, &leave(version, group, &members), version)
                .await?;
        }
    }
    Ok(())
}

/// Two members: one joins, the other has to join again, and both go on.
async fn two(side: &mut Side) -> Result<()> {
    const GROUP: &str = "g-two";
    let a = side
        .on(0)
        .quiet(&join(GROUP, "", None), 9)
        .await?
        .member_id
        .to_string();
    let b = side
        .on(1)
        .quiet(&join(GROUP, "", None), 9)
        .await?
        .member_id
        .to_string();
    side.learn(&a, "<A>");
    side.learn(&b, "<B>");
    // Without a delay A begins alone, though B has been given an id; B then makes it begin again.
    side.on(0).ask("A alone", &join(GROUP, &a, None), 9).await?;
    let both = JoinGroupRequest {
        protocols: vec![protocol("sticky"), protocol("range")],
        ..join(GROUP, &b, None)
    };
    side.on(1).send(&both, 9).await?;
    side.settle().await;
    let joined = side.on(0).ask("A again", &join(GROUP, &a, None), 9).await?;
    let generation = joined.generation_id;
    side.on(1)
        .receive::<JoinGroupRequest>("B with A", 9)
        .await?;
    side.on(1)
        .send(&sync(GROUP, &b, generation, &[]), 5)
        .await?;
    side.settle().await;
    side.on(0)
        .ask(
            "before the leader has spoken",
            &heartbeat(GROUP, &a, generation, None),
            4,
        )
        .await?;
    side.on(0)
        .ask(
            "the leader",
            &sync(GROUP, &a, generation, &[&a, "nobody"]),
            5,
        )
        .await?;
    side.on(1)
        .receive::<SyncGroupRequest>("the follower, who is given nothing", 5)
        .await?;
    side.on(0)
        .ask(
            "two members",
            &DescribeGroupsRequest {
                groups: vec![GROUP.into()],
                include_authorized_operations: true,
            },
            6,
        )
        .await?;
    // A follower that joins again with what it said before learns the generation and nothing else happens.
    side.on(1)
        .ask("the follower, nothing new", &both, 9)
        .await?;
    side.on(0)
        .ask("still stable", &heartbeat(GROUP, &a, generation, None), 4)
        .await?;
    // One that says something new begins a rebalance.
    side.on(1).send(&join(GROUP, &b, None), 9).await?;
    side.settle().await;
    side.on(0)
        .ask("a rebalance", &heartbeat(GROUP, &a, generation, None), 4)
        .await?;
    side.on(0)
        .ask("during a rebalance", &sync(GROUP, &a, generation, &[]), 5)
        .await?;
    side.on(0)
        .ask(
            "during a rebalance",
            &DescribeGroupsRequest {
                groups: vec![GROUP.into()],
                ..Default::default()
            },
            6,
        )
        .await?;
    side.on(0)
        .ask("A joins the rebalance", &join(GROUP, &a, None), 9)
        .await?;
    side.on(1)
        .receive::<JoinGroupRequest>("B in the rebalance", 9)
        .await?;
    side.on(0)
        .ask(
            "joined, not synced",
            &DescribeGroupsRequest {
                groups: vec![GROUP.into()],
                ..Default::default()
            },
            6,
        )
        .await?;
    side.on(1)
        .send(&sync(GROUP, &b, generation + 1, &[]), 5)
        .await?;
    side.settle().await;
    // A member that leaves lets the others know.
    side.on(0)
        .ask("A leaves", &leave(5, GROUP, &[(&a, None)]), 5)
        .await?;
    side.on(1)
        .receive::<SyncGroupRequest>("B, whom the leader left", 5)
        .await?;
    side.on(1)
        .ask(
            "B after that",
            &heartbeat(GROUP, &b, generation + 1, None),
            4,
        )
        .await?;
    side.on(1).ask("B alone", &join(GROUP, &b, None), 9).await?;
    side.on(1)
        .ask("B leaves", &leave(5, GROUP, &[(&b, None)]), 5)
        .await?;
    side.on(0);
    Ok(())
}

/// Static members: they keep their place, and who takes it fences the one before.
async fn fixed(side: &mut Side) -> Result<()> {
    const GROUP: &str = "g-fixed";
    for version in [5, 7, 9] {
        let group = &format!("{GROUP}-{version}");
        let first = side
            .ask("instance, first", &join(group, "", Some("i1")), version)
            .await?;
        let a = first.member_id.to_string();
        side.learn(&a, "<first>");
        side.ask("instance", &sync(group, &a, 1, &[&a]), 5).await?;
        side.ask("instance", &heartbeat(group, &a, 1, Some("i1")), 4)
            .await?;
        side.ask("without its instance", &heartbeat(group, &a, 1, None), 4)
            .await?;
        let second = side
            .ask("instance, restarted", &join(group, "", Some("i1")), version)
            .await?;
        let b = second.member_id.to_string();
        side.learn(&b, "<second>");
        side.ask(
            "the one before",
            &heartbeat(group, &a, second.generation_id, Some("i1")),
            4,
        )
        .await?;
        side.ask(
            "the one before",
            &sync(group, &a, second.generation_id, &[]),
            5,
        )
        .await?;
        let fenced = SyncGroupRequest {
            group_instance_id: Some("i1".into()),
            ..sync(group, &a, second.generation_id, &[])
        };
        side.ask("the one before, by instance", &fenced, 5).await?;
        side.ask("the one before", &join(group, &a, Some("i1")), version)
            .await?;
        side.ask(
            "an instance nobody has",
            &join(group, &b, Some("i2")),
            version,
        )
        .await?;
        let own = SyncGroupRequest {
            group_instance_id: Some("i1".into()),
            ..sync(group, &b, second.generation_id, &[&b])
        };
        side.ask("the new one", &own, 5).await?;
        side.ask(
            "the new one",
            &heartbeat(group, &b, second.generation_id, Some("i1")),
            4,
        )
        .await?;
        side.ask(
            "an instance",
            &DescribeGroupsRequest {
                groups: vec![group.as_str().into()],
                ..Default::default()
            },
            6,
        )
        .await?;
        let changed = JoinGroupRequest {
            protocols: vec![protocol("sticky"), protocol("range")],
            ..join(group, "", Some("i1"))
        };
        let third = side
            .ask("instance, restarted with more protocols", &changed, version)
            .await?;
        side.learn(&third.member_id, "<third>");
        side.ask("the one before", &leave(5, group, &[(&b, Some("i1"))]), 5)
            .await?;
        side.ask(
            "an instance without its id",
            &leave(5, group, &[("", Some("i1"))]),
            5,
        )
        .await?;
        side.ask(
            "an instance that has left",
            &leave(5, group, &[("", Some("i1"))]),
            5,
        )
        .await?;
    }
    Ok(())
}
