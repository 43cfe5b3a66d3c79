//! Disks that fail under one node of a cluster.

use super::*;

/// Puts a file in a directory's place, as if its disk were gone.
fn break_dir(dir: &Path) {
    std::fs::rename(dir, dir.with_extension("gone")).unwrap();
    std::fs::write(dir, "not a directory").unwrap();
}

/// For each partition of a topic: leader, ISR and off-line replicas, as one node knows them.
async fn partitions(broker: &Broker, topic: &str) -> Vec<(i32, Vec<i32>, Vec<i32>)> {
    let told = metadata(broker, &[topic]).await;
    let mut all = told.topics[0].partitions.clone();
    all.sort_by_key(|p| p.partition_index);
    all.into_iter()
        .map(|p| (p.leader_id, p.isr_nodes, p.offline_replicas))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_directory_loses_leaderships_and_the_rest_of_its_node_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("node-2"), dir.path().join("node-2b"));
    let cluster = Cluster::builder()
        .data_dir(dir.path())
        .property("replica.high.watermark.checkpoint.interval.ms", 100)
        .node_property(
            1,
            "log.dirs",
            format!("{},{}", first.display(), second.display()),
        );
    let cluster = timely("the cluster forms", cluster.start()).await.unwrap();
    assert_eq!(create(cluster.node(0).unwrap(), "t", 12, 3).await, 0);
    let other = cluster.node(0).unwrap();
    until("all are in sync", async || {
        let all = partitions(other, "t").await;
        all.len() == 12 && all.iter().all(|p| p.1.len() == 3)
    })
    .await;
    let broken: Vec<bool> = (0..12)
        .map(|p| second.join(format!("t-{p}")).exists())
        .collect();
    assert!(
        broken.iter().any(|b| *b) && broken.iter().any(|b| !*b),
        "{broken:?}"
    );
    break_dir(&second);
    let took = until("the others lead what was there", async || {
        let all = partitions(other, "t").await;
        all.iter()
            .zip(&broken)
            .all(|((leader, isr, offline), broken)| {
                let here = isr.contains(&2);
                *leader > 0
                    && here != *broken
                    && offline.contains(&2) == *broken
                    && (*leader != 2 || !broken)
            })
    })
    .await;
    println!("after {took:?}");
    assert_eq!(live(other).await, [1, 2, 3]);
    // What node 2 leads it goes on serving, and it takes no part in the rest.
    for (p, (leader, ..)) in partitions(other, "t").await.into_iter().enumerate() {
        let mut client = Client::to(cluster.node(leader as usize - 1).unwrap()).await;
        let request = client::produce("t", p as i32, -1, client::batch(&["x"]));
        let answer = client.call(&request, 12).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    timely("shutdown", cluster.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_whose_disk_fails_says_so_ends_and_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::builder()
        .data_dir(dir.path())
        .property("replica.high.watermark.checkpoint.interval.ms", 100)
        .start()
        .await
        .unwrap();
    let old = cluster.controller().unwrap();
    let failed = cluster.node(old).unwrap().failed();
    break_dir(&dir.path().join(format!("node-{}", old + 1)));
    let why = timely("it says so", failed).await;
    assert!(why.contains("holds the metadata has failed"), "{why}");
    let other = (old + 1) % 3;
    until("it is fenced", async || {
        live(cluster.node(other).unwrap()).await.len() == 2
    })
    .await;
    timely("kill", cluster.kill(old)).await;
    until("another controller", async || {
        cluster.controller().is_some()
    })
    .await;
    assert_eq!(create(cluster.node(other).unwrap(), "t", 3, 2).await, 0);
    timely("shutdown", cluster.shutdown()).await;
}
