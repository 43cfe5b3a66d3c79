//! The error codes of Kafka 4.3's protocol, in one table.
//!
//! Always holds: code, name and retriability are Kafka's (`org.apache.kafka.common.protocol.Errors`), compared with a list taken
//! from it in the tests. The messages are this project's own words. Must never: decide when a code is sent.

use std::fmt;

/// No code of Kafka 4.3 has this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error code {0} is unknown")]
pub struct UnknownErrorCode(pub i16);

macro_rules! codes {
    ($($code:literal $variant:ident $name:literal $retriable:literal $message:literal)*) => {
        /// The outcome of a request or a part of it, as it goes over the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $( #[doc = concat!("`", $name, "`. ", $message)] $variant = $code, )*
        }

        impl ErrorCode {
            /// Every code, by number.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),*];

            /// Kafka's name, in capitals.
            pub fn name(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)* }
            }

            /// One sentence for people; empty for `None`.
            pub fn message(self) -> &'static str {
                match self { $(ErrorCode::$variant => $message,)* }
            }

            /// True if Kafka's clients try again after it.
            pub fn retriable(self) -> bool {
                match self { $(ErrorCode::$variant => $retriable,)* }
            }
        }

        impl TryFrom<i16> for ErrorCode {
            type Error = UnknownErrorCode;

            fn try_from(code: i16) -> Result<Self, UnknownErrorCode> {
                match code { $($code => Ok(ErrorCode::$variant),)* other => Err(UnknownErrorCode(other)) }
            }
        }
    };
}

