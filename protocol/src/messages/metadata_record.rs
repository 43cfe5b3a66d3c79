//! The records of the metadata log as one type, and the frame around each.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use bytes::Bytes;

use super::*;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// A record of the metadata log.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataRecord {
    RegisterBrokerRecord(RegisterBrokerRecord),
    UnregisterBrokerRecord(UnregisterBrokerRecord),
    TopicRecord(TopicRecord),
    PartitionRecord(PartitionRecord),
    ConfigRecord(ConfigRecord),
    PartitionChangeRecord(PartitionChangeRecord),
    FenceBrokerRecord(FenceBrokerRecord),
    UnfenceBrokerRecord(UnfenceBrokerRecord),
    RemoveTopicRecord(RemoveTopicRecord),
    DelegationTokenRecord(DelegationTokenRecord),
    UserScramCredentialRecord(UserScramCredentialRecord),
    FeatureLevelRecord(FeatureLevelRecord),
    ClientQuotaRecord(ClientQuotaRecord),
    ProducerIdsRecord(ProducerIdsRecord),
    BrokerRegistrationChangeRecord(BrokerRegistrationChangeRecord),
    AccessControlEntryRecord(AccessControlEntryRecord),
    RemoveAccessControlEntryRecord(RemoveAccessControlEntryRecord),
    NoOpRecord(NoOpRecord),
    ZkMigrationStateRecord(ZkMigrationStateRecord),
    RemoveUserScramCredentialRecord(RemoveUserScramCredentialRecord),
    BeginTransactionRecord(BeginTransactionRecord),
    EndTransactionRecord(EndTransactionRecord),
    AbortTransactionRecord(AbortTransactionRecord),
    RemoveDelegationTokenRecord(RemoveDelegationTokenRecord),
    RegisterControllerRecord(RegisterControllerRecord),
    ClearElrRecord(ClearElrRecord),
}

/// The only version of the frame so far.
const FRAME_VERSION: u32 = 1;

impl MetadataRecord {
    /// Reads the value of a record: frame version, type and version as unsigned varints, then the fields. All of it must be used up.
    pub fn read_framed(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let frame = r.uvarint()?;
        if frame != FRAME_VERSION {
            return Err(DecodeError::FrameVersion(frame));
        }
        let (key, version) = (r.uvarint()?, r.uvarint()?);
        let version = i16::try_from(version).unwrap_or(i16::MAX);
        let record = match key {
            0 => MetadataRecord::RegisterBrokerRecord(RegisterBrokerRecord::read(&mut r, version)?),
            1 => MetadataRecord::UnregisterBrokerRecord(UnregisterBrokerRecord::read(
                &mut r, version,
            )?),
            2 => MetadataRecord::TopicRecord(TopicRecord::read(&mut r, version)?),
            3 => MetadataRecord::PartitionRecord(PartitionRecord::read(&mut r, version)?),
            4 => MetadataRecord::ConfigRecord(ConfigRecord::read(&mut r, version)?),
            5 => {
                MetadataRecord::PartitionChangeRecord(PartitionChangeRecord::read(&mut r, version)?)
            }
            7 => MetadataRecord::FenceBrokerRecord(FenceBrokerRecord::read(&mut r, version)?),
            8 => MetadataRecord::UnfenceBrokerRecord(UnfenceBrokerRecord::read(&mut r, version)?),
            9 => MetadataRecord::RemoveTopicRecord(RemoveTopicRecord::read(&mut r, version)?),
            10 => {
                MetadataRecord::DelegationTokenRecord(DelegationTokenRecord::read(&mut r, version)?)
            }
            11 => MetadataRecord::UserScramCredentialRecord(UserScramCredentialRecord::read(
                &mut r, version,
            )?),
            12 => MetadataRecord::FeatureLevelRecord(FeatureLevelRecord::read(&mut r, version)?),
            14 => MetadataRecord::ClientQuotaRecord(ClientQuotaRecord::read(&mut r, version)?),
            15 => MetadataRecord::ProducerIdsRecord(ProducerIdsRecord::read(&mut r, version)?),
            17 => MetadataRecord::BrokerRegistrationChangeRecord(
                BrokerRegistrationChangeRecord::read(&mut r, version)?,
            ),
            18 => MetadataRecord::AccessControlEntryRecord(AccessControlEntryRecord::read(
                &mut r, version,
            )?),
            19 => MetadataRecord::RemoveAccessControlEntryRecord(
                RemoveAccessControlEntryRecord::read(&mut r, version)?,
            ),
            20 => MetadataRecord::NoOpRecord(NoOpRecord::read(&mut r, version)?),
            21 => MetadataRecord::ZkMigrationStateRecord(ZkMigrationStateRecord::read(
                &mut r, version,
            )?),
            22 => MetadataRecord::RemoveUserScramCredentialRecord(
                RemoveUserScramCredentialRecord::read(&mut r, version)?,
            ),
            23 => MetadataRecord::BeginTransactionRecord(BeginTransactionRecord::read(
                &mut r, version,
            )?),
            24 => {
                MetadataRecord::EndTransactionRecord(EndTransactionRecord::read(&mut r, version)?)
            }
            25 => MetadataRecord::AbortTransactionRecord(AbortTransactionRecord::read(
                &mut r, version,
            )?),
            26 => MetadataRecord::RemoveDelegationTokenRecord(RemoveDelegationTokenRecord::read(
                &mut r, version,
            )?),
            27 => MetadataRecord::RegisterControllerRecord(RegisterControllerRecord::read(
                &mut r, version,
            )?),
            28 => MetadataRecord::ClearElrRecord(ClearElrRecord::read(&mut r, version)?),
            _ => return Err(DecodeError::RecordType(key as i32)),
        };
        r.end()?;
        Ok(record)
    }

