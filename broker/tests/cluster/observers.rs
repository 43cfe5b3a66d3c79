//! Brokers that are no voters, and controllers that are no brokers.

use airis_protocol::error::ErrorCode;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn roles_may_be_apart() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::builder()
        .data_dir(dir.path())
        .property("process.roles", "controller")
        .property("metadata.log.max.record.bytes.between.snapshots", 3_000);
    let mut cluster = timely("the controllers start", cluster.start())
        .await
        .unwrap();
    assert_eq!(cluster.bootstrap_servers(), "");
    let mut brokers = Vec::new();
    for id in [11, 12] {
        let broker = Broker::builder()
            .data_dir(dir.path().join(format!("node-{id}")))
            .property("node.id", id)
            .property("process.roles", "broker")
            .property("listeners", "PLAINTEXT://127.0.0.1:0")
            .property("controller.quorum.voters", cluster.voters())
            .start();
        let broker = tokio::time::timeout(PATIENCE, broker).await;
        brokers.push(broker.expect("it starts in time").unwrap());
        // Enough for a snapshot, so that the next broker begins with one.
        for i in 0..12 {
            let name = format!("t-{id}-{i}");
            assert_eq!(create(&brokers[0], &name, 4, 1).await, 0);
        }
    }
    assert_eq!(live(&brokers[1]).await, [11, 12]);
    assert_eq!(create(&brokers[1], "both", 4, 2).await, 0);
    for broker in &brokers {
        let told = metadata(broker, &["both", "t-11-0"]).await;
        assert!(told.topics.iter().all(|t| t.error_code == 0), "{told:?}");
    }
    // Another controller takes over; the brokers find it.
    let old = cluster.controller().unwrap();
    timely("kill", cluster.kill(old)).await;
    until("another controller", async || {
        cluster.controller().is_some()
    })
    .await;
    // As in Kafka: a broker asks again where an answer did not come, and the first request may have been granted.
    let made = ErrorCode::from_wire(create(&brokers[0], "after", 1, 2).await);
    assert!(matches!(
        made,
        ErrorCode::None | ErrorCode::TopicAlreadyExists
    ));
    let told = metadata(&brokers[1], &["after"]).await;
    assert_eq!(told.topics[0].error_code, 0);
    // One of them dies.
    let gone = brokers.pop().unwrap();
    timely("kill", gone.kill()).await;
    until("it is fenced", async || live(&brokers[0]).await == [11]).await;
    for broker in brokers {
        timely("stop", broker.stop()).await;
    }
    timely("shutdown", cluster.shutdown()).await;
}
