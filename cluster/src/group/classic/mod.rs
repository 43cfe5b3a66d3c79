//! One classic group: its members, its state, and the rules between them (Kafka's `ClassicGroup`).
//!
//! Always holds: the counts of waiting members and of offered protocols are those of the members; there is a protocol that all
//! members offer; an instance id belongs to one member. Must never: answer a request twice.

mod join;
mod leave;
mod load;
mod member;
mod rebalance;
mod sync;

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::join_group_response::JoinGroupResponseMember;
use airis_protocol::messages::{
    ConsumerProtocolSubscription, JoinGroupResponse, SyncGroupResponse,
};
use airis_protocol::types::{Millis, Str};
use airis_protocol::wire::{Message, Reader};
use bytes::Bytes;

use super::timers::{TimerKey, Timers};
use super::{Effect, GroupConfig, Moment, Record, Ticket, Token};
pub(super) use member::{Member, Protocol};

/// The protocol type of consumers, whose subscriptions can be read.
const CONSUMER: &str = "consumer";

/// Where a group is in its rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No members; there may be offsets.
    Empty,
    /// Waits for all members to join again.
    PreparingRebalance,
    /// Waits for the leader's assignment.
    CompletingRebalance,
    Stable,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
        }
    }
}

/// How the first rebalance of a group is put off, so that members which start together share one generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InitialDelay {
    /// What is being waited now, in milliseconds.
    delay_ms: i64,
    /// What may be waited after it.
    remaining_ms: i64,
}

/// What an append is for, until its outcome is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pending {
    /// Nobody waits for it: a generation that ended empty.
    Nothing,
    /// A group that was not there before.
    NewGroup,
    /// The leader's assignment, by member.
    Assignment {
        generation: i32,
        assignment: BTreeMap<Str, Bytes>,
    },
    /// A static member that came back under a new id without a rebalance.
    StaticRejoin(Box<StaticRejoin>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct StaticRejoin {
    instance: Str,
    old: Str,
    new: Str,
    /// The leader before the replacement.
    leader: Option<Str>,
    version: i16,
    protocols: Vec<Protocol>,
    rebalance_timeout_ms: i32,
    session_timeout_ms: i32,
}

/// What a step of a group works with besides the group.
pub(super) struct Cx<'a> {
    pub now: Moment,
    pub config: &'a GroupConfig,
    pub timers: &'a mut Timers,
    pub pending: &'a mut BTreeMap<Ticket, (Str, Pending)>,
    pub next_ticket: &'a mut u64,
    pub out: &'a mut Vec<Effect>,
}

