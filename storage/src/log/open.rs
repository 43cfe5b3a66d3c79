//! Opening a log: finish what a crash interrupted, find the end, mend what can be mended.
//!
//! Always holds: after a clean stop no batch is read but those behind the last index entry; after a crash, those from the segment
//! of the recovery point on. Must never: believe a checkpoint, an index or a snapshot that the batches contradict.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64};

use airis_protocol::types::{LeaderEpoch, Offset, Uuid};
use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::read::floor;
use super::replay::{load_producers, read_snapshot, walk_headers};
use super::{Log, LogConfig, OpenArgs, RecoveryReport, Segments, Writer};
use crate::checkpoint::{self, Loaded};
use crate::dir::PartitionMetadata;
use crate::disk::Disk;
use crate::epochs::Epochs;
use crate::error::{AtPath, StorageError};
use crate::files;
use crate::producers::Producers;
use crate::scan::Walk;
use crate::segment::{Glance, Segment};

/// What lies in the directory.
#[derive(Default)]
struct Found {
    bases: BTreeSet<i64>,
    snapshots: BTreeSet<i64>,
    txn_files: BTreeSet<i64>,
    topic_id: Option<Uuid>,
    fresh: bool,
}

impl Log {
    /// Opens the log in `dir`, which is made if it does not exist. A new log has no files before its first append.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        config: Arc<LogConfig>,
        args: OpenArgs,
    ) -> Result<(Log, RecoveryReport), StorageError> {
        let dir: Arc<Path> = dir.into();
        let mut args = args;
        let found = look_around(&*disk, &dir)?;
        if found.fresh {
            // Checkpoints can only speak of an older topic of the same name.
            (args.log_start, args.recovery_point) = (Offset(0), Offset(0));
        }
        if let Some(id) = args.topic_id {
            match found.topic_id {
                // Without room for it the topic's metadata must do, as after a crash.
                None => match (PartitionMetadata { topic_id: id }).write(&*disk, &dir) {
                    Err(e) if e.is_full() => {
                        let path = dir.join(files::PARTITION_METADATA);
                        disk.remove_file(&path).at("remove", &path)?;
                    }
                    written => written?,
                },
                Some(known) if known == id => {}
                Some(known) => {
                    let what = format!("belongs to topic id {known}, not {id}");
                    return Err(StorageError::damaged(&dir, what));
                }
            }
        }
        let mut opening = Opening {
            interval: config.index_interval_bytes.into(),
            disk,
            dir,
            args,
            report: RecoveryReport::default(),
            epochs: Epochs::default(),
            epochs_known: Some(Epochs::default()),
            compacted: config.cleanup.compact,
            empty: found.bases.is_empty(),
            scanned_from: i64::MAX,
            replay_at_most: i64::MAX,
        };
        let (segments, writer, start, end) = opening.run(&found)?;
        let Opening {
            disk,
            dir,
            report,
            epochs,
            epochs_known,
            ..
        } = opening;
        let untouched = args.clean && report.truncated_bytes == 0 && report.scanned_segments == 0;
        let recovery_point = if untouched {
            end
        } else {
            args.recovery_point.0.min(end)
        };
        let size = segments.iter().map(|s| s.len()).sum();
        let epochs_dirty = epochs_known.as_ref() != Some(&epochs);
        let log = Log {
            disk,
            dir,
            moved: Mutex::new(None),
            config: ArcSwap::new(config),
            segments: ArcSwap::new(Arc::new(segments)),
            transactions: AtomicBool::new(writer.producers.has_transactions()),
            writer: Mutex::new(writer),
            epochs: RwLock::new(epochs),
            epochs_dirty: AtomicBool::new(epochs_dirty),
            start: AtomicI64::new(start),
            end: AtomicI64::new(end),
            recovery_point: AtomicI64::new(recovery_point),
            size: AtomicU64::new(size),
            period: AtomicU32::new(0),
            flushing: Mutex::new(()),
            dir_dirty: AtomicBool::new(!found.bases.is_empty() && !untouched),
            // A process that died may have made the directory.
            parent_dirty: AtomicBool::new(found.fresh || !args.clean),
            unflushed_since: AtomicI64::new(if recovery_point < end {
                args.now.0
            } else {
                i64::MAX
            }),
            offline: Mutex::new(None),
            is_offline: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        if report.truncated_bytes > 0 {
            tracing::warn!(
                log = %log.dir.display(),
                bytes = report.truncated_bytes,
                why = report.truncated_why.as_deref().unwrap_or(""),
                end = end,
                "cut a damaged tail off the log"
            );
        }
        for damage in &report.damage {
            tracing::error!(
                segment = %damage.path.display(),
                from = damage.bytes.start,
                to = damage.bytes.end,
                first_offset = damage.first.0,
                "bytes that were flushed before cannot be read; what follows them is kept"
            );
        }
        Ok((log, report))
    }
}

