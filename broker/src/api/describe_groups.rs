//! DescribeGroups: classic groups with their members.
//!
//! Always holds: they are described as they are now, also while nothing can be written: that is when one looks.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_groups_response::DescribedGroup;
use airis_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply, authorize};

fn failed(group: &Str, code: ErrorCode) -> DescribedGroup {
    DescribedGroup {
        group_id: group.clone(),
        error_code: code.code(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: DescribeGroupsRequest) -> Reply<DescribeGroupsResponse> {
    let describe = |id: &Str| {
        let described = ctx
            .node
            .groups
            .read(id, |shard| shard.describe(id, ctx.version));
        match described {
            Err(code) => failed(id, code),
            Ok((mut group, _)) => {
                if request.include_authorized_operations && group.error_code == 0 {
                    group.authorized_operations = authorize::GROUP;
                }
                group
            }
        }
    };
    Reply::Now(DescribeGroupsResponse {
        groups: request.groups.iter().map(describe).collect(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use airis_protocol::header::request_frame;
    use airis_protocol::messages::offset_commit_request::{
        OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    };
    use airis_protocol::messages::{ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest};
    use airis_protocol::names;
    use airis_protocol::types::PartitionId;
    use airis_protocol::wire::Encoded;
    use airis_storage::disk::faulty::FaultyDisk;

    use super::*;
    use crate::api::dispatch::dispatch;
    use crate::api::{Answer, Client};
    use crate::boot::tests::start_on;
    use crate::topics;

    #[tokio::test(flavor = "multi_thread")]
    async fn groups_are_seen_while_a_commit_waits() {
        let disk = FaultyDisk::new();
        let running = start_on(&disk, &[("airis.ack.durability", "fsync")]).await;
        let node = running.node.clone();
        let made = vec!["t".into(), Str::from_static(names::OFFSETS_TOPIC)];
        assert!(topics::auto_create(&node, made).await.is_empty());
        node.groups.wait_until_loaded().await;
        let client = Client::new(([127, 0, 0, 1], 1).into(), "PLAINTEXT".into(), false);
        let client = Arc::new(client);
        let ask = |frame: Encoded| dispatch(&node, &client, frame.to_bytes().slice(4..));
        let log = node
            .partitions
            .by_name(names::OFFSETS_TOPIC, PartitionId(0))
            .unwrap();
        disk.hold_syncs_under(Some(&log.log().dir()));
        let commit = OffsetCommitRequest {
            group_id: "g".into(),
            generation_id_or_member_epoch: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: "t".into(),
                partitions: vec![OffsetCommitRequestPartition::default()],
                ..Default::default()
            }],
            ..Default::default()
        };
        let Answer::Later(committed) = ask(request_frame(&commit, 8, 1, None).unwrap()) else {
            panic!("it waits for the disk");
        };
        let describe = DescribeGroupsRequest {
            groups: vec!["g".into()],
            ..Default::default()
        };
        let described = ask(request_frame(&describe, 5, 2, None).unwrap());
        assert!(matches!(described, Answer::Now(_)));
        let list = request_frame(&ListGroupsRequest::default(), 4, 3, None);
        assert!(matches!(ask(list.unwrap()), Answer::Now(_)));
        // The offset itself is told to nobody before it is committed.
        let fetch = OffsetFetchRequest {
            group_id: "g".into(),
            topics: None,
            ..Default::default()
        };
        let Answer::Later(fetched) = ask(request_frame(&fetch, 7, 4, None).unwrap()) else {
            panic!("it waits for the disk as well");
        };
        disk.hold_syncs_under(None);
        assert!(committed.await.is_ok() && fetched.await.is_ok());
        drop((node, log));
        running.stop().await;
    }
}
