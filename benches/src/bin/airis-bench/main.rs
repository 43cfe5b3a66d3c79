//! A load generator for anything that speaks Kafka's protocol: one workload a run, one line of JSON.
//!
//! Always holds: requests are made before the clock starts; only producer, sequence and CRC of a batch are written anew. Must never:
//! leave a topic behind that it made for one run.

use std::time::Duration;

use airis_benches::client::Client;
use airis_benches::machine::{self, Meter};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde_json::{Map, Value, json};

mod bulk;
mod cluster;
mod connections;
mod failover;
mod flow;
mod interfere;
mod latency;
mod partitions;
mod ready;

#[derive(Parser)]
#[command(
    about = "Loads a broker over Kafka's protocol and prints what it cost as one line of JSON"
)]
struct Args {
    /// host:port, or several with commas between
    bootstrap: String,
    /// Replicas of the topics that are made. With more than one, `ping`, `rps`, `produce` and `ready` alone find their leaders
    #[arg(long, default_value_t = 1)]
    replicas: i16,
    /// The broker's processes: their CPU time and memory are told too
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Subcommand)]
enum Workload {
    /// Waits for a broker that is starting: time until the first produce is acknowledged
    Ready {
        /// When the process was started, in nanoseconds since the Unix epoch
        #[arg(long)]
        since: i64,
        #[arg(long, default_value_t = 120)]
        timeout_s: u64,
    },
    /// Nothing at all
    Idle {
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
    /// One record at a time, each acknowledged before the next
    Ping {
        #[arg(long, default_value_t = 5000)]
        count: u64,
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// One record at a time, from produce to a consumer whose fetch is waiting
    Pingpong {
        #[arg(long, default_value_t = 3000)]
        count: u64,
        #[arg(long, default_value_t = 100)]
        size: usize,
        /// Pause before each record, so that the fetch waits at the broker
        #[arg(long, default_value_t = 500)]
        pause_us: u64,
    },
    /// Single-record requests from many connections
    Rps {
        #[arg(long, default_value_t = 1)]
        connections: usize,
        /// Requests in flight on each
        #[arg(long, default_value_t = 1)]
        window: usize,
        #[arg(long, default_value_t = 60_000)]
        count: u64,
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// Large batches, acks=all, one idempotent producer a partition
    Produce {
        #[arg(long, default_value_t = 2000)]
        mb: u64,
        #[arg(long, default_value_t = 1024)]
        size: usize,
        #[arg(long, default_value_t = 500_000)]
        batch_bytes: usize,
        #[arg(long, default_value_t = 4)]
        partitions: i32,
        #[arg(long, default_value_t = 2)]
        window: usize,
        /// Into this topic, which stays
        #[arg(long)]
        topic: Option<String>,
    },
    /// Reads a topic from its start; fills it first if it does not hold enough
    Fetch {
        #[arg(long, default_value_t = 1000)]
        mb: u64,
        #[arg(long, default_value_t = 1)]
        consumers: usize,
        #[arg(long, default_value = "bench-filled")]
        topic: String,
    },
    /// Creates a topic of many partitions and produces one record to each
    Partitions {
        #[arg(long, default_value_t = 5000)]
        count: i32,
        /// The topic stays
        #[arg(long)]
        keep: bool,
    },
    /// Opens connections, says hello on each, and holds them
    Connections {
        #[arg(long, default_value_t = 10_000)]
        count: usize,
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// One record at a time: alone, beside a consumer that reads from the disk, beside consumers that stall
    Interference {
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        /// What the reader reads
        #[arg(long, default_value_t = 2000)]
        mb: u64,
        /// The broker's log directory, to drop its files from the page cache
        #[arg(long)]
        data_dir: std::path::PathBuf,
        /// Consumers that ask for much and read nothing
        #[arg(long, default_value_t = 16)]
        stalled: usize,
    },
    /// Who leads: the active controller and the partitions of a topic, which is made if it is missing
    Describe {
        #[arg(long)]
        topic: String,
        #[arg(long, default_value_t = 12)]
        partitions: i32,
        /// Have the preferred leaders elected first
        #[arg(long)]
        elect: bool,
    },
    /// Waits until all replicas of a topic are in sync, as the brokers of the bootstrap addresses see it
    Whole {
        #[arg(long)]
        topic: String,
        /// From when to count, in nanoseconds since the Unix epoch
        #[arg(long)]
        since: i64,
        #[arg(long, default_value_t = 120)]
        timeout_s: u64,
    },
    /// A steady producer and a group that commits, while somebody kills nodes: the longest time without an acknowledgement. Prints a
    /// line once both run; is told by a line on standard input that a node is killed now; prints a line once both have run for a while
    /// again; ends with standard input
    Failover {
        #[arg(long)]
        topic: String,
        /// The group is one that the leader of this partition coordinates
        #[arg(long)]
        partition: i32,
        /// Pause between two records or commits
        #[arg(long, default_value_t = 2000)]
        pause_us: u64,
        /// For how long acknowledgements must have come without a break
        #[arg(long, default_value_t = 3.0)]
        calm_s: f64,
        #[arg(long, default_value_t = 60.0)]
        timeout_s: f64,
    },
    /// Deletes topics
    Delete { topics: Vec<String> },
}

impl Workload {
    fn name(&self) -> &'static str {
        match self {
            Workload::Ready { .. } => "ready",
            Workload::Idle { .. } => "idle",
            Workload::Ping { .. } => "ping",
            Workload::Pingpong { .. } => "pingpong",
            Workload::Rps { .. } => "rps",
            Workload::Produce { .. } => "produce",
            Workload::Fetch { .. } => "fetch",
            Workload::Partitions { .. } => "partitions",
            Workload::Connections { .. } => "connections",
            Workload::Interference { .. } => "interference",
            Workload::Describe { .. } => "describe",
            Workload::Whole { .. } => "whole",
            Workload::Failover { .. } => "failover",
            Workload::Delete { .. } => "delete",
        }
    }
}

/// What every workload is given.
pub struct Target {
    pub boot: String,
    pub replicas: i16,
    pub pids: Vec<u32>,
}

impl Target {
    pub fn connect(&self) -> Result<Client> {
        Client::connect(&self.boot)
    }

    /// The first bootstrap address.
    pub fn first(&self) -> &str {
        self.boot.split(',').next().unwrap_or(&self.boot)
    }

    /// Makes a topic, unless it is there.
    pub fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        let made = self
            .connect()?
            .create(topic, partitions, self.replicas, &[]);
        made.map(drop)
    }

    pub fn meter(&self) -> Meter {
        Meter::start(&self.pids)
    }

    /// A topic for one run. Its name is new.
    pub fn topic(&self, kind: &str, partitions: i32) -> Result<Topic<'_>> {
        let name = format!("bench-{kind}-{}", machine_unique());
        self.create(&name, partitions)?;
        Ok(Topic { target: self, name })
    }

    pub fn delete(&self, topics: &[String]) -> Result<()> {
        use airis_protocol::messages::DeleteTopicsRequest;
        let request = DeleteTopicsRequest {
            topic_names: topics.iter().map(|t| t.as_str().into()).collect(),
            timeout_ms: 60_000,
            ..Default::default()
        };
        self.connect()?
            .call(&request, airis_benches::requests::DELETE_TOPICS)?;
        Ok(())
    }
}

fn machine_unique() -> String {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("{}-{}", std::process::id(), since.as_millis() % 100_000_000)
}

/// Deleted with the run.
pub struct Topic<'a> {
    target: &'a Target,
    pub name: String,
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        if let Err(e) = self.target.delete(std::slice::from_ref(&self.name)) {
            eprintln!("{} was not deleted: {e:#}", self.name);
        }
    }
}

