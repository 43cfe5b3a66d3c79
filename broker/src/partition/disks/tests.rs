//! What log directories remember of earlier runs and of older topics, on a disk that crashes.

use airis_cluster::config::Layers;
use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{
    MetadataRecord, PartitionRecord, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
};

use airis_protocol::types::{LeaderEpoch, Millis};
use airis_storage::disk::faulty::{Crash, FaultyDisk};
use airis_storage::log::{AppendArgs, Origin};

use super::super::PartitionTable;
use super::super::hub::Hub;
use super::*;
use crate::meta::Publisher;

const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
const NOW: Millis = Millis(1_700_000_000_000);

fn open_all(disk: &FaultyDisk, boot: &str) -> Disks {
    open_dirs(disk, boot, &["/a"])
}

fn open_dirs(disk: &FaultyDisk, boot: &str, dirs: &[&str]) -> Disks {
    let host = Host {
        disk: Arc::new(disk.clone()),
        boot: boot.to_owned(),
        ..Host::default()
    };
    let config = BrokerConfig {
        log_dirs: dirs.iter().map(PathBuf::from).collect(),
        ..Default::default()
    };
    Disks::open_all(&host, &config, CLUSTER, 3).unwrap()
}

fn open(disks: &Disks, topic_id: Uuid, replicated: bool) -> Arc<Partition> {
    try_open(disks, topic_id, replicated).unwrap()
}

fn try_open(
    disks: &Disks,
    topic_id: Uuid,
    replicated: bool,
) -> Result<Arc<Partition>, StorageError> {
    let config = TopicConfig::resolve(&(), &Layers::none()).unwrap();
    let opened = disks.open(&Wanted {
        topic: "t",
        topic_id,
        index: PartitionId(0),
        directory: Uuid::UNASSIGNED,
        wish: None,
        old: true,
        replicated,
        config: &config,
    })?;
    Ok(Arc::new(Partition::new(
        "t".into(),
        topic_id,
        PartitionId(0),
        opened,
        Durability::PageCache,
        Hub::new(&BrokerConfig::default()),
        Arc::new(config),
    )))
}

fn append(partition: &Partition) {
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    builder.push(NOW, None, Some(b"value"), &[]);
    let batches = builder.build(Offset(0), LeaderEpoch(0));
    let args = AppendArgs {
        leader_epoch: LeaderEpoch(0),
        now: NOW,
        origin: Origin::Client,
    };
    partition.log().append_as_leader(&batches, args).unwrap();
}

/// A partition with so many records, all of them flushed and in the checkpoints.
fn flushed(disks: &Disks, records: usize) -> Arc<Partition> {
    let partition = open(disks, Uuid(1), true);
    (0..records).for_each(|_| append(&partition));
    partition.log().flush().unwrap();
    disks
        .write_checkpoints(std::slice::from_ref(&partition))
        .unwrap();
    partition
}

/// What the directory's checkpoints say of the partition, on the disk.
fn on_disk(disk: &FaultyDisk) -> Vec<i64> {
    let text = disk.read_to_end(Path::new("/a/recovery-point-offset-checkpoint"));
    let text = String::from_utf8(text.unwrap()).unwrap();
    let said = text.lines().filter_map(|l| l.strip_prefix("t 0 "));
    said.map(|offset| offset.parse().unwrap()).collect()
}

#[test]
fn what_is_known_of_an_older_topic_of_the_name_is_forgotten_before_the_new_one_begins() {
    let disk = FaultyDisk::new();
    let disks = open_all(&disk, "x");
    let older = flushed(&disks, 1);
    assert_eq!(on_disk(&disk), [1]);
    older.mark_deleted();
    disks.delete(&older.log(), "t", PartitionId(0), 0).unwrap();
    let newer = open(&disks, Uuid(2), true);
    assert_eq!(on_disk(&disk), [0], "before anything is written to it");
    // Whoever writes checkpoints may have begun before the older one was deleted.
    disks
        .write_checkpoints(std::slice::from_ref(&older))
        .unwrap();
    assert_eq!(on_disk(&disk), [0], "whatever is said of the older one");
    append(&newer);
    // Its process ends before another checkpoint: nothing of the new log was flushed.
    drop((older, newer, disks));
    let disk = disk.after(Crash::Process, 1);
    let disks = open_all(&disk, "x");
    let again = open(&disks, Uuid(2), true);
    assert_eq!(
        (again.log().end(), again.log().recovery_point()),
        (Offset(1), Offset(0))
    );
}

