//! The disk seam: the calls that a log makes, as a trait, so that tests can lose, tear and fill a disk.
//!
//! Always holds: nothing else in this crate touches the file system. Must never: buffer writes; what is durable is decided by
//! `sync_data` and `sync_dir` alone.

use std::any::Any;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use airis_protocol::types::RangeSource;

#[cfg(any(test, feature = "faulty-disk"))]
pub mod faulty;
mod real;
mod watched;

pub use real::RealDisk;
pub use watched::{Health, Watched};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Must exist; no writes.
    Read,
    /// Must exist.
    Write,
    /// Is made if it does not exist; content is kept.
    Create,
    /// Is made, or emptied.
    Truncate,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
}

/// Files and directories. All paths are as the caller gives them.
pub trait Disk: Send + Sync {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names in no order; names that are not UTF-8 are left out (nothing of ours has one).
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    fn exists(&self, path: &Path) -> bool;
    /// Length in bytes; `None` if there is no such file.
    fn len(&self, path: &Path) -> io::Result<Option<u64>>;
    /// When the file was last written, in milliseconds since 1970; `None` if that is not known.
    fn modified(&self, path: &Path) -> io::Result<Option<i64>>;
    /// Makes created, renamed and removed names in this directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes everything on the file system that holds `path` durable. Cheaper than many single syncs.
    fn sync_all(&self, path: &Path) -> io::Result<()>;
    fn read_to_end(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Replaces a file in one step for other processes. A power cut may leave it torn: for what has a checksum, or is followed
    /// by [`Disk::sync_all`].
    fn write_beside(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut tmp = path.as_os_str().to_owned();
        tmp.push(".tmp");
        let tmp = Path::new(&tmp);
        let file = self.open(tmp, OpenMode::Truncate)?;
        let written = file
            .write_at(0, &mut [IoSlice::new(bytes)])
            .and_then(|()| self.rename(tmp, path));
        if written.is_err() {
            let _ = self.remove_file(tmp);
        }
        written
    }
    /// Replaces a file so that a crash leaves the old or the new content: `<name>.tmp`, fsync, rename, fsync of the directory.
    fn write_atomically(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut tmp = path.as_os_str().to_owned();
        tmp.push(".tmp");
        let tmp = Path::new(&tmp);
        let file = self.open(tmp, OpenMode::Truncate)?;
        let written = file
            .write_at(0, &mut [IoSlice::new(bytes)])
            .and_then(|()| file.sync_data())
            .and_then(|()| self.rename(tmp, path));
        if let Err(e) = written {
            // On a full disk a left-over would take the room that the next try needs.
            let _ = self.remove_file(tmp);
            return Err(e);
        }
        match path.parent() {
            Some(dir) => self.sync_dir(dir),
            None => Ok(()),
        }
    }
    /// Locks the file against other processes (JVM brokers included) and other brokers of this one, until the value is
    /// dropped. `WouldBlock` if it is taken.
    fn lock_exclusive(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>>;
    /// Bytes that a write can still use, and the size of the whole file system.
    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// Room on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub free: u64,
    pub total: u64,
}

/// An open file. Stays readable after its name is gone.
pub trait DiskFile: RangeSource {
    /// Writes all parts, one after another, or fails; a failure may have written some. The slices are used up.
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// Makes content and length durable.
    fn sync_data(&self) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reserves room without changing the length.
    fn preallocate(&self, len: u64) -> io::Result<()>;
}

/// True if the process or the system is out of file descriptors or memory: the disk has no part in it, and the same call can succeed
/// later (fault S19).
pub fn is_short(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let known = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| known.iter().any(|e| e.raw_os_error() == code))
}

/// True if the medium does not give these bytes: a bad sector, or one that the file system's own checksum contradicts. All else on
/// the disk may be well.
pub fn is_unreadable(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let known = [
        Errno::IO,
        Errno::NODATA,
        Errno::BADMSG,
        Errno::ILSEQ,
        Errno::UCLEAN,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| known.iter().any(|e| e.raw_os_error() == code))
}

/// Reads exactly `buf.len()` bytes or fails with `UnexpectedEof`.
pub fn read_exact_at(file: &dyn DiskFile, position: u64, buf: &mut [u8]) -> io::Result<()> {
    if read_full_at(file, position, buf)? == buf.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Reads until the buffer is full or the file ends.
pub fn read_full_at(file: &dyn DiskFile, position: u64, buf: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while at < buf.len() {
        match file.read_at(position + at as u64, &mut buf[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(at)
}
