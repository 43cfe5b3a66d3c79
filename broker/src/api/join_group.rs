//! JoinGroup: a member comes in, or comes again; the answer waits for the rebalance.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

/// From here on a rebalance has a timeout of its own.
const REBALANCE_TIMEOUT_FROM: i16 = 1;
/// From here on a protocol may be null.
const NULL_PROTOCOL_FROM: i16 = 7;

pub fn handle(ctx: &Ctx, mut request: JoinGroupRequest) -> Reply<JoinGroupResponse> {
    let version = ctx.version;
    if version < REBALANCE_TIMEOUT_FROM {
        request.rebalance_timeout_ms = request.session_timeout_ms;
    }
    let groups = &ctx.node.groups;
    if let Some(code) = groups.config().refuses_join(&request) {
        return Reply::Now(failed(version, request.member_id, code));
    }
    match groups.join(version, ctx.client_id.clone(), ctx.client_host(), &request) {
        Ok(answer) => Reply::later(async move { fit(version, answer.await) }),
        // Kafka forgets the member id here; so do its clients.
        Err(code) => Reply::Now(failed(version, Str::default(), code)),
    }
}

fn failed(version: i16, member_id: Str, code: ErrorCode) -> JoinGroupResponse {
    let response = JoinGroupResponse {
        error_code: code.code(),
        member_id,
        ..Default::default()
    };
    fit(version, response)
}

/// No protocol is null where that can be said, and empty before.
fn fit(version: i16, mut response: JoinGroupResponse) -> JoinGroupResponse {
    let name = response.protocol_name.take().filter(|n| !n.is_empty());
    response.protocol_name = match name {
        None if version < NULL_PROTOCOL_FROM => Some(Str::default()),
        other => other,
    };
    response
}
