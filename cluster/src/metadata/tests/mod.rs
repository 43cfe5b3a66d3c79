//! The controller's decisions by table, and what holds for all of them by chance.

use super::*;
use crate::machine::Chance;
use airis_protocol::error::ErrorCode as E;
use airis_protocol::messages::broker_registration_request::{Feature, Listener};
use airis_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use airis_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use airis_protocol::messages::delete_topics_request::DeleteTopicState;
use airis_protocol::messages::{alter_configs_request, incremental_alter_configs_request, *};
use airis_protocol::types::{
    BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset, PartitionId, Str, Uuid,
};

mod alter_partition;
mod brokers;
mod by_chance;
mod configs;
mod elections;
mod features_and_controllers;
mod histories;
mod reassign;
mod topics;

const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

/// A controller without a log: decides, and replays at once.
struct Controller {
    image: Image,
    chance: Chance,
    settings: Settings,
    /// Every record so far, with its offset.
    log: Vec<MetadataRecord>,
}

impl Controller {
    fn new(seed: u64) -> Controller {
        Controller {
            image: Image::default(),
            chance: Chance::new(seed),
            settings: Settings {
                cluster_id: CLUSTER.into(),
                default_partitions: 3,
                ..Default::default()
            },
            log: Vec::new(),
        }
    }

    /// Bootstrapped, with so many brokers that lead.
    fn with_brokers(brokers: i32) -> Controller {
        let mut c = Controller::new(1);
        c.run(Command::Activate { bootstrap: vec![] }).unwrap();
        for id in 1..=brokers {
            c.run(Command::Join(registration(id, 100 + id as u128)))
                .unwrap();
        }
        c
    }

    fn run(&mut self, command: Command) -> Result<Reply, E> {
        let mut env = Env {
            now: Millis(0),
            chance: &mut self.chance,
            settings: &self.settings,
        };
        let before = self.image.clone();
        let decision = decide(&self.image, &mut env, command)?;
        assert_eq!(self.image, before, "deciding changes nothing");
        let version = self.image.feature(features::METADATA_VERSION);
        for record in &decision.records {
            let framed = record
                .write_framed(record_version(record, version))
                .expect("the version has all fields that are set");
            assert_eq!(&MetadataRecord::read_framed(framed).unwrap(), record);
        }
        let (image, delta) = self
            .image
            .apply(before.position.next(), LeaderEpoch(1), &decision.records)
            .expect("what is decided can be replayed");
        assert_names_all_changes(&before, &image, &delta);
        self.image = image;
        self.log.extend(decision.records);
        Ok(decision.reply)
    }

    fn create(&mut self, topics: Vec<CreatableTopic>) -> Vec<(String, E, Option<String>)> {
        let request = CreateTopicsRequest {
            topics,
            ..Default::default()
        };
        let Ok(Reply::CreateTopics(response)) = self.run(Command::CreateTopics {
            request,
            describable: None,
        }) else {
            panic!("CreateTopics answers for each topic");
        };
        let answers = response.topics.into_iter();
        answers
            .map(|t| {
                (
                    t.name.to_string(),
                    E::try_from(t.error_code).unwrap(),
                    t.error_message.map(String::from),
                )
            })
            .collect()
    }

    fn create_one(&mut self, topic: CreatableTopic) -> (E, Option<String>) {
        let (_, code, message) = self.create(vec![topic]).remove(0);
        (code, message)
    }

