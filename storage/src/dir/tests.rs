//! A log directory's identity, lock and marks, on the real disk.

use airis_protocol::types::{NodeId, Offset, Uuid};

use super::*;
use crate::disk::RealDisk;
use crate::disk::faulty::{Crash, FaultyDisk};

fn open(path: &Path) -> Result<LogDir, StorageError> {
    LogDir::open(Arc::new(RealDisk), path)
}

/// Faults S26.
#[test]
fn a_second_broker_is_kept_out_and_changes_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let path = tmp.path().join("data");
    let first = open(&path).unwrap();
    let meta = MetaProperties::new("abc", NodeId(3), Uuid(1 << 64 | 5));
    first.write_meta(&meta).unwrap();
    first.mark_clean(BrokerEpoch(7)).unwrap();
    let listing = || {
        let mut names: Vec<_> = RealDisk.list(&path).unwrap();
        names.sort_by(|a, b| a.name.cmp(&b.name));
        names
    };
    let before = listing();
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, StorageError::Locked { .. }));
    assert!(refused.to_string().contains("is in use"), "{refused}");
    assert!(refused.to_string().contains(".lock"), "{refused}");
    assert_eq!(listing(), before);
    drop(first);
    let again = open(&path).unwrap();
    assert_eq!(again.meta().unwrap(), Some(meta));
    let mark = again.take_clean_mark().unwrap().unwrap();
    assert_eq!(mark.broker_epoch, Some(BrokerEpoch(7)));
    assert_eq!(again.take_clean_mark().unwrap(), None);
}

#[test]
fn kafkas_meta_properties_are_read_and_damage_is_told() {
    let kafka = "#\n#Tue Nov 24 11:00:00 UTC 2026\ncluster.id=4L6g3nShT-eMCtK--X86sw\ndirectory.id=AAAAAAAAAAEAAAAAAAAABQ\nnode.id=1\nversion=1\nx.y=a\\:b\n";
    let meta = MetaProperties::parse(kafka.as_bytes()).unwrap();
    assert_eq!(meta.cluster_id, "4L6g3nShT-eMCtK--X86sw");
    assert_eq!(
        (meta.node_id, meta.directory_id),
        (NodeId(1), Some(Uuid(1 << 64 | 5)))
    );
    assert_eq!(meta.other["x.y"], "a:b");
    assert_eq!(MetaProperties::parse(meta.format().as_bytes()), Ok(meta));
    for (text, word) in [
        ("", "version is missing"),
        ("version=0\nbroker.id=1\n", "ZooKeeper"),
        ("version=1\nnode.id=1\n", "cluster.id is missing"),
        ("version=1\ncluster.id=a\nnode.id=x\n", "node.id"),
        (
            "version=1\ncluster.id=a\nnode.id=1\ndirectory.id=zz\n",
            "directory.id",
        ),
        ("garbage\n", "line 1"),
    ] {
        let error = MetaProperties::parse(text.as_bytes()).unwrap_err();
        assert!(error.contains(word), "{text:?}: {error}");
    }
    assert!(MetaProperties::parse(&[0xff, 0]).is_err());
}

#[test]
fn partitions_are_listed_by_what_their_names_say() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = open(tmp.path()).unwrap();
    let id = Uuid(77 << 64 | 1);
    let deleting = files::marked_dir_name("t", PartitionId(1), 9, files::DELETE_SUFFIX);
    for name in [
        "t-0",
        "my-topic-12",
        "not a partition",
        &deleting,
        "x-delete",
    ] {
        RealDisk.create_dir_all(&tmp.path().join(name)).unwrap();
    }
    let (t, metadata) = (tmp.path().join("t-0"), PartitionMetadata { topic_id: id });
    assert_eq!(PartitionMetadata::read(&RealDisk, &t).unwrap(), None);
    metadata.write(&RealDisk, &t).unwrap();
    assert_eq!(
        PartitionMetadata::read(&RealDisk, &t).unwrap(),
        Some(metadata)
    );
    let all = dir.partitions().unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|p| (p.topic.as_str(), p.partition.0, p.kind))
        .collect();
    assert_eq!(
        seen,
        [
            ("my-topic", 12, PartitionDirKind::Log),
            ("t", 0, PartitionDirKind::Log),
            ("t", 1, PartitionDirKind::Deleting),
        ]
    );
    dir.purge(&all[2].path).unwrap();
    let stray = dir
        .make_stray(&all[1].path, "t", PartitionId(0), 4)
        .unwrap();
    assert_eq!(dir.partitions().unwrap()[1].path, stray);
    assert_eq!(dir.partitions().unwrap()[1].kind, PartitionDirKind::Stray);
}

#[test]
fn checkpoints_are_kept_and_a_damaged_one_is_told_from_a_missing_one() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = open(tmp.path()).unwrap();
    assert_eq!(dir.recovery_points().unwrap(), Loaded::Missing);
    let mut offsets = PartitionOffsets::new();
    offsets.insert(("t".into(), PartitionId(0)), Offset(5));
    dir.write_recovery_points(&offsets).unwrap();
    dir.write_high_watermarks(&offsets).unwrap();
    dir.write_log_starts(&PartitionOffsets::new()).unwrap();
    assert_eq!(dir.recovery_points().unwrap(), Loaded::Good(offsets));
    assert_eq!(
        dir.log_starts().unwrap(),
        Loaded::Good(PartitionOffsets::new())
    );
    std::fs::write(tmp.path().join(RECOVERY_POINTS), "0\n9\nt 0 5\n").unwrap();
    assert_eq!(dir.recovery_points().unwrap(), Loaded::Damaged);
    assert!(dir.space().unwrap().total > 0);
}

/// Faults S23: what was formatted is there after a power cut, with all directories above it.
#[test]
fn a_new_directory_survives_a_power_cut() {
    let path = Path::new("/srv/kafka/data");
    let meta = MetaProperties::new("abc", NodeId(3), Uuid(5));
    for seed in 0..50 {
        let disk = FaultyDisk::new();
        let dir = LogDir::open(Arc::new(disk.clone()), path).unwrap();
        dir.write_meta(&meta).unwrap();
        let after = disk.after(Crash::Power, seed);
        let again = LogDir::open(Arc::new(after), path).unwrap();
        assert_eq!(again.meta().unwrap().as_ref(), Some(&meta), "seed {seed}");
    }
}

#[test]
fn a_run_mark_is_read_back_and_damage_is_seen() {
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new());
    let dir = LogDir::open(disk.clone(), Path::new("/d")).unwrap();
    assert_eq!(dir.run_mark().unwrap(), None);
    let mut mark = RunMark {
        boot: "b".into(),
        durable: false,
        runs: Vec::new(),
    };
    for run in 1..=20 {
        mark = mark.with(Uuid(run));
    }
    assert_eq!(mark.runs.len(), 16);
    assert_eq!(mark.runs.last(), Some(&Uuid(20)));
    dir.mark_run(&mark).unwrap();
    assert_eq!(dir.run_mark().unwrap(), Some(mark.clone()));
    assert!(mark.holds("b") && !mark.holds("c") && !mark.holds(""));
    let path = Path::new("/d/airis-run");
    let whole = disk.read_to_end(path).unwrap();
    for cut in 0..whole.len() {
        disk.write_atomically(path, &whole[..cut]).unwrap();
        assert_eq!(dir.run_mark().unwrap(), None, "{cut} bytes");
    }
}
