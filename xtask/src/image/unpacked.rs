//! The root file system that archives make when they are unpacked one after the other, as the kernel does it (init/initramfs.c): what comes later
//! replaces what is there, links above a name are followed, hard links share what they hold, and what cannot be made is passed over.

use std::collections::{BTreeMap, HashMap};

use crate::failure::{Failure, Kind, Result};

use super::content::Content;
use super::newc::{BLOCK_DEVICE, CHARACTER, DIRECTORY, FIFO, REGULAR, SOCKET, SYMLINK, TYPE_MASK};
use super::newc_read::Member;
use super::path::ImagePath;
use super::segments::Detail;
use super::tree::{DeviceKind, Entry, FileTree, Node, Origin};

/// As many links are followed for one name (MAXSYMLINKS).
const LINKS: usize = 40;

/// So many names are looked up in all, and so long are all paths together: an archive in which links multiply has more.
const LOOKUPS: u64 = 100_000_000;
const PATHS: usize = 512 << 20;

/// What the kernel's own archive brings (`usr/default_cpio_list`): it is there before the first member.
const BUILT_IN: [&str; 2] = ["dev", "root"];

/// The segment of what no archive brought.
const NOBODY: usize = 0;

const TOP: usize = 0;

/// Why a member is not made: the end of a sentence that begins with its name.
type Why = &'static str;

/// A root file system in the making.
pub(super) struct Rootfs {
    inodes: Vec<Inode>,
    /// Of members with several names: device, inode number and type, and what was made of the first.
    links: HashMap<((u32, u32), u32, u32), usize>,
    lookups: u64,
}

struct Inode {
    body: Body,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: u32,
    segment: usize,
}

enum Body {
    Directory {
        children: BTreeMap<String, usize>,
        parent: usize,
    },
    /// Anything else.
    Leaf(Node),
}

impl Inode {
    /// The type bits of `st_mode`.
    fn kind(&self) -> u32 {
        match &self.body {
            Body::Directory { .. } => DIRECTORY,
            Body::Leaf(node) => kind(node),
        }
    }

    fn take(&mut self, member: &Member<'_>, segment: usize) {
        self.mode = member.mode & 0o7777;
        (self.uid, self.gid, self.mtime) = (member.uid, member.gid, member.mtime);
        self.segment = segment;
    }
}

fn kind(node: &Node) -> u32 {
    match node {
        Node::Directory => DIRECTORY,
        Node::File(_) => REGULAR,
        Node::Symlink { .. } => SYMLINK,
        Node::Fifo => FIFO,
        Node::Socket => SOCKET,
        Node::Device { device, .. } => match device {
            DeviceKind::Character => CHARACTER,
            DeviceKind::Block => BLOCK_DEVICE,
        },
    }
}

/// Where a name leads.
enum Place {
    /// A name in a directory; something may be there or not.
    Name(usize, String),
    /// A directory itself, by `.`, `..` or nothing.
    Itself(usize),
}

impl Rootfs {
    /// What is there before anything is unpacked.
    pub(super) fn new() -> Self {
        let mut rootfs = Self {
            inodes: Vec::new(),
            links: HashMap::new(),
            lookups: 0,
        };
        rootfs.make(Body::Directory {
            children: BTreeMap::new(),
            parent: TOP,
        });
        for name in BUILT_IN {
            let new = rootfs.make(Body::Directory {
                children: BTreeMap::new(),
                parent: TOP,
            });
            rootfs.enter(TOP, name.to_owned(), new);
        }
        rootfs
    }

    /// Hard links hold within one archive.
    pub(super) fn end_archive(&mut self) {
        self.links.clear();
    }

