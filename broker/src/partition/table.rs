//! All partitions of this node, by name and by id. Takes what the metadata says and makes it so.
//!
//! Always holds: a partition is in the table before anybody can read of it in the metadata image; look-ups take no lock. Must
//! never: delete files of a replica that the metadata gives to this node.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airis_cluster::config::TopicConfig;
use airis_cluster::metadata::{Delta, Image, PartitionImage, ResourceType, TopicImage};
use airis_cluster::replica::throttle::UNLIMITED;
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{NodeId, PartitionId, Str, Uuid};
use arc_swap::ArcSwap;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use parking_lot::Mutex;

use super::disks::{Deleted, Disks};
use super::{Hub, Partition, config};
use crate::config::BrokerConfig;
use crate::meta::Publisher;
use crate::task::{self, HashState};

/// The partitions of one topic that are here, by number; those elsewhere are `None`.
type Topic = Arc<Vec<Option<Arc<Partition>>>>;

/// Cheap to clone, so that a new table does not cost as much as there are topics.
type Map<K, V> = GenericHashMap<K, V, HashState, DefaultSharedPtr>;

/// Partitions that have just been opened, by topic and number.
type Opened = HashMap<(Uuid, usize), Arc<Partition>>;

/// A thread is worth its start from so many partitions on (making one costs some 50 µs, recovering one far more).
const OPENED_BY_ONE_MIN: usize = 16;

#[derive(Clone, Default)]
struct Tables {
    by_name: Map<Str, (Uuid, Topic)>,
    by_id: Map<Uuid, Topic>,
}

/// Every partition of this node.
pub struct PartitionTable {
    node: NodeId,
    broker: Arc<BrokerConfig>,
    disks: Arc<Disks>,
    hub: Arc<Hub>,
    tables: ArcSwap<Tables>,
    /// Directories renamed to `-delete`, whose files go later.
    deleted: Mutex<Vec<Deleted>>,
}

impl PartitionTable {
    pub fn new(broker: Arc<BrokerConfig>, disks: Arc<Disks>) -> Self {
        PartitionTable {
            node: broker.node_id,
            hub: Hub::new(&broker),
            broker,
            disks,
            tables: ArcSwap::default(),
            deleted: Mutex::new(Vec::new()),
        }
    }

    /// Errors: `UNKNOWN_TOPIC_OR_PARTITION`.
    pub fn by_name(&self, topic: &str, index: PartitionId) -> Result<Arc<Partition>, ErrorCode> {
        let tables = self.tables.load();
        let (_, topic) = tables
            .by_name
            .get(topic)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        at(topic, index)
    }

    /// Errors: `UNKNOWN_TOPIC_ID`, `UNKNOWN_TOPIC_OR_PARTITION`.
    pub fn by_id(&self, topic: Uuid, index: PartitionId) -> Result<Arc<Partition>, ErrorCode> {
        let tables = self.tables.load();
        let topic = tables.by_id.get(&topic).ok_or(ErrorCode::UnknownTopicId)?;
        at(topic, index)
    }

