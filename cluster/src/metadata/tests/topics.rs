//! Topics are created and deleted, and get more partitions.

use super::*;

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