impl Cx<'_> {
    fn append(&mut self, group: &Str, pending: Pending, records: Vec<Record>) {
        let ticket = Ticket(*self.next_ticket);
        *self.next_ticket += 1;
        self.pending.insert(ticket, (group.clone(), pending));
        self.out.push(Effect::Append { ticket, records });
    }

    fn joined(&mut self, token: Token, response: JoinGroupResponse) {
        self.out.push(Effect::Joined { token, response });
    }

    fn synced(&mut self, token: Token, response: SyncGroupResponse) {
        self.out.push(Effect::Synced { token, response });
    }

    fn set_timer(&mut self, key: TimerKey, after_ms: i64) {
        self.timers
            .set(key, Millis(self.now.steady.0.saturating_add(after_ms)));
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClassicGroup {
    id: Str,
    state: State,
    previous: State,
    /// Wall time of the last change of state; unknown for groups of old records.
    state_since: Option<Millis>,
    /// `None`: no member has ever joined; the group only keeps offsets.
    protocol_type: Option<Str>,
    protocol: Option<Str>,
    generation: i32,
    leader: Option<Str>,
    members: BTreeMap<Str, Member>,
    /// Member ids by instance id.
    instances: BTreeMap<Str, Str>,
    /// Ids that were given out (KIP-394) and not used yet.
    pending_join: BTreeSet<Str>,
    /// Members that have not sent SyncGroup in this generation.
    pending_sync: BTreeSet<Str>,
    awaiting_join: usize,
    /// How many members offer a protocol.
    offered: BTreeMap<Str, usize>,
    /// The topics that the members consume; `None` if that cannot be known.
    subscribed: Option<BTreeSet<Str>>,
    initial: Option<InitialDelay>,
    /// A member came during the initial delay.
    member_added: bool,
}

impl ClassicGroup {
    /// A group without members, as the first JoinGroup or a commit from outside makes it.
    pub fn new(id: Str, now: Millis) -> Self {
        ClassicGroup {
            id,
            state: State::Empty,
            previous: State::Empty,
            state_since: Some(now),
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            awaiting_join: 0,
            offered: BTreeMap::new(),
            subscribed: None,
            initial: None,
            member_added: false,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn state_since(&self) -> Option<Millis> {
        self.state_since
    }

    pub fn protocol_type(&self) -> Option<&Str> {
        self.protocol_type.as_ref()
    }

    pub fn protocol(&self) -> Option<&Str> {
        self.protocol.as_ref()
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// No members and nobody on the way.
    pub fn is_unused(&self) -> bool {
        self.state == State::Empty && self.pending_join.is_empty()
    }

    pub fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_ref().is_some_and(|t| *t == CONSUMER)
    }

    pub fn knows_subscriptions(&self) -> bool {
        self.subscribed.is_some()
    }

    /// If it cannot be known a group of consumers counts as subscribed, so that nothing it needs is deleted.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    fn heartbeat_key(&self, member: &Str) -> TimerKey {
        TimerKey::Heartbeat {
            group: self.id.clone(),
            member: member.clone(),
        }
    }

    fn join_key(&self) -> TimerKey {
        TimerKey::Join {
            group: self.id.clone(),
        }
    }

    fn sync_key(&self) -> TimerKey {
        TimerKey::Sync {
            group: self.id.clone(),
        }
    }

    fn is_leader(&self, member: &str) -> bool {
        self.leader.as_ref().is_some_and(|l| *l == *member)
    }

    fn leader_or_empty(&self) -> Str {
        self.leader.clone().unwrap_or_default()
    }

    fn all_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_join.is_empty()
    }

    /// The longest of the members' rebalance timeouts, in milliseconds.
    fn rebalance_timeout_ms(&self) -> i64 {
        let longest = self.members.values().map(|m| m.rebalance_timeout_ms).max();
        i64::from(longest.unwrap_or(0).max(0))
    }

    fn move_to(&mut self, state: State, now: Moment) {
        let allowed = match state {
            State::Empty | State::CompletingRebalance => self.state == State::PreparingRebalance,
            State::PreparingRebalance => self.state != State::PreparingRebalance,
            State::Stable => self.state == State::CompletingRebalance,
        };
        assert!(allowed, "{:?} does not follow {:?}", state, self.state);
        self.previous = self.state;
        self.state = state;
        self.state_since = Some(now.wall);
    }

    /// Checks that a request comes from a member, and if it has an instance id from the member that has it now.
    fn validate_member(&self, member: &str, instance: Option<&Str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(owner) if *owner != *member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// True if a member with these protocols could be in the group.
    fn supports<'a>(&self, protocol_type: &str, mut names: impl Iterator<Item = &'a Str>) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && names.next().is_some();
        }
        self.protocol_type
            .as_ref()
            .is_some_and(|t| *t == *protocol_type)
            && names.any(|n| self.offered.get(n).copied().unwrap_or(0) == self.members.len())
    }

    fn count_offered(&mut self, names: &[Str], add: bool) {
        for name in names {
            let count = self.offered.entry(name.clone()).or_insert(0);
            if add {
                *count += 1;
            } else {
                *count -= 1;
                if *count == 0 {
                    self.offered.remove(name);
                }
            }
        }
    }

    fn add(&mut self, member: Member, protocol_type: &Str) {
        if let Some(instance) = &member.instance {
            let before = self.instances.insert(instance.clone(), member.id.clone());
            assert!(before.is_none(), "an instance id belongs to one member");
        }
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(member.id.clone());
        }
        self.pending_join.remove(&member.id);
        self.count_offered(&member.names(), true);
        self.awaiting_join += usize::from(member.join.is_some());
        self.members.insert(member.id.clone(), member);
    }

    /// Takes a member or a given-out id out. The requests it has waiting must have been answered.
    fn remove(&mut self, id: &str) {
        if let Some(member) = self.members.remove(id) {
            self.count_offered(&member.names(), false);
            self.awaiting_join -= usize::from(member.join.is_some());
            if let Some(instance) = &member.instance {
                self.instances.remove(instance);
            }
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_join.remove(id);
        self.pending_sync.remove(id);
    }

    /// Gives a member what its latest JoinGroup says.
    fn update(
        &mut self,
        id: &str,
        protocols: Vec<Protocol>,
        rebalance_timeout_ms: i32,
        session_timeout_ms: i32,
        join: Option<Token>,
    ) {
        let Some(old_names) = self.members.get(id).map(Member::names) else {
            return;
        };
        self.count_offered(&old_names, false);
        let member = self.members.get_mut(id).expect("it was there just now");
        member.protocols = protocols;
        member.rebalance_timeout_ms = rebalance_timeout_ms;
        member.session_timeout_ms = session_timeout_ms;
        self.awaiting_join -= usize::from(member.join.is_some());
        self.awaiting_join += usize::from(join.is_some());
        member.join = join;
        let names = member.names();
        self.count_offered(&names, true);
    }

    /// Puts a static member's new id in the place of its old one. Whoever still waits under the old id is fenced.
    fn replace_static(&mut self, instance: &Str, old: &Str, new: &Str, cx: &mut Cx) {
        let mut member = self
            .members
            .remove(old)
            .expect("an instance id leads to a member");
        if let Some(token) = member.join.take() {
            self.awaiting_join -= 1;
            cx.joined(
                token,
                JoinGroupResponse {
                    error_code: ErrorCode::FencedInstanceId.code(),
                    member_id: old.clone(),
                    ..join_error_base()
                },
            );
        }
        if let Some(token) = member.sync.take() {
            cx.synced(token, sync_error(ErrorCode::FencedInstanceId));
        }
        member.id = new.clone();
        member.is_new = false;
        self.members.insert(new.clone(), member);
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        if self.pending_sync.remove(old) {
            self.pending_sync.insert(new.clone());
        }
        self.instances.insert(instance.clone(), new.clone());
        cx.timers.cancel(&self.heartbeat_key(old));
    }

    /// The protocol that most members like best among those that all offer.
    fn select_protocol(&self) -> Str {
        let all = self.members.len();
        let mut votes: BTreeMap<&Str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let vote = member
                .protocols
                .iter()
                .find(|p| self.offered.get(&p.name).copied() == Some(all));
            if let Some(p) = vote {
                *votes.entry(&p.name).or_insert(0) += 1;
            }
        }
        votes
            .into_iter()
            .max_by_key(|(_, n)| *n)
            .map(|(name, _)| name.clone())
            .expect("there is a protocol that all members offer")
    }

    /// What the members consume, if they are consumers and can be understood. Version 0 is a prefix of every version.
    fn compute_subscribed(&self) -> Option<BTreeSet<Str>> {
        if !self.uses_consumer_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_ref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let mut r = Reader::new(member.metadata(protocol));
            r.i16().ok()?;
            let subscription = ConsumerProtocolSubscription::read(&mut r, 0).ok()?;
            topics.extend(subscription.topics.iter().map(Str::detach));
        }
        Some(topics)
    }

    /// All members with their metadata, for the leader.
    fn member_list(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol.clone().unwrap_or_default();
        self.members
            .values()
            .map(|m| JoinGroupResponseMember {
                member_id: m.id.clone(),
                group_instance_id: m.instance.clone(),
                metadata: m.metadata(&protocol),
            })
            .collect()
    }

    /// The group as a record, with these assignments.
    fn record(&self, assignment: impl Fn(&Member) -> Bytes) -> Record {
        let protocol = self.protocol.clone().unwrap_or_default();
        Record::group(
            &self.id,
            self.protocol_type.as_ref(),
            self.generation,
            self.protocol.as_ref(),
            self.leader.as_ref(),
            self.state_since.map_or(-1, |at| at.0),
            self.members
                .values()
                .map(|m| m.record(&protocol, assignment(m)))
                .collect(),
        )
    }

    /// Starts a member's session anew.
    fn touch(&self, member: &Str, cx: &mut Cx) {
        if let Some(m) = self.members.get(member) {
            cx.set_timer(self.heartbeat_key(member), i64::from(m.session_timeout_ms));
        }
    }

    /// Checks what a commit says about its sender (Kafka's `validateOffsetCommit`).
    pub fn validate_commit(
        &self,
        member: &str,
        instance: Option<&Str>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        // Generation -1 is the admin client or a consumer that assigns its partitions itself.
        if generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        if generation >= 0 || !member.is_empty() || instance.is_some() {
            self.validate_member(member, instance)?;
            if generation != self.generation {
                return Err(ErrorCode::IllegalGeneration);
            }
        } else {
            return Err(ErrorCode::UnknownMemberId);
        }
        // The member knows this generation already, but not what it may consume: let it wait for its assignment.
        if self.state == State::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A commit of a member counts as a heartbeat.
    pub fn touch_by_commit(&self, member: &Str, cx: &mut Cx) {
        if matches!(self.state, State::Stable | State::PreparingRebalance) {
            self.touch(member, cx);
        }
    }

    /// Answers everybody who waits: the shard goes away.
    pub fn unload(&mut self, code: ErrorCode, out: &mut Vec<Effect>) {
        for member in self.members.values_mut() {
            if let Some(token) = member.join.take() {
                self.awaiting_join -= 1;
                let response = JoinGroupResponse {
                    error_code: code.code(),
                    member_id: member.id.clone(),
                    ..join_error_base()
                };
                out.push(Effect::Joined { token, response });
            }
            if let Some(token) = member.sync.take() {
                let response = sync_error(code);
                out.push(Effect::Synced { token, response });
            }
        }
    }
}

/// What all failed joins have in common: generation -1 and no protocol.
pub(super) fn join_error_base() -> JoinGroupResponse {
    JoinGroupResponse {
        generation_id: -1,
        protocol_type: None,
        protocol_name: None,
        leader: Str::default(),
        ..Default::default()
    }
}

pub(super) fn join_error(member: &Str, code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: code.code(),
        member_id: member.clone(),
        ..join_error_base()
    }
}

pub(super) fn sync_error(code: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error_code: code.code(),
        protocol_type: None,
        protocol_name: None,
        ..Default::default()
    }
}