    /// Every partition here, in no order.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        let tables = self.tables.load();
        tables
            .by_id
            .values()
            .flat_map(|t| t.iter().flatten().cloned())
            .collect()
    }

    pub fn disks(&self) -> &Arc<Disks> {
        &self.disks
    }

    /// Log directories whose disk has failed: the controller is told, and has others lead what lies there.
    pub fn offline_dirs(&self) -> Vec<Uuid> {
        let failed: BTreeSet<PathBuf> = self
            .all()
            .iter()
            .filter(|p| p.log().is_offline())
            .filter_map(|p| p.log().dir().parent().map(Into::into))
            .collect();
        self.disks.ids_of(&failed)
    }

    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The directories whose time has come, taken out of the list.
    pub fn take_deleted(&self, due: impl Fn(&Deleted) -> bool) -> Vec<PathBuf> {
        let mut deleted = self.deleted.lock();
        let (gone, kept): (Vec<_>, Vec<_>) = deleted.drain(..).partition(|d| due(d));
        *deleted = kept;
        gone.into_iter().map(|d| d.path).collect()
    }

    /// Finishes what earlier runs left undone in the log directories. `image` must be no older than this run's
    /// registration: what it does not give to this node is not this node's.
    pub fn sweep(&self, image: &Image) {
        let left = self.disks.sweep(|dir| {
            let open = self.by_name(&dir.topic, dir.partition);
            if open.is_ok_and(|p| p.log().dir() == dir.path) {
                return true;
            }
            // One that could not be opened stays. Without an id the name must do: a crash right after the topic was made.
            let topic = match self.disks.topic_of(&dir.path) {
                Some(id) => image.topic_by_id(id).filter(|t| t.name == dir.topic),
                None => image.topic(&dir.topic),
            };
            let partition = topic.and_then(|t| t.partitions.get(dir.partition.0 as usize));
            partition.is_some_and(|p| p.has_replica(self.node))
        });
        self.deleted.lock().extend(left);
    }

    fn topic_config(&self, image: &Image, topic: &str) -> TopicConfig {
        config::resolve(image, self.node, &self.broker, topic)
    }

    /// Updates what this node holds of a topic, with what has just been opened.
    fn take_topic(
        &self,
        tables: &mut Tables,
        image: &Image,
        topic: &TopicImage,
        changed: &BTreeSet<i32>,
        opened: &mut Opened,
    ) {
        let before = tables.by_id.get(&topic.id).cloned();
        let mut now = Vec::with_capacity(topic.partitions.len());
        for (i, p) in topic.partitions.iter().enumerate() {
            let mut partition = known(before.as_ref(), i);
            if partition.is_some() && !p.has_replica(self.node) {
                self.drop_partition(&partition.take().expect("it is some"));
            }
            let new = partition.is_none();
            let partition = partition.or_else(|| opened.remove(&(topic.id, i)));
            if let Some(partition) = &partition
                && (new || changed.contains(&(i as i32)))
            {
                partition.take_metadata(image, p);
            }
            now.push(partition);
        }
        let now = Arc::new(now);
        tables
            .by_name
            .insert(topic.name.clone(), (topic.id, now.clone()));
        tables.by_id.insert(topic.id, now);
    }

    /// Takes the rates of throttled replication, which are dynamic configs only.
    fn take_throttles(&self, image: &Image) {
        let layers = image.layers(self.node, &self.broker.properties);
        let rate = |name: &str| {
            let set = layers.dynamic_broker.value(name);
            set.or_else(|| layers.dynamic_default.value(name))
                .and_then(|rate| rate.parse().ok())
                .unwrap_or(UNLIMITED)
        };
        let hub = &self.hub;
        hub.outgoing
            .lock()
            .limit(rate("leader.replication.throttled.rate"));
        hub.incoming
            .lock()
            .limit(rate("follower.replication.throttled.rate"));
    }

    /// What is led here is told which brokers are up.
    fn take_brokers(&self, tables: &Tables, image: &Image, brokers: &BTreeSet<NodeId>) {
        for (id, partitions) in &tables.by_id {
            let Some(topic) = image.topic_by_id(*id) else {
                continue;
            };
            for (partition, p) in partitions.iter().zip(&topic.partitions) {
                if let Some(partition) = partition
                    && p.leader == Some(self.node)
                    && p.replicas.len() > 1
                    && p.replicas.iter().any(|r| brokers.contains(r))
                {
                    partition.take_metadata(image, p);
                }
            }
        }
    }

    /// Opens or makes all that this node holds of these topics and has not open: many at a time, as recovery may have to read.
    fn open_new(&self, tables: &Tables, topics: &[(&Arc<TopicImage>, Arc<TopicConfig>)]) -> Opened {
        let mut wanted = Vec::new();
        for (topic, config) in topics {
            let before = tables.by_id.get(&topic.id);
            for (i, image) in topic.partitions.iter().enumerate() {
                if image.has_replica(self.node) && known(before, i).is_none() {
                    wanted.push((*topic, i, image, config));
                }
            }
        }
        let threads = self.broker.recovery_threads * self.broker.log_dirs.len();
        let next = AtomicUsize::new(0);
        let opened = Mutex::new(Opened::default());
        let work = || {
            while let Some((topic, i, image, config)) =
                wanted.get(next.fetch_add(1, Ordering::Relaxed))
            {
                match self.open(topic, PartitionId(*i as i32), image, config) {
                    Ok(partition) => {
                        opened.lock().insert((topic.id, *i), partition);
                    }
                    Err(e) => {
                        tracing::error!(topic = %topic.name, partition = i, "the partition is offline: {e}");
                    }
                }
            }
        };
        task::side_by_side(threads.min(wanted.len() / OPENED_BY_ONE_MIN), work);
        opened.into_inner()
    }

    fn open(
        &self,
        topic: &TopicImage,
        index: PartitionId,
        image: &PartitionImage,
        config: &Arc<TopicConfig>,
    ) -> Result<Arc<Partition>, airis_storage::StorageError> {
        let directory = image.directory_of(self.node).unwrap_or(Uuid::UNASSIGNED);
        let opened = self
            .disks
            .open(&topic.name, topic.id, index, directory, config)?;
        Ok(Arc::new(Partition::new(
            topic.name.clone(),
            topic.id,
            index,
            opened,
            self.broker.durability,
            self.hub.clone(),
            config.clone(),
        )))
    }

    fn drop_topic(&self, tables: &mut Tables, topic: &TopicImage) {
        let Some(partitions) = tables.by_id.remove(&topic.id) else {
            return;
        };
        // A topic of the same name may have been made meanwhile: it stays.
        if tables
            .by_name
            .get(&topic.name)
            .is_some_and(|(id, _)| *id == topic.id)
        {
            tables.by_name.remove(&topic.name);
        }
        for partition in partitions.iter().flatten() {
            self.drop_partition(partition);
        }
    }

    /// Takes a replica away: of a deleted topic, or reassigned to another node.
    fn drop_partition(&self, partition: &Partition) {
        partition.mark_deleted();
        match self.disks.delete(partition) {
            Ok(deleted) => self.deleted.lock().push(deleted),
            Err(e) => {
                tracing::error!(topic = %partition.topic, partition = %partition.index, "the files of a deleted partition stay: {e}");
            }
        }
    }
}

