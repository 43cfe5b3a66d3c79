//! ListGroups: the groups that this node coordinates, by state and type if asked for (KIP-518, KIP-848).
//!
//! Always holds: they are listed as they are now; one shard that cannot write does not keep the others from being seen.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{ListGroupsRequest, ListGroupsResponse};

use super::{Ctx, Reply};

fn failed(code: ErrorCode) -> ListGroupsResponse {
    ListGroupsResponse {
        error_code: code.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: ListGroupsRequest) -> Reply<ListGroupsResponse> {
    let lists = ctx.node.groups.read_all(|shard| shard.list(&request));
    Reply::Now(lists.map_or_else(failed, |lists| ListGroupsResponse {
        groups: lists.into_iter().flatten().collect(),
        ..Default::default()
    }))
}
