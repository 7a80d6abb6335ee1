//! Reports of boots: one HTML page that holds all it needs, and a `JUnit` file. Both are pure functions of what came of the boots and of what
//! their records show.

mod chart;
mod detail;
pub mod evidence;
mod html;
pub mod junit;
mod page;

use std::path::Path;

use crate::failure::Result;
use crate::template;

use super::case::Case;
use evidence::Evidence;
use page::Page;

/// Where and how the boots were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// QEMU's version, as it says it.
    pub qemu: String,
    /// Processors and memory that boots could have, in words.
    pub host: String,
    /// When the boots began, in seconds since 1970.
    pub wall: i64,
    /// Which boots were chosen, as on the command line; empty where all were.
    pub chosen: String,
}

const TEMPLATE: &str = include_str!("page.html.hbs");

/// The page. `evidence` is in the order of the cases; `folder` is the folder that the page will lie in, so that links lead to the records.
///
/// # Errors
/// Only for a bug.
pub fn page(
    cases: &[Case],
    evidence: &[Evidence],
    environment: &Environment,
    folder: &Path,
) -> Result<String> {
    let page = Page::of(cases, evidence, environment, folder);
    template::render(Path::new("page.html.hbs"), TEMPLATE, &page)
}

#[cfg(test)]
mod tests;
