//! `max.connections`: how many connections clients may have open together.
//!
//! Always holds: a seat is taken before a connection is accepted, and given back when its task ends, however it ends. Must never:
//! close a connection that is open; who comes too many waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The connections that a node's clients may have.
#[derive(Debug)]
pub struct Seats {
    max: AtomicUsize,
    taken: AtomicUsize,
    /// One has become free, or there are more.
    freed: Notify,
}

/// One connection's. Free again when it is dropped.
#[derive(Debug)]
pub struct Seat(Arc<Seats>);

impl Seats {
    pub fn new(max: usize) -> Arc<Seats> {
        Arc::new(Seats {
            max: AtomicUsize::new(max),
            taken: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// Those that are open stay, also if they are too many now.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
        self.freed.notify_waiters();
    }

    /// Waits for a free one.
    pub async fn take(self: &Arc<Self>) -> Seat {
        loop {
            // Made before the look, so that what is freed in between is not missed.
            let freed = self.freed.notified();
            let max = self.max.load(Ordering::Relaxed);
            let one = |taken: usize| (taken < max).then_some(taken + 1);
            let taken = self
                .taken
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, one);
            if taken.is_ok() {
                return Seat(self.clone());
            }
            freed.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.freed.notify_waiters();
    }
}
