//! ListOffsets: the offset of a time, or of one of the named places of a log.
//!
//! Always holds: what a consumer is told can be fetched: nothing at or beyond the high watermark (or last stable offset). Must never:
//! answer from a log that this node does not lead, but to a tool that asks for just that.

use std::collections::BTreeSet;

use std::sync::Arc;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use airis_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use airis_protocol::types::{LeaderEpoch, Millis, Offset, PartitionId};
use airis_storage::ReadError;

use super::{Ctx, Reply};
use crate::partition::Partition;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

const READ_COMMITTED: i8 = 1;
/// Answers carry leader epochs from this version on.
const EPOCHS_FROM: i16 = 4;
/// From this version on clients know `OFFSET_NOT_AVAILABLE` (KIP-207).
const NOT_AVAILABLE_FROM: i16 = 5;
/// `replica_id` of a consumer; others (brokers, tools) see the end of the log itself.
const CONSUMER: i32 = -1;
/// `replica_id` of a tool that wants this replica's own view, leader or not.
const DEBUGGING: i32 = -2;

/// Timestamp, offset and leader epoch; -1 each for "none".
type Found = (i64, i64, i32);
const NONE: Found = (-1, -1, -1);

pub fn handle(ctx: &Ctx, request: ListOffsetsRequest) -> Reply<ListOffsetsResponse> {
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for topic in &request.topics {
        for p in &topic.partitions {
            if !seen.insert((topic.name.clone(), p.partition_index)) {
                twice.insert((topic.name.clone(), p.partition_index));
            }
        }
    }
    let topics = request
        .topics
        .iter()
        .map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|p| {
                    let index = p.partition_index;
                    let found = if twice.contains(&(topic.name.clone(), index)) {
                        Err(ErrorCode::InvalidRequest)
                    } else if !supported(p.timestamp, ctx.version) {
                        Err(ErrorCode::UnsupportedVersion)
                    } else {
                        ctx.node
                            .partitions
                            .by_name(&topic.name, PartitionId(index))
                            .and_then(|partition| {
                                let epoch = LeaderEpoch(p.current_leader_epoch);
                                match request.replica_id {
                                    DEBUGGING => partition.check_replica(epoch)?,
                                    _ => partition.check_leader(epoch)?,
                                };
                                let bound = match request.replica_id {
                                    CONSUMER if request.isolation_level == READ_COMMITTED => {
                                        partition.last_stable()
                                    }
                                    CONSUMER => partition.high_watermark(),
                                    _ => partition.log().end(),
                                };
                                // KIP-207: what its predecessor has committed may be more than a new leader knows of.
                                let lagging = request.replica_id == CONSUMER && partition.lagging();
                                find(&partition, p.timestamp, bound, lagging)
                            })
                    };
                    let (error, (timestamp, offset, epoch)) = match found {
                        Ok(found) => (ErrorCode::None, found),
                        Err(ErrorCode::OffsetNotAvailable) if ctx.version < NOT_AVAILABLE_FROM => {
                            (ErrorCode::LeaderNotAvailable, NONE)
                        }
                        Err(error) => (error, NONE),
                    };
                    ListOffsetsPartitionResponse {
                        partition_index: index,
                        error_code: error.code(),
                        timestamp,
                        offset,
                        leader_epoch: if ctx.version >= EPOCHS_FROM {
                            epoch
                        } else {
                            -1
                        },
                    }
                })
                .collect(),
        })
        .collect();
    Reply::Now(ListOffsetsResponse {
        topics,
        ..Default::default()
    })
}

/// Each named place came with a version of its own (KIP-734, 405, 1005, 1023).
fn supported(timestamp: i64, version: i16) -> bool {
    match timestamp {
        0.. | LATEST | EARLIEST => true,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        EARLIEST_PENDING_UPLOAD => version >= 11,
        _ => false,
    }
}

fn find(
    partition: &Arc<Partition>,
    timestamp: i64,
    bound: Offset,
    lagging: bool,
) -> Result<Found, ErrorCode> {
    let log = partition.log();
    match timestamp {
        LATEST if lagging => Err(ErrorCode::OffsetNotAvailable),
        LATEST => Ok((-1, bound.0, partition.leader().1.0)),
        EARLIEST | EARLIEST_LOCAL => {
            let start = log.start();
            Ok((-1, start.0, log.epoch_at(start).map_or(-1, |e| e.0)))
        }
        // Nothing is tiered here.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(NONE),
        _ => {
            let found = match timestamp {
                MAX_TIMESTAMP => log.max_timestamp(),
                time => log.offset_for_time(Millis(time), bound),
            };
            let found = found.map_err(|e| match e {
                ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
                ReadError::Damaged { offset, .. } => partition.suspect(offset),
                ReadError::Storage(_) => ErrorCode::KafkaStorageError,
            })?;
            match found {
                Some(f) if f.offset < bound => Ok((f.timestamp.0, f.offset.0, f.leader_epoch.0)),
                Some(_) if lagging => Err(ErrorCode::OffsetNotAvailable),
                _ => Ok(NONE),
            }
        }
    }
}
