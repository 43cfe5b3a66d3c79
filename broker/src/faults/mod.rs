//! Faults for tests: nodes of this process are paused, cut off from each other, slowed down, set ahead in time, and told what to answer.
//!
//! With the feature `faults`, [`Broker`] and [`Cluster`] have what this page tells of. It is for `[dev-dependencies]`; a release has
//! none of it. The brokers are real, and clients reach them over real sockets, so any client can be put to the test: in this
//! process, in another one, in another language.
//!
//! | what | how |
//! |---|---|
//! | a process dies, comes back | [`Cluster::kill`], [`Cluster::restart`] |
//! | a process stands still (SIGSTOP), goes on | [`Cluster::pause`], [`Cluster::resume`] |
//! | nodes are cut off from each other | [`Cluster::partition`], [`Cluster::partition_one_way`], [`Cluster::heal`] |
//! | a disk is slow, or full | [`Cluster::slow_disk`], [`Cluster::full_disk`] |
//! | another replica leads | [`Cluster::move_leader`] |
//! | time passes | [`Cluster::clock`], [`TestClock::advance`] |
//! | an error, a late answer, a lost one | [`Cluster::script`] |
//!
//! The [front page of the crate](crate) has a whole example.
//!
//! # Time
//!
//! [`TestClock::advance`] says exactly what it moves. What it does not move, above all elections, happens in real time, within a
//! fraction of a second to two seconds. On a runtime whose time is paused (`#[tokio::test(start_paused = true)]`) that takes no time
//! either: tokio's clock, which everything here waits by in the end, leaps ahead whenever there is nothing to do.
//!
//! # The same run again
//!
//! On such a runtime, which has one thread, a run depends on no clock and no scheduler: every wait ends in the order of the
//! deadlines. What is left to chance are the random numbers (ids, jitter), which [`ClusterBuilder::seed`](crate::ClusterBuilder::seed)
//! fixes, and the order in which the system hands over what came by several sockets at once, and in which its threads finish disk
//! work: those two nothing fixes here. A test that looks at states ("the ISR is 1, 2", "this record is there") sees the same
//! each time; one that looks at the order of concurrent events does not.

pub(crate) mod links;
pub(crate) mod script;

mod clock;
mod disk;

use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::Command;
pub use airis_protocol::api_key::ApiKey;
pub use airis_protocol::error::ErrorCode;
use airis_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use airis_protocol::messages::create_topics_request::CreatableTopic;
use airis_protocol::messages::elect_leaders_request::TopicPartitions;
use airis_protocol::messages::{
    AlterPartitionReassignmentsRequest, CreateTopicsRequest, ElectLeadersRequest,
};
use airis_protocol::types::{NodeId, PartitionId, Str};
use airis_storage::RealDisk;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

pub use clock::TestClock;
pub use script::Script;

use crate::clock::Clock;
use crate::host::Host;
use crate::net::Network;
use crate::node::Node;
use crate::task::Scope;
use crate::time::Leap;
use crate::{Broker, Cluster};
use disk::HurtDisk;
use links::{Links, Plug};
use script::Scripts;

/// How long a leadership may take to move.
const MOVE_MAX: Duration = Duration::from_secs(20);
/// Between two looks at something that is to come.
const LOOK: Duration = Duration::from_millis(1);

/// What the tasks of a node can see of its test.
pub(crate) struct Reach {
    pub leap: Arc<Leap>,
    pub links: Arc<Links>,
    pub scripts: Arc<Scripts>,
}

/// What the nodes of a cluster share.
#[derive(Clone)]
pub(crate) struct Shared {
    clock: Clock,
    leap: Arc<Leap>,
    links: Arc<Links>,
}

impl Shared {
    pub fn new() -> Shared {
        Shared {
            // By tokio's clock from now on, so that it moves as all waits do.
            clock: Clock::starting_now(),
            leap: Arc::default(),
            links: Arc::default(),
        }
    }
}

