//! Which brokers the active controller believes to live.
//!
//! Always holds: sessions are kept by the active controller alone, and a new one grants everybody a full session, but for the node that
//! led before: that one's began when it was last heard of, because its silence is why another leads; a broker whose process has ended
//! is fenced long before its session would. Must never: fence for a connection that is made anew at once, or take a pause for a death.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::metadata::{Command, Image};
use airis_protocol::error::ErrorCode;
use airis_protocol::types::{BrokerEpoch, NodeId, Str};
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::{MetaHandle, Quorum};
use crate::api::Client;
use crate::net::Network;

/// So long a broker whose connection has ended may take to come back by another.
const GRACE: Duration = Duration::from_millis(200);
/// So long after a change of controllers every broker should have come; those that have not are looked at once more.
const ARRIVAL: Duration = Duration::from_millis(250);
/// How long a look at a broker may take.
const LOOK_MAX: Duration = Duration::from_millis(200);
/// A fence that failed is tried again after this.
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
struct Session {
    epoch: BrokerEpoch,
    heard: Instant,
    /// Open connections that carried its heartbeats.
    connections: usize,
    /// When the last of them ended.
    lost: Option<Instant>,
}

impl Session {
    fn new(epoch: BrokerEpoch, now: Instant) -> Session {
        Session {
            epoch,
            heard: now,
            connections: 0,
            lost: None,
        }
    }

    fn ends(&self, session: Duration) -> Instant {
        let silent = self.heard + session;
        self.lost.map_or(silent, |at| silent.min(at + GRACE))
    }
}

pub struct Sessions {
    me: NodeId,
    network: Network,
    /// `broker.session.timeout.ms`.
    timeout: Duration,
    /// Where brokers listen for each other.
    listener: Str,
    sessions: Mutex<BTreeMap<NodeId, Session>>,
    changed: Notify,
}

/// Counts one connection of a broker for as long as it lives.
struct Connected {
    sessions: Arc<Sessions>,
    broker: NodeId,
    epoch: BrokerEpoch,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut sessions = self.sessions.sessions.lock();
        if let Some(session) = sessions.get_mut(&self.broker)
            && session.epoch == self.epoch
        {
            session.connections = session.connections.saturating_sub(1);
            if session.connections == 0 {
                session.lost = Some(Instant::now());
                self.sessions.changed.notify_one();
            }
        }
    }
}

