//! The disk under one log directory, watched: the first error that only a broken disk gives takes the directory off line.
//!
//! Always holds: a directory that has failed stays failed for the rest of the process, and nothing more is written to it; whoever
//! wants to know is told once. Must never: take a full disk, a missing file, a process out of file descriptors or a sector that
//! cannot be read for a broken one. What a lost sector means, its reader knows: batches are had from another replica, indexes are
//! built anew, a checkpoint is done without (fault S15); only with a hole in the cluster's metadata nobody goes on. A disk that is
//! gone altogether shows by the next write.

use std::any::Any;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use airis_protocol::names;
use airis_protocol::types::RangeSource;

use super::{DirEntry, Disk, DiskFile, OpenMode, Space, is_short, is_unreadable};
use crate::files;

/// The operation whose failure may concern a few sectors only.
const READ: &str = "read";

/// Whether one log directory can be used.
pub struct Health {
    root: PathBuf,
    failed: OnceLock<String>,
    tell: Box<dyn Fn() + Send + Sync>,
}

impl Health {
    /// `tell` is called once, when the directory fails.
    pub fn new(root: &Path, tell: impl Fn() + Send + Sync + 'static) -> Arc<Health> {
        Arc::new(Health {
            root: root.to_owned(),
            failed: OnceLock::new(),
            tell: Box::new(tell),
        })
    }

