//! Flushing a partition in the background: one flush serves every waiter.
//!
//! Always holds: at most one flush of a partition runs; whatever was appended before it began is durable when it ends. Must never:
//! run on a thread that serves sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::Partition;
use crate::config::Durability;
use crate::task;

const IDLE: u8 = 0;
const RUNNING: u8 = 1;
/// Runs, and has to run once more.
const AGAIN: u8 = 2;

/// The state of one partition's background flush.
#[derive(Debug, Default)]
pub struct Flush {
    state: AtomicU8,
    failed: AtomicBool,
}

impl Flush {
    /// The last flush failed: nothing more is acknowledged from it (fault S14).
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

impl Partition {
    /// Has everything appended so far flushed, soon and elsewhere.
    pub fn flush_soon(self: &Arc<Self>) {
        let state = &self.flush.state;
        loop {
            match state.load(Ordering::Acquire) {
                IDLE => {
                    if state
                        .compare_exchange(IDLE, RUNNING, Ordering::AcqRel, Ordering::Acquire)
                        .is_ok()
                    {
                        break;
                    }
                }
                RUNNING => {
                    if state
                        .compare_exchange(RUNNING, AGAIN, Ordering::AcqRel, Ordering::Acquire)
                        .is_ok()
                    {
                        return;
                    }
                }
                _ => return,
            }
        }
        let this = self.clone();
        task::blocking(move || this.run_flushes());
    }

    fn run_flushes(self: Arc<Self>) {
        let state = &self.flush.state;
        loop {
            state.store(RUNNING, Ordering::Release);
            self.flush_now();
            if state
                .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
            {
                return;
            }
        }
    }

    /// Flushes on this thread.
    pub fn flush_now(self: &Arc<Self>) {
        let writing = self.writers.read();
        let placed = self.placed.load_full();
        let flushed = placed.log.flush();
        drop(writing);
        match flushed {
            Ok(_) => {
                self.flush.failed.store(false, Ordering::Release);
                if self.durability == Durability::Fsync && self.leadership.load().here {
                    self.grown();
                    // Those who wait for this node's disk alone.
                    self.progress.wake();
                }
            }
            Err(e) => {
                tracing::error!(topic = %self.topic, partition = %self.index, "flush failed: {e}");
                self.flush.failed.store(true, Ordering::Release);
                if placed.log.is_offline() {
                    // The pages that it was for may be gone, of this log and of others.
                    placed.seat.health.fail(&e.to_string());
                }
                self.progress.wake();
            }
        }
    }
}
