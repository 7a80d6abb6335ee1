//! The file tree: image path to entry, each entry with its origin. Hard links are not modelled: two paths with the same bytes are two files.

use std::collections::BTreeMap;
use std::ops::Bound;

use memchr::memrchr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};

use super::content::Content;
pub use super::origin::Origin;
use super::path::ImagePath;

/// Kinds of device nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Character device.
    Character,
    /// Block device.
    Block,
}

/// Where something was taken from that was there before: a file of the host, of a folder, or of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The root: `host`, `sysroot`, or the name of a source.
    pub root: String,
    /// The path in that root, without a leading slash.
    pub path: String,
    /// The package that it belongs to there; its versions are in the image's list of packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Node {
    /// A regular file.
    File(Content),
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it points to, as it is stored.
        target: String,
    },
    /// A device node.
    Device {
        /// Character or block device.
        device: DeviceKind,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe. Recipes cannot ask for one; images of others hold them.
    Fifo,
    /// A socket; likewise.
    Socket,
}

impl Node {
    /// What it is, in a word or two.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Directory => "directory",
            Self::Symlink { .. } => "symbolic link",
            Self::Device { .. } => "device node",
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
        }
    }
}

/// One path of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is there.
    #[serde(flatten)]
    pub node: Node,
    /// Permission bits with setuid, setgid and sticky: at most 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Why it is there.
    pub origin: Origin,
    /// Where it was taken from, unless it was made for this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

impl Entry {
    /// Something that root owns.
    #[must_use]
    pub fn new(node: Node, mode: u32, origin: Origin) -> Self {
        Self {
            node,
            mode,
            uid: 0,
            gid: 0,
            origin,
            taken: None,
        }
    }

    /// A file, 0755 or 0644.
    pub fn file(content: impl Into<Content>, executable: bool, origin: Origin) -> Self {
        let mode = if executable { 0o755 } else { 0o644 };
        Self::new(Node::File(content.into()), mode, origin)
    }

    /// A symbolic link.
    pub fn symlink(target: impl Into<String>, origin: Origin) -> Self {
        let target = target.into();
        Self::new(Node::Symlink { target }, 0o777, origin)
    }

    /// A directory, 0755.
    #[must_use]
    pub fn directory(origin: Origin) -> Self {
        Self::new(Node::Directory, 0o755, origin)
    }

    fn same(&self, other: &Self) -> bool {
        (self.mode, self.uid, self.gid) == (other.mode, other.uid, other.gid)
            && self.node == other.node
    }

    fn is_directory(&self) -> bool {
        self.node == Node::Directory
    }
}

/// The kernel follows no more links in one path (include/linux/namei.h, MAXSYMLINKS).
const MOST_LINKS: usize = 40;

/// The files of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileTree {
    entries: BTreeMap<ImagePath, Entry>,
}

impl FileTree {
    /// Adds an entry. The same entry again is fine, and the first origin stays. Links to directories that lead there are followed, as whoever
    /// unpacks the image would: with `bin -> usr/bin` in the tree, `bin/sh` goes to `usr/bin/sh`.
    ///
    /// # Errors
    /// [`Kind::Recipe`], naming the path and both origins, when something else is there already, when a path above it is no
    /// directory, or when it is no directory and has paths below it; also for an impossible mode or link target.
    pub fn add(&mut self, path: ImagePath, entry: Entry) -> Result<()> {
        let path = self.place(path, &entry)?;
        self.check(&path, &entry)?;
        match self.entries.get(&path) {
            Some(there) if there.same(&entry) => Ok(()),
            // A directory that only had to be there is whatever somebody who cares makes of it.
            Some(there) if is_filled_in(there) => self.put(path, entry),
            Some(there) => Err(conflict(&path, there, &entry).hint(
                "leave one of the two out, or put one into an overlay that comes after the other",
            )),
            None => self.put(path, entry),
        }
    }

