//! The log directories of this node: who they belong to, what their checkpoints say, where a new partition goes.
//!
//! Always holds: a directory is locked before anything in it is read, and judged before anything in it is written; the mark of a
//! clean shutdown is gone as soon as the directory is in use; one that fails takes only its own partitions off line. Must never:
//! believe a checkpoint over what the log holds, or begin a replica anew that may lie in a directory that is off line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airis_cluster::config::TopicConfig;
use airis_cluster::machine::Chance;
use airis_cluster::metadata::Image;
use airis_protocol::error::ErrorCode;
use airis_protocol::names;
use airis_protocol::types::{BrokerEpoch, NodeId, Offset, PartitionId, Str, Uuid};
use airis_storage::checkpoint::PartitionOffsets;
use airis_storage::dir::{self, PartitionDir, PartitionDirKind, PartitionMetadata, RunMark};
use airis_storage::files;
use airis_storage::log::{Log, OpenArgs};
use airis_storage::{Disk, Health, LogDir, MetaProperties, StorageError, Watched};
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::{info, warn};

use checkpoints::{Checkpoints, HIGH_WATERMARKS, LOG_STARTS, RECOVERY_POINTS};

use super::flush::Flushes;
use super::{Partition, config};
use crate::clock::Clock;
use crate::config::{BrokerConfig, Durability};
use crate::host::Host;
use crate::time::Instant;

mod checkpoints;

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
    #[error("the log directory that holds the metadata cannot be used: {0}")]
    Metadata(StorageError),
    #[error("no log directory can be used: {0}")]
    All(StorageError),
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
    log_dir: Arc<LogDir>,
    id: Uuid,
    health: Arc<Health>,
    flushes: Arc<Flushes>,
    /// The mark of a clean shutdown was there.
    clean: bool,
    /// The runs before this one of which nothing is lost.
    run: RunMark,
    /// The machine has lost its power since, and with it perhaps what was not on stable storage.
    lossy: bool,
    checkpoints: Arc<Checkpoints>,
}

impl Dir {
    fn online(&self) -> bool {
        self.health.failed().is_none()
    }

    fn disk(&self) -> &Arc<dyn Disk> {
        self.log_dir.disk()
    }

    fn seat(&self) -> Seat {
        Seat {
            directory: self.id,
            health: self.health.clone(),
            flushes: self.flushes.clone(),
            checkpoints: self.checkpoints.clone(),
        }
    }

    /// Whether a loss of power has left records of which nothing says whose they are: perhaps those of an older topic of this name.
    fn holds_unknown(&self, path: &Path) -> bool {
        let records = || {
            let found = self.disk().list(path).unwrap_or_default();
            found.iter().any(|f| f.name.ends_with(files::LOG))
        };
        self.lossy && topic_of(self, path).is_none() && records()
    }

    fn holds(&self, topic: &str, index: PartitionId) -> bool {
        self.online() && self.log_dir.holds(topic, index)
    }
}

/// In which log directory a log lies.
#[derive(Clone, Debug)]
pub struct Seat {
    pub directory: Uuid,
    pub health: Arc<Health>,
    pub(super) flushes: Arc<Flushes>,
    pub(super) checkpoints: Arc<Checkpoints>,
}

/// A log that has been opened.
pub struct Opened {
    pub log: Log,
    pub seat: Seat,
    /// What was last written down of it.
    pub high_watermark: Offset,
}

/// What is to be opened.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub topic: &'a str,
    pub topic_id: Uuid,
    pub index: PartitionId,
    /// Where the metadata says that it is.
    pub directory: Uuid,
    /// Where somebody wants it, if it has to be made.
    pub wish: Option<&'a Path>,
    /// It may have been here before this run.
    pub old: bool,
    /// Other nodes have it, too.
    pub replicated: bool,
    pub config: &'a TopicConfig,
}

/// A log directory, for DescribeLogDirs.
pub struct Described {
    pub path: PathBuf,
    /// Room in it; `None` if it is off line.
    pub room: Option<(i64, i64)>,
}

