//! What is said when something that is needed is not there: each thing once, with the shortest chain from the recipe down.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::failure::{Failure, Kind};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, Origin};

use super::process::Lack;

/// Longer lists are cut: whoever reads a hundred of these has seen enough.
const MOST: usize = 100;

/// Something that is missing, and what needs it.
struct Group<'l> {
    lack: &'l Lack,
    /// Of the chains that lead to it, the shortest.
    chain: Vec<String>,
    /// What needs it.
    by: BTreeSet<&'l ImagePath>,
}

/// The failure that these are missing, given what needs each.
pub(super) fn failure(tree: &BTreeMap<ImagePath, Entry>, lacks: &[(ImagePath, Lack)]) -> Failure {
    let groups = groups(tree, lacks);
    let what = match groups.len() {
        1 => "something that a file of the image needs is not there".to_owned(),
        number => format!("{number} things that files of the image need are not there"),
    };
    let mut failure = Failure::new(Kind::Recipe, what);
    let mut told: &[String] = &[];
    for group in groups.iter().take(MOST) {
        failure = failure.note(line(group, told));
        told = &group.lack.folders;
    }
    let more = groups.len().saturating_sub(MOST);
    if more > 0 {
        failure = failure.note(format!("and {more} more"));
    }
    failure.hint(
        "add the package or folder that has it, keep what needs it out with `exclude`, or name it under `provided` in [closure] when the image gets it from elsewhere",
    )
}

/// What is missing, each once, in the order in which it was found.
fn groups<'l>(tree: &BTreeMap<ImagePath, Entry>, lacks: &'l [(ImagePath, Lack)]) -> Vec<Group<'l>> {
    let mut groups: Vec<Group<'l>> = Vec::new();
    let mut known: HashMap<(&str, Option<&ImagePath>), usize> = HashMap::new();
    for (by, lack) in lacks {
        // What was looked for nowhere, and is wrong all the same, is about the very file.
        let of_file = lack.folders.is_empty() && !lack.wrong.is_empty();
        let chain = chain(tree, by);
        match known.entry((&lack.how, of_file.then_some(by))) {
            Slot::Vacant(free) => {
                free.insert(groups.len());
                let by = BTreeSet::from([by]);
                groups.push(Group { lack, chain, by });
            }
            Slot::Occupied(at) => {
                let group = &mut groups[*at.get()];
                group.by.insert(by);
                if chain.len() < group.chain.len() {
                    (group.lack, group.chain) = (lack, chain);
                }
            }
        }
    }
    groups
}

/// `told` are the folders that the line before names.
fn line(group: &Group<'_>, told: &[String]) -> String {
    let lack = group.lack;
    let mut line = format!("{}, which needs {}", group.chain.join(" → "), lack.how);
    if !lack.folders.is_empty() && lack.folders == told {
        line.push_str("; it is in none of these folders either");
    } else if !lack.folders.is_empty() {
        line.push_str("; it is not in ");
        line.push_str(&lack.folders.join(", "));
    } else if lack.wrong.is_empty() {
        line.push_str("; it is not there");
    }
    for wrong in &lack.wrong {
        line.push_str("; ");
        line.push_str(wrong);
    }
    match group.by.len() - 1 {
        0 => {}
        1 => line.push_str("; and 1 more needs it"),
        more => line.push_str(&format!("; and {more} more need it")),
    }
    line
}

/// Why something is in the image, from the recipe down: `[copy.tools] names parted → /usr/sbin/parted`.
fn chain(tree: &BTreeMap<ImagePath, Entry>, path: &ImagePath) -> Vec<String> {
    let mut steps = vec![path.to_string()];
    let mut at = path;
    // Reasons lead up to the recipe; a chain is never longer than there are entries.
    for _ in 0..tree.len() {
        match tree.get(at).map(|entry| &entry.origin) {
            Some(Origin::Needed { by, .. }) => {
                steps.push(by.to_string());
                at = by;
            }
            Some(Origin::Copied { table, name }) => {
                // A file that is named by its path is not named twice.
                if steps.last().is_some_and(|path| path == name) {
                    steps.pop();
                }
                steps.push(format!("[{table}] names {name}"));
                break;
            }
            _ => break,
        }
    }
    steps.reverse();
    steps
}
