//! Reassignments: begun, completed by the ISR, replaced, cancelled.

use airis_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use airis_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;

use super::*;

fn ask(c: &mut Controller, topic: &str, at: i32, to: Option<&[i32]>, resize: bool) -> (E, String) {
    let request = AlterPartitionReassignmentsRequest {
        allow_replication_factor_change: resize,
        topics: vec![ReassignableTopic {
            name: topic.into(),
            partitions: vec![ReassignablePartition {
                partition_index: at,
                replicas: to.map(<[i32]>::to_vec),
            }],
        }],
        ..Default::default()
    };
    let Ok(Reply::AlterPartitionReassignments(mut r)) =
        c.run(Command::AlterPartitionReassignments(request))
    else {
        panic!("partitions answer for themselves");
    };
    assert_eq!(
        (r.error_code, r.allow_replication_factor_change),
        (0, resize)
    );
    let p = r.responses.remove(0).partitions.remove(0);
    (
        E::try_from(p.error_code).unwrap(),
        p.error_message.map(String::from).unwrap_or_default(),
    )
}

fn to(c: &mut Controller, replicas: &[i32]) -> E {
    ask(c, "t", 0, Some(replicas), true).0
}

fn cancel(c: &mut Controller) -> E {
    ask(c, "t", 0, None, true).0
}

/// Replicas, adding, removing as listed; `None` if nothing is under way.
fn listed(c: &mut Controller, topics: Option<&[&str]>) -> Option<(Vec<i32>, Vec<i32>, Vec<i32>)> {
    let request = ListPartitionReassignmentsRequest {
        topics: topics.map(|names| {
            names
                .iter()
                .map(|name| ListPartitionReassignmentsTopics {
                    name: (*name).into(),
                    partition_indexes: vec![0, 5],
                })
                .collect()
        }),
        ..Default::default()
    };
    let Ok(Reply::ListPartitionReassignments(mut r)) =
        c.run(Command::ListPartitionReassignments(request))
    else {
        panic!()
    };
    let p = r.topics.pop()?.partitions.pop()?;
    assert!(r.topics.is_empty());
    Some((p.replicas, p.adding_replicas, p.removing_replicas))
}

fn start() -> Controller {
    let mut c = Controller::with_brokers(5);
    c.create(vec![manual("t", &[(0, &[1, 2, 3])]), topic("other", 1, 1)]);
    c
}

fn state(c: &Controller) -> (Vec<NodeId>, Vec<NodeId>, Vec<NodeId>, Vec<NodeId>) {
    let p = c.partition("t", 0);
    (p.replicas, p.isr, p.adding, p.removing)
}

#[test]
fn a_reassignment_ends_when_the_new_replicas_are_in_sync() {
    let mut c = start();
    assert_eq!(to(&mut c, &[4, 5, 1]), E::None);
    assert_eq!(
        state(&c),
        (
            ids(&[4, 5, 1, 2, 3]),
            ids(&[1, 2, 3]),
            ids(&[4, 5]),
            ids(&[2, 3])
        )
    );
    assert_eq!(
        c.partition("t", 0).directory_of(NodeId(5)),
        Some(Uuid(1005))
    );
    let all = (vec![4, 5, 1, 2, 3], vec![4, 5], vec![2, 3]);
    assert_eq!(listed(&mut c, None), Some(all.clone()));
    assert_eq!(listed(&mut c, Some(&["t", "none"])), Some(all));
    assert_eq!(listed(&mut c, Some(&["other"])), None);
    let before = c.image.clone();
    assert_eq!(to(&mut c, &[4, 5, 1]), E::None);
    assert_eq!(c.image, before, "asked again, nothing is new");
    c.isr("t", &[1, 2, 3, 4]);
    assert_eq!(state(&c).2, ids(&[4, 5]), "one is not enough");
    let epoch = c.partition("t", 0).leader_epoch.0;
    c.isr("t", &[1, 2, 3, 4, 5]);
    assert_eq!(
        state(&c),
        (ids(&[4, 5, 1]), ids(&[1, 4, 5]), ids(&[]), ids(&[]))
    );
    let p = c.partition("t", 0);
    assert_eq!(p.leader, Some(NodeId(1)), "it stays, so it leads on");
    assert_eq!(
        p.leader_epoch.0,
        epoch + 1,
        "in a new epoch: others must not be fetched from"
    );
    assert_eq!(p.directories.len(), 3);
    assert_eq!(listed(&mut c, None), None);
}

#[test]
fn a_leader_that_is_removed_is_told_that_another_leads() {
    let mut c = start();
    to(&mut c, &[4, 2, 3]);
    let request = alter_partition::wish(&c, "t", &[1, 2, 3, 4]);
    let (code, leader, isr, _) = alter_partition::ask(&mut c, request);
    assert_eq!((code, leader, isr.len()), (E::NewLeaderElected, 0, 0));
    assert_eq!(
        state(&c),
        (ids(&[4, 2, 3]), ids(&[2, 3, 4]), ids(&[]), ids(&[]))
    );
    assert_eq!(c.partition("t", 0).leader, Some(NodeId(4)));
}

