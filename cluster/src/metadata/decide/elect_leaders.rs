//! Elections that are asked for: ElectLeaders, the automatic balance of preferred leaders, and unclean elections where they have
//! come to be allowed.
//!
//! Always holds: a preferred election loses nothing; an unclean one is made only where it is asked for by name or allowed by the
//! topic's config. Must never: take leadership from a leader that may go on, except for the preferred one.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use airis_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use airis_protocol::types::{NodeId, Str, Uuid};

use super::brokers::each_partition;
use super::change::{Change, Draft, Election, Rules};
use super::{Fault, MAX_RECORDS, MetaDecision, outcome};
use crate::metadata::command::{Env, Reply};
use crate::metadata::image::{Image, PartitionImage, TopicImage};

/// `ElectLeadersRequest.election_type`.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

/// The most elections that one round of balance makes (Kafka's `MAX_ELECTIONS_PER_IMBALANCE`).
const BALANCE_MAX: usize = 1_000;

pub(super) fn elect(
    image: &Image,
    env: &Env<'_>,
    request: ElectLeadersRequest,
) -> Result<MetaDecision, ErrorCode> {
    let mut draft = Draft::new(image);
    let mut results = Vec::new();
    let election = match request.election_type {
        PREFERRED => Ok(Election::Preferred),
        UNCLEAN => Ok(Election::Unclean),
        other => Err(Fault::new(
            ErrorCode::InvalidRequest,
            format!("Unknown election type {other}"),
        )),
    };
    let result = |at: i32, outcome_of: &Result<(), Fault>| {
        let (error_code, error_message) = outcome(outcome_of);
        PartitionResult {
            partition_id: at,
            error_code,
            error_message,
        }
    };
    match request.topic_partitions {
        None => {
            let election = election.clone().map_err(|f| f.code)?;
            for topic in image.topics() {
                let mut partition_result = Vec::new();
                for at in 0..topic.partitions.len() as i32 {
                    let elected = elect_one(image, env, &mut draft, &topic.name, at, election);
                    // Whoever has the leader that it should have is not worth a word.
                    let needed = |f: &Fault| f.code != ErrorCode::ElectionNotNeeded;
                    if elected.as_ref().err().is_none_or(needed) {
                        partition_result.push(result(at, &elected));
                    }
                }
                results.push(ReplicaElectionResult {
                    topic: topic.name.clone(),
                    partition_result,
                });
            }
        }
        Some(topics) => {
            for asked in topics {
                let mut partition_result = Vec::with_capacity(asked.partitions.len());
                for at in asked.partitions {
                    let elected = match &election {
                        Ok(e) => elect_one(image, env, &mut draft, &asked.topic, at, *e),
                        Err(fault) => Err(fault.clone()),
                    };
                    partition_result.push(result(at, &elected));
                }
                results.push(ReplicaElectionResult {
                    topic: asked.topic,
                    partition_result,
                });
            }
        }
    }
    if draft.records.len() > MAX_RECORDS {
        return Err(ErrorCode::PolicyViolation);
    }
    Ok(MetaDecision {
        records: draft.records,
        reply: Reply::ElectLeaders(ElectLeadersResponse {
            error_code: election.err().map_or(0, |f| f.code as i16),
            replica_election_results: results,
            ..Default::default()
        }),
    })
}

fn elect_one<'a>(
    image: &'a Image,
    env: &Env<'_>,
    draft: &mut Draft<'a>,
    name: &Str,
    at: i32,
    election: Election,
) -> Result<(), Fault> {
    let unknown = |text: String| Fault::new(ErrorCode::UnknownTopicOrPartition, text);
    let topic = image
        .topic(name)
        .ok_or_else(|| unknown(format!("No such topic as {name}")))?;
    let p = draft
        .partition(topic, at)
        .ok_or_else(|| unknown(format!("No such partition as {name}-{at}")))?;
    let settled = match election {
        Election::Preferred => p.leader == p.replicas.first().copied(),
        Election::Online | Election::Unclean => p.leader.is_some(),
    };
    if settled {
        return Err(Fault::plain(ErrorCode::ElectionNotNeeded));
    }
    let mut change = Change::new(p, Rules::of(image, env.settings, topic));
    change.election = election;
    let record = change.of(image, topic.id, at);
    let record = record.ok_or(Fault::plain(match election {
        Election::Preferred => ErrorCode::PreferredLeaderNotAvailable,
        Election::Online | Election::Unclean => ErrorCode::EligibleLeadersNotAvailable,
    }))?;
    draft.take(record);
    Ok(())
}

/// What the controller looks after from time to time: unclean elections where they are allowed, and, if `preferred`, leaderships
/// back to the preferred replicas.
pub(super) fn balance(image: &Image, env: &Env<'_>, preferred: bool) -> MetaDecision {
    let mut draft = Draft::new(image);
    uncleanly(image, env, &mut draft);
    if preferred {
        run(image, env, &mut draft, Election::Preferred, |p, _| {
            p.leader != p.replicas.first().copied()
        });
    }
    let more = draft.records.len() >= BALANCE_MAX;
    MetaDecision {
        records: draft.records,
        reply: Reply::Balanced { more },
    }
}

/// Elects leaders where nobody leads and an unclean election is allowed.
pub(super) fn uncleanly<'a>(image: &'a Image, env: &Env<'_>, draft: &mut Draft<'a>) {
    run(image, env, draft, Election::Unclean, |p, rules| {
        p.leader.is_none() && rules.unclean
    });
}

fn run<'a>(
    image: &'a Image,
    env: &Env<'_>,
    draft: &mut Draft<'a>,
    election: Election,
    wanted: impl Fn(&PartitionImage, &Rules) -> bool,
) {
    let mut of_topic: Option<(Uuid, Rules)> = None;
    for (topic, at, before) in each_partition(image) {
        let settled: Option<NodeId> = before.replicas.first().copied();
        if before.leader.is_some() && before.leader == settled {
            continue;
        }
        if draft.records.len() >= BALANCE_MAX {
            return;
        }
        let (_, rules) = match of_topic {
            Some(known) if known.0 == topic.id => known,
            _ => *of_topic.insert((topic.id, Rules::of(image, env.settings, topic))),
        };
        if let Some(record) = round(image, draft, topic, at, rules, election, &wanted) {
            draft.take(record);
        }
    }
}

fn round<'a>(
    image: &'a Image,
    draft: &Draft<'a>,
    topic: &'a TopicImage,
    at: i32,
    rules: Rules,
    election: Election,
    wanted: impl Fn(&PartitionImage, &Rules) -> bool,
) -> Option<airis_protocol::messages::PartitionChangeRecord> {
    let p = draft.partition(topic, at).filter(|p| wanted(p, &rules))?;
    let mut change = Change::new(p, rules);
    change.election = election;
    change.of(image, topic.id, at)
}
