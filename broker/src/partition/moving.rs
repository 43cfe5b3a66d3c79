//! Moving a partition's log to another log directory of this node (KIP-113): a copy is made beside it, and takes its place.
//!
//! Always holds: the copy is a prefix of the log by leader epochs, also when the log is cut meanwhile; it takes the log's place
//! between two changes, complete and on stable storage, after the controller has been told (KIP-858); the old log goes only when the
//! new one is open under its name. Must never: leave no directory of the replica's name, whatever fails when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airis_protocol::batch::{BatchBytes, BatchError, BatchHeader};
use airis_protocol::types::{Millis, Offset, Uuid};
use airis_storage::{AppendError, Log, ReadError, StorageError};
use bytes::{Bytes, BytesMut};

use super::disks::{Deleted, Disks, Opened, Seat};
use super::{Partition, Placed};

/// The end of the copy is made with the locks of all writers held, if no more than this is missing.
const REST_BYTES_MAX: usize = 1 << 20;

/// The copy, in another log directory.
pub struct Future {
    pub log: Log,
    pub seat: Seat,
    /// It has been about where the log was, and the controller is told that the replica is there.
    caught_up: AtomicBool,
}

/// What comes of one step.
pub enum Step {
    /// So many bytes were copied; there may be more.
    Copied(usize),
    /// There is nothing more to copy now.
    CaughtUp,
    /// The copy has taken the log's place.
    Moved(Deleted),
    /// There is nothing to be moved any more.
    Over,
}

#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("reading from offset {0}: {1}")]
    Io(Offset, std::io::Error),
    #[error("the batch at offset {0}: {1}")]
    Batch(Offset, BatchError),
}

impl Partition {
    /// The copy that is being made of the log, if any.
    pub fn future(&self) -> Option<Arc<Future>> {
        self.future.lock().clone()
    }

    /// Where the controller is to believe the replica.
    pub fn directory(&self) -> Uuid {
        match self.future() {
            Some(f) if f.caught_up.load(Ordering::Acquire) => f.seat.directory,
            _ => self.seat().directory,
        }
    }

    /// Begins to copy the log, or goes on with a copy that an earlier run has begun.
    pub fn begin_move(self: &Arc<Self>, copy: Opened) {
        let Opened { log, seat, .. } = copy;
        *self.future.lock() = Some(Arc::new(Future {
            log,
            seat,
            caught_up: AtomicBool::new(false),
        }));
        self.hub.moving.push(self);
    }

    /// Stops copying. The copy is for the caller to delete.
    pub fn end_move(&self) -> Option<Arc<Future>> {
        // Behind a step that is taking the log's place.
        let _role = self.role.lock();
        let ended = self.future.lock().take();
        if ended.is_some() {
            // The controller may believe that the replica has moved.
            self.hub.assignments.push((self.topic_id, self.index));
        }
        ended
    }

    /// Closes a copy of the log that is not complete.
    pub fn close_copy(&self) -> Result<(), StorageError> {
        let _role = self.role.lock();
        let _alone = self.writers.write();
        match self.future.lock().take() {
            Some(copy) => copy.log.close().map(drop),
            None => Ok(()),
        }
    }

