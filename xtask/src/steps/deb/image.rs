//! The files of an image's package: the bundle as it is, menus that find it from a server's root, and the digests of both.

use std::collections::BTreeMap;
use std::path::Path;

use walkdir::WalkDir;

use super::{PLACE, SERVED};
use crate::digest::Digest;
use crate::failure::{Failure, Result};
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Origin};
use crate::loader::bundle::{self, BundleText};
use crate::plan::Stamps;
use crate::steps::manifest::SUMS;

/// Where a loader that is in the bundle looks for its configuration.
const CONFIGURATIONS: &str = "pxelinux.cfg/";

/// Scripts that name files from the server's root, wherever they lie themselves: in the package, they are those of its place.
const SCRIPTS: &str = "openfirmware/";

/// Where the menus are that a loader in the server's root reads: each is one of the bundle's configurations, with paths from there.
const MENUS: &str = "menus";

/// The files, below [`PLACE`]`/NAME/VERSION`. Its `SHA256SUMS` has all others that are there.
pub(super) fn files(folder: &Path, text: &BundleText, stamps: &Stamps) -> Result<FileTree> {
    let below = format!("{}/{}", stamps.name, stamps.version);
    let place: ImagePath = format!("{PLACE}/{below}").parse()?;
    let mut tree = FileTree::default();
    let mut sums = sums(&fs_err::read_to_string(folder.join(SUMS))?)?;
    let text = bundle::files(&text.below(&format!("{SERVED}/{below}")))?;
    let mut scripts: BTreeMap<&str, &str> = BTreeMap::new();
    for file in text.iter().filter(|file| file.path.starts_with(SCRIPTS)) {
        scripts.insert(&file.path, &file.content);
        sums.insert(file.path.clone(), Digest::of(&file.content));
    }
    for entry in WalkDir::new(folder).min_depth(1) {
        let entry = entry.map_err(std::io::Error::from)?;
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let path = path.to_string_lossy();
        if entry.path_is_symlink() {
            let target = fs_err::read_link(entry.path())?;
            let target = target.to_string_lossy();
            tree.add(place.join(&path)?, Entry::symlink(target, built()))?;
        } else if let Some(script) = scripts.get(&*path) {
            tree.add(place.join(&path)?, Entry::file(*script, false, built()))?;
        } else if !entry.file_type().is_dir() && path != SUMS {
            let size = fs_err::metadata(entry.path())?.len();
            let content = Content::unread(entry.path().to_owned(), size);
            tree.add(place.join(&path)?, Entry::file(content, false, built()))?;
        }
    }
    for file in &text {
        if let Some(name) = file.path.strip_prefix(CONFIGURATIONS) {
            let path = format!("{MENUS}/{name}");
            sums.insert(path.clone(), Digest::of(&file.content));
            tree.add(
                place.join(&path)?,
                Entry::file(&*file.content, false, built()),
            )?;
        }
    }
    let sums = sums
        .iter()
        .map(|(path, digest)| format!("{digest}  {path}\n"));
    let sums = sums.collect::<String>();
    tree.add(place.join(SUMS)?, Entry::file(&*sums, false, built()))?;
    Ok(tree)
}

/// What a list of digests says, by path.
fn sums(text: &str) -> Result<BTreeMap<String, Digest>> {
    let line = |line: &str| {
        let (digest, path) = line
            .split_once("  ")
            .ok_or_else(|| Failure::bug(format!("the bundle's {SUMS} has the line {line:?}")))?;
        Ok((path.to_owned(), digest.parse()?))
    };
    text.lines().map(line).collect()
}

fn built() -> Origin {
    Origin::Built {
        from: "bundle".to_owned(),
    }
}
