//! A partition's leader: how far its followers are, who is in sync, how far records are committed.
//!
//! Always holds: the high watermark never falls, never passes the offset that the leader itself counts, and is at or below the end
//! of every member of the maximal ISR (what is committed, and what has been proposed); one proposal is under way at a time. Must
//! never: let a replica into the ISR that is below the high watermark or the start of the leader's epoch, whose broker is fenced
//! or stopping, or that speaks for an older run of its broker (KIP-841, 903).

use airis_protocol::error::ErrorCode;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset};

use crate::metadata::{Image, PartitionImage};
#[cfg(feature = "sim")]
use crate::plant::{Plant, is_planted};

/// The end of a follower that has not fetched from this leader yet.
const UNKNOWN: Offset = Offset(-1);
/// When a follower was caught up that never was.
const NEVER: Millis = Millis(i64::MIN);

/// A broker that is up, as the metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    pub id: NodeId,
    pub epoch: BrokerEpoch,
    /// On its way out: its replicas do not join an ISR any more.
    pub stopping: bool,
}

/// What the metadata says of a partition that this node leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    /// Those of the replicas' brokers that are up, with the log directory of the replica.
    pub live: Vec<Live>,
    /// `min.insync.replicas` of the topic.
    pub min_insync: usize,
}

impl Assigned {
    pub fn new(image: &Image, partition: &PartitionImage, min_insync: usize) -> Assigned {
        let live = partition.replicas.iter().filter_map(|r| image.broker(*r));
        Assigned {
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
            live: live
                .filter(|b| !b.fenced && image.directory_online(partition, b.id))
                .map(|b| Live {
                    id: b.id,
                    epoch: b.epoch,
                    stopping: b.in_controlled_shutdown,
                })
                .collect(),
            min_insync,
        }
    }
}

/// One follower's position, as its last fetch told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub replica: NodeId,
    /// -1: the follower does not tell (Fetch before version 15).
    pub broker_epoch: BrokerEpoch,
    /// It has, on the medium that counts, everything before this offset.
    pub offset: Offset,
    pub log_start: Offset,
}

/// The controller's answer to a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    pub isr: Vec<NodeId>,
}

/// What happens to a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// There is newer metadata of the partition or of one of its brokers.
    Assigned(Assigned),
    /// The leader's log has grown, or more of it counts: with `counted` below `end`, the rest is not on stable storage yet.
    Grown { end: Offset, counted: Offset },
    /// A follower fetches, and its log is a prefix of the leader's. Only after [`Leader::admit`].
    Fetched(Fetched),
    /// The answer to the proposal that named this partition epoch.
    Answered {
        partition_epoch: i32,
        answer: Result<Altered, ErrorCode>,
    },
    /// Time has passed: look for followers that lag. Due every half of `replica.lag.time.max.ms`.
    Tick,
    /// `min.insync.replicas` has changed.
    MinInsync(usize),
}

/// An ISR to propose to the controller (AlterPartition).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    /// With the run of each member's broker; -1 for a member that has not fetched yet.
    pub isr: Vec<(NodeId, BrokerEpoch)>,
}

/// What a leader causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Everything before this offset is committed.
    HighWatermark(Offset),
    /// To be sent to the controller, again and again until it is answered, unless a newer one replaces it.
    Propose(Proposal),
    /// The ISR, or what counts as one, has changed.
    Isr,
}

/// Why a follower's fetch does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has no replica of the partition, as far as this node knows.
    NoReplica,
    /// It speaks for an older run of its broker.
    OldRun,
}

/// A follower.
#[derive(Clone, Debug)]
struct Follower {
    id: NodeId,
    broker_epoch: BrokerEpoch,
    end: Offset,
    log_start: Offset,
    last_caught_up: Millis,
    last_fetch: Millis,
    /// The leader's end when it last fetched: who has that at the next fetch was caught up at the last.
    leader_end_at_fetch: Offset,
}

impl Follower {
    fn new(id: NodeId) -> Follower {
        Follower {
            id,
            broker_epoch: BrokerEpoch(-1),
            end: UNKNOWN,
            log_start: UNKNOWN,
            last_caught_up: NEVER,
            last_fetch: NEVER,
            leader_end_at_fetch: Offset(0),
        }
    }

    fn fetched(&mut self, now: Millis, f: &Fetched, leader_end: Offset) {
        if f.offset >= leader_end {
            self.last_caught_up = self.last_caught_up.max(now);
        } else if f.offset >= self.leader_end_at_fetch {
            self.last_caught_up = self.last_caught_up.max(self.last_fetch);
        }
        self.broker_epoch = f.broker_epoch;
        self.end = f.offset;
        self.log_start = f.log_start;
        self.last_fetch = now;
        self.leader_end_at_fetch = self.leader_end_at_fetch.max(leader_end);
    }
}

