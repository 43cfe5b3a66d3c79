//! AddRaftVoter (KIP-853): a controller that follows the log becomes a voter.
//!
//! The node's directory id is not kept: a voter that lost its disk is told by its empty log.

use std::time::Duration;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{AddRaftVoterRequest, AddRaftVoterResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};
use crate::meta::MemberError;

/// The longest that a new voter may take to get the log.
const WAIT_MAX_MS: i32 = 60_000;

/// The code and the sentence for a change of voters that failed.
pub(super) fn fault(error: &MemberError) -> (i16, Option<Str>) {
    let code = match error {
        MemberError::Duplicate(_) => ErrorCode::DuplicateVoter,
        MemberError::NotFound(_) => ErrorCode::VoterNotFound,
        MemberError::Last => ErrorCode::InvalidRequest,
        MemberError::Late => ErrorCode::RequestTimedOut,
        MemberError::Raft(_) => ErrorCode::NotController,
    };
    (code.code(), Some(Str::from(error.to_string())))
}

pub fn handle(ctx: &Ctx, request: AddRaftVoterRequest) -> Reply<AddRaftVoterResponse> {
    let refused = |error: ErrorCode, message: &str| {
        Reply::Now(AddRaftVoterResponse {
            error_code: error.code(),
            error_message: Some(Str::from(message)),
            ..Default::default()
        })
    };
    let meta = ctx.node.meta.clone();
    let known = |id: &Str| *id == ctx.node.cluster_id;
    if !request.cluster_id.as_ref().is_none_or(known) {
        let error = ErrorCode::InconsistentClusterId;
        return refused(error, error.message());
    }
    let Some(controller) = meta.controller().filter(|_| meta.is_active()).cloned() else {
        let error = ErrorCode::NotLeaderOrFollower;
        return refused(error, error.message());
    };
    let Some(listener) = request.listeners.first().filter(|_| request.voter_id >= 0) else {
        return refused(
            ErrorCode::InvalidRequest,
            "Add voter request didn't include a valid voter",
        );
    };
    let addr = format!("{}:{}", listener.host, listener.port);
    let within = Duration::from_millis(request.timeout_ms.clamp(1, WAIT_MAX_MS) as u64);
    Reply::later(async move {
        match controller
            .members
            .add(request.voter_id, &addr, within)
            .await
        {
            Ok(()) => AddRaftVoterResponse::default(),
            Err(e) => {
                let (error_code, error_message) = fault(&e);
                AddRaftVoterResponse {
                    error_code,
                    error_message,
                    ..Default::default()
                }
            }
        }
    })
}
