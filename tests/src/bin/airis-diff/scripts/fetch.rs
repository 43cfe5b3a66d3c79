//! Fetch: positions, epochs, limits, sessions.

use airis_protocol::compress::Codec;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use airis_protocol::messages::*;
use airis_protocol::types::Uuid;
use anyhow::Result;

use crate::ask::*;
use crate::side::Side;

pub async fn play(side: &mut Side) -> Result<()> {
    positions(side).await?;
    limits(side).await?;
    sessions(side).await?;
    sessions_by_id(side).await
}

async fn positions(side: &mut Side) -> Result<()> {
    let id = side.make("f-a", 1, &[]).await?;
    for codec in Codec::ALL {
        side.put("f-a", build(codec, &["a", "b"], |_| {})).await?;
    }
    side.all("from the start", |v| {
        fetch_in(v, "f-a", id, fetch_partition(0, 0))
    })
    .await?;
    side.all("committed only", |v| FetchRequest {
        isolation_level: 1,
        ..fetch_in(v, "f-a", id, fetch_partition(0, 0))
    })
    .await?;
    side.all("at the end", |v| {
        fetch_in(v, "f-a", id, fetch_partition(0, 10))
    })
    .await?;
    side.all("behind the end", |v| {
        fetch_in(v, "f-a", id, fetch_partition(0, 11))
    })
    .await?;
    side.all("an unknown partition", |v| {
        fetch_in(v, "f-a", id, fetch_partition(4, 0))
    })
    .await?;
    side.all("an unknown topic", |v| {
        fetch_in(v, "f-no", Uuid(0x9999), fetch_partition(0, 0))
    })
    .await?;
    let p = fetch_partition(0, 0);
    for (name, partition) in [
        ("inside of a batch", fetch_partition(0, 3)),
        ("a negative offset", fetch_partition(0, -1)),
        ("the lowest offset", fetch_partition(0, i64::MIN)),
        ("the greatest offset", fetch_partition(0, i64::MAX)),
        (
            "the leader's epoch",
            FetchPartition {
                current_leader_epoch: 0,
                ..p.clone()
            },
        ),
        (
            "an epoch ahead",
            FetchPartition {
                current_leader_epoch: 5,
                ..p.clone()
            },
        ),
        (
            "a negative epoch",
            FetchPartition {
                current_leader_epoch: -2,
                ..p.clone()
            },
        ),
        (
            "an epoch ahead, out of range",
            FetchPartition {
                current_leader_epoch: 5,
                fetch_offset: 99,
                ..p.clone()
            },
        ),
        (
            "a last fetched epoch",
            FetchPartition {
                last_fetched_epoch: 0,
                fetch_offset: 4,
                ..p.clone()
            },
        ),
        (
            "a last fetched epoch ahead",
            FetchPartition {
                last_fetched_epoch: 3,
                fetch_offset: 4,
                ..p.clone()
            },
        ),
        (
            "a last fetched epoch, behind the end",
            FetchPartition {
                last_fetched_epoch: 0,
                fetch_offset: 40,
                ..p.clone()
            },
        ),
        ("a negative partition", fetch_partition(-1, 0)),
        (
            "a log start offset",
            FetchPartition {
                log_start_offset: 5,
                ..p.clone()
            },
        ),
        (
            "no bytes",
            FetchPartition {
                partition_max_bytes: 0,
                ..p.clone()
            },
        ),
        (
            "negative bytes",
            FetchPartition {
                partition_max_bytes: -1,
                ..p.clone()
            },
        ),
    ] {
        for version in [12, 17, 18] {
            side.ask(
                name,
                &fetch_in(version, "f-a", id, partition.clone()),
                version,
            )
            .await?;
        }
    }
    side.ask("by no id", &fetch_in(17, "", Uuid::ZERO, p.clone()), 17)
        .await?;
    side.ask(
        "a topic without a name",
        &fetch_in(12, "", id, p.clone()),
        12,
    )
    .await?;
    side.ask("a bad name", &fetch_in(12, "f a", id, p.clone()), 12)
        .await?;
    side.ask(
        "an internal topic",
        &fetch_in(12, "__cluster_metadata", id, p.clone()),
        12,
    )
    .await?;
    side.ask(
        "an isolation that is none",
        &FetchRequest {
            isolation_level: 7,
            ..fetch_in(12, "f-a", id, p.clone())
        },
        12,
    )
    .await?;
    let mut twice = fetch_in(12, "f-a", id, p.clone());
    twice.topics.push(twice.topics[0].clone());
    side.ask("a partition twice", &twice, 12).await?;
    side.ask(
        "nothing",
        &FetchRequest {
            session_epoch: -1,
            max_bytes: 1000,
            ..Default::default()
        },
        12,
    )
    .await?;
    let mut mixed = fetch_in(17, "", id, p.clone());
    mixed
        .topics
        .push(fetch_in(17, "", Uuid(0x5555), p.clone()).topics.remove(0));
    side.ask("known and unknown", &mixed, 17).await?;
    side.ask(
        "as another cluster's",
        &FetchRequest {
            cluster_id: Some("elsewhere".into()),
            ..fetch_in(17, "", id, p.clone())
        },
        17,
    )
    .await?;
    side.ask(
        "as a replica that is none",
        &FetchRequest {
            replica_id: 9,
            ..fetch_in(12, "f-a", id, p.clone())
        },
        12,
    )
    .await?;
    // Records deleted at the front.
    let delete = DeleteRecordsRequest {
        topics: vec![delete_records_request::DeleteRecordsTopic {
            name: "f-a".into(),
            partitions: vec![delete_records_request::DeleteRecordsPartition {
                partition_index: 0,
                offset: 3,
            }],
        }],
        timeout_ms: TIMEOUT_MS,
    };
    side.quiet(&delete, 2).await?;
    side.ask(
        "before the log's start",
        &fetch_in(12, "f-a", id, fetch_partition(0, 2)),
        12,
    )
    .await?;
    side.ask(
        "at the log's start",
        &fetch_in(12, "f-a", id, fetch_partition(0, 3)),
        12,
    )
    .await?;
    Ok(())
}

