//! One record at a time.
//!
//! Always holds: the next record is sent after the last one has come through. Must never: count time of its own pauses.

use std::time::{Duration, Instant};

use airis_benches::batches;
use airis_benches::client::{Client, decode, produced};
use airis_benches::machine::percentiles;
use airis_benches::requests;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::FetchRequest;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use super::flow::{Flow, settle};
use super::{Figures, Target};

pub fn ping(target: &Target, count: u64, size: usize) -> Result<Figures> {
    let topic = target.topic("ping", 1)?;
    let batch = batches::batch(Codec::None, 1, size);
    let mut flow = Flow::new(target, &topic.name, 1, 1, 1, &batch, 1)?;
    flow.run((count / 10).clamp(1, 500))?;
    let meter = target.meter();
    let mut latencies = flow.run(count)?;
    let mut figures = meter.stop(count, 0);
    figures.insert("ack_us".into(), percentiles(&mut latencies));
    Ok(figures)
}

/// Bytes of records in a fetch answer of one partition.
fn fetched(frame: Bytes) -> Result<usize> {
    let answer = decode::<FetchRequest>(frame, requests::FETCH)?;
    let data = answer
        .responses
        .first()
        .and_then(|t| t.partitions.first())
        .context("a fetch answer without a partition")?;
    ensure!(
        answer.error_code == 0 && data.error_code == 0,
        "fetch: {:?}",
        ErrorCode::from_wire(answer.error_code.max(data.error_code))
    );
    Ok(data.records.as_ref().map_or(0, |r| r.len()))
}

struct Pair {
    producer: Client,
    consumer: Client,
    topic: String,
    frame: Vec<u8>,
    next: i64,
}

impl Pair {
    /// One record through both; gives when it was produced to when the fetch gave it.
    fn once(&mut self, pause: Duration) -> Result<u64> {
        let fetch = requests::fetch(&self.topic, &[(0, self.next)], 10_000, 1 << 20);
        self.consumer
            .send(&requests::frame(&fetch, requests::FETCH, 1))?;
        std::thread::sleep(pause);
        let sent = Instant::now();
        self.producer.send(&self.frame)?;
        let bytes = self.consumer.frame(fetched)?;
        let nanos = sent.elapsed().as_nanos() as u64;
        ensure!(bytes > 0, "a fetch that had waited gave nothing");
        let (error, offset) = self.producer.frame(produced)?;
        ensure!(error == ErrorCode::None, "produce: {error:?}");
        self.next = offset + 1;
        Ok(nanos)
    }
}

pub fn pingpong(target: &Target, count: u64, size: usize, pause: Duration) -> Result<Figures> {
    let topic = target.topic("pingpong", 1)?;
    let batch = batches::batch(Codec::None, 1, size);
    let mut producer = target.connect()?;
    settle(&mut producer, &topic.name, 0)?;
    let (frame, _) = requests::produce_frame(&topic.name, 0, -1, &batch);
    producer.send(&frame)?;
    let (_, offset) = producer.frame(produced)?;
    let mut pair = Pair {
        producer,
        consumer: target.connect()?,
        topic: topic.name.clone(),
        frame,
        next: offset + 1,
    };
    for _ in 0..(count / 10).clamp(1, 300) {
        pair.once(pause)?;
    }
    let meter = target.meter();
    let mut latencies = (0..count)
        .map(|_| pair.once(pause))
        .collect::<Result<Vec<_>>>()?;
    let mut figures = meter.stop(2 * count, 0);
    figures.insert("e2e_us".into(), percentiles(&mut latencies));
    Ok(figures)
}
