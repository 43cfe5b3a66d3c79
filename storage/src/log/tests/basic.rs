//! Appends, reads, rolls, lookups, producers, retention, truncation, a full disk.

use super::*;
use crate::RealDisk;
use crate::files;

#[test]
fn what_is_appended_is_read_back_at_its_offset() {
    let t = Harness::new(LogConfig::default());
    let log = t.open();
    assert_eq!((log.start(), log.end()), (Offset(0), Offset(0)));
    let mut all = Vec::new();
    for i in 0..50 {
        let a = append(&log, &batch(3, i * 1000, 100));
        assert_eq!(a.base_offset, Offset(i * 3));
        assert_eq!(a.last_offset, Offset(i * 3 + 2));
        all.push(a);
    }
    assert_eq!(log.end(), Offset(150));
    for from in 0..150 {
        let read = log.read(Offset(from), usize::MAX, log.end(), true).unwrap();
        let batches = parse(&read);
        assert_eq!(batches[0].base_offset().0, from / 3 * 3, "from {from}");
        assert_eq!(batches.last().unwrap().last_offset(), Offset(149));
        assert_eq!(batches[0].header().leader_epoch, 0);
    }
    // Bounded by an offset, and by size, whole batches only.
    let one = batch(3, 0, 100).len();
    for bound in 1..150 {
        let read = log
            .read(Offset(0), usize::MAX, Offset(bound), true)
            .unwrap();
        let end = if read.bytes == 0 {
            0
        } else {
            parse(&read).last().unwrap().last_offset().0 + 1
        };
        assert_eq!(end, bound / 3 * 3, "bound {bound}");
        assert!(read.upper.0 >= end);
    }
    for max in [0, 1, one - 1, one, one + 1, one * 7, one * 7 + 1] {
        for from in [0, 60, 147] {
            let read = log.read(Offset(from), max, log.end(), false).unwrap();
            assert!(read.bytes <= max && read.bytes.is_multiple_of(one));
            let due = (max / one).min((150 - from as usize) / 3);
            assert_eq!(read.bytes / one, due, "max {max} from {from}");
            let read = log.read(Offset(from), max, log.end(), true).unwrap();
            assert_eq!(read.bytes / one, due.max(1));
        }
    }
    assert_eq!(
        log.read(Offset(150), 100, log.end(), true).unwrap().bytes,
        0
    );
    for out in [-1, 151] {
        let e = log.read(Offset(out), 100, log.end(), true).unwrap_err();
        assert!(matches!(e, ReadError::OutOfRange { .. }));
    }
}

#[test]
fn segments_roll_by_size_and_are_read_across() {
    let t = Harness::new(small());
    let log = t.open();
    for i in 0..200 {
        append(&log, &batch(2, i * 10, 300));
    }
    let segments = log.segments();
    assert!(segments.len() > 10, "{}", segments.len());
    assert!(segments.iter().all(|s| s.1 <= 8192));
    assert_eq!(offsets(&log, 0), (0..400).collect::<Vec<_>>());
    assert_eq!(log.size_bytes(), segments.iter().map(|s| s.1).sum::<u64>());
    log.close().unwrap();
    drop(log);
    let (log, report) = t.reopen(true);
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(offsets(&log, 0), (0..400).collect::<Vec<_>>());
    for from in [0, 1, 57, 199, 398, 399] {
        assert_eq!(offsets(&log, from)[0], from / 2 * 2);
    }
    append(&log, &batch(2, 5000, 300));
    assert_eq!(log.end(), Offset(402));
}

#[test]
fn segments_roll_by_record_time_and_by_full_index() {
    let t = Harness::new(LogConfig {
        segment_ms: 1000,
        ..LogConfig::default()
    });
    let log = t.open();
    for ts in [5000, 5500, 6000, 6001, 6002, 8000] {
        append(&log, &batch(1, ts, 10));
    }
    let bases: Vec<_> = log.segments().iter().map(|s| s.0.0).collect();
    assert_eq!(bases, [0, 3, 5]);
    let t = Harness::new(LogConfig {
        index_interval_bytes: 0,
        segment_index_bytes: 120,
        ..LogConfig::default()
    });
    let log = t.open();
    for ts in 0..100 {
        append(&log, &batch(1, ts, 10));
    }
    assert!(log.segments().len() >= 10);
}