/// A directory that the configuration names, which could not be used at the start.
struct Lost {
    path: PathBuf,
    why: String,
}

/// All log directories of this node.
pub struct Disks {
    /// As the configuration has them.
    paths: Vec<PathBuf>,
    dirs: Vec<Dir>,
    lost: Vec<Lost>,
    /// The disk under the directory without which this node cannot be: a controller's, with the metadata.
    metadata: Option<Watching>,
    /// Told of each directory that fails.
    failures: watch::Receiver<()>,
    cluster_id: Str,
    /// The epoch of the last run, if it ended in order; -1 otherwise.
    previous_epoch: BrokerEpoch,
    boot: String,
    producer_expiry_ms: i64,
    clock: Clock,
    /// Names for `-delete` directories.
    unique: Mutex<Chance>,
}

/// A directory that could be locked and says who it is.
type Looked = (LogDir, Option<MetaProperties>, Arc<Health>);

type Watching = (Arc<dyn Disk>, Arc<Health>);

/// What is done, once, when a directory fails.
type Failed = Arc<dyn Fn() + Send + Sync>;

/// A disk as seen from a directory.
fn watching(disk: &Arc<dyn Disk>, path: &Path, failed: &Failed) -> Watching {
    let failed = failed.clone();
    let health = Health::new(path, move || failed());
    let watched = Watched::new(disk.clone(), health.clone());
    (Arc::new(watched), health)
}

fn look(disk: &Arc<dyn Disk>, path: &Path, failed: &Failed) -> Result<Looked, StorageError> {
    let (watched, health) = watching(disk, path, failed);
    let log_dir = LogDir::open(watched, path)?;
    let properties = log_dir.meta()?;
    Ok((log_dir, properties, health))
}

/// What the directory says that holds the metadata, before it is locked. `None` if it is new.
pub fn peek(disk: &dyn Disk, dir: &Path) -> Result<Option<MetaProperties>, DisksError> {
    let path = dir.join("meta.properties");
    match disk.read_to_end(&path) {
        // One that cannot be understood is judged once it is locked.
        Ok(bytes) => Ok(MetaProperties::parse(&bytes).ok()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DisksError::Metadata(StorageError::Io {
            op: "read",
            path,
            source,
        })),
    }
}

impl Disks {
    /// Locks and reads every directory of `log.dirs`; makes and formats those that are new. `fresh_cluster` is the cluster's id if
    /// all of them are. One that cannot be used stays off line, if the node can be without it.
    pub fn open_all(
        host: &Host,
        config: &BrokerConfig,
        fresh_cluster: &str,
        seed: u64,
    ) -> Result<Disks, DisksError> {
        let disk = host.disk.clone();
        let (told, failures) = watch::channel(());
        let (doubted, all) = (disk.clone(), config.log_dirs.clone());
        let failed: Failed = Arc::new(move || {
            // Nobody knows what of this directory got to the disk: nothing says any more that all of this run is there. One mark that is
            // missing is enough, and the disk that has failed may not let go of its own.
            for dir in &all {
                let _ = dir::remove_run_mark(&*doubted, dir);
            }
            told.send_replace(());
        });
        let mut chance = Chance::new(seed);
        let metadata_dir = config.metadata_dir.clone();
        let mut lost: Vec<(PathBuf, StorageError)> = Vec::new();
        let mut lose = |path: &Path, error: StorageError| match error {
            // Kafka's judgement as well: what the disk does not give is off line; what is wrong in it is for a person to mend.
            StorageError::Io { .. } if metadata_dir.as_deref() == Some(path) => {
                Err(DisksError::Metadata(error))
            }
            StorageError::Io { .. } => {
                warn!(dir = %path.display(), "the log directory is off line: {error}");
                lost.push((path.to_owned(), error));
                Ok(())
            }
            error => Err(DisksError::Storage(error)),
        };
        let mut looked: Vec<Looked> = Vec::new();
        for path in &config.log_dirs {
            match look(&disk, path, &failed) {
                Ok(found) => looked.push(found),
                Err(e) => lose(path, e)?,
            }
        }
        let cluster_id = judge(config, &looked)?.unwrap_or_else(|| Str::from(fresh_cluster));
        let mut dirs = Vec::with_capacity(looked.len());
        let mut epochs = Vec::with_capacity(looked.len());
        for found in looked {
            let path = found.0.path().to_owned();
            match ready(found, config.node_id, &cluster_id, &host.boot, &mut chance) {
                Ok((dir, epoch)) => {
                    dirs.push(dir);
                    epochs.push(epoch);
                }
                Err(e) => lose(&path, e)?,
            }
        }
        if dirs.is_empty() {
            let (_, first) = lost.swap_remove(0);
            return Err(DisksError::All(first));
        }
        let metadata = metadata_dir.map(|path| {
            let dir = dirs.iter().find(|d| d.log_dir.path() == path);
            match dir {
                Some(dir) => (dir.disk().clone(), dir.health.clone()),
                // It may be one of its own.
                None => watching(&disk, &path, &failed),
            }
        });
        // The epoch counts only if it is every directory's: otherwise something may be missing in one of them.
        let same = epochs.iter().all(|e| e.is_some() && *e == epochs[0]);
        let previous_epoch = epochs
            .first()
            .copied()
            .flatten()
            .filter(|_| same)
            .unwrap_or(BrokerEpoch(-1));
        Ok(Disks {
            paths: config.log_dirs.clone(),
            dirs,
            lost: lost
                .into_iter()
                .map(|(path, error)| Lost {
                    path,
                    why: error.to_string(),
                })
                .collect(),
            metadata,
            failures,
            cluster_id,
            previous_epoch,
            producer_expiry_ms: config.producer_id_expiration.0,
            clock: host.clock.clone(),
            unique: Mutex::new(chance),
            boot: host.boot.clone(),
        })
    }

