//! Programs that tests need, and that no Debian package should install on a developer's machine (a server would be started there), or that
//! are in none. They are unpacked once into the user's cache folder.

use std::path::{Path, PathBuf};

/// What `make` puts into a folder, made once for all tests of this user.
pub(crate) fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let tests = xtask::checkout::cache(None).unwrap().join("tests");
    let there = tests.join(name);
    if !there.exists() {
        fs_err::create_dir_all(&tests).unwrap();
        let new = tempfile::tempdir_in(&tests).unwrap();
        make(new.path());
        let new = new.keep();
        // Another test's is as good.
        if fs_err::rename(&new, &there).is_err() {
            fs_err::remove_dir_all(&new).unwrap();
        }
    }
    there
}
