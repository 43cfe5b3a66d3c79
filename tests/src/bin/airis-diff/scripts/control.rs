//! What brokers ask of the controller: BrokerRegistration, BrokerHeartbeat, AlterPartition, AllocateProducerIds, UnregisterBroker.

use airis_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use airis_protocol::messages::*;
use airis_protocol::types::Uuid;
use anyhow::Result;

use crate::ask::*;
use crate::three::*;

pub async fn play(three: &mut Three) -> Result<()> {
    registered(three).await?;
    let nine = heard(three).await?;
    in_sync(three, nine).await?;
    ids(three, nine).await?;
    forgotten(three).await
}

async fn registered(three: &mut Three) -> Result<()> {
    let eight = three.registration(8);
    let one_less = |name: &str| {
        let mut request = eight.clone();
        request.features.retain(|f| f.name.as_str() != name);
        request
    };
    let narrow = |name: &str, min, max| {
        let mut request = eight.clone();
        for f in &mut request.features {
            if f.name.as_str() == name {
                (f.min_supported_version, f.max_supported_version) = (min, max);
            }
        }
        request
    };
    let with = |change: &dyn Fn(&mut BrokerRegistrationRequest)| {
        let mut request = eight.clone();
        change(&mut request);
        request
    };
    for (name, request) in [
        (
            "of another cluster",
            with(&|r| r.cluster_id = "other".into()),
        ),
        ("of no cluster", with(&|r| r.cluster_id = "".into())),
        ("of no directory", with(&|r| r.log_dirs.clear())),
        (
            "of the zero directory",
            with(&|r| r.log_dirs = vec![Uuid::ZERO]),
        ),
        (
            "of a reserved directory",
            with(&|r| r.log_dirs = vec![Uuid(1)]),
        ),
        (
            "of a directory twice",
            with(&|r| r.log_dirs = vec![directory(8), directory(8)]),
        ),
        ("without metadata.version", one_less("metadata.version")),
        ("without a feature at all", with(&|r| r.features.clear())),
        ("without group.version", one_less("group.version")),
        (
            "of an old metadata.version",
            narrow("metadata.version", 7, 8),
        ),
        (
            "of a future metadata.version",
            narrow("metadata.version", 200, 201),
        ),
        (
            "of a migrating broker",
            with(&|r| r.is_migrating_zk_broker = true),
        ),
    ] {
        three.active().ask(name, &request, 4).await?;
    }
    for version in 0..=4 {
        let mut request = eight.clone();
        if version < 1 {
            request.is_migrating_zk_broker = false;
        }
        if version < 2 {
            request.log_dirs.clear();
        }
        let asked = three.other();
        asked
            .ask("at the other controller", &request, version)
            .await?;
        three
            .active()
            .ask("a new broker, in versions", &request, version)
            .await?;
    }
    three.active().ask("the same once more", &eight, 4).await?;
    let another = with(&|r| r.incarnation_id = Uuid(0xcccc));
    three
        .active()
        .ask("a fenced broker's next process", &another, 4)
        .await?;
    let taken = BrokerRegistrationRequest {
        log_dirs: vec![directory(8)],
        ..three.registration(9)
    };
    three
        .active()
        .ask("with another broker's directory", &taken, 4)
        .await?;
    let live = BrokerRegistrationRequest {
        log_dirs: vec![Uuid(0xdddd_0000_0000)],
        ..three.registration(1)
    };
    three
        .active()
        .ask("with the id of a broker that lives", &live, 4)
        .await?;
    Ok(())
}

