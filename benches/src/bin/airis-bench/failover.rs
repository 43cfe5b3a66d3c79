//! How long a partition and a group stand still when a node dies, pauses or is cut off.
//!
//! Two lanes, each with one request under way: records with acks=all to one partition, and commits of a group whose coordinator is the
//! node that leads this partition. A lane tries again at once, where the newest metadata of any broker says: one watcher a broker asks.
//!
//! Always holds: a stand-still is the time between two acknowledgements that follow each other; a request that is under way when
//! another node takes over is given up. Must never: take the word of a node that was cut off over a newer leader epoch; wait without an
//! end.

use std::collections::BTreeMap;
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use airis_benches::batches;
use airis_benches::client::{Client, address, decode, produced};
use airis_benches::machine::percentiles;
use airis_benches::requests;
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use airis_protocol::messages::{FindCoordinatorRequest, MetadataResponse, OffsetCommitRequest};
use airis_protocol::types::Str;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use super::cluster::partitions;
use super::{Figures, Target};

const FIND_COORDINATOR: i16 = 4;
const OFFSET_COMMIT: i16 = 8;
const OFFSETS: &str = "__consumer_offsets";
/// A broker that does not answer a watcher for so long is asked anew.
const PATIENCE: Duration = Duration::from_millis(300);
/// Pauses between two questions of a watcher: usually, and while a lane stands.
const CALM_WATCH: Duration = Duration::from_millis(50);
const QUICK_WATCH: Duration = Duration::from_millis(5);
/// Nothing for so long: the lane stands.
const STANDS: Duration = Duration::from_millis(50);
/// What interrupts a lane's calm.
const GAP: Duration = Duration::from_millis(100);
/// Acknowledgements before a fault may come.
const FIRST: usize = 200;
const FIRST_WITHIN: Duration = Duration::from_secs(20);

pub struct Shape {
    pub pause: Duration,
    pub calm: Duration,
    pub limit: Duration,
}

/// Leader of what a lane writes to.
#[derive(Clone, Default, PartialEq)]
struct Place {
    epoch: i32,
    address: String,
}

/// One steady writer.
struct Lane {
    topic: String,
    partition: i32,
    frame: Vec<u8>,
    result: fn(Bytes) -> Result<ErrorCode>,
    place: Mutex<Place>,
    seen: Mutex<Seen>,
    stands: AtomicBool,
}

#[derive(Default)]
struct Seen {
    /// When each acknowledgement came, since the start.
    acks: Vec<Duration>,
    nanos: Vec<u64>,
    errors: BTreeMap<String, u64>,
}

impl Lane {
    fn new(
        topic: &str,
        partition: i32,
        frame: Vec<u8>,
        result: fn(Bytes) -> Result<ErrorCode>,
    ) -> Self {
        Lane {
            topic: topic.to_owned(),
            partition,
            frame,
            result,
            place: Mutex::default(),
            seen: Mutex::default(),
            stands: AtomicBool::new(true),
        }
    }

    fn place(&self) -> Place {
        self.place.lock().expect("no panic").clone()
    }

    /// Takes what a broker said, unless a newer leader is known.
    fn learn(&self, answer: &MetadataResponse) {
        let found = answer
            .topics
            .iter()
            .filter(|t| t.name.as_ref().is_some_and(|n| n.as_str() == self.topic))
            .flat_map(|t| &t.partitions)
            .find(|p| p.partition_index == self.partition);
        let Some(found) = found else { return };
        let Some(address) = address(answer, found.leader_id) else {
            return;
        };
        let mut place = self.place.lock().expect("no panic");
        if place.address.is_empty() || found.leader_epoch > place.epoch {
            *place = Place {
                epoch: found.leader_epoch,
                address,
            };
        }
    }

    fn failed(&self, why: String) {
        let mut seen = self.seen.lock().expect("no panic");
        *seen.errors.entry(why).or_default() += 1;
        drop(seen);
        self.stands.store(true, Ordering::Relaxed);
        sleep(Duration::from_millis(2));
    }

    /// One request; `None` if it was given up.
    fn once(
        &self,
        client: &mut Client,
        address: &str,
        stop: &AtomicBool,
    ) -> Result<Option<ErrorCode>> {
        let sent = Instant::now();
        client.send(&self.frame)?;
        loop {
            if client.readable(Duration::from_millis(10))? {
                client.fill()?;
                if let Some(code) = client.next_frame(self.result)? {
                    return Ok(Some(code));
                }
            }
            if sent.elapsed() > STANDS {
                self.stands.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) || self.place().address != address {
                return Ok(None);
            }
        }
    }

