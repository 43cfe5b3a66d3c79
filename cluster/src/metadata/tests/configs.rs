//! Configs change, by operation and as a whole, and are checked.

use super::*;

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
