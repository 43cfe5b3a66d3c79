//! Bit rot: looking for batches that have gone bad on this node's disks, and writing what another replica has in their place.
//!
//! Always holds: a hole is filled, where it is, with batches below another replica's high watermark; offsets, positions and the ISR
//! stay as they are, so a replica is at no time worse off than with the hole. One hole is mended at a time; a scrub reads no more
//! than `airis.scrub.bytes.per.second`. Must never: cut a log for damage: what lies behind it may be the only copy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use airis_protocol::batch::BatchHeader;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::FetchRequest;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::types::{NodeId, PartitionId, Records, Uuid};
use airis_storage::{CheckAt, Damage};
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, error, info, warn};

use super::fetcher::fetch_version;
use crate::net::peer::{Peer, PeerError};
use crate::node::Node;
use crate::partition::Partition;
use crate::task;

/// How long one replica may take to give what is missing.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Between two tries.
const REST_MIN: Duration = Duration::from_millis(100);
const REST_MAX: Duration = Duration::from_secs(60);
/// A larger hole is a lost file rather than rot: it is told, and left to a person.
const HOLE_MAX: u64 = 64 << 20;
/// What a scrub reads at a time.
const PIECE: u64 = 1 << 20;

/// Why another replica did not help.
#[derive(Debug, thiserror::Error)]
enum NoHelp {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("it has no listener {0}")]
    NoListener(String),
    #[error("no answer in time")]
    Late,
    #[error("it answered {0}")]
    Answer(ErrorCode),
    #[error("it has not all of it")]
    Short,
    #[error("what it gave is no batch")]
    NoBatch,
    #[error(transparent)]
    Mend(#[from] airis_storage::MendError),
}

/// A replica with holes, and when they are looked at again.
struct Patient {
    partition: Arc<Partition>,
    rest: Duration,
    due: Instant,
}

/// Inspects what seems bad and mends what is.
pub(super) async fn run(node: Arc<Node>) {
    let rotten = &node.partitions.hub().rotten;
    let mut patients: HashMap<(Uuid, PartitionId), Patient> = HashMap::new();
    loop {
        match patients.values().map(|p| p.due).min() {
            None => rotten.filled().await,
            Some(due) => {
                let _ = timeout(
                    due.saturating_duration_since(Instant::now()),
                    rotten.filled(),
                )
                .await;
            }
        }
        let now = Instant::now();
        for partition in rotten.take_now() {
            // A client that asks again and again does not make it any faster.
            patients
                .entry((partition.topic_id, partition.index))
                .and_modify(|known| known.partition = partition.clone())
                .or_insert(Patient {
                    partition,
                    rest: REST_MIN,
                    due: now,
                });
        }
        let due: Vec<_> = patients
            .iter()
            .filter(|(_, p)| p.due <= now)
            .map(|(k, _)| *k)
            .collect();
        for key in due {
            let Some(patient) = patients.get_mut(&key) else {
                continue;
            };
            if treat(&node, &patient.partition).await {
                patients.remove(&key);
            } else {
                patient.due = Instant::now() + patient.rest;
                patient.rest = (patient.rest * 2).min(REST_MAX);
            }
        }
    }
}

/// True if nothing is left to be done.
async fn treat(node: &Arc<Node>, partition: &Arc<Partition>) -> bool {
    let listed = node.partitions.by_id(partition.topic_id, partition.index);
    if !listed.is_ok_and(|p| Arc::ptr_eq(&p, partition)) {
        return true;
    }
    let inspected = partition.clone();
    let looked = task::blocking(move || inspect(&inspected)).await;
    let mut done = matches!(looked, Ok(true));
    for damage in partition.log().damage() {
        if damage.bytes.end - damage.bytes.start > HOLE_MAX {
            debug!(topic = %partition.topic, partition = %partition.index, "a hole of more than {HOLE_MAX} bytes is not mended");
            done = false;
            continue;
        }
        done &= mend(node, partition, &damage).await;
    }
    partition.note_cure(done);
    done
}

/// Looks at the segments that seem bad. False if one could not be looked at.
fn inspect(partition: &Arc<Partition>) -> bool {
    let mut all = true;
    for segment in partition.take_suspects() {
        match partition.log().inspect(segment) {
            Ok(found) => {
                for damage in found {
                    error!(
                        topic = %partition.topic,
                        partition = %partition.index,
                        "{} has gone bad in bytes {}..{}: offsets from {} to before {} are not served until another replica has mended them",
                        damage.path.display(),
                        damage.bytes.start,
                        damage.bytes.end,
                        damage.first,
                        damage.next.map_or(-1, |n| n.0),
                    );
                }
            }
            Err(e) => {
                warn!(topic = %partition.topic, partition = %partition.index, "a segment that seems bad could not be read, it is tried again: {e}");
                partition.suspect(segment);
                all = false;
            }
        }
    }
    all
}