codes! {
    -1 UnknownServerError "UNKNOWN_SERVER_ERROR" false "The broker met an error that it did not expect."
    0 None "NONE" false ""
    1 OffsetOutOfRange "OFFSET_OUT_OF_RANGE" false "The offset lies outside of what the partition holds."
    2 CorruptMessage "CORRUPT_MESSAGE" true "The records are damaged: checksum, size or structure is wrong."
    3 UnknownTopicOrPartition "UNKNOWN_TOPIC_OR_PARTITION" true "This broker knows no such topic or partition."
    4 InvalidFetchSize "INVALID_FETCH_SIZE" false "The fetch size is not valid."
    5 LeaderNotAvailable "LEADER_NOT_AVAILABLE" true "The partition has no leader at the moment."
    6 NotLeaderOrFollower "NOT_LEADER_OR_FOLLOWER" true "This broker is not the leader, or not a replica, of the partition."
    7 RequestTimedOut "REQUEST_TIMED_OUT" true "The request took longer than it was allowed to."
    8 BrokerNotAvailable "BROKER_NOT_AVAILABLE" false "The broker is not available."
    9 ReplicaNotAvailable "REPLICA_NOT_AVAILABLE" true "The replica is not available on this broker."
    10 MessageTooLarge "MESSAGE_TOO_LARGE" false "A record batch is larger than the broker or the topic accepts."
    11 StaleControllerEpoch "STALE_CONTROLLER_EPOCH" false "The controller has moved to another broker."
    12 OffsetMetadataTooLarge "OFFSET_METADATA_TOO_LARGE" false "The metadata beside a committed offset is too long."
    13 NetworkException "NETWORK_EXCEPTION" true "The connection broke before the answer came."
    14 CoordinatorLoadInProgress "COORDINATOR_LOAD_IN_PROGRESS" true "The coordinator is still loading its state."
    15 CoordinatorNotAvailable "COORDINATOR_NOT_AVAILABLE" true "No coordinator is available."
    16 NotCoordinator "NOT_COORDINATOR" true "This broker is not the coordinator asked for."
    17 InvalidTopicException "INVALID_TOPIC_EXCEPTION" false "The topic name is not valid, or the operation is not allowed on this topic."
    18 RecordListTooLarge "RECORD_LIST_TOO_LARGE" false "The record batch is larger than a segment may be."
    19 NotEnoughReplicas "NOT_ENOUGH_REPLICAS" true "Fewer replicas are in sync than the topic demands."
    20 NotEnoughReplicasAfterAppend "NOT_ENOUGH_REPLICAS_AFTER_APPEND" true "The records were written, but to fewer in-sync replicas than the topic demands."
    21 InvalidRequiredAcks "INVALID_REQUIRED_ACKS" false "The required acknowledgements must be -1, 0 or 1."
    22 IllegalGeneration "ILLEGAL_GENERATION" false "The generation is not the group's current one."
    23 InconsistentGroupProtocol "INCONSISTENT_GROUP_PROTOCOL" false "The protocols of the member do not fit those of the group."
    24 InvalidGroupId "INVALID_GROUP_ID" false "The group id is not valid."
    25 UnknownMemberId "UNKNOWN_MEMBER_ID" false "The group has no such member."
    26 InvalidSessionTimeout "INVALID_SESSION_TIMEOUT" false "The session timeout lies outside of the range that the broker allows."
    27 RebalanceInProgress "REBALANCE_IN_PROGRESS" false "The group is rebalancing: join again."
    28 InvalidCommitOffsetSize "INVALID_COMMIT_OFFSET_SIZE" false "The offsets to be committed are too large for one batch."
    29 TopicAuthorizationFailed "TOPIC_AUTHORIZATION_FAILED" false "The principal may not do this with the topic."
    30 GroupAuthorizationFailed "GROUP_AUTHORIZATION_FAILED" false "The principal may not do this with the group."
    31 ClusterAuthorizationFailed "CLUSTER_AUTHORIZATION_FAILED" false "The principal may not do this with the cluster."
    32 InvalidTimestamp "INVALID_TIMESTAMP" false "The timestamp of a record is further from now than the topic allows."
    33 UnsupportedSaslMechanism "UNSUPPORTED_SASL_MECHANISM" false "The broker does not offer this SASL mechanism."
    34 IllegalSaslState "ILLEGAL_SASL_STATE" false "The request does not fit the state of the SASL handshake."
    35 UnsupportedVersion "UNSUPPORTED_VERSION" false "The broker does not speak this version of the request."
    36 TopicAlreadyExists "TOPIC_ALREADY_EXISTS" false "A topic of this name exists already."
    37 InvalidPartitions "INVALID_PARTITIONS" false "The number of partitions is not valid."
    38 InvalidReplicationFactor "INVALID_REPLICATION_FACTOR" false "The replication factor is below one or above the number of brokers."
    39 InvalidReplicaAssignment "INVALID_REPLICA_ASSIGNMENT" false "The assignment of replicas is not valid."
    40 InvalidConfig "INVALID_CONFIG" false "A configuration is not valid."
    41 NotController "NOT_CONTROLLER" true "This node is not the active controller."
    42 InvalidRequest "INVALID_REQUEST" false "The request is malformed or contradicts itself."
    43 UnsupportedForMessageFormat "UNSUPPORTED_FOR_MESSAGE_FORMAT" false "The record format of the topic does not support the request."
    44 PolicyViolation "POLICY_VIOLATION" false "A policy of the cluster forbids the request."
    45 OutOfOrderSequenceNumber "OUT_OF_ORDER_SEQUENCE_NUMBER" false "The sequence number of the batch does not follow the last one of its producer."
    46 DuplicateSequenceNumber "DUPLICATE_SEQUENCE_NUMBER" false "The batch with this sequence number is there already."
    47 InvalidProducerEpoch "INVALID_PRODUCER_EPOCH" false "The producer's epoch is older than its current one."
    48 InvalidTxnState "INVALID_TXN_STATE" false "The transaction is in a state that does not allow this."
    49 InvalidProducerIdMapping "INVALID_PRODUCER_ID_MAPPING" false "The producer id does not belong to the transactional id."
    50 InvalidTransactionTimeout "INVALID_TRANSACTION_TIMEOUT" false "The transaction timeout is longer than the broker allows."
    51 ConcurrentTransactions "CONCURRENT_TRANSACTIONS" true "Another operation on the same transaction is under way."
    52 TransactionCoordinatorFenced "TRANSACTION_COORDINATOR_FENCED" false "The transaction coordinator that sent this has been replaced."
    53 TransactionalIdAuthorizationFailed "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" false "The principal may not use the transactional id."
    54 SecurityDisabled "SECURITY_DISABLED" false "Security features are switched off on this broker."
    55 OperationNotAttempted "OPERATION_NOT_ATTEMPTED" false "Not tried, because another part of the request failed."
    56 KafkaStorageError "KAFKA_STORAGE_ERROR" true "The log directory of the replica has failed."
    57 LogDirNotFound "LOG_DIR_NOT_FOUND" false "The broker has no such log directory, or it is offline."
    58 SaslAuthenticationFailed "SASL_AUTHENTICATION_FAILED" false "Authentication failed."
    59 UnknownProducerId "UNKNOWN_PRODUCER_ID" false "The broker has no state of this producer (any more)."
    60 ReassignmentInProgress "REASSIGNMENT_IN_PROGRESS" false "The partition is being reassigned."
    61 DelegationTokenAuthDisabled "DELEGATION_TOKEN_AUTH_DISABLED" false "Delegation tokens are switched off."
    62 DelegationTokenNotFound "DELEGATION_TOKEN_NOT_FOUND" false "There is no such delegation token."
    63 DelegationTokenOwnerMismatch "DELEGATION_TOKEN_OWNER_MISMATCH" false "The delegation token belongs to somebody else."
    64 DelegationTokenRequestNotAllowed "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" false "Delegation tokens cannot be handled over this kind of connection."
    65 DelegationTokenAuthorizationFailed "DELEGATION_TOKEN_AUTHORIZATION_FAILED" false "The principal may not do this with the delegation token."
    66 DelegationTokenExpired "DELEGATION_TOKEN_EXPIRED" false "The delegation token has expired."
    67 InvalidPrincipalType "INVALID_PRINCIPAL_TYPE" false "The type of principal is not supported."
    68 NonEmptyGroup "NON_EMPTY_GROUP" false "The group has members."
    69 GroupIdNotFound "GROUP_ID_NOT_FOUND" false "There is no group of this id."
    70 FetchSessionIdNotFound "FETCH_SESSION_ID_NOT_FOUND" true "There is no fetch session of this id."
    71 InvalidFetchSessionEpoch "INVALID_FETCH_SESSION_EPOCH" true "The epoch is not the fetch session's next one."
    72 ListenerNotFound "LISTENER_NOT_FOUND" true "The leader has no listener of the name that the request came in by."
    73 TopicDeletionDisabled "TOPIC_DELETION_DISABLED" false "Deletion of topics is switched off."
    74 FencedLeaderEpoch "FENCED_LEADER_EPOCH" true "The leader epoch is older than the partition's."
    75 UnknownLeaderEpoch "UNKNOWN_LEADER_EPOCH" true "The leader epoch is newer than this broker knows."
    76 UnsupportedCompressionType "UNSUPPORTED_COMPRESSION_TYPE" false "The compression of a batch is unknown, or not allowed in this version."
    77 StaleBrokerEpoch "STALE_BROKER_EPOCH" false "The broker epoch is not that of the current registration."
    78 OffsetNotAvailable "OFFSET_NOT_AVAILABLE" true "The high watermark of the new leader has not caught up yet."
    79 MemberIdRequired "MEMBER_ID_REQUIRED" false "A member must take the id that it is given here and join again."
    80 PreferredLeaderNotAvailable "PREFERRED_LEADER_NOT_AVAILABLE" true "The preferred leader is not available."
    81 GroupMaxSizeReached "GROUP_MAX_SIZE_REACHED" false "The group is full."
    82 FencedInstanceId "FENCED_INSTANCE_ID" false "Another member has taken over this static instance id."
    83 EligibleLeadersNotAvailable "ELIGIBLE_LEADERS_NOT_AVAILABLE" true "None of the eligible leaders is available."
    84 ElectionNotNeeded "ELECTION_NOT_NEEDED" true "The partition does not need an election."
    85 NoReassignmentInProgress "NO_REASSIGNMENT_IN_PROGRESS" false "The partition is not being reassigned."
    86 GroupSubscribedToTopic "GROUP_SUBSCRIBED_TO_TOPIC" false "The group is subscribed to the topic."
    87 InvalidRecord "INVALID_RECORD" false "A record was refused by the broker's checks."
    88 UnstableOffsetCommit "UNSTABLE_OFFSET_COMMIT" true "Offsets of a transaction that is still open are pending."
    89 ThrottlingQuotaExceeded "THROTTLING_QUOTA_EXCEEDED" true "A quota has been exceeded."
    90 ProducerFenced "PRODUCER_FENCED" false "A newer instance of the producer has taken over."
    91 ResourceNotFound "RESOURCE_NOT_FOUND" false "What the request refers to does not exist."
    92 DuplicateResource "DUPLICATE_RESOURCE" false "What the request would make exists already."
    93 UnacceptableCredential "UNACCEPTABLE_CREDENTIAL" false "The credential does not meet the requirements."
    94 InconsistentVoterSet "INCONSISTENT_VOTER_SET" false "The voters of sender and receiver differ."
    95 InvalidUpdateVersion "INVALID_UPDATE_VERSION" false "The version of the state is not the current one."
    96 FeatureUpdateFailed "FEATURE_UPDATE_FAILED" false "The features could not be updated."
    97 PrincipalDeserializationFailure "PRINCIPAL_DESERIALIZATION_FAILURE" false "The principal inside the forwarded request cannot be read."
    98 SnapshotNotFound "SNAPSHOT_NOT_FOUND" false "There is no such snapshot."
    99 PositionOutOfRange "POSITION_OUT_OF_RANGE" false "The position lies outside of the snapshot."
    100 UnknownTopicId "UNKNOWN_TOPIC_ID" true "This broker knows no topic of this id."
    101 DuplicateBrokerRegistration "DUPLICATE_BROKER_REGISTRATION" false "Another live broker has registered with this id."
    102 BrokerIdNotRegistered "BROKER_ID_NOT_REGISTERED" false "No broker of this id has registered."
    103 InconsistentTopicId "INCONSISTENT_TOPIC_ID" true "The topic id in the log differs from that in the request."
    104 InconsistentClusterId "INCONSISTENT_CLUSTER_ID" false "The cluster id is not that of this cluster."
    105 TransactionalIdNotFound "TRANSACTIONAL_ID_NOT_FOUND" false "There is no transactional id of this name."
    106 FetchSessionTopicIdError "FETCH_SESSION_TOPIC_ID_ERROR" true "The fetch session and the request differ in their use of topic ids."
    107 IneligibleReplica "INELIGIBLE_REPLICA" false "A replica may not join the in-sync set now."
    108 NewLeaderElected "NEW_LEADER_ELECTED" false "The change made another replica the leader."
    109 OffsetMovedToTieredStorage "OFFSET_MOVED_TO_TIERED_STORAGE" false "The offset has moved to tiered storage."
    110 FencedMemberEpoch "FENCED_MEMBER_EPOCH" false "The member's epoch is not its current one: it must give up its partitions and join again."
    111 UnreleasedInstanceId "UNRELEASED_INSTANCE_ID" false "The static instance id is still in use by another member."
    112 UnsupportedAssignor "UNSUPPORTED_ASSIGNOR" false "The group supports none of the assignors."
    113 StaleMemberEpoch "STALE_MEMBER_EPOCH" false "The member's epoch is old: try again after the next heartbeat."
    114 MismatchedEndpointType "MISMATCHED_ENDPOINT_TYPE" false "The request came to the wrong kind of endpoint."
    115 UnsupportedEndpointType "UNSUPPORTED_ENDPOINT_TYPE" false "The kind of endpoint is not supported."
    116 UnknownControllerId "UNKNOWN_CONTROLLER_ID" false "No controller has this id."
    117 UnknownSubscriptionId "UNKNOWN_SUBSCRIPTION_ID" false "The client's metrics subscription is not the current one."
    118 TelemetryTooLarge "TELEMETRY_TOO_LARGE" false "The pushed metrics are larger than the broker accepts."
    119 InvalidRegistration "INVALID_REGISTRATION" false "The controller refuses the registration."
    120 TransactionAbortable "TRANSACTION_ABORTABLE" false "The transaction has met an error and must be aborted."
    121 InvalidRecordState "INVALID_RECORD_STATE" false "The state of the record does not allow this acknowledgement."
    122 ShareSessionNotFound "SHARE_SESSION_NOT_FOUND" true "There is no share session of this id."
    123 InvalidShareSessionEpoch "INVALID_SHARE_SESSION_EPOCH" true "The epoch is not the share session's next one."
    124 FencedStateEpoch "FENCED_STATE_EPOCH" false "The state epoch is older than that of the share partition."
    125 InvalidVoterKey "INVALID_VOTER_KEY" false "The voter's directory id differs from that in the quorum."
    126 DuplicateVoter "DUPLICATE_VOTER" false "The voter is in the quorum already."
    127 VoterNotFound "VOTER_NOT_FOUND" false "The voter is not in the quorum."
    128 InvalidRegularExpression "INVALID_REGULAR_EXPRESSION" false "The regular expression is not valid."
    129 RebootstrapRequired "REBOOTSTRAP_REQUIRED" false "The client should start again from its bootstrap servers."
    130 StreamsInvalidTopology "STREAMS_INVALID_TOPOLOGY" false "The topology is not valid."
    131 StreamsInvalidTopologyEpoch "STREAMS_INVALID_TOPOLOGY_EPOCH" false "The topology's epoch is not valid."
    132 StreamsTopologyFenced "STREAMS_TOPOLOGY_FENCED" false "The topology is older than the group's."
    133 ShareSessionLimitReached "SHARE_SESSION_LIMIT_REACHED" true "The broker has no room for another share session."
}

