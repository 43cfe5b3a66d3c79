//! Where the two may differ, each with its reason; `docs/COMPAT.md` tells users the same.
//!
//! Always holds: an entry that covers nothing any more fails the run. Must never: cover a field by a pattern that a wrong answer
//! could match too; where a value can be named, it is.

pub struct Deliberate {
    /// The pair's name; `*` stands for anything, here and below.
    pub pair: &'static str,
    pub path: &'static str,
    pub ours: &'static str,
    pub kafka: &'static str,
    #[expect(dead_code, reason = "read by people")]
    pub why: &'static str,
}

/// For the table below.
const fn but(
    pair: &'static str,
    path: &'static str,
    ours: &'static str,
    kafka: &'static str,
    why: &'static str,
) -> Deliberate {
    Deliberate {
        pair,
        path,
        ours,
        kafka,
        why,
    }
}

const TRIPS: &str = "Kafka trips over it and says UNKNOWN_SERVER_ERROR";
const LISTENERS: &str = "the two nodes were started on ports of their own";
const USABLE: &str = "answered when the topic can be used; Kafka creates it behind an error";
const COLLIDE: &str = "colliding names are refused within one request, too";
const TELLS: &str = "says what is wrong where Kafka says nothing";
const UNREADABLE: &str = "an error that tells producers what is wrong with the batch";
const STRICT: &str = "a batch that no producer means, and that readers would stumble over";
const EACH: &str = "each mention is answered; Kafka drops all but one";
const SHARE: &str = "share groups are not served";
const GONE: &str = "an id that is gone is unknown, in a session as outside of one";
const NO_EPOCH: &str = "no leader ever had a negative epoch, so it has no end";
const NOT_STAMPED: &str = "a duplicate is answered as its original was; Kafka tells the batch's own time as if the broker had set it";
const VOTERS: &str =
    "voters come and go in every cluster of ours; in Kafka only with kraft.version 1";
const STANDBY: &str =
    "a controller that is not the active one does not answer from what it happens to know";
/// A list of no reassignments as an Envelope has it: header, no throttling, no error, no text, no topic.
const NONE_MOVE: &str = r#"b"\0\0\0M\0\0\0\0\0\0\0\0\x01\0""#;
const NO_TEXT: &str = "null where nothing is wrong, however much was asked";
const NO_ELECTION: &str =
    "a type of election that there is none of, even if there is nothing to elect";
const FORGOTTEN: &str =
    "a broker that was forgotten may come back with empty disks, so it is not eligible";
const LOGGERS: &str = "the levels of loggers are not served";

