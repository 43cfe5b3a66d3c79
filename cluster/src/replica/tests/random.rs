//! Whole lives: three replicas, lost and late messages, crashes with and without the unflushed end, elections, lagging metadata.
//!
//! Always holds, after every event: an acknowledged record is in the log of everybody who may be elected; no two replicas have
//! different records below their high watermarks. At the end all logs are the same and have every acknowledged record.

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset};

use crate::machine::Chance;
use crate::replica::diverging;
use crate::replica::follower::{self, Answer, Follower, Local};
use crate::replica::leader::{
    Altered, Assigned, Effect, Fetched, Input, Leader, Live, LogState, Proposal,
};

const NODES: usize = 3;
const LAG_MAX: i64 = 1000;
const MIN_ISR: usize = 2;

/// What the controller has decided, in order.
#[derive(Clone, Debug)]
struct Version {
    leader: Option<usize>,
    assigned: Assigned,
    elr: Vec<NodeId>,
}

#[derive(Clone, Debug)]
struct InFlight {
    leader: usize,
    epoch: LeaderEpoch,
    answer: Answer,
    base: usize,
    records: Vec<(i32, u64)>,
}

#[derive(Default)]
struct Node {
    up: bool,
    broker_epoch: i64,
    /// Leader epoch and value of each record.
    log: Vec<(i32, u64)>,
    flushed: usize,
    epochs: Vec<(i32, usize)>,
    high_watermark: i64,
    /// How many of the controller's versions it has seen.
    seen: usize,
    leader: Option<Leader>,
    led_since: i32,
    following: Option<(usize, LeaderEpoch, Follower)>,
    in_flight: Option<InFlight>,
    /// At rest in this leader epoch.
    waits: bool,
    proposal: Option<Proposal>,
    unacked: Vec<(u64, usize, i32)>,
}

impl Node {
    fn epoch_end(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        if asked.0 < 0 {
            return None;
        }
        if self.epochs.last().is_some_and(|e| e.0 == asked.0) {
            return Some((asked, Offset(self.log.len() as i64)));
        }
        let above = self.epochs.iter().position(|e| e.0 > asked.0)?;
        let known = above.checked_sub(1).map_or(asked.0, |i| self.epochs[i].0);
        Some((LeaderEpoch(known), Offset(self.epochs[above].1 as i64)))
    }

    fn note_epoch(&mut self, epoch: i32, start: usize) {
        if self.epochs.last().is_some_and(|e| e.0 == epoch) {
            return;
        }
        self.epochs.retain(|e| e.0 < epoch && e.1 < start);
        self.epochs.push((epoch, start));
    }

    fn truncate(&mut self, to: usize) {
        self.log.truncate(to);
        self.flushed = self.flushed.min(self.log.len());
        let end = self.log.len();
        self.epochs.retain(|e| e.1 < end);
        self.high_watermark = self.high_watermark.min(end as i64);
    }

    fn last_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.epochs.last().map_or(-1, |e| e.0))
    }
}

struct World {
    chance: Chance,
    /// A replica counts only what it has flushed, and a crash may take the rest.
    durable: bool,
    now: i64,
    nodes: Vec<Node>,
    history: Vec<Version>,
    next_value: u64,
    next_broker_epoch: i64,
    acked: BTreeMap<usize, u64>,
}

impl World {
    fn new(seed: u64, durable: bool) -> World {
        let all: Vec<NodeId> = (0..NODES as i32).map(NodeId).collect();
        let mut w = World {
            chance: Chance::new(seed),
            durable,
            now: 1_000_000,
            nodes: (0..NODES)
                .map(|i| Node {
                    up: true,
                    broker_epoch: i as i64 + 1,
                    ..Default::default()
                })
                .collect(),
            history: Vec::new(),
            next_value: 0,
            next_broker_epoch: 10,
            acked: BTreeMap::new(),
        };
        w.history.push(Version {
            leader: Some(0),
            assigned: Assigned {
                leader_epoch: LeaderEpoch(0),
                partition_epoch: 0,
                replicas: all.clone(),
                isr: all.clone(),
                live: all
                    .iter()
                    .map(|id| Live {
                        id: *id,
                        epoch: BrokerEpoch(i64::from(id.0) + 1),
                        stopping: false,
                    })
                    .collect(),
                min_insync: MIN_ISR,
            },
            elr: Vec::new(),
        });
        for n in 0..NODES {
            w.see(n);
        }
        w
    }

