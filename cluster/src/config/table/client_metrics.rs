//! Configs of subscriptions to clients' metrics: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { CLIENT_METRICS
    "interval.ms": Int = "300000", Any, Medium, ClusterWide, Later, public "Milliseconds between two metrics pushes of a client.";
    "match": List = "", ListUnique { empty: true }, Medium, ClusterWide, Later, public "Which clients the subscription is for, `selector=pattern,...`.";
    "metrics": List = "", ListUnique { empty: true }, Medium, ClusterWide, Later, public "Prefixes of the metrics that are asked for; `*` for all.";
}