    pub fn cluster_id(&self) -> &Str {
        &self.cluster_id
    }

    pub fn directory_ids(&self) -> Vec<Uuid> {
        self.dirs.iter().map(|d| d.id).collect()
    }

    /// The ids of directories that have failed since the start.
    pub fn failed(&self) -> Vec<Uuid> {
        let failed = self.dirs.iter().filter(|d| !d.online());
        failed.map(|d| d.id).collect()
    }

    /// Told of each directory that fails.
    pub fn failures(&self) -> watch::Receiver<()> {
        self.failures.clone()
    }

    /// Why the node cannot go on with the directories that are left.
    pub fn fatal(&self) -> Option<String> {
        let metadata = self.metadata.as_ref().and_then(|(_, h)| h.failed());
        if let Some(why) = metadata {
            return Some(format!(
                "the log directory that holds the metadata has failed: {why}"
            ));
        }
        let why = |d: &Dir| d.health.failed().map(str::to_owned);
        let last = self.dirs.iter().map(why).collect::<Option<Vec<_>>>()?.pop();
        last.map(|why| format!("every log directory has failed: {why}"))
    }

    /// The disk that the metadata is to be kept on.
    pub fn metadata_disk(&self) -> Option<Arc<dyn Disk>> {
        self.metadata.as_ref().map(|(disk, _)| disk.clone())
    }

    /// A directory that the configuration names is off line.
    pub fn any_offline(&self) -> bool {
        !self.lost.is_empty() || self.dirs.iter().any(|d| !d.online())
    }

    /// The epoch of this broker's registration in `image`, if all that the run of that registration had counted on is here: because it
    /// ended in order, or because it crashed and its machine ran on, or because it counted on stable storage only; -1 otherwise
    /// (`PreviousBrokerEpoch` of KIP-966).
    pub fn previous_epoch(&self, image: &Image, node: NodeId) -> BrokerEpoch {
        let ours = image.broker(node).filter(|b| {
            let mut dirs = self.dirs.iter();
            dirs.all(|d| d.run.runs.contains(&b.incarnation)) && self.lost.is_empty()
        });
        ours.map_or(self.previous_epoch, |b| b.epoch)
    }

