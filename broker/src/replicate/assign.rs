//! Telling the controller in which log directory each replica of this node is: AssignReplicasToDirs (KIP-858).
//!
//! Always holds: one request is under way; what it says is how things are when it is sent. Must never: give up on a replica whose
//! place the metadata has wrong: the controller would believe it online, or lost, with another disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::{Image, features};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::assign_replicas_to_dirs_request::{
    DirectoryData, PartitionData, TopicData,
};
use airis_protocol::messages::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
use airis_protocol::types::{PartitionId, Uuid};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::node::Node;

/// How long the controller may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Between two tries after one that failed.
const REST_MIN: Duration = Duration::from_millis(100);
const REST_MAX: Duration = Duration::from_secs(10);
/// Replicas in one request, as in Kafka.
const REPLICAS_MAX: usize = 2250;

pub(super) async fn send(node: Arc<Node>) {
    let waiting = &node.partitions.hub().assignments;
    let mut rest = REST_MIN;
    loop {
        let taken = waiting.take(REPLICAS_MAX).await;
        // Whatever made these wait is in the metadata by then.
        let image = node.meta.image_at(node.partitions.offset()).await;
        let differing: Vec<_> = taken
            .into_iter()
            .filter_map(|replica| Some((replica, differs(&node, &image, replica)?)))
            .collect();
        if differing.is_empty() {
            continue;
        }
        let request = request(&node, &differing);
        let answer = timeout(ANSWER_MAX, node.meta.assign_replicas_to_dirs(request)).await;
        let failed = match answer {
            Ok(Ok(response)) => refused(response),
            Ok(Err(error)) => all(&differing, error),
            Err(_) => all(&differing, ErrorCode::RequestTimedOut),
        };
        let Some((_, error)) = failed.first() else {
            rest = REST_MIN;
            continue;
        };
        let (error, count) = (*error, failed.len());
        for (replica, _) in failed {
            waiting.push(replica);
        }
        // A controller that knows less than this node, or none, is usual; one that goes on saying no is not.
        match rest < Duration::from_secs(1) {
            true => debug!("the log directories of {count} replicas were not taken: {error}"),
            false => warn!(
                "the controller does not take the log directories of {count} replicas, they are told again: {error}"
            ),
        }
        sleep(rest).await;
        rest = (rest * 2).min(REST_MAX);
    }
}

/// The directory that the controller has to be told of.
fn differs(node: &Node, image: &Image, (topic, index): (Uuid, PartitionId)) -> Option<Uuid> {
    if image.feature(features::METADATA_VERSION) < features::DIRECTORIES_FROM {
        return None;
    }
    let partition = image.topic_by_id(topic)?.partitions.get(index.0 as usize)?;
    let told = partition.directory_of(node.id)?;
    let is = node.partitions.directory_of(topic, index)?;
    let registered = &image.broker(node.id)?.directories;
    let known_lost = is == Uuid::LOST && !told.is_reserved() && !registered.contains(&told);
    (is != told && !known_lost).then_some(is)
}

type Replica = (Uuid, PartitionId);

fn request(node: &Node, differing: &[(Replica, Uuid)]) -> AssignReplicasToDirsRequest {
    let mut directories: BTreeMap<Uuid, BTreeMap<Uuid, Vec<PartitionData>>> = BTreeMap::new();
    for ((topic, index), directory) in differing {
        let topics = directories.entry(*directory).or_default();
        topics.entry(*topic).or_default().push(PartitionData {
            partition_index: index.0,
        });
    }
    let topics = |topics: BTreeMap<Uuid, Vec<PartitionData>>| {
        let topics = topics.into_iter();
        topics.map(|(topic_id, partitions)| TopicData {
            topic_id,
            partitions,
        })
    };
    AssignReplicasToDirsRequest {
        broker_id: node.id.0,
        broker_epoch: node.epoch().0,
        directories: directories
            .into_iter()
            .map(|(id, of)| DirectoryData {
                id,
                topics: topics(of).collect(),
            })
            .collect(),
    }
}

fn all(differing: &[(Replica, Uuid)], error: ErrorCode) -> Vec<(Replica, ErrorCode)> {
    differing.iter().map(|(r, _)| (*r, error)).collect()
}

fn refused(response: AssignReplicasToDirsResponse) -> Vec<(Replica, ErrorCode)> {
    let mut refused = Vec::new();
    for topic in response.directories.into_iter().flat_map(|d| d.topics) {
        for p in topic.partitions {
            match ErrorCode::from_wire(p.error_code) {
                ErrorCode::None => {}
                error => refused.push(((topic.topic_id, PartitionId(p.partition_index)), error)),
            }
        }
    }
    refused
}
