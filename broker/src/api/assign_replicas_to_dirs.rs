//! AssignReplicasToDirs (KIP-858): a broker tells in which log directories its replicas are.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};

use super::{Ctx, Reply};

pub fn handle(
    ctx: &Ctx,
    request: AssignReplicasToDirsRequest,
) -> Reply<AssignReplicasToDirsResponse> {
    let meta = ctx.node.meta.clone();
    Reply::later(async move {
        match meta.submit(Command::AssignReplicasToDirs(request)).await {
            Ok(Decided::AssignReplicasToDirs(response)) => response,
            Ok(other) => unreachable!("AssignReplicasToDirs was answered by {other:?}"),
            Err(error) => AssignReplicasToDirsResponse {
                error_code: error.code(),
                ..Default::default()
            },
        }
    })
}
