//! A broker's life in its cluster: it registers, says again and again that it lives, and leaves in an orderly way.
//!
//! Always holds: one process is one incarnation; the registration's epoch is known to the node before clients are let in. Must
//! never: stop saying that it lives because one controller is gone: the next one is looked for at once.

use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::Command;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse,
};
use airis_protocol::types::BrokerEpoch;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::api::{broker_heartbeat, broker_registration};
use crate::node::Node;
use crate::time::sleep;
use crate::work::until;

/// Between two tries to reach a controller.
const AGAIN: Duration = Duration::from_millis(50);
/// How often it is said why this broker is not registered yet.
const SAY: Duration = Duration::from_secs(5);
/// How long an orderly leave may take before the node goes without one.
const LEAVE_MAX: Duration = Duration::from_secs(10);
/// So long a leaving broker looks for a controller: when a whole cluster stops, the last ones have none.
const LEAVE_ALONE_MAX: Duration = Duration::from_secs(2);

/// Registers, however long that takes: until a controller is there, and until the last process of this id counts as dead.
///
/// Errors: what waiting does not mend.
pub async fn register(node: &Node, request: &BrokerRegistrationRequest) -> Result<(), ErrorCode> {
    let answer_max = node.config.session_timeout;
    let mut said = Instant::now();
    loop {
        let asked = async {
            catch_up(node).await?;
            ask(node, request).await
        };
        let answer = timeout(answer_max, asked).await;
        let error = match answer.unwrap_or(Err(ErrorCode::RequestTimedOut)) {
            Ok(answer) if answer.error_code == 0 => {
                node.set_epoch(BrokerEpoch(answer.broker_epoch));
                return Ok(());
            }
            Ok(answer) => ErrorCode::from_wire(answer.error_code),
            Err(error) => error,
        };
        match error {
            ErrorCode::NotController
            | ErrorCode::RequestTimedOut
            | ErrorCode::DuplicateBrokerRegistration
            // The controller's disk, which may be full for a while.
            | ErrorCode::KafkaStorageError => {}
            error => return Err(error),
        }
        if said.elapsed() >= SAY {
            said = Instant::now();
            info!(error = error.name(), "this broker is not registered yet");
        }
        sleep(AGAIN).await;
    }
}

/// Waits for the metadata that are committed by now: what this broker was registered as before may be in them. An earlier run may have
/// ended before it heard of its own registration.
async fn catch_up(node: &Node) -> Result<(), ErrorCode> {
    let end = node.meta.committed_end().await?;
    node.meta.image_at(end - 1).await;
    Ok(())
}

/// One registration, at whoever is the active controller.
async fn ask(
    node: &Node,
    request: &BrokerRegistrationRequest,
) -> Result<BrokerRegistrationResponse, ErrorCode> {
    let disks = node.partitions.disks();
    let request = BrokerRegistrationRequest {
        previous_broker_epoch: disks.previous_epoch(&node.meta.image(), node.id).0,
        ..request.clone()
    };
    if node.meta.is_active() {
        Ok(broker_registration::register(&node.meta, request).await)
    } else {
        node.meta.register_remote(&request).await
    }
}

/// One heartbeat, to whoever is the active controller.
async fn heartbeat(
    node: &Node,
    want_shut_down: bool,
) -> Result<BrokerHeartbeatResponse, ErrorCode> {
    let request = BrokerHeartbeatRequest {
        broker_id: node.id.0,
        broker_epoch: node.epoch().0,
        current_metadata_offset: node.meta.image().position.offset.0,
        want_fence: false,
        want_shut_down,
        offline_log_dirs: node.partitions.offline_dirs(),
        ..Default::default()
    };
    let answer = if node.meta.is_active() {
        broker_heartbeat::heartbeat(&node.meta, None, request).await
    } else {
        let answer = node.meta.heartbeat_remote(&request);
        timeout(node.config.session_timeout / 2, answer)
            .await
            .unwrap_or(Err(ErrorCode::RequestTimedOut))?
    };
    match ErrorCode::from_wire(answer.error_code) {
        ErrorCode::None => Ok(answer),
        error => Err(error),
    }
}

/// What the heartbeats do. `Leaving` until the controller has let the broker go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Live,
    Leave,
}

