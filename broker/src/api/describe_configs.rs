//! DescribeConfigs (KIP-133, 226, 569): the configs of a resource, where each comes from, what it means.

use std::collections::HashSet;

use airis_cluster::config::{
    Described, Layers, describe_broker, describe_broker_default, describe_client_metrics,
    describe_group, describe_topic,
};
use airis_cluster::metadata::{ConfigMap, Image, ResourceType};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_configs_request::DescribeConfigsResource;
use airis_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use airis_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use airis_protocol::names;
use airis_protocol::types::Str;

use super::{Ctx, Reply};
use crate::node::Node;

/// A resource's error, with a sentence for people.
type Refused = (ErrorCode, String);

pub fn handle(ctx: &Ctx, request: DescribeConfigsRequest) -> Reply<DescribeConfigsResponse> {
    let image = ctx.node.meta.image();
    let results = request
        .resources
        .iter()
        .map(|resource| {
            let found = describe(ctx.node, &image, resource);
            let (error, message, described) = match found {
                // Not null: Kafka's own answer, and what some clients print.
                Ok(described) => (ErrorCode::None, Some(Str::default()), described),
                Err((error, message)) => (error, Some(Str::from(message)), Vec::new()),
            };
            // An empty list of keys asks for all, as null does (KAFKA-9432).
            let keys = resource.configuration_keys.as_deref().unwrap_or_default();
            let keys: HashSet<&str> = keys.iter().map(Str::as_str).collect();
            DescribeConfigsResult {
                error_code: error.code(),
                error_message: message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                configs: described
                    .into_iter()
                    .filter(|d| keys.is_empty() || keys.contains(d.name.as_str()))
                    .map(|d| entry(d, request.include_synonyms, request.include_documentation))
                    .collect(),
            }
        })
        .collect();
    Reply::Now(DescribeConfigsResponse {
        results,
        ..Default::default()
    })
}

fn entry(d: Described, synonyms: bool, documentation: bool) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult {
        config_type: d.type_id(),
        documentation: documentation
            .then(|| d.documentation().map(Str::from_static))
            .flatten(),
        synonyms: if synonyms {
            d.synonyms
                .into_iter()
                .map(|s| DescribeConfigsSynonym {
                    name: Str::from(s.name),
                    value: s.value.map(Str::from),
                    source: s.source as i8,
                })
                .collect()
        } else {
            Vec::new()
        },
        name: Str::from(d.name),
        value: d.value.map(Str::from),
        read_only: d.read_only,
        config_source: d.source as i8,
        is_sensitive: d.sensitive,
    }
}

fn describe(
    node: &Node,
    image: &Image,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Described>, Refused> {
    let invalid = |message: String| Err((ErrorCode::InvalidRequest, message));
    let none = ConfigMap::new();
    let this = node.id.0.to_string();
    let of = |ty, name: &str| image.configs(ty, name).cloned();
    let broker = of(ResourceType::Broker, &this);
    let brokers = of(ResourceType::Broker, "");
    let layers = Layers {
        dynamic_broker: broker.as_deref().unwrap_or(&none),
        dynamic_default: brokers.as_deref().unwrap_or(&none),
        fixed: &node.config.properties,
    };
    let name = resource.resource_name.as_str();
    let Ok(ty) = ResourceType::try_from(resource.resource_type) else {
        return invalid(format!(
            "Resource type {} has no configs",
            resource.resource_type
        ));
    };
    let own = of(ty, name);
    let own = own.as_deref().unwrap_or(&none);
    match ty {
        ResourceType::Topic => {
            if let Err(e) = names::validate_topic(name) {
                return Err((ErrorCode::InvalidTopicException, e.to_string()));
            }
            if image.topic(name).is_none() {
                let message = ErrorCode::UnknownTopicOrPartition.message().to_owned();
                return Err((ErrorCode::UnknownTopicOrPartition, message));
            }
            Ok(describe_topic(own, &layers))
        }
        ResourceType::Broker if name.is_empty() => Ok(describe_broker_default(&layers)),
        ResourceType::Broker => match name.parse::<i32>() {
            Ok(id) if id == node.id.0 => Ok(describe_broker(&layers)),
            Ok(id) => invalid(format!("This is broker {}, not {id}", node.id)),
            Err(_) => invalid(format!("Broker id must be a number, but it is: {name}")),
        },
        ResourceType::BrokerLogger => {
            invalid("The levels of loggers cannot be described here; see --log-level".to_owned())
        }
        ResourceType::ClientMetrics if name.is_empty() => {
            invalid("The name of a client metrics subscription must not be empty".to_owned())
        }
        ResourceType::ClientMetrics => Ok(describe_client_metrics(own)),
        ResourceType::Group if name.is_empty() => {
            invalid("The name of a group must not be empty".to_owned())
        }
        ResourceType::Group => Ok(describe_group(own, &layers)),
    }
}
