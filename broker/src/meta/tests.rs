//! The metadata of one node, through start, stop, crash and start again; and openraft's own conformance suite on the store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use airis_cluster::metadata::{Delta, Image, Settings, features};
use airis_protocol::messages::broker_registration_request::{Feature, Listener};
use airis_protocol::messages::create_topics_request::CreatableTopic;
use airis_protocol::messages::*;
use airis_protocol::types::{Millis, NodeId, PartitionId, Str, Uuid};
use airis_storage::disk::faulty::{Crash, Dice, FaultyDisk};
use airis_storage::{Disk, OpenMode, RealDisk};
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{EntryPayload, Membership, RaftLogReader, RaftSnapshotBuilder, StorageError, Vote};
use parking_lot::Mutex;
use tempfile::TempDir;

use super::machine::{Machine, State};
use super::raft::{Entry, NodeKey, TypeConfig};
use super::store::{Place, Store};
use super::*;
use crate::api::Client;
use crate::clock::Clock;

const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

/// Keeps what was published, and checks that each image is the one before plus its difference.
#[derive(Default)]
struct Seen {
    images: Mutex<Vec<Arc<Image>>>,
    topics_created: Mutex<Vec<Str>>,
}

impl Publisher for Seen {
    fn publish(&self, image: &Arc<Image>, delta: &Delta) {
        let mut images = self.images.lock();
        if let Some(before) = images.last() {
            assert!(before.position < image.position, "published in order");
            let between = Delta::between(before, image);
            for id in between.topics.keys() {
                assert!(delta.topics.contains_key(id), "the delta names the topic");
            }
            for id in between.deleted.keys() {
                assert!(
                    delta.deleted.contains_key(id),
                    "the delta names the deleted"
                );
            }
        }
        for topic in delta.topics.values().filter(|t| t.created) {
            self.topics_created.lock().push(topic.name.clone());
        }
        images.push(image.clone());
    }
}

fn real() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn on(disk: &FaultyDisk) -> Host {
    Host {
        disk: Arc::new(disk.clone()),
        ..options(Path::new("")).host
    }
}

pub(super) fn options(dir: &Path) -> MetaOptions {
    MetaOptions {
        balance: (Duration::from_secs(300), true),
        host: Host {
            clock: Clock::starting_at(Millis(1_700_000_000_000)),
            ..Host::default()
        },
        log_dir: dir.to_owned(),
        settings: Settings {
            node: NodeId(1),
            cluster_id: CLUSTER.into(),
            ..Default::default()
        },
        seed: 7,
        snapshot_bytes: 20 << 20,
        quorum: quorum(),
        part: Part::Found,
        voters: BTreeMap::from([(1, String::new())]),
        own_addr: String::new(),
        patience: Duration::from_secs(1),
        session_timeout: Duration::from_secs(3),
        inter_broker_listener: "PLAINTEXT".into(),
    }
}

fn quorum() -> Arc<Quorum> {
    Arc::new(Quorum::new(wire::Hello {
        node: 1,
        directory: Uuid(1),
        cluster: Some(CLUSTER.into()),
        has_log: false,
        term: 0,
        members: Membership::default(),
    }))
}

pub(super) fn registration(incarnation: u128) -> BrokerRegistrationRequest {
    BrokerRegistrationRequest {
        broker_id: 1,
        cluster_id: CLUSTER.into(),
        incarnation_id: Uuid(incarnation),
        listeners: vec![Listener {
            name: "PLAINTEXT".into(),
            host: "127.0.0.1".into(),
            port: 25_000,
            security_protocol: 0,
        }],
        features: features::SUPPORTED
            .iter()
            .map(|(name, min, max)| Feature {
                name: (*name).into(),
                min_supported_version: *min,
                max_supported_version: *max,
            })
            .collect(),
        log_dirs: vec![Uuid(0x1234_5678_9abc_4def)],
        ..Default::default()
    }
}

async fn start(dir: &Path) -> (Meta, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let meta = Meta::start(options(dir), seen.clone()).await.unwrap();
    (meta, seen)
}

