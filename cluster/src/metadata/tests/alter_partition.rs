//! AlterPartition: who may change an ISR, and what becomes of it.

use airis_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};

use super::*;

/// A wish of the partition's present leader for this ISR, with the epochs of now.
fn wish(c: &Controller, topic: &str, isr: &[i32]) -> AlterPartitionRequest {
    let p = c.partition(topic, 0);
    let leader = p.leader.unwrap().0;
    AlterPartitionRequest {
        broker_id: leader,
        broker_epoch: c.epoch(leader),
        topics: vec![TopicData {
            topic_id: c.image.topic(topic).unwrap().id,
            partitions: vec![PartitionData {
                partition_index: 0,
                leader_epoch: p.leader_epoch.0,
                new_isr: Vec::new(),
                new_isr_with_epochs: isr
                    .iter()
                    .map(|id| BrokerState {
                        broker_id: *id,
                        broker_epoch: c.image.broker(NodeId(*id)).map_or(7, |b| b.epoch.0),
                    })
                    .collect(),
                leader_recovery_state: 0,
                partition_epoch: p.partition_epoch,
            }],
        }],
    }
}

/// The error, and the answer's leader, ISR and partition epoch.
fn ask(c: &mut Controller, request: AlterPartitionRequest) -> (E, i32, Vec<i32>, i32) {
    let Ok(Reply::AlterPartition(mut r)) = c.run(Command::AlterPartition(request)) else {
        panic!("partitions answer for themselves");
    };
    let p = r.topics.remove(0).partitions.remove(0);
    let code = E::try_from(p.error_code).unwrap();
    (code, p.leader_id, p.isr, p.partition_epoch)
}

fn three() -> Controller {
    let mut c = Controller::with_brokers(3);
    let topic = with_config(
        manual("t", &[(0, &[1, 2, 3])]),
        "min.insync.replicas",
        Some("2"),
    );
    c.create(vec![topic]);
    c
}

#[test]
fn the_leader_shrinks_and_expands_its_isr() {
    let mut c = three();
    let request = wish(&c, "t", &[1, 2]);
    assert_eq!(ask(&mut c, request), (E::None, 1, vec![1, 2], 1));
    let p = c.partition("t", 0);
    assert_eq!((p.isr, p.elr.len()), (ids(&[1, 2]), 0));
    assert_eq!(
        (p.leader_epoch.0, p.partition_epoch),
        (0, 1),
        "a shrink is no new term"
    );
    let request = wish(&c, "t", &[1]);
    assert_eq!(ask(&mut c, request), (E::None, 1, vec![1], 2));
    assert_eq!(
        c.partition("t", 0).elr,
        ids(&[2]),
        "below the minimum who leaves is eligible"
    );
    let request = wish(&c, "t", &[1, 3]);
    assert_eq!(ask(&mut c, request), (E::None, 1, vec![1, 3], 3));
    assert_eq!(
        c.partition("t", 0).elr,
        ids(&[]),
        "with enough in sync nobody else is"
    );
    let same = wish(&c, "t", &[1, 3]);
    assert_eq!(
        ask(&mut c, same),
        (E::None, 1, vec![1, 3], 3),
        "nothing to change"
    );
    let mut plain = wish(&c, "t", &[]);
    plain.topics[0].partitions[0].new_isr = vec![1, 2, 3];
    assert_eq!(
        ask(&mut c, plain),
        (E::None, 1, vec![1, 2, 3], 4),
        "version 2"
    );
}

