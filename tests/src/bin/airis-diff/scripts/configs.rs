//! DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.

use airis_protocol::messages::alter_configs_request as whole;
use airis_protocol::messages::describe_configs_request::DescribeConfigsResource;
use airis_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use airis_protocol::messages::*;
use anyhow::Result;

use crate::side::Side;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const LOGGER: i8 = 8;
const METRICS: i8 = 16;
const GROUP: i8 = 32;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// A config's name, what is to happen to it, and the value.
type Change<'a> = (&'a str, i8, Option<&'a str>);

pub async fn play(side: &mut Side) -> Result<()> {
    side.make(
        "cf-a",
        1,
        &[
            ("retention.ms", "100000000"),
            ("cleanup.policy", "compact,delete"),
        ],
    )
    .await?;
    side.settle().await;
    described(side).await?;
    changed(side).await?;
    replaced(side).await?;
    listed(side).await
}

fn describe(
    resources: &[(i8, &str, Option<&[&str]>)],
    synonyms: bool,
    documentation: bool,
) -> DescribeConfigsRequest {
    DescribeConfigsRequest {
        resources: resources
            .iter()
            .map(|(resource_type, name, keys)| DescribeConfigsResource {
                resource_type: *resource_type,
                resource_name: (*name).into(),
                configuration_keys: keys.map(|keys| keys.iter().map(|k| (*k).into()).collect()),
            })
            .collect(),
        include_synonyms: synonyms,
        include_documentation: documentation,
    }
}

async fn described(side: &mut Side) -> Result<()> {
    let topic = [(TOPIC, "cf-a", None)];
    side.all("a topic", |_| describe(&topic, false, false))
        .await?;
    side.all("a topic with synonyms", |_| describe(&topic, true, false))
        .await?;
    side.all("a topic with documentation", |_| {
        describe(&topic, true, true)
    })
    .await?;
    side.all("the broker", |_| {
        describe(&[(BROKER, "1", None)], false, false)
    })
    .await?;
    side.ask(
        "the broker with synonyms and documentation",
        &describe(&[(BROKER, "1", None)], true, true),
        4,
    )
    .await?;
    const SOME: Option<&[&str]> = Some(&["retention.ms", "no.such.config"]);
    for (name, resource) in [
        ("some keys", (TOPIC, "cf-a", SOME)),
        ("no keys", (TOPIC, "cf-a", Some(&[] as &[&str]))),
        (
            "a key twice",
            (TOPIC, "cf-a", Some(&["retention.ms", "retention.ms"])),
        ),
        ("a topic that is not there", (TOPIC, "cf-no", None)),
        ("a topic of a bad name", (TOPIC, "cf no", None)),
        ("a topic without a name", (TOPIC, "", None)),
        ("an internal topic", (TOPIC, "__consumer_offsets", None)),
        ("all brokers", (BROKER, "", None)),
        ("another broker", (BROKER, "7", None)),
        ("no broker's number", (BROKER, "x", None)),
        (
            "some keys of the broker",
            (
                BROKER,
                "1",
                Some(&[
                    "log.retention.hours",
                    "log.retention.ms",
                    "broker.rack",
                    "no.such.config",
                ]),
            ),
        ),
        ("a logger of another broker", (LOGGER, "7", None)),
        ("a logger of no broker", (LOGGER, "x", None)),
        ("a logger of all brokers", (LOGGER, "", None)),
        ("client metrics that are not there", (METRICS, "cf-m", None)),
        ("client metrics without a name", (METRICS, "", None)),
        ("a group that is not there", (GROUP, "cf-g", None)),
        ("a group without a name", (GROUP, "", None)),
        ("an unknown type", (99, "x", None)),
        ("type zero", (0, "x", None)),
        ("type three", (3, "x", None)),
    ] {
        side.ask(name, &describe(&[resource], true, false), 4)
            .await?;
    }
    side.ask(
        "a topic twice",
        &describe(
            &[(TOPIC, "cf-a", SOME), (TOPIC, "cf-a", SOME)],
            false,
            false,
        ),
        4,
    )
    .await?;
    side.ask(
        "several",
        &describe(
            &[
                (TOPIC, "cf-a", SOME),
                (TOPIC, "cf-no", None),
                (BROKER, "1", Some(&["broker.rack"])),
            ],
            false,
            false,
        ),
        4,
    )
    .await?;
    side.ask("nothing", &describe(&[], false, false), 4).await?;
    Ok(())
}

fn alter(
    resource_type: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
) -> IncrementalAlterConfigsRequest {
    IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type,
            resource_name: name.into(),
            configs: changes
                .iter()
                .map(|(name, config_operation, value)| AlterableConfig {
                    name: (*name).into(),
                    config_operation: *config_operation,
                    value: value.map(Into::into),
                })
                .collect(),
        }],
        validate_only: false,
    }
}

