//! One partition's log on a disk, in Kafka's file formats. Synchronous; knows no request.
