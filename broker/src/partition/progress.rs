//! Waking those who wait for a partition to move.
//!
//! Always holds: whoever registers first and reads afterwards misses nothing: either the read sees the change, or the change wakes.
//! Must never: cost more than one atomic load where nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Somebody who waits, perhaps for several partitions at once.
pub type Waiter = Arc<Notify>;

/// The waiters of one partition.
#[derive(Debug, Default)]
pub struct Progress {
    count: AtomicUsize,
    waiters: Mutex<Vec<Waiter>>,
}

impl Progress {
    /// Registers a waiter. Read the state after this, not before.
    pub fn register(&self, waiter: &Waiter) {
        let mut waiters = self.waiters.lock();
        waiters.push(waiter.clone());
        self.count.store(waiters.len(), Ordering::SeqCst);
        drop(waiters);
        fence(Ordering::SeqCst);
    }

    pub fn unregister(&self, waiter: &Waiter) {
        let mut waiters = self.waiters.lock();
        if let Some(at) = waiters.iter().position(|w| Arc::ptr_eq(w, waiter)) {
            waiters.swap_remove(at);
        }
        self.count.store(waiters.len(), Ordering::SeqCst);
    }

    /// Wakes everybody. Change the state before this, not after.
    pub fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        for waiter in self.waiters.lock().iter() {
            waiter.notify_one();
        }
    }
}
