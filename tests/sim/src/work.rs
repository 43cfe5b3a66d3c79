//! What clients do in a run: they produce, read, commit offsets, and make and delete topics.
//!
//! Always holds: a batch that was refused or not answered is sent again until it is acknowledged, with the same sequence; everything
//! that is acknowledged or read is told to the model. Must never: take for a violation what a client of Kafka must expect.

use std::rc::Rc;
use std::time::Duration;

use airis_protocol::batch::{BatchBuilder, BatchHeader, TimestampType, parse_batches};
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use airis_protocol::messages::delete_topics_request::DeleteTopicState;
use airis_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use airis_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use airis_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use airis_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use airis_protocol::messages::*;
use airis_protocol::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId, Records, Str};
use bytes::Bytes;
use tokio::time::sleep;

use crate::check;
use crate::client::Client;
use crate::model::Seen;
use crate::trace::{self, fail};
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(5);

/// Milliseconds, drawn.
async fn rest(client: &mut Client, low: u64, high: u64) {
    let ms = client.dice.between(low, high);
    sleep(Duration::from_millis(ms)).await;
}

pub async fn create(
    client: &mut Client,
    topic: &str,
    partitions: i32,
    replicas: i16,
    configs: &[(&str, &str)],
) -> Option<ErrorCode> {
    let request = CreateTopicsRequest {
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
        timeout_ms: 5_000,
        validate_only: false,
    };
    let node = client.any_node();
    let answer = client.ask(node, &request, 7, PATIENCE * 4).await?;
    Some(ErrorCode::from_wire(answer.topics.first()?.error_code))
}

