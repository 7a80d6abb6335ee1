//! Brings the lock up to date: looks at the suites whose last look is too long ago, and records what they have. What the
//! lock's entries mean for a recipe is `resolve`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::apt::{Debian, Root};
use super::lock::{self, Entry, Key, Lock};
use super::mirror;
use super::resolve::{entry, solution};
use super::spec::{self, Policy, Source};
use super::sysroot::{self, Solution};
use crate::event::{Event, Listen};
use crate::failure::{Doing, Failure, Kind, Result};

/// Which sources are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Those that follow a suite whose last look is longer ago than this, or that were never recorded.
    After(Duration),
    /// All, pinned ones too: `cargo xtask update`.
    Now,
}

/// Something whose entry in the lock moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What it is, such as `the package pxelinux of bookworm`.
    pub what: String,
    /// The version before; nothing for what is new.
    pub from: Option<String>,
    /// The version now; nothing for what is gone.
    pub to: Option<String>,
}

/// Something that is looked for in a suite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// A single package.
    Source(Key),
    /// Packages with all that they depend on.
    Sysroot(sysroot::Key),
}

impl Wanted {
    /// What the suites are asked for these sources; those that recipes pin by themselves are none of it.
    pub fn sources<'a>(
        sources: impl IntoIterator<Item = &'a Source>,
        arch: &str,
    ) -> BTreeSet<Self> {
        let keys = sources
            .into_iter()
            .filter_map(|source| Key::of(source, arch));
        keys.map(Self::Source).collect()
    }

    /// The suite, and its components: what they have in common shares a root.
    #[must_use]
    pub fn place(&self) -> (String, Vec<String>) {
        match self {
            Self::Source(key) => (key.suite.clone(), spec::main_component()),
            Self::Sysroot(key) => (key.suite.clone(), key.components.clone()),
        }
    }

    /// Whether builds move it.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        match self {
            Self::Source(key) => key.policy,
            Self::Sysroot(key) => key.policy,
        }
    }

    fn is_in(&self, lock: &Lock) -> bool {
        match self {
            Self::Source(key) => lock.sources.contains_key(key),
            Self::Sysroot(key) => lock.sysroots.contains_key(key),
        }
    }

    /// Takes what was followed so far over into `news`; says whether there was anything.
    fn freeze(&self, lock: &Lock, news: &mut Lock) -> bool {
        match self {
            Self::Source(key) => entry(key, lock)
                .map(|entry| news.sources.insert(key.clone(), entry.clone()))
                .is_some(),
            Self::Sysroot(key) => solution(key, lock)
                .map(|solution| news.sysroots.insert(key.clone(), solution.clone()))
                .is_some(),
        }
    }

    /// What the root has for it now.
    fn look(&self, root: &Root, now: SystemTime, news: &mut Lock) -> Result<()> {
        match self {
            Self::Source(key) => {
                let candidate = match key.arch {
                    Some(_) => root.binary(&key.package),
                    None => root.source(&key.package),
                };
                news.sources
                    .insert(key.clone(), Entry::new(candidate?, now));
            }
            Self::Sysroot(key) => {
                let solution = Solution {
                    recorded: lock::day(now),
                    packages: root.solve(key)?,
                };
                news.sysroots.insert(key.clone(), solution);
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(key) => key.fmt(f),
            Self::Sysroot(key) => key.fmt(f),
        }
    }
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
    /// Brings the lock up to date for what is wanted and returns it with what moved. Uses the network and writes
    /// the lock only where [`Look`] says so.
    ///
    /// When a suite cannot be looked at, but everything that follows it was recorded before, that is a warning.
    ///
    /// # Errors
    /// [`Kind::Source`] when a suite cannot be looked at or lacks a package, or when a pin has no entry; as [`Lock::record`].
    pub fn refresh(&self, wanted: &BTreeSet<Wanted>, look: Look) -> Result<(Lock, Vec<Moved>)> {
        let lock = Lock::load(self.lock, self.name)?;
        let mut news = frozen(wanted, &lock, look)?;
        let mut places: BTreeMap<_, Vec<&Wanted>> = BTreeMap::new();
        for item in wanted {
            places.entry(item.place()).or_default().push(item);
        }
        for ((suite, components), items) in places {
            let found = self.suite(&suite, &components, &items, &lock, look)?;
            news.sources.extend(found.sources);
            news.sysroots.extend(found.sysroots);
        }
        let moved = moves(&news, &lock);
        if moved.is_empty() {
            return Ok((lock, moved));
        }
        let lock = Lock::record(self.lock, self.name, news)?;
        Ok((lock, moved))
    }

    fn suite(
        &self,
        suite: &str,
        components: &[String],
        items: &[&Wanted],
        lock: &Lock,
        look: Look,
    ) -> Result<Lock> {
        let moving = items
            .iter()
            .filter(|item| look == Look::Now || item.policy() == Policy::Follow);
        let moving: Vec<&Wanted> = moving.copied().collect();
        if moving.is_empty() {
            return Ok(Lock::default());
        }
        let root = self.debian.root(suite, components)?;
        let now = SystemTime::now();
        // A look in the future (the clock was set back) is none.
        let enough = |looked: SystemTime| match look {
            Look::After(limit) => now.duration_since(looked).is_ok_and(|age| age < limit),
            Look::Now => looked >= now,
        };
        let known = moving.iter().all(|item| item.is_in(lock));
        if known && root.looked().is_some_and(enough) {
            return Ok(Lock::default());
        }
        if mirror::lacks_security(suite, root.archives()) {
            self.listen.hear(Event::Warning(format!(
                "no mirror of {suite}'s security updates is known: without them, {suite} is taken as it was released (name one in site.toml: debian-security = [\"http://…\"] under [mirrors])"
            )));
        }
        let waiting = |who: &str| {
            let what = format!("the package lists of {suite}");
            self.listen.hear(Event::waiting(who, &what));
        };
        let answer = root.update_after(enough, waiting).and_then(|()| {
            let mut news = Lock::default();
            for item in &moving {
                item.look(&root, now, &mut news)?;
            }
            Ok(news)
        });
        match answer {
            Err(failure) if known && look != Look::Now && failure.kind == Kind::Source => {
                self.listen.hear(Event::Warning(format!(
                    "{suite} cannot be looked at now; going on with what {} has recorded ({failure})",
                    self.name.display()
                )));
                Ok(Lock::default())
            }
            answer => answer.doing(|| format!("cannot find out what {suite} has now")),
        }
    }
}

