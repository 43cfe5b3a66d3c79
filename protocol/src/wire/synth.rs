//! Fills messages with random values by *reading* them from a generator instead of a frame: whatever the readers of the
//! generated messages ask for is made up, so no second set of generated functions is needed. For tests only.
//!
//! Always holds: one seed, one message. Must never: make a NaN, which equals nothing.

use bytes::Bytes;

use super::Reader;
use crate::types::Str;

/// Tags are tried up to here; the schemas of 4.3 use up to 10.
pub const TAGS: u32 = 16;

#[derive(Debug, Clone)]
pub struct Synth {
    state: u64,
}

impl Synth {
    pub fn next(&mut self) -> u64 {
        // SplitMix64: one multiplication chain, every seed is good.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub fn count(&mut self) -> usize {
        (self.next() % 4) as usize
    }

    /// A number: small ones and both ends are as likely as all others together.
    pub fn number<const N: usize>(&mut self) -> [u8; N] {
        match self.next() % 4 {
            0 => [0; N],
            1 => [0xff; N],
            _ => std::array::from_fn(|_| self.next() as u8),
        }
    }

    pub fn text(&mut self) -> Str {
        let n = match self.next() % 8 {
            0 => 0,
            1 => 200,
            n => n as usize,
        };
        (0..n)
            .map(|_| {
                if self.next() % 8 == 0 {
                    'é'
                } else {
                    (b'a' + (self.next() % 26) as u8) as char
                }
            })
            .collect::<String>()
            .into()
    }
}

impl Reader {
    /// A reader that makes up what it reads.
    pub fn synth(seed: u64) -> Reader {
        let mut r = Reader::new(Bytes::new());
        r.make_up(Synth { state: seed });
        r
    }
}
