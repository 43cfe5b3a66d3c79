//! BrokerRegistration: a broker's process comes.
//!
//! Must never: let a second process take the id of one that lives.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{BrokerRegistrationRequest, BrokerRegistrationResponse};
use airis_protocol::types::{BrokerEpoch, NodeId, Uuid};

use super::{Ctx, Reply};
use crate::meta::MetaHandle;

/// As the active controller; for the node's own broker, and for others (`handle`).
pub async fn register(
    meta: &MetaHandle,
    request: BrokerRegistrationRequest,
) -> BrokerRegistrationResponse {
    let refused = |error: ErrorCode| BrokerRegistrationResponse {
        error_code: error.code(),
        broker_epoch: -1,
        ..Default::default()
    };
    let Some(controller) = meta.controller().filter(|_| meta.is_active()) else {
        return refused(ErrorCode::NotController);
    };
    let id = NodeId(request.broker_id);
    let image = meta.image();
    // Whoever holds the very log directories holds their locks: of two only one can live.
    let same_disks = |known: &[Uuid]| {
        let mut named = request.log_dirs.clone();
        named.sort();
        !named.is_empty() && named == known
    };
    if let Some(known) = image.broker(id)
        && known.incarnation != request.incarnation_id
        && !known.fenced
        && controller
            .sessions
            .lives(id, known.epoch, same_disks(&known.directories))
    {
        return refused(ErrorCode::DuplicateBrokerRegistration);
    }
    match meta.submit(Command::RegisterBroker(request)).await {
        Ok(Decided::RegisterBroker(response)) => {
            let epoch = BrokerEpoch(response.broker_epoch);
            controller.sessions.heard(id, epoch, None);
            response
        }
        Ok(other) => unreachable!("a registration was answered by {other:?}"),
        Err(error) => refused(error),
    }
}

pub fn handle(ctx: &Ctx, request: BrokerRegistrationRequest) -> Reply<BrokerRegistrationResponse> {
    let meta = ctx.node.meta.clone();
    // This node's own broker does not come through a socket while this node decides: whoever else has its id is a second one.
    let known = meta.image().broker(ctx.node.id).map(|b| b.incarnation);
    if request.broker_id == ctx.node.id.0
        && meta.is_active()
        && request.cluster_id == ctx.node.cluster_id
        && known.is_some_and(|known| known != request.incarnation_id)
    {
        return Reply::Now(BrokerRegistrationResponse {
            error_code: ErrorCode::DuplicateBrokerRegistration.code(),
            broker_epoch: -1,
            ..Default::default()
        });
    }
    Reply::later(async move { register(&meta, request).await })
}
