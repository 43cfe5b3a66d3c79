//! A client: it finds leaders and coordinators, asks, and gives up after a while.
//!
//! Always holds: a connection whose answer did not come in time is not used again. Must never: repeat a request by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use airis_broker::sim::{Channel, Network};
use airis_protocol::messages::metadata_request::MetadataRequestTopic;
use airis_protocol::messages::*;
use airis_protocol::types::{Str, Uuid};
use airis_protocol::wire::Request;
use tokio::time::timeout;

use crate::chance::Dice;

const METADATA_VERSION: i16 = 12;

/// Where a partition is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub topic: Uuid,
    pub leader: i32,
}

pub struct Client {
    pub name: String,
    network: Network,
    nodes: Vec<i32>,
    pub dice: Dice,
    channels: BTreeMap<i32, Channel>,
    places: BTreeMap<(String, i32), Place>,
    /// The newest leader epoch heard of: a node that was cut off tells of older ones.
    epochs: BTreeMap<(Uuid, i32), i32>,
}

pub fn host_of(node: i32) -> String {
    format!("10.0.0.{node}")
}

pub const PORT: u16 = 9092;
pub const CONTROLLER_PORT: u16 = 9093;

impl Client {
    pub fn new(name: String, network: Network, nodes: Vec<i32>, dice: Dice) -> Client {
        Client {
            name,
            network,
            nodes,
            dice,
            channels: BTreeMap::new(),
            places: BTreeMap::new(),
            epochs: BTreeMap::new(),
        }
    }

    pub fn any_node(&mut self) -> i32 {
        let i = self.dice.below(self.nodes.len() as u64) as usize;
        self.nodes[i]
    }

    async fn channel(&mut self, node: i32) -> Option<Channel> {
        if let Some(open) = self.channels.get(&node).filter(|c| !c.is_closed()) {
            return Some(open.clone());
        }
        let host = host_of(node);
        let connecting = Channel::connect(&self.network, &host, PORT);
        let open = timeout(Duration::from_secs(2), connecting)
            .await
            .ok()?
            .ok()?;
        self.channels.insert(node, open.clone());
        Some(open)
    }

    /// Asks one node. `None`: it did not answer.
    pub async fn ask<R: Request>(
        &mut self,
        node: i32,
        request: &R,
        version: i16,
        patience: Duration,
    ) -> Option<R::Response> {
        let mut all = self
            .ask_all(node, std::slice::from_ref(request), version, patience)
            .await;
        all.pop().flatten()
    }

    /// Asks one node several things at once, in this order.
    pub async fn ask_all<R: Request>(
        &mut self,
        node: i32,
        requests: &[R],
        version: i16,
        patience: Duration,
    ) -> Vec<Option<R::Response>> {
        let Some(channel) = self.channel(node).await else {
            return requests.iter().map(|_| None).collect();
        };
        let name = Str::from(&self.name);
        let calls = requests
            .iter()
            .map(|r| timeout(patience, channel.call(r, version, name.clone())));
        let answers = futures::future::join_all(calls).await;
        if answers.iter().any(|a| !matches!(a, Ok(Ok(_)))) {
            self.channels.remove(&node);
        }
        answers
            .into_iter()
            .map(|a| a.ok().and_then(Result::ok))
            .collect()
    }

    /// Forgets where a partition is: it is asked anew.
    pub fn forget(&mut self, topic: &str, partition: i32) {
        self.places.remove(&(topic.to_owned(), partition));
    }

    /// Who leads a partition, as some node says.
    pub async fn place(&mut self, topic: &str, partition: i32) -> Option<Place> {
        let key = (topic.to_owned(), partition);
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        let node = self.any_node();
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                name: Some(Str::from(topic)),
                ..Default::default()
            }]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let answer = self
            .ask(node, &request, METADATA_VERSION, Duration::from_secs(2))
            .await?;
        let topic = answer.topics.first().filter(|t| t.error_code == 0)?;
        for p in &topic.partitions {
            let known = self
                .epochs
                .entry((topic.topic_id, p.partition_index))
                .or_insert(-1);
            if p.leader_epoch < *known {
                continue;
            }
            *known = p.leader_epoch;
            if p.leader_id >= 0 {
                let place = Place {
                    topic: topic.topic_id,
                    leader: p.leader_id,
                };
                self.places
                    .insert((key.0.clone(), p.partition_index), place);
            }
        }
        self.places.get(&key).copied()
    }
}
