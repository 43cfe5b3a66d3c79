//! CreateTopics, CreatePartitions, DeleteTopics.

use airis_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use airis_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use airis_protocol::messages::delete_topics_request::DeleteTopicState;
use airis_protocol::messages::*;
use airis_protocol::types::Uuid;
use anyhow::Result;

use crate::ask::*;
use crate::side::Side;

pub async fn play(side: &mut Side) -> Result<()> {
    created(side).await?;
    refused(side).await?;
    grown(side).await?;
    deleted(side).await?;
    named(side).await
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    CreatableTopic {
        assignments: assignments
            .iter()
            .map(|(partition_index, brokers)| CreatableReplicaAssignment {
                partition_index: *partition_index,
                broker_ids: brokers.to_vec(),
            })
            .collect(),
        ..topic(name, -1, -1, &[])
    }
}

async fn created(side: &mut Side) -> Result<()> {
    side.all("one", |v| {
        create(vec![topic(
            &format!("t-v{v}"),
            2,
            1,
            &[("retention.ms", "1000000000")],
        )])
    })
    .await?;
    side.all("one that exists", |v| {
        create(vec![topic(&format!("t-v{v}"), 2, 1, &[])])
    })
    .await?;
    side.all("only validated", |_| CreateTopicsRequest {
        validate_only: true,
        ..create(vec![topic("t-dry", 3, 1, &[])])
    })
    .await?;
    side.all("only validated, one that exists", |_| CreateTopicsRequest {
        validate_only: true,
        ..create(vec![topic("t-v7", 3, 1, &[])])
    })
    .await?;
    side.all("by defaults", |v| {
        create(vec![topic(&format!("t-default-v{v}"), -1, -1, &[])])
    })
    .await?;
    side.all("by hand", |v| {
        create(vec![assigned(
            &format!("t-hand-v{v}"),
            &[(0, &[1]), (1, &[1])],
        )])
    })
    .await?;
    side.all("several, some wrong", |v| {
        create(vec![
            topic(&format!("t-first-v{v}"), 1, 1, &[]),
            topic("t bad", 1, 1, &[]),
            topic(&format!("t-last-v{v}"), 0, 1, &[]),
        ])
    })
    .await?;
    let streams = topic(
        "t-streams",
        1,
        1,
        &[
            ("cleanup.policy", "compact,delete"),
            ("segment.bytes", "1048576"),
            ("min.cleanable.dirty.ratio", "0.1"),
        ],
    );
    side.ask("as Kafka Streams does", &create(vec![streams]), 7)
        .await?;
    let all = side
        .quiet(
            &metadata(&["t-streams", "t-v7", "t-hand-v7", "t-default-v7"]),
            13,
        )
        .await?;
    for seen in &all.topics {
        if let Some(name) = &seen.name {
            side.learn(&seen.topic_id.to_string(), &format!("<id of {name}>"));
        }
    }
    side.settle().await;
    side.ask(
        "what was created",
        &metadata(&[
            "t-streams",
            "t-v7",
            "t-hand-v7",
            "t-default-v7",
            "t-dry",
            "t-last-v7",
        ]),
        13,
    )
    .await?;
    Ok(())
}

