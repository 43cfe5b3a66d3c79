//! Want of file descriptors (fault S19): how it is told, how many are kept back from clients and how many logs
//! may hold, and the limit that a process begins with.
//!
//! Always holds: it is told at most once in [`TOLD_EVERY`], in a sentence that says what to do. Must never: need a file descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use airis_storage::{StorageError, is_short};
use parking_lot::Mutex;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::time::Instant;

const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Kept back from connections, for segments, checkpoints and other nodes: an eighth of the limit, and no more than this.
const KEPT_MAX: u64 = 256;

/// The limit is of the process, and so is this.
static TOLD: Mutex<Option<Instant>> = Mutex::new(None);

/// True if the process or the system is short of something, which is then told, unless it was just now.
pub fn tell(error: &io::Error) -> bool {
    if !is_short(error) {
        return false;
    }
    let code = error.raw_os_error().unwrap_or_default();
    if code == Errno::MFILE.raw_os_error() {
        tell_of_limit();
    } else if due() {
        match code == Errno::NFILE.raw_os_error() {
            true => tracing::error!(
                "the machine is out of file descriptors: new connections wait, and what needs a file fails until some are free; raise fs.file-max"
            ),
            false => tracing::error!(
                "the machine refuses memory: what needs it fails until there is some: {error}"
            ),
        }
    }
    true
}

/// As [`tell`], of the disk's errors.
pub fn tell_storage(error: &StorageError) -> bool {
    matches!(error, StorageError::Io { source, .. } if tell(source))
}

fn tell_of_limit() {
    if due() {
        tracing::error!(
            "out of file descriptors ({} are allowed): new connections wait, and what needs a file fails until some are free; raise the limit \
             (ulimit -n, LimitNOFILE= of the service) above what partitions and connections need",
            limit().map_or_else(|| "as many as there are".to_owned(), |n| n.to_string())
        );
    }
}

fn due() -> bool {
    let mut told = TOLD.lock();
    let now = Instant::now();
    let due = told.is_none_or(|at| now.duration_since(at) >= TOLD_EVERY);
    if due {
        *told = Some(now);
    }
    due
}

/// File descriptors that this process may have; `None`: no limit.
fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many files logs may keep open: half of what the process may have.
pub fn files_of_logs() -> Option<usize> {
    Some(limit()? as usize / 2)
}

/// Whether a descriptor of this number is one of the last, which are kept back from clients: numbers are given out from the lowest on.
pub fn is_kept_back(descriptor: i32) -> bool {
    limit().is_some_and(|limit| descriptor as u64 >= limit - (limit / 8).min(KEPT_MAX))
}

/// Whether only those that are kept back are left. Asked with any descriptor.
pub fn only_kept_back_left(any: impl AsFd) -> bool {
    let short = match fcntl_dupfd_cloexec(any, 0) {
        Ok(next) => is_kept_back(next.as_raw_fd()),
        Err(_) => true,
    };
    if short {
        tell_of_limit();
    }
    short
}

/// Takes all descriptors that the process is allowed, as a JVM does.
pub fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(e) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("the limit of file descriptors stays as it is: {e}");
    }
}
