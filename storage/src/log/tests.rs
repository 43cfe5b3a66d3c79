//! A log on the faulty disk: a harness, then the cases.

use std::path::Path;
use std::sync::Arc;

use airis_protocol::batch::{BatchBuilder, BatchBytes, TimestampType, parse_batches};
use airis_protocol::compress::Codec;
use airis_protocol::types::{
    LeaderEpoch, Millis, Offset, PartitionId, ProducerEpoch, ProducerId, Uuid,
};
use bytes::{Bytes, BytesMut};

use super::*;
use crate::disk::OpenMode;
use crate::disk::faulty::FaultyDisk;
use crate::error::{AppendError, ReadError};

mod basic;
mod faults;
mod gaps;
mod model;
mod rot;
mod threads;

const DIR: &str = "/data/t-0";
const NOW: i64 = 1_700_000_000_000;

struct Harness {
    disk: FaultyDisk,
    config: Arc<LogConfig>,
}

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 8192,
        index_interval_bytes: 512,
        ..LogConfig::default()
    }
}

impl Harness {
    fn new(config: LogConfig) -> Self {
        let disk = FaultyDisk::new();
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        Harness {
            disk,
            config: Arc::new(config),
        }
    }

    fn with(&self, args: OpenArgs) -> (Log, RecoveryReport) {
        let disk = Arc::new(self.disk.clone());
        Log::open(disk, Path::new(DIR), self.config.clone(), args).unwrap()
    }

    fn open(&self) -> Log {
        self.reopen(false).0
    }

    fn reopen(&self, clean: bool) -> (Log, RecoveryReport) {
        self.with(OpenArgs {
            clean,
            now: Millis(NOW),
            producer_expiry_ms: i64::MAX,
            topic_id: Some(Uuid(1 << 70)),
            ..OpenArgs::default()
        })
    }
}

fn args() -> AppendArgs {
    AppendArgs {
        leader_epoch: LeaderEpoch(0),
        now: Millis(NOW),
        origin: Origin::Client,
    }
}

fn batch(records: usize, timestamp: i64, value: usize) -> Bytes {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    for _ in 0..records {
        b.push(Millis(timestamp), None, Some(&vec![b'x'; value]), &[]);
    }
    b.build(Offset(0), LeaderEpoch(-1))
}

fn produced(id: i64, epoch: i16, sequence: i32, records: usize) -> Bytes {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    for _ in 0..records {
        b.push(Millis(NOW), None, Some(&[b'y'; 50]), &[]);
    }
    b.producer(ProducerId(id), ProducerEpoch(epoch), sequence);
    b.build(Offset(0), LeaderEpoch(-1))
}

fn transactional(id: i64, epoch: i16, sequence: i32, records: usize) -> Bytes {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    for _ in 0..records {
        b.push(Millis(NOW), None, Some(&[b'z'; 50]), &[]);
    }
    b.producer(ProducerId(id), ProducerEpoch(epoch), sequence);
    b.transactional();
    b.build(Offset(0), LeaderEpoch(-1))
}

fn end_txn(
    log: &Log,
    id: i64,
    epoch: i16,
    abort: bool,
    coordinator: i32,
) -> Result<Appended, AppendError> {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    let key = [0, 0, 0, u8::from(!abort)];
    let mut value = vec![0, 0];
    value.extend_from_slice(&coordinator.to_be_bytes());
    b.push(Millis(NOW), Some(&key), Some(&value), &[]);
    b.producer(ProducerId(id), ProducerEpoch(epoch), -1);
    b.transactional();
    b.control();
    let args = AppendArgs {
        origin: Origin::Coordinator,
        ..args()
    };
    log.append_as_leader(&b.build(Offset(0), LeaderEpoch(-1)), args)
}

fn append(log: &Log, batch: &[u8]) -> Appended {
    log.append_as_leader(batch, args()).unwrap()
}

fn append_epoch(log: &Log, batch: &[u8], epoch: i32) -> Appended {
    let args = AppendArgs {
        leader_epoch: LeaderEpoch(epoch),
        ..args()
    };
    log.append_as_leader(batch, args).unwrap()
}

fn bytes(read: &Read) -> Bytes {
    let mut out = BytesMut::new();
    for range in &read.ranges {
        out.extend_from_slice(&range.read().unwrap());
    }
    out.freeze()
}

fn parse(read: &Read) -> Vec<BatchBytes> {
    parse_batches(&bytes(read)).unwrap().into_vec()
}

/// All batches from an offset on.
fn batches(log: &Log, from: i64) -> Vec<BatchBytes> {
    let mut all = Vec::new();
    let mut at = Offset(from);
    while at < log.end() {
        let read = log.read(at, 3000, log.end(), true).unwrap();
        let some = parse(&read);
        at = some.last().unwrap().header().next_offset();
        all.extend(some);
    }
    all
}

fn contents(log: &Log) -> Vec<Bytes> {
    let all = batches(log, log.start().0);
    all.into_iter().map(BatchBytes::into_bytes).collect()
}

/// The offsets of all records from an offset on.
fn offsets(log: &Log, from: i64) -> Vec<i64> {
    let all = batches(log, from);
    all.iter()
        .flat_map(|b| b.base_offset().0..=b.last_offset().0)
        .collect()
}
