//! What a node finds outside of itself: a network, a disk, the time.
//!
//! Always holds: nothing of a node reaches any of these but through here. Must never: know which node it serves.

use std::sync::Arc;

use airis_storage::{Disk, RealDisk};

use crate::clock::Clock;
use crate::net::Network;

/// The machine that a node runs on.
#[derive(Clone)]
pub struct Host {
    pub network: Network,
    pub disk: Arc<dyn Disk>,
    pub clock: Clock,
    /// Names the machine's run from power-on to power-off; empty if it is not known.
    pub boot: String,
}

impl Default for Host {
    /// This machine.
    fn default() -> Host {
        Host {
            network: Network::Tcp,
            disk: Arc::new(RealDisk),
            clock: Clock::default(),
            boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default(),
        }
    }
}
