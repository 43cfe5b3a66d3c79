//! Faults S3 and S4: bytes that go bad in a log that is open.

use super::*;
use crate::disk::faulty::Dice;
use crate::error::MendError;
use crate::files::{self, segment_file};

const EPOCH: std::ops::Range<u64> = 12..16;

/// A log of closed segments of some batches each, and its bytes by base offset.
fn filled(t: &Harness, sizes: &[usize]) -> (Log, Vec<BatchBytes>) {
    let log = t.open();
    for (i, size) in sizes.iter().enumerate() {
        append(&log, &batch(1 + i % 3, NOW + i as i64, *size));
    }
    log.flush().unwrap();
    log.roll(Millis(NOW)).unwrap();
    append(&log, &batch(1, NOW, 10));
    log.flush().unwrap();
    log.cool();
    let all = batches(&log, 0);
    (log, all)
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
        // In which batch, and where in it?
        let mut start = 0;
        let hurt = good
            .iter()
            .filter(|b| b.base_offset() >= at_base)
            .find(|b| {
                start += b.bytes().len() as u64;
                hit < start
            })
            .unwrap();
        let within = hit - (start - hurt.bytes().len() as u64);
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
        let after = t.disk.after(crate::disk::faulty::Crash::Power, round);
        assert_eq!(
            after.read_to_end(&file).unwrap(),
            before,
            "it is on stable storage"
        );
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
