//! A leader's cases, by the KIP that each comes from.

use airis_protocol::error::ErrorCode;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset};

use crate::replica::leader::{
    Altered, Assigned, Effect, Fetched, Input, Leader, Live, LogState, Proposal, Refused,
};
use crate::replica::{CannotTell, diverging};

const LAG_MAX: i64 = 30_000;

fn ids(list: &[i32]) -> Vec<NodeId> {
    list.iter().copied().map(NodeId).collect()
}

/// Broker n runs with epoch 100 + n.
fn assigned(epoch: i32, partition_epoch: i32, isr: &[i32], live: &[i32]) -> Assigned {
    Assigned {
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch,
        replicas: ids(&[1, 2, 3]),
        isr: ids(isr),
        live: live
            .iter()
            .map(|id| Live {
                id: NodeId(*id),
                epoch: BrokerEpoch(100 + i64::from(*id)),
                stopping: false,
            })
            .collect(),
        min_insync: 2,
    }
}

struct Run {
    leader: Leader,
    now: i64,
}

impl Run {
    /// Node 1 begins to lead at time 0 with a log of 10 records, 5 of them known to be committed.
    fn new(isr: &[i32]) -> Run {
        Run::with(assigned(7, 20, isr, &[1, 2, 3]))
    }

    fn with(assigned: Assigned) -> Run {
        let mut out = Vec::new();
        let leader = Leader::new(
            NodeId(1),
            LAG_MAX,
            Millis(0),
            assigned,
            LogState {
                end: Offset(10),
                counted: Offset(10),
                high_watermark: Offset(5),
            },
            &mut out,
        );
        Run { leader, now: 0 }
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.leader.step(Millis(self.now), input, &mut out);
        out
    }

    fn fetch(&mut self, replica: i32, offset: i64) -> Vec<Effect> {
        self.step(Input::Fetched(Fetched {
            replica: NodeId(replica),
            broker_epoch: BrokerEpoch(100 + i64::from(replica)),
            offset: Offset(offset),
            log_start: Offset(0),
        }))
    }

    fn grow(&mut self, end: i64) -> Vec<Effect> {
        self.step(Input::Grown {
            end: Offset(end),
            counted: Offset(end),
        })
    }

    fn answer(
        &mut self,
        partition_epoch: i32,
        answer: Result<(i32, &[i32]), ErrorCode>,
    ) -> Vec<Effect> {
        let answer = answer.map(|(partition_epoch, isr)| Altered {
            leader_epoch: LeaderEpoch(7),
            partition_epoch,
            isr: ids(isr),
        });
        self.step(Input::Answered {
            partition_epoch,
            answer,
        })
    }
}

fn hw(offset: i64) -> Effect {
    Effect::HighWatermark(Offset(offset))
}

fn propose(partition_epoch: i32, isr: &[(i32, i64)]) -> Effect {
    Effect::Propose(Proposal {
        leader_epoch: LeaderEpoch(7),
        partition_epoch,
        isr: isr
            .iter()
            .map(|(id, epoch)| (NodeId(*id), BrokerEpoch(*epoch)))
            .collect(),
    })
}

#[test]
fn the_high_watermark_is_the_lowest_end_in_sync() {
    let mut r = Run::new(&[1, 2, 3]);
    assert_eq!(r.grow(12), []);
    assert_eq!(r.fetch(2, 12), [], "3 has not told yet");
    assert_eq!(r.fetch(3, 8), [hw(8)]);
    assert_eq!(r.fetch(3, 12), [hw(12)]);
    // A follower that went back (it lost its end) takes nothing back.
    assert_eq!(r.fetch(2, 6), []);
    assert_eq!(r.grow(15), []);
    assert_eq!(r.fetch(3, 15), []);
    assert_eq!(r.fetch(2, 13), [hw(13)]);
}

#[test]
fn what_followers_had_before_an_epoch_that_the_leader_never_saw_does_not_count() {
    let mut r = Run::new(&[1, 2, 3]);
    assert_eq!(r.fetch(2, 10), []);
    // Another may have led in epoch 8, and 2 may have cut its log there; that 3 is gone commits nothing.
    let again = Input::Assigned(assigned(9, 22, &[1, 2], &[1, 2]));
    assert!(
        !r.step(again)
            .iter()
            .any(|e| matches!(e, Effect::HighWatermark(_)))
    );
    assert_eq!(r.fetch(2, 7), [hw(7)]);
    // The next epoch is nobody else's.
    let mut r = Run::new(&[1, 2, 3]);
    assert_eq!(r.fetch(2, 10), []);
    let next = Input::Assigned(assigned(8, 21, &[1, 2], &[1, 2]));
    assert!(r.step(next).contains(&hw(10)));
}

