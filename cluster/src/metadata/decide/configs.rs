//! AlterConfigs and IncrementalAlterConfigs, and the configs of a new topic.
//!
//! Always holds: a resource is changed as a whole or not at all; what is stored has been checked against the tables. Must never:
//! store a config that a later start would refuse.

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_topics_request::CreatableTopic;
use airis_protocol::messages::{alter_configs_response, incremental_alter_configs_response, *};
use airis_protocol::names;
use airis_protocol::types::{NodeId, Str};

use super::change::Draft;
use super::{Fault, MAX_RECORDS, MetaDecision, checks, elect_leaders, outcome, raw};
use crate::metadata::command::{Env, Reply, Settings};
use crate::metadata::features;
use crate::metadata::image::{ConfigMap, Image, ResourceType};

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";
const UNCLEAN_ELECTION: &str = "unclean.leader.election.enable";
/// The longest value, in bytes: longer ones do not fit a record's string. Requests hold none, but what is appended adds up. Kafka
/// counts UTF-16 units here, and its controller steps down over a value that passes and cannot be written.
const MAX_VALUE: usize = i16::MAX as usize;

/// What is to happen to one config.
#[derive(Clone, Debug)]
enum Op {
    Set(Str),
    Delete,
    Append(Str),
    Subtract(Str),
}

type Resource = (ResourceType, Str);

fn record(resource: &Resource, name: &str, value: Option<Str>) -> ConfigRecord {
    ConfigRecord {
        resource_type: resource.0 as i8,
        resource_name: resource.1.clone(),
        name: name.into(),
        value,
    }
}

/// The configs of a topic to be created, checked, and their records.
pub(super) fn new_topic_configs(
    image: &Image,
    settings: &Settings,
    topic: &CreatableTopic,
) -> Result<(ConfigMap, Vec<MetadataRecord>), Fault> {
    let nulls: Vec<&str> = topic
        .configs
        .iter()
        .filter(|c| c.value.is_none())
        .map(|c| c.name.as_str())
        .collect();
    if !nulls.is_empty() {
        return Err(Fault::new(
            ErrorCode::InvalidConfig,
            format!(
                "Null value not supported for topic configs: {}",
                nulls.join(",")
            ),
        ));
    }
    let resource = (ResourceType::Topic, topic.name.clone());
    let changes: BTreeMap<Str, Op> = topic
        .configs
        .iter()
        .filter_map(|c| Some((c.name.clone(), Op::Set(c.value.clone()?))))
        .collect();
    let records = if changes.is_empty() {
        Vec::new()
    } else {
        apply_ops(image, settings, &resource, &changes, true)?
    };
    let map = topic
        .configs
        .iter()
        .filter_map(|c| Some((c.name.clone(), c.value.clone()?)))
        .collect();
    Ok((
        map,
        records
            .into_iter()
            .map(MetadataRecord::ConfigRecord)
            .collect(),
    ))
}

/// The records of an incremental change of one resource.
fn apply_ops(
    image: &Image,
    settings: &Settings,
    resource: &Resource,
    changes: &BTreeMap<Str, Op>,
    new: bool,
) -> Result<Vec<ConfigRecord>, Fault> {
    let current = image.configs(resource.0, &resource.1).cloned();
    let mut records = Vec::new();
    for (name, op) in changes {
        let before = current.as_ref().and_then(|c| c.get(name.as_str()));
        let after = match op {
            Op::Set(value) => Some(value.clone()),
            Op::Delete => None,
            Op::Append(_) | Op::Subtract(_) => Some(edit_list(resource, name, before, op)?),
        };
        // A broker reloads on every record, so an unchanged value still counts there (KAFKA-14136).
        if after.as_ref() != before || resource.0 == ResourceType::Broker {
            records.push(record(resource, name, after));
        }
    }
    validate(image, settings, resource, &records, &[], new)?;
    Ok(records)
}

fn edit_list(resource: &Resource, name: &str, before: Option<&Str>, op: &Op) -> Result<Str, Fault> {
    let (verb, values, add) = match op {
        Op::Append(values) => ("APPEND", values, true),
        Op::Subtract(values) => ("SUBTRACT", values, false),
        Op::Set(_) | Op::Delete => unreachable!("only lists are edited"),
    };
    if !checks::is_list(resource.0, name) {
        return Err(Fault::new(
            ErrorCode::InvalidConfig,
            format!("Can't {verb} to key {name} because its type is not LIST."),
        ));
    }
    let before = match before {
        Some(value) => value.to_string(),
        None => checks::default_value(resource.0, name).unwrap_or_default(),
    };
    let mut list: Vec<&str> = before.split(',').filter(|v| !v.is_empty()).collect();
    if add {
        let mut there: BTreeSet<&str> = list.iter().copied().collect();
        list.extend(values.split(',').filter(|v| there.insert(v)));
    } else {
        // Each mention takes one out, from the front.
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for value in values.split(',') {
            *times.entry(value).or_default() += 1;
        }
        list.retain(|v| match times.get_mut(v) {
            Some(n) if *n > 0 => {
                *n -= 1;
                false
            }
            _ => true,
        });
    }
    Ok(list.join(",").into())
}

