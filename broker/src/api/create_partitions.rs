//! CreatePartitions: decided by the controller, answered when the partitions can be used.

use airis_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use airis_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: CreatePartitionsRequest) -> Reply<CreatePartitionsResponse> {
    let meta = ctx.node.meta.clone();
    let names: Vec<Str> = request.topics.iter().map(|t| t.name.clone()).collect();
    Reply::later(async move {
        meta.create_partitions(request)
            .await
            .unwrap_or_else(|error| CreatePartitionsResponse {
                results: names
                    .into_iter()
                    .map(|name| CreatePartitionsTopicResult {
                        name,
                        error_code: error.code(),
                        error_message: Some(Str::from_static(error.message())),
                    })
                    .collect(),
                ..Default::default()
            })
    })
}