/// Where one node runs, over all its lives.
pub(crate) struct Place {
    me: usize,
    shared: Shared,
    reach: Arc<Reach>,
    disk: Arc<HurtDisk>,
    slow: Arc<Mutex<Duration>>,
    /// Of the present life.
    scope: Mutex<Scope>,
}

impl Place {
    pub fn new(me: usize, shared: &Shared) -> Arc<Place> {
        let reach = Arc::new(Reach {
            leap: shared.leap.clone(),
            links: shared.links.clone(),
            scripts: Arc::default(),
        });
        Arc::new(Place {
            me,
            shared: shared.clone(),
            disk: Arc::new(HurtDisk::new(Arc::new(RealDisk))),
            slow: Arc::default(),
            scope: Mutex::new(Scope::within(reach.clone())),
            reach,
        })
    }

    /// Of a node without others.
    pub fn alone() -> Arc<Place> {
        Place::new(0, &Shared::new())
    }

    /// A new life begins.
    pub fn begin(&self) -> (Scope, Host) {
        let scope = Scope::within(self.reach.clone());
        let slow = self.slow.clone();
        scope.set_stall(Some(Box::new(move || *slow.lock())));
        *self.scope.lock() = scope.clone();
        let host = Host {
            network: Network::Linked(Plug::new(self.shared.links.clone(), self.me)),
            disk: self.disk.clone(),
            clock: self.shared.clock.clone(),
            ..Host::default()
        };
        (scope, host)
    }

    pub fn scope(&self) -> Scope {
        self.scope.lock().clone()
    }

    pub fn resume(&self) {
        self.scope().resume();
    }

    /// A killed process does not come to an end of its pause.
    pub fn end_pause_by_death(&self) {
        let scope = self.scope();
        if scope.is_paused() {
            scope.end();
        }
    }
}

impl Drop for Place {
    /// Threads that wait for the end of a pause would keep the runtime from its own.
    fn drop(&mut self) {
        self.scope().end();
    }
}

/// With the feature `faults`.
impl Broker {
    /// Stops the node as SIGSTOP stops a process: its connections stay, and nobody answers on them.
    pub fn pause(&self) {
        self.place.scope().pause();
    }

    /// Lets a paused node go on.
    pub fn resume(&self) {
        self.place.scope().resume();
    }

    /// Makes whatever waits for the disk wait so much longer: flushes, and with them acknowledgements with
    /// `airis.ack.durability=fsync`, the metadata log, loading, retention. What goes to the page cache waits for no disk. Zero ends it.
    pub fn slow_disk(&self, by: Duration) {
        *self.place.slow.lock() = by;
    }

    /// As if the disk were full, or not any more: nothing can be written to it, and what is there can be read.
    pub fn full_disk(&self, full: bool) {
        self.place.disk.fill(full);
    }

    /// Orders what the next requests of clients get that this node is asked.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use airis_broker::{Broker, faults::{ApiKey, ErrorCode}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), airis_broker::StartError> {
    /// let broker = Broker::builder().start().await?;
    /// broker.script(ApiKey::Produce).times(2).error(ErrorCode::NotLeaderOrFollower);
    /// broker.script(ApiKey::Produce).delay(Duration::from_millis(50));
    /// broker.script(ApiKey::Produce).lose_answer();
    /// // ... let a producer of any language send a record: it is sent five times, and is there once ...
    /// assert_eq!(broker.unspent(ApiKey::Produce), 4);
    /// # Ok(()) }
    /// ```
    pub fn script(&self, api: ApiKey) -> Script<'_> {
        Script::new(&self.place.reach.scripts, api)
    }

    /// For how many requests of an API something is still ordered.
    pub fn unspent(&self, api: ApiKey) -> usize {
        self.place.reach.scripts.left(api)
    }

    /// The time of this node. For the nodes of a cluster: [`Cluster::clock`].
    pub fn clock(&self) -> TestClock<'_> {
        TestClock::new(&self.place.shared, vec![self])
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.running.node
    }
}

/// With the feature `faults`. Nodes are counted from 0. What has been done to a node holds over its restarts, but for a pause.
impl Cluster {
    /// Stops a node as SIGSTOP stops a process: its connections stay, and nobody answers on them.
    pub fn pause(&self, i: usize) {
        self.places[i].scope().pause();
    }