/// Lists the directory and finishes interrupted renames and deletions (faults S21).
fn look_around(disk: &dyn Disk, dir: &Path) -> Result<Found, StorageError> {
    let entries = match disk.list(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            disk.create_dir_all(dir).at("create", dir)?;
            return Ok(Found {
                fresh: true,
                ..Found::default()
            });
        }
        Err(e) => return Err(StorageError::io("list", dir, e)),
    };
    let remove = |name: &str| {
        let path = dir.join(name);
        tracing::info!(file = %path.display(), "removing a left-over");
        disk.remove_file(&path).at("remove", &path)
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut swaps = Vec::new();
    let mut cleaned_from = i64::MAX;
    for entry in entries.into_iter().filter(|e| !e.is_dir) {
        let name = entry.name;
        let base = files::parse_segment_file(&name).map(|f| f.0.0);
        // The metadata log's own snapshots are its reader's business.
        let ours = !name.contains(".checkpoint");
        if name.ends_with(".tmp") || (name.ends_with(".deleted") && ours) {
            remove(&name)?;
        } else if let (true, Some(base)) = (name.ends_with(".cleaned"), base) {
            cleaned_from = cleaned_from.min(base);
            remove(&name)?;
        } else if let (true, Some(base)) = (name.ends_with(".swap"), base) {
            swaps.push((base, name));
        } else {
            names.insert(name);
        }
    }
    // A swap at or behind a `.cleaned` file belongs to a change that was not complete (KAFKA-6264).
    let (whole, partial): (Vec<_>, Vec<_>) = swaps.into_iter().partition(|s| s.0 < cleaned_from);
    for (_, name) in &partial {
        remove(name)?;
    }
    finish_swaps(disk, dir, &whole, &mut names, remove)?;
    let mut found = Found::default();
    for name in &names {
        if let Some((base, files::LOG)) = files::parse_segment_file(name) {
            found.bases.insert(base.0);
        }
    }
    for name in &names {
        if name == files::PARTITION_METADATA {
            found.topic_id = PartitionMetadata::read(disk, dir)?.map(|m| m.topic_id);
        }
        let Some((base, kind)) = files::parse_segment_file(name) else {
            continue;
        };
        match kind {
            files::SNAPSHOT => {
                found.snapshots.insert(base.0);
            }
            files::OFFSET_INDEX | files::TIME_INDEX | files::TXN_INDEX
                if !found.bases.contains(&base.0) =>
            {
                remove(name)?;
            }
            files::TXN_INDEX => {
                found.txn_files.insert(base.0);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Compacted segments that were complete take the places of those they were made from.
fn finish_swaps(
    disk: &dyn Disk,
    dir: &Path,
    swaps: &[(i64, String)],
    names: &mut BTreeSet<String>,
    remove: impl Fn(&str) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut replaced: Option<(i64, i64)> = None;
    for (base, name) in swaps.iter().filter(|s| s.1.ends_with(".log.swap")) {
        let path = dir.join(name);
        let file = disk
            .open(&path, crate::disk::OpenMode::Read)
            .at("open", &path)?;
        let len = file.len().at("stat", &path)?;
        let mut walk = Walk::headers(&*file, 0, len, *base);
        while let Ok(Some(_)) = walk.next() {}
        let (from, to) = replaced.unwrap_or((*base, *base));
        replaced = Some((from.min(*base), to.max(walk.least())));
    }
    if let Some((from, to)) = replaced {
        let old: Vec<String> = names
            .iter()
            .filter(|n| files::parse_segment_file(n).is_some_and(|f| f.0.0 >= from && f.0.0 < to))
            .cloned()
            .collect();
        for name in old {
            remove(&name)?;
            names.remove(&name);
        }
    }
    for (_, name) in swaps {
        let to = name.trim_end_matches(".swap");
        let path = dir.join(name);
        disk.rename(&path, &dir.join(to)).at("rename", &path)?;
        names.insert(to.to_owned());
    }
    Ok(())
}

struct Opening {
    disk: Arc<dyn Disk>,
    dir: Arc<Path>,
    interval: u64,
    args: OpenArgs,
    report: RecoveryReport,
    epochs: Epochs,
    /// What the file holds; `None` if it must be written anew.
    epochs_known: Option<Epochs>,
    compacted: bool,
    /// There is no segment.
    empty: bool,
    /// Where the scan began. Snapshots behind it speak of what may be lost.
    scanned_from: i64,
    /// Snapshots behind this offset would skip segments whose transaction index is lost.
    replay_at_most: i64,
}

impl Opening {
    fn run(&mut self, found: &Found) -> Result<(Segments, Writer, i64, i64), StorageError> {
        if !found.fresh {
            self.load_epochs()?;
        }
        let mut segments = self.load_segments(found)?;
        let mut end = segments.last().map_or(0, |s| s.end());
        if !segments.is_empty() && end < self.args.log_start.0 {
            tracing::warn!(
                log = %self.dir.display(),
                end,
                start = self.args.log_start.0,
                "the log ends before its start, dropping it"
            );
            for segment in segments.drain(..) {
                self.report.truncated_bytes += segment.len();
                segment.remove()?;
            }
            self.epochs.clear();
        }
        if segments.is_empty() {
            end = self.args.log_start.0;
            segments.push(Arc::new(self.new_segment(end)));
        }
        let start = self.args.log_start.0.max(segments[0].base);
        self.epochs.truncate_from_end(Offset(end));
        self.epochs.truncate_from_start(Offset(start));
        if !found.snapshots.is_empty() || end > start {
            self.find_lost_txn_indexes(&segments, found)?;
        }
        let mut writer = Writer {
            producers: Producers::default(),
            amid_append: false,
            amid_cut: false,
            cut_due: false,
            snapshots: found.snapshots.iter().copied().collect(),
            durable_snapshot: None,
        };
        let keep: BTreeSet<i64> = segments.iter().map(|s| s.base).collect();
        writer.drop_snapshots(&*self.disk, &self.dir, |at, last| {
            at > end || at > self.scanned_from || (!last && !keep.contains(&at))
        });
        let at_most = self.replay_at_most;
        let (disk, dir) = (&*self.disk, &*self.dir);
        let from = load_producers(disk, dir, &mut writer, &segments, start..end, at_most)?;
        if self.args.clean && writer.snapshots.last() == Some(&end) {
            writer.durable_snapshot = Some(end);
        }
        if from < end {
            self.report.replayed_from = Some(Offset(from));
        }
        let (now, expiry) = (self.args.now.0, self.args.producer_expiry_ms);
        writer.producers.expire(now, expiry);
        if writer.producers.ever_transactional() {
            for segment in &segments[..segments.len() - 1] {
                if !found.txn_files.contains(&segment.base) {
                    segment.make_txn_file()?;
                }
            }
        }
        Ok((segments, writer, start, end))
    }

    fn new_segment(&self, base: i64) -> Segment {
        Segment::new(
            self.disk.clone(),
            self.dir.clone(),
            base,
            self.interval,
            self.args.now.0,
        )
    }

    fn load_epochs(&mut self) -> Result<(), StorageError> {
        let path = self.dir.join(files::LEADER_EPOCHS);
        self.epochs_known = match checkpoint::load(&*self.disk, &path, checkpoint::parse_epochs)? {
            Loaded::Good(entries) => Some(Epochs::new(entries)),
            // A log that nothing was written to has no file yet.
            Loaded::Missing if self.empty => Some(Epochs::default()),
            Loaded::Missing | Loaded::Damaged => None,
        };
        self.epochs = self.epochs_known.clone().unwrap_or_default();
        Ok(())
    }

    fn load_segments(&mut self, found: &Found) -> Result<Segments, StorageError> {
        let bases: Vec<i64> = found.bases.iter().copied().collect();
        let mut segments = Segments::new();
        let mut glances = Vec::new();
        for (i, base) in bases.iter().enumerate() {
            let (segment, glance) = Segment::glance(
                &self.disk,
                &self.dir,
                *base,
                bases.get(i + 1).copied(),
                self.interval,
                self.args.now.0,
            )?;
            segments.push(Arc::new(segment));
            glances.push(glance);
        }
        if segments.is_empty() {
            return Ok(segments);
        }
        let flushed = self.args.recovery_point.0;
        let unclean = !self.args.clean || glances.last() == Some(&Glance::TailBad);
        let mut scan_from = segments.len();
        if unclean {
            // A recovery point right at a segment's base tells nothing of the indexes of the one before: the roll that wrote
            // them came after that flush.
            scan_from = floor(&segments, flushed - 1);
        }
        for (segment, _) in segments[..scan_from]
            .iter()
            .zip(&glances)
            .filter(|(_, glance)| **glance == Glance::IndexesBad)
        {
            tracing::warn!(segment = %segment.path(files::LOG).display(), "rebuilding its indexes");
            segment.rebuild_indexes()?;
            self.report.rebuilt_indexes += 1;
        }
        if self.epochs_known.is_none() {
            self.collect_epochs(&segments[..scan_from])?;
        }
        if scan_from == segments.len() {
            // The active segment's end was found with its indexes; without them it is found now.
            if glances.last() == Some(&Glance::IndexesBad) {
                self.scan(&mut segments, bases.len() - 1, flushed)?;
            }
            return Ok(segments);
        }
        self.scan(&mut segments, scan_from, flushed)?;
        let end = segments.last().map_or(0, |s| s.end());
        if flushed > end && scan_from > 0 && self.report.truncated_bytes == 0 {
            // A recovery point from the future tells nothing (faults S9).
            tracing::warn!(log = %self.dir.display(), recovery_point = flushed, end, "recovery point behind the end, scanning all");
            self.scan(&mut segments, 0, self.args.log_start.0)?;
        }
        Ok(segments)
    }

    /// Reads the segments from `from` on, batch by batch. Those behind a cut go.
    fn scan(
        &mut self,
        segments: &mut Segments,
        from: usize,
        flushed: i64,
    ) -> Result<(), StorageError> {
        self.scanned_from = self.scanned_from.min(segments[from].base);
        // The file may be of before a truncation; the batches know better.
        self.epochs.truncate_from_end(Offset(segments[from].base));
        let noted = self.epochs_known.clone().unwrap_or_default();
        let mut end = Offset(segments[from].base);
        let mut keep = segments.len();
        for i in from..segments.len() {
            let segment = segments[i].clone();
            let epochs = &mut self.epochs;
            let next = segments.get(i + 1).map(|s| s.base);
            let before = segment.len();
            // What is missing between segments may have been lost.
            let mut within = false;
            let recovered = segment.recover(flushed, next, |header, behind_damage| {
                let (epoch, base) = (LeaderEpoch(header.leader_epoch), Offset(header.base_offset));
                epochs.find(epoch, base, end, within && !behind_damage, &noted);
                end = header.next_offset();
                within = true;
            })?;
            segment.reset_txns()?;
            self.report.scanned_segments += 1;
            self.report.scanned_bytes += before;
            self.report.damage.extend(recovered.damage);
            if recovered.truncated > 0 {
                self.report.truncated_bytes += recovered.truncated;
                self.report.truncated_why = recovered.why;
                keep = i + 1;
                break;
            }
            // A write at the very end of a closed segment that never reached the disk. In a compacted log gaps are normal.
            if let Some(next) = segments.get(i + 1)
                && !self.compacted
                && (flushed..next.base).contains(&segment.end())
            {
                let why = format!(
                    "offsets from {} to {} are missing",
                    segment.end(),
                    next.base
                );
                self.report.truncated_why = Some(why);
                keep = i + 1;
                break;
            }
        }
        if keep < segments.len() {
            for segment in segments.drain(keep..).rev() {
                self.report.truncated_bytes += segment.len();
                segment.remove()?;
            }
            self.disk.sync_dir(&self.dir).at("fsync", &self.dir)?;
        }
        Ok(())
    }

    /// Rebuilds the leader epochs from the batches (faults S8).
    fn collect_epochs(&mut self, segments: &[Arc<Segment>]) -> Result<(), StorageError> {
        for segment in segments.iter().filter(|s| s.len() > 0) {
            let epochs = &mut self.epochs;
            walk_headers(segment, 0, i64::MAX, |_, header, _| {
                if epochs.latest().is_none_or(|e| e.0 < header.leader_epoch) {
                    epochs.assign(LeaderEpoch(header.leader_epoch), Offset(header.base_offset));
                }
                Ok(())
            })?;
        }
        self.report.rebuilt_epochs = true;
        Ok(())
    }

    /// Finds transaction indexes that are damaged, or missing where there were transactions (faults S6), and has the producer
    /// table replayed from the first of them, which fills them again.
    fn find_lost_txn_indexes(
        &mut self,
        segments: &Segments,
        found: &Found,
    ) -> Result<(), StorageError> {
        // From here on a scan has emptied them.
        let scanned = self.scanned_from;
        for (i, segment) in segments.iter().enumerate() {
            if segment.base >= scanned {
                break;
            }
            let lost = if found.txn_files.contains(&segment.base) {
                !segment.check_txns()?
            } else {
                // Our own segments have the file as soon as there was a transaction; the table at their end tells of one.
                let after = segments.get(i + 1).map(|s| s.base);
                match after.filter(|at| found.snapshots.contains(at)) {
                    Some(at) => {
                        let mut table = Producers::default();
                        for (id, p) in
                            read_snapshot(&*self.disk, &self.dir, at)?.unwrap_or_default()
                        {
                            table.insert(id, p);
                        }
                        table.ever_transactional()
                    }
                    None => false,
                }
            };
            if lost {
                segment.reset_txns()?;
                self.replay_at_most = self.replay_at_most.min(segment.base);
            }
        }
        Ok(())
    }
}
