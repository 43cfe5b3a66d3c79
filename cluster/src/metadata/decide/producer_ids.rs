//! Blocks of producer ids.
//!
//! Always holds: no id is given out twice, in the life of the cluster. Must never: give a block to a broker that is not
//! registered in that epoch.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{MetadataRecord, ProducerIdsRecord};
use airis_protocol::types::{BrokerEpoch, NodeId};

use super::MetaDecision;
use super::brokers::check_epoch;
use crate::metadata::{Image, Reply};

/// How many ids a broker gets at a time (Kafka's `PRODUCER_ID_BLOCK_SIZE`).
pub const PRODUCER_ID_BLOCK: i32 = 1000;

pub(super) fn allocate(
    image: &Image,
    broker: NodeId,
    epoch: BrokerEpoch,
) -> Result<MetaDecision, ErrorCode> {
    check_epoch(image, broker, epoch)?;
    let first = image.next_producer_id();
    let next = first
        .checked_add(PRODUCER_ID_BLOCK.into())
        .ok_or(ErrorCode::UnknownServerError)?;
    Ok(MetaDecision {
        records: vec![MetadataRecord::ProducerIdsRecord(ProducerIdsRecord {
            broker_id: broker.0,
            broker_epoch: epoch.0,
            next_producer_id: next,
        })],
        reply: Reply::ProducerIds {
            first,
            count: PRODUCER_ID_BLOCK,
        },
    })
}
