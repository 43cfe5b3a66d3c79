//! Log directories that replicas move between, sectors that cannot be read, bytes that have gone bad, and no file descriptors.

use super::*;

/// Each node with two log directories.
fn two_disks(config: &mut BrokerConfig) {
    brisk(config);
    let root = config.log_dirs[0].clone();
    config.log_dirs = vec![root.join("a"), root.join("b")];
}

fn directory(c: &Cluster, id: i32, topic: &str) -> Option<Uuid> {
    let image = c.controller.image();
    let partition = image.partition(topic, PartitionId(0))?;
    partition.directory_of(NodeId(id))
}

/// Has a node's replica be in its other directory.
async fn move_away(c: &Cluster, id: i32, topic: &str) -> Uuid {
    let seat = c.partition(id, topic).seat().directory;
    let disks = c.running[&id].node.partitions.disks();
    let ids = disks.directory_ids();
    let to = if ids[0] == seat { 1 } else { 0 };
    let path = c.dir(id).join(["a", "b"][to]);
    let (table, image) = (c.running[&id].node.partitions.clone(), c.controller.image());
    let topic = topic.to_owned();
    let altered =
        tokio::task::spawn_blocking(move || table.alter_dir(&image, &topic, PartitionId(0), &path));
    assert_eq!(altered.await.unwrap(), Ok(()));
    ids[to]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_learns_in_which_directory_each_replica_is() {
    let mut c = Cluster::start(3, two_disks).await;
    for topic in ["t", "u", "v"] {
        c.create(topic, &[1, 2, 3], &[]).await;
    }
    let right = |c: &Cluster| {
        ["t", "u", "v"].iter().all(|topic| {
            [1, 2, 3].iter().all(|id| {
                directory(c, *id, topic) == Some(c.partition(*id, topic).seat().directory)
            })
        })
    };
    c.until("all places are told", right).await;
    // Behind everybody's back, as after a crash amid a move.
    c.kill(3).await;
    let (a, b) = (c.dir(3).join("a"), c.dir(3).join("b"));
    let (from, to) = if a.join("t-0").exists() {
        (a, b)
    } else {
        (b, a)
    };
    std::fs::rename(from.join("t-0"), to.join("t-0")).unwrap();
    c.boot(3).await;
    c.until("the new place is told", right).await;
    assert!(to.join("t-0").exists() && !from.join("t-0").exists());
    c.acked(1, "t", "x").await;
    c.converged("t", &[1, 2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_move_between_directories_under_load_and_over_a_change_of_leader() {
    for change in [two_disks as fn(&mut BrokerConfig), |config| {
        two_disks(config);
        config.durability = Durability::Fsync;
    }] {
        let mut c = Cluster::start(3, change).await;
        c.create("t", &[1, 2, 3], &[]).await;
        let mut sent = 0;
        let mut leader = 1;
        for round in 0..6 {
            let mut told = Vec::new();
            for id in [leader, leader % 3 + 1] {
                told.push((id, move_away(&c, id, "t").await));
            }
            for i in 0..20 {
                c.acked(leader, "t", &format!("{round}.{i}")).await;
                sent += 1;
            }
            if round == 3 {
                // The new leader's log, or its copy, has what was acknowledged.
                c.kill(leader).await;
                c.until("another leads", |c| {
                    c.leader("t").is_some_and(|l| l != leader)
                })
                .await;
                let next = c.leader("t").unwrap();
                for i in 0..20 {
                    c.acked(next, "t", &format!("after {i}")).await;
                    sent += 1;
                }
                c.boot(leader).await;
                leader = next;
            }
            c.until(
                "the replicas are where they are to be, and the controller knows",
                |c| {
                    told.iter().all(|(id, to)| {
                        c.partition(*id, "t").seat().directory == *to
                            && directory(c, *id, "t") == Some(*to)
                    })
                },
            )
            .await;
        }
        c.converged("t", &[1, 2, 3]).await;
        assert_eq!(values(&content(&c.partition(leader, "t"))).len(), sent);
        for id in 1..=3 {
            let left = ["a", "b"].iter().flat_map(|d| {
                let names = std::fs::read_dir(c.dir(id).join(d)).unwrap();
                names.map(|e| e.unwrap().file_name().into_string().unwrap())
            });
            let left: Vec<String> = left.filter(|n| n.starts_with("t-0")).collect();
            let wrong = left
                .iter()
                .filter(|n| **n != "t-0" && !n.ends_with("-delete"));
            assert_eq!(wrong.count(), 0, "{left:?}");
        }
    }
}

/// The file of the segment with this number in the log of a topic's partition 0.
pub(super) fn segment_file(c: &Cluster, id: i32, topic: &str, number: usize) -> PathBuf {
    let base = c.partition(id, topic).log().segments()[number].0;
    let name = format!("{:020}.log", base.0);
    c.dir(id).join(format!("{topic}-0")).join(name)
}

/// A cluster whose first node has a disk that can fail; a topic of closed segments on all of `replicas`, and another beside it.
async fn with_a_bad_disk(
    nodes: i32,
    replicas: &[i32],
    change: fn(&mut BrokerConfig),
) -> (Cluster, FaultyDisk, Vec<Bytes>) {
    let disk = FaultyDisk::new();
    let c = Cluster::start_on(nodes, change, [(1, disk.clone())].into()).await;
    c.create("u", replicas, &[("min.insync.replicas", "1")])
        .await;
    c.create(
        "t",
        replicas,
        &[("segment.bytes", "1048576"), ("min.insync.replicas", "1")],
    )
    .await;
    c.acked(replicas[0], "u", "beside it").await;
    let filler = "z".repeat(100_000);
    for i in 0..25 {
        c.acked(replicas[0], "t", &format!("{i}{filler}")).await;
    }
    let mut sorted = replicas.to_vec();
    sorted.sort();
    c.converged("t", &sorted).await;
    c.partition(1, "t").flush_now();
    assert_eq!(c.partition(1, "t").log().segments().len(), 3);
    let before = (0..3)
        .map(|n| {
            disk.read_to_end(&segment_file(&c, 1, "t", n))
                .unwrap()
                .into()
        })
        .collect();
    (c, disk, before)
}

/// What could not be read of the first node's log can be, and is what it was; and nobody had to leave for it.
async fn all_is_back(c: &Cluster, disk: &FaultyDisk, before: &[Bytes], replicas: &[i32]) {
    c.until("what could not be read is mended", |c| {
        let same = |(n, was): (usize, &Bytes)| {
            let now = disk.read_to_end(&segment_file(c, 1, "t", n));
            now.is_ok_and(|now| now == *was)
        };
        before.iter().enumerate().all(same) && c.partition(1, "t").log().damage().is_empty()
    })
    .await;
    assert_eq!(c.isr("t"), replicas);
    assert!(!c.partition(1, "t").is_offline());
}

/// Node 1 knows that the batch of offset 3 is bad, and serves what lies around it.
async fn only_one_batch_is_missing(c: &Cluster) {
    c.until("the damage is known", |c| {
        !c.partition(1, "t").log().damage().is_empty()
    })
    .await;
    let damage = c.partition(1, "t").log().damage();
    assert_eq!(
        (damage[0].first, damage[0].next),
        (Offset(3), Some(Offset(4)))
    );
    assert!(read_all(c, 1, "t", 0, 3).await.is_empty());
    assert!(read_all(c, 1, "t", 4, 25).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_that_cannot_be_read_is_mended_and_all_else_goes_on() {
    let (c, disk, before) = with_a_bad_disk(3, &[1, 2, 3], brisk).await;
    c.partition(1, "t").log().cool();
    disk.fail_reads_of(&segment_file(&c, 1, "t", 0), 150_000..150_001);
    disk.fail_reads_of(&segment_file(&c, 1, "t", 1), 0..30_000);
    let last = before[1].len() as u64;
    disk.fail_reads_of(&segment_file(&c, 1, "t", 1), last - 1..last);
    let errors = read_all(&c, 1, "t", 0, 25).await;
    assert!(!errors.is_empty(), "it was seen");
    assert!(
        errors.iter().all(|e| *e == ErrorCode::KafkaStorageError),
        "{errors:?}"
    );
    assert!(read_all(&c, 1, "u", 0, 1).await.is_empty());
    c.acked(1, "u", "goes on").await;
    all_is_back(&c, &disk, &before, &[1, 2, 3]).await;
    assert_eq!(c.leader("t"), Some(1));
    assert!(read_all(&c, 1, "t", 0, 25).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_that_nobody_reads_is_found_and_mended() {
    let (c, disk, before) = with_a_bad_disk(3, &[3, 1], scrubbing).await;
    disk.fail_reads_of(&segment_file(&c, 1, "t", 1), 250_000..260_000);
    all_is_back(&c, &disk, &before, &[1, 3]).await;
    assert_eq!(c.leader("t"), Some(3));
}

/// What was new is sent without a look at it. If it cannot be read by then, the connection ends amid the answer, and whoever asks
/// again is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_read_ends_its_connection_and_is_not_tried_again() {
    let (c, disk, before) = with_a_bad_disk(3, &[1, 2, 3], brisk).await;
    disk.fail_reads_of(&segment_file(&c, 1, "t", 0), 150_000..150_001);
    let mut client = c.client(1).await;
    let cut = timeout(PATIENCE, client.call(&fetch_of("t", 1), 12)).await;
    assert!(cut.expect("it ends").is_err());
    let errors = read_all(&c, 1, "t", 0, 25).await;
    assert!(
        errors.iter().all(|e| *e == ErrorCode::KafkaStorageError),
        "{errors:?}"
    );
    all_is_back(&c, &disk, &before, &[1, 2, 3]).await;
}

/// While it is inspected a reader is asked to come again; once it is known that nobody can give it, it is told.
fn told_in_the_end(errors: &[ErrorCode]) {
    let (told, before) = errors.split_last().expect("something is missing");
    assert_eq!(*told, ErrorCode::CorruptMessage);
    let asked = |e: &ErrorCode| *e == ErrorCode::KafkaStorageError;
    assert!(before.iter().all(asked), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_without_another_replica_is_told_and_the_rest_is_served() {
    let (c, disk, _) = with_a_bad_disk(1, &[1], brisk).await;
    c.partition(1, "t").log().cool();
    disk.fail_reads_of(&segment_file(&c, 1, "t", 0), 350_000..350_001);
    told_in_the_end(&read_all(&c, 1, "t", 0, 25).await);
    only_one_batch_is_missing(&c).await;
    c.acked(1, "t", "goes on").await;
    assert!(!c.partition(1, "t").is_offline());
}

/// A coordinator whose log cannot be read asks for patience until it is mended, and then knows all that was committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_whose_log_cannot_be_read_are_loaded_once_it_is_mended() {
    let disk = FaultyDisk::new();
    let mut c = Cluster::start_on(3, brisk, [(1, disk.clone())].into()).await;
    let offsets = "__consumer_offsets";
    c.create("t", &[1, 2, 3], &[]).await;
    c.create(offsets, &[2, 1, 3], &[("min.insync.replicas", "1")])
        .await;
    for offset in 1..=20 {
        let request = OffsetCommitRequest {
            group_id: "g".into(),
            generation_id_or_member_epoch: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: "t".into(),
                partitions: vec![OffsetCommitRequestPartition {
                    committed_offset: offset,
                    committed_metadata: Some("m".repeat(2000).as_str().into()),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        // The shard may be loading yet.
        let begun = Instant::now();
        loop {
            let answer = c.client(2).await.call(&request, 8).await.unwrap();
            match ErrorCode::from_wire(answer.topics[0].partitions[0].error_code) {
                ErrorCode::None => break,
                ErrorCode::CoordinatorLoadInProgress if begun.elapsed() < PATIENCE => {
                    sleep(Duration::from_millis(5)).await;
                }
                error => panic!("{error}"),
            }
        }
    }
    c.converged(offsets, &[1, 2, 3]).await;
    disk.fail_reads_of(&segment_file(&c, 1, offsets, 0), 5000..5001);
    c.kill(2).await;
    c.until("node 1 leads", |c| c.leader(offsets) == Some(1))
        .await;
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        }],
        ..Default::default()
    };
    let begun = Instant::now();
    let mut waited = false;
    let committed = loop {
        let answer = c.client(1).await.call(&request, 8).await.unwrap();
        let group = &answer.groups[0];
        match ErrorCode::from_wire(group.error_code) {
            ErrorCode::None => break group.topics[0].partitions[0].committed_offset,
            ErrorCode::CoordinatorLoadInProgress => waited = true,
            // It does not know yet that it leads.
            ErrorCode::NotCoordinator if !waited => {}
            error => panic!("{error}"),
        }
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(committed, 20);
    assert!(waited, "it could be read at once");
    assert!(c.partition(1, offsets).log().damage().is_empty());
    assert!(!c.partition(1, offsets).is_offline());
}

/// Fault S19, on one node of three: what needs a file fails and goes well later; nobody loses a replica, and the controller hears
/// of none that is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_file_descriptors_loses_nothing_and_makes_up_for_it() {
    for change in [brisk as fn(&mut BrokerConfig), durable] {
        let (c, disk, _) = with_a_bad_disk(3, &[1, 2, 3], change).await;
        disk.refuse_opens(true);
        c.create("new", &[1, 2, 3], &[]).await;
        c.create("follows", &[2, 1, 3], &[("min.insync.replicas", "1")])
            .await;
        let refused = ErrorCode::KafkaStorageError;
        assert_eq!(c.produce(1, "new", -1, "a").await.0, refused);
        // The active segment is open. It rolls before long.
        let filler = "z".repeat(400_000);
        let mut taken = 0;
        let error = loop {
            match c.produce(1, "t", -1, &filler).await {
                (ErrorCode::None, offset) => assert_eq!(offset, 25 + taken),
                (error, _) => break error,
            }
            taken += 1;
            assert!(taken < 5, "it does not roll");
        };
        assert_eq!(error, refused);
        c.acked(1, "u", "goes on").await;
        c.partition(1, "t").log().cool();
        assert_eq!(c.produce(2, "follows", 1, "b").await.0, ErrorCode::None);
        sleep(Duration::from_millis(200)).await;
        disk.refuse_opens(false);
        c.running[&1].node.partitions.open_waiting();
        assert_eq!(c.acked(1, "new", "a").await, 0);
        assert_eq!(c.acked(1, "t", &filler).await, 25 + taken);
        for topic in ["new", "t", "u", "follows"] {
            c.converged(topic, &[1, 2, 3]).await;
            assert!(!c.partition(1, topic).is_offline());
        }
        let image = c.controller.image();
        for topic in ["new", "follows"] {
            let p = image.partition(topic, PartitionId(0)).unwrap();
            assert_ne!(p.directory_of(NodeId(1)), Some(Uuid::LOST));
        }
    }
}

/// Flips a bit behind the node's back.
pub(super) fn rot(path: &std::path::Path, at: u64) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

/// What no reader may see is there only for who looks: each batch that a node gives out has a good CRC. Reads all from an offset,
/// as a consumer that asks again on errors that pass. Gives the errors.
pub(super) async fn read_all(
    c: &Cluster,
    id: i32,
    topic: &str,
    from: i64,
    to: i64,
) -> Vec<ErrorCode> {
    let begun = Instant::now();
    let mut errors = Vec::new();
    let mut at = from;
    while at < to {
        assert!(
            begun.elapsed() < PATIENCE,
            "not in time: stuck at {at}, {errors:?}"
        );
        let data = c.fetch(id, fetch_of(topic, at)).await;
        let error = ErrorCode::from_wire(data.error_code);
        if error != ErrorCode::None {
            errors.push(error);
            if error != ErrorCode::KafkaStorageError {
                return errors;
            }
            sleep(Duration::from_millis(5)).await;
            continue;
        }
        let Some(Records::Bytes(bytes)) = data.records else {
            panic!("{data:?}");
        };
        let batches = parse_batches(&bytes).expect("nothing bad is given out");
        at = batches.last().expect("a batch").header().next_offset().0;
    }
    errors
}

/// Some closed segments of some batches each, everywhere, and no longer new.
async fn closed_segments(c: &Cluster, topic: &str, replicas: &[i32]) -> Vec<Vec<u8>> {
    c.create(
        topic,
        replicas,
        &[("segment.bytes", "1048576"), ("min.insync.replicas", "1")],
    )
    .await;
    let filler = "z".repeat(100_000);
    for i in 0..25 {
        c.acked(replicas[0], topic, &format!("{i}{filler}")).await;
    }
    c.converged(topic, replicas).await;
    for id in replicas {
        c.partition(*id, topic).flush_now();
        c.partition(*id, topic).log().cool();
    }
    assert_eq!(c.partition(replicas[0], topic).log().segments().len(), 3);
    let bytes = |n| std::fs::read(segment_file(c, replicas[0], topic, n)).unwrap();
    (0..3).map(bytes).collect()
}

async fn mended(c: &Cluster, topic: &str, replicas: &[i32], before: &[Vec<u8>]) {
    c.until("what was bad is mended", |c| {
        replicas.iter().all(|id| {
            let same = |(n, b): (usize, &Vec<u8>)| {
                std::fs::read(segment_file(c, *id, topic, n)).unwrap() == *b
            };
            before.iter().enumerate().all(same) && c.partition(*id, topic).log().damage().is_empty()
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_at_the_leader_reaches_nobody_and_is_mended() {
    let mut c = Cluster::start(3, brisk).await;
    let before = closed_segments(&c, "t", &[1, 2, 3]).await;
    // A body, another one at a follower, and at the leader a header's length and base offset.
    rot(&segment_file(&c, 1, "t", 0), 150_000);
    rot(&segment_file(&c, 2, "t", 0), 350_000);
    let second = first_size(&before[1]);
    rot(&segment_file(&c, 1, "t", 1), second + 10);
    rot(&segment_file(&c, 1, "t", 1), 3 * second + 7);
    let errors = read_all(&c, 1, "t", 0, 25).await;
    assert!(
        errors.iter().all(|e| *e == ErrorCode::KafkaStorageError),
        "{errors:?}"
    );
    assert!(!errors.is_empty(), "it was seen");
    mended(&c, "t", &[1, 3], &before).await;
    // What nobody has read yet, a consumer near the follower finds.
    assert!(c.partition(2, "t").log().damage().is_empty());
    read_all(&c, 2, "t", 0, 25).await;
    mended(&c, "t", &[1, 2, 3], &before).await;
    assert_eq!(c.isr("t"), [1, 2, 3], "nobody had to leave");
    // A replica that begins anew copies nothing bad.
    c.kill(3).await;
    // A while later: what was read just now is in the page cache as it was checked.
    c.partition(1, "t").log().cool();
    rot(&segment_file(&c, 1, "t", 0), 550_000);
    c.dirs.insert(3, TempDir::new().unwrap());
    c.boot(3).await;
    c.converged("t", &[1, 2, 3]).await;
    mended(&c, "t", &[1, 2, 3], &before).await;
}

/// Bytes of a segment's first batch.
fn first_size(segment: &[u8]) -> u64 {
    let header = airis_protocol::batch::BatchHeader::read(segment).unwrap();
    header.size() as u64
}

fn scrubbing(config: &mut BrokerConfig) {
    brisk(config);
    config.scrub_interval = Duration::from_millis(300);
    config.scrub_rate = 1 << 30;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_that_nobody_reads_is_found_and_mended() {
    let c = Cluster::start(3, scrubbing).await;
    let before = closed_segments(&c, "t", &[1, 2, 3]).await;
    rot(&segment_file(&c, 2, "t", 0), 150_000);
    rot(&segment_file(&c, 3, "t", 1), 250_000);
    rot(&segment_file(&c, 1, "t", 1), 50);
    mended(&c, "t", &[1, 2, 3], &before).await;
    assert_eq!(c.isr("t"), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rot_without_another_replica_is_told_and_the_rest_is_served() {
    let c = Cluster::start(1, brisk).await;
    let before = closed_segments(&c, "t", &[1]).await;
    rot(&segment_file(&c, 1, "t", 0), 350_000);
    told_in_the_end(&read_all(&c, 1, "t", 0, 25).await);
    only_one_batch_is_missing(&c).await;
    assert_eq!(
        read_all(&c, 1, "t", 3, 25).await,
        [ErrorCode::CorruptMessage]
    );
    assert_ne!(
        std::fs::read(segment_file(&c, 1, "t", 0)).unwrap(),
        before[0]
    );
}