    fn current(&self) -> &Version {
        self.history.last().expect("there is a first")
    }

    /// The controller decides: a new ISR, and an election if the leader may not go on.
    fn decide(&mut self, isr: Vec<NodeId>, bump: bool) {
        let mut v = self.current().clone();
        let before = v.assigned.isr.clone();
        v.assigned.partition_epoch += 1;
        if isr.len() >= MIN_ISR {
            v.elr.clear();
        } else {
            for id in before {
                if !isr.contains(&id) && !v.elr.contains(&id) {
                    v.elr.push(id);
                }
            }
            v.elr.retain(|id| !isr.contains(id));
        }
        v.assigned.isr = isr;
        let live = |id: &NodeId, v: &Version| v.assigned.live.iter().any(|l| l.id == *id);
        let leader_ok = v.leader.is_some_and(|l| {
            let id = NodeId(l as i32);
            v.assigned.isr.contains(&id) && live(&id, &v)
        });
        if !leader_ok || bump {
            let keep = v.leader.filter(|_| leader_ok);
            let next = keep.map(|l| NodeId(l as i32)).or_else(|| {
                let mut all = v.assigned.isr.clone();
                if all.is_empty() {
                    all = v.elr.clone();
                }
                all.into_iter().find(|id| live(id, &v))
            });
            if let Some(id) = next
                && !v.assigned.isr.contains(&id)
            {
                v.assigned.isr = vec![id];
                v.elr.retain(|e| *e != id);
            }
            if next.is_some() || v.leader.is_some() {
                v.leader = next.map(|id| id.0 as usize);
                v.assigned.leader_epoch = LeaderEpoch(v.assigned.leader_epoch.0 + 1);
            }
        }
        self.history.push(v);
    }

    fn fence(&mut self, n: usize) {
        let id = NodeId(n as i32);
        let mut v = self.current().clone();
        v.assigned.live.retain(|l| l.id != id);
        let isr: Vec<_> = v
            .assigned
            .isr
            .iter()
            .copied()
            .filter(|r| *r != id)
            .collect();
        self.history.push(v);
        if isr.len() < self.current().assigned.isr.len() {
            self.decide(isr, false);
        }
    }

    fn unfence(&mut self, n: usize) {
        let mut v = self.current().clone();
        v.assigned.live.push(Live {
            id: NodeId(n as i32),
            epoch: BrokerEpoch(self.nodes[n].broker_epoch),
            stopping: false,
        });
        let leaderless = v.leader.is_none();
        let isr = v.assigned.isr.clone();
        self.history.push(v);
        if leaderless {
            self.decide(isr, false);
        }
    }

    /// A node takes the newest metadata that it sees.
    fn see(&mut self, n: usize) {
        let left = self.history.len() - self.nodes[n].seen;
        if left == 0 || !self.nodes[n].up {
            return;
        }
        let step = 1 + self.chance.below(left);
        self.nodes[n].seen += step;
        let v = self.history[self.nodes[n].seen - 1].clone();
        let epoch = v.assigned.leader_epoch;
        let now = Millis(self.now);
        let durable = self.durable;
        let node = &mut self.nodes[n];
        let mut out = Vec::new();
        if v.leader == Some(n) {
            node.following = None;
            node.in_flight = None;
            let end = node.log.len();
            if node.last_epoch() < epoch {
                node.note_epoch(epoch.0, end);
            }
            match &mut node.leader {
                Some(leader) => leader.step(now, Input::Assigned(v.assigned), &mut out),
                None => {
                    node.led_since = epoch.0;
                    let counted = if durable { node.flushed } else { end };
                    node.leader = Some(Leader::new(
                        NodeId(n as i32),
                        LAG_MAX,
                        now,
                        v.assigned,
                        LogState {
                            end: Offset(end as i64),
                            counted: Offset(counted as i64),
                            high_watermark: Offset(node.high_watermark),
                        },
                        &mut out,
                    ));
                }
            }
            self.effects(n, out);
        } else {
            node.leader = None;
            node.proposal = None;
            node.unacked.clear();
            let same = matches!((node.following, v.leader), (Some((l, e, _)), Some(leader)) if l == leader && e == epoch);
            if !same {
                node.in_flight = None;
                node.waits = false;
                node.following = v.leader.map(|l| (l, epoch, Follower::default()));
                // What is in the log counts as soon as it is told to the leader.
                node.flushed = node.log.len();
            }
        }
    }

