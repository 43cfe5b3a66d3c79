//! Where replicas lie: CreateTopics and CreatePartitions by hand, AlterPartitionReassignments, ListPartitionReassignments, ElectLeaders.

use airis_protocol::messages::*;
use anyhow::Result;

use super::replicas::{elect, reassign};
use crate::ask::*;
use crate::three::*;

pub async fn play(three: &mut Three) -> Result<()> {
    // Broker 8 is there and fenced, broker 9 lives and never fetches, broker 77 is not there.
    let eight = three.register(8).await?;
    let fence = BrokerHeartbeatRequest {
        want_fence: true,
        ..beat(8, eight)
    };
    three.active().quiet(&fence, 1).await?;
    let nine = three.register(9).await?;
    three.unfence(9, nine).await?;
    created(three).await?;
    grown(three).await?;
    moved(three).await?;
    elected(three).await
}

async fn created(three: &mut Three) -> Result<()> {
    const SOME_FENCED: &[i32] = &[1, 8];
    let cases: &[(&str, &[&[i32]])] = &[
        ("to a fenced broker", &[&[8]]),
        ("to a fenced broker first", &[&[8, 1]]),
        ("to a fenced broker too", &[SOME_FENCED]),
        ("to an unknown broker too", &[&[1, 77]]),
        ("to a negative broker too", &[&[1, -2]]),
        ("to a broker twice", &[&[1, 2, 1]]),
        ("to nobody", &[&[1], &[]]),
        ("unevenly", &[&[1, 2], &[3]]),
        ("evenly", &[&[1, 2], &[3, 1], &[2, 3]]),
    ];
    for (name, replicas) in cases {
        let dry = CreateTopicsRequest {
            validate_only: true,
            ..create(vec![assigned("a-dry", replicas, &[])])
        };
        three
            .broker(3)
            .ask(&format!("{name}, only validated"), &dry, 7)
            .await?;
        let topic = format!("a-{}", name.replace(' ', "-"));
        three
            .broker(3)
            .ask(name, &create(vec![assigned(&topic, replicas, &[])]), 7)
            .await?;
    }
    for (name, _) in cases {
        let topic = format!("a-{}", name.replace(' ', "-"));
        three.broker(3).quiet(&metadata(&[&topic]), 13).await?;
    }
    three
        .until(3, "a-to-a-fenced-broker-too", |p| p.leader_id == 1)
        .await?;
    three.until(3, "a-evenly", |p| p.leader_id == 1).await?;
    let made = [
        "a-to-a-fenced-broker-first",
        "a-to-a-fenced-broker-too",
        "a-evenly",
    ];
    three
        .broker(3)
        .ask("what was made by hand", &metadata(&made), 13)
        .await?;
    three.name_any_controller();
    for replicas in [4, 5, 6, 77] {
        let request = CreateTopicsRequest {
            validate_only: true,
            ..create(vec![topic("a-many", 1, replicas, &[])])
        };
        three
            .broker(1)
            .ask(&format!("{replicas} replicas"), &request, 7)
            .await?;
    }
    let dry = CreateTopicsRequest {
        validate_only: true,
        ..create(vec![
            topic("a-three", 4, 3, &[]),
            topic("a-default", -1, -1, &[]),
        ])
    };
    three.broker(1).ask("three replicas", &dry, 7).await?;
    Ok(())
}

