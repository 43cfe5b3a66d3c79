//! What several tests of this crate share: the golden frames and a seeded generator.
//!
//! Always holds: the same seed gives the same numbers. Must never: be used by the crate itself.
#![allow(dead_code)]

use std::io::Read;

use bytes::Bytes;

/// What the official classes wrote for one message in one version; `codegen/golden/dump.sh` regenerates them.
pub struct Frame {
    pub name: String,
    pub version: i16,
    pub variant: String,
    pub bytes: Bytes,
}

pub fn golden() -> Vec<Frame> {
    let packed: &[u8] = include_bytes!("../golden/frames.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut text)
        .expect("frames.gz is gzip");
    let parse = |line: &str| {
        let mut parts = line.split(' ');
        let mut next = || parts.next().expect("four columns");
        Frame {
            name: next().to_owned(),
            version: next().parse().expect("a version"),
            variant: next().to_owned(),
            bytes: base64(next()),
        }
    };
    text.lines().map(parse).collect()
}

pub fn base64(text: &str) -> Bytes {
    let mut out = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => panic!("not base64: {c}"),
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out.into()
}

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// The seed of a random test: from AIRIS_SEED, else from the clock. Always printed, so that a failure can be run again.
pub fn seed() -> u64 {
    let seed = std::env::var("AIRIS_SEED")
        .ok()
        .map(|s| s.parse().expect("AIRIS_SEED is a number"))
        .unwrap_or_else(|| {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(1, |d| d.as_nanos() as u64)
        });
    println!("AIRIS_SEED={seed}");
    seed
}
