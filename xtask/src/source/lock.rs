//! `recipes/sources.lock`: what builds used, by digest. Generated, sorted, kept in git; only what
//! changed changes in it. When it moves is decided by `resolve`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use toml::Spanned;

use super::apt::Candidate;
use super::spec::{self, Policy, Source};
use super::sysroot::{self, Solution};
use crate::date;
use crate::debian::version::Version;
use crate::digest::Digest;
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::files::{self, Guard};

const HEADER: &str = "\
# What builds used, by digest. Written by builds that follow a suite and by `cargo xtask update`;
# keep it in git. After a merge conflict, take either side and run `cargo xtask update`.
";

/// A file of a Debian archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Where it is in the archive, such as `pool/main/b/busybox/busybox_1.35.0.orig.tar.bz2`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Digest,
}

impl LockedFile {
    /// A file whose path can do no harm in an address or as a file name; nothing for other paths.
    #[must_use]
    pub fn checked(path: &str, size: u64, sha256: Digest) -> Option<Self> {
        let harmless = |c: u8| c.is_ascii_alphanumeric() || b"/.+-~_:=%".contains(&c);
        let right = path.bytes().all(harmless)
            && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !path.starts_with('-');
        right.then(|| Self {
            path: path.to_owned(),
            size,
            sha256,
        })
    }

    /// Its name without the folders.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// What an entry is about. The policy is part of it: what a recipe pins is not moved by another
/// recipe that follows the same suite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The package.
    pub package: String,
    /// The suite.
    pub suite: String,
    /// The architecture of a binary package; nothing for a source package.
    pub arch: Option<String>,
    /// Whether builds move it.
    pub policy: Policy,
}

impl Key {
    /// What the lock calls this source when it is for `arch`; nothing for sources that recipes pin by themselves.
    #[must_use]
    pub fn of(source: &Source, arch: &str) -> Option<Self> {
        let (package, suite, policy, arch) = match source {
            Source::DebianSource {
                package,
                suite,
                policy,
            } => (package, suite, policy, None),
            Source::DebianBinary {
                package,
                suite,
                policy,
                ..
            } => (package, suite, policy, Some(arch.to_owned())),
            Source::Url { .. } | Source::Directory { .. } => return None,
        };
        Some(Self {
            package: package.clone(),
            suite: suite.clone(),
            arch,
            policy: *policy,
        })
    }

    /// The same under another policy.
    #[must_use]
    pub fn under(&self, policy: Policy) -> Self {
        Self {
            policy,
            ..self.clone()
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.arch.is_some() {
            "package"
        } else {
            "source package"
        };
        write!(f, "the {kind} {} of {}", self.package, self.suite)
    }
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The package's version.
    pub version: String,
    /// The day it was recorded, UTC, as `2026-01-31`; for people.
    pub recorded: String,
    /// Its files.
    pub files: Vec<LockedFile>,
}

impl Entry {
    /// What a look at a suite found, recorded at `now`.
    #[must_use]
    pub fn new(found: Candidate, now: SystemTime) -> Self {
        Self {
            version: found.version.to_string(),
            recorded: day(now),
            files: found.files,
        }
    }

    /// Whether it is the same bytes, whenever it was recorded.
    #[must_use]
    pub fn same_bytes(&self, other: &Self) -> bool {
        (&self.version, &self.files) == (&other.version, &other.files)
    }
}

/// No lock is longer, in bytes: a sysroot of 300 packages has 70 kB.
const LONGEST: u64 = 4 << 20;

/// The lock as it was read; or what is to be recorded in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Sources, one package each.
    pub sources: BTreeMap<Key, Entry>,
    /// Sets of packages that apt's solver found to belong together.
    pub sysroots: BTreeMap<sysroot::Key, Solution>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    source: Vec<Spanned<Written>>,
    #[serde(default)]
    sysroot: Vec<Spanned<sysroot::Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    package: String,
    suite: String,
    arch: Option<String>,
    policy: Policy,
    version: String,
    recorded: String,
    files: Vec<LockedFile>,
}

