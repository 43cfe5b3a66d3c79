//! A partition's part in replication: the leader's or follower's machine, and what its effects mean here.
//!
//! Always holds: roles change, followers append and cut, and machines step under the role's lock, so that nothing of an old role
//! reaches the log after a new one has begun. Must never: flush or wait while it holds that lock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use airis_cluster::metadata::{Image, PartitionImage};
use airis_cluster::replica::follower::{self, Answer, Follower, Local};
use airis_cluster::replica::leader::{
    Altered, Assigned, Effect, Fetched, Input, Leader, LogState, Proposal, Refused,
};
use airis_cluster::replica::throttle;
use airis_protocol::batch::BatchHeader;
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset};
use airis_storage::{AppendError, Log, ReadError, StorageError};

#[cfg(feature = "sim")]
use airis_cluster::plant::{Plant, is_planted};

use super::{Leadership, Partition};
use crate::config::Durability;
use crate::scarce;

/// What this node is to the partition.
pub(super) enum Role {
    /// Nobody leads, or this node has the only replica and needs no machine.
    None,
    Leader(Box<Leader>),
    Follower {
        leader: NodeId,
        epoch: LeaderEpoch,
        /// See [`Following::doubtful`].
        doubtful: bool,
        machine: Follower,
    },
}

/// Whom a follower follows.
#[derive(Clone, Copy)]
pub(super) struct Following {
    pub node: NodeId,
    pub epoch: LeaderEpoch,
    /// It was elected although it may lack records, and nobody was in sync with it when this node began to follow.
    pub doubtful: bool,
}

/// Where a follower goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub epoch: LeaderEpoch,
    pub offset: Offset,
    pub last_epoch: LeaderEpoch,
    pub log_start: Offset,
}

/// What a follower's fetcher does next for the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Fetch on. `appended`: flush before, where that is what counts.
    Fetch { appended: bool },
    /// Ask for the leader's range, and tell it.
    AskRange,
    /// Fetch again after a while.
    Later,
    /// Not any more, in this epoch.
    Stop,
}

impl Partition {
    /// Takes what the metadata says of the partition now.
    pub fn take_metadata(self: &Arc<Self>, image: &Image, partition: &PartitionImage) {
        let node = self.hub.node;
        if !self.log().damage().is_empty() {
            // Found when the log was opened, or there is somebody else now to mend it from.
            self.hub.rotten.push(self);
        }
        let mut role = self.role.lock();
        let before = **self.leadership.load();
        let here = partition.leader == Some(node);
        let alone = partition.replicas.len() == 1;
        let now = Leadership {
            leader: partition.leader,
            epoch: partition.leader_epoch,
            here,
            since: match before.here {
                true => before.since,
                false => partition.leader_epoch,
            },
            alone,
        };
        self.leadership.store(Arc::new(now));
        let doubtful = self.is_doubtful(partition);
        let elected = before.epoch < now.epoch;
        if here && elected && self.log().latest_epoch().is_none_or(|e| e < now.epoch) {
            self.tell_loss_of_leader(now.epoch, doubtful);
        }
        if here {
            // A new leader notes where its epoch begins, even before it has written anything (KIP-279).
            if self.log().latest_epoch().is_none_or(|e| e < now.epoch) {
                self.log().assign_epoch(now.epoch);
            }
            self.lead(&mut role, image, partition, alone);
        } else {
            self.enough.store(false, Ordering::Release);
            self.follow_from_now(&mut role, &now, doubtful);
        }
        drop(role);
        self.progress.wake();
        self.growth.wake();
        if here && self.durability == Durability::Fsync && self.log().unflushed() > 0 {
            self.flush_soon();
        }
    }

