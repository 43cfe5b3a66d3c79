//! Brokers come, are fenced and unfenced, and go; and with them the leadership of partitions.
//!
//! Always holds: a partition's leader is in its ISR and its broker is active; a broker's epoch is the offset of its registration.
//! Must never: empty an ISR (the last member stays, so that it can lead again).

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use airis_protocol::messages::*;
use airis_protocol::types::{BrokerEpoch, NodeId, Uuid};

use super::{MetaDecision, raw};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{Image, PartitionImage, TopicImage};

/// `BrokerRegistrationChangeRecord.fenced`.
const FENCE: i8 = 1;
const UNFENCE: i8 = -1;

/// Errors unless the broker is registered in exactly this epoch.
pub(super) fn check_epoch(
    image: &Image,
    broker: NodeId,
    epoch: BrokerEpoch,
) -> Result<(), ErrorCode> {
    match image.broker(broker) {
        Some(b) if b.epoch == epoch => Ok(()),
        _ => Err(ErrorCode::StaleBrokerEpoch),
    }
}

pub(super) fn register(
    image: &Image,
    env: &Env<'_>,
    request: BrokerRegistrationRequest,
) -> Result<MetaDecision, ErrorCode> {
    let id = NodeId(request.broker_id);
    if request.cluster_id != env.settings.cluster_id {
        return Err(ErrorCode::InconsistentClusterId);
    }
    if request.is_migrating_zk_broker {
        return Err(ErrorCode::BrokerIdNotRegistered);
    }
    let metadata_version = image.feature(features::METADATA_VERSION);
    let with_directories = metadata_version >= features::DIRECTORIES_FROM;
    if with_directories {
        check_directories(image, id, &request.log_dirs)?;
    }
    check_features(image, &request)?;

    let existing = image.broker(id);
    let same = existing.filter(|b| b.incarnation == request.incarnation_id);
    let mut records = Vec::new();
    if same.is_none() && existing.is_some() {
        // The old process is gone: nothing may be led by it, whether it stopped well or not.
        leave(image, id, &mut records);
    }
    let next = image.position.next().0 + records.len() as i64;
    let epoch = same.map_or(next, |b| b.epoch.0);
    records.push(MetadataRecord::RegisterBrokerRecord(RegisterBrokerRecord {
        broker_id: id.0,
        is_migrating_zk_broker: false,
        incarnation_id: request.incarnation_id,
        broker_epoch: epoch,
        end_points: request
            .listeners
            .iter()
            .map(|l| BrokerEndpoint {
                name: l.name.clone(),
                host: l.host.clone(),
                port: l.port,
                security_protocol: l.security_protocol,
            })
            .collect(),
        features: request
            .features
            .iter()
            .map(|f| BrokerFeature {
                name: f.name.clone(),
                min_supported_version: f.min_supported_version,
                max_supported_version: f.max_supported_version,
            })
            .collect(),
        rack: request.rack,
        fenced: same.is_none_or(|b| b.fenced),
        in_controlled_shutdown: same.is_some_and(|b| b.in_controlled_shutdown),
        log_dirs: if with_directories {
            request.log_dirs
        } else {
            Vec::new()
        },
        cordoned_log_dirs: None,
    }));
    Ok(MetaDecision {
        records,
        reply: Reply::RegisterBroker(BrokerRegistrationResponse {
            broker_epoch: epoch,
            ..Default::default()
        }),
    })
}

/// Registers a broker and lets it lead at once.
pub(super) fn join(
    image: &Image,
    env: &Env<'_>,
    request: BrokerRegistrationRequest,
) -> Result<MetaDecision, ErrorCode> {
    let broker_id = request.broker_id;
    let mut decision = register(image, env, request)?;
    let Reply::RegisterBroker(response) = &decision.reply else {
        unreachable!("a registration is answered as one");
    };
    let position = image.position;
    let (registered, _) = image
        .apply(position.next(), position.epoch, &decision.records)
        .expect("what was decided can be replayed");
    let heartbeat = BrokerHeartbeatRequest {
        broker_id,
        broker_epoch: response.broker_epoch,
        current_metadata_offset: registered.position.offset.0,
        want_fence: false,
        ..Default::default()
    };
    decision
        .records
        .extend(self::heartbeat(&registered, heartbeat)?.records);
    Ok(decision)
}

fn check_directories(image: &Image, id: NodeId, directories: &[Uuid]) -> Result<(), ErrorCode> {
    let mut sorted = directories.to_vec();
    sorted.sort();
    sorted.dedup();
    let taken = image
        .brokers()
        .filter(|b| b.id != id)
        .any(|b| directories.iter().any(|d| b.directories.contains(d)));
    if directories.is_empty()
        || directories.iter().any(|d| d.is_reserved())
        || sorted.len() != directories.len()
        || taken
    {
        return Err(ErrorCode::InvalidRegistration);
    }
    Ok(())
}

