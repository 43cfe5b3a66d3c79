//! What a producer of single records feels of others: of one who reads what lies on the disk only, and of those who ask for much
//! and do not read it.
//!
//! Always holds: the reader's bytes come from the disk (told by the broker's own count). Must never: drop pages that were not
//! written back: the files are synced first.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use airis_benches::batches;
use airis_benches::machine::percentiles;
use airis_protocol::compress::Codec;
use anyhow::{Result, ensure};
use rustix::fs::Advice;
use serde_json::json;

use super::bulk::{self, Consumer};
use super::flow::Flow;
use super::{Figures, Target};

const TOPIC: &str = "bench-cold";
const PARTITIONS: i32 = 4;
/// What a stalled consumer asks for at once; it sends as many requests as fit its window.
const STALLED_BYTES: i32 = 50 << 20;
const STALLED_REQUESTS: usize = 4;

/// Drops the topic's log files from the page cache. Gives how many files there were.
fn drop_pages(data_dir: &Path) -> Result<usize> {
    let mut files = 0;
    for partition in std::fs::read_dir(data_dir)? {
        let partition = partition?;
        if !partition.file_name().to_string_lossy().starts_with(TOPIC) {
            continue;
        }
        for file in std::fs::read_dir(partition.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|e| e == "log") {
                let file = File::open(&path)?;
                file.sync_data()?;
                rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
                files += 1;
            }
        }
    }
    Ok(files)
}

/// Reads from the start again and again, from the disk each time. Gives bytes read.
fn read_cold(target: &Target, data_dir: &Path, mb: u64, stop: &AtomicBool) -> Result<u64> {
    let mut consumer = Consumer::new(target, TOPIC, (0..PARTITIONS).collect())?;
    let mut total = 0;
    while !stop.load(Ordering::Relaxed) {
        drop_pages(data_dir)?;
        consumer.rewind();
        let mut got = 0;
        while got < mb * 1_000_000 && !stop.load(Ordering::Relaxed) {
            let bytes = consumer.fetch()?;
            ensure!(bytes > 0, "the cold topic ended after {got} bytes");
            got += bytes;
        }
        total += got;
    }
    Ok(total)
}

fn ping(flow: &mut Flow, seconds: f64) -> Result<serde_json::Value> {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut all = Vec::new();
    while Instant::now() < end {
        all.extend(flow.run(50)?);
    }
    Ok(percentiles(&mut all))
}

pub fn run(
    target: &Target,
    seconds: f64,
    mb: u64,
    data_dir: &Path,
    stalled: usize,
) -> Result<Figures> {
    bulk::fill(target, TOPIC, mb)?;
    let topic = target.topic("beside", 1)?;
    let batch = batches::batch(Codec::None, 1, 100);
    let mut flow = Flow::new(target, &topic.name, 1, 1, 1, &batch, 1)?;
    flow.warm()?;
    let alone = ping(&mut flow, seconds)?;

    ensure!(
        drop_pages(data_dir)? > 0,
        "no log of {TOPIC} in {}",
        data_dir.display()
    );
    let stop = AtomicBool::new(false);
    let meter = target.meter();
    let (cold, read) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_cold(target, data_dir, mb, &stop));
        let cold = ping(&mut flow, seconds);
        stop.store(true, Ordering::Relaxed);
        (cold, reader.join().expect("the reader does not panic"))
    });
    let mut figures = meter.stop(0, read?);
    let cold = cold?;

    let mut sleepers = Vec::new();
    for i in 0..stalled {
        let partitions = vec![i as i32 % PARTITIONS];
        let mut consumer = Consumer::new(target, TOPIC, partitions)?;
        for _ in 0..STALLED_REQUESTS {
            consumer.ask(STALLED_BYTES)?;
        }
        sleepers.push(consumer);
    }
    let stalled = ping(&mut flow, seconds)?;
    let rss = airis_benches::machine::usage(&target.pids).rss;
    drop(sleepers);
    figures.insert("stalled_rss_MiB".into(), json!((rss >> 10) as f64 / 1024.0));
    figures.insert("alone_us".into(), alone);
    figures.insert("cold_us".into(), cold);
    figures.insert("stalled_us".into(), stalled);
    Ok(figures)
}