#[rustfmt::skip]
pub const DELIBERATE: &[Deliberate] = &[
    but("Metadata v*: by no id and no name", "*error_code", "42", "-1", TRIPS),
    but("Metadata v*: a topic that is made by naming it", "topics[t-auto-*].error_code", "0", "3", USABLE),
    but("Metadata v*: a topic that is made by naming it", "topics[t-auto-*].partitions*", "*", "*", USABLE),
    but("Metadata v13: a topic that is made by naming it", "topics[t-auto-13].topic_id", "<uuid>", "AAAAAAAAAAAAAAAAAAAAAA", USABLE),
    but("CreateTopics v7: names that differ in dot and underscore", "topics[t_same].error_code", "17", "0", COLLIDE),
    but("CreateTopics v7: names that differ in dot and underscore", "topics[t_same].*", "*", "*", COLLIDE),
    but("CreatePartitions v3: far too many, only validated", "results[t-grow].error_code", "44", "-1", TRIPS),
    but("CreatePartitions v3: far too many, only validated", "results[t-grow].error_message", "<text>", "None", TELLS),
    but("DescribeConfigs v*: the broker*", "results[1].configs[advertised.listeners].*", "*", "*", LISTENERS),
    but("DescribeConfigs v*: the broker*", "results[1].configs[controller.quorum.voters].*", "*", "*", LISTENERS),
    but("DescribeConfigs v*: the broker*", "results[1].configs[listeners].*value", "*", "*", LISTENERS),
    but("DescribeConfigs v4: *", "results[cf-no].error_message", "<text>", "\"\"", TELLS),
    but("IncrementalAlterConfigs v1: a* operation", "responses[cf-b].error_code", "42", "-1", TRIPS),
    but("IncrementalAlterConfigs v1: a* operation", "responses[cf-b].error_message", "<text>", "None", TELLS),
    but("IncrementalAlterConfigs v1: a logger, bad level", "responses[1].error_code", "42", "40", LOGGERS),
    but("Produce v*", "*.error_message", "<text>", "None", TELLS),
    but("Produce v12: * that is none", "*.error_code", "2", "-1", UNREADABLE),
    but("Produce v12: * that is none", "*.log_start_offset", "-1", "0", UNREADABLE),
    but("Produce v12: codec *", "*.error_code", "76", "-1", UNREADABLE),
    but("Produce v12: codec *", "*.log_start_offset", "-1", "0", UNREADABLE),
    but("Produce v12: a byte too many", "responses[p-lax].*.error_code", "87", "0", STRICT),
    but("Produce v12: log append time", "responses[p-lax].*.error_code", "32", "0", STRICT),
    but("Produce v12: log append time", "responses[p-lax].*.record_errors*", "*", "*", STRICT),
    but("Produce v12: a delete horizon", "responses[p-lax].*.error_code", "87", "0", STRICT),
    but("Produce v12: two records of one offset", "responses[p-lax].*.error_code", "87", "0", STRICT),
    but("Produce v12: *", "responses[p-lax].*.base_offset", "-1", "0", STRICT),
    but("Produce v12: *", "responses[p-seq].partition_responses[0].log_append_time_ms", "-1", "<time>", NOT_STAMPED),
    but("Produce v12: a negative epoch", "responses[p-seq].partition_responses[0].error_code", "87", "47", STRICT),
    but("Produce v12: a partition twice", "responses.order", "p-twice p-twice", "p-twice", EACH),
    but("Produce v12: a partition twice", "responses[p-twice#1]", "<present>", "<absent>", EACH),
    but("DescribeProducers v0: *", "*.error_message", "<text>", "None", TELLS),
    but("Fetch v*: negative bytes", "*.error_code", "0", "-1", TRIPS),
    but("Fetch v*: negative bytes", "*.high_watermark", "10", "-1", TRIPS),
    but("Fetch v*: negative bytes", "*.last_stable_offset", "10", "-1", TRIPS),
    but("Fetch v*: negative bytes", "*.log_start_offset", "0", "-1", TRIPS),
    but("Fetch v*: negative bytes", "*.records", "batch *", "no batch", TRIPS),
    but("Fetch v12: at most -1 bytes, *", "responses[f-b].partitions[0].*", "*", "-1", TRIPS),
    but("Fetch v12: at most -1 bytes, *", "responses[f-b].partitions[*].records", "*", "*", TRIPS),
    but("Fetch v12: an isolation that is none", "error_code", "0", "-1", TRIPS),
    but("Fetch v12: an isolation that is none", "responses[f-a].partitions[0].*", "*", "*", TRIPS),
    but("Fetch v12: a partition twice", "responses[f-a].partitions.order", "0 0", "0", EACH),
    but("Fetch v12: a partition twice", "responses[f-a].partitions[0#1]", "<present>", "<absent>", EACH),
    but("Fetch v17: the topic * deleted", "*.error_code", "100", "3", GONE),
    but("ListOffsets v10: a partition twice", "topics[o-a].partitions.order", "0 0", "0", EACH),
    but("ListOffsets v10: a partition twice", "topics[o-a].partitions[0#1]", "<present>", "<absent>", EACH),
    but("OffsetForLeaderEpoch v4: a very negative epoch", "topics[o-a].partitions[0].leader_epoch", "-1", "-5", NO_EPOCH),
    but("OffsetForLeaderEpoch v4: a very negative epoch", "topics[o-a].partitions[0].end_offset", "-1", "0", NO_EPOCH),
    but("FindCoordinator v*: of a* share key", "*.error_message", "<text>", "\"\"", TELLS),
    but("FindCoordinator v6: of a share key", "*.error_code", "35", "15", SHARE),
];

