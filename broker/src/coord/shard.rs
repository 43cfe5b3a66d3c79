//! One shard while it runs: its state machine, its partition, and who waits for answers.
//!
//! Always holds: effects are performed in the order they were caused, under the shard's lock; what is appended and not committed is
//! in the queue, in log order. Must never: be entered again from within.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use airis_cluster::group::{Effect, Joiner, Moment, Record, Shard, Ticket, Token};
use airis_cluster::machine::Decision;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{
    JoinGroupRequest, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use airis_protocol::types::{LeaderEpoch, Millis, Offset, PartitionId, Uuid};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::warn;

use super::append::{Commit, Unit, append};
use super::{Groups, NEVER};
use crate::partition::Partition;
use crate::task::HashState;

/// One partition of `__consumer_offsets` that this node leads.
pub(super) struct Cell {
    pub topic: Uuid,
    pub index: PartitionId,
    /// The leader epoch that it writes in. Changed with `state` locked.
    epoch: AtomicI32,
    state: Mutex<State>,
    /// It could not be loaded at once.
    has_failed: AtomicBool,
}

enum State {
    Loading,
    Active(Box<Active>),
    /// Its log cannot be read.
    Failed,
    /// This node does not lead it any more.
    Gone,
}

pub(super) struct Active {
    shard: Shard,
    partition: Arc<Partition>,
    /// The leader epoch that it writes in.
    epoch: LeaderEpoch,
    commit_wait_max: Duration,
    joins: HashMap<Token, oneshot::Sender<JoinGroupResponse>, HashState>,
    syncs: HashMap<Token, oneshot::Sender<SyncGroupResponse>, HashState>,
    /// Appends whose outcome the shard waits for, with the end of each.
    unsettled: VecDeque<(Offset, Ticket)>,
    /// The task that settles has been told.
    settling: bool,
    /// The end of everything that was written.
    end: Offset,
}

impl Cell {
    pub fn loading(topic: Uuid, index: PartitionId, epoch: LeaderEpoch) -> Self {
        Cell {
            topic,
            index,
            epoch: AtomicI32::new(epoch.0),
            state: Mutex::new(State::Loading),
            has_failed: AtomicBool::new(false),
        }
    }

    pub fn epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.epoch.load(Ordering::Acquire))
    }

    /// The node leads on, in a new epoch. False if the log must be loaded for it.
    pub fn go_on(&self, epoch: LeaderEpoch) -> bool {
        let mut state = self.state.lock();
        match &mut *state {
            State::Active(active) => active.epoch = epoch,
            State::Loading => {}
            State::Failed | State::Gone => return false,
        }
        self.epoch.store(epoch.0, Ordering::Release);
        true
    }

    /// Ok if it answers.
    pub fn state(&self) -> Result<(), ErrorCode> {
        self.with(|_| ())
    }

    fn with<T>(&self, run: impl FnOnce(&mut Active) -> T) -> Result<T, ErrorCode> {
        match &mut *self.state.lock() {
            State::Active(active) => Ok(run(active)),
            State::Loading => Err(ErrorCode::CoordinatorLoadInProgress),
            State::Failed | State::Gone => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The log has been replayed into `shard`: from here on it answers. Not if the node has lost it meanwhile.
    pub fn activate(&self, groups: &Groups, shard: Shard, partition: Arc<Partition>, end: Offset) {
        let mut state = self.state.lock();
        if !matches!(*state, State::Loading) {
            return;
        }
        let mut active = Active {
            shard,
            partition,
            epoch: self.epoch(),
            commit_wait_max: groups.commit_wait_max,
            joins: HashMap::default(),
            syncs: HashMap::default(),
            unsettled: VecDeque::new(),
            settling: false,
            end,
        };
        let now = groups.now();
        let mut out = Vec::new();
        active.shard.loaded(now, &mut out);
        active.perform(groups, now, out);
        *state = State::Active(Box::new(active));
        drop(state);
        self.plan(groups);
    }

    /// Has the timer task wake in time for this shard.
    fn plan(&self, groups: &Groups) {
        if let Ok(next) = self.with(|active| active.shard.next_deadline()) {
            groups.plan(next);
        }
    }

    /// True once: what goes wrong again and again is told once.
    pub fn is_first_failure(&self) -> bool {
        !self.has_failed.swap(true, Ordering::Relaxed)
    }

    /// It is to be loaded, or is being loaded.
    pub fn is_loading(&self) -> bool {
        matches!(*self.state.lock(), State::Loading)
    }

    /// Its log cannot be read: nobody can be answered here.
    pub fn fail(&self) {
        let mut state = self.state.lock();
        if matches!(*state, State::Loading) {
            *state = State::Failed;
        }
    }

    /// This node does not lead it any more.
    pub fn unload(&self, groups: &Groups) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Gone);
        if let State::Active(mut active) = before {
            let mut out = Vec::new();
            active.shard.unload(&mut out);
            active.perform(groups, groups.now(), out);
        }
    }

    pub fn join(
        self: &Arc<Self>,
        groups: &Groups,
        who: Joiner,
        request: &JoinGroupRequest,
    ) -> Result<oneshot::Receiver<JoinGroupResponse>, ErrorCode> {
        let (sender, answer) = oneshot::channel();
        self.run(groups, |active, now, out| {
            active.joins.insert(who.token, sender);
            active.shard.join(now, who, request, out);
        })?;
        Ok(answer)
    }

    pub fn sync(
        self: &Arc<Self>,
        groups: &Groups,
        token: Token,
        request: &SyncGroupRequest,
    ) -> Result<oneshot::Receiver<SyncGroupResponse>, ErrorCode> {
        let (sender, answer) = oneshot::channel();
        self.run(groups, |active, now, out| {
            active.syncs.insert(token, sender);
            active.shard.sync(now, token, request, out);
        })?;
        Ok(answer)
    }

    pub fn read<T>(&self, read: impl FnOnce(&Shard) -> T) -> Result<(T, Commit), ErrorCode> {
        self.with(|active| (read(&active.shard), active.commit()))
    }

    pub fn step<T>(
        self: &Arc<Self>,
        groups: &Groups,
        step: impl FnOnce(&mut Shard, Moment, &mut Vec<Effect>) -> T,
    ) -> Result<(T, Commit), ErrorCode> {
        self.run(groups, |active, now, out| step(&mut active.shard, now, out))
    }

    pub fn decide<T>(
        self: &Arc<Self>,
        groups: &Groups,
        unit: Unit,
        decide: impl FnOnce(&mut Shard, Moment) -> Result<Decision<Record, T>, ErrorCode>,
    ) -> Result<(T, Commit), ErrorCode> {
        let (decided, commit) = self.run(groups, |active, now, _| {
            let Decision { records, reply } = decide(&mut active.shard, now)?;
            active
                .append_and_replay(groups, now, unit, &records)
                .map_err(airis_cluster::group::append_error)?;
            Ok(reply)
        })?;
        Ok((decided?, commit))
    }

    /// Acts on deadlines that have come. Returns the next one. For the timer task only: it is not told to plan.
    pub fn tick(self: &Arc<Self>, groups: &Groups) -> i64 {
        let next = self.with(|active| {
            active.tick(groups, groups.now());
            active.watch(self, groups);
            active.shard.next_deadline()
        });
        next.ok().flatten().map_or(NEVER, |at| at.0)
    }

    /// Writes tombstones that nobody asked for; what cannot be written now is tried again at the next occasion.
    pub fn clean(
        self: &Arc<Self>,
        groups: &Groups,
        why: &str,
        what: impl FnOnce(&Shard, Millis) -> Vec<Record>,
    ) {
        let result = self.decide(groups, Unit::Parts, |shard, now| {
            Ok(Decision {
                records: what(shard, now.wall),
                reply: (),
            })
        });
        if let Err(code) = result
            && code != ErrorCode::NotCoordinator
            && code != ErrorCode::CoordinatorLoadInProgress
        {
            warn!(partition = %self.index, "{why} could not be written: {code}");
        }
    }

    /// Runs one input: the step itself, what it causes, and every deadline that has come by then.
    fn run<T>(
        self: &Arc<Self>,
        groups: &Groups,
        step: impl FnOnce(&mut Active, Moment, &mut Vec<Effect>) -> T,
    ) -> Result<(T, Commit), ErrorCode> {
        self.with(|active| {
            let now = groups.now();
            let mut out = Vec::new();
            let result = step(active, now, &mut out);
            active.perform(groups, now, out);
            active.tick(groups, now);
            active.watch(self, groups);
            groups.plan(active.shard.next_deadline());
            (result, active.commit())
        })
    }

    /// What the settling task has to wait for next: the soonest append that is not committed. `None`: all are.
    pub fn unsettled(&self) -> Option<(Arc<Partition>, Offset)> {
        self.with(|active| {
            let next = active
                .unsettled
                .front()
                .map(|(end, _)| (active.partition.clone(), *end));
            active.settling = next.is_some();
            next
        })
        .ok()
        .flatten()
    }

    /// Tells the shard of every append that has been committed, or, with an error, that none of them will be.
    pub fn settle(self: &Arc<Self>, groups: &Groups, outcome: Result<(), ErrorCode>) {
        let _ = self.run(groups, |active, now, out| match outcome {
            Ok(()) => active.settle(now, out),
            Err(code) => {
                for (_, ticket) in std::mem::take(&mut active.unsettled) {
                    active.shard.append_failed(now, ticket, code, out);
                }
            }
        });
    }
}

