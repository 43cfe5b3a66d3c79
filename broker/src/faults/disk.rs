//! A real disk that a test can fill.
//!
//! Always holds: what was there before can be read, and removed. Must never: write a part of what it refuses.

use std::any::Any;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airis_protocol::types::RangeSource;
use airis_storage::disk::{DirEntry, Space};
use airis_storage::{Disk, DiskFile, OpenMode};

pub struct HurtDisk {
    real: Arc<dyn Disk>,
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct HurtFile {
    real: Arc<dyn DiskFile>,
    full: Arc<AtomicBool>,
}

fn room(full: &AtomicBool) -> io::Result<()> {
    if full.load(Ordering::Acquire) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

impl HurtDisk {
    pub fn new(real: Arc<dyn Disk>) -> HurtDisk {
        HurtDisk {
            real,
            full: Arc::default(),
        }
    }

    pub fn fill(&self, full: bool) {
        self.full.store(full, Ordering::Release);
    }
}

impl Disk for HurtDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        if matches!(mode, OpenMode::Create | OpenMode::Truncate) && !self.real.exists(path) {
            room(&self.full)?;
        }
        Ok(Arc::new(HurtFile {
            real: self.real.open(path, mode)?,
            full: self.full.clone(),
        }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        if !self.real.exists(path) {
            room(&self.full)?;
        }
        self.real.create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.real.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.real.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.real.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.real.remove_dir_all(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.real.exists(path)
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        self.real.len(path)
    }

    fn modified(&self, path: &Path) -> io::Result<Option<i64>> {
        self.real.modified(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.real.sync_dir(path)
    }

    fn sync_all(&self, path: &Path) -> io::Result<()> {
        self.real.sync_all(path)
    }

    fn read_to_end(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.real.read_to_end(path)
    }

    fn lock_exclusive(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        self.real.lock_exclusive(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let space = self.real.space(path)?;
        let full = self.full.load(Ordering::Acquire);
        Ok(Space {
            free: if full { 0 } else { space.free },
            ..space
        })
    }
}

impl RangeSource for HurtFile {
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.real.read_at(position, buf)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.real.as_fd()
    }
}

impl DiskFile for HurtFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        room(&self.full)?;
        self.real.write_at(position, parts)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.real.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.real.len()? {
            room(&self.full)?;
        }
        self.real.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.real.len()
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        room(&self.full)?;
        self.real.preallocate(len)
    }
}
