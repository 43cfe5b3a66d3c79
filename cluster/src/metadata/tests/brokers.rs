//! Registrations, and heartbeats: controlled shutdown, log directories, sessions.

use crate::replica::leader::Assigned;
use airis_protocol::messages::assign_replicas_to_dirs_request::{
    DirectoryData, PartitionData, TopicData,
};

use super::*;

#[test]
fn a_controlled_shutdown_moves_leaderships_first_and_waits_until_all_know() {
    let mut c = Controller::with_brokers(3);
    c.create(vec![
        manual("t", &[(0, &[1, 2, 3])]),
        manual("lone", &[(0, &[1])]),
    ]);
    let stop = |c: &mut Controller, passed| c.beat(1, |r| r.want_shut_down = true, passed);
    let first = stop(&mut c, true);
    assert!(
        !first.should_shut_down && !first.is_fenced,
        "leaderships first"
    );
    let b = c.image.broker(NodeId(1)).unwrap().clone();
    assert!(b.in_controlled_shutdown && !b.fenced);
    let p = c.partition("t", 0);
    assert_eq!((p.leader, p.isr), (Some(NodeId(2)), ids(&[2, 3])));
    let lone = c.partition("lone", 0);
    assert_eq!((lone.leader, lone.elr), (None, ids(&[1])));
    let request = alter_partition::wish(&c, "t", &[2, 3, 1]);
    assert_eq!(
        alter_partition::ask(&mut c, request).0,
        E::IneligibleReplica
    );
    let before = c.image.clone();
    assert!(
        !stop(&mut c, false).should_shut_down,
        "others do not know yet"
    );
    assert_eq!(c.image, before);
    let last = stop(&mut c, true);
    assert!(last.should_shut_down && last.is_fenced);
    assert!(c.image.broker(NodeId(1)).unwrap().fenced);
    assert!(
        stop(&mut c, false).should_shut_down,
        "asked again, granted again"
    );
    // It comes back: cleanly, so what only it has is led by it again.
    let request = BrokerRegistrationRequest {
        previous_broker_epoch: c.epoch(1),
        ..registration(1, 777)
    };
    c.run(Command::RegisterBroker(request)).unwrap();
    assert!(!c.image.broker(NodeId(1)).unwrap().in_controlled_shutdown);
    c.unfence(1);
    assert_eq!(c.partition("lone", 0).leader, Some(NodeId(1)));
    assert!(!c.partition("lone", 0).recovering);
}

#[test]
fn a_broker_without_leaderships_stops_at_once() {
    let mut c = Controller::with_brokers(2);
    c.create(vec![manual("t", &[(0, &[1, 2])])]);
    let answer = c.beat(2, |r| r.want_shut_down = true, false);
    assert!(answer.should_shut_down && answer.is_fenced);
    assert_eq!(c.partition("t", 0).isr, ids(&[1]));
    let answer = c.beat(
        1,
        |r| (r.want_fence, r.want_shut_down) = (true, true),
        false,
    );
    assert!(answer.should_shut_down, "it does not want to wait");
    assert_eq!(c.partition("t", 0).leader, None);
}

#[test]
fn a_broker_stops_when_all_active_ones_have_passed_its_departure() {
    let mut c = Controller::with_brokers(3);
    c.create(vec![manual("t", &[(0, &[1, 2, 3])])]);
    let mut departures = Departures::default();
    let mut stop = |c: &mut Controller, lowest: i64| {
        let passed = departures.passed(&c.image, NodeId(1), Offset(lowest));
        c.beat(1, |r| r.want_shut_down = true, passed)
            .should_shut_down
    };
    let before = c.image.position.offset.0;
    assert!(!stop(&mut c, i64::MAX), "its leaderships have to go first");
    let gone = c.image.position.offset.0;
    assert!(gone > before);
    assert!(!stop(&mut c, before));
    // What comes later need not be waited for.
    c.create(vec![topic("later", 1, 2)]);
    assert!(!stop(&mut c, gone - 1));
    assert!(stop(&mut c, gone));
    // Its next process departs anew.
    c.run(Command::Join(registration(1, 777))).unwrap();
    c.create(vec![manual("own", &[(0, &[1, 2])])]);
    let again = c.image.position.offset.0;
    assert!(!stop(&mut c, again));
    assert!(!stop(&mut c, again));
    // Nobody else is there to be waited for.
    c.fence(2);
    c.fence(3);
    assert!(stop(&mut c, -1));
}

