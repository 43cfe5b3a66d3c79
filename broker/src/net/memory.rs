//! The memory that large requests may take together.
//!
//! Always holds: a request above [`RequestMemory::FREE`] is read only while it holds a permit for all of its bytes; permits are
//! given out in order. Must never: let one request wait for ever: a request larger than the whole budget takes all of it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A node's budget for requests under way.
#[derive(Clone, Debug)]
pub struct RequestMemory {
    kib: Arc<Semaphore>,
    total_kib: u32,
}

impl RequestMemory {
    /// Requests up to this size (bytes) need no permit: the number of connections and of requests in flight on each bounds them.
    pub const FREE: usize = 64 * 1024;

    /// A budget of this many bytes.
    pub fn new(bytes: usize) -> Self {
        let total_kib = (bytes / 1024).clamp(1, u32::MAX as usize >> 3) as u32;
        RequestMemory {
            kib: Arc::new(Semaphore::new(total_kib as usize)),
            total_kib,
        }
    }

    /// A permit for a request of this many bytes; waits until others have given theirs back.
    pub async fn take(self, bytes: usize) -> OwnedSemaphorePermit {
        let kib = (bytes.div_ceil(1024).min(self.total_kib as usize) as u32).max(1);
        self.kib
            .acquire_many_owned(kib)
            .await
            .expect("the semaphore is never closed")
    }
}
