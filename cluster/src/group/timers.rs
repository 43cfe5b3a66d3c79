//! The deadlines of a shard, soonest first.
//!
//! Always holds: a key has at most one deadline; setting it again replaces it. Must never: fire by itself.

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::types::{Millis, Str};

/// What a deadline is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKey {
    /// A member's session, or how long a member that is not one yet may take.
    Heartbeat { group: Str, member: Str },
    /// The end of a join phase.
    Join { group: Str },
    /// The end of a sync phase.
    Sync { group: Str },
    /// The sessions of a group whose protocol is not served.
    Foreign { group: Str },
}

/// All deadlines of a shard.
#[derive(Debug, Default)]
pub(super) struct Timers {
    at: BTreeMap<TimerKey, Millis>,
    queue: BTreeSet<(Millis, TimerKey)>,
}

impl Timers {
    pub fn set(&mut self, key: TimerKey, at: Millis) {
        if let Some(old) = self.at.insert(key.clone(), at) {
            self.queue.remove(&(old, key.clone()));
        }
        self.queue.insert((at, key));
    }

    pub fn cancel(&mut self, key: &TimerKey) {
        if let Some((key, at)) = self.at.remove_entry(key) {
            self.queue.remove(&(at, key));
        }
    }

    pub fn next(&self) -> Option<Millis> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes the soonest deadline that has come by `now`.
    pub fn pop(&mut self, now: Millis) -> Option<TimerKey> {
        if self.queue.first()?.0 > now {
            return None;
        }
        let (_, key) = self.queue.pop_first()?;
        self.at.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_set_again_fires_once_and_at_the_new_time() {
        let key = |g: &str| TimerKey::Join { group: g.into() };
        let mut timers = Timers::default();
        timers.set(key("a"), Millis(10));
        timers.set(key("b"), Millis(5));
        timers.set(key("a"), Millis(20));
        timers.set(key("c"), Millis(7));
        timers.cancel(&key("c"));
        assert_eq!(timers.next(), Some(Millis(5)));
        assert_eq!(timers.pop(Millis(4)), None);
        assert_eq!(timers.pop(Millis(15)), Some(key("b")));
        assert_eq!(timers.pop(Millis(15)), None);
        assert_eq!(timers.pop(Millis(20)), Some(key("a")));
        assert_eq!(timers.next(), None);
    }
}
