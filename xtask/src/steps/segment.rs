//! A segment of the initramfs: a tree as a compressed archive, with its listing. And segments of their own, which some machines get on top of
//! the image.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Work, initramfs};
use crate::arch::Arch;
use crate::failure::{Failure, Result};
use crate::image::compress::{Filter, Shape};
use crate::image::kernel_support::{self, Needs};
use crate::image::newc;
use crate::image::tree::FileTree;
use crate::plan::{Packing, Segment};

/// What segments are padded to with zeros: an archive that is not compressed has to start at a multiple of 4 (init/initramfs.c).
const ALIGNMENT: usize = 512;

/// Zeros that come behind a segment in any case: by them `lib/decompress_unlz4.c` finds the end of its input. What follows may be a file of its
/// own, which boot loaders put at the next multiple of 4.
const ZEROS: usize = 8;

/// What is gathered before it is written, in bytes; larger files pass by without being copied once more.
const BUFFER: usize = 64 << 10;

/// Machine code that xz has a filter for, of those that every kernel's xz knows.
const fn filter(arch: Arch) -> Filter {
    match arch {
        Arch::Amd64 => Filter::X86,
        _ => Filter::None,
    }
}

/// Holds what the archive of a part of an image will need against the kernel's configuration; device nodes may be in another part.
///
/// # Errors
/// What the kernel lacks.
pub(super) fn check(work: &Work<'_>, packing: &Packing, tree: &FileTree) -> Result<()> {
    let needs = Needs {
        device_nodes: true,
        ..needs(packing, tree)?
    };
    kernel_support::check(&work.text("kernel/config")?, &needs)
}

/// The same for the part that has the image's device nodes, if it has any.
///
/// # Errors
/// What the kernel lacks.
pub(super) fn check_top(work: &Work<'_>, packing: &Packing, tree: &FileTree) -> Result<()> {
    kernel_support::check(&work.text("kernel/config")?, &needs(packing, tree)?)
}

fn needs(packing: &Packing, tree: &FileTree) -> Result<Needs> {
    Needs::of(tree, packing.compression, filter(packing.arch))
}

/// Writes a tree as a compressed archive, and zeros behind it. An empty tree makes an empty file.
///
/// # Errors
/// What the archive or the compressor cannot take; what reading contents and writing fail with.
pub(super) fn write(tree: &FileTree, packing: &Packing, to: &Path) -> Result<()> {
    let output = fs_err::File::create(to)?;
    if tree.is_empty() {
        return Ok(());
    }
    let shape = Shape {
        length: newc::length(tree),
        filter: filter(packing.arch),
        level: packing.level,
    };
    let mut encoder = packing
        .compression
        .encoder(shape, BufWriter::with_capacity(BUFFER, output))?;
    newc::write(tree, packing.mtime, &mut encoder)?;
    let mut output = encoder.finish()?;
    output.flush()?;
    let length = output.get_ref().metadata()?.len() as usize;
    output.write_all(&padding(length))?;
    Ok(output.flush()?)
}

/// What comes behind an archive of this length.
fn padding(length: usize) -> Vec<u8> {
    vec![0; (length + ZEROS).next_multiple_of(ALIGNMENT) - length]
}

/// Puts archives one after the other; each ends where the next one may begin.
///
/// # Errors
/// What reading and writing fail with.
pub(super) fn concatenate<'a>(
    archives: impl IntoIterator<Item = &'a Path>,
    to: &Path,
) -> Result<()> {
    let mut output = fs_err::File::create(to)?;
    for archive in archives {
        io::copy(&mut fs_err::File::open(archive)?, &mut output)?;
    }
    Ok(output.flush()?)
}

/// Writes a tree's listing: what is where, and why.
///
/// # Errors
/// What reading contents whose digest nobody knows yet, and writing, fail with.
pub(super) fn listing(tree: &FileTree, to: &Path) -> Result<()> {
    let listing = serde_json::to_vec(tree)
        .map_err(|error| Failure::bug(format!("a tree cannot be written: {error}")))?;
    Ok(fs_err::write(to, listing)?)
}

/// Reads a listing that a step left.
///
/// # Errors
/// When it cannot be read.
pub(super) fn listed(work: &Work<'_>, input: &str) -> Result<FileTree> {
    serde_json::from_str(&work.text(input)?)
        .map_err(|error| Failure::bug(format!("the listing {input} cannot be read: {error}")))
}

/// Makes a segment on top of the image: overlays that win over what the image has.
///
/// # Errors
/// Mistakes in overlays; as [`check`] and [`write()`].
pub(super) fn run(work: &Work<'_>, segment: &Segment) -> Result<()> {
    let below = listed(work, "listing")?;
    let mut tree = below.clone();
    let versions = (work.text("kernel/release")?, work.text("busybox/version")?);
    initramfs::overlays(
        &initramfs::Laid {
            image: &segment.image,
            settings: &segment.settings,
            stamps: &segment.stamps,
            overlays: &segment.overlays,
            versions: (&versions.0, &versions.1),
        },
        &work.slot.inputs(),
        &mut tree,
    )?;
    tree.fill_parents(0o755);
    let top = tree.beyond(&below);
    check(work, &segment.packing, &top)?;
    write(&top, &segment.packing, &work.output("archive"))?;
    listing(&top, &work.output("listing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::compress::Compression;
    use crate::image::tree::{Entry, Origin};

    #[test]
    fn archives_end_in_zeros_where_another_one_may_begin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        let what = "a test".to_owned();
        let mut tree = FileTree::default();
        let entry = Entry::file(b"x".to_vec(), false, Origin::Generated { what });
        tree.add("x".parse().unwrap(), entry).unwrap();
        for compression in Compression::ALL {
            let packing = Packing {
                arch: Arch::Amd64,
                compression,
                level: None,
                mtime: 0,
            };
            write(&tree, &packing, &path).unwrap();
            let bytes = fs_err::read(&path).unwrap();
            assert_eq!(bytes.len() % ALIGNMENT, 0, "{}", compression.name());
            assert!(bytes.ends_with(&[0; ZEROS]), "{}", compression.name());
        }
    }
}
