//! DescribeLogDirs (KIP-113, KIP-827): which partition lies where, how large it is, and the room that is left.

use std::collections::{BTreeMap, BTreeSet};

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use airis_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use airis_protocol::types::Str;

use airis_storage::log::Log;

use super::{Ctx, Reply};
use crate::partition::absolute;

pub fn handle(ctx: &Ctx, request: DescribeLogDirsRequest) -> Reply<DescribeLogDirsResponse> {
    let asked: Option<BTreeSet<(&str, i32)>> = request.topics.as_ref().map(|topics| {
        topics
            .iter()
            .flat_map(|t| t.partitions.iter().map(|p| (t.topic.as_str(), *p)))
            .collect()
    });
    let partitions = ctx.node.partitions.all();
    let results =
        ctx.node
            .partitions
            .disks()
            .describe()
            .into_iter()
            .map(|dir| {
                let log_dir = Str::from(dir.path.to_string_lossy().into_owned());
                let Some((total_bytes, usable_bytes)) = dir.room else {
                    return DescribeLogDirsResult {
                        error_code: ErrorCode::KafkaStorageError.code(),
                        log_dir,
                        ..Default::default()
                    };
                };
                let mut topics: BTreeMap<Str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
                let lies_here =
                    |log: &Log| log.dir().parent().map(absolute).as_ref() == Some(&dir.path);
                for p in &partitions {
                    let wanted = asked
                        .as_ref()
                        .is_none_or(|a| a.contains(&(p.topic.as_str(), p.index.0)));
                    if !wanted {
                        continue;
                    }
                    let mut add = |log: &Log, offset_lag: i64, is_future_key: bool| {
                        if lies_here(log) {
                            topics.entry(p.topic.clone()).or_default().push(
                                DescribeLogDirsPartition {
                                    partition_index: p.index.0,
                                    partition_size: log.size_bytes() as i64,
                                    offset_lag,
                                    is_future_key,
                                },
                            );
                        }
                    };
                    // First the copy, which may take the log's place meanwhile: it is rather shown twice than not at all.
                    if let Some(future) = p.future() {
                        let lag = p.log().end().0 - future.log.end().0;
                        add(&future.log, lag, true);
                    }
                    let log = p.log();
                    add(&log, (p.high_watermark().0 - log.end().0).max(0), false);
                }
                for partitions in topics.values_mut() {
                    partitions.sort_unstable_by_key(|p| p.partition_index);
                }
                DescribeLogDirsResult {
                    error_code: ErrorCode::None.code(),
                    log_dir,
                    topics: topics
                        .into_iter()
                        .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
                        .collect(),
                    total_bytes,
                    usable_bytes,
                    is_cordoned: false,
                }
            })
            .collect();
    Reply::Now(DescribeLogDirsResponse {
        results,
        ..Default::default()
    })
}
