//! Nodes that stand still, are cut off, are slow or full, and leaders that move.

use airis_protocol::error::ErrorCode;
use airis_protocol::types::Uuid;
use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn a_paused_node_answers_nobody_until_it_is_resumed() {
    let cluster = three().await;
    let i = cluster.leader("t", 0).unwrap();
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "before").await, 0);
    cluster.pause(i);
    let id = c.send(&produce("t", 0, 1, batch(&["while"])), 12).await;
    let early = timeout(SHORT, c.frame()).await;
    assert!(early.is_err(), "{early:?}");
    cluster.resume(i);
    let answer = c.receive::<ProduceRequest>(id, 12).await;
    // Another may lead by now, if this took long.
    let code = answer.responses[0].partition_responses[0].error_code;
    assert!([0, ErrorCode::NotLeaderOrFollower.code()].contains(&code));
}

#[tokio::test]
async fn a_paused_leader_is_replaced_once_its_session_is_over_and_follows_when_it_is_resumed() {
    let cluster = three().await;
    let old = cluster.leader("t", 0).unwrap();
    if cluster.controller() == Some(old) {
        let other = bystander(&cluster);
        cluster.move_leader("t", 0, other).await.unwrap();
    }
    let old = cluster.leader("t", 0).unwrap();
    cluster.pause(old);
    tokio::time::sleep(SHORT).await;
    assert_eq!(cluster.leader("t", 0), Some(old), "its session is not over");
    cluster.clock().advance(Duration::from_secs(9)).await;
    let replaced = || cluster.leader("t", 0).is_some_and(|l| l != old);
    until("another leads", replaced).await;
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "a").await, 0);
    cluster.resume(old);
    until("it is back", || cluster.in_sync("t", 0).len() == 3).await;
}

#[tokio::test]
async fn a_paused_node_can_be_killed() {
    let mut cluster = three().await;
    let i = bystander(&cluster);
    cluster.pause(i);
    timely("kill", cluster.kill(i)).await;
    timely("restart", cluster.restart(i)).await.unwrap();
    until("it is back", || cluster.in_sync("t", 0).len() == 3).await;
    timely("shutdown", cluster.shutdown()).await;
}

#[test]
fn a_test_may_end_while_a_node_is_paused() {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let cluster = three().await;
            let mut c = Client::to(leader(&cluster)).await;
            for i in 0..3 {
                cluster.pause(i);
            }
            // So that threads have something to wait with.
            c.send(&produce("t", 0, -1, batch(&["a"])), 12).await;
            tokio::time::sleep(SHORT).await;
        });
        drop(runtime);
        done.send(()).unwrap();
    });
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(()));
}

#[tokio::test]
async fn a_node_that_is_cut_off_serves_clients_and_gets_nothing_from_the_others() {
    let cluster = three().await;
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "before").await, 0);
    let lost = bystander(&cluster);
    cluster.partition(&[lost], &others(lost));
    // It counts until its session is over: no acknowledgement without it.
    let id = c.send(&produce("t", 0, -1, batch(&["after"])), 12).await;
    let early = timeout(SHORT, c.frame()).await;
    assert!(early.is_err(), "acknowledged without a member of the ISR");
    let mut to_lost = Client::to(cluster.node(lost).unwrap()).await;
    let told = to_lost
        .call(
            &DescribeClusterRequest {
                endpoint_type: 1,
                ..Default::default()
            },
            1,
        )
        .await;
    assert_eq!(told.brokers.len(), 3);
    cluster.heal();
    let answer = c.receive::<ProduceRequest>(id, 12).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    assert_eq!(cluster.in_sync("t", 0).len(), 3);
}

#[tokio::test]
async fn a_controller_that_is_cut_off_is_replaced_and_does_not_come_back_as_one() {
    let cluster = three().await;
    let old = cluster.controller().unwrap();
    cluster.partition(&[old], &others(old));
    let other = || {
        let active = |i: &usize| *i != old && leads(&cluster, *i);
        others(old).iter().any(active)
    };
    until("another controller", other).await;
    cluster.heal();
    until("one controller", || {
        (0..3).filter(|i| leads(&cluster, *i)).count() == 1
    })
    .await;
    until("all are in sync", || cluster.in_sync("t", 0).len() == 3).await;
}

