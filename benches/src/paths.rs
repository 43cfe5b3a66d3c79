//! The hot paths, one operation at a time, over a real socket to a node in this process: what allocations and instructions are
//! counted of.
//!
//! Always holds: an operation is the same work every time. Must never: do on the node's threads what a client would do.

use std::path::Path;

use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{ApiVersionsRequest, FetchRequest, FetchResponse};
use anyhow::{Context, Result, ensure};

use crate::batches;
use crate::client::{Client, decode, produced};
use crate::embedded::Embedded;
use crate::requests;

const TOPIC: &str = "paths";
/// A topic that is only read.
const READ: &str = "paths-read";

/// An operation and what it does.
pub struct Operation {
    pub name: &'static str,
    pub what: &'static str,
    /// Takes longer; a tenth as many tell the same.
    pub heavy: bool,
}

const fn op(name: &'static str, heavy: bool, what: &'static str) -> Operation {
    Operation { name, what, heavy }
}

pub const ALL: &[Operation] = &[
    op("api-versions", false, "ApiVersions"),
    op("metadata", false, "Metadata of one topic"),
    op(
        "produce-1",
        false,
        "Produce, 1 record of 100 bytes, acks=all",
    ),
    op(
        "produce-1000",
        true,
        "Produce, 1 batch of 1,000 records of 100 bytes, acks=all",
    ),
    op(
        "produce-500k",
        true,
        "Produce, 1 batch of 500 KB in records of 1 KiB, acks=all",
    ),
    op(
        "fetch-empty",
        false,
        "Fetch at the end of a partition, no wait",
    ),
    op(
        "fetch-16k",
        false,
        "Fetch of 16 KiB from the tail, no session",
    ),
    op("fetch-1m", true, "Fetch of 1 MiB, no session"),
    op(
        "fetch-session",
        false,
        "Fetch in a session with nothing new, no wait",
    ),
    op(
        "fetch-wait",
        true,
        "Fetch that waits, then Produce of 1 record that wakes it",
    ),
];

/// A node and a client of it.
pub struct Paths {
    node: Embedded,
    client: Client,
    consumer: Client,
    one: Vec<u8>,
    thousand: Vec<u8>,
    bulk: Vec<u8>,
    fetch_16k: Vec<u8>,
    fetch_1m: Vec<u8>,
    fetch_empty: Vec<u8>,
    metadata: Vec<u8>,
    api_versions: Vec<u8>,
    session: i32,
    session_epoch: i32,
}

impl Paths {
    /// `data`: where the node's directory is made. `mark` runs first on each of its threads.
    pub fn new(data: &Path, threads: usize, mark: fn()) -> Result<Paths> {
        let properties = [
            ("log.segment.delete.delay.ms", "1000"),
            ("log.retention.check.interval.ms", "1000"),
        ];
        let node = Embedded::start(data, threads, &properties, mark)?;
        let mut client = Client::connect(&node.address())?;
        client.greet()?;
        // Little stays on the disk, however long this runs.
        let small = [
            ("segment.bytes", "67108864"),
            ("retention.bytes", "134217728"),
        ];
        client.create(TOPIC, 1, 1, &small)?;
        client.create(READ, 1, 1, &[])?;
        let produce = |batch| requests::produce_frame(TOPIC, 0, -1, &batch).0;
        let sixteen = batches::batch_of(Codec::None, 16 * 1024, 1024);
        let fill = requests::produce_frame(READ, 0, -1, &sixteen).0;
        let mut end = 0;
        for _ in 0..200 {
            client.send(&fill)?;
            let (error, base) = client.frame(produced)?;
            ensure!(error == ErrorCode::None, "produce: {error:?}");
            end = base + 15;
        }
        let fetch = |offset, bytes| {
            let request = requests::fetch(READ, &[(0, offset)], 0, bytes);
            requests::frame(&request, requests::FETCH, 1)
        };
        let mut paths = Paths {
            consumer: Client::connect(&node.address())?,
            one: produce(batches::batch(Codec::None, 1, 100)),
            thousand: produce(batches::batch(Codec::None, 1000, 100)),
            bulk: produce(batches::batch_of(Codec::None, 500_000, 1024)),
            fetch_16k: fetch(end - 15, 1 << 20),
            fetch_1m: fetch(0, 1 << 20),
            fetch_empty: fetch(end, 1 << 20),
            metadata: requests::frame(&requests::metadata(Some(TOPIC)), requests::METADATA, 1),
            api_versions: requests::frame(
                &ApiVersionsRequest::default(),
                requests::API_VERSIONS,
                1,
            ),
            session: 0,
            session_epoch: 0,
            node,
            client,
        };
        paths.open_session(end)?;
        Ok(paths)
    }

