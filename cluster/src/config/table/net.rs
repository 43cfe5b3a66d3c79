//! Configs of sockets, requests, metrics and what else is left: one row each, sorted by name.
//!
//! Always holds: names, types, defaults, checks, importance and update modes are Kafka 4.3.0's (a test compares them with a list
//! read from its classes); the docs are ours. Must never: hold a config that Kafka does not have.

use super::table;

table! { BROKER_NET
    "advertised.listeners": List = null, ListUnique { empty: false }, High, ReadOnly, Served, public "The addresses clients are told to connect to, `NAME://host:port,...`; without it, those of `listeners`.";
    "background.threads": Int = "10", AtLeast(1), High, ClusterWide, None, public "Background work sizes itself.";
    "client.quota.callback.class": Class = null, Any, Low, ReadOnly, None, public "Names a Java class; there is none to load.";
    "config.providers": List = "", ListUnique { empty: true }, Low, ClusterWide, None, public "Names Java classes; there are none to load.";
    "connections.max.idle.ms": Long = "600000", Any, Medium, ReadOnly, Served, public "Milliseconds after which a silent connection is closed.";
    "delete.records.purgatory.purge.interval.requests": Int = "1", Any, Medium, ReadOnly, None, public "Waiting requests are futures; there is no purgatory.";
    "early.start.listeners": List = null, ListUnique { empty: true }, High, ReadOnly, Later, public "Listeners that open before authorization data is loaded.";
    "fetch.purgatory.purge.interval.requests": Int = "1000", Any, Medium, ReadOnly, None, public "Waiting requests are futures; there is no purgatory.";
    "inter.broker.listener.name": String = null, Any, Medium, ReadOnly, Served, public "The listener brokers use among themselves.";
    "kafka.metrics.polling.interval.secs": Int = "10", AtLeast(1), Low, ReadOnly, None, public "Belongs to Java metrics reporters.";
    "kafka.metrics.reporters": List = "", ListUnique { empty: true }, Low, ReadOnly, None, public "Names Java classes; metrics are served over HTTP.";
    "listener.security.protocol.map": String = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", Any, Low, PerBroker, Served, public "The security protocol of each listener name, `NAME:PROTOCOL,...`.";
    "listeners": List = "PLAINTEXT://:9092", ListUnique { empty: false }, High, PerBroker, Served, public "Addresses to listen on, `NAME://host:port,...`; an empty host is every interface, port 0 takes a free one.";
    "max.connection.creation.rate": Int = "2147483647", AtLeast(0), Medium, ClusterWide, Later, public "New connections a second, at most.";
    "max.connections": Int = "2147483647", AtLeast(0), Medium, ClusterWide, Served, public "Open connections, at most; further ones wait. Not of the brokers' own listener, if there are others.";
    "max.connections.per.ip": Int = "2147483647", AtLeast(0), Medium, ClusterWide, Later, public "Open connections of one client address, at most.";
    "max.connections.per.ip.overrides": String = "", Any, Medium, ClusterWide, Later, public "Other limits for some addresses, `host:count,...`.";
    "max.incremental.fetch.session.cache.slots": Int = "1000", AtLeast(0), Medium, ReadOnly, Served, public "Fetch sessions that are remembered, at most.";
    "max.request.partition.size.limit": Int = "2000", AtLeast(1), Medium, ReadOnly, Later, public "Partitions one DescribeTopicPartitions answer may hold.";
    "metric.reporters": List = "org.apache.kafka.common.metrics.JmxReporter", ListUnique { empty: true }, Low, ClusterWide, None, public "Names Java classes; metrics are served over HTTP.";
    "metrics.num.samples": Int = "2", AtLeast(1), Low, ReadOnly, None, public "Belongs to Java metrics reporters.";
    "metrics.recording.level": String = "INFO", Any, Low, ReadOnly, None, public "Belongs to Java metrics reporters.";
    "metrics.sample.window.ms": Long = "30000", AtLeast(1), Low, ReadOnly, None, public "Belongs to Java metrics reporters.";
    "num.io.threads": Int = "8", AtLeast(1), High, ClusterWide, None, public "Requests are served by tasks, not by a pool of threads.";
    "num.network.threads": Int = "3", AtLeast(1), High, ClusterWide, None, public "Sockets are served by one thread a processor.";
    "producer.purgatory.purge.interval.requests": Int = "1000", Any, Medium, ReadOnly, None, public "Waiting requests are futures; there is no purgatory.";
    "queued.max.request.bytes": Long = "-1", Any, Medium, ReadOnly, Served, public "Bytes of requests above 64 KiB in memory at a time; -1: airis.request.memory.bytes.";
    "queued.max.requests": Int = "500", AtLeast(1), High, ReadOnly, None, public "There is no queue of requests; their bytes are bounded by queued.max.request.bytes.";
    "request.timeout.ms": Int = "30000", Any, High, ReadOnly, Later, public "Milliseconds the broker's own requests may take.";
    "socket.connection.setup.timeout.max.ms": Long = "30000", Any, Medium, ReadOnly, Later, public "The longest wait for a connection to another node, in milliseconds.";
    "socket.connection.setup.timeout.ms": Long = "10000", Any, Medium, ReadOnly, Later, public "Milliseconds to wait for a connection to another node.";
    "socket.listen.backlog.size": Int = "50", AtLeast(1), Medium, ReadOnly, None, public "Up to 1,024 connections wait to be accepted.";
    "socket.receive.buffer.bytes": Int = "102400", Any, High, ReadOnly, None, public "The system sizes the buffers of sockets by need.";
    "socket.request.max.bytes": Int = "104857600", AtLeast(1), High, ReadOnly, Served, public "The largest request that is read, in bytes.";
    "socket.send.buffer.bytes": Int = "102400", Any, High, ReadOnly, None, public "The system sizes the buffers of sockets by need; towards clients on the same machine they have 200 KiB.";
    "telemetry.max.bytes": Int = "1048576", AtLeast(1), Low, ReadOnly, Later, public "The largest metrics push of a client, in bytes.";
}
