//! Configs of logs on disk and new topics: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { BROKER_LOG
    "alter.config.policy.class.name": Class = null, Any, Low, ReadOnly, None, public "Names a Java class; there is none to load.";
    "auto.create.topics.enable": Boolean = "true", Any, High, ReadOnly, Served, public "Whether a metadata request for an unknown topic may create it.";
    "compression.gzip.level": Int = "-1", GzipLevel, Medium, ClusterWide, Served, public "Level used when the broker compresses with gzip: 1 to 9, -1 for the codec's own default.";
    "compression.lz4.level": Int = "9", Between(1, 17), Medium, ClusterWide, Served, public "Level for lz4, 1 to 17: kept and described, but the encoder here has only one.";
    "compression.type": String = "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), High, ClusterWide, Served, public "Default codec of topics: `producer` keeps what the producer chose.";
    "compression.zstd.level": Int = "3", Between(-131072, 22), Medium, ClusterWide, Served, public "Level used when the broker compresses with zstd, -131072 to 22.";
    "cordoned.log.dirs": List = "", ListUnique { empty: true }, Medium, PerBroker, Later, public "Data directories that get no new replicas, `*` for all.";
    "create.topic.policy.class.name": Class = null, Any, Low, ReadOnly, None, public "Names a Java class; there is none to load.";
    "default.replication.factor": Int = "1", Any, Medium, ReadOnly, Served, public "Replicas of topics that are created without a number.";
    "delete.topic.enable": Boolean = "true", Any, High, ReadOnly, Served, public "Whether topics can be deleted.";
    "log.cleaner.backoff.ms": Long = "15000", AtLeast(0), Medium, ClusterWide, Later, public "Milliseconds compaction sleeps when nothing is to do.";
    "log.cleaner.dedupe.buffer.size": Long = "134217728", Any, Medium, ClusterWide, Later, public "Bytes of memory for compaction's key tables.";
    "log.cleaner.delete.retention.ms": Long = "86400000", AtLeast(0), Medium, ClusterWide, Later, public "Default `delete.retention.ms` of topics.";
    "log.cleaner.enable": Boolean = "true", Any, Medium, ReadOnly, Later, public "Whether compaction runs at all.";
    "log.cleaner.io.buffer.load.factor": Double = "0.9", Any, Medium, ClusterWide, Later, public "How full compaction's key tables may get.";
    "log.cleaner.io.buffer.size": Int = "524288", AtLeast(0), Medium, ClusterWide, Later, public "Bytes of compaction's read and write buffers.";
    "log.cleaner.io.max.bytes.per.second": Double = "1.7976931348623157E308", Any, Medium, ClusterWide, Later, public "Bytes a second that compaction may read and write.";
    "log.cleaner.max.compaction.lag.ms": Long = "9223372036854775807", AtLeast(1), Medium, ClusterWide, Later, public "Default `max.compaction.lag.ms` of topics.";
    "log.cleaner.min.cleanable.ratio": Double = "0.5", Fraction(0.0, 1.0), Medium, ClusterWide, Later, public "Default `min.cleanable.dirty.ratio` of topics.";
    "log.cleaner.min.compaction.lag.ms": Long = "0", AtLeast(0), Medium, ClusterWide, Later, public "Default `min.compaction.lag.ms` of topics.";
    "log.cleaner.threads": Int = "1", AtLeast(0), Medium, ClusterWide, Later, public "Logs that are compacted at a time.";
    "log.cleanup.policy": List = "delete", ListOf { valid: &["compact", "delete"], empty: true }, Medium, ClusterWide, Served, public "Default `cleanup.policy` of topics: `delete`, `compact`, both or neither.";
    "log.dir": List = "/tmp/kafka-logs", ListUnique { empty: false }, High, ReadOnly, Served, public "The data directory, if `log.dirs` is not set.";
    "log.dir.failure.timeout.ms": Long = "30000", AtLeast(1), Low, ReadOnly, Later, public "Milliseconds after which a broker that cannot report a failed data directory stops.";
    "log.dirs": List = null, ListUnique { empty: false }, High, ReadOnly, Served, public "The data directories.";
    "log.flush.interval.messages": Long = "9223372036854775807", AtLeast(1), High, ClusterWide, Served, public "Default `flush.messages` of topics.";
    "log.flush.interval.ms": Long = null, Any, High, ClusterWide, Served, public "Default `flush.ms` of topics; without it `log.flush.scheduler.interval.ms`.";
    "log.flush.offset.checkpoint.interval.ms": Int = "60000", AtLeast(0), High, ReadOnly, Served, public "Milliseconds between two writes of the recovery points.";
    "log.flush.scheduler.interval.ms": Long = "9223372036854775807", Any, High, ReadOnly, Served, public "Milliseconds between two looks for logs that are due to be forced to disk.";
    "log.flush.start.offset.checkpoint.interval.ms": Int = "60000", AtLeast(0), High, ReadOnly, Later, public "Milliseconds between two writes of the log start offsets.";
    "log.index.interval.bytes": Int = "4096", AtLeast(0), Medium, ClusterWide, Served, public "Default `index.interval.bytes` of topics.";
    "log.index.size.max.bytes": Int = "10485760", AtLeast(4), Medium, ClusterWide, Served, public "Default `segment.index.bytes` of topics.";
    "log.initial.task.delay.ms": Long = "30000", AtLeast(0), Low, ReadOnly, Later, internal "Milliseconds after the start before retention and flushing begin.";
    "log.local.retention.bytes": Long = "-2", AtLeast(-2), Medium, ClusterWide, Later, public "Default `local.retention.bytes` of topics.";
    "log.local.retention.ms": Long = "-2", AtLeast(-2), Medium, ClusterWide, Later, public "Default `local.retention.ms` of topics.";
    "log.message.timestamp.after.max.ms": Long = "3600000", AtLeast(0), Medium, ClusterWide, Served, public "Default `message.timestamp.after.max.ms` of topics.";
    "log.message.timestamp.before.max.ms": Long = "9223372036854775807", AtLeast(0), Medium, ClusterWide, Served, public "Default `message.timestamp.before.max.ms` of topics.";
    "log.message.timestamp.type": String = "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), Medium, ClusterWide, Served, public "Default `message.timestamp.type` of topics.";
    "log.preallocate": Boolean = "false", Any, Medium, ClusterWide, Served, public "Default `preallocate` of topics.";
    "log.retention.bytes": Long = "-1", Any, High, ClusterWide, Served, public "Default `retention.bytes` of topics.";
    "log.retention.check.interval.ms": Long = "300000", AtLeast(1), Medium, ReadOnly, Served, public "Milliseconds between two looks for segments whose time is over.";
    "log.retention.hours": Int = "168", Any, High, ReadOnly, Served, public "Default retention in hours, if neither minutes nor milliseconds are set; -1 for ever.";
    "log.retention.minutes": Int = null, Any, High, ReadOnly, Served, public "Default retention in minutes, if milliseconds are not set.";
    "log.retention.ms": Long = null, Any, High, ClusterWide, Served, public "Default `retention.ms` of topics, before minutes and hours; -1 for ever.";
    "log.roll.hours": Int = "168", AtLeast(1), High, ReadOnly, Served, public "Default age of a segment in hours, if milliseconds are not set.";
    "log.roll.jitter.hours": Int = "0", AtLeast(0), High, ReadOnly, Served, public "Default jitter of a segment's age in hours, if milliseconds are not set.";
    "log.roll.jitter.ms": Long = null, Any, High, ClusterWide, Served, public "Default `segment.jitter.ms` of topics.";
    "log.roll.ms": Long = null, Any, High, ClusterWide, Served, public "Default `segment.ms` of topics, before hours.";
    "log.segment.bytes": Int = "1073741824", AtLeast(1048576), High, ClusterWide, Served, public "Default `segment.bytes` of topics.";
    "log.segment.delete.delay.ms": Long = "60000", AtLeast(0), High, ClusterWide, Served, public "Default `file.delete.delay.ms` of topics.";
    "message.max.bytes": Int = "1048588", AtLeast(0), High, ClusterWide, Served, public "Default `max.message.bytes` of topics.";
    "min.insync.replicas": Int = "1", AtLeast(1), High, ClusterWide, Served, public "Default `min.insync.replicas` of topics.";
    "num.partitions": Int = "1", AtLeast(1), Medium, ReadOnly, Served, public "Partitions of topics that are created without a number.";
    "num.recovery.threads.per.data.dir": Int = "2", AtLeast(1), High, ClusterWide, Served, public "Logs of one data directory that are opened at a time at the start.";
    "producer.id.expiration.check.interval.ms": Int = "600000", AtLeast(1), Low, ReadOnly, Served, internal "Milliseconds between two looks for idempotent producers to forget.";
    "producer.id.expiration.ms": Int = "86400000", AtLeast(1), Low, ClusterWide, Served, public "Milliseconds an idempotent producer is remembered after its last write.";
    "unclean.leader.election.enable": Boolean = "false", Any, High, ClusterWide, Later, public "Default `unclean.leader.election.enable` of topics.";
    "unclean.leader.election.interval.ms": Long = "300000", AtLeast(1), Medium, ReadOnly, Later, internal "Milliseconds between two looks for partitions that need an unclean election.";
}
