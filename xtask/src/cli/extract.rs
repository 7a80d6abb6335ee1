//! `extract`: writes files of an image into a folder.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::ls;
use super::subject::{self, Subject};
use crate::event::Event;
use crate::failure::Result;
use crate::image::path::ImagePath;
use crate::image::pattern::Pattern;
use crate::inspect::extract::{Extracted, Options, extract};
use crate::inspect::shown;
use crate::report::Answer;
use crate::text::bytes;

#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// What to take from: a recipe, RECIPE@VERSION, a bundle's folder, or an initramfs
    subject: Subject,
    /// Only what matches one of these, and what is below it [default: everything]
    pattern: Vec<String>,
    /// The folder to write into; it is made where it is missing
    #[arg(long, value_name = "DIR", required = true)]
    to: PathBuf,
    /// Replace files and links that are there
    #[arg(long)]
    force: bool,
    /// Keep setuid, setgid and sticky bits
    #[arg(long)]
    preserve: bool,
}

fn help() -> String {
    format!(
        "{}\n\nNothing is written outside DIR, whatever the image holds: links are written as links and never followed.\n\
        Files belong to whoever runs this; hard links become files of their own. Device nodes, named pipes and sockets are not made.\n\n\
        Examples:\n  cargo xtask extract demo --to tree\n  cargo xtask extract demo@2.0-1 /etc '*.ko' --to tree\n  \
        cargo xtask extract ./initrd.img /init --to . --force",
        subject::HELP
    )
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let image = args.subject.open(context)?;
    let patterns: Vec<Pattern> = args
        .pattern
        .iter()
        .map(|text| ls::pattern(text))
        .collect::<Result<_>>()?;
    for (pattern, text) in patterns.iter().zip(&args.pattern) {
        if !image
            .tree()
            .iter()
            .any(|(path, _)| pattern.covers(path.as_str()))
        {
            return Err(ls::nothing_matches(&image, text));
        }
    }
    let wanted = |path: &ImagePath| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.covers(path.as_str()))
    };
    let options = Options {
        force: args.force,
        preserve: args.preserve,
    };
    let done = extract(image.tree(), &args.to, &wanted, options)?;
    for note in notes(&done) {
        context.report.listener().hear(Event::Note(note));
    }
    let text = format!(
        "{}: {} files ({}), {} directories, {} links written to {}\n",
        shown(&image.name),
        done.files,
        bytes(done.bytes),
        done.directories,
        done.links,
        args.to.display()
    );
    Ok(Answer::new(
        &json!({ "subject": image.name, "to": args.to, "extracted": done }),
        text,
    ))
}

/// What is not as it is in the image.
fn notes(done: &Extracted) -> Vec<String> {
    let named = |paths: &[ImagePath]| match paths {
        [first] => shown(&first.to_string()),
        [first, ..] => format!("{} and {} more", shown(&first.to_string()), paths.len() - 1),
        [] => String::new(),
    };
    let mut notes = Vec::new();
    if !done.skipped.is_empty() {
        let count = done.skipped.len();
        notes.push(format!(
            "{count} device nodes, pipes or sockets were not made: {}",
            named(&done.skipped)
        ));
    }
    if !done.without_bits.is_empty() {
        let count = done.without_bits.len();
        notes.push(format!("{count} paths are without their setuid, setgid or sticky bit (--preserve keeps them): {}", named(&done.without_bits)));
    }
    notes
}