#[test]
fn what_the_leader_has_not_flushed_does_not_count() {
    let mut r = Run::new(&[1, 2]);
    let grown = Input::Grown {
        end: Offset(14),
        counted: Offset(11),
    };
    assert_eq!(r.step(grown), []);
    assert_eq!(r.fetch(2, 14), [hw(11)]);
    let flushed = Input::Grown {
        end: Offset(14),
        counted: Offset(14),
    };
    assert_eq!(r.step(flushed), [hw(14)]);
}

#[test]
fn below_the_minimum_nothing_is_committed() {
    let mut r = Run::new(&[1]);
    assert!(!r.leader.enough());
    assert_eq!(r.grow(12), []);
    // Lowered, it commits what the leader has; raised over the number of replicas, all of them are enough.
    assert_eq!(r.step(Input::MinInsync(1)), [hw(12)]);
    assert!(r.leader.enough());
    r.step(Input::MinInsync(9));
    assert_eq!(r.leader.min_isr(), 3);
}

#[test]
fn a_follower_joins_once_it_has_what_is_committed_and_what_came_before() {
    let mut r = Run::new(&[1, 2]);
    r.grow(12);
    r.fetch(2, 11);
    assert_eq!(r.leader.high_watermark(), Offset(11));
    assert_eq!(r.fetch(3, 10), [], "below the high watermark");
    assert_eq!(
        r.fetch(3, 11),
        [propose(20, &[(1, 101), (2, 102), (3, 103)])]
    );
    assert_eq!(r.fetch(3, 12), [], "one proposal at a time");
    // From here on 3 counts, although it is not in sync yet.
    r.grow(14);
    assert_eq!(r.fetch(2, 14), [hw(12)]);
    assert_eq!(r.answer(20, Ok((21, &[1, 2, 3]))), [Effect::Isr]);
    assert_eq!(r.leader.isr(), ids(&[1, 2, 3]));
    assert_eq!(r.fetch(3, 14), [hw(14)]);
    // The start of the epoch: node 1 became leader at offset 10, so at 9 something may be missing.
    let mut r = Run::new(&[1, 2]);
    assert_eq!(r.fetch(3, 9), []);
    assert!(matches!(r.fetch(3, 10)[..], [Effect::Propose(_)]));
}

#[test]
fn a_replica_about_to_join_is_waited_for() {
    let mut r = Run::new(&[1, 2]);
    r.step(Input::Assigned(assigned(7, 20, &[1, 2], &[1, 2, 3])));
    r.fetch(3, 10);
    assert_eq!(
        r.answer(20, Err(ErrorCode::IneligibleReplica)),
        [Effect::Isr]
    );
    r.now = 10;
    r.grow(12);
    assert_eq!(r.fetch(2, 12), [hw(10)], "3 was at the end 10 ms ago");
    // Once it lags for long, it is not.
    r.now = 10 + LAG_MAX + 1;
    r.fetch(2, 12);
    assert_eq!(r.leader.high_watermark(), Offset(12));
}

#[test]
fn fenced_stopping_and_old_brokers_do_not_join() {
    // KIP-841.
    let mut r = Run::with(assigned(7, 20, &[1, 2], &[1, 2]));
    assert_eq!(r.fetch(3, 10), [], "fenced");
    let mut a = assigned(7, 20, &[1, 2], &[1, 2, 3]);
    a.live[2].stopping = true;
    r.step(Input::Assigned(a));
    assert_eq!(r.fetch(3, 10), [], "stopping");
    // KIP-903: a fetch of an older run than the metadata knows; and one that is older than what was seen.
    let mut r = Run::new(&[1, 2]);
    let old = |epoch| Fetched {
        replica: NodeId(3),
        broker_epoch: BrokerEpoch(epoch),
        offset: Offset(10),
        log_start: Offset(0),
    };
    assert_eq!(r.step(Input::Fetched(old(90))), []);
    assert_eq!(
        r.leader.admit(NodeId(3), BrokerEpoch(90)),
        Err(Refused::OldRun),
        "older than the metadata say, whatever was seen"
    );
    assert!(matches!(
        r.step(Input::Fetched(old(103)))[..],
        [Effect::Propose(_)]
    ));
    assert_eq!(
        r.leader.admit(NodeId(3), BrokerEpoch(90)),
        Err(Refused::OldRun)
    );
    assert_eq!(r.leader.admit(NodeId(3), BrokerEpoch(-1)), Ok(()));
    r.step(Input::Fetched(old(-1)));
    assert_eq!(
        r.leader.admit(NodeId(3), BrokerEpoch(90)),
        Err(Refused::OldRun),
        "a fetch without an epoch changes nothing"
    );
    assert_eq!(
        r.leader.admit(NodeId(4), BrokerEpoch(104)),
        Err(Refused::NoReplica)
    );
}

