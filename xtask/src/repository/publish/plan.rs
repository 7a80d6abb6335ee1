//! What is going to be published, and what speaks against it; nothing is written here.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Published, Publisher};
use crate::failure::{Failure, Kind, Result};
use crate::repository::change::{ALL, Change, Indexes};
use crate::repository::index::Entry;
use crate::repository::packed::{Known, Packed, pack};
use crate::repository::place::{Bytes, Nature, Put};
use crate::repository::reader::Signed;
use crate::repository::release::{Indexed, Release};
use crate::text;

/// No snapshot's name is longer.
const LONGEST: usize = 64;

/// What a publishing is made of, when all of it has been thought out.
#[derive(Default)]
pub(super) struct Plan<'a> {
    /// The index of each architecture from now on.
    pub(super) indexes: BTreeMap<String, Indexed>,
    /// Those of them that are new, with their texts.
    pub(super) fresh: BTreeMap<String, (&'a Packed, &'a str)>,
    /// The new packages' files.
    pub(super) packages: Vec<Put>,
    /// The same as clients will look for them.
    pub(super) entries: Vec<Entry<'a>>,
    /// Files of packages that leave the indexes.
    pub(super) left: BTreeSet<String>,
    /// The snapshot to be taken.
    pub(super) snapshot: Option<String>,
    /// Whether a date in the future, which is published, is left for that of now.
    pub(super) redate: bool,
}

impl Publisher<'_> {
    /// A plan for these indexes. Those that are as they were in `release` stay what they are, to the byte.
    pub(super) fn plan<'a>(
        &self,
        release: Option<&Release>,
        old: &Indexes,
        new: &'a Indexes,
        packed: &'a [Option<Packed>],
    ) -> Plan<'a> {
        let mut plan = Plan::default();
        for architecture in &self.repository.architectures {
            let text = new.text(architecture);
            let at = new.of.get(architecture);
            let changed = at.and_then(|&at| packed[at].as_ref());
            let changed = changed.filter(|_| old.text(architecture) != text);
            if let (Some(packed), Some(text)) = (changed, text) {
                plan.indexes.insert(architecture.clone(), packed.sums);
                plan.fresh.insert(architecture.clone(), (packed, text));
            } else {
                let kept = release.and_then(|release| self.reader().sums(release, architecture));
                plan.indexes
                    .extend(kept.map(|kept| (architecture.clone(), kept)));
            }
        }
        plan
    }

    /// The architectures whose indexes have to be looked at. All, when what stays is counted, or there is a new architecture.
    pub(super) fn concerned(&self, new: &[Entry<'_>], before: Option<&Signed>) -> Vec<String> {
        let all = &self.repository.architectures;
        let has_index = |signed: &Signed| {
            let sums = |architecture| self.reader().sums(&signed.release, architecture);
            all.iter().all(|architecture| sums(architecture).is_some())
        };
        if self.repository.retain.is_some() || !before.is_some_and(has_index) {
            return all.clone();
        }
        let gets = |architecture: &&String| {
            let mut new = new.iter();
            new.any(|entry| entry.architecture() == ALL || entry.architecture() == **architecture)
        };
        all.iter().filter(gets).cloned().collect()
    }

    /// The indexes of these architectures as a Release file has them. Those that are the same are read once.
    pub(super) fn read_indexes(
        &self,
        signed: Option<&Signed>,
        architectures: &[String],
    ) -> Result<Indexes> {
        let (mut indexes, mut digests) = (Indexes::default(), Vec::new());
        let Some(signed) = signed else {
            return Ok(indexes);
        };
        for architecture in architectures {
            let Some(sums) = self.reader().sums(&signed.release, architecture) else {
                continue;
            };
            let known = digests.iter().position(|known| *known == sums);
            if known.is_none() {
                let unpacked = self.reader().index(architecture, &sums)?;
                indexes.texts.push(unpacked.text);
                indexes.members.push(unpacked.members);
                digests.push(sums);
            }
            let at = known.unwrap_or(digests.len() - 1);
            indexes.of.insert(architecture.clone(), at);
        }
        Ok(indexes)
    }

    /// Whether a change changes nothing, and the repository's key signed what is there.
    pub(super) fn is_as(&self, before: &Signed, old: &Indexes, change: &Change) -> bool {
        let new = &change.indexes;
        let same = |architecture: &String| old.text(architecture) == new.text(architecture);
        before.release.architectures == self.repository.architectures
            && before.release.components == [self.repository.component.as_str()]
            && new.of.keys().all(same)
            && self.signer.verified(&before.message).is_ok()
    }

    /// Leaves the repository as it is, but for a snapshot of it and files that were put back.
    pub(super) fn keep(
        &self,
        before: &Signed,
        snapshot: Option<&str>,
        mut done: Published,
    ) -> Result<Published> {
        done.date = before.release.date;
        done.valid_until = before.release.valid_until;
        if let Some(name) = snapshot {
            self.check_snapshot(name, &before.release)?;
            self.place
                .write(&[self.snapshot_put(name, &before.message)])?;
            done.snapshot = Some(name.to_owned());
        }
        if !done.restored.is_empty() {
            self.place.finish(self.listen)?;
            done.changed = true;
        }
        Ok(done)
    }

    /// A snapshot's file.
    pub(super) fn snapshot_put(&self, name: &str, message: &[u8]) -> Put {
        Put {
            name: self.names().snapshot(name),
            bytes: Bytes::Here(message.to_owned()),
            nature: Nature::Changing,
        }
    }

    /// Refuses a snapshot's name that another one has.
    pub(super) fn check_snapshot(&self, name: &str, next: &Release) -> Result<()> {
        let other = self.reader().snapshot(name)?;
        if other.is_none_or(|other| other.release.files == next.files) {
            return Ok(());
        }
        let what = format!("there is a snapshot {name} already, of something else");
        Err(Failure::new(Kind::Usage, what).hint("give this one another name"))
    }

    /// Refuses to make another repository of one that is there.
    pub(super) fn check_same(&self, before: Option<&Signed>) -> Result<()> {
        let next = Release::new(self.repository, 0, BTreeMap::new());
        before.map_or(Ok(()), |before| before.release.same_as(&next))
    }

    /// Refuses packages for machines that the repository is not for.
    pub(super) fn check_suitable(&self, entries: &[Entry<'_>]) -> Result<()> {
        let all = &self.repository.architectures;
        if all.is_empty() || all.iter().any(|architecture| architecture == ALL) {
            let what = "a repository is for some architectures, and what is for `all` is in each of their indexes";
            return Err(Failure::new(Kind::Recipe, what)
                .hint("name them in the repository's file: `architectures = [\"amd64\"]`"));
        }
        let suits = |entry: &&Entry<'_>| {
            entry.architecture() == ALL || all.iter().any(|one| one == entry.architecture())
        };
        let Some(other) = entries.iter().find(|entry| !suits(entry)) else {
            return Ok(());
        };
        let what = format!(
            "{} is for an architecture that the repository does not have: it has {}",
            other.title(),
            text::listing(all, "and")
        );
        Err(Failure::new(Kind::Check, what)
            .hint("add it to `architectures` in the repository's file"))
    }

    pub(super) fn no_snapshot(&self, name: &str) -> Result<Failure> {
        let snapshots = self.snapshots()?;
        let names: Vec<&str> = snapshots.iter().map(|one| one.name.as_str()).collect();
        let failure = Failure::new(Kind::Usage, format!("there is no snapshot {name}"));
        Ok(match text::nearest(name, names.iter().copied()) {
            Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
            None if names.is_empty() => {
                failure.hint("there is none at all; `publish --snapshot NAME` takes one")
            }
            None => failure.hint(format!("there are {}", text::listing(&names, "and"))),
        })
    }

    /// Refuses to go back to what is not there any more.
    pub(super) fn check_there(&self, name: &str, wanted: &BTreeMap<String, File>) -> Result<()> {
        let there = self.place.list("pool")?;
        let there: BTreeMap<&str, u64> =
            there.iter().map(|file| (&*file.name, file.size)).collect();
        let gone = |(name, file): &(&String, &File)| there.get(name.as_str()) != Some(&file.size);
        let gone: Vec<&String> = wanted.iter().filter(gone).map(|(file, _)| file).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let what = format!(
            "{} of the snapshot {name} are not there any more",
            text::counted(gone.len(), "package")
        );
        let failure = Failure::new(Kind::Source, what);
        Err(gone.into_iter().take(10).fold(failure, Failure::note))
    }
}