    fn lead(
        self: &Arc<Self>,
        role: &mut Role,
        image: &Image,
        partition: &PartitionImage,
        alone: bool,
    ) {
        if alone {
            *role = Role::None;
            self.enough
                .store(!partition.isr.is_empty(), Ordering::Release);
            self.enough_proposed.store(true, Ordering::Release);
            self.commit_to(self.counted());
            return;
        }
        let min = self.config.load().min_insync_replicas.max(1) as usize;
        let assigned = Assigned::new(image, partition, min);
        let mut out = Vec::new();
        match role {
            Role::Leader(leader) => {
                leader.step(self.hub.now(), Input::Assigned(assigned), &mut out);
            }
            _ => {
                let leader = Leader::new(
                    self.hub.node,
                    self.hub.lag_max_ms,
                    self.hub.now(),
                    assigned,
                    LogState {
                        end: self.log().end(),
                        counted: self.counted(),
                        high_watermark: self.high_watermark(),
                    },
                    &mut out,
                );
                *role = Role::Leader(Box::new(leader));
                #[cfg(feature = "sim")]
                if is_planted(Plant::ProducersNotReplicated) {
                    self.log().expire_producers(Millis(i64::MAX), 0);
                }
            }
        }
        if let Role::Leader(leader) = role {
            self.note_enough(leader);
        }
        self.perform(out);
    }

    fn follow_from_now(self: &Arc<Self>, role: &mut Role, now: &Leadership, doubtful: bool) {
        let Some(leader) = now.leader else {
            *role = Role::None;
            return;
        };
        if matches!(*role, Role::Follower { leader: l, epoch, .. } if l == leader && epoch == now.epoch)
        {
            return;
        }
        #[cfg(feature = "sim")]
        if is_planted(Plant::CutToHighWatermark) {
            let _ = self
                .log()
                .truncate_to(self.high_watermark(), self.hub.now());
        }
        *role = Role::Follower {
            leader,
            epoch: now.epoch,
            doubtful,
            machine: Follower::default(),
        };
        self.hub.moved.push(self);
    }

    /// Up to where this replica itself counts.
    pub(super) fn counted(&self) -> Offset {
        #[cfg(feature = "sim")]
        if is_planted(Plant::CountBeyondFlush) {
            return self.log().end();
        }
        match self.durability {
            Durability::PageCache => self.log().end(),
            Durability::Fsync => self.log().recovery_point(),
        }
    }

    fn note_enough(&self, leader: &Leader) {
        self.enough.store(leader.enough(), Ordering::Release);
        self.enough_proposed.store(
            leader.maximal_isr_len() >= leader.min_isr(),
            Ordering::Release,
        );
    }

