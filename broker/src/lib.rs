//! A Kafka-wire-compatible, replicated segment-log broker: the binary, and the same node inside another process.
//!
//! ```no_run
//! # async fn example() -> Result<(), airis_broker::StartError> {
//! let broker = airis_broker::Broker::builder().start().await?;
//! println!("point any Kafka client at {}", broker.bootstrap_servers());
//! broker.stop().await;
//! # Ok(()) }
//! ```
//!
//! With the feature `faults` (for `[dev-dependencies]`) a test pauses nodes, cuts them off, fills their disks, moves leaders, orders
//! errors, and sets the clock ahead:
//!
#![cfg_attr(feature = "faults", doc = include_str!("faults/example.md"))]

mod api;
mod boot;
pub mod cli;
mod clock;
mod config;
mod coord;
mod embed;
#[cfg(feature = "faults")]
pub mod faults;
mod host;
mod life;
mod meta;
mod net;
mod node;
mod partition;
mod producer_ids;
mod replicate;
mod scarce;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod sim;
mod task;
mod time;
mod topics;
mod work;

pub use boot::StartError;
pub use embed::{Broker, Builder, Cluster, ClusterBuilder};
