//! The partitions that this node holds.

/// All partitions of this node.
pub struct PartitionTable;
