//! Applying records to an image.
//!
//! Always holds: the result depends on the image and the records alone; a record that does not fit the image is an error and
//! leaves the image untouched. Must never: judge whether a record was a good idea; that was the controller's part.

use std::collections::BTreeMap;
use std::sync::Arc;

use airis_protocol::messages::*;
use airis_protocol::names;
use airis_protocol::types::{BrokerEpoch, LeaderEpoch, NodeId, Offset, Str, Uuid};

use super::delta::Delta;
use super::image::*;

/// A record that cannot follow the ones before it. The controller never decides one; a log that has one is damaged or foreign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("{record} for topic id {id}, which does not exist")]
    NoTopic { record: &'static str, id: Uuid },
    #[error("{record} for partition {partition} of topic id {id}, which does not exist")]
    NoPartition {
        record: &'static str,
        id: Uuid,
        partition: i32,
    },
    #[error("partition {partition} of topic id {id} follows a gap")]
    PartitionGap { id: Uuid, partition: i32 },
    #[error("topic {0} exists already under another id")]
    TopicExists(Str),
    #[error("{record} for broker {broker} in epoch {epoch}, which is not registered so")]
    NoBroker {
        record: &'static str,
        broker: NodeId,
        epoch: i64,
    },
    #[error("config of resource type {0}, which is unknown")]
    ResourceType(i8),
    #[error("{record} where {expected}")]
    Transaction {
        record: &'static str,
        expected: &'static str,
    },
    #[error("{record} has the value {value} in field {field}")]
    Value {
        record: &'static str,
        field: &'static str,
        value: i64,
    },
}

/// `PartitionChangeRecord.leader`: the leader stays (`LeaderConstants.NO_LEADER_CHANGE`).
const NO_LEADER_CHANGE: i32 = -2;
/// The topic of the first record format that elects, see [`PartitionImage::recovering`].
const RECOVERING: i8 = 1;

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

impl PartitionImage {
    /// Takes in a change: what it does not name stays.
    pub(super) fn merge(&mut self, r: &PartitionChangeRecord) {
        let set = |to: &mut Vec<NodeId>, from: &Option<Vec<i32>>| {
            if let Some(ids) = from {
                *to = nodes(ids);
            }
        };
        set(&mut self.replicas, &r.replicas);
        set(&mut self.isr, &r.isr);
        set(&mut self.removing, &r.removing_replicas);
        set(&mut self.adding, &r.adding_replicas);
        set(&mut self.elr, &r.eligible_leader_replicas);
        set(&mut self.last_known_elr, &r.last_known_elr);
        if let Some(directories) = &r.directories {
            self.directories = directories.clone();
        }
        self.directories
            .resize(self.replicas.len(), Uuid::UNASSIGNED);
        if r.leader != NO_LEADER_CHANGE {
            self.leader = (r.leader >= 0).then_some(NodeId(r.leader));
            self.leader_epoch.0 += 1;
        }
        if r.leader_recovery_state >= 0 {
            self.recovering = r.leader_recovery_state == RECOVERING;
        }
        self.partition_epoch += 1;
    }
}

impl Image {
    /// Applies consecutive records, the first at `first`. All or, on an error, nothing.
    pub fn apply(
        &self,
        first: Offset,
        epoch: LeaderEpoch,
        records: &[MetadataRecord],
    ) -> Result<(Image, Delta), ReplayError> {
        let (mut image, mut delta) = (self.clone(), Delta::default());
        image.replay_all(&mut delta, first, epoch, records)?;
        Ok((image, delta))
    }

    /// As [`Image::apply`], in place and gathering into one delta. On an error the image must be thrown away.
    pub fn replay_all(
        &mut self,
        delta: &mut Delta,
        first: Offset,
        epoch: LeaderEpoch,
        records: &[MetadataRecord],
    ) -> Result<(), ReplayError> {
        for record in records {
            self.replay(delta, record)?;
        }
        if !records.is_empty() {
            self.position = Position {
                offset: Offset(first.0 + records.len() as i64 - 1),
                epoch,
            };
        }
        Ok(())
    }

    /// Moves past records that are not metadata (control records of the log).
    pub fn skip_to(&mut self, last: Offset, epoch: LeaderEpoch) {
        assert!(last >= self.position.offset, "the log only grows");
        self.position = Position {
            offset: last,
            epoch,
        };
    }

