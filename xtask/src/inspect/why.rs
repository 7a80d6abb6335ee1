//! Why a path is in an image: the chain from it to what asked for it. What a recipe's line says, and what belongs to a package, is
//! known to those above.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::tree::{FileTree, Node, Origin, Taken};
use crate::text::nearest;

/// A path on the way from what was asked about to what asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason<'t> {
    /// The path.
    pub path: ImagePath,
    /// Where it leads, if it is a symbolic link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<&'t str>,
    /// Why it is there; what it names is the next in the chain.
    pub origin: &'t Origin,
    /// Where it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<&'t Taken>,
}

/// The chain from a path to what is there for its own sake. Where links lead to the path, what they lead to comes first.
///
/// # Errors
/// [`Kind::Usage`] when the image has no such path, with the nearest that it has.
pub fn chain<'t>(tree: &'t FileTree, path: &ImagePath) -> Result<Vec<Reason<'t>>> {
    let mut chain = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = Some(tree.resolve(path)?);
    if tree.get(path).is_some() {
        next = Some(path.clone());
    }
    while let Some(path) = next.filter(|path| seen.insert(path.clone())) {
        let path = match tree.get(&path) {
            Some(_) => path,
            None => tree.resolve(&path)?,
        };
        let entry = tree.get(&path).ok_or_else(|| absent(tree, &path))?;
        next = match &entry.origin {
            Origin::Needed { by, .. } | Origin::Parent { of: by } | Origin::Applet { of: by } => {
                Some(by.clone())
            }
            _ => None,
        };
        let link = match &entry.node {
            Node::Symlink { target } => Some(target.as_str()),
            _ => None,
        };
        chain.push(Reason {
            path,
            link,
            origin: &entry.origin,
            taken: entry.taken.as_ref(),
        });
    }
    Ok(chain)
}

fn absent(tree: &FileTree, path: &ImagePath) -> Failure {
    let failure = Failure::new(Kind::Usage, format!("there is no {path} in the image"));
    // People remember names, seldom folders.
    let same_name = tree
        .iter()
        .map(|(there, _)| there)
        .find(|there| there.name() == path.name());
    let paths = tree.iter().map(|(there, _)| there.as_str());
    match same_name
        .map(ImagePath::as_str)
        .or(nearest(path.as_str(), paths))
    {
        Some(near) => failure.hint(format!("did you mean `/{near}`?")),
        None => failure.hint("`ls` lists what is in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tree::Entry;

    fn path(text: &str) -> ImagePath {
        text.parse().unwrap()
    }

    fn needed(by: &str, how: &str) -> Origin {
        Origin::Needed {
            by: path(by),
            how: how.to_owned(),
        }
    }

    fn image() -> FileTree {
        let copied = Origin::Copied {
            table: "copy.tools".to_owned(),
            name: "parted".to_owned(),
        };
        let mut tree = FileTree::default();
        let mut add = |at: &str, entry| tree.add(path(at), entry).unwrap();
        add(
            "lib",
            Entry::symlink("usr/lib", needed("usr/lib/x.so", "link on the way")),
        );
        add("usr/sbin/parted", Entry::file("p", true, copied));
        add(
            "usr/lib/x.so",
            Entry::symlink("x.so.1", needed("usr/sbin/parted", "library x.so")),
        );
        add(
            "usr/lib/x.so.1",
            Entry::file("x", false, needed("usr/lib/x.so", "target")),
        );
        tree.fill_parents(0o755);
        tree
    }

    fn told(tree: &FileTree, at: &str) -> Vec<String> {
        let chain = chain(tree, &path(at)).unwrap();
        chain.iter().map(|reason| reason.path.to_string()).collect()
    }

    #[test]
    fn the_chain_ends_at_what_was_asked_for() {
        let tree = image();
        let whole = ["/usr/lib/x.so.1", "/usr/lib/x.so", "/usr/sbin/parted"];
        assert_eq!(told(&tree, "/usr/lib/x.so.1"), whole);
        assert_eq!(told(&tree, "/lib/x.so.1"), whole);
        assert_eq!(told(&tree, "/usr")[1..], whole[1..]);
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let failure = chain(&image(), &path("/sbin/parted")).unwrap_err();
        assert!(failure.what.contains("/sbin/parted"), "{failure}");
        let hint = failure.hint.as_deref().unwrap_or_default();
        assert!(hint.contains("/usr/sbin/parted"));
    }

    #[test]
    fn reasons_in_a_circle_end() {
        let mut tree = FileTree::default();
        for (at, by) in [("a", "b"), ("b", "a")] {
            tree.add(path(at), Entry::file("", false, needed(by, "library")))
                .unwrap();
        }
        assert_eq!(told(&tree, "a"), ["/a", "/b"]);
    }
}
