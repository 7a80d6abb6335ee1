//! Publishing: adding packages, dating a repository anew, going back. What clients see changes in one rename, that of `InRelease`; what they need by then is there
//! before, and what they needed until then stays for the grace time.

mod ahead;
mod check;
mod collect;
mod commit;
mod plan;
mod restore;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

pub use self::ahead::{Ahead, Fate};
pub use self::check::{Checked, Snapshot, Status};
pub use self::plan::check_snapshot_name;
use self::plan::{Plan, pack_changed};
use super::change::{self, Indexes};
use super::clock::Clock;
use super::index::{self, Entry};
use super::names::Names;
use super::package::{self, Package};
use super::place::{Bytes, Held, Nature, Place, Put};
use super::reader::{Reader, Signed};
use super::sign::Signer;
use super::spec::Repository;
use crate::date;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};

/// Publishes to one repository.
#[derive(Clone, Copy)]
pub struct Publisher<'a> {
    /// What it is.
    pub repository: &'a Repository,
    /// Where it is kept.
    pub place: &'a dyn Place,
    /// Signs it.
    pub signer: &'a dyn Signer,
    /// Hears what goes on.
    pub listen: &'a dyn Listen,
    /// Tells the time.
    pub clock: &'a dyn Clock,
}

/// What was published. Packages are named `NAME VERSION (ARCHITECTURE)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Published {
    /// The Release file's date, seconds since 1970-01-01 00:00:00 UTC.
    pub date: i64,
    /// How long clients believe it.
    pub valid_until: Option<i64>,
    /// Whether anything was written: not when all packages were there already.
    pub changed: bool,
    /// Packages that are in the indexes now and were not before.
    pub added: Vec<String>,
    /// Packages that were there already, with the same bytes.
    pub present: Vec<String>,
    /// Packages that were in the indexes already, and whose files had been lost and were put back.
    pub restored: Vec<String>,
    /// Packages that are in the indexes no more: there are enough that are newer, or a snapshot had them not.
    pub retired: Vec<String>,
    /// Files that were removed: nobody had needed them for longer than the grace time, or they were the snapshot that is forgotten.
    pub removed: Vec<String>,
    /// The snapshot that was taken.
    pub snapshot: Option<String>,
}

