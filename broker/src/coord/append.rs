//! Records on their way to the partition: batches, and waiting until they are committed.
//!
//! Always holds: a unit is one batch, so that a crash keeps all of it or nothing. Must never: write a batch that the topic would not
//! take from a client.

use std::sync::Arc;
use std::time::Duration;

use airis_cluster::group::{Record, append_error};
#[cfg(feature = "sim")]
use airis_cluster::plant::{Plant, is_planted};
use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use airis_storage::log::Origin;
use bytes::Bytes;

use crate::api::Reply;
use crate::partition::Partition;

/// How records that were decided together are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// All or nothing: one batch, refused if it is too large.
    Whole,
    /// Tombstones of many things, each of which can stand alone: as many batches as it takes.
    Parts,
}

/// What an answer waits for: everything that its shard had written by then.
pub struct Commit {
    partition: Arc<Partition>,
    epoch: LeaderEpoch,
    end: Offset,
    wait_max: Duration,
}

impl Commit {
    /// `epoch` is that in which the shard writes, `wait_max` is `offsets.commit.timeout.ms`.
    pub(super) fn new(
        partition: Arc<Partition>,
        epoch: LeaderEpoch,
        end: Offset,
        wait_max: Duration,
    ) -> Self {
        Commit {
            partition,
            epoch,
            end,
            wait_max,
        }
    }

    /// True if there is nothing to wait for.
    pub fn is_done(&self) -> bool {
        #[cfg(feature = "sim")]
        if is_planted(Plant::CommitNotReplicated) {
            return true;
        }
        self.partition.is_committed(self.end, self.epoch) == Ok(true)
    }

    /// The answer, once everything it may depend on is committed; if that fails, what `failed` makes of the code.
    pub fn reply<T: Send + 'static>(
        self,
        response: T,
        failed: impl FnOnce(ErrorCode) -> T + Send + 'static,
    ) -> Reply<T> {
        if self.is_done() {
            return Reply::Now(response);
        }
        Reply::later(async move {
            match self.done().await {
                Ok(()) => response,
                Err(code) => failed(code),
            }
        })
    }

    /// Waits. Errors are a client's: the coordinator has moved, its disk has failed, or too few replicas are there.
    pub async fn done(self) -> Result<(), ErrorCode> {
        let committed = self.partition.committed(self.end, self.epoch);
        crate::time::timeout(self.wait_max, committed)
            .await
            .unwrap_or(Err(ErrorCode::RequestTimedOut))
            .map_err(append_error)
    }
}

/// One record as key and value bytes.
type Written = (Bytes, Option<Bytes>);

/// Builds the batches for some records. Errors: `RECORD_LIST_TOO_LARGE` if a record, or the unit, is larger than `max_bytes`.
fn batches(
    records: &[Record],
    unit: Unit,
    codec: Codec,
    now: Millis,
    max_bytes: usize,
) -> Result<Vec<(usize, Bytes)>, ErrorCode> {
    let written: Vec<Written> = records
        .iter()
        .map(Record::write)
        .collect::<Result<_, _>>()
        .map_err(|_| ErrorCode::RecordListTooLarge)?;
    let mut out = Vec::new();
    let mut builder = BatchBuilder::new(codec, TimestampType::Create);
    let close = |builder: &mut BatchBuilder, out: &mut Vec<(usize, Bytes)>| {
        let full = std::mem::replace(builder, BatchBuilder::new(codec, TimestampType::Create));
        let count = full.count() as usize;
        let bytes = full.build(Offset(0), LeaderEpoch(-1));
        if bytes.len() > max_bytes {
            return Err(ErrorCode::RecordListTooLarge);
        }
        out.push((count, bytes));
        Ok(())
    };
    for (key, value) in &written {
        let size = key.len() + value.as_ref().map_or(0, Bytes::len) + RECORD_OVERHEAD_MAX;
        if unit == Unit::Parts && !builder.is_empty() && builder.size() + size > max_bytes {
            close(&mut builder, &mut out)?;
        }
        builder.push(now, Some(key), value.as_deref(), &[]);
    }
    if !builder.is_empty() {
        close(&mut builder, &mut out)?;
    }
    Ok(out)
}

/// What a record takes beside its key and value, at most, in bytes: five varints of up to 5, one of up to 10, attributes.
const RECORD_OVERHEAD_MAX: usize = 36;

/// Appends records, in the leader epoch in which the shard writes. Calls `written` for each run of them that is on the log, with the
/// offset of its first record and the log's end behind it; on an error some runs may have been written if the unit allows it.
pub(super) fn append(
    partition: &Arc<Partition>,
    epoch: LeaderEpoch,
    records: &[Record],
    unit: Unit,
    codec: Codec,
    now: Millis,
    mut written: impl FnMut(Offset, &[Record], Offset),
) -> Result<(), ErrorCode> {
    if records.is_empty() {
        return Ok(());
    }
    let max_bytes = partition.config().max_message_bytes.max(0) as usize;
    let mut rest = records;
    for (count, bytes) in batches(records, unit, codec, now, max_bytes)? {
        let appended = partition
            .append(bytes, now, Origin::Coordinator, true, epoch)
            .map_err(|code| match code {
                // The partition is led in another epoch, which the shard takes over any moment, or is unloaded.
                ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownLeaderEpoch => {
                    ErrorCode::NotLeaderOrFollower
                }
                code => code,
            })?
            .appended;
        let (run, later) = rest.split_at(count);
        rest = later;
        written(
            appended.base_offset,
            run,
            Offset(appended.last_offset.0 + 1),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use airis_protocol::batch::parse_batches;
    use airis_protocol::messages::{GroupMetadataKey, GroupRecordKey};

    fn tombstones(n: usize) -> Vec<Record> {
        (0..n)
            .map(|i| Record {
                key: GroupRecordKey::GroupMetadata(GroupMetadataKey {
                    group: format!("group-{i}").into(),
                }),
                value: None,
            })
            .collect()
    }

    #[test]
    fn parts_are_split_and_a_whole_is_refused() {
        let records = tombstones(1000);
        let split = |unit, max| batches(&records, unit, Codec::None, Millis(1), max);
        assert_eq!(
            split(Unit::Whole, 1000).err(),
            Some(ErrorCode::RecordListTooLarge)
        );
        assert_eq!(split(Unit::Whole, 1 << 20).expect("fits").len(), 1);
        let parts = split(Unit::Parts, 1000).expect("each fits");
        assert!(parts.len() > 10);
        assert_eq!(parts.iter().map(|(n, _)| n).sum::<usize>(), 1000);
        for (count, bytes) in parts {
            assert!(bytes.len() <= 1000);
            let batch = &parse_batches(&bytes).expect("a batch")[0];
            assert_eq!(batch.header().record_count as usize, count);
        }
        assert_eq!(
            split(Unit::Parts, 20).err(),
            Some(ErrorCode::RecordListTooLarge)
        );
    }
}
