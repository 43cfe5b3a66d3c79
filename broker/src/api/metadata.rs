//! Metadata: brokers, topics, leaders; and the creation of topics by asking for them.
//!
//! Always holds: a topic created here is answered when it can be used, if that is soon (Kafka answers an error first and creates
//! behind it). Must never: show a broker that is fenced, or topics without any broker; keep the answers behind it waiting for a
//! controller that is away.

use std::collections::BTreeSet;

use airis_cluster::metadata::{Image, PartitionImage, TopicImage};
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use airis_protocol::messages::{MetadataRequest, MetadataResponse};
use airis_protocol::names;
use airis_protocol::types::{NodeId, Str, Uuid};

use super::{Ctx, Reply, authorize};
use crate::topics::{self, Failed};

/// What was asked for.
enum Wanted {
    All,
    Ids(Vec<Uuid>),
    Names(Vec<Str>),
}

/// How to write the answer.
#[derive(Clone)]
struct Style {
    version: i16,
    listener: Str,
    cluster_operations: bool,
    topic_operations: bool,
}

pub fn handle(ctx: &Ctx, request: MetadataRequest) -> Reply<MetadataResponse> {
    let style = Style {
        version: ctx.version,
        listener: ctx.client.listener.clone(),
        cluster_operations: request.include_cluster_authorized_operations,
        topic_operations: request.include_topic_authorized_operations,
    };
    let wanted = match request.topics {
        None => Wanted::All,
        // Version 0 has no null: an empty list means all.
        Some(topics) if topics.is_empty() && ctx.version == 0 => Wanted::All,
        Some(topics) => {
            let by_id = ctx.version >= 12;
            if topics.iter().any(|t| match (&t.name, t.topic_id) {
                // Kafka trips over it and answers UNKNOWN_SERVER_ERROR.
                (None, Uuid::ZERO) => true,
                (None, _) => !by_id,
                (Some(_), id) => !by_id && id != Uuid::ZERO,
            }) {
                let error_code = ErrorCode::InvalidRequest.code();
                let failed = topics.into_iter().map(|t| MetadataResponseTopic {
                    error_code,
                    name: Some(t.name.unwrap_or_default()),
                    topic_id: t.topic_id,
                    ..Default::default()
                });
                return Reply::Now(MetadataResponse {
                    topics: failed.collect(),
                    error_code: if ctx.version >= 13 { error_code } else { 0 },
                    ..Default::default()
                });
            }
            let ids: BTreeSet<Uuid> = topics
                .iter()
                .map(|t| t.topic_id)
                .filter(|id| *id != Uuid::ZERO)
                .collect();
            if !ids.is_empty() {
                Wanted::Ids(ids.into_iter().collect())
            } else {
                let names: BTreeSet<Str> = topics.into_iter().filter_map(|t| t.name).collect();
                Wanted::Names(names.into_iter().collect())
            }
        }
    };
    let image = ctx.node.meta.image();
    let missing: Vec<Str> = match &wanted {
        Wanted::Names(names)
            if request.allow_auto_topic_creation && ctx.node.config.auto_create_topics =>
        {
            names
                .iter()
                .filter(|n| image.topic(n).is_none() && names::validate_topic(n).is_ok())
                .map(Str::detach)
                .collect()
        }
        _ => Vec::new(),
    };
    if missing.is_empty() {
        return Reply::Now(answer(
            &ctx.node.cluster_id,
            &image,
            wanted,
            &style,
            &Failed::new(),
        ));
    }
    let node = ctx.node.clone();
    Reply::later(async move {
        let failed = topics::create_soon(&node, missing).await;
        answer(
            &node.cluster_id,
            &node.meta.image(),
            wanted,
            &style,
            &failed,
        )
    })
}

