//! The asking side of an incremental fetch session (KIP-227): a follower names its partitions once, then only what changes.
//!
//! Always holds: what the leader keeps for the session is what was sent last; after any doubt the next request is a full one. Must
//! never: leave out a partition whose position has changed.

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use airis_protocol::types::Uuid;

use super::session::{EPOCH_INITIAL, NO_SESSION};

/// A partition by topic id and number.
pub type Key = (Uuid, i32);

/// What a fetch request says of its session.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten: Vec<ForgottenTopic>,
}

/// One session with one leader.
#[derive(Clone, Debug, Default)]
pub struct ClientSession {
    id: i32,
    /// Of the next request; [`EPOCH_INITIAL`] asks for a session.
    epoch: i32,
    sent: BTreeMap<Key, FetchPartition>,
}

impl ClientSession {
    /// What to send so that the leader knows exactly these partitions.
    pub fn request(&mut self, wanted: BTreeMap<Key, FetchPartition>) -> Said {
        let full = self.epoch == EPOCH_INITIAL;
        let mut topics: Vec<FetchTopic> = Vec::new();
        for ((topic, _), partition) in &wanted {
            let key = (*topic, partition.partition);
            if !full && self.sent.get(&key) == Some(partition) {
                continue;
            }
            match topics.last_mut() {
                Some(last) if last.topic_id == *topic => last.partitions.push(partition.clone()),
                _ => topics.push(FetchTopic {
                    topic_id: *topic,
                    partitions: vec![partition.clone()],
                    ..Default::default()
                }),
            }
        }
        let mut forgotten: Vec<ForgottenTopic> = Vec::new();
        if !full {
            for (topic, partition) in self.sent.keys().filter(|k| !wanted.contains_key(k)) {
                match forgotten.last_mut() {
                    Some(last) if last.topic_id == *topic => last.partitions.push(*partition),
                    _ => forgotten.push(ForgottenTopic {
                        topic_id: *topic,
                        partitions: vec![*partition],
                        ..Default::default()
                    }),
                }
            }
        }
        self.sent = wanted;
        Said {
            session_id: self.id,
            session_epoch: self.epoch,
            topics,
            forgotten,
        }
    }

    /// Takes the answer's error and session id. False if the answer is of no use and the next request begins anew.
    pub fn answered(&mut self, error: ErrorCode, session_id: i32) -> bool {
        if error != ErrorCode::None {
            self.reset();
            return false;
        }
        if session_id == NO_SESSION {
            // The leader has no room for a session, or it has ended with its last partition.
            self.id = NO_SESSION;
            self.epoch = EPOCH_INITIAL;
        } else {
            self.id = session_id;
            self.epoch = self.epoch.checked_add(1).unwrap_or(1);
        }
        true
    }

    /// The connection has gone, or the leader has forgotten the session.
    pub fn reset(&mut self) {
        *self = ClientSession::default();
    }

    /// What was last sent for a partition.
    pub fn sent(&self, key: &Key) -> Option<&FetchPartition> {
        self.sent.get(key)
    }
}

#[cfg(test)]
mod tests {
    use airis_protocol::types::Millis;

    use super::*;
    use crate::fetch::session::{Mode, Sessions};

    fn wanted(list: &[(u128, i32, i64)]) -> BTreeMap<Key, FetchPartition> {
        list.iter()
            .map(|(topic, partition, offset)| {
                let p = FetchPartition {
                    partition: *partition,
                    fetch_offset: *offset,
                    ..Default::default()
                };
                ((Uuid(*topic), *partition), p)
            })
            .collect()
    }

    /// What the leader reads for a request.
    fn asked(leader: &mut Sessions, said: &Said) -> (Mode, Vec<(u128, i32, i64)>) {
        let plan = leader
            .begin(
                Millis(0),
                true,
                said.session_id,
                said.session_epoch,
                true,
                &said.topics,
                &said.forgotten,
                || 7,
            )
            .unwrap();
        let mut all: Vec<_> = plan
            .partitions
            .iter()
            .map(|w| (w.topic_id.0, w.partition, w.fetch_offset))
            .collect();
        all.sort();
        (plan.mode, all)
    }

    #[test]
    fn the_leader_reads_what_is_wanted_and_little_is_sent() {
        let mut leader = Sessions::new(1);
        let mut s = ClientSession::default();
        let all = [(1, 0, 5), (1, 1, 6), (2, 0, 7)];
        let said = s.request(wanted(&all));
        assert_eq!(said.topics.len(), 2);
        assert_eq!(
            asked(&mut leader, &said),
            (Mode::Full { session: 7 }, all.to_vec())
        );
        assert!(s.answered(ErrorCode::None, 7));
        // Nothing has changed: nothing is said.
        let said = s.request(wanted(&all));
        assert!(said.topics.is_empty() && said.forgotten.is_empty());
        assert_eq!(asked(&mut leader, &said).1, all);
        assert!(s.answered(ErrorCode::None, 7));
        // One moves, one goes, one comes.
        let all = [(1, 0, 5), (1, 1, 9), (3, 4, 0)];
        let said = s.request(wanted(&all));
        assert_eq!(said.topics.len(), 2);
        assert_eq!(said.forgotten.len(), 1);
        assert_eq!(asked(&mut leader, &said).1, all);
    }

    #[test]
    fn after_an_error_everything_is_said_again() {
        let mut s = ClientSession::default();
        s.request(wanted(&[(1, 0, 5)]));
        s.answered(ErrorCode::None, 9);
        s.request(wanted(&[(1, 0, 5)]));
        assert!(!s.answered(ErrorCode::FetchSessionIdNotFound, 0));
        let said = s.request(wanted(&[(1, 0, 5)]));
        assert_eq!(
            (said.session_id, said.session_epoch, said.topics.len()),
            (0, 0, 1)
        );
        // A leader without room: each request is a full one.
        s.answered(ErrorCode::None, 0);
        let said = s.request(wanted(&[(1, 0, 5)]));
        assert_eq!(
            (said.session_id, said.session_epoch, said.topics.len()),
            (0, 0, 1)
        );
    }
}
