//! `extract`: writes files of an image into a folder, or one of them to standard output.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::ls;
use super::subject::{self, Subject};
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::pattern::{Pattern, is_pattern};
use crate::image::tree::Node;
use crate::inspect::Image;
use crate::inspect::extract::{Extracted, Options, extract};
use crate::inspect::shown;
use crate::report::Answer;
use crate::text::bytes;

/// What stands for standard output.
const STDOUT: &str = "-";

#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// What to take from: a recipe, RECIPE@VERSION, a bundle's folder, or an initramfs
    subject: Subject,
    /// Only what matches one of these, and what is below it [default: everything]
    pattern: Vec<String>,
    /// The folder to write into, made where it is missing; `-` for standard output, which takes a single file
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
        cargo xtask extract ./initrd.img /init --to . --force\n  cargo xtask extract demo /etc/inittab --to - | less",
        subject::HELP
    )
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let image = args.subject.open(context)?;
    if args.to.as_os_str() == STDOUT {
        context.report.bytes(&only(&image, &args.pattern)?)?;
        return Ok(Answer::new(&(), ""));
    }
    let patterns = patterns(&image, &args.pattern)?;
    let wanted = |path: &ImagePath| wanted(&patterns, path);
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

/// The bytes of the only file that these patterns mean; links are followed, as `cat` does.
fn only(image: &Image, texts: &[String]) -> Result<Vec<u8>> {
    let tree = image.tree();
    let path = match texts {
        // A path may lead through links, which no pattern does.
        [path] if path.contains('/') && !is_pattern(path) => path
            .parse()
            .map_err(|failure: Failure| failure.kind(Kind::Usage))?,
        texts => {
            let patterns = patterns(image, texts)?;
            let mut found = tree.iter().filter(|(path, _)| wanted(&patterns, path));
            let first = found.next().map(|(path, _)| path.clone());
            let number = usize::from(first.is_some()) + found.count();
            match first {
                Some(path) if number == 1 => path,
                _ => {
                    let what = format!("standard output takes one file, and {number} are meant");
                    return Err(Failure::new(Kind::Usage, what)
                        .hint("name a single file, or a folder with --to"));
                }
            }
        }
    };
    let end = tree
        .resolve(&path)
        .map_err(|failure| failure.kind(Kind::Usage))?;
    let mut bytes = Vec::new();
    match tree.get(&end).map(|entry| &entry.node) {
        Some(Node::File(content)) => content.copy_to(&mut bytes)?,
        Some(_) => {
            let what = format!("{} is no file", shown(&end.to_string()));
            return Err(
                Failure::new(Kind::Usage, what).hint("name a single file, or a folder with --to")
            );
        }
        None => return Err(ls::nothing_matches(image, &end.to_string())),
    }
    Ok(bytes)
}

fn wanted(patterns: &[Pattern], path: &ImagePath) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.covers(path.as_str()))
}

/// Reads patterns, of which each has to mean something.
fn patterns(image: &Image, texts: &[String]) -> Result<Vec<Pattern>> {
    let read = |text: &String| {
        let pattern = ls::pattern(text)?;
        let mut paths = image.tree().iter().map(|(path, _)| path);
        match paths.any(|path| pattern.covers(path.as_str())) {
            true => Ok(pattern),
            false => Err(ls::nothing_matches(image, text)),
        }
    };
    texts.iter().map(read).collect()
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
