//! The storage rows of the fault list, one by one: torn and rotten bytes, lost files, wrong checkpoints, left-overs.

use super::*;
use crate::files::{self, segment_file};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(DIR).join(name)
}

fn write(t: &Harness, name: &str, bytes: &[u8]) {
    let file = t.disk.open(&path(name), OpenMode::Truncate).unwrap();
    file.write_at(0, &mut [std::io::IoSlice::new(bytes)])
        .unwrap();
}

fn names(t: &Harness) -> Vec<String> {
    let mut names: Vec<_> = t
        .disk
        .list(Path::new(DIR))
        .unwrap()
        .into_iter()
        .map(|e| e.name)
        .collect();
    names.sort();
    names
}

fn at_point(t: &Harness, clean: bool, point: i64) -> (Log, RecoveryReport) {
    t.with(OpenArgs {
        clean,
        recovery_point: Offset(point),
        now: Millis(NOW),
        producer_expiry_ms: i64::MAX,
        ..OpenArgs::default()
    })
}

/// A log of several segments with producers, aborted transactions and epochs.
fn rich(t: &Harness) -> Log {
    let log = t.open();
    for i in 0..40 {
        let args = AppendArgs {
            leader_epoch: LeaderEpoch(i / 15),
            ..args()
        };
        log.append_as_leader(&produced(7, 0, i * 2, 2), args)
            .unwrap();
        append_epoch(&log, &batch(1, NOW + i64::from(i), 500), i / 15);
        log.append_as_leader(&transactional(100 + i64::from(i), 0, 0, 1), args)
            .unwrap();
        end_txn_epoch(&log, 100 + i64::from(i), i % 3 != 0, i / 15);
    }
    assert!(log.segments().len() > 3);
    log
}

fn end_txn_epoch(log: &Log, id: i64, abort: bool, epoch: i32) {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    b.push(
        Millis(NOW),
        Some(&[0, 0, 0, u8::from(!abort)]),
        Some(&[0, 0, 0, 0, 0, 1]),
        &[],
    );
    b.producer(ProducerId(id), ProducerEpoch(0), -1);
    b.transactional();
    b.control();
    let args = AppendArgs {
        leader_epoch: LeaderEpoch(epoch),
        origin: Origin::Coordinator,
        ..args()
    };
    log.append_as_leader(&b.build(Offset(0), LeaderEpoch(-1)), args)
        .unwrap();
}

/// All that a log answers.
#[derive(Debug, PartialEq)]
struct Answers {
    contents: Vec<Bytes>,
    times: Vec<Option<TimeOffset>>,
    max: Option<TimeOffset>,
    aborted: Vec<crate::AbortedTxn>,
    epochs: Vec<(LeaderEpoch, Offset)>,
    producers: Vec<ProducerView>,
    stable: Offset,
}

fn answers(log: &Log) -> Answers {
    Answers {
        contents: contents(log),
        times: (NOW - 1..NOW + 45)
            .map(|t| log.offset_for_time(Millis(t), log.end()).unwrap())
            .collect(),
        max: log.max_timestamp().unwrap(),
        aborted: log.aborted(log.start(), log.end()).unwrap(),
        epochs: log.epochs(),
        producers: log.producers(),
        stable: log.last_stable(log.end()),
    }
}

/// S1, S2.
#[test]
fn a_torn_or_rotten_last_batch_is_cut_off() {
    let whole = batch(1, NOW, 300).len() as u64;
    for tear in [1, 30, 61, whole - 1] {
        let t = Harness::new(small());
        let log = t.open();
        for i in 0..10 {
            append(&log, &batch(1, NOW + i, 300));
        }
        log.flush().unwrap();
        append(&log, &batch(1, NOW + 10, 300));
        drop(log);
        let log_file = segment_file(Path::new(DIR), Offset(0), files::LOG);
        let file = t.disk.open(&log_file, OpenMode::Write).unwrap();
        if tear == 61 {
            t.disk.damage(&log_file, 10 * whole + 200, b"!");
        } else {
            file.set_len(10 * whole + tear).unwrap();
        }
        let (log, report) = at_point(&t, false, 10);
        assert_eq!(log.end(), Offset(10));
        let gone = if tear == 61 { whole } else { tear };
        assert_eq!(report.truncated_bytes, gone);
        assert!(report.truncated_why.is_some());
        assert_eq!(file.len().unwrap(), 10 * whole);
        assert_eq!(append(&log, &batch(1, NOW, 300)).base_offset, Offset(10));
        assert_eq!(offsets(&log, 0), (0..11).collect::<Vec<_>>());
    }
}

