//! AlterPartitionReassignments (KIP-455): other replicas for partitions, or none of it after all; decided by the controller.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: AlterPartitionReassignmentsRequest,
) -> Reply<AlterPartitionReassignmentsResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        match meta
            .submit(Command::AlterPartitionReassignments(request))
            .await
        {
            Ok(Decided::AlterPartitionReassignments(response)) => response,
            Ok(other) => unreachable!("AlterPartitionReassignments was answered by {other:?}"),
            Err(error) => AlterPartitionReassignmentsResponse {
                error_code: error.code(),
                error_message: Some(Str::from_static(error.message())),
                ..Default::default()
            },
        }
    })
}
