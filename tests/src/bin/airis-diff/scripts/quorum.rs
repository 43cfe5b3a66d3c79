//! What the quorum says of itself and to whom: DescribeQuorum, DescribeCluster, the metadata's Fetch and FetchSnapshot, changes of voters
//! and of features, and the answers of a controller that is not the active one.

use airis_protocol::messages::fetch_request::FetchPartition;
use airis_protocol::messages::fetch_snapshot_request::{
    PartitionSnapshot, SnapshotId, TopicSnapshot,
};
use airis_protocol::messages::*;
use airis_protocol::types::{Str, Uuid};
use airis_protocol::wire::Request;
use anyhow::Result;
use bytes::Bytes;

use crate::ask::*;
use crate::three::*;

pub async fn play(three: &mut Three) -> Result<()> {
    described(three).await?;
    metadata_log(three).await?;
    voters(three).await?;
    features(three).await?;
    not_active(three).await
}

impl Three {
    /// Takes out of the last answer about the quorum what each counts in its own way.
    fn hide_progress(&mut self) {
        self.name_controllers("leader_id");
        for field in [
            "leader_epoch",
            "high_watermark",
            "log_end_offset",
            "last_fetch_timestamp",
            "last_caught_up_timestamp",
        ] {
            self.side.mask(field, |_| "<number>".to_owned());
        }
        let zero = Uuid::ZERO.to_string();
        self.side.mask("replica_directory_id", |id| match id {
            _ if *id == zero => id.to_owned(),
            _ => "<directory>".to_owned(),
        });
    }

    /// The same of an answer about the metadata's log, whose offsets and records are each cluster's own.
    fn hide_log(&mut self) {
        self.hide_progress();
        for field in [
            "last_stable_offset",
            "log_start_offset",
            "end_offset",
            "epoch",
            "records",
        ] {
            self.side.mask(field, |_| "<some>".to_owned());
        }
        self.name_controllers_of("node_endpoints");
    }

    /// Any broker that lives stands for the controller in answers to clients.
    pub fn name_any_controller(&mut self) {
        self.side.mask("controller_id", |value| match value {
            "1" | "2" | "3" | "8" | "9" => "<a broker>".to_owned(),
            other => other.to_owned(),
        });
    }
}

async fn described(three: &mut Three) -> Result<()> {
    for version in 0..=2 {
        for broker in [1, 3] {
            let name = format!("at broker {broker}");
            three
                .broker(broker)
                .ask(&name, &describe_quorum(), version)
                .await?;
            three.hide_progress();
        }
        three
            .active()
            .ask("at the active controller", &describe_quorum(), version)
            .await?;
        three.hide_progress();
        three
            .other()
            .ask("at the other controller", &describe_quorum(), version)
            .await?;
        three.hide_progress();
    }
    use describe_quorum_request::{PartitionData, TopicData};
    let of = |name: &str, partitions: &[i32]| TopicData {
        topic_name: name.into(),
        partitions: partitions
            .iter()
            .map(|p| PartitionData {
                partition_index: *p,
            })
            .collect(),
    };
    for (name, topics) in [
        ("of another topic", vec![of("x", &[0])]),
        ("of another partition", vec![of("__cluster_metadata", &[1])]),
        ("of two partitions", vec![of("__cluster_metadata", &[0, 1])]),
        (
            "of two topics",
            vec![of("__cluster_metadata", &[0]), of("x", &[0])],
        ),
        ("of nothing", vec![]),
    ] {
        let request = DescribeQuorumRequest { topics };
        three.active().ask(name, &request, 2).await?;
        three.hide_progress();
        three
            .broker(2)
            .ask(&format!("{name}, at a broker"), &request, 2)
            .await?;
        three.hide_progress();
    }
    for version in 0..=2 {
        let ask = |endpoint_type| DescribeClusterRequest {
            endpoint_type,
            include_fenced_brokers: version == 2,
            include_cluster_authorized_operations: true,
        };
        three
            .broker(3)
            .ask("three brokers", &ask(1), version)
            .await?;
        three.name_any_controller();
        if version == 0 {
            continue;
        }
        for endpoint_type in [0, 1, 2, 9] {
            let name = format!("endpoint type {endpoint_type}, at a controller");
            three
                .other()
                .ask(&name, &ask(endpoint_type), version)
                .await?;
            three.name_controllers("controller_id");
        }
        three
            .broker(3)
            .ask("controllers, at a broker", &ask(2), version)
            .await?;
    }
    three
        .broker(3)
        .ask("three brokers", &metadata(&[]), 13)
        .await?;
    three.name_any_controller();
    three
        .active()
        .ask("at a controller", &api_versions(), 4)
        .await?;
    Ok(())
}

