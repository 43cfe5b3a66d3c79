//! What a start makes of what the last run, a crash, a lost disk or another Kafka left.

use super::*;

#[tokio::test]
async fn what_was_answered_is_there_after_a_stop_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut before: Option<Vec<MetadataRecord>> = None;
    let mut epoch = 0;
    for round in 0..4 {
        let (meta, _) = start(dir.path()).await;
        let handle = meta.handle().clone();
        if let Some(before) = &before {
            let now = handle.image();
            if round % 2 == 1 {
                assert_eq!(&state(&now), before, "round {round}");
            } else {
                // It was stopped: the same, but for who leads.
                let p = now.partition("t0", PartitionId(0)).unwrap();
                assert_eq!((p.leader, &p.elr[..]), (None, &[NodeId(1)][..]));
                assert!(now.broker(NodeId(1)).unwrap().fenced);
                assert_eq!(state(&now).len(), before.len());
            }
            assert_eq!(
                handle.image().position.epoch.0,
                epoch,
                "the leader goes on in its term"
            );
        }
        handle.register(registration(100 + round)).await.unwrap();
        assert_eq!(create(&handle, &format!("t{round}"), 2).await, 0);
        let ids = handle
            .allocate_producer_ids(NodeId(1), handle.image().broker(NodeId(1)).unwrap().epoch)
            .await
            .unwrap();
        assert_eq!(ids, (round as i64 * 1000, 1000));
        let image = handle.image();
        assert_eq!(
            image.partition("t0", PartitionId(0)).unwrap().leader,
            Some(NodeId(1)),
            "a new incarnation leads again"
        );
        before = Some(state(&image));
        epoch = image.position.epoch.0;
        if round % 2 == 0 {
            meta.kill().await;
        } else {
            meta.stop().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_log_that_lags_behind_the_raft_store_is_caught_up() {
    // A power failure may take any unsynced end of the log in Kafka's format; the raft store is synced.
    let dir = tempfile::tempdir().unwrap();
    let (meta, _) = start(dir.path()).await;
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    for i in 0..5 {
        assert_eq!(create(&handle, &format!("t{i}"), 2).await, 0);
    }
    let whole = state(&handle.image());
    meta.kill().await;
    let log = dir
        .path()
        .join(journal::DIR)
        .join("00000000000000000000.log");
    let bytes = std::fs::read(&log).unwrap();
    for cut in (0..bytes.len()).step_by(37).chain([bytes.len() - 1]) {
        std::fs::write(&log, &bytes[..cut]).unwrap();
        let (meta, _) = start(dir.path()).await;
        assert_eq!(state(&meta.handle().image()), whole, "cut at {cut}");
        meta.kill().await;
        assert_eq!(std::fs::read(&log).unwrap(), bytes, "the same bytes again");
    }
}

#[tokio::test]
async fn a_log_that_another_kafka_went_on_with_wins_over_the_raft_store() {
    let dir = tempfile::tempdir().unwrap();
    let (meta, _) = start(dir.path()).await;
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    assert_eq!(create(&handle, "ours", 1).await, 0);
    meta.kill().await;
    let before = handle.image().position;
    // As a JVM Kafka would: a LeaderChange of the next epoch, and a topic.
    let metadata = dir.path().join(journal::DIR);
    let mut journal =
        journal::Journal::open(&real(), &metadata, 0, i64::MAX, i64::MAX, |_| Ok(())).unwrap();
    let epoch = airis_protocol::types::LeaderEpoch(before.epoch.0 + 4);
    let (now, at) = (Millis(1), before.next());
    let change = checkpoint::leader_change(1, &[1]);
    journal
        .append(&checkpoint::control_batch(2, &change, now, at, epoch))
        .unwrap();
    let record = MetadataRecord::TopicRecord(TopicRecord {
        name: "theirs".into(),
        topic_id: Uuid(12345),
    });
    let at = airis_protocol::types::Offset(at.0 + 1);
    journal
        .append(&checkpoint::data_batch(&[record], 30, now, at, epoch).unwrap())
        .unwrap();
    journal.close().unwrap();

    for round in 0..2 {
        let (meta, _) = start(dir.path()).await;
        let image = meta.handle().image();
        assert!(image.topic("ours").is_some() && image.topic("theirs").is_some());
        assert_eq!(image.position.epoch.0, epoch.0 + 1, "the term after theirs");
        assert_eq!(image.position.offset.0, at.0 + 1, "one LeaderChange more");
        assert_eq!(image.brokers().count(), 1, "round {round}");
        meta.kill().await;
    }
}

#[tokio::test]
async fn a_lost_log_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let small = MetaOptions {
        snapshot_bytes: 1000,
        ..options(dir.path())
    };
    let meta = Meta::start(small, Arc::new(Seen::default())).await.unwrap();
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    for i in 0..20 {
        assert_eq!(create(&handle, &format!("t{i}"), 3).await, 0);
    }
    meta.stop().await.unwrap();
    let metadata = dir.path().join(journal::DIR);
    for entry in std::fs::read_dir(&metadata).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with(wal::FILE) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let error = Meta::start(options(dir.path()), Arc::new(Seen::default()))
        .await
        .err()
        .expect("records are missing");
    assert!(matches!(error, MetaError::Short { .. }), "{error}");
}

#[tokio::test]
async fn a_raft_store_that_contradicts_the_log_is_not_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (meta, _) = start(dir.path()).await;
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    let wal = dir.path().join(journal::DIR).join(wal::FILE);
    let old = std::fs::read(&wal).unwrap();
    assert_eq!(create(&handle, "later", 1).await, 0);
    meta.stop().await.unwrap();
    // The store as it was before: it knows nothing of records that this node wrote in the same epoch.
    std::fs::write(&wal, old).unwrap();
    let error = Meta::start(options(dir.path()), Arc::new(Seen::default()))
        .await
        .err()
        .expect("the two contradict each other");
    assert!(matches!(error, MetaError::Apart { .. }), "{error}");
}
