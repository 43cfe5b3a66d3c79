//! Scripts over one shard: requests in, answers out, with a log beside it and clocks that only the script moves.

mod commits;
mod foreign;
mod joins;
mod random;
mod statics;

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use airis_protocol::messages::leave_group_request::MemberIdentity;
use airis_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use airis_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use airis_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use airis_protocol::messages::*;
use airis_protocol::types::{Millis, Offset, Str, Uuid};
use bytes::Bytes;

use super::*;

/// Wall time at steady time 0.
const EPOCH: i64 = 1_700_000_000_000;
const SESSION: i32 = 10_000;
const REBALANCE: i32 = 60_000;

/// What happens to appends.
#[derive(Clone, Copy, PartialEq)]
enum Appends {
    /// Committed at once.
    Commit,
    /// Kept until [`Script::commit_appends`].
    Hold,
    Fail(ErrorCode),
}

struct Script {
    shard: Shard,
    config: GroupConfig,
    log: Vec<Record>,
    held: Vec<Ticket>,
    appends: Appends,
    now: i64,
    tokens: u64,
    joined: BTreeMap<Token, JoinGroupResponse>,
    synced: BTreeMap<Token, SyncGroupResponse>,
}

/// A consumer's subscription, version 0.
fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 0];
    bytes.extend((topics.len() as i32).to_be_bytes());
    for t in topics {
        bytes.extend((t.len() as i16).to_be_bytes());
        bytes.extend(t.as_bytes());
    }
    bytes.extend((-1i32).to_be_bytes());
    Bytes::from(bytes)
}

fn protocols(names: &[&str]) -> Vec<JoinGroupRequestProtocol> {
    names
        .iter()
        .map(|n| JoinGroupRequestProtocol {
            name: (*n).into(),
            metadata: subscription(&["t"]),
        })
        .collect()
}

fn join_request(member: &str, instance: Option<&str>) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: SESSION,
        rebalance_timeout_ms: REBALANCE,
        member_id: member.into(),
        group_instance_id: instance.map(Str::from),
        protocol_type: "consumer".into(),
        protocols: protocols(&["range", "sticky"]),
        reason: None,
    }
}

