//! The limits of this crate, each with its reason.
//!
//! Always holds: nothing read from a disk is believed beyond these. Must never: be changed without a look at who persists them.

/// A segment's positions are signed 32-bit numbers in Kafka's index.
pub const SEGMENT_LEN_MAX: u64 = i32::MAX as u64;

/// Batches a producer's retries can reach back (Kafka's `NUM_BATCHES_TO_RETAIN`); its clients keep at most five in flight.
pub const PRODUCER_BATCHES_KEPT: usize = 5;

/// Index entries held in memory before they are written to the file; 512 of 8 bytes are one page, written every 2 MiB of log.
pub const INDEX_ENTRIES_UNWRITTEN_MAX: usize = 512;

/// The newest batches of the active segment whose positions are known without a look at the disk: what tailing consumers read.
pub const TAIL_BATCHES_MAX: usize = 32;

/// Bytes read at once while batch headers are walked on the read path: an index interval and a header.
pub const HEADER_CHUNK: usize = 4096 + 64;

/// Bytes read at once while a segment is recovered.
pub const RECOVERY_CHUNK: usize = 1 << 20;

/// Bytes read at once while CRCs are checked: they still lie in the processor's second cache when they are.
pub const CHECK_CHUNK: usize = 128 << 10;

/// What one stored batch may decompress to when its records are looked at (offset by time). Batches were checked at append.
pub const DECOMPRESSED_BATCH_MAX: usize = 1 << 30;

/// How far behind a damaged batch recovery looks for the next good one. Beyond, the rest of the segment counts as damaged.
pub const RESYNC_MAX: u64 = 64 << 20;

/// What file systems and disks read and write at once: bytes that cannot be read come in such blocks.
pub const BLOCK: u64 = 4096;

/// So many blocks that cannot be read are stepped over one by one, so that nothing good behind them is passed over; each try may take
/// a disk seconds. From there on the steps double.
pub const SKIPS_EXACT_MAX: u32 = 64;

/// Longest file name that Linux file systems take; Kafka cuts the topic's name in `-delete` directories accordingly.
pub const FILE_NAME_MAX: usize = 255;
