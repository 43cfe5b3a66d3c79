//! The memory that large requests may take together.
//!
//! Always holds: a request above [`RequestMemory::FREE`] is read only while it holds a permit for all of its bytes; permits are
//! given out in order; one is given back when the request is answered, a produce's when its bytes are freed before that. Must never:
//! let one request wait for ever: a request larger than the whole budget takes all of it.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
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

/// A permit with several holders: whichever lets go first gives it back.
pub struct Lease(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Lease {
    pub fn new(permit: OwnedSemaphorePermit) -> Self {
        Lease(Arc::new(Mutex::new(Some(permit))))
    }

    /// The same bytes, of which the last to be freed gives the permit back.
    pub fn held_by(&self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Leased(bytes, Lease(self.0.clone())))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.lock().take();
    }
}

struct Leased(Bytes, #[expect(dead_code, reason = "for its end")] Lease);

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
