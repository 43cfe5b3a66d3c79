//! The controller's decisions by table, and what holds for all of them by chance.

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
use proptest::prelude::*;

use super::*;
use crate::machine::Chance;

mod alter_partition;
mod brokers;
mod elections;
mod features_and_controllers;
mod histories;
mod reassign;

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
fn topics_are_refused_for_kafkas_reasons() {
    let mut c = Controller::with_brokers(2);
    assert_eq!(c.create_one(topic("a.b", 2, 2)).0, E::None);
    let refused: &[(CreatableTopic, E, &str)] = &[
        (
            topic("a.b", 1, 1),
            E::TopicAlreadyExists,
            "Topic 'a.b' already exists.",
        ),
        (
            topic("a_b", 1, 1),
            E::InvalidTopicException,
            "Topic 'a_b' collides with existing topic: a.b",
        ),
        (topic("a/b", 1, 1), E::InvalidTopicException, "letters"),
        (topic("", 1, 1), E::InvalidTopicException, "empty"),
        (
            topic("__cluster_metadata", 1, 1),
            E::InvalidRequest,
            "Creation of internal topic __cluster_metadata is prohibited.",
        ),
        (topic("x", 0, 1), E::InvalidPartitions, "non-positive"),
        (topic("x", -2, 1), E::InvalidPartitions, "non-positive"),
        (
            topic("x", 1, 0),
            E::InvalidReplicationFactor,
            "larger than 0",
        ),
        (
            topic("x", 1, 3),
            E::InvalidReplicationFactor,
            "only 2 broker(s) are registered",
        ),
        (
            topic("x", 10_001, 1),
            E::PolicyViolation,
            "Excessively large",
        ),
        (
            manual("x", &[(0, &[])]),
            E::InvalidReplicaAssignment,
            "empty replica list",
        ),
        (
            manual("x", &[(0, &[9])]),
            E::InvalidReplicaAssignment,
            "no such broker",
        ),
        (
            manual("x", &[(0, &[1, 1])]),
            E::InvalidReplicaAssignment,
            "more than once",
        ),
        (
            manual("x", &[(0, &[1]), (0, &[2])]),
            E::InvalidReplicaAssignment,
            "multiple manual",
        ),
        (
            manual("x", &[(1, &[1])]),
            E::InvalidReplicaAssignment,
            "consecutive",
        ),
        (
            manual("x", &[(0, &[1]), (1, &[1, 2])]),
            E::InvalidReplicaAssignment,
            "not consistent",
        ),
        (
            CreatableTopic {
                num_partitions: 1,
                ..manual("x", &[(0, &[1])])
            },
            E::InvalidRequest,
            "numPartitions",
        ),
        (
            CreatableTopic {
                replication_factor: 1,
                ..manual("x", &[(0, &[1])])
            },
            E::InvalidRequest,
            "replication factor",
        ),
        (
            with_config(topic("x", 1, 1), "retention.ms", None),
            E::InvalidConfig,
            "Null value not supported for topic configs: retention.ms",
        ),
        (
            with_config(topic("x", 1, 1), "retention.ms", Some("soon")),
            E::InvalidConfig,
            "retention.ms",
        ),
        (
            with_config(topic("x", 1, 1), "no.such.config", Some("1")),
            E::InvalidConfig,
            "no.such.config",
        ),
    ];
    let before = c.image.clone();
    for (request, code, part) in refused {
        let (got, message) = c.create_one(request.clone());
        let message = message.unwrap_or_default();
        assert_eq!(got, *code, "{request:?}: {message}");
        assert!(message.contains(part), "{message:?} lacks {part:?}");
        assert_eq!(c.image, before, "a refusal changes nothing");
    }
    let twice = c.create(vec![topic("t", 1, 1), topic("t", 1, 1), topic("u", 1, 1)]);
    assert_eq!(
        twice,
        [
            ("u".into(), E::None, None),
            (
                "t".into(),
                E::InvalidRequest,
                Some("Duplicate topic name.".into())
            ),
        ]
    );
}

