//! The faults: what each breaks, for how long, and how it is made whole again.
//!
//! Always holds: a fault leaves the network, the disks and the clock of the machine as it found them; which nodes run is for `World::settle`
//! to put right. Must never: hurt more than its name says (what is expected of the cluster meanwhile depends on it).

use std::time::{Duration, Instant};

use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::messages::ProduceRequest;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::types::{LeaderEpoch, Millis, Offset, Records};
use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::load::{PARTITIONS, PROBE, Sent, TOPIC};
use crate::moves;
use crate::node::{NODES, receive, send};
use crate::world::{GOES_ON, World};

/// What a fault needs of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Net,
    Disk,
}

pub struct Fault {
    pub name: &'static str,
    /// Rows of docs/FAULTS.md.
    pub rows: &'static str,
    pub needs: Needs,
    pub run: fn(&mut World) -> Result<()>,
}

const fn fault(
    name: &'static str,
    rows: &'static str,
    needs: Needs,
    run: fn(&mut World) -> Result<()>,
) -> Fault {
    Fault {
        name,
        rows,
        needs,
        run,
    }
}

use Needs::{Disk, Net, Nothing};

pub const FAULTS: &[Fault] = &[
    fault("kill-leader", "P1 R1 R3", Nothing, |w| {
        kill_one(w, World::a_leader)
    }),
    fault("kill-follower", "P2", Nothing, |w| {
        kill_one(w, World::a_follower)
    }),
    fault("kill-controller", "P3", Nothing, |w| {
        kill_one(w, World::controller)
    }),
    fault("kill-coordinator", "G2 G4", Nothing, |w| {
        kill_one(w, World::coordinator)
    }),
    fault("kill-two", "P1 R7", Nothing, kill_two),
    fault("kill-all", "P4 R2", Nothing, kill_all),
    fault("kill-often", "P8 R6 R11", Nothing, kill_often),
    fault("kill-in-recovery", "P11", Nothing, kill_in_recovery),
    fault("kill-in-move", "R14", Nothing, moves::kill_in_move),
    fault("pause-leader", "P5 R4 R12", Nothing, |w| {
        pause(w, World::a_leader)
    }),
    fault("pause-controller", "P6", Nothing, |w| {
        pause(w, World::controller)
    }),
    fault("pause-short", "P7", Nothing, pause_short),
    fault("rolling-restart", "P10 G2", Nothing, rolling),
    fault("new-disk", "S25 R15", Nothing, new_disk),
    fault("cut-leader", "N1", Net, cut_leader),
    fault("cut-replication", "N2", Net, cut_replication),
    fault("cut-one-way", "N3", Net, cut_one_way),
    fault("cut-controller", "N4", Net, cut_controller),
    fault("vanish", "N7", Net, vanish),
    fault("loss", "N5 N8 N9", Net, loss),
    fault("slow-link", "N6", Net, slow_link),
    fault("power-one", "S23", Disk, power_one),
    fault("power-all", "S24 R2", Disk, power_all),
    fault("disk-full", "S10 S11 S12", Disk, disk_full),
    fault("disk-error", "S14", Disk, |w| disk_dies(w, false)),
    fault("disk-read-only", "S18", Disk, |w| disk_dies(w, true)),
];