fn topic(name: &str, partitions: i32) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub(super) async fn create(handle: &MetaHandle, name: &str, partitions: i32) -> i16 {
    let response = handle.create_topics(topic(name, partitions), None).await;
    response.unwrap().topics[0].error_code
}

/// The image but for where it is: what a restart must bring back.
pub(super) fn state(image: &Image) -> Vec<MetadataRecord> {
    image.records()
}

#[tokio::test]
async fn a_new_node_bootstraps_registers_and_creates_topics_that_are_published_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (meta, seen) = start(dir.path()).await;
    let handle = meta.handle().clone();
    for (name, level) in features::BOOTSTRAP {
        assert_eq!(handle.image().feature(name), *level, "{name}");
    }
    let epoch = handle.register(registration(100)).await.unwrap();
    let broker = handle.image().broker(NodeId(1)).cloned().unwrap();
    assert_eq!((broker.epoch, broker.fenced), (epoch, false));
    assert_eq!(create(&handle, "a", 3).await, 0);
    assert_eq!(
        create(&handle, "a", 3).await,
        ErrorCode::TopicAlreadyExists as i16
    );
    let image = handle.image();
    let p = image.partition("a", PartitionId(2)).unwrap();
    assert_eq!(p.leader, Some(NodeId(1)));
    assert_eq!(*seen.topics_created.lock(), ["a"]);
    meta.stop().await.unwrap();
}

/// Whoever asks for what does not fit a record, or for too much at once, is refused, and the controller goes on.
#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (meta, _) = start(dir.path()).await;
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    let before = handle.image();
    let long = BrokerRegistrationRequest {
        broker_id: 2,
        rack: Some("r".repeat(40_000).into()),
        log_dirs: vec![Uuid(0x2345_6789_abcd_4def)],
        ..registration(200)
    };
    let refused = handle.submit(Command::RegisterBroker(long)).await;
    assert_eq!(refused, Err(ErrorCode::UnknownServerError));
    let subscription = |i: usize| incremental_alter_configs_request::AlterConfigsResource {
        resource_type: 16,
        resource_name: format!("s{i}").into(),
        configs: vec![incremental_alter_configs_request::AlterableConfig {
            name: "metrics".into(),
            config_operation: 0,
            value: Some("m".repeat(32_000).into()),
        }],
    };
    let large = IncrementalAlterConfigsRequest {
        resources: (0..270).map(subscription).collect(),
        validate_only: false,
    };
    let refused = handle.incremental_alter_configs(large).await;
    assert_eq!(refused, Err(ErrorCode::PolicyViolation));
    assert_eq!(state(&handle.image()), state(&before));
    assert_eq!(create(&handle, "a", 1).await, 0);
    meta.stop().await.unwrap();
}

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
async fn snapshots_are_taken_the_log_is_trimmed_and_both_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let small = || MetaOptions {
        snapshot_bytes: 4096,
        ..options(dir.path())
    };
    let meta = Meta::start(small(), seen).await.unwrap();
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    for i in 0..60 {
        assert_eq!(create(&handle, &format!("t{i}"), 3).await, 0);
    }
    let machine = meta.voter.as_ref().unwrap().1.clone();
    let start = || machine.state.lock().journal.start();
    // They are taken beside.
    for _ in 0..500 {
        if start() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let start = start();
    assert!(start > 0, "old segments are gone");
    meta.stop().await.unwrap();
    let metadata = dir.path().join(journal::DIR);
    let snapshots = checkpoint::list(&RealDisk, &metadata).unwrap();
    assert_eq!(snapshots.len(), 2);
    assert!(
        snapshots[0].end >= start,
        "the log reaches back to a snapshot"
    );
    // Records without a time of their own go on from there, on every voter alike.
    for id in &snapshots {
        let bytes = std::fs::read(id.path(&metadata)).unwrap().into();
        assert!(checkpoint::last_timestamp(&bytes) >= 1_700_000_000_000);
    }
    let mut whole = None;
    for _ in 0..2 {
        let meta = Meta::start(small(), Arc::new(Seen::default()))
            .await
            .unwrap();
        let image = meta.handle().image();
        assert_eq!(image.topic_count(), 60);
        assert_eq!(image.partition_count(), 180);
        let now = state(&image);
        assert_eq!(whole.get_or_insert_with(|| now.clone()), &now);
        meta.kill().await;
    }
}

