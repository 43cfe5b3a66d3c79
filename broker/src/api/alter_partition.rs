//! AlterPartition: a leader asks for another set of in-sync replicas.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::{AlterPartitionRequest, AlterPartitionResponse};

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: AlterPartitionRequest) -> Reply<AlterPartitionResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        match meta.submit(Command::AlterPartition(request)).await {
            Ok(Decided::AlterPartition(response)) => response,
            Ok(other) => unreachable!("AlterPartition was answered by {other:?}"),
            Err(error) => AlterPartitionResponse {
                error_code: error.code(),
                ..Default::default()
            },
        }
    })
}
