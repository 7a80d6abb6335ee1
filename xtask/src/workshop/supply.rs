//! What a recipe's build gets from outside: what the lock says of it, and the bytes themselves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Workshop;
use crate::digest::Digest;
use crate::event::Listen;
use crate::failure::{Failure, Kind, Result};
use crate::plan::{assemble, sysroot};
use crate::recipe::Loaded;
use crate::source::apt::Debian;
use crate::source::fetch::{Fetcher, Limits, Missed};
use crate::source::lock::Lock;
use crate::source::resolve::{self, File, Resolved};
use crate::source::spec::Source;
use crate::source::sysroot::Package;
use crate::steps::Fetch;

/// What the lock says of all that a recipe's build uses.
pub(super) struct Recorded {
    /// By name; folders are no files to be fetched.
    pub(super) sources: BTreeMap<String, Resolved>,
    /// The sysroot's packages, where there is one.
    pub(super) sysroot: Option<Vec<(Package, File)>>,
}

impl Recorded {
    pub(super) fn of(loaded: &Loaded, lock: &Lock) -> Result<Self> {
        let recipe = &loaded.recipe;
        let nothing = |what: &str| {
            Failure::new(Kind::Source, format!("recipes/sources.lock has nothing for {what} yet")).hint(format!(
                "`cargo xtask update {}` looks at the suite and records it; `build` does so by itself",
                loaded.name
            ))
        };
        let mut sources = BTreeMap::new();
        for name in assemble::sources(recipe) {
            let source = &recipe.sources[name];
            if matches!(source, Source::Directory { .. }) {
                continue;
            }
            let resolved = resolve::recorded(source, recipe.arch.debian(), lock)
                .ok_or_else(|| nothing(&format!("the source `{name}`")))?;
            sources.insert(name.to_owned(), resolved);
        }
        let sysroot = sysroot::key(recipe).map(|key| {
            resolve::recorded_sysroot(&key, lock).ok_or_else(|| nothing("the recipe's [sysroot]"))
        });
        Ok(Self {
            sources,
            sysroot: sysroot.transpose()?,
        })
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        let sources = self.sources.values().flat_map(|source| &source.files);
        let packages = self.sysroot.iter().flatten().map(|(_, file)| file);
        sources.chain(packages)
    }
}

/// The bytes of sources, by digest.
pub(super) struct Downloads<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) debian: &'a Debian,
    pub(super) files: BTreeMap<Digest, &'a File>,
    pub(super) listen: &'a dyn Listen,
    /// Whether a file was gone that a source which follows its suite was recorded with.
    pub(super) gone: AtomicBool,
}

impl Fetch for Downloads<'_> {
    fn fetch(&self, step: &str, sha256: &Digest, to: &Path) -> Result<()> {
        let file = self
            .files
            .get(sha256)
            .ok_or_else(|| Failure::bug(format!("nobody knows a file {sha256}")))?;
        let fetcher = Fetcher {
            partial: self.workshop.cache.join("partial"),
            debian: self.debian,
            limits: Limits::default(),
            unreachable: &self.workshop.unreachable,
            step,
            listen: self.listen,
        };
        fetcher.fetch(file, to).map_err(|missed| {
            if matches!(missed, Missed::Gone(_)) && file.follows() {
                self.gone.store(true, Ordering::Relaxed);
            }
            missed.into_failure()
        })
    }
}
