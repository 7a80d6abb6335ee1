//! What takes the room in an image: by file, folder, package and reason. Pure; how it is shown is left to `cli`, or to the page in `treemap`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Image, first_reason, treemap};
use crate::image::newc::{contents_size, member_length};
use crate::image::path::ImagePath;

/// What one path takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The path.
    pub path: ImagePath,
    /// Bytes of its contents; 0 for a further name of a file (a hard link).
    pub bytes: u64,
    /// Its share of the compressed file, in bytes: an estimate. What a segment unpacks to is shared out evenly, so what compresses better
    /// than the rest of its segment is charged too much.
    pub packed: u64,
    /// The package that it was taken from.
    pub package: Option<String>,
    /// The first reason why it is there: a table of the recipe, an overlay, a segment.
    pub reason: String,
}

/// What all of an image takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Every path, largest first.
    pub items: Vec<Item>,
    /// Bytes of all contents: what the machine's memory holds.
    pub bytes: u64,
    /// Bytes of the file: what goes over the network.
    pub packed: u64,
}

/// What things are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Each by itself.
    File,
    /// The directory that they are in, or below.
    Directory,
    /// The package that they were taken from.
    Package,
    /// The line of the recipe that they go back to.
    Reason,
}

impl By {
    /// All of them, the widest view first.
    pub const ALL: [Self; 4] = [Self::Reason, Self::Package, Self::Directory, Self::File];
}

/// Things that were put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// How many there are that take room.
    pub files: usize,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Their share of the compressed file; an estimate.
    pub packed: u64,
}

/// Whether a file that begins with these bytes is a page that [`Sizes::page`] made.
#[must_use]
pub fn is_page(bytes: &[u8]) -> bool {
    treemap::is_page(bytes)
}

/// Measures an image.
#[must_use]
pub fn measure(image: &Image) -> Sizes {
    let archive = &image.archive;
    let mut items: Vec<Item> = Vec::new();
    for (path, entry) in archive.tree.iter() {
        let detail = archive.details.get(path);
        let linked = detail.is_some_and(|detail| detail.linked.is_some());
        let contents = contents_size(entry);
        let takes = member_length(path, entry) - if linked { contents } else { 0 };
        let number = detail.map_or(0, |detail| detail.segment);
        let segment = number
            .checked_sub(1)
            .and_then(|at| archive.segments.get(at));
        let packed = segment.map_or(0, |segment| {
            let share = u128::from(takes) * u128::from(segment.length);
            u64::try_from(share / u128::from(segment.unpacked.max(1))).unwrap_or(u64::MAX)
        });
        items.push(Item {
            path: path.clone(),
            bytes: if linked { 0 } else { contents },
            packed,
            package: entry.taken.as_ref().and_then(|taken| taken.package.clone()),
            reason: first_reason(&archive.tree, path),
        });
    }
    items.sort_by(|one, other| (other.bytes, &one.path).cmp(&(one.bytes, &other.path)));
    Sizes {
        bytes: items.iter().map(|item| item.bytes).sum(),
        packed: image.length,
        items,
    }
}

impl Sizes {
    /// Puts together what has something in common; largest first.
    #[must_use]
    pub fn by(&self, by: By) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for item in &self.items {
            let names = match by {
                By::File => vec![item.path.to_string()],
                By::Directory => item.path.ancestors().map(|path| path.to_string()).collect(),
                By::Package => vec![
                    item.package
                        .clone()
                        .unwrap_or_else(|| NO_PACKAGE.to_owned()),
                ],
                By::Reason => vec![item.reason.clone()],
            };
            for name in names {
                let group = groups.entry(name.clone()).or_insert(Group {
                    name,
                    files: 0,
                    bytes: 0,
                    packed: 0,
                });
                group.files += usize::from(item.bytes > 0);
                group.bytes += item.bytes;
                group.packed += item.packed;
            }
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by(|one, other| (other.bytes, &one.name).cmp(&(one.bytes, &other.name)));
        groups
    }

    /// One page in HTML that shows it all as nested rectangles, and needs nothing beside itself.
    ///
    /// # Errors
    /// Never: the page's template is tested.
    pub fn page(&self, title: &str) -> crate::failure::Result<String> {
        treemap::page(self, title)
    }
}

/// What stands for the package of what is from none.
const NO_PACKAGE: &str = "(no package)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tree::{Entry, FileTree, Origin, Taken};
    use crate::inspect::samples::{image, of_tree};

    fn names(groups: &[Group]) -> Vec<String> {
        groups
            .iter()
            .map(|g| format!("{} {} {}", g.name, g.files, g.bytes))
            .collect()
    }

    #[test]
    fn directories_hold_what_is_below_them() {
        let sizes = measure(&image(&[("a/b/x", "12345"), ("a/y", "123"), ("z", "1")]));
        assert_eq!(names(&sizes.by(By::Directory)), ["/a 2 8", "/a/b 1 5"]);
        assert_eq!(names(&sizes.by(By::File))[..2], ["/a/b/x 1 5", "/a/y 1 3"]);
        assert_eq!(sizes.bytes, 9);
    }

    #[test]
    fn shares_of_the_file_add_up_to_no_more_than_it_has() {
        let sizes = measure(&image(&[
            ("a", &"x".repeat(5000)),
            ("b", &"y".repeat(5000)),
        ]));
        let shares: u64 = sizes.items.iter().map(|item| item.packed).sum();
        assert!(
            shares <= sizes.packed && shares * 10 > sizes.packed * 8,
            "{sizes:?}"
        );
    }

    #[test]
    fn packages_and_reasons_are_those_of_the_listing() {
        let mut listing = FileTree::default();
        let copied = Origin::Copied {
            table: "copy.t".to_owned(),
            name: "a".to_owned(),
        };
        let needed = Origin::Needed {
            by: "a".parse().unwrap(),
            how: "library".to_owned(),
        };
        for (path, package, origin) in [("a", Some("pa"), copied), ("b", None, needed)] {
            let mut entry = Entry::file("12", false, origin);
            entry.taken = Some(Taken {
                root: "sysroot".to_owned(),
                path: path.to_owned(),
                package: package.map(str::to_owned),
            });
            listing.add(path.parse().unwrap(), entry).unwrap();
        }
        let mut image = of_tree(&listing);
        image.explain(&listing);
        let sizes = measure(&image);
        assert_eq!(names(&sizes.by(By::Reason)), ["[copy.t] 2 4"]);
        assert_eq!(
            names(&sizes.by(By::Package)),
            ["(no package) 1 2", "pa 1 2"]
        );
    }
}
