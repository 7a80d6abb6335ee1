//! Artifacts by key: content-addressed, shared by checkouts, safe against kills and full disks.
//!
//! ```text
//! <cache>/store/v1/
//!   objects/ab/<sha256>     a file's bytes, or a tree (a folder) by the digest of its listing
//!   results/ab/<key>.json   what a step left: output name → object, and the step's definition
//!   roots/<id>.json         what a checkout's recipe was last built from: keeps results from gc
//!   locks/<key>/            held (flock) while that step runs; the kernel drops it with its holder
//!   work/<key>/             the folder a step runs in; never read by anybody else
//!   logs/<key>.log          all that the step's tools wrote
//! ```
//! A result is written last, by rename: what is not named by a result does not exist. The store knows
//! keys and bytes; what a step does, and how a key comes about, is left to `plan` and `steps`.

mod artifact;
mod gc;
mod object;
mod roots;
mod slot;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use artifact::{Artifact, Output, OutputKind};
pub use gc::{Collected, Stat};
pub use object::{measure, read};
pub use roots::{Root, RootStep};
pub use slot::Slot;
pub use verify::Damage;

use crate::digest::{Digest, Seen};
use crate::failure::Result;
use crate::files::{Guard, remove_if_there};

/// Version of the layout below; a store of another version is left alone.
const LAYOUT: &str = "v1";

/// A store in a folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    /// The digests of what was read since; whoever copies it next needs not digest it again.
    seen: Arc<Seen>,
}

/// What [`Store::claim`] finds.
pub enum Claim {
    /// The artifact is there.
    Hit(Artifact),
    /// It is not: whoever holds the slot makes it, everybody else waits.
    Miss(Slot),
}

impl Store {
    /// The store under a cache folder. Nothing is touched until something is claimed.
    #[must_use]
    pub fn at(cache: &Path) -> Self {
        Self {
            folder: cache.join("store").join(LAYOUT),
            seen: Arc::default(),
        }
    }

    /// The store's own folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was digested lately: when inputs were verified, left by steps, or planned with.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The artifact of this key, if there is one. Reads one small file, writes nothing.
    ///
    /// # Errors
    /// When the result is there but cannot be read. One that cannot be understood counts as absent.
    pub fn lookup(&self, key: &Digest) -> Result<Option<Artifact>> {
        Artifact::load(self, key)
    }

    /// The artifact of this key, or the right to make it. Waits while somebody else makes it; `waiting` is
    /// called once before that.
    ///
    /// # Errors
    /// When the store's folder cannot be written.
    pub fn claim(&self, key: &Digest, waiting: impl FnOnce(&str)) -> Result<Claim> {
        if let Some(artifact) = self.lookup(key)? {
            return Ok(Claim::Hit(artifact));
        }
        let lock = Guard::exclusive_after(&self.path("locks", key, ""), waiting)?;
        // Whoever held the lock before us may have made it.
        if let Some(artifact) = self.lookup(key)? {
            return Ok(Claim::Hit(artifact));
        }
        Slot::open(self, *key, lock).map(Claim::Miss)
    }

    /// Forgets a result, so that its step runs again.
    ///
    /// # Errors
    /// When it is there but cannot be removed.
    pub fn forget(&self, key: &Digest) -> Result<()> {
        remove_if_there(&self.result_path(key))
    }

    /// Held by everyone who builds; `gc` and `verify` wait for it, and it for them: `waiting` is called once then.
    ///
    /// # Errors
    /// When the store's folder cannot be written.
    pub fn share(&self, waiting: impl FnOnce(&str)) -> Result<Guard> {
        Guard::shared_after(&self.folder, waiting)
    }

    /// Where the log of the step with this key is.
    #[must_use]
    pub fn log_path(&self, key: &Digest) -> PathBuf {
        self.path("logs", key, ".log")
    }

    /// Where the bytes of this digest are.
    #[must_use]
    pub fn object_path(&self, digest: &Digest) -> PathBuf {
        self.sharded("objects", digest, "")
    }

    fn result_path(&self, key: &Digest) -> PathBuf {
        self.sharded("results", key, ".json")
    }

    fn path(&self, room: &str, key: &Digest, suffix: &str) -> PathBuf {
        self.folder.join(room).join(format!("{key}{suffix}"))
    }

    fn sharded(&self, room: &str, digest: &Digest, suffix: &str) -> PathBuf {
        let name = digest.to_string();
        self.folder
            .join(room)
            .join(&name[..2])
            .join(format!("{name}{suffix}"))
    }
}

#[cfg(test)]
mod tests;