impl Lock {
    /// Reads the lock; one that is not there is empty. `name` is what its failures call it.
    ///
    /// # Errors
    /// [`Kind::Recipe`] with the place that is wrong; what reading fails with.
    pub fn load(path: &Path, name: &Path) -> Result<Self> {
        let refuse = |why: &str| {
            let failure = Failure::new(Kind::Recipe, format!("{} {why}", name.display()));
            Err(failure.hint("remove it, and run `cargo xtask update`"))
        };
        match path.metadata() {
            // A pipe or a device would be read for ever.
            Ok(about) if !about.is_file() => return refuse("is no regular file"),
            Ok(about) if about.len() > LONGEST => {
                return refuse("is longer than 4 MiB: no lock ever is");
            }
            _ => {}
        }
        match fs_err::read_to_string(path) {
            Ok(text) => Self::parse(&text, name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(text: &str, name: &Path) -> Result<Self> {
        let wrong = |span: std::ops::Range<usize>, message: &str| {
            let diagnostic = Diagnostic {
                file: name.to_owned(),
                text: Arc::from(text),
                span,
                message: message.to_owned(),
                label: String::new(),
                help: None,
            };
            Failure::new(Kind::Recipe, format!("{} cannot be read: {message}", name.display()))
                .diagnostics(vec![diagnostic])
                .hint("take back the change (`git checkout`), or remove the file and run `cargo xtask update`")
        };
        let file: File = toml::from_str(text)
            .map_err(|error| wrong(error.span().unwrap_or(0..0), error.message()))?;
        let mut lock = Self::default();
        for written in file.source {
            let span = written.span();
            let checked = written.into_inner().checked();
            let (key, entry) = checked.map_err(|what| wrong(span.clone(), what))?;
            if lock.sources.insert(key, entry).is_some() {
                return Err(wrong(span, "this package has an entry already"));
            }
        }
        for written in file.sysroot {
            let span = written.span();
            let checked = written.into_inner().checked();
            let (key, solution) = checked.map_err(|what| wrong(span.clone(), what))?;
            if lock.sysroots.insert(key, solution).is_some() {
                return Err(wrong(span, "this sysroot has an entry already"));
            }
        }
        Ok(lock)
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (key, entry) in &self.sources {
            write(&mut text, key, entry).expect("a string can be written to");
        }
        for (key, solution) in &self.sysroots {
            sysroot::write(&mut text, key, solution).expect("a string can be written to");
        }
        text
    }

    /// Records what is news in the file at `path` and returns the lock as it is then. What other processes recorded
    /// meanwhile is kept; the file is written only when something changes, and then whole.
    ///
    /// # Errors
    /// As [`Lock::load`]; what writing fails with.
    pub fn record(path: &Path, name: &Path, news: Self) -> Result<Self> {
        Self::change(path, name, |lock| {
            // The day stays with the bytes: looking again and finding the same changes nothing.
            for (key, entry) in news.sources {
                if !lock
                    .sources
                    .get(&key)
                    .is_some_and(|old| old.same_bytes(&entry))
                {
                    lock.sources.insert(key, entry);
                }
            }
            for (key, solution) in news.sysroots {
                let same = |old: &Solution| old.packages == solution.packages;
                if !lock.sysroots.get(&key).is_some_and(same) {
                    lock.sysroots.insert(key, solution);
                }
            }
        })
    }

    /// Forgets the sysroots that are not `wanted` any more, and returns them: a recipe whose list of packages changes leaves one behind.
    /// What was followed stays for a pin that was not recorded yet, which takes it over.
    ///
    /// # Errors
    /// As [`Lock::record`].
    pub fn forget(
        path: &Path,
        name: &Path,
        wanted: &BTreeSet<sysroot::Key>,
    ) -> Result<BTreeMap<sysroot::Key, Solution>> {
        let kept = |lock: &Self| -> BTreeSet<sysroot::Key> {
            let new = wanted
                .iter()
                .filter(|key| !lock.sysroots.contains_key(*key));
            let followed = new.map(|key| key.under(Policy::Follow));
            wanted.iter().cloned().chain(followed).collect()
        };
        let before = Self::load(path, name)?;
        let kept_before = kept(&before);
        let mut gone = BTreeMap::new();
        if before.sysroots.keys().any(|key| !kept_before.contains(key)) {
            Self::change(path, name, |lock| {
                let kept = kept(lock);
                let all = std::mem::take(&mut lock.sysroots).into_iter();
                (lock.sysroots, gone) = all.partition(|(key, _)| kept.contains(key));
            })?;
        }
        Ok(gone)
    }

    fn change(path: &Path, name: &Path, change: impl FnOnce(&mut Self)) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let _alone = Guard::exclusive(folder)?;
        files::remove_unfinished(folder)?;
        let mut lock = Self::load(path, name)?;
        let before = lock.clone();
        change(&mut lock);
        if lock != before {
            files::replace(path, lock.text().as_bytes())?;
        }
        Ok(lock)
    }
}

impl Written {
    /// Nothing that comes from the file may do harm in a path, an address or a command line.
    fn checked(self) -> Result<(Key, Entry), &'static str> {
        let path =
            |file: &LockedFile| LockedFile::checked(&file.path, file.size, file.sha256).is_some();
        let arch = self.arch.as_deref();
        let rules = [
            (
                spec::is_package(&self.package),
                "`package` is no name of a package",
            ),
            (spec::is_suite(&self.suite), "`suite` is no name of a suite"),
            (
                arch.is_none_or(spec::is_package),
                "`arch` is no name of an architecture",
            ),
            (
                self.version.parse::<Version>().is_ok(),
                "`version` is no version of a package",
            ),
            (
                is_day(&self.recorded),
                "`recorded` is no day such as 2026-01-31",
            ),
            (!self.files.is_empty(), "`files` is empty"),
            (
                self.files.iter().all(path),
                "a `path` in `files` is not one of an archive's pool",
            ),
        ];
        keep(&rules)?;
        let key = Key {
            package: self.package,
            suite: self.suite,
            arch: self.arch,
            policy: self.policy,
        };
        let entry = Entry {
            version: self.version,
            recorded: self.recorded,
            files: self.files,
        };
        Ok((key, entry))
    }
}

/// The first of these rules that is not kept, if there is one: whether it is kept, and what is said when it is not.
pub(super) fn keep(rules: &[(bool, &'static str)]) -> Result<(), &'static str> {
    match rules.iter().find(|(kept, _)| !kept) {
        Some((_, rule)) => Err(rule),
        None => Ok(()),
    }
}

/// The day in UTC as `2026-01-31`; before 1970 it is 1970-01-01.
pub(super) fn day(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let mut text = date::iso8601(i64::try_from(seconds).unwrap_or(0));
    text.truncate("2026-01-31".len());
    text
}

pub(super) fn is_day(text: &str) -> bool {
    date::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}

/// Every string was checked to need no escaping.
fn write(text: &mut String, key: &Key, entry: &Entry) -> std::fmt::Result {
    writeln!(
        text,
        "\n[[source]]\npackage = \"{}\"\nsuite = \"{}\"",
        key.package, key.suite
    )?;
    if let Some(arch) = &key.arch {
        writeln!(text, "arch = \"{arch}\"")?;
    }
    writeln!(text, "policy = \"{}\"", key.policy.name())?;
    writeln!(
        text,
        "version = \"{}\"\nrecorded = \"{}\"\nfiles = [",
        entry.version, entry.recorded
    )?;
    for LockedFile { path, size, sha256 } in &entry.files {
        writeln!(
            text,
            "    {{ path = \"{path}\", size = {size}, sha256 = \"{sha256}\" }},"
        )?;
    }
    writeln!(text, "]")
}

#[cfg(test)]
mod tests;
