//! OffsetCommit: where a group has got to.
//!
//! Always holds: offsets of partitions that do not exist are refused one by one, the others are committed together.

use std::collections::HashMap;

use airis_cluster::metadata::Image;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use airis_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use airis_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use airis_protocol::types::{PartitionId, Uuid};

use super::{Ctx, Reply};
use crate::coord::Unit;

/// From here on topics are named by their ids (KIP-848).
const TOPIC_IDS_FROM: i16 = 10;

fn answer_all(topic: &OffsetCommitRequestTopic, code: ErrorCode) -> OffsetCommitResponseTopic {
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|p| OffsetCommitResponsePartition {
                partition_index: p.partition_index,
                error_code: code.code(),
            })
            .collect(),
    }
}

/// Takes out of the request what does not exist, and gives its answers. What stays has name and id.
fn split(
    image: &Image,
    version: i16,
    request: &mut OffsetCommitRequest,
) -> Vec<OffsetCommitResponseTopic> {
    let mut refused = Vec::new();
    let by_id = version >= TOPIC_IDS_FROM;
    request.topics.retain_mut(|topic| {
        let found = if by_id {
            image.topic_by_id(topic.topic_id)
        } else {
            image.topic(&topic.name)
        };
        let Some(found) = found else {
            let code = if by_id {
                ErrorCode::UnknownTopicId
            } else {
                topic.topic_id = Uuid::ZERO;
                ErrorCode::UnknownTopicOrPartition
            };
            refused.push(answer_all(topic, code));
            return false;
        };
        topic.name = found.name.clone();
        topic.topic_id = found.id;
        let (known, unknown): (Vec<_>, Vec<_>) = std::mem::take(&mut topic.partitions)
            .into_iter()
            .partition(|p| found.partition(PartitionId(p.partition_index)).is_some());
        if !unknown.is_empty() {
            topic.partitions = unknown;
            refused.push(answer_all(topic, ErrorCode::UnknownTopicOrPartition));
        }
        topic.partitions = known;
        !topic.partitions.is_empty()
    });
    refused
}

/// Puts answers for the same topic together, the refused ones first. Older versions do not say ids, newer ones no names.
fn merge(
    version: i16,
    refused: Vec<OffsetCommitResponseTopic>,
    mut response: OffsetCommitResponse,
) -> OffsetCommitResponse {
    let mut topics = refused;
    let by_id = version >= TOPIC_IDS_FROM;
    let mut places: HashMap<(Uuid, String), usize> = HashMap::new();
    let key = |t: &OffsetCommitResponseTopic| {
        if by_id {
            (t.topic_id, String::new())
        } else {
            (Uuid::ZERO, t.name.to_string())
        }
    };
    for (i, topic) in topics.iter().enumerate() {
        places.entry(key(topic)).or_insert(i);
    }
    for topic in std::mem::take(&mut response.topics) {
        match places.get(&key(&topic)) {
            Some(&i) => topics[i].partitions.extend(topic.partitions),
            None => topics.push(topic),
        }
    }
    for topic in &mut topics {
        if by_id {
            topic.name = Default::default();
        } else {
            topic.topic_id = Uuid::ZERO;
        }
    }
    response.topics = topics;
    response
}

pub fn handle(ctx: &Ctx, mut request: OffsetCommitRequest) -> Reply<OffsetCommitResponse> {
    let version = ctx.version;
    let refused = split(&ctx.node.meta.image(), version, &mut request);
    if request.topics.is_empty() {
        return Reply::Now(merge(version, refused, OffsetCommitResponse::default()));
    }
    let committed = ctx
        .node
        .groups
        .decide(&request.group_id, Unit::Whole, |shard, now| {
            shard.commit(now, version, &request)
        });
    let failed = move |code: ErrorCode| OffsetCommitResponse {
        topics: request
            .topics
            .iter()
            .map(|topic| answer_all(topic, code))
            .collect(),
        ..Default::default()
    };
    match committed {
        Err(code) => Reply::Now(merge(version, refused, failed(code))),
        Ok((response, commit)) if commit.is_done() => Reply::Now(merge(version, refused, response)),
        Ok((response, commit)) => Reply::later(async move {
            let response = match commit.done().await {
                Ok(()) => response,
                Err(code) => failed(code),
            };
            merge(version, refused, response)
        }),
    }
}
