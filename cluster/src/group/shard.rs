//! All groups of one partition of `__consumer_offsets`.
//!
//! Always holds: a group of this shard is classic or foreign, never both; every waiting request belongs to a member of a group
//! that is there. Must never: be asked about a group of another partition (the caller routes).

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::delete_groups_response::DeletableGroupResult;
use airis_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use airis_protocol::messages::leave_group_response::MemberResponse;
use airis_protocol::messages::list_groups_response::ListedGroup;
use airis_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use airis_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use airis_protocol::messages::{
    GroupRecordKey, GroupRecordValue, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    LeaveGroupResponse, ListGroupsRequest, OffsetCommitKey, OffsetCommitRequest,
    OffsetCommitResponse, OffsetCommitValue, OffsetDeleteRequest, OffsetDeleteResponse,
    SyncGroupRequest,
};
use airis_protocol::types::{Millis, Offset, ProducerId, Str, Uuid};

use super::classic::{ClassicGroup, Cx, Pending, State, join_error, sync_error};
use super::foreign::{self, ForeignGroup, Kind};
use super::offsets::{ExpireFrom, Offsets};
use super::timers::{TimerKey, Timers};
use super::{Effect, GroupConfig, Joiner, Moment, Record, Ticket, Token, append_error};
use crate::machine::Decision;

/// From here on a commit for a group that is not there says so; before, it is told that its generation is wrong (KIP-848).
const GROUP_ID_NOT_FOUND_FROM_COMMIT: i16 = 9;
/// From here on DescribeGroups tells an unknown group from a dead one (KIP-1043).
const GROUP_ID_NOT_FOUND_FROM_DESCRIBE: i16 = 6;

#[derive(Clone, Debug, PartialEq)]
enum Group {
    Classic(Box<ClassicGroup>),
    Foreign(ForeignGroup),
}

impl Group {
    fn is_subscribed(&self, topic: &str) -> bool {
        match self {
            Group::Classic(g) => g.is_subscribed(topic),
            // Its subscriptions are not known: keep what any of its members may need.
            Group::Foreign(g) => g.kind != Kind::Share && !g.is_empty(),
        }
    }

    fn expire_from(&self) -> ExpireFrom {
        match self {
            Group::Classic(g) if g.protocol_type().is_none() => ExpireFrom::Commit,
            Group::Classic(g) if g.state() == State::Empty => match g.state_since() {
                Some(at) => ExpireFrom::Since(at),
                None => ExpireFrom::Commit,
            },
            Group::Classic(g)
                if g.uses_consumer_protocol()
                    && g.knows_subscriptions()
                    && g.state() == State::Stable =>
            {
                ExpireFrom::Commit
            }
            Group::Classic(_) => ExpireFrom::Never,
            Group::Foreign(g) if g.is_empty() => ExpireFrom::Commit,
            Group::Foreign(_) => ExpireFrom::Never,
        }
    }

