//! Images for tests.

use super::Image;
use crate::image::compress::{Compression, Filter, Shape};
use crate::image::newc;
use crate::image::segments::{self, Limits};
use crate::image::tree::{Entry, FileTree, Origin};

/// An image of files, by way of a packed archive.
pub(crate) fn image(files: &[(&str, &str)]) -> Image {
    let made = || Origin::Generated {
        what: "test".to_owned(),
    };
    let mut tree = FileTree::default();
    for (path, contents) in files {
        let entry = match contents.strip_prefix("-> ") {
            Some(target) => Entry::symlink(target, made()),
            None => Entry::file(*contents, false, made()),
        };
        tree.add(path.parse().unwrap(), entry).unwrap();
    }
    tree.fill_parents(0o755);
    of_tree(&tree)
}

/// An image of a tree.
pub(crate) fn of_tree(tree: &FileTree) -> Image {
    let mut plain = Vec::new();
    newc::write(tree, 0, &mut plain).unwrap();
    let shape = Shape {
        length: plain.len() as u64,
        filter: Filter::None,
        level: None,
    };
    let packed = Compression::Gzip
        .encode(shape, &*plain, Vec::new())
        .unwrap();
    Image {
        name: "test".to_owned(),
        length: packed.len() as u64,
        archive: segments::read("test", packed, Limits::default()).unwrap(),
        ..Image::default()
    }
}
