//! The tables of configs, by resource.
//!
//! Always holds: each table is sorted by name and holds each name once. Must never: be edited away from what Kafka 4.3.0 has.

mod client_metrics;
mod cluster;
mod group;
mod groups;
mod log;
mod net;
mod own;
mod remote;
mod replication;
mod security;
mod topic;

use std::sync::LazyLock;

pub use client_metrics::CLIENT_METRICS;
pub use group::GROUP;
pub use own::OWN;
pub use topic::TOPIC;

use super::def::ConfigDef;

/// Rows: `"name": Type = default, check, importance, dynamic, meaning, visibility "doc";`.
macro_rules! table {
    ($table:ident $($name:literal: $ty:ident = $default:tt, $check:expr, $importance:ident, $dynamic:ident, $meaning:ident,
        $visible:ident $doc:literal;)*) => {
        #[allow(unused_imports)]
        use $crate::config::def::Check::*;

        pub static $table: &[$crate::config::def::ConfigDef] = &[
            $($crate::config::def::ConfigDef {
                name: $name,
                ty: $crate::config::def::ConfigType::$ty,
                default: $crate::config::table::default!($default),
                check: $check,
                importance: $crate::config::def::Importance::$importance,
                dynamic: $crate::config::def::Dynamic::$dynamic,
                meaning: $crate::config::def::Meaning::$meaning,
                internal: $crate::config::table::internal!($visible),
                doc: $doc,
            },)*
        ];
    };
}

macro_rules! default {
    (null) => {
        $crate::config::def::Default::Null
    };
    (required) => {
        $crate::config::def::Default::Required
    };
    ($value:literal) => {
        $crate::config::def::Default::Value($value)
    };
}

macro_rules! internal {
    (internal) => {
        true
    };
    (public) => {
        false
    };
}

use {default, internal, table};

/// All broker configs, by name.
pub static BROKER: LazyLock<Vec<ConfigDef>> = LazyLock::new(|| {
    let mut all = [
        cluster::BROKER_CLUSTER,
        groups::BROKER_GROUPS,
        log::BROKER_LOG,
        net::BROKER_NET,
        remote::BROKER_REMOTE,
        replication::BROKER_REPLICATION,
        security::BROKER_SECURITY,
    ]
    .concat();
    all.sort_by_key(|d| d.name);
    all
});

fn find<'a>(table: &'a [ConfigDef], name: &str) -> Option<&'a ConfigDef> {
    let at = table.binary_search_by(|d| d.name.cmp(name)).ok()?;
    Some(&table[at])
}

/// The row of a topic config.
pub fn topic(name: &str) -> Option<&'static ConfigDef> {
    find(TOPIC, name)
}

/// The row of a broker config; not of one with a listener's prefix, see [`super::listener_base`].
pub fn broker(name: &str) -> Option<&'static ConfigDef> {
    find(&BROKER, name)
}

/// The row of a broker config that Kafka does not have.
pub fn own(name: &str) -> Option<&'static ConfigDef> {
    find(OWN, name)
}

/// The row of a group config.
pub fn group(name: &str) -> Option<&'static ConfigDef> {
    find(GROUP, name)
}

/// The row of a config of a client metrics subscription.
pub fn client_metrics(name: &str) -> Option<&'static ConfigDef> {
    find(CLIENT_METRICS, name)
}