#[test]
fn offsets_are_found_by_time() {
    let t = Harness::new(small());
    let log = t.open();
    // Times go up and down.
    let times: Vec<i64> = (0..300).map(|i| 1000 + i * 10 - (i % 7) * 25).collect();
    for ts in &times {
        append(&log, &batch(1, *ts, 200));
    }
    let check = |log: &Log| {
        for ts in (900..4100).step_by(13) {
            let model = times.iter().position(|t| *t >= ts);
            let found = log.offset_for_time(Millis(ts), log.end()).unwrap();
            assert_eq!(found.map(|f| f.offset.0 as usize), model, "time {ts}");
            if let (Some(f), Some(m)) = (found, model) {
                assert_eq!(f.timestamp, Millis(times[m]));
                assert_eq!(f.leader_epoch, LeaderEpoch(0));
            }
            let bound = Offset(100);
            let found = log.offset_for_time(Millis(ts), bound).unwrap();
            let model = model.filter(|m| *m < 100);
            assert_eq!(found.map(|f| f.offset.0 as usize), model);
        }
        let max = *times.iter().max().unwrap();
        let at = times.iter().position(|t| *t == max).unwrap();
        let found = log.max_timestamp().unwrap().unwrap();
        assert_eq!((found.timestamp.0, found.offset.0 as usize), (max, at));
    };
    check(&log);
    log.close().unwrap();
    let (log, _) = t.reopen(true);
    check(&log);
    log.advance_start(Offset(50)).unwrap();
    let found = log.offset_for_time(Millis(0), log.end()).unwrap().unwrap();
    assert_eq!(found.offset, Offset(50));
}

#[test]
fn sequences_are_checked_and_duplicates_get_their_old_offsets() {
    let t = Harness::new(LogConfig::default());
    let log = t.open();
    let send = |epoch, seq, n| log.append_as_leader(&produced(7, epoch, seq, n), args());
    for i in 0..8 {
        assert_eq!(
            send(0, i * 2, 2).unwrap().base_offset,
            Offset(i64::from(i) * 2)
        );
    }
    for i in 3..8 {
        let again = send(0, i * 2, 2).unwrap();
        assert!(again.duplicate);
        assert_eq!(again.base_offset, Offset(i64::from(i) * 2));
        assert_eq!(again.last_offset, Offset(i64::from(i) * 2 + 1));
    }
    assert_eq!(log.end(), Offset(16));
    // Older than the five kept, a gap, a duplicate of another extent.
    for (seq, n) in [(0, 2), (17, 1), (14, 1)] {
        let e = send(0, seq, n).unwrap_err();
        assert!(matches!(e, AppendError::OutOfOrderSequence { .. }), "{e}");
    }
    assert!(matches!(
        send(1, 5, 1).unwrap_err(),
        AppendError::OutOfOrderSequence { .. }
    ));
    send(1, 0, 3).unwrap();
    assert!(matches!(
        send(0, 16, 1).unwrap_err(),
        AppendError::InvalidProducerEpoch { .. }
    ));
    // Nothing is known of producer 9: any sequence goes.
    log.append_as_leader(&produced(9, 3, 100, 1), args())
        .unwrap();
    let views = log.producers();
    assert_eq!(views.len(), 2);
    assert_eq!((views[0].epoch.0, views[0].last_sequence), (1, 2));
    // A snapshot keeps the last batch of each producer only, as Kafka's does.
    log.close().unwrap();
    let (log, _) = t.reopen(true);
    assert_eq!(log.producers(), views);
    assert!(
        log.append_as_leader(&produced(7, 1, 0, 3), args())
            .unwrap()
            .duplicate
    );
    assert_eq!(log.expire_producers(Millis(i64::MAX / 2), 1000), 2);
}

