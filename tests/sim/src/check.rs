//! What must hold after every event.
//!
//! Always holds: it looks at each node through the same doors as the node itself, and changes nothing. Must never: ask of a node
//! what only a later event can make true.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use airis_broker::sim::{Node, Partition};
use airis_cluster::metadata::{Image, PartitionImage};
use airis_protocol::batch::{BatchBytes, BatchHeader};
use airis_protocol::types::{LeaderEpoch, NodeId, Offset, Uuid};
use airis_storage::disk::faulty::FaultyDisk;
use airis_storage::{Disk, OpenMode, ReadError};
use bytes::Bytes;
use tokio::time::{Instant, sleep};

use crate::model::{Key, Model, Seen};
use crate::trace::{self, fail};
use crate::world::{SINGLE, TOPIC, World};

/// Metadata logs are compared this often.
const METADATA_EVERY: Duration = Duration::from_millis(500);
/// ISRs are compared with logs this often: what is wrong with one stays so for longer.
const ISR_EVERY: Duration = Duration::from_millis(5);
/// The metadata log, among the others.
const METADATA: Key = (Uuid(1), 0);

/// What was seen of one node's partition, for as long as it is open.
#[derive(Clone, Default)]
struct Before {
    partition: Weak<Partition>,
    high_watermark: i64,
    /// Compared up to here.
    compared: i64,
    leads: Option<LeaderEpoch>,
}

type Befores = BTreeMap<(i32, Key), Before>;

pub async fn run(world: Rc<World>) {
    let mut befores = Befores::new();
    let (mut compare_at, mut isr_at) = (Instant::now(), Instant::now());
    let mut compared = Compared::new();
    loop {
        world.happened.notified().await;
        let newest = newest(&world);
        for id in world.ids() {
            let Some(node) = world.node(id) else { continue };
            term(&world, &node);
            for partition in node.partitions.all() {
                let key = (partition.topic_id, partition.index.0);
                let before = befores.entry((id, key)).or_default();
                if before.partition.as_ptr() != Arc::as_ptr(&partition) {
                    *before = Before {
                        partition: Arc::downgrade(&partition),
                        ..Before::default()
                    };
                }
                look(&world, id, &node, &partition, before);
            }
        }
        if let Some(image) = newest
            && Instant::now() >= isr_at
        {
            isr_at = Instant::now() + ISR_EVERY;
            isr(&world, &image);
        }
        if Instant::now() >= compare_at {
            compare_at = Instant::now() + METADATA_EVERY;
            metadata(&world, &mut compared);
        }
    }
}

/// One node leads the metadata quorum in a term.
fn term(world: &World, node: &Node) {
    let now = *node.meta.leadership().borrow();
    if now.leader == Some(node.id) {
        let mut model = world.model.borrow_mut();
        let first = *model.terms.entry(now.epoch.0).or_insert(node.id.0);
        if first != node.id.0 {
            fail(format_args!(
                "nodes {first} and {} both lead the metadata quorum in term {}",
                node.id, now.epoch
            ));
        }
    }
}

/// The image with the most in it that was ever seen.
pub fn newest(world: &World) -> Option<Arc<Image>> {
    let nodes = world.ids().into_iter().filter_map(|id| world.node(id));
    let seen = nodes
        .map(|n| n.meta.image())
        .max_by_key(|i| i.position.offset);
    let mut newest = world.newest.borrow_mut();
    if let Some(seen) = seen
        && newest
            .as_ref()
            .is_none_or(|n| n.position.offset < seen.position.offset)
    {
        for topic in seen.topics() {
            for (i, p) in topic.partitions.iter().enumerate() {
                let before = newest.as_ref().and_then(|n| n.topic_by_id(topic.id));
                let before = before.and_then(|t| t.partitions.get(i));
                if before.is_none_or(|b| b.partition_epoch != p.partition_epoch) {
                    let ids = |all: &[NodeId]| all.iter().map(|id| id.0).collect::<Vec<_>>();
                    trace::note(format_args!(
                        "{}-{i}: leader {:?} epoch {} isr {:?} elr {:?}",
                        topic.name,
                        p.leader.map(|l| l.0),
                        p.leader_epoch,
                        ids(&p.isr),
                        ids(&p.elr),
                    ));
                }
            }
        }
        *newest = Some(seen);
    }
    newest.clone()
}

