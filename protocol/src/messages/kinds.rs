//! All requests as one type, and all responses: for code that handles any of them alike.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use super::*;
use crate::api_key::ApiKey;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// Any request.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum RequestKind {
    Produce(ProduceRequest),
    Fetch(FetchRequest),
    ListOffsets(ListOffsetsRequest),
    Metadata(MetadataRequest),
    OffsetCommit(OffsetCommitRequest),
    OffsetFetch(OffsetFetchRequest),
    FindCoordinator(FindCoordinatorRequest),
    JoinGroup(JoinGroupRequest),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    SyncGroup(SyncGroupRequest),
    DescribeGroups(DescribeGroupsRequest),
    ListGroups(ListGroupsRequest),
    SaslHandshake(SaslHandshakeRequest),
    ApiVersions(ApiVersionsRequest),
    CreateTopics(CreateTopicsRequest),
    DeleteTopics(DeleteTopicsRequest),
    DeleteRecords(DeleteRecordsRequest),
    InitProducerId(InitProducerIdRequest),
    OffsetForLeaderEpoch(OffsetForLeaderEpochRequest),
    AddPartitionsToTxn(AddPartitionsToTxnRequest),
    AddOffsetsToTxn(AddOffsetsToTxnRequest),
    EndTxn(EndTxnRequest),
    WriteTxnMarkers(WriteTxnMarkersRequest),
    TxnOffsetCommit(TxnOffsetCommitRequest),
    DescribeAcls(DescribeAclsRequest),
    CreateAcls(CreateAclsRequest),
    DeleteAcls(DeleteAclsRequest),
    DescribeConfigs(DescribeConfigsRequest),
    AlterConfigs(AlterConfigsRequest),
    AlterReplicaLogDirs(AlterReplicaLogDirsRequest),
    DescribeLogDirs(DescribeLogDirsRequest),
    SaslAuthenticate(SaslAuthenticateRequest),
    CreatePartitions(CreatePartitionsRequest),
    CreateDelegationToken(CreateDelegationTokenRequest),
    RenewDelegationToken(RenewDelegationTokenRequest),
    ExpireDelegationToken(ExpireDelegationTokenRequest),
    DescribeDelegationToken(DescribeDelegationTokenRequest),
    DeleteGroups(DeleteGroupsRequest),
    ElectLeaders(ElectLeadersRequest),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    AlterPartitionReassignments(AlterPartitionReassignmentsRequest),
    ListPartitionReassignments(ListPartitionReassignmentsRequest),
    OffsetDelete(OffsetDeleteRequest),
    DescribeClientQuotas(DescribeClientQuotasRequest),
    AlterClientQuotas(AlterClientQuotasRequest),
    DescribeUserScramCredentials(DescribeUserScramCredentialsRequest),
    AlterUserScramCredentials(AlterUserScramCredentialsRequest),
    Vote(VoteRequest),
    BeginQuorumEpoch(BeginQuorumEpochRequest),
    EndQuorumEpoch(EndQuorumEpochRequest),
    DescribeQuorum(DescribeQuorumRequest),
    AlterPartition(AlterPartitionRequest),
    UpdateFeatures(UpdateFeaturesRequest),
    Envelope(EnvelopeRequest),
    FetchSnapshot(FetchSnapshotRequest),
    DescribeCluster(DescribeClusterRequest),
    DescribeProducers(DescribeProducersRequest),
    BrokerRegistration(BrokerRegistrationRequest),
    BrokerHeartbeat(BrokerHeartbeatRequest),
    UnregisterBroker(UnregisterBrokerRequest),
    DescribeTransactions(DescribeTransactionsRequest),
    ListTransactions(ListTransactionsRequest),
    AllocateProducerIds(AllocateProducerIdsRequest),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest),
    ConsumerGroupDescribe(ConsumerGroupDescribeRequest),
    ControllerRegistration(ControllerRegistrationRequest),
    GetTelemetrySubscriptions(GetTelemetrySubscriptionsRequest),
    PushTelemetry(PushTelemetryRequest),
    AssignReplicasToDirs(AssignReplicasToDirsRequest),
    ListConfigResources(ListConfigResourcesRequest),
    DescribeTopicPartitions(DescribeTopicPartitionsRequest),
    ShareGroupHeartbeat(ShareGroupHeartbeatRequest),
    ShareGroupDescribe(ShareGroupDescribeRequest),
    ShareFetch(ShareFetchRequest),
    ShareAcknowledge(ShareAcknowledgeRequest),
    AddRaftVoter(AddRaftVoterRequest),
    RemoveRaftVoter(RemoveRaftVoterRequest),
    UpdateRaftVoter(UpdateRaftVoterRequest),
    InitializeShareGroupState(InitializeShareGroupStateRequest),
    ReadShareGroupState(ReadShareGroupStateRequest),
    WriteShareGroupState(WriteShareGroupStateRequest),
    DeleteShareGroupState(DeleteShareGroupStateRequest),
    ReadShareGroupStateSummary(ReadShareGroupStateSummaryRequest),
    StreamsGroupHeartbeat(StreamsGroupHeartbeatRequest),
    StreamsGroupDescribe(StreamsGroupDescribeRequest),
    DescribeShareGroupOffsets(DescribeShareGroupOffsetsRequest),
    AlterShareGroupOffsets(AlterShareGroupOffsetsRequest),
    DeleteShareGroupOffsets(DeleteShareGroupOffsetsRequest),
}

impl RequestKind {
    /// Reads a request of the given key and version, and leaves what follows it.
    pub fn read(key: ApiKey, version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(match key {
            ApiKey::Produce => RequestKind::Produce(ProduceRequest::read(r, version)?),
            ApiKey::Fetch => RequestKind::Fetch(FetchRequest::read(r, version)?),
            ApiKey::ListOffsets => RequestKind::ListOffsets(ListOffsetsRequest::read(r, version)?),
            ApiKey::Metadata => RequestKind::Metadata(MetadataRequest::read(r, version)?),
            ApiKey::OffsetCommit => {
                RequestKind::OffsetCommit(OffsetCommitRequest::read(r, version)?)
            }
            ApiKey::OffsetFetch => RequestKind::OffsetFetch(OffsetFetchRequest::read(r, version)?),
            ApiKey::FindCoordinator => {
                RequestKind::FindCoordinator(FindCoordinatorRequest::read(r, version)?)
            }
            ApiKey::JoinGroup => RequestKind::JoinGroup(JoinGroupRequest::read(r, version)?),
            ApiKey::Heartbeat => RequestKind::Heartbeat(HeartbeatRequest::read(r, version)?),
            ApiKey::LeaveGroup => RequestKind::LeaveGroup(LeaveGroupRequest::read(r, version)?),
            ApiKey::SyncGroup => RequestKind::SyncGroup(SyncGroupRequest::read(r, version)?),
            ApiKey::DescribeGroups => {
                RequestKind::DescribeGroups(DescribeGroupsRequest::read(r, version)?)
            }
            ApiKey::ListGroups => RequestKind::ListGroups(ListGroupsRequest::read(r, version)?),
            ApiKey::SaslHandshake => {
                RequestKind::SaslHandshake(SaslHandshakeRequest::read(r, version)?)
            }
            ApiKey::ApiVersions => RequestKind::ApiVersions(ApiVersionsRequest::read(r, version)?),
            ApiKey::CreateTopics => {
                RequestKind::CreateTopics(CreateTopicsRequest::read(r, version)?)
            }
            ApiKey::DeleteTopics => {
                RequestKind::DeleteTopics(DeleteTopicsRequest::read(r, version)?)
            }
            ApiKey::DeleteRecords => {
                RequestKind::DeleteRecords(DeleteRecordsRequest::read(r, version)?)
            }
            ApiKey::InitProducerId => {
                RequestKind::InitProducerId(InitProducerIdRequest::read(r, version)?)
            }
            ApiKey::OffsetForLeaderEpoch => {
                RequestKind::OffsetForLeaderEpoch(OffsetForLeaderEpochRequest::read(r, version)?)
            }
            ApiKey::AddPartitionsToTxn => {
                RequestKind::AddPartitionsToTxn(AddPartitionsToTxnRequest::read(r, version)?)
            }
            ApiKey::AddOffsetsToTxn => {
                RequestKind::AddOffsetsToTxn(AddOffsetsToTxnRequest::read(r, version)?)
            }
            ApiKey::EndTxn => RequestKind::EndTxn(EndTxnRequest::read(r, version)?),
            ApiKey::WriteTxnMarkers => {
                RequestKind::WriteTxnMarkers(WriteTxnMarkersRequest::read(r, version)?)
            }
            ApiKey::TxnOffsetCommit => {
                RequestKind::TxnOffsetCommit(TxnOffsetCommitRequest::read(r, version)?)
            }
            ApiKey::DescribeAcls => {
                RequestKind::DescribeAcls(DescribeAclsRequest::read(r, version)?)
            }
            ApiKey::CreateAcls => RequestKind::CreateAcls(CreateAclsRequest::read(r, version)?),
            ApiKey::DeleteAcls => RequestKind::DeleteAcls(DeleteAclsRequest::read(r, version)?),
            ApiKey::DescribeConfigs => {
                RequestKind::DescribeConfigs(DescribeConfigsRequest::read(r, version)?)
            }
            ApiKey::AlterConfigs => {
                RequestKind::AlterConfigs(AlterConfigsRequest::read(r, version)?)
            }
            ApiKey::AlterReplicaLogDirs => {
                RequestKind::AlterReplicaLogDirs(AlterReplicaLogDirsRequest::read(r, version)?)
            }
            ApiKey::DescribeLogDirs => {
                RequestKind::DescribeLogDirs(DescribeLogDirsRequest::read(r, version)?)
            }
            ApiKey::SaslAuthenticate => {
                RequestKind::SaslAuthenticate(SaslAuthenticateRequest::read(r, version)?)
            }
            ApiKey::CreatePartitions => {
                RequestKind::CreatePartitions(CreatePartitionsRequest::read(r, version)?)
            }
            ApiKey::CreateDelegationToken => {
                RequestKind::CreateDelegationToken(CreateDelegationTokenRequest::read(r, version)?)
            }
            ApiKey::RenewDelegationToken => {
                RequestKind::RenewDelegationToken(RenewDelegationTokenRequest::read(r, version)?)
            }
            ApiKey::ExpireDelegationToken => {
                RequestKind::ExpireDelegationToken(ExpireDelegationTokenRequest::read(r, version)?)
            }
            ApiKey::DescribeDelegationToken => RequestKind::DescribeDelegationToken(
                DescribeDelegationTokenRequest::read(r, version)?,
            ),
            ApiKey::DeleteGroups => {
                RequestKind::DeleteGroups(DeleteGroupsRequest::read(r, version)?)
            }
            ApiKey::ElectLeaders => {
                RequestKind::ElectLeaders(ElectLeadersRequest::read(r, version)?)
            }
            ApiKey::IncrementalAlterConfigs => RequestKind::IncrementalAlterConfigs(
                IncrementalAlterConfigsRequest::read(r, version)?,
            ),
            ApiKey::AlterPartitionReassignments => RequestKind::AlterPartitionReassignments(
                AlterPartitionReassignmentsRequest::read(r, version)?,
            ),
            ApiKey::ListPartitionReassignments => RequestKind::ListPartitionReassignments(
                ListPartitionReassignmentsRequest::read(r, version)?,
            ),
            ApiKey::OffsetDelete => {
                RequestKind::OffsetDelete(OffsetDeleteRequest::read(r, version)?)
            }
            ApiKey::DescribeClientQuotas => {
                RequestKind::DescribeClientQuotas(DescribeClientQuotasRequest::read(r, version)?)
            }
            ApiKey::AlterClientQuotas => {
                RequestKind::AlterClientQuotas(AlterClientQuotasRequest::read(r, version)?)
            }
            ApiKey::DescribeUserScramCredentials => RequestKind::DescribeUserScramCredentials(
                DescribeUserScramCredentialsRequest::read(r, version)?,
            ),
            ApiKey::AlterUserScramCredentials => RequestKind::AlterUserScramCredentials(
                AlterUserScramCredentialsRequest::read(r, version)?,
            ),
            ApiKey::Vote => RequestKind::Vote(VoteRequest::read(r, version)?),
            ApiKey::BeginQuorumEpoch => {
                RequestKind::BeginQuorumEpoch(BeginQuorumEpochRequest::read(r, version)?)
            }
            ApiKey::EndQuorumEpoch => {
                RequestKind::EndQuorumEpoch(EndQuorumEpochRequest::read(r, version)?)
            }
            ApiKey::DescribeQuorum => {
                RequestKind::DescribeQuorum(DescribeQuorumRequest::read(r, version)?)
            }
            ApiKey::AlterPartition => {
                RequestKind::AlterPartition(AlterPartitionRequest::read(r, version)?)
            }
            ApiKey::UpdateFeatures => {
                RequestKind::UpdateFeatures(UpdateFeaturesRequest::read(r, version)?)
            }
            ApiKey::Envelope => RequestKind::Envelope(EnvelopeRequest::read(r, version)?),
            ApiKey::FetchSnapshot => {
                RequestKind::FetchSnapshot(FetchSnapshotRequest::read(r, version)?)
            }
            ApiKey::DescribeCluster => {
                RequestKind::DescribeCluster(DescribeClusterRequest::read(r, version)?)
            }
            ApiKey::DescribeProducers => {
                RequestKind::DescribeProducers(DescribeProducersRequest::read(r, version)?)
            }
            ApiKey::BrokerRegistration => {
                RequestKind::BrokerRegistration(BrokerRegistrationRequest::read(r, version)?)
            }
            ApiKey::BrokerHeartbeat => {
                RequestKind::BrokerHeartbeat(BrokerHeartbeatRequest::read(r, version)?)
            }
            ApiKey::UnregisterBroker => {
                RequestKind::UnregisterBroker(UnregisterBrokerRequest::read(r, version)?)
            }
            ApiKey::DescribeTransactions => {
                RequestKind::DescribeTransactions(DescribeTransactionsRequest::read(r, version)?)
            }
            ApiKey::ListTransactions => {
                RequestKind::ListTransactions(ListTransactionsRequest::read(r, version)?)
            }
            ApiKey::AllocateProducerIds => {
                RequestKind::AllocateProducerIds(AllocateProducerIdsRequest::read(r, version)?)
            }
            ApiKey::ConsumerGroupHeartbeat => RequestKind::ConsumerGroupHeartbeat(
                ConsumerGroupHeartbeatRequest::read(r, version)?,
            ),
            ApiKey::ConsumerGroupDescribe => {
                RequestKind::ConsumerGroupDescribe(ConsumerGroupDescribeRequest::read(r, version)?)
            }
            ApiKey::ControllerRegistration => RequestKind::ControllerRegistration(
                ControllerRegistrationRequest::read(r, version)?,
            ),
            ApiKey::GetTelemetrySubscriptions => RequestKind::GetTelemetrySubscriptions(
                GetTelemetrySubscriptionsRequest::read(r, version)?,
            ),
            ApiKey::PushTelemetry => {
                RequestKind::PushTelemetry(PushTelemetryRequest::read(r, version)?)
            }
            ApiKey::AssignReplicasToDirs => {
                RequestKind::AssignReplicasToDirs(AssignReplicasToDirsRequest::read(r, version)?)
            }
            ApiKey::ListConfigResources => {
                RequestKind::ListConfigResources(ListConfigResourcesRequest::read(r, version)?)
            }
            ApiKey::DescribeTopicPartitions => RequestKind::DescribeTopicPartitions(
                DescribeTopicPartitionsRequest::read(r, version)?,
            ),
            ApiKey::ShareGroupHeartbeat => {
                RequestKind::ShareGroupHeartbeat(ShareGroupHeartbeatRequest::read(r, version)?)
            }
            ApiKey::ShareGroupDescribe => {
                RequestKind::ShareGroupDescribe(ShareGroupDescribeRequest::read(r, version)?)
            }
            ApiKey::ShareFetch => RequestKind::ShareFetch(ShareFetchRequest::read(r, version)?),
            ApiKey::ShareAcknowledge => {
                RequestKind::ShareAcknowledge(ShareAcknowledgeRequest::read(r, version)?)
            }
            ApiKey::AddRaftVoter => {
                RequestKind::AddRaftVoter(AddRaftVoterRequest::read(r, version)?)
            }
            ApiKey::RemoveRaftVoter => {
                RequestKind::RemoveRaftVoter(RemoveRaftVoterRequest::read(r, version)?)
            }
            ApiKey::UpdateRaftVoter => {
                RequestKind::UpdateRaftVoter(UpdateRaftVoterRequest::read(r, version)?)
            }
            ApiKey::InitializeShareGroupState => RequestKind::InitializeShareGroupState(
                InitializeShareGroupStateRequest::read(r, version)?,
            ),
            ApiKey::ReadShareGroupState => {
                RequestKind::ReadShareGroupState(ReadShareGroupStateRequest::read(r, version)?)
            }
            ApiKey::WriteShareGroupState => {
                RequestKind::WriteShareGroupState(WriteShareGroupStateRequest::read(r, version)?)
            }
            ApiKey::DeleteShareGroupState => {
                RequestKind::DeleteShareGroupState(DeleteShareGroupStateRequest::read(r, version)?)
            }
            ApiKey::ReadShareGroupStateSummary => RequestKind::ReadShareGroupStateSummary(
                ReadShareGroupStateSummaryRequest::read(r, version)?,
            ),
            ApiKey::StreamsGroupHeartbeat => {
                RequestKind::StreamsGroupHeartbeat(StreamsGroupHeartbeatRequest::read(r, version)?)
            }
            ApiKey::StreamsGroupDescribe => {
                RequestKind::StreamsGroupDescribe(StreamsGroupDescribeRequest::read(r, version)?)
            }
            ApiKey::DescribeShareGroupOffsets => RequestKind::DescribeShareGroupOffsets(
                DescribeShareGroupOffsetsRequest::read(r, version)?,
            ),
            ApiKey::AlterShareGroupOffsets => RequestKind::AlterShareGroupOffsets(
                AlterShareGroupOffsetsRequest::read(r, version)?,
            ),
            ApiKey::DeleteShareGroupOffsets => RequestKind::DeleteShareGroupOffsets(
                DeleteShareGroupOffsetsRequest::read(r, version)?,
            ),
        })
    }