#[test]
fn aborted_transactions_hold_the_stable_offset_and_are_listed() {
    let t = Harness::new(small());
    let log = t.open();
    log.append_as_leader(&transactional(1, 0, 0, 2), args())
        .unwrap();
    log.append_as_leader(&transactional(2, 0, 0, 2), args())
        .unwrap();
    append(&log, &batch(1, 5, 10));
    assert_eq!(log.last_stable(Offset(5)), Offset(0));
    assert_eq!(log.oldest_transaction().unwrap().1, Offset(0));
    let plain_amid = log.append_as_leader(&produced(1, 0, 2, 1), args());
    assert!(matches!(plain_amid, Err(AppendError::InvalidTxnState(_))));
    end_txn(&log, 1, 0, true, 3).unwrap();
    // The marker is at 5; it counts once the high watermark has passed it.
    assert_eq!(log.last_stable(Offset(5)), Offset(0));
    assert_eq!(log.last_stable(Offset(6)), Offset(2));
    let fenced = end_txn(&log, 2, 0, true, 2);
    assert!(fenced.is_ok(), "coordinator epochs are per producer");
    assert_eq!(log.last_stable(log.end()), log.end());
    let fenced = end_txn(&log, 2, 0, true, 1).unwrap_err();
    assert!(matches!(fenced, AppendError::CoordinatorFenced { .. }));
    let first: Vec<_> = log
        .aborted(Offset(0), log.end())
        .unwrap()
        .iter()
        .map(|a| (a.producer.0, a.first.0, a.last.0, a.last_stable.0))
        .collect();
    assert_eq!(first, [(1, 0, 5, 2), (2, 2, 6, 7)]);
    assert_eq!(log.aborted(Offset(6), log.end()).unwrap().len(), 1);
    log.close().unwrap();
    let (log, _) = t.reopen(true);
    assert_eq!(log.aborted(Offset(0), log.end()).unwrap().len(), 2);
    assert_eq!(log.last_stable(log.end()), log.end());
}

/// Without times in the records the files' own count, whoever opened them when.
#[test]
fn retention_of_records_without_time_goes_by_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let config = Arc::new(LogConfig {
        retention_ms: 1000,
        ..small()
    });
    let now = std::time::SystemTime::now();
    let millis = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let millis = Millis(millis.as_millis() as i64);
    let open = || {
        let args = OpenArgs {
            now: millis,
            ..OpenArgs::default()
        };
        Log::open(Arc::new(RealDisk), &path, config.clone(), args)
            .unwrap()
            .0
    };
    let log = open();
    for _ in 0..40 {
        append(&log, &batch(1, -1, 700));
    }
    let segments = log.segments();
    assert!(segments.len() > 3);
    drop(log);
    for (base, ..) in &segments[..2] {
        let file = std::fs::File::options()
            .write(true)
            .open(files::segment_file(&path, *base, files::LOG));
        let old = now - std::time::Duration::from_secs(5);
        file.unwrap().set_modified(old).unwrap();
    }
    let log = open();
    let report = log.retain(millis, log.end(), false).unwrap();
    assert_eq!((report.segments, log.start()), (2, segments[2].0));
}

