//! Random operations on the faulty disk, a crash at some write or sync, a reopening, and a comparison with a vector.
//!
//! Each case prints its seed when it fails; `AIRIS_SEED=<seed>` runs that one alone.

use super::*;
use crate::disk::faulty::{Crash, Dice};

/// What was appended, batch by batch: base offset, records, bytes as stored.
#[derive(Clone, Default)]
struct Model {
    batches: Vec<(i64, i64, Bytes)>,
    start: i64,
    /// Everything before was flushed (the flush was answered).
    flushed: i64,
    sequence: i32,
    epoch: i32,
}

impl Model {
    fn end(&self) -> i64 {
        self.batches.last().map_or(self.start, |b| b.0 + b.1)
    }
}

fn stamped(batch: &[u8], base: i64, epoch: i32) -> Bytes {
    let mut bytes = batch.to_vec();
    airis_protocol::batch::stamp(&mut bytes, Offset(base), LeaderEpoch(epoch));
    bytes.into()
}

/// The log holds a prefix of the model that reaches at least `least`, or one batch more than it (`maybe`).
fn compare(log: &Log, model: &Model, maybe: Option<&Bytes>, least: i64) {
    let mut found = batches(log, log.start().0).into_iter().peekable();
    let end = log.end().0;
    assert!(end >= least, "ends at {end}, {least} was flushed");
    let mut at = log.start().0;
    for (base, records, bytes) in &model.batches {
        if base + records <= log.start().0 {
            continue;
        }
        if *base >= end {
            break;
        }
        let batch = found
            .next()
            .unwrap_or_else(|| panic!("batch at {base} is missing"));
        assert_eq!(batch.bytes(), bytes, "batch at {base}");
        at = base + records;
    }
    if let (Some(extra), Some(batch)) = (maybe, found.peek()) {
        assert_eq!(batch.bytes(), extra, "the append that the crash cut short");
        at = batch.header().next_offset().0;
        found.next();
    }
    assert!(found.next().is_none());
    assert_eq!(end.max(log.start().0), at.max(log.start().0), "end");
}

/// Epochs, times and duplicates agree with the batches that are there.
fn check_tables(log: &Log) {
    let all = batches(log, log.start().0);
    for batch in &all {
        let epoch = batch.header().leader_epoch;
        assert_eq!(
            log.epoch_at(batch.base_offset().max(log.start())),
            Some(LeaderEpoch(epoch))
        );
    }
    let records: Vec<(i64, i64)> = all
        .iter()
        .flat_map(|b| {
            let set = b.records(0).unwrap();
            set.iter()
                .map(|r| r.unwrap())
                .map(|r| (r.timestamp.0, r.offset.0))
                .collect::<Vec<_>>()
        })
        .filter(|r| r.1 >= log.start().0)
        .collect();
    for probe in [0, NOW, NOW + 50, NOW + 500, NOW + 100_000] {
        let due = records.iter().find(|r| r.0 >= probe).map(|r| r.1);
        let found = log.offset_for_time(Millis(probe), log.end()).unwrap();
        assert_eq!(found.map(|f| f.offset.0), due, "time {probe}");
    }
    // Only if the producer's last batch is still there is its repetition a duplicate.
    if let Some(last) = all.iter().rev().find(|b| b.header().has_producer_id()) {
        let args = AppendArgs {
            leader_epoch: log.latest_epoch().expect("batches have epochs"),
            ..args()
        };
        let again = log.append_as_leader(last.bytes(), args).unwrap();
        assert!(again.duplicate, "{:?} {:?}", last.header(), log.producers());
        assert_eq!(again.base_offset, last.base_offset());
    }
}

