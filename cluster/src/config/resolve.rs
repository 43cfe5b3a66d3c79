//! Where a config's value comes from, and all it is described with.
//!
//! Always holds: topic's own > one broker's dynamic > all brokers' dynamic > the properties file > the table's default. Must never:
//! show a secret. Source: Kafka's `ConfigHelper` and `KafkaConfigSchema`.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::BROKER;
use super::def::ConfigDef;
use super::synonyms::{Unit, broker_synonyms, group_synonym, listener_base, topic_synonyms};
use super::table::{CLIENT_METRICS, GROUP, TOPIC, broker, client_metrics, group, own, topic};
use super::value::canonical;

/// Names and values that somebody set.
pub trait Values {
    fn value(&self, name: &str) -> Option<&str>;
    fn all(&self) -> Vec<(&str, &str)>;
}

impl<K: Borrow<str> + Ord, V: AsRef<str>> Values for BTreeMap<K, V> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(AsRef::as_ref)
    }

    fn all(&self) -> Vec<(&str, &str)> {
        self.iter().map(|(k, v)| (k.borrow(), v.as_ref())).collect()
    }
}

/// Nothing is set.
impl Values for () {
    fn value(&self, _: &str) -> Option<&str> {
        None
    }

    fn all(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }
}

/// `DescribeConfigs`' sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Source {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

/// What is set where for the broker that answers.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    /// Set for this broker while it runs.
    pub dynamic_broker: &'a dyn Values,
    /// Set for all brokers while they run.
    pub dynamic_default: &'a dyn Values,
    /// The properties file and the overrides.
    pub fixed: &'a dyn Values,
}

impl<'a> Layers<'a> {
    /// Nothing is set anywhere.
    pub fn none() -> Layers<'static> {
        Layers {
            dynamic_broker: &(),
            dynamic_default: &(),
            fixed: &(),
        }
    }

    /// Only the properties file.
    pub fn fixed(fixed: &'a dyn Values) -> Layers<'a> {
        Layers {
            dynamic_broker: &(),
            dynamic_default: &(),
            fixed,
        }
    }

    fn in_order(&self) -> [(&'a dyn Values, Source); 3] {
        [
            (self.dynamic_broker, Source::DynamicBroker),
            (self.dynamic_default, Source::DynamicDefaultBroker),
            (self.fixed, Source::StaticBroker),
        ]
    }

    /// What is set under exactly this name, as it was written.
    pub fn set(&self, name: &str) -> Option<(&'a str, Source)> {
        self.in_order()
            .into_iter()
            .find_map(|(values, source)| Some((values.value(name)?, source)))
    }

    /// What is set under this broker config's name, or its default.
    pub fn value(&self, name: &str) -> Option<String> {
        match self.set(name) {
            Some((value, _)) => Some(value.to_owned()),
            None => broker(name)?.default.value().map(str::to_owned),
        }
    }
}

/// One name and place that a described config could come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: String,
    /// `None` for secrets.
    pub value: Option<String>,
    pub source: Source,
}

/// One config as DescribeConfigs answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    pub name: String,
    /// `None` for secrets and for what is not set.
    pub value: Option<String>,
    pub source: Source,
    pub sensitive: bool,
    pub read_only: bool,
    /// Strongest first, the source of the value among them.
    pub synonyms: Vec<Synonym>,
    /// `None` for names that no table knows.
    pub def: Option<&'static ConfigDef>,
}

impl Described {
    /// The number of the type in DescribeConfigs answers, 0 for unknown.
    pub fn type_id(&self) -> i8 {
        self.def.map_or(0, |d| d.ty.id())
    }

    pub fn documentation(&self) -> Option<&'static str> {
        self.def.map(|d| d.doc)
    }
}

/// The value of a topic config for a topic that does not set it: the broker's, in the topic's unit.
fn inherited(def: &ConfigDef, layers: &Layers<'_>) -> Option<String> {
    let names = topic_synonyms(def.name);
    let set = names
        .iter()
        .find_map(|(name, unit)| Some(unit.convert(layers.set(name)?.0)));
    set.map(|v| canonical(def, &v))
        .or_else(|| def.default.value().map(str::to_owned))
}