#[test]
fn retention_deletes_whole_segments_below_the_high_watermark() {
    let t = Harness::new(LogConfig {
        retention_ms: 1000,
        ..small()
    });
    let log = t.open();
    for i in 0..100 {
        append(&log, &batch(1, i * 10, 700));
    }
    let n = log.segments().len();
    assert!(n > 5);
    let held = log.read(Offset(0), 1 << 20, log.end(), true).unwrap();
    // Nothing below the high watermark, nothing goes.
    assert_eq!(
        log.retain(Millis(5000), Offset(0), false).unwrap().segments,
        0
    );
    // One at a time while the clock is suspect (faults S20).
    let one = log.retain(Millis(1_000_000), Offset(100), true).unwrap();
    assert_eq!((one.segments, one.moved), (1, true));
    let report = log.retain(Millis(1500), Offset(100), false).unwrap();
    assert!(report.segments > 0 && report.moved);
    let start = log.start().0;
    assert_eq!(log.segments()[0].0.0, start);
    assert!((0..start).all(|o| o * 10 < 500));
    assert!(matches!(
        log.read(Offset(0), 100, log.end(), true),
        Err(ReadError::OutOfRange { .. })
    ));
    assert!(!parse(&held).is_empty(), "a range outlives its segment");
    // Its index of aborted transactions does not: nobody is to take what it names for committed.
    assert!(matches!(
        log.aborted(Offset(0), log.end()),
        Err(ReadError::OutOfRange { .. })
    ));
    // All of it, the active segment too.
    log.retain(Millis(1_000_000), Offset(100), false).unwrap();
    assert_eq!((log.start(), log.end()), (Offset(100), Offset(100)));
    assert_eq!(log.size_bytes(), 0);
    append(&log, &batch(1, 5000, 10));
    assert_eq!(offsets(&log, 100), [100]);
    log.close().unwrap();
    let (log, _) = t.reopen(true);
    assert_eq!((log.start(), log.end()), (Offset(100), Offset(101)));
}

#[test]
fn retention_by_size_and_delete_records() {
    let t = Harness::new(LogConfig {
        retention_ms: -1,
        retention_bytes: 20_000,
        ..small()
    });
    let log = t.open();
    for i in 0..100 {
        append(&log, &batch(1, i * 10, 700));
    }
    log.retain(Millis(0), log.end(), false).unwrap();
    let size = log.size_bytes();
    assert!((20_000..28_300).contains(&size), "{size}");
    let start = log.start();
    assert!(log.advance_start(Offset(95)).unwrap());
    assert!(!log.advance_start(start).unwrap(), "never back");
    assert_eq!(log.start(), Offset(95));
    assert!(log.advance_start(Offset(101)).is_err());
    log.set_config(Arc::new(LogConfig {
        cleanup: CleanupPolicy {
            delete: false,
            compact: true,
        },
        ..small()
    }));
    assert!(
        log.retain(Millis(i64::MAX / 2), log.end(), false)
            .unwrap()
            .segments
            > 0
    );
    assert!(log.segments()[0].0 <= Offset(95));
    assert_eq!(offsets(&log, 95), [95, 96, 97, 98, 99]);
}

#[test]
fn truncation_takes_producers_and_epochs_along() {
    let t = Harness::new(small());
    let log = t.open();
    for i in 0..60 {
        log.assign_epoch(LeaderEpoch(i / 20));
        let args = AppendArgs {
            leader_epoch: LeaderEpoch(i / 20),
            ..args()
        };
        log.append_as_leader(&produced(7, 0, i * 2, 2), args)
            .unwrap();
        append_epoch(&log, &batch(1, i64::from(i), 300), i / 20);
    }
    assert_eq!(log.end(), Offset(180));
    assert_eq!(
        log.epoch_end(LeaderEpoch(0)),
        Some((LeaderEpoch(0), Offset(60)))
    );
    let held = log.truncate_to(Offset(100), Millis(0)).unwrap();
    assert_eq!(held, Offset(99), "100 is amid a batch");
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(1)));
    assert_eq!(log.epoch_at(Offset(98)), Some(LeaderEpoch(1)));
    // An append of an older leader comes late: it must not follow the records of a newer one.
    let late = log.append_as_leader(&produced(7, 0, 66, 2), args());
    assert!(
        matches!(late, Err(AppendError::OldEpoch { .. })),
        "{late:?}"
    );
    let leads = AppendArgs {
        leader_epoch: LeaderEpoch(1),
        ..args()
    };
    let next = log.append_as_leader(&produced(7, 0, 66, 2), leads).unwrap();
    assert_eq!(next.base_offset, Offset(99));
    assert_eq!(*offsets(&log, 0).last().unwrap(), 100);
    // KAFKA-10706: the epoch of a leader who wrote nothing goes although no record does.
    log.assign_epoch(LeaderEpoch(9));
    assert_eq!(
        log.truncate_to(Offset(101), Millis(0)).unwrap(),
        Offset(101)
    );
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(1)));
    log.truncate_to(Offset(0), Millis(0)).unwrap();
    assert_eq!((log.start(), log.end()), (Offset(0), Offset(0)));
    log.restart_at(Offset(500), Millis(0)).unwrap();
    append(&log, &batch(1, 5, 10));
    assert_eq!((log.start(), log.end()), (Offset(500), Offset(501)));
    log.close().unwrap();
    let (log, _) = t.reopen(true);
    assert_eq!((log.start(), log.end()), (Offset(500), Offset(501)));
}

