//! A slot: the right to make the artifact of one key, and the folder to make it in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::artifact::{Artifact, Output, OutputKind, Record};
use super::{Store, object};
use crate::digest::{Digest, Seen};
use crate::failure::{Doing, Failure, Result};
use crate::files::{self, Guard, remove_if_there};

/// The right to make one artifact. Dropped without [`Slot::commit`] or [`Slot::leave`], it leaves nothing but the log.
#[derive(Debug)]
pub struct Slot {
    store: Store,
    key: Digest,
    work: PathBuf,
    since: Instant,
    left: bool,
    /// Held until the slot is gone; the kernel lets go of it even when we are killed.
    _lock: Guard,
}

impl Slot {
    pub(super) fn open(store: &Store, key: Digest, lock: Guard) -> Result<Self> {
        let work = store.path("work", &key, "");
        // What a killed build left: we hold the lock, so nobody uses it.
        remove_if_there(&work)?;
        fs_err::create_dir_all(work.join("in"))?;
        fs_err::create_dir_all(work.join("out"))?;
        remove_if_there(&store.log_path(&key))?;
        Ok(Self {
            store: store.clone(),
            key,
            work,
            since: Instant::now(),
            left: false,
            _lock: lock,
        })
    }

    /// Where the step's inputs are laid out.
    #[must_use]
    pub fn inputs(&self) -> PathBuf {
        self.work.join("in")
    }

    /// Where the step leaves its outputs, by their names.
    #[must_use]
    pub fn outputs(&self) -> PathBuf {
        self.work.join("out")
    }

    /// The folder of both, and of whatever else the step writes. The same for the same key, so that paths
    /// that a tool writes into its output do not differ from run to run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.work
    }

    /// Where the step's tools write what they say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.store.log_path(&self.key)
    }

    /// As [`Store::seen`].
    #[must_use]
    pub fn seen(&self) -> &Seen {
        self.store.seen()
    }

    /// Leaves the folder as it is, for somebody who wants to see why the step failed. The next claim of this key removes it, or gc.
    pub fn leave(&mut self) {
        self.left = true;
    }

    /// Moves the outputs into the store and names them by a result.
    ///
    /// # Errors
    /// When an output is missing, or the store cannot be written; then there is no result.
    pub fn commit(self, names: &[String], definition: &serde_json::Value) -> Result<Artifact> {
        let mut outputs = BTreeMap::new();
        for name in names {
            let path = self.outputs().join(name);
            let output = object::read(&path, &self.store.seen)
                .doing(|| format!("the step left no output {name:?}"))?;
            self.keep(&path, &output)?;
            outputs.insert(name.clone(), output);
        }
        let took_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let record = Record {
            definition: definition.clone(),
            outputs,
            took_ms,
        };
        let bytes = serde_json::to_vec_pretty(&record)
            .map_err(|error| Failure::bug(format!("a result cannot be written: {error}")))?;
        files::replace(&self.store.result_path(&self.key), &bytes)?;
        Ok(Artifact::new(self.store.clone(), self.key, record))
    }

    /// Renames one output to its place among the objects.
    fn keep(&self, path: &Path, output: &Output) -> Result<()> {
        let place = self.store.object_path(&output.digest);
        fs_err::create_dir_all(place.parent().unwrap_or(&place))?;
        sync(path, output.kind)?;
        // The same bytes may be there from another step. They are replaced: ours are known to be good.
        if output.kind == OutputKind::File {
            read_only(path)?;
        }
        files::exchange(path, &place)
    }
}

/// The bytes must be on the disk before a result names them, or a power cut would leave a result that lies.
fn sync(path: &Path, kind: OutputKind) -> Result<()> {
    let file = fs_err::File::open(path)?;
    match kind {
        OutputKind::File => file.sync_all()?,
        OutputKind::Tree => rustix::fs::syncfs(&file).map_err(std::io::Error::from)?,
    }
    Ok(())
}

fn read_only(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs_err::set_permissions(
        path,
        std::fs::Permissions::from_mode(0o444),
    )?)
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        // What cannot be removed now is removed by the next claim of this key, or by gc.
        remove_if_there(&self.work).ok();
    }
}
