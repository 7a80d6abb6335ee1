//! What is wrong with an image that was built well: set-id bits, missing libraries, open consoles, rates that disagree, and more. [`RULES`] is the list.
//!
//! A [`Subject`] is plain data; where it comes from (a recipe's bundle, somebody else's initramfs) is left to the verb. Nothing is run, and nothing
//! is read but the contents of the subject's files. What is found is data too: what is made of it is left to whoever asks.

mod accounts;
mod allow;
mod baud;
mod bundle;
mod consoles;
mod contents;
mod efi;
mod facts;
mod inittab;
mod kernel;
mod links;
mod listeners;
mod modes;
mod programs;
mod pxelinux;
mod resolve;
mod rules;
mod shell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::failure::Result;
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::tree::FileTree;

pub use allow::{Allow, Allowed, Sorted, sort};
pub use kernel::release;
pub use pxelinux::{Boot, boots};
pub use rules::{RULES, Rule, Severity, rule};

use facts::Facts;

/// Where a finding is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A path in the image; shown with a leading slash.
    Image(ImagePath),
    /// A file of the bundle, relative to its folder.
    Bundle(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(path) => path.fmt(f),
            Self::Bundle(path) => f.write_str(path),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<&ImagePath> for Place {
    fn from(path: &ImagePath) -> Self {
        Self::Image(path.clone())
    }
}

impl From<ImagePath> for Place {
    fn from(path: ImagePath) -> Self {
        Self::Image(path)
    }
}

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        Self::Bundle(path.to_owned())
    }
}

/// One thing that is wrong. Sorted by severity, the worst first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's id.
    pub id: &'static str,
    /// Where, unless it is about the whole.
    pub path: Option<Place>,
    /// What is wrong: one sentence, without a final stop.
    pub what: String,
    /// What to do about it: one sentence, without a final stop.
    pub fix: String,
}

/// The files of a bundle, by path relative to its folder.
pub type Bundle = BTreeMap<String, Content>;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The image's files, as the machine will have them; their contents can be read.
    pub tree: &'a FileTree,
    /// What a kernel needs built in to unpack it: symbols without `CONFIG_`.
    pub symbols: &'a [&'static str],
    /// Size of the image as it is served, in bytes.
    pub compressed: u64,
    /// What is wrong with its segments, a sentence each.
    pub segments: &'a [String],
    /// The bundle that it is in, if it is in one.
    pub bundle: Option<&'a Bundle>,
    /// The kernel's final `.config`, where it is known.
    pub config: Option<&'a str>,
    /// The kernel's release (`uname -r`), where it is known.
    pub release: Option<&'a str>,
    /// What the image is held to.
    pub settings: &'a Settings,
}

/// What an image is held to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The most bytes that it may have as it is served.
    pub size: Option<u64>,
    /// Absolute paths of the building host that have no business in an image: the checkout, the cache, the home folder.
    pub places: Vec<String>,
}

type Check = fn(&Facts<'_>, &mut Vec<Finding>);

/// The checks, each of one or a few rules; a file may have to be read for them only once, so that [`Facts`] come first.
const CHECKS: &[Check] = &[
    modes::check,
    links::check,
    programs::check,
    accounts::check,
    listeners::check,
    consoles::check,
    bundle::check,
    efi::check,
    baud::check,
    kernel::check,
];

/// Everything that is wrong, sorted, the worst first.
///
/// # Errors
/// What reading the contents of files fails with.
pub fn check(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let facts = Facts::gather(subject, &mut findings)?;
    for check in CHECKS {
        check(&facts, &mut findings);
    }
    let segments = subject.segments.iter();
    findings.extend(segments.map(|problem| rules::SEGMENT.everywhere(problem)));
    if let Some(budget) = subject
        .settings
        .size
        .filter(|most| subject.compressed > *most)
    {
        findings.push(rules::SIZE.everywhere(format!(
            "the image has {} bytes, compressed, {} more than the {budget} it may have",
            subject.compressed,
            subject.compressed - budget
        )));
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}
