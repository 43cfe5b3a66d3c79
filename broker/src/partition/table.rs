//! All partitions of this node, by name and by id. Takes what the metadata says and makes it so.
//!
//! Always holds: a partition is in the table before anybody can read of it in the metadata image, once the table has begun; look-ups
//! take no lock. Must never: delete files of a replica that the metadata gives to this node, or do what metadata says that this node
//! has outlived: a start goes through them again, and through topics that were long since deleted and made anew.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use airis_cluster::config::TopicConfig;
use airis_cluster::metadata::{Delta, Image, PartitionImage, ResourceType, TopicImage};
use airis_cluster::replica::throttle::UNLIMITED;
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{NodeId, PartitionId, Str, Uuid};
use airis_storage::PartitionDir;
use airis_storage::files;
use airis_storage::limits::FILE_NAME_MAX;
use arc_swap::ArcSwap;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::disks::{Deleted, Disks, Seat, Wanted};
use super::{Hub, Partition, config};
use crate::config::BrokerConfig;
use crate::meta::Publisher;
use crate::scarce;
use crate::task::{self, HashState};

/// Whether a replica is here.
#[derive(Clone)]
enum Slot {
    /// This node has none.
    Elsewhere,
    /// This node has one that cannot be used: its disk does not give it.
    Offline,
    /// There were no file descriptors to open it (fault S19): it is tried again.
    Waits,
    Here(Arc<Partition>),
}

impl Slot {
    fn partition(&self) -> Option<&Arc<Partition>> {
        match self {
            Slot::Here(partition) => Some(partition),
            Slot::Elsewhere | Slot::Offline | Slot::Waits => None,
        }
    }
}

/// The partitions of one topic, by number.
type Topic = Arc<Vec<Slot>>;

/// Cheap to clone, so that a new table does not cost as much as there are topics.
type Map<K, V> = GenericHashMap<K, V, HashState, DefaultSharedPtr>;

