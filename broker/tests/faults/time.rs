//! Time that passes at once.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use airis_protocol::types::Millis;
use bytes::Bytes;

use super::*;
use client::{Client, fetch};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn retention_deletes_what_has_become_old() {
    let broker = Broker::builder().start().await.unwrap();
    let mut c = Client::to(&broker).await;
    // By the broker's clock: this process's own stays where it is, and what it calls new would be old there.
    let configs = [
        ("retention.ms", "3600000"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    c.create("t", 1, &configs).await;
    assert_eq!(send(&mut c, "old").await, 0);
    let before = broker.clock().now_ms();
    broker.clock().advance(HOUR / 2).await;
    assert_eq!(c.values("t", 0).await, ["old"]);
    broker.clock().advance(HOUR).await;
    assert!(broker.clock().now_ms() - before >= 5_400_000);
    let gone = c.fetch("t", 0).await;
    assert_eq!(gone.error_code, ErrorCode::OffsetOutOfRange.code());
    assert_eq!(send(&mut c, "new").await, 0);
    assert_eq!(c.values("t", 1).await, ["new"]);
}

#[tokio::test]
async fn a_member_that_says_nothing_is_out_when_its_session_is_over() {
    let broker = Broker::builder().start().await.unwrap();
    let mut c = Client::to(&broker).await;
    let find = FindCoordinatorRequest {
        coordinator_keys: vec!["g".into()],
        ..Default::default()
    };
    c.call(&find, 6).await;
    let mut join = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"m"),
        }],
        ..Default::default()
    };
    join.member_id = c.call(&join, 9).await.member_id;
    let joined = c.call(&join, 9).await;
    assert_eq!(joined.error_code, 0);
    let heartbeat = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id,
        ..Default::default()
    };
    broker.clock().advance(Duration::from_secs(30)).await;
    assert_eq!(c.call(&heartbeat, 4).await.error_code, 0);
    broker.clock().advance(Duration::from_secs(30)).await;
    assert_eq!(
        c.call(&heartbeat, 4).await.error_code,
        0,
        "the last one was thirty seconds ago"
    );
    broker.clock().advance(Duration::from_secs(46)).await;
    let told = c.call(&heartbeat, 4).await.error_code;
    assert_eq!(told, ErrorCode::UnknownMemberId.code());
}

#[tokio::test]
async fn a_fetch_that_waits_is_answered() {
    let broker = Broker::builder().start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let began = Instant::now();
    let id = c.send(&fetch("t", 0, 60_000, 1), 12).await;
    // So that it is there.
    let mut other = Client::to(&broker).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(other.values("t", 0).await.is_empty());
    broker.clock().advance(Duration::from_secs(61)).await;
    let answer = c.receive::<FetchRequest>(id, 12).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_produce_that_waits_for_a_lost_follower_times_out() {
    let cluster = three().await;
    let lost = bystander(&cluster);
    cluster.partition(&[lost], &others(lost));
    let mut c = Client::to(leader(&cluster)).await;
    let id = c.send(&produce("t", 0, -1, batch(&["a"])), 12).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    // More than its timeout, less than a session.
    cluster.clock().advance(Duration::from_millis(8_000)).await;
    assert_eq!(
        cluster.in_sync("t", 0).len(),
        3,
        "sessions are of nine seconds"
    );
    cluster.clock().advance(Duration::from_millis(2_500)).await;
    let answer = c.receive::<ProduceRequest>(id, 12).await;
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::RequestTimedOut.code());
}

#[tokio::test]
async fn nodes_that_live_stay_in_the_cluster_however_far_the_leap() {
    let cluster = three().await;
    let mut c = Client::to(leader(&cluster)).await;
    for (i, leap) in [HOUR, HOUR * 24, HOUR * 24 * 365].into_iter().enumerate() {
        let (led, controller) = (cluster.leader("t", 0), cluster.controller());
        let began = Instant::now();
        cluster.clock().advance(leap).await;
        println!("{leap:?} in {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(cluster.in_sync("t", 0).len(), 3);
        assert_eq!(
            (cluster.leader("t", 0), cluster.controller()),
            (led, controller)
        );
        assert_eq!(send(&mut c, &format!("{i}")).await, 0);
    }
}

#[tokio::test]
async fn time_stamps_are_of_the_clusters_clock() {
    let broker = Broker::builder().start().await.unwrap();
    let mut c = Client::to(&broker).await;
    let append_time = [("message.timestamp.type", "LogAppendTime")];
    c.create("t", 1, &append_time).await;
    broker.clock().advance(HOUR * 100).await;
    let answer = c.produce("t", -1, batch(&["a"])).await;
    let ahead = Millis(answer.log_append_time_ms - client::now().0);
    assert!((359_000_000..=361_000_000).contains(&ahead.0), "{ahead:?}");
}

/// Five states of a run, and how long it took by the clock of the runtime.
async fn run(seed: u64) -> (String, Vec<String>, Duration) {
    let began = tokio::time::Instant::now();
    let builder = Cluster::builder().nodes(3).seed(seed);
    let mut cluster = builder.start().await.unwrap();
    cluster.create_topic("t", 1).await.unwrap();
    let mut states = Vec::new();
    for i in 0..3 {
        cluster.move_leader("t", 0, i).await.unwrap();
        cluster.kill(i).await;
        while cluster.leader("t", 0).is_none_or(|l| l == i) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut c = Client::to(leader(&cluster)).await;
        states.push(format!("{}", send(&mut c, &format!("{i}")).await));
        cluster.restart(i).await.unwrap();
        while cluster.in_sync("t", 0).len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        states.push(format!("{:?}", cluster.in_sync("t", 0)));
        let mut c = Client::to(leader(&cluster)).await;
        states.push(format!("{:?}", c.values("t", 0).await));
    }
    let id = cluster.node(0).unwrap().cluster_id().to_owned();
    (id, states, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn on_a_runtime_whose_time_is_paused_waits_take_no_time_and_states_come_again() {
    let real = Instant::now();
    let (id, states, virtually) = run(7).await;
    println!("{virtually:?} in {:?}", real.elapsed());
    let (again, states_again, _) = run(7).await;
    assert_eq!((&id, &states), (&again, &states_again));
    assert_ne!(id, run(8).await.0);
}
