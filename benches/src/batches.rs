//! Record batches made once and sent many times: only producer, sequence and CRC are written anew.
//!
//! Always holds: a patched batch has a true CRC. Must never: touch a record after the batch was built.

use airis_protocol::batch::{BatchBuilder, TimestampType, at, batch_crc};
use airis_protocol::compress::Codec;
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use bytes::Bytes;

/// Now, for timestamps that no retention minds.
pub fn now() -> Millis {
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is set");
    Millis(since.as_millis() as i64)
}

/// Values that compress about as events of a monitoring system do.
pub struct Events(u64);

impl Events {
    pub fn new() -> Self {
        Events(88_172_645_463_325_252)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A value of exactly `size` bytes.
    pub fn value(&mut self, size: usize) -> Vec<u8> {
        let mut text = String::with_capacity(size + 128);
        while text.len() < size {
            let x = self.next();
            text.push_str(&format!(
                "{{\"ts\":17637{:08},\"host\":\"node-{:03}\",\"svc\":\"svc-{:02}\",\"lvl\":\"INFO\",\"v\":{}.{:03},\"id\":\"{:08x}\"}}",
                x % 100_000_000,
                (x >> 8) % 400,
                (x >> 16) % 40,
                (x >> 24) % 1000,
                (x >> 32) % 1000,
                x as u32
            ));
        }
        let mut value = text.into_bytes();
        value.truncate(size);
        value
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

/// A batch of `records` values of `size` bytes each, without keys.
pub fn batch(codec: Codec, records: usize, size: usize) -> Bytes {
    let mut builder = BatchBuilder::new(codec, TimestampType::Create);
    builder.reserve(records * (size + 16));
    let (mut events, now) = (Events::new(), now());
    for _ in 0..records {
        builder.push(now, None, Some(&events.value(size)), &[]);
    }
    builder.build(Offset(0), LeaderEpoch(-1))
}

/// As many values of `size` bytes as make an uncompressed batch of at most `bytes`; at least one.
pub fn batch_of(codec: Codec, bytes: usize, size: usize) -> Bytes {
    batch(codec, (bytes / (size + 10)).max(1), size)
}

/// Makes the batch another one of an idempotent producer.
pub fn patch(batch: &mut [u8], producer: i64, epoch: i16, sequence: i32) {
    batch[at::PRODUCER_ID..][..8].copy_from_slice(&producer.to_be_bytes());
    batch[at::PRODUCER_EPOCH..][..2].copy_from_slice(&epoch.to_be_bytes());
    batch[at::BASE_SEQUENCE..][..4].copy_from_slice(&sequence.to_be_bytes());
    let crc = batch_crc(batch);
    batch[at::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use airis_protocol::batch::parse_batches;

    use super::*;

    #[test]
    fn a_patched_batch_is_a_whole_one_of_that_producer() {
        let mut bytes = batch(Codec::Lz4, 10, 100).to_vec();
        patch(&mut bytes, 7, 3, 40);
        let batches = parse_batches(&Bytes::from(bytes)).unwrap();
        let h = batches[0].header();
        assert_eq!((h.producer_id, h.producer_epoch), (7, 3));
        assert_eq!((h.base_sequence, h.record_count), (40, 10));
        let records = batches[0].records(1 << 20).unwrap();
        assert!(
            records
                .iter()
                .all(|r| r.unwrap().value.unwrap().len() == 100)
        );
    }

    #[test]
    fn a_batch_of_so_many_bytes_has_about_so_many() {
        for bytes in [16 * 1024, 500_000, 1 << 20] {
            let len = batch_of(Codec::None, bytes, 1024).len();
            assert!(len <= bytes && len > bytes - 1100, "{len} for {bytes}");
        }
    }
}
