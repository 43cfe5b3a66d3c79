//! The requests that scripts are made of, and batches of records.

use std::sync::OnceLock;

use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::messages::metadata_request::MetadataRequestTopic;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::messages::*;
use airis_protocol::types::{
    LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId, Records, Str, Uuid,
};
use anyhow::{Result, bail};
use bytes::Bytes;

use crate::side::Side;

pub const TIMEOUT_MS: i32 = 10_000;

/// The time of the first record, the same for both nodes and young enough for any retention.
pub fn base_time() -> i64 {
    static TIME: OnceLock<i64> = OnceLock::new();
    *TIME.get_or_init(|| {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
        now.as_millis() as i64 - 60_000
    })
}

pub fn topic(
    name: &str,
    partitions: i32,
    replicas: i16,
    configs: &[(&str, &str)],
) -> CreatableTopic {
    CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: replicas,
        configs: configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig {
                name: (*name).into(),
                value: Some((*value).into()),
            })
            .collect(),
        ..Default::default()
    }
}

pub fn create(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics,
        timeout_ms: TIMEOUT_MS,
        validate_only: false,
    }
}

pub fn metadata(names: &[&str]) -> MetadataRequest {
    let topics = names.iter().map(|name| MetadataRequestTopic {
        name: Some((*name).into()),
        ..Default::default()
    });
    MetadataRequest {
        topics: Some(topics.collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    }
}

impl Side {
    /// Makes a topic, waits until its partitions can be used, and learns its id.
    pub async fn make(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<Uuid> {
        let made = self
            .quiet(&create(vec![topic(name, partitions, 1, configs)]), 7)
            .await?;
        if made.topics[0].error_code != 0 {
            bail!("{name}: {:?}", made.topics[0]);
        }
        self.usable(name, partitions).await
    }

    /// Waits until a topic's partitions have a leader that answers; the topic's id.
    pub async fn usable(&mut self, name: &str, partitions: i32) -> Result<Uuid> {
        for _ in 0..200 {
            let seen = self.quiet(&metadata(&[name]), 13).await?;
            let id = seen.topics[0].topic_id;
            let ends = self
                .quiet(&list_offsets(name, 0..partitions, -1), 7)
                .await?;
            let ready = ends.topics[0].partitions.iter().all(|p| p.error_code == 0);
            if seen.topics[0].partitions.len() as i32 == partitions && ready {
                self.learn(&id.to_string(), &format!("<id of {name}>"));
                return Ok(id);
            }
            self.settle().await;
        }
        bail!("{name} is not to be used")
    }

    /// Puts records into partition 0 of a topic; they must be taken.
    pub async fn put(&mut self, name: &str, batch: Bytes) -> Result<()> {
        let done = self.quiet(&produce(name, 0, -1, batch), 12).await?;
        let partition = &done.responses[0].partition_responses[0];
        anyhow::ensure!(partition.error_code == 0, "{name}: {partition:?}");
        Ok(())
    }
}

/// A request for an idempotent producer's id.
pub fn fresh_producer() -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    }
}

pub fn list_offsets(
    name: &str,
    partitions: std::ops::Range<i32>,
    timestamp: i64,
) -> ListOffsetsRequest {
    use list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: name.into(),
            partitions: partitions
                .map(|partition_index| ListOffsetsPartition {
                    partition_index,
                    current_leader_epoch: -1,
                    timestamp,
                })
                .collect(),
        }],
        ..Default::default()
    }
}

pub fn produce(name: &str, partition: i32, acks: i16, batch: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: TIMEOUT_MS,
        topic_data: vec![TopicProduceData {
            name: name.into(),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::Bytes(batch)),
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// As versions name topics: by name, or by id from `from` on.
pub fn produce_in(version: i16, name: &str, id: Uuid, batch: Bytes) -> ProduceRequest {
    let mut request = produce(name, 0, -1, batch);
    if version >= 13 {
        (request.topic_data[0].name, request.topic_data[0].topic_id) = (Str::default(), id);
    }
    request
}

pub fn fetch_partition(partition: i32, offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    }
}

/// A fetch of one partition outside of any session, by name or id as the version has it.
pub fn fetch_in(version: i16, name: &str, id: Uuid, partition: FetchPartition) -> FetchRequest {
    let by_id = version >= 13;
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: i32::MAX,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: if by_id { Str::default() } else { name.into() },
            topic_id: if by_id { id } else { Uuid::ZERO },
            partitions: vec![partition],
        }],
        ..Default::default()
    }
}

/// A batch of these values, a millisecond apart, with something more said of it.
pub fn build(codec: Codec, values: &[&str], more: impl FnOnce(&mut BatchBuilder)) -> Bytes {
    build_at(0, codec, values, more)
}

/// The same, from some milliseconds after the base time on.
pub fn build_at(
    after: i64,
    codec: Codec,
    values: &[&str],
    more: impl FnOnce(&mut BatchBuilder),
) -> Bytes {
    let mut builder = BatchBuilder::new(codec, TimestampType::Create);
    more(&mut builder);
    for (i, value) in values.iter().enumerate() {
        let time = Millis(base_time() + after + i as i64);
        builder.push(
            time,
            Some(b"key"),
            Some(value.as_bytes()),
            &[(b"h", Some(b"1"))],
        );
    }
    builder.build(Offset(0), LeaderEpoch(-1))
}

pub fn batch(values: &[&str]) -> Bytes {
    build(Codec::None, values, |_| {})
}

/// A batch of an idempotent producer.
pub fn idempotent(id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    build(Codec::None, values, |b| {
        b.producer(ProducerId(id), ProducerEpoch(epoch), sequence);
    })
}

/// A batch with some bytes of its header set, and a CRC that is right again if `seal` says so.
pub fn patched(batch: &Bytes, at: usize, bytes: &[u8], seal: bool) -> Bytes {
    let mut out = batch.to_vec();
    out[at..at + bytes.len()].copy_from_slice(bytes);
    if seal {
        let crc = airis_protocol::batch::batch_crc(&out);
        out[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    out.into()
}
