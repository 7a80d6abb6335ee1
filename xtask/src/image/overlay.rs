//! Overlays: folders whose files go into an image as they are, or as templates (`*.hbs`) once they are rendered.
//!
//! What an overlay consists of is its [`listing`]: what version control and editors leave behind is not in it. Owners are root, modes follow the owner's exec bit.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use crate::digest::Digest;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::tool;

use super::content::{self, Content};
use super::tree::{Entry, FileTree, Node, Origin};

/// Suffix of the files that are templates.
pub const TEMPLATE: &str = ".hbs";

/// Names that are left out.
const SKIPPED_NAMES: &[&str] = &[".git", ".svn", ".hg", "CVS", ".gitignore", ".gitkeep"];

/// Files that are left out, by beginning and end of their names: backups, locks, and what patches leave.
const SKIPPED_FILES: &[(&str, &str)] = &[
    ("", "~"),
    ("#", "#"),
    (".#", ""),
    ("", ".swp"),
    ("", ".orig"),
    ("", ".rej"),
];

/// One path of an overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Path inside the overlay, without a leading slash.
    pub path: String,
    /// What is there.
    #[serde(flatten)]
    pub kind: ItemKind,
}

/// What is at a path of an overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ItemKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
        /// Its size in bytes.
        size: u64,
        /// Its digest.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// What it points to.
        target: String,
    },
}

/// Everything in an overlay, sorted by path: what a step is keyed with.
///
/// # Errors
/// [`Kind::Recipe`] when there is no such folder, or it holds a socket, a device or a name that is not UTF-8; what reading fails with.
pub fn listing(folder: &Path) -> Result<Vec<Item>> {
    if !folder.is_dir() {
        return Err(Failure::new(
            Kind::Recipe,
            format!("the overlay {} is not there", folder.display()),
        )
        .hint("make the folder, or correct its name in the recipe"));
    }
    let mut items = Vec::new();
    let walk = WalkDir::new(folder).min_depth(1).into_iter();
    for found in walk.filter_entry(|entry| entry.depth() == 0 || !is_skipped(entry)) {
        tool::check_interrupt()?;
        let found = found.map_err(std::io::Error::from)?;
        items.push(item(folder, &found)?);
    }
    items.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(items)
}

/// Files of a folder that are more than executable where they are, with what they are: an image has none of it from such a folder.
///
/// # Errors
/// What reading the folder fails with.
pub fn special(folder: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut special = Vec::new();
    let walk = WalkDir::new(folder).min_depth(1).sort_by_file_name();
    for found in walk.into_iter().filter_entry(|entry| !is_skipped(entry)) {
        tool::check_interrupt()?;
        let found = found.map_err(std::io::Error::from)?;
        let metadata = found.metadata().map_err(std::io::Error::from)?;
        let mode = metadata.permissions().mode();
        if !metadata.is_file() || mode & 0o111 == 0 {
            continue;
        }
        // A file system without such attributes says so, and that is no error.
        let capabilities =
            rustix::fs::lgetxattr(found.path(), "security.capability", &mut [0_u8; 64]);
        if mode & 0o6000 != 0 {
            special.push((found.into_path(), "is set-id"));
        } else if capabilities.is_ok_and(|size| size > 0) {
            special.push((found.into_path(), "has capabilities"));
        }
    }
    Ok(special)
}

/// Copies exactly what a listing names from `folder` into `to`, which must not exist, with normalised modes. So a step can be run on files that nobody edits meanwhile.
///
/// # Errors
/// [`Kind::Host`] when a file is no longer what the listing says; what copying fails with.
pub fn snapshot(folder: &Path, items: &[Item], to: &Path) -> Result<()> {
    fs_err::create_dir(to)?;
    for item in items {
        tool::check_interrupt()?;
        let (from, to) = (folder.join(&item.path), to.join(&item.path));
        match &item.kind {
            ItemKind::Directory => fs_err::create_dir(&to)?,
            ItemKind::Symlink { target } => fs_err::os::unix::fs::symlink(target, &to)?,
            ItemKind::File { executable, .. } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                let mut copy = fs_err::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&to)?;
                content(from, &item.kind).copy_to(&mut copy)?;
            }
        }
    }
    Ok(())
}