#[test]
fn a_topic_comes_whole_with_defaults_configs_and_directories() {
    let mut c = Controller::with_brokers(1);
    let request = CreateTopicsRequest {
        topics: vec![with_config(
            topic("t", -1, -1),
            "cleanup.policy",
            Some("compact,delete"),
        )],
        validate_only: true,
        ..Default::default()
    };
    let command = |validate_only| Command::CreateTopics {
        request: CreateTopicsRequest {
            validate_only,
            ..request.clone()
        },
        describable: None,
    };
    let before = c.image.clone();
    c.run(command(true)).unwrap();
    assert_eq!(c.image, before, "only validated");
    let Ok(Reply::CreateTopics(response)) = c.run(command(false)) else {
        panic!()
    };
    let answer = &response.topics[0];
    assert_eq!((answer.num_partitions, answer.replication_factor), (3, 1));
    let configs = answer.configs.as_ref().unwrap();
    let policy = configs.iter().find(|c| c.name == "cleanup.policy").unwrap();
    assert_eq!(policy.value.as_deref(), Some("compact,delete"));
    assert!(configs.len() > 20, "all configs are told");
    let image = c.image.topic("t").unwrap();
    assert_eq!(image.id, answer.topic_id);
    for p in &image.partitions {
        assert_eq!(p.leader, Some(NodeId(1)));
        assert_eq!(p.isr, [NodeId(1)]);
        assert_eq!(p.directory_of(NodeId(1)), Some(Uuid(1001)));
        assert_eq!((p.leader_epoch, p.partition_epoch), (LeaderEpoch(0), 0));
    }
    assert_eq!(
        c.config(ResourceType::Topic, "t", "cleanup.policy"),
        Some("compact,delete".into())
    );
    // A name that may not be described is created without a word about its configs.
    let hidden = Command::CreateTopics {
        request: CreateTopicsRequest {
            topics: vec![topic("hidden", 1, 1)],
            ..Default::default()
        },
        describable: Some(vec![]),
    };
    let Ok(Reply::CreateTopics(response)) = c.run(hidden) else {
        panic!()
    };
    let answer = &response.topics[0];
    assert_eq!(answer.num_partitions, -1);
    assert_eq!(
        answer.topic_config_error_code,
        E::TopicAuthorizationFailed as i16
    );
}

#[test]
fn topics_are_deleted_by_name_and_id_with_their_configs() {
    let mut c = Controller::with_brokers(1);
    c.create(vec![
        with_config(topic("a.x", 1, 1), "retention.ms", Some("1000")),
        topic("b", 1, 1),
        topic("c", 1, 1),
    ]);
    let id = |c: &Controller, name: &str| c.image.topic(name).unwrap().id;
    let (a, b) = (id(&c, "a.x"), id(&c, "b"));
    let by_name = |name: &str| DeleteTopicState {
        name: Some(name.into()),
        topic_id: Uuid::ZERO,
    };
    let by_id = |id| DeleteTopicState {
        name: None,
        topic_id: id,
    };
    let request = DeleteTopicsRequest {
        topics: vec![
            by_name("a.x"),
            by_id(b),
            by_name("none"),
            by_id(Uuid(77)),
            by_id(Uuid::ZERO),
            DeleteTopicState {
                name: Some("c".into()),
                topic_id: id(&c, "c"),
            },
        ],
        ..Default::default()
    };
    let Ok(Reply::DeleteTopics(response)) = c.run(Command::DeleteTopics(request)) else {
        panic!()
    };
    let mut answers: Vec<(Option<String>, Uuid, i16)> = response
        .responses
        .into_iter()
        .map(|r| (r.name.map(String::from), r.topic_id, r.error_code))
        .collect();
    answers.sort();
    let mut expected = vec![
        (Some("a.x".into()), a, 0),
        (Some("b".into()), b, 0),
        (
            Some("none".into()),
            Uuid::ZERO,
            E::UnknownTopicOrPartition as i16,
        ),
        (None, Uuid(77), E::UnknownTopicId as i16),
        (None, Uuid::ZERO, E::InvalidRequest as i16),
        (Some("c".into()), id(&c, "c"), E::InvalidRequest as i16),
    ];
    expected.sort();
    assert_eq!(answers, expected);
    assert!(c.image.topic("a.x").is_none() && c.image.topic_by_id(b).is_none());
    assert!(c.image.topic("c").is_some());
    assert_eq!(c.config(ResourceType::Topic, "a.x", "retention.ms"), None);
    assert_eq!(
        c.create_one(topic("a_x", 1, 1)).0,
        E::None,
        "no collision with the dead"
    );
    c.settings.delete_topic_enable = false;
    let none = DeleteTopicsRequest::default();
    assert_eq!(
        c.run(Command::DeleteTopics(none)),
        Err(E::TopicDeletionDisabled)
    );
}

