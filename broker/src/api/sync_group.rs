//! SyncGroup: the leader brings the assignment, every member takes its own.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use super::{Ctx, Reply};

/// From here on the protocol has to be named (KIP-559).
const PROTOCOL_FROM: i16 = 5;

pub fn handle(ctx: &Ctx, request: SyncGroupRequest) -> Reply<SyncGroupResponse> {
    let failed = |code: ErrorCode| {
        Reply::Now(SyncGroupResponse {
            error_code: code.code(),
            ..Default::default()
        })
    };
    if ctx.version >= PROTOCOL_FROM
        && (request.protocol_type.is_none() || request.protocol_name.is_none())
    {
        return failed(ErrorCode::InconsistentGroupProtocol);
    }
    if request.group_id.is_empty() {
        return failed(ErrorCode::InvalidGroupId);
    }
    match ctx.node.groups.sync(&request) {
        Ok(answer) => Reply::later(answer),
        Err(code) => failed(code),
    }
}
