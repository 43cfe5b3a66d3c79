//! What changed between two images: what a publisher needs to look at.
//!
//! Always holds: everything that differs between the image before and the image after is named here; a name here may turn out
//! not to differ (a change and its opposite). Must never: be needed to understand an image.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use airis_protocol::types::{NodeId, Str, Uuid};

use super::image::{ResourceType, TopicImage};

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