/// Heartbeats; leaves broker 9 unfenced.
async fn heard(three: &mut Three) -> Result<i64> {
    let nine = three.register(9).await?;
    let eight = three.register(8).await?;
    let with = |change: &dyn Fn(&mut BrokerHeartbeatRequest)| {
        let mut request = beat(9, nine);
        change(&mut request);
        request
    };
    for version in 0..=1 {
        three
            .other()
            .ask("at the other controller", &beat(9, nine), version)
            .await?;
        for (name, request) in [
            ("in an old epoch", beat(9, nine - 1)),
            ("in an epoch ahead", beat(9, nine + 100_000)),
            ("in no epoch", beat(9, -1)),
            ("of an unknown broker", beat(77, 5)),
            ("of a negative broker", beat(-1, 5)),
            (
                "of one that is behind",
                with(&|r| r.current_metadata_offset = nine - 1),
            ),
            (
                "of one that wants to be fenced",
                with(&|r| r.want_fence = true),
            ),
        ] {
            three.active().ask(name, &request, version).await?;
        }
    }
    three
        .broker(1)
        .ask("before broker 9 is let in", &describe_cluster(), 2)
        .await?;
    three.name_any_controller();
    three
        .active()
        .ask("of one that has all", &beat(9, nine), 1)
        .await?;
    three
        .active()
        .ask("of one that is let in", &beat(9, nine), 1)
        .await?;
    let want = with(&|r| r.want_fence = true);
    three
        .active()
        .ask("of one that wants to be fenced again", &want, 1)
        .await?;
    three
        .active()
        .ask("of one that comes back", &beat(9, nine), 1)
        .await?;
    let stop = |id, epoch| BrokerHeartbeatRequest {
        want_shut_down: true,
        ..beat(id, epoch)
    };
    three
        .active()
        .ask("of a fenced one that shuts down", &stop(8, eight), 1)
        .await?;
    three
        .active()
        .ask("of one that was let go", &beat(8, eight), 1)
        .await?;
    let duplicate = BrokerRegistrationRequest {
        incarnation_id: Uuid(0xeeee),
        log_dirs: vec![Uuid(0xdddd_0000_0009)],
        ..three.registration(9)
    };
    three
        .active()
        .ask("a second process of one that lives", &duplicate, 4)
        .await?;
    let dir = with(&|r| r.offline_log_dirs = vec![Uuid(0xfafa_0000_0000)]);
    three
        .active()
        .ask("a directory offline that it does not have", &dir, 1)
        .await?;
    Ok(nine)
}

/// A wish for an ISR.
fn wish(
    broker: i32,
    epoch: i64,
    topic_id: Uuid,
    partition: PartitionData,
) -> AlterPartitionRequest {
    AlterPartitionRequest {
        broker_id: broker,
        broker_epoch: epoch,
        topics: vec![TopicData {
            topic_id,
            partitions: vec![partition],
        }],
    }
}

fn isr(members: &[(i32, i64)]) -> Vec<BrokerState> {
    let members = members.iter();
    members
        .map(|(broker_id, broker_epoch)| BrokerState {
            broker_id: *broker_id,
            broker_epoch: *broker_epoch,
        })
        .collect()
}