fn leads(cluster: &Cluster, i: usize) -> bool {
    cluster.node(i).unwrap().is_controller()
}

#[tokio::test]
async fn a_link_that_is_cut_one_way_stalls_what_goes_that_way() {
    let cluster = three().await;
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "before").await, 0);
    let (lost, led) = (bystander(&cluster), cluster.leader("t", 0).unwrap());
    // The follower's fetches arrive, their answers do not.
    cluster.partition_one_way(&[led], &[lost]);
    let id = c.send(&produce("t", 0, -1, batch(&["after"])), 12).await;
    let early = timeout(SHORT, c.frame()).await;
    assert!(early.is_err(), "acknowledged without a member of the ISR");
    // It lags, and is put out of the ISR; it lives, and is not fenced.
    cluster.clock().advance(Duration::from_secs(31)).await;
    until("it is out", || !cluster.in_sync("t", 0).contains(&lost)).await;
    let answer = c.receive::<ProduceRequest>(id, 12).await;
    // Its time was over with the leap.
    let code = answer.responses[0].partition_responses[0].error_code;
    assert!(
        [0, ErrorCode::RequestTimedOut.code()].contains(&code),
        "{code}"
    );
    assert_eq!(send(&mut c, "without it").await, 0);
    cluster.heal();
    until("it is back", || cluster.in_sync("t", 0).len() == 3).await;
}

#[tokio::test]
async fn a_slow_disk_makes_acknowledgements_slow() {
    let fsync = Cluster::builder().property("airis.ack.durability", "fsync");
    let cluster = three_of(fsync).await;
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "fast").await, 0);
    let slow = bystander(&cluster);
    cluster.slow_disk(slow, SHORT);
    let began = Instant::now();
    assert_eq!(send(&mut c, "slow").await, 0);
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    cluster.slow_disk(slow, Duration::ZERO);
    assert_eq!(send(&mut c, "fast").await, 0);
    assert_eq!(cluster.in_sync("t", 0).len(), 3);
}

#[tokio::test]
async fn a_leader_whose_disk_is_slow_keeps_its_session_and_its_leadership() {
    let long = Duration::from_secs(3);
    let fsync = Cluster::builder()
        .property("airis.ack.durability", "fsync")
        .property("broker.heartbeat.interval.ms", 300)
        .property("broker.session.timeout.ms", 1500);
    let cluster = three_of(fsync).await;
    // A controller says of itself that it lives.
    let slow = bystander(&cluster);
    cluster.move_leader("t", 0, slow).await.unwrap();
    let mut c = Client::to(leader(&cluster)).await;
    cluster.slow_disk(slow, long);
    let began = Instant::now();
    assert_eq!(send(&mut c, "slow").await, 0);
    assert!(began.elapsed() >= long, "{:?}", began.elapsed());
    assert_eq!(cluster.leader("t", 0), Some(slow));
    assert_eq!(cluster.in_sync("t", 0).len(), 3);
    cluster.slow_disk(slow, Duration::ZERO);
}