#[test]
fn partitions_are_added_and_never_taken() {
    let mut c = Controller::with_brokers(2);
    c.create(vec![topic("t", 2, 2)]);
    let mut ask = |name: &str, count: i32, assignments: Option<Vec<Vec<i32>>>| {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: name.into(),
                count,
                assignments: assignments.map(|a| {
                    a.into_iter()
                        .map(|broker_ids| CreatePartitionsAssignment { broker_ids })
                        .collect()
                }),
            }],
            ..Default::default()
        };
        let Ok(Reply::CreatePartitions(mut r)) = c.run(Command::CreatePartitions(request)) else {
            panic!()
        };
        let r = r.results.remove(0);
        (
            E::try_from(r.error_code).unwrap(),
            r.error_message.map(String::from),
            c.image.topic("t").unwrap().partitions.len(),
        )
    };
    assert_eq!(ask("u", 3, None), (E::UnknownTopicOrPartition, None, 2));
    assert_eq!(
        ask("t", 2, None),
        (
            E::InvalidPartitions,
            Some("Topic already has 2 partition(s).".into()),
            2
        )
    );
    assert_eq!(ask("t", 1, None).0, E::InvalidPartitions);
    assert_eq!(
        ask("t", 4, Some(vec![vec![1, 2]])).0,
        E::InvalidReplicaAssignment
    );
    assert_eq!(
        ask("t", 3, Some(vec![vec![1]])).0,
        E::InvalidReplicaAssignment
    );
    assert_eq!(ask("t", 100_000, None).0, E::PolicyViolation);
    assert_eq!(ask("t", 3, Some(vec![vec![2, 1]])), (E::None, None, 3));
    assert_eq!(ask("t", 5, None), (E::None, None, 5));
    let p = c.image.partition("t", PartitionId(2)).unwrap();
    assert_eq!((p.leader, p.replicas.len()), (Some(NodeId(2)), 2));
}

