//! Sockets: listening, connections, what goes in and out of them.
//!
//! Always holds: memory for requests under way is bounded over all connections. Must never: know what a request means.

pub mod channel;
mod connection;
#[cfg(any(test, feature = "sim"))]
pub mod fabric;
mod listener;
mod memory;
mod output;
pub mod peer;
mod seats;
mod socket;
mod threads;

pub use connection::Limits;
pub use listener::{Bound, bind};
pub use memory::RequestMemory;
pub use seats::Seats;
pub use socket::Network;
pub use threads::{Serving, Threads};
