//! The load: idempotent producers with acks=all and a group that commits, and what was acknowledged to them.
//!
//! Always holds: what stands in `Acked` was acknowledged, whatever came after. Must never: give up a record (there is no timeout for
//! one: whoever sends it goes on until it is acknowledged), or hold more unacknowledged records than `OUTSTANDING` a partition.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use airis_cluster::machine::Chance;
use anyhow::Result;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};

pub const TOPIC: &str = "faults";
pub const GROUP: &str = "readers";
pub const PARTITIONS: i32 = 6;
const PRODUCERS: u32 = 2;
const MEMBERS: usize = 2;
/// The sender of single records that are sent to a node of the suite's choice: they are not sent again, so some are never there.
pub const PROBE: u32 = 99;
/// Between two records of a producer to a partition.
const PACE: Duration = Duration::from_millis(60);
const OUTSTANDING: u32 = 200;
const VALUE_BYTES_MAX: usize = 3000;
/// How long a committed offset may take to be answered before a member goes on reading.
const COMMITS: Duration = Duration::from_millis(250);

/// A record: who sent it, and as which of its own for the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    pub producer: u32,
    pub number: u32,
}

impl Sent {
    /// With padding, so that segments fill.
    pub fn value(self, bytes: usize) -> String {
        format!("{}-{}-{}", self.producer, self.number, "x".repeat(bytes))
    }

    pub fn of(value: &[u8]) -> Option<Sent> {
        let mut parts = std::str::from_utf8(value).ok()?.split('-');
        let sent = Sent {
            producer: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        };
        parts.next()?.bytes().all(|b| b == b'x').then_some(sent)
    }
}

/// What is known of one partition.
#[derive(Clone, Debug)]
pub struct Acked {
    pub records: BTreeMap<i64, Sent>,
    last: Instant,
    worst: Duration,
    /// A record as young as this must be acknowledged for the partition to go on: the next of each producer at some moment.
    mark: BTreeMap<u32, u32>,
    went_on: bool,
    next: BTreeMap<u32, u32>,
    outstanding: BTreeMap<u32, u32>,
}

#[derive(Debug)]
pub struct Shared {
    pub partitions: Vec<Acked>,
    /// What the group has read.
    pub read: BTreeMap<(i32, i64), Sent>,
    /// What it was told is committed.
    pub committed: BTreeMap<i32, i64>,
    /// What must never be: said once each.
    pub wrong: Vec<String>,
}

impl Shared {
    pub fn acked(&self) -> usize {
        self.partitions.iter().map(|p| p.records.len()).sum()
    }

    /// What a producer sends next, unless too much is on its way.
    fn next(&mut self, producer: u32, partition: i32) -> Option<Sent> {
        let p = &mut self.partitions[partition as usize];
        let outstanding = p.outstanding.entry(producer).or_default();
        if *outstanding >= OUTSTANDING {
            return None;
        }
        *outstanding += 1;
        let next = p.next.entry(producer).or_default();
        *next += 1;
        Some(Sent {
            producer,
            number: *next - 1,
        })
    }

    pub fn ack(&mut self, partition: i32, offset: i64, sent: Sent) {
        let p = &mut self.partitions[partition as usize];
        if let Some(other) = p.records.insert(offset, sent) {
            self.wrong.push(format!(
                "{partition}:{offset} was acknowledged for {other:?} and for {sent:?}"
            ));
        }
    }
}

pub fn client(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config.set("broker.address.family", "v4");
    // A client that knows of new leaders soon, and gives a node up that does not answer: stand-stills are then the cluster's.
    // One connected to a leader alone asks that one who leads, and never hears of another while it is cut off from the rest.
    config.set("enable.sparse.connections", "false");
    config.set("topic.metadata.refresh.interval.ms", "1000");
    config.set("topic.metadata.refresh.fast.interval.ms", "50");
    config.set("reconnect.backoff.ms", "50");
    config.set("reconnect.backoff.max.ms", "500");
    config.set("socket.timeout.ms", "4000");
    config.set("socket.connection.setup.timeout.ms", "2000");
    config.set("socket.keepalive.enable", "true");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// What the clients of the load complain about goes to a file.
#[derive(Clone)]
pub struct Complaints(Arc<Mutex<File>>, Instant);

impl Complaints {
    fn say(&self, text: &str) {
        let at = self.1.elapsed().as_secs_f64();
        // A full disk of the suite itself is no finding about the cluster.
        let _ = writeln!(self.0.lock().expect("no panic"), "{at:8.2} {text}");
    }
}

impl ClientContext for Complaints {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        self.say(&format!("{facility}: {message}"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.say(&format!("{error}: {reason}"));
    }
}

/// A member: what it has read since its last commit counts for nothing once its partitions are taken from it. Another may have
/// committed further since, and to commit then would take the group's offset back.
struct Member {
    complaints: Complaints,
    revoked: AtomicBool,
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.complaints.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.complaints.error(error, reason);
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.revoked.store(true, Ordering::Release);
    }
}

struct Sending {
    complaints: Complaints,
    shared: Arc<Mutex<Shared>>,
}

impl ClientContext for Sending {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.complaints.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.complaints.error(error, reason);
    }
}

