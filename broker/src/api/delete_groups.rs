//! DeleteGroups: groups without members go, with their offsets.

use std::collections::BTreeSet;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::delete_groups_response::DeletableGroupResult;
use airis_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};
use airis_protocol::types::Str;
use futures::future::join_all;

use super::{Ctx, Reply};
use crate::coord::Unit;

fn failed(group: &Str, code: ErrorCode) -> DeletableGroupResult {
    DeletableGroupResult {
        group_id: group.clone(),
        error_code: code.code(),
    }
}

pub fn handle(ctx: &Ctx, request: DeleteGroupsRequest) -> Reply<DeleteGroupsResponse> {
    let mut seen = BTreeSet::new();
    let mut results = Vec::new();
    let mut waits = Vec::new();
    for id in request.groups_names {
        if !seen.insert(id.clone()) {
            continue;
        }
        let deleted = ctx.node.groups.decide(&id, Unit::Parts, |shard, _| {
            Ok(shard.delete_groups(std::slice::from_ref(&id)))
        });
        match deleted {
            Err(code) => results.push(failed(&id, code)),
            Ok((done, commit)) => {
                if !commit.is_done() {
                    waits.push((results.len(), commit));
                }
                results.extend(done);
            }
        }
    }
    let answer = |results| DeleteGroupsResponse {
        results,
        ..Default::default()
    };
    if waits.is_empty() {
        return Reply::Now(answer(results));
    }
    Reply::later(async move {
        let waits = waits
            .into_iter()
            .map(|(i, c)| async move { (i, c.done().await) });
        for (i, outcome) in join_all(waits).await {
            if let Err(code) = outcome {
                results[i] = failed(&results[i].group_id, code);
            }
        }
        answer(results)
    })
}