fn one(seed: u64) {
    let mut dice = Dice::new(seed);
    let t = Harness::new(LogConfig {
        segment_bytes: 1024 + dice.below(6000) as u32,
        index_interval_bytes: dice.below(1500) as u32,
        retention_ms: 300,
        ..LogConfig::default()
    });
    let (mut disk, mut model) = (t.disk.clone(), Model::default());
    let mut clean = false;
    for life in 0..6 {
        let open = OpenArgs {
            clean,
            recovery_point: Offset(model.flushed.max(model.start)),
            log_start: Offset(model.start),
            now: Millis(NOW),
            producer_expiry_ms: i64::MAX,
            topic_id: Some(Uuid(1 << 70)),
        };
        let (log, report) = Log::open(
            Arc::new(disk.clone()),
            Path::new(DIR),
            t.config.clone(),
            open,
        )
        .unwrap();
        assert!(report.damage.is_empty(), "{report:?}");
        if clean {
            assert_eq!(report.scanned_segments, 0, "life {life}");
            assert_eq!(report.replayed_from, None, "life {life}");
        }
        compare(
            &log,
            &model,
            None,
            if clean { model.end() } else { model.flushed },
        );
        check_tables(&log);
        // What a crash has taken is gone for good.
        let end = log.end().0;
        model.batches.retain(|b| b.0 < end);
        model.start = log.start().0;
        if let Some(p) = log.producers().first() {
            model.sequence = p.last_sequence + 1;
        } else {
            model.sequence = 0;
        }
        let ops = disk.ops();
        let dies = dice.chance(80);
        if dies {
            disk.crash_at(ops + 1 + dice.below(120), dice.roll());
        }
        let (cut_short, closed) = live(&log, &mut model, &mut dice);
        log.abandon();
        drop(log);
        clean = closed;
        let crash = if dice.chance(50) {
            Crash::Process
        } else {
            Crash::Power
        };
        disk = disk.after(crash, dice.roll());
        if let Some(extra) = cut_short {
            // The crash may have kept the append that it cut short: then it is part of the model.
            let (log, _) = Log::open(
                Arc::new(disk.clone()),
                Path::new(DIR),
                t.config.clone(),
                OpenArgs {
                    clean: false,
                    recovery_point: Offset(model.flushed.max(model.start)),
                    log_start: Offset(model.start),
                    ..open
                },
            )
            .unwrap();
            let end = model.end();
            compare(&log, &model, Some(&extra), model.flushed);
            if log.end().0 > end {
                let records = log.end().0 - end;
                model.batches.push((end, records, extra));
            }
            log.abandon();
        }
    }
}

/// Works on a log until the disk dies or enough was done. Gives the append that failed, and whether the log was closed.
fn live(log: &Log, model: &mut Model, dice: &mut Dice) -> (Option<Bytes>, bool) {
    for step in 0..60 {
        match dice.below(100) {
            0..70 => {
                let records = 1 + dice.below(4) as usize;
                let time = NOW + step * 10 - dice.below(50) as i64;
                let idempotent = dice.chance(50);
                let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
                for i in 0..records {
                    let value = vec![b'v'; dice.below(200) as usize];
                    b.push(Millis(time + i as i64), None, Some(&value), &[]);
                }
                if idempotent {
                    b.producer(ProducerId(5), ProducerEpoch(0), model.sequence);
                }
                let bytes = b.build(Offset(0), LeaderEpoch(-1));
                let stored = stamped(&bytes, log.end().0, model.epoch);
                let args = AppendArgs {
                    leader_epoch: LeaderEpoch(model.epoch),
                    ..args()
                };
                match log.append_as_leader(&bytes, args) {
                    Ok(a) => {
                        assert_eq!(a.base_offset.0, model.end());
                        model
                            .batches
                            .push((a.base_offset.0, records as i64, stored));
                        if idempotent {
                            model.sequence += records as i32;
                        }
                    }
                    Err(AppendError::Storage(_)) => return (Some(stored), false),
                    Err(e) => panic!("{e}"),
                }
            }
            70..80 => match log.flush() {
                Ok(point) => {
                    assert_eq!(point.0, model.end().max(point.0));
                    model.flushed = model.flushed.max(point.0);
                }
                Err(_) => return (None, false),
            },
            80..84 => {
                if log.roll(Millis(NOW)).is_err() {
                    return (None, false);
                }
            }
            84..88 => {
                model.epoch += 1;
                log.assign_epoch(LeaderEpoch(model.epoch));
            }
            88..92 => {
                let now = Millis(NOW + dice.below(900) as i64);
                // The caller's checkpoint of the start may be older than the start: never newer.
                let result = log.retain(now, Offset(model.flushed.min(log.end().0)), false);
                model.start = model.start.max(log.start().0);
                model.flushed = model.flushed.max(model.start);
                if result.is_err() {
                    return (None, false);
                }
            }
            92..94 => {
                let to =
                    log.start().0 + dice.below((log.end().0 - log.start().0) as u64 + 1) as i64;
                let to = to.min(model.flushed).max(log.start().0);
                if log.advance_start(Offset(to)).is_err() {
                    return (None, false);
                }
                model.start = log.start().0;
            }
            94..97 => {
                let to = model.flushed.max(log.start().0);
                let to = to + dice.below((log.end().0 - to).max(0) as u64 + 1) as i64;
                match log.truncate_to(Offset(to), Millis(NOW)) {
                    Ok(end) => {
                        model.batches.retain(|b| b.0 < end.0);
                        let last = log.producers().first().map_or(-1, |p| p.last_sequence);
                        model.sequence = last + 1;
                        compare(log, model, None, model.flushed);
                    }
                    // Cut or not: both are good.
                    Err(_) => return (None, false),
                }
            }
            _ => {
                compare(log, model, None, model.flushed);
                check_tables(log);
            }
        }
    }
    match log.close() {
        Ok(point) => {
            assert_eq!(point, log.end());
            model.flushed = point.0;
            (None, true)
        }
        Err(_) => (None, false),
    }
}