impl ProducerContext for Sending {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut shared = self.shared.lock().expect("no panic");
        let message = match result {
            Ok(message) => message,
            Err((error, message)) => {
                let sent = message.payload().and_then(Sent::of);
                shared.wrong.push(format!(
                    "{}: {sent:?} was given up: {error}",
                    message.partition()
                ));
                return;
            }
        };
        let (partition, offset) = (message.partition(), message.offset());
        let Some(sent) = message.payload().and_then(Sent::of) else {
            return;
        };
        if offset >= 0 {
            shared.ack(partition, offset, sent);
        } else {
            // A duplicate that the broker knows as one, but not where.
            self.complaints.say(&format!(
                "{partition}: {sent:?} is acknowledged without an offset"
            ));
        }
        let p = &mut shared.partitions[partition as usize];
        p.worst = p.worst.max(p.last.elapsed());
        p.last = Instant::now();
        if p.mark
            .get(&sent.producer)
            .is_some_and(|mark| sent.number >= *mark)
        {
            p.went_on = true;
        }
        *p.outstanding.entry(sent.producer).or_default() -= 1;
    }
}

pub struct Load {
    pub bootstrap: String,
    pub shared: Arc<Mutex<Shared>>,
    producing: Arc<AtomicBool>,
    reading: Arc<AtomicBool>,
    producers: Vec<JoinHandle<Result<()>>>,
    members: Vec<JoinHandle<Result<()>>>,
}

impl Load {
    pub fn start(bootstrap: &str, seed: u64, log: File) -> Result<Load> {
        let fresh = Acked {
            records: BTreeMap::new(),
            last: Instant::now(),
            worst: Duration::ZERO,
            mark: BTreeMap::new(),
            went_on: false,
            next: BTreeMap::new(),
            outstanding: BTreeMap::new(),
        };
        let shared = Arc::new(Mutex::new(Shared {
            partitions: vec![fresh; PARTITIONS as usize],
            read: BTreeMap::new(),
            committed: BTreeMap::new(),
            wrong: Vec::new(),
        }));
        let complaints = Complaints(Arc::new(Mutex::new(log)), Instant::now());
        let mut load = Load {
            bootstrap: bootstrap.to_owned(),
            shared: shared.clone(),
            producing: Arc::new(AtomicBool::new(true)),
            reading: Arc::new(AtomicBool::new(true)),
            producers: Vec::new(),
            members: Vec::new(),
        };
        // Each has a client for every partition: librdkafka takes a new epoch for all partitions of a client when a batch behind a failed
        // one is refused (OUT_OF_ORDER_SEQUENCE_NUMBER), and then sends again what it is in doubt about elsewhere, as new.
        for (id, partition) in (0..PRODUCERS).flat_map(|id| (0..PARTITIONS).map(move |p| (id, p))) {
            let settings = [
                ("client.id", &*format!("producer-{id}-{partition}")),
                ("enable.idempotence", "true"),
                ("acks", "all"),
                ("linger.ms", "5"),
                ("message.timeout.ms", "0"),
                ("request.timeout.ms", "3000"),
                ("retry.backoff.ms", "50"),
                ("retry.backoff.max.ms", "300"),
                (
                    "compression.type",
                    ["none", "gzip", "lz4"][(id as i32 + partition) as usize % 3],
                ),
            ];
            let sending = Sending {
                complaints: complaints.clone(),
                shared: shared.clone(),
            };
            let producer: BaseProducer<Sending> =
                client(bootstrap, &settings).create_with_context(sending)?;
            let chance = Chance::new(seed ^ u64::from(id) << 32 ^ partition as u64);
            let (shared, on) = (shared.clone(), load.producing.clone());
            load.producers.push(thread::spawn(move || {
                produce(id, partition, &producer, &shared, &on, chance)
            }));
        }
        for id in 0..MEMBERS {
            let settings = [
                ("client.id", &*format!("member-{id}")),
                ("group.id", GROUP),
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "500"),
                ("auto.offset.reset", "earliest"),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("check.crcs", "true"),
            ];
            let member = Member {
                complaints: complaints.clone(),
                revoked: AtomicBool::new(false),
            };
            let consumer: BaseConsumer<Member> =
                client(bootstrap, &settings).create_with_context(member)?;
            consumer.subscribe(&[TOPIC])?;
            let (shared, on) = (shared.clone(), load.reading.clone());
            load.members
                .push(thread::spawn(move || consume(&consumer, &shared, &on)));
        }
        Ok(load)
    }

    /// From here on stand-stills are measured anew, and partitions have to show that they go on.
    pub fn mark(&self) {
        for p in &mut self.shared.lock().expect("no panic").partitions {
            p.mark = p.next.clone();
            (p.went_on, p.worst) = (false, Duration::ZERO);
        }
    }

    /// The partitions for which nothing younger than the mark has been acknowledged.
    pub fn waiting(&self) -> Vec<i32> {
        let shared = self.shared.lock().expect("no panic");
        (0..PARTITIONS)
            .filter(|p| !shared.partitions[*p as usize].went_on)
            .collect()
    }

    /// The longest time since the mark in which some partition acknowledged nothing.
    pub fn worst(&self) -> Duration {
        let shared = self.shared.lock().expect("no panic");
        shared
            .partitions
            .iter()
            .map(|p| p.worst.max(p.last.elapsed()))
            .max()
            .unwrap_or_default()
    }

    /// Lets everything sent be acknowledged. Whether it was.
    pub fn end_producing(&mut self) -> Result<()> {
        self.producing.store(false, Ordering::Release);
        for producer in self.producers.drain(..) {
            producer.join().expect("no panic")?;
        }
        Ok(())
    }

    pub fn end_reading(&mut self) -> Result<()> {
        self.reading.store(false, Ordering::Release);
        for member in self.members.drain(..) {
            member.join().expect("no panic")?;
        }
        Ok(())
    }
}

