//! ControllerRegistration (KIP-919): a controller says where it listens and what it supports.

use airis_cluster::metadata::Command;
use airis_protocol::messages::{ControllerRegistrationRequest, ControllerRegistrationResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: ControllerRegistrationRequest,
) -> Reply<ControllerRegistrationResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        match meta.submit(Command::RegisterController(request)).await {
            Ok(_) => ControllerRegistrationResponse::default(),
            Err(error) => ControllerRegistrationResponse {
                error_code: error.code(),
                error_message: Some(Str::from_static(error.message())),
                ..Default::default()
            },
        }
    })
}
