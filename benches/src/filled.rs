//! A log with something in it, for the benches that read.
//!
//! Always holds: its segments are closed but for the last one, and it is younger than any retention. Must never: be appended to by
//! two benches.

use std::path::Path;
use std::sync::Arc;

use airis_protocol::compress::Codec;
use airis_protocol::types::{LeaderEpoch, Millis};
use airis_storage::RealDisk;
use airis_storage::log::{AppendArgs, Log, LogConfig, OpenArgs, Origin};
use anyhow::Result;

use crate::batches;

/// Records in each batch of the log.
pub const RECORDS: usize = 4;

/// A log of `mib` MiB in batches of 4 records of 1 KiB, in segments of 16 MiB.
pub fn log(dir: &Path, mib: usize) -> Result<Log> {
    let now = batches::now();
    let config = LogConfig {
        segment_bytes: 16 << 20,
        ..Default::default()
    };
    let args = OpenArgs {
        now,
        ..Default::default()
    };
    let (log, _) = Log::open(Arc::new(RealDisk), dir, Arc::new(config), args)?;
    let batch = batches::batch(Codec::None, RECORDS, 1024);
    while log.size_bytes() < (mib as u64) << 20 {
        append(&log, &batch, now)?;
    }
    Ok(log)
}

/// Appends as a leader.
pub fn append(log: &Log, batch: &[u8], now: Millis) -> Result<()> {
    let args = AppendArgs {
        leader_epoch: LeaderEpoch(0),
        now,
        origin: Origin::Client,
    };
    log.append_as_leader(batch, args)?;
    Ok(())
}
