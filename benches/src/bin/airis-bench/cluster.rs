//! What a cluster says of itself: who leads, and whether all replicas are in sync.
//!
//! Always holds: what is told was read from an answer. Must never: wait without an end.

use std::thread::sleep;
use std::time::{Duration, Instant, UNIX_EPOCH};

use airis_benches::client::Client;
use airis_benches::requests;
use airis_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use airis_protocol::messages::metadata_response::MetadataResponsePartition;
use airis_protocol::messages::{DescribeQuorumRequest, ElectLeadersRequest};
use airis_protocol::types::Str;
use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{Figures, Target};

const DESCRIBE_QUORUM: i16 = 1;
const ELECT_LEADERS: i16 = 2;
/// A broker that does not answer for so long is passed over.
const PATIENCE: Duration = Duration::from_secs(5);

/// The active controller, by the quorum's own word: what metadata names is any broker.
pub fn controller(client: &mut Client) -> Result<i32> {
    let request = DescribeQuorumRequest {
        topics: vec![TopicData {
            topic_name: Str::from_static("__cluster_metadata"),
            partitions: vec![PartitionData { partition_index: 0 }],
        }],
    };
    let answer = client.call(&request, DESCRIBE_QUORUM)?;
    let partition = answer.topics.first().and_then(|t| t.partitions.first());
    match partition {
        Some(p) if p.error_code == 0 && p.leader_id >= 0 => Ok(p.leader_id),
        other => bail!("DescribeQuorum: error {}, {other:?}", answer.error_code),
    }
}

/// The partitions of a topic, in order.
pub fn partitions(client: &mut Client, topic: &str) -> Result<Vec<MetadataResponsePartition>> {
    let answer = client.call(&requests::metadata(Some(topic)), requests::METADATA)?;
    let found = answer.topics.into_iter().next();
    let mut partitions = found.map(|t| t.partitions).unwrap_or_default();
    partitions.sort_by_key(|p| p.partition_index);
    Ok(partitions)
}

fn is_whole(partitions: &[MetadataResponsePartition]) -> bool {
    !partitions.is_empty()
        && partitions
            .iter()
            .all(|p| p.leader_id >= 0 && p.isr_nodes.len() == p.replica_nodes.len())
}

pub fn describe(target: &Target, topic: &str, count: i32, elect: bool) -> Result<Figures> {
    target.create(topic, count)?;
    let mut client = target.connect()?;
    if elect {
        let request = ElectLeadersRequest {
            election_type: 0,
            topic_partitions: None,
            timeout_ms: 10_000,
        };
        client.call(&request, ELECT_LEADERS)?;
    }
    let found = partitions(&mut client, topic)?;
    Ok(Figures::from_iter([
        ("controller".to_owned(), json!(controller(&mut client)?)),
        (
            "leaders".to_owned(),
            json!(found.iter().map(|p| p.leader_id).collect::<Vec<_>>()),
        ),
        ("whole".to_owned(), json!(is_whole(&found))),
    ]))
}

pub fn whole(target: &Target, topic: &str, since: i64, limit: Duration) -> Result<Figures> {
    let began = Instant::now();
    let addresses: Vec<&str> = target.boot.split(',').collect();
    let mut clients: Vec<Option<Client>> = addresses.iter().map(|_| None).collect();
    let mut last = None;
    while began.elapsed() < limit {
        for (client, address) in clients.iter_mut().zip(&addresses) {
            if client.is_none() {
                *client = Client::connect_within(address, PATIENCE).ok();
            }
            let Some(open) = client else { continue };
            match partitions(open, topic) {
                Ok(found) if is_whole(&found) => {
                    let now = UNIX_EPOCH.elapsed().context("the clock is set")?.as_nanos() as i64;
                    let ms = ((now - since) / 10_000) as f64 / 100.0;
                    return Ok(Figures::from_iter([("whole_ms".to_owned(), json!(ms))]));
                }
                Ok(found) => {
                    last = Some(found.iter().map(|p| p.isr_nodes.len()).collect::<Vec<_>>())
                }
                Err(_) => *client = None,
            }
        }
        sleep(Duration::from_millis(5));
    }
    bail!(
        "not all replicas of {topic} are in sync after {} s: {last:?}",
        limit.as_secs()
    )
}
