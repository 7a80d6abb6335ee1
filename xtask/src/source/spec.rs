//! Where a source comes from, as a recipe says it: plain data, and which names may reach apt.
//! Complaining about recipes is `recipe`'s; what the bytes are is `resolve`'s, getting them `fetch`'s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Where one source comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A Debian source package: upstream's tarball with Debian's patches applied.
    DebianSource {
        /// Name of the source package.
        package: String,
        /// The suite it is taken from, with its updates and security suites.
        #[serde(default = "default_suite")]
        suite: String,
        /// Which bytes will do.
        #[serde(default)]
        policy: Policy,
    },
    /// A Debian binary package, unpacked; no maintainer script is run.
    DebianBinary {
        /// Name of the package.
        package: String,
        /// The suite it is taken from, with its updates and security suites.
        #[serde(default = "default_suite")]
        suite: String,
        /// Which bytes will do.
        #[serde(default)]
        policy: Policy,
        /// A tarball inside the package that is the source proper, such as `usr/src/linux-source-6.1.tar.xz`.
        member: Option<String>,
    },
    /// A tarball from the network.
    Url {
        /// `http://` or `https://`.
        url: String,
        /// Digest of the tarball.
        sha256: Digest,
        /// Other addresses of the same bytes, tried in order.
        #[serde(default)]
        mirrors: Vec<String>,
    },
    /// A folder, relative to the checkout. Of its files' modes only the exec bit counts, as in version control: set-id bits and
    /// capabilities are not in the image.
    Directory {
        /// Its path.
        path: String,
    },
}

fn default_suite() -> String {
    "bookworm".to_owned()
}

/// Which bytes of a Debian package will do.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Only those that `recipes/sources.lock` names.
    Pin,
    /// What the suite has now: signature-checked by apt, recorded in the lock.
    #[default]
    Follow,
}

impl Policy {
    /// Its name in recipes and in the lock.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Follow => "follow",
        }
    }
}

/// Whether this can be the name of a Debian package (Debian Policy 5.6.1).
#[must_use]
pub fn is_package(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"+-.".contains(&c))
}

/// Whether this can be the name of a suite: a codename or an alias, perhaps with a part such as `-backports`.
#[must_use]
pub fn is_suite(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-.".contains(&c))
}

/// Whether this can be the name of one of a suite's components, such as `main` or `non-free-firmware`.
#[must_use]
pub fn is_component(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// The component that sources are taken from.
#[must_use]
pub fn main_component() -> Vec<String> {
    vec!["main".to_owned()]
}

/// Whether this is a relative path that stays inside the folder it is relative to.
#[must_use]
pub fn is_inside(path: &str) -> bool {
    use std::path::{Component, Path};
    let within = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !path.is_empty() && !path.contains('\0') && Path::new(path).components().all(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_change_apts_configuration_are_refused() {
        for bad in [
            "",
            "a",
            "-o",
            "a b",
            "a\nb",
            "busybox=1",
            "../x",
            "Busybox",
            "a;b",
            "a\0",
        ] {
            assert!(!is_package(bad), "{bad:?}");
        }
        for bad in [
            "",
            "book worm",
            "bookworm\nURIs: x",
            "bookworm/updates",
            "-x",
            "../x",
            "$(ARCH)",
        ] {
            assert!(!is_suite(bad), "{bad:?}");
        }
        assert!(is_package("g++") && is_package("linux-source-6.1") && is_package("7zip"));
        for bad in [
            "",
            "-x",
            "main contrib",
            "main\nURIs: x",
            "updates/main",
            "Main",
        ] {
            assert!(!is_component(bad), "{bad:?}");
        }
        assert!(is_component("main") && is_component("non-free-firmware"));
        assert!(is_suite("bookworm") && is_suite("bookworm-backports") && is_suite("sid"));
    }
}