/// Checks the whole of what a resource would have. `dropped` are configs that go because a full replacement does not name them.
fn validate(
    image: &Image,
    settings: &Settings,
    resource: &Resource,
    altered: &[ConfigRecord],
    dropped: &[ConfigRecord],
    new: bool,
) -> Result<(), Fault> {
    let (ty, name) = (resource.0, resource.1.as_str());
    let invalid = |text: String| Err(Fault::new(ErrorCode::InvalidConfig, text));
    let mut all = image
        .configs(ty, name)
        .map_or_else(ConfigMap::new, |c| ConfigMap::clone(c));
    let elr = image.feature(features::ELIGIBLE_LEADER_REPLICAS) > 0;
    for r in altered.iter().chain(dropped) {
        if ty == ResourceType::Broker && r.name == MIN_INSYNC_REPLICAS && elr {
            if !name.is_empty() {
                return invalid(format!(
                    "Broker-level {MIN_INSYNC_REPLICAS} cannot be altered while ELR is enabled."
                ));
            }
            if r.value.is_none() {
                return invalid(format!(
                    "Cluster-level {MIN_INSYNC_REPLICAS} cannot be removed while ELR is enabled."
                ));
            }
        }
        match &r.value {
            None => {
                all.remove(r.name.as_str());
            }
            Some(value) if value.len() > MAX_VALUE => {
                return invalid(format!(
                    "The configuration value cannot be added because it exceeds the maximum value size of {MAX_VALUE} bytes."
                ));
            }
            Some(value) => {
                all.insert(r.name.clone(), value.clone());
            }
        }
    }
    check_resource_name(ty, name)?;
    checks::validate(image, settings, ty, name, &all)?;
    if new {
        Ok(())
    } else {
        exists(image, settings, ty, name)
    }
}

fn check_resource_name(ty: ResourceType, name: &str) -> Result<(), Fault> {
    let invalid = |text: String| Err(Fault::new(ErrorCode::InvalidRequest, text));
    match ty {
        ResourceType::Topic if name.is_empty() => {
            invalid("Default topic resources are not allowed.".into())
        }
        ResourceType::Topic => names::validate_topic(name)
            .map_err(|e| Fault::new(ErrorCode::InvalidTopicException, e.to_string())),
        ResourceType::Broker if name.is_empty() => Ok(()),
        ResourceType::Broker => match name.parse::<i32>() {
            Err(_) => invalid(format!("Node id must be an integer, but it is: {name}")),
            Ok(id) if id < 0 => invalid("Invalid negative broker ID.".into()),
            Ok(_) => Ok(()),
        },
        ResourceType::Group if name.is_empty() => {
            invalid("Default group resources are not allowed.".into())
        }
        ResourceType::ClientMetrics if name.is_empty() => {
            invalid("Subscription name can't be empty".into())
        }
        ResourceType::Group | ResourceType::ClientMetrics => Ok(()),
        ResourceType::BrokerLogger => invalid(format!("Unknown resource type {}", ty.name())),
    }
}

fn exists(image: &Image, settings: &Settings, ty: ResourceType, name: &str) -> Result<(), Fault> {
    match ty {
        ResourceType::Topic if image.topic(name).is_none() => Err(Fault::new(
            ErrorCode::UnknownTopicOrPartition,
            format!("The topic '{name}' does not exist."),
        )),
        ResourceType::Broker if !name.is_empty() => {
            let id = NodeId(name.parse().expect("checked before"));
            if image.broker(id).is_some() || id == settings.node {
                Ok(())
            } else {
                // What the broker that got the request says of another's id, before it asks the controller.
                Err(Fault::new(
                    ErrorCode::InvalidRequest,
                    format!(
                        "Unexpected broker id, expected {}, but received {name}",
                        settings.node
                    ),
                ))
            }
        }
        _ => Ok(()),
    }
}

