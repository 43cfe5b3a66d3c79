//! What becomes of one partition when its ISR is to change or a leader is wanted: the election rules of KRaft with eligible
//! leader replicas (KIP-966).
//!
//! Always holds: a leader comes out of the ISR, or out of the eligible replicas if the ISR is empty, or is the last one that led,
//! or (only where unclean election is on) any live replica; in this order. Must never: forget who may lead when the last in-sync
//! replica goes.

use airis_protocol::messages::PartitionChangeRecord;
use airis_protocol::types::{NodeId, Uuid};

use super::raw;
use crate::metadata::image::{Image, PartitionImage};

/// `PartitionChangeRecord.leader` where nobody leads.
const NO_LEADER: i32 = -1;
/// `LeaderRecoveryState`: what an unclean election leaves the leader in, and the end of it.
pub(super) const RECOVERING: i8 = 1;
pub(super) const RECOVERED: i8 = 0;

/// A wish to change a partition.
pub(super) struct Change<'a> {
    pub partition: &'a PartitionImage,
    /// The ISR as it shall be.
    pub isr: Vec<NodeId>,
    /// A replica that stopped uncleanly: its log may have lost its end, so it is not eligible any more.
    pub unclean_shutdown: Option<NodeId>,
    /// `min.insync.replicas`, at most the number of replicas.
    pub min_isr: usize,
    /// Whether eligible leader replicas are on (`eligible.leader.replicas.version`).
    pub elr: bool,
    /// `unclean.leader.election.enable`.
    pub unclean_election: bool,
}

/// True if the broker's directory with the replica is online, as far as the registration says.
pub(super) fn directory_online(image: &Image, partition: &PartitionImage, broker: NodeId) -> bool {
    let (Some(registered), Some(directory)) =
        (image.broker(broker), partition.directory_of(broker))
    else {
        return false;
    };
    match directory {
        Uuid::LOST => false,
        Uuid::UNASSIGNED | Uuid::MIGRATING => true,
        id => registered.directories.is_empty() || registered.directories.contains(&id),
    }
}

impl Change<'_> {
    /// The record that brings the change about, electing a leader if the present one may not go on; `None` if nothing changes.
    /// `live` says which replicas may lead.
    pub fn record(
        mut self,
        topic_id: Uuid,
        partition_id: i32,
        live: impl Fn(NodeId) -> bool,
    ) -> Option<PartitionChangeRecord> {
        let p = self.partition;
        let mut record = PartitionChangeRecord {
            partition_id,
            topic_id,
            ..Default::default()
        };
        let mut elr = self.eligible();
        let (leader, unclean) = self.elect(&elr, live);
        let mut isr = None;
        if leader != p.leader {
            record.leader = leader.map_or(NO_LEADER, |l| l.0);
            if let Some(l) = leader.filter(|l| elr.contains(l)) {
                self.isr = vec![l];
                elr.retain(|r| *r != l);
            } else if let Some(l) = leader.filter(|_| unclean) {
                isr = Some(vec![l]);
                if !p.recovering {
                    record.leader_recovery_state = RECOVERING;
                }
            }
        }
        if isr.is_some() || !self.elr {
            elr.clear();
        }
        if elr != p.elr {
            record.eligible_leader_replicas = Some(raw(&elr));
        }
        // Without eligible replicas the last member stays in the ISR, as the only sign of who has the data.
        if isr.is_none() && self.isr != p.isr && (!self.isr.is_empty() || self.elr) {
            isr = Some(self.isr);
        }
        record.isr = isr.as_deref().map(raw);
        if self.elr {
            match (leader != p.leader, leader) {
                // Who led when the partition lost its leader: the one to turn to when all else is lost.
                (true, None) if p.last_known_elr.is_empty() => {
                    record.last_known_elr = Some(p.leader.iter().map(|l| l.0).collect());
                }
                (true, Some(_)) if !p.last_known_elr.is_empty() => {
                    record.last_known_elr = Some(Vec::new());
                }
                _ => {}
            }
        }
        let changed = record.leader >= NO_LEADER
            || record.isr.is_some()
            || record.eligible_leader_replicas.is_some()
            || record.last_known_elr.is_some()
            || record.leader_recovery_state >= 0;
        changed.then_some(record)
    }

    /// The eligible replicas that go with the new ISR: who was in it or eligible before, as long as it is below the minimum.
    fn eligible(&self) -> Vec<NodeId> {
        let p = self.partition;
        if !self.elr {
            return p.elr.clone();
        }
        if self.isr.len() >= self.min_isr {
            return Vec::new();
        }
        let mut elr = p.elr.clone();
        elr.extend(p.isr.iter().copied().filter(|r| !p.elr.contains(r)));
        elr.retain(|r| !self.isr.contains(r) && self.unclean_shutdown != Some(*r));
        elr.sort();
        elr
    }

    /// The leader, and whether its election may lose records.
    fn elect(&self, elr: &[NodeId], live: impl Fn(NodeId) -> bool) -> (Option<NodeId>, bool) {
        let p = self.partition;
        let valid = |r: NodeId| {
            (self.isr.contains(&r) || (self.isr.is_empty() && elr.contains(&r))) && live(r)
        };
        if p.leader.is_some_and(valid) {
            return (p.leader, false);
        }
        if let Some(r) = p.replicas.iter().copied().find(|r| valid(*r)) {
            return (Some(r), false);
        }
        if self.elr
            && self.isr.is_empty()
            && elr.is_empty()
            && let [last] = p.last_known_elr[..]
            && live(last)
        {
            return (Some(last), true);
        }
        if self.unclean_election
            && let Some(r) = p.replicas.iter().copied().find(|r| live(*r))
        {
            return (Some(r), true);
        }
        (None, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airis_protocol::types::LeaderEpoch;

    fn ids(raw: &[i32]) -> Vec<NodeId> {
        raw.iter().copied().map(NodeId).collect()
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
        let change = Change {
            partition: p,
            isr: ids(isr),
            unclean_shutdown: unclean.map(NodeId),
            min_isr: min,
            elr: true,
            unclean_election: false,
        };
        match change.record(Uuid(9), 0, |r| live.contains(&r.0)) {
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
        let change = Change {
            partition: &only,
            isr: Vec::new(),
            unclean_shutdown: None,
            min_isr: 1,
            elr: false,
            unclean_election: false,
        };
        let record = change.record(Uuid(9), 0, |_| false).unwrap();
        assert_eq!((record.leader, record.isr), (-1, None));
    }
}
