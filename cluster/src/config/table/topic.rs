//! Configs of topics: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { TOPIC
    "cleanup.policy": List = "delete", ListOf { valid: &["compact", "delete"], empty: true }, Medium, ClusterWide, Served, public "What happens to old data: `delete` drops whole segments by age or size, `compact` keeps the last record of each key, both may be given; an empty list keeps everything.";
    "compression.gzip.level": Int = "-1", GzipLevel, Medium, ClusterWide, Served, public "Level used when the broker compresses with gzip: 1 (fast) to 9 (small), -1 for the codec's own default.";
    "compression.lz4.level": Int = "9", Between(1, 17), Medium, ClusterWide, Served, public "Level for lz4, 1 to 17: kept and described, but the encoder here has only one.";
    "compression.type": String = "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Medium, ClusterWide, Served, public "Codec of the stored batches: `producer` keeps what the producer chose, any other recompresses on arrival.";
    "compression.zstd.level": Int = "3", Between(-131072, 22), Medium, ClusterWide, Served, public "Level used when the broker compresses with zstd, -131072 (fast) to 22 (small).";
    "delete.retention.ms": Long = "86400000", AtLeast(0), Medium, ClusterWide, Later, public "How long a tombstone of a compacted topic stays readable, in milliseconds; a reader that starts at the beginning must finish within it.";
    "file.delete.delay.ms": Long = "60000", AtLeast(0), Medium, ClusterWide, Served, public "Milliseconds between taking a segment out of the log and removing its files.";
    "flush.messages": Long = "9223372036854775807", AtLeast(1), Medium, ClusterWide, Served, public "After how many records of a partition its log is forced to disk. Replication is the usual safety; this costs throughput.";
    "flush.ms": Long = "9223372036854775807", AtLeast(0), Medium, ClusterWide, Served, public "After how many milliseconds a partition's log is forced to disk.";
    "follower.replication.throttled.replicas": List = "", ThrottledReplicas, Medium, ClusterWide, Served, public "Replicas whose incoming replication is throttled: `partition:broker,...`, or `*` for all.";
    "index.interval.bytes": Int = "4096", AtLeast(0), Medium, ClusterWide, Served, public "Bytes of log between two entries of the offset index.";
    "internal.segment.bytes": Int = null, Any, Medium, ClusterWide, Served, internal "Segment size below the usual least size; for tests.";
    "leader.replication.throttled.replicas": List = "", ThrottledReplicas, Medium, ClusterWide, Served, public "Replicas whose outgoing replication is throttled: `partition:broker,...`, or `*` for all.";
    "local.retention.bytes": Long = "-2", AtLeast(-2), Medium, ClusterWide, Later, public "Bytes kept on local disks once tiered; -2 takes `retention.bytes`, -1 is no limit.";
    "local.retention.ms": Long = "-2", AtLeast(-2), Medium, ClusterWide, Later, public "Milliseconds kept on local disks once tiered; -2 takes `retention.ms`, -1 is no limit.";
    "max.compaction.lag.ms": Long = "9223372036854775807", AtLeast(1), Medium, ClusterWide, Later, public "The longest a record may wait for compaction, in milliseconds.";
    "max.message.bytes": Int = "1048588", AtLeast(0), Medium, ClusterWide, Served, public "The largest batch that is taken, in bytes, as it arrives (compressed) and again after recompression.";
    "message.timestamp.after.max.ms": Long = "3600000", AtLeast(0), Medium, ClusterWide, Served, public "How far a record's timestamp may lie in the broker's future, in milliseconds (CreateTime only).";
    "message.timestamp.before.max.ms": Long = "9223372036854775807", AtLeast(0), Medium, ClusterWide, Served, public "How far a record's timestamp may lie in the broker's past, in milliseconds (CreateTime only).";
    "message.timestamp.type": String = "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), Medium, ClusterWide, Served, public "Whose clock stamps records: `CreateTime` the producer's, `LogAppendTime` the broker's.";
    "min.cleanable.dirty.ratio": Double = "0.5", Fraction(0.0, 1.0), Medium, ClusterWide, Later, public "The share of a compacted log that must be dirty before it is compacted, 0 to 1.";
    "min.compaction.lag.ms": Long = "0", AtLeast(0), Medium, ClusterWide, Later, public "The shortest time a record stays uncompacted, in milliseconds.";
    "min.insync.replicas": Int = "1", AtLeast(1), Medium, ClusterWide, Served, public "How many replicas must have a record before `acks=all` is answered; fewer in sync refuse such writes.";
    "preallocate": Boolean = "false", Any, Medium, ClusterWide, Served, public "Whether a segment's file is given its full size when it is made.";
    "remote.log.copy.disable": Boolean = "false", Any, Medium, ClusterWide, Later, public "Stops tiering of new segments; what is tiered stays readable.";
    "remote.log.delete.on.disable": Boolean = "false", Any, Medium, ClusterWide, Later, public "Deletes the tiered data when tiering is turned off.";
    "remote.storage.enable": Boolean = "false", Any, Medium, ClusterWide, Later, public "Turns tiered storage on for the topic.";
    "retention.bytes": Long = "-1", Any, Medium, ClusterWide, Served, public "Bytes a partition may hold before its oldest segments go, -1 for no limit. Per partition, not per topic.";
    "retention.ms": Long = "604800000", AtLeast(-1), Medium, ClusterWide, Served, public "Milliseconds a record is kept before its segment may go, -1 for ever.";
    "segment.bytes": Int = "1073741824", AtLeast(1048576), Medium, ClusterWide, Served, public "Size of a segment's file, in bytes; retention and compaction work on whole segments.";
    "segment.index.bytes": Int = "10485760", AtLeast(4), Medium, ClusterWide, Served, public "Size an offset index may reach, in bytes; a full index starts a new segment.";
    "segment.jitter.ms": Long = "0", AtLeast(0), Medium, ClusterWide, Served, public "Random milliseconds taken off `segment.ms`, so that partitions do not roll together.";
    "segment.ms": Long = "604800000", AtLeast(1), Medium, ClusterWide, Served, public "Milliseconds after which a new segment is started even if the last is not full.";
    "unclean.leader.election.enable": Boolean = "false", Any, Medium, ClusterWide, Later, public "Lets a replica that is not in sync become leader as the last resort, at the price of lost records.";
}