    fn effects(&mut self, n: usize, out: Vec<Effect>) {
        let node = &mut self.nodes[n];
        for effect in out {
            match effect {
                Effect::HighWatermark(to) => {
                    assert!(to.0 >= node.high_watermark, "it never falls");
                    assert!(to.0 <= node.log.len() as i64);
                    if self.durable {
                        assert!(to.0 <= node.flushed as i64);
                    }
                    node.high_watermark = to.0;
                }
                Effect::Propose(p) => node.proposal = Some(p),
                Effect::Isr => {}
            }
        }
        let hw = node.high_watermark as usize;
        let since = node.led_since;
        let mut acked = Vec::new();
        node.unacked.retain(|(value, offset, epoch)| {
            let done = *offset < hw && *epoch >= since;
            if done {
                acked.push((*offset, *value));
            }
            !done
        });
        for (offset, value) in acked {
            let before = self.acked.insert(offset, value);
            assert!(before.is_none(), "two records acknowledged at {offset}");
        }
    }

    fn step_leader(&mut self, n: usize, input: Input) {
        let mut out = Vec::new();
        let now = Millis(self.now);
        if let Some(leader) = &mut self.nodes[n].leader {
            leader.step(now, input, &mut out);
            self.effects(n, out);
        }
    }

    fn grown(&mut self, n: usize) {
        let node = &self.nodes[n];
        let end = node.log.len() as i64;
        let counted = if self.durable {
            node.flushed as i64
        } else {
            end
        };
        self.step_leader(
            n,
            Input::Grown {
                end: Offset(end),
                counted: Offset(counted),
            },
        );
    }

    fn produce(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        if !node.up || !node.leader.as_ref().is_some_and(Leader::enough) {
            return;
        }
        let epoch = self.history[node.seen - 1].assigned.leader_epoch.0;
        let value = self.next_value;
        self.next_value += 1;
        let offset = node.log.len();
        node.note_epoch(epoch, offset);
        node.log.push((epoch, value));
        node.unacked.push((value, offset, epoch));
        self.grown(n);
    }

    fn flush(&mut self, n: usize) {
        self.nodes[n].flushed = self.nodes[n].log.len();
        self.grown(n);
    }

    /// A follower's fetch reaches its leader; the answer comes later, or never.
    fn fetch(&mut self, n: usize) {
        let node = &self.nodes[n];
        let Some((l, epoch, _)) = node.following else {
            return;
        };
        if !node.up || node.waits || node.in_flight.is_some() || !self.nodes[l].up {
            return;
        }
        let (from, last, broker_epoch) = (node.log.len(), node.last_epoch(), node.broker_epoch);
        let mut answer = Answer {
            error: ErrorCode::None,
            high_watermark: Offset(-1),
            log_start: Offset(0),
            diverging: None,
            records: false,
        };
        let leader = &self.nodes[l];
        let known = self.history[leader.seen - 1].assigned.leader_epoch;
        let mut records = Vec::new();
        let id = NodeId(n as i32);
        if epoch < known {
            answer.error = ErrorCode::FencedLeaderEpoch;
        } else if epoch > known {
            answer.error = ErrorCode::UnknownLeaderEpoch;
        } else if let Some(machine) = &leader.leader {
            if machine.admit(id, BrokerEpoch(broker_epoch)).is_err() {
                answer.error = ErrorCode::NotLeaderOrFollower;
            } else {
                match diverging(leader.epoch_end(last), last, Offset(from as i64)) {
                    Err(_) => answer.error = ErrorCode::OffsetOutOfRange,
                    Ok(Some(parted)) => answer.diverging = Some(parted),
                    Ok(None) if from > leader.log.len() => {
                        answer.error = ErrorCode::OffsetOutOfRange;
                    }
                    Ok(None) => {
                        let upto = (from + 1 + self.chance.below(4)).min(leader.log.len());
                        records = leader.log[from..upto].to_vec();
                        self.step_leader(
                            l,
                            Input::Fetched(Fetched {
                                replica: id,
                                broker_epoch: BrokerEpoch(broker_epoch),
                                offset: Offset(from as i64),
                                log_start: Offset(0),
                            }),
                        );
                        answer.high_watermark = Offset(self.nodes[l].high_watermark);
                        answer.records = !records.is_empty();
                    }
                }
            }
        } else {
            answer.error = ErrorCode::NotLeaderOrFollower;
        }
        if self.chance.below(10) > 0 {
            self.nodes[n].in_flight = Some(InFlight {
                leader: l,
                epoch,
                answer,
                base: from,
                records,
            });
        }
    }

