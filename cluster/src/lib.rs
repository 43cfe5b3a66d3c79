//! Every decision of the cluster, as pure state machines: no runtime, no files, no clock.

pub mod config;
pub mod fetch;
pub mod group;
pub mod machine;
pub mod metadata;
pub mod placement;
#[cfg(feature = "sim")]
pub mod plant;
pub mod replica;
