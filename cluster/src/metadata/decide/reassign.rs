//! AlterPartitionReassignments and ListPartitionReassignments (KIP-455, KIP-860).
//!
//! Always holds: until all new replicas are in sync the old ones stay; a cancelled reassignment leaves the replicas that there
//! were before it. Must never: take the last in-sync replica away, unless an unclean election is allowed.

use std::collections::BTreeSet;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use airis_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use airis_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use airis_protocol::messages::*;
use airis_protocol::types::{NodeId, Str};

use super::change::{Change, Draft, Election, Rules};
use super::partitions::check_manual;
use super::{Fault, MAX_RECORDS, MetaDecision, outcome, raw};
use crate::metadata::command::{Env, Reply};
use crate::metadata::image::{Image, PartitionImage, TopicImage};

pub(super) fn alter(
    image: &Image,
    env: &Env<'_>,
    request: AlterPartitionReassignmentsRequest,
) -> MetaDecision {
    let may_resize = request.allow_replication_factor_change;
    let mut draft = Draft::new(image);
    let mut responses = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for wish in topic.partitions {
            let result = alter_one(image, env, &mut draft, &topic.name, &wish, may_resize);
            let (error_code, error_message) = outcome(&result);
            partitions.push(ReassignablePartitionResponse {
                partition_index: wish.partition_index,
                error_code,
                error_message,
            });
        }
        responses.push(ReassignableTopicResponse {
            name: topic.name,
            partitions,
        });
    }
    MetaDecision {
        records: draft.records,
        reply: Reply::AlterPartitionReassignments(AlterPartitionReassignmentsResponse {
            allow_replication_factor_change: may_resize,
            error_message: None,
            responses,
            ..Default::default()
        }),
    }
}

fn alter_one<'a>(
    image: &'a Image,
    env: &Env<'_>,
    draft: &mut Draft<'a>,
    name: &Str,
    wish: &ReassignablePartition,
    may_resize: bool,
) -> Result<(), Fault> {
    let unknown = |text: String| Fault::new(ErrorCode::UnknownTopicOrPartition, text);
    let topic = image
        .topic(name)
        .ok_or_else(|| unknown(format!("Unable to find a topic named {name}.")))?;
    let at = wish.partition_index;
    let p = draft
        .partition(topic, at)
        .ok_or_else(|| unknown(format!("Unable to find partition {name}:{at}.")))?;
    let rules = Rules::of(image, env.settings, topic);
    let change = match &wish.replicas {
        None => cancel(p, rules, topic, at)?,
        Some(target) => {
            check_manual(image, target, None)?;
            let target: Vec<NodeId> = target.iter().copied().map(NodeId).collect();
            if !may_resize {
                check_factor(p, target.len())?;
            }
            reassign(p, rules, target)
        }
    };
    let Some(record) = change.of(image, topic.id, at) else {
        return Ok(());
    };
    if draft.records.len() == MAX_RECORDS {
        return Err(Fault::new(
            ErrorCode::PolicyViolation,
            format!("The request needs more than {MAX_RECORDS} metadata records."),
        ));
    }
    draft.take(record);
    Ok(())
}

/// What counts as the number of replicas is what it will be once the present reassignment is done.
fn check_factor(p: &PartitionImage, wanted: usize) -> Result<(), Fault> {
    let staying: BTreeSet<&NodeId> = p
        .replicas
        .iter()
        .chain(&p.adding)
        .filter(|r| !p.removing.contains(r))
        .collect();
    if staying.len() == wanted {
        return Ok(());
    }
    Err(Fault::new(
        ErrorCode::InvalidReplicationFactor,
        format!(
            "The replication factor is changed from {} to {wanted}",
            staying.len()
        ),
    ))
}

/// Towards new replicas. What an earlier reassignment was adding and this one keeps is still being added; what it was removing
/// and this one keeps just stays.
fn reassign(p: &PartitionImage, rules: Rules, target: Vec<NodeId>) -> Change<'_> {
    let mut change = Change::new(p, rules);
    // It may complete at once, which must not lose anything.
    change.election = Election::Online;
    let sorted = |replicas: &mut dyn Iterator<Item = &NodeId>| -> Vec<NodeId> {
        replicas
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    change.removing = sorted(&mut p.replicas.iter().filter(|r| !target.contains(r)));
    change.adding = sorted(
        &mut target
            .iter()
            .filter(|r| !p.replicas.contains(r) || p.adding.contains(r)),
    );
    change.replicas = target;
    change.replicas.extend(&change.removing);
    change
}

/// Back to the replicas that there were.
fn cancel<'a>(
    p: &'a PartitionImage,
    rules: Rules,
    topic: &TopicImage,
    at: i32,
) -> Result<Change<'a>, Fault> {
    if p.adding.is_empty() && p.removing.is_empty() {
        return Err(Fault::plain(ErrorCode::NoReassignmentInProgress));
    }
    let mut change = Change::new(p, rules);
    let stays = |r: &NodeId| !p.adding.contains(r);
    change.replicas.retain(stays);
    change.isr.retain(stays);
    change.adding.clear();
    change.removing.clear();
    if change.isr.is_empty() {
        // All that have the records would go.
        if !rules.unclean {
            return Err(Fault::new(
                ErrorCode::InvalidReplicaAssignment,
                format!(
                    "Unable to revert partition assignment for {}:{at} because it would require an unclean leader election.",
                    topic.name
                ),
            ));
        }
        let Some(first) = change.replicas.first() else {
            return Err(Fault::new(
                ErrorCode::InvalidReplicaAssignment,
                "Invalid replica assignment: addingReplicas contains all replicas.",
            ));
        };
        change.isr = vec![*first];
    }
    Ok(change)
}

pub(super) fn list(image: &Image, request: ListPartitionReassignmentsRequest) -> MetaDecision {
    let ongoing = |topic: &TopicImage, partitions: &mut dyn Iterator<Item = i32>| {
        let partitions: Vec<OngoingPartitionReassignment> = partitions
            .filter_map(|at| {
                let p = topic.partitions.get(usize::try_from(at).ok()?)?;
                let moves = !p.adding.is_empty() || !p.removing.is_empty();
                moves.then(|| OngoingPartitionReassignment {
                    partition_index: at,
                    replicas: raw(&p.replicas),
                    adding_replicas: raw(&p.adding),
                    removing_replicas: raw(&p.removing),
                })
            })
            .collect();
        (!partitions.is_empty()).then(|| OngoingTopicReassignment {
            name: topic.name.clone(),
            partitions,
        })
    };
    let topics = match request.topics {
        None => image
            .topics()
            .filter_map(|t| ongoing(t, &mut (0..t.partitions.len() as i32)))
            .collect(),
        Some(asked) => asked
            .into_iter()
            .filter_map(|a| ongoing(image.topic(&a.name)?, &mut a.partition_indexes.into_iter()))
            .collect(),
    };
    MetaDecision::unchanged(Reply::ListPartitionReassignments(
        ListPartitionReassignmentsResponse {
            error_message: None,
            topics,
            ..Default::default()
        },
    ))
}
