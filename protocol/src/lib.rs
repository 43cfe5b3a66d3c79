//! Kafka's wire and record formats: bytes to values and back. No I/O, no clock, no async runtime.

pub mod api_key;
pub mod batch;
pub mod compress;
pub mod control;
pub mod error;
pub mod frame;
#[doc(hidden)]
pub mod fuzz;
pub mod header;
pub mod messages;
pub mod names;
pub mod record;
pub mod types;
pub mod validate;
mod walk;
pub mod wire;
