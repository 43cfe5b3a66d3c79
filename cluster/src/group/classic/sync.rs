//! SyncGroup: the leader's assignment goes to the log, and from there to the members.
//!
//! Always holds: a member sees its assignment only once the assignment of all is committed. Must never: give an assignment of an
//! older generation.

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use airis_protocol::types::Str;
use bytes::Bytes;

use super::{ClassicGroup, Cx, Pending, State, sync_error};
use crate::group::Token;

impl ClassicGroup {
    pub fn sync(&mut self, token: Token, request: &SyncGroupRequest, cx: &mut Cx) {
        if let Err(code) = self.validate_sync(request) {
            cx.synced(token, sync_error(code));
            return;
        }
        let id = &request.member_id;
        match self.state {
            // Checked by the shard already: an empty group has no members.
            State::Empty => cx.synced(token, sync_error(ErrorCode::UnknownMemberId)),
            State::PreparingRebalance => {
                cx.synced(token, sync_error(ErrorCode::RebalanceInProgress));
            }
            State::CompletingRebalance => {
                let member = self.members.get_mut(id).expect("validated");
                if let Some(earlier) = member.sync.replace(token) {
                    cx.synced(earlier, sync_error(ErrorCode::RebalanceInProgress));
                }
                self.sync_received(id, cx);
                if self.is_leader(id) {
                    self.store_assignment(request, cx);
                }
            }
            State::Stable => {
                self.sync_received(id, cx);
                let response = self.synced_response(self.members[id].assignment.clone());
                cx.synced(token, response);
            }
        }
    }

    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        self.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs =
            |a: &Option<Str>, b: &Option<Str>| matches!((a, b), (Some(a), Some(b)) if a != b);
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn sync_received(&mut self, id: &Str, cx: &mut Cx) {
        self.pending_sync.remove(id);
        if self.pending_sync.is_empty() {
            cx.timers.cancel(&self.sync_key());
        }
    }

    fn store_assignment(&mut self, request: &SyncGroupRequest, cx: &mut Cx) {
        // Members that the leader left out get nothing; ids that are no members' are dropped.
        let mut assignment: BTreeMap<Str, Bytes> = self
            .members
            .keys()
            .map(|id| (id.clone(), Bytes::new()))
            .collect();
        for given in &request.assignments {
            if let Some(slot) = assignment.get_mut(&given.member_id) {
                *slot = Bytes::copy_from_slice(&given.assignment);
            }
        }
        let record = self.record(|m| assignment[&m.id].clone());
        let generation = self.generation;
        cx.append(
            &self.id,
            Pending::Assignment {
                generation,
                assignment,
            },
            vec![record],
        );
    }

    fn synced_response(&self, assignment: Bytes) -> SyncGroupResponse {
        SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment,
            ..Default::default()
        }
    }

    /// The assignment is committed. If the group has moved on, it is of no use any more.
    pub(super) fn assigned(
        &mut self,
        generation: i32,
        assignment: &BTreeMap<Str, Bytes>,
        cx: &mut Cx,
    ) {
        if self.state != State::CompletingRebalance || self.generation != generation {
            return;
        }
        let ids: Vec<Str> = self.members.keys().cloned().collect();
        for id in ids {
            let member = self.members.get_mut(&id).expect("listed just now");
            member.assignment = assignment.get(&id).cloned().unwrap_or_default();
            if let Some(token) = member.sync.take() {
                let response = self.synced_response(self.members[&id].assignment.clone());
                cx.synced(token, response);
                // A session that ended while the member waited was let pass: count anew from here.
                self.touch(&id, cx);
            }
        }
        self.move_to(State::Stable, cx.now);
    }

    /// The assignment could not be written: everybody joins again.
    pub(super) fn assign_failed(&mut self, generation: i32, code: ErrorCode, cx: &mut Cx) {
        if self.state == State::CompletingRebalance && self.generation == generation {
            self.reset_assignment(code, cx);
            self.prepare_rebalance(cx);
        }
    }

    /// Takes all assignments back, and tells those who wait for theirs.
    pub(super) fn reset_assignment(&mut self, code: ErrorCode, cx: &mut Cx) {
        let ids: Vec<Str> = self.members.keys().cloned().collect();
        for id in ids {
            let member = self.members.get_mut(&id).expect("listed just now");
            member.assignment = Bytes::new();
            if let Some(token) = member.sync.take() {
                cx.synced(token, sync_error(code));
                self.touch(&id, cx);
            }
        }
    }
}
