//! Appending to a log on a real disk, as its leader. What is appended is deleted again outside of the measured time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airis_benches::batches;
use airis_protocol::compress::Codec;
use airis_protocol::types::{LeaderEpoch, Millis};
use airis_storage::RealDisk;
use airis_storage::log::{AppendArgs, Log, LogConfig, OpenArgs, Origin};
use criterion::{Criterion, Throughput, criterion_group};

/// Bytes after which old segments are deleted.
const KEEP: u64 = 256 << 20;

fn append(c: &mut Criterion) {
    let now = batches::now();
    for (name, bytes) in [
        ("1 record", batches::batch(Codec::None, 1, 100)),
        ("16 KiB", batches::batch_of(Codec::None, 16 << 10, 1024)),
        ("1 MiB", batches::batch_of(Codec::None, 1 << 20, 1024)),
    ] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let config = LogConfig {
            segment_bytes: 64 << 20,
            retention_bytes: KEEP as i64 / 2,
            ..Default::default()
        };
        let args = OpenArgs {
            now,
            ..Default::default()
        };
        let (log, _) = Log::open(Arc::new(RealDisk), dir.path(), Arc::new(config), args).unwrap();
        let mut group = c.benchmark_group("append");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                let mut left = iterations;
                while left > 0 {
                    let run = left.min(KEEP / 2 / bytes.len() as u64);
                    let began = Instant::now();
                    for _ in 0..run {
                        log.append_as_leader(&bytes, args_for(now)).unwrap();
                    }
                    spent += began.elapsed();
                    log.retain(now, log.end(), false).unwrap();
                    left -= run;
                }
                spent
            });
        });
        group.finish();
        log.abandon();
    }
}

fn args_for(now: Millis) -> AppendArgs {
    AppendArgs {
        leader_epoch: LeaderEpoch(0),
        now,
        origin: Origin::Client,
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1)).sample_size(20);
    targets = append
}
