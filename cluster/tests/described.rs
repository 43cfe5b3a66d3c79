//! DescribeConfigs as a running Kafka 4.3.0 answers it, over all resources, config by config.
//!
//! Always holds: `golden/described.tsv` was printed by `golden/DescribeAll.java` against a node with `golden/described.properties`.

use std::collections::BTreeMap;

use airis_cluster::config::{
    Described, Layers, Source, describe_broker, describe_broker_default, describe_client_metrics,
    describe_group, describe_topic,
};

type Map = BTreeMap<String, String>;

fn map(pairs: &[(&str, &str)]) -> Map {
    pairs
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect()
}

fn source(s: Source) -> &'static str {
    match s {
        Source::Topic => "DYNAMIC_TOPIC_CONFIG",
        Source::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
        Source::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        Source::StaticBroker => "STATIC_BROKER_CONFIG",
        Source::Default => "DEFAULT_CONFIG",
        Source::ClientMetrics => "DYNAMIC_CLIENT_METRICS_CONFIG",
        Source::Group => "DYNAMIC_GROUP_CONFIG",
    }
}

fn line(d: &Described) -> String {
    let synonyms: Vec<_> = d
        .synonyms
        .iter()
        .map(|s| {
            let value = s.value.as_deref().unwrap_or("null");
            format!("{}={value}@{}", s.name, source(s.source))
        })
        .collect();
    [
        d.value
            .as_ref()
            .map_or("<null>".to_owned(), |v| format!("={v}")),
        source(d.source).to_owned(),
        d.sensitive.to_string(),
        d.read_only.to_string(),
        d.def.map_or("UNKNOWN", |def| def.ty.name()).to_owned(),
        synonyms.join(";"),
    ]
    .join("\t")
}

#[test]
fn configs_are_described_as_kafka_describes_them() {
    // What DescribeAll.java sets.
    let topic = map(&[
        ("cleanup.policy", "compact, delete"),
        ("retention.ms", "1000"),
        ("segment.bytes", " 2097152 "),
        ("min.cleanable.dirty.ratio", "0.25"),
    ]);
    let one = map(&[
        ("log.segment.bytes", "3000000"),
        ("log.cleaner.threads", "2"),
        ("listener.name.plaintext.max.connections", "99"),
    ]);
    let all = map(&[
        ("log.retention.ms", "90000000"),
        ("log.segment.bytes", "4000000"),
        ("leader.replication.throttled.rate", "5000"),
        ("message.max.bytes", "3000000"),
    ]);
    let group = map(&[("consumer.session.timeout.ms", "50000")]);
    let metrics = map(&[("metrics", "a, b"), ("interval.ms", "1000")]);
    let mut fixed: Map = include_str!("golden/described.properties")
        .lines()
        .filter_map(|l| l.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    // One thing under two names; whoever reads the file sets both.
    fixed.insert("broker.id".into(), "1".into());
    // Written by a cluster's first controller when eligible leader replicas are on (KIP-966).
    let mut all = all;
    all.insert("min.insync.replicas".into(), "1".into());

    let layers = Layers {
        dynamic_broker: &one,
        dynamic_default: &all,
        fixed: &fixed,
    };
    let mut ours = BTreeMap::new();
    for (kind, resource, described) in [
        ("TOPIC", "t", describe_topic(&topic, &layers)),
        ("BROKER", "1", describe_broker(&layers)),
        ("BROKER", "", describe_broker_default(&layers)),
        ("GROUP", "g", describe_group(&group, &layers)),
        ("CLIENT_METRICS", "m", describe_client_metrics(&metrics)),
    ] {
        for d in described {
            ours.insert(format!("{kind}\t{resource}\t{}", d.name), line(&d));
        }
    }
    let mut differences = Vec::new();
    for kafkas in include_str!("golden/described.tsv").lines() {
        let at = kafkas.match_indices('\t').nth(2).expect("columns").0;
        let (name, expected) = (&kafkas[..at], &kafkas[at + 1..]);
        match ours.remove(name) {
            None => differences.push(format!("missing: {kafkas}")),
            Some(line) if line != expected => {
                differences.push(format!("{name}\n  Kafka {expected}\n  ours  {line}"));
            }
            Some(_) => {}
        }
    }
    differences.extend(ours.into_keys().map(|name| format!("too much: {name}")));
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
