//! From what a recipe says to the bytes it means, as the lock says: what planning asks, which reads nothing but the lock it
//! is given. Bringing the lock up to date is `refresh`'s, getting the bytes `fetch`'s.

use serde::Serialize;

use super::lock::{Entry, Key, Lock, LockedFile};
use super::spec::{self, Policy, Source};
use super::sysroot::{self, Package, Solution};
use crate::digest::Digest;

/// Bytes that a source is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// The package's version; nothing for what is named by its digest alone.
    pub version: Option<String>,
    /// The files: a `.deb`; or a `.dsc` and what it lists; or a tarball.
    pub files: Vec<File>,
}

/// One file that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its name, without folders.
    pub name: String,
    /// Bytes, where known before.
    pub size: Option<u64>,
    /// Digest.
    pub sha256: Digest,
    /// Where it can be had.
    pub origin: Origin,
}

/// Where a file can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// From a suite's archives.
    Pool {
        /// The suite.
        suite: String,
        /// The suite's components that it was looked for in.
        components: Vec<String>,
        /// Path in the archive.
        path: String,
        /// Whether builds move on when it is gone.
        policy: Policy,
    },
    /// From these addresses, tried in order.
    Urls(Vec<String>),
}

impl File {
    /// Whether a build may look at the suite again when this is gone.
    #[must_use]
    pub const fn follows(&self) -> bool {
        matches!(
            self.origin,
            Origin::Pool {
                policy: Policy::Follow,
                ..
            }
        )
    }
}

/// The bytes that a source means, as the lock says; nothing where the lock has no entry yet, and for
/// folders, which are no files to be fetched. Reads and writes nothing.
#[must_use]
pub fn recorded(source: &Source, arch: &str, lock: &Lock) -> Option<Resolved> {
    if let Source::Url {
        url,
        sha256,
        mirrors,
    } = source
    {
        return Some(from_urls(url, mirrors, *sha256));
    }
    let key = Key::of(source, arch)?;
    let entry = entry(&key, lock)?;
    Some(Resolved {
        version: Some(entry.version.clone()),
        files: entry
            .files
            .iter()
            .map(|file| from_pool(file, &key))
            .collect(),
    })
}

/// The packages of a sysroot, as the lock says, each with the file it is; nothing where the lock has no entry yet. Reads and
/// writes nothing.
#[must_use]
pub fn recorded_sysroot(key: &sysroot::Key, lock: &Lock) -> Option<Vec<(Package, File)>> {
    let file = |package: &Package| File {
        name: package.file_name().to_owned(),
        size: Some(package.size),
        sha256: package.sha256,
        origin: Origin::Pool {
            suite: key.suite.clone(),
            components: key.components.clone(),
            path: package.path.clone(),
            policy: key.policy,
        },
    };
    let solution = solution(key, lock)?;
    let packages = solution.packages.iter();
    Some(
        packages
            .map(|package| (package.clone(), file(package)))
            .collect(),
    )
}

/// A pin that was never recorded takes over what was followed so far: changing a recipe from `follow` to `pin` freezes
/// what it was built from.
pub(super) fn entry<'a>(key: &Key, lock: &'a Lock) -> Option<&'a Entry> {
    let followed = || lock.sources.get(&key.under(Policy::Follow));
    lock.sources.get(key).or_else(followed)
}

/// The same for sysroots.
pub(super) fn solution<'a>(key: &sysroot::Key, lock: &'a Lock) -> Option<&'a Solution> {
    let followed = || lock.sysroots.get(&key.under(Policy::Follow));
    lock.sysroots.get(key).or_else(followed)
}

fn from_pool(file: &LockedFile, key: &Key) -> File {
    File {
        name: file.name().to_owned(),
        size: Some(file.size),
        sha256: file.sha256,
        origin: Origin::Pool {
            suite: key.suite.clone(),
            components: spec::main_component(),
            path: file.path.clone(),
            policy: key.policy,
        },
    }
}

fn from_urls(url: &str, mirrors: &[String], sha256: Digest) -> Resolved {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let addresses = std::iter::once(url.to_owned()).chain(mirrors.iter().cloned());
    Resolved {
        version: None,
        files: vec![File {
            name: name.unwrap_or("download").to_owned(),
            size: None,
            sha256,
            origin: Origin::Urls(addresses.collect()),
        }],
    }
}
