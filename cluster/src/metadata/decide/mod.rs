//! The controller's decisions: from a wish and the image to records and an answer. One file a noun.
//!
//! Always holds: the image is only read; what is decided can be replayed onto it; one decision is at most
//! [`MAX_RECORDS`] records. Must never: answer for another topic's or resource's fault.

mod alter_partition;
mod brokers;
mod change;
mod checks;
mod configs;
mod controllers;
mod partitions;
mod producer_ids;
mod topics;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::*;
use airis_protocol::types::{NodeId, Str};

pub use producer_ids::PRODUCER_ID_BLOCK;

use super::command::{Command, Env, Reply};
use super::features;
use super::image::Image;
use crate::machine::Decision;

/// Records to append and the answer to give once they are committed.
pub type MetaDecision = Decision<MetadataRecord, Reply>;

/// The most records that one request may cause (Kafka's `MAX_RECORDS_PER_USER_OP`): a batch must stay well below 8 MiB.
pub const MAX_RECORDS: usize = 10_000;
/// The most partitions that one CreateTopics request may ask for (Kafka's `MAX_PARTITIONS_PER_BATCH`).
pub const MAX_PARTITIONS: usize = 10_000;

/// The fault of one topic or resource, as its answer carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    code: ErrorCode,
    /// `None` where Kafka sends a null message.
    message: Option<String>,
}

impl Fault {
    fn new(code: ErrorCode, message: impl Into<String>) -> Fault {
        Fault {
            code,
            message: Some(message.into()),
        }
    }

    /// Without a message, as Kafka answers where the exception has none of its own.
    fn bare(code: ErrorCode) -> Fault {
        Fault {
            code,
            message: None,
        }
    }

    /// With the code's own message.
    fn plain(code: ErrorCode) -> Fault {
        Fault::new(code, code.message())
    }

    fn text(&self) -> Option<Str> {
        self.message.as_deref().map(Str::from)
    }
}

/// The code and message of one part's outcome.
fn outcome(result: &Result<(), Fault>) -> (i16, Option<Str>) {
    match result {
        Ok(()) => (0, None),
        Err(fault) => (fault.code as i16, fault.text()),
    }
}

/// Decides a command against an image. Errors are those that concern the request as a whole.
pub fn decide(
    image: &Image,
    env: &mut Env<'_>,
    command: Command,
) -> Result<MetaDecision, ErrorCode> {
    if image.in_transaction() && !matches!(command, Command::Activate { .. }) {
        // Only the bootstrap writes transactions, and in one batch; a foreign log may end within one until Activate aborts it.
        return Err(ErrorCode::NotController);
    }
    let decision = match command {
        Command::Activate { bootstrap } => activate(image, env, bootstrap),
        Command::CreateTopics {
            request,
            describable,
        } => topics::create(image, env, request, describable),
        Command::DeleteTopics(request) => topics::delete(image, env, request)?,
        Command::CreatePartitions(request) => partitions::create(image, env, request),
        Command::AlterConfigs(request) => configs::alter(image, env, request)?,
        Command::IncrementalAlterConfigs(request) => {
            configs::alter_incremental(image, env, request)?
        }
        Command::RegisterBroker(request) => brokers::register(image, env, request)?,
        Command::Join(request) => brokers::join(image, env, request)?,
        Command::Heartbeat(request) => brokers::heartbeat(image, env, request)?,
        Command::Fence(id, epoch) => brokers::fence(image, env, id, epoch)?,
        Command::AlterPartition(request) => alter_partition::alter(image, env, request)?,
        Command::UnregisterBroker(id) => brokers::unregister(image, env, id)?,
        Command::RegisterController(request) => controllers::register(request),
        Command::AllocateProducerIds { broker, epoch } => {
            producer_ids::allocate(image, broker, epoch)?
        }
    };
    Ok(decision)
}

/// What a new leader writes first: the bootstrap of an empty log, in a transaction as Kafka does it, or the end of a transaction
/// that its predecessor left open.
fn activate(image: &Image, env: &Env<'_>, bootstrap: Vec<MetadataRecord>) -> MetaDecision {
    use MetadataRecord as R;
    let mut records = Vec::new();
    if image.in_transaction() {
        records.push(R::AbortTransactionRecord(AbortTransactionRecord {
            reason: Some(Str::from_static("Controller failover")),
        }));
    }
    if image.visible_feature(features::METADATA_VERSION) == 0 {
        records.push(R::BeginTransactionRecord(BeginTransactionRecord {
            name: Some(Str::from_static("Bootstrap records")),
        }));
        let bootstrap = if bootstrap.is_empty() {
            default_bootstrap()
        } else {
            bootstrap
        };
        let elr = bootstrap.iter().any(|r| {
            matches!(r, R::FeatureLevelRecord(f)
                if f.name == features::ELIGIBLE_LEADER_REPLICAS && f.feature_level > 0)
        });
        records.extend(bootstrap);
        // Eligible leader replicas need the cluster to have one value of it (KIP-966).
        if elr {
            records.push(R::ConfigRecord(ConfigRecord {
                resource_type: super::ResourceType::Broker as i8,
                resource_name: Str::default(),
                name: Str::from_static("min.insync.replicas"),
                value: Some(Str::from(env.settings.min_insync_replicas.to_string())),
            }));
        }
        records.push(R::EndTransactionRecord(EndTransactionRecord {}));
    }
    MetaDecision {
        records,
        reply: Reply::Done,
    }
}

/// What `kafka-storage format` of 4.3 would have chosen.
fn default_bootstrap() -> Vec<MetadataRecord> {
    features::BOOTSTRAP
        .iter()
        .map(|(name, level)| {
            MetadataRecord::FeatureLevelRecord(FeatureLevelRecord {
                name: Str::from_static(name),
                feature_level: *level,
            })
        })
        .collect()
}

/// Node ids as records have them.
fn raw(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|n| n.0).collect()
}
