//! What a leader says to followers, a follower to clients: Fetch with replica ids and epochs, Produce, ListOffsets, OffsetForLeaderEpoch.
//! Broker 9, which the script plays, follows when the script wants it to.

use airis_protocol::messages::fetch_request::{FetchPartition, ReplicaState};
use airis_protocol::messages::*;
use airis_protocol::types::Uuid;
use anyhow::{Result, bail};

use crate::ask::*;
use crate::three::*;

pub async fn play(three: &mut Three) -> Result<()> {
    let nine = three.register(9).await?;
    three.unfence(9, nine).await?;
    followed(three, nine).await?;
    diverged(three, nine).await?;
    at_followers(three).await?;
    near(three).await
}

/// A fetch as a broker, in the terms of the version.
fn follow(
    version: i16,
    broker: i32,
    epoch: i64,
    name: &str,
    id: Uuid,
    partition: FetchPartition,
) -> FetchRequest {
    let mut request = fetch_in(version, name, id, partition);
    if version >= 15 {
        request.replica_state = ReplicaState {
            replica_id: broker,
            replica_epoch: epoch,
        };
    } else {
        request.replica_id = broker;
    }
    request
}

fn at(offset: i64) -> FetchPartition {
    FetchPartition {
        log_start_offset: 0,
        current_leader_epoch: 0,
        replica_directory_id: Uuid::ZERO,
        ..fetch_partition(0, offset)
    }
}