async fn grown(three: &mut Three) -> Result<()> {
    three.make("a-grow", &[&[1, 2]], &[]).await?;
    let grow = |count, assignments: &[&[i32]], validate_only| CreatePartitionsRequest {
        topics: vec![create_partitions_request::CreatePartitionsTopic {
            name: "a-grow".into(),
            count,
            assignments: Some(
                assignments
                    .iter()
                    .map(
                        |ids| create_partitions_request::CreatePartitionsAssignment {
                            broker_ids: ids.to_vec(),
                        },
                    )
                    .collect(),
            ),
        }],
        timeout_ms: TIMEOUT_MS,
        validate_only,
    };
    let cases: &[(&str, i32, &[&[i32]])] = &[
        ("to a fenced broker", 2, &[&[8, 1]]),
        ("to a fenced broker alone", 2, &[&[8]]),
        ("to an unknown broker", 2, &[&[1, 77]]),
        ("to a broker twice", 2, &[&[2, 2]]),
        ("with fewer replicas", 2, &[&[2]]),
        ("with more replicas", 2, &[&[1, 2, 3]]),
        ("two unevenly", 3, &[&[1, 2], &[3]]),
        ("too few", 4, &[&[1, 2]]),
        ("two evenly", 3, &[&[3, 2], &[2, 1]]),
    ];
    for (name, count, assignments) in cases {
        three
            .broker(2)
            .ask(
                &format!("{name}, only validated"),
                &grow(*count, assignments, true),
                3,
            )
            .await?;
        if *name != "to a fenced broker" {
            three
                .broker(2)
                .ask(name, &grow(*count, assignments, false), 3)
                .await?;
        }
    }
    for _ in 0..100 {
        let seen = three.broker(3).quiet(&metadata(&["a-grow"]), 13).await?;
        if seen.topics[0].partitions.len() == 3 {
            break;
        }
        three.side.settle().await;
    }
    three
        .broker(3)
        .ask("what has grown by hand", &metadata(&["a-grow"]), 13)
        .await?;
    three.name_any_controller();
    Ok(())
}

fn list(topics: Option<&[(&str, &[i32])]>) -> ListPartitionReassignmentsRequest {
    let topics = topics.map(|topics| {
        topics
            .iter()
            .map(|(name, partitions)| {
                list_partition_reassignments_request::ListPartitionReassignmentsTopics {
                    name: (*name).into(),
                    partition_indexes: partitions.to_vec(),
                }
            })
            .collect()
    });
    ListPartitionReassignmentsRequest {
        timeout_ms: TIMEOUT_MS,
        topics,
    }
}

