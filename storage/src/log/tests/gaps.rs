//! Gaps between batches, as compaction leaves them: a follower takes them, readers and truncations step over them.

use super::*;

/// Elsewhere a gap between segments, after a crash, is something that was lost.
fn compacted() -> Harness {
    let mut config = small();
    config.cleanup.compact = true;
    Harness::new(config)
}

fn at(offset: i64, records: usize) -> Bytes {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    for _ in 0..records {
        b.push(Millis(NOW), None, Some(&[b'g'; 100]), &[]);
    }
    b.build(Offset(offset), LeaderEpoch(3))
}

fn follow(log: &Log, batches: &[Bytes]) -> Result<Appended, AppendError> {
    log.append_as_follower(&batches.concat(), Millis(NOW))
}

/// Offsets that are there, of one record or two each.
const THERE: [(i64, usize); 5] = [(5, 2), (10, 1), (20, 2), (22, 1), (40, 1)];

/// Where a reader comes to that asks for an offset.
fn expected(from: i64) -> Option<i64> {
    let mut there = THERE.iter().map(|(base, n)| (*base, base + *n as i64 - 1));
    there.find(|(_, last)| *last >= from).map(|(base, _)| base)
}

fn reads_over_gaps(log: &Log) {
    for from in 0..=40 {
        let read = log.read(Offset(from), 1, log.end(), true).unwrap();
        let first = parse(&read).first().map(|b| b.base_offset().0);
        assert_eq!(first, expected(from), "from {from}");
    }
}

#[test]
fn a_follower_takes_what_compaction_has_left() {
    let t = compacted();
    let log = t.open();
    for (base, records) in THERE {
        follow(&log, &[at(base, records)]).unwrap();
        assert_eq!(log.end(), Offset(base + records as i64));
    }
    reads_over_gaps(&log);
    let late = follow(&log, &[at(40, 1)]).unwrap_err();
    assert!(matches!(late, AppendError::UnexpectedOffset { .. }));
    log.close().unwrap();
    for clean in [true, false] {
        let (log, _) = t.reopen(clean);
        assert_eq!((log.start(), log.end()), (Offset(0), Offset(41)));
        reads_over_gaps(&log);
        log.close().unwrap();
    }
    // The same in segments of their own.
    let t = compacted();
    let log = t.open();
    for (base, records) in THERE {
        log.roll(Millis(NOW)).unwrap();
        follow(&log, &[at(base, records)]).unwrap();
    }
    assert_eq!(log.segments().len(), THERE.len());
    reads_over_gaps(&log);
    log.close().unwrap();
    reads_over_gaps(&t.reopen(false).0);
}

/// A replica that has records of an older epoch in the gap must cut them off: the epoch does not begin at its first record that is left.
#[test]
fn an_epoch_whose_first_records_are_gone_begins_before_the_gap() {
    let t = compacted();
    let log = t.open();
    for (epoch, offset) in [(3, 0), (5, 4), (5, 5), (6, 6)] {
        let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
        b.push(Millis(NOW), None, Some(b"g"), &[]);
        follow(&log, &[b.build(Offset(offset), LeaderEpoch(epoch))]).unwrap();
    }
    let epochs = [(3, 0), (5, 1), (6, 6)].map(|(e, at)| (LeaderEpoch(e), Offset(at)));
    assert_eq!(log.epochs(), epochs);
    drop(log);
    let (log, _) = t.reopen(false);
    assert_eq!(log.epochs(), epochs);
    log.flush().unwrap();
    drop(log);
    assert_eq!(t.reopen(false).0.epochs(), epochs);
}

#[test]
fn a_batch_behind_a_wide_gap_that_could_not_be_written_leaves_room_before_it() {
    const FAR: i64 = 5_000_000_000;
    let t = compacted();
    let log = t.open();
    follow(&log, &[at(0, 1)]).unwrap();
    // Room for the new segment's files, and not for the batch.
    t.disk.set_capacity(Some(t.disk.used() + 50));
    follow(&log, &[at(FAR, 1)]).unwrap_err();
    t.disk.set_capacity(None);
    follow(&log, &[at(1, 1)]).unwrap();
    assert_eq!(log.end(), Offset(2));
    log.close().unwrap();
    for clean in [true, false] {
        let (log, _) = t.reopen(clean);
        assert_eq!(offsets(&log, 0), [0, 1]);
        log.close().unwrap();
    }
}

#[test]
fn a_log_that_is_cut_in_a_gap_ends_before_it() {
    for (to, apart) in (0..=41).flat_map(|to| [(to, false), (to, true)]) {
        let t = compacted();
        let mut log = t.open();
        for (base, records) in THERE {
            follow(&log, &[at(base, records)]).unwrap();
            if apart {
                // Such segments are another broker's, or of wider gaps: the end of a closed one is only known to lie before the next.
                log.roll(Millis(NOW)).unwrap();
            }
        }
        if apart {
            log.close().unwrap();
            log = t.reopen(true).0;
        }
        let end = log.truncate_to(Offset(to), Millis(NOW)).unwrap();
        let mut kept = THERE.iter().filter(|(b, n)| b + *n as i64 <= to);
        let expected = Offset(kept.next_back().map_or(0, |(b, n)| b + *n as i64));
        assert_eq!((end, log.end()), (expected, expected), "to {to}");
        // What was cut off comes again.
        for (base, records) in THERE {
            if base >= expected.0 {
                follow(&log, &[at(base, records)]).unwrap();
            }
        }
        reads_over_gaps(&log);
        log.close().unwrap();
        reads_over_gaps(&t.reopen(false).0);
    }
}

#[test]
fn a_log_that_is_cut_in_a_wide_gap_ends_before_it() {
    const FAR: i64 = 5_000_000_000;
    let t = compacted();
    let log = t.open();
    for base in [0, FAR] {
        follow(&log, &[at(base, 1)]).unwrap();
    }
    log.close().unwrap();
    let log = t.reopen(true).0;
    let end = log.truncate_to(Offset(1000), Millis(NOW)).unwrap();
    assert_eq!((end, log.end()), (Offset(1), Offset(1)));
    follow(&log, &[at(2 * FAR, 1)]).unwrap();
    assert_eq!(log.end(), Offset(2 * FAR + 1));
}

/// The offsets in a segment's indexes are of 31 bits.
#[test]
fn a_gap_may_be_wider_than_a_segment() {
    const FAR: i64 = 5_000_000_000;
    let t = compacted();
    let log = t.open();
    // Into the log's first segment, which is empty; behind others; and at once too far.
    for base in [FAR, FAR + 1, 3 * FAR] {
        follow(&log, &[at(base, 1)]).unwrap();
    }
    let apart = follow(&log, &[at(4 * FAR, 1), at(5 * FAR, 1)]).unwrap_err();
    assert!(matches!(apart, AppendError::InvalidRecord(_)), "{apart}");
    let there = |log: &Log| {
        assert_eq!((log.start(), log.end()), (Offset(0), Offset(3 * FAR + 1)));
        for (from, first) in [
            (0, FAR),
            (FAR + 1, FAR + 1),
            (FAR + 2, 3 * FAR),
            (3 * FAR, 3 * FAR),
        ] {
            let read = log.read(Offset(from), 1, log.end(), true).unwrap();
            assert_eq!(parse(&read)[0].base_offset(), Offset(first), "from {from}");
        }
    };
    there(&log);
    log.close().unwrap();
    for clean in [true, false] {
        let (log, _) = t.reopen(clean);
        there(&log);
        log.close().unwrap();
    }
}
