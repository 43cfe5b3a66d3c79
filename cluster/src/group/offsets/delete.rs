//! Deleting offsets: by request, with their group, with their topic.
//!
//! Always holds: a tombstone is written only where an offset is, or may come out of a transaction.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use airis_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use airis_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use airis_protocol::types::{Str, Uuid};

use super::Offsets;
use crate::group::Record;
use crate::machine::Decision;

impl Offsets {
    /// OffsetDelete: offsets of topics that the group consumes stay.
    pub fn delete(
        &self,
        request: &OffsetDeleteRequest,
        is_subscribed: impl Fn(&str) -> bool,
    ) -> Decision<Record, OffsetDeleteResponse> {
        let group = &request.group_id;
        let mut records = Vec::new();
        let mut delete_topic = |topic: &OffsetDeleteRequestTopic| {
            let subscribed = is_subscribed(&topic.name);
            let partitions = topic.partitions.iter().map(|p| {
                let partition = p.partition_index;
                let error = if subscribed {
                    ErrorCode::GroupSubscribedToTopic
                } else {
                    if self.has(group, &topic.name, partition)
                        || self.is_unstable(group, &topic.name, partition)
                    {
                        records.push(Record::offset_tombstone(group, &topic.name, partition));
                    }
                    ErrorCode::None
                };
                OffsetDeleteResponsePartition {
                    partition_index: partition,
                    error_code: error.code(),
                }
            });
            OffsetDeleteResponseTopic {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            }
        };
        let topics = request.topics.iter().map(&mut delete_topic).collect();
        Decision {
            records,
            reply: OffsetDeleteResponse {
                topics,
                ..Default::default()
            },
        }
    }

    /// Tombstones for all offsets of a group.
    pub fn delete_all(&self, group: &Str, records: &mut Vec<Record>) {
        for (topic, partitions) in self.committed.0.get(group).into_iter().flatten() {
            for &partition in partitions.keys() {
                records.push(Record::offset_tombstone(group, topic, partition));
            }
        }
        for (topic, partition) in self.open.get(group).into_iter().flat_map(|o| o.keys()) {
            if !self.has(group, topic, *partition) {
                records.push(Record::offset_tombstone(group, topic, *partition));
            }
        }
    }

    /// Tombstones for all offsets of a topic that is gone. An offset of a topic of the same name and another id stays.
    pub fn topic_deleted(&self, topic: &Str, id: Uuid, records: &mut Vec<Record>) {
        for table in std::iter::once(&self.committed).chain(self.pending.values()) {
            for (group, topics) in &table.0 {
                for (&partition, offset) in topics.get(topic).into_iter().flatten() {
                    if offset.topic_id == Uuid::ZERO || offset.topic_id == id {
                        records.push(Record::offset_tombstone(group, topic, partition));
                    }
                }
            }
        }
    }
}
