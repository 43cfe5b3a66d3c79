//! ListOffsets, OffsetForLeaderEpoch, DeleteRecords.

use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use airis_protocol::messages::list_offsets_request::ListOffsetsPartition;
use airis_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use airis_protocol::messages::*;
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use anyhow::Result;

use crate::ask::*;
use crate::side::Side;

pub async fn play(side: &mut Side) -> Result<()> {
    listed(side).await?;
    epochs(side).await?;
    deleted(side).await
}

async fn listed(side: &mut Side) -> Result<()> {
    side.make("o-a", 2, &[]).await?;
    // Times 0 1, 1000 1001, 500 501 (back), 3000 3001 3002.
    side.put("o-a", build_at(0, Codec::None, &["a", "b"], |_| {}))
        .await?;
    side.put("o-a", build_at(1000, Codec::Lz4, &["c", "d"], |_| {}))
        .await?;
    side.put("o-a", build_at(500, Codec::Zstd, &["e", "f"], |_| {}))
        .await?;
    side.put("o-a", build_at(3000, Codec::None, &["g", "h", "i"], |_| {}))
        .await?;
    for named in [-1, -2, -3, -4, -5, -6, -7, i64::MIN] {
        side.all(&format!("timestamp {named}"), |_| {
            list_offsets("o-a", 0..2, named)
        })
        .await?;
    }
    for after in [
        -1, 0, 1, 2, 501, 1000, 1001, 1002, 2999, 3001, 3002, 3003, 1_000_000,
    ] {
        side.ask(
            &format!("the time T+{after}"),
            &list_offsets("o-a", 0..2, base_time() + after),
            10,
        )
        .await?;
    }
    side.ask("time zero", &list_offsets("o-a", 0..1, 0), 10)
        .await?;
    side.all("a time in every version", |_| {
        list_offsets("o-a", 0..1, base_time() + 1001)
    })
    .await?;
    side.all("the end, committed only", |v| ListOffsetsRequest {
        isolation_level: i8::from(v >= 2),
        ..list_offsets("o-a", 0..1, -1)
    })
    .await?;
    side.all("an unknown topic", |_| list_offsets("o-no", 0..1, -1))
        .await?;
    side.all("an unknown partition", |_| list_offsets("o-a", 5..6, -1))
        .await?;
    side.ask("a negative partition", &list_offsets("o-a", -1..0, -1), 10)
        .await?;
    side.ask("a bad name", &list_offsets("o a", 0..1, -1), 10)
        .await?;
    side.ask(
        "nothing",
        &ListOffsetsRequest {
            replica_id: -1,
            ..Default::default()
        },
        10,
    )
    .await?;
    for epoch in [0, 1, 7, -2] {
        let mut request = list_offsets("o-a", 0..1, -1);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        side.ask(&format!("epoch {epoch}"), &request, 10).await?;
        request.topics[0].partitions[0].timestamp = base_time();
        side.ask(&format!("epoch {epoch}, by time"), &request, 10)
            .await?;
    }
    let mut twice = list_offsets("o-a", 0..1, -1);
    twice.topics[0].partitions.push(ListOffsetsPartition {
        timestamp: -2,
        current_leader_epoch: -1,
        ..Default::default()
    });
    side.ask("a partition twice", &twice, 10).await?;
    side.ask(
        "as a debugging consumer",
        &ListOffsetsRequest {
            replica_id: -2,
            ..list_offsets("o-a", 0..1, -1)
        },
        10,
    )
    .await?;
    side.ask(
        "as a replica that is none",
        &ListOffsetsRequest {
            replica_id: 9,
            ..list_offsets("o-a", 0..1, -1)
        },
        10,
    )
    .await?;
    // Records with equal times, and one batch whose times go back and forth.
    side.make("o-b", 1, &[]).await?;
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    for after in [5, 9, 3, 9] {
        b.push(Millis(base_time() + after), None, Some(b"v"), &[]);
    }
    let batch = b.build(Offset(0), LeaderEpoch(-1));
    side.put("o-b", batch.clone()).await?;
    side.put("o-b", batch).await?;
    for timestamp in [
        -3,
        base_time() + 3,
        base_time() + 6,
        base_time() + 9,
        base_time() + 10,
    ] {
        let shown = if timestamp < 0 {
            timestamp
        } else {
            timestamp - base_time()
        };
        side.ask(
            &format!("times that repeat, {shown}"),
            &list_offsets("o-b", 0..1, timestamp),
            10,
        )
        .await?;
    }
    // The same times in a topic that stamps them itself.
    side.make("o-c", 1, &[("message.timestamp.type", "LogAppendTime")])
        .await?;
    side.put("o-c", build(Codec::None, &["a", "b", "c"], |_| {}))
        .await?;
    let seen = side.quiet(&list_offsets("o-c", 0..1, -3), 10).await?;
    side.learn(
        &seen.topics[0].partitions[0].timestamp.to_string(),
        "<appended>",
    );
    side.ask(
        "the greatest time of a stamped batch",
        &list_offsets("o-c", 0..1, -3),
        10,
    )
    .await?;
    side.ask(
        "an earlier time in a stamped batch",
        &list_offsets("o-c", 0..1, base_time()),
        10,
    )
    .await?;
    Ok(())
}

