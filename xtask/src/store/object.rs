//! Digests of files and trees.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Serialize;
use walkdir::WalkDir;

use super::artifact::{Output, OutputKind};
use crate::digest::{Digest, Seen};
use crate::failure::{Failure, Kind, Result};
use crate::tool;

/// One entry of a tree's listing; the tree's digest is that of the canonical encoding of all of
/// them, sorted by path. Times and owners are no part of a tree.
#[derive(Serialize)]
struct Entry {
    path: String,
    #[serde(flatten)]
    node: Node,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Node {
    File { executable: bool, digest: Digest },
    Directory {},
    Symlink { target: String },
}

/// Digests whatever is at `path`, as outputs are.
///
/// # Errors
/// When it cannot be read, or is neither file nor folder.
pub fn measure(path: &Path) -> Result<Output> {
    read(path, &Seen::default())
}

/// The same, for somebody who remembers the digests of all its files.
///
/// # Errors
/// As [`measure`].
pub fn read(path: &Path, seen: &Seen) -> Result<Output> {
    let meta = fs_err::symlink_metadata(path)?;
    if meta.is_dir() {
        read_tree(path, seen)
    } else if meta.is_file() {
        let (digest, size) = seen.read(path)?;
        Ok(Output {
            kind: OutputKind::File,
            digest,
            size,
        })
    } else {
        Err(Failure::bug(format!(
            "the output {} is neither file nor folder",
            path.display()
        )))
    }
}

/// Digests a folder.
fn read_tree(folder: &Path, seen: &Seen) -> Result<Output> {
    let mut entries = Vec::new();
    let mut size = 0;
    for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        tool::check_interrupt()?;
        let entry = entry.map_err(std::io::Error::from)?;
        let path = utf8(entry.path().strip_prefix(folder).unwrap_or(entry.path()))?;
        let kind = entry.file_type();
        let node = if kind.is_dir() {
            Node::Directory {}
        } else if kind.is_symlink() {
            Node::Symlink {
                target: utf8(&fs_err::read_link(entry.path())?)?,
            }
        } else if !kind.is_file() {
            // Reading a pipe would wait for somebody who writes it.
            let what = format!(
                "{} is neither file, folder nor link",
                entry.path().display()
            );
            return Err(Failure::new(Kind::Host, what));
        } else {
            let (digest, length) = seen.read(entry.path())?;
            size += length;
            let mode = entry
                .metadata()
                .map_err(std::io::Error::from)?
                .permissions()
                .mode();
            Node::File {
                executable: mode & 0o100 != 0,
                digest,
            }
        };
        entries.push(Entry { path, node });
    }
    // By path as a whole: WalkDir's order, by name in each folder, is another one.
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Output {
        kind: OutputKind::Tree,
        digest: Digest::of_value(&entries),
        size,
    })
}

fn utf8(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(
            Kind::Source,
            format!("the name {} is not UTF-8", path.display()),
        )
    })
}