    /// Notes in every directory whose logs they are from now on, before this run is registered under this id. Not where a loss of power
    /// may have taken something: until all has been looked at there (`mark_looked_at`), the next start must know of it as well.
    pub fn mark_run(&self, run: Uuid, durability: Durability) -> Result<(), StorageError> {
        self.mark(run, durability, |dir| !dir.lossy)
    }

    /// Notes it in the others: all logs are open, and what nobody knows is put aside.
    pub fn mark_looked_at(&self, run: Uuid, durability: Durability) -> Result<(), StorageError> {
        self.mark(run, durability, |dir| dir.lossy)
    }

    fn mark(
        &self,
        run: Uuid,
        durability: Durability,
        which: impl Fn(&Dir) -> bool,
    ) -> Result<(), StorageError> {
        for dir in self.dirs.iter().filter(|d| d.online() && which(d)) {
            let mark = RunMark {
                boot: self.boot.clone(),
                // What an earlier run left in the page cache only may still be there only.
                durable: durability == Durability::Fsync && dir.run.durable,
                runs: dir.run.runs.clone(),
            };
            if let Err(e) = dir.log_dir.mark_run(&mark.with(run))
                && dir.online()
            {
                return Err(e);
            }
        }
        Ok(())
    }

    /// Opens a partition's log, or makes it. Errors also where it may lie in a directory that is off line.
    pub fn open(&self, wanted: &Wanted<'_>) -> Result<Opened, StorageError> {
        let Wanted {
            topic,
            topic_id,
            index,
            ..
        } = *wanted;
        let key = (topic.to_owned(), index);
        let dir = self.place(wanted)?;
        let path = dir.log_dir.partition_path(topic, index);
        if wanted.old && dir.id == wanted.directory && !dir.disk().exists(&path) {
            self.adopt_future(dir, topic, index, &path)?;
        }
        // What nobody else has is better than nothing.
        if wanted.replicated && dir.holds_unknown(&path) {
            self.set_aside(&dir.log_dir, topic, index, &path)?;
        }
        if !dir.disk().exists(&path) {
            dir.checkpoints.cap(topic, index, Offset(0))?;
        }
        let open = || {
            let config = Arc::new(config::log_config(wanted.config));
            let args = self.open_args(dir, &key, topic_id);
            Log::open(dir.disk().clone(), &path, config, args)
        };
        let (log, report) = match open() {
            // A crash came between the end of an older topic of this name and the renaming of its directory.
            Err(_) if topic_of(dir, &path).is_some_and(|id| id != topic_id) => {
                self.set_aside(&dir.log_dir, topic, index, &path)?;
                dir.checkpoints.cap(topic, index, Offset(0))?;
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
                dir.checkpoints.get(RECOVERY_POINTS, &key),
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
        Ok(Opened {
            log,
            seat: dir.seat(),
            high_watermark: dir.checkpoints.get(HIGH_WATERMARKS, &key),
        })
    }

    fn open_args(&self, dir: &Dir, key: &(String, PartitionId), topic_id: Uuid) -> OpenArgs {
        OpenArgs {
            recovery_point: dir.checkpoints.get(RECOVERY_POINTS, key),
            log_start: dir.checkpoints.get(LOG_STARTS, key),
            clean: dir.clean,
            now: self.clock.now(),
            producer_expiry_ms: self.producer_expiry_ms,
            topic_id: Some(topic_id),
        }
    }

    /// The directory that a replica lies in, or is to be made in.
    fn place(&self, wanted: &Wanted<'_>) -> Result<&Dir, StorageError> {
        let Wanted {
            topic,
            index,
            directory,
            ..
        } = *wanted;
        let named = self.dirs.iter().find(|d| d.id == directory);
        let holding = named
            .filter(|d| d.holds(topic, index))
            .or_else(|| self.dirs.iter().find(|d| d.holds(topic, index)));
        if let Some(there) = holding {
            return Ok(there);
        }
        let offline = |path: &Path, why: &str| StorageError::Offline {
            path: path.join(files::partition_dir_name(topic, index)),
            reason: why.to_owned(),
        };
        if let Some(failed) = named.filter(|d| !d.online()) {
            let why = failed.health.failed().unwrap_or_default();
            return Err(offline(failed.log_dir.path(), why));
        }
        // Whoever was in a directory must not be begun anew while that one may only be away.
        let new = matches!(directory, Uuid::UNASSIGNED | Uuid::MIGRATING);
        let was_here = wanted.old || named.is_none() && !new;
        if was_here && let Some(lost) = self.lost.first() {
            return Err(offline(&lost.path, &lost.why));
        }
        let wished = wanted.wish.and_then(|path| self.dir_at(path));
        let named = wished.or(named).filter(|d| d.online());
        named.or_else(|| self.emptiest()).ok_or_else(|| {
            let why = self.fatal().unwrap_or_default();
            offline(Path::new(""), &why)
        })
    }

    fn dir_at(&self, path: &Path) -> Option<&Dir> {
        self.dirs
            .iter()
            .find(|d| absolute(d.log_dir.path()) == path)
    }

    /// Where a new replica goes: the directory with the fewest.
    fn emptiest(&self) -> Option<&Dir> {
        match &self.dirs[..] {
            [only] => Some(only).filter(|d| d.online()),
            dirs => dirs
                .iter()
                .filter(|d| d.online())
                .min_by_key(|d| d.log_dir.partitions().map_or(usize::MAX, |p| p.len())),
        }
    }

    /// The replica was on its way here, and where it came from is gone: what has arrived is better than nothing.
    fn adopt_future(
        &self,
        dir: &Dir,
        topic: &str,
        index: PartitionId,
        path: &Path,
    ) -> Result<(), StorageError> {
        let found = dir.log_dir.partitions()?.into_iter().find(|f| {
            f.kind == PartitionDirKind::Future && f.topic == topic && f.partition == index
        });
        let Some(future) = found else { return Ok(()) };
        warn!(
            topic,
            partition = %index,
            "the replica that was being moved to {} is gone: its copy is used as far as it has come",
            dir.log_dir.path().display(),
        );
        dir.log_dir.rename(&future.path, path)
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
        topic_of(self.parent_of(path)?, path)
    }

    fn parent_of(&self, path: &Path) -> Option<&Dir> {
        self.dirs
            .iter()
            .find(|d| path.parent() == Some(d.log_dir.path()))
    }

    /// What earlier runs left behind in the log directories (faults S21): deletions that were not finished, which are given back,
    /// and directories of partitions that nobody `knows`, which are renamed. What was being moved is offered to `resume`; if
    /// nobody takes it, it goes as well. Called once, after all logs have been opened.
    pub fn sweep(
        &self,
        knows: impl Fn(&PartitionDir) -> bool,
        resume: impl Fn(&PartitionDir) -> bool,
    ) -> Vec<Deleted> {
        let mut deleted = Vec::new();
        for dir in self.dirs.iter().filter(|d| d.online()) {
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
                    PartitionDirKind::Future if !resume(&found) => {
                        let unique = self.unique.lock().uuid().0;
                        let (topic, index) = (&found.topic, found.partition);
                        match dir.log_dir.make_deleting(&found.path, topic, index, unique) {
                            Ok(path) => deleted.push(Deleted {
                                path,
                                due: Instant::now(),
                            }),
                            Err(e) => warn!("the copy of a replica stays where it is: {e}"),
                        }
                    }
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

    /// Renames the directory of a log that is not wanted any more out of the way.
    pub fn delete(
        &self,
        log: &Log,
        topic: &str,
        index: PartitionId,
        delay_ms: i64,
    ) -> Result<Deleted, StorageError> {
        let unique = self.unique.lock().uuid().0;
        let path = log.delete(topic, index, unique)?;
        Ok(Deleted {
            path,
            due: Instant::now() + Duration::from_millis(delay_ms.max(0) as u64),
        })
    }

    /// Gives up the directory of a log whose place another has taken, so that it does not come back with a power cut.
    pub fn retire(
        &self,
        log: &Log,
        topic: &str,
        index: PartitionId,
        delay_ms: i64,
    ) -> Result<Deleted, StorageError> {
        let deleted = self.delete(log, topic, index, delay_ms)?;
        if let Some(dir) = self.parent_of(&deleted.path) {
            dir.log_dir.sync()?;
        }
        Ok(deleted)
    }

    /// Removes a directory for good.
    pub fn remove(&self, path: &Path) -> Result<(), StorageError> {
        let dir = self.parent_of(path);
        dir.expect("it was renamed within a log directory")
            .log_dir
            .purge(path)
    }

    /// Whether a replica can be moved to the directory of this absolute path: `LOG_DIR_NOT_FOUND`, `KAFKA_STORAGE_ERROR`.
    pub fn check_target(&self, path: &Path) -> Result<(), ErrorCode> {
        if !self.paths.iter().any(|p| absolute(p) == path) {
            return Err(ErrorCode::LogDirNotFound);
        }
        match self.dir_at(path) {
            Some(dir) if dir.online() => Ok(()),
            _ => Err(ErrorCode::KafkaStorageError),
        }
    }

    /// The id of the directory at this absolute path.
    pub fn id_at(&self, path: &Path) -> Option<Uuid> {
        self.dir_at(path).map(|d| d.id)
    }

    /// Makes the log that a replica is to be copied to, in the directory at this absolute path.
    pub fn make_future(&self, partition: &Partition, to: &Path) -> Result<Opened, StorageError> {
        let dir = self.dir_at(to).expect("the target was checked");
        let (topic, index) = (&partition.topic, partition.index);
        let unique = self.unique.lock().uuid().0;
        let name = files::marked_dir_name(topic, index, unique, files::FUTURE_SUFFIX);
        self.open_future(dir, partition, &dir.log_dir.path().join(name))
    }

    /// Opens the log that an earlier run had begun to copy a replica to.
    pub fn resume_future(
        &self,
        partition: &Partition,
        path: &Path,
    ) -> Result<Opened, StorageError> {
        let dir = self
            .parent_of(path)
            .expect("it was found in a log directory");
        self.open_future(dir, partition, path)
    }

    fn open_future(
        &self,
        dir: &Dir,
        partition: &Partition,
        path: &Path,
    ) -> Result<Opened, StorageError> {
        let key = (partition.topic.to_string(), partition.index);
        if !dir.disk().exists(path) {
            dir.checkpoints.cap(&key.0, key.1, Offset(0))?;
        }
        // What the checkpoints may say is of a log of the replica's name.
        let args = OpenArgs {
            recovery_point: Offset(0),
            log_start: Offset(0),
            ..self.open_args(dir, &key, partition.topic_id)
        };
        let config = Arc::new(config::log_config(&partition.config()));
        let (log, _) = Log::open(dir.disk().clone(), path, config, args)?;
        Ok(Opened {
            log,
            seat: dir.seat(),
            high_watermark: Offset(0),
        })
    }

    /// Gives a copy that is complete, flushed and closed the name of the replica, for good, and opens it under that name. Until
    /// this returns the old one is still there, and after a crash the metadata says which of the two counts. If it cannot be opened it
    /// has its own name again: it falls behind, and the metadata may say already that the replica is there.
    pub fn take_over(&self, partition: &Partition, copy: &Log) -> Result<Log, StorageError> {
        let from = copy.dir();
        let dir = self
            .parent_of(&from)
            .expect("a copy lies in a log directory");
        let to = dir
            .log_dir
            .partition_path(&partition.topic, partition.index);
        let args = OpenArgs {
            recovery_point: copy.recovery_point(),
            log_start: copy.start(),
            clean: true,
            now: self.clock.now(),
            producer_expiry_ms: self.producer_expiry_ms,
            topic_id: Some(partition.topic_id),
        };
        let config = Arc::new(config::log_config(&partition.config()));
        let renamed = dir.log_dir.rename(&from, &to);
        let opened = renamed.and_then(|()| Log::open(dir.disk().clone(), &to, config, args));
        if opened.is_err()
            && !dir.disk().exists(&from)
            && let Err(e) = dir.log_dir.rename(&to, &from)
        {
            warn!("a copy that could not take the replica's place may have its name: {e}");
        }
        opened.map(|(log, _)| log)
    }

    /// Writes one kind of checkpoint of every directory.
    fn write(
        &self,
        kind: usize,
        partitions: &[Arc<Partition>],
        offset: impl Fn(&Partition, &Log) -> Offset,
    ) -> Result<(), StorageError> {
        let mut failed = Ok(());
        for dir in self.dirs.iter().filter(|d| d.online()) {
            let offsets = || {
                let mut offsets = PartitionOffsets::new();
                // Of a copy that is being made nothing is said: after a crash all of it is looked at. One that was deleted meanwhile may
                // have a successor of its name already.
                for p in partitions.iter().filter(|p| !p.is_deleted()) {
                    let log = p.log();
                    if log.dir().parent() == Some(dir.log_dir.path()) {
                        offsets.insert((p.topic.to_string(), p.index), offset(p, &log));
                    }
                }
                offsets
            };
            // One that goes off line with this says so itself; the others' are written all the same.
            if let Err(e) = dir.checkpoints.write(kind, offsets)
                && dir.online()
            {
                failed = Err(e);
            }
        }
        failed
    }

    /// Flushes and closes the logs: those of a directory that have something to write with one sync of its file system, if they are
    /// many. What could not be closed comes back, each with its error.
    pub fn close_all(&self, partitions: &[Arc<Partition>]) -> Vec<(Arc<Partition>, StorageError)> {
        let mut failed = Vec::new();
        for dir in &self.dirs {
            let here: Vec<_> = partitions
                .iter()
                .filter(|p| p.seat().directory == dir.id)
                .map(|p| (p, p.close_copy().map(|()| p.log())))
                .collect();
            let mut one = |p: &Arc<Partition>, closed: Result<(), StorageError>| {
                failed.extend(closed.err().map(|e| (p.clone(), e)));
            };
            let mut dirty = Vec::new();
            for (p, log) in here {
                match log {
                    Ok(log) if log.has_end_to_write() => dirty.push((p, log)),
                    Ok(log) => one(p, log.close().map(drop)),
                    Err(e) => one(p, Err(e)),
                }
            }
            let logs: Vec<&Log> = dirty.iter().map(|(_, log)| &**log).collect();
            let closed = Log::close_all(&**dir.disk(), dir.log_dir.path(), &logs);
            for ((p, _), closed) in dirty.iter().zip(closed) {
                one(p, closed.map(drop));
            }
        }
        failed
    }

    /// Writes recovery points, starts of logs and high watermarks.
    pub fn write_checkpoints(&self, partitions: &[Arc<Partition>]) -> Result<(), StorageError> {
        self.write(RECOVERY_POINTS, partitions, |_, log| log.recovery_point())?;
        self.write_log_starts(partitions)?;
        self.write_high_watermarks(partitions)
    }

    pub fn write_log_starts(&self, partitions: &[Arc<Partition>]) -> Result<(), StorageError> {
        self.write(LOG_STARTS, partitions, |_, log| log.start())
    }

    pub fn write_high_watermarks(&self, partitions: &[Arc<Partition>]) -> Result<(), StorageError> {
        self.write(HIGH_WATERMARKS, partitions, |p, log| {
            p.high_watermark().min(log.end())
        })
    }

    /// The directories in which lie logs, or copies of such, that are none of these partitions': whether what an earlier run has left of
    /// them is whole nobody knows.
    pub fn doubtful(&self, partitions: &[Arc<Partition>]) -> Vec<Uuid> {
        let mut open: HashSet<(Uuid, &str, PartitionId)> = HashSet::new();
        for p in partitions {
            let copy = p.future().map(|f| f.seat.directory);
            for directory in copy.into_iter().chain([p.seat().directory]) {
                open.insert((directory, &p.topic, p.index));
            }
        }
        let unknown = |dir: &Dir, found: &PartitionDir| {
            matches!(found.kind, PartitionDirKind::Log | PartitionDirKind::Future)
                && found.topic != names::METADATA_TOPIC
                && !open.contains(&(dir.id, &found.topic, found.partition))
        };
        let doubtful = |dir: &&Dir| match dir.log_dir.partitions() {
            Ok(found) => found.iter().any(|found| unknown(dir, found)),
            Err(_) => true,
        };
        let dirs = self.dirs.iter().filter(|d| d.online());
        dirs.filter(doubtful).map(|d| d.id).collect()
    }

    /// Leaves the mark of a clean shutdown in every directory that is in use, but for the doubtful ones. Only after everything that is
    /// open is flushed.
    pub fn mark_clean(&self, epoch: BrokerEpoch, doubtful: &[Uuid]) -> Result<(), StorageError> {
        let dirs = self.dirs.iter().filter(|d| d.online());
        let mut sure = dirs.filter(|d| !doubtful.contains(&d.id));
        sure.try_for_each(|d| d.log_dir.mark_clean(epoch))
    }

    /// All directories of partitions.
    #[cfg(test)]
    pub fn found(&self) -> impl Iterator<Item = PartitionDir> {
        let found = self.dirs.iter().map(|d| d.log_dir.partitions().unwrap());
        found.flatten()
    }

    /// The directories as the configuration names them, by their absolute paths.
    pub fn describe(&self) -> Vec<Described> {
        self.paths
            .iter()
            .map(|path| {
                let dir = self.dirs.iter().find(|d| d.log_dir.path() == path);
                let space = dir.and_then(|d| d.log_dir.space().ok());
                Described {
                    path: absolute(path),
                    room: space.map(|s| (s.total as i64, s.free as i64)),
                }
            })
            .collect()
    }
}

/// A directory's path as clients are told it.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn topic_of(dir: &Dir, path: &Path) -> Option<Uuid> {
    let metadata = PartitionMetadata::read(&**dir.disk(), path).ok()?;
    metadata.map(|m| m.topic_id)
}

/// The cluster that the directories belong to, which must be one; and this node must be theirs.
fn judge(config: &BrokerConfig, looked: &[Looked]) -> Result<Option<Str>, DisksError> {
    let mut first: Option<(&Path, &str)> = None;
    for (log_dir, properties, _) in looked {
        let Some(p) = properties else { continue };
        if p.node_id != config.node_id {
            return Err(DisksError::OtherNode {
                dir: log_dir.path().to_owned(),
                found: p.node_id.0,
                expected: config.node_id.0,
            });
        }
        match first {
            None => first = Some((log_dir.path(), &p.cluster_id)),
            Some((_, id)) if id == p.cluster_id => {}
            Some((first_dir, first)) => {
                return Err(DisksError::OtherCluster {
                    dir: log_dir.path().to_owned(),
                    found: Str::from(&p.cluster_id),
                    first_dir: first_dir.to_owned(),
                    first: Str::from(first),
                });
            }
        }
    }
    Ok(first.map(|(_, id)| Str::from(id)))
}

/// Formats a directory if it is new, and reads what the last run wrote down; with its epoch, if it ended in order.
fn ready(
    (log_dir, properties, health): Looked,
    node: NodeId,
    cluster_id: &Str,
    boot: &str,
    chance: &mut Chance,
) -> Result<(Dir, Option<BrokerEpoch>), StorageError> {
    let new = properties.is_none();
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
            let fresh = MetaProperties::new(cluster_id.as_str(), node, id);
            log_dir.write_meta(&fresh)?;
            info!(dir = %log_dir.path().display(), cluster = %cluster_id, "formatted");
            id
        }
    };
    let clean = log_dir.take_clean_mark()?;
    let run = log_dir.run_mark()?;
    let whole = run.filter(|r| r.holds(boot));
    let lossy = !new && clean.is_none() && whole.is_none();
    let mut run = whole.unwrap_or_default();
    run.durable |= new || clean.is_some();
    let log_dir = Arc::new(log_dir);
    let dir = Dir {
        id,
        health,
        flushes: Arc::default(),
        clean: clean.is_some(),
        run,
        lossy,
        checkpoints: Arc::new(Checkpoints::read(&log_dir)?),
        log_dir,
    };
    Ok((dir, clean.and_then(|mark| mark.broker_epoch)))
}

#[cfg(test)]
mod tests;
