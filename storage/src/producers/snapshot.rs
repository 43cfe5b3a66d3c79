//! `.snapshot`: the producer table at the offset that the file is named after, in Kafka's format.
//!
//! Kafka's format has one batch of each producer, so that a producer whose last batches were written but not answered is told
//! OUT_OF_ORDER_SEQUENCE_NUMBER when it sends them again to a leader that has restarted, although nothing is missing. Behind Kafka's
//! entries, where Kafka does not look, stand the batches before the last one.
//!
//! Always holds: a file that is read has a valid CRC. Must never: stand for the truth; a damaged one is dropped and the table is
//! replayed from an older one or from the log.

use std::collections::BTreeMap;

use super::{Batch, Producer, Producers};
use crate::limits::PRODUCER_BATCHES_KEPT;

const VERSION: i16 = 1;
/// Version, CRC.
const CRC_FROM: usize = 6;
const ENTRY_LEN: usize = 46;

/// The bytes of a snapshot.
pub(crate) fn encode(producers: &Producers) -> Vec<u8> {
    let mut out = Vec::with_capacity(CRC_FROM + 4 + producers.len() * ENTRY_LEN);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(producers.len() as i32).to_be_bytes());
    for (id, p) in producers.iter() {
        let last = p.last().copied().unwrap_or(Batch {
            last_sequence: -1,
            last_offset: -1,
            offset_delta: 0,
            timestamp: -1,
        });
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&p.epoch.to_be_bytes());
        out.extend_from_slice(&last.last_sequence.to_be_bytes());
        out.extend_from_slice(&last.last_offset.to_be_bytes());
        out.extend_from_slice(&last.offset_delta.to_be_bytes());
        out.extend_from_slice(&p.last_timestamp.to_be_bytes());
        out.extend_from_slice(&p.coordinator_epoch.to_be_bytes());
        out.extend_from_slice(&p.txn_first.unwrap_or(-1).to_be_bytes());
    }
    for (id, p) in producers.iter() {
        let Some((_, earlier)) = p.batches().split_last().filter(|(_, e)| !e.is_empty()) else {
            continue;
        };
        out.extend_from_slice(&id.to_be_bytes());
        out.push(earlier.len() as u8);
        for batch in earlier {
            out.extend_from_slice(&batch.last_sequence.to_be_bytes());
            out.extend_from_slice(&batch.last_offset.to_be_bytes());
            out.extend_from_slice(&batch.offset_delta.to_be_bytes());
            out.extend_from_slice(&batch.timestamp.to_be_bytes());
        }
    }
    let crc = crc(&out[CRC_FROM..]);
    out[2..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
    out
}

fn crc(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// What stands behind Kafka's entries: the batches before the last one, by producer.
fn decode_earlier(mut at: &[u8]) -> Option<BTreeMap<i64, Vec<Batch>>> {
    let mut all = BTreeMap::new();
    while !at.is_empty() {
        let id = i64::from_be_bytes(take(&mut at)?);
        let [count] = take(&mut at)?;
        if usize::from(count) >= PRODUCER_BATCHES_KEPT {
            return None;
        }
        let mut batches = Vec::with_capacity(count.into());
        for _ in 0..count {
            batches.push(Batch {
                last_sequence: i32::from_be_bytes(take(&mut at)?),
                last_offset: i64::from_be_bytes(take(&mut at)?),
                offset_delta: i32::from_be_bytes(take(&mut at)?),
                timestamp: i64::from_be_bytes(take(&mut at)?),
            });
        }
        all.insert(id, batches);
    }
    Some(all)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

/// Reads a snapshot; `None` if it is damaged or of another version. The caller filters expired producers.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<(i64, Producer)>> {
    let mut at = bytes;
    if i16::from_be_bytes(take(&mut at)?) != VERSION {
        return None;
    }
    if u32::from_be_bytes(take(&mut at)?) != crc(at) {
        return None;
    }
    let count = usize::try_from(i32::from_be_bytes(take(&mut at)?)).ok()?;
    let (mut at, earlier) = at.split_at_checked(count.checked_mul(ENTRY_LEN)?)?;
    let mut earlier = decode_earlier(earlier)?;
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let id = i64::from_be_bytes(take(&mut at)?);
        let epoch = i16::from_be_bytes(take(&mut at)?);
        let last_sequence = i32::from_be_bytes(take(&mut at)?);
        let last_offset = i64::from_be_bytes(take(&mut at)?);
        let offset_delta = i32::from_be_bytes(take(&mut at)?);
        let timestamp = i64::from_be_bytes(take(&mut at)?);
        let coordinator_epoch = i32::from_be_bytes(take(&mut at)?);
        let txn_first = i64::from_be_bytes(take(&mut at)?);
        let mut producer = Producer::new(epoch, coordinator_epoch, timestamp);
        if last_offset >= 0 {
            for batch in earlier.remove(&id).unwrap_or_default() {
                producer.push(epoch, batch);
            }
            producer.push(
                epoch,
                Batch {
                    last_sequence,
                    last_offset,
                    offset_delta,
                    timestamp,
                },
            );
        }
        producer.txn_first = (txn_first >= 0).then_some(txn_first);
        all.push((id, producer));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_back_and_damage_is_seen() {
        let mut producers = Producers::default();
        let mut p = Producer::new(3, 5, 1000);
        for i in 0..7 {
            p.push(
                3,
                Batch {
                    last_sequence: i * 10 + 9,
                    last_offset: i64::from(i) * 10 + 9,
                    offset_delta: 9,
                    timestamp: 1000 + i64::from(i),
                },
            );
        }
        p.txn_first = Some(20);
        producers.insert(77, p);
        producers.insert(78, Producer::new(0, 2, 900));
        let bytes = encode(&producers);
        let earlier = 8 + 1 + (PRODUCER_BATCHES_KEPT - 1) * 24;
        assert_eq!(bytes.len(), 10 + 2 * ENTRY_LEN + earlier);
        assert_eq!(
            u32::from_be_bytes(bytes[2..6].try_into().unwrap()),
            crc_of_reference(&bytes[6..])
        );
        let mut back = decode(&bytes).unwrap();
        back.sort_by_key(|e| e.0);
        let (id, p) = &back[0];
        assert_eq!(
            (*id, p.epoch, p.txn_first, p.batches().len()),
            (77, 3, Some(20), PRODUCER_BATCHES_KEPT)
        );
        let sequences: Vec<i32> = p.batches().iter().map(|b| b.last_sequence).collect();
        assert_eq!(sequences, [29, 39, 49, 59, 69]);
        assert!(back[1].1.last().is_none());
        for i in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[i] ^= 1;
            assert!(decode(&bad).is_none(), "byte {i}");
            assert!(decode(&bytes[..i]).is_none());
        }
    }

    #[test]
    fn a_snapshot_of_a_jvm_kafka_has_one_batch_of_each_producer() {
        let mut producers = Producers::default();
        let mut p = Producer::new(0, -1, 1000);
        let batch = Batch {
            last_sequence: 4,
            last_offset: 14,
            offset_delta: 4,
            timestamp: 1000,
        };
        p.push(0, batch);
        producers.insert(5, p);
        let bytes = encode(&producers);
        assert_eq!(bytes.len(), 10 + ENTRY_LEN, "nothing behind its entries");
        assert_eq!(decode(&bytes).unwrap()[0].1.batches(), [batch]);
    }

    /// CRC-32C, bit by bit.
    fn crc_of_reference(bytes: &[u8]) -> u32 {
        let mut crc = !0u32;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    }
}
