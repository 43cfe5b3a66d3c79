//! Where replicas go: striped over racks and brokers, so that leaders and followers spread evenly.
//!
//! Always holds: the replicas of a partition are different brokers; the first one is not fenced; racks are used in turn, and a
//! rack gets a second replica only when every rack has one (or has no broker left). The rules are those of Kafka's
//! `StripedReplicaPlacer` (KIP-631); the choices that Kafka leaves to chance are left to the seed here. Must never: loop for ever.

use std::collections::BTreeMap;

use airis_protocol::types::{NodeId, Str};

use crate::machine::Chance;

/// A broker that may get replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usable {
    pub id: NodeId,
    pub rack: Option<Str>,
    pub fenced: bool,
}

/// Why replicas cannot be placed; printed, the reason that a client is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    #[error("Invalid replication factor {0}: the replication factor must be positive.")]
    NotPositive(i32),
    #[error("All brokers are currently fenced, or have all their log directories cordoned.")]
    AllFenced,
    #[error(
        "The target replication factor of {wanted} cannot be reached because only {registered} broker(s) are registered \
         or some brokers have all their log directories cordoned."
    )]
    TooFew { wanted: i32, registered: usize },
}

/// The brokers of one rack in one state, walked from an offset that moves on with every round.
#[derive(Debug, Default)]
struct Ring {
    brokers: Vec<NodeId>,
    taken: usize,
    offset: usize,
    round: usize,
}

impl Ring {
    fn next(&mut self, round: usize) -> Option<NodeId> {
        if self.brokers.is_empty() {
            return None;
        }
        if self.round != round {
            self.round = round;
            self.taken = 0;
            self.offset = (self.offset + 1) % self.brokers.len();
        }
        if self.taken >= self.brokers.len() {
            return None;
        }
        let broker = self.brokers[(self.taken + self.offset) % self.brokers.len()];
        self.taken += 1;
        Some(broker)
    }
}

#[derive(Debug, Default)]
struct Rack {
    fenced: Ring,
    unfenced: Ring,
}

impl Rack {
    fn next(&mut self, round: usize) -> Option<NodeId> {
        self.unfenced
            .next(round)
            .or_else(|| self.fenced.next(round))
    }
}

struct Racks {
    racks: Vec<Rack>,
    total: usize,
    unfenced: usize,
    /// Assignments made since the last shuffle.
    round: usize,
    /// The rack that gives the next first replica.
    offset: usize,
}

impl Racks {
    fn new(brokers: &[Usable], chance: &mut Chance) -> Racks {
        let mut by_name: BTreeMap<Option<&Str>, Rack> = BTreeMap::new();
        for broker in brokers {
            let rack = by_name.entry(broker.rack.as_ref()).or_default();
            let ring = if broker.fenced {
                &mut rack.fenced
            } else {
                &mut rack.unfenced
            };
            ring.brokers.push(broker.id);
        }
        let mut racks: Vec<Rack> = by_name.into_values().collect();
        for rack in &mut racks {
            for ring in [&mut rack.fenced, &mut rack.unfenced] {
                if !ring.brokers.is_empty() {
                    ring.brokers.sort();
                    ring.offset = chance.below(ring.brokers.len());
                }
            }
        }
        Racks {
            total: brokers.len(),
            unfenced: brokers.iter().filter(|b| !b.fenced).count(),
            round: 0,
            offset: if racks.is_empty() {
                0
            } else {
                chance.below(racks.len())
            },
            racks,
        }
    }

    /// The replicas of one more partition. The caller has checked that there are enough brokers.
    fn place(&mut self, replicas: usize, chance: &mut Chance) -> Vec<NodeId> {
        // Once every unfenced broker has led, go on in another order, lest the same pairs of brokers share all partitions.
        if self.round == self.unfenced && self.unfenced > 1 {
            chance.shuffle(&mut self.racks);
            for rack in &mut self.racks {
                chance.shuffle(&mut rack.fenced.brokers);
                chance.shuffle(&mut rack.unfenced.brokers);
            }
            self.round = 0;
        }
        if self.offset == self.racks.len() {
            self.offset = 0;
        }
        let mut out = Vec::with_capacity(replicas);
        let mut first_rack = self.offset;
        loop {
            if let Some(leader) = self.racks[first_rack].unfenced.next(self.round) {
                out.push(leader);
                break;
            }
            first_rack = (first_rack + 1) % self.racks.len();
        }
        // The leader's rack is passed over once: it has a replica already.
        let mut skip = Some(first_rack);
        let mut rack = self.offset;
        while out.len() < replicas {
            if skip == Some(rack) {
                skip = None;
            } else if let Some(broker) = self.racks[rack].next(self.round) {
                out.push(broker);
            }
            rack = (rack + 1) % self.racks.len();
        }
        self.round += 1;
        self.offset += 1;
        out
    }
}

