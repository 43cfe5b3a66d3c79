//! Loading: a shard out of its partition's log.
//!
//! Always holds: a record that cannot be understood costs that record, with a line in the log; a log that cannot be read costs the
//! shard. Must never: run on a thread that serves sockets.

use std::sync::Arc;

use airis_cluster::group::{GroupConfig, Record, Shard};
use airis_protocol::batch::{BatchBytes, parse_batches};
use airis_protocol::control::ControlType;
use airis_protocol::types::{Offset, ProducerId};
use airis_storage::{ReadError, is_short};
use bytes::{Bytes, BytesMut};
use tracing::{info, warn};

use crate::partition::Partition;

/// How much is read at once (Kafka's `offsets.load.buffer.size`).
const READ_BYTES: usize = 5 * 1024 * 1024;

/// How much one batch may hold once it is decompressed: no coordinator writes as much.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why a log cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("offset {0}: {1}")]
    Read(Offset, ReadError),
    #[error("offset {0}: {1}")]
    Io(Offset, std::io::Error),
    #[error("offset {0}: {1}")]
    Batch(Offset, airis_protocol::batch::BatchError),
    #[error("offset {0}: {1}")]
    Records(Offset, airis_protocol::record::RecordError),
}

impl LoadError {
    /// Time, or another replica, may mend it.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, LoadError::Read(..) | LoadError::Io(..))
    }

    /// The process has too few file descriptors or too little memory for now: nothing is wrong with the log.
    pub(super) fn is_short(&self) -> bool {
        match self {
            LoadError::Read(_, ReadError::Storage(e)) => e.is_short(),
            LoadError::Io(_, e) => is_short(e),
            _ => false,
        }
    }
}

/// Replays the log of a partition from its start to its end. Returns the end as well.
pub(super) fn load(
    partition: &Arc<Partition>,
    config: GroupConfig,
) -> Result<(Shard, Offset), LoadError> {
    let begun = tokio::time::Instant::now();
    let log = partition.log();
    let (mut at, end) = (log.start(), log.end());
    let mut shard = Shard::new(config);
    let mut skipped = 0usize;
    while at < end {
        let read = log.read(at, READ_BYTES, end, true).map_err(|e| {
            partition.distrust(at, &e);
            LoadError::Read(at, e)
        })?;
        let mut bytes = BytesMut::with_capacity(read.bytes);
        for range in &read.ranges {
            let part = range.read().map_err(|e| {
                // It is read and checked the next time.
                log.cool();
                LoadError::Io(at, e)
            })?;
            bytes.extend_from_slice(&part);
        }
        let before = at;
        let batches = parse_batches(&bytes.freeze()).map_err(|e| LoadError::Batch(at, e))?;
        for batch in &batches {
            skipped += replay_batch(&mut shard, batch)?;
            at = batch.header().next_offset();
        }
        if at <= before {
            // Nothing lies between here and the end: compaction has taken it.
            break;
        }
    }
    if skipped > 0 {
        warn!(
            partition = %partition.index,
            "{skipped} records of __consumer_offsets were not understood and skipped"
        );
    }
    if end > log.start() {
        info!(
            partition = %partition.index,
            groups = shard.group_count(),
            ms = begun.elapsed().as_millis() as u64,
            "loaded groups and offsets"
        );
    }
    Ok((shard, end))
}

/// Replays one batch. Returns how many of its records were skipped.
fn replay_batch(shard: &mut Shard, batch: &BatchBytes) -> Result<usize, LoadError> {
    let base = batch.base_offset();
    let producer = ProducerId(batch.header().producer_id);
    let records = batch
        .records(BATCH_BYTES_MAX)
        .map_err(|e| LoadError::Records(base, e))?;
    let transaction = batch.is_transactional().then_some(producer);
    let mut skipped = 0;
    for record in records.iter() {
        let record = record.map_err(|e| LoadError::Records(base, e))?;
        if batch.is_control() {
            match ControlType::read_key(record.key.unwrap_or_default()) {
                Ok(ControlType::Commit) => shard.replay_marker(producer, true),
                Ok(ControlType::Abort) => shard.replay_marker(producer, false),
                Ok(_) | Err(_) => {}
            }
            continue;
        }
        let key = record.key.map(Bytes::copy_from_slice);
        let value = record.value.map(Bytes::copy_from_slice);
        match Record::read(key, value) {
            Ok(Some(read)) => shard.replay(record.offset, transaction, &read),
            Ok(None) => skipped += 1,
            Err(e) => {
                warn!(offset = %record.offset, "a record of __consumer_offsets is damaged: {e}");
                skipped += 1;
            }
        }
    }
    Ok(skipped)
}
