//! The paths of a root that a pattern fits, in the order of their names. Links on the way are followed; below `**`, none is.

use std::collections::{BTreeSet, HashSet};

use crate::failure::{Failure, Kind, Result};
use crate::image::pattern::{Part, Pattern, is_pattern};

use super::root::{Root, Thing, below};

/// The paths that fit, without a leading slash, and as one writes them: links on the way are not resolved. A path that is there is one
/// whatever characters it has (`/usr/bin/[`), if only as a link to nothing.
///
/// # Errors
/// [`Kind::Recipe`] for something that is no pattern, and for a name that fits and is not UTF-8; what reading fails with.
pub fn expand(root: &Root, pattern: &str) -> Result<Vec<String>> {
    let path = pattern.trim_matches('/');
    if is_there(root, path)? {
        return Ok(vec![path.to_owned()]);
    }
    if !is_pattern(pattern) {
        return Ok(Vec::new());
    }
    // With a leading slash it is matched from the root.
    let pattern = Pattern::new(&format!("/{path}"))?;
    let mut walk = Walk {
        root,
        been: HashSet::new(),
        found: BTreeSet::new(),
    };
    for parts in pattern.ways() {
        walk.been.clear();
        walk.part("", parts)?;
    }
    Ok(walk.found.into_iter().collect())
}

/// Whether there is something at a path, be it a link to nothing.
fn is_there(root: &Root, path: &str) -> Result<bool> {
    let found = root.find(path)?;
    Ok(found.place().is_some() || found.links.iter().any(|link| link.last))
}

struct Walk<'r> {
    root: &'r Root,
    /// Folders, and how many parts were left there: two `**` may lead to one in many ways.
    been: HashSet<(String, usize)>,
    found: BTreeSet<String>,
}

impl Walk<'_> {
    fn part(&mut self, folder: &str, parts: &[Part]) -> Result<()> {
        let Some((part, rest)) = parts.split_first() else {
            return Ok(());
        };
        if !self.been.insert((folder.to_owned(), parts.len())) {
            return Ok(());
        }
        if *part == Part::AnyDepth {
            self.part(folder, rest)?;
            return self.depth(folder, parts);
        }
        for name in self.names(folder, part)? {
            let path = below(folder, &name);
            if !rest.is_empty() {
                self.part(&path, rest)?;
            } else if is_there(self.root, &path)? {
                self.found.insert(path);
            }
        }
        Ok(())
    }

    /// All that is below a folder, for a `**` and what comes behind it.
    fn depth(&mut self, folder: &str, parts: &[Part]) -> Result<()> {
        for name in self.names(folder, &Part::AnyDepth)? {
            let path = below(folder, &name);
            if let [_] = parts {
                self.found.insert(path.clone());
            }
            let found = self.root.find(&path)?;
            let is_link = found.links.iter().any(|link| link.last);
            let is_directory = found
                .place()
                .is_some_and(|end| end.kind == Thing::Directory);
            if is_directory && !is_link {
                self.part(&path, parts)?;
            }
        }
        Ok(())
    }

    /// The names in a folder that one part of a pattern fits.
    fn names(&self, folder: &str, part: &Part) -> Result<Vec<String>> {
        let found = self.root.find(folder)?;
        let Some(directory) = found.place().filter(|end| end.kind == Thing::Directory) else {
            return Ok(Vec::new());
        };
        if let Part::Name(name) = part {
            return Ok(vec![name.clone()]);
        }
        let names = self.root.names(&directory.path)?;
        if let Some(odd) = names.odd.iter().find(|name| part.matches(name)) {
            return Err(not_utf8(&below(folder, odd)));
        }
        let fitting = names.names.iter().filter(|name| part.matches(name));
        Ok(fitting.cloned().collect())
    }
}

/// The failure that no image can hold a name.
pub(super) fn not_utf8(path: &str) -> Failure {
    let what = format!("the name of /{path} is not UTF-8");
    Failure::new(Kind::Recipe, what).hint("rename it, or leave it out with `exclude`")
}