#[test]
fn wishes_are_refused_for_kafkas_reasons_in_kafkas_order() {
    let mut c = three();
    let request = wish(&c, "t", &[1, 2]);
    ask(&mut c, request);
    c.fence(3);
    c.run(Command::RegisterBroker(registration(4, 104)))
        .unwrap();
    c.create(vec![manual("u", &[(0, &[1, 2, 4])])]);
    // Broker 2 goes and comes, so that there is an older leader epoch and partition epoch.
    let request = wish(&c, "t", &[1, 2]);
    let edit = |change: &dyn Fn(&mut PartitionData)| {
        let mut request = request.clone();
        change(&mut request.topics[0].partitions[0]);
        request
    };
    let set = |p: &mut PartitionData, isr: &[i32]| {
        p.new_isr_with_epochs = wish(&c, "t", isr).topics[0].partitions[0]
            .new_isr_with_epochs
            .clone();
    };
    let epoch_of_2 = BrokerEpoch(c.epoch(2)).0;
    let cases: Vec<(&str, AlterPartitionRequest, E)> = vec![
        (
            "no such partition",
            edit(&|p| p.partition_index = 7),
            E::UnknownTopicOrPartition,
        ),
        (
            "leader epoch ahead",
            edit(&|p| (p.leader_epoch, p.partition_epoch) = (9, 0)),
            E::NotController,
        ),
        (
            "partition epoch ahead",
            edit(&|p| (p.leader_epoch, p.partition_epoch) = (-1, 9)),
            E::NotController,
        ),
        (
            "leader epoch behind",
            edit(&|p| (p.leader_epoch, p.partition_epoch) = (-1, 0)),
            E::FencedLeaderEpoch,
        ),
        (
            "not the leader",
            AlterPartitionRequest {
                broker_id: 2,
                broker_epoch: epoch_of_2,
                ..edit(&|p| p.partition_epoch = 0)
            },
            E::InvalidRequest,
        ),
        (
            "partition epoch behind",
            edit(&|p| (p.partition_epoch, p.leader_recovery_state) = (0, 9)),
            E::InvalidUpdateVersion,
        ),
        ("no replica", edit(&|p| set(p, &[1, 4])), E::InvalidRequest),
        ("twice", edit(&|p| set(p, &[1, 2, 2])), E::InvalidRequest),
        (
            "without the leader",
            edit(&|p| set(p, &[2])),
            E::InvalidRequest,
        ),
        ("empty", edit(&|p| set(p, &[])), E::InvalidRequest),
        (
            "recovering with two",
            edit(&|p| p.leader_recovery_state = 1),
            E::InvalidRequest,
        ),
        (
            "recovering again",
            edit(&|p| {
                set(p, &[1]);
                p.leader_recovery_state = 1;
            }),
            E::InvalidRequest,
        ),
        (
            "no such state",
            edit(&|p| p.leader_recovery_state = 2),
            E::InvalidRequest,
        ),
        ("fenced", edit(&|p| set(p, &[1, 3])), E::IneligibleReplica),
        (
            "another incarnation",
            edit(&|p| p.new_isr_with_epochs[1].broker_epoch += 1),
            E::IneligibleReplica,
        ),
    ];
    let before = c.image.clone();
    for (what, request, code) in cases {
        assert_eq!(ask(&mut c, request).0, code, "{what}");
        assert_eq!(c.image, before, "{what}");
    }
    let mut unknown = request.clone();
    unknown.topics[0].topic_id = Uuid(99);
    assert_eq!(ask(&mut c, unknown).0, E::UnknownTopicId);
    let mut stale = request.clone();
    stale.broker_epoch += 1;
    assert_eq!(
        c.run(Command::AlterPartition(stale)),
        Err(E::StaleBrokerEpoch)
    );
    let mut unchecked = request.clone();
    unchecked.topics[0].partitions[0].new_isr_with_epochs[1].broker_epoch = -1;
    assert_eq!(ask(&mut c, unchecked).0, E::None, "-1 is any epoch");
    let mut twice = wish(&c, "t", &[1]);
    let again = twice.topics[0].partitions[0].clone();
    twice.topics[0].partitions.push(again);
    let Ok(Reply::AlterPartition(r)) = c.run(Command::AlterPartition(twice)) else {
        panic!()
    };
    let codes: Vec<i16> = r.topics[0]
        .partitions
        .iter()
        .map(|p| p.error_code)
        .collect();
    assert_eq!(
        codes,
        [0, E::InvalidUpdateVersion as i16],
        "the second sees the first"
    );
}

#[test]
fn a_fenced_broker_leaves_every_isr_and_comes_back_by_its_leader() {
    let mut c = three();
    let stale = BrokerEpoch(c.epoch(1) + 1);
    assert_eq!(
        c.run(Command::Fence(NodeId(1), stale)),
        Err(E::StaleBrokerEpoch)
    );
    c.fence(1);
    let p = c.partition("t", 0);
    assert_eq!((p.leader, p.isr.clone()), (Some(NodeId(2)), ids(&[2, 3])));
    assert_eq!(p.leader_epoch.0, 1);
    assert!(c.image.broker(NodeId(1)).unwrap().fenced);
    let before = c.image.clone();
    c.fence(1);
    assert_eq!(c.image, before, "once is enough");
    let early = wish(&c, "t", &[2, 3, 1]);
    assert_eq!(ask(&mut c, early).0, E::IneligibleReplica);
    c.unfence(1);
    let request = wish(&c, "t", &[2, 3, 1]);
    assert_eq!(ask(&mut c, request), (E::None, 2, vec![2, 3, 1], 2));
}

#[test]
fn a_leader_recovers_from_an_unclean_election_before_anybody_follows() {
    let mut c = Controller::with_brokers(2);
    let topic = with_config(
        manual("t", &[(0, &[1, 2])]),
        "unclean.leader.election.enable",
        Some("true"),
    );
    c.create(vec![topic]);
    let request = wish(&c, "t", &[1]);
    ask(&mut c, request);
    c.fence(1);
    let p = c.partition("t", 0);
    assert_eq!(
        (p.leader, p.isr.clone(), p.recovering),
        (Some(NodeId(2)), ids(&[2]), true)
    );
    c.unfence(1);
    let mut request = wish(&c, "t", &[2, 1]);
    request.topics[0].partitions[0].leader_recovery_state = 1;
    assert_eq!(ask(&mut c, request.clone()).0, E::InvalidRequest);
    request.topics[0].partitions[0].leader_recovery_state = 0;
    assert_eq!(ask(&mut c, request).0, E::None);
    assert!(!c.partition("t", 0).recovering);
}