#[test]
fn configs_change_by_operation_and_are_checked_as_a_whole() {
    let mut c = Controller::with_brokers(1);
    c.create(vec![topic("t", 1, 1)]);
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let ok = (E::None, String::new());
    assert_eq!(
        c.incremental(2, "t", &[("retention.ms", SET, Some("60000"))]),
        ok
    );
    assert_eq!(
        c.incremental(2, "t", &[("cleanup.policy", APPEND, Some("compact"))]),
        ok
    );
    let policy = |c: &Controller| c.config(ResourceType::Topic, "t", "cleanup.policy");
    assert_eq!(
        policy(&c),
        Some("delete,compact".into()),
        "the default is appended to"
    );
    assert_eq!(
        c.incremental(2, "t", &[("cleanup.policy", SUBTRACT, Some("delete"))]),
        ok
    );
    assert_eq!(policy(&c), Some("compact".into()));
    assert_eq!(
        c.incremental(2, "t", &[("cleanup.policy", DELETE, None)]),
        ok
    );
    assert_eq!(policy(&c), None);
    for (ty, name, op, code) in [
        (
            2,
            "t",
            ("retention.ms", APPEND, Some("1")),
            E::InvalidConfig,
        ),
        (
            2,
            "t",
            ("retention.ms", SET, Some("soon")),
            E::InvalidConfig,
        ),
        (2, "t", ("retention.ms", SET, None), E::InvalidRequest),
        (2, "t", ("retention.ms", 9, Some("1")), E::InvalidRequest),
        (2, "t", ("nonsense", SET, Some("1")), E::InvalidConfig),
        (
            2,
            "none",
            ("retention.ms", SET, Some("1000")),
            E::UnknownTopicOrPartition,
        ),
        (
            2,
            "",
            ("retention.ms", SET, Some("1000")),
            E::InvalidRequest,
        ),
        (
            4,
            "x",
            ("log.retention.ms", SET, Some("1000")),
            E::InvalidRequest,
        ),
        (
            4,
            "9",
            ("log.retention.ms", SET, Some("1000")),
            E::InvalidRequest,
        ),
        (4, "1", ("log.dirs", SET, Some("/x")), E::InvalidRequest),
        (
            4,
            "1",
            ("log.cleaner.threads", APPEND, Some("2")),
            E::InvalidConfig,
        ),
        (
            4,
            "1",
            ("log.cleaner.threads", SET, Some("0")),
            E::InvalidRequest,
        ),
        (
            4,
            "1",
            ("min.insync.replicas", SET, Some("1")),
            E::InvalidConfig,
        ),
        (
            4,
            "",
            ("min.insync.replicas", DELETE, None),
            E::InvalidConfig,
        ),
        (
            32,
            "",
            ("consumer.session.timeout.ms", SET, Some("45000")),
            E::InvalidRequest,
        ),
        (
            32,
            "g",
            ("consumer.session.timeout.ms", SET, Some("1")),
            E::InvalidConfig,
        ),
        (32, "g", ("nonsense", SET, Some("1")), E::InvalidConfig),
        (77, "g", ("nonsense", SET, Some("1")), E::InvalidRequest),
    ] {
        let before = c.image.clone();
        let (got, message) = c.incremental(ty, name, &[op]);
        assert_eq!(got, code, "{ty} {name:?} {op:?}: {message}");
        assert_eq!(c.image, before);
    }
    assert_eq!(
        c.incremental(
            32,
            "g",
            &[("consumer.session.timeout.ms", SET, Some("50000"))]
        ),
        ok
    );
    assert_eq!(
        c.incremental(4, "", &[("log.retention.ms", SET, Some("7000"))]),
        ok
    );
    assert_eq!(
        c.incremental(4, "1", &[("log.retention.ms", SET, Some("8000"))]),
        ok
    );
    let layers = c.image.layers(NodeId(1), &());
    assert_eq!(
        crate::config::topic_value("retention.ms", &(), &layers),
        Some("8000".into())
    );
    // The older API replaces all that is set.
    let request = AlterConfigsRequest {
        resources: vec![alter_configs_request::AlterConfigsResource {
            resource_type: 2,
            resource_name: "t".into(),
            configs: vec![alter_configs_request::AlterableConfig {
                name: "max.message.bytes".into(),
                value: Some("2000".into()),
            }],
        }],
        validate_only: false,
    };
    c.run(Command::AlterConfigs(request)).unwrap();
    assert_eq!(c.config(ResourceType::Topic, "t", "retention.ms"), None);
    assert_eq!(
        c.config(ResourceType::Topic, "t", "max.message.bytes"),
        Some("2000".into())
    );
}

/// The properties file of the node that decides says nothing of another's.
#[test]
fn thread_counts_are_compared_with_those_of_the_broker_that_they_are_for() {
    let mut c = Controller::with_brokers(2);
    assert_eq!(c.settings.node, NodeId(1));
    c.settings.static_configs = [("num.io.threads".into(), "8".into())].into();
    let mut set = |broker: &str, count: &str| {
        c.incremental(4, broker, &[("num.io.threads", 0, Some(count))])
            .0
    };
    assert_eq!(set("1", "40"), E::InvalidRequest);
    assert_eq!(set("", "40"), E::InvalidRequest);
    assert_eq!(set("2", "0"), E::InvalidRequest);
    assert_eq!(set("2", "40"), E::None);
    assert_eq!(set("2", "100"), E::InvalidRequest, "40 is known now");
    assert_eq!(set("2", "80"), E::None);
}

