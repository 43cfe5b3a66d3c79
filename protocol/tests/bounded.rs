//! Decoding is bounded: whatever the bytes, no panic, and memory in proportion to their number.
//!
//! Always holds: this is a test binary of its own with one test, so that the counting allocator counts nothing else.
//! Must never: share its process with other tests.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use airis_protocol::messages::table::{ALL, Entry};
use airis_protocol::wire::{Reader, Writer};
use bytes::Bytes;
use common::Rng;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

fn grow(n: usize) {
    let live = LIVE.fetch_add(n, Relaxed) + n;
    PEAK.fetch_max(live, Relaxed);
    LARGEST.fetch_max(n, Relaxed);
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

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new exist side by side for a moment.
        grow(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes of memory a decoder may use per byte of input, and besides.
const PER_BYTE: usize = 64;
const BESIDES: usize = 64 * 1024;

/// Reads `input`, and if that works writes it again. Returns the memory used per byte of input.
fn read(entry: &Entry, version: i16, input: Vec<u8>) -> usize {
    let n = input.len();
    let mut r = Reader::new(Bytes::from(input));
    let mut w = Writer::new();
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let outcome = (entry.recode)(&mut r, &mut w, version);
    let used = PEAK.load(Relaxed) - before;
    assert!(
        used <= PER_BYTE * n + BESIDES,
        "{} v{version}: {used} bytes for {n} ({outcome:?})",
        entry.name
    );
    used / n.max(1024)
}

#[test]
fn no_input_panics_or_takes_more_memory_than_its_share() {
    let mut rng = Rng(common::seed());
    let golden = common::golden();
    let mut worst = (0, "", 0);
    let mut note =
        |entry: &'static Entry, version, used| worst = worst.max((used, entry.name, version));

    // The input that makes Kafka's and other decoders ask for gigabytes: a count, and nothing behind it.
    for entry in &ALL {
        for version in entry.min..=entry.max {
            for fill in [0x7f, 0xff, 0x80, 0x00, 0x01, 0x02] {
                note(entry, version, read(entry, version, vec![fill; 22]));
                note(entry, version, read(entry, version, vec![fill; 4096]));
            }
        }
    }

    for frame in &golden {
        let Some(entry) = ALL.iter().find(|e| e.name == frame.name) else {
            continue;
        };
        let version = frame.version;
        // Cut everywhere.
        for n in (0..frame.bytes.len()).step_by(1 + frame.bytes.len() / 64) {
            note(
                entry,
                version,
                read(entry, version, frame.bytes[..n].to_vec()),
            );
        }
        for _ in 0..8 {
            // Flip some bytes.
            let mut bytes = frame.bytes.to_vec();
            for _ in 0..=rng.below(3) {
                if !bytes.is_empty() {
                    let at = rng.below(bytes.len());
                    bytes[at] = match rng.below(3) {
                        0 => 0xff,
                        1 => 0x7f,
                        _ => rng.next() as u8,
                    };
                }
            }
            note(entry, version, read(entry, version, bytes));
            // Put a large count somewhere, and as many of the smallest elements behind it as it asks for.
            let size = 1 << (8 + rng.below(9));
            let size = size + rng.below(size);
            let mut bytes = frame.bytes[..rng.below(frame.bytes.len() + 1)].to_vec();
            let count = (size / (1 + rng.below(24))) as u32;
            if rng.below(2) == 0 {
                bytes.extend_from_slice(&count.to_be_bytes());
            } else {
                bytes.extend_from_slice(&[
                    count as u8 | 0x80,
                    (count >> 7) as u8 | 0x80,
                    (count >> 14) as u8,
                ]);
            }
            let fill = [0, 1, 2, 0xff][rng.below(4)];
            bytes.resize(bytes.len() + size, fill);
            note(entry, version, read(entry, version, bytes));
        }
    }
    println!("most memory per byte of input (from 1 KiB on): {worst:?}");

    // The bound means something: the largest single allocation so far is nowhere near what was announced (2^31).
    assert!(LARGEST.load(Relaxed) < 64 << 20);
}
