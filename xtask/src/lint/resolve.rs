//! Where paths lead inside an image: links are followed, and never leave it.

use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node};

/// As many links as Linux follows (`path_resolution(7)`).
const LINKS: usize = 40;

/// Folders that are filled when the machine runs.
const AT_RUN_TIME: [&str; 5] = ["dev", "proc", "run", "sys", "tmp"];

/// What is at the end of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An entry that is no link.
    Entry(ImagePath, &'a Entry),
    /// The image's top folder.
    Top,
    /// Nothing yet: it is where things appear at run time.
    RunTime,
    /// Nothing.
    Nothing,
    /// A link that leads in circles.
    Circle,
}

impl<'a> Found<'a> {
    /// The file, if it is one.
    pub(super) fn file(self) -> Option<(ImagePath, &'a Entry)> {
        match self {
            Self::Entry(path, entry) if matches!(entry.node, Node::File(_)) => Some((path, entry)),
            _ => None,
        }
    }
}

/// Follows a path from the image's top.
pub(super) fn resolve<'a>(tree: &'a FileTree, path: &str) -> Found<'a> {
    from(tree, Vec::new(), path)
}

/// Follows the target of a link that is at `link`.
pub(super) fn target<'a>(tree: &'a FileTree, link: &ImagePath, target: &str) -> Found<'a> {
    let folder = link.parent().map(|parent| components(parent.as_str()));
    match folder {
        // The folder itself may be reached by links only from outside; here its path is its own.
        Some(folder) if !target.starts_with('/') => from(tree, folder, target),
        _ => from(tree, Vec::new(), target),
    }
}

fn components(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .map(str::to_owned)
        .collect()
}

fn from<'a>(tree: &'a FileTree, mut at: Vec<String>, path: &str) -> Found<'a> {
    let mut todo = components(path);
    todo.reverse();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(part);
        let Some(entry) = entry(tree, &at) else {
            return absent(&at);
        };
        if let Node::Symlink { target } = &entry.node {
            links += 1;
            if links > LINKS {
                return Found::Circle;
            }
            at.pop();
            if target.starts_with('/') {
                at.clear();
            }
            todo.extend(components(target).into_iter().rev());
        } else if !todo.is_empty() && entry.node != Node::Directory {
            return Found::Nothing;
        }
    }
    let Ok(path) = at.join("/").parse::<ImagePath>() else {
        return Found::Top;
    };
    match tree.get(&path) {
        Some(entry) => Found::Entry(path, entry),
        None => absent(&at),
    }
}

fn entry<'a>(tree: &'a FileTree, at: &[String]) -> Option<&'a Entry> {
    tree.get(&at.join("/").parse().ok()?)
}

fn absent<'a>(at: &[String]) -> Found<'a> {
    let first = at.first().map(String::as_str);
    if first.is_some_and(|first| AT_RUN_TIME.contains(&first)) {
        Found::RunTime
    } else {
        Found::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::image;
    use super::*;

    #[test]
    fn links_are_followed_inside_the_image_only() {
        let tree = image(&[
            ("/bin", "-> usr/bin"),
            ("/usr/bin/busybox", "x"),
            ("/usr/bin/sh", "-> /bin/busybox"),
            ("/out", "-> ../../../../usr/bin/sh"),
            ("/a", "-> b"),
            ("/b", "-> a"),
            ("/mtab", "-> proc/self/mounts"),
        ]);
        for path in ["/bin/sh", "bin//./sh", "/out", "/usr/../bin/busybox"] {
            let (found, _) = resolve(&tree, path).file().unwrap();
            assert_eq!(found.to_string(), "/usr/bin/busybox", "{path}");
        }
        assert_eq!(resolve(&tree, "/a"), Found::Circle);
        assert_eq!(resolve(&tree, "/mtab"), Found::RunTime);
        assert_eq!(resolve(&tree, "/bin/busybox/x"), Found::Nothing);
        assert_eq!(resolve(&tree, "/.."), Found::Top);
    }

    #[test]
    fn links_that_multiply_end_soon() {
        // Each link doubles what is left to be walked: bounded by the number of links.
        let tree = image(&[("/a", "-> a/a/a/a/a/a/a/a")]);
        assert_eq!(resolve(&tree, "/a"), Found::Circle);
    }
}
