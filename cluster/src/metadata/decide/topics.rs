//! CreateTopics and DeleteTopics.
//!
//! Always holds: every topic of the request is answered once; a topic is created whole (name, configs, all partitions) or not at
//! all. Must never: let two topics have one name, or names that collide in metrics.

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_topics_request::CreatableTopic;
use airis_protocol::messages::create_topics_response::CreatableTopicResult;
use airis_protocol::messages::delete_topics_response::DeletableTopicResult;
use airis_protocol::messages::*;
use airis_protocol::names;
use airis_protocol::types::{NodeId, Str, Uuid};

use super::configs::new_topic_configs;
use super::partitions::{all_fenced, check_manual, fenced_assignment, new_partition, usable};
use super::{Fault, MAX_PARTITIONS, MAX_RECORDS, MetaDecision, checks};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{Image, PartitionImage};
use crate::placement;

fn failed(name: &Str, fault: &Fault) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.clone(),
        error_code: fault.code as i16,
        error_message: fault.text(),
        ..Default::default()
    }
}

pub(super) fn create(
    image: &Image,
    env: &mut Env<'_>,
    request: CreateTopicsRequest,
    describable: Option<Vec<Str>>,
) -> MetaDecision {
    let describable: Option<BTreeSet<Str>> = describable.map(|names| names.into_iter().collect());
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.as_str()).or_default() += 1;
    }
    let asked: Vec<&CreatableTopic> = request
        .topics
        .iter()
        .filter(|t| times[t.name.as_str()] == 1 && t.name != names::METADATA_TOPIC)
        .collect();
    let mut records = Vec::new();
    let mut results = Vec::with_capacity(request.topics.len());
    let mut new_names = BTreeSet::new();
    if total_partitions(&asked, env.settings.default_partitions) > MAX_PARTITIONS {
        let fault = Fault::new(
            ErrorCode::PolicyViolation,
            "Excessively large number of partitions per request.",
        );
        results.extend(asked.iter().map(|t| failed(&t.name, &fault)));
    } else {
        for topic in asked {
            let show = describable
                .as_ref()
                .is_none_or(|names| names.contains(&topic.name));
            let room = MAX_RECORDS - records.len();
            let made = check_name(image, &topic.name, &new_names)
                .and_then(|()| create_one(image, env, topic, show, room));
            match made {
                Ok((result, mut more)) => {
                    records.append(&mut more);
                    new_names.insert(names::collision_key(&topic.name));
                    results.push(result);
                }
                Err(fault) => results.push(failed(&topic.name, &fault)),
            }
        }
    }
    for (name, n) in &times {
        let fault = if *n > 1 {
            Fault::new(ErrorCode::InvalidRequest, "Duplicate topic name.")
        } else if *name == names::METADATA_TOPIC {
            Fault::new(
                ErrorCode::InvalidRequest,
                format!("Creation of internal topic {name} is prohibited."),
            )
        } else {
            continue;
        };
        results.push(failed(&Str::from(*name), &fault));
    }
    if request.validate_only {
        records.clear();
    }
    MetaDecision {
        records,
        reply: Reply::CreateTopics(CreateTopicsResponse {
            topics: results,
            ..Default::default()
        }),
    }
}

fn total_partitions(topics: &[&CreatableTopic], default: i32) -> usize {
    topics
        .iter()
        .map(|t| match (t.assignments.len(), t.num_partitions) {
            (0, -1) => default.max(0) as usize,
            (0, n) => n.max(0) as usize,
            (n, _) => n,
        })
        .sum()
}

fn check_name(image: &Image, name: &Str, new: &BTreeSet<String>) -> Result<(), Fault> {
    if let Err(bad) = names::validate_topic(name) {
        return Err(Fault::new(
            ErrorCode::InvalidTopicException,
            bad.to_string(),
        ));
    }
    if image.topic(name).is_some() {
        return Err(Fault::new(
            ErrorCode::TopicAlreadyExists,
            format!("Topic '{name}' already exists."),
        ));
    }
    if names::has_collision_chars(name) {
        if let Some(other) = image.colliding(name).first() {
            return Err(Fault::new(
                ErrorCode::InvalidTopicException,
                format!("Topic '{name}' collides with existing topic: {other}"),
            ));
        }
        // Kafka looks at existing topics only, and so lets two colliding names of one request through.
        if new.contains(&names::collision_key(name)) {
            return Err(Fault::new(
                ErrorCode::InvalidTopicException,
                format!("Topic '{name}' collides with another topic of the request."),
            ));
        }
    }
    Ok(())
}