#[test]
fn lists_are_edited_value_by_value() {
    let mut c = Controller::with_brokers(1);
    for (op, value, after) in [
        (0, "a,b,a,c,a", "a,b,a,c,a"),
        (3, "a,a,c,d", "b,a"),
        (2, "a,d,b,d", "b,a,d"),
    ] {
        let edited = c.incremental(16, "s", &[("metrics", op, Some(value))]);
        assert_eq!(edited, (E::None, String::new()));
        let now = c.config(ResourceType::ClientMetrics, "s", "metrics");
        assert_eq!(now.as_deref(), Some(after), "{op} {value}");
    }
}

/// The controller decides one request after the other: none may keep it busy for minutes.
#[test]
fn long_lists_do_not_take_long() {
    let began = std::time::Instant::now();
    let mut c = Controller::with_brokers(1);
    let many = || (0..100_000).map(|i| format!("n{i}"));
    c.run(Command::UpdateFeatures(UpdateFeaturesRequest {
        feature_updates: many()
            .map(|name| update_features_request::FeatureUpdateKey {
                feature: name.into(),
                max_version_level: 1,
                upgrade_type: 1,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }))
    .unwrap();
    c.run(Command::CreateTopics {
        request: CreateTopicsRequest {
            topics: many().map(|name| topic(&name, 0, 1)).collect(),
            ..Default::default()
        },
        describable: Some(many().map(Str::from).collect()),
    })
    .unwrap();
    // As many short values as there is room for.
    let values: Vec<String> = (0..6_000).map(|i| format!("{i:x}")).collect();
    let values = Str::from(values.join(","));
    for op in [2, 3] {
        let resource = |i: usize| incremental_alter_configs_request::AlterConfigsResource {
            resource_type: 16,
            resource_name: format!("s{i}").into(),
            configs: vec![incremental_alter_configs_request::AlterableConfig {
                name: "metrics".into(),
                config_operation: op,
                value: Some(values.clone()),
            }],
        };
        c.run(Command::IncrementalAlterConfigs(
            IncrementalAlterConfigsRequest {
                resources: (0..100).map(resource).collect(),
                validate_only: false,
            },
        ))
        .unwrap();
    }
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(20), "{took:?}");
}

/// A record's string is bounded in bytes, whatever they spell.
#[test]
fn a_value_that_was_appended_to_beyond_a_records_string_is_refused() {
    let mut c = Controller::with_brokers(1);
    let half = |of: &str| of.repeat(i16::MAX as usize / 2);
    let ok = (E::None, String::new());
    assert_eq!(
        c.incremental(16, "s", &[("metrics", 0, Some(&half("ä")))]),
        ok
    );
    let before = c.image.clone();
    let (code, message) = c.incremental(16, "s", &[("metrics", 2, Some(&half("ö")))]);
    assert_eq!(code, E::InvalidConfig, "{message}");
    assert_eq!(c.image, before);
    // What just fits is taken.
    assert_eq!(
        c.incremental(16, "t", &[("metrics", 0, Some(&half("a")))]),
        ok
    );
    assert_eq!(
        c.incremental(16, "t", &[("metrics", 2, Some(&half("b")))]),
        ok
    );
}

#[test]
fn brokers_register_by_kafkas_rules() {
    let mut c = Controller::with_brokers(2);
    let base = registration(3, 300);
    let cases: Vec<(BrokerRegistrationRequest, E)> = vec![
        (
            BrokerRegistrationRequest {
                cluster_id: "other".into(),
                ..base.clone()
            },
            E::InconsistentClusterId,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![Uuid(2)],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![Uuid(1001)],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                features: vec![],
                ..base.clone()
            },
            E::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                features: base
                    .features
                    .iter()
                    .filter(|f| f.name != "share.version")
                    .cloned()
                    .collect(),
                ..base.clone()
            },
            E::UnsupportedVersion,
        ),
    ];
    for (request, code) in cases {
        assert_eq!(c.run(Command::RegisterBroker(request)), Err(code));
    }
    c.run(Command::RegisterBroker(base.clone())).unwrap();
    let broker = c.image.broker(NodeId(3)).unwrap().clone();
    assert!(broker.fenced, "until its first heartbeat");
    assert_eq!(broker.epoch.0, c.image.position.offset.0);
    c.run(Command::RegisterBroker(base)).unwrap();
    let again = c.image.broker(NodeId(3)).unwrap();
    assert_eq!(
        again.epoch, broker.epoch,
        "the same incarnation keeps its epoch"
    );
    let heartbeat = |offset, epoch| Command::Heartbeat {
        request: BrokerHeartbeatRequest {
            broker_id: 3,
            broker_epoch: epoch,
            current_metadata_offset: offset,
            want_fence: false,
            ..Default::default()
        },
        passed: false,
    };
    let epoch = broker.epoch.0;
    assert_eq!(c.run(heartbeat(epoch, epoch + 1)), Err(E::StaleBrokerEpoch));
    c.run(heartbeat(epoch - 1, epoch)).unwrap();
    assert!(c.image.broker(NodeId(3)).unwrap().fenced, "it lags behind");
    c.run(heartbeat(epoch, epoch)).unwrap();
    assert!(c.image.is_active(NodeId(3)));
    assert_eq!(
        c.run(Command::UnregisterBroker(NodeId(9))),
        Err(E::BrokerIdNotRegistered)
    );
    c.run(Command::UnregisterBroker(NodeId(3))).unwrap();
    assert!(c.image.broker(NodeId(3)).is_none());
}

