//! From the start of a process to its first acknowledged record.
//!
//! Always holds: each step is tried again until it works, every millisecond. Must never: take a broker for ready that has not
//! acknowledged a record to every replica.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, UNIX_EPOCH};

use airis_benches::batches;
use airis_benches::client::{Client, produced};
use airis_benches::requests;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::{Figures, Target, machine_unique};

const STEP: Duration = Duration::from_millis(1);

fn wall_nanos() -> i64 {
    UNIX_EPOCH.elapsed().map_or(0, |d| d.as_nanos() as i64)
}

/// Goes as far as it can on one connection.
fn attempt(
    client: &mut Client,
    topic: &str,
    replicas: i16,
    seen: &mut dyn FnMut(&str),
) -> Result<()> {
    client.greet()?;
    seen("api_versions_ms");
    let answer = client.call(&requests::metadata(None), requests::METADATA)?;
    ensure!(
        !answer.brokers.is_empty() && answer.controller_id >= 0,
        "no controller yet"
    );
    seen("metadata_ms");
    let answer = client.call(
        &requests::create(topic, 1, replicas, &[]),
        requests::CREATE_TOPICS,
    )?;
    let result = answer.topics.first().context("no topic in the answer")?;
    match ErrorCode::from_wire(result.error_code) {
        ErrorCode::None | ErrorCode::TopicAlreadyExists => seen("create_topic_ms"),
        e => bail!("create: {e:?}"),
    }
    let (frame, _) = requests::produce_frame(topic, 0, -1, &batches::batch(Codec::None, 1, 16));
    let error = if replicas > 1 {
        let leaders = client.leaders(topic, 1)?;
        let mut leader = Client::connect(&leaders[0])?;
        leader.send(&frame)?;
        leader.frame(produced)?.0
    } else {
        client.send(&frame)?;
        client.frame(produced)?.0
    };
    ensure!(error == ErrorCode::None, "produce: {error:?}");
    seen("produce_ms");
    Ok(())
}

pub fn run(target: &Target, since: i64, timeout_s: u64) -> Result<Figures> {
    let end = wall_nanos() + timeout_s as i64 * 1_000_000_000;
    let topic = format!("bench-ready-{}", machine_unique());
    let mut figures = Figures::new();
    // The first time that a step worked counts.
    let mut seen = |step: &str| {
        figures
            .entry(step)
            .or_insert_with(|| json!(((wall_nanos() - since) / 10_000) as f64 / 100.0));
    };
    let mut last = None;
    while wall_nanos() < end {
        // Not through `Client::connect`: being refused is what is expected here.
        if TcpStream::connect(target.first()).is_err() {
            sleep(STEP);
            continue;
        }
        seen("connect_ms");
        let mut client = Client::connect(target.first())?;
        loop {
            match attempt(&mut client, &topic, target.replicas, &mut seen) {
                Ok(()) => return Ok(figures),
                Err(e) => last = Some(e),
            }
            sleep(STEP);
            if wall_nanos() > end || client.greet().is_err() {
                break;
            }
        }
    }
    match last {
        Some(e) => Err(e.context(format!("not ready after {timeout_s} s"))),
        None => bail!("nothing listens after {timeout_s} s"),
    }
}