    /// Adds an entry of a layer that wins over what earlier ones put at the same path. A directory and something else never replace each other.
    ///
    /// # Errors
    /// As [`FileTree::add`], but for the case of two files, links or device nodes, or two directories.
    pub fn add_over(&mut self, path: ImagePath, entry: Entry) -> Result<()> {
        let path = self.place(path, &entry)?;
        self.check(&path, &entry)?;
        match self.entries.get(&path) {
            Some(there) if there.is_directory() != entry.is_directory() => {
                Err(conflict(&path, there, &entry).hint("a later layer may replace a file, but not a directory by something else or the other way round"))
            }
            _ => self.put(path, entry),
        }
    }

    /// Adds the directories that are missing above what is there, with these permission bits.
    pub fn fill_parents(&mut self, mode: u32) {
        let mut missing: BTreeMap<ImagePath, Entry> = BTreeMap::new();
        for path in self.entries.keys() {
            for above in path.ancestors() {
                // What is above those is looked at with them.
                if self.entries.contains_key(&above) || missing.contains_key(&above) {
                    break;
                }
                let origin = Origin::Parent { of: path.clone() };
                missing.insert(above, Entry::new(Node::Directory, mode, origin));
            }
        }
        self.entries.extend(missing);
    }

    /// The path under which the tree has what is at `path`: links are followed on the way there, and the last component too where it is one. A path
    /// that leads nowhere is returned as far as it could be followed.
    ///
    /// # Errors
    /// [`Kind::Recipe`] when links lead in a circle.
    pub fn resolve(&self, path: &ImagePath) -> Result<ImagePath> {
        self.follow(path, true)
    }

    /// Where a new entry goes: links above it are followed. A directory where there is a link to one is that one.
    fn place(&self, path: ImagePath, entry: &Entry) -> Result<ImagePath> {
        let links = |there: Option<&Entry>| {
            there.is_some_and(|there| matches!(there.node, Node::Symlink { .. }))
        };
        let above = self.nearest_above(&path).map(|(_, there)| there);
        if links(above) || entry.is_directory() && links(self.get(&path)) {
            self.follow(&path, entry.is_directory())
        } else {
            Ok(path)
        }
    }