fn fetch_metadata(version: i16, id: Uuid, partition: FetchPartition) -> FetchRequest {
    let mut request = fetch_in(version, "__cluster_metadata", id, partition);
    if version >= 15 {
        request.replica_state.replica_id = 77;
    } else {
        request.replica_id = 77;
    }
    request
}

async fn metadata_log(three: &mut Three) -> Result<()> {
    let epoch = {
        let quorum = three.broker(1).quiet(&describe_quorum(), 2).await?;
        quorum.topics[0].partitions[0].leader_epoch
    };
    let p = FetchPartition {
        current_leader_epoch: epoch,
        last_fetched_epoch: 0,
        ..fetch_partition(0, 0)
    };
    let with = |change: &dyn Fn(&mut FetchPartition)| {
        let mut partition = p.clone();
        change(&mut partition);
        partition
    };
    let id = Uuid::METADATA_TOPIC;
    for version in [12, 13, 17] {
        let ask = |partition| fetch_metadata(version, id, partition);
        let other_cluster = FetchRequest {
            cluster_id: Some("other".into()),
            ..ask(p.clone())
        };
        let mut two = ask(p.clone());
        two.topics.push(two.topics[0].clone());
        let impatient = FetchRequest {
            max_wait_ms: -1,
            ..ask(p.clone())
        };
        let mut consumer = ask(p.clone());
        (consumer.replica_id, consumer.replica_state.replica_id) = (-1, -1);
        for (name, request) in [
            (
                "in an old epoch",
                ask(with(&|p| p.current_leader_epoch = epoch - 1)),
            ),
            (
                "in an epoch ahead",
                ask(with(&|p| p.current_leader_epoch = epoch + 50)),
            ),
            ("in no epoch", ask(with(&|p| p.current_leader_epoch = -1))),
            ("of another cluster", other_cluster),
            (
                "of another topic",
                fetch_metadata(version, Uuid(0x99), p.clone()),
            ),
            ("of another partition", ask(with(&|p| p.partition = 3))),
            ("as a consumer", consumer),
            (
                "from a negative offset",
                ask(with(&|p| p.fetch_offset = -7)),
            ),
            (
                "after an epoch ahead",
                ask(with(&|p| {
                    (p.fetch_offset, p.last_fetched_epoch) = (3, epoch + 9)
                })),
            ),
            (
                "from far behind its end",
                ask(with(&|p| {
                    (p.fetch_offset, p.last_fetched_epoch) = (1 << 40, epoch)
                })),
            ),
            ("waiting a negative time", impatient),
            ("twice", two),
            ("from the start", ask(p.clone())),
        ] {
            three
                .active()
                .ask(&format!("of the metadata {name}"), &request, version)
                .await?;
            three.hide_log();
            let name = format!("of the metadata {name}, at the other controller");
            three.other().ask(&name, &request, version).await?;
            three.hide_log();
        }
    }
    const LOG: &str = "__cluster_metadata";
    let snapshot =
        |name: &str, partition, current_leader_epoch, end_offset, position| FetchSnapshotRequest {
            cluster_id: None,
            replica_id: 77,
            max_bytes: i32::MAX,
            topics: vec![TopicSnapshot {
                name: name.into(),
                partitions: vec![PartitionSnapshot {
                    partition,
                    current_leader_epoch,
                    snapshot_id: SnapshotId {
                        end_offset,
                        epoch: 1,
                    },
                    position,
                    ..Default::default()
                }],
            }],
        };
    for (name, request) in [
        ("that is not there", snapshot(LOG, 0, epoch, 1 << 40, 0)),
        ("of a negative end", snapshot(LOG, 0, epoch, -1, 0)),
        ("of another topic", snapshot("x", 0, epoch, 1, 0)),
        ("of another partition", snapshot(LOG, 4, epoch, 1, 0)),
        ("in an epoch ahead", snapshot(LOG, 0, epoch + 50, 1, 0)),
        ("in an old epoch", snapshot(LOG, 0, epoch - 1, 1, 0)),
        (
            "of another cluster",
            FetchSnapshotRequest {
                cluster_id: Some("other".into()),
                ..snapshot(LOG, 0, epoch, 1, 0)
            },
        ),
    ] {
        // Not of no partition at all: Apache Kafka's controller exits on it.
        for version in 0..=1 {
            three.active().ask(name, &request, version).await?;
            three.hide_progress();
            three.name_controllers_of("node_endpoints");
        }
        let name = format!("{name}, at the other controller");
        three.other().ask(&name, &request, 1).await?;
        three.hide_progress();
        three.name_controllers_of("node_endpoints");
    }
    Ok(())
}

