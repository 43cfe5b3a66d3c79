//! The log directories of this node: who they belong to, what their checkpoints say, where a new partition goes.
//!
//! Always holds: a directory is locked before anything in it is read, and judged before anything in it is written; the mark of a
//! clean shutdown is gone as soon as the directory is in use. Must never: believe a checkpoint over what the log holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::config::TopicConfig;
use airis_cluster::machine::Chance;
use airis_protocol::names;
use airis_protocol::types::{BrokerEpoch, Offset, PartitionId, Str, Uuid};
use airis_storage::checkpoint::PartitionOffsets;
use airis_storage::dir::{PartitionDir, PartitionDirKind, PartitionMetadata};
use airis_storage::log::{Log, OpenArgs};
use airis_storage::{Disk, LogDir, MetaProperties, StorageError};
use parking_lot::Mutex;
use tracing::{info, warn};

use super::{Partition, config};
use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::host::Host;
use crate::time::Instant;

/// A directory of a deleted partition, and when its files go.
pub struct Deleted {
    pub path: PathBuf,
    pub due: Instant,
}

/// Why the log directories cannot be used. Nothing in them has been changed.
#[derive(Debug, thiserror::Error)]
pub enum DisksError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(
        "{} belongs to node {found}, this node is {expected}: set node.id={found}, or choose another log.dirs",
        dir.display()
    )]
    OtherNode {
        dir: PathBuf,
        found: i32,
        expected: i32,
    },
    #[error(
        "{} belongs to cluster {found}, {} to cluster {first}: directories of two clusters cannot be used together",
        dir.display(),
        first_dir.display()
    )]
    OtherCluster {
        dir: PathBuf,
        found: Str,
        first_dir: PathBuf,
        first: Str,
    },
}

/// One log directory.
struct Dir {
    log_dir: LogDir,
    id: Uuid,
    /// The mark of a clean shutdown was there.
    clean: bool,
    recovery_points: PartitionOffsets,
    log_starts: PartitionOffsets,
    high_watermarks: PartitionOffsets,
}

/// Room in one log directory, for DescribeLogDirs.
pub struct Described {
    pub id: Uuid,
    pub path: PathBuf,
    pub total_bytes: i64,
    pub usable_bytes: i64,
}

/// All log directories of this node.
pub struct Disks {
    disk: Arc<dyn Disk>,
    dirs: Vec<Dir>,
    cluster_id: Str,
    /// The epoch of the last run, if it ended cleanly; -1 otherwise.
    previous_epoch: BrokerEpoch,
    producer_expiry_ms: i64,
    clock: Clock,
    /// Names for `-delete` directories.
    unique: Mutex<Chance>,
    /// Checkpoints are written by one at a time.
    checkpoints: Mutex<()>,
}

impl Disks {
    /// Locks and reads every directory of `log.dirs`; makes and formats those that are new. `fresh_cluster` is the cluster's id if
    /// all of them are.
    pub fn open_all(
        host: &Host,
        config: &BrokerConfig,
        fresh_cluster: &str,
        seed: u64,
    ) -> Result<Disks, DisksError> {
        let disk = host.disk.clone();
        let mut chance = Chance::new(seed);
        let mut opened: Vec<(LogDir, Option<MetaProperties>)> = Vec::new();
        for path in &config.log_dirs {
            let log_dir = LogDir::open(disk.clone(), path)?;
            let properties = log_dir.meta()?;
            opened.push((log_dir, properties));
        }
        let mut first: Option<(PathBuf, Str)> = None;
        for (log_dir, properties) in &opened {
            let Some(p) = properties else { continue };
            if p.node_id != config.node_id {
                return Err(DisksError::OtherNode {
                    dir: log_dir.path().to_owned(),
                    found: p.node_id.0,
                    expected: config.node_id.0,
                });
            }
            match &first {
                None => first = Some((log_dir.path().to_owned(), Str::from(&p.cluster_id))),
                Some((_, id)) if *id == p.cluster_id => {}
                Some((first_dir, first)) => {
                    return Err(DisksError::OtherCluster {
                        dir: log_dir.path().to_owned(),
                        found: Str::from(&p.cluster_id),
                        first_dir: first_dir.clone(),
                        first: first.clone(),
                    });
                }
            }
        }
        let cluster_id = match first {
            Some((_, id)) => id,
            None => Str::from(fresh_cluster),
        };
        let mut dirs = Vec::with_capacity(opened.len());
        let mut epochs = Vec::with_capacity(opened.len());
        for (log_dir, properties) in opened {
            let id = match properties {
                Some(MetaProperties {
                    directory_id: Some(id),
                    ..
                }) => id,
                Some(mut known) => {
                    let id = chance.uuid();
                    known.directory_id = Some(id);
                    log_dir.write_meta(&known)?;
                    id
                }
                None => {
                    let id = chance.uuid();
                    let fresh = MetaProperties::new(cluster_id.as_str(), config.node_id, id);
                    log_dir.write_meta(&fresh)?;
                    info!(dir = %log_dir.path().display(), cluster = %cluster_id, "formatted");
                    id
                }
            };
            let clean = log_dir.take_clean_mark()?;
            epochs.push(clean.and_then(|mark| mark.broker_epoch));
            dirs.push(Dir {
                id,
                clean: clean.is_some(),
                recovery_points: log_dir.recovery_points()?.unwrap_or_default(),
                log_starts: log_dir.log_starts()?.unwrap_or_default(),
                high_watermarks: log_dir.high_watermarks()?.unwrap_or_default(),
                log_dir,
            });
        }
        // The epoch counts only if every directory ended with it: otherwise something may be missing in one of them.
        let same = epochs.iter().all(|e| e.is_some() && *e == epochs[0]);
        let previous_epoch = epochs
            .first()
            .copied()
            .flatten()
            .filter(|_| same)
            .unwrap_or(BrokerEpoch(-1));
        Ok(Disks {
            disk,
            dirs,
            cluster_id,
            previous_epoch,
            producer_expiry_ms: config.producer_id_expiration.0,
            clock: host.clock.clone(),
            unique: Mutex::new(chance),
            checkpoints: Mutex::new(()),
        })
    }

