//! AlterReplicaLogDirs (KIP-113): this broker's replicas are to lie in other log directories of it.
//!
//! Always holds: a move that is answered without an error goes on by itself, also over restarts. Must never: wait for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use airis_protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
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
    let results = wishes(&request).into_iter().map(|(topic, partitions)| {
        let alter = |(index, dir): (i32, &Str)| {
            let to = Path::new(dir.as_str());
            let done = node
                .partitions
                .alter_dir(&image, topic, PartitionId(index), to);
            AlterReplicaLogDirPartitionResult {
                partition_index: index,
                error_code: done.err().map_or(0, ErrorCode::code),
            }
        };
        AlterReplicaLogDirTopicResult {
            topic_name: topic.clone(),
            partitions: partitions.into_iter().map(alter).collect(),
        }
    });
    AlterReplicaLogDirsResponse {
        results: results.collect(),
        ..Default::default()
    }
}

/// Where each partition is to lie.
type Wishes<'a> = Vec<(&'a Str, Vec<(i32, &'a Str)>)>;

/// By topic, each once, in the order of the request. Of a partition that is named under several directories the last mention counts,
/// as in Kafka.
fn wishes(request: &AlterReplicaLogDirsRequest) -> Wishes<'_> {
    let mut wishes: Wishes<'_> = Vec::new();
    let mut topics = HashMap::new();
    let mut places: HashMap<(usize, i32), usize> = HashMap::new();
    for dir in &request.dirs {
        for topic in &dir.topics {
            let nth = *topics.entry(&topic.name).or_insert_with(|| {
                wishes.push((&topic.name, Vec::new()));
                wishes.len() - 1
            });
            let partitions = &mut wishes[nth].1;
            for index in &topic.partitions {
                match places.entry((nth, *index)) {
                    Entry::Occupied(place) => partitions[*place.get()].1 = &dir.path,
                    Entry::Vacant(place) => {
                        place.insert(partitions.len());
                        partitions.push((*index, &dir.path));
                    }
                }
            }
        }
    }
    wishes
}

#[cfg(test)]
mod tests {
    use airis_protocol::messages::alter_replica_log_dirs_request::{
        AlterReplicaLogDir, AlterReplicaLogDirTopic,
    };

    use super::*;

    #[test]
    fn of_a_partition_that_is_named_twice_the_last_mention_counts() {
        let dir = |path: &'static str, topics: &[(&'static str, &[i32])]| AlterReplicaLogDir {
            path: path.into(),
            topics: topics
                .iter()
                .map(|(name, partitions)| AlterReplicaLogDirTopic {
                    name: (*name).into(),
                    partitions: partitions.to_vec(),
                })
                .collect(),
        };
        let request = AlterReplicaLogDirsRequest {
            dirs: vec![
                dir("/a", &[("u", &[1, 0]), ("t", &[0])]),
                dir("/b", &[("t", &[0, 1]), ("u", &[2, 1])]),
            ],
        };
        let (t, u, a, b) = ("t".into(), "u".into(), "/a".into(), "/b".into());
        let expected: Wishes<'_> = vec![
            (&u, vec![(1, &b), (0, &a), (2, &b)]),
            (&t, vec![(0, &b), (1, &b)]),
        ];
        assert_eq!(wishes(&request), expected);
    }
}
