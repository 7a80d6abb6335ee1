//! Where a source comes from, as a recipe says it: plain data and the rules its strings must keep.
//! What the bytes are is `resolve`'s, getting them is `fetch`'s.

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
    /// A folder, relative to the checkout.
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

impl Source {
    /// Which bytes will do; nothing for sources that no suite moves.
    #[must_use]
    pub const fn policy(&self) -> Option<Policy> {
        match self {
            Self::DebianSource { policy, .. } | Self::DebianBinary { policy, .. } => Some(*policy),
            Self::Url { .. } | Self::Directory { .. } => None,
        }
    }

    /// What is wrong with the strings it is made of: the key, and what would be right. Names end up in
    /// apt's configuration and in addresses, so nothing but what Debian's policy allows will do.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let mut mistakes = Vec::new();
        let mut check = |key, right: bool, rule| {
            if !right {
                mistakes.push((key, rule));
            }
        };
        match self {
            Self::DebianSource { package, suite, .. }
            | Self::DebianBinary { package, suite, .. } => {
                check("package", is_package(package), PACKAGE_RULE);
                check("suite", is_suite(suite), SUITE_RULE);
            }
            Self::Url { url, mirrors, .. } => {
                check("url", is_url(url), URL_RULE);
                check("mirrors", mirrors.iter().all(|url| is_url(url)), URL_RULE);
            }
            Self::Directory { path } => check("path", is_inside(path), PATH_RULE),
        }
        if let Self::DebianBinary {
            member: Some(member),
            ..
        } = self
        {
            check("member", is_inside(member), PATH_RULE);
        }
        mistakes
    }
}

const PACKAGE_RULE: &str = "a Debian package name: at least two of a-z, 0-9, `+`, `-`, `.`, beginning with a letter or digit";
const SUITE_RULE: &str = "a Debian suite: a-z, 0-9, `-`, `.`, beginning with a letter";
const URL_RULE: &str = "an address that begins with http:// or https:// and has no spaces";
const PATH_RULE: &str = "a relative path without `..`";

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

/// Whether this is an address that can be fetched.
#[must_use]
pub fn is_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.starts_with('/') && rest.len() > 1)
        && url
            .bytes()
            .all(|c| c.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&c))
}

/// Whether this is a relative path that stays inside the folder it is relative to.
#[must_use]
pub fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && std::path::Path::new(path).components().all(|part| {
            matches!(
                part,
                std::path::Component::Normal(_) | std::path::Component::CurDir
            )
        })
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
        assert!(is_suite("bookworm") && is_suite("bookworm-backports") && is_suite("sid"));
    }

    #[test]
    fn addresses_are_http_without_spaces() {
        for bad in [
            "",
            "http://",
            "http:///x",
            "ftp://h/x",
            "file:///etc/passwd",
            "http://h/a b",
            "http://h/\r\nX: y",
        ] {
            assert!(!is_url(bad), "{bad:?}");
        }
        assert!(is_url("http://h/x") && is_url("https://h:8443/a?b=%20"));
    }

    #[test]
    fn every_mistake_names_its_key() {
        let source = Source::DebianBinary {
            package: "X".into(),
            suite: "Y".into(),
            policy: Policy::Pin,
            member: Some("/etc/passwd".into()),
        };
        let keys: Vec<_> = source.mistakes().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["package", "suite", "member"]);
        let folder = Source::Directory {
            path: "../x".into(),
        };
        assert_eq!(folder.mistakes().len(), 1);
    }
}
