//! The way to the other voters: one connection to each, made anew when it is needed and gone.
//!
//! Always holds: a peer that cannot be reached is an error at once, never a wait beyond the caller's time. Must never: decide
//! anything.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::raft::{Node, NodeKey, TypeConfig};
use super::store::Store;
use super::wire::{Answer, Call, Envelope};
use crate::net::Network;
use crate::net::channel::Channel;

/// How long a voter that cannot be reached is left alone.
const UNREACHABLE_REST: Duration = Duration::from_millis(100);

/// Why a voter has not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("cannot connect to {addr}: {source}")]
    Connect { addr: String, source: io::Error },
    #[error("{addr}: {source}")]
    Lost { addr: String, source: io::Error },
    #[error("{addr} refuses: {why}")]
    Refused { addr: String, why: String },
    #[error("{addr} answers something else")]
    Senseless { addr: String },
    #[error("{addr} does not answer")]
    Late { addr: String },
}

/// The way to one address.
pub(super) struct Link {
    network: Network,
    addr: String,
    channel: tokio::sync::Mutex<Option<Channel>>,
}

/// Host and port of `host:port`; an IPv6 host may stand in brackets.
pub(super) fn split(addr: &str) -> Option<(&str, u16)> {
    let (host, port) = addr.rsplit_once(':')?;
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    Some((host, port.parse().ok()?))
}

impl Link {
    pub fn new(network: &Network, addr: &str) -> Link {
        Link {
            network: network.clone(),
            addr: addr.to_owned(),
            channel: tokio::sync::Mutex::new(None),
        }
    }

    /// The open connection, or a new one. Others wait meanwhile on purpose: they want the same one.
    async fn channel(&self) -> io::Result<Channel> {
        let mut channel = self.channel.lock().await;
        if let Some(open) = channel.as_ref().filter(|c| !c.is_closed()) {
            return Ok(open.clone());
        }
        *channel = None;
        let (host, port) =
            split(&self.addr).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(channel
            .insert(Channel::connect(&self.network, host, port).await?)
            .clone())
    }

    pub fn addr(&self) -> String {
        self.addr.clone()
    }

    /// Drops the connection: whoever did not answer in time over it may never do.
    pub async fn forget(&self) {
        *self.channel.lock().await = None;
    }

    pub async fn call(&self, call: &Call, envelope: &Envelope) -> Result<Answer, CallError> {
        let addr = || self.addr.clone();
        let channel = self.channel().await.map_err(|source| CallError::Connect {
            addr: addr(),
            source,
        })?;
        let frame = channel
            .call_raw(call.frame(envelope))
            .await
            .map_err(|source| CallError::Lost {
                addr: addr(),
                source,
            })?;
        match Answer::read(&frame) {
            Some(Answer::Refused(why)) => Err(CallError::Refused { addr: addr(), why }),
            Some(answer) => Ok(answer),
            None => Err(CallError::Senseless { addr: addr() }),
        }
    }
}

/// How a voter follows this node, its leader.
#[derive(Clone, Copy)]
pub(super) struct Follows {
    /// When it last acknowledged this node as its leader.
    pub acknowledged: Instant,
    /// When it last had all that this node had.
    pub caught_up: Option<Instant>,
}

/// Where the configuration says that a node is.
struct Configured {
    addr: String,
    /// Where the log had it when this node first looked. If that changes, the log is the newer one.
    logged: Option<String>,
}

struct Shared {
    me: i32,
    network: Network,
    cluster: String,
    /// Addresses that the configuration gives, by node. They win over those in the log: a voter may have moved.
    configured: Mutex<BTreeMap<NodeKey, Configured>>,
    links: Mutex<BTreeMap<(NodeKey, String), Arc<Link>>>,
    /// What this node has to send.
    store: Store,
    following: Mutex<BTreeMap<NodeKey, Follows>>,
}

/// Makes clients to other voters. Clones share connections.
#[derive(Clone)]
pub(super) struct Peers(Arc<Shared>);

impl Peers {
    pub fn new(
        me: i32,
        network: Network,
        cluster: &str,
        configured: BTreeMap<NodeKey, String>,
        store: Store,
    ) -> Peers {
        let configured = configured
            .into_iter()
            .map(|(node, addr)| (node, Configured { addr, logged: None }))
            .collect();
        Peers(Arc::new(Shared {
            me,
            network,
            cluster: cluster.to_owned(),
            configured: Mutex::new(configured),
            links: Mutex::default(),
            store,
            following: Mutex::default(),
        }))
    }

    /// Where a voter is; `known` is what the log says.
    pub fn addr(&self, node: NodeKey, known: &str) -> String {
        let configured = self.0.configured.lock();
        let configured = configured.get(&node);
        configured.map_or_else(|| known.to_owned(), |c| c.addr.clone())
    }

