//! The metadata of one node, through start, stop, crash and start again; and openraft's own conformance suite on the store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use airis_cluster::metadata::{Command, Delta, Image, Settings, features};
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

mod damage;
mod disk;
mod restart;
mod store_and_machine;
mod voter;

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