    fn deliver(&mut self, n: usize) {
        let Some(got) = self.nodes[n].in_flight.take() else {
            return;
        };
        let leader_end = self.nodes[got.leader].log.len();
        let node = &mut self.nodes[n];
        let Some((l, epoch, mut machine)) = node.following else {
            return;
        };
        assert_eq!(
            (l, epoch),
            (got.leader, got.epoch),
            "dropped with the leadership"
        );
        let mut input = Some(follower::Input::Answer(got.answer));
        while let Some(next) = input.take() {
            let mut out = Vec::new();
            {
                let node = &*node;
                let end_of = |e| node.epoch_end(e);
                let local = Local {
                    start: Offset(0),
                    end: Offset(node.log.len() as i64),
                    epoch_end: &end_of,
                };
                machine.step(&local, next, &mut out);
            }
            for effect in out {
                match effect {
                    follower::Effect::Append => {
                        assert_eq!(got.base, node.log.len());
                        for (epoch, value) in &got.records {
                            let at = node.log.len();
                            node.note_epoch(*epoch, at);
                            node.log.push((*epoch, *value));
                        }
                        // Before the next fetch.
                        node.flushed = node.log.len();
                        input = Some(follower::Input::Appended);
                    }
                    follower::Effect::Truncate(to) => {
                        assert!(
                            to.0 >= node.high_watermark,
                            "nobody is elected uncleanly here"
                        );
                        node.truncate(to.0 as usize);
                    }
                    follower::Effect::HighWatermark(to) => {
                        node.high_watermark = node.high_watermark.max(to.0);
                    }
                    follower::Effect::Wait => node.waits = true,
                    follower::Effect::Later(_) | follower::Effect::RaiseStart(_) => {}
                    follower::Effect::AskRange => {
                        input = Some(follower::Input::Range {
                            start: Offset(0),
                            end: Offset(leader_end as i64),
                        });
                    }
                    follower::Effect::Restart(_) => panic!("nothing is ever deleted here"),
                }
            }
        }
        node.following = Some((l, epoch, machine));
    }

    /// The controller handles a leader's proposal, and perhaps its answer is lost.
    fn alter(&mut self, n: usize) {
        if !self.nodes[n].up {
            return;
        }
        let Some(p) = self.nodes[n].proposal.take() else {
            return;
        };
        let v = self.current();
        let isr: Vec<NodeId> = p.isr.iter().map(|m| m.0).collect();
        let fits = |(id, epoch): &(NodeId, BrokerEpoch)| {
            let live = v.assigned.live.iter().find(|l| l.id == *id);
            live.is_some_and(|l| epoch.0 < 0 || l.epoch == *epoch)
        };
        let answer = if v.leader != Some(n) || p.leader_epoch != v.assigned.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else if p.partition_epoch != v.assigned.partition_epoch {
            Err(ErrorCode::InvalidUpdateVersion)
        } else if !p.isr.iter().all(fits) {
            Err(ErrorCode::IneligibleReplica)
        } else {
            self.decide(isr, false);
            let v = self.current();
            Ok(Altered {
                leader_epoch: v.assigned.leader_epoch,
                partition_epoch: v.assigned.partition_epoch,
                isr: v.assigned.isr.clone(),
            })
        };
        let answer = if self.chance.below(8) == 0 {
            Err(ErrorCode::RequestTimedOut)
        } else {
            answer
        };
        self.step_leader(
            n,
            Input::Answered {
                partition_epoch: p.partition_epoch,
                answer,
            },
        );
    }

    fn crash(&mut self, n: usize) {
        let power = self.durable && self.chance.below(2) == 0;
        let node = &mut self.nodes[n];
        if !node.up {
            return;
        }
        node.up = false;
        if power {
            let flushed = node.flushed;
            node.truncate(flushed);
        }
        node.leader = None;
        node.following = None;
        node.in_flight = None;
        node.proposal = None;
        node.unacked.clear();
        // The checkpoint of the high watermark is behind, and may be missing.
        node.high_watermark = self.chance.below(node.high_watermark as usize + 1) as i64;
    }

