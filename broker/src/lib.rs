//! A Kafka-wire-compatible, replicated segment-log broker.

pub mod meta;
