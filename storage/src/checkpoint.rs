//! Kafka's checkpoint files: a version line, a count, then one entry a line.
//!
//! Always holds: a file is read whole or not at all; an empty file is a valid, empty checkpoint (Kafka creates them so). Must
//! never: half-replace a file; they are written beside and renamed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use airis_protocol::types::{LeaderEpoch, Offset, PartitionId};

use crate::disk::{Disk, is_unreadable};
use crate::error::{AtPath, StorageError};

/// The version that Kafka writes into all of them.
const VERSION: &str = "0";

/// Offsets of many partitions, as in `recovery-point-offset-checkpoint`.
pub type PartitionOffsets = BTreeMap<(String, PartitionId), Offset>;

/// The text of an offset checkpoint.
pub fn format_offsets(offsets: &PartitionOffsets) -> String {
    let mut text = format!("{VERSION}\n{}\n", offsets.len());
    for ((topic, partition), offset) in offsets {
        text.push_str(&format!("{topic} {partition} {offset}\n"));
    }
    text
}

/// The text of a leader-epoch checkpoint.
pub fn format_epochs(epochs: &[(LeaderEpoch, Offset)]) -> String {
    let mut text = format!("{VERSION}\n{}\n", epochs.len());
    for (epoch, start) in epochs {
        text.push_str(&format!("{epoch} {start}\n"));
    }
    text
}

/// Goes over the entries; `None` if the file is not a whole checkpoint.
fn entries<T>(text: &str, mut entry: impl FnMut(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut lines = text.lines();
    let Some(version) = lines.next() else {
        return Some(Vec::new());
    };
    if version.trim() != VERSION {
        return None;
    }
    let count: usize = lines.next()?.trim().parse().ok()?;
    let mut all = Vec::new();
    for line in lines.by_ref().take(count) {
        all.push(entry(line)?);
    }
    (all.len() == count && lines.next().is_none()).then_some(all)
}

/// Reads the text of an offset checkpoint; `None` if it is damaged.
pub fn parse_offsets(text: &str) -> Option<PartitionOffsets> {
    let all = entries(text, |line| {
        let mut words = line.split_whitespace();
        let entry = (
            (
                words.next()?.to_owned(),
                PartitionId(words.next()?.parse().ok()?),
            ),
            Offset(words.next()?.parse().ok()?),
        );
        (words.next().is_none() && entry.1.0 >= 0).then_some(entry)
    })?;
    Some(all.into_iter().collect())
}

/// Reads the text of a leader-epoch checkpoint; `None` if it is damaged.
pub fn parse_epochs(text: &str) -> Option<Vec<(LeaderEpoch, Offset)>> {
    let all = entries(text, |line| {
        let (epoch, start) = line.trim().split_once(' ')?;
        let (epoch, start): (i32, i64) = (epoch.parse().ok()?, start.trim().parse().ok()?);
        (epoch >= 0 && start >= 0).then_some((LeaderEpoch(epoch), Offset(start)))
    })?;
    let rising = all.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
    rising.then_some(all)
}

/// What a checkpoint file held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded<T> {
    Good(T),
    Missing,
    /// It was there and is not a checkpoint. The caller falls back to a scan.
    Damaged,
}

impl<T: Default> Loaded<T> {
    /// The content, or nothing; missing and damaged files mean the same to a caller that can scan.
    pub fn unwrap_or_default(self) -> T {
        match self {
            Loaded::Good(value) => value,
            Loaded::Missing | Loaded::Damaged => T::default(),
        }
    }
}

/// Reads a checkpoint file with one of the parsers above.
pub fn load<T>(
    disk: &dyn Disk,
    path: &Path,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Loaded<T>, StorageError> {
    let bytes = match disk.read_to_end(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Missing),
        Err(e) if is_unreadable(&e) => {
            tracing::warn!(path = %path.display(), "unreadable checkpoint file, falling back to a scan: {e}");
            return Ok(Loaded::Damaged);
        }
        Err(e) => return Err(StorageError::io("read", path, e)),
    };
    let parsed = std::str::from_utf8(&bytes).ok().and_then(parse);
    Ok(match parsed {
        Some(value) => Loaded::Good(value),
        None => {
            tracing::warn!(path = %path.display(), "damaged checkpoint file, falling back to a scan");
            Loaded::Damaged
        }
    })
}

/// Replaces a checkpoint file.
pub fn store(disk: &dyn Disk, path: &Path, text: &str) -> Result<(), StorageError> {
    disk.write_atomically(path, text.as_bytes())
        .at("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_survive_a_round_trip_and_damage_is_seen() {
        let mut offsets = PartitionOffsets::new();
        offsets.insert(("t".into(), PartitionId(0)), Offset(7));
        offsets.insert(("a-b".into(), PartitionId(12)), Offset(0));
        let text = format_offsets(&offsets);
        assert_eq!(text, "0\n2\na-b 12 0\nt 0 7\n");
        assert_eq!(parse_offsets(&text), Some(offsets));
        assert_eq!(parse_offsets(""), Some(PartitionOffsets::new()));
        for bad in [
            "1\n0\n",
            "0\n2\nt 0 7\n",
            "0\n1\nt 0\n",
            "0\n1\nt 0 7 8\n",
            "0\n0\nt 0 7\n",
            "0",
            "0\n1\nt 0 -1\n",
            "\u{0}\u{0}",
        ] {
            assert_eq!(parse_offsets(bad), None, "{bad:?}");
        }
        let epochs = vec![(LeaderEpoch(0), Offset(0)), (LeaderEpoch(3), Offset(9))];
        assert_eq!(parse_epochs(&format_epochs(&epochs)), Some(epochs));
        assert_eq!(parse_epochs("0\n2\n3 9\n1 10\n"), None);
    }
}
