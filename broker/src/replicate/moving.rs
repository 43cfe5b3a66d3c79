//! The task that moves replicas between the log directories of this node (KIP-113): a piece of each at a time, as fast as it may.
//!
//! Always holds: no more than `num.replica.alter.log.dirs.threads` pieces are copied at a time, within
//! `replica.alter.log.dirs.io.max.bytes.per.second`. Must never: give a move up for an error that time can mend.

use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::features;
use airis_protocol::types::Uuid;
use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::node::Node;
use crate::partition::{Partition, Step};

/// Between two looks when there is nothing to copy, or nothing may be.
const REST: Duration = Duration::from_millis(20);
/// After something failed.
const REST_FAILED: Duration = Duration::from_secs(1);

/// What became of a partition's step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Did {
    Something,
    Nothing,
    Failed,
    All,
}

pub(super) async fn run(node: Arc<Node>) {
    let hub = node.partitions.hub();
    let mut moving: Vec<Arc<Partition>> = Vec::new();
    loop {
        if moving.is_empty() {
            hub.moving.filled().await;
        }
        for new in hub.moving.take_now() {
            if !moving.iter().any(|known| Arc::ptr_eq(known, &new)) {
                moving.push(new);
            }
        }
        let mut busy = false;
        let mut failed = false;
        let mut left = Vec::with_capacity(moving.len());
        for some in moving.chunks(node.config.moves_max) {
            if hub.copied.lock().exceeded(hub.now()) {
                left.extend_from_slice(some);
                continue;
            }
            let steps = some.iter().map(|p| step(node.clone(), p.clone()));
            for (partition, did) in some.iter().zip(join_all(steps).await) {
                busy |= did == Did::Something;
                failed |= did == Did::Failed;
                if did != Did::All {
                    left.push(partition.clone());
                }
            }
        }
        moving = left;
        if failed {
            sleep(REST_FAILED).await;
        } else if !busy && !moving.is_empty() {
            let _ = timeout(REST, hub.moving.filled()).await;
        }
    }
}

/// One piece, on a thread that may block.
async fn step(node: Arc<Node>, partition: Arc<Partition>) -> Did {
    let stepped = crate::task::blocking(move || {
        let allowed = |directory: Uuid| {
            let image = node.meta.image();
            let told = image
                .topic_by_id(partition.topic_id)
                .and_then(|t| t.partitions.get(partition.index.0 as usize))
                .and_then(|p| p.directory_of(node.id));
            image.feature(features::METADATA_VERSION) < features::DIRECTORIES_FROM
                || told == Some(directory)
        };
        let bytes = node.config.replica_fetch_max_bytes.max(1) as usize;
        let now = node.clock.now();
        match partition.step_move(node.partitions.disks(), bytes, now, allowed) {
            Ok(Step::Copied(bytes)) => {
                let hub = node.partitions.hub();
                hub.copied.lock().record(hub.now(), bytes);
                Did::Something
            }
            Ok(Step::CaughtUp) => Did::Nothing,
            Ok(Step::Moved(old)) => {
                node.partitions.give_up(old);
                Did::All
            }
            Ok(Step::Over) => Did::All,
            Err(e) => {
                warn!(topic = %partition.topic, partition = %partition.index, "copying the replica to another log directory failed, it is tried again: {e}");
                Did::Failed
            }
        }
    });
    stepped.await.unwrap_or(Did::Failed)
}