impl std::fmt::Display for ItemKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory => f.write_str("a directory"),
            Self::Symlink { target } => write!(f, "a link to {target}"),
            Self::File {
                executable, digest, ..
            } => {
                let kind = if *executable {
                    "an executable"
                } else {
                    "a file"
                };
                write!(f, "{kind} ({})", digest.short())
            }
        }
    }
}

/// Turns a template's name and text into what goes into the image.
pub type Render<'a> = &'a dyn Fn(&str, &str) -> Result<String>;

/// Lays an overlay over a tree: it wins over what earlier overlays put at the same path.
///
/// # Errors
/// As [`listing`] and [`FileTree::add_over`]; what rendering fails with; [`Kind::Recipe`] when a template is not UTF-8, or there is a file beside it that has its name without the suffix.
pub fn lay(tree: &mut FileTree, name: &str, folder: &Path, render: Render) -> Result<()> {
    let mut layer = FileTree::default();
    for item in listing(folder)? {
        let origin = Origin::Overlay {
            overlay: name.to_owned(),
            file: item.path.clone(),
        };
        let content = content(folder.join(&item.path), &item.kind);
        let (path, entry) = match (&item.kind, item.path.strip_suffix(TEMPLATE)) {
            (ItemKind::Directory, _) => (item.path.as_str(), Entry::directory(origin)),
            (ItemKind::Symlink { target }, _) => {
                (item.path.as_str(), Entry::symlink(target, origin))
            }
            (ItemKind::File { executable, .. }, None) => (
                item.path.as_str(),
                Entry::file(content, *executable, origin),
            ),
            (ItemKind::File { executable, .. }, Some(path)) => {
                let text =
                    text(&content).doing(|| format!("cannot use the template {}", item.path))?;
                let rendered = render(&format!("{name}/{}", item.path), &text)?;
                (path, Entry::file(rendered.as_str(), *executable, origin))
            }
        };
        layer.add(path.parse()?, entry)?;
    }
    for (path, entry) in layer.iter() {
        let directory = |entry: &Entry| entry.node == Node::Directory;
        if directory(entry) && tree.get(&tree.resolve(path)?).is_some_and(directory) {
            // An overlay cannot say which mode a directory has: somebody else may have.
            continue;
        }
        tree.add_over(path.clone(), entry.clone())?;
    }
    Ok(())
}

fn is_skipped(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let matches = |&(start, end): &(&str, &str)| {
        name.len() > start.len().max(end.len()) && name.starts_with(start) && name.ends_with(end)
    };
    SKIPPED_NAMES.contains(&&*name)
        || (!entry.file_type().is_dir() && SKIPPED_FILES.iter().any(matches))
}

fn item(folder: &Path, found: &DirEntry) -> Result<Item> {
    let path = found.path();
    let refused = |what: &str| {
        Failure::new(
            Kind::Recipe,
            format!(
                "{} cannot be taken into an overlay or source: {what}",
                path.display()
            ),
        )
    };
    let relative = path.strip_prefix(folder).ok().and_then(Path::to_str);
    let relative = relative.ok_or_else(|| refused("its name is not UTF-8"))?;
    let kind = found.file_type();
    let kind = if kind.is_dir() {
        ItemKind::Directory
    } else if kind.is_symlink() {
        let target = fs_err::read_link(path)?.into_os_string().into_string();
        let target = target.map_err(|_| refused("its target is not UTF-8"))?;
        ItemKind::Symlink { target }
    } else if kind.is_file() {
        let mode = fs_err::metadata(path)?.permissions().mode();
        let (digest, size) = Digest::of_file(path)?;
        ItemKind::File {
            executable: mode & 0o100 != 0,
            size,
            digest,
        }
    } else {
        return Err(refused("it is neither file, directory nor link")
            .hint("take it out of the folder; device nodes are declared in the recipe, under [image.devices]"));
    };
    Ok(Item {
        path: relative.to_owned(),
        kind,
    })
}

fn content(path: PathBuf, kind: &ItemKind) -> Content {
    match *kind {
        ItemKind::File { size, digest, .. } => Content::File {
            path,
            size,
            digest: content::known(digest),
        },
        _ => Content::from(""),
    }
}

fn text(content: &Content) -> Result<String> {
    let mut bytes = Vec::new();
    content.copy_to(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| Failure::new(Kind::Recipe, "it is not UTF-8"))
}
