//! Topics that come into being because somebody names them.
//!
//! Always holds: whoever waits here is answered when the topic can be used, or when it is not made in time; a topic is being created
//! by one task at most. Must never: create a topic whose name is invalid.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::CreateTopicsRequest;
use airis_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use airis_protocol::names;
use airis_protocol::types::Str;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{BrokerConfig, StateTopic};
use crate::node::Node;
use crate::task;
use crate::time::{Instant, timeout_at};

/// How long a client waits for topics that it makes by naming them, in milliseconds.
const CREATE_TIMEOUT_MS: i32 = 30_000;
/// How long a Metadata request waits for the topics that it makes. The answers behind it on its connection wait as long.
const SOON: Duration = Duration::from_secs(1);
/// So many topics are being created at most for Metadata requests: as many as one request may create. A client that is not served
/// asks again.
const BEING_CREATED_MAX: usize = 10_000;

/// The topic as it is created when nobody says how: `num.partitions` and so on if this node has them set (the controller's own are
/// used otherwise), or the internal topics' own properties.
pub fn default_topic(config: &BrokerConfig, name: &Str) -> CreatableTopic {
    let set = |name: &'static str, value: String| CreatableTopicConfig {
        name: Str::from_static(name),
        value: Some(Str::from(value)),
    };
    // What the topics of the coordinators that keep a state have in common.
    let state = |topic: &StateTopic, more: Vec<CreatableTopicConfig>| {
        let mut configs = vec![
            set("min.insync.replicas", topic.min_isr.to_string()),
            set("segment.bytes", topic.segment_bytes.to_string()),
        ];
        configs.extend(more);
        (topic.partitions, topic.replication_factor, configs)
    };
    let is_set = |name| config.properties.contains_key(name);
    let (num_partitions, replication_factor, configs) = match name.as_str() {
        names::OFFSETS_TOPIC => (
            config.offsets_topic_partitions,
            config.offsets_topic_replication_factor,
            vec![
                set("compression.type", "producer".to_owned()),
                set("cleanup.policy", "compact".to_owned()),
                set(
                    "segment.bytes",
                    config.offsets_topic_segment_bytes.to_string(),
                ),
            ],
        ),
        names::TRANSACTION_STATE_TOPIC => state(
            &config.transaction_topic,
            vec![
                set("unclean.leader.election.enable", "false".to_owned()),
                set("compression.type", "uncompressed".to_owned()),
                set("cleanup.policy", "compact".to_owned()),
            ],
        ),
        names::SHARE_STATE_TOPIC => state(
            &config.share_topic,
            vec![
                set("compression.type", "producer".to_owned()),
                // Its records are deleted by the coordinator (KIP-932).
                set("cleanup.policy", "delete".to_owned()),
                set("retention.ms", "-1".to_owned()),
            ],
        ),
        _ => (
            if is_set("num.partitions") {
                config.num_partitions
            } else {
                -1
            },
            if is_set("default.replication.factor") {
                config.default_replication_factor
            } else {
                -1
            },
            Vec::new(),
        ),
    };
    CreatableTopic {
        name: name.clone(),
        num_partitions,
        replication_factor,
        configs,
        ..Default::default()
    }
}

/// Topics that could not be created, and why.
pub type Failed = BTreeMap<Str, ErrorCode>;

/// Creates topics that do not exist, however long that takes. Returns those that could not be created; one that exists meanwhile is
/// no failure.
pub fn auto_create(node: &Node, topics: Vec<Str>) -> impl Future<Output = Failed> + Send + use<> {
    let request = CreateTopicsRequest {
        topics: topics
            .iter()
            .map(|name| default_topic(&node.config, name))
            .collect(),
        timeout_ms: CREATE_TIMEOUT_MS,
        validate_only: false,
    };
    let meta = node.meta.clone();
    async move {
        match meta.create_topics(request, Some(Vec::new())).await {
            Err(error) => topics.into_iter().map(|name| (name, error)).collect(),
            Ok(response) => response
                .topics
                .into_iter()
                .map(|t| (t.name, ErrorCode::from_wire(t.error_code)))
                .filter(|(_, e)| !matches!(e, ErrorCode::None | ErrorCode::TopicAlreadyExists))
                .collect(),
        }
    }
}

