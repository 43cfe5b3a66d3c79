//! OffsetForLeaderEpoch (KIP-101, 279, 320): where an epoch ends in the leader's log.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use airis_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use airis_protocol::types::{LeaderEpoch, PartitionId};

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: OffsetForLeaderEpochRequest,
) -> Reply<OffsetForLeaderEpochResponse> {
    let topics = request
        .topics
        .iter()
        .map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|p| {
                    let asked = LeaderEpoch(p.leader_epoch);
                    let found = ctx
                        .node
                        .partitions
                        .by_name(&topic.topic, PartitionId(p.partition))
                        .and_then(|partition| {
                            partition.check_leader(LeaderEpoch(p.current_leader_epoch))?;
                            Ok(partition.log().epoch_end(asked))
                        });
                    let (error, end) = match found {
                        Ok(end) => (ErrorCode::None, end),
                        Err(error) => (error, None),
                    };
                    EpochEndOffset {
                        error_code: error.code(),
                        partition: p.partition,
                        leader_epoch: end.map_or(-1, |(epoch, _)| epoch.0),
                        end_offset: end.map_or(-1, |(_, offset)| offset.0),
                    }
                })
                .collect(),
        })
        .collect();
    Reply::Now(OffsetForLeaderEpochResponse {
        topics,
        ..Default::default()
    })
}