    /// Lets a paused node go on. It finds that time has passed, as a process does after SIGCONT.
    pub fn resume(&self, i: usize) {
        self.places[i].scope().resume();
    }

    /// Cuts the nodes of one side off from those of the other, in both directions. Connections between them stall, as they do on a
    /// network that loses everything; no end of one comes through either. Clients reach all nodes as before.
    ///
    /// ```
    /// # use airis_broker::Cluster;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), airis_broker::StartError> {
    /// let cluster = Cluster::builder().nodes(3).start().await?;
    /// cluster.partition(&[0], &[1, 2]);
    /// // ... node 0 can do nothing now that needs a majority ...
    /// cluster.heal();
    /// # Ok(()) }
    /// ```
    pub fn partition(&self, a: &[usize], b: &[usize]) {
        self.partition_one_way(a, b);
        self.partition_one_way(b, a);
    }

    /// Nothing gets from the nodes of the first side to those of the second; the way back is not touched.
    pub fn partition_one_way(&self, from: &[usize], to: &[usize]) {
        for from in from {
            for to in to {
                self.shared.links.cut(*from, *to);
            }
        }
    }

    /// Mends all links between nodes.
    pub fn heal(&self) {
        self.shared.links.mend_all();
    }

    /// As [`Broker::slow_disk`], for one node.
    pub fn slow_disk(&self, i: usize, by: Duration) {
        *self.places[i].slow.lock() = by;
    }

    /// As [`Broker::full_disk`], for one node.
    pub fn full_disk(&self, i: usize, full: bool) {
        self.places[i].disk.fill(full);
    }