#[test]
fn a_single_broker_stops_and_crashes_and_leads_again_with_a_new_epoch() {
    let mut c = Controller::with_brokers(1);
    c.create(vec![topic("t", 2, 1)]);
    let epoch = |c: &Controller| c.image.broker(NodeId(1)).unwrap().epoch.0;
    let leads = |c: &Controller| {
        let p = c.image.partition("t", PartitionId(1)).unwrap();
        assert_eq!(p.leader, Some(NodeId(1)));
        assert_eq!(p.isr, [NodeId(1)]);
        assert!(p.elr.is_empty() && p.last_known_elr.is_empty() && !p.recovering);
        p.leader_epoch.0
    };
    let mut last = leads(&c);
    for (round, clean) in [(1, true), (2, false), (3, false), (4, true)] {
        if clean {
            assert!(
                !c.beat(1, |r| r.want_shut_down = true, false)
                    .should_shut_down
            );
            let p = c.image.partition("t", PartitionId(0)).unwrap();
            assert_eq!((p.leader, &p.elr[..]), (None, &[NodeId(1)][..]));
        }
        let request = BrokerRegistrationRequest {
            previous_broker_epoch: if clean { epoch(&c) } else { -1 },
            ..registration(1, 500 + round)
        };
        c.run(Command::Join(request)).unwrap();
        let now = leads(&c);
        assert!(now > last, "round {round}: a new leader epoch");
        last = now;
    }
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

/// A wish drawn at random, of those that a running node can be asked.
fn wish(seed: u64, image: &Image) -> Command {
    let mut r = Chance::new(seed);
    let name =
        |r: &mut Chance| -> Str { ["a", "b.c", "b_c", "d", "e-e", "bad/name"][r.below(6)].into() };
    match r.below(9) {
        0 | 1 => Command::CreateTopics {
            request: CreateTopicsRequest {
                topics: (0..1 + r.below(3))
                    .map(|_| {
                        let mut t =
                            topic(&name(&mut r), r.below(5) as i32 - 1, r.below(4) as i16 - 1);
                        if r.below(3) == 0 {
                            t = with_config(t, "retention.ms", Some("1234"));
                        }
                        t
                    })
                    .collect(),
                validate_only: r.below(5) == 0,
                ..Default::default()
            },
            describable: None,
        },
        2 => Command::DeleteTopics(DeleteTopicsRequest {
            topics: vec![DeleteTopicState {
                name: Some(name(&mut r)),
                topic_id: Uuid::ZERO,
            }],
            ..Default::default()
        }),
        3 => Command::CreatePartitions(CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: name(&mut r),
                count: r.below(8) as i32,
                assignments: None,
            }],
            ..Default::default()
        }),
        4 => Command::IncrementalAlterConfigs(IncrementalAlterConfigsRequest {
            resources: vec![incremental_alter_configs_request::AlterConfigsResource {
                resource_type: [2, 4, 32][r.below(3)],
                resource_name: [name(&mut r), "1".into(), "".into()][r.below(3)].clone(),
                configs: vec![incremental_alter_configs_request::AlterableConfig {
                    name: ["min.insync.replicas", "cleanup.policy", "log.retention.ms"][r.below(3)]
                        .into(),
                    config_operation: r.below(4) as i8,
                    value: Some(["1", "2", "compact", "delete"][r.below(4)].into()),
                }],
            }],
            validate_only: false,
        }),
        5 => {
            let id = 1 + r.below(3) as i32;
            let previous = image.broker(NodeId(id)).map_or(-1, |b| b.epoch.0);
            Command::RegisterBroker(BrokerRegistrationRequest {
                previous_broker_epoch: if r.below(2) == 0 { previous } else { -1 },
                ..registration(id, 1000 + r.below(1000) as u128)
            })
        }
        6 | 7 => {
            let id = 1 + r.below(3) as i32;
            Command::Heartbeat {
                request: BrokerHeartbeatRequest {
                    broker_id: id,
                    broker_epoch: image.broker(NodeId(id)).map_or(-1, |b| b.epoch.0),
                    current_metadata_offset: i64::MAX,
                    want_fence: r.below(3) == 0,
                    want_shut_down: r.below(6) == 0,
                    ..Default::default()
                },
                passed: r.below(2) == 0,
            }
        }
        _ => Command::AllocateProducerIds {
            broker: NodeId(1),
            epoch: image.broker(NodeId(1)).map_or(BrokerEpoch(-1), |b| b.epoch),
        },
    }
}

