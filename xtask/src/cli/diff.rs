//! `diff`: what differs between two images.

use std::collections::BTreeMap;

use serde_json::json;

use super::Context;
use super::subject::{self, Subject};
use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::inspect::diff::{Change, Changed, Diff, There, diff};
use crate::inspect::{Image, shown};
use crate::report::Answer;
use crate::text::bytes;

#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// The image before: a recipe, RECIPE@VERSION, a bundle's folder, or an initramfs
    old: Subject,
    /// The image now
    new: Subject,
    /// Say only how much differs
    #[arg(long, conflicts_with = "text")]
    stat: bool,
    /// Show the lines that differ in small texts
    #[arg(long)]
    text: bool,
    /// Show each path of folders that came or went as a whole, too
    #[arg(long, conflicts_with = "stat")]
    all: bool,
    /// End with exit code 11 when something differs; otherwise it is 0 either way
    #[arg(long)]
    exit_code: bool,
}

fn help() -> String {
    format!(
        "{}\n\nWhat is listed: `+` came, `-` went, `>` moved with the same contents, `~` changed, with what about it did.\n\
        A folder that came or went as a whole is one line; --all shows what is in it. In JSON all paths are always there.\n\n\
        Examples:\n  cargo xtask diff demo@2.0-1 demo            what the next version changes\n  cargo xtask diff demo@2.0-1 demo@2.0-2 --stat\n  \
        cargo xtask diff demo ./initrd.img --text\n  cargo xtask diff demo@current demo --exit-code && echo nothing to release",
        subject::HELP
    )
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let old = args.old.open(context)?;
    let new = args.new.open(context)?;
    let found = diff(&old, &new, args.text)?;
    let text = if found.is_empty() {
        "nothing differs\n".to_owned()
    } else if args.stat {
        stat(&found)
    } else {
        listed(&found, args.all) + &stat(&found)
    };
    let text = format!("{}{}{text}", side("old", &old), side("new", &new));
    let value =
        json!({ "old": old.name, "new": new.name, "equal": found.is_empty(), "diff": found });
    if args.exit_code && !found.is_empty() {
        let what = format!("{} and {} differ", shown(&old.name), shown(&new.name));
        return Err(Failure::new(Kind::Check, what).after(text, value));
    }
    Ok(Answer::new(&value, text))
}

fn side(which: &str, image: &Image) -> String {
    let kernel = image
        .kernel
        .as_ref()
        .map(|kernel| format!(", kernel {}", shown(kernel)));
    let (name, length) = (shown(&image.name), bytes(image.length));
    format!(
        "{which}: {name} ({} paths, {length}{})\n",
        image.tree().len(),
        kernel.unwrap_or_default()
    )
}

fn stat(diff: &Diff) -> String {
    let Diff {
        added,
        removed,
        moved,
        changed,
        packages,
        ..
    } = diff;
    format!(
        "{} added, {} removed, {} moved, {} changed; {} packages; contents {}, file {}\n",
        added.len(),
        removed.len(),
        moved.len(),
        changed.len(),
        packages.len(),
        by(diff.contents),
        by(diff.length)
    )
}

/// By how much something grew or shrank.
fn by((old, new): (u64, u64)) -> String {
    let sign = if new < old { '-' } else { '+' };
    format!("{sign}{}", bytes(old.abs_diff(new)))
}

fn listed(diff: &Diff, all: bool) -> String {
    let mut text = String::new();
    if let Some((old, new)) = &diff.kernel {
        text += &format!("~ kernel {} -> {}\n", shown(old), shown(new));
    }
    for package in &diff.packages {
        let name = &package.name;
        text += &match (&package.old, &package.new) {
            (None, new) => format!("+ package {name} {}\n", new.as_deref().unwrap_or_default()),
            (Some(old), None) => format!("- package {name} {old}\n"),
            (Some(old), Some(new)) => format!("~ package {name} {old} -> {new}\n"),
        };
    }
    for (sign, side) in [('-', &diff.removed), ('+', &diff.added)] {
        let below = if all { Below::default() } else { below(side) };
        for there in side {
            if let Some(line) = one_sided(there, &below) {
                text += &format!("{sign} {line}\n");
            }
        }
    }
    for moved in &diff.moved {
        let [from, to] = [&moved.from, &moved.to].map(|path| shown(&path.to_string()));
        text += &format!(
            "> {from} -> {to} ({}){}\n",
            bytes(moved.size),
            changes(&moved.changes)
        );
    }
    for one in &diff.changed {
        text += &changed(one);
    }
    text
}

