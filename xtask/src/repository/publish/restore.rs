//! Files of packages that are in an index, and that the place has lost: whoever has the same bytes puts them back.

use std::collections::BTreeMap;

use super::Publisher;
use crate::failure::{Failure, Kind, Result};
use crate::repository::change::Indexes;
use crate::repository::index::{self, Entry};
use crate::repository::package::Package;
use crate::repository::place::{Bytes, Nature, Put};

/// More packages than this are looked for by listing the place.
const FEW: usize = 20;

impl Publisher<'_> {
    /// Puts back the files of these packages where an index names them and the place does not have them. What is there stays, whatever it is.
    /// Returns the packages whose files came back, as people name them.
    ///
    /// # Errors
    /// When the place cannot be read or written, or does not keep what was written.
    pub(super) fn restore(&self, packages: &[&Package], indexes: &Indexes) -> Result<Vec<String>> {
        let named = named(packages, indexes)?;
        let entries: Vec<Entry<'_>> = named.values().map(|(entry, _)| *entry).collect();
        let there = self.sizes(&entries)?;
        let lost = |entry: &&Entry<'_>| !there.contains_key(entry.filename);
        let lost: Vec<Entry<'_>> = entries.iter().filter(lost).copied().collect();
        if lost.is_empty() {
            return Ok(Vec::new());
        }
        let puts = lost.iter().map(|entry| Put {
            name: entry.filename.to_owned(),
            bytes: Bytes::Of(named[entry.filename].1.path.clone()),
            nature: Nature::Immutable,
        });
        self.place.write(&puts.collect::<Vec<_>>())?;
        self.check_packages(&lost)?;
        Ok(lost.iter().map(Entry::title).collect())
    }

    /// Looks whether packages are there as they should be: by their digests, or by their sizes where the place cannot tell digests.
    ///
    /// # Errors
    /// [`Kind::Host`] with the first that are not; when the place cannot be read.
    pub(super) fn check_packages(&self, entries: &[Entry<'_>]) -> Result<()> {
        let sizes = self.sizes(entries)?;
        let mut wrong = Vec::new();
        for entry in entries {
            let digest = self.place.digest(entry.filename)?;
            let differs = digest.is_some_and(|digest| digest.to_string() != entry.sha256());
            if sizes.get(entry.filename) != Some(&entry.bytes()) || differs {
                wrong.push(entry.filename.to_owned());
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let what = format!("{} does not keep what was written", self.place.describe());
        let failure = Failure::new(Kind::Host, what);
        Err(wrong.into_iter().take(10).fold(failure, Failure::note))
    }

    /// The sizes of those packages' files that are there, by their names.
    fn sizes(&self, entries: &[Entry<'_>]) -> Result<BTreeMap<String, u64>> {
        let ours = |entry: &Entry<'_>| entry.filename.starts_with("pool/");
        if entries.len() > FEW && entries.iter().all(ours) {
            let there = self.place.list("pool")?.into_iter();
            return Ok(there.map(|file| (file.name, file.size)).collect());
        }
        let mut sizes = BTreeMap::new();
        for entry in entries {
            let size = self.place.size(entry.filename)?;
            sizes.extend(size.map(|size| (entry.filename.to_owned(), size)));
        }
        Ok(sizes)
    }
}

/// What indexes say of packages with these bytes, by the file that they name: somebody else's repository may keep it elsewhere than we would.
fn named<'a>(
    packages: &[&'a Package],
    indexes: &'a Indexes,
) -> Result<BTreeMap<&'a str, (Entry<'a>, &'a Package)>> {
    let mut named = BTreeMap::new();
    if packages.is_empty() {
        return Ok(named);
    }
    let mut by_digest = BTreeMap::new();
    for package in packages {
        by_digest.insert(package.entry()?.sha256(), *package);
    }
    for text in &indexes.texts {
        for entry in index::parse(text)? {
            if let Some(package) = by_digest.get(entry.sha256()) {
                named.insert(entry.filename, (entry, *package));
            }
        }
    }
    Ok(named)
}