/// Chooses the replicas of `partitions` new partitions, `replicas` each, preferred leader first.
pub fn place(
    brokers: &[Usable],
    partitions: usize,
    replicas: i32,
    chance: &mut Chance,
) -> Result<Vec<Vec<NodeId>>, PlacementError> {
    let mut racks = Racks::new(brokers, chance);
    if replicas <= 0 {
        return Err(PlacementError::NotPositive(replicas));
    }
    if racks.unfenced == 0 {
        return Err(PlacementError::AllFenced);
    }
    if replicas as usize > racks.total {
        return Err(PlacementError::TooFew {
            wanted: replicas,
            registered: racks.total,
        });
    }
    Ok((0..partitions)
        .map(|_| racks.place(replicas as usize, chance))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn usable(id: i32, rack: Option<&str>, fenced: bool) -> Usable {
        Usable {
            id: NodeId(id),
            rack: rack.map(Str::from),
            fenced,
        }
    }

    #[test]
    fn refusals_name_the_reason() {
        let mut chance = Chance::new(1);
        let one = [usable(1, None, false)];
        assert_eq!(
            place(&one, 1, 0, &mut chance),
            Err(PlacementError::NotPositive(0))
        );
        assert_eq!(
            place(&one, 1, 2, &mut chance),
            Err(PlacementError::TooFew {
                wanted: 2,
                registered: 1
            })
        );
        assert_eq!(
            place(&[usable(1, None, true)], 1, 1, &mut chance),
            Err(PlacementError::AllFenced)
        );
        assert_eq!(
            place(&[], 1, 1, &mut chance),
            Err(PlacementError::AllFenced)
        );
        assert_eq!(
            place(&one, 3, 1, &mut chance).unwrap(),
            vec![vec![NodeId(1)]; 3]
        );
    }

    proptest! {
        #[test]
        fn replicas_differ_leaders_live_and_racks_take_turns(
            seed in any::<u64>(),
            racks in 1usize..4,
            per_rack in 1usize..4,
            fenced in any::<u16>(),
            replicas in 1i32..6,
            partitions in 1usize..40,
        ) {
            let names = ["a", "b", "c"];
            let brokers: Vec<Usable> = (0..racks * per_rack)
                .map(|i| usable(i as i32, Some(names[i % racks]), fenced >> i & 1 == 1))
                .collect();
            let live = brokers.iter().filter(|b| !b.fenced).count();
            let mut chance = Chance::new(seed);
            let placed = place(&brokers, partitions, replicas, &mut chance);
            if live == 0 || replicas as usize > brokers.len() {
                prop_assert!(placed.is_err());
                return Ok(());
            }
            let placed = placed.unwrap();
            prop_assert_eq!(placed.len(), partitions);
            let mut leads = vec![0usize; brokers.len()];
            for replicas_of in &placed {
                let set: BTreeSet<_> = replicas_of.iter().collect();
                prop_assert_eq!(set.len(), replicas as usize);
                let leader = &brokers[replicas_of[0].0 as usize];
                prop_assert!(!leader.fenced);
                leads[leader.id.0 as usize] += 1;
                let used: BTreeSet<_> = replicas_of.iter().map(|r| r.0 as usize % racks).collect();
                prop_assert_eq!(used.len(), racks.min(replicas as usize), "racks are used in turn");
            }
            if live == brokers.len() {
                let (most, least) = (leads.iter().max().unwrap(), leads.iter().min().unwrap());
                prop_assert!(most - least <= 2 * (1 + partitions / brokers.len()), "{leads:?}");
            }
        }
    }
}
