//! The initramfs: overlays, busybox and its applets, stamps, folders and device nodes on top of what is ready-made (`system`), each path
//! with the reason why it is there. Two that claim one path are an error that names both; only a later overlay wins over an earlier one,
//! and a program that was copied over busybox's applet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Work, segment};
use crate::failure::{Failure, Result};
use crate::image::content::Content;
use crate::image::overlay;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node, Origin};
use crate::plan::{Initramfs, Stamps};
use crate::recipe::schema::Image;
use crate::template;

/// Where busybox is; its applets are links to it.
const BUSYBOX: &str = "bin/busybox";
/// Prints the stamps, when an overlay has it; the image then has it under its own name too.
const IMAGE_INFO: &str = "sbin/image-info";
/// What the kernel starts (Documentation/filesystems/ramfs-rootfs-initramfs.rst), and what it is in this image.
const INIT: (&str, &str) = ("init", "sbin/init");

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
    settings: &'a BTreeMap<String, String>,
}

/// Lays out what is known before anything is built: what the recipe declares, and overlays with stand-ins for what kernel and busybox will
/// say of themselves. So that mistakes in them are said at once, and not after a kernel was compiled.
///
/// # Errors
/// Mistakes in templates; two that claim one path.
pub(super) fn rehearse(initramfs: &Initramfs, checkout: &Path) -> Result<()> {
    let mut tree = FileTree::default();
    declared(initramfs, &mut tree)?;
    overlays(&laid(initramfs, ("0", "0")), checkout, &mut tree)
}

pub(super) fn run(work: &Work<'_>, initramfs: &Initramfs) -> Result<()> {
    let versions = (work.text("kernel/release")?, work.text("busybox/version")?);
    let system = segment::listed(work, "system/listing")?;
    let mut tree = system.clone();
    // Before the overlays: what the recipe says of a folder's mode stays.
    declared(initramfs, &mut tree)?;
    overlays(
        &laid(initramfs, (&versions.0, &versions.1)),
        &work.slot.inputs(),
        &mut tree,
    )?;
    busybox(work, &mut tree)?;
    stamps(&initramfs.stamps, &mut tree)?;
    tree.fill_parents(0o755);
    let top = tree.beyond(&system);
    segment::check_top(work, &initramfs.packing, &top)?;
    let archive = work.slot.folder().join("top");
    segment::write(&top, &initramfs.packing, &archive)?;
    segment::concatenate(
        [
            &work.input("system/early"),
            &work.input("system/archive"),
            &archive,
        ]
        .map(PathBuf::as_path),
        &work.output("initramfs"),
    )?;
    segment::listing(&tree, &work.output("listing"))?;
    Ok(fs_err::write(
        work.output("packages"),
        work.text("system/packages")?,
    )?)
}

/// Overlays that are to be laid, and what their templates see.
pub(super) struct Laid<'a> {
    pub(super) image: &'a Image,
    pub(super) settings: &'a BTreeMap<String, String>,
    pub(super) stamps: &'a Stamps,
    pub(super) overlays: &'a [String],
    /// The kernel's and busybox's.
    pub(super) versions: (&'a str, &'a str),
}

fn laid<'a>(initramfs: &'a Initramfs, versions: (&'a str, &'a str)) -> Laid<'a> {
    Laid {
        image: &initramfs.image,
        settings: &initramfs.settings,
        stamps: &initramfs.stamps,
        overlays: &initramfs.overlays,
        versions,
    }
}

/// Lays overlays, which are below `folder`, over a tree.
///
/// # Errors
/// Mistakes in templates; two that claim one path.
pub(super) fn overlays(laid: &Laid<'_>, folder: &Path, tree: &mut FileTree) -> Result<()> {
    let variables = Variables {
        name: &laid.stamps.name,
        version: &laid.stamps.version,
        build_id: &laid.stamps.build_id,
        date: &laid.stamps.date,
        kernel_version: laid.versions.0,
        busybox_version: laid.versions.1,
        console: &laid.image.console.device,
        baud: laid.image.console.baud,
        ntp: &laid.image.ntp,
        settings: laid.settings,
    };
    for folder_name in laid.overlays {
        let name = folder_name.strip_prefix("overlays/").unwrap_or(folder_name);
        let render = |file: &str, text: &str| {
            template::render(format!("overlays/{file}").as_ref(), text, &variables)
        };
        overlay::lay(tree, name, &folder.join(folder_name), &render)?;
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
    let program = tree.resolve(&program)?;
    for line in work.text("busybox/links")?.lines() {
        applet(tree, line.parse()?, &program)?;
    }
    let (init, target) = INIT;
    let what = "what the kernel starts".to_owned();
    tree.add(
        init.parse()?,
        Entry::symlink(target, Origin::Generated { what }),
    )
}

/// A link to busybox, unless the recipe names the real program, which can do more.
fn applet(tree: &mut FileTree, path: ImagePath, program: &ImagePath) -> Result<()> {
    if tree.at(&path)?.is_some_and(|there| there.taken.is_some()) {
        return Ok(());
    }
    // Where bin or sbin is a link itself, the applet lies behind it, and its own link leads on from there.
    let path = match path.parent() {
        Some(folder) => tree.resolve(&folder)?.join(path.name())?,
        None => path,
    };
    let of = program.clone();
    let link = Entry::symlink(relative(&path, program.as_str()), Origin::Applet { of });
    tree.add(path, link)
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

/// The image's own name for the script that prints the stamps, where an overlay has that script.
fn stamps(stamps: &Stamps, tree: &mut FileTree) -> Result<()> {
    if tree.at(&IMAGE_INFO.parse()?)?.is_none() {
        return Ok(());
    }
    let path: ImagePath = format!("sbin/{}-image-info", stamps.name).parse()?;
    // An overlay may have a script of its own under that name.
    if tree.at(&path)?.is_some() {
        return Ok(());
    }
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

    /// Of a usr that is merged in part, as it comes about when nothing is copied from /bin.
    #[test]
    fn applets_behind_a_link_lead_to_busybox() {
        let origin = || Origin::Generated {
            what: String::new(),
        };
        let mut tree = FileTree::default();
        let path = |path: &str| -> ImagePath { path.parse().unwrap() };
        let program = path(BUSYBOX);
        let directory = Entry::directory(origin());
        tree.add(path("usr/sbin"), directory).unwrap();
        let link = Entry::symlink("usr/sbin", origin());
        tree.add(path("sbin"), link).unwrap();
        tree.add(program.clone(), Entry::file("x", true, origin()))
            .unwrap();
        applet(&mut tree, path("sbin/init"), &program).unwrap();
        let init = tree.resolve(&path("sbin/init")).unwrap();
        assert_eq!(init, program);
    }

    #[test]
    fn applets_are_relative_links() {
        let target = |path: &str| relative(&path.parse().unwrap(), BUSYBOX);
        assert_eq!(target("bin/ash"), "busybox");
        assert_eq!(target("sbin/init"), "../bin/busybox");
        assert_eq!(target("usr/bin/wget"), "../../bin/busybox");
        assert_eq!(target("linuxrc"), "bin/busybox");
    }
}
