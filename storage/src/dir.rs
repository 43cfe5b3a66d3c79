//! A log directory: its identity, its lock, its clean-shutdown mark, its checkpoints, and the partitions in it.
//!
//! Always holds: whoever has a [`LogDir`] holds the lock (faults S26). Must never: write anything before the lock is taken, or
//! leave a clean mark behind once a log could change.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airis_protocol::types::{BrokerEpoch, PartitionId};

use crate::checkpoint::{self, Loaded, PartitionOffsets};
use crate::disk::{Disk, OpenMode, Space, is_unreadable};
use crate::error::{AtPath, StorageError};
use crate::files;

mod meta;

pub use meta::{MetaProperties, PartitionMetadata, RunMark};

const LOCK: &str = ".lock";
const META_PROPERTIES: &str = "meta.properties";
const CLEAN_MARK: &str = ".kafka_cleanshutdown";
/// Our own; Kafka looks at directories and at files that it knows.
const RUN_MARK: &str = "airis-run";
const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";

/// What a directory in the log directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionDirKind {
    Log,
    /// `-delete`: to be removed.
    Deleting,
    /// `-future`: a replica on its way from another log directory.
    Future,
    /// `-stray`: of no known topic; a person decides.
    Stray,
}

/// A partition's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDir {
    pub path: PathBuf,
    pub kind: PartitionDirKind,
    /// In `-delete` and `-stray` directories a long name is cut.
    pub topic: String,
    pub partition: PartitionId,
}

/// The mark of a clean stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanMark {
    /// The broker epoch of the run that stopped; `None` if the mark does not say.
    pub broker_epoch: Option<BrokerEpoch>,
}

/// A log directory, locked.
pub struct LogDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    _lock: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for LogDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LogDir").field(&self.path).finish()
    }
}

impl LogDir {
    /// Makes the directory if need be and takes its lock. Changes nothing else.
    pub fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<LogDir, StorageError> {
        if !disk.exists(path) {
            disk.create_dir_all(path).at("create", path)?;
        }
        let lock = path.join(LOCK);
        match disk.lock_exclusive(&lock) {
            Ok(held) => Ok(LogDir {
                disk,
                path: path.to_owned(),
                _lock: held,
            }),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(StorageError::Locked {
                dir: path.to_owned(),
                lock,
            }),
            Err(e) => Err(StorageError::io("lock", &lock, e)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Where a partition's log lies.
    pub fn partition_path(&self, topic: &str, partition: PartitionId) -> PathBuf {
        self.path.join(files::partition_dir_name(topic, partition))
    }

    /// Whether there is a log of this name.
    pub fn holds(&self, topic: &str, partition: PartitionId) -> bool {
        self.disk.exists(&self.partition_path(topic, partition))
    }

    /// The directory's identity; `None` if it was never formatted. A file that says something else is an error, never a reason
    /// to write a new one.
    pub fn meta(&self) -> Result<Option<MetaProperties>, StorageError> {
        let path = self.path.join(META_PROPERTIES);
        match self.disk.read_to_end(&path) {
            Ok(bytes) => MetaProperties::parse(&bytes)
                .map(Some)
                .map_err(|what| StorageError::damaged(&path, what)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StorageError::io("read", &path, e)),
        }
    }

    /// Formats the directory, or gives it a new identity.
    pub fn write_meta(&self, meta: &MetaProperties) -> Result<(), StorageError> {
        // The directory may be new, and those above it: without their names nothing in it survives a power cut.
        for above in self.path.ancestors().skip(1) {
            let above = match above.as_os_str().is_empty() {
                true => Path::new("."),
                false => above,
            };
            match self.disk.sync_dir(above) {
                // Whoever may not read it has not made it.
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => break,
                synced => synced.at("fsync", above)?,
            }
        }
        let path = self.path.join(META_PROPERTIES);
        self.disk
            .write_atomically(&path, meta.format().as_bytes())
            .at("write", &path)
    }

    /// Takes the clean mark away, durably, and tells what it said. Logs may be opened only afterwards.
    pub fn take_clean_mark(&self) -> Result<Option<CleanMark>, StorageError> {
        let path = self.path.join(CLEAN_MARK);
        let bytes = match self.disk.read_to_end(&path) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Not to be believed, and not to be found again.
            Err(e) if is_unreadable(&e) => None,
            Err(e) => return Err(StorageError::io("read", &path, e)),
        };
        self.disk.remove_file(&path).at("remove", &path)?;
        self.disk.sync_dir(&self.path).at("fsync", &self.path)?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        Ok(Some(CleanMark {
            broker_epoch: meta::broker_epoch(&bytes).map(BrokerEpoch),
        }))
    }

    /// Leaves the clean mark. Only after every log was closed and the checkpoints were written: a false one loses acked data.
    pub fn mark_clean(&self, epoch: BrokerEpoch) -> Result<(), StorageError> {
        let path = self.path.join(CLEAN_MARK);
        let text = format!("{{\"version\":0,\"brokerEpoch\":{epoch}}}");
        self.disk
            .write_atomically(&path, text.as_bytes())
            .at("write", &path)
    }

    /// What the runs said of themselves that used the directory; `None` if it is not known.
    pub fn run_mark(&self) -> Result<Option<RunMark>, StorageError> {
        let path = self.path.join(RUN_MARK);
        match self.disk.read_to_end(&path) {
            Ok(bytes) => Ok(RunMark::parse(&bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StorageError::io("read", &path, e)),
        }
    }

    /// Leaves a run's mark, durably.
    pub fn mark_run(&self, mark: &RunMark) -> Result<(), StorageError> {
        let path = self.path.join(RUN_MARK);
        self.disk
            .write_atomically(&path, mark.format().as_bytes())
            .at("write", &path)
    }

    fn load(&self, name: &str) -> Result<Loaded<PartitionOffsets>, StorageError> {
        checkpoint::load(
            &*self.disk,
            &self.path.join(name),
            checkpoint::parse_offsets,
        )
    }

    fn store(&self, name: &str, offsets: &PartitionOffsets) -> Result<(), StorageError> {
        let text = checkpoint::format_offsets(offsets);
        checkpoint::store(&*self.disk, &self.path.join(name), &text)
    }

    /// Up to where each log was flushed.
    pub fn recovery_points(&self) -> Result<Loaded<PartitionOffsets>, StorageError> {
        self.load(RECOVERY_POINTS)
    }

    pub fn write_recovery_points(&self, offsets: &PartitionOffsets) -> Result<(), StorageError> {
        self.store(RECOVERY_POINTS, offsets)
    }

    /// High watermarks.
    pub fn high_watermarks(&self) -> Result<Loaded<PartitionOffsets>, StorageError> {
        self.load(HIGH_WATERMARKS)
    }

    pub fn write_high_watermarks(&self, offsets: &PartitionOffsets) -> Result<(), StorageError> {
        self.store(HIGH_WATERMARKS, offsets)
    }

    /// Log starts that lie inside a segment; the others follow from the files.
    pub fn log_starts(&self) -> Result<Loaded<PartitionOffsets>, StorageError> {
        self.load(LOG_STARTS)
    }

    pub fn write_log_starts(&self, offsets: &PartitionOffsets) -> Result<(), StorageError> {
        self.store(LOG_STARTS, offsets)
    }

    /// All partitions' directories. What has another shape of name is not ours and is left alone.
    pub fn partitions(&self) -> Result<Vec<PartitionDir>, StorageError> {
        let mut all = Vec::new();
        for entry in self.disk.list(&self.path).at("list", &self.path)? {
            if !entry.is_dir {
                continue;
            }
            let Some((kind, name)) = kind_of(&entry.name) else {
                continue;
            };
            let Some((topic, partition)) = files::parse_partition_dir(name) else {
                continue;
            };
            let path = self.path.join(&entry.name);
            all.push(PartitionDir {
                kind,
                topic: topic.to_owned(),
                partition,
                path,
            });
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    /// Renames a directory of no known topic to `-stray`.
    pub fn make_stray(
        &self,
        path: &Path,
        topic: &str,
        partition: PartitionId,
        unique: u128,
    ) -> Result<PathBuf, StorageError> {
        let name = files::marked_dir_name(topic, partition, unique, files::STRAY_SUFFIX);
        let to = self.path.join(name);
        self.disk.rename(path, &to).at("rename", path)?;
        Ok(to)
    }

    /// Renames a directory to `-delete`.
    pub fn make_deleting(
        &self,
        path: &Path,
        topic: &str,
        partition: PartitionId,
        unique: u128,
    ) -> Result<PathBuf, StorageError> {
        let name = files::marked_dir_name(topic, partition, unique, files::DELETE_SUFFIX);
        let to = self.path.join(name);
        self.disk.rename(path, &to).at("rename", path)?;
        Ok(to)
    }

    /// Renames a partition's directory, for good.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        self.disk.rename(from, to).at("rename", from)?;
        self.sync()
    }

    /// Makes the names in this directory durable.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.disk.sync_dir(&self.path).at("fsync", &self.path)
    }

    /// Removes a `-delete` directory with all that is in it.
    pub fn purge(&self, path: &Path) -> Result<(), StorageError> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        assert!(
            path.parent() == Some(&self.path) && name.ends_with(files::DELETE_SUFFIX),
            "{} is not a directory to delete",
            path.display()
        );
        match self.disk.remove_dir_all(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::io("remove", path, e))
            }
            _ => Ok(()),
        }
    }