/// What is known of the partitions of a topic (of all for "") that have neither a leader nor an ISR, as records.
fn leaderless<'a>(image: &'a Image, name: &'a Str) -> impl Iterator<Item = MetadataRecord> + 'a {
    let all = name.is_empty().then(|| image.topics());
    let topics = all.into_iter().flatten().chain(image.topic(name));
    topics
        .flat_map(|t| {
            t.partitions
                .iter()
                .enumerate()
                .map(move |(at, p)| (t, at, p))
        })
        .filter(|(_, _, p)| p.leader.is_none() && p.isr.is_empty())
        .map(|(t, at, p)| {
            MetadataRecord::PartitionChangeRecord(PartitionChangeRecord {
                partition_id: at as i32,
                topic_id: t.id,
                eligible_leader_replicas: Some(raw(&p.elr)),
                last_known_elr: Some(raw(&p.last_known_elr)),
                ..Default::default()
            })
        })
}

/// A changed `min.insync.replicas` makes what is known of eligible leader replicas void (KIP-966).
fn clear_elr(image: &Image, records: &mut Vec<MetadataRecord>) {
    if image.feature(features::ELIGIBLE_LEADER_REPLICAS) == 0 {
        return;
    }
    let clears: Vec<MetadataRecord> = records
        .iter()
        .filter_map(|r| match r {
            MetadataRecord::ConfigRecord(r) if r.name == MIN_INSYNC_REPLICAS => {
                let topic = r.resource_type == ResourceType::Topic as i8;
                Some(MetadataRecord::ClearElrRecord(ClearElrRecord {
                    topic_name: if topic {
                        r.resource_name.clone()
                    } else {
                        Str::default()
                    },
                }))
            }
            _ => None,
        })
        .collect();
    records.extend(clears);
    // Kafka forgets with them who has the records of a partition that nobody leads at the moment, and so it stays without a
    // leader for good. Here these partitions are told again.
    let told: Vec<MetadataRecord> = records
        .iter()
        .filter_map(|r| match r {
            MetadataRecord::ClearElrRecord(r) => Some(r.topic_name.clone()),
            _ => None,
        })
        .collect::<BTreeSet<Str>>()
        .iter()
        .flat_map(|name| leaderless(image, name))
        .collect();
    records.extend(told);
}

/// One resource of a request with what is wanted of it, or why the request is wrong about it.
enum Asked<T> {
    Change(Resource, T),
    Bad(Fault),
}

/// Sorts out unknown types and resources named twice. There is one answer for each mention, in the order of the request
/// (Kafka's `ConfigAdminManager`).
fn sort_out<T>(resources: Vec<(i8, Str, T)>) -> Vec<(i8, Str, Asked<T>)> {
    let mut times: BTreeMap<(i8, Str), usize> = BTreeMap::new();
    for (ty, name, _) in &resources {
        *times.entry((*ty, name.clone())).or_default() += 1;
    }
    let invalid = |text: String| Asked::Bad(Fault::new(ErrorCode::InvalidRequest, text));
    resources
        .into_iter()
        .map(|(ty, name, wish)| {
            let asked = match ResourceType::try_from(ty) {
                _ if times[&(ty, name.clone())] > 1 => {
                    invalid("Each resource must appear at most once.".into())
                }
                Err(_) => invalid(format!("Unknown resource type {ty}")),
                Ok(known) => Asked::Change((known, name.clone()), wish),
            };
            (ty, name, asked)
        })
        .collect()
}

/// Refuses a config that is named twice, and values that are missing.
fn check_names<'a>(configs: impl Iterator<Item = (&'a Str, bool)> + Clone) -> Result<(), Fault> {
    let invalid = |text: String| Err(Fault::new(ErrorCode::InvalidRequest, text));
    let names: BTreeSet<&Str> = configs.clone().map(|(name, _)| name).collect();
    if names.len() != configs.clone().count() {
        return invalid("Error due to duplicate config keys".into());
    }
    let missing: Vec<&str> = configs
        .filter(|(_, missing)| *missing)
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        return invalid(format!(
            "Null value not supported for : {}",
            missing.join(", ")
        ));
    }
    Ok(())
}

/// Type and name of a resource, the error code and message that it is answered with.
type Answer = (i8, Str, i16, Option<Str>);

/// Unclean elections that the changes have come to allow are made with them, not at some later check.
fn elect_uncleanly(image: &Image, env: &Env<'_>, records: &mut Vec<MetadataRecord>) {
    let allowed = records.iter().any(|r| {
        matches!(r, MetadataRecord::ConfigRecord(r)
            if r.name == UNCLEAN_ELECTION && r.value.as_deref() == Some("true"))
    });
    if !allowed {
        return;
    }
    let (changed, _) = image
        .apply(image.position.next(), image.position.epoch, records)
        .expect("what was decided can be replayed");
    let mut draft = Draft::new(&changed);
    elect_leaders::uncleanly(&changed, env, &mut draft);
    records.append(&mut draft.records);
}

