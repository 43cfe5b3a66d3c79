//! FetchSnapshot (KIP-630): a snapshot of the metadata, piece by piece, for brokers that are no voters.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_snapshot_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionSnapshot, SnapshotId, TopicSnapshot,
};
use airis_protocol::messages::{FetchSnapshotRequest, FetchSnapshotResponse};
use airis_protocol::types::{Records, Str};

use super::fetch_metadata::{is_other_cluster, judge, leader_and_epoch};
use super::{Ctx, Reply};
use crate::meta::ReadError;
use crate::task;

const TOPIC: &str = "__cluster_metadata";
/// The first version that says where the leader is.
const WITH_ENDPOINTS: i16 = 1;
/// The most bytes of one piece.
const PIECE_MAX: i32 = 8 << 20;

fn refused(error: ErrorCode) -> FetchSnapshotResponse {
    FetchSnapshotResponse {
        error_code: error.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: FetchSnapshotRequest) -> Reply<FetchSnapshotResponse> {
    let meta = ctx.node.meta.clone();
    let Some(controller) = meta.controller().cloned() else {
        return Reply::Now(refused(ErrorCode::NotController));
    };
    if is_other_cluster(ctx, &request.cluster_id) {
        return Reply::Now(refused(ErrorCode::InconsistentClusterId));
    }
    let asked = match &request.topics[..] {
        [topic] if topic.name.as_str() == TOPIC => match &topic.partitions[..] {
            [partition] if partition.partition == 0 => partition.clone(),
            _ => return Reply::Now(refused(ErrorCode::UnknownTopicOrPartition)),
        },
        _ => return Reply::Now(refused(ErrorCode::UnknownTopicOrPartition)),
    };
    let (leader_id, leader_epoch) = leader_and_epoch(&meta);
    let id = SnapshotId {
        end_offset: asked.snapshot_id.end_offset,
        epoch: asked.snapshot_id.epoch,
    };
    let max = request.max_bytes.clamp(1, PIECE_MAX) as usize;
    let with_endpoints = ctx.version >= WITH_ENDPOINTS;
    Reply::later(async move {
        let mut piece = PartitionSnapshot {
            snapshot_id: id,
            current_leader: LeaderIdAndEpoch {
                leader_id,
                leader_epoch,
            },
            position: asked.position,
            unaligned_records: Records::default(),
            ..Default::default()
        };
        let mut error = judge(&meta, asked.current_leader_epoch);
        if error == ErrorCode::None && asked.position < 0 {
            error = ErrorCode::PositionOutOfRange;
        }
        if error == ErrorCode::None {
            let controller = controller.clone();
            let read = task::blocking(move || {
                let (end, epoch) = (asked.snapshot_id.end_offset, asked.snapshot_id.epoch);
                let position = asked.position as u64;
                controller.log.snapshot_piece(end, epoch, position, max)
            })
            .await;
            match read {
                Ok(Ok((size, bytes))) => {
                    piece.size = size as i64;
                    piece.unaligned_records = Records::Bytes(bytes);
                }
                Ok(Err(ReadError::NoSnapshot)) => error = ErrorCode::SnapshotNotFound,
                Ok(Err(ReadError::Position(_))) => error = ErrorCode::PositionOutOfRange,
                Ok(Err(ReadError::Io(e))) => {
                    tracing::error!("a snapshot of the metadata cannot be read: {e}");
                    error = ErrorCode::KafkaStorageError;
                }
                Err(_) => error = ErrorCode::UnknownServerError,
            }
        }
        piece.error_code = error.code();
        let leader = controller
            .log
            .leader()
            .filter(|_| with_endpoints && error != ErrorCode::None);
        FetchSnapshotResponse {
            topics: vec![TopicSnapshot {
                name: Str::from_static(TOPIC),
                partitions: vec![piece],
            }],
            node_endpoints: leader
                .map(|(id, host, port)| NodeEndpoint {
                    node_id: id.0,
                    host: Str::from(host),
                    port,
                })
                .into_iter()
                .collect(),
            ..Default::default()
        }
    })
}
