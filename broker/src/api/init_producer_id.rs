//! InitProducerId: ids for idempotent producers. Transactional ids are refused: transactions are not served (see docs/COMPAT.md).

use airis_protocol::batch::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: InitProducerIdRequest) -> Reply<InitProducerIdResponse> {
    let refused = |error: ErrorCode| {
        Reply::Now(InitProducerIdResponse {
            error_code: error.code(),
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            ..Default::default()
        })
    };
    let known = (
        request.producer_id != NO_PRODUCER_ID,
        request.producer_epoch != NO_PRODUCER_EPOCH,
    );
    if known.0 != known.1 {
        return refused(ErrorCode::InvalidRequest);
    }
    match &request.transactional_id {
        Some(id) if id.is_empty() => return refused(ErrorCode::InvalidRequest),
        // Not COORDINATOR_NOT_AVAILABLE: a client would try for a minute and then tell of a time-out.
        Some(_) => return refused(ErrorCode::TransactionalIdAuthorizationFailed),
        None => {}
    }
    // An idempotent producer without a transactional id always gets a new id, whatever it had (KIP-360).
    let node = ctx.node.clone();
    Reply::later(async move {
        match node
            .producer_ids
            .next(&node.meta, node.id, node.epoch())
            .await
        {
            Ok(id) => InitProducerIdResponse {
                producer_id: id.0,
                producer_epoch: 0,
                ..Default::default()
            },
            // There are no ids for now: the one code that every producer tries again after.
            Err(_) => InitProducerIdResponse {
                error_code: ErrorCode::CoordinatorLoadInProgress.code(),
                producer_id: NO_PRODUCER_ID,
                producer_epoch: NO_PRODUCER_EPOCH,
                ..Default::default()
            },
        }
    })
}
