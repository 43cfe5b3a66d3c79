//! Faults of several steps, each along the course of a bug that this field has known: at random such steps meet too rarely.
//!
//! Always holds: each step is one that `nemesis` takes too, every wait has an end, and what was broken is mended. Must never: look into
//! a node for anything but the moment to strike.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use airis_cluster::metadata::PartitionImage;
use airis_protocol::batch::BatchBytes;
use airis_protocol::types::{LeaderEpoch, NodeId};
use airis_storage::Disk;
use airis_storage::disk::faulty::FaultyDisk;
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use crate::chance::Dice;
use crate::check;
use crate::client::Client;
use crate::nemesis::{crash, elect, later, leader, reassign, restart_when_down};
use crate::trace::fault;
use crate::world::{DATA, End, PARTITIONS, State, TOPIC, World};

const VOTERS: i32 = 3;

/// Asks once a millisecond whether something holds. False: it did not within the time.
async fn until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !holds() {
        if Instant::now() >= end {
            return false;
        }
        sleep(Duration::from_millis(1)).await;
    }
    true
}

fn ms(dice: &mut Dice, low: u64, high: u64) -> Duration {
    Duration::from_millis(dice.between(low, high))
}

fn runs(world: &World, id: i32) -> bool {
    world.state(id) == State::Runs
}

/// A partition of the topic, as the newest metadata have it.
fn partition(world: &World, index: i32) -> Option<PartitionImage> {
    let image = check::newest(world)?;
    let p = image.topic(TOPIC)?.partitions.get(index as usize).cloned();
    p.map(|p| PartitionImage::clone(&p))
}

fn in_isr(world: &World, index: i32, id: i32) -> bool {
    partition(world, index).is_some_and(|p| p.isr.contains(&NodeId(id)))
}

fn slow(world: &World, from: i32, to: i32, more: Duration) {
    let more = more.as_millis() as u64;
    world.slow.lock().insert((from as u32, to as u32), more);
}

fn cut(world: &World, a: i32, b: i32) {
    world.fabric.cut(a as u32, b as u32);
    world.fabric.cut(b as u32, a as u32);
}

fn mend(world: &World, a: i32, b: i32) {
    world.fabric.mend(a as u32, b as u32);
    world.fabric.mend(b as u32, a as u32);
    let mut slow = world.slow.lock();
    slow.remove(&(a as u32, b as u32));
    slow.remove(&(b as u32, a as u32));
}

/// A leader ends at the very moment at which a client hears from it that something is there.
pub async fn at_ack(world: &Rc<World>, dice: &mut Dice, back_after: Duration) {
    let Some(id) = leader(world, dice).filter(|id| runs(world, *id)) else {
        return;
    };
    let others: Vec<_> = world.ids().into_iter().filter(|o| *o != id).collect();
    if dice.chance(60) {
        let more = ms(dice, 20, 300);
        fault(format_args!(
            "what {id} sends to the others takes {more:?} more"
        ));
        for other in &others {
            slow(world, id, *other, more);
        }
    }
    if dice.chance(30) {
        let more = dice.between(20, 300);
        fault(format_args!("the disk of {id} takes {more} ms more"));
        world.slow_disks.lock().insert(id, more);
    }
    let heard = timeout(Duration::from_secs(3), async {
        loop {
            world.acks.notified().await;
            if world.acked_by.get() == Some(id) {
                break;
            }
        }
    });
    if heard.await.is_ok() {
        let end = match world.may_lose(id) {
            true => End::Unplugged,
            false => End::Killed,
        };
        crash(world, id, end, back_after);
    }
    world.slow_disks.lock().remove(&id);
    for other in others {
        mend(world, id, other);
    }
}

/// The leadership goes to a replica that the leader cannot see, and back before the two have spoken (KIP-279).
pub async fn flap(world: &Rc<World>, dice: &mut Dice, admin: &mut Client, back_after: Duration) {
    let index = dice.below(PARTITIONS as u64) as i32;
    let Some(p) = partition(world, index).filter(|p| p.isr.len() == 3) else {
        return;
    };
    let Some(old) = p.leader else { return };
    let others: Vec<_> = p.isr.iter().copied().filter(|id| *id != old).collect();
    let new = *dice.pick(&others).expect("two are left");
    let third = *others.iter().find(|id| **id != new).expect("one is left");
    let (old, new, third) = (old.0, new.0, third.0);
    fault(format_args!(
        "{old} and {new} are cut; partition {index} is to be led by {new}, and then by {old} again"
    ));
    cut(world, old, new);
    sleep(ms(dice, 50, 400)).await;
    reassign(admin, third, index, &[new, old, third]).await;
    elect(admin, third).await;
    sleep(ms(dice, 20, 300)).await;
    crash(world, new, End::Killed, back_after);
    sleep(ms(dice, 0, 400)).await;
    mend(world, old, new);
}