    /// The value of a record, in the given version of its type.
    pub fn write_framed(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        w.uvarint(FRAME_VERSION);
        w.uvarint(self.record_type() as u32);
        w.uvarint(version as u32);
        match self {
            MetadataRecord::RegisterBrokerRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::UnregisterBrokerRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::TopicRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::PartitionRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::ConfigRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::PartitionChangeRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::FenceBrokerRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::UnfenceBrokerRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::RemoveTopicRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::DelegationTokenRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::UserScramCredentialRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::FeatureLevelRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::ClientQuotaRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::ProducerIdsRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::BrokerRegistrationChangeRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::AccessControlEntryRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::RemoveAccessControlEntryRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::NoOpRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::ZkMigrationStateRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::RemoveUserScramCredentialRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::BeginTransactionRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::EndTransactionRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::AbortTransactionRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::RemoveDelegationTokenRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::RegisterControllerRecord(m) => m.write(&mut w, version)?,
            MetadataRecord::ClearElrRecord(m) => m.write(&mut w, version)?,
        }
        Ok(w.finish().to_bytes())
    }

    pub fn record_type(&self) -> i16 {
        match self {
            MetadataRecord::RegisterBrokerRecord(_) => 0,
            MetadataRecord::UnregisterBrokerRecord(_) => 1,
            MetadataRecord::TopicRecord(_) => 2,
            MetadataRecord::PartitionRecord(_) => 3,
            MetadataRecord::ConfigRecord(_) => 4,
            MetadataRecord::PartitionChangeRecord(_) => 5,
            MetadataRecord::FenceBrokerRecord(_) => 7,
            MetadataRecord::UnfenceBrokerRecord(_) => 8,
            MetadataRecord::RemoveTopicRecord(_) => 9,
            MetadataRecord::DelegationTokenRecord(_) => 10,
            MetadataRecord::UserScramCredentialRecord(_) => 11,
            MetadataRecord::FeatureLevelRecord(_) => 12,
            MetadataRecord::ClientQuotaRecord(_) => 14,
            MetadataRecord::ProducerIdsRecord(_) => 15,
            MetadataRecord::BrokerRegistrationChangeRecord(_) => 17,
            MetadataRecord::AccessControlEntryRecord(_) => 18,
            MetadataRecord::RemoveAccessControlEntryRecord(_) => 19,
            MetadataRecord::NoOpRecord(_) => 20,
            MetadataRecord::ZkMigrationStateRecord(_) => 21,
            MetadataRecord::RemoveUserScramCredentialRecord(_) => 22,
            MetadataRecord::BeginTransactionRecord(_) => 23,
            MetadataRecord::EndTransactionRecord(_) => 24,
            MetadataRecord::AbortTransactionRecord(_) => 25,
            MetadataRecord::RemoveDelegationTokenRecord(_) => 26,
            MetadataRecord::RegisterControllerRecord(_) => 27,
            MetadataRecord::ClearElrRecord(_) => 28,
        }
    }

