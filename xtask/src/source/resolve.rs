//! From what a recipe says to the bytes it means. Planning asks [`recorded`], which reads nothing but the
//! lock it is given; before that, [`Suites::refresh`] looks at the suites whose last look is too long ago
//! and records what they have. Getting the bytes is `fetch`'s.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::apt::{Candidate, Debian};
use super::lock::{Entry, Key, Lock, LockedFile};
use super::mirror;
use super::spec::{Policy, Source};
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Doing, Failure, Kind, Result};

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

/// A pin that was never recorded takes over what was followed so far: changing a recipe from `follow` to `pin` freezes
/// what it was built from.
fn entry<'a>(key: &Key, lock: &'a Lock) -> Option<&'a Entry> {
    let followed = || lock.0.get(&key.under(Policy::Follow));
    lock.0.get(key).or_else(followed)
}

fn from_pool(file: &LockedFile, key: &Key) -> File {
    File {
        name: file.name().to_owned(),
        size: Some(file.size),
        sha256: file.sha256,
        origin: Origin::Pool {
            suite: key.suite.clone(),
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

/// Which sources are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Those that follow a suite whose last look is longer ago than this, or that were never recorded.
    After(Duration),
    /// All, pinned ones too: `cargo xtask update`.
    Now,
}

/// A source whose entry in the lock moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What it is.
    pub key: Key,
    /// The version before; nothing for a new entry.
    pub from: Option<String>,
    /// The version now.
    pub to: String,
}

/// What is needed to look at suites.
pub struct Suites<'a> {
    /// The archives.
    pub debian: &'a Debian,
    /// The lock file.
    pub lock: &'a Path,
    /// What failures call the lock file.
    pub name: &'a Path,
    /// Who hears of what was survived.
    pub listen: &'a dyn Listen,
}

impl Suites<'_> {
    /// Brings the lock up to date for these sources and returns it with what moved. Uses the network and writes
    /// the lock only where [`Look`] says so.
    ///
    /// When a suite cannot be looked at, but everything that follows it was recorded before, that is a warning.
    ///
    /// # Errors
    /// [`Kind::Source`] when a suite cannot be looked at or lacks a package, or when a pin has no entry; as [`Lock::record`].
    pub fn refresh(&self, sources: &[&Source], look: Look) -> Result<(Lock, Vec<Moved>)> {
        let lock = Lock::load(self.lock, self.name)?;
        let keys = sources
            .iter()
            .filter_map(|source| Key::of(source, &self.debian.arch));
        let keys: BTreeSet<Key> = keys.collect();
        let mut found = frozen(&keys, &lock, look)?;
        let suites: BTreeSet<&str> = keys.iter().map(|key| key.suite.as_str()).collect();
        for suite in suites {
            let keys: Vec<&Key> = keys.iter().filter(|key| key.suite == suite).collect();
            found.extend(self.suite(suite, &keys, &lock, look)?);
        }
        let moved = moves(&found, &lock);
        if moved.is_empty() {
            return Ok((lock, moved));
        }
        let lock = Lock::record(self.lock, self.name, found)?;
        Ok((lock, moved))
    }

    fn suite(
        &self,
        suite: &str,
        keys: &[&Key],
        lock: &Lock,
        look: Look,
    ) -> Result<Vec<(Key, Entry)>> {
        let moving = keys
            .iter()
            .filter(|key| look == Look::Now || key.policy == Policy::Follow);
        let moving: Vec<&Key> = moving.copied().collect();
        if moving.is_empty() {
            return Ok(Vec::new());
        }
        let root = self.debian.root(suite)?;
        let now = SystemTime::now();
        // A look in the future (the clock was set back) is none.
        let enough = |looked: SystemTime| match look {
            Look::After(limit) => now.duration_since(looked).is_ok_and(|age| age < limit),
            Look::Now => looked >= now,
        };
        let known = moving.iter().all(|key| lock.0.contains_key(key));
        if known && root.looked().is_some_and(enough) {
            return Ok(Vec::new());
        }
        if mirror::lacks_security(suite, root.archives()) {
            self.listen.hear(Event::Warning(format!(
                "no mirror of {suite}'s security updates is known: without them, {suite} is taken as it was released (name one in site.toml: debian-security = [\"http://…\"] under [mirrors])"
            )));
        }
        let answer = root.update(enough).and_then(|()| {
            let candidate = |key: &Key| -> Result<Candidate> {
                match key.arch {
                    Some(_) => root.binary(&key.package),
                    None => root.source(&key.package),
                }
            };
            let entry = |key: &&Key| Ok(((*key).clone(), Entry::new(candidate(key)?, now)));
            moving.iter().map(entry).collect()
        });
        match answer {
            Err(failure) if known && look != Look::Now && failure.kind == Kind::Source => {
                self.listen.hear(Event::Warning(format!(
                    "{suite} cannot be looked at now; going on with what {} has recorded ({failure})",
                    self.name.display()
                )));
                Ok(Vec::new())
            }
            answer => answer.doing(|| format!("cannot find out what {suite} has now")),
        }
    }
}

/// Entries for pins that were never recorded: what was followed so far.
fn frozen(keys: &BTreeSet<Key>, lock: &Lock, look: Look) -> Result<Vec<(Key, Entry)>> {
    let new = keys
        .iter()
        .filter(|key| key.policy == Policy::Pin && !lock.0.contains_key(key));
    if look == Look::Now {
        return Ok(Vec::new());
    }
    new.map(|key| {
        let entry = entry(key, lock).ok_or_else(|| {
            Failure::new(
                Kind::Source,
                format!("the recipe pins {key}, but nothing is recorded for it"),
            )
            .hint("record what the suite has now with `cargo xtask update`, and commit recipes/sources.lock")
        })?;
        Ok((key.clone(), entry.clone()))
    })
    .collect()
}

fn moves(found: &[(Key, Entry)], lock: &Lock) -> Vec<Moved> {
    let moved = |(key, entry): &(Key, Entry)| {
        let old = lock.0.get(key);
        (!old.is_some_and(|old| old.same_bytes(entry))).then(|| Moved {
            key: key.clone(),
            from: old.map(|old| old.version.clone()),
            to: entry.version.clone(),
        })
    };
    found.iter().filter_map(moved).collect()
}
