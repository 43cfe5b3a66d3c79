//! Appends, reads, rolls, flushes and retention at the same time, on the real disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::disk::RealDisk;

#[test]
fn readers_see_whole_batches_in_order_while_everything_moves() {
    let tmp = tempfile::tempdir().unwrap();
    let config = Arc::new(LogConfig {
        retention_ms: -1,
        retention_bytes: 100_000,
        ..small()
    });
    let (log, _) = Log::open(
        Arc::new(RealDisk),
        &tmp.path().join("t-0"),
        config.clone(),
        OpenArgs::default(),
    )
    .unwrap();
    let done = AtomicBool::new(false);
    let reader = |step: usize| {
        let mut at = Offset(0);
        let mut seen = 0u64;
        while !done.load(Ordering::Acquire) || at < log.end() {
            match log.read(at, step, log.end(), true) {
                Ok(read) if read.bytes == 0 => thread::yield_now(),
                Ok(read) => {
                    for batch in parse(&read) {
                        assert!(batch.last_offset() >= at, "{} at {at}", batch.last_offset());
                        assert!(batch.base_offset() <= at);
                        at = batch.header().next_offset();
                        seen += 1;
                    }
                }
                Err(ReadError::OutOfRange { start, .. }) => at = start,
                Err(e) => panic!("{e}"),
            }
        }
        assert_eq!(at, log.end());
        seen
    };
    thread::scope(|s| {
        let readers = [500, 5_000, 100_000].map(|step| s.spawn(move || reader(step)));
        s.spawn(|| {
            while !done.load(Ordering::Acquire) {
                log.flush().unwrap();
                log.retain(Millis(NOW), log.recovery_point(), false)
                    .unwrap();
                log.roll(Millis(NOW)).unwrap();
                let probe = Millis(NOW + log.start().0);
                log.offset_for_time(probe, log.end()).unwrap();
            }
        });
        for i in 0..4000i64 {
            let records = 1 + (i % 3) as usize;
            append(&log, &batch(records, NOW + i, 20 + (i % 400) as usize));
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    let point = log.close().unwrap();
    assert_eq!(point, log.end());
    let args = OpenArgs {
        clean: true,
        ..OpenArgs::default()
    };
    let (again, report) =
        Log::open(Arc::new(RealDisk), &tmp.path().join("t-0"), config, args).unwrap();
    assert_eq!(report, RecoveryReport::default());
    assert_eq!((again.start(), again.end()), (log.start(), log.end()));
}

#[test]
fn readers_get_nothing_at_or_beyond_their_bound() {
    let tmp = tempfile::tempdir().unwrap();
    let config = Arc::new(LogConfig::default());
    let dir = tmp.path().join("t-0");
    let (log, _) = Log::open(Arc::new(RealDisk), &dir, config, OpenArgs::default()).unwrap();
    append(&log, &batch(1, NOW, 20));
    let done = AtomicBool::new(false);
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let bound = log.end();
                    let from = Offset(bound.0 - 1);
                    for batch in parse(&log.read(from, 1 << 20, bound, true).unwrap()) {
                        let next = batch.header().next_offset();
                        assert!(next <= bound, "up to {next}, asked for up to {bound}");
                    }
                }
            });
        }
        for _ in 0..60_000 {
            append(&log, &batch(1, NOW, 20));
        }
        done.store(true, Ordering::Release);
    });
}
