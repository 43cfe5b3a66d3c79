//! What is said and refused while node 3 is stopped. The last script: it does not come back.

use airis_protocol::messages::*;
use airis_protocol::types::Uuid;
use anyhow::Result;

use super::assign::described;
use super::replicas::{elect, reassign};
use crate::ask::*;
use crate::three::*;

pub async fn play(three: &mut Three) -> Result<()> {
    let two = &[("min.insync.replicas", "2")];
    let pair = three.make("d-pair", &[&[1, 3]], two).await?;
    three.make("d-led", &[&[3, 1]], &[]).await?;
    three.make("d-alone", &[&[3]], &[]).await?;
    three.make("d-all", &[&[3, 2, 1]], two).await?;
    three.broker(1).put("d-pair", batch(&["a"])).await?;
    three.broker(3).put("d-led", batch(&["a"])).await?;
    three.broker(3).put("d-alone", batch(&["a"])).await?;
    let all = ["d-pair", "d-led", "d-alone", "d-all"];
    three
        .broker(2)
        .ask("before a node stops", &metadata(&all), 13)
        .await?;
    three.name_any_controller();
    three.stop_last().await?;
    three.until(1, "d-led", |p| p.leader_id == 1).await?;
    three.until(2, "d-led", |p| p.leader_id == 1).await?;
    three.until(2, "d-alone", |p| p.leader_id == -1).await?;
    three.until(1, "d-pair", |p| p.isr_nodes == [1]).await?;
    for version in 0..=13 {
        let request = MetadataRequest {
            allow_auto_topic_creation: version < 4,
            ..metadata(&all)
        };
        three
            .broker(1)
            .ask("without a node", &request, version)
            .await?;
        three.name_any_controller();
    }
    three
        .broker(2)
        .ask("without a node", &described(&all), 0)
        .await?;
    for version in 0..=2 {
        let request = DescribeClusterRequest {
            include_fenced_brokers: version == 2,
            ..describe_cluster()
        };
        three
            .broker(2)
            .ask("without a node", &request, version)
            .await?;
        three.name_any_controller();
    }
    refused(three, pair).await?;
    elections(three).await?;
    placed(three).await?;
    forgotten(three).await
}

async fn refused(three: &mut Three, id: Uuid) -> Result<()> {
    for version in 3..=13 {
        let request = produce_in(version, "d-pair", id, batch(&["x"]));
        three
            .broker(1)
            .ask("with too few in sync", &request, version)
            .await?;
    }
    for acks in [1, -1, 1] {
        let request = produce("d-pair", 0, acks, batch(&["y"]));
        three
            .broker(1)
            .ask(&format!("acks={acks} with too few in sync"), &request, 12)
            .await?;
    }
    three
        .broker(1)
        .send(&produce("d-pair", 0, 0, batch(&["z"])), 12)
        .await?;
    three
        .broker(1)
        .ask(
            "after an unacknowledged one",
            &list_offsets("d-pair", 0..1, -1),
            9,
        )
        .await?;
    three
        .broker(1)
        .ask(
            "what was put with too few in sync",
            &fetch_in(12, "d-pair", id, fetch_partition(0, 0)),
            12,
        )
        .await?;
    for version in [3, 9, 12] {
        let request = produce("d-alone", 0, -1, batch(&["x"]));
        three
            .broker(1)
            .ask("without a leader", &request, version)
            .await?;
        three
            .broker(2)
            .ask(
                "led by another now",
                &produce("d-led", 0, -1, batch(&["x"])),
                version,
            )
            .await?;
    }
    three
        .broker(2)
        .ask("without a leader", &list_offsets("d-alone", 0..1, -1), 9)
        .await?;
    three
        .broker(2)
        .ask(
            "without a leader",
            &fetch_in(12, "d-alone", Uuid::ZERO, fetch_partition(0, 0)),
            12,
        )
        .await?;
    let grown = idempotent_from(three).await?;
    three
        .broker(1)
        .ask(
            "of an idempotent producer with too few in sync",
            &produce("d-pair", 0, -1, grown),
            12,
        )
        .await?;
    Ok(())
}

async fn idempotent_from(three: &mut Three) -> Result<bytes::Bytes> {
    let given = three.broker(1).quiet(&fresh_producer(), 5).await?;
    Ok(idempotent(
        given.producer_id,
        given.producer_epoch,
        0,
        &["i"],
    ))
}