fn open(disk: &FaultyDisk) -> Result<journal::Journal, String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let opened = journal::Journal::open(&disk, Path::new("/m"), 0, i64::MAX, i64::MAX, |_| Ok(()));
    opened.map_err(|e| e.to_string())
}

fn append(journal: &mut journal::Journal) {
    let at = airis_protocol::types::Offset(journal.next());
    let record = MetadataRecord::TopicRecord(TopicRecord::default());
    let epoch = airis_protocol::types::LeaderEpoch(1);
    let batch = checkpoint::data_batch(&[record], 30, Millis(1), at, epoch).unwrap();
    journal.append(&batch).unwrap();
}

/// A snapshot from elsewhere takes the log's place: whenever that ends amid it, the log begins where the old one did, or is gone.
#[test]
fn a_crash_while_the_log_begins_anew_leaves_no_gap() {
    for empty in [true, false] {
        for crash_at in 1.. {
            let disk = FaultyDisk::new();
            disk.create_dir_all(Path::new("/m")).unwrap();
            disk.sync_dir(Path::new("/")).unwrap();
            let mut journal = open(&disk).unwrap();
            if !empty {
                append(&mut journal);
                journal.roll().unwrap();
                append(&mut journal);
                journal.file().sync_data().unwrap();
            }
            disk.crash_at(disk.ops() + crash_at, 0);
            let done = journal.restart_at(50).is_ok();
            drop(journal);
            for crash in [Crash::Process, Crash::Power] {
                let opened = open(&disk.after(crash, crash_at)).map(drop);
                assert_eq!(opened, Ok(()), "empty {empty}, step {crash_at}");
            }
            if done {
                assert!(crash_at > 5);
                break;
            }
        }
    }
}

/// No checksum covers an offset. Where the log was not synced a loss of power may have left a part of it out, and the raft store has it;
/// before, it has rotted.
#[test]
fn a_torn_offset_ends_the_log_and_a_rotten_one_is_told() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/m")).unwrap();
    let mut journal = open(&disk).unwrap();
    for _ in 0..4 {
        append(&mut journal);
    }
    drop(journal);
    let file = Path::new("/m/00000000000000000000.log");
    let size = disk.len(file).unwrap().unwrap() / 4;
    disk.damage(file, 2 * size + 7, &[0]);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let next = |synced| {
        let all = |_| Ok(());
        let opened = journal::Journal::open(&shared, Path::new("/m"), 0, 0, synced, all);
        opened.map(|j| j.next()).map_err(|e| e.to_string())
    };
    assert!(next(4).is_err_and(|why| why.contains("offset 0 follows 2")));
    assert_eq!(next(2), Ok(2));
}

/// Fault S19: the segment that could not be begun must not stand in the way of what the one before holds.
#[test]
fn a_segment_that_could_not_be_begun_is_no_gap() {
    for missing in [".log", ".index", ".timeindex"] {
        let disk = FaultyDisk::new();
        disk.create_dir_all(Path::new("/m")).unwrap();
        let mut journal = open(&disk).unwrap();
        append(&mut journal);
        let next = format!("/m/{:020}{missing}", 1);
        disk.fail_under(Some(Path::new(&next)));
        journal.roll().unwrap_err();
        disk.fail_under(None);
        let left = Path::new("/m/00000000000000000001.log");
        assert!(!disk.exists(left), "no {missing}");
        append(&mut journal);
        journal.file().sync_data().unwrap();
        drop(journal);
        let disk = disk.after(Crash::Process, 1);
        assert_eq!(open(&disk).map(|j| j.next()), Ok(2), "no {missing}");
        // It could not be removed, or came back with a loss of power.
        disk.open(left, OpenMode::Create).unwrap();
        let mut journal = open(&disk).unwrap();
        assert!(!disk.exists(left));
        append(&mut journal);
        journal.roll().unwrap();
        append(&mut journal);
        assert_eq!(open(&disk).map(|j| j.next()), Ok(4), "no {missing}");
    }
}