    /// The newest version of this type.
    pub fn max_version(&self) -> i16 {
        match self {
            MetadataRecord::RegisterBrokerRecord(_) => RegisterBrokerRecord::MAX,
            MetadataRecord::UnregisterBrokerRecord(_) => UnregisterBrokerRecord::MAX,
            MetadataRecord::TopicRecord(_) => TopicRecord::MAX,
            MetadataRecord::PartitionRecord(_) => PartitionRecord::MAX,
            MetadataRecord::ConfigRecord(_) => ConfigRecord::MAX,
            MetadataRecord::PartitionChangeRecord(_) => PartitionChangeRecord::MAX,
            MetadataRecord::FenceBrokerRecord(_) => FenceBrokerRecord::MAX,
            MetadataRecord::UnfenceBrokerRecord(_) => UnfenceBrokerRecord::MAX,
            MetadataRecord::RemoveTopicRecord(_) => RemoveTopicRecord::MAX,
            MetadataRecord::DelegationTokenRecord(_) => DelegationTokenRecord::MAX,
            MetadataRecord::UserScramCredentialRecord(_) => UserScramCredentialRecord::MAX,
            MetadataRecord::FeatureLevelRecord(_) => FeatureLevelRecord::MAX,
            MetadataRecord::ClientQuotaRecord(_) => ClientQuotaRecord::MAX,
            MetadataRecord::ProducerIdsRecord(_) => ProducerIdsRecord::MAX,
            MetadataRecord::BrokerRegistrationChangeRecord(_) => {
                BrokerRegistrationChangeRecord::MAX
            }
            MetadataRecord::AccessControlEntryRecord(_) => AccessControlEntryRecord::MAX,
            MetadataRecord::RemoveAccessControlEntryRecord(_) => {
                RemoveAccessControlEntryRecord::MAX
            }
            MetadataRecord::NoOpRecord(_) => NoOpRecord::MAX,
            MetadataRecord::ZkMigrationStateRecord(_) => ZkMigrationStateRecord::MAX,
            MetadataRecord::RemoveUserScramCredentialRecord(_) => {
                RemoveUserScramCredentialRecord::MAX
            }
            MetadataRecord::BeginTransactionRecord(_) => BeginTransactionRecord::MAX,
            MetadataRecord::EndTransactionRecord(_) => EndTransactionRecord::MAX,
            MetadataRecord::AbortTransactionRecord(_) => AbortTransactionRecord::MAX,
            MetadataRecord::RemoveDelegationTokenRecord(_) => RemoveDelegationTokenRecord::MAX,
            MetadataRecord::RegisterControllerRecord(_) => RegisterControllerRecord::MAX,
            MetadataRecord::ClearElrRecord(_) => ClearElrRecord::MAX,
        }
    }
}

