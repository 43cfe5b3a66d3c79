//! FindCoordinator: which broker answers for a group.
//!
//! Always holds: the first question about a group makes `__consumer_offsets`, and is answered once the coordinator answers (Kafka
//! sends the client away and creates behind it). Must never: name a broker that is fenced.

use std::sync::Arc;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::find_coordinator_response::Coordinator;
use airis_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use airis_protocol::names;
use airis_protocol::types::{PartitionId, Str, Uuid};

use super::{Ctx, Reply};
use crate::node::Node;
use crate::topics;

/// From here on a request names several keys.
const BATCHED_FROM: i16 = 4;
/// From here on share partitions can be asked for (KIP-932).
const SHARE_FROM: i16 = 6;

/// Kinds of keys (`FindCoordinatorRequest.CoordinatorType`).
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

pub fn handle(ctx: &Ctx, request: FindCoordinatorRequest) -> Reply<FindCoordinatorResponse> {
    let version = ctx.version;
    let listener = ctx.client.listener.clone();
    let keys = if version < BATCHED_FROM {
        vec![request.key]
    } else {
        request.coordinator_keys
    };
    if request.key_type != GROUP {
        let found = keys
            .into_iter()
            .map(|key| {
                let code = refusal(request.key_type, version, &key);
                not_found(key, code)
            })
            .collect();
        return Reply::Now(shape(version, found));
    }
    let missing = ctx.node.meta.image().topic(names::OFFSETS_TOPIC).is_none();
    let node = ctx.node.clone();
    if !missing || keys.is_empty() {
        return Reply::Now(shape(version, find_all(&node, &listener, keys)));
    }
    Reply::later(async move {
        let topic = Str::from_static(names::OFFSETS_TOPIC);
        for (name, code) in topics::auto_create(&node, vec![topic]).await {
            tracing::warn!("{name} could not be created: {code}");
        }
        node.groups.wait_until_loaded().await;
        shape(version, find_all(&node, &listener, keys))
    })
}

/// Why a key that is no group has no coordinator here. A client gives up on all of these; it would ask for ever after a
/// COORDINATOR_NOT_AVAILABLE.
fn refusal(key_type: i8, version: i16, key: &str) -> ErrorCode {
    match key_type {
        TRANSACTION => ErrorCode::UnsupportedVersion,
        SHARE if version < SHARE_FROM || !is_share_key(key) => ErrorCode::InvalidRequest,
        SHARE => ErrorCode::UnsupportedVersion,
        _ => ErrorCode::InvalidRequest,
    }
}

/// `group:topic id:partition`, none of them empty.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.split(':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(group), Some(topic), Some(partition), None) => {
            !group.trim().is_empty()
                && topic.parse::<Uuid>().is_ok()
                && partition.parse::<i32>().is_ok()
        }
        _ => false,
    }
}

fn find_all(node: &Arc<Node>, listener: &str, keys: Vec<Str>) -> Vec<Coordinator> {
    keys.into_iter()
        .map(|key| find(node, listener, &key).unwrap_or_else(|code| not_found(key, code)))
        .collect()
}

fn find(node: &Arc<Node>, listener: &str, group: &Str) -> Result<Coordinator, ErrorCode> {
    let image = node.meta.image();
    let leader = image
        .topic(names::OFFSETS_TOPIC)
        .filter(|topic| !topic.partitions.is_empty())
        .and_then(|topic| {
            let count = topic.partitions.len() as i32;
            topic.partition(PartitionId(names::coordinator_partition(group, count)))
        })
        .and_then(|partition| partition.leader)
        .and_then(|leader| image.broker(leader))
        .filter(|broker| broker.active());
    let broker = leader.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let endpoint = broker
        .endpoint(listener)
        .ok_or(ErrorCode::CoordinatorNotAvailable)?;
    Ok(Coordinator {
        key: group.clone(),
        node_id: broker.id.0,
        host: endpoint.host.clone(),
        port: i32::from(endpoint.port),
        error_code: 0,
        error_message: Some(Str::default()),
    })
}

fn not_found(key: Str, code: ErrorCode) -> Coordinator {
    Coordinator {
        key,
        node_id: -1,
        host: Str::default(),
        port: -1,
        error_code: code.code(),
        error_message: Some(Str::from_static(code.message())),
    }
}

/// The answer in the shape of the request's version.
fn shape(version: i16, mut found: Vec<Coordinator>) -> FindCoordinatorResponse {
    if version >= BATCHED_FROM {
        return FindCoordinatorResponse {
            coordinators: found,
            ..Default::default()
        };
    }
    let one = found.pop().unwrap_or_default();
    FindCoordinatorResponse {
        error_code: one.error_code,
        error_message: match one.error_code {
            // Kafka says so in words.
            0 => Some(Str::from_static("NONE")),
            _ => one.error_message,
        },
        node_id: one.node_id,
        host: one.host,
        port: one.port,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_no_groups_are_refused_for_good() {
        for (key_type, version, key, code) in [
            (TRANSACTION, 3, "t", ErrorCode::UnsupportedVersion),
            (
                SHARE,
                5,
                "g:AAAAAAAAAAAAAAAAAAAAZA:0",
                ErrorCode::InvalidRequest,
            ),
            (SHARE, 6, "g:0", ErrorCode::InvalidRequest),
            (
                SHARE,
                6,
                "g:AAAAAAAAAAAAAAAAAAAAZA:x",
                ErrorCode::InvalidRequest,
            ),
            (
                SHARE,
                6,
                "g:AAAAAAAAAAAAAAAAAAAAZA:0",
                ErrorCode::UnsupportedVersion,
            ),
            (3, 6, "k", ErrorCode::InvalidRequest),
        ] {
            let found = refusal(key_type, version, key);
            assert_eq!(found, code, "{key_type} {version} {key}");
            assert!(!found.retriable());
        }
    }
}
