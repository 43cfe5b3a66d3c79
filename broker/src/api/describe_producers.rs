//! DescribeProducers (KIP-664): the producers that a partition remembers.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use airis_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use airis_protocol::names;
use airis_protocol::types::{PartitionId, Str};

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: DescribeProducersRequest) -> Reply<DescribeProducersResponse> {
    let topics = request
        .topics
        .iter()
        .map(|topic| TopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partition_indexes
                .iter()
                .map(|index| match producers(ctx, &topic.name, *index) {
                    Ok(active_producers) => PartitionResponse {
                        partition_index: *index,
                        active_producers,
                        ..Default::default()
                    },
                    Err(error) => PartitionResponse {
                        partition_index: *index,
                        error_code: error.code(),
                        error_message: Some(Str::from_static(error.message())),
                        ..Default::default()
                    },
                })
                .collect(),
        })
        .collect();
    Reply::Now(DescribeProducersResponse {
        topics,
        ..Default::default()
    })
}

fn producers(ctx: &Ctx, topic: &str, index: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    if names::validate_topic(topic).is_err() {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = ctx.node.partitions.by_name(topic, PartitionId(index))?;
    Ok(partition
        .log()
        .producers()
        .into_iter()
        .map(|p| ProducerState {
            producer_id: p.producer.0,
            producer_epoch: i32::from(p.epoch.0),
            last_sequence: p.last_sequence,
            last_timestamp: p.last_timestamp.0,
            coordinator_epoch: p.coordinator_epoch,
            current_txn_start_offset: p.txn_first.map_or(-1, |o| o.0),
        })
        .collect())
}