    pub fn write(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            RequestKind::Produce(m) => m.write(w, version),
            RequestKind::Fetch(m) => m.write(w, version),
            RequestKind::ListOffsets(m) => m.write(w, version),
            RequestKind::Metadata(m) => m.write(w, version),
            RequestKind::OffsetCommit(m) => m.write(w, version),
            RequestKind::OffsetFetch(m) => m.write(w, version),
            RequestKind::FindCoordinator(m) => m.write(w, version),
            RequestKind::JoinGroup(m) => m.write(w, version),
            RequestKind::Heartbeat(m) => m.write(w, version),
            RequestKind::LeaveGroup(m) => m.write(w, version),
            RequestKind::SyncGroup(m) => m.write(w, version),
            RequestKind::DescribeGroups(m) => m.write(w, version),
            RequestKind::ListGroups(m) => m.write(w, version),
            RequestKind::SaslHandshake(m) => m.write(w, version),
            RequestKind::ApiVersions(m) => m.write(w, version),
            RequestKind::CreateTopics(m) => m.write(w, version),
            RequestKind::DeleteTopics(m) => m.write(w, version),
            RequestKind::DeleteRecords(m) => m.write(w, version),
            RequestKind::InitProducerId(m) => m.write(w, version),
            RequestKind::OffsetForLeaderEpoch(m) => m.write(w, version),
            RequestKind::AddPartitionsToTxn(m) => m.write(w, version),
            RequestKind::AddOffsetsToTxn(m) => m.write(w, version),
            RequestKind::EndTxn(m) => m.write(w, version),
            RequestKind::WriteTxnMarkers(m) => m.write(w, version),
            RequestKind::TxnOffsetCommit(m) => m.write(w, version),
            RequestKind::DescribeAcls(m) => m.write(w, version),
            RequestKind::CreateAcls(m) => m.write(w, version),
            RequestKind::DeleteAcls(m) => m.write(w, version),
            RequestKind::DescribeConfigs(m) => m.write(w, version),
            RequestKind::AlterConfigs(m) => m.write(w, version),
            RequestKind::AlterReplicaLogDirs(m) => m.write(w, version),
            RequestKind::DescribeLogDirs(m) => m.write(w, version),
            RequestKind::SaslAuthenticate(m) => m.write(w, version),
            RequestKind::CreatePartitions(m) => m.write(w, version),
            RequestKind::CreateDelegationToken(m) => m.write(w, version),
            RequestKind::RenewDelegationToken(m) => m.write(w, version),
            RequestKind::ExpireDelegationToken(m) => m.write(w, version),
            RequestKind::DescribeDelegationToken(m) => m.write(w, version),
            RequestKind::DeleteGroups(m) => m.write(w, version),
            RequestKind::ElectLeaders(m) => m.write(w, version),
            RequestKind::IncrementalAlterConfigs(m) => m.write(w, version),
            RequestKind::AlterPartitionReassignments(m) => m.write(w, version),
            RequestKind::ListPartitionReassignments(m) => m.write(w, version),
            RequestKind::OffsetDelete(m) => m.write(w, version),
            RequestKind::DescribeClientQuotas(m) => m.write(w, version),
            RequestKind::AlterClientQuotas(m) => m.write(w, version),
            RequestKind::DescribeUserScramCredentials(m) => m.write(w, version),
            RequestKind::AlterUserScramCredentials(m) => m.write(w, version),
            RequestKind::Vote(m) => m.write(w, version),
            RequestKind::BeginQuorumEpoch(m) => m.write(w, version),
            RequestKind::EndQuorumEpoch(m) => m.write(w, version),
            RequestKind::DescribeQuorum(m) => m.write(w, version),
            RequestKind::AlterPartition(m) => m.write(w, version),
            RequestKind::UpdateFeatures(m) => m.write(w, version),
            RequestKind::Envelope(m) => m.write(w, version),
            RequestKind::FetchSnapshot(m) => m.write(w, version),
            RequestKind::DescribeCluster(m) => m.write(w, version),
            RequestKind::DescribeProducers(m) => m.write(w, version),
            RequestKind::BrokerRegistration(m) => m.write(w, version),
            RequestKind::BrokerHeartbeat(m) => m.write(w, version),
            RequestKind::UnregisterBroker(m) => m.write(w, version),
            RequestKind::DescribeTransactions(m) => m.write(w, version),
            RequestKind::ListTransactions(m) => m.write(w, version),
            RequestKind::AllocateProducerIds(m) => m.write(w, version),
            RequestKind::ConsumerGroupHeartbeat(m) => m.write(w, version),
            RequestKind::ConsumerGroupDescribe(m) => m.write(w, version),
            RequestKind::ControllerRegistration(m) => m.write(w, version),
            RequestKind::GetTelemetrySubscriptions(m) => m.write(w, version),
            RequestKind::PushTelemetry(m) => m.write(w, version),
            RequestKind::AssignReplicasToDirs(m) => m.write(w, version),
            RequestKind::ListConfigResources(m) => m.write(w, version),
            RequestKind::DescribeTopicPartitions(m) => m.write(w, version),
            RequestKind::ShareGroupHeartbeat(m) => m.write(w, version),
            RequestKind::ShareGroupDescribe(m) => m.write(w, version),
            RequestKind::ShareFetch(m) => m.write(w, version),
            RequestKind::ShareAcknowledge(m) => m.write(w, version),
            RequestKind::AddRaftVoter(m) => m.write(w, version),
            RequestKind::RemoveRaftVoter(m) => m.write(w, version),
            RequestKind::UpdateRaftVoter(m) => m.write(w, version),
            RequestKind::InitializeShareGroupState(m) => m.write(w, version),
            RequestKind::ReadShareGroupState(m) => m.write(w, version),
            RequestKind::WriteShareGroupState(m) => m.write(w, version),
            RequestKind::DeleteShareGroupState(m) => m.write(w, version),
            RequestKind::ReadShareGroupStateSummary(m) => m.write(w, version),
            RequestKind::StreamsGroupHeartbeat(m) => m.write(w, version),
            RequestKind::StreamsGroupDescribe(m) => m.write(w, version),
            RequestKind::DescribeShareGroupOffsets(m) => m.write(w, version),
            RequestKind::AlterShareGroupOffsets(m) => m.write(w, version),
            RequestKind::DeleteShareGroupOffsets(m) => m.write(w, version),
        }
    }

    pub fn key(&self) -> ApiKey {
        match self {
            RequestKind::Produce(_) => ApiKey::Produce,
            RequestKind::Fetch(_) => ApiKey::Fetch,
            RequestKind::ListOffsets(_) => ApiKey::ListOffsets,
            RequestKind::Metadata(_) => ApiKey::Metadata,
            RequestKind::OffsetCommit(_) => ApiKey::OffsetCommit,
            RequestKind::OffsetFetch(_) => ApiKey::OffsetFetch,
            RequestKind::FindCoordinator(_) => ApiKey::FindCoordinator,
            RequestKind::JoinGroup(_) => ApiKey::JoinGroup,
            RequestKind::Heartbeat(_) => ApiKey::Heartbeat,
            RequestKind::LeaveGroup(_) => ApiKey::LeaveGroup,
            RequestKind::SyncGroup(_) => ApiKey::SyncGroup,
            RequestKind::DescribeGroups(_) => ApiKey::DescribeGroups,
            RequestKind::ListGroups(_) => ApiKey::ListGroups,
            RequestKind::SaslHandshake(_) => ApiKey::SaslHandshake,
            RequestKind::ApiVersions(_) => ApiKey::ApiVersions,
            RequestKind::CreateTopics(_) => ApiKey::CreateTopics,
            RequestKind::DeleteTopics(_) => ApiKey::DeleteTopics,
            RequestKind::DeleteRecords(_) => ApiKey::DeleteRecords,
            RequestKind::InitProducerId(_) => ApiKey::InitProducerId,
            RequestKind::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            RequestKind::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            RequestKind::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            RequestKind::EndTxn(_) => ApiKey::EndTxn,
            RequestKind::WriteTxnMarkers(_) => ApiKey::WriteTxnMarkers,
            RequestKind::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
            RequestKind::DescribeAcls(_) => ApiKey::DescribeAcls,
            RequestKind::CreateAcls(_) => ApiKey::CreateAcls,
            RequestKind::DeleteAcls(_) => ApiKey::DeleteAcls,
            RequestKind::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            RequestKind::AlterConfigs(_) => ApiKey::AlterConfigs,
            RequestKind::AlterReplicaLogDirs(_) => ApiKey::AlterReplicaLogDirs,
            RequestKind::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            RequestKind::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            RequestKind::CreatePartitions(_) => ApiKey::CreatePartitions,
            RequestKind::CreateDelegationToken(_) => ApiKey::CreateDelegationToken,
            RequestKind::RenewDelegationToken(_) => ApiKey::RenewDelegationToken,
            RequestKind::ExpireDelegationToken(_) => ApiKey::ExpireDelegationToken,
            RequestKind::DescribeDelegationToken(_) => ApiKey::DescribeDelegationToken,
            RequestKind::DeleteGroups(_) => ApiKey::DeleteGroups,
            RequestKind::ElectLeaders(_) => ApiKey::ElectLeaders,
            RequestKind::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            RequestKind::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            RequestKind::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            RequestKind::OffsetDelete(_) => ApiKey::OffsetDelete,
            RequestKind::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            RequestKind::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            RequestKind::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            RequestKind::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            RequestKind::Vote(_) => ApiKey::Vote,
            RequestKind::BeginQuorumEpoch(_) => ApiKey::BeginQuorumEpoch,
            RequestKind::EndQuorumEpoch(_) => ApiKey::EndQuorumEpoch,
            RequestKind::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            RequestKind::AlterPartition(_) => ApiKey::AlterPartition,
            RequestKind::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            RequestKind::Envelope(_) => ApiKey::Envelope,
            RequestKind::FetchSnapshot(_) => ApiKey::FetchSnapshot,
            RequestKind::DescribeCluster(_) => ApiKey::DescribeCluster,
            RequestKind::DescribeProducers(_) => ApiKey::DescribeProducers,
            RequestKind::BrokerRegistration(_) => ApiKey::BrokerRegistration,
            RequestKind::BrokerHeartbeat(_) => ApiKey::BrokerHeartbeat,
            RequestKind::UnregisterBroker(_) => ApiKey::UnregisterBroker,
            RequestKind::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            RequestKind::ListTransactions(_) => ApiKey::ListTransactions,
            RequestKind::AllocateProducerIds(_) => ApiKey::AllocateProducerIds,
            RequestKind::ConsumerGroupHeartbeat(_) => ApiKey::ConsumerGroupHeartbeat,
            RequestKind::ConsumerGroupDescribe(_) => ApiKey::ConsumerGroupDescribe,
            RequestKind::ControllerRegistration(_) => ApiKey::ControllerRegistration,
            RequestKind::GetTelemetrySubscriptions(_) => ApiKey::GetTelemetrySubscriptions,
            RequestKind::PushTelemetry(_) => ApiKey::PushTelemetry,
            RequestKind::AssignReplicasToDirs(_) => ApiKey::AssignReplicasToDirs,
            RequestKind::ListConfigResources(_) => ApiKey::ListConfigResources,
            RequestKind::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
            RequestKind::ShareGroupHeartbeat(_) => ApiKey::ShareGroupHeartbeat,
            RequestKind::ShareGroupDescribe(_) => ApiKey::ShareGroupDescribe,
            RequestKind::ShareFetch(_) => ApiKey::ShareFetch,
            RequestKind::ShareAcknowledge(_) => ApiKey::ShareAcknowledge,
            RequestKind::AddRaftVoter(_) => ApiKey::AddRaftVoter,
            RequestKind::RemoveRaftVoter(_) => ApiKey::RemoveRaftVoter,
            RequestKind::UpdateRaftVoter(_) => ApiKey::UpdateRaftVoter,
            RequestKind::InitializeShareGroupState(_) => ApiKey::InitializeShareGroupState,
            RequestKind::ReadShareGroupState(_) => ApiKey::ReadShareGroupState,
            RequestKind::WriteShareGroupState(_) => ApiKey::WriteShareGroupState,
            RequestKind::DeleteShareGroupState(_) => ApiKey::DeleteShareGroupState,
            RequestKind::ReadShareGroupStateSummary(_) => ApiKey::ReadShareGroupStateSummary,
            RequestKind::StreamsGroupHeartbeat(_) => ApiKey::StreamsGroupHeartbeat,
            RequestKind::StreamsGroupDescribe(_) => ApiKey::StreamsGroupDescribe,
            RequestKind::DescribeShareGroupOffsets(_) => ApiKey::DescribeShareGroupOffsets,
            RequestKind::AlterShareGroupOffsets(_) => ApiKey::AlterShareGroupOffsets,
            RequestKind::DeleteShareGroupOffsets(_) => ApiKey::DeleteShareGroupOffsets,
        }
    }
}