    fn run(&self, began: Instant, pause: Duration, stop: &AtomicBool) {
        let mut open: Option<(Client, String)> = None;
        while !stop.load(Ordering::Relaxed) {
            let to = self.place().address;
            let (mut client, at) = match open.take().filter(|(_, at)| *at == to) {
                Some(open) => open,
                None if to.is_empty() => {
                    sleep(Duration::from_millis(1));
                    continue;
                }
                None => match Client::connect_within(&to, PATIENCE) {
                    Ok(client) => (client, to),
                    Err(_) => {
                        self.failed("no connection".to_owned());
                        continue;
                    }
                },
            };
            let sent = Instant::now();
            match self.once(&mut client, &at, stop) {
                Ok(Some(ErrorCode::None)) => {
                    let mut seen = self.seen.lock().expect("no panic");
                    seen.acks.push(began.elapsed());
                    seen.nanos.push(sent.elapsed().as_nanos() as u64);
                    drop(seen);
                    self.stands.store(false, Ordering::Relaxed);
                    open = Some((client, at));
                    sleep(pause);
                }
                Ok(Some(code)) => {
                    self.failed(format!("{code:?}"));
                    open = Some((client, at));
                }
                Ok(None) => self.failed("given up for another node".to_owned()),
                Err(_) => self.failed("connection lost".to_owned()),
            }
        }
    }

    fn count(&self) -> usize {
        self.seen.lock().expect("no panic").acks.len()
    }

    /// Whether acknowledgements have come without a break for `calm`, all of it after `from`.
    fn is_calm(&self, from: Duration, now: Duration, calm: Duration) -> bool {
        if now < from + calm {
            return false;
        }
        let seen = self.seen.lock().expect("no panic");
        let mut last = now;
        for ack in seen.acks.iter().rev() {
            if last.saturating_sub(*ack) > GAP {
                return false;
            }
            last = *ack;
            if last + calm <= now {
                return true;
            }
        }
        false
    }

    /// The longest stand-still that reaches into this time: when it began, and how long it was.
    fn longest(&self, from: Duration, to: Duration) -> (Duration, Duration) {
        let seen = self.seen.lock().expect("no panic");
        seen.acks
            .windows(2)
            .filter(|w| w[1] > from && w[0] < to)
            .map(|w| (w[0], w[1] - w[0]))
            .max_by_key(|(_, gap)| *gap)
            .unwrap_or_default()
    }

    fn figures(&self, fault: Duration, calm: Duration, end: Duration) -> Value {
        let ms = |d: Duration| (d.as_secs_f64() * 1e5).round() / 100.0;
        let (began, gap) = self.longest(fault, calm);
        let (_, later) = self.longest(calm, end);
        let mut seen = self.seen.lock().expect("no panic");
        json!({
            "gap_ms": ms(gap),
            "began_ms": (began.as_secs_f64() - fault.as_secs_f64()) * 1e3,
            "later_gap_ms": ms(later),
            "acks": seen.acks.len(),
            "errors": seen.errors,
            "ack_us": percentiles(&mut seen.nanos),
        })
    }
}

/// Asks one broker for the leaders, again and again.
fn watch(address: &str, lanes: &[Lane], stop: &AtomicBool) {
    let mut open = None;
    let topics: Vec<&str> = lanes.iter().map(|l| l.topic.as_str()).collect();
    let question = requests::metadata_of(&topics);
    while !stop.load(Ordering::Relaxed) {
        let client = match open.take() {
            Some(client) => Ok(client),
            None => Client::connect_within(address, PATIENCE),
        };
        if let Ok(mut client) = client
            && let Ok(answer) = client.call(&question, requests::METADATA)
        {
            lanes.iter().for_each(|lane| lane.learn(&answer));
            open = Some(client);
        }
        let stands = lanes.iter().any(|l| l.stands.load(Ordering::Relaxed));
        sleep(if stands && open.is_some() {
            QUICK_WATCH
        } else {
            CALM_WATCH
        });
    }
}

/// Which partition of the offsets topic a group's commits go to: Java's hash of its name.
fn home(group: &str, count: usize) -> i32 {
    let hash = group
        .bytes()
        .fold(0i32, |h, b| h.wrapping_mul(31).wrapping_add(i32::from(b)));
    // The one hash without a positive counterpart counts as 0, as in Kafka.
    hash.checked_abs().unwrap_or(0) % count as i32
}

