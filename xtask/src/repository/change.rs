//! What a repository's indexes become when packages are added. Pure: from the texts that are there and the new stanzas to the new texts.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{self, Entry, Merged};
use super::packed::Members;
use super::retain::{self, Retired};
use crate::failure::{Failure, Kind, Result};

/// The architecture of packages that are for every one.
pub(super) const ALL: &str = "all";

/// The indexes of some architectures. Those that are the same are there once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Indexes {
    /// Different texts.
    pub(super) texts: Vec<String>,
    /// What each of them was unpacked from, where they were read.
    pub(super) members: Vec<Members>,
    /// Which of them is whose.
    pub(super) of: BTreeMap<String, usize>,
}

impl Indexes {
    /// The text of an architecture's index.
    #[must_use]
    pub(super) fn text(&self, architecture: &str) -> Option<&str> {
        self.of.get(architecture).map(|&at| &*self.texts[at])
    }
}

/// What becomes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// All that were looked at, as they are from now on.
    pub(super) indexes: Indexes,
    /// The positions, in what was given, of packages that were not in every index that they belong to.
    pub(super) added: Vec<usize>,
    /// Packages that do not stay, as people name them.
    pub(super) retired: BTreeSet<String>,
    /// The files of these.
    pub(super) left: BTreeSet<String>,
}

/// Adds packages to the indexes of these architectures. An architecture without an index gets one, with all that is for every architecture.
///
/// # Errors
/// [`Kind::Check`] when a package is there with other bytes, or would not stay; [`Kind::Source`] when an index cannot be read.
pub(super) fn add(
    before: &Indexes,
    new: &[Entry<'_>],
    architectures: &[String],
    keep: Option<u32>,
) -> Result<Change> {
    let parsed = before.texts.iter().map(|text| index::skim(text));
    let parsed = parsed.collect::<Result<Vec<_>>>()?;
    let (mut merged, of) = merge_all(before, &parsed, new, architectures)?;
    let fresh = merged.iter().flat_map(|one| &one.fresh);
    let fresh: BTreeSet<&str> = fresh.map(|entry| entry.filename).collect();
    let added = (0..new.len()).filter(|&at| fresh.contains(new[at].filename));
    let mut change = Change {
        added: added.collect(),
        ..Change::default()
    };
    if let Some(keep) = keep {
        retire(&mut merged, keep.max(1), &mut change)?;
    }
    change.indexes = Indexes {
        texts: merged
            .iter()
            .map(|one| index::render(&one.entries))
            .collect(),
        members: Vec::new(),
        of,
    };
    Ok(change)
}

/// The merged indexes, and which is whose. Where two were the same and get the same packages, they are merged once.
fn merge_all<'a>(
    before: &Indexes,
    parsed: &[Vec<Entry<'a>>],
    new: &[Entry<'a>],
    architectures: &[String],
) -> Result<(Vec<Merged<'a>>, BTreeMap<String, usize>)> {
    let mut merged: Vec<Merged<'a>> = Vec::new();
    let mut made_from: Vec<(Option<usize>, bool)> = Vec::new();
    let mut of = BTreeMap::new();
    for architecture in architectures {
        let from = before.of.get(architecture).copied();
        let own = new.iter().any(|entry| entry.architecture() == architecture);
        let alike = made_from.iter().position(|made| *made == (from, false));
        if let Some(at) = alike.filter(|_| !own) {
            of.insert(architecture.clone(), at);
            continue;
        }
        let mine = |entry: &&Entry<'_>| {
            entry.architecture() == ALL || entry.architecture() == architecture
        };
        let mine: Vec<Entry<'a>> = new.iter().filter(mine).copied().collect();
        of.insert(architecture.clone(), merged.len());
        merged.push(match from {
            Some(from) => index::merge(&parsed[from], &mine)?,
            None => index::merge(&for_all(parsed), &mine)?,
        });
        made_from.push((from, own));
    }
    Ok((merged, of))
}

/// What an architecture begins with that has no index yet: all that is for every architecture.
fn for_all<'a>(parsed: &[Vec<Entry<'a>>]) -> Vec<Entry<'a>> {
    let first = parsed.first().into_iter().flatten();
    first
        .filter(|entry| entry.architecture() == ALL)
        .copied()
        .collect()
}

/// Takes out what does not stay.
fn retire(merged: &mut [Merged<'_>], keep: u32, change: &mut Change) -> Result<()> {
    let entries: Vec<&[Entry<'_>]> = merged.iter().map(|one| &*one.entries).collect();
    let retired: Retired<'_> = retain::retired(&entries, keep);
    if retired.is_empty() {
        return Ok(());
    }
    for one in merged {
        let goes = |entry: &Entry<'_>| retired.contains(&entry.source());
        if let Some(in_vain) = one.fresh.iter().find(|entry| goes(entry)) {
            let (source, version) = in_vain.source();
            let what = format!(
                "{} would not stay: the repository retains {keep} versions of {source}, and has as many that are newer than {version}",
                in_vain.title()
            );
            return Err(Failure::new(Kind::Check, what)
                .hint("raise `retain` in the repository's file, or publish a newer version"));
        }
        for gone in one.entries.iter().filter(|entry| goes(entry)) {
            change.retired.insert(gone.title());
            change.left.insert(gone.filename.to_owned());
        }
        one.entries.retain(|entry| !goes(entry));
    }
    Ok(())
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