    /// Takes note of where the log has a node.
    pub fn logged(&self, node: NodeKey, addr: &str) {
        let mut configured = self.0.configured.lock();
        if let Some(known) = configured.get_mut(&node)
            && known.logged.get_or_insert_with(|| addr.to_owned()) != addr
        {
            configured.remove(&node);
        }
    }

    /// From now on a node is where the log has it.
    pub fn forget_configured(&self, node: NodeKey) {
        self.0.configured.lock().remove(&node);
    }

    pub fn link(&self, node: NodeKey, known: &str) -> Arc<Link> {
        let addr = self.addr(node, known);
        let mut links = self.0.links.lock();
        let link = links
            .entry((node, addr))
            .or_insert_with_key(|(_, addr)| Arc::new(Link::new(&self.0.network, addr)));
        link.clone()
    }

    pub fn envelope(&self, to: NodeKey) -> Envelope {
        Envelope {
            cluster: self.0.cluster.clone(),
            from: self.0.me,
            to: to as i32,
        }
    }

    /// Ends all connections, so that the others see at once that this node is gone.
    pub async fn close(&self) {
        let links = std::mem::take(&mut *self.0.links.lock());
        for link in links.into_values() {
            link.forget().await;
        }
    }

    /// How each voter that this node leads, or led, follows it.
    pub fn following(&self) -> BTreeMap<NodeKey, Follows> {
        self.0.following.lock().clone()
    }

    /// True if a majority of the voters, this node among them, has acknowledged it as its leader within `age`.
    pub fn majority_within(&self, voters: &BTreeSet<NodeKey>, age: Duration) -> bool {
        let following = self.0.following.lock();
        let me = self.0.me as NodeKey;
        let fresh = |v: &NodeKey| {
            let state = following.get(v);
            state.is_some_and(|f| f.acknowledged.elapsed() < age)
        };
        let with = voters.iter().filter(|v| **v == me || fresh(v)).count();
        with > voters.len() / 2
    }
}

/// One voter, as openraft reaches it.
pub(super) struct Peer {
    node: NodeKey,
    link: Arc<Link>,
    peers: Peers,
}

impl RaftNetworkFactory<TypeConfig> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, target: NodeKey, node: &Node) -> Peer {
        self.logged(target, &node.addr);
        Peer {
            node: target,
            link: self.link(target, &node.addr),
            peers: self.clone(),
        }
    }
}

fn failed<E: std::error::Error>(e: CallError) -> RPCError<NodeKey, Node, E> {
    match e {
        // Openraft rests before it tries one again that is unreachable, and only then. Who refuses does so at once.
        CallError::Late { .. } => RPCError::Network(NetworkError::new(&e)),
        _ => RPCError::Unreachable(Unreachable::new(&e)),
    }
}

impl Peer {
    async fn call<E: std::error::Error>(
        &self,
        call: Call,
        option: &RPCOption,
    ) -> Result<Answer, RPCError<NodeKey, Node, E>> {
        let envelope = self.peers.envelope(self.node);
        match timeout(option.soft_ttl(), self.link.call(&call, &envelope)).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => {
                self.link.forget().await;
                let addr = self.link.addr.clone();
                Err(failed(CallError::Late { addr }))
            }
        }
    }

    fn senseless<E: std::error::Error>(&self) -> RPCError<NodeKey, Node, E> {
        failed(CallError::Senseless {
            addr: self.link.addr.clone(),
        })
    }
}

impl RaftNetwork<TypeConfig> for Peer {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<NodeKey>, RPCError<NodeKey, Node, RaftError<NodeKey>>> {
        let sent = Instant::now();
        let last = rpc
            .entries
            .last()
            .map_or(rpc.prev_log_id, |e| Some(e.log_id));
        let all = last >= self.peers.0.store.last();
        match self.call(Call::Append(rpc), &option).await? {
            Answer::Append(answer) => {
                let caught_up = all && matches!(answer, AppendEntriesResponse::Success);
                if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                    let mut following = self.peers.0.following.lock();
                    let before = following.get(&self.node).and_then(|f| f.caught_up);
                    let now = Follows {
                        acknowledged: sent,
                        caught_up: if caught_up { Some(sent) } else { before },
                    };
                    following.insert(self.node, now);
                }
                Ok(answer)
            }
            _ => Err(self.senseless()),
        }
    }

    async fn install_snapshot(
        &mut self,
        rpc: InstallSnapshotRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<
        InstallSnapshotResponse<NodeKey>,
        RPCError<NodeKey, Node, RaftError<NodeKey, InstallSnapshotError>>,
    > {
        match self.call(Call::Snapshot(rpc), &option).await? {
            Answer::Snapshot(answer) => Ok(answer),
            _ => Err(self.senseless()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<NodeKey>,
        option: RPCOption,
    ) -> Result<VoteResponse<NodeKey>, RPCError<NodeKey, Node, RaftError<NodeKey>>> {
        match self.call(Call::Vote(rpc), &option).await? {
            Answer::Vote(answer) => Ok(answer),
            _ => Err(self.senseless()),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(UNREACHABLE_REST))
    }
}
