//! Broker configs that Kafka does not have. Each begins with `airis.`.
//!
//! Must never: repeat under a new name what a Kafka config already says.

use super::table;

table! { OWN
    "airis.ack.durability": String = "page-cache", OneOf(&["page-cache", "fsync"]), High, ReadOnly, Served, public "When a record counts as written: once it is in the page cache (`page-cache`, Kafka's way), or on stable storage (`fsync`, one flush for all who wait).";
    "airis.request.memory.bytes": Long = "268435456", AtLeast(1_048_576), Medium, ReadOnly, Served, public "Bytes of memory for all requests above 64 KiB that are under way together.";
    "airis.scrub.bytes.per.second": Long = "8388608", AtLeast(1), Low, ReadOnly, Served, public "Bytes of the logs a second that are read to find batches that have gone bad on the disk.";
    "airis.scrub.interval.ms": Long = "86400000", AtLeast(1), Low, ReadOnly, Served, public "How long after a check of all logs for batches that have gone bad the next one begins; the first begins so long after the start.";
}
