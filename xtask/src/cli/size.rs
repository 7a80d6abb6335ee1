//! `size`: what takes the room in an image.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use super::subject::{self, Subject};
use crate::failure::{Failure, Kind, Result};
use crate::files;
use crate::inspect::shown;
use crate::inspect::size::{By, Group, is_page, measure};
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
    /// Replace FILE though it is no such page
    #[arg(long, requires = "html")]
    force: bool,
}

fn help() -> String {
    format!(
        "{}\n\nThe columns: bytes as they are in memory; the estimated share of the (compressed) file; how many files.\n\
        The share is an estimate: what a segment takes is shared out evenly over what it unpacks to.\n\
        `reason` is the line of the recipe that a file goes back to, through all that is needed by it.\n\n\
        Examples:\n  cargo xtask size demo\n  cargo xtask size demo --by package --top 30\n  cargo xtask size ./initrd.img --html size.html",
        subject::HELP
    )
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    // Before the image is made, which may take long.
    if let Some(path) = &args.html {
        look(path, args.force)?;
    }
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
        text += &format!("\n{}", table(name, &groups, args.top));
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

/// Looks whether a page can be written there. An older page may go; what is somebody's own work may not.
fn look(path: &Path, force: bool) -> Result<()> {
    let shown = shown(&path.display().to_string());
    let refused = |what: String| Failure::new(Kind::Usage, what);
    let folder = std::path::absolute(path)?;
    if let Some(folder) = folder.parent().filter(|folder| !folder.is_dir()) {
        let what = format!(
            "{shown} cannot be written: there is no folder {}",
            folder.display()
        );
        return Err(refused(what).hint("make the folder, or write the page somewhere else"));
    }
    if path.is_dir() {
        return Err(refused(format!("{shown} is a folder"))
            .hint("name the file that the page is written into"));
    }
    if !path.exists() || force || (path.is_file() && is_page(&fs_err::read(path)?)) {
        return Ok(());
    }
    Err(
        refused(format!("{shown} is there already, and no page of `size`"))
            .hint("write the page into another file, or replace this one with --force"),
    )
}

/// The largest groups under a line that says what the columns are; `by` is the last one's.
fn table(by: &str, groups: &[Group], top: usize) -> String {
    let mut table = Table::default();
    let line = |bytes: &str, packed: &str, files: &str, name: &str| {
        [
            format!("{bytes:>10}"),
            format!("{packed:>10}"),
            format!("{files:>6}"),
            name.to_owned(),
        ]
    };
    table.row(line("in memory", "in file", "files", by));
    let row = |name: &str, groups: &[Group]| {
        let sum = |of: fn(&Group) -> u64| bytes(groups.iter().map(of).sum());
        let files: usize = groups.iter().map(|group| group.files).sum();
        let figures = [sum(|g| g.bytes), sum(|g| g.packed), files.to_string()];
        let [bytes, packed, files] = figures;
        line(&bytes, &packed, &files, &shown(name))
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

#[cfg(test)]
mod tests {
    use super::look;
    use crate::inspect::samples::image;
    use crate::inspect::size::measure;

    #[test]
    fn only_a_page_is_replaced_and_no_folder_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let page = measure(&image(&[("a", "x")])).page("a").unwrap();
        fs_err::write(at("page"), page).unwrap();
        fs_err::write(at("mine"), "my own work").unwrap();
        for (name, force, fits) in [
            ("new", false, true),
            ("page", false, true),
            ("mine", false, false),
            ("mine", true, true),
            ("none/new", true, false),
            (".", true, false),
        ] {
            assert_eq!(look(&at(name), force).is_ok(), fits, "{name} {force}");
        }
    }
}
