//! JoinGroup: who may come in, and what it starts (Kafka's `classicGroupJoin`, KIP-345 for static members, KIP-394 for ids that
//! are given out first).
//!
//! Always holds: every JoinGroup is answered once, now or when the join phase ends. Must never: let a group grow past its limit.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use airis_protocol::types::{Millis, Str};

use super::member::offered;
use super::{ClassicGroup, Cx, Member, Pending, State, StaticRejoin, join_error, join_error_base};
use crate::group::{Joiner, Moment, NEW_MEMBER_JOIN_TIMEOUT_MS};

/// From here on a member without an id is given one and asked to come again with it (KIP-394).
const MEMBER_ID_REQUIRED_FROM: i16 = 4;
/// From here on a leader can be told not to assign anew (KIP-814).
const SKIP_ASSIGNMENT_FROM: i16 = 9;

impl ClassicGroup {
    /// Handles a JoinGroup.
    pub fn join(&mut self, who: Joiner, request: &JoinGroupRequest, cx: &mut Cx) {
        if !self.accepts(&request.member_id, cx) {
            self.remove_and_cancel(&request.member_id, cx);
            cx.joined(
                who.token,
                join_error(&Str::default(), ErrorCode::GroupMaxSizeReached),
            );
            return;
        }
        let names = || request.protocols.iter().map(|p| &p.name);
        if !self.supports(&request.protocol_type, names()) {
            let response = join_error(&request.member_id, ErrorCode::InconsistentGroupProtocol);
            cx.joined(who.token, response);
            return;
        }
        if request.member_id.is_empty() {
            self.join_new(who, request, cx);
        } else {
            self.join_existing(who, request, cx);
        }
    }

    fn remove_and_cancel(&mut self, id: &Str, cx: &mut Cx) {
        if let Some(token) = self.members.get(id).and_then(|m| m.sync) {
            cx.synced(token, super::sync_error(ErrorCode::UnknownMemberId));
        }
        self.remove(id);
        cx.timers.cancel(&self.heartbeat_key(id));
    }

