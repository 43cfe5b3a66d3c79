//! AlterConfigs: replaces all configs of a resource. Decided by the controller, in force when it is answered.

use airis_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use airis_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: AlterConfigsRequest) -> Reply<AlterConfigsResponse> {
    let meta = ctx.node.meta.clone();
    let named: Vec<(i8, Str)> = request
        .resources
        .iter()
        .map(|r| (r.resource_type, r.resource_name.clone()))
        .collect();
    Reply::later(async move {
        meta.alter_configs(request)
            .await
            .unwrap_or_else(|error| AlterConfigsResponse {
                responses: named
                    .into_iter()
                    .map(
                        |(resource_type, resource_name)| AlterConfigsResourceResponse {
                            error_code: error.code(),
                            error_message: Some(Str::from_static(error.message())),
                            resource_type,
                            resource_name,
                        },
                    )
                    .collect(),
                ..Default::default()
            })
    })
}
