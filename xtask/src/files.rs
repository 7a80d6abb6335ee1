//! Files that appear whole or not at all, and locks between processes. The kernel drops a lock when its owner dies,
//! so there is never a stale one. What is written, and what a lock is for, is left to the rooms above.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, major, minor, renameat_with};
use rustix::io::Errno;

use crate::failure::{Doing, Failure, Result};
use crate::tool;

/// How often a wait looks whether the user interrupted it.
const LOOK: Duration = Duration::from_millis(50);

/// Prefix of files that are not finished; what a killed process leaves has it.
pub const UNFINISHED: &str = ".new-";

/// Replaces a file by these bytes: whoever reads it sees the old or the new ones, even after a power cut. Makes its folder.
///
/// # Errors
/// What writing fails with; then the old file is there as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let doing = || format!("cannot write {}", path.display());
    let folder = path
        .parent()
        .ok_or_else(|| Failure::bug("a file is in a folder"))?;
    fs_err::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)
        .doing(doing)?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .doing(doing)?;
    readable(file.as_file())?;
    file.persist(path)
        .map_err(|error| error.error)
        .doing(doing)?;
    // A folder that cannot be synced (some network file systems) is no reason to fail: the rename holds.
    fs_err::File::open(folder)?.sync_all().ok();
    Ok(())
}

/// Temporary files are their owner's alone; what takes their place is for everybody to read.
fn readable(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(0o644))?)
}

/// Puts `new` in the place of whatever is at `place`, file or folder, in one rename: somebody who reads there sees the one or the other.
///
/// # Errors
/// When it cannot be renamed; then both are as they were.
pub fn exchange(new: &Path, place: &Path) -> Result<()> {
    let doing = || format!("cannot put {} in its place", place.display());
    let rename = |how| renameat_with(CWD, new, CWD, place, how);
    loop {
        match rename(RenameFlags::EXCHANGE) {
            Ok(()) => return remove_if_there(new),
            Err(Errno::NOENT) => match rename(RenameFlags::NOREPLACE) {
                // Somebody else put something there in between.
                Err(Errno::EXIST) => {}
                ended => return ended.map_err(std::io::Error::from).doing(doing),
            },
            // Some network file systems cannot exchange: then there is a moment without either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return put_aside(new, place).doing(doing);
            }
            Err(error) => return Err(std::io::Error::from(error)).doing(doing),
        }
    }
}

/// Replaces what is at `place` in two renames.
fn put_aside(new: &Path, place: &Path) -> Result<()> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let aside = place.with_file_name(format!("{UNFINISHED}{name}.{}", std::process::id()));
    if place.is_dir() {
        fs_err::rename(place, &aside)?;
    }
    fs_err::rename(new, place)?;
    remove_if_there(&aside)
}

/// Removes a file, or a folder with all that is in it; nothing there is fine.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_if_there(path: &Path) -> Result<()> {
    let Ok(meta) = path.symlink_metadata() else {
        return Ok(());
    };
    if meta.is_dir() {
        fs_err::remove_dir_all(path)?;
    } else {
        fs_err::remove_file(path)?;
    }
    Ok(())
}

/// Removes what killed writers left in a folder. Its lock must be held, and every writer there must hold it.
///
/// # Errors
/// When the folder cannot be read, or something cannot be removed.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