/// No file descriptor is left at any moment (fault S19): what fails changes nothing, and goes well when it is tried again.
fn short(seed: u64) {
    let mut dice = Dice::new(seed);
    let t = Harness::new(LogConfig {
        segment_bytes: 1024 + dice.below(4000) as u32,
        index_interval_bytes: dice.below(1000) as u32,
        ..LogConfig::default()
    });
    let disk = t.disk.clone();
    let mut model = Model::default();
    let mut failed = 0;
    for life in 0..4 {
        // Recovery at the start needs descriptors too; it is tried again as a whole.
        let open = || {
            Log::open(
                Arc::new(disk.clone()),
                Path::new(DIR),
                t.config.clone(),
                OpenArgs {
                    recovery_point: Offset(model.flushed),
                    now: Millis(NOW),
                    producer_expiry_ms: i64::MAX,
                    ..OpenArgs::default()
                },
            )
        };
        disk.refuse_opens(life > 0);
        if life > 0 {
            assert!(open().is_err_and(|e| e.is_short()));
        }
        disk.refuse_opens(false);
        let (log, _) = open().unwrap();
        compare(&log, &model, None, model.end());
        // Does something, in want of descriptors or not; what fails for that is done again.
        let mut again = |refuse: bool, work: &mut dyn FnMut() -> Result<(), StorageError>| {
            disk.refuse_opens(refuse);
            let done = work();
            disk.refuse_opens(false);
            if let Err(e) = done {
                assert!(refuse && e.is_short(), "{e}");
                failed += 1;
                work().unwrap();
            }
            assert!(!log.is_offline());
        };
        for step in 0..80 {
            let refuse = dice.chance(40);
            match dice.below(100) {
                0..70 => {
                    let records = 1 + dice.below(3) as usize;
                    let bytes = match dice.chance(50) {
                        true => {
                            let bytes = produced(5, 0, model.sequence, records);
                            model.sequence += records as i32;
                            bytes
                        }
                        false => batch(records, NOW + step, dice.below(300) as usize),
                    };
                    let stored = stamped(&bytes, model.end(), model.epoch);
                    again(refuse, &mut || {
                        let args = AppendArgs {
                            leader_epoch: LeaderEpoch(model.epoch),
                            ..args()
                        };
                        match log.append_as_leader(&bytes, args) {
                            Ok(a) => {
                                assert_eq!((a.base_offset.0, a.duplicate), (model.end(), false))
                            }
                            Err(AppendError::Storage(e)) => return Err(e),
                            Err(e) => panic!("{e}"),
                        }
                        Ok(())
                    });
                    model.batches.push((model.end(), records as i64, stored));
                }
                70..80 => {
                    again(refuse, &mut || log.flush().map(drop));
                    assert_eq!(log.recovery_point(), log.end());
                    model.flushed = model.end();
                }
                80..85 => again(refuse, &mut || log.roll(Millis(NOW)).map(drop)),
                85..88 => {
                    model.epoch += 1;
                    log.assign_epoch(LeaderEpoch(model.epoch));
                }
                88..96 => {
                    let to = Offset(dice.below(model.end() as u64 + 1) as i64);
                    again(refuse, &mut || log.truncate_to(to, Millis(NOW)).map(drop));
                    // The batch that holds it goes as well.
                    model.batches.retain(|b| b.0 + b.1 <= to.0);
                    model.flushed = model.flushed.min(model.end());
                    assert_eq!(log.end().0, model.end(), "cut at {to}");
                    let last = log.producers().first().map_or(-1, |p| p.last_sequence);
                    model.sequence = last + 1;
                    compare(&log, &model, None, model.end());
                }
                _ => {
                    disk.refuse_opens(refuse);
                    match log.read(log.start(), 5000, log.end(), true) {
                        Ok(_) => {}
                        Err(ReadError::Storage(e)) => assert!(refuse && e.is_short(), "{e}"),
                        Err(e) => panic!("{e}"),
                    }
                    disk.refuse_opens(false);
                    compare(&log, &model, None, model.end());
                    if model.end() > 0 {
                        check_tables(&log);
                    }
                }
            }
        }
        compare(&log, &model, None, model.end());
        if dice.chance(50) {
            again(dice.chance(50), &mut || log.close().map(drop));
            model.flushed = model.end();
        } else {
            log.abandon();
        }
    }
    assert!(failed > 0, "nothing was refused");
}

#[test]
fn nothing_is_lost_for_want_of_file_descriptors() {
    let fixed = std::env::var("AIRIS_SEED").ok().map(|s| s.parse().unwrap());
    let seeds = match fixed {
        Some(seed) => seed..seed + 1,
        None => 0..150u64,
    };
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| short(seed)) {
            eprintln!("failed with AIRIS_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn random_operations_with_crashes_lose_nothing_that_was_flushed() {
    let fixed = std::env::var("AIRIS_SEED").ok().map(|s| s.parse().unwrap());
    let seeds = match fixed {
        Some(seed) => seed..seed + 1,
        None => 0..400u64,
    };
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| one(seed)) {
            eprintln!("failed with AIRIS_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