    /// Goes on with the move: copies up to about `bytes`, or takes the log's place if `allowed` says that the controller has agreed
    /// to the directory.
    pub fn step_move(
        self: &Arc<Self>,
        disks: &Disks,
        bytes: usize,
        now: Millis,
        allowed: impl Fn(Uuid) -> bool,
    ) -> Result<Step, MoveError> {
        let Some(future) = self.future().filter(|_| self.is_open()) else {
            return Ok(Step::Over);
        };
        let cuts = self.cuts.load(Ordering::Acquire);
        let log = self.placed.load_full();
        align(&log.log, &future.log, now)?;
        let mut copied = 0;
        if future.log.end() < log.log.end() {
            let (there, more) = self.copy(&log.log, &future, bytes, now, cuts)?;
            if future.log.has_unflushed_closed() {
                // Their files stay open until then.
                future.log.flush()?;
            }
            if more || there == 0 {
                return Ok(Step::Copied(there));
            }
            // What has come since is little.
            copied = there;
        }
        let directory = future.seat.directory;
        if !future.caught_up.swap(true, Ordering::AcqRel) {
            // What is there may be much: not all of it while writers wait.
            future.log.flush()?;
            self.hub.assignments.push((self.topic_id, self.index));
        }
        if !allowed(directory) {
            return Ok(match copied {
                0 => Step::CaughtUp,
                copied => Step::Copied(copied),
            });
        }
        // What has come since, too; and what comes during that.
        future.log.flush()?;
        // Without its start what was deleted would come back after a crash. A recovery point is of no such weight: all is looked at.
        let checkpoints = &future.seat.checkpoints;
        checkpoints.note_start(&self.topic, self.index, future.log.start())?;
        while copied <= bytes && future.log.end() < log.log.end() {
            match self.copy(&log.log, &future, bytes, now, cuts)?.0 {
                0 => break,
                more => copied += more,
            }
        }
        self.take_place(disks, &future, now, cuts)
    }

    /// Copies what follows the copy's end, from one segment. Gives how many bytes, and whether there was more.
    fn copy(
        self: &Arc<Self>,
        log: &Log,
        future: &Future,
        bytes: usize,
        now: Millis,
        cuts: u64,
    ) -> Result<(usize, bool), MoveError> {
        let copy = &future.log;
        let from = copy.end();
        let read = log
            .read(from, bytes, log.end(), true)
            .inspect_err(|e| self.distrust(from, e))?;
        let mut records = BytesMut::with_capacity(read.bytes);
        for range in &read.ranges {
            let part = range.read().map_err(|e| {
                // It is read and checked the next time.
                log.cool();
                MoveError::Io(from, e)
            })?;
            records.extend_from_slice(&part);
        }
        let records = records.freeze();
        // A cut amid the read may have torn it; and what was rotten already must not be copied with a new checksum of the disk.
        if self.cuts.load(Ordering::Acquire) != cuts || cuts % 2 == 1 {
            return Ok((0, true));
        }
        let mut rest = records.clone();
        while !rest.is_empty() {
            (_, rest) = BatchBytes::parse(rest).map_err(|e| MoveError::Batch(from, e))?;
        }
        self.append_like(log, copy, records.clone(), now)?;
        Ok((records.len(), read.more))
    }

    /// Appends so that the copy's segments begin where the log's do.
    fn append_like(
        &self,
        log: &Log,
        copy: &Log,
        records: Bytes,
        now: Millis,
    ) -> Result<(), MoveError> {
        if records.is_empty() {
            return Ok(());
        }
        let bases: Vec<Offset> = log.segments().into_iter().map(|s| s.0).collect();
        let first = BatchHeader::read(&records).map_err(|e| MoveError::Batch(copy.end(), e))?;
        let first = Offset(first.base_offset);
        let empty = copy.end() == copy.start() && copy.size_bytes() == 0;
        if empty && first < copy.end() {
            // The log's start lies within a batch.
            copy.restart_at(first, now)?;
        }
        let mut run = 0;
        let mut at = 0;
        while at < records.len() {
            let header =
                BatchHeader::read(&records[at..]).map_err(|e| MoveError::Batch(copy.end(), e))?;
            let base = Offset(header.base_offset);
            if bases.binary_search(&base).is_ok() && base > first {
                copy.append_as_follower(&records[run..at], now)?;
                run = at;
            }
            if bases.binary_search(&base).is_ok() && base == copy.end() {
                copy.roll(now)?;
            }
            at += header.size();
        }
        copy.append_as_follower(&records[run..], now)?;
        copy.advance_start(log.start().min(copy.end()))?;
        Ok(())
    }