async fn elections(three: &mut Three) -> Result<()> {
    for (name, election, topic) in [
        ("the preferred of one whose first is down", 0, "d-led"),
        ("the preferred of one without a leader", 0, "d-alone"),
        ("an unclean one of one that is led", 1, "d-led"),
        ("an unclean one of one without any replica", 1, "d-alone"),
        ("the preferred of one that has it", 0, "d-pair"),
        (
            "an unclean one of one that has lost one of three",
            1,
            "d-all",
        ),
    ] {
        for version in 1..=2 {
            three
                .broker(2)
                .ask(name, &elect(election, &[(topic, &[0])]), version)
                .await?;
        }
    }
    for election in 0..=1 {
        let all = ElectLeadersRequest {
            election_type: election,
            topic_partitions: None,
            timeout_ms: TIMEOUT_MS,
        };
        three
            .broker(2)
            .ask(&format!("{election} of every partition"), &all, 2)
            .await?;
    }
    Ok(())
}

async fn placed(three: &mut Three) -> Result<()> {
    let dry = |topics| CreateTopicsRequest {
        validate_only: true,
        ..create(topics)
    };
    for replicas in [1, 2, 3, 4, 9] {
        // Which brokers get them is not the same; that it can be done is.
        three
            .broker(2)
            .ask(
                &format!("{replicas} replicas without a node"),
                &dry(vec![topic("d-x", 1, replicas, &[])]),
                7,
            )
            .await?;
    }
    three
        .broker(2)
        .ask(
            "to one that is down",
            &dry(vec![assigned("d-x", &[&[3]], &[])]),
            7,
        )
        .await?;
    three
        .broker(2)
        .ask(
            "to one that is down too",
            &create(vec![assigned("d-x", &[&[3, 1]], &[])]),
            7,
        )
        .await?;
    three.until(2, "d-x", |p| p.leader_id == 1).await?;
    three
        .broker(2)
        .ask("made while a node is down", &metadata(&["d-x"]), 13)
        .await?;
    three.name_any_controller();
    three
        .broker(2)
        .ask("made while a node is down", &described(&["d-x"]), 0)
        .await?;
    three.make_without_last("d-move").await?;
    for (name, topic, replicas) in [
        ("to one that is down", "d-move", Some(&[3, 1][..])),
        ("away from one that is down", "d-led", Some(&[1])),
        ("away from one that had it alone", "d-alone", Some(&[1])),
    ] {
        three
            .broker(2)
            .ask(name, &reassign(topic, 0, replicas), 1)
            .await?;
        for _ in 0..8 {
            three.side.settle().await;
        }
        let list = ListPartitionReassignmentsRequest {
            timeout_ms: TIMEOUT_MS,
            topics: None,
        };
        three.broker(2).ask(name, &list, 0).await?;
        three.broker(2).ask(name, &described(&[topic]), 0).await?;
    }
    for topic in ["d-move", "d-alone"] {
        three
            .broker(2)
            .ask(
                &format!("an end of that of {topic}"),
                &reassign(topic, 0, None),
                1,
            )
            .await?;
        three.side.settle().await;
        three
            .broker(2)
            .ask(
                &format!("after the end of that of {topic}"),
                &described(&[topic]),
                0,
            )
            .await?;
    }
    Ok(())
}

impl Three {
    async fn make_without_last(&mut self, name: &str) -> Result<()> {
        self.broker(1)
            .quiet(&create(vec![assigned(name, &[&[1, 2]], &[])]), 7)
            .await?;
        for broker in [1, 2] {
            self.until(broker, name, |p| p.leader_id == 1).await?;
        }
        let id = self.broker(1).quiet(&metadata(&[name]), 13).await?.topics[0].topic_id;
        self.side.learn(&id.to_string(), &format!("<id of {name}>"));
        Ok(())
    }
}

async fn forgotten(three: &mut Three) -> Result<()> {
    let request = UnregisterBrokerRequest { broker_id: LAST };
    three.broker(1).ask("one that is down", &request, 0).await?;
    three
        .broker(1)
        .ask("one that is down, again", &request, 0)
        .await?;
    for _ in 0..5 {
        three.side.settle().await;
    }
    three
        .broker(1)
        .ask("without a broker", &describe_cluster(), 2)
        .await?;
    three.name_any_controller();
    three
        .broker(1)
        .ask(
            "without a broker",
            &metadata(&["d-pair", "d-alone", "d-all"]),
            13,
        )
        .await?;
    three.name_any_controller();
    three
        .broker(1)
        .ask(
            "without a broker",
            &described(&["d-pair", "d-alone", "d-all"]),
            0,
        )
        .await?;
    Ok(())
}
