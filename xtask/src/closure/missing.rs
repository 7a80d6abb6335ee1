//! What is said when something that is needed is not there: all of it together, each with the whole chain from the recipe down.

use std::collections::BTreeMap;

use crate::failure::{Failure, Kind};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, Origin};

use super::process::Lack;

/// Longer lists are cut: whoever reads a hundred of these has seen enough.
const MOST: usize = 100;

/// The failure that these are missing, given what needs each.
pub(super) fn failure(tree: &BTreeMap<ImagePath, Entry>, lacks: &[(ImagePath, Lack)]) -> Failure {
    let mut lines: Vec<String> = Vec::new();
    for (by, lack) in lacks {
        let line = line(tree, by, lack);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let what = match lines.len() {
        1 => "something that a file of the image needs is not there".to_owned(),
        number => format!("{number} things that files of the image need are not there"),
    };
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    let mut failure = Failure::new(Kind::Recipe, what);
    for line in lines {
        failure = failure.note(line);
    }
    if more > 0 {
        failure = failure.note(format!("and {more} more"));
    }
    failure.hint(
        "add the package or folder that has it, keep what needs it out with `exclude`, or name it under `provided` in [closure] when the image gets it from elsewhere",
    )
}

fn line(tree: &BTreeMap<ImagePath, Entry>, by: &ImagePath, lack: &Lack) -> String {
    let mut line = format!("{} needs {}", chain(tree, by), lack.how);
    if !lack.folders.is_empty() {
        line.push_str(", which is not in ");
        line.push_str(&lack.folders.join(", "));
    } else if lack.wrong.is_empty() {
        line.push_str(", which is not there");
    }
    for wrong in &lack.wrong {
        line.push_str("; ");
        line.push_str(wrong);
    }
    line
}

/// Why something is in the image, from the recipe down: `[copy.tools] names parted → /usr/sbin/parted`.
fn chain(tree: &BTreeMap<ImagePath, Entry>, path: &ImagePath) -> String {
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
    steps.join(" → ")
}
