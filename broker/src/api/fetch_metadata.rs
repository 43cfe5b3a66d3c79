//! Fetch on a listener for controllers: the metadata log, for brokers that are no voters.
//!
//! Always holds: only the active controller serves, and what it serves is committed: the high watermark is the log's end. Must
//! never: answer INVALID_REQUEST to what Kafka allows: a JVM observer exits on it.

use std::time::Duration;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_request::FetchPartition;
use airis_protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
    SnapshotId,
};
use airis_protocol::messages::{FetchRequest, FetchResponse};
use airis_protocol::types::{NodeId, Records, Str, Uuid};
use tokio::time::timeout;

use super::{Ctx, Reply};
use crate::meta::{Controller, MetaHandle, Standing};
use crate::task;

/// The first version with topic ids.
const WITH_IDS: i16 = 13;
/// The first version that says where the leader is.
const WITH_ENDPOINTS: i16 = 16;
/// The longest wait, and the most bytes of one answer: what Kafka's own observers ask for.
const WAIT_MAX_MS: i32 = 5_000;
const BYTES_MAX: i32 = 8 << 20;

fn refused(error: ErrorCode) -> FetchResponse {
    FetchResponse {
        error_code: error.code(),
        ..Default::default()
    }
}

/// Who leads, in the form of an answer.
pub(super) fn leader_and_epoch(meta: &MetaHandle) -> (i32, i32) {
    let now = *meta.leadership().borrow();
    (now.leader.map_or(-1, |l| l.0), now.epoch.0)
}

pub(super) fn is_other_cluster(ctx: &Ctx, cluster_id: &Option<Str>) -> bool {
    cluster_id
        .as_ref()
        .is_some_and(|id| *id != ctx.node.cluster_id)
}

/// What is wrong with the epoch that a reader believes in; active or not.
pub(super) fn judge(meta: &MetaHandle, epoch: i32) -> ErrorCode {
    let now = *meta.leadership().borrow();
    if epoch < now.epoch.0 {
        ErrorCode::FencedLeaderEpoch
    } else if epoch > now.epoch.0 {
        ErrorCode::UnknownLeaderEpoch
    } else if !now.active {
        ErrorCode::NotLeaderOrFollower
    } else {
        ErrorCode::None
    }
}

pub fn handle(ctx: &Ctx, request: FetchRequest) -> Reply<FetchResponse> {
    let meta = ctx.node.meta.clone();
    let Some(controller) = meta.controller().cloned() else {
        return Reply::Now(refused(ErrorCode::NotController));
    };
    if is_other_cluster(ctx, &request.cluster_id) {
        return Reply::Now(refused(ErrorCode::InconsistentClusterId));
    }
    if ctx.version < WITH_IDS {
        return Reply::Now(refused(ErrorCode::InvalidRequest));
    }
    let asked = match &request.topics[..] {
        [topic] if topic.topic_id == Uuid::METADATA_TOPIC => match &topic.partitions[..] {
            [partition] if partition.partition == 0 => partition.clone(),
            _ => return Reply::Now(refused(ErrorCode::InvalidRequest)),
        },
        _ => return Reply::Now(refused(ErrorCode::InvalidRequest)),
    };
    if request.max_wait_ms < 0
        || asked.fetch_offset < 0
        || asked.last_fetched_epoch < 0
        || asked.current_leader_epoch < 0
        || asked.last_fetched_epoch > asked.current_leader_epoch.max(0) && asked.fetch_offset > 0
    {
        let answer = failed(&meta, &controller, ErrorCode::InvalidRequest);
        return Reply::Now(whole(ctx.version, &controller, answer));
    }
    let replica = request.replica_id.max(request.replica_state.replica_id);
    if replica >= 0 {
        let directory = asked.replica_directory_id;
        controller
            .spread
            .fetched(NodeId(replica), asked.fetch_offset, directory);
    }
    let wait = Duration::from_millis(request.max_wait_ms.clamp(0, WAIT_MAX_MS) as u64);
    let max = request.max_bytes.clamp(1, BYTES_MAX) as usize;
    let version = ctx.version;
    Reply::later(async move {
        let mut published = meta.subscribe();
        let mut answer = answer(&meta, &controller, &asked, max).await;
        let empty = answer.error_code == 0
            && answer.snapshot_id.end_offset < 0
            && answer.diverging_epoch.end_offset < 0
            && matches!(&answer.records, Some(Records::Bytes(b)) if b.is_empty());
        if empty {
            let mut leadership = meta.leadership();
            leadership.borrow_and_update();
            let more = async {
                tokio::select! {
                    _ = published.wait_for(|o| *o >= asked.fetch_offset) => {}
                    _ = leadership.changed() => {}
                }
            };
            let _ = timeout(wait, more).await;
            answer = self::answer(&meta, &controller, &asked, max).await;
        }
        whole(version, &controller, answer)
    })
}