#[test]
fn a_follower_keeps_batches_as_they_are() {
    let (leader, follower) = (Harness::new(small()), Harness::new(small()));
    let (a, b) = (leader.open(), follower.open());
    for i in 0..30 {
        append_epoch(&a, &batch(2, i, 200), i as i32 / 10);
    }
    while b.end() < a.end() {
        let read = a.read(b.end(), 3000, a.end(), true).unwrap();
        b.append_as_follower(&bytes(&read), Millis(0)).unwrap();
    }
    assert_eq!(a.epochs(), b.epochs());
    assert_eq!(contents(&a), contents(&b));
    let read = a.read(Offset(0), 1000, a.end(), true).unwrap();
    let e = b.append_as_follower(&bytes(&read), Millis(0)).unwrap_err();
    assert!(matches!(e, AppendError::UnexpectedOffset { .. }));
}

/// `segment.bytes` was made smaller after it was stored: a replica has to take it all the same.
#[test]
fn a_follower_takes_a_batch_that_is_larger_than_its_segments() {
    let leader = Harness::new(LogConfig {
        segment_bytes: 100_000,
        ..small()
    });
    let follower = Harness::new(small());
    let (a, b) = (leader.open(), follower.open());
    for size in [100, 50_000, 100] {
        append(&a, &batch(1, 5, size));
    }
    while b.end() < a.end() {
        let read = a.read(b.end(), 10, a.end(), true).unwrap();
        b.append_as_follower(&bytes(&read), Millis(0)).unwrap();
    }
    assert_eq!(contents(&a), contents(&b));
    assert_eq!(b.segments().len(), 3);
}

/// Where everything may go, but there is no room for another segment, the older ones make some.
#[test]
fn retention_on_a_full_disk_makes_room() {
    let t = Harness::new(LogConfig {
        retention_ms: 1000,
        ..small()
    });
    let log = t.open();
    for i in 0..40 {
        append(&log, &batch(1, i, 700));
    }
    let n = log.segments().len();
    assert!(n > 2);
    t.disk.set_capacity(Some(t.disk.used()));
    let report = log.retain(Millis(1_000_000), log.end(), false).unwrap();
    assert_eq!(report.segments, n - 1);
    log.retain(Millis(1_000_000), log.end(), false).unwrap();
    assert_eq!((log.start(), log.size_bytes()), (log.end(), 0));
}

