//! BrokerHeartbeat: a broker lives, and says what it wants to be.
//!
//! Always holds: a heartbeat that changes nothing costs no decision. Must never: renew a session at a controller that no majority
//! follows.

use std::sync::Arc;

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use airis_protocol::types::{BrokerEpoch, NodeId};

use super::{Client, Ctx, Reply};
use crate::meta::MetaHandle;

/// As the active controller; here and from the node's own broker, which has no connection.
pub async fn heartbeat(
    meta: &MetaHandle,
    client: Option<Arc<Client>>,
    request: BrokerHeartbeatRequest,
) -> BrokerHeartbeatResponse {
    let refused = |error: ErrorCode| BrokerHeartbeatResponse {
        error_code: error.code(),
        is_fenced: true,
        ..Default::default()
    };
    let Some(controller) = meta.controller().filter(|_| meta.is_active()) else {
        return refused(ErrorCode::NotController);
    };
    let (id, epoch) = (NodeId(request.broker_id), BrokerEpoch(request.broker_epoch));
    let image = meta.image();
    let Some(broker) = image.broker(id).filter(|b| b.epoch == epoch) else {
        return refused(ErrorCode::StaleBrokerEpoch);
    };
    controller.sessions.heard(id, epoch, client.as_deref());
    let applied = request.current_metadata_offset;
    controller.spread.applied(id, applied);
    let caught_up = applied >= broker.epoch.0;
    let stays = !request.want_shut_down
        && !broker
            .directories
            .iter()
            .any(|d| request.offline_log_dirs.contains(d))
        && request.cordoned_log_dirs.is_none()
        && !broker.in_controlled_shutdown
        && (broker.fenced == request.want_fence || broker.fenced && !caught_up);
    if stays {
        return BrokerHeartbeatResponse {
            is_caught_up: caught_up,
            is_fenced: broker.fenced,
            ..Default::default()
        };
    }
    let lowest = controller.spread.lowest(&image);
    let passed = controller.departures.lock().passed(&image, id, lowest);
    match meta.submit(Command::Heartbeat { request, passed }).await {
        Ok(Decided::Heartbeat(response)) => response,
        Ok(other) => unreachable!("a heartbeat was answered by {other:?}"),
        Err(error) => refused(error),
    }
}

pub fn handle(ctx: &Ctx, request: BrokerHeartbeatRequest) -> Reply<BrokerHeartbeatResponse> {
    let (meta, client) = (ctx.node.meta.clone(), ctx.client.clone());
    Reply::later(async move { heartbeat(&meta, Some(client), request).await })
}