    fn perform(self: &Arc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::HighWatermark(to) => self.commit_to(to),
                Effect::Propose(proposal) => {
                    tracing::info!(
                        topic = %self.topic,
                        partition = %self.index,
                        isr = ?proposal.isr.iter().map(|m| m.0.0).collect::<Vec<_>>(),
                        "asks for another ISR"
                    );
                    self.hub.proposals.push(self);
                }
                // Whoever was refused, or waits for more replicas than there are, looks again.
                Effect::Isr => self.progress.wake(),
            }
        }
    }

    /// Steps the leader's machine; nothing happens where this node does not lead, or leads alone.
    fn step_leader<T>(
        self: &Arc<Self>,
        step: impl FnOnce(&mut Leader, Millis, &mut Vec<Effect>) -> T,
    ) -> Option<T> {
        let mut role = self.role.lock();
        let Role::Leader(leader) = &mut *role else {
            return None;
        };
        let mut out = Vec::new();
        let result = step(leader, self.hub.now(), &mut out);
        if !out.is_empty() {
            self.note_enough(leader);
            self.perform(out);
        }
        Some(result)
    }

    /// The leader's own log has grown, or more of it is on stable storage.
    pub(super) fn grown(self: &Arc<Self>) {
        if self.leadership.load().alone {
            self.commit_to(self.counted());
            return;
        }
        let (counted, end) = (self.counted(), self.log().end());
        self.step_leader(|leader, now, out| leader.step(now, Input::Grown { end, counted }, out));
    }

    /// Errors unless a fetch of this replica counts here.
    pub fn admit(&self, replica: NodeId, broker_epoch: BrokerEpoch) -> Result<(), ErrorCode> {
        match &*self.role.lock() {
            Role::Leader(leader) => {
                leader
                    .admit(replica, broker_epoch)
                    .map_err(|refused| match refused {
                        // It may know of a reassignment that has not reached this node.
                        Refused::NoReplica => ErrorCode::UnknownLeaderEpoch,
                        Refused::OldRun => ErrorCode::NotLeaderOrFollower,
                    })
            }
            // Led alone: as far as this node knows, nobody else has a replica.
            _ if self.leadership.load().here => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// A follower has everything before its position, and its log is a prefix of this one.
    pub fn follower_fetched(self: &Arc<Self>, fetched: Fetched) {
        let low = self.log().start();
        let moved = self.step_leader(|leader, now, out| {
            let before = leader.low_watermark(low);
            leader.step(now, Input::Fetched(fetched), out);
            leader.low_watermark(low) > before
        });
        if moved == Some(true) {
            self.progress.wake();
        }
    }

    /// The first offset that every live replica still has.
    pub fn low_watermark(&self) -> Offset {
        let own = self.log().start();
        match &*self.role.lock() {
            Role::Leader(leader) => leader.low_watermark(own),
            _ => own,
        }
    }

    /// True while a new leader does not know yet how far its predecessor had committed (KIP-207).
    pub fn lagging(&self) -> bool {
        match &*self.role.lock() {
            Role::Leader(leader) => leader.epoch_start() > self.high_watermark(),
            _ => false,
        }
    }

    /// In-sync followers that have the record at `offset`, with their ends (KIP-392).
    pub fn readable(&self, offset: Offset) -> Vec<(NodeId, Offset)> {
        match &*self.role.lock() {
            Role::Leader(leader) => leader.readable(offset).collect(),
            _ => Vec::new(),
        }
    }

    /// True if nothing may go to this follower now (KIP-73).
    pub fn holds_back(&self, replica: NodeId) -> bool {
        self.throttled_to(replica) && self.hub.outgoing.lock().exceeded(self.hub.now())
    }

    /// So many bytes have gone to this follower.
    pub fn sent_to(&self, replica: NodeId, bytes: usize) {
        if bytes > 0 && self.throttled_to(replica) {
            self.hub.outgoing.lock().record(self.hub.now(), bytes);
        }
    }

    fn throttled_to(&self, replica: NodeId) -> bool {
        let list = &self.config.load().leader_replication_throttled_replicas;
        !list.is_empty()
            && throttle::names(list, self.index.0, self.hub.node.0)
            && match &*self.role.lock() {
                Role::Leader(leader) => !leader.in_sync(replica),
                _ => false,
            }
    }

    /// True if this replica may not fetch now; one that is behind and throttled.
    pub fn is_held_back(&self) -> bool {
        self.throttled_here() && self.hub.incoming.lock().exceeded(self.hub.now())
    }

    fn throttled_here(&self) -> bool {
        let list = &self.config.load().follower_replication_throttled_replicas;
        !list.is_empty()
            && throttle::names(list, self.index.0, self.hub.node.0)
            && match &*self.role.lock() {
                Role::Follower { machine, .. } => machine.behind(self.log().end()),
                _ => false,
            }
    }

    /// Members of the ISR that this leader would propose out now.
    #[cfg(feature = "faults")]
    pub fn laggards(&self) -> Vec<NodeId> {
        match &*self.role.lock() {
            Role::Leader(leader) => leader.laggards(self.hub.now()).collect(),
            _ => Vec::new(),
        }
    }

    /// Time has passed: followers that lag are proposed out.
    pub fn check_lag(self: &Arc<Self>) {
        if self.leadership.load().alone {
            return;
        }
        self.step_leader(|leader, now, out| leader.step(now, Input::Tick, out));
    }

    /// The ISR that waits for the controller.
    pub fn proposal(&self) -> Option<Proposal> {
        match &*self.role.lock() {
            Role::Leader(leader) => leader.proposal().cloned(),
            _ => None,
        }
    }

    /// The controller has answered the proposal that named this partition epoch.
    pub fn answered(self: &Arc<Self>, partition_epoch: i32, answer: Result<Altered, ErrorCode>) {
        match &answer {
            Ok(altered) => tracing::info!(
                topic = %self.topic,
                partition = %self.index,
                isr = ?altered.isr.iter().map(|r| r.0).collect::<Vec<_>>(),
                "the ISR has changed"
            ),
            Err(e) => {
                tracing::info!(topic = %self.topic, partition = %self.index, "the ISR is not changed: {e}");
            }
        }
        self.step_leader(|leader, now, out| {
            let input = Input::Answered {
                partition_epoch,
                answer,
            };
            leader.step(now, input, out);
            // Also where nothing came of it: a proposal that is taken back changes what is enough.
            out.push(Effect::Isr);
        });
    }

    pub(super) fn min_insync_changed(self: &Arc<Self>, min: usize) {
        self.step_leader(|leader, now, out| {
            leader.step(now, Input::MinInsync(min), out);
            out.push(Effect::Isr);
        });
    }

    /// Whom this node follows, and in which leader epoch.
    pub fn following(&self) -> Option<(NodeId, LeaderEpoch)> {
        match &*self.role.lock() {
            Role::Follower { leader, epoch, .. } if self.is_open() => Some((*leader, *epoch)),
            _ => None,
        }
    }

    /// Where to fetch on from this leader; `None` if this node does not follow it (any more).
    pub fn position(&self, from: NodeId) -> Option<Position> {
        let role = self.role.lock();
        match &*role {
            Role::Follower { leader, epoch, .. } if *leader == from && self.is_open() => {
                Some(Position {
                    epoch: *epoch,
                    offset: self.log().end(),
                    last_epoch: self.log().latest_epoch().unwrap_or(LeaderEpoch(-1)),
                    log_start: self.log().start(),
                })
            }
            _ => None,
        }
    }

    /// Takes a leader's answer to the fetch at `asked`. `records` are whole batches with good CRCs.
    pub fn follow(
        self: &Arc<Self>,
        asked: &Position,
        answer: Answer,
        records: &[u8],
        now: Millis,
    ) -> Next {
        if !records.is_empty() && self.throttled_here() {
            let mut incoming = self.hub.incoming.lock();
            incoming.record(self.hub.now(), records.len());
        }
        if records.is_empty()
            && answer.error == ErrorCode::None
            && answer.diverging.is_none()
            && answer.high_watermark <= asked.offset
        {
            self.is_whole();
        }
        let input = follower::Input::Answer(Answer {
            records: !records.is_empty(),
            ..answer
        });
        self.step_follower(asked, input, records, now)
    }

    /// Takes the range of the leader's log.
    pub fn leader_range(
        self: &Arc<Self>,
        asked: &Position,
        start: Offset,
        end: Offset,
        now: Millis,
    ) -> Next {
        self.step_follower(asked, follower::Input::Range { start, end }, &[], now)
    }

    fn step_follower(
        self: &Arc<Self>,
        asked: &Position,
        input: follower::Input,
        records: &[u8],
        now: Millis,
    ) -> Next {
        let mut role = self.role.lock();
        let Role::Follower {
            leader,
            epoch,
            doubtful,
            machine,
        } = &mut *role
        else {
            return Next::Stop;
        };
        let leader = Following {
            node: *leader,
            epoch: *epoch,
            doubtful: *doubtful,
        };
        if *epoch != asked.epoch || !self.is_open() {
            // Late news of another epoch; the partition has been moved on already.
            return Next::Later;
        }
        if self.log().end() != asked.offset {
            // Something that this node appended as a leader arrived late: ask again, from where the log ends now.
            return Next::Fetch { appended: false };
        }
        let mut next = Next::Fetch { appended: false };
        let mut input = Some(input);
        while let Some(step) = input.take() {
            let mut out = Vec::new();
            let end_of = |e| self.log().epoch_end(e);
            let local = Local {
                start: self.log().start(),
                end: self.log().end(),
                epoch_end: &end_of,
            };
            machine.step(&local, step, &mut out);
            for effect in out {
                match self.follow_effect(effect, leader, records, now) {
                    Ok(Did::Nothing) => {}
                    Ok(Did::Append) => {
                        next = Next::Fetch { appended: true };
                        input = Some(follower::Input::Appended);
                    }
                    Ok(Did::Next(n)) => next = n,
                    Err(e) => {
                        if !e.is_short() {
                            tracing::error!(topic = %self.topic, partition = %self.index, "replication from the leader failed: {e}");
                        }
                        return Next::Later;
                    }
                }
            }
        }
        next
    }

    fn follow_effect(
        self: &Arc<Self>,
        effect: follower::Effect,
        leader: Following,
        records: &[u8],
        now: Millis,
    ) -> Result<Did, FollowError> {
        use follower::Effect as F;
        let (topic, index) = (&self.topic, self.index);
        match effect {
            F::Append => {
                self.append_runs(records, now)?;
                Ok(Did::Append)
            }
            F::Truncate(to) => {
                let before = self.log().end();
                // First, and harmless if nothing is cut then: once something is, nothing may be appended before this is done.
                self.cap_checkpoints(to)?;
                let end = self.cut(|log| log.truncate_to(to, now)).inspect_err(|e| {
                    self.lower_high_watermark(self.log().end());
                    // It can be cut once it is known what of it has gone bad.
                    if let StorageError::Damaged { .. } = e {
                        self.suspect(to);
                    }
                })?;
                if end < before {
                    tracing::info!(%topic, partition = %index, "the log was cut from offset {before} to {end}: its leader has other records");
                    self.tell_loss_of_follower(leader, before);
                }
                // Before anything that can fail: a replica that leads later believes it.
                self.lower_high_watermark(end);
                self.cap_checkpoints(end)?;
                Ok(Did::Nothing)
            }
            F::Restart(at) => {
                tracing::warn!(%topic, partition = %index, "the log begins anew at offset {at}: its leader has nothing older any more");
                self.cut(|log| log.restart_at(at, now))?;
                self.high_watermark.store(at.0, Ordering::Release);
                self.cap_checkpoints(at)?;
                Ok(Did::Nothing)
            }
            F::RaiseStart(to) => {
                self.log().advance_start(to)?;
                Ok(Did::Nothing)
            }
            F::HighWatermark(to) => {
                self.commit_to(to);
                Ok(Did::Nothing)
            }
            F::AskRange => Ok(Did::Next(Next::AskRange)),
            F::Later(error) => {
                tracing::debug!(%topic, partition = %index, "the leader answered {error}");
                Ok(Did::Next(Next::Later))
            }
            F::Wait => Ok(Did::Next(Next::Stop)),
        }
    }

    /// The log was cut: what its directory's checkpoints say that goes beyond `end` is of other records.
    fn cap_checkpoints(&self, end: Offset) -> Result<(), StorageError> {
        let checkpoints = self.seat().checkpoints;
        checkpoints.cap(&self.topic, self.index, end)
    }

    /// Cuts the log, so that whoever copies it notices.
    pub(super) fn cut<T>(&self, work: impl FnOnce(&Log) -> T) -> T {
        self.cuts.fetch_add(1, Ordering::AcqRel);
        let done = work(&self.log());
        self.cuts.fetch_add(1, Ordering::AcqRel);
        done
    }

    /// Appends in runs that end where a segment is full, so that segments begin where the leader's do.
    fn append_runs(self: &Arc<Self>, records: &[u8], now: Millis) -> Result<(), AppendError> {
        let segment_bytes = self.log().config().segment_bytes as usize;
        let active = self.log().segments().last().map_or(0, |s| s.1 as usize);
        let mut room = segment_bytes.saturating_sub(active);
        let mut rest = records;
        while !rest.is_empty() {
            let mut run = 0;
            while run < rest.len() {
                let size = BatchHeader::read(&rest[run..])?.size();
                if run > 0 && run + size > room {
                    break;
                }
                run = (run + size).min(rest.len());
            }
            let (now_appended, later) = rest.split_at(run);
            let appended = self.log().append_as_follower(now_appended, now)?;
            // As where it is led: recovery never looks at a segment that was closed a while ago.
            if appended.flush_due || appended.rolled {
                self.flush_soon();
            }
            rest = later;
            room = segment_bytes;
        }
        Ok(())
    }

    /// What was cut off is not committed, whatever was believed (only an unclean election makes this so).
    fn lower_high_watermark(&self, end: Offset) {
        self.high_watermark.fetch_min(end.0, Ordering::AcqRel);
    }
}

/// Why a follower could not do what its leader's answer asked for.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Start(#[from] ReadError),
}

impl FollowError {
    /// It was for want of file descriptors, which is told elsewhere.
    fn is_short(&self) -> bool {
        match self {
            FollowError::Append(AppendError::Storage(e))
            | FollowError::Start(ReadError::Storage(e))
            | FollowError::Storage(e) => scarce::tell_storage(e),
            FollowError::Append(_) | FollowError::Start(_) => false,
        }
    }
}

enum Did {
    Nothing,
    Append,
    Next(Next),
}