    /// `group.max.size`. During a rebalance those who have joined count, so that the last ones of a group that is too large
    /// are turned away; at other times a member has its place.
    fn accepts(&self, member: &Str, cx: &Cx) -> bool {
        let known = self.members.get(member);
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                known.is_some_and(|m| m.join.is_some()) || self.awaiting_join < cx.config.max_size
            }
            State::CompletingRebalance | State::Stable => {
                known.is_some() || self.members.len() < cx.config.max_size
            }
        }
    }

    fn join_new(&mut self, who: Joiner, request: &JoinGroupRequest, cx: &mut Cx) {
        let name = request.group_instance_id.as_ref().unwrap_or(&who.client_id);
        let id = Str::from(format!("{}-{}", name.as_str(), dashed(who.random)));
        match &request.group_instance_id {
            Some(instance) => match self.instances.get(instance).cloned() {
                Some(old) => self.rejoin_static(who, request, instance.detach(), old, id, cx),
                None => self.add_member(who, request, id, cx),
            },
            None if who.version >= MEMBER_ID_REQUIRED_FROM => {
                self.pending_join.insert(id.clone());
                cx.set_timer(
                    self.heartbeat_key(&id),
                    i64::from(request.session_timeout_ms),
                );
                cx.joined(who.token, join_error(&id, ErrorCode::MemberIdRequired));
            }
            None => self.add_member(who, request, id, cx),
        }
    }

    fn join_existing(&mut self, who: Joiner, request: &JoinGroupRequest, cx: &mut Cx) {
        let id = &request.member_id;
        if self.pending_join.contains(id) {
            if request.group_instance_id.is_some() {
                // Given-out ids are for dynamic members only; Kafka fails such a request as a whole.
                cx.joined(who.token, join_error(id, ErrorCode::UnknownServerError));
                return;
            }
            let id = id.detach();
            return self.add_member(who, request, id, cx);
        }
        if let Err(code) = self.validate_member(id, request.group_instance_id.as_ref()) {
            cx.joined(who.token, join_error(id, code));
            return;
        }
        let unchanged = self.members[id].matches(&request.protocols);
        let rebalance = match self.state {
            State::Empty => {
                cx.joined(who.token, join_error(id, ErrorCode::UnknownMemberId));
                return;
            }
            State::PreparingRebalance => true,
            // It may not have got the first answer: the same question has the same answer.
            State::CompletingRebalance => !unchanged,
            // A leader that joins again wants a new assignment, e.g. because partitions were added.
            State::Stable => self.is_leader(id) || !unchanged,
        };
        if rebalance {
            // An earlier JoinGroup of the same member that still waits: its connection is gone or it will not care.
            if let Some(token) = self.members[id].join {
                cx.joined(token, join_error(id, ErrorCode::RebalanceInProgress));
            }
            self.update(
                id,
                offered(&request.protocols),
                request.rebalance_timeout_ms,
                request.session_timeout_ms,
                Some(who.token),
            );
            return self.rebalance_or_complete_join(cx);
        }
        let response = self.joined_response(id);
        cx.joined(who.token, response);
    }

    /// The current generation as a member is told it; the leader gets the members with it.
    pub(super) fn joined_response(&self, member: &Str) -> JoinGroupResponse {
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader_or_empty(),
            member_id: member.clone(),
            members: if self.is_leader(member) {
                self.member_list()
            } else {
                Vec::new()
            },
            ..join_error_base()
        }
    }

    fn add_member(&mut self, who: Joiner, request: &JoinGroupRequest, id: Str, cx: &mut Cx) {
        let member = Member {
            id: id.clone(),
            instance: request.group_instance_id.as_ref().map(Str::detach),
            client_id: who.client_id.detach(),
            client_host: who.client_host.detach(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocols: offered(&request.protocols),
            assignment: Default::default(),
            join: Some(who.token),
            sync: None,
            is_new: true,
        };
        if self.state == State::PreparingRebalance && self.previous == State::Empty {
            self.member_added = true;
        }
        self.add(member, &request.protocol_type.detach());
        cx.set_timer(self.heartbeat_key(&id), NEW_MEMBER_JOIN_TIMEOUT_MS);
        self.rebalance_or_complete_join(cx);
    }

    /// A static member without its id: it has been restarted. It takes its old place, if that can be done without a rebalance.
    fn rejoin_static(
        &mut self,
        who: Joiner,
        request: &JoinGroupRequest,
        instance: Str,
        old: Str,
        new: Str,
        cx: &mut Cx,
    ) {
        let leader = self.leader.clone();
        self.replace_static(&instance, &old, &new, cx);
        self.touch(&new, cx);
        let member = &self.members[&new];
        let before = StaticRejoin {
            instance,
            old,
            new: new.clone(),
            leader,
            version: who.version,
            protocols: member.protocols.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
        };
        self.update(
            &new,
            offered(&request.protocols),
            request.rebalance_timeout_ms,
            request.session_timeout_ms,
            Some(who.token),
        );
        match self.state {
            State::Stable if self.protocol.as_ref() == Some(&self.select_protocol()) => {
                let record = self.record(|m| m.assignment.clone());
                let pending = Pending::StaticRejoin(Box::new(before));
                cx.append(&self.id, pending, vec![record]);
            }
            State::Stable => self.rebalance_or_complete_join(cx),
            // The leader may have been told the old id: what it assigns to that would go nowhere.
            State::CompletingRebalance => self.prepare_rebalance(cx),
            State::PreparingRebalance | State::Empty => self.maybe_complete_join(cx),
        }
    }

    /// The new id of a static member is on the log: it may go on with its old assignment.
    pub(super) fn static_rejoined(&mut self, done: &StaticRejoin, cx: &mut Cx) {
        // A rebalance that began in between answers it when it ends.
        if self.state != State::Stable {
            return;
        }
        let Some(token) = self.members.get_mut(&done.new).and_then(|m| m.join.take()) else {
            return;
        };
        self.awaiting_join -= 1;
        // While it waited its session could not end, nor be prolonged.
        self.touch(&done.new, cx);
        let mut response = self.joined_response(&done.new);
        if done.version >= SKIP_ASSIGNMENT_FROM {
            response.skip_assignment = self.is_leader(&done.new);
        } else {
            // An older client must not take itself for the leader, or it would assign where nobody asks it to: it is told
            // the id that the leader had before.
            response.members = Vec::new();
            response.leader = done.leader.clone().unwrap_or_default();
        }
        cx.joined(token, response);
    }

    /// The new id could not be written: the member is who it was.
    pub(super) fn static_rejoin_failed(
        &mut self,
        failed: &StaticRejoin,
        code: ErrorCode,
        cx: &mut Cx,
    ) {
        // A rebalance that began in between was agreed on with what the member offers now; its end writes the new id, and answers.
        if self.state != State::Stable {
            return;
        }
        let Some(member) = self.members.get_mut(&failed.new) else {
            return;
        };
        let token = member.join;
        self.update(
            &failed.new,
            failed.protocols.clone(),
            failed.rebalance_timeout_ms,
            failed.session_timeout_ms,
            None,
        );
        self.replace_static(&failed.instance, &failed.new, &failed.old, cx);
        self.touch(&failed.old, cx);
        if let Some(token) = token {
            let response = JoinGroupResponse {
                error_code: code.code(),
                member_id: Str::default(),
                generation_id: self.generation,
                protocol_type: self.protocol_type.clone(),
                protocol_name: self.protocol.clone(),
                leader: failed.leader.clone().unwrap_or_default(),
                ..join_error_base()
            };
            cx.joined(token, response);
        }
    }

    /// The record that makes a new group known to the log before it has members.
    pub(in crate::group) fn announce(&self, cx: &mut Cx) {
        let since = self.state_since.unwrap_or(Millis(-1)).0;
        let record = crate::group::Record::group(&self.id, None, 0, None, None, since, Vec::new());
        cx.append(&self.id, Pending::NewGroup, vec![record]);
    }

    /// A group as the first JoinGroup makes it.
    pub(in crate::group) fn fresh(id: &Str, now: Moment) -> ClassicGroup {
        ClassicGroup::new(id.detach(), now.wall)
    }
}

/// A random uuid in its usual text form (version 4, RFC 9562), as Java writes it.
fn dashed(random: u128) -> String {
    let v = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        v >> 96,
        (v >> 80) & 0xffff,
        (v >> 64) & 0xffff,
        (v >> 48) & 0xffff,
        v & 0xffff_ffff_ffff
    )
}
