//! What becomes of one partition when its replicas, its ISR or its leader are to change: the rules of KRaft with eligible leader
//! replicas (KIP-966) and reassignments (KIP-455).
//!
//! Always holds: a leader comes out of the ISR, or out of the eligible replicas if the ISR is empty, or is the last one that led,
//! or (only where unclean election is on) any live replica; in this order. A reassignment ends with the change that brings its
//! last new replica into the ISR. Must never: forget who may lead when the last in-sync replica goes.

use std::collections::BTreeMap;

use airis_protocol::messages::{MetadataRecord, PartitionChangeRecord};
use airis_protocol::types::{NodeId, Uuid};

use super::{checks, raw};
use crate::metadata::command::Settings;
use crate::metadata::features;
use crate::metadata::image::{Image, PartitionImage, TopicImage};

/// `PartitionChangeRecord.leader` where nobody leads.
const NO_LEADER: i32 = -1;
/// `PartitionChangeRecord.leader` where the leader and its epoch stay.
const NO_LEADER_CHANGE: i32 = -2;
/// `LeaderRecoveryState`: what an unclean election leaves the leader in, and the end of it.
pub(super) const RECOVERING: i8 = 1;
pub(super) const RECOVERED: i8 = 0;

/// Which replica to choose where there is a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// The preferred one if it may lead, even if another leads well.
    Preferred,
    /// Whoever leads, as long as it may.
    Online,
    /// As `Online`; and any live replica rather than none.
    Unclean,
}

/// What counts for all partitions of one topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// `min.insync.replicas`, at most the number of replicas.
    pub min_isr: usize,
    /// Whether eligible leader replicas are on (`eligible.leader.replicas.version`).
    pub elr: bool,
    /// `unclean.leader.election.enable`.
    pub unclean: bool,
    pub metadata_version: i16,
}

impl Rules {
    pub fn of(image: &Image, settings: &Settings, topic: &TopicImage) -> Rules {
        let value = |name| checks::topic_value(image, settings, &topic.name, name);
        let min = value("min.insync.replicas").and_then(|v| v.parse().ok());
        let factor = topic.partitions.front().map_or(1, |p| p.replicas.len());
        Rules {
            min_isr: min.unwrap_or(1).min(factor),
            elr: image.feature(features::ELIGIBLE_LEADER_REPLICAS) > 0,
            unclean: value("unclean.leader.election.enable").is_some_and(|v| v == "true"),
            metadata_version: image.feature(features::METADATA_VERSION),
        }
    }
}

/// A wish to change a partition: what it shall be. Begins as what it is.
pub(super) struct Change<'a> {
    partition: &'a PartitionImage,
    rules: Rules,
    pub replicas: Vec<NodeId>,
    pub removing: Vec<NodeId>,
    pub adding: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    pub recovering: bool,
    /// A replica that is now in another log directory.
    pub moved: Option<(NodeId, Uuid)>,
    /// A replica that stopped uncleanly: its log may have lost its end, so it is not eligible any more.
    pub unclean_shutdown: Option<NodeId>,
    /// A replica of which nothing is left: it is not the one to turn to when all else is lost, if there are others.
    pub emptied: Option<NodeId>,
    pub election: Election,
}