/// A lock on a folder, held until it is dropped.
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
        Self::exclusive_after(folder, |_| {})
    }

    /// As [`Guard::exclusive`]; `waiting` is called once when it has to wait, with who holds the lock: `process 12`, or `another
    /// process` where the kernel does not say.
    ///
    /// # Errors
    /// As [`Guard::exclusive`].
    pub fn exclusive_after(folder: &Path, waiting: impl FnOnce(&str)) -> Result<Self> {
        Self::wait(folder, FlockOperation::NonBlockingLockExclusive, waiting)
    }

    /// Waits until nobody holds the folder's lock exclusively.
    ///
    /// # Errors
    /// As [`Guard::exclusive`].
    pub fn shared(folder: &Path) -> Result<Self> {
        Self::shared_after(folder, |_| {})
    }

    /// Whether the folder of this path is still the one that is locked: it may have been removed, renamed or mounted over.
    #[must_use]
    pub fn holds(&self, folder: &Path) -> bool {
        is_still(&self.file, folder)
    }

    /// As [`Guard::shared`]; `waiting` as for [`Guard::exclusive_after`].
    ///
    /// # Errors
    /// As [`Guard::exclusive`].
    pub fn shared_after(folder: &Path, waiting: impl FnOnce(&str)) -> Result<Self> {
        Self::wait(folder, FlockOperation::NonBlockingLockShared, waiting)
    }

    fn wait(folder: &Path, operation: FlockOperation, waiting: impl FnOnce(&str)) -> Result<Self> {
        let mut waiting = Some(waiting);
        loop {
            fs_err::create_dir_all(folder)?;
            let (file, path) = fs_err::File::open(folder)?.into_parts();
            match flock(&file, operation) {
                // Whoever held it before may have removed the folder, or put another in its place.
                Ok(()) if is_still(&file, folder) => return Ok(Self { file }),
                Err(Errno::WOULDBLOCK) => {
                    if let Some(waiting) = waiting.take() {
                        waiting(&holders(&file));
                    }
                    // Not a blocking wait: that one would not hear Ctrl-C.
                    std::thread::park_timeout(LOOK);
                }
                Ok(()) | Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(std::io::Error::from(errno))
                        .doing(|| format!("cannot lock {}", path.display()));
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

/// Who holds the lock of a file, in words.
fn holders(file: &File) -> String {
    let unknown = || "another process".to_owned();
    let (Ok(locks), Ok(meta)) = (fs_err::read_to_string("/proc/locks"), file.metadata()) else {
        return unknown();
    };
    let device = (major(meta.dev()), minor(meta.dev()));
    let pids: Vec<String> = holding(&locks, device, meta.ino())
        .iter()
        .map(u32::to_string)
        .collect();
    match &pids[..] {
        [] => unknown(),
        [pid] => format!("process {pid}"),
        pids => format!("processes {}", pids.join(", ")),
    }
}

/// Processes that hold the lock of an inode, as `proc_locks(5)` lists them: `1: FLOCK  ADVISORY  WRITE 12 fe:00:345 0 EOF`.
fn holding(locks: &str, (major, minor): (u32, u32), inode: u64) -> BTreeSet<u32> {
    let id = format!("{major:02x}:{minor:02x}:{inode}");
    let holder = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Those that wait have an arrow there; processes of other namespaces have no number here.
        match fields[..] {
            [_, "FLOCK", _, _, pid, at, ..] if at == id => pid.parse().ok().filter(|pid| *pid > 0),
            _ => None,
        }
    };
    locks.lines().filter_map(holder).collect()
}

fn is_still(file: &File, path: &Path) -> bool {
    let id = |meta: &std::fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(held), Ok(there)) => id(&held) == id(&there),
        _ => false,
    }
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
    fn who_waits_is_told_once_for_whom() {
        let locks = "1: FLOCK  ADVISORY  WRITE 12 fe:00:345 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 13 fe:00:345 0 EOF\n\
            2: FLOCK  ADVISORY  READ 7 fe:00:345 0 EOF\n3: POSIX  ADVISORY  WRITE 8 fe:00:345 0 EOF\n4: FLOCK\n\
            5: FLOCK  ADVISORY  WRITE 0 fe:00:345 0 EOF\n6: FLOCK  ADVISORY  WRITE 9 fe:01:345 0 EOF\n";
        assert_eq!(Vec::from_iter(holding(locks, (0xfe, 0), 345)), [7, 12]);

        let folder = tempfile::tempdir().unwrap();
        let held = Guard::shared(folder.path()).unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                Guard::exclusive_after(folder.path(), |who| told.send(who.to_owned()).unwrap())
            });
            let who = heard.recv().unwrap();
            // Some file systems have other numbers for the kernel than for us.
            let own = format!("process {}", std::process::id());
            assert!(
                [own.as_str(), "another process"].contains(&who.as_str()),
                "{who}"
            );
            drop(held);
        });
        assert!(heard.try_recv().is_err());
    }

    #[test]
    fn what_cannot_be_exchanged_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [("old", "old"), ("new", "new")] {
            fs_err::create_dir(path(name)).unwrap();
            fs_err::write(path(name).join("file"), text).unwrap();
        }
        put_aside(&path("new"), &path("old")).unwrap();
        assert_eq!(fs_err::read_to_string(path("old/file")).unwrap(), "new");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
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
