//! Tests of what is made of the tables; that the tables are right is for `tests/configs.rs`.

use std::collections::BTreeMap;

use super::*;

type Map = BTreeMap<String, String>;

fn map(pairs: &[(&str, &str)]) -> Map {
    pairs
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect()
}

fn layers<'a>(broker: &'a Map, all: &'a Map, fixed: &'a Map) -> Layers<'a> {
    Layers {
        dynamic_broker: broker,
        dynamic_default: all,
        fixed,
    }
}

fn find(described: Vec<Described>, name: &str) -> Described {
    described
        .into_iter()
        .find(|d| d.name == name)
        .unwrap_or_else(|| panic!("{name} is described"))
}

#[test]
fn a_topics_value_comes_from_the_strongest_layer() {
    let empty = Map::new();
    let fixed = map(&[("log.segment.bytes", "2000000")]);
    let all = map(&[("log.segment.bytes", "3000000")]);
    let one = map(&[("log.segment.bytes", "4000000")]);
    let own = map(&[("segment.bytes", " 5000000 ")]);
    let value = |own: &Map, l: Layers<'_>| topic_value("segment.bytes", own, &l).unwrap();
    assert_eq!(value(&empty, Layers::none()), "1073741824");
    assert_eq!(value(&empty, layers(&empty, &empty, &fixed)), "2000000");
    assert_eq!(value(&empty, layers(&empty, &all, &fixed)), "3000000");
    assert_eq!(value(&empty, layers(&one, &all, &fixed)), "4000000");
    assert_eq!(value(&own, layers(&one, &all, &fixed)), "5000000");

    let d = find(
        describe_topic(&own, &layers(&one, &all, &fixed)),
        "segment.bytes",
    );
    let places: Vec<_> = d
        .synonyms
        .iter()
        .map(|s| (s.name.as_str(), s.source))
        .collect();
    assert_eq!(
        places,
        [
            ("segment.bytes", Source::Topic),
            ("log.segment.bytes", Source::DynamicBroker),
            ("log.segment.bytes", Source::DynamicDefaultBroker),
            ("log.segment.bytes", Source::StaticBroker),
            ("log.segment.bytes", Source::Default),
        ]
    );
    assert_eq!((d.source, d.type_id()), (Source::Topic, 3));
}

#[test]
fn times_are_converted_and_the_finest_unit_counts() {
    let empty = Map::new();
    let value = |pairs: &[(&str, &str)], name: &str| {
        topic_value(name, &empty, &Layers::fixed(&map(pairs))).unwrap()
    };
    assert_eq!(
        value(&[("log.retention.hours", "2")], "retention.ms"),
        "7200000"
    );
    assert_eq!(
        value(&[("log.retention.hours", "-1")], "retention.ms"),
        "-1"
    );
    assert_eq!(
        value(
            &[("log.retention.hours", "2"), ("log.retention.minutes", "3")],
            "retention.ms"
        ),
        "180000"
    );
    assert_eq!(
        value(
            &[("log.retention.minutes", "3"), ("log.retention.ms", "4")],
            "retention.ms"
        ),
        "4"
    );
    assert_eq!(value(&[("log.roll.hours", "1")], "segment.ms"), "3600000");
    assert_eq!(
        value(&[("log.flush.scheduler.interval.ms", "9")], "flush.ms"),
        "9"
    );
    // As Kafka describes it: the value is right, the list begins with the name in milliseconds, which is not set.
    let fixed = map(&[("log.retention.hours", "2")]);
    let d = find(
        describe_topic(&empty, &Layers::fixed(&fixed)),
        "retention.ms",
    );
    assert_eq!(
        (d.value.as_deref(), d.source),
        (Some("7200000"), Source::Default)
    );
    assert!(d.synonyms.is_empty());
    let d = find(
        describe_broker(&Layers::fixed(&fixed)),
        "log.retention.hours",
    );
    assert_eq!(
        (d.value.as_deref(), d.source),
        (Some("2"), Source::StaticBroker)
    );
    assert_eq!(d.synonyms.len(), 2);
}

#[test]
fn a_new_topics_configs_are_told_as_they_were_written_and_from_where_they_come() {
    let (own, empty) = (map(&[("segment.ms", " 5 ")]), Map::new());
    let fixed = map(&[("log.retention.hours", "48"), ("log.roll.ms", "7")]);
    let described = || describe_new_topic(&own, &Layers::fixed(&fixed));
    let of = |name: &str| {
        let d = find(described(), name);
        (d.value.unwrap(), d.source)
    };
    assert_eq!(of("segment.ms"), (" 5 ".to_owned(), Source::Topic));
    // DescribeConfigs calls this the default: it looks for `log.retention.ms` only.
    assert_eq!(
        of("retention.ms"),
        ("172800000".to_owned(), Source::StaticBroker)
    );
    assert_eq!(of("retention.bytes"), ("-1".to_owned(), Source::Default));
    let inherited = find(
        describe_new_topic(&empty, &Layers::fixed(&fixed)),
        "segment.ms",
    );
    assert_eq!(inherited.source, Source::StaticBroker);
}