    pub fn cluster_id(&self) -> &Str {
        &self.cluster_id
    }

    pub fn directory_ids(&self) -> Vec<Uuid> {
        self.dirs.iter().map(|d| d.id).collect()
    }

    /// The ids of these directories.
    pub fn ids_of(&self, paths: &BTreeSet<PathBuf>) -> Vec<Uuid> {
        self.dirs
            .iter()
            .filter(|d| paths.contains(d.log_dir.path()))
            .map(|d| d.id)
            .collect()
    }

    pub fn previous_epoch(&self) -> BrokerEpoch {
        self.previous_epoch
    }

    /// Opens a partition's log, or makes it; with the high watermark that was last written down.
    pub fn open(
        &self,
        topic: &str,
        topic_id: Uuid,
        index: PartitionId,
        directory: Uuid,
        topic_config: &TopicConfig,
    ) -> Result<(Log, Offset), StorageError> {
        let key = (topic.to_owned(), index);
        let dir = self
            .dirs
            .iter()
            .find(|d| d.id == directory)
            .or_else(|| {
                self.dirs
                    .iter()
                    .find(|d| self.disk.exists(&d.log_dir.partition_path(topic, index)))
            })
            .unwrap_or_else(|| self.emptiest());
        let at = |offsets: &PartitionOffsets| offsets.get(&key).copied().unwrap_or(Offset(0));
        let path = dir.log_dir.partition_path(topic, index);
        let open = || {
            Log::open(
                self.disk.clone(),
                &path,
                Arc::new(config::log_config(topic_config)),
                OpenArgs {
                    recovery_point: at(&dir.recovery_points),
                    log_start: at(&dir.log_starts),
                    clean: dir.clean,
                    now: self.clock.now(),
                    producer_expiry_ms: self.producer_expiry_ms,
                    topic_id: Some(topic_id),
                },
            )
        };
        let (log, report) = match open() {
            // A crash came between the end of an older topic of this name and the renaming of its directory.
            Err(_) if self.topic_of(&path).is_some_and(|id| id != topic_id) => {
                self.set_aside(&dir.log_dir, topic, index, &path)?;
                open()?
            }
            Err(e) => return Err(e),
            Ok(opened) => opened,
        };
        if report.scanned_bytes > 0 {
            info!(
                topic,
                partition = %index,
                "recovered after an unclean stop: read {} of {} bytes, those from the segment of the recovery point {} on",
                report.scanned_bytes,
                log.size_bytes() + report.truncated_bytes,
                at(&dir.recovery_points),
            );
        }
        if report.truncated_bytes > 0 {
            warn!(
                topic,
                partition = %index,
                "recovery cut {} bytes off the end of the log, which goes on at offset {}: {}",
                report.truncated_bytes,
                log.end(),
                report.truncated_why.as_deref().unwrap_or("torn"),
            );
        }
        for damage in &report.damage {
            warn!(
                topic,
                partition = %index,
                "{} is damaged in bytes {}..{}: offsets from {} on cannot be read there",
                damage.path.display(),
                damage.bytes.start,
                damage.bytes.end,
                damage.first,
            );
        }
        Ok((log, at(&dir.high_watermarks)))
    }

    /// Where a new replica goes: the directory with the fewest.
    fn emptiest(&self) -> &Dir {
        match &self.dirs[..] {
            [only] => only,
            dirs => dirs
                .iter()
                .min_by_key(|d| d.log_dir.partitions().map_or(usize::MAX, |p| p.len()))
                .expect("a node has a log directory"),
        }
    }

