//! The names of a partition's files, as Kafka's `LogFileUtils` has them.
//!
//! Always holds: a segment's files carry its base offset in 20 digits. Must never: let a topic's name reach a path unchecked;
//! names were judged where the topic was made, and `partition_dir_name` asserts it.

use std::path::{Path, PathBuf};

use airis_protocol::types::{Offset, PartitionId};

use crate::limits::FILE_NAME_MAX;

pub const LOG: &str = "log";
pub const OFFSET_INDEX: &str = "index";
pub const TIME_INDEX: &str = "timeindex";
pub const TXN_INDEX: &str = "txnindex";
pub const SNAPSHOT: &str = "snapshot";
/// Of the metadata log's snapshots.
pub const CHECKPOINT: &str = "checkpoint";

pub const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
pub const PARTITION_METADATA: &str = "partition.metadata";

pub const DELETE_SUFFIX: &str = "-delete";
pub const FUTURE_SUFFIX: &str = "-future";
pub const STRAY_SUFFIX: &str = "-stray";

/// `<20 digits>.<kind>` in `dir`.
pub fn segment_file(dir: &Path, base: Offset, kind: &str) -> PathBuf {
    dir.join(format!("{:020}.{kind}", base.0))
}

/// `%020d-%010d.checkpoint`: a snapshot of the metadata log that ends before `end`, in epoch `epoch`.
pub fn metadata_snapshot(dir: &Path, end: Offset, epoch: i32) -> PathBuf {
    dir.join(format!("{:020}-{epoch:010}.{CHECKPOINT}", end.0))
}

/// The end offset and epoch in the name of a metadata snapshot.
pub fn parse_metadata_snapshot(name: &str) -> Option<(Offset, i32)> {
    let (end, epoch) = name
        .strip_suffix(CHECKPOINT)?
        .strip_suffix('.')?
        .split_once('-')?;
    Some((parse_offset(end)?, epoch.parse().ok()?))
}

/// Splits `<20 digits>.<rest>`.
pub fn parse_segment_file(name: &str) -> Option<(Offset, &str)> {
    let (digits, kind) = name.split_once('.')?;
    Some((parse_offset(digits)?, kind))
}

fn parse_offset(digits: &str) -> Option<Offset> {
    let good = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    good.then(|| digits.parse().ok()).flatten().map(Offset)
}

/// `topic-partition`.
pub fn partition_dir_name(topic: &str, partition: PartitionId) -> String {
    assert!(
        !topic.is_empty() && !topic.contains(['/', '\0']) && topic != "." && topic != "..",
        "not a topic name: {topic:?}"
    );
    format!("{topic}-{partition}")
}

/// `topic-partition.<32 hex digits><suffix>`, the topic cut so that it fits into a file name.
pub fn marked_dir_name(topic: &str, partition: PartitionId, unique: u128, suffix: &str) -> String {
    let tail = format!("-{partition}.{unique:032x}{suffix}");
    let mut keep = topic.len().min(FILE_NAME_MAX - tail.len());
    while !topic.is_char_boundary(keep) {
        keep -= 1;
    }
    format!("{}{tail}", &topic[..keep])
}

/// Splits `topic-partition`; the topic may itself contain dashes.
pub fn parse_partition_dir(name: &str) -> Option<(&str, PartitionId)> {
    let (topic, partition) = name.rsplit_once('-')?;
    let plain = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_digit());
    if topic.is_empty() || !plain {
        return None;
    }
    Some((topic, PartitionId(partition.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        let dir = Path::new("d");
        assert_eq!(
            segment_file(dir, Offset(42), LOG),
            Path::new("d/00000000000000000042.log")
        );
        assert_eq!(
            parse_segment_file("00000000000000000042.log.swap"),
            Some((Offset(42), "log.swap"))
        );
        assert_eq!(parse_segment_file("42.log"), None);
        assert_eq!(
            parse_metadata_snapshot("00000000000000000007-0000000003.checkpoint"),
            Some((Offset(7), 3))
        );
        assert_eq!(parse_partition_dir("a-b-3"), Some(("a-b", PartitionId(3))));
        assert_eq!(parse_partition_dir("a-+3"), None);
        assert_eq!(parse_partition_dir("a-3.0f-delete"), None);
        let long = marked_dir_name(&"t".repeat(249), PartitionId(12), 5, DELETE_SUFFIX);
        assert_eq!(long.len(), FILE_NAME_MAX);
        assert!(long.ends_with("-12.00000000000000000000000000000005-delete"));
    }
}