async fn limits(side: &mut Side) -> Result<()> {
    let id = side.make("f-b", 2, &[]).await?;
    let text = "z".repeat(1000);
    let one = batch(&[&text]);
    for partition in [0, 1] {
        for _ in 0..5 {
            side.quiet(&produce("f-b", partition, -1, one.clone()), 12)
                .await?;
        }
    }
    let size = one.len() as i32;
    for (max_bytes, of_partition) in [
        (1 << 20, 1 << 20),
        (1 << 20, 2 * size),
        (3 * size, 1 << 20),
        (7 * size, 1 << 20),
        (size, size),
        (1, 1),
        (0, 1 << 20),
        (1 << 20, 1),
        (-1, 1 << 20),
        (i32::MAX, i32::MAX),
    ] {
        let mut request = fetch_in(
            12,
            "f-b",
            id,
            FetchPartition {
                partition_max_bytes: of_partition,
                ..fetch_partition(0, 0)
            },
        );
        request.topics[0].partitions.push(FetchPartition {
            partition_max_bytes: of_partition,
            ..fetch_partition(1, 0)
        });
        request.max_bytes = max_bytes;
        side.ask(
            &format!("at most {max_bytes} bytes, {of_partition} of a partition"),
            &request,
            12,
        )
        .await?;
    }
    for (name, min_bytes, max_wait_ms, offset) in [
        ("enough at once", 1, 500, 0),
        ("more than there is", 1 << 20, 150, 0),
        ("no bytes wanted", 0, 500, 5),
        ("at the end, no wait", 1, 0, 5),
        ("at the end, a wait", 1, 150, 5),
        ("a negative wait", 1, -1, 5),
        ("negative bytes wanted", -1, 150, 5),
    ] {
        let request = FetchRequest {
            min_bytes,
            max_wait_ms,
            ..fetch_in(12, "f-b", id, fetch_partition(0, offset))
        };
        side.ask(name, &request, 12).await?;
    }
    // An error answers at once, however long the request would wait.
    let request = FetchRequest {
        min_bytes: 1 << 20,
        max_wait_ms: 10_000,
        ..fetch_in(12, "f-b", id, fetch_partition(0, 99))
    };
    side.ask("an error among the waiting", &request, 12).await?;
    Ok(())
}

/// An incremental fetch of a session.
fn next(id: i32, epoch: i32) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: i32::MAX,
        session_id: id,
        session_epoch: epoch,
        ..Default::default()
    }
}

