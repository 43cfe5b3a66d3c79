//! A client that sends one request after another, and the few requests that most tests need.

use std::time::Duration;

use airis_broker::Broker;
use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::header::{read_response_header, request_frame};
use airis_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::messages::fetch_response::PartitionData;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::messages::produce_response::PartitionProduceResponse;
use airis_protocol::messages::*;
use airis_protocol::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId, Records, Str};
use airis_protocol::wire::{Message, Reader, Request};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer may take longer.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    socket: TcpStream,
    next: i32,
}

impl Client {
    pub async fn to(broker: &Broker) -> Client {
        Client::at(broker.bootstrap_servers()).await
    }

    pub async fn at(address: &str) -> Client {
        Client {
            socket: TcpStream::connect(address).await.unwrap(),
            next: 1,
        }
    }

    /// Sends bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) {
        // A node may close the connection before it has read everything.
        let _ = self.socket.write_all(bytes).await;
    }

    /// Sends a request; returns its correlation id.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        let id = self.next;
        self.next += 1;
        let frame = request_frame(request, version, id, Some(Str::from("test"))).unwrap();
        self.write(&frame.to_bytes()).await;
        id
    }

    /// The next frame; `None` if the node has closed the connection.
    pub async fn frame(&mut self) -> Option<Bytes> {
        timeout(PATIENCE, async {
            let size = self.socket.read_i32().await.ok()?;
            let mut frame = BytesMut::zeroed(size as usize);
            self.socket.read_exact(&mut frame).await.ok()?;
            Some(frame.freeze())
        })
        .await
        .expect("an answer, or the end of the connection")
    }

    /// The next answer, which must be to this request.
    pub async fn receive<R: Request>(&mut self, id: i32, version: i16) -> R::Response {
        let frame = self.frame().await.expect("an answer");
        let mut r = Reader::new(frame);
        assert_eq!(read_response_header(&mut r, R::KEY, version).unwrap(), id);
        let response = R::Response::read(&mut r, version).unwrap();
        r.end().unwrap();
        response
    }

    pub async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let id = self.send(request, version).await;
        self.receive::<R>(id, version).await
    }

    /// Creates a topic with some configs; panics if it cannot be.
    pub async fn create(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let request = CreateTopicsRequest {
            topics: vec![topic(name, partitions, 1, configs)],
            timeout_ms: 10_000,
            validate_only: false,
        };
        let response = self.call(&request, 7).await;
        assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0]);
    }

    /// Produces a batch to partition 0.
    pub async fn produce(
        &mut self,
        topic: &str,
        acks: i16,
        batch: Bytes,
    ) -> PartitionProduceResponse {
        let response = self.call(&produce(topic, 0, acks, batch), 12).await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Fetches partition 0 once, without waiting.
    pub async fn fetch(&mut self, topic: &str, offset: i64) -> PartitionData {
        let response = self.call(&fetch(topic, offset, 0, 1), 12).await;
        response.responses[0].partitions[0].clone()
    }

    /// The values of all records of partition 0 from an offset on.
    pub async fn values(&mut self, topic: &str, offset: i64) -> Vec<String> {
        let data = self.fetch(topic, offset).await;
        assert_eq!(data.error_code, 0);
        values(&data)
    }
}

pub fn topic(
    name: &str,
    partitions: i32,
    replicas: i16,
    configs: &[(&str, &str)],
) -> CreatableTopic {
    CreatableTopic {
        name: Str::from(name),
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
    }
}

pub fn produce(topic: &str, partition: i32, acks: i16, batch: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 10_000,
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

/// A fetch of partition 0 outside of any session.
pub fn fetch(topic: &str, offset: i64, max_wait_ms: i32, min_bytes: i32) -> FetchRequest {
    FetchRequest {
        max_wait_ms,
        min_bytes,
        max_bytes: i32::MAX,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: Str::from(topic),
            partitions: vec![FetchPartition {
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Now, for timestamps that no retention minds.
pub fn now() -> Millis {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Millis(since.as_millis() as i64)
}

/// A batch of these values.
pub fn batch(values: &[&str]) -> Bytes {
    build(Codec::None, values, |_| {})
}

/// A batch of these values, with something more said of it.
pub fn build(codec: Codec, values: &[&str], more: impl FnOnce(&mut BatchBuilder)) -> Bytes {
    let mut builder = BatchBuilder::new(codec, TimestampType::Create);
    more(&mut builder);
    let now = now();
    for value in values {
        builder.push(now, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build(Offset(0), LeaderEpoch(-1))
}

/// A batch of an idempotent producer.
pub fn idempotent(id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    build(Codec::None, values, |b| {
        b.producer(ProducerId(id), ProducerEpoch(epoch), sequence);
    })
}

pub fn values(data: &PartitionData) -> Vec<String> {
    let bytes = data.records.as_ref().and_then(Records::as_bytes).cloned();
    let bytes = bytes.unwrap_or_default();
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for batch in airis_protocol::batch::parse_batches(&bytes).unwrap() {
        for record in batch.records(1 << 24).unwrap().iter() {
            let value = record.unwrap().value.unwrap().to_vec();
            all.push(String::from_utf8(value).unwrap());
        }
    }
    all
}

pub async fn broker() -> Broker {
    Broker::builder().start().await.unwrap()
}