    fn replay(&mut self, delta: &mut Delta, record: &MetadataRecord) -> Result<(), ReplayError> {
        use MetadataRecord as R;
        match record {
            R::TopicRecord(r) => self.topic_record(delta, r),
            R::PartitionRecord(r) => self.partition_record(delta, r),
            R::PartitionChangeRecord(r) => self.partition_change(delta, r),
            R::RemoveTopicRecord(r) => self.remove_topic(delta, r.topic_id),
            R::ClearElrRecord(r) => self.clear_elr(delta, &r.topic_name),
            R::ConfigRecord(r) => self.config_record(delta, r),
            R::RegisterBrokerRecord(r) => {
                self.register_broker(delta, r);
                Ok(())
            }
            R::UnregisterBrokerRecord(r) => {
                self.change_broker(
                    delta,
                    "UnregisterBroker",
                    r.broker_id,
                    r.broker_epoch,
                    |_| {},
                )?;
                self.brokers.remove(&NodeId(r.broker_id));
                Ok(())
            }
            R::FenceBrokerRecord(r) => {
                self.change_broker(delta, "FenceBroker", r.id, r.epoch, |b| b.fenced = true)
            }
            R::UnfenceBrokerRecord(r) => {
                self.change_broker(delta, "UnfenceBroker", r.id, r.epoch, |b| b.fenced = false)
            }
            R::BrokerRegistrationChangeRecord(r) => self.registration_change(delta, r),
            R::FeatureLevelRecord(r) => {
                delta.features.insert(r.name.detach());
                if r.feature_level == 0 {
                    self.features.remove(r.name.as_str());
                } else {
                    self.features.insert(r.name.detach(), r.feature_level);
                }
                Ok(())
            }
            R::ProducerIdsRecord(r) => {
                delta.producer_ids = true;
                self.next_producer_id = r.next_producer_id;
                Ok(())
            }
            R::RegisterControllerRecord(r) => {
                delta.controllers = true;
                self.controllers
                    .insert(NodeId(r.controller_id), Arc::new(r.clone()));
                Ok(())
            }
            R::AccessControlEntryRecord(r) => {
                delta.acls = true;
                self.acls.insert(r.id, Arc::new(r.clone()));
                Ok(())
            }
            R::RemoveAccessControlEntryRecord(r) => {
                delta.acls = true;
                self.acls.remove(&r.id);
                Ok(())
            }
            R::UserScramCredentialRecord(r) => {
                delta.scram = true;
                self.scram
                    .insert((r.name.detach(), r.mechanism), Arc::new(r.clone()));
                Ok(())
            }
            R::RemoveUserScramCredentialRecord(r) => {
                delta.scram = true;
                self.scram.remove(&(r.name.clone(), r.mechanism));
                Ok(())
            }
            R::ClientQuotaRecord(r) => {
                delta.quotas = true;
                self.quota_record(r);
                Ok(())
            }
            R::DelegationTokenRecord(r) => {
                delta.tokens = true;
                self.tokens.insert(r.token_id.detach(), Arc::new(r.clone()));
                Ok(())
            }
            R::RemoveDelegationTokenRecord(r) => {
                delta.tokens = true;
                self.tokens.remove(r.token_id.as_str());
                Ok(())
            }
            R::BeginTransactionRecord(_) => {
                if self.in_transaction() {
                    return Err(ReplayError::Transaction {
                        record: "BeginTransaction",
                        expected: "a transaction is open already",
                    });
                }
                self.before_transaction = Some(Arc::new(self.clone()));
                Ok(())
            }
            R::EndTransactionRecord(_) => match self.before_transaction.take() {
                Some(_) => Ok(()),
                None => Err(ReplayError::Transaction {
                    record: "EndTransaction",
                    expected: "none is open",
                }),
            },
            R::AbortTransactionRecord(_) => match self.before_transaction.take() {
                Some(before) => {
                    delta.absorb(Delta::between(self, &before));
                    *self = Image::clone(&before);
                    Ok(())
                }
                None => Err(ReplayError::Transaction {
                    record: "AbortTransaction",
                    expected: "none is open",
                }),
            },
            // NoOp keeps followers' progress visible; ZooKeeper's migration is over in 4.x.
            R::NoOpRecord(_) | R::ZkMigrationStateRecord(_) => Ok(()),
        }
    }

    fn topic_record(&mut self, delta: &mut Delta, r: &TopicRecord) -> Result<(), ReplayError> {
        let name = r.name.detach();
        if self.names.contains_key(&name) || self.topics.contains_key(&r.topic_id) {
            return Err(ReplayError::TopicExists(name));
        }
        self.names.insert(name.clone(), r.topic_id);
        if names::has_collision_chars(&name) {
            self.collisions
                .entry(names::collision_key(&name))
                .or_default()
                .push(name.clone());
        }
        delta.topic(r.topic_id, &name).created = true;
        let topic = TopicImage {
            name,
            id: r.topic_id,
            partitions: imbl::Vector::new(),
        };
        self.topics.insert(r.topic_id, Arc::new(topic));
        Ok(())
    }

