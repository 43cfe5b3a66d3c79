//! The doors by which the simulation reaches what it puts around a node, and what it looks at inside.
//!
//! Always holds: this is there only with the feature `sim`, which no release has. Must never: change what a node does, unless a bug
//! was planted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

pub use airis_cluster::plant::{Plant, is_planted, plant};

pub use crate::boot::start;
pub use crate::clock::Clock;
pub use crate::config::load::{Given, Origin};
pub use crate::host::Host;
pub use crate::net::Network;
pub use crate::net::channel::Channel;
pub use crate::net::fabric::Fabric;
pub use crate::node::Node;
pub use crate::partition::Partition;
pub use crate::task::Scope;

thread_local! {
    static NODES: RefCell<BTreeMap<i32, Weak<Node>>> = const { RefCell::new(BTreeMap::new()) };
}

/// A node has come so far that it has partitions.
pub(crate) fn begun(node: &Arc<Node>) {
    NODES.with_borrow_mut(|nodes| nodes.insert(node.id.0, Arc::downgrade(node)));
}

/// The process of this node has ended.
pub fn forget(id: i32) {
    NODES.with_borrow_mut(|nodes| nodes.remove(&id));
}

/// The newest node of this id on this thread.
pub fn node_of(id: i32) -> Option<Arc<Node>> {
    NODES.with_borrow(|nodes| nodes.get(&id)?.upgrade())
}
