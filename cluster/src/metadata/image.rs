//! The state of the cluster at one offset of the metadata log. Immutable and cheap to clone.
//!
//! Always holds: names and ids of topics point at each other; the partitions of a topic are 0 to n-1; every string owns its
//! bytes (no frame is kept alive). Must never: change once shared; a newer image is another value.

use std::collections::BTreeMap;
use std::sync::Arc;

use airis_protocol::messages::{
    AccessControlEntryRecord, DelegationTokenRecord, RegisterControllerRecord,
    UserScramCredentialRecord,
};
use airis_protocol::names;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionId, Str, Uuid};
use imbl::{OrdMap, Vector};

use crate::config::{Layers, Values};

/// The last record that an image contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// -1 before the first record.
    pub offset: Offset,
    pub epoch: LeaderEpoch,
}

impl Position {
    pub const NONE: Position = Position {
        offset: Offset(-1),
        epoch: LeaderEpoch(0),
    };

    /// The offset of the record that comes next.
    pub fn next(self) -> Offset {
        Offset(self.offset.0 + 1)
    }
}

/// The kinds of resources that have configs (`org.apache.kafka.common.config.ConfigResource.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum ResourceType {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

impl TryFrom<i8> for ResourceType {
    type Error = i8;

    fn try_from(id: i8) -> Result<Self, i8> {
        Ok(match id {
            2 => ResourceType::Topic,
            4 => ResourceType::Broker,
            8 => ResourceType::BrokerLogger,
            16 => ResourceType::ClientMetrics,
            32 => ResourceType::Group,
            other => return Err(other),
        })
    }
}

impl ResourceType {
    /// Kafka's name of it, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            ResourceType::Topic => "TOPIC",
            ResourceType::Broker => "BROKER",
            ResourceType::BrokerLogger => "BROKER_LOGGER",
            ResourceType::ClientMetrics => "CLIENT_METRICS",
            ResourceType::Group => "GROUP",
        }
    }
}

/// Whom a quota is for: entity types with names, a null name for the default; sorted.
pub type QuotaEntity = Vec<(Str, Option<Str>)>;

/// The configs set on one resource, by name.
pub type ConfigMap = BTreeMap<Str, Str>;

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// In the order of preference; the first is the preferred leader.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<Uuid>,
    pub isr: Vec<NodeId>,
    pub removing: Vec<NodeId>,
    pub adding: Vec<NodeId>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<NodeId>,
    pub last_known_elr: Vec<NodeId>,
    pub leader: Option<NodeId>,
    /// Counts leaders.
    pub leader_epoch: LeaderEpoch,
    /// Counts changes of any kind.
    pub partition_epoch: i32,
    /// The leader was elected uncleanly and has not recovered yet.
    pub recovering: bool,
}

impl PartitionImage {
    /// True if the broker holds a replica.
    pub fn has_replica(&self, broker: NodeId) -> bool {
        self.replicas.contains(&broker)
    }

    /// The log directory of a broker's replica.
    pub fn directory_of(&self, broker: NodeId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|r| *r == broker)?;
        self.directories.get(at).copied()
    }
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    pub name: Str,
    pub id: Uuid,
    /// Partition 0 first.
    pub partitions: Vector<Arc<PartitionImage>>,
}

impl TopicImage {
    pub fn partition(&self, partition: PartitionId) -> Option<&Arc<PartitionImage>> {
        self.partitions.get(usize::try_from(partition.0).ok()?)
    }
}

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: Str,
    pub host: Str,
    pub port: u16,
    /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

/// One registered broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    pub id: NodeId,
    /// The offset of the registration's record.
    pub epoch: BrokerEpoch,
    /// One a process.
    pub incarnation: Uuid,
    pub endpoints: Vec<Endpoint>,
    /// Feature, lowest and highest supported level.
    pub features: BTreeMap<Str, (i16, i16)>,
    pub rack: Option<Str>,
    /// No replica of it may lead.
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories that are online, sorted.
    pub directories: Vec<Uuid>,
    /// Directories that get no new replicas (KIP-1066).
    pub cordoned: Vec<Uuid>,
    /// Kept for the records; true only for brokers that moved over from ZooKeeper.
    pub migrating_zk: bool,
}

impl BrokerImage {
    /// True if its replicas may lead and be in sync.
    pub fn active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name.as_str() == listener)
    }

    /// The directory of a new replica: the only one, or none chosen yet (Kafka's `defaultDir`).
    pub fn default_directory(&self) -> Uuid {
        let open: Vec<Uuid> = self
            .directories
            .iter()
            .copied()
            .filter(|d| !self.cordoned.contains(d))
            .collect();
        match open[..] {
            [only] => only,
            _ => Uuid::UNASSIGNED,
        }
    }

    /// True if at least one directory takes new replicas.
    pub fn takes_replicas(&self) -> bool {
        self.directories.is_empty() || self.directories.iter().any(|d| !self.cordoned.contains(d))
    }
}