/// A replica catches up, and loses its last records before the controller hears that it has them (KIP-903).
pub async fn join(world: &Rc<World>, dice: &mut Dice) {
    let index = dice.below(PARTITIONS as u64) as i32;
    let Some(p) = partition(world, index) else {
        return;
    };
    let Some(NodeId(leader)) = p.leader else {
        return;
    };
    let followers: Vec<_> = p.replicas.iter().filter(|r| r.0 != leader).collect();
    let Some(NodeId(id)) = dice.pick(&followers).copied().copied() else {
        return;
    };
    let controller = world.ids().into_iter().find(|id| {
        world
            .node(*id)
            .is_some_and(|n| n.meta.leadership().borrow().active)
    });
    let Some(controller) = controller.filter(|c| *c != leader && *c != id) else {
        return;
    };
    if !runs(world, id) || !runs(world, leader) {
        return;
    }
    crash(world, id, End::Killed, ms(dice, 20, 300));
    let patience = Duration::from_secs(5);
    if !until(patience, || !in_isr(world, index, id)).await {
        return;
    }
    let more = ms(dice, 300, 3_000);
    fault(format_args!("{leader} to {controller} takes {more:?} more"));
    slow(world, leader, controller, more);
    let end_of = |id: i32| {
        let node = world.node(id)?;
        let topic = airis_protocol::types::PartitionId(index);
        let partition = node.partitions.by_name(TOPIC, topic).ok()?;
        let leads = partition.leader().0;
        Some((partition.log().end(), leads))
    };
    let caught_up = until(patience, || {
        let (own, its) = (end_of(id), end_of(leader));
        own.is_some() && own == its
    });
    if caught_up.await {
        sleep(ms(dice, 0, 100)).await;
        if world.may_lose(id) && runs(world, id) {
            // Its next run is up before it has the records again.
            slow(world, leader, id, more + Duration::from_secs(1));
            crash(world, id, End::Panicked, ms(dice, 20, 100));
            sleep(more + Duration::from_secs(1)).await;
        }
    }
    mend(world, leader, controller);
    mend(world, leader, id);
}

/// A voter loses its power as soon as the one that it has voted for leads, and is asked for its vote again.
pub async fn vote(world: &Rc<World>, dice: &mut Dice) {
    let leads = |id: &i32| {
        let node = world.node(*id)?;
        let now = *node.meta.leadership().borrow();
        (now.leader == Some(NodeId(*id))).then_some(now.epoch)
    };
    let first = (1..=VOTERS).find_map(|id| Some((id, leads(&id)?)));
    let Some((old, LeaderEpoch(term))) = first.filter(|(id, _)| runs(world, *id)) else {
        return;
    };
    let back_after = ms(dice, 500, 1_500);
    crash(world, old, End::Killed, Duration::from_secs(8));
    let mut new = None;
    let elected = until(Duration::from_secs(5), || {
        new = (1..=VOTERS).find(|id| leads(id).is_some_and(|e| e.0 > term));
        new.is_some()
    });
    if !elected.await {
        world.start(old);
        return;
    }
    let new = new.expect("one was found");
    let voter = (1..=VOTERS)
        .find(|id| *id != new && *id != old)
        .expect("there are three");
    fault(format_args!("{new} leads the quorum, and is cut off"));
    for id in world.ids().into_iter().filter(|id| *id != new) {
        cut(world, id, new);
    }
    if world.may_lose(voter) {
        crash(world, voter, End::Panicked, ms(dice, 20, 400));
    }
    world.start(old);
    sleep(back_after + Duration::from_secs(2)).await;
    for id in world.ids().into_iter().filter(|id| *id != new) {
        mend(world, id, new);
    }
}