    fn take_place(
        self: &Arc<Self>,
        disks: &Disks,
        future: &Arc<Future>,
        now: Millis,
        cuts: u64,
    ) -> Result<Step, MoveError> {
        // No flush first: whoever waits for one with the locks below has the threads wait that serve sockets.
        let unflushed = self.flush.gate.write();
        // No role changes, no follower appends or cuts; and no leader appends.
        let role = self.role.lock();
        let alone = self.writers.write();
        let mut held = self.future.lock();
        if !held.as_ref().is_some_and(|f| Arc::ptr_eq(f, future)) || !self.is_open() {
            return Ok(Step::Over);
        }
        let old = self.placed.load_full();
        let copy = &future.log;
        if self.cuts.load(Ordering::Acquire) != cuts {
            return Ok(Step::Copied(0));
        }
        align(&old.log, copy, now)?;
        // A log that is always written to is never caught up with by anybody who lets it go on.
        let mut rest = 0;
        while copy.end() < old.log.end() {
            let (copied, _) = self.copy(&old.log, future, REST_BYTES_MAX, now, cuts)?;
            rest += copied;
            if copied == 0 || rest > REST_BYTES_MAX {
                return Ok(Step::Copied(rest));
            }
        }
        if let Some(latest) = old.log.latest_epoch()
            && copy.latest_epoch() != Some(latest)
        {
            // A leader that has written nothing yet.
            copy.assign_epoch(latest);
        }
        copy.close()?;
        let log = match disks.take_over(self, copy) {
            Ok(log) => log,
            Err(e) => {
                // It goes on where it was. What became of the copy is seen at the next start.
                *held = None;
                self.hub.assignments.push((self.topic_id, self.index));
                return Err(e.into());
            }
        };
        let new = Placed {
            log,
            seat: future.seat.clone(),
        };
        self.placed.store(Arc::new(new));
        *held = None;
        drop((held, alone, role, unflushed));
        let gone = disks.retire(
            &old.log,
            &self.topic,
            self.index,
            self.config().file_delete_delay_ms,
        );
        self.wake_all();
        if self.waits_for_disk() {
            // More of it is on stable storage than before.
            self.flush_soon();
        }
        tracing::info!(
            topic = %self.topic,
            partition = %self.index,
            from = %old.log.dir().display(),
            to = %self.log().dir().display(),
            "the replica has moved to another log directory"
        );
        Ok(match gone {
            Ok(deleted) => Step::Moved(deleted),
            Err(e) => {
                tracing::error!(topic = %self.topic, partition = %self.index, "the files of a replica that has moved stay: {e}");
                Step::Over
            }
        })
    }
}

/// Cuts the copy back to what the log has as well, and moves its start after the log's.
fn align(log: &Log, copy: &Log, now: Millis) -> Result<(), MoveError> {
    let start = log.start();
    loop {
        let end = copy.end();
        // By leader epoch, as a follower does with its leader; where that says nothing, from the beginning.
        let common = match copy.latest_epoch().map(|e| (e, log.epoch_end(e))) {
            None => end.min(log.end()),
            Some((latest, Some((known, known_end)))) => {
                let own = match known == latest {
                    true => end,
                    false => copy.epoch_end(known).map_or(start, |(_, own)| own),
                };
                own.min(known_end)
            }
            Some((_, None)) if copy.size_bytes() == 0 => end,
            Some((_, None)) => start,
        };
        if common >= end {
            break;
        }
        let left = copy.truncate_to(common.max(copy.start()), now)?;
        if left >= end || common <= copy.start() {
            copy.restart_at(start, now)?;
            break;
        }
    }
    // One that is empty has begun where the log began once; a log with gaps that is cut may begin earlier then: at the end of what
    // lies before the gap.
    if copy.end() < start || (copy.size_bytes() == 0 && copy.end() > start) {
        copy.restart_at(start, now)?;
    } else if copy.start() < start {
        copy.advance_start(start)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
