//! A classic group out of its record, and the outcome of its appends.
//!
//! Always holds: a loaded group is Empty or Stable, with the protocol of its record as the only one that its members offer until
//! they join again. Must never: wait for a member that was there before the load without a deadline.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::GroupMetadataValue;
use airis_protocol::types::{Millis, Str};
use bytes::Bytes;

use super::{ClassicGroup, Cx, Member, Pending, Protocol, State};

impl ClassicGroup {
    /// The group that a record describes.
    pub fn load(id: &Str, value: &GroupMetadataValue) -> ClassicGroup {
        let some = |text: &Str| (!text.is_empty()).then(|| text.detach());
        let mut group = ClassicGroup::new(id.detach(), Millis(-1));
        group.state_since =
            (value.current_state_timestamp != -1).then_some(Millis(value.current_state_timestamp));
        group.generation = value.generation;
        group.protocol_type = some(&value.protocol_type);
        group.protocol = value.protocol.as_ref().map(Str::detach);
        group.leader = value.leader.as_ref().map(Str::detach);
        let protocol_type = value.protocol_type.detach();
        for m in &value.members {
            let instance = m.group_instance_id.as_ref().map(Str::detach);
            if instance
                .as_ref()
                .is_some_and(|i| group.instances.contains_key(i))
                || group.members.contains_key(&m.member_id)
            {
                // No broker writes this; of two that claim one place the first has it.
                continue;
            }
            let member = Member {
                id: m.member_id.detach(),
                instance,
                client_id: m.client_id.detach(),
                client_host: m.client_host.detach(),
                rebalance_timeout_ms: if m.rebalance_timeout == -1 {
                    m.session_timeout
                } else {
                    m.rebalance_timeout
                },
                session_timeout_ms: m.session_timeout,
                protocols: vec![Protocol {
                    name: group.protocol.clone().unwrap_or_default(),
                    metadata: Bytes::copy_from_slice(&m.subscription),
                }],
                assignment: Bytes::copy_from_slice(&m.assignment),
                join: None,
                sync: None,
                is_new: false,
            };
            group.add(member, &protocol_type);
        }
        if !group.members.is_empty() {
            group.state = State::Stable;
            // Kafka writes no such record; a leader that is no member could never be asked to assign.
            if !group
                .leader
                .as_ref()
                .is_some_and(|l| group.members.contains_key(l))
            {
                group.leader = group.members.keys().next().cloned();
            }
            group.protocol.get_or_insert_default();
        }
        group.subscribed = group.compute_subscribed();
        group
    }

    /// Everything has been replayed: sessions begin anew, and a group that is larger than allowed rebalances.
    pub fn loaded(&mut self, cx: &mut Cx) {
        let ids: Vec<Str> = self.members.keys().cloned().collect();
        for id in &ids {
            self.touch(id, cx);
        }
        if self.members.len() > cx.config.max_size && self.state == State::Stable {
            self.prepare_rebalance(cx);
        }
    }

    pub fn committed(&mut self, pending: &Pending, cx: &mut Cx) {
        match pending {
            Pending::Nothing | Pending::NewGroup => {}
            Pending::Assignment {
                generation,
                assignment,
            } => self.assigned(*generation, assignment, cx),
            Pending::StaticRejoin(done) => self.static_rejoined(done, cx),
        }
    }

    pub fn append_failed(&mut self, pending: &Pending, code: ErrorCode, cx: &mut Cx) {
        match pending {
            // An empty generation that is not on the log is replaced by the next one; until then a load would bring back
            // members that have left, whose sessions then end.
            Pending::Nothing | Pending::NewGroup => {}
            Pending::Assignment { generation, .. } => self.assign_failed(*generation, code, cx),
            Pending::StaticRejoin(failed) => self.static_rejoin_failed(failed, code, cx),
        }
    }

    /// Cancels every deadline of the group.
    pub fn cancel_timers(&self, timers: &mut crate::group::timers::Timers) {
        for id in self.members.keys().chain(&self.pending_join) {
            timers.cancel(&self.heartbeat_key(id));
        }
        timers.cancel(&self.join_key());
        timers.cancel(&self.sync_key());
    }
}
