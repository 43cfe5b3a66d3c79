//! What changed between two images: what a publisher needs to look at.
//!
//! Always holds: everything that differs between the image before and the image after is named here; a name here may turn out
//! not to differ (a change and its opposite). Must never: be needed to understand an image.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use airis_protocol::types::{NodeId, Str, Uuid};

use super::image::{Image, ResourceType, TopicImage};

/// A topic that is new or has changed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicDelta {
    pub name: Str,
    /// The topic did not exist before.
    pub created: bool,
    /// Partitions that are new or changed, by number.
    pub partitions: BTreeSet<i32>,
}

/// The difference between two images. Everything is looked up in the newer image, except for deleted topics.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Delta {
    /// New and changed topics.
    pub topics: BTreeMap<Uuid, TopicDelta>,
    /// Topics that are gone, as they were.
    pub deleted: BTreeMap<Uuid, Arc<TopicImage>>,
    pub brokers: BTreeSet<NodeId>,
    pub configs: BTreeSet<(ResourceType, Str)>,
    pub features: BTreeSet<Str>,
    pub producer_ids: bool,
    pub acls: bool,
    pub scram: bool,
    pub quotas: bool,
    pub tokens: bool,
    pub controllers: bool,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        *self == Delta::default()
    }

    /// What differs between two images that no records connect (a snapshot replaced the one by the other).
    pub fn between(before: &Image, after: &Image) -> Delta {
        let mut delta = Delta::default();
        for old in before.topics() {
            if after.topic_by_id(old.id).is_none() {
                delta.deleted.insert(old.id, old.clone());
            }
        }
        for new in after.topics() {
            let old = before.topic_by_id(new.id);
            let partitions: BTreeSet<i32> = (0..new.partitions.len())
                .filter(|at| old.and_then(|o| o.partitions.get(*at)) != new.partitions.get(*at))
                .map(|at| at as i32)
                .collect();
            if old.is_none() || !partitions.is_empty() {
                let topic = delta.topic(new.id, &new.name);
                topic.created = old.is_none();
                topic.partitions = partitions;
            }
        }
        for id in before.brokers.keys().chain(after.brokers.keys()) {
            if before.brokers.get(id) != after.brokers.get(id) {
                delta.brokers.insert(*id);
            }
        }
        for key in before.configs.keys().chain(after.configs.keys()) {
            if before.configs.get(key) != after.configs.get(key) {
                delta.configs.insert(key.clone());
            }
        }
        for name in before.features.keys().chain(after.features.keys()) {
            if before.features.get(name) != after.features.get(name) {
                delta.features.insert(name.clone());
            }
        }
        delta.producer_ids = before.next_producer_id != after.next_producer_id;
        delta.acls = before.acls != after.acls;
        delta.scram = before.scram != after.scram;
        delta.quotas = before.quotas != after.quotas;
        delta.tokens = before.tokens != after.tokens;
        delta.controllers = before.controllers != after.controllers;
        delta
    }

    /// Adds a later difference.
    pub(super) fn absorb(&mut self, later: Delta) {
        for (id, before) in later.deleted {
            self.delete(id, before);
        }
        for (id, topic) in later.topics {
            // One that went and came back has changed, at most.
            let returned = self.deleted.contains_key(&id);
            let known = self.topic(id, &topic.name);
            known.created |= topic.created && !returned;
            known.partitions.extend(topic.partitions);
            if returned {
                self.deleted.remove(&id);
            }
        }
        self.brokers.extend(later.brokers);
        self.configs.extend(later.configs);
        self.features.extend(later.features);
        self.producer_ids |= later.producer_ids;
        self.acls |= later.acls;
        self.scram |= later.scram;
        self.quotas |= later.quotas;
        self.tokens |= later.tokens;
        self.controllers |= later.controllers;
    }

    pub(super) fn topic(&mut self, id: Uuid, name: &Str) -> &mut TopicDelta {
        self.topics.entry(id).or_insert_with(|| TopicDelta {
            name: name.clone(),
            ..Default::default()
        })
    }

    /// Notes that a topic is gone. A topic that came and went within this difference leaves no trace.
    pub(super) fn delete(&mut self, id: Uuid, before: Arc<TopicImage>) {
        if !self.topics.remove(&id).is_some_and(|t| t.created) {
            self.deleted.insert(id, before);
        }
    }
}
