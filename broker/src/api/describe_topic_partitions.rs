//! DescribeTopicPartitions (KIP-966): topics and their partitions, page by page.
//!
//! Always holds: topics come by name; a page ends at the limit and the cursor names the first partition that did not fit. Must
//! never: answer a page without an end.

use std::collections::BTreeSet;

use airis_cluster::metadata::{Image, PartitionImage};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use airis_protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use airis_protocol::names;
use airis_protocol::types::{NodeId, Str};

use super::{Ctx, Reply, authorize};

/// `max.request.partition.size.limit`: partitions in one answer.
const PARTITIONS_MAX: i32 = 2000;

pub fn handle(
    ctx: &Ctx,
    request: DescribeTopicPartitionsRequest,
) -> Reply<DescribeTopicPartitionsResponse> {
    let image = ctx.node.meta.image();
    let cursor = request.cursor.as_ref();
    let first = cursor.map_or("", |c| c.topic_name.as_str());
    let all = request.topics.is_empty();
    let topics: Vec<Str> = if all {
        image.topics_from(first).map(|t| t.name.clone()).collect()
    } else {
        let asked: BTreeSet<Str> = request.topics.iter().map(|t| t.name.clone()).collect();
        asked.into_iter().filter(|n| n.as_str() >= first).collect()
    };
    let missing = !all && cursor.is_some_and(|c| !topics.contains(&c.topic_name));
    if missing || cursor.is_some_and(|c| c.partition_index < 0) {
        // The response has no error of its own: each topic asked for carries it (Kafka's `getErrorResponse`).
        return Reply::Now(DescribeTopicPartitionsResponse {
            topics: request
                .topics
                .into_iter()
                .map(|t| DescribeTopicPartitionsResponseTopic {
                    error_code: ErrorCode::InvalidRequest.code(),
                    name: Some(t.name),
                    topic_authorized_operations: authorize::NOT_REQUESTED,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        });
    }
    let limit = request.response_partition_limit.clamp(1, PARTITIONS_MAX) as usize;
    let from = cursor.map_or(0, |c| c.partition_index as usize);
    Reply::Now(page(
        &image,
        &topics,
        first,
        from,
        limit,
        all,
        &ctx.client.listener,
    ))
}

/// Up to `limit` partitions of `topics`, the first of them (if it is named `first`) from partition `from` on.
fn page(
    image: &Image,
    topics: &[Str],
    first: &str,
    from: usize,
    limit: usize,
    all: bool,
    listener: &str,
) -> DescribeTopicPartitionsResponse {
    let mut response = DescribeTopicPartitionsResponse::default();
    let mut left = limit;
    for name in topics {
        let Some(topic) = image.topic(name) else {
            if !all {
                let error = match names::validate_topic(name) {
                    Ok(()) => ErrorCode::UnknownTopicOrPartition,
                    Err(_) => ErrorCode::InvalidTopicException,
                };
                response.topics.push(DescribeTopicPartitionsResponseTopic {
                    error_code: error.code(),
                    name: Some(name.clone()),
                    is_internal: names::is_internal(name),
                    topic_authorized_operations: authorize::TOPIC,
                    ..Default::default()
                });
            }
            continue;
        };
        if left == 0 {
            response.next_cursor = Some(Cursor {
                topic_name: name.clone(),
                partition_index: 0,
            });
            break;
        }
        let start = if name.as_str() == first { from } else { 0 };
        let count = topic.partitions.len();
        let end = count.min(start.saturating_add(left));
        let partitions: Vec<_> = (start..end)
            .map(|i| partition(image, i as i32, &topic.partitions[i], listener))
            .collect();
        left -= partitions.len();
        response.topics.push(DescribeTopicPartitionsResponseTopic {
            error_code: 0,
            name: Some(name.clone()),
            topic_id: topic.id,
            is_internal: names::is_internal(name),
            partitions,
            topic_authorized_operations: authorize::TOPIC,
        });
        if end < count {
            response.next_cursor = Some(Cursor {
                topic_name: name.clone(),
                partition_index: end as i32,
            });
            break;
        }
    }
    response
}

fn partition(
    image: &Image,
    index: i32,
    p: &PartitionImage,
    listener: &str,
) -> DescribeTopicPartitionsResponsePartition {
    let alive = |id: &NodeId| {
        image
            .broker(*id)
            .is_some_and(|b| !b.fenced && b.endpoint(listener).is_some())
    };
    let ids = |nodes: &[NodeId]| nodes.iter().map(|n| n.0).collect::<Vec<_>>();
    let leader = p.leader.filter(alive);
    DescribeTopicPartitionsResponsePartition {
        // That nobody leads shows in the leader's id, and is no error of the request.
        error_code: ErrorCode::None.code(),
        partition_index: index,
        leader_id: leader.map_or(-1, |l| l.0),
        leader_epoch: p.leader_epoch.0,
        replica_nodes: ids(&p.replicas),
        isr_nodes: ids(&p.isr),
        eligible_leader_replicas: Some(ids(&p.elr)),
        last_known_elr: Some(ids(&p.last_known_elr)),
        offline_replicas: ids(&p.replicas)
            .into_iter()
            .filter(|r| !alive(&NodeId(*r)) || !image.directory_online(p, NodeId(*r)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use airis_cluster::metadata::{Delta, Position};
    use airis_protocol::messages::{MetadataRecord, PartitionRecord, TopicRecord};
    use airis_protocol::types::{LeaderEpoch, Offset, Uuid};

    use super::*;

    fn image(topics: &[(&str, i32)]) -> Image {
        let mut records = Vec::new();
        for (i, (name, partitions)) in topics.iter().enumerate() {
            let topic_id = Uuid(1000 + i as u128);
            records.push(MetadataRecord::TopicRecord(TopicRecord {
                name: Str::from(*name),
                topic_id,
            }));
            for partition_id in 0..*partitions {
                records.push(MetadataRecord::PartitionRecord(PartitionRecord {
                    partition_id,
                    topic_id,
                    replicas: vec![1],
                    isr: vec![1],
                    leader: 1,
                    ..Default::default()
                }));
            }
        }
        let mut image = Image::default();
        let mut delta = Delta::default();
        for (i, record) in records.iter().enumerate() {
            let at = Position {
                offset: Offset(i as i64),
                epoch: LeaderEpoch(1),
            };
            image
                .replay_all(
                    &mut delta,
                    at.offset,
                    at.epoch,
                    std::slice::from_ref(record),
                )
                .unwrap();
        }
        image
    }

    #[test]
    fn pages_cover_every_partition_once() {
        let image = image(&[("a", 3), ("b", 1), ("c", 5)]);
        for limit in 1..12 {
            let (mut first, mut from) = (Str::default(), 0);
            let mut seen = Vec::new();
            loop {
                let topics: Vec<Str> = image.topics_from(&first).map(|t| t.name.clone()).collect();
                let page = page(&image, &topics, &first, from, limit, true, "PLAINTEXT");
                let mut count = 0;
                for topic in &page.topics {
                    for p in &topic.partitions {
                        seen.push((topic.name.clone().unwrap(), p.partition_index));
                        count += 1;
                    }
                }
                assert!(count <= limit);
                match page.next_cursor {
                    Some(c) => (first, from) = (c.topic_name, c.partition_index as usize),
                    None => break,
                }
            }
            let expected: Vec<(Str, i32)> = [("a", 3), ("b", 1), ("c", 5)]
                .iter()
                .flat_map(|(n, count)| (0..*count).map(|p| (Str::from(*n), p)))
                .collect();
            assert_eq!(seen, expected, "limit {limit}");
        }
    }
}