fn two_disks() -> Controller {
    let mut c = Controller::with_brokers(1);
    let request = BrokerRegistrationRequest {
        log_dirs: vec![Uuid(2001), Uuid(2002)],
        ..registration(2, 102)
    };
    c.run(Command::Join(request)).unwrap();
    c.create(vec![
        manual("a", &[(0, &[2, 1])]),
        manual("b", &[(0, &[2, 1])]),
    ]);
    c
}

fn assign(c: &mut Controller, broker: i32, dir: u128, topic: Uuid, at: i32) -> Result<E, E> {
    let request = AssignReplicasToDirsRequest {
        broker_id: broker,
        broker_epoch: c.epoch(broker),
        directories: vec![DirectoryData {
            id: Uuid(dir),
            topics: vec![TopicData {
                topic_id: topic,
                partitions: vec![PartitionData {
                    partition_index: at,
                }],
            }],
        }],
    };
    match c.run(Command::AssignReplicasToDirs(request))? {
        Reply::AssignReplicasToDirs(r) => {
            let code = r.directories[0].topics[0].partitions[0].error_code;
            Ok(E::try_from(code).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_directory_takes_only_its_own_partitions() {
    let mut c = two_disks();
    let (a, b) = (
        c.image.topic("a").unwrap().id,
        c.image.topic("b").unwrap().id,
    );
    assert_eq!(
        c.partition("a", 0).directory_of(NodeId(2)),
        Some(Uuid::UNASSIGNED)
    );
    assert_eq!(assign(&mut c, 2, 2001, a, 0), Ok(E::None));
    assert_eq!(assign(&mut c, 2, 2002, b, 0), Ok(E::None));
    let p = c.partition("a", 0);
    assert_eq!(p.directory_of(NodeId(2)), Some(Uuid(2001)));
    assert_eq!(
        (p.leader, p.leader_epoch.0),
        (Some(NodeId(2)), 0),
        "it leads on"
    );
    let before = c.image.clone();
    assert_eq!(assign(&mut c, 2, 2001, a, 0), Ok(E::None));
    assert_eq!(c.image, before, "told twice");
    assert_eq!(assign(&mut c, 2, 2001, Uuid(99), 0), Ok(E::UnknownTopicId));
    assert_eq!(
        assign(&mut c, 2, 2001, a, 9),
        Ok(E::UnknownTopicOrPartition)
    );
    c.run(Command::Join(registration(3, 103))).unwrap();
    assert_eq!(assign(&mut c, 3, 1003, a, 0), Ok(E::NotLeaderOrFollower));

    let lost = |r: &mut BrokerHeartbeatRequest| r.offline_log_dirs = vec![Uuid(2001)];
    assert!(!c.beat(2, lost, false).is_fenced);
    let (pa, pb) = (c.partition("a", 0), c.partition("b", 0));
    assert_eq!((pa.leader, pa.isr), (Some(NodeId(1)), ids(&[1])));
    assert_eq!((pb.leader, pb.isr), (Some(NodeId(2)), ids(&[2, 1])));
    assert_eq!(c.image.broker(NodeId(2)).unwrap().directories, [Uuid(2002)]);
    // Its leader waits for it no longer, though its broker is up.
    let live = |c: &Controller, topic: &str| {
        let live = Assigned::new(&c.image, &c.partition(topic, 0), 1).live;
        live.iter().any(|l| l.id == NodeId(2))
    };
    assert_eq!((live(&c, "a"), live(&c, "b")), (false, true));
    let before = c.image.clone();
    c.beat(2, lost, false);
    assert_eq!(c.image, before, "told twice");
    // A replica that turns out to lie in a directory that is gone.
    assert_eq!(assign(&mut c, 2, 2001, b, 0), Ok(E::None));
    let pb = c.partition("b", 0);
    assert_eq!((pb.leader, &pb.isr), (Some(NodeId(1)), &ids(&[1])));
    assert_eq!(pb.directory_of(NodeId(2)), Some(Uuid(2001)));
    let all = |r: &mut BrokerHeartbeatRequest| r.offline_log_dirs = vec![Uuid(2001), Uuid(2002)];
    assert!(c.beat(2, all, false).is_fenced, "no directory left");
    let before = c.image.clone();
    assert!(c.beat(2, all, false).is_fenced);
    assert_eq!(c.image, before);
}

/// A clean stop speaks for the directories that are still there: in place of one that is gone its replicas begin anew, empty.
#[test]
fn a_broker_that_comes_back_without_a_directory_is_not_eligible_for_what_was_in_it() {
    let mut c = two_disks();
    let wanted = manual("m", &[(0, &[2, 1]), (1, &[2, 1]), (2, &[2, 1])]);
    c.create(vec![with_config(wanted, "min.insync.replicas", Some("2"))]);
    let m = c.image.topic("m").unwrap().id;
    for (at, dir) in [(0, 2001), (1, 2002), (2, 2002)] {
        assert_eq!(assign(&mut c, 2, dir, m, at), Ok(E::None));
    }
    assert_eq!(assign(&mut c, 2, Uuid::LOST.0, m, 2), Ok(E::None));
    c.fence(2);
    let elr = |c: &Controller| [0, 1, 2].map(|at| c.partition("m", at).elr);
    assert_eq!(elr(&c), [ids(&[2]), ids(&[2]), ids(&[2])]);
    let mut back = |incarnation, dirs: &[u128]| {
        let request = BrokerRegistrationRequest {
            previous_broker_epoch: c.epoch(2),
            log_dirs: dirs.iter().copied().map(Uuid).collect(),
            ..registration(2, incarnation)
        };
        c.run(Command::RegisterBroker(request)).unwrap();
        elr(&c)
    };
    assert_eq!(back(801, &[2001, 2002]), [ids(&[2]), ids(&[2]), ids(&[])]);
    assert_eq!(back(802, &[2002]), [ids(&[]), ids(&[2]), ids(&[])]);
}

/// The last one that led has nothing left: another replica may have more, which is for a person to decide.
#[test]
fn one_that_led_last_and_has_nothing_left_does_not_lead_by_that() {
    for (replicas, there, leader) in [
        (&[2, 1][..], &[2001, 2002][..], Some(NodeId(2))),
        (&[2, 1], &[2002], None),
        // Nobody else can have anything.
        (&[2], &[2002], Some(NodeId(2))),
    ] {
        let mut c = two_disks();
        c.create(vec![manual("l", &[(0, replicas)])]);
        let l = c.image.topic("l").unwrap().id;
        assert_eq!(assign(&mut c, 2, 2001, l, 0), Ok(E::None));
        c.fence(1);
        c.fence(2);
        assert_eq!(c.partition("l", 0).leader, None);
        let request = BrokerRegistrationRequest {
            previous_broker_epoch: c.epoch(2),
            log_dirs: there.iter().copied().map(Uuid).collect(),
            ..registration(2, 801)
        };
        c.run(Command::RegisterBroker(request)).unwrap();
        c.unfence(2);
        if !there.contains(&2001) {
            // Where it was begun anew.
            assert_eq!(assign(&mut c, 2, 2002, l, 0), Ok(E::None));
        }
        assert_eq!(c.partition("l", 0).leader, leader, "{replicas:?} {there:?}");
    }
}

#[test]
fn cordoned_directories_get_no_new_replicas() {
    let mut c = two_disks();
    let cordon = |c: &mut Controller, broker, dirs: Option<&[u128]>| {
        let dirs = dirs.map(|d| d.iter().copied().map(Uuid).collect());
        c.beat(broker, |r| r.cordoned_log_dirs = dirs, false);
    };
    cordon(&mut c, 2, Some(&[2002]));
    assert_eq!(c.image.broker(NodeId(2)).unwrap().cordoned, [Uuid(2002)]);
    let before = c.image.clone();
    cordon(&mut c, 2, None);
    cordon(&mut c, 2, Some(&[2002]));
    assert_eq!(
        c.image, before,
        "null is not known, and the same is no change"
    );
    assert_eq!(c.create_one(topic("two", 1, 2)).0, E::None);
    cordon(&mut c, 2, Some(&[2002, 2001]));
    assert_eq!(
        c.create_one(topic("no", 1, 2)).0,
        E::InvalidReplicationFactor
    );
    cordon(&mut c, 2, Some(&[]));
    assert_eq!(c.create_one(topic("yes", 1, 2)).0, E::None);
}

#[test]
fn brokers_register_by_kafkas_rules() {
    let mut c = Controller::with_brokers(2);
    let base = registration(3, 300);
    let cases: Vec<(BrokerRegistrationRequest, E)> = vec![
        (
            BrokerRegistrationRequest {
                cluster_id: "other".into(),
                ..base.clone()
            },
            E::InconsistentClusterId,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![Uuid(2)],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![Uuid(1001)],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                features: vec![],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                features: base
                    .features
                    .iter()
                    .filter(|f| f.name != "share.version")
                    .cloned()
                    .collect(),
                ..base.clone()
            },
            E::UnsupportedVersion,
        ),
    ];
    for (request, code) in cases {
        assert_eq!(c.run(Command::RegisterBroker(request)), Err(code));
    }
    c.run(Command::RegisterBroker(base.clone())).unwrap();
    let broker = c.image.broker(NodeId(3)).unwrap().clone();
    assert!(broker.fenced, "until its first heartbeat");
    assert_eq!(broker.epoch.0, c.image.position.offset.0);
    c.run(Command::RegisterBroker(base)).unwrap();
    let again = c.image.broker(NodeId(3)).unwrap();
    assert_eq!(
        again.epoch, broker.epoch,
        "the same incarnation keeps its epoch"
    );
    let heartbeat = |offset, epoch| Command::Heartbeat {
        request: BrokerHeartbeatRequest {
            broker_id: 3,
            broker_epoch: epoch,
            current_metadata_offset: offset,
            want_fence: false,
            ..Default::default()
        },
        passed: false,
    };
    let epoch = broker.epoch.0;
    assert_eq!(c.run(heartbeat(epoch, epoch + 1)), Err(E::StaleBrokerEpoch));
    c.run(heartbeat(epoch - 1, epoch)).unwrap();
    assert!(c.image.broker(NodeId(3)).unwrap().fenced, "it lags behind");
    c.run(heartbeat(epoch, epoch)).unwrap();
    assert!(c.image.is_active(NodeId(3)));
    assert_eq!(
        c.run(Command::UnregisterBroker(NodeId(9))),
        Err(E::BrokerIdNotRegistered)
    );
    c.run(Command::UnregisterBroker(NodeId(3))).unwrap();
    assert!(c.image.broker(NodeId(3)).is_none());
}

#[test]
fn a_single_broker_stops_and_crashes_and_leads_again_with_a_new_epoch() {
    let mut c = Controller::with_brokers(1);
    c.create(vec![topic("t", 2, 1)]);
    let epoch = |c: &Controller| c.image.broker(NodeId(1)).unwrap().epoch.0;
    let leads = |c: &Controller| {
        let p = c.image.partition("t", PartitionId(1)).unwrap();
        assert_eq!(p.leader, Some(NodeId(1)));
        assert_eq!(p.isr, [NodeId(1)]);
        assert!(p.elr.is_empty() && p.last_known_elr.is_empty() && !p.recovering);
        p.leader_epoch.0
    };
    let mut last = leads(&c);
    for (round, clean) in [(1, true), (2, false), (3, false), (4, true)] {
        if clean {
            assert!(
                !c.beat(1, |r| r.want_shut_down = true, false)
                    .should_shut_down
            );
            let p = c.image.partition("t", PartitionId(0)).unwrap();
            assert_eq!((p.leader, &p.elr[..]), (None, &[NodeId(1)][..]));
        }
        let request = BrokerRegistrationRequest {
            previous_broker_epoch: if clean { epoch(&c) } else { -1 },
            ..registration(1, 500 + round)
        };
        c.run(Command::Join(request)).unwrap();
        let now = leads(&c);
        assert!(now > last, "round {round}: a new leader epoch");
        last = now;
    }
}