impl<'a> Change<'a> {
    pub fn new(partition: &'a PartitionImage, rules: Rules) -> Change<'a> {
        Change {
            partition,
            rules,
            replicas: partition.replicas.clone(),
            removing: partition.removing.clone(),
            adding: partition.adding.clone(),
            isr: partition.isr.clone(),
            recovering: partition.recovering,
            moved: None,
            unclean_shutdown: None,
            emptied: None,
            election: if rules.unclean {
                Election::Unclean
            } else {
                Election::Online
            },
        }
    }

    /// The record that brings the change about, with the brokers as the image has them.
    pub fn of(
        self,
        image: &Image,
        topic_id: Uuid,
        partition_id: i32,
    ) -> Option<PartitionChangeRecord> {
        let partition = self.partition;
        self.record(
            topic_id,
            partition_id,
            |r| image.is_active(r) && image.directory_online(partition, r),
            |r| default_directory(image, r),
        )
    }

    /// The record that brings the change about, electing a leader if the present one may not go on; `None` if nothing changes.
    /// `live` says which replicas may lead, `directory` where a new replica goes.
    pub fn record(
        mut self,
        topic_id: Uuid,
        partition_id: i32,
        live: impl Fn(NodeId) -> bool,
        directory: impl Fn(NodeId) -> Uuid,
    ) -> Option<PartitionChangeRecord> {
        let (p, rules) = (self.partition, self.rules);
        let mut record = PartitionChangeRecord {
            partition_id,
            topic_id,
            ..Default::default()
        };
        self.complete();
        let mut elr = self.eligible();
        let emptied = self.emptied.filter(|_| p.replicas.len() > 1);
        let was_led_by = p.leader.filter(|l| Some(*l) != emptied);
        let (leader, unclean) = self.elect(&elr, live);
        let mut isr = None;
        if leader != p.leader {
            record.leader = leader.map_or(NO_LEADER, |l| l.0);
            if let Some(l) = leader.filter(|l| elr.contains(l)) {
                self.isr = vec![l];
                elr.retain(|r| *r != l);
            }
            if let Some(l) = leader.filter(|_| unclean) {
                isr = Some(vec![l]);
                self.recovering = true;
            }
        }
        // A replica that goes must not be fetched from in this epoch any more.
        let goes = p.replicas.iter().any(|r| !self.replicas.contains(r));
        if goes && record.leader == NO_LEADER_CHANGE {
            record.leader = p.leader.map_or(NO_LEADER, |l| l.0);
        }
        if isr.is_some() || !rules.elr {
            elr.clear();
        }
        if elr != p.elr {
            record.eligible_leader_replicas = Some(raw(&elr));
        }
        // Without eligible replicas the last member stays in the ISR, as the only sign of who has the data.
        if isr.is_none() && self.isr != p.isr && (!self.isr.is_empty() || rules.elr) {
            isr = Some(std::mem::take(&mut self.isr));
        }
        if let Some(isr) = &isr
            && rules.metadata_version < features::ISR_SHRINKS_WITHIN_AN_EPOCH_FROM
            && record.leader == NO_LEADER_CHANGE
            && p.isr.iter().any(|r| !isr.contains(r))
        {
            record.leader = p.leader.map_or(NO_LEADER, |l| l.0);
        }
        record.isr = isr.as_deref().map(raw);
        if rules.elr {
            match record.leader {
                // Who led when the partition lost its leader: the one to turn to when all else is lost.
                NO_LEADER if p.last_known_elr.is_empty() && was_led_by.is_some() => {
                    record.last_known_elr = Some(was_led_by.iter().map(|l| l.0).collect());
                }
                _ if emptied.is_some_and(|b| p.last_known_elr.contains(&b)) => {
                    record.last_known_elr = Some(Vec::new());
                }
                0.. if !p.last_known_elr.is_empty() => record.last_known_elr = Some(Vec::new()),
                _ => {}
            }
        }
        self.assignment(&mut record, directory);
        if self.recovering != p.recovering {
            record.leader_recovery_state = if self.recovering {
                RECOVERING
            } else {
                RECOVERED
            };
        }
        let nothing = PartitionChangeRecord {
            partition_id,
            topic_id,
            ..Default::default()
        };
        (record != nothing).then_some(record)
    }

    /// What of the assignment is to change.
    fn assignment(&self, record: &mut PartitionChangeRecord, directory: impl Fn(NodeId) -> Uuid) {
        let p = self.partition;
        if self.rules.metadata_version >= features::DIRECTORIES_FROM {
            let of = |r: NodeId| match self.moved {
                Some((moved, to)) if moved == r => to,
                _ => p.directory_of(r).unwrap_or_else(|| directory(r)),
            };
            let directories: Vec<Uuid> = self.replicas.iter().map(|r| of(*r)).collect();
            if directories != p.directories {
                record.directories = Some(directories);
            }
        }
        let changed = |to: &[NodeId], from: &[NodeId]| (to != from).then(|| raw(to));
        record.replicas = changed(&self.replicas, &p.replicas);
        record.removing_replicas = changed(&self.removing, &p.removing);
        record.adding_replicas = changed(&self.adding, &p.adding);
    }

    /// Ends a reassignment whose new replicas are all in sync. One that leaves fewer replicas waits for all that stay, lest the
    /// ISR shrink by it.
    fn complete(&mut self) {
        if self.removing.is_empty() && self.adding.is_empty() {
            return;
        }
        let stays = |r: &NodeId| !self.removing.contains(r);
        let isr: Vec<NodeId> = self.isr.iter().copied().filter(stays).collect();
        let replicas: Vec<NodeId> = self.replicas.iter().copied().filter(stays).collect();
        let in_sync = |wanted: &[NodeId]| wanted.iter().all(|r| isr.contains(r));
        let shrinks = self.adding.len() < self.removing.len();
        if isr.is_empty() || !in_sync(&self.adding) || (shrinks && !in_sync(&replicas)) {
            return;
        }
        self.isr = isr;
        self.replicas = replicas;
        self.removing.clear();
        self.adding.clear();
    }

    /// The eligible replicas that go with the new ISR: who was in it or eligible before, as long as it is below the minimum.
    fn eligible(&self) -> Vec<NodeId> {
        let p = self.partition;
        if !self.rules.elr {
            return p.elr.clone();
        }
        if self.isr.len() >= self.rules.min_isr {
            return Vec::new();
        }
        let mut elr = p.elr.clone();
        elr.extend(p.isr.iter().copied().filter(|r| !p.elr.contains(r)));
        elr.retain(|r| {
            !self.isr.contains(r) && self.unclean_shutdown != Some(*r) && self.replicas.contains(r)
        });
        elr.sort();
        elr
    }

    /// The leader, and whether its election may lose records.
    fn elect(&self, elr: &[NodeId], live: impl Fn(NodeId) -> bool) -> (Option<NodeId>, bool) {
        let p = self.partition;
        let valid = |r: NodeId| {
            (self.isr.contains(&r) || (self.isr.is_empty() && elr.contains(&r))) && live(r)
        };
        let preferred = self.replicas.first().copied();
        if self.election == Election::Preferred && preferred.is_some_and(valid) {
            return (preferred, false);
        }
        if p.leader.is_some_and(valid) {
            return (p.leader, false);
        }
        if let Some(r) = self.replicas.iter().copied().find(|r| valid(*r)) {
            return (Some(r), false);
        }
        if self.rules.elr
            && self.isr.is_empty()
            && elr.is_empty()
            && let [last] = p.last_known_elr[..]
            && self.replicas.contains(&last)
            && (self.emptied != Some(last) || p.replicas.len() == 1)
            && live(last)
        {
            return (Some(last), true);
        }
        if self.election == Election::Unclean
            && let Some(r) = self.replicas.iter().copied().find(|r| live(*r))
        {
            return (Some(r), true);
        }
        (None, false)
    }
}

/// Where a new replica goes on a broker.
pub(super) fn default_directory(image: &Image, broker: NodeId) -> Uuid {
    image
        .broker(broker)
        .map_or(Uuid::UNASSIGNED, |b| b.default_directory())
}

/// Partitions in the middle of a decision that may change one more than once: each change sees the ones before it.
pub(super) struct Draft<'a> {
    image: &'a Image,
    changed: BTreeMap<(Uuid, i32), PartitionImage>,
    pub records: Vec<MetadataRecord>,
}

