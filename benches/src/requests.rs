//! Requests as clients of today send them, by topic name.
//!
//! Always holds: versions are stable ones that Apache Kafka 4.3 serves. Must never: carry what a version cannot.

use airis_protocol::header::request_frame;
use airis_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use airis_protocol::messages::metadata_request::MetadataRequestTopic;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::messages::*;
use airis_protocol::types::{Records, Str};
use airis_protocol::wire::Request;
use bytes::Bytes;

/// The highest versions that name topics.
pub const PRODUCE: i16 = 12;
pub const FETCH: i16 = 12;
pub const METADATA: i16 = 12;
pub const API_VERSIONS: i16 = 0;
pub const CREATE_TOPICS: i16 = 7;
pub const DELETE_TOPICS: i16 = 5;
pub const INIT_PRODUCER_ID: i16 = 4;
pub const LIST_OFFSETS: i16 = 7;

/// One batch for one partition.
pub fn produce(topic: &str, partition: i32, acks: i16, batch: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: Str::from(topic),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::Bytes(batch)),
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A fetch outside of any session: partition and offset pairs.
pub fn fetch(topic: &str, from: &[(i32, i64)], wait_ms: i32, partition_bytes: i32) -> FetchRequest {
    FetchRequest {
        max_wait_ms: wait_ms,
        min_bytes: 1,
        max_bytes: 50 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: Str::from(topic),
            partitions: from
                .iter()
                .map(|(partition, offset)| FetchPartition {
                    partition: *partition,
                    fetch_offset: *offset,
                    partition_max_bytes: partition_bytes,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Metadata of one topic, or (`None`) of the brokers alone.
pub fn metadata(topic: Option<&str>) -> MetadataRequest {
    metadata_of(topic.as_slice())
}

pub fn metadata_of(topics: &[&str]) -> MetadataRequest {
    MetadataRequest {
        topics: Some(
            topics
                .iter()
                .map(|t| MetadataRequestTopic {
                    name: Some(Str::from(*t)),
                    ..Default::default()
                })
                .collect(),
        ),
        allow_auto_topic_creation: false,
        ..Default::default()
    }
}

/// One topic with these configs.
pub fn create(
    topic: &str,
    partitions: i32,
    replicas: i16,
    configs: &[(&str, &str)],
) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: Str::from(topic),
            num_partitions: partitions,
            replication_factor: replicas,
            configs: configs
                .iter()
                .map(|(name, value)| CreatableTopicConfig {
                    name: Str::from(*name),
                    value: Some(Str::from(*value)),
                })
                .collect(),
            ..Default::default()
        }],
        timeout_ms: 110_000,
        validate_only: false,
    }
}

/// The end of each partition.
pub fn ends(topic: &str, partitions: i32) -> ListOffsetsRequest {
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: Str::from(topic),
            partitions: (0..partitions)
                .map(|p| ListOffsetsPartition {
                    partition_index: p,
                    current_leader_epoch: -1,
                    timestamp: -1,
                })
                .collect(),
        }],
        ..Default::default()
    }
}

/// A whole frame, as it goes over the wire.
pub fn frame<R: Request>(request: &R, version: i16, correlation: i32) -> Vec<u8> {
    request_frame(
        request,
        version,
        correlation,
        Some(Str::from_static("bench")),
    )
    .expect("the version has a place for all of it")
    .to_bytes()
    .to_vec()
}

/// A produce frame, and where its batch lies in it.
pub fn produce_frame(topic: &str, partition: i32, acks: i16, batch: &Bytes) -> (Vec<u8>, usize) {
    let frame = frame(&produce(topic, partition, acks, batch.clone()), PRODUCE, 1);
    // Behind the batch stand three empty sets of tags: of the partition, the topic and the request.
    let at = frame.len() - 3 - batch.len();
    assert_eq!(
        frame[at..at + batch.len()],
        batch[..],
        "the batch lies at the end"
    );
    (frame, at)
}
