//! `out/<recipe>/<version>/`: bundles where servers and people find them.
//!
//! A bundle appears whole or not at all, also in place of a former one of the same version (the two are exchanged in
//! one rename), and `current` points to one of them at every moment. What is in a bundle is left to `steps`.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use walkdir::WalkDir;

use crate::digest::Digest;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::files::{Guard, UNFINISHED, remove_if_there, remove_unfinished};

const CURRENT: &str = "current";
/// Beside the bundles: records of their boots.
const BOOTS: &str = "boots";

/// The bundles of one recipe.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf of a recipe under the folder `out`.
    #[must_use]
    pub fn of(out: &Path, recipe: &str) -> Self {
        Self {
            folder: out.join(recipe),
        }
    }

    /// Where the bundle of a version is, or would be.
    #[must_use]
    pub fn bundle(&self, version: &str) -> PathBuf {
        self.folder.join(version)
    }

    /// Where the records of a version's boots are.
    #[must_use]
    pub fn boots(&self, version: &str) -> PathBuf {
        self.folder.join(BOOTS).join(version)
    }

    /// The version that `current` points to.
    #[must_use]
    pub fn current(&self) -> Option<String> {
        let target = std::fs::read_link(self.folder.join(CURRENT)).ok()?;
        target.to_str().map(str::to_owned)
    }

    /// Every version there is, oldest build first.
    ///
    /// # Errors
    /// When the folder is there but cannot be read.
    pub fn versions(&self) -> Result<Vec<String>> {
        let entries = match fs_err::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let meta = entry.metadata()?;
            if meta.is_dir() && !name.starts_with('.') && name != BOOTS {
                versions.push((meta.modified()?, name));
            }
        }
        versions.sort();
        Ok(versions.into_iter().map(|(_, name)| name).collect())
    }

    /// Puts a copy of a bundle's tree there as this version, and lets `current` point to it. Writes nothing when
    /// both are so already. Returns whether something was written.
    ///
    /// # Errors
    /// When it cannot be written; then all is as it was.
    pub fn put(&self, tree: &Path, version: &str) -> Result<bool> {
        let place = self.bundle(version);
        let same = listing(&place).is_ok_and(|there| listing(tree).is_ok_and(|ours| there == ours));
        if same && self.current().as_deref() == Some(version) {
            return Ok(false);
        }
        let _lock = self.lock()?;
        if !same {
            let new = self.folder.join(format!("{UNFINISHED}{version}"));
            copy(tree, &new).doing(|| format!("cannot write the bundle {}", place.display()))?;
            exchange(&new, &place)?;
        }
        self.point(version)?;
        Ok(true)
    }

    /// Lets `current` point to another version that is there.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is no such version.
    pub fn switch(&self, version: &str) -> Result<()> {
        if !self.bundle(version).is_dir() || !self.versions()?.iter().any(|there| there == version)
        {
            return Err(Failure::new(
                Kind::Usage,
                format!("there is no bundle of version {version}"),
            )
            .note(format!("there are: {}", self.versions()?.join(", "))));
        }
        let _lock = self.lock()?;
        self.point(version)
    }

    fn point(&self, version: &str) -> Result<()> {
        let new = self.folder.join(format!("{UNFINISHED}{CURRENT}"));
        remove_if_there(&new)?;
        symlink(version, &new).doing(|| format!("cannot make the link {}", new.display()))?;
        Ok(fs_err::rename(new, self.folder.join(CURRENT))?)
    }

    /// One writer at a time; what a killed one left is removed.
    fn lock(&self) -> Result<Guard> {
        let lock = Guard::exclusive(&self.folder)?;
        remove_unfinished(&self.folder)?;
        Ok(lock)
    }
}

/// Puts `new` in the place of whatever is at `place`, in one rename.
fn exchange(new: &Path, place: &Path) -> Result<()> {
    match renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => remove_if_there(new),
        Err(rustix::io::Errno::NOENT) => Ok(fs_err::rename(new, place)?),
        Err(error) => {
            Err(std::io::Error::from(error)).doing(|| format!("cannot replace {}", place.display()))
        }
    }
}

/// Path, length and digest of every file below a folder, sorted.
fn listing(folder: &Path) -> Result<Vec<(PathBuf, u64, Digest)>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        if entry.file_type().is_file() {
            let (digest, length) = Digest::of_file(entry.path())?;
            files.push((
                entry
                    .path()
                    .strip_prefix(folder)
                    .unwrap_or(entry.path())
                    .to_owned(),
                length,
                digest,
            ));
        } else if !entry.file_type().is_dir() {
            return Err(Failure::new(
                Kind::Host,
                format!("{} is no file", entry.path().display()),
            ));
        }
    }
    Ok(files)
}

/// Copies a tree of files and folders, readable by any server, and makes sure that it is on the disk.
fn copy(from: &Path, to: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in WalkDir::new(from) {
        let entry = entry.map_err(std::io::Error::from)?;
        let place = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        let mode = if entry.file_type().is_dir() {
            fs_err::create_dir_all(&place)?;
            0o755
        } else {
            fs_err::copy(entry.path(), &place)?;
            fs_err::File::open(&place)?.sync_all()?;
            0o644
        };
        fs_err::set_permissions(&place, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("pxelinux.cfg")).unwrap();
        fs_err::write(folder.path().join("pxelinux.cfg/default"), text).unwrap();
        folder
    }

    fn read(shelf: &Shelf, version: &str) -> String {
        fs_err::read_to_string(shelf.bundle(version).join("pxelinux.cfg/default")).unwrap()
    }

    #[test]
    fn a_bundle_appears_is_replaced_and_switched_back() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        assert!(shelf.put(tree("one").path(), "1").unwrap());
        assert!(
            !shelf.put(tree("one").path(), "1").unwrap(),
            "the same again writes nothing"
        );
        assert!(shelf.put(tree("two").path(), "2").unwrap());
        assert_eq!(shelf.current().as_deref(), Some("2"));
        assert!(shelf.put(tree("TWO").path(), "2").unwrap());
        assert_eq!(
            (read(&shelf, "1"), read(&shelf, "current")),
            ("one".to_owned(), "TWO".to_owned())
        );
        shelf.switch("1").unwrap();
        assert_eq!(read(&shelf, "current"), "one");
        assert_eq!(shelf.versions().unwrap(), ["1", "2"]);
        assert_eq!(shelf.switch("3").unwrap_err().kind, Kind::Usage);
        assert_eq!(shelf.switch("boots").unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn what_was_altered_by_hand_is_put_right() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        shelf.put(tree("one").path(), "1").unwrap();
        fs_err::write(shelf.bundle("1").join("pxelinux.cfg/default"), "eno").unwrap();
        assert!(shelf.put(tree("one").path(), "1").unwrap());
        assert_eq!(read(&shelf, "1"), "one");
    }

    #[test]
    fn what_a_killed_build_left_is_removed() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        let left = out.path().join("demo/.new-0");
        fs_err::create_dir_all(&left).unwrap();
        shelf.put(tree("one").path(), "1").unwrap();
        assert!(!left.exists());
        assert_eq!(shelf.versions().unwrap(), ["1"]);
    }
}