#[test]
fn refusals_are_kafkas() {
    let mut c = start();
    type Case<'a> = (&'a str, i32, Option<&'a [i32]>, bool, E, &'a str);
    let cases: &[Case<'_>] = &[
        (
            "x",
            0,
            Some(&[1]),
            true,
            E::UnknownTopicOrPartition,
            "Unable to find a topic named x.",
        ),
        (
            "t",
            3,
            Some(&[1]),
            true,
            E::UnknownTopicOrPartition,
            "Unable to find partition t:3.",
        ),
        (
            "t",
            0,
            None,
            true,
            E::NoReassignmentInProgress,
            E::NoReassignmentInProgress.message(),
        ),
        (
            "t",
            0,
            Some(&[]),
            true,
            E::InvalidReplicaAssignment,
            "empty replica list",
        ),
        (
            "t",
            0,
            Some(&[1, 2, 9]),
            true,
            E::InvalidReplicaAssignment,
            "no such broker",
        ),
        (
            "t",
            0,
            Some(&[1, 2, 2]),
            true,
            E::InvalidReplicaAssignment,
            "more than once",
        ),
        (
            "t",
            0,
            Some(&[1, 2]),
            false,
            E::InvalidReplicationFactor,
            "The replication factor is changed from 3 to 2",
        ),
    ];
    for (topic, at, replicas, resize, code, part) in cases {
        let before = c.image.clone();
        let (got, message) = ask(&mut c, topic, *at, *replicas, *resize);
        assert_eq!(got, *code, "{message}");
        assert!(message.contains(part), "{message:?} lacks {part:?}");
        assert_eq!(c.image, before);
    }
    assert_eq!(ask(&mut c, "t", 0, Some(&[4, 2, 3]), false).0, E::None);
    assert_eq!(
        ask(&mut c, "t", 0, Some(&[1, 2, 5]), false).0,
        E::None,
        "the target's size counts"
    );
    assert_eq!(
        ask(&mut c, "t", 0, Some(&[1, 2, 3, 4]), false).0,
        E::InvalidReplicationFactor
    );
}

#[test]
fn a_cancelled_reassignment_leaves_what_was_before() {
    let mut c = start();
    to(&mut c, &[4, 2, 3]);
    c.isr("t", &[1, 2, 3]);
    assert_eq!(cancel(&mut c), E::None);
    assert_eq!(
        state(&c),
        (ids(&[2, 3, 1]), ids(&[1, 2, 3]), ids(&[]), ids(&[]))
    );
    assert_eq!(cancel(&mut c), E::NoReassignmentInProgress);
    // The new ones lead and the old are gone: to go back would lose records.
    let mut c = start();
    to(&mut c, &[4, 5]);
    c.isr("t", &[1, 4]);
    c.fence(1);
    assert_eq!(c.partition("t", 0).isr, ids(&[4]));
    assert_eq!(cancel(&mut c), E::InvalidReplicaAssignment);
    c.incremental(
        2,
        "t",
        &[("unclean.leader.election.enable", 0, Some("true"))],
    );
    assert_eq!(cancel(&mut c), E::None);
    let p = c.partition("t", 0);
    assert_eq!(p.replicas, ids(&[1, 2, 3]));
    assert!(p.leader.is_some() && p.recovering, "{p:?}");
}

#[test]
fn a_new_target_replaces_the_one_under_way() {
    let mut c = start();
    to(&mut c, &[1, 2, 4]);
    to(&mut c, &[1, 2, 5]);
    assert_eq!(
        state(&c),
        (
            ids(&[1, 2, 5, 3, 4]),
            ids(&[1, 2, 3]),
            ids(&[5]),
            ids(&[3, 4])
        )
    );
    to(&mut c, &[1, 2, 3]);
    assert_eq!(
        state(&c),
        (ids(&[1, 2, 3]), ids(&[1, 2, 3]), ids(&[]), ids(&[])),
        "back at once"
    );
    to(&mut c, &[1, 2, 4]);
    to(&mut c, &[1, 5, 4]);
    assert_eq!(state(&c).2, ids(&[4, 5]), "what was being added still is");
    assert_eq!(cancel(&mut c), E::None);
    assert_eq!(state(&c).0, ids(&[1, 2, 3]));
}

#[test]
fn the_number_of_replicas_and_their_order_change() {
    let mut c = start();
    assert_eq!(to(&mut c, &[3, 2, 1]), E::None);
    assert_eq!(state(&c).0, ids(&[3, 2, 1]), "an order is changed at once");
    assert_eq!(c.partition("t", 0).leader, Some(NodeId(1)));
    c.isr("t", &[1, 3]);
    assert_eq!(to(&mut c, &[3, 2]), E::None);
    assert_eq!(
        state(&c),
        (ids(&[3, 2, 1]), ids(&[1, 3]), ids(&[]), ids(&[1])),
        "fewer: all that stay must be in sync"
    );
    c.isr("t", &[1, 3, 2]);
    assert_eq!(state(&c), (ids(&[3, 2]), ids(&[3, 2]), ids(&[]), ids(&[])));
    assert_eq!(c.partition("t", 0).leader, Some(NodeId(3)));
    assert_eq!(to(&mut c, &[3, 2, 4, 5]), E::None);
    c.isr("t", &[3, 2, 4, 5]);
    assert_eq!(
        state(&c),
        (ids(&[3, 2, 4, 5]), ids(&[3, 2, 4, 5]), ids(&[]), ids(&[]))
    );
}
