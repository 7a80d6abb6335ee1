//! Locks between processes, and files that appear whole or not at all. The kernel drops a lock
//! when its owner dies, so there is never a stale one.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::failure::Result;
use crate::tool;

/// How often a wait looks whether the user interrupted it.
const LOOK: Duration = Duration::from_millis(50);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Guard {
    file: File,
}

impl Guard {
    /// Waits until nobody else holds the folder's lock, shared or exclusive. Makes the folder if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be opened or locked, or on Ctrl-C.
    pub fn exclusive(folder: &Path) -> Result<Self> {
        Self::wait(folder, FlockOperation::NonBlockingLockExclusive)
    }

    /// Waits until nobody holds the folder's lock exclusively.
    ///
    /// # Errors
    /// As [`Guard::exclusive`].
    pub fn shared(folder: &Path) -> Result<Self> {
        Self::wait(folder, FlockOperation::NonBlockingLockShared)
    }

    fn wait(folder: &Path, operation: FlockOperation) -> Result<Self> {
        loop {
            fs_err::create_dir_all(folder)?;
            let (file, path) = fs_err::File::open(folder)?.into_parts();
            match flock(&file, operation) {
                // Whoever held it before may have removed the folder, or put another in its place.
                Ok(()) if is_still(&file, folder) => return Ok(Self { file }),
                // Not a blocking wait: that one would not hear Ctrl-C.
                Err(Errno::WOULDBLOCK) => std::thread::park_timeout(LOOK),
                Ok(()) | Err(Errno::INTR) => {}
                Err(errno) => {
                    let reason = std::io::Error::from(errno);
                    let what = format!("cannot lock {}: {reason}", path.display());
                    return Err(std::io::Error::new(reason.kind(), what).into());
                }
            }
            tool::check_interrupt()?;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing alone is not enough: a program that is being started may hold a copy for a moment.
        flock(&self.file, FlockOperation::Unlock).ok();
    }
}

fn is_still(file: &File, path: &Path) -> bool {
    let id = |meta: &std::fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(held), Ok(there)) => id(&held) == id(&there),
        _ => false,
    }
}

/// Replaces a file by these bytes: whoever reads it sees the old or the new ones, even after a power cut.
/// The caller holds the lock of its folder, for the name of the intermediate file is fixed: a killed process
/// leaves at most that one behind, and the next writer takes it over.
///
/// # Errors
/// What writing fails with.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    let mut file = fs_err::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs_err::rename(&new, path)?;
    // A folder that cannot be synced (some network file systems) is no reason to fail: the rename holds.
    fs_err::File::open(folder)?.sync_all().ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusive_excludes_and_shared_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let first = Guard::shared(folder.path()).unwrap();
        let second = Guard::shared(folder.path()).unwrap();
        let file = File::open(folder.path()).unwrap();
        let exclusive = FlockOperation::NonBlockingLockExclusive;
        assert_eq!(flock(&file, exclusive), Err(Errno::WOULDBLOCK));
        drop((first, second));
        assert_eq!(flock(&file, exclusive), Ok(()));
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let counter = folder.path().join("counter");
        fs_err::write(&counter, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _guard = Guard::exclusive(folder.path()).unwrap();
                    let count: u32 = fs_err::read_to_string(&counter).unwrap().parse().unwrap();
                    replace(&counter, (count + 1).to_string().as_bytes()).unwrap();
                });
            }
        });
        assert_eq!(fs_err::read_to_string(&counter).unwrap(), "8");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_on_a_folder_that_was_removed_is_no_lock() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a");
        fs_err::create_dir(&folder).unwrap();
        let held = File::open(&folder).unwrap();
        fs_err::remove_dir(&folder).unwrap();
        fs_err::create_dir(&folder).unwrap();
        assert!(!is_still(&held, &folder));
    }
}
