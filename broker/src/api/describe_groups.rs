//! DescribeGroups: classic groups with their members.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_groups_response::DescribedGroup;
use airis_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use airis_protocol::types::Str;
use futures::future::join_all;

use super::{Ctx, Reply, authorize};

fn failed(group: &Str, code: ErrorCode) -> DescribedGroup {
    DescribedGroup {
        group_id: group.clone(),
        error_code: code.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: DescribeGroupsRequest) -> Reply<DescribeGroupsResponse> {
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut waits = Vec::new();
    for (i, id) in request.groups.iter().enumerate() {
        let described = ctx
            .node
            .groups
            .read(id, |shard| shard.describe(id, ctx.version));
        groups.push(match described {
            Err(code) => failed(id, code),
            Ok((mut group, commit)) => {
                if request.include_authorized_operations && group.error_code == 0 {
                    group.authorized_operations = authorize::GROUP;
                }
                if !commit.is_done() {
                    waits.push((i, commit));
                }
                group
            }
        });
    }
    let answer = |groups| DescribeGroupsResponse {
        groups,
        ..Default::default()
    };
    if waits.is_empty() {
        return Reply::Now(answer(groups));
    }
    Reply::later(async move {
        let waits = waits
            .into_iter()
            .map(|(i, c)| async move { (i, c.done().await) });
        for (i, outcome) in join_all(waits).await {
            if let Err(code) = outcome {
                groups[i] = failed(&groups[i].group_id, code);
            }
        }
        answer(groups)
    })
}
