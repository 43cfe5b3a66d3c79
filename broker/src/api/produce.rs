//! Produce: check, validate outside of any lock, append, answer when enough replicas have it.
//!
//! Always holds: all partitions of a request are appended before the next request of the connection starts, and waited for together;
//! a partition's failure does not touch the others. Must never: decode records beyond what validation walks over.

use std::collections::BTreeSet;
use std::sync::Arc;

use airis_protocol::batch::BatchHeader;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    TopicProduceResponse,
};
use airis_protocol::messages::{ProduceRequest, ProduceResponse};
use airis_protocol::names;
use airis_protocol::types::{LeaderEpoch, NodeId, Offset, PartitionId, Str, Uuid};
use airis_protocol::validate::{ValidateError, validate};
use airis_storage::log::Origin;

use super::{Ctx, Reply};
use crate::node::Node;
use crate::partition::{self, Partition, Written};

/// The first version with topic ids instead of names.
const IDS_FROM: i16 = 13;
/// The first version with hints to the current leader (KIP-951).
const LEADER_HINTS_FROM: i16 = 10;
/// The client id that may write to internal topics (Kafka's `AdminUtils.ADMIN_CLIENT_ID`).
const ADMIN_CLIENT: &str = "__admin_client";
/// Why a transactional batch is refused: transactions are not served, so no transactional id has a producer.
const NO_TRANSACTION: ErrorCode = ErrorCode::InvalidProducerIdMapping;

/// An append whose answer waits.
struct Pending {
    topic: usize,
    partition: usize,
    log: Arc<Partition>,
    until: Offset,
    /// The leader epoch of the append.
    epoch: LeaderEpoch,
    /// For every in-sync replica, not only for this node's disk.
    all: bool,
}

impl Pending {
    /// The outcome, if it is known already.
    fn now(&self) -> Option<Result<(), ErrorCode>> {
        if !self.all {
            return None;
        }
        match self.log.is_committed(self.until, self.epoch) {
            Ok(false) => None,
            Ok(true) => Some(self.log.enough_after_append()),
            Err(e) => Some(Err(e)),
        }
    }

    async fn done(&self) -> Result<(), ErrorCode> {
        if self.all {
            self.log.committed(self.until, self.epoch).await?;
            self.log.enough_after_append()
        } else {
            self.log.flushed(self.until, self.epoch).await
        }
    }
}

pub fn handle(ctx: &Ctx, request: ProduceRequest) -> Reply<ProduceResponse> {
    let acks = request.acks;
    let mut pending = Vec::new();
    let mut failed = false;
    let mut leaders = BTreeSet::new();
    let responses: Vec<TopicProduceResponse> = request
        .topic_data
        .into_iter()
        .enumerate()
        .map(|(t, topic)| {
            let TopicProduceData {
                name,
                topic_id,
                partition_data,
            } = topic;
            let partition_responses = partition_data
                .into_iter()
                .enumerate()
                .map(|(p, data)| {
                    let index = data.index;
                    let done = produce(
                        ctx,
                        acks,
                        request.transactional_id.as_ref(),
                        &name,
                        topic_id,
                        data,
                    );
                    let response = match done {
                        Ok((response, Some((log, until, epoch)))) => {
                            pending.push(Pending {
                                topic: t,
                                partition: p,
                                log,
                                until,
                                epoch,
                                all: acks == -1,
                            });
                            response
                        }
                        Ok((response, None)) => response,
                        Err(refused) => refused.response(ctx, index),
                    };
                    failed |= response.error_code != 0;
                    if response.current_leader.leader_id >= 0 {
                        leaders.insert(response.current_leader.leader_id);
                    }
                    response
                })
                .collect();
            TopicProduceResponse {
                name,
                topic_id,
                partition_responses,
            }
        })
        .collect();
    if acks == 0 {
        // The client listens for no answer: only a closed connection tells it that something is wrong.
        return if failed {
            Reply::Close("a produce with acks=0 failed")
        } else {
            Reply::Silent
        };
    }
    let mut response = ProduceResponse {
        responses,
        ..Default::default()
    };
    response.node_endpoints = endpoints(ctx.node, &ctx.client.listener, &leaders);
    pending.retain(|p| match p.now() {
        None => true,
        Some(outcome) => {
            settle(&mut response, p, outcome);
            false
        }
    });
    if pending.is_empty() {
        return Reply::Now(response);
    }
    // The records are on the log: the names alone would hold the whole frame in memory for as long as the answer waits.
    for topic in &mut response.responses {
        topic.name = topic.name.detach();
    }
    let timeout = std::time::Duration::from_millis(request.timeout_ms.max(0) as u64);
    Reply::later(async move {
        let deadline = crate::time::Instant::now() + timeout;
        for p in pending {
            let outcome = crate::time::timeout_at(deadline, p.done())
                .await
                .unwrap_or(Err(ErrorCode::RequestTimedOut));
            settle(&mut response, &p, outcome);
        }
        response
    })
}