/// The node that answers for groups, by the newest metadata.
pub fn coordinator(world: &World) -> Option<i32> {
    let image = newest(world)?;
    let topic = image.topic("__consumer_offsets")?;
    topic.partitions.get(0)?.leader.map(|l| l.0)
}

/// Reads whole batches of a node's log, as far as they have not gone bad.
fn batches(
    world: &World,
    id: i32,
    partition: &Partition,
    from: i64,
    to: i64,
    mut see: impl FnMut(&BatchHeader),
) -> i64 {
    let key = (partition.topic_id, partition.index.0);
    let mut at = from;
    while at < to {
        let read = partition.log().read(Offset(at), 1 << 20, Offset(to), true);
        let read = match read {
            Ok(read) => read,
            Err(ReadError::Damaged { .. }) if world.rotten() == Some((id, key)) => break,
            Err(e) => fail(format_args!(
                "{}-{}: offsets {at} to {to} cannot be read: {e}",
                partition.topic, partition.index
            )),
        };
        let mut bytes = Vec::new();
        for range in &read.ranges {
            let mut piece = vec![0; range.len as usize];
            let n = range
                .source
                .read_at(range.position, &mut piece)
                .unwrap_or(0);
            bytes.extend_from_slice(&piece[..n]);
        }
        let mut rest = Bytes::from(bytes);
        let before = at;
        while !rest.is_empty() {
            let (batch, after) = match BatchBytes::parse(rest) {
                Ok(parsed) => parsed,
                Err(e) => fail(format_args!(
                    "{}-{}: a bad batch at offset {at}: {e}",
                    partition.topic, partition.index
                )),
            };
            if batch.header().base_offset >= from && batch.header().base_offset < to {
                see(batch.header());
            }
            at = at.max(batch.header().next_offset().0);
            rest = after;
        }
        if at == before {
            break;
        }
    }
    at
}

fn look(world: &World, id: i32, node: &Node, partition: &Arc<Partition>, before: &mut Before) {
    let key = (partition.topic_id, partition.index.0);
    let name = || format!("{}-{} on node {id}", partition.topic, partition.index);
    let high_watermark = partition.high_watermark().0;
    if high_watermark < before.high_watermark {
        fail(format_args!(
            "{}: the high watermark went back from {} to {high_watermark}",
            name(),
            before.high_watermark
        ));
    }
    before.high_watermark = high_watermark;
    let (leader, epoch) = partition.leader();
    // Until it is registered, and has seen that it is, it serves nobody: what it takes for its part may be another run's.
    let served = node.epoch().0 >= 0 && node.meta.image().position.offset.0 >= node.epoch().0;
    if leader == Some(node.id) && served && before.leads != Some(epoch) {
        before.leads = Some(epoch);
        leads(world, id, partition, epoch);
    }
    let mut model = world.model.borrow_mut();
    let log = model.log(key);
    if before.compared < high_watermark {
        let from = before.compared.max(partition.log().start().0);
        let to = batches(world, id, partition, from, high_watermark, |header| {
            log.committed(&key, header, id);
        });
        before.compared = to;
    }
}

