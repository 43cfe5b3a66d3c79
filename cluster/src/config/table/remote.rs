//! Configs of tiered storage: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { BROKER_REMOTE
    "remote.fetch.max.wait.ms": Int = "500", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.list.offsets.request.timeout.ms": Long = "30000", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.index.file.cache.total.size.bytes": Long = "1073741824", AtLeast(1), Low, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.index.file.cache.ttl.ms": Long = "900000", AtLeast(-1), Low, ReadOnly, Later, internal "A setting of tiered storage, not served yet.";
    "remote.log.manager.copier.thread.pool.size": Int = "10", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.copy.max.bytes.per.second": Long = "9223372036854775807", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.copy.quota.window.num": Int = "11", AtLeast(1), Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.copy.quota.window.size.seconds": Int = "1", AtLeast(1), Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.expiration.thread.pool.size": Int = "10", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.fetch.max.bytes.per.second": Long = "9223372036854775807", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.fetch.quota.window.num": Int = "11", AtLeast(1), Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.fetch.quota.window.size.seconds": Int = "1", AtLeast(1), Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.follower.thread.pool.size": Int = "2", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.task.interval.ms": Long = "30000", AtLeast(1), Low, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.manager.task.retry.backoff.max.ms": Long = "30000", AtLeast(1), Low, ReadOnly, Later, internal "A setting of tiered storage, not served yet.";
    "remote.log.manager.task.retry.backoff.ms": Long = "500", AtLeast(1), Low, ReadOnly, Later, internal "A setting of tiered storage, not served yet.";
    "remote.log.manager.task.retry.jitter": Double = "0.2", Fraction(0.0, 0.5), Low, ReadOnly, Later, internal "A setting of tiered storage, not served yet.";
    "remote.log.manager.thread.pool.size": Int = "2", AtLeast(1), Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.metadata.custom.metadata.max.bytes": Int = "128", AtLeast(0), Low, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.metadata.manager.class.name": String = "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", NonEmpty, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.metadata.manager.class.path": String = null, Any, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.metadata.manager.impl.prefix": String = "rlmm.config.", NonEmpty, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.metadata.manager.listener.name": String = null, NonEmpty, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.reader.max.pending.tasks": Int = "100", AtLeast(1), Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.reader.threads": Int = "10", AtLeast(1), Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.storage.manager.class.name": String = null, NonEmpty, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.storage.manager.class.path": String = null, Any, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.storage.manager.impl.prefix": String = "rsm.config.", NonEmpty, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
    "remote.log.storage.system.enable": Boolean = "false", Any, Medium, ReadOnly, Later, public "A setting of tiered storage, not served yet.";
}
