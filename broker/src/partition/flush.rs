//! Flushing in the background: one flush of a partition serves all who wait for it, and few run at once in one log directory, so
//! that what is appended meanwhile goes with the next.
//!
//! Always holds: at most one flush of a partition runs; whatever was appended before it began is durable when it ends; a partition
//! waits in its directory's line at most once. Must never: run on a thread that serves sockets, or let one directory wait for another.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use parking_lot::{Mutex, RwLock};

use super::Partition;
use crate::config::Durability;
use crate::{scarce, task};

const IDLE: u8 = 0;
/// Waits for a thread.
const WAITS: u8 = 1;
const RUNS: u8 = 2;
/// Runs, and has to run once more.
const AGAIN: u8 = 3;

/// Threads that flush in one log directory. More of them write to the disk more often, and each time less.
const THREADS_MAX: usize = 2;

/// The state of one partition's background flush.
#[derive(Debug, Default)]
pub struct Flush {
    state: AtomicU8,
    failed: AtomicBool,
    /// It never began, for want of a file descriptor.
    short: AtomicBool,
    /// Held for reading while the log is flushed, before the writers' gate; for writing by a copy that is to take its place. Who waits
    /// for that gate keeps all other writers out, and must not do so for as long as a flush takes.
    pub(super) gate: RwLock<()>,
}

impl Flush {
    /// The last flush failed: nothing more is acknowledged from it (fault S14; the log and its directory are off line then, but for one
    /// that never began for want of a file descriptor).
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

/// The partitions of one log directory that wait for their flush.
#[derive(Default)]
pub struct Flushes(Mutex<Line>);

#[derive(Default)]
struct Line {
    waiting: VecDeque<Arc<Partition>>,
    threads: usize,
}

impl fmt::Debug for Flushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flushes").finish_non_exhaustive()
    }
}

impl Flushes {
    fn push(self: &Arc<Self>, partition: Arc<Partition>) {
        let mut line = self.0.lock();
        line.waiting.push_back(partition);
        if line.threads == THREADS_MAX {
            return;
        }
        line.threads += 1;
        drop(line);
        let mut worker = Worker(Some(self.clone()));
        task::blocking(move || worker.run());
    }
}

/// A thread that flushes until nobody waits. It counts until it ends, however it ends.
struct Worker(Option<Arc<Flushes>>);

impl Worker {
    fn run(&mut self) {
        while let Some(partition) = self.next() {
            partition.flush_in_turn();
        }
    }

    /// Whoever comes after the line was seen empty finds this thread gone, and starts another.
    fn next(&mut self) -> Option<Arc<Partition>> {
        let flushes = self.0.take()?;
        let mut line = flushes.0.lock();
        let next = line.waiting.pop_front();
        match next {
            None => line.threads -= 1,
            Some(_) => {
                drop(line);
                self.0 = Some(flushes);
            }
        }
        next
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(flushes) = self.0.take() {
            flushes.0.lock().threads -= 1;
        }
    }
}

impl Partition {
    /// Has everything appended so far flushed, soon and elsewhere.
    pub fn flush_soon(self: &Arc<Self>) {
        // A write even where nothing changes: the thread that takes the partition from the line then sees what was appended before.
        let before = self
            .flush
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                Some(match state {
                    IDLE => WAITS,
                    RUNS => AGAIN,
                    waits => waits,
                })
            });
        if before == Ok(IDLE) {
            self.stand_in_line();
        }
    }

    fn stand_in_line(self: &Arc<Self>) {
        let flushes = self.placed.load().seat.flushes.clone();
        flushes.push(self.clone());
    }

    fn flush_in_turn(self: &Arc<Self>) {
        let state = &self.flush.state;
        state.swap(RUNS, Ordering::AcqRel);
        self.flush_now();
        let again = state
            .compare_exchange(RUNS, IDLE, Ordering::AcqRel, Ordering::Acquire)
            .is_err();
        if again {
            state.store(WAITS, Ordering::Release);
            self.stand_in_line();
        }
    }

    /// Tries a flush again that never began.
    pub fn flush_again(self: &Arc<Self>) {
        if self.flush.short.swap(false, Ordering::AcqRel) && self.is_open() {
            self.flush_soon();
        }
    }

    /// Flushes on this thread.
    pub fn flush_now(self: &Arc<Self>) {
        let flushing = self.flush.gate.read();
        let writing = self.writers.read();
        let placed = self.placed.load_full();
        let flushed = placed.log.flush();
        drop((writing, flushing));
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
                if scarce::tell_storage(&e) {
                    self.flush.short.store(true, Ordering::Release);
                } else {
                    tracing::error!(topic = %self.topic, partition = %self.index, "flush failed: {e}");
                }
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