/// A node has come to lead.
fn leads(world: &World, id: i32, partition: &Partition, epoch: LeaderEpoch) {
    let key = (partition.topic_id, partition.index.0);
    let mut model = world.model.borrow_mut();
    match model.leaders.insert((key, epoch.0), id) {
        None => {}
        // It has come back, and knows no newer metadata than its own.
        Some(same) if same == id => return,
        Some(other) => fail(format_args!(
            "{}-{}: nodes {other} and {id} both lead in epoch {epoch}",
            partition.topic, partition.index
        )),
    }
    // One that hears of it so late that others lead by now, or that the topic is gone, promises nothing.
    let newest = newest(world).and_then(|image| partition_of(&image, key));
    if newest.is_none_or(|(_, p)| p.leader_epoch > epoch) {
        return;
    }
    let log = model.log(key);
    let (end, needed) = (partition.log().end().0, log.acked_end());
    if end < needed {
        fail(format_args!(
            "{}-{} ({}): node {id} leads in epoch {epoch} with a log that ends at {end}; acknowledged is everything before {needed}",
            partition.topic, partition.index, partition.topic_id
        ));
    }
    let start = partition.log().start().0;
    batches(world, id, partition, start, log.end(), |header| {
        if header.base_offset < log.end() {
            log.check(&key, Seen::of(header), format_args!("the new leader {id}"));
        }
    });
}

/// What was just acknowledged is in the log of every member of the ISR that runs.
pub fn acked(world: &World, key: Key, base: i64) {
    let Some(image) = newest(world) else { return };
    let Some((topic, p)) = partition_of(&image, key) else {
        return;
    };
    for member in &p.isr {
        if let Some(partition) = member_of(world, &image, &topic, key, member.0)
            && partition.log().end().0 <= base
        {
            fail(format_args!(
                "{topic}-{}: offset {base} was acknowledged, and node {member} of the ISR {:?} ends at {}",
                key.1,
                p.isr,
                partition.log().end()
            ));
        }
    }
}

fn partition_of(image: &Image, key: Key) -> Option<(String, PartitionImage)> {
    let topic = image.topic_by_id(key.0)?;
    let p = topic.partitions.get(key.1 as usize)?;
    Some((topic.name.to_string(), PartitionImage::clone(p)))
}

/// The replica of a broker that runs and is the one that the metadata means.
fn member_of(
    world: &World,
    image: &Image,
    topic: &str,
    key: Key,
    id: i32,
) -> Option<Arc<Partition>> {
    replica_of(world, image, topic, key, id)
        .filter(|_| image.broker(NodeId(id)).is_some_and(|b| !b.fenced))
}

/// The same, fenced or not.
fn replica_of(
    world: &World,
    image: &Image,
    topic: &str,
    key: Key,
    id: i32,
) -> Option<Arc<Partition>> {
    let node = world.node(id)?;
    if image.broker(node.id)?.epoch != node.epoch() {
        return None;
    }
    let partition = node
        .partitions
        .by_name(topic, airis_protocol::types::PartitionId(key.1));
    partition.ok().filter(|p| p.topic_id == key.0)
}

/// Members of an ISR, and whoever is eligible to lead, have everything that is committed. Whether it is on stable storage, power cuts tell.
fn isr(world: &World, image: &Image) {
    let mut model = world.model.borrow_mut();
    for topic in image.topics() {
        for (i, p) in topic.partitions.iter().enumerate() {
            let key = (topic.id, i as i32);
            let committed = model.log(key).end();
            for member in &p.isr {
                // KIP-841: whoever is fenced is taken out in the same step.
                if image.broker(*member).is_none_or(|b| b.fenced) {
                    fail(format_args!(
                        "{}-{i}: node {member} is in the ISR {:?} and fenced",
                        topic.name, p.isr
                    ));
                }
                let Some(partition) = member_of(world, image, &topic.name, key, member.0) else {
                    continue;
                };
                let has = partition.log().end();
                if has.0 < committed {
                    fail(format_args!(
                        "{}-{i}: node {member} is in the ISR {:?} and has everything before {has}; committed is {committed}",
                        topic.name, p.isr
                    ));
                }
            }
            // KIP-966: what is committed while the ISR is too small is nothing.
            for member in &p.elr {
                let replica = replica_of(world, image, &topic.name, key, member.0);
                let Some(end) = replica.map(|p| p.log().end().0) else {
                    continue;
                };
                if end < committed {
                    fail(format_args!(
                        "{}-{i}: node {member} is eligible to lead (ISR {:?}, ELR {:?}) and has everything before {end}; committed is {committed}",
                        topic.name, p.isr, p.elr
                    ));
                }
            }
        }
    }
}

