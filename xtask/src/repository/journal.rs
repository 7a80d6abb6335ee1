//! What is being published. Once this is written, all that clients need is in the place already but under its final names; whoever finds it goes on with it, as often
//! as it takes, and everything ends as if nobody had been killed.
//!
//! It is kept where anybody who can write there could change it. So what it says about indexes is believed only as far as it is signed, and it can have
//! nothing removed but packages and indexes by their digest.

use serde::{Deserialize, Serialize};

use super::place::checked;
use super::state::State;

/// The rest of a publishing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Journal {
    /// The bytes of `InRelease`, which hold the text of `Release`.
    pub(super) in_release: String,
    /// The bytes of `Release.gpg`.
    pub(super) release_gpg: String,
    /// Architectures whose plain-named indexes are to be replaced.
    pub(super) indexes: Vec<String>,
    /// The snapshot that is taken.
    pub(super) snapshot: Option<String>,
    /// The state afterwards.
    pub(super) state: State,
    /// What nobody has needed for long enough.
    pub(super) remove: Vec<String>,
}

impl Journal {
    /// Its text.
    ///
    /// # Errors
    /// None: strings and numbers can be written.
    pub(super) fn text(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }

    /// The files that are to be removed, as far as it may have them removed.
    #[must_use]
    pub(super) fn removable(&self) -> Vec<String> {
        self.remove
            .iter()
            .filter(|name| checked(name).is_ok() && may_go(name))
            .cloned()
            .collect()
    }
}

/// Whether a file is one of those that come and go: a package, or an index by its digest.
#[must_use]
pub(super) fn may_go(name: &str) -> bool {
    let is_package = name.starts_with("pool/") && name.ends_with(".deb");
    is_package || (name.starts_with("dists/") && name.contains("/by-hash/SHA256/"))
}

#[cfg(test)]
mod tests {
    use super::may_go;

    #[test]
    fn only_packages_and_indexes_by_digest_are_ever_removed() {
        assert!(may_go("pool/main/a/a/a_1_all.deb"));
        assert!(may_go("dists/stable/main/binary-amd64/by-hash/SHA256/ab"));
        for kept in [
            "dists/stable/InRelease",
            "index.html",
            "pool/a_1.dsc",
            "x/pool/a.deb",
        ] {
            assert!(!may_go(kept), "{kept}");
        }
    }
}