fn commit_request(
    member: &str,
    generation: i32,
    offsets: &[(&str, i32, i64)],
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: generation,
        member_id: member.into(),
        topics: offsets
            .iter()
            .map(|(topic, partition, offset)| OffsetCommitRequestTopic {
                name: (*topic).into(),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: *partition,
                    committed_offset: *offset,
                    committed_metadata: Some("m".into()),
                    ..Default::default()
                }],
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// The topics that exist have ids that nobody knows.
fn no_ids(_: &str) -> Uuid {
    Uuid::ZERO
}

impl Script {
    fn new() -> Self {
        Script::with(GroupConfig {
            initial_rebalance_delay_ms: 0,
            ..Default::default()
        })
    }

    fn with(config: GroupConfig) -> Self {
        Script {
            shard: Shard::new(config.clone()),
            config,
            log: Vec::new(),
            held: Vec::new(),
            appends: Appends::Commit,
            now: 0,
            tokens: 0,
            joined: BTreeMap::new(),
            synced: BTreeMap::new(),
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            wall: Millis(EPOCH + self.now),
            steady: Millis(self.now),
        }
    }

    /// Performs effects, and what they cause, until there are none.
    fn perform(&mut self, mut effects: Vec<Effect>) {
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Joined { token, response } => {
                        let before = self.joined.insert(token, response);
                        assert_eq!(before, None, "a JoinGroup was answered twice");
                    }
                    Effect::Synced { token, response } => {
                        let before = self.synced.insert(token, response);
                        assert_eq!(before, None, "a SyncGroup was answered twice");
                    }
                    Effect::Append { ticket, records } => match self.appends {
                        Appends::Commit => {
                            self.write(records);
                            self.shard.committed(self.moment(), ticket, &mut next);
                        }
                        Appends::Hold => {
                            self.write(records);
                            self.held.push(ticket);
                        }
                        Appends::Fail(code) => {
                            self.shard
                                .append_failed(self.moment(), ticket, code, &mut next);
                        }
                    },
                }
            }
            effects = next;
        }
    }

    /// Appends records, through their bytes.
    fn write(&mut self, records: Vec<Record>) {
        for record in records {
            let (key, value) = record.write().expect("a decided record can be written");
            let read = Record::read(Some(key), value)
                .expect("what was written can be read")
                .expect("its type is known");
            self.log.push(read);
        }
    }

    /// Appends decided records and replays them.
    fn decide(&mut self, records: Vec<Record>) {
        for record in records {
            let at = Offset(self.log.len() as i64);
            self.write(vec![record]);
            let record = self.log.last().expect("written just now").clone();
            self.shard.replay(at, None, &record);
        }
    }

    /// What is held comes to nothing.
    fn fail_appends(&mut self, code: ErrorCode) {
        for ticket in std::mem::take(&mut self.held) {
            let mut out = Vec::new();
            self.shard
                .append_failed(self.moment(), ticket, code, &mut out);
            self.perform(out);
        }
    }

    fn commit_appends(&mut self) {
        self.appends = Appends::Commit;
        for ticket in std::mem::take(&mut self.held) {
            let mut out = Vec::new();
            self.shard.committed(self.moment(), ticket, &mut out);
            self.perform(out);
        }
    }

    fn join_as(&mut self, version: i16, request: &JoinGroupRequest) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        let who = Joiner {
            token,
            version,
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            random: u128::from(self.tokens) << 96,
        };
        let mut out = Vec::new();
        self.shard.join(self.moment(), who, request, &mut out);
        self.perform(out);
        self.tick();
        token
    }

    /// Joins with an id that is asked for first if there is none. Returns the id and the waiting request.
    fn join(&mut self, member: &str, instance: Option<&str>) -> (Str, Token) {
        let mut request = join_request(member, instance);
        if member.is_empty() && instance.is_none() {
            let asked = self.join_as(9, &request);
            let answer = &self.joined[&asked];
            assert_eq!(answer.error_code, ErrorCode::MemberIdRequired.code());
            request.member_id = answer.member_id.clone();
        }
        let token = self.join_as(9, &request);
        (request.member_id, token)
    }

    /// The answer of a join that has been answered without an error.
    fn answer(&self, token: Token) -> &JoinGroupResponse {
        let answer = self.joined.get(&token).expect("the join is answered");
        assert_eq!(answer.error_code, 0, "{answer:?}");
        answer
    }

    fn join_error(&self, token: Token) -> ErrorCode {
        ErrorCode::try_from(self.joined[&token].error_code).expect("a known code")
    }

    fn sync(&mut self, member: &str, generation: i32, assignment: &[(&str, &str)]) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        let request = SyncGroupRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: member.into(),
            assignments: assignment
                .iter()
                .map(|(id, what)| SyncGroupRequestAssignment {
                    member_id: (*id).into(),
                    assignment: Bytes::copy_from_slice(what.as_bytes()),
                })
                .collect(),
            ..Default::default()
        };
        let mut out = Vec::new();
        self.shard.sync(self.moment(), token, &request, &mut out);
        self.perform(out);
        token
    }

    fn sync_error(&self, token: Token) -> ErrorCode {
        ErrorCode::try_from(self.synced[&token].error_code).expect("a known code")
    }

    fn heartbeat_as(&mut self, member: &str, instance: Option<&str>, generation: i32) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: member.into(),
            group_instance_id: instance.map(Str::from),
        };
        self.shard
            .heartbeat(self.moment(), &request)
            .err()
            .unwrap_or(ErrorCode::None)
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(member, None, generation)
    }

    fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let request = LeaveGroupRequest {
            group_id: "g".into(),
            members: members
                .iter()
                .map(|(id, instance)| MemberIdentity {
                    member_id: (*id).into(),
                    group_instance_id: instance.map(Str::from),
                    reason: None,
                })
                .collect(),
            ..Default::default()
        };
        let mut out = Vec::new();
        let response = self.shard.leave(self.moment(), &request, &mut out);
        self.perform(out);
        response
            .members
            .iter()
            .map(|m| ErrorCode::try_from(m.error_code).expect("a known code"))
            .collect()
    }

    fn commit_as(
        &mut self,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let decision = self.shard.commit(self.moment(), version, request)?;
        self.decide(decision.records);
        Ok(decision
            .reply
            .topics
            .iter()
            .flat_map(|t| &t.partitions)
            .map(|p| ErrorCode::try_from(p.error_code).expect("a known code"))
            .collect())
    }

    fn commit(
        &mut self,
        member: &str,
        generation: i32,
        topic: &str,
        offset: i64,
    ) -> Result<(), ErrorCode> {
        let request = commit_request(member, generation, &[(topic, 0, offset)]);
        self.commit_as(9, &request).map(|errors| {
            assert_eq!(errors, [ErrorCode::None]);
        })
    }

    /// The committed offset of partition 0; -1 if there is none.
    fn committed(&self, topic: &str) -> i64 {
        let request = OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: topic.into(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        };
        let answer = self.shard.fetch(&request, false, no_ids);
        answer.topics[0].partitions[0].committed_offset
    }

    fn tick(&mut self) {
        let mut out = Vec::new();
        let records = self.shard.tick(self.moment(), &mut out);
        self.decide(records);
        self.perform(out);
    }

    /// Moves time on, deadline by deadline.
    fn pass(&mut self, ms: i64) {
        let end = self.now + ms;
        while let Some(at) = self.shard.next_deadline().filter(|at| at.0 <= end) {
            self.now = self.now.max(at.0);
            self.tick();
        }
        self.now = end;
    }

    fn expire(&mut self) {
        let records = self.shard.expire(self.moment().wall);
        self.decide(records);
    }

    fn state(&self) -> String {
        let id = Str::from("g");
        self.shard.describe(&id, 5).group_state.to_string()
    }

    fn members(&self) -> usize {
        let id = Str::from("g");
        self.shard.describe(&id, 5).members.len()
    }

    /// What a coordinator that takes over now would hold.
    fn replayed(&self) -> Shard {
        let mut shard = Shard::new(self.config.clone());
        for (i, record) in self.log.iter().enumerate() {
            shard.replay(Offset(i as i64), None, record);
        }
        shard
    }

    /// Goes on as a coordinator that has just loaded the log.
    fn reload(&mut self) {
        let mut out = Vec::new();
        self.shard.unload(&mut out);
        self.perform(out);
        self.held.clear();
        self.shard = self.replayed();
        let mut out = Vec::new();
        self.shard.loaded(self.moment(), &mut out);
        self.perform(out);
    }

    /// A stable group of `n` dynamic members, the leader first, and its generation. Member i is assigned "a<i>".
    fn stable(&mut self, n: usize) -> (Vec<Str>, i32) {
        let joins: Vec<(Str, Token)> = (0..n).map(|_| self.join("", None)).collect();
        // The first rebalance may have ended before the others came: then all join again.
        let mut last: BTreeMap<Str, Token> = joins.into_iter().collect();
        for _ in 0..3 {
            let generation = self.now_generation(&last);
            if last.len() == n
                && last.values().all(|t| {
                    self.joined
                        .get(t)
                        .is_some_and(|r| r.generation_id == generation)
                })
            {
                break;
            }
            let ids: Vec<Str> = last.keys().cloned().collect();
            for id in ids {
                let waits = !self.joined.contains_key(&last[&id]);
                if !waits {
                    let token = self.join_as(9, &join_request(&id, None));
                    last.insert(id, token);
                }
            }
        }
        let generation = self.now_generation(&last);
        let answers: Vec<JoinGroupResponse> =
            last.values().map(|t| self.answer(*t).clone()).collect();
        assert!(answers.iter().all(|a| a.generation_id == generation));
        let leader = answers[0].leader.clone();
        let mut ids: Vec<Str> = answers.iter().map(|a| a.member_id.clone()).collect();
        ids.sort_by_key(|id| *id != leader);
        let assignment: Vec<(String, String)> = ids
            .iter()
            .enumerate()
            .map(|(i, id)| (id.to_string(), format!("a{i}")))
            .collect();
        let assignment: Vec<(&str, &str)> = assignment
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let tokens: Vec<Token> = ids
            .iter()
            .rev()
            .map(|id| {
                let all = if *id == leader { &assignment[..] } else { &[] };
                self.sync(id, generation, all)
            })
            .collect();
        for token in tokens {
            assert_eq!(self.sync_error(token), ErrorCode::None);
        }
        assert_eq!(self.state(), "Stable");
        (ids, generation)
    }

    fn now_generation(&self, last: &BTreeMap<Str, Token>) -> i32 {
        last.values()
            .filter_map(|t| self.joined.get(t))
            .map(|r| r.generation_id)
            .max()
            .unwrap_or(-1)
    }
}
