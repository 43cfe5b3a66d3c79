//! Scripts over one shard.
