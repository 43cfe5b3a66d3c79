//! UpdateFeatures (KIP-584): levels of features for the whole cluster, decided by the controller.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: UpdateFeaturesRequest) -> Reply<UpdateFeaturesResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        match meta.submit(Command::UpdateFeatures(request)).await {
            Ok(Decided::UpdateFeatures(response)) => response,
            Ok(other) => unreachable!("UpdateFeatures was answered by {other:?}"),
            Err(error) => UpdateFeaturesResponse {
                error_code: error.code(),
                error_message: Some(Str::from_static(error.message())),
                ..Default::default()
            },
        }
    })
}
