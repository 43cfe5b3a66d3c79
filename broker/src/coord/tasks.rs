//! What the coordinator does without being asked: taking shards in and giving them up, deadlines, waiting for commits, expiry.
//!
//! Always holds: three tasks, whatever the number of groups; all end when the node stops. Must never: skip a change of leadership
//! (each look compares with what runs, not with the look before).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use airis_cluster::metadata::Image;
use airis_protocol::error::ErrorCode;
use airis_protocol::names;
use airis_protocol::types::{LeaderEpoch, PartitionId, Str, Uuid};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, warn};

use super::shard::Cell;
use super::{Groups, NEVER, load};
use crate::task;
use crate::time::{self, Instant};
use crate::work::until;

/// How many shards are loaded at once.
const LOADS_MAX: usize = 4;

/// Before a shard whose log could not be read is loaded again.
const LOAD_REST: Duration = Duration::from_millis(500);

pub(super) fn start(
    groups: &Arc<Groups>,
    to_settle: mpsc::UnboundedReceiver<Arc<Cell>>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    vec![
        until(stopped, follow(groups.clone())),
        until(stopped, time(groups.clone())),
        until(stopped, settle(groups.clone(), to_settle)),
    ]
}

/// Follows the metadata: takes in the shards of partitions that this node leads, gives up the others, and deletes the offsets of
/// topics that are gone.
async fn follow(groups: Arc<Groups>) {
    let mut published = groups.meta.subscribe();
    published.mark_changed();
    let mut topics: BTreeMap<Uuid, Str> = BTreeMap::new();
    let mut loads = JoinSet::new();
    let mut again = Vec::new();
    let mut retry = Instant::now();
    let mut queue: VecDeque<Arc<Cell>> = VecDeque::new();
    groups.partitions.begun().await;
    loop {
        // What is given up must not wait for what is loaded.
        while loads.len() < LOADS_MAX
            && let Some(cell) = queue.pop_front()
        {
            let groups = groups.clone();
            task::blocking_in(&mut loads, move || take_in(&groups, cell));
        }
        if again.is_empty() {
            retry = Instant::now() + LOAD_REST;
        }
        tokio::select! {
            changed = published.changed() => {
                if changed.is_err() {
                    return;
                }
                let image = groups.meta.image();
                queue.extend(elect(&groups, &image));
                delete_offsets(&groups, &image, &mut topics);
            }
            Some(done) = loads.join_next(), if !loads.is_empty() => {
                again.extend(done.ok().flatten());
            }
            () = time::sleep_until(retry), if !again.is_empty() => queue.extend(again.drain(..)),
        }
    }
}

/// Compares what runs with what the image says. Returns the shards that have to be loaded.
fn elect(groups: &Groups, image: &Image) -> Vec<Arc<Cell>> {
    let mut wanted: BTreeMap<PartitionId, (Uuid, LeaderEpoch)> = BTreeMap::new();
    if let Some(topic) = image.topic(names::OFFSETS_TOPIC) {
        for (i, partition) in topic.partitions.iter().enumerate() {
            if partition.leader == Some(groups.node) {
                // The topic may have been deleted and made anew.
                let led = (topic.id, partition.leader_epoch);
                wanted.insert(PartitionId(i as i32), led);
            }
        }
    }
    let mut shards = groups.shards.write();
    let mut gone = Vec::new();
    shards.retain(|index, cell| {
        let led = wanted.get(index).filter(|led| led.0 == cell.topic);
        let keep = led.is_some_and(|led| led.1 == cell.epoch() || goes_on(groups, cell, led.1));
        if !keep {
            gone.push(cell.clone());
        }
        keep
    });
    let mut queue = Vec::new();
    for (index, (topic, epoch)) in wanted {
        shards.entry(index).or_insert_with(|| {
            let cell = Arc::new(Cell::loading(topic, index, epoch));
            queue.push(cell.clone());
            cell
        });
    }
    drop(shards);
    for cell in gone {
        cell.unload(groups);
    }
    queue
}

/// True if this node has led without a break since the shard was loaded (a reassignment takes a new epoch as well): what the shard
/// knows is what the log has, as in Kafka's `CoordinatorRuntime`.
fn goes_on(groups: &Groups, cell: &Cell, epoch: LeaderEpoch) -> bool {
    let partition = groups.partitions.by_id(cell.topic, cell.index);
    partition.is_ok_and(|p| p.check_led_since(cell.epoch()).is_ok()) && cell.go_on(epoch)
}

