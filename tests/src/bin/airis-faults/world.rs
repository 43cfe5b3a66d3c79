//! A cluster under load, and what faults and checks do with it.
//!
//! Always holds: what was done and what was seen stands in the log, with the time; after `settle` all nodes run and are in sync.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use airis_cluster::machine::Chance;
use airis_protocol::messages::CreateTopicsRequest;
use airis_protocol::messages::create_topics_request::CreatableTopic;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::check::{self, Read};
use crate::fault::Fault;
use crate::load::{GROUP, Load, PARTITIONS, TOPIC};
use crate::node::{self, Led, NODES, Node, ask};
use crate::place::{Able, Place};

/// Three nodes that nothing is wrong with are in sync, and acknowledge, within this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Within this acknowledgements go on while one node of three is hurt: far longer than it takes, far shorter than for ever.
pub const GOES_ON: Duration = Duration::from_secs(25);
const OFFSETS: &str = "__consumer_offsets";

/// What one fault did.
#[derive(Clone, Debug)]
pub struct Seen {
    pub name: &'static str,
    pub stand_still: Duration,
    pub in_sync: Duration,
}

pub struct World {
    // The nodes go first: what they stand on follows.
    nodes: Vec<Node>,
    pub load: Load,
    pub place: Place,
    pub chance: Chance,
    pub probes: u32,
    broker: PathBuf,
    log: File,
    start: Instant,
    before: Read,
}