impl ErrorCode {
    /// The number on the wire.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// True for every code but `None`.
    pub fn is_error(self) -> bool {
        self != ErrorCode::None
    }

    /// The code of a number, or `UnknownServerError` for numbers that 4.3 does not know: what Kafka's clients do.
    pub fn from_wire(code: i16) -> Self {
        code.try_into().unwrap_or(ErrorCode::UnknownServerError)
    }
}

// The variants come out of a table, where none can be marked as the default.
#[allow(clippy::derivable_impls)]
impl Default for ErrorCode {
    fn default() -> Self {
        ErrorCode::None
    }
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> i16 {
        code as i16
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_come_back() {
        for (code, expected) in ErrorCode::ALL.iter().zip(-1i16..) {
            assert_eq!(code.code(), expected);
            assert_eq!(ErrorCode::try_from(expected), Ok(*code));
            assert_eq!(code.message().is_empty(), !code.is_error(), "{code}");
        }
        assert_eq!(ErrorCode::ALL.len(), 135);
        assert_eq!(ErrorCode::try_from(134), Err(UnknownErrorCode(134)));
        assert_eq!(ErrorCode::from_wire(9999), ErrorCode::UnknownServerError);
    }

    #[test]
    fn retriable_ones_are_kafkas() {
        // From Kafka 4.3.0: the codes whose exception is a RetriableException.
        let expected = [
            2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83,
            84, 88, 89, 100, 103, 106, 122, 123, 133,
        ];
        let found: Vec<i16> = ErrorCode::ALL
            .iter()
            .filter(|c| c.retriable())
            .map(|c| c.code())
            .collect();
        assert_eq!(found, expected);
    }
}
