//! What differs between two images: paths, packages, kernel. Pure; how it is shown is left to `cli`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use similar::TextDiff;

use super::Image;
use crate::digest::Digest;
use crate::failure::Result;
use crate::image::content::Content;
use crate::image::newc::contents_size;
use crate::image::path::ImagePath;
use crate::image::tree::{DeviceKind, Entry, FileTree, Node};

/// Files up to this many bytes are compared line by line.
const TEXT: u64 = 64 << 10;

/// What differs from the old image to the new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Paths that are new.
    pub added: Vec<There>,
    /// Paths that are gone.
    pub removed: Vec<There>,
    /// Files that have another path now.
    pub moved: Vec<Moved>,
    /// Paths with something else at them.
    pub changed: Vec<Changed>,
    /// Packages that came, went, or have another version.
    pub packages: Vec<PackageChange>,
    /// The kernel's release before and now, where both are known and differ.
    pub kernel: Option<(String, String)>,
    /// Bytes of all contents, before and now.
    pub contents: (u64, u64),
    /// Bytes of the file, before and now.
    pub length: (u64, u64),
}

/// A path that is on one side only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct There {
    /// The path.
    pub path: ImagePath,
    /// What is there, in a word or two.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes of a file's contents or of a link's target.
    pub size: u64,
}

/// The same contents under another path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The path before.
    pub from: ImagePath,
    /// The path now.
    pub to: ImagePath,
    /// Bytes.
    pub size: u64,
    /// What else changed: mode, owner.
    pub changes: Vec<Change>,
}

/// A path that has something else at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The path.
    pub path: ImagePath,
    /// What is another.
    pub changes: Vec<Change>,
    /// The lines that differ, as `diff -u` writes them, for small texts and where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One thing that is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `type`, `mode`, `owner`, `size`, `content`, `target` or `device`.
    pub what: &'static str,
    /// As it was.
    pub old: String,
    /// As it is.
    pub new: String,
}

/// A package that is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// The version before, if it was there.
    pub old: Option<String>,
    /// The version now, if it is there.
    pub new: Option<String>,
}

impl Diff {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.moved.is_empty()
            && self.changed.is_empty()
            && self.packages.is_empty()
            && self.kernel.is_none()
    }
}

/// Compares two images; with the lines that differ in small texts, if `text` asks for them.
///
/// # Errors
/// Never for images that were read: what is in them is in memory.
pub fn diff(old: &Image, new: &Image, text: bool) -> Result<Diff> {
    let (before, now) = (old.tree(), new.tree());
    let mut diff = Diff {
        packages: packages(old, new),
        kernel: match (&old.kernel, &new.kernel) {
            (Some(old), Some(new)) if old != new => Some((old.clone(), new.clone())),
            _ => None,
        },
        contents: (contents(before), contents(now)),
        length: (old.length, new.length),
        ..Diff::default()
    };
    let gone = missing(before, now);
    let come = missing(now, before);
    let pairs = moves(&gone, &come)?;
    let paired: BTreeSet<&ImagePath> = pairs.iter().flat_map(|&(from, to)| [from, to]).collect();
    let there = |side: &BTreeMap<&ImagePath, &Entry>| {
        let alone = side.iter().filter(|(path, _)| !paired.contains(*path));
        alone.map(|(path, entry)| told(path, entry)).collect()
    };
    (diff.removed, diff.added) = (there(&gone), there(&come));
    for (from, to) in pairs {
        diff.moved.push(Moved {
            from: from.clone(),
            to: to.clone(),
            size: contents_size(come[to]),
            changes: changes(gone[from], come[to])?,
        });
    }
    for (path, entry) in now.iter() {
        let Some(former) = before.get(path) else {
            continue;
        };
        let changes = changes(former, entry)?;
        if !changes.is_empty() {
            diff.changed.push(Changed {
                text: lines(path, former, entry).filter(|_| text),
                path: path.clone(),
                changes,
            });
        }
    }
    Ok(diff)
}

fn told(path: &ImagePath, entry: &Entry) -> There {
    There {
        path: path.clone(),
        kind: entry.node.name(),
        size: contents_size(entry),
    }
}

fn contents(tree: &FileTree) -> u64 {
    tree.iter().map(|(_, entry)| contents_size(entry)).sum()
}

/// What is in one tree, and not in the other.
fn missing<'a>(tree: &'a FileTree, other: &FileTree) -> BTreeMap<&'a ImagePath, &'a Entry> {
    tree.iter()
        .filter(|(path, _)| other.get(path).is_none())
        .collect()
}

