//! A set of Debian packages that belong together, as the lock knows it: what was asked for, and every package that
//! apt's solver answered with. The solving is `apt`'s, when it is done `resolve`'s, unpacking them `steps`'.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::lock::{LockedFile, is_day, keep};
use super::spec::{self, Policy};
use crate::debian::version::Version;
use crate::digest::Digest;

/// What is asked for. All of it identifies an entry of the lock, so recipes that ask for the same share one, and
/// two that do not never move each other's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Key {
    /// The suite.
    pub suite: String,
    /// Debian's name of the architecture.
    pub arch: String,
    /// The suite's parts that packages may come from, sorted.
    pub components: Vec<String>,
    /// Whether builds move it.
    pub policy: Policy,
    /// Packages that have to be there, sorted.
    pub packages: Vec<String>,
    /// Packages that are taken for installed, sorted.
    pub without: Vec<String>,
    /// Whether packages that are only recommended come along.
    pub recommends: bool,
}

impl Key {
    /// The same, whatever the order in which it was said, and how often.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        for names in [&mut self.components, &mut self.packages, &mut self.without] {
            names.sort();
            names.dedup();
        }
        self
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
        write!(f, "the sysroot of {} for {}", self.suite, self.arch)
    }
}

/// One package of the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Debian's name of the architecture it is for, or `all`.
    pub arch: String,
    /// The source package it was built from (Debian Policy 5.6.1).
    pub source: String,
    /// That source package's version: another one than `version` after a rebuild (`+b1`).
    pub source_version: String,
    /// Where the `.deb` is in the archive.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The day it was recorded, UTC, as `2026-01-31`; for people.
    pub recorded: String,
    /// All packages, sorted by name.
    pub packages: Vec<Package>,
}

/// A package that moved: name, version before, version now.
pub type Move = (String, Option<String>, Option<String>);

impl Solution {
    /// Which packages are others than in `old`.
    #[must_use]
    pub fn moves_from(&self, old: &Self) -> Vec<Move> {
        let mut moves: BTreeMap<&str, (Option<&Package>, Option<&Package>)> = BTreeMap::new();
        for package in &old.packages {
            moves.entry(&package.package).or_default().0 = Some(package);
        }
        for package in &self.packages {
            moves.entry(&package.package).or_default().1 = Some(package);
        }
        let version = |package: Option<&Package>| package.map(|package| package.version.clone());
        moves
            .into_iter()
            .filter(|(_, (from, to))| from != to)
            .map(|(name, (from, to))| (name.to_owned(), version(from), version(to)))
            .collect()
    }
}

/// An entry as it is written: what was asked for, and the answer a line a package, so that a package which moves is one line of
/// a diff.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Written {
    suite: String,
    arch: String,
    components: Vec<String>,
    policy: Policy,
    packages: Vec<String>,
    without: Vec<String>,
    recommends: bool,
    recorded: String,
    solution: Vec<Package>,
}

impl Written {
    /// Nothing that comes from the file may do harm in a path, an address or a command line.
    pub(super) fn checked(self) -> Result<(Key, Solution), &'static str> {
        let all = |names: &[String], fits: fn(&str) -> bool| names.iter().all(|name| fits(name));
        let names = all(&self.packages, spec::is_package) && all(&self.without, spec::is_package);
        let known = |package: &Package| package.fits(&self.arch);
        let sorted = self
            .solution
            .is_sorted_by(|one, next| one.package < next.package);
        let rules = [
            (spec::is_suite(&self.suite), "`suite` is no name of a suite"),
            (
                spec::is_package(&self.arch),
                "`arch` is no name of an architecture",
            ),
            (
                all(&self.components, spec::is_component),
                "`components` has a name that no component can have",
            ),
            (
                names,
                "`packages` or `without` has a name that no package can have",
            ),
            (
                is_day(&self.recorded),
                "`recorded` is no day such as 2026-01-31",
            ),
            (!self.solution.is_empty(), "`solution` is empty"),
            (
                sorted,
                "`solution` is not sorted by package, or has one twice",
            ),
            (
                self.solution.iter().all(known),
                "a package in `solution` has an odd name, version, architecture or path",
            ),
        ];
        keep(&rules)?;
        let key = Key {
            suite: self.suite,
            arch: self.arch,
            components: self.components,
            policy: self.policy,
            packages: self.packages,
            without: self.without,
            recommends: self.recommends,
        };
        let solution = Solution {
            recorded: self.recorded,
            packages: self.solution,
        };
        Ok((key.sorted(), solution))
    }
}

impl Package {
    /// The `.deb`'s name, without folders.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether all it says has the form that it must have in a root of this architecture.
    pub(super) fn fits(&self, arch: &str) -> bool {
        let version = |text: &str| text.parse::<Version>().is_ok();
        spec::is_package(&self.package)
            && spec::is_package(&self.source)
            && version(&self.version)
            && version(&self.source_version)
            && (self.arch == arch || self.arch == "all")
            && self.path.ends_with(".deb")
            && LockedFile::checked(&self.path, self.size, self.sha256).is_some()
    }
}

/// Every string was checked to need no escaping.
pub(super) fn write(text: &mut String, key: &Key, solution: &Solution) -> std::fmt::Result {
    let list = |names: &[String]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        format!("[{}]", quoted.join(", "))
    };
    writeln!(
        text,
        "\n[[sysroot]]\nsuite = \"{}\"\narch = \"{}\"\ncomponents = {}\npolicy = \"{}\"",
        key.suite,
        key.arch,
        list(&key.components),
        key.policy.name()
    )?;
    writeln!(
        text,
        "packages = {}\nwithout = {}\nrecommends = {}\nrecorded = \"{}\"\nsolution = [",
        list(&key.packages),
        list(&key.without),
        key.recommends,
        solution.recorded
    )?;
    for package in &solution.packages {
        let Package {
            package,
            version,
            arch,
            source,
            source_version,
            path,
            size,
            sha256,
        } = package;
        writeln!(
            text,
            "    {{ package = \"{package}\", version = \"{version}\", arch = \"{arch}\", source = \"{source}\", source-version = \"{source_version}\", path = \"{path}\", size = {size}, sha256 = \"{sha256}\" }},"
        )?;
    }
    writeln!(text, "]")
}