/// The value that counts for a topic, in one form; `None` only for configs without default.
pub fn topic_value(name: &str, own: &dyn Values, layers: &Layers<'_>) -> Option<String> {
    let def = topic(name)?;
    match own.value(name) {
        Some(value) => Some(canonical(def, value)),
        None => inherited(def, layers),
    }
}

/// All places a broker config could come from. As in Kafka, the list begins with the config's own name: what stands only under
/// another name (`log.retention.hours` for `log.retention.ms`) is not told.
fn synonyms_of(name: &str, sensitive: bool, layers: &Layers<'_>) -> Vec<Synonym> {
    let names = broker_synonyms(name);
    let mut found = Vec::new();
    let mut add = |name: &str, value: &str, source| {
        found.push(Synonym {
            name: name.to_owned(),
            value: (!sensitive).then(|| value.to_owned()),
            source,
        });
    };
    for (values, source) in layers.in_order() {
        for name in &names {
            if let Some(value) = values.value(name) {
                add(name, value, source);
            }
        }
    }
    for name in names.iter().filter(|n| !ONLY_DYNAMIC.contains(n)) {
        if let Some(value) = broker(name).and_then(|d| d.default.value()) {
            add(name, value, Source::Default);
        }
    }
    let first = found.iter().position(|s| s.name == name);
    found.drain(..first.unwrap_or(found.len()));
    found
}

fn described(
    name: &str,
    def: Option<&'static ConfigDef>,
    value: Option<String>,
    read_only: bool,
    synonyms: Vec<Synonym>,
) -> Described {
    let sensitive = def.is_none_or(ConfigDef::sensitive);
    Described {
        name: name.to_owned(),
        value: value.filter(|_| !sensitive),
        source: synonyms.first().map_or(Source::Default, |s| s.source),
        sensitive,
        read_only,
        synonyms,
        def,
    }
}

/// All configs of a topic, by name. Internal ones only if the topic sets them.
pub fn describe_topic(own: &dyn Values, layers: &Layers<'_>) -> Vec<Described> {
    TOPIC
        .iter()
        .filter(|def| !def.internal || own.value(def.name).is_some())
        .map(|def| {
            let value = topic_value(def.name, own, layers);
            let mut synonyms = topic_synonyms(def.name)
                .first()
                .map_or_else(Vec::new, |(first, _)| {
                    synonyms_of(first, def.sensitive(), layers)
                });
            if own.value(def.name).is_some() {
                synonyms.insert(
                    0,
                    Synonym {
                        name: def.name.to_owned(),
                        value: value.clone(),
                        source: Source::Topic,
                    },
                );
            }
            described(def.name, Some(def), value, false, synonyms)
        })
        .collect()
}

/// All configs of a new topic as CreateTopics answers them: its own as they were written; for the others the place that has the
/// value, under whichever name (DescribeConfigs looks at the first name only).
pub fn describe_new_topic(own: &dyn Values, layers: &Layers<'_>) -> Vec<Described> {
    let mut all = describe_topic(own, layers);
    for config in &mut all {
        if let Some(value) = own.value(&config.name) {
            config.value = Some(value.to_owned());
            continue;
        }
        let set = topic_synonyms(&config.name)
            .iter()
            .find_map(|(name, _)| layers.set(name));
        config.source = set.map_or(Source::Default, |(_, source)| source);
    }
    all
}

fn describe_one_broker_config(
    name: &str,
    layers: &Layers<'_>,
    keep: impl Fn(&Synonym) -> bool,
) -> Described {
    let def = broker(name)
        .or_else(|| own(name))
        .or_else(|| broker(listener_base(name)?));
    // As in Kafka, a dynamic value takes the file's values under all its names out: with `log.retention.ms` set while the broker
    // runs, `log.retention.hours` is described with its default.
    let dynamic = |n: &str| {
        layers.dynamic_broker.value(n).is_some() || layers.dynamic_default.value(n).is_some()
    };
    let displaced = listener_base(name).is_none()
        && !dynamic(name)
        && broker_synonyms(name).into_iter().any(dynamic);
    let set = layers.set(name).filter(|_| !displaced);
    let value = match (set, def) {
        (None, Some(def)) => def.default.value().map(str::to_owned),
        (Some((value, _)), Some(def)) => Some(canonical(def, value)),
        (Some((value, _)), None) => Some(value.to_owned()),
        (None, None) => None,
    };
    let mut synonyms = synonyms_of(name, def.is_none_or(ConfigDef::sensitive), layers);
    synonyms.retain(keep);
    let read_only = broker(name).is_none_or(|d| d.dynamic == super::Dynamic::ReadOnly);
    described(name, def, value, read_only, synonyms)
}

