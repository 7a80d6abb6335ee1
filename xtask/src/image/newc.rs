//! cpio archives in the `newc` format, as the kernel unpacks them into its initial root file system
//! (Documentation/driver-api/early-userspace/buffer-format.rst; the limits are those of init/initramfs.c). One tree, one sequence of bytes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use cpio::newc::{Builder, Writer};

use crate::failure::{Failure, Kind, Result};
use crate::tool;

use super::path::ImagePath;
use super::tree::{DeviceKind, Entry, FileTree, Node};

/// The kernel skips names and link targets that are longer, with the NUL at their end.
pub(super) const PATH_MAX: usize = 4096;

/// The name that ends an archive.
pub(super) const TRAILER: &str = "TRAILER!!!";

/// Archives are padded to a multiple of this, as cpio does.
const BLOCK: u64 = 512;

pub(super) const HEADER: u64 = 110;

/// Type bits of `st_mode`, <sys/stat.h>.
pub(super) const TYPE_MASK: u32 = 0o170_000;
pub(super) const DIRECTORY: u32 = 0o040_000;
pub(super) const REGULAR: u32 = 0o100_000;
pub(super) const SYMLINK: u32 = 0o120_000;
pub(super) const CHARACTER: u32 = 0o020_000;
pub(super) const BLOCK_DEVICE: u32 = 0o060_000;
pub(super) const FIFO: u32 = 0o010_000;
pub(super) const SOCKET: u32 = 0o140_000;

/// Writes a tree: sorted by path, inode numbers counted from 1, every time `mtime` (seconds since the epoch), on device 0.
/// The top directory comes first as `.`: a root file system on tmpfs would be writable for everybody otherwise. Returns the number of bytes, which is [`length`]'s.
///
/// # Errors
/// [`Kind::Recipe`] for what the format or the kernel cannot take: a file of 4 GiB, a name or target of 4096 bytes; [`Kind::Bug`] when a parent
/// directory is missing (see [`FileTree::fill_parents`]); what reading contents and writing fail with.
pub fn write(tree: &FileTree, mtime: u32, output: impl Write) -> Result<u64> {
    let mut output = Counted {
        inner: output,
        written: 0,
    };
    let subdirectories = subdirectories(tree)?;
    let links = |path: Option<&ImagePath>| 2 + subdirectories.get(&path.cloned()).unwrap_or(&0);
    let top = Builder::new(".")
        .mode(DIRECTORY | 0o755)
        .nlink(links(None))
        .ino(1)
        .mtime(mtime);
    top.write(&mut output, 0).finish()?;
    for ((path, entry), ino) in tree.iter().zip(2..) {
        tool::check_interrupt()?;
        let size = size(path, entry)?;
        let nlink = match entry.node {
            Node::Directory => links(Some(path)),
            _ => 1,
        };
        let header = header(path, entry).nlink(nlink).ino(ino).mtime(mtime);
        let mut member = header.write(&mut output, size);
        contents(entry, &mut member)?;
        member.finish()?;
    }
    cpio::newc::trailer(&mut output)?;
    let padding = output.written.next_multiple_of(BLOCK) - output.written;
    output.write_all(&vec![0; padding as usize])?;
    if output.written == length(tree) {
        Ok(output.written)
    } else {
        Err(Failure::bug(
            "a newc archive came out with another length than it has to have",
        ))
    }
}

/// The length of what [`write()`] writes, in bytes; no file is opened.
#[must_use]
pub fn length(tree: &FileTree) -> u64 {
    let members: u64 = tree
        .iter()
        .map(|(path, entry)| member_length(path, entry))
        .sum();
    (length_of(".", 0) + members + length_of(TRAILER, 0)).next_multiple_of(BLOCK)
}

/// How many bytes an entry takes in an archive: its header, name and contents, with their padding.
#[must_use]
pub fn member_length(path: &ImagePath, entry: &Entry) -> u64 {
    length_of(path.as_str(), contents_size(entry))
}