fn create_one(
    image: &Image,
    env: &mut Env<'_>,
    topic: &CreatableTopic,
    show: bool,
    room: usize,
) -> Result<(CreatableTopicResult, Vec<MetadataRecord>), Fault> {
    let (configs, mut config_records) = new_topic_configs(image, env.settings, topic)?;
    let partitions = if topic.assignments.is_empty() {
        place(image, env, topic)?
    } else {
        given(image, topic)?
    };
    if 1 + config_records.len() + partitions.len() > room {
        return Err(Fault::new(
            ErrorCode::PolicyViolation,
            format!("The request needs more than {MAX_RECORDS} metadata records."),
        ));
    }
    let id = loop {
        let id = env.chance.uuid();
        if image.topic_by_id(id).is_none() {
            break id;
        }
    };
    let mut result = CreatableTopicResult {
        name: topic.name.clone(),
        topic_id: id,
        error_message: None,
        ..Default::default()
    };
    if show {
        result.num_partitions = partitions.len() as i32;
        result.replication_factor = partitions[0].replicas.len() as i16;
        result.configs = Some(checks::effective_topic_configs(
            image,
            env.settings,
            &configs,
        ));
    } else {
        result.topic_config_error_code = ErrorCode::TopicAuthorizationFailed as i16;
    }
    let version = image.feature(features::METADATA_VERSION);
    let mut records = vec![MetadataRecord::TopicRecord(TopicRecord {
        name: topic.name.clone(),
        topic_id: id,
    })];
    records.append(&mut config_records);
    records.extend(
        partitions
            .iter()
            .enumerate()
            .map(|(at, p)| MetadataRecord::PartitionRecord(p.record(id, at as i32, version))),
    );
    Ok((result, records))
}

/// Partitions on the replicas that the request names.
fn given(image: &Image, topic: &CreatableTopic) -> Result<Vec<PartitionImage>, Fault> {
    let invalid = |text: &str| Err(Fault::new(ErrorCode::InvalidRequest, text));
    if topic.replication_factor != -1 {
        return invalid(
            "A manual partition assignment was specified, but replication factor was not set to -1.",
        );
    }
    if topic.num_partitions != -1 {
        return invalid(
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        );
    }
    let mut partitions = BTreeMap::new();
    let mut factor = None;
    for a in &topic.assignments {
        if partitions.contains_key(&a.partition_index) {
            return Err(Fault::new(
                ErrorCode::InvalidReplicaAssignment,
                format!(
                    "Found multiple manual partition assignments for partition {}",
                    a.partition_index
                ),
            ));
        }
        check_manual(image, &a.broker_ids, factor)?;
        factor = Some(a.broker_ids.len());
        let replicas = a.broker_ids.iter().copied().map(NodeId).collect();
        let partition =
            new_partition(image, replicas).ok_or_else(|| fenced_assignment(a.partition_index))?;
        partitions.insert(a.partition_index, partition);
    }
    if partitions.keys().copied().ne(0..partitions.len() as i32) {
        return Err(Fault::new(
            ErrorCode::InvalidReplicaAssignment,
            "partitions should be a consecutive 0-based integer sequence",
        ));
    }
    Ok(partitions.into_values().collect())
}

