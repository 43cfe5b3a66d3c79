//! A Kafka-wire-compatible, replicated segment-log broker: the binary, and the same node inside another process.
//!
//! ```no_run
//! # async fn example() -> Result<(), airis_broker::StartError> {
//! let broker = airis_broker::Broker::builder().start().await?;
//! println!("point any Kafka client at {}", broker.bootstrap_servers());
//! broker.stop().await;
//! # Ok(()) }
//! ```

mod api;
mod boot;
pub mod cli;
mod clock;
mod config;
mod coord;
mod embed;
mod host;
mod life;
mod meta;
mod net;
mod node;
mod partition;
mod producer_ids;
mod replicate;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod sim;
mod task;
mod topics;
mod work;

pub use boot::StartError;
pub use embed::{Broker, Builder, Cluster, ClusterBuilder};
