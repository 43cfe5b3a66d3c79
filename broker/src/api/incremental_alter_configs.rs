//! IncrementalAlterConfigs (KIP-339): sets, deletes, appends to and subtracts from single configs. Decided by the controller, in force when it is answered.

use airis_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use airis_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: IncrementalAlterConfigsRequest,
) -> Reply<IncrementalAlterConfigsResponse> {
    let meta = ctx.node.meta.clone();
    let named: Vec<(i8, Str)> = request
        .resources
        .iter()
        .map(|r| (r.resource_type, r.resource_name.clone()))
        .collect();
    Reply::later(async move {
        meta.incremental_alter_configs(request)
            .await
            .unwrap_or_else(|error| IncrementalAlterConfigsResponse {
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