    fn topic_mut(
        &mut self,
        record: &'static str,
        id: Uuid,
    ) -> Result<&mut TopicImage, ReplayError> {
        match self.topics.get_mut(&id) {
            Some(topic) => Ok(Arc::make_mut(topic)),
            None => Err(ReplayError::NoTopic { record, id }),
        }
    }

    fn partition_record(
        &mut self,
        delta: &mut Delta,
        r: &PartitionRecord,
    ) -> Result<(), ReplayError> {
        let topic = self.topic_mut("Partition", r.topic_id)?;
        let mut directories = r.directories.clone();
        // Records older than directory assignment name none.
        directories.resize(r.replicas.len(), Uuid::MIGRATING);
        let partition = Arc::new(PartitionImage {
            replicas: nodes(&r.replicas),
            directories,
            isr: nodes(&r.isr),
            removing: nodes(&r.removing_replicas),
            adding: nodes(&r.adding_replicas),
            elr: nodes(r.eligible_leader_replicas.as_deref().unwrap_or_default()),
            last_known_elr: nodes(r.last_known_elr.as_deref().unwrap_or_default()),
            leader: (r.leader >= 0).then_some(NodeId(r.leader)),
            leader_epoch: LeaderEpoch(r.leader_epoch),
            partition_epoch: r.partition_epoch,
            recovering: r.leader_recovery_state == RECOVERING,
        });
        let gap = ReplayError::PartitionGap {
            id: r.topic_id,
            partition: r.partition_id,
        };
        let at = usize::try_from(r.partition_id).map_err(|_| gap.clone())?;
        match at.cmp(&topic.partitions.len()) {
            std::cmp::Ordering::Less => topic.partitions[at] = partition,
            std::cmp::Ordering::Equal => topic.partitions.push_back(partition),
            std::cmp::Ordering::Greater => return Err(gap),
        }
        let name = topic.name.clone();
        delta
            .topic(r.topic_id, &name)
            .partitions
            .insert(r.partition_id);
        Ok(())
    }

    fn partition_change(
        &mut self,
        delta: &mut Delta,
        r: &PartitionChangeRecord,
    ) -> Result<(), ReplayError> {
        let topic = self.topic_mut("PartitionChange", r.topic_id)?;
        let partition = usize::try_from(r.partition_id)
            .ok()
            .and_then(|at| topic.partitions.get_mut(at))
            .ok_or(ReplayError::NoPartition {
                record: "PartitionChange",
                id: r.topic_id,
                partition: r.partition_id,
            })?;
        Arc::make_mut(partition).merge(r);
        let name = topic.name.clone();
        delta
            .topic(r.topic_id, &name)
            .partitions
            .insert(r.partition_id);
        Ok(())
    }

    fn remove_topic(&mut self, delta: &mut Delta, id: Uuid) -> Result<(), ReplayError> {
        let topic = self.topics.remove(&id).ok_or(ReplayError::NoTopic {
            record: "RemoveTopic",
            id,
        })?;
        self.names.remove(topic.name.as_str());
        let key = names::collision_key(&topic.name);
        if let Some(same) = self.collisions.get_mut(&key) {
            same.retain(|name| *name != topic.name);
            if same.is_empty() {
                self.collisions.remove(&key);
            }
        }
        // The topic's configs go with it, without records of their own.
        let resource = (ResourceType::Topic, topic.name.clone());
        if self.configs.remove(&resource).is_some() {
            delta.configs.insert(resource);
        }
        delta.delete(id, topic);
        Ok(())
    }

    fn clear_elr(&mut self, delta: &mut Delta, name: &Str) -> Result<(), ReplayError> {
        let ids: Vec<Uuid> = if name.is_empty() {
            self.topics.keys().copied().collect()
        } else {
            // The record names a topic; an unknown one has nothing to clear.
            self.names.get(name.as_str()).copied().into_iter().collect()
        };
        for id in ids {
            let partitions = self.topics[&id].partitions.clone();
            for (at, p) in partitions.iter().enumerate() {
                if p.elr.is_empty() && p.last_known_elr.is_empty() {
                    continue;
                }
                let mut p = PartitionImage::clone(p);
                p.elr.clear();
                p.last_known_elr.clear();
                p.partition_epoch += 1;
                let topic = self.topic_mut("ClearElr", id)?;
                topic.partitions[at] = Arc::new(p);
                let name = topic.name.clone();
                delta.topic(id, &name).partitions.insert(at as i32);
            }
        }
        Ok(())
    }

