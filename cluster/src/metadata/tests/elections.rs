//! ElectLeaders, the balance of leaders, and unclean elections that come to be allowed.

use airis_protocol::messages::elect_leaders_request::TopicPartitions;

use super::*;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

fn elect(c: &mut Controller, kind: i8, asked: Option<&[(&str, &[i32])]>) -> Vec<(String, i32, E)> {
    let request = ElectLeadersRequest {
        election_type: kind,
        topic_partitions: asked.map(|topics| {
            topics
                .iter()
                .map(|(topic, partitions)| TopicPartitions {
                    topic: (*topic).into(),
                    partitions: partitions.to_vec(),
                })
                .collect()
        }),
        ..Default::default()
    };
    let Ok(Reply::ElectLeaders(r)) = c.run(Command::ElectLeaders(request)) else {
        panic!("partitions answer for themselves");
    };
    let mut out = Vec::new();
    for t in r.replica_election_results {
        for p in t.partition_result {
            out.push((
                t.topic.to_string(),
                p.partition_id,
                E::try_from(p.error_code).unwrap(),
            ));
        }
    }
    out
}

fn one(c: &mut Controller, kind: i8, topic: &str, at: i32) -> E {
    elect(c, kind, Some(&[(topic, &[at])])).remove(0).2
}

#[test]
fn the_preferred_replica_leads_again_once_it_is_in_sync() {
    let mut c = Controller::with_brokers(3);
    c.create(vec![manual("t", &[(0, &[1, 2, 3]), (1, &[2, 3, 1])])]);
    assert_eq!(one(&mut c, PREFERRED, "t", 0), E::ElectionNotNeeded);
    assert_eq!(one(&mut c, PREFERRED, "t", 7), E::UnknownTopicOrPartition);
    assert_eq!(one(&mut c, PREFERRED, "x", 0), E::UnknownTopicOrPartition);
    assert_eq!(one(&mut c, 7, "t", 0), E::InvalidRequest);
    c.fence(1);
    assert_eq!(
        one(&mut c, PREFERRED, "t", 0),
        E::PreferredLeaderNotAvailable
    );
    assert_eq!(one(&mut c, UNCLEAN, "t", 0), E::ElectionNotNeeded);
    c.unfence(1);
    assert_eq!(
        one(&mut c, PREFERRED, "t", 0),
        E::PreferredLeaderNotAvailable,
        "alive, not in sync"
    );
    c.isr("t", &[2, 3, 1]);
    let before = c.partition("t", 0);
    let all = elect(&mut c, PREFERRED, None);
    assert_eq!(
        all,
        [("t".to_owned(), 0, E::None)],
        "who leads already is not told of"
    );
    let p = c.partition("t", 0);
    assert_eq!(p.leader, Some(NodeId(1)));
    assert_eq!(p.leader_epoch.0, before.leader_epoch.0 + 1);
    assert_eq!(p.isr, ids(&[2, 3, 1]));
    let twice = elect(&mut c, PREFERRED, Some(&[("t", &[0, 0])]));
    assert!(twice.iter().all(|(_, _, e)| *e == E::ElectionNotNeeded));
}

/// A partition whose only in-sync replica is gone; broker 2 is alive, with less.
fn leaderless() -> Controller {
    let mut c = Controller::with_brokers(3);
    c.create(vec![manual("t", &[(0, &[1, 2])])]);
    c.isr("t", &[1]);
    c.fence(1);
    assert_eq!(c.partition("t", 0).leader, None);
    c
}

fn lost(c: &Controller) {
    let p = c.partition("t", 0);
    assert_eq!((p.leader, p.isr.clone()), (Some(NodeId(2)), ids(&[2])));
    assert!(p.recovering && p.elr.is_empty());
}

#[test]
fn an_unclean_election_happens_only_where_it_is_asked_for_or_allowed() {
    let mut c = leaderless();
    assert_eq!(
        one(&mut c, PREFERRED, "t", 0),
        E::PreferredLeaderNotAvailable
    );
    c.run(Command::Balance { preferred: true }).unwrap();
    assert_eq!(c.partition("t", 0).leader, None);
    assert_eq!(one(&mut c, UNCLEAN, "t", 0), E::None);
    lost(&c);
    assert_eq!(one(&mut c, UNCLEAN, "t", 0), E::ElectionNotNeeded);

    let mut c = leaderless();
    c.fence(2);
    assert_eq!(one(&mut c, UNCLEAN, "t", 0), E::EligibleLeadersNotAvailable);

    for (ty, name) in [(2, "t"), (4, ""), (4, "1")] {
        let mut c = leaderless();
        let set = |v| [("unclean.leader.election.enable", 0, Some(v))];
        assert_eq!(c.incremental(ty, name, &set("false")).0, E::None);
        assert_eq!(c.partition("t", 0).leader, None);
        assert_eq!(c.incremental(ty, name, &set("true")).0, E::None);
        lost(&c);
    }

    let mut c = leaderless();
    c.settings
        .static_configs
        .insert("unclean.leader.election.enable".into(), "true".into());
    assert_eq!(
        c.run(Command::Balance { preferred: false }),
        Ok(Reply::Balanced { more: false })
    );
    lost(&c);
}

#[test]
fn the_balance_gives_leaderships_back() {
    let mut c = Controller::with_brokers(2);
    c.create(vec![manual(
        "t",
        &[(0, &[1, 2]), (1, &[1, 2]), (2, &[2, 1])],
    )]);
    c.fence(1);
    c.unfence(1);
    c.isr("t", &[2, 1]);
    c.run(Command::Balance { preferred: false }).unwrap();
    assert_eq!(c.partition("t", 0).leader, Some(NodeId(2)));
    c.run(Command::Balance { preferred: true }).unwrap();
    assert_eq!(c.partition("t", 0).leader, Some(NodeId(1)));
    assert_eq!(c.partition("t", 1).leader, Some(NodeId(2)), "not in sync");
    let before = c.image.clone();
    c.run(Command::Balance { preferred: true }).unwrap();
    assert_eq!(c.image, before);
}