/// Runs the changes of all resources; each answers for itself.
fn run<T>(
    image: &Image,
    env: &Env<'_>,
    resources: Vec<(i8, Str, T)>,
    validate_only: bool,
    mut change: impl FnMut(&Resource, T) -> Result<Vec<ConfigRecord>, Fault>,
) -> Result<(Vec<MetadataRecord>, Vec<Answer>), ErrorCode> {
    let mut records: Vec<MetadataRecord> = Vec::new();
    let mut answers = Vec::new();
    for (ty, name, asked) in sort_out(resources) {
        let result = match asked {
            Asked::Bad(fault) => Err(fault),
            Asked::Change(resource, wish) => change(&resource, wish).map(|more| {
                records.extend(more.into_iter().map(MetadataRecord::ConfigRecord));
            }),
        };
        let (code, message) = outcome(&result);
        answers.push((ty, name, code, message));
    }
    clear_elr(image, &mut records);
    if records.len() > MAX_RECORDS {
        return Err(ErrorCode::PolicyViolation);
    }
    elect_uncleanly(image, env, &mut records);
    if validate_only {
        records.clear();
    }
    Ok((records, answers))
}

pub(super) fn alter_incremental(
    image: &Image,
    env: &Env<'_>,
    request: IncrementalAlterConfigsRequest,
) -> Result<MetaDecision, ErrorCode> {
    let resources = request
        .resources
        .into_iter()
        .map(|r| (r.resource_type, r.resource_name, r.configs))
        .collect();
    let (records, answers) = run(
        image,
        env,
        resources,
        request.validate_only,
        |resource, configs| {
            const DELETE: i8 = 1;
            check_names(configs.iter().map(|c| {
                let missing = c.value.is_none() && c.config_operation != DELETE;
                (&c.name, missing)
            }))?;
            let mut changes = BTreeMap::new();
            for c in configs {
                let value = c.value.unwrap_or_default();
                let op = match c.config_operation {
                    0 => Op::Set(value),
                    DELETE => Op::Delete,
                    2 => Op::Append(value),
                    3 => Op::Subtract(value),
                    other => {
                        return Err(Fault::new(
                            ErrorCode::InvalidRequest,
                            format!("Unknown operations type {other}"),
                        ));
                    }
                };
                changes.insert(c.name, op);
            }
            apply_ops(image, env.settings, resource, &changes, false)
        },
    )?;
    Ok(MetaDecision {
        records,
        reply: Reply::IncrementalAlterConfigs(IncrementalAlterConfigsResponse {
            responses: answers
                .into_iter()
                .map(|(ty, name, code, message)| {
                    incremental_alter_configs_response::AlterConfigsResourceResponse {
                        error_code: code,
                        error_message: message,
                        resource_type: ty,
                        resource_name: name,
                    }
                })
                .collect(),
            ..Default::default()
        }),
    })
}

/// The older API: what is not named goes.
pub(super) fn alter(
    image: &Image,
    env: &Env<'_>,
    request: AlterConfigsRequest,
) -> Result<MetaDecision, ErrorCode> {
    let resources = request
        .resources
        .into_iter()
        .map(|r| (r.resource_type, r.resource_name, r.configs))
        .collect();
    let (records, answers) = run(
        image,
        env,
        resources,
        request.validate_only,
        |resource, configs| {
            let current = image
                .configs(resource.0, &resource.1)
                .map_or_else(ConfigMap::new, |c| ConfigMap::clone(c));
            check_names(configs.iter().map(|c| (&c.name, c.value.is_none())))?;
            let wanted: BTreeMap<Str, Option<Str>> =
                configs.into_iter().map(|c| (c.name, c.value)).collect();
            let altered: Vec<ConfigRecord> = wanted
                .iter()
                .filter(|(name, value)| {
                    current.get(name.as_str()) != value.as_ref()
                        || resource.0 == ResourceType::Broker
                })
                .map(|(name, value)| record(resource, name, value.clone()))
                .collect();
            let dropped: Vec<ConfigRecord> = current
                .keys()
                .filter(|name| !wanted.contains_key(name.as_str()))
                .map(|name| record(resource, name, None))
                .collect();
            validate(image, env.settings, resource, &altered, &dropped, false)?;
            Ok(altered.into_iter().chain(dropped).collect())
        },
    )?;
    Ok(MetaDecision {
        records,
        reply: Reply::AlterConfigs(AlterConfigsResponse {
            responses: answers
                .into_iter()
                .map(|(ty, name, code, message)| {
                    alter_configs_response::AlterConfigsResourceResponse {
                        error_code: code,
                        error_message: message,
                        resource_type: ty,
                        resource_name: name,
                    }
                })
                .collect(),
            ..Default::default()
        }),
    })
}