async fn changed(side: &mut Side) -> Result<()> {
    side.make("cf-b", 1, &[]).await?;
    side.all("set", |v| {
        alter(
            TOPIC,
            "cf-b",
            &[(
                "retention.ms",
                SET,
                Some(&format!("{}", 1_000_000 + i32::from(v))),
            )],
        )
    })
    .await?;
    side.all("only validated", |_| IncrementalAlterConfigsRequest {
        validate_only: true,
        ..alter(TOPIC, "cf-b", &[("retention.ms", SET, Some("7"))])
    })
    .await?;
    let policy = "cleanup.policy";
    let on_topic: &[(&str, &[Change])] = &[
        ("append", &[(policy, APPEND, Some("compact"))]),
        ("append what is there", &[(policy, APPEND, Some("compact"))]),
        ("subtract", &[(policy, SUBTRACT, Some("delete"))]),
        (
            "subtract what is not there",
            &[(policy, SUBTRACT, Some("delete"))],
        ),
        ("subtract the last", &[(policy, SUBTRACT, Some("compact"))]),
        ("delete", &[(policy, DELETE, None)]),
        ("delete with a value", &[(policy, DELETE, Some("compact"))]),
        (
            "delete what is not there",
            &[("retention.bytes", DELETE, None)],
        ),
        ("delete an unknown key", &[("no.such.config", DELETE, None)]),
        ("append to a number", &[("retention.ms", APPEND, Some("5"))]),
        (
            "subtract from a number",
            &[("retention.ms", SUBTRACT, Some("5"))],
        ),
        ("set nothing", &[("retention.ms", SET, None)]),
        ("append nothing", &[(policy, APPEND, None)]),
        ("set an empty value", &[("retention.ms", SET, Some(""))]),
        ("an unknown operation", &[("retention.ms", 9, Some("5"))]),
        ("a negative operation", &[("retention.ms", -1, Some("5"))]),
        ("an unknown key", &[("no.such.config", SET, Some("5"))]),
        ("an empty key", &[("", SET, Some("5"))]),
        ("a bad value", &[("retention.ms", SET, Some("x"))]),
        (
            "a value out of range",
            &[("min.insync.replicas", SET, Some("0"))],
        ),
        (
            "a key twice",
            &[
                ("retention.ms", SET, Some("5")),
                ("retention.ms", SET, Some("6")),
            ],
        ),
        (
            "set and delete",
            &[
                ("retention.ms", SET, Some("5")),
                ("retention.ms", DELETE, None),
            ],
        ),
        (
            "two keys, one bad",
            &[
                ("retention.ms", SET, Some("55555")),
                ("segment.bytes", SET, Some("x")),
            ],
        ),
        (
            "two keys",
            &[
                ("retention.ms", SET, Some("66666")),
                ("segment.bytes", SET, Some("2000000")),
            ],
        ),
        ("no keys", &[]),
        (
            "a throttle list",
            &[("leader.replication.throttled.replicas", APPEND, Some("0:1"))],
        ),
        (
            "a throttle list goes on",
            &[("leader.replication.throttled.replicas", APPEND, Some("1:1"))],
        ),
        (
            "min lag above max lag",
            &[
                ("min.compaction.lag.ms", SET, Some("9223372036854775807")),
                ("max.compaction.lag.ms", SET, Some("5")),
            ],
        ),
    ];
    let shown = describe(
        &[(
            TOPIC,
            "cf-b",
            Some(&[
                "retention.ms",
                policy,
                "segment.bytes",
                "leader.replication.throttled.replicas",
            ]),
        )],
        true,
        false,
    );
    for (name, changes) in on_topic {
        side.ask(name, &alter(TOPIC, "cf-b", changes), 1).await?;
        side.settle().await;
        side.ask(&format!("after: {name}"), &shown, 4).await?;
    }
    let elsewhere: &[(&str, i8, &str, &[Change])] = &[
        (
            "a topic that is not there",
            TOPIC,
            "cf-no",
            &[("retention.ms", SET, Some("5"))],
        ),
        (
            "a topic of a bad name",
            TOPIC,
            "cf no",
            &[("retention.ms", SET, Some("5"))],
        ),
        (
            "a topic without a name",
            TOPIC,
            "",
            &[("retention.ms", SET, Some("5"))],
        ),
        (
            "an internal topic",
            TOPIC,
            "__consumer_offsets",
            &[("segment.bytes", SET, Some("104857600"))],
        ),
        (
            "an unknown type",
            99,
            "x",
            &[("retention.ms", SET, Some("5"))],
        ),
        ("type zero", 0, "x", &[("retention.ms", SET, Some("5"))]),
        ("type three", 3, "x", &[("retention.ms", SET, Some("5"))]),
        (
            "another broker",
            BROKER,
            "7",
            &[("log.cleaner.threads", SET, Some("1"))],
        ),
        (
            "no broker's number",
            BROKER,
            "x",
            &[("log.cleaner.threads", SET, Some("1"))],
        ),
        (
            "the broker, dynamic",
            BROKER,
            "1",
            &[("log.cleaner.threads", SET, Some("2"))],
        ),
        (
            "the broker, dynamic, bad value",
            BROKER,
            "1",
            &[("log.cleaner.threads", SET, Some("x"))],
        ),
        (
            "the broker, out of range",
            BROKER,
            "1",
            &[("log.cleaner.threads", SET, Some("0"))],
        ),
        (
            "the broker, read-only",
            BROKER,
            "1",
            &[("broker.id", SET, Some("2"))],
        ),
        (
            "the broker, read-only listener",
            BROKER,
            "1",
            &[("log.dirs", SET, Some("/x"))],
        ),
        (
            "the broker, unknown key",
            BROKER,
            "1",
            &[("no.such.config", SET, Some("2"))],
        ),
        (
            "the broker, append to a number",
            BROKER,
            "1",
            &[("log.cleaner.threads", APPEND, Some("2"))],
        ),
        (
            "all brokers, dynamic",
            BROKER,
            "",
            &[("log.retention.ms", SET, Some("360000000"))],
        ),
        (
            "all brokers, read-only",
            BROKER,
            "",
            &[("node.id", SET, Some("2"))],
        ),
        (
            "all brokers, of one broker only",
            BROKER,
            "",
            &[("listeners", SET, Some("PLAINTEXT://:1"))],
        ),
        (
            "all brokers, list",
            BROKER,
            "",
            &[("log.cleanup.policy", APPEND, Some("compact"))],
        ),
        (
            "a group",
            GROUP,
            "cf-g",
            &[("consumer.session.timeout.ms", SET, Some("50000"))],
        ),
        (
            "a group, bad value",
            GROUP,
            "cf-g",
            &[("consumer.session.timeout.ms", SET, Some("x"))],
        ),
        (
            "a group, out of range",
            GROUP,
            "cf-g",
            &[("consumer.session.timeout.ms", SET, Some("1"))],
        ),
        (
            "a group, unknown key",
            GROUP,
            "cf-g",
            &[("no.such", SET, Some("1"))],
        ),
        (
            "a group without a name",
            GROUP,
            "",
            &[("consumer.session.timeout.ms", SET, Some("50000"))],
        ),
        (
            "client metrics",
            METRICS,
            "cf-m",
            &[("interval.ms", SET, Some("1000"))],
        ),
        (
            "client metrics, match",
            METRICS,
            "cf-m",
            &[("match", SET, Some("client_id=a.*"))],
        ),
        (
            "client metrics, bad match",
            METRICS,
            "cf-m",
            &[("match", SET, Some("colour=red"))],
        ),
        (
            "client metrics, out of range",
            METRICS,
            "cf-m",
            &[("interval.ms", SET, Some("1"))],
        ),
        (
            "client metrics, unknown key",
            METRICS,
            "cf-m",
            &[("no.such", SET, Some("1"))],
        ),
        (
            "client metrics without a name",
            METRICS,
            "",
            &[("interval.ms", SET, Some("1000"))],
        ),
        (
            "a logger of no broker",
            LOGGER,
            "x",
            &[("root", SET, Some("INFO"))],
        ),
        (
            "a logger of another broker",
            LOGGER,
            "7",
            &[("root", SET, Some("INFO"))],
        ),
        (
            "a logger, bad level",
            LOGGER,
            "1",
            &[("root", SET, Some("LOUD"))],
        ),
    ];
    for (name, resource_type, resource, changes) in elsewhere {
        side.ask(name, &alter(*resource_type, resource, changes), 1)
            .await?;
    }
    side.settle().await;
    let keys: &[&str] = &[
        "log.cleaner.threads",
        "log.retention.ms",
        "log.retention.hours",
        "log.cleanup.policy",
    ];
    side.ask(
        "the broker after changes",
        &describe(
            &[(BROKER, "1", Some(keys)), (BROKER, "", None)],
            true,
            false,
        ),
        4,
    )
    .await?;
    side.ask(
        "a topic after the brokers' changes",
        &describe(&[(TOPIC, "cf-a", None)], true, false),
        4,
    )
    .await?;
    side.ask(
        "a group and client metrics after changes",
        &describe(
            &[(GROUP, "cf-g", None), (METRICS, "cf-m", None)],
            true,
            false,
        ),
        4,
    )
    .await?;
    let mut several = alter(TOPIC, "cf-b", &[("retention.ms", SET, Some("5000000"))]);
    several
        .resources
        .extend(alter(TOPIC, "cf-no", &[("retention.ms", SET, Some("5"))]).resources);
    side.ask("several, one bad", &several, 1).await?;
    side.ask("nothing", &IncrementalAlterConfigsRequest::default(), 1)
        .await?;
    side.settle().await;
    side.ask("a topic after a part failed", &shown, 4).await?;
    // What follows counts on the defaults.
    let back: &[(&str, i8, Option<&str>)] = &[
        ("log.retention.ms", DELETE, None),
        ("log.cleanup.policy", DELETE, None),
    ];
    side.ask("all brokers, back", &alter(BROKER, "", back), 1)
        .await?;
    side.ask(
        "the broker, back",
        &alter(BROKER, "1", &[("log.cleaner.threads", DELETE, None)]),
        1,
    )
    .await?;
    Ok(())
}

