//! `out/<recipe>/<version>/`: bundles where servers and people find them, and `packages/<version>/` beside them.
//!
//! A bundle appears whole or not at all, also in place of a former one of the same version (the two are exchanged in
//! one rename), and `current` points to one of them at every moment. What is in a bundle is left to `steps`.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::digest::Digest;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::files::{self, Guard, UNFINISHED, remove_if_there, remove_unfinished};
use crate::store;

const CURRENT: &str = "current";
/// Beside the bundles: records of their boots.
const BOOTS: &str = "boots";
/// Beside the bundles: their Debian packages.
const PACKAGES: &str = "packages";

/// What [`Shelf::put`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was there already.
    Kept,
    /// There was none of this version.
    New,
    /// Another one of this version, or an altered one, was in its place.
    Replaced,
}

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

    /// Where the Debian packages of a version are, or would be.
    #[must_use]
    pub fn packages(&self, version: &str) -> PathBuf {
        self.folder.join(PACKAGES).join(version)
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
            if meta.is_dir() && !name.starts_with('.') && ![BOOTS, PACKAGES].contains(&&*name) {
                versions.push((meta.modified()?, name));
            }
        }
        versions.sort();
        Ok(versions.into_iter().map(|(_, name)| name).collect())
    }

    /// Puts a copy of a bundle's tree, which has this digest in the store, there as this version, and lets `current`
    /// point to it. Writes nothing when it is there already; then `current` stays where somebody switched it to.
    ///
    /// # Errors
    /// [`Kind::Store`] when the tree does not have its digest; when the copy cannot be written. Then all is as it was.
    pub fn put(&self, tree: &Path, digest: &Digest, version: &str) -> Result<Put> {
        let place = self.bundle(version);
        if holds(&place, digest) && self.current().is_some() {
            return Ok(Put::Kept);
        }
        let _lock = self.lock()?;
        let put = self.put_at(&place, tree, digest)?;
        self.point(version)?;
        // It was there, but not switched to.
        Ok(if put == Put::Kept { Put::Replaced } else { put })
    }

    /// Puts a copy of the packages of a version there, as [`Shelf::put`] does with bundles.
    ///
    /// # Errors
    /// As [`Shelf::put`].
    pub fn put_packages(&self, tree: &Path, digest: &Digest, version: &str) -> Result<Put> {
        let place = self.packages(version);
        if holds(&place, digest) {
            return Ok(Put::Kept);
        }
        let _lock = self.lock()?;
        fs_err::create_dir_all(self.folder.join(PACKAGES))?;
        self.put_at(&place, tree, digest)
    }

    /// Puts a copy of a tree at `place`. The lock must be held.
    fn put_at(&self, place: &Path, tree: &Path, digest: &Digest) -> Result<Put> {
        // Another build may have put it there, or something else, before we had the lock.
        if holds(place, digest) {
            return Ok(Put::Kept);
        }
        let put = if place.symlink_metadata().is_ok() {
            Put::Replaced
        } else {
            Put::New
        };
        let version = place.file_name().unwrap_or_default().to_string_lossy();
        let new = self.folder.join(format!("{UNFINISHED}{version}"));
        copy(tree, &new).doing(|| format!("cannot write {}", place.display()))?;
        // The copy, and not the tree: what is published is what was looked at.
        if !holds(&new, digest) {
            let what = format!("the store's copy of {} is damaged", place.display());
            return Err(Failure::new(Kind::Store, what));
        }
        files::exchange(&new, place)?;
        Ok(put)
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
        let current = self.folder.join(CURRENT);
        fs_err::rename(new, &current)
            .doing(|| format!("cannot let {} point to {version}", current.display()))
    }

    /// One writer at a time; what a killed one left is removed.
    fn lock(&self) -> Result<Guard> {
        let lock = Guard::exclusive(&self.folder)?;
        remove_unfinished(&self.folder)?;
        Ok(lock)
    }
}

/// Whether a folder is one, and has this digest.
fn holds(folder: &Path, digest: &Digest) -> bool {
    store::measure(folder).is_ok_and(|there| there.digest == *digest)
}

/// Copies a tree of files, folders and links, readable by any server, and makes sure that it is on the disk.
fn copy(from: &Path, to: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in WalkDir::new(from) {
        let entry = entry.map_err(std::io::Error::from)?;
        let place = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.path_is_symlink() {
            symlink(fs_err::read_link(entry.path())?, &place)?;
            continue;
        }
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

    fn put(shelf: &Shelf, text: &str, version: &str) -> Put {
        let tree = tree(text);
        let digest = store::measure(tree.path()).unwrap().digest;
        shelf.put(tree.path(), &digest, version).unwrap()
    }

    fn read(shelf: &Shelf, version: &str) -> String {
        fs_err::read_to_string(shelf.bundle(version).join("pxelinux.cfg/default")).unwrap()
    }

    #[test]
    fn a_bundle_appears_is_replaced_and_switched_back() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        assert_eq!(put(&shelf, "one", "1"), Put::New);
        assert_eq!(
            put(&shelf, "one", "1"),
            Put::Kept,
            "the same again writes nothing"
        );
        assert_eq!(put(&shelf, "two", "2"), Put::New);
        assert_eq!(shelf.current().as_deref(), Some("2"));
        assert_eq!(put(&shelf, "TWO", "2"), Put::Replaced);
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
        put(&shelf, "one", "1");
        fs_err::write(shelf.bundle("1").join("pxelinux.cfg/default"), "eno").unwrap();
        assert_eq!(put(&shelf, "one", "1"), Put::Replaced);
        assert_eq!(read(&shelf, "1"), "one");
    }

    #[test]
    fn packages_are_beside_the_bundles() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        put(&shelf, "one", "1");
        let tree = tree("a package");
        let digest = store::measure(tree.path()).unwrap().digest;
        for expected in [Put::New, Put::Kept] {
            assert_eq!(
                shelf.put_packages(tree.path(), &digest, "2").unwrap(),
                expected
            );
        }
        fs_err::write(shelf.packages("2").join("more"), "").unwrap();
        let put = shelf.put_packages(tree.path(), &digest, "2").unwrap();
        assert_eq!(put, Put::Replaced);
        assert!(!shelf.packages("2").join("more").exists());
        assert_eq!(shelf.versions().unwrap(), ["1"]);
        let damaged = shelf.put_packages(tree.path(), &Digest::of("x"), "3");
        assert_eq!(damaged.unwrap_err().kind, Kind::Store);
        assert!(!shelf.packages("3").exists());
    }

    #[test]
    fn a_damaged_tree_is_not_published() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        put(&shelf, "one", "1");
        let failure = shelf
            .put(tree("two").path(), &Digest::of("three"), "1")
            .unwrap_err();
        assert_eq!(failure.kind, Kind::Store);
        assert_eq!(read(&shelf, "1"), "one");
    }

    #[test]
    fn what_a_killed_build_left_is_removed() {
        let out = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(out.path(), "demo");
        let left = out.path().join("demo/.new-0");
        fs_err::create_dir_all(&left).unwrap();
        put(&shelf, "one", "1");
        assert!(!left.exists());
        assert_eq!(shelf.versions().unwrap(), ["1"]);
    }
}