/// Directories that are on one side only, with how many paths are below each, and how many bytes these have.
type Below = BTreeMap<ImagePath, (usize, u64)>;

/// The topmost of the directories that are on one side only, where more than one path is below.
fn below(side: &[There]) -> Below {
    let is_directory = |there: &&There| there.kind == "directory";
    let mut all: Below = side
        .iter()
        .filter(is_directory)
        .map(|there| (there.path.clone(), (0, 0)))
        .collect();
    for there in side {
        if let Some(top) = topmost(&there.path, &all)
            && let Some((number, size)) = all.get_mut(&top)
        {
            *number += 1;
            *size += if there.kind == "file" { there.size } else { 0 };
        }
    }
    all.retain(|_, (number, _)| *number > 1);
    all
}

/// Of the directories above a path, the topmost of these.
fn topmost(path: &ImagePath, of: &Below) -> Option<ImagePath> {
    path.ancestors()
        .filter(|above| of.contains_key(above))
        .last()
}

/// The line for what is on one side only; none for what a directory's line stands for.
fn one_sided(there: &There, below: &Below) -> Option<String> {
    let path = shown(&there.path.to_string());
    if topmost(&there.path, below).is_some() {
        return None;
    }
    if let Some((number, size)) = below.get(&there.path) {
        return Some(format!(
            "{path}/ and {number} paths below ({})",
            bytes(*size)
        ));
    }
    Some(match there.kind {
        "file" => format!("{path} ({})", bytes(there.size)),
        kind => format!("{path} ({kind})"),
    })
}

fn changed(one: &Changed) -> String {
    let path = shown(&one.path.to_string());
    let mut text = format!("~ {path}{}\n", changes(&one.changes));
    for line in one.text.iter().flat_map(|text| text.split_inclusive('\n')) {
        let kept = line.trim_end_matches('\n').replace('\t', "        ");
        text += &format!("    {}\n", shown(&kept));
    }
    text
}

fn changes(changes: &[Change]) -> String {
    let told = changes.iter().map(|change| match change.what {
        "content" => "content".to_owned(),
        what => format!("{what} {} -> {}", shown(&change.old), shown(&change.new)),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        String::new()
    } else {
        format!("  {}", told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Diff, There, listed};

    #[test]
    fn a_folder_that_came_as_a_whole_is_one_line() {
        let there = |path: &str, kind, size| There {
            path: path.parse().unwrap(),
            kind,
            size,
        };
        let side = vec![
            there("a", "directory", 0),
            there("a-b", "file", 1),
            there("a/b", "directory", 0),
            there("a/b/c", "file", 2000),
            there("a/b/d", "link", 1),
            there("e", "directory", 0),
            there("e/f", "file", 3),
            there("g/h/i", "file", 4),
            there("g/h/j", "file", 5),
        ];
        let diff = Diff {
            added: side.clone(),
            removed: side.clone(),
            ..Diff::default()
        };
        let text = listed(&diff, false);
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "- /a/ and 3 paths below (2.0 kB)",
            "- /a-b (1 B)",
            "- /e (directory)",
            "- /e/f (3 B)",
            "- /g/h/i (4 B)",
            "- /g/h/j (5 B)",
        ];
        assert_eq!(lines[..6], expected);
        assert_eq!(lines.len(), 12);
        assert_eq!(listed(&diff, true).lines().count(), 2 * side.len());
    }
}
