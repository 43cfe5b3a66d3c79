//! Replicas that move from node to node while nodes die.
//!
//! Always holds: a move is held up by a throttle until this file lets it go on, so a node that dies does so in its midst; in the end
//! every replica is back where it was. Must never: ask the cluster to stand still or to go on while a move leaves it two replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use airis_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use airis_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use airis_protocol::messages::{
    AlterPartitionReassignmentsRequest, IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest, MetadataRequest,
};
use airis_protocol::types::Str;
use airis_protocol::wire::Request;
use anyhow::{Result, bail, ensure};

use crate::load::{PARTITIONS, TOPIC};
use crate::node::{NODES, ask};
use crate::world::World;

/// No move takes longer, once it is let go on and all nodes run; and no question to the controller longer to be answered.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes a second: what has once come in a burst is not caught up with.
const HELD_UP: &str = "100";
const NO_REASSIGNMENT_IN_PROGRESS: i16 = 85;

type Replicas = BTreeMap<i32, Vec<i32>>;

/// One move is cancelled while a node is dead that takes part, one ends although two die one after the other.
pub fn kill_in_move(w: &mut World) -> Result<()> {
    let before = replicas(w)?;
    let ring = |p: i32, first: i32| -> Vec<i32> {
        (0..2).map(|i| (p + first + i) % NODES as i32).collect()
    };
    // Every node loses replicas, gets some and keeps some, and leads some.
    let from: Replicas = (0..PARTITIONS).map(|p| (p, ring(p, 0))).collect();
    let to: Replicas = (0..PARTITIONS).map(|p| (p, ring(p, 1))).collect();
    ensure!(before.len() == from.len(), "replicas: {before:?}");
    let mut order = [0, 1, 2];
    w.chance.shuffle(&mut order);

    w.say("two replicas each, so that there is somewhere to move to");
    least_in_sync(w, Some("1"))?;
    reassign(w, from.iter().map(|(p, to)| (*p, Some(to))))?;
    ended(w, &from)?;

    throttle(w, Some(&to))?;
    let moving = begin(w, &to)?;
    let victim = victim(w, order[0])?;
    w.kill(victim)?;
    w.hold_some(0.2, 0.4, 4);
    w.say("the moves are cancelled");
    reassign(w, moving.iter().map(|p| (*p, None)))?;
    let there = |p: &i32| if moving.contains(p) { &from } else { &to }[p].clone();
    ended(w, &from.keys().map(|p| (*p, there(p))).collect())?;
    w.start(victim)?;
    w.hold_some(0.0, 0.5, 4);
    throttle(w, None)?;
    reassign(w, from.iter().map(|(p, to)| (*p, Some(to))))?;
    ended(w, &from)?;

    throttle(w, Some(&to))?;
    begin(w, &to)?;
    for node in &order[1..] {
        w.kill(*node)?;
        w.hold_some(0.2, 0.4, 4);
        w.start(*node)?;
        w.hold_some(0.0, 0.4, 4);
    }
    throttle(w, None)?;
    ended(w, &to)?;

    w.say("back to three replicas");
    reassign(w, before.iter().map(|(p, to)| (*p, Some(to))))?;
    ended(w, &before)?;
    least_in_sync(w, None)
}

/// The controller, every other time.
fn victim(w: &mut World, other: usize) -> Result<usize> {
    match w.chance.below(2) {
        0 => w.controller(),
        _ => Ok(other),
    }
}

/// Has the partitions move, and gives those that are on their way: what goes first uses up what the throttle lets through.
fn begin(w: &mut World, to: &Replicas) -> Result<BTreeSet<i32>> {
    for third in [true, false] {
        let now = to.iter().filter(|(p, _)| (**p < NODES as i32) == third);
        reassign(w, now.map(|(p, to)| (*p, Some(to))))?;
        w.hold(0.5);
    }
    let moving = moving(w)?;
    w.say(&format!("on their way: {moving:?}"));
    ensure!(!moving.is_empty(), "every move has ended at once");
    Ok(moving)
}

/// Asks the nodes, one after the other, until one has an answer that will do.
fn tell<R: Request, T>(
    w: &World,
    request: &R,
    version: i16,
    will_do: impl Fn(&R::Response) -> Result<T, String>,
) -> Result<T> {
    let start = Instant::now();
    let mut said = String::new();
    while start.elapsed() < PATIENCE {
        for i in 0..NODES {
            match ask(&w.place.broker(i), request, version) {
                Ok(answer) => match will_do(&answer) {
                    Ok(done) => return Ok(done),
                    Err(why) => said = format!("node {i}: {why}"),
                },
                Err(e) => said = format!("node {i}: {e:#}"),
            }
        }
        sleep(Duration::from_millis(100));
    }
    bail!("no node does what it is told: {said}")
}

