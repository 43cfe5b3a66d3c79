//! One run: the cluster, its clients, what breaks and what mends, and the end, at which everything must be well again.
//!
//! Always holds: what a run does is drawn from its seed; once everything is mended the cluster serves within a bounded time, and all
//! that was acknowledged is read back. Must never: reach into a node other than by its disk, its network, its clock, its process.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use airis_broker::sim::{
    Clock, Fabric, Given, Host, Network, Node, Origin, Scope, forget, node_of, start,
};
use airis_cluster::metadata::Image;
use airis_protocol::batch::BatchHeader;
use airis_protocol::types::Millis;
use airis_storage::disk::faulty::{Crash, FaultyDisk};
use airis_storage::{Disk, OpenMode};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use crate::chance::Dice;
use crate::check;
use crate::client::{CONTROLLER_PORT, Client, PORT, host_of};
use crate::model::{Key, Model};
use crate::nemesis::{self, Fault};
use crate::trace::{self, fail, fault};
use crate::work;

/// When every run begins.
const EPOCH: Millis = Millis(1_700_000_000_000);
/// Where clients are.
const CLIENTS: u32 = 100;
/// After everything is mended, so long until everything works.
const RECOVERY_MAX: Duration = Duration::from_secs(120);
pub const TOPIC: &str = "three";
pub const PARTITIONS: i32 = 2;
pub const SINGLE: &str = "one";
pub const DATA: &str = "/data";

/// Whether a process of a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Down,
    /// Its machine has no power.
    Dark,
    Runs,
    Stopping,
}

/// One machine.
pub struct Machine {
    pub id: i32,
    pub disk: FaultyDisk,
    pub clock: Clock,
    pub state: State,
    pub paused: bool,
    /// Counts processes.
    pub run: u64,
    /// Counts losses of power.
    boots: u64,
    scope: Option<Scope>,
    stop: Option<oneshot::Sender<()>>,
}

/// How a process ends that is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its connections end with it, what it wrote is there.
    Killed,
    /// Its machine loses its power: nobody is told, and what was not synced may be lost.
    Unplugged,
    /// It ends and is seen to, and then its machine loses its power.
    Panicked,
}

/// A byte of a log that has gone bad.
struct Rot {
    id: i32,
    key: Key,
    path: PathBuf,
    at: u64,
    byte: u8,
}