fn answer(
    cluster_id: &Str,
    image: &Image,
    wanted: Wanted,
    style: &Style,
    failed: &Failed,
) -> MetadataResponse {
    let brokers = image
        .brokers()
        .filter(|b| !b.fenced)
        .filter_map(|b| {
            let endpoint = b.endpoint(&style.listener)?;
            Some(MetadataResponseBroker {
                node_id: b.id.0,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: b.rack.clone(),
            })
        })
        .collect::<Vec<_>>();
    let topics = match wanted {
        // librdkafka drops all of its brokers for an answer with topics and without brokers, and may never find one again; with
        // neither it asks again, as Kafka's own clients do whenever there are no brokers.
        _ if brokers.is_empty() => Vec::new(),
        Wanted::All => image.topics().map(|t| topic(image, t, style)).collect(),
        Wanted::Ids(ids) => ids
            .into_iter()
            .map(|id| match image.topic_by_id(id) {
                Some(found) => topic(image, found, style),
                None => MetadataResponseTopic {
                    error_code: ErrorCode::UnknownTopicId.code(),
                    name: None,
                    topic_id: id,
                    ..Default::default()
                },
            })
            .collect(),
        Wanted::Names(names) => names
            .into_iter()
            .map(|name| match image.topic(&name) {
                Some(found) => topic(image, found, style),
                None => {
                    let error = match failed.get(&name) {
                        Some(error) => *error,
                        None if names::validate_topic(&name).is_err() => {
                            ErrorCode::InvalidTopicException
                        }
                        None => ErrorCode::UnknownTopicOrPartition,
                    };
                    MetadataResponseTopic {
                        error_code: error.code(),
                        is_internal: names::is_internal(&name),
                        name: Some(name),
                        topic_authorized_operations: operations(style),
                        ..Default::default()
                    }
                }
            })
            .collect(),
    };
    MetadataResponse {
        // Any live broker passes on what is the controller's (KIP-500).
        controller_id: brokers.first().map_or(-1, |b| b.node_id),
        brokers,
        cluster_id: Some(cluster_id.clone()),
        topics,
        cluster_authorized_operations: if style.cluster_operations
            && (8..=10).contains(&style.version)
        {
            authorize::CLUSTER
        } else {
            authorize::NOT_REQUESTED
        },
        ..Default::default()
    }
}

fn operations(style: &Style) -> i32 {
    if style.topic_operations && style.version >= 8 {
        authorize::TOPIC
    } else {
        authorize::NOT_REQUESTED
    }
}

fn topic(image: &Image, topic: &TopicImage, style: &Style) -> MetadataResponseTopic {
    MetadataResponseTopic {
        error_code: 0,
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: names::is_internal(&topic.name),
        partitions: topic
            .partitions
            .iter()
            .enumerate()
            .map(|(i, p)| partition(image, i as i32, p, style))
            .collect(),
        topic_authorized_operations: operations(style),
    }
}