    /// Makes what a member says. Whether it was made, and if not why.
    ///
    /// # Errors
    /// [`Kind::Source`] when links multiply beyond all measure.
    pub(super) fn put(
        &mut self,
        member: &Member<'_>,
        content: Content,
        segment: usize,
    ) -> Result<std::result::Result<(), Why>> {
        let place = self.locate(&member.name);
        if self.lookups > LOOKUPS {
            return Err(multiplied());
        }
        let (folder, name) = match place {
            Err(why) => return Ok(Err(why)),
            Ok(Place::Itself(there)) => {
                if member.mode & TYPE_MASK != DIRECTORY {
                    return Ok(Err("names a directory, and is none"));
                }
                self.inodes[there].take(member, segment);
                return Ok(Ok(()));
            }
            Ok(Place::Name(folder, name)) => (folder, name),
        };
        let Some(node) = node(member, content) else {
            return Ok(Err("is of a kind that does not exist"));
        };
        Ok(self.put_at(folder, name, node, member, segment))
    }

    fn put_at(
        &mut self,
        folder: usize,
        name: String,
        node: Node,
        member: &Member<'_>,
        segment: usize,
    ) -> std::result::Result<(), Why> {
        let linked = member.nlink > 1 && !matches!(node, Node::Directory | Node::Symlink { .. });
        let key = (member.dev, member.ino, member.mode & TYPE_MASK);
        let first = self.links.get(&key).copied().filter(|_| linked);
        // The kernel removes what is of another type, and always what gives way to a link.
        let replaced = first.is_some() || kind(&node) == SYMLINK;
        if let Some(there) = self.child(folder, &name)
            && (replaced || self.inodes[there].kind() != kind(&node))
        {
            self.remove(folder, &name)?;
        }
        let inode = match (first, self.child(folder, &name)) {
            (Some(first), _) => {
                self.enter(folder, name, first);
                // Contents come with the last name, or with any.
                let empty = matches!(&node, Node::File(content) if content.size() == 0);
                if !empty && matches!(node, Node::File(_)) {
                    self.inodes[first].body = Body::Leaf(node);
                }
                first
            }
            (None, Some(there)) => {
                // Into the same file, under all its names; a device node keeps its numbers.
                if matches!(node, Node::File(_)) {
                    self.inodes[there].body = Body::Leaf(node);
                }
                there
            }
            (None, None) => {
                let new = self.make(match node {
                    Node::Directory => Body::Directory {
                        children: BTreeMap::new(),
                        parent: folder,
                    },
                    other => Body::Leaf(other),
                });
                self.enter(folder, name, new);
                new
            }
        };
        self.inodes[inode].take(member, segment);
        if linked {
            self.links.insert(key, inode);
        }
        Ok(())
    }

    fn make(&mut self, body: Body) -> usize {
        self.inodes.push(Inode {
            body,
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: 0,
            segment: NOBODY,
        });
        self.inodes.len() - 1
    }

    fn child(&self, folder: usize, name: &str) -> Option<usize> {
        match &self.inodes[folder].body {
            Body::Directory { children, .. } => children.get(name).copied(),
            Body::Leaf(_) => None,
        }
    }

    fn enter(&mut self, folder: usize, name: String, inode: usize) {
        if let Body::Directory { children, .. } = &mut self.inodes[folder].body {
            children.insert(name, inode);
        }
    }

    fn remove(&mut self, folder: usize, name: &str) -> std::result::Result<(), Why> {
        let full = self.child(folder, name).is_some_and(|there| {
            matches!(&self.inodes[there].body, Body::Directory { children, .. } if !children.is_empty())
        });
        if full {
            return Err("would replace a directory that is not empty");
        }
        if let Body::Directory { children, .. } = &mut self.inodes[folder].body {
            children.remove(name);
        }
        Ok(())
    }

