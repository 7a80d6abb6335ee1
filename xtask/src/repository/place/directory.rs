//! A folder on this machine that holds a repository. Files are written beside their places, synced, and renamed; the kernel keeps the lock, so
//! there is never a stale one.

use std::collections::BTreeSet;
use std::fs::{File as Plain, FileTimes, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err::File;

use super::{Bytes, Held, Nature, Place, Put, There, checked};
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Doing, Failure, Kind, Result};
use crate::files::{self, Guard, UNFINISHED};
use crate::text;

/// Files are written in here before they are renamed; what is left by killed writers is removed under the lock.
const STAGING: &str = ".new-files";

/// Folders of a repository; a folder that has others only may be somebody else's.
const OURS: [&str; 3] = ["dists", "pool", "lost+found"];

/// With more files than this, the file system is synced as a whole, and not each file by itself.
const MANY: usize = 16;

/// A folder on this machine.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The repository in this folder, which need not be there yet. Nothing is looked at before it is locked or read.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        Ok(self.root.join(checked(name)?))
    }

    /// Refuses a folder that is somebody else's.
    fn recognise(&self) -> Result<()> {
        let mut others = Vec::new();
        for entry in fs_err::read_dir(&self.root)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !OURS.contains(&&*name) && !name.starts_with(UNFINISHED) {
                others.push(name);
            }
        }
        if others.is_empty() || self.has_release()? {
            return Ok(());
        }
        others.sort();
        others.truncate(5);
        let what = format!(
            "{} is neither empty nor a repository: it has {}",
            self.root.display(),
            text::listing(&others, "and")
        );
        Err(Failure::new(Kind::Host, what)
            .hint("name an empty folder, or one that is not there yet; nothing was changed"))
    }

    fn has_release(&self) -> Result<bool> {
        let dists = self.root.join("dists");
        if !dists.is_dir() {
            return Ok(false);
        }
        for suite in fs_err::read_dir(&dists)? {
            if suite?.path().join("InRelease").exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn staging(&self) -> PathBuf {
        self.root.join(STAGING)
    }

    /// Writes a file into the staging folder; returns where, and where it belongs. Nothing for one that is there already.
    fn stage(&self, put: &Put, number: usize, sync: bool) -> Result<Option<(PathBuf, PathBuf)>> {
        let place = self.path(&put.name)?;
        let old = place.symlink_metadata().ok();
        if put.nature == Nature::Immutable
            && let Some(old) = &old
        {
            return if same(&place, old.len(), &put.bytes)? {
                Ok(None)
            } else {
                let what = format!("{} is there already, with other bytes", place.display());
                Err(Failure::new(Kind::Check, what)
                    .hint("files of a repository never change: give what is new another version"))
            };
        }
        let staged = self.staging().join(format!("{UNFINISHED}{number}"));
        let mut file = File::create(&staged)?;
        match &put.bytes {
            Bytes::Here(bytes) => file.write_all(bytes)?,
            Bytes::Of(from) => {
                // The bare files: the kernel copies between these by itself.
                let copied = io::copy(&mut File::open(from)?.file(), &mut file.file());
                copied.doing(|| format!("cannot copy {}", from.display()))?;
            }
        }
        file.set_permissions(Permissions::from_mode(0o644))?;
        let now = SystemTime::now();
        let later = old.and_then(|old| old.modified().ok()).map(next_second);
        let modified = now.max(later.unwrap_or(now));
        file.file()
            .set_times(FileTimes::new().set_modified(modified))?;
        if sync {
            file.sync_all()?;
        }
        Ok(Some((staged, place)))
    }

    /// Makes a folder and those above it, for everybody to read; tells which folders got an entry.
    fn make(&self, folder: &Path, touched: &mut BTreeSet<PathBuf>) -> Result<()> {
        if touched.contains(folder) {
            return Ok(());
        }
        if !folder.is_dir() {
            if let Some(parent) = folder.parent().filter(|_| folder != self.root) {
                self.make(parent, touched)?;
            }
            fs_err::create_dir(folder)?;
            fs_err::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
        touched.insert(folder.to_owned());
        Ok(())
    }

    fn write_all(&self, puts: &[Put]) -> Result<()> {
        let each = puts.len() <= MANY;
        let mut touched = BTreeSet::new();
        let mut staged = Vec::new();
        // The root has to be there: it was locked. Where it vanished, it is not made again.
        if !self.staging().is_dir() {
            fs_err::create_dir(self.staging())?;
        }
        for (put, number) in puts.iter().zip(0..) {
            crate::tool::check_interrupt()?;
            staged.extend(self.stage(put, number, each)?);
        }
        if !each {
            self.sync()?;
        }
        for (from, to) in &staged {
            self.make(to.parent().unwrap_or(&self.root), &mut touched)?;
            fs_err::rename(from, to).map_err(other_file_system)?;
        }
        if !each {
            return self.sync();
        }
        for folder in &touched {
            // A folder that cannot be synced (some network file systems) is no reason to fail: the rename holds.
            File::open(folder)?.sync_all().ok();
        }
        Ok(())
    }

    fn not_written(&self, failure: Failure) -> Failure {
        // What was copied in vain does not fill the file system until somebody publishes again.
        files::remove_if_there(&self.staging()).ok();
        let failure = failure.while_doing(format!("cannot write into {}", self.root.display()));
        if failure.kind == Kind::Space {
            failure.hint("free some space in its file system, then publish again; until then, clients find all that they need")
        } else {
            failure
        }
    }

    fn sync(&self) -> Result<()> {
        let root = File::open(&self.root)?;
        rustix::fs::syncfs(root.as_fd())
            .map_err(io::Error::from)
            .doing(|| format!("cannot sync {}", self.root.display()))
    }
}

/// A second after this time: the time of change in whole seconds is greater then.
fn next_second(time: SystemTime) -> SystemTime {
    time + Duration::from_secs(1)
}

fn other_file_system(error: io::Error) -> Failure {
    let crosses = error.kind() == io::ErrorKind::CrossesDevices;
    let failure = Failure::from(error);
    if crosses {
        failure.hint("a repository's folders have to be in one file system")
    } else {
        failure
    }
}

/// Whether a file that is there has these bytes.
fn same(path: &Path, size: u64, bytes: &Bytes) -> Result<bool> {
    let digest = Digest::of_file;
    Ok(match bytes {
        Bytes::Here(bytes) => bytes.len() as u64 == size && fs_err::read(path)? == *bytes,
        Bytes::Of(other) => {
            fs_err::metadata(other)?.len() == size && digest(path)?.0 == digest(other)?.0
        }
    })
}

/// What is not there is no failure.
fn if_there<T>(result: io::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

struct Lock {
    guard: Guard,
    root: PathBuf,
}

impl Held for Lock {
    fn check(&self) -> Result<()> {
        if self.guard.holds(&self.root) {
            return Ok(());
        }
        let what = format!(
            "{} was removed or replaced while it was published to",
            self.root.display()
        );
        Err(Failure::new(Kind::Host, what))
    }
}

impl Place for Directory {
    fn describe(&self) -> String {
        self.root.display().to_string()
    }

    fn lock(&self, listen: &dyn Listen) -> Result<Box<dyn Held>> {
        let doing = || format!("cannot publish to {}", self.root.display());
        let fresh = !self.root.exists();
        let guard = Guard::exclusive_after(&self.root, |who| {
            let what = format!("publishing to {}", self.root.display());
            listen.hear(Event::waiting(who, &what));
        })
        .doing(doing)?;
        if fresh {
            fs_err::set_permissions(&self.root, Permissions::from_mode(0o755))?;
        }
        self.recognise()?;
        files::remove_if_there(&self.staging()).doing(doing)?;
        Ok(Box::new(Lock {
            guard,
            root: self.root.clone(),
        }))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name)?;
        let Some(file) = if_there(File::open(&path))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let what = format!("{} has more than {limit} bytes", path.display());
            return Err(Failure::new(Kind::Source, what));
        }
        Ok(Some(bytes))
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        let meta = if_there(fs_err::metadata(self.path(name)?))?;
        Ok(meta.map(|meta| meta.len()))
    }

    fn digest(&self, name: &str) -> Result<Option<Digest>> {
        let digest = if_there(Digest::of_file(&self.path(name)?))?;
        Ok(digest.map(|(digest, _)| digest))
    }

    fn write(&self, puts: &[Put]) -> Result<()> {
        self.write_all(puts)
            .map_err(|failure| self.not_written(failure))
    }

    fn list(&self, folder: &str) -> Result<Vec<There>> {
        let top = self.path(folder)?;
        if if_there(fs_err::metadata(&top))?.is_none() {
            return Ok(Vec::new());
        }
        let mut there = Vec::new();
        let finished = |entry: &walkdir::DirEntry| {
            !entry.file_name().to_string_lossy().starts_with(UNFINISHED)
        };
        for entry in walkdir::WalkDir::new(&top)
            .into_iter()
            .filter_entry(finished)
        {
            let entry = entry.map_err(io::Error::from)?;
            if entry.file_type().is_dir() {
                continue;
            }
            let below = entry.path().strip_prefix(&self.root);
            let name = below.ok().and_then(Path::to_str).map(str::to_owned);
            let size = entry.metadata().map_err(io::Error::from)?.len();
            // Names that are not Unicode are nobody's of ours.
            there.extend(name.map(|name| There { name, size }));
        }
        Ok(there)
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        for name in names {
            let path = self.path(name)?;
            if_there(fs_err::remove_file(&path))?;
            // Folders that are empty now go, too; those that are not, cannot.
            let above = path.ancestors().skip(1);
            above
                .take_while(|folder| *folder != self.root)
                .all(|folder| Plain::open(folder).is_ok() && std::fs::remove_dir(folder).is_ok());
        }
        Ok(())
    }

    fn finish(&self, _: &dyn Listen) -> Result<()> {
        // Clients need not see it. One that is not empty stays until the next publisher has the lock.
        std::fs::remove_dir(self.staging()).ok();
        Ok(())
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
