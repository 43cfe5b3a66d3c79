//! The producer table from disk: snapshots, and the batches behind them.
//!
//! Always holds: a snapshot that is used has a good CRC and lies within the log. Must never: fail over a batch that does not fit;
//! a leader has taken it.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use airis_protocol::batch::{BatchHeader, HEADER_LEN};
use airis_protocol::types::Offset;

use super::{Log, Origin, Segments, Writer};
use crate::disk::{Disk, is_unreadable};
use crate::error::{ReadError, StorageError};
use crate::files::{self, segment_file};
use crate::limits::RESYNC_MAX;
use crate::producers::{Producer, Staged, marker, snapshot};
use crate::scan::{Stop, Walk};
use crate::segment::Segment;

pub(super) fn read_snapshot(
    disk: &dyn Disk,
    dir: &Path,
    at: i64,
) -> Result<Option<Vec<(i64, Producer)>>, StorageError> {
    let path = segment_file(dir, Offset(at), files::SNAPSHOT);
    match disk.read_to_end(&path) {
        Ok(bytes) => Ok(snapshot::decode(&bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound || is_unreadable(&e) => Ok(None),
        Err(e) => Err(StorageError::io("read", &path, e)),
    }
}

impl Writer {
    /// Removes snapshot files; `unwanted` gets the offset and whether it is the newest. What cannot be removed is found again at
    /// the next start.
    pub(super) fn drop_snapshots(
        &mut self,
        disk: &dyn Disk,
        dir: &Path,
        unwanted: impl Fn(i64, bool) -> bool,
    ) {
        let newest = self.snapshots.last().copied();
        self.durable_snapshot = self
            .durable_snapshot
            .filter(|at| !unwanted(*at, Some(*at) == newest));
        self.snapshots.retain(|at| {
            let drop = unwanted(*at, Some(*at) == newest);
            if drop {
                let _ = disk.remove_file(&segment_file(dir, Offset(*at), files::SNAPSHOT));
            }
            !drop
        });
    }
}

/// Fills the producer table for the log: the newest good snapshot not behind `at_most`, then the batches behind it. Gives the offset from
/// which batches were read.
pub(super) fn load_producers(
    disk: &dyn Disk,
    dir: &Path,
    writer: &mut Writer,
    segments: &[Arc<Segment>],
    range: Range<i64>,
    at_most: i64,
) -> Result<i64, StorageError> {
    let Range { start, end } = range;
    let mut from = start;
    writer.producers.clear(start);
    loop {
        let usable = writer
            .snapshots
            .partition_point(|at| *at <= at_most.min(end));
        let Some(at) = usable.checked_sub(1).map(|i| writer.snapshots[i]) else {
            break;
        };
        if at <= start && at != end {
            break;
        }
        match read_snapshot(disk, dir, at)? {
            Some(entries) => {
                for (id, producer) in entries {
                    writer.producers.insert(id, producer);
                }
                from = at;
                break;
            }
            None => {
                let path = segment_file(dir, Offset(at), files::SNAPSHOT);
                tracing::warn!(file = %path.display(), "damaged or unreadable producer snapshot, replaying from before");
                writer.drop_snapshots(disk, dir, |offset, _| offset == at);
            }
        }
    }
    writer.producers.end = from;
    if from >= end {
        writer.producers.end = end;
        return Ok(end);
    }
    for segment in segments {
        if segment.end() <= from || segment.len() == 0 {
            continue;
        }
        let position = match segment.locate(from) {
            Ok(Some(position)) => position,
            // Damage: walk over it from the start of the segment.
            Ok(None) | Err(ReadError::Damaged { .. }) => 0,
            Err(ReadError::Storage(e)) => return Err(e),
            Err(ReadError::OutOfRange { .. }) => 0,
        };
        let producers = &mut writer.producers;
        walk_headers(segment, position, end, |walk, header, at| {
            if header.last_offset().0 < from || !header.has_producer_id() {
                return Ok(());
            }
            let mut staged = Staged::default();
            let mark = if header.is_control() {
                let bytes = walk.bytes(at, header).map_err(|_| {
                    StorageError::damaged(&segment.path(files::LOG), "unreadable control batch")
                })?;
                marker(header, &bytes[HEADER_LEN..]).unwrap_or(None)
            } else {
                None
            };
            let base = header.base_offset;
            // A leader has taken the batch, so the only thing that can be wrong is a lost beginning of the log.
            if let Err(e) = producers.stage(header, base, mark, Origin::Replication, &mut staged) {
                tracing::warn!(log = %dir.display(), offset = base, error = %e, "batch does not fit the producer table");
                return Ok(());
            }
            for entry in producers.commit(staged, header.next_offset().0) {
                let path = segment.path(files::TXN_INDEX);
                segment.with_txns(|t| t.append(&**segment.disk(), &path, entry))??;
            }
            Ok(())
        })?;
    }
    writer.producers.end = end;
    // What lies before the recovery is replicated as far as this node can know; the high watermark is learnt again.
    Ok(from)
}

/// Walks the headers of a segment from a position on, over damage, up to the offset `end`.
pub(super) fn walk_headers(
    segment: &Segment,
    position: u64,
    end: i64,
    mut f: impl FnMut(&mut Walk<'_>, &BatchHeader, u64) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let file = segment.file()?;
    let path = segment.path(files::LOG);
    let mut walk = Walk::headers(&*file, position, segment.len(), segment.base);
    loop {
        // What a bad header says of offsets would hide all that comes behind it.
        if let Some((behind, next)) = segment.behind(walk.position(), i64::MAX) {
            walk.jump(behind);
            walk.back_to(next);
        } else if segment.is_hole(walk.position()) {
            return Ok(());
        }
        match walk.next() {
            Ok(Some((_, header))) if header.base_offset >= end => return Ok(()),
            Ok(Some((at, header))) => f(&mut walk, &header, at)?,
            Ok(None) => return Ok(()),
            Err(Stop::Io(e)) => return Err(StorageError::io("read", &path, e)),
            Err(Stop::Bad { .. }) => match walk.resync(RESYNC_MAX) {
                Ok(Some(next)) => walk.jump(next),
                Ok(None) => return Ok(()),
                Err(Stop::Io(e)) => return Err(StorageError::io("read", &path, e)),
                Err(Stop::Bad { .. }) => return Ok(()),
            },
        }
    }
}

impl Log {
    /// Rebuilds the producer table for the log up to `end`, from snapshots at or before `at_most`.
    pub(super) fn reload_producers(
        &self,
        writer: &mut Writer,
        segments: &Segments,
        end: i64,
        at_most: i64,
    ) -> Result<(), StorageError> {
        writer.drop_snapshots(&*self.disk, &self.dir, |at, _| at > end || at > at_most);
        let start = self.start().0;
        load_producers(
            &*self.disk,
            &self.dir,
            writer,
            segments,
            start..end,
            at_most,
        )?;
        self.note_transactions(writer);
        Ok(())
    }
}