#[test]
fn who_lags_is_proposed_out_and_counts_until_that_is_decided() {
    let mut r = Run::new(&[1, 2, 3]);
    for (now, end) in [(1000, 12), (20_000, 14)] {
        r.now = now;
        r.grow(end);
        r.fetch(2, end);
        r.fetch(3, 10);
        assert_eq!(r.step(Input::Tick), []);
    }
    r.now = 1000 + LAG_MAX;
    r.fetch(2, 14);
    assert_eq!(
        r.step(Input::Tick),
        [propose(20, &[(1, 101), (2, 102)])],
        "3 had the leader's end at time 0"
    );
    assert_eq!(r.fetch(2, 14), [], "the high watermark still waits for 3");
    assert_eq!(r.answer(20, Ok((21, &[1, 2]))), [], "nor is this enough");
    let told = Input::Assigned(assigned(7, 21, &[1, 2], &[1, 2, 3]));
    assert_eq!(r.step(told), [Effect::Isr, hw(14)]);
    // An idle follower at the end is not lagging, however long ago it fetched.
    r.now += 10 * LAG_MAX;
    assert_eq!(r.step(Input::Tick), []);
}

#[test]
fn a_member_whose_broker_is_down_is_out_at_once() {
    let mut r = Run::new(&[1, 2, 3]);
    let out = r.step(Input::Assigned(assigned(7, 20, &[1, 2, 3], &[1, 2])));
    assert_eq!(out, [propose(20, &[(1, 101), (2, -1)])]);
    // The usual way: the controller has taken it out already, and what waited for it goes on.
    let mut r = Run::new(&[1, 2, 3]);
    r.grow(13);
    r.fetch(2, 13);
    let out = r.step(Input::Assigned(assigned(7, 21, &[1, 2], &[1, 2])));
    assert_eq!(out, [Effect::Isr, hw(13)]);
}

#[test]
fn answers_of_the_controller() {
    let proposed = |r: &mut Run| {
        r.now = LAG_MAX + 1;
        r.grow(12);
        r.fetch(2, 12);
        assert!(matches!(r.step(Input::Tick)[..], [Effect::Propose(_)]));
    };
    // Tried again: the same proposal.
    for error in [ErrorCode::NotController, ErrorCode::RequestTimedOut] {
        let mut r = Run::new(&[1, 2, 3]);
        proposed(&mut r);
        assert_eq!(
            r.answer(20, Err(error)),
            [propose(20, &[(1, 101), (2, 102)])]
        );
    }
    // Nothing until metadata comes; the ISR as it was counts on.
    for error in [
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::UnknownTopicId,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::InvalidUpdateVersion,
        ErrorCode::InvalidRequest,
        ErrorCode::NewLeaderElected,
    ] {
        let mut r = Run::new(&[1, 2, 3]);
        proposed(&mut r);
        assert_eq!(r.answer(20, Err(error)), []);
        assert_eq!(
            r.step(Input::Tick),
            [],
            "{error:?}: nothing else is proposed"
        );
        assert_eq!(r.leader.maximal_isr_len(), 3);
        let out = r.step(Input::Assigned(assigned(7, 22, &[1, 2], &[1, 2, 3])));
        assert_eq!(out, [Effect::Isr, hw(12)]);
    }
    // Not done, and our view is right: as before, and it may be proposed again.
    let mut r = Run::new(&[1, 2, 3]);
    proposed(&mut r);
    assert_eq!(
        r.answer(20, Err(ErrorCode::IneligibleReplica)),
        [Effect::Isr]
    );
    assert!(matches!(r.step(Input::Tick)[..], [Effect::Propose(_)]));
    // An answer that metadata has overtaken says nothing.
    r.step(Input::Assigned(assigned(7, 25, &[1, 2], &[1, 2, 3])));
    assert_eq!(r.answer(20, Ok((21, &[1, 2, 3]))), []);
    assert_eq!(r.leader.isr(), ids(&[1, 2]));
    // And so does metadata that an answer has overtaken.
    let mut r = Run::new(&[1, 2]);
    assert!(matches!(r.fetch(3, 10)[..], [Effect::Propose(_)]));
    r.answer(20, Ok((21, &[1, 2, 3])));
    r.step(Input::Assigned(assigned(7, 20, &[1, 2], &[1, 2, 3])));
    assert_eq!(r.leader.isr(), ids(&[1, 2, 3]));
}

