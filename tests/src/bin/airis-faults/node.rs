//! The three nodes: their property files, their processes, and what they say about the cluster when asked.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use airis_protocol::header::{read_response_header, request_frame};
use airis_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use airis_protocol::messages::{DescribeQuorumRequest, MetadataRequest};
use airis_protocol::types::Str;
use airis_protocol::wire::{Message, Reader, Request};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;

pub const NODES: usize = 3;
/// A node that is told to end does so within Kafka's own time for it.
const STOP: Duration = Duration::from_secs(40);
/// No answer to a question takes longer; a node that is stopped gives none.
const ANSWER: Duration = Duration::from_millis(1500);

pub struct Node {
    pub child: Option<Child>,
    properties: PathBuf,
    log: PathBuf,
}

pub fn prepare(place: &Place, broker: &Path) -> Result<Vec<Node>> {
    ensure!(
        broker.exists(),
        "no {}: cargo build -p airis-broker makes it",
        broker.display()
    );
    let voters: Vec<String> = (0..NODES)
        .map(|i| format!("{i}@{}", place.controller(i)))
        .collect();
    (0..NODES)
        .map(|i| {
            let properties = place.dir.join(format!("node{i}.properties"));
            let text = format!(
                "node.id={i}\nprocess.roles=broker,controller\ncontroller.quorum.voters={}\n\
                 listeners=PLAINTEXT://{},CONTROLLER://{}\ncontroller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n\
                 log.dirs={}\ndefault.replication.factor=3\nmin.insync.replicas=2\noffsets.topic.replication.factor=3\n\
                 offsets.topic.num.partitions=3\ngroup.initial.rebalance.delay.ms=0\nairis.ack.durability=fsync\n\
                 replica.lag.time.max.ms=5000\nlog.segment.bytes=1048576\nmetadata.log.max.record.bytes.between.snapshots=20000\n",
                voters.join(","),
                place.broker(i),
                place.controller(i),
                place.data(i).display(),
            );
            std::fs::write(&properties, text)?;
            Ok(Node { child: None, properties, log: place.dir.join(format!("node{i}.log")) })
        })
        .collect()
}

impl Node {
    pub fn start(&mut self, place: &Place, index: usize, broker: &Path) -> Result<()> {
        ensure!(self.child.is_none(), "node {index} runs already");
        let mut words = place.launcher(index);
        words.extend([
            broker.display().to_string(),
            "start".into(),
            self.properties.display().to_string(),
        ]);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the node runs")?;
        let pid = Pid::from_raw(i32::try_from(child.id())?).context("a process id")?;
        kill_process(pid, signal).context("kill")
    }

    /// Its end, if it has come to one by itself.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let status = child.try_wait()?;
        if status.is_some() {
            self.child = None;
        }
        Ok(status)
    }

    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// As an operator stops it: it must end by itself, in time and well.
    pub fn stop(&mut self) -> Result<Duration> {
        let start = Instant::now();
        self.signal(Signal::TERM)?;
        while start.elapsed() < STOP {
            if let Some(status) = self.ended()? {
                ensure!(
                    status.success(),
                    "a node that was told to stop ended with {status}"
                );
                return Ok(start.elapsed());
            }
            sleep(Duration::from_millis(10));
        }
        self.kill()?;
        bail!("a node that was told to stop still ran after {STOP:?}")
    }
}

/// Sends a request and leaves the answer for later.
pub fn send<R: Request>(address: &str, request: &R, version: i16) -> Result<TcpStream> {
    let mut socket = TcpStream::connect_timeout(&address.parse()?, ANSWER)?;
    socket.set_write_timeout(Some(ANSWER))?;
    let frame = request_frame(request, version, 1, Some(Str::from("faults")))?;
    socket.write_all(&frame.to_bytes())?;
    Ok(socket)
}

pub fn receive<R: Request>(
    mut socket: TcpStream,
    version: i16,
    patience: Duration,
) -> Result<R::Response> {
    socket.set_read_timeout(Some(patience))?;
    let mut size = [0; 4];
    socket.read_exact(&mut size)?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(size))?];
    socket.read_exact(&mut frame)?;
    let mut r = Reader::new(frame.into());
    read_response_header(&mut r, R::KEY, version)?;
    let response = R::Response::read(&mut r, version)?;
    r.end()?;
    Ok(response)
}

pub fn ask<R: Request>(address: &str, request: &R, version: i16) -> Result<R::Response> {
    receive::<R>(send(address, request, version)?, version, ANSWER)
}

/// What is known of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    pub leader: i32,
    pub epoch: i32,
    pub isr: usize,
}

pub type Leaders = BTreeMap<(String, i32), Led>;

/// The partitions as one node knows them.
pub fn leaders(address: &str) -> Result<Leaders> {
    let request = MetadataRequest {
        topics: None,
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    let seen = ask(address, &request, 9)?;
    let mut all = Leaders::new();
    for topic in seen.topics {
        for p in topic.partitions {
            let led = Led {
                leader: p.leader_id,
                epoch: p.leader_epoch,
                isr: p.isr_nodes.len(),
            };
            let name = topic
                .name
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            all.insert((name, p.partition_index), led);
        }
    }
    Ok(all)
}

/// The active controller and its term, as one node knows it.
pub fn quorum(address: &str) -> Result<(i32, i32)> {
    let request = DescribeQuorumRequest {
        topics: vec![TopicData {
            topic_name: "__cluster_metadata".into(),
            partitions: vec![PartitionData { partition_index: 0 }],
        }],
    };
    let seen = ask(address, &request, 1)?;
    let p = seen
        .topics
        .first()
        .and_then(|t| t.partitions.first())
        .context("a partition")?;
    ensure!(
        p.error_code == 0 && p.leader_id >= 0,
        "error {}",
        p.error_code
    );
    Ok((p.leader_id, p.leader_epoch))
}