    fn incremental(&mut self, ty: i8, name: &str, ops: &[(&str, i8, Option<&str>)]) -> (E, String) {
        let request = IncrementalAlterConfigsRequest {
            resources: vec![incremental_alter_configs_request::AlterConfigsResource {
                resource_type: ty,
                resource_name: name.into(),
                configs: ops
                    .iter()
                    .map(
                        |(name, op, value)| incremental_alter_configs_request::AlterableConfig {
                            name: (*name).into(),
                            config_operation: *op,
                            value: value.map(Str::from),
                        },
                    )
                    .collect(),
            }],
            validate_only: false,
        };
        let Ok(Reply::IncrementalAlterConfigs(mut r)) =
            self.run(Command::IncrementalAlterConfigs(request))
        else {
            panic!("each resource is answered for");
        };
        let r = r.responses.remove(0);
        (
            E::try_from(r.error_code).unwrap(),
            r.error_message.map(String::from).unwrap_or_default(),
        )
    }

    fn partition(&self, topic: &str, at: i32) -> PartitionImage {
        PartitionImage::clone(self.image.partition(topic, PartitionId(at)).unwrap())
    }

    fn epoch(&self, broker: i32) -> i64 {
        self.image.broker(NodeId(broker)).unwrap().epoch.0
    }

    fn fence(&mut self, broker: i32) {
        let epoch = BrokerEpoch(self.epoch(broker));
        self.run(Command::Fence(NodeId(broker), epoch)).unwrap();
    }

    /// A heartbeat of a broker that has applied all there is.
    fn unfence(&mut self, broker: i32) {
        self.beat(broker, |_| {}, false);
    }

    /// A heartbeat of a broker that has applied all there is, changed like this.
    fn beat(
        &mut self,
        broker: i32,
        change: impl FnOnce(&mut BrokerHeartbeatRequest),
        passed: bool,
    ) -> BrokerHeartbeatResponse {
        let mut request = BrokerHeartbeatRequest {
            broker_id: broker,
            broker_epoch: self.epoch(broker),
            current_metadata_offset: self.image.position.offset.0,
            want_fence: false,
            ..Default::default()
        };
        change(&mut request);
        match self.run(Command::Heartbeat { request, passed }) {
            Ok(Reply::Heartbeat(response)) => response,
            other => panic!("a heartbeat was answered by {other:?}"),
        }
    }

    /// The leader's wish for this ISR, granted.
    fn isr(&mut self, topic: &str, isr: &[i32]) {
        let request = alter_partition::wish(self, topic, isr);
        let (code, ..) = alter_partition::ask(self, request);
        assert!(matches!(code, E::None | E::NewLeaderElected), "{code:?}");
    }

    fn config(&self, ty: ResourceType, resource: &str, name: &str) -> Option<String> {
        let map = self.image.configs(ty, resource)?;
        map.get(name).map(|v| v.to_string())
    }
}

fn assert_names_all_changes(before: &Image, after: &Image, delta: &Delta) {
    let real = Delta::between(before, after);
    for (id, topic) in &real.topics {
        let named = delta.topics.get(id).expect("a changed topic is named");
        assert_eq!(named.created, topic.created);
        assert!(named.partitions.is_superset(&topic.partitions));
    }
    assert_eq!(
        delta.deleted.keys().collect::<Vec<_>>(),
        real.deleted.keys().collect::<Vec<_>>()
    );
    assert!(delta.brokers.is_superset(&real.brokers));
    assert!(delta.configs.is_superset(&real.configs));
    assert!(delta.features.is_superset(&real.features));
    assert!(delta.producer_ids || !real.producer_ids);
}

fn registration(id: i32, incarnation: u128) -> BrokerRegistrationRequest {
    BrokerRegistrationRequest {
        broker_id: id,
        cluster_id: CLUSTER.into(),
        incarnation_id: Uuid(incarnation),
        listeners: vec![Listener {
            name: "PLAINTEXT".into(),
            host: "localhost".into(),
            port: 9092,
            security_protocol: 0,
        }],
        features: features::SUPPORTED
            .iter()
            .map(|(name, min, max)| Feature {
                name: (*name).into(),
                min_supported_version: *min,
                max_supported_version: *max,
            })
            .collect(),
        log_dirs: vec![Uuid(1000 + id as u128)],
        ..Default::default()
    }
}