    fn config_record(&mut self, delta: &mut Delta, r: &ConfigRecord) -> Result<(), ReplayError> {
        let ty = ResourceType::try_from(r.resource_type).map_err(ReplayError::ResourceType)?;
        let resource = (ty, r.resource_name.detach());
        let mut map = self
            .configs
            .get(&resource)
            .map_or_else(ConfigMap::new, |m| ConfigMap::clone(m));
        match &r.value {
            Some(value) => map.insert(r.name.detach(), value.detach()),
            None => map.remove(r.name.as_str()),
        };
        if map.is_empty() {
            self.configs.remove(&resource);
        } else {
            self.configs.insert(resource.clone(), Arc::new(map));
        }
        delta.configs.insert(resource);
        Ok(())
    }

    fn register_broker(&mut self, delta: &mut Delta, r: &RegisterBrokerRecord) {
        let id = NodeId(r.broker_id);
        let mut directories = r.log_dirs.clone();
        directories.sort();
        let broker = BrokerImage {
            id,
            epoch: BrokerEpoch(r.broker_epoch),
            incarnation: r.incarnation_id,
            endpoints: r
                .end_points
                .iter()
                .map(|e| Endpoint {
                    name: e.name.detach(),
                    host: e.host.detach(),
                    port: e.port,
                    security_protocol: e.security_protocol,
                })
                .collect(),
            features: r
                .features
                .iter()
                .map(|f| {
                    (
                        f.name.detach(),
                        (f.min_supported_version, f.max_supported_version),
                    )
                })
                .collect(),
            rack: r.rack.as_ref().map(Str::detach),
            fenced: r.fenced,
            in_controlled_shutdown: r.in_controlled_shutdown,
            directories,
            cordoned: r.cordoned_log_dirs.clone().unwrap_or_default(),
            migrating_zk: r.is_migrating_zk_broker,
        };
        self.brokers.insert(id, Arc::new(broker));
        delta.brokers.insert(id);
    }

    fn change_broker(
        &mut self,
        delta: &mut Delta,
        record: &'static str,
        broker: i32,
        epoch: i64,
        change: impl FnOnce(&mut BrokerImage),
    ) -> Result<(), ReplayError> {
        let id = NodeId(broker);
        match self.brokers.get_mut(&id) {
            Some(b) if b.epoch.0 == epoch => {
                change(Arc::make_mut(b));
                delta.brokers.insert(id);
                Ok(())
            }
            _ => Err(ReplayError::NoBroker {
                record,
                broker: id,
                epoch,
            }),
        }
    }

    fn registration_change(
        &mut self,
        delta: &mut Delta,
        r: &BrokerRegistrationChangeRecord,
    ) -> Result<(), ReplayError> {
        // -1 means unfenced, 1 fenced, 0 no change (BrokerRegistrationFencingChange).
        let record = "BrokerRegistrationChange";
        let bad = |field, value: i8| ReplayError::Value {
            record,
            field,
            value: value.into(),
        };
        let fenced = match r.fenced {
            0 => None,
            1 => Some(true),
            -1 => Some(false),
            other => return Err(bad("Fenced", other)),
        };
        let shutdown = match r.in_controlled_shutdown {
            0 => None,
            1 => Some(true),
            other => return Err(bad("InControlledShutdown", other)),
        };
        self.change_broker(delta, record, r.broker_id, r.broker_epoch, |b| {
            b.fenced = fenced.unwrap_or(b.fenced);
            b.in_controlled_shutdown = shutdown.unwrap_or(b.in_controlled_shutdown);
            if !r.log_dirs.is_empty() {
                b.directories = r.log_dirs.clone();
                b.directories.sort();
            }
            if let Some(cordoned) = &r.cordoned_log_dirs {
                b.cordoned = cordoned.clone();
            }
        })
    }

    fn quota_record(&mut self, r: &ClientQuotaRecord) {
        let mut entity: Vec<(Str, Option<Str>)> = r
            .entity
            .iter()
            .map(|e| {
                (
                    e.entity_type.detach(),
                    e.entity_name.as_ref().map(Str::detach),
                )
            })
            .collect();
        entity.sort();
        let mut quotas = self
            .quotas
            .get(&entity)
            .map_or_else(BTreeMap::new, |q| BTreeMap::clone(q));
        if r.remove {
            quotas.remove(r.key.as_str());
        } else {
            quotas.insert(r.key.detach(), r.value);
        }
        if quotas.is_empty() {
            self.quotas.remove(&entity);
        } else {
            self.quotas.insert(entity, Arc::new(quotas));
        }
    }
}