async fn voters(three: &mut Three) -> Result<()> {
    use add_raft_voter_request::Listener;
    let cluster = three.cluster_id.clone();
    let add = |cluster_id: Option<Str>, voter_id, listeners| AddRaftVoterRequest {
        cluster_id,
        timeout_ms: 1000,
        voter_id,
        voter_directory_id: Uuid(0xaaaa_bbbb_cccc),
        listeners,
        ack_when_committed: true,
    };
    let at = |port| {
        vec![Listener {
            name: "CONTROLLER".into(),
            host: "127.0.0.1".into(),
            port,
        }]
    };
    for (name, request) in [
        ("one that is there", add(Some(cluster.clone()), 1, at(9))),
        (
            "one without a listener",
            add(Some(cluster.clone()), 7, vec![]),
        ),
        ("a negative one", add(Some(cluster.clone()), -1, at(9))),
        (
            "one of another cluster",
            add(Some("other".into()), 7, at(9)),
        ),
    ] {
        three.active().ask(name, &request, 0).await?;
        three
            .other()
            .ask(&format!("{name}, at the other controller"), &request, 0)
            .await?;
    }
    for (name, cluster_id, voter_id) in [
        ("an unknown one", Some(cluster.clone()), 7),
        ("a negative one", Some(cluster.clone()), -1),
        ("one of another cluster", Some("other".into()), 1),
    ] {
        let request = RemoveRaftVoterRequest {
            cluster_id,
            voter_id,
            voter_directory_id: Uuid(0xaaaa_bbbb_cccc),
        };
        three.active().ask(name, &request, 0).await?;
        three
            .broker(3)
            .ask(&format!("{name}, at a broker"), &request, 0)
            .await?;
    }
    Ok(())
}

async fn features(three: &mut Three) -> Result<()> {
    use update_features_request::FeatureUpdateKey;
    let of = |feature: &str, max_version_level, upgrade_type| UpdateFeaturesRequest {
        timeout_ms: TIMEOUT_MS,
        feature_updates: vec![FeatureUpdateKey {
            feature: feature.into(),
            max_version_level,
            upgrade_type,
            allow_downgrade: false,
        }],
        validate_only: false,
    };
    let mut twice = of("group.version", 1, 1);
    twice.feature_updates.push(twice.feature_updates[0].clone());
    for (name, request) in [
        ("an unknown feature", of("no.such", 1, 1)),
        ("a level that is too high", of("metadata.version", 300, 1)),
        ("a level that is too low", of("metadata.version", 1, 3)),
        ("a negative level", of("metadata.version", -1, 1)),
        ("a downgrade as an upgrade", of("metadata.version", 20, 1)),
        ("metadata.version to nothing", of("metadata.version", 0, 2)),
        ("an unknown type of upgrade", of("group.version", 0, 9)),
        ("kraft.version down", of("kraft.version", 0, 2)),
        ("kraft.version too high", of("kraft.version", 9, 1)),
        ("what is there", of("group.version", 1, 1)),
        ("what is there, as a downgrade", of("group.version", 1, 2)),
        ("a feature twice", twice),
        (
            "nothing",
            UpdateFeaturesRequest {
                timeout_ms: TIMEOUT_MS,
                ..Default::default()
            },
        ),
    ] {
        for version in 1..=2 {
            let request = UpdateFeaturesRequest {
                validate_only: true,
                ..request.clone()
            };
            three
                .broker(3)
                .ask(&format!("{name}, only validated"), &request, version)
                .await?;
        }
        three.active().ask(name, &request, 2).await?;
    }
    Ok(())
}

