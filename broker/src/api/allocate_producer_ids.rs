//! AllocateProducerIds (KIP-730): a block of ids for a broker to hand out.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use airis_protocol::types::{BrokerEpoch, NodeId};

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: AllocateProducerIdsRequest,
) -> Reply<AllocateProducerIdsResponse> {
    let meta = ctx.node.meta.clone();
    let command = Command::AllocateProducerIds {
        broker: NodeId(request.broker_id),
        epoch: BrokerEpoch(request.broker_epoch),
    };
    Reply::later(async move {
        match meta.submit(command).await {
            Ok(Decided::ProducerIds { first, count }) => AllocateProducerIdsResponse {
                producer_id_start: first,
                producer_id_len: count,
                ..Default::default()
            },
            Ok(other) => unreachable!("AllocateProducerIds was answered by {other:?}"),
            Err(error) => AllocateProducerIdsResponse {
                error_code: error.code(),
                ..Default::default()
            },
        }
    })
}
