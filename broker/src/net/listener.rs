//! Listening sockets and the connections they accept.
//!
//! Always holds: every connection's task is owned by its listener and ends with it; while only the last file descriptors are left, who
//! wants to connect waits. Must never: stop accepting because one accept failed (fault S19).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use airis_protocol::types::Str;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::connection::{Closed, Connection, Limits};
use super::socket::{Listener, Network};
use super::threads::Serving;
use crate::api::Client;
use crate::api::dispatch::Door;
use crate::scarce;
use crate::task;
use crate::work::stopping;

/// How long accepting rests after it failed.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A socket that listens, before anyone is accepted.
pub struct Bound {
    pub name: Str,
    pub addr: SocketAddr,
    socket: Listener,
}

/// Binds a listener. An empty host means all interfaces. Errors say host, port and what to do.
pub fn bind(network: &Network, name: &str, host: &str, port: u16) -> io::Result<Bound> {
    let context = |e: io::Error| {
        let hint = match e.kind() {
            io::ErrorKind::AddrInUse => {
                ": another process listens there; stop it, or choose another port with listeners="
            }
            io::ErrorKind::PermissionDenied => ": ports below 1024 need privileges",
            io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
            _ => "",
        };
        io::Error::new(
            e.kind(),
            format!("listener {name} cannot listen on {host}:{port}: {e}{hint}"),
        )
    };
    let socket = network.listen(host, port).map_err(context)?;
    Ok(Bound {
        name: Str::from(name),
        addr: socket.local_addr()?,
        socket,
    })
}

impl Bound {
    /// Accepts until `stop` turns true; then closes all connections. They are spread over `serving`.
    pub async fn accept(
        self,
        door: Arc<Door>,
        limits: Limits,
        serving: Serving,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut connections = JoinSet::new();
        let mut turns = serving.iter().cycle();
        // The last file descriptors are for what is being done already; controllers are no clients.
        let mut few = false;
        let sparing = !door.for_controllers();
        loop {
            let next = async {
                while few && self.socket.only_kept_back_left() {
                    tokio::time::sleep(ACCEPT_REST).await;
                }
                let seat = match &limits.seats {
                    Some(seats) => Some(seats.take().await),
                    None => None,
                };
                self.socket
                    .accept()
                    .await
                    .map(|(socket, addr)| (socket, addr, seat))
            };
            tokio::select! {
                accepted = next => match accepted {
                    Ok((socket, addr, seat)) => {
                        few = sparing && socket.is_kept_back();
                        let client = Arc::new(Client::new(addr, self.name.clone(), door.for_controllers()));
                        let (door, limits) = (door.clone(), limits.clone());
                        let served = async move {
                            let _seat = seat;
                            let closed = match socket.attach() {
                                Ok(socket) => Connection::new(socket, door.clone(), client, limits).serve().await,
                                Err(e) => Closed::Io(e),
                            };
                            match closed {
                                Closed::ByClient => debug!(%addr, "connection closed by the client"),
                                Closed::Io(e) => debug!(%addr, "connection lost: {e}"),
                                closed @ Closed::Unreadable(_) => {
                                    warn!(%addr, "connection closed amid an answer: {closed}");
                                    door.doubt_disks();
                                }
                                closed @ Closed::Stalled(..) => info!(%addr, "connection closed: {closed}"),
                                closed @ Closed::Idle(_) => debug!(%addr, "connection closed: {closed}"),
                                Closed::BadRequest(why) => info!(%addr, "connection closed: {why:?}"),
                            }
                        };
                        let on = turns.next().expect("there is at least one");
                        task::spawn_in(&mut connections, served, on);
                    }
                    Err(e) => {
                        if !scarce::tell(&e) {
                            warn!(listener = %self.name, "cannot accept a connection: {e}");
                        }
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                },
                Some(ended) = connections.join_next(), if !connections.is_empty() => {
                    if let Err(e) = ended && e.is_panic() {
                        tracing::error!(listener = %self.name, "a connection's task panicked; the connection is closed: {e}");
                    }
                }
                () = stopping(&mut stop) => break,
            }
        }
        connections.shutdown().await;
    }
}