/// Files that are gone, each with one that came and holds the same; first those that kept their name.
fn moves<'a>(
    gone: &BTreeMap<&'a ImagePath, &'a Entry>,
    come: &BTreeMap<&'a ImagePath, &'a Entry>,
) -> Result<Vec<(&'a ImagePath, &'a ImagePath)>> {
    let sizes = |side: &BTreeMap<&'a ImagePath, &'a Entry>| -> BTreeSet<u64> {
        side.values().map(|entry| contents_size(entry)).collect()
    };
    let (gone_sizes, come_sizes) = (sizes(gone), sizes(come));
    let digests = |side: &BTreeMap<&'a ImagePath, &'a Entry>| {
        let mut found: BTreeMap<Digest, Vec<&'a ImagePath>> = BTreeMap::new();
        for (path, entry) in side {
            let size = contents_size(entry);
            let both = gone_sizes.contains(&size) && come_sizes.contains(&size);
            if let Node::File(content) = &entry.node
                && size > 0
                && both
            {
                found.entry(content.digest()?).or_default().push(path);
            }
        }
        Ok::<_, crate::failure::Failure>(found)
    };
    let (from, mut to) = (digests(gone)?, digests(come)?);
    let mut pairs = Vec::new();
    for (digest, from) in from {
        let Some(to) = to.get_mut(&digest) else {
            continue;
        };
        let mut names: BTreeMap<&str, Vec<&'a ImagePath>> = BTreeMap::new();
        for path in to.drain(..).rev() {
            names.entry(path.name()).or_default().push(path);
        }
        let mut renamed = Vec::new();
        for path in from {
            match names.get_mut(path.name()).and_then(Vec::pop) {
                Some(same) => pairs.push((path, same)),
                None => renamed.push(path),
            }
        }
        pairs.extend(renamed.into_iter().zip(names.into_values().flatten()));
    }
    pairs.sort();
    Ok(pairs)
}

/// What is another about an entry.
fn changes(old: &Entry, new: &Entry) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut held = |what, old: String, new: String| {
        if old != new {
            changes.push(Change { what, old, new });
        }
    };
    let kind = |entry: &Entry| entry.node.name().to_owned();
    let mode = |entry: &Entry| format!("{:04o}", entry.mode);
    let owner = |entry: &Entry| format!("{}:{}", entry.uid, entry.gid);
    held("type", kind(old), kind(new));
    held("mode", mode(old), mode(new));
    held("owner", owner(old), owner(new));
    match (&old.node, &new.node) {
        (Node::File(old), Node::File(new)) if old != new => {
            held("size", old.size().to_string(), new.size().to_string());
            held(
                "content",
                old.digest()?.to_string(),
                new.digest()?.to_string(),
            );
        }
        (Node::Symlink { target: old }, Node::Symlink { target: new }) => {
            held("target", old.clone(), new.clone());
        }
        (old @ Node::Device { .. }, new @ Node::Device { .. }) => {
            held("device", device(old), device(new));
        }
        _ => {}
    }
    Ok(changes)
}

fn device(node: &Node) -> String {
    match node {
        Node::Device {
            device,
            major,
            minor,
        } => {
            let kind = match device {
                DeviceKind::Character => "character",
                DeviceKind::Block => "block",
            };
            format!("{kind} {major}, {minor}")
        }
        other => other.name().to_owned(),
    }
}

/// The lines that differ, where both are small texts.
fn lines(path: &ImagePath, old: &Entry, new: &Entry) -> Option<String> {
    let (Node::File(old), Node::File(new)) = (&old.node, &new.node) else {
        return None;
    };
    let (old, new) = (small_text(old)?, small_text(new)?);
    if old == new {
        return None;
    }
    // What takes longer than that is shown with more lines than necessary.
    let diff = TextDiff::configure()
        .timeout(std::time::Duration::from_secs(2))
        .diff_lines(old, new);
    let (from, to) = (format!("a{path}"), format!("b{path}"));
    Some(diff.unified_diff().header(&from, &to).to_string())
}

fn small_text(content: &Content) -> Option<&str> {
    let bytes = content.in_memory()?;
    let text = str::from_utf8(bytes).ok()?;
    (content.size() <= TEXT && !text.contains('\0')).then_some(text)
}

fn packages(old: &Image, new: &Image) -> Vec<PackageChange> {
    let version = |image: &Image, name: &str| {
        let package = image.packages.get(name);
        package.map(|package| package.version.clone())
    };
    let names: BTreeSet<&String> = old.packages.keys().chain(new.packages.keys()).collect();
    let change = |name: &String| PackageChange {
        name: name.clone(),
        old: version(old, name),
        new: version(new, name),
    };
    let all = names.into_iter().map(change);
    all.filter(|change| change.old != change.new).collect()
}
