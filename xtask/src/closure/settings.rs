//! What a closure is asked for.

use std::cell::Cell;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::failure::Result;
use crate::image::path::ImagePath;
use crate::image::pattern::Pattern;

use super::root::Layer;

/// Priorities of `.note.dlopen` (systemd's ELF dlopen metadata specification): each takes those before it along.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Dlopen {
    /// None of them.
    None,
    /// Those without which the program does not do its work.
    Required,
    /// Those that it is usually used with; those that are not there are left out.
    #[default]
    Recommended,
    /// All; those that are not there are left out.
    Suggested,
}

impl Dlopen {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Required => "required",
            Self::Recommended => "recommended",
            Self::Suggested => "suggested",
        }
    }
}

/// What one table of a recipe asks for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The table, such as `copy.tools`.
    pub table: String,
    /// Paths, patterns of paths, programs by name, libraries by soname.
    pub files: &'a [String],
    /// Patterns of paths that stay out, even where something that this table names needs them.
    pub exclude: &'a [String],
    /// Where in the image the named files go: a path for a single one, a folder when it ends in `/`. What they need goes where it is.
    pub to: Option<&'a str>,
}

/// How a closure is made.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The machine that the image is for.
    pub arch: Arch,
    /// glibc-hwcaps folders whose variants of libraries come along, such as `x86-64-v3`.
    pub hwcaps: Vec<String>,
    /// Which of the libraries come along that programs load while they run.
    pub dlopen: Dlopen,
    /// Paths and names that something else provides when the image runs.
    pub provided: Vec<Watched>,
    /// Paths that the image has anyway, such as busybox's names.
    pub present: BTreeSet<ImagePath>,
    /// The image's `etc/nsswitch.conf`, where something else than the closure puts one there. Otherwise the closure's own counts,
    /// and glibc's defaults where it has none.
    pub nsswitch: Option<String>,
    /// Folders that are not taken from, but could be: what is missing may be there.
    pub others: Vec<Layer>,
}

/// A pattern of a recipe that remembers whether something fitted it.
#[derive(Clone, Debug)]
pub struct Watched {
    pattern: Pattern,
    used: Cell<bool>,
}

impl Watched {
    /// Reads a pattern.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn new(text: &str) -> Result<Self> {
        Ok(Self {
            pattern: Pattern::new(text)?,
            used: Cell::new(false),
        })
    }

    /// What it says, unless something fitted it.
    #[must_use]
    pub fn idle(&self) -> Option<String> {
        (!self.used.get()).then(|| self.pattern.to_string())
    }
}

/// Whether one of these covers a path. All that do are remembered.
#[must_use]
pub(super) fn covered(patterns: &[Watched], path: &str) -> bool {
    let covers = |one: &&Watched| one.pattern.covers(path);
    let used = patterns.iter().filter(covers);
    used.map(|one| one.used.set(true)).count() > 0
}
