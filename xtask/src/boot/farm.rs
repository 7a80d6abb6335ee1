//! What TFTP serves, where a scenario changes it: folders with a symbolic link for each file of the bundle, which itself stays as it is.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::failure::{Failure, Kind, Result};

use super::fault;

/// Makes such a folder of a bundle, an absolute path.
///
/// # Errors
/// When the bundle cannot be read or the folder cannot be written.
pub fn plant(bundle: &Path, folder: &Path) -> Result<()> {
    for entry in WalkDir::new(bundle).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        let relative = entry.path().strip_prefix(bundle).unwrap_or(entry.path());
        let place = folder.join(relative);
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&place)?;
        } else {
            fs_err::os::unix::fs::symlink(entry.path(), &place)?;
        }
    }
    Ok(())
}

/// Files that were changed, and where their links led before.
#[derive(Debug, Default)]
pub struct Changed(Vec<(PathBuf, PathBuf)>);

/// Takes away the files that this names, relative to the folder.
///
/// # Errors
/// [`Kind::Recipe`] when it names none.
pub fn remove(folder: &Path, pattern: &str) -> Result<Changed> {
    let mut changed = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let named = relative
            .to_str()
            .is_some_and(|it| fault::names(pattern, it));
        if named && entry.path_is_symlink() {
            changed.push((entry.path().to_owned(), fs_err::read_link(entry.path())?));
            fs_err::remove_file(entry.path())?;
        }
    }
    if changed.is_empty() {
        return Err(absent(pattern));
    }
    Ok(Changed(changed))
}

/// Serves a file with the content of another.
///
/// # Errors
/// [`Kind::Recipe`] when one of them is not there.
pub fn replace(folder: &Path, path: &str, by: &str) -> Result<Changed> {
    let to = fs_err::read_link(folder.join(by)).map_err(|_| absent(by))?;
    let changed = remove(folder, path)?;
    fs_err::os::unix::fs::symlink(to, folder.join(path))?;
    Ok(changed)
}

/// Makes all as it was before.
///
/// # Errors
/// When the host does not let us.
pub fn restore(changed: Changed) -> Result<()> {
    for (path, to) in changed.0 {
        // What came in its place goes.
        std::fs::remove_file(&path).ok();
        symlink(to, &path)?;
    }
    Ok(())
}

fn absent(path: &str) -> Failure {
    let what = format!("a fault names `{path}`, but the bundle has no such file");
    Failure::new(Kind::Recipe, what).hint("names are relative to the bundle")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_and_come_back_and_the_bundle_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let (bundle, farm) = (place.path().join("bundle"), place.path().join("tftp"));
        fs_err::create_dir_all(bundle.join("pxelinux.cfg")).unwrap();
        for (path, text) in [
            ("pxelinux.cfg/default", "a"),
            ("pxelinux.cfg/local", "b"),
            ("vmlinuz-1", "c"),
        ] {
            fs_err::write(bundle.join(path), text).unwrap();
        }
        plant(&bundle, &farm).unwrap();
        let read = |path: &str| fs_err::read_to_string(farm.join(path)).ok();
        let gone = remove(&farm, "vmlinuz-*").unwrap();
        assert_eq!(
            (read("vmlinuz-1"), read("pxelinux.cfg/local")),
            (None, Some("b".into()))
        );
        let other = replace(&farm, "pxelinux.cfg/default", "pxelinux.cfg/local").unwrap();
        assert_eq!(read("pxelinux.cfg/default"), Some("b".into()));
        restore(other).unwrap();
        restore(gone).unwrap();
        assert_eq!(read("vmlinuz-1").as_deref(), Some("c"));
        assert_eq!(read("pxelinux.cfg/default").as_deref(), Some("a"));
        assert_eq!(
            fs_err::read_to_string(bundle.join("vmlinuz-1")).unwrap(),
            "c"
        );
        for failed in [remove(&farm, "nope"), replace(&farm, "vmlinuz-1", "nope")] {
            assert_eq!(failed.unwrap_err().kind, Kind::Recipe);
        }
    }
}