    fn tombstones(&self, id: &Str) -> Vec<Record> {
        match self {
            Group::Classic(_) => vec![Record::group_tombstone(id)],
            Group::Foreign(g) => g.tombstones(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Shard {
    config: GroupConfig,
    groups: BTreeMap<Str, Group>,
    offsets: Offsets,
    timers: Timers,
    pending: BTreeMap<Ticket, (Str, Pending)>,
    /// Groups in whose place a classic one has come that is not on the log yet.
    displaced: BTreeMap<Str, ForeignGroup>,
    next_ticket: u64,
}

impl Shard {
    pub fn new(config: GroupConfig) -> Self {
        Shard {
            config,
            ..Default::default()
        }
    }

    /// Runs a step of a classic group.
    fn step<T>(
        &mut self,
        id: &str,
        now: Moment,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut ClassicGroup, &mut Cx) -> T,
    ) -> Option<T> {
        let Some(Group::Classic(group)) = self.groups.get_mut(id) else {
            return None;
        };
        let mut cx = Cx {
            now,
            config: &self.config,
            timers: &mut self.timers,
            pending: &mut self.pending,
            next_ticket: &mut self.next_ticket,
            out,
        };
        Some(step(group, &mut cx))
    }

    /// JoinGroup. Its answer is an effect, now or later.
    pub fn join(
        &mut self,
        now: Moment,
        who: Joiner,
        request: &JoinGroupRequest,
        out: &mut Vec<Effect>,
    ) {
        let id = &request.group_id;
        let token = who.token;
        let mut clear = Vec::new();
        match self.groups.get(id) {
            Some(Group::Foreign(g)) if !g.is_empty() || g.kind == Kind::Share => {
                let response = join_error(&Str::default(), ErrorCode::InconsistentGroupProtocol);
                out.push(Effect::Joined { token, response });
                return;
            }
            // A group that has no members left gives way to a classic one (KIP-848).
            Some(Group::Foreign(g)) => clear = g.tombstones(),
            Some(Group::Classic(_)) | None => {}
        }
        let is_new = !clear.is_empty() || !self.groups.contains_key(id);
        if is_new {
            if !request.member_id.is_empty() {
                let response = join_error(&request.member_id, ErrorCode::UnknownMemberId);
                out.push(Effect::Joined { token, response });
                return;
            }
            let group = Group::Classic(Box::new(ClassicGroup::fresh(id, now)));
            if let Some(Group::Foreign(before)) = self.groups.insert(id.detach(), group) {
                self.displaced.insert(id.detach(), before);
            }
        }
        self.step(id, now, out, |group, cx| group.join(who, request, cx));
        if is_new {
            // The log knows of a group before it has members; what it was before goes in the same batch.
            self.step(id, now, out, |group, cx| group.announce(cx));
            if let Some(Effect::Append { records, .. }) = out.last_mut() {
                records.splice(0..0, clear);
            }
        }
    }

    /// SyncGroup. Its answer is an effect, now or later.
    pub fn sync(
        &mut self,
        now: Moment,
        token: Token,
        request: &SyncGroupRequest,
        out: &mut Vec<Effect>,
    ) {
        let done = self.step(&request.group_id, now, out, |group, cx| {
            group.sync(token, request, cx);
        });
        if done.is_none() {
            let response = sync_error(ErrorCode::UnknownMemberId);
            out.push(Effect::Synced { token, response });
        }
    }

    pub fn heartbeat(&mut self, now: Moment, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        self.step(&request.group_id, now, &mut Vec::new(), |group, cx| {
            group.heartbeat(request, cx)
        })
        .unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    /// LeaveGroup, with its members in the list whatever the version.
    pub fn leave(
        &mut self,
        now: Moment,
        request: &LeaveGroupRequest,
        out: &mut Vec<Effect>,
    ) -> LeaveGroupResponse {
        self.step(&request.group_id, now, out, |group, cx| {
            group.leave(request, cx)
        })
        .unwrap_or_else(|| LeaveGroupResponse {
            members: request
                .members
                .iter()
                .map(|m| MemberResponse {
                    member_id: m.member_id.clone(),
                    group_instance_id: m.group_instance_id.clone(),
                    error_code: ErrorCode::UnknownMemberId.code(),
                })
                .collect(),
            ..Default::default()
        })
    }

    /// OffsetCommit. Topics have their names here, whatever the version, and exist.
    pub fn commit(
        &mut self,
        now: Moment,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> Result<Decision<Record, OffsetCommitResponse>, ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        match self.groups.get(&request.group_id) {
            None if generation < 0 => {}
            None if version >= GROUP_ID_NOT_FOUND_FROM_COMMIT => {
                return Err(ErrorCode::GroupIdNotFound);
            }
            None => return Err(ErrorCode::IllegalGeneration),
            Some(Group::Classic(group)) => {
                let instance = request.group_instance_id.as_ref();
                group.validate_commit(&request.member_id, instance, generation)?;
                let member = request.member_id.detach();
                self.step(&request.group_id, now, &mut Vec::new(), |group, cx| {
                    group.touch_by_commit(&member, cx);
                });
            }
            Some(Group::Foreign(g)) if g.kind == Kind::Share => {
                return Err(ErrorCode::GroupIdNotFound);
            }
            Some(Group::Foreign(g)) if g.is_empty() && generation < 0 => {}
            Some(Group::Foreign(_)) => return Err(ErrorCode::UnknownMemberId),
        }
        Ok(Offsets::commit(request, now.wall, &self.config))
    }

    /// OffsetFetch of one group. The topics of the request have their names and, if they exist, their ids here, whatever the version;
    /// `id_of` gives the ids of others, ZERO for a topic that does not exist.
    pub fn fetch(
        &self,
        request: &OffsetFetchRequestGroup,
        require_stable: bool,
        id_of: impl Fn(&str) -> Uuid,
    ) -> OffsetFetchResponseGroup {
        let group = &request.group_id;
        let topics = match &request.topics {
            Some(topics) => self.offsets.fetch(group, topics, require_stable),
            None => self.offsets.fetch_all(group, require_stable, id_of),
        };
        OffsetFetchResponseGroup {
            group_id: group.clone(),
            topics,
            error_code: 0,
        }
    }

    /// OffsetDelete. The topics exist.
    pub fn delete_offsets(
        &self,
        request: &OffsetDeleteRequest,
    ) -> Result<Decision<Record, OffsetDeleteResponse>, ErrorCode> {
        let group = match self.groups.get(&request.group_id) {
            None => return Err(ErrorCode::GroupIdNotFound),
            Some(Group::Foreign(g)) if g.kind == Kind::Share => {
                return Err(ErrorCode::GroupIdNotFound);
            }
            // Only of consumers is it known what they are subscribed to.
            Some(Group::Classic(g)) if g.state() != State::Empty && !g.uses_consumer_protocol() => {
                return Err(ErrorCode::NonEmptyGroup);
            }
            Some(group) => group,
        };
        Ok(self
            .offsets
            .delete(request, |topic| group.is_subscribed(topic)))
    }

    /// DeleteGroups, of groups of this shard.
    pub fn delete_groups(&self, ids: &[Str]) -> Decision<Record, Vec<DeletableGroupResult>> {
        let mut records = Vec::new();
        let mut delete = |id: &Str| {
            let error = match self.groups.get(id) {
                None => ErrorCode::GroupIdNotFound,
                Some(Group::Classic(g)) if g.state() != State::Empty => ErrorCode::NonEmptyGroup,
                Some(Group::Foreign(g)) if !g.is_empty() => ErrorCode::NonEmptyGroup,
                Some(group) => {
                    self.offsets.delete_all(id, &mut records);
                    records.extend(group.tombstones(id));
                    ErrorCode::None
                }
            };
            DeletableGroupResult {
                group_id: id.clone(),
                error_code: error.code(),
            }
        };
        let reply = ids.iter().map(&mut delete).collect();
        Decision { records, reply }
    }

    /// ListGroups: the groups of this shard that pass the filters of the request.
    pub fn list(&self, request: &ListGroupsRequest) -> Vec<ListedGroup> {
        let states: Vec<String> = request
            .states_filter
            .iter()
            .map(|s| s.to_lowercase().trim().to_owned())
            .collect();
        let types: Vec<String> = request
            .types_filter
            .iter()
            .map(|t| t.to_lowercase())
            .collect();
        self.groups
            .iter()
            .map(|(id, group)| {
                let (protocol_type, state, ty) = match group {
                    Group::Classic(g) => (
                        g.protocol_type().cloned().unwrap_or_default(),
                        g.state().name(),
                        Str::from_static("classic"),
                    ),
                    Group::Foreign(g) => (g.kind.name(), g.state(), g.kind.name()),
                };
                ListedGroup {
                    group_id: id.clone(),
                    protocol_type,
                    group_state: Str::from_static(state),
                    group_type: ty,
                }
            })
            .filter(|g| states.is_empty() || states.contains(&g.group_state.to_lowercase()))
            .filter(|g| types.is_empty() || types.contains(&g.group_type.to_lowercase()))
            .collect()
    }

    /// DescribeGroups of one group.
    pub fn describe(&self, id: &Str, version: i16) -> DescribedGroup {
        let group = match self.groups.get(id) {
            Some(Group::Classic(group)) => group,
            other => {
                let mut answer = DescribedGroup {
                    group_id: id.clone(),
                    group_state: Str::from_static("Dead"),
                    ..Default::default()
                };
                if version >= GROUP_ID_NOT_FOUND_FROM_DESCRIBE {
                    answer.error_code = ErrorCode::GroupIdNotFound.code();
                    answer.error_message = Some(Str::from(match other {
                        None => format!("Group {id} not found."),
                        Some(_) => format!("Group {id} is not a classic group."),
                    }));
                }
                return answer;
            }
        };
        let protocol = group
            .protocol()
            .filter(|_| group.state() == State::Stable)
            .cloned();
        DescribedGroup {
            group_id: id.clone(),
            group_state: Str::from_static(group.state().name()),
            protocol_type: group.protocol_type().cloned().unwrap_or_default(),
            members: group
                .members()
                .map(|m| DescribedGroupMember {
                    member_id: m.id.clone(),
                    group_instance_id: m.instance.clone(),
                    client_id: m.client_id.clone(),
                    client_host: m.client_host.clone(),
                    member_metadata: match &protocol {
                        Some(p) => m.metadata(p),
                        None => Default::default(),
                    },
                    member_assignment: m.assignment.clone(),
                })
                .collect(),
            protocol_data: protocol.unwrap_or_default(),
            ..Default::default()
        }
    }

    /// Tombstones for what has been kept long enough: offsets, and groups that have neither members nor offsets.
    pub fn expire(&self, now: Millis) -> Vec<Record> {
        let mut records = Vec::new();
        for (id, group) in &self.groups {
            let none_left = self.offsets.expire(
                id,
                group.expire_from(),
                |topic| group.is_subscribed(topic),
                now,
                self.config.offsets_retention_ms,
                &mut records,
            );
            let unused = match group {
                Group::Classic(g) => g.is_unused(),
                // A share group is deleted only by request: its state in other topics goes with it.
                Group::Foreign(g) => g.is_empty() && g.kind != Kind::Share,
            };
            if none_left && unused {
                records.extend(group.tombstones(id));
            }
        }
        records
    }

    /// Tombstones for all offsets of topics that have been deleted.
    pub fn topics_deleted<'a>(
        &self,
        topics: impl IntoIterator<Item = (&'a Str, Uuid)>,
    ) -> Vec<Record> {
        let mut records = Vec::new();
        for (topic, id) in topics {
            self.offsets.topic_deleted(topic, id, &mut records);
        }
        records
    }

    /// Takes in a record, at load or after it was decided and appended.
    pub fn replay(&mut self, at: Offset, producer: Option<ProducerId>, record: &Record) {
        let value = record.value.as_ref().map(|(_, value)| value);
        match (&record.key, value) {
            (GroupRecordKey::OffsetCommit(key), None) => {
                self.offsets.replay(at, producer, key, None);
            }
            (GroupRecordKey::OffsetCommit(key), Some(GroupRecordValue::OffsetCommit(value))) => {
                self.replay_offset(at, producer, key, Some(value));
            }
            (GroupRecordKey::LegacyOffsetCommit(key), value) => {
                let key = OffsetCommitKey {
                    group: key.group.clone(),
                    topic: key.topic.clone(),
                    partition: key.partition,
                };
                let value = match value {
                    Some(GroupRecordValue::LegacyOffsetCommit(v)) => Some(OffsetCommitValue {
                        offset: v.offset,
                        metadata: v.metadata.clone(),
                        commit_timestamp: v.commit_timestamp,
                        ..Default::default()
                    }),
                    _ => None,
                };
                self.replay_offset(at, producer, &key, value.as_ref());
            }
            (GroupRecordKey::GroupMetadata(key), None) => {
                if let Some(Group::Classic(group)) = self.groups.get(&key.group) {
                    group.cancel_timers(&mut self.timers);
                    self.groups.remove(&key.group);
                    // What it still waits for is not for the next group of this name.
                    self.pending.retain(|_, (id, _)| *id != key.group);
                    self.displaced.remove(&key.group);
                }
            }
            (GroupRecordKey::GroupMetadata(key), Some(GroupRecordValue::GroupMetadata(value))) => {
                let group = ClassicGroup::load(&key.group, value);
                self.groups
                    .insert(key.group.detach(), Group::Classic(Box::new(group)));
            }
            _ => self.replay_foreign(record),
        }
    }

    fn replay_offset(
        &mut self,
        at: Offset,
        producer: Option<ProducerId>,
        key: &OffsetCommitKey,
        value: Option<&OffsetCommitValue>,
    ) {
        if let Some(value) = value
            && !self.groups.contains_key(&key.group)
        {
            // Offsets without a group: a consumer that assigns its partitions itself.
            let id = key.group.detach();
            let group = ClassicGroup::new(id.clone(), Millis(value.commit_timestamp));
            self.groups.insert(id, Group::Classic(Box::new(group)));
        }
        self.offsets.replay(at, producer, key, value);
    }

    fn replay_foreign(&mut self, record: &Record) {
        let Some((kind, id, _)) = foreign::owner(&record.key) else {
            return;
        };
        let known = matches!(self.groups.get(id), Some(Group::Foreign(g)) if g.kind == kind);
        if !known {
            if record.value.is_none() {
                return;
            }
            // Also in the place of a group that only its offsets made.
            self.groups
                .insert(id.detach(), Group::Foreign(ForeignGroup::new(kind)));
        }
        let Some(Group::Foreign(group)) = self.groups.get_mut(id) else {
            unreachable!("put there just now");
        };
        group.replay(record);
        if group.is_gone() {
            self.timers
                .cancel(&TimerKey::Foreign { group: id.detach() });
            self.groups.remove(id);
        }
    }

    /// Takes in the end of a transaction.
    pub fn replay_marker(&mut self, producer: ProducerId, commit: bool) {
        self.offsets.replay_marker(producer, commit);
    }

    /// The whole log has been replayed: sessions begin.
    pub fn loaded(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let ids: Vec<Str> = self.groups.keys().cloned().collect();
        for id in ids {
            match &self.groups[&id] {
                Group::Classic(_) => {
                    self.step(&id, now, out, |group, cx| group.loaded(cx));
                }
                Group::Foreign(g) if !g.is_empty() => {
                    let at = Millis(now.steady.0 + foreign::SESSION_TIMEOUT_MS);
                    self.timers.set(TimerKey::Foreign { group: id }, at);
                }
                Group::Foreign(_) => {}
            }
        }
    }

    /// An append is committed.
    pub fn committed(&mut self, now: Moment, ticket: Ticket, out: &mut Vec<Effect>) {
        if let Some((id, pending)) = self.pending.remove(&ticket) {
            if pending == Pending::NewGroup {
                self.displaced.remove(&id);
            }
            self.step(&id, now, out, |group, cx| group.committed(&pending, cx));
        }
    }

    /// An append has failed with this code, and nothing of it is on the log.
    pub fn append_failed(
        &mut self,
        now: Moment,
        ticket: Ticket,
        code: ErrorCode,
        out: &mut Vec<Effect>,
    ) {
        let Some((id, pending)) = self.pending.remove(&ticket) else {
            return;
        };
        let code = append_error(code);
        if pending == Pending::NewGroup {
            // As if it had never been: who waits for its first rebalance has to begin again.
            if let Some(Group::Classic(group)) = self.groups.get_mut(&id) {
                group.unload(code, out);
                group.cancel_timers(&mut self.timers);
                self.groups.remove(&id);
                if let Some(before) = self.displaced.remove(&id) {
                    self.groups.insert(id, Group::Foreign(before));
                }
            }
            return;
        }
        self.step(&id, now, out, |group, cx| {
            group.append_failed(&pending, code, cx);
        });
    }

    /// When [`Shard::tick`] has something to do next, by the steady clock.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.timers.next()
    }

    /// Acts on every deadline that has come. Returns tombstones of sessions that ended in groups of protocols that are not
    /// served: to be appended and replayed.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<Effect>) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some(key) = self.timers.pop(now.steady) {
            match key {
                TimerKey::Heartbeat { group, member } => {
                    self.step(&group, now, out, |g, cx| g.session_deadline(&member, cx));
                }
                TimerKey::Join { group } => {
                    self.step(&group, now, out, |g, cx| g.join_deadline(cx));
                }
                TimerKey::Sync { group } => {
                    self.step(&group, now, out, |g, cx| g.sync_deadline(cx));
                }
                TimerKey::Foreign { group } => {
                    let Some(Group::Foreign(g)) = self.groups.get(&group) else {
                        continue;
                    };
                    let tombstones = g.member_tombstones();
                    if !tombstones.is_empty() {
                        // They may not get onto the log: whoever is still there by then goes the next time.
                        let again = Millis(now.steady.0 + foreign::AGAIN_MS);
                        self.timers.set(TimerKey::Foreign { group }, again);
                        records.extend(tombstones);
                    }
                }
            }
        }
        records
    }

    /// This node is not the coordinator any more: everybody who waits is told so.
    pub fn unload(&mut self, out: &mut Vec<Effect>) {
        for group in self.groups.values_mut() {
            if let Group::Classic(group) = group {
                group.unload(ErrorCode::NotCoordinator, out);
            }
        }
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// True if both would answer every read in the same way: the state that a log gives.
    pub fn same_state(&self, other: &Shard) -> bool {
        self.groups == other.groups && self.offsets == other.offsets
    }
}