type Figures = Map<String, Value>;

fn idle(target: &Target, seconds: f64) -> Result<Figures> {
    let meter = target.meter();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let mut figures = meter.stop(0, 0);
    figures.insert(
        "open_files".into(),
        json!(machine::open_files(&target.pids)),
    );
    Ok(figures)
}

fn run(target: &Target, workload: &Workload) -> Result<Figures> {
    match workload {
        Workload::Ready { since, timeout_s } => ready::run(target, *since, *timeout_s),
        Workload::Idle { seconds } => idle(target, *seconds),
        Workload::Ping { count, size } => latency::ping(target, *count, *size),
        Workload::Pingpong {
            count,
            size,
            pause_us,
        } => latency::pingpong(target, *count, *size, Duration::from_micros(*pause_us)),
        Workload::Rps {
            connections,
            window,
            count,
            size,
        } => flow::rps(target, *connections, *window, *count, *size),
        Workload::Produce {
            mb,
            size,
            batch_bytes,
            partitions,
            window,
            topic,
        } => {
            let shape = bulk::Shape {
                size: *size,
                batch_bytes: *batch_bytes,
                window: *window,
            };
            bulk::produce(target, *mb, shape, *partitions, topic.as_deref())
        }
        Workload::Fetch {
            mb,
            consumers,
            topic,
        } => bulk::fetch(target, *mb, *consumers, topic),
        Workload::Partitions { count, keep } => partitions::run(target, *count, *keep),
        Workload::Connections { count, seconds } => connections::run(target, *count, *seconds),
        Workload::Interference {
            seconds,
            mb,
            data_dir,
            stalled,
        } => interfere::run(target, *seconds, *mb, data_dir, *stalled),
        Workload::Describe {
            topic,
            partitions,
            elect,
        } => cluster::describe(target, topic, *partitions, *elect),
        Workload::Whole {
            topic,
            since,
            timeout_s,
        } => cluster::whole(target, topic, *since, Duration::from_secs(*timeout_s)),
        Workload::Failover {
            topic,
            partition,
            pause_us,
            calm_s,
            timeout_s,
        } => {
            let shape = failover::Shape {
                pause: Duration::from_micros(*pause_us),
                calm: Duration::from_secs_f64(*calm_s),
                limit: Duration::from_secs_f64(*timeout_s),
            };
            failover::run(target, topic, *partition, shape)
        }
        Workload::Delete { topics } => target.delete(topics).map(|()| Figures::new()),
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    // Thousands of connections: as many files as the system lets this process have.
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit)
        .context("the limit of open files")?;
    let target = Target {
        boot: args.bootstrap,
        replicas: args.replicas,
        pids: args.pids,
    };
    let name = args.workload.name();
    let (figures, failed) = match run(&target, &args.workload) {
        Ok(figures) => (figures, false),
        Err(e) => (
            Figures::from_iter([("error".to_owned(), json!(format!("{e:#}")))]),
            true,
        ),
    };
    let mut line = Figures::from_iter([("w".to_owned(), json!(name))]);
    line.extend(figures);
    println!("{}", Value::Object(line));
    std::process::exit(failed.into());
}
