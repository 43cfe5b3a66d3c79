//! Control records: transaction markers, and what a metadata log says about itself.
//!
//! Always holds: a key is version 0 and a type, both i16; types this version does not know are kept as a number, as consumers skip
//! them. Must never: write a version that Kafka 4.3 cannot read (it reads types 2 to 6 as version 0 only, whatever they say).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::batch::{BatchBuilder, TimestampType};
use crate::compress::Codec;
use crate::messages::{
    EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord,
    SnapshotHeaderRecord, VotersRecord,
};
use crate::types::{LeaderEpoch, Millis, Offset, ProducerEpoch, ProducerId};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// The version of every key and value here.
const VERSION: i16 = 0;

/// What a control record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlType {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KRaftVersion,
    KRaftVoters,
    /// Of a later Kafka: to be skipped.
    Unknown(i16),
}

impl ControlType {
    pub fn id(self) -> i16 {
        match self {
            ControlType::Abort => 0,
            ControlType::Commit => 1,
            ControlType::LeaderChange => 2,
            ControlType::SnapshotHeader => 3,
            ControlType::SnapshotFooter => 4,
            ControlType::KRaftVersion => 5,
            ControlType::KRaftVoters => 6,
            ControlType::Unknown(id) => id,
        }
    }

    pub fn from_id(id: i16) -> ControlType {
        match id {
            0 => ControlType::Abort,
            1 => ControlType::Commit,
            2 => ControlType::LeaderChange,
            3 => ControlType::SnapshotHeader,
            4 => ControlType::SnapshotFooter,
            5 => ControlType::KRaftVersion,
            6 => ControlType::KRaftVoters,
            id => ControlType::Unknown(id),
        }
    }

    /// The record's key.
    pub fn key(self) -> [u8; 4] {
        let (v, id) = (VERSION.to_be_bytes(), self.id().to_be_bytes());
        [v[0], v[1], id[0], id[1]]
    }

    /// Reads a key. Later versions may be longer; what is known of them stays where it is.
    pub fn read_key(mut key: &[u8]) -> Result<ControlType, DecodeError> {
        let version = key.try_get_i16().map_err(|_| short(4, key))?;
        if version < 0 {
            return Err(DecodeError::Version {
                message: "ControlRecordType",
                version,
            });
        }
        let id = key.try_get_i16().map_err(|_| short(2, key))?;
        Ok(ControlType::from_id(id))
    }
}

fn short(need: usize, bytes: &[u8]) -> DecodeError {
    DecodeError::Short {
        need,
        left: bytes.len(),
    }
}

/// A control record's meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlRecord {
    /// The end of a transaction of the batch's producer in this partition.
    EndTxn {
        committed: bool,
        /// The transaction coordinator's leader epoch, which fences older coordinators.
        coordinator_epoch: i32,
    },
    LeaderChange(LeaderChangeMessage),
    SnapshotHeader(SnapshotHeaderRecord),
    SnapshotFooter(SnapshotFooterRecord),
    KRaftVersion(KRaftVersionRecord),
    KRaftVoters(VotersRecord),
    Unknown(i16),
}

impl ControlRecord {
    pub fn control_type(&self) -> ControlType {
        match self {
            ControlRecord::EndTxn {
                committed: true, ..
            } => ControlType::Commit,
            ControlRecord::EndTxn { .. } => ControlType::Abort,
            ControlRecord::LeaderChange(_) => ControlType::LeaderChange,
            ControlRecord::SnapshotHeader(_) => ControlType::SnapshotHeader,
            ControlRecord::SnapshotFooter(_) => ControlType::SnapshotFooter,
            ControlRecord::KRaftVersion(_) => ControlType::KRaftVersion,
            ControlRecord::KRaftVoters(_) => ControlType::KRaftVoters,
            ControlRecord::Unknown(id) => ControlType::Unknown(*id),
        }
    }

    /// Reads a control record's key and value.
    pub fn read(key: &[u8], value: &[u8]) -> Result<ControlRecord, DecodeError> {
        fn message<M: Message>(value: &[u8]) -> Result<M, DecodeError> {
            M::read(&mut Reader::new(Bytes::copy_from_slice(value)), VERSION)
        }
        Ok(match ControlType::read_key(key)? {
            end @ (ControlType::Abort | ControlType::Commit) => {
                // This value alone carries its version in front.
                let mut rest = value;
                let version = rest.try_get_i16().map_err(|_| short(2, value))?;
                if version < 0 {
                    return Err(DecodeError::Version {
                        message: EndTxnMarker::NAME,
                        version,
                    });
                }
                ControlRecord::EndTxn {
                    committed: end == ControlType::Commit,
                    coordinator_epoch: message::<EndTxnMarker>(rest)?.coordinator_epoch,
                }
            }
            ControlType::LeaderChange => ControlRecord::LeaderChange(message(value)?),
            ControlType::SnapshotHeader => ControlRecord::SnapshotHeader(message(value)?),
            ControlType::SnapshotFooter => ControlRecord::SnapshotFooter(message(value)?),
            ControlType::KRaftVersion => ControlRecord::KRaftVersion(message(value)?),
            ControlType::KRaftVoters => ControlRecord::KRaftVoters(message(value)?),
            ControlType::Unknown(id) => ControlRecord::Unknown(id),
        })
    }