/// Everything the metadata log says up to [`Image::position`].
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub position: Position,
    pub(super) topics: OrdMap<Uuid, Arc<TopicImage>>,
    pub(super) names: OrdMap<Str, Uuid>,
    /// Names that collide in metrics once '.' is read as '_': the key to the topics that have it.
    pub(super) collisions: OrdMap<String, Vec<Str>>,
    pub(super) brokers: OrdMap<NodeId, Arc<BrokerImage>>,
    pub(super) configs: OrdMap<(ResourceType, Str), Arc<ConfigMap>>,
    pub(super) features: OrdMap<Str, i16>,
    /// -1 until the first block is given out.
    pub(super) next_producer_id: i64,
    pub controllers: OrdMap<NodeId, Arc<RegisterControllerRecord>>,
    pub acls: OrdMap<Uuid, Arc<AccessControlEntryRecord>>,
    pub scram: OrdMap<(Str, i8), Arc<UserScramCredentialRecord>>,
    /// Quota key to value, by entity.
    pub quotas: OrdMap<QuotaEntity, Arc<BTreeMap<Str, f64>>>,
    pub tokens: OrdMap<Str, Arc<DelegationTokenRecord>>,
    /// The image as it was before a metadata transaction that is still open (KIP-868): what readers may see.
    pub(super) before_transaction: Option<Arc<Image>>,
}

impl Default for Image {
    fn default() -> Self {
        Image {
            position: Position::NONE,
            topics: OrdMap::new(),
            names: OrdMap::new(),
            collisions: OrdMap::new(),
            brokers: OrdMap::new(),
            configs: OrdMap::new(),
            features: OrdMap::new(),
            next_producer_id: -1,
            controllers: OrdMap::new(),
            acls: OrdMap::new(),
            scram: OrdMap::new(),
            quotas: OrdMap::new(),
            tokens: OrdMap::new(),
            before_transaction: None,
        }
    }
}

impl Image {
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.names.get(name)?)
    }

    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topics.get(&id)
    }

    pub fn partition(&self, topic: &str, partition: PartitionId) -> Option<&Arc<PartitionImage>> {
        self.topic(topic)?.partition(partition)
    }

    /// All topics, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.names.values().map(|id| &self.topics[id])
    }

    /// Topics from a name on (inclusive), by name.
    pub fn topics_from<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<TopicImage>> {
        self.names
            .range::<_, str>((
                std::ops::Bound::Included(name),
                std::ops::Bound::<&str>::Unbounded,
            ))
            .map(|(_, id)| &self.topics[id])
    }

    pub fn topic_count(&self) -> usize {
        self.names.len()
    }

    pub fn partition_count(&self) -> usize {
        self.topics.values().map(|t| t.partitions.len()).sum()
    }

    pub fn broker(&self, id: NodeId) -> Option<&Arc<BrokerImage>> {
        self.brokers.get(&id)
    }

    /// All registered brokers, by id, fenced ones included.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<BrokerImage>> {
        self.brokers.values()
    }

    /// True if the broker is registered, not fenced and not on its way out.
    pub fn is_active(&self, id: NodeId) -> bool {
        self.broker(id).is_some_and(|b| b.active())
    }

    /// True if the broker's log directory with the replica is online, as far as its registration says.
    pub fn directory_online(&self, partition: &PartitionImage, broker: NodeId) -> bool {
        let (Some(registered), Some(directory)) =
            (self.broker(broker), partition.directory_of(broker))
        else {
            return false;
        };
        match directory {
            Uuid::LOST => false,
            Uuid::UNASSIGNED | Uuid::MIGRATING => true,
            id => registered.directories.is_empty() || registered.directories.contains(&id),
        }
    }

    /// What is set on one resource itself. The name of a broker is its id in decimal, or "" for the default of all brokers.
    pub fn configs(&self, ty: ResourceType, name: &str) -> Option<&Arc<ConfigMap>> {
        // The key is a pair, so a borrowed lookup needs a `Str`; names are short.
        self.configs.get(&(ty, Str::from(name)))
    }

    /// What is set where for one broker: its dynamic configs, those of all brokers, and its properties file.
    pub fn layers<'a>(&'a self, broker: NodeId, fixed: &'a dyn Values) -> Layers<'a> {
        let set = |name: &str| -> &'a dyn Values {
            match self.configs(ResourceType::Broker, name) {
                Some(map) => &**map,
                None => &(),
            }
        };
        Layers {
            dynamic_broker: set(&broker.to_string()),
            dynamic_default: set(""),
            fixed,
        }
    }

    /// Every resource that has configs.
    pub fn all_configs(&self) -> impl Iterator<Item = (ResourceType, &Str, &Arc<ConfigMap>)> {
        self.configs
            .iter()
            .map(|((ty, name), map)| (*ty, name, map))
    }

    /// The finalized level of a feature; 0 if it is not finalized.
    pub fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// As [`Image::feature`], of the state before a transaction that is still open.
    pub(super) fn visible_feature(&self, name: &str) -> i16 {
        match &self.before_transaction {
            Some(before) => before.feature(name),
            None => self.feature(name),
        }
    }

    /// All finalized features, by name.
    pub fn features(&self) -> impl Iterator<Item = (&Str, i16)> {
        self.features.iter().map(|(name, level)| (name, *level))
    }

    /// The first producer id that has not been given out.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id.max(0)
    }

    /// The topics whose names collide with this one in metrics, and that exist.
    pub(super) fn colliding(&self, name: &str) -> &[Str] {
        self.collisions
            .get(&names::collision_key(name))
            .map_or(&[], Vec::as_slice)
    }

    /// True between the first record of a metadata transaction and its last.
    pub fn in_transaction(&self) -> bool {
        self.before_transaction.is_some()
    }

    /// What may be published: the state before a transaction that is still open.
    pub fn visible(self: &Arc<Image>) -> Arc<Image> {
        match &self.before_transaction {
            Some(before) => before.clone(),
            None => self.clone(),
        }
    }
}
