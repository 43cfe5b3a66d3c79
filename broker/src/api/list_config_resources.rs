//! ListConfigResources (KIP-1142): which resources have configs. Version 0 knows client metrics only.

use airis_cluster::metadata::ResourceType;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::list_config_resources_response::ConfigResource;
use airis_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

/// In the order of Kafka's answer.
const ALL: [ResourceType; 5] = [
    ResourceType::Group,
    ResourceType::ClientMetrics,
    ResourceType::BrokerLogger,
    ResourceType::Broker,
    ResourceType::Topic,
];

pub fn handle(
    ctx: &Ctx,
    request: ListConfigResourcesRequest,
) -> Reply<ListConfigResourcesResponse> {
    let supported: &[ResourceType] = if ctx.version == 0 {
        &[ResourceType::ClientMetrics]
    } else {
        &ALL
    };
    let known = |id: &i8| supported.iter().any(|t| *t as i8 == *id);
    if !request.resource_types.iter().all(known) {
        return Reply::Now(ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..Default::default()
        });
    }
    let asked = |ty: ResourceType| {
        request.resource_types.is_empty() || request.resource_types.contains(&(ty as i8))
    };
    let image = ctx.node.meta.image();
    let mut config_resources = Vec::new();
    for ty in supported.iter().copied().filter(|t| asked(*t)) {
        let names: Vec<Str> = match ty {
            ResourceType::Group | ResourceType::ClientMetrics => image
                .all_configs()
                .filter(|(t, ..)| *t == ty)
                .map(|(_, name, _)| name.clone())
                .collect(),
            ResourceType::BrokerLogger | ResourceType::Broker => image
                .brokers()
                .filter(|b| b.endpoint(&ctx.client.listener).is_some())
                .map(|b| Str::from(b.id.to_string()))
                .collect(),
            ResourceType::Topic => image.topics().map(|t| t.name.clone()).collect(),
        };
        config_resources.extend(names.into_iter().map(|resource_name| ConfigResource {
            resource_name,
            resource_type: ty as i8,
        }));
    }
    Reply::Now(ListConfigResourcesResponse {
        config_resources,
        ..Default::default()
    })
}
