//! What is acknowledged is at all replicas in sync, and stays there.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_acknowledged_once_they_are_everywhere() {
    for change in [brisk as fn(&mut BrokerConfig), durable] {
        let c = Cluster::start(3, change).await;
        c.create("t", &[1, 2, 3], &[]).await;
        for i in 0..20 {
            assert_eq!(c.acked(1, "t", &format!("v{i}")).await, i);
        }
        c.converged("t", &[1, 2, 3]).await;
        // Also an idle follower learns soon of what is committed.
        c.acked(1, "t", "last").await;
        let took = c
            .until("followers know", |c| {
                [2, 3]
                    .iter()
                    .all(|id| c.partition(*id, "t").high_watermark() == Offset(21))
            })
            .await;
        assert!(took < Duration::from_millis(400), "{took:?}");
        // Those that do not lead refuse, and name who does.
        let (error, _) = c.produce(2, "t", -1, "x").await;
        assert_eq!(error, ErrorCode::NotLeaderOrFollower);
        // acks 1 and 0 do not wait.
        assert_eq!(c.produce(1, "t", 1, "one").await, (ErrorCode::None, 21));
        c.converged("t", &[1, 2, 3]).await;
    }
}

/// More partitions at once than threads that flush: none is forgotten in the line, and nothing is acknowledged before its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_of_many_partitions_wait_for_their_own_flush() {
    const PARTITIONS: usize = 16;
    let c = Arc::new(Cluster::start(3, durable).await);
    let mut producers = tokio::task::JoinSet::new();
    for n in 0..PARTITIONS {
        let topic = format!("t{n}");
        let leader = n as i32 % 3 + 1;
        let replicas = [leader, leader % 3 + 1, (leader + 1) % 3 + 1];
        c.create(&topic, &replicas, &[]).await;
        let c = c.clone();
        producers.spawn(async move {
            for i in 0..10 {
                let offset = c.acked(leader, &topic, &format!("{i}")).await;
                assert_eq!(offset, i);
                for id in 1..=3 {
                    let durable = c.partition(id, &topic).log().recovery_point();
                    assert!(durable > Offset(offset), "{topic} at node {id}: {durable}");
                }
            }
        });
    }
    while let Some(done) = timeout(PATIENCE, producers.join_next())
        .await
        .expect("in time")
    {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_still_leaves_the_isr() {
    let mut c = Cluster::start(3, |config| {
        brisk(config);
        config.replica_lag_max = Millis(200);
    })
    .await;
    c.create("t", &[1, 2, 3], &[]).await;
    c.acked(1, "t", "a").await;
    // The controller believes that it is up.
    c.crash(3).await;
    let begun = Instant::now();
    c.acked(1, "t", "b").await;
    assert!(
        begun.elapsed() >= Duration::from_millis(100),
        "3 was waited for"
    );
    assert_eq!(c.isr("t"), [1, 2]);
    c.fence(3).await;
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
}

/// Nodes die and come back while a producer writes: what it was told is written is there at the end, once and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_while_nodes_die() {
    let mut c = Cluster::start(3, durable).await;
    c.create("t", &[1, 2, 3], &[]).await;
    let mut chance = Chance::new(42);
    let mut acked: Vec<(i64, String)> = Vec::new();
    for round in 0..6 {
        let victim = 1 + chance.below(3) as i32;
        for i in 0..10 {
            let value = format!("{round}/{i}");
            if i == 5 {
                c.kill(victim).await;
            }
            let leader = c.leader("t").expect("two of three are up");
            let (error, offset) = c.produce(leader, "t", -1, &value).await;
            match error {
                ErrorCode::None => acked.push((offset, value)),
                error => panic!("{error} at {value}"),
            }
        }
        c.boot(victim).await;
        c.converged("t", &[1, 2, 3]).await;
    }
    let all = values(&content(&c.partition(1, "t")));
    for (offset, value) in &acked {
        assert_eq!(&all[*offset as usize], value);
    }
    assert_eq!(acked.len(), all.len());
}
