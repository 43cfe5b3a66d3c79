//! The leader's requests for other ISRs: AlterPartition to the controller.
//!
//! Always holds: one request of this node is under way; it carries all that waited. Must never: give a proposal up (its leader does,
//! when metadata says that it is void).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::replica::leader::Altered;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use airis_protocol::messages::{AlterPartitionRequest, AlterPartitionResponse};
use airis_protocol::types::{LeaderEpoch, NodeId, Uuid};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::node::Node;
use crate::partition::Partition;

/// How long the controller may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Between two tries after one that failed.
const REST_MIN: Duration = Duration::from_millis(20);
const REST_MAX: Duration = Duration::from_secs(1);
/// Partitions in one request.
const PARTITIONS_MAX: usize = 5000;

/// What was asked: the partition, and the partition epoch that its proposal named.
type Asked = BTreeMap<(Uuid, i32), (Arc<Partition>, i32)>;

pub(super) async fn send(node: Arc<Node>) {
    let proposals = &node.partitions.hub().proposals;
    let mut rest = REST_MIN;
    loop {
        let mut waiting = proposals.take().await;
        if waiting.len() > PARTITIONS_MAX {
            for later in waiting.drain(PARTITIONS_MAX..) {
                proposals.push(&later);
            }
        }
        let (request, asked) = request(&node, &waiting);
        if asked.is_empty() {
            continue;
        }
        let answer = timeout(ANSWER_MAX, node.meta.alter_partition(request)).await;
        let failed = match answer {
            Ok(Ok(response)) if response.error_code == 0 => !answered(asked, response),
            other => {
                let why = match other {
                    Err(_) => ErrorCode::RequestTimedOut,
                    Ok(Err(code)) => code,
                    Ok(Ok(response)) => ErrorCode::from_wire(response.error_code),
                };
                warn!(
                    "the controller did not take changes of {} ISRs, they are tried again: {why}",
                    asked.len()
                );
                for (partition, _) in asked.values() {
                    proposals.push(partition);
                }
                true
            }
        };
        if failed {
            sleep(rest).await;
            rest = (rest * 2).min(REST_MAX);
        } else {
            rest = REST_MIN;
        }
    }
}

fn request(node: &Node, waiting: &[Arc<Partition>]) -> (AlterPartitionRequest, Asked) {
    let mut asked = Asked::new();
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    for partition in waiting {
        // It may have been overtaken by metadata.
        let Some(proposal) = partition.proposal() else {
            continue;
        };
        let index = partition.index.0;
        topics
            .entry(partition.topic_id)
            .or_default()
            .push(PartitionData {
                partition_index: index,
                leader_epoch: proposal.leader_epoch.0,
                new_isr_with_epochs: proposal
                    .isr
                    .iter()
                    .map(|(id, epoch)| BrokerState {
                        broker_id: id.0,
                        broker_epoch: epoch.0,
                    })
                    .collect(),
                partition_epoch: proposal.partition_epoch,
                ..Default::default()
            });
        asked.insert(
            (partition.topic_id, index),
            (partition.clone(), proposal.partition_epoch),
        );
    }
    let request = AlterPartitionRequest {
        broker_id: node.id.0,
        broker_epoch: node.epoch().0,
        topics: topics
            .into_iter()
            .map(|(topic_id, partitions)| TopicData {
                topic_id,
                partitions,
            })
            .collect(),
    };
    (request, asked)
}

/// False if some partition was refused, or left out.
fn answered(mut asked: Asked, response: AlterPartitionResponse) -> bool {
    let mut good = true;
    for topic in response.topics {
        for p in topic.partitions {
            let Some((partition, epoch)) = asked.remove(&(topic.topic_id, p.partition_index))
            else {
                continue;
            };
            let answer = match ErrorCode::from_wire(p.error_code) {
                ErrorCode::None => Ok(Altered {
                    leader_epoch: LeaderEpoch(p.leader_epoch),
                    partition_epoch: p.partition_epoch,
                    isr: p.isr.into_iter().map(NodeId).collect(),
                }),
                error => Err(error),
            };
            good &= answer.is_ok();
            partition.answered(epoch, answer);
        }
    }
    good &= asked.is_empty();
    for (partition, epoch) in asked.into_values() {
        partition.answered(epoch, Err(ErrorCode::UnknownServerError));
    }
    good
}
