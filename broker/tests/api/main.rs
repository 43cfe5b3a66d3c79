//! The node over its own sockets: what each API answers, what it refuses, and what it survives. One binary, embedded nodes.

mod admin;
mod client;
mod cluster;
mod disks;
mod groups;
mod hostile;
mod life;
mod records;
