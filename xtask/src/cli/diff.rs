//! `diff`: what differs between two images.

use serde_json::json;

use super::Context;
use super::subject::{self, Subject};
use crate::failure::{Failure, Kind, Result};
use crate::inspect::diff::{Change, Changed, Diff, diff};
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
    /// End with exit code 11 when something differs; otherwise it is 0 either way
    #[arg(long)]
    exit_code: bool,
}

fn help() -> String {
    format!(
        "{}\n\nWhat is listed: `+` came, `-` went, `>` moved with the same contents, `~` changed, with what about it did.\n\n\
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
        listed(&found) + &stat(&found)
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

fn listed(diff: &Diff) -> String {
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
        for there in side {
            let path = shown(&there.path.to_string());
            let what = match there.kind {
                "file" => bytes(there.size),
                kind => kind.to_owned(),
            };
            text += &format!("{sign} {path} ({what})\n");
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
