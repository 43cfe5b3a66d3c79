//! Heartbeat and LeaveGroup.
//!
//! Always holds: a member that left is not waited for. Must never: let an old member of an instance id push out its successor.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::leave_group_request::MemberIdentity;
use airis_protocol::messages::leave_group_response::MemberResponse;
use airis_protocol::messages::{HeartbeatRequest, LeaveGroupRequest, LeaveGroupResponse};
use airis_protocol::types::Str;

use super::{ClassicGroup, Cx, State, sync_error};

impl ClassicGroup {
    pub fn heartbeat(&self, request: &HeartbeatRequest, cx: &mut Cx) -> Result<(), ErrorCode> {
        self.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        match self.state {
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => {
                self.touch(&request.member_id.detach(), cx);
                Err(ErrorCode::RebalanceInProgress)
            }
            State::CompletingRebalance | State::Stable => {
                self.touch(&request.member_id.detach(), cx);
                Ok(())
            }
        }
    }

    /// Takes out every member named, each with its own answer; one rebalance for all of them.
    pub fn leave(&mut self, request: &LeaveGroupRequest, cx: &mut Cx) -> LeaveGroupResponse {
        let members: Vec<MemberResponse> = request
            .members
            .iter()
            .map(|who| MemberResponse {
                member_id: who.member_id.clone(),
                group_instance_id: who.group_instance_id.clone(),
                error_code: self
                    .leave_one(who, cx)
                    .err()
                    .unwrap_or(ErrorCode::None)
                    .code(),
            })
            .collect();
        if members.iter().any(|m| m.error_code == 0) {
            match self.state {
                State::Stable | State::CompletingRebalance => self.prepare_rebalance(cx),
                State::PreparingRebalance => self.maybe_complete_join(cx),
                State::Empty => {}
            }
        }
        LeaveGroupResponse {
            members,
            ..Default::default()
        }
    }

    fn leave_one(&mut self, who: &MemberIdentity, cx: &mut Cx) -> Result<(), ErrorCode> {
        let id = if who.member_id.is_empty() {
            // An administrator removes a static member by its instance id.
            let instance = who
                .group_instance_id
                .as_ref()
                .ok_or(ErrorCode::UnknownMemberId)?;
            let id = self.instances.get(instance);
            id.ok_or(ErrorCode::UnknownMemberId)?.clone()
        } else {
            if !self.pending_join.contains(&who.member_id) {
                self.validate_member(&who.member_id, who.group_instance_id.as_ref())?;
            }
            who.member_id.clone()
        };
        self.take_out(&id, cx);
        Ok(())
    }

    fn take_out(&mut self, id: &Str, cx: &mut Cx) {
        cx.timers.cancel(&self.heartbeat_key(id));
        self.answer_join(id, ErrorCode::UnknownMemberId, cx);
        if let Some(token) = self.members.get_mut(id).and_then(|m| m.sync.take()) {
            cx.synced(token, sync_error(ErrorCode::UnknownMemberId));
        }
        self.remove(id);
    }
}