/// Fault S15: a replica that stays off line stays uncut, however often others write checkpoints meanwhile.
#[test]
fn a_log_whose_flushed_end_cannot_be_read_stays_uncut_over_checkpoints_and_stops() {
    let disk = FaultyDisk::new();
    let disks = open_all(&disk, "x");
    drop(flushed(&disks, 2));
    drop(disks);
    let mut disk = disk.after(Crash::Process, 1);
    let log = Path::new("/a/t-0/00000000000000000000.log");
    disk.fail_reads_of(log, 0..1);
    for round in 0..3 {
        let disks = open_all(&disk, "x");
        let refused = try_open(&disks, Uuid(1), true).map(|_| ());
        assert!(refused.is_err(), "round {round}");
        disks.write_checkpoints(&[]).unwrap();
        assert_eq!(on_disk(&disk), [2], "round {round}");
        let doubtful = disks.doubtful(&[]);
        assert_eq!(doubtful, disks.directory_ids());
        disks.mark_clean(BrokerEpoch(1), &doubtful).unwrap();
        drop(disks);
        assert!(!disk.exists(Path::new("/a/.kafka_cleanshutdown")));
        disk = disk.after(Crash::Process, 1);
    }
}

/// Fault S19: a partition that waits for a file descriptor has lost nothing when it is opened.
#[test]
fn a_log_that_waits_to_be_opened_keeps_its_start_and_leaves_no_clean_mark() {
    let disk = FaultyDisk::new();
    let disks = open_all(&disk, "x");
    let partition = flushed(&disks, 3);
    partition.advance_start(Offset(2)).unwrap();
    disks.write_log_starts(&[partition]).unwrap();
    drop(disks);
    let disk = disk.after(Crash::Process, 1);
    let disks = open_all(&disk, "x");
    disk.refuse_opens(true);
    let short = try_open(&disks, Uuid(1), true).map(|_| ());
    assert!(short.is_err_and(|e| e.is_short()));
    assert_eq!(
        disks.doubtful(&[]),
        disks.directory_ids(),
        "nobody can look"
    );
    disk.refuse_opens(false);
    disks.write_log_starts(&[]).unwrap();
    disks.write_checkpoints(&[]).unwrap();
    assert_eq!(disks.doubtful(&[]), disks.directory_ids());
    let partition = open(&disks, Uuid(1), true);
    let log = partition.log();
    assert_eq!((log.start(), log.recovery_point()), (Offset(2), Offset(3)));
    assert!(disks.doubtful(std::slice::from_ref(&partition)).is_empty());
    // Once it is deleted nothing is said of it any more.
    disks.delete(&log, "t", PartitionId(0), 0).unwrap();
    disks.write_checkpoints(&[]).unwrap();
    assert!(on_disk(&disk).is_empty());
    assert!(disks.doubtful(&[]).is_empty());
}

#[test]
fn what_checkpoints_say_beyond_a_cut_is_taken_back_before_the_log_goes_on() {
    let disk = FaultyDisk::new();
    let disks = open_all(&disk, "x");
    let partition = flushed(&disks, 2);
    assert_eq!(on_disk(&disk), [2]);
    let end = partition.log().truncate_to(Offset(1), NOW).unwrap();
    let checkpoints = partition.seat().checkpoints;
    checkpoints.cap("t", PartitionId(0), end).unwrap();
    assert_eq!(on_disk(&disk), [1]);
    // Whoever comes after the directory was given up writes no more.
    drop(disks);
    let late = checkpoints.cap("t", PartitionId(0), Offset(0));
    assert!(matches!(late, Err(StorageError::Closed { .. })), "{late:?}");
}

#[test]
fn records_of_which_nothing_says_whose_they_are_are_not_taken_after_a_loss_of_power() {
    // Where nobody else has them they are better than nothing.
    for (boot, replicated, expected) in [("x", true, 1), ("y", true, 0), ("y", false, 1)] {
        let disk = FaultyDisk::new();
        let disks = open_all(&disk, "x");
        disks.mark_run(Uuid(5), Durability::PageCache).unwrap();
        let partition = open(&disks, Uuid(1), true);
        append(&partition);
        drop((partition, disks));
        let disk = disk.after(Crash::Process, 1);
        disk.remove_file(Path::new("/a/t-0/partition.metadata"))
            .unwrap();
        // A start that ended before it looked must not let the next one forget.
        for run in [6, 7] {
            let disks = open_all(&disk, boot);
            disks.mark_run(Uuid(run), Durability::PageCache).unwrap();
        }
        let disks = open_all(&disk, boot);
        let again = open(&disks, Uuid(2), replicated);
        assert_eq!(again.log().end(), Offset(expected), "boot {boot}");
        disks
            .mark_looked_at(Uuid(8), Durability::PageCache)
            .unwrap();
    }
}

