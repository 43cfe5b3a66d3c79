//! Random histories of a cluster: brokers crash, stop, come back; leaders change ISRs; replicas move; leaders are elected. What must
//! hold at every step of all of them.

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use airis_protocol::messages::elect_leaders_request::TopicPartitions;

use proptest::prelude::*;

use super::*;

const BROKERS: i32 = 5;

/// What one step may do to a partition.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    /// Elections must be clean.
    Clean,
    /// Somebody asked for an unclean election.
    Unclean,
}

fn step(c: &mut Controller, r: &mut Chance) -> Step {
    let topic = ["t", "u"][r.below(2)];
    let broker = 1 + r.below(BROKERS as usize) as i32;
    let p = c.partition(topic, 0);
    let fenced = c.image.broker(NodeId(broker)).is_none_or(|b| b.fenced);
    match r.below(10) {
        // It dies: its session ends, or a new process registers before that.
        0 => {
            let epoch = c.image.broker(NodeId(broker)).map_or(0, |b| b.epoch.0);
            let _ = c.run(Command::Fence(NodeId(broker), BrokerEpoch(epoch)));
        }
        1 => {
            let previous = c.image.broker(NodeId(broker)).map_or(-1, |b| b.epoch.0);
            c.run(Command::RegisterBroker(BrokerRegistrationRequest {
                previous_broker_epoch: if r.below(2) == 0 { previous } else { -1 },
                ..registration(broker, 5000 + u128::from(r.bits() >> 1))
            }))
            .unwrap();
        }
        2 | 3 if fenced && c.image.broker(NodeId(broker)).is_some() => c.unfence(broker),
        2 if !fenced => {
            let passed = r.below(2) == 0;
            c.beat(broker, |b| b.want_shut_down = true, passed);
        }
        3..=6 => {
            if let Some(leader) = p.leader {
                let isr: Vec<i32> = p
                    .replicas
                    .iter()
                    .filter(|m| **m == leader || r.below(3) > 0)
                    .map(|m| m.0)
                    .collect();
                let mut request = alter_partition::wish(c, topic, &isr);
                let wish = &mut request.topics[0].partitions[0];
                if r.below(8) == 0 {
                    wish.partition_epoch -= 1;
                }
                alter_partition::ask(c, request);
            }
        }
        7 | 8 => {
            let mut all: Vec<i32> = (1..=BROKERS).collect();
            r.shuffle(&mut all);
            let replicas = (r.below(3) > 0).then(|| all[..1 + r.below(4)].to_vec());
            c.run(Command::AlterPartitionReassignments(
                AlterPartitionReassignmentsRequest {
                    topics: vec![ReassignableTopic {
                        name: topic.into(),
                        partitions: vec![ReassignablePartition {
                            partition_index: 0,
                            replicas,
                        }],
                    }],
                    ..Default::default()
                },
            ))
            .unwrap();
        }
        _ => {
            let unclean = r.below(4) == 0;
            if r.below(3) == 0 {
                c.run(Command::Balance { preferred: true }).unwrap();
                return Step::Clean;
            }
            c.run(Command::ElectLeaders(ElectLeadersRequest {
                election_type: i8::from(unclean),
                topic_partitions: Some(vec![TopicPartitions {
                    topic: topic.into(),
                    partitions: vec![0],
                }]),
                ..Default::default()
            }))
            .unwrap();
            if unclean {
                return Step::Unclean;
            }
        }
    }
    Step::Clean
}

/// Who may hold everything that was acknowledged, as far as the partition says.
fn knowing(p: &PartitionImage) -> BTreeSet<NodeId> {
    p.isr.iter().chain(&p.elr).copied().collect()
}

