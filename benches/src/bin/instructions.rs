//! Does one kind of work a given number of times, for a counter of instructions to watch (see `benches/instructions`).
//!
//! Always holds: twice the count is twice the work, so that the difference of two runs is free of start and end. Must never: measure
//! time.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airis_benches::batches;
use airis_benches::paths::{self, Paths};
use airis_benches::requests;
use airis_protocol::batch::TimestampType;
use airis_protocol::compress::Codec;
use airis_protocol::header::{RequestHeader, response_frame};
use airis_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use airis_protocol::messages::{ProduceRequest, ProduceResponse};
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use airis_protocol::validate::{ValidateConfig, validate};
use airis_protocol::wire::{Message, Reader, Request};
use airis_storage::RealDisk;
use airis_storage::log::{AppendArgs, Log, LogConfig, OpenArgs, Origin};
use anyhow::{Result, bail};
use bytes::Bytes;
use clap::Parser;

/// Work on the main thread alone: name and what it is.
const DIRECT: &[(&str, &str)] = &[
    ("decode-produce", "decode a Produce request of 1 record"),
    ("encode-produce", "encode its response"),
    ("validate-1", "validate a batch of 1 record of 100 bytes"),
    (
        "validate-16k",
        "validate a batch of 16 KiB in records of 1 KiB",
    ),
    ("validate-lz4", "the same, lz4"),
    ("append-1", "append a batch of 1 record"),
    ("append-16k", "append a batch of 16 KiB"),
    ("read-tail", "offset to file range, newest batch"),
    (
        "read-old",
        "offset to file range, in the middle of the segment",
    ),
];

#[derive(Parser)]
#[command(
    about = "Does one kind of work COUNT times; --list names the kinds, and whose threads do it"
)]
struct Args {
    operation: Option<String>,
    #[arg(default_value_t = 100)]
    count: u64,
    /// Where data lies meanwhile
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    #[arg(long)]
    list: bool,
}

fn validation() -> ValidateConfig {
    ValidateConfig {
        codec: None,
        level: None,
        timestamp_type: TimestampType::Create,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        keys_required: false,
        max_message_bytes: 1 << 20,
        produce_version: requests::PRODUCE,
    }
}

fn log(dir: &Path) -> Result<Log> {
    let config = Arc::new(LogConfig::default());
    let args = OpenArgs {
        now: batches::now(),
        ..Default::default()
    };
    Ok(Log::open(Arc::new(RealDisk), dir, config, args)?.0)
}

fn append(log: &Log, batch: &Bytes, now: Millis) -> Result<()> {
    let args = AppendArgs {
        leader_epoch: LeaderEpoch(0),
        now,
        origin: Origin::Client,
    };
    log.append_as_leader(batch, args)?;
    Ok(())
}

fn direct(name: &str, count: u64, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let dir = tempfile::tempdir_in(dir)?;
    let (one, sixteen) = (
        batches::batch(Codec::None, 1, 100),
        batches::batch_of(Codec::None, 16 * 1024, 1024),
    );
    let lz4 = batches::batch_of(Codec::Lz4, 16 * 1024, 1024);
    let (config, now) = (validation(), batches::now());
    match name {
        "decode-produce" => {
            let frame = requests::frame(
                &requests::produce("topic", 0, -1, one),
                requests::PRODUCE,
                1,
            );
            let frame = Bytes::from(frame).slice(4..);
            for _ in 0..count {
                let mut r = Reader::new(black_box(&frame).clone());
                black_box(RequestHeader::read(&mut r)?);
                black_box(ProduceRequest::read(&mut r, requests::PRODUCE)?);
            }
        }
        "encode-produce" => {
            let response = ProduceResponse {
                responses: vec![TopicProduceResponse {
                    name: "topic".into(),
                    partition_responses: vec![PartitionProduceResponse::default()],
                    ..Default::default()
                }],
                ..Default::default()
            };
            for _ in 0..count {
                black_box(response_frame(
                    black_box(&response),
                    ProduceRequest::KEY,
                    requests::PRODUCE,
                    1,
                )?);
            }
        }
        "validate-1" | "validate-16k" | "validate-lz4" => {
            let batch = match name {
                "validate-1" => one,
                "validate-16k" => sixteen,
                _ => lz4,
            };
            for _ in 0..count {
                let validated = validate(black_box(&batch), &config, now);
                black_box(validated).map_err(|e| anyhow::anyhow!("{e:?}"))?;
            }
        }
        "append-1" | "append-16k" => {
            let log = log(dir.path())?;
            let batch = if name == "append-1" { one } else { sixteen };
            for _ in 0..count {
                append(&log, &batch, now)?;
            }
        }
        "read-tail" | "read-old" => {
            let log = log(dir.path())?;
            for _ in 0..2000 {
                append(&log, &one, now)?;
            }
            let from = Offset(if name == "read-tail" { 1999 } else { 1000 });
            for _ in 0..count {
                black_box(log.read(from, 1 << 20, log.end(), true)?);
            }
        }
        other => bail!("no operation {other}; --list names them"),
    }
    Ok(())
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.list {
        for (name, what) in DIRECT {
            println!("main\tlight\t{name}\t{what}");
        }
        for op in paths::ALL {
            let weight = if op.heavy { "heavy" } else { "light" };
            println!("node\t{weight}\t{}\t{}", op.name, op.what);
        }
        return Ok(());
    }
    let name = args.operation.unwrap_or_default();
    if paths::ALL.iter().any(|op| op.name == name) {
        let mut paths = Paths::new(&args.dir, 1, || {})?;
        paths.run(&name, args.count)
    } else {
        direct(&name, args.count, &args.dir)
    }
}
