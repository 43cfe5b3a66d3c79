//! The mark of a voter that has lost its log: a file beside the raft store.
//!
//! Always holds: the mark is on disk before the new store is, and goes when the log is whole again. Must never: be taken for
//! granted from memory; a crash in between must not let the node vote.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airis_storage::Disk;

/// The file's name.
const FILE: &str = "catching-up";

pub(super) struct CatchingUp {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl CatchingUp {
    /// Leaves the mark.
    pub fn leave(disk: &Arc<dyn Disk>, dir: &Path) -> io::Result<CatchingUp> {
        let text = b"This voter's log was lost. It votes again once it has the log of a leader.\n";
        disk.write_atomically(&dir.join(FILE), text)?;
        Ok(CatchingUp {
            disk: disk.clone(),
            dir: dir.to_owned(),
        })
    }

    /// The mark, if one was left.
    pub fn find(disk: &Arc<dyn Disk>, dir: &Path) -> Option<CatchingUp> {
        disk.exists(&dir.join(FILE)).then(|| CatchingUp {
            disk: disk.clone(),
            dir: dir.to_owned(),
        })
    }

    /// Takes the mark away, durably.
    pub fn remove(&self) -> io::Result<()> {
        self.disk.remove_file(&self.dir.join(FILE))?;
        self.disk.sync_dir(&self.dir)
    }
}