    /// Why the directory is off line, if it is.
    pub fn failed(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Takes the directory off line.
    pub fn fail(&self, why: &str) {
        if self.failed.set(why.to_owned()).is_ok() {
            tracing::error!(dir = %self.root.display(), "the log directory is off line: {why}");
            (self.tell)();
        }
    }

    fn check(&self) -> io::Result<()> {
        match self.failed() {
            None => Ok(()),
            Some(why) => Err(io::Error::other(format!(
                "the log directory {} is off line: {why}",
                self.root.display()
            ))),
        }
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health")
            .field("root", &self.root)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// A disk as seen from one log directory.
#[derive(Clone)]
pub struct Watched {
    disk: Arc<dyn Disk>,
    health: Arc<Health>,
}

impl Watched {
    pub fn new(disk: Arc<dyn Disk>, health: Arc<Health>) -> Watched {
        Watched { disk, health }
    }

    /// Does something with the disk, unless the directory has failed, and looks at what comes of it.
    fn run<T>(
        &self,
        op: &str,
        path: &Path,
        work: impl FnOnce(&dyn Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        self.health.check()?;
        let done = work(&*self.disk);
        if let Err(e) = &done {
            self.judge(op, path, e);
        }
        done
    }

    fn judge(&self, op: &str, path: &Path, error: &io::Error) {
        use io::ErrorKind as Kind;
        let broken = match error.kind() {
            // A file that is not there says nothing, a directory that is not there does: its disk is not mounted any more.
            Kind::NotFound => !self.disk.exists(&self.health.root),
            Kind::AlreadyExists
            | Kind::WouldBlock
            | Kind::Interrupted
            | Kind::StorageFull
            | Kind::QuotaExceeded
            | Kind::FileTooLarge
            | Kind::InvalidFilename
            | Kind::DirectoryNotEmpty
            | Kind::OutOfMemory => false,
            _ if op == READ && is_unreadable(error) => is_metadata(path),
            _ => !is_short(error),
        };
        if broken {
            self.health
                .fail(&format!("{op} {}: {error}", path.display()));
        }
    }
}

/// The cluster's metadata: there is no going on with a hole in it.
fn is_metadata(path: &Path) -> bool {
    let dir = path.parent().and_then(Path::file_name);
    let name = dir.and_then(|name| files::parse_partition_dir(name.to_str()?));
    name.is_some_and(|(topic, _)| topic == names::METADATA_TOPIC)
}

impl Disk for Watched {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.run("open", path, |disk| disk.open(path, mode))?;
        Ok(Arc::new(WatchedFile {
            file,
            path: path.to_owned(),
            watched: self.clone(),
        }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.run("create", path, |disk| disk.create_dir_all(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.run("list", path, |disk| disk.list(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run("rename", from, |disk| disk.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.run("remove", path, |disk| disk.remove_file(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.run("remove", path, |disk| disk.remove_dir_all(path))
    }

    fn exists(&self, path: &Path) -> bool {
        self.health.failed().is_none() && self.disk.exists(path)
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        self.run("stat", path, |disk| disk.len(path))
    }

    fn modified(&self, path: &Path) -> io::Result<Option<i64>> {
        self.run("stat", path, |disk| disk.modified(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run("fsync", path, |disk| disk.sync_dir(path))
    }

    fn sync_all(&self, path: &Path) -> io::Result<()> {
        self.run("fsync", path, |disk| disk.sync_all(path))
    }

    fn read_to_end(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.run(READ, path, |disk| disk.read_to_end(path))
    }

    fn lock_exclusive(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        self.run("lock", path, |disk| disk.lock_exclusive(path))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.run("statvfs", path, |disk| disk.space(path))
    }
}

struct WatchedFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    watched: Watched,
}

impl WatchedFile {
    fn run<T>(&self, op: &str, work: impl FnOnce(&dyn DiskFile) -> io::Result<T>) -> io::Result<T> {
        self.watched.run(op, &self.path, |_| work(&*self.file))
    }
}

impl std::fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

impl RangeSource for WatchedFile {
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.run(READ, |file| file.read_at(position, buf))
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_fd()
    }
}

impl DiskFile for WatchedFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.run("write", |file| file.write_at(position, parts))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.run("fsync", |file| file.sync_data())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.run("truncate", |file| file.set_len(len))
    }

    fn len(&self) -> io::Result<u64> {
        self.run("stat", |file| file.len())
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        self.run("preallocate", |file| file.preallocate(len))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::faulty::FaultyDisk;
    use super::*;

    fn watched(disk: &FaultyDisk, root: &str) -> (Watched, Arc<Health>, Arc<AtomicUsize>) {
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        let health = Health::new(Path::new(root), move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        disk.create_dir_all(Path::new(root)).unwrap();
        let watched = Watched::new(Arc::new(disk.clone()), health.clone());
        (watched, health, told)
    }

    fn write(disk: &Watched, path: &str) -> io::Result<()> {
        let file = disk.open(Path::new(path), OpenMode::Create)?;
        file.write_at(0, &mut [IoSlice::new(b"abc")])?;
        file.sync_data()
    }

    #[test]
    fn one_broken_directory_fails_alone_and_for_good() {
        let disk = FaultyDisk::new();
        let (a, a_health, a_told) = watched(&disk, "/a");
        let (b, b_health, _) = watched(&disk, "/b");
        write(&a, "/a/x").unwrap();
        write(&b, "/b/x").unwrap();
        disk.fail_under(Some(Path::new("/a")));
        assert!(write(&a, "/a/x").is_err());
        write(&b, "/b/x").unwrap();
        disk.fail_under(None);
        let again = write(&a, "/a/y").unwrap_err().to_string();
        assert!(again.contains("/a is off line"), "{again}");
        assert!(
            !disk.exists(Path::new("/a/y")),
            "nothing is written any more"
        );
        assert!(a_health.failed().is_some_and(|why| why.contains("/a/x")));
        assert_eq!(b_health.failed(), None);
        assert_eq!(a_told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_sector_that_cannot_be_read_is_no_failure_but_one_that_cannot_be_written_is() {
        let disk = FaultyDisk::new();
        let (a, health, _) = watched(&disk, "/a");
        write(&a, "/a/x").unwrap();
        disk.fail_reads_of(Path::new("/a/x"), 0..1);
        let file = a.open(Path::new("/a/x"), OpenMode::Write).unwrap();
        let error = file.read_at(0, &mut [0; 3]).unwrap_err();
        assert!(is_unreadable(&error), "{error}");
        assert!(a.read_to_end(Path::new("/a/x")).is_err());
        assert_eq!(health.failed(), None);
        // A part of a block is written by reading the rest of it.
        assert!(file.write_at(1, &mut [IoSlice::new(b"z")]).is_err());
        assert!(health.failed().is_some());
        // There is no other copy of what a node knows of the cluster.
        let (b, health, _) = watched(&disk, "/b");
        disk.create_dir_all(Path::new("/b/__cluster_metadata-0"))
            .unwrap();
        let log = "/b/__cluster_metadata-0/00000000000000000000.log";
        write(&b, log).unwrap();
        disk.fail_reads_of(Path::new(log), 0..1);
        assert!(b.read_to_end(Path::new(log)).is_err());
        assert!(health.failed().is_some());
    }

    #[test]
    fn a_full_disk_and_a_missing_file_are_no_failure_but_a_missing_root_is() {
        let disk = FaultyDisk::new();
        let (a, health, _) = watched(&disk, "/a");
        disk.set_capacity(Some(1));
        assert!(write(&a, "/a/x").is_err());
        assert!(a.read_to_end(Path::new("/a/none")).is_err());
        assert_eq!(health.failed(), None);
        disk.set_capacity(None);
        write(&a, "/a/x").unwrap();
        disk.remove_dir_all(Path::new("/a")).unwrap();
        assert!(a.read_to_end(Path::new("/a/x")).is_err());
        assert!(health.failed().is_some());
    }
}
