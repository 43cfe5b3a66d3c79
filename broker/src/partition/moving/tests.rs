//! Moves between two log directories on a disk that crashes at every step, and logs that change while they are copied.

use airis_cluster::config::{Layers, TopicConfig};
use airis_protocol::batch::{BatchBuilder, TimestampType, parse_batches};
use airis_protocol::compress::Codec;
use airis_protocol::types::{LeaderEpoch, PartitionId};
use airis_storage::Disk;
use airis_storage::dir::PartitionDirKind;
use airis_storage::disk::faulty::{Crash, Dice, FaultyDisk};
use airis_storage::log::{AppendArgs, Origin};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::super::disks::Wanted;
use super::super::hub::Hub;
use super::*;
use crate::config::{BrokerConfig, Durability};
use crate::host::Host;

const TOPIC: Uuid = Uuid(77);
const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
const NOW: Millis = Millis(1_700_000_000_000);

fn seed() -> u64 {
    let given = std::env::var("AIRIS_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_nanos() as u64
    });
    println!("AIRIS_SEED={seed}");
    seed
}

fn config() -> BrokerConfig {
    BrokerConfig {
        log_dirs: vec!["/a".into(), "/b".into()],
        ..Default::default()
    }
}

/// Segments of a few batches.
fn topic_config() -> TopicConfig {
    let mut config = TopicConfig::resolve(&(), &Layers::none()).unwrap();
    config.internal_segment_bytes = Some(400);
    config
}

fn on(disk: &FaultyDisk) -> Host {
    Host {
        disk: Arc::new(disk.clone()),
        ..Host::default()
    }
}

struct Node {
    disks: Disks,
    config: BrokerConfig,
}

impl Node {
    fn start(disk: &FaultyDisk) -> Result<Node, super::super::DisksError> {
        let config = config();
        let disks = Disks::open_all(&on(disk), &config, CLUSTER, 3)?;
        Ok(Node { disks, config })
    }

    fn ids(&self) -> (Uuid, Uuid) {
        let ids = self.disks.directory_ids();
        (ids[0], ids[1])
    }

    fn open(&self, directory: Uuid, old: bool) -> Result<Arc<Partition>, StorageError> {
        let config = topic_config();
        let opened = self.disks.open(&Wanted {
            topic: "t",
            topic_id: TOPIC,
            index: PartitionId(0),
            directory,
            wish: None,
            old,
            replicated: true,
            config: &config,
        })?;
        Ok(Arc::new(Partition::new(
            "t".into(),
            TOPIC,
            PartitionId(0),
            opened,
            Durability::PageCache,
            Hub::new(&self.config),
            Arc::new(config),
        )))
    }

    fn begin(&self, partition: &Arc<Partition>) -> Result<(), StorageError> {
        let copy = self.disks.make_future(partition, Path::new("/b"))?;
        partition.begin_move(copy);
        Ok(())
    }

    fn step(&self, partition: &Arc<Partition>, allowed: bool) -> Result<Step, MoveError> {
        partition.step_move(&self.disks, 300, NOW, |_| allowed)
    }

    /// Steps until the copy has taken the log's place. False if there is nothing to be moved any more, as a disk has failed.
    fn finish(&self, partition: &Arc<Partition>) -> Result<bool, MoveError> {
        for _ in 0..1000 {
            match self.step(partition, true)? {
                Step::Moved(_) => return Ok(true),
                Step::Over => return Ok(false),
                Step::Copied(_) | Step::CaughtUp => {}
            }
        }
        panic!("it does not come to an end")
    }

    /// Takes up what is left of a move; gives whether there was a copy, and how many directories have the replica's name.
    fn sweep(&self, partition: &Arc<Partition>) -> (bool, usize) {
        let resumed = std::cell::Cell::new(false);
        self.disks.sweep(
            |dir| dir.path == partition.log().dir(),
            |dir| {
                let other = partition.log().dir().parent() != dir.path.parent();
                if other && !resumed.get() {
                    partition.begin_move(self.disks.resume_future(partition, &dir.path).unwrap());
                    resumed.set(true);
                    return true;
                }
                false
            },
        );
        (resumed.get(), logs(&self.disks))
    }
}

