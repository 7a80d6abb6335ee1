//! Roots: what each checkout's recipes were last built from. They keep results from `gc`, and `explain`
//! compares against them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Store;
use crate::digest::Digest;
use crate::failure::{Failure, Result};
use crate::files;

/// What a recipe of a checkout was last built from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The checkout's top folder.
    pub checkout: PathBuf,
    /// The recipe's name.
    pub recipe: String,
    /// Every step of the plan, by its name.
    pub steps: BTreeMap<String, RootStep>,
}

/// One step of a root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootStep {
    /// Its key.
    pub key: Digest,
    /// What the key is the digest of; kept here so that it outlives the result.
    pub definition: serde_json::Value,
    /// What was in its inputs that are folders: input → path → what was there.
    #[serde(default)]
    pub folders: BTreeMap<String, BTreeMap<String, String>>,
}

impl Root {
    /// Whether the checkout still has the recipe.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.checkout
            .join("recipes")
            .join(format!("{}.toml", self.recipe))
            .is_file()
    }
}

impl Store {
    /// The root of a checkout's recipe, if it was ever built.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn root(&self, checkout: &Path, recipe: &str) -> Result<Option<Root>> {
        let path = self.root_path(checkout, recipe);
        match fs_err::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Records a root; the same one again writes nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_root(&self, root: &Root) -> Result<()> {
        if self.root(&root.checkout, &root.recipe)?.as_ref() == Some(root) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(root)
            .map_err(|error| Failure::bug(format!("a root cannot be written: {error}")))?;
        files::replace(&self.root_path(&root.checkout, &root.recipe), &bytes)
    }

    /// Every root by its file; nothing for one that cannot be understood.
    pub(super) fn roots(&self) -> Result<Vec<(PathBuf, Option<Root>)>> {
        let paths = super::gc::files_in(&self.folder.join("roots"))?;
        let read = |path: PathBuf| {
            let bytes = fs_err::read(&path)?;
            Ok((path, serde_json::from_slice(&bytes).ok()))
        };
        paths.into_iter().map(read).collect()
    }

    fn root_path(&self, checkout: &Path, recipe: &str) -> PathBuf {
        let id = Digest::of_value(&(checkout, recipe));
        self.path("roots", &id, ".json")
    }
}
