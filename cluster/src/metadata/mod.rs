//! The cluster's metadata: an image that is a fold over Kafka's metadata records, the difference between two images, and the
//! controller's decisions.
//!
//! Always holds: an [`Image`] is a function of the records applied to it; records of one decision are applied as a unit. Must
//! never: do I/O, read a clock, or depend on the order of a hash map.

mod command;
pub mod decide;
mod delta;
mod departures;
pub mod features;
mod image;
mod replay;
#[cfg(test)]
mod tests;
mod write;

pub use command::{Command, Env, Reply, Settings};
pub use decide::{MetaDecision, decide};
pub use delta::{Delta, TopicDelta};
pub use departures::Departures;
pub use image::{
    BrokerImage, ConfigMap, Endpoint, Image, PartitionImage, Position, ResourceType, TopicImage,
};
pub use replay::ReplayError;
pub use write::record_version;