fn check(image: &Image) {
    for topic in image.topics() {
        assert_eq!(image.topic_by_id(topic.id), image.topic(&topic.name));
        for p in &topic.partitions {
            assert_eq!(p.replicas.len(), p.directories.len());
            if let Some(leader) = p.leader {
                assert!(p.isr.contains(&leader), "the leader is in sync: {p:?}");
                assert!(image.is_active(leader), "the leader is alive: {p:?}");
                assert!(p.last_known_elr.is_empty(), "{p:?}");
            }
            assert!(
                p.isr
                    .iter()
                    .all(|r| p.has_replica(*r) && !p.elr.contains(r)),
                "{p:?}"
            );
            assert!(
                !(p.isr.is_empty() && p.elr.is_empty() && p.last_known_elr.is_empty()),
                "somebody is known to have the records: {p:?}"
            );
        }
    }
    let mut producers = image.all_configs();
    assert!(producers.all(|(_, _, map)| !map.is_empty()));
}

proptest! {
    #[test]
    fn any_run_of_commands_replays_to_the_same_state(seed in any::<u64>(), steps in 1usize..60) {
        let mut c = Controller::new(seed);
        c.run(Command::Activate { bootstrap: vec![] }).unwrap();
        for id in 1..=2 {
            c.run(Command::Join(registration(id, 100 + id as u128))).unwrap();
        }
        let mut draw = Chance::new(seed ^ 0xabcd);
        for _ in 0..steps {
            let command = wish(draw.bits(), &c.image);
            // Most refusals are inside the reply; the others change nothing, which `run` has seen to.
            let _ = c.run(command);
            check(&c.image);
        }
        // From nothing, record by record.
        let mut again = Image::default();
        for record in &c.log {
            let next = again.position.next();
            (again, _) = again.apply(next, LeaderEpoch(1), std::slice::from_ref(record)).unwrap();
        }
        prop_assert_eq!(&again, &c.image);
        // Through a snapshot.
        let records = c.image.records();
        let (mut loaded, _) = Image::default()
            .apply(airis_protocol::types::Offset(0), LeaderEpoch(1), &records)
            .unwrap();
        loaded.position = c.image.position;
        prop_assert_eq!(&loaded, &c.image);
    }
}
