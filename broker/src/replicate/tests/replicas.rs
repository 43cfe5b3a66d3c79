//! Replicas that come and go, and what is deleted of them.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_deleted_at_all_replicas() {
    let c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2, 3], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    let request = DeleteRecordsRequest {
        timeout_ms: 10_000,
        topics: vec![DeleteRecordsTopic {
            name: "t".into(),
            partitions: vec![DeleteRecordsPartition {
                partition_index: 0,
                offset: 3,
            }],
        }],
    };
    let response = c.client(1).await.call(&request, 2).await.unwrap();
    let p = &response.topics[0].partitions[0];
    assert_eq!((p.error_code, p.low_watermark), (0, 3));
    for id in 1..=3 {
        assert_eq!(c.partition(id, "t").log().start(), Offset(3), "node {id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_comes_to_a_node_and_goes_from_another() {
    let c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2], &[]).await;
    for i in 0..5 {
        c.acked(1, "t", &format!("{i}")).await;
    }
    let id = c.controller.image().topic("t").unwrap().id;
    let change = |replicas: &[i32], adding: &[i32], removing: &[i32]| {
        let directories = vec![Uuid::UNASSIGNED; replicas.len()];
        MetadataRecord::PartitionChangeRecord(PartitionChangeRecord {
            partition_id: 0,
            topic_id: id,
            replicas: Some(replicas.to_vec()),
            adding_replicas: Some(adding.to_vec()),
            removing_replicas: Some(removing.to_vec()),
            directories: Some(directories),
            ..Default::default()
        })
    };
    let controller = c.controller.clone();
    let record = change(&[1, 3, 2], &[3], &[2]);
    tokio::task::spawn_blocking(move || controller.dictate(&[record]))
        .await
        .unwrap();
    // Once 3 is in sync, the controller completes it.
    c.until("2 is out", |c| c.isr("t") == [1, 3]).await;
    c.converged("t", &[1, 3]).await;
    let gone = c.running[&2].node.partitions.by_name("t", PartitionId(0));
    assert!(matches!(gone, Err(ErrorCode::NotLeaderOrFollower)));
    let names: Vec<String> = std::fs::read_dir(c.dir(2))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with("t-0"))
        .collect();
    assert!(
        names.len() == 1 && names[0].ends_with("-delete"),
        "{names:?}"
    );
    c.acked(1, "t", "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_replica_comes_slowly() {
    for side in ["leader", "follower"] {
        let mut c = Cluster::start(2, brisk).await;
        let list = format!("{side}.replication.throttled.replicas");
        c.create("t", &[1, 2], &[("min.insync.replicas", "1"), (&list, "*")])
            .await;
        c.kill(2).await;
        let big = "x".repeat(100_000);
        for _ in 0..30 {
            c.acked(1, "t", &big).await;
        }
        let rate = |value: Option<&str>| {
            MetadataRecord::ConfigRecord(ConfigRecord {
                resource_type: 4,
                resource_name: Str::default(),
                name: Str::from(format!("{side}.replication.throttled.rate")),
                value: value.map(Str::from),
            })
        };
        let (controller, limited) = (c.controller.clone(), rate(Some("20000")));
        tokio::task::spawn_blocking(move || controller.dictate(&[limited]))
            .await
            .unwrap();
        c.boot(2).await;
        let end = |c: &Cluster, id| c.partition(id, "t").log().end();
        c.until("something comes", |c| end(c, 2) > Offset(0)).await;
        sleep(Duration::from_millis(500)).await;
        assert!(end(&c, 2) < end(&c, 1), "{side}: 3 MB in half a second");
        assert_eq!(c.isr("t"), [1]);
        let controller = c.controller.clone();
        let unlimited = rate(None);
        tokio::task::spawn_blocking(move || controller.dictate(&[unlimited]))
            .await
            .unwrap();
        c.converged("t", &[1, 2]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directories_of_nobody_are_set_aside() {
    let mut c = Cluster::start(2, brisk).await;
    c.create("t", &[1, 2], &[("min.insync.replicas", "1")])
        .await;
    c.acked(1, "t", "a").await;
    c.kill(2).await;
    let (mine, old) = (c.dir(2).join("t-0"), c.dir(2).join("unknown-3"));
    std::fs::create_dir(&old).unwrap();
    // The topic is deleted and made anew while the node is away.
    let controller = c.controller.clone();
    let deleted = tokio::task::spawn_blocking(move || {
        controller.run(Command::DeleteTopics(DeleteTopicsRequest {
            topics: vec![delete_topics_request::DeleteTopicState {
                name: Some("t".into()),
                ..Default::default()
            }],
            ..Default::default()
        }))
    })
    .await
    .unwrap();
    assert!(deleted.is_ok(), "{deleted:?}");
    c.boot(2).await;
    c.create("t", &[1, 2], &[]).await;
    c.acked(1, "t", "new").await;
    c.converged("t", &[1, 2]).await;
    assert_eq!(values(&content(&c.partition(2, "t"))), ["new"]);
    assert!(mine.exists() && !old.exists());
    let strays = std::fs::read_dir(c.dir(2))
        .unwrap()
        .filter(|e| {
            e.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with("-stray")
        })
        .count();
    assert_eq!(strays, 2);
}
