//! What a handler knows besides the request itself: the node, the client, the time.
//!
//! Always holds: `now` was read once for the request. Must never: grow service knowledge of its own; handlers reach services
//! through [`Node`].

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use airis_protocol::types::{Millis, Str};

use crate::node::Node;

/// Something that lives as long as the connection: who drops it last tells that the other side is gone.
pub type Held = Box<dyn Any + Send + Sync>;

/// One connection's other side.
pub struct Client {
    pub addr: SocketAddr,
    /// The name of the listener it came in by.
    pub listener: Str,
    /// It came in by a listener for controllers.
    pub controllers: bool,
    /// Name and version of the client's software, as its ApiVersions request (v3 and later) told (KIP-511).
    pub software: OnceLock<(Str, Str)>,
    /// Set once it has spoken as the leader of the quorum.
    pub voter: OnceLock<Held>,
    /// Set once it has carried a broker's heartbeat.
    pub broker: OnceLock<Held>,
}

impl Client {
    pub fn new(addr: SocketAddr, listener: Str, controllers: bool) -> Client {
        Client {
            addr,
            listener,
            controllers,
            software: OnceLock::new(),
            voter: OnceLock::new(),
            broker: OnceLock::new(),
        }
    }
}

/// One request's surroundings.
pub struct Ctx<'a> {
    pub node: &'a Arc<Node>,
    pub version: i16,
    pub correlation_id: i32,
    /// Empty if the header has none. A slice of the frame: detach it to keep it.
    pub client_id: Str,
    pub client: &'a Arc<Client>,
    /// Wall time, read once a request.
    pub now: Millis,
}

impl Ctx<'_> {
    /// The client's address as Kafka writes it in group descriptions: a slash before it.
    pub fn client_host(&self) -> Str {
        Str::from(format!("/{}", self.client.addr.ip()))
    }
}