/// Every finalized feature must lie in the broker's range.
fn check_features(image: &Image, request: &BrokerRegistrationRequest) -> Result<(), ErrorCode> {
    let ranges: BTreeMap<&str, (i16, i16)> = request
        .features
        .iter()
        .map(|f| {
            (
                f.name.as_str(),
                (f.min_supported_version, f.max_supported_version),
            )
        })
        .collect();
    if !ranges.contains_key(features::METADATA_VERSION) {
        return Err(ErrorCode::InvalidRegistration);
    }
    for (name, level) in image.features() {
        let (min, max) = ranges.get(name.as_str()).copied().unwrap_or((0, 0));
        if level < min || level > max {
            return Err(ErrorCode::UnsupportedVersion);
        }
    }
    Ok(())
}

pub(super) fn heartbeat(
    image: &Image,
    request: BrokerHeartbeatRequest,
) -> Result<MetaDecision, ErrorCode> {
    let id = NodeId(request.broker_id);
    check_epoch(image, id, BrokerEpoch(request.broker_epoch))?;
    let broker = image.broker(id).expect("its epoch was checked");
    let caught_up = request.current_metadata_offset >= broker.epoch.0;
    let mut records = Vec::new();
    let mut fenced = broker.fenced;
    if request.want_shut_down || request.want_fence {
        if !broker.fenced {
            leave(image, id, &mut records);
            records.push(change(broker.id, broker.epoch, FENCE));
            fenced = true;
        }
    } else if broker.fenced && caught_up {
        records.push(change(broker.id, broker.epoch, UNFENCE));
        arrive(image, id, &mut records);
        fenced = false;
    }
    Ok(MetaDecision {
        records,
        reply: Reply::Heartbeat(BrokerHeartbeatResponse {
            is_caught_up: caught_up,
            is_fenced: fenced,
            should_shut_down: request.want_shut_down,
            ..Default::default()
        }),
    })
}

pub(super) fn unregister(image: &Image, id: NodeId) -> Result<MetaDecision, ErrorCode> {
    let broker = image.broker(id).ok_or(ErrorCode::BrokerIdNotRegistered)?;
    let mut records = Vec::new();
    leave(image, id, &mut records);
    records.push(MetadataRecord::UnregisterBrokerRecord(
        UnregisterBrokerRecord {
            broker_id: id.0,
            broker_epoch: broker.epoch.0,
        },
    ));
    Ok(MetaDecision {
        records,
        reply: Reply::Done,
    })
}

fn change(broker: NodeId, epoch: BrokerEpoch, fenced: i8) -> MetadataRecord {
    MetadataRecord::BrokerRegistrationChangeRecord(BrokerRegistrationChangeRecord {
        broker_id: broker.0,
        broker_epoch: epoch.0,
        fenced,
        ..Default::default()
    })
}

fn each_partition(image: &Image) -> impl Iterator<Item = (&TopicImage, i32, &PartitionImage)> {
    image.topics().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .enumerate()
            .map(move |(at, p)| (&**topic, at as i32, &**p))
    })
}

fn change_of(topic: &TopicImage, partition: i32) -> PartitionChangeRecord {
    PartitionChangeRecord {
        partition_id: partition,
        topic_id: topic.id,
        ..Default::default()
    }
}

/// Takes a broker out of every ISR that has other members, and leadership away from it.
fn leave(image: &Image, broker: NodeId, records: &mut Vec<MetadataRecord>) {
    for (topic, at, p) in each_partition(image) {
        if !p.isr.contains(&broker) {
            continue;
        }
        let mut record = change_of(topic, at);
        let rest: Vec<NodeId> = p.isr.iter().copied().filter(|n| *n != broker).collect();
        let mut changed = false;
        if !rest.is_empty() {
            record.isr = Some(raw(&rest));
            changed = true;
        }
        if p.leader == Some(broker) {
            let next = p
                .replicas
                .iter()
                .find(|r| rest.contains(r) && image.is_active(**r));
            record.leader = next.map_or(-1, |n| n.0);
            changed = true;
        }
        if changed {
            records.push(MetadataRecord::PartitionChangeRecord(record));
        }
    }
}

/// Lets a broker lead the partitions that have no leader and whose data it is known to have.
fn arrive(image: &Image, broker: NodeId, records: &mut Vec<MetadataRecord>) {
    for (topic, at, p) in each_partition(image) {
        if p.leader.is_some() || !p.has_replica(broker) {
            continue;
        }
        let mut record = change_of(topic, at);
        record.leader = broker.0;
        if !p.isr.contains(&broker) {
            // KIP-966: with an empty ISR the eligible replicas may lead, and failing these the last one that was known to.
            let eligible =
                p.elr.contains(&broker) || (p.elr.is_empty() && p.last_known_elr == [broker]);
            if !p.isr.is_empty() || !eligible {
                continue;
            }
            record.isr = Some(vec![broker.0]);
            record.eligible_leader_replicas = Some(Vec::new());
            record.last_known_elr = Some(Vec::new());
        }
        records.push(MetadataRecord::PartitionChangeRecord(record));
    }
}
