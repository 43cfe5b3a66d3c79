//! Starting, stopping, crashing and starting again; and everything that must keep a node from starting.

use airis_broker::Broker;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::DeleteTopicsRequest;
use airis_protocol::types::Str;

use crate::client::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_stop_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Broker::builder().data_dir(dir.path()).start();
    let mut expected = Vec::new();
    let mut cluster = None;
    for round in 0..6 {
        let broker = start().await.unwrap();
        let id = broker.cluster_id().to_owned();
        assert_eq!(cluster.get_or_insert(id.clone()), &id);
        let mut c = Client::to(&broker).await;
        if round == 0 {
            c.create(
                "t",
                1,
                &[("segment.bytes", "1048576"), ("retention.ms", "-1")],
            )
            .await;
        }
        assert_eq!(c.values("t", 0).await, expected, "round {round}");
        for i in 0..20 {
            let text = format!("{round} {i}");
            let done = c.produce("t", -1, batch(&[&text])).await;
            assert_eq!(
                (done.error_code, done.base_offset),
                (0, expected.len() as i64)
            );
            expected.push(text);
        }
        if round % 2 == 0 {
            broker.kill().await;
        } else {
            broker.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producers_sequence_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Broker::builder().data_dir(dir.path()).start();
    let broker = start().await.unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    for i in 0..3 {
        assert_eq!(
            c.produce("t", -1, idempotent(77, 0, i, &["x"]))
                .await
                .base_offset,
            i64::from(i)
        );
    }
    broker.kill().await;
    for clean in [false, true] {
        let broker = start().await.unwrap();
        let mut c = Client::to(&broker).await;
        let again = c.produce("t", -1, idempotent(77, 0, 2, &["x"])).await;
        assert_eq!(
            (again.error_code, again.base_offset),
            (0, 2),
            "after a clean stop: {clean}"
        );
        let gap = c.produce("t", -1, idempotent(77, 0, 9, &["x"])).await;
        assert_eq!(gap.error_code, ErrorCode::OutOfOrderSequenceNumber.code());
        broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgement_on_stable_storage_serves_many_waiters() {
    let broker = Broker::builder()
        .property("airis.ack.durability", "fsync")
        .start()
        .await
        .unwrap();
    let mut c = Client::to(&broker).await;
    c.create("t", 1, &[]).await;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut c = Client::to(&broker).await;
        waiting.push(tokio::spawn(async move {
            for acks in [-1, 1, -1, 1, -1] {
                assert_eq!(c.produce("t", acks, batch(&["x"])).await.error_code, 0);
            }
        }));
    }
    for task in waiting {
        task.await.unwrap();
    }
    assert_eq!(c.values("t", 0).await.len(), 40);
    broker.stop().await;
}

async fn refused(builder: airis_broker::Builder) -> String {
    match builder.start().await {
        Ok(_) => panic!("it started"),
        Err(e) => e.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_node_from_starting_is_said_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let builder = || Broker::builder().data_dir(dir.path());
    let broker = builder().start().await.unwrap();
    let port = broker.bootstrap_servers().to_owned();
    // Fault S26.
    assert!(refused(builder()).await.contains("is in use"));
    let other = tempfile::tempdir().unwrap();
    let text = refused(
        Broker::builder()
            .data_dir(other.path())
            .property("listeners", format!("PLAINTEXT://{port}")),
    )
    .await;
    assert!(
        text.contains(&port) && text.contains("another process"),
        "{text}"
    );
    assert_eq!(
        std::fs::read_dir(other.path()).unwrap().count(),
        0,
        "nothing was written"
    );
    broker.stop().await;
    let text = refused(builder().property("node.id", 2)).await;
    assert!(text.contains("belongs to node 1"), "{text}");
    assert!(
        refused(builder().property("log.retention.hour", 2))
            .await
            .contains("log.retention.hours")
    );
    let properties = dir.path().join("meta.properties");
    let whole = std::fs::read(&properties).unwrap();
    std::fs::write(&properties, "garbage").unwrap();
    let text = refused(builder()).await;
    assert!(text.contains("meta.properties"), "{text}");
    assert_eq!(std::fs::read(&properties).unwrap(), b"garbage");
    std::fs::write(&properties, whole).unwrap();
    builder().start().await.unwrap().stop().await;
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Fault S21, for whole partitions: a crash between what the metadata says and what is renamed or removed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_amid_a_deletion_left_is_put_right_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Broker::builder().data_dir(dir.path()).start();
    let broker = start().await.unwrap();
    let mut c = Client::to(&broker).await;
    for topic in ["kept", "again", "gone"] {
        c.create(topic, 1, &[]).await;
        assert_eq!(c.produce(topic, -1, batch(&[topic])).await.error_code, 0);
    }
    let delete = DeleteTopicsRequest {
        topic_names: vec![Str::from("gone")],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(c.call(&delete, 5).await.responses[0].error_code, 0);
    let left = |suffix: &'static str| {
        let at = dir.path();
        move || names(at).iter().filter(|n| n.ends_with(suffix)).count()
    };
    let (deleting, stray) = (left("-delete"), left("-stray"));
    assert_eq!(deleting(), 1);
    broker.kill().await;
    // As if the records that made these topics had been followed by others, and the directories had not been touched.
    let copy = |from: &str, to: &str| {
        let (from, to) = (dir.path().join(from), dir.path().join(to));
        std::fs::create_dir(&to).unwrap();
        for name in names(&from) {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    };
    copy("kept-0", "older-0");
    copy("kept-0", "kept-1");
    let metadata = dir.path().join("again-0/partition.metadata");
    let other = "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAdw";
    std::fs::write(&metadata, other).unwrap();
    let broker = start().await.unwrap();
    let mut c = Client::to(&broker).await;
    assert_eq!(stray(), 3, "{:?}", names(dir.path()));
    assert_eq!(c.values("kept", 0).await, ["kept"]);
    assert_eq!(c.values("again", 0).await, Vec::<String>::new());
    assert_eq!(c.produce("again", -1, batch(&["new"])).await.error_code, 0);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while deleting() > 0 {
        assert!(std::time::Instant::now() < deadline, "the files stay");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    broker.stop().await;
    let broker = start().await.unwrap();
    let mut c = Client::to(&broker).await;
    assert_eq!(c.values("again", 0).await, ["new"]);
    assert_eq!(stray(), 3);
    // A clean stop finishes it at once.
    let delete = DeleteTopicsRequest {
        topic_names: vec![Str::from("kept")],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(c.call(&delete, 5).await.responses[0].error_code, 0);
    broker.stop().await;
    assert_eq!(deleting(), 0);
}
