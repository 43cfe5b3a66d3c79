//! Answers that a test has ordered in advance, for the next requests of an API from clients.
//!
//! Always holds: an ordered error is answered in the request's own words, for everything that it names, and the request has no effect;
//! requests of other nodes are served as ever. Must never: answer what the client could not have got from a real broker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use airis_protocol::api_key::ApiKey;
use airis_protocol::error::ErrorCode;
use airis_protocol::header::RequestHeader;
use airis_protocol::messages::*;
use airis_protocol::types::{Records, Str, Uuid};
use airis_protocol::wire::{DecodeError, EncodeError, Reader, Request};
use bytes::Bytes;
use futures::FutureExt;
use parking_lot::Mutex;

use crate::api::{Answer, Client, Reply};
use crate::node::Node;
use crate::time::sleep;
use crate::{api, task};

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Error(ErrorCode),
    Delay(Duration),
    Refuse,
    LoseAnswer,
}

/// What has been ordered of one node.
#[derive(Default)]
pub struct Scripts(Mutex<BTreeMap<ApiKey, VecDeque<(usize, Act)>>>);

impl Scripts {
    pub fn left(&self, api: ApiKey) -> usize {
        let scripts = self.0.lock();
        scripts
            .get(&api)
            .map_or(0, |acts| acts.iter().map(|(times, _)| times).sum())
    }

    fn next(&self, api: ApiKey) -> Option<Act> {
        let mut scripts = self.0.lock();
        let acts = scripts.get_mut(&api)?;
        let (times, act) = acts.front_mut()?;
        let act = *act;
        *times -= 1;
        if *times == 0 {
            acts.pop_front();
        }
        Some(act)
    }
}

/// What the next requests of an API get, on one node. Nothing is ordered until the last word: [`Script::error`] and its like.
///
/// Orders for one API are used up one after the other. They are meant for clients: requests of other nodes are served as ever.
#[must_use = "nothing is ordered without a last word, such as `error`"]
pub struct Script<'a> {
    scripts: &'a Scripts,
    api: ApiKey,
    times: usize,
}

