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

use crate::config::BrokerConfig;
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

/// The topic as it is created when nobody says how: `num.partitions` and so on, or the internal topics' own properties.
pub fn default_topic(config: &BrokerConfig, name: &Str) -> CreatableTopic {
    let set = |name: &'static str, value: String| CreatableTopicConfig {
        name: Str::from_static(name),
        value: Some(Str::from(value)),
    };
    let (num_partitions, replication_factor, configs) = if name.as_str() == names::OFFSETS_TOPIC {
        (
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
        )
    } else {
        (-1, -1, Vec::new())
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
