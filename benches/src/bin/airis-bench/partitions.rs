//! Many partitions: create, wait for leaders, one record to each. No topic has more than Kafka makes in one request.
//!
//! Always holds: every partition has taken its record when the time ends. Must never: hide a refusal: it is tried again and counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use airis_benches::batches;
use airis_benches::client::produced;
use airis_benches::machine;
use airis_benches::requests;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{Figures, Target, machine_unique};

/// Requests in flight, as clients have them by default.
const WINDOW: usize = 5;

/// A broker that is still busy with the creation refuses some hundred thousand times.
const PATIENCE: Duration = Duration::from_secs(180);

/// Kafka's controller makes no change of more than 10,000 records, and a topic has some of its own.
const CREATED_AT_ONCE: i32 = 5_000;

pub fn run(target: &Target, count: i32, keep: bool) -> Result<Figures> {
    let name = format!("bench-partitions-{}", machine_unique());
    let mut topics = Vec::new();
    let mut rest = count;
    while rest > 0 {
        let partitions = rest.min(CREATED_AT_ONCE);
        topics.push((format!("{name}-{}", topics.len()), partitions));
        rest -= partitions;
    }
    let mut client = target.connect()?;
    let before = machine::usage(&target.pids).rss;
    let meter = target.meter();
    let began = Instant::now();
    for (topic, partitions) in &topics {
        let request = requests::create(topic, *partitions, 1, &[]);
        let answer = client.call(&request, requests::CREATE_TOPICS)?;
        let result = answer.topics.first().context("no topic in the answer")?;
        match ErrorCode::from_wire(result.error_code) {
            ErrorCode::None => {}
            e => bail!("creating {topic}: {e:?} {:?}", result.error_message),
        }
    }
    let created = began.elapsed();
    for (topic, partitions) in &topics {
        client.leaders(topic, *partitions)?;
    }
    let led = began.elapsed();
    let batch = batches::batch(Codec::None, 1, 100);
    let all = topics.iter();
    let all = all.flat_map(|(topic, partitions)| (0..*partitions).map(move |p| (topic, p)));
    let mut left: VecDeque<(&String, i32)> = all.collect();
    let mut in_flight = VecDeque::new();
    let mut retried = 0;
    while !left.is_empty() || !in_flight.is_empty() {
        while in_flight.len() < WINDOW
            && let Some((topic, partition)) = left.pop_front()
        {
            let (frame, _) = requests::produce_frame(topic, partition, -1, &batch);
            client.send(&frame)?;
            in_flight.push_back((topic, partition));
        }
        let (topic, partition) = in_flight.pop_front().expect("something was sent");
        match client.frame(produced)?.0 {
            ErrorCode::None => {}
            e if e.retriable() && began.elapsed() < PATIENCE => {
                retried += 1;
                left.push_back((topic, partition));
            }
            e => bail!("produce to {topic}-{partition}: {e:?}"),
        }
    }
    let produced = began.elapsed();
    let mut figures = meter.stop(0, 0);
    let ms = |d: Duration| json!((d.as_secs_f64() * 1e4).round() / 10.0);
    figures.insert("create_ms".into(), ms(created));
    figures.insert("leaders_ms".into(), ms(led - created));
    figures.insert("produce_ms".into(), ms(produced - led));
    figures.insert("total_ms".into(), ms(produced));
    figures.insert("retried".into(), json!(retried));
    figures.insert(
        "open_files".into(),
        json!(machine::open_files(&target.pids)),
    );
    let after = machine::usage(&target.pids).rss;
    let each = after.saturating_sub(before) as f64 / 1024.0 / f64::from(count);
    figures.insert("rss_KiB_each".into(), json!((each * 10.0).round() / 10.0));
    let topics: Vec<String> = topics.into_iter().map(|t| t.0).collect();
    if !keep {
        target.delete(&topics)?;
    }
    figures.insert("topics".into(), json!(topics));
    Ok(figures)
}
