//! Looking up: an offset or a time anywhere in the log, through the indexes.

use std::hint::black_box;
use std::time::Duration;

use airis_benches::batches;
use airis_benches::filled;
use airis_protocol::compress::Codec;
use airis_protocol::types::{Millis, Offset};
use criterion::{Criterion, criterion_group};

/// Steps through the log without order, the same in every run.
fn jump(at: &mut i64, end: i64) -> i64 {
    *at = (*at + 7_919 * 4) % end;
    *at
}

fn index(c: &mut Criterion) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = filled::log(dir.path(), 64).unwrap();
    let end = log.end();
    let mut group = c.benchmark_group("index");
    let mut at = 0;
    group.bench_function("offset: anywhere", |b| {
        b.iter(|| {
            let from = Offset(jump(&mut at, end.0));
            // One batch at most: the look-up, not the cut at the other end.
            black_box(log.read(from, 1, end, true).unwrap())
        });
    });
    let earliest = batches::now().0 - 3_600_000;
    group.bench_function("time: before everything", |b| {
        b.iter(|| black_box(log.offset_for_time(Millis(earliest), end).unwrap()));
    });
    group.bench_function("time: the greatest", |b| {
        b.iter(|| black_box(log.max_timestamp().unwrap()));
    });
    log.abandon();

    // Timestamps of their own for a look-up in the middle.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = filled::log(dir.path(), 0).unwrap();
    let base = batches::now().0 - 1_000_000;
    for i in 0..10_000 {
        let mut builder = airis_protocol::batch::BatchBuilder::new(
            Codec::None,
            airis_protocol::batch::TimestampType::Create,
        );
        builder.push(Millis(base + i), None, Some(&[7; 1024]), &[]);
        let batch = builder.build(Offset(0), airis_protocol::types::LeaderEpoch(-1));
        filled::append(&log, &batch, Millis(base + i)).unwrap();
    }
    let mut at = 0;
    group.bench_function("time: anywhere", |b| {
        b.iter(|| {
            let time = Millis(base + jump(&mut at, 10_000));
            black_box(log.offset_for_time(time, log.end()).unwrap())
        });
    });
    group.finish();
    log.abandon();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = index
}
