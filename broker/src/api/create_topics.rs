//! CreateTopics: decided by the controller, answered when the topics can be used.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_topics_response::CreatableTopicResult;
use airis_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: CreateTopicsRequest) -> Reply<CreateTopicsResponse> {
    let meta = ctx.node.meta.clone();
    let names: Vec<Str> = request.topics.iter().map(|t| t.name.clone()).collect();
    // Whoever asks a controller itself means the active one; only brokers pass on.
    if ctx.client.controllers && !meta.is_active() {
        let failed = |name| failed(name, ErrorCode::NotController);
        return Reply::Now(CreateTopicsResponse {
            topics: names.into_iter().map(failed).collect(),
            ..Default::default()
        });
    }
    Reply::later(async move {
        meta.create_topics(request, None)
            .await
            .unwrap_or_else(|error| CreateTopicsResponse {
                topics: names.into_iter().map(|name| failed(name, error)).collect(),
                ..Default::default()
            })
    })
}

fn failed(name: Str, error: ErrorCode) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: error.code(),
        error_message: Some(Str::from_static(error.message())),
        ..Default::default()
    }
}
