//! A result: what a step left in the store.

use std::collections::BTreeMap;
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
        let Ok(record) = serde_json::from_slice::<Record>(&bytes) else {
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

    /// Wall-clock time that the step took when it ran, in milliseconds.
    #[must_use]
    pub fn took_ms(&self) -> u64 {
        self.record.took_ms
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

    /// Reads and digests every output that is a file; trees too when `trees`.
    ///
    /// # Errors
    /// [`Kind::Store`] when one does not have its digest.
    pub fn verify(&self, trees: bool) -> Result<()> {
        for (name, output) in &self.record.outputs {
            let path = self.store.object_path(&output.digest);
            let digest = match output.kind {
                OutputKind::File => Digest::of_file(&path)?.0,
                OutputKind::Tree if trees => object::measure_tree(&path)?.digest,
                OutputKind::Tree => continue,
            };
            if digest != output.digest {
                return Err(damaged(name, &self.key));
            }
        }
        Ok(())
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

fn damaged(output: &str, key: &Digest) -> Failure {
    Failure::new(Kind::Store, format!("the store's copy of {output:?} of {} is damaged", key.short()))
        .hint("`cargo xtask store verify` finds and removes everything damaged; the next build makes it again")
}
