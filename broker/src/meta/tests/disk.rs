//! Disks that fail amid it: nothing answered is lost, nothing is answered that could not be kept.

use tokio::time::sleep;

use super::*;

/// Starts on a simulated disk, registers, and creates topics until something fails. Returns the names that were answered for.
async fn live(disk: &FaultyDisk, round: u128, topics: usize) -> (Option<Meta>, Vec<String>) {
    let small = MetaOptions {
        host: on(disk),
        snapshot_bytes: 600,
        ..options(Path::new("/data"))
    };
    let Ok(meta) = Meta::start(small, Arc::new(Seen::default())).await else {
        return (None, Vec::new());
    };
    let handle = meta.handle().clone();
    let mut answered = Vec::new();
    if handle.register(registration(round)).await.is_ok() {
        for i in 0..topics {
            let name = format!("t{round}-{i}");
            let Ok(response) = handle.create_topics(topic(&name, 2), None).await else {
                break;
            };
            assert_eq!(response.topics[0].error_code, 0);
            answered.push(name);
        }
    }
    (Some(meta), answered)
}

/// Fault S19: now and then no file can be opened. The metadata log waits, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_descriptors_the_metadata_waits() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let (meta, first) = live(&disk, 1, 1).await;
    let meta = meta.unwrap();
    assert_eq!(first.len(), 1);
    let flaps = tokio::spawn({
        let disk = disk.clone();
        async move {
            loop {
                disk.refuse_opens(true);
                tokio::time::sleep(Duration::from_millis(30)).await;
                disk.refuse_opens(false);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let handle = meta.handle().clone();
    for i in 0..40 {
        // Enough for several snapshots.
        let made = handle.create_topics(topic(&format!("flap{i}"), 2), None);
        let made = tokio::time::timeout(Duration::from_secs(20), made).await;
        let response = made.expect("in time").expect("it goes on");
        assert_eq!(response.topics[0].error_code, 0);
    }
    flaps.abort();
    let _ = flaps.await;
    disk.refuse_opens(false);
    meta.kill().await;
    let disk = disk.after(Crash::Power, 3);
    let check = MetaOptions {
        host: on(&disk),
        ..options(Path::new("/data"))
    };
    let meta = Meta::start(check, Arc::new(Seen::default())).await.unwrap();
    let image = meta.handle().image();
    assert!((0..40).all(|i| image.topic(&format!("flap{i}")).is_some()));
    meta.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_answered_is_lost_wherever_the_disk_dies() {
    let seed = std::env::var("AIRIS_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(11);
    println!("AIRIS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let fresh = || {
        let disk = FaultyDisk::new();
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    };
    let whole = fresh();
    let (meta, _) = live(&whole, 1, 12).await;
    meta.unwrap().kill().await;
    // Every change of the first steps, and a sample of the rest, with both kinds of crash; then once more on what is left.
    let mut at = 3;
    while at <= whole.ops() + 2 {
        let power = if dice.chance(60) {
            Crash::Power
        } else {
            Crash::Process
        };
        let mut disk = fresh();
        let mut answered = Vec::new();
        disk.crash_at(at, dice.below(200));
        for round in 1..=3 {
            let (meta, more) = live(&disk, round, 12).await;
            answered.extend(more);
            if let Some(meta) = meta {
                meta.kill().await;
            }
            disk = disk.after(power, dice.roll());
            let told = format!("change {at}, round {round}, {power:?}");
            let check = MetaOptions {
                host: on(&disk),
                ..options(Path::new("/data"))
            };
            let meta = Meta::start(check, Arc::new(Seen::default()))
                .await
                .unwrap_or_else(|e| panic!("{told}: {e}"));
            let image = meta.handle().image();
            for name in &answered {
                let topic = image
                    .topic(name)
                    .unwrap_or_else(|| panic!("{told}: {name} is lost"));
                assert_eq!(topic.partitions.len(), 2, "{told}: {name} is whole");
            }
            meta.kill().await;
            disk = disk.after(power, dice.roll());
            if round == 1 {
                let again = 1 + dice.below(whole.ops());
                disk.crash_at(disk.ops() + again, dice.below(200));
            }
        }
        at += if at < 40 { 1 } else { 1 + dice.below(5) };
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_kept_is_told_and_nothing_is_answered_any_more() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    let on_disk = MetaOptions {
        host: on(&disk),
        ..options(Path::new("/data"))
    };
    let meta = Meta::start(on_disk, Arc::new(Seen::default()))
        .await
        .unwrap();
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    assert_eq!(create(&handle, "kept", 1).await, 0);
    let failed = meta.failed();
    disk.fail_syncs(true);
    let patience = Duration::from_secs(20);
    let answer = timeout(patience, handle.create_topics(topic("lost", 1), None)).await;
    assert!(answer.expect("an answer").is_err());
    let why = timeout(patience, failed).await.expect("it says so");
    assert!(
        why.contains("the metadata log cannot be kept") && why.contains("input/output error"),
        "{why}"
    );
    meta.kill().await;
}

/// A node whose disk has no room from the middle of its next write on.
async fn that_will_wait_for_room() -> (Meta, FaultyDisk) {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let options = MetaOptions {
        host: on(&disk),
        ..options(Path::new("/data"))
    };
    let meta = Meta::start(options, Arc::new(Seen::default())).await;
    let meta = meta.unwrap();
    meta.handle().register(registration(100)).await.unwrap();
    assert_eq!(create(meta.handle(), "kept", 1).await, 0);
    let filled = disk.clone();
    disk.amid_next_write(move || filled.set_capacity(Some(0)));
    (meta, disk)
}

/// Openraft comes to nothing else while it waits for its disk, and who leads alone is followed whatever happens.
#[tokio::test]
async fn who_waits_for_room_is_let_go_when_the_node_ends_its_part_or_is_dropped() {
    let patience = Duration::from_secs(20);
    for dropped in [false, true] {
        let (meta, _disk) = that_will_wait_for_room().await;
        let store = meta.voter.as_ref().unwrap().1.store.clone();
        let handle = meta.handle().clone();
        let asked = async move { handle.create_topics(topic("late", 1), None).await };
        let asked = tokio::spawn(asked);
        while !store.is_waiting() {
            sleep(Duration::from_millis(5)).await;
        }
        if dropped {
            drop(meta);
        } else {
            let ended = timeout(patience, meta.end_part()).await;
            ended.expect("it ends its part");
        }
        let answer = timeout(patience, asked).await.expect("an answer");
        assert!(answer.unwrap().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_although_the_disk_has_no_room_for_it() {
    let (meta, disk) = that_will_wait_for_room().await;
    let stopped = timeout(Duration::from_secs(60), meta.stop()).await;
    let _ = stopped.expect("it stops");
    disk.set_capacity(None);
    let (meta, _) = live(&disk, 2, 0).await;
    let meta = meta.expect("it starts again");
    assert!(meta.handle().image().topic("kept").is_some());
    meta.stop().await.unwrap();
}
