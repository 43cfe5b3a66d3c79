//! ListPartitionReassignments (KIP-455): what the controller knows to be under way.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: ListPartitionReassignmentsRequest,
) -> Reply<ListPartitionReassignmentsResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        match meta
            .submit(Command::ListPartitionReassignments(request))
            .await
        {
            Ok(Decided::ListPartitionReassignments(response)) => response,
            Ok(other) => unreachable!("ListPartitionReassignments was answered by {other:?}"),
            Err(error) => ListPartitionReassignmentsResponse {
                error_code: error.code(),
                error_message: Some(Str::from_static(error.message())),
                ..Default::default()
            },
        }
    })
}
