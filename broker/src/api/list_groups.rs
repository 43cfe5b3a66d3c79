//! ListGroups: the groups that this node coordinates, by state and type if asked for (KIP-518, KIP-848).

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use futures::future::join_all;

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
    let listed = |groups| ListGroupsResponse {
        groups,
        ..Default::default()
    };
    if commits.iter().all(|c| c.is_done()) {
        return Reply::Now(listed(lists.into_iter().flatten().collect()));
    }
    Reply::later(async move {
        let mut groups = Vec::new();
        let outcomes = join_all(commits.into_iter().map(|c| c.done())).await;
        for (list, outcome) in lists.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => groups.extend(list),
                // Another node lists these.
                Err(ErrorCode::NotCoordinator) => {}
                Err(code) => return failed(code),
            }
        }
        listed(groups)
    })
}