    /// Renames a directory that belongs to no known topic to `-stray`. It is kept for a person to look at.
    fn set_aside(
        &self,
        log_dir: &LogDir,
        topic: &str,
        partition: PartitionId,
        path: &Path,
    ) -> Result<(), StorageError> {
        let unique = self.unique.lock().uuid().0;
        let to = log_dir.make_stray(path, topic, partition, unique)?;
        warn!(
            "{} belongs to no topic of the cluster: it is kept as {}",
            path.display(),
            to.display()
        );
        Ok(())
    }

    /// The topic that a partition's directory says it belongs to.
    pub fn topic_of(&self, path: &Path) -> Option<Uuid> {
        let metadata = PartitionMetadata::read(&*self.disk, path).ok()?;
        metadata.map(|m| m.topic_id)
    }

    /// What earlier runs left behind in the log directories (faults S21): deletions that were not finished, which are given back,
    /// and directories of partitions that nobody `knows`, which are renamed. Called once, after all logs have been opened.
    pub fn sweep(&self, knows: impl Fn(&PartitionDir) -> bool) -> Vec<Deleted> {
        let mut deleted = Vec::new();
        for dir in &self.dirs {
            let found = match dir.log_dir.partitions() {
                Ok(found) => found,
                Err(e) => {
                    warn!("left-overs stay until the next start: {e}");
                    continue;
                }
            };
            for found in found {
                match found.kind {
                    PartitionDirKind::Deleting => deleted.push(Deleted {
                        path: found.path,
                        due: Instant::now(),
                    }),
                    PartitionDirKind::Log
                        if found.topic != names::METADATA_TOPIC && !knows(&found) =>
                    {
                        let (topic, index) = (&found.topic, found.partition);
                        if let Err(e) = self.set_aside(&dir.log_dir, topic, index, &found.path) {
                            warn!("a directory of no known topic stays where it is: {e}");
                        }
                    }
                    _ => {}
                }
            }
        }
        deleted
    }

    /// Renames a deleted partition's directory out of the way.
    pub fn delete(&self, partition: &Partition) -> Result<Deleted, StorageError> {
        let unique = self.unique.lock().uuid().0;
        let path = partition
            .log()
            .delete(&partition.topic, partition.index, unique)?;
        let delay = partition.config().file_delete_delay_ms.max(0) as u64;
        Ok(Deleted {
            path,
            due: Instant::now() + Duration::from_millis(delay),
        })
    }

    /// Removes a directory for good.
    pub fn remove(&self, path: &Path) -> Result<(), StorageError> {
        let dir = self
            .dirs
            .iter()
            .find(|d| path.parent() == Some(d.log_dir.path()));
        dir.expect("it was renamed within a log directory")
            .log_dir
            .purge(path)
    }

    /// Writes one kind of checkpoint of every directory.
    fn write(
        &self,
        partitions: &[Arc<Partition>],
        offset: impl Fn(&Partition) -> Offset,
        write: impl Fn(&LogDir, &PartitionOffsets) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut by_dir: BTreeMap<PathBuf, PartitionOffsets> = BTreeMap::new();
        for p in partitions {
            if let Some(parent) = p.log().dir().parent() {
                by_dir
                    .entry(parent.to_owned())
                    .or_default()
                    .insert((p.topic.to_string(), p.index), offset(p));
            }
        }
        let _one = self.checkpoints.lock();
        let none = PartitionOffsets::new();
        for dir in &self.dirs {
            let offsets = by_dir.get(dir.log_dir.path()).unwrap_or(&none);
            write(&dir.log_dir, offsets)?;
        }
        Ok(())
    }

    /// Recovery points, starts of logs and high watermarks.
    pub fn write_checkpoints(&self, partitions: &[Arc<Partition>]) -> Result<(), StorageError> {
        self.write(
            partitions,
            |p| p.log().recovery_point(),
            LogDir::write_recovery_points,
        )?;
        self.write_log_starts(partitions)?;
        self.write_high_watermarks(partitions)
    }

    pub fn write_log_starts(&self, partitions: &[Arc<Partition>]) -> Result<(), StorageError> {
        self.write(partitions, |p| p.log().start(), LogDir::write_log_starts)
    }

    pub fn write_high_watermarks(&self, partitions: &[Arc<Partition>]) -> Result<(), StorageError> {
        self.write(
            partitions,
            Partition::high_watermark,
            LogDir::write_high_watermarks,
        )
    }

    /// Leaves the mark of a clean shutdown in every directory. Only after everything is flushed.
    pub fn mark_clean(&self, epoch: BrokerEpoch) -> Result<(), StorageError> {
        self.dirs
            .iter()
            .try_for_each(|d| d.log_dir.mark_clean(epoch))
    }

    pub fn describe(&self) -> Vec<Described> {
        self.dirs
            .iter()
            .map(|d| {
                let space = d.log_dir.space();
                let bytes = |n: Option<u64>| n.map_or(-1, |n| n as i64);
                Described {
                    id: d.id,
                    path: d.log_dir.path().to_owned(),
                    total_bytes: bytes(space.as_ref().ok().map(|s| s.total)),
                    usable_bytes: bytes(space.as_ref().ok().map(|s| s.free)),
                }
            })
            .collect()
    }
}
