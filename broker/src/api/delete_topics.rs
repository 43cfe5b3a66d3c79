//! DeleteTopics, by name or (version 6 and later) by id: decided by the controller.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::delete_topics_response::DeletableTopicResult;
use airis_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use airis_protocol::types::{Str, Uuid};

use super::{Ctx, Reply};

/// The first version that can name topics by id.
const IDS_FROM: i16 = 6;

pub fn handle(ctx: &Ctx, request: DeleteTopicsRequest) -> Reply<DeleteTopicsResponse> {
    let named: Vec<(Option<Str>, Uuid)> = if ctx.version >= IDS_FROM {
        let topics = request.topics.iter();
        topics.map(|t| (t.name.clone(), t.topic_id)).collect()
    } else {
        let names = request.topic_names.iter();
        names.map(|n| (Some(n.clone()), Uuid::ZERO)).collect()
    };
    // KIP-516: the deletion of topics can be switched off. What Kafka answers then depends on the version.
    if !ctx.node.config.delete_topic_enable {
        let error = if ctx.version < 3 {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::TopicDeletionDisabled
        };
        return Reply::Now(failed(named, error));
    }
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        meta.delete_topics(request)
            .await
            .unwrap_or_else(|error| failed(named, error))
    })
}

fn failed(named: Vec<(Option<Str>, Uuid)>, error: ErrorCode) -> DeleteTopicsResponse {
    DeleteTopicsResponse {
        responses: named
            .into_iter()
            .map(|(name, topic_id)| DeletableTopicResult {
                name,
                topic_id,
                error_code: error.code(),
                error_message: Some(Str::from_static(error.message())),
            })
            .collect(),
        ..Default::default()
    }
}
