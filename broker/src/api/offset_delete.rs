//! OffsetDelete (KIP-496): a group forgets where it was.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use airis_cluster::metadata::Image;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use airis_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use airis_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use airis_protocol::types::{PartitionId, Str};

use super::{Ctx, Reply};
use crate::coord::Unit;

fn failed(code: ErrorCode) -> OffsetDeleteResponse {
    OffsetDeleteResponse {
        error_code: code.code(),
        ..Default::default()
    }
}

/// Takes out of the request what does not exist, and gives its answers.
fn split(image: &Image, request: &mut OffsetDeleteRequest) -> Vec<OffsetDeleteResponseTopic> {
    let mut refused = Vec::new();
    request
        .topics
        .retain_mut(|topic: &mut OffsetDeleteRequestTopic| {
            let exists = |p: &OffsetDeleteRequestPartition| {
                image
                    .partition(&topic.name, PartitionId(p.partition_index))
                    .is_some()
            };
            let (known, unknown): (Vec<_>, Vec<_>) = topic.partitions.drain(..).partition(exists);
            if !unknown.is_empty() {
                refused.push(OffsetDeleteResponseTopic {
                    name: topic.name.clone(),
                    partitions: unknown
                        .iter()
                        .map(|p| OffsetDeleteResponsePartition {
                            partition_index: p.partition_index,
                            error_code: ErrorCode::UnknownTopicOrPartition.code(),
                        })
                        .collect(),
                });
            }
            topic.partitions = known;
            !topic.partitions.is_empty()
        });
    refused
}

fn merge(
    refused: Vec<OffsetDeleteResponseTopic>,
    mut response: OffsetDeleteResponse,
) -> OffsetDeleteResponse {
    if response.error_code != 0 {
        return response;
    }
    let mut topics = refused;
    let mut places: HashMap<Str, usize> = HashMap::new();
    for (i, topic) in topics.iter().enumerate() {
        places.entry(topic.name.clone()).or_insert(i);
    }
    for topic in response.topics {
        match places.entry(topic.name.clone()) {
            Entry::Occupied(there) => topics[*there.get()].partitions.extend(topic.partitions),
            Entry::Vacant(free) => {
                free.insert(topics.len());
                topics.push(topic);
            }
        }
    }
    response.topics = topics;
    response
}

pub fn handle(ctx: &Ctx, mut request: OffsetDeleteRequest) -> Reply<OffsetDeleteResponse> {
    if request.group_id.is_empty() {
        return Reply::Now(failed(ErrorCode::InvalidGroupId));
    }
    let refused = split(&ctx.node.meta.image(), &mut request);
    let deleted = ctx
        .node
        .groups
        .decide(&request.group_id, Unit::Parts, |shard, _| {
            shard.delete_offsets(&request)
        });
    match deleted {
        Err(code) => Reply::Now(failed(code)),
        Ok((response, commit)) => commit.reply(merge(refused, response), failed),
    }
}