/// Gives the cell back if it is to be tried again.
fn take_in(groups: &Groups, cell: Arc<Cell>) -> Option<Arc<Cell>> {
    if !cell.is_loading() {
        return None;
    }
    let partition = groups.partitions.by_id(cell.topic, cell.index);
    let failed = |why: &dyn std::fmt::Display| {
        error!(partition = %cell.index, "groups and offsets cannot be loaded, their clients are turned away: {why}");
        cell.fail();
    };
    let wait = |cell: Arc<Cell>, why: &dyn std::fmt::Display| {
        if cell.is_first_failure() {
            warn!(partition = %cell.index, "groups and offsets cannot be loaded yet, it is tried again: {why}");
        }
        Some(cell)
    };
    match partition {
        // It waits to be opened, or its disk has failed, and then another node leads it soon, or it is gone.
        Err(code @ ErrorCode::KafkaStorageError) => return wait(cell, &code),
        Err(code) => failed(&code),
        Ok(partition) => match load::load(&partition, groups.config.clone()) {
            Ok((shard, end)) => cell.activate(groups, shard, partition, end),
            // What the process is short of comes back, whether or not there are other replicas.
            Err(e) if e.is_short() || e.may_pass() && !partition.is_beyond_help() => {
                return wait(cell, &e);
            }
            Err(e) => failed(&e),
        },
    }
    groups.loaded.send_modify(|n| *n += 1);
    None
}

/// Deletes the offsets of topics that the image does not have any more.
fn delete_offsets(groups: &Groups, image: &Image, topics: &mut BTreeMap<Uuid, Str>) {
    let mut deleted = Vec::new();
    topics.retain(|id, name| {
        let kept = image.topic_by_id(*id).is_some();
        if !kept {
            deleted.push((name.clone(), *id));
        }
        kept
    });
    if topics.len() != image.topic_count() {
        for topic in image.topics() {
            topics.entry(topic.id).or_insert_with(|| topic.name.clone());
        }
    }
    if deleted.is_empty() {
        return;
    }
    for cell in groups.cells() {
        cell.clean(groups, "tombstones for deleted topics", |shard, _| {
            shard.topics_deleted(deleted.iter().map(|(name, id)| (name, *id)))
        });
    }
}

/// Wakes shards for their deadlines, and has them drop what has expired.
async fn time(groups: Arc<Groups>) {
    let period = groups.expiry_check.max(Duration::from_millis(1));
    let mut expiry = Instant::now() + period;
    loop {
        // From here on whoever sets a sooner deadline than this one says so.
        groups.planned.store(NEVER, Ordering::Release);
        let next = groups
            .cells()
            .iter()
            .map(|cell| cell.tick(&groups))
            .min()
            .unwrap_or(NEVER);
        groups.planned.store(next, Ordering::Release);
        let wake = if next == NEVER {
            expiry
        } else {
            (groups.start + Duration::from_millis(next.max(0) as u64)).min(expiry)
        };
        tokio::select! {
            () = time::sleep_until(wake) => {}
            () = groups.replan.notified() => {}
        }
        if Instant::now() >= expiry {
            groups.expire();
            expiry = Instant::now() + period;
        }
    }
}

impl Groups {
    fn expire(&self) {
        for cell in self.cells() {
            cell.clean(self, "tombstones for expired offsets", |shard, now| {
                shard.expire(now)
            });
        }
    }

    /// All that is due by now, without waiting for the tasks to find that out.
    #[cfg(feature = "faults")]
    pub fn catch_up(&self) {
        for cell in self.cells() {
            cell.tick(self);
        }
        self.expire();
    }
}

/// Waits for appends to be committed, and tells their shards.
async fn settle(groups: Arc<Groups>, mut queue: mpsc::UnboundedReceiver<Arc<Cell>>) {
    let mut waiting = FuturesUnordered::new();
    loop {
        tokio::select! {
            cell = queue.recv() => match cell {
                Some(cell) => waiting.push(settle_cell(groups.clone(), cell)),
                None => return,
            },
            Some(()) = waiting.next() => {}
        }
    }
}

async fn settle_cell(groups: Arc<Groups>, cell: Arc<Cell>) {
    while let Some((partition, end)) = cell.unsettled() {
        let outcome = partition.committed(end, cell.epoch()).await;
        cell.settle(&groups, outcome);
    }
}
