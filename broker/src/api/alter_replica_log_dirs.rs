//! AlterReplicaLogDirs (KIP-113): this broker's replicas are to lie in other log directories of it.
//!
//! Always holds: a move that is answered without an error goes on by itself, also over restarts. Must never: wait for it.

use std::path::Path;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use airis_protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
use airis_protocol::names;
use airis_protocol::types::{PartitionId, Str};

use super::{Ctx, Reply};
use crate::node::Node;

pub fn handle(
    ctx: &Ctx,
    request: AlterReplicaLogDirsRequest,
) -> Reply<AlterReplicaLogDirsResponse> {
    let node = ctx.node.clone();
    Reply::later(async move {
        // Directories are made.
        crate::task::blocking(move || alter(&node, request))
            .await
            .expect("altering log directories does not panic")
    })
}

fn alter(node: &Node, request: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse {
    let image = node.meta.image();
    let mut results: Vec<AlterReplicaLogDirTopicResult> = Vec::new();
    for dir in &request.dirs {
        for topic in &dir.topics {
            let one = |index: i32| match names::validate_topic(&topic.name) {
                Ok(()) => {
                    let to = Path::new(dir.path.as_str());
                    let index = PartitionId(index);
                    node.partitions.alter_dir(&image, &topic.name, index, to)
                }
                Err(_) => Err(ErrorCode::InvalidTopicException),
            };
            let partitions = topic.partitions.iter().map(|index| {
                let done = one(*index);
                AlterReplicaLogDirPartitionResult {
                    partition_index: *index,
                    error_code: done.err().map_or(0, ErrorCode::code),
                }
            });
            push(&mut results, &topic.name, partitions);
        }
    }
    AlterReplicaLogDirsResponse {
        results,
        ..Default::default()
    }
}

/// A topic is answered once, with all its partitions.
fn push(
    results: &mut Vec<AlterReplicaLogDirTopicResult>,
    topic: &Str,
    partitions: impl Iterator<Item = AlterReplicaLogDirPartitionResult>,
) {
    match results.iter_mut().find(|r| r.topic_name == *topic) {
        Some(known) => known.partitions.extend(partitions),
        None => results.push(AlterReplicaLogDirTopicResult {
            topic_name: topic.clone(),
            partitions: partitions.collect(),
        }),
    }
}