/// Partitions that have just been opened, by topic and number.
type Opened = HashMap<(Uuid, usize), Slot>;

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
    /// Where replicas are to be made that are not here yet (AlterReplicaLogDirs), by topic and number. Only of partitions that exist.
    wishes: Mutex<HashMap<(Str, PartitionId), PathBuf>>,
    /// One replica's directory is altered at a time.
    altering: Mutex<()>,
    /// Whether anything is done by the metadata yet.
    begun: watch::Sender<bool>,
    /// All that was here when the node started is in the table.
    complete: AtomicBool,
    /// The metadata that the table shows, or is about to show.
    offset: AtomicI64,
    /// The table is changed by one at a time. What it was last made of, and whether some of that waits to be opened.
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    image: Option<Arc<Image>>,
    waits: bool,
    /// This run, until it is noted in the log directories that all that was in them has been looked at.
    run: Option<Uuid>,
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
            wishes: Mutex::default(),
            altering: Mutex::default(),
            begun: watch::Sender::new(false),
            complete: AtomicBool::new(false),
            offset: AtomicI64::new(-1),
            shown: Mutex::default(),
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
            .flat_map(|t| t.iter().filter_map(Slot::partition).cloned())
            .collect()
    }

    pub fn disks(&self) -> &Arc<Disks> {
        &self.disks
    }

    /// Log directories whose disk has failed: the controller is told, and has others lead what lies there.
    pub fn offline_dirs(&self) -> Vec<Uuid> {
        self.disks.failed()
    }

    /// A log directory has failed: whoever waits for a partition of it learns so, and nothing is copied from or to it any more.
    pub fn take_failures(&self) {
        for partition in self.all() {
            let failed = |seat: &Seat| seat.health.failed().is_some();
            if failed(&partition.seat()) {
                partition.wake_all();
            }
            if let Some(future) = partition.future()
                && (failed(&future.seat) || partition.is_offline())
            {
                tracing::error!(topic = %partition.topic, partition = %partition.index, "the replica is not moved: a disk has failed");
                partition.end_move();
            }
        }
    }

    /// The offset of the metadata that the table shows, or is about to show.
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::Acquire)
    }

    /// Where this replica is, as the controller is to know it; `None` if it is not here.
    pub fn directory_of(&self, topic: Uuid, index: PartitionId) -> Option<Uuid> {
        let tables = self.tables.load();
        match tables.by_id.get(&topic)?.get(index.0 as usize)? {
            Slot::Elsewhere | Slot::Waits => None,
            Slot::Offline => Some(Uuid::LOST),
            Slot::Here(partition) => Some(partition.directory()),
        }
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

    /// Opens what is this node's by the newest metadata that were published, and from now on does what they say. These must be no
    /// older than this run's registration (`run`): what they do not give to this node is not this node's. Blocks; called once.
    pub fn begin(&self, run: Uuid) {
        // Not under the lock: opening takes minutes after a loss of power, and a controller decides nothing while its own broker's
        // table does not take what is published.
        let newest = |shown: &Shown| shown.image.clone().unwrap_or_default();
        let image = newest(&self.shown.lock());
        self.take(&image, &Delta::between(&Image::default(), &image));
        self.sweep(&image);
        let mut shown = self.shown.lock();
        let since = newest(&shown);
        shown.waits = self.take(&since, &Delta::between(&image, &since));
        shown.run = Some(run);
        self.note_looked_at(&mut shown);
        self.begun.send_replace(true);
    }

    /// Once nothing waits to be opened any more, the next start need not know of a loss of power before this one.
    fn note_looked_at(&self, shown: &mut Shown) {
        if shown.waits {
            return;
        }
        let durability = self.broker.durability;
        if let Some(run) = shown.run.take()
            && let Err(e) = self.disks.mark_looked_at(run, durability)
        {
            tracing::warn!("this run is not noted in the log directories: {e}");
        }
    }

    /// Waits until the table shows what the metadata say.
    pub async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        let _ = begun.wait_for(|begun| *begun).await;
    }

    /// Finishes what earlier runs left undone in the log directories.
    fn sweep(&self, image: &Image) {
        self.complete.store(true, Ordering::Release);
        let knows = |dir: &PartitionDir| {
            // Where a move was cut short there may be two.
            if let Ok(open) = self.by_name(&dir.topic, dir.partition) {
                return *open.log().dir() == *dir.path;
            }
            // One that could not be opened stays. Without an id the name must do: a crash right after the topic was made.
            let topic = match self.disks.topic_of(&dir.path) {
                Some(id) => image.topic_by_id(id).filter(|t| t.name == dir.topic),
                None => image.topic(&dir.topic),
            };
            let partition = topic.and_then(|t| t.partitions.get(dir.partition.0 as usize));
            partition.is_some_and(|p| p.has_replica(self.node))
        };
        let resume = |dir: &PartitionDir| {
            let partition = match self.by_name(&dir.topic, dir.partition) {
                Ok(partition) => partition,
                // It is all that there is here, if the replica's own disk is away.
                Err(error) => return error == ErrorCode::KafkaStorageError,
            };
            let ours = self.disks.topic_of(&dir.path) == Some(partition.topic_id);
            if !ours
                || partition.future().is_some()
                || partition.log().dir().parent() == dir.path.parent()
            {
                return false;
            }
            match self.disks.resume_future(&partition, &dir.path) {
                Ok(copy) => {
                    tracing::info!(topic = %partition.topic, partition = %partition.index, to = %dir.path.display(), "goes on moving the replica");
                    partition.begin_move(copy);
                    true
                }
                Err(e) => {
                    tracing::warn!("the copy of a replica cannot be used: {e}");
                    false
                }
            }
        };
        let left = self.disks.sweep(knows, resume);
        self.deleted.lock().extend(left);
    }

    /// Has a replica be in the log directory at this path (AlterReplicaLogDirs). Blocks.
    ///
    /// Errors: `LOG_DIR_NOT_FOUND`; `KAFKA_STORAGE_ERROR` where a directory is off line; `REPLICA_NOT_AVAILABLE` where there is
    /// no replica yet, which will be made in that directory; `UNKNOWN_TOPIC_OR_PARTITION`.
    pub fn alter_dir(
        &self,
        image: &Image,
        topic: &str,
        index: PartitionId,
        to: &Path,
    ) -> Result<(), ErrorCode> {
        // The name of the copy's directory would not fit (KAFKA-4893).
        let unique = ".-future".len() + 32;
        if files::partition_dir_name(topic, index).len() + unique > FILE_NAME_MAX {
            return Err(ErrorCode::InvalidTopicException);
        }
        self.disks.check_target(to)?;
        let known = image
            .topic(topic)
            .is_some_and(|t| (0..t.partitions.len() as i32).contains(&index.0));
        let partition = match self.by_name(topic, index) {
            Ok(partition) => partition,
            Err(ErrorCode::KafkaStorageError) => return Err(ErrorCode::KafkaStorageError),
            Err(_) if known => {
                let mut wishes = self.wishes.lock();
                wishes.insert((Str::from(topic), index), to.to_owned());
                return Err(ErrorCode::ReplicaNotAvailable);
            }
            Err(_) => return Err(ErrorCode::UnknownTopicOrPartition),
        };
        let to_id = self.disks.id_at(to).ok_or(ErrorCode::LogDirNotFound)?;
        let _one = self.altering.lock();
        match partition.future() {
            Some(future) if future.seat.directory == to_id => return Ok(()),
            Some(_) => self.cancel_move(&partition),
            None => {}
        }
        if partition.seat().directory == to_id {
            return Ok(());
        }
        // As in Kafka: while one is away, nobody knows whether it has a copy already.
        if self.disks.any_offline() {
            return Err(ErrorCode::KafkaStorageError);
        }
        match self.disks.make_future(&partition, to) {
            Ok(copy) => {
                partition.begin_move(copy);
                Ok(())
            }
            Err(e) => {
                tracing::error!(topic, partition = %index, to = %to.display(), "the replica cannot be moved: {e}");
                Err(ErrorCode::KafkaStorageError)
            }
        }
    }

    /// Stops a move and gives the copy's files up.
    fn cancel_move(&self, partition: &Partition) {
        let Some(future) = partition.end_move() else {
            return;
        };
        match self
            .disks
            .delete(&future.log, &partition.topic, partition.index, 0)
        {
            Ok(deleted) => self.deleted.lock().push(deleted),
            Err(e) => {
                tracing::error!(topic = %partition.topic, partition = %partition.index, "the files of a replica's copy stay: {e}");
            }
        }
    }

    /// A directory whose files are to go.
    pub fn give_up(&self, deleted: Deleted) {
        self.deleted.lock().push(deleted);
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
            let mut slot = known(before.as_ref(), i);
            if !p.has_replica(self.node) {
                if let Slot::Here(partition) = &slot {
                    self.drop_partition(partition);
                }
                slot = Slot::Elsewhere;
            }
            let new = match opened.remove(&(topic.id, i)) {
                Some(opened) => {
                    slot = opened;
                    true
                }
                None => false,
            };
            if new || changed.contains(&(i as i32)) {
                if let Slot::Here(partition) = &slot {
                    partition.take_metadata(image, p);
                    if partition.future().is_some() {
                        self.hub.moving.push(partition);
                    }
                }
                if !matches!(slot, Slot::Elsewhere | Slot::Waits) {
                    self.hub.assignments.push((topic.id, PartitionId(i as i32)));
                }
            }
            now.push(slot);
        }
        let now = Arc::new(now);
        tables
            .by_name
            .insert(topic.name.clone(), (topic.id, now.clone()));
        tables.by_id.insert(topic.id, now);
    }

    /// Takes the rates of throttled replication, which are dynamic configs only, and how many connections there may be.
    fn take_limits(&self, image: &Image) {
        let layers = image.layers(self.node, &self.broker.properties);
        let dynamic = |name: &str| {
            let set = layers.dynamic_broker.value(name);
            set.or_else(|| layers.dynamic_default.value(name))
        };
        let rate = |name: &str| {
            dynamic(name)
                .and_then(|rate| rate.parse().ok())
                .unwrap_or(UNLIMITED)
        };
        let hub = &self.hub;
        let connections = dynamic("max.connections").and_then(|n| n.parse().ok());
        hub.seats
            .set_max(connections.unwrap_or(self.broker.connections_max));
        hub.copied
            .lock()
            .limit(rate("replica.alter.log.dirs.io.max.bytes.per.second"));
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
                if let Slot::Here(partition) = partition
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
                let open = matches!(known(before, i), Slot::Here(_) | Slot::Offline);
                if image.has_replica(self.node) && !open {
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
                let slot = match self.open(topic, PartitionId(*i as i32), image, config) {
                    Ok(partition) => Slot::Here(partition),
                    Err(e) if scarce::tell_storage(&e) => Slot::Waits,
                    Err(e) if e.is_full() => {
                        let before = tables.by_id.get(&topic.id);
                        if !matches!(known(before, *i), Slot::Waits) {
                            tracing::error!(topic = %topic.name, partition = i, "the partition is off line until there is room on its disk: {e}");
                        }
                        Slot::Waits
                    }
                    Err(e) => {
                        tracing::error!(topic = %topic.name, partition = i, "the partition is offline: {e}");
                        Slot::Offline
                    }
                };
                opened.lock().insert((topic.id, *i), slot);
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
        let key = (topic.name.clone(), index);
        let wish = self.wishes.lock().get(&key).cloned();
        let opened = self.disks.open(&Wanted {
            topic: &topic.name,
            topic_id: topic.id,
            index,
            directory,
            wish: wish.as_deref(),
            old: !self.complete.load(Ordering::Acquire),
            replicated: image.replicas.len() > 1,
            config,
        });
        if !opened.as_ref().is_err_and(|e| e.is_short() || e.is_full()) {
            self.wishes.lock().remove(&key);
        }
        let opened = opened?;
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

    /// Makes it so. Gives whether some of it waits to be opened.
    fn take(&self, image: &Image, delta: &Delta) -> bool {
        let mut tables = (**self.tables.load()).clone();
        let offset = image.position.offset.0;
        self.offset.store(offset, Ordering::Release);
        // Deletions first: a topic may be deleted and made anew under the same name within one delta.
        for topic in delta.deleted.values() {
            self.drop_topic(&mut tables, topic);
        }
        // Configs before ISRs: the controller has decided on an ISR with the newest `min.insync.replicas`, and under an older one
        // what is in too few replicas would count as committed. What is opened below is opened with its config.
        // Topics whose own configs changed, or all of them if the broker's did.
        let all = all_configs(delta);
        for (name, (_, partitions)) in &tables.by_name {
            if all || delta.configs.contains(&(ResourceType::Topic, name.clone())) {
                let config = Arc::new(self.topic_config(image, name));
                for partition in partitions.iter().filter_map(Slot::partition) {
                    partition.set_config(config.clone());
                }
            }
        }
        let topics: Vec<_> = delta
            .topics
            .keys()
            .filter_map(|id| image.topic_by_id(*id))
            .map(|topic| (topic, Arc::new(self.topic_config(image, &topic.name))))
            .collect();
        self.take_topics(&mut tables, image, topics, |id| {
            delta.topics[&id].partitions.clone()
        });
        if !delta.brokers.is_empty() {
            self.take_brokers(&tables, image, &delta.brokers);
        }
        if all {
            self.take_limits(image);
        }
        let waits = waits(&tables);
        self.tables.store(Arc::new(tables));
        waits
    }

    /// Opens what could not be opened for want of file descriptors.
    pub fn open_waiting(&self) {
        let mut shown = self.shown.lock();
        let Some(image) = shown.image.clone().filter(|_| shown.waits) else {
            return;
        };
        let mut tables = (**self.tables.load()).clone();
        let waiting: Vec<_> = tables
            .by_id
            .iter()
            .filter(|(_, slots)| slots.iter().any(|slot| matches!(slot, Slot::Waits)))
            .filter_map(|(id, _)| image.topic_by_id(*id))
            .map(|topic| (topic, Arc::new(self.topic_config(&image, &topic.name))))
            .collect();
        self.take_topics(&mut tables, &image, waiting, |_| BTreeSet::new());
        shown.waits = waits(&tables);
        self.tables.store(Arc::new(tables));
        self.note_looked_at(&mut shown);
    }

    /// Updates what this node holds of these topics; `changed` are the partitions of one whose metadata are new.
    fn take_topics(
        &self,
        tables: &mut Tables,
        image: &Image,
        topics: Vec<(&Arc<TopicImage>, Arc<TopicConfig>)>,
        changed: impl Fn(Uuid) -> BTreeSet<i32>,
    ) {
        let mut opened = self.open_new(tables, &topics);
        for (topic, _) in topics {
            let changed = changed(topic.id);
            self.take_topic(tables, image, topic, &changed, &mut opened);
        }
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
        for partition in partitions.iter().filter_map(Slot::partition) {
            self.drop_partition(partition);
        }
        let mut wishes = self.wishes.lock();
        wishes.retain(|(name, _), _| *name != topic.name);
    }

    /// Takes a replica away: of a deleted topic, or reassigned to another node.
    fn drop_partition(&self, partition: &Partition) {
        partition.mark_deleted();
        self.cancel_move(partition);
        let delay = partition.config().file_delete_delay_ms;
        match self
            .disks
            .delete(&partition.log(), &partition.topic, partition.index, delay)
        {
            Ok(deleted) => self.deleted.lock().push(deleted),
            Err(e) => {
                tracing::error!(topic = %partition.topic, partition = %partition.index, "the files of a deleted partition stay: {e}");
            }
        }
    }
}

fn waits(tables: &Tables) -> bool {
    let mut slots = tables.by_id.values().flat_map(|topic| topic.iter());
    slots.any(|slot| matches!(slot, Slot::Waits))
}

/// A broker's configs have changed: they may be defaults of topics.
fn all_configs(delta: &Delta) -> bool {
    delta
        .configs
        .iter()
        .any(|(ty, _)| *ty == ResourceType::Broker)
}

fn known(topic: Option<&Topic>, index: usize) -> Slot {
    let slot = topic.and_then(|t| t.get(index));
    slot.cloned().unwrap_or(Slot::Elsewhere)
}

fn at(topic: &Topic, index: PartitionId) -> Result<Arc<Partition>, ErrorCode> {
    let slot = usize::try_from(index.0).ok().and_then(|i| topic.get(i));
    match slot {
        None => Err(ErrorCode::UnknownTopicOrPartition),
        Some(Slot::Elsewhere) => Err(ErrorCode::NotLeaderOrFollower),
        Some(Slot::Offline | Slot::Waits) => Err(ErrorCode::KafkaStorageError),
        Some(Slot::Here(partition)) if partition.is_offline() => Err(ErrorCode::KafkaStorageError),
        Some(Slot::Here(partition)) => Ok(partition.clone()),
    }
}

impl Publisher for PartitionTable {
    fn publish(&self, image: &Arc<Image>, delta: &Delta) {
        let mut shown = self.shown.lock();
        shown.image = Some(image.clone());
        if *self.begun.borrow() {
            let waited = shown.waits;
            shown.waits = self.take(image, delta);
            if waited && !shown.waits {
                // What had waited may be this node's no more, and its files are there, and nobody has looked at them.
                shown.run = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
