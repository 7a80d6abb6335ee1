//! Verifying everything in the store against its digests.

use serde::Serialize;

use super::Store;
use crate::digest::Digest;
use crate::failure::{Kind, Result};

/// A result that was damaged, and is now forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its key.
    pub key: Digest,
    /// What was wrong with it.
    pub what: String,
}

impl Store {
    /// Digests every object. What is damaged is removed, so that the next build makes it again. Returns how
    /// many results were looked at, and which were damaged.
    ///
    /// # Errors
    /// When the store cannot be read, or what is damaged cannot be removed.
    pub fn verify(&self) -> Result<(usize, Vec<Damage>)> {
        let keys = self.keys()?;
        let mut damages = Vec::new();
        for key in &keys {
            // Absent here means that its objects are gone, or not of the length they should be.
            let what = match self.lookup(key)? {
                None => {
                    "its record or one of its objects is missing or of the wrong length".to_owned()
                }
                Some(artifact) => match artifact.verify(true) {
                    Ok(()) => continue,
                    Err(failure) if failure.kind == Kind::Interrupted => return Err(failure),
                    Err(failure) => {
                        for output in artifact.outputs().values() {
                            crate::files::remove_if_there(&self.object_path(&output.digest))?;
                        }
                        failure.to_string()
                    }
                },
            };
            self.forget(key)?;
            damages.push(Damage { key: *key, what });
        }
        Ok((keys.len(), damages))
    }
}