async fn followed(three: &mut Three, nine: i64) -> Result<()> {
    let id = three.make("r-a", &[&[1, 9]], &[]).await?;
    let alone = three.make("r-alone", &[&[1]], &[]).await?;
    let late = ProduceRequest {
        timeout_ms: 150,
        ..produce("r-a", 0, -1, batch(&["a", "b"]))
    };
    three
        .broker(1)
        .ask("that no follower fetches", &late, 12)
        .await?;
    three
        .broker(1)
        .ask(
            "for the leader alone",
            &produce("r-a", 0, 1, batch(&["c"])),
            12,
        )
        .await?;
    three
        .broker(1)
        .ask(
            "what is not replicated",
            &fetch_in(12, "r-a", id, fetch_partition(0, 0)),
            12,
        )
        .await?;
    three
        .broker(1)
        .ask(
            "the end of what is not replicated",
            &list_offsets("r-a", 0..1, -1),
            9,
        )
        .await?;
    let with = |change: &dyn Fn(&mut FetchPartition)| {
        let mut partition = at(0);
        change(&mut partition);
        partition
    };
    let cases = [
        ("in the leader's epoch", with(&|_| {})),
        ("in no epoch", with(&|p| p.current_leader_epoch = -1)),
        ("in an epoch ahead", with(&|p| p.current_leader_epoch = 5)),
        ("behind the end", with(&|p| p.fetch_offset = 50)),
        (
            "behind the end, after the leader's epoch",
            with(&|p| (p.fetch_offset, p.last_fetched_epoch) = (50, 0)),
        ),
        (
            "behind the end, after an epoch ahead",
            with(&|p| (p.fetch_offset, p.last_fetched_epoch) = (50, 3)),
        ),
        (
            "after an epoch ahead",
            with(&|p| (p.fetch_offset, p.last_fetched_epoch) = (1, 3)),
        ),
        ("a negative offset", with(&|p| p.fetch_offset = -1)),
        ("an unknown partition", with(&|p| p.partition = 7)),
    ];
    for version in 12..=18 {
        for (name, partition) in &cases {
            let request = follow(version, 9, nine, "r-a", id, partition.clone());
            three.broker(1).ask(name, &request, version).await?;
        }
        let request = follow(version, 9, nine, "r-alone", alone, at(0));
        three
            .broker(1)
            .ask("as one that is no replica", &request, version)
            .await?;
        let request = follow(version, 77, 1, "r-a", id, at(0));
        three
            .broker(1)
            .ask("as an unknown broker", &request, version)
            .await?;
        let request = follow(version, 9, nine, "r-no", Uuid(0x9999), at(0));
        three
            .broker(1)
            .ask("an unknown topic", &request, version)
            .await?;
        let request = follow(version, 9, nine, "r-a", id, at(0));
        three
            .broker(2)
            .ask("at a broker without a replica", &request, version)
            .await?;
    }
    // A position raises the high watermark before the fetch is answered or after it; here it has been raised.
    let all = follow(17, 9, nine, "r-a", id, at(3));
    three.broker(1).quiet(&all, 17).await?;
    for version in [15, 17, 18] {
        for (name, epoch) in [
            ("an old", nine - 1),
            ("a future", nine + 100_000),
            ("no", -1),
        ] {
            let request = follow(version, 9, epoch, "r-a", id, at(3));
            three
                .broker(1)
                .ask(&format!("in {name} broker epoch"), &request, version)
                .await?;
        }
    }
    for special in [-2, -3, -7] {
        let request = follow(12, special, -1, "r-a", id, at(0));
        three
            .broker(1)
            .ask(&format!("as replica {special}"), &request, 12)
            .await?;
    }
    // The positions of the follower move the high watermark, in whichever order they come.
    for offset in [0, 2, 1, 3, 0] {
        let partition = FetchPartition {
            last_fetched_epoch: if offset == 0 { -1 } else { 0 },
            ..at(offset)
        };
        let request = follow(17, 9, nine, "r-a", id, partition);
        three
            .broker(1)
            .ask(&format!("from {offset}"), &request, 17)
            .await?;
        three
            .broker(1)
            .ask(
                &format!("the end after {offset}"),
                &list_offsets("r-a", 0..1, -1),
                9,
            )
            .await?;
    }
    for version in [17, 18] {
        let partition = FetchPartition {
            high_watermark: 1,
            last_fetched_epoch: 0,
            ..at(3)
        };
        let request = follow(version, 9, nine, "r-a", id, partition);
        if version == 18 {
            three
                .broker(1)
                .ask("with an old high watermark", &request, version)
                .await?;
        }
    }
    // Incremental sessions of a follower.
    let open = FetchRequest {
        session_id: 0,
        session_epoch: 0,
        ..follow(
            17,
            9,
            nine,
            "r-a",
            id,
            FetchPartition {
                last_fetched_epoch: 0,
                ..at(3)
            },
        )
    };
    let session = three
        .broker(1)
        .ask("a session", &open, 17)
        .await?
        .session_id;
    let next = |session_id, session_epoch| FetchRequest {
        session_id,
        session_epoch,
        topics: vec![],
        ..open.clone()
    };
    for (name, request) in [
        ("a session goes on", next(session, 1)),
        ("a session in an old epoch", next(session, 1)),
        ("a session in an epoch ahead", next(session, 9)),
        (
            "an unknown session",
            next(session.wrapping_add(1).max(1), 1),
        ),
        ("a session goes on after errors", next(session, 2)),
        (
            "a session of another replica",
            FetchRequest {
                replica_state: ReplicaState {
                    replica_id: 8,
                    replica_epoch: 1,
                },
                ..next(session, 3)
            },
        ),
        ("a session that ends", next(session, -1)),
        ("a session that has ended", next(session, 4)),
    ] {
        three.broker(1).ask(name, &request, 17).await?;
    }
    Ok(())
}

