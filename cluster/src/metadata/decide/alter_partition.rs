//! AlterPartition: a leader's wish for another ISR, or to end its recovery.
//!
//! Always holds: only the present leader, in its present epoch, changes its ISR, and only to replicas that are registered, alive
//! and of the incarnation that the leader has seen (KIP-841, KIP-903). Must never: take a replica out of the ISR that the leader
//! did not take out, except those that a finished reassignment removes.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_partition_request::{BrokerState, PartitionData};
use airis_protocol::messages::alter_partition_response as response;
use airis_protocol::messages::{AlterPartitionRequest, AlterPartitionResponse};
use airis_protocol::types::{BrokerEpoch, NodeId};

use super::MetaDecision;
use super::brokers::check_epoch;
use super::change::{Change, Draft, RECOVERED, RECOVERING, Rules};
use crate::metadata::command::{Env, Reply};
use crate::metadata::image::{Image, PartitionImage};

/// A member whose epoch the leader does not know (version 2, or a follower of an old protocol).
const UNKNOWN_EPOCH: i64 = -1;

pub(super) fn alter(
    image: &Image,
    env: &Env<'_>,
    request: AlterPartitionRequest,
) -> Result<MetaDecision, ErrorCode> {
    let leader = NodeId(request.broker_id);
    check_epoch(image, leader, BrokerEpoch(request.broker_epoch))?;
    let mut draft = Draft::new(image);
    let mut topics = Vec::with_capacity(request.topics.len());
    for wished in request.topics {
        let known = image.topic_by_id(wished.topic_id);
        let rules = known.map(|topic| Rules::of(image, env.settings, topic));
        let mut partitions = Vec::with_capacity(wished.partitions.len());
        for wish in wished.partitions {
            let at = wish.partition_index;
            let decided = match known.zip(rules) {
                None => Err(ErrorCode::UnknownTopicId),
                Some((topic, rules)) => match draft.partition(topic, at) {
                    None => Err(ErrorCode::UnknownTopicOrPartition),
                    Some(p) => check(image, leader, p, &wish).map(|isr| {
                        let mut change = Change::new(p, rules);
                        change.isr = isr;
                        change.recovering = wish.leader_recovery_state == RECOVERING;
                        (change.of(image, topic.id, at), p.clone())
                    }),
                },
            };
            partitions.push(match decided {
                Err(code) => failed(at, code),
                Ok((None, unchanged)) => answer(at, &unchanged),
                Ok((Some(record), _)) => {
                    let partition = draft.take(record);
                    if partition.leader == Some(leader) {
                        answer(at, partition)
                    } else {
                        // Accepted, and the reassignment that it completed has moved the leadership: the sender must wait for
                        // the metadata.
                        failed(at, ErrorCode::NewLeaderElected)
                    }
                }
            });
        }
        topics.push(response::TopicData {
            topic_id: wished.topic_id,
            partitions,
        });
    }
    Ok(MetaDecision {
        records: draft.records,
        reply: Reply::AlterPartition(AlterPartitionResponse {
            topics,
            ..Default::default()
        }),
    })
}

fn failed(at: i32, code: ErrorCode) -> response::PartitionData {
    response::PartitionData {
        partition_index: at,
        error_code: code as i16,
        ..Default::default()
    }
}

fn answer(at: i32, p: &PartitionImage) -> response::PartitionData {
    response::PartitionData {
        partition_index: at,
        error_code: 0,
        leader_id: p.leader.map_or(-1, |l| l.0),
        leader_epoch: p.leader_epoch.0,
        isr: super::raw(&p.isr),
        leader_recovery_state: i8::from(p.recovering),
        partition_epoch: p.partition_epoch,
    }
}

/// The ISR that is wished for, if the sender may have it.
fn check(
    image: &Image,
    sender: NodeId,
    p: &PartitionImage,
    wish: &PartitionData,
) -> Result<Vec<NodeId>, ErrorCode> {
    // A leader that knows more than this controller has heard from a newer one.
    if wish.leader_epoch > p.leader_epoch.0 || wish.partition_epoch > p.partition_epoch {
        return Err(ErrorCode::NotController);
    }
    if wish.leader_epoch < p.leader_epoch.0 {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if p.leader != Some(sender) {
        return Err(ErrorCode::InvalidRequest);
    }
    if wish.partition_epoch < p.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    let members = members(wish);
    let isr: Vec<NodeId> = members.iter().map(|(id, _)| *id).collect();
    let distinct = isr
        .iter()
        .enumerate()
        .all(|(at, r)| !isr[..at].contains(r) && p.has_replica(*r));
    if !distinct || !isr.contains(&sender) {
        return Err(ErrorCode::InvalidRequest);
    }
    match wish.leader_recovery_state {
        RECOVERED => {}
        // Until it has recovered nobody follows, and one that has does not fall back.
        RECOVERING if isr.len() == 1 && p.recovering => {}
        _ => return Err(ErrorCode::InvalidRequest),
    }
    let eligible = |id: NodeId, epoch: i64| {
        image
            .broker(id)
            .is_some_and(|b| b.active() && (epoch == UNKNOWN_EPOCH || b.epoch.0 == epoch))
            && image.directory_online(p, id)
    };
    if !members.iter().all(|(id, epoch)| eligible(*id, *epoch)) {
        return Err(ErrorCode::IneligibleReplica);
    }
    Ok(isr)
}

/// The members and the epochs of their brokers; version 2 knows no epochs.
fn members(wish: &PartitionData) -> Vec<(NodeId, i64)> {
    if wish.new_isr_with_epochs.is_empty() {
        let plain = wish.new_isr.iter();
        return plain.map(|id| (NodeId(*id), UNKNOWN_EPOCH)).collect();
    }
    let state = |s: &BrokerState| (NodeId(s.broker_id), s.broker_epoch);
    wish.new_isr_with_epochs.iter().map(state).collect()
}
