//! The metadata log's files, where a crash or rot has been at them.

use super::*;

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
