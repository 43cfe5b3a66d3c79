//! Group commit: many appends that wait for stable storage share one flush. Time is told of one append, whoever made it.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use airis_benches::client::{Client, produced};
use airis_benches::embedded::Embedded;
use airis_benches::{batches, filled, requests};
use airis_protocol::compress::Codec;
use criterion::{Criterion, Throughput, criterion_group};

/// Who append at the same time.
const APPENDERS: [usize; 3] = [1, 4, 16];

/// Runs `work` on so many threads, `iterations` times in all.
fn together(threads: usize, iterations: u64, work: impl Fn(usize, u64) + Sync) -> Duration {
    let each = iterations.div_ceil(threads as u64);
    let barrier = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|t| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(t, each);
                })
            })
            .collect();
        barrier.wait();
        let began = Instant::now();
        for handle in handles {
            handle.join().unwrap();
        }
        // More than was asked for may have been done.
        began
            .elapsed()
            .mul_f64(iterations as f64 / (each * threads as u64) as f64)
    })
}

fn log(c: &mut Criterion) {
    let batch = batches::batch(Codec::None, 1, 100);
    let now = batches::now();
    let mut group = c.benchmark_group("group commit/log");
    for appenders in APPENDERS {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let log = filled::log(dir.path(), 0).unwrap();
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{appenders} appenders"), |b| {
            b.iter_custom(|iterations| {
                together(appenders, iterations, |_, n| {
                    for _ in 0..n {
                        filled::append(&log, &batch, now).unwrap();
                        log.flush().unwrap();
                    }
                })
            });
        });
        log.abandon();
    }
    group.finish();
}

fn node(c: &mut Criterion) {
    let properties = [("airis.ack.durability", "fsync")];
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let node = Embedded::start(dir, 2, &properties, || {}).unwrap();
    let batch = batches::batch(Codec::None, 1, 100);
    let mut group = c.benchmark_group("group commit/node, acks=all");
    for appenders in APPENDERS {
        let topic = format!("topic-{appenders}");
        let mut client = Client::connect(&node.address()).unwrap();
        client.create(&topic, 1, 1, &[]).unwrap();
        let (frame, _) = requests::produce_frame(&topic, 0, -1, &batch);
        let clients: Vec<_> = (0..appenders)
            .map(|_| std::sync::Mutex::new(Client::connect(&node.address()).unwrap()))
            .collect();
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{appenders} producers"), |b| {
            b.iter_custom(|iterations| {
                together(appenders, iterations, |t, n| {
                    let mut client = clients[t].lock().unwrap();
                    for _ in 0..n {
                        client.send(&frame).unwrap();
                        let (error, _) = client.frame(produced).unwrap();
                        assert_eq!(error.code(), 0);
                    }
                })
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1)).sample_size(10);
    targets = log, node
}