/// S5: what was flushed and is followed by something valid is damage, not the end of the log.
#[test]
fn a_zeroed_page_amid_flushed_data_does_not_end_the_log() {
    let t = Harness::new(LogConfig::default());
    let log = t.open();
    for i in 0..100 {
        append(&log, &batch(1, NOW + i, 1000));
    }
    log.flush().unwrap();
    drop(log);
    let file = segment_file(Path::new(DIR), Offset(0), files::LOG);
    t.disk.damage(&file, 40_960, &[0; 4096]);
    let (log, report) = at_point(&t, false, 100);
    assert_eq!((report.truncated_bytes, report.damage.len()), (0, 1));
    assert_eq!(log.end(), Offset(100));
    let damage = &report.damage[0];
    let (first, next) = (damage.first, damage.next.unwrap());
    assert!(first.0 >= 37 && next.0 <= 43 && first < next, "{damage:?}");
    assert_eq!(*offsets_to(&log, 0, first).last().unwrap(), first.0 - 1);
    let e = log.read(first, 1 << 20, log.end(), true).unwrap_err();
    assert!(matches!(e, ReadError::Damaged { .. }), "{e}");
    assert_eq!(offsets(&log, next.0), (next.0..100).collect::<Vec<_>>());
    // The same bytes, never flushed: the log ends there.
    let (log, report) = at_point(&t, false, first.0);
    assert_eq!(log.end(), first);
    assert!(report.truncated_bytes > 0 && report.damage.is_empty());
}

fn offsets_to(log: &Log, from: i64, to: Offset) -> Vec<i64> {
    let read = log.read(Offset(from), 1 << 20, to, true).unwrap();
    let batches = parse(&read);
    batches.iter().map(|b| b.base_offset().0).collect()
}

/// S6: every index file of every segment missing, empty, cut or overwritten, after a clean stop and after a crash.
#[test]
fn lost_and_damaged_indexes_change_no_answer() {
    let t = Harness::new(small());
    let log = rich(&t);
    let before = answers(&log);
    log.close().unwrap();
    let end = log.end();
    drop(log);
    for clean in [true, false] {
        let (log, _) = at_point(&t, clean, end.0);
        assert_eq!(answers(&log).aborted, before.aborted);
        log.close().unwrap();
        for kind in [files::OFFSET_INDEX, files::TIME_INDEX, files::TXN_INDEX] {
            for harm in ["missing", "empty", "cut", "garbage"] {
                let victims: Vec<String> = names(&t)
                    .into_iter()
                    .filter(|n| n.ends_with(&format!(".{kind}")))
                    .collect();
                assert!(!victims.is_empty());
                for name in &victims {
                    let bytes = t.disk.read_to_end(&path(name)).unwrap();
                    match harm {
                        "missing" => t.disk.remove_file(&path(name)).unwrap(),
                        "empty" if kind == files::TXN_INDEX => continue,
                        "empty" => write(&t, name, &[]),
                        "cut" => write(&t, name, &bytes[..bytes.len().saturating_sub(3)]),
                        _ => write(&t, name, &vec![0x5a; bytes.len()]),
                    }
                }
                let (log, _) = at_point(&t, clean, end.0);
                let now = answers(&log);
                assert_eq!(now.contents, before.contents, "{kind} {harm}");
                assert_eq!(now.times, before.times, "{kind} {harm}");
                assert_eq!(now.max, before.max, "{kind} {harm}");
                assert_eq!(now.aborted, before.aborted, "{kind} {harm} clean {clean}");
                assert_eq!(now.epochs, before.epochs);
                log.close().unwrap();
            }
        }
    }
}