/// AlterPartition of a leader that the script plays.
async fn in_sync(three: &mut Three, nine: i64) -> Result<()> {
    let eight = three.register(8).await?;
    three.unfence(8, eight).await?;
    three.unfence(9, nine).await?;
    let request = create(vec![assigned("x-isr", &[&[9, 1, 8]], &[])]);
    three
        .broker(1)
        .ask("led by the script", &request, 7)
        .await?;
    let id = three
        .broker(1)
        .quiet(&metadata(&["x-isr"]), 13)
        .await?
        .topics[0]
        .topic_id;
    three.side.learn(&id.to_string(), "<id of x-isr>");
    three.until(1, "x-isr", |p| p.leader_id == 9).await?;
    let now = PartitionData {
        new_isr_with_epochs: isr(&[(9, nine), (1, -1), (8, eight)]),
        ..Default::default()
    };
    let is = |members: &[(i32, i64)]| PartitionData {
        new_isr_with_epochs: isr(members),
        ..Default::default()
    };
    let with = |change: &dyn Fn(&mut PartitionData)| {
        let mut partition = now.clone();
        change(&mut partition);
        partition
    };
    let good = || wish(9, nine, id, now.clone());
    for (name, request) in [
        ("in an old broker epoch", wish(9, nine - 1, id, now.clone())),
        (
            "in a broker epoch ahead",
            wish(9, nine + 100_000, id, now.clone()),
        ),
        ("of an unknown broker", wish(77, 1, id, now.clone())),
        (
            "of an unknown topic id",
            wish(9, nine, Uuid(0x1234_5678), now.clone()),
        ),
        ("of no topic id", wish(9, nine, Uuid::ZERO, now.clone())),
        (
            "of an unknown partition",
            wish(9, nine, id, with(&|p| p.partition_index = 7)),
        ),
        (
            "of a negative partition",
            wish(9, nine, id, with(&|p| p.partition_index = -1)),
        ),
        (
            "of a broker that does not lead",
            wish(8, eight, id, now.clone()),
        ),
        (
            "in a leader epoch ahead",
            wish(9, nine, id, with(&|p| p.leader_epoch = 5)),
        ),
        (
            "in an old leader epoch",
            wish(9, nine, id, with(&|p| p.leader_epoch = -1)),
        ),
        (
            "in a partition epoch ahead",
            wish(9, nine, id, with(&|p| p.partition_epoch = 5)),
        ),
        (
            "in an old partition epoch",
            wish(9, nine, id, with(&|p| p.partition_epoch = -1)),
        ),
        ("to nobody", wish(9, nine, id, is(&[]))),
        (
            "to all but the leader",
            wish(9, nine, id, is(&[(1, -1), (8, eight)])),
        ),
        (
            "to a member twice",
            wish(9, nine, id, is(&[(9, nine), (8, eight), (8, eight)])),
        ),
        (
            "to one that is no replica",
            wish(9, nine, id, is(&[(9, nine), (2, -1)])),
        ),
        (
            "to an unknown one",
            wish(9, nine, id, is(&[(9, nine), (77, 1)])),
        ),
        (
            "to one in another epoch",
            wish(9, nine, id, is(&[(9, nine), (8, eight - 1)])),
        ),
        (
            "to the leader in another epoch",
            wish(9, nine, id, is(&[(9, nine - 1), (8, eight)])),
        ),
        (
            "recovering, of one that has recovered",
            wish(9, nine, id, with(&|p| p.leader_recovery_state = 1)),
        ),
        (
            "recovering alone",
            wish(
                9,
                nine,
                id,
                PartitionData {
                    leader_recovery_state: 1,
                    ..is(&[(9, nine)])
                },
            ),
        ),
        // Not of an unknown recovery state: Apache Kafka's controller resigns over it.
        ("of what is", good()),
        (
            "of nothing",
            AlterPartitionRequest {
                topics: vec![],
                ..good()
            },
        ),
    ] {
        three.active().ask(name, &request, 3).await?;
        if name == "in an old broker epoch" || name == "of what is" {
            three
                .other()
                .ask(&format!("{name}, at the other controller"), &request, 3)
                .await?;
        }
    }
    // Out, in again, and what can be told of it in between.
    let old = |ids: &[i32], partition_epoch| PartitionData {
        new_isr: ids.to_vec(),
        partition_epoch,
        ..Default::default()
    };
    let at = |members: &[(i32, i64)], partition_epoch| PartitionData {
        partition_epoch,
        ..is(members)
    };
    for (name, version, partition) in [
        ("one out", 3, at(&[(9, nine), (1, -1)], 0)),
        ("one out once more", 3, at(&[(9, nine), (1, -1)], 0)),
        ("one in", 3, at(&[(9, nine), (1, -1), (8, eight)], 1)),
        ("all out", 2, old(&[9], 2)),
        ("one in, by ids", 2, old(&[9, 8], 3)),
        ("to nobody, by ids", 2, old(&[], 4)),
        ("to an unknown one, by ids", 2, old(&[9, 77], 4)),
        ("in an old partition epoch, by ids", 2, old(&[9], 3)),
    ] {
        let request = wish(9, nine, id, partition);
        three.active().ask(name, &request, version).await?;
    }
    three.until(1, "x-isr", |p| p.isr_nodes.len() == 2).await?;
    three
        .broker(1)
        .ask("after changes of the ISR", &metadata(&["x-isr"]), 13)
        .await?;
    three.name_any_controller();
    // Fenced, shutting down, gone.
    let fenced = BrokerHeartbeatRequest {
        want_fence: true,
        ..beat(8, eight)
    };
    three.active().quiet(&fenced, 1).await?;
    three
        .active()
        .ask(
            "to a fenced one",
            &wish(9, nine, id, at(&[(9, nine), (8, eight)], 5)),
            3,
        )
        .await?;
    three
        .active()
        .ask(
            "to a fenced one, by ids",
            &wish(9, nine, id, old(&[9, 8], 5)),
            2,
        )
        .await?;
    three
        .active()
        .ask(
            "of a leader whose follower was fenced",
            &wish(9, nine, id, at(&[(9, nine)], 4)),
            3,
        )
        .await?;
    three
        .active()
        .ask(
            "of a leader whose follower was fenced, now",
            &wish(9, nine, id, at(&[(9, nine)], 5)),
            3,
        )
        .await?;
    three.unfence(8, eight).await?;
    three
        .active()
        .ask(
            "to one that is back",
            &wish(9, nine, id, at(&[(9, nine), (8, eight)], 5)),
            3,
        )
        .await?;
    let stop = BrokerHeartbeatRequest {
        want_shut_down: true,
        ..beat(9, nine)
    };
    three
        .active()
        .ask("of a leader that shuts down", &stop, 1)
        .await?;
    three.until(1, "x-isr", |p| p.leader_id == 8).await?;
    three
        .broker(1)
        .ask("after the leader shut down", &metadata(&["x-isr"]), 13)
        .await?;
    three.name_any_controller();
    three
        .active()
        .ask(
            "of one that led before",
            &wish(9, nine, id, at(&[(9, nine)], 6)),
            3,
        )
        .await?;
    let now = |members: &[(i32, i64)], partition_epoch| PartitionData {
        leader_epoch: 1,
        ..at(members, partition_epoch)
    };
    for epoch in 6..=8 {
        let request = wish(8, eight, id, now(&[(8, eight), (9, nine)], epoch));
        three
            .active()
            .ask(&format!("to one that shuts down, {epoch}"), &request, 3)
            .await?;
    }
    // Not when it is let go, which depends on the heartbeats of the others; in Kafka each of its own puts that off.
    Ok(())
}

