//! DescribeQuorum (KIP-595): who leads the metadata quorum, and how far everybody is.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use airis_protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse};
use airis_protocol::types::{NodeId, Str, Uuid};

use super::{Ctx, Reply};

const TOPIC: &str = "__cluster_metadata";
/// The first version that tells directories, error texts and where the voters are.
const WITH_NODES: i16 = 2;

pub fn handle(ctx: &Ctx, request: DescribeQuorumRequest) -> Reply<DescribeQuorumResponse> {
    let refused = |error: ErrorCode| {
        Reply::Now(DescribeQuorumResponse {
            error_code: error.code(),
            error_message: Some(Str::from_static(error.message())),
            ..Default::default()
        })
    };
    let failed = |topic: &str, partition_index, error: ErrorCode| TopicData {
        topic_name: Str::from(topic),
        partitions: vec![PartitionData {
            partition_index,
            error_code: error.code(),
            error_message: Some(Str::from_static(error.message()))
                .filter(|_| ctx.version >= WITH_NODES),
            ..Default::default()
        }],
    };
    let meta = &ctx.node.meta;
    let now = *meta.leadership().borrow();
    let Some(controller) = meta.controller() else {
        return refused(ErrorCode::NotController);
    };
    let asks = matches!(&request.topics[..], [topic] if topic.topic_name.as_str() == TOPIC
        && matches!(&topic.partitions[..], [p] if p.partition_index == 0));
    if !asks {
        let unknown = request.topics.iter().map(|topic| TopicData {
            topic_name: topic.topic_name.clone(),
            partitions: topic
                .partitions
                .iter()
                .flat_map(|p| {
                    failed("", p.partition_index, ErrorCode::UnknownTopicOrPartition).partitions
                })
                .collect(),
        });
        return Reply::Now(DescribeQuorumResponse {
            topics: unknown.collect(),
            ..Default::default()
        });
    }
    if !now.active {
        return Reply::Now(DescribeQuorumResponse {
            topics: vec![failed(TOPIC, 0, ErrorCode::NotLeaderOrFollower)],
            ..Default::default()
        });
    }
    let end = controller.log.end();
    let leader = now.leader.unwrap_or(NodeId(-1));
    let voters = controller.log.voters();
    let ago = |at: tokio::time::Instant| ctx.now.0 - at.elapsed().as_millis() as i64;
    let current_voters = voters
        .iter()
        .map(|v| {
            let leads = v.id == leader;
            let at = |at: Option<tokio::time::Instant>| match leads {
                true => ctx.now.0,
                false => at.map_or(-1, ago),
            };
            ReplicaState {
                replica_id: v.id.0,
                log_end_offset: if leads { end } else { v.end },
                last_fetch_timestamp: at(v.heard),
                last_caught_up_timestamp: at(v.caught_up),
                ..Default::default()
            }
        })
        .collect();
    let voter = |id: NodeId| voters.iter().any(|v| v.id == id);
    let learners = controller.log.learners();
    let learner = |id: NodeId| learners.iter().any(|l| l.id == id);
    let mut observers: Vec<ReplicaState> = controller
        .spread
        .observers()
        .into_iter()
        .filter(|(id, _)| !voter(*id) && !learner(*id))
        .map(|(id, seen)| ReplicaState {
            replica_id: id.0,
            replica_directory_id: if ctx.version >= WITH_NODES {
                seen.directory
            } else {
                Uuid::ZERO
            },
            log_end_offset: seen.end,
            last_fetch_timestamp: ago(seen.at),
            last_caught_up_timestamp: if seen.end >= end { ago(seen.at) } else { -1 },
        })
        .collect();
    observers.extend(learners.iter().map(|l| ReplicaState {
        replica_id: l.id.0,
        log_end_offset: l.end,
        last_fetch_timestamp: l.heard.map_or(-1, ago),
        last_caught_up_timestamp: l.caught_up.map_or(-1, ago),
        ..Default::default()
    }));
    // Voters reach each other by a listener for controllers; one that has none is alone, and has no address as a voter.
    let listener = ctx.node.config.controller_listeners.first();
    let name = listener.map(|l| l.name.clone()).unwrap_or_default();
    let reachable = voters.into_iter().filter(|v| !v.host.is_empty());
    let nodes = reachable.map(|v| Node {
        node_id: v.id.0,
        listeners: vec![Listener {
            name: name.clone(),
            host: Str::from(v.host),
            port: v.port,
        }],
    });
    Reply::Now(DescribeQuorumResponse {
        nodes: if ctx.version >= WITH_NODES {
            nodes.collect()
        } else {
            Vec::new()
        },
        topics: vec![TopicData {
            topic_name: Str::from_static(TOPIC),
            partitions: vec![PartitionData {
                partition_index: 0,
                leader_id: leader.0,
                leader_epoch: now.epoch.0,
                high_watermark: end,
                current_voters,
                observers,
                ..Default::default()
            }],
        }],
        ..Default::default()
    })
}