/// The replicas of a partition end one after the other, and the first that comes back has not everything (KIP-966).
pub async fn dwindle(world: &Rc<World>, dice: &mut Dice) {
    let index = dice.below(PARTITIONS as u64) as i32;
    let Some(p) = partition(world, index).filter(|p| p.isr.len() == 3) else {
        return;
    };
    let Some(NodeId(leader)) = p.leader else {
        return;
    };
    // The quorum has to see two of them go: one that has no vote goes second.
    let mut others: Vec<i32> = p.isr.iter().map(|r| r.0).filter(|r| *r != leader).collect();
    others.sort_unstable();
    let (first, second) = (others[0], others[1]);
    if ![leader, first, second].iter().all(|id| runs(world, *id)) || leader > VOTERS {
        return;
    }
    fault(format_args!(
        "{first}, {second} and the leader {leader} of partition {index} end one after the other"
    ));
    let long = Duration::from_secs(30);
    crash(world, first, End::Killed, long);
    until(Duration::from_secs(3), || !in_isr(world, index, first)).await;
    sleep(ms(dice, 50, 500)).await;
    let end = match world.may_lose(second) {
        true => End::Panicked,
        false => End::Killed,
    };
    crash(world, second, end, long);
    until(Duration::from_secs(3), || !in_isr(world, index, second)).await;
    sleep(ms(dice, 0, 300)).await;
    crash(world, leader, End::Killed, long);
    sleep(ms(dice, 0, 300)).await;
    world.start(first);
    world.start(second);
    sleep(ms(dice, 500, 5_000)).await;
    world.start(leader);
}

/// A byte goes bad on the disk of a node that is down, amid what the other replicas have as well.
pub async fn rot(world: &Rc<World>, dice: &mut Dice, id: i32, back_after: Duration) {
    let index = dice.below(PARTITIONS as u64) as i32;
    let all = partition(world, index).is_some_and(|p| {
        p.isr.len() == 3 && p.isr.contains(&NodeId(id)) && p.isr.iter().all(|r| runs(world, r.0))
    });
    if !all || !world.may_rot(id) {
        return;
    }
    if dice.chance(50) {
        crash(world, id, End::Killed, back_after);
        spoil(world, dice, id, index);
        return;
    }
    fault(format_args!(
        "node {id} is told to stop, comes back after {back_after:?}"
    ));
    world.stop(id);
    if until(Duration::from_secs(5), || world.state(id) == State::Down).await {
        spoil(world, dice, id, index);
    }
    let w = world.clone();
    later(back_after, move || restart_when_down(w, id));
}

/// Flips a bit of a batch that is committed, flushed, and not the last: at the very end it could not be told from one that a crash tore.
/// Not in its leader epoch, which no checksum covers.
fn spoil(world: &World, dice: &mut Dice, id: i32, index: i32) {
    let topic = check::newest(world).and_then(|image| Some(image.topic(TOPIC)?.id));
    let Some(topic) = topic else { return };
    let key = (topic, index);
    let disk = world.disk(id);
    let safe = recovery_point(&disk, index).min(world.model.borrow_mut().log(key).end());
    let dir = PathBuf::from(format!("{DATA}/{TOPIC}-{index}"));
    let mut batches = Vec::new();
    for entry in disk.list(&dir).unwrap_or_default() {
        let path = dir.join(&entry.name);
        if !entry.name.ends_with(".log") {
            continue;
        }
        let mut rest = Bytes::from(disk.read_to_end(&path).unwrap_or_default());
        let mut at = 0;
        let mut before = None;
        while let Ok((batch, after)) = BatchBytes::parse(rest) {
            if batch.header().next_offset().0 > safe {
                break;
            }
            let size = batch.bytes().len() as u64;
            batches.extend(before.replace((path.clone(), at, size)));
            at += size;
            rest = after;
        }
    }
    batches.sort_unstable();
    let Some((path, at, size)) = dice.pick(&batches).cloned() else {
        return;
    };
    let within = dice.below(size - 4);
    let within = if within < 12 { within } else { within + 4 };
    world.spoil(id, key, path, at + within, dice.below(8) as u8);
}

/// Up to where a node knows its log to be on stable storage.
fn recovery_point(disk: &FaultyDisk, index: i32) -> i64 {
    let path = format!("{DATA}/recovery-point-offset-checkpoint");
    let bytes = disk.read_to_end(path.as_ref()).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let wanted = format!("{TOPIC} {index} ");
    let point = text.lines().find_map(|line| line.strip_prefix(&wanted));
    point.and_then(|point| point.parse().ok()).unwrap_or(0)
}