/// A broker's configs have changed: they may be defaults of topics.
fn all_configs(delta: &Delta) -> bool {
    delta
        .configs
        .iter()
        .any(|(ty, _)| *ty == ResourceType::Broker)
}

fn known(topic: Option<&Topic>, index: usize) -> Option<Arc<Partition>> {
    topic?.get(index)?.clone()
}

fn at(topic: &Topic, index: PartitionId) -> Result<Arc<Partition>, ErrorCode> {
    usize::try_from(index.0)
        .ok()
        .and_then(|i| topic.get(i))
        .ok_or(ErrorCode::UnknownTopicOrPartition)?
        .clone()
        .ok_or(ErrorCode::NotLeaderOrFollower)
}

impl Publisher for PartitionTable {
    fn publish(&self, image: &Arc<Image>, delta: &Delta) {
        let mut tables = (**self.tables.load()).clone();
        // Deletions first: a topic may be deleted and made anew under the same name within one delta.
        for topic in delta.deleted.values() {
            self.drop_topic(&mut tables, topic);
        }
        let topics: Vec<_> = delta
            .topics
            .keys()
            .filter_map(|id| image.topic_by_id(*id))
            .map(|topic| (topic, Arc::new(self.topic_config(image, &topic.name))))
            .collect();
        let mut opened = self.open_new(&tables, &topics);
        for (topic, _) in topics {
            let changed = &delta.topics[&topic.id].partitions;
            self.take_topic(&mut tables, image, topic, changed, &mut opened);
        }
        if !delta.brokers.is_empty() {
            self.take_brokers(&tables, image, &delta.brokers);
        }
        if all_configs(delta) {
            self.take_throttles(image);
        }
        // Topics whose own configs changed, or all of them if the broker's did.
        let all = all_configs(delta);
        for (name, (_, partitions)) in &tables.by_name {
            if all || delta.configs.contains(&(ResourceType::Topic, name.clone())) {
                let config = Arc::new(self.topic_config(image, name));
                for partition in partitions.iter().flatten() {
                    partition.set_config(config.clone());
                }
            }
        }
        self.tables.store(Arc::new(tables));
    }
}