impl From<RegisterBrokerRecord> for MetadataRecord {
    fn from(m: RegisterBrokerRecord) -> Self {
        MetadataRecord::RegisterBrokerRecord(m)
    }
}
impl From<UnregisterBrokerRecord> for MetadataRecord {
    fn from(m: UnregisterBrokerRecord) -> Self {
        MetadataRecord::UnregisterBrokerRecord(m)
    }
}
impl From<TopicRecord> for MetadataRecord {
    fn from(m: TopicRecord) -> Self {
        MetadataRecord::TopicRecord(m)
    }
}
impl From<PartitionRecord> for MetadataRecord {
    fn from(m: PartitionRecord) -> Self {
        MetadataRecord::PartitionRecord(m)
    }
}
impl From<ConfigRecord> for MetadataRecord {
    fn from(m: ConfigRecord) -> Self {
        MetadataRecord::ConfigRecord(m)
    }
}
impl From<PartitionChangeRecord> for MetadataRecord {
    fn from(m: PartitionChangeRecord) -> Self {
        MetadataRecord::PartitionChangeRecord(m)
    }
}
impl From<FenceBrokerRecord> for MetadataRecord {
    fn from(m: FenceBrokerRecord) -> Self {
        MetadataRecord::FenceBrokerRecord(m)
    }
}
impl From<UnfenceBrokerRecord> for MetadataRecord {
    fn from(m: UnfenceBrokerRecord) -> Self {
        MetadataRecord::UnfenceBrokerRecord(m)
    }
}
impl From<RemoveTopicRecord> for MetadataRecord {
    fn from(m: RemoveTopicRecord) -> Self {
        MetadataRecord::RemoveTopicRecord(m)
    }
}
impl From<DelegationTokenRecord> for MetadataRecord {
    fn from(m: DelegationTokenRecord) -> Self {
        MetadataRecord::DelegationTokenRecord(m)
    }
}
impl From<UserScramCredentialRecord> for MetadataRecord {
    fn from(m: UserScramCredentialRecord) -> Self {
        MetadataRecord::UserScramCredentialRecord(m)
    }
}
impl From<FeatureLevelRecord> for MetadataRecord {
    fn from(m: FeatureLevelRecord) -> Self {
        MetadataRecord::FeatureLevelRecord(m)
    }
}
impl From<ClientQuotaRecord> for MetadataRecord {
    fn from(m: ClientQuotaRecord) -> Self {
        MetadataRecord::ClientQuotaRecord(m)
    }
}
impl From<ProducerIdsRecord> for MetadataRecord {
    fn from(m: ProducerIdsRecord) -> Self {
        MetadataRecord::ProducerIdsRecord(m)
    }
}
impl From<BrokerRegistrationChangeRecord> for MetadataRecord {
    fn from(m: BrokerRegistrationChangeRecord) -> Self {
        MetadataRecord::BrokerRegistrationChangeRecord(m)
    }
}
impl From<AccessControlEntryRecord> for MetadataRecord {
    fn from(m: AccessControlEntryRecord) -> Self {
        MetadataRecord::AccessControlEntryRecord(m)
    }
}
impl From<RemoveAccessControlEntryRecord> for MetadataRecord {
    fn from(m: RemoveAccessControlEntryRecord) -> Self {
        MetadataRecord::RemoveAccessControlEntryRecord(m)
    }
}
impl From<NoOpRecord> for MetadataRecord {
    fn from(m: NoOpRecord) -> Self {
        MetadataRecord::NoOpRecord(m)
    }
}
impl From<ZkMigrationStateRecord> for MetadataRecord {
    fn from(m: ZkMigrationStateRecord) -> Self {
        MetadataRecord::ZkMigrationStateRecord(m)
    }
}
impl From<RemoveUserScramCredentialRecord> for MetadataRecord {
    fn from(m: RemoveUserScramCredentialRecord) -> Self {
        MetadataRecord::RemoveUserScramCredentialRecord(m)
    }
}
impl From<BeginTransactionRecord> for MetadataRecord {
    fn from(m: BeginTransactionRecord) -> Self {
        MetadataRecord::BeginTransactionRecord(m)
    }
}
impl From<EndTransactionRecord> for MetadataRecord {
    fn from(m: EndTransactionRecord) -> Self {
        MetadataRecord::EndTransactionRecord(m)
    }
}
impl From<AbortTransactionRecord> for MetadataRecord {
    fn from(m: AbortTransactionRecord) -> Self {
        MetadataRecord::AbortTransactionRecord(m)
    }
}
impl From<RemoveDelegationTokenRecord> for MetadataRecord {
    fn from(m: RemoveDelegationTokenRecord) -> Self {
        MetadataRecord::RemoveDelegationTokenRecord(m)
    }
}
impl From<RegisterControllerRecord> for MetadataRecord {
    fn from(m: RegisterControllerRecord) -> Self {
        MetadataRecord::RegisterControllerRecord(m)
    }
}
impl From<ClearElrRecord> for MetadataRecord {
    fn from(m: ClearElrRecord) -> Self {
        MetadataRecord::ClearElrRecord(m)
    }
}