async fn sessions(side: &mut Side) -> Result<()> {
    for name in ["f-s", "f-t"] {
        side.make(name, 1, &[]).await?;
    }
    let part = |name: &str, offset| FetchTopic {
        topic: name.into(),
        partitions: vec![fetch_partition(0, offset)],
        ..Default::default()
    };
    for version in [7, 12] {
        let start = i64::from(version == 12) * 3;
        let mut full = next(0, 0);
        full.topics = vec![part("f-s", start), part("f-t", start)];
        let id = side
            .ask("a session opens", &full, version)
            .await?
            .session_id;
        side.ask("nothing new", &next(id, 1), version).await?;
        side.put("f-t", batch(&["x"])).await?;
        side.ask("one has something new", &next(id, 2), version)
            .await?;
        side.ask("and still has", &next(id, 3), version).await?;
        side.ask("an epoch that was", &next(id, 3), version).await?;
        side.ask("an epoch ahead", &next(id, 9), version).await?;
        side.ask("an unknown session", &next(id.wrapping_add(1), 1), version)
            .await?;
        side.ask("no session", &next(0, 5), version).await?;
        let mut on = next(id, 4);
        on.topics = vec![part("f-t", start + 1)];
        side.ask("a position moves", &on, version).await?;
        side.ask("and nothing is new", &next(id, 5), version)
            .await?;
        let mut add = next(id, 6);
        add.topics = vec![part("f-no", 0)];
        side.ask("an unknown topic joins", &add, version).await?;
        side.ask("and stays unknown", &next(id, 7), version).await?;
        let mut forget = next(id, 8);
        forget.forgotten_topics_data = vec![
            ForgottenTopic {
                topic: "f-no".into(),
                partitions: vec![0],
                ..Default::default()
            },
            ForgottenTopic {
                topic: "f-t".into(),
                partitions: vec![0, 7],
                ..Default::default()
            },
        ];
        side.ask("two are forgotten", &forget, version).await?;
        side.put("f-t", batch(&["y"])).await?;
        side.put("f-t", batch(&["y"])).await?;
        side.ask("what was forgotten is not told", &next(id, 9), version)
            .await?;
        for _ in 0..3 {
            side.put("f-s", batch(&["y"])).await?;
        }
        side.ask("what was not is", &next(id, 10), version).await?;
        let mut range = next(id, 11);
        range.topics = vec![part("f-s", 99)];
        side.ask("out of range", &range, version).await?;
        side.ask("out of range again", &next(id, 12), version)
            .await?;
        let mut fresh = next(id, 0);
        fresh.topics = vec![part("f-s", 0)];
        let newer = side
            .ask("a session in place of another", &fresh, version)
            .await?
            .session_id;
        side.ask("the old one is gone", &next(id, 13), version)
            .await?;
        side.ask("a session closes", &next(newer, -1), version)
            .await?;
        side.ask("it is gone", &next(newer, 1), version).await?;
        side.ask("a session without partitions", &next(0, 0), version)
            .await?;
        let only = fetch_in(version, "f-s", Uuid::ZERO, fetch_partition(0, 0));
        side.ask("none is wanted", &only, version).await?;
        let mut wrong = next(0, 0);
        wrong.topics = vec![part("f-no", 0)];
        side.ask("a session of an unknown topic", &wrong, version)
            .await?;
    }
    Ok(())
}

async fn sessions_by_id(side: &mut Side) -> Result<()> {
    let a = side.make("f-u", 1, &[]).await?;
    let part = |topic_id, offset| FetchTopic {
        topic_id,
        partitions: vec![fetch_partition(0, offset)],
        ..Default::default()
    };
    let mut full = next(0, 0);
    full.topics = vec![part(a, 0), part(Uuid(0x4242), 0)];
    let id = side.ask("a session by ids", &full, 17).await?.session_id;
    side.ask("an unknown id stays unknown", &next(id, 1), 17)
        .await?;
    let mut forget = next(id, 2);
    forget.forgotten_topics_data = vec![ForgottenTopic {
        topic_id: Uuid(0x4242),
        partitions: vec![0],
        ..Default::default()
    }];
    side.ask("the unknown id is forgotten", &forget, 17).await?;
    side.put("f-u", batch(&["x"])).await?;
    side.ask("something new by id", &next(id, 3), 17).await?;
    side.ask("an older version in the session", &next(id, 4), 12)
        .await?;
    let delete = DeleteTopicsRequest {
        topic_names: vec!["f-u".into()],
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    side.quiet(&delete, 5).await?;
    side.settle().await;
    side.ask("the topic is deleted", &next(id, 4), 17).await?;
    side.ask("the topic stays deleted", &next(id, 5), 17)
        .await?;
    Ok(())
}
