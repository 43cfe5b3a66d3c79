//! Wall time, as the node reads it.
//!
//! Always holds: pure code never calls this; the shell reads it once a request and passes it on. Must never: be used to measure a
//! duration (that is tokio's clock).

use std::time::{SystemTime, UNIX_EPOCH};

use airis_protocol::types::Millis;

/// The node's source of wall time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        Millis(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| d.as_millis() as i64),
        )
    }
}
