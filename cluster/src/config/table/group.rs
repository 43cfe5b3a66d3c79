//! Configs of groups: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { GROUP
    "consumer.assignment.interval.ms": Int = "1000", AtLeast(0), Medium, ClusterWide, Later, public "Milliseconds between two assignments of the group.";
    "consumer.heartbeat.interval.ms": Int = "5000", AtLeast(1), Medium, ClusterWide, Later, public "Milliseconds between two heartbeats of a member.";
    "consumer.session.timeout.ms": Int = "45000", AtLeast(1), Medium, ClusterWide, Later, public "Milliseconds without a heartbeat after which a member is out.";
    "share.assignment.interval.ms": Int = "1000", AtLeast(0), Medium, ClusterWide, Later, public "Milliseconds between two assignments of the share group.";
    "share.auto.offset.reset": String = "latest", OffsetReset, Medium, ClusterWide, Later, public "Where a new share group starts: `latest`, `earliest`, or `by_duration:` and an ISO 8601 duration back.";
    "share.delivery.count.limit": Int = "5", AtLeast(2), Medium, ClusterWide, Later, public "How often a record is handed out before it is given up.";
    "share.heartbeat.interval.ms": Int = "5000", AtLeast(1), Medium, ClusterWide, Later, public "Milliseconds between two heartbeats of a share member.";
    "share.isolation.level": String = "read_uncommitted", OneOf(&["read_committed", "read_uncommitted"]), Medium, ClusterWide, Later, public "Whether a share group sees records of open and aborted transactions.";
    "share.partition.max.record.locks": Int = "2000", AtLeast(100), Medium, ClusterWide, Later, public "Records of one partition that may be in hand at a time.";
    "share.record.lock.duration.ms": Int = "30000", AtLeast(1000), Medium, ClusterWide, Later, public "Milliseconds a record stays in hand before it is handed out again.";
    "share.renew.acknowledge.enable": Boolean = "true", Any, Medium, ClusterWide, Later, public "Whether a member may prolong its hold on a record.";
    "share.session.timeout.ms": Int = "45000", AtLeast(1), Medium, ClusterWide, Later, public "Milliseconds without a heartbeat after which a share member is out.";
    "streams.assignment.interval.ms": Int = "1000", AtLeast(0), Medium, ClusterWide, Later, public "Milliseconds between two assignments of the streams group.";
    "streams.heartbeat.interval.ms": Int = "5000", AtLeast(1), Medium, ClusterWide, Later, public "Milliseconds between two heartbeats of a streams member.";
    "streams.initial.rebalance.delay.ms": Int = "3000", AtLeast(0), Medium, ClusterWide, Later, public "Milliseconds a new streams group waits for more members.";
    "streams.num.standby.replicas": Int = "0", AtLeast(0), Medium, ClusterWide, Later, public "Standby tasks of the streams group.";
    "streams.session.timeout.ms": Int = "45000", AtLeast(1), Medium, ClusterWide, Later, public "Milliseconds without a heartbeat after which a streams member is out.";
}
