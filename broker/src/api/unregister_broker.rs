//! UnregisterBroker (KIP-500): a broker that does not come back is forgotten.

use airis_cluster::metadata::Command;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};
use airis_protocol::types::{NodeId, Str};

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: UnregisterBrokerRequest) -> Reply<UnregisterBrokerResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        let command = Command::UnregisterBroker(NodeId(request.broker_id));
        match meta.submit(command).await {
            Ok(_) => UnregisterBrokerResponse::default(),
            Err(error) => UnregisterBrokerResponse {
                error_code: error.code(),
                error_message: Some(match error {
                    ErrorCode::BrokerIdNotRegistered => Str::from(format!(
                        "Broker ID {} is not currently registered",
                        request.broker_id
                    )),
                    _ => Str::from_static(error.message()),
                }),
                ..Default::default()
            },
        }
    })
}
