//! The API table: one row an API, and from it ApiVersions, dispatch and what tests owe.
//!
//! Always holds: a row's versions are those that Kafka 4.3 serves, and every one of them decodes and is answered. Must never:
//! list an API that is not served in full.

use airis_protocol::api_key::ApiKey;
use airis_protocol::wire::{DecodeError, Reader, Request};

pub mod authorize;
pub mod ctx;
pub mod dispatch;
pub mod reply;

mod add_raft_voter;
mod allocate_producer_ids;
mod alter_configs;
mod alter_partition;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod api_versions;
mod assign_replicas_to_dirs;
pub mod broker_heartbeat;
pub mod broker_registration;
mod controller_registration;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_controllers;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod elect_leaders;
mod envelope;
mod fetch;
mod fetch_metadata;
mod fetch_snapshot;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
#[cfg(test)]
mod page;
mod produce;
mod remove_raft_voter;
mod sync_group;
mod unregister_broker;
mod update_features;

pub use ctx::{Client, Ctx};
pub use reply::{Answer, Reply};

/// Which node can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Any broker.
    Any,
    /// The leader of each partition named.
    Leader,
    /// The coordinator of the group named.
    Coordinator,
    /// The active controller; brokers pass it on.
    Controller,
}

#[cfg(test)]
impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Any => "any broker",
            Role::Leader => "partition leader",
            Role::Coordinator => "coordinator",
            Role::Controller => "controller",
        }
    }
}

/// One served API.
pub struct Row {
    pub key: ApiKey,
    pub role: Role,
    handler: fn(&Ctx, Reader) -> Result<Answer, DecodeError>,
}

impl Row {
    /// The lowest and highest version served.
    pub fn versions(&self) -> (i16, i16) {
        self.key.versions()
    }
}

/// Decodes the body, runs the handler, encodes what it says.
fn run<R: Request>(
    ctx: &Ctx,
    mut body: Reader,
    handle: fn(&Ctx, R) -> Reply<R::Response>,
) -> Result<Answer, DecodeError>
where
    R::Response: Send + 'static,
{
    let request = R::read(&mut body, ctx.version)?;
    Ok(handle(ctx, request).encode(R::KEY, ctx.version, ctx.correlation_id))
}

macro_rules! rows {
    ($($key:ident: $request:ident, $role:ident, $module:ident;)*) => {
        &[$(Row {
            key: ApiKey::$key,
            role: Role::$role,
            handler: |ctx, body| run::<airis_protocol::messages::$request>(ctx, body, $module::handle),
        }),*]
    };
}

/// Every API that is served, by key.
pub const ROWS: &[Row] = rows! {
    Produce: ProduceRequest, Leader, produce;
    Fetch: FetchRequest, Leader, fetch;
    ListOffsets: ListOffsetsRequest, Leader, list_offsets;
    Metadata: MetadataRequest, Any, metadata;
    OffsetCommit: OffsetCommitRequest, Coordinator, offset_commit;
    OffsetFetch: OffsetFetchRequest, Coordinator, offset_fetch;
    FindCoordinator: FindCoordinatorRequest, Any, find_coordinator;
    JoinGroup: JoinGroupRequest, Coordinator, join_group;
    Heartbeat: HeartbeatRequest, Coordinator, heartbeat;
    LeaveGroup: LeaveGroupRequest, Coordinator, leave_group;
    SyncGroup: SyncGroupRequest, Coordinator, sync_group;
    DescribeGroups: DescribeGroupsRequest, Coordinator, describe_groups;
    ListGroups: ListGroupsRequest, Any, list_groups;
    ApiVersions: ApiVersionsRequest, Any, api_versions;
    CreateTopics: CreateTopicsRequest, Controller, create_topics;
    DeleteTopics: DeleteTopicsRequest, Controller, delete_topics;
    DeleteRecords: DeleteRecordsRequest, Leader, delete_records;
    InitProducerId: InitProducerIdRequest, Any, init_producer_id;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest, Leader, offset_for_leader_epoch;
    DescribeConfigs: DescribeConfigsRequest, Any, describe_configs;
    AlterConfigs: AlterConfigsRequest, Controller, alter_configs;
    AlterReplicaLogDirs: AlterReplicaLogDirsRequest, Any, alter_replica_log_dirs;
    DescribeLogDirs: DescribeLogDirsRequest, Any, describe_log_dirs;
    CreatePartitions: CreatePartitionsRequest, Controller, create_partitions;
    DeleteGroups: DeleteGroupsRequest, Coordinator, delete_groups;
    ElectLeaders: ElectLeadersRequest, Controller, elect_leaders;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest, Controller, incremental_alter_configs;
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest, Controller, alter_partition_reassignments;
    ListPartitionReassignments: ListPartitionReassignmentsRequest, Controller, list_partition_reassignments;
    OffsetDelete: OffsetDeleteRequest, Coordinator, offset_delete;
    DescribeQuorum: DescribeQuorumRequest, Controller, describe_quorum;
    AlterPartition: AlterPartitionRequest, Controller, alter_partition;
    UpdateFeatures: UpdateFeaturesRequest, Controller, update_features;
    Envelope: EnvelopeRequest, Controller, envelope;
    FetchSnapshot: FetchSnapshotRequest, Controller, fetch_snapshot;
    DescribeCluster: DescribeClusterRequest, Any, describe_cluster;
    DescribeProducers: DescribeProducersRequest, Leader, describe_producers;
    BrokerRegistration: BrokerRegistrationRequest, Controller, broker_registration;
    BrokerHeartbeat: BrokerHeartbeatRequest, Controller, broker_heartbeat;
    UnregisterBroker: UnregisterBrokerRequest, Controller, unregister_broker;
    AllocateProducerIds: AllocateProducerIdsRequest, Controller, allocate_producer_ids;
    ControllerRegistration: ControllerRegistrationRequest, Controller, controller_registration;
    AssignReplicasToDirs: AssignReplicasToDirsRequest, Controller, assign_replicas_to_dirs;
    ListConfigResources: ListConfigResourcesRequest, Any, list_config_resources;
    DescribeTopicPartitions: DescribeTopicPartitionsRequest, Any, describe_topic_partitions;
    AddRaftVoter: AddRaftVoterRequest, Controller, add_raft_voter;
    RemoveRaftVoter: RemoveRaftVoterRequest, Controller, remove_raft_voter;
};

/// What the listeners for controllers answer in another way than brokers do.
const CONTROLLER_ROWS: &[Row] = rows! {
    Fetch: FetchRequest, Controller, fetch_metadata;
    DescribeCluster: DescribeClusterRequest, Any, describe_controllers;
};

fn find(rows: &'static [Row], key: ApiKey) -> Option<&'static Row> {
    rows.binary_search_by_key(&key, |r| r.key)
        .ok()
        .map(|i| &rows[i])
}

/// The row of an API, if it is served on that kind of listener.
pub fn row(key: ApiKey, controllers: bool) -> Option<&'static Row> {
    let listeners = key.listeners();
    if controllers {
        find(CONTROLLER_ROWS, key).or_else(|| find(ROWS, key).filter(|_| listeners.controller))
    } else {
        find(ROWS, key).filter(|_| listeners.broker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_has_no_row_twice() {
        assert!(ROWS.windows(2).all(|w| w[0].key < w[1].key));
        assert!(CONTROLLER_ROWS.windows(2).all(|w| w[0].key < w[1].key));
        assert!(CONTROLLER_ROWS.iter().all(|r| r.key.listeners().controller));
    }
}
