//! `size`: what takes the room in an image.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::subject::{self, Subject};
use crate::failure::Result;
use crate::files;
use crate::inspect::shown;
use crate::inspect::size::{By, Group, measure};
use crate::report::{Answer, Table};
use crate::text::bytes;

#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// What to look into: a recipe, RECIPE@VERSION, a bundle's folder, or an initramfs
    subject: Subject,
    /// Put together by this alone; may be given more than once [default: all four]
    #[arg(long, value_enum)]
    by: Vec<By>,
    /// How many of each to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Write a page for a browser, too: all files as nested rectangles
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn help() -> String {
    format!(
        "{}\n\nThe columns: bytes as they are in memory; the estimated share of the compressed file; how many files.\n\
        The share is an estimate: what a segment takes is shared out evenly over what it unpacks to.\n\
        `reason` is the line of the recipe that a file goes back to, through all that is needed by it.\n\n\
        Examples:\n  cargo xtask size demo\n  cargo xtask size demo --by package --top 30\n  cargo xtask size ./initrd.img --html size.html",
        subject::HELP
    )
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let image = args.subject.open(context)?;
    let sizes = measure(&image);
    let mut text = format!(
        "{}: {} of contents, {} as a file\n",
        shown(&image.name),
        bytes(sizes.bytes),
        bytes(sizes.packed)
    );
    let mut value = json!({ "subject": image.name, "bytes": sizes.bytes, "packed": sizes.packed });
    let chosen = if args.by.is_empty() {
        &By::ALL[..]
    } else {
        &args.by
    };
    for by in chosen {
        let groups = sizes.by(*by);
        let name = json!(by);
        let name = name.as_str().unwrap_or_default();
        text += &format!("\nby {name}\n{}", table(&groups, args.top));
        value[name] = json!(groups.get(..args.top).unwrap_or(&groups));
    }
    if let Some(path) = &args.html {
        files::replace(
            &std::path::absolute(path)?,
            sizes.page(&image.name)?.as_bytes(),
        )?;
        text += &format!("\nwritten: {}\n", path.display());
        value["html"] = json!(path);
    }
    Ok(Answer::new(&value, text))
}

fn table(groups: &[Group], top: usize) -> String {
    let mut table = Table::default();
    let row = |name: &str, groups: &[Group]| {
        let sum = |of: fn(&Group) -> u64| bytes(groups.iter().map(of).sum());
        let files: usize = groups.iter().map(|group| group.files).sum();
        let figures = [sum(|g| g.bytes), sum(|g| g.packed), files.to_string()];
        let [bytes, packed, files] = figures;
        [
            format!("{bytes:>10}"),
            format!("{packed:>10}"),
            format!("{files:>6}"),
            shown(name),
        ]
    };
    for group in groups.iter().take(top) {
        table.row(row(&group.name, std::slice::from_ref(group)));
    }
    let left = groups.len().saturating_sub(top);
    let mut text = table.render();
    if left > 0 {
        text += &format!("and {left} more\n");
    }
    text
}
