//! Bugs that this field knows, to be planted one at a time: the simulation has to find each.
//!
//! Always holds: this is there only with the feature `sim`, which no release has. Must never: plant anything by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! plants {
    ($($name:ident = $text:literal: $about:literal,)*) => {
        /// A known bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Plant {
            $($name,)*
        }

        impl Plant {
            pub const ALL: &[Plant] = &[$(Plant::$name,)*];

            pub fn name(self) -> &'static str {
                match self {
                    $(Plant::$name => $text,)*
                }
            }

            pub fn about(self) -> &'static str {
                match self {
                    $(Plant::$name => $about,)*
                }
            }
        }
    };
}

plants! {
    CutToHighWatermark = "cut-to-high-watermark": "a new follower cuts its log to its own high watermark (before KIP-101)",
    CutInOneRound = "cut-in-one-round": "a log that does not know the leader's epoch is cut to what the leader names (before KIP-279)",
    IsrWithoutBrokerEpoch = "isr-without-broker-epoch": "a replica joins the ISR for a run of its broker that has ended (before KIP-903)",
    AckBeforeIsr = "ack-before-isr": "an ISR is used as soon as it is proposed, not once the controller has written it",
    UnsyncedVote = "unsynced-vote": "a voter answers before its vote is on disk",
    UnsyncedEntry = "unsynced-entry": "a voter confirms entries before they are on disk",
    HighWatermarkFromMax = "high-watermark-from-max": "the high watermark follows the fastest replica",
    FetchBeyondFlush = "fetch-beyond-flush": "a follower names what a power cut could take",
    CountBeyondFlush = "count-beyond-flush": "a leader counts itself beyond its own flush",
    NoDivergence = "no-divergence": "a leader never looks whether a follower's log has parted from its own (before KIP-320)",
    ProducersNotReplicated = "producers-not-replicated": "a follower keeps no account of producers' sequences",
    IsrOfTheFenced = "isr-of-the-fenced": "a broker that is fenced keeps its leaderships and stays in its ISRs",
    HighWatermarkAhead = "high-watermark-ahead": "a new leader takes the end of its log for committed",
    CommitNotReplicated = "commit-not-replicated": "a commit of offsets is answered before it is replicated",
    UncleanReturn = "unclean-return": "a broker that crashed comes back as if it had stopped in order",
    LostDuplicate = "lost-duplicate": "a batch that is sent again is appended again",
}

static PLANTED: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Plants a bug in this process, or none.
pub fn plant(plant: Option<Plant>) {
    PLANTED.store(plant.map_or(usize::MAX, |p| p as usize), Ordering::Relaxed);
}

pub fn is_planted(plant: Plant) -> bool {
    PLANTED.load(Ordering::Relaxed) == plant as usize
}