impl<'a> Script<'a> {
    pub(super) fn new(scripts: &'a Scripts, api: ApiKey) -> Script<'a> {
        Script {
            scripts,
            api,
            times: 1,
        }
    }

    /// For so many requests; one if nobody says.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// They are answered with this error, for all that they name, and have no effect.
    ///
    /// Panics if there is no such answer for this API: [`Script::knows`] tells.
    pub fn error(self, error: ErrorCode) {
        assert!(
            Script::knows(self.api),
            "{:?} cannot be answered with an error by script; delay it, or drop the connection",
            self.api
        );
        self.order(Act::Error(error));
    }

    /// They are handled at once, and answered so much later, by the cluster's clock. Later requests of the same connection are
    /// answered after them.
    pub fn delay(self, by: Duration) {
        self.order(Act::Delay(by));
    }

    /// Their connection ends instead, and they have no effect.
    pub fn drop_connection(self) {
        self.order(Act::Refuse);
    }

    /// They are handled in full, but their connection ends where the answer should come: the client cannot know.
    pub fn lose_answer(self) {
        self.order(Act::LoseAnswer);
    }

    /// True if requests of this API can be answered with an error by script.
    pub fn knows(api: ApiKey) -> bool {
        KNOWN.contains(&api)
    }

    fn order(self, act: Act) {
        if self.times > 0 {
            let mut scripts = self.scripts.0.lock();
            let acts = scripts.entry(self.api).or_default();
            acts.push_back((self.times, act));
        }
    }
}

/// Handles a request as ordered, or as ever.
pub fn dispatch(node: &Arc<Node>, client: &Arc<Client>, frame: Bytes) -> Answer {
    let Some(act) = ordered(client, &frame) else {
        return api::dispatch::dispatch(node, client, frame);
    };
    let handle = |frame| api::dispatch::dispatch(node, client, frame);
    match act {
        Act::Refuse => Answer::Close("by script".into()),
        Act::Error(code) => refused(node, frame, code),
        Act::Delay(by) => {
            let later = sleep(by);
            match handle(frame) {
                Answer::Now(answer) => Answer::Later(later.map(|()| Ok(answer)).boxed()),
                Answer::Later(answer) => Answer::Later(
                    futures::future::join(answer, later)
                        .map(|(a, ())| a)
                        .boxed(),
                ),
                other => other,
            }
        }
        Act::LoseAnswer => match handle(frame) {
            // An answer that cannot be had is what ends a connection so late.
            Answer::Later(answer) => {
                Answer::Later(answer.map(|_| Err(EncodeError::UnexpectedNull)).boxed())
            }
            Answer::Close(why) => Answer::Close(why),
            Answer::Now(_) | Answer::Silent => Answer::Close("by script".into()),
        },
    }
}

fn ordered(client: &Client, frame: &Bytes) -> Option<Act> {
    let reach = task::reach()?;
    if client.controllers || reach.links.is_node(&client.addr) {
        return None;
    }
    let key = i16::from_be_bytes(frame.get(..2)?.try_into().ok()?);
    reach.scripts.next(ApiKey::try_from(key).ok()?)
}

fn refused(node: &Arc<Node>, frame: Bytes, code: ErrorCode) -> Answer {
    let mut body = Reader::new(frame);
    let refused = RequestHeader::read(&mut body).and_then(|h| refuse(node, &h, body, code.code()));
    refused.unwrap_or_else(|e| Answer::Close(e.to_string()))
}

/// The requests that [`refuse`] has words for.
const KNOWN: &[ApiKey] = &[
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::CreatePartitions,
    ApiKey::DeleteRecords,
    ApiKey::InitProducerId,
    ApiKey::OffsetForLeaderEpoch,
    ApiKey::DescribeCluster,
];

fn answer<R: Request>(
    header: &RequestHeader,
    mut body: Reader,
    words: impl FnOnce(R) -> Reply<R::Response>,
) -> Result<Answer, DecodeError>
where
    R::Response: Send + 'static,
{
    let request = R::read(&mut body, header.api_version)?;
    Ok(words(request).encode(R::KEY, header.api_version, header.correlation_id))
}

/// The answer to a request of which nothing was done.
fn refuse(
    node: &Arc<Node>,
    header: &RequestHeader,
    body: Reader,
    error_code: i16,
) -> Result<Answer, DecodeError> {
    let version = header.api_version;
    let key = ApiKey::try_from(header.api_key).expect("the header was read by its key");
    match key {
        ApiKey::Produce => answer(header, body, |r: ProduceRequest| {
            use produce_response::*;
            if r.acks == 0 {
                return Reply::Close("a produce with acks=0 failed");
            }
            let partition = |p: produce_request::PartitionProduceData| PartitionProduceResponse {
                index: p.index,
                error_code,
                base_offset: -1,
                log_append_time_ms: -1,
                log_start_offset: -1,
                ..Default::default()
            };
            let topic = |t: produce_request::TopicProduceData| TopicProduceResponse {
                name: t.name,
                topic_id: t.topic_id,
                partition_responses: t.partition_data.into_iter().map(partition).collect(),
            };
            Reply::Now(ProduceResponse {
                responses: r.topic_data.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::Fetch => answer(header, body, |r| {
            Reply::Now(fetch(node, version, r, error_code))
        }),
        ApiKey::ListOffsets => answer(header, body, |r: ListOffsetsRequest| {
            use list_offsets_response::*;
            let partition =
                |p: list_offsets_request::ListOffsetsPartition| ListOffsetsPartitionResponse {
                    partition_index: p.partition_index,
                    error_code,
                    timestamp: -1,
                    offset: -1,
                    leader_epoch: -1,
                };
            let topic = |t: list_offsets_request::ListOffsetsTopic| ListOffsetsTopicResponse {
                name: t.name,
                partitions: t.partitions.into_iter().map(partition).collect(),
            };
            Reply::Now(ListOffsetsResponse {
                topics: r.topics.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::Metadata => answer(header, body, |r: MetadataRequest| {
            use metadata_response::*;
            let topic = |name: Option<Str>, topic_id| MetadataResponseTopic {
                error_code,
                // Before version 12 every topic has a name.
                name: name.or_else(|| (version < 12).then(Str::default)),
                topic_id: if version < 10 { Uuid::ZERO } else { topic_id },
                ..Default::default()
            };
            let image = node.meta.image();
            let topics = match r.topics {
                // In version 0 an empty list stands for all.
                Some(asked) if version > 0 || !asked.is_empty() => asked
                    .into_iter()
                    .map(|t| topic(t.name, t.topic_id))
                    .collect(),
                _ => image
                    .topics()
                    .map(|t| topic(Some(t.name.clone()), t.id))
                    .collect(),
            };
            let all = image.brokers().map(|b| b.id.0).collect();
            let brokers = node.endpoints(&node.config.inter_broker_listener, &all);
            Reply::Now(MetadataResponse {
                brokers: brokers
                    .into_iter()
                    .map(|(id, host, port, rack)| MetadataResponseBroker {
                        node_id: id.0,
                        host,
                        port,
                        rack: rack.filter(|_| version >= 1),
                    })
                    .collect(),
                cluster_id: (version >= 2).then(|| node.cluster_id.clone()),
                topics,
                ..Default::default()
            })
        }),
        ApiKey::OffsetCommit => answer(header, body, |r: OffsetCommitRequest| {
            use offset_commit_response::*;
            let partition = |p: offset_commit_request::OffsetCommitRequestPartition| {
                OffsetCommitResponsePartition {
                    partition_index: p.partition_index,
                    error_code,
                }
            };
            let topic =
                |t: offset_commit_request::OffsetCommitRequestTopic| OffsetCommitResponseTopic {
                    name: t.name,
                    topic_id: t.topic_id,
                    partitions: t.partitions.into_iter().map(partition).collect(),
                };
            Reply::Now(OffsetCommitResponse {
                topics: r.topics.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::OffsetFetch => answer(header, body, |r: OffsetFetchRequest| {
            use offset_fetch_response::*;
            // Version 1 has but errors of partitions; from version 8 on there are several groups.
            let partition = |partition_index| OffsetFetchResponsePartition {
                partition_index,
                committed_offset: -1,
                committed_leader_epoch: -1,
                metadata: Some(Str::default()),
                error_code,
            };
            let topic =
                |t: offset_fetch_request::OffsetFetchRequestTopic| OffsetFetchResponseTopic {
                    name: t.name,
                    partitions: t.partition_indexes.into_iter().map(partition).collect(),
                };
            let group =
                |g: offset_fetch_request::OffsetFetchRequestGroup| OffsetFetchResponseGroup {
                    group_id: g.group_id,
                    topics: Vec::new(),
                    error_code,
                };
            let topics = r.topics.unwrap_or_default();
            Reply::Now(OffsetFetchResponse {
                topics: topics.into_iter().map(topic).collect(),
                error_code: if (2..8).contains(&version) {
                    error_code
                } else {
                    0
                },
                groups: r.groups.into_iter().map(group).collect(),
                ..Default::default()
            })
        }),
        ApiKey::FindCoordinator => answer(header, body, |r: FindCoordinatorRequest| {
            use find_coordinator_response::*;
            let coordinator = |key: Str| Coordinator {
                key,
                node_id: -1,
                port: -1,
                error_code,
                error_message: Some(Str::default()),
                ..Default::default()
            };
            let alone = version < 4;
            Reply::Now(FindCoordinatorResponse {
                error_code: if alone { error_code } else { 0 },
                node_id: if alone { -1 } else { 0 },
                port: if alone { -1 } else { 0 },
                coordinators: r.coordinator_keys.into_iter().map(coordinator).collect(),
                ..Default::default()
            })
        }),
        ApiKey::JoinGroup => answer(header, body, |r: JoinGroupRequest| {
            Reply::Now(JoinGroupResponse {
                error_code,
                generation_id: -1,
                protocol_name: (version < 7).then(Str::default),
                member_id: r.member_id,
                ..Default::default()
            })
        }),
        ApiKey::Heartbeat => answer(header, body, |_: HeartbeatRequest| {
            Reply::Now(HeartbeatResponse {
                error_code,
                ..Default::default()
            })
        }),
        ApiKey::LeaveGroup => answer(header, body, |_: LeaveGroupRequest| {
            Reply::Now(LeaveGroupResponse {
                error_code,
                ..Default::default()
            })
        }),
        ApiKey::SyncGroup => answer(header, body, |_: SyncGroupRequest| {
            Reply::Now(SyncGroupResponse {
                error_code,
                ..Default::default()
            })
        }),
        ApiKey::DescribeGroups => answer(header, body, |r: DescribeGroupsRequest| {
            use describe_groups_response::*;
            let group = |group_id: Str| DescribedGroup {
                error_code,
                group_id,
                ..Default::default()
            };
            Reply::Now(DescribeGroupsResponse {
                groups: r.groups.into_iter().map(group).collect(),
                ..Default::default()
            })
        }),
        ApiKey::ListGroups => answer(header, body, |_: ListGroupsRequest| {
            Reply::Now(ListGroupsResponse {
                error_code,
                ..Default::default()
            })
        }),
        ApiKey::CreateTopics => answer(header, body, |r: CreateTopicsRequest| {
            use create_topics_response::*;
            let topic = |t: create_topics_request::CreatableTopic| CreatableTopicResult {
                name: t.name,
                error_code,
                ..Default::default()
            };
            Reply::Now(CreateTopicsResponse {
                topics: r.topics.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::DeleteTopics => answer(header, body, |r: DeleteTopicsRequest| {
            use delete_topics_response::*;
            let topic = |name: Option<Str>, topic_id| DeletableTopicResult {
                name,
                topic_id,
                error_code,
                ..Default::default()
            };
            let by_name = r
                .topic_names
                .into_iter()
                .map(|n| topic(Some(n), Uuid::ZERO));
            let either = r.topics.into_iter().map(|t| topic(t.name, t.topic_id));
            Reply::Now(DeleteTopicsResponse {
                responses: by_name.chain(either).collect(),
                ..Default::default()
            })
        }),
        ApiKey::CreatePartitions => answer(header, body, |r: CreatePartitionsRequest| {
            use create_partitions_response::*;
            let topic =
                |t: create_partitions_request::CreatePartitionsTopic| CreatePartitionsTopicResult {
                    name: t.name,
                    error_code,
                    ..Default::default()
                };
            Reply::Now(CreatePartitionsResponse {
                results: r.topics.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::DeleteRecords => answer(header, body, |r: DeleteRecordsRequest| {
            use delete_records_response::*;
            let partition =
                |p: delete_records_request::DeleteRecordsPartition| DeleteRecordsPartitionResult {
                    partition_index: p.partition_index,
                    low_watermark: -1,
                    error_code,
                };
            let topic = |t: delete_records_request::DeleteRecordsTopic| DeleteRecordsTopicResult {
                name: t.name,
                partitions: t.partitions.into_iter().map(partition).collect(),
            };
            Reply::Now(DeleteRecordsResponse {
                topics: r.topics.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::InitProducerId => answer(header, body, |_: InitProducerIdRequest| {
            Reply::Now(InitProducerIdResponse {
                error_code,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            })
        }),
        ApiKey::OffsetForLeaderEpoch => answer(header, body, |r: OffsetForLeaderEpochRequest| {
            use offset_for_leader_epoch_response::*;
            let partition =
                |p: offset_for_leader_epoch_request::OffsetForLeaderPartition| EpochEndOffset {
                    error_code,
                    partition: p.partition,
                    leader_epoch: -1,
                    end_offset: -1,
                };
            let topic = |t: offset_for_leader_epoch_request::OffsetForLeaderTopic| {
                OffsetForLeaderTopicResult {
                    topic: t.topic,
                    partitions: t.partitions.into_iter().map(partition).collect(),
                }
            };
            Reply::Now(OffsetForLeaderEpochResponse {
                topics: r.topics.into_iter().map(topic).collect(),
                ..Default::default()
            })
        }),
        ApiKey::DescribeCluster => answer(header, body, |r: DescribeClusterRequest| {
            Reply::Now(DescribeClusterResponse {
                error_code,
                endpoint_type: if version > 0 { r.endpoint_type } else { 1 },
                ..Default::default()
            })
        }),
        other => unreachable!("{other:?} is not among the known ones"),
    }
}

/// A fetch names what has changed since the last one of its session: the session tells what it is about.
fn fetch(node: &Arc<Node>, version: i16, r: FetchRequest, error_code: i16) -> FetchResponse {
    use airis_cluster::fetch::session::Mode;
    use fetch_response::*;
    let mut sessions = node.fetch_sessions.lock();
    let plan = sessions.begin(
        node.clock.now(),
        r.replica_id.max(r.replica_state.replica_id) >= 0,
        r.session_id,
        r.session_epoch,
        version >= 13,
        &r.topics,
        &r.forgotten_topics_data,
        || (node.chance.lock().bits() >> 33) as i32,
    );
    let plan = match plan {
        Ok(plan) => plan,
        Err(code) => {
            return FetchResponse {
                error_code: code.code(),
                ..Default::default()
            };
        }
    };
    let responses = plan
        .partitions
        .iter()
        .map(|wanted| {
            let data = PartitionData {
                partition_index: wanted.partition,
                error_code,
                high_watermark: -1,
                records: Some(Records::default()),
                ..Default::default()
            };
            sessions.tell(&plan.mode, wanted, &data);
            FetchableTopicResponse {
                topic: wanted.topic.clone(),
                topic_id: wanted.topic_id,
                partitions: vec![data],
            }
        })
        .collect();
    FetchResponse {
        session_id: match plan.mode {
            Mode::Sessionless => 0,
            Mode::Full { session } | Mode::Incremental { session } => session,
        },
        responses,
        ..Default::default()
    }
}
