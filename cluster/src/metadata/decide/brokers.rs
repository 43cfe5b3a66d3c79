//! Brokers come, are fenced and unfenced, and go; and with them the leadership of partitions.
//!
//! Always holds: a partition's leader is in its ISR and its broker is active; a broker's epoch is the offset of its registration.
//! Must never: let a broker lead that is not known to have the partition's records, while one that is may come back.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(feature = "sim")]
use crate::plant::{Plant, is_planted};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use airis_protocol::messages::*;
use airis_protocol::types::{BrokerEpoch, NodeId, Uuid};

use super::change::{Change, RECOVERED, RECOVERING, Rules, default_directory};
use super::{MetaDecision, heartbeat};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{Image, PartitionImage, TopicImage};

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
        // The old process is gone. Only one that says which registration it stopped cleanly under has all its records.
        let clean = existing.is_some_and(|b| b.epoch.0 == request.previous_broker_epoch);
        #[cfg(feature = "sim")]
        let clean = clean || is_planted(Plant::UncleanReturn);
        let there: BTreeSet<Uuid> = request.log_dirs.iter().copied().collect();
        let event = match image.feature(features::ELIGIBLE_LEADER_REPLICAS) {
            0 => Event::Leaves(id),
            _ if !clean => Event::Crashed(id),
            _ => Event::Returns(id, &there),
        };
        elect(image, env, event, &mut records);
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
    let unfenced = heartbeat::beat(&registered, env, heartbeat, true)?.records;
    // Its log is recovered before it registers, and no other replica has anything that it could catch up with.
    let recovered: Vec<_> = unfenced
        .iter()
        .filter_map(|r| match r {
            MetadataRecord::PartitionChangeRecord(r)
                if r.leader == broker_id && r.leader_recovery_state == RECOVERING =>
            {
                Some(MetadataRecord::PartitionChangeRecord(
                    PartitionChangeRecord {
                        partition_id: r.partition_id,
                        topic_id: r.topic_id,
                        leader_recovery_state: RECOVERED,
                        ..Default::default()
                    },
                ))
            }
            _ => None,
        })
        .collect();
    decision.records.extend(unfenced);
    decision.records.extend(recovered);
    Ok(decision)
}

fn check_directories(image: &Image, id: NodeId, directories: &[Uuid]) -> Result<(), ErrorCode> {
    let mut sorted = directories.to_vec();
    sorted.sort();
    sorted.dedup();
    let taken = image.brokers().filter(|b| b.id != id).any(|b| {
        b.directories
            .iter()
            .any(|d| sorted.binary_search(d).is_ok())
    });
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

/// Fences a broker whose session is over.
pub(super) fn fence(
    image: &Image,
    env: &Env<'_>,
    id: NodeId,
    epoch: BrokerEpoch,
) -> Result<MetaDecision, ErrorCode> {
    check_epoch(image, id, epoch)?;
    let mut records = Vec::new();
    if image.broker(id).is_some_and(|b| !b.fenced) {
        heartbeat::fence(image, env, id, epoch, &mut records);
    }
    Ok(MetaDecision {
        records,
        reply: Reply::Done,
    })
}

pub(super) fn unregister(
    image: &Image,
    env: &Env<'_>,
    id: NodeId,
) -> Result<MetaDecision, ErrorCode> {
    let broker = image.broker(id).ok_or(ErrorCode::BrokerIdNotRegistered)?;
    let mut records = Vec::new();
    // Its logs are as good as lost: it is neither in sync nor eligible.
    elect(image, env, Event::Crashed(id), &mut records);
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

/// All partitions, by topic and number.
pub(super) fn each_partition(
    image: &Image,
) -> impl Iterator<Item = (&TopicImage, i32, &PartitionImage)> {
    image.topics().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .enumerate()
            .map(move |(at, p)| (&**topic, at as i32, &**p))
    })
}

/// Who comes or goes.
#[derive(Clone, Copy)]
pub(super) enum Event<'a> {
    /// May lead from now on.
    Arrives(NodeId),
    /// May not lead any more, nor be in an ISR; its log is whole.
    Leaves(NodeId),
    /// As before, and its log may have lost its end.
    Crashed(NodeId),
    /// Loses what it has in these directories.
    Loses(NodeId, &'a BTreeSet<Uuid>),
    /// Is there anew after a clean stop, with these directories: what is in no other is whole. Where a directory is gone, or what it
    /// held could not be opened, the replica may be begun anew, empty.
    Returns(NodeId, &'a BTreeSet<Uuid>),
}

/// What becomes of all partitions that the event concerns.
pub(super) fn elect(
    image: &Image,
    env: &Env<'_>,
    event: Event<'_>,
    records: &mut Vec<MetadataRecord>,
) {
    #[cfg(feature = "sim")]
    if is_planted(Plant::IsrOfTheFenced) && matches!(event, Event::Leaves(_)) {
        return;
    }
    // Configs are looked up once a topic, and only for topics that the event concerns.
    let mut of_topic: Option<(Uuid, Rules)> = None;
    for (topic, at, p) in each_partition(image) {
        let mut emptied = None;
        let (gone, unclean) = match event {
            Event::Arrives(b) if p.leader.is_none() && p.has_replica(b) => (None, None),
            Event::Leaves(b) if p.isr.contains(&b) => (Some(b), None),
            Event::Loses(b, lost)
                if p.isr.contains(&b) && p.directory_of(b).is_some_and(|d| lost.contains(&d)) =>
            {
                (Some(b), None)
            }
            Event::Crashed(b) if p.isr.contains(&b) || p.elr.contains(&b) => (Some(b), Some(b)),
            Event::Returns(b, there) if p.isr.contains(&b) || p.elr.contains(&b) => {
                let is_there = |id: &Uuid| there.is_empty() || there.contains(id);
                let before = image.broker(b).map_or(&[][..], |known| &known.directories);
                let kept = match p.directory_of(b) {
                    Some(Uuid::LOST) => false,
                    // It may have been in any of them.
                    None | Some(Uuid::UNASSIGNED | Uuid::MIGRATING) => before.iter().all(is_there),
                    Some(id) => is_there(&id),
                };
                emptied = (!kept).then_some(b);
                if kept && !p.isr.contains(&b) {
                    continue;
                }
                (Some(b), (!kept).then_some(b))
            }
            _ => continue,
        };
        let (_, rules) = match of_topic {
            Some(known) if known.0 == topic.id => known,
            _ => *of_topic.insert((topic.id, Rules::of(image, env.settings, topic))),
        };
        let mut change = Change::new(p, rules);
        change.isr.retain(|r| Some(*r) != gone);
        change.unclean_shutdown = unclean;
        change.emptied = emptied;
        let live = |r: NodeId| {
            let active = match event {
                Event::Arrives(b) => r == b || image.is_active(r),
                Event::Leaves(b)
                | Event::Crashed(b)
                | Event::Loses(b, _)
                | Event::Returns(b, _) => r != b && image.is_active(r),
            };
            active && image.directory_online(p, r)
        };
        let record = change.record(topic.id, at, live, |r| default_directory(image, r));
        records.extend(record.map(MetadataRecord::PartitionChangeRecord));
    }
}
