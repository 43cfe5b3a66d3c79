//! DeleteRecords (KIP-107): moves the start of a log, at every replica before the answer. Whole segments are deleted afterwards.

use std::time::Duration;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use airis_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use airis_protocol::names;
use airis_protocol::types::{LeaderEpoch, Offset, PartitionId};

use airis_storage::ReadError;

use super::{Ctx, Reply};
use crate::node::Node;
use crate::task;
use crate::time::{Instant, timeout_at};

/// "Everything that is committed."
const HIGH_WATERMARK: i64 = -1;

pub fn handle(ctx: &Ctx, request: DeleteRecordsRequest) -> Reply<DeleteRecordsResponse> {
    // On a blocking thread: checkpoints are written before the answer, so that what was deleted stays deleted.
    let node = ctx.node.clone();
    let waiting_on = node.clone();
    let deadline = Instant::now() + Duration::from_millis(request.timeout_ms.max(0) as u64);
    Reply::later(async move {
        let work = move || {
            let mut topics = Vec::with_capacity(request.topics.len());
            for topic in &request.topics {
                let partitions = topic
                    .partitions
                    .iter()
                    .map(|p| {
                        let index = PartitionId(p.partition_index);
                        let done = delete(&node, &topic.name, index, p.offset);
                        DeleteRecordsPartitionResult {
                            partition_index: p.partition_index,
                            low_watermark: done.map_or(-1, |start| start.0),
                            error_code: done.err().unwrap_or(ErrorCode::None).code(),
                        }
                    })
                    .collect();
                topics.push(DeleteRecordsTopicResult {
                    name: topic.name.clone(),
                    partitions,
                });
            }
            if let Err(e) = node
                .partitions
                .disks()
                .write_log_starts(&node.partitions.all())
            {
                tracing::warn!("the new start of a log is not on disk yet: {e}");
            }
            DeleteRecordsResponse {
                topics,
                ..Default::default()
            }
        };
        let mut response = task::blocking(work)
            .await
            .unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
        for topic in &mut response.topics {
            for p in topic.partitions.iter_mut().filter(|p| p.error_code == 0) {
                if let Err(error) = replicas_too(&waiting_on, &topic.name, p, deadline).await {
                    p.low_watermark = -1;
                    p.error_code = error.code();
                }
            }
        }
        response
    })
}

/// Waits until every live replica has moved its start as well; the answer is the first offset that any of them still has.
async fn replicas_too(
    node: &Node,
    topic: &str,
    done: &mut DeleteRecordsPartitionResult,
    deadline: Instant,
) -> Result<(), ErrorCode> {
    let index = PartitionId(done.partition_index);
    let partition = node.partitions.by_name(topic, index)?;
    let started = partition.low_reached(Offset(done.low_watermark));
    timeout_at(deadline, started)
        .await
        .unwrap_or(Err(ErrorCode::RequestTimedOut))?;
    done.low_watermark = partition.low_watermark().0;
    Ok(())
}

fn delete(node: &Node, topic: &str, index: PartitionId, offset: i64) -> Result<Offset, ErrorCode> {
    let partition = node.partitions.by_name(topic, index)?;
    if names::is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    partition.check_leader(LeaderEpoch(-1))?;
    let cleanup = partition.config().cleanup_policy;
    if cleanup.compact && !cleanup.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let high_watermark = partition.high_watermark();
    let to = match offset {
        HIGH_WATERMARK => high_watermark,
        offset => Offset(offset),
    };
    if to.0 < 0 || to > high_watermark {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    partition.advance_start(to).map_err(|e| match e {
        ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        e => {
            tracing::error!(topic, partition = %index, "records could not be deleted: {e}");
            ErrorCode::KafkaStorageError
        }
    })?;
    Ok(partition.log().start())
}
