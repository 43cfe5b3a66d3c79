//! A broker's heartbeat: it is fenced and unfenced, shuts down in a controlled way, loses and cordons log directories.
//!
//! Always holds: a broker leads only what its applied metadata knows of; one that shuts down has given up all leaderships, and
//! every broker that goes on knows so, before it may stop. Must never: fence a broker for what another one does.

use std::collections::BTreeSet;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::*;
use airis_protocol::types::{BrokerEpoch, NodeId, Uuid};

use super::MetaDecision;
use super::brokers::{Event, check_epoch, each_partition, elect};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{BrokerImage, Image};

/// `BrokerRegistrationChangeRecord.fenced`.
const FENCE: i8 = 1;
const UNFENCE: i8 = -1;
/// `BrokerRegistrationChangeRecord.in_controlled_shutdown`.
const IN_CONTROLLED_SHUTDOWN: i8 = 1;

/// What a broker is to be from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Fenced,
    Unfenced,
    ControlledShutdown,
    /// Fenced, and free to stop.
    Stopped,
}

/// `passed`: every active broker has applied what the sender's controlled shutdown changed (see
/// [`crate::metadata::Departures::passed`]).
pub(super) fn beat(
    image: &Image,
    env: &Env<'_>,
    request: BrokerHeartbeatRequest,
    passed: bool,
) -> Result<MetaDecision, ErrorCode> {
    let id = NodeId(request.broker_id);
    let epoch = BrokerEpoch(request.broker_epoch);
    check_epoch(image, id, epoch)?;
    let mut records = Vec::new();
    directories(image, env, id, &request, &mut records);
    let (image, _) = image
        .apply(image.position.next(), image.position.epoch, &records)
        .expect("what was decided can be replayed");
    let broker = image.broker(id).expect("its epoch was checked");
    let caught_up = request.current_metadata_offset >= epoch.0;
    let next = next(&image, broker, &request, caught_up, passed);
    match next {
        Next::Fenced | Next::Stopped if !broker.fenced => {
            fence(&image, env, id, epoch, &mut records);
        }
        Next::Unfenced if broker.fenced => {
            records.push(change(id, epoch, |r| r.fenced = UNFENCE));
            elect(&image, env, Event::Arrives(id), &mut records);
        }
        Next::ControlledShutdown if !broker.in_controlled_shutdown => {
            records.push(change(id, epoch, |r| {
                r.in_controlled_shutdown = IN_CONTROLLED_SHUTDOWN;
            }));
            elect(&image, env, Event::Leaves(id), &mut records);
        }
        _ => {}
    }
    Ok(MetaDecision {
        records,
        reply: Reply::Heartbeat(BrokerHeartbeatResponse {
            is_caught_up: caught_up,
            is_fenced: matches!(next, Next::Fenced | Next::Stopped),
            should_shut_down: next == Next::Stopped,
            ..Default::default()
        }),
    })
}

fn next(
    image: &Image,
    broker: &BrokerImage,
    request: &BrokerHeartbeatRequest,
    caught_up: bool,
    passed: bool,
) -> Next {
    let leads = || each_partition(image).any(|(_, _, p)| p.leader == Some(broker.id));
    let offline: BTreeSet<&Uuid> = request.offline_log_dirs.iter().collect();
    let all_lost =
        !broker.directories.is_empty() && broker.directories.iter().all(|d| offline.contains(d));
    if broker.fenced {
        return match request {
            r if r.want_shut_down => Next::Stopped,
            // One that was fenced on its way out has to register anew.
            r if !r.want_fence && caught_up && !all_lost && !broker.in_controlled_shutdown => {
                Next::Unfenced
            }
            _ => Next::Fenced,
        };
    }
    if broker.in_controlled_shutdown {
        return if passed && !leads() {
            Next::Stopped
        } else {
            Next::ControlledShutdown
        };
    }
    match (request.want_fence || all_lost, request.want_shut_down) {
        (true, true) => Next::Stopped,
        (true, false) => Next::Fenced,
        (false, true) if leads() => Next::ControlledShutdown,
        (false, true) => Next::Stopped,
        (false, false) => Next::Unfenced,
    }
}

/// The broker leads nothing and is in no ISR until it is unfenced.
pub(super) fn fence(
    image: &Image,
    env: &Env<'_>,
    id: NodeId,
    epoch: BrokerEpoch,
    records: &mut Vec<MetadataRecord>,
) {
    elect(image, env, Event::Leaves(id), records);
    records.push(change(id, epoch, |r| r.fenced = FENCE));
}

fn change(
    id: NodeId,
    epoch: BrokerEpoch,
    set: impl FnOnce(&mut BrokerRegistrationChangeRecord),
) -> MetadataRecord {
    let mut record = BrokerRegistrationChangeRecord {
        broker_id: id.0,
        broker_epoch: epoch.0,
        ..Default::default()
    };
    set(&mut record);
    MetadataRecord::BrokerRegistrationChangeRecord(record)
}

/// Directories that have gone off line, and those that take no new replicas.
fn directories(
    image: &Image,
    env: &Env<'_>,
    id: NodeId,
    request: &BrokerHeartbeatRequest,
    records: &mut Vec<MetadataRecord>,
) {
    let broker = image.broker(id).expect("its epoch was checked");
    let version = image.feature(features::METADATA_VERSION);
    let offline: BTreeSet<&Uuid> = request.offline_log_dirs.iter().collect();
    let directories = || broker.directories.iter().copied();
    let lost: BTreeSet<Uuid> = directories().filter(|d| offline.contains(d)).collect();
    let left: Vec<Uuid> = directories().filter(|d| !lost.contains(d)).collect();
    // A record cannot say that a broker has no directory left. Such a broker is fenced instead.
    if version >= features::DIRECTORIES_FROM && !lost.is_empty() && !left.is_empty() {
        elect(image, env, Event::Loses(id, &lost), records);
        records.push(change(id, broker.epoch, |r| r.log_dirs = left));
    }
    // Null until the broker knows.
    if version >= features::CORDONED_FROM
        && let Some(cordoned) = &request.cordoned_log_dirs
    {
        let sorted = |dirs: &[Uuid]| {
            let mut dirs = dirs.to_vec();
            dirs.sort();
            dirs
        };
        if sorted(cordoned) != sorted(&broker.cordoned) {
            records.push(change(id, broker.epoch, |r| {
                r.cordoned_log_dirs = Some(cordoned.clone());
            }));
        }
    }
}
