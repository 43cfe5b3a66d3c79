//! What had been acknowledged and is gone: said in the log, with its offsets, the reason, and what would have prevented it.
//!
//! Always holds: what this node knows to have been committed is called lost outright, by the high watermark that it had or had written
//! down before it stopped (that may be some seconds old, so there may be more); a node tells of a loss once, unless it dies before it
//! writes its high watermark down again. Must never: call lost what a leader still has (a follower whose log has lost its end only
//! fetches it again), or speak of loss after a clean election.

use std::sync::atomic::Ordering;

use airis_cluster::metadata::PartitionImage;
use airis_protocol::types::{LeaderEpoch, Offset};

use super::Partition;
use super::replica::Following;
use crate::config::Durability;

/// No election without them.
const WAIT: &str = "Without unclean.leader.election.enable=true, or an election of type UNCLEAN, the partition waits for a replica that has them";

impl Partition {
    /// Up to where this node knows, or knew before it stopped, that records were committed.
    fn known_committed(&self) -> Offset {
        let noted = self.noted.load(Ordering::Acquire);
        self.high_watermark().max(Offset(noted))
    }

    /// Whether the leader was elected although it may lack what was acknowledged. The metadata says so also of the last leader of all,
    /// when it comes back from a crash (KIP-966); it has everything where it acknowledged nothing that was not on stable storage.
    pub(super) fn is_doubtful(&self, partition: &PartitionImage) -> bool {
        let leader = partition.leader.map_or(-1, |l| l.0);
        let last = match leader {
            -1 => -1,
            leader => self.last_leader.swap(leader, Ordering::AcqRel),
        };
        partition.recovering && (leader != last || self.durability == Durability::PageCache)
    }

    /// This node has been elected: what is not in its log is nowhere any more.
    pub(super) fn tell_loss_of_leader(&self, epoch: LeaderEpoch, doubtful: bool) {
        let (topic, partition) = (&self.topic, self.index);
        let end = self.log().end();
        let known = self.known_committed();
        self.noted.fetch_min(end.0, Ordering::AcqRel);
        if known > end {
            let last = known.0 - 1;
            let why = match self.durability {
                Durability::PageCache => {
                    "the log had lost its end when it was opened, to a loss of power as it seems: airis.ack.durability=fsync keeps \
                     what is acknowledged on stable storage"
                }
                Durability::Fsync => {
                    "the log had lost its end when it was opened, although the disk had confirmed it"
                }
            };
            tracing::error!(%topic, %partition, "records at offsets {end} to {last} had been acknowledged and are lost: {why}");
        } else if doubtful {
            tracing::warn!(
                %topic,
                %partition,
                "this replica leads in epoch {epoch} although it may lack records: none that is sure to have all was there to be elected. \
                 If another had acknowledged any at offset {end} or behind it, they are lost, and it says so once it follows. {WAIT}"
            );
        }
    }

    /// The log ended at `before` and was cut, because the leader has other records or none.
    pub(super) fn tell_loss_of_follower(&self, leader: Following, before: Offset) {
        let (topic, partition) = (&self.topic, self.index);
        let Following {
            node,
            epoch,
            doubtful,
        } = leader;
        let end = self.log().end();
        let known = self.known_committed();
        self.noted.fetch_min(end.0, Ordering::AcqRel);
        // What compaction has taken from its leader's log is cut off as well.
        let compacted = !doubtful && self.config.load().cleanup_policy.compact;
        if known > end && !compacted {
            let last = known.0 - 1;
            let more = match before > known {
                true => format!(
                    " (and perhaps those up to {}, which were cut off too)",
                    before.0 - 1
                ),
                false => String::new(),
            };
            let power = match self.durability {
                Durability::PageCache => {
                    "; airis.ack.durability=fsync has them outlast a loss of power"
                }
                Durability::Fsync => "",
            };
            tracing::error!(
                %topic,
                %partition,
                "records at offsets {end} to {last} had been acknowledged and are lost{more}: node {node} was made the leader of epoch \
                 {epoch} without them. {WAIT}{power}"
            );
        } else if doubtful {
            let last = before.0 - 1;
            tracing::warn!(
                %topic,
                %partition,
                "records at offsets {end} to {last} are cut off, and those of them that had been acknowledged are lost: node {node} was \
                 made the leader of epoch {epoch} by an unclean election. {WAIT}"
            );
        }
    }

    /// This follower has all that its leader has committed: nothing is missing that is still to be had.
    pub(super) fn is_whole(&self) {
        self.noted.store(0, Ordering::Release);
    }
}