async fn refused(side: &mut Side) -> Result<()> {
    let long = "x".repeat(250);
    let longest = "y".repeat(249);
    let null = CreatableTopic {
        configs: vec![CreatableTopicConfig {
            name: "retention.ms".into(),
            value: None,
        }],
        ..topic("t-null", 1, 1, &[])
    };
    let both = CreatableTopic {
        num_partitions: 2,
        replication_factor: 1,
        ..assigned("t-both", &[(0, &[1])])
    };
    let count_too = CreatableTopic {
        num_partitions: 1,
        ..assigned("t-count", &[(0, &[1])])
    };
    let cases = vec![
        ("no partitions", vec![topic("t-x", 0, 1, &[])]),
        ("negative partitions", vec![topic("t-x", -2, 1, &[])]),
        ("too many partitions", vec![topic("t-x", 10_001, 1, &[])]),
        ("no replicas", vec![topic("t-x", 1, 0, &[])]),
        ("negative replicas", vec![topic("t-x", 1, -2, &[])]),
        ("more replicas than brokers", vec![topic("t-x", 1, 2, &[])]),
        ("an empty name", vec![topic("", 1, 1, &[])]),
        ("a name of one dot", vec![topic(".", 1, 1, &[])]),
        ("a name of two dots", vec![topic("..", 1, 1, &[])]),
        ("a name with a slash", vec![topic("a/b", 1, 1, &[])]),
        ("a name with an umlaut", vec![topic("t-ä", 1, 1, &[])]),
        ("a name too long", vec![topic(&long, 1, 1, &[])]),
        ("a name just not too long", vec![topic(&longest, 1, 1, &[])]),
        (
            "a topic twice",
            vec![topic("t-x", 1, 1, &[]), topic("t-x", 1, 1, &[])],
        ),
        (
            "a topic twice and another",
            vec![
                topic("t-x", 1, 1, &[]),
                topic("t-x", 2, 1, &[]),
                topic("t-other", 1, 1, &[]),
            ],
        ),
        ("a name with a dot", vec![topic("t.one", 1, 1, &[])]),
        (
            "a name that collides with one there",
            vec![topic("t_one", 1, 1, &[])],
        ),
        ("nothing at all", vec![]),
        (
            "an internal topic",
            vec![topic("__consumer_offsets", 1, 1, &[])],
        ),
        (
            "the metadata topic",
            vec![topic("__cluster_metadata", 1, 1, &[])],
        ),
        ("by hand with counts", vec![both]),
        ("by hand with a count", vec![count_too]),
        (
            "by hand with a gap",
            vec![assigned("t-x", &[(0, &[1]), (2, &[1])])],
        ),
        ("by hand from one on", vec![assigned("t-x", &[(1, &[1])])]),
        (
            "by hand to an unknown broker",
            vec![assigned("t-x", &[(0, &[9])])],
        ),
        (
            "by hand to a broker twice",
            vec![assigned("t-x", &[(0, &[1, 1])])],
        ),
        ("by hand to no broker", vec![assigned("t-x", &[(0, &[])])]),
        (
            "by hand a partition twice",
            vec![assigned("t-x", &[(0, &[1]), (0, &[1])])],
        ),
        (
            "by hand unevenly",
            vec![assigned("t-x", &[(0, &[1]), (1, &[1, 2])])],
        ),
        (
            "by hand to a negative broker",
            vec![assigned("t-x", &[(0, &[-1])])],
        ),
        ("a config without a value", vec![null]),
        (
            "an unknown config",
            vec![topic("t-x", 1, 1, &[("no.such.config", "1")])],
        ),
        (
            "a config twice",
            vec![topic(
                "t-twice",
                1,
                1,
                &[("retention.ms", "1"), ("retention.ms", "2")],
            )],
        ),
    ];
    for (name, topics) in cases {
        side.ask(name, &create(topics), 7).await?;
    }
    let colliding = CreateTopicsRequest {
        validate_only: true,
        ..create(vec![topic("t.same", 1, 1, &[]), topic("t_same", 1, 1, &[])])
    };
    side.ask("names that differ in dot and underscore", &colliding, 7)
        .await?;
    for (name, value) in [
        ("retention.ms", "soon"),
        ("retention.ms", "-2"),
        ("retention.ms", ""),
        ("retention.ms", " 5 "),
        ("cleanup.policy", "compress"),
        ("cleanup.policy", ""),
        ("cleanup.policy", "delete,delete"),
        ("cleanup.policy", "none"),
        ("segment.bytes", "13"),
        ("segment.bytes", "1048575"),
        ("segment.bytes", "2147483648"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.cleanable.dirty.ratio", "half"),
        ("compression.type", "rar"),
        ("compression.gzip.level", "10"),
        ("compression.gzip.level", "0"),
        ("compression.zstd.level", "23"),
        ("compression.lz4.level", "18"),
        ("message.timestamp.type", "Never"),
        ("unclean.leader.election.enable", "maybe"),
        ("unclean.leader.election.enable", "TRUE"),
        ("min.insync.replicas", "0"),
        ("max.message.bytes", "-1"),
        ("message.format.version", "3.0"),
        ("message.downconversion.enable", "true"),
        ("message.timestamp.difference.max.ms", "1"),
        ("message.timestamp.before.max.ms", "-1"),
        ("leader.replication.throttled.replicas", "1"),
        ("leader.replication.throttled.replicas", "*"),
        ("leader.replication.throttled.replicas", "0:1,1:2"),
        ("remote.storage.enable", "true"),
        ("local.retention.ms", "5"),
        ("local.retention.bytes", "-3"),
        ("max.compaction.lag.ms", "0"),
        ("min.compaction.lag.ms", "-1"),
        ("segment.ms", "0"),
        ("delete.retention.ms", "-1"),
        ("flush.messages", "0"),
        ("index.interval.bytes", "-1"),
        ("preallocate", "yes"),
        ("retention.bytes", "-2"),
    ] {
        let name_of = format!("{name}={value}");
        let request = CreateTopicsRequest {
            validate_only: true,
            ..create(vec![topic("t-config", 1, 1, &[(name, value)])])
        };
        side.ask(&name_of, &request, 7).await?;
    }
    for (name, configs) in [
        (
            "min lag above max lag",
            [
                ("min.compaction.lag.ms", "10"),
                ("max.compaction.lag.ms", "5"),
            ],
        ),
        (
            "local retention above retention",
            [("retention.ms", "5"), ("local.retention.ms", "10")],
        ),
    ] {
        let request = CreateTopicsRequest {
            validate_only: true,
            ..create(vec![topic("t-config", 1, 1, &configs)])
        };
        side.ask(name, &request, 7).await?;
    }
    Ok(())
}

async fn grown(side: &mut Side) -> Result<()> {
    side.make("t-grow", 2, &[]).await?;
    let grow = |name: &str, count, assignments: Option<&[&[i32]]>| CreatePartitionsRequest {
        topics: vec![CreatePartitionsTopic {
            name: name.into(),
            count,
            assignments: assignments.map(|all| {
                all.iter()
                    .map(|brokers| CreatePartitionsAssignment {
                        broker_ids: brokers.to_vec(),
                    })
                    .collect()
            }),
        }],
        timeout_ms: TIMEOUT_MS,
        validate_only: false,
    };
    side.all("only validated", |_| CreatePartitionsRequest {
        validate_only: true,
        ..grow("t-grow", 5, None)
    })
    .await?;
    side.all("one more", |v| grow("t-grow", 3 + i32::from(v), None))
        .await?;
    const TO_ONE: &[&[i32]] = &[&[1]];
    const TO_TWO: &[&[i32]] = &[&[1], &[1]];
    for (name, topic, count, assignments) in [
        ("as many as there are", "t-grow", 6, None),
        ("fewer", "t-grow", 1, None),
        ("none", "t-grow", 0, None),
        ("negative", "t-grow", -1, None),
        ("an unknown topic", "t-no", 3, None),
        ("an empty name", "", 3, None),
        ("a bad name", "t no", 3, None),
        ("by hand", "t-grow", 7, Some(TO_ONE)),
        ("by hand too few", "t-grow", 9, Some(TO_ONE)),
        ("by hand too many", "t-grow", 8, Some(TO_TWO)),
        ("by hand none", "t-grow", 8, Some(&[])),
        ("by hand to an unknown broker", "t-grow", 8, Some(&[&[7]])),
        ("by hand to no broker", "t-grow", 8, Some(&[&[]])),
        ("by hand to a broker twice", "t-grow", 8, Some(&[&[1, 1]])),
        ("by hand with more replicas", "t-grow", 8, Some(&[&[1, 2]])),
        ("an internal topic", "__consumer_offsets", 3, None),
    ] {
        side.ask(name, &grow(topic, count, assignments), 3).await?;
    }
    let many = CreatePartitionsRequest {
        validate_only: true,
        ..grow("t-grow", 100_000, None)
    };
    side.ask("far too many, only validated", &many, 3).await?;
    let mut twice = grow("t-grow", 9, None);
    twice.topics.push(twice.topics[0].clone());
    side.ask("a topic twice", &twice, 3).await?;
    twice.topics.clear();
    side.ask("nothing", &twice, 3).await?;
    side.settle().await;
    side.ask("what has grown", &metadata(&["t-grow"]), 13)
        .await?;
    Ok(())
}

async fn deleted(side: &mut Side) -> Result<()> {
    let by_name = |names: &[&str]| DeleteTopicsRequest {
        topic_names: names.iter().map(|n| (*n).into()).collect(),
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    let by_state = |states: &[(Option<&str>, Uuid)]| DeleteTopicsRequest {
        topics: states
            .iter()
            .map(|(name, topic_id)| DeleteTopicState {
                name: name.map(Into::into),
                topic_id: *topic_id,
            })
            .collect(),
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    for v in 1..=6 {
        side.make(&format!("t-gone-{v}"), 1, &[]).await?;
    }
    for version in 1..=6 {
        let ask = |names: &[&str]| match version {
            6 => by_state(
                &names
                    .iter()
                    .map(|n| (Some(*n), Uuid::ZERO))
                    .collect::<Vec<_>>(),
            ),
            _ => by_name(names),
        };
        let gone = format!("t-gone-{version}");
        side.ask("one", &ask(&[&gone]), version).await?;
        side.ask(
            "one that is gone, and one that never was",
            &ask(&[&gone, "t-never"]),
            version,
        )
        .await?;
        side.ask("a topic twice", &ask(&["t-never", "t-never"]), version)
            .await?;
        side.ask("bad names", &ask(&["", "a b"]), version).await?;
        side.ask("nothing", &ask(&[]), version).await?;
    }
    let a = side.make("t-gone-a", 1, &[]).await?;
    let b = side.make("t-gone-b", 1, &[]).await?;
    for (name, states) in [
        ("by id and name", vec![(Some("t-gone-a"), a)]),
        ("by nothing", vec![(None, Uuid::ZERO)]),
        ("by an unknown id", vec![(None, Uuid(0x1234_5678_9abc))]),
        (
            "by id and by name",
            vec![(None, b), (Some("t-gone-b"), Uuid::ZERO)],
        ),
        ("by id twice", vec![(None, b), (None, b)]),
        ("by id", vec![(None, a)]),
        ("by id again", vec![(None, a)]),
    ] {
        side.ask(name, &by_state(&states), 6).await?;
    }
    side.settle().await;
    side.ask("what was deleted", &metadata(&["t-gone-a", "t-gone-1"]), 13)
        .await?;
    Ok(())
}

/// Topics that come to be because somebody names them.
async fn named(side: &mut Side) -> Result<()> {
    for version in [4, 9, 13] {
        let request = MetadataRequest {
            allow_auto_topic_creation: true,
            ..metadata(&[&format!("t-auto-{version}")])
        };
        side.ask("a topic that is made by naming it", &request, version)
            .await?;
        side.usable(&format!("t-auto-{version}"), 1).await?;
        side.ask("a topic that was made by naming it", &request, version)
            .await?;
    }
    for bad in ["t auto", "", ".."] {
        let request = MetadataRequest {
            allow_auto_topic_creation: true,
            ..metadata(&[bad])
        };
        side.ask(
            &format!("a topic that cannot be made, {bad:?}"),
            &request,
            13,
        )
        .await?;
    }
    Ok(())
}