#[test]
fn pools_of_threads_change_in_steps() {
    let fixed = map(&[("num.io.threads", "8")]);
    let set = |wanted| map(&[("num.io.threads", wanted)]);
    for (wanted, allowed) in [
        ("0", false),
        ("3", false),
        ("4", true),
        ("8", true),
        ("16", true),
        ("17", false),
    ] {
        let now = |name: &str| Layers::fixed(&fixed).value(name);
        let checked = check_thread_counts(&set(wanted), &now);
        assert_eq!(checked.is_ok(), allowed, "{wanted}");
    }
    for (wanted, allowed) in [("0", false), ("1", true), ("2", true), ("3", false)] {
        let now = |name: &str| Layers::none().value(name);
        let checked = check_thread_counts(&map(&[("log.cleaner.threads", wanted)]), &now);
        assert_eq!(checked.is_ok(), allowed, "{wanted}");
    }
    for (wanted, allowed) in [("0", false), ("1", true), ("1000", true)] {
        let checked = check_thread_counts(&set(wanted), &|_| None);
        assert_eq!(
            checked.is_ok(),
            allowed,
            "{wanted}, and what it is is not known"
        );
    }
}

#[test]
fn all_topic_configs_but_the_internal_one_are_described() {
    let empty = Map::new();
    assert_eq!(describe_topic(&empty, &Layers::none()).len(), 33);
    let own = map(&[("internal.segment.bytes", "4096")]);
    assert_eq!(describe_topic(&own, &Layers::none()).len(), 34);
    let config = TopicConfig::resolve(&own, &Layers::none()).unwrap();
    assert_eq!(config.segment_size(), 4096);
}

#[test]
fn secrets_are_hidden_everywhere() {
    let fixed = map(&[
        ("ssl.key.password", "hush"),
        ("listener.name.x.scram-sha-256.sasl.jaas.config", "hush"),
        ("rsm.config.something", "hush"),
    ]);
    let all = describe_broker(&Layers::fixed(&fixed));
    assert!(!format!("{all:?}").contains("hush"));
    let d = find(all, "listener.name.x.scram-sha-256.sasl.jaas.config");
    assert!(d.sensitive && d.def.is_some());
    let def = broker("ssl.key.password").unwrap();
    assert_eq!(parse(def, "hush").unwrap(), Value::Text("hush".into()));
}

#[test]
fn dynamic_defaults_are_described_alone() {
    let (empty, all) = (
        Map::new(),
        map(&[
            ("log.retention.ms", "5"),
            ("leader.replication.throttled.rate", "7"),
        ]),
    );
    let fixed = map(&[("log.retention.ms", "6")]);
    let described = describe_broker_default(&layers(&empty, &all, &fixed));
    assert_eq!(described.len(), 2);
    let d = find(described, "log.retention.ms");
    assert_eq!(
        (d.value.as_deref(), d.source),
        (Some("5"), Source::DynamicDefaultBroker)
    );
    assert_eq!(d.synonyms.len(), 1);
    assert!(!d.read_only);
}

#[test]
fn groups_and_client_metrics_are_described() {
    let own = map(&[("consumer.session.timeout.ms", "50000")]);
    let fixed = map(&[("group.consumer.heartbeat.interval.ms", "6000")]);
    let all = describe_group(&own, &Layers::fixed(&fixed));
    assert_eq!(all.len(), 17);
    let d = find(all.clone(), "consumer.session.timeout.ms");
    assert_eq!(
        (d.value.as_deref(), d.source, d.synonyms.len()),
        (Some("50000"), Source::Group, 2)
    );
    let d = find(all, "consumer.heartbeat.interval.ms");
    assert_eq!(
        (d.value.as_deref(), d.source),
        (Some("6000"), Source::StaticBroker)
    );
    let d = find(
        describe_client_metrics(&map(&[("metrics", "a, b")])),
        "metrics",
    );
    assert_eq!(
        (d.value.as_deref(), d.source),
        (Some("a,b"), Source::ClientMetrics)
    );
}

#[test]
fn a_topics_configs_are_checked_alone_and_together() {
    let check =
        |pairs: &[(&str, &str)]| check_topic(&map(pairs), &|_| None).map_err(|e| e.to_string());
    assert_eq!(
        check(&[("cleanup.policy", "compact,delete"), ("retention.ms", "-1")]),
        Ok(())
    );
    assert_eq!(check(&[("cleanup.policy", "")]), Ok(()));
    assert_eq!(
        check(&[("segment.byte", "1")]).unwrap_err(),
        "Unknown topic config name: segment.byte"
    );
    assert_eq!(
        check(&[("retention.ms", "-2")]).unwrap_err(),
        "Invalid value -2 for configuration retention.ms: Value must be at least -1"
    );
    assert!(
        check(&[
            ("min.compaction.lag.ms", "5"),
            ("max.compaction.lag.ms", "4")
        ])
        .is_err()
    );
    assert!(check(&[("remote.storage.enable", "true")]).is_err());
    // Against the broker's value as well.
    let own = map(&[("min.compaction.lag.ms", "5")]);
    let broker = |name: &str| (name == "max.compaction.lag.ms").then(|| "4".to_owned());
    assert!(check_topic(&own, &broker).is_err());
}