impl<'a> Draft<'a> {
    pub fn new(image: &'a Image) -> Draft<'a> {
        Draft {
            image,
            changed: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    pub fn partition(&self, topic: &'a TopicImage, at: i32) -> Option<&PartitionImage> {
        let unchanged = || {
            let at = usize::try_from(at).ok()?;
            topic.partitions.get(at).map(|p| &**p)
        };
        self.changed.get(&(topic.id, at)).or_else(unchanged)
    }

    /// Takes a change in, and tells how the partition is with it.
    pub fn take(&mut self, record: PartitionChangeRecord) -> &PartitionImage {
        let key = (record.topic_id, record.partition_id);
        let image = self.image;
        let partition = self.changed.entry(key).or_insert_with(|| {
            let topic = image.topic_by_id(key.0).expect("a change of what exists");
            PartitionImage::clone(&topic.partitions[key.1 as usize])
        });
        partition.merge(&record);
        self.records
            .push(MetadataRecord::PartitionChangeRecord(record));
        partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airis_protocol::types::LeaderEpoch;

    fn ids(raw: &[i32]) -> Vec<NodeId> {
        raw.iter().copied().map(NodeId).collect()
    }

    fn rules(min_isr: usize) -> Rules {
        Rules {
            min_isr,
            elr: true,
            unclean: false,
            metadata_version: features::METADATA_VERSION_NEWEST,
        }
    }

    fn partition(
        replicas: &[i32],
        isr: &[i32],
        elr: &[i32],
        last: &[i32],
        leader: i32,
    ) -> PartitionImage {
        PartitionImage {
            replicas: ids(replicas),
            directories: vec![Uuid::UNASSIGNED; replicas.len()],
            isr: ids(isr),
            removing: Vec::new(),
            adding: Vec::new(),
            elr: ids(elr),
            last_known_elr: ids(last),
            leader: (leader >= 0).then_some(NodeId(leader)),
            leader_epoch: LeaderEpoch(3),
            partition_epoch: 5,
            recovering: false,
        }
    }

    /// Text of what a change does: what is told of leader, isr, elr, last, recovery.
    fn told(
        p: &PartitionImage,
        isr: &[i32],
        unclean: Option<i32>,
        min: usize,
        live: &[i32],
    ) -> String {
        let mut change = Change::new(p, rules(min));
        change.isr = ids(isr);
        change.unclean_shutdown = unclean.map(NodeId);
        match change.record(Uuid(9), 0, |r| live.contains(&r.0), |_| Uuid::UNASSIGNED) {
            None => "nothing".into(),
            Some(r) => {
                let mut out = Vec::new();
                if r.leader >= -1 {
                    out.push(format!("leader {}", r.leader));
                }
                for (name, list) in [
                    ("isr", r.isr),
                    ("elr", r.eligible_leader_replicas),
                    ("last", r.last_known_elr),
                ] {
                    out.extend(list.map(|l| format!("{name} {l:?}")));
                }
                if r.leader_recovery_state >= 0 {
                    out.push(format!("recovery {}", r.leader_recovery_state));
                }
                out.join(", ")
            }
        }
    }

    #[test]
    fn elections_follow_the_order_of_kip_966() {
        let three = partition(&[1, 2, 3], &[1, 2, 3], &[], &[], 1);
        assert_eq!(told(&three, &[1, 2, 3], None, 2, &[1, 2, 3]), "nothing");
        assert_eq!(
            told(&three, &[2, 3], None, 2, &[2, 3]),
            "leader 2, isr [2, 3]"
        );
        let two = partition(&[1, 2, 3], &[1, 2], &[], &[], 1);
        assert_eq!(
            told(&two, &[2], None, 2, &[2, 3]),
            "leader 2, isr [2], elr [1]",
            "below the minimum the leaver stays eligible"
        );
        assert_eq!(
            told(&two, &[2], Some(1), 2, &[2, 3]),
            "leader 2, isr [2]",
            "but not if it stopped uncleanly"
        );
        let eligible = partition(&[1, 2, 3], &[], &[1, 2], &[2], -1);
        assert_eq!(
            told(&eligible, &[], None, 2, &[2, 3]),
            "leader 2, isr [2], elr [1], last []"
        );
        assert_eq!(told(&eligible, &[], None, 2, &[3]), "nothing");
        let lost = partition(&[1, 2, 3], &[], &[], &[2], -1);
        assert_eq!(
            told(&lost, &[], None, 2, &[2, 3]),
            "leader 2, isr [2], last [], recovery 1"
        );
        assert_eq!(told(&lost, &[], None, 2, &[3]), "nothing");
    }

    #[test]
    fn the_only_replica_of_a_node_goes_and_comes_as_in_kafka() {
        let only = partition(&[1], &[1], &[], &[], 1);
        assert_eq!(
            told(&only, &[], None, 1, &[]),
            "leader -1, isr [], elr [1], last [1]"
        );
        assert_eq!(
            told(&only, &[], Some(1), 1, &[]),
            "leader -1, isr [], last [1]"
        );
        let stopped = partition(&[1], &[], &[1], &[1], -1);
        assert_eq!(
            told(&stopped, &[], None, 1, &[1]),
            "leader 1, isr [1], elr [], last []"
        );
        assert_eq!(told(&stopped, &[], Some(1), 1, &[]), "elr []");
        let crashed = partition(&[1], &[], &[], &[1], -1);
        assert_eq!(
            told(&crashed, &[], None, 1, &[1]),
            "leader 1, isr [1], last [], recovery 1"
        );
    }

    #[test]
    fn without_eligible_replicas_the_last_member_stays() {
        let only = partition(&[1], &[1], &[], &[], 1);
        let mut change = Change::new(
            &only,
            Rules {
                elr: false,
                ..rules(1)
            },
        );
        change.isr = Vec::new();
        let record = change
            .record(Uuid(9), 0, |_| false, |_| Uuid::UNASSIGNED)
            .unwrap();
        assert_eq!((record.leader, record.isr), (-1, None));
    }
}