/// Fills one hole from whoever in the ISR can. True if it is filled.
async fn mend(node: &Arc<Node>, partition: &Arc<Partition>, damage: &Damage) -> bool {
    let image = node.meta.image();
    let state = image
        .topic_by_id(partition.topic_id)
        .and_then(|t| t.partitions.get(partition.index.0 as usize));
    let Some(state) = state else { return true };
    for peer in state.isr.iter().copied().filter(|id| *id != node.id) {
        let helped = match timeout(ANSWER_MAX, ask(node, partition, peer, damage)).await {
            Ok(Ok(batches)) => {
                let (partition, damage) = (partition.clone(), damage.clone());
                let mended = task::blocking(move || partition.mend(&damage, &batches)).await;
                match mended {
                    Ok(mended) => mended.map_err(NoHelp::from),
                    Err(_) => return false,
                }
            }
            Ok(Err(e)) => Err(e),
            Err(_) => Err(NoHelp::Late),
        };
        match helped {
            Ok(()) => {
                info!(
                    topic = %partition.topic,
                    partition = %partition.index,
                    "bytes {}..{} of {} are mended from broker {peer}",
                    damage.bytes.start,
                    damage.bytes.end,
                    damage.path.display(),
                );
                // Whoever was told that it cannot be read.
                partition.progress.wake();
                partition.growth.wake();
                return true;
            }
            Err(e) => {
                debug!(topic = %partition.topic, partition = %partition.index, offset = %damage.first, "broker {peer} could not help: {e}");
            }
        }
    }
    false
}

/// The batches of a hole, as a consumer would read them from this replica.
async fn ask(
    node: &Arc<Node>,
    partition: &Partition,
    id: NodeId,
    damage: &Damage,
) -> Result<Bytes, NoHelp> {
    let image = node.meta.image();
    let listener = node.config.inter_broker_listener.as_str();
    let endpoint = image
        .broker(id)
        .and_then(|b| b.endpoint(listener))
        .ok_or_else(|| NoHelp::NoListener(listener.to_owned()))?;
    let client_id = format!("mend-of-{}", node.id).into();
    let mut peer = Peer::connect(&node.network, &endpoint.host, endpoint.port, client_id)
        .await
        .map_err(PeerError::from)?;
    let next = damage.next.unwrap_or(damage.first);
    let hole = (damage.bytes.end - damage.bytes.start) as usize;
    let mut batches = BytesMut::new();
    let mut at = damage.first;
    // What is missing may end before a gap.
    while at < next && batches.len() < hole {
        let request = FetchRequest {
            max_bytes: i32::MAX,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic: partition.topic.clone(),
                topic_id: partition.topic_id,
                partitions: vec![FetchPartition {
                    partition: partition.index.0,
                    current_leader_epoch: partition.leader().1.0,
                    fetch_offset: at.0,
                    partition_max_bytes: (hole - batches.len()).max(1) as i32,
                    ..Default::default()
                }],
            }],
            ..Default::default()
        };
        let answer = peer.call(&request, fetch_version(&image)).await?;
        let data = answer
            .responses
            .into_iter()
            .flat_map(|t| t.partitions)
            .next()
            .ok_or(NoHelp::Answer(ErrorCode::from_wire(answer.error_code)))?;
        if data.error_code != 0 {
            return Err(NoHelp::Answer(ErrorCode::from_wire(data.error_code)));
        }
        let Some(Records::Bytes(mut rest)) = data.records else {
            return Err(NoHelp::Short);
        };
        let before = at;
        while !rest.is_empty() && at < next {
            let header = BatchHeader::read(&rest).map_err(|_| NoHelp::NoBatch)?;
            let size = header.size();
            if size > rest.len() {
                break;
            }
            if batches.len() + size > hole || header.next_offset() <= at {
                return Err(NoHelp::NoBatch);
            }
            at = header.next_offset();
            batches.extend_from_slice(&rest.split_to(size));
        }
        if at == before {
            return Err(NoHelp::Short);
        }
    }
    Ok(batches.freeze())
}

/// Reads all logs, again and again, slowly.
pub(super) async fn scrub(node: Arc<Node>) {
    loop {
        sleep(node.config.scrub_interval).await;
        for partition in node.partitions.all() {
            let mut at = Some(CheckAt::START);
            while let Some(from) = at.filter(|_| !partition.is_offline()) {
                let piece = PIECE.min(node.config.scrub_rate);
                let checked = partition.clone();
                let checked = task::blocking(move || checked.log().check(from, piece)).await;
                let bytes = match checked {
                    Ok(Ok(checked)) => {
                        if let Some(segment) = checked.suspect {
                            partition.suspect(segment);
                        }
                        at = checked.next;
                        checked.bytes
                    }
                    Ok(Err(e)) => {
                        warn!(topic = %partition.topic, partition = %partition.index, "the log could not be checked: {e}");
                        break;
                    }
                    Err(_) => break,
                };
                sleep(Duration::from_secs_f64(
                    bytes as f64 / node.config.scrub_rate as f64,
                ))
                .await;
            }
        }
    }
}
