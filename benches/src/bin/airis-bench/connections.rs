//! Many connections that do nothing.
//!
//! Always holds: every connection has been answered once. Must never: close one before the time is over.

use std::time::{Duration, Instant};

use airis_benches::machine;
use anyhow::{Context, Result};
use serde_json::json;

use super::{Figures, Target};

pub fn run(target: &Target, count: usize, seconds: f64) -> Result<Figures> {
    let before = machine::usage(&target.pids).rss;
    let began = Instant::now();
    let mut open = Vec::with_capacity(count);
    for i in 0..count {
        let mut client = target
            .connect()
            .with_context(|| format!("connection {i}"))?;
        client.greet().with_context(|| format!("connection {i}"))?;
        open.push(client);
    }
    let opened = began.elapsed().as_secs_f64();
    let meter = target.meter();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let mut figures = meter.stop(0, 0);
    let each =
        machine::usage(&target.pids).rss.saturating_sub(before) as f64 / 1024.0 / count as f64;
    figures.insert("open_s".into(), json!((opened * 1000.0).round() / 1000.0));
    figures.insert("rss_KiB_each".into(), json!((each * 100.0).round() / 100.0));
    figures.insert(
        "open_files".into(),
        json!(machine::open_files(&target.pids)),
    );
    drop(open);
    Ok(figures)
}