fn logs(disks: &Disks) -> usize {
    disks
        .found()
        .filter(|f| f.kind == PartitionDirKind::Log)
        .count()
}

fn batch(at: Offset, epoch: i32, value: &str) -> Bytes {
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    builder.push(NOW, None, Some(value.as_bytes()), &[]);
    builder.build(at, LeaderEpoch(epoch))
}

fn append(log: &Log, epoch: i32, value: &str) -> Result<(), AppendError> {
    let batch = batch(Offset(0), -1, value);
    let args = AppendArgs {
        leader_epoch: LeaderEpoch(epoch),
        now: NOW,
        origin: Origin::Client,
    };
    log.append_as_leader(&batch, args).map(|_| ())
}

/// Offset, epoch and value of everything in a log.
fn content(log: &Log) -> Vec<(i64, i32, String)> {
    let mut all = Vec::new();
    let mut at = log.start();
    while at < log.end() {
        let read = log.read(at, 1 << 20, log.end(), true).unwrap();
        let mut bytes = BytesMut::new();
        for range in &read.ranges {
            bytes.extend_from_slice(&range.read().unwrap());
        }
        for batch in parse_batches(&bytes.freeze()).unwrap() {
            let header = *batch.header();
            at = header.next_offset();
            for record in batch.records(1 << 20).unwrap().iter() {
                let value = record.unwrap().value.unwrap().to_vec();
                let value = String::from_utf8(value).unwrap();
                all.push((header.base_offset, header.leader_epoch, value));
            }
        }
    }
    all.retain(|r| r.0 >= log.start().0);
    all
}

fn bases(log: &Log) -> Vec<Offset> {
    log.segments().into_iter().map(|s| s.0).collect()
}

#[tokio::test]
async fn a_replica_moves_whole_and_its_files_are_the_same() {
    let disk = FaultyDisk::new();
    let node = Node::start(&disk).unwrap();
    let (a, b) = node.ids();
    let partition = node.open(a, false).unwrap();
    for i in 0..20 {
        append(&partition.log(), 1 + i / 7, &format!("v{i}")).unwrap();
    }
    partition.log().assign_epoch(LeaderEpoch(9));
    let before = (content(&partition.log()), bases(&partition.log()));
    assert!(before.1.len() > 3);
    node.begin(&partition).unwrap();
    assert_eq!(partition.directory(), a);
    while !matches!(node.step(&partition, false).unwrap(), Step::CaughtUp) {}
    assert_eq!(
        partition.directory(),
        b,
        "the controller is to believe it there"
    );
    append(&partition.log(), 9, "late").unwrap();
    assert!(matches!(
        node.step(&partition, false).unwrap(),
        Step::Copied(1..)
    ));
    assert!(node.finish(&partition).unwrap());
    assert_eq!((partition.seat().directory, logs(&node.disks)), (b, 1));
    assert!(partition.log().dir().starts_with("/b"));
    let after = (content(&partition.log()), bases(&partition.log()));
    assert_eq!(after.0[..20], before.0);
    assert_eq!(after.1[..before.1.len()], before.1);
    assert_eq!(partition.log().recovery_point(), partition.log().end());
    append(&partition.log(), 9, "on it goes").unwrap();
    assert_eq!(content(&partition.log()).len(), 22);
}