/// How far each file of a metadata log was compared, by node, run of its process, and name.
type Compared = BTreeMap<(i32, u64, String), (u64, i64)>;

/// The metadata logs are the same as far as they go, and so are snapshots of the same end.
fn metadata(world: &World, compared: &mut Compared) {
    let dir = Path::new("/data/__cluster_metadata-0");
    for id in world.ids() {
        let disk = world.disk(id);
        let run = world.machines.borrow()[id as usize - 1].run;
        let Ok(entries) = disk.list(dir) else {
            continue;
        };
        let mut names: Vec<_> = entries.into_iter().map(|e| e.name).collect();
        names.sort_unstable();
        let mut model = world.model.borrow_mut();
        for name in names.iter().filter(|n| n.ends_with(".checkpoint")) {
            if compared.insert((id, run, name.clone()), (0, 0)).is_none() {
                snapshot(&mut model, &disk, id, &dir.join(name));
            }
        }
        names.retain(|n| n.ends_with(".log"));
        let log = model.log(METADATA);
        for name in names {
            let path = dir.join(&name);
            let base = name.trim_end_matches(".log").parse().unwrap_or(0);
            let (at, next) = compared.entry((id, run, name)).or_insert((0, base));
            let len = disk.len(&path).ok().flatten().unwrap_or(0);
            let Ok(file) = disk.open(&path, OpenMode::Read) else {
                continue;
            };
            let mut bytes = vec![0; len.saturating_sub(*at) as usize];
            let _ = file.read_at(*at, &mut bytes);
            let mut rest = Bytes::from(bytes);
            // The end may be torn, until the node has looked at it; so may an offset, which no checksum covers.
            while let Ok((batch, after)) = BatchBytes::parse(rest) {
                let header = batch.header();
                if header.base_offset != *next {
                    break;
                }
                *next = header.next_offset().0;
                if header.base_offset <= log.end() {
                    log.committed(&METADATA, header, id);
                }
                *at += batch.bytes().len() as u64;
                rest = after;
            }
        }
    }
}

fn snapshot(model: &mut Model, disk: &FaultyDisk, id: i32, path: &Path) {
    let len = disk.len(path).ok().flatten().unwrap_or(0);
    let Ok(file) = disk.open(path, OpenMode::Read) else {
        return;
    };
    let mut bytes = vec![0; len as usize];
    let _ = file.read_at(0, &mut bytes);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let first = model.snapshots.entry(name.to_string());
    if *first.or_insert_with(|| bytes.clone()) != bytes {
        fail(format_args!(
            "node {id} has another snapshot {name} than the first that was seen"
        ));
    }
}