async fn ids(three: &mut Three, nine: i64) -> Result<()> {
    for (name, broker_id, broker_epoch) in [
        ("of a broker in its epoch", 9, nine),
        ("of a broker in an old epoch", 9, nine - 1),
        ("of a broker in an epoch ahead", 9, nine + 100_000),
        ("of an unknown broker", 77, 1),
        ("of a negative broker", -1, -1),
    ] {
        let request = AllocateProducerIdsRequest {
            broker_id,
            broker_epoch,
        };
        three.active().ask(name, &request, 0).await?;
        three
            .other()
            .ask(&format!("{name}, at the other controller"), &request, 0)
            .await?;
    }
    Ok(())
}

async fn forgotten(three: &mut Three) -> Result<()> {
    for (name, broker_id) in [("an unknown broker", 77), ("a negative broker", -1)] {
        let request = UnregisterBrokerRequest { broker_id };
        three.broker(1).ask(name, &request, 0).await?;
        three
            .active()
            .ask(&format!("{name}, at the active controller"), &request, 0)
            .await?;
        three
            .other()
            .ask(&format!("{name}, at the other controller"), &request, 0)
            .await?;
    }
    let seven = three.register(7).await?;
    let request = UnregisterBrokerRequest { broker_id: 7 };
    three.broker(3).ask("a fenced broker", &request, 0).await?;
    three
        .broker(3)
        .ask("a fenced broker again", &request, 0)
        .await?;
    three
        .active()
        .ask("of one that was forgotten", &beat(7, seven), 1)
        .await?;
    let again = three.registration(7);
    three
        .active()
        .ask("one that was forgotten", &again, 4)
        .await?;
    three.broker(3).quiet(&request, 0).await?;
    // Whoever shuts down does not come back as the same process: the next scripts begin anew.
    for broker_id in [8, 9] {
        let request = UnregisterBrokerRequest { broker_id };
        three
            .broker(3)
            .ask("one of the script's own", &request, 0)
            .await?;
    }
    Ok(())
}
