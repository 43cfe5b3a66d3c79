//! Any run of commands: what holds of the image after each, and that its records replay to it.

use proptest::prelude::*;

use super::*;

/// A wish drawn at random, of those that a running node can be asked.
fn wish(seed: u64, image: &Image) -> Command {
    let mut r = Chance::new(seed);
    let name =
        |r: &mut Chance| -> Str { ["a", "b.c", "b_c", "d", "e-e", "bad/name"][r.below(6)].into() };
    match r.below(9) {
        0 | 1 => Command::CreateTopics {
            request: CreateTopicsRequest {
                topics: (0..1 + r.below(3))
                    .map(|_| {
                        let mut t =
                            topic(&name(&mut r), r.below(5) as i32 - 1, r.below(4) as i16 - 1);
                        if r.below(3) == 0 {
                            t = with_config(t, "retention.ms", Some("1234"));
                        }
                        t
                    })
                    .collect(),
                validate_only: r.below(5) == 0,
                ..Default::default()
            },
            describable: None,
        },
        2 => Command::DeleteTopics(DeleteTopicsRequest {
            topics: vec![DeleteTopicState {
                name: Some(name(&mut r)),
                topic_id: Uuid::ZERO,
            }],
            ..Default::default()
        }),
        3 => Command::CreatePartitions(CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: name(&mut r),
                count: r.below(8) as i32,
                assignments: None,
            }],
            ..Default::default()
        }),
        4 => Command::IncrementalAlterConfigs(IncrementalAlterConfigsRequest {
            resources: vec![incremental_alter_configs_request::AlterConfigsResource {
                resource_type: [2, 4, 32][r.below(3)],
                resource_name: [name(&mut r), "1".into(), "".into()][r.below(3)].clone(),
                configs: vec![incremental_alter_configs_request::AlterableConfig {
                    name: ["min.insync.replicas", "cleanup.policy", "log.retention.ms"][r.below(3)]
                        .into(),
                    config_operation: r.below(4) as i8,
                    value: Some(["1", "2", "compact", "delete"][r.below(4)].into()),
                }],
            }],
            validate_only: false,
        }),
        5 => {
            let id = 1 + r.below(3) as i32;
            let previous = image.broker(NodeId(id)).map_or(-1, |b| b.epoch.0);
            Command::RegisterBroker(BrokerRegistrationRequest {
                previous_broker_epoch: if r.below(2) == 0 { previous } else { -1 },
                ..registration(id, 1000 + r.below(1000) as u128)
            })
        }
        6 | 7 => {
            let id = 1 + r.below(3) as i32;
            Command::Heartbeat {
                request: BrokerHeartbeatRequest {
                    broker_id: id,
                    broker_epoch: image.broker(NodeId(id)).map_or(-1, |b| b.epoch.0),
                    current_metadata_offset: i64::MAX,
                    want_fence: r.below(3) == 0,
                    want_shut_down: r.below(6) == 0,
                    ..Default::default()
                },
                passed: r.below(2) == 0,
            }
        }
        _ => Command::AllocateProducerIds {
            broker: NodeId(1),
            epoch: image.broker(NodeId(1)).map_or(BrokerEpoch(-1), |b| b.epoch),
        },
    }
}

fn check(image: &Image) {
    for topic in image.topics() {
        assert_eq!(image.topic_by_id(topic.id), image.topic(&topic.name));
        for p in &topic.partitions {
            assert_eq!(p.replicas.len(), p.directories.len());
            if let Some(leader) = p.leader {
                assert!(p.isr.contains(&leader), "the leader is in sync: {p:?}");
                assert!(image.is_active(leader), "the leader is alive: {p:?}");
                assert!(p.last_known_elr.is_empty(), "{p:?}");
            }
            assert!(
                p.isr
                    .iter()
                    .all(|r| p.has_replica(*r) && !p.elr.contains(r)),
                "{p:?}"
            );
            assert!(
                !(p.isr.is_empty() && p.elr.is_empty() && p.last_known_elr.is_empty()),
                "somebody is known to have the records: {p:?}"
            );
        }
    }
    let mut producers = image.all_configs();
    assert!(producers.all(|(_, _, map)| !map.is_empty()));
}

proptest! {
    #[test]
    fn any_run_of_commands_replays_to_the_same_state(seed in any::<u64>(), steps in 1usize..60) {
        let mut c = Controller::new(seed);
        c.run(Command::Activate { bootstrap: vec![] }).unwrap();
        for id in 1..=2 {
            c.run(Command::Join(registration(id, 100 + id as u128))).unwrap();
        }
        let mut draw = Chance::new(seed ^ 0xabcd);
        for _ in 0..steps {
            let command = wish(draw.bits(), &c.image);
            // Most refusals are inside the reply; the others change nothing, which `run` has seen to.
            let _ = c.run(command);
            check(&c.image);
        }
        // From nothing, record by record.
        let mut again = Image::default();
        for record in &c.log {
            let next = again.position.next();
            (again, _) = again.apply(next, LeaderEpoch(1), std::slice::from_ref(record)).unwrap();
        }
        prop_assert_eq!(&again, &c.image);
        // Through a snapshot.
        let records = c.image.records();
        let (mut loaded, _) = Image::default()
            .apply(airis_protocol::types::Offset(0), LeaderEpoch(1), &records)
            .unwrap();
        loaded.position = c.image.position;
        prop_assert_eq!(&loaded, &c.image);
    }
}