async fn replaced(side: &mut Side) -> Result<()> {
    side.make(
        "cf-c",
        1,
        &[("retention.ms", "5000000"), ("segment.bytes", "3000000")],
    )
    .await?;
    let replace =
        |resource_type, name: &str, configs: &[(&str, Option<&str>)]| AlterConfigsRequest {
            resources: vec![whole::AlterConfigsResource {
                resource_type,
                resource_name: name.into(),
                configs: configs
                    .iter()
                    .map(|(name, value)| whole::AlterableConfig {
                        name: (*name).into(),
                        value: value.map(Into::into),
                    })
                    .collect(),
            }],
            validate_only: false,
        };
    let shown = describe(
        &[(TOPIC, "cf-c", Some(&["retention.ms", "segment.bytes"]))],
        false,
        false,
    );
    side.all("what was only validated", |_| AlterConfigsRequest {
        validate_only: true,
        ..replace(TOPIC, "cf-c", &[])
    })
    .await?;
    side.settle().await;
    side.ask("before", &shown, 4).await?;
    side.all("one key for two", |_| {
        replace(TOPIC, "cf-c", &[("retention.ms", Some("6000000"))])
    })
    .await?;
    side.settle().await;
    side.ask("after", &shown, 4).await?;
    for (name, resource_type, resource, configs) in [
        (
            "nothing for one",
            TOPIC,
            "cf-c",
            &[] as &[(&str, Option<&str>)],
        ),
        ("a null", TOPIC, "cf-c", &[("retention.ms", None)]),
        ("a bad value", TOPIC, "cf-c", &[("retention.ms", Some("x"))]),
        ("an unknown key", TOPIC, "cf-c", &[("no.such", Some("x"))]),
        (
            "a key twice",
            TOPIC,
            "cf-c",
            &[("retention.ms", Some("5")), ("retention.ms", Some("6"))],
        ),
        (
            "an unknown topic",
            TOPIC,
            "cf-no",
            &[("retention.ms", Some("5"))],
        ),
        ("an unknown type", 99, "x", &[]),
        ("another broker", BROKER, "7", &[]),
        ("no broker's number", BROKER, "x", &[]),
        ("a read-only key", BROKER, "1", &[("node.id", Some("4"))]),
        ("a logger", LOGGER, "1", &[("root", Some("INFO"))]),
    ] {
        side.ask(name, &replace(resource_type, resource, configs), 2)
            .await?;
    }
    // A resource twice is not asked: Apache Kafka 4.3.0 never answers that.
    Ok(())
}

async fn listed(side: &mut Side) -> Result<()> {
    side.settle().await;
    for types in [
        &[] as &[i8],
        &[METRICS],
        &[GROUP],
        &[BROKER],
        &[LOGGER],
        &[METRICS, GROUP],
        &[99],
        &[0],
        &[METRICS, METRICS],
    ] {
        side.ask(
            &format!("types {types:?}"),
            &ListConfigResourcesRequest {
                resource_types: types.to_vec(),
            },
            1,
        )
        .await?;
    }
    side.ask("client metrics", &ListConfigResourcesRequest::default(), 0)
        .await?;
    let only_topics = side
        .quiet(
            &ListConfigResourcesRequest {
                resource_types: vec![TOPIC],
            },
            1,
        )
        .await?;
    anyhow::ensure!(
        only_topics
            .config_resources
            .iter()
            .any(|r| r.resource_name == *"cf-a"),
        "cf-a is listed"
    );
    side.ask(
        "topics",
        &ListConfigResourcesRequest {
            resource_types: vec![TOPIC],
        },
        1,
    )
    .await?;
    Ok(())
}