/// A log of two leader epochs at broker 2, and broker 9 being added to it.
async fn diverged(three: &mut Three, nine: i64) -> Result<()> {
    let id = three.make("r-e", &[&[1, 2]], &[]).await?;
    three.broker(1).put("r-e", batch(&["a", "b", "c"])).await?;
    let move_to = |replicas: &[i32]| reassign("r-e", 0, Some(replicas));
    three
        .broker(3)
        .ask("another order of the same replicas", &move_to(&[2, 1]), 1)
        .await?;
    three.until(1, "r-e", |p| p.replica_nodes == [2, 1]).await?;
    three
        .broker(3)
        .ask("the preferred leader", &elect(0, &[("r-e", &[0])]), 2)
        .await?;
    for broker in [1, 2] {
        three.until(broker, "r-e", |p| p.leader_id == 2).await?;
    }
    let seen = three
        .broker(2)
        .ask("after an election", &metadata(&["r-e"]), 13)
        .await?;
    three.name_any_controller();
    let epoch = seen.topics[0].partitions[0].leader_epoch;
    three.usable_at(2, "r-e").await?;
    three.broker(2).put("r-e", batch(&["d", "e"])).await?;
    three
        .broker(3)
        .ask("one more replica", &move_to(&[2, 1, 9]), 1)
        .await?;
    three
        .until(2, "r-e", |p| p.replica_nodes.len() == 3)
        .await?;
    let seen = three
        .broker(1)
        .ask("while one is added", &metadata(&["r-e"]), 13)
        .await?;
    three.name_any_controller();
    let now = seen.topics[0].partitions[0].leader_epoch;
    let p = |offset, current_leader_epoch, last_fetched_epoch| FetchPartition {
        current_leader_epoch,
        last_fetched_epoch,
        ..at(offset)
    };
    for version in [12, 17] {
        for (name, partition) in [
            ("in an epoch of before", p(0, 0, -1)),
            ("a log that ends in an old epoch", p(5, now, 0)),
            ("a log that is shorter, of an old epoch", p(2, now, 0)),
            ("a log up to the end of an old epoch", p(3, now, 0)),
            ("a log longer than the old epoch by one", p(4, now, 0)),
            (
                "a log of an epoch that the leader does not have",
                p(4, now, epoch + 7),
            ),
            ("a log of the newest epoch", p(5, now, epoch)),
            (
                "a log of the newest epoch, behind the end",
                p(9, now, epoch),
            ),
        ] {
            // Not as the replica that is being added: it would be in sync with what it fetched last.
            let request = follow(version, -1, -1, "r-e", id, partition.clone());
            three
                .broker(2)
                .ask(&format!("{name}, as a consumer"), &request, version)
                .await?;
            if partition.fetch_offset != 5 || partition.last_fetched_epoch == 0 {
                let request = follow(version, 9, nine, "r-e", id, partition);
                three.broker(2).ask(name, &request, version).await?;
            }
        }
    }
    let request = follow(17, 9, nine - 1, "r-e", id, p(5, now, epoch));
    three
        .broker(2)
        .ask("all, in an old broker epoch", &request, 17)
        .await?;
    let list = ListPartitionReassignmentsRequest {
        timeout_ms: TIMEOUT_MS,
        topics: None,
    };
    three.broker(3).ask("while one is added", &list, 0).await?;
    for (replica_id, leader_epoch, current_leader_epoch) in [
        (-1, 0, now),
        (-1, epoch, now),
        (-1, epoch + 3, now),
        (-1, -1, now),
        (-1, 0, -1),
        (-1, 0, 0),
        (-1, 0, now + 4),
        (9, 0, now),
        (1, 0, now),
        (77, 0, now),
        (-2, 0, now),
    ] {
        for (version, broker) in [(4, 2), (3, 2), (4, 1), (4, 3)] {
            let name = format!(
                "epoch {leader_epoch} of {current_leader_epoch} as {replica_id} at {broker}"
            );
            three
                .broker(broker)
                .ask(
                    &name,
                    &epoch_end(replica_id, "r-e", leader_epoch, current_leader_epoch),
                    version,
                )
                .await?;
        }
    }
    // Now it has everything, and the leader takes it in.
    let mut last = None;
    for _ in 0..100 {
        let request = follow(17, 9, nine, "r-e", id, p(5, now, epoch));
        last = Some(three.broker(2).quiet(&request, 17).await?);
        let seen = three.broker(1).quiet(&metadata(&["r-e"]), 13).await?;
        if seen.topics[0].partitions[0].isr_nodes.len() == 3 {
            three
                .broker(1)
                .ask("after one was added", &metadata(&["r-e"]), 13)
                .await?;
            three.name_any_controller();
            // Kafka adds the newcomer wherever its set has it.
            three.side.mask("isr_nodes", |ids| {
                let mut ids: Vec<&str> = ids.trim_matches(['[', ']']).split(", ").collect();
                ids.sort_unstable();
                format!("[{}]", ids.join(", "))
            });
            let list = ListPartitionReassignmentsRequest {
                timeout_ms: TIMEOUT_MS,
                topics: None,
            };
            three.broker(3).ask("after one was added", &list, 0).await?;
            return Ok(());
        }
        three.side.settle().await;
    }
    bail!("broker 9 is not taken into the ISR of r-e: {last:?}")
}