/// Faults S10.
#[test]
fn a_log_opens_on_a_full_disk_and_writes_its_indexes_when_there_is_room() {
    for clean in [false, true] {
        let t = Harness::new(small());
        let log = t.open();
        for i in 0..60 {
            append(&log, &batch(1, NOW + i, 400));
        }
        let (before, end) = (contents(&log), log.end());
        assert!(log.segments().len() > 3);
        log.close().unwrap();
        // The hints are gone, and there is no room for new ones.
        for entry in t.disk.list(Path::new(DIR)).unwrap() {
            if entry.name.ends_with("index") || entry.name == crate::files::PARTITION_METADATA {
                t.disk
                    .remove_file(&Path::new(DIR).join(entry.name))
                    .unwrap();
            }
        }
        t.disk.set_capacity(Some(t.disk.used()));
        let full = |e| matches!(e, AppendError::Storage(e) if e.is_full());
        for _ in 0..2 {
            let (log, report) = t.reopen(clean);
            assert_eq!(report.truncated_bytes, 0);
            assert_eq!((contents(&log), log.end()), (before.clone(), end));
            let at = log
                .offset_for_time(Millis(NOW + 31), log.end())
                .unwrap()
                .unwrap();
            assert_eq!(at.offset, Offset(31));
            let refused = log.append_as_leader(&batch(1, NOW + 60, 400), args());
            assert!(full(refused.unwrap_err()));
            assert!(log.flush().is_err() || clean);
            log.abandon();
        }
        let (log, _) = t.reopen(clean);
        t.disk.set_capacity(None);
        append(&log, &batch(1, NOW + 60, 400));
        assert_eq!(log.flush().unwrap(), log.end());
        assert_eq!(log.close().unwrap(), log.end());
        let (log, report) = t.reopen(true);
        assert_eq!((report.rebuilt_indexes, report.scanned_segments), (0, 0));
        assert_eq!(contents(&log)[..60], before[..]);
        assert_eq!(offsets(&log, 0), (0..61).collect::<Vec<_>>());
    }
}

#[test]
fn a_full_disk_fails_the_append_keeps_what_was_acked_and_takes_more_later() {
    let t = Harness::new(small());
    let log = t.open();
    let mut acked = 0;
    t.disk.set_capacity(Some(50_000));
    let error = loop {
        match log.append_as_leader(&produced(7, 0, acked, 1), args()) {
            Ok(a) => {
                assert_eq!(a.base_offset.0, i64::from(acked));
                acked += 1;
            }
            Err(e) => break e,
        }
    };
    let AppendError::Storage(error) = error else {
        panic!("{error}");
    };
    assert!(
        error.is_full() && error.to_string().contains("/data/t-0/"),
        "{error}"
    );
    for _ in 0..5 {
        assert!(
            log.append_as_leader(&produced(7, 0, acked, 1), args())
                .is_err()
        );
        assert_eq!(offsets(&log, 0).len() as i32, acked);
    }
    t.disk.set_capacity(Some(100_000));
    for _ in 0..50 {
        log.append_as_leader(&produced(7, 0, acked, 1), args())
            .unwrap();
        acked += 1;
    }
    assert_eq!(offsets(&log, 0), (0..i64::from(acked)).collect::<Vec<_>>());
    drop(log);
    let (log, report) = t.reopen(false);
    assert_eq!(report.truncated_bytes, 0);
    assert_eq!(log.end().0, i64::from(acked));
}

/// Faults S14.
#[test]
fn a_failed_fsync_takes_the_log_offline() {
    let t = Harness::new(small());
    let log = t.open();
    append(&log, &batch(1, 1, 10));
    t.disk.fail_syncs(true);
    let e = log.flush().unwrap_err().to_string();
    assert!(e.contains("fsync") && e.contains(".log"), "{e}");
    t.disk.fail_syncs(false);
    assert!(matches!(log.flush(), Err(StorageError::Offline { .. })));
    assert_eq!(log.recovery_point(), Offset(0));
    let e = log.append_as_leader(&batch(1, 1, 10), args()).unwrap_err();
    assert!(matches!(
        e,
        AppendError::Storage(StorageError::Offline { .. })
    ));
    assert!(log.close().is_err());
}