    /// Follows a name from the top, through links above its last part.
    fn locate(&mut self, name: &str) -> std::result::Result<Place, Why> {
        // What is still to be followed, next part last.
        let mut parts: Vec<String> = Vec::new();
        let push = |parts: &mut Vec<String>, path: &str| {
            let named = path.split('/').filter(|part| !part.is_empty());
            parts.extend(named.rev().map(str::to_owned));
        };
        push(&mut parts, name);
        let (mut here, mut links) = (TOP, 0);
        while let Some(part) = parts.pop() {
            self.lookups += 1;
            if self.lookups > LOOKUPS {
                return Err("leads nowhere");
            }
            match (&self.inodes[here].body, &*part) {
                (_, ".") => continue,
                (Body::Directory { parent, .. }, "..") => {
                    here = *parent;
                    continue;
                }
                _ => {}
            }
            if parts.is_empty() {
                return Ok(Place::Name(here, part));
            }
            let next = self.child(here, &part);
            let next = next.ok_or("is in a directory that is not there")?;
            match &self.inodes[next].body {
                Body::Directory { .. } => here = next,
                Body::Leaf(Node::Symlink { target }) => {
                    links += 1;
                    if links > LINKS {
                        return Err("leads through more than 40 links");
                    }
                    if target.starts_with('/') {
                        here = TOP;
                    }
                    push(&mut parts, target);
                }
                Body::Leaf(_) => return Err("is below something that is no directory"),
            }
        }
        Ok(Place::Itself(here))
    }

    /// The permission bits of the top directory, where an archive says something of it.
    pub(super) fn top(&self) -> Option<u32> {
        let top = &self.inodes[TOP];
        (top.segment != NOBODY).then_some(top.mode)
    }

    /// All that there is now.
    ///
    /// # Errors
    /// [`Kind::Source`] when links multiplied beyond all measure.
    pub(super) fn finish(self) -> Result<(FileTree, BTreeMap<ImagePath, Detail>)> {
        let mut entries = BTreeMap::new();
        let mut details = BTreeMap::new();
        let mut first_names: HashMap<usize, ImagePath> = HashMap::new();
        let mut left: Vec<(String, usize)> = vec![(String::new(), TOP)];
        let mut length = 0;
        while let Some((path, index)) = left.pop() {
            length += path.len();
            if length > PATHS {
                return Err(multiplied());
            }
            let inode = &self.inodes[index];
            if let Body::Directory { children, .. } = &inode.body {
                left.extend(
                    children
                        .iter()
                        .rev()
                        .map(|(name, &child)| (format!("{path}/{name}"), child)),
                );
                // Those of the kernel's own count only where something is in them.
                if index == TOP || inode.segment == NOBODY && children.is_empty() {
                    continue;
                }
            }
            let path: ImagePath = path.parse()?;
            let linked = first_names.get(&index).cloned();
            first_names.entry(index).or_insert_with(|| path.clone());
            details.insert(
                path.clone(),
                Detail {
                    segment: inode.segment,
                    mtime: inode.mtime,
                    linked,
                },
            );
            entries.insert(path, inode.entry());
        }
        Ok((FileTree::of(entries), details))
    }
}

impl Inode {
    fn entry(&self) -> Entry {
        let node = match &self.body {
            Body::Directory { .. } => Node::Directory,
            Body::Leaf(node) => node.clone(),
        };
        let origin = match self.segment {
            NOBODY => Origin::Generated {
                what: "the kernel's own".to_owned(),
            },
            segment => Origin::Archive { segment },
        };
        Entry {
            uid: self.uid,
            gid: self.gid,
            ..Entry::new(node, self.mode, origin)
        }
    }
}

fn node(member: &Member<'_>, content: Content) -> Option<Node> {
    let (major, minor) = member.rdev;
    let device = |device| Node::Device {
        device,
        major,
        minor,
    };
    Some(match member.mode & TYPE_MASK {
        REGULAR => Node::File(content),
        DIRECTORY => Node::Directory,
        SYMLINK => {
            let target = String::from_utf8_lossy(member.contents);
            let target = target.split('\0').next().unwrap_or_default();
            Node::Symlink {
                target: Some(target.to_owned()).filter(|target| !target.is_empty())?,
            }
        }
        CHARACTER => device(DeviceKind::Character),
        BLOCK_DEVICE => device(DeviceKind::Block),
        FIFO => Node::Fifo,
        SOCKET => Node::Socket,
        _ => return None,
    })
}

fn multiplied() -> Failure {
    Failure::new(
        Kind::Source,
        "the archive's links and paths multiply beyond all measure",
    )
    .hint("it was made to keep somebody busy; nothing can be said of it")
}
