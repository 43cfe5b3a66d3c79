//! Committed offsets: the table, and how records change it (Kafka's `OffsetMetadataManager`).
//!
//! Always holds: the table is the fold of the log's offset records; offsets of a transaction show only after its marker. Must
//! never: know members; whether a commit is allowed is the group's business.

mod commit;
mod delete;
mod expire;
mod fetch;

pub(super) use expire::ExpireFrom;

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::messages::{OffsetCommitKey, OffsetCommitValue};
use airis_protocol::types::{Offset, ProducerId, Str, Uuid};

/// One committed offset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Committed {
    /// Where its record is in the log: of two commits the later record holds.
    record: Offset,
    pub offset: i64,
    /// -1: not told.
    pub leader_epoch: i32,
    pub metadata: Str,
    /// Wall time, in milliseconds.
    pub committed_at: i64,
    /// Wall time, in milliseconds; `None`: by `offsets.retention.minutes`.
    pub expires_at: Option<i64>,
    /// ZERO: committed before topics had ids in these records.
    pub topic_id: Uuid,
}

type ByPartition = BTreeMap<i32, Committed>;
type ByTopic = BTreeMap<Str, ByPartition>;

/// Offsets by group, topic and partition. No empty map is kept.
#[derive(Clone, Debug, Default, PartialEq)]
struct Table(BTreeMap<Str, ByTopic>);

impl Table {
    fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&Committed> {
        self.0.get(group)?.get(topic)?.get(&partition)
    }

    fn put(&mut self, key: &OffsetCommitKey, value: Committed) {
        // Look first: the names are copied out of their record only for the first offset under them.
        if !self.0.contains_key(&key.group) {
            self.0.insert(key.group.detach(), ByTopic::new());
        }
        let topics = self.0.get_mut(&key.group).expect("put there just now");
        if !topics.contains_key(&key.topic) {
            topics.insert(key.topic.detach(), ByPartition::new());
        }
        let partitions = topics.get_mut(&key.topic).expect("put there just now");
        partitions.insert(key.partition, value);
    }

    fn remove(&mut self, key: &OffsetCommitKey) {
        let Some(topics) = self.0.get_mut(&key.group) else {
            return;
        };
        if let Some(partitions) = topics.get_mut(&key.topic) {
            partitions.remove(&key.partition);
            if partitions.is_empty() {
                topics.remove(&key.topic);
            }
        }
        if topics.is_empty() {
            self.0.remove(&key.group);
        }
    }
}

/// All offsets of a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Offsets {
    committed: Table,
    /// Offsets of transactions that have not ended, by producer.
    pending: BTreeMap<ProducerId, Table>,
    /// Whose transactions hold an offset of a partition, by group.
    open: BTreeMap<Str, BTreeMap<(Str, i32), BTreeSet<ProducerId>>>,
}

impl Offsets {
    fn has(&self, group: &str, topic: &str, partition: i32) -> bool {
        self.committed.get(group, topic, partition).is_some()
    }

    /// True if a transaction that has not ended holds an offset of the partition.
    fn is_unstable(&self, group: &str, topic: &Str, partition: i32) -> bool {
        self.open
            .get(group)
            .is_some_and(|open| open.contains_key(&(topic.clone(), partition)))
    }

    fn has_open_transaction(&self, group: &str) -> bool {
        self.open.contains_key(group)
    }

    /// Takes in an offset record. `producer`: the transaction it is part of.
    pub fn replay(
        &mut self,
        at: Offset,
        producer: Option<ProducerId>,
        key: &OffsetCommitKey,
        value: Option<&OffsetCommitValue>,
    ) {
        let Some(value) = value else {
            self.committed.remove(key);
            let slot = (key.topic.clone(), key.partition);
            let Some(open) = self.open.get_mut(&key.group) else {
                return;
            };
            for producer in open.remove(&slot).unwrap_or_default() {
                if let Some(table) = self.pending.get_mut(&producer) {
                    table.remove(key);
                }
            }
            if open.is_empty() {
                self.open.remove(&key.group);
            }
            return;
        };
        let committed = Committed {
            record: at,
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: value.metadata.detach(),
            committed_at: value.commit_timestamp,
            expires_at: (value.expire_timestamp != -1).then_some(value.expire_timestamp),
            topic_id: value.topic_id,
        };
        match producer {
            None => self.committed.put(key, committed),
            Some(producer) => {
                self.pending
                    .entry(producer)
                    .or_default()
                    .put(key, committed);
                self.open
                    .entry(key.group.detach())
                    .or_default()
                    .entry((key.topic.detach(), key.partition))
                    .or_default()
                    .insert(producer);
            }
        }
    }

    /// Takes in the end of a transaction.
    pub fn replay_marker(&mut self, producer: ProducerId, commit: bool) {
        let Some(table) = self.pending.remove(&producer) else {
            return;
        };
        for (group, topics) in table.0 {
            for (topic, partitions) in topics {
                for (partition, value) in partitions {
                    self.close(&group, &topic, partition, producer);
                    // A plain commit that came after this one holds, also if compaction has moved them.
                    let newer = self
                        .committed
                        .get(&group, &topic, partition)
                        .is_none_or(|now| value.record > now.record);
                    if commit && newer {
                        let key = OffsetCommitKey {
                            group: group.clone(),
                            topic: topic.clone(),
                            partition,
                        };
                        self.committed.put(&key, value);
                    }
                }
            }
        }
    }

    fn close(&mut self, group: &Str, topic: &Str, partition: i32, producer: ProducerId) {
        let Some(open) = self.open.get_mut(group) else {
            return;
        };
        let slot = (topic.clone(), partition);
        if let Some(producers) = open.get_mut(&slot) {
            producers.remove(&producer);
            if producers.is_empty() {
                open.remove(&slot);
            }
        }
        if open.is_empty() {
            self.open.remove(group);
        }
    }
}