/// The response out of its only partition.
fn whole(version: i16, controller: &Controller, answer: PartitionData) -> FetchResponse {
    FetchResponse {
        node_endpoints: match version >= WITH_ENDPOINTS {
            true => endpoints(controller),
            false => Vec::new(),
        },
        responses: vec![FetchableTopicResponse {
            topic_id: Uuid::METADATA_TOPIC,
            partitions: vec![answer],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn failed(meta: &MetaHandle, controller: &Controller, error: ErrorCode) -> PartitionData {
    let (leader_id, leader_epoch) = leader_and_epoch(meta);
    PartitionData {
        error_code: error.code(),
        high_watermark: -1,
        log_start_offset: controller.log.start(),
        current_leader: LeaderIdAndEpoch {
            leader_id,
            leader_epoch,
        },
        records: Some(Records::default()),
        ..Default::default()
    }
}

fn endpoints(controller: &Controller) -> Vec<NodeEndpoint> {
    let leader = controller.log.leader();
    leader
        .map(|(id, host, port)| NodeEndpoint {
            node_id: id.0,
            host: Str::from(host),
            port: i32::from(port),
            rack: None,
        })
        .into_iter()
        .collect()
}

async fn answer(
    meta: &MetaHandle,
    controller: &std::sync::Arc<Controller>,
    asked: &FetchPartition,
    max: usize,
) -> PartitionData {
    let error = judge(meta, asked.current_leader_epoch);
    if error != ErrorCode::None {
        return failed(meta, controller, error);
    }
    let (leader_id, leader_epoch) = leader_and_epoch(meta);
    let current_leader = LeaderIdAndEpoch {
        leader_id,
        leader_epoch,
    };
    let (reader, offset, epoch) = (
        controller.clone(),
        asked.fetch_offset,
        asked.last_fetched_epoch,
    );
    let read = task::blocking(move || {
        let fetched = reader.log.fetch(offset, epoch, max)?;
        let mut data = PartitionData {
            high_watermark: fetched.end,
            log_start_offset: fetched.start,
            current_leader,
            records: Some(Records::Bytes(fetched.records)),
            ..Default::default()
        };
        match fetched.standing {
            Standing::Log => {}
            Standing::Diverges { epoch, end } => {
                data.diverging_epoch = EpochEndOffset {
                    epoch,
                    end_offset: end,
                };
            }
            Standing::Snapshot { end, epoch } => {
                data.snapshot_id = SnapshotId {
                    end_offset: end,
                    epoch,
                };
            }
        }
        Ok::<_, crate::meta::ReadError>(data)
    })
    .await;
    match read {
        Ok(Ok(data)) => data,
        unread => {
            if let Ok(Err(e)) = unread {
                tracing::error!("the metadata log cannot be read: {e}");
            }
            failed(meta, controller, ErrorCode::KafkaStorageError)
        }
    }
}
