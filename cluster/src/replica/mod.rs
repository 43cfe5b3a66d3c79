//! Replication of one partition: what its leader decides and what a follower does, as step-and-effects machines.
//!
//! Always holds: logs are cut by leader epoch, never by high watermark (KIP-101, 279); the high watermark never falls in a leader's
//! machine. Must never: touch a log, a socket or a clock; what happened is an input, what shall happen is an effect.

pub mod follower;
pub mod leader;
pub mod nearest;
#[cfg(test)]
mod tests;
pub mod throttle;

use airis_protocol::types::{LeaderEpoch, Offset};

/// What a leader's log says to a fetch that names the epoch of the last record it has (KIP-595): where the two logs part.
///
/// `end_of_last` is the largest epoch of the leader's log that is not above the one named, with its end. `Err`: the leader cannot
/// tell, which is answered as out of range. `Ok(None)`: the follower's log is a prefix of the leader's.
pub fn diverging(
    end_of_last: Option<(LeaderEpoch, Offset)>,
    last_fetched: LeaderEpoch,
    from: Offset,
) -> Result<Option<(LeaderEpoch, Offset)>, CannotTell> {
    if last_fetched.0 < 0 {
        return Ok(None);
    }
    let (epoch, end) = end_of_last.ok_or(CannotTell)?;
    Ok((epoch < last_fetched || end < from).then_some((epoch, end)))
}

/// The leader's log does not reach back, or forward, to the epoch named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotTell;
