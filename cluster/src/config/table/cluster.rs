//! Configs of the node in its cluster and the metadata log: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { BROKER_CLUSTER
    "auto.leader.rebalance.enable": Boolean = "true", Any, High, ReadOnly, Served, public "Whether leadership is given back to preferred replicas.";
    "broker.heartbeat.interval.ms": Int = "2000", Any, Medium, ReadOnly, Served, public "Milliseconds between a broker's heartbeats to the controller; 500 in a cluster that does not set it.";
    "broker.id": Int = "-1", Any, High, ReadOnly, Served, public "The node's id under its old name; `node.id` is the same thing.";
    "broker.rack": String = null, Any, Medium, ReadOnly, Served, public "The rack the node stands in; replicas are spread over racks.";
    "broker.session.timeout.ms": Int = "9000", Any, Medium, ReadOnly, Served, public "Milliseconds without a heartbeat after which the controller fences a broker; 2000 in a cluster that does not set it.";
    "controlled.shutdown.enable": Boolean = "true", Any, Medium, ReadOnly, Later, public "Whether a stopping broker hands its leaderships over first.";
    "controller.listener.names": List = required, ListUnique { empty: false }, High, ReadOnly, Served, public "Names of the listeners that only controllers use, out of those in `listeners`.";
    "controller.performance.always.log.threshold.ms": Long = "2000", AtLeast(0), Medium, ReadOnly, None, internal "Belongs to the JVM controller's own log.";
    "controller.performance.sample.period.ms": Long = "60000", AtLeast(100), Medium, ReadOnly, None, internal "Belongs to the JVM controller's own log.";
    "controller.quorum.append.linger.ms": Int = "25", AtLeast(0), Medium, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.auto.join.enable": Boolean = "false", Any, Low, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.bootstrap.servers": List = "", BootstrapServers, High, ReadOnly, Served, public "Controllers to begin with, `host:port,...`.";
    "controller.quorum.election.backoff.max.ms": Int = "1000", AtLeast(0), High, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.election.timeout.ms": Int = "1000", AtLeast(0), High, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.fetch.max.bytes": Int = "1048576", AtLeast(1), Low, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.fetch.snapshot.max.bytes": Int = "1048576", AtLeast(1), Low, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.fetch.timeout.ms": Int = "2000", AtLeast(0), High, ReadOnly, Served, public "Milliseconds that the leader of the controller quorum may be silent; 1000 in a cluster that does not set it.";
    "controller.quorum.request.timeout.ms": Int = "2000", AtLeast(0), Medium, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.retry.backoff.ms": Int = "20", AtLeast(0), Low, ReadOnly, Later, public "A setting of the controller quorum, not served yet.";
    "controller.quorum.voters": List = "", QuorumVoters, High, ReadOnly, Served, public "The fixed set of controllers, `id@host:port,...`.";
    "controller.quota.window.num": Int = "11", AtLeast(1), Low, ReadOnly, Later, public "Windows that quotas of metadata changes are measured over.";
    "controller.quota.window.size.seconds": Int = "1", AtLeast(1), Low, ReadOnly, Later, public "Seconds of one window of quotas of metadata changes.";
    "controller.socket.timeout.ms": Int = "30000", Any, Medium, ReadOnly, None, public "Unused by Kafka 4 as well.";
    "initial.broker.registration.timeout.ms": Int = "60000", Any, Medium, ReadOnly, Later, public "Milliseconds a starting broker tries to register.";
    "internal.metadata.delete.delay.millis": Long = "60000", Any, Low, ReadOnly, Later, internal "Milliseconds before old metadata segments are removed.";
    "internal.metadata.log.segment.bytes": Int = null, Any, Low, ReadOnly, Later, internal "Segment size of the metadata log below the usual least size; for tests.";
    "internal.metadata.max.batch.size.in.bytes": Int = "8388608", Any, Low, ReadOnly, Later, internal "The largest batch of metadata records.";
    "leader.imbalance.check.interval.seconds": Long = "300", AtLeast(1), High, ReadOnly, Served, public "Seconds between two looks for leaders to be given back.";
    "metadata.log.dir": String = null, Any, High, ReadOnly, Served, public "Where the cluster's metadata log lies; without it, the first of `log.dirs`.";
    "metadata.log.max.record.bytes.between.snapshots": Long = "20971520", AtLeast(1), High, ReadOnly, Served, public "Bytes of metadata log after which a snapshot is taken.";
    "metadata.log.max.snapshot.interval.ms": Long = "3600000", AtLeast(0), High, ReadOnly, Later, public "Milliseconds after which a snapshot of the metadata is taken if there is anything new; 0 for never.";
    "metadata.log.segment.bytes": Int = "1073741824", AtLeast(8388608), High, ReadOnly, Later, public "Size of a segment of the metadata log.";
    "metadata.log.segment.ms": Long = "604800000", Any, High, ReadOnly, Later, public "Age of a segment of the metadata log, in milliseconds.";
    "metadata.max.idle.interval.ms": Int = "500", AtLeast(0), Low, ReadOnly, Later, public "Milliseconds after which an idle controller writes an empty record, 0 for never.";
    "metadata.max.retention.bytes": Long = "104857600", Any, High, ReadOnly, Later, public "Bytes of metadata log and snapshots that are kept.";
    "metadata.max.retention.ms": Long = "604800000", Any, High, ReadOnly, Later, public "Milliseconds metadata log and snapshots are kept.";
    "node.id": Int = required, AtLeast(0), High, ReadOnly, Served, public "The node's id, unique among brokers and controllers.";
    "process.roles": List = required, ListOf { valid: &["broker", "controller"], empty: false }, High, ReadOnly, Served, public "What the node is: `broker`, `controller`, or both.";
    "server.max.startup.time.ms": Long = "9223372036854775807", AtLeast(0), Medium, ReadOnly, None, internal "The start is bounded by its own steps.";
    "unstable.api.versions.enable": Boolean = "false", Any, High, ReadOnly, Later, internal "Serves versions of the protocol that are not final; only final ones exist here.";
    "unstable.feature.versions.enable": Boolean = "false", Any, High, ReadOnly, Later, internal "Allows feature levels that are not final; only final ones exist here.";
}
