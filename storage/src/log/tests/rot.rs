//! Faults S3, S4 and S15: bytes that go bad, or cannot be read any more, in a log that is open or being opened.

use super::*;
use crate::disk::faulty::{Crash, Dice};
use crate::disk::{Health, Watched, read_exact_at};
use crate::error::MendError;
use crate::files::{self, segment_file};

const EPOCH: std::ops::Range<u64> = 12..16;

/// A log of closed segments of some batches each, of several leader epochs, and its bytes by base offset.
fn filled(t: &Harness, sizes: &[usize]) -> (Log, Vec<BatchBytes>) {
    let log = t.open();
    for (i, size) in sizes.iter().enumerate() {
        let new = batch(1 + i % 3, NOW + i as i64, *size);
        append_epoch(&log, &new, i as i32 / 3);
    }
    log.flush().unwrap();
    log.roll(Millis(NOW)).unwrap();
    append_epoch(&log, &batch(1, NOW, 10), sizes.len() as i32);
    log.flush().unwrap();
    let all = batches(&log, 0);
    log.cool();
    (log, all)
}

/// The batch of the segment of this base that has the byte at `hit`, and which of its bytes that is.
fn batch_at(good: &[BatchBytes], base: Offset, hit: u64) -> (&BatchBytes, u64) {
    let mut start = 0;
    for batch in good.iter().filter(|b| b.base_offset() >= base) {
        let len = batch.bytes().len() as u64;
        if hit < start + len {
            return (batch, hit - start);
        }
        start += len;
    }
    panic!("byte {hit} lies behind the end");
}

/// Reads as consumers do, from each batch on: gives what could be read, and the offsets that could not.
fn read_around(log: &Log, good: &[BatchBytes], max: usize) -> Vec<Offset> {
    let mut lost = Vec::new();
    for (i, batch) in good.iter().enumerate() {
        match log.read(batch.base_offset(), max, log.end(), true) {
            Ok(read) => {
                let got = bytes(&read);
                let mut at = 0;
                for expected in &good[i..] {
                    if at == got.len() {
                        break;
                    }
                    let expected = expected.bytes();
                    assert_eq!(
                        &got[at..at + expected.len()],
                        &expected[..],
                        "something bad was given out"
                    );
                    at += expected.len();
                }
                assert_eq!(at, got.len());
                assert!(at > 0);
            }
            Err(ReadError::Damaged { .. }) => lost.push(batch.base_offset()),
            Err(e) => panic!("{e}"),
        }
    }
    lost
}

