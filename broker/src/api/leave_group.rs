//! LeaveGroup: members go, one by one or many at a time (KIP-345).

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::leave_group_request::MemberIdentity;
use airis_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::{Ctx, Reply};

/// From here on a request names several members, and each has its own answer.
const BATCHED_FROM: i16 = 3;

fn failed(code: ErrorCode) -> LeaveGroupResponse {
    LeaveGroupResponse {
        error_code: code.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, mut request: LeaveGroupRequest) -> Reply<LeaveGroupResponse> {
    if request.group_id.is_empty() {
        return Reply::Now(failed(ErrorCode::InvalidGroupId));
    }
    if ctx.version < BATCHED_FROM {
        request.members = vec![MemberIdentity {
            member_id: std::mem::take(&mut request.member_id),
            ..Default::default()
        }];
    }
    let left = ctx.node.groups.step(&request.group_id, |shard, now, out| {
        shard.leave(now, &request, out)
    });
    match left {
        Err(code) => Reply::Now(failed(code)),
        Ok((mut response, commit)) => {
            if ctx.version < BATCHED_FROM {
                response.error_code = response.members.first().map_or(0, |m| m.error_code);
                response.members.clear();
            }
            commit.reply(response, failed)
        }
    }
}
