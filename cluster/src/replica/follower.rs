//! A partition's follower: what to fetch next, where to cut its log, how far it knows records to be committed.
//!
//! Always holds: a log is cut only where the leader's epochs say that the two part, or, where the leader's log lies wholly elsewhere,
//! to the leader's own range (after an unclean election, or once retention has passed us by). Must never: cut by high watermark, or
//! append what its leader had from a later leader.

use airis_protocol::error::ErrorCode;
use airis_protocol::types::{LeaderEpoch, Offset};

#[cfg(feature = "sim")]
use crate::plant::{Plant, is_planted};

/// The follower's own log, as it is at the time of a step.
pub struct Local<'a> {
    pub start: Offset,
    pub end: Offset,
    /// The largest known epoch not above one, and its end.
    pub epoch_end: &'a dyn Fn(LeaderEpoch) -> Option<(LeaderEpoch, Offset)>,
}

/// What the leader answered for the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub error: ErrorCode,
    pub high_watermark: Offset,
    pub log_start: Offset,
    /// Where the leader's log ends for the largest epoch that both may have.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    pub records: bool,
}

/// What happens to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Answer(Answer),
    /// The records of the answer are in the log.
    Appended,
    /// The range of the leader's log, which was asked for.
    Range {
        start: Offset,
        end: Offset,
    },
}

/// What a follower causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The answer's records go to the log; then [`Input::Appended`].
    Append,
    /// Cut the log at this offset. Epochs that begin at it or behind go as well, even if no record does (KAFKA-10706).
    Truncate(Offset),
    /// Drop everything; the log begins anew here.
    Restart(Offset),
    /// Records before this offset are gone at the leader.
    RaiseStart(Offset),
    /// Records before this offset are committed.
    HighWatermark(Offset),
    /// Ask the leader for the range of its log (ListOffsets), then [`Input::Range`].
    AskRange,
    /// Fetch again after a while; metadata may tell of another leader meanwhile.
    Later(ErrorCode),
    /// Do not fetch again in this leader epoch: the leader knows a newer one, so metadata is on its way.
    Wait,
}

/// A follower in one leader epoch.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    leader_high_watermark: Offset,
    leader_start: Offset,
}

impl Default for Follower {
    fn default() -> Self {
        Follower {
            leader_high_watermark: Offset(-1),
            leader_start: Offset(-1),
        }
    }
}

impl Follower {
    /// True if the leader has committed more than a log that ends here has, as far as is known.
    pub fn behind(&self, end: Offset) -> bool {
        self.leader_high_watermark.0 < 0 || self.leader_high_watermark > end
    }

    pub fn step(&mut self, local: &Local<'_>, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Answer(answer) => self.answer(local, &answer, out),
            Input::Appended => self.committed(local, out),
            Input::Range { start, end } => range(local, start, end, out),
        }
    }

    fn answer(&mut self, local: &Local<'_>, answer: &Answer, out: &mut Vec<Effect>) {
        match answer.error {
            ErrorCode::None => {}
            ErrorCode::OffsetOutOfRange => return out.push(Effect::AskRange),
            ErrorCode::FencedLeaderEpoch => return out.push(Effect::Wait),
            error => return out.push(Effect::Later(error)),
        }
        if let Some((epoch, end)) = answer.diverging {
            return out.push(Effect::Truncate(cut(local, epoch, end)));
        }
        self.leader_high_watermark = answer.high_watermark;
        self.leader_start = answer.log_start;
        if answer.records {
            out.push(Effect::Append);
        } else {
            self.committed(local, out);
        }
    }

    fn committed(&self, local: &Local<'_>, out: &mut Vec<Effect>) {
        let committed = self.leader_high_watermark.min(local.end);
        if committed.0 >= 0 {
            out.push(Effect::HighWatermark(committed));
        }
        if self.leader_start > local.start && self.leader_start <= committed {
            out.push(Effect::RaiseStart(self.leader_start));
        }
    }
}

/// Where to cut, when the leader's largest epoch that both may have is `epoch` and ends at `end` there (KIP-279).
///
/// If this log does not know that epoch, it is cut to the end of its own largest one below, and the next fetch asks about that.
fn cut(local: &Local<'_>, epoch: LeaderEpoch, end: Offset) -> Offset {
    #[cfg(feature = "sim")]
    if is_planted(Plant::CutInOneRound) {
        return end.min(local.end).max(Offset(0));
    }
    let to = match (local.epoch_end)(epoch) {
        Some((own, own_end)) if own == epoch => own_end.min(end),
        Some((_, own_end)) => own_end,
        None => end,
    };
    to.min(local.end).max(Offset(0))
}

