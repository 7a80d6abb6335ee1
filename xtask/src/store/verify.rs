//! Verifying everything in the store against its digests.

use serde::Serialize;

use super::{Store, artifact};
use crate::digest::Digest;
use crate::failure::Result;
use crate::files::{Guard, remove_if_there};

/// A result that was damaged, and is now forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its key.
    pub key: Digest,
    /// What was wrong with it.
    pub what: String,
}

impl Store {
    /// Digests every object; waits for builds that run. What is damaged is removed, so that the next build makes it again. Returns how
    /// many results were looked at, and which were damaged.
    ///
    /// # Errors
    /// When the store cannot be read, or what is damaged cannot be removed.
    pub fn verify(&self, waiting: impl FnOnce(&str)) -> Result<(usize, Vec<Damage>)> {
        if !self.folder.exists() {
            return Ok((0, Vec::new()));
        }
        let _alone = Guard::exclusive_after(&self.folder, waiting)?;
        let keys = self.keys()?;
        let mut damages = Vec::new();
        for key in &keys {
            // Absent here means that its objects are gone, or not of the length they should be.
            let what = match self.lookup(key)? {
                None => {
                    "its record or one of its objects is missing or of the wrong length".to_owned()
                }
                Some(artifact) => {
                    // Only these: what is whole may be another result's, too.
                    let damaged = artifact.damaged()?;
                    for (_, output) in &damaged {
                        remove_if_there(&self.object_path(&output.digest))?;
                    }
                    match damaged.first() {
                        Some((name, _)) => artifact::damaged(name, key).to_string(),
                        None => continue,
                    }
                }
            };
            self.forget(key)?;
            damages.push(Damage { key: *key, what });
        }
        Ok((keys.len(), damages))
    }
}
