//! Batches from hostile clients: no panic, an error that clients know, and memory that does not follow what the bytes promise.
//!
//! Always holds: this is a test binary of its own with one test, so that the counting allocator counts nothing else; a seed is
//! printed and AIRIS_SEED runs it again. Must never: share its process with other tests.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use airis_protocol::batch::{
    BatchBuilder, BatchBytes, HEADER_LEN, TimestampType, at, batch_crc, parse_batches,
};
use airis_protocol::compress::{Codec, compress, decompress};
use airis_protocol::error::ErrorCode;
use airis_protocol::record::{put_varint, put_varlong};
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use airis_protocol::validate::{ValidateConfig, validate};
use bytes::Bytes;
use common::Rng;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(n: usize) {
    PEAK.fetch_max(LIVE.fetch_add(n, Relaxed) + n, Relaxed);
}

// SAFETY: hands everything to the system's allocator and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory a validation may take besides its input: the window, a decoder's tables, one lz4 or snappy block.
const BESIDES: usize = 1 << 20;

const CONFIG: ValidateConfig = ValidateConfig {
    codec: None,
    level: None,
    timestamp_type: TimestampType::Create,
    before_max_ms: i64::MAX,
    after_max_ms: i64::MAX,
    keys_required: false,
    max_message_bytes: 64 << 20,
    produce_version: 13,
};

/// Validates and returns the error with the memory it took.
fn judge(bytes: &Bytes) -> (Result<(), ErrorCode>, usize) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = validate(bytes, &CONFIG, Millis(0));
    let peak = PEAK.load(Relaxed) - before;
    (result.map(|_| ()).map_err(|e| e.error), peak)
}

/// A batch with a true CRC around whatever section.
fn wrap(codec: Codec, count: i32, section: &[u8]) -> Bytes {
    let mut b = BatchBuilder::new(Codec::None, TimestampType::Create);
    b.push(Millis(0), None, None, &[]);
    let mut out = b.build(Offset(0), LeaderEpoch(-1))[..HEADER_LEN].to_vec();
    out.extend_from_slice(section);
    let len = (out.len() - 12) as i32;
    out[at::LENGTH..][..4].copy_from_slice(&len.to_be_bytes());
    out[at::ATTRIBUTES + 1] = codec.id();
    out[at::RECORD_COUNT..][..4].copy_from_slice(&count.to_be_bytes());
    out[at::LAST_OFFSET_DELTA..][..4].copy_from_slice(&(count - 1).to_be_bytes());
    reseal(&mut out);
    out.into()
}

fn reseal(out: &mut [u8]) {
    let crc = batch_crc(out);
    out[at::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
}

/// A record of this value, however large, as its section's bytes.
fn large_record(value: usize) -> Vec<u8> {
    let mut body = vec![0];
    put_varlong(&mut body, 0);
    put_varint(&mut body, 0);
    put_varint(&mut body, -1);
    put_varint(&mut body, value as i32);
    body.resize(body.len() + value, 0);
    put_varint(&mut body, 0);
    let mut out = Vec::with_capacity(body.len() + 5);
    put_varint(&mut out, body.len() as i32);
    out.extend_from_slice(&body);
    out
}

fn bombs() {
    // Fault H6: 300 MB in one record, well formed but for its size.
    let plain = large_record(300 << 20);
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd] {
        let section = compress(codec, Some(1), &plain);
        let bytes = wrap(codec, 1, &section);
        let started = Instant::now();
        let (result, peak) = judge(&bytes);
        let took = started.elapsed();
        assert_eq!(result, Err(ErrorCode::MessageTooLarge), "{codec:?}");
        assert!(peak < BESIDES, "{codec:?} took {peak} bytes");
        // A second with optimization; without it the decoders are many times slower.
        assert!(took < Duration::from_secs(20), "{codec:?} took {took:?}");
        let whole = decompress(codec, &section, 1 << 20);
        assert!(whole.is_err(), "{codec:?}");
    }
    drop(plain);
    // Snappy says a block's size in front: a claim of 2 GB in 20 bytes, bare and framed.
    let mut bare = vec![0xff, 0xff, 0xff, 0xff, 0x07];
    bare.extend_from_slice(&[0; 15]);
    let mut framed = compress(Codec::Snappy, None, b"x")[..16].to_vec();
    framed.extend_from_slice(&20u32.to_be_bytes());
    framed.extend_from_slice(&bare);
    for section in [bare, framed] {
        let (result, peak) = judge(&wrap(Codec::Snappy, 1, &section));
        assert_eq!(result, Err(ErrorCode::CorruptMessage));
        assert!(peak < BESIDES, "snappy took {peak} bytes");
    }
    // Within the limit a large record is taken, and still not held.
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd, Codec::Snappy] {
        let section = compress(codec, Some(1), &large_record(8 << 20));
        let (result, peak) = judge(&wrap(codec, 1, &section));
        assert_eq!(result, Ok(()), "{codec:?}");
        assert!(peak < BESIDES, "{codec:?} took {peak} bytes");
    }
}

