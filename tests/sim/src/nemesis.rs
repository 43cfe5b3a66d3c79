//! What breaks, when, and for how long.
//!
//! Always holds: everything that breaks is mended in the end; where acknowledgement does not mean stable storage, one node at a time
//! loses its power, and only while the others have everything. Must never: take a record from more disks than the cluster promises to
//! survive.

use std::rc::Rc;
use std::time::Duration;

use airis_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use airis_protocol::messages::elect_leaders_request::TopicPartitions;
use airis_protocol::messages::{AlterPartitionReassignmentsRequest, ElectLeadersRequest};
use airis_protocol::types::Str;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use crate::chance::Dice;
use crate::client::Client;
use crate::plots;
use crate::trace::fault;
use crate::world::{End, PARTITIONS, State, TOPIC, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Kill,
    KillLeader,
    KillAll,
    Power,
    PowerAll,
    Stop,
    Pause,
    PauseLeader,
    CutOneWay,
    CutBoth,
    Isolate,
    Reset,
    SlowLink,
    SlowDisk,
    FullDisk,
    Jump,
    Elect,
    Reassign,
    AtAck,
    Flap,
    Join,
    Vote,
    Dwindle,
    Rot,
}

use Fault::*;

/// How often each comes, out of the sum.
const WEIGHTS: &[(Fault, u64)] = &[
    (Kill, 10),
    (KillLeader, 10),
    (KillAll, 2),
    (Power, 8),
    (PowerAll, 3),
    (Stop, 6),
    (Pause, 8),
    (PauseLeader, 6),
    (CutOneWay, 8),
    (CutBoth, 6),
    (Isolate, 8),
    (Reset, 5),
    (SlowLink, 5),
    (SlowDisk, 5),
    (FullDisk, 3),
    (Jump, 3),
    (Elect, 4),
    (Reassign, 4),
    (AtAck, 5),
    (Flap, 4),
    (Join, 3),
    (Vote, 3),
    (Dwindle, 3),
    (Rot, 5),
];

impl Fault {
    /// By the name that `--fault` takes.
    pub fn named(name: &str) -> Option<Fault> {
        let all = WEIGHTS.iter().map(|(fault, _)| *fault);
        all.into_iter().find(|f| f.name() == name)
    }

    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub fn names() -> Vec<String> {
        WEIGHTS.iter().map(|(fault, _)| fault.name()).collect()
    }
}

fn draw(dice: &mut Dice) -> Fault {
    let mut at = dice.below(WEIGHTS.iter().map(|w| w.1).sum());
    for (fault, weight) in WEIGHTS {
        if at < *weight {
            return *fault;
        }
        at -= weight;
    }
    unreachable!("the weights sum up")
}