fn length_of(name: &str, size: u64) -> u64 {
    (HEADER + name.len() as u64 + 1).next_multiple_of(4) + size.next_multiple_of(4)
}

/// Where the contents of a file begin in what [`write()`] writes, in bytes from its beginning.
#[must_use]
pub fn data_offset(tree: &FileTree, path: &ImagePath) -> Option<u64> {
    tree.get(path)?;
    let before: u64 = tree
        .iter()
        .take_while(|(other, _)| *other != path)
        .map(|(path, entry)| member(path.as_str(), contents_size(entry)))
        .sum();
    Some(member(".", 0) + before + member(path.as_str(), 0))
}

/// The length of a member of the archive: header and name, contents, each filled up to a multiple of 4.
fn member(name: &str, size: u64) -> u64 {
    (HEADER + name.len() as u64 + 1).next_multiple_of(4) + size.next_multiple_of(4)
}

/// How many directories each directory holds; the top is `None`.
fn subdirectories(tree: &FileTree) -> Result<BTreeMap<Option<ImagePath>, u32>> {
    let mut count = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let parent = path.parent();
        let is_directory = |path| {
            tree.get(path)
                .is_some_and(|entry| entry.node == Node::Directory)
        };
        if parent.as_ref().is_some_and(|parent| !is_directory(parent)) {
            return Err(Failure::bug(format!(
                "{path} has no parent directory in the tree"
            )));
        }
        if entry.node == Node::Directory {
            *count.entry(parent).or_default() += 1;
        }
    }
    Ok(count)
}

fn header(path: &ImagePath, entry: &Entry) -> Builder {
    let builder = Builder::new(path.as_str()).uid(entry.uid).gid(entry.gid);
    let mode = match entry.node {
        Node::File(_) => REGULAR,
        Node::Directory => DIRECTORY,
        Node::Symlink { .. } => SYMLINK,
        Node::Device {
            device: DeviceKind::Character,
            ..
        } => CHARACTER,
        Node::Device {
            device: DeviceKind::Block,
            ..
        } => BLOCK_DEVICE,
        Node::Fifo => FIFO,
        Node::Socket => SOCKET,
    };
    let builder = builder.mode(mode | entry.mode);
    match entry.node {
        Node::Device { major, minor, .. } => builder.rdev_major(major).rdev_minor(minor),
        _ => builder,
    }
}

/// What follows an entry's name in an archive, in bytes.
#[must_use]
pub fn contents_size(entry: &Entry) -> u64 {
    match &entry.node {
        Node::File(content) => content.size(),
        Node::Symlink { target } => target.len() as u64,
        Node::Directory | Node::Device { .. } | Node::Fifo | Node::Socket => 0,
    }
}

/// The size of an entry's contents, if the format and the kernel can take the entry.
fn size(path: &ImagePath, entry: &Entry) -> Result<u32> {
    let refused = |reason: &str| {
        Failure::new(
            Kind::Recipe,
            format!("{path} cannot be in an initramfs: {reason}"),
        )
        .note(entry.origin.to_string())
    };
    if path.as_str().len() >= PATH_MAX {
        return Err(refused("its path is longer than 4095 bytes"));
    }
    if path.as_str() == TRAILER {
        return Err(refused("its name would end the archive"));
    }
    if matches!(&entry.node, Node::Symlink { target } if target.len() >= PATH_MAX) {
        return Err(refused("its target is longer than 4095 bytes"));
    }
    u32::try_from(contents_size(entry)).map_err(|_| refused("it is 4 GiB or larger"))
}

fn contents<W: Write>(entry: &Entry, member: &mut Writer<W>) -> Result<()> {
    match &entry.node {
        Node::File(content) => content.copy_to(member),
        Node::Symlink { target } => Ok(member.write_all(target.as_bytes())?),
        Node::Directory | Node::Device { .. } | Node::Fifo | Node::Socket => Ok(()),
    }
}

/// Counts what is written, and flushes nothing: the cpio crate flushes after each member, which makes a compressor begin anew each time (3.5 times the size, for many small files).
struct Counted<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
