//! OffsetCommit, OffsetFetch, OffsetDelete, ListGroups, DescribeGroups, DeleteGroups.

use airis_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use airis_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use airis_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use airis_protocol::messages::*;
use airis_protocol::types::{Str, Uuid};
use anyhow::Result;

use super::members::alone;
use crate::side::Side;

pub async fn play(side: &mut Side) -> Result<()> {
    let id = side.make("g-t", 3, &[]).await?;
    committed(side, id).await?;
    wrong(side, id).await?;
    forgotten(side).await?;
    listed(side).await?;
    deleted(side).await
}

/// A commit of one partition from outside of any generation, by name or id as the version has it.
fn commit(
    version: i16,
    group: &str,
    name: &str,
    id: Uuid,
    partition: i32,
    offset: i64,
    metadata: Option<&str>,
) -> OffsetCommitRequest {
    let by_id = version >= 10;
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: if by_id { Str::default() } else { name.into() },
            topic_id: if by_id { id } else { Uuid::ZERO },
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: partition,
                committed_offset: offset,
                committed_leader_epoch: if version >= 6 { 3 } else { -1 },
                committed_metadata: metadata.map(Into::into),
            }],
        }],
        ..Default::default()
    }
}

/// What a group has committed, for some partitions of a topic or for all.
fn fetch(version: i16, group: &str, topics: Option<&[(&str, Uuid, &[i32])]>) -> OffsetFetchRequest {
    if version < 8 {
        return OffsetFetchRequest {
            group_id: group.into(),
            topics: topics.map(|all| {
                all.iter()
                    .map(|(name, _, partitions)| OffsetFetchRequestTopic {
                        name: (*name).into(),
                        partition_indexes: partitions.to_vec(),
                    })
                    .collect()
            }),
            ..Default::default()
        };
    }
    let by_id = version >= 10;
    OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: group.into(),
            member_id: None,
            member_epoch: -1,
            topics: topics.map(|all| {
                all.iter()
                    .map(|(name, id, partitions)| OffsetFetchRequestTopics {
                        name: if by_id {
                            Str::default()
                        } else {
                            (*name).into()
                        },
                        topic_id: if by_id { *id } else { Uuid::ZERO },
                        partition_indexes: partitions.to_vec(),
                    })
                    .collect()
            }),
        }],
        ..Default::default()
    }
}

async fn committed(side: &mut Side, id: Uuid) -> Result<()> {
    side.all("nothing yet", |v| {
        fetch(v, "g-none", Some(&[("g-t", id, &[0, 1])]))
    })
    .await?;
    side.all("one", |v| {
        commit(v, &format!("g-commit-{v}"), "g-t", id, 0, 7, Some("note"))
    })
    .await?;
    for version in 2..=10 {
        side.ask(
            "one without a note",
            &commit(
                version,
                &format!("g-commit-{version}"),
                "g-t",
                id,
                1,
                9,
                None,
            ),
            version,
        )
        .await?;
        let again = commit(
            version,
            &format!("g-commit-{version}"),
            "g-t",
            id,
            0,
            5,
            Some(""),
        );
        side.ask("an earlier offset", &again, version).await?;
    }
    side.all("some", |v| {
        fetch(v, "g-commit-6", Some(&[("g-t", id, &[0, 1, 2])]))
    })
    .await?;
    side.all("all", |v| fetch(v, "g-commit-6", None)).await?;
    side.all("none", |v| fetch(v, "g-commit-6", Some(&[])))
        .await?;
    side.all("an unknown topic", |v| {
        fetch(v, "g-commit-6", Some(&[("g-no", Uuid(0x3333), &[0])]))
    })
    .await?;
    side.all("an unknown partition", |v| {
        fetch(v, "g-commit-6", Some(&[("g-t", id, &[7, -1])]))
    })
    .await?;
    side.all("no group", |v| fetch(v, "", Some(&[("g-t", id, &[0])])))
        .await?;
    side.all("stable only", |v| OffsetFetchRequest {
        require_stable: v >= 7,
        ..fetch(v, "g-commit-6", None)
    })
    .await?;
    for version in 8..=10 {
        let mut several = fetch(version, "g-commit-6", None);
        several.groups.extend(fetch(version, "g-none", None).groups);
        several.groups.extend(fetch(version, "", None).groups);
        side.ask("several groups", &several, version).await?;
        several.groups.truncate(1);
        several.groups.push(several.groups[0].clone());
        side.ask("a group twice", &several, version).await?;
        several.groups.clear();
        side.ask("no groups", &several, version).await?;
    }
    for (name, member, epoch) in [
        ("as an unknown member", Some("nobody"), 3),
        ("as nobody with an epoch", None, 3),
        ("as no member", Some(""), -1),
    ] {
        let mut request = fetch(9, "g-commit-6", None);
        (request.groups[0].member_id, request.groups[0].member_epoch) =
            (member.map(Into::into), epoch);
        side.ask(name, &request, 9).await?;
    }
    Ok(())
}

