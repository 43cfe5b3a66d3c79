//! Configs of replicas, quotas and transactions: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { BROKER_REPLICATION
    "add.partitions.to.txn.retry.backoff.max.ms": Int = "100", AtLeast(0), High, ReadOnly, Later, public "The longest wait for a partition of another transaction to become free, in milliseconds.";
    "add.partitions.to.txn.retry.backoff.ms": Int = "20", AtLeast(1), High, ReadOnly, Later, public "Milliseconds between two looks whether a partition has become free of another transaction.";
    "alter.log.dirs.replication.quota.window.num": Int = "11", AtLeast(1), Low, ReadOnly, Served, public "Windows that moves between data directories are measured over.";
    "alter.log.dirs.replication.quota.window.size.seconds": Int = "1", AtLeast(1), Low, ReadOnly, Served, public "Seconds of one window of moves between data directories.";
    "fetch.max.bytes": Int = "57671680", AtLeast(1024), Medium, ReadOnly, Served, public "The most bytes a fetch is answered with, at least 1024; a first batch larger than that still goes out.";
    "follower.fetch.last.tiered.offset.enable": Boolean = "false", Any, Medium, ClusterWide, Later, public "A setting of tiered storage, not served yet.";
    "follower.replication.throttled.rate": Long = "9223372036854775807", AtLeast(0), Medium, ClusterWide, Served, public "Bytes a second that throttled replicas may take in.";
    "leader.replication.throttled.rate": Long = "9223372036854775807", AtLeast(0), Medium, ClusterWide, Served, public "Bytes a second that throttled replicas may send.";
    "num.replica.alter.log.dirs.threads": Int = null, Any, High, ReadOnly, Served, public "Replicas that are moved between data directories at a time.";
    "num.replica.fetchers": Int = "1", AtLeast(1), High, ClusterWide, Later, public "Connections to each leader that replicas are fetched over.";
    "quota.window.num": Int = "11", AtLeast(1), Low, ReadOnly, Later, public "Windows that client quotas are measured over.";
    "quota.window.size.seconds": Int = "1", AtLeast(1), Low, ReadOnly, Later, public "Seconds of one window of client quotas.";
    "replica.alter.log.dirs.io.max.bytes.per.second": Long = "9223372036854775807", AtLeast(0), Medium, ClusterWide, Served, public "Bytes a second for moving replicas between data directories.";
    "replica.fetch.backoff.ms": Int = "1000", AtLeast(0), Medium, ReadOnly, Served, public "Milliseconds a follower waits after a failed fetch.";
    "replica.fetch.max.bytes": Int = "1048576", AtLeast(0), Medium, ReadOnly, Served, public "Bytes of one partition that a follower asks for at a time.";
    "replica.fetch.min.bytes": Int = "1", Any, High, ReadOnly, Served, public "Bytes a leader gathers before it answers a follower.";
    "replica.fetch.response.max.bytes": Int = "10485760", AtLeast(0), Medium, ReadOnly, Served, public "Bytes of one answer to a follower.";
    "replica.fetch.wait.max.ms": Int = "500", Any, High, ReadOnly, Served, public "Milliseconds a leader may hold a follower's fetch.";
    "replica.high.watermark.checkpoint.interval.ms": Long = "5000", Any, High, ReadOnly, Served, public "Milliseconds between two writes of the high watermarks.";
    "replica.lag.time.max.ms": Long = "30000", Any, High, ReadOnly, Served, public "Milliseconds behind after which a replica is out of sync.";
    "replica.selector.class": String = null, Any, Medium, ReadOnly, Served, public "How a consumer is sent to a replica near it: Kafka's rack-aware class name stands for the built-in one.";
    "replica.socket.receive.buffer.bytes": Int = "65536", Any, High, ReadOnly, Later, public "Receive buffer of replication sockets.";
    "replica.socket.timeout.ms": Int = "30000", Any, High, ReadOnly, Served, public "Milliseconds a follower's request may take.";
    "replication.quota.window.num": Int = "11", AtLeast(1), Low, ReadOnly, Served, public "Windows that replication throttles are measured over.";
    "replication.quota.window.size.seconds": Int = "1", AtLeast(1), Low, ReadOnly, Served, public "Seconds of one window of replication throttles.";
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": Int = "10000", AtLeast(1), Low, ReadOnly, Later, public "Milliseconds between two looks for transactions that timed out.";
    "transaction.max.timeout.ms": Int = "900000", AtLeast(1), High, ReadOnly, Later, public "The longest timeout a transaction may ask for, in milliseconds.";
    "transaction.partition.verification.enable": Boolean = "true", Any, Low, ClusterWide, Later, public "Whether a partition asks the coordinator if a transaction is really open.";
    "transaction.remove.expired.transaction.cleanup.interval.ms": Int = "3600000", AtLeast(1), Low, ReadOnly, Later, public "Milliseconds between two looks for transactional ids to forget.";
    "transaction.state.log.load.buffer.size": Int = "5242880", AtLeast(1), High, ReadOnly, Later, public "Bytes read at a time while transactions are loaded.";
    "transaction.state.log.min.isr": Int = "2", AtLeast(1), High, ReadOnly, Later, public "`min.insync.replicas` of `__transaction_state`.";
    "transaction.state.log.num.partitions": Int = "50", AtLeast(1), High, ReadOnly, Later, public "Partitions of `__transaction_state`; not to be changed later.";
    "transaction.state.log.replication.factor": Short = "3", AtLeast(1), High, ReadOnly, Later, public "Replicas of `__transaction_state`.";
    "transaction.state.log.segment.bytes": Int = "104857600", AtLeast(1), High, ReadOnly, Later, public "Segment size of `__transaction_state`.";
    "transaction.two.phase.commit.enable": Boolean = "false", Any, Low, ReadOnly, Later, public "Whether transactions may take part in a two-phase commit.";
    "transactional.id.expiration.ms": Int = "604800000", AtLeast(1), High, ReadOnly, Later, public "Milliseconds an unused transactional id is remembered.";
}