#[test]
fn flush_moves_the_recovery_point_and_is_due_by_count_and_time() {
    let t = Harness::new(LogConfig {
        flush_messages: 5,
        flush_ms: 100,
        ..small()
    });
    let log = t.open();
    assert!(!log.flush_due(Millis(1_000_000)));
    for i in 0..5 {
        assert_eq!(append(&log, &batch(1, i, 10)).flush_due, i == 4);
    }
    assert!(!log.flush_due(Millis(NOW + 99)) && log.flush_due(Millis(NOW + 100)));
    assert_eq!(log.flush().unwrap(), Offset(5));
    assert_eq!(log.recovery_point(), Offset(5));
    assert!(!log.flush_due(Millis(1_000_000)));
    let before = t.disk.ops();
    log.flush().unwrap();
    assert_eq!(t.disk.ops(), before, "nothing to do");
}

#[test]
fn deleting_renames_the_directory() {
    let t = Harness::new(small());
    let log = t.open();
    append(&log, &batch(1, 1, 10));
    let held = log.read(Offset(0), 1000, log.end(), true).unwrap();
    let to = log.delete("t", PartitionId(0), 7).unwrap();
    assert!(
        to.to_str()
            .unwrap()
            .ends_with("t-0.00000000000000000000000000000007-delete")
    );
    assert!(t.disk.exists(&to) && !t.disk.exists(Path::new(DIR)));
    assert_eq!(log.dir(), to);
    assert_eq!(parse(&held).len(), 1);
    let e = log.append_as_leader(&batch(1, 1, 10), args()).unwrap_err();
    assert!(matches!(
        e,
        AppendError::Storage(StorageError::Closed { .. })
    ));
}

#[test]
fn many_logs_are_closed_with_one_sync() {
    let t = Harness::new(small());
    let open = |i: i32, clean| {
        let dir = format!("/data/t-{i}");
        let args = OpenArgs {
            clean,
            now: Millis(NOW),
            producer_expiry_ms: i64::MAX,
            ..OpenArgs::default()
        };
        let disk = Arc::new(t.disk.clone());
        Log::open(disk, Path::new(&dir), t.config.clone(), args).unwrap()
    };
    let logs: Vec<Log> = (0..20).map(|i| open(i, false).0).collect();
    for (i, log) in logs.iter().enumerate() {
        for k in 0..i as i32 * 7 {
            append_epoch(log, &produced(9, 0, k, 1), k / 50);
        }
    }
    let all: Vec<&Log> = logs.iter().collect();
    let ends: Vec<_> = logs.iter().map(Log::end).collect();
    let closed = Log::close_all(&t.disk, Path::new("/data"), &all);
    let points: Vec<_> = closed.into_iter().map(Result::unwrap).collect();
    assert_eq!(points, ends);
    let after = t.disk.after(crate::disk::faulty::Crash::Power, 1);
    let t = Harness {
        disk: after,
        config: t.config.clone(),
    };
    for (i, log) in logs.iter().enumerate() {
        let dir = format!("/data/t-{i}");
        let args = OpenArgs {
            clean: true,
            now: Millis(NOW),
            producer_expiry_ms: i64::MAX,
            ..OpenArgs::default()
        };
        let disk = Arc::new(t.disk.clone());
        let (again, report) = Log::open(disk, Path::new(&dir), t.config.clone(), args).unwrap();
        assert_eq!(report, RecoveryReport::default());
        assert_eq!(contents(&again), contents(log));
        assert_eq!(again.producers(), log.producers());
        assert_eq!(again.epochs(), log.epochs());
    }
}

#[test]
fn a_flushed_log_still_has_an_end_to_write_and_an_untouched_one_has_none() {
    let t = Harness::new(small());
    let log = t.open();
    assert!(!log.has_end_to_write(), "there is nothing in it");
    append(&log, &produced(9, 0, 0, 1));
    assert!(log.has_end_to_write());
    log.flush().unwrap();
    assert!(log.has_end_to_write(), "the producers and the indexes");
    log.close().unwrap();
    let (again, _) = t.with(OpenArgs {
        clean: true,
        recovery_point: log.end(),
        now: Millis(NOW),
        producer_expiry_ms: i64::MAX,
        ..OpenArgs::default()
    });
    assert!(
        !again.has_end_to_write(),
        "nothing was appended to it since"
    );
}
