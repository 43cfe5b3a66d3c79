//! What a topic's configs mean to its partitions.

use std::hash::{BuildHasher, RandomState};

use airis_cluster::config::{CompressionType, Layers, TopicConfig};
use airis_cluster::metadata::{ConfigMap, Image, ResourceType};
use airis_protocol::types::NodeId;
use airis_protocol::validate::ValidateConfig;
use airis_storage::log::{CleanupPolicy, LogConfig};

use crate::config::BrokerConfig;

/// The configs of a topic as they hold on this broker: its own, over what is set for the broker, over its properties file.
///
/// The controller has checked all of them; if one cannot be read all the same, the broker's defaults hold and the log says so.
pub fn resolve(image: &Image, node: NodeId, config: &BrokerConfig, topic: &str) -> TopicConfig {
    let none = ConfigMap::new();
    let of = |ty, name: &str| image.configs(ty, name).cloned();
    let own = of(ResourceType::Topic, topic);
    let broker = of(ResourceType::Broker, &node.0.to_string());
    let brokers = of(ResourceType::Broker, "");
    let layers = Layers {
        dynamic_broker: broker.as_deref().unwrap_or(&none),
        dynamic_default: brokers.as_deref().unwrap_or(&none),
        fixed: &config.properties,
    };
    TopicConfig::resolve(own.as_deref().unwrap_or(&none), &layers).unwrap_or_else(|e| {
        tracing::error!(
            topic,
            "a config of the topic cannot be read, the defaults hold: {e}"
        );
        TopicConfig::resolve(&(), &Layers::none()).expect("the defaults can be read")
    })
}

/// What the log needs to know.
pub fn log_config(c: &TopicConfig) -> LogConfig {
    LogConfig {
        segment_bytes: c.segment_size() as u32,
        segment_ms: c.segment_age_max_ms(),
        segment_jitter_ms: match c.segment_jitter_ms.min(c.segment_age_max_ms()) {
            ..=0 => 0,
            most => (RandomState::new().hash_one(0) % most as u64) as i64,
        },
        segment_index_bytes: c.segment_index_bytes as u32,
        index_interval_bytes: c.index_interval_bytes as u32,
        retention_ms: c.retention_ms,
        retention_bytes: c.retention_bytes,
        flush_messages: c.flush_messages,
        flush_ms: c.flush_ms,
        preallocate: c.preallocate,
        cleanup: CleanupPolicy {
            delete: c.cleanup_policy.delete,
            compact: c.cleanup_policy.compact,
        },
    }
}

/// What a produce request of this version is checked against.
pub fn validation(c: &TopicConfig, produce_version: i16) -> ValidateConfig {
    ValidateConfig {
        codec: match c.compression_type {
            CompressionType::Producer => None,
            CompressionType::Codec(codec) => Some(codec),
        },
        level: c.compression_level(),
        timestamp_type: c.message_timestamp_type,
        before_max_ms: c.message_timestamp_before_max_ms,
        after_max_ms: c.message_timestamp_after_max_ms,
        keys_required: c.cleanup_policy.compact,
        max_message_bytes: c.max_message_bytes,
        produce_version,
    }
}