async fn wrong(side: &mut Side, id: Uuid) -> Result<()> {
    let long = "n".repeat(5000);
    let longest = "n".repeat(4096);
    for version in [2, 9, 10] {
        for (name, topic, topic_id, partition, offset, metadata) in [
            ("a negative offset", "g-t", id, 0, -5, None),
            ("offset -1", "g-t", id, 0, -1, None),
            ("the greatest offset", "g-t", id, 2, i64::MAX, None),
            ("a long note", "g-t", id, 0, 1, Some(long.as_str())),
            (
                "a note just not too long",
                "g-t",
                id,
                2,
                1,
                Some(longest.as_str()),
            ),
            ("an unknown topic", "g-no", Uuid(0x2222), 0, 1, None),
            ("an unknown partition", "g-t", id, 9, 1, None),
            ("a negative partition", "g-t", id, -1, 1, None),
            ("no topic", "", Uuid::ZERO, 0, 1, None),
        ] {
            side.ask(
                name,
                &commit(
                    version, "g-odd", topic, topic_id, partition, offset, metadata,
                ),
                version,
            )
            .await?;
        }
        side.ask(
            "what is left of it",
            &fetch(version.min(9), "g-odd", None),
            version.min(9),
        )
        .await?;
    }
    let member = alone(side, "g-live", None).await?;
    let as_member =
        |group: &str, member: &str, generation, instance: Option<&str>| OffsetCommitRequest {
            generation_id_or_member_epoch: generation,
            member_id: member.into(),
            group_instance_id: instance.map(Into::into),
            ..commit(9, group, "g-t", id, 0, 4, None)
        };
    for (name, group, who, generation, instance) in [
        ("as the member", "g-live", member.as_str(), 1, None),
        (
            "as the member of an old generation",
            "g-live",
            &member,
            0,
            None,
        ),
        (
            "as the member of a generation to come",
            "g-live",
            &member,
            2,
            None,
        ),
        (
            "as the member without a generation",
            "g-live",
            &member,
            -1,
            None,
        ),
        ("as an unknown member", "g-live", "nobody", 1, None),
        ("as nobody with a generation", "g-live", "", 1, None),
        ("as nobody", "g-live", "", -1, None),
        ("as an unknown instance", "g-live", &member, 1, Some("i")),
        (
            "as a member of an unknown group",
            "g-nowhere",
            &member,
            1,
            None,
        ),
        (
            "as nobody with a generation, of an unknown group",
            "g-nowhere",
            "",
            1,
            None,
        ),
        ("no group", "", "", -1, None),
    ] {
        for version in [1, 7, 9] {
            if version < 7 && instance.is_some() {
                continue;
            }
            let mut request = as_member(group, who, generation, instance);
            request.topics[0].partitions[0].committed_leader_epoch = -1;
            match airis_protocol::wire::Message::to_bytes(&request, version) {
                Ok(_) => side.ask(name, &request, version).await?,
                Err(_) => continue,
            };
        }
    }
    let mut several = commit(9, "g-several", "g-t", id, 0, 4, None);
    several
        .topics
        .push(commit(9, "", "g-no", id, 0, 4, None).topics.remove(0));
    several.topics[0]
        .partitions
        .push(OffsetCommitRequestPartition {
            partition_index: 8,
            committed_offset: 1,
            ..Default::default()
        });
    side.ask("several, some unknown", &several, 9).await?;
    side.ask(
        "nothing",
        &OffsetCommitRequest {
            topics: vec![],
            ..several.clone()
        },
        9,
    )
    .await?;
    several.topics[0].partitions.truncate(1);
    several.topics.truncate(1);
    several
        .topics
        .push(commit(9, "", "g-t", id, 0, 6, None).topics.remove(0));
    side.ask("a partition twice", &several, 9).await?;
    side.ask("which of the two", &fetch(9, "g-several", None), 9)
        .await?;
    Ok(())
}

