//! OffsetCommit, once its sender has been found right.
//!
//! Always holds: a partition whose metadata is too long gets its error, the others are committed.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use airis_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, OffsetCommitValue};
use airis_protocol::types::Millis;

use super::Offsets;
use crate::group::{GroupConfig, Record};
use crate::machine::Decision;

/// "By the broker's retention" as `retention_time_ms`.
const DEFAULT_RETENTION: i64 = -1;

impl Offsets {
    /// The records of a commit. Topics have their names here, whatever the version, and exist.
    pub fn commit(
        request: &OffsetCommitRequest,
        now: Millis,
        config: &GroupConfig,
    ) -> Decision<Record, OffsetCommitResponse> {
        let mut records = Vec::new();
        let expire_timestamp = if request.retention_time_ms == DEFAULT_RETENTION {
            -1
        } else {
            now.0.saturating_add(request.retention_time_ms)
        };
        let topics = request
            .topics
            .iter()
            .map(|topic| OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions: topic
                    .partitions
                    .iter()
                    .map(|p| {
                        let metadata = p.committed_metadata.clone().unwrap_or_default();
                        let error = if too_long(&metadata, config.offset_metadata_max) {
                            ErrorCode::OffsetMetadataTooLarge
                        } else {
                            records.push(Record::offset(
                                &request.group_id,
                                &topic.name,
                                p.partition_index,
                                OffsetCommitValue {
                                    offset: p.committed_offset,
                                    leader_epoch: p.committed_leader_epoch,
                                    metadata,
                                    commit_timestamp: now.0,
                                    expire_timestamp,
                                    topic_id: topic.topic_id,
                                },
                            ));
                            ErrorCode::None
                        };
                        OffsetCommitResponsePartition {
                            partition_index: p.partition_index,
                            error_code: error.code(),
                        }
                    })
                    .collect(),
            })
            .collect();
        Decision {
            records,
            reply: OffsetCommitResponse {
                topics,
                ..Default::default()
            },
        }
    }
}

/// `offset.metadata.max.bytes` counts what Java calls characters.
fn too_long(metadata: &str, max: usize) -> bool {
    metadata.len() > max && metadata.encode_utf16().count() > max
}