/// The heartbeats of a registered broker.
pub struct Life {
    wish: watch::Sender<Wish>,
    unfenced: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Life {
    /// Begins the heartbeats. A node that is `alone` is not fenced, and has nobody to tell that it lives until others come: from then on
    /// another one may lead the quorum.
    pub fn begin(
        node: Arc<Node>,
        registration: BrokerRegistrationRequest,
        stopped: &watch::Receiver<bool>,
        alone: bool,
    ) -> Life {
        let (wish, mut wishes) = watch::channel(Wish::Live);
        let (told, unfenced) = watch::channel(alone);
        let task = until(stopped, async move {
            if alone {
                tokio::select! {
                    () = node.meta.joined() => {}
                    () = tell_failures(node.clone()) => return,
                    // Who is alone gives its leaderships up itself.
                    _ = wishes.wait_for(|w| *w == Wish::Leave) => return,
                }
            }
            run(node, registration, wishes, told).await;
        });
        Life {
            wish,
            unfenced,
            task,
        }
    }

    /// Waits until the controller lets this broker lead.
    pub async fn unfenced(&mut self) {
        let _ = self.unfenced.wait_for(|u| *u).await;
    }

    /// Leaves: leaderships are moved first. Returns when the controller lets go, or after a while without.
    pub async fn leave(mut self) {
        self.wish.send_replace(Wish::Leave);
        if timeout(LEAVE_MAX, &mut self.task).await.is_err() {
            warn!("no controller lets this broker go in order: it goes without");
        }
    }
}

impl Drop for Life {
    /// Ends as a crash would.
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    node: Arc<Node>,
    registration: BrokerRegistrationRequest,
    mut wishes: watch::Receiver<Wish>,
    told: watch::Sender<bool>,
) {
    let interval = node.config.heartbeat_interval;
    let mut leadership = node.meta.leadership();
    let mut disks = node.partitions.disks().failures();
    let mut failing: Option<Instant> = None;
    loop {
        let wish = *wishes.borrow_and_update();
        leadership.borrow_and_update();
        disks.borrow_and_update();
        let rest = match heartbeat(&node, wish == Wish::Leave).await {
            Ok(answer) => {
                failing = None;
                if wish == Wish::Leave && answer.should_shut_down {
                    return;
                }
                let was = told.send_replace(!answer.is_fenced);
                if was == answer.is_fenced {
                    info!(
                        fenced = answer.is_fenced,
                        "the controller has changed this broker's state"
                    );
                }
                // Whoever waits for something asks soon again.
                if answer.is_fenced || wish == Wish::Leave {
                    AGAIN.min(interval)
                } else {
                    interval
                }
            }
            Err(error) => {
                let since = *failing.get_or_insert_with(|| {
                    info!(
                        error = error.name(),
                        "the controller has not taken a heartbeat"
                    );
                    Instant::now()
                });
                // What an earlier run of this node had sent has come late, and counts as the newer one. It holds nothing: the locks of
                // the log directories are here.
                let deposed = node.meta.image().broker(node.id).is_some_and(|b| {
                    b.epoch > node.epoch() && b.incarnation != registration.incarnation_id
                });
                if error == ErrorCode::StaleBrokerEpoch && wish == Wish::Live && deposed {
                    warn!("another process was registered as this broker: it registers again");
                    if let Err(error) = register(&node, &registration).await {
                        warn!("it cannot register again: {error}");
                    }
                }
                if wish == Wish::Leave && since.elapsed() >= LEAVE_ALONE_MAX {
                    warn!("no controller is there to let this broker go in order: it goes without");
                    return;
                }
                AGAIN.min(interval)
            }
        };
        let lost = async {
            if node.meta.is_active() || rest < interval {
                std::future::pending::<()>().await;
            }
            node.meta.controller_lost().await;
        };
        tokio::select! {
            () = sleep(rest) => {}
            // The controller believes this broker dead if it does not come back by another connection.
            () = lost => {}
            // The controller has others lead what was there, the sooner the better.
            Ok(()) = disks.changed() => {}
            changed = wishes.changed() => if changed.is_err() { return },
            changed = leadership.changed() => if changed.is_err() { stopping_for_good().await },
        }
    }
}

/// What a broker that is alone, and needs no heartbeats, has to say all the same: that log directories have failed.
async fn tell_failures(node: Arc<Node>) {
    let mut disks = node.partitions.disks().failures();
    loop {
        disks.borrow_and_update();
        let offline_log_dirs = node.partitions.offline_dirs();
        if !offline_log_dirs.is_empty() {
            let request = BrokerHeartbeatRequest {
                broker_id: node.id.0,
                broker_epoch: node.epoch().0,
                current_metadata_offset: node.meta.image().position.offset.0,
                want_fence: false,
                offline_log_dirs,
                ..Default::default()
            };
            let command = Command::Heartbeat {
                request,
                passed: false,
            };
            if node.meta.submit(command).await.is_err() {
                sleep(AGAIN).await;
                continue;
            }
        }
        if disks.changed().await.is_err() {
            return;
        }
    }
}

/// The metadata has stopped, and the node is about to.
async fn stopping_for_good() {
    std::future::pending::<()>().await;
}
