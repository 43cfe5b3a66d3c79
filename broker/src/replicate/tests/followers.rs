//! Followers that come back, new leaders, and who reads from whom.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_died_comes_back_with_everything() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    c.acked(1, "t", "a").await;
    c.kill(3).await;
    assert_eq!(c.isr("t"), [1, 2]);
    for i in 0..10 {
        c.acked(1, "t", &format!("without 3: {i}")).await;
    }
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    // With one replica there is no acks=all any more, but acks=1.
    c.kill(2).await;
    c.kill(3).await;
    assert_eq!(
        c.produce(1, "t", -1, "x").await.0,
        ErrorCode::NotEnoughReplicas
    );
    assert_eq!(c.produce(1, "t", 1, "alone").await.0, ErrorCode::None);
    let p = c.partition(1, "t");
    assert!(
        p.high_watermark() < p.log().end(),
        "too few replicas commit nothing"
    );
    c.boot(2).await;
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    assert_eq!(
        values(&content(&c.partition(3, "t"))).last().unwrap(),
        "alone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_old_leader_has_is_cut_off() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    c.crash(1).await;
    append_behind(&c, 1, "t", 3);
    c.fence(1).await;
    let leader = c.leader("t").unwrap();
    assert_ne!(leader, 1);
    for i in 5..8 {
        c.acked(leader, "t", &format!("{i}")).await;
    }
    c.boot(1).await;
    c.converged("t", &[1, 2, 3]).await;
    let all = values(&content(&c.partition(1, "t")));
    assert_eq!(all, (0..8).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_leader_does_not_name_an_end_that_it_does_not_know() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    c.converged("t", &[1, 2, 3]).await;
    c.kill(3).await;
    c.kill(1).await;
    // 2 is the last; its high watermark was never written down.
    c.clean = true;
    c.crash(2).await;
    c.boot(2).await;
    let leader = c.leader("t");
    assert_eq!(
        leader,
        Some(2),
        "{:?}",
        c.controller.image().partition("t", PartitionId(0))
    );
    assert_eq!(
        c.list(2, "t", -1, -1).await.0,
        ErrorCode::OffsetNotAvailable
    );
    // Older clients do not know that code.
    assert_eq!(
        c.list_as(4, 2, "t", -1, -1).await.0,
        ErrorCode::LeaderNotAvailable
    );
    assert_eq!(c.list(2, "t", -2, -1).await, (ErrorCode::None, 5));
    c.boot(1).await;
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    assert_eq!(c.list(2, "t", -1, -1).await, (ErrorCode::None, 5));
    assert_eq!(
        c.list(1, "t", -1, -1).await.0,
        ErrorCode::NotLeaderOrFollower
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_read_from_a_replica_in_their_rack() {
    let c = Cluster::start(3, |config| {
        brisk(config);
        config.rack_aware_reads = true;
        config.rack = Some(format!("rack-{}", config.node_id).into());
    })
    .await;
    c.create("t", &[1, 2, 3], &[]).await;
    c.acked(1, "t", "a").await;
    c.converged("t", &[1, 2, 3]).await;
    let from = |rack: &str| FetchRequest {
        rack_id: rack.into(),
        ..fetch_of("t", 0)
    };
    let told = c.fetch(1, from("rack-3")).await;
    assert_eq!(told.preferred_read_replica, 3);
    assert!(told.records.unwrap().is_empty());
    let read = c.fetch(3, from("rack-3")).await;
    assert_eq!((read.error_code, read.high_watermark), (0, 1));
    assert_eq!(values(read.records.unwrap().as_bytes().unwrap()), ["a"]);
    for rack in ["rack-1", "elsewhere", ""] {
        let read = c.fetch(1, from(rack)).await;
        assert_eq!(read.preferred_read_replica, -1);
        assert_eq!(values(read.records.unwrap().as_bytes().unwrap()), ["a"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_are_told_apart_from_strangers() {
    let mut c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2], &[]).await;
    c.acked(1, "t", "a").await;
    let as_replica = |id, epoch| FetchRequest {
        replica_id: id,
        topics: vec![FetchTopic {
            topic: "t".into(),
            partitions: vec![FetchPartition {
                current_leader_epoch: epoch,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..fetch_of("t", 0)
    };
    for (node, replica, epoch, error) in [
        (1, 3, 0, ErrorCode::UnknownLeaderEpoch),
        (1, 3, -1, ErrorCode::NotLeaderOrFollower),
        (1, 2, 9, ErrorCode::UnknownLeaderEpoch),
        (2, 1, 0, ErrorCode::NotLeaderOrFollower),
        (1, 2, 0, ErrorCode::None),
    ] {
        let got = c.fetch(node, as_replica(replica, epoch)).await;
        assert_eq!(ErrorCode::from_wire(got.error_code), error);
    }
    let p = c.partition(1, "t");
    assert_eq!(p.high_watermark(), Offset(1), "what was committed stays so");
    // 2 leads in the next epoch: what 1 knows of the one before it is over.
    c.kill(1).await;
    c.boot(1).await;
    c.until("2 leads, 1 follows", |c| c.isr("t") == [1, 2])
        .await;
    assert_eq!(c.leader("t"), Some(2));
    for (epoch, error) in [(0, ErrorCode::FencedLeaderEpoch), (1, ErrorCode::None)] {
        let got = c.fetch(2, as_replica(1, epoch)).await;
        assert_eq!(ErrorCode::from_wire(got.error_code), error);
    }
    assert_eq!(c.partition(2, "t").high_watermark(), Offset(1));
}