fn partition(
    image: &Image,
    index: i32,
    partition: &PartitionImage,
    style: &Style,
) -> MetadataResponsePartition {
    let alive = |id: &NodeId| {
        image
            .broker(*id)
            .is_some_and(|b| !b.fenced && b.endpoint(&style.listener).is_some())
    };
    let ids = |nodes: &[NodeId]| nodes.iter().map(|n| n.0).collect::<Vec<_>>();
    // Version 0 cannot name replicas that are not among the brokers of the answer.
    let shown = |nodes: &[NodeId]| match style.version {
        0 => nodes.iter().filter(|n| alive(n)).map(|n| n.0).collect(),
        _ => ids(nodes),
    };
    let leader = partition.leader.filter(alive);
    let short = partition
        .replicas
        .iter()
        .chain(&partition.isr)
        .any(|id| !alive(id));
    let error = match (partition.leader, leader) {
        (_, Some(_)) if style.version == 0 && short => ErrorCode::ReplicaNotAvailable,
        (_, Some(_)) => ErrorCode::None,
        (Some(_), None) if style.version >= 6 => ErrorCode::ListenerNotFound,
        _ => ErrorCode::LeaderNotAvailable,
    };
    MetadataResponsePartition {
        error_code: error.code(),
        partition_index: index,
        leader_id: leader.map_or(-1, |l| l.0),
        leader_epoch: partition.leader_epoch.0,
        replica_nodes: shown(&partition.replicas),
        isr_nodes: shown(&partition.isr),
        offline_replicas: partition
            .replicas
            .iter()
            .filter(|r| !alive(r) || !image.directory_online(partition, **r))
            .map(|r| r.0)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use airis_cluster::metadata::Delta;
    use airis_protocol::messages::metadata_request::MetadataRequestTopic;
    use airis_protocol::messages::register_broker_record::BrokerEndpoint;
    use airis_protocol::messages::{
        MetadataRecord, PartitionRecord, RegisterBrokerRecord, TopicRecord,
    };
    use airis_protocol::types::{LeaderEpoch, Offset};
    use airis_storage::disk::faulty::FaultyDisk;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::api::Client;
    use crate::boot::tests::start_on;

    /// Two brokers and a topic.
    fn image(fenced: [bool; 2]) -> Image {
        let id = Uuid(9);
        let mut records: Vec<MetadataRecord> = (1..)
            .zip(fenced)
            .map(|(broker_id, fenced)| {
                MetadataRecord::RegisterBrokerRecord(RegisterBrokerRecord {
                    broker_id,
                    fenced,
                    end_points: vec![BrokerEndpoint {
                        name: "PLAINTEXT".into(),
                        host: "h".into(),
                        port: 9092,
                        security_protocol: 0,
                    }],
                    ..Default::default()
                })
            })
            .collect();
        records.push(MetadataRecord::TopicRecord(TopicRecord {
            name: "t".into(),
            topic_id: id,
        }));
        records.push(MetadataRecord::PartitionRecord(PartitionRecord {
            partition_id: 0,
            topic_id: id,
            replicas: vec![1, 2],
            isr: vec![1, 2],
            leader: -1,
            ..Default::default()
        }));
        let mut image = Image::default();
        image
            .replay_all(&mut Delta::default(), Offset(0), LeaderEpoch(1), &records)
            .unwrap();
        image
    }

    #[test]
    fn topics_are_told_only_together_with_brokers() {
        let style = Style {
            version: 12,
            listener: "PLAINTEXT".into(),
            cluster_operations: false,
            topic_operations: false,
        };
        let all = [
            || Wanted::All,
            || Wanted::Names(vec!["t".into(), "unknown".into()]),
            || Wanted::Ids(vec![Uuid(9), Uuid(10)]),
        ];
        for wanted in all {
            let tell = |fenced| {
                answer(
                    &"c".into(),
                    &image(fenced),
                    wanted(),
                    &style,
                    &Failed::new(),
                )
            };
            let told = tell([true, true]);
            assert_eq!((told.brokers.len(), told.topics.len()), (0, 0));
            assert_eq!(told.controller_id, -1);
            let told = tell([true, false]);
            assert_eq!(told.brokers.len(), 1);
            assert!(!told.topics.is_empty());
            assert_eq!(told.topics[0].partitions[0].leader_id, -1);
        }
    }

    /// A controller that is away stands here for one whose disk hangs: either way it does not answer.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_missing_topic_is_not_waited_for_while_no_controller_answers() {
        let disk = FaultyDisk::new();
        let running = start_on(&disk, &[]).await;
        let node = running.node.clone();
        assert!(
            topics::auto_create(&node, vec!["t".into()])
                .await
                .is_empty()
        );
        let names = ["missing", "t"].map(|name| MetadataRequestTopic {
            name: Some(name.into()),
            ..Default::default()
        });
        let request = MetadataRequest {
            topics: Some(names.into()),
            allow_auto_topic_creation: true,
            ..Default::default()
        };
        let client = Client::new(([127, 0, 0, 1], 1).into(), "PLAINTEXT".into(), false);
        let client = Arc::new(client);
        let ask = async || {
            let ctx = Ctx {
                node: &node,
                version: 4,
                correlation_id: 1,
                client_id: "c".into(),
                client: &client,
                now: node.clock.now(),
            };
            let answer = match handle(&ctx, request.clone()) {
                Reply::Now(answer) => answer,
                Reply::Later(answer) => timeout(Duration::from_secs(8), answer)
                    .await
                    .expect("it is answered all the same"),
                _ => panic!("no answer"),
            };
            answer
                .topics
                .iter()
                .map(|t| t.error_code)
                .collect::<Vec<_>>()
        };
        disk.hold_syncs_under(Some(Path::new("/airis")));
        let unknown = ErrorCode::UnknownTopicOrPartition.code();
        // Once more: it is being created already.
        assert_eq!(ask().await, [unknown, 0]);
        assert_eq!(ask().await, [unknown, 0]);
        disk.hold_syncs_under(None);
        // The creation went on behind the answers.
        timeout(Duration::from_secs(20), async {
            while node.meta.image().topic("missing").is_none() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("it is made");
        assert_eq!(ask().await, [0, 0]);
        drop(node);
        running.stop().await;
    }
}
