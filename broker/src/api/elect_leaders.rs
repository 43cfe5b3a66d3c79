//! ElectLeaders (KIP-460): preferred and unclean elections on demand, decided by the controller.

use airis_cluster::metadata::{Command, Reply as Decided};
use airis_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use airis_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: ElectLeadersRequest) -> Reply<ElectLeadersResponse> {
    let meta = ctx.node.meta.clone();
    let asked = request.topic_partitions.clone().unwrap_or_default();
    Reply::later(async move {
        match meta.submit(Command::ElectLeaders(request)).await {
            Ok(Decided::ElectLeaders(response)) => response,
            Ok(other) => unreachable!("ElectLeaders was answered by {other:?}"),
            Err(error) => ElectLeadersResponse {
                error_code: error.code(),
                replica_election_results: asked
                    .into_iter()
                    .map(|t| ReplicaElectionResult {
                        topic: t.topic,
                        partition_result: t
                            .partitions
                            .into_iter()
                            .map(|partition_id| PartitionResult {
                                partition_id,
                                error_code: error.code(),
                                error_message: Some(Str::from_static(error.message())),
                            })
                            .collect(),
                    })
                    .collect(),
                ..Default::default()
            },
        }
    })
}
