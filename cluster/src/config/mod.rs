//! The configs of Kafka 4.3 as tables, and what comes of them: checked values, where they come from, typed structs.
//!
//! Always holds: every name that Kafka 4.3 knows stands in one table row with its type, default and bounds; nothing else in the
//! project keeps a list of config names. Must never: read a file or know a default that is not in a table.

mod def;
mod listeners;
mod markdown;
mod nearest;
mod resolve;
mod synonyms;
mod table;
mod typed;
mod value;

pub use def::{Check, ConfigDef, ConfigError, ConfigType, Default, Dynamic, Importance, Meaning};
pub use listeners::{Listener, SecurityProtocol, parse_listeners, protocol_map};
pub use markdown::markdown;
pub use nearest::nearest_name;
pub use resolve::{
    Described, Layers, Source, Synonym, Values, describe_broker, describe_broker_default,
    describe_client_metrics, describe_group, describe_new_topic, describe_topic, topic_value,
};
pub use synonyms::{Unit, broker_synonyms, listener_base, topic_synonyms};
pub use table::{
    BROKER, CLIENT_METRICS, GROUP, OWN, TOPIC, broker, client_metrics, group, own, topic,
};
pub use typed::{BrokerConfig, CleanupPolicy, CompressionType, TopicConfig};
pub use value::{
    Value, canonical, check_broker_change, check_client_metrics, check_thread_counts, check_topic,
    parse,
};

#[cfg(test)]
mod tests;