fn ids(raw: &[i32]) -> Vec<NodeId> {
    raw.iter().copied().map(NodeId).collect()
}

fn topic(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: factor,
        ..Default::default()
    }
}

fn manual(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    CreatableTopic {
        assignments: assignments
            .iter()
            .map(|(partition, brokers)| CreatableReplicaAssignment {
                partition_index: *partition,
                broker_ids: brokers.to_vec(),
            })
            .collect(),
        ..topic(name, -1, -1)
    }
}

fn with_config(mut topic: CreatableTopic, name: &str, value: Option<&str>) -> CreatableTopic {
    topic.configs.push(CreatableTopicConfig {
        name: name.into(),
        value: value.map(Str::from),
    });
    topic
}

#[test]
fn a_new_cluster_finalizes_what_kafka_does() {
    let c = Controller::with_brokers(1);
    let all: Vec<(String, i16)> = c
        .image
        .features()
        .map(|(n, l)| (n.to_string(), l))
        .collect();
    assert_eq!(
        all,
        [
            ("eligible.leader.replicas.version".into(), 1),
            ("group.version".into(), 1),
            ("metadata.version".into(), 30),
            ("share.version".into(), 1),
            ("streams.version".into(), 1),
            ("transaction.version".into(), 2),
        ]
    );
    assert_eq!(
        c.config(ResourceType::Broker, "", "min.insync.replicas"),
        Some("1".into())
    );
    assert!(!c.image.in_transaction());
}

#[test]
fn a_formatted_directory_decides_what_a_new_cluster_finalizes() {
    let mut c = Controller::new(1);
    let level = |name: &'static str, feature_level| {
        MetadataRecord::FeatureLevelRecord(FeatureLevelRecord {
            name: name.into(),
            feature_level,
        })
    };
    let bootstrap = vec![level("metadata.version", 20), level("group.version", 1)];
    c.run(Command::Activate { bootstrap }).unwrap();
    assert_eq!(c.image.feature("metadata.version"), 20);
    assert_eq!(c.image.features().count(), 2);
    assert_eq!(
        c.config(ResourceType::Broker, "", "min.insync.replicas"),
        None
    );
    // Records are then written as that version knows them, which `run` has read back.
    c.run(Command::Join(registration(1, 1))).unwrap();
    assert_eq!(c.create_one(topic("t", 1, 1)).0, E::None);
}

#[test]
fn no_producer_id_is_given_twice() {
    let mut c = Controller::with_brokers(1);
    let broker = NodeId(1);
    let epoch = c.image.broker(broker).unwrap().epoch;
    for block in 0..3 {
        assert_eq!(
            c.run(Command::AllocateProducerIds { broker, epoch }),
            Ok(Reply::ProducerIds {
                first: block * 1000,
                count: 1000
            })
        );
    }
    let stale = BrokerEpoch(epoch.0 + 1);
    assert_eq!(
        c.run(Command::AllocateProducerIds {
            broker,
            epoch: stale
        }),
        Err(E::StaleBrokerEpoch)
    );
}

#[test]
fn an_open_transaction_is_aborted_by_the_next_leader() {
    let mut c = Controller::with_brokers(1);
    let visible = c.image.clone();
    let records = [
        MetadataRecord::BeginTransactionRecord(BeginTransactionRecord { name: None }),
        MetadataRecord::TopicRecord(TopicRecord {
            name: "half".into(),
            topic_id: Uuid(12345),
        }),
    ];
    let next = c.image.position.next();
    (c.image, _) = c.image.apply(next, LeaderEpoch(1), &records).unwrap();
    assert_eq!(
        c.run(Command::UnregisterBroker(NodeId(1))),
        Err(E::NotController)
    );
    c.run(Command::Activate { bootstrap: vec![] }).unwrap();
    assert!(c.image.topic("half").is_none());
    assert_eq!(c.image.records(), visible.records());
}