/// What only the active controller may do, asked of the other; and what no client may ask.
async fn not_active(three: &mut Three) -> Result<()> {
    let other = three.other();
    other
        .ask(
            "at the other controller",
            &create(vec![topic("x-no", 1, 1, &[])]),
            7,
        )
        .await?;
    let delete = DeleteTopicsRequest {
        topics: vec![delete_topics_request::DeleteTopicState {
            name: Some("x-no".into()),
            topic_id: Uuid::ZERO,
        }],
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    other.ask("at the other controller", &delete, 6).await?;
    let grow = CreatePartitionsRequest {
        topics: vec![create_partitions_request::CreatePartitionsTopic {
            name: "x-no".into(),
            count: 3,
            assignments: None,
        }],
        timeout_ms: TIMEOUT_MS,
        validate_only: false,
    };
    other.ask("at the other controller", &grow, 3).await?;
    let elect = ElectLeadersRequest {
        election_type: 0,
        topic_partitions: None,
        timeout_ms: TIMEOUT_MS,
    };
    other.ask("at the other controller", &elect, 2).await?;
    let move_none = AlterPartitionReassignmentsRequest {
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    other.ask("at the other controller", &move_none, 1).await?;
    let list = ListPartitionReassignmentsRequest {
        timeout_ms: TIMEOUT_MS,
        topics: None,
    };
    other.ask("at the other controller", &list, 0).await?;
    let update = UpdateFeaturesRequest {
        timeout_ms: TIMEOUT_MS,
        ..Default::default()
    };
    other.ask("at the other controller", &update, 2).await?;
    let registration = ControllerRegistrationRequest {
        controller_id: 7,
        incarnation_id: Uuid(0x7777),
        ..Default::default()
    };
    other
        .ask("at the other controller", &registration, 0)
        .await?;
    let configs = IncrementalAlterConfigsRequest {
        resources: vec![incremental_alter_configs_request::AlterConfigsResource {
            resource_type: 2,
            resource_name: "x-no".into(),
            configs: vec![incremental_alter_configs_request::AlterableConfig {
                name: "retention.ms".into(),
                config_operation: 0,
                value: Some("1000".into()),
            }],
        }],
        validate_only: true,
    };
    other.ask("at the other controller", &configs, 1).await?;
    // An Envelope of a list of reassignments, as a broker would wrap it for a client.
    let inner =
        airis_protocol::header::request_frame(&list, 0, 77, Some("diff".into()))?.to_bytes();
    let envelope = EnvelopeRequest {
        request_data: inner.slice(4..),
        request_principal: Some(Bytes::from_static(b"\0\0\x05User\x0aANONYMOUS\0\0")),
        client_host_address: Bytes::from_static(&[127, 0, 0, 1]),
    };
    three.broker(3).ask("to a broker", &envelope, 0).await?;
    anyhow::ensure!(EnvelopeRequest::KEY as i16 == 58);
    for (name, envelope) in [
        ("of a client", envelope.clone()),
        (
            "without an address",
            EnvelopeRequest {
                client_host_address: Bytes::new(),
                ..envelope.clone()
            },
        ),
        (
            "of nothing",
            EnvelopeRequest {
                request_data: Bytes::new(),
                ..envelope.clone()
            },
        ),
        (
            "of rubbish",
            EnvelopeRequest {
                request_data: Bytes::from_static(&[0xff; 30]),
                ..envelope.clone()
            },
        ),
        (
            "of a request that is not forwarded",
            EnvelopeRequest {
                request_data: airis_protocol::header::request_frame(
                    &api_versions(),
                    4,
                    77,
                    Some("diff".into()),
                )?
                .to_bytes()
                .slice(4..),
                ..envelope.clone()
            },
        ),
    ] {
        three.active().ask(name, &envelope, 0).await?;
        three
            .other()
            .ask(&format!("{name}, at the other controller"), &envelope, 0)
            .await?;
    }
    Ok(())
}