impl From<ProduceRequest> for RequestKind {
    fn from(m: ProduceRequest) -> Self {
        RequestKind::Produce(m)
    }
}
impl From<FetchRequest> for RequestKind {
    fn from(m: FetchRequest) -> Self {
        RequestKind::Fetch(m)
    }
}
impl From<ListOffsetsRequest> for RequestKind {
    fn from(m: ListOffsetsRequest) -> Self {
        RequestKind::ListOffsets(m)
    }
}
impl From<MetadataRequest> for RequestKind {
    fn from(m: MetadataRequest) -> Self {
        RequestKind::Metadata(m)
    }
}
impl From<OffsetCommitRequest> for RequestKind {
    fn from(m: OffsetCommitRequest) -> Self {
        RequestKind::OffsetCommit(m)
    }
}
impl From<OffsetFetchRequest> for RequestKind {
    fn from(m: OffsetFetchRequest) -> Self {
        RequestKind::OffsetFetch(m)
    }
}
impl From<FindCoordinatorRequest> for RequestKind {
    fn from(m: FindCoordinatorRequest) -> Self {
        RequestKind::FindCoordinator(m)
    }
}
impl From<JoinGroupRequest> for RequestKind {
    fn from(m: JoinGroupRequest) -> Self {
        RequestKind::JoinGroup(m)
    }
}
impl From<HeartbeatRequest> for RequestKind {
    fn from(m: HeartbeatRequest) -> Self {
        RequestKind::Heartbeat(m)
    }
}
impl From<LeaveGroupRequest> for RequestKind {
    fn from(m: LeaveGroupRequest) -> Self {
        RequestKind::LeaveGroup(m)
    }
}
impl From<SyncGroupRequest> for RequestKind {
    fn from(m: SyncGroupRequest) -> Self {
        RequestKind::SyncGroup(m)
    }
}
impl From<DescribeGroupsRequest> for RequestKind {
    fn from(m: DescribeGroupsRequest) -> Self {
        RequestKind::DescribeGroups(m)
    }
}
impl From<ListGroupsRequest> for RequestKind {
    fn from(m: ListGroupsRequest) -> Self {
        RequestKind::ListGroups(m)
    }
}
impl From<SaslHandshakeRequest> for RequestKind {
    fn from(m: SaslHandshakeRequest) -> Self {
        RequestKind::SaslHandshake(m)
    }
}
impl From<ApiVersionsRequest> for RequestKind {
    fn from(m: ApiVersionsRequest) -> Self {
        RequestKind::ApiVersions(m)
    }
}
impl From<CreateTopicsRequest> for RequestKind {
    fn from(m: CreateTopicsRequest) -> Self {
        RequestKind::CreateTopics(m)
    }
}
impl From<DeleteTopicsRequest> for RequestKind {
    fn from(m: DeleteTopicsRequest) -> Self {
        RequestKind::DeleteTopics(m)
    }
}
impl From<DeleteRecordsRequest> for RequestKind {
    fn from(m: DeleteRecordsRequest) -> Self {
        RequestKind::DeleteRecords(m)
    }
}
impl From<InitProducerIdRequest> for RequestKind {
    fn from(m: InitProducerIdRequest) -> Self {
        RequestKind::InitProducerId(m)
    }
}
impl From<OffsetForLeaderEpochRequest> for RequestKind {
    fn from(m: OffsetForLeaderEpochRequest) -> Self {
        RequestKind::OffsetForLeaderEpoch(m)
    }
}
impl From<AddPartitionsToTxnRequest> for RequestKind {
    fn from(m: AddPartitionsToTxnRequest) -> Self {
        RequestKind::AddPartitionsToTxn(m)
    }
}
impl From<AddOffsetsToTxnRequest> for RequestKind {
    fn from(m: AddOffsetsToTxnRequest) -> Self {
        RequestKind::AddOffsetsToTxn(m)
    }
}
impl From<EndTxnRequest> for RequestKind {
    fn from(m: EndTxnRequest) -> Self {
        RequestKind::EndTxn(m)
    }
}
impl From<WriteTxnMarkersRequest> for RequestKind {
    fn from(m: WriteTxnMarkersRequest) -> Self {
        RequestKind::WriteTxnMarkers(m)
    }
}
impl From<TxnOffsetCommitRequest> for RequestKind {
    fn from(m: TxnOffsetCommitRequest) -> Self {
        RequestKind::TxnOffsetCommit(m)
    }
}
impl From<DescribeAclsRequest> for RequestKind {
    fn from(m: DescribeAclsRequest) -> Self {
        RequestKind::DescribeAcls(m)
    }
}
impl From<CreateAclsRequest> for RequestKind {
    fn from(m: CreateAclsRequest) -> Self {
        RequestKind::CreateAcls(m)
    }
}
impl From<DeleteAclsRequest> for RequestKind {
    fn from(m: DeleteAclsRequest) -> Self {
        RequestKind::DeleteAcls(m)
    }
}
impl From<DescribeConfigsRequest> for RequestKind {
    fn from(m: DescribeConfigsRequest) -> Self {
        RequestKind::DescribeConfigs(m)
    }
}
impl From<AlterConfigsRequest> for RequestKind {
    fn from(m: AlterConfigsRequest) -> Self {
        RequestKind::AlterConfigs(m)
    }
}
impl From<AlterReplicaLogDirsRequest> for RequestKind {
    fn from(m: AlterReplicaLogDirsRequest) -> Self {
        RequestKind::AlterReplicaLogDirs(m)
    }
}
impl From<DescribeLogDirsRequest> for RequestKind {
    fn from(m: DescribeLogDirsRequest) -> Self {
        RequestKind::DescribeLogDirs(m)
    }
}
impl From<SaslAuthenticateRequest> for RequestKind {
    fn from(m: SaslAuthenticateRequest) -> Self {
        RequestKind::SaslAuthenticate(m)
    }
}
impl From<CreatePartitionsRequest> for RequestKind {
    fn from(m: CreatePartitionsRequest) -> Self {
        RequestKind::CreatePartitions(m)
    }
}
impl From<CreateDelegationTokenRequest> for RequestKind {
    fn from(m: CreateDelegationTokenRequest) -> Self {
        RequestKind::CreateDelegationToken(m)
    }
}
impl From<RenewDelegationTokenRequest> for RequestKind {
    fn from(m: RenewDelegationTokenRequest) -> Self {
        RequestKind::RenewDelegationToken(m)
    }
}
impl From<ExpireDelegationTokenRequest> for RequestKind {
    fn from(m: ExpireDelegationTokenRequest) -> Self {
        RequestKind::ExpireDelegationToken(m)
    }
}
impl From<DescribeDelegationTokenRequest> for RequestKind {
    fn from(m: DescribeDelegationTokenRequest) -> Self {
        RequestKind::DescribeDelegationToken(m)
    }
}
impl From<DeleteGroupsRequest> for RequestKind {
    fn from(m: DeleteGroupsRequest) -> Self {
        RequestKind::DeleteGroups(m)
    }
}
impl From<ElectLeadersRequest> for RequestKind {
    fn from(m: ElectLeadersRequest) -> Self {
        RequestKind::ElectLeaders(m)
    }
}
impl From<IncrementalAlterConfigsRequest> for RequestKind {
    fn from(m: IncrementalAlterConfigsRequest) -> Self {
        RequestKind::IncrementalAlterConfigs(m)
    }
}
impl From<AlterPartitionReassignmentsRequest> for RequestKind {
    fn from(m: AlterPartitionReassignmentsRequest) -> Self {
        RequestKind::AlterPartitionReassignments(m)
    }
}
impl From<ListPartitionReassignmentsRequest> for RequestKind {
    fn from(m: ListPartitionReassignmentsRequest) -> Self {
        RequestKind::ListPartitionReassignments(m)
    }
}
impl From<OffsetDeleteRequest> for RequestKind {
    fn from(m: OffsetDeleteRequest) -> Self {
        RequestKind::OffsetDelete(m)
    }
}
impl From<DescribeClientQuotasRequest> for RequestKind {
    fn from(m: DescribeClientQuotasRequest) -> Self {
        RequestKind::DescribeClientQuotas(m)
    }
}
impl From<AlterClientQuotasRequest> for RequestKind {
    fn from(m: AlterClientQuotasRequest) -> Self {
        RequestKind::AlterClientQuotas(m)
    }
}
impl From<DescribeUserScramCredentialsRequest> for RequestKind {
    fn from(m: DescribeUserScramCredentialsRequest) -> Self {
        RequestKind::DescribeUserScramCredentials(m)
    }
}
impl From<AlterUserScramCredentialsRequest> for RequestKind {
    fn from(m: AlterUserScramCredentialsRequest) -> Self {
        RequestKind::AlterUserScramCredentials(m)
    }
}
impl From<VoteRequest> for RequestKind {
    fn from(m: VoteRequest) -> Self {
        RequestKind::Vote(m)
    }
}
impl From<BeginQuorumEpochRequest> for RequestKind {
    fn from(m: BeginQuorumEpochRequest) -> Self {
        RequestKind::BeginQuorumEpoch(m)
    }
}
impl From<EndQuorumEpochRequest> for RequestKind {
    fn from(m: EndQuorumEpochRequest) -> Self {
        RequestKind::EndQuorumEpoch(m)
    }
}
impl From<DescribeQuorumRequest> for RequestKind {
    fn from(m: DescribeQuorumRequest) -> Self {
        RequestKind::DescribeQuorum(m)
    }
}
impl From<AlterPartitionRequest> for RequestKind {
    fn from(m: AlterPartitionRequest) -> Self {
        RequestKind::AlterPartition(m)
    }
}
impl From<UpdateFeaturesRequest> for RequestKind {
    fn from(m: UpdateFeaturesRequest) -> Self {
        RequestKind::UpdateFeatures(m)
    }
}
impl From<EnvelopeRequest> for RequestKind {
    fn from(m: EnvelopeRequest) -> Self {
        RequestKind::Envelope(m)
    }
}
impl From<FetchSnapshotRequest> for RequestKind {
    fn from(m: FetchSnapshotRequest) -> Self {
        RequestKind::FetchSnapshot(m)
    }
}
impl From<DescribeClusterRequest> for RequestKind {
    fn from(m: DescribeClusterRequest) -> Self {
        RequestKind::DescribeCluster(m)
    }
}
impl From<DescribeProducersRequest> for RequestKind {
    fn from(m: DescribeProducersRequest) -> Self {
        RequestKind::DescribeProducers(m)
    }
}
impl From<BrokerRegistrationRequest> for RequestKind {
    fn from(m: BrokerRegistrationRequest) -> Self {
        RequestKind::BrokerRegistration(m)
    }
}
impl From<BrokerHeartbeatRequest> for RequestKind {
    fn from(m: BrokerHeartbeatRequest) -> Self {
        RequestKind::BrokerHeartbeat(m)
    }
}
impl From<UnregisterBrokerRequest> for RequestKind {
    fn from(m: UnregisterBrokerRequest) -> Self {
        RequestKind::UnregisterBroker(m)
    }
}
impl From<DescribeTransactionsRequest> for RequestKind {
    fn from(m: DescribeTransactionsRequest) -> Self {
        RequestKind::DescribeTransactions(m)
    }
}
impl From<ListTransactionsRequest> for RequestKind {
    fn from(m: ListTransactionsRequest) -> Self {
        RequestKind::ListTransactions(m)
    }
}
impl From<AllocateProducerIdsRequest> for RequestKind {
    fn from(m: AllocateProducerIdsRequest) -> Self {
        RequestKind::AllocateProducerIds(m)
    }
}
impl From<ConsumerGroupHeartbeatRequest> for RequestKind {
    fn from(m: ConsumerGroupHeartbeatRequest) -> Self {
        RequestKind::ConsumerGroupHeartbeat(m)
    }
}
impl From<ConsumerGroupDescribeRequest> for RequestKind {
    fn from(m: ConsumerGroupDescribeRequest) -> Self {
        RequestKind::ConsumerGroupDescribe(m)
    }
}
impl From<ControllerRegistrationRequest> for RequestKind {
    fn from(m: ControllerRegistrationRequest) -> Self {
        RequestKind::ControllerRegistration(m)
    }
}
impl From<GetTelemetrySubscriptionsRequest> for RequestKind {
    fn from(m: GetTelemetrySubscriptionsRequest) -> Self {
        RequestKind::GetTelemetrySubscriptions(m)
    }
}
impl From<PushTelemetryRequest> for RequestKind {
    fn from(m: PushTelemetryRequest) -> Self {
        RequestKind::PushTelemetry(m)
    }
}
impl From<AssignReplicasToDirsRequest> for RequestKind {
    fn from(m: AssignReplicasToDirsRequest) -> Self {
        RequestKind::AssignReplicasToDirs(m)
    }
}
impl From<ListConfigResourcesRequest> for RequestKind {
    fn from(m: ListConfigResourcesRequest) -> Self {
        RequestKind::ListConfigResources(m)
    }
}
impl From<DescribeTopicPartitionsRequest> for RequestKind {
    fn from(m: DescribeTopicPartitionsRequest) -> Self {
        RequestKind::DescribeTopicPartitions(m)
    }
}
impl From<ShareGroupHeartbeatRequest> for RequestKind {
    fn from(m: ShareGroupHeartbeatRequest) -> Self {
        RequestKind::ShareGroupHeartbeat(m)
    }
}
impl From<ShareGroupDescribeRequest> for RequestKind {
    fn from(m: ShareGroupDescribeRequest) -> Self {
        RequestKind::ShareGroupDescribe(m)
    }
}
impl From<ShareFetchRequest> for RequestKind {
    fn from(m: ShareFetchRequest) -> Self {
        RequestKind::ShareFetch(m)
    }
}
impl From<ShareAcknowledgeRequest> for RequestKind {
    fn from(m: ShareAcknowledgeRequest) -> Self {
        RequestKind::ShareAcknowledge(m)
    }
}
impl From<AddRaftVoterRequest> for RequestKind {
    fn from(m: AddRaftVoterRequest) -> Self {
        RequestKind::AddRaftVoter(m)
    }
}
impl From<RemoveRaftVoterRequest> for RequestKind {
    fn from(m: RemoveRaftVoterRequest) -> Self {
        RequestKind::RemoveRaftVoter(m)
    }
}
impl From<UpdateRaftVoterRequest> for RequestKind {
    fn from(m: UpdateRaftVoterRequest) -> Self {
        RequestKind::UpdateRaftVoter(m)
    }
}
impl From<InitializeShareGroupStateRequest> for RequestKind {
    fn from(m: InitializeShareGroupStateRequest) -> Self {
        RequestKind::InitializeShareGroupState(m)
    }
}
impl From<ReadShareGroupStateRequest> for RequestKind {
    fn from(m: ReadShareGroupStateRequest) -> Self {
        RequestKind::ReadShareGroupState(m)
    }
}
impl From<WriteShareGroupStateRequest> for RequestKind {
    fn from(m: WriteShareGroupStateRequest) -> Self {
        RequestKind::WriteShareGroupState(m)
    }
}
impl From<DeleteShareGroupStateRequest> for RequestKind {
    fn from(m: DeleteShareGroupStateRequest) -> Self {
        RequestKind::DeleteShareGroupState(m)
    }
}
impl From<ReadShareGroupStateSummaryRequest> for RequestKind {
    fn from(m: ReadShareGroupStateSummaryRequest) -> Self {
        RequestKind::ReadShareGroupStateSummary(m)
    }
}
impl From<StreamsGroupHeartbeatRequest> for RequestKind {
    fn from(m: StreamsGroupHeartbeatRequest) -> Self {
        RequestKind::StreamsGroupHeartbeat(m)
    }
}
impl From<StreamsGroupDescribeRequest> for RequestKind {
    fn from(m: StreamsGroupDescribeRequest) -> Self {
        RequestKind::StreamsGroupDescribe(m)
    }
}
impl From<DescribeShareGroupOffsetsRequest> for RequestKind {
    fn from(m: DescribeShareGroupOffsetsRequest) -> Self {
        RequestKind::DescribeShareGroupOffsets(m)
    }
}
impl From<AlterShareGroupOffsetsRequest> for RequestKind {
    fn from(m: AlterShareGroupOffsetsRequest) -> Self {
        RequestKind::AlterShareGroupOffsets(m)
    }
}
impl From<DeleteShareGroupOffsetsRequest> for RequestKind {
    fn from(m: DeleteShareGroupOffsetsRequest) -> Self {
        RequestKind::DeleteShareGroupOffsets(m)
    }
}
/// Any response.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseKind {
    Produce(ProduceResponse),
    Fetch(FetchResponse),
    ListOffsets(ListOffsetsResponse),
    Metadata(MetadataResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponse),
    FindCoordinator(FindCoordinatorResponse),
    JoinGroup(JoinGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    SyncGroup(SyncGroupResponse),
    DescribeGroups(DescribeGroupsResponse),
    ListGroups(ListGroupsResponse),
    SaslHandshake(SaslHandshakeResponse),
    ApiVersions(ApiVersionsResponse),
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    DeleteRecords(DeleteRecordsResponse),
    InitProducerId(InitProducerIdResponse),
    OffsetForLeaderEpoch(OffsetForLeaderEpochResponse),
    AddPartitionsToTxn(AddPartitionsToTxnResponse),
    AddOffsetsToTxn(AddOffsetsToTxnResponse),
    EndTxn(EndTxnResponse),
    WriteTxnMarkers(WriteTxnMarkersResponse),
    TxnOffsetCommit(TxnOffsetCommitResponse),
    DescribeAcls(DescribeAclsResponse),
    CreateAcls(CreateAclsResponse),
    DeleteAcls(DeleteAclsResponse),
    DescribeConfigs(DescribeConfigsResponse),
    AlterConfigs(AlterConfigsResponse),
    AlterReplicaLogDirs(AlterReplicaLogDirsResponse),
    DescribeLogDirs(DescribeLogDirsResponse),
    SaslAuthenticate(SaslAuthenticateResponse),
    CreatePartitions(CreatePartitionsResponse),
    CreateDelegationToken(CreateDelegationTokenResponse),
    RenewDelegationToken(RenewDelegationTokenResponse),
    ExpireDelegationToken(ExpireDelegationTokenResponse),
    DescribeDelegationToken(DescribeDelegationTokenResponse),
    DeleteGroups(DeleteGroupsResponse),
    ElectLeaders(ElectLeadersResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    AlterPartitionReassignments(AlterPartitionReassignmentsResponse),
    ListPartitionReassignments(ListPartitionReassignmentsResponse),
    OffsetDelete(OffsetDeleteResponse),
    DescribeClientQuotas(DescribeClientQuotasResponse),
    AlterClientQuotas(AlterClientQuotasResponse),
    DescribeUserScramCredentials(DescribeUserScramCredentialsResponse),
    AlterUserScramCredentials(AlterUserScramCredentialsResponse),
    Vote(VoteResponse),
    BeginQuorumEpoch(BeginQuorumEpochResponse),
    EndQuorumEpoch(EndQuorumEpochResponse),
    DescribeQuorum(DescribeQuorumResponse),
    AlterPartition(AlterPartitionResponse),
    UpdateFeatures(UpdateFeaturesResponse),
    Envelope(EnvelopeResponse),
    FetchSnapshot(FetchSnapshotResponse),
    DescribeCluster(DescribeClusterResponse),
    DescribeProducers(DescribeProducersResponse),
    BrokerRegistration(BrokerRegistrationResponse),
    BrokerHeartbeat(BrokerHeartbeatResponse),
    UnregisterBroker(UnregisterBrokerResponse),
    DescribeTransactions(DescribeTransactionsResponse),
    ListTransactions(ListTransactionsResponse),
    AllocateProducerIds(AllocateProducerIdsResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
    ControllerRegistration(ControllerRegistrationResponse),
    GetTelemetrySubscriptions(GetTelemetrySubscriptionsResponse),
    PushTelemetry(PushTelemetryResponse),
    AssignReplicasToDirs(AssignReplicasToDirsResponse),
    ListConfigResources(ListConfigResourcesResponse),
    DescribeTopicPartitions(DescribeTopicPartitionsResponse),
    ShareGroupHeartbeat(ShareGroupHeartbeatResponse),
    ShareGroupDescribe(ShareGroupDescribeResponse),
    ShareFetch(ShareFetchResponse),
    ShareAcknowledge(ShareAcknowledgeResponse),
    AddRaftVoter(AddRaftVoterResponse),
    RemoveRaftVoter(RemoveRaftVoterResponse),
    UpdateRaftVoter(UpdateRaftVoterResponse),
    InitializeShareGroupState(InitializeShareGroupStateResponse),
    ReadShareGroupState(ReadShareGroupStateResponse),
    WriteShareGroupState(WriteShareGroupStateResponse),
    DeleteShareGroupState(DeleteShareGroupStateResponse),
    ReadShareGroupStateSummary(ReadShareGroupStateSummaryResponse),
    StreamsGroupHeartbeat(StreamsGroupHeartbeatResponse),
    StreamsGroupDescribe(StreamsGroupDescribeResponse),
    DescribeShareGroupOffsets(DescribeShareGroupOffsetsResponse),
    AlterShareGroupOffsets(AlterShareGroupOffsetsResponse),
    DeleteShareGroupOffsets(DeleteShareGroupOffsetsResponse),
}

impl ResponseKind {
    /// Reads a response of the given key and version, and leaves what follows it.
    pub fn read(key: ApiKey, version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(match key {
            ApiKey::Produce => ResponseKind::Produce(ProduceResponse::read(r, version)?),
            ApiKey::Fetch => ResponseKind::Fetch(FetchResponse::read(r, version)?),
            ApiKey::ListOffsets => {
                ResponseKind::ListOffsets(ListOffsetsResponse::read(r, version)?)
            }
            ApiKey::Metadata => ResponseKind::Metadata(MetadataResponse::read(r, version)?),
            ApiKey::OffsetCommit => {
                ResponseKind::OffsetCommit(OffsetCommitResponse::read(r, version)?)
            }
            ApiKey::OffsetFetch => {
                ResponseKind::OffsetFetch(OffsetFetchResponse::read(r, version)?)
            }
            ApiKey::FindCoordinator => {
                ResponseKind::FindCoordinator(FindCoordinatorResponse::read(r, version)?)
            }
            ApiKey::JoinGroup => ResponseKind::JoinGroup(JoinGroupResponse::read(r, version)?),
            ApiKey::Heartbeat => ResponseKind::Heartbeat(HeartbeatResponse::read(r, version)?),
            ApiKey::LeaveGroup => ResponseKind::LeaveGroup(LeaveGroupResponse::read(r, version)?),
            ApiKey::SyncGroup => ResponseKind::SyncGroup(SyncGroupResponse::read(r, version)?),
            ApiKey::DescribeGroups => {
                ResponseKind::DescribeGroups(DescribeGroupsResponse::read(r, version)?)
            }
            ApiKey::ListGroups => ResponseKind::ListGroups(ListGroupsResponse::read(r, version)?),
            ApiKey::SaslHandshake => {
                ResponseKind::SaslHandshake(SaslHandshakeResponse::read(r, version)?)
            }
            ApiKey::ApiVersions => {
                ResponseKind::ApiVersions(ApiVersionsResponse::read(r, version)?)
            }
            ApiKey::CreateTopics => {
                ResponseKind::CreateTopics(CreateTopicsResponse::read(r, version)?)
            }
            ApiKey::DeleteTopics => {
                ResponseKind::DeleteTopics(DeleteTopicsResponse::read(r, version)?)
            }
            ApiKey::DeleteRecords => {
                ResponseKind::DeleteRecords(DeleteRecordsResponse::read(r, version)?)
            }
            ApiKey::InitProducerId => {
                ResponseKind::InitProducerId(InitProducerIdResponse::read(r, version)?)
            }
            ApiKey::OffsetForLeaderEpoch => {
                ResponseKind::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse::read(r, version)?)
            }
            ApiKey::AddPartitionsToTxn => {
                ResponseKind::AddPartitionsToTxn(AddPartitionsToTxnResponse::read(r, version)?)
            }
            ApiKey::AddOffsetsToTxn => {
                ResponseKind::AddOffsetsToTxn(AddOffsetsToTxnResponse::read(r, version)?)
            }
            ApiKey::EndTxn => ResponseKind::EndTxn(EndTxnResponse::read(r, version)?),
            ApiKey::WriteTxnMarkers => {
                ResponseKind::WriteTxnMarkers(WriteTxnMarkersResponse::read(r, version)?)
            }
            ApiKey::TxnOffsetCommit => {
                ResponseKind::TxnOffsetCommit(TxnOffsetCommitResponse::read(r, version)?)
            }
            ApiKey::DescribeAcls => {
                ResponseKind::DescribeAcls(DescribeAclsResponse::read(r, version)?)
            }
            ApiKey::CreateAcls => ResponseKind::CreateAcls(CreateAclsResponse::read(r, version)?),
            ApiKey::DeleteAcls => ResponseKind::DeleteAcls(DeleteAclsResponse::read(r, version)?),
            ApiKey::DescribeConfigs => {
                ResponseKind::DescribeConfigs(DescribeConfigsResponse::read(r, version)?)
            }
            ApiKey::AlterConfigs => {
                ResponseKind::AlterConfigs(AlterConfigsResponse::read(r, version)?)
            }
            ApiKey::AlterReplicaLogDirs => {
                ResponseKind::AlterReplicaLogDirs(AlterReplicaLogDirsResponse::read(r, version)?)
            }
            ApiKey::DescribeLogDirs => {
                ResponseKind::DescribeLogDirs(DescribeLogDirsResponse::read(r, version)?)
            }
            ApiKey::SaslAuthenticate => {
                ResponseKind::SaslAuthenticate(SaslAuthenticateResponse::read(r, version)?)
            }
            ApiKey::CreatePartitions => {
                ResponseKind::CreatePartitions(CreatePartitionsResponse::read(r, version)?)
            }
            ApiKey::CreateDelegationToken => ResponseKind::CreateDelegationToken(
                CreateDelegationTokenResponse::read(r, version)?,
            ),
            ApiKey::RenewDelegationToken => {
                ResponseKind::RenewDelegationToken(RenewDelegationTokenResponse::read(r, version)?)
            }
            ApiKey::ExpireDelegationToken => ResponseKind::ExpireDelegationToken(
                ExpireDelegationTokenResponse::read(r, version)?,
            ),
            ApiKey::DescribeDelegationToken => ResponseKind::DescribeDelegationToken(
                DescribeDelegationTokenResponse::read(r, version)?,
            ),
            ApiKey::DeleteGroups => {
                ResponseKind::DeleteGroups(DeleteGroupsResponse::read(r, version)?)
            }
            ApiKey::ElectLeaders => {
                ResponseKind::ElectLeaders(ElectLeadersResponse::read(r, version)?)
            }
            ApiKey::IncrementalAlterConfigs => ResponseKind::IncrementalAlterConfigs(
                IncrementalAlterConfigsResponse::read(r, version)?,
            ),
            ApiKey::AlterPartitionReassignments => ResponseKind::AlterPartitionReassignments(
                AlterPartitionReassignmentsResponse::read(r, version)?,
            ),
            ApiKey::ListPartitionReassignments => ResponseKind::ListPartitionReassignments(
                ListPartitionReassignmentsResponse::read(r, version)?,
            ),
            ApiKey::OffsetDelete => {
                ResponseKind::OffsetDelete(OffsetDeleteResponse::read(r, version)?)
            }
            ApiKey::DescribeClientQuotas => {
                ResponseKind::DescribeClientQuotas(DescribeClientQuotasResponse::read(r, version)?)
            }
            ApiKey::AlterClientQuotas => {
                ResponseKind::AlterClientQuotas(AlterClientQuotasResponse::read(r, version)?)
            }
            ApiKey::DescribeUserScramCredentials => ResponseKind::DescribeUserScramCredentials(
                DescribeUserScramCredentialsResponse::read(r, version)?,
            ),
            ApiKey::AlterUserScramCredentials => ResponseKind::AlterUserScramCredentials(
                AlterUserScramCredentialsResponse::read(r, version)?,
            ),
            ApiKey::Vote => ResponseKind::Vote(VoteResponse::read(r, version)?),
            ApiKey::BeginQuorumEpoch => {
                ResponseKind::BeginQuorumEpoch(BeginQuorumEpochResponse::read(r, version)?)
            }
            ApiKey::EndQuorumEpoch => {
                ResponseKind::EndQuorumEpoch(EndQuorumEpochResponse::read(r, version)?)
            }
            ApiKey::DescribeQuorum => {
                ResponseKind::DescribeQuorum(DescribeQuorumResponse::read(r, version)?)
            }
            ApiKey::AlterPartition => {
                ResponseKind::AlterPartition(AlterPartitionResponse::read(r, version)?)
            }
            ApiKey::UpdateFeatures => {
                ResponseKind::UpdateFeatures(UpdateFeaturesResponse::read(r, version)?)
            }
            ApiKey::Envelope => ResponseKind::Envelope(EnvelopeResponse::read(r, version)?),
            ApiKey::FetchSnapshot => {
                ResponseKind::FetchSnapshot(FetchSnapshotResponse::read(r, version)?)
            }
            ApiKey::DescribeCluster => {
                ResponseKind::DescribeCluster(DescribeClusterResponse::read(r, version)?)
            }
            ApiKey::DescribeProducers => {
                ResponseKind::DescribeProducers(DescribeProducersResponse::read(r, version)?)
            }
            ApiKey::BrokerRegistration => {
                ResponseKind::BrokerRegistration(BrokerRegistrationResponse::read(r, version)?)
            }
            ApiKey::BrokerHeartbeat => {
                ResponseKind::BrokerHeartbeat(BrokerHeartbeatResponse::read(r, version)?)
            }
            ApiKey::UnregisterBroker => {
                ResponseKind::UnregisterBroker(UnregisterBrokerResponse::read(r, version)?)
            }
            ApiKey::DescribeTransactions => {
                ResponseKind::DescribeTransactions(DescribeTransactionsResponse::read(r, version)?)
            }
            ApiKey::ListTransactions => {
                ResponseKind::ListTransactions(ListTransactionsResponse::read(r, version)?)
            }
            ApiKey::AllocateProducerIds => {
                ResponseKind::AllocateProducerIds(AllocateProducerIdsResponse::read(r, version)?)
            }
            ApiKey::ConsumerGroupHeartbeat => ResponseKind::ConsumerGroupHeartbeat(
                ConsumerGroupHeartbeatResponse::read(r, version)?,
            ),
            ApiKey::ConsumerGroupDescribe => ResponseKind::ConsumerGroupDescribe(
                ConsumerGroupDescribeResponse::read(r, version)?,
            ),
            ApiKey::ControllerRegistration => ResponseKind::ControllerRegistration(
                ControllerRegistrationResponse::read(r, version)?,
            ),
            ApiKey::GetTelemetrySubscriptions => ResponseKind::GetTelemetrySubscriptions(
                GetTelemetrySubscriptionsResponse::read(r, version)?,
            ),
            ApiKey::PushTelemetry => {
                ResponseKind::PushTelemetry(PushTelemetryResponse::read(r, version)?)
            }
            ApiKey::AssignReplicasToDirs => {
                ResponseKind::AssignReplicasToDirs(AssignReplicasToDirsResponse::read(r, version)?)
            }
            ApiKey::ListConfigResources => {
                ResponseKind::ListConfigResources(ListConfigResourcesResponse::read(r, version)?)
            }
            ApiKey::DescribeTopicPartitions => ResponseKind::DescribeTopicPartitions(
                DescribeTopicPartitionsResponse::read(r, version)?,
            ),
            ApiKey::ShareGroupHeartbeat => {
                ResponseKind::ShareGroupHeartbeat(ShareGroupHeartbeatResponse::read(r, version)?)
            }
            ApiKey::ShareGroupDescribe => {
                ResponseKind::ShareGroupDescribe(ShareGroupDescribeResponse::read(r, version)?)
            }
            ApiKey::ShareFetch => ResponseKind::ShareFetch(ShareFetchResponse::read(r, version)?),
            ApiKey::ShareAcknowledge => {
                ResponseKind::ShareAcknowledge(ShareAcknowledgeResponse::read(r, version)?)
            }
            ApiKey::AddRaftVoter => {
                ResponseKind::AddRaftVoter(AddRaftVoterResponse::read(r, version)?)
            }
            ApiKey::RemoveRaftVoter => {
                ResponseKind::RemoveRaftVoter(RemoveRaftVoterResponse::read(r, version)?)
            }
            ApiKey::UpdateRaftVoter => {
                ResponseKind::UpdateRaftVoter(UpdateRaftVoterResponse::read(r, version)?)
            }
            ApiKey::InitializeShareGroupState => ResponseKind::InitializeShareGroupState(
                InitializeShareGroupStateResponse::read(r, version)?,
            ),
            ApiKey::ReadShareGroupState => {
                ResponseKind::ReadShareGroupState(ReadShareGroupStateResponse::read(r, version)?)
            }
            ApiKey::WriteShareGroupState => {
                ResponseKind::WriteShareGroupState(WriteShareGroupStateResponse::read(r, version)?)
            }
            ApiKey::DeleteShareGroupState => ResponseKind::DeleteShareGroupState(
                DeleteShareGroupStateResponse::read(r, version)?,
            ),
            ApiKey::ReadShareGroupStateSummary => ResponseKind::ReadShareGroupStateSummary(
                ReadShareGroupStateSummaryResponse::read(r, version)?,
            ),
            ApiKey::StreamsGroupHeartbeat => ResponseKind::StreamsGroupHeartbeat(
                StreamsGroupHeartbeatResponse::read(r, version)?,
            ),
            ApiKey::StreamsGroupDescribe => {
                ResponseKind::StreamsGroupDescribe(StreamsGroupDescribeResponse::read(r, version)?)
            }
            ApiKey::DescribeShareGroupOffsets => ResponseKind::DescribeShareGroupOffsets(
                DescribeShareGroupOffsetsResponse::read(r, version)?,
            ),
            ApiKey::AlterShareGroupOffsets => ResponseKind::AlterShareGroupOffsets(
                AlterShareGroupOffsetsResponse::read(r, version)?,
            ),
            ApiKey::DeleteShareGroupOffsets => ResponseKind::DeleteShareGroupOffsets(
                DeleteShareGroupOffsetsResponse::read(r, version)?,
            ),
        })
    }

    pub fn write(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            ResponseKind::Produce(m) => m.write(w, version),
            ResponseKind::Fetch(m) => m.write(w, version),
            ResponseKind::ListOffsets(m) => m.write(w, version),
            ResponseKind::Metadata(m) => m.write(w, version),
            ResponseKind::OffsetCommit(m) => m.write(w, version),
            ResponseKind::OffsetFetch(m) => m.write(w, version),
            ResponseKind::FindCoordinator(m) => m.write(w, version),
            ResponseKind::JoinGroup(m) => m.write(w, version),
            ResponseKind::Heartbeat(m) => m.write(w, version),
            ResponseKind::LeaveGroup(m) => m.write(w, version),
            ResponseKind::SyncGroup(m) => m.write(w, version),
            ResponseKind::DescribeGroups(m) => m.write(w, version),
            ResponseKind::ListGroups(m) => m.write(w, version),
            ResponseKind::SaslHandshake(m) => m.write(w, version),
            ResponseKind::ApiVersions(m) => m.write(w, version),
            ResponseKind::CreateTopics(m) => m.write(w, version),
            ResponseKind::DeleteTopics(m) => m.write(w, version),
            ResponseKind::DeleteRecords(m) => m.write(w, version),
            ResponseKind::InitProducerId(m) => m.write(w, version),
            ResponseKind::OffsetForLeaderEpoch(m) => m.write(w, version),
            ResponseKind::AddPartitionsToTxn(m) => m.write(w, version),
            ResponseKind::AddOffsetsToTxn(m) => m.write(w, version),
            ResponseKind::EndTxn(m) => m.write(w, version),
            ResponseKind::WriteTxnMarkers(m) => m.write(w, version),
            ResponseKind::TxnOffsetCommit(m) => m.write(w, version),
            ResponseKind::DescribeAcls(m) => m.write(w, version),
            ResponseKind::CreateAcls(m) => m.write(w, version),
            ResponseKind::DeleteAcls(m) => m.write(w, version),
            ResponseKind::DescribeConfigs(m) => m.write(w, version),
            ResponseKind::AlterConfigs(m) => m.write(w, version),
            ResponseKind::AlterReplicaLogDirs(m) => m.write(w, version),
            ResponseKind::DescribeLogDirs(m) => m.write(w, version),
            ResponseKind::SaslAuthenticate(m) => m.write(w, version),
            ResponseKind::CreatePartitions(m) => m.write(w, version),
            ResponseKind::CreateDelegationToken(m) => m.write(w, version),
            ResponseKind::RenewDelegationToken(m) => m.write(w, version),
            ResponseKind::ExpireDelegationToken(m) => m.write(w, version),
            ResponseKind::DescribeDelegationToken(m) => m.write(w, version),
            ResponseKind::DeleteGroups(m) => m.write(w, version),
            ResponseKind::ElectLeaders(m) => m.write(w, version),
            ResponseKind::IncrementalAlterConfigs(m) => m.write(w, version),
            ResponseKind::AlterPartitionReassignments(m) => m.write(w, version),
            ResponseKind::ListPartitionReassignments(m) => m.write(w, version),
            ResponseKind::OffsetDelete(m) => m.write(w, version),
            ResponseKind::DescribeClientQuotas(m) => m.write(w, version),
            ResponseKind::AlterClientQuotas(m) => m.write(w, version),
            ResponseKind::DescribeUserScramCredentials(m) => m.write(w, version),
            ResponseKind::AlterUserScramCredentials(m) => m.write(w, version),
            ResponseKind::Vote(m) => m.write(w, version),
            ResponseKind::BeginQuorumEpoch(m) => m.write(w, version),
            ResponseKind::EndQuorumEpoch(m) => m.write(w, version),
            ResponseKind::DescribeQuorum(m) => m.write(w, version),
            ResponseKind::AlterPartition(m) => m.write(w, version),
            ResponseKind::UpdateFeatures(m) => m.write(w, version),
            ResponseKind::Envelope(m) => m.write(w, version),
            ResponseKind::FetchSnapshot(m) => m.write(w, version),
            ResponseKind::DescribeCluster(m) => m.write(w, version),
            ResponseKind::DescribeProducers(m) => m.write(w, version),
            ResponseKind::BrokerRegistration(m) => m.write(w, version),
            ResponseKind::BrokerHeartbeat(m) => m.write(w, version),
            ResponseKind::UnregisterBroker(m) => m.write(w, version),
            ResponseKind::DescribeTransactions(m) => m.write(w, version),
            ResponseKind::ListTransactions(m) => m.write(w, version),
            ResponseKind::AllocateProducerIds(m) => m.write(w, version),
            ResponseKind::ConsumerGroupHeartbeat(m) => m.write(w, version),
            ResponseKind::ConsumerGroupDescribe(m) => m.write(w, version),
            ResponseKind::ControllerRegistration(m) => m.write(w, version),
            ResponseKind::GetTelemetrySubscriptions(m) => m.write(w, version),
            ResponseKind::PushTelemetry(m) => m.write(w, version),
            ResponseKind::AssignReplicasToDirs(m) => m.write(w, version),
            ResponseKind::ListConfigResources(m) => m.write(w, version),
            ResponseKind::DescribeTopicPartitions(m) => m.write(w, version),
            ResponseKind::ShareGroupHeartbeat(m) => m.write(w, version),
            ResponseKind::ShareGroupDescribe(m) => m.write(w, version),
            ResponseKind::ShareFetch(m) => m.write(w, version),
            ResponseKind::ShareAcknowledge(m) => m.write(w, version),
            ResponseKind::AddRaftVoter(m) => m.write(w, version),
            ResponseKind::RemoveRaftVoter(m) => m.write(w, version),
            ResponseKind::UpdateRaftVoter(m) => m.write(w, version),
            ResponseKind::InitializeShareGroupState(m) => m.write(w, version),
            ResponseKind::ReadShareGroupState(m) => m.write(w, version),
            ResponseKind::WriteShareGroupState(m) => m.write(w, version),
            ResponseKind::DeleteShareGroupState(m) => m.write(w, version),
            ResponseKind::ReadShareGroupStateSummary(m) => m.write(w, version),
            ResponseKind::StreamsGroupHeartbeat(m) => m.write(w, version),
            ResponseKind::StreamsGroupDescribe(m) => m.write(w, version),
            ResponseKind::DescribeShareGroupOffsets(m) => m.write(w, version),
            ResponseKind::AlterShareGroupOffsets(m) => m.write(w, version),
            ResponseKind::DeleteShareGroupOffsets(m) => m.write(w, version),
        }
    }

    pub fn key(&self) -> ApiKey {
        match self {
            ResponseKind::Produce(_) => ApiKey::Produce,
            ResponseKind::Fetch(_) => ApiKey::Fetch,
            ResponseKind::ListOffsets(_) => ApiKey::ListOffsets,
            ResponseKind::Metadata(_) => ApiKey::Metadata,
            ResponseKind::OffsetCommit(_) => ApiKey::OffsetCommit,
            ResponseKind::OffsetFetch(_) => ApiKey::OffsetFetch,
            ResponseKind::FindCoordinator(_) => ApiKey::FindCoordinator,
            ResponseKind::JoinGroup(_) => ApiKey::JoinGroup,
            ResponseKind::Heartbeat(_) => ApiKey::Heartbeat,
            ResponseKind::LeaveGroup(_) => ApiKey::LeaveGroup,
            ResponseKind::SyncGroup(_) => ApiKey::SyncGroup,
            ResponseKind::DescribeGroups(_) => ApiKey::DescribeGroups,
            ResponseKind::ListGroups(_) => ApiKey::ListGroups,
            ResponseKind::SaslHandshake(_) => ApiKey::SaslHandshake,
            ResponseKind::ApiVersions(_) => ApiKey::ApiVersions,
            ResponseKind::CreateTopics(_) => ApiKey::CreateTopics,
            ResponseKind::DeleteTopics(_) => ApiKey::DeleteTopics,
            ResponseKind::DeleteRecords(_) => ApiKey::DeleteRecords,
            ResponseKind::InitProducerId(_) => ApiKey::InitProducerId,
            ResponseKind::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            ResponseKind::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            ResponseKind::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            ResponseKind::EndTxn(_) => ApiKey::EndTxn,
            ResponseKind::WriteTxnMarkers(_) => ApiKey::WriteTxnMarkers,
            ResponseKind::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
            ResponseKind::DescribeAcls(_) => ApiKey::DescribeAcls,
            ResponseKind::CreateAcls(_) => ApiKey::CreateAcls,
            ResponseKind::DeleteAcls(_) => ApiKey::DeleteAcls,
            ResponseKind::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            ResponseKind::AlterConfigs(_) => ApiKey::AlterConfigs,
            ResponseKind::AlterReplicaLogDirs(_) => ApiKey::AlterReplicaLogDirs,
            ResponseKind::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            ResponseKind::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            ResponseKind::CreatePartitions(_) => ApiKey::CreatePartitions,
            ResponseKind::CreateDelegationToken(_) => ApiKey::CreateDelegationToken,
            ResponseKind::RenewDelegationToken(_) => ApiKey::RenewDelegationToken,
            ResponseKind::ExpireDelegationToken(_) => ApiKey::ExpireDelegationToken,
            ResponseKind::DescribeDelegationToken(_) => ApiKey::DescribeDelegationToken,
            ResponseKind::DeleteGroups(_) => ApiKey::DeleteGroups,
            ResponseKind::ElectLeaders(_) => ApiKey::ElectLeaders,
            ResponseKind::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            ResponseKind::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            ResponseKind::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            ResponseKind::OffsetDelete(_) => ApiKey::OffsetDelete,
            ResponseKind::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            ResponseKind::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            ResponseKind::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            ResponseKind::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            ResponseKind::Vote(_) => ApiKey::Vote,
            ResponseKind::BeginQuorumEpoch(_) => ApiKey::BeginQuorumEpoch,
            ResponseKind::EndQuorumEpoch(_) => ApiKey::EndQuorumEpoch,
            ResponseKind::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            ResponseKind::AlterPartition(_) => ApiKey::AlterPartition,
            ResponseKind::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            ResponseKind::Envelope(_) => ApiKey::Envelope,
            ResponseKind::FetchSnapshot(_) => ApiKey::FetchSnapshot,
            ResponseKind::DescribeCluster(_) => ApiKey::DescribeCluster,
            ResponseKind::DescribeProducers(_) => ApiKey::DescribeProducers,
            ResponseKind::BrokerRegistration(_) => ApiKey::BrokerRegistration,
            ResponseKind::BrokerHeartbeat(_) => ApiKey::BrokerHeartbeat,
            ResponseKind::UnregisterBroker(_) => ApiKey::UnregisterBroker,
            ResponseKind::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            ResponseKind::ListTransactions(_) => ApiKey::ListTransactions,
            ResponseKind::AllocateProducerIds(_) => ApiKey::AllocateProducerIds,
            ResponseKind::ConsumerGroupHeartbeat(_) => ApiKey::ConsumerGroupHeartbeat,
            ResponseKind::ConsumerGroupDescribe(_) => ApiKey::ConsumerGroupDescribe,
            ResponseKind::ControllerRegistration(_) => ApiKey::ControllerRegistration,
            ResponseKind::GetTelemetrySubscriptions(_) => ApiKey::GetTelemetrySubscriptions,
            ResponseKind::PushTelemetry(_) => ApiKey::PushTelemetry,
            ResponseKind::AssignReplicasToDirs(_) => ApiKey::AssignReplicasToDirs,
            ResponseKind::ListConfigResources(_) => ApiKey::ListConfigResources,
            ResponseKind::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
            ResponseKind::ShareGroupHeartbeat(_) => ApiKey::ShareGroupHeartbeat,
            ResponseKind::ShareGroupDescribe(_) => ApiKey::ShareGroupDescribe,
            ResponseKind::ShareFetch(_) => ApiKey::ShareFetch,
            ResponseKind::ShareAcknowledge(_) => ApiKey::ShareAcknowledge,
            ResponseKind::AddRaftVoter(_) => ApiKey::AddRaftVoter,
            ResponseKind::RemoveRaftVoter(_) => ApiKey::RemoveRaftVoter,
            ResponseKind::UpdateRaftVoter(_) => ApiKey::UpdateRaftVoter,
            ResponseKind::InitializeShareGroupState(_) => ApiKey::InitializeShareGroupState,
            ResponseKind::ReadShareGroupState(_) => ApiKey::ReadShareGroupState,
            ResponseKind::WriteShareGroupState(_) => ApiKey::WriteShareGroupState,
            ResponseKind::DeleteShareGroupState(_) => ApiKey::DeleteShareGroupState,
            ResponseKind::ReadShareGroupStateSummary(_) => ApiKey::ReadShareGroupStateSummary,
            ResponseKind::StreamsGroupHeartbeat(_) => ApiKey::StreamsGroupHeartbeat,
            ResponseKind::StreamsGroupDescribe(_) => ApiKey::StreamsGroupDescribe,
            ResponseKind::DescribeShareGroupOffsets(_) => ApiKey::DescribeShareGroupOffsets,
            ResponseKind::AlterShareGroupOffsets(_) => ApiKey::AlterShareGroupOffsets,
            ResponseKind::DeleteShareGroupOffsets(_) => ApiKey::DeleteShareGroupOffsets,
        }
    }
}

