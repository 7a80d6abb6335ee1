//! What is at a path of a root, and where a path leads.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;
use std::rc::Rc;

use rustix::fs::{major, minor};

use crate::failure::{Failure, Kind, Result};
use crate::image::tree::{DeviceKind, Node};

/// What is at a path of a root, without following a link there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The path in the root, without links in it and without a leading slash; empty for the root itself.
    pub path: String,
    /// Its layer, counted from 0.
    pub layer: usize,
    /// Where that is on this machine.
    pub on_disk: PathBuf,
    /// What is there.
    pub kind: Thing,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Device and inode: the same for two names of one file.
    pub id: (u64, u64),
    /// How many names it has.
    pub names: u64,
}

/// Kinds of things at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, and what it points to.
    Link(String),
    /// Something else that an image can hold.
    Device(Node),
    /// A socket or a pipe.
    Other,
}

/// A link that was followed.
#[derive(Clone, Debug)]
pub struct Link {
    /// The link itself.
    pub place: Rc<Place>,
    /// Whether it was the last part of what was looked for, not a directory on the way.
    pub last: bool,
}

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Found {
    /// The links that were followed, in order.
    pub links: Vec<Link>,
    /// Where it ends.
    pub end: End,
}

/// Where following a path ends.
#[derive(Clone, Debug)]
pub enum End {
    /// At something that is no link.
    There(Rc<Place>),
    /// There is nothing at this path, without a leading slash.
    Nothing(String),
    /// Nowhere: 40 links and no end.
    Loop,
}

impl Found {
    /// What is there, if anything is.
    #[must_use]
    pub fn place(&self) -> Option<&Rc<Place>> {
        match &self.end {
            End::There(place) => Some(place),
            End::Nothing(_) | End::Loop => None,
        }
    }

    /// The regular file that is there, if one is.
    #[must_use]
    pub fn file(&self) -> Option<&Rc<Place>> {
        self.place().filter(|place| place.kind == Thing::File)
    }
}

/// Names in a directory.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Sorted.
    pub names: BTreeSet<String>,
    /// Those that are not UTF-8, as far as they can be shown: no image path can hold them.
    pub odd: BTreeSet<String>,
}

/// What is there, given what the file system says.
pub(super) fn place(path: &str, layer: usize, on_disk: PathBuf, meta: &Metadata) -> Result<Place> {
    let kind = meta.file_type();
    let device = |device| {
        Thing::Device(Node::Device {
            device,
            major: major(meta.rdev()),
            minor: minor(meta.rdev()),
        })
    };
    let kind = if kind.is_file() {
        Thing::File
    } else if kind.is_dir() {
        Thing::Directory
    } else if kind.is_symlink() {
        let target = fs_err::read_link(&on_disk)?.into_os_string();
        Thing::Link(target.into_string().map_err(|odd| {
            let what = format!("the link {} points to {odd:?}", on_disk.display());
            Failure::new(Kind::Recipe, what).note("that is not UTF-8, and no image can hold it")
        })?)
    } else if kind.is_char_device() {
        device(DeviceKind::Character)
    } else if kind.is_block_device() {
        device(DeviceKind::Block)
    } else {
        Thing::Other
    };
    Ok(Place {
        path: path.to_owned(),
        layer,
        on_disk,
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        size: meta.len(),
        id: (meta.dev(), meta.ino()),
        names: meta.nlink(),
    })
}

/// Whether an error only says that there is nothing, or cannot be anything, at a path.
pub(super) fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as E;
    matches!(
        error.kind(),
        E::NotFound | E::NotADirectory | E::InvalidFilename | E::InvalidInput
    )
}
