//! Kafka's wire and record formats: bytes to values and back. No I/O, no clock, no async runtime.

pub mod api_key;
pub mod error;
pub mod messages;
pub mod types;
pub mod wire;