/// The minimum is raised, and then 3 is taken out: below the new minimum it stays eligible (KIP-966). The answer comes first.
#[test]
fn a_smaller_isr_waits_for_the_minimum_that_it_was_decided_with() {
    let mut two = assigned(7, 20, &[1, 3], &[1, 3]);
    two.min_insync = 1;
    let mut r = Run::with(two);
    r.now = LAG_MAX + 1;
    r.grow(12);
    assert!(matches!(r.step(Input::Tick)[..], [Effect::Propose(_)]));
    assert_eq!(r.answer(20, Ok((21, &[1]))), []);
    assert_eq!(r.step(Input::MinInsync(2)), []);
    let told = Input::Assigned(assigned(7, 21, &[1], &[1, 3]));
    assert_eq!(r.step(told), [Effect::Isr], "and nothing is committed");
    assert_eq!(r.leader.high_watermark(), Offset(5));
}

#[test]
fn a_new_leader_gives_its_isr_time() {
    let mut r = Run::new(&[1, 2, 3]);
    r.now = LAG_MAX - 1;
    assert_eq!(r.step(Input::Tick), [], "nobody has fetched yet");
    r.now = LAG_MAX + 1;
    assert_eq!(r.step(Input::Tick), [propose(20, &[(1, 101)])]);
    // The same leader in a new epoch: what is known of followers stays, the epoch starts at the end.
    let mut r = Run::new(&[1, 2, 3]);
    r.grow(15);
    r.fetch(2, 15);
    r.now = 50_000;
    r.step(Input::Assigned(assigned(8, 21, &[1, 2, 3], &[1, 2, 3])));
    assert_eq!(r.leader.epoch_start(), Offset(15));
    assert_eq!(r.step(Input::Tick), []);
    assert_eq!(r.fetch(3, 15), [hw(15)]);
}

#[test]
fn reassigned_replicas_come_and_go() {
    let mut r = Run::new(&[1, 2, 3]);
    let mut a = assigned(7, 21, &[1, 2, 3], &[1, 2, 3, 4]);
    a.replicas = ids(&[1, 2, 3, 4]);
    r.step(Input::Assigned(a));
    assert_eq!(r.leader.admit(NodeId(4), BrokerEpoch(104)), Ok(()));
    assert!(matches!(r.fetch(4, 10)[..], [Effect::Propose(_)]));
    let mut a = assigned(8, 22, &[1, 4], &[1, 2, 3, 4]);
    a.replicas = ids(&[1, 4]);
    r.step(Input::Assigned(a));
    assert_eq!(
        r.leader.admit(NodeId(2), BrokerEpoch(102)),
        Err(Refused::NoReplica)
    );
    assert_eq!(r.leader.high_watermark(), Offset(10), "only 4 counts now");
}

#[test]
fn the_low_watermark_is_of_live_replicas() {
    let mut r = Run::new(&[1, 2, 3]);
    assert_eq!(r.leader.low_watermark(Offset(4)), Offset(-1));
    r.fetch(2, 10);
    r.fetch(3, 10);
    assert_eq!(r.leader.low_watermark(Offset(4)), Offset(0));
    let mut started = Fetched {
        replica: NodeId(2),
        broker_epoch: BrokerEpoch(102),
        offset: Offset(10),
        log_start: Offset(4),
    };
    r.step(Input::Fetched(started));
    r.step(Input::Assigned(assigned(7, 21, &[1, 2], &[1, 2])));
    assert_eq!(r.leader.low_watermark(Offset(4)), Offset(4));
    started.log_start = Offset(9);
    r.step(Input::Fetched(started));
    assert_eq!(r.leader.low_watermark(Offset(4)), Offset(4));
}

#[test]
fn consumers_may_read_from_in_sync_followers_that_have_it() {
    let mut r = Run::new(&[1, 2]);
    r.fetch(2, 8);
    r.fetch(3, 9);
    let readable =
        |offset| -> Vec<i32> { r.leader.readable(Offset(offset)).map(|c| c.0.0).collect() };
    assert_eq!(readable(8), [2]);
    assert_eq!(readable(9), [0; 0]);
}

#[test]
fn where_logs_part() {
    let told = |end: Option<(i32, i64)>, last, from| {
        diverging(
            end.map(|(e, o)| (LeaderEpoch(e), Offset(o))),
            LeaderEpoch(last),
            Offset(from),
        )
        .map(|d| d.map(|(e, o)| (e.0, o.0)))
    };
    assert_eq!(told(Some((3, 20)), 3, 20), Ok(None));
    assert_eq!(told(Some((3, 20)), 3, 21), Ok(Some((3, 20))));
    assert_eq!(
        told(Some((2, 20)), 3, 15),
        Ok(Some((2, 20))),
        "an epoch unknown here"
    );
    assert_eq!(told(None, 3, 15), Err(CannotTell));
    assert_eq!(told(None, -1, 0), Ok(None), "an empty log");
}
