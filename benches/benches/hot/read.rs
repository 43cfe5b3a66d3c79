//! Reading: from an offset to a file range, as a fetch does it, and what sending that range costs in copies at least.

use std::hint::black_box;
use std::time::Duration;

use airis_benches::filled::{self, RECORDS};
use airis_protocol::types::Offset;
use criterion::{Criterion, criterion_group};

fn read(c: &mut Criterion) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = filled::log(dir.path(), 64).unwrap();
    let end = log.end();
    let mut group = c.benchmark_group("read");
    let newest = Offset(end.0 - RECORDS as i64);
    group.bench_function("tail: the newest batch", |b| {
        b.iter(|| black_box(log.read(newest, 1 << 20, end, true).unwrap()));
    });
    group.bench_function("tail: nothing new", |b| {
        b.iter(|| black_box(log.read(end, 1 << 20, end, true).unwrap()));
    });
    // A consumer that catches up: each read begins where the last one ended, in segments closed long ago.
    let mut at = 0;
    group.bench_function("closed segments: 1 MiB after another", |b| {
        b.iter(|| {
            let read = log.read(Offset(at), 1 << 20, end, true).unwrap();
            at += (read.bytes / (RECORDS * 1024)).max(1) as i64 * RECORDS as i64;
            if at >= end.0 {
                at = 0;
            }
            black_box(read)
        });
    });
    let mut buf = vec![0; 1 << 20];
    let read = log.read(Offset(0), 1 << 20, end, true).unwrap();
    let range = &read.ranges[0];
    group.bench_function("bytes: 1 MiB from the page cache", |b| {
        b.iter(|| range.source.read_at(range.position, &mut buf).unwrap());
    });
    group.finish();
    log.abandon();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = read
}
