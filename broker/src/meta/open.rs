//! Opening a node's metadata directory: whether it was left by this broker, by a JVM Kafka, by both in turn, or by nobody.
//!
//! Always holds: a log in Kafka's format that a JVM Kafka has gone on with, in an epoch of its own, is the truth. The raft store is then
//! put aside with one line in the log, and the next term follows the last epoch that anybody used. Must never: drop records that this
//! broker has acknowledged; if the log is shorter than what the raft store has forgotten, or the two contradict each other, that is
//! an error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use airis_cluster::metadata::{Delta, Image};
use airis_storage::Disk;
use bytes::Bytes;
use openraft::{Membership, SnapshotMeta, StoredMembership, Vote};

use super::MetaError;
use super::checkpoint::{self, QuorumRecords, SnapshotId};
use super::journal::{self, Journal, JournalError, QuorumState, at_path};
use super::machine::State;
use super::raft::{Node, NodeKey};
use super::store::{Place, Store};
use super::wal::{Base, Wal, log_id};

/// The log and what it says.
struct Loaded {
    journal: Journal,
    image: Image,
    quorum: QuorumRecords,
    last_timestamp: i64,
    snapshots: Vec<SnapshotId>,
}

/// Reads snapshot and log. Behind `synced` the log may have holes, see [`Journal::open`].
fn load(disk: &Arc<dyn Disk>, dir: &Path, synced: i64) -> Result<Loaded, MetaError> {
    let snapshots = checkpoint::list(&**disk, dir)?;
    let mut last_timestamp = -1;
    let (image, mut quorum) = match snapshots.last() {
        None => Default::default(),
        Some(id) => {
            let path = id.path(dir);
            let bytes: Bytes = disk.read_to_end(&path).map_err(at_path(&path))?.into();
            last_timestamp = checkpoint::last_timestamp(&bytes);
            checkpoint::read(*id, &bytes).map_err(|what| JournalError::Damaged {
                path,
                at: 0,
                what,
            })?
        }
    };
    let from = image.position.next().0;
    let (mut replayed, mut delta) = (image.clone(), Delta::default());
    let mut journal = Journal::open(disk, dir, from, from, synced, |batch| {
        last_timestamp = last_timestamp.max(batch.header().max_timestamp);
        checkpoint::apply(&mut replayed, &mut delta, &mut quorum, &batch)
    })?;
    if journal.next() < from {
        // A snapshot that was fetched or installed, and a crash before the log was begun anew behind it.
        journal.restart_at(from).map_err(at_path(dir))?;
    }
    Ok(Loaded {
        journal,
        image: replayed,
        quorum,
        last_timestamp,
        snapshots,
    })
}

/// How the raft store fits the log.
enum Fit {
    /// The log ends where this entry's records end.
    Place(Place),
    /// The log ends within an entry's records; cut back to its beginning.
    Within(i64),
    /// The log ends before the raft store begins.
    Short(i64),
    /// Somebody else has written to the log, in a later epoch.
    Foreign,
    /// The log is not what the raft store says, and nobody else has written to it.
    Apart,
}

fn fit(store: &Store, image: &Image) -> Fit {
    let (end, epoch) = (image.position.next().0, image.position.epoch.0 as u64);
    let term = |place: &Place| place.log_id.map_or(0, |id| id.leader_id.term);
    let (mut found, mut ours) = (None, false);
    let base = store.base();
    if end < base.next_offset {
        return Fit::Short(base.next_offset);
    }
    let mut before = base.next_offset;
    // The first place that fits: entries without records that follow it are perhaps not agreed on yet.
    store.walk(|place, entry| {
        let fits = match entry {
            // What the base ends with may have been such an entry, of a later term than the last record.
            None => term(place) >= epoch,
            Some(_) => term(place) == epoch,
        };
        if found.is_none() && place.next_offset == end && fits {
            found = Some(Fit::Place(place.clone()));
        } else if entry.is_some() && before < end && end < place.next_offset && term(place) == epoch
        {
            found = Some(Fit::Within(before));
        }
        // An epoch that ends the log and is in the store, or that the store had left behind by then, is nobody else's.
        ours |= term(place) == epoch || (place.next_offset <= end && term(place) > epoch);
        before = place.next_offset;
    });
    found.unwrap_or(if ours { Fit::Apart } else { Fit::Foreign })
}

/// The voters, as of a place in the log.
fn members(
    voters: &BTreeMap<NodeKey, Node>,
    at: openraft::LogId<NodeKey>,
) -> StoredMembership<NodeKey, Node> {
    let ids: BTreeSet<NodeKey> = voters.keys().copied().collect();
    let membership = Membership::new(vec![ids], voters.clone());
    StoredMembership::new(Some(at), membership)
}