/// Compresses the texts that an architecture gets anew, with what is compressed in those that were there.
pub(super) fn pack_changed(old: &Indexes, new: &Indexes) -> Result<Vec<Option<Packed>>> {
    let is_new = |architecture: &&String| old.text(architecture) != new.text(architecture);
    let changed: BTreeSet<usize> = new
        .of
        .keys()
        .filter(is_new)
        .map(|one| new.of[one])
        .collect();
    let mut known = Known::default();
    for (text, members) in old.texts.iter().zip(&old.members) {
        known.learn(text, members);
    }
    let pack = |(at, text): (usize, &String)| {
        let is_new = changed.contains(&at);
        is_new.then(|| pack(text, &known)).transpose()
    };
    let packed = new.texts.iter().enumerate().map(pack);
    Ok(packed.collect::<std::io::Result<Vec<_>>>()?)
}

/// Refuses names of snapshots that could not be those of a folder and a word of a command line.
///
/// # Errors
/// [`Kind::Usage`] with what would be one.
pub fn check_snapshot_name(name: &str) -> Result<()> {
    let fine = |c: char| c.is_ascii_alphanumeric() || ".+~_-".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= LONGEST && name.chars().all(fine) {
        return Ok(());
    }
    let what = format!("{name:?} cannot be the name of a snapshot");
    Err(Failure::new(Kind::Usage, what).hint(format!(
        "up to {LONGEST} letters, digits and any of `.+~_-`, beginning with a letter or digit"
    )))
}
