//! An image as records again, for snapshots; and the version in which each record is written.
//!
//! Always holds: replaying the written records onto an empty image gives the same state. Must never: write a version that the
//! finalized metadata version does not know.

use std::sync::Arc;

use airis_protocol::messages::client_quota_record::EntityData;
use airis_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use airis_protocol::messages::*;
use airis_protocol::types::{NodeId, Str, Uuid};

use super::features;
use super::image::*;

fn ids(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|n| n.0).collect()
}

/// Null when empty: tagged fields that a record need not carry.
fn ids_or_null(nodes: &[NodeId]) -> Option<Vec<i32>> {
    (!nodes.is_empty()).then(|| ids(nodes))
}

/// The version to write a record in, by the finalized metadata version (Kafka's `MetadataVersion.*RecordVersion`).
pub fn record_version(record: &MetadataRecord, metadata_version: i16) -> i16 {
    use MetadataRecord as R;
    match record {
        R::PartitionRecord(_) | R::PartitionChangeRecord(_) => match metadata_version {
            features::ELR_RECORDS_FROM.. => 2,
            features::DIRECTORIES_FROM.. => 1,
            _ => 0,
        },
        R::RegisterBrokerRecord(_) => match metadata_version {
            features::CORDONED_FROM.. => 4,
            features::DIRECTORIES_FROM.. => 3,
            // 3.4-IV0 (level 8) brought the controlled shutdown's and the migration's fields.
            8.. => 2,
            _ => 1,
        },
        R::BrokerRegistrationChangeRecord(r) => {
            // As Kafka does: no higher than what the fields need.
            if r.cordoned_log_dirs.is_some() {
                3
            } else if !r.log_dirs.is_empty() {
                2
            } else if r.in_controlled_shutdown != 0 {
                1
            } else {
                0
            }
        }
        _ => 0,
    }
}

impl PartitionImage {
    /// The whole partition as a record.
    pub fn record(&self, topic_id: Uuid, partition: i32, metadata_version: i16) -> PartitionRecord {
        PartitionRecord {
            partition_id: partition,
            topic_id,
            replicas: ids(&self.replicas),
            isr: ids(&self.isr),
            removing_replicas: ids(&self.removing),
            adding_replicas: ids(&self.adding),
            leader: self.leader.map_or(-1, |l| l.0),
            leader_recovery_state: i8::from(self.recovering),
            leader_epoch: self.leader_epoch.0,
            partition_epoch: self.partition_epoch,
            directories: if metadata_version >= features::DIRECTORIES_FROM {
                self.directories.clone()
            } else {
                Vec::new()
            },
            eligible_leader_replicas: ids_or_null(&self.elr),
            last_known_elr: ids_or_null(&self.last_known_elr),
        }
    }
}

impl BrokerImage {
    fn record(&self, metadata_version: i16) -> RegisterBrokerRecord {
        RegisterBrokerRecord {
            broker_id: self.id.0,
            is_migrating_zk_broker: self.migrating_zk,
            incarnation_id: self.incarnation,
            broker_epoch: self.epoch.0,
            end_points: self
                .endpoints
                .iter()
                .map(|e| BrokerEndpoint {
                    name: e.name.clone(),
                    host: e.host.clone(),
                    port: e.port,
                    security_protocol: e.security_protocol,
                })
                .collect(),
            features: self
                .features
                .iter()
                .map(|(name, (min, max))| BrokerFeature {
                    name: name.clone(),
                    min_supported_version: *min,
                    max_supported_version: *max,
                })
                .collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: if metadata_version >= features::DIRECTORIES_FROM {
                self.directories.clone()
            } else {
                Vec::new()
            },
            cordoned_log_dirs: (metadata_version >= features::CORDONED_FROM
                && !self.cordoned.is_empty())
            .then(|| self.cordoned.clone()),
        }
    }
}

impl Image {
    /// The records that make this image out of nothing, in Kafka's order: features, brokers and controllers, topics, configs,
    /// quotas, producer ids, ACLs, credentials, tokens.
    ///
    /// # Panics
    /// In the middle of a metadata transaction: half of one must not get into a snapshot.
    pub fn records(&self) -> Vec<MetadataRecord> {
        use MetadataRecord as R;
        assert!(
            !self.in_transaction(),
            "a snapshot holds whole transactions"
        );
        let version = self.feature(features::METADATA_VERSION);
        let mut out = Vec::new();
        let level = |name: &Str, level: i16| {
            R::FeatureLevelRecord(FeatureLevelRecord {
                name: name.clone(),
                feature_level: level,
            })
        };
        // The metadata version decides how the rest is read, so it comes first.
        if version != 0 {
            out.push(level(
                &Str::from_static(features::METADATA_VERSION),
                version,
            ));
        }
        out.extend(
            self.features
                .iter()
                .filter(|(name, _)| name.as_str() != features::METADATA_VERSION)
                .map(|(name, l)| level(name, *l)),
        );
        out.extend(
            self.brokers
                .values()
                .map(|b| R::RegisterBrokerRecord(b.record(version))),
        );
        out.extend(
            self.controllers
                .values()
                .map(|c| R::RegisterControllerRecord(RegisterControllerRecord::clone(c))),
        );
        for topic in self.topics.values() {
            out.push(R::TopicRecord(TopicRecord {
                name: topic.name.clone(),
                topic_id: topic.id,
            }));
            for (at, p) in topic.partitions.iter().enumerate() {
                out.push(R::PartitionRecord(p.record(topic.id, at as i32, version)));
            }
        }
        for ((ty, resource), map) in &self.configs {
            for (name, value) in map.iter() {
                out.push(R::ConfigRecord(ConfigRecord {
                    resource_type: *ty as i8,
                    resource_name: resource.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                }));
            }
        }
        for (entity, quotas) in &self.quotas {
            for (key, value) in quotas.iter() {
                out.push(R::ClientQuotaRecord(ClientQuotaRecord {
                    entity: entity
                        .iter()
                        .map(|(ty, name)| EntityData {
                            entity_type: ty.clone(),
                            entity_name: name.clone(),
                        })
                        .collect(),
                    key: key.clone(),
                    value: *value,
                    remove: false,
                }));
            }
        }
        if self.next_producer_id >= 0 {
            out.push(R::ProducerIdsRecord(ProducerIdsRecord {
                // A snapshot does not say whose block was the last (Kafka's ProducerIdsImage).
                broker_id: -1,
                broker_epoch: -1,
                next_producer_id: self.next_producer_id,
            }));
        }
        out.extend(
            self.acls
                .values()
                .map(|r| R::AccessControlEntryRecord(AccessControlEntryRecord::clone(r))),
        );
        out.extend(
            self.scram
                .values()
                .map(|r| R::UserScramCredentialRecord(UserScramCredentialRecord::clone(r))),
        );
        out.extend(
            self.tokens
                .values()
                .map(|r| R::DelegationTokenRecord(DelegationTokenRecord::clone(r))),
        );
        out
    }

    /// The image as an `Arc`, for [`Image::visible`].
    pub fn shared(self) -> Arc<Image> {
        Arc::new(self)
    }
}