/// A proposal under way.
#[derive(Clone, Debug)]
struct Pending {
    proposal: Proposal,
    isr: Vec<NodeId>,
}

/// A log as a new leader finds it.
#[derive(Clone, Copy, Debug)]
pub struct LogState {
    pub end: Offset,
    /// Up to where it is on the medium that counts.
    pub counted: Offset,
    pub high_watermark: Offset,
}

/// The state of one partition's leader.
#[derive(Clone, Debug)]
pub struct Leader {
    node: NodeId,
    lag_max_ms: i64,
    assigned: Assigned,
    /// Where the log ended when this leader's epoch began: a follower below has not seen all of what came before.
    epoch_start: Offset,
    followers: Vec<Follower>,
    pending: Option<Pending>,
    end: Offset,
    counted: Offset,
    high_watermark: Offset,
}

impl Leader {
    /// A new leader with its log's end. It takes the members of the ISR for caught up for now: it has not heard of them yet.
    pub fn new(
        node: NodeId,
        lag_max_ms: i64,
        now: Millis,
        assigned: Assigned,
        log: LogState,
        out: &mut Vec<Effect>,
    ) -> Leader {
        let LogState {
            end,
            counted,
            high_watermark,
        } = log;
        #[cfg(feature = "sim")]
        let high_watermark = match is_planted(Plant::HighWatermarkAhead) {
            true => {
                out.push(Effect::HighWatermark(end));
                end
            }
            false => high_watermark,
        };
        let mut leader = Leader {
            node,
            lag_max_ms,
            epoch_start: end,
            followers: Vec::new(),
            pending: None,
            end,
            counted: counted.min(end),
            high_watermark,
            assigned,
        };
        leader.take_followers();
        leader.begin_epoch(now);
        leader.consider_shrink(now, out);
        leader.advance(now, out);
        leader
    }

    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    pub fn epoch_start(&self) -> Offset {
        self.epoch_start
    }

    pub fn isr(&self) -> &[NodeId] {
        &self.assigned.isr
    }

    /// Members of the ISR, counting those that are proposed.
    pub fn maximal_isr_len(&self) -> usize {
        let pending = self.pending.iter().flat_map(|p| &p.isr);
        self.assigned.isr.len() + pending.filter(|r| !self.assigned.isr.contains(r)).count()
    }

    pub fn in_sync(&self, replica: NodeId) -> bool {
        self.assigned.isr.contains(&replica)
    }

    /// How many replicas have to be in sync: `min.insync.replicas`, but not more than there are.
    pub fn min_isr(&self) -> usize {
        self.assigned
            .min_insync
            .min(self.assigned.replicas.len())
            .max(1)
    }

    /// True if acks=all may be taken.
    pub fn enough(&self) -> bool {
        self.assigned.isr.len() >= self.min_isr()
    }

    /// True if this leader commits on its own, without a word from anybody.
    pub fn alone(&self) -> bool {
        self.assigned.replicas.len() == 1
    }

    /// Whether a fetch of this replica counts.
    pub fn admit(&self, replica: NodeId, broker_epoch: BrokerEpoch) -> Result<(), Refused> {
        let follower = self
            .followers
            .iter()
            .find(|f| f.id == replica)
            .ok_or(Refused::NoReplica)?;
        #[cfg(feature = "sim")]
        if is_planted(Plant::IsrWithoutBrokerEpoch) {
            return Ok(());
        }
        // A fetch that tells no epoch does not make this node forget: the metadata know which run lives.
        let lives = self.assigned.live.iter().find(|l| l.id == replica);
        let newest = lives.map_or(follower.broker_epoch, |l| {
            l.epoch.max(follower.broker_epoch)
        });
        if broker_epoch.0 >= 0 && broker_epoch < newest {
            return Err(Refused::OldRun);
        }
        Ok(())
    }

    /// The proposal that waits for the controller.
    pub fn proposal(&self) -> Option<&Proposal> {
        self.pending.as_ref().map(|p| &p.proposal)
    }

    /// The first offset that any live replica still has; -1 while one has not told. `own` is the start of the leader's log.
    pub fn low_watermark(&self, own: Offset) -> Offset {
        let live = |id| self.assigned.live.iter().any(|l| l.id == id);
        self.followers
            .iter()
            .filter(|f| live(f.id))
            .map(|f| f.log_start)
            .fold(own, Offset::min)
    }