impl From<ProduceResponse> for ResponseKind {
    fn from(m: ProduceResponse) -> Self {
        ResponseKind::Produce(m)
    }
}
impl From<FetchResponse> for ResponseKind {
    fn from(m: FetchResponse) -> Self {
        ResponseKind::Fetch(m)
    }
}
impl From<ListOffsetsResponse> for ResponseKind {
    fn from(m: ListOffsetsResponse) -> Self {
        ResponseKind::ListOffsets(m)
    }
}
impl From<MetadataResponse> for ResponseKind {
    fn from(m: MetadataResponse) -> Self {
        ResponseKind::Metadata(m)
    }
}
impl From<OffsetCommitResponse> for ResponseKind {
    fn from(m: OffsetCommitResponse) -> Self {
        ResponseKind::OffsetCommit(m)
    }
}
impl From<OffsetFetchResponse> for ResponseKind {
    fn from(m: OffsetFetchResponse) -> Self {
        ResponseKind::OffsetFetch(m)
    }
}
impl From<FindCoordinatorResponse> for ResponseKind {
    fn from(m: FindCoordinatorResponse) -> Self {
        ResponseKind::FindCoordinator(m)
    }
}
impl From<JoinGroupResponse> for ResponseKind {
    fn from(m: JoinGroupResponse) -> Self {
        ResponseKind::JoinGroup(m)
    }
}
impl From<HeartbeatResponse> for ResponseKind {
    fn from(m: HeartbeatResponse) -> Self {
        ResponseKind::Heartbeat(m)
    }
}
impl From<LeaveGroupResponse> for ResponseKind {
    fn from(m: LeaveGroupResponse) -> Self {
        ResponseKind::LeaveGroup(m)
    }
}
impl From<SyncGroupResponse> for ResponseKind {
    fn from(m: SyncGroupResponse) -> Self {
        ResponseKind::SyncGroup(m)
    }
}
impl From<DescribeGroupsResponse> for ResponseKind {
    fn from(m: DescribeGroupsResponse) -> Self {
        ResponseKind::DescribeGroups(m)
    }
}
impl From<ListGroupsResponse> for ResponseKind {
    fn from(m: ListGroupsResponse) -> Self {
        ResponseKind::ListGroups(m)
    }
}
impl From<SaslHandshakeResponse> for ResponseKind {
    fn from(m: SaslHandshakeResponse) -> Self {
        ResponseKind::SaslHandshake(m)
    }
}
impl From<ApiVersionsResponse> for ResponseKind {
    fn from(m: ApiVersionsResponse) -> Self {
        ResponseKind::ApiVersions(m)
    }
}
impl From<CreateTopicsResponse> for ResponseKind {
    fn from(m: CreateTopicsResponse) -> Self {
        ResponseKind::CreateTopics(m)
    }
}
impl From<DeleteTopicsResponse> for ResponseKind {
    fn from(m: DeleteTopicsResponse) -> Self {
        ResponseKind::DeleteTopics(m)
    }
}
impl From<DeleteRecordsResponse> for ResponseKind {
    fn from(m: DeleteRecordsResponse) -> Self {
        ResponseKind::DeleteRecords(m)
    }
}
impl From<InitProducerIdResponse> for ResponseKind {
    fn from(m: InitProducerIdResponse) -> Self {
        ResponseKind::InitProducerId(m)
    }
}
impl From<OffsetForLeaderEpochResponse> for ResponseKind {
    fn from(m: OffsetForLeaderEpochResponse) -> Self {
        ResponseKind::OffsetForLeaderEpoch(m)
    }
}
impl From<AddPartitionsToTxnResponse> for ResponseKind {
    fn from(m: AddPartitionsToTxnResponse) -> Self {
        ResponseKind::AddPartitionsToTxn(m)
    }
}
impl From<AddOffsetsToTxnResponse> for ResponseKind {
    fn from(m: AddOffsetsToTxnResponse) -> Self {
        ResponseKind::AddOffsetsToTxn(m)
    }
}
impl From<EndTxnResponse> for ResponseKind {
    fn from(m: EndTxnResponse) -> Self {
        ResponseKind::EndTxn(m)
    }
}
impl From<WriteTxnMarkersResponse> for ResponseKind {
    fn from(m: WriteTxnMarkersResponse) -> Self {
        ResponseKind::WriteTxnMarkers(m)
    }
}
impl From<TxnOffsetCommitResponse> for ResponseKind {
    fn from(m: TxnOffsetCommitResponse) -> Self {
        ResponseKind::TxnOffsetCommit(m)
    }
}
impl From<DescribeAclsResponse> for ResponseKind {
    fn from(m: DescribeAclsResponse) -> Self {
        ResponseKind::DescribeAcls(m)
    }
}
impl From<CreateAclsResponse> for ResponseKind {
    fn from(m: CreateAclsResponse) -> Self {
        ResponseKind::CreateAcls(m)
    }
}
impl From<DeleteAclsResponse> for ResponseKind {
    fn from(m: DeleteAclsResponse) -> Self {
        ResponseKind::DeleteAcls(m)
    }
}
impl From<DescribeConfigsResponse> for ResponseKind {
    fn from(m: DescribeConfigsResponse) -> Self {
        ResponseKind::DescribeConfigs(m)
    }
}
impl From<AlterConfigsResponse> for ResponseKind {
    fn from(m: AlterConfigsResponse) -> Self {
        ResponseKind::AlterConfigs(m)
    }
}
impl From<AlterReplicaLogDirsResponse> for ResponseKind {
    fn from(m: AlterReplicaLogDirsResponse) -> Self {
        ResponseKind::AlterReplicaLogDirs(m)
    }
}
impl From<DescribeLogDirsResponse> for ResponseKind {
    fn from(m: DescribeLogDirsResponse) -> Self {
        ResponseKind::DescribeLogDirs(m)
    }
}
impl From<SaslAuthenticateResponse> for ResponseKind {
    fn from(m: SaslAuthenticateResponse) -> Self {
        ResponseKind::SaslAuthenticate(m)
    }
}
impl From<CreatePartitionsResponse> for ResponseKind {
    fn from(m: CreatePartitionsResponse) -> Self {
        ResponseKind::CreatePartitions(m)
    }
}
impl From<CreateDelegationTokenResponse> for ResponseKind {
    fn from(m: CreateDelegationTokenResponse) -> Self {
        ResponseKind::CreateDelegationToken(m)
    }
}
impl From<RenewDelegationTokenResponse> for ResponseKind {
    fn from(m: RenewDelegationTokenResponse) -> Self {
        ResponseKind::RenewDelegationToken(m)
    }
}
impl From<ExpireDelegationTokenResponse> for ResponseKind {
    fn from(m: ExpireDelegationTokenResponse) -> Self {
        ResponseKind::ExpireDelegationToken(m)
    }
}
impl From<DescribeDelegationTokenResponse> for ResponseKind {
    fn from(m: DescribeDelegationTokenResponse) -> Self {
        ResponseKind::DescribeDelegationToken(m)
    }
}
impl From<DeleteGroupsResponse> for ResponseKind {
    fn from(m: DeleteGroupsResponse) -> Self {
        ResponseKind::DeleteGroups(m)
    }
}
impl From<ElectLeadersResponse> for ResponseKind {
    fn from(m: ElectLeadersResponse) -> Self {
        ResponseKind::ElectLeaders(m)
    }
}
impl From<IncrementalAlterConfigsResponse> for ResponseKind {
    fn from(m: IncrementalAlterConfigsResponse) -> Self {
        ResponseKind::IncrementalAlterConfigs(m)
    }
}
impl From<AlterPartitionReassignmentsResponse> for ResponseKind {
    fn from(m: AlterPartitionReassignmentsResponse) -> Self {
        ResponseKind::AlterPartitionReassignments(m)
    }
}
impl From<ListPartitionReassignmentsResponse> for ResponseKind {
    fn from(m: ListPartitionReassignmentsResponse) -> Self {
        ResponseKind::ListPartitionReassignments(m)
    }
}
impl From<OffsetDeleteResponse> for ResponseKind {
    fn from(m: OffsetDeleteResponse) -> Self {
        ResponseKind::OffsetDelete(m)
    }
}
impl From<DescribeClientQuotasResponse> for ResponseKind {
    fn from(m: DescribeClientQuotasResponse) -> Self {
        ResponseKind::DescribeClientQuotas(m)
    }
}
impl From<AlterClientQuotasResponse> for ResponseKind {
    fn from(m: AlterClientQuotasResponse) -> Self {
        ResponseKind::AlterClientQuotas(m)
    }
}
impl From<DescribeUserScramCredentialsResponse> for ResponseKind {
    fn from(m: DescribeUserScramCredentialsResponse) -> Self {
        ResponseKind::DescribeUserScramCredentials(m)
    }
}
impl From<AlterUserScramCredentialsResponse> for ResponseKind {
    fn from(m: AlterUserScramCredentialsResponse) -> Self {
        ResponseKind::AlterUserScramCredentials(m)
    }
}
impl From<VoteResponse> for ResponseKind {
    fn from(m: VoteResponse) -> Self {
        ResponseKind::Vote(m)
    }
}
impl From<BeginQuorumEpochResponse> for ResponseKind {
    fn from(m: BeginQuorumEpochResponse) -> Self {
        ResponseKind::BeginQuorumEpoch(m)
    }
}
impl From<EndQuorumEpochResponse> for ResponseKind {
    fn from(m: EndQuorumEpochResponse) -> Self {
        ResponseKind::EndQuorumEpoch(m)
    }
}
impl From<DescribeQuorumResponse> for ResponseKind {
    fn from(m: DescribeQuorumResponse) -> Self {
        ResponseKind::DescribeQuorum(m)
    }
}
impl From<AlterPartitionResponse> for ResponseKind {
    fn from(m: AlterPartitionResponse) -> Self {
        ResponseKind::AlterPartition(m)
    }
}
impl From<UpdateFeaturesResponse> for ResponseKind {
    fn from(m: UpdateFeaturesResponse) -> Self {
        ResponseKind::UpdateFeatures(m)
    }
}
impl From<EnvelopeResponse> for ResponseKind {
    fn from(m: EnvelopeResponse) -> Self {
        ResponseKind::Envelope(m)
    }
}
impl From<FetchSnapshotResponse> for ResponseKind {
    fn from(m: FetchSnapshotResponse) -> Self {
        ResponseKind::FetchSnapshot(m)
    }
}
impl From<DescribeClusterResponse> for ResponseKind {
    fn from(m: DescribeClusterResponse) -> Self {
        ResponseKind::DescribeCluster(m)
    }
}
impl From<DescribeProducersResponse> for ResponseKind {
    fn from(m: DescribeProducersResponse) -> Self {
        ResponseKind::DescribeProducers(m)
    }
}
impl From<BrokerRegistrationResponse> for ResponseKind {
    fn from(m: BrokerRegistrationResponse) -> Self {
        ResponseKind::BrokerRegistration(m)
    }
}
impl From<BrokerHeartbeatResponse> for ResponseKind {
    fn from(m: BrokerHeartbeatResponse) -> Self {
        ResponseKind::BrokerHeartbeat(m)
    }
}
impl From<UnregisterBrokerResponse> for ResponseKind {
    fn from(m: UnregisterBrokerResponse) -> Self {
        ResponseKind::UnregisterBroker(m)
    }
}
impl From<DescribeTransactionsResponse> for ResponseKind {
    fn from(m: DescribeTransactionsResponse) -> Self {
        ResponseKind::DescribeTransactions(m)
    }
}
impl From<ListTransactionsResponse> for ResponseKind {
    fn from(m: ListTransactionsResponse) -> Self {
        ResponseKind::ListTransactions(m)
    }
}
impl From<AllocateProducerIdsResponse> for ResponseKind {
    fn from(m: AllocateProducerIdsResponse) -> Self {
        ResponseKind::AllocateProducerIds(m)
    }
}
impl From<ConsumerGroupHeartbeatResponse> for ResponseKind {
    fn from(m: ConsumerGroupHeartbeatResponse) -> Self {
        ResponseKind::ConsumerGroupHeartbeat(m)
    }
}
impl From<ConsumerGroupDescribeResponse> for ResponseKind {
    fn from(m: ConsumerGroupDescribeResponse) -> Self {
        ResponseKind::ConsumerGroupDescribe(m)
    }
}
impl From<ControllerRegistrationResponse> for ResponseKind {
    fn from(m: ControllerRegistrationResponse) -> Self {
        ResponseKind::ControllerRegistration(m)
    }
}
impl From<GetTelemetrySubscriptionsResponse> for ResponseKind {
    fn from(m: GetTelemetrySubscriptionsResponse) -> Self {
        ResponseKind::GetTelemetrySubscriptions(m)
    }
}
impl From<PushTelemetryResponse> for ResponseKind {
    fn from(m: PushTelemetryResponse) -> Self {
        ResponseKind::PushTelemetry(m)
    }
}
impl From<AssignReplicasToDirsResponse> for ResponseKind {
    fn from(m: AssignReplicasToDirsResponse) -> Self {
        ResponseKind::AssignReplicasToDirs(m)
    }
}
impl From<ListConfigResourcesResponse> for ResponseKind {
    fn from(m: ListConfigResourcesResponse) -> Self {
        ResponseKind::ListConfigResources(m)
    }
}
impl From<DescribeTopicPartitionsResponse> for ResponseKind {
    fn from(m: DescribeTopicPartitionsResponse) -> Self {
        ResponseKind::DescribeTopicPartitions(m)
    }
}
impl From<ShareGroupHeartbeatResponse> for ResponseKind {
    fn from(m: ShareGroupHeartbeatResponse) -> Self {
        ResponseKind::ShareGroupHeartbeat(m)
    }
}
impl From<ShareGroupDescribeResponse> for ResponseKind {
    fn from(m: ShareGroupDescribeResponse) -> Self {
        ResponseKind::ShareGroupDescribe(m)
    }
}
impl From<ShareFetchResponse> for ResponseKind {
    fn from(m: ShareFetchResponse) -> Self {
        ResponseKind::ShareFetch(m)
    }
}
impl From<ShareAcknowledgeResponse> for ResponseKind {
    fn from(m: ShareAcknowledgeResponse) -> Self {
        ResponseKind::ShareAcknowledge(m)
    }
}
impl From<AddRaftVoterResponse> for ResponseKind {
    fn from(m: AddRaftVoterResponse) -> Self {
        ResponseKind::AddRaftVoter(m)
    }
}
impl From<RemoveRaftVoterResponse> for ResponseKind {
    fn from(m: RemoveRaftVoterResponse) -> Self {
        ResponseKind::RemoveRaftVoter(m)
    }
}
impl From<UpdateRaftVoterResponse> for ResponseKind {
    fn from(m: UpdateRaftVoterResponse) -> Self {
        ResponseKind::UpdateRaftVoter(m)
    }
}
impl From<InitializeShareGroupStateResponse> for ResponseKind {
    fn from(m: InitializeShareGroupStateResponse) -> Self {
        ResponseKind::InitializeShareGroupState(m)
    }
}
impl From<ReadShareGroupStateResponse> for ResponseKind {
    fn from(m: ReadShareGroupStateResponse) -> Self {
        ResponseKind::ReadShareGroupState(m)
    }
}
impl From<WriteShareGroupStateResponse> for ResponseKind {
    fn from(m: WriteShareGroupStateResponse) -> Self {
        ResponseKind::WriteShareGroupState(m)
    }
}
impl From<DeleteShareGroupStateResponse> for ResponseKind {
    fn from(m: DeleteShareGroupStateResponse) -> Self {
        ResponseKind::DeleteShareGroupState(m)
    }
}
impl From<ReadShareGroupStateSummaryResponse> for ResponseKind {
    fn from(m: ReadShareGroupStateSummaryResponse) -> Self {
        ResponseKind::ReadShareGroupStateSummary(m)
    }
}
impl From<StreamsGroupHeartbeatResponse> for ResponseKind {
    fn from(m: StreamsGroupHeartbeatResponse) -> Self {
        ResponseKind::StreamsGroupHeartbeat(m)
    }
}
impl From<StreamsGroupDescribeResponse> for ResponseKind {
    fn from(m: StreamsGroupDescribeResponse) -> Self {
        ResponseKind::StreamsGroupDescribe(m)
    }
}
impl From<DescribeShareGroupOffsetsResponse> for ResponseKind {
    fn from(m: DescribeShareGroupOffsetsResponse) -> Self {
        ResponseKind::DescribeShareGroupOffsets(m)
    }
}
impl From<AlterShareGroupOffsetsResponse> for ResponseKind {
    fn from(m: AlterShareGroupOffsetsResponse) -> Self {
        ResponseKind::AlterShareGroupOffsets(m)
    }
}
impl From<DeleteShareGroupOffsetsResponse> for ResponseKind {
    fn from(m: DeleteShareGroupOffsetsResponse) -> Self {
        ResponseKind::DeleteShareGroupOffsets(m)
    }
}
