//! Topics that come into being because somebody names them.
//!
//! Always holds: whoever waits here is answered when the topic can be used. Must never: create a topic whose name is invalid.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::CreateTopicsRequest;
use airis_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use airis_protocol::names;
use airis_protocol::types::Str;

use crate::node::Node;

/// How long a client waits for topics that it makes by naming them, in milliseconds.
const CREATE_TIMEOUT_MS: i32 = 30_000;

/// The topic as it is created when nobody says how: `num.partitions` and so on, or the internal topics' own properties.
pub fn default_topic(node: &Node, name: &Str) -> CreatableTopic {
    let config = &node.config;
    let set = |name: &'static str, value: String| CreatableTopicConfig {
        name: Str::from_static(name),
        value: Some(Str::from(value)),
    };
    let (num_partitions, replication_factor, configs) = if name.as_str() == names::OFFSETS_TOPIC {
        (
            config.offsets_topic_partitions,
            config.offsets_topic_replication_factor,
            vec![
                set("compression.type", "producer".to_owned()),
                set("cleanup.policy", "compact".to_owned()),
                set(
                    "segment.bytes",
                    config.offsets_topic_segment_bytes.to_string(),
                ),
            ],
        )
    } else {
        (-1, -1, Vec::new())
    };
    CreatableTopic {
        name: name.clone(),
        num_partitions,
        replication_factor,
        configs,
        ..Default::default()
    }
}

/// Creates topics that do not exist. Returns those that could not be created; one that exists meanwhile is no failure.
pub async fn auto_create(node: &Node, topics: Vec<Str>) -> Vec<(Str, ErrorCode)> {
    let request = CreateTopicsRequest {
        topics: topics
            .iter()
            .map(|name| default_topic(node, name))
            .collect(),
        timeout_ms: CREATE_TIMEOUT_MS,
        validate_only: false,
    };
    match node.meta.create_topics(request, Some(Vec::new())).await {
        Err(error) => topics.into_iter().map(|name| (name, error)).collect(),
        Ok(response) => response
            .topics
            .into_iter()
            .map(|t| (t.name, ErrorCode::from_wire(t.error_code)))
            .filter(|(_, e)| !matches!(e, ErrorCode::None | ErrorCode::TopicAlreadyExists))
            .collect(),
    }
}
