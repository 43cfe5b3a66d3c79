//! The first of the two shapes of logic: decide and replay, for all state that is a fold over a log.
//!
//! Always holds: deciding reads state and never changes it; replaying a decided record cannot fail. Must never: draw randomness,
//! read a clock or do I/O; what a decision needs of these is passed in.

/// What a decision wants: records to append, and the answer to give once they are committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R, A> {
    /// To be appended as a unit, in this order. Empty if nothing changes.
    pub records: Vec<R>,
    pub reply: A,
}

impl<R, A> Decision<R, A> {
    /// An answer that changes nothing.
    pub fn unchanged(reply: A) -> Self {
        Decision {
            records: Vec::new(),
            reply,
        }
    }
}

/// A seeded source of numbers for decisions that need some: topic ids, where a placement begins. SplitMix64.
///
/// The shell owns the seed; the same seed and the same commands give the same records.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "no number is below zero");
        (self.bits() % n as u64) as usize
    }

    /// A random (version 4) uuid that Kafka has not set aside and whose text does not begin with a dash, which command lines
    /// would take for an option (Kafka's `Uuid.randomUuid`).
    pub fn uuid(&mut self) -> airis_protocol::types::Uuid {
        loop {
            let raw = (u128::from(self.bits()) << 64) | u128::from(self.bits());
            let v4 = (raw & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
            let id = airis_protocol::types::Uuid(v4);
            if !id.is_reserved() && !id.to_string().starts_with('-') {
                return id;
            }
        }
    }

    /// Puts a slice into random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
