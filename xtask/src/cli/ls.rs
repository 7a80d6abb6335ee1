//! `ls`: what is in an image.

use serde_json::{Value, json};

use super::Context;
use super::subject::{self, Subject};
use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::pattern::Pattern;
use crate::image::segments::{Archive, Segment};
use crate::image::tree::{DeviceKind, Entry, Node};
use crate::inspect::{Image, shown};
use crate::report::{Answer, Table};
use crate::text::bytes;
use crate::text::nearest;

#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// What to look into: a recipe, RECIPE@VERSION, a bundle's folder, or an initramfs
    subject: Subject,
    /// Only what matches, and what is below it: `/etc`, `*.ko`, `/usr/lib/**/*.so*`
    pattern: Option<String>,
    /// Show the segments of the file, and what is wrong with them, instead of what is in them
    #[arg(long, conflicts_with = "pattern")]
    segments: bool,
    /// Say of each path why it is there
    #[arg(long)]
    origins: bool,
}

fn help() -> String {
    format!(
        "{}\n\nExamples:\n  cargo xtask ls demo\n  cargo xtask ls demo@2.0-1 /etc --origins\n  cargo xtask ls /boot/initrd.img-6.1.0-18-amd64 '*.ko'\n  cargo xtask ls ./initrd.img --segments",
        subject::HELP
    )
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let image = args.subject.open(context)?;
    if args.segments {
        return Ok(segments(&image));
    }
    let pattern = args.pattern.as_deref().map(pattern).transpose()?;
    let chosen: Vec<(&ImagePath, &Entry)> = image
        .tree()
        .iter()
        .filter(|(path, _)| {
            pattern
                .as_ref()
                .is_none_or(|pattern| pattern.covers(path.as_str()))
        })
        .collect();
    if let (Some(pattern), true) = (&args.pattern, chosen.is_empty()) {
        return Err(nothing_matches(&image, pattern));
    }
    let mut table = Table::default();
    let mut entries = Vec::new();
    for (path, entry) in chosen {
        table.row(row(&image.archive, path, entry, args.origins));
        entries.push(value(&image.archive, path, entry)?);
    }
    let problems: Vec<_> = problems(&image.archive).collect();
    let value = json!({ "subject": image.name, "kernel": image.kernel, "problems": problems, "entries": entries });
    Ok(Answer::new(&value, table.render()))
}

/// Reads a pattern of the command line.
pub(super) fn pattern(text: &str) -> Result<Pattern> {
    Pattern::new(text).map_err(|failure| failure.kind(Kind::Usage))
}

/// The failure that a pattern fits nothing in an image.
pub(super) fn nothing_matches(image: &Image, pattern: &str) -> Failure {
    let what = format!("nothing in {} matches {pattern:?}", shown(&image.name));
    let failure = Failure::new(Kind::Usage, what);
    let wanted = format!("/{}", pattern.trim_start_matches('/'));
    let paths: Vec<String> = image
        .tree()
        .iter()
        .map(|(path, _)| path.to_string())
        .collect();
    match nearest(&wanted, paths.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{}`?", shown(near))),
        None => failure.hint(
            "`*` stands for anything within a part of a path, `**` for any number of parts; without a slash it is held against names alone",
        ),
    }
}

/// As `ls -l` writes it, with numbers for owners.
fn row(archive: &Archive, path: &ImagePath, entry: &Entry, origins: bool) -> Vec<String> {
    let size = match &entry.node {
        Node::File(content) => content.size().to_string(),
        Node::Symlink { target } => target.len().to_string(),
        Node::Device { major, minor, .. } => format!("{major}, {minor}"),
        Node::Directory | Node::Fifo | Node::Socket => "0".to_owned(),
    };
    let mut name = shown(&path.to_string());
    if let Node::Symlink { target } = &entry.node {
        name += &format!(" -> {}", shown(target));
    }
    if let Some(first) = archive
        .details
        .get(path)
        .and_then(|detail| detail.linked.as_ref())
    {
        name += &format!(" (the same file as {})", shown(&first.to_string()));
    }
    let owner = format!("{}/{}", entry.uid, entry.gid);
    let mut row = vec![letters(entry), owner, format!("{size:>10}"), name];
    if origins {
        let mut why = entry.origin.to_string();
        if let Some(package) = entry
            .taken
            .as_ref()
            .and_then(|taken| taken.package.as_ref())
        {
            why += &format!("; from {package}");
        }
        row.push(shown(&why));
    }
    row
}

/// `-rwxr-xr-x`: POSIX's `ls`.
fn letters(entry: &Entry) -> String {
    let kind = match &entry.node {
        Node::File(_) => '-',
        Node::Directory => 'd',
        Node::Symlink { .. } => 'l',
        Node::Device {
            device: DeviceKind::Character,
            ..
        } => 'c',
        Node::Device {
            device: DeviceKind::Block,
            ..
        } => 'b',
        Node::Fifo => 'p',
        Node::Socket => 's',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift;
        let letter_if = |bit: u32, letter: char| if bits & bit == 0 { '-' } else { letter };
        text.push(letter_if(4, 'r'));
        text.push(letter_if(2, 'w'));
        text.push(match (entry.mode & special != 0, bits & 1 != 0) {
            (false, _) => letter_if(1, 'x'),
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    text
}

fn value(archive: &Archive, path: &ImagePath, entry: &Entry) -> Result<Value> {
    let mut value = serde_json::to_value(entry)
        .map_err(|error| Failure::bug(format!("an entry cannot be written: {error}")))?;
    value["path"] = path.to_string().into();
    value["mode"] = format!("{:04o}", entry.mode).into();
    if let Some(detail) = archive.details.get(path) {
        value["segment"] = detail.segment.into();
        value["mtime"] = detail.mtime.into();
        if let Some(linked) = &detail.linked {
            value["linked"] = linked.to_string().into();
        }
    }
    Ok(value)
}

fn problems(archive: &Archive) -> impl Iterator<Item = Value> {
    archive.all_problems().map(|(segment, problem)| {
        json!({ "segment": segment, "problem": problem, "text": problem.to_string() })
    })
}

fn segments(image: &Image) -> Answer {
    let archive = &image.archive;
    let mut table = Table::default();
    table.row([
        "",
        "at byte",
        "bytes",
        "compression",
        "unpacked",
        "entries",
        "zeros after",
    ]);
    for (segment, number) in archive.segments.iter().zip(1..) {
        table.row(segment_row(number, segment));
    }
    let mut text = table.render();
    for (segment, problem) in archive.all_problems() {
        match segment {
            Some(number) => text += &format!("segment {number}: {problem}\n"),
            None => text += &format!("{problem}\n"),
        }
    }
    let problems: Vec<_> = problems(archive).collect();
    Answer::new(
        &json!({ "subject": image.name, "length": image.length, "segments": archive.segments, "problems": problems }),
        text,
    )
}

fn segment_row(number: usize, segment: &Segment) -> [String; 7] {
    let compression = segment.compression.map_or("none", |format| format.name());
    [
        number.to_string(),
        segment.offset.to_string(),
        segment.length.to_string(),
        compression.to_owned(),
        bytes(segment.unpacked),
        segment.entries.to_string(),
        segment.padding.to_string(),
    ]
}