async fn producer_id(client: &mut Client) -> i64 {
    loop {
        let node = client.any_node();
        let request = InitProducerIdRequest {
            transactional_id: None,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        let answer = client.ask(node, &request, 4, PATIENCE).await;
        if let Some(answer) = answer.as_ref().filter(|a| a.error_code == 0) {
            return answer.producer_id;
        }
        trace::note(format_args!(
            "{} has no producer id: {answer:?}",
            client.name
        ));
        rest(client, 20, 200).await;
    }
}

fn batch(now: Millis, values: &[String], producer: Option<(i64, i32)>) -> Bytes {
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    if let Some((id, sequence)) = producer {
        builder.producer(ProducerId(id), ProducerEpoch(0), sequence);
    }
    for value in values {
        builder.push(now, None, Some(value.as_bytes()), &[]);
    }
    builder.build(Offset(0), LeaderEpoch(-1))
}

fn produce(topic: &str, partition: i32, acks: i16, batch: &Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 3_000,
        topic_data: vec![TopicProduceData {
            name: Str::from(topic),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::Bytes(batch.clone())),
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The partition's answer: error and base offset.
fn outcome(answer: Option<ProduceResponse>) -> Option<(ErrorCode, i64)> {
    let answer = answer?;
    let p = answer.responses.first()?.partition_responses.first()?;
    Some((ErrorCode::from_wire(p.error_code), p.base_offset))
}

/// What a client sends the same batch again after.
fn passing(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::RequestTimedOut
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
    )
}

/// An idempotent producer with acks=all and several batches in flight, until the run winds up; what was begun is ended then.
pub async fn idempotent(world: Rc<World>, mut client: Client, topic: String, partition: i32) {
    let id = producer_id(&mut client).await;
    let window = client.dice.between(1, 4) as usize;
    let (mut sequence, mut n) = (0, 0);
    let who = format!("{} ({id})", client.name);
    while !world.winds_up() {
        let mut left: Vec<Bytes> = Vec::new();
        // A log that knows nothing of a producer takes any sequence, as in Kafka: one batch has to be there before several go at once.
        let most = if sequence == 0 { 1 } else { window as u64 };
        for _ in 0..client.dice.between(1, most) {
            let values: Vec<String> = (0..client.dice.between(1, 3))
                .map(|_| {
                    n += 1;
                    format!("{}-{n}", client.name)
                })
                .collect();
            left.push(batch(world.now(), &values, Some((id, sequence))));
            sequence += values.len() as i32;
        }
        while !left.is_empty() {
            let Some(place) = client.place(&topic, partition).await else {
                rest(&mut client, 20, 100).await;
                continue;
            };
            let requests: Vec<_> = left
                .iter()
                .map(|b| produce(&topic, partition, -1, b))
                .collect();
            let answers = client.ask_all(place.leader, &requests, 9, PATIENCE).await;
            let mut kept = Vec::new();
            for (batch, answer) in left.iter().zip(answers) {
                match outcome(answer) {
                    Some((ErrorCode::None, base)) => {
                        world.acked((place.topic, partition), place.leader, base, batch, &who);
                    }
                    // Behind one that has not arrived, and only there.
                    Some((ErrorCode::OutOfOrderSequenceNumber, _)) if !kept.is_empty() => {
                        kept.push(batch.clone());
                    }
                    Some((error, _)) if !passing(error) => {
                        let header = BatchHeader::read(batch).expect("it was built here");
                        fail(format_args!(
                            "{who} is told {} by node {} for sequence {} of {topic}-{partition}, all before it was acknowledged",
                            error.name(),
                            place.leader,
                            header.base_sequence
                        ));
                    }
                    _ => kept.push(batch.clone()),
                }
            }
            left = kept;
            if !left.is_empty() {
                client.forget(&topic, partition);
                rest(&mut client, 10, 100).await;
            }
        }
        rest(&mut client, 0, 150).await;
    }
    world.finished();
}

/// A producer that numbers nothing and repeats nothing. With acks=1 nothing is promised: what it writes may be lost, and makes logs
/// part from each other.
pub async fn plain(world: Rc<World>, mut client: Client, topic: String, partition: i32, acks: i16) {
    let mut n = 0;
    while !world.winds_up() {
        if let Some(place) = client.place(&topic, partition).await {
            n += 1;
            let value = format!("{}-{n}", client.name);
            let batch = batch(world.now(), &[value], None);
            let request = produce(&topic, partition, acks, &batch);
            let answer = client.ask(place.leader, &request, 9, PATIENCE).await;
            match outcome(answer) {
                Some((ErrorCode::None, base)) if acks == -1 => {
                    let who = client.name.clone();
                    world.acked((place.topic, partition), place.leader, base, &batch, &who);
                }
                Some((ErrorCode::None, _)) => {}
                _ => client.forget(&topic, partition),
            }
        }
        rest(&mut client, 10, 250).await;
    }
    world.finished();
}

/// Reads a partition from the start, again and again where it ends, until all that is committed has been read after the run has
/// wound up.
pub async fn reader(world: Rc<World>, mut client: Client, topic: String, partition: i32) {
    let mut offset = 0;
    loop {
        let settled = world.is_settled();
        let Some(place) = client.place(&topic, partition).await else {
            rest(&mut client, 50, 200).await;
            continue;
        };
        let key = (place.topic, partition);
        if settled && offset >= world.model.borrow_mut().log(key).end() {
            break;
        }
        let request = FetchRequest {
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 1 << 20,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic: Str::from(&topic),
                partitions: vec![FetchPartition {
                    partition,
                    fetch_offset: offset,
                    partition_max_bytes: 1 << 16,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = client.ask(place.leader, &request, 12, PATIENCE).await;
        let data = answer.and_then(|a| Some(a.responses.first()?.partitions.first()?.clone()));
        let Some(data) = data.filter(|d| d.error_code == 0) else {
            client.forget(&topic, partition);
            rest(&mut client, 20, 200).await;
            continue;
        };
        let bytes = data.records.as_ref().and_then(Records::as_bytes).cloned();
        let bytes = bytes.unwrap_or_default();
        if bytes.is_empty() {
            continue;
        }
        let Ok(batches) = parse_batches(&bytes) else {
            fail(format_args!(
                "{} got a bad batch of {topic}-{partition} from node {} at {offset}",
                client.name, place.leader
            ));
        };
        for batch in batches {
            let seen = Seen::of(batch.header());
            if seen.base > offset {
                fail(format_args!(
                    "{} asked for {offset} of {topic}-{partition} and got {seen:?}",
                    client.name
                ));
            }
            let who = format!("{} from node {}", client.name, place.leader);
            world.model.borrow_mut().log(key).read(&key, seen, who);
            offset = offset.max(seen.last + 1);
        }
        rest(&mut client, 0, 100).await;
    }
    world.finished();
}

/// Commits offsets of a group that nobody has joined, and asks for them.
pub async fn group(world: Rc<World>, mut client: Client, group: String, topic: String) {
    let mut tried = 0;
    let mut coordinator = None;
    let mut committed = false;
    while !world.winds_up() || !committed {
        let Some(node) = coordinator else {
            let request = FindCoordinatorRequest {
                key: Str::from(&group),
                ..Default::default()
            };
            let node = client.any_node();
            let found = client.ask(node, &request, 3, PATIENCE).await;
            coordinator = found.filter(|f| f.error_code == 0).map(|f| f.node_id);
            if coordinator.is_none() {
                rest(&mut client, 50, 200).await;
            }
            continue;
        };
        let told = world.model.borrow().groups.get(&group).copied();
        if client.dice.chance(30) {
            let request = OffsetFetchRequest {
                group_id: Str::from(&group),
                topics: Some(vec![OffsetFetchRequestTopic {
                    name: Str::from(&topic),
                    partition_indexes: vec![0],
                }]),
                ..Default::default()
            };
            let answer = client.ask(node, &request, 7, PATIENCE).await;
            match answer {
                Some(answer) if answer.error_code == 0 => {
                    let p = answer.topics.first().and_then(|t| t.partitions.first());
                    let offset = p.map_or(-1, |p| p.committed_offset);
                    // One that was paused while another took over knows no better for a moment, as in Kafka.
                    let leads = check::coordinator(&world) == Some(node);
                    if (leads && offset < told.unwrap_or(-1)) || offset > tried {
                        fail(format_args!(
                            "{group} was told that offset {told:?} is committed, tried up to {tried}, and node {node} has {offset}"
                        ));
                    }
                }
                _ => coordinator = None,
            }
        } else {
            tried += 1;
            let request = OffsetCommitRequest {
                group_id: Str::from(&group),
                generation_id_or_member_epoch: -1,
                topics: vec![OffsetCommitRequestTopic {
                    name: Str::from(&topic),
                    partitions: vec![OffsetCommitRequestPartition {
                        partition_index: 0,
                        committed_offset: tried,
                        committed_leader_epoch: -1,
                        committed_metadata: None,
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = client.ask(node, &request, 8, PATIENCE).await;
            let error = answer.and_then(|a| Some(a.topics.first()?.partitions.first()?.error_code));
            committed = error == Some(0);
            if committed {
                world.model.borrow_mut().groups.insert(group.clone(), tried);
                world.noted(node);
            } else {
                coordinator = None;
            }
        }
        rest(&mut client, 20, 300).await;
    }
    world.finished();
}

/// Makes a topic and deletes it again, under one name.
pub async fn churn(world: Rc<World>, mut client: Client, topic: String) {
    while !world.winds_up() {
        let made = create(&mut client, &topic, 2, 3, &[]).await;
        trace::note(format_args!("made {topic}: {made:?}"));
        if let Some(place) = client.place(&topic, 0).await {
            let batch = batch(world.now(), &[format!("of {}", place.topic)], None);
            let header = BatchHeader::read(&batch).expect("it was built here");
            trace::note(format_args!(
                "{topic} {:?} is sent a record of checksum {:x} to node {}",
                place.topic, header.crc, place.leader
            ));
            let request = produce(&topic, 0, -1, &batch);
            let answer = client.ask(place.leader, &request, 9, PATIENCE).await;
            if let Some((ErrorCode::None, base)) = outcome(answer) {
                trace::note(format_args!(
                    "{topic} {:?} took a record at {base}",
                    place.topic
                ));
            }
        }
        client.forget(&topic, 0);
        rest(&mut client, 500, 4_000).await;
        let request = DeleteTopicsRequest {
            topics: vec![DeleteTopicState {
                name: Some(Str::from(&topic)),
                ..Default::default()
            }],
            timeout_ms: 5_000,
            ..Default::default()
        };
        let node = client.any_node();
        let _ = client.ask(node, &request, 6, PATIENCE).await;
        rest(&mut client, 200, 3_000).await;
    }
    world.finished();
}