/// Puts an append's outcome into the answer, which still says where the records are: they may yet be committed.
fn settle(response: &mut ProduceResponse, p: &Pending, outcome: Result<(), ErrorCode>) {
    let Err(error) = outcome else { return };
    response.responses[p.topic].partition_responses[p.partition].error_code = error.code();
}

/// Why a partition's records were refused.
struct Refused {
    error: ErrorCode,
    log_start: Offset,
    records: Vec<(i32, String)>,
    message: Option<String>,
    leader: Option<(Option<NodeId>, LeaderEpoch)>,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Refused {
            error,
            log_start: Offset(-1),
            records: Vec::new(),
            message: None,
            leader: None,
        }
    }
}

impl Refused {
    fn with(error: ErrorCode, message: impl Into<String>) -> Self {
        Refused {
            message: Some(message.into()),
            ..error.into()
        }
    }

    fn response(self, ctx: &Ctx, index: i32) -> PartitionProduceResponse {
        let current_leader = match self.leader {
            Some((leader, epoch)) if ctx.version >= LEADER_HINTS_FROM => LeaderIdAndEpoch {
                leader_id: leader.map_or(-1, |l| l.0),
                leader_epoch: epoch.0,
            },
            _ => LeaderIdAndEpoch::default(),
        };
        PartitionProduceResponse {
            index,
            error_code: self.error.code(),
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: self.log_start.0,
            record_errors: self
                .records
                .into_iter()
                .map(|(batch_index, message)| BatchIndexAndErrorMessage {
                    batch_index,
                    batch_index_error_message: Some(Str::from(message)),
                })
                .collect(),
            error_message: self.message.map(Str::from),
            current_leader,
        }
    }
}

type Done = (
    PartitionProduceResponse,
    Option<(Arc<Partition>, Offset, LeaderEpoch)>,
);

/// One partition's part of the request.
fn produce(
    ctx: &Ctx,
    acks: i16,
    transactional_id: Option<&Str>,
    name: &Str,
    topic_id: Uuid,
    data: PartitionProduceData,
) -> Result<Done, Refused> {
    let index = PartitionId(data.index);
    let found = if ctx.version >= IDS_FROM {
        ctx.node.partitions.by_id(topic_id, index)
    } else {
        ctx.node.partitions.by_name(name, index)
    };
    // That a topic is unknown goes before all else, that it is led elsewhere after what is wrong with the request itself.
    if let Err(error) = &found
        && *error != ErrorCode::NotLeaderOrFollower
    {
        return Err((*error).into());
    }
    let records = data
        .records
        .as_ref()
        .and_then(|r| r.as_bytes())
        .filter(|b| !b.is_empty())
        .ok_or_else(|| {
            Refused::with(
                ErrorCode::InvalidRecord,
                "A produce request must have a record batch for each partition",
            )
        })?;
    if !(-1..=1).contains(&acks) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let partition = found.map_err(|error| Refused {
        leader: ctx.node.leader_of(topic_id, name, index),
        ..error.into()
    })?;
    if names::is_internal(&partition.topic) && ctx.client_id.as_str() != ADMIN_CLIENT {
        return Err(Refused::with(
            ErrorCode::InvalidTopicException,
            format!("Cannot append to internal topic {}", partition.topic),
        ));
    }
    // Kafka asks for the right to a transactional id before it looks at the records.
    if transactional_id.is_none() && BatchHeader::read(records).is_ok_and(|h| h.is_transactional())
    {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed.into());
    }
    let config = partition.config();
    let validated = validate(
        records,
        &partition::config::validation(&config, ctx.version),
        ctx.now,
    )
    .map_err(|e| refused_records(&partition, e))?;
    if validated.transactional {
        return Err(NO_TRANSACTION.into());
    }
    let Written { appended, epoch } = partition
        .append(
            validated.bytes,
            ctx.now,
            Origin::Client,
            acks == -1,
            LeaderEpoch(-1),
        )
        .map_err(|error| Refused {
            // What the log's own state refuses comes with its start, as in Kafka.
            log_start: match error {
                ErrorCode::OutOfOrderSequenceNumber
                | ErrorCode::InvalidProducerEpoch
                | ErrorCode::NotEnoughReplicas
                | ErrorCode::InvalidRecord => partition.log().start(),
                _ => Offset(-1),
            },
            leader: (error == ErrorCode::NotLeaderOrFollower).then(|| partition.leader()),
            ..error.into()
        })?;
    let response = PartitionProduceResponse {
        index: data.index,
        error_code: 0,
        base_offset: appended.base_offset.0,
        log_append_time_ms: appended.log_append_time.map_or(-1, |t| t.0),
        log_start_offset: appended.log_start.0,
        ..Default::default()
    };
    // acks=1 waits for this node's own disk where acknowledgement means stable storage; acks=all for every in-sync replica.
    let until = Offset(appended.last_offset.0 + 1);
    let wait = (acks == -1 || partition.waits_for_disk()).then_some((partition, until, epoch));
    Ok((response, wait))
}

