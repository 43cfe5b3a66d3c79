//! Fills messages with random values by *reading* them from a generator instead of a frame: whatever the readers of the
//! generated messages ask for is made up, so no second set of generated functions is needed. For tests only.
//!
//! Always holds: one seed, one message. Must never: make a NaN, which equals nothing.

use bytes::Bytes;

use super::{Message, Reader, Writer};
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
                if self.next().is_multiple_of(8) {
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

/// Makes up a message (without a seed: the default one), writes it, reads it back: it must be the same, and written again it must
/// give the same bytes.
pub fn round_trip<M: Message>(seed: Option<u64>, version: i16) -> Result<(), String> {
    let message = match seed {
        Some(seed) => {
            M::read(&mut Reader::synth(seed), version).map_err(|e| format!("making it up: {e}"))?
        }
        None => M::default(),
    };
    let mut w = Writer::new();
    message
        .write(&mut w, version)
        .map_err(|e| format!("writing {message:?}: {e}"))?;
    let encoded = w.finish();
    let bytes = encoded.to_bytes();
    if encoded.len != bytes.len() {
        return Err(format!("says {} bytes, has {}", encoded.len, bytes.len()));
    }
    let back =
        M::from_bytes(bytes.clone(), version).map_err(|e| format!("reading {message:?}: {e}"))?;
    if back != message {
        return Err(format!("{message:?} came back as {back:?}"));
    }
    match back.to_bytes(version) {
        Ok(again) if again == bytes => Ok(()),
        other => Err(format!("second writing of {message:?}: {other:?}")),
    }
}

/// The seed of a random test, printed so that a failure can be run again with AIRIS_SEED.
pub fn seed() -> u64 {
    let seed = std::env::var("AIRIS_SEED")
        .ok()
        .map(|s| s.parse().expect("AIRIS_SEED is a number"));
    let seed = seed.unwrap_or_else(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |d| d.as_nanos() as u64)
    });
    println!("AIRIS_SEED={seed}");
    seed
}