    fn restart(&mut self, n: usize) {
        if self.nodes[n].up {
            return;
        }
        self.fence(n);
        self.nodes[n].up = true;
        self.nodes[n].broker_epoch = self.next_broker_epoch;
        self.next_broker_epoch += 1;
        self.unfence(n);
        self.nodes[n].seen = self.history.len() - 1;
        self.see(n);
    }

    fn check(&self) {
        let v = self.current();
        for (offset, value) in &self.acked {
            for id in v.assigned.isr.iter().chain(&v.elr) {
                let node = &self.nodes[id.0 as usize];
                let has = node.log.get(*offset).map(|r| r.1);
                assert_eq!(
                    has,
                    Some(*value),
                    "offset {offset} of node {id}, which may lead"
                );
                if self.durable {
                    assert!(node.flushed > *offset);
                }
            }
        }
        for a in 0..NODES {
            for b in 0..a {
                let (a, b) = (&self.nodes[a], &self.nodes[b]);
                let common = a.high_watermark.min(b.high_watermark) as usize;
                assert_eq!(a.log[..common], b.log[..common]);
            }
        }
    }

    fn anything(&mut self) {
        let n = self.chance.below(NODES);
        self.now += self.chance.below(20) as i64;
        match self.chance.below(40) {
            0..6 => self.produce(n),
            6..15 => self.fetch(n),
            15..24 => self.deliver(n),
            24..29 => self.see(n),
            29..31 => self.alter(n),
            31..33 => self.flush(n),
            33 => self.step_leader(n, Input::Tick),
            34 => {
                self.now += self.chance.below(2 * LAG_MAX as usize) as i64;
            }
            35 => self.crash(n),
            36 | 37 => self.restart(n),
            38 => {
                if !self.nodes[n].up || self.chance.below(3) == 0 {
                    self.fence(n);
                    if self.nodes[n].up {
                        self.unfence(n);
                    }
                }
            }
            _ => {
                let isr = self.current().assigned.isr.clone();
                self.decide(isr, self.chance.clone().below(2) == 0);
            }
        }
    }

    /// Everybody is up and hears everything: all logs become one.
    fn heal(&mut self) {
        for n in 0..NODES {
            self.restart(n);
        }
        for _ in 0..10_000 {
            let n = self.chance.below(NODES);
            self.now += 5;
            match self.chance.below(5) {
                0 => self.see(n),
                1 => self.fetch(n),
                2 => self.deliver(n),
                3 => self.alter(n),
                _ => self.flush(n),
            }
            self.check();
            let quiet = self.nodes.iter().all(|node| {
                node.seen == self.history.len() && node.high_watermark == node.log.len() as i64
            });
            if quiet && self.current().assigned.isr.len() == NODES {
                break;
            }
        }
        let first = &self.nodes[0].log;
        for node in &self.nodes {
            assert_eq!(&node.log, first, "logs converge");
            assert_eq!(node.high_watermark, first.len() as i64, "and are committed");
        }
        assert_eq!(self.current().assigned.isr.len(), NODES, "and in sync");
        for (offset, value) in &self.acked {
            assert_eq!(first[*offset].1, *value);
        }
    }
}

fn lives(seeds: std::ops::Range<u64>, durable: bool) -> usize {
    let mut acked = 0;
    for seed in seeds {
        let run = || {
            let mut world = World::new(seed, durable);
            for _ in 0..600 {
                world.anything();
                world.check();
            }
            world.heal();
            world.acked.len()
        };
        acked += std::panic::catch_unwind(run)
            .unwrap_or_else(|_| panic!("seed {seed}, durable {durable}"));
    }
    acked
}

#[test]
fn nothing_acknowledged_is_lost_in_the_page_cache() {
    let acked = lives(0..300, false);
    assert!(
        acked > 300,
        "{acked}: the lives are too poor to show anything"
    );
}

#[test]
fn nothing_acknowledged_is_lost_with_power() {
    let acked = lives(1000..1300, true);
    assert!(
        acked > 300,
        "{acked}: the lives are too poor to show anything"
    );
}