#[test]
fn what_waits_to_be_opened_has_not_been_looked_at_after_a_loss_of_power() {
    // Whether it stays so, or it is opened, or the topic goes.
    for later in ["", "opened", "deleted"] {
        let disk = FaultyDisk::new();
        let disks = open_all(&disk, "x");
        disks.mark_run(Uuid(5), Durability::PageCache).unwrap();
        append(&open(&disks, Uuid(1), true));
        drop(disks);
        let disk = disk.after(Crash::Process, 1);
        disk.remove_file(Path::new("/a/t-0/partition.metadata"))
            .unwrap();
        // The power went, and the topic was made anew.
        let disks = open_all(&disk, "y");
        disks.mark_run(Uuid(6), Durability::PageCache).unwrap();
        let config = Arc::new(BrokerConfig {
            node_id: NodeId(1),
            log_dirs: vec!["/a".into()],
            ..Default::default()
        });
        let table = PartitionTable::new(config, Arc::new(disks));
        let topic = MetadataRecord::TopicRecord(TopicRecord {
            name: "t".into(),
            topic_id: Uuid(2),
        });
        let partition = MetadataRecord::PartitionRecord(PartitionRecord {
            partition_id: 0,
            topic_id: Uuid(2),
            replicas: vec![1, 2],
            isr: vec![2],
            leader: 2,
            ..Default::default()
        });
        let (image, delta) = Image::default()
            .apply(Offset(1), LeaderEpoch(1), &[topic, partition])
            .unwrap();
        let image = Arc::new(image);
        table.publish(&image, &delta);
        disk.refuse_opens(true);
        table.begin(Uuid(6));
        let here = || table.by_id(Uuid(2), PartitionId(0)).map(|p| p.log().end());
        assert_eq!(here(), Err(ErrorCode::KafkaStorageError));
        disk.refuse_opens(false);
        match later {
            "opened" => {
                table.open_waiting();
                assert_eq!(here(), Ok(Offset(0)));
            }
            "deleted" => {
                let gone = RemoveTopicRecord { topic_id: Uuid(2) };
                let gone = MetadataRecord::RemoveTopicRecord(gone);
                let (image, delta) = image.apply(Offset(2), LeaderEpoch(1), &[gone]).unwrap();
                table.publish(&Arc::new(image), &delta);
                table.open_waiting();
            }
            _ => {}
        }
        let disk = disk.after(Crash::Process, 2);
        let disks = open_all(&disk, "y");
        let lossy = disks.dirs.iter().any(|dir| dir.lossy);
        assert_eq!(lossy, later != "opened", "{later}");
        assert_eq!(open(&disks, Uuid(2), true).log().end(), Offset(0));
    }
}

#[test]
fn a_broker_that_has_lost_nothing_says_so() {
    let record = MetadataRecord::RegisterBrokerRecord(RegisterBrokerRecord {
        broker_id: 1,
        incarnation_id: Uuid(5),
        broker_epoch: 9,
        ..Default::default()
    });
    let (image, _) = Image::default()
        .apply(Offset(9), LeaderEpoch(1), &[record])
        .unwrap();
    use Durability::{Fsync, PageCache};
    // The durabilities of two runs, whether the power went after them, and whether all of the second is still there.
    for (runs, power, whole) in [
        ([PageCache, PageCache], false, true),
        ([PageCache, PageCache], true, false),
        ([Fsync, Fsync], true, true),
        // What the first left in the page cache was never asked for again.
        ([PageCache, Fsync], true, false),
    ] {
        let mut disk = FaultyDisk::new();
        for (run, durability) in runs.into_iter().enumerate() {
            let disks = open_all(&disk, "x");
            disks.mark_run(Uuid(4 + run as u128), durability).unwrap();
            drop(disks);
            disk = disk.after(Crash::Process, 1);
        }
        let disks = open_all(&disk, if power { "y" } else { "x" });
        let epoch = disks.previous_epoch(&image, NodeId(1)).0;
        assert_eq!(
            epoch,
            if whole { 9 } else { -1 },
            "{runs:?}, power lost: {power}"
        );
    }
    // A directory has failed meanwhile, and cannot be written to: the other tells.
    let disk = FaultyDisk::new();
    let both = ["/a", "/b"];
    let disks = open_dirs(&disk, "x", &both);
    disks.mark_run(Uuid(5), Durability::Fsync).unwrap();
    disk.fail_under(Some(Path::new("/a")));
    assert!(
        disks.write_log_starts(&[]).is_ok(),
        "the directory says so itself"
    );
    assert_eq!(disks.failed().len(), 1);
    disk.fail_under(None);
    drop(disks);
    let disks = open_dirs(&disk.after(Crash::Process, 1), "x", &both);
    assert_eq!(disks.previous_epoch(&image, NodeId(1)).0, -1);
    // A run of which this node knows nothing.
    let disks = open_all(&FaultyDisk::new(), "x");
    assert_eq!(disks.previous_epoch(&image, NodeId(1)).0, -1);
}
