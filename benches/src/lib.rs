//! What the benches and the load generator share: batches as producers make them, a bare client, an embedded node on threads of
//! its own, and what the machine says of a process.
//!
//! Always holds: a client's own cost per request is a system call and a few hundred instructions, so that what is measured is the
//! broker. Must never: assert that something is fast enough.

pub mod batches;
pub mod client;
pub mod embedded;
pub mod filled;
pub mod machine;
pub mod paths;
pub mod requests;