async fn forgotten(side: &mut Side) -> Result<()> {
    let forget = |group: &str, topic: &str, partitions: &[i32]| OffsetDeleteRequest {
        group_id: group.into(),
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.into(),
            partitions: partitions
                .iter()
                .map(|p| OffsetDeleteRequestPartition {
                    partition_index: *p,
                })
                .collect(),
        }],
    };
    for (name, group, topic, partitions) in [
        ("one", "g-commit-6", "g-t", &[1][..]),
        ("one again", "g-commit-6", "g-t", &[1]),
        (
            "one that is there and one that is not",
            "g-commit-6",
            "g-t",
            &[0, 9],
        ),
        ("an unknown topic", "g-commit-6", "g-no", &[0]),
        ("an unknown group", "g-nowhere", "g-t", &[0]),
        ("no group", "", "g-t", &[0]),
        ("a topic that a member reads", "g-live", "g-t", &[0]),
        ("a topic that no member reads", "g-live", "c-a", &[0]),
        ("no partitions", "g-commit-7", "g-t", &[]),
    ] {
        side.ask(name, &forget(group, topic, partitions), 0).await?;
    }
    side.ask(
        "nothing",
        &OffsetDeleteRequest {
            group_id: "g-commit-7".into(),
            topics: vec![],
        },
        0,
    )
    .await?;
    side.ask("what is left", &fetch(9, "g-commit-6", None), 9)
        .await?;
    Ok(())
}

async fn listed(side: &mut Side) -> Result<()> {
    side.all("all", |_| ListGroupsRequest::default()).await?;
    for (name, states, types) in [
        ("stable ones", &["Stable"][..], &[][..]),
        ("stable ones, in small letters", &["stable"], &[]),
        ("empty ones", &["Empty"], &[]),
        ("two states", &["Stable", "Empty"], &[]),
        ("an unknown state", &["Happy"], &[]),
        ("no state's name", &[""], &[]),
        ("dead ones", &["Dead"], &[]),
        ("classic ones", &[], &["classic"]),
        ("classic ones, in capitals", &[], &["CLASSIC"]),
        ("consumer ones", &[], &["consumer"]),
        ("an unknown type", &[], &["happy"]),
        ("stable classic ones", &["Stable"], &["classic"]),
    ] {
        let request = ListGroupsRequest {
            states_filter: states.iter().map(|s| (*s).into()).collect(),
            types_filter: types.iter().map(|s| (*s).into()).collect(),
        };
        side.ask(name, &request, 5).await?;
        if types.is_empty() {
            side.ask(name, &request, 4).await?;
        }
    }
    let describe = |groups: &[&str], operations| DescribeGroupsRequest {
        groups: groups.iter().map(|g| (*g).into()).collect(),
        include_authorized_operations: operations,
    };
    side.all("live, simple, unknown, unnamed", |_| {
        describe(&["g-live", "g-commit-7", "g-nowhere", ""], false)
    })
    .await?;
    side.all("with operations", |v| {
        describe(&["g-live", "g-nowhere"], v >= 3)
    })
    .await?;
    side.all("a group twice", |_| describe(&["g-live", "g-live"], false))
        .await?;
    side.all("no groups", |_| describe(&[], false)).await?;
    Ok(())
}

async fn deleted(side: &mut Side) -> Result<()> {
    let delete = |groups: &[&str]| DeleteGroupsRequest {
        groups_names: groups.iter().map(|g| (*g).into()).collect(),
    };
    side.all("simple, live, unknown, unnamed", |v| {
        delete(&[&format!("g-commit-{v}"), "g-live", "g-nowhere", ""])
    })
    .await?;
    side.all("a group twice", |v| {
        delete(&[
            &format!("g-commit-{}", v + 3),
            &format!("g-commit-{}", v + 3),
        ])
    })
    .await?;
    side.all("no groups", |_| delete(&[])).await?;
    side.ask("an empty group that had members", &delete(&["g-life-9"]), 2)
        .await?;
    side.ask(
        "one that was deleted",
        &DescribeGroupsRequest {
            groups: vec!["g-life-9".into(), "g-commit-5".into()],
            ..Default::default()
        },
        6,
    )
    .await?;
    side.ask("of one that was deleted", &fetch(9, "g-commit-5", None), 9)
        .await?;
    Ok(())
}