    /// As [`Broker::script`], for one node.
    pub fn script(&self, i: usize, api: ApiKey) -> Script<'_> {
        Script::new(&self.places[i].reach.scripts, api)
    }

    /// As [`Broker::unspent`], for one node.
    pub fn unspent(&self, i: usize, api: ApiKey) -> usize {
        self.places[i].reach.scripts.left(api)
    }

    /// The time of all nodes.
    pub fn clock(&self) -> TestClock<'_> {
        TestClock::new(&self.shared, self.nodes.iter().flatten().collect())
    }

    /// The node that leads a partition, as the active controller knows it.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<usize> {
        let controller = self.nodes[self.able_controller()?].as_ref()?;
        leader(controller.node(), topic, partition)
    }

    /// The nodes that are in sync for a partition, as the active controller knows it, by number.
    pub fn in_sync(&self, topic: &str, partition: i32) -> Vec<usize> {
        let Some(Some(controller)) = self.able_controller().map(|i| &self.nodes[i]) else {
            return Vec::new();
        };
        let image = controller.node().meta.image();
        let partition = image.partition(topic, PartitionId(partition));
        let mut in_sync: Vec<usize> = partition
            .map(|p| p.isr.iter().map(|id| id.0 as usize - 1).collect())
            .unwrap_or_default();
        in_sync.sort_unstable();
        in_sync
    }

    /// Makes a topic with as many replicas as the cluster makes by default. Every node knows it when this returns.
    ///
    /// Errors: the controller's own.
    pub async fn create_topic(&self, name: &str, partitions: i32) -> Result<(), ErrorCode> {
        let i = self.able_controller().ok_or(ErrorCode::NotController)?;
        let controller = self.nodes[i].as_ref().ok_or(ErrorCode::NotController)?;
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: Str::from(name),
                num_partitions: partitions,
                replication_factor: -1,
                ..Default::default()
            }],
            timeout_ms: MOVE_MAX.as_millis() as i32,
            ..Default::default()
        };
        let created = controller.node().meta.create_topics(request, None);
        let created = self.places[i].scope().of(created).await?;
        match created.topics.first().map_or(0, |t| t.error_code) {
            0 => Ok(()),
            code => Err(ErrorCode::from_wire(code)),
        }
    }

    /// Has a node lead a partition, in the way of Kafka's own tools: it becomes the preferred replica, in the place of the last one
    /// if it has none yet, and is elected once it is in sync. Returns when all nodes that can be told know it.
    ///
    /// Errors: the controller's own; `RequestTimedOut` if it does not come to be within twenty seconds.
    pub async fn move_leader(
        &self,
        topic: &str,
        partition: i32,
        node: usize,
    ) -> Result<(), ErrorCode> {
        let until = Instant::now() + MOVE_MAX;
        let wanted = NodeId(node as i32 + 1);
        loop {
            match self.try_to_move(topic, partition, wanted).await {
                Ok(true) if self.all_follow(topic, partition, node) => return Ok(()),
                Ok(_) | Err(ErrorCode::NotController) => {}
                Err(e) => return Err(e),
            }
            if Instant::now() >= until {
                return Err(ErrorCode::RequestTimedOut);
            }
            sleep(LOOK).await;
        }
    }

    /// One step on the way. True if the controller says that the node leads.
    async fn try_to_move(&self, name: &str, index: i32, to: NodeId) -> Result<bool, ErrorCode> {
        let i = self.able_controller().ok_or(ErrorCode::NotController)?;
        let controller = self.nodes[i].as_ref().ok_or(ErrorCode::NotController)?;
        let meta = &controller.node().meta;
        let image = meta.image();
        let partition = image
            .topic(name)
            .and_then(|t| t.partitions.get(index as usize))
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if partition.leader == Some(to) && partition.adding.is_empty() {
            return Ok(true);
        }
        let scope = self.places[i].scope();
        if partition.replicas.first() != Some(&to) {
            let moving = !partition.adding.is_empty();
            if !moving {
                let mut replicas = vec![to.0];
                replicas.extend(
                    partition
                        .replicas
                        .iter()
                        .map(|r| r.0)
                        .filter(|r| *r != to.0),
                );
                replicas.truncate(partition.replicas.len());
                let request = reassignment(name, index, replicas);
                let command = Command::AlterPartitionReassignments(request);
                scope.of(meta.submit(command)).await?;
            }
        } else if partition.isr.contains(&to) {
            let request = ElectLeadersRequest {
                election_type: 0,
                topic_partitions: Some(vec![TopicPartitions {
                    topic: Str::from(name),
                    partitions: vec![index],
                }]),
                timeout_ms: MOVE_MAX.as_millis() as i32,
            };
            scope
                .of(meta.submit(Command::ElectLeaders(request)))
                .await?;
        }
        Ok(false)
    }

    /// True if every node that can be told knows who leads.
    fn all_follow(&self, topic: &str, partition: i32, led_by: usize) -> bool {
        let Some(controller) = self.able_controller() else {
            return false;
        };
        self.nodes.iter().flatten().all(|n| {
            let told =
                !n.place.scope().is_paused() && self.shared.links.whole(controller, n.place.me);
            !told || leader(n.node(), topic, partition) == Some(led_by)
        })
    }

    /// The active controller, if it is not paused: one that is may have been succeeded.
    fn able_controller(&self) -> Option<usize> {
        let able = |n: &&Broker| n.node().meta.is_active() && !n.place.scope().is_paused();
        // After a cut there may be two for a while: the newer one counts.
        let active = self.nodes.iter().flatten().filter(able);
        let newest = active.max_by_key(|n| n.node().meta.leadership().borrow().epoch)?;
        Some(newest.place.me)
    }
}

fn leader(node: &Node, topic: &str, partition: i32) -> Option<usize> {
    let image = node.meta.image();
    let partition = image.partition(topic, PartitionId(partition))?;
    Some(partition.leader?.0 as usize - 1)
}

fn reassignment(
    topic: &str,
    partition_index: i32,
    replicas: Vec<i32>,
) -> AlterPartitionReassignmentsRequest {
    AlterPartitionReassignmentsRequest {
        timeout_ms: MOVE_MAX.as_millis() as i32,
        allow_replication_factor_change: true,
        topics: vec![ReassignableTopic {
            name: Str::from(topic),
            partitions: vec![ReassignablePartition {
                partition_index,
                replicas: Some(replicas),
            }],
        }],
    }
}