/// Creates topics that do not exist, and waits for a moment if a controller is known. Returns those that could not be created by
/// then for a reason that the client should know; the rest is created behind the answer, or by the client's next request.
pub async fn create_soon(node: &Node, topics: Vec<Str>) -> Failed {
    let batches = node.creations.begin(node, topics);
    let mut failed = Failed::new();
    if node.meta.leadership().borrow().leader.is_none() {
        return failed;
    }
    let until = Instant::now() + SOON;
    for mut batch in batches {
        if let Ok(Ok(())) = timeout_at(until, batch.changed()).await {
            failed.extend(batch.borrow().clone());
        }
    }
    // That is between brokers: to a client the topic is not there yet.
    failed.retain(|_, error| *error != ErrorCode::NotController);
    failed
}

/// The topics that are being created for Metadata requests. Its tasks end with it.
#[derive(Default)]
pub struct Creations(Mutex<Creating>);

#[derive(Default)]
struct Creating {
    /// Which batch each topic is in. Names of batches that have ended go when the next one begins.
    batches: HashMap<Str, (u64, watch::Receiver<Failed>)>,
    next: u64,
    tasks: JoinSet<()>,
}

impl Creations {
    /// Has those topics created that are not being created. Returns the batches that they are in: each is told of its failures, and
    /// ends.
    fn begin(&self, node: &Node, topics: Vec<Str>) -> Vec<watch::Receiver<Failed>> {
        let mut creating = self.0.lock();
        let Creating {
            batches,
            next,
            tasks,
        } = &mut *creating;
        while tasks.try_join_next().is_some() {}
        batches.retain(|_, (_, batch)| batch.has_changed().is_ok());
        let mut found = BTreeMap::new();
        let mut new = Vec::new();
        for name in topics {
            match batches.get(&name) {
                Some((id, batch)) => {
                    found.entry(*id).or_insert_with(|| batch.clone());
                }
                None if batches.len() + new.len() < BEING_CREATED_MAX => new.push(name),
                None => {}
            }
        }
        if !new.is_empty() {
            let id = *next;
            *next += 1;
            let (told, batch) = watch::channel(Failed::new());
            let named = |name: &Str| (name.clone(), (id, batch.clone()));
            batches.extend(new.iter().map(named));
            found.insert(id, batch);
            let create = auto_create(node, new);
            let run = async move {
                told.send_replace(create.await);
            };
            task::spawn_in(tasks, run, &Handle::current());
        }
        found.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::{Given, Origin};

    fn config(properties: &[(&str, &str)]) -> BrokerConfig {
        let mut given = Given::default();
        for (name, value) in properties {
            given.add(name, value, Origin::Override);
        }
        given.resolve().unwrap().config
    }

    #[test]
    fn a_topic_is_made_as_the_node_says_that_was_asked() {
        let made = |config: &BrokerConfig| {
            let topic = default_topic(config, &"t".into());
            (topic.num_partitions, topic.replication_factor)
        };
        assert_eq!(made(&config(&[])), (-1, -1), "the controller decides");
        assert_eq!(made(&config(&[("num.partitions", "1")])), (1, -1));
        let config = config(&[("num.partitions", "6"), ("default.replication.factor", "3")]);
        assert_eq!(made(&config), (6, 3));
    }

    #[test]
    fn the_topics_of_coordinators_have_their_own_properties() {
        let config = config(&[
            ("num.partitions", "6"),
            ("transaction.state.log.num.partitions", "7"),
            ("transaction.state.log.replication.factor", "2"),
            ("transaction.state.log.min.isr", "2"),
            ("share.coordinator.state.topic.num.partitions", "8"),
            ("share.coordinator.state.topic.segment.bytes", "1000000"),
        ]);
        let made = |name: &'static str| {
            let topic = default_topic(&config, &name.into());
            let mut configs: Vec<String> = topic
                .configs
                .iter()
                .map(|c| format!("{}={}", c.name, c.value.as_deref().unwrap_or_default()))
                .collect();
            configs.sort();
            (
                topic.num_partitions,
                topic.replication_factor,
                configs.join(" "),
            )
        };
        let transactions = "cleanup.policy=compact compression.type=uncompressed min.insync.replicas=2 \
                            segment.bytes=104857600 unclean.leader.election.enable=false";
        assert_eq!(made("__transaction_state"), (7, 2, transactions.to_owned()));
        let shares = "cleanup.policy=delete compression.type=producer min.insync.replicas=1 \
                      retention.ms=-1 segment.bytes=1000000";
        assert_eq!(made("__share_group_state"), (8, 1, shares.to_owned()));
    }
}
