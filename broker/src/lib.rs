//! A Kafka-wire-compatible, replicated segment-log broker.

mod api;
mod clock;
mod config;
mod meta;
mod net;
mod node;
mod partition;
mod topics;
