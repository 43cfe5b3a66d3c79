//! librdkafka, unmodified, against a broker in this process: by the crate that most Rust programs use.
//!
//! Always holds: each test has a broker of its own, and every wait ends. Must never: accept less than exactly what was sent.

mod admin;
mod elections;
mod group;
mod records;
mod support;