/// What to do when the leader's log does not have the offset that comes next here.
fn range(local: &Local<'_>, start: Offset, end: Offset, out: &mut Vec<Effect>) {
    if end < local.end {
        // An unclean election has made a shorter log the true one.
        out.push(Effect::Truncate(end.max(Offset(0))));
    } else if start > local.end {
        out.push(Effect::Restart(start));
    }
    // Otherwise the leader's log has the offset by now.
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(
        list: &'static [(i32, i64)],
        end: i64,
    ) -> impl Fn(LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        move |asked| {
            if list.last().is_some_and(|l| l.0 == asked.0) {
                return Some((asked, Offset(end)));
            }
            let above = list.iter().position(|e| e.0 > asked.0)?;
            let known = above.checked_sub(1).map_or(asked.0, |i| list[i].0);
            Some((LeaderEpoch(known), Offset(list[above].1)))
        }
    }

    fn step(list: &'static [(i32, i64)], start: i64, end: i64, input: Input) -> Vec<Effect> {
        let epoch_end = epochs(list, end);
        let local = Local {
            start: Offset(start),
            end: Offset(end),
            epoch_end: &epoch_end,
        };
        let mut out = Vec::new();
        Follower::default().step(&local, input, &mut out);
        out
    }

    fn answer(
        error: ErrorCode,
        hw: i64,
        start: i64,
        diverging: Option<(i32, i64)>,
        records: bool,
    ) -> Input {
        Input::Answer(Answer {
            error,
            high_watermark: Offset(hw),
            log_start: Offset(start),
            diverging: diverging.map(|(e, o)| (LeaderEpoch(e), Offset(o))),
            records,
        })
    }

    #[test]
    fn a_log_is_cut_by_epochs() {
        let cut = |list, end, diverging| {
            step(
                list,
                0,
                end,
                answer(ErrorCode::None, 99, 0, Some(diverging), false),
            )
        };
        let to = |o| vec![Effect::Truncate(Offset(o))];
        // KIP-101: the same epoch, the leader's is shorter; and longer.
        assert_eq!(cut(&[(1, 0), (3, 10)], 20, (1, 8)), to(8));
        assert_eq!(cut(&[(1, 0), (3, 10)], 20, (1, 15)), to(10));
        // KIP-279: an epoch that this log does not know: to the end of the one below, then again.
        assert_eq!(cut(&[(1, 0), (3, 10)], 20, (2, 18)), to(10));
        assert_eq!(cut(&[(3, 10)], 20, (1, 5)), to(5), "below all that is kept");
        // KAFKA-10706: an epoch without a record at the very end.
        assert_eq!(cut(&[(1, 0), (3, 10)], 10, (2, 10)), to(10));
        assert_eq!(cut(&[], 20, (2, 7)), to(7), "no epochs here at all");
    }

    #[test]
    fn the_high_watermark_is_the_leaders_or_the_own_end() {
        use Effect::*;
        let list = &[(1, 0)];
        let none = ErrorCode::None;
        assert_eq!(
            step(list, 0, 10, answer(none, 30, 0, None, false)),
            [HighWatermark(Offset(10))]
        );
        assert_eq!(
            step(list, 0, 10, answer(none, 7, 5, None, false)),
            [HighWatermark(Offset(7)), RaiseStart(Offset(5))]
        );
        assert_eq!(
            step(list, 0, 10, answer(none, 3, 5, None, false)),
            [HighWatermark(Offset(3))],
            "not past what is committed here"
        );
        assert_eq!(step(list, 0, 10, answer(none, 7, 5, None, true)), [Append]);
    }

    #[test]
    fn errors_wait_for_time_or_for_metadata() {
        let on = |error| step(&[(1, 0)], 0, 10, answer(error, -1, -1, None, false));
        assert_eq!(on(ErrorCode::OffsetOutOfRange), [Effect::AskRange]);
        assert_eq!(on(ErrorCode::FencedLeaderEpoch), [Effect::Wait]);
        for error in [
            ErrorCode::UnknownLeaderEpoch,
            ErrorCode::NotLeaderOrFollower,
            ErrorCode::UnknownTopicId,
            ErrorCode::KafkaStorageError,
        ] {
            assert_eq!(on(error), [Effect::Later(error)]);
        }
    }

    #[test]
    fn another_range_of_the_leader_is_followed() {
        let range = |start, end| {
            let input = Input::Range {
                start: Offset(start),
                end: Offset(end),
            };
            step(&[(1, 0)], 0, 10, input)
        };
        assert_eq!(range(0, 6), [Effect::Truncate(Offset(6))]);
        assert_eq!(range(15, 40), [Effect::Restart(Offset(15))]);
        assert_eq!(range(5, 40), []);
    }
}
