//! What the active controller looks after from time to time: leaderships go back to the preferred replicas
//! (`auto.leader.rebalance.enable`), and unclean elections happen where they have come to be allowed.
//!
//! Must never: run on a node that does not lead the quorum.

use std::time::Duration;

use airis_cluster::metadata::{Command, Reply};
use tokio::sync::watch;

use super::MetaHandle;
use crate::time::sleep;

/// Looks every `period` until `stop` turns true.
pub(super) async fn run(
    meta: MetaHandle,
    period: Duration,
    preferred: bool,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = sleep(period) => {}
            _ = stop.wait_for(|s| *s) => return,
        }
        while meta.is_active() {
            match meta.submit(Command::Balance { preferred }).await {
                Ok(Reply::Balanced { more: true }) => {}
                Ok(_) => break,
                Err(e) => {
                    tracing::debug!(error = e.name(), "leaderships are balanced another time");
                    break;
                }
            }
        }
    }
}