#[test]
fn only_dynamic_broker_configs_can_be_changed() {
    let check = |name: &str, value: &str, one| check_broker_change(&map(&[(name, value)]), one);
    assert!(check("log.retention.ms", "5", false).is_ok());
    assert!(check("log.retention.ms", "x", false).is_err());
    assert!(check("log.retention.hours", "5", true).is_err());
    assert!(check("node.id", "5", true).is_err());
    assert!(check("listeners", "PLAINTEXT://:1", true).is_ok());
    assert!(check("listeners", "PLAINTEXT://:1", false).is_err());
    assert!(check("ssl.keystore.location", "/x", true).is_err());
    assert!(check("listener.name.x.ssl.keystore.location", "/x", true).is_ok());
    assert!(check("listener.name.x.ssl.keystore.location", "/x", false).is_err());
    assert!(check("listener.name.x.max.connections", "5", false).is_ok());
    assert!(check("some.plugins.own", "5", false).is_ok());
}

#[test]
fn the_nearest_name_is_the_one_that_was_meant() {
    let near = |name| nearest_name(name, BROKER.iter().map(|d| d.name));
    assert_eq!(near("log.retention.hour"), Some("log.retention.hours"));
    assert_eq!(near("LOG_RETENTION_HOURS"), Some("log.retention.hours"));
    assert_eq!(near("advertised.listener"), Some("advertised.listeners"));
    assert_eq!(
        near("auto.create.topic.enable"),
        Some("auto.create.topics.enable")
    );
    assert_eq!(near("num.patritions"), Some("num.partitions"));
    assert_eq!(near("wholly.unlike.anything.here"), None);
    assert_eq!(near(""), None);
}

#[test]
fn listeners_are_read_with_their_protocols() {
    let protocols = protocol_map("IN:PLAINTEXT, out:SASL_SSL").unwrap();
    let read = |text| parse_listeners("listeners", text, &protocols, &["CTL".into()], false);
    let l = read("in://:9092,OUT://[::1]:9093,CTL://h:0").unwrap();
    assert_eq!((l[0].name.as_str(), l[0].host.as_str()), ("IN", ""));
    assert_eq!(
        (l[1].host.as_str(), l[1].protocol),
        ("::1", SecurityProtocol::SaslSsl)
    );
    assert_eq!((l[2].port, l[2].protocol), (0, SecurityProtocol::Plaintext));
    for bad in [
        "IN",
        "IN://x",
        "IN://x:70000",
        "IN://:1,IN://:2",
        "IN://:1,OUT://:1",
        "NONE://:1",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(protocol_map("A:B").is_err());
    assert_eq!(protocol_map("").unwrap().len(), 0);
}

#[test]
fn typed_configs_have_kafkas_defaults() {
    let c = TopicConfig::resolve(&(), &Layers::none()).unwrap();
    assert_eq!(
        c.cleanup_policy,
        CleanupPolicy {
            delete: true,
            compact: false
        }
    );
    assert_eq!(c.compression_type, CompressionType::Producer);
    assert_eq!(
        (c.max_message_bytes, c.retention_ms),
        (1_048_588, 604_800_000)
    );
    assert_eq!(c.max_compaction_lag_ms, i64::MAX);
    let own = map(&[
        ("cleanup.policy", "compact, delete"),
        ("compression.type", "zstd"),
        ("compression.zstd.level", "9"),
    ]);
    let c = TopicConfig::resolve(&own, &Layers::none()).unwrap();
    assert!(c.cleanup_policy.compact && c.cleanup_policy.delete);
    assert_eq!(c.compression_level(), Some(9));
    let needed = map(&[
        ("node.id", "1"),
        ("process.roles", "broker"),
        ("controller.listener.names", "C"),
    ]);
    let b = BrokerConfig::resolve(&Layers::fixed(&needed)).unwrap();
    assert_eq!(
        (b.log_roll_ms, b.log_retention_ms, b.log_flush_interval_ms),
        (604_800_000, 604_800_000, i64::MAX)
    );
    assert_eq!(b.listeners[0].port, 9092);
    assert_eq!(
        BrokerConfig::resolve(&Layers::none())
            .unwrap_err()
            .to_string(),
        "controller.listener.names must be set"
    );
}

#[test]
fn client_metrics_are_checked() {
    let check = |pairs: &[(&str, &str)]| check_client_metrics(&map(pairs));
    assert_eq!(
        check(&[
            ("metrics", "*"),
            ("interval.ms", "100"),
            ("match", "client_id=a.*, client_software_name=b")
        ]),
        Ok(())
    );
    for wrong in [
        ("interval.ms", "99"),
        ("interval.ms", "3600001"),
        ("metric", "*"),
    ] {
        assert!(
            matches!(check(&[wrong]), Err(ConfigError::Request(_))),
            "{wrong:?}"
        );
    }
    for wrong in ["client=a", "client_id", "client_id=a=b", "client_id="] {
        assert!(
            matches!(check(&[("match", wrong)]), Err(ConfigError::Other(_))),
            "{wrong}"
        );
    }
}