impl Publisher<'_> {
    /// Adds packages. Those that are there already with the same bytes are fine; when all are, and no snapshot is asked for, nothing is written. The
    /// file of one that is in the index, and that the place has lost, is put back. With `snapshot`, what is
    /// published then can be gone [`back`](Self::back) to by this name.
    ///
    /// # Errors
    /// [`Kind::Source`] when a file is no package, or the repository is broken; [`Kind::Check`] when a package is there with other bytes, or would
    /// not stay; else when the place or the signer fails. The repository is as it was then, or the next publishing goes on with this one.
    pub fn add(&self, debs: &[PathBuf], snapshot: Option<&str>) -> Result<Published> {
        snapshot.map_or(Ok(()), check_snapshot_name)?;
        let packages = package::read_all(debs, self.names())?;
        let entries = packages.iter().map(Package::entry);
        let entries = entries.collect::<Result<Vec<Entry<'_>>>>()?;
        self.check_suitable(&entries)?;
        let held = self.begin()?;
        let before = self.reader().release()?;
        self.check_same(before.as_ref())?;
        let concerned = self.concerned(&entries, before.as_ref());
        let old = self.read_indexes(before.as_ref(), &concerned)?;
        let change = change::add(&old, &entries, &concerned, self.repository.retain)?;
        let (new, present): (Vec<usize>, Vec<usize>) =
            (0..entries.len()).partition(|at| change.added.contains(at));
        let titles = |of: &[usize]| of.iter().map(|&at| entries[at].title()).collect();
        let mut done = Published {
            added: titles(&new),
            present: titles(&present),
            retired: change.retired.iter().cloned().collect(),
            ..Published::default()
        };
        let again: Vec<&Package> = present.iter().map(|&at| &packages[at]).collect();
        done.restored = self.restore(&again, &change.indexes)?;
        done.present.retain(|title| !done.restored.contains(title));
        if let Some(before) = before
            .as_ref()
            .filter(|before| self.is_as(before, &old, &change))
        {
            return self.keep(before, snapshot, done);
        }
        let packed = pack_changed(&old, &change.indexes)?;
        let release = before.as_ref().map(|before| &before.release);
        let plan = Plan {
            packages: new
                .iter()
                .map(|&at| put(&packages[at], &entries[at]))
                .collect(),
            entries: new.iter().map(|&at| entries[at]).collect(),
            left: change.left,
            snapshot: snapshot.map(str::to_owned),
            ..self.plan(release, &old, &change.indexes, &packed)
        };
        self.publish(&*held, before.as_ref(), &plan, done)
    }

    /// Dates the repository anew, so that clients go on to believe it: see `valid-days`.
    ///
    /// # Errors
    /// As [`add`](Self::add); also when nothing was published yet.
    pub fn refresh(&self) -> Result<Published> {
        let held = self.begin()?;
        let before = self.published()?;
        self.again(
            &*held,
            &before,
            &before,
            Plan::default(),
            Published::default(),
        )
    }

    /// Dates the repository anew even where it is dated far into the future, as by a clock that was wrong. Clients that have a later date keep what they have
    /// and say nothing; but those whose clocks are right have refused that date (`Acquire::Max-FutureTime` of apt.conf(5)).
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub fn redate(&self) -> Result<Published> {
        let held = self.begin()?;
        let before = self.published()?;
        let plan = Plan {
            redate: true,
            ..Plan::default()
        };
        let done = self.again(&*held, &before, &before, plan, Published::default())?;
        if done.date < before.release.date {
            self.listen.hear(Event::Warning(format!(
                "the repository was dated {}: apt has refused that where the clock is right, and takes the new date; a client that took it keeps silently what it has until then, unless its /var/lib/apt/lists is emptied",
                date::iso8601(before.release.date)
            )));
        }
        Ok(done)
    }

    /// Goes back to a snapshot: the same indexes as then, dated anew. Everything that they name has to be there still, and is looked at. Clients
    /// that installed what leaves keep it: apt goes to a lower version only when told to (`apt_preferences(5)`).
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Kind::Usage`] when there is no such snapshot.
    pub fn back(&self, snapshot: &str) -> Result<Published> {
        check_snapshot_name(snapshot)?;
        let held = self.begin()?;
        let before = self.published()?;
        let Some(then) = self.reader().snapshot(snapshot)? else {
            return Err(self.no_snapshot(snapshot)?);
        };
        let files = |signed: &Signed| {
            let texts = self.read_indexes(Some(signed), &signed.release.architectures)?;
            files_of(&texts)
        };
        let (now, wanted) = (files(&before)?, files(&then)?);
        self.check_there(snapshot, &wanted)?;
        let done = Published {
            added: titles_without(&wanted, &now),
            retired: titles_without(&now, &wanted),
            ..Published::default()
        };
        let left = now
            .into_keys()
            .filter(|name| !wanted.contains_key(name))
            .collect();
        let plan = Plan {
            left,
            ..Plan::default()
        };
        self.again(&*held, &before, &then, plan, done)
    }

    /// Forgets a snapshot: it cannot be gone back to any more. What it alone has named goes after the grace time. Nothing that clients read changes.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is no such snapshot; else when the place fails.
    pub fn forget(&self, snapshot: &str) -> Result<Published> {
        check_snapshot_name(snapshot)?;
        let held = self.begin()?;
        let before = self.published()?;
        let name = self.names().snapshot(snapshot);
        // One that cannot be read, or that somebody else signed, can be forgotten, too.
        if self.place.size(&name)?.is_none() {
            return Err(self.no_snapshot(snapshot)?);
        }
        held.check()?;
        let nothing = Indexes::default();
        let plan = self.plan(Some(&before.release), &nothing, &nothing, &[]);
        self.drop_snapshot(&name, &plan)?;
        self.place.finish(self.listen)?;
        Ok(Published {
            date: before.release.date,
            valid_until: before.release.valid_until,
            changed: true,
            removed: vec![name],
            ..Published::default()
        })
    }

    /// Publishes the indexes of a Release file once more. `plan` says the rest.
    fn again(
        &self,
        held: &dyn Held,
        before: &Signed,
        which: &Signed,
        plan: Plan<'_>,
        done: Published,
    ) -> Result<Published> {
        self.check_same(Some(before))?;
        let all = &self.repository.architectures;
        let old = self.read_indexes(Some(which), &which.release.architectures)?;
        let change = change::add(&old, &[], all, None)?;
        let packed = pack_changed(&old, &change.indexes)?;
        let plan = Plan {
            left: plan.left,
            redate: plan.redate,
            ..self.plan(Some(&which.release), &old, &change.indexes, &packed)
        };
        self.publish(held, Some(before), &plan, done)
    }

    fn names(&self) -> Names<'_> {
        Names {
            suite: &self.repository.suite,
            component: &self.repository.component,
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            place: self.place,
            signer: self.signer,
            names: self.names(),
        }
    }

    /// What is published.
    fn published(&self) -> Result<Signed> {
        self.reader().release()?.ok_or_else(|| {
            let what = format!("nothing was published to {} yet", self.place.describe());
            Failure::new(Kind::Usage, what).hint("publish something with `cargo xtask publish`")
        })
    }
}

fn put(package: &Package, entry: &Entry<'_>) -> Put {
    Put {
        name: entry.filename.to_owned(),
        bytes: Bytes::Of(package.path.clone()),
        nature: Nature::Immutable,
    }
}

/// A file that an index names.
struct File {
    /// Its bytes.
    size: u64,
    /// The package, as people name it.
    title: String,
}

/// The files that indexes name, by their names.
fn files_of(indexes: &Indexes) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for text in &indexes.texts {
        for entry in index::parse(text)? {
            let (size, title) = (entry.bytes(), entry.title());
            files.insert(entry.filename.to_owned(), File { size, title });
        }
    }
    Ok(files)
}

/// The packages that are among these and not among the others.
fn titles_without(these: &BTreeMap<String, File>, others: &BTreeMap<String, File>) -> Vec<String> {
    let these = these.iter();
    let only = these.filter(|(name, _)| !others.contains_key(*name));
    only.map(|(_, file)| file.title.clone()).collect()
}

#[cfg(test)]
mod tests;
