//! Random lives of a group, against what must hold after every step. `AIRIS_SEED` runs one seed again.

use std::collections::BTreeMap;

use super::*;
use crate::machine::Chance;

const STEPS: usize = 400;
const PARTITIONS: usize = 6;

/// What one client believes.
#[derive(Clone, Default)]
struct Client {
    id: Str,
    instance: Option<String>,
    generation: i32,
    join: Option<Token>,
    sync: Option<Token>,
    /// The partitions it was given in `generation`.
    owns: Option<Vec<usize>>,
    leads: Vec<Str>,
}

fn seeds() -> Vec<u64> {
    match std::env::var("AIRIS_SEED") {
        Ok(seed) => vec![seed.parse().expect("AIRIS_SEED is a number")],
        Err(_) => (0..150).collect(),
    }
}

fn assign(members: &[Str]) -> Vec<(String, String)> {
    let mut given: Vec<(String, Vec<String>)> = members
        .iter()
        .map(|m| (m.to_string(), Vec::new()))
        .collect();
    for partition in 0..PARTITIONS {
        let n = given.len();
        given[partition % n].1.push(partition.to_string());
    }
    given.into_iter().map(|(m, p)| (m, p.join(","))).collect()
}

/// Takes in the answers that have come. Returns what has been given in which generation.
fn receive(s: &mut Script, c: &mut Client) {
    if let Some(token) = c.join
        && let Some(answer) = s.joined.remove(&token)
    {
        c.join = None;
        match ErrorCode::try_from(answer.error_code).expect("a known code") {
            ErrorCode::None => {
                c.id = answer.member_id.clone();
                c.generation = answer.generation_id;
                c.owns = None;
                c.leads = if answer.leader == answer.member_id && !answer.skip_assignment {
                    answer.members.iter().map(|m| m.member_id.clone()).collect()
                } else {
                    Vec::new()
                };
            }
            ErrorCode::MemberIdRequired => c.id = answer.member_id.clone(),
            ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId
            | ErrorCode::GroupMaxSizeReached => forget(c),
            ErrorCode::RebalanceInProgress | ErrorCode::NotCoordinator => {}
            other => panic!("a join was answered {other:?}"),
        }
    }
    if let Some(token) = c.sync
        && let Some(answer) = s.synced.remove(&token)
    {
        c.sync = None;
        match ErrorCode::try_from(answer.error_code).expect("a known code") {
            ErrorCode::None => {
                let text = String::from_utf8(answer.assignment.to_vec()).expect("text");
                c.owns = Some(text.split(',').filter_map(|p| p.parse().ok()).collect());
            }
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => forget(c),
            ErrorCode::RebalanceInProgress
            | ErrorCode::IllegalGeneration
            | ErrorCode::NotCoordinator => {}
            other => panic!("a sync was answered {other:?}"),
        }
    }
}

fn forget(c: &mut Client) {
    *c = Client {
        instance: c.instance.clone(),
        ..Client::default()
    };
}

/// One step of one client, or of the world.
fn step(s: &mut Script, clients: &mut [Client], chance: &mut Chance, committed: &mut i64) {
    let n = chance.below(clients.len());
    let c = &mut clients[n];
    let instance = c.instance.clone();
    match chance.below(20) {
        0..=5 if c.join.is_none() && c.sync.is_none() => {
            let mut request = join_request(&c.id, instance.as_deref());
            if chance.below(4) == 0 {
                request.protocols[0].metadata = subscription(&["t", "u"]);
            }
            // Versions below 5 know no instances.
            let version = if instance.is_none() {
                [3, 4, 8, 9][chance.below(4)]
            } else {
                [5, 8, 9][chance.below(3)]
            };
            c.join = Some(s.join_as(version, &request));
        }
        6..=9 if c.join.is_none() && c.sync.is_none() && !c.id.is_empty() => {
            let given = if c.leads.is_empty() {
                Vec::new()
            } else {
                assign(&c.leads)
            };
            let given: Vec<(&str, &str)> = given
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            c.sync = Some(s.sync(&c.id, c.generation, &given));
        }
        10..=11 => {
            let code = s.heartbeat_as(&c.id, instance.as_deref(), c.generation);
            if matches!(
                code,
                ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId
            ) && c.join.is_none()
                && c.sync.is_none()
            {
                forget(c);
            }
        }
        12..=13 => {
            let mut request = commit_request(&c.id, c.generation, &[("t", 0, *committed + 1)]);
            request.group_instance_id = instance.map(Str::from);
            if !c.id.is_empty() && s.commit_as(9, &request).is_ok() {
                *committed += 1;
            }
        }
        14 => {
            s.leave(&[(&c.id.clone(), instance.as_deref())]);
        }
        // A client dies; another starts in its place.
        15 => {
            forget(c);
            c.instance = (chance.below(2) == 0).then(|| format!("i{n}"));
        }
        16..=17 => s.pass(chance.below(4_000) as i64),
        18 => match chance.below(4) {
            0 => s.pass(15_000),
            1 => s.reload(),
            2 => s.appends = Appends::Hold,
            _ => s.commit_appends(),
        },
        19 => {
            let held = s.appends == Appends::Hold;
            if !held && chance.below(3) == 0 {
                s.appends = Appends::Fail(ErrorCode::KafkaStorageError);
            } else if !held {
                s.appends = Appends::Commit;
            }
        }
        _ => {}
    }
}

#[test]
fn each_partition_has_at_most_one_owner_in_a_generation() {
    for seed in seeds() {
        println!("AIRIS_SEED={seed}");
        let mut chance = Chance::new(seed);
        let mut s = Script::with(GroupConfig {
            initial_rebalance_delay_ms: [0, 3_000][chance.below(2)],
            max_size: [3, 100][chance.below(2)],
            ..Default::default()
        });
        let mut clients: Vec<Client> = (0..5)
            .map(|i| Client {
                instance: (i % 2 == 0).then(|| format!("i{i}")),
                ..Client::default()
            })
            .collect();
        let mut committed = 0;
        // Who has been given a partition, by generation.
        let mut given: BTreeMap<(i32, usize), Str> = BTreeMap::new();
        for _ in 0..STEPS {
            step(&mut s, &mut clients, &mut chance, &mut committed);
            for c in &mut clients {
                receive(&mut s, c);
                for p in c.owns.iter().flatten() {
                    // A static member may come back to its own partitions under a new id.
                    let who = c.instance.clone().map_or(c.id.clone(), Str::from);
                    let owner = given
                        .entry((c.generation, *p))
                        .or_insert_with(|| who.clone());
                    assert_eq!(*owner, who, "partition {p} of generation {}", c.generation);
                }
            }
            if committed > 0 {
                assert_eq!(s.committed("t"), committed);
            }
            let replayed = s.replayed();
            assert!(
                replayed.same_state(&s.replayed()),
                "the same log gives the same state"
            );
            let fetch = OffsetFetchRequestGroup {
                group_id: "g".into(),
                topics: None,
                ..Default::default()
            };
            assert_eq!(
                replayed.fetch(&fetch, false, no_ids),
                s.shard.fetch(&fetch, false, no_ids),
                "the log has every offset"
            );
        }
        // Left alone, the group comes to rest: nobody waits for ever.
        s.commit_appends();
        s.pass(20 * 60 * 1000);
        assert_eq!(s.members(), 0);
        assert_eq!(s.shard.next_deadline(), None);
        for c in &mut clients {
            receive(&mut s, c);
            assert_eq!((c.join, c.sync), (None, None), "every request is answered");
        }
    }
}