    /// The in-sync followers that have the record at `offset`, with their ends (KIP-392).
    pub fn readable(&self, offset: Offset) -> impl Iterator<Item = (NodeId, Offset)> + '_ {
        self.followers
            .iter()
            .filter(move |f| {
                self.assigned.isr.contains(&f.id)
                    && f.log_start.0 >= 0
                    && f.log_start <= offset
                    && offset <= f.end
            })
            .map(|f| (f.id, f.end))
    }

    pub fn step(&mut self, now: Millis, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Assigned(assigned) => self.assign(now, assigned, out),
            Input::Grown { end, counted } => {
                self.end = self.end.max(end);
                self.counted = self.counted.max(counted).min(self.end);
                self.advance(now, out);
            }
            Input::Fetched(fetched) => self.fetched(now, &fetched, out),
            Input::Answered {
                partition_epoch,
                answer,
            } => self.answered(now, partition_epoch, answer, out),
            Input::Tick => {
                self.consider_shrink(now, out);
                // Who was waited for because it was nearly in sync may have fallen behind.
                self.advance(now, out);
            }
            Input::MinInsync(min) => {
                self.assigned.min_insync = min;
                self.advance(now, out);
            }
        }
    }

    fn assign(&mut self, now: Millis, assigned: Assigned, out: &mut Vec<Effect>) {
        if assigned.partition_epoch < self.assigned.partition_epoch {
            // What the controller has answered already is newer.
            self.assigned.live = assigned.live;
        } else {
            if assigned.partition_epoch > self.assigned.partition_epoch {
                // Whatever was proposed: this is how it was decided.
                self.pending = None;
            }
            let new_epoch = assigned.leader_epoch > self.assigned.leader_epoch;
            if assigned.leader_epoch.0 > self.assigned.leader_epoch.0 + 1 {
                // In an epoch that this node never saw another may have led, and others have cut their logs.
                self.followers.clear();
            }
            let isr = assigned.isr != self.assigned.isr;
            self.assigned = assigned;
            self.take_followers();
            if new_epoch {
                self.epoch_start = self.end;
                self.begin_epoch(now);
            }
            if isr {
                out.push(Effect::Isr);
            }
        }
        self.consider_shrink(now, out);
        self.advance(now, out);
    }

    fn take_followers(&mut self) {
        let replicas = &self.assigned.replicas;
        self.followers.retain(|f| replicas.contains(&f.id));
        for id in replicas.iter().filter(|r| **r != self.node) {
            if !self.followers.iter().any(|f| f.id == *id) {
                self.followers.push(Follower::new(*id));
            }
        }
    }

    fn begin_epoch(&mut self, now: Millis) {
        for f in &mut self.followers {
            let in_sync = self.assigned.isr.contains(&f.id);
            f.last_caught_up = if in_sync { now } else { NEVER };
            f.last_fetch = f.last_caught_up;
            f.leader_end_at_fetch = self.end;
        }
    }

    fn live(&self, id: NodeId) -> Option<&Live> {
        self.assigned.live.iter().find(|l| l.id == id)
    }

    /// Whether a replica's broker may have it in an ISR.
    fn eligible(&self, f: &Follower) -> bool {
        #[cfg(feature = "sim")]
        if is_planted(Plant::IsrWithoutBrokerEpoch) {
            return true;
        }
        self.live(f.id)
            .is_some_and(|l| !l.stopping && (f.broker_epoch.0 < 0 || f.broker_epoch == l.epoch))
    }

    /// Members of the ISR that count as too slow now.
    pub fn laggards(&self, now: Millis) -> impl Iterator<Item = NodeId> + '_ {
        let slow = move |f: &&Follower| self.in_sync(f.id) && !self.caught_up(now, f);
        self.followers.iter().filter(slow).map(|f| f.id)
    }

    fn caught_up(&self, now: Millis, f: &Follower) -> bool {
        f.end == self.end || now.0.saturating_sub(f.last_caught_up.0) <= self.lag_max_ms
    }

    fn in_maximal_isr(&self, id: NodeId) -> bool {
        #[cfg(feature = "sim")]
        if is_planted(Plant::AckBeforeIsr)
            && let Some(pending) = &self.pending
        {
            return pending.isr.contains(&id);
        }
        self.assigned.isr.contains(&id)
            || self.pending.as_ref().is_some_and(|p| p.isr.contains(&id))
    }

    fn fetched(&mut self, now: Millis, fetched: &Fetched, out: &mut Vec<Effect>) {
        let end = self.end;
        let Some(f) = self.followers.iter_mut().find(|f| f.id == fetched.replica) else {
            return;
        };
        f.fetched(now, fetched, end);
        let f = f.clone();
        if self.pending.is_none()
            && !self.assigned.isr.contains(&f.id)
            && f.end >= self.high_watermark
            && f.end >= self.epoch_start
            && self.eligible(&f)
        {
            let mut isr = self.assigned.isr.clone();
            isr.push(f.id);
            self.propose(isr, out);
        }
        self.advance(now, out);
    }

    /// Proposes to take those out that lag, or whose brokers are not up.
    fn consider_shrink(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.pending.is_some() {
            return;
        }
        let out_of_sync = |id: NodeId| {
            self.followers
                .iter()
                .find(|f| f.id == id)
                .is_some_and(|f| self.live(id).is_none() || !self.caught_up(now, f))
        };
        let isr: Vec<NodeId> = self
            .assigned
            .isr
            .iter()
            .copied()
            .filter(|id| !out_of_sync(*id))
            .collect();
        if isr.len() < self.assigned.isr.len() {
            self.propose(isr, out);
        }
    }

    fn propose(&mut self, isr: Vec<NodeId>, out: &mut Vec<Effect>) {
        let epoch_of = |id: NodeId| {
            #[cfg(feature = "sim")]
            if is_planted(Plant::IsrWithoutBrokerEpoch) {
                return BrokerEpoch(-1);
            }
            if id == self.node {
                return self.live(id).map_or(BrokerEpoch(-1), |l| l.epoch);
            }
            let f = self.followers.iter().find(|f| f.id == id);
            f.map_or(BrokerEpoch(-1), |f| f.broker_epoch)
        };
        let proposal = Proposal {
            leader_epoch: self.assigned.leader_epoch,
            partition_epoch: self.assigned.partition_epoch,
            isr: isr.iter().map(|id| (*id, epoch_of(*id))).collect(),
        };
        self.pending = Some(Pending {
            proposal: proposal.clone(),
            isr,
        });
        out.push(Effect::Propose(proposal));
    }

    fn answered(
        &mut self,
        now: Millis,
        partition_epoch: i32,
        answer: Result<Altered, ErrorCode>,
        out: &mut Vec<Effect>,
    ) {
        let Some(pending) = &self.pending else {
            // Metadata was faster.
            return;
        };
        if pending.proposal.partition_epoch != partition_epoch {
            return;
        }
        match answer {
            Ok(altered) => {
                if altered.leader_epoch != self.assigned.leader_epoch
                    || altered.partition_epoch < self.assigned.partition_epoch
                {
                    // Not about this leadership: metadata is to tell.
                    return;
                }
                if self.assigned.isr.iter().any(|r| !altered.isr.contains(r)) {
                    // Who is taken out may still be eligible, if the controller has decided on it with a `min.insync.replicas`
                    // that this node has not heard of. Both come with the metadata, in order; until then all count on.
                    return;
                }
                self.pending = None;
                self.assigned.partition_epoch = altered.partition_epoch;
                self.assigned.isr = altered.isr;
                out.push(Effect::Isr);
                self.advance(now, out);
            }
            // The controller says that it has not done it and that our partition epoch is right: as if nothing had been asked.
            Err(ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted) => {
                self.pending = None;
                out.push(Effect::Isr);
                self.advance(now, out);
            }
            // Our view is old, or the leadership has gone: the maximal ISR counts on until metadata comes.
            Err(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::InvalidRequest
                | ErrorCode::NewLeaderElected,
            ) => {}
            Err(_) => out.push(Effect::Propose(pending.proposal.clone())),
        }
    }

    /// Raises the high watermark as far as may be: to the lowest end among the maximal ISR and those who are about to join it.
    fn advance(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if !self.enough() {
            return;
        }
        let mut to = self.counted;
        #[cfg(feature = "sim")]
        if is_planted(Plant::HighWatermarkFromMax) {
            let fastest = self.followers.iter().map(|f| f.end).max();
            to = to.min(fastest.unwrap_or(to));
            if to > self.high_watermark {
                self.high_watermark = to;
                out.push(Effect::HighWatermark(to));
            }
            return;
        }
        for f in &self.followers {
            if f.end < to
                && (self.in_maximal_isr(f.id) || (self.caught_up(now, f) && self.eligible(f)))
            {
                to = f.end;
            }
        }
        if to > self.high_watermark {
            self.high_watermark = to;
            out.push(Effect::HighWatermark(to));
        }
    }
}
