//! AssignReplicasToDirs (KIP-858): a broker tells in which of its log directories its replicas are.
//!
//! Always holds: a replica in a directory that is not online is in no ISR. Must never: take one broker's word for another's
//! replicas.

use std::collections::BTreeSet;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::assign_replicas_to_dirs_response as response;
use airis_protocol::messages::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
use airis_protocol::types::{BrokerEpoch, NodeId, Uuid};

use super::MetaDecision;
use super::brokers::check_epoch;
use super::change::{Change, Draft, Rules, default_directory};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{Image, TopicImage};

pub(super) fn assign(
    image: &Image,
    env: &Env<'_>,
    request: AssignReplicasToDirsRequest,
) -> Result<MetaDecision, ErrorCode> {
    if image.feature(features::METADATA_VERSION) < features::DIRECTORIES_FROM {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let id = NodeId(request.broker_id);
    check_epoch(image, id, BrokerEpoch(request.broker_epoch))?;
    let broker = image.broker(id).expect("its epoch was checked");
    let held: BTreeSet<&Uuid> = broker.directories.iter().collect();
    let mut draft = Draft::new(image);
    let mut directories = Vec::with_capacity(request.directories.len());
    for directory in request.directories {
        let online = match directory.id {
            Uuid::LOST => false,
            Uuid::UNASSIGNED | Uuid::MIGRATING => true,
            id => held.contains(&id),
        };
        let mut topics = Vec::with_capacity(directory.topics.len());
        for named in directory.topics {
            let topic = image.topic_by_id(named.topic_id);
            let rules = topic.map(|t| Rules::of(image, env.settings, t));
            let partitions = named.partitions.iter().map(|p| {
                let at = p.partition_index;
                let result = match topic.zip(rules) {
                    None => Err(ErrorCode::UnknownTopicId),
                    Some((topic, rules)) => assign_one(
                        image,
                        &mut draft,
                        (topic, at),
                        rules,
                        (id, directory.id, online),
                    ),
                };
                response::PartitionData {
                    partition_index: at,
                    error_code: result.err().map_or(0, |e| e as i16),
                }
            });
            topics.push(response::TopicData {
                partitions: partitions.collect(),
                topic_id: named.topic_id,
            });
        }
        directories.push(response::DirectoryData {
            id: directory.id,
            topics,
        });
    }
    Ok(MetaDecision {
        records: draft.records,
        reply: Reply::AssignReplicasToDirs(AssignReplicasToDirsResponse {
            directories,
            ..Default::default()
        }),
    })
}

fn assign_one<'a>(
    image: &'a Image,
    draft: &mut Draft<'a>,
    (topic, at): (&'a TopicImage, i32),
    rules: Rules,
    (broker, directory, online): (NodeId, Uuid, bool),
) -> Result<(), ErrorCode> {
    let p = draft
        .partition(topic, at)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !p.has_replica(broker) {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let mut change = Change::new(p, rules);
    change.moved = Some((broker, directory));
    if !online {
        change.isr.retain(|r| *r != broker);
    }
    let live = |r: NodeId| {
        let there = if r == broker {
            online
        } else {
            image.directory_online(p, r)
        };
        there && image.is_active(r)
    };
    if let Some(record) = change.record(topic.id, at, live, |r| default_directory(image, r)) {
        draft.take(record);
    }
    Ok(())
}