#[tokio::test]
async fn a_log_that_is_written_to_all_the_time_moves_and_keeps_its_start() {
    let disk = FaultyDisk::new();
    let node = Node::start(&disk).unwrap();
    let partition = node.open(node.ids().0, false).unwrap();
    for i in 0..9 {
        append(&partition.log(), 1, &format!("v{i}")).unwrap();
    }
    partition.advance_start(Offset(7)).unwrap();
    assert!(bases(&partition.log())[0] < Offset(7), "within a segment");
    node.begin(&partition).unwrap();
    let written = |_| {
        append(&partition.log(), 1, "meanwhile").unwrap();
        true
    };
    let mut steps = (0..100).map(|_| {
        append(&partition.log(), 1, "before").unwrap();
        partition.step_move(&node.disks, 300, NOW, written)
    });
    assert!(steps.any(|step| matches!(step, Ok(Step::Moved(_)))));
    let expected = content(&partition.log());
    assert!(expected.len() > 2);
    let left = disk.after(Crash::Process, 1);
    let node = Node::start(&left).unwrap();
    let again = node.open(node.ids().1, true).unwrap();
    assert_eq!(again.log().start(), Offset(7));
    assert_eq!(content(&again.log()), expected);
}

/// What was flushed is there after a crash at any change that a move makes, wherever the metadata says that the replica is; and the
/// move can be brought to its end.
#[tokio::test]
async fn a_crash_at_any_step_of_a_move_loses_nothing_and_leaves_one_replica() {
    let mut dice = Dice::new(seed());
    let life = |disk: &FaultyDisk| -> Option<Vec<(i64, i32, String)>> {
        let node = Node::start(disk).ok()?;
        if node.disks.any_offline() {
            return None;
        }
        let partition = node.open(node.ids().0, false).ok()?;
        for i in 0..9 {
            append(&partition.log(), 1, &format!("v{i}")).ok()?;
        }
        let mut all = content(&partition.log());
        partition.log().flush().ok()?;
        let _ = node
            .disks
            .write_checkpoints(std::slice::from_ref(&partition));
        let moved = || -> Option<()> {
            node.begin(&partition).ok()?;
            node.finish(&partition).ok().filter(|moved| *moved)?;
            append(&partition.log(), 2, "after").ok()?;
            partition.log().flush().ok()?;
            Some(())
        };
        if moved().is_some() {
            all.push((9, 2, "after".to_owned()));
        }
        Some(all)
    };
    let fresh = || {
        let disk = FaultyDisk::new();
        for dir in ["/a", "/b"] {
            disk.create_dir_all(Path::new(dir)).unwrap();
        }
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    };
    let disk = fresh();
    assert_eq!(life(&disk).unwrap().len(), 10);
    let ops = disk.ops();
    let mut resumed = 0;
    for at in 1..=ops + 1 {
        let crash = match dice.chance(50) {
            true => Crash::Power,
            false => Crash::Process,
        };
        let disk = fresh();
        disk.crash_at(at, dice.roll());
        let Some(flushed) = life(&disk) else { continue };
        let left = disk.after(crash, dice.roll());
        let node = Node::start(&left).unwrap();
        let (a, b) = node.ids();
        // The controller was told before the place was taken: then it says b. Before that it says one or the other.
        let said = match flushed.len() {
            10 => b,
            _ if dice.chance(50) => a,
            _ => b,
        };
        let partition = node.open(said, true).unwrap();
        let found = content(&partition.log());
        assert!(
            found.starts_with(&flushed),
            "crash {crash:?} at {at} of {ops}: {found:?}"
        );
        let (copy, named) = node.sweep(&partition);
        assert_eq!(named, 1, "crash {crash:?} at {at} of {ops}");
        if copy {
            resumed += 1;
            if partition.log().dir().starts_with("/a") {
                assert!(node.finish(&partition).unwrap());
            }
            assert!(content(&partition.log()).starts_with(&flushed));
        }
        append(&partition.log(), 3, "again").unwrap();
    }
    assert!(resumed > 5, "moves were taken up again: {resumed}");
}