impl Three {
    /// Until a leader answers as one.
    pub async fn usable_at(&mut self, broker: i32, name: &str) -> Result<()> {
        for _ in 0..200 {
            let ends = self
                .broker(broker)
                .quiet(&list_offsets(name, 0..1, -1), 7)
                .await?;
            if ends.topics[0].partitions[0].error_code == 0 {
                return Ok(());
            }
            self.side.settle().await;
        }
        bail!("{name} is not led by {broker}")
    }
}

pub fn reassign(
    name: &str,
    partition_index: i32,
    replicas: Option<&[i32]>,
) -> AlterPartitionReassignmentsRequest {
    use alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
    AlterPartitionReassignmentsRequest {
        timeout_ms: TIMEOUT_MS,
        allow_replication_factor_change: true,
        topics: vec![ReassignableTopic {
            name: name.into(),
            partitions: vec![ReassignablePartition {
                partition_index,
                replicas: replicas.map(<[i32]>::to_vec),
            }],
        }],
    }
}

pub fn elect(election_type: i8, topics: &[(&str, &[i32])]) -> ElectLeadersRequest {
    let topics = topics.iter().map(
        |(topic, partitions)| elect_leaders_request::TopicPartitions {
            topic: (*topic).into(),
            partitions: partitions.to_vec(),
        },
    );
    ElectLeadersRequest {
        election_type,
        topic_partitions: Some(topics.collect()),
        timeout_ms: TIMEOUT_MS,
    }
}

fn epoch_end(
    replica_id: i32,
    name: &str,
    leader_epoch: i32,
    current_leader_epoch: i32,
) -> OffsetForLeaderEpochRequest {
    use offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
    OffsetForLeaderEpochRequest {
        replica_id,
        topics: vec![OffsetForLeaderTopic {
            topic: name.into(),
            partitions: vec![OffsetForLeaderPartition {
                partition: 0,
                current_leader_epoch,
                leader_epoch,
            }],
        }],
    }
}

/// Clients at a follower, and at a broker that has nothing of the partition.
async fn at_followers(three: &mut Three) -> Result<()> {
    let id = three.make("r-f", &[&[1, 2]], &[]).await?;
    three.broker(1).put("r-f", batch(&["a", "b"])).await?;
    for (where_, broker) in [("a follower", 2), ("a stranger", 3)] {
        for version in [3, 9, 10, 11, 12, 13] {
            let request = produce_in(version, "r-f", id, batch(&["x"]));
            three
                .broker(broker)
                .ask(&format!("at {where_}"), &request, version)
                .await?;
        }
        for acks in [0, 1, -1, 2] {
            let mut request = produce_in(13, "r-f", id, batch(&["x"]));
            request.acks = acks;
            if acks == 0 {
                // Unanswered, whatever is wrong: the connection ends so that the producer learns of it.
                three
                    .broker(broker)
                    .on(1)
                    .ask(&format!("unacknowledged, at {where_}"), &request, 13)
                    .await?;
            } else {
                three
                    .broker(broker)
                    .ask(&format!("acks={acks}, at {where_}"), &request, 13)
                    .await?;
            }
        }
        for (timestamp, current_leader_epoch, replica_id) in [
            (-1, -1, -1),
            (-1, 0, -1),
            (-1, 7, -1),
            (-2, 0, -1),
            (-3, 0, -1),
            (base_time(), 0, -1),
            (-1, 0, 1),
            (-1, 0, -2),
            (-1, -1, -2),
            (-4, 0, -1),
            (-5, 0, -1),
        ] {
            let mut request = list_offsets("r-f", 0..1, timestamp);
            request.replica_id = replica_id;
            request.topics[0].partitions[0].current_leader_epoch = current_leader_epoch;
            let of = if timestamp > 0 {
                "a time".to_owned()
            } else {
                timestamp.to_string()
            };
            let name = format!("{of} in epoch {current_leader_epoch} as {replica_id} at {where_}");
            three.broker(broker).ask(&name, &request, 9).await?;
            three
                .broker(1)
                .ask(&format!("{name} ({where_} compared)"), &request, 9)
                .await?;
        }
        for version in [4, 10, 11, 12, 16, 17, 18] {
            let partition = FetchPartition {
                current_leader_epoch: if version < 9 { -1 } else { 9 },
                ..fetch_partition(0, 0)
            };
            let request = fetch_in(version, "r-f", id, partition);
            three
                .broker(broker)
                .ask(
                    &format!("in an epoch ahead, at {where_}"),
                    &request,
                    version,
                )
                .await?;
            if version < 11 || broker == 3 {
                let request = fetch_in(version, "r-f", id, fetch_partition(0, 0));
                three
                    .broker(broker)
                    .ask(
                        &format!("of the first records, at {where_}"),
                        &request,
                        version,
                    )
                    .await?;
            }
            if version >= 12 {
                let request = follow(version, 1, -1, "r-f", id, at(0));
                three
                    .broker(broker)
                    .ask(&format!("as a replica, at {where_}"), &request, version)
                    .await?;
            }
        }
        let delete = DeleteRecordsRequest {
            topics: vec![delete_records_request::DeleteRecordsTopic {
                name: "r-f".into(),
                partitions: vec![delete_records_request::DeleteRecordsPartition {
                    partition_index: 0,
                    offset: 1,
                }],
            }],
            timeout_ms: TIMEOUT_MS,
        };
        three
            .broker(broker)
            .ask(&format!("at {where_}"), &delete, 2)
            .await?;
        let producers = DescribeProducersRequest {
            topics: vec![describe_producers_request::TopicRequest {
                name: "r-f".into(),
                partition_indexes: vec![0],
            }],
        };
        three
            .broker(broker)
            .ask(&format!("at {where_}"), &producers, 0)
            .await?;
        let dirs = DescribeLogDirsRequest {
            topics: Some(vec![describe_log_dirs_request::DescribableLogDirTopic {
                topic: "r-f".into(),
                partitions: vec![0],
            }]),
        };
        three
            .broker(broker)
            .ask(&format!("at {where_}"), &dirs, 4)
            .await?;
    }
    Ok(())
}

