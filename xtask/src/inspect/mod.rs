//! Looking into images, ours and others': what is in them and why, what differs, what takes the room. Judging them is left to `lint`,
//! which image is meant to `cli`.

mod bundle;
pub mod diff;
#[cfg(test)]
mod diff_tests;
pub mod extract;
pub mod size;
mod treemap;
#[cfg(test)]
pub(crate) mod samples;
pub mod why;

use std::path::{Path, PathBuf};

use crate::debian::installed::Packages;
use crate::failure::Result;
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::segments::{self, Archive, Limits};
use crate::image::tree::{FileTree, Origin};

/// An image that can be looked into.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// What answers call it.
    pub name: String,
    /// Bytes of its file.
    pub length: u64,
    /// What is in it. Where a listing told of the same, entries have its origins.
    pub archive: Archive,
    /// The release of the kernel that it is for, where that is known: from a manifest, or from the modules in it.
    pub kernel: Option<String>,
    /// The packages that things in it were taken from, where a manifest says so.
    pub packages: Packages,
}

/// Where modules lie, followed by a kernel's release.
const MODULES: [&str; 2] = ["lib/modules/", "usr/lib/modules/"];

impl Image {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`segments::read_file`].
    pub fn of_file(name: impl Into<String>, path: &Path) -> Result<Self> {
        let archive = segments::read_file(path, Limits::default())?;
        let last = archive.segments.last();
        let length = last.map_or(0, |last| last.offset + last.length + last.padding);
        Ok(Self::of_archive(name.into(), archive, length))
    }

    /// Reads files that a boot loader puts together, in this order.
    ///
    /// # Errors
    /// As [`segments::join`].
    pub fn of_files(name: impl Into<String>, paths: &[PathBuf]) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            let size = fs_err::metadata(path)?.len();
            files.push(Content::unread(path.clone(), size));
        }
        let called: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let (archive, length) = segments::join(&called.join(", "), &files, Limits::default())?;
        Ok(Self::of_archive(name.into(), archive, length))
    }

    fn of_archive(name: String, archive: Archive, length: u64) -> Self {
        let mut image = Self {
            name,
            length,
            archive,
            ..Self::default()
        };
        image.kernel = image.release();
        image
    }

    /// The files in it.
    #[must_use]
    pub fn tree(&self) -> &FileTree {
        &self.archive.tree
    }

    /// Takes over from a listing why things are in the image: for those that are as it says.
    pub fn explain(&mut self, listing: &FileTree) {
        self.archive.tree.explain_by(listing);
    }

    /// The kernels that it has modules for.
    fn release(&self) -> Option<String> {
        let mut releases: Vec<&str> = Vec::new();
        for (path, _) in self.tree().iter() {
            let below = MODULES
                .iter()
                .find_map(|top| path.as_str().strip_prefix(top));
            let release = below.and_then(|below| below.split('/').next());
            if let Some(release) = release.filter(|release| !releases.contains(release)) {
                releases.push(release);
            }
        }
        (!releases.is_empty()).then(|| releases.join(", "))
    }
}

/// Reasons are followed this far: longer than any chain of libraries or modules.
const LONGEST_CHAIN: usize = 1000;

/// The line of a recipe, or whatever else is the beginning of the reasons that lead to a path: `[copy.tools]`, `overlay base`.
#[must_use]
pub fn first_reason(tree: &FileTree, path: &ImagePath) -> String {
    let mut path = path.clone();
    // A chain that does not end by then goes round in circles.
    for _ in 0..LONGEST_CHAIN {
        let Some(entry) = tree.get(&path) else {
            return format!("{path}, which is not there");
        };
        path = match &entry.origin {
            Origin::Needed { by: next, .. }
            | Origin::Applet { of: next }
            | Origin::Parent { of: next } => next.clone(),
            Origin::Overlay { overlay, .. } => {
                let name = overlay.strip_prefix("overlays/").unwrap_or(overlay);
                return format!("overlay {name}");
            }
            Origin::Recipe { table } | Origin::Copied { table, .. } => return format!("[{table}]"),
            Origin::Built { from } => return format!("built from {from}"),
            Origin::Generated { .. } => return "generated".to_owned(),
            Origin::Archive { segment } => return format!("segment {segment}"),
        };
    }
    "reasons that go round in circles".to_owned()
}

/// A text from an image as it may be shown: control characters, which a terminal might obey, are escaped.
#[must_use]
pub fn shown(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::samples::image;
    use super::{first_reason, shown};
    use crate::image::tree::{Entry, FileTree, Origin};

    #[test]
    fn reasons_are_followed_to_the_recipe_and_never_in_circles() {
        let needed = |by: &str| Origin::Needed {
            by: by.parse().unwrap(),
            how: "library".to_owned(),
        };
        let copied = Origin::Copied {
            table: "copy.tools".to_owned(),
            name: "lldpd".to_owned(),
        };
        let mut tree = FileTree::default();
        for (path, origin) in [
            ("a", copied),
            ("b", needed("a")),
            ("c", needed("b")),
            ("x", needed("y")),
            ("y", needed("x")),
            ("z", needed("gone")),
        ] {
            tree.add(path.parse().unwrap(), Entry::file("", false, origin))
                .unwrap();
        }
        let reason = |path: &str| first_reason(&tree, &path.parse().unwrap());
        assert_eq!(reason("c"), "[copy.tools]");
        assert_eq!(reason("x"), "reasons that go round in circles");
        assert_eq!(reason("z"), "/gone, which is not there");
    }

    #[test]
    fn a_listing_explains_what_is_as_it_says() {
        let mut image = image(&[("a", "same"), ("b", "another")]);
        let told = Origin::Built {
            from: "busybox".to_owned(),
        };
        let mut listing = FileTree::default();
        for path in ["a", "b", "c"] {
            let entry = Entry::file("same", false, told.clone());
            listing.add(path.parse().unwrap(), entry).unwrap();
        }
        image.explain(&listing);
        let origin = |path: &str| &image.tree().get(&path.parse().unwrap()).unwrap().origin;
        assert_eq!(*origin("a"), told);
        assert_eq!(*origin("b"), Origin::Archive { segment: 1 });
        assert_eq!(image.tree().len(), 2);
    }

    #[test]
    fn names_are_readable() {
        assert_eq!(shown("a\u{1b}[31m\nü"), "a\\u{1b}[31m\\nü");
    }
}