/// The same for the comparison of three nodes.
#[rustfmt::skip]
pub const OF_THREE: &[Deliberate] = &[
    but("AddRaftVoter v0: one that is there", "error_code", "126", "35", VOTERS),
    but("RemoveRaftVoter v0: an unknown one*", "error_code", "127", "35", VOTERS),
    but("*RaftVoter v0: *", "error_message", "<text>", "\"\"", TELLS),
    but("FetchSnapshot v*: that is not there*", "error_code", "0", "-1", TRIPS),
    but("FetchSnapshot v*: of a negative end*", "error_code", "0", "-1", TRIPS),
    but("FetchSnapshot v*: in an epoch ahead*", "error_code", "0", "-1", TRIPS),
    but("FetchSnapshot v*: in an old epoch*", "error_code", "0", "-1", TRIPS),
    but("FetchSnapshot v*: *", "topics", "<absent>", "[]", TRIPS),
    but("FetchSnapshot v*: *", "topics.order", "__cluster_metadata", "<absent>", TRIPS),
    but("FetchSnapshot v*: *", "topics[__cluster_metadata]", "<present>", "<absent>", TRIPS),
    but("FetchSnapshot v1: *", "node_endpoints", "<absent>", "[]", TRIPS),
    but("FetchSnapshot v1: *", "node_endpoints.order", "<active>", "<absent>", TRIPS),
    but("FetchSnapshot v1: *", "node_endpoints[<active>]", "<present>", "<absent>", TRIPS),
    but("FetchSnapshot v*: of another topic*", "error_code", "3", "-1", TRIPS),
    but("FetchSnapshot v*: of another partition*", "error_code", "3", "-1", TRIPS),
    but("DeleteTopics v6: at the other controller", "responses[x-no].error_code", "41", "3", STANDBY),
    but("AlterPartitionReassignments v1: at the other controller", "error_code", "41", "0", STANDBY),
    but("AlterPartitionReassignments v1: at the other controller", "error_message", "<text>", "\"\"", STANDBY),
    but("ListPartitionReassignments v0: at the other controller", "error_code", "41", "0", STANDBY),
    but("ListPartitionReassignments v0: at the other controller", "error_message", "<text>", "None", STANDBY),
    but("Envelope v0: of a client, at the other controller", "error_code", "41", "0", STANDBY),
    but("Envelope v0: of a client, at the other controller", "response_data", "None", NONE_MOVE, STANDBY),
    but("DescribeProducers v0: at a stranger", "topics[r-f].partitions[0].error_message", "<text>", "None", TELLS),
    but("AlterPartitionReassignments v*: an end of *none", "responses[a-move].partitions[0].error_message", "<text>", "None", TELLS),
    but("AlterPartitionReassignments v1: an end of one that has ended", "responses[a-move].partitions[0].error_message", "<text>", "None", TELLS),
    but("AlterPartitionReassignments v1: of nothing", "error_message", "None", "\"\"", NO_TEXT),
    but("ElectLeaders v*: 2 of nothing", "error_code", "42", "0", NO_ELECTION),
    but("ElectLeaders v*: -1 of nothing", "error_code", "42", "0", NO_ELECTION),
    but("DescribeTopicPartitions v0: without a broker", "topics[d-*].partitions[0].eligible_leader_replicas", "[]", "[3]", FORGOTTEN),
];

/// Keys that Kafka lists and we do not; `docs/apis.md` says why, and its test that no other is missing.
pub const NOT_SERVED: &[i16] = &[
    17, 24, 25, 26, 27, 28, 29, 30, 31, 36, 38, 39, 40, 41, 48, 49, 50, 51, 52, 53, 54, 65, 66, 68,
    69, 76, 77, 78, 79, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92,
];

/// Lists that Kafka gives in the order of a Java hash table.
pub const ORDER_IS_FREE: &[(&str, &str)] = &[
    ("ApiVersions *", "*_features.order"),
    ("Metadata *", "topics.order"),
    ("DeleteTopics *", "responses.order"),
    ("DescribeConfigs *", "*.configs.order"),
    ("Produce *", "*.partition_responses.order"),
    ("ListOffsets *", "*.partitions.order"),
    ("OffsetFetch *", "*.partitions.order"),
    ("DescribeGroups *", "groups.order"),
    ("DeleteGroups *", "results.order"),
    ("ListConfigResources *", "config_resources.order"),
    ("ListGroups *", "groups.order"),
    ("JoinGroup *", "members.order"),
    ("DescribeGroups *", "*.members.order"),
    ("DescribeLogDirs *", "*.topics.order"),
    ("DescribeLogDirs *", "*.partitions.order"),
    ("DescribeCluster *", "brokers.order"),
    ("Metadata *", "brokers.order"),
    ("ElectLeaders *", "replica_election_results.order"),
    ("ListPartitionReassignments *", "topics.order"),
];