/// Opens `dir` (`__cluster_metadata-0`), making it if need be. `voters` are those of a log that another Kafka wrote.
pub(super) fn open(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    node: NodeKey,
    voters: &BTreeMap<NodeKey, Node>,
) -> Result<(Store, State), MetaError> {
    journal::prepare(&**disk, dir)?;
    let existing = if Wal::exists(&**disk, dir) {
        Some(Store::open(disk, dir)?)
    } else {
        None
    };
    let synced = existing.as_ref().map_or(i64::MAX, |s| s.base().next_offset);
    let mut loaded = load(disk, dir, synced)?;
    let mut store = None;
    if let Some(existing) = existing {
        let end = loaded.image.position.next().0;
        existing.settle(end).map_err(at_path(dir))?;
        let mut fitting = fit(&existing, &loaded.image);
        if let Fit::Within(offset) = fitting {
            tracing::warn!(
                offset,
                "the metadata log ends within an entry; it is written again"
            );
            drop(loaded);
            journal::cut(&**disk, dir, offset)?;
            loaded = load(disk, dir, synced)?;
            fitting = fit(&existing, &loaded.image);
        }
        match fitting {
            Fit::Place(place) => store = Some((existing, place)),
            Fit::Short(expected) => {
                return Err(MetaError::Short {
                    path: dir.to_owned(),
                    end: loaded.image.position.next().0,
                    expected,
                });
            }
            Fit::Apart | Fit::Within(_) => {
                return Err(MetaError::Apart {
                    path: dir.to_owned(),
                    end: loaded.image.position.next().0,
                    epoch: loaded.image.position.epoch.0,
                });
            }
            Fit::Foreign => tracing::warn!(
                end = loaded.image.position.next().0,
                epoch = loaded.image.position.epoch.0,
                "the metadata log was written by another Kafka meanwhile: the raft store is begun anew behind it"
            ),
        }
    }
    let end = loaded.image.position.next().0;
    let quorum_epoch = QuorumState::read(&**disk, dir).map_or(0, |q| q.leader_epoch.max(0));
    let (store, place) = match store {
        Some((store, place)) => {
            // A JVM Kafka that was here without writing a record may still have used an epoch up.
            let term = store.vote().map_or(0, |v| v.leader_id.term);
            if quorum_epoch as u64 > term {
                tracing::info!(term, quorum_epoch, "an epoch was used by another Kafka");
                store
                    .save_vote_now(Vote::new(quorum_epoch as u64, node))
                    .map_err(at_path(dir))?;
            }
            (store, place)
        }
        None if end == 0 => {
            let base = Base::default();
            let place = place_of(&base);
            (
                Store::create(disk, dir, base, None).map_err(at_path(dir))?,
                place,
            )
        }
        None => {
            let epoch = loaded.image.position.epoch.0;
            let at = log_id(epoch as u64, end as u64);
            let base = Base {
                log_id: Some(at),
                next_offset: end,
                membership: members(voters, at),
            };
            let vote = Vote::new(epoch.max(quorum_epoch) as u64, node);
            let place = place_of(&base);
            tracing::info!(
                end,
                epoch,
                "took over a metadata log that another Kafka wrote"
            );
            (
                Store::create(disk, dir, base, Some(vote)).map_err(at_path(dir))?,
                place,
            )
        }
    };
    store.applied(place.log_id);
    let snapshot = snapshot_of(&store, &loaded.snapshots);
    let mut journal = loaded.journal;
    let covered = loaded.snapshots.last().map_or(0, |id| id.end);
    journal.count_from(covered).map_err(at_path(dir))?;
    let state = State {
        journal,
        delta: Delta::between(&Image::default(), &loaded.image),
        image: loaded.image,
        quorum: loaded.quorum,
        place,
        last_timestamp: loaded.last_timestamp,
        snapshot,
        snapshot_at: 0,
        closed: false,
    };
    Ok((store, state))
}

fn place_of(base: &Base) -> Place {
    Place {
        log_id: base.log_id,
        next_offset: base.next_offset,
        membership: base.membership.clone(),
    }
}

/// The newest snapshot that ends where an entry does, as openraft wants to know it.
fn snapshot_of(store: &Store, ids: &[SnapshotId]) -> Option<SnapshotMeta<NodeKey, Node>> {
    let mut found: Option<(SnapshotId, Place)> = None;
    store.walk(|place, _| {
        // As above: the first place of several that end there.
        if let Some(id) = ids.iter().find(|id| id.end == place.next_offset)
            && found.as_ref().is_none_or(|(known, _)| known.end < id.end)
        {
            found = Some((*id, place.clone()));
        }
    });
    let (id, place) = found?;
    Some(SnapshotMeta {
        last_log_id: place.log_id,
        last_membership: place.membership,
        snapshot_id: id.text(),
    })
}
