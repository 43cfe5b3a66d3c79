//! ListGroups: the groups that this node coordinates, by state and type if asked for (KIP-518, KIP-848).

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use futures::future::try_join_all;

use super::{Ctx, Reply};

fn failed(code: ErrorCode) -> ListGroupsResponse {
    ListGroupsResponse {
        error_code: code.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: ListGroupsRequest) -> Reply<ListGroupsResponse> {
    let (lists, commits) = match ctx.node.groups.read_all(|shard| shard.list(&request)) {
        Ok(found) => found,
        Err(code) => return Reply::Now(failed(code)),
    };
    let response = ListGroupsResponse {
        groups: lists.into_iter().flatten().collect(),
        ..Default::default()
    };
    let waits: Vec<_> = commits.into_iter().filter(|c| !c.is_done()).collect();
    if waits.is_empty() {
        return Reply::Now(response);
    }
    Reply::later(async move {
        match try_join_all(waits.into_iter().map(|c| c.done())).await {
            Ok(_) => response,
            Err(code) => failed(code),
        }
    })
}