/// Its disk holds the metadata too: it is a follower, and a voter, that can write nothing.
#[tokio::test]
async fn who_has_a_full_disk_leaves_the_isr_and_the_others_go_on() {
    let lag = Duration::from_millis(1500);
    let builder = Cluster::builder().property("replica.lag.time.max.ms", lag.as_millis());
    let cluster = three_of(builder).await;
    let mut c = Client::to(leader(&cluster)).await;
    assert_eq!(send(&mut c, "before").await, 0);
    let full = bystander(&cluster);
    cluster.full_disk(full, true);
    let began = Instant::now();
    assert_eq!(send(&mut c, "while").await, 0);
    assert!(began.elapsed() >= lag / 2, "{:?}", began.elapsed());
    assert!(!cluster.in_sync("t", 0).contains(&full));
    let describe = DescribeClusterRequest {
        endpoint_type: 1,
        ..Default::default()
    };
    let told = c.call(&describe, 1).await;
    assert_eq!(told.brokers.len(), 3, "it lives");
    // Two voters are a majority.
    timely("another topic", cluster.create_topic("u", 1))
        .await
        .unwrap();
    cluster.full_disk(full, false);
    until("it is back", || cluster.in_sync("t", 0).len() == 3).await;
    assert_eq!(send(&mut c, "after").await, 0);
    assert_eq!(c.values("t", 0).await, ["before", "while", "after"]);
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_gives_what_it_has() {
    let broker = Broker::builder().start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    assert_eq!(send(&mut c, "before").await, 0);
    broker.full_disk(true);
    assert_eq!(
        send(&mut c, "while").await,
        ErrorCode::KafkaStorageError.code()
    );
    assert_eq!(c.values("t", 0).await, ["before"]);
    broker.full_disk(false);
    assert_eq!(send(&mut c, "after").await, 0);
    assert_eq!(c.values("t", 0).await, ["before", "after"]);
}

#[tokio::test]
async fn a_leader_moves_to_any_node() {
    let builder = Cluster::builder().property("default.replication.factor", 2);
    let cluster = timely("the cluster forms", builder.start()).await.unwrap();
    cluster.create_topic("t", 1).await.unwrap();
    let mut sent = Vec::new();
    for to in [2, 0, 1, 2] {
        timely("move", cluster.move_leader("t", 0, to))
            .await
            .unwrap();
        assert_eq!(cluster.leader("t", 0), Some(to));
        let mut c = Client::to(cluster.node(to).unwrap()).await;
        let value = format!("to {to}");
        assert_eq!(send(&mut c, &value).await, 0);
        sent.push(value);
        assert_eq!(c.values("t", 0).await, sent);
    }
    let unknown = cluster.move_leader("none", 0, 1).await;
    assert_eq!(unknown, Err(ErrorCode::UnknownTopicOrPartition));
}

/// What an earlier run of a node had sent before it died comes late, while the run that followed it has been silent for a moment: it is
/// taken for the newer one. The node that lives takes its place back.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_a_late_registration_has_deposed_registers_again() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Cluster::builder()
        .data_dir(dir.path())
        .property("broker.session.timeout.ms", 6000);
    let cluster = three_of(builder).await;
    let (node, active) = (bystander(&cluster), cluster.controller().unwrap());
    let id = node as i32 + 1;
    let meta = dir.path().join(format!("node-{id}/meta.properties"));
    let meta = std::fs::read_to_string(meta).unwrap();
    let directory = meta.lines().find_map(|l| l.strip_prefix("directory.id="));
    let late = BrokerRegistrationRequest {
        broker_id: id,
        cluster_id: cluster.node(active).unwrap().cluster_id().into(),
        incarnation_id: Uuid(0xaaaa),
        log_dirs: vec![directory.unwrap().parse().unwrap()],
        features: airis_cluster::metadata::features::SUPPORTED
            .iter()
            .map(|(name, min, max)| broker_registration_request::Feature {
                name: (*name).into(),
                min_supported_version: *min,
                max_supported_version: *max,
            })
            .collect(),
        previous_broker_epoch: -1,
        ..Default::default()
    };
    let addr = cluster.voters().split(',').nth(active).unwrap();
    let addr = addr.split_once('@').unwrap().1.to_owned();
    let mut controller = Client::at(&addr).await;
    let told = controller.call(&late, 4).await;
    assert_eq!(told.error_code, 101, "the node lives");
    cluster.pause(node);
    tokio::time::sleep(Duration::from_millis(3200)).await;
    let told = controller.call(&late, 4).await;
    assert_eq!(told.error_code, 0, "{told:?}");
    until("it is out", || cluster.in_sync("t", 0).len() == 2).await;
    cluster.resume(node);
    until("it is back", || cluster.in_sync("t", 0).len() == 3).await;
}
