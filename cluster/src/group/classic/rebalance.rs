//! The rebalance: from "everybody join again" to a new generation, and the deadlines on the way.
//!
//! Always holds: a join phase ends when all members have joined or its deadline has come; a generation has a leader that takes
//! part in it. Must never: wait for a member without a deadline.

use airis_protocol::error::ErrorCode;
use airis_protocol::types::Str;

use super::{ClassicGroup, Cx, InitialDelay, Pending, State, join_error, sync_error};

impl ClassicGroup {
    pub(super) fn rebalance_or_complete_join(&mut self, cx: &mut Cx) {
        if self.state == State::PreparingRebalance {
            self.maybe_complete_join(cx);
        } else {
            self.prepare_rebalance(cx);
        }
    }

    pub(super) fn prepare_rebalance(&mut self, cx: &mut Cx) {
        if self.state == State::CompletingRebalance {
            self.reset_assignment(ErrorCode::RebalanceInProgress, cx);
        }
        self.pending_sync.clear();
        cx.timers.cancel(&self.sync_key());
        let initial = self.state == State::Empty;
        self.move_to(State::PreparingRebalance, cx.now);
        if initial {
            let delay_ms = cx.config.initial_rebalance_delay_ms;
            self.initial = Some(InitialDelay {
                delay_ms,
                remaining_ms: (self.rebalance_timeout_ms() - delay_ms).max(0),
            });
            cx.set_timer(self.join_key(), delay_ms);
        } else if self.all_joined() {
            self.complete_join(cx);
        } else {
            cx.set_timer(self.join_key(), self.rebalance_timeout_ms());
        }
    }

    /// Ends the join phase if everybody is here. The first one of a group always takes its full delay.
    pub(super) fn maybe_complete_join(&mut self, cx: &mut Cx) {
        if self.state == State::PreparingRebalance
            && self.previous != State::Empty
            && self.all_joined()
        {
            self.complete_join(cx);
        }
    }

    /// The deadline of the join phase has come.
    pub(in crate::group) fn join_deadline(&mut self, cx: &mut Cx) {
        if self.state != State::PreparingRebalance {
            return;
        }
        if let Some(initial) = self.initial
            && self.member_added
            && initial.remaining_ms != 0
        {
            // Members still come: wait once more, within what the members allow.
            self.member_added = false;
            let delay_ms = cx
                .config
                .initial_rebalance_delay_ms
                .min(initial.remaining_ms);
            self.initial = Some(InitialDelay {
                delay_ms,
                remaining_ms: (initial.remaining_ms - initial.delay_ms).max(0),
            });
            cx.set_timer(self.join_key(), delay_ms);
            return;
        }
        self.complete_join(cx);
    }

    pub(super) fn complete_join(&mut self, cx: &mut Cx) {
        cx.timers.cancel(&self.join_key());
        self.initial = None;
        self.member_added = false;
        // A dynamic member that has not come back is gone. A static one keeps its place until its session ends (KIP-345).
        let gone: Vec<Str> = self
            .members
            .values()
            .filter(|m| m.join.is_none() && !m.is_static())
            .map(|m| m.id.clone())
            .collect();
        for id in gone {
            self.remove(&id);
            cx.timers.cancel(&self.heartbeat_key(&id));
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Only static members are left and none has joined: their sessions, or one of them, will decide.
            cx.set_timer(self.join_key(), self.rebalance_timeout_ms().max(1));
            return;
        }
        self.next_generation(cx);
        if self.state == State::Empty {
            let record = self.record(|_| Default::default());
            cx.append(&self.id, Pending::Nothing, vec![record]);
            return;
        }
        let ids: Vec<Str> = self.members.keys().cloned().collect();
        for id in ids {
            let response = self.joined_response(&id);
            let member = self.members.get_mut(&id).expect("listed just now");
            member.is_new = false;
            if let Some(token) = member.join.take() {
                self.awaiting_join -= 1;
                cx.joined(token, response);
            }
            self.touch(&id, cx);
            self.pending_sync.insert(id);
        }
        cx.set_timer(self.sync_key(), self.rebalance_timeout_ms());
    }

    /// Sees to it that the leader is one that has joined. False: nobody has.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |id: &Str| self.members.get(id).is_some_and(|m| m.join.is_some());
        if self.leader.as_ref().is_some_and(joined) {
            return true;
        }
        let Some(member) = self.members.values().find(|m| m.join.is_some()) else {
            return false;
        };
        self.leader = Some(member.id.clone());
        true
    }

    fn next_generation(&mut self, cx: &mut Cx) {
        self.generation = self.generation.checked_add(1).unwrap_or(0);
        self.pending_sync.clear();
        if self.members.is_empty() {
            self.protocol = None;
            self.subscribed = self.compute_subscribed();
            self.move_to(State::Empty, cx.now);
        } else {
            self.protocol = Some(self.select_protocol());
            self.subscribed = self.compute_subscribed();
            self.move_to(State::CompletingRebalance, cx.now);
        }
    }

    /// The deadline of the sync phase has come: who has not asked for its assignment is out.
    pub(in crate::group) fn sync_deadline(&mut self, cx: &mut Cx) {
        if !matches!(self.state, State::CompletingRebalance | State::Stable)
            || self.pending_sync.is_empty()
        {
            return;
        }
        for id in std::mem::take(&mut self.pending_sync) {
            self.answer_join(&id, ErrorCode::UnknownMemberId, cx);
            self.remove(&id);
            cx.timers.cancel(&self.heartbeat_key(&id));
        }
        self.prepare_rebalance(cx);
    }

    /// A member's session has ended, or the time that an id which was given out may take.
    pub(in crate::group) fn session_deadline(&mut self, member: &Str, cx: &mut Cx) {
        if self.pending_join.contains(member) {
            self.remove(member);
            if self.state == State::PreparingRebalance
                && self.previous != State::Empty
                && self.all_joined()
            {
                self.complete_join(cx);
            }
        } else if self
            .members
            .get(member)
            .is_some_and(|m| !m.has_satisfied_heartbeat())
        {
            self.answer_join(member, ErrorCode::UnknownMemberId, cx);
            if let Some(token) = self.members.get_mut(member).and_then(|m| m.sync.take()) {
                cx.synced(token, sync_error(ErrorCode::UnknownMemberId));
            }
            self.remove(member);
            match self.state {
                State::Stable | State::CompletingRebalance => self.prepare_rebalance(cx),
                State::PreparingRebalance if self.previous != State::Empty => {
                    self.maybe_complete_join(cx);
                }
                State::PreparingRebalance | State::Empty => {}
            }
        }
    }

    /// Answers a waiting JoinGroup of a member that is about to go.
    pub(super) fn answer_join(&mut self, member: &Str, code: ErrorCode, cx: &mut Cx) {
        if let Some(token) = self.members.get_mut(member).and_then(|m| m.join.take()) {
            self.awaiting_join -= 1;
            cx.joined(token, join_error(&Str::default(), code));
        }
    }
}