/// A follower's log is cut and grows, its start moves, its leader changes: the copy follows.
#[tokio::test]
async fn a_copy_follows_whatever_happens_to_its_log() {
    let mut dice = Dice::new(seed());
    for round in 0..150 {
        let disk = FaultyDisk::new();
        let node = Node::start(&disk).unwrap();
        let partition = node.open(node.ids().0, false).unwrap();
        node.begin(&partition).unwrap();
        let mut epoch = 1;
        for i in 0..80 {
            let log = partition.log();
            let span = (log.end().0 - log.start().0).max(1) as u64;
            let within = Offset(log.start().0 + dice.below(span) as i64);
            match dice.below(20) {
                0..7 => append(&log, epoch, &format!("{round}.{i}")).unwrap(),
                // What compaction has left.
                7 => {
                    let at = Offset(log.end().0 + dice.below(4) as i64);
                    let batch = batch(at, epoch, &format!("{round}.{i}"));
                    log.append_as_follower(&batch, NOW).unwrap();
                }
                8 => epoch += 1 + dice.below(2) as i32,
                9 => {
                    partition.cut(|log| log.truncate_to(within, NOW)).unwrap();
                    epoch += 1;
                }
                10 => {
                    log.advance_start(within).unwrap();
                }
                11 => {
                    let _ = log.retain(NOW, log.end(), false);
                }
                12 if dice.chance(20) => {
                    let ahead = Offset(log.end().0 + dice.below(5) as i64);
                    partition.cut(|log| log.restart_at(ahead, NOW)).unwrap();
                }
                13 => log.assign_epoch(LeaderEpoch(epoch)),
                _ => {
                    node.step(&partition, false).unwrap();
                }
            }
        }
        let expected = content(&partition.log());
        let range = |log: &Log| (log.start(), log.end());
        let before = range(&partition.log());
        assert!(node.finish(&partition).unwrap());
        assert_eq!(content(&partition.log()), expected, "round {round}");
        assert_eq!(range(&partition.log()), before, "round {round}");
        assert!(partition.log().dir().starts_with("/b"));
        append(&partition.log(), epoch + 1, "on").unwrap();
    }
}

#[tokio::test]
async fn a_disk_that_fails_amid_a_move_leaves_the_replica_where_it_was() {
    for broken in ["/a", "/b"] {
        let disk = FaultyDisk::new();
        let node = Node::start(&disk).unwrap();
        let (a, b) = node.ids();
        let partition = node.open(a, false).unwrap();
        for i in 0..9 {
            append(&partition.log(), 1, &format!("v{i}")).unwrap();
        }
        node.begin(&partition).unwrap();
        while !matches!(node.step(&partition, false).unwrap(), Step::CaughtUp) {}
        append(&partition.log(), 1, "late").unwrap();
        disk.fail_under(Some(Path::new(broken)));
        let failed = node.finish(&partition);
        assert!(!failed.is_ok_and(|moved| moved));
        assert_eq!(partition.seat().directory, a);
        assert_eq!(partition.is_offline(), broken == "/a");
        assert_eq!(node.disks.failed(), [if broken == "/a" { a } else { b }]);
        partition.end_move();
        assert_eq!(
            partition.directory(),
            a,
            "the controller is told where it is"
        );
        if broken == "/b" {
            append(&partition.log(), 1, "it goes on").unwrap();
        }
        assert!(node.disks.fatal().is_none(), "the other one is left");
    }
}

/// Fault S19: a copy that cannot be opened under the replica's name does not keep that name: the log goes on without it, and the
/// metadata say already that the replica is there.
#[tokio::test]
async fn a_copy_that_could_not_take_the_logs_place_is_not_taken_for_it_after_a_crash() {
    let mut failed = 0;
    for opens in 0.. {
        assert!(opens < 100, "it does not come to an end");
        let disk = FaultyDisk::new();
        let node = Node::start(&disk).unwrap();
        let partition = node.open(node.ids().0, false).unwrap();
        for i in 0..9 {
            append(&partition.log(), 1, &format!("v{i}")).unwrap();
        }
        node.begin(&partition).unwrap();
        while !matches!(node.step(&partition, false).unwrap(), Step::CaughtUp) {}
        disk.refuse_opens_after(Some(opens));
        let stepped = node.step(&partition, true);
        disk.refuse_opens_after(None);
        append(&partition.log(), 1, "acknowledged").unwrap();
        let expected = content(&partition.log());
        let left = disk.after(Crash::Process, opens);
        let node = Node::start(&left).unwrap();
        let again = node.open(node.ids().1, true).unwrap();
        assert_eq!(content(&again.log()), expected, "after {opens} opens");
        assert_eq!(node.sweep(&again).1, 1, "after {opens} opens");
        match stepped {
            Ok(Step::Moved(_)) => break,
            Err(_) => failed += 1,
            Ok(_) => {}
        }
    }
    assert!(failed > 1, "it could fail in several places: {failed}");
}