    fn follow(&self, path: &ImagePath, last: bool) -> Result<ImagePath> {
        let mut left: Vec<String> = path.as_str().rsplit('/').map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            let target = match self.entries.get(done.join("/").as_str()).map(|at| &at.node) {
                Some(Node::Symlink { target }) if last || !left.is_empty() => target,
                _ => continue,
            };
            links += 1;
            if links > MOST_LINKS {
                return Err(Failure::new(
                    Kind::Recipe,
                    format!("links lead in a circle at {path}"),
                )
                .hint("correct the links above it"));
            }
            done.pop();
            if target.starts_with('/') {
                done.clear();
            }
            left.extend(target.rsplit('/').map(str::to_owned));
        }
        done.join("/").parse()
    }

    /// What this tree has and the other has not, with the directories above it: what a segment on top of that one holds.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let mut beyond = Self::default();
        for (path, entry) in &self.entries {
            // Directories that are only there because something is in them come with that.
            let there = other.entries.get(path);
            if is_filled_in(entry) || there.is_some_and(|there| there.same(entry)) {
                continue;
            }
            let above = path.ancestors();
            let above = above.filter_map(|above| self.entries.get_key_value(&above));
            let whole = above.chain([(path, entry)]);
            beyond
                .entries
                .extend(whole.map(|(path, entry)| (path.clone(), entry.clone())));
        }
        beyond
    }

    /// What is at a path, links above it followed.
    ///
    /// # Errors
    /// As [`FileTree::resolve`].
    pub fn at(&self, path: &ImagePath) -> Result<Option<&Entry>> {
        Ok(self.get(&self.follow(path, false)?))
    }

    /// A tree of entries whose paths fit together: above each are directories only.
    pub(super) fn of(entries: BTreeMap<ImagePath, Entry>) -> Self {
        Self { entries }
    }

    /// Says of an entry that is there why it is, and where it was taken from.
    pub fn explain(&mut self, path: &ImagePath, origin: Origin, taken: Option<Taken>) {
        if let Some(entry) = self.entries.get_mut(path) {
            (entry.origin, entry.taken) = (origin, taken);
        }
    }

    /// Takes over from a listing why things are there, for those that are as it says.
    pub fn explain_by(&mut self, listing: &Self) {
        for (path, listed) in &listing.entries {
            if let Some(there) = self
                .entries
                .get_mut(path)
                .filter(|there| there.same(listed))
            {
                (there.origin, there.taken) = (listed.origin.clone(), listed.taken.clone());
            }
        }
    }

    /// What is at a path.
    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// All entries, sorted by path: a directory before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Entry)> {
        self.entries.iter()
    }

    /// The contents of all files, to be replaced by others of the same meaning.
    pub fn contents_mut(&mut self) -> impl Iterator<Item = (&ImagePath, &mut Content)> {
        self.entries
            .iter_mut()
            .filter_map(|(path, entry)| match &mut entry.node {
                Node::File(content) => Some((path, content)),
                _ => None,
            })
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn put(&mut self, path: ImagePath, entry: Entry) -> Result<()> {
        self.entries.insert(path, entry);
        Ok(())
    }

    /// The nearest thing that is there on the way to a path. Where it is a directory, so is all above it: nothing else was let in.
    fn nearest_above(&self, path: &ImagePath) -> Option<(&ImagePath, &Entry)> {
        let mut above = path.as_str();
        while let Some(slash) = memrchr(b'/', above.as_bytes()) {
            above = &above[..slash];
            let there = self.entries.get_key_value(above);
            if there.is_some() {
                return there;
            }
        }
        None
    }

    /// What holds for every new entry, whoever wins.
    fn check(&self, path: &ImagePath, entry: &Entry) -> Result<()> {
        if entry.mode > 0o7777 {
            return Err(Failure::new(
                Kind::Recipe,
                format!("{path} has an impossible mode: {:o}", entry.mode),
            )
            .note(entry.origin.to_string()));
        }
        if let Node::Symlink { target } = &entry.node
            && (target.is_empty() || target.contains('\0'))
        {
            return Err(Failure::new(
                Kind::Recipe,
                format!("{path} is a symbolic link to {target:?}, which is nothing"),
            )
            .note(entry.origin.to_string()));
        }
        if let Some((above, there)) = self.nearest_above(path)
            && !there.is_directory()
        {
            return Err(below(path, entry, above, there));
        }
        match self.first_below(path) {
            Some((inside, there)) if !entry.is_directory() => {
                Err(below(inside, there, path, entry))
            }
            _ => Ok(()),
        }
    }

    fn first_below(&self, path: &ImagePath) -> Option<(&ImagePath, &Entry)> {
        let prefix = format!("{}/", path.as_str());
        let bounds = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        self.entries
            .range::<str, _>(bounds)
            .next()
            .filter(|(path, _)| path.as_str().starts_with(&prefix))
    }
}

fn is_filled_in(entry: &Entry) -> bool {
    matches!(entry.origin, Origin::Parent { .. })
}

fn conflict(path: &ImagePath, one: &Entry, other: &Entry) -> Failure {
    let side = |entry: &Entry| {
        let name = entry.node.name();
        format!("a {name} with mode {:04o}: {}", entry.mode, entry.origin)
    };
    Failure::new(Kind::Recipe, format!("two different things claim {path}"))
        .note(side(one))
        .note(side(other))
}

/// The failure that `path` lies below `above`, which is no directory.
fn below(path: &ImagePath, entry: &Entry, above: &ImagePath, there: &Entry) -> Failure {
    let failure = Failure::new(
        Kind::Recipe,
        format!(
            "{path} cannot be in {above}, which is a {}",
            there.node.name()
        ),
    )
    .note(format!("{path}: {}", entry.origin))
    .note(format!("{above}: {}", there.origin));
    match &there.node {
        Node::Symlink { target } => failure.hint(format!(
            "{above} points to {target}: put it there, or make {above} a directory"
        )),
        _ => failure.hint(format!(
            "make {above} a directory, or leave one of them out"
        )),
    }
}
