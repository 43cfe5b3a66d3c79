//! Incremental fetch sessions (KIP-227, KIP-516): a client names its partitions once, then only what changes.
//!
//! Always holds: a session's partitions are fetched in an order in which those that gave records last come last; an answer of a
//! session leaves out partitions that have nothing new. Must never: keep more sessions than it has slots, or a frame alive.

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use airis_protocol::messages::fetch_response::PartitionData;
use airis_protocol::types::{Millis, Str, Uuid};

/// A request outside of any session.
pub const NO_SESSION: i32 = 0;
/// The epoch of a full fetch that wants a session.
pub const EPOCH_INITIAL: i32 = 0;
/// The epoch of a full fetch that wants none, and ends the one it names.
pub const EPOCH_FINAL: i32 = -1;
/// A session that was not used for this long (milliseconds) makes room for a larger one.
const EVICT_AFTER_MS: i64 = 120_000;

/// One partition as a fetch wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Empty in requests by id (version 13 and later).
    pub topic: Str,
    /// Zero in requests by name.
    pub topic_id: Uuid,
    pub partition: i32,
    pub max_bytes: i32,
    pub fetch_offset: i64,
    /// -1: not checked.
    pub leader_epoch: i32,
    /// -1: not checked.
    pub last_fetched_epoch: i32,
    /// Of the follower that asks; -1 for consumers.
    pub log_start: i64,
    /// High watermark and log start as the session's client was last told; -1 if it was not.
    pub told: (i64, i64),
}

impl Wanted {
    fn new(topic: &FetchTopic, p: &FetchPartition) -> Self {
        Wanted {
            topic: topic.topic.detach(),
            topic_id: topic.topic_id,
            partition: p.partition,
            max_bytes: p.partition_max_bytes,
            fetch_offset: p.fetch_offset,
            leader_epoch: p.current_leader_epoch,
            last_fetched_epoch: p.last_fetched_epoch,
            log_start: p.log_start_offset,
            told: (-1, -1),
        }
    }

    fn key(&self) -> Key {
        (self.topic_id, self.topic.clone(), self.partition)
    }
}

type Key = (Uuid, Str, i32);

#[derive(Clone, Debug)]
struct Cached {
    wanted: Wanted,
    /// As last told to the client; -1 if it must be told anew.
    high_watermark: i64,
    log_start: i64,
}

/// One client's session.
#[derive(Debug)]
struct Session {
    privileged: bool,
    /// The epoch that the next request must carry.
    epoch: i32,
    by_id: bool,
    /// In fetch order.
    order: BTreeMap<u64, Cached>,
    places: BTreeMap<Key, u64>,
    next_place: u64,
    created: Millis,
    used: Millis,
}

impl Session {
    fn put(&mut self, wanted: Wanted) {
        let key = wanted.key();
        if let Some(cached) = self.places.get(&key).and_then(|p| self.order.get_mut(p)) {
            // What it was told then may have been an answer that it did not take.
            if wanted.leader_epoch != cached.wanted.leader_epoch
                || wanted.fetch_offset < cached.wanted.fetch_offset
            {
                cached.high_watermark = -1;
            }
            cached.wanted = wanted;
            return;
        }
        self.places.insert(key, self.next_place);
        self.order.insert(
            self.next_place,
            Cached {
                wanted,
                high_watermark: -1,
                log_start: -1,
            },
        );
        self.next_place += 1;
    }

    fn remove(&mut self, key: &Key) {
        if let Some(place) = self.places.remove(key) {
            self.order.remove(&place);
        }
    }

    /// Notes what the client is told of a partition; false if it need not be told anything.
    fn tell(&mut self, key: &Key, data: &PartitionData) -> bool {
        let Some(place) = self.places.get(key).copied() else {
            return true;
        };
        let cached = self
            .order
            .get_mut(&place)
            .expect("places name the order's entries");
        let has_records = data.records.as_ref().is_some_and(|r| !r.is_empty());
        let mut tell = has_records
            || data.preferred_read_replica >= 0
            || data.diverging_epoch.epoch >= 0
            || cached.high_watermark != data.high_watermark
            || cached.log_start != data.log_start_offset;
        cached.high_watermark = data.high_watermark;
        cached.log_start = data.log_start_offset;
        if data.error_code != 0 || data.diverging_epoch.epoch >= 0 {
            // Told again in the next answer, whatever it is: of such a one nothing else is taken.
            cached.high_watermark = -1;
            tell = true;
        }
        if has_records {
            // Fairness: whoever got something goes to the end of the queue.
            let cached = self.order.remove(&place).expect("it was just there");
            self.order.insert(self.next_place, cached);
            self.places.insert(key.clone(), self.next_place);
            self.next_place += 1;
        }
        tell
    }
}