/// Partitions on replicas of our choice.
fn place(
    image: &Image,
    env: &mut Env<'_>,
    topic: &CreatableTopic,
) -> Result<Vec<PartitionImage>, Fault> {
    let factor = match topic.replication_factor {
        -1 => env.settings.default_replication_factor,
        n if n <= 0 => {
            return Err(Fault::new(
                ErrorCode::InvalidReplicationFactor,
                "Replication factor must be larger than 0, or -1 to use the default value.",
            ));
        }
        n => n,
    };
    let count = match topic.num_partitions {
        -1 => env.settings.default_partitions,
        n if n <= 0 => {
            return Err(Fault::new(
                ErrorCode::InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.",
            ));
        }
        n => n,
    };
    placement::place(&usable(image), count as usize, factor.into(), env.chance)
        .map_err(|e| {
            Fault::new(
                ErrorCode::InvalidReplicationFactor,
                format!("Unable to replicate the partition {factor} time(s): {e}"),
            )
        })?
        .into_iter()
        .map(|replicas| new_partition(image, replicas).ok_or_else(|| all_fenced(factor.into())))
        .collect()
}

pub(super) fn delete(
    image: &Image,
    env: &Env<'_>,
    request: DeleteTopicsRequest,
) -> Result<MetaDecision, ErrorCode> {
    if !env.settings.delete_topic_enable {
        return Err(ErrorCode::TopicDeletionDisabled);
    }
    let mut responses = Vec::new();
    let mut answer = |name: Option<&Str>, id: Uuid, fault: Option<Fault>| {
        responses.push(DeletableTopicResult {
            name: name.cloned(),
            topic_id: id,
            error_code: fault.as_ref().map_or(0, |f| f.code as i16),
            error_message: fault.as_ref().and_then(Fault::text),
        });
    };
    let invalid = |text: &str| Some(Fault::new(ErrorCode::InvalidRequest, text));
    let mut by_name: BTreeMap<&Str, usize> = BTreeMap::new();
    let mut by_id: BTreeMap<Uuid, usize> = BTreeMap::new();
    for name in &request.topic_names {
        *by_name.entry(name).or_default() += 1;
    }
    for topic in &request.topics {
        match (&topic.name, topic.topic_id) {
            (None, Uuid::ZERO) => answer(
                None,
                Uuid::ZERO,
                invalid("Neither topic name nor id were specified."),
            ),
            (None, id) => *by_id.entry(id).or_default() += 1,
            (Some(name), Uuid::ZERO) => *by_name.entry(name).or_default() += 1,
            (Some(name), id) => answer(
                Some(name),
                id,
                invalid("You may not specify both topic name and topic id."),
            ),
        }
    }
    for (name, _) in by_name.iter().filter(|(_, n)| **n > 1) {
        answer(Some(name), Uuid::ZERO, invalid("Duplicate topic name."));
    }
    for (id, _) in by_id.iter().filter(|(_, n)| **n > 1) {
        answer(None, *id, invalid("Duplicate topic id."));
    }
    let mut doomed: BTreeMap<Uuid, Str> = BTreeMap::new();
    for (id, _) in by_id.iter().filter(|(_, n)| **n == 1) {
        match image.topic_by_id(*id) {
            Some(topic) => {
                doomed.insert(*id, topic.name.clone());
            }
            None => answer(None, *id, Some(Fault::plain(ErrorCode::UnknownTopicId))),
        }
    }
    for (name, _) in by_name.iter().filter(|(_, n)| **n == 1) {
        match image.topic(name) {
            None => answer(
                Some(name),
                Uuid::ZERO,
                Some(Fault::plain(ErrorCode::UnknownTopicOrPartition)),
            ),
            Some(topic) if by_id.contains_key(&topic.id) => {
                doomed.remove(&topic.id);
                answer(
                    Some(name),
                    topic.id,
                    invalid("The provided topic name maps to an ID that was already supplied."),
                );
            }
            Some(topic) => {
                doomed.insert(topic.id, topic.name.clone());
            }
        }
    }
    let mut records = Vec::new();
    for (id, name) in &doomed {
        if records.len() == MAX_RECORDS {
            let text = format!("The request needs more than {MAX_RECORDS} metadata records.");
            answer(
                Some(name),
                *id,
                Some(Fault::new(ErrorCode::PolicyViolation, text)),
            );
            continue;
        }
        records.push(MetadataRecord::RemoveTopicRecord(RemoveTopicRecord {
            topic_id: *id,
        }));
        answer(Some(name), *id, None);
    }
    Ok(MetaDecision {
        records,
        reply: Reply::DeleteTopics(DeleteTopicsResponse {
            responses,
            ..Default::default()
        }),
    })
}
