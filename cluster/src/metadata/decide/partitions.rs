//! New partitions: their placement, given or chosen, and CreatePartitions.
//!
//! Always holds: a new partition has a leader that is active, and its ISR is its active replicas. Must never: shrink a topic.

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use airis_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use airis_protocol::messages::*;
use airis_protocol::types::{LeaderEpoch, NodeId};

use super::{Fault, MAX_RECORDS, MetaDecision, outcome};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{Image, PartitionImage};
use crate::placement::{self, Usable};

/// The brokers that may get new replicas.
pub(super) fn usable(image: &Image) -> Vec<Usable> {
    image
        .brokers()
        .filter(|b| !b.in_controlled_shutdown && b.takes_replicas())
        .map(|b| Usable {
            id: b.id,
            rack: b.rack.clone(),
            fenced: b.fenced,
        })
        .collect()
}

/// Checks replicas that the request names. `factor` is the number that the partitions before them have.
pub(super) fn check_manual(
    image: &Image,
    replicas: &[i32],
    factor: Option<usize>,
) -> Result<(), Fault> {
    let bad = |text: String| Fault::new(ErrorCode::InvalidReplicaAssignment, text);
    if replicas.is_empty() {
        return Err(bad(
            "The manual partition assignment includes an empty replica list.".into(),
        ));
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    for (i, id) in sorted.iter().enumerate() {
        if image.broker(NodeId(*id)).is_none() {
            return Err(bad(format!(
                "The manual partition assignment includes broker {id}, but no such broker is registered."
            )));
        }
        if i > 0 && sorted[i - 1] == *id {
            return Err(bad(format!(
                "The manual partition assignment includes the broker {id} more than once."
            )));
        }
    }
    match factor {
        Some(factor) if factor != replicas.len() => Err(bad(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with \
             previous partitions, which have {factor} replica(s).",
            replicas.len()
        ))),
        _ => Ok(()),
    }
}

/// A new partition on these replicas; `None` if none of them is active.
pub(super) fn new_partition(image: &Image, replicas: Vec<NodeId>) -> Option<PartitionImage> {
    let isr: Vec<NodeId> = replicas
        .iter()
        .copied()
        .filter(|r| image.is_active(*r))
        .collect();
    let leader = *isr.first()?;
    Some(PartitionImage {
        directories: replicas
            .iter()
            .map(|r| {
                image
                    .broker(*r)
                    .map_or(airis_protocol::types::Uuid::UNASSIGNED, |b| {
                        b.default_directory()
                    })
            })
            .collect(),
        replicas,
        isr,
        removing: Vec::new(),
        adding: Vec::new(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: Some(leader),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: 0,
        recovering: false,
    })
}

/// The refusal when no replica could lead.
pub(super) fn all_fenced(factor: i32) -> Fault {
    Fault::new(
        ErrorCode::InvalidReplicationFactor,
        format!(
            "Unable to replicate the partition {factor} time(s): All brokers are currently fenced or in controlled shutdown."
        ),
    )
}

pub(super) fn create(
    image: &Image,
    env: &mut Env<'_>,
    request: CreatePartitionsRequest,
) -> MetaDecision {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.as_str()).or_default() += 1;
    }
    let mut results: Vec<CreatePartitionsTopicResult> = times
        .iter()
        .filter(|(_, n)| **n > 1)
        .map(|(name, _)| CreatePartitionsTopicResult {
            name: (*name).into(),
            error_code: ErrorCode::InvalidRequest as i16,
            error_message: Some("Duplicate topic name.".into()),
        })
        .collect();
    let mut records = Vec::new();
    for topic in &request.topics {
        if times[topic.name.as_str()] > 1 {
            continue;
        }
        let result = create_for(image, env, topic, MAX_RECORDS - records.len())
            .map(|mut more| records.append(&mut more));
        let (error_code, error_message) = outcome(&result);
        results.push(CreatePartitionsTopicResult {
            name: topic.name.clone(),
            error_code,
            error_message,
        });
    }
    if request.validate_only {
        records.clear();
    }
    MetaDecision {
        records,
        reply: Reply::CreatePartitions(CreatePartitionsResponse {
            results,
            ..Default::default()
        }),
    }
}

fn create_for(
    image: &Image,
    env: &mut Env<'_>,
    request: &CreatePartitionsTopic,
    room: usize,
) -> Result<Vec<MetadataRecord>, Fault> {
    let topic = image
        .topic(&request.name)
        .ok_or(Fault::bare(ErrorCode::UnknownTopicOrPartition))?;
    let have = topic.partitions.len();
    let bad = |text| Err(Fault::new(ErrorCode::InvalidPartitions, text));
    let wanted = usize::try_from(request.count).unwrap_or(0);
    if wanted == have {
        return bad(format!("Topic already has {have} partition(s)."));
    }
    if wanted < have {
        return bad(format!(
            "The topic {} currently has {have} partition(s); {} would not be an increase.",
            request.name, request.count
        ));
    }
    let more = wanted - have;
    if let Some(assignments) = &request.assignments
        && assignments.len() != more
    {
        return Err(Fault::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "Attempted to add {more} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            ),
        ));
    }
    if more > room {
        return Err(Fault::new(
            ErrorCode::PolicyViolation,
            format!("The request needs more than {MAX_RECORDS} metadata records."),
        ));
    }
    let factor = topic
        .partitions
        .front()
        .map(|p| p.replicas.len())
        .ok_or(Fault::plain(ErrorCode::UnknownServerError))?;
    let placed: Vec<Vec<NodeId>> = match &request.assignments {
        Some(assignments) => {
            let mut placed = Vec::with_capacity(more);
            for a in assignments {
                check_manual(image, &a.broker_ids, Some(factor))?;
                placed.push(a.broker_ids.iter().copied().map(NodeId).collect());
            }
            placed
        }
        None => placement::place(&usable(image), more, factor as i32, env.chance)
            .map_err(|e| Fault::new(ErrorCode::InvalidReplicationFactor, e.to_string()))?,
    };
    let version = image.feature(features::METADATA_VERSION);
    let mut records = Vec::with_capacity(more);
    for (i, replicas) in placed.into_iter().enumerate() {
        let at = (have + i) as i32;
        let partition = new_partition(image, replicas).ok_or_else(|| {
            if request.assignments.is_some() {
                fenced_assignment(at)
            } else {
                all_fenced(factor as i32)
            }
        })?;
        records.push(MetadataRecord::PartitionRecord(
            partition.record(topic.id, at, version),
        ));
    }
    Ok(records)
}

/// The refusal when no replica that the request names could lead.
pub(super) fn fenced_assignment(partition: i32) -> Fault {
    Fault::new(
        ErrorCode::InvalidReplicaAssignment,
        format!(
            "All brokers specified in the manual partition assignment for partition {partition} are fenced or in \
             controlled shutdown."
        ),
    )
}