    /// Room on the file system.
    pub fn space(&self) -> Result<Space, StorageError> {
        self.disk.space(&self.path).at("statvfs", &self.path)
    }
}

/// What a directory's name says, and the `topic-partition` in it.
fn kind_of(name: &str) -> Option<(PartitionDirKind, &str)> {
    for (suffix, kind) in [
        (files::DELETE_SUFFIX, PartitionDirKind::Deleting),
        (files::FUTURE_SUFFIX, PartitionDirKind::Future),
        (files::STRAY_SUFFIX, PartitionDirKind::Stray),
    ] {
        if let Some((name, unique)) = name.strip_suffix(suffix).and_then(|n| n.rsplit_once('.'))
            && unique.len() == 32
            && unique.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Some((kind, name));
        }
    }
    Some((PartitionDirKind::Log, name))
}

/// Takes away what runs said of themselves in a log directory, durably.
pub fn remove_run_mark(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    disk.remove_file(&dir.join(RUN_MARK))?;
    disk.sync_dir(dir)
}

impl PartitionMetadata {
    /// Reads a partition's `partition.metadata`; `None` if it is missing or damaged (a crash right after the topic was made).
    pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<PartitionMetadata>, StorageError> {
        let path = dir.join(files::PARTITION_METADATA);
        match disk.read_to_end(&path) {
            Ok(bytes) => Ok(PartitionMetadata::parse(&bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StorageError::io("read", &path, e)),
        }
    }

    /// Writes it. Made durable by the log's first flush: until then the topic's metadata says the same.
    pub fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
        let path = dir.join(files::PARTITION_METADATA);
        let file = disk.open(&path, OpenMode::Truncate).at("create", &path)?;
        file.write_at(0, &mut [io::IoSlice::new(self.format().as_bytes())])
            .at("write", &path)
    }
}

#[cfg(test)]
mod tests;
