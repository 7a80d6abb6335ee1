//! What is said when something that is needed is not there: each thing once, with the shortest chain from the recipe down.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::failure::{Asked, Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::pattern::is_pattern;
use crate::image::tree::{Entry, Origin};

use super::machine::Machine;
use super::names;
use super::process::Lack;
use super::root::Root;
use super::search::{Outcome, Query, Search};

/// Longer lists are cut: whoever reads a hundred of these has seen enough.
const MOST: usize = 100;

/// Something that is missing, and what needs it.
struct Group<'l> {
    lack: &'l Lack,
    /// Of the chains that lead to it, the shortest.
    chain: Vec<String>,
    /// What is at the end of that chain.
    end: &'l ImagePath,
    /// The table and the name in it where that chain begins.
    asked: Option<(&'l str, &'l str)>,
    /// What needs it.
    by: BTreeSet<&'l ImagePath>,
    /// What of the recipe has it, though nothing that needs it is taken from there.
    elsewhere: Vec<String>,
}

/// The failure that these are missing, given what needs each.
pub(super) fn failure(
    search: &Search<'_>,
    tree: &BTreeMap<ImagePath, Entry>,
    lacks: &[(ImagePath, Lack)],
) -> Failure {
    let mut groups = groups(tree, lacks);
    for other in &search.settings.others {
        // What cannot be read there is no reason to say nothing of what is missing: this is for the hint alone.
        let having = Root::new(vec![other.clone()])
            .and_then(|root| having(&Search::new(&root, search.settings)?, &groups));
        for index in having.unwrap_or_default() {
            groups[index].elsewhere.push(other.name.clone());
        }
    }
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
    // Each name of the recipe once; all that it lacks is in the notes.
    let names: BTreeSet<_> = groups.iter().filter_map(|group| group.asked).collect();
    for asked in names.into_iter().take(MOST) {
        failure.asked.push(of_recipe(asked, &groups));
    }
    let hint = from_elsewhere(search.root, &groups);
    failure.hint(hint.unwrap_or_else(|| HINT.to_owned()))
}

const HINT: &str = "add the package or folder that has it, keep what needs it out with `exclude`, or name it under `provided` in [closure] when the image gets it from elsewhere";

/// What a name of the recipe leads to.
fn of_recipe((table, name): (&str, &str), groups: &[Group<'_>]) -> Asked {
    let mut own = groups
        .iter()
        .filter(|group| group.asked == Some((table, name)));
    let first = own
        .next()
        .map(|group| format!("{} needs {}", group.end, group.lack.how));
    let more = match own.count() {
        0 => String::new(),
        more => format!(", and {more} more of what it takes along lack something"),
    };
    Asked {
        table: table.to_owned(),
        name: name.to_owned(),
        wrong: format!(
            "not all that this needs is there: {}{more}",
            first.unwrap_or_default()
        ),
        help: None,
    }
}

/// Which of these there are in another root.
fn having(search: &Search<'_>, groups: &[Group<'_>]) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        if has(search, group.lack)? {
            found.push(index);
        }
    }
    Ok(found)
}

/// Whether a root has what is missing: where a recipe would find it by its name, or where it was looked for.
fn has(search: &Search<'_>, lack: &Lack) -> Result<bool> {
    let machine = Machine::of(search.settings.arch);
    let loader = search.loader(None, machine)?;
    for name in lack.names.iter().filter(|name| !is_pattern(name)) {
        if names::meaning(search, name)?.is_ok_and(|paths| !paths.is_empty()) {
            return Ok(true);
        }
        let query = Query {
            name,
            machine,
            loader: &loader,
        };
        for folder in &lack.folders {
            let mut outcome = Outcome::default();
            search.path(query, &format!("{folder}/{name}"), &mut outcome)?;
            if outcome.library.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What to write to take what is missing from where it is, by the first that has some of it.
fn from_elsewhere(root: &Root, groups: &[Group<'_>]) -> Option<String> {
    let other = groups.iter().find_map(|group| group.elsewhere.first())?;
    let (has, rest): (Vec<_>, Vec<_>) = groups
        .iter()
        .partition(|group| group.elsewhere.contains(other));
    let tables: BTreeSet<&str> = has
        .iter()
        .filter_map(|group| Some(group.asked?.0))
        .collect();
    let tables: Vec<String> = tables.iter().map(|table| format!("[{table}]")).collect();
    let from = root.layers().iter().map(|layer| &layer.name).chain([other]);
    let from: Vec<String> = from.map(|name| format!("\"{name}\"")).collect();
    let what = if rest.is_empty() { "it" } else { "some of it" };
    Some(format!(
        "`{other}` has {what}: take from there, too, by `from = [{}]` in {}",
        from.join(", "),
        tables.join(", ")
    ))
}

/// What is missing, each once, in the order in which it was found.
fn groups<'l>(
    tree: &'l BTreeMap<ImagePath, Entry>,
    lacks: &'l [(ImagePath, Lack)],
) -> Vec<Group<'l>> {
    let mut groups: Vec<Group<'l>> = Vec::new();
    let mut known: HashMap<(&str, Option<&ImagePath>), usize> = HashMap::new();
    for (by, lack) in lacks {
        // What was looked for nowhere, and is wrong all the same, is about the very file.
        let of_file = lack.folders.is_empty() && !lack.wrong.is_empty();
        let (chain, asked) = chain(tree, by);
        match known.entry((&lack.how, of_file.then_some(by))) {
            Slot::Vacant(free) => {
                free.insert(groups.len());
                groups.push(Group {
                    lack,
                    chain,
                    end: by,
                    asked,
                    by: BTreeSet::from([by]),
                    elsewhere: Vec::new(),
                });
            }
            Slot::Occupied(at) => {
                let group = &mut groups[*at.get()];
                group.by.insert(by);
                if chain.len() < group.chain.len() {
                    *group = Group {
                        lack,
                        chain,
                        end: by,
                        asked,
                        by: std::mem::take(&mut group.by),
                        elsewhere: Vec::new(),
                    };
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
    if !group.elsewhere.is_empty() {
        line.push_str(&format!("; `{}` has it", group.elsewhere.join("`, `")));
    }
    match group.by.len() - 1 {
        0 => {}
        1 => line.push_str("; and 1 more needs it"),
        more => line.push_str(&format!("; and {more} more need it")),
    }
    line
}

/// Why something is in the image, from the recipe down: `[copy.tools] names parted → /usr/sbin/parted`; and the table and name it begins with.
fn chain<'t>(
    tree: &'t BTreeMap<ImagePath, Entry>,
    path: &ImagePath,
) -> (Vec<String>, Option<(&'t str, &'t str)>) {
    let mut steps = vec![path.to_string()];
    let mut at = path;
    let mut asked = None;
    // Reasons lead up to the recipe; a chain is never longer than there are entries.
    for _ in 0..tree.len() {
        match tree.get(at).map(|entry| &entry.origin) {
            Some(Origin::Needed { by, .. }) => {
                steps.push(by.to_string());
                at = by;
            }
            Some(Origin::Copied { table, name }) => {
                asked = Some((table.as_str(), name.as_str()));
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
    (steps, asked)
}