    pub fn node(&self) -> &Embedded {
        &self.node
    }

    fn open_session(&mut self, end: i64) -> Result<()> {
        let mut request = requests::fetch(READ, &[(0, end)], 0, 1 << 20);
        request.session_epoch = 0;
        let answer = self.client.call(&request, requests::FETCH)?;
        ensure!(answer.session_id > 0, "no fetch session was given");
        (self.session, self.session_epoch) = (answer.session_id, 1);
        Ok(())
    }

    fn produce(client: &mut Client, frame: &[u8]) -> Result<i64> {
        client.send(frame)?;
        let (error, base) = client.frame(produced)?;
        ensure!(error == ErrorCode::None, "produce: {error:?}");
        Ok(base)
    }

    fn fetch(client: &mut Client, frame: &[u8], least: usize) -> Result<()> {
        client.send(frame)?;
        let answer = client.answer::<FetchRequest>(requests::FETCH)?;
        enough(&answer, least)
    }

    /// Does the operation `n` times.
    pub fn run(&mut self, name: &str, n: u64) -> Result<()> {
        let client = &mut self.client;
        let mut next = -1;
        for _ in 0..n {
            match name {
                "api-versions" => {
                    client.send(&self.api_versions)?;
                    client.frame(|f| Ok(f.len()))?;
                }
                "metadata" => {
                    client.send(&self.metadata)?;
                    client.frame(|f| Ok(f.len()))?;
                }
                "produce-1" => drop(Self::produce(client, &self.one)?),
                "produce-1000" => drop(Self::produce(client, &self.thousand)?),
                "produce-500k" => drop(Self::produce(client, &self.bulk)?),
                "fetch-empty" => Self::fetch(client, &self.fetch_empty, 0)?,
                "fetch-16k" => Self::fetch(client, &self.fetch_16k, 15_000)?,
                "fetch-1m" => Self::fetch(client, &self.fetch_1m, 1_000_000)?,
                "fetch-session" => {
                    let mut request = FetchRequest {
                        max_wait_ms: 0,
                        min_bytes: 1,
                        session_id: self.session,
                        session_epoch: self.session_epoch,
                        ..Default::default()
                    };
                    request.max_bytes = 50 << 20;
                    self.session_epoch += 1;
                    client.send(&requests::frame(&request, requests::FETCH, 1))?;
                    let answer = client.answer::<FetchRequest>(requests::FETCH)?;
                    ensure!(
                        answer.error_code == 0,
                        "session: error {}",
                        answer.error_code
                    );
                }
                "fetch-wait" => {
                    if next < 0 {
                        next = Self::produce(client, &self.one)? + 1;
                    }
                    let request = requests::fetch(TOPIC, &[(0, next)], 10_000, 1 << 20);
                    self.consumer
                        .send(&requests::frame(&request, requests::FETCH, 1))?;
                    // Long enough for the fetch to be waiting.
                    std::thread::sleep(std::time::Duration::from_micros(500));
                    next = Self::produce(client, &self.one)? + 1;
                    let answer = self
                        .consumer
                        .frame(|f| decode::<FetchRequest>(f, requests::FETCH))?;
                    enough(&answer, 1)?;
                }
                other => anyhow::bail!("no operation {other}"),
            }
        }
        Ok(())
    }
}

fn enough(answer: &FetchResponse, least: usize) -> Result<()> {
    let data = answer
        .responses
        .first()
        .and_then(|t| t.partitions.first())
        .context("a fetch answer without a partition")?;
    ensure!(data.error_code == 0, "fetch: error {}", data.error_code);
    let got = data.records.as_ref().map_or(0, |r| r.len());
    ensure!(got >= least, "{got} bytes where {least} were asked for");
    Ok(())
}