/// How this run is made.
pub struct Plan {
    pub nodes: i32,
    pub fsync: bool,
    /// Milliseconds that bytes take at least and at most.
    delay: (u64, u64),
    flush: (u64, u64),
    properties: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Phase {
    Faults,
    WindingUp,
    Settled,
}

pub struct World {
    pub plan: Plan,
    pub fabric: Fabric,
    pub model: RefCell<Model>,
    pub machines: RefCell<Vec<Machine>>,
    pub happened: Arc<Notify>,
    /// More milliseconds between two hosts.
    pub slow: Arc<Mutex<BTreeMap<(u32, u32), u64>>>,
    /// More milliseconds for what blocks, by node.
    pub slow_disks: Arc<Mutex<BTreeMap<i32, u64>>>,
    dice: RefCell<Dice>,
    /// Who acknowledged last, and that somebody did.
    pub acked_by: Cell<Option<i32>>,
    pub acks: Notify,
    /// The image with the most in it that any node has ever shown: it stays, as what is committed does.
    pub newest: RefCell<Option<Arc<Image>>>,
    /// Nodes that lost what was not synced, until they have everything again.
    lossy: RefCell<BTreeSet<i32>>,
    /// What has gone bad on a disk, until it is mended.
    rot: RefCell<Option<Rot>>,
    phase: Cell<Phase>,
    workers: Cell<usize>,
    began: Instant,
}

fn byte(disk: &FaultyDisk, path: &Path, at: u64) -> Option<u8> {
    let mut byte = [0];
    let file = disk.open(path, OpenMode::Read).ok()?;
    (file.read_at(at, &mut byte).ok()? == 1).then_some(byte[0])
}

fn plan(dice: &mut Dice) -> Plan {
    let fsync = dice.chance(75);
    let nodes = if dice.chance(40) { 4 } else { 3 };
    let low = dice.below(3);
    let delay = (low, low + dice.between(1, 20));
    let session = dice.between(1_000, 9_000);
    let lag = dice.between(1_500, 10_000);
    let properties = vec![
        (
            "airis.ack.durability",
            if fsync { "fsync" } else { "page-cache" }.to_owned(),
        ),
        ("broker.session.timeout.ms", session.to_string()),
        ("broker.heartbeat.interval.ms", (session / 4).to_string()),
        ("replica.lag.time.max.ms", lag.to_string()),
        (
            "replica.fetch.wait.max.ms",
            dice.between(50, 500).to_string(),
        ),
        ("offsets.topic.num.partitions", "1".to_owned()),
        (
            "metadata.log.max.record.bytes.between.snapshots",
            dice.between(500, 12_000).to_string(),
        ),
        (
            "log.flush.offset.checkpoint.interval.ms",
            dice.between(500, 20_000).to_string(),
        ),
        (
            "replica.high.watermark.checkpoint.interval.ms",
            dice.between(500, 10_000).to_string(),
        ),
        (
            "airis.scrub.interval.ms",
            dice.between(2_000, 20_000).to_string(),
        ),
        ("min.insync.replicas", "2".to_owned()),
        ("default.replication.factor", "3".to_owned()),
        ("offsets.topic.replication.factor", "3".to_owned()),
    ];
    Plan {
        nodes,
        fsync,
        delay,
        flush: (0, dice.between(1, 15)),
        properties,
    }
}

/// Runs one seed. Returns how much time has passed in it.
pub async fn run(seed: u64, faults: Duration, only: Option<Fault>) -> Duration {
    let local = LocalSet::new();
    local.run_until(life(seed, faults, only)).await
}

async fn life(seed: u64, faults: Duration, only: Option<Fault>) -> Duration {
    let mut dice = Dice::new(seed);
    let plan = plan(&mut dice);
    trace::note(format_args!(
        "{} nodes, {}, delays {:?} ms, {:?}",
        plan.nodes,
        if plan.fsync { "fsync" } else { "page cache" },
        plan.delay,
        plan.properties
    ));
    let fabric = Fabric::new();
    let happened = Arc::new(Notify::new());
    let slow: Arc<Mutex<BTreeMap<(u32, u32), u64>>> = Arc::default();
    let mut delays = dice.fork();
    let ((low, high), slowed) = (plan.delay, slow.clone());
    fabric.set_delay(Box::new(move |from, to| {
        let more = slowed.lock().get(&(from, to)).copied().unwrap_or(0);
        Duration::from_millis(delays.between(low, high) + more)
    }));
    let told = happened.clone();
    fabric.set_witness(Box::new(move |_, from, to, bytes| {
        trace::arrived(from, to, bytes);
        told.notify_one();
    }));
    let machines = (1..=plan.nodes)
        .map(|id| Machine {
            id,
            disk: FaultyDisk::new(),
            clock: Clock::starting_at(EPOCH),
            state: State::Down,
            paused: false,
            run: 0,
            boots: 0,
            scope: None,
            stop: None,
        })
        .collect();
    let world = Rc::new(World {
        plan,
        fabric,
        model: RefCell::default(),
        machines: RefCell::new(machines),
        happened,
        slow,
        slow_disks: Arc::default(),
        dice: RefCell::new(dice.fork()),
        acked_by: Cell::new(None),
        acks: Notify::new(),
        newest: RefCell::default(),
        lossy: RefCell::default(),
        rot: RefCell::default(),
        phase: Cell::new(Phase::Faults),
        workers: Cell::new(0),
        began: Instant::now(),
    });
    let checking = spawn_local(check::run(world.clone()));
    for id in 1..=world.plan.nodes {
        world.start(id);
    }
    let mut admin = world.client("admin");
    world
        .within("the topics are made", async {
            for (topic, partitions, replicas) in [(TOPIC, PARTITIONS, 3), (SINGLE, 1, 1)] {
                let segment = world.draw(2_000, 20_000).to_string();
                let configs = [
                    ("internal.segment.bytes", segment.as_str()),
                    // Nodes' clocks jump; clients' do not.
                    ("message.timestamp.after.max.ms", "9223372036854775807"),
                ];
                loop {
                    let made =
                        work::create(&mut admin, topic, partitions, replicas, &configs).await;
                    trace::note(format_args!("{topic}: {made:?}"));
                    use airis_protocol::error::ErrorCode::{None as Good, TopicAlreadyExists};
                    if matches!(made, Some(Good | TopicAlreadyExists)) {
                        break;
                    }
                    sleep(Duration::from_millis(200)).await;
                }
            }
        })
        .await;
    let mut producers = Vec::new();
    for (i, partition) in [0, 0, 1, 1].into_iter().enumerate() {
        let client = world.client(&format!("p{i}"));
        let working = work::idempotent(world.clone(), client, TOPIC.to_owned(), partition);
        producers.push(world.work(working));
    }
    if world.plan.fsync {
        // One replica in a page cache is not to be relied on.
        let client = world.client("s0");
        let working = work::idempotent(world.clone(), client, SINGLE.to_owned(), 0);
        producers.push(world.work(working));
    }
    for (i, acks) in [-1, 1].into_iter().enumerate() {
        let client = world.client(&format!("q{i}"));
        let partition = i as i32 % PARTITIONS;
        let working = work::plain(world.clone(), client, TOPIC.to_owned(), partition, acks);
        producers.push(world.work(working));
    }
    let client = world.client("group");
    let working = work::group(world.clone(), client, "group".to_owned(), TOPIC.to_owned());
    producers.push(world.work(working));
    let client = world.client("churn");
    producers.push(world.work(work::churn(world.clone(), client, "churned".to_owned())));
    let mut readers = Vec::new();
    for (topic, partition) in [(TOPIC, 0), (TOPIC, 1), (SINGLE, 0)] {
        let client = world.client(&format!("r-{topic}-{partition}"));
        readers.push(world.work(work::reader(
            world.clone(),
            client,
            topic.to_owned(),
            partition,
        )));
    }
    nemesis::run(world.clone(), faults, only, dice.fork()).await;
    trace::note("everything is mended");
    world.phase.set(Phase::WindingUp);
    world
        .within("all producers end", async {
            for producer in producers {
                let _ = producer.await;
            }
        })
        .await;
    world
        .within("all replicas are in sync", check::in_sync(&world))
        .await;
    world
        .within("what has gone bad is mended", async {
            while world.rotten().is_some() {
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    world.phase.set(Phase::Settled);
    world
        .within("everything is read", async {
            for reader in readers {
                let _ = reader.await;
            }
        })
        .await;
    // What was still on slow wires when they were mended may have cost a short session.
    world
        .within("all replicas are in sync again", check::in_sync(&world))
        .await;
    check::at_the_end(&world);
    checking.abort();
    world.began.elapsed()
}

impl World {
    pub fn draw(&self, low: u64, high: u64) -> u64 {
        self.dice.borrow_mut().between(low, high)
    }

    /// The time by the clients' clock.
    pub fn now(&self) -> Millis {
        Millis(EPOCH.0 + self.began.elapsed().as_millis() as i64)
    }

    pub fn winds_up(&self) -> bool {
        self.phase.get() >= Phase::WindingUp
    }

    pub fn is_settled(&self) -> bool {
        self.phase.get() == Phase::Settled
    }

    pub fn client(&self, name: &str) -> Client {
        let port = self.fabric.port(CLIENTS, [10, 0, 0, CLIENTS as u8].into());
        let dice = self.dice.borrow_mut().fork();
        let nodes = (1..=self.plan.nodes).collect();
        Client::new(name.to_owned(), Network::Fabric(port), nodes, dice)
    }

    fn work(&self, working: impl Future<Output = ()> + 'static) -> tokio::task::JoinHandle<()> {
        self.workers.set(self.workers.get() + 1);
        spawn_local(working)
    }

    pub fn finished(&self) {
        self.workers.set(self.workers.get() - 1);
    }

    async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        match timeout(RECOVERY_MAX, work).await {
            Ok(done) => done,
            Err(_) => fail(format_args!(
                "not within {RECOVERY_MAX:?}: {what}; {} clients still work; {}",
                self.workers.get(),
                check::describe(self)
            )),
        }
    }

    /// A node has acknowledged something.
    pub fn noted(&self, node: i32) {
        trace::acked();
        self.acked_by.set(Some(node));
        self.acks.notify_waiters();
    }

    /// A batch was acknowledged.
    pub fn acked(&self, key: Key, node: i32, base: i64, batch: &Bytes, who: &str) {
        self.noted(node);
        trace::note(format_args!("{who} is acknowledged {base} in {}", key.1));
        let header = BatchHeader::read(batch).expect("it was built here");
        self.model
            .borrow_mut()
            .log(key)
            .acked(&key, base, header.crc, who.to_owned());
        check::acked(self, key, base);
    }

    fn given(&self, id: i32) -> Given {
        let mut given = Given::default();
        let mut set = |name: &str, value: &str| given.add(name, value, Origin::Override);
        let voters: Vec<String> = (1..=3)
            .map(|v| format!("{v}@{}:{CONTROLLER_PORT}", host_of(v)))
            .collect();
        set("node.id", &id.to_string());
        set("controller.quorum.voters", &voters.join(","));
        set("log.dirs", DATA);
        let client = format!("PLAINTEXT://{}:{PORT}", host_of(id));
        if id <= 3 {
            let controller = format!("CONTROLLER://{}:{CONTROLLER_PORT}", host_of(id));
            set("listeners", &format!("{client},{controller}"));
        } else {
            set("process.roles", "broker");
            set("listeners", &client);
        }
        for (name, value) in &self.plan.properties {
            set(name, value);
        }
        given
    }

    /// The running node, as far as it has come up.
    pub fn node(&self, id: i32) -> Option<Arc<Node>> {
        let runs = {
            let machines = self.machines.borrow();
            let machine = &machines[id as usize - 1];
            matches!(machine.state, State::Runs | State::Stopping)
        };
        if runs { node_of(id) } else { None }
    }

    /// Starts a process on a machine where none runs.
    pub fn start(self: &Rc<Self>, id: i32) {
        let host_id = id as u32;
        let (stop, stopped) = oneshot::channel::<()>();
        let scope = Scope::new(true);
        let seed = self.draw(0, u64::MAX - 1);
        let (low, high) = self.plan.flush;
        let slow = self.slow_disks.clone();
        let mut dice = self.dice.borrow_mut().fork();
        scope.set_stall(Some(Box::new(move || {
            let more = slow.lock().get(&id).copied().unwrap_or(0);
            Duration::from_millis(dice.between(low, high) + more)
        })));
        let (host, run) = {
            let mut machines = self.machines.borrow_mut();
            let machine = &mut machines[id as usize - 1];
            if !matches!(machine.state, State::Down | State::Dark) {
                return;
            }
            if machine.state == State::Dark {
                self.fabric.lighten(host_id);
            }
            machine.state = State::Runs;
            machine.paused = false;
            machine.run += 1;
            machine.stop = Some(stop);
            machine.scope = Some(scope.clone());
            let port = self.fabric.port(host_id, [10, 0, 0, id as u8].into());
            let host = Host {
                network: Network::Fabric(port),
                disk: Arc::new(machine.disk.clone()) as Arc<dyn Disk>,
                clock: machine.clock.clone(),
                boot: format!("{id}-{}", machine.boots),
            };
            (host, machine.run)
        };
        trace::note(format_args!("node {id} starts, run {run}"));
        let loaded = self.given(id).resolve().expect("the properties are right");
        let process = scope.spawn(async move {
            let mut stopped = stopped;
            let serving = [Handle::current()].into();
            let running = tokio::select! {
                biased;
                running = start(loaded, seed, serving, host) => match running {
                    Ok(running) => running,
                    Err(e) => return Err(e.to_string()),
                },
                // One that is told to stop while it starts just ends.
                Ok(()) = &mut stopped => return Ok(()),
            };
            trace::note(format_args!("node {id} is up, run {run}"));
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            running.stop().await;
            Ok(())
        });
        let world = self.clone();
        spawn_local(async move {
            let ended = process.await;
            let mut machines = world.machines.borrow_mut();
            let machine = &mut machines[id as usize - 1];
            if machine.run != run {
                return;
            }
            // Nothing outlives a process, not even what still ran in it.
            if ended.is_ok()
                && let Some(scope) = machine.scope.take()
            {
                scope.end();
            }
            match ended {
                Ok(Ok(())) => {
                    trace::note(format_args!("node {id} has stopped"));
                    machine.state = State::Down;
                }
                Ok(Err(why)) => {
                    trace::note(format_args!("node {id} cannot start: {why}"));
                    machine.state = State::Down;
                }
                // It was killed.
                Err(_) => {}
            }
        });
    }

    /// Ends the process of a node.
    pub fn crash(&self, id: i32, end: End) {
        let seed = self.draw(0, u64::MAX - 1);
        let mut machines = self.machines.borrow_mut();
        let machine = &mut machines[id as usize - 1];
        if end == End::Unplugged {
            self.fabric.darken(id as u32);
        }
        machine.state = match end {
            End::Unplugged => State::Dark,
            End::Killed | End::Panicked => State::Down,
        };
        let crash = match end {
            End::Killed => Crash::Process,
            End::Unplugged | End::Panicked => {
                self.lossy.borrow_mut().insert(id);
                machine.boots += 1;
                Crash::Power
            }
        };
        machine.disk = machine.disk.after(crash, seed);
        machine.run += 1;
        machine.paused = false;
        machine.stop = None;
        forget(id);
        if let Some(scope) = machine.scope.take() {
            scope.end();
        }
    }

    /// Whether no promise is broken if a node loses what it has not synced: where acknowledgement does not mean stable storage, one
    /// node at a time may, and the next only once that one has everything again.
    pub fn may_lose(&self, id: i32) -> bool {
        if self.plan.fsync {
            return true;
        }
        self.loses_alone(id)
    }

    /// Whether all others have everything.
    fn loses_alone(&self, id: i32) -> bool {
        let mut lossy = self.lossy.borrow_mut();
        lossy.retain(|lost| !check::is_whole(self, *lost));
        let mut lossy = lossy.iter().copied().chain(self.rotten().map(|(id, _)| id));
        lossy.all(|lost| lost == id)
    }

    /// Whether a byte of a node's logs may go bad: one at a time may, and only while all others have everything.
    pub fn may_rot(&self, id: i32) -> bool {
        self.rotten().is_none() && self.loses_alone(id)
    }

    /// Spoils one byte of a file.
    pub fn spoil(&self, id: i32, key: Key, path: PathBuf, at: u64, bit: u8) {
        let disk = self.disk(id);
        let byte = byte(&disk, &path, at).expect("it was just read") ^ (1 << bit);
        fault(format_args!(
            "bit {bit} of byte {at} of {} of node {id} flips",
            path.display()
        ));
        disk.damage(&path, at, &[byte]);
        *self.rot.borrow_mut() = Some(Rot {
            id,
            key,
            path,
            at,
            byte,
        });
    }

    /// The node with a byte that is still bad, and in which log.
    pub fn rotten(&self) -> Option<(i32, Key)> {
        let mut rot = self.rot.borrow_mut();
        let still = |rot: &Rot| byte(&self.disk(rot.id), &rot.path, rot.at) == Some(rot.byte);
        *rot = rot.take().filter(still);
        rot.as_ref().map(|rot| (rot.id, rot.key))
    }

    /// Has a node stop in order.
    pub fn stop(&self, id: i32) {
        let mut machines = self.machines.borrow_mut();
        let machine = &mut machines[id as usize - 1];
        if let Some(stop) = machine.stop.take() {
            machine.state = State::Stopping;
            let _ = stop.send(());
        }
    }

    pub fn pause(&self, id: i32, pause: bool) {
        let mut machines = self.machines.borrow_mut();
        let machine = &mut machines[id as usize - 1];
        if let Some(scope) = &machine.scope {
            machine.paused = pause;
            if pause {
                scope.pause();
            } else {
                scope.resume();
            }
        }
    }

    pub fn state(&self, id: i32) -> State {
        self.machines.borrow()[id as usize - 1].state
    }

    pub fn disk(&self, id: i32) -> FaultyDisk {
        self.machines.borrow()[id as usize - 1].disk.clone()
    }

    pub fn ids(&self) -> Vec<i32> {
        (1..=self.plan.nodes).collect()
    }
}
