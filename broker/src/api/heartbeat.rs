//! Heartbeat: a member is alive, and learns of a rebalance.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::{Ctx, Reply};

fn answer(code: ErrorCode) -> HeartbeatResponse {
    HeartbeatResponse {
        error_code: code.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: HeartbeatRequest) -> Reply<HeartbeatResponse> {
    if request.group_id.is_empty() {
        return Reply::Now(answer(ErrorCode::InvalidGroupId));
    }
    let beat = ctx.node.groups.step(&request.group_id, |shard, now, _| {
        shard.heartbeat(now, &request)
    });
    match beat {
        Ok((result, commit)) => {
            let response = answer(result.err().unwrap_or(ErrorCode::None));
            commit.reply(response, answer)
        }
        // Sessions begin anew once the group is loaded: a member has nothing to do.
        Err(ErrorCode::CoordinatorLoadInProgress) => Reply::Now(answer(ErrorCode::None)),
        Err(code) => Reply::Now(answer(code)),
    }
}