fn compare(step: Step, unclean_allowed: bool, before: &PartitionImage, after: &PartitionImage) {
    let what = format!("{before:?}\n{after:?}");
    assert!(after.leader_epoch >= before.leader_epoch, "{what}");
    let leader_changed = after.leader != before.leader;
    assert!(
        !leader_changed || after.leader_epoch > before.leader_epoch,
        "{what}"
    );
    let changed = PartitionImage {
        partition_epoch: before.partition_epoch,
        ..after.clone()
    } != *before;
    if changed {
        assert!(after.partition_epoch > before.partition_epoch, "{what}");
    }
    let unique: BTreeSet<&NodeId> = after.replicas.iter().collect();
    assert_eq!(unique.len(), after.replicas.len(), "{what}");
    assert!(after.elr.iter().all(|r| after.has_replica(*r)), "{what}");
    let in_progress = !after.adding.is_empty() || !after.removing.is_empty();
    assert!(
        after
            .adding
            .iter()
            .chain(&after.removing)
            .all(|r| after.has_replica(*r)),
        "{what}"
    );
    assert!(
        after.adding.iter().all(|r| !after.removing.contains(r)),
        "{what}"
    );
    if in_progress && !after.removing.is_empty() {
        let stays = after.replicas.iter().any(|r| !after.removing.contains(r));
        assert!(stays, "{what}");
    }
    if after.recovering && !before.recovering {
        let last_known = before.last_known_elr.len() == 1 && before.isr.is_empty();
        assert!(
            step == Step::Unclean || unclean_allowed || last_known,
            "{what}"
        );
        assert_eq!(after.isr.len(), 1, "{what}");
    }
    if let Some(leader) = after.leader
        && leader_changed
        && !after.recovering
    {
        // A clean leader was in sync or eligible before the step, or came into the ISR by the leader's own wish in it.
        let by_wish = before.leader.is_some();
        assert!(
            knowing(before).contains(&leader) || by_wish || unclean_allowed,
            "{what}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_happens_leaders_are_in_sync_and_nothing_is_lost_unless_allowed(
        seed in any::<u64>(),
        steps in 1usize..120,
        min_isr in 1i32..4,
        elr in any::<bool>(),
        unclean in any::<bool>(),
    ) {
        let mut c = Controller::new(seed);
        let mut levels = vec![("metadata.version", 30)];
        if elr {
            levels.push(("eligible.leader.replicas.version", 1));
        }
        let bootstrap = levels
            .into_iter()
            .map(|(name, feature_level)| {
                MetadataRecord::FeatureLevelRecord(FeatureLevelRecord {
                    name: name.into(),
                    feature_level,
                })
            })
            .collect();
        c.run(Command::Activate { bootstrap }).unwrap();
        for id in 1..=BROKERS {
            c.run(Command::Join(registration(id, 100 + id as u128))).unwrap();
        }
        let min = min_isr.to_string();
        let allow = if unclean { "true" } else { "false" };
        for topic in [manual("t", &[(0, &[1, 2, 3])]), manual("u", &[(0, &[4])])] {
            let topic = with_config(topic, "min.insync.replicas", Some(&min));
            c.create(vec![with_config(topic, "unclean.leader.election.enable", Some(allow))]);
        }
        let mut draw = Chance::new(seed ^ 0x5eed);
        let partitions = |c: &Controller| -> BTreeMap<&str, PartitionImage> {
            ["t", "u"].into_iter().map(|t| (t, c.partition(t, 0))).collect()
        };
        for _ in 0..steps {
            let before = partitions(&c);
            let offset = c.image.position.offset;
            let kind = step(&mut c, &mut draw);
            let written = c.image.position.offset.0 - offset.0;
            for (topic, after) in partitions(&c) {
                compare(kind, unclean, &before[topic], &after);
                let grown = after.partition_epoch - before[topic].partition_epoch;
                prop_assert!(i64::from(grown) <= written, "one epoch a record");
                if let Some(leader) = after.leader {
                    prop_assert!(after.isr.contains(&leader));
                    prop_assert!(c.image.is_active(leader), "{leader} leads: {after:?}");
                }
                prop_assert!(after.isr.iter().all(|m| after.has_replica(*m) && !after.elr.contains(m)));
                prop_assert!(elr || (after.elr.is_empty() && after.last_known_elr.is_empty()));
                prop_assert!(
                    !(after.isr.is_empty() && after.elr.is_empty() && after.last_known_elr.is_empty()),
                    "somebody is known to have the records: {after:?}"
                );
            }
        }
    }
}