fn secs(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

fn kill_one(w: &mut World, which: fn(&mut World) -> Result<usize>) -> Result<()> {
    let node = which(w)?;
    w.kill(node)?;
    w.goes_on(1.0)?;
    w.start(node)
}

fn kill_two(w: &mut World) -> Result<()> {
    let first = w.a_leader()?;
    let second = (first + 1 + w.chance.below(2)) % NODES;
    w.kill(first)?;
    w.hold_some(0.0, 0.3, 4);
    w.kill(second)?;
    w.hold(1.5);
    w.start(second)?;
    w.hold_some(0.0, 0.3, 4);
    w.start(first)
}

fn kill_all(w: &mut World) -> Result<()> {
    let mut order = [0, 1, 2];
    w.chance.shuffle(&mut order);
    for node in order {
        w.kill(node)?;
    }
    w.hold(0.5);
    w.chance.shuffle(&mut order);
    for node in order {
        w.start(node)?;
        w.hold_some(0.0, 0.2, 4);
    }
    Ok(())
}

fn kill_often(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    for _ in 0..6 {
        w.kill(node)?;
        w.start(node)?;
        w.hold_some(0.5, 0.5, 4);
    }
    w.goes_on(0.0)
}

fn kill_in_recovery(w: &mut World) -> Result<()> {
    let node = w.a_follower()?;
    for _ in 0..6 {
        w.kill(node)?;
        w.start(node)?;
        w.hold_some(0.02, 0.02, 20);
    }
    w.kill(node)?;
    w.goes_on(0.0)?;
    w.start(node)
}

/// A zombie: it is not to acknowledge, as the leader that it was, what is asked of it before and after it wakes up.
fn pause(w: &mut World, which: fn(&mut World) -> Result<usize>) -> Result<()> {
    let node = which(w)?;
    let partition = w.led_by(node)?;
    w.signal(node, Signal::STOP)?;
    let long = 3.0 + w.chance.below(6) as f64;
    w.say(&format!("for {long} s"));
    let asked = partition.map(|p| Probe::send(w, node, p)).transpose()?;
    w.goes_on(long)?;
    w.signal(node, Signal::CONT)?;
    if let Some(probe) = asked {
        probe.told(w)?;
    }
    Ok(())
}

/// Pauses that are shorter than any session: nobody may take them for a death.
fn pause_short(w: &mut World) -> Result<()> {
    let node = w.a_follower()?;
    let before = w.leaders()?;
    let (controller, _) = w.quorum()?;
    // The other voters give a silent controller a second, the controller a silent broker two.
    let long = if controller == node as i32 { 0.4 } else { 0.8 };
    for _ in 0..5 {
        w.signal(node, Signal::STOP)?;
        w.hold(long);
        w.signal(node, Signal::CONT)?;
        w.hold(1.0);
    }
    w.goes_on(0.0)?;
    let after = w.leaders()?;
    let moved = before
        .iter()
        .filter(|(key, led)| after.get(*key).is_none_or(|now| now.epoch != led.epoch))
        .count();
    // No verdict: on a machine that is busy elsewhere a pause may be longer than it was meant.
    w.say(&format!("{moved} of {} leaderships moved", before.len()));
    Ok(())
}

fn rolling(w: &mut World) -> Result<()> {
    let mut order = [0, 1, 2];
    w.chance.shuffle(&mut order);
    for node in order {
        let took = w.stop(node)?;
        w.say(&format!("it stopped in {:.2} s", took.as_secs_f64()));
        w.hold(0.5);
        w.start(node)?;
        w.in_sync()?;
    }
    w.goes_on(0.0)
}

fn new_disk(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    w.kill(node)?;
    let data = w.place.data(node);
    std::fs::remove_dir_all(&data)?;
    w.say("its data is gone");
    w.goes_on(0.5)?;
    w.start(node)
}

fn drop_all(addresses: &[String], side: &str) -> Vec<String> {
    addresses
        .iter()
        .map(|a| format!("ip {side} {a} drop"))
        .collect()
}

fn peers(w: &World, node: usize) -> Vec<String> {
    (0..NODES)
        .filter(|n| *n != node)
        .map(|n| w.place.address(n).to_owned())
        .collect()
}

/// Cuts a node off from the other two; clients still reach it.
fn cut_off(w: &mut World, node: usize) -> Result<()> {
    let peers = peers(w, node);
    w.say(&format!("node {node} is cut off from the other nodes"));
    w.place
        .rules(node, &drop_all(&peers, "saddr"), &drop_all(&peers, "daddr"))
}

fn heal(w: &mut World, node: usize) -> Result<()> {
    w.say(&format!("node {node} has its network back"));
    w.place.rules(node, &[], &[])
}

/// The others lead, and acknowledge what they are sent. Asked without the load's clients: librdkafka asks the node that it talks to most
/// who leads, and so stays with one that was cut off and does not know any better.
fn others_go_on(w: &mut World, cut: usize, at_least: f64) -> Result<()> {
    let start = Instant::now();
    let mut waiting: Vec<i32> = (0..PARTITIONS).collect();
    while let Some(partition) = waiting.last().copied() {
        anyhow::ensure!(
            start.elapsed() < GOES_ON,
            "without node {cut} partitions {waiting:?} acknowledge nothing; leaders: {:?}",
            w.leaders()?
        );
        let led = w.leaders()?.remove(&(TOPIC.to_owned(), partition));
        let leader = led.and_then(|led| usize::try_from(led.leader).ok());
        let probe = match leader.filter(|leader| *leader != cut) {
            Some(leader) => Probe::send(w, leader, partition).ok(),
            None => None,
        };
        let yes = match probe {
            Some(probe) => probe.told(w)?,
            None => false,
        };
        if yes {
            waiting.pop();
        } else {
            w.hold(0.1);
        }
    }
    let took = start.elapsed().as_secs_f64();
    w.say(&format!(
        "the others acknowledged for all partitions after {took:.1} s"
    ));
    w.hold((at_least - took).max(0.0));
    Ok(())
}

fn cut_leader(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    let partition = w.led_by(node)?;
    cut_off(w, node)?;
    let probe = partition.map(|p| Probe::send(w, node, p)).transpose()?;
    others_go_on(w, node, 4.0)?;
    if let Some(probe) = probe {
        probe.told(w)?;
    }
    // What comes when the others have long moved on.
    let late = partition.map(|p| Probe::send(w, node, p)).transpose()?;
    w.hold(1.0);
    heal(w, node)?;
    if let Some(probe) = late {
        probe.told(w)?;
    }
    Ok(())
}

/// The node has its network back. How many terms the quorum has spent on the cut and on the way back is logged: without elections that
/// follow each other there are few.
fn heal_and_count_terms(w: &mut World, node: usize, before: i32) -> Result<()> {
    heal(w, node)?;
    w.hold(1.0);
    let (_, now) = w.quorum()?;
    w.say(&format!("the quorum went from term {before} to {now}"));
    Ok(())
}

fn cut_controller(w: &mut World) -> Result<()> {
    let node = w.controller()?;
    let (_, term) = w.quorum()?;
    cut_off(w, node)?;
    others_go_on(w, node, 4.0)?;
    heal_and_count_terms(w, node, term)
}

/// Only what brokers say to each other is lost; the controller is reached. It stands still where the node leads: what it is sent is not
/// acknowledged, neither while its followers still count nor when they are out of the ISR.
fn cut_replication(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    let rules: Vec<String> = peers(w, node)
        .iter()
        .flat_map(|a| {
            [
                format!("ip saddr {a} tcp dport 9092 drop"),
                format!("ip saddr {a} tcp sport 9092 drop"),
            ]
        })
        .collect();
    w.say(&format!(
        "node {node} and its followers do not reach each other, all reach the controller"
    ));
    let partition = w.led_by(node)?;
    w.place.rules(node, &rules, &[])?;
    let cut = Instant::now();
    for at in [0.0, 7.0] {
        w.hold((at - cut.elapsed().as_secs_f64()).max(0.0));
        let probe = partition.map(|p| Probe::send(w, node, p)).transpose()?;
        let yes = match probe {
            Some(probe) => probe.told(w)?,
            None => false,
        };
        anyhow::ensure!(
            !yes,
            "node {node} acknowledged what no follower can have fetched"
        );
    }
    w.hold((8.0 - cut.elapsed().as_secs_f64()).max(0.0));
    heal(w, node)
}

fn cut_one_way(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    let (_, term) = w.quorum()?;
    let peers = drop_all(
        &peers(w, node),
        if w.chance.below(2) == 0 {
            "daddr"
        } else {
            "saddr"
        },
    );
    let outward = peers[0].contains("daddr");
    w.say(&format!(
        "node {node} {} the other nodes",
        if outward {
            "does not reach"
        } else {
            "is not reached by"
        }
    ));
    let (input, output) = if outward {
        (Vec::new(), peers)
    } else {
        (peers, Vec::new())
    };
    w.place.rules(node, &input, &output)?;
    others_go_on(w, node, 5.0)?;
    heal_and_count_terms(w, node, term)
}

/// Gone from the network without a word, for clients too; connections stay half open.
fn vanish(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    w.say(&format!("node {node} vanishes"));
    w.place.rules(node, &["drop".into()], &["drop".into()])?;
    w.goes_on(4.0)?;
    heal(w, node)
}

fn loss(w: &mut World) -> Result<()> {
    w.say("a fifth of all packets is lost");
    for node in 0..NODES {
        w.place
            .rules(node, &["numgen random mod 100 < 20 drop".into()], &[])?;
    }
    w.hold(8.0);
    for node in 0..NODES {
        heal(w, node)?;
    }
    Ok(())
}

fn slow_link(w: &mut World) -> Result<()> {
    let node = w.a_follower()?;
    w.say(&format!("node {node} is reached by 1 Mbit/s"));
    w.place.slow_link(node, 1000)?;
    w.hold(10.0);
    w.place.slow_link(node, 0)
}

fn power_one(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    w.cut_power(&[node])?;
    w.goes_on(1.0)?;
    w.start(node)
}

fn power_all(w: &mut World) -> Result<()> {
    w.cut_power(&[0, 1, 2])?;
    w.hold(0.5);
    let mut order = [0, 1, 2];
    w.chance.shuffle(&mut order);
    for node in order {
        w.start(node)?;
        w.hold_some(0.0, 0.3, 4);
    }
    Ok(())
}

fn disk_full(w: &mut World) -> Result<()> {
    let node = w.a_leader()?;
    w.say(&format!("node {node}'s disk is full"));
    w.place.fill(node)?;
    // It keeps its leaderships: what it leads stands still until there is room.
    w.hold(8.0);
    w.place.free(node)?;
    w.say(&format!("node {node}'s disk has room again"));
    w.goes_on(0.0)
}

/// Every access fails from some moment on, or every write. The node has to give the directory up, and the others go on.
fn disk_dies(w: &mut World, reads_on: bool) -> Result<()> {
    let node = w.a_leader()?;
    if reads_on {
        w.say(&format!("node {node}'s disk turns read-only"));
        w.place.read_only(node)?;
    } else {
        w.say(&format!("node {node}'s disk fails"));
        w.place.cut_power(node)?;
    }
    w.goes_on(3.0)?;
    // The medium is exchanged for what is left of it.
    w.kill(node)?;
    w.place.unmount(node)?;
    w.place.mount(node)?;
    w.start(node)
}

/// One record with acks=all, sent to one node, whoever leads; it is not sent again. If it is acknowledged it counts.
struct Probe {
    node: usize,
    partition: i32,
    sent: Sent,
    asked: Instant,
    socket: std::net::TcpStream,
}

/// The newest version that names topics, not their ids.
const PRODUCE: i16 = 12;

impl Probe {
    fn send(w: &mut World, node: usize, partition: i32) -> Result<Probe> {
        let sent = Sent {
            producer: PROBE,
            number: w.probes,
        };
        w.probes += 1;
        let mut batch = BatchBuilder::new(Codec::None, TimestampType::Create);
        let now = std::time::UNIX_EPOCH.elapsed()?.as_millis() as i64;
        batch.push(Millis(now), None, Some(sent.value(10).as_bytes()), &[]);
        let records = Some(Records::Bytes(batch.build(Offset(0), LeaderEpoch(-1))));
        let data = PartitionProduceData {
            index: partition,
            records,
        };
        let topic = TopicProduceData {
            name: TOPIC.into(),
            partition_data: vec![data],
            ..Default::default()
        };
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 3000,
            topic_data: vec![topic],
            ..Default::default()
        };
        let socket = send(&w.place.broker(node), &request, PRODUCE).context("a probe")?;
        Ok(Probe {
            node,
            partition,
            sent,
            asked: Instant::now(),
            socket,
        })
    }

    /// Waits for the answer. One that says yes is held against the log by the next check.
    fn told(self, w: &mut World) -> Result<bool> {
        debug_assert!((0..PARTITIONS).contains(&self.partition));
        let mut yes = false;
        let told = match receive::<ProduceRequest>(self.socket, PRODUCE, secs(8.0)) {
            Err(e) => format!("no answer ({e})"),
            Ok(answer) => {
                let p = answer
                    .responses
                    .first()
                    .and_then(|t| t.partition_responses.first())
                    .context("an answer for the partition")?;
                yes = p.error_code == 0;
                if yes {
                    w.load.shared.lock().expect("no panic").ack(
                        self.partition,
                        p.base_offset,
                        self.sent,
                    );
                    format!("acknowledged at offset {}", p.base_offset)
                } else {
                    format!("error {}", p.error_code)
                }
            }
        };
        let Probe {
            node,
            partition,
            asked,
            ..
        } = self;
        w.say(&format!("a record sent to node {node} for partition {partition}, which it led: {told} after {:.1} s", asked.elapsed().as_secs_f64()));
        Ok(yes)
    }
}
