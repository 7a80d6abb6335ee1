//! What publishing packages would do, without a lock and without writing: somebody else may publish in between.

use std::path::PathBuf;

use serde::Serialize;

use super::Publisher;
use crate::failure::{Kind, Result};
use crate::repository::change::{self, Indexes};
use crate::repository::index::Entry;
use crate::repository::package;

/// What publishing would do about one package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Fate {
    /// It would be added.
    New,
    /// It is there already, with the same bytes.
    Present,
    /// It would be refused, and all others with it.
    Refused {
        /// The reason, a sentence.
        why: String,
    },
}

/// A package, and what publishing would do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ahead {
    /// `NAME VERSION (ARCHITECTURE)`.
    pub package: String,
    /// What would become of it.
    #[serde(flatten)]
    pub fate: Fate,
}

impl Publisher<'_> {
    /// What [`add`](Self::add) would do about each of these packages.
    ///
    /// # Errors
    /// [`Kind::Source`] when a file is no package, or the repository is broken; when the place cannot be read, or has become another repository.
    pub fn look_ahead(&self, debs: &[PathBuf]) -> Result<Vec<Ahead>> {
        let packages = package::read_all(debs, self.names())?;
        let before = self.reader().release()?;
        self.check_same(before.as_ref())?;
        let old = self.read_indexes(before.as_ref(), &self.repository.architectures)?;
        let mut ahead = Vec::new();
        for package in &packages {
            let entry = package.entry()?;
            ahead.push(Ahead {
                package: entry.title(),
                fate: self.fate(&entry, &old)?,
            });
        }
        Ok(ahead)
    }

    fn fate(&self, entry: &Entry<'_>, old: &Indexes) -> Result<Fate> {
        let entries = [*entry];
        let all = &self.repository.architectures;
        let suitable = self.check_suitable(&entries);
        match suitable.and_then(|()| change::add(old, &entries, all, self.repository.retain)) {
            Ok(change) if change.added.is_empty() => Ok(Fate::Present),
            Ok(_) => Ok(Fate::New),
            Err(failure) if failure.kind == Kind::Check => Ok(Fate::Refused {
                why: failure.what.clone(),
            }),
            Err(failure) => Err(failure),
        }
    }
}