/// Entries for pins that were never recorded: what was followed so far.
fn frozen(wanted: &BTreeSet<Wanted>, lock: &Lock, look: Look) -> Result<Lock> {
    let mut news = Lock::default();
    if look == Look::Now {
        return Ok(news);
    }
    let new = wanted
        .iter()
        .filter(|item| item.policy() == Policy::Pin && !item.is_in(lock));
    for item in new {
        if !item.freeze(lock, &mut news) {
            return Err(Failure::new(
                Kind::Source,
                format!("the recipe pins {item}, but nothing is recorded for it"),
            )
            .hint("record what the suite has now with `cargo xtask update`, and commit recipes/sources.lock"));
        }
    }
    Ok(news)
}

/// Takes the sysroots out of the lock that are not `wanted` any more.
///
/// # Errors
/// As [`Lock::forget`].
pub fn forget(lock: &Path, name: &Path, wanted: &BTreeSet<sysroot::Key>) -> Result<Vec<Moved>> {
    let gone = Lock::forget(lock, name, wanted)?.into_iter();
    let moved = gone.map(|(key, solution)| Moved {
        what: format!("{key}, which no recipe asks for"),
        from: Some(format!("{} packages", solution.packages.len())),
        to: None,
    });
    Ok(moved.collect())
}

fn moves(news: &Lock, lock: &Lock) -> Vec<Moved> {
    let mut moved = Vec::new();
    for (key, entry) in &news.sources {
        let old = lock.sources.get(key);
        if !old.is_some_and(|old| old.same_bytes(entry)) {
            moved.push(Moved {
                what: key.to_string(),
                from: old.map(|old| old.version.clone()),
                to: Some(entry.version.clone()),
            });
        }
    }
    for (key, solution) in &news.sysroots {
        match lock.sysroots.get(key) {
            Some(old) => moved.extend(solution.moves_from(old).into_iter().map(
                |(name, from, to)| Moved {
                    what: format!("{name} in {key}"),
                    from,
                    to,
                },
            )),
            None => moved.push(Moved {
                what: key.to_string(),
                from: None,
                to: Some(format!("{} packages", solution.packages.len())),
            }),
        }
    }
    moved
}
