//! Produce requests in flight on many connections, from one thread.
//!
//! Always holds: at most `window` requests are under way on each connection; answers are matched in order. Must never: count a
//! refused batch as done.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use airis_benches::batches;
use airis_benches::client::{Client, produced};
use airis_benches::machine::percentiles;
use airis_benches::requests;
use airis_protocol::batch::add_sequence;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rustix::event::{Timespec, epoll};

use super::{Figures, Target};

/// Requests before the clock starts, a connection.
const WARM: u64 = 20;
/// No answer on any connection for so long means that none will come.
const SILENCE: Duration = Duration::from_secs(60);

/// Tells which of many connections have something to read.
pub struct Poller(OwnedFd);

impl Poller {
    pub fn new() -> Result<Self> {
        Ok(Poller(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    pub fn add(&self, client: &Client, index: usize) -> Result<()> {
        let data = epoll::EventData::new_u64(index as u64);
        Ok(epoll::add(&self.0, client, data, epoll::EventFlags::IN)?)
    }

    /// Waits; gives the indexes of those that can be read.
    pub fn wait(&self, ready: &mut Vec<usize>) -> Result<()> {
        let timeout = Timespec::try_from(SILENCE).expect("a minute is a time");
        let mut events = [MaybeUninit::uninit(); 256];
        ready.clear();
        let (events, _) = epoll::wait(&self.0, &mut events, Some(&timeout))?;
        ensure!(!events.is_empty(), "no answer in {} s", SILENCE.as_secs());
        ready.extend(events.iter().map(|e| e.data.u64() as usize));
        Ok(())
    }
}

/// An idempotent producer with a connection of its own.
struct Producer {
    client: Client,
    frame: Vec<u8>,
    at: usize,
    len: usize,
    records: i32,
    id: (i64, i16),
    sequence: i32,
    sent: VecDeque<Instant>,
}

impl Producer {
    fn new(leader: &str, topic: &str, partition: i32, batch: &Bytes, records: i32) -> Result<Self> {
        let mut client = Client::connect(leader)?;
        let id = client.producer()?;
        settle(&mut client, topic, partition)?;
        let (frame, at) = requests::produce_frame(topic, partition, -1, batch);
        Ok(Producer {
            client,
            frame,
            at,
            len: batch.len(),
            records,
            id,
            sequence: 0,
            sent: VecDeque::new(),
        })
    }

    fn send(&mut self) -> Result<()> {
        let batch = &mut self.frame[self.at..self.at + self.len];
        batches::patch(batch, self.id.0, self.id.1, self.sequence);
        self.sequence = add_sequence(self.sequence, self.records);
        self.sent.push_back(Instant::now());
        self.client.send(&self.frame).context("send")
    }

    /// Takes one answer that has arrived.
    fn take(&mut self, latencies: &mut Vec<u64>) -> Result<bool> {
        let Some((error, _)) = self.client.next_frame(produced)? else {
            return Ok(false);
        };
        ensure!(error == ErrorCode::None, "produce: {error:?}");
        let sent = self.sent.pop_front().context("an answer to nothing")?;
        latencies.push(sent.elapsed().as_nanos() as u64);
        Ok(true)
    }
}

/// A fresh topic's leader may not be ready yet: produces one record until it is taken.
pub fn settle(client: &mut Client, topic: &str, partition: i32) -> Result<()> {
    let (frame, _) =
        requests::produce_frame(topic, partition, -1, &batches::batch(Codec::None, 1, 16));
    for _ in 0..4000 {
        client.send(&frame)?;
        let (error, _) = client.frame(produced)?;
        match error {
            ErrorCode::None => return Ok(()),
            e if e.retriable() => std::thread::sleep(Duration::from_millis(5)),
            e => bail!("produce to {topic}: {e:?}"),
        }
    }
    bail!("{topic} takes nothing")
}

/// Many producers.
pub struct Flow {
    producers: Vec<Producer>,
    poller: Poller,
    window: usize,
}

impl Flow {
    /// One connection for each; they share the topic's partitions.
    pub fn new(
        target: &Target,
        topic: &str,
        partitions: i32,
        connections: usize,
        window: usize,
        batch: &Bytes,
        records: i32,
    ) -> Result<Self> {
        let poller = Poller::new()?;
        let leaders = target.connect()?.leaders(topic, partitions)?;
        let mut producers = Vec::with_capacity(connections);
        for i in 0..connections {
            let partition = i as i32 % partitions;
            let leader = &leaders[partition as usize];
            let producer = Producer::new(leader, topic, partition, batch, records)?;
            poller.add(&producer.client, i)?;
            producers.push(producer);
        }
        Ok(Flow {
            producers,
            poller,
            window: window.max(1),
        })
    }

    /// Sends `count` requests and waits for all answers. Gives the latencies in nanoseconds.
    pub fn run(&mut self, count: u64) -> Result<Vec<u64>> {
        let mut latencies = Vec::with_capacity(count as usize);
        let mut sent = 0;
        // One after another in each round, so that no connection is ahead of the others.
        for _ in 0..self.window {
            for producer in &mut self.producers {
                if sent < count {
                    producer.send()?;
                    sent += 1;
                }
            }
        }
        let mut ready = Vec::new();
        while (latencies.len() as u64) < count {
            if self.producers.len() == 1 {
                ready = vec![0];
            } else {
                self.poller.wait(&mut ready)?;
            }
            for i in &ready {
                let producer = &mut self.producers[*i];
                producer.client.fill()?;
                while producer.take(&mut latencies)? {
                    if sent < count {
                        producer.send()?;
                        sent += 1;
                    }
                }
            }
        }
        Ok(latencies)
    }

    pub fn warm(&mut self) -> Result<()> {
        self.run(WARM * self.producers.len() as u64).map(drop)
    }
}

pub fn rps(
    target: &Target,
    connections: usize,
    window: usize,
    count: u64,
    size: usize,
) -> Result<Figures> {
    let partitions = connections.min(4) as i32;
    let topic = target.topic("rps", partitions)?;
    let batch = batches::batch(Codec::None, 1, size);
    let mut flow = Flow::new(
        target,
        &topic.name,
        partitions,
        connections,
        window,
        &batch,
        1,
    )?;
    flow.warm()?;
    let meter = target.meter();
    let mut latencies = flow.run(count)?;
    let mut figures = meter.stop(count, 0);
    figures.insert("ack_us".into(), percentiles(&mut latencies));
    Ok(figures)
}