impl Active {
    /// Has the settling task wait for what is not committed.
    fn watch(&mut self, cell: &Arc<Cell>, groups: &Groups) {
        if !self.unsettled.is_empty() && !self.settling {
            self.settling = groups.settle.send(cell.clone()).is_ok();
        }
    }

    fn commit(&self) -> Commit {
        Commit::new(
            self.partition.clone(),
            self.epoch,
            self.end,
            self.commit_wait_max,
        )
    }

    /// Performs effects, and what they cause, until there are none.
    fn perform(&mut self, groups: &Groups, now: Moment, mut effects: Vec<Effect>) {
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    // A receiver that is gone is a connection that was closed.
                    Effect::Joined { token, response } => {
                        if let Some(sender) = self.joins.remove(&token) {
                            let _ = sender.send(response);
                        }
                    }
                    Effect::Synced { token, response } => {
                        if let Some(sender) = self.syncs.remove(&token) {
                            let _ = sender.send(response);
                        }
                    }
                    Effect::Append { ticket, records } => {
                        self.append(groups, now, ticket, &records, &mut next);
                    }
                }
            }
            self.settle(now, &mut next);
            effects = next;
        }
    }

    fn append(
        &mut self,
        groups: &Groups,
        now: Moment,
        ticket: Ticket,
        records: &[Record],
        out: &mut Vec<Effect>,
    ) {
        let mut end = self.end;
        let result = append(
            &self.partition,
            self.epoch,
            records,
            Unit::Whole,
            groups.codec,
            now.wall,
            |_, _, e| end = e,
        );
        match result {
            Ok(()) => {
                self.end = end;
                self.unsettled.push_back((end, ticket));
            }
            Err(code) => {
                warn!(partition = %self.partition.index, "a group could not be written: {code}");
                self.shard.append_failed(now, ticket, code, out);
            }
        }
    }

    fn append_and_replay(
        &mut self,
        groups: &Groups,
        now: Moment,
        unit: Unit,
        records: &[Record],
    ) -> Result<(), ErrorCode> {
        let (shard, end) = (&mut self.shard, &mut self.end);
        append(
            &self.partition,
            self.epoch,
            records,
            unit,
            groups.codec,
            now.wall,
            |base, run, e| {
                for (i, record) in run.iter().enumerate() {
                    shard.replay(Offset(base.0 + i as i64), None, record);
                }
                *end = e;
            },
        )
    }

    /// Tells the shard of the appends that are committed by now.
    fn settle(&mut self, now: Moment, out: &mut Vec<Effect>) {
        while let Some((end, ticket)) = self.unsettled.front().copied() {
            // An error: another node has led meanwhile, and what it has committed may not be what was written here.
            if self.partition.is_committed(end, self.epoch) != Ok(true) {
                return;
            }
            self.unsettled.pop_front();
            self.shard.committed(now, ticket, out);
        }
    }

    fn tick(&mut self, groups: &Groups, now: Moment) {
        while self
            .shard
            .next_deadline()
            .is_some_and(|at| at <= now.steady)
        {
            let mut out = Vec::new();
            let records = self.shard.tick(now, &mut out);
            if let Err(code) = self.append_and_replay(groups, now, Unit::Parts, &records) {
                warn!(partition = %self.partition.index, "sessions that ended could not be written: {code}");
            }
            self.perform(groups, now, out);
        }
    }
}
