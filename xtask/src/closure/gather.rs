//! Entries of the image as they come in, each with its first reason; and what there is to say of each file that is taken.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use crate::failure::Result;
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, Node, Origin, Taken};

use super::note::Note;
use super::root::{Found, Place, Root, Thing};

/// Permission bits that run a file as somebody else.
const SET_ID: u32 = 0o6000;
/// Permission bits that let somebody run it.
const RUN: u32 = 0o111;

/// What was taken so far.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    root: &'a Root,
    pub(super) tree: BTreeMap<ImagePath, Entry>,
    pub(super) notes: BTreeSet<Note>,
    /// Files with several names, by device and inode.
    linked: HashMap<(u64, u64), ImagePath>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self {
            root,
            tree: BTreeMap::new(),
            notes: BTreeSet::new(),
            linked: HashMap::new(),
        }
    }

    /// Takes what a path leads to, and every link on the way, each where it is. The first link that is not a directory on the way, or
    /// else the end, has this reason; each link is the reason for what it points to.
    pub(super) fn follow(&mut self, found: &Found, origin: &Origin) -> Result<()> {
        let mut origin = origin.clone();
        let mut ways: Vec<&Place> = Vec::new();
        for link in &found.links {
            if !link.last {
                ways.push(&link.place);
                continue;
            }
            if let Some(path) = self.take_at(&link.place, &mut ways, origin.clone())? {
                origin = needed(&path, "link target");
            }
        }
        if let Some(end) = found.place() {
            self.take_at(end, &mut ways, origin)?;
        }
        Ok(())
    }

    /// Takes one thing where it is, and the links to directories on the way to it.
    fn take_at(
        &mut self,
        place: &Place,
        ways: &mut Vec<&Place>,
        origin: Origin,
    ) -> Result<Option<ImagePath>> {
        // The top of the root is there without being taken; what leads to it is wanted for itself.
        if place.path.is_empty() {
            for way in ways.drain(..) {
                self.take(way, way.path.parse()?, origin.clone());
            }
            return Ok(None);
        }
        let path: ImagePath = place.path.parse()?;
        for way in ways.drain(..) {
            self.take(
                way,
                way.path.parse()?,
                needed(&path, "directory on the way"),
            );
        }
        self.take(place, path.clone(), origin);
        Ok(Some(path))
    }

    /// Takes one thing, and puts it at a path of the image. What is there already stays.
    pub(super) fn take(&mut self, place: &Place, path: ImagePath, origin: Origin) {
        if self.tree.contains_key(&path) {
            return;
        }
        let (node, mode) = match &place.kind {
            Thing::File => {
                self.look_at(place, &path);
                let content = Content::unread(place.on_disk.clone(), place.size);
                (Node::File(content), place.mode)
            }
            Thing::Directory => (Node::Directory, place.mode),
            Thing::Link(target) => {
                let target = target.clone();
                (Node::Symlink { target }, 0o777)
            }
            Thing::Device(node) => (node.clone(), place.mode),
            Thing::Other => {
                self.notes.insert(Note::Skipped { path });
                return;
            }
        };
        let mut entry = Entry::new(node, mode, origin);
        let layer = &self.root.layers()[place.layer];
        // Whom a set-id file belongs to is what it is about. Everything else belongs to root.
        if layer.owners && is_set_id(place) {
            (entry.uid, entry.gid) = (place.uid, place.gid);
        }
        entry.taken = Some(Taken {
            root: layer.name.clone(),
            path: place.path.clone(),
            package: None,
        });
        self.tree.insert(path, entry);
    }

    /// What there is to say of a file.
    fn look_at(&mut self, place: &Place, path: &ImagePath) {
        let path = || path.clone();
        if is_set_id(place) {
            let (mode, uid, gid) = (place.mode, place.uid, place.gid);
            self.notes.insert(Note::SetId {
                path: path(),
                mode,
                uid,
                gid,
            });
        }
        if place.names > 1 {
            if let Some(other) = self.linked.get(&place.id) {
                let other = other.clone();
                self.notes.insert(Note::HardLink {
                    path: path(),
                    other,
                });
            } else {
                self.linked.insert(place.id, path());
            }
        }
        // A file system without such attributes says so, and that is no error.
        let capabilities = || {
            let size =
                rustix::fs::lgetxattr(&place.on_disk, "security.capability", &mut [0_u8; 64]);
            size.is_ok_and(|size| size > 0)
        };
        if place.mode & RUN != 0 && capabilities() {
            self.notes.insert(Note::Capabilities { path: path() });
        }
    }

    /// Notes the links that lead to nothing in the image.
    pub(super) fn dangling(&mut self) -> Result<()> {
        let mut dangling = Vec::new();
        for (path, entry) in &self.tree {
            let taken = entry.taken.as_ref().map(|taken| taken.path.as_str());
            let Node::Symlink { target } = &entry.node else {
                continue;
            };
            // What was put somewhere else points somewhere else, too.
            if taken != Some(path.as_str()) {
                continue;
            }
            let found = self.root.find(path.as_str())?;
            if !found.place().is_some_and(|end| self.has(&end.path)) {
                let (path, target) = (path.clone(), target.clone());
                dangling.push(Note::Dangling { path, target });
            }
        }
        self.notes.extend(dangling);
        Ok(())
    }

    /// Whether there is something at a path of the image, or below it.
    fn has(&self, path: &str) -> bool {
        path.is_empty() || self.tree.contains_key(path) || self.has_below(&format!("{path}/"))
    }

    fn has_below(&self, prefix: &str) -> bool {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let first = self.tree.range::<str, _>(from).next();
        first.is_some_and(|(one, _)| one.as_str().starts_with(prefix))
    }
}

/// The reason that something else does not work without it.
pub(super) fn needed(by: &ImagePath, how: &str) -> Origin {
    Origin::Needed {
        by: by.clone(),
        how: how.to_owned(),
    }
}

fn is_set_id(place: &Place) -> bool {
    place.kind == Thing::File && place.mode & SET_ID != 0
}
