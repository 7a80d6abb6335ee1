//! The segment of what is ready-made: programs with all that they need, modules, firmware. It changes seldom and is most of an image, so it is
//! a result by itself; overlays go on top of it (`initramfs`).

use walkdir::WalkDir;

use super::{Work, segment};
use crate::failure::Result;
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Origin};
use crate::plan::System;

pub(super) fn run(work: &Work<'_>, system: &System) -> Result<()> {
    let mut tree = FileTree::default();
    if system.all_modules {
        modules(work, &mut tree)?;
    }
    tree.fill_parents(0o755);
    segment::check(work, &system.packing, &tree)?;
    segment::write(&tree, &system.packing, &work.output("archive"))?;
    segment::listing(&tree, &work.output("listing"))?;
    fs_err::write(work.output("early"), "")?;
    Ok(fs_err::write(work.output("packages"), "{}")?)
}

/// The kernel's own modules, where it has any.
fn modules(work: &Work<'_>, tree: &mut FileTree) -> Result<()> {
    let folder = work.input("kernel/modules");
    for entry in WalkDir::new(fs_err::canonicalize(&folder)?)
        .min_depth(1)
        .sort_by_file_name()
    {
        let entry = entry.map_err(std::io::Error::from)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let inside = entry
            .path()
            .components()
            .skip(folder_depth(&entry))
            .collect::<std::path::PathBuf>();
        let path: ImagePath = inside.to_string_lossy().parse()?;
        let origin = Origin::Built {
            from: "kernel".to_owned(),
        };
        tree.add(
            path,
            Entry::file(Content::of_file(entry.path())?, false, origin),
        )?;
    }
    Ok(())
}

/// How many components of a walked path lie above the folder that is walked.
fn folder_depth(entry: &walkdir::DirEntry) -> usize {
    entry.path().components().count() - entry.depth()
}