/// Waits until every replica of the lasting topics is in sync, and has all that its leader has.
pub async fn in_sync(world: &World) {
    loop {
        if all_in_sync(world) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Whether a node runs and is in the ISR of whatever it has a replica of.
pub fn is_whole(world: &World, id: i32) -> bool {
    let Some(image) = newest(world) else {
        return false;
    };
    let id = NodeId(id);
    image.topics().all(|topic| {
        topic.partitions.iter().enumerate().all(|(i, p)| {
            let key = (topic.id, i as i32);
            !p.replicas.contains(&id)
                || p.isr.contains(&id) && member_of(world, &image, &topic.name, key, id.0).is_some()
        })
    })
}

pub fn all_in_sync(world: &World) -> bool {
    if world.ids().into_iter().any(|id| world.node(id).is_none()) {
        return false;
    }
    let Some(image) = newest(world) else {
        return false;
    };
    [TOPIC, SINGLE, "__consumer_offsets"].iter().all(|name| {
        let Some(topic) = image.topic(name) else {
            return false;
        };
        topic.partitions.iter().enumerate().all(|(i, p)| {
            let key = (topic.id, i as i32);
            let whole = p.isr.len() == p.replicas.len() && p.leader.is_some();
            let ends: Vec<_> = p
                .replicas
                .iter()
                .map(|r| {
                    let partition = member_of(world, &image, name, key, r.0)?;
                    Some((partition.log().end(), partition.high_watermark()))
                })
                .collect();
            whole
                && ends
                    .iter()
                    .all(|e| e.is_some_and(|(end, hw)| end == hw && Some((end, hw)) == ends[0]))
        })
    })
}

/// Everything that was acknowledged is committed, and every replica has it.
pub fn at_the_end(world: &World) {
    metadata(world, &mut Compared::new());
    let image = newest(world).expect("the nodes run");
    let mut model = world.model.borrow_mut();
    let keys: Vec<Key> = model.logs.keys().copied().collect();
    for key in keys {
        let log = model.log(key);
        // A deleted topic's records are gone with it.
        let Some((name, p)) = partition_of(&image, key) else {
            continue;
        };
        log.settled(&key);
        for replica in &p.replicas {
            let partition = member_of(world, &image, &name, key, replica.0);
            let Some(partition) = partition else {
                if name == TOPIC || name == SINGLE {
                    fail(format_args!(
                        "{name}-{}: node {replica} has no replica",
                        key.1
                    ));
                }
                continue;
            };
            let start = partition.log().start().0;
            let end = batches(world, replica.0, &partition, start, log.end(), |header| {
                log.check(
                    &key,
                    Seen::of(header),
                    format_args!("node {replica} at the end"),
                );
            });
            if end < log.end() && (name == TOPIC || name == SINGLE) {
                fail(format_args!(
                    "{name}-{}: node {replica} ends at {end}, committed is {}",
                    key.1,
                    log.end()
                ));
            }
        }
    }
}

/// Where everything stands, for a run that does not come to its end.
pub fn describe(world: &World) -> String {
    let mut text = String::new();
    let image = newest(world);
    for machine in world.machines.borrow().iter() {
        text += &format!(
            "\n  node {}: {:?}{}, run {}",
            machine.id,
            machine.state,
            if machine.paused { ", paused" } else { "" },
            machine.run
        );
    }
    for id in world.ids() {
        if let Some(node) = world.node(id) {
            text += &format!(
                "\n  node {id}: epoch {}, metadata up to {}, {:?}",
                node.epoch(),
                node.meta.image().position.offset,
                *node.meta.leadership().borrow()
            );
            for p in node.partitions.all() {
                text += &format!(
                    "\n    {}-{}: {} to {}, durable {}, high watermark {}, leader {:?}",
                    p.topic,
                    p.index,
                    p.log().start(),
                    p.log().end(),
                    p.log().recovery_point(),
                    p.high_watermark(),
                    p.leader()
                );
            }
        }
    }
    if let Some(image) = image {
        for broker in image.brokers() {
            text += &format!(
                "\n  broker {}: epoch {}, fenced {}, leaving {}",
                broker.id, broker.epoch, broker.fenced, broker.in_controlled_shutdown
            );
        }
        for topic in image.topics() {
            for (i, p) in topic.partitions.iter().enumerate() {
                text += &format!(
                    "\n  {}-{i}: leader {:?} epoch {} replicas {:?} isr {:?} elr {:?} adding {:?} removing {:?}",
                    topic.name,
                    p.leader,
                    p.leader_epoch,
                    p.replicas,
                    p.isr,
                    p.elr,
                    p.adding,
                    p.removing
                );
            }
        }
    }
    text
}
