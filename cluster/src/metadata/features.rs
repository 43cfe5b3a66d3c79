//! The features of Kafka 4.3: which levels this node supports, and which a new cluster finalizes.
//!
//! Always holds: the ranges and levels are Kafka 4.3.0's (`MetadataVersion`, `Feature`). Must never: promise a level whose
//! records this project cannot read.

/// The feature that versions the metadata records themselves.
pub const METADATA_VERSION: &str = "metadata.version";
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";
pub const GROUP: &str = "group.version";
pub const KRAFT: &str = "kraft.version";
pub const SHARE: &str = "share.version";
pub const STREAMS: &str = "streams.version";
pub const TRANSACTION: &str = "transaction.version";

/// 4.3-IV0, the newest stable metadata version of Kafka 4.3.
pub const METADATA_VERSION_NEWEST: i16 = 30;
/// 3.3-IV3, the oldest that 4.x still opens.
pub const METADATA_VERSION_OLDEST: i16 = 7;

/// Name, lowest and highest supported level.
pub const SUPPORTED: &[(&str, i16, i16)] = &[
    (ELIGIBLE_LEADER_REPLICAS, 0, 1),
    (GROUP, 0, 1),
    (KRAFT, 0, 1),
    (
        METADATA_VERSION,
        METADATA_VERSION_OLDEST,
        METADATA_VERSION_NEWEST,
    ),
    (SHARE, 0, 1),
    (STREAMS, 0, 1),
    (TRANSACTION, 0, 2),
];

/// What a new cluster finalizes, in the order of the bootstrap records: the metadata version first, the rest by name.
/// `kraft.version` has no such record.
pub const BOOTSTRAP: &[(&str, i16)] = &[
    (METADATA_VERSION, METADATA_VERSION_NEWEST),
    (ELIGIBLE_LEADER_REPLICAS, 1),
    (GROUP, 1),
    (SHARE, 1),
    (STREAMS, 1),
    (TRANSACTION, 2),
];

/// From this level on a leader's epoch stays when its ISR shrinks (KAFKA-15021).
pub const ISR_SHRINKS_WITHIN_AN_EPOCH_FROM: i16 = 12;
/// From this level on controllers register.
pub const CONTROLLERS_REGISTER_FROM: i16 = 15;
/// From this level on brokers register with their log directories (JBOD).
pub const DIRECTORIES_FROM: i16 = 17;
/// From this level on partition records may have eligible leader replicas.
pub const ELR_RECORDS_FROM: i16 = 23;
/// From this level on log directories can be cordoned.
pub const CORDONED_FROM: i16 = 30;
