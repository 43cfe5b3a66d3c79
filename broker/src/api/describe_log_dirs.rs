//! DescribeLogDirs (KIP-113, KIP-827): which partition lies where, how large it is, and the room that is left.

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use airis_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use airis_protocol::types::Str;

use super::{Ctx, Reply};

pub fn handle(ctx: &Ctx, request: DescribeLogDirsRequest) -> Reply<DescribeLogDirsResponse> {
    let asked: Option<BTreeSet<(&str, i32)>> = request.topics.as_ref().map(|topics| {
        topics
            .iter()
            .flat_map(|t| t.partitions.iter().map(|p| (t.topic.as_str(), *p)))
            .collect()
    });
    let partitions = ctx.node.partitions.all();
    let offline = ctx.node.partitions.offline_dirs();
    let results = ctx
        .node
        .partitions
        .disks()
        .describe()
        .into_iter()
        .map(|dir| {
            let mut topics: BTreeMap<Str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
            for p in &partitions {
                let wanted = asked
                    .as_ref()
                    .is_none_or(|a| a.contains(&(p.topic.as_str(), p.index.0)));
                if wanted && p.log().dir().parent() == Some(dir.path.as_path()) {
                    topics
                        .entry(p.topic.clone())
                        .or_default()
                        .push(DescribeLogDirsPartition {
                            partition_index: p.index.0,
                            partition_size: p.log().size_bytes() as i64,
                            offset_lag: (p.high_watermark().0 - p.log().end().0).max(0),
                            is_future_key: false,
                        });
                }
            }
            for partitions in topics.values_mut() {
                partitions.sort_unstable_by_key(|p| p.partition_index);
            }
            let error = match offline.contains(&dir.id) {
                true => ErrorCode::KafkaStorageError,
                false => ErrorCode::None,
            };
            DescribeLogDirsResult {
                error_code: error.code(),
                log_dir: Str::from(dir.path.to_string_lossy().into_owned()),
                topics: topics
                    .into_iter()
                    .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
                    .collect(),
                total_bytes: dir.total_bytes,
                usable_bytes: dir.usable_bytes,
                is_cordoned: false,
            }
        })
        .collect();
    Reply::Now(DescribeLogDirsResponse {
        results,
        ..Default::default()
    })
}