/// Breaks and mends for so long, then mends everything. With `only` nothing else breaks than that.
pub async fn run(world: Rc<World>, time: Duration, only: Option<Fault>, mut dice: Dice) {
    let until = Instant::now() + time;
    let mut admin = world.client("nemesis");
    // Some runs are calm, some are not.
    let gap_max = dice.between(400, 6_000);
    while Instant::now() < until {
        sleep(Duration::from_millis(dice.between(20, gap_max))).await;
        let drawn = draw(&mut dice);
        one(&world, only.unwrap_or(drawn), &mut dice, &mut admin).await;
    }
    world.fabric.mend_all();
    world.slow.lock().clear();
    world.slow_disks.lock().clear();
    for id in world.ids() {
        world.disk(id).set_capacity(None);
        world.pause(id, false);
    }
    // Those that are about to stop do.
    loop {
        let stopping = world
            .ids()
            .into_iter()
            .filter(|id| world.state(*id) == State::Stopping);
        if stopping.count() == 0 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    for id in world.ids() {
        world.start(id);
    }
}

/// A duration of a fault: mostly short, sometimes long.
fn spell(dice: &mut Dice) -> Duration {
    let max = if dice.chance(70) { 2_500 } else { 14_000 };
    Duration::from_millis(dice.between(20, max))
}

pub fn later(spell: Duration, mend: impl FnOnce() + 'static) {
    spawn_local(async move {
        sleep(spell).await;
        mend();
    });
}

pub fn leader(world: &World, dice: &mut Dice) -> Option<i32> {
    let partition = dice.below(PARTITIONS as u64 + 1) as usize;
    let (topic, partition) = match partition == PARTITIONS as usize {
        true => ("__consumer_offsets", 0),
        false => (TOPIC, partition),
    };
    world.ids().into_iter().find(|id| {
        world.node(*id).is_some_and(|node| {
            let image = node.meta.image();
            let p = image
                .topic(topic)
                .and_then(|t| t.partitions.get(partition).cloned());
            p.is_some_and(|p| p.leader.map(|l| l.0) == Some(*id))
        })
    })
}

async fn one(world: &Rc<World>, kind: Fault, dice: &mut Dice, admin: &mut Client) {
    let any = dice.between(1, world.plan.nodes as u64) as i32;
    let other =
        (any - 1 + dice.between(1, world.plan.nodes as u64 - 1) as i32) % world.plan.nodes + 1;
    let mend_after = spell(dice);
    let w = world.clone();
    match kind {
        Kill | KillLeader => {
            let id = match kind {
                KillLeader => leader(world, dice).unwrap_or(any),
                _ => any,
            };
            crash(world, id, End::Killed, mend_after);
        }
        KillAll => {
            for id in world.ids() {
                crash(world, id, End::Killed, mend_after);
            }
        }
        Power if world.may_lose(any) => {
            crash(world, any, End::Unplugged, mend_after);
        }
        PowerAll if world.plan.fsync => {
            for id in world.ids() {
                let more = Duration::from_millis(dice.between(0, 3_000));
                crash(world, id, End::Unplugged, mend_after + more);
            }
        }
        Power | PowerAll => {}
        Stop => {
            if world.state(any) == State::Runs {
                fault(format_args!(
                    "node {any} is told to stop, comes back after {mend_after:?}"
                ));
                world.stop(any);
                later(mend_after, move || restart_when_down(w, any));
            }
        }
        Pause | PauseLeader => {
            let id = match kind {
                PauseLeader => leader(world, dice).unwrap_or(any),
                _ => any,
            };
            if world.state(id) == State::Runs {
                fault(format_args!("node {id} is paused for {mend_after:?}"));
                world.pause(id, true);
                later(mend_after, move || w.pause(id, false));
            }
        }
        CutOneWay => {
            fault(format_args!(
                "nothing gets from {any} to {other} for {mend_after:?}"
            ));
            world.fabric.cut(any as u32, other as u32);
            later(mend_after, move || w.fabric.mend(any as u32, other as u32));
        }
        CutBoth => {
            fault(format_args!("{any} and {other} are cut for {mend_after:?}"));
            let (a, b) = (any as u32, other as u32);
            world.fabric.cut(a, b);
            world.fabric.cut(b, a);
            later(mend_after, move || {
                w.fabric.mend(a, b);
                w.fabric.mend(b, a);
            });
        }
        Isolate => {
            let way = dice.below(3);
            fault(format_args!(
                "{any} is cut off from all nodes for {mend_after:?}, {}",
                ["both ways", "it cannot send", "it cannot receive"][way as usize]
            ));
            for id in world.ids().into_iter().filter(|id| *id != any) {
                if way != 2 {
                    world.fabric.cut(any as u32, id as u32);
                }
                if way != 1 {
                    world.fabric.cut(id as u32, any as u32);
                }
            }
            later(mend_after, move || {
                for id in w.ids() {
                    w.fabric.mend(any as u32, id as u32);
                    w.fabric.mend(id as u32, any as u32);
                }
            });
        }
        Reset => {
            fault(format_args!("connections of {any} and {other} are reset"));
            world.fabric.reset(any as u32, other as u32);
        }
        SlowLink => {
            let more = dice.between(20, 800);
            fault(format_args!(
                "{any} to {other} takes {more} ms more for {mend_after:?}"
            ));
            world.slow.lock().insert((any as u32, other as u32), more);
            later(mend_after, move || {
                w.slow.lock().remove(&(any as u32, other as u32));
            });
        }
        SlowDisk => {
            let more = dice.between(20, 1_500);
            fault(format_args!(
                "the disk of {any} takes {more} ms more for {mend_after:?}"
            ));
            world.slow_disks.lock().insert(any, more);
            later(mend_after, move || {
                w.slow_disks.lock().remove(&any);
            });
        }
        FullDisk => {
            let room = dice.below(4_000);
            fault(format_args!(
                "the disk of {any} has {room} bytes left for {mend_after:?}"
            ));
            let disk = world.disk(any);
            disk.set_capacity(Some(disk.used() + room));
            later(mend_after, move || w.disk(any).set_capacity(None));
        }
        Jump => {
            // Less than `producer.id.expiration.ms` in all: a producer that is silent for so long is forgotten, as in Kafka.
            let by = *dice
                .pick(&[3_600_000, -3_600_000, 900_000, -900_000, 5_000, -5_000])
                .expect("there are some");
            fault(format_args!("the clock of {any} jumps by {by} ms"));
            world.machines.borrow()[any as usize - 1].clock.jump(by);
        }
        Elect => {
            fault("the preferred leaders are to lead");
            elect(admin, any).await;
        }
        Reassign => {
            let mut replicas = world.ids();
            for i in (1..replicas.len()).rev() {
                replicas.swap(i, dice.below(i as u64 + 1) as usize);
            }
            replicas.truncate(3);
            let partition = dice.below(PARTITIONS as u64) as i32;
            fault(format_args!(
                "partition {partition} is to have replicas {replicas:?}"
            ));
            reassign(admin, any, partition, &replicas).await;
        }
        AtAck => plots::at_ack(world, dice, mend_after).await,
        Flap => plots::flap(world, dice, admin, mend_after).await,
        Join => plots::join(world, dice).await,
        Vote => plots::vote(world, dice).await,
        Dwindle => plots::dwindle(world, dice).await,
        Rot => plots::rot(world, dice, any, mend_after).await,
    }
}

/// Asks a node that the preferred leaders lead.
pub async fn elect(admin: &mut Client, node: i32) {
    let request = ElectLeadersRequest {
        election_type: 0,
        topic_partitions: Some(vec![TopicPartitions {
            topic: Str::from(TOPIC),
            partitions: (0..PARTITIONS).collect(),
        }]),
        timeout_ms: 2_000,
    };
    let _ = admin.ask(node, &request, 2, Duration::from_secs(2)).await;
}

/// Asks a node that a partition has these replicas.
pub async fn reassign(admin: &mut Client, node: i32, partition: i32, replicas: &[i32]) {
    let request = AlterPartitionReassignmentsRequest {
        timeout_ms: 2_000,
        topics: vec![ReassignableTopic {
            name: Str::from(TOPIC),
            partitions: vec![ReassignablePartition {
                partition_index: partition,
                replicas: Some(replicas.to_vec()),
            }],
        }],
        ..Default::default()
    };
    let _ = admin.ask(node, &request, 0, Duration::from_secs(2)).await;
}

/// Ends the process of a node that runs, and starts it again after a while.
pub fn crash(world: &Rc<World>, id: i32, end: End, back_after: Duration) {
    if !matches!(world.state(id), State::Runs | State::Stopping) {
        return;
    }
    fault(format_args!(
        "node {id} {}, comes back after {back_after:?}",
        match end {
            End::Killed => "is killed",
            End::Unplugged => "loses its power",
            End::Panicked => "ends, and then loses its power",
        }
    ));
    world.crash(id, end);
    let w = world.clone();
    later(back_after, move || w.start(id));
}

/// Starts a node again once it has stopped.
pub fn restart_when_down(world: Rc<World>, id: i32) {
    spawn_local(async move {
        while world.state(id) == State::Stopping && !world.winds_up() {
            sleep(Duration::from_millis(100)).await;
        }
        world.start(id);
    });
}
