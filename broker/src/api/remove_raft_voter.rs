//! RemoveRaftVoter (KIP-853): a voter votes no more.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};
use airis_protocol::types::Str;

use super::add_raft_voter::fault;
use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: RemoveRaftVoterRequest) -> Reply<RemoveRaftVoterResponse> {
    let refused = |error: ErrorCode| {
        Reply::Now(RemoveRaftVoterResponse {
            error_code: error.code(),
            error_message: Some(Str::from_static(error.message())),
            ..Default::default()
        })
    };
    let meta = ctx.node.meta.clone();
    let known = |id: &Str| *id == ctx.node.cluster_id;
    if !request.cluster_id.as_ref().is_none_or(known) {
        return refused(ErrorCode::InconsistentClusterId);
    }
    let Some(controller) = meta.controller().filter(|_| meta.is_active()).cloned() else {
        return refused(ErrorCode::NotLeaderOrFollower);
    };
    if request.voter_id < 0 {
        return refused(ErrorCode::InvalidRequest);
    }
    Reply::later(async move {
        match controller.members.remove(request.voter_id).await {
            Ok(()) => RemoveRaftVoterResponse::default(),
            Err(e) => {
                let (error_code, error_message) = fault(&e);
                RemoveRaftVoterResponse {
                    error_code,
                    error_message,
                    ..Default::default()
                }
            }
        }
    })
}