/// How a fetch is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Everything asked for, no session.
    Sessionless,
    /// Everything asked for; a session was made.
    Full { session: i32 },
    /// What is new.
    Incremental { session: i32 },
}

/// What one fetch has to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub mode: Mode,
    pub partitions: Vec<Wanted>,
}

/// All sessions of a broker.
#[derive(Debug)]
pub struct Sessions {
    slots: usize,
    sessions: BTreeMap<i32, Session>,
}

impl Sessions {
    /// `max.incremental.fetch.session.cache.slots`.
    pub fn new(slots: usize) -> Self {
        Sessions {
            slots,
            sessions: BTreeMap::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Decides what a fetch has to read. A follower is `privileged`: its session may take the place of any consumer's. `fresh_id`
    /// gives candidates for a new session's id (positive, at random).
    ///
    /// Errors: `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`, `FETCH_SESSION_TOPIC_ID_ERROR`.
    #[allow(clippy::too_many_arguments)]
    pub fn begin(
        &mut self,
        now: Millis,
        privileged: bool,
        session_id: i32,
        epoch: i32,
        by_id: bool,
        topics: &[FetchTopic],
        forgotten: &[ForgottenTopic],
        mut fresh_id: impl FnMut() -> i32,
    ) -> Result<Plan, ErrorCode> {
        let wanted = topics
            .iter()
            .flat_map(|t| t.partitions.iter().map(|p| Wanted::new(t, p)));
        if epoch == EPOCH_INITIAL || epoch == EPOCH_FINAL {
            self.sessions.remove(&session_id);
            let partitions: Vec<Wanted> = wanted.collect();
            if epoch == EPOCH_FINAL || !self.make_room(now, privileged, partitions.len()) {
                return Ok(Plan {
                    mode: Mode::Sessionless,
                    partitions,
                });
            }
            let id = std::iter::repeat_with(&mut fresh_id)
                .find(|id| *id > 0 && !self.sessions.contains_key(id))
                .expect("an endless iterator");
            let mut session = Session {
                privileged,
                epoch: 1,
                by_id,
                order: BTreeMap::new(),
                places: BTreeMap::new(),
                next_place: 0,
                created: now,
                used: now,
            };
            partitions.iter().cloned().for_each(|w| session.put(w));
            self.sessions.insert(id, session);
            return Ok(Plan {
                mode: Mode::Full { session: id },
                partitions,
            });
        }
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return Err(ErrorCode::FetchSessionIdNotFound);
        };
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        for topic in forgotten {
            for partition in &topic.partitions {
                session.remove(&(topic.topic_id, topic.topic.clone(), *partition));
            }
        }
        wanted.for_each(|w| session.put(w));
        if session.order.is_empty() {
            self.sessions.remove(&session_id);
            return Ok(Plan {
                mode: Mode::Sessionless,
                partitions: Vec::new(),
            });
        }
        session.used = now;
        // Epochs wrap around and skip 0, which means a new session.
        session.epoch = session.epoch.checked_add(1).unwrap_or(1);
        Ok(Plan {
            mode: Mode::Incremental {
                session: session_id,
            },
            partitions: session
                .order
                .values()
                .map(|c| Wanted {
                    told: (c.high_watermark, c.log_start),
                    ..c.wanted.clone()
                })
                .collect(),
        })
    }

    /// True if the client has to be told this of the partition; remembers it as told.
    pub fn tell(&mut self, mode: &Mode, wanted: &Wanted, data: &PartitionData) -> bool {
        let (id, all) = match mode {
            Mode::Sessionless => return true,
            Mode::Full { session } => (session, true),
            Mode::Incremental { session } => (session, false),
        };
        match self.sessions.get_mut(id) {
            Some(session) => session.tell(&wanted.key(), data) || all,
            None => true,
        }
    }

    /// Makes room for a session of `size` partitions: a free slot, or one of a session that is unused for long, or smaller and
    /// not brand new. A follower's counts for more than any consumer's, however large or new (KIP-227).
    fn make_room(&mut self, now: Millis, privileged: bool, size: usize) -> bool {
        if self.slots == 0 {
            return false;
        }
        if self.sessions.len() < self.slots {
            return true;
        }
        let stale = self
            .sessions
            .iter()
            .min_by_key(|(_, s)| s.used)
            .filter(|(_, s)| now.0 - s.used.0 > EVICT_AFTER_MS)
            .map(|(id, _)| *id);
        let value = |s: &Session| (s.privileged, s.order.len());
        let lesser = || {
            self.sessions
                .iter()
                .filter(|(_, s)| {
                    (privileged && !s.privileged) || now.0 - s.created.0 > EVICT_AFTER_MS
                })
                .min_by_key(|(_, s)| value(s))
                .filter(|(_, s)| value(s) < (privileged, size))
                .map(|(id, _)| *id)
        };
        match stale.or_else(lesser) {
            Some(id) => {
                self.sessions.remove(&id);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use airis_protocol::types::Records;
    use bytes::Bytes;

    use super::*;

    fn topic(name: &str, partitions: &[i32]) -> FetchTopic {
        FetchTopic {
            topic: Str::from(name),
            partitions: partitions
                .iter()
                .map(|p| FetchPartition {
                    partition: *p,
                    partition_max_bytes: 100,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }
    }

    fn begin(
        s: &mut Sessions,
        now: i64,
        id: i32,
        epoch: i32,
        topics: &[FetchTopic],
        forgotten: &[ForgottenTopic],
    ) -> Result<Plan, ErrorCode> {
        let mut next = 100;
        s.begin(
            Millis(now),
            false,
            id,
            epoch,
            false,
            topics,
            forgotten,
            || {
                next += 1;
                next
            },
        )
    }

    fn data(high_watermark: i64, records: &'static [u8]) -> PartitionData {
        PartitionData {
            high_watermark,
            log_start_offset: 0,
            records: Some(Records::Bytes(Bytes::from_static(records))),
            preferred_read_replica: -1,
            ..Default::default()
        }
    }

    #[test]
    fn a_session_is_made_used_and_ended() {
        let mut s = Sessions::new(10);
        let plan = begin(&mut s, 0, 0, 0, &[topic("a", &[0, 1])], &[]).unwrap();
        assert_eq!(plan.mode, Mode::Full { session: 101 });
        for w in &plan.partitions {
            assert!(
                s.tell(&plan.mode, w, &data(5, b"")),
                "a full answer has all"
            );
        }
        // Nothing new: nothing told. Partition 1 gets records and goes to the end.
        let plan = begin(&mut s, 1, 101, 1, &[], &[]).unwrap();
        assert_eq!(plan.mode, Mode::Incremental { session: 101 });
        assert!(!s.tell(&plan.mode, &plan.partitions[0], &data(5, b"")));
        assert!(s.tell(&plan.mode, &plan.partitions[0], &data(6, b"x")));
        let plan = begin(&mut s, 2, 101, 2, &[topic("b", &[7])], &[]).unwrap();
        let order: Vec<i32> = plan.partitions.iter().map(|w| w.partition).collect();
        assert_eq!(order, [1, 0, 7]);
        // An error is told, and whatever comes after it too.
        let mut failed = data(-1, b"");
        failed.error_code = 3;
        assert!(s.tell(&plan.mode, &plan.partitions[0], &failed));
        assert!(s.tell(&plan.mode, &plan.partitions[0], &data(6, b"")));
        // Forgetting all of it ends the session.
        let forget = |name: &str, p: &[i32]| ForgottenTopic {
            topic: Str::from(name),
            partitions: p.to_vec(),
            ..Default::default()
        };
        let plan = begin(
            &mut s,
            3,
            101,
            3,
            &[],
            &[forget("a", &[0, 1]), forget("b", &[7])],
        );
        assert_eq!(plan.unwrap().mode, Mode::Sessionless);
        assert!(s.is_empty());
        // A session may begin with nothing, and be filled as it goes on.
        let plan = begin(&mut s, 4, 0, 0, &[], &[]).unwrap();
        let Mode::Full { session } = plan.mode else {
            panic!("{:?}", plan.mode);
        };
        let plan = begin(&mut s, 5, session, 1, &[topic("a", &[0])], &[]).unwrap();
        assert_eq!(plan.partitions.len(), 1);
    }

    #[test]
    fn what_a_client_cannot_have_taken_is_told_again() {
        let asks = |offset, epoch| {
            let mut all = topic("a", &[0]);
            all.partitions[0].fetch_offset = offset;
            all.partitions[0].current_leader_epoch = epoch;
            [all]
        };
        let mut s = Sessions::new(1);
        let plan = begin(&mut s, 0, 0, 0, &asks(9, 3), &[]).unwrap();
        // Where logs part, only that is taken of an answer.
        let mut parted = data(7, b"");
        parted.diverging_epoch.epoch = 2;
        assert!(s.tell(&plan.mode, &plan.partitions[0], &parted));
        let plan = begin(&mut s, 1, 101, 1, &[], &[]).unwrap();
        assert_eq!(plan.partitions[0].told.0, -1);
        assert!(s.tell(&plan.mode, &plan.partitions[0], &data(7, b"")));
        // It goes back, or has another leader epoch: what came before that went past it.
        for (round, (offset, epoch)) in [(2, (8, 3)), (3, (8, 4))] {
            let plan = begin(&mut s, 2, 101, round, &asks(offset, epoch), &[]).unwrap();
            assert_eq!(plan.partitions[0].told.0, -1);
            assert!(s.tell(&plan.mode, &plan.partitions[0], &data(7, b"")));
        }
        let plan = begin(&mut s, 3, 101, 4, &asks(9, 4), &[]).unwrap();
        assert!(!s.tell(&plan.mode, &plan.partitions[0], &data(7, b"")));
    }

    #[test]
    fn wrong_ids_and_epochs_are_refused() {
        let mut s = Sessions::new(1);
        begin(&mut s, 0, 0, 0, &[topic("a", &[0])], &[]).unwrap();
        for (id, epoch, error) in [
            (7, 1, ErrorCode::FetchSessionIdNotFound),
            (101, 2, ErrorCode::InvalidFetchSessionEpoch),
        ] {
            assert_eq!(begin(&mut s, 0, id, epoch, &[], &[]), Err(error));
        }
        let by_id = s.begin(Millis(0), false, 101, 1, true, &[], &[], || 1);
        assert_eq!(by_id, Err(ErrorCode::FetchSessionTopicIdError));
        // The final epoch ends the session it names.
        let plan = begin(&mut s, 0, 101, EPOCH_FINAL, &[topic("a", &[0])], &[]).unwrap();
        assert_eq!(plan.mode, Mode::Sessionless);
        assert!(s.is_empty());
    }

    #[test]
    fn a_full_cache_evicts_only_the_stale_and_the_smaller() {
        let mut s = Sessions::new(1);
        let full = |s: &mut Sessions, now, parts: &[i32]| {
            begin(s, now, 0, 0, &[topic("a", parts)], &[]).unwrap().mode
        };
        assert_ne!(full(&mut s, 0, &[0]), Mode::Sessionless);
        assert_eq!(full(&mut s, 10, &[0, 1]), Mode::Sessionless, "brand new");
        begin(&mut s, 121_000, 101, 1, &[], &[]).unwrap();
        assert_eq!(full(&mut s, 121_001, &[0]), Mode::Sessionless, "not larger");
        assert_ne!(full(&mut s, 121_001, &[0, 1]), Mode::Sessionless);
        assert_eq!(s.len(), 1);
        assert_ne!(full(&mut s, 300_000, &[0]), Mode::Sessionless, "stale");
    }

    #[test]
    fn a_follower_takes_a_consumers_place_and_no_consumer_takes_its() {
        let mut s = Sessions::new(2);
        let mut next = 0;
        let mut full = |s: &mut Sessions, now, follower, parts: &[i32]| {
            let topics = [topic("a", parts)];
            let id = || {
                next += 1;
                next
            };
            let plan = s.begin(Millis(now), follower, 0, 0, false, &topics, &[], id);
            let mode = plan.unwrap().mode;
            (mode, s.sessions.keys().copied().collect::<Vec<_>>())
        };
        let made = |session, left: &[i32]| (Mode::Full { session }, left.to_vec());
        let none = |left: &[i32]| (Mode::Sessionless, left.to_vec());
        full(&mut s, 0, false, &[0, 1, 2]);
        full(&mut s, 0, false, &[0, 1]);
        // The smaller of two, though it is larger than the follower's, and brand new.
        assert_eq!(full(&mut s, 1, true, &[0]), made(3, &[1, 3]));
        assert_eq!(full(&mut s, 2, true, &[0, 1]), made(4, &[3, 4]));
        for id in [3, 4] {
            let used = s.begin(Millis(121_000), true, id, 1, false, &[], &[], || 1);
            assert!(used.is_ok());
        }
        // However large: not while they are in use.
        let large: Vec<i32> = (0..100).collect();
        assert_eq!(full(&mut s, 121_003, false, &large), none(&[3, 4]));
        // Among followers the larger goes before the smaller.
        assert_eq!(full(&mut s, 121_003, true, &[0]), none(&[3, 4]));
        assert_eq!(full(&mut s, 121_003, true, &large), made(5, &[4, 5]));
        // What is not used any more goes for anybody.
        assert_eq!(full(&mut s, 400_000, false, &[0]), made(6, &[5, 6]));
    }
}
