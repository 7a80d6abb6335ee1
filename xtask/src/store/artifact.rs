//! A result: what a step left in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Store, object};
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};

/// Whether an output is one file or a folder of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// A file; its digest is that of its bytes.
    File,
    /// A folder; its digest is that of the canonical encoding of its listing.
    Tree,
}

/// One output of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// File or folder.
    pub kind: OutputKind,
    /// Digest of the object.
    pub digest: Digest,
    /// Bytes of the file, or of all the files in the folder.
    pub size: u64,
}

/// The record of a result, as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// What was run: the value whose canonical encoding the key is the digest of.
    pub(super) definition: serde_json::Value,
    /// What it left.
    pub(super) outputs: BTreeMap<String, Output>,
    /// Wall-clock time that the step took, in milliseconds.
    pub(super) took_ms: u64,
}

impl Record {
    /// Whether it is what was once written for this key: its definition has that digest, and names the outputs.
    fn belongs_to(&self, key: &Digest) -> bool {
        let named = self.definition["outputs"].as_array();
        let named: BTreeSet<_> = named
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str())
            .collect();
        named.into_iter().eq(self.outputs.keys()) && Digest::of_value(&self.definition) == *key
    }
}

/// A step's outputs in the store.
#[derive(Clone, Debug)]
pub struct Artifact {
    store: Store,
    key: Digest,
    record: Record,
}

impl Artifact {
    pub(super) fn new(store: Store, key: Digest, record: Record) -> Self {
        Self { store, key, record }
    }

    pub(super) fn load(store: &Store, key: &Digest) -> Result<Option<Self>> {
        let bytes = match fs_err::read(store.result_path(key)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // A record that was cut or altered is as good as none: the step runs again and replaces it.
        let record = serde_json::from_slice::<Record>(&bytes);
        let Some(record) = record.ok().filter(|record| record.belongs_to(key)) else {
            return Ok(None);
        };
        let artifact = Self::new(store.clone(), *key, record);
        let whole = artifact
            .record
            .outputs
            .values()
            .all(|output| artifact.shape_fits(output));
        Ok(Some(artifact).filter(|_| whole))
    }

    /// The key it is found under.
    #[must_use]
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// What the step left, by name.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<String, Output> {
        &self.record.outputs
    }

    /// The step's definition, as it was when it ran.
    #[must_use]
    pub fn definition(&self) -> &serde_json::Value {
        &self.record.definition
    }

    /// Where an output is. It must not be written to.
    ///
    /// # Errors
    /// A bug, when the step has no such output.
    pub fn path(&self, output: &str) -> Result<PathBuf> {
        let output = self.output(output)?;
        Ok(self.store.object_path(&output.digest))
    }

    /// One output's record.
    ///
    /// # Errors
    /// A bug, when the step has no such output.
    pub fn output(&self, name: &str) -> Result<&Output> {
        self.record
            .outputs
            .get(name)
            .ok_or_else(|| Failure::bug(format!("no output {name:?} in {}", self.key)))
    }

    /// Reads an output that is a file, verified.
    ///
    /// # Errors
    /// [`Kind::Store`] when its bytes do not have their digest.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        let output = self.output(name)?;
        let bytes = fs_err::read(self.store.object_path(&output.digest))?;
        if Digest::of(&bytes) == output.digest {
            Ok(bytes)
        } else {
            Err(damaged(name, &self.key))
        }
    }

    /// Reads and digests every output.
    ///
    /// # Errors
    /// [`Kind::Store`] when one does not have its digest.
    pub fn verify(&self) -> Result<()> {
        match self.damaged()?.first() {
            Some((name, _)) => Err(damaged(name, &self.key)),
            None => Ok(()),
        }
    }

    /// Reads and digests every output; those that do not have their digest, or cannot be read.
    pub(super) fn damaged(&self) -> Result<Vec<(&str, &Output)>> {
        let mut damaged = Vec::new();
        for (name, output) in &self.record.outputs {
            match object::read(&self.store.object_path(&output.digest), &self.store.seen) {
                Ok(found) if found.digest == output.digest && found.kind == output.kind => {}
                Err(failure) if failure.kind == Kind::Interrupted => return Err(failure),
                Ok(_) | Err(_) => damaged.push((name.as_str(), output)),
            }
        }
        Ok(damaged)
    }

    /// The cheap half of verifying: there, of the right kind, and a file of the right length.
    fn shape_fits(&self, output: &Output) -> bool {
        let path = self.store.object_path(&output.digest);
        path.symlink_metadata().is_ok_and(|meta| match output.kind {
            OutputKind::File => meta.is_file() && meta.len() == output.size,
            OutputKind::Tree => meta.is_dir(),
        })
    }
}

pub(super) fn damaged(output: &str, key: &Digest) -> Failure {
    Failure::new(Kind::Store, format!("the store's copy of {output:?} of {} is damaged", key.short()))
        .hint("`cargo xtask store verify` finds and removes everything damaged; the next build makes it again")
}
