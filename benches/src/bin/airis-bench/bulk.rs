//! Large batches in and out.
//!
//! Always holds: bytes are those of record values on the way in, of whole batches on the way out (1 % more at 1 KiB a record). Must
//! never: look at a record.

use airis_benches::batches;
use airis_benches::client::{Client, decode};
use airis_benches::machine::percentiles;
use airis_benches::requests;
use airis_protocol::batch::BatchHeader;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::FetchRequest;
use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::json;

use super::flow::{Flow, Poller};
use super::{Figures, Target};

/// Partitions of a topic that is filled to be read.
const FILLED: i32 = 4;
/// What a consumer asks for of one partition at a time.
const PARTITION_BYTES: i32 = 1 << 20;

/// How a bulk producer sends.
pub struct Shape {
    pub size: usize,
    pub batch_bytes: usize,
    pub window: usize,
}

pub fn produce(
    target: &Target,
    mb: u64,
    shape: Shape,
    partitions: i32,
    topic: Option<&str>,
) -> Result<Figures> {
    let made = match topic {
        Some(name) => {
            target.create(name, partitions)?;
            None
        }
        None => Some(target.topic("produce", partitions)?),
    };
    let name = topic.unwrap_or_else(|| &made.as_ref().expect("made above").name);
    let batch = batches::batch_of(Codec::None, shape.batch_bytes, shape.size);
    let records = BatchHeader::read(&batch)?.record_count;
    let connections = partitions as usize;
    let mut flow = Flow::new(
        target,
        name,
        partitions,
        connections,
        shape.window,
        &batch,
        records,
    )?;
    let values = records as u64 * shape.size as u64;
    let count = (mb * 1_000_000 / values).max(1);
    let meter = target.meter();
    let mut latencies = flow.run(count)?;
    let mut figures = meter.stop(count, count * values);
    figures.insert("batch_bytes".into(), json!(batch.len()));
    figures.insert("ack_us".into(), percentiles(&mut latencies));
    Ok(figures)
}

/// Bytes that all partitions of a topic hold, if every record has 1 KiB.
fn held(client: &mut Client, topic: &str) -> Result<u64> {
    let partitions = client.partitions(topic)?;
    if partitions == 0 {
        return Ok(0);
    }
    let answer = client.call(&requests::ends(topic, partitions), requests::LIST_OFFSETS)?;
    let ends = answer.topics.iter().flat_map(|t| &t.partitions);
    Ok(ends.map(|p| p.offset.max(0) as u64 * 1024).sum())
}

/// Makes sure that the topic holds as much.
pub fn fill(target: &Target, topic: &str, mb: u64) -> Result<()> {
    let held = held(&mut target.connect()?, topic)?;
    // A little more than is read, so that every consumer finds its share.
    let wanted = mb * 1_000_000 + 8_000_000;
    if held < wanted {
        let shape = Shape {
            size: 1024,
            batch_bytes: 500_000,
            window: 2,
        };
        produce(
            target,
            (wanted - held).div_ceil(1_000_000),
            shape,
            FILLED,
            Some(topic),
        )?;
    }
    Ok(())
}

/// A consumer with some partitions of a topic.
pub struct Consumer {
    pub client: Client,
    topic: String,
    /// Partition and next offset.
    at: Vec<(i32, i64)>,
}

impl Consumer {
    pub fn new(target: &Target, topic: &str, partitions: Vec<i32>) -> Result<Self> {
        Ok(Consumer {
            client: target.connect()?,
            topic: topic.to_owned(),
            at: partitions.into_iter().map(|p| (p, 0)).collect(),
        })
    }

    pub fn rewind(&mut self) {
        self.at.iter_mut().for_each(|(_, offset)| *offset = 0);
    }

    pub fn ask(&mut self, partition_bytes: i32) -> Result<()> {
        let fetch = requests::fetch(&self.topic, &self.at, 500, partition_bytes);
        self.client
            .send(&requests::frame(&fetch, requests::FETCH, 1))?;
        // What gave records last is asked for last, so that all partitions move.
        self.at.rotate_left(1);
        Ok(())
    }

    /// Takes an answer that has arrived; gives its bytes.
    pub fn take(&mut self) -> Result<Option<u64>> {
        let at = &mut self.at;
        self.client.next_frame(|frame| walk(frame, at))
    }

    /// Asks and waits.
    pub fn fetch(&mut self) -> Result<u64> {
        self.ask(PARTITION_BYTES)?;
        let at = &mut self.at;
        self.client.frame(|frame| walk(frame, at))
    }
}

/// Moves the offsets past the batches of an answer. Only headers are looked at.
fn walk(frame: Bytes, at: &mut [(i32, i64)]) -> Result<u64> {
    let answer = decode::<FetchRequest>(frame, requests::FETCH)?;
    ensure!(
        answer.error_code == 0,
        "fetch: {:?}",
        ErrorCode::from_wire(answer.error_code)
    );
    let mut bytes = 0;
    for data in answer.responses.iter().flat_map(|t| &t.partitions) {
        ensure!(
            data.error_code == 0,
            "fetch: {:?}",
            ErrorCode::from_wire(data.error_code)
        );
        let Some(mut rest) = data.records.as_ref().and_then(|r| r.as_bytes().cloned()) else {
            continue;
        };
        let Some((_, next)) = at.iter_mut().find(|(p, _)| *p == data.partition_index) else {
            continue;
        };
        while let Ok(header) = BatchHeader::read(&rest) {
            if header.size() > rest.len() {
                break;
            }
            *next = header.next_offset().0;
            bytes += header.size() as u64;
            rest = rest.slice(header.size()..);
        }
    }
    Ok(bytes)
}

pub fn fetch(target: &Target, mb: u64, consumers: usize, topic: &str) -> Result<Figures> {
    fill(target, topic, mb)?;
    let poller = Poller::new()?;
    let consumers = consumers.clamp(1, FILLED as usize);
    let mut all = Vec::new();
    for i in 0..consumers {
        let mine = (0..FILLED)
            .filter(|p| *p as usize % consumers == i)
            .collect();
        let consumer = Consumer::new(target, topic, mine)?;
        poller.add(&consumer.client, i)?;
        all.push(consumer);
    }
    let (want, mut got, mut answers, mut empty) = (mb * 1_000_000, 0, 0, 0);
    let meter = target.meter();
    for consumer in &mut all {
        consumer.ask(PARTITION_BYTES)?;
    }
    let mut ready = Vec::new();
    while got < want {
        poller.wait(&mut ready)?;
        for i in &ready {
            all[*i].client.fill()?;
            if let Some(bytes) = all[*i].take()? {
                got += bytes;
                answers += 1;
                empty += u64::from(bytes == 0);
                ensure!(empty < 100, "nothing left after {got} bytes");
                all[*i].ask(PARTITION_BYTES)?;
            }
        }
    }
    let mut figures = meter.stop(answers, got);
    figures.insert("empty".into(), json!(empty));
    Ok(figures)
}
