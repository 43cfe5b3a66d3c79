//! OffsetFetch of one group.
//!
//! Always holds: a partition without an offset is answered with -1 and no error. Must never: show an offset of a topic that has
//! been deleted to the topic of the same name that came after it.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics;
use airis_protocol::messages::offset_fetch_response::{
    OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use airis_protocol::types::{Str, Uuid};

use super::{Committed, Offsets};

impl Offsets {
    /// The offsets of the partitions named.
    pub fn fetch(
        &self,
        group: &str,
        topics: &[OffsetFetchRequestTopics],
        require_stable: bool,
    ) -> Vec<OffsetFetchResponseTopics> {
        topics
            .iter()
            .map(|topic| {
                let partitions = topic.partition_indexes.iter().map(|&partition| {
                    if require_stable && self.is_unstable(group, &topic.name, partition) {
                        return unstable(partition);
                    }
                    match self.committed.get(group, &topic.name, partition) {
                        Some(found) if !differs(found.topic_id, topic.topic_id) => {
                            answer(partition, found)
                        }
                        _ => no_offset(partition),
                    }
                });
                OffsetFetchResponseTopics {
                    name: topic.name.clone(),
                    topic_id: topic.topic_id,
                    partitions: partitions.collect(),
                }
            })
            .collect()
    }

    /// All offsets of the group, with the topics' ids of now.
    pub fn fetch_all(
        &self,
        group: &str,
        require_stable: bool,
        id_of: impl Fn(&str) -> Uuid,
    ) -> Vec<OffsetFetchResponseTopics> {
        let Some(topics) = self.committed.0.get(group) else {
            return Vec::new();
        };
        topics
            .iter()
            .map(|(topic, partitions)| {
                let topic_id = id_of(topic);
                let partitions = partitions
                    .iter()
                    .filter(|(_, found)| !differs(found.topic_id, topic_id))
                    .map(|(&partition, found)| {
                        if require_stable && self.is_unstable(group, topic, partition) {
                            unstable(partition)
                        } else {
                            answer(partition, found)
                        }
                    });
                OffsetFetchResponseTopics {
                    name: topic.clone(),
                    topic_id,
                    partitions: partitions.collect(),
                }
            })
            .filter(|topic| !topic.partitions.is_empty())
            .collect()
    }
}

fn differs(a: Uuid, b: Uuid) -> bool {
    a != Uuid::ZERO && b != Uuid::ZERO && a != b
}

fn answer(partition: i32, found: &Committed) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: found.offset,
        committed_leader_epoch: found.leader_epoch,
        metadata: Some(found.metadata.clone()),
        error_code: 0,
    }
}

fn no_offset(partition: i32) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(Str::default()),
        error_code: 0,
    }
}

/// KIP-447: a transaction has not ended that may change it.
fn unstable(partition: i32) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        error_code: ErrorCode::UnstableOffsetCommit.code(),
        ..no_offset(partition)
    }
}