/// All configs of the broker that answers, by name; unknown names that somebody set stand among them, their values hidden.
pub fn describe_broker(layers: &Layers<'_>) -> Vec<Described> {
    let mut names: Vec<&str> = BROKER
        .iter()
        .filter(|d| !d.internal || layers.set(d.name).is_some())
        // Known as dynamic configs of the quota kind only, so they are not part of the broker's own.
        .filter(|d| !ONLY_DYNAMIC.contains(&d.name) || layers.set(d.name).is_some())
        .map(|d| d.name)
        .collect();
    for (values, _) in layers.in_order() {
        names.extend(values.all().into_iter().map(|(name, _)| name));
    }
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| describe_one_broker_config(name, layers, |_| true))
        .collect()
}

/// Dynamic configs that no properties file has.
const ONLY_DYNAMIC: [&str; 3] = [
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

/// The dynamic defaults of all brokers: only what is set.
pub fn describe_broker_default(layers: &Layers<'_>) -> Vec<Described> {
    let only = Layers {
        dynamic_broker: &(),
        ..*layers
    };
    layers
        .dynamic_default
        .all()
        .into_iter()
        .map(|(name, _)| {
            describe_one_broker_config(name, &only, |s| s.source == Source::DynamicDefaultBroker)
        })
        .collect()
}

/// All configs of a group.
pub fn describe_group(own: &dyn Values, layers: &Layers<'_>) -> Vec<Described> {
    GROUP
        .iter()
        .map(|def| {
            let mut synonyms = match group_synonym(def.name) {
                Some(name) => synonyms_of(name, def.sensitive(), layers),
                None => Vec::from_iter(def.default.value().map(|value| Synonym {
                    name: def.name.to_owned(),
                    value: Some(value.to_owned()),
                    source: Source::Default,
                })),
            };
            let value = match own.value(def.name) {
                Some(value) => Some(canonical(def, value)),
                None => group_synonym(def.name)
                    .and_then(|name| layers.value(name))
                    .map(|v| canonical(def, &v))
                    .or_else(|| def.default.value().map(str::to_owned)),
            };
            if own.value(def.name).is_some() {
                synonyms.insert(
                    0,
                    Synonym {
                        name: def.name.to_owned(),
                        value: value.clone(),
                        source: Source::Group,
                    },
                );
            }
            described(def.name, group(def.name), value, false, synonyms)
        })
        .collect()
}

/// All configs of a client metrics subscription.
pub fn describe_client_metrics(own: &dyn Values) -> Vec<Described> {
    CLIENT_METRICS
        .iter()
        .map(|def| {
            let set = own.value(def.name).map(|v| canonical(def, v));
            let synonyms = Vec::from_iter(set.clone().map(|value| Synonym {
                name: def.name.to_owned(),
                value: Some(value),
                source: Source::ClientMetrics,
            }));
            let value = set.or_else(|| def.default.value().map(str::to_owned));
            described(def.name, client_metrics(def.name), value, false, synonyms)
        })
        .collect()
}

/// Minutes and hours are told apart from milliseconds by this alone, so it must be used by whoever reads a broker's times.
pub(super) fn first_set(names: &[(&'static str, Unit)], layers: &Layers<'_>) -> Option<String> {
    let set = names
        .iter()
        .find_map(|(name, unit)| Some(unit.convert(layers.set(name)?.0)));
    set.or_else(|| {
        names
            .iter()
            .find_map(|(name, unit)| Some(unit.convert(broker(name)?.default.value()?)))
    })
}