/// What is short of a snapshot's due when a node stops counts for the next run as well.
#[tokio::test]
async fn a_node_of_short_runs_takes_snapshots_too() {
    let dir = TempDir::new().unwrap();
    let run = async |incarnation: u128, topics: &[String]| {
        let options = MetaOptions {
            snapshot_bytes: 4000,
            ..options(dir.path())
        };
        let seen = Arc::new(Seen::default());
        let meta = Meta::start(options, seen).await.unwrap();
        let handle = meta.handle();
        handle.register(registration(incarnation)).await.unwrap();
        for name in topics {
            let made = handle.create_topics(topic(name, 2), None).await.unwrap();
            assert_eq!(made.topics[0].error_code, 0);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        meta.stop().await.unwrap();
        checkpoint::list(&RealDisk, &dir.path().join(journal::DIR)).unwrap()
    };
    let mut runs = 0;
    let taken = loop {
        let names = [format!("a{runs}"), format!("b{runs}")];
        let taken = run(runs, &names).await;
        if !taken.is_empty() {
            break taken;
        }
        assert!(runs < 20, "no snapshot");
        runs += 1;
    };
    assert!(runs > 1, "one run is too short for one: {runs}");
    assert_eq!(
        run(99, &[]).await,
        taken,
        "no other one without anything new"
    );
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

#[tokio::test]
async fn topics_created_at_once_share_entries() {
    let dir = tempfile::tempdir().unwrap();
    let (meta, _) = start(dir.path()).await;
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    let entries = |meta: &Meta| {
        meta.voter
            .as_ref()
            .unwrap()
            .0
            .metrics()
            .borrow()
            .last_log_index
            .unwrap()
    };
    let before = entries(&meta);
    let began = Instant::now();
    let all = (0..1000).map(|i| {
        let handle = handle.clone();
        tokio::spawn(async move { create(&handle, &format!("t{i}"), 1).await })
    });
    for done in futures::future::join_all(all).await {
        assert_eq!(done.unwrap(), 0);
    }
    let took = began.elapsed();
    let entries = entries(&meta) - before;
    assert!(
        entries < 100,
        "{entries} entries for 1000 topics, in {took:?}"
    );
    assert_eq!(create(&handle, "wide", 5000).await, 0);
    assert_eq!(handle.image().partition_count(), 6000);
    meta.stop().await.unwrap();
}

#[tokio::test]
async fn a_full_group_of_contradicting_commands_has_one_winner() {
    let dir = tempfile::tempdir().unwrap();
    let (meta, _) = start(dir.path()).await;
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    let all = (0..50).map(|_| {
        let handle = handle.clone();
        tokio::spawn(async move { create(&handle, "same", 1).await })
    });
    let codes: Vec<i16> = futures::future::join_all(all)
        .await
        .into_iter()
        .map(|c| c.unwrap())
        .collect();
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1);
    assert_eq!(
        codes
            .iter()
            .filter(|c| **c == ErrorCode::TopicAlreadyExists as i16)
            .count(),
        49
    );
    meta.stop().await.unwrap();
}

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

/// Answers what node 2 asks node 1.
fn ask(quorum: &Arc<Quorum>, call: wire::Call) -> impl Future<Output = wire::Answer> + use<> {
    let quorum = quorum.clone();
    async move {
        let client = Client::new(([10, 0, 0, 2], 9093).into(), "CONTROLLER".into(), true);
        let client = Arc::new(client);
        let envelope = wire::Envelope {
            cluster: CLUSTER.into(),
            from: 2,
            to: 1,
        };
        let answer = quorum.answer(&client, envelope, call);
        tokio::time::timeout(Duration::from_secs(10), answer)
            .await
            .expect("it answers")
    }
}

/// What leads in a term, and has nothing to be appended.
fn leads(term: u64) -> wire::Call {
    wire::Call::Append(openraft::raft::AppendEntriesRequest {
        vote: Vote::new_committed(term, 2),
        prev_log_id: None,
        entries: vec![],
        leader_commit: None,
    })
}

/// It may have voted for a later leader and have forgotten it: with its help a deposed one would commit what that one does not have.
/// Nor may it vote twice in a term.
#[tokio::test]
async fn a_voter_that_lost_its_log_follows_no_leader_that_may_be_deposed() {
    let dir = TempDir::new().unwrap();
    let options = MetaOptions {
        part: Part::CatchUp,
        // Only the one that may be deposed was there when this node came.
        voters: [1, 2].map(|id| (id, String::new())).into(),
        ..options(dir.path())
    };
    let quorum = options.quorum.clone();
    let seen = Arc::new(Seen::default());
    let meta = Meta::start(options, seen).await.unwrap();
    let refused = async |term| match ask(&quorum, leads(term)).await {
        wire::Answer::Refused(why) => why.contains("lost its log"),
        wire::Answer::Append(_) => false,
        _ => panic!("another answer"),
    };
    let no_vote = async || {
        let vote = wire::Call::Vote(openraft::raft::VoteRequest::new(Vote::new(9, 2), None));
        let told = ask(&quorum, vote).await;
        matches!(told, wire::Answer::Refused(why) if why.contains("may not vote"))
    };
    assert!(no_vote().await);
    let heard = |node: i32, term: u64, voters: &[NodeKey]| {
        let voters = BTreeSet::from_iter(voters.iter().copied());
        quorum.note(wire::Hello {
            node,
            term,
            members: Membership::new(vec![voters], None),
            ..quorum.hello()
        });
    };
    assert!(refused(4).await, "it has not said who votes");
    heard(2, 4, &[1, 2, 3]);
    assert!(refused(4).await, "nobody else was heard of");
    heard(3, 5, &[1, 2, 3]);
    assert!(refused(4).await, "another one knows of a later term");
    heard(2, 5, &[1, 2, 3, 4, 5]);
    assert!(refused(5).await, "the quorum has grown");
    heard(6, 5, &[1, 2, 3, 4, 5]);
    assert!(refused(5).await, "this one does not vote");
    heard(4, 5, &[1, 2, 3, 4, 5]);
    assert!(!refused(5).await);
    assert!(no_vote().await, "it follows, and has not caught up");
    meta.kill().await;
}

/// What a voter is sent while openraft waits for its disk would pile up before it.
#[tokio::test]
async fn a_voter_whose_disk_is_full_refuses_what_it_could_not_write() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    let options = MetaOptions {
        host: on(&disk),
        ..options(Path::new("/data"))
    };
    let quorum = options.quorum.clone();
    let meta = Meta::start(options, Arc::new(Seen::default()))
        .await
        .unwrap();
    let call = |call| ask(&quorum, call);
    let stale = || wire::Call::Vote(openraft::raft::VoteRequest::new(Vote::new(0, 2), None));
    assert!(matches!(call(stale()).await, wire::Answer::Vote(_)));
    // Another leader is to be noted, and there is no room for that.
    disk.set_capacity(Some(0));
    let noted = tokio::spawn(call(leads(99)));
    let mut refused = false;
    for _ in 0..1000 {
        refused = matches!(call(stale()).await, wire::Answer::Refused(why) if why.contains("room"));
        if refused {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(refused);
    disk.set_capacity(None);
    assert!(matches!(noted.await.unwrap(), wire::Answer::Append(_)));
    assert!(matches!(call(stale()).await, wire::Answer::Vote(_)));
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

/// Builds an empty store and machine in a directory of its own for openraft's suite.
struct Fresh;

impl StoreBuilder<TypeConfig, Store, Machine, (TempDir, mpsc::Receiver<publish::Applied>)>
    for Fresh
{
    async fn build(
        &self,
    ) -> Result<((TempDir, mpsc::Receiver<publish::Applied>), Store, Machine), StorageError<NodeKey>>
    {
        let dir = tempfile::tempdir().unwrap();
        let (store, state) =
            open::open(&real(), &dir.path().join(journal::DIR), 0, &BTreeMap::new()).unwrap();
        // The suite purges entries that it has never applied.
        store.applied(Some(wal::log_id(u64::MAX, u64::MAX)));
        let (applied, machine) = machine(&store, state);
        Ok(((dir, applied), store, machine))
    }
}

fn machine(store: &Store, state: State) -> (mpsc::Receiver<publish::Applied>, Machine) {
    let (publish, applied) = mpsc::channel(1024);
    let machine = Machine {
        applied: Arc::new(ArcSwap::from_pointee(state.image.clone())),
        state: Arc::new(Mutex::new(state)),
        building: Arc::default(),
        publish,
        store: store.clone(),
    };
    (applied, machine)
}

/// A change of members: one record of the metadata log.
fn member_entry(index: u64) -> Entry {
    Entry {
        log_id: wal::log_id(1, index),
        payload: EntryPayload::Membership(Membership::new(vec![BTreeSet::from([0])], None)),
    }
}

#[tokio::test]
async fn large_entries_are_not_sent_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let base = wal::Base::default();
    let mut store = Store::create(&real(), dir.path(), base, None).unwrap();
    let large = |index| Entry {
        log_id: wal::log_id(1, index),
        payload: EntryPayload::Normal(raft::Proposal {
            first_offset: -1,
            batches: vec![vec![0; 6 << 20]],
        }),
    };
    store.blocking_append((1..=5).map(large)).await.unwrap();
    let mut sent = async |from, to| store.limited_get_log_entries(from, to).await.unwrap().len();
    assert_eq!(sent(1, 6).await, 2);
    assert_eq!(sent(5, 6).await, 1);
    assert_eq!(sent(5, 5).await, 0);
}

#[tokio::test]
async fn a_purge_waits_for_the_snapshot_that_covers_more_than_the_entries_here_and_a_crash_keeps_both()
 {
    let other = tempfile::tempdir().unwrap();
    let open = |dir: &Path| open::open(&real(), &dir.join(journal::DIR), 0, &BTreeMap::new());
    let (store, state) = open(other.path()).unwrap();
    let (_published, mut leader) = machine(&store, state);
    leader.apply((1..=9).map(member_entry)).await.unwrap();
    let snapshot = leader.build_snapshot().await.unwrap();

    let dir = tempfile::tempdir().unwrap();
    {
        let (mut store, state) = open(dir.path()).unwrap();
        let (_published, mut follower) = machine(&store, state);
        store
            .blocking_append((1..=3).map(member_entry))
            .await
            .unwrap();
        follower.apply((1..=3).map(member_entry)).await.unwrap();
        // It dies before the snapshot is there: nothing has happened.
        let place = Place {
            log_id: snapshot.meta.last_log_id,
            next_offset: 9,
            membership: snapshot.meta.last_membership.clone(),
        };
        store.installing(&place).unwrap();
    }
    let (mut store, state) = open(dir.path()).unwrap();
    assert_eq!(state.place.log_id, Some(wal::log_id(1, 3)));
    let (_published, mut follower) = machine(&store, state);
    let purge = {
        let mut store = store.clone();
        tokio::spawn(async move { store.purge(wal::log_id(1, 9)).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!purge.is_finished(), "the snapshot is not there yet");
    assert_eq!(store.base().log_id, None);
    let installed = follower.install_snapshot(&snapshot.meta, snapshot.snapshot);
    installed.await.unwrap();
    purge.await.unwrap().unwrap();
    let base = store.base();
    assert_eq!(
        (base.log_id, base.next_offset),
        (snapshot.meta.last_log_id, 9)
    );
    store.blocking_append([member_entry(10)]).await.unwrap();
    follower.apply([member_entry(10)]).await.unwrap();
    drop((store, follower));
    let (store, state) = open(dir.path()).unwrap();
    assert_eq!(
        state.place.log_id,
        Some(wal::log_id(1, 10)),
        "its own log, not another's"
    );
    assert_eq!((store.base().next_offset, state.place.next_offset), (9, 10));
}

#[tokio::test]
async fn a_snapshot_that_was_installed_before_a_crash_is_where_the_entries_begin() {
    let other = tempfile::tempdir().unwrap();
    let open = |dir: &Path| open::open(&real(), &dir.join(journal::DIR), 0, &BTreeMap::new());
    let (store, state) = open(other.path()).unwrap();
    let (_published, mut leader) = machine(&store, state);
    leader.apply((1..=9).map(member_entry)).await.unwrap();
    let snapshot = leader.build_snapshot().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    {
        let (mut store, _) = open(dir.path()).unwrap();
        store
            .blocking_append((1..=3).map(member_entry))
            .await
            .unwrap();
        let place = Place {
            log_id: snapshot.meta.last_log_id,
            next_offset: 9,
            membership: snapshot.meta.last_membership.clone(),
        };
        store.installing(&place).unwrap();
        let id = checkpoint::SnapshotId::parse(&snapshot.meta.snapshot_id).unwrap();
        let bytes = snapshot.snapshot.get_ref();
        checkpoint::store(&*real(), &dir.path().join(journal::DIR), id, bytes).unwrap();
    }
    let (store, state) = open(dir.path()).unwrap();
    assert_eq!(state.place.log_id, snapshot.meta.last_log_id);
    assert_eq!(
        (store.base().log_id, store.last()),
        (snapshot.meta.last_log_id, snapshot.meta.last_log_id)
    );
}

#[test]
fn the_store_and_the_machine_conform_to_what_openraft_expects() {
    Suite::test_all(Fresh).unwrap();
}

#[tokio::test]
async fn the_log_is_read_from_any_offset_in_whole_batches() {
    let dir = tempfile::tempdir().unwrap();
    let small = MetaOptions {
        snapshot_bytes: 6_000,
        ..options(dir.path())
    };
    let meta = Meta::start(small, Arc::new(Seen::default())).await.unwrap();
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    for i in 0..60 {
        assert_eq!(create(&handle, &format!("t{i}"), 3).await, 0);
    }
    let log = &handle.controller().unwrap().log;
    // Snapshots are taken, and the log is trimmed, beside.
    let mut start = -1;
    while start != log.start() {
        start = log.start();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let end = log.end();
    assert!(start > 0 && end > start + 10);
    for offset in start..end {
        for max in [1, 700, 1 << 20] {
            let bytes = log.read(offset, max).unwrap();
            let batches = airis_protocol::batch::parse_batches(&bytes).unwrap();
            let first = batches[0].header();
            assert!((first.base_offset..=first.last_offset().0).contains(&offset));
            assert!(batches.len() == 1 || bytes.len() <= max);
            for pair in batches.windows(2) {
                assert_eq!(pair[0].header().next_offset(), pair[1].base_offset());
            }
            if max == 1 << 20 && offset >= start {
                let rest = batches.last().unwrap().header().next_offset().0;
                assert!(
                    rest == end || rest > offset,
                    "up to the segment's end at least"
                );
            }
        }
    }
    assert!(log.read(end, 100).unwrap().is_empty());
    let epoch = handle.image().position.epoch.0;
    assert_eq!(log.standing(end, epoch), Standing::Log);
    assert_eq!(
        log.standing(end + 1, epoch),
        Standing::Diverges { epoch, end }
    );
    assert!(matches!(log.standing(0, 0), Standing::Snapshot { end, .. } if end >= start));
    meta.stop().await.unwrap();
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

/// A publisher with a fault in it.
struct Faulty;

impl Publisher for Faulty {
    fn publish(&self, image: &Arc<Image>, _delta: &Delta) {
        assert!(image.topic("fault").is_none(), "the fault of this test");
    }
}

/// It would lead, hold the others back by its heartbeats, and refuse every change.
#[tokio::test]
async fn a_node_that_cannot_publish_any_more_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let meta = Meta::start(options(dir.path()), Arc::new(Faulty))
        .await
        .unwrap();
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    let failed = meta.failed();
    let made = tokio::spawn(async move { handle.create_topics(topic("fault", 1), None).await });
    let why = timeout(Duration::from_secs(20), failed).await;
    let why = why.expect("it says so");
    assert!(why.contains("publication"), "{why}");
    made.abort();
    meta.kill().await;
}

#[tokio::test]
async fn a_task_that_ends_before_its_time_is_noted_and_one_that_is_stopped_is_not() {
    for (stops, noted) in [(false, Some("decisions")), (true, None)] {
        let (stop, stopped) = watch::channel(false);
        let (ending, ended) = watch::channel(None);
        stop.send_replace(stops);
        let task = vital("decisions", &stopped, &ending, async {
            panic!("the fault of this test")
        });
        task.await.unwrap();
        assert_eq!(*ended.borrow(), noted);
    }
}