fn produce(
    id: u32,
    partition: i32,
    producer: &BaseProducer<Sending>,
    shared: &Mutex<Shared>,
    on: &AtomicBool,
    mut chance: Chance,
) -> Result<()> {
    let mut due = Instant::now();
    while on.load(Ordering::Acquire) {
        let sent = shared.lock().expect("no panic").next(id, partition);
        if let Some(sent) = sent {
            let value = sent.value(chance.below(VALUE_BYTES_MAX));
            let record = BaseRecord::<(), str>::to(TOPIC)
                .partition(partition)
                .payload(&value);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        due += PACE;
        while Instant::now() < due {
            producer.poll(due - Instant::now());
        }
        // A machine that was busy elsewhere is no reason for a burst.
        due = due.max(Instant::now() - PACE);
    }
    Ok(producer.flush(Timeout::After(Duration::from_secs(60)))?)
}

fn consume(consumer: &BaseConsumer<Member>, shared: &Mutex<Shared>, on: &AtomicBool) -> Result<()> {
    let Member {
        complaints,
        revoked,
    } = &**consumer.context();
    let mut at: BTreeMap<i32, i64> = BTreeMap::new();
    let mut due = Instant::now() + COMMITS;
    while on.load(Ordering::Acquire) {
        let polled = consumer.poll(Duration::from_millis(50));
        if revoked.swap(false, Ordering::AcqRel) {
            at.clear();
        }
        match polled {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                at.insert(partition, offset + 1);
                let mut shared = shared.lock().expect("no panic");
                match message.payload().and_then(Sent::of) {
                    None => shared.wrong.push(format!(
                        "the group read something else at {partition}:{offset}"
                    )),
                    Some(sent) => match shared.read.insert((partition, offset), sent) {
                        Some(other) if other != sent => {
                            shared.wrong.push(format!(
                                "the group read {other:?} and {sent:?} at {partition}:{offset}"
                            ));
                        }
                        _ => {}
                    },
                }
            }
            Some(Err(error)) => {
                complaints.say(&format!("a member: {error}"));
                sleep(Duration::from_millis(20));
            }
            None => {}
        }
        if Instant::now() < due || at.is_empty() {
            continue;
        }
        let mut list = TopicPartitionList::new();
        for (partition, offset) in &at {
            list.add_partition_offset(TOPIC, *partition, Offset::Offset(*offset))?;
        }
        match consumer.commit(&list, CommitMode::Sync) {
            Ok(()) => {
                let mut shared = shared.lock().expect("no panic");
                for (partition, offset) in &at {
                    let was = shared.committed.get(partition).copied().unwrap_or_default();
                    if *offset < was {
                        shared.wrong.push(format!("a member read {partition} from before {was}, which was committed: {offset}"));
                    }
                    shared.committed.insert(*partition, was.max(*offset));
                }
            }
            // Lost with the partition, or with the coordinator: whoever has the partition reads on from the last that was acknowledged.
            Err(error) => complaints.say(&format!("a commit: {error}")),
        }
        at.clear();
        due = Instant::now() + COMMITS;
    }
    Ok(())
}
