//! DescribeCluster (KIP-700): the brokers as this listener's clients reach them.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use airis_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply, authorize};

/// `endpoint_type` of brokers; controllers are asked on their own listener.
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
        BROKERS => {}
        CONTROLLERS => {
            return refused(
                ErrorCode::MismatchedEndpointType,
                "This is a broker's listener, and was asked for controllers.",
            );
        }
        _ => {
            return refused(
                ErrorCode::UnsupportedEndpointType,
                "No such endpoint type: 1 is brokers, 2 is controllers.",
            );
        }
    }
    let image = ctx.node.meta.image();
    let brokers: Vec<DescribeClusterBroker> = image
        .brokers()
        .filter(|b| !b.fenced || request.include_fenced_brokers)
        .filter_map(|b| {
            let endpoint = b.endpoint(&ctx.client.listener)?;
            Some(DescribeClusterBroker {
                broker_id: b.id.0,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: b.rack.clone(),
                is_fenced: b.fenced,
            })
        })
        .collect();
    Reply::Now(DescribeClusterResponse {
        endpoint_type: request.endpoint_type,
        cluster_id: ctx.node.cluster_id.clone(),
        controller_id: image.brokers().find(|b| !b.fenced).map_or(-1, |b| b.id.0),
        brokers,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            authorize::CLUSTER
        } else {
            authorize::NOT_REQUESTED
        },
        ..Default::default()
    })
}