/// S7.
#[test]
fn lost_and_damaged_producer_snapshots_are_replayed() {
    for harm in ["missing", "garbage", "newest"] {
        for clean in [true, false] {
            let t = Harness::new(small());
            let log = rich(&t);
            let before = answers(&log);
            log.close().unwrap();
            let end = log.end();
            drop(log);
            let snapshots: Vec<_> = names(&t)
                .into_iter()
                .filter(|n| n.ends_with(".snapshot"))
                .collect();
            assert!(snapshots.len() > 2);
            for name in &snapshots {
                match harm {
                    "missing" => t.disk.remove_file(&path(name)).unwrap(),
                    "garbage" => t.disk.damage(&path(name), 12, &[0xff]),
                    _ if Some(name) == snapshots.last() => t.disk.damage(&path(name), 3, &[1, 2]),
                    _ => {}
                }
            }
            let (log, report) = at_point(&t, clean, end.0);
            assert_eq!(answers(&log), before, "{harm}");
            assert!(report.replayed_from.is_some());
            // The last five batches are known again, a gap is still one. (The last one only, if a snapshot was of help.)
            let again = |log: &Log, i: i32| {
                let args = AppendArgs {
                    leader_epoch: LeaderEpoch(2),
                    ..args()
                };
                log.append_as_leader(&produced(7, 0, i * 2, 2), args)
            };
            let kept = if harm == "newest" || !clean {
                39..40
            } else {
                35..40
            };
            for i in kept {
                let a = again(&log, i).unwrap();
                assert!(a.duplicate, "{harm} {i}");
            }
            assert!(matches!(
                again(&log, 41),
                Err(AppendError::OutOfOrderSequence { .. })
            ));
            assert!(!again(&log, 40).unwrap().duplicate);
        }
    }
}

/// S8.
#[test]
fn lost_and_damaged_leader_epochs_are_collected_from_the_batches() {
    for harm in ["missing", "garbage"] {
        for clean in [true, false] {
            let t = Harness::new(small());
            let log = rich(&t);
            let before = log.epochs();
            assert_eq!(before.len(), 3);
            log.close().unwrap();
            let end = log.end();
            match harm {
                "missing" => t.disk.remove_file(&path(files::LEADER_EPOCHS)).unwrap(),
                _ => write(&t, files::LEADER_EPOCHS, b"0\n7\n1 "),
            }
            let (log, report) = at_point(&t, clean, end.0);
            assert_eq!(log.epochs(), before);
            assert!(report.rebuilt_epochs);
            log.flush().unwrap();
        }
    }
}

/// S9.
#[test]
fn a_missing_or_future_recovery_point_means_a_scan_and_loses_nothing() {
    for point in [0, 7, 1_000_000] {
        let t = Harness::new(small());
        let log = rich(&t);
        let before = answers(&log);
        log.flush().unwrap();
        let end = log.end();
        drop(log);
        let (log, report) = at_point(&t, false, point);
        assert_eq!(answers(&log), before);
        assert!(report.scanned_segments > 3, "{report:?}");
        assert_eq!(log.recovery_point().0, point.min(end.0));
    }
}

/// Recovery reads from the segment of the recovery point on, and nothing before.
#[test]
fn recovery_scans_from_the_recovery_point_only() {
    let t = Harness::new(small());
    let log = rich(&t);
    let segments = log.segments();
    log.flush().unwrap();
    drop(log);
    let last = segments.last().unwrap();
    let (_, report) = at_point(&t, false, last.0.0 + 1);
    assert_eq!((report.scanned_segments, report.scanned_bytes), (1, last.1));
}

/// S21.
#[test]
fn left_overs_of_interrupted_renames_are_resolved() {
    let t = Harness::new(small());
    let log = rich(&t);
    let before = answers(&log);
    log.close().unwrap();
    let end = log.end();
    let second = log.segments()[1].0;
    drop(log);
    let name = |kind: &str| format!("{:020}.{kind}", second.0);
    let bytes = t.disk.read_to_end(&path(&name("log"))).unwrap();
    let index = t.disk.read_to_end(&path(&name("index"))).unwrap();
    // A swap that was complete but not renamed; the original is still there.
    write(&t, &name("log.swap"), &bytes);
    write(&t, &name("index.swap"), &index);
    write(&t, "00000000000000999999.log.cleaned", b"half");
    write(&t, "00000000000000999999.index.cleaned", b"half");
    write(&t, "00000000000000000000.log.deleted", b"old");
    write(&t, "00000000000000888888.index", b"orphan");
    write(&t, "leader-epoch-checkpoint.tmp", b"0");
    write(
        &t,
        "00000000000000000007-0000000001.checkpoint.deleted",
        b"not ours",
    );
    for _ in 0..2 {
        let (log, _) = at_point(&t, true, end.0);
        assert_eq!(answers(&log), before);
        log.close().unwrap();
    }
    let left = names(&t);
    let odd = |n: &&String| {
        n.contains(".swap") || n.contains(".cleaned") || n.contains(".tmp") || n.contains("888888")
    };
    assert_eq!(left.iter().filter(odd).count(), 0, "{left:?}");
    assert!(!left.contains(&"00000000000000000000.log.deleted".to_owned()));
    assert!(left.contains(&"00000000000000000007-0000000001.checkpoint.deleted".to_owned()));
}

