//! What the decisions ask the config tables.
//!
//! Always holds: the tables are the only place that knows a config. Must never: keep a list of names of its own.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_topics_response::CreatableTopicConfigs;
use airis_protocol::types::{NodeId, Str};

use super::Fault;
use crate::config::{self, ConfigDef, ConfigError, ConfigType, Layers, Values};
use crate::metadata::command::Settings;
use crate::metadata::image::{ConfigMap, Image, ResourceType};

fn row(ty: ResourceType, name: &str) -> Option<&'static ConfigDef> {
    match ty {
        ResourceType::Topic => config::topic(name),
        ResourceType::Broker => {
            config::broker(name).or_else(|| config::broker(config::listener_base(name)?))
        }
        ResourceType::Group => config::group(name),
        ResourceType::ClientMetrics => config::client_metrics(name),
        ResourceType::BrokerLogger => None,
    }
}

/// True if the config is a list, which can be appended to and subtracted from.
pub(super) fn is_list(ty: ResourceType, name: &str) -> bool {
    row(ty, name).is_some_and(|def| def.ty == ConfigType::List)
}

/// The default that a list begins with when nothing is set.
pub(super) fn default_value(ty: ResourceType, name: &str) -> Option<String> {
    row(ty, name)?.default.value().map(str::to_owned)
}

/// What is set where, as the deciding node sees it.
pub(super) fn layers<'a>(image: &'a Image, settings: &'a Settings) -> Layers<'a> {
    image.layers(settings.node, &settings.static_configs)
}

/// The value that counts for a topic.
pub(super) fn topic_value(
    image: &Image,
    settings: &Settings,
    topic: &str,
    name: &str,
) -> Option<String> {
    let layers = layers(image, settings);
    match image.configs(ResourceType::Topic, topic) {
        Some(own) => config::topic_value(name, &**own, &layers),
        None => config::topic_value(name, &(), &layers),
    }
}

/// Checks all that a resource would have set on it.
pub(super) fn validate(
    image: &Image,
    settings: &Settings,
    ty: ResourceType,
    name: &str,
    all: &ConfigMap,
) -> Result<(), Fault> {
    let layers = layers(image, settings);
    let checked = match ty {
        ResourceType::Topic => {
            config::check_topic(all, &|name| config::topic_value(name, &(), &layers))
        }
        ResourceType::Broker => {
            // In Kafka the broker itself compares the counts with its own, before it asks the controller. What another broker has
            // in its properties file is not known here.
            let other = name
                .parse()
                .map(NodeId)
                .ok()
                .filter(|n| *n != settings.node);
            let now = |config: &str| match other {
                None => layers.value(config),
                Some(broker) => {
                    let (value, _) = image.layers(broker, &()).set(config)?;
                    Some(value.to_owned())
                }
            };
            // A wrong broker config is answered as a wrong request, unlike the others (KAFKA-13609).
            return config::check_broker_change(all, !name.is_empty())
                .and_then(|()| config::check_thread_counts(all, &now))
                .map_err(|e| Fault::new(ErrorCode::InvalidRequest, e.to_string()));
        }
        ResourceType::Group => check_group(all, &layers),
        ResourceType::ClientMetrics => config::check_client_metrics(all),
        ResourceType::BrokerLogger => Ok(()),
    };
    checked.map_err(|e| {
        let code = match e {
            ConfigError::Request(_) => ErrorCode::InvalidRequest,
            _ => ErrorCode::InvalidConfig,
        };
        Fault::new(code, e.to_string())
    })
}

fn check_each(what: &'static str, ty: ResourceType, all: &ConfigMap) -> Result<(), ConfigError> {
    for (name, value) in all {
        let def = row(ty, name).ok_or_else(|| ConfigError::Unknown {
            what,
            name: name.to_string(),
        })?;
        config::parse(def, value)?;
    }
    Ok(())
}

/// A group's timeouts must lie within what the broker allows: `consumer.session.timeout.ms` between
/// `group.consumer.min.session.timeout.ms` and its max, and so on; and a session must be longer than a heartbeat's interval.
fn check_group(all: &ConfigMap, layers: &Layers<'_>) -> Result<(), ConfigError> {
    check_each("group", ResourceType::Group, all)?;
    let number = |text: String| text.trim().parse::<i64>().ok();
    let effective = |name: &str| {
        let own = Values::value(all, name).map(str::to_owned);
        own.or_else(|| layers.value(&format!("group.{name}")))
            .and_then(number)
    };
    for name in all.keys() {
        let Some((kind, rest)) = name.split_once('.') else {
            continue;
        };
        let Some(value) = effective(name) else {
            continue;
        };
        let bound = |which: &str| {
            let broker = format!("group.{kind}.{which}.{rest}");
            let limit = layers.value(&broker).and_then(number)?;
            Some((broker, limit))
        };
        if let Some((broker, min)) = bound("min").filter(|(_, min)| value < *min) {
            return Err(ConfigError::Other(format!(
                "{name} must be greater than or equal to {broker}, which is {min}"
            )));
        }
        if let Some((broker, max)) = bound("max").filter(|(_, max)| value > *max) {
            return Err(ConfigError::Other(format!(
                "{name} must be less than or equal to {broker}, which is {max}"
            )));
        }
    }
    for kind in ["consumer", "share", "streams"] {
        let session = effective(&format!("{kind}.session.timeout.ms"));
        let heartbeat = effective(&format!("{kind}.heartbeat.interval.ms"));
        if let (Some(session), Some(heartbeat)) = (session, heartbeat)
            && session <= heartbeat
        {
            return Err(ConfigError::Other(format!(
                "{kind}.session.timeout.ms must be greater than {kind}.heartbeat.interval.ms"
            )));
        }
    }
    Ok(())
}

/// Every config of a new topic as CreateTopics answers them, by name.
pub(super) fn effective_topic_configs(
    image: &Image,
    settings: &Settings,
    own: &ConfigMap,
) -> Vec<CreatableTopicConfigs> {
    config::describe_new_topic(own, &layers(image, settings))
        .into_iter()
        .map(|c| CreatableTopicConfigs {
            name: c.name.into(),
            value: c.value.map(Str::from),
            read_only: c.read_only,
            config_source: c.source as i8,
            is_sensitive: c.sensitive,
        })
        .collect()
}
