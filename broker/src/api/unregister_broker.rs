//! UnregisterBroker (KIP-631): the controller forgets a broker that will not come back.

use airis_cluster::metadata::Command;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};
use airis_protocol::types::{NodeId, Str};

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: UnregisterBrokerRequest) -> Reply<UnregisterBrokerResponse> {
    let meta = ctx.node.meta.clone();
    let id = request.broker_id;
    Reply::later(async move {
        let error = match meta.submit(Command::UnregisterBroker(NodeId(id))).await {
            Ok(_) => {
                return UnregisterBrokerResponse {
                    // Empty, as in Kafka, though null is possible.
                    error_message: Some(Str::default()),
                    ..Default::default()
                };
            }
            Err(error) => error,
        };
        UnregisterBrokerResponse {
            error_code: error.code(),
            error_message: Some(match error {
                ErrorCode::BrokerIdNotRegistered => {
                    Str::from(format!("Broker ID {id} is not currently registered"))
                }
                other => Str::from_static(other.message()),
            }),
            ..Default::default()
        }
    })
}
