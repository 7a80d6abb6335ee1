//! What is in a sysroot, for those who take something from it: the packages, and which of them each path comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::archive::Attributes;
use crate::digest::Digest;
use crate::failure::{Failure, Result};

/// The output `index` of the step `sysroot`, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Index {
    /// All packages, by name.
    pub packages: BTreeMap<String, Unpacked>,
    /// Path in the tree, without a leading slash → where it comes from. Every file and link is here; of directories only those
    /// that are not root's with mode 0755, under the first package that has them.
    pub files: BTreeMap<String, Member>,
}

/// A package that was unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unpacked {
    /// Its version.
    pub version: String,
    /// Debian's name of the architecture it is for, or `all`.
    pub architecture: String,
    /// The source package it was built from.
    pub source: String,
    /// That source package's version.
    pub source_version: String,
    /// Digest of the `.deb`.
    pub sha256: Digest,
}

/// A path that a package brought, with what a tree in the store does not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Name of the package.
    pub package: String,
    /// Mode, owner and group in the package.
    #[serde(flatten)]
    pub attributes: Attributes,
}

impl Index {
    /// Reads what the step wrote.
    ///
    /// # Errors
    /// A bug, when it is not that.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Failure::bug(format!("the sysroot's index cannot be read: {error}")))
    }

    /// The text of the output.
    ///
    /// # Errors
    /// A bug, when it cannot be written.
    pub fn text(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| {
            Failure::bug(format!("the sysroot's index cannot be written: {error}"))
        })
    }

    /// The package that a path comes from.
    #[must_use]
    pub fn package_of(&self, path: &str) -> Option<(&str, &Unpacked)> {
        let name = &self.files.get(path)?.package;
        Some((name, self.packages.get(name)?))
    }
}