impl Sessions {
    pub(super) fn new(
        me: NodeId,
        network: Network,
        timeout: Duration,
        listener: Str,
    ) -> Arc<Sessions> {
        Arc::new(Sessions {
            me,
            network,
            timeout,
            listener,
            sessions: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A heartbeat came, over this connection; without one, from this process.
    pub fn heard(self: &Arc<Self>, broker: NodeId, epoch: BrokerEpoch, client: Option<&Client>) {
        let now = Instant::now();
        let mut sessions = self.sessions.lock();
        let session = sessions
            .entry(broker)
            .or_insert_with(|| Session::new(epoch, now));
        if session.epoch != epoch {
            *session = Session::new(epoch, now);
        }
        session.heard = now;
        session.lost = None;
        if let Some(client) = client
            && client.broker.get().is_none()
        {
            session.connections += 1;
            let connected = Connected {
                sessions: self.clone(),
                broker,
                epoch,
            };
            // Set here alone, by the one task of the connection.
            let _ = client.broker.set(Box::new(connected));
        }
    }

    /// True if the registered process of a broker is believed to live: another may not take its id (fault P8). If it has the same disks,
    /// and so their locks, a shorter silence is enough: but what a process before this one had sent may come late, and that one is gone.
    pub fn lives(&self, broker: NodeId, epoch: BrokerEpoch, same_disks: bool) -> bool {
        // This process has that id itself.
        if broker == self.me {
            return false;
        }
        let sessions = self.sessions.lock();
        sessions.get(&broker).is_some_and(|s| {
            let patience = match same_disks {
                true => self.timeout / 2,
                false => self.timeout,
            };
            s.epoch == epoch && s.lost.is_none() && s.heard.elapsed() < patience
        })
    }

    /// Brokers whose session would be over if so much more time passed without another word of them since then.
    #[cfg(feature = "faults")]
    pub fn over_in(&self, by: Duration, said_since: Instant) -> Vec<NodeId> {
        let now = Instant::now();
        let sessions = self.sessions.lock();
        let over = |s: &Session| s.heard < said_since && s.ends(self.timeout) <= now + by;
        sessions
            .iter()
            .filter(|(_, s)| over(s))
            .map(|(id, _)| *id)
            .collect()
    }

    /// So much time has passed for those who have said nothing since then.
    #[cfg(feature = "faults")]
    pub fn age(&self, by: Duration, said_since: Instant) {
        let by = by.min(self.timeout);
        for session in self.sessions.lock().values_mut() {
            if session.heard < said_since {
                session.heard = session.heard.checked_sub(by).unwrap_or(session.heard);
            }
        }
        self.changed.notify_one();
    }

    /// Everybody who is not fenced gets a full session; who led before, and when it was last heard of, what is left of one, and at
    /// least the time to come here.
    fn begin(&self, image: &Image, former: Option<(NodeId, Instant)>) {
        let now = Instant::now();
        let least = now.checked_sub(self.timeout.saturating_sub(ARRIVAL * 2));
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, s| s.connections > 0);
        for broker in image.brokers().filter(|b| !b.fenced) {
            let before = sessions.get(&broker.id).map(|s| s.heard);
            let session = sessions
                .entry(broker.id)
                .or_insert_with(|| Session::new(broker.epoch, now));
            session.heard = match former {
                Some((id, at)) if id == broker.id => before.max(Some(at)).max(least).unwrap_or(now),
                _ => now,
            };
        }
    }

    /// Brokers whose session has ended, and when the next one does.
    fn due(&self, image: &Image) -> (Vec<(NodeId, BrokerEpoch)>, Option<Instant>) {
        let now = Instant::now();
        let mut sessions = self.sessions.lock();
        let (mut ended, mut next) = (Vec::new(), None::<Instant>);
        for broker in image.brokers().filter(|b| !b.fenced && b.id != self.me) {
            let session = sessions
                .entry(broker.id)
                .or_insert_with(|| Session::new(broker.epoch, now));
            if session.epoch != broker.epoch {
                *session = Session::new(broker.epoch, now);
            }
            let ends = session.ends(self.timeout);
            if ends <= now {
                ended.push((broker.id, broker.epoch));
            } else {
                next = Some(next.map_or(ends, |n| n.min(ends)));
            }
        }
        (ended, next)
    }

    /// Brokers that have not come to this controller since it took over.
    fn absent(&self, image: &Image) -> Vec<(NodeId, String, u16)> {
        let sessions = self.sessions.lock();
        image
            .brokers()
            .filter(|b| !b.fenced && b.id != self.me)
            .filter(|b| sessions.get(&b.id).is_none_or(|s| s.connections == 0))
            .filter_map(|b| {
                let e = b.endpoint(&self.listener).or(b.endpoints.first())?;
                Some((b.id, e.host.to_string(), e.port))
            })
            .collect()
    }

    /// Looks whether the processes of those brokers are there at all: where none listens, the system refuses at once; a paused one,
    /// or one behind a cut wire, does not refuse.
    async fn look(&self, image: &Image) {
        let looks = self
            .absent(image)
            .into_iter()
            .map(async |(broker, host, port)| {
                let connected = timeout(LOOK_MAX, self.network.connect(&host, port)).await;
                if let Ok(Err(e)) = connected
                    && e.kind() == io::ErrorKind::ConnectionRefused
                {
                    let mut sessions = self.sessions.lock();
                    if let Some(session) = sessions.get_mut(&broker).filter(|s| s.connections == 0)
                    {
                        tracing::info!(%broker, "nothing listens where the broker did");
                        session.lost = Instant::now().checked_sub(GRACE);
                    }
                }
            });
        join_all(looks).await;
    }

    /// Fences whose session ends, for as long as this node is the active controller.
    pub(super) async fn run(
        self: Arc<Self>,
        meta: MetaHandle,
        quorum: Arc<Quorum>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut leadership = meta.leadership();
        let mut published = meta.subscribe();
        let mut look_at: Option<Instant> = None;
        let mut epoch = None;
        loop {
            let now = *leadership.borrow_and_update();
            if !now.active {
                epoch = None;
                tokio::select! {
                    changed = leadership.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                    _ = stop.wait_for(|s| *s) => return,
                }
            }
            published.borrow_and_update();
            let image = meta.image();
            if epoch != Some(now.epoch) {
                epoch = Some(now.epoch);
                let contact = quorum.contact();
                let led = contact.leader.and_then(|id| i32::try_from(id).ok());
                self.begin(&image, led.map(NodeId).zip(contact.at));
                self.look(&image).await;
                look_at = Some(Instant::now() + ARRIVAL);
            }
            if look_at.is_some_and(|at| at <= Instant::now()) {
                look_at = None;
                self.look(&image).await;
            }
            let (ended, mut next) = self.due(&image);
            for (broker, broker_epoch) in ended {
                tracing::info!(%broker, "the broker's session has ended: it is fenced");
                match meta.submit(Command::Fence(broker, broker_epoch)).await {
                    Ok(_) | Err(ErrorCode::StaleBrokerEpoch) => {}
                    Err(e) => {
                        tracing::warn!(%broker, error = e.name(), "the broker is not fenced, it is tried again");
                        next = Some(Instant::now() + AGAIN);
                    }
                }
            }
            if let Some(at) = look_at {
                next = Some(next.map_or(at, |n| n.min(at)));
            }
            let due = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.changed.notified() => {}
                changed = published.changed() => if changed.is_err() { return },
                changed = leadership.changed() => if changed.is_err() { return },
                _ = stop.wait_for(|s| *s) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use airis_cluster::metadata::Delta;
    use airis_protocol::messages::{MetadataRecord, RegisterBrokerRecord};
    use airis_protocol::types::{LeaderEpoch, Offset};
    use tokio::time::advance;

    use super::*;

    const SESSION: Duration = Duration::from_secs(3);

    fn image() -> Image {
        let mut image = Image::default();
        let records: Vec<MetadataRecord> = (1..=3)
            .map(|id| {
                MetadataRecord::RegisterBrokerRecord(RegisterBrokerRecord {
                    broker_id: id,
                    broker_epoch: i64::from(id) * 10,
                    fenced: false,
                    ..Default::default()
                })
            })
            .collect();
        image
            .replay_all(&mut Delta::default(), Offset(0), LeaderEpoch(1), &records)
            .unwrap();
        image
    }

    fn client() -> Client {
        Client::new(([127, 0, 0, 1], 1).into(), Str::from("CONTROLLER"), true)
    }

    fn ended(sessions: &Sessions, image: &Image) -> Vec<i32> {
        sessions.due(image).0.iter().map(|(id, _)| id.0).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_controller_grants_a_full_session_and_a_silent_broker_loses_it() {
        let image = image();
        let sessions = Sessions::new(NodeId(1), Network::Tcp, SESSION, Str::from("PLAINTEXT"));
        sessions.begin(&image, None);
        advance(SESSION - Duration::from_millis(1)).await;
        assert!(ended(&sessions, &image).is_empty());
        sessions.heard(NodeId(2), BrokerEpoch(20), None);
        advance(Duration::from_millis(2)).await;
        // Its own broker lives as long as it does.
        assert_eq!(ended(&sessions, &image), [3]);
        assert!(sessions.lives(NodeId(2), BrokerEpoch(20), false));
        assert!(
            !sessions.lives(NodeId(2), BrokerEpoch(19), false),
            "of another run"
        );
        assert!(!sessions.lives(NodeId(3), BrokerEpoch(30), false));
    }

    #[tokio::test(start_paused = true)]
    async fn the_session_of_the_controller_before_began_when_it_was_last_heard_of() {
        let image = image();
        let sessions = Sessions::new(NodeId(1), Network::Tcp, SESSION, Str::from("PLAINTEXT"));
        let heard = Instant::now();
        advance(Duration::from_secs(1)).await;
        sessions.begin(&image, Some((NodeId(2), heard)));
        advance(Duration::from_millis(1999)).await;
        assert!(ended(&sessions, &image).is_empty());
        advance(Duration::from_millis(1)).await;
        assert_eq!(
            ended(&sessions, &image),
            [2],
            "the others have a second left"
        );

        // However long ago that was, it may come to the new one first.
        sessions.begin(&image, Some((NodeId(2), heard)));
        advance(ARRIVAL * 2 - Duration::from_millis(1)).await;
        assert!(ended(&sessions, &image).is_empty());
        advance(Duration::from_millis(1)).await;
        assert_eq!(ended(&sessions, &image), [2]);

        // It has come here already.
        let here = client();
        sessions.heard(NodeId(2), BrokerEpoch(20), Some(&here));
        sessions.begin(&image, Some((NodeId(2), heard)));
        advance(ARRIVAL * 2).await;
        assert!(ended(&sessions, &image).is_empty());
        drop(here);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_shortens_the_session_unless_another_takes_its_place() {
        let image = image();
        let sessions = Sessions::new(NodeId(1), Network::Tcp, SESSION, Str::from("PLAINTEXT"));
        let (first, second, other) = (client(), client(), client());
        sessions.heard(NodeId(2), BrokerEpoch(20), Some(&first));
        sessions.heard(NodeId(3), BrokerEpoch(30), Some(&other));
        drop(first);
        assert!(!sessions.lives(NodeId(2), BrokerEpoch(20), false));
        advance(GRACE - Duration::from_millis(1)).await;
        assert!(ended(&sessions, &image).is_empty(), "it may come back");
        sessions.heard(NodeId(2), BrokerEpoch(20), Some(&second));
        advance(Duration::from_millis(10)).await;
        assert!(ended(&sessions, &image).is_empty(), "it has come back");
        drop(second);
        advance(GRACE).await;
        assert_eq!(ended(&sessions, &image), [2]);
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_an_old_run_does_not_touch_the_new_one() {
        let image = image();
        let sessions = Sessions::new(NodeId(1), Network::Tcp, SESSION, Str::from("PLAINTEXT"));
        let old = client();
        sessions.heard(NodeId(2), BrokerEpoch(7), Some(&old));
        sessions.heard(NodeId(2), BrokerEpoch(20), None);
        drop(old);
        advance(GRACE * 2).await;
        assert!(ended(&sessions, &image).is_empty());
    }
}
