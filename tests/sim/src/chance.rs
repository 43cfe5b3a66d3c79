//! The one source of chance of a run.
//!
//! The standard library keys its hash maps, and tokio its choices, by what `getrandom` of the C library gives. The standard
//! library looks for that symbol so that a program can put its own in its place; this one does.

use std::sync::atomic::{AtomicU64, Ordering};

static STATE: AtomicU64 = AtomicU64::new(0);

/// From here on everything is drawn from this seed.
pub fn begin(seed: u64) {
    STATE.store(seed ^ 0x5eed_0f51_4d55_1a7e, Ordering::Relaxed);
}

/// A small generator (SplitMix64).
#[derive(Clone)]
pub struct Dice(u64);

fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        (!of.is_empty()).then(|| &of[self.below(of.len() as u64) as usize])
    }

    /// A generator of its own, so that what one part draws does not change what another does.
    pub fn fork(&mut self) -> Dice {
        Dice(self.roll())
    }
}

/// Stands in for the C library's function of this name.
///
/// # Safety
/// `buffer` holds `length` bytes, as the C library's function demands of its callers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller gives a buffer of that length.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    for chunk in bytes.chunks_mut(8) {
        let state = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        chunk.copy_from_slice(&mix(state).to_le_bytes()[..chunk.len()]);
    }
    length as isize
}