    /// The record's value. Unknown types have none to write.
    pub fn value(&self) -> Result<Bytes, EncodeError> {
        fn message(m: &impl Message) -> Result<Bytes, EncodeError> {
            let mut w = Writer::new();
            m.write(&mut w, VERSION)?;
            Ok(w.finish().to_bytes())
        }
        match self {
            ControlRecord::EndTxn {
                coordinator_epoch, ..
            } => {
                let mut out = BytesMut::with_capacity(6);
                out.put_i16(VERSION);
                out.put_i32(*coordinator_epoch);
                Ok(out.freeze())
            }
            ControlRecord::LeaderChange(m) => message(m),
            ControlRecord::SnapshotHeader(m) => message(m),
            ControlRecord::SnapshotFooter(m) => message(m),
            ControlRecord::KRaftVersion(m) => message(m),
            ControlRecord::KRaftVoters(m) => message(m),
            ControlRecord::Unknown(_) => Ok(Bytes::new()),
        }
    }

    /// A control batch of this record alone, as Kafka writes all of them. A marker takes the producer whose transaction ends.
    pub fn batch(
        &self,
        base_offset: Offset,
        leader_epoch: LeaderEpoch,
        now: Millis,
        producer: Option<(ProducerId, ProducerEpoch)>,
    ) -> Result<Bytes, EncodeError> {
        let mut batch = BatchBuilder::new(Codec::None, TimestampType::Create);
        batch.control();
        if let Some((id, epoch)) = producer {
            batch
                .producer(id, epoch, crate::batch::NO_SEQUENCE)
                .transactional();
        }
        let key = self.control_type().key();
        batch.push(now, Some(&key), Some(&self.value()?), &[]);
        Ok(batch.build(base_offset, leader_epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBytes;

    #[test]
    fn a_marker_is_kafkas_bytes() {
        let marker = ControlRecord::EndTxn {
            committed: true,
            coordinator_epoch: 7,
        };
        assert_eq!(marker.control_type().key(), [0, 0, 0, 1]);
        assert_eq!(&marker.value().unwrap()[..], [0, 0, 0, 0, 0, 7]);
        let bytes = marker
            .batch(
                Offset(5),
                LeaderEpoch(2),
                Millis(9),
                Some((ProducerId(3), ProducerEpoch(1))),
            )
            .unwrap();
        let (batch, _) = BatchBytes::parse(bytes).unwrap();
        assert!(batch.is_control() && batch.is_transactional());
        assert_eq!(
            (batch.header().producer_id, batch.header().base_sequence),
            (3, -1)
        );
        let set = batch.records(0).unwrap();
        let record = set.iter().next().unwrap().unwrap();
        let read = ControlRecord::read(record.key.unwrap(), record.value.unwrap());
        assert_eq!(read, Ok(marker));
    }

    #[test]
    fn every_kind_is_read_back_and_unknown_ones_are_kept() {
        for record in [
            ControlRecord::EndTxn {
                committed: false,
                coordinator_epoch: -1,
            },
            ControlRecord::LeaderChange(LeaderChangeMessage {
                leader_id: 4,
                ..Default::default()
            }),
            ControlRecord::SnapshotHeader(SnapshotHeaderRecord {
                last_contained_log_timestamp: 6,
                ..Default::default()
            }),
            ControlRecord::SnapshotFooter(SnapshotFooterRecord::default()),
            ControlRecord::KRaftVersion(KRaftVersionRecord::default()),
            ControlRecord::KRaftVoters(VotersRecord::default()),
        ] {
            let (key, value) = (record.control_type().key(), record.value().unwrap());
            assert_eq!(ControlRecord::read(&key, &value), Ok(record));
        }
        assert_eq!(
            ControlRecord::read(&[0, 0, 0, 9], &[]),
            Ok(ControlRecord::Unknown(9))
        );
        // A later version of the key keeps its first fields.
        assert_eq!(
            ControlType::read_key(&[0, 1, 0, 0, 1, 2]),
            Ok(ControlType::Abort)
        );
    }

    #[test]
    fn damaged_ones_are_refused() {
        for key in [&[][..], &[0], &[0, 0, 0], &[0xff, 0xff, 0, 0]] {
            assert!(ControlRecord::read(key, &[0; 9]).is_err());
        }
        for value in [&[][..], &[0, 0], &[0, 0, 0], &[0xff, 0xff, 0, 0, 0, 0]] {
            assert!(ControlRecord::read(&[0, 0, 0, 1], value).is_err());
        }
    }
}
