//! Reads one uncompressed cpio archive in the `newc` format, whoever wrote it.

use std::io::Cursor;

use cpio::newc::Reader;

use crate::archive::unreadable;
use crate::failure::{Failure, Kind, Result};

use super::content::Content;
use super::newc::{BLOCK_DEVICE, CHARACTER, DIRECTORY, REGULAR, SYMLINK, TYPE_MASK};
use super::path::ImagePath;
use super::tree::{DeviceKind, Entry, FileTree, Node, Origin};

/// One member of an archive, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; a proper path inside an image, or `.`.
    pub name: String,
    /// `st_mode`: type and permission bits.
    pub mode: u32,
    /// Inode number.
    pub ino: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of links.
    pub nlink: u32,
    /// Modification time, in seconds since the epoch.
    pub mtime: u32,
    /// Major and minor number of a device node.
    pub rdev: (u32, u32),
    /// Contents of a file, target of a link.
    pub contents: &'a [u8],
}

/// Reads an archive up to its trailer, after which only zeros may follow. Takes no memory for contents.
///
/// # Errors
/// [`Kind::Source`] when it is cut short, damaged, or holds a name that is no path inside an image.
pub fn read(bytes: &[u8]) -> Result<Vec<Member<'_>>> {
    let mut members = Vec::new();
    let mut rest = bytes;
    loop {
        let (member, after) = member(rest).map_err(|error| unreadable(ARCHIVE, error))?;
        rest = after;
        let Some(member) = member else { break };
        let path = member.name.parse::<ImagePath>();
        if member.name != "." && !path.is_ok_and(|path| path.as_str() == member.name) {
            return Err(damaged(&format!("it holds the name {:?}", member.name)));
        }
        members.push(member);
    }
    if rest.iter().all(|&byte| byte == 0) {
        Ok(members)
    } else {
        Err(damaged("something follows its trailer"))
    }
}

/// Turns members into a tree; `.` is left out, `origin` says where they come from.
///
/// # Errors
/// [`Kind::Source`] for a kind of member that a tree cannot hold; as [`FileTree::add`] otherwise.
pub fn tree(members: &[Member], origin: &Origin) -> Result<FileTree> {
    let mut tree = FileTree::default();
    for member in members.iter().filter(|member| member.name != ".") {
        let (major, minor) = member.rdev;
        let node = match member.mode & TYPE_MASK {
            DIRECTORY => Node::Directory,
            REGULAR => Node::File(Content::Bytes(member.contents.into())),
            SYMLINK => {
                let target = String::from_utf8(member.contents.to_vec());
                let not_text = |_| damaged(&format!("the target of {} is not UTF-8", member.name));
                Node::Symlink {
                    target: target.map_err(not_text)?,
                }
            }
            CHARACTER => Node::Device {
                device: DeviceKind::Character,
                major,
                minor,
            },
            BLOCK_DEVICE => Node::Device {
                device: DeviceKind::Block,
                major,
                minor,
            },
            _ => return Err(damaged(&format!("{} is of an unknown kind", member.name))),
        };
        let entry = Entry {
            uid: member.uid,
            gid: member.gid,
            ..Entry::new(node, member.mode & 0o7777, origin.clone())
        };
        tree.add(member.name.parse()?, entry)?;
    }
    Ok(tree)
}

const ARCHIVE: &str = "the newc archive";

fn damaged(what: &str) -> Failure {
    Failure::new(Kind::Source, format!("{ARCHIVE} is damaged: {what}"))
}

/// The first member, unless it is the trailer, and what follows it.
fn member(bytes: &[u8]) -> std::io::Result<(Option<Member<'_>>, &[u8])> {
    let mut reader = Reader::new(Cursor::new(bytes))?;
    let start = usize::try_from(reader.offset()?).unwrap_or(usize::MAX);
    let entry = reader.entry();
    let size = entry.file_size() as usize;
    // The crate reads a truncated member short, without an error.
    let contents = bytes.get(start..).and_then(|rest| rest.get(..size));
    let after = bytes
        .get(start..)
        .and_then(|rest| rest.get(size.next_multiple_of(4)..));
    let (Some(contents), Some(after)) = (contents, after) else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    if entry.is_trailer() {
        return Ok((None, after));
    }
    let member = Member {
        name: entry.name().to_owned(),
        mode: entry.mode(),
        ino: entry.ino(),
        uid: entry.uid(),
        gid: entry.gid(),
        nlink: entry.nlink(),
        mtime: entry.mtime(),
        rdev: (entry.rdev_major(), entry.rdev_minor()),
        contents,
    };
    Ok((Some(member), after))
}
