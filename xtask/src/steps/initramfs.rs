//! The initramfs: overlays, busybox and its applets, modules, stamps, folders and device nodes in one archive, each path with
//! the reason why it is there. Two that claim one path are an error that names both; only a later overlay wins over an earlier one.

use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use walkdir::WalkDir;

use super::Work;
use crate::failure::{Failure, Result};
use crate::image::compress::{Filter, Shape};
use crate::image::content::Content;
use crate::image::kernel_support::{self, Needs};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node, Origin};
use crate::image::{newc, overlay};
use crate::plan::{Initramfs, Stamps};
use crate::template;

/// Where busybox is; its applets are links to it.
const BUSYBOX: &str = "bin/busybox";
/// Prints the stamps, when an overlay has it; the image then has it under its own name too.
const IMAGE_INFO: &str = "sbin/image-info";
/// What the kernel starts (Documentation/filesystems/ramfs-rootfs-initramfs.rst), and what it is in this image.
const INIT: (&str, &str) = ("init", "sbin/init");

/// Most of what is in an image is code for the one architecture there is.
const FILTER: Filter = Filter::X86;

/// What templates in overlays may use.
#[derive(Debug, Serialize)]
struct Variables<'a> {
    name: &'a str,
    version: &'a str,
    build_id: &'a str,
    date: &'a str,
    kernel_version: &'a str,
    busybox_version: &'a str,
    console: &'a str,
    baud: u32,
    ntp: &'a [String],
}

/// Lays out what is known before anything is built: what the recipe declares, and overlays with stand-ins for what kernel and busybox will
/// say of themselves. So that mistakes in them are said at once, and not after a kernel was compiled.
///
/// # Errors
/// Mistakes in templates; two that claim one path.
pub(super) fn rehearse(initramfs: &Initramfs, checkout: &Path) -> Result<()> {
    let mut tree = FileTree::default();
    declared(initramfs, &mut tree)?;
    overlays(initramfs, checkout, ("0", "0"), &mut tree)
}

pub(super) fn run(work: &Work<'_>, initramfs: &Initramfs) -> Result<()> {
    let versions = (work.text("kernel/release")?, work.text("busybox/version")?);
    let mut tree = FileTree::default();
    // Before the overlays: what the recipe says of a folder's mode stays.
    declared(initramfs, &mut tree)?;
    overlays(
        initramfs,
        &work.slot.inputs(),
        (&versions.0, &versions.1),
        &mut tree,
    )?;
    busybox(work, &mut tree)?;
    modules(work, &mut tree)?;
    stamps(&initramfs.stamps, &mut tree)?;
    tree.fill_parents(0o755);
    let compression = initramfs.image.compression;
    kernel_support::check(
        &work.text("kernel/config")?,
        &Needs::of(&tree, compression, FILTER)?,
    )?;

    let shape = Shape {
        length: newc::length(&tree),
        filter: FILTER,
    };
    let output = BufWriter::new(fs_err::File::create(work.output("initramfs"))?);
    let mut encoder = compression.encoder(shape, output)?;
    newc::write(&tree, initramfs.mtime, &mut encoder)?;
    encoder.finish()?.flush()?;
    let listing = serde_json::to_vec_pretty(&tree)
        .map_err(|error| Failure::bug(format!("a tree cannot be written: {error}")))?;
    Ok(fs_err::write(work.output("listing"), listing)?)
}

/// Lays the overlays, which are below `folder`, over a tree.
fn overlays(
    initramfs: &Initramfs,
    folder: &Path,
    (kernel_version, busybox_version): (&str, &str),
    tree: &mut FileTree,
) -> Result<()> {
    let stamps = &initramfs.stamps;
    let variables = Variables {
        name: &stamps.name,
        version: &stamps.version,
        build_id: &stamps.build_id,
        date: &stamps.date,
        kernel_version,
        busybox_version,
        console: &initramfs.image.console.device,
        baud: initramfs.image.console.baud,
        ntp: &initramfs.image.ntp,
    };
    for name in &initramfs.overlays {
        let render = |file: &str, text: &str| template::render(file.as_ref(), text, &variables);
        overlay::lay(tree, name, &folder.join(name), &render)?;
    }
    Ok(())
}

fn busybox(work: &Work<'_>, tree: &mut FileTree) -> Result<()> {
    let program: ImagePath = BUSYBOX.parse()?;
    let from = || Origin::Built {
        from: "busybox".to_owned(),
    };
    let content = Content::of_file(&work.input("busybox/busybox"))?;
    tree.add(program.clone(), Entry::file(content, true, from()))?;
    for line in work.text("busybox/links")?.lines() {
        let path: ImagePath = line.parse()?;
        let link = Entry::symlink(
            relative(&path, BUSYBOX),
            Origin::Applet {
                of: program.clone(),
            },
        );
        tree.add(path, link)?;
    }
    let (init, target) = INIT;
    let what = "what the kernel starts".to_owned();
    tree.add(
        init.parse()?,
        Entry::symlink(target, Origin::Generated { what }),
    )
}

/// The target of a link at `path` to `to`, both seen from the top.
fn relative(path: &ImagePath, to: &str) -> String {
    let up = path.ancestors().count();
    let same_folder = path.parent().is_some_and(|parent| {
        to.strip_prefix(parent.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    });
    if same_folder && up == 1 {
        return to.rsplit('/').next().unwrap_or(to).to_owned();
    }
    format!("{}{to}", "../".repeat(up))
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

/// The image's own name for the script that prints the stamps, where an overlay has that script.
fn stamps(stamps: &Stamps, tree: &mut FileTree) -> Result<()> {
    if tree.get(&IMAGE_INFO.parse()?).is_none() {
        return Ok(());
    }
    let path = format!("sbin/{}-image-info", stamps.name).parse()?;
    let what = "version stamp under the image's name".to_owned();
    tree.add(
        path,
        Entry::symlink("image-info", Origin::Generated { what }),
    )
}

/// What the recipe declares: folders and device nodes.
fn declared(initramfs: &Initramfs, tree: &mut FileTree) -> Result<()> {
    let origin = |table: &str| Origin::Recipe {
        table: table.to_owned(),
    };
    for (path, directory) in &initramfs.image.directories {
        let entry = Entry::new(
            Node::Directory,
            mode(&directory.mode)?,
            origin("image.directories"),
        );
        tree.add(path.parse()?, entry)?;
    }
    for (path, device) in &initramfs.image.devices {
        let node = Node::Device {
            device: device.kind,
            major: device.major,
            minor: device.minor,
        };
        tree.add(
            path.parse()?,
            Entry::new(node, mode(&device.mode)?, origin("image.devices")),
        )?;
    }
    Ok(())
}

fn mode(octal: &str) -> Result<u32> {
    u32::from_str_radix(octal, 8)
        .map_err(|_| Failure::bug(format!("the checked recipe has the mode {octal:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applets_are_relative_links() {
        let target = |path: &str| relative(&path.parse().unwrap(), BUSYBOX);
        assert_eq!(target("bin/ash"), "busybox");
        assert_eq!(target("sbin/init"), "../bin/busybox");
        assert_eq!(target("usr/bin/wget"), "../../bin/busybox");
        assert_eq!(target("linuxrc"), "bin/busybox");
    }
}
