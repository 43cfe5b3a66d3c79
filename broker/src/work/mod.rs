//! What a node does without being asked: retention, flushes, checkpoints, the removal of deleted files.
//!
//! Always holds: none of it runs on a thread that serves sockets; every task ends when the node stops. Must never: fail the node:
//! what cannot be done now is logged and tried again.

use std::sync::Arc;
use std::time::Duration;

use airis_protocol::types::Millis;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::node::Node;
use crate::partition::Deleted;
use crate::scarce;
use crate::task;
use crate::time::{Instant, sleep_until};

/// How long what was appended counts as surely in the page cache.
const NEW_FOR: Duration = Duration::from_secs(60);
/// How often deleted directories are looked at.
const DELETED_CHECK: Duration = Duration::from_secs(1);
/// How often what file descriptors were wanting for is tried again.
const SHORT_CHECK: Duration = Duration::from_secs(1);
/// How often it is looked how many files logs hold.
const HELD_CHECK: Duration = Duration::from_secs(1);

/// What tasks are told by to end. They are told when it goes, too: some of them hold a sender, so that none would see it closed.
pub struct Stop(watch::Sender<bool>);

impl Stop {
    pub fn new() -> (Stop, watch::Receiver<bool>) {
        let (stop, stopped) = watch::channel(false);
        (Stop(stop), stopped)
    }

    pub fn tell(&self) {
        self.0.send_replace(true);
    }

    /// For a task that ends the others.
    pub fn sender(&self) -> watch::Sender<bool> {
        self.0.clone()
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Waits until the node stops (or is gone).
pub async fn stopping(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|s| *s).await;
}

/// Runs a task until the node stops.
pub fn until(
    stopped: &watch::Receiver<bool>,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let mut stopped = stopped.clone();
    task::spawn(async move {
        tokio::select! {
            () = task => {}
            _ = stopped.wait_for(|s| *s) => {}
        }
    })
}

/// Starts all background work.
pub fn start(node: &Arc<Node>, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    let config = &node.config;
    vec![
        every(node, stopped, config.retention_check, {
            let mut drift = Drift::new(node.clock.now(), Instant::now());
            move |node| retain(node, drift.is_off(node.clock.now(), Instant::now()))
        }),
        every(node, stopped, config.flush_check, flush),
        every(
            node,
            stopped,
            config.producer_id_expiration_check,
            forget_producers,
        ),
        every(node, stopped, config.checkpoint_interval, checkpoint),
        every(
            node,
            stopped,
            config.high_watermark_checkpoint_interval,
            checkpoint_high_watermarks,
        ),
        every(node, stopped, DELETED_CHECK, remove_deleted),
        every(node, stopped, SHORT_CHECK, make_up),
        every(node, stopped, HELD_CHECK, {
            let stopped = stopped.clone();
            move |node| {
                let_go(
                    node,
                    scarce::files_of_logs().unwrap_or(usize::MAX),
                    &stopped,
                )
            }
        }),
        every(node, stopped, NEW_FOR, cool),
    ]
}

/// Runs `work` on a thread that may block, again and again.
fn every(
    node: &Arc<Node>,
    stopped: &watch::Receiver<bool>,
    period: Duration,
    work: impl FnMut(&Node) + Send + 'static,
) -> JoinHandle<()> {
    let (node, mut stopped) = (node.clone(), stopped.clone());
    let work = Arc::new(Mutex::new(work));
    let period = period.max(Duration::from_millis(1));
    task::spawn(async move {
        let mut next = Instant::now() + period;
        loop {
            tokio::select! {
                () = sleep_until(next) => {
                    next = Instant::now() + period;
                    let (node, work) = (node.clone(), work.clone());
                    if let Err(e) = task::blocking(move || work.lock()(&node)).await {
                        error!("background work failed: {e}");
                    }
                }
                () = stopping(&mut stopped) => return,
            }
        }
    })
}

/// All that is due by now, without waiting for the tasks to find that out. The clock has been set on purpose.
#[cfg(feature = "faults")]
pub fn catch_up(node: &Node) {
    retain(node, false);
    remove_deleted(node);
    node.groups.catch_up();
}

/// Compares the wall clock with the monotonic one (fault S20): a clock that has jumped must not make everything look old, as long as it has
/// not come back.
struct Drift {
    wall: Millis,
    monotonic: Instant,
    /// Milliseconds that the wall clock has gone on more than the other, since the start.
    off: i64,
}

impl Drift {
    /// More than this between two looks is a jump.
    const JUMP_MS: i64 = 10 * 60 * 1000;

    fn new(wall: Millis, monotonic: Instant) -> Self {
        Drift {
            wall,
            monotonic,
            off: 0,
        }
    }