/// Whoever writes to the log, or asks for its role, may be a thread that serves sockets.
#[tokio::test]
async fn a_copy_that_waits_for_a_flush_to_take_the_logs_place_has_nobody_else_wait() {
    let disk = FaultyDisk::new();
    let node = Arc::new(Node::start(&disk).unwrap());
    let partition = node.open(node.ids().0, false).unwrap();
    append(&partition.log(), 1, "v").unwrap();
    node.begin(&partition).unwrap();
    while !matches!(node.step(&partition, false).unwrap(), Step::CaughtUp) {}
    append(&partition.log(), 1, "late").unwrap();
    disk.hold_syncs_under(Some(Path::new("/a")));
    let flushed = partition.clone();
    let flush = thread::spawn(move || flushed.flush_now());
    while disk.held() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let (mover, moved) = (node.clone(), partition.clone());
    let step = thread::spawn(move || mover.step(&moved, true));
    // Until it waits. If it takes longer nothing is shown, but nothing fails.
    thread::sleep(Duration::from_millis(100));
    let (done, written) = mpsc::channel();
    let writer = partition.clone();
    thread::spawn(move || {
        let started = writer.advance_start(Offset(1)).unwrap();
        done.send((started, writer.following())).unwrap();
    });
    let written = written.recv_timeout(Duration::from_secs(5));
    disk.hold_syncs_under(None);
    assert_eq!(written, Ok((true, None)), "a writer waits for the flush");
    flush.join().unwrap();
    assert!(matches!(step.join().unwrap(), Ok(Step::Moved(_))));
    assert_eq!(partition.log().recovery_point(), Offset(2));
    assert_eq!(partition.log().start(), Offset(1));
}

#[tokio::test]
async fn a_replica_that_may_be_in_a_directory_that_is_away_is_not_begun_anew() {
    let disk = FaultyDisk::new();
    let node = Node::start(&disk).unwrap();
    let (a, b) = node.ids();
    let partition = node.open(a, false).unwrap();
    append(&partition.log(), 1, "v").unwrap();
    partition.close_copy().unwrap();
    partition.log().close().unwrap();
    drop((partition, node));
    disk.fail_under(Some(Path::new("/a")));
    let node = Node::start(&disk).unwrap();
    assert_eq!(node.disks.directory_ids(), [b]);
    assert!(node.disks.any_offline());
    for (said, old) in [
        (a, true),
        (a, false),
        (Uuid::LOST, true),
        (Uuid::UNASSIGNED, true),
    ] {
        let refused = node.open(said, old).map(|_| ());
        assert!(
            matches!(refused, Err(StorageError::Offline { .. })),
            "{said}"
        );
    }
    let new = node.open(Uuid::UNASSIGNED, false).unwrap();
    assert_eq!(new.seat().directory, b);
    drop((new, node));
    disk.fail_under(Some(Path::new("/")));
    let refused = Node::start(&disk).map(|_| ()).unwrap_err().to_string();
    assert!(
        refused.contains("no log directory can be used"),
        "{refused}"
    );
    disk.fail_under(Some(Path::new("/a")));
    let with_metadata = BrokerConfig {
        metadata_dir: Some("/a".into()),
        ..config()
    };
    let refused = Disks::open_all(&on(&disk), &with_metadata, CLUSTER, 3);
    let refused = refused.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("holds the metadata"), "{refused}");
}
