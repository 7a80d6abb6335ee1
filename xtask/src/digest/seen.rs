//! Digests that are handed on: of files that this process read a while ago, for whoever reads them next.
//!
//! A digest is handed on with what the file was when it was read, its [`Identity`]. The kernel changes a file's change time with whatever
//! changes its bytes, and nobody can set it (inode(7)), so a file that still is the same has the same bytes. Whoever takes a digest from
//! here has to look once more, when the bytes are used: [`Identity::is`].

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_err::File;

use super::Digest;

/// Change times are counted in ticks of up to some hundredths of a second, two seconds on the coarsest file systems. What was written
/// as lately could be written again without another change time, so it is not handed on.
const SETTLED: Duration = Duration::from_secs(3);

/// Which file it is, and which of the states that it was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    /// When its bytes, or what is known of it, last changed: seconds since the epoch, and nanoseconds.
    changed: (i64, i64),
}

impl Identity {
    /// The identity of a file that is open, or is there.
    #[must_use]
    pub fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Whether the file still is what it was.
    #[must_use]
    pub fn is(&self, file: &Metadata) -> bool {
        *self == Self::of(file)
    }

    /// Whether any change after `now` would show.
    fn is_settled(&self, now: SystemTime) -> bool {
        let seconds = u64::try_from(self.changed.0).unwrap_or(0);
        let nanoseconds = u32::try_from(self.changed.1).unwrap_or(0);
        let changed = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        now.duration_since(changed).is_ok_and(|age| age >= SETTLED)
    }
}

/// The digests of files that were read.
#[derive(Debug, Default)]
pub struct Seen(Mutex<HashMap<Identity, Digest>>);

impl Seen {
    /// Reads a file, whoever may have read it before: its digest, which is remembered, and its length.
    ///
    /// # Errors
    /// What opening and reading fail with.
    pub fn read(&self, path: &Path) -> io::Result<(Digest, u64)> {
        self.read_at(path, SystemTime::now())
    }

    /// The same at a given time.
    pub(crate) fn read_at(&self, path: &Path, now: SystemTime) -> io::Result<(Digest, u64)> {
        let mut file = File::open(path)?;
        let identity = Identity::of(&file.metadata()?);
        let (digest, length) = Digest::of_reader(&mut file)?;
        if identity.is_settled(now) && length == identity.size && identity.is(&file.metadata()?) {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(identity, digest);
        }
        Ok((digest, length))
    }

    /// The digest of this very file, where it was read.
    #[must_use]
    pub fn digest(&self, identity: &Identity) -> Option<Digest> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(identity).copied()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A time when everything that is there now has been there for long.
    pub(crate) fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(3_600)
    }

    /// Writes a file, so that its change time is another one.
    pub(crate) fn write_anew(path: &Path, text: &str) {
        let identity = || Identity::of(&fs_err::metadata(path).unwrap());
        let changed = identity().changed;
        while identity().changed == changed {
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn what_was_read_is_known_until_it_changes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "same").unwrap();
        let identity = || Identity::of(&file.path().metadata().unwrap());
        let seen = Seen::default();
        assert_eq!(seen.read(file.path()).unwrap(), (Digest::of("same"), 4));
        assert_eq!(seen.digest(&identity()), None, "it was just written");
        seen.read_at(file.path(), later()).unwrap();
        assert_eq!(seen.digest(&identity()), Some(Digest::of("same")));
        write_anew(file.path(), "sama");
        assert_eq!(seen.digest(&identity()), None);
        assert_eq!(seen.read(file.path()).unwrap().0, Digest::of("sama"));
    }

    #[test]
    fn times_that_make_no_sense_are_not_settled() {
        let file = tempfile::tempfile().unwrap();
        let there = Identity::of(&file.metadata().unwrap());
        let at = |changed| Identity { changed, ..there };
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        assert!(at((997, 0)).is_settled(now));
        for changed in [(997, 1), (1_000, 0), (2_000, 0), (i64::MAX >> 8, 0)] {
            assert!(!at(changed).is_settled(now), "{changed:?}");
        }
    }
}