fn commit(group: &str, topic: &str) -> Vec<u8> {
    let request = OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: topic.into(),
            partitions: vec![OffsetCommitRequestPartition {
                committed_metadata: Some(Str::default()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    requests::frame(&request, OFFSET_COMMIT, 1)
}

fn committed(frame: Bytes) -> Result<ErrorCode> {
    let answer = decode::<OffsetCommitRequest>(frame, OFFSET_COMMIT)?;
    let partition = answer.topics.first().and_then(|t| t.partitions.first());
    let partition = partition.context("a commit's answer without a partition")?;
    Ok(ErrorCode::from_wire(partition.error_code))
}

/// A group that the leader of this partition coordinates, and its partition of the offsets topic.
fn group(target: &Target, topic: &str, partition: i32) -> Result<(String, i32)> {
    let mut client = target.connect()?;
    let leader_of =
        |found: &[airis_protocol::messages::metadata_response::MetadataResponsePartition],
         i: i32| {
            found
                .iter()
                .find(|p| p.partition_index == i)
                .map(|p| p.leader_id)
        };
    let first = FindCoordinatorRequest {
        coordinator_keys: vec!["probe-0".into()],
        ..Default::default()
    };
    for _ in 0..1000 {
        // Makes the offsets topic, if it is not there.
        client.call(&first, FIND_COORDINATOR)?;
        let leader = leader_of(&partitions(&mut client, topic)?, partition);
        let offsets = partitions(&mut client, OFFSETS)?;
        let found = (0..1000)
            .map(|i| format!("probe-{i}"))
            .find(|g| !offsets.is_empty() && leader_of(&offsets, home(g, offsets.len())) == leader);
        if let (Some(name), Some(_)) = (found, leader) {
            let home = home(&name, offsets.len());
            return Ok((name, home));
        }
        sleep(Duration::from_millis(10));
    }
    bail!("the leader of {topic}-{partition} coordinates no group")
}

/// Waits until it is so.
fn wait(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_so() {
        ensure!(
            began.elapsed() < limit,
            "{what} not after {} s",
            limit.as_secs()
        );
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn tell(word: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", json!({ "probe": word }))?;
    Ok(out.flush()?)
}

pub fn run(target: &Target, topic: &str, partition: i32, shape: Shape) -> Result<Figures> {
    let (group, home) = group(target, topic, partition)?;
    let batch = batches::batch(Codec::None, 1, 100);
    let (record, _) = requests::produce_frame(topic, partition, -1, &batch);
    let lanes = [
        Lane::new(topic, partition, record, |frame| {
            produced(frame).map(|(code, _)| code)
        }),
        Lane::new(OFFSETS, home, commit(&group, topic), committed),
    ];
    let (stop, began) = (AtomicBool::new(false), Instant::now());
    let story = || -> Result<(Duration, Duration)> {
        wait("both lanes run", FIRST_WITHIN, || {
            lanes.iter().all(|l| l.count() >= FIRST)
        })?;
        tell("runs")?;
        let mut line = String::new();
        ensure!(stdin().lock().read_line(&mut line)? > 0, "no fault came");
        let fault = began.elapsed();
        let calm = wait("both lanes run again", shape.limit, || {
            lanes
                .iter()
                .all(|l| l.is_calm(fault, began.elapsed(), shape.calm))
        });
        let calmed = began.elapsed();
        tell(if calm.is_ok() { "runs again" } else { "stands" })?;
        calm?;
        while stdin().lock().read_line(&mut line)? > 0 {}
        Ok((fault, calmed))
    };
    let told = scope(|s| {
        for address in target.boot.split(',') {
            s.spawn(|| watch(address, &lanes, &stop));
        }
        for lane in &lanes {
            s.spawn(|| lane.run(began, shape.pause, &stop));
        }
        let told = story();
        stop.store(true, Ordering::Relaxed);
        told
    });
    let end = began.elapsed();
    let errors = || {
        lanes
            .each_ref()
            .map(|l| l.seen.lock().expect("no panic").errors.clone())
    };
    let (fault, calm) = told.with_context(|| format!("{:?}", errors()))?;
    Ok(Figures::from_iter([
        ("group".to_owned(), json!(group)),
        ("records".to_owned(), lanes[0].figures(fault, calm, end)),
        ("commits".to_owned(), lanes[1].figures(fault, calm, end)),
    ]))
}
