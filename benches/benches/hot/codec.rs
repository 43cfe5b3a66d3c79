//! Encoding and decoding of the requests and responses that brokers see most.

use std::hint::black_box;
use std::time::Duration;

use airis_benches::{batches, requests};
use airis_protocol::api_key::ApiKey;
use airis_protocol::compress::Codec;
use airis_protocol::header::{RequestHeader, read_response_header, response_frame};
use airis_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use airis_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use airis_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use airis_protocol::messages::*;
use airis_protocol::types::{Records, Str, Uuid};
use airis_protocol::wire::{Message, Reader, Request};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group};

fn request<R: Request>(c: &mut Criterion, name: &str, version: i16, request: &R) {
    let frame = Bytes::from(requests::frame(request, version, 1));
    let mut group = c.benchmark_group(format!("codec/request/{name}"));
    group.throughput(Throughput::Bytes(frame.len() as u64));
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut r = Reader::new(frame.slice(4..));
            let header = RequestHeader::read(&mut r).unwrap();
            (header, black_box(R::read(&mut r, version).unwrap()))
        });
    });
    group.bench_function("encode", |b| {
        b.iter(|| black_box(requests::frame(black_box(request), version, 1)));
    });
    group.finish();
}

fn response<M: Message>(c: &mut Criterion, name: &str, key: ApiKey, version: i16, response: &M) {
    let frame = response_frame(response, key, version, 1)
        .unwrap()
        .to_bytes();
    let mut group = c.benchmark_group(format!("codec/response/{name}"));
    group.throughput(Throughput::Bytes(frame.len() as u64));
    // As the broker does it: payloads stay chunks of their own.
    group.bench_function("encode", |b| {
        b.iter(|| black_box(response_frame(black_box(response), key, version, 1).unwrap()));
    });
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut r = Reader::new(frame.slice(4..));
            read_response_header(&mut r, key, version).unwrap();
            black_box(M::read(&mut r, version).unwrap())
        });
    });
    group.finish();
}

fn produce(c: &mut Criterion) {
    let one = requests::produce("events", 0, -1, batches::batch(Codec::None, 1, 100));
    request(c, "produce of 1 record", requests::PRODUCE, &one);
    let sixteen = batches::batch_of(Codec::None, 16 * 1024, 1024);
    let mut many = requests::produce("events", 0, -1, sixteen.clone());
    let data = &mut many.topic_data[0].partition_data;
    let first = data[0].clone();
    data.extend((1..10).map(|index| produce_request::PartitionProduceData {
        index,
        ..first.clone()
    }));
    request(c, "produce of 10 x 16 KiB", requests::PRODUCE, &many);
    for partitions in [1, 10] {
        let answer = ProduceResponse {
            responses: vec![TopicProduceResponse {
                name: Str::from("events"),
                partition_responses: (0..partitions)
                    .map(|index| PartitionProduceResponse {
                        index,
                        base_offset: 1_000_000,
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let name = format!("produce of {partitions} partitions");
        response(c, &name, ApiKey::Produce, requests::PRODUCE, &answer);
    }
}

fn fetch(c: &mut Criterion) {
    for partitions in [1, 100] {
        let from: Vec<_> = (0..partitions).map(|p| (p, 1_000_000)).collect();
        let asked = requests::fetch("events", &from, 500, 1 << 20);
        let name = format!("fetch of {partitions} partitions");
        request(c, &name, requests::FETCH, &asked);
    }
    let answer = |partitions: i32, records: Bytes| FetchResponse {
        responses: vec![FetchableTopicResponse {
            topic: Str::from("events"),
            partitions: (0..partitions)
                .map(|partition_index| PartitionData {
                    partition_index,
                    high_watermark: 1_000_000,
                    last_stable_offset: 1_000_000,
                    log_start_offset: 0,
                    records: Some(Records::Bytes(records.clone())),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let mib = batches::batch_of(Codec::None, 1 << 20, 1024);
    for (name, answer) in [
        ("fetch of 100 empty partitions", answer(100, Bytes::new())),
        ("fetch of 4 x 1 MiB", answer(4, mib)),
    ] {
        response(c, name, ApiKey::Fetch, requests::FETCH, &answer);
    }
}

fn metadata(c: &mut Criterion) {
    let asked = requests::metadata(Some("events"));
    request(c, "metadata of 1 topic", requests::METADATA, &asked);
    let answer = |topics: usize, partitions: i32| MetadataResponse {
        brokers: (1..=3)
            .map(|node_id| MetadataResponseBroker {
                node_id,
                host: Str::from("broker.example"),
                port: 9092,
                rack: None,
            })
            .collect(),
        cluster_id: Some(Str::from("AAAAAAAAAAAAAAAAAAAAAQ")),
        controller_id: 1,
        topics: (0..topics)
            .map(|t| MetadataResponseTopic {
                name: Some(Str::from(format!("events-{t}"))),
                topic_id: Uuid(t as u128 + 1),
                partitions: (0..partitions)
                    .map(|partition_index| MetadataResponsePartition {
                        partition_index,
                        leader_id: 1,
                        replica_nodes: vec![1, 2, 3],
                        isr_nodes: vec![1, 2, 3],
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    for (topics, partitions) in [(1, 10), (100, 10)] {
        let name = format!("metadata of {topics} x {partitions} partitions");
        let answer = answer(topics, partitions);
        response(c, &name, ApiKey::Metadata, requests::METADATA, &answer);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = produce, fetch, metadata
}
