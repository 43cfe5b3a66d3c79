//! DescribeCluster on a listener for controllers (KIP-919): the controllers instead of the brokers.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use airis_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply, authorize};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub fn handle(ctx: &Ctx, request: DescribeClusterRequest) -> Reply<DescribeClusterResponse> {
    let refused = |error: ErrorCode, message: &'static str| {
        Reply::Now(DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(Str::from_static(message)),
            ..Default::default()
        })
    };
    match request.endpoint_type {
        CONTROLLERS => {}
        BROKERS => {
            return refused(
                ErrorCode::MismatchedEndpointType,
                "This is a controllers' listener, and was asked for brokers.",
            );
        }
        _ => {
            return refused(
                ErrorCode::UnsupportedEndpointType,
                "No such endpoint type: 1 is brokers, 2 is controllers.",
            );
        }
    }
    let meta = &ctx.node.meta;
    let leader = meta.leadership().borrow().leader;
    let voters = meta.controller().map(|c| c.log.voters());
    Reply::Now(DescribeClusterResponse {
        endpoint_type: CONTROLLERS,
        cluster_id: ctx.node.cluster_id.clone(),
        controller_id: leader.map_or(-1, |l| l.0),
        brokers: voters
            .unwrap_or_default()
            .into_iter()
            .map(|v| DescribeClusterBroker {
                broker_id: v.id.0,
                host: Str::from(v.host),
                port: i32::from(v.port),
                ..Default::default()
            })
            .collect(),
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            authorize::CLUSTER
        } else {
            authorize::NOT_REQUESTED
        },
        ..Default::default()
    })
}