/// Consumers that say where they are (KIP-392).
async fn near(three: &mut Three) -> Result<()> {
    let id = three.make("r-n", &[&[1, 2]], &[]).await?;
    three.broker(1).put("r-n", batch(&["a", "b"])).await?;
    let from = |version, rack: &str, offset| FetchRequest {
        rack_id: rack.into(),
        ..fetch_in(version, "r-n", id, fetch_partition(0, offset))
    };
    for version in [11, 12, 13, 17] {
        for (rack, offset) in [
            ("", 0),
            ("r1", 0),
            ("r2", 0),
            ("r3", 0),
            ("nowhere", 0),
            ("r2", 2),
            ("r2", 50),
        ] {
            let name = format!("from rack {rack:?} at {offset}");
            three
                .broker(1)
                .ask(&name, &from(version, rack, offset), version)
                .await?;
        }
    }
    // The follower hears of the high watermark with a later fetch of its own.
    for _ in 0..200 {
        let seen = three.broker(2).quiet(&from(12, "r2", 0), 12).await?;
        let p = &seen.responses[0].partitions[0];
        if p.error_code == 0 && p.high_watermark == 2 {
            break;
        }
        three.side.settle().await;
    }
    for version in [11, 12, 17] {
        for (rack, offset) in [
            ("", 0),
            ("r1", 0),
            ("r2", 0),
            ("r2", 1),
            ("r2", 2),
            ("r2", 3),
            ("r2", 50),
            ("r2", -1),
        ] {
            let name = format!("from rack {rack:?} at {offset}, at the follower");
            three
                .broker(2)
                .ask(&name, &from(version, rack, offset), version)
                .await?;
        }
    }
    let open = FetchRequest {
        session_id: 0,
        session_epoch: 0,
        ..from(12, "r2", 0)
    };
    let session = three
        .broker(1)
        .ask("a session from a rack", &open, 12)
        .await?
        .session_id;
    let next = FetchRequest {
        session_id: session,
        session_epoch: 1,
        topics: vec![],
        ..open
    };
    three
        .broker(1)
        .ask("a session from a rack goes on", &next, 12)
        .await?;
    Ok(())
}