#[test]
fn a_log_that_ends_before_its_start_begins_anew() {
    let t = Harness::new(small());
    let log = t.open();
    append(&log, &batch(3, NOW, 10));
    log.close().unwrap();
    let (log, _) = t.with(OpenArgs {
        log_start: Offset(50),
        ..OpenArgs::default()
    });
    assert_eq!((log.start(), log.end()), (Offset(50), Offset(50)));
    assert_eq!(append(&log, &batch(1, NOW, 10)).base_offset, Offset(50));
}

#[test]
fn a_directory_of_another_topic_is_refused_and_a_new_one_ignores_old_checkpoints() {
    let t = Harness::new(small());
    let (log, _) = t.with(OpenArgs {
        log_start: Offset(50),
        recovery_point: Offset(60),
        topic_id: Some(Uuid(1 << 70)),
        ..OpenArgs::default()
    });
    assert_eq!(
        (log.start(), log.end()),
        (Offset(0), Offset(0)),
        "of a topic that had the same name"
    );
    drop(log);
    let other = OpenArgs {
        topic_id: Some(Uuid(1 << 71)),
        ..OpenArgs::default()
    };
    let disk = Arc::new(t.disk.clone());
    let e = Log::open(disk, Path::new(DIR), t.config.clone(), other).unwrap_err();
    assert!(e.to_string().contains("topic"), "{e}");
}

/// An append that panics leaves neither a stuck nor a wrong partition.
#[test]
fn a_panic_amid_an_append_is_healed_by_the_next_one() {
    let t = Harness::new(small());
    let log = t.open();
    let send = |i: i32| log.append_as_leader(&produced(7, 0, i, 1), args());
    for i in 0..5 {
        send(i).unwrap();
    }
    {
        // As it looks when the write was made and the tables were not.
        let mut writer = log.writer.lock();
        let torn = produced(7, 0, 5, 1);
        log.active()
            .write(&mut [std::io::IoSlice::new(&torn)])
            .unwrap();
        writer.producers.clear(0);
        writer.amid_append = true;
    }
    assert!(send(4).unwrap().duplicate);
    assert_eq!(send(5).unwrap().base_offset, Offset(5));
    assert_eq!(offsets(&log, 0), (0..6).collect::<Vec<_>>());
    drop(log);
    let (log, report) = at_point(&t, false, 0);
    assert_eq!((log.end(), report.truncated_bytes), (Offset(6), 0));
}

#[test]
fn a_flush_during_a_write_does_not_count_for_it() {
    for seed in 0..20 {
        let t = Harness::new(small());
        let log = Arc::new(t.open());
        append(&log, &batch(1, NOW, 100));
        let flushing = log.clone();
        t.disk.amid_next_write(move || {
            assert_eq!(flushing.flush().unwrap(), Offset(1));
        });
        append(&log, &batch(1, NOW, 100));
        assert_eq!(log.flush().unwrap(), Offset(2));
        let after = Harness {
            disk: t.disk.after(crate::disk::faulty::Crash::Power, seed),
            config: t.config.clone(),
        };
        assert_eq!(after.open().end(), Offset(2), "seed {seed}");
    }
}

#[test]
fn a_roll_that_finds_no_room_to_reserve_leaves_nothing() {
    let t = Harness::new(LogConfig {
        preallocate: true,
        ..small()
    });
    let log = t.open();
    append(&log, &batch(1, NOW, 7_000));
    t.disk.set_capacity(Some(t.disk.used() + 4_000));
    let large = log.append_as_leader(&batch(1, NOW, 3_000), args());
    assert!(matches!(large, Err(AppendError::Storage(_))), "{large:?}");
    // What still fits goes behind what is there.
    append(&log, &batch(1, NOW, 100));
    log.flush().unwrap();
    drop(log);
    for clean in [true, false] {
        let (again, _) = t.reopen(clean);
        assert_eq!(again.end(), Offset(2), "clean: {clean}");
    }
}