async fn epochs(side: &mut Side) -> Result<()> {
    let ask = |version: i16, topic: &str, partition, current_leader_epoch, leader_epoch| {
        OffsetForLeaderEpochRequest {
            replica_id: if version >= 3 { -1 } else { -2 },
            topics: vec![OffsetForLeaderTopic {
                topic: topic.into(),
                partitions: vec![OffsetForLeaderPartition {
                    partition,
                    current_leader_epoch,
                    leader_epoch,
                }],
            }],
        }
    };
    side.all("the leader's epoch", |v| ask(v, "o-a", 0, -1, 0))
        .await?;
    side.all("an epoch ahead", |v| ask(v, "o-a", 0, -1, 5))
        .await?;
    side.all("an unknown topic", |v| ask(v, "o-no", 0, -1, 0))
        .await?;
    for (name, topic, partition, current, epoch) in [
        ("an empty partition", "o-a", 1, -1, 0),
        ("a negative epoch", "o-a", 0, -1, -1),
        ("a very negative epoch", "o-a", 0, -1, -5),
        ("a current epoch", "o-a", 0, 0, 0),
        ("a current epoch ahead", "o-a", 0, 3, 0),
        ("a negative current epoch", "o-a", 0, -7, 0),
        ("an unknown partition", "o-a", 7, -1, 0),
        ("a bad name", "o a", 0, -1, 0),
    ] {
        side.ask(name, &ask(4, topic, partition, current, epoch), 4)
            .await?;
    }
    side.ask(
        "nothing",
        &OffsetForLeaderEpochRequest {
            replica_id: -1,
            topics: vec![],
        },
        4,
    )
    .await?;
    Ok(())
}

async fn deleted(side: &mut Side) -> Result<()> {
    let ask = |topic: &str, partition_index, offset| DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: topic.into(),
            partitions: vec![DeleteRecordsPartition {
                partition_index,
                offset,
            }],
        }],
        timeout_ms: TIMEOUT_MS,
    };
    side.all("up to an offset", |v| ask("o-a", 0, 1 + i64::from(v)))
        .await?;
    for (name, topic, partition, offset) in [
        ("up to an offset again", "o-a", 0, 3),
        ("up to an earlier offset", "o-a", 0, 1),
        ("inside of a batch", "o-a", 0, 7),
        ("behind the end", "o-a", 0, 10),
        ("far behind the end", "o-a", 0, i64::MAX),
        ("a negative offset", "o-a", 0, -2),
        ("an unknown topic", "o-no", 0, 0),
        ("an unknown partition", "o-a", 9, 0),
        ("a negative partition", "o-a", -1, 0),
        ("a bad name", "o a", 0, 0),
        ("an empty partition", "o-a", 1, 0),
        ("an internal topic", "__consumer_offsets", 0, 0),
        ("up to the end", "o-a", 0, -1),
        ("up to the end again", "o-a", 0, -1),
    ] {
        side.ask(name, &ask(topic, partition, offset), 2).await?;
        if topic == "o-a" && partition == 0 {
            side.ask(
                &format!("the start after: {name}"),
                &list_offsets("o-a", 0..1, -2),
                10,
            )
            .await?;
        }
    }
    side.ask(
        "nothing",
        &DeleteRecordsRequest {
            timeout_ms: TIMEOUT_MS,
            ..Default::default()
        },
        2,
    )
    .await?;
    for named in [-1, -2, -3, -4, -5] {
        side.ask(
            &format!("an emptied log, timestamp {named}"),
            &list_offsets("o-a", 0..1, named),
            10,
        )
        .await?;
    }
    side.ask(
        "an emptied log, by time",
        &list_offsets("o-a", 0..1, base_time()),
        10,
    )
    .await?;
    let offsets = OffsetForLeaderEpochRequest {
        replica_id: -1,
        topics: vec![OffsetForLeaderTopic {
            topic: "o-a".into(),
            partitions: vec![OffsetForLeaderPartition {
                partition: 0,
                current_leader_epoch: -1,
                leader_epoch: 0,
            }],
        }],
    };
    side.ask("an emptied log", &offsets, 4).await?;
    let make_compact = side
        .make("o-compact", 1, &[("cleanup.policy", "compact")])
        .await?;
    side.put("o-compact", batch(&["a", "b"])).await?;
    side.ask("a compacted topic", &ask("o-compact", 0, 1), 2)
        .await?;
    side.ask(
        "a compacted topic's records",
        &fetch_in(12, "o-compact", make_compact, fetch_partition(0, 0)),
        12,
    )
    .await?;
    Ok(())
}