fn refused_records(partition: &Partition, e: ValidateError) -> Refused {
    Refused {
        log_start: match e.error {
            ErrorCode::InvalidRecord | ErrorCode::InvalidTimestamp if !e.in_request => {
                partition.log().start()
            }
            _ => Offset(-1),
        },
        records: e.records,
        message: Some(e.message),
        ..Refused::from(e.error)
    }
}

fn endpoints(node: &Node, listener: &str, leaders: &BTreeSet<i32>) -> Vec<NodeEndpoint> {
    node.endpoints(listener, leaders)
        .into_iter()
        .map(|(id, host, port, rack)| NodeEndpoint {
            node_id: id.0,
            host,
            port,
            rack,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use airis_protocol::batch::{BatchBuilder, TimestampType};
    use airis_protocol::compress::Codec;
    use airis_protocol::header::request_frame;
    use airis_protocol::types::{Millis, Records};
    use airis_storage::disk::faulty::FaultyDisk;
    use bytes::Bytes;

    use super::*;
    use crate::api::dispatch::dispatch;
    use crate::api::{Answer, Client};
    use crate::boot::tests::start_on;
    use crate::topics;

    /// A frame that says when it is freed.
    struct Frame(Bytes, Arc<AtomicBool>);

    impl AsRef<[u8]> for Frame {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Frame {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Release);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_produce_that_waits_does_not_keep_its_frame() {
        let disk = FaultyDisk::new();
        let running = start_on(&disk, &[("airis.ack.durability", "fsync")]).await;
        let node = running.node.clone();
        assert!(
            topics::auto_create(&node, vec!["t".into()])
                .await
                .is_empty()
        );
        let mut batch = BatchBuilder::new(Codec::None, TimestampType::Create);
        batch.push(Millis(1_700_000_000_000), None, Some(b"v"), &[]);
        let request = ProduceRequest {
            acks: 1,
            timeout_ms: 10_000,
            topic_data: vec![TopicProduceData {
                name: "t".into(),
                partition_data: vec![PartitionProduceData {
                    index: 0,
                    records: Some(Records::Bytes(batch.build(Offset(0), LeaderEpoch(-1)))),
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let frame = request_frame(&request, 12, 1, Some("c".into())).unwrap();
        let freed = Arc::new(AtomicBool::new(false));
        let frame = Frame(frame.to_bytes().slice(4..), freed.clone());
        let client = Client::new(([127, 0, 0, 1], 1).into(), "PLAINTEXT".into(), false);
        let answer = dispatch(&node, &Arc::new(client), Bytes::from_owner(frame));
        let Answer::Later(answer) = answer else {
            panic!("it waits for the disk");
        };
        assert!(freed.load(Ordering::Acquire));
        assert!(answer.await.is_ok());
        drop(node);
        running.stop().await;
    }
}