fn lies_inside_records() {
    // Each is a section: sizes, lengths and counts that reach beyond what is there.
    let sections: &[&[u8]] = &[
        &[],
        &[0],
        &[0x7f],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x01],
        // A record of 6 bytes with a key of 2^31 - 1.
        &[20, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0],
        // 2^31 - 1 headers.
        &[20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f],
        // -1 headers.
        &[12, 0, 0, 0, 1, 1, 1],
        // A header without a key.
        &[16, 0, 0, 0, 1, 1, 2, 1, 1],
        // A byte too many in the record, and one behind it.
        &[14, 0, 0, 0, 1, 1, 0, 0],
        &[12, 0, 0, 0, 1, 1, 0, 0],
    ];
    for section in sections {
        for codec in Codec::ALL {
            let packed = compress(codec, None, section);
            let (result, peak) = judge(&wrap(codec, 1, &packed));
            assert_eq!(
                result,
                Err(ErrorCode::InvalidRecord),
                "{section:?} in {codec:?}"
            );
            assert!(peak < BESIDES, "{section:?} in {codec:?} took {peak}");
        }
    }
    // The same lies in a record that does not fit the window, so that it is read in pieces.
    for (tail, what) in [
        (&[1u8, 2, 1][..], "a header that is not there"),
        (&[2, 1, 1], "a header without a key"),
        (&[1], "minus one headers"),
        (&[0, 0], "a byte too many"),
    ] {
        let mut body = vec![0, 0, 0, 1];
        put_varint(&mut body, 200_000);
        body.resize(body.len() + 200_000, 7);
        body.extend_from_slice(tail);
        let mut section = Vec::new();
        put_varint(&mut section, body.len() as i32);
        section.extend_from_slice(&body);
        for codec in Codec::ALL {
            let (result, _) = judge(&wrap(codec, 1, &compress(codec, None, &section)));
            assert_eq!(result, Err(ErrorCode::InvalidRecord), "{what} in {codec:?}");
        }
    }
}

/// What only ever may come out of garbage.
fn known(result: &Result<(), ErrorCode>) -> bool {
    matches!(
        result,
        Ok(())
            | Err(ErrorCode::CorruptMessage
                | ErrorCode::InvalidRecord
                | ErrorCode::InvalidTimestamp
                | ErrorCode::MessageTooLarge
                | ErrorCode::UnsupportedCompressionType)
    )
}

fn changed_batches() {
    let mut rng = Rng(common::seed());
    let mut refused = 0;
    for round in 0..6000 {
        let codec = Codec::ALL[rng.below(5)];
        let mut b = BatchBuilder::new(codec, TimestampType::Create);
        for i in 0..1 + rng.below(5) {
            let value = vec![rng.next() as u8; rng.below(200)];
            b.push(
                Millis(i as i64),
                Some(b"key"),
                Some(&value),
                &[(b"h", Some(b"v"))],
            );
        }
        let mut bytes = b.build(Offset(0), LeaderEpoch(-1)).to_vec();
        for _ in 0..1 + rng.below(4) {
            let n = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[n] = rng.next() as u8,
                1 => bytes[n] ^= 1 << rng.below(8),
                2 => bytes.truncate(n.max(HEADER_LEN + 1)),
                _ => bytes.insert(n, rng.next() as u8),
            }
        }
        if rng.below(4) > 0 && bytes.len() > HEADER_LEN {
            // Lengths and CRC are right again, so that what lies deeper is reached.
            bytes[at::MAGIC] = 2;
            let len = (bytes.len() - 12) as i32;
            bytes[at::LENGTH..][..4].copy_from_slice(&len.to_be_bytes());
            reseal(&mut bytes);
        }
        let bytes = Bytes::from(bytes);
        let (result, peak) = judge(&bytes);
        refused += usize::from(result.is_err());
        assert!(known(&result), "round {round}: {result:?}");
        // lz4 frames may ask for blocks of 4 MiB, twice.
        assert!(peak < BESIDES + (9 << 20), "round {round} took {peak}");
        // Reading lazily meets the same bytes; it must only not panic.
        if let Ok(batches) = parse_batches(&bytes) {
            for batch in batches {
                read_all(&batch);
            }
        }
    }
    assert!(refused > 3000, "changes are noticed: {refused}");
}

fn read_all(batch: &BatchBytes) {
    if let Ok(set) = batch.records(1 << 20) {
        for record in set.iter().map_while(Result::ok) {
            assert_eq!(record.headers().count(), record.headers().len());
        }
    }
}

#[test]
fn hostile_batches_cost_little_and_are_told_apart() {
    lies_inside_records();
    changed_batches();
    bombs();
}