fn reassign<'a>(
    w: &World,
    replicas: impl Iterator<Item = (i32, Option<&'a Vec<i32>>)>,
) -> Result<()> {
    let partitions = replicas.map(|(partition_index, replicas)| ReassignablePartition {
        partition_index,
        replicas: replicas.cloned(),
    });
    let request = AlterPartitionReassignmentsRequest {
        topics: vec![ReassignableTopic {
            name: TOPIC.into(),
            partitions: partitions.collect(),
        }],
        timeout_ms: 5000,
        ..Default::default()
    };
    tell(w, &request, 0, |answer| {
        let all = answer.responses.iter().flat_map(|t| &t.partitions);
        // Cancelled already: an answer was too slow.
        let fine = |code: i16| [0, NO_REASSIGNMENT_IN_PROGRESS].contains(&code);
        match answer.error_code == 0 && all.clone().all(|p| fine(p.error_code)) {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    })
}

fn moving(w: &World) -> Result<BTreeSet<i32>> {
    let request = ListPartitionReassignmentsRequest {
        timeout_ms: 5000,
        topics: None,
    };
    tell(w, &request, 0, |answer| match answer.error_code {
        0 => {
            let all = answer.topics.iter().flat_map(|t| &t.partitions);
            Ok(all.map(|p| p.partition_index).collect())
        }
        code => Err(format!("error {code}")),
    })
}

fn replicas(w: &World) -> Result<Replicas> {
    let request = MetadataRequest {
        topics: None,
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    tell(w, &request, 9, |answer| {
        let topic = answer
            .topics
            .iter()
            .find(|t| t.name.as_ref().is_some_and(|n| n.as_str() == TOPIC));
        let partitions = &topic.ok_or("it does not know the topic")?.partitions;
        Ok(partitions
            .iter()
            .map(|p| (p.partition_index, p.replica_nodes.clone()))
            .collect())
    })
}

fn sorted(replicas: &Replicas) -> Replicas {
    let mut replicas = replicas.clone();
    replicas.values_mut().for_each(|r| r.sort());
    replicas
}

/// Waits until nothing moves any more; the replicas then are these. Their order is not asked for: a cancelled move leaves the one that
/// its target had.
fn ended(w: &mut World, wanted: &Replicas) -> Result<()> {
    let start = Instant::now();
    loop {
        let (moving, now) = (moving(w)?, replicas(w)?);
        if moving.is_empty() && sorted(&now) == sorted(wanted) {
            let took = start.elapsed().as_secs_f64();
            w.say(&format!(
                "the replicas are where they are to be, after {took:.1} s"
            ));
            return Ok(());
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "still moving: {moving:?}; replicas {now:?}, not {wanted:?}"
        );
        sleep(Duration::from_millis(100));
    }
}

/// Holds up the replicas that are new in `to`, as kafka-reassign-partitions does, or nobody.
fn throttle(w: &World, to: Option<&Replicas>) -> Result<()> {
    let new = to.iter().flat_map(|to| to.iter());
    let new: Vec<String> = new.map(|(p, to)| format!("{p}:{}", to[1])).collect();
    let held_up = to.map(|_| HELD_UP);
    for node in 0..NODES {
        let node = node.to_string();
        configure(w, 4, &node, "follower.replication.throttled.rate", held_up)?;
    }
    let replicas = to.map(|_| new.join(","));
    let name = "follower.replication.throttled.replicas";
    configure(w, 2, TOPIC, name, replicas.as_deref())
}

/// How many replicas have to be in sync. Where so many are dead that producers are refused for it, librdkafka may send a record twice:
/// when a batch in doubt is refused and one behind it is the first to find enough replicas again, it takes a new epoch and sends all of
/// them as new. One replica that comes back alone takes records at once.
fn least_in_sync(w: &World, least: Option<&str>) -> Result<()> {
    configure(w, 2, TOPIC, "min.insync.replicas", least)
}

/// Sets a property of a topic (2) or a broker (4), or takes it back.
fn configure(w: &World, kind: i8, of: &str, name: &str, value: Option<&str>) -> Result<()> {
    let config = AlterableConfig {
        name: name.into(),
        config_operation: i8::from(value.is_none()),
        value: value.map(Str::from),
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: kind,
            resource_name: of.into(),
            configs: vec![config],
        }],
        validate_only: false,
    };
    tell(w, &request, 1, |answer| {
        match answer.responses.iter().all(|r| r.error_code == 0) {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    })
}