impl World {
    pub fn new(able: Able, dir: &Path, broker: &Path, seed: u64) -> Result<World> {
        let place = Place::new(able, dir, NODES)?;
        let mut nodes = node::prepare(&place, broker)?;
        for (i, node) in nodes.iter_mut().enumerate() {
            node.start(&place, i, broker)?;
        }
        let start = Instant::now();
        let create = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: TOPIC.into(),
                num_partitions: PARTITIONS,
                replication_factor: 3,
                ..Default::default()
            }],
            timeout_ms: 5000,
            validate_only: false,
        };
        loop {
            match ask(&place.broker(0), &create, 7) {
                // There already: an answer was too slow.
                Ok(done) if [0, 36].contains(&done.topics[0].error_code) => break,
                Ok(done) if start.elapsed() > PATIENCE => bail!("{:?}", done.topics[0]),
                Err(e) if start.elapsed() > PATIENCE => return Err(e).context("a cluster forms"),
                _ => sleep(Duration::from_millis(200)),
            }
        }
        let bootstrap: Vec<String> = (0..NODES).map(|i| place.broker(i)).collect();
        let load = Load::start(
            &bootstrap.join(","),
            seed,
            File::create(dir.join("clients.log"))?,
        )?;
        let log = File::create(dir.join("faults.log"))?;
        let chance = Chance::new(seed);
        let mut world = World {
            nodes,
            load,
            place,
            chance,
            probes: 0,
            broker: broker.to_owned(),
            log,
            start,
            before: Read::new(),
        };
        world.say(&format!("seed {seed}, {able:?}"));
        world.load.mark();
        world.in_sync()?;
        world.goes_on(0.0)?;
        Ok(world)
    }

    pub fn say(&mut self, text: &str) {
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_secs()
            % 86400;
        let at = self.start.elapsed().as_secs_f64();
        // The suite's own disk is no finding about the cluster.
        let _ = writeln!(
            self.log,
            "{:02}:{:02}:{:02} {at:8.2} {text}",
            now / 3600,
            now / 60 % 60,
            now % 60
        );
    }

    pub fn hold(&mut self, seconds: f64) {
        sleep(Duration::from_secs_f64(seconds));
    }

    /// Holds for some time by chance.
    pub fn hold_some(&mut self, least: f64, step: f64, steps: usize) {
        let steps = self.chance.below(steps);
        self.hold(least + step * steps as f64);
    }

    pub fn start(&mut self, node: usize) -> Result<()> {
        self.say(&format!("node {node} is started"));
        self.nodes[node].start(&self.place, node, &self.broker)
    }

    pub fn kill(&mut self, node: usize) -> Result<()> {
        self.say(&format!("node {node} is killed"));
        self.nodes[node].kill()
    }

    pub fn stop(&mut self, node: usize) -> Result<Duration> {
        self.say(&format!("node {node} is told to stop"));
        self.nodes[node].stop()
    }

    pub fn signal(&mut self, node: usize, signal: Signal) -> Result<()> {
        self.say(&format!("node {node} gets {signal:?}"));
        self.nodes[node].signal(signal)
    }

    /// The disks lose what they were not told to keep, at one moment, and the processes with them.
    pub fn cut_power(&mut self, nodes: &[usize]) -> Result<()> {
        for node in nodes {
            self.say(&format!("node {node} loses power"));
            self.place.cut_power(*node)?;
        }
        for node in nodes {
            self.nodes[*node].kill()?;
        }
        for node in nodes {
            self.place.unmount(*node)?;
            self.place.mount(*node)?;
        }
        Ok(())
    }

    /// Who leads, by the newest leader epoch that any node knows.
    pub fn leaders(&mut self) -> Result<node::Leaders> {
        let mut all: node::Leaders = BTreeMap::new();
        let start = Instant::now();
        while all.is_empty() {
            ensure!(start.elapsed() < PATIENCE, "no node says who leads");
            for i in 0..NODES {
                for (key, led) in node::leaders(&self.place.broker(i)).unwrap_or_default() {
                    if all
                        .get(&key)
                        .is_none_or(|known: &Led| known.epoch < led.epoch)
                    {
                        all.insert(key, led);
                    }
                }
            }
        }
        Ok(all)
    }

    /// The active controller and its term, by the newest term that any node knows.
    pub fn quorum(&mut self) -> Result<(i32, i32)> {
        let start = Instant::now();
        loop {
            let known = (0..NODES).filter_map(|i| node::quorum(&self.place.broker(i)).ok());
            if let Some(newest) = known.max_by_key(|(_, term)| *term) {
                return Ok(newest);
            }
            ensure!(start.elapsed() < PATIENCE, "no node knows the controller");
            sleep(Duration::from_millis(100));
        }
    }

    pub fn controller(&mut self) -> Result<usize> {
        let (controller, term) = self.quorum()?;
        self.say(&format!(
            "node {controller} is the controller of term {term}"
        ));
        Ok(usize::try_from(controller)?)
    }

    /// The leader of some partition of the topic.
    pub fn a_leader(&mut self) -> Result<usize> {
        let partition = self.chance.below(PARTITIONS as usize) as i32;
        self.leader(TOPIC, partition)
    }

    pub fn a_follower(&mut self) -> Result<usize> {
        let leader = self.a_leader()?;
        Ok((leader + 1 + self.chance.below(NODES - 1)) % NODES)
    }

    /// The node with the group's coordinator.
    pub fn coordinator(&mut self) -> Result<usize> {
        // As Kafka finds it: String.hashCode over the number of partitions.
        let hash = GROUP.bytes().fold(0i32, |hash, b| {
            hash.wrapping_mul(31).wrapping_add(i32::from(b))
        });
        let partitions = self
            .leaders()?
            .keys()
            .filter(|(topic, _)| topic == OFFSETS)
            .count() as i32;
        ensure!(partitions > 0, "the group has no coordinator");
        self.leader(OFFSETS, (hash & i32::MAX) % partitions)
    }

    fn leader(&mut self, topic: &str, partition: i32) -> Result<usize> {
        let leaders = self.leaders()?;
        let led = leaders
            .get(&(topic.to_owned(), partition))
            .context("the partition is there")?;
        self.say(&format!(
            "node {} leads {topic}-{partition} in epoch {}",
            led.leader, led.epoch
        ));
        usize::try_from(led.leader).context("it has a leader")
    }

    /// A partition of the topic that a node leads, if it leads any.
    pub fn led_by(&mut self, node: usize) -> Result<Option<i32>> {
        let leaders = self.leaders()?;
        Ok(leaders
            .iter()
            .find(|((topic, _), led)| topic == TOPIC && led.leader == node as i32)
            .map(|((_, p), _)| *p))
    }

    /// Waits so long at least, and until every partition has acknowledged something sent since the mark.
    pub fn goes_on(&mut self, at_least: f64) -> Result<()> {
        let start = Instant::now();
        loop {
            let waiting = self.load.waiting();
            if waiting.is_empty() && start.elapsed().as_secs_f64() >= at_least {
                return Ok(());
            }
            if start.elapsed() > GOES_ON && !waiting.is_empty() {
                bail!(
                    "partitions {waiting:?} acknowledge nothing for {GOES_ON:?}; leaders: {:?}",
                    self.leaders()?
                );
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until every node says that all replicas of every partition are in sync.
    pub fn in_sync(&mut self) -> Result<Duration> {
        let start = Instant::now();
        loop {
            let mut seen = Vec::new();
            for i in 0..NODES {
                seen.extend(node::leaders(&self.place.broker(i)));
            }
            let whole = |all: &node::Leaders| {
                all.len() > PARTITIONS as usize
                    && all.values().all(|led| led.isr == NODES && led.leader >= 0)
            };
            if seen.len() == NODES
                && seen.iter().all(whole)
                && seen.windows(2).all(|pair| pair[0] == pair[1])
            {
                return Ok(start.elapsed());
            }
            if start.elapsed() > PATIENCE {
                bail!("the nodes are not in sync after {PATIENCE:?}: {seen:?}");
            }
            self.revive()?;
            sleep(Duration::from_millis(50));
        }
    }

    /// Starts what does not run: a node may have ended by itself because its disk failed.
    fn revive(&mut self) -> Result<()> {
        for i in 0..NODES {
            if let Some(status) = self.nodes[i].ended()? {
                self.say(&format!("node {i} has ended by itself: {status}"));
                self.start(i)?;
            }
        }
        Ok(())
    }

    /// One fault from the injection to the check.
    pub fn suffer(&mut self, fault: &Fault) -> Result<Seen> {
        self.say(&format!("--- {} ({})", fault.name, fault.rows));
        self.load.mark();
        (fault.run)(self)?;
        let in_sync = self.in_sync()?;
        let stand_still = self.load.worst();
        self.load.mark();
        self.goes_on(0.0)?;
        self.check()?;
        self.say(&format!(
            "in sync after {:.2} s, longest stand-still {:.2} s",
            in_sync.as_secs_f64(),
            stand_still.as_secs_f64()
        ));
        Ok(Seen {
            name: fault.name,
            stand_still,
            in_sync,
        })
    }

    pub fn acked(&self) -> usize {
        self.load.shared.lock().expect("no panic").acked()
    }

    fn check(&mut self) -> Result<()> {
        let mut before = std::mem::take(&mut self.before);
        let mut wrong = check::check(&self.load, &mut before)?;
        let records: usize = before.iter().map(Vec::len).sum();
        self.before = before;
        wrong.append(&mut self.load.shared.lock().expect("no panic").wrong);
        self.say(&format!(
            "{} acknowledged, {records} read back",
            self.acked()
        ));
        self.verdict(&wrong)
    }

    fn verdict(&mut self, wrong: &[String]) -> Result<()> {
        for line in wrong {
            self.say(&format!("VIOLATION {line}"));
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    /// The end of a round: everything sent is acknowledged, read, and the same in all files.
    pub fn finish(&mut self) -> Result<()> {
        self.say("--- the end");
        self.load.end_producing()?;
        self.in_sync()?;
        self.check()?;
        let start = Instant::now();
        loop {
            let wrong = check::group_has_all(&self.load, &self.before);
            if wrong.is_empty() {
                break;
            }
            if start.elapsed() > PATIENCE {
                return self.verdict(&wrong);
            }
            sleep(Duration::from_millis(100));
        }
        self.load.end_reading()?;
        self.check()?;
        for i in 0..NODES {
            self.stop(i)?;
        }
        let dirs: Vec<PathBuf> = (0..NODES).map(|i| self.place.data(i)).collect();
        let (bytes, wrong) = check::same_files(&dirs)?;
        self.verdict(&wrong)?;
        self.say(&format!(
            "{bytes} bytes of log are the same on {NODES} nodes"
        ));
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // Nothing more can be done for one that cannot be killed; it goes with the suite's process.
            let _ = node.kill();
        }
    }
}
