//! What a broker remembers between the fetches of one client.

pub mod client;
pub mod session;
