//! The metadata log and its snapshots as observers read them, and what is known of the voters.
//!
//! Always holds: only what is applied, hence committed, is shown: an observer of this log never has to cut anything off. Must
//! never: be read on a thread that serves sockets (the segments are files).

use std::io;
use std::sync::Arc;

use airis_protocol::types::NodeId;
use airis_storage::disk::read_exact_at;
use airis_storage::{Disk, OpenMode};
use bytes::Bytes;
use openraft::Raft;
use tokio::time::Instant;

use super::checkpoint::SnapshotId;
use super::machine::{Machine, State};
use super::network::{Peers, split};
use super::raft::TypeConfig;

/// Why a part of the metadata cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("there is no such snapshot")]
    NoSnapshot,
    #[error("the snapshot has {0} bytes, not so many")]
    Position(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where the log stands for one who reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Records follow, or will.
    Log,
    /// What the reader has is not in this log beyond this epoch's end.
    Diverges { epoch: i32, end: i64 },
    /// The log does not reach back so far: end offset and epoch of a snapshot.
    Snapshot { end: i64, epoch: i32 },
}

/// What one who reads the log is answered.
pub struct Fetched {
    pub start: i64,
    /// The offset after the last record.
    pub end: i64,
    pub standing: Standing,
    /// Whole batches: at least one if there is any.
    pub records: Bytes,
}

/// What is known of one voter.
pub struct VoterState {
    pub id: NodeId,
    pub host: String,
    pub port: u16,
    /// How far its log reaches, as the leader knows it; -1 if it does not.
    pub end: i64,
    /// When it last answered its leader. `None`: never, or it is the leader itself.
    pub heard: Option<Instant>,
    /// When it last had all that this node had. `None`: never while this node led, or it is this node itself.
    pub caught_up: Option<Instant>,
}

pub struct MetadataLog {
    raft: Raft<TypeConfig>,
    machine: Machine,
    peers: Peers,
}

impl MetadataLog {
    pub(super) fn new(raft: Raft<TypeConfig>, machine: Machine, peers: Peers) -> MetadataLog {
        MetadataLog {
            raft,
            machine,
            peers,
        }
    }

    /// Ends the connections to the other voters.
    pub(super) async fn close(&self) {
        self.peers.close().await;
    }

    /// The offset after the last record.
    pub fn end(&self) -> i64 {
        self.machine.state.lock().journal.next()
    }

    pub fn start(&self) -> i64 {
        self.machine.state.lock().journal.start()
    }

    #[cfg(test)]
    pub fn standing(&self, offset: i64, epoch: i32) -> Standing {
        MetadataLog::judge(&self.machine.state.lock(), offset, epoch)
    }

    /// Judges what a reader has: everything up to `offset`, the last of it in `epoch`.
    fn judge(state: &State, offset: i64, epoch: i32) -> Standing {
        let snapshot = state.snapshot.as_ref();
        let snapshot = snapshot.and_then(|meta| SnapshotId::parse(&meta.snapshot_id));
        let start = state.journal.start();
        if let Some(id) = snapshot
            && (offset < start || offset == 0)
        {
            return Standing::Snapshot {
                end: id.end,
                epoch: id.epoch,
            };
        }
        if offset > start {
            let (known, end) = state.journal.end_of_epoch(epoch);
            if known != epoch || end < offset {
                return Standing::Diverges { epoch: known, end };
            }
        }
        Standing::Log
    }

    /// Judges what a reader has, and reads what follows, all of one state of the log: what is judged to be there
    /// is not trimmed before it is read.
    pub fn fetch(&self, offset: i64, epoch: i32, max: usize) -> Result<Fetched, ReadError> {
        let state = self.machine.state.lock();
        let standing = MetadataLog::judge(&state, offset, epoch);
        let records = match standing {
            Standing::Log => state.journal.read(offset, max)?,
            _ => Bytes::new(),
        };
        Ok(Fetched {
            start: state.journal.start(),
            end: state.journal.next(),
            standing,
            records,
        })
    }

    /// Whole batches from the one that holds `offset` on: at least one if there is any, and no more than `max` bytes of further
    /// ones.
    #[cfg(test)]
    pub fn read(&self, offset: i64, max: usize) -> Result<Bytes, ReadError> {
        Ok(self.machine.state.lock().journal.read(offset, max)?)
    }

    /// A piece of a snapshot, and the snapshot's size.
    pub fn snapshot_piece(
        &self,
        end: i64,
        epoch: i32,
        position: u64,
        max: usize,
    ) -> Result<(u64, Bytes), ReadError> {
        let (disk, path): (Arc<dyn Disk>, _) = {
            let state = self.machine.state.lock();
            let path = SnapshotId { end, epoch }.path(state.journal.dir());
            (state.journal.disk().clone(), path)
        };
        let file = match disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ReadError::NoSnapshot),
            Err(e) => return Err(e.into()),
        };
        let size = file.len()?;
        if position >= size {
            return Err(ReadError::Position(size));
        }
        let mut bytes = vec![0; (size - position).min(max as u64) as usize];
        read_exact_at(&*file, position, &mut bytes)?;
        Ok((size, bytes.into()))
    }

    /// Where the leader of the quorum listens, if it is known.
    pub fn leader(&self) -> Option<(NodeId, String, u16)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let leader = metrics.current_leader?;
        let node = metrics.membership_config.membership().get_node(&leader)?;
        let addr = self.peers.addr(leader, &node.addr);
        let (host, port) = split(&addr)?;
        Some((NodeId(leader as i32), host.to_owned(), port))
    }

    /// All voters, by id.
    pub fn voters(&self) -> Vec<VoterState> {
        self.followers(true)
    }

    /// Those who are given the log as voters are, but do not vote: who was a voter, or is about to be one.
    pub fn learners(&self) -> Vec<VoterState> {
        self.followers(false)
    }

    fn followers(&self, voting: bool) -> Vec<VoterState> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let following = self.peers.following();
        let members = &metrics.membership_config;
        members
            .nodes()
            .filter(|(id, _)| members.voter_ids().any(|v| v == **id) == voting)
            .map(|(&id, node)| {
                let addr = self.peers.addr(id, &node.addr);
                let (host, port) = split(&addr).unwrap_or(("", 0));
                let matched = metrics.replication.as_ref().and_then(|r| r.get(&id));
                let end = match matched {
                    Some(Some(log_id)) => self.machine.store.end_of(log_id.index).unwrap_or(-1),
                    Some(None) => 0,
                    None if id == metrics.id => self.end(),
                    None => -1,
                };
                let follows = following.get(&id);
                VoterState {
                    id: NodeId(id as i32),
                    host: host.to_owned(),
                    port,
                    end,
                    heard: follows.map(|f| f.acknowledged),
                    caught_up: follows.and_then(|f| f.caught_up),
                }
            })
            .collect()
    }
}