async fn moved(three: &mut Three) -> Result<()> {
    three.make("a-move", &[&[1, 2], &[2, 3]], &[]).await?;
    let cases: &[(&str, i32, Option<&[i32]>)] = &[
        ("to nobody", 0, Some(&[])),
        ("to one twice", 0, Some(&[1, 1])),
        ("to an unknown one", 0, Some(&[1, 77])),
        ("to a negative one", 0, Some(&[1, -1])),
        ("of an unknown partition", 7, Some(&[1, 2])),
        ("of a negative partition", -1, Some(&[1, 2])),
        ("an end of none", 0, None),
        ("an end of none, of an unknown partition", 7, None),
        ("to where it is", 0, Some(&[1, 2])),
    ];
    for (name, partition, replicas) in cases {
        for version in 0..=1 {
            let request = reassign("a-move", *partition, *replicas);
            three.broker(3).ask(name, &request, version).await?;
        }
    }
    three
        .broker(3)
        .ask("of an unknown topic", &reassign("a-no", 0, Some(&[1])), 1)
        .await?;
    three
        .broker(3)
        .ask("an end of an unknown topic", &reassign("a-no", 0, None), 1)
        .await?;
    three
        .broker(3)
        .ask(
            "of nothing",
            &AlterPartitionReassignmentsRequest {
                timeout_ms: TIMEOUT_MS,
                ..Default::default()
            },
            1,
        )
        .await?;
    let mut twice = reassign("a-move", 0, Some(&[1, 2]));
    let again = twice.topics[0].partitions[0].clone();
    twice.topics[0].partitions.push(again);
    three
        .broker(3)
        .ask("of a partition twice", &twice, 1)
        .await?;
    for replicas in [&[1, 2, 3][..], &[1]] {
        let request = AlterPartitionReassignmentsRequest {
            allow_replication_factor_change: false,
            ..reassign("a-move", 0, Some(replicas))
        };
        three
            .broker(3)
            .ask(
                &format!("to {} replicas, which is not allowed", replicas.len()),
                &request,
                1,
            )
            .await?;
    }
    for (name, topics) in [
        ("all, with none under way", None),
        ("of one", Some(&[("a-move", &[0, 1][..])][..])),
        ("of an unknown topic", Some(&[("a-no", &[0][..])][..])),
        ("of an unknown partition", Some(&[("a-move", &[7][..])][..])),
        ("of no partition", Some(&[("a-move", &[][..])][..])),
        ("of nothing", Some(&[][..])),
    ] {
        three.broker(3).ask(name, &list(topics), 0).await?;
    }
    // To a broker that never fetches: it stays under way until somebody ends it.
    let one: &[(&str, &[i32])] = &[("a-move", &[0])];
    for (name, replicas) in [
        ("to one that does not come", Some(&[9, 2][..])),
        ("the same once more", Some(&[9, 2])),
        ("an end of one under way", None),
        ("to one more that does not come", Some(&[1, 2, 9])),
        ("an end of that", None),
        ("an end of one that has ended", None),
        ("to another order", Some(&[2, 1])),
    ] {
        three
            .broker(3)
            .ask(name, &reassign("a-move", 0, replicas), 1)
            .await?;
        for _ in 0..3 {
            three.side.settle().await;
        }
        three
            .broker(3)
            .ask(&format!("all after {name:?}"), &list(None), 0)
            .await?;
        three
            .broker(3)
            .ask(&format!("it after {name:?}"), &list(Some(one)), 0)
            .await?;
        three
            .broker(1)
            .ask(&format!("after {name:?}"), &metadata(&["a-move"]), 13)
            .await?;
        three.name_any_controller();
        three
            .broker(1)
            .ask(&format!("after {name:?}"), &described(&["a-move"]), 0)
            .await?;
    }
    // The next one while one is under way: the answers only, for in Kafka its replicas count as those that are there.
    three.make("a-again", &[&[1, 2]], &[]).await?;
    for (name, replicas) in [
        ("under way", Some(&[9, 2][..])),
        ("instead of one under way, to a fenced one", Some(&[9, 8])),
        ("instead of one under way, back", Some(&[2, 1])),
    ] {
        three
            .broker(3)
            .ask(name, &reassign("a-again", 0, replicas), 1)
            .await?;
    }
    let delete = DeleteTopicsRequest {
        topics: vec![delete_topics_request::DeleteTopicState {
            name: Some("a-again".into()),
            ..Default::default()
        }],
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    three.broker(3).ask("of one that moves", &delete, 6).await?;
    three.side.settle().await;
    three
        .broker(3)
        .ask("to a fenced one", &reassign("a-move", 1, Some(&[8, 2])), 1)
        .await?;
    three
        .broker(3)
        .ask(
            "while a fenced one is added",
            &elect(0, &[("a-move", &[1])]),
            2,
        )
        .await?;
    three.side.settle().await;
    three
        .broker(3)
        .ask("while a fenced one is added", &list(None), 0)
        .await?;
    three
        .broker(3)
        .ask(
            "an end of that to a fenced one",
            &reassign("a-move", 1, None),
            1,
        )
        .await?;
    let grow = CreatePartitionsRequest {
        topics: vec![create_partitions_request::CreatePartitionsTopic {
            name: "a-move".into(),
            count: 2,
            assignments: None,
        }],
        timeout_ms: TIMEOUT_MS,
        validate_only: true,
    };
    three.broker(3).ask("while nothing moves", &grow, 3).await?;
    Ok(())
}

pub fn described(names: &[&str]) -> DescribeTopicPartitionsRequest {
    let topics = names
        .iter()
        .map(|name| describe_topic_partitions_request::TopicRequest {
            name: (*name).into(),
        });
    DescribeTopicPartitionsRequest {
        topics: topics.collect(),
        response_partition_limit: 100,
        cursor: None,
    }
}

async fn elected(three: &mut Three) -> Result<()> {
    three.make("a-elect", &[&[1, 2], &[2, 3]], &[]).await?;
    for election in [0, 1, 2, -1] {
        for (name, topics) in [
            ("that is not needed", &[("a-elect", &[0, 1][..])][..]),
            ("of an unknown topic", &[("a-no", &[0][..])]),
            ("of an unknown partition", &[("a-elect", &[7][..])]),
            ("of a negative partition", &[("a-elect", &[-1][..])]),
            ("of no partition", &[("a-elect", &[][..])]),
            ("of nothing", &[]),
            ("of several", &[("a-elect", &[0, 7][..]), ("a-no", &[3])]),
        ] {
            for version in 0..=2 {
                if version == 0 && election != 0 {
                    continue;
                }
                let name = format!("{election} {name}");
                three
                    .broker(3)
                    .ask(&name, &elect(election, topics), version)
                    .await?;
            }
        }
    }
    Ok(())
}