/// One bit anywhere in a closed segment: it is never given out, all else is, and the same bytes from elsewhere mend it.
#[test]
fn a_flipped_bit_is_never_given_out_and_is_mended() {
    let seed = std::env::var("AIRIS_SEED").map_or(7, |s| s.parse().unwrap());
    println!("AIRIS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let sizes: Vec<usize> = (0..30).map(|_| 20 + dice.below(700) as usize).collect();
    for round in 0..150 {
        let t = Harness::new(small());
        let (log, good) = filled(&t, &sizes);
        let at_base = log.segments()[1].0;
        let file = segment_file(Path::new(DIR), at_base, files::LOG);
        let len = t.disk.len(&file).unwrap().unwrap();
        let before = t.disk.read_to_end(&file).unwrap();
        let hit = dice.below(len);
        let (hurt, within) = batch_at(&good, at_base, hit);
        if EPOCH.contains(&within) {
            continue;
        }
        let bit = 1u8 << dice.below(8);
        t.disk.damage(&file, hit, &[before[hit as usize] ^ bit]);
        let max = 1 + dice.below(5000) as usize;
        let lost = read_around(&log, &good, max);
        assert!(
            lost.contains(&hurt.base_offset()),
            "round {round}, byte {within} of a batch: {lost:?}"
        );
        // Found exactly, everything else is there again.
        let found = log.inspect(hurt.base_offset()).unwrap();
        assert_eq!(found.len(), 1, "round {round}, byte {within}: {found:?}");
        let (first, next) = (found[0].first, found[0].next.unwrap());
        assert!(first <= hurt.base_offset() && hurt.last_offset() < next);
        let lost = read_around(&log, &good, max);
        assert_eq!(
            lost,
            [hurt.base_offset()],
            "round {round}, byte {within}: {found:?}"
        );
        assert_eq!(log.damage(), found);
        assert!(
            log.inspect(hurt.base_offset()).unwrap().is_empty(),
            "it is told once"
        );
        // Nothing but the same is put there.
        let other = good
            .iter()
            .find(|b| b.base_offset() != hurt.base_offset())
            .unwrap();
        assert!(log.mend(&found[0], other.bytes()).is_err());
        let mut bad = hurt.bytes().to_vec();
        *bad.last_mut().unwrap() ^= 1;
        let e = log.mend(&found[0], &bad.into()).unwrap_err();
        assert!(matches!(e, MendError::Batch(_)), "{e}");
        log.mend(&found[0], hurt.bytes()).unwrap();
        assert!(log.damage().is_empty());
        assert!(read_around(&log, &good, max).is_empty());
        assert_eq!(t.disk.read_to_end(&file).unwrap(), before);
        let after = t.disk.after(Crash::Power, round);
        assert_eq!(
            after.read_to_end(&file).unwrap(),
            before,
            "it is on stable storage"
        );
    }
}

/// Many consumers of one place cost one check; where nobody has been, and after a while everywhere, it is checked again.
#[test]
fn what_was_checked_is_believed_until_the_log_cools() {
    let t = Harness::new(small());
    let (log, good) = filled(&t, &[300; 30]);
    let first = log.segments()[1].0;
    let file = segment_file(Path::new(DIR), first, files::LOG);
    let of: Vec<_> = good.iter().filter(|b| b.base_offset() >= first).collect();
    let spoil = |n: usize| {
        let at: usize = of[..n].iter().map(|b| b.bytes().len()).sum();
        let last = at as u64 + of[n].bytes().len() as u64 - 1;
        let mut byte = [0];
        let disk = t.disk.open(&file, crate::OpenMode::Read).unwrap();
        read_exact_at(&*disk, last, &mut byte).unwrap();
        t.disk.damage(&file, last, &[byte[0] ^ 1]);
    };
    let read = |n: usize| log.read(of[n].base_offset(), 1, log.end(), true);
    assert!(read(0).is_ok());
    spoil(0);
    spoil(1);
    assert!(read(0).is_ok(), "it was checked just now");
    assert!(matches!(read(1), Err(ReadError::Damaged { .. })));
    log.cool();
    assert!(matches!(read(0), Err(ReadError::Damaged { .. })));
}

/// The same while nobody runs: neither kind of start cuts anything, and the batch is mended.
#[test]
fn a_bit_that_flips_at_rest_costs_a_start_no_more_than_its_batch() {
    let seed = std::env::var("AIRIS_SEED").map_or(7, |s| s.parse().unwrap());
    println!("AIRIS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let sizes: Vec<usize> = (0..30).map(|_| 20 + dice.below(700) as usize).collect();
    let t = Harness::new(small());
    let (log, good) = filled(&t, &sizes);
    let (end, segments, epochs) = (log.close().unwrap(), log.segments(), log.epochs());
    drop(log);
    for round in 0..300 {
        let (base, ..) = segments[dice.below(segments.len() as u64 - 1) as usize];
        let file = segment_file(Path::new(DIR), base, files::LOG);
        let disk = t.disk.after(Crash::Process, round);
        let before = disk.read_to_end(&file).unwrap();
        let hit = dice.below(before.len() as u64);
        let (hurt, within) = batch_at(&good, base, hit);
        if EPOCH.contains(&within) {
            continue;
        }
        let bit = 1u8 << dice.below(8);
        disk.damage(&file, hit, &[before[hit as usize] ^ bit]);
        let config = t.config.clone();
        let t = Harness { disk, config };
        let clean = dice.chance(30);
        let case = format!("round {round}, clean {clean}, byte {within} of {hurt:?}");
        // The segment is read as a whole if the recovery point lies in it, and what lies before that point was flushed.
        let next_base = segments.iter().map(|s| s.0).find(|b| *b > base);
        let points: Vec<Offset> = good
            .iter()
            .map(|b| b.header().next_offset())
            .filter(|o| *o > hurt.last_offset() && next_base.is_none_or(|next| *o <= next))
            .collect();
        let point = points[dice.below(points.len() as u64) as usize];
        let (log, report) = t.with(at_point(clean, point.0));
        log.inspect(base).unwrap();
        assert_eq!((report.truncated_bytes, log.end()), (0, end), "{case}");
        assert_eq!(log.epochs(), epochs, "{case}");
        let found = log.damage();
        assert_eq!(found.len(), 1, "{case}: {found:?}");
        assert_eq!(
            read_around(&log, &good, 2000),
            [hurt.base_offset()],
            "{case}"
        );
        log.mend(&found[0], hurt.bytes())
            .unwrap_or_else(|e| panic!("{case}: {e}: {found:?}"));
        assert!(read_around(&log, &good, 2000).is_empty(), "{case}");
        assert_eq!(t.disk.read_to_end(&file).unwrap(), before, "{case}");
        let again = t.with(at_point(false, 0)).0;
        assert_eq!(again.end(), end, "{case}");
        assert!(again.damage().is_empty(), "{case}");
    }
}

/// A page of zeros over several batches, seen first by the check that nobody asked for.
#[test]
fn a_check_finds_what_nobody_reads() {
    let t = Harness::new(LogConfig::default());
    let (log, good) = filled(&t, &[1000; 100]);
    let file = segment_file(Path::new(DIR), Offset(0), files::LOG);
    let before = t.disk.read_to_end(&file).unwrap();
    t.disk.damage(&file, 40_960, &[0; 4096]);
    let mut at = Some(CheckAt::START);
    let mut suspects = Vec::new();
    let mut pieces = 0;
    while let Some(from) = at {
        let checked = log.check(from, 10_000).unwrap();
        suspects.extend(checked.suspect);
        at = checked.next;
        pieces += 1;
        assert!(pieces < 100);
    }
    assert_eq!(suspects, [Offset(0)]);
    let found = log.inspect(Offset(0)).unwrap();
    assert_eq!(found.len(), 1);
    let hole: Vec<u8> = good
        .iter()
        .filter(|b| (found[0].first..found[0].next.unwrap()).contains(&b.base_offset()))
        .flat_map(|b| b.bytes().to_vec())
        .collect();
    log.mend(&found[0], &hole.into()).unwrap();
    assert_eq!(t.disk.read_to_end(&file).unwrap(), before);
    assert!(read_around(&log, &good, 1 << 20).is_empty());
}

/// What was cut off and written anew is not damaged, whatever lay there before.
#[test]
fn damage_that_is_cut_off_is_forgotten() {
    let t = Harness::new(LogConfig::default());
    let log = t.open();
    for i in 0..20 {
        append(&log, &batch(1, NOW + i, 100));
    }
    log.flush().unwrap();
    log.cool();
    let file = segment_file(Path::new(DIR), Offset(0), files::LOG);
    let len = t.disk.len(&file).unwrap().unwrap();
    t.disk.damage(&file, len - 5, &[0; 5]);
    assert!(matches!(
        log.read(Offset(19), 100, log.end(), true),
        Err(ReadError::Damaged { .. })
    ));
    assert_eq!(log.inspect(Offset(19)).unwrap().len(), 1);
    log.truncate_to(Offset(10), Millis(NOW)).unwrap();
    assert!(log.damage().is_empty());
    for i in 10..30 {
        append(&log, &batch(1, NOW + i, 100));
    }
    log.cool();
    assert_eq!(offsets(&log, 0), (0..30).collect::<Vec<_>>());
}

/// The log as a node opens it: where a broken disk takes the whole directory off line.
fn opened(
    t: &Harness,
    args: OpenArgs,
) -> (Result<(Log, RecoveryReport), StorageError>, Arc<Health>) {
    let health = Health::new(Path::new("/data"), || {});
    let disk = Arc::new(Watched::new(Arc::new(t.disk.clone()), health.clone()));
    (
        Log::open(disk, Path::new(DIR), t.config.clone(), args),
        health,
    )
}

fn at_point(clean: bool, point: i64) -> OpenArgs {
    OpenArgs {
        clean,
        recovery_point: Offset(point),
        now: Millis(NOW),
        producer_expiry_ms: i64::MAX,
        ..OpenArgs::default()
    }
}

/// What of the log lies in holes, as another replica has it.
fn of_hole(good: &[BatchBytes], damage: &Damage) -> Bytes {
    let end = damage.next.unwrap_or(Offset(i64::MAX));
    let within = |b: &&BatchBytes| b.base_offset() >= damage.first && b.last_offset() < end;
    let bytes: Vec<u8> = good
        .iter()
        .filter(within)
        .flat_map(|b| b.bytes().to_vec())
        .collect();
    bytes.into()
}

/// One block anywhere in a closed segment: only what touches it cannot be read, the directory stays, and writing it mends it.
#[test]
fn an_unreadable_sector_costs_only_what_touches_it_and_is_mended() {
    let seed = std::env::var("AIRIS_SEED").map_or(15, |s| s.parse().unwrap());
    println!("AIRIS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let config = || LogConfig {
        segment_bytes: 40_000,
        ..small()
    };
    let sizes: Vec<usize> = (0..120).map(|_| 20 + dice.below(1500) as usize).collect();
    for round in 0..60 {
        let t = Harness::new(config());
        filled(&t, &sizes).0.close().unwrap();
        let (log, health) = opened(&t, at_point(true, i64::MAX));
        let (log, _) = log.unwrap();
        let good = batches(&log, 0);
        log.cool();
        let bases: Vec<i64> = log.segments().iter().map(|s| s.0.0).collect();
        let base = bases[1 + dice.below(bases.len() as u64 - 2) as usize];
        let file = segment_file(Path::new(DIR), Offset(base), files::LOG);
        let before = t.disk.read_to_end(&file).unwrap();
        let hit = dice.below(before.len() as u64);
        t.disk.fail_reads_of(&file, hit..hit + 1);
        let block = hit / 4096 * 4096..(hit / 4096 + 1) * 4096;
        let mut at = 0;
        let mut hurt = Vec::new();
        let segment_end = bases.iter().copied().find(|b| *b > base).unwrap();
        for b in good
            .iter()
            .filter(|b| (base..segment_end).contains(&b.base_offset().0))
        {
            let end = at + b.bytes().len() as u64;
            if at < block.end && end > block.start {
                hurt.push(b.base_offset());
            }
            at = end;
        }
        // The scrub finds it as a reader does.
        if round % 2 == 0 {
            let mut from = Some(CheckAt::START);
            let mut suspects = Vec::new();
            while let Some(at) = from {
                let checked = log.check(at, 10_000).unwrap();
                suspects.extend(checked.suspect);
                from = checked.next;
            }
            assert_eq!(suspects, [Offset(base)]);
        } else {
            let lost = read_around(&log, &good, 3000);
            assert!(hurt.iter().all(|b| lost.contains(b)), "{hurt:?} {lost:?}");
        }
        let found = log.inspect(hurt[0]).unwrap();
        assert_eq!(found.len(), 1, "round {round}: {found:?}");
        let max = 1 + dice.below(30_000) as usize;
        assert_eq!(
            read_around(&log, &good, max),
            hurt,
            "round {round}: {found:?}"
        );
        // A time is found if its record can be read, and nothing before it in its segment may have it as well.
        let sought = good[119].base_offset();
        match log.offset_for_time(Millis(NOW + 119), log.end()) {
            Ok(Some(by_time)) => assert_eq!(by_time.offset, sought),
            Ok(None) => assert!(hurt.contains(&sought)),
            Err(ReadError::Damaged { .. }) => assert!((base..segment_end).contains(&sought.0)),
            Err(e) => panic!("round {round}: {e}"),
        }
        log.mend(&found[0], &of_hole(&good, &found[0])).unwrap();
        assert!(log.damage().is_empty());
        assert!(read_around(&log, &good, max).is_empty());
        assert_eq!(t.disk.read_to_end(&file).unwrap(), before);
        assert_eq!(
            health.failed(),
            None,
            "nothing else is wrong with the directory"
        );
    }
}

/// An index is a hint, a snapshot and a checkpoint too: without them more is read, and nothing is answered wrongly.
#[test]
fn unreadable_indexes_snapshots_and_checkpoints_are_done_without() {
    for kind in ["index", "timeindex", "snapshot", "epochs"] {
        for clean in [true, false] {
            for open in [true, false] {
                let t = Harness::new(small());
                let (log, good) = filled(&t, &[300; 60]);
                let second = log.segments()[1].0;
                log.close().unwrap();
                let end = log.end().0;
                let (log, health) = opened(&t, at_point(clean, end));
                let mut log = log.unwrap().0;
                let file = match kind {
                    "epochs" => Path::new(DIR).join(files::LEADER_EPOCHS),
                    "snapshot" => {
                        let all = t.disk.list(Path::new(DIR)).unwrap();
                        let names = all.into_iter().map(|e| e.name);
                        let last = names.filter(|n| n.ends_with(files::SNAPSHOT)).max();
                        Path::new(DIR).join(last.unwrap())
                    }
                    kind => segment_file(Path::new(DIR), second, kind),
                };
                t.disk.fail_reads_of(&file, 0..1);
                let mut health = health;
                if !open {
                    log.abandon();
                    let (again, h) = opened(&t, at_point(clean, end));
                    (log, health) = (again.unwrap().0, h);
                }
                assert!(read_around(&log, &good, 700).is_empty());
                for (i, b) in good.iter().enumerate().take(60) {
                    let found = log.offset_for_time(Millis(NOW + i as i64), log.end());
                    assert_eq!(found.unwrap().unwrap().offset, b.base_offset());
                }
                let middle = Offset(second.0 + 5);
                log.truncate_to(middle, Millis(NOW)).unwrap();
                let left = batches(&log, 0);
                assert!(left.iter().zip(&good).all(|(a, b)| a.bytes() == b.bytes()));
                append_epoch(&log, &batch(1, NOW, 100), 60);
                log.flush().unwrap();
                assert_eq!(health.failed(), None, "{kind} {clean} {open}");
            }
        }
    }
}

/// A crash, then a block that cannot be read: what follows it stays, whatever was flushed, for it was written.
#[test]
fn recovery_over_an_unreadable_sector_keeps_what_follows() {
    for point in [0, 40, i64::MAX] {
        let t = Harness::new(LogConfig {
            segment_bytes: 40_000,
            ..small()
        });
        let log = t.open();
        for i in 0..100 {
            append(&log, &batch(1, NOW + i, 900));
        }
        log.flush().unwrap();
        let good = batches(&log, 0);
        let point = point.min(log.end().0);
        for hit in [5000, 41_000, 90_000] {
            let disk = t.disk.after(Crash::Process, 0);
            let t = Harness {
                disk,
                config: t.config.clone(),
            };
            let segments = log.segments();
            let (mut at, mut n) = (hit, 0);
            while at >= segments[n].1 {
                at -= segments[n].1;
                n += 1;
            }
            let file = segment_file(Path::new(DIR), segments[n].0, files::LOG);
            t.disk.fail_reads_of(&file, at..at + 1);
            let (again, health) = opened(&t, at_point(false, point));
            let (again, report) = again.unwrap();
            assert_eq!(again.end(), log.end(), "point {point}, byte {hit}");
            assert_eq!(report.truncated_bytes, 0);
            let seen = read_around(&again, &good, 5000);
            assert!(
                (4..=6).contains(&seen.len()) || report.damage.is_empty(),
                "{seen:?}"
            );
            let first = seen[0];
            again.inspect(first).unwrap();
            let damage = again.damage();
            assert_eq!(damage.len(), 1, "{damage:?}");
            again.mend(&damage[0], &of_hole(&good, &damage[0])).unwrap();
            assert!(read_around(&again, &good, 5000).is_empty());
            assert_eq!(health.failed(), None);
        }
    }
}

/// The end itself cannot be read: cut if it was never flushed, as a torn tail is; else nobody knows how far the log went.
#[test]
fn an_unreadable_end_is_cut_only_if_it_was_not_flushed() {
    let t = Harness::new(LogConfig::default());
    let log = t.open();
    for i in 0..20 {
        append(&log, &batch(1, NOW + i, 900));
    }
    log.flush().unwrap();
    let file = segment_file(Path::new(DIR), Offset(0), files::LOG);
    let len = t.disk.len(&file).unwrap().unwrap();
    for (clean, point, kept) in [(false, 10, true), (false, 20, false), (true, 20, false)] {
        let t = Harness {
            disk: t.disk.after(Crash::Process, 0),
            config: t.config.clone(),
        };
        t.disk.fail_reads_of(&file, len - 4096..len);
        let (again, health) = opened(&t, at_point(clean, point));
        match again {
            Ok((again, report)) => {
                assert!(kept && report.truncated_bytes > 0);
                assert!((10..20).contains(&again.end().0), "{}", again.end());
            }
            Err(e) => {
                assert!(!kept, "{e}");
                assert_eq!(t.disk.len(&file).unwrap(), Some(len), "nothing was cut");
            }
        }
        assert_eq!(health.failed(), None, "the other partitions go on");
    }
}

/// What a bad header says of its offsets is not believed for the producer table either: all behind it counts.
#[test]
fn a_bad_batch_hides_no_sequences_from_a_start() {
    for hit in (0..61).filter(|at| !EPOCH.contains(at)) {
        for bit in [0, 5] {
            let t = Harness::new(small());
            let log = t.open();
            for i in 0..6 {
                let batch = produced(7, 0, i, 1);
                log.append_as_leader(&batch, args()).unwrap();
            }
            log.flush().unwrap();
            let (end, size) = (log.end(), log.size_bytes() / 6);
            drop(log);
            let file = segment_file(Path::new(DIR), Offset(0), files::LOG);
            let disk = t.disk.after(Crash::Process, 1);
            let at = 2 * size + hit;
            let byte = disk.read_to_end(&file).unwrap()[at as usize];
            disk.damage(&file, at, &[byte ^ (1 << bit)]);
            let t = Harness {
                disk,
                config: t.config.clone(),
            };
            let (log, _) = t.with(at_point(false, end.0));
            assert_eq!(log.end(), end, "bit {bit} of byte {hit}");
            let next = log.append_as_leader(&produced(7, 0, 6, 1), args());
            assert!(next.is_ok(), "bit {bit} of byte {hit}: {next:?}");
        }
    }
}
