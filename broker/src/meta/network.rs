//! The way to the other voters. With one voter there is none, and openraft never asks for one.
//!
//! Always holds: a peer that cannot be reached is an error at once, never a wait. Must never: decide anything.

use openraft::error::{InstallSnapshotError, RPCError, RaftError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};

use super::raft::{Node, NodeKey, TypeConfig};

/// This node knows the address of no other voter.
#[derive(Debug, thiserror::Error)]
#[error("node {0} is not a voter that this node can reach")]
struct NoSuchVoter(NodeKey);

/// Makes clients to other voters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peers;

/// A voter that cannot be reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(NodeKey);

impl RaftNetworkFactory<TypeConfig> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, target: NodeKey, _node: &Node) -> Peer {
        Peer(target)
    }
}

impl Peer {
    fn unreachable<E: std::error::Error>(self) -> RPCError<NodeKey, Node, E> {
        RPCError::Unreachable(Unreachable::new(&NoSuchVoter(self.0)))
    }
}

impl RaftNetwork<TypeConfig> for Peer {
    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<NodeKey>, RPCError<NodeKey, Node, RaftError<NodeKey>>> {
        Err(self.unreachable())
    }

    async fn install_snapshot(
        &mut self,
        _rpc: InstallSnapshotRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<
        InstallSnapshotResponse<NodeKey>,
        RPCError<NodeKey, Node, RaftError<NodeKey, InstallSnapshotError>>,
    > {
        Err(self.unreachable())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<NodeKey>,
        _option: RPCOption,
    ) -> Result<VoteResponse<NodeKey>, RPCError<NodeKey, Node, RaftError<NodeKey>>> {
        Err(self.unreachable())
    }
}
