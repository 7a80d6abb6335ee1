//! What is in a sysroot, for those who take something from it: the packages, and which of them each path comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::archive::Attributes;
use crate::debian::installed::Packages;
use crate::failure::{Failure, Result};

/// The output `index` of the step `sysroot`, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Index {
    /// All packages, by name.
    pub packages: Packages,
    /// Path in the tree, without a leading slash → where it comes from. Every file and link is here; of directories only those
    /// that are not root's with mode 0755, under the first package that has them.
    pub files: BTreeMap<String, Member>,
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
}