    /// True while the wall clock is away from where it was expected.
    fn is_off(&mut self, wall: Millis, monotonic: Instant) -> bool {
        let by = (wall.0 - self.wall.0) - (monotonic - self.monotonic).as_millis() as i64;
        (self.wall, self.monotonic) = (wall, monotonic);
        self.off += by;
        if by.abs() > Self::JUMP_MS {
            warn!(
                "the clock has jumped by {} s: until it is back, or this node is started again, retention deletes one segment a partition at most \
                 each time for its age",
                by / 1000
            );
        }
        self.off.abs() > Self::JUMP_MS
    }
}

/// Rolls segments that are old, and deletes those that nobody is to read any more.
fn retain(node: &Node, clock_jumped: bool) {
    let now = node.clock.now();
    for partition in node.partitions.all() {
        let (topic, index) = (&partition.topic, partition.index);
        match partition.retain(now, clock_jumped) {
            Ok(report) if report.segments > 0 => {
                info!(%topic, partition = %index, "retention deleted {} segments, {} bytes; the log starts at {}", report.segments, report.bytes, partition.log().start());
            }
            Ok(_) => {}
            Err(e) => warn!(%topic, partition = %index, "retention failed, it is tried again: {e}"),
        }
    }
}

/// Flushes logs whose `flush.ms` has passed.
fn flush(node: &Node) {
    let now = node.clock.now();
    for partition in node.partitions.all() {
        if partition.log().flush_due(now) {
            partition.flush_now();
        }
    }
}

/// Forgets idempotent producers that have been silent for long.
fn forget_producers(node: &Node) {
    let now = node.clock.now();
    for partition in node.partitions.all() {
        let log = partition.log();
        log.expire_producers(now, node.config.producer_id_expiration.0);
    }
}

/// Does what could not be done for want of file descriptors.
fn make_up(node: &Node) {
    node.partitions.open_waiting();
    for partition in node.partitions.all() {
        partition.flush_again();
    }
}

/// Closes files of logs if they hold more than so many: of those first that wait for no flush, or for the longest. A partition that is
/// written to all the time has its file again with the next append.
fn let_go(node: &Node, most: usize, stopped: &watch::Receiver<bool>) {
    let partitions = node.partitions.all();
    if partitions.len() <= most {
        return;
    }
    let held = partitions.iter().filter(|p| p.log().holds_file());
    let mut held: Vec<_> = held.map(|p| (p.log().unflushed_since(), p)).collect();
    if held.len() <= most {
        return;
    }
    held.sort_by_key(|(since, _)| *since);
    // Some more, so that not every look finds one too many.
    let surplus = held.len() - most / 4 * 3;
    for (since, partition) in held.into_iter().take(surplus) {
        // A stop flushes all of them at once.
        if *stopped.borrow() {
            return;
        }
        if since.is_some() {
            partition.flush_now();
        }
        partition.log().let_go();
    }
}

/// From now on what was appended so far is checked when it is read.
pub fn cool(node: &Node) {
    for partition in node.partitions.all() {
        partition.log().cool();
    }
}

fn checkpoint(node: &Node) {
    if let Err(e) = node
        .partitions
        .disks()
        .write_checkpoints(&node.partitions.all())
    {
        warn!("checkpoints could not be written, they are tried again: {e}");
    }
}

fn checkpoint_high_watermarks(node: &Node) {
    if let Err(e) = node
        .partitions
        .disks()
        .write_high_watermarks(&node.partitions.all())
    {
        warn!("high watermarks could not be written, they are tried again: {e}");
    }
}

/// Removes the directories of deleted partitions whose delay has passed.
fn remove_deleted(node: &Node) {
    let now = Instant::now();
    for path in node.partitions.take_deleted(|d| d.due <= now) {
        if let Err(e) = node.partitions.disks().remove(&path) {
            if scarce::tell_storage(&e) {
                let due = now + SHORT_CHECK;
                node.partitions.give_up(Deleted { path, due });
                continue;
            }
            warn!("a deleted partition's files stay until the next start: {e}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_has_jumped_is_off_until_it_is_back() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut drift = Drift::new(Millis(0), start);
        let mut looks = 0;
        let mut look = |wall_minutes: i64| {
            looks += 1;
            drift.is_off(Millis(wall_minutes * 60_000), start + minute * looks)
        };
        assert!(!look(1));
        assert!(!look(5), "small steps are none");
        assert!(look(10_003));
        assert!(look(10_004), "it is still away");
        assert!(!look(5));
        assert!(look(-60));
        assert!(!look(7));
    }
}
